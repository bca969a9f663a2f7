"""The rows of one segment from those of several parts, a bounded piece at a time: neither the parts nor the result have to fit into memory.

The parts are segments in PostgreSQL (`Stored`) or rows that were just made (`Made`). What is put together at once are the terms of one
field between two bounds, chosen so that no more than `AT_A_TIME` bytes of numbers lie between them once these are unpacked. A single term
of very many documents may be more: it is a piece of its own, and has nothing to be sorted.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Protocol

import numpy as np
from psycopg2 import sql

from . import segments, store
from .segments import Block, Ints, Row

#: Bytes of unpacked numbers that are put together at a time; at its peak that takes some twenty times as much memory.
AT_A_TIME = 1 << 18
#: Rows of a listing that are fetched at a time.
FETCHED = 1000

#: A row's key, whether it is a column, and how many bytes its numbers are once unpacked.
Listed = tuple[str, bool, int]
#: A field's numbers or lengths in one part: where the part's documents go, its documents, their numbers.
Column = tuple[Ints, bytes, bytes | None]


class Parts(Protocol):
    """What is merged. Where a part's documents go is an array: the new number of each old one, -1 where it is gone."""

    def listing(self) -> Iterator[Listed]:
        """All rows of all parts in the order of their keys."""
        ...

    def blocks(self, name: str, low: str, high: str | None) -> Iterator[tuple[Ints, Sequence[Block]]]:
        """Of each part that has any: where its documents go, and the blocks that may hold terms of a field between two bounds."""
        ...

    def column(self, key: str) -> list[Column]:
        """Of each part that has it, in the order of the new numbers."""
        ...


def rows(parts: Parts) -> Iterator[list[Row]]:
    """The rows of the new segment, some at a time."""
    for (_is_column, name), listed in itertools.groupby(parts.listing(), _owner):
        if _is_column:
            found = parts.column(name)
            # None where the index was cleared meanwhile, which the caller finds out.
            row = segments.merge_column(name, found) if found else None
            if row is not None:
                yield [row]
            continue
        for low, high in ranges((key.partition(segments.SEPARATOR)[2], size) for key, _column, size in listed):
            entries = segments.merge_entries(list(parts.blocks(name, low, high)), low, high)
            if entries is not None:
                yield list(entries.rows())


def _owner(listed: Listed) -> tuple[bool, str]:
    """Whether a row is a column, and its key; of a block the field."""
    key, is_column, _size = listed
    return is_column, key if is_column else key.partition(segments.SEPARATOR)[0]


def ranges(blocks: Iterable[tuple[str, int]]) -> Iterator[tuple[str, str | None]]:
    """Bounds between which terms are put together: from one, up to but without the other; None for all to the end.

    :param blocks: the first term of each block of a field, and its bytes once unpacked; in order.
    """
    low, size = "", 0
    for term, same in itertools.groupby(blocks, itemgetter(0)):
        more = sum(one for _term, one in same)
        if size + more > AT_A_TIME and term != low:
            yield low, term
            low, size = term, 0
        size += more
        if more > AT_A_TIME:
            # Alone: no other term lies before this one with the smallest character that a term can have behind it.
            yield term, term + segments.SEPARATOR
            low, size = term + segments.SEPARATOR, 0
    yield low, None


