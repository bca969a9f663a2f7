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
    p.implements(p.IPluginObserver)

    # IConfigurer

    def update_config(self, config: Any) -> None:
        seam.install()

    # IPluginObserver

    def before_load(self, plugin: Any) -> None:
        pass

    def after_load(self, service: Any) -> None:
        if service is self:
            seam.install()

    def before_unload(self, plugin: Any) -> None:
        if plugin is self:
            seam.remove()

    def after_unload(self, service: Any) -> None:
        pass
