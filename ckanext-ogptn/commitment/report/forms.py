"""A commitment of the catalogue as a form of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckan import model

from ...catalogue import names, rules, vocabulary
from ...catalogue import text as t
from . import deadline
from .blocks import from_markdown, squeeze
from .layout import IN_LANGUAGE, Form, Person

#: Levels for which the schema asks for obstacles.
ASK_OBSTACLES = ("not_started", "limited")


def in_language(value: Mapping[str, str] | None, language: str) -> tuple[str, str]:
    """A text in a language, else in the first other one that it has: ``(text, its language)``."""
    for code in (language, *t.LANGUAGES):
        if value and value.get(code):
            return value[code], code
    return "", language


def report_of(record: Mapping[str, Any], period_end: str | None = None) -> Mapping[str, Any]:
    """The progress report of a period, or the newest one; empty when there is none.

    :param period_end: partial ISO date on which the period ends; None for the newest
    """
    dated = [report for report in record.get("progress_reports") or [] if report.get("period_end")]
    if period_end is not None:
        dated = [report for report in dated if rules.last_day(report["period_end"]) == rules.last_day(period_end)]
    return max(dated, key=lambda report: rules.last_day(report["period_end"]), default={})


def agency_title(organisation_id: str | None, language: str) -> str:
    """An organisation's name in a language, else in another; empty when it does not exist."""
    group = model.Group.get(organisation_id) if organisation_id else None
    if group is None:
        return ""
    return in_language(names.organization_titles(group), language)[0] or group.title or group.name


def form_of(
    record: Mapping[str, Any],
    language: str,
    *,
    period_end: str | None = None,
    contacts: list[dict[str, Any]] | None = None,
) -> Form:
    """A commitment as a form.

    :param record: as ``package_show`` gives it
    :param language: the document's; texts that are missing in it come in another, noted in ``languages``
    :param period_end: which progress report; None for the newest
    :param contacts: the officials in charge, for editors only; None leaves their rows out
    """
    form = Form(int(record["commitment_number"]), record.get("commitment_part") or "")
    report = report_of(record, period_end)

    def said(name: str, value: Mapping[str, str] | None) -> str:
        found, code = in_language(value, language)
        if found and code != language:
            form.languages[name] = code
        return found

    form.title = " ".join(said("title", record.get("title_translated")).split())
    agency = record.get("responsible_agency") or record.get("owner_org")
    unit = squeeze(said("unit", record.get("responsible_unit")))
    form.agency = [agency_title(agency, language), *(unit.split("\n") if unit else [])]
    form.role = squeeze(said("role", record.get("responsible_role")))
    for party in record.get("other_parties") or []:
        name, code = in_language(party.get("name_translated"), language)
        name = " ".join(name.split())
        form.parties.append(f"{IN_LANGUAGE[code]} {name}" if code != language else name)
    form.promise = from_markdown(said("promise", record.get("notes_translated")))
    form.level = report.get("completion_level")
    form.done = from_markdown(said("done", report.get("done")))
    form.obstacles = from_markdown(said("obstacles", report.get("obstacles")))
    form.evidence = report.get("evidence") or ""
    form.deadline = deadline.write(record.get("due_on") or "", record.get("deadline_text") or "", language)
    for milestone in record.get("milestones") or []:
        parts = [in_language(milestone.get("title"), language)[0]]
        if milestone.get("due_on"):
            parts.append(deadline.write(milestone["due_on"], "", language))
        if milestone.get("status"):
            parts.append(vocabulary.label("completion_levels", milestone["status"], language))
        form.milestones.append(" – ".join(parts))
    if contacts is not None:
        form.people = [Person(row.get("name", ""), row.get("phone", ""), row.get("email", "")) for row in contacts]
    return form
