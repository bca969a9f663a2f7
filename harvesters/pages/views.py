"""Pages of harvest sources, their jobs, records and issues. Every change is a POST; who may do what is asked of the actions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from flask import Blueprint, Response, jsonify, stream_with_context
from flask.typing import ResponseReturnValue

from ckanext.ogptn.catalogue import theme_helpers
from ckanext.ogptn.catalogue.pages import act, page_number, reader_context
from ckanext.ogptn.catalogue.rules import sentences

from ..engine.model import OPEN, STATES
from . import issues_csv, words
from .form import SourceForm

blueprint = Blueprint("ogptn_harvest", __name__, url_prefix="/harvest")

#: Lines of a list on one page.
PAGE = 50
#: Jobs in the history of a source.
HISTORY = 20
#: Characters of raw content on a record's page.
RAW_SHOWN = 100_000
#: Titles of what is missing or went that a job's page lists.
TITLES_SHOWN = 200
#: Records that a preview from the form reads, so that its answer comes while somebody waits.
PREVIEWED = 20
#: Milliseconds between two looks at a job that runs.
LOOK_AGAIN = 2_000


def _act(name: str, data: dict[str, Any] | None = None) -> Any:
    return act(f"ogptn_harvest_{name}", data)


@blueprint.before_request
def administrators_only() -> None:
    """Nothing here is for readers: whoever manages no source and may add none is told so."""
    try:
        tk.check_access("ogptn_harvest_source_create", reader_context(), {})
    except tk.NotAuthorized:
        tk.abort(403, tk._("These pages are for system administrators and administrators of organisations."))


def _render(template: str, **values: Any) -> str:
    return tk.render(f"harvest/{template}.html", {**words.in_templates(), **values})


def _flag(name: str) -> bool:
    return tk.request.args.get(name, "") in ("1", "true", "on")


def _pager(count: int, endpoint: str, **arguments: Any) -> dict[str, Any]:
    """Where a list stands: ``{"count", "first", "last", "page", "pages", "previous", "next", "start", "end"}``, the last four addresses."""
    pages = max(1, math.ceil(count / PAGE))
    page = min(page_number(), pages)
    kept = {name: value for name, value in arguments.items() if value not in ("", None, False)}

    def address(number: int) -> str:
        return tk.h.url_for(f"ogptn_harvest.{endpoint}", **kept, page=number) if 1 <= number <= pages and number != page else ""

    return {
        "count": count,
        "page": page,
        "pages": pages,
        "first": min(count, (page - 1) * PAGE + 1),
        "last": min(count, page * PAGE),
        "previous": address(page - 1),
        "next": address(page + 1),
        "start": address(1),
        "end": address(pages),
    }


# -- sources


def index() -> str:
    """The sources that the reader manages."""
    asked = tk.request.args.get("organization", "")
    found = _act("source_list", {"limit": PAGE, "offset": (page_number() - 1) * PAGE, **({"owner_org": asked} if asked else {})})
    return _render("sources", sources=found["results"], pager=_pager(found["count"], "index", organization=asked), organization=asked)


def _form() -> SourceForm:
    sysadmin = bool(getattr(tk.current_user, "sysadmin", False))
    only = None if sysadmin else tk.get_action("organization_list_for_user")(reader_context(), {"permission": "admin"})
    types = _dataset_types()
    return SourceForm(
        tk.h.ogptn_form_organizations(only),
        {name: theme_helpers.type_label(name) for name in types},
        sysadmin=sysadmin,
    )


def _dataset_types() -> list[str]:
    try:
        return list(tk.get_action("scheming_dataset_schema_list")({"ignore_auth": True}, {}))
    except KeyError:
        return ["dataset"]


def new() -> ResponseReturnValue:
    """GET: an empty form. POST: as `edit`."""
    return _edited(None)


def edit(source_id: str) -> ResponseReturnValue:
    """GET: a source's form. POST: ``act`` is ``save``, ``check`` (try the connection) or ``preview``; only the first stores anything."""
    return _edited(_act("source_show", {"id": source_id}))


