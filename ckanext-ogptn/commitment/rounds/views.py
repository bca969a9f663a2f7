"""Pages of reporting rounds: the list, one round, one commitment's report."""

from __future__ import annotations

from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.types import Context
from flask import Blueprint
from flask.typing import ResponseReturnValue

from ...catalogue import vocabulary
from ...catalogue.config import reader_language
from ...catalogue.text import LANGUAGES, pick
from ..report.layout import LEVELS

blueprint = Blueprint("ogptn_rounds", __name__, url_prefix="/commitment-rounds")


def _context() -> Context:
    return cast(Context, {"user": tk.current_user.name, "auth_user_obj": tk.current_user})


def _act(name: str, data: dict[str, Any]) -> Any:
    """An action, its refusals as pages."""
    try:
        return tk.get_action(f"ogptn_commitment_round_{name}")(_context(), data)
    except tk.NotAuthorized as refused:
        return tk.abort(403, refused.message or "")
    except tk.ObjectNotFound as missing:
        return tk.abort(404, missing.message or "")


def _sentences(refused: tk.ValidationError) -> list[str]:
    found: list[str] = []
    for value in refused.error_dict.values():
        found += [str(sentence) for sentence in cast("list[Any]", value)]
    return found


def _state_label(state: str) -> str:
    return {
        "waiting": tk._("Not begun"),
        "draft": tk._("Being written"),
        "submitted": tk._("Sent, waits for review"),
        "returned": tk._("Sent back"),
        "accepted": tk._("Accepted"),
    }[state]


def _event_label(what: str) -> str:
    return {
        "opened": tk._("The round was opened"),
        "saved": tk._("Draft saved"),
        "submitted": tk._("Report sent"),
        "returned": tk._("Sent back"),
        "accepted": tk._("Accepted"),
    }[what]


def _render(template: str, **values: Any) -> str:
    return tk.render(
        f"commitment/{template}.html",
        {
            "state_label": _state_label,
            "event_label": _event_label,
            "title_of": lambda called: pick(called["title"], reader_language()),
            "plan_label": lambda code: vocabulary.label("plans", code, reader_language()),
            "languages": LANGUAGES,
            "level_codes": LEVELS,
            **values,
        },
    )


def index() -> ResponseReturnValue:
    """GET: the rounds; for coordinators also the form that opens one. POST opens one."""
    errors: list[str] = []
    given: dict[str, str] = {}
    if tk.request.method == "POST":
        form = tk.request.form
        given = {name: form.get(name, "") for name in ("plan", "period_start", "period_end", "due_on", *(f"title-{c}" for c in LANGUAGES))}
        title = {code: given[f"title-{code}"] for code in LANGUAGES if given[f"title-{code}"].strip()}
        values = {name: given[name] for name in ("plan", "period_start", "period_end", "due_on")}
        try:
            opened = _act("open", {**values, "title": title})
        except tk.ValidationError as refused:
            errors = _sentences(refused)
        else:
            tk.h.flash_success(tk._("The round is open. Mails to stewards: {number}.").format(number=opened["mails"]))
            return tk.redirect_to("ogptn_rounds.read", round_id=opened["id"])
    plans = [{"value": term.code, "label": pick(term.label, reader_language())} for term in vocabulary.get("plans")]
    page = _render("rounds", rounds=_act("list", {}), plans=plans, errors=errors, given=given)
    return (page, 400) if errors else page


def read(round_id: str) -> ResponseReturnValue:
    """One round."""
    return _render("round", called=_act("show", {"id": round_id}))


def close(round_id: str) -> ResponseReturnValue:
    """POST: close the round."""
    try:
        _act("close", {"id": round_id})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(_sentences(refused)))
    else:
        tk.h.flash_success(tk._("The round is closed."))
    return tk.redirect_to("ogptn_rounds.read", round_id=round_id)


def _report_of_form(milestones: int) -> dict[str, Any]:
    form = tk.request.form
    report: dict[str, Any] = {name: form.get(name, "") for name in ("completion_level", "evidence")}
    for name in ("done", "obstacles"):
        report[name] = {code: form.get(f"{name}-{code}", "") for code in LANGUAGES}
    report["milestones"] = [
        {name: form.get(f"milestone-{place}-{name}", "") for name in ("status", "percent", "evidence")} for place in range(milestones)
    ]
    return report


def item(item_id: str) -> ResponseReturnValue:
    """GET: a commitment's report. POST: ``act`` is ``save``, ``submit``, ``accept`` or ``return``."""
    shown = _act("item_show", {"id": item_id})
    if tk.request.method == "GET":
        return _render("round_item", item=shown, report=shown["report"], errors=[], comment="")
    form = tk.request.form
    what, comment, version = form.get("act"), form.get("comment", ""), form.get("version", "")
    report = shown["report"]
    try:
        if what in ("save", "submit"):
            report = _report_of_form(len(shown["milestones"]))
            _act("item_save", {"id": item_id, "report": report, "submit": what == "submit", "comment": comment, "version": version})
        elif what in ("accept", "return"):
            _act("review", {"id": item_id, "verdict": what, "comment": comment, "version": version})
        else:
            return tk.abort(400, tk._("The form does not say how to save it."))
    except tk.ValidationError as refused:
        # What was typed comes back with what is wrong, and with the version it was typed over: a second click must not overwrite either.
        return _render("round_item", item={**shown, "version": version}, report=report, errors=_sentences(refused), comment=comment), 400
    tk.h.flash_success(
        {
            "save": tk._("The draft is saved."),
            "submit": tk._("The report is sent."),
            "accept": tk._("The report is accepted and stands in the commitment."),
            "return": tk._("The report is sent back to the agency."),
        }[what]
    )
    return tk.redirect_to("ogptn_rounds.item", item_id=item_id)


blueprint.add_url_rule("/", view_func=index, methods=["GET", "POST"])
blueprint.add_url_rule("/<round_id>", view_func=read)
blueprint.add_url_rule("/<round_id>/close", view_func=close, methods=["POST"])
blueprint.add_url_rule("/report/<item_id>", view_func=item, methods=["GET", "POST"])
