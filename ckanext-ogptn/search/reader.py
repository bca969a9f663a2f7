"""What one process knows of the index: small arrays over all documents, postings of the terms that were asked for.

PostgreSQL holds the truth; a reader holds copies of immutable segments and of the tail, brought up to date at every request by reading
what came after the generation that it knows. Documents are numbered by *slots*, their places in the arrays: first those of the
segments (the *base*), then those of the tail.
"""

from __future__ import annotations

import bisect
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from . import segments
from .analysis import MARK
from .documents import Forward
from .fields import Kind
from .fields import field as field_of
from .store import Snapshot, State
from .terms import TermIndex

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

#: Masks of wildcards and the like that are kept for the next query.
KEPT_MASKS = 256
#: Fields in which every visitor asks for terms of their own.
OFTEN_NEW = frozenset({"permission_labels"})
#: Where no more than one document in so many is a hit, their values are looked up one by one.
FEW = 6
#: A tail in memory beyond which a reader loads afresh; a process that writes makes segments long before.
STALE_TAIL = 20_000


def _length_table() -> npt.NDArray[np.float64]:
    """Lucene's SmallFloat: what stays of a field's length when it is kept in one byte."""

    def byte4_to_int(value: int) -> int:
        if value < 24:
            return value
        bits = value - 24
        mantissa, shift = bits & 0x07, (bits >> 3) - 1
        decoded = mantissa if shift == -1 else (mantissa | 0x08) << shift
        return 24 + decoded

    return np.array([byte4_to_int(value) for value in range(256)], np.float64)


LENGTHS = _length_table()


def length_codes(lengths: Array) -> npt.NDArray[np.uint8]:
    """Lucene's byte for each length; 0 for no words."""
    return (np.searchsorted(LENGTHS, lengths, side="right") - 1).astype(np.uint8)


@dataclass
class Posting:
    """Slots of the documents that hold a term, ascending within each segment, and how often each does (None: once)."""

    slots: Array
    frequencies: Array | None
    positions: Array | None = None
    _places: Array | None = None

    @property
    def size(self) -> int:
        # Twelve bytes for each position: its own, and what :meth:`places` makes of it.
        own = sum(part.nbytes for part in (self.slots, self.frequencies) if part is not None)
        return own + 100 + (0 if self.positions is None else 12 * len(self.positions))

    def places(self) -> Array:
        """Every occurrence, ascending within each segment: slot in the upper 32 bits, position in the lower."""
        if self._places is None:
            assert self.positions is not None
            slots = self.slots.astype(np.int64) << 32
            if self.frequencies is not None:
                slots = np.repeat(slots, self.frequencies)
            self._places = slots | self.positions.astype(np.int64)
        return self._places


#: Documents, frequencies and positions of a term in one segment.
Found = tuple[segments.Ints, segments.Ints | None, segments.Ints | None]

EMPTY = Posting(np.empty(0, np.int32), None, np.empty(0, np.uint16))


@dataclass
class Values:
    """All values of a field, turned from term → documents to document → terms.

    :param terms: the distinct ones; those of the base sorted, those of the tail after them.
    :param slots: with ``ids``: one pair for each value of each document.
    """

    terms: list[str]
    slots: Array
    ids: Array
    base_terms: int = 0

    @cached_property
    def starts(self) -> Array:
        """Where each slot's values begin; they end where the next slot's begin."""
        last = int(self.slots[-1]) + 1 if len(self.slots) else 0
        return np.searchsorted(self.slots, np.arange(last + 1)).astype(np.int32)

    def counts(self, mask: Mask, hits: Array) -> Array:
        """In how many of some slots each term stands.

        :param mask: the slots.
        :param hits: the same as numbers.
        """
        if len(hits) * FEW > len(mask) or not len(self.slots):
            chosen = self.ids.compress(mask.take(self.slots))
        else:
            # Only the values of the hits are looked at.
            hits = hits[: np.searchsorted(hits, len(self.starts) - 1)]
            begins = self.starts[hits]
            sizes = self.starts[hits + 1] - begins
            chosen = self.ids[np.repeat(begins, sizes) + segments.spread(sizes)]
        return np.bincount(chosen, minlength=len(self.terms))


@dataclass
class Base:
    """The segments, and what was loaded of them."""

    parts: list[tuple[int, int, int]]  # segment, first slot, documents
    documents: Array
    postings: OrderedDict[str, Posting] = field(default_factory=OrderedDict)
    bytes: int = 0
    columns: dict[tuple[str, str], Any] = field(default_factory=dict)
    masks: OrderedDict[Any, Mask] = field(default_factory=OrderedDict)

    @property
    def size(self) -> int:
        return len(self.documents)

    @property
    def segments(self) -> list[int]:
        return [segment for segment, _first, _size in self.parts]

    @property
    def firsts(self) -> dict[int, int]:
        return {segment: first for segment, first, _size in self.parts}


