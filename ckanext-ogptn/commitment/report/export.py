"""The report of a plan, made from the catalogue: what the Word document and the page print."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context

from ...catalogue import rules, vocabulary
from .. import contacts
from ..model import CommitmentContacts
from .forms import form_of, report_of
from .importer import commitments_of
from .layout import LEVELS, Form


@dataclass
class PlanReport:
    """A plan's report in one language.

    :ivar period: ``(start, end)`` of the progress reports that it prints, partial ISO dates, empty when there are none
    :ivar axes: code of each form's axis by the form's label
    :ivar names: name of each form's record by the form's label
    """

    plan: str
    title: str
    language: str
    period: tuple[str, str]
    forms: list[Form] = field(default_factory=list)
    axes: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    made_on: dt.date = field(default_factory=lambda: dt.datetime.now(dt.timezone.utc).date())

    @property
    def levels(self) -> dict[str, int]:
        """How many forms stand at each level, all four."""
        counted = Counter(form.level for form in self.forms)
        return {level: counted.get(level, 0) for level in LEVELS}

    @property
    def without_level(self) -> int:
        """Forms of which no report says a level."""
        return sum(form.level is None for form in self.forms)


def collect(context: Context, plan: str, language: str, *, period_end: str | None = None, people: bool = False) -> PlanReport:
    """The report of a plan as the caller may see it.

    :param plan: code of the plan
    :param period_end: the period to report on, by its last year, month or day; None for each commitment's newest report
    :param people: with the officials in charge, of those commitments that the caller may change
    :raises ObjectNotFound: there is no such plan
    """
    term = vocabulary.get("plans").terms.get(plan)
    if term is None:
        raise tk.ObjectNotFound(tk._("There is no action plan of this code."))
    periods: Counter[tuple[str, str]] = Counter()
    found = PlanReport(plan, vocabulary.label("plans", plan, language), language, ("", ""))
    user: Any = {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj")}
    if context.get("ignore_auth"):
        user["ignore_auth"] = True
    for _key, package_id in sorted(commitments_of(plan).items()):
        try:
            record = tk.get_action("package_show")(dict(user), {"id": package_id})  # pyright: ignore[reportArgumentType]
        except tk.NotAuthorized:
            continue
        named = None
        if people and (contacts.may_see(dict(user), package_id) or user.get("ignore_auth")):  # pyright: ignore[reportArgumentType]
            named = CommitmentContacts.of(package_id)
        form = form_of(record, language, period_end=period_end, contacts=named)
        report = report_of(record, period_end)
        if report:
            periods[report.get("period_start") or "", report["period_end"]] += 1
        found.forms.append(form)
        found.axes[form.label] = record.get("axis") or ""
        found.names[form.label] = record["name"]
    if periods:
        # Most reports' own; on a draw the later one.
        found.period = max(periods, key=lambda period: (periods[period], rules.last_day(period[1])))
    return found