class Made:
    """Parts that were just made, in memory.

    :param parts: how many documents each has, and its rows; in the order of the new numbers.
    """

    def __init__(self, parts: Iterable[tuple[int, Iterable[Row]]]) -> None:
        self._parts: list[tuple[Ints, list[str], list[Row]]] = []
        self._columns: dict[str, list[Column]] = {}
        first = 0
        for size, part in parts:
            place = np.arange(first, first + size, dtype=np.int32)
            first += size
            ordered = sorted((row for row in part if row.terms is not None), key=lambda row: row.first)
            self._parts.append((place, [row.first for row in ordered], ordered))
            for row in part:
                if row.terms is None:
                    self._columns.setdefault(row.first, []).append((place, row.documents, row.positions))

    def listing(self) -> Iterator[Listed]:
        for key in sorted(self._columns):
            yield key, True, 0
        every = (row for _place, _keys, ordered in self._parts for row in ordered)
        yield from sorted((row.first, False, _unpacked(row.documents, row.positions)) for row in every)

    def blocks(self, name: str, low: str, high: str | None) -> Iterator[tuple[Ints, Sequence[Block]]]:
        first, last = segments.field_bounds(name)
        end = last if high is None else segments.key(name, high)
        for place, keys, ordered in self._parts:
            # The block that begins before the first term may hold it.
            start = max(bisect_right(keys, segments.key(name, low)) - 1, bisect_left(keys, first))
            found = ordered[start : bisect_left(keys, end)]
            if found:
                yield place, [Block(row.first, row.terms or b"", row.documents, row.positions) for row in found]

    def column(self, key: str) -> list[Column]:
        return self._columns[key]


class Stored:
    """Segments of an index.

    :param cursor: of a transaction, which ends after the last use.
    :param places: for each segment, in the order of the new numbers, where its documents go.
    """

    def __init__(self, cursor: store.Cursor, index: int, places: dict[int, Ints]) -> None:
        self._cursor, self._places = cursor, places
        self._posting = store.table("posting", index)

    def listing(self) -> Iterator[Listed]:
        self._cursor.execute(
            sql.SQL(
                "DECLARE listing NO SCROLL CURSOR FOR SELECT first, terms IS NULL, substr(documents, 1, {head}), octet_length(documents), "
                "substr(positions, 1, {head}), octet_length(positions) FROM {posting} WHERE segment = ANY(%s) ORDER BY first"
            ).format(head=sql.Literal(segments.HEAD), posting=self._posting),
            (list(self._places),),
        )
        for first, is_column, documents, size, positions, more in store.fetched(self._cursor, "listing", FETCHED):
            unpacked = 0
            if not is_column:
                unpacked = segments.unpacked_size(bytes(documents), size)
                if positions is not None:
                    unpacked += segments.unpacked_size(bytes(positions), more)
            yield first, is_column, unpacked

    def blocks(self, name: str, low: str, high: str | None) -> Iterator[tuple[Ints, Sequence[Block]]]:
        begin, end = segments.key(name, low), segments.field_bounds(name)[1] if high is None else segments.key(name, high)
        self._cursor.execute(
            # The block that begins before the first term may hold it.
            sql.SQL(
                "SELECT part, first, terms, documents, positions FROM unnest(%s::integer[]) AS part JOIN {posting} AS p "
                "ON p.segment = part AND p.first < %s AND p.first >= coalesce((SELECT max(q.first) FROM {posting} AS q "
                "WHERE q.segment = part AND q.first <= %s AND q.first >= %s), %s) ORDER BY part, first"
            ).format(posting=self._posting),
            (list(self._places), end, begin, segments.field_bounds(name)[0], begin),
        )
        found: dict[int, list[Block]] = {}
        for segment, first, terms, documents, positions in self._cursor.fetchall():
            block = Block(first, bytes(terms), bytes(documents), None if positions is None else bytes(positions))
            found.setdefault(segment, []).append(block)
        for segment, place in self._places.items():
            if segment in found:
                yield place, found[segment]

    def column(self, key: str) -> list[Column]:
        self._cursor.execute(
            sql.SQL("SELECT segment, documents, positions FROM {} WHERE segment = ANY(%s) AND first = %s").format(self._posting),
            (list(self._places), key),
        )
        found = {row[0]: (bytes(row[1]), None if row[2] is None else bytes(row[2])) for row in self._cursor.fetchall()}
        return [(place, *found[segment]) for segment, place in self._places.items() if segment in found]


def _unpacked(documents: bytes, positions: bytes | None) -> int:
    return sum(segments.unpacked_size(part[: segments.HEAD], len(part)) for part in (documents, positions) if part is not None)
