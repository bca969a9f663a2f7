"""Inverted files: how the entries of many documents are laid out in rows, and read back as arrays.

A term's key is its field, a control character, the term. A segment keeps its keys in order, cut into *blocks* of up to some hundred
terms of one field; each block is a row, found by its first key. A term that stands in very many places has a block of its own. So a
segment of 500 documents is about 200 rows where one row per term would be 20,000, and all of it is packed and read by arrays.

Three more kinds of row hold what belongs to a field as a whole; their keys begin with a control character, so that they stand before all
terms.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]

SEPARATOR = "\x01"
NUMBERS = "\x03"
LENGTHS = "\x04"
STATISTICS = "\x05"

#: Occurrences that one block holds at most, but for a term that has more by itself.
BLOCK_PLACES = 4096
#: Terms that one block holds at most.
BLOCK_TERMS = 256
#: Data shorter than this is kept as it is: packing would cost more than it saves.
_WORTH_PACKING = 64

_WIDTHS = {1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}
_EMPTY: Ints = np.empty(0, np.int32)


def key(name: str, term: str) -> str:
    return f"{name}{SEPARATOR}{term}"


def field_bounds(name: str) -> tuple[str, str]:
    """Keys between which all terms of a field lie: from the first one, up to but without the second one."""
    return f"{name}{SEPARATOR}", f"{name}\x02"


# -- numbers as bytes


def narrow(values: Ints) -> bytes:
    """Unsigned integers in as few bytes each as the largest needs, after one byte that says how many."""
    top = int(values.max()) if len(values) else 0
    width = 1 if top < 1 << 8 else 2 if top < 1 << 16 else 4
    return bytes([width]) + values.astype(_WIDTHS[width]).tobytes()


def widen(data: bytes) -> Ints:
    return np.frombuffer(data, dtype=_WIDTHS[data[0]], offset=1)


def pack_numbers(values: Iterable[int]) -> bytes:
    return np.fromiter(values, dtype="<i8").tobytes()


def unpack_numbers(data: bytes) -> Ints:
    return np.frombuffer(data, dtype="<i8")


def _squeeze(data: bytes, strategy: int) -> bytes:
    """Compressed where that makes it shorter; the first byte says which."""
    if len(data) > _WORTH_PACKING:
        packer = zlib.compressobj(1, zlib.DEFLATED, -15, 8, strategy)
        packed = packer.compress(data) + packer.flush()
        if len(packed) < len(data):
            return b"\x01" + packed
    return b"\x00" + data


def _unsqueeze(data: bytes) -> bytes:
    return zlib.decompress(data[1:], -15) if data[0] else data[1:]


def pack_integers(*arrays: Ints) -> bytes:
    """Arrays of unsigned integers in one piece. Entropy coding alone: differences of numbers repeat too rarely for more."""
    parts = [narrow(array) for array in arrays]
    return _squeeze(struct.pack(f"<B{len(parts)}I", len(parts), *map(len, parts)) + b"".join(parts), zlib.Z_HUFFMAN_ONLY)


def unpack_integers(data: bytes) -> list[Ints]:
    plain = _unsqueeze(data)
    count = plain[0]
    sizes = struct.unpack_from(f"<{count}I", plain, 1)
    at = 1 + 4 * count
    arrays: list[Ints] = []
    for size in sizes:
        arrays.append(np.frombuffer(plain, _WIDTHS[plain[at]], (size - 1) // plain[at], at + 1))
        at += size
    return arrays


#: Bytes at the beginning of packed arrays that say how long these are.
HEAD = 256


def unpacked_size(head: bytes, size: int) -> int:
    """How many bytes :func:`unpack_integers` makes of a piece; at least one for each number.

    :param head: its first :data:`HEAD` bytes.
    :param size: all its bytes.
    """
    plain = zlib.decompressobj(-15).decompress(head[1:], 64) if head[0] else head[1:]
    if not plain or len(plain) < 1 + 4 * plain[0]:
        # No code is shorter than a bit.
        return 8 * size
    return sum(struct.unpack_from(f"<{plain[0]}I", plain, 1))


def pack_ascending(values: Ints) -> bytes:
    return pack_integers(np.diff(values, prepend=values.dtype.type(0)))


def unpack_ascending(data: bytes) -> Ints:
    return np.cumsum(unpack_integers(data)[0], dtype=np.int32)


def restarts(sizes: Ints) -> Ints:
    """Where each of several runs begins that stand one after the other."""
    return np.cumsum(sizes, dtype=np.int64) - sizes


def spread(sizes: Ints) -> Ints:
    """0, 1, 2 … anew for each of several runs."""
    total = int(sizes.sum())
    return np.arange(total) - np.repeat(restarts(sizes), sizes)


# -- rows


@dataclass(frozen=True)
class Row:
    """One row of ``posting_<n>``.

    :param terms: of a block: its terms and in how many documents each stands.
    :param documents: the documents of each term, counted from 0, and how often it stands in each.
    :param positions: where it stands; or the numbers of a field.
    """

    first: str
    terms: bytes | None
    documents: bytes
    positions: bytes | None = None

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.first) + sum(len(part) for part in (self.terms, self.documents, self.positions) if part is not None)


@dataclass(frozen=True)
class Entries:
    """Terms of one field in ascending order with their documents.

    :param sizes: number of documents of each term.
    :param documents: of each term ascending, all terms one after the other.
    :param frequencies: how often a term stands in each of these; None in a field that is not split in words.
    :param places: its positions in each of these.
    """

    field: str
    terms: Sequence[str]
    sizes: Ints
    documents: Ints
    frequencies: Ints | None = None
    places: Ints | None = None

    def rows(self) -> Iterator[Row]:
        starts = restarts(self.sizes)
        deltas = np.diff(self.documents, prepend=self.documents.dtype.type(0))
        deltas[starts] = self.documents[starts]
        weights = self.sizes
        if self.frequencies is not None:
            weights = np.add.reduceat(self.frequencies, starts, dtype=np.int64)
        ends = np.cumsum(weights)
        cuts = self._cuts(weights, ends)
        terms, sizes, frequencies, places = self.terms, self.sizes, self.frequencies, self.places
        for low, high in itertools.pairwise(cuts):
            first, last = int(starts[low]), int(starts[high]) if high < len(starts) else len(deltas)
            names = terms[low:high]
            positions = None
            if frequencies is None or places is None:
                documents = pack_integers(deltas[first:last])
            else:
                documents = pack_integers(deltas[first:last], frequencies[first:last])
                positions = pack_integers(places[int(ends[low] - weights[low]) : int(ends[high - 1])])
            text = "\x00".join(names).encode()
            packed = _squeeze(struct.pack("<I", len(text)) + text + narrow(sizes[low:high]), zlib.Z_DEFAULT_STRATEGY)
            yield Row(key(self.field, names[0]), packed, documents, positions)

    @staticmethod
    def _cuts(weights: Ints, ends: Ints) -> list[int]:
        """The numbers of the terms that begin a block, and one past the last."""
        count = len(weights)
        step = (ends - weights) // BLOCK_PLACES
        large = np.flatnonzero(weights > BLOCK_PLACES)
        cuts = np.concatenate([np.flatnonzero(np.diff(step)) + 1, np.arange(0, count, BLOCK_TERMS), large, large + 1, [0, count]])
        return np.unique(cuts).tolist()


class Block:
    """One block, read back. Its parts are unpacked when they are first asked for."""

    def __init__(self, first: str, terms: bytes, documents: bytes, positions: bytes | None = None) -> None:
        self.field = first[: first.index(SEPARATOR)]
        self._terms = terms
        self._documents = documents
        self._positions = positions

    @cached_property
    def directory(self) -> tuple[list[str], Ints]:
        """Terms, and in how many documents each stands."""
        return read_terms(self._terms)

    @cached_property
    def starts(self) -> Ints:
        return restarts(self.directory[1])

    @cached_property
    def _arrays(self) -> list[Ints]:
        return unpack_integers(self._documents)

    @cached_property
    def documents(self) -> Ints:
        """Documents of all terms, one term after the other."""
        deltas, sizes = self._arrays[0], self.directory[1]
        sums = np.cumsum(deltas, dtype=np.int32)
        if len(sizes) == 1:
            return sums
        before = sums[self.starts] - deltas[self.starts].astype(np.int32)
        return sums - np.repeat(before, sizes)

    @property
    def frequencies(self) -> Ints | None:
        return self._arrays[1] if len(self._arrays) > 1 else None

    @cached_property
    def places(self) -> Ints:
        return _EMPTY if self._positions is None else unpack_integers(self._positions)[0]

    def find(self, term: str, *, positions: bool) -> tuple[Ints, Ints | None, Ints | None] | None:
        """(documents, frequencies, positions if wanted) of one term."""
        terms, sizes = self.directory
        at = bisect_left(terms, term)
        if at == len(terms) or terms[at] != term:
            return None
        start = int(self.starts[at])
        end = start + int(sizes[at])
        often = self.frequencies
        if often is None:
            return self.documents[start:end], None, _EMPTY if positions else None
        frequencies = often[start:end]
        if not positions:
            return self.documents[start:end], frequencies, None
        before = int(often[:start].sum())
        return self.documents[start:end], frequencies, self.places[before : before + int(frequencies.sum())]


def read_terms(data: bytes) -> tuple[list[str], Ints]:
    """Terms of a block, and in how many documents each stands."""
    plain = _unsqueeze(data)
    (size,) = struct.unpack_from("<I", plain)
    return plain[4 : 4 + size].decode().split("\x00"), widen(plain[4 + size :])


def numbers_row(name: str, documents: Ints, values: Ints) -> Row:
    """A field's numbers or dates."""
    return Row(NUMBERS + name, None, pack_ascending(documents), np.asarray(values, "<i8").tobytes())