class TailTerms:
    """Inverted file of the tail, in memory. Only ever added to."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.forwards: list[Forward] = []
        self.fields: dict[str, dict[str, tuple[list[int], list[int], list[int]]]] = {}

    def add(self, forward: Forward) -> None:
        slot = self.first + len(self.forwards)
        for name, terms in forward.terms.items():
            entries = self.fields.setdefault(name, {})
            for term, places in terms.items():
                entry = entries.get(term)
                if entry is None:
                    entry = entries[term] = ([], [], [])
                entry[2].extend(places)
                entry[1].append(len(places) or 1)
                entry[0].append(slot)
        self.forwards.append(forward)

    def posting(self, name: str, term: str, below: int) -> Posting | None:
        entry = self.fields.get(name, {}).get(term)
        if entry is None:
            return None
        slots = np.array(entry[0], dtype=np.int32)
        count = int(np.searchsorted(slots, below))
        if not count:
            return None
        frequencies = np.array(entry[1][:count], dtype=np.uint16)
        return Posting(slots[:count], frequencies, np.array(entry[2][: int(frequencies.sum())], dtype=np.int64))


@dataclass
class View:
    """One generation of the index. Never changed once made, but for what is loaded later into it."""

    state: State
    base: Base
    tail: TailTerms
    documents: Array
    alive: Mask
    limit: int
    columns: dict[tuple[str, str], Any] = field(default_factory=dict)
    masks: OrderedDict[Any, Any] = field(default_factory=OrderedDict)
    answers: OrderedDict[str, Any] = field(default_factory=OrderedDict)

    @property
    def size(self) -> int:
        return len(self.documents)

    # -- postings

    def load(self, snapshot: Snapshot, keys: Iterable[str], *, positions: bool = False) -> None:
        """Fetch in one statement the postings that are not here yet."""
        wanted = [
            key for key in dict.fromkeys(keys) if key not in self.base.postings or (positions and self.base.postings[key].positions is None)
        ]
        if not wanted or not self.base.parts:
            return
        wanted = [key for key in wanted if not self._from_values(snapshot, key)]
        if not wanted:
            return
        found: dict[str, dict[int, Found]] = {}
        # Blocks hold many terms: the next to be looked for is often in one that is open.
        ordered = sorted(wanted)
        for segment, block in snapshot.blocks(ordered, self.base.segments, positions=positions):
            name, terms = block.field, block.directory[0]
            low = bisect.bisect_left(ordered, segments.key(name, terms[0]))
            high = bisect.bisect_right(ordered, segments.key(name, terms[-1]))
            for key in ordered[low:high]:
                entry = block.find(key[len(name) + 1 :], positions=positions)
                if entry is not None:
                    found.setdefault(key, {})[segment] = entry
        for key in wanted:
            self._keep(key, self._join(found.get(key, {})))

    def _from_values(self, snapshot: Snapshot, key: str) -> bool:
        """Make a posting from all values of its field, where these are here. Most terms that no document has cost no statement so."""
        name, _separator, term = key.partition(segments.SEPARATOR)
        if field_of(name).kind is not Kind.STRING:
            return False
        if name in OFTEN_NEW:
            self.values(snapshot, name)
        values: Values | None = self.base.columns.get(("values", name))
        if values is None:
            return False
        at = bisect.bisect_left(values.terms, term)
        known = at < len(values.terms) and values.terms[at] == term
        self._keep(key, Posting(values.slots[values.ids == at], None, EMPTY.positions) if known else EMPTY)
        return True

    def _join(self, parts: dict[int, Found]) -> Posting:
        here = [(first, *parts[segment]) for segment, first, _size in self.base.parts if segment in parts]
        if not here:
            return EMPTY
        slots = np.concatenate([documents + np.int32(first) for first, documents, _often, _places in here])
        often = [frequencies for _first, _documents, frequencies, _places in here if frequencies is not None]
        places = [positions for _first, _documents, _often, positions in here if positions is not None]
        # Copies: the arrays are parts of whole blocks, which need not be kept.
        return Posting(slots, np.concatenate(often) if often else None, np.concatenate(places) if places else None)

    def _keep(self, key: str, posting: Posting) -> None:
        base = self.base
        old = base.postings.pop(key, None)
        base.bytes += posting.size - (old.size if old else 0)
        base.postings[key] = posting
        while base.bytes > self.limit and len(base.postings) > 1:
            try:
                _key, dropped = base.postings.popitem(last=False)
            except KeyError:
                break
            base.bytes -= dropped.size

    def posting(self, snapshot: Snapshot, name: str, term: str, *, positions: bool = False) -> Posting:
        key = segments.key(name, term)
        found = self.base.postings.get(key)
        if found is None or (positions and found.positions is None):
            self.load(snapshot, [key], positions=positions)
            found = self.base.postings.get(key, EMPTY)
        tail = self.tail.posting(name, term, self.size)
        if tail is None:
            return found
        if not len(found.slots):
            return tail
        base_counts = found.frequencies if found.frequencies is not None else np.ones(len(found.slots), np.uint8)
        assert tail.frequencies is not None
        return Posting(
            np.concatenate([found.slots, tail.slots]),
            np.concatenate([base_counts, tail.frequencies]),
            np.concatenate([found.positions, tail.positions])
            if positions and found.positions is not None and tail.positions is not None
            else None,
        )

    # -- columns

    def numbers(self, snapshot: Snapshot, name: str) -> tuple[Array, Mask]:
        """Values of a date or number field by slot, and which slots have one."""

        def base() -> tuple[Array, Mask]:
            values, present = np.zeros(self.base.size, np.int64), np.zeros(self.base.size, np.bool_)
            self._fill(snapshot, segments.NUMBERS + name, values, present)
            return values, present

        def whole() -> tuple[Array, Mask]:
            values, present = self._base_column("numbers", name, base)
            tail = [one.numbers.get(name) for one in self.tail.forwards[: self.size - self.base.size]]
            return (
                np.concatenate([values, np.array([value or 0 for value in tail], np.int64)]),
                np.concatenate([present, np.array([value is not None for value in tail], np.bool_)]),
            )

        return self._column("numbers", name, whole)

    def lengths(self, snapshot: Snapshot, name: str) -> tuple[Array, int]:
        """Number of words of a field by slot, as the number of Lucene's byte for it; and the exact number in all slots."""

        def base() -> tuple[Array, int]:
            values, present = np.zeros(self.base.size, np.int32), np.zeros(self.base.size, np.bool_)
            self._fill(snapshot, segments.LENGTHS + name, values, present)
            return length_codes(values), int(values.sum())

        def whole() -> tuple[Array, int]:
            codes, total = self._base_column("lengths", name, base)
            tail = np.array([one.lengths.get(name, 0) for one in self.tail.forwards[: self.size - self.base.size]], np.int32)
            return np.concatenate([codes, length_codes(tail)]), total + int(tail.sum())

        return self._column("lengths", name, whole)

    def _fill(self, snapshot: Snapshot, key: str, values: Array, present: Mask) -> None:
        if not self.base.parts:
            return
        firsts = self.base.firsts
        for segment, documents, numbers in snapshot.columns(key, self.base.segments):
            if numbers is not None:
                slots = segments.unpack_ascending(documents) + firsts[segment]
                values[slots] = segments.read_column(key, numbers)
                present[slots] = True

    def statistics(self, snapshot: Snapshot, name: str) -> tuple[int, int]:
        """(documents that have the field, values of the field in all) for a field that is not split in words."""

        def base() -> tuple[int, int]:
            if not self.base.parts:
                return 0, 0
            found = snapshot.columns(segments.STATISTICS + name, self.base.segments)
            rows = [segments.unpack_numbers(packed) for _segment, packed, _none in found]
            return sum(int(row[0]) for row in rows), sum(int(row[1]) for row in rows)

        def whole() -> tuple[int, int]:
            documents, pairs = self._base_column("statistics", name, base)
            tail = [len(one.terms[name]) for one in self.tail.forwards[: self.size - self.base.size] if name in one.terms]
            return documents + len(tail), pairs + sum(tail)

        return self._column("statistics", name, whole)

    def values(self, snapshot: Snapshot, name: str) -> Values:
        """All values of a field by slot. For facets, sorting, and searching through the terms of a field."""

        def base() -> Values:
            if not self.base.parts:
                return Values([], np.empty(0, np.int32), np.empty(0, np.int32))
            firsts = self.base.firsts
            found = snapshot.blocks_between(*segments.field_bounds(name), self.base.segments)
            terms = sorted({term for _segment, block in found for term in block.directory[0]})
            numbers = {term: at for at, term in enumerate(terms)}
            slots = [block.documents + np.int32(firsts[segment]) for segment, block in found]
            ids = [
                np.repeat(np.array([numbers[term] for term in block.directory[0]], np.int32), block.directory[1])
                for _segment, block in found
            ]
            joined = np.concatenate(slots) if slots else np.empty(0, np.int32)
            order = np.argsort(joined, kind="stable")
            return Values(terms, joined[order], (np.concatenate(ids) if ids else joined)[order], len(terms))

        def whole() -> Values:
            found = self._base_column("values", name, base)
            forwards = self.tail.forwards[: self.size - self.base.size]
            if not forwards:
                return found
            numbers: dict[str, int] = {}
            known = self._base_column("ids", name, lambda: {term: at for at, term in enumerate(found.terms)})
            terms = list(found.terms)
            slots: list[int] = []
            ids: list[int] = []
            for at, forward in enumerate(forwards, self.base.size):
                for term in forward.terms.get(name, ()):
                    number = known.get(term)
                    if number is None:
                        number = numbers.get(term)
                    if number is None:
                        number = numbers[term] = len(terms)
                        terms.append(term)
                    slots.append(at)
                    ids.append(number)
            return Values(
                terms,
                np.concatenate([found.slots, np.array(slots, np.int32)]),
                np.concatenate([found.ids, np.array(ids, np.int32)]),
                found.base_terms,
            )

        return self._column("values", name, whole)

    def base_terms(self, snapshot: Snapshot, name: str) -> TermIndex:
        """All terms of a field in the segments that Solr would know."""

        def base() -> TermIndex:
            if not self.base.parts:
                return TermIndex([])
            found = snapshot.terms_between(*segments.field_bounds(name), self.base.segments)
            return TermIndex([term for term in found if not term.startswith(MARK)])

        return self._base_column("terms", name, base)

    def tail_terms(self, name: str) -> TermIndex:
        """The same of the tail."""
        return self._column(
            "terms", name, lambda: TermIndex([term for term in list(self.tail.fields.get(name, {})) if not term.startswith(MARK)])
        )

    def any_of(self, snapshot: Snapshot, name: str, key: Hashable, select: Callable[[TermIndex], list[str]]) -> Mask:
        """Slots that have any of the terms that ``select`` chooses; for the base it is remembered by ``key``."""
        kept = self.base.masks
        base_mask = kept.get((name, key))
        if base_mask is None:
            base_mask = np.zeros(self.base.size, np.bool_)
            chosen = select(self.base_terms(snapshot, name))
            wanted = set(chosen)
            firsts = self.base.firsts
            for start in range(0, len(chosen), 2000):
                keys = [segments.key(name, term) for term in chosen[start : start + 2000]]
                for segment, block in snapshot.blocks(keys, self.base.segments):
                    if block.field != name:
                        continue
                    terms, sizes = block.directory
                    base_mask[block.documents[np.repeat([term in wanted for term in terms], sizes)] + firsts[segment]] = True
            kept[(name, key)] = base_mask
            while len(kept) > KEPT_MASKS:
                kept.popitem(last=False)
        mask = np.concatenate([base_mask, np.zeros(self.size - self.base.size, np.bool_)])
        for term in select(self.tail_terms(name)):
            found = self.tail.posting(name, term, self.size)
            if found is not None:
                mask[found.slots] = True
        return mask

    def present(self, snapshot: Snapshot, name: str) -> Mask:
        """Slots that have any value in a field."""

        def whole() -> Mask:
            spec = field_of(name)
            if spec.kind in (Kind.DATE, Kind.INT):
                return self.numbers(snapshot, name)[1]
            if spec.tokenised:
                return self.lengths(snapshot, name)[0] > 0
            mask = np.zeros(self.size, np.bool_)
            mask[self.values(snapshot, name).slots] = True
            return mask

        return self._column("present", name, whole)

    def sort_keys(self, snapshot: Snapshot, name: str, *, last: bool = False) -> tuple[Array, Mask]:
        """Numbers that sort as the values of a field do, by slot, and which slots have one.

        :param last: of several values take the last in order, not the first. A text's words of other languages do not count: they are
            beside the word that is sorted by.
        """

        def whole() -> tuple[Array, Mask]:
            found = self.values(snapshot, name)
            rank = np.arange(len(found.terms), dtype=np.float64)
            late = found.terms[found.base_terms :]
            # The base's terms keep their ranks; those of the tail go between them.
            for place, at in enumerate(sorted(range(len(late)), key=late.__getitem__)):
                below = bisect.bisect_left(found.terms, late[at], 0, found.base_terms)
                rank[found.base_terms + at] = below - 1 + (place + 1) / (len(late) + 1)
            slots, ids = found.slots, found.ids
            marked = np.fromiter((term.startswith(MARK) for term in found.terms), np.bool_, len(found.terms))
            if marked.any():
                kept = ~marked[ids]
                slots, ids = slots[kept], ids[kept]
            keys = np.full(self.size, -np.inf if last else np.inf)
            (np.maximum if last else np.minimum).at(keys, slots, rank[ids])
            return keys, np.isfinite(keys)

        return self._column("last" if last else "first", name, whole)

    def _column(self, kind: str, name: str, make: Any) -> Any:
        found = self.columns.get((kind, name))
        if found is None:
            found = self.columns[(kind, name)] = make()
        return found

    def _base_column(self, kind: str, name: str, make: Any) -> Any:
        found = self.base.columns.get((kind, name))
        if found is None:
            found = self.base.columns[(kind, name)] = make()
        return found


