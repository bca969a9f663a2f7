"""Actions on the self-assessment report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ..catalogue import rules
from ..catalogue import text as t
from ..catalogue.config import reader_language
from .report import export, importer, word, writer
from .report.problems import message
from .report.rows import ReportError


def _content(data_dict: DataDict) -> bytes:
    """The bytes that were uploaded, never more than a report may have.

    :raises ValidationError: there is no file
    """
    upload = data_dict.get("upload")
    stream = getattr(upload, "stream", upload)
    if stream is None or not hasattr(stream, "read") or not getattr(upload, "filename", "file"):
        raise tk.ValidationError({"upload": [tk._("Choose the report's file.")]})
    return stream.read(word.LIMIT_FILE + 1)


def _text(data_dict: DataDict, name: str) -> str:
    value = data_dict.get(name) or ""
    if not isinstance(value, str):
        raise tk.ValidationError({name: [tk._("This must be text.")]})
    return value.strip()


def _prepared(context: Context, data_dict: DataDict) -> importer.Plan:
    data = _content(data_dict)
    start, end = _text(data_dict, "period_start"), _text(data_dict, "period_end")
    try:
        return importer.prepare(
            data,
            context,
            plan=_text(data_dict, "plan") or None,
            period=(start, end) if start or end else None,
            agency=_text(data_dict, "agency") or None,
        )
    except ReportError as error:
        raise tk.ValidationError({"upload": [message(error.problem)]}) from None


def ogptn_commitment_report_preview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Read a self-assessment report and say what importing it would change. Writes nothing.

    :param upload: the file, ``.docx`` or the report's plain text, sent as multipart/form-data
    :param plan: optional code of the action plan; found in the document if it names one
    :param period_start: optional first year, month or day that the report covers, ``YYYY[-MM[-DD]]``; else the document's or the plan's
    :param period_end: optional last year, month or day
    :param agency: optional name or id of the organisation for new commitments whose agency is unknown; the coordinator's by default
    :returns: ``{"plan", "language", "period_start", "period_end", "counts": {"new", "changed", "same"}, "fingerprint",
        "errors": [problem], "warnings": [problem], "unplaced": [{"form", "text"}], "forms": [{"form", "title", "level", "deadline",
        "agency", "name", "change", "fields": [{"field", "label", "before", "after"}], "cells": {row: text}}]}`` with each problem
        ``{"slug", "form", "field", "message"}``. With errors the report cannot be imported.
    :raises NotAuthorized: the caller is no system administrator
    :raises ValidationError: there is no file, or it cannot be read at all
    """
    tk.check_access("ogptn_commitment_report_preview", context, data_dict)
    return _prepared(context, data_dict).as_dict()


def ogptn_commitment_report_import(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Import a self-assessment report: all of it in one transaction, or nothing.

    Commitments are known by plan, number and part. Importing the same report again changes nothing.

    :param upload: as in `ogptn_commitment_report_preview`, and so ``plan``, ``period_start``, ``period_end``, ``agency``
    :param fingerprint: optional, of the preview: the import is refused if the catalogue or the document is another by now
    :returns: ``{"created": [name], "updated": [name], "unchanged": [name], "warnings": [problem]}``
    :raises NotAuthorized: the caller is no system administrator
    :raises ValidationError: the document has errors (each names form and field), or the catalogue has changed since the preview
    """
    tk.check_access("ogptn_commitment_report_import", context, data_dict)
    plan = _prepared(context, data_dict)
    expected = _text(data_dict, "fingerprint")
    if expected and expected != plan.fingerprint:
        raise tk.ValidationError({"fingerprint": [tk._("The catalogue has changed since the preview. Look at the new preview.")]})
    done = importer.apply(plan, context)
    return {**done, "warnings": plan.as_dict()["warnings"]}


@tk.side_effect_free
def ogptn_commitment_report_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """The self-assessment report of a plan, made from the catalogue.

    :param plan: code of the action plan
    :param lang: optional ``ar``, ``fr`` or ``en``; the reader's by default
    :param period_end: optional last year, month or day of the period to report on; each commitment's newest report by default
    :param people: optional, true to have the officials in charge of the commitments that the caller may change
    :returns: ``{"plan", "title", "language", "period_start", "period_end", "levels": {code: number}, "without_level", "made_on", "forms":
        [{"number", "part", "name", "axis", "title", "agency", "role", "people", "parties", "promise", "level", "done", "obstacles",
        "deadline"}]}``; texts are Markdown
    :raises NotFound: there is no such plan
    :raises ValidationError: the language or the period is none
    """
    tk.check_access("ogptn_commitment_report_show", context, data_dict)
    report = _collected(context, data_dict)
    return {
        "plan": report.plan,
        "title": report.title,
        "language": report.language,
        "period_start": report.period[0],
        "period_end": report.period[1],
        "levels": report.levels,
        "without_level": report.without_level,
        "made_on": report.made_on.isoformat(),
        "forms": [{**importer.summary(form), "name": report.names[form.label], "axis": report.axes[form.label]} for form in report.forms],
    }


def _collected(context: Context, data_dict: DataDict) -> export.PlanReport:
    language = _text(data_dict, "lang") or reader_language()
    if language not in t.LANGUAGES:
        raise tk.ValidationError({"lang": [rules.message("unknown-language", language=language)]})
    period_end = _text(data_dict, "period_end") or None
    if period_end is not None:
        try:
            period_end = rules.date(period_end, partial=True)
        except rules.RuleError as broken:
            raise tk.ValidationError({"period_end": [str(broken)]}) from None
    people = tk.asbool(data_dict.get("people") or False)
    return export.collect(context, _text(data_dict, "plan"), language, period_end=period_end, people=people)


def word_report(context: Context, data_dict: DataDict) -> tuple[str, bytes]:
    """The same as a Word document: ``(file name, content)``. Parameters and errors are those of `ogptn_commitment_report_show`."""
    tk.check_access("ogptn_commitment_report_show", context, data_dict)
    report = _collected(context, data_dict)
    return writer.file_name(report), writer.write(report)


def printed_report(context: Context, data_dict: DataDict) -> export.PlanReport:
    """The same with its forms as they are, for the page that prints them."""
    tk.check_access("ogptn_commitment_report_show", context, data_dict)
    return _collected(context, data_dict)


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {
        "ogptn_commitment_report_import": ogptn_commitment_report_import,
        "ogptn_commitment_report_preview": ogptn_commitment_report_preview,
        "ogptn_commitment_report_show": ogptn_commitment_report_show,
    }
