"""A table as a file, read back by those who read such files."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from ckan.tests.helpers import call_action
from ckanext.datastore.backend import postgres

from ckanext.ogptn.tables import download
from ckanext.ogptn.tables.download import Query, disarmed, write
from ckanext.ogptn.tables.load import load_table
from ckanext.ogptn.tables.read import open_table

pytestmark = pytest.mark.usefixtures("clean_db")

TEXT = (
    "Titre;الولاية;Montant (DT);Jour;Année;Remarque\n"
    "1;تونس;1 234,567;31/01/2018;2018;=cmd|' /C calc'!A0\n"
    "2;صفاقس;-5,5;-;2019;+216 71 000 000\n"
    '3;تونس;98765432109876543,125;01/02/2018;2020;"deux\nlignes ""citées"""\n'
)


@pytest.fixture
def resource(open_dataset_factory: Any, tmp_path: Path) -> str:
    dataset = open_dataset_factory(resources=[{"url": "http://example.tn/a.csv", "format": "CSV", "name": "ميزانية 2018/2019.csv"}])
    path = tmp_path / "a.csv"
    path.write_text(TEXT, encoding="utf-8")
    resource_id = dataset["resources"][0]["id"]
    with open_table(path) as reading:
        load_table(reading, resource_id)
    call_action("resource_patch", {"user": call_action("get_site_user")["name"]}, id=resource_id, datastore_active=True)
    return resource_id


def fetch(app: Any, resource_id: str, form: str, lang: str = "", status: int = 200, **asked: str) -> Any:
    answer = app.get(f"{lang}/table/{resource_id}/download/{form}", query_string=asked)
    assert answer.status_code == status, answer.body[:500]
    return answer


def rows_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_csv_for_spreadsheets_and_for_programs(app: Any, resource: str) -> None:
    answer = fetch(app, resource, "csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "no-store"}
    rows = rows_of(answer)
    assert rows[0] == ["Titre", "الولاية", "Montant (DT)", "Jour", "Année", "Remarque"]
    assert rows[1] == ["1", "تونس", "1234.567", "2018-01-31", "2018", "'=cmd|' /C calc'!A0"]
    # A negative number is a number; so is a telephone's no formula.
    assert rows[2] == ["2", "صفاقس", "-5.5", "", "2019", "+216 71 000 000"]
    assert rows[3][2:] == ["98765432109876543.125", "2018-02-01", "2020", 'deux\nlignes "citées"']
    bare = fetch(app, resource, "csv", bom="false", header="ids")
    assert not bare.data.startswith(b"\xef\xbb\xbf")
    rows = rows_of(bare)
    assert rows[0] == ["titre", "aloulaia", "montant_dt", "jour", "annee", "remarque"]
    assert rows[1][5] == "=cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        *((text, True) for text in ("=1+1", "@SUM(A1)", "\t=1", " =1", "+SUM(A1)", "-2+3+cmd|' /C calc'!A0", "＝1", "\r=1")),
        *((text, False) for text in ("", "-", "- un", "-5 %", "+216 71 000 000", "a=b", "–3", "'=1", "تونس = العاصمة")),
    ],
)
def test_what_a_spreadsheet_would_run_is_disarmed(text: str, runs: bool) -> None:
    assert disarmed(text) == (f"'{text}" if runs else text)


def test_name_of_the_file_is_the_resources(app: Any, resource: str) -> None:
    said = fetch(app, resource, "csv").headers["Content-Disposition"]
    assert said.startswith("attachment;")
    assert f"filename*=UTF-8''{quote('ميزانية 2018 2019')}.csv" in said


