"""Who may read, change, review and import what belongs to the commitments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import AuthResult, Context, DataDict


def _refused(message: str) -> AuthResult:
    return {"success": False, "msg": message}


def ogptn_commitment_report_preview(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """System administrators: a preview shows the contacts that the document holds."""
    return _refused(tk._("Only system administrators may import a report."))


def ogptn_commitment_report_import(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """System administrators: a report writes commitments of every agency."""
    return _refused(tk._("Only system administrators may import a report."))


@tk.auth_allow_anonymous_access
def ogptn_commitment_report_show(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody; it holds the commitments that the caller may see, and contacts only of those that the caller may change."""
    return {"success": True}


def get_auth_functions() -> dict[str, Callable[..., Any]]:
    """The functions by the name of their action."""
    return {
        "ogptn_commitment_report_import": ogptn_commitment_report_import,
        "ogptn_commitment_report_preview": ogptn_commitment_report_preview,
        "ogptn_commitment_report_show": ogptn_commitment_report_show,
    }
