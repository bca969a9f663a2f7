"""Which documents a query tree finds in a view, and how well each fits.

Scores are Lucene's: BM25 (k1 1.2, b 0.75, field lengths kept in one byte), boosts multiplied in, clauses added up, disjunction max with
``tie``; wildcards, ranges and fuzzy variants as Lucene scores them.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg2.errors

from . import analysis, datemath, segments, syntax
from .documents import string_term
from .errors import BadRequestError, TimeLimitError
from .fields import Field, Kind
from .fields import field as field_of
from .reader import LENGTHS, Mask, Posting, View
from .store import Snapshot
from .syntax import Node, Occur
from .terms import TermIndex

Scores = npt.NDArray[np.float32]

K1 = 1.2
B = 0.75
#: Most terms that a fuzzy word stands for (Lucene's ``FuzzyQuery.defaultMaxExpansions``).
FUZZY_TERMS = 50
#: Masks kept for filters that come again.
KEPT_MASKS = 256


@dataclass
class Hits:
    """:param scores: None where every hit scores ``constant``."""

    mask: Mask
    scores: Scores | None = None
    constant: float = 1.0

    def score_array(self) -> Scores:
        if self.scores is not None:
            return self.scores
        return np.where(self.mask, np.float32(self.constant), np.float32(0))


class Evaluator:
    """One request's evaluation.

    :param default: field of words without a field name (``df``).
    :param conjunction: ``q.op=AND``.
    """

    def __init__(
        self, view: View, snapshot: Snapshot, *, default: str = "text", conjunction: bool = False, deadline: float | None = None
    ) -> None:
        self.view = view
        self.snapshot = snapshot
        self.default = default
        self.conjunction = conjunction
        self.deadline = deadline
        self.now = datetime.now(timezone.utc)

    # -- entry points

    def filter(self, node: Node) -> Mask:
        """The documents that a filter lets pass, deleted ones among them."""
        hits = self._top(node, scoring=False)
        return hits.mask

    def query(self, node: Node) -> Hits:
        """Hits with scores, deleted documents among them."""
        return self._top(node, scoring=True)

    def _top(self, node: Node, *, scoring: bool) -> Hits:
        self.view.load(self.snapshot, self._keys(node))
        positions = list(self._phrase_keys(node))
        if positions:
            self.view.load(self.snapshot, positions, positions=True)
        if isinstance(node, syntax.Boolean) and all(clause.occur is Occur.MUST_NOT for clause in node.clauses):
            # A query that only excludes: from everything, as Solr does at the top level.
            node = syntax.Boolean((*node.clauses, syntax.Clause(Occur.MUST, syntax.All())))
        hits = self._hits(node, scoring)
        return hits if hits is not None else self._none()

    def check_time(self) -> None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeLimitError(self.snapshot.store.seconds)

    # -- what will be needed, to fetch it in one go

    def _keys(self, node: Node) -> Iterator[str]:
        if isinstance(node, syntax.Term):
            spec = self._field(node.field)
            if spec.kind is Kind.STRING:
                yield segments.key(spec.name, string_term(node.text))
            elif spec.kind in (Kind.TEXT, Kind.GENERAL):
                for _position, terms in analysis.query_positions(node.text, stemmed=spec.kind is Kind.TEXT):
                    yield from (segments.key(spec.name, term) for term in terms)
        elif isinstance(node, syntax.Phrase):
            spec = self._field(node.field)
            if spec.kind is Kind.STRING:
                yield segments.key(spec.name, string_term(node.text))
        else:
            for child in _children(node):
                yield from self._keys(child)

    def _phrase_keys(self, node: Node) -> Iterator[str]:
        if isinstance(node, syntax.Phrase):
            spec = self._field(node.field)
            if spec.kind in (Kind.TEXT, Kind.GENERAL):
                for _position, terms in analysis.query_positions(node.text, stemmed=spec.kind is Kind.TEXT):
                    yield from (segments.key(spec.name, term) for term in terms)
        else:
            for child in _children(node):
                yield from self._phrase_keys(child)

    # -- nodes

    def _field(self, name: str | None) -> Field:
        return field_of(name or self.default)

    def _none(self) -> Hits:
        return Hits(np.zeros(self.view.size, np.bool_))

    def _hits(self, node: Node, scoring: bool) -> Hits | None:
        """None for a clause of which analysis leaves nothing; Lucene leaves such clauses out."""
        self.check_time()
        if isinstance(node, syntax.Boolean):
            return self._boolean(node, scoring)
        if isinstance(node, syntax.Term):
            return self._term(node, scoring)
        if isinstance(node, syntax.Phrase):
            return self._phrase(node, scoring)
        if isinstance(node, syntax.Best):
            return self._best(node, scoring)
        if isinstance(node, syntax.Boosted):
            hits = self._hits(node.node, scoring)
            if hits is None or not scoring:
                return hits
            factor = np.float32(node.factor)
            return Hits(hits.mask, None if hits.scores is None else hits.scores * factor, hits.constant * float(factor))
        if isinstance(node, syntax.Constant):
            hits = self._hits(node.node, False)
            return hits and Hits(hits.mask, None, node.score)
        if isinstance(node, syntax.All):
            return Hits(np.ones(self.view.size, np.bool_))
        if isinstance(node, syntax.Nothing):
            return self._none()
        if isinstance(node, syntax.Exists):
            return Hits(self.view.present(self.snapshot, self._field(node.field).name))
        if isinstance(node, syntax.Range):
            return self._range(node)
        if isinstance(node, syntax.Pattern):
            return self._pattern(node)
        if isinstance(node, syntax.Regex):
            return self._regex(node)
        if isinstance(node, syntax.Words):
            raise AssertionError("words in a row are spread over fields before they get here")
        return self._fuzzy(node, scoring)

    def _boolean(self, node: syntax.Boolean, scoring: bool) -> Hits | None:
        mask: Mask | None = None
        excluded: Mask | None = None
        optional: list[Hits] = []
        scores: Scores | None = None
        constant = 0.0
        found = False
        for clause in node.clauses:
            hits = self._hits(clause.node, scoring and clause.occur is not Occur.MUST_NOT)
            if hits is None:
                continue
            found = True
            if clause.occur is Occur.MUST_NOT:
                excluded = hits.mask if excluded is None else excluded | hits.mask
                continue
            if clause.occur is Occur.SHOULD:
                optional.append(hits)
                continue
            mask = hits.mask if mask is None else mask & hits.mask
            if scoring:
                if hits.scores is None:
                    constant += hits.constant
                else:
                    scores = hits.scores if scores is None else scores + hits.scores
        if not found:
            return None
        needed = node.minimum
        if optional:
            if needed > 1:
                count = np.zeros(self.view.size, np.uint16)
                for hits in optional:
                    count += hits.mask
                either = count >= needed
                mask = either if mask is None else mask & either
            elif mask is None or needed == 1:
                either = optional[0].mask
                for hits in optional[1:]:
                    either = either | hits.mask
                mask = either if mask is None else mask & either
        if mask is None or needed > len(optional):
            return self._none()
        if scoring and optional:
            for hits in optional:
                part = hits.score_array()
                scores = part if scores is None else scores + part
        if excluded is not None:
            mask = mask & ~excluded
        if not scoring:
            return Hits(mask)
        if scores is None:
            return Hits(mask, None, constant)
        return Hits(mask, scores + np.float32(constant) if constant else scores)

    def _best(self, node: syntax.Best, scoring: bool) -> Hits | None:
        found = [hits for hits in (self._hits(child, scoring) for child in node.nodes) if hits is not None]
        if not found:
            return None
        mask = found[0].mask
        for hits in found[1:]:
            mask = mask | hits.mask
        if not scoring:
            return Hits(mask)
        best: Scores | None = None
        total: Scores | None = None
        for hits in found:
            part = hits.score_array()
            best = part if best is None else np.maximum(best, part)
            total = part if total is None else total + part
        assert best is not None and total is not None
        return Hits(mask, best + np.float32(node.tie) * (total - best) if len(found) > 1 else best)

    # -- words

    def _term(self, node: syntax.Term, scoring: bool) -> Hits | None:
        spec = self._field(node.field)
        if isinstance(node, Exact) and spec.tokenised:
            return self._alternatives(spec, (node.text,), scoring)
        if spec.kind is Kind.STRING:
            return self._string(spec, node.text, scoring)
        if spec.kind in (Kind.DATE, Kind.INT):
            value = self._number(spec, node.text)
            return self._between(spec, value, value)
        if spec.kind is Kind.NGRAM:
            return self._grams(spec, node.text.split(), scoring)
        words = analysis.query_positions(node.text, stemmed=spec.kind is Kind.TEXT)
        if not words:
            return None
        found = [self._alternatives(spec, terms, scoring) for _position, terms in words]
        if len(found) == 1:
            return found[0]
        return self._combine(found, scoring, self.conjunction)

    def _combine(self, found: list[Hits], scoring: bool, conjunction: bool) -> Hits:
        mask = found[0].mask
        for hits in found[1:]:
            mask = mask & hits.mask if conjunction else mask | hits.mask
        if not scoring:
            return Hits(mask)
        scores = found[0].score_array()
        for hits in found[1:]:
            scores = scores + hits.score_array()
        return Hits(mask, scores)

    def _string(self, spec: Field, text: str, scoring: bool) -> Hits:
        posting = self.view.posting(self.snapshot, spec.name, string_term(text))
        mask = self._mask(posting)
        if not scoring or not len(posting.slots):
            return Hits(mask)
        documents, pairs = self.view.statistics(self.snapshot, spec.name)
        return Hits(mask, None, self._idf(len(posting.slots), documents) / (1 + K1 * (1 - B + B * documents / max(pairs, 1))))

    def _mask(self, posting: Posting) -> Mask:
        mask = np.zeros(self.view.size, np.bool_)
        mask[posting.slots] = True
        return mask

    @staticmethod
    def _idf(found: int, documents: int) -> float:
        documents = max(documents, found)
        return math.log(1 + (documents - found + 0.5) / (found + 0.5))

    def _alternatives(self, spec: Field, terms: Iterable[str], scoring: bool) -> Hits:
        """Any of the terms of one position, as one word (Lucene's SynonymQuery, but the same word is not counted twice)."""
        postings = [posting for posting in (self.view.posting(self.snapshot, spec.name, term) for term in terms) if len(posting.slots)]
        if not postings:
            return self._none()
        mask = self._mask(postings[0])
        for posting in postings[1:]:
            mask[posting.slots] = True
        if not scoring:
            return Hits(mask)
        scores = np.zeros(self.view.size, np.float32)
        norms, documents = self._norms(spec)
        if len(postings) == 1:
            posting = postings[0]
            frequency = np.float32(1) if posting.frequencies is None else posting.frequencies.astype(np.float32)
            weight = np.float32(self._idf(len(posting.slots), documents))
            scores[posting.slots] = weight * (frequency / (frequency + norms[posting.slots]))
            return Hits(mask, scores)
        frequencies = np.zeros(self.view.size, np.float32)
        for posting in postings:
            own = np.float32(1) if posting.frequencies is None else posting.frequencies
            frequencies[posting.slots] = np.maximum(frequencies[posting.slots], own)
        slots = np.flatnonzero(mask)
        frequency = frequencies[slots]
        # As Lucene: the document frequency of the commonest alternative.
        weight = np.float32(self._idf(max(len(posting.slots) for posting in postings), documents))
        scores[slots] = weight * (frequency / (frequency + norms[slots]))
        return Hits(mask, scores)

    def _norms(self, spec: Field) -> tuple[Scores, int]:
        """BM25's length part for each slot, and the number of documents that have the field."""

        def make() -> tuple[Scores, int]:
            codes, total = self.view.lengths(self.snapshot, spec.name)
            documents = int(np.count_nonzero(codes))
            average = total / documents if documents else 1.0
            return (K1 * (1 - B + B * LENGTHS / average)).astype(np.float32)[codes], documents

        return self.view._column("norms", spec.name, make)

    # -- phrases

    def _phrase(self, node: syntax.Phrase, scoring: bool) -> Hits | None:
        spec = self._field(node.field)
        if spec.kind not in (Kind.TEXT, Kind.GENERAL):
            if spec.kind is Kind.NGRAM:
                return self._grams(spec, node.text.split(), scoring)
            return self._term(syntax.Term(node.field, node.text), scoring)
        words = analysis.query_positions(node.text, stemmed=spec.kind is Kind.TEXT)
        if not words:
            return None
        if len(words) == 1:
            return self._alternatives(spec, words[0][1], scoring)
        slots, frequencies, rarity = self._phrase_hits(spec, words, node.slop)
        mask = np.zeros(self.view.size, np.bool_)
        mask[slots] = True
        if not scoring:
            return Hits(mask)
        scores = np.zeros(self.view.size, np.float32)
        norms, documents = self._norms(spec)
        weight = np.float32(sum(self._idf(found, documents) for found in rarity))
        frequency = frequencies.astype(np.float32)
        scores[slots] = weight * (frequency / (frequency + norms[slots]))
        return Hits(mask, scores)

    def _phrase_hits(
        self, spec: Field, words: list[tuple[int, analysis.Terms]], slop: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], list[int]]:
        """Slots where the phrase stands, how often (sloppy ones count less), and each word's document frequency."""
        gathered: list[list[npt.NDArray[Any]]] = []
        rarity: list[int] = []
        for _position, terms in words:
            postings = [self.view.posting(self.snapshot, spec.name, term, positions=True) for term in terms]
            postings = [posting for posting in postings if len(posting.slots)]
            if not postings:
                return np.empty(0, np.int64), np.empty(0), [0]
            gathered.append([posting.places() for posting in postings])
            rarity.append(max(len(posting.slots) for posting in postings))
        self.check_time()
        if slop == 0:
            pivot = min(range(len(words)), key=lambda at: sum(map(len, gathered[at])))
            places = _together(gathered[pivot])
            for at in sorted(range(len(words)), key=rarity.__getitem__):
                if at != pivot:
                    places = _also_in(places, gathered[at], words[at][0] - words[pivot][0])
            slots = places >> 32
            heads = np.flatnonzero(np.diff(slots, prepend=-1))
            return slots[heads], np.diff(heads, append=len(slots)), rarity
        common: Mask | None = None
        for alternatives in gathered:
            mask = np.zeros(self.view.size, np.bool_)
            for places in alternatives:
                mask[places >> 32] = True
            common = mask if common is None else common & mask
        assert common is not None
        occurrences = [_together([places[common[places >> 32]] for places in alternatives]) for alternatives in gathered]
        return (*self._sloppy(words, occurrences, slop), rarity)

    def _sloppy(
        self, words: list[tuple[int, analysis.Terms]], occurrences: list[npt.NDArray[Any]], slop: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        split: list[dict[int, list[int]]] = []
        for (offset, _terms), places in zip(words, occurrences, strict=True):
            by_slot: dict[int, list[int]] = {}
            for place in places.tolist():
                by_slot.setdefault(place >> 32, []).append((place & 0xFFFFFFFF) - offset)
            split.append(by_slot)
        slots: list[int] = []
        weights: list[float] = []
        repeats = len({terms for _offset, terms in words}) < len(words)
        for at, slot in enumerate(sorted(split[0])):
            if at % 500 == 0:
                self.check_time()
            weight = _sloppy_frequency([by_slot.get(slot, []) for by_slot in split], slop, words if repeats else None)
            if weight:
                slots.append(slot)
                weights.append(weight)
        return np.array(slots, np.int64), np.array(weights, np.float64)

    # -- runs of characters

    def _grams(self, spec: Field, words: list[str], scoring: bool) -> Hits | None:
        """``title_ngram:budg``: a run of 2 to 10 characters anywhere in the text."""
        if not words:
            return None
        found = [self._gram(spec, word.lower(), scoring) for word in words]
        return found[0] if len(found) == 1 else self._combine(found, scoring, self.conjunction)

    def _gram(self, spec: Field, gram: str, scoring: bool) -> Hits:
        mask = np.zeros(self.view.size, np.bool_)
        if not 2 <= len(gram) <= 10:
            return Hits(mask)
        text, starts, slots = self._joined(spec)
        found: list[int] = []
        at = text.find(gram)
        while at >= 0:
            found.append(at)
            at = text.find(gram, at + 1)
        if not found:
            return Hits(mask)
        rows, counts = np.unique(np.searchsorted(starts, np.array(found), side="right") - 1, return_counts=True)
        here = slots[rows]
        mask[here] = True
        if not scoring:
            return Hits(mask)
        norms, documents = self._norms(spec)
        frequency = counts.astype(np.float32)
        scores = np.zeros(self.view.size, np.float32)
        scores[here] = np.float32(self._idf(len(here), documents)) * (frequency / (frequency + norms[here]))
        return Hits(mask, scores)

    def _joined(self, spec: Field) -> tuple[str, npt.NDArray[Any], npt.NDArray[Any]]:
        """All texts of an n-gram field in one string, where each begins, and whose each is."""

        def make() -> tuple[str, npt.NDArray[Any], npt.NDArray[Any]]:
            values = self.view.values(self.snapshot, spec.name)
            texts = [values.terms[at] for at in values.ids.tolist()]
            sizes = np.array([len(text) + 1 for text in texts], np.int64)
            return "\x00".join(texts), np.cumsum(sizes) - sizes, values.slots

        return self.view._column("joined", spec.name, make)

    # -- numbers and dates

    def _number(self, spec: Field, text: str) -> int:
        if spec.kind is Kind.DATE:
            return datemath.evaluate(text, self.now)
        try:
            return int(text)
        except ValueError as error:
            raise BadRequestError(f"Invalid Number: {text} for field {spec.name}") from error

    def _between(self, spec: Field, low: int | None, high: int | None) -> Hits:
        values, present = self.view.numbers(self.snapshot, spec.name)
        mask = present.copy()
        if low is not None:
            mask &= values >= low
        if high is not None:
            mask &= values <= high
        return Hits(mask)

    def _range(self, node: syntax.Range) -> Hits:
        spec = self._field(node.field)
        if spec.kind in (Kind.DATE, Kind.INT):
            low = None if node.low is None else self._number(spec, node.low) + (0 if node.with_low else 1)
            high = None if node.high is None else self._number(spec, node.high) - (0 if node.with_high else 1)
            return self._between(spec, low, high)
        if node.low is None and node.high is None:
            return Hits(self.view.present(self.snapshot, spec.name))
        low_text, high_text = node.low, node.high
        if spec.tokenised:
            stemmed = spec.kind is Kind.TEXT
            low_text = None if low_text is None else analysis.pattern_text(low_text, stemmed=stemmed)
            high_text = None if high_text is None else analysis.pattern_text(high_text, stemmed=stemmed)

        def inside(index: TermIndex) -> list[str]:
            return index.between(low_text, high_text, with_low=node.with_low, with_high=node.with_high)

        key = ("range", low_text, high_text, node.with_low, node.with_high)
        return Hits(self.view.any_of(self.snapshot, spec.name, key, inside))

    # -- patterns

    def _pattern(self, node: syntax.Pattern) -> Hits:
        spec = self._field(node.field)
        if spec.kind in (Kind.DATE, Kind.INT):
            raise BadRequestError("Can't run prefix queries on numeric fields")
        pieces = wildcard_pieces(node.pattern, self._normaliser(spec))
        return Hits(self.view.any_of(self.snapshot, spec.name, ("pattern", node.pattern), lambda index: _matching(index, pieces)))

    def _regex(self, node: syntax.Regex) -> Hits:
        """Matched by PostgreSQL, whose regular expressions cannot run away and obey the time limit."""
        spec = self._field(node.field)
        if spec.kind in (Kind.DATE, Kind.INT):
            raise BadRequestError("Can't run regex queries on numeric fields")
        text = node.pattern.replace("\\/", "/")
        pattern = postgres_regex(self._normaliser(spec)(text))
        try:
            mask = self.view.any_of(
                self.snapshot, spec.name, ("regex", pattern), lambda index: self.snapshot.matching(index.terms, pattern)
            )
        except psycopg2.errors.InvalidRegularExpression as error:
            raise BadRequestError(f"org.apache.solr.search.SyntaxError: invalid regular expression /{node.pattern}/") from error
        return Hits(mask)

    @staticmethod
    def _normaliser(spec: Field) -> Any:
        if not spec.tokenised:
            return lambda text: text
        return lambda text: analysis.pattern_text(text, stemmed=spec.kind is Kind.TEXT)

    def _fuzzy(self, node: syntax.Fuzzy, scoring: bool) -> Hits:
        spec = self._field(node.field)
        text = self._normaliser(spec)(node.text)
        edits = fuzzy_edits(node.distance, len(text))

        def make() -> list[tuple[int, str]]:
            return self.view.base_terms(self.snapshot, spec.name).near(text, edits)

        base = self.view._base_column(f"near {edits}", f"{spec.name} {text}", make)
        tail = self.view.tail_terms(spec.name).near(text, edits)
        # A term as far away as it is long weighs nothing, but it is found, as in Lucene.
        weighed = {term: max(0.0, 1.0 - distance / min(len(text), len(term))) if distance else 1.0 for distance, term in base + tail}
        near = sorted(((weight, term) for term, weight in weighed.items()), key=lambda pair: (-pair[0], pair[1]))[:FUZZY_TERMS]
        self.view.load(self.snapshot, [segments.key(spec.name, term) for _weight, term in near])
        found = [self._hits(syntax.Boosted(Exact(spec.name, term), weight), scoring) for weight, term in near]
        hits = [one for one in found if one is not None]
        return self._combine(hits, scoring, conjunction=False) if hits else self._none()


@dataclass(frozen=True)
class Exact(syntax.Term):
    """A term that is not analysed again."""


def _children(node: Node) -> Iterable[Node]:
    if isinstance(node, syntax.Boolean):
        return [clause.node for clause in node.clauses]
    if isinstance(node, syntax.Best):
        return node.nodes
    if isinstance(node, syntax.Boosted | syntax.Constant):
        return [node.node]
    return []


def _together(alternatives: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Places of any of several words, ascending, each once."""
    if len(alternatives) == 1:
        return alternatives[0]
    joined = np.sort(np.concatenate(alternatives))
    return joined[np.diff(joined, prepend=-1) != 0]


def _also_in(places: npt.NDArray[Any], alternatives: list[npt.NDArray[Any]], offset: int) -> npt.NDArray[Any]:
    """The places that have one of the others ``offset`` words further on."""
    wanted = places + offset
    found = np.zeros(len(places), np.bool_)
    for others in alternatives:
        at = np.searchsorted(others, wanted)
        at[at == len(others)] = 0
        found |= others[at] == wanted
    return places[found]


def _sloppy_frequency(positions: list[list[int]], slop: int, repeated: Any) -> float:
    """Lucene's SloppyPhraseMatcher: the sum of 1 / (1 + width) over the matches of one document.

    :param positions: for each word its positions less its place in the phrase.
    :param repeated: words with their places when one stands in the phrase twice, else None.
    """
    if not all(positions):
        return 0.0
    import heapq

    heads = [0] * len(positions)
    if repeated is not None:
        return _sloppy_with_repeats(positions, slop, repeated)
    heap = [(places[0], at) for at, places in enumerate(positions)]
    heapq.heapify(heap)
    end = max(place for place, _at in heap)
    total = 0.0
    place, at = heapq.heappop(heap)
    width = end - place
    following = heap[0][0]
    while True:
        heads[at] += 1
        if heads[at] >= len(positions[at]):
            break
        place = positions[at][heads[at]]
        end = max(end, place)
        if place > following:
            if width <= slop:
                total += 1.0 / (1.0 + width)
            heapq.heappush(heap, (place, at))
            place, at = heapq.heappop(heap)
            following = heap[0][0]
            width = end - place
        else:
            width = min(width, end - place)
    if width <= slop:
        total += 1.0 / (1.0 + width)
    return total


def _sloppy_with_repeats(positions: list[list[int]], slop: int, words: Any) -> float:
    """The same where two words of the phrase are one: they may not stand for the same place.

    Each narrowest window that holds all words counts once.
    """
    offsets = [offset for offset, _terms in words]
    groups: dict[Any, list[int]] = {}
    for at, (_offset, terms) in enumerate(words):
        groups.setdefault(terms, []).append(at)
    total = 0.0
    last = None
    for begin in sorted({place for places in positions for place in places}):
        ends: list[int] = []
        for members in groups.values():
            taken = -1
            # Of windows of the same width the one that begins first takes the first place that is left: no other choice finds more.
            for at in sorted(members, key=offsets.__getitem__):
                place = next((one for one in positions[at] if one >= begin and one + offsets[at] > taken), None)
                if place is None:
                    break
                taken = place + offsets[at]
                ends.append(place)
        if len(ends) < len(positions):
            break
        width = max(ends) - begin
        if width <= slop and max(ends) != last:
            total += 1.0 / (1.0 + width)
            last = max(ends)
    return total


#: One piece between two stars: text and question marks.
Piece = list[str | None]


def wildcard_pieces(pattern: str, normalise: Callable[[str], str]) -> list[Piece]:
    """What stands between the stars of Lucene's wildcards: texts, and None for each question mark. A backslash takes a mark's meaning."""
    pieces: list[Piece] = [[]]
    plain: list[str] = []

    def flush() -> None:
        if plain:
            pieces[-1].append(normalise("".join(plain)))
            plain.clear()

    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\" and position + 1 < len(pattern):
            position += 1
            plain.append(pattern[position])
        elif character == "*":
            flush()
            pieces.append([])
        elif character == "?":
            flush()
            pieces[-1].append(None)
        else:
            plain.append(character)
        position += 1
    flush()
    return pieces


def _matching(index: TermIndex, pieces: list[Piece]) -> list[str]:
    if len(pieces) == 2 and None not in pieces[0] + pieces[1]:
        begin, end = ("".join(part for part in piece if part) for piece in pieces)
        if not end:
            return index.beginning(begin)
        if not begin:
            return index.ending(end)
    literal = max((part for piece in pieces for part in piece if part), key=len, default="")
    return index.matching(re.compile(wildcard_regex(pieces), re.DOTALL), literal)


def wildcard_regex(pieces: list[Piece]) -> str:
    """Each star takes the shortest run that lets what follows match, and never gives back: many stars cannot make the match slow."""
    texts = ["".join("." if part is None else re.escape(part) for part in piece) for piece in pieces]
    if len(texts) == 1:
        return texts[0]
    middle = "".join(f"(?=(?P<g{at}>.*?{text}))(?P=g{at})" for at, text in enumerate(texts[1:-1]) if text)
    return f"{texts[0]}{middle}.*{texts[-1]}"


def postgres_regex(pattern: str) -> str:
    """PostgreSQL's regular expression for one of Lucene's, which always matches the whole term.

    :raises BadRequestError: complement, intersection and intervals, which PostgreSQL has not.
    """
    out: list[str] = []
    position = 0
    inside = False
    while position < len(pattern):
        character = pattern[position]
        if character == "\\" and position + 1 < len(pattern):
            position += 1
            following = pattern[position]
            out.append(f"\\{following}" if following in "dDsSwW" or not following.isalnum() else following)
        elif inside:
            inside = character != "]"
            out.append(character)
        elif character == "[":
            inside = True
            out.append(character)
        elif character in "^$":
            out.append(f"\\{character}")
        elif character == "@":
            out.append(".*")
        elif character == "#":
            out.append("(?!)")
        elif character == '"':
            end = pattern.find('"', position + 1)
            if end < 0:
                raise BadRequestError(f"org.apache.solr.search.SyntaxError: expected '\"' at position {len(pattern)}")
            out.append(re.sub(r"(\W)", r"\\\1", pattern[position + 1 : end]))
            position = end
        elif character in "~&<":
            raise BadRequestError(f"org.apache.solr.search.SyntaxError: “{character}” in regular expressions is not supported")
        elif character == "?" and out and out[-1] == "(":
            raise BadRequestError(f"org.apache.solr.search.SyntaxError: unexpected “?” at position {position}")
        else:
            out.append(character)
        position += 1
    return f"^(?:{''.join(out)})$"


def fuzzy_edits(distance: float | None, length: int) -> int:
    """How many edits a fuzzy word allows (``FuzzyQuery.floatToEdits``).

    :param distance: as written after the tilde: a number of edits, or a similarity below 1.
    """
    if distance is None:
        return 2
    if distance >= 1:
        return min(2, int(distance))
    return 0 if distance == 0 else min(2, int((1 - distance) * length))
