"""Saving a dataset's form as a draft, checked before files are added, or published at once.

CKAN's own views know two ways: a new record always goes on to its files, and it is a draft until then. A draft may be incomplete, so
those views alone would let a steward walk on with an empty form and be told only at the very end.
"""

from __future__ import annotations

from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib import plugins as lib_plugins
from ckan.lib.navl.dictization_functions import DataError, unflatten
from ckan.logic import clean_dict, parse_params, tuplize_dict
from ckan.types import Context
from ckan.views.dataset import CreateView
from flask import Blueprint
from flask.typing import ResponseReturnValue

DRAFT, CONTINUE, PUBLISH = "draft", "continue", "publish"

#: What the form posts for the views' own sake.
_NOT_METADATA = ("save", "_ckan_phase", "pkg_name")


def _context() -> Context:
    return cast(Context, {"model": model, "session": model.Session, "user": tk.current_user.name, "auth_user_obj": tk.current_user})


def _errors_when_published(package_type: str, data: dict[str, Any], existing: str | None) -> dict[str, Any]:
    """What would stop ``data`` from being published. Writes nothing."""
    plugin = lib_plugins.lookup_package_plugin(package_type)
    context = _context()
    action = "package_update" if existing else "package_create"
    package = model.Package.get(existing) if existing else None
    if package:
        context["package"] = package
    schema = plugin.update_package_schema() if existing else plugin.create_package_schema()
    _validated, errors = lib_plugins.plugin_validate(plugin, context, {**data, "state": "active"}, schema, action)
    return errors


def save(package_type: str) -> ResponseReturnValue:
    """POST ``/<type>/new/save``: ``save`` says how: ``draft`` (may be incomplete), ``continue`` (complete, then files), ``publish``."""
    how = tk.request.form.get("save")
    if how not in (DRAFT, CONTINUE, PUBLISH):
        return tk.abort(400, tk._("The form does not say how to save it."))
    try:
        data = cast("dict[str, Any]", clean_dict(unflatten(tuplize_dict(parse_params(tk.request.form)))))
    except DataError:
        return tk.abort(400, tk._("The form could not be read."))
    existing = cast("str | None", data.get("pkg_name")) or None
    data = {key: value for key, value in data.items() if key not in _NOT_METADATA}
    data["type"] = package_type
    if existing:
        data["id"] = existing
    try:
        tk.check_access("package_update" if existing else "package_create", _context(), {"id": existing} if existing else data)
        if existing:
            stored = tk.get_action("package_show")(_context(), {"id": existing})
            if stored["state"] != "draft" or stored["type"] != package_type:
                return tk.abort(409, tk._("This record is published already: change it from its own page."))
            # What the form does not hold must survive it.
            data["resources"] = stored.get("resources", [])
        errors = _errors_when_published(package_type, data, existing) if how != DRAFT else {}
        if errors:
            raise tk.ValidationError(errors)
        context = _context()
        # As CKAN's own views of forms.
        context |= {"allow_state_change": True, "save": True}
        saved = tk.get_action("package_update" if existing else "package_create")(
            context, {**data, "state": "active" if how == PUBLISH else "draft"}
        )
    except tk.NotAuthorized:
        return tk.abort(403, tk._("You may not save this record."))
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("This record does not exist any more."))
    except tk.ValidationError as invalid:
        data["state"] = "draft" if existing else "none"
        return CreateView().get(package_type, data, cast("dict[str, Any]", invalid.error_dict), invalid.error_summary)
    return _after(how, package_type, saved)


def _after(how: str, package_type: str, saved: dict[str, Any]) -> ResponseReturnValue:
    if how == CONTINUE:
        return tk.redirect_to(f"{package_type}_resource.new", id=saved["name"])
    if how == DRAFT:
        tk.h.flash_success(tk._("The draft is saved. Nobody but the editors of your organisation sees it."))
        return tk.redirect_to(f"{package_type}.edit", id=saved["name"])
    tk.h.flash_success(tk._("The record is published."))
    return tk.redirect_to(f"{package_type}.read", id=saved["name"])


def add_rules(sender: str, blueprint: Blueprint) -> None:
    """Add the views of this module to the blueprint of every dataset type (signal ``ckan.register_blueprint``)."""
    if sender == "dataset":
        blueprint.add_url_rule("/new/save", endpoint="ogptn_save", view_func=save, methods=["POST"])
