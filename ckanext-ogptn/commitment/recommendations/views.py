"""Pages of recommendations: the list, one of them, its form."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.pagination import Page
from flask import Blueprint
from flask.typing import ResponseReturnValue

from ...catalogue import vocabulary
from ...catalogue.pages import act, page_number, reader_context
from ...catalogue.text import LANGUAGES

blueprint = Blueprint("ogptn_recommendations", __name__, url_prefix="/commitment-recommendations")

_PER_PAGE = 20
_FILTERS = ("status", "source", "organization", "commitment")
_MULTILINGUAL = ("text", "answer")


def _act(name: str, data: dict[str, Any]) -> Any:
    return act(f"ogptn_commitment_recommendation_{name}", data)


def _fields(answer_only: bool) -> list[dict[str, Any]]:
    """The form's fields, as the forms of datasets describe theirs."""
    multilingual: dict[str, Any] = {"form_snippet": "fluent_markdown.html", "form_languages": list(LANGUAGES)}
    choose: dict[str, Any] = {"form_snippet": "ogptn_select.html"}
    text: dict[str, Any] = {"form_snippet": "ogptn_text.html"}
    asked = [
        {
            **multilingual,
            "field_name": "text",
            "required": True,
            "label": tk._("Recommendation"),
            "help_text": tk._("What is recommended, in the words of who recommends it. One language is enough."),
        },
        {
            **choose,
            "field_name": "source",
            "required": True,
            "choices": vocabulary.choices("recommendation_sources"),
            "label": tk._("Source"),
            "help_text": tk._("Who recommends it."),
        },
        {
            **text,
            "field_name": "source_name",
            "label": tk._("Name of the source"),
            "help_text": tk._("The body’s or the report’s own name; never a person’s."),
            "example": tk._("IRM report 2014–2015"),
        },
        {
            "form_snippet": "ogptn_url.html",
            "field_name": "source_url",
            "label": tk._("Web address of the source"),
            "help_text": tk._("Where the recommendation can be read."),
            "example": "https://www.opengovpartnership.org/members/tunisia/",
        },
        {
            "form_snippet": "ogptn_date.html",
            "field_name": "received_on",
            "label": tk._("Date"),
            "help_text": tk._("A day, a month or a year."),
            "example": "2016-02",
        },
        {
            "form_snippet": "ogptn_organization.html",
            "field_name": "organization",
            "required": True,
            "label": tk._("Addressed to"),
            "help_text": tk._("The organisation whose editors are to answer; they get a mail."),
        },
        {
            "form_snippet": "ogptn_datasets.html",
            "field_name": "commitments",
            "dataset_type": "commitment",
            "label": tk._("Commitments"),
            "help_text": tk._("The commitments that it is about, if there are any."),
        },
    ]
    answered = [
        {
            **choose,
            "field_name": "status",
            "choices": vocabulary.choices("recommendation_statuses"),
            "label": tk._("Status"),
            "help_text": tk._("How far it has come."),
        },
        {
            **multilingual,
            "field_name": "answer",
            "label": tk._("Answer"),
            "help_text": tk._("What the organisation answers; needed when it declines. It is public."),
        },
    ]
    return answered if answer_only else [*asked, *answered]


def _sent(fields: list[dict[str, Any]]) -> dict[str, Any]:
    form = tk.request.form
    sent: dict[str, Any] = {}
    for field in fields:
        name = field["field_name"]
        if name in _MULTILINGUAL:
            sent[name] = {language: form.get(f"{name}-{language}", "") for language in LANGUAGES}
        elif name == "commitments":
            sent[name] = [value.strip() for value in form.getlist(name) if value.strip()]
        else:
            sent[name] = form.get(name, "")
    return sent


def index() -> ResponseReturnValue:
    """The recommendations, with filters."""
    filters = {name: tk.request.args.get(name, "") for name in _FILTERS}
    number = page_number()
    try:
        found = _act("list", {**filters, "limit": _PER_PAGE, "offset": (number - 1) * _PER_PAGE})
    except tk.ValidationError:
        return tk.abort(400, tk._("There is no such filter."))
    kept = {name: value for name, value in filters.items() if value}
    pager = Page(
        collection=found["results"],
        page=number,
        url=lambda **more: tk.h.url_for("ogptn_recommendations.index", **kept, **more),
        item_count=found["count"],
        items_per_page=_PER_PAGE,
        presliced_list=True,
    )
    return tk.render(
        "commitment/recommendations.html",
        {"found": found, "filters": filters, "filtered": bool(kept), "pager": pager, "organizations": tk.h.ogptn_form_organizations()},
    )


def read(recommendation_id: str) -> ResponseReturnValue:
    """One recommendation."""
    return tk.render("commitment/recommendation.html", {"one": _act("show", {"id": recommendation_id})})


def _may(action: str, data: dict[str, Any]) -> None:
    try:
        tk.check_access(f"ogptn_commitment_recommendation_{action}", reader_context(), data)
    except tk.NotAuthorized as refused:
        tk.abort(403, refused.message or "")


def edit(recommendation_id: str | None = None) -> ResponseReturnValue:
    """The form of a recommendation, new or known: all of it for coordinators, the answer for who is addressed."""
    one: dict[str, Any] = _act("show", {"id": recommendation_id}) if recommendation_id else {}
    _may("update" if one else "create", {"id": recommendation_id})
    fields = _fields(answer_only=bool(one) and not one["may_edit"])
    data = {
        **one,
        "organization": (one.get("organization") or {}).get("id", ""),
        "commitments": [linked["id"] for linked in one.get("commitments", ())] if one else tk.request.args.getlist("commitment"),
    }
    if not one:
        data["status"] = "open"
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        data = {**data, **_sent(fields), "version": tk.request.form.get("version", "")}
        sent = _sent(fields)
        try:
            saved = _act("update", {**sent, "id": one["id"], "version": data["version"]}) if one else _act("create", sent)
        except tk.ValidationError as invalid:
            errors = dict(invalid.error_dict)
        else:
            tk.h.flash_success(tk._("The recommendation is saved."))
            return tk.redirect_to("ogptn_recommendations.read", recommendation_id=saved["id"])
    page = tk.render("commitment/recommendation_form.html", {"one": one, "data": data, "fields": fields, "errors": errors})
    return (page, 400) if errors else page


def delete(recommendation_id: str) -> ResponseReturnValue:
    """POST: delete one that was recorded by mistake."""
    _act("delete", {"id": recommendation_id})
    tk.h.flash_success(tk._("The recommendation is deleted."))
    return tk.redirect_to("ogptn_recommendations.index")


blueprint.add_url_rule("/", view_func=index, strict_slashes=False)
blueprint.add_url_rule("/new", endpoint="new", view_func=edit, methods=["GET", "POST"])
blueprint.add_url_rule("/<recommendation_id>", view_func=read)
blueprint.add_url_rule("/<recommendation_id>/edit", view_func=edit, methods=["GET", "POST"])
blueprint.add_url_rule("/<recommendation_id>/delete", view_func=delete, methods=["POST"])
