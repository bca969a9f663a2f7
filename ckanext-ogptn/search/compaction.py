"""Keeping the index small and quick: the tail becomes a segment, small segments become one, what is gone is dropped.

Only one process does this at a time (an advisory lock, tried and not waited for). The index's row is taken only for the last moment of
each step, so that nobody waits for the long part; and each step is one transaction, so that a process killed within leaves nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psycopg2
import psycopg2.errors
from psycopg2 import sql

from . import building, merging, segments, store
from .documents import Forward
from .errors import EngineError, IndexMissingError

log = logging.getLogger(__name__)

#: Segments beyond which the small ones are merged.
SEGMENT_LIMIT = 12
#: A tail this much longer than usual is turned into a segment in more than one go.
AT_ONCE = 2 * store.TAIL_LIMIT
#: Documents of the tail that are fetched at a time.
FETCHED = 10
#: Entries of the tail's documents that are unpacked at a time, but for a document that has more by itself: some 20 MB.
PIECE_ENTRIES = 150_000
#: Bytes of rows of these that are kept in memory until there is a segment. A tail of more takes more than one segment.
PIECES_SIZE = 16 << 20
#: Documents up to which a merge is done at once by the writer; larger ones go on beside it.
SMALL_MERGE = 8_000


def run(index_store: store.Store, index: int) -> None:
    """Do what is due after a write. Errors are logged and not raised, because the write has succeeded."""
    with _forgiven(index):
        while _tail_length(index_store, index) >= store.TAIL_LIMIT and flush(index_store, index):
            pass
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
    with _forgiven(index):
        merge(index_store, index, chosen)


@contextmanager
def _forgiven(index: int) -> Iterator[None]:
    """Log an error. Nothing is lost: tail and segments stay as they are, and the next writer tries again."""
    try:
        yield
    except (IndexMissingError, psycopg2.errors.UndefinedTable) as error:
        # Usual at the end of a rebuild. Where the tables are missing indeed, the next search or write says so.
        log.info("Segments of the search index were not merged: index %s was replaced meanwhile (%s)", index, error)
    except (EngineError, psycopg2.Error) as error:
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
            documents: list[int] = []
            made: list[tuple[int, list[segments.Row]]] = []
            for some, rows in _pieces(cursor, index):
                documents += some
                made.append((len(some), rows))
            if not documents:
                return 0
            for rows in [made[0][1]] if len(made) == 1 else merging.rows(merging.Made(made)):
                store.copy_rows(cursor, index, segment, rows)
            _index, generation, _first = index_store.begin_write(cursor, index)
            cursor.execute(sql.SQL("DELETE FROM {} WHERE document = ANY(%s)").format(store.table("tail", index)), (documents,))
            if not cursor.rowcount:
                # The index was cleared meanwhile, which leaves no tombstones: these documents would come back.
                _abandon(cursor, index, segment)
                return 0
            store.insert_segment(cursor, index, segment, generation, documents, len(documents))
            return len(documents)

    return index_store.retry(action)


def _pieces(cursor: store.Cursor, index: int) -> Iterator[tuple[list[int], list[segments.Row]]]:
    """Rows of the tail's documents, so many documents at a time as fit into little memory: an entry takes a hundred times as much unpacked
    as in a row."""
    cursor.execute(
        sql.SQL("DECLARE tail NO SCROLL CURSOR FOR SELECT document, terms FROM {} ORDER BY document LIMIT %s").format(
            store.table("tail", index)
        ),
        (AT_ONCE,),
    )
    documents: list[int] = []
    forwards: list[Forward] = []
    entries = size = 0
    for document, terms in store.fetched(cursor, "tail", FETCHED):
        documents.append(document)
        forwards.append(forward := Forward.unpack(bytes(terms)))
        entries += forward.entries
        if entries >= PIECE_ENTRIES:
            rows = building.of_forwards(forwards)
            yield documents, rows
            size += sum(row.size for row in rows)
            documents, forwards, entries = [], [], 0
            if size >= PIECES_SIZE:
                break
    if forwards:
        yield documents, building.of_forwards(forwards)


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
    documents: list[segments.Ints] = []
    places: dict[int, segments.Ints] = {}
    first = 0
    for segment in merged:
        alive = ~np.isin(parts[segment], gone)
        places[segment] = np.where(alive, np.cumsum(alive) - 1 + first, -1).astype(np.int32)
        documents.append(parts[segment][alive])
        first += int(alive.sum())
    if first:
        for rows in merging.rows(merging.Stored(cursor, index, places)):
            store.copy_rows(cursor, index, target, rows)
    _index, generation, _first = index_store.begin_write(cursor, index)
    cursor.execute(sql.SQL("DELETE FROM {} WHERE segment = ANY(%s)").format(store.table("segment", index)), (merged,))
    if cursor.rowcount != len(merged):
        # The index was cleared meanwhile, which leaves no tombstones: these documents would come back.
        _abandon(cursor, index, target)
        return 0
    cursor.execute(sql.SQL("DELETE FROM {} WHERE segment = ANY(%s)").format(store.table("posting", index)), (merged,))
    if first:
        store.insert_segment(cursor, index, target, generation, np.concatenate(documents).tolist(), first)
    left = np.concatenate([part for segment, part in parts.items() if segment not in merged] + documents)
    useless = gone[~np.isin(gone, left)].tolist()
    cursor.execute(sql.SQL("DELETE FROM {} WHERE document = ANY(%s)").format(store.table("gone", index)), (useless,))
    cursor.execute(sql.SQL("UPDATE {} SET horizon = %s WHERE number = %s").format(store.INDEX_SET), (generation, index))
    return first


def _abandon(cursor: store.Cursor, index: int, segment: int) -> None:
    """Remove the rows that were written for a segment which is not to be."""
    cursor.execute(sql.SQL("DELETE FROM {} WHERE segment = %s").format(store.table("posting", index)), (segment,))
