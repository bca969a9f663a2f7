"""The engine's options, read through typed functions. Declared in ``config_declaration.yaml`` of the plugin."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

PREFIX = "ogptn.harvest."
#: The environment variables that a source may name for its credentials: no other secret of the site can be sent anywhere.
AUTH_PREFIX = "OGPTN_HARVEST_"


def number(name: str) -> int:
    """An option that is a whole number: ``number("batch_size")``."""
    return int(tk.config[PREFIX + name])


def queue() -> str:
    return str(tk.config.get(PREFIX + "queue") or "default")


def allowed_hosts() -> tuple[str, ...]:
    return tuple(tk.aslist(tk.config.get(PREFIX + "allowed_hosts")))


def mail() -> bool:
    return tk.asbool(tk.config.get(PREFIX + "mail"))


def limit(limits: dict[str, Any], name: str, option: str) -> int:
    """A source's own limit, else the site's."""
    value = limits.get(name)
    return number(option) if value is None or value == "" else int(value)
