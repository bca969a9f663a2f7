"""The ``ogptn_harvest`` plugin: wiring only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click

from .engine import actions, auth, cli


@tk.blanket.config_declarations
class OgptnHarvestPlugin(p.SingletonPlugin):
    """Harvests other catalogues into this one."""

    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IClick)

    # IActions
    def get_actions(self) -> dict[str, Callable[..., Any]]:
        return actions.get_actions()

    # IAuthFunctions
    def get_auth_functions(self) -> dict[str, Callable[..., Any]]:
        return auth.get_auth_functions()

    # IClick
    def get_commands(self) -> list[click.Command]:
        return [cli.harvest]
