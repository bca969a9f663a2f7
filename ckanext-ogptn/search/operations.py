"""What an administrator does with the index: look at it, compare it with the database, make it anew.

Works with CKAN's model and its own indexing code, so that an index made here is the one that saving every dataset would make.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import ckan.logic as logic
import ckan.model as model
import ckan.plugins.toolkit as tk
import numpy as np
import psycopg2
import psycopg2.errors
import sqlalchemy.exc
from ckan.lib.search.common import SearchIndexError
from psycopg2 import sql

from . import compaction, seam, segments, store
from .analysis import ANALYSER_VERSION
from .documents import Document, prepare, unpack_content
from .errors import EngineError

#: Datasets that one process of a rebuild takes at a time, and that become one segment.
BATCH = 500
#: Key of the lock that a running rebuild holds.
REBUILD_LOCK = store.MERGE_LOCK + 2
_SHOWN = 20


# -- status


@dataclass
class Status:
    """:param lag: datasets of the database that the index lacks or has in an older state, or should not have."""

    documents: int
    bytes: int
    generation: int
    segments: int
    tail: int
    gone: int
    index: int
    created: str
    analyser: int
    tables: int
    building: list[int]
    lag: int
    rebuild_needed: bool
    advice: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def status() -> Status:
    """:raises EngineError: PostgreSQL does not answer, or the index has no tables."""
    index_store = seam.connection().store

    def action() -> tuple[Any, ...]:
        with index_store.transaction(store.WRITE_SECONDS) as cursor:
            cursor.execute(
                sql.SQL("SELECT number, generation, analyser, tables, created::text FROM {} WHERE state = 'live'").format(store.INDEX_SET)
            )
            row = cursor.fetchone()
            if row is None:
                raise psycopg2.errors.UndefinedTable("no live index")
            counts: list[int] = []
            for kind in ("doc", "segment", "tail", "gone"):
                cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(store.table(kind, row[0])))
                counts.append(_number(cursor))
            size = 0
            for kind in store.KINDS:
                cursor.execute("SELECT pg_total_relation_size(%s)", (f"{store.SCHEMA}.{kind}_{row[0]}",))
                size += _number(cursor)
            cursor.execute(sql.SQL("SELECT number FROM {} WHERE state = 'building' ORDER BY number").format(store.INDEX_SET))
            return (*row, counts, size, [one[0] for one in cursor.fetchall()])

    number, generation, analyser, tables, created, counts, size, building = index_store.retry(action)
    # An empty index has no words of another version.
    needed = tables != store.TABLE_VERSION or (analyser != ANALYSER_VERSION and counts[0] > 0)
    found = check()
    if needed:
        advice = (
            "The index was made by another version of the text analysis, so some words are not found as they should be. "
            "Run “ckan ogptn-search rebuild”; the old index answers meanwhile."
        )
    elif found.lag:
        advice = "The index differs from the database. “ckan ogptn-search check” says where; “ckan ogptn-search rebuild” makes it anew."
    else:
        advice = "The index is complete and up to date."
    return Status(
        documents=counts[0],
        bytes=size,
        generation=generation,
        segments=counts[1],
        tail=counts[2],
        gone=counts[3],
        index=number,
        created=created,
        analyser=analyser,
        tables=tables,
        building=building,
        lag=found.lag,
        rebuild_needed=needed,
        advice=advice,
    )


def _number(cursor: store.Cursor) -> int:
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


# -- check


@dataclass
class Difference:
    """One dataset in which index and database differ.

    :param kind: ``missing`` (not in the index), ``orphaned`` (only in the index), ``outdated`` (an older state in the index), ``content``
        (same state, other fields), ``unreachable`` (kept, but no search can find it).
    """

    kind: str
    id: str
    name: str
    detail: str = ""


@dataclass
class Check:
    datasets: int
    documents: int
    seconds: float
    differences: list[Difference] = field(default_factory=list)

    @property
    def lag(self) -> int:
        return len(self.differences)

    def as_dict(self) -> dict[str, Any]:
        return {"ok": not self.differences, **asdict(self)}


def index_id(dataset: str) -> str:
    """CKAN's own number for a dataset in the index."""
    return hashlib.md5(f"{dataset}{tk.config.get('ckan.site_id')}".encode()).hexdigest()  # noqa: S324 - CKAN's choice, no secret


def _datasets(ids: Sequence[str] | None = None) -> dict[str, tuple[str, str]]:
    """Name and date of change of every dataset that belongs in the index."""
    rows = model.Session.query(model.Package.id, model.Package.name, model.Package.metadata_modified)
    if tk.config.get("ckan.search.remove_deleted_packages"):
        rows = rows.filter(model.Package.state != "deleted")
    if ids is not None:
        rows = rows.filter(model.Package.id.in_(ids))
    found = {row[0]: (row[1], row[2].isoformat() + "Z" if row[2] else "") for row in rows}
    # A read must not keep a transaction open, or the second look would see the same state again.
    model.Session.rollback()
    return found


