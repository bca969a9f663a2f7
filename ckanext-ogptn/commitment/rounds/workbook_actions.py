"""A round as a workbook: download, what uploading would change, and the change itself, all of it or nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ...catalogue import text as t
from ...catalogue import vocabulary
from ...catalogue.config import reader_language
from .. import evidence
from . import mails, reports, workbook
from .actions import _round, store
from .labels import state_label
from .model import Round

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _own(context: Context) -> Any:
    return {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj")}


def _items(context: Context, called: Round) -> dict[str, dict[str, Any]]:
    """The reports that the caller may read and write, by id, in the order of the plan."""
    shown = tk.get_action("ogptn_commitment_round_show")(_own(context), {"id": called.id})
    show = tk.get_action("ogptn_commitment_round_item_show")
    return {row["id"]: show(_own(context), {"id": row["id"]}) for row in shown["items"] if row["mine"]}


@tk.side_effect_free
def ogptn_commitment_round_workbook(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """A round as an Excel workbook in the language of the request: the caller's reports, or all of them for a coordinator.

    :param id: the round's id
    :returns: ``{"file_name", "media_type", "content"}``, the content in base64 (RFC 4648, section 4)
    :raises NotFound: there is no such round
    :raises NotAuthorized: none of its commitments is the caller's
    """
    name, content = download(context, data_dict)
    return {"file_name": name, "media_type": MEDIA_TYPE, "content": base64.b64encode(content).decode()}


def download(context: Context, data_dict: DataDict) -> tuple[str, bytes]:
    """The same as ``(file name, bytes)``. Parameters and errors are those of `ogptn_commitment_round_workbook`."""
    called = _round(data_dict)
    tk.check_access("ogptn_commitment_round_workbook", context, data_dict)
    shown = tk.get_action("ogptn_commitment_round_show")(_own(context), {"id": called.id})
    content = workbook.write(shown, list(_items(context, called).values()), state_label)
    return f"{called.plan}-{called.period_end}-{reader_language()}.xlsx", content


@dataclass(frozen=True)
class _Change:
    """A report that the workbook writes."""

    item: Mapping[str, Any]
    report: dict[str, Any]
    submit: bool
    comment: str


@dataclass
class _Preview:
    rows: list[dict[str, Any]]
    changes: list[_Change]
    faults: list[workbook.Fault]

    @property
    def fingerprint(self) -> str:
        whole = [[change.item["id"], change.item["version"], change.report, change.submit, change.comment] for change in self.changes]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:32]

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "counts": {kind: sum(row["change"] == kind for row in self.rows) for kind in ("changed", "same", "absent")},
            "send": sum(change.submit for change in self.changes),
            "errors": [fault.as_dict() for fault in self.faults],
            "fingerprint": self.fingerprint,
        }


def ogptn_commitment_round_workbook_import(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take over a round's workbook that was filled in: all of it in one transaction, or nothing.

    A row that was not touched changes nothing, also when the report has changed since the download; one that was touched is then refused.

    :param id: the round's id
    :param upload: the file, ``.xlsx``, sent as multipart/form-data
    :param dry_run: optional, true to see what would change and write nothing
    :param fingerprint: optional, of a dry run: the import is refused if something else would be written by now
    :returns: ``{"rows": [{"id", "number", "title", "change": "changed" | "same" | "absent", "send": bool, "fields": [{"label", "before",
        "after"}]}], "counts": {change: number}, "send": number, "errors": [{"sheet", "cell", "message"}], "fingerprint", "applied": bool}``
    :raises NotFound: there is no such round
    :raises NotAuthorized: none of its commitments is the caller's
    :raises ValidationError: the file cannot be read, the round is closed, or, without ``dry_run``, cells are faulty
    """
    called = _round(data_dict)
    tk.check_access("ogptn_commitment_round_workbook_import", context, data_dict)
    if called.closed_at is not None:
        raise tk.ValidationError({"id": [tk._("The round is closed: nothing more can be sent in it.")]})
    preview = _prepared(context, called, _content(data_dict))
    shown = preview.as_dict()
    if tk.asbool(data_dict.get("dry_run") or False):
        return {**shown, "applied": False}
    if preview.faults:
        raise tk.ValidationError({"cells": [f"{fault.sheet} {fault.cell}: {fault.message}" for fault in preview.faults]})
    expected = data_dict.get("fingerprint")
    if expected and expected != preview.fingerprint:
        raise tk.ValidationError({"fingerprint": [tk._("The reports have changed since the preview. Look at the new preview.")]})
    _apply(context, preview.changes)
    return {**shown, "applied": True}


