"""Inverted files: how the terms of many documents are laid out in rows, and read back as arrays.

A term's key is its field, a control character, the term. Three more kinds of row hold what belongs to a field as a whole; their keys
begin with a control character, so that they stand apart from all terms.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .documents import Forward

Ints = npt.NDArray[Any]

SEPARATOR = "\x01"
NUMBERS = "\x03"
LENGTHS = "\x04"
STATISTICS = "\x05"

_WIDTHS = {1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}


def key(name: str, term: str) -> str:
    return f"{name}{SEPARATOR}{term}"


def field_bounds(name: str) -> tuple[str, str]:
    """Keys between which all terms of a field lie: from the first one, up to but without the second one."""
    return f"{name}{SEPARATOR}", f"{name}\x02"


#: One term in one segment: documents counted from 0, how often it stands in each, and where. Plain lists, as there are very many.
Entry = tuple[list[int], list[int], list[int]]


@dataclass
class Built:
    """A segment ready to be written.

    :param rows: key to (number of documents, documents, frequencies, positions), packed.
    """

    size: int
    rows: dict[str, tuple[int, bytes, bytes | None, bytes | None]]


def _narrow(values: Ints) -> bytes:
    """Unsigned integers in as few bytes each as the largest needs, after one byte that says how many."""
    top = int(values.max()) if len(values) else 0
    width = 1 if top < 1 << 8 else 2 if top < 1 << 16 else 4
    return bytes([width]) + values.astype(_WIDTHS[width]).tobytes()


def _widen(data: bytes) -> Ints:
    return np.frombuffer(data, dtype=_WIDTHS[data[0]], offset=1)


def pack_ascending(values: Sequence[int] | Ints) -> bytes:
    """Ascending integers as differences."""
    array = np.asarray(values, dtype=np.int64)
    return _narrow(np.diff(array, prepend=0))


def unpack_ascending(data: bytes) -> Ints:
    return np.cumsum(_widen(data), dtype=np.int32)


def unpack_plain(data: bytes) -> Ints:
    return _widen(data)


def pack_numbers(values: Iterable[int]) -> bytes:
    return np.fromiter(values, dtype="<i8").tobytes()


def unpack_numbers(data: bytes) -> Ints:
    return np.frombuffer(data, dtype="<i8")


def build(documents: Sequence[Forward]) -> Built:
    """Turn documents' entries into rows."""
    fields: dict[str, dict[str, Entry]] = {}
    numbers: dict[str, tuple[list[int], list[int]]] = {}
    lengths: dict[str, tuple[list[int], list[int]]] = {}
    for at, forward in enumerate(documents):
        for name, terms in forward.terms.items():
            entries = fields.setdefault(name, {})
            for term, places in terms.items():
                entry = entries.get(term)
                if entry is None:
                    entry = entries[term] = ([], [], [])
                entry[0].append(at)
                if places:
                    entry[1].append(len(places))
                    entry[2].extend(places)
        for source, target in ((forward.numbers, numbers), (forward.lengths, lengths)):
            for name, value in source.items():
                where, values = target.setdefault(name, ([], []))
                where.append(at)
                values.append(value)
    rows: dict[str, tuple[int, bytes, bytes | None, bytes | None]] = {}
    for name, entries in fields.items():
        for term, entry in entries.items():
            rows[key(name, term)] = _row(entry)
        present = len({at for entry in entries.values() for at in entry[0]}) if name not in lengths else len(lengths[name][0])
        pairs = sum(len(entry[0]) for entry in entries.values())
        rows[STATISTICS + name] = (0, pack_numbers((present, pairs)), None, None)
    for name, (where, values) in numbers.items():
        rows[NUMBERS + name] = (len(where), pack_ascending(where), pack_numbers(values), None)
    for name, (where, values) in lengths.items():
        rows[LENGTHS + name] = (len(where), pack_ascending(where), _narrow(np.asarray(values)), None)
    return Built(len(documents), rows)


