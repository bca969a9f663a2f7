"""Pages of reporting rounds: the list, one round, one commitment's report."""

from __future__ import annotations

import io
import secrets
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis
from flask import Blueprint, send_file
from flask.typing import ResponseReturnValue

from ...catalogue import vocabulary
from ...catalogue.config import reader_language
from ...catalogue.pages import act, reader_context
from ...catalogue.rules import sentences
from ...catalogue.text import LANGUAGES, pick
from ..report.layout import LEVELS
from . import workbook, workbook_actions
from .labels import event_label, state_label

#: Seconds that an uploaded workbook waits for its import.
WAIT = 3_600

blueprint = Blueprint("ogptn_rounds", __name__, url_prefix="/commitment-rounds")


def _act(name: str, data: dict[str, Any]) -> Any:
    return act(f"ogptn_commitment_round_{name}", data)


def _render(template: str, **values: Any) -> str:
    return tk.render(
        f"commitment/{template}.html",
        {
            "state_label": state_label,
            "event_label": event_label,
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
            errors = sentences(refused.error_dict)
        else:
            tk.h.flash_success(tk._("The round is open. Mails to stewards: {number}.").format(number=opened["mails"]))
            return tk.redirect_to("ogptn_rounds.read", round_id=opened["id"])
    plans = [{"value": term.code, "label": pick(term.label, reader_language())} for term in vocabulary.get("plans")]
    page = _render("rounds", rounds=_act("list", {}), plans=plans, errors=errors, given=given)
    return (page, 400) if errors else page


def read(round_id: str) -> ResponseReturnValue:
    """One round."""
    return _render("round", called=_act("show", {"id": round_id}), workbook_errors=[], workbook_limit=workbook.LIMIT_FILE)


def close(round_id: str) -> ResponseReturnValue:
    """POST: close the round."""
    try:
        _act("close", {"id": round_id})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
    else:
        tk.h.flash_success(tk._("The round is closed."))
    return tk.redirect_to("ogptn_rounds.read", round_id=round_id)


def remind(round_id: str) -> ResponseReturnValue:
    """POST: write to those whose reports are not sent."""
    try:
        done = _act("remind", {"id": round_id})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
    else:
        tk.h.flash_success(
            tk._("Reports not sent yet: {reports}. Reminders written: {number}.").format(reports=done["reports"], number=done["mails"])
        )
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
        return _render(
            "round_item", item={**shown, "version": version}, report=report, errors=sentences(refused.error_dict), comment=comment
        ), 400
    tk.h.flash_success(
        {
            "save": tk._("The draft is saved."),
            "submit": tk._("The report is sent."),
            "accept": tk._("The report is accepted and stands in the commitment."),
            "return": tk._("The report is sent back to the agency."),
        }[what]
    )
    return tk.redirect_to("ogptn_rounds.item", item_id=item_id)


def _waiting(token: str) -> str:
    return f"ckan:{tk.config['ckan.site_id']}:ogptn:workbook:{tk.current_user.id}:{token}"


def workbook_file(round_id: str) -> ResponseReturnValue:
    """The workbook of a round, in the reader's language."""
    try:
        name, content = workbook_actions.download(reader_context(), {"id": round_id})
    except tk.NotAuthorized as refused:
        return tk.abort(403, refused.message or "")
    except tk.ObjectNotFound as missing:
        return tk.abort(404, missing.message or "")
    return send_file(io.BytesIO(content), mimetype=workbook_actions.MEDIA_TYPE, as_attachment=True, download_name=name)


def workbook_import(round_id: str) -> ResponseReturnValue:
    """POST: with a file the preview of what it would change; with the token of a preview, the change."""
    called = _act("show", {"id": round_id})
    token = tk.request.form.get("token", "")
    if not token:
        upload = tk.request.files.get("upload")
        return _workbook_preview(called, upload.stream.read(workbook.LIMIT_FILE + 1) if upload and upload.filename else b"")
    content = cast("bytes | None", connect_to_redis().get(_waiting(token)))
    if content is None:
        return _workbook_refused(called, [tk._("The preview is more than an hour old. Choose the file again.")])
    given = {"id": round_id, "upload": io.BytesIO(content), "fingerprint": tk.request.form.get("fingerprint", "")}
    try:
        done = _act("workbook_import", given)
    except tk.ValidationError as refused:
        return _workbook_preview(called, content, " ".join(sentences(refused.error_dict)))
    connect_to_redis().delete(_waiting(token))
    tk.h.flash_success(
        tk._("The workbook is taken over: {changed} reports written, {sent} of them sent to the coordinators.").format(
            changed=done["counts"]["changed"], sent=done["send"]
        )
    )
    return tk.redirect_to("ogptn_rounds.read", round_id=round_id)


def _workbook_refused(called: dict[str, Any], sentences: list[str]) -> ResponseReturnValue:
    return _render("round", called=called, workbook_errors=sentences, workbook_limit=workbook.LIMIT_FILE), 400


def _workbook_preview(called: dict[str, Any], content: bytes, notice: str = "") -> ResponseReturnValue:
    try:
        shown = _act("workbook_import", {"id": called["id"], "upload": io.BytesIO(content), "dry_run": True})
    except tk.ValidationError as refused:
        return _workbook_refused(called, sentences(refused.error_dict))
    token = ""
    if not shown["errors"]:
        token = secrets.token_urlsafe(24)
        connect_to_redis().set(_waiting(token), content, ex=WAIT)
    return _render("round_workbook", called=called, shown=shown, token=token, notice=notice), 400 if shown["errors"] else 200


blueprint.add_url_rule("/", view_func=index, methods=["GET", "POST"], strict_slashes=False)
blueprint.add_url_rule("/<round_id>", view_func=read)
blueprint.add_url_rule("/<round_id>/workbook.xlsx", view_func=workbook_file)
blueprint.add_url_rule("/<round_id>/workbook", view_func=workbook_import, methods=["POST"])
blueprint.add_url_rule("/<round_id>/close", view_func=close, methods=["POST"])
blueprint.add_url_rule("/<round_id>/remind", view_func=remind, methods=["POST"])
blueprint.add_url_rule("/report/<item_id>", view_func=item, methods=["GET", "POST"])
