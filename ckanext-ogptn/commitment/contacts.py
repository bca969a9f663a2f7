"""Names, telephones and e-mails of officials: for signed-in editors of the commitment, for nobody else.

They arrive with the commitment (field ``responsible_contacts``) and are checked with it, but are taken out before CKAN stores the
record and live in a table of their own. ``package_show`` adds them for a caller who may change the commitment; CKAN makes its index, its
activities and its exports from the record itself, which never holds them.

A record that is sent without the field keeps the contacts that it has: what is read without the right to see them can be written back.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from .model import CommitmentContacts

FIELD = "responsible_contacts"
REVISION = "contacts_revision"
_GIVEN = ("__ogptn_contacts_given",)
_TAKEN = "__ogptn_contacts"


def note_given(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
    """Before the fields: remember whether contacts were sent at all, even if only a blank row or an empty list."""
    extras = data.get(("__extras",))
    # Only this validator may set it.
    data.pop(_GIVEN, None)
    if any(other[0] == FIELD for other in data) or (isinstance(extras, Mapping) and FIELD in extras):
        data[_GIVEN] = True


def take_out(data: FlattenDataDict, context: Context) -> str | None:
    """After the fields: move the checked contacts from the record to where `save` finds them.

    :returns: a random mark that changes with the contacts. It is stored with the record because CKAN does not write a record in which
        nothing changed, and so would never call `save`; it tells nothing of the contacts themselves.
    """
    given = data.pop(_GIVEN, False)
    rows = sorted({key[:2] for key in data if key[0] == FIELD and len(key) > 2})
    sent = [{key[-1]: value for key, value in data.items() if key[:2] == row} for row in rows]
    for key in [key for key in data if key[0] == FIELD]:
        del data[key]
    package = context.get("package")
    stored = CommitmentContacts.of(package.id) if package is not None else []
    revision = (package.extras or {}).get(REVISION) if package is not None else None
    if not given or sent == stored:
        return revision
    data[(_TAKEN,)] = sent
    return secrets.token_hex(8)


def save(data: dict[str, Any]) -> None:
    """Once CKAN has written the record: write its contacts, in the same transaction.

    :param data: the validated record with its ``id``
    """
    if _TAKEN in data:
        CommitmentContacts.replace(data["id"], data.pop(_TAKEN))


def may_see(context: Context, package_id: str) -> bool:
    """Whether the caller is a signed-in person who may change the commitment. Code that runs past authorisation is not a person."""
    user = context.get("user")
    if context.get("ignore_auth") or not user or model.User.get(user) is None:
        return False
    try:
        # With a context of its own: the caller's may hold another package or an authorisation already granted.
        tk.check_access("package_update", {"user": user}, {"id": package_id})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return False
    return True


def show(context: Context, package: dict[str, Any]) -> None:
    """Add the contacts to what ``package_show`` answers, for those who may see them; take them from everybody else."""
    hide(package)
    stored = CommitmentContacts.of(package["id"])
    if stored and may_see(context, package["id"]):
        package[FIELD] = stored


def hide(package: dict[str, Any]) -> None:
    """Remove contacts from a record, wherever they might stand."""
    package.pop(FIELD, None)
    if package.get("extras"):
        package["extras"] = [extra for extra in package["extras"] if extra.get("key") != FIELD]