@pytest.mark.parametrize(("language", "right_to_left"), [("", None), ("/fr", None), ("/ar", True)])
def test_workbook(app: Any, resource: str, language: str, right_to_left: bool | None) -> None:
    answer = fetch(app, resource, "xlsx", language)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[0]
    assert sheet.sheet_view.rightToLeft == right_to_left
    assert sheet.freeze_panes == "A2"
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == ["Titre", "الولاية", "Montant (DT)", "Jour", "Année", "Remarque"]
    assert rows[1] == [1, "تونس", 1234.567, dt.datetime(2018, 1, 31), 2018, "=cmd|' /C calc'!A0"]  # noqa: DTZ001
    assert rows[2][:4] == [2, "صفاقس", -5.5, None]
    # What a spreadsheet program would round is text.
    assert rows[3][2] == "98765432109876543.125"
    assert rows[3][5] == 'deux\nlignes "citées"'
    # A text, no formula.
    assert sheet["F2"].data_type == "s"
    assert sheet["D2"].is_date


def test_what_cells_of_a_workbook_cannot_hold(resource: str) -> None:
    with postgres.get_write_engine().begin() as connection:
        change = f'UPDATE "{resource}" SET remarque = :text, jour = :day WHERE _id = 1'  # noqa: S608
        connection.execute(sa.text(change), {"text": "x" * 40_000, "day": "1881-05-12"})
        connection.execute(sa.text(f"UPDATE \"{resource}\" SET remarque = E'a\\x0bb' WHERE _id = 2"))  # noqa: S608
    file = io.BytesIO()
    assert write(Query(resource), "xlsx", file) == 3
    sheet = openpyxl.load_workbook(file).worksheets[0]
    assert sheet["D2"].value == "1881-05-12"
    assert str(sheet["F2"].value).endswith("… [40000]")
    assert sheet["F3"].value == "a_x000B_b"  # openpyxl gives the escape of ECMA-376 §22.9.2.19 as it stands


