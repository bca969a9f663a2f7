"""The ``ogptn_harvest`` plugin: wiring only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.common import CKANConfig
from flask import Blueprint

from ckanext.ogptn.tables.access import known_by

from .engine import access, actions, auth, cli
from .pages import helpers, views


@tk.blanket.config_declarations
class OgptnHarvestPlugin(p.SingletonPlugin):
    """Harvests other catalogues into this one."""

    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IClick)
    p.implements(p.IConfigurer)
    p.implements(p.ITemplateHelpers)

    # IActions
    def get_actions(self) -> dict[str, Callable[..., Any]]:
        return actions.get_actions()

    # IAuthFunctions
    def get_auth_functions(self) -> dict[str, Callable[..., Any]]:
        return auth.get_auth_functions()

    # IBlueprint
    def get_blueprint(self) -> list[Blueprint]:
        # The pages stand on the forms and the look of the portal; without it sources are managed by commands and the API.
        return [views.blueprint] if p.plugin_loaded("ogptn") else []

    # IClick
    def get_commands(self) -> list[click.Command]:
        return [cli.harvest]

    # IConfigurer
    def update_config(self, config: CKANConfig) -> None:
        known_by(access.of)
        if p.plugin_loaded("ogptn"):
            tk.add_template_directory(config, "templates")
            tk.add_resource("assets", "ogptn-harvest")

    # ITemplateHelpers
    def get_helpers(self) -> dict[str, Callable[..., Any]]:
        return helpers.get_helpers()