def _edited(source: dict[str, Any] | None) -> ResponseReturnValue:
    form = _form()
    values, errors, answer = form.values(source), {}, {}
    if tk.request.method == "POST":
        sent = {name: tk.request.form.getlist(name)[-1] for name in tk.request.form}
        # A tick that was taken away is not sent.
        values = {name: "" if name == "active" or name.startswith("options-") else value for name, value in values.items()} | sent
        data = form.sent(sent, source)
        # It goes one way only: no page holds it.
        values.pop("auth_value", None)
        act = sent.get("act", "save")
        try:
            if act == "check":
                answer["check"] = _act("source_check", data)
            elif act == "preview":
                answer["preview"] = _act("preview", {**data, "limit": PREVIEWED})
            elif act == "save":
                saved = _act("source_update" if source else "source_create", data)
                tk.h.flash_success(
                    tk._("The source is saved.") if source else tk._("The source is added. Harvest it now, or wait for its time.")
                )
                return tk.redirect_to("ogptn_harvest.source", source_id=saved["id"])
            else:
                return tk.abort(400, tk._("The form does not say what to do."))
        except tk.ValidationError as refused:
            errors = form.errors(refused.error_dict, sent)
    page = _render("source_form", source=source, source_form=form, values=values, errors=errors, answer=answer)
    return (page, 400) if errors else page


def source(source_id: str) -> str:
    """One source: how it stands, its past, what may be done."""
    return _source_page(source_id)


def _source_page(source_id: str, **more: Any) -> str:
    shown = _act("source_show", {"id": source_id})
    jobs = _act("job_list", {"source_id": source_id, "limit": HISTORY})
    newest = next((job for job in jobs["results"] if job["kind"] != "preview"), None)
    asks = newest if newest and words.asks(newest) else None
    return _render(
        "source",
        source=shown,
        jobs=jobs["results"],
        job_count=jobs["count"],
        chart=words.chart(jobs["results"]),
        open_jobs=[job for job in jobs["results"] if job["phase"] in OPEN],
        asks=asks,
        options=_option_words(shown),
        **more,
    )


