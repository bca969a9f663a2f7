"""Which EU data theme a record of energy or mines is filed under."""

from __future__ import annotations

from collections.abc import Iterable

_THEMES = {
    "oil": "ENER",
    "gas": "ENER",
    "electricity": "ENER",
    "renewables": "ENER",
    "mining": "ECON",
    "quarrying": "ECON",
    "salt": "ECON",
}


def of_sectors(sectors: Iterable[str]) -> list[str]:
    """Themes of sectors, each once: ``["oil", "gas", "mining"]`` is ``["ENER", "ECON"]``. A sector that says nothing has none.

    Filing of this catalogue: the EU's list of data themes knows energy, and no mines.

    :param sectors: codes of the vocabulary ``sectors``
    """
    return list(dict.fromkeys(_THEMES[sector] for sector in sectors if sector in _THEMES))
