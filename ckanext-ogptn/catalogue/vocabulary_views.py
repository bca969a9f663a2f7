"""Pages on which system administrators read all vocabularies and change those that the standard leaves to the country.

They call the actions of `actions` and nothing else: whatever a page does, a program can do with the same rules.
"""

from __future__ import annotations

from typing import Any, cast

import ckan.plugins.toolkit as tk
from flask import Blueprint
from flask.typing import ResponseReturnValue

from .pages import reader_context
from .text import LANGUAGES

blueprint = Blueprint("ogptn_vocabulary", __name__, url_prefix="/ckan-admin/vocabularies")

_UPDATE, _DELETE = "ogptn_vocabulary_term_update", "ogptn_vocabulary_term_delete"


@blueprint.before_request
def administrators_only() -> None:
    """Reading is everybody's, through the API; these pages are for those who may change what they show."""
    try:
        tk.check_access(_UPDATE, reader_context(), {})
    except tk.NotAuthorized:
        tk.abort(403, tk._("Only system administrators may change the vocabularies."))


def _listed(name: str) -> dict[str, Any]:
    """A vocabulary with all its terms, those that are no longer offered too."""
    try:
        return tk.get_action("ogptn_vocabulary_show")(reader_context(), {"id": name, "withdrawn": True})
    except tk.ObjectNotFound as missing:
        return tk.abort(404, str(missing))


def _term(listed: dict[str, Any], code: str) -> dict[str, Any]:
    found = next((term for term in listed["terms"] if term["code"] == code), None)
    return found or tk.abort(404, tk._("There is no term of this code."))


def _above(listed: dict[str, Any]) -> dict[str, Any] | None:
    """The vocabulary that the terms' parents belong to, such as the plans of the axes."""
    parent = listed.get("parent_vocabulary")
    return _listed(parent) if parent else None


def _fields(listed: dict[str, Any], above: dict[str, Any] | None, is_new: bool) -> list[dict[str, Any]]:
    """The form's fields, as the forms of datasets describe theirs."""
    text: dict[str, Any] = {"form_snippet": "ogptn_text.html", "ltr": True}
    fields: list[dict[str, Any]] = []
    if is_new:
        fields.append(
            {
                **text,
                "field_name": "code",
                "required": True,
                "label": tk._("Code"),
                "help_text": tk._("Lower-case Latin letters, digits, hyphens and underscores. Records hold it: it never changes."),
                "example": "nap6",
            }
        )
    fields.append(
        {
            "form_snippet": "fluent_text.html",
            "form_languages": list(LANGUAGES),
            "field_name": "label",
            "required": True,
            "label": tk._("Name"),
            "help_text": tk._("What readers see instead of the code. All three languages are needed."),
        }
    )
    if above:
        fields.append(
            {
                "form_snippet": "ogptn_select.html",
                "choices": [{"value": t["code"], "label": t["label"]} for t in above["terms"] if not t.get("withdrawn")],
                "field_name": "parent",
                "required": True,
                "label": above["title"],
                "help_text": tk._("What this term belongs to."),
            }
        )
    if any("start" in term for term in listed["terms"]):
        first = {"field_name": "start", "label": tk._("Begins"), "help_text": tk._("A year, a month or a day."), "example": "2026"}
        last = {"field_name": "end", "label": tk._("Ends"), "help_text": tk._("A year, a month or a day."), "example": "2028"}
        fields += [{**text, "short": True, **first}, {**text, "short": True, **last}]
    uri = {"field_name": "uri", "label": tk._("Address in a standard"), "example": "https://example.tn/id/nap6"}
    fields.append({**text, **uri, "help_text": tk._("The term’s own web address, where a standard gives it one.")})
    return fields


def index() -> str:
    """All vocabularies, those that may be changed first."""
    found = tk.get_action("ogptn_vocabulary_list")(reader_context(), {})
    return tk.render("og/vocabularies.html", {"vocabularies": sorted(found, key=lambda listed: not listed["editable"])})


def read(name: str) -> str:
    """The terms of one vocabulary."""
    listed = _listed(name)
    return tk.render("og/vocabulary.html", {"vocabulary": listed, "above": _above(listed)})


def edit(name: str, code: str | None = None) -> ResponseReturnValue:
    """The form of a term, new or known, and what becomes of it."""
    listed = _listed(name)
    term = _term(listed, code) if code else {}
    if not listed["editable"]:
        tk.h.flash_error(tk._("This vocabulary is fixed by its standard and cannot be changed."))
        return tk.redirect_to("ogptn_vocabulary.read", name=name)
    above = _above(listed)
    fields = _fields(listed, above, is_new=not code)
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        form = tk.request.form
        sent = {field["field_name"]: form.get(field["field_name"], "") for field in fields if "form_languages" not in field}
        sent["label"] = {language: form.get(f"label-{language}", "") for language in LANGUAGES}
        try:
            saved = tk.get_action(_UPDATE)(reader_context(), {**sent, "vocabulary": name, **({"code": code} if code else {"new": True})})
        except tk.ValidationError as invalid:
            errors = dict(invalid.error_dict)
        else:
            tk.h.flash_success(tk._("The term is saved."))
            return tk.redirect_to("ogptn_vocabulary.read", name=name, _anchor=f"term-{saved['code']}")
    return tk.render("og/vocabulary_term.html", {"vocabulary": listed, "term": term, "fields": fields, "errors": errors})


def withdraw(name: str, code: str) -> ResponseReturnValue:
    """Offer a term no longer."""
    return _change(_DELETE, name, {"code": code}, tk._("The term is withdrawn: forms no longer offer it, records that use it keep it."))


def offer(name: str, code: str) -> ResponseReturnValue:
    """Offer a withdrawn term again, as it was."""
    label = _term(_listed(name), code)["label"]
    return _change(_UPDATE, name, {"code": code, "label": label}, tk._("The term is offered again."))


def _change(action: str, name: str, sent: dict[str, Any], done: str) -> ResponseReturnValue:
    try:
        tk.get_action(action)(reader_context(), {"vocabulary": name, **sent})
    except tk.ObjectNotFound as missing:
        return tk.abort(404, str(missing))
    except tk.ValidationError as invalid:
        said = cast("dict[str, list[str]]", invalid.error_dict)
        tk.h.flash_error(" ".join(message for messages in said.values() for message in messages))
        return tk.redirect_to("ogptn_vocabulary.read", name=name)
    tk.h.flash_success(done)
    return tk.redirect_to("ogptn_vocabulary.read", name=name, _anchor=f"term-{sent['code']}")


blueprint.add_url_rule("/", view_func=index, strict_slashes=False)
blueprint.add_url_rule("/<name>", view_func=read)
blueprint.add_url_rule("/<name>/new", endpoint="new", view_func=edit, methods=["GET", "POST"])
blueprint.add_url_rule("/<name>/edit/<code>", view_func=edit, methods=["GET", "POST"])
blueprint.add_url_rule("/<name>/withdraw/<code>", view_func=withdraw, methods=["POST"])
blueprint.add_url_rule("/<name>/offer/<code>", view_func=offer, methods=["POST"])
