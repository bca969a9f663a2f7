"""The ``ogptn`` plugin: wiring only."""

from __future__ import annotations

import ckan.plugins as p


class OgptnPlugin(p.SingletonPlugin):
    """Dataset types, vocabularies, languages, theme and pages of the open-government portal."""
