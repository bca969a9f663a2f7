"""Who may record, answer and read recommendations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict

from ..rounds.auth import coordinates
from .model import Recommendation


def _coordinator(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    if coordinates(context):
        return {"success": True}
    return {"success": False, "msg": tk._("Only the coordinators of the action plan may do this.")}


def answers_for(context: Context, organization_id: str | None) -> bool:
    """Whether the caller is an editor or administrator of an organisation."""
    user = context.get("user")
    return bool(user and organization_id and authz.has_user_permission_for_group_or_org(organization_id, user, "update_dataset"))


def ogptn_commitment_recommendation_update(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Coordinators; and editors of the organisation that is addressed, who may change the answer and the status and nothing else."""
    if coordinates(context):
        return {"success": True}
    found = model.Session.get(Recommendation, str((data_dict or {}).get("id") or ""))
    if found is not None and answers_for(context, found.organization_id):
        return {"success": True}
    return {"success": False, "msg": tk._("Only the coordinators and editors of the organisation that is addressed may do this.")}


@tk.auth_allow_anonymous_access
def ogptn_commitment_recommendation_show(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody: what was recommended and what was answered is public."""
    return {"success": True}


@tk.auth_allow_anonymous_access
def ogptn_commitment_recommendation_list(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody."""
    return {"success": True}


def get_auth_functions() -> dict[str, Callable[..., Any]]:
    """The functions by the name of their action."""
    return {
        "ogptn_commitment_recommendation_create": _coordinator,
        "ogptn_commitment_recommendation_delete": _coordinator,
        "ogptn_commitment_recommendation_list": ogptn_commitment_recommendation_list,
        "ogptn_commitment_recommendation_show": ogptn_commitment_recommendation_show,
        "ogptn_commitment_recommendation_update": ogptn_commitment_recommendation_update,
    }
