"""The plugin's options, read through typed functions. Declared in ``config_declaration.yaml`` beside this file."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

URL = "ogptn.search.url"
TIMEOUT = "ogptn.search.statement_timeout"
CACHE = "ogptn.search.cache_megabytes"


def database_url() -> str:
    """Address of the PostgreSQL that keeps the index: the option's, else CKAN's own."""
    return str(tk.config.get(URL) or tk.config["sqlalchemy.url"])


def statement_timeout() -> float:
    """Seconds that one search may take."""
    return float(tk.config.get(TIMEOUT) or 5)


def cache_bytes() -> int:
    """Bytes of postings that one process keeps in memory."""
    return int(tk.config.get(CACHE) or 128) << 20
