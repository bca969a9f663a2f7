"""Who may see the quality of the metadata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import AuthResult, Context, DataDict


@tk.auth_allow_anonymous_access
def ogptn_quality_show(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Who may see the dataset."""
    tk.check_access("package_show", tk.fresh_context(context), {"id": (data_dict or {}).get("id")})
    return {"success": True}


@tk.auth_allow_anonymous_access
def ogptn_quality_summary(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody: it counts public datasets only."""
    return {"success": True}


def get_auth_functions() -> dict[str, Callable[..., Any]]:
    """The functions by the name of their action."""
    return {"ogptn_quality_show": ogptn_quality_show, "ogptn_quality_summary": ogptn_quality_summary}
