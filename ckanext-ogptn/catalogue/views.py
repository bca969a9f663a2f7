"""The pages that a public service owes its readers: how it can be used by everyone, and what it keeps about them."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import Blueprint

blueprint = Blueprint("ogptn_pages", __name__)


def accessibility() -> str:
    """How these pages can be used, and what does not work yet."""
    return tk.render("og/accessibility.html")


def privacy() -> str:
    """What the site keeps about those who read it and those who work on it."""
    return tk.render("og/privacy.html")


blueprint.add_url_rule("/accessibility", view_func=accessibility)
blueprint.add_url_rule("/privacy", view_func=privacy)
