"""The settings, typed."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ..catalogue.config import allowed_hosts as allowed_hosts
from .limits import Limits


def enabled() -> bool:
    """Whether files are loaded without being asked for, once they are added or changed."""
    return tk.asbool(tk.config.get("ogptn.tables.enabled", True)) and datastore()


def datastore() -> bool:
    """Whether the site has a DataStore."""
    from ckan.plugins import plugin_loaded

    return plugin_loaded("datastore")


def limits() -> Limits:
    """What one file may cost."""
    return Limits(
        max_bytes=tk.asint(tk.config.get("ogptn.tables.max_bytes", 1_000_000_000)),
        max_columns=tk.asint(tk.config.get("ogptn.tables.max_columns", 1_000)),
        max_cells=tk.asint(tk.config.get("ogptn.tables.max_cells", 20_000_000)),
    )


def fetch_seconds() -> int:
    """How long fetching one file may take altogether, in seconds."""
    return tk.asint(tk.config.get("ogptn.tables.fetch_seconds", 900))
