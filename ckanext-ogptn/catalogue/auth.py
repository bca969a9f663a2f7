"""Who may read and change the vocabularies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import AuthResult, Context, DataDict


@tk.auth_allow_anonymous_access
def ogptn_vocabulary_list(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody: records cannot be read without the meaning of their codes."""
    return {"success": True}


@tk.auth_allow_anonymous_access
def ogptn_vocabulary_show(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody."""
    return {"success": True}


def ogptn_vocabulary_term_update(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """System administrators, whom CKAN lets through before it asks."""
    return {"success": False, "msg": tk._("Only system administrators may change the vocabularies.")}


def ogptn_vocabulary_term_delete(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """System administrators."""
    return {"success": False, "msg": tk._("Only system administrators may change the vocabularies.")}


def get_auth_functions() -> dict[str, Callable[..., Any]]:
    """The functions by the name of their action."""
    return {
        "ogptn_vocabulary_list": ogptn_vocabulary_list,
        "ogptn_vocabulary_show": ogptn_vocabulary_show,
        "ogptn_vocabulary_term_delete": ogptn_vocabulary_term_delete,
        "ogptn_vocabulary_term_update": ogptn_vocabulary_term_update,
    }