def check(*, content: bool = False, progress: Callable[[int, int], None] | None = None) -> Check:
    """Compare the index with the database, dataset by dataset.

    :param content: make each dataset's document anew and compare it with what is in the index; takes as long as a rebuild.
    :raises EngineError: PostgreSQL does not answer.
    """
    started = time.monotonic()
    index_store = seam.connection().store
    differences = _compare(index_store)
    if differences:
        # A dataset that was being saved while we looked is no difference: look at the suspects again.
        time.sleep(1)
        suspects = {one.id for one in differences}
        differences = [one for one in _compare(index_store) if one.id in suspects]
    datasets = _datasets()
    if content:
        known = {one.id for one in differences}
        differences += _compare_content(index_store, [one for one in datasets if one not in known], progress)
    documents = len(index_store.identities())
    return Check(len(datasets), documents, time.monotonic() - started, differences)


def _compare(index_store: store.Store) -> list[Difference]:
    datasets = _datasets()
    indexed = {row[1]: row for row in index_store.identities() if row[0] == index_id(row[1])}
    found: list[Difference] = []
    for dataset, (name, modified) in datasets.items():
        row = indexed.get(dataset)
        if row is None:
            found.append(Difference("missing", dataset, name))
        elif row[2] != name or row[3] != modified:
            found.append(Difference("outdated", dataset, name, f"index: {row[2]} {row[3]}, database: {name} {modified}"))
    found += [Difference("orphaned", dataset, row[2]) for dataset, row in indexed.items() if dataset not in datasets]
    return found + _unreachable(index_store)


def _unreachable(index_store: store.Store) -> list[Difference]:
    """Documents that are kept, but in no segment nor in the tail, or counted as gone."""

    def action() -> list[Difference]:
        with index_store.transaction(store.WRITE_SECONDS, repeatable=True) as cursor:
            number = index_store.live(cursor)
            cursor.execute(sql.SQL("SELECT documents FROM {}").format(store.table("segment", number)))
            parts = [segments.unpack_numbers(bytes(row[0])) for row in cursor.fetchall()]
            cursor.execute(sql.SQL("SELECT document FROM {}").format(store.table("tail", number)))
            parts.append(np.array([row[0] for row in cursor.fetchall()], np.int64))
            cursor.execute(sql.SQL("SELECT document FROM {}").format(store.table("gone", number)))
            gone = np.array([row[0] for row in cursor.fetchall()], np.int64)
            searchable = np.setdiff1d(np.concatenate(parts), gone)
            cursor.execute(sql.SQL("SELECT document, id, name FROM {}").format(store.table("doc", number)))
            rows = cursor.fetchall()
            kept = np.array([row[0] for row in rows], np.int64)
            lost = set(np.setdiff1d(kept, searchable).tolist())
            found = [Difference("unreachable", row[1], row[2], "kept, but no search can find it") for row in rows if row[0] in lost]
            ghosts = np.setdiff1d(searchable, kept)
            return found + [Difference("orphaned", "", "", f"document {one} is searched, but not kept") for one in ghosts.tolist()]

    return index_store.retry(action)


def document_of(dataset: str) -> dict[str, Any] | None:
    """What CKAN would index of a dataset now; None when nothing.

    :raises logic.NotFound: no such dataset.
    """
    collector = seam.Collector()
    with seam.using(collector):
        logic.index_update_package({"ignore_auth": True, "validate": False, "use_cache": False}, dataset, True)
    return collector.documents[-1] if collector.documents else None


def _compare_content(index_store: store.Store, datasets: Sequence[str], progress: Callable[[int, int], None] | None) -> list[Difference]:
    found: list[Difference] = []
    for at in range(0, len(datasets), 100):
        some = datasets[at : at + 100]
        kept = index_store.contents([index_id(one) for one in some])
        for dataset in some:
            expected = document_of(dataset)
            row = kept.get(index_id(dataset))
            if expected is None or row is None:
                continue
            names = _other_fields(unpack_content(prepare(expected).content), row)
            if names:
                found.append(Difference("content", dataset, str(expected.get("name")), f"fields: {', '.join(names)}"))
        model.Session.rollback()
        if progress:
            progress(min(at + 100, len(datasets)), len(datasets))
    return found


