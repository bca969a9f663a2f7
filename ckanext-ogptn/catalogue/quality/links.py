"""Whether links work: checked in the worker, politely, with a history; never while a reader waits."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import ckan.lib.jobs as background
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from redis.exceptions import RedisError
from sqlalchemy import func

from ...fetch import AddressPolicy, Client, FetchError, Limits
from .. import config
from ..dcat.model import KeptStatements
from .model import LinkCheck

log = logging.getLogger(__name__)
#: A link that works is asked again after a week, one that does not after a day.
AGAIN, AGAIN_BROKEN = dt.timedelta(days=7), dt.timedelta(days=1)
_HISTORY = 10
#: Seconds that a run may take: the worker has other things to do. What is left waits ten minutes, so that other jobs have their turn.
_AT_MOST = 600
_PAUSE = dt.timedelta(minutes=10)
#: The hour (UTC) of the daily run.
_HOUR = 2
_JOB = "ogptn-links"


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
    """For links only: a minute at most, one request a second to a host. Addresses inside the own network are refused where the tables
    of their files would not be fetched either (``ogptn.tables.allowed_hosts``)."""
    return Client(limits=Limits(pause=1, retries=1, **_LIMITS), addresses=AddressPolicy.of(config.allowed_hosts()))


def _own_client() -> Client:
    """For the portal's own files, wherever it runs. Follows no redirect: that could lead to a neighbour inside the own network."""
    host = urlsplit(str(tk.config["ckan.site_url"])).hostname or ""
    return Client(limits=Limits(max_redirects=0, **_LIMITS), addresses=AddressPolicy.of([host]))


def _is_own(address: str) -> bool:
    return address.startswith(f"{str(tk.config['ckan.site_url']).rstrip('/')}/")


_LIMITS: dict[str, Any] = {"connect_timeout": 10, "read_timeout": 20, "total_timeout": 60, "max_bytes": 1_000_000}


def _ask(address: str, with_client: Client) -> int:
    try:
        return with_client.check(address).status
    except FetchError as refused:
        if refused.slug != "inside-address" or not _is_own(address):
            raise
    with _own_client() as own:
        return own.check(address).status


def check(address: str, with_client: Client) -> LinkCheck:
    """Ask one address and note the answer, in the running transaction."""
    status, problem = None, None
    try:
        status = _ask(address, with_client)
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


def check_due(most: int = 500, seconds: float = _AT_MOST) -> dict[str, int]:
    """Check the links whose turn it is. Commits after each, so it may be stopped.

    :param most: links to check at most
    :param seconds: begin none after this time
    :returns: ``{"checked", "broken", "left"}``; ``left``: whose turn it is still
    """
    counted = {"checked": 0, "broken": 0, "left": 0}
    end = time.monotonic() + seconds
    with client() as asking:
        waiting = due(dt.datetime.now(dt.timezone.utc), most + 1)
        for number, address in enumerate(waiting):
            if number >= most or time.monotonic() >= end:
                counted["left"] = len(waiting) - number
                break
            row = check(address, asking)
            counted["checked"] += 1
            counted["broken"] += not row.works
            model.Session.commit()
    log.info("Links: %(checked)s checked, %(broken)s broken", counted)
    return counted


# ---------------------------------------------------------------------------------------------------------------------- by themselves
def schedule(after: dt.timedelta | None = None) -> None:
    """Put the next run into the scheduler of CKAN's worker, unless one waits there already. Without Redis: a warning, and again next time.

    :param after: from now; without it at the next night, or at once on a portal that never checked a link
    """
    if not config.checks_links():
        return
    now = dt.datetime.now(dt.timezone.utc)
    night = now.replace(hour=_HOUR, minute=0, second=0, microsecond=0)
    due_at = now + after if after is not None else night if night > now else night + dt.timedelta(days=1)
    if after is None and model.Session.query(LinkCheck.url).first() is None:
        due_at = now + dt.timedelta(minutes=1)
    prefix = f"{_JOB}-{tk.config.get('ckan.site_id')}-"
    try:
        queue = background.get_queue()
        if any(job_id.startswith(prefix) for job_id in queue.scheduled_job_registry.get_job_ids()):
            return
        # By the minute: of two workers that come here together one replaces the other's job by the same one.
        queue.enqueue_at(due_at, scheduled, job_id=f"{prefix}{due_at:%Y%m%d%H%M}", result_ttl=0, job_timeout=2 * _AT_MOST)
    except RedisError as error:
        log.warning("The next check of links could not be scheduled: %s", error)


def scheduled() -> None:
    """The job: a run, and the next one after it whatever happens."""
    left = 0
    try:
        left = check_due()["left"]
    finally:
        model.Session.remove()
        schedule(_PAUSE if left else None)
