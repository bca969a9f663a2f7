"""Segments: what is written is what is read, however many terms, places and segments there are."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from ckanext.ogptn.search import building, merging, segments
from ckanext.ogptn.search.documents import Contents, Forward, prepare
from ckanext.ogptn.search.segments import Block, Row

from .conftest import make_document

#: (field, term) to (document, positions).
Read = dict[tuple[str, str], list[tuple[int, list[int]]]]

WORDS = [
    "water",
    "Wi-Fi",
    "l’énergie",
    "rivières",
    "CO2",
    "المياه",
    "بالمياه",
    "٢٠٢٤",
    "the",
    "THE",
    "report.csv",
    "2024-2025",
    "agencies'",
    "the's",
    "(",
    "énergie,",
    "3,5",
]


def some_documents(count: int, seed: int = 1) -> list[dict[str, Any]]:
    rng = random.Random(seed)  # noqa: S311
    documents: list[dict[str, Any]] = []
    for number in range(count):
        texts = [" ".join(rng.choices(WORDS, k=rng.randrange(12))) for _ in range(4)]
        documents.append(
            make_document(
                f"{seed}-{number}",
                title=f"{texts[0]} x{number}",
                notes=texts[1],
                res_name=[texts[2], "", texts[3]],
                tags=rng.sample(["a", "b", "a b", "x" * 900], rng.randrange(4)),
                extras_remark=rng.choice(["", "weekly", "le la les"]),
                views_total=number,
            )
        )
    return documents


def read(rows: Iterable[Row]) -> tuple[Read, dict[str, tuple[list[int], list[int]]]]:
    found: Read = {}
    columns: dict[str, tuple[list[int], list[int]]] = {}
    for row in rows:
        if row.terms is None:
            if row.first.startswith(segments.STATISTICS):
                columns[row.first] = (segments.unpack_numbers(row.documents).tolist(), [])
            else:
                assert row.positions is not None
                values = segments.read_column(row.first, row.positions).tolist()
                columns[row.first] = (segments.unpack_ascending(row.documents).tolist(), values)
            continue
        block = Block(row.first, row.terms, row.documents, row.positions)
        for term in block.directory[0]:
            entry = block.find(term, positions=True)
            assert entry is not None
            documents, frequencies, places = entry
            assert places is not None
            rest = places.tolist()
            listed: list[tuple[int, list[int]]] = []
            for at, document in enumerate(documents.tolist()):
                often = 0 if frequencies is None else int(frequencies[at])
                listed.append((document, rest[:often]))
                rest = rest[often:]
            assert not rest
            found[(block.field, term)] = listed
    return found, columns


def expected(forwards: Sequence[Forward]) -> Read:
    made: Read = {}
    for at, forward in enumerate(forwards):
        for name, terms in forward.terms.items():
            for term, places in terms.items():
                made.setdefault((name, term), []).append((at, places))
    return made


def test_a_batch_is_analysed_as_each_document_alone_is() -> None:
    contents = [prepare(one).contents for one in some_documents(300)]
    forwards = [one.analysed() for one in contents]
    entries, columns = read(building.of_contents(contents))
    assert entries == expected(forwards)
    assert entries[("text", "water")]
    assert columns["\x03views_total"] == (list(range(300)), list(range(300)))
    lengths = [(at, one.lengths["title"]) for at, one in enumerate(forwards)]
    assert list(zip(*columns["\x04title"], strict=True)) == lengths
    tags = [len(one.terms["tags"]) for one in forwards if one.terms.get("tags")]
    assert columns["\x05tags"] == ([len(tags), sum(tags)], [])


def test_documents_that_were_analysed_before_give_the_same_segment() -> None:
    contents = [prepare(one).contents for one in some_documents(50)]
    packed = [Forward.unpack(one.analysed().pack()) for one in contents]
    one, other = read(building.of_contents(contents)), read(building.of_forwards(packed))
    assert one[0] == other[0]
    assert {name: column for name, column in one[1].items() if column[0]} == {
        # A field without words has the length 0, which need not be written.
        name: ([at for at, value in zip(*column, strict=True) if value], [value for value in column[1] if value])
        if name.startswith(segments.LENGTHS)
        else column
        for name, column in other[1].items()
    }


def test_a_vocabulary_that_is_full_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "KNOWN_WORDS", 5)
    contents = [prepare(one).contents for one in some_documents(20)]
    for _time in range(3):
        assert read(building.of_contents(contents))[0] == expected([one.analysed() for one in contents])


def test_many_fields_take_little_more_memory_than_one() -> None:
    """Arrays are made of one field at a time."""
    words = [f"w{number % 400}" for number in range(20_000)]
    peaks: dict[int, int] = {}
    for fields in (1, 8, 1, 8):
        contents = [Contents({f"extras_f{field}": [" ".join(words)] for field in range(fields)}, {}, french=False) for _ in range(2)]
        gc.collect()
        tracemalloc.start()
        try:
            rows = building.of_contents(contents)
            # The second round counts: by then the words are known.
            peaks[fields] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert len({row.first.split(segments.SEPARATOR)[0] for row in rows if row.terms}) == fields
    assert peaks[8] < 3 * peaks[1]


def test_a_word_of_many_places_has_a_block_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "BLOCK_PLACES", 20)
    contents = [prepare(one).contents for one in some_documents(60)]
    rows = building.of_contents(contents)
    assert read(rows)[0] == expected([one.analysed() for one in contents])
    alone = [row for row in rows if row.terms and row.first == "text\x01water"]
    assert segments.read_terms(alone[0].terms or b"")[0] == ["water"]
    assert all(len(segments.read_terms(row.terms)[0]) <= segments.BLOCK_TERMS for row in rows if row.terms)


def test_a_document_of_very_many_words_keeps_its_places() -> None:
    notes = " ".join(f"w{number}" for number in range(70_000)) + " end"
    rows = building.of_contents([prepare(make_document("long", notes=notes)).contents])
    assert read(rows)[0][("notes", "end")] == [(0, [140_000])]


def test_a_merge_leaves_out_what_is_gone() -> None:
    parts = [[prepare(one).contents for one in some_documents(30, seed)] for seed in (1, 2, 3)]
    gone = {3, 29, 30, 31, 75}
    merged: list[Row] = []
    places: list[segments.Ints] = []
    new = 0
    for part, seed in zip(parts, range(3), strict=True):
        place = np.full(len(part), -1, np.int64)
        for at in range(len(part)):
            if seed * 30 + at not in gone:
                place[at] = new
                new += 1
        places.append(place)
    built = [building.of_contents(part) for part in parts]
    fields = sorted({row.first.split("\x01")[0] for rows in built for row in rows if row.terms})
    for name in fields:
        opened = [
            (place, [Block(r.first, r.terms, r.documents, r.positions) for r in rows if r.terms and r.first.split("\x01")[0] == name])
            for place, rows in zip(places, built, strict=True)
        ]
        # Cut in two, as a large field is.
        for low, high in (("", "m"), ("m", None)):
            entries = segments.merge_entries(opened, low, high)
            merged += list(entries.rows()) if entries else []
    left = [one for at, one in enumerate(one for part in parts for one in part) if at not in gone]
    assert read(merged)[0] == expected([one.analysed() for one in left])
    lengths = [
        (place, row.documents, row.positions) for place, rows in zip(places, built, strict=True) for row in rows if row.first == "\x04title"
    ]
    column = segments.merge_column("\x04title", lengths)
    assert column is not None
    assert read([column])[1]["\x04title"] == (list(range(85)), [one.analysed().lengths["title"] for one in left])


@pytest.mark.parametrize("at_a_time", [1, 200, 5_000, 1 << 20])
def test_parts_are_merged_as_if_built_at_once(monkeypatch: pytest.MonkeyPatch, at_a_time: int) -> None:
    """However little at a time, with terms that alone are more than that."""
    monkeypatch.setattr(segments, "BLOCK_PLACES", 50)
    monkeypatch.setattr(segments, "BLOCK_TERMS", 5)
    monkeypatch.setattr(merging, "AT_A_TIME", at_a_time)
    parts = [[prepare(one).contents for one in some_documents(20, seed)] for seed in (1, 2, 3)]
    made = merging.Made([(len(part), building.of_contents(part)) for part in parts])
    whole = building.of_contents([one for part in parts for one in part])
    assert read(row for rows in merging.rows(made) for row in rows) == read(whole)


def test_terms_are_put_together_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "AT_A_TIME", 10)
    assert list(merging.ranges([])) == [("", None)]
    assert list(merging.ranges([("a", 4), ("b", 4), ("c", 4), ("d", 4)])) == [("", "c"), ("c", None)]
    # Blocks of several parts that begin with the same term belong together; one that is too large by itself stands alone.
    alone = "b" + segments.SEPARATOR
    assert list(merging.ranges([("a", 4), ("b", 8), ("b", 8), ("c", 4)])) == [("", "b"), ("b", alone), (alone, None)]
    alone = "a" + segments.SEPARATOR
    assert list(merging.ranges([("a", 99)])) == [("", "a"), ("a", alone), (alone, None)]


@pytest.mark.parametrize("values", [[], [0], [255, 3], [256, 1], [70_000] * 1000, list(range(5000)), [1] * 100_000, [3, 70_000] * 50_000])
def test_what_is_packed_says_how_large_it_is(values: list[int]) -> None:
    one, other = np.array(values, np.int64), np.arange(len(values))
    packed = segments.pack_integers(one, other)
    size = segments.unpacked_size(packed[: segments.HEAD], len(packed))
    assert size == len(segments.narrow(one)) + len(segments.narrow(other))


@pytest.mark.parametrize("values", [[], [0], [255], [256, 1], [65_536, 70_000], list(range(5000))])
def test_integers_come_back(values: list[int]) -> None:
    assert segments.unpack_integers(segments.pack_integers(np.array(values, np.int64)))[0].tolist() == values
