"""Who may open, fill, review and see reporting rounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict

from ..config import coordinator_organization
from .model import RoundItem


def coordinates(context: Context) -> bool:
    """Whether the caller is an editor or administrator of the coordinating organisation, or a system administrator."""
    user = context.get("user")
    if context.get("ignore_auth"):
        return True
    if not user:
        return False
    if authz.is_sysadmin(user):
        return True
    group = model.Group.get(coordinator_organization())
    return group is not None and authz.has_user_permission_for_group_or_org(group.id, user, "update_dataset")


def user_id(context: Context) -> str | None:
    """The id of the caller; None for nobody who is known."""
    user = model.User.get(context.get("user") or "")
    return user.id if user is not None else None


def _coordinator(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    if coordinates(context):
        return {"success": True}
    return {"success": False, "msg": tk._("Only the coordinators of the action plan may do this.")}


def _of_agency(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Coordinators, and whoever may change the commitment."""
    if coordinates(context):
        return {"success": True}
    item = model.Session.get(RoundItem, str((data_dict or {}).get("id") or ""))
    user = context.get("user")
    if item is not None and user:
        try:
            tk.check_access("package_update", {"user": user}, {"id": item.package_id})
            return {"success": True}
        except tk.NotAuthorized:
            pass
    return {"success": False, "msg": tk._("Only editors of the responsible agency may do this.")}


def _of_some_agency(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Coordinators, and whoever may change one of the round's commitments."""
    if coordinates(context):
        return {"success": True}
    user = context.get("user") or ""
    query = model.Session.query(RoundItem.package_id).filter_by(round_id=str((data_dict or {}).get("id") or ""))
    for (package_id,) in query if user else ():
        try:
            tk.check_access("package_update", {"user": user}, {"id": package_id})
            return {"success": True}
        except tk.NotAuthorized:
            continue
    return {"success": False, "msg": tk._("None of the round’s commitments is your agency’s.")}


@tk.auth_allow_anonymous_access
def ogptn_commitment_round_list(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody: that a round is open and who is late is public."""
    return {"success": True}


@tk.auth_allow_anonymous_access
def ogptn_commitment_round_show(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody; what is written in a report that is not accepted yet is not in the answer."""
    return {"success": True}


def get_auth_functions() -> dict[str, Callable[..., Any]]:
    """The functions by the name of their action."""
    return {
        "ogptn_commitment_round_close": _coordinator,
        "ogptn_commitment_round_item_save": _of_agency,
        "ogptn_commitment_round_item_show": _of_agency,
        "ogptn_commitment_round_list": ogptn_commitment_round_list,
        "ogptn_commitment_round_open": _coordinator,
        "ogptn_commitment_round_remind": _coordinator,
        "ogptn_commitment_round_review": _coordinator,
        "ogptn_commitment_round_show": ogptn_commitment_round_show,
        "ogptn_commitment_round_workbook": _of_some_agency,
        "ogptn_commitment_round_workbook_import": _of_some_agency,
    }
