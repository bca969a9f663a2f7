"""Asking for a table from the resource's page."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import Blueprint
from werkzeug.wrappers import Response

blueprint = Blueprint("ogptn_tables", __name__)


def load(resource_id: str) -> Response:
    """Have the worker read a file again."""
    try:
        resource = tk.get_action("resource_show")({}, {"id": resource_id})
        tk.get_action("ogptn_table_load")({}, {"resource_id": resource_id})
        tk.h.flash_success(tk._("The file will be read again shortly."))
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("There is no such file."))
    except tk.NotAuthorized:
        return tk.abort(403, tk._("Only those who may change the file can have it read again."))
    except tk.ValidationError:
        return tk.abort(409, tk._("This site has no DataStore: tables cannot be loaded."))
    package = tk.get_action("package_show")({}, {"id": resource["package_id"]})
    address = tk.url_for(f"{package['type']}_resource.read", id=package["name"], resource_id=resource_id, _anchor="table")
    return tk.redirect_to(address)


blueprint.add_url_rule("/table/<resource_id>/load", view_func=load, methods=["POST"])
