"""What an agency sends in a round: where it starts, what is missing, what it would make of the commitment."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib import plugins as lib_plugins

from ...catalogue import rules, vocabulary
from ...catalogue.config import reader_language
from ...catalogue.rules import RuleError
from ..report.forms import ASK_OBSTACLES, report_of
from .model import Round

TEXTS = ("done", "obstacles")
_LONGEST = 50_000
#: The share of milestones done, in percent, above which a level looks too low and below which it looks too high.
_USUAL = {"not_started": (0, 0), "limited": (0, 50), "substantial": (30, 99), "complete": (100, 100)}


def milestone_titles(record: Mapping[str, Any]) -> list[Any]:
    """What a commitment's milestones are known by, in their order: their titles ``{language: text}``."""
    return [milestone.get("title") or {} for milestone in record.get("milestones") or []]


def aligned(report: Mapping[str, Any], then: list[Any], now: list[Any]) -> dict[str, Any]:
    """A report whose rows follow the milestones as they are now, after some were added, taken away or moved.

    :param then: :func:`milestone_titles` when the report was written
    :param now: the same of the commitment as it is
    """
    left = list(zip(then, report.get("milestones") or [], strict=False))
    rows: list[dict[str, Any]] = []
    for title in now:
        at = next((place for place, (known, _row) in enumerate(left) if known == title), None)
        rows.append({} if at is None else dict(left.pop(at)[1]))
    return {**report, "milestones": rows}


def start(record: Mapping[str, Any]) -> dict[str, Any]:
    """The report that a form begins with: the newest one of the commitment, and its milestones as they stand."""
    last = report_of(record)
    begun: dict[str, Any] = {name: copy.deepcopy(last[name]) for name in ("completion_level", *TEXTS, "evidence") if last.get(name)}
    begun["milestones"] = [
        {name: milestone[name] for name in ("status", "percent", "evidence") if milestone.get(name)}
        for milestone in record.get("milestones") or []
    ]
    return begun


def missing(report: Mapping[str, Any]) -> list[str]:
    """What a report still needs before it can be sent, as sentences in the reader's language."""
    needs: list[str] = []
    if not report.get("completion_level"):
        needs.append(tk._("Choose the completion level."))
    if not report.get("done"):
        needs.append(tk._("Say what was done."))
    if report.get("completion_level") in ASK_OBSTACLES and not report.get("obstacles"):
        needs.append(tk._("Say what stood in the way: the level asks for it."))
    return needs


def hint(report: Mapping[str, Any]) -> str:
    """A sentence when the level and the milestones do not go together, else empty. Never a change."""
    level, milestones = report.get("completion_level"), report.get("milestones") or []
    if not level or len(milestones) < 2:
        return ""
    done = sum(milestone.get("status") == "complete" for milestone in milestones)
    share = 100 * done // len(milestones)
    low, high = _USUAL[level]
    if low <= share <= high:
        return ""
    return tk._("{done} of {all} milestones are done, and the level says “{level}”. Is it right?").format(
        done=done, all=len(milestones), level=vocabulary.label("completion_levels", level, reader_language())
    )


def clean(given: Mapping[str, Any], milestones: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A report as it may be stored as a draft.

    :param given: as a form, a workbook or the API sends it
    :param milestones: how many the commitment has
    :returns: ``(report, {field: [message]})``; fields with a message are left out
    """
    found: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    unknown = set(given) - {"completion_level", *TEXTS, "evidence", "milestones"}
    for name in sorted(unknown):
        errors[name] = [rules.message("unknown-field", name=name)]

    def check(name: str, rule: Any, value: Any, store: dict[str, Any], key: str) -> None:
        if value in (None, "", {}):
            return
        try:
            checked = rule(value)
        except RuleError as broken:
            errors[name] = [str(broken)]
        else:
            if checked not in ("", {}):
                store[key] = checked

    check("completion_level", _level, given.get("completion_level"), found, "completion_level")
    for name in TEXTS:
        check(name, lambda value: rules.translations(value, _LONGEST), given.get(name), found, name)
    check("evidence", rules.url, given.get("evidence"), found, "evidence")
    rows = given.get("milestones") or []
    if not isinstance(rows, list) or len(rows) > milestones or not all(isinstance(row, Mapping) for row in rows):
        errors["milestones"] = [tk._("The milestones have changed. Open the form again.")]
        rows = []
    found["milestones"] = [{} for _ in range(milestones)]
    for place, row in enumerate(rows):
        into = found["milestones"][place]
        where = f"milestones-{place}"
        check(f"{where}-status", _level, row.get("status"), into, "status")
        check(f"{where}-percent", lambda value: str(rules.integer(value, 0, 100)), row.get("percent"), into, "percent")
        check(f"{where}-evidence", rules.url, row.get("evidence"), into, "evidence")
    return found, errors


def _level(value: Any) -> str:
    term = vocabulary.get("completion_levels").find(rules.text(value, 100, multiline=False))
    if term is None:
        raise RuleError("vocabulary-code", value=str(value), vocabulary=tk._("completion levels"))
    return term.code


def applied(record: Mapping[str, Any], called: Round, report: Mapping[str, Any]) -> dict[str, Any]:
    """The commitment as it is once the report is accepted: the report of the round's period added or replaced, milestones brought up.

    :param report: with a row for each milestone of ``record``, see :func:`aligned`
    """
    after = cast("dict[str, Any]", copy.deepcopy(dict(record)))
    reports = [dict(old) for old in after.get("progress_reports") or []]
    kept = [old for old in reports if rules.last_day(old["period_end"]) != rules.last_day(called.period_end)]
    replaced = next((old for old in reports if rules.last_day(old["period_end"]) == rules.last_day(called.period_end)), {})
    entry = {"period_start": called.period_start or replaced.get("period_start"), "period_end": called.period_end}
    entry.update({name: report[name] for name in ("completion_level", *TEXTS, "evidence") if report.get(name)})
    if entry.get("completion_level") == "complete":
        entry.pop("obstacles", None)
    after["progress_reports"] = [*kept, {name: value for name, value in entry.items() if value}]
    milestones = after.get("milestones") or []
    for milestone, said in zip(milestones, report["milestones"], strict=True):
        for name in ("status", "percent", "evidence"):
            if said.get(name):
                milestone[name] = said[name]
            else:
                milestone.pop(name, None)
    return after


def not_to_be_sent(record: Mapping[str, Any], called: Round, report: Mapping[str, Any], user: str | None) -> list[str]:
    """Why a report cannot be sent, as sentences: what is missing, else what the commitment's schema says against it."""
    return missing(report) or refusals(applied(record, called, report), user)


def refusals(after: dict[str, Any], user: str | None) -> list[str]:
    """What the schema says against a commitment, as sentences; writes nothing."""
    plugin = lib_plugins.lookup_package_plugin("commitment")
    context: Any = {
        "model": model,
        "session": model.Session,
        "user": user,
        "ignore_auth": True,
        "package": model.Package.get(after["id"]),
    }
    _data, errors = lib_plugins.plugin_validate(plugin, context, copy.deepcopy(after), plugin.update_package_schema(), "package_update")
    return rules.sentences(errors)
