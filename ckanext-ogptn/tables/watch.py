"""Notes every file that is added or changed, in the transaction that changes it, and has the worker read it after the commit; keeps the
marks of those that have their tables.

Whoever writes a resource comes by here: a steward's form, the API, the harvest engine's batches, the seed. One place, no hook to forget.
"""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ckan import model
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import get_history

from . import config
from .model import WAITING, TableState, now, table_exists

log = logging.getLogger(__name__)
_NOTED = "ogptn_tables_noted"
#: What says that a file may be another one.
_TELLING = ("url", "url_type", "last_modified", "format")
#: Fields of our schemas that say which rows of the file are the table, and that those changed.
_TELLING_EXTRAS = ("table_rows", "table_version")
#: Declared formats and extensions that may hold a table. XML is asked for, GeoJSON, RDF and documents are not.
_TABLES = {"csv", "tsv", "tab", "txt", "xls", "xlsx", "xlsm", "xlsb", "ods", "xml", "zip", "excel"}
_MEDIA = {
    "text/csv",
    "text/tab-separated-values",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/zip",
    "application/xml",
    "text/xml",
}


def may_hold_table(resource: Any) -> bool:
    """Whether a file may hold a table, by what its publisher says; what it is, only its content tells.

    :param resource: a ``model.Resource``
    """
    if resource.url_type == "datastore" or not resource.url or resource.state != "active":
        return False
    declared = (resource.format or "").strip().lower().lstrip(".")
    if declared in _TABLES or declared in _MEDIA:
        return True
    try:
        path = urlsplit(resource.url).path
    except ValueError:
        return False
    return PurePosixPath(path).suffix.lower().lstrip(".") in _TABLES - {"txt", "xml"} and declared in ("", "data", "file", "html")


def note(session: Session, *_flush: Any) -> None:
    """After a flush: the files that changed are waiting from now on, in the same transaction."""
    changed = [one for one in session.new if isinstance(one, model.Resource)]
    for one in session.dirty:
        if isinstance(one, model.Resource) and (any(get_history(one, name).has_changes() for name in _TELLING) or _other_rows(one)):
            changed.append(one)
    found = [one.id for one in changed if may_hold_table(one)]
    if not found or not config.enabled() or not table_exists():
        return
    ask(session, found)
    session.info[_NOTED] = True


def _other_rows(resource: model.Resource) -> bool:
    before = next((old for old in get_history(resource, "extras").deleted or () if isinstance(old, dict)), None)
    after = resource.extras or {}
    return before is not None and any(before.get(name) != after.get(name) for name in _TELLING_EXTRAS)


def ask(session: Any, resource_ids: list[str]) -> None:
    """Mark resources as waiting."""
    moment = now()
    statement = insert(TableState).values(
        [{"resource_id": one, "state": WAITING, "asked_at": moment} for one in dict.fromkeys(resource_ids)]
    )
    session.execute(
        statement.on_conflict_do_update(index_elements=["resource_id"], set_={"state": WAITING, "asked_at": moment, "finished_at": None})
    )


def announce(session: Session) -> None:
    """After the commit: have the worker begin. Not after a savepoint, which may still be undone."""
    if not session.in_nested_transaction() and session.info.pop(_NOTED, None):
        from . import jobs

        jobs.schedule()


def forget(session: Session) -> None:
    """After a rollback nothing changed."""
    session.info.pop(_NOTED, None)


def keep_marks(session: Session, *_flush: Any) -> None:
    """Before a flush: a file keeps the mark that its table is in the DataStore when who writes its dataset leaves the mark out.

    A program that updates a dataset sends the fields that it knows. CKAN's ``resource_update`` keeps the mark then; ``package_update``
    (CKAN 2.12) drops it, and nobody would find the table any more. A mark that is taken away in so many words (``datastore_active: false``,
    as ``datastore_delete`` does) is gone.
    """
    for one in session.dirty:
        if not isinstance(one, model.Resource) or one.state != "active" or "datastore_active" in (one.extras or {}):
            continue
        before = next((old for old in get_history(one, "extras").deleted or () if isinstance(old, dict)), {})
        if before.get("datastore_active") is True:
            one.extras = {**(one.extras or {}), "datastore_active": True}


_LISTENERS = (("before_flush", keep_marks), ("after_flush", note), ("after_commit", announce), ("after_rollback", forget))


def listen() -> None:
    """Watch CKAN's database session. Listening twice does nothing more."""
    for name, listener in _LISTENERS:
        if not event.contains(model.Session, name, listener):
            event.listen(model.Session, name, listener)
