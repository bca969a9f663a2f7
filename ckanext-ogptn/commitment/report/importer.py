"""From the forms of a document to commitments of the catalogue: what would change, and the change itself, all or nothing.

A commitment is known by plan, number and part. A cell that says what the catalogue would print in its place changes nothing; so reading
the same document twice, or a document that the catalogue wrote, leaves every record as it is. Texts go into the document's language and the
other languages stay.
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib import plugins as lib_plugins
from ckan.lib import search
from ckan.types import Context

from ...catalogue import rules, vocabulary
from ...catalogue import text as t
from ...catalogue.config import reader_language
from ...catalogue.rules import RuleError
from .. import contacts
from ..config import coordinator_organization
from ..model import CommitmentContacts
from ..writing import save
from . import agencies, deadline, reader
from .blocks import to_markdown, to_text
from .forms import ASK_OBSTACLES, agency_title, form_of, report_of
from .layout import IN_LANGUAGE, Form, Person, Problem, Report, key, problem
from .problems import as_dict, field_label

_NO_OBSTACLES = {
    "ar": "لم تذكر استمارة التقرير عائقا خاصا بهذا التعهد.",
    "fr": "Le formulaire du rapport ne mentionne aucun obstacle propre à cet engagement.",
    "en": "The report's form names no obstacle to this commitment.",
}
_PROVENANCE = {
    "ar": "تقرير التقييم الذاتي، {plan}.",
    "fr": "Rapport d’autoévaluation, {plan}.",
    "en": "Self-assessment report, {plan}.",
}
_CIVIL_SOCIETY = tuple(key(words) for words in ("المجتمع المدني", "جمعيات", "société civile", "civil society", "associations"))
#: Where the values that a form changes stand in a record, with the row that they are shown under.
_COMPARED = {
    "title_translated": "title",
    "owner_org": "agency",
    "responsible_agency": "agency",
    "responsible_unit": "agency",
    "responsible_role": "role",
    "responsible_contacts": "people",
    "other_parties": "parties",
    "notes_translated": "promise",
    "starts_on": "deadline",
    "due_on": "deadline",
    "deadline_text": "deadline",
}
_IN_REPORT = {"completion_level": "level", "done": "done", "obstacles": "obstacles", "evidence": "evidence"}


@dataclass
class Change:
    """What a form means for the catalogue.

    :ivar name: the commitment's name, empty for a new one
    :ivar before: the record as it is, None for a new one
    :ivar after: as it would be
    :ivar fields: ``[{"field", "label", "before", "after"}]``, texts for people to read
    """

    form: Form
    name: str
    before: dict[str, Any] | None
    after: dict[str, Any]
    fields: list[dict[str, str]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """``new``, ``changed`` or ``same``."""
        return "new" if self.before is None else "changed" if self.fields else "same"


@dataclass
class Plan:
    """All that a document would do; nothing has been written."""

    report: Report
    plan: str
    period: tuple[str, str]
    changes: list[Change] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Changes when the document or what it would change does: what is applied is what was shown."""
        said = [self.plan, self.period, [(c.form.label, c.kind, c.fields) for c in self.changes]]
        return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True, default=str).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """For the API and the pages; holds contacts, so only for those who may import."""
        counts = {kind: sum(change.kind == kind for change in self.changes) for kind in ("new", "changed", "same")}
        return {
            "plan": self.plan,
            "language": self.report.language,
            "period_start": self.period[0],
            "period_end": self.period[1],
            "counts": counts,
            "fingerprint": self.fingerprint,
            "errors": [as_dict(item) for item in self.errors],
            "warnings": [as_dict(item) for item in self.warnings],
            "unplaced": [{"form": where, "text": text} for where, text in self.report.unplaced],
            "forms": [
                {
                    "form": change.form.label,
                    "title": change.form.title,
                    "level": change.form.level,
                    "deadline": change.form.deadline,
                    "agency": agency_title(change.after.get("owner_org"), reader_language()),
                    "name": change.name,
                    "change": change.kind,
                    "fields": change.fields,
                    "cells": change.form.cells,
                }
                for change in self.changes
            ],
        }


