"""Budget files of the documented shapes (synthetic numbers) as typed tables: sums by year and phase are those of an independent
computation, to the millime."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import call_action
from ckanext.datastore.backend.postgres import get_read_engine

from ckanext.ogptn.harvesters.engine import run
from ckanext.ogptn.seed.samples import BOOST_YEARS, adeb_amount, adeb_csv, adeb_xml, boost_rows, boost_workbook
from ckanext.ogptn.seed.source_server import TrialSource
from ckanext.ogptn.tables import jobs
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


# -- through the harvester and the worker into the DataStore
@pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")
@pytest.mark.ckan_config("ogptn.tables.allowed_hosts", "127.0.0.1")
@pytest.mark.ckan_config("ogptn.tables.enabled", True)
def test_harvested_budgets_answer_sql_to_the_millime(clean_db: None, agency: dict[str, Any]) -> None:
    with TrialSource(1) as server:
        harvested(agency, "mizaniatouna", f"{server.url}/mizaniatouna/boost.yaml")
        harvested(agency, "adeb", f"{server.url}/baladiati/static/files/")
        jobs.work()
    found = call_action("package_search", rows=100)["results"]
    boost = {dataset["fiscal_years"][0]: dataset["resources"] for dataset in found if dataset["source_system"] == "BOOST"}
    assert sorted(boost) == [str(year) for year in BOOST_YEARS]
    for year, (resource,) in boost.items():
        shown = call_action("ogptn_table_show", resource_id=resource["id"])
        assert (shown["state"], shown["rejections"]) == ("loaded", 0), shown
        columns = {column["label"].split()[0]: column["id"] for column in shown["columns"]}
        # Each table holds its own year and nothing else.
        own = [row for row in boost_rows([int(year)]) if row[0] is not None]
        assert shown["rows"] == len(own)
        assert queried(f'DISTINCT "{columns["YEAR"]}"', resource["id"]) == [(int(year),)]
        for place, name in enumerate(("OUVERT", "ORDONNANCE", "PAYE"), 7):
            assert queried(f'sum("{columns[name]}")', resource["id"]) == [(sum(row[place] for row in own),)]
        # The file says no unit; the manifest does, and says so of the amounts alone.
        assert "دينار" in shown["dataset_unit"]
        units = {column["id"]: (column["unit"], column["unit_from"]) for column in shown["columns"]}
        assert units[columns["PAYE"]] == (shown["dataset_unit"], "dataset")
        assert units[columns["YEAR"]] == units[columns["GEO1"]] == ("", "")
    law = next(dataset for dataset in found if dataset["identifier"] == "34013:law:2018")
    totals = {}
    for resource in law["resources"]:
        shown = call_action("ogptn_table_show", resource_id=resource["id"])
        assert shown["state"] == "loaded", shown
        amount = next(column["id"] for column in shown["columns"] if column["label"] in ("LRC_MNTAC1", "LAR_MNTAC2"))
        totals[amount] = queried(f'sum("{amount}")', resource["id"])[0][0]
    # Of the revenue, the second version.
    expected = {"lrc_mntac1": ("revenue", 2), "lar_mntac2": ("expenditure", 1)}
    assert totals == {
        name: sum(adeb_amount(direction, 2018, place, number) for place in range(5)) for name, (direction, number) in expected.items()
    }


def harvested(agency: dict[str, Any], backend: str, url: str) -> None:
    source = call_action(
        "ogptn_harvest_source_create", title=backend, url=url, backend=backend, owner_org=agency["id"], dataset_type="budget", language="fr"
    )
    job = call_action("ogptn_harvest_job_create", source_id=source["id"])
    assert run.run(job["id"]) == "finished"
    model.Session.remove()


def queried(what: str, resource_id: str) -> list[tuple[Any, ...]]:
    """What the DataStore answers, exactly, as ``datastore_search_sql`` asks it (which a site may switch off)."""
    with get_read_engine().connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(f'SELECT {what} FROM "{resource_id}"'))]  # noqa: S608 - our own names
