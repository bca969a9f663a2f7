"""Budget files of the documented shapes (synthetic numbers) as typed tables: sums by year and phase are those of an independent
computation, to the millime."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ckanext.ogptn.seed.samples import BOOST_YEARS, adeb_amount, adeb_csv, adeb_xml, boost_rows, boost_workbook
from ckanext.ogptn.tables.read import open_table
from ckanext.ogptn.tables.types import TypedTable


def typed(path: Path) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Type of each column by its label, and the rows that are data."""
    with open_table(path) as reading:
        table = TypedTable.infer(reading)
        labels = [column.column.label for column in table.columns]
        types = {label: str(column.type) for label, column in zip(labels, table.columns, strict=True)}
        return types, [dict(zip(labels, row.values, strict=True)) for row in table.rows() if row.kind == "row"]


def test_boost(tmp_path: Path) -> None:
    path = tmp_path / "boost_fr.xlsx"
    path.write_bytes(boost_workbook())
    types, rows = typed(path)
    amounts = ("OUVERT (الاعتمادات المفتوحة)", "ORDONNANCE (الاعتمادات المأمور بصرفها)", "PAYE (الاعتمادات المدفوعة)")
    assert [types[name] for name in ("YEAR (السنة)", *amounts)] == ["year", "decimal", "decimal", "decimal"]
    assert types["GEO1 (الولاية)"] == types["ADMIN1 (الوزارة)"] == "text"
    found: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        for name in amounts:
            assert isinstance(row[name], Decimal)
            found[row["YEAR (السنة)"], name] += row[name]
    expected = {
        (year, name): sum((row[place] for row in boost_rows([year]) if row[place] is not None), Decimal(0))
        for year in BOOST_YEARS
        for place, name in enumerate(amounts, 7)
    }
    assert found == expected
    assert all(total.as_tuple().exponent == -3 for total in expected.values() if total % 1)


def written(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(("direction", "amount"), [("revenue", "LRC_MNTAC1"), ("expenditure", "LAR_MNTAC2")])
@pytest.mark.parametrize("amends", [False, True])
def test_adeb_xml(tmp_path: Path, direction: str, amount: str, amends: bool) -> None:
    types, rows = typed(written(tmp_path, "a.xml", adeb_xml(direction, 2018, number=3, amends=amends)))
    assert (types[amount], types["GESTION"]) == ("integer", "year")
    assert {row["GESTION"] for row in rows} == {2018}
    assert sum(row[amount] for row in rows) == sum(adeb_amount(direction, 2018, place, 3) for place in range(5))


@pytest.mark.parametrize("direction", ["revenue", "expenditure"])
@pytest.mark.parametrize("name", ["a.csv", "a.xls"])
def test_adeb_csv(tmp_path: Path, direction: str, name: str) -> None:
    years = (2016, 2017, 2018)
    expected = {year: sum(adeb_amount(direction, year, place) for place in range(5)) for year in years}
    _types, long = typed(written(tmp_path, name, adeb_csv(direction, "long")))
    assert {year: sum(row["Budget"] for row in long if row["Year"] == year) for year in years} == expected
    _types, wide = typed(written(tmp_path, name, adeb_csv(direction, "wide")))
    assert {year: sum(row[str(year)] for row in wide) for year in years} == expected
    types, monthly = typed(written(tmp_path, name, adeb_csv(direction, "monthly")))
    assert {year: sum(row[f"Budget_{year}"] for row in monthly) for year in years} == expected
    for year, month in itertools.product(years, range(1, 13)):
        column = f"Budget_{month:02}_{year}"
        assert types[column] == "integer"
        assert sum(row[column] for row in monthly) == sum(adeb_amount(direction, year, place, 1, month) for place in range(5))
