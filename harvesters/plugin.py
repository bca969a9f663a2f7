"""The ``ogptn_harvest`` plugin: wiring only."""

from __future__ import annotations

import ckan.plugins as p


class OgptnHarvestPlugin(p.SingletonPlugin):
    """Harvests other catalogues into this one."""