def _option_words(source: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The options that differ from the backend's defaults, as label and value."""
    backend = words.backends().get(source["backend"])
    found = []
    for described in backend.Options.describe() if backend else []:
        value = source["options"].get(described["name"], described["default"])
        if value == described["default"]:
            continue
        if described["type"] == "boolean":
            value = tk._("yes") if value else tk._("no")
        elif described["type"] == "list":
            value = ", ".join(value)
        elif described["type"] == "choice":
            value = next((choice["text"] for choice in described["choices"] if choice["value"] == value), value)
        found.append((described["label"], str(value)))
    return found


def check(source_id: str) -> ResponseReturnValue:
    """POST: try the connection of a stored source."""
    try:
        return _source_page(source_id, answer={"check": _act("source_check", {"id": source_id})})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
        return tk.redirect_to("ogptn_harvest.source", source_id=source_id)


def preview(source_id: str) -> ResponseReturnValue:
    """POST: what a harvest of a stored source would do, by its first records."""
    try:
        return _source_page(source_id, answer={"preview": _act("preview", {"id": source_id, "limit": PREVIEWED})})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
        return tk.redirect_to("ogptn_harvest.source", source_id=source_id)


def run(source_id: str) -> ResponseReturnValue:
    """POST: start a job: ``kind`` is ``harvest`` or ``preview`` (of everything); ``full`` reads everything again."""
    wanted = tk.request.form.get("kind", "harvest")
    if wanted not in ("harvest", "preview"):
        return tk.abort(400, tk._("The form does not say what to do."))
    return _started(source_id, kind=wanted, full=bool(tk.request.form.get("full")))


def _started(source_id: str, **more: Any) -> ResponseReturnValue:
    try:
        job = _act("job_create", {"source_id": source_id, **more})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
        return tk.redirect_to("ogptn_harvest.source", source_id=source_id)
    return tk.redirect_to("ogptn_harvest.job", job_id=job["id"])


def clear(source_id: str) -> ResponseReturnValue:
    """GET: ask whether all datasets of the source are to be deleted. POST: start the job that does."""
    shown = _act("source_show", {"id": source_id})
    if tk.request.method == "GET":
        return _render("source_confirm", source=shown, what="clear")
    return _started(source_id, kind="clear")


def delete(source_id: str) -> ResponseReturnValue:
    """GET: ask whether the source is to be removed. POST: remove it."""
    shown = _act("source_show", {"id": source_id})
    if tk.request.method == "GET":
        return _render("source_confirm", source=shown, what="delete")
    try:
        _act("source_delete", {"id": source_id})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
        return tk.redirect_to("ogptn_harvest.source", source_id=source_id)
    tk.h.flash_success(tk._("The source is removed. Its datasets are still in the catalogue."))
    return tk.redirect_to("ogptn_harvest.index")


# -- records


def records(source_id: str) -> str:
    """The records of a source: found by words, by state, by whether they were changed here."""
    shown = _act("source_show", {"id": source_id})
    q, state, edited = tk.request.args.get("q", "").strip()[:200], tk.request.args.get("state", ""), _flag("edited")
    state = state if state in STATES else ""
    asked = {"source_id": source_id, "q": q, "state": state, "edited": edited, "limit": PAGE, "offset": (page_number() - 1) * PAGE}
    found = _act("record_list", asked)
    pager = _pager(found["count"], "records", source_id=source_id, q=q, state=state, edited="1" if edited else "")
    if found["count"] and not found["results"]:
        found = _act("record_list", {**asked, "offset": (pager["page"] - 1) * PAGE})
    return _render("records", source=shown, records=found["results"], pager=pager, q=q, state=state, edited=edited)


def record(record_id: int) -> str:
    """One record: how it stands, what was changed here, its raw content as text."""
    shown = _act("record_show", {"id": str(record_id)})
    called = _act("source_show", {"id": shown["source_id"]}) if _source_is_there(shown["source_id"]) else None
    package = model.Session.get(model.Package, shown["package_id"]) if shown["package_id"] else None
    places = {resource.id: place for place, resource in enumerate(package.resources, 1)} if package else {}
    # What the source offers for a field that is kept, and what differs here though the source did not say anything new since.
    edits = [edit for edit in shown["edits"] if edit["field"] in shown["offered"]]
    return _render(
        "record",
        record=shown,
        source=called,
        package=package,
        places=places,
        edits=edits,
        silent_edits=[edit for edit in shown["edits"] if edit["field"] not in shown["offered"]],
        raw=shown["content"][:RAW_SHOWN],
        cut=len(shown["content"]) > RAW_SHOWN,
        dataset_type=(package.type if package else None) or "dataset",
    )


def _source_is_there(source_id: str) -> bool:
    try:
        tk.get_action("ogptn_harvest_source_show")(reader_context(), {"id": source_id})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return False
    return True


def raw(record_id: int) -> Response:
    """A record's whole raw content, as plain text whatever the source calls it: it is hostile."""
    shown = _act("record_show", {"id": str(record_id)})
    answer = Response(shown["content"], content_type="text/plain; charset=utf-8")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Content-Disposition"] = f'inline; filename="record-{record_id}.txt"'
    return answer


def restore(record_id: int) -> ResponseReturnValue:
    """POST: bring the dataset of a removed record back."""
    try:
        _act("record_restore", {"id": str(record_id)})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
    else:
        tk.h.flash_success(tk._("The dataset is back. It stays, marked, for a new time of grace unless the source has it again."))
    return tk.redirect_to("ogptn_harvest.record", record_id=record_id)


def decide_edit(record_id: int) -> ResponseReturnValue:
    """POST: ``field`` was changed here; ``take`` says whose value counts: ``source`` or ``here``."""
    field, take = tk.request.form.get("field", ""), tk.request.form.get("take", "")
    if not field or take not in ("source", "here"):
        return tk.abort(400, tk._("The form does not say what to do."))
    _act("record_restore", {"id": str(record_id), "accept" if take == "source" else "keep": [field]})
    tk.h.flash_success(
        tk._("The next harvest takes the source’s value.")
        if take == "source"
        else tk._("What is here stays. It is asked again when the source changes.")
    )
    return tk.redirect_to("ogptn_harvest.record", record_id=record_id)


# -- jobs


def job(job_id: str) -> str:
    """One job: how it stands, what it asks, what it removed, what it found wrong."""
    shown = _act("job_show", {"id": job_id})
    called = _act("source_show", {"id": shown["source_id"]})
    severity, slug = tk.request.args.get("severity", ""), tk.request.args.get("slug", "")
    severity = severity if severity in ("error", "warning") else ""
    asked = {"job_id": job_id, "severity": severity, "slug": slug, "limit": PAGE, "offset": (page_number() - 1) * PAGE}
    issues = _act("issue_list", asked)
    pager = _pager(issues["count"], "job", job_id=job_id, severity=severity, slug=slug)
    if issues["count"] and not issues["results"]:
        issues = _act("issue_list", {**asked, "offset": (pager["page"] - 1) * PAGE})
    jobs = _act("job_list", {"source_id": shown["source_id"], "limit": HISTORY})["results"]
    newest = next((each["id"] for each in jobs if each["kind"] != "preview"), None)
    gone = {"count": 0, "results": []}
    if shown["counts"]["removed"]:
        gone = _act("record_list", {"source_id": shown["source_id"], "job_id": job_id, "state": "removed", "limit": TITLES_SHOWN})
    return _render(
        "job",
        job=shown,
        source=called,
        issues=issues,
        issue_total=sum(each["count"] for each in issues["slugs"]),
        pager=pager,
        severity=severity,
        slug=slug,
        jobs=jobs,
        chart=words.chart(jobs),
        asks=words.asks(shown) and newest == job_id,
        superseded=words.asks(shown) and newest != job_id,
        gone=gone,
        titles_shown=TITLES_SHOWN,
        is_open=shown["phase"] in OPEN,
        live=_live(shown),
    )


def _live(job: Mapping[str, Any]) -> str:
    return _render("snippets/job_live", job=job, is_open=job["phase"] in OPEN)


def live(job_id: str) -> Response:
    """How a job stands: ``{"open", "html", "phase", "problems", "say", "again"}``: the part of its page, its phase in words, the number
    of errors and warnings, the sentence for who hears it, milliseconds to wait."""
    shown = _act("job_show", {"id": job_id})
    progress = shown["progress"]
    say = words.phase(shown)
    if progress["percent"] is not None and shown["phase"] in OPEN:
        # A step of ten percent at a time: each change is read out.
        say = tk._("{phase}: {percent} percent").format(phase=say, percent=progress["percent"] // 10 * 10)
    problems = shown["counts"]["errors"] + shown["counts"]["warnings"]
    response = jsonify(
        {
            "open": shown["phase"] in OPEN,
            "html": _live(shown),
            "phase": words.phase(shown),
            "problems": problems,
            "say": say,
            "again": LOOK_AGAIN,
        }
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def cancel(job_id: str) -> ResponseReturnValue:
    """POST: stop a job."""
    _act("job_cancel", {"id": job_id})
    tk.h.flash_notice(tk._("The job is asked to stop. What it wrote stays; nothing is removed."))
    return tk.redirect_to("ogptn_harvest.job", job_id=job_id)


def decide(job_id: str) -> ResponseReturnValue:
    """POST: the answer to a job that held removals back: ``answer`` is ``remove`` or ``keep``."""
    answer = tk.request.form.get("answer")
    if answer not in ("remove", "keep"):
        return tk.abort(400, tk._("The form does not say what to do."))
    try:
        decided = _act("job_decide", {"id": job_id, "remove": answer == "remove"})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
        return tk.redirect_to("ogptn_harvest.job", job_id=job_id)
    if answer == "remove":
        return tk.redirect_to("ogptn_harvest.job", job_id=decided["result"]["ceiling"]["job"])
    tk.h.flash_success(tk._("The datasets stay. If they are still missing at the next harvest, it asks again."))
    return tk.redirect_to("ogptn_harvest.job", job_id=job_id)


def restore_all(job_id: str) -> ResponseReturnValue:
    """POST: bring back everything that a job removed."""
    try:
        done = _act("job_restore", {"id": job_id})
    except tk.ValidationError as refused:
        tk.h.flash_error(" ".join(sentences(refused.error_dict)))
        return tk.redirect_to("ogptn_harvest.job", job_id=job_id)
    tk.h.flash_success(
        tk._("Datasets that are back: {number}. A worker brings back the other {queued} within minutes.").format(
            number=done["restored"], queued=done["queued"]
        )
        if done["queued"]
        else tk._("Datasets that are back: {number}.").format(number=done["restored"])
    )
    return tk.redirect_to("ogptn_harvest.job", job_id=job_id)


def issues(job_id: str) -> Response:
    """All issues of a job that the filters leave, as CSV."""
    _act("job_show", {"id": job_id})
    asked = {"job_id": job_id, "severity": tk.request.args.get("severity", ""), "slug": tk.request.args.get("slug", "")}
    address = tk.h.url_for("ogptn_harvest.record", record_id=0, qualified=True).replace("/record/0", "/record/{id}")
    lines = issues_csv.rows(_all_issues(asked), address)
    answer = Response(stream_with_context(lines), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="harvest-issues-{job_id[:8]}.csv"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _all_issues(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    offset = 0
    while True:
        found = _act("issue_list", {**asked, "limit": 1_000, "offset": offset})["results"]
        yield from found
        offset += len(found)
        if len(found) < 1_000:
            return


_RULES: tuple[tuple[str, Callable[..., ResponseReturnValue], list[str]], ...] = (
    ("/", index, ["GET"]),
    ("/new", new, ["GET", "POST"]),
    ("/source/<source_id>", source, ["GET"]),
    ("/source/<source_id>/edit", edit, ["GET", "POST"]),
    ("/source/<source_id>/check", check, ["POST"]),
    ("/source/<source_id>/preview", preview, ["POST"]),
    ("/source/<source_id>/run", run, ["POST"]),
    ("/source/<source_id>/clear", clear, ["GET", "POST"]),
    ("/source/<source_id>/delete", delete, ["GET", "POST"]),
    ("/source/<source_id>/records", records, ["GET"]),
    ("/record/<int:record_id>", record, ["GET"]),
    ("/record/<int:record_id>/raw", raw, ["GET"]),
    ("/record/<int:record_id>/restore", restore, ["POST"]),
    ("/record/<int:record_id>/decide", decide_edit, ["POST"]),
    ("/job/<job_id>", job, ["GET"]),
    ("/job/<job_id>/live", live, ["GET"]),
    ("/job/<job_id>/cancel", cancel, ["POST"]),
    ("/job/<job_id>/decide", decide, ["POST"]),
    ("/job/<job_id>/restore", restore_all, ["POST"]),
    ("/job/<job_id>/issues.csv", issues, ["GET"]),
)
for _rule, _view, _methods in _RULES:
    # A redirect to the address with a slash would lose the language: CKAN takes it off the path before.
    blueprint.add_url_rule(_rule, view_func=_view, methods=_methods, strict_slashes=False)
