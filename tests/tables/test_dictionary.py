"""What is known of a table's columns: the file, the steward and the dataset say it, and pages, API and downloads show the same."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.ogptn.tables.download import Query, write
from ckanext.ogptn.tables.load import load_table
from ckanext.ogptn.tables.model import LOADED, TableState
from ckanext.ogptn.tables.read import open_table

pytestmark = pytest.mark.usefixtures("clean_db")

TEXT = "Gouvernorat;Montant\nتونس;1 234,5\nصفاقس;7\nTotal;1 241,5\n"


def loaded(dataset: dict[str, Any], folder: Path, text: str = TEXT) -> str:
    """Load a dataset's only file as the worker does. Gives the resource's id."""
    resource = dataset["resources"][0]["id"]
    path = folder / "a.csv"
    path.write_text(text, encoding="utf-8")
    with open_table(path) as reading:
        table, done = load_table(reading, resource)
    findings = [one.as_dict() for one in table.findings()]
    model.Session.merge(
        TableState(resource_id=resource, state=LOADED, rows=done.rows, rejections=0, columns=done.columns, findings=findings)
    )
    model.Session.commit()
    call_action("resource_patch", {"user": call_action("get_site_user")["name"]}, id=resource, datastore_active=True)
    return resource


@pytest.fixture
def plain(open_dataset_factory: Any, tmp_path: Path) -> str:
    return loaded(open_dataset_factory(resources=[{"url": "http://example.tn/a.csv", "format": "CSV"}]), tmp_path)


@pytest.fixture
def amounts(budget_factory: Any, tmp_path: Path) -> str:
    """A file that says no unit, in a dataset that does, with the column of amounts declared."""
    resource = {"url": "http://example.tn/a.csv", "format": "CSV", "columns": [{"name": "Montant", "column_type": "value"}]}
    return loaded(budget_factory(currency="TND", unit_multiplier="thousand", resources=[resource]), tmp_path)


def columns(resource: str) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in call_action("ogptn_table_show", resource_id=resource)["columns"]}


def write_dictionary(resource: str, **said: dict[str, str]) -> None:
    """As a steward does on CKAN's page of the data dictionary."""
    fields = call_action("datastore_info", id=resource)["fields"]
    call_action(
        "datastore_create",
        resource_id=resource,
        force=True,
        fields=[{"id": one["id"], "type": one["type"], "info": {**one["info"], **said.get(one["id"], {})}} for one in fields],
    )


def test_what_a_steward_writes_is_what_everybody_reads(app: Any, plain: str) -> None:
    write_dictionary(plain, montant={"label": "Montant payé", "notes": "Somme **payée** dans l'année."})
    shown = columns(plain)
    assert (shown["montant"]["label"], shown["montant"]["description"]) == ("Montant payé", "Somme **payée** dans l'année.")
    # What the loader noted itself is no description.
    assert shown["gouvernorat"]["description"] == ""
    package = call_action("resource_show", id=plain)["package_id"]
    page = BeautifulSoup(app.get(f"/fr/dataset/{package}/resource/{plain}").body, "html.parser")
    row = page.select_one('[data-column="montant"]')
    assert row is not None
    assert "Montant payé" in row.get_text()
    assert row.select_one("strong").text == "payée"  # pyright: ignore[reportOptionalMemberAccess]


def test_the_column_that_marks_totals_is_listed_too(plain: str) -> None:
    mark = columns(plain)["row_kind"]
    assert (mark["pg_type"], mark["nulls"], mark["minimum"]) == ("text", None, None)
    assert set(columns(plain)) == {one["id"] for one in call_action("datastore_info", id=plain)["fields"]}


def test_columns_and_downloads_are_shown_once(app: Any, plain: str) -> None:
    """CKAN's list of columns, and its menu of formats, stand where there are none of ours."""
    package = call_action("resource_show", id=plain)["package_id"]
    page = BeautifulSoup(app.get(f"/dataset/{package}/resource/{plain}").body, "html.parser")
    assert page.select("#table-columns")
    assert not page.select(".accordion-item")
    assert not page.select("#dropdownDownloadFormat")
    shown = {link.text.strip() for link in page.select("[data-og-downloads] a")}
    assert shown == {"CSV", "TSV", "XLSX", "JSON", "XML", "Parquet"}
    model.Session.delete(TableState.of(plain))
    model.Session.commit()
    page = BeautifulSoup(app.get(f"/dataset/{package}/resource/{plain}").body, "html.parser")
    assert len(page.select(".accordion-item")) == 3
    assert page.select("#dropdownDownloadFormat")


def test_the_datasets_unit_is_in_every_answer(amounts: str) -> None:
    fields = {one["id"]: one["info"] for one in call_action("datastore_info", id=amounts)["fields"]}
    assert fields["montant"]["unit_from"] == "dataset"
    unit = fields["montant"]["unit"]
    assert unit
    assert "unit_from" not in fields["gouvernorat"]
    assert columns(amounts)["montant"]["unit"] == unit
    files = {form: io.BytesIO() for form in ("json", "parquet", "xlsx", "csv")}
    for form, file in files.items():
        write(Query(amounts), form, file)
        file.seek(0)
    described = {one["id"]: one for one in json.load(files["json"])["fields"]}
    assert (described["montant"]["unit"], described["montant"]["unit_from"]) == (unit, "dataset")
    assert pq.read_schema(files["parquet"]).field("montant").metadata[b"unit"].decode() == unit
    sheet = openpyxl.load_workbook(files["xlsx"])["columns"]
    cells = {row[1]: row for row in sheet.iter_rows(values_only=True)}
    assert unit in str(cells["montant"][3])
    assert "dataset" in str(cells["montant"][3])
    assert cells["gouvernorat"][3] in (None, "")
    # A header is a label and nothing else: programs match it.
    assert files["csv"].read().decode("utf-8-sig").splitlines()[0].split(",")[1] == "Montant"


def test_a_corrected_description_corrects_the_unit(amounts: str) -> None:
    """It is not stored with the table: nothing has to be loaded again."""
    before = columns(amounts)["montant"]["unit"]
    package = call_action("resource_show", id=amounts)["package_id"]
    call_action("package_patch", {"user": call_action("get_site_user")["name"]}, id=package, currency="EUR")
    after = {one["id"]: one["info"] for one in call_action("datastore_info", id=amounts)["fields"]}["montant"]["unit"]
    assert after not in ("", before)


def test_a_unit_of_the_file_wins(budget_factory: Any, tmp_path: Path) -> None:
    resource = {"url": "http://example.tn/a.csv", "format": "CSV", "columns": [{"name": "Montant (DT)", "column_type": "value"}]}
    table = loaded(budget_factory(currency="TND", resources=[resource]), tmp_path, "Mine;Montant (DT)\nA;1\nB;2\n")
    info = {one["id"]: one["info"] for one in call_action("datastore_info", id=table)["fields"]}["montant_dt"]
    assert (info["unit"], info.get("unit_from")) == ("DT", None)
