"""Actions on reporting rounds."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import search
from ckan.types import Context, DataDict
from sqlalchemy.exc import IntegrityError

from ...catalogue import rules, vocabulary
from ...catalogue import text as t
from ...catalogue.config import reader_language
from ...catalogue.rules import RuleError
from .. import evidence
from ..report.forms import agency_title
from ..report.importer import commitments_of
from ..validators import lock_number
from ..writing import save
from . import mails, reports
from .auth import coordinates, user_id
from .model import ACCEPTED, DRAFT, RETURNED, STATES, SUBMITTED, Round, RoundEvent, RoundItem

_LONGEST_COMMENT = 5_000
#: States in which the agency may write.
_OPEN_TO_AGENCY = (*STATES[:2], RETURNED)


def _today() -> dt.date:
    return dt.datetime.now(dt.timezone.utc).date()


def _round(data_dict: DataDict, for_update: dict[str, bool] | None = None) -> Round:
    lock: Any = {} if for_update is None else {"populate_existing": True, "with_for_update": for_update or True}
    found = model.Session.get(Round, str(data_dict.get("id") or ""), **lock)
    if found is None:
        raise tk.ObjectNotFound(tk._("There is no such reporting round."))
    return found


def is_late(called: Round, item: RoundItem) -> bool:
    """Whether a report came, or has not come, after the round's last day."""
    if item.submitted_at is not None and item.state in (SUBMITTED, ACCEPTED):
        return item.submitted_at.date() > called.due_on
    return (called.closed_at.date() if called.closed_at else _today()) > called.due_on


def _round_dict(called: Round, items: list[RoundItem]) -> dict[str, Any]:
    counted = Counter(item.state for item in items)
    return {
        "id": called.id,
        "plan": called.plan,
        "title": called.title,
        "period_start": called.period_start or "",
        "period_end": called.period_end,
        "due_on": called.due_on.isoformat(),
        "open": called.closed_at is None,
        "opened_at": called.opened_at.isoformat(),
        "closed_at": called.closed_at.isoformat() if called.closed_at else None,
        "states": {state: counted.get(state, 0) for state in STATES},
        "late": sum(is_late(called, item) for item in items),
    }


def _item_dict(called: Round, item: RoundItem, package: model.Package) -> dict[str, Any]:
    number = f"{package.extras.get('commitment_number', '')}{package.extras.get('commitment_part') or ''}"
    return {
        "id": item.id,
        "commitment": package.name,
        "number": number,
        "title": package.title,
        "agency": agency_title(package.owner_org, reader_language()),
        "state": item.state,
        "late": is_late(called, item),
        "submitted_at": item.submitted_at.isoformat() if item.submitted_at else None,
    }


@tk.side_effect_free
def ogptn_commitment_round_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """The reporting rounds, newest first.

    :returns: ``[{"id", "plan", "title": {language: text}, "period_start", "period_end", "due_on", "open", "opened_at", "closed_at",
        "states": {state: number}, "late": number}]``
    """
    tk.check_access("ogptn_commitment_round_list", context, data_dict)
    rounds = model.Session.query(Round).order_by(Round.opened_at.desc()).all()
    return [_round_dict(called, called.items()) for called in rounds]


