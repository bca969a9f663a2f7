"""Names of the fields that dataset types describe: no extra may have one of them."""

from __future__ import annotations

from functools import cache

import ckan.plugins.toolkit as tk


@cache
def dataset_fields() -> set[str]:
    """Of all types; empty where ckanext-scheming is not loaded."""
    try:
        types = tk.get_action("scheming_dataset_schema_list")({"ignore_auth": True}, {})
    except KeyError:
        return set()
    schemas = [tk.get_action("scheming_dataset_schema_show")({"ignore_auth": True}, {"type": each}) for each in types]
    return {field["field_name"] for schema in schemas for field in schema["dataset_fields"]}