def _row(entry: Entry) -> tuple[int, bytes, bytes | None, bytes | None]:
    documents, frequencies, positions = entry
    size = len(documents)
    packed = _pack_few(documents) if size < 8 else pack_ascending(documents)
    if not frequencies:
        return size, packed, None, None
    if size == 1 and positions[-1] < 256:
        # Most terms stand in one document: without the detour through arrays this is ten times quicker.
        often = b"\x01" + bytes(frequencies) if 1 < frequencies[0] < 256 else None
        return 1, packed, often, b"\x01" + bytes(positions)
    counts = None if max(frequencies) == 1 else _narrow(np.asarray(frequencies))
    return size, packed, counts, _narrow(np.asarray(positions))


def _pack_few(documents: list[int]) -> bytes:
    previous = 0
    differences: list[int] = []
    for at in documents:
        differences.append(at - previous)
        previous = at
    top = max(differences)
    if top < 256:
        return b"\x01" + bytes(differences)
    code, width = ("H", b"\x02") if top < 65536 else ("I", b"\x04")
    return width + struct.pack(f"<{len(differences)}{code}", *differences)


def merge_rows(
    term: str, parts: Sequence[tuple[Ints, bytes, bytes | None, bytes | None]]
) -> tuple[int, bytes, bytes | None, bytes | None] | None:
    """One row for a merged segment from those of its parts; None when all its documents are gone.

    :param parts: (new number of each old document or -1, documents, frequencies, positions) in the order of the new numbers.
    """
    if term.startswith(STATISTICS):
        # Documents that are gone are counted until the next rebuild; the numbers only weigh scores.
        totals = np.sum([unpack_numbers(part[1]) for part in parts], axis=0)
        return 0, pack_numbers(totals.tolist()), None, None
    numeric = term.startswith(NUMBERS)
    length = term.startswith(LENGTHS)
    documents: list[Ints] = []
    frequencies: list[Ints] = []
    positions: list[Ints] = []
    for place, packed, counts_packed, positions_packed in parts:
        new = place[unpack_ascending(packed)]
        keep = new >= 0
        documents.append(new[keep])
        if numeric:
            assert counts_packed is not None
            frequencies.append(unpack_numbers(counts_packed)[keep])
            continue
        counts = np.ones(len(new), np.int64) if counts_packed is None else unpack_plain(counts_packed).astype(np.int64)
        frequencies.append(counts[keep])
        if positions_packed is not None:
            positions.append(unpack_plain(positions_packed)[np.repeat(keep, counts)])
    joined = np.concatenate(documents)
    if not len(joined):
        return None
    counts = np.concatenate(frequencies)
    if numeric:
        return len(joined), pack_ascending(joined), pack_numbers(counts.tolist()), None
    packed_counts = _narrow(counts) if length or counts.max() > 1 else None
    return len(joined), pack_ascending(joined), packed_counts, _narrow(np.concatenate(positions)) if positions else None


class CopyStream(io.BytesIO):
    """A segment's rows in PostgreSQL's binary COPY format, in the order of the index that they go into."""

    def __init__(self, built: Built, segment: int) -> None:
        super().__init__(_copy_bytes(built.rows, segment))


_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_NULL = struct.pack("!i", -1)


def _copy_bytes(rows: Mapping[str, tuple[int, bytes, bytes | None, bytes | None]], segment: int) -> bytes:
    out = [_HEADER]
    number = struct.pack("!ii", 4, segment)
    integer = struct.Struct("!ii")
    length = struct.Struct("!i")
    start = struct.pack("!h", 6)
    for name in sorted(rows):
        size, documents, frequencies, positions = rows[name]
        text = name.encode()
        out += (start, length.pack(len(text)), text, number, integer.pack(4, size), length.pack(len(documents)), documents)
        for part in (frequencies, positions):
            if part is None:
                out.append(_NULL)
            else:
                out += (length.pack(len(part)), part)
    out.append(struct.pack("!h", -1))
    return b"".join(out)
