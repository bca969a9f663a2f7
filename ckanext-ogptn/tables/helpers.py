"""What the resource's page shows of its table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk

from . import download
from .model import NONE


def ogptn_table(resource: dict[str, Any]) -> dict[str, Any] | None:
    """What is known of a file's table, as ``ogptn_table_show`` answers it; None where there is nothing to show. A page asks in several
    places, and is answered once."""
    known: dict[str, dict[str, Any] | None] = tk.g.setdefault("ogptn_tables", {})
    if resource["id"] not in known:
        try:
            shown = tk.get_action("ogptn_table_show")({}, {"resource_id": resource["id"]})
        except (tk.NotAuthorized, tk.ObjectNotFound):
            shown = None
        known[resource["id"]] = shown if shown and shown["state"] != NONE else None
    return known[resource["id"]]


def ogptn_table_formats(rows: int | None) -> list[str]:
    """The formats in which a table of so many rows can be downloaded."""
    return [name for name in download.formats() if name != "xlsx" or (rows or 0) < download.SHEET_ROWS]


def get_helpers() -> dict[str, Callable[..., Any]]:
    """The helpers by name."""
    return {"ogptn_table": ogptn_table, "ogptn_table_formats": ogptn_table_formats}