def _content(data_dict: DataDict) -> bytes:
    upload = data_dict.get("upload")
    stream = getattr(upload, "stream", upload)
    if stream is None or not hasattr(stream, "read"):
        raise tk.ValidationError({"upload": [str(workbook.WorkbookError("empty"))]})
    return stream.read(workbook.LIMIT_FILE + 1)


def _apply(context: Context, changes: list[_Change]) -> None:
    sent = []
    called = None
    try:
        # In one order, so that two workbooks wait for one another and never for each other.
        for change in sorted(changes, key=lambda one: one.item["id"]):
            given = {
                "id": change.item["id"],
                "report": change.report,
                "submit": change.submit,
                "comment": change.comment,
                "version": change.item["version"],
            }
            tk.check_access("ogptn_commitment_round_item_save", _own(context), {"id": change.item["id"]})
            called, item = store(context, given)
            if change.submit:
                sent.append(item)
        model.repo.commit()
    except (tk.ValidationError, tk.ObjectNotFound, tk.NotAuthorized):
        model.Session.rollback()
        raise
    evidence.schedule([address for change in changes for address in evidence.of_report(change.report)])
    if called is not None and sent:
        mails.submitted(called, sent)


def _prepared(context: Context, called: Round, data: bytes) -> _Preview:
    try:
        filled = workbook.read(data, called.id)
    except workbook.WorkbookError as refused:
        raise tk.ValidationError({"upload": [str(refused)]}) from None
    items = _items(context, called)
    preview = _Preview([], [], list(filled.faults))
    rows = _by_item(filled.reports, items, preview.faults)
    milestones = _milestones(filled.milestones, items, rows, preview.faults)
    for item_id, item in items.items():
        row = rows.get(item_id)
        if row is None:
            preview.rows.append(_shown(item, "absent"))
            continue
        _compare(context, called, item, row, milestones.get(item_id, {}), preview)
    return preview


def _key(row: workbook.Row, name: str, faults: list[workbook.Fault]) -> str | None:
    found = row.values.get(name)
    if found == "":
        faults.append(row.fault(name, tk._("This row has lost its key. Copy what you wrote into a fresh download.")))
    return found or None


def _by_item(rows: list[workbook.Row], items: Mapping[str, Any], faults: list[workbook.Fault]) -> dict[str, workbook.Row]:
    found: dict[str, workbook.Row] = {}
    for row in rows:
        item_id = _key(row, "report.item", faults)
        if item_id is None:
            continue
        if item_id not in items:
            faults.append(row.fault("report.number", tk._("This report is not one of yours in this round. Delete the row.")))
        elif item_id in found:
            first = found[item_id].cells["report.number"]
            sentence = tk._("This row is there twice: its first place is {cell}. Delete one.").format(cell=first)
            faults.append(row.fault("report.number", sentence))
        else:
            found[item_id] = row
    return found


def _milestones(
    rows: list[workbook.Row], items: Mapping[str, Any], reports_: Mapping[str, workbook.Row], faults: list[workbook.Fault]
) -> dict[str, dict[int, workbook.Row]]:
    found: dict[str, dict[int, workbook.Row]] = {}
    for row in rows:
        item_id, place = _key(row, "milestone.item", faults), _key(row, "milestone.place", faults)
        if item_id is None or place is None:
            continue
        # Four digits at most: a report is filled up to the place that a row names.
        if item_id not in items or not re.fullmatch(r"[1-9][0-9]{0,3}", place):
            faults.append(row.fault("milestone.number", tk._("This milestone is not one of yours in this round. Delete the row.")))
        elif item_id not in reports_:
            sentence = tk._("The row of this commitment is missing in the sheet of the reports. Copy what you wrote into a fresh download.")
            faults.append(row.fault("milestone.number", sentence))
        elif int(place) in found.setdefault(item_id, {}):
            first = found[item_id][int(place)].cells["milestone.number"]
            sentence = tk._("This row is there twice: its first place is {cell}. Delete one.").format(cell=first)
            faults.append(row.fault("milestone.number", sentence))
        else:
            found[item_id][int(place)] = row
    return found


