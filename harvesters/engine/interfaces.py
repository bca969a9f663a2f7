"""How other extensions add kinds of source."""

from __future__ import annotations

import ckan.plugins as p

from .base import Backend


class IHarvestBackends(p.Interface):
    """A plugin that brings backends of its own, outside of ``harvesters/``."""

    def get_harvest_backends(self) -> list[type[Backend]]:
        """Subclasses of `Backend` with names that no other has."""
        return []
