"""A segment from many documents at once.

Most words of a batch of documents have been seen before. So a word is analysed once, and is a number from then on; all the rest –
positions, sorting, counting – is done for the whole batch by arrays.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from . import analysis, segments
from .documents import Contents, Forward, ngram_length, string_term
from .fields import Kind
from .fields import field as field_of
from .segments import Entries, Ints, Row

#: Words and terms that are remembered; then all are forgotten. About 40 MB.
KNOWN_WORDS = 100_000
KNOWN_TERMS = 300_000


class Vocabulary:
    """Words and terms as numbers, and the terms of each word."""

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.numbers: dict[str, int] = {}
        #: Whether stemmed, whether French: word to its number.
        self.words: dict[tuple[bool, bool], dict[str, int]] = {
            (stemmed, french): {} for stemmed in (False, True) for french in (False, True)
        }
        # By word: how many positions it takes, how many of them have terms, how many terms these are, where they begin; by term of a word:
        # which, and at which position.
        self.positions, self.filled, self.counts, self.starts = array("i"), array("i"), array("i"), array("i")
        self.word_terms, self.offsets = array("i"), array("i")

    def term(self, text: str) -> int:
        number = self.numbers.get(text)
        if number is None:
            number = self.numbers[text] = len(self.terms)
            self.terms.append(text)
        return number

    def word(self, text: str, stemmed: bool, french: bool) -> int:
        """The number of a word that is new."""
        self.starts.append(len(self.word_terms))
        places = analysis.index_word(text, stemmed, french)
        for at, terms in enumerate(places):
            for term in terms:
                self.word_terms.append(self.term(term))
                self.offsets.append(at)
        self.positions.append(len(places))
        self.filled.append(sum(map(bool, places)))
        self.counts.append(len(self.word_terms) - self.starts[-1])
        number = self.words[(stemmed, french)][text] = len(self.positions) - 1
        return number

    def full(self) -> bool:
        return len(self.positions) > KNOWN_WORDS or len(self.terms) > KNOWN_TERMS


_vocabulary = Vocabulary()
_lock = threading.Lock()


def of_contents(contents: Sequence[Contents]) -> list[Row]:
    """Rows of a segment of documents that are not analysed yet."""
    global _vocabulary
    with _lock:
        if _vocabulary.full():
            _vocabulary = Vocabulary()
        return _rows(Batch(_vocabulary), contents, Batch.add_contents)


def of_forwards(forwards: Sequence[Forward]) -> list[Row]:
    """Rows of a segment of documents that are analysed already. Nothing is remembered: there is no word to be analysed again."""
    return _rows(Batch(Vocabulary()), forwards, Batch.add_forward)


def _rows(batch: Batch, documents: Sequence[Any], add: Any) -> list[Row]:
    for at, document in enumerate(documents):
        add(batch, at, document)
    return [row for one in batch.entries() for row in one.rows()] + list(batch.columns())


class Batch:
    """Gathers documents' entries as long flat lists."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.fields: dict[str, int] = {}
        # Words, in runs: one for each value of each field of each document.
        self.words: list[int] = []
        self.runs: list[tuple[int, int, int, int]] = []  # field, document, whether the first of its field, words
        # Entries whose term is known.
        self.terms: list[int] = []
        self.places: list[int] = []
        self.spans: list[tuple[int, int, int]] = []  # field, document, entries
        self.numbers: dict[str, tuple[list[int], list[int]]] = {}
        self.lengths: dict[str, tuple[list[int], list[int]]] = {}
        self.pairs: dict[str, list[int]] = {}

    def _field(self, name: str) -> int:
        return self.fields.setdefault(name, len(self.fields))

    @staticmethod
    def _put(column: dict[str, tuple[list[int], list[int]]], name: str, at: int, value: int) -> None:
        where, values = column.setdefault(name, ([], []))
        where.append(at)
        values.append(value)

    def add_contents(self, at: int, contents: Contents) -> None:
        for name, value in contents.numbers.items():
            self._put(self.numbers, name, at, value)
        for name, texts in contents.texts.items():
            spec = field_of(name)
            if spec.kind in (Kind.TEXT, Kind.GENERAL):
                self._add_words(self._field(name), at, texts, spec.kind is Kind.TEXT, contents.french)
            elif spec.kind is Kind.STRING:
                terms = [string_term(text) for text in texts]
                self._add_terms(name, at, terms if len(terms) == 1 else dict.fromkeys(terms))
            elif spec.kind is Kind.NGRAM:
                lower = texts[0].lower()
                self._add_terms(name, at, (lower[:2000],))
                self._put(self.lengths, name, at, ngram_length(lower))

    def _add_words(self, field: int, at: int, texts: Iterable[str], stemmed: bool, french: bool) -> None:
        known = self.vocabulary.words[(stemmed, french)]
        first = 1
        for text in texts:
            words = text.split()
            try:
                numbers = [known[word] for word in words]
            except KeyError:
                new = self.vocabulary.word
                numbers = [known[word] if word in known else new(word, stemmed, french) for word in words]
            self.words += numbers
            self.runs.append((field, at, first, len(numbers)))
            first = 0

    def _add_terms(self, name: str, at: int, terms: Iterable[str]) -> None:
        before = len(self.terms)
        self.terms += map(self.vocabulary.term, terms)
        count = len(self.terms) - before
        self.places += [0] * count
        self.spans.append((self._field(name), at, count))
        self.pairs.setdefault(name, []).append(count)

    def add_forward(self, at: int, forward: Forward) -> None:
        for name, value in forward.numbers.items():
            self._put(self.numbers, name, at, value)
        for name, value in forward.lengths.items():
            self._put(self.lengths, name, at, value)
        for name, terms in forward.terms.items():
            if field_of(name).kind not in (Kind.TEXT, Kind.GENERAL):
                self._add_terms(name, at, terms)
                continue
            before = len(self.terms)
            for term, places in terms.items():
                self.terms += [self.vocabulary.term(term)] * len(places)
                self.places += places
            self.spans.append((self._field(name), at, len(self.terms) - before))

    # -- arrays

    def entries(self) -> Iterator[Entries]:
        """The entries of each field."""
        names = list(self.fields)
        fields, documents, terms, places = (np.concatenate(pair) for pair in zip(self._of_words(), self._of_terms(), strict=True))
        order = np.argsort(fields.astype(np.uint16), kind="stable")
        fields, documents, terms, places = (part[order] for part in (fields, documents, terms, places))
        bounds = np.searchsorted(fields, np.arange(len(names) + 1))
        for name, low, high in zip(names, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            if high > low:
                yield self._entries(name, documents[low:high], terms[low:high], places[low:high])

    def _of_words(self) -> tuple[Ints, Ints, Ints, Ints]:
        """(field, document, term, position) of every term of every word; puts down the fields' lengths."""
        known = self.vocabulary
        words = np.array(self.words, np.int64)
        runs = np.array(self.runs, np.int64).reshape(-1, 4)
        of_word = (known.positions, known.filled, known.counts, known.starts)
        wide, filled, counts, starts = (np.frombuffer(part, np.int32)[words] for part in of_word) if len(words) else (words,) * 4
        fields, documents, firsts, sizes = runs.T
        # How far each run reaches, and where it begins: after those before it in its field, with a gap between.
        before, length = (np.concatenate([[0], np.cumsum(part, dtype=np.int64)]) for part in (wide, filled))
        ends = np.cumsum(sizes)
        reach = before[ends] - before[ends - sizes]
        begins = segments.restarts(reach + analysis.POSITION_GAP)
        heads = np.flatnonzero(firsts)
        group = np.cumsum(firsts) - 1
        base = begins - begins[heads][group]
        lengths = np.bincount(group, weights=length[ends] - length[ends - sizes]).astype(np.int64) if len(group) else group
        self._put_lengths(fields[heads], documents[heads], lengths)
        positions = before[:-1] + np.repeat(base - before[ends - sizes], sizes)
        taken = np.repeat(starts, counts) + segments.spread(counts.astype(np.int64))
        per_run = np.add.reduceat(np.append(counts, 0), ends - sizes, dtype=np.int64) if len(runs) else sizes
        per_run[sizes == 0] = 0
        terms, offsets = (np.frombuffer(part, np.int32) for part in (known.word_terms, known.offsets)) if len(words) else (words, words)
        return (
            np.repeat(fields, per_run),
            np.repeat(documents, per_run),
            terms[taken],
            np.repeat(positions, counts) + offsets[taken],
        )

    def _put_lengths(self, fields: Ints, documents: Ints, lengths: Ints) -> None:
        names = list(self.fields)
        for field, document, length in zip(fields.tolist(), documents.tolist(), lengths.tolist(), strict=True):
            if length:
                self._put(self.lengths, names[field], document, length)

    def _of_terms(self) -> tuple[Ints, Ints, Ints, Ints]:
        spans = np.array(self.spans, np.int64).reshape(-1, 3)
        fields, documents, sizes = spans.T
        return np.repeat(fields, sizes), np.repeat(documents, sizes), np.array(self.terms, np.int32), np.array(self.places, np.int64)

    def _entries(self, name: str, documents: Ints, terms: Ints, places: Ints) -> Entries:
        known = self.vocabulary.terms
        used = np.unique(terms).tolist()
        used.sort(key=known.__getitem__)
        rank = np.empty(int(terms.max()) + 1, np.int64)
        rank[used] = np.arange(len(used))
        # Term, then as it was: document after document, and in each by position.
        order = np.sort(rank[terms] << 32 | np.arange(len(terms))) & 0xFFFFFFFF
        ranks, documents = rank[terms[order]], documents[order]
        texts = [known[number] for number in used]
        if field_of(name).kind not in (Kind.TEXT, Kind.GENERAL):
            return Entries(name, texts, np.bincount(ranks), documents)
        heads = np.flatnonzero(np.concatenate([[True], (ranks[1:] != ranks[:-1]) | (documents[1:] != documents[:-1])]))
        frequencies = np.diff(heads, append=len(ranks))
        return Entries(name, texts, np.bincount(ranks[heads]), documents[heads], frequencies, places[order])

    def columns(self) -> Iterator[Row]:
        for column, make in ((self.numbers, segments.numbers_row), (self.lengths, segments.lengths_row)):
            for name, (documents, values) in column.items():
                yield make(name, np.array(documents, np.int64), np.array(values, np.int64))
        for name, counts in self.pairs.items():
            yield segments.statistics_row(name, len(counts), sum(counts))
