"""Sectors and the themes they are filed under."""

from __future__ import annotations

import pytest

from ckanext.ogptn.catalogue import vocabulary
from ckanext.ogptn.extractive import themes


@pytest.mark.parametrize(
    ("sectors", "expected"),
    [(["oil", "gas"], ["ENER"]), (["mining", "oil", "salt"], ["ECON", "ENER"]), (["other"], []), ([], [])],
)
def test_of_sectors(sectors: list[str], expected: list[str]) -> None:
    assert themes.of_sectors(sectors) == expected


def test_every_sector_is_filed_but_other_and_every_theme_is_one() -> None:
    filed = {term.code: themes.of_sectors([term.code]) for term in vocabulary.get("sectors")}
    assert [code for code, found in filed.items() if not found] == ["other"]
    known = vocabulary.get("data_themes")
    assert all(known.find(theme) for found in filed.values() for theme in found)
