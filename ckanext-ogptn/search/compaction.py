"""Keeping the index small and quick: the tail becomes a segment, small segments become one, what is gone is dropped.

Only one process does this at a time (an advisory lock, tried and not waited for). The index's row is taken only for the last moment of
each step, so that nobody waits for the long part; and each step is one transaction, so that a process killed within leaves nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg2
from psycopg2 import sql

from . import segments, store
from .documents import Forward
from .errors import EngineError

log = logging.getLogger(__name__)

#: Segments beyond which the small ones are merged.
SEGMENT_LIMIT = 12
#: A tail this much longer than usual is turned into a segment in more than one go.
AT_ONCE = 2 * store.TAIL_LIMIT
#: Documents up to which a merge is done at once by the writer; larger ones go on beside it.
SMALL_MERGE = 8_000


def run(index_store: store.Store, index: int) -> None:
    """Do what is due."""
    if _tail_length(index_store, index) >= store.TAIL_LIMIT:
        flush(index_store, index)
    chosen, documents = choose(_sizes(index_store, index))
    if not chosen:
        return
    if documents <= SMALL_MERGE:
        merge(index_store, index, chosen)
    else:
        threading.Thread(target=_merge_beside, args=(index_store, index, chosen), name="ogptn-search-merge", daemon=True).start()


def settle(index_store: store.Store, index: int) -> bool:
    """Do one step of what :func:`run` would do beside; whether there was one to do."""
    chosen, _documents = choose(_sizes(index_store, index))
    return bool(chosen) and merge(index_store, index, chosen) > 0


def _merge_beside(index_store: store.Store, index: int, chosen: list[int]) -> None:
    try:
        merge(index_store, index, chosen)
    except (EngineError, psycopg2.Error) as error:
        # Nothing is lost: the segments stay as they are, and the next writer tries again.
        log.warning("Segments of the search index were not merged: %s", error)


def _tail_length(index_store: store.Store, index: int) -> int:
    with index_store.connection() as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(store.table("tail", index)))
        row = cursor.fetchone()
        return int(row[0]) if row else 0


def _sizes(index_store: store.Store, index: int) -> list[tuple[int, int]]:
    with index_store.connection() as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT segment, size FROM {} ORDER BY segment").format(store.table("segment", index)))
        return [(int(segment), int(size)) for segment, size in cursor.fetchall()]


def choose(sizes: list[tuple[int, int]], limit: int = SEGMENT_LIMIT) -> tuple[list[int], int]:
    """Segments to merge, and how many documents these have: the small ones, as long as one is no larger than all before it together."""
    if len(sizes) <= limit:
        return [], 0
    ordered = sorted(sizes, key=lambda pair: pair[1])
    chosen: list[int] = []
    total = 0
    for segment, size in ordered:
        if len(chosen) >= len(ordered) // 2 and size > total:
            break
        chosen.append(segment)
        total += size
    return chosen, total


def _locked(cursor: store.Cursor, index: int) -> bool:
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", (store.MERGE_LOCK, index))
    row = cursor.fetchone()
    return bool(row and row[0])


def flush(index_store: store.Store, index: int) -> int:
    """Turn the tail into a segment. Returns how many documents it had."""

    def action() -> int:
        with index_store.transaction(store.WRITE_SECONDS) as cursor:
            _index, segment, _first = index_store.reserve(cursor, index, 0)
        with index_store.transaction(store.WRITE_SECONDS) as cursor:
            if not _locked(cursor, index):
                return 0
            cursor.execute(
                sql.SQL("SELECT document, terms FROM {} ORDER BY document LIMIT %s").format(store.table("tail", index)), (AT_ONCE,)
            )
            rows = [(document, Forward.unpack(bytes(terms))) for document, terms in cursor.fetchall()]
            if not rows:
                return 0
            built = segments.build([forward for _document, forward in rows])
            store.copy_segment(cursor, index, segment, built)
            _index, generation, _first = index_store.begin_write(cursor, index)
            documents = [document for document, _forward in rows]
            cursor.execute(sql.SQL("DELETE FROM {} WHERE document = ANY(%s)").format(store.table("tail", index)), (documents,))
            store.insert_segment(cursor, index, segment, generation, documents, built.size)
            return len(rows)

    return index_store.retry(action)


def merge(index_store: store.Store, index: int, chosen: list[int] | None = None) -> int:
    """Make one segment of several, without the documents that are gone. Returns how many documents it has.

    :param chosen: the segments; all by default.
    """

    def action() -> int:
        with index_store.transaction(store.WRITE_SECONDS) as cursor:
            _index, target, _first = index_store.reserve(cursor, index, 0)
        with index_store.transaction(0) as cursor:
            if not _locked(cursor, index):
                return 0
            return _merge(index_store, cursor, index, chosen, target)

    return index_store.retry(action)


def _merge(index_store: store.Store, cursor: store.Cursor, index: int, chosen: list[int] | None, target: int) -> int:
    # First who is gone, then who is where: a document that is added and replaced between the two must not lose its tombstone.
    cursor.execute(sql.SQL("SELECT document FROM {}").format(store.table("gone", index)))
    gone = np.array([row[0] for row in cursor.fetchall()], np.int64)
    cursor.execute(sql.SQL("SELECT segment, documents FROM {} ORDER BY segment").format(store.table("segment", index)))
    parts = {segment: segments.unpack_numbers(bytes(documents)) for segment, documents in cursor.fetchall()}
    merged = [segment for segment in parts if chosen is None or segment in chosen]
    if not merged:
        return 0
    documents: list[Any] = []
    places: dict[int, Any] = {}
    first = 0
    for segment in merged:
        alive = ~np.isin(parts[segment], gone)
        place = np.where(alive, np.cumsum(alive) - 1 + first, -1)
        places[segment] = place.astype(np.int64)
        documents.append(parts[segment][alive])
        first += int(alive.sum())
    if first:
        copy = sql.SQL("COPY {} (term, segment, size, documents, frequencies, positions) FROM STDIN WITH (FORMAT binary)").format(
            store.table("posting", index)
        )
        for rows in _merged_rows(index_store, index, merged, places):
            cursor.copy_expert(copy, segments.CopyStream(segments.Built(first, rows), target))
    _index, generation, _first = index_store.begin_write(cursor, index)
    for kind in ("posting", "segment"):
        cursor.execute(sql.SQL("DELETE FROM {} WHERE segment = ANY(%s)").format(store.table(kind, index)), (merged,))
    if first:
        store.insert_segment(cursor, index, target, generation, np.concatenate(documents).tolist(), first)
    left = set(np.concatenate([part for segment, part in parts.items() if segment not in merged] + documents).tolist())
    useless = [document for document in gone.tolist() if document not in left]
    cursor.execute(sql.SQL("DELETE FROM {} WHERE document = ANY(%s)").format(store.table("gone", index)), (useless,))
    cursor.execute(sql.SQL("UPDATE {} SET horizon = %s WHERE number = %s").format(store.INDEX_SET), (generation, index))
    return first


Row = tuple[int, bytes, bytes | None, bytes | None]


def _merged_rows(index_store: store.Store, index: int, merged: list[int], places: dict[int, Any]) -> Iterator[dict[str, Row]]:
    """The new segment's rows, some thousands at a time. Read on a second connection, as a cursor lives in its transaction."""
    with index_store.connection() as connection:
        connection.autocommit = False  # A cursor on the server lives in a transaction.
        with connection.cursor(name="merge") as cursor:
            cursor.itersize = 5000
            cursor.execute(
                sql.SQL(
                    "SELECT term, segment, documents, frequencies, positions FROM {} WHERE segment = ANY(%s) ORDER BY term, segment"
                ).format(store.table("posting", index)),
                (merged,),
            )
            rows: dict[str, Row] = {}
            term: str | None = None
            group: list[tuple[int, bytes, bytes | None, bytes | None]] = []
            for name, segment, documents, frequencies, positions in cursor:
                if name != term:
                    if term is not None:
                        _put(rows, term, group, places)
                    term, group = name, []
                    if len(rows) >= 20_000:
                        yield rows
                        rows = {}
                group.append((segment, bytes(documents), _bytes(frequencies), _bytes(positions)))
            if term is not None:
                _put(rows, term, group, places)
            yield rows
        connection.rollback()
        connection.autocommit = True


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _put(rows: dict[str, Row], term: str, group: list[tuple[int, bytes, bytes | None, bytes | None]], places: dict[int, Any]) -> None:
    row = segments.merge_rows(
        term, [(places[segment], documents, frequencies, positions) for segment, documents, frequencies, positions in group]
    )
    if row is not None:
        rows[term] = row
