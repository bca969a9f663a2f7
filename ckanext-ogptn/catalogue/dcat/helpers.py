"""What templates ask of the linked data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk

from . import views


def site_url() -> str:
    """Where the site is, without a slash at the end."""
    return str(tk.config["ckan.site_url"]).rstrip("/")


def get_helpers() -> dict[str, Callable[..., Any]]:
    """The helpers by name."""
    return {"ogptn_site_url": site_url, "ogptn_structured_data": views.structured_data}
