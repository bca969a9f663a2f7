"""A file read once, with guessed types, gives what one gives that is read twice; whole columns give what row by row gives."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckanext.datastore.backend import postgres
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckanext.ogptn.tables import load, read
from ckanext.ogptn.tables.delimited import Delimited
from ckanext.ogptn.tables.findings import TableError
from ckanext.ogptn.tables.load import load_table
from ckanext.ogptn.tables.read import Reading, open_table
from ckanext.ogptn.tables.types import TypedTable

CELLS = st.one_of(
    st.sampled_from(
        ["", "1", "2018", "-5", "1.5", "1,5", "1 234,5", "12.345", "n.d.", "-", "05", "31/01/2018", "2018-02-01", "Total", "تونس"]
    ),
    st.sampled_from(
        [" Béja ", "BÃ©ja", "a\u200bb", "chaَne", "Montant", "x\ufffdy", 'a "b"', "two\nlines", "A;B", "المجموع", "\\N", "tab\there"]
    ),
    st.integers(-(10**12), 10**12).map(str),
    st.decimals(-(10**6), 10**6, places=3).map(str),
)


@st.composite
def texts(draw: Any) -> str:
    """A text with a header and rows, most of them regular, some shorter, longer, blank, or the header again."""
    width = draw(st.integers(2, 4))
    header = ["Code", "Montant", "Année", "Lieu"][:width]
    kinds = [draw(st.sampled_from(["number", "any", "any", "text"])) for _place in range(width)]
    rows = []
    for _number in range(draw(st.integers(1, 25))):
        cells = [
            str(draw(st.integers(0, 9999))) if kind == "number" and draw(st.integers(0, 9)) else draw(CELLS) if kind != "text" else "nom"
            for kind in kinds
        ]
        odd = draw(st.integers(0, 30))
        rows.append({0: cells[:-1], 1: [*cells, "x"], 2: [], 3: header, 4: [*cells, ""]}.get(odd, cells))
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=";", lineterminator="\n").writerows([header, *rows])
    return file.getvalue()


def by_row(reading: Reading) -> list[tuple[int, list[Any]]]:
    return [(number, list(cells)) for number, cells in reading.rows()]


def by_column(reading: Reading) -> list[tuple[int, list[Any]]]:
    return [
        (number, list(cells))
        for numbers, columns in reading.chunks()
        for number, cells in zip(numbers, zip(*columns, strict=True), strict=True)
    ]


def outcome(way: Any, path: Path) -> Any:
    """The rows, what was found and what was rejected; or why it was refused."""
    try:
        with open_table(path) as reading:
            return way(reading), [one.as_dict() for one in reading.findings.all()], reading.rejected, reading.rejections
    except TableError as error:
        return error.finding.as_dict()


@given(texts(), st.integers(1, 6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whole_columns_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    original = Delimited.blocks
    with monkeypatch.context() as patch:
        # Small blocks, so that regular and irregular ones take turns.
        patch.setattr(Delimited, "blocks", lambda self, _size: original(self, size))
        assert outcome(by_column, path) == outcome(by_row, path)


def test_most_rows_are_looked_at_by_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Code;Lieu;Montant\n" + "".join(f"{number};Béja;{number},5\n" for number in range(12_000)), encoding="utf-8")
    alone: list[int] = []
    original = read._Walk.row
    monkeypatch.setattr(read._Walk, "row", lambda self, number, cells: alone.append(number) or original(self, number, cells))
    with open_table(path) as reading:
        assert sum(len(numbers) for numbers, _columns in reading.chunks()) == 12_000
    assert not alone


def test_a_record_of_too_many_lines_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a;b\n1;2\n\n" + '3;"' + "x\n" * 300 + '"\n' + "4;5\n" * 600)
    for way in (by_row, by_column):
        assert outcome(way, path)["slug"] == "quote-never-closed"
        assert outcome(way, path)["row"] == 4


def stored(resource_id: str) -> tuple[list[Any], list[Any]]:
    quoted = postgres.identifier(resource_id)
    with postgres.get_write_engine().connect() as connection:
        rows = connection.execute(sa.text(f"SELECT * FROM {quoted} ORDER BY _id")).all()  # noqa: S608 - quoted
        kinds = connection.execute(
            sa.text(
                "SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid "
                "WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ),
            {"name": quoted},
        ).all()
    return [tuple(row) for row in rows], [tuple(kind) for kind in kinds]


def loaded(path: Path, resource_id: str, twice: bool) -> Any:
    """What is in the DataStore, and what is said of it; or why the file was refused."""
    try:
        with open_table(path) as reading:
            table, told = load_table(reading, resource_id, table=TypedTable.infer(reading) if twice else None)
            said = [one.as_dict() for one in table.findings()], table.rejected, reading.rejected, told
    except TableError as error:
        return error.finding.as_dict()
    return stored(resource_id), said


@pytest.fixture
def resource(clean_db: None, open_dataset_factory: Any) -> str:
    return open_dataset_factory(resources=[{"url": "http://example.tn/a.csv", "format": "CSV"}])["resources"][0]["id"]


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("1;n1;5", "1;n2;6"),  # the guess is right
        ("1;n1;5", "1;n2;6,5"),  # whole numbers, then decimals
        ("1;n1;5", "1;n2;voir note"),  # one in many is rejected
        ("1;n1;5", "a;n2;b"),  # text after all
        ("1;n1;01/02/2018", "1;n2;01/31/2018"),  # the day was not first
        ("1;n1;1.234", "1;n2;5.5"),  # text that turns out to be a number
        ("1;n1;5", "Total;;500"),  # a total far down
        ("1;n1;5", "1;n2;n.d."),  # a number that is missing
        ("1;n1;5", "1;n2;123456789012345678901"),  # too long for an integer
        ("1;n1;5", "1;n2"),  # too few cells
        ("1;n1;5", "1;n2;3;4"),  # too many
        ("1;tab\there \\N \\.;5", '1;"two\nlines";6'),
    ],
)
def test_read_once_gives_what_read_twice_gives(
    tmp_path: Path, resource: str, monkeypatch: pytest.MonkeyPatch, early: str, late: str
) -> None:
    # The guess is made from the first two hundred cells; the late row stands alone further down, where no glimpse falls.
    monkeypatch.setattr(load, "_HELD", 200)
    monkeypatch.setattr(read, "CHUNK", 60)
    path = tmp_path / "a.csv"
    for middle, share in (([late], 1), ([late] * 300, 300)):
        path.write_text("Code;Nom;Valeur\n" + f"{early}\n" * 350 + "".join(f"{one}\n" for one in middle) + f"{early}\n" * 20)
        once, twice = loaded(path, resource, False), loaded(path, resource, True)
        assert once == twice, share


def test_a_right_guess_reads_the_file_once_and_a_wrong_one_twice(tmp_path: Path, resource: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_HELD", 200)
    monkeypatch.setattr(read, "CHUNK", 60)
    monkeypatch.setattr(Reading, "glimpses", lambda _self: iter(()))
    passes: list[int] = []
    original = Reading.chunks
    monkeypatch.setattr(Reading, "chunks", lambda self: passes.append(1) or original(self))
    path = tmp_path / "a.csv"
    for late, expected in (("1;2", 1), ("1;2,5", 2)):
        passes.clear()
        path.write_text("Code;Valeur\n" + "1;5\n" * 500 + late + "\n")
        with open_table(path) as reading:
            table, told = load_table(reading, resource)
        assert (len(passes), told.rows, told.rejected) == (expected, 501, 0)
        assert table.columns[1].type == ("integer" if expected == 1 else "decimal")


def test_the_end_of_the_file_is_looked_at_before_guessing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Code;Lieu;Valeur\n" + "1;Béja;5\n" * 40_000 + "Total;;200000\n", encoding="utf-8")
    with open_table(path) as reading:
        seen = list(reading.glimpses())
        assert [len(columns) for columns in seen] == [3, 3, 3]
        assert seen[-1][0][-1] == "Total"
        attempt = load._Attempt.guessed(reading)
        assert attempt.table.marked
