"""Has the worker rebuild the open data once something that is in them has changed, after the change is committed."""

from __future__ import annotations

import logging
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from sqlalchemy import event
from sqlalchemy.orm import Session

from ..config import open_data_dataset
from ..recommendations.model import Recommendation, RecommendedFor
from .publish import publish

log = logging.getLogger(__name__)
_CHANGED = "ogptn_commitments_changed"
#: One job answers any number of changes; the key outlives a lost job by this many seconds at most.
_QUEUED_FOR = 300


def _key() -> str:
    return f"ckan:{tk.config['ckan.site_id']}:ogptn:open-data:queued"


def note(session: Session, *_context: Any) -> None:
    """Remember that a commitment, a recommendation or an organisation's name is about to be written."""
    # What is only looked at through a relation is "dirty" too, such as the organisation of a dataset that is written.
    dirty = [one for one in session.dirty if session.is_modified(one)]
    if any(_is_ours(one) for found in (session.new, dirty, session.deleted) for one in found):
        session.info[_CHANGED] = True


def _is_ours(one: Any) -> bool:
    if isinstance(one, model.Package):
        return one.type == "commitment"
    return isinstance(one, (Recommendation, RecommendedFor)) or (isinstance(one, model.Group) and one.is_organization)


def announce(session: Session) -> None:
    """After the commit: have the worker rebuild. Not after a savepoint, which may still be undone."""
    if not session.in_nested_transaction() and session.info.pop(_CHANGED, None):
        schedule()


def forget(session: Session) -> None:
    """After a rollback nothing changed."""
    session.info.pop(_CHANGED, None)


def schedule() -> None:
    """Enqueue a rebuild, unless one waits already or none is wanted."""
    if not open_data_dataset():
        return
    try:
        if connect_to_redis().set(_key(), "1", nx=True, ex=_QUEUED_FOR):
            tk.enqueue_job(rebuild, title="Rebuild the commitments' open data", rq_kwargs={"timeout": 600})
    except RedisError as error:
        log.warning("The rebuild of the commitments' open data could not be queued: %s", error)


def rebuild() -> None:
    """The job. Frees the key first: what changes while it runs needs another one."""
    connect_to_redis().delete(_key())
    publish()


_LISTENERS = (("before_flush", note), ("after_commit", announce), ("after_rollback", forget))


def listen() -> None:
    """Watch CKAN's database session. Listening twice does nothing more."""
    for name, listener in _LISTENERS:
        if not event.contains(model.Session, name, listener):
            event.listen(model.Session, name, listener)
