"""Mails of a round: written when something happens, sent by the background worker, so that a mail server that is down stops nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib import mailer
from flask_babel import force_locale

from ...catalogue import text as t
from ...catalogue import vocabulary
from ...catalogue.config import default_language
from ..config import coordinator_organization
from .model import Round, RoundItem

log = logging.getLogger(__name__)


def people_of(organisation: str) -> list[Any]:
    """Active editors and administrators of an organisation who have an address.

    :param organisation: its id or name
    """
    group = model.Group.get(organisation)
    if group is None:
        return []
    query = (
        model.Session.query(model.User)
        .join(model.Member, model.Member.table_id == model.User.id)
        .filter(
            model.Member.group_id == group.id,
            model.Member.table_name == "user",
            model.Member.state == "active",
            model.Member.capacity.in_(("admin", "editor")),
            model.User.state == "active",
        )
        .order_by(model.User.name)
    )
    return [user for user in query if user.email]


def send(letters: list[dict[str, str]]) -> None:
    """Have the worker send letters ``[{"name", "email", "subject", "body"}]``."""
    if letters:
        tk.enqueue_job(deliver, [letters], title="mails about commitments")


def deliver(letters: list[dict[str, str]]) -> None:
    """Send letters ``[{"name", "email", "subject", "body"}]``; one that fails is logged and does not keep the others."""
    for each in letters:
        try:
            mailer.mail_recipient(each["name"], each["email"], each["subject"], each["body"])
        except (mailer.MailerException, OSError) as error:
            log.error("Mail “%s” was not sent: %s", each["subject"], error)


def letter(user: Any, subject: str, lines: Iterable[str]) -> dict[str, str]:
    """A letter to a person, of these lines."""
    return {"name": user.display_name, "email": user.email, "subject": subject, "body": "\n".join(lines)}


def _title(called: Round) -> str:
    return t.pick(called.title, default_language())


def _commitment(item: RoundItem) -> str:
    package = model.Package.get(item.package_id)
    extras = package.extras if package is not None else {}
    return f"{extras.get('commitment_number', '')}{extras.get('commitment_part') or ''} – {package.title if package is not None else ''}"


def _page(item: RoundItem) -> str:
    return tk.h.url_for("ogptn_rounds.item", item_id=item.id, qualified=True, locale=default_language())


def opened(called: Round, items: list[RoundItem]) -> int:
    """To each steward: the list of the agency's commitments. Returns the number of letters."""
    with force_locale(default_language()):
        plan = vocabulary.label("plans", called.plan, default_language())
        first = tk._("A reporting round of “{plan}” is open.").format(plan=plan)
        return _to_agencies(tk._("Progress reports are due: {round}").format(round=_title(called)), first, called, items)


def reminded(called: Round, items: list[RoundItem]) -> int:
    """To each steward whose reports are not sent: which. Returns the number of letters."""
    with force_locale(default_language()):
        first = tk._("These progress reports have not been sent yet.")
        return _to_agencies(tk._("Reminder: progress reports are due: {round}").format(round=_title(called)), first, called, items)


def _to_agencies(subject: str, first: str, called: Round, items: list[RoundItem]) -> int:
    by_agency: dict[str, list[RoundItem]] = {}
    for item in items:
        package = model.Package.get(item.package_id)
        if package is not None and package.state == "active" and package.owner_org:
            by_agency.setdefault(package.owner_org, []).append(item)
    letters: list[dict[str, str]] = []
    for agency, own in by_agency.items():
        lines = [
            first,
            tk._("Last day: {date}").format(date=called.due_on.isoformat()),
            "",
            tk._("Your commitments:"),
            *(f"- {_commitment(item)}\n  {_page(item)}" for item in own),
        ]
        letters += [letter(user, subject, lines) for user in people_of(agency)]
    send(letters)
    return len(letters)


def submitted(called: Round, items: list[RoundItem]) -> None:
    """To the coordinators: reports wait for them; one letter for those that came together, such as from a workbook."""
    with force_locale(default_language()):
        if len(items) == 1:
            subject = tk._("A progress report was sent: {commitment}").format(commitment=_commitment(items[0]))
            lines = [_title(called), _page(items[0])]
        else:
            subject = tk._("{number} progress reports were sent: {round}").format(number=len(items), round=_title(called))
            lines = [_title(called), *(f"- {_commitment(item)}\n  {_page(item)}" for item in items)]
        send([letter(user, subject, lines) for user in people_of(coordinator_organization())])


def reviewed(called: Round, item: RoundItem, accepted: bool, comment: str) -> None:
    """To the agency's stewards: accepted, or sent back with what is to be changed."""
    package = model.Package.get(item.package_id)
    if package is None or not package.owner_org:
        return
    with force_locale(default_language()):
        if accepted:
            subject = tk._("Your progress report was accepted: {commitment}").format(commitment=_commitment(item))
        else:
            subject = tk._("Your progress report was sent back: {commitment}").format(commitment=_commitment(item))
        lines = [_title(called), *([comment] if comment else []), _page(item)]
        send([letter(user, subject, lines) for user in people_of(package.owner_org)])
