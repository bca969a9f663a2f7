"""What a commitment's fields owe to one another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from ..catalogue import rules, vocabulary
from ..catalogue import text as t
from ..catalogue.config import reader_language
from ..catalogue.rules import RuleError
from ..catalogue.validation import Field, Validator, field_validator, is_draft, simple
from ..catalogue.validators import add_error, check_period, rows, value_of
from . import contacts

Row = tuple[Any, ...]


def _part(value: Any, field: Field) -> str:  # noqa: ARG001
    part = rules.text(value, 20, multiline=False).lower().strip("().")
    if not re.fullmatch("[a-z]", part):
        raise RuleError("part-shape", value=part)
    return part


def _ogp_identifier(value: Any, field: Field) -> str:  # noqa: ARG001
    identifier = t.western_digits(rules.text(value, 20, multiline=False)).upper()
    if not re.fullmatch("TN[0-9]{4}", identifier):
        raise RuleError("ogp-identifier", value=identifier)
    return identifier


ogptn_commitment_part = simple(_part)
ogptn_ogp_identifier = simple(_ogp_identifier)


def newest_level(reports: list[Mapping[str, Any]]) -> str | None:
    """The completion level of the report whose period ends last, or None without reports.

    :param reports: ``[{"period_end": partial ISO date, "completion_level": code}]``
    """
    dated = [report for report in reports if report.get("period_end") and report.get("completion_level")]
    if not dated:
        return None
    return str(max(dated, key=lambda report: rules.last_day(report["period_end"]))["completion_level"])


@field_validator
def ogptn_commitment(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """After the fields: the axis belongs to the plan, dates are in order, findings fit their scheme, the level comes from the reports."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
        _check_axis(data, errors)
        check_period((), "starts_on", "due_on", data, errors, "milestone-order")
        for row in rows("milestones", data):
            _check_milestone(row, data, errors)
        _check_reports(data, errors)
        for row in rows("irm_coding", data):
            _check_finding(row, data, errors)
        if not is_draft(data, context):
            _check_number(data, errors, context)
        if any(errors.values()):
            return
        level = newest_level([_row(row, data) for row in rows("progress_reports", data)])
        if level:
            _add_extra("completion_level", level, data)
        revision = contacts.take_out(data, context)
        if revision:
            _add_extra("contacts_revision", revision, data)

    return validator


def _row(row: Row, data: FlattenDataDict) -> dict[str, Any]:
    return {key[-1]: value for key, value in data.items() if key[:2] == row}


def _add_extra(name: str, value: str, data: FlattenDataDict) -> None:
    at = max((key[1] for key in data if key[0] == "extras" and len(key) == 3), default=-1) + 1
    data[("extras", at, "key")] = name
    data[("extras", at, "value")] = value


def _check_axis(data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    plan, axis = value_of((), "plan", data), value_of((), "axis", data)
    if not plan or not axis or errors.get(("plan",)) or errors.get(("axis",)):
        return
    term = vocabulary.get("axes").terms.get(axis)
    if term is not None and term.parent != plan:
        language = reader_language()
        shown = {"value": vocabulary.label("axes", axis, language), "parent": vocabulary.label("plans", plan, language)}
        add_error((), "axis", RuleError("vocabulary-parent", **shown), errors)


def _check_milestone(row: Row, data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    check_period(row, "starts_on", "due_on", data, errors, "milestone-order")
    status, percent = value_of(row, "status", data), value_of(row, "percent", data)
    if percent is None or errors.get((*row, "percent")):
        return
    if status == "complete" and int(percent) != 100:
        add_error(row, "percent", RuleError("milestone-percent-complete"), errors)
    if status == "not_started" and int(percent) > 0:
        add_error(row, "percent", RuleError("milestone-percent-not-started", percent=percent), errors)


def _check_reports(data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    ends: set[str] = set()
    for row in rows("progress_reports", data):
        check_period(row, "period_start", "period_end", data, errors, "report-period-order")
        end = value_of(row, "period_end", data)
        if not end or errors.get((*row, "period_end")):
            continue
        last = rules.last_day(end)
        if last in ends:
            # Which of the two levels is the current one could not be told.
            add_error(row, "period_end", RuleError("report-duplicate", end=end), errors)
        ends.add(last)


def _check_finding(row: Row, data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    names = ("coding_scheme", "indicator", "value")
    scheme, indicator, value = (value_of(row, name, data) for name in names)
    if any(errors.get((*row, name)) for name in names):
        return
    language = reader_language()
    known_indicator = vocabulary.get("irm_indicators").terms.get(indicator or "")
    if known_indicator and scheme and scheme not in known_indicator.more.get("schemes", (scheme,)):
        shown = {"value": t.pick(known_indicator.label, language), "scheme": vocabulary.label("irm_schemes", scheme, language)}
        add_error(row, "indicator", RuleError("irm-indicator", **shown), errors)
    known_value = vocabulary.get("irm_values").terms.get(value or "")
    if known_value and indicator and indicator not in known_value.more.get("indicators", (indicator,)):
        shown = {"value": t.pick(known_value.label, language), "indicator": vocabulary.label("irm_indicators", indicator, language)}
        add_error(row, "value", RuleError("irm-value", **shown), errors)


def _check_number(data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
    plan, number = value_of((), "plan", data), value_of((), "commitment_number", data)
    part = value_of((), "commitment_part", data) or ""
    if not plan or not number or any(errors.get((name,)) for name in ("plan", "commitment_number", "commitment_part")):
        return
    # Two requests with the same number would each not see the other's record: the second waits here until the first has ended.
    model.Session.execute(sa.select(sa.func.pg_advisory_xact_lock(lock_number(plan, number, part))))
    package = context.get("package")
    extras = model.Package.extras
    other = model.Session.query(model.Package.name).filter(
        model.Package.type == "commitment",
        model.Package.state == "active",
        # As in the index that migration 0002 makes.
        extras["plan"].astext == plan,
        extras["commitment_number"].astext == number,
        sa.func.coalesce(extras["commitment_part"].astext, "") == part,
    )
    if package is not None:
        other = other.filter(model.Package.id != package.id)
    if (found := other.first()) is not None:
        add_error((), "commitment_number", RuleError("commitment-duplicate", number=f"{number}{part}", name=found.name), errors)


def lock_number(plan: str, number: str, part: str) -> int:
    """The advisory lock (a signed 64-bit number) that a request holds, until its transaction ends, on one number of one plan."""
    written = f"ogptn-commitment\x1f{plan}\x1f{number}\x1f{part}"
    return int.from_bytes(hashlib.sha256(written.encode()).digest()[:8], "big", signed=True)


def get_validators() -> dict[str, Callable[..., Any]]:
    """The validators by the names that the schemas use."""
    return {
        "ogptn_commitment": ogptn_commitment,
        "ogptn_commitment_part": ogptn_commitment_part,
        "ogptn_contacts_given": contacts.note_given,
        "ogptn_ogp_identifier": ogptn_ogp_identifier,
    }
