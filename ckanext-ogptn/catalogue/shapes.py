"""The shape of what is sent, before CKAN's validation, which answers a text where it expects rows with an error that names nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from . import rules

_CORE_GROUPS = ("resources", "extras", "tags", "groups")


def problems(data_dict: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that should hold rows and hold something else.

    :returns: ``{field: [message]}``, for files ``{"resources": [{field: [message]}]}``
    """
    groups = {field["field_name"] for field in schema.get("dataset_fields", ()) if "repeating_subfields" in field}
    found: dict[str, Any] = {name: [rules.message("not-group")] for name in (*groups, *_CORE_GROUPS) if not _is_rows(data_dict.get(name))}
    in_files = [field["field_name"] for field in schema.get("resource_fields", ()) if "repeating_subfields" in field]
    if "resources" not in found and data_dict.get("resources"):
        per_file = [
            {name: [rules.message("not-group")] for name in in_files if not _is_rows(resource.get(name))}
            for resource in data_dict["resources"]
        ]
        if any(per_file):
            found["resources"] = per_file
    return found


def _is_rows(value: Any) -> bool:
    # Nothing, and a form's empty text, stand for no rows.
    return value is None or value == "" or (isinstance(value, list) and all(isinstance(row, Mapping) for row in value))


def _schema(data_dict: DataDict) -> Mapping[str, Any]:
    kind = data_dict.get("type")
    if not kind and data_dict.get("id"):
        package = model.Package.get(str(data_dict["id"]))
        kind = package.type if package is not None else None
    if not p.plugin_loaded("scheming_datasets"):
        return {}
    try:
        return tk.get_action("scheming_dataset_schema_show")({"ignore_auth": True}, {"type": kind or "dataset"})
    except tk.ObjectNotFound:
        return {}


def _checked(up_func: Callable[..., Any], action: str, context: Context, data_dict: DataDict) -> Any:
    wrong = problems(data_dict, _schema(data_dict))
    if wrong:
        tk.check_access(action, context, data_dict)
        raise tk.ValidationError(wrong)
    for name in [name for name, value in data_dict.items() if value == "" and name in _CORE_GROUPS]:
        del data_dict[name]
    return up_func(context, data_dict)


@tk.chained_action
def package_create(up_func: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """CKAN's, after the shape of the record was checked.

    :raises ValidationError: a field that holds rows of fields was sent something else
    """
    return _checked(up_func, "package_create", context, data_dict)


@tk.chained_action
def package_update(up_func: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """CKAN's, after the shape of the record was checked.

    :raises ValidationError: a field that holds rows of fields was sent something else
    """
    return _checked(up_func, "package_update", context, data_dict)


# They look at what is sent and do nothing else, so that whoever writes by another way than CKAN's actions (the harvest engine) can ask them
# alone, with a function of its own in the place of CKAN's.
for _function in (package_create, package_update):
    setattr(_function, "checks_only", True)  # noqa: B010 - a function has no such attribute for the type checker


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {"package_create": package_create, "package_update": package_update}