def prepare(
    data: bytes, context: Context, plan: str | None = None, period: tuple[str, str] | None = None, agency: str | None = None
) -> Plan:
    """Read a document and say what it would change. Writes nothing.

    :param data: the file
    :param plan: code of the action plan; None to find it in the document
    :param period: ``(start, end)`` that the document reports on, partial ISO dates; None for the document's own, else the plan's
    :param agency: organisation for new forms whose own is unknown; None for the coordinator's
    :raises ReportError: the file cannot be read at all
    """
    report = reader.read(data)
    found = Plan(report, plan or "", ("", ""), errors=list(report.errors), warnings=list(report.warnings))
    if not _choose_plan(found, period):
        return found
    _Preparation(found, context, agency).run()
    return found


def _choose_plan(found: Plan, period: tuple[str, str] | None) -> bool:
    plans = vocabulary.get("plans")
    if not found.plan:
        found.plan = _plan_of(found.report)
        if not found.plan:
            found.errors.append(problem("plan-unknown", field="plan"))
            return False
    term = plans.terms.get(found.plan) or plans.find(found.plan)
    if term is None:
        found.errors.append(problem("plan-wrong", field="plan", plan=found.plan))
        return False
    found.plan = term.code
    start, end = period or found.report.period or ("", "")
    try:
        start, end = (rules.date(value, partial=True) if value else "" for value in (start, end))
        rules.period(start, end)
    except RuleError:
        found.errors.append(problem("period-wrong", field="period", found=f"{start} – {end}"))
        return False
    found.period = (start or str(term.more.get("start", "")), end or str(term.more.get("end", "")))
    if not found.period[1]:
        found.errors.append(problem("period-wrong", field="period", found=""))
        return False
    return True


def _plan_of(report: Report) -> str:
    """The one plan that the text around the forms names, by its label or by its years."""
    said = t.western_digits("\n".join(text for where, text in report.unplaced if not where))
    folded = key(said)
    named: set[str] = set()
    for term in vocabulary.get("plans"):
        years = f"{term.more.get('start')}{term.more.get('end')}"
        labels = {key(label) for label in term.label.values()}
        if any(label in folded for label in labels) or (years.isdigit() and years in folded):
            named.add(term.code)
    return named.pop() if len(named) == 1 else ""


