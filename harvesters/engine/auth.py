"""Who may do what with harvest sources: system administrators everything (CKAN lets them through before it asks), administrators of an
organisation what concerns its sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.authz as authz
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import AuthResult, Context, DataDict

from .model import HarvestRecord, Job, Source, record_number


def _of_organization(context: Context, owner_org: str | None) -> AuthResult:
    group = model.Group.get(owner_org) if owner_org else None
    if group is not None and authz.has_user_permission_for_group_or_org(group.id, context.get("user"), "admin"):
        return {"success": True}
    return {"success": False, "msg": tk._("Only administrators of the organisation may manage its harvest sources.")}


def _of_source(context: Context, source_id: Any) -> AuthResult:
    source = Source.get(source_id) if isinstance(source_id, str) else None
    return _of_organization(context, source.owner_org if source else None)


def ogptn_harvest_source_create(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Administrators of the organisation that the source is for; of any, while it is not known yet."""
    owner = (data_dict or {}).get("owner_org")
    if owner:
        return _of_organization(context, owner)
    user = model.User.get(str(context.get("user") or ""))
    return {"success": bool(user and user.get_group_ids("organization", "admin"))}


def _source(context: Context, data_dict: DataDict | None) -> AuthResult:
    return _of_source(context, (data_dict or {}).get("id"))


def ogptn_harvest_source_update(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Administrators of its organisation, and of the one that it is given to."""
    data = data_dict or {}
    allowed = _of_source(context, data.get("id"))
    if allowed.get("success") and data.get("owner_org"):
        return _of_organization(context, data["owner_org"])
    return allowed


def ogptn_harvest_source_list(context: Context, data_dict: DataDict | None) -> AuthResult:  # noqa: ARG001
    """Everybody who is signed in: the list holds what the caller may manage."""
    return {"success": bool(context.get("user"))}


def ogptn_harvest_source_check(context: Context, data_dict: DataDict | None) -> AuthResult:
    """As for making a source, or for changing the one named."""
    data = data_dict or {}
    return ogptn_harvest_source_update(context, data) if data.get("id") else ogptn_harvest_source_create(context, data)


def _job(context: Context, data_dict: DataDict | None) -> AuthResult:
    job = model.Session.get(Job, str((data_dict or {}).get("id") or ""))
    return _of_source(context, job.source_id if job else None)


def _of_named_source(context: Context, data_dict: DataDict | None) -> AuthResult:
    return _of_source(context, (data_dict or {}).get("source_id"))


def _record(context: Context, data_dict: DataDict | None) -> AuthResult:
    number = record_number((data_dict or {}).get("id"))
    row = model.Session.get(HarvestRecord, number) if number is not None else None
    return _of_source(context, row.source_id if row else None)


def ogptn_harvest_issue_list(context: Context, data_dict: DataDict | None) -> AuthResult:
    """As for the job."""
    return _job(context, {"id": (data_dict or {}).get("job_id")})


def get_auth_functions() -> dict[str, Callable[..., Any]]:
    """The functions by the name of their action."""
    return {
        "ogptn_harvest_source_create": ogptn_harvest_source_create,
        "ogptn_harvest_source_show": _source,
        "ogptn_harvest_source_update": ogptn_harvest_source_update,
        "ogptn_harvest_source_delete": _source,
        "ogptn_harvest_source_list": ogptn_harvest_source_list,
        "ogptn_harvest_source_check": ogptn_harvest_source_check,
        "ogptn_harvest_preview": ogptn_harvest_source_check,
        "ogptn_harvest_job_create": _of_named_source,
        "ogptn_harvest_job_show": _job,
        "ogptn_harvest_job_list": _of_named_source,
        "ogptn_harvest_job_cancel": _job,
        "ogptn_harvest_job_decide": _job,
        "ogptn_harvest_job_restore": _job,
        "ogptn_harvest_record_list": _of_named_source,
        "ogptn_harvest_record_show": _record,
        "ogptn_harvest_record_restore": _record,
        "ogptn_harvest_issue_list": ogptn_harvest_issue_list,
    }
