"""Tells the worker that something changed, after the change is committed."""

from __future__ import annotations

import logging
from typing import Any, cast

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from sqlalchemy import event
from sqlalchemy.orm import Session

from ..model import VocabularyTerm
from ..quality import links
from . import store

log = logging.getLogger(__name__)
_CHANGED = "ogptn_rdf_changed"
_WATCHED = (model.Package, model.Resource, model.Group, VocabularyTerm)
#: One job answers any number of changes; the key outlives a lost job by this many seconds at most.
_QUEUED_FOR = 300


def _key() -> str:
    return f"ogptn:rdf:queued:{tk.config.get('ckan.site_id') or 'default'}"


def note(session: Session, *_context: Any) -> None:
    """Remember that something that statements are made from is about to be written."""
    changed = [one for found in (session.new, session.dirty, session.deleted) for one in found if isinstance(one, _WATCHED)]
    if changed:
        session.info[_CHANGED] = True
    for one in changed:
        if isinstance(one, model.Package) and _was_public(one) and not _is_public(one):
            store.entomb(one.id, one.name)


def _is_public(package: model.Package) -> bool:
    return package.state == "active" and not package.private


def _was_public(package: model.Package) -> bool:
    state, private = (cast(Any, sa.inspect(package)).attrs[name].history for name in ("state", "private"))
    before = [(history.deleted or history.unchanged or (None,))[0] for history in (state, private)]
    return before[0] == "active" and before[1] is False


def announce(session: Session) -> None:
    """After the commit: have the worker look. A savepoint is none: what it released may still be taken back."""
    if session.in_nested_transaction():
        return
    if session.info.pop(_CHANGED, None):
        schedule()


def forget(session: Session) -> None:
    """After a rollback nothing changed. What was written before a savepoint that is taken back stays."""
    if session.in_nested_transaction():
        return
    session.info.pop(_CHANGED, None)


def schedule() -> None:
    """Enqueue a run of the worker, unless one waits already. Without Redis nothing is lost: what is stale is seen when it is asked for."""
    if not store.is_ours():
        return
    try:
        if connect_to_redis().set(_key(), "1", nx=True, ex=_QUEUED_FOR):
            tk.enqueue_job(refresh, title="Write changed datasets as linked data")
    except RedisError as error:
        log.warning("The job that writes linked data could not be queued: %s", error)


def refresh() -> None:
    """The job. Frees the key first: what changes while it runs needs another one. Also sees to it that links are checked daily."""
    connect_to_redis().delete(_key())
    done = store.refresh()
    links.schedule()
    if done.built or done.gone or done.failed:
        log.info("Linked data: %s written, %s went, %s failed", done.built, done.gone, len(done.failed))


def listen() -> None:
    """Watch CKAN's database session. Listening twice does nothing more."""
    for name, listener in (("before_flush", note), ("after_commit", announce), ("after_rollback", forget)):
        if not event.contains(model.Session, name, listener):
            event.listen(model.Session, name, listener)


def stop() -> None:
    """Watch no more (a test that unloads the plugin)."""
    for name, listener in (("before_flush", note), ("after_commit", announce), ("after_rollback", forget)):
        if event.contains(model.Session, name, listener):
            event.remove(model.Session, name, listener)