class _Preparation:
    def __init__(self, found: Plan, context: Context, agency: str | None) -> None:
        self.found = found
        self.context = context
        self.language = found.report.language
        self.organisations = agencies.everyone(reader_language())
        self.by_id = {organisation.id: organisation for organisation in self.organisations}
        wanted = agency or coordinator_organization()
        self.fallback = next((o for o in self.organisations if wanted in (o.id, o.name)), None)
        self.stored = commitments_of(found.plan)

    def run(self) -> None:
        if not self.organisations:
            self.found.errors.append(problem("agencies-none", field="agency"))
            return
        for form in self.found.report.forms:
            self.found.changes.append(self._change(form))
        # A document with faults is not imported at all, and what CKAN would refuse is a fault.
        faulty = {item.form for item in self.found.errors}
        for change in self.found.changes:
            if change.kind != "same" and change.form.label not in faulty:
                self._validate(change)

    def _warn(self, slug: str, form: Form, name: str, **details: object) -> None:
        self.found.warnings.append(problem(slug, form.label, name, **details))

    # ------------------------------------------------------------------ one form

    def _change(self, form: Form) -> Change:
        stored = self.stored.get((form.number, form.part))
        if stored is None:
            before, printed = None, None
            after: dict[str, Any] = {
                "type": "commitment",
                "plan": self.found.plan,
                "commitment_number": str(form.number),
                "title_translated": {},
                "notes_translated": {},
                "provenance": {
                    code: text.format(plan=vocabulary.label("plans", self.found.plan, code)) for code, text in _PROVENANCE.items()
                },
            }
            if form.part:
                after["commitment_part"] = form.part
            people: list[dict[str, Any]] = []
        else:
            before = tk.get_action("package_show")({"ignore_auth": True, "use_cache": False}, {"id": stored})
            after = copy.deepcopy(before)
            people = CommitmentContacts.of(stored)
            printed = form_of(before, self.language, period_end=self.found.period[1], contacts=people)
        self._write(form, printed, after, people)
        change = Change(form, before["name"] if before else "", before, after)
        change.fields = self._differences(before, after, people)
        return change

    def _write(self, form: Form, printed: Form | None, after: dict[str, Any], people: list[dict[str, Any]]) -> None:
        def says_else(name: str) -> bool:
            if printed is None:
                return True
            same_language = form.languages.get(name) == printed.languages.get(name)
            return getattr(form, name) != getattr(printed, name) or not same_language

        if says_else("title"):
            self._text(after, "title_translated", "title", form, form.title)
        if says_else("agency") or (printed is not None and form.languages.get("unit") != printed.languages.get("unit")):
            self._agency(form, after)
        if form.role and says_else("role"):
            self._text(after, "responsible_role", "role", form, form.role)
        if form.parties and says_else("parties"):
            after["other_parties"] = _parties(form.parties, after.get("other_parties") or [], self.language)
        if form.promise and says_else("promise") and not (printed is not None and "promise" in form.doubtful):
            self._text(after, "notes_translated", "promise", form, to_markdown(form.promise))
        elif printed is None:
            self._text(after, "notes_translated", "title", form, form.title)
        if form.deadline and says_else("deadline"):
            self._deadline(form, after)
        if form.people is not None and (printed is None or form.people != printed.people):
            after[contacts.FIELD] = self._people(form, people)
        self._report(form, after, says_else)

    def _text(self, record: dict[str, Any], name: str, row: str, form: Form, text: str) -> None:
        language = form.languages.get(row, self.language)
        record[name] = {**(record.get(name) or {}), language: text}

    def _agency(self, form: Form, after: dict[str, Any]) -> None:
        match = agencies.find(form.agency, self.organisations)
        said = " ".join(form.agency)
        stored = self.by_id.get(after.get("owner_org") or "")
        named = after.get("responsible_agency") or after.get("owner_org")
        if match.organisation is None:
            if stored is not None:
                self._warn("agency-kept", form, "agency", found=said, agency=stored.title)
            elif self.fallback is not None:
                self._warn("agency-unknown", form, "agency", found=said, agency=self.fallback.title)
                after["owner_org"] = self.fallback.id
            else:
                self.found.errors.append(problem("agency-nowhere", form.label, "agency", found=said))
        else:
            if match.similar:
                self._warn("agency-similar", form, "agency", found=said, agency=match.organisation.title)
            if match.others:
                self._warn("agency-several", form, "agency", agency=match.organisation.title)
            # An organisation below the one that is named knows better than the document.
            if named != match.organisation.id and match.organisation.id not in self._above(named):
                after["owner_org"] = match.organisation.id
                after.pop("responsible_agency", None)
        if match.unit:
            self._text(after, "responsible_unit", "unit", form, match.unit)

    def _above(self, organisation_id: str | None) -> set[str]:
        above: set[str] = set()
        organisation = self.by_id.get(organisation_id or "")
        while organisation is not None and organisation.parent and organisation.parent not in above:
            above.add(organisation.parent)
            organisation = self.by_id.get(organisation.parent)
        return above

    def _deadline(self, form: Form, after: dict[str, Any]) -> None:
        starts_on, due_on, written = deadline.read(form.deadline)
        for name, value in (("starts_on", starts_on), ("due_on", due_on), ("deadline_text", written)):
            if value:
                after[name] = value
            elif name == "deadline_text" or (name == "due_on" and written):
                after.pop(name, None)

    def _people(self, form: Form, stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
        assert form.people is not None
        known = {key(row.get("name", "")): row for row in stored}
        found: list[dict[str, Any]] = []
        for person in form.people:
            row = dict(known.get(key(person.name), {})) if person.name else {}
            row.pop("phone", None)
            row.pop("email", None)
            row["name"] = person.name
            for name, slug, check in (("phone", "phone-wrong", rules.phone), ("email", "email-wrong", rules.email)):
                value = getattr(person, name)
                if value:
                    try:
                        row[name] = check(value)
                    except RuleError:
                        self._warn(slug, form, name, found=value)
            row = {name: value for name, value in row.items() if value}
            if row:
                found.append(row)
        return found

    def _report(self, form: Form, after: dict[str, Any], says_else: Any) -> None:
        reports = [dict(report) for report in after.get("progress_reports") or []]
        stored = report_of({"progress_reports": reports}, self.found.period[1])
        entry: dict[str, Any] | None = next((report for report in reports if report is stored), None)
        if entry is None:
            if form.level is None:
                return
            entry = {"period_start": self.found.period[0], "period_end": self.found.period[1]}
            reports.append(entry)
        if form.level is not None:
            entry["completion_level"] = form.level
        for name in ("done", "obstacles"):
            blocks = getattr(form, name)
            if blocks and says_else(name):
                self._text(entry, name, name, form, to_markdown(blocks))
        if form.evidence and says_else("evidence"):
            try:
                entry["evidence"] = rules.url(form.evidence)
            except RuleError:
                self._warn("evidence-wrong", form, "evidence", found=form.evidence)
        if entry.get("completion_level") in ASK_OBSTACLES and not entry.get("obstacles"):
            entry["obstacles"] = {self.language: _NO_OBSTACLES[self.language]}
            self._warn("obstacles-none", form, "obstacles")
        if entry.get("completion_level") == "complete":
            entry.pop("obstacles", None)
        after["progress_reports"] = reports

    # ------------------------------------------------------------------ what changes

    def _differences(self, before: dict[str, Any] | None, after: dict[str, Any], people: list[dict[str, Any]]) -> list[dict[str, str]]:
        period_end = self.found.period[1]
        old = dict(before or {})
        if contacts.FIELD in after:
            old[contacts.FIELD] = people
        pairs = [(row, old.get(name), after.get(name)) for name, row in _COMPARED.items()]
        old_report, new_report = report_of(old, period_end), report_of(after, period_end)
        pairs += [(row, old_report.get(name), new_report.get(name)) for name, row in _IN_REPORT.items()]
        found: list[dict[str, str]] = []
        for row, was, is_ in pairs:
            if (was or None) != (is_ or None):
                found.append({"field": row, "label": field_label(row), "before": self._shown(row, was), "after": self._shown(row, is_)})
        return found

    def _shown(self, row: str, value: Any) -> str:
        if not value:
            return ""
        if row == "agency" and isinstance(value, str):
            return agency_title(value, reader_language())
        if row == "level":
            return vocabulary.label("completion_levels", value, reader_language())
        if isinstance(value, dict):
            return value.get(self.language) or t.pick(value)
        if row == "people":
            return "\n".join(" · ".join(str(item.get(name)) for name in ("name", "phone", "email") if item.get(name)) for item in value)
        if row == "parties":
            return "\n".join(item["name_translated"].get(self.language) or t.pick(item["name_translated"]) for item in value)
        return str(value)

    def _validate(self, change: Change) -> None:
        """What CKAN's schema says of the record, without writing it."""
        plugin = lib_plugins.lookup_package_plugin("commitment")
        action = "package_update" if change.before else "package_create"
        context: dict[str, Any] = {"model": model, "session": model.Session, "user": self.context.get("user"), "ignore_auth": True}
        if change.before:
            context["package"] = model.Package.get(change.before["id"])
        schema = plugin.update_package_schema() if change.before else plugin.create_package_schema()
        record = copy.deepcopy(change.after)
        _data, errors = lib_plugins.plugin_validate(plugin, context, record, schema, action)  # pyright: ignore[reportArgumentType]
        for name, reasons in (errors or {}).items():
            for reason in rules.sentences(reasons):
                row = _COMPARED.get(name, "done" if name == "progress_reports" else name)
                self.found.errors.append(problem("refused", change.form.label, row, reason=reason))


def _parties(written: list[str], stored: list[dict[str, Any]], language: str) -> list[dict[str, Any]]:
    """The parties of a form over those of the record: paired by place when there are as many, else by name."""
    found: list[dict[str, Any]] = []
    for place, text in enumerate(written):
        code = language
        for other, mark in IN_LANGUAGE.items():
            if text.startswith(mark):
                code, text = other, text[len(mark) :].strip()
        if len(stored) == len(written):
            row: dict[str, Any] = copy.deepcopy(stored[place])
        else:
            same = [row for row in stored if key(text) in {key(name) for name in row["name_translated"].values()}]
            row = copy.deepcopy(same[0]) if same else {"name_translated": {}}
        row["name_translated"][code] = text
        if not row.get("kind") and any(words in key(text) for words in _CIVIL_SOCIETY):
            row["kind"] = "civil_society"
        found.append(row)
    return found


def commitments_of(plan: str) -> dict[tuple[int, str], str]:
    """Ids of a plan's commitments by number and part; drafts and deleted ones are nobody's."""
    extras = model.Package.extras
    query = model.Session.query(model.Package.id, extras).filter(
        model.Package.type == "commitment", model.Package.state == "active", extras["plan"].astext == plan
    )
    found: dict[tuple[int, str], str] = {}
    for package_id, values in query:
        number = str(values.get("commitment_number", ""))
        if number.isdigit():
            found[int(number), values.get("commitment_part") or ""] = package_id
    return found


def apply(plan: Plan, context: Context) -> dict[str, list[str]]:
    """Write all changes in one transaction, through CKAN's own actions, as the caller.

    :returns: ``{"created": names, "updated": names, "unchanged": names}``
    :raises ValidationError: the plan has errors, or CKAN refuses a record; nothing is written then
    :raises NotAuthorized: the caller may not write a record
    """
    if plan.errors:
        raise tk.ValidationError({"file": [as_dict(item)["message"] for item in plan.errors]})
    done: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": []}
    written: list[str] = []
    try:
        for change in plan.changes:
            if change.kind == "same":
                done["unchanged"].append(change.name)
                continue
            try:
                written.append(save(change.after, context, new=change.before is None))
            except tk.ValidationError as refused:
                reasons = [
                    as_dict(problem("refused", change.form.label, "", reason=r))["message"] for r in rules.sentences(refused.error_dict)
                ]
                raise tk.ValidationError({"file": reasons}) from refused
            package = model.Package.get(written[-1])
            assert package is not None
            done["updated" if change.before else "created"].append(str(package.name))
        model.repo.commit()
    except BaseException:
        model.Session.rollback()
        raise
    search.rebuild(package_ids=written)
    search.commit()
    return done


def summary(form: Form) -> dict[str, Any]:
    """A form's fields as plain values, for tables and tests."""
    people: list[Person] | None = form.people
    return {
        "number": form.number,
        "part": form.part,
        "title": form.title,
        "agency": "\n".join(form.agency),
        "role": form.role,
        "people": None if people is None else [vars(person) for person in people],
        "parties": form.parties,
        "promise": to_text(form.promise),
        "level": form.level,
        "done": to_text(form.done),
        "obstacles": to_text(form.obstacles),
        "deadline": form.deadline,
    }