def _report_of(item: Mapping[str, Any], row: workbook.Row, milestones: Mapping[int, workbook.Row]) -> dict[str, Any]:
    """What the rows say; what they do not say, or say wrongly, is as it stands."""
    now, said = item["report"], row.values
    kept = str(said.get("report.kept", "")).split()

    def text(name: str, code: str) -> str:
        before = (now.get(name) or {}).get(code, "")
        return before if f"{name}-{code}" in kept else said.get(f"report.{name}-{code}", before)

    report: dict[str, Any] = {name: said.get(f"report.{name}", now.get(name, "")) for name in ("completion_level", "evidence")}
    for name in reports.TEXTS:
        report[name] = {code: text(name, code) for code in t.LANGUAGES if text(name, code)}
    count = max([len(now["milestones"]), *milestones])
    report["milestones"] = [dict(each) for each in now["milestones"]] + [{} for _ in range(count - len(now["milestones"]))]
    for place, line in milestones.items():
        for name in ("status", "percent", "evidence"):
            if f"milestone.{name}" in line.values:
                report["milestones"][place - 1][name] = line.values[f"milestone.{name}"]
    report["milestones"] = [{name: value for name, value in each.items() if value not in (None, "")} for each in report["milestones"]]
    return {name: value for name, value in report.items() if value not in ("", {}, None)} | {"milestones": report["milestones"]}


def _compare(
    context: Context,
    called: Round,
    item: Mapping[str, Any],
    row: workbook.Row,
    milestones: Mapping[int, workbook.Row],
    preview: _Preview,
) -> None:
    report = _report_of(item, row, milestones)
    submit, comment = row.values.get("report.send") == "yes", row.values.get("report.comment", "")
    same = workbook.digest(report) == workbook.digest(item["report"])
    # Not touched since the download: what others wrote meanwhile stays.
    untouched = workbook.digest(report) == row.values.get("report.base") and row.values.get("report.version") != item["version"]
    if (same or untouched) and not submit and not comment:
        preview.rows.append(_shown(item, "same"))
        return
    faults: list[workbook.Fault] = []
    if not item["may_write"]:
        sentence = tk._("The report was sent already. It can be changed when it is sent back.")
        faults.append(row.fault("report.number", sentence))
    elif row.values.get("report.version") != item["version"]:
        sentence = tk._("Somebody else changed this report after the workbook was downloaded. Copy what you wrote into a fresh download.")
        faults.append(row.fault("report.number", sentence))
    elif len(report["milestones"]) != len(item["milestones"]):
        faults.append(row.fault("report.number", tk._("The milestones of this commitment have changed. Download the workbook again.")))
    elif submit and not any(fault.cell in row.cells.values() and fault.sheet == row.sheet for fault in preview.faults):
        record = tk.get_action("package_show")({"ignore_auth": True}, {"id": item["commitment"]})
        faults += [row.fault("report.send", s) for s in reports.not_to_be_sent(record, called, report, context.get("user"))]
    preview.faults += faults
    preview.changes.append(_Change(item, report, submit, comment))
    preview.rows.append({**_shown(item, "changed"), "send": submit, "fields": _fields(item, report)})


def _shown(item: Mapping[str, Any], change: str) -> dict[str, Any]:
    return {"id": item["id"], "number": item["number"], "title": item["title"], "change": change, "send": False, "fields": []}


def _fields(item: Mapping[str, Any], report: Mapping[str, Any]) -> list[dict[str, str]]:
    """What is another now, with labels in the reader's language."""
    found: list[dict[str, str]] = []

    def note(label: str, before: str, after: str) -> None:
        if before != after:
            found.append({"label": label, "before": before, "after": after})

    def level(code: str | None) -> str:
        return vocabulary.label("completion_levels", code, reader_language()) if code else ""

    now = item["report"]
    for column in workbook.REPORTS:
        name = column.key.split(".", 1)[1]
        if column.kind == "level":
            note(workbook.label(column), level(now.get(name)), level(report.get(name)))
        elif column.kind == "url":
            note(workbook.label(column), now.get(name) or "", report.get(name) or "")
        elif column.kind == "text":
            name = name.rsplit("-", 1)[0]
            note(workbook.label(column), *((each.get(name) or {}).get(column.language, "") for each in (now, report)))
    for place, milestone in enumerate(item["milestones"]):
        before, after = (each["milestones"][place] if place < len(each["milestones"]) else {} for each in (now, report))
        for column in workbook.MILESTONES:
            if column.filled_in:
                name = column.key.split(".", 1)[1]
                shown = [level(each.get(name)) if column.kind == "level" else str(each.get(name) or "") for each in (before, after)]
                note(f"{milestone['title']} – {workbook.label(column)}", *shown)
    return found


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {
        "ogptn_commitment_round_workbook": ogptn_commitment_round_workbook,
        "ogptn_commitment_round_workbook_import": ogptn_commitment_round_workbook_import,
    }
