"""Who may do what with the linked data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import AuthResult, Context, DataDict


def ogptn_dcat_refresh(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """System administrators, whom CKAN lets through before it asks."""
    return {"success": False, "msg": tk._("Only system administrators may have the linked data written again.")}


def get_auth_functions() -> dict[str, Callable[..., Any]]:
    """The functions by the name of their action."""
    return {"ogptn_dcat_refresh": ogptn_dcat_refresh}
