"""The ``ogptn_search`` plugin: wiring only."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from . import seam


@tk.blanket.cli
@tk.blanket.config_declarations
class OgptnSearchPlugin(p.SingletonPlugin):
    """Answers CKAN's dataset search from PostgreSQL."""

    p.implements(p.IConfigurer)
    p.implements(p.ISignal)

    # IConfigurer

    def update_config(self, config: Any) -> None:  # noqa: ARG002 - CKAN's
        seam.install()

    # ISignal

    def get_signal_subscriptions(self) -> dict[Any, Any]:
        """No signal is wanted. CKAN asks at loading and, to disconnect, at unloading: the one moment at which a plugin learns of that."""
        if not p.plugin_loaded("ogptn_search"):
            seam.remove()
        return {}