def test_too_many_rows_for_a_sheet(app: Any, resource: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SHEET_ROWS", 3)
    answer = fetch(app, resource, "xlsx", status=422)
    assert "A sheet of a workbook holds 2 rows and this table has 3" in answer.body
    assert len(rows_of(fetch(app, resource, "csv"))) == 4
    # A filter makes it fit.
    fetch(app, resource, "xlsx", filters="titre:1")


def test_json(app: Any, resource: str) -> None:
    answer = fetch(app, resource, "json")
    found = json.loads(answer.data, parse_float=Decimal)
    assert found["fields"][2] == {"id": "montant_dt", "type": "numeric", "label": "Montant (DT)", "unit": "DT", "notes": "DT"}
    assert [one["montant_dt"] for one in found["records"]] == [Decimal("1234.567"), Decimal("-5.5"), Decimal("98765432109876543.125")]
    assert found["records"][1] == {
        "titre": 2,
        "aloulaia": "صفاقس",
        "montant_dt": Decimal("-5.5"),
        "jour": None,
        "annee": 2019,
        "remarque": "+216 71 000 000",
    }
    assert json.loads(fetch(app, resource, "json", q="'صفاق':*", plain="false").data)["records"][0]["titre"] == 2
    assert json.loads(fetch(app, resource, "json", filters='{"titre": 9}').data)["records"] == []


def test_parquet(app: Any, resource: str) -> None:
    table = pq.read_table(io.BytesIO(fetch(app, resource, "parquet").data))
    assert {one.name: str(one.type) for one in table.schema} == {
        "titre": "int64",
        "aloulaia": "string",
        "montant_dt": "decimal128(38, 3)",
        "jour": "date32[day]",
        "annee": "int32",
        "remarque": "string",
    }
    assert table.schema.field("aloulaia").metadata[b"label"].decode() == "الولاية"
    assert table.column("montant_dt").to_pylist() == [Decimal("1234.567"), Decimal("-5.500"), Decimal("98765432109876543.125")]
    assert table.column("jour").to_pylist() == [dt.date(2018, 1, 31), None, dt.date(2018, 2, 1)]
    assert table.column("remarque").to_pylist()[0] == "=cmd|' /C calc'!A0"


def test_numbers_too_long_for_parquet_are_text(resource: str) -> None:
    with postgres.get_write_engine().begin() as connection:
        connection.execute(sa.text(f'UPDATE "{resource}" SET montant_dt = 1e40 WHERE _id = 1'))  # noqa: S608
    file = io.BytesIO()
    write(Query(resource), "parquet", file)
    assert pq.read_table(file).column("montant_dt").to_pylist()[0] == "1" + 40 * "0"


def test_filters_order_and_columns_are_those_of_the_search(app: Any, resource: str) -> None:
    assert [row[0] for row in rows_of(fetch(app, resource, "csv", filters='{"aloulaia": "تونس"}', sort="montant_dt desc"))[1:]] == [
        "3",
        "1",
    ]
    assert [row[0] for row in rows_of(fetch(app, resource, "csv", filters="aloulaia:تونس|titre:1|titre:2"))[1:]] == ["1"]
    assert [row[0] for row in rows_of(fetch(app, resource, "csv", q="صفاقس"))[1:]] == ["2"]
    assert [row[0] for row in rows_of(fetch(app, resource, "csv", q="cit:*", plain="false", language="simple"))[1:]] == ["3"]
    assert rows_of(fetch(app, resource, "csv", fields="jour,titre"))[1] == ["2018-01-31", "1"]
    for asked in ({"filters": '{"titre": "x"}'}, {"filters": "{"}, {"filters": "x"}, {"sort": "nothing"}, {"fields": "nothing"}):
        fetch(app, resource, "csv", status=400, **asked)


def test_equal_labels_are_told_apart(app: Any, resource: str) -> None:
    fields = [{"id": name, "type": "text", "info": {"label": "Lieu"}} for name in ("aloulaia", "remarque")]
    call_action("datastore_create", resource_id=resource, force=True, fields=fields)
    assert rows_of(fetch(app, resource, "csv"))[0][1::4] == ["Lieu (aloulaia)", "Lieu (remarque)"]


def test_what_is_not_to_be_seen_is_not_there(app: Any, resource: str) -> None:
    package = call_action("resource_show", id=resource)["package_id"]
    call_action("package_patch", {"user": call_action("get_site_user")["name"]}, id=package, private=True)
    for form in download.formats():
        fetch(app, resource, form, status=404)
        assert app.test_client(False).head(f"/table/{resource}/download/{form}").status_code == 404
    fetch(app, "no-such-table", "csv", status=404)


def test_head_says_what_it_would_be(app: Any, resource: str) -> None:
    answer = app.test_client(False).head(f"/table/{resource}/download/xlsx")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == download.MEDIA_TYPES["xlsx"]
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert fetch(app, resource, "doc", status=404)


def test_pieces_and_memory(resource: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text("n;x\n" + "".join(f"{number};{number},5\n" for number in range(2_500)))
    with open_table(path) as reading:
        load_table(reading, resource)
    monkeypatch.setattr(download, "_PIECE", 1_000)
    for form in download.formats():
        file = io.BytesIO()
        assert write(Query(resource), form, file) == 2_500
        file.seek(0)
        if form == "csv":
            assert list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))[-1] == ["2499", "2499.5"]
        elif form == "json":
            assert [one["n"] for one in json.load(file)["records"]] == list(range(2_500))
        elif form == "parquet":
            opened = pq.ParquetFile(file)
            assert (opened.metadata.num_row_groups, opened.read().column("n").to_pylist()) == (3, list(range(2_500)))
        else:
            assert openpyxl.load_workbook(file).worksheets[0].max_row == 2_501


@pytest.mark.parametrize(("language", "words"), [("", "Download the table:"), ("/fr", "Télécharger le tableau"), ("/ar", "تنزيل الجدول")])
def test_links_on_the_page(app: Any, open_dataset_factory: Any, resource: str, language: str, words: str) -> None:
    from ckan import model

    from ckanext.ogptn.tables.model import LOADED, TableState

    model.Session.merge(TableState(resource_id=resource, state=LOADED, rows=3, rejections=0))
    model.Session.commit()
    package = call_action("resource_show", id=resource)["package_id"]
    page = app.get(f"{language}/dataset/{package}/resource/{resource}").body
    assert words in page
    for form in download.formats():
        assert f"{language}/table/{resource}/download/{form}" in page
    page = app.get(f"{language}/dataset/{package}/resource/{resource}?filters=titre%3A1").body
    assert f"/table/{resource}/download/csv?filters=titre:1" in page.replace("%3A", ":")
