"""The settings that the catalogue reads, each through one typed function. Declared in ``config_declaration.yaml``."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from .text import LANGUAGES


def default_language() -> str:
    """The language that titles and descriptions must be written in: ``ar``, ``fr`` or ``en``."""
    language = tk.config.get("ogptn.default_language") or "ar"
    return language if language in LANGUAGES else "ar"


def reader_language() -> str:
    """The language of the page being made, or the default one outside of a request or in a locale that is not ours."""
    try:
        language = tk.h.lang()
    except (RuntimeError, TypeError, AttributeError):
        return default_language()
    if not language:
        return default_language()
    return language if language in LANGUAGES else "en"
