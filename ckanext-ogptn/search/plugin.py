"""The ``ogptn_search`` plugin: wiring only."""

from __future__ import annotations

import ckan.plugins as p


class OgptnSearchPlugin(p.SingletonPlugin):
    """Answers CKAN's dataset search from PostgreSQL."""
