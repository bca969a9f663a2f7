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

#: Words and terms that are remembered; then all are forgotten. About 8 MB.
KNOWN_WORDS = 12_000
KNOWN_TERMS = 36_000


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


class Words:
    """The words of one field: of each value of each document a run of numbers of the vocabulary."""

    def __init__(self) -> None:
        self.words, self.documents, self.firsts, self.sizes = array("i"), array("i"), array("i"), array("i")

    def add(self, at: int, first: int, words: list[int]) -> None:
        """
        :param first: 1 for the first value of a document, 0 for others
        """
        self.words.extend(words)
        self.documents.append(at)
        self.firsts.append(first)
        self.sizes.append(len(words))

    def arrays(self, known: Vocabulary) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """(document, term, position) of every term of every word; the documents of the field, and how many words each has."""
        words, documents, firsts, sizes = (_numbers(part) for part in (self.words, self.documents, self.firsts, self.sizes))
        if not len(words):
            return _NONE, _NONE, _NONE, _NONE, _NONE
        wide, filled, counts, starts = (_numbers(part)[words] for part in (known.positions, known.filled, known.counts, known.starts))
        ends = np.cumsum(sizes, dtype=np.int64)
        begin = ends - sizes
        before, length, many = (_running(part) for part in (wide, filled, counts))
        # How far each run reaches, and where it begins: after those before it in its document, with a gap between.
        begins = segments.restarts(before[ends] - before[begin] + analysis.POSITION_GAP)
        heads = np.flatnonzero(firsts)
        group = np.cumsum(firsts) - 1
        base = begins - begins[heads][group]
        lengths = np.bincount(group, weights=length[ends] - length[begin]).astype(np.int64)
        positions = before[:-1].astype(np.int32)
        positions += np.repeat((base - before[begin]).astype(np.int32), sizes)
        per_run = many[ends] - many[begin]
        taken = np.arange(many[-1], dtype=np.int32)
        taken += np.repeat(starts - many[:-1].astype(np.int32), counts)
        places = np.repeat(positions, counts)
        places += _numbers(known.offsets)[taken]
        return np.repeat(documents, per_run), _numbers(known.word_terms)[taken], places, documents[heads], lengths


class Terms:
    """Entries of one field whose terms are known."""

    def __init__(self) -> None:
        self.terms, self.places, self.documents, self.sizes = array("i"), array("i"), array("i"), array("i")

    def add(self, at: int, terms: Iterable[int], places: Iterable[int] = ()) -> None:
        before = len(self.terms)
        self.terms.extend(terms)
        self.places.extend(places)
        self.documents.append(at)
        self.sizes.append(len(self.terms) - before)

    def arrays(self) -> tuple[Ints, Ints, Ints]:
        """(document, term, position) of every entry; no positions in a field that is not split in words."""
        return np.repeat(_numbers(self.documents), _numbers(self.sizes)), _numbers(self.terms), _numbers(self.places)


_NONE: Ints = np.empty(0, np.int32)


def _numbers(values: array[int]) -> Ints:
    return np.frombuffer(values, np.int32) if values else _NONE


def _running(values: Ints) -> Ints:
    """Sums of all that stand before each place, and of all."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


class Batch:
    """Gathers documents' entries as long flat lists, one for each field: arrays are made of one field at a time, as they take several times
    the memory of what they give."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.words: dict[str, Words] = {}
        self.terms: dict[str, Terms] = {}
        self.numbers: dict[str, tuple[list[int], list[int]]] = {}
        self.lengths: dict[str, tuple[list[int], list[int]]] = {}

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
                self._add_words(name, at, texts, spec.kind is Kind.TEXT, contents.french)
            elif spec.kind is Kind.STRING:
                terms = [string_term(text) for text in texts]
                self._add_terms(name, at, terms if len(terms) == 1 else dict.fromkeys(terms))
            elif spec.kind is Kind.NGRAM:
                lower = texts[0].lower()
                self._add_terms(name, at, (lower[:2000],))
                self._put(self.lengths, name, at, ngram_length(lower))

    def _add_words(self, name: str, at: int, texts: Iterable[str], stemmed: bool, french: bool) -> None:
        known = self.vocabulary.words[(stemmed, french)]
        field = self.words.get(name) or self.words.setdefault(name, Words())
        first = 1
        for text in texts:
            words = text.split()
            try:
                numbers = [known[word] for word in words]
            except KeyError:
                new = self.vocabulary.word
                numbers = [known[word] if word in known else new(word, stemmed, french) for word in words]
            field.add(at, first, numbers)
            first = 0

    def _add_terms(self, name: str, at: int, terms: Iterable[str]) -> None:
        field = self.terms.get(name) or self.terms.setdefault(name, Terms())
        field.add(at, map(self.vocabulary.term, terms))

    def add_forward(self, at: int, forward: Forward) -> None:
        for name, value in forward.numbers.items():
            self._put(self.numbers, name, at, value)
        for name, value in forward.lengths.items():
            self._put(self.lengths, name, at, value)
        for name, terms in forward.terms.items():
            if field_of(name).kind not in (Kind.TEXT, Kind.GENERAL):
                self._add_terms(name, at, terms)
                continue
            numbers: list[int] = []
            places: list[int] = []
            for term, where in terms.items():
                numbers += [self.vocabulary.term(term)] * len(where)
                places += where
            (self.terms.get(name) or self.terms.setdefault(name, Terms())).add(at, numbers, places)

    # -- arrays

    def entries(self) -> Iterator[Entries]:
        """The entries of each field."""
        for name, words in self.words.items():
            documents, terms, places, owners, lengths = words.arrays(self.vocabulary)
            for owner, length in zip(owners.tolist(), lengths.tolist(), strict=True):
                if length:
                    self._put(self.lengths, name, owner, length)
            if len(terms):
                yield self._entries(name, documents, terms, places)
        for name, field in self.terms.items():
            if field.terms:
                yield self._entries(name, *field.arrays())

    def _entries(self, name: str, documents: Ints, terms: Ints, places: Ints) -> Entries:
        known = self.vocabulary.terms
        used = np.unique(terms).tolist()
        used.sort(key=known.__getitem__)
        rank = np.empty(int(terms.max()) + 1, np.int32)
        rank[used] = np.arange(len(used))
        # Term, then as it was: document after document, and in each by position.
        keys = rank[terms].astype(np.int64)
        keys <<= 32
        keys += np.arange(len(terms), dtype=np.int32)
        keys.sort()
        order = keys.astype(np.uint32)
        keys >>= 32
        ranks, documents = keys.astype(np.int32), documents[order]
        del keys
        texts = [known[number] for number in used]
        if field_of(name).kind not in (Kind.TEXT, Kind.GENERAL):
            return Entries(name, texts, np.bincount(ranks), documents)
        heads = np.flatnonzero(np.concatenate([[True], (ranks[1:] != ranks[:-1]) | (documents[1:] != documents[:-1])]))
        frequencies = np.diff(heads, append=len(ranks))
        return Entries(name, texts, np.bincount(ranks[heads]), documents[heads], frequencies, places[order])

    def columns(self) -> Iterator[Row]:
        """What belongs to fields as a whole; after `entries`."""
        for column, make in ((self.numbers, segments.numbers_row), (self.lengths, segments.lengths_row)):
            for name, (documents, values) in column.items():
                yield make(name, np.array(documents, np.int64), np.array(values, np.int64))
        for name, field in self.terms.items():
            if field_of(name).kind not in (Kind.TEXT, Kind.GENERAL):
                yield segments.statistics_row(name, len(field.documents), len(field.terms))