class Reader:
    """The views of one index in one process.

    :param limit: bytes of postings kept.
    """

    def __init__(self, limit: int = 128 << 20) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._view: View | None = None
        self._tail: dict[int, Forward] = {}
        self._gone: set[int] = set()

    def view(self, snapshot: Snapshot) -> View:
        """The index as the snapshot sees it."""
        view = self._view
        if view is not None and view.state == snapshot.state:
            return view
        with self._lock:
            view = self._view
            if view is not None and view.state == snapshot.state:
                return view
            if view is not None and view.state.generation > snapshot.state.generation and _life(view.state) == _life(snapshot.state):
                # Another thread is ahead; what this thread sees is complete only in its own snapshot.
                return self._load(snapshot, None, {}, set(), keep=False)
            return self._refresh(snapshot)

    def _refresh(self, snapshot: Snapshot) -> View:
        old = self._view
        state = snapshot.state
        if old is None or _life(old.state) != _life(state) or old.state.generation > state.generation or len(self._tail) > STALE_TAIL:
            return self._load(snapshot, None, {}, set(), keep=True)
        return self._load(snapshot, old, self._tail, self._gone, keep=True)

    def _load(self, snapshot: Snapshot, old: View | None, tail: dict[int, Forward], gone: set[int], *, keep: bool) -> View:
        news = snapshot.news(old.state.generation if old else -1)
        if old is not None and news.horizon > old.state.generation:
            return self._load(snapshot, None, {}, set(), keep=keep)
        listed = news.segments
        parts = [part for part in (old.base.parts if old else []) if part[0] in listed]
        same_base = old is not None and [part[0] for part in old.base.parts] == listed
        new_tail = [(number, Forward.unpack(packed)) for number, packed in news.tail]
        new_gone = news.gone
        if same_base:
            assert old is not None
            base, terms = old.base, old.tail
        else:
            documents: dict[int, Array] = {part[0]: old.base.documents[part[1] : part[1] + part[2]] for part in parts} if old else {}
            missing = [number for number in listed if number not in documents]
            documents |= {number: segments.unpack_numbers(data) for number, data in snapshot.segments(missing)}
            layout: list[tuple[int, int, int]] = []
            first = 0
            for number in listed:
                layout.append((number, first, len(documents[number])))
                first += len(documents[number])
            base = Base(layout, np.concatenate([documents[number] for number in listed]) if listed else np.empty(0, np.int64))
            covered = set(base.documents.tolist())
            tail = {number: forward for number, forward in tail.items() if number not in covered}
            terms = TailTerms(base.size)
        gone = gone | set(new_gone)
        if same_base:
            assert old is not None
            fresh = [(number, forward) for number, forward in new_tail if number not in tail]
            tail.update(fresh)
        else:
            tail.update(new_tail)
            tail = {number: forward for number, forward in sorted(tail.items()) if number not in gone}
            fresh = list(tail.items())
        for _number, forward in fresh:
            terms.add(forward)
        added = np.array([number for number, _forward in fresh], np.int64)
        documents_now = np.concatenate([old.documents if same_base and old else base.documents, added])
        if same_base and old is not None:
            alive = np.concatenate([old.alive, np.ones(len(added), np.bool_)])
            if new_gone:
                alive &= ~np.isin(documents_now, np.array(new_gone, np.int64))
        else:
            alive = ~np.isin(documents_now, np.array(sorted(gone), np.int64)) if gone else np.ones(len(documents_now), np.bool_)
        view = View(snapshot.state, base, terms, documents_now, alive, self.limit)
        if keep:
            self._view, self._tail, self._gone = view, tail, gone
        return view


def _life(state: State) -> tuple[int, str, str]:
    """What has to be the same for two generations to be comparable."""
    return state.number, state.born, state.server_started
