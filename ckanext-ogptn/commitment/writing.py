"""Writing several commitments in one transaction through CKAN's own actions."""

from __future__ import annotations

import copy
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context


def save(record: dict[str, Any], context: Context, *, new: bool) -> str:
    """Create or update a commitment without committing; the caller commits and then indexes.

    CKAN's ``package_update`` undoes a write that is not to be committed at once, unless only the id is asked for; and it then forgets to
    say that something changed, on which the activity depends.

    :returns: the id
    :raises ValidationError: CKAN refuses the record
    :raises NotAuthorized: the caller may not write it
    """
    own: Any = {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj"), "defer_commit": True, "return_id_only": True}
    if context.get("ignore_auth"):
        own["ignore_auth"] = True
    if not new:
        own["changed_entities"] = {"packages": {record["id"]}}
    return tk.get_action("package_create" if new else "package_update")(own, copy.deepcopy(record))
