"""Who may see what is known of a table, and who may have it loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import AuthResult, Context, DataDict


@tk.auth_allow_anonymous_access
def ogptn_table_show(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Who may see the resource."""
    tk.check_access("resource_show", tk.fresh_context(context), {"id": (data_dict or {}).get("resource_id")})
    return {"success": True}


def ogptn_table_load(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Who may change the resource."""
    tk.check_access("resource_update", tk.fresh_context(context), {"id": (data_dict or {}).get("resource_id")})
    return {"success": True}


def get_auth_functions() -> dict[str, Callable[..., Any]]:
    """The functions by the name of their action."""
    return {"ogptn_table_show": ogptn_table_show, "ogptn_table_load": ogptn_table_load}