def _other_fields(expected: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    """Names of the fields that differ, but for two that do whenever a dataset is indexed: its time, and the dataset with that."""
    names = sorted(expected.keys() | kept.keys())
    return [name for name in names if expected.get(name) != kept.get(name) and name not in ("indexed_ts", "data_dict")]


# -- rebuild


@dataclass
class Progress:
    done: int
    total: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that are left; None while nothing can be said."""
        return (self.total - self.done) / self.rate if self.done else None


@dataclass
class Rebuild:
    """:param errors: (dataset, reason) of each that could not be indexed."""

    documents: int
    seconds: float
    index: int
    switched: bool
    errors: list[tuple[str, str]] = field(default_factory=list)


class RebuildError(Exception):
    """A rebuild could not begin or end; the old index goes on answering."""


@contextmanager
def _only_one(index_store: store.Store) -> Iterator[None]:
    with index_store.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (REBUILD_LOCK,))
        row = cursor.fetchone()
        if not row or not row[0]:
            raise RebuildError("Another rebuild is running. Wait for it, or end it first.")
        try:
            yield
        finally:
            # A connection that was lost took the lock with it.
            with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                cursor.execute("SELECT pg_advisory_unlock(%s)", (REBUILD_LOCK,))


def rebuild(
    *, processes: int | None = None, force: bool = False, progress: Callable[[Progress], None] | None = None, batch: int = BATCH
) -> Rebuild:
    """Make a new index from the database while the old one answers and takes every change; then switch.

    :param processes: how many work at once; one for each processor by default.
    :param force: switch even when some datasets could not be indexed.
    :raises RebuildError: another rebuild is running, a process of this one died, or PostgreSQL stopped within.
    :raises EngineError: PostgreSQL does not answer.
    """
    try:
        return _rebuild(processes, force, progress, batch)
    except _DATABASE_ERRORS as error:
        raise RebuildError(f"The rebuild stopped: {_stopped(error)}. The old index goes on answering.") from error


#: What CKAN's model and our own connections raise when PostgreSQL goes away.
_DATABASE_ERRORS = (sqlalchemy.exc.DBAPIError, psycopg2.OperationalError, psycopg2.InterfaceError)


def _stopped(error: Exception) -> str:
    return (
        f"PostgreSQL stopped in the middle: {str(error).strip().splitlines()[0]}. The old index goes on answering; run the rebuild again."
    )


def _rebuild(processes: int | None, force: bool, progress: Callable[[Progress], None] | None, batch: int) -> Rebuild:
    started = time.monotonic()
    index_store = seam.connection().store
    index_store.install()
    with _only_one(index_store):
        number, since = _begin(index_store)
        ids = sorted(_datasets())
        errors = _fill(number, ids, processes or os.cpu_count() or 1, batch, progress)
        # What changed in the database meanwhile, and what a process did not get through.
        for _round in range(3):
            differing = _differing(index_store, number, {dataset for dataset, _reason in errors})
            if not differing:
                break
            errors += _fill(number, differing, 1, batch, None)
        if errors and not force:
            _drop(index_store, number)
            return Rebuild(0, time.monotonic() - started, number, switched=False, errors=errors)
        while compaction.settle(index_store, number):
            pass
        documents = _switch(index_store, number, since)
    return Rebuild(documents, time.monotonic() - started, number, switched=True, errors=errors)


def _begin(index_store: store.Store) -> tuple[int, int]:
    """Make the new index, and drop what rebuilds that were killed left behind: (its number, generation of the live one)."""

    def action() -> tuple[int, int]:
        with index_store.transaction(store.WRITE_SECONDS) as cursor:
            cursor.execute(sql.SQL("SELECT number FROM {} WHERE state <> 'live'").format(store.INDEX_SET))
            for (old,) in cursor.fetchall():
                store.drop_index(cursor, old)
            cursor.execute(sql.SQL("SELECT generation FROM {} WHERE state = 'live'").format(store.INDEX_SET))
            since = _number(cursor)
            return store.create_index(cursor), since

    return index_store.retry(action)


def _drop(index_store: store.Store, number: int) -> None:
    with index_store.transaction(store.WRITE_SECONDS) as cursor:
        store.drop_index(cursor, number)


def _fill(
    number: int, ids: Sequence[str], processes: int, batch: int, progress: Callable[[Progress], None] | None
) -> list[tuple[str, str]]:
    """Index datasets into an index. Returns those that failed, with the reason.

    :raises RebuildError: a process died.
    """
    started = time.monotonic()
    batches = [list(ids[at : at + batch]) for at in range(0, len(ids), batch)]
    processes = max(1, min(processes, len(batches)))
    if processes == 1:
        errors: list[tuple[str, str]] = []
        done = 0
        for some in batches:
            errors += _index(number, some)
            done += len(some)
            if progress:
                progress(Progress(done, len(ids), time.monotonic() - started))
        return errors
    # The children must not share the parent's connections.
    model.Session.remove()
    model.ensure_engine().dispose()
    context = multiprocessing.get_context("fork")
    waiting: Any = context.Queue()
    results: Any = context.Queue()
    for some in batches:
        waiting.put(some)
    for _process in range(processes):
        waiting.put(None)
    workers = [context.Process(target=_work, args=(number, waiting, results), daemon=True) for _process in range(processes)]
    for worker in workers:
        worker.start()
    try:
        return _gather(workers, results, len(ids), started, progress)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
            worker.join()


def _gather(workers: Any, results: Any, total: int, started: float, progress: Callable[[Progress], None] | None) -> list[tuple[str, str]]:
    errors: list[tuple[str, str]] = []
    done = 0
    while done < total:
        try:
            count, failed, fatal = results.get(timeout=1)
        except queue.Empty:
            dead = [worker.exitcode for worker in workers if worker.exitcode]
            if dead:
                raise RebuildError(f"A process of the rebuild ended with exit code {dead[0]}. The old index goes on answering.") from None
            continue
        if fatal:
            raise RebuildError(f"A process of the rebuild stopped: {fatal}. The old index goes on answering.")
        done += count
        errors += failed
        if progress:
            progress(Progress(done, total, time.monotonic() - started))
    return errors


def _work(number: int, waiting: Any, results: Any) -> None:
    model.Session.remove()
    model.ensure_engine().dispose(close=False)
    while True:
        some = waiting.get()
        if some is None:
            return
        try:
            results.put((len(some), _index(number, some), None))
        except EngineError as error:
            results.put((0, [], str(error)))
            return
        except _DATABASE_ERRORS as error:
            results.put((0, [], _stopped(error)))
            return


def _index(number: int, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Index some datasets as CKAN does, in one write."""
    documents: list[Document] = []
    errors: list[tuple[str, str]] = []
    for dataset in ids:
        try:
            made = document_of(dataset)
            if made is not None:
                documents.append(prepare(made))
        except logic.NotFound:
            # Deleted for good since the list was made.
            continue
        except (
            logic.ValidationError,
            SearchIndexError,
            EngineError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            AssertionError,
        ) as error:
            # One dataset that a plugin stumbles over must not keep the others out; it is reported, and without --force nothing is switched.
            errors.append((dataset, f"{type(error).__name__}: {error}"))
    model.Session.remove()
    seam.connection().store.write(documents, number)
    return errors


def _differing(index_store: store.Store, number: int, failed: set[str]) -> list[str]:
    """Datasets that the new index lacks or has in an older state; those that it should not have any more are removed."""
    datasets = _datasets()
    indexed = {row[1]: row for row in index_store.identities(number)}
    extra = [row[0] for dataset, row in indexed.items() if dataset not in datasets]
    if extra:
        index_store.remove(extra, number)
    return [
        dataset
        for dataset, (name, modified) in datasets.items()
        if dataset not in failed and (dataset not in indexed or indexed[dataset][2:] != (name, modified))
    ]


def _switch(index_store: store.Store, number: int, since: int) -> int:
    """Bring over what was written to the old index since the rebuild began, and let the new one answer. Returns its documents.

    The old index's row is held meanwhile: writers wait for this moment, readers do not.
    """

    def action() -> tuple[int, int]:
        with index_store.transaction(store.WRITE_SECONDS) as cursor:
            cursor.execute(sql.SQL("SELECT number, tables FROM {} WHERE state = 'live' FOR UPDATE").format(store.INDEX_SET))
            row = cursor.fetchone()
            if row is None:
                raise psycopg2.errors.UndefinedTable("no live index")
            live, tables = row
            if tables == store.TABLE_VERSION:
                changed = index_store.changed(cursor, live, since)
                for at in range(0, len(changed), BATCH):
                    index_store.write([prepare(source) for source in changed[at : at + BATCH]], number)
            gone = _gone_since(index_store, number)
            if gone:
                index_store.remove(gone, number)
            cursor.execute(sql.SQL("UPDATE {} SET state = 'retired' WHERE number = %s").format(store.INDEX_SET), (live,))
            cursor.execute(sql.SQL("UPDATE {} SET state = 'live' WHERE number = %s").format(store.INDEX_SET), (number,))
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(store.table("doc", number)))
            return live, _number(cursor)

    live, documents = index_store.retry(action)
    _retire(index_store, live)
    return documents


def _gone_since(index_store: store.Store, number: int) -> list[str]:
    datasets = _datasets()
    return [row[0] for row in index_store.identities(number) if row[1] not in datasets]


def _retire(index_store: store.Store, number: int) -> None:
    """Drop the old index when nobody reads it any more; if somebody does for long, the next rebuild drops it."""
    for _attempt in range(5):
        try:
            with index_store.transaction(store.WRITE_SECONDS) as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                store.drop_index(cursor, number)
            return
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
            time.sleep(0.5)


def shown(differences: Sequence[Difference]) -> tuple[list[Difference], int]:
    """The first ones, and how many more there are."""
    return list(differences[:_SHOWN]), max(0, len(differences) - _SHOWN)