@tk.side_effect_free
def ogptn_commitment_round_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """One round with the state of each commitment that the caller may see.

    :param id: the round's id
    :returns: as in `ogptn_commitment_round_list`, with ``"items": [{"id", "commitment", "number", "title", "agency", "state", "late",
        "submitted_at", "mine": bool, "missing": [sentence]}]``; ``missing`` only where ``mine``
    :raises NotFound: there is no such round
    """
    tk.check_access("ogptn_commitment_round_show", context, data_dict)
    called = _round(data_dict)
    every = called.items()
    shown: list[dict[str, Any]] = []
    user: Any = {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj")}
    for item in every:
        package = model.Package.get(item.package_id)
        try:
            tk.check_access("package_show", dict(user), {"id": item.package_id})  # pyright: ignore[reportArgumentType]
        except tk.NotAuthorized:
            continue
        assert package is not None
        row = _item_dict(called, item, package)
        row["mine"] = _is_mine(context, item)
        row["missing"] = reports.missing(item.report) if row["mine"] and item.state in _OPEN_TO_AGENCY else []
        shown.append(row)
    shown.sort(key=lambda row: (int("".join(c for c in row["number"] if c.isdigit()) or 0), row["number"]))
    return {**_round_dict(called, every), "items": shown}


def _is_mine(context: Context, item: RoundItem) -> bool:
    try:
        tk.check_access("ogptn_commitment_round_item_show", {"user": context.get("user") or ""}, {"id": item.id})
    except tk.NotAuthorized:
        return False
    return True


def ogptn_commitment_round_open(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Open a reporting round: each commitment of it gets a report to fill, and the stewards of the agencies a mail.

    :param plan: code of the action plan
    :param title: ``{language: text}``, at least one
    :param period_start: optional first year, month or day reported on
    :param period_end: last year, month or day reported on
    :param due_on: last day for sending, ``YYYY-MM-DD``
    :param commitments: optional list of names or ids; all active ones of the plan by default
    :returns: the round as in `ogptn_commitment_round_list`, with ``"mails"``: how many were written
    :raises NotAuthorized: the caller does not coordinate
    :raises ValidationError: a value is wrong, the plan has no commitment, or a round of the same plan and period is open
    """
    tk.check_access("ogptn_commitment_round_open", context, data_dict)
    errors: dict[str, Any] = {}
    values: dict[str, Any] = {}

    def take(name: str, rule: Callable[[Any], Any], needed: bool = True) -> None:
        if not data_dict.get(name):
            if needed:
                errors[name] = [rules.message("missing")]
            return
        try:
            values[name] = rule(data_dict[name])
        except RuleError as broken:
            errors[name] = [str(broken)]

    take("title", lambda value: rules.translations(value, 200))
    take("period_start", lambda value: rules.date(value, partial=True), needed=False)
    take("period_end", lambda value: rules.date(value, partial=True))
    take("due_on", lambda value: dt.date.fromisoformat(rules.date(value)))
    plan = str(data_dict.get("plan") or "")
    if plan not in vocabulary.get("plans").terms:
        errors["plan"] = [rules.message("missing-choice")]
    if not errors.get("period_end") and not errors.get("period_start"):
        try:
            rules.period(values.get("period_start"), values["period_end"])
        except RuleError as broken:
            errors["period_end"] = [str(broken)]
    if values.get("due_on") and values["due_on"] < _today():
        errors["due_on"] = [tk._("This day has passed. Choose a later one.")]
    if not values.get("title") and "title" not in errors:
        errors["title"] = [rules.message("missing-any-language")]
    chosen: list[str] = []
    if "plan" not in errors:
        chosen = _chosen(data_dict.get("commitments"), plan, errors)
        if not chosen and "commitments" not in errors:
            errors["plan"] = [tk._("This plan has no published commitment.")]
    if errors:
        raise tk.ValidationError(errors)
    # Of two requests at the same moment the second waits here until the first has ended, and then sees its round.
    model.Session.execute(sa.select(sa.func.pg_advisory_xact_lock(lock_number(plan, "round", ""))))
    day = rules.last_day(values["period_end"])
    if any(rules.last_day(one.period_end) == day for one in model.Session.query(Round).filter_by(plan=plan, closed_at=None)):
        raise tk.ValidationError({"period_end": [tk._("A round of this plan and period is open already. Close it first.")]})
    called = Round(
        plan=plan,
        title=values["title"],
        period_start=values.get("period_start"),
        period_end=values["period_end"],
        due_on=values["due_on"],
        opened_by=user_id(context),
    )
    model.Session.add(called)
    model.Session.flush()
    for package_id in chosen:
        record = tk.get_action("package_show")({"ignore_auth": True}, {"id": package_id})
        item = RoundItem(
            round_id=called.id, package_id=package_id, report=reports.start(record), milestones=reports.milestone_titles(record)
        )
        model.Session.add(item)
        model.Session.flush()
        item.add_event(user_id(context), "opened")
    model.repo.commit()
    items = called.items()
    return {**_round_dict(called, items), "mails": mails.opened(called, items)}


def _chosen(given: Any, plan: str, errors: dict[str, Any]) -> list[str]:
    of_plan = [package_id for _key, package_id in sorted(commitments_of(plan).items())]
    if not given:
        return of_plan
    if not isinstance(given, list):
        errors["commitments"] = [rules.message("not-list")]
        return []
    found: list[str] = []
    for name in given:
        package = model.Package.get(str(name))
        if package is None or package.id not in of_plan:
            errors["commitments"] = [rules.message("dataset-unknown", value=str(name))]
        elif package.id not in found:
            found.append(package.id)
    return found


def ogptn_commitment_round_close(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Close a round: nothing more can be sent or reviewed in it; what was not accepted stays visible as it is.

    :param id: the round's id
    :returns: the round as in `ogptn_commitment_round_list`
    :raises NotFound: there is no such round
    :raises ValidationError: it is closed already
    """
    tk.check_access("ogptn_commitment_round_close", context, data_dict)
    # Whoever saves or reviews in this round now ends first, and whoever comes later finds it closed.
    called = _round(data_dict, for_update={})
    if called.closed_at is not None:
        raise tk.ValidationError({"id": [tk._("The round is closed already.")]})
    called.closed_at = dt.datetime.now(dt.timezone.utc)
    called.closed_by = user_id(context)
    model.repo.commit()
    return _round_dict(called, called.items())


def ogptn_commitment_round_remind(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Write to the stewards whose reports are not sent yet.

    :param id: the round's id
    :returns: ``{"reports": how many are not sent, "mails": how many were written}``
    :raises NotFound: there is no such round
    :raises ValidationError: it is closed
    """
    tk.check_access("ogptn_commitment_round_remind", context, data_dict)
    called = _round(data_dict)
    if called.closed_at is not None:
        raise tk.ValidationError({"id": [tk._("The round is closed: nothing more can be sent in it.")]})
    waiting = [item for item in called.items() if item.state in _OPEN_TO_AGENCY]
    return {"reports": len(waiting), "mails": mails.reminded(called, waiting)}


def _item(data_dict: DataDict, *, lock: bool = False) -> tuple[RoundItem, Round, model.Package]:
    item_id = str(data_dict.get("id") or "")
    item = RoundItem.locked(item_id) if lock else model.Session.get(RoundItem, item_id)
    package = model.Package.get(item.package_id) if item is not None else None
    called = _round({"id": item.round_id}, {"read": True} if lock else None) if item is not None else None
    if item is None or package is None or called is None or package.state != "active":
        raise tk.ObjectNotFound(tk._("There is no such report."))
    return item, called, package


def _event_dict(event: RoundEvent) -> dict[str, Any]:
    user = model.User.get(event.user_id) if event.user_id else None
    return {
        "at": event.at.isoformat(),
        "who": user.display_name if user is not None else "",
        "what": event.what,
        "comment": event.comment,
    }


@tk.side_effect_free
def ogptn_commitment_round_item_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """One commitment's report in a round, for its agency and the coordinators.

    :param id: the item's id
    :returns: ``{"id", "commitment", "number", "title", "agency", "state", "late", "submitted_at", "version", "report", "missing", "hint",
        "may_write", "may_review", "milestones": [{"title", "due_on"}], "events": [{"at", "who", "what", "comment"}], "round"}``
    :raises NotFound: there is no such report
    :raises NotAuthorized: the caller is neither of the agency nor a coordinator
    """
    tk.check_access("ogptn_commitment_round_item_show", context, data_dict)
    item, called, package = _item(data_dict)
    record = tk.get_action("package_show")({"ignore_auth": True}, {"id": item.package_id})
    report = reports.aligned(item.report, item.milestones, reports.milestone_titles(record))
    is_open = called.closed_at is None
    return {
        **_item_dict(called, item, package),
        "version": _version(item, record),
        "report": report,
        "missing": reports.missing(report),
        "hint": reports.hint(report),
        "may_write": is_open and item.state in _OPEN_TO_AGENCY,
        "may_review": is_open and item.state == SUBMITTED and coordinates(context),
        "milestones": [
            {"title": t.pick(milestone.get("title"), reader_language()), "due_on": milestone.get("due_on", "")}
            for milestone in record.get("milestones") or []
        ],
        "events": [_event_dict(event) for event in item.events()],
        "round": _round_dict(called, called.items()),
    }


def _version(item: RoundItem, record: dict[str, Any]) -> str:
    """What changes with the report and with the commitment's milestones, by whose order a form names them."""
    titles = json.dumps(reports.milestone_titles(record), sort_keys=True)
    return f"{item.version}-{hashlib.sha256(titles.encode()).hexdigest()[:8]}"


def _check_version(item: RoundItem, record: dict[str, Any], data_dict: DataDict) -> None:
    given = data_dict.get("version")
    if given not in (None, "") and str(given) != _version(item, record):
        raise tk.ValidationError(
            {"version": [tk._("Somebody else changed this report meanwhile. Open it again; what you wrote is still in your browser.")]}
        )


def ogptn_commitment_round_item_save(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Save a report as a draft, or send it to the coordinators.

    The commitment itself does not change before the report is accepted.

    :param id: the item's id
    :param report: ``{"completion_level", "done": {language: text}, "obstacles": {…}, "evidence", "milestones": [{"status", "percent",
        "evidence"}]}``, milestones in the commitment's order; none given: those of the last draft
    :param submit: optional, true to send it
    :param comment: optional, for the history
    :param version: optional, the version that was read; another one by now is an error
    :returns: as `ogptn_commitment_round_item_show`
    :raises ValidationError: a value is wrong, something is missing when it is sent, it was sent already, or the round is closed
    """
    tk.check_access("ogptn_commitment_round_item_save", context, data_dict)
    try:
        called, item = store(context, data_dict)
        model.repo.commit()
    except (tk.ValidationError, tk.ObjectNotFound):
        model.Session.rollback()
        raise
    evidence.schedule(evidence.of_report(item.report))
    if item.state == SUBMITTED:
        mails.submitted(called, [item])
    return tk.get_action("ogptn_commitment_round_item_show")(context, {"id": item.id})


def store(context: Context, data_dict: DataDict) -> tuple[Round, RoundItem]:
    """Write a report in the running transaction, the item locked; the caller has checked the access, and commits or undoes.

    :param data_dict: as `ogptn_commitment_round_item_save` takes it
    :raises ValidationError: as there
    :raises NotFound: there is no such report
    """
    item, called, package = _item(data_dict, lock=True)
    if called.closed_at is not None:
        raise tk.ValidationError({"id": [tk._("The round is closed: nothing more can be sent in it.")]})
    if item.state not in _OPEN_TO_AGENCY:
        raise tk.ValidationError({"id": [tk._("The report was sent already. It can be changed when it is sent back.")]})
    record = tk.get_action("package_show")({"ignore_auth": True, "use_cache": False}, {"id": package.id})
    _check_version(item, record, data_dict)
    given = data_dict.get("report")
    if not isinstance(given, dict):
        raise tk.ValidationError({"report": [rules.message("not-group")]})
    titles = reports.milestone_titles(record)
    if not given.get("milestones"):
        # Whoever says nothing of milestones leaves them as they are.
        given = {**given, "milestones": reports.aligned(item.report, item.milestones, titles)["milestones"]}
    report, errors = reports.clean(given, len(titles))
    submit = tk.asbool(data_dict.get("submit") or False)
    if submit and not errors and (refused := reports.not_to_be_sent(record, called, report, context.get("user"))):
        errors["report"] = refused
    comment = _comment(data_dict)
    if errors:
        raise tk.ValidationError(errors)
    item.report = report
    item.milestones = titles
    item.state = SUBMITTED if submit else item.state if item.state == RETURNED else DRAFT
    if submit:
        item.submitted_at = dt.datetime.now(dt.timezone.utc)
    item.add_event(user_id(context), "submitted" if submit else "saved", comment)
    model.Session.flush()
    return called, item


def _comment(data_dict: DataDict) -> str:
    try:
        return rules.text(data_dict.get("comment") or "", _LONGEST_COMMENT)
    except RuleError as broken:
        raise tk.ValidationError({"comment": [str(broken)]}) from None


def ogptn_commitment_round_review(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Accept a report, which writes it into the commitment, or send it back.

    :param id: the item's id
    :param verdict: ``accept`` or ``return``
    :param comment: what is to be changed; needed for ``return``
    :param version: optional, the version that was read; another one by now is an error
    :returns: as `ogptn_commitment_round_item_show`
    :raises ValidationError: there is nothing to review, the comment is missing, or CKAN refuses the commitment; nothing is written then
    """
    tk.check_access("ogptn_commitment_round_review", context, data_dict)
    verdict = data_dict.get("verdict")
    if verdict not in ("accept", "return"):
        raise tk.ValidationError({"verdict": [rules.message("missing-choice")]})
    accepted = verdict == "accept"
    comment = _comment(data_dict)
    try:
        item, called, package = _item(data_dict, lock=True)
        if called.closed_at is not None:
            raise tk.ValidationError({"id": [tk._("The round is closed: nothing more can be reviewed in it.")]})
        if item.state != SUBMITTED:
            raise tk.ValidationError({"id": [tk._("This report does not wait for a review.")]})
        record = tk.get_action("package_show")({"ignore_auth": True, "use_cache": False}, {"id": package.id})
        _check_version(item, record, data_dict)
        if not accepted and not comment:
            raise tk.ValidationError({"comment": [tk._("Say what is to be changed.")]})
        if accepted:
            report = reports.aligned(item.report, item.milestones, reports.milestone_titles(record))
            # The coordinator answers for the change, without being an editor of the agency.
            own: Any = {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj"), "ignore_auth": True}
            save(reports.applied(record, called, report), own, new=False)
        item.state = ACCEPTED if accepted else RETURNED
        item.add_event(user_id(context), "accepted" if accepted else "returned", comment)
        model.repo.commit()
    except (tk.ValidationError, tk.ObjectNotFound, IntegrityError):
        model.Session.rollback()
        raise
    if accepted:
        search.rebuild(package_ids=[item.package_id])
        search.commit()
    mails.reviewed(called, item, accepted, comment)
    return tk.get_action("ogptn_commitment_round_item_show")(context, {"id": item.id})


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {
        "ogptn_commitment_round_close": ogptn_commitment_round_close,
        "ogptn_commitment_round_item_save": ogptn_commitment_round_item_save,
        "ogptn_commitment_round_item_show": ogptn_commitment_round_item_show,
        "ogptn_commitment_round_list": ogptn_commitment_round_list,
        "ogptn_commitment_round_open": ogptn_commitment_round_open,
        "ogptn_commitment_round_remind": ogptn_commitment_round_remind,
        "ogptn_commitment_round_review": ogptn_commitment_round_review,
        "ogptn_commitment_round_show": ogptn_commitment_round_show,
    }
