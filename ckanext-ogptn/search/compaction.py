"""Keeping the index small and quick: the tail becomes a segment, small segments become one, what is gone is dropped.

Only one process does this at a time (an advisory lock, tried and not waited for). The index's row is taken only for the last moment of
each step, so that nobody waits for the long part; and each step is one transaction, so that a process killed within leaves nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg2
import psycopg2.errors
from psycopg2 import sql

from . import building, segments, store
from .documents import Forward
from .errors import EngineError, IndexMissingError

log = logging.getLogger(__name__)

#: Segments beyond which the small ones are merged.
SEGMENT_LIMIT = 12
#: A tail this much longer than usual is turned into a segment in more than one go.
AT_ONCE = 2 * store.TAIL_LIMIT
#: Bytes of packed entries that a merge takes at a time.
AT_A_TIME = 4 << 20
#: Documents up to which a merge is done at once by the writer; larger ones go on beside it.
SMALL_MERGE = 8_000


def run(index_store: store.Store, index: int) -> None:
    """Do what is due after a write. Errors are logged and not raised, because the write has succeeded."""
    with _forgiven(index):
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
            cursor.execute(
                sql.SQL("SELECT document, terms FROM {} ORDER BY document LIMIT %s").format(store.table("tail", index)), (AT_ONCE,)
            )
            rows = [(document, Forward.unpack(bytes(terms))) for document, terms in cursor.fetchall()]
            if not rows:
                return 0
            store.copy_rows(cursor, index, segment, building.of_forwards([forward for _document, forward in rows]))
            _index, generation, _first = index_store.begin_write(cursor, index)
            documents = [document for document, _forward in rows]
            cursor.execute(sql.SQL("DELETE FROM {} WHERE document = ANY(%s)").format(store.table("tail", index)), (documents,))
            if not cursor.rowcount:
                # The index was cleared meanwhile, which leaves no tombstones: these documents would come back.
                _abandon(cursor, index, segment)
                return 0
            store.insert_segment(cursor, index, segment, generation, documents, len(rows))
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
        for rows in _merged_rows(cursor, index, merged, places):
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
    left = set(np.concatenate([part for segment, part in parts.items() if segment not in merged] + documents).tolist())
    useless = [document for document in gone.tolist() if document not in left]
    cursor.execute(sql.SQL("DELETE FROM {} WHERE document = ANY(%s)").format(store.table("gone", index)), (useless,))
    cursor.execute(sql.SQL("UPDATE {} SET horizon = %s WHERE number = %s").format(store.INDEX_SET), (generation, index))
    return first


def _abandon(cursor: store.Cursor, index: int, segment: int) -> None:
    """Remove the rows that were written for a segment which is not to be."""
    cursor.execute(sql.SQL("DELETE FROM {} WHERE segment = %s").format(store.table("posting", index)), (segment,))


def _merged_rows(cursor: store.Cursor, index: int, merged: list[int], places: dict[int, segments.Ints]) -> Iterator[list[segments.Row]]:
    """The new segment's rows, some megabytes at a time: large segments need not fit into memory."""
    posting = store.table("posting", index)
    cursor.execute(
        sql.SQL(
            "SELECT first, terms IS NULL, octet_length(documents) + coalesce(octet_length(positions), 0) FROM {} "
            "WHERE segment = ANY(%s) ORDER BY first"
        ).format(posting),
        (merged,),
    )
    blocks: dict[str, list[tuple[str, int]]] = {}
    columns: list[str] = []
    for first, is_column, size in cursor.fetchall():
        if is_column:
            columns.append(first)
        else:
            name, _separator, term = first.partition(segments.SEPARATOR)
            blocks.setdefault(name, []).append((term, size))
    yield list(_merged_columns(cursor, posting, merged, places, sorted(set(columns))))
    for name, found in blocks.items():
        bounds = _bounds(found)
        for low, high in zip(bounds, [*bounds[1:], None], strict=True):
            entries = segments.merge_entries(list(_blocks(cursor, posting, merged, places, name, low, high)), low, high)
            if entries is not None:
                yield list(entries.rows())


def _bounds(blocks: list[tuple[str, int]]) -> list[str]:
    """Terms at which to begin, so that what lies between two is of a size to be merged at once.

    :param blocks: first term and bytes of each, in order.
    """
    bounds = [""]
    size = 0
    for term, more in blocks:
        if size > AT_A_TIME and term != bounds[-1]:
            bounds.append(term)
            size = 0
        size += more
    return bounds


def _blocks(
    cursor: store.Cursor,
    posting: sql.Identifier,
    merged: list[int],
    places: dict[int, segments.Ints],
    name: str,
    low: str,
    high: str | None,
) -> Iterator[tuple[segments.Ints, list[segments.Block]]]:
    """For each segment, where its documents go and its blocks with terms between two."""
    begin, end = segments.key(name, low), segments.field_bounds(name)[1] if high is None else segments.key(name, high)
    cursor.execute(
        # The block that begins before the first term may hold it.
        sql.SQL(
            "SELECT part, first, terms, documents, positions FROM unnest(%s::integer[]) AS part JOIN {posting} AS p ON p.segment = part "
            "AND p.first < %s AND p.first >= coalesce((SELECT max(q.first) FROM {posting} AS q WHERE q.segment = part "
            "AND q.first <= %s AND q.first >= %s), %s) ORDER BY part, first"
        ).format(posting=posting),
        (merged, end, begin, segments.field_bounds(name)[0], begin),
    )
    found: dict[int, list[segments.Block]] = {}
    for segment, first, terms, documents, positions in cursor.fetchall():
        block = segments.Block(first, bytes(terms), bytes(documents), None if positions is None else bytes(positions))
        found.setdefault(segment, []).append(block)
    for segment in merged:
        if segment in found:
            yield places[segment], found[segment]


def _merged_columns(
    cursor: store.Cursor, posting: sql.Identifier, merged: list[int], places: dict[int, segments.Ints], columns: list[str]
) -> Iterator[segments.Row]:
    for first in columns:
        cursor.execute(
            sql.SQL("SELECT segment, documents, positions FROM {} WHERE segment = ANY(%s) AND first = %s ORDER BY segment").format(posting),
            (merged, first),
        )
        row = segments.merge_column(
            first,
            [(places[one], bytes(documents), None if numbers is None else bytes(numbers)) for one, documents, numbers in cursor.fetchall()],
        )
        if row is not None:
            yield row
