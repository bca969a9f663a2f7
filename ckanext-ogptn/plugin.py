"""The ``ogptn`` plugin: wiring only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.common import CKANConfig

from ckanext.ogptn.seed import cli as seed_cli  # pyright: ignore[reportMissingImports]

from .catalogue import form_helpers, form_views, theme_helpers


class OgptnPlugin(p.SingletonPlugin):
    """Dataset types, vocabularies, languages, theme and pages of the open-government portal."""

    p.implements(p.IClick)
    p.implements(p.IConfigurer)
    p.implements(p.ISignal)
    p.implements(p.ITemplateHelpers)

    # IClick
    def get_commands(self) -> list[click.Command]:
        return seed_cli.get_commands()

    # IConfigurer
    def update_config(self, config: CKANConfig) -> None:
        tk.add_template_directory(config, "templates")
        tk.add_public_directory(config, "assets/public")
        tk.add_resource("assets", "ogptn")
        tk.add_resource("assets/forms", "ogptn-forms")
        theme_helpers.configure(config)

    # ITemplateHelpers
    def get_helpers(self) -> dict[str, Callable[..., Any]]:
        return {**theme_helpers.get_helpers(), **form_helpers.get_helpers()}

    # ISignal
    def get_signal_subscriptions(self) -> dict[Any, Any]:
        return {tk.signals.register_blueprint: [{"sender": "dataset", "receiver": form_views.add_rules}]}
