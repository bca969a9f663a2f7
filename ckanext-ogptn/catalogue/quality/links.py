"""Whether links work: checked in the worker, politely, with a history; never while a reader waits."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy import func

from ...fetch import AddressPolicy, Client, FetchError, Limits
from ..dcat.model import KeptStatements
from .model import LinkCheck

log = logging.getLogger(__name__)
#: A link that works is asked again after a week, one that does not after a day.
AGAIN, AGAIN_BROKEN = dt.timedelta(days=7), dt.timedelta(days=1)
_HISTORY = 10


def known(addresses: Iterable[str]) -> dict[str, LinkCheck]:
    """What is known of these addresses."""
    wanted = list(set(addresses))
    found: dict[str, LinkCheck] = {}
    for start in range(0, len(wanted), 500):
        query = model.Session.query(LinkCheck).filter(LinkCheck.url.in_(wanted[start : start + 500]))
        found |= {check.url: check for check in query if check.checked is not None}
    return found


#: Functions that give further addresses to check.
_ALSO: list[Callable[[], Iterable[str]]] = []


def also(addresses: Callable[[], Iterable[str]]) -> None:
    """Have the regular checks ask for these addresses too; a function that is known already is not added again."""
    if addresses not in _ALSO:
        _ALSO.append(addresses)


def published() -> list[str]:
    """Every address of a file of a public dataset, as last written, and what others asked for (:func:`also`).

    One that was hidden since is left alone at once.
    """
    access = func.jsonb_array_elements_text(KeptStatements.quality["access"])
    package: Any = model.package_table
    query = sa.select(access).join(package, package.c.id == KeptStatements.package_id).distinct()
    query = query.where(KeptStatements.gone.is_(None), KeptStatements.quality.is_not(None))
    query = query.where(package.c.state == "active", package.c.private.is_(False))
    found = {row[0] for row in model.Session.execute(query)}
    return sorted(found.union(*(addresses() for addresses in _ALSO)))


def due(now: dt.datetime, most: int) -> list[str]:
    """Addresses whose turn it is, those never checked first.

    :param most: how many at most
    """
    addresses = published()
    checked = known(addresses)

    def since(address: str) -> dt.datetime | None:
        return checked[address].checked if address in checked else None

    waiting = []
    for address in addresses:
        before = since(address)
        if before is None or now - before >= (AGAIN if checked[address].works else AGAIN_BROKEN):
            waiting.append(address)
    oldest = dt.datetime.min.replace(tzinfo=dt.timezone.utc)
    return sorted(waiting, key=lambda address: (since(address) or oldest, address))[:most]


def client() -> Client:
    """For links only: a minute at most, one request a second to a host. Addresses inside the own network are refused."""
    limits = Limits(connect_timeout=10, read_timeout=20, total_timeout=60, max_bytes=1_000_000, retries=1, pause=1)
    return Client(limits=limits, addresses=AddressPolicy())


def check(address: str, with_client: Client) -> LinkCheck:
    """Ask one address and note the answer, in the running transaction."""
    status, problem = None, None
    try:
        status = with_client.check(address).status
    except FetchError as failed:
        status, problem = failed.status, failed.slug
    row = model.Session.get(LinkCheck, address) or LinkCheck(url=address, failures=0, history=[])
    now = dt.datetime.now(dt.timezone.utc)
    row.checked, row.status, row.problem = now, status, problem
    row.failures = 0 if row.works else (row.failures or 0) + 1
    row.history = [{"checked": now.isoformat(), "status": status, "problem": problem}, *(row.history or [])][:_HISTORY]
    model.Session.add(row)
    model.Session.flush()
    return row


def check_due(most: int = 500) -> dict[str, int]:
    """Check the links whose turn it is. Commits after each, so it may be stopped. ``{"checked", "broken"}``."""
    counted = {"checked": 0, "broken": 0}
    with client() as asking:
        for address in due(dt.datetime.now(dt.timezone.utc), most):
            row = check(address, asking)
            counted["checked"] += 1
            counted["broken"] += not row.works
            model.Session.commit()
    log.info("Links: %(checked)s checked, %(broken)s broken", counted)
    return counted
