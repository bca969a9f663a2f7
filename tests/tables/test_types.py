"""Types from whole columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ogptn.tables.findings import TableError
from ckanext.ogptn.tables.notation import meaning, month_number, plain_number, units_in
from ckanext.ogptn.tables.read import open_table
from ckanext.ogptn.tables.types import TypedTable, exact, is_total, serial_date
from tests.conftest import in_time
from tests.tables.files import text_of, workbook


def typed(tmp_path: Path, values: Sequence[str], label: str = "Montant") -> tuple[TypedTable, list[Any]]:
    """One column of text between two others."""
    path = tmp_path / "a.csv"
    path.write_text(text_of([["Nom", label, "Fin"], *([f"n{place}x", value, "z"] for place, value in enumerate(values))]))
    with open_table(path) as reading:
        table = TypedTable.infer(reading)
        return table, [row.values[1] for row in table.rows()]


def slugs(table: TypedTable) -> set[str]:
    return {one.slug for one in table.findings()}


D = Decimal


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        (["1", "-2", "30000"], "integer", [1, -2, 30000]),
        (["1 234", "1\u00a0234\u202f567", "5"], "integer", [1234, 1234567, 5]),
        (["1 234,567", "89,1"], "decimal", [D("1234.567"), D("89.1")]),
        (["1.234,567", "89,1"], "decimal", [D("1234.567"), D("89.1")]),
        (["1,234.567", "89.1"], "decimal", [D("1234.567"), D("89.1")]),
        (["1.234.567", "8.910"], "integer", [1234567, 8910]),
        (["1,234", "0,5"], "decimal", [D("1.234"), D("0.5")]),
        (["1.234", "12345.5"], "decimal", [D("1.234"), D("12345.5")]),
        (["1.234", "12345"], "decimal", [D("1.234"), D("12345")]),
        (["(1.234)", "1.234,5"], "decimal", [D("-1234"), D("1234.5")]),
        (["(12,5)", "3-", "−4,0"], "decimal", [D("-12.5"), D("-3"), D("-4.0")]),
        (["12,5 %", "7 %"], "decimal", [D("12.5"), D("7")]),
        (["١٢٣٤", "٥"], "integer", [1234, 5]),
        (["١٬٢٣٤٫٥", "٧٫٢٥"], "decimal", [D("1234.5"), D("7.25")]),
        (["12 DT", "1 500 DT"], "integer", [12, 1500]),
        (["1'234", "5"], "integer", [1234, 5]),
        (["1", "-", "n.d.", "غ.م", "2"], "integer", [1, None, None, None, 2]),
        (["31/01/2018", "01/02/2018"], "date", [dt.date(2018, 1, 31), dt.date(2018, 2, 1)]),
        (["2018-01-31", "2018/02/01"], "date", [dt.date(2018, 1, 31), dt.date(2018, 2, 1)]),
        (["01/31/2018", "02/01/2018"], "date", [dt.date(2018, 1, 31), dt.date(2018, 2, 1)]),
        (["31.01.2018 10:30", "01.02.2018"], "datetime", [dt.datetime(2018, 1, 31, 10, 30), dt.datetime(2018, 2, 1)]),  # noqa: DTZ001
        (["janvier 2018", "Août 2018"], "date", [dt.date(2018, 1, 1), dt.date(2018, 8, 1)]),
        (["جانفي 2018", "أوت 2018"], "date", [dt.date(2018, 1, 1), dt.date(2018, 8, 1)]),
        (["01/2018", "2018-02"], "date", [dt.date(2018, 1, 1), dt.date(2018, 2, 1)]),
        (["جانفي", "فيفري", "افريل", "جويلية", "اوت"], "month", [1, 2, 4, 7, 8]),
        (["fevrier", "Août", "DÉCEMBRE"], "month", [2, 8, 12]),
        (["05", "10", "007"], "text", ["05", "10", "007"]),
        (["2018-2019", "2019-2020"], "text", ["2018-2019", "2019-2020"]),
        (["31/02/2018", "01/02/2018"], "text", ["31/02/2018", "01/02/2018"]),
        (["123456789012345678901", "5"], "integer", [123456789012345678901, 5]),
        (["a", "1", "2"], "text", ["a", "1", "2"]),
    ],
)
def test_column(tmp_path: Path, values: list[str], name: str, expected: list[Any]) -> None:
    table, found = typed(tmp_path, values)
    assert (table.columns[1].type, found) == (name, expected)


@pytest.mark.parametrize(
    ("values", "slug"),
    [
        (["1.234", "5.678"], "ambiguous-separator"),
        (["1,234", "567"], "ambiguous-separator"),
        (["1.234.567", "1.5"], "mixed-separators"),
        (["1,5", "1.5"], "mixed-separators"),
        (["31/01/2018", "01/31/2018"], "ambiguous-date"),
        (["12 %", "5"], "mixed-units"),
        (["12 DT", "5 €"], "mixed-units"),
        (["1", "2", "trois"], "mixed-values"),
    ],
)
def test_what_cannot_be_told_stays_text_and_is_said(tmp_path: Path, values: list[str], slug: str) -> None:
    table, found = typed(tmp_path, values)
    assert (table.columns[1].type, found) == ("text", values)
    assert next(one for one in table.findings() if one.slug == slug).column == "Montant"


def test_years_and_units(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Budget en mille dinars;;;\nAnnée;Code;Prévu;Production (kt)\n2018;1;5,5;7\n2019;2;6,5;8\n")
    with open_table(path) as reading:
        table = TypedTable.infer(reading)
    assert [column.type for column in table.columns] == ["year", "integer", "decimal", "integer"]
    assert [(column.unit, column.unit_from) for column in table.columns] == [
        ("", ""),
        ("", ""),
        ("en mille dinars", "title"),
        ("kt", "header"),
    ]


@pytest.mark.parametrize(("label", "name"), [("Date", "date"), ("تاريخ العقد", "date"), ("Montant", "integer")])
def test_serial_numbers_are_dates_only_where_the_label_says_so(tmp_path: Path, label: str, name: str) -> None:
    table, found = typed(tmp_path, ["43131", "43132"], label)
    assert table.columns[1].type == name
    assert found[0] == (dt.date(2018, 1, 31) if name == "date" else 43131)


def test_serial_numbers_of_1904(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"A": [["Date", "n"], [41669, "a"], [41670, "b"]]}, mac=True)
    with open_table(path) as reading:
        table = TypedTable.infer(reading)
        assert next(table.rows()).values[0] == dt.date(2018, 1, 31)
    assert next(one for one in table.findings() if one.slug == "serial-dates").details["epoch"] == 1904


def test_serial_date_of_both_calendars() -> None:
    assert serial_date(1, 1900).date() == dt.date(1900, 1, 1)
    assert serial_date(61, 1900).date() == dt.date(1900, 3, 1)
    assert serial_date(0, 1904).date() == dt.date(1904, 1, 1)
    with pytest.raises(ValueError):
        serial_date(-1, 1904)


def test_workbook_numbers_are_exact(tmp_path: Path) -> None:
    rows = [
        ["a", "b", "c"],
        [0.1 + 0.2, True, dt.date(2018, 1, 1)],
        [1e-7, False, dt.date(2018, 1, 2)],
        [123456.789, True, dt.date(2018, 1, 3)],
    ]
    with open_table(workbook(tmp_path / "a.xlsx", {"A": rows})) as reading:
        table = TypedTable.infer(reading)
        values = [row.values for row in table.rows()]
    assert [column.type for column in table.columns] == ["decimal", "boolean", "date"]
    assert [row[0] for row in values] == [D("0.3"), D("0.0000001"), D("123456.789")]
    assert values[1][1] is False


def test_a_few_odd_values_reject_their_rows(tmp_path: Path) -> None:
    values = [str(number) for number in range(100)]
    values[41] = "voir note"
    table, found = typed(tmp_path, values)
    assert (table.columns[1].type, len(found), table.rejected.count) == ("integer", 99, 1)
    rejected = next(one for one in table.findings() if one.slug == "rejected-value")
    assert (rejected.row, rejected.column, rejected.details["found"]) == (43, "Montant", "voir note")
    assert "voir note" in rejected.message


def test_totals_and_headings_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Titre;Région;Montant;Payé\nChapitre 1;;;\n1;Tunis;5;4\n1;Sfax;6;5\nTotal;;11;9\n;المجموع :;11;9\n")
    with open_table(path) as reading:
        table = TypedTable.infer(reading)
        rows = list(table.rows())
    assert [row.kind for row in rows] == ["section", "row", "row", "total", "total"]
    assert sum(row.values[2] for row in rows if row.kind == "row") == 11
    assert (table.kind_id(), table.totals, table.sections) == ("row_kind", 2, 1)
    assert {"total-rows", "section-rows"} <= slugs(table)


@pytest.mark.parametrize(
    "text",
    [
        "Total",
        "TOTAL",
        "Totale",
        "Total général",
        "TOTAL GENERAL :",
        "Sous-total",
        "sous total titre 1",
        "S/Total",
        "Grand total",
        "المجموع",
        "المجموع :",
        "المجموع العام",
        "الجملة",
        "Total (1+2)",
    ],
)
def test_totals(text: str) -> None:
    assert is_total(text)


@pytest.mark.parametrize("text", ["Total E&P Tunisie", "TotalEnergies", "Totem", "جملة من الإجراءات", "مجموعة الشركات", "Tunis"])
def test_no_totals(text: str) -> None:
    assert not is_total(text)


def test_mostly_rejected_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a;b\n" + "1;2\n" * 600 + "1;2;3;4\n" * 900)
    with open_table(path) as reading:
        table = TypedTable.infer(reading)
        with pytest.raises(TableError) as caught:
            list(table.rows())
    assert (caught.value.finding.slug, caught.value.finding.details["rejected"]) == ("mostly-rejected", 900)


def test_long_columns_in_pieces_are_as_short_ones(tmp_path: Path) -> None:
    values = [f"{number}.{number % 100:02}" for number in range(12_000)] + ["1 234,5"]
    table, _found = typed(tmp_path, values)
    assert table.columns[1].type == "text"
    assert "mixed-separators" in slugs(table)


def test_months() -> None:
    assert [month_number(name) for name in ("جانفي", "أفريل", "افريل", "ماي", "اضافي", "juin", "Août", "aout", "Tunis")] == [
        1,
        4,
        4,
        5,
        None,
        6,
        8,
        8,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Budget 2018 (en mille dinars)", ["en mille dinars"]),
        ("Montant MDT", ["MDT"]),
        ("Unité:D.T", ["D.T"]),
        ("الكمية بالطن", ["بالطن"]),
        ("Production (kt)", ["kt"]),
        ("Région", []),
    ],
)
def test_units_as_written(text: str, units: list[str]) -> None:
    assert units_in(text) == units


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=3))
def test_every_notation_of_a_number_is_read_back(number: Decimal) -> None:
    english = f"{number:,.3f}"
    french = english.replace(",", "\u202f").replace(".", ",")
    german = english.replace(",", "'").replace(".", ",").replace("'", ".")
    assert Decimal(plain_number(english, ".")) == number
    assert Decimal(plain_number(french, ",")) == number
    assert Decimal(plain_number(german, ",")) == number
    assert meaning(french).kind == "number"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14))
def test_exact_has_fifteen_digits_and_no_exponent(number: float) -> None:
    text = exact(number)
    assert "e" not in text.lower()
    assert float(text) == pytest.approx(number, rel=1e-14, abs=1e-300)


@given(st.text(max_size=40))
def test_any_text_has_a_meaning(text: str) -> None:
    assert meaning(text.strip()).kind in ("missing", "number", "code", "date", "datetime", "month", "text")


@pytest.mark.parametrize(
    "text", ["12" + " " * 90 + "Direction", "1" + "\t " * 60 + "x", "1" + " " * 100_000 + "x", "(1" + "\u00a0" * 120 + "x"]
)
def test_blanks_inside_a_cell_cost_no_time(text: str) -> None:
    """Sixty blanks took three seconds, for each cell; a hundred took a minute."""
    with in_time():
        assert meaning(text).kind == "text"
        assert meaning("1  234").kind == "text"
        assert meaning("  1 234,50    DT".strip()).kind == "number"