def lengths_row(name: str, documents: Ints, values: Ints) -> Row:
    """How many words a field has in each document."""
    return Row(LENGTHS + name, None, pack_ascending(documents), pack_integers(values))


def statistics_row(name: str, documents: int, values: int) -> Row:
    """In how many documents a field that is not split in words has a value, and how many values these are."""
    return Row(STATISTICS + name, None, pack_numbers((documents, values)))


def read_column(row_key: str, data: bytes) -> Ints:
    return unpack_numbers(data) if row_key.startswith(NUMBERS) else unpack_integers(data)[0]


# -- merging


def merge_entries(parts: Sequence[tuple[Ints, Sequence[Block]]], low: str, high: str | None) -> Entries | None:
    """Entries of several segments' blocks of one field as those of one segment; None when none is left.

    :param parts: for each segment the new number of each old document, -1 where it is gone, and its blocks; in the order of the new
        numbers.
    :param low: first term that is wanted.
    :param high: the first term that is not wanted any more; None for all to the end.
    """
    texts = sorted({term for _place, blocks in parts for block in blocks for term in block.directory[0]})
    texts = texts[bisect_left(texts, low) : len(texts) if high is None else bisect_left(texts, high)]
    rank = {term: at for at, term in enumerate(texts)}
    ranks: list[Ints] = []
    documents: list[Ints] = []
    frequencies: list[Ints] = []
    places: list[Ints] = []
    field = ""
    worded = False
    for place, blocks in parts:
        for block in blocks:
            terms, sizes = block.directory
            rank_of = np.array([rank.get(term, -1) for term in terms], np.int32)
            if rank_of.max(initial=-1) < 0:
                continue
            field = block.field
            here = np.repeat(rank_of, sizes)
            new = place[block.documents]
            keep = (here >= 0) & (new >= 0)
            ranks.append(here[keep])
            documents.append(new[keep])
            often = block.frequencies
            if often is not None:
                worded = True
                frequencies.append(often[keep])
                places.append(block.places[np.repeat(keep, often)])
    joined = np.concatenate(ranks) if ranks else _EMPTY
    if not len(joined):
        return None
    sizes = np.bincount(joined, minlength=len(texts))
    left = np.flatnonzero(sizes)
    names = [texts[at] for at in left.tolist()]
    found = np.concatenate(documents)
    often, where = (np.concatenate(frequencies), np.concatenate(places)) if worded else (None, None)
    if len(names) > 1:
        # Segment after segment the documents ascend, so that keeping the order within a term is enough.
        order = np.argsort(joined, kind="stable")
        found = found[order]
        if often is not None and where is not None:
            ordered = often[order].astype(np.int64)
            where = where[np.repeat(restarts(often)[order], ordered) + spread(ordered)]
            often = often[order]
    return Entries(field, names, sizes[left], found, often, where)


def merge_column(row_key: str, parts: Sequence[tuple[Ints, bytes, bytes | None]]) -> Row | None:
    """A field's numbers or lengths of several segments as those of one. Parameters as of :func:`merge_entries`."""
    if row_key.startswith(STATISTICS):
        # Documents that are gone are counted until the next rebuild; the numbers only weigh scores.
        present, pairs = np.sum([unpack_numbers(packed) for _place, packed, _numbers in parts], axis=0).tolist()
        return statistics_row(row_key[1:], present, pairs)
    documents: list[Ints] = []
    values: list[Ints] = []
    for place, packed, numbers in parts:
        assert numbers is not None
        new = place[unpack_ascending(packed)]
        keep = new >= 0
        documents.append(new[keep])
        values.append(read_column(row_key, numbers)[keep])
    joined = np.concatenate(documents)
    if not len(joined):
        return None
    make = numbers_row if row_key.startswith(NUMBERS) else lengths_row
    return make(row_key[1:], joined, np.concatenate(values))
