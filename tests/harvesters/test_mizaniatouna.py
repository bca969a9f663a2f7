"""BOOST workbooks of Mizaniatouna: the real shape with its quirks (synthetic numbers), lists of them, and what is hostile."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ckanext.ogptn.harvesters.engine.base import OptionsError  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.engine.problems import SourceError  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.mizaniatouna import MizaniatounaBackend, code_of  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.seed.samples import BOOST_HEADER, BOOST_YEARS, boost_rows, boost_workbook, workbook
from tests.conftest import SourceServer

from .conftest import Reading, read

PATH = "/tunisia/template_fr/boost_fr.xlsx"
MEASURES = {"OUVERT": 7, "ORDONNANCE": 8, "PAYE": 9}
LIST = {
    "url": "tunisia/template_fr/boost_fr.xlsx", "years": "2017-2022", "unit": "dinar", "unit_source": "Notice, p. 2 (synthétique)",
    "document": "exécution", "licence": "LNDPO-TN", "titre_fr": "Dépenses de l’État", "title_ar": "نفقات الدولة",
}  # fmt: skip


def rows(*changes: Callable[[list[list[Any]]], None], years: tuple[int, ...] = (2019, 2020)) -> list[list[Any]]:
    """Rows of a small table, header first, with some changes."""
    table = [list(BOOST_HEADER), *(row for row in boost_rows(years))]
    for change in changes:
        change(table)
    return table


def reading_of(server: SourceServer, table: list[list[Any]] | bytes, *, sheet: str = "BOOST", **more: Any) -> Reading:
    content = table if isinstance(table, bytes) else workbook({"Notes": [["Base BOOST"]], sheet: table})
    return read(MizaniatounaBackend, server.says(PATH, content), **more)


def listed(server: SourceServer, entries: Any, content: bytes | None = None) -> Reading:
    server.says(PATH, content or boost_workbook())
    return read(MizaniatounaBackend, server.says("/liste.json", json.dumps(entries)))


# -- the whole
def test_a_dataset_for_each_fiscal_year(http_server: SourceServer, accepted: Any) -> None:
    reading = listed(http_server, [LIST])
    assert reading.issues == []
    assert reading.order == [f"boost_fr:{year}" for year in BOOST_YEARS]
    shown = accepted(reading.datasets["boost_fr:2020"], "budget-2020")
    expected = {
        "type": "budget",
        "title_translated": {"fr": "Dépenses de l’État – 2020", "ar": "نفقات الدولة – 2020"},
        "fiscal_years": ["2020"],
        "document_type": "year_end",
        "phases": ["approved", "ordered", "paid"],
        "direction": ["expenditure"],
        "currency": "TND",
        "unit_multiplier": "unit",
        "unit_source": "Notice, p. 2 (synthétique)",
        "classification": "boost",
        "administrative_level": "state",
        "source_system": "BOOST",
        "license_id": "LNDPO-TN",
        "language": ["ARA", "FRA"],
        "temporal_coverage": [{"start": "2020", "end": "2020"}],
        "identifier": "boost_fr:2020",
    }
    assert {name: shown.get(name) for name in expected} == expected
    (table,) = shown["resources"]
    assert (table["url"], table["format"]) == (http_server.url + PATH, "XLSX")
    columns = {column["name"]: (column["column_type"], column.get("phase")) for column in table["columns"]}
    assert columns["YEAR (السنة)"] == ("date:fiscal-year", None)
    assert columns["Econ2 (القسم)"] == ("economic-classification:generic:level2:label", None)
    assert columns["ORDONNANCE (الاعتمادات المأمور بصرفها)"] == ("value", "ordered")
    assert len(columns) == 10
    # Geographic codes that are no governorate are told, and are no fault.
    assert "00 مشاريع غير موزعة (15)" in shown["notes_translated"]["fr"]
    assert "لا ينطبق (1)" in shown["notes_translated"]["en"]
    assert reading.datasets["boost_fr:2019"]["language"] == ["ARA", "FRA"]


def test_sums_by_year_and_phase_are_exact(http_server: SourceServer) -> None:
    reading = reading_of(http_server, boost_workbook())
    for year in BOOST_YEARS:
        told = json.loads(reading.records[f"boost_fr:{year}"].content)
        for code, place in MEASURES.items():
            assert Decimal(told["sums"][code]) == sum(row[place] for row in boost_rows([year]) if row[place] is not None)


def test_only_the_year_that_changed_is_another_record(http_server: SourceServer) -> None:
    before = reading_of(http_server, rows())

    def change(table: list[list[Any]]) -> None:
        table[3][9] += Decimal("0.001")

    after = reading_of(http_server, rows(change))
    assert {guid for guid in before.hashes if before.hashes[guid] != after.hashes[guid]} == {"boost_fr:2019"}
    # The dataset shows it, so that its table is loaded anew.
    assert before.datasets["boost_fr:2019"]["resources"] != after.datasets["boost_fr:2019"]["resources"]
    assert before.datasets["boost_fr:2020"] == after.datasets["boost_fr:2020"]


def test_an_unchanged_workbook_is_not_read_again(http_server: SourceServer) -> None:
    headers = {"ETag": '"1"'}

    def say(handler: Any) -> None:
        same = handler.headers.get("If-None-Match") == '"1"'
        body = b"" if same else boost_workbook()
        handler.send_response(304 if same else 200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    url = http_server.says(PATH, say)
    listing = http_server.says("/liste.json", json.dumps([LIST]))
    first = read(MizaniatounaBackend, listing)
    second = read(MizaniatounaBackend, listing, state=first.cursor.state)
    assert second.order == []
    assert second.cursor.present_guids == first.order
    assert second.cursor.state == first.cursor.state
    # The list says something else of the same workbook: all its years are looked at again.
    http_server.says("/liste.json", json.dumps([{**LIST, "unit": "millime"}]))
    third = read(MizaniatounaBackend, listing, state=first.cursor.state)
    assert third.order == first.order
    assert third.datasets["boost_fr:2018"]["unit_multiplier"] == "millime"
    assert url.endswith(PATH)


# -- lists
@pytest.mark.parametrize(
    "content",
    [
        f"Fichier;Exercices;Unité;Source de l'unité;Nature\n{PATH[1:]};2017-2022;DT;Notice;loi\n",
        f"# ce que la notice dit\n- fichier: {PATH}\n  exercices: 2017-2022\n  unité: DT\n  source unité: Notice\n  nature: loi\n",
        json.dumps({"files": [{"url": PATH, "years": list(BOOST_YEARS), "unit": "DT", "unit_source": "Notice", "document": "law"}]}),
    ],
    ids=["csv", "yaml", "json"],
)
def test_a_list_in_three_forms_here_and_in_the_options(http_server: SourceServer, content: str) -> None:
    http_server.says(PATH, boost_workbook())
    at_the_source = read(MizaniatounaBackend, http_server.says("/liste", content))
    in_the_options = read(MizaniatounaBackend, http_server.url + "/", options={"files": content})
    for reading in (at_the_source, in_the_options):
        assert reading.slugs() == []
        dataset = reading.datasets["boost_fr:2017"]
        found = (dataset["unit_multiplier"], dataset["unit_source"], dataset["document_type"])
        assert found == ("unit", "Notice", "enacted")


def test_a_list_that_is_none_is_refused_in_the_form() -> None:
    with pytest.raises(OptionsError) as caught:
        MizaniatounaBackend.Options.load({"files": "[{"})
    assert "files" in caught.value.errors


def test_one_workbook_that_is_gone_costs_its_years_only(http_server: SourceServer) -> None:
    reading = listed(http_server, [{"url": "/gone.xlsx", "years": 2010}, LIST])
    assert reading.order == [f"boost_fr:{year}" for year in BOOST_YEARS]
    assert reading.slugs() == ["not-found"]
    assert reading.cursor.reasons == ["not-found"]
    with pytest.raises(SourceError) as caught:
        listed(http_server, ["/gone.xlsx", "/gone2.xlsx"])
    assert caught.value.slug == "not-found"


@pytest.mark.parametrize("entry", [{"years": "2010"}, {"url": "javascript:alert(1)"}, {"url": "file:///etc/passwd"}, 7])
def test_what_is_no_entry_is_reported_and_removes_nothing(http_server: SourceServer, entry: Any) -> None:
    reading = listed(http_server, [LIST, entry])
    assert len(reading.order) == 6
    assert reading.slugs() == ["unreadable-record"]
    assert reading.cursor.reasons == ["unreadable-record"]


def test_years_that_the_list_promises_and_the_workbook_lacks(http_server: SourceServer) -> None:
    reading = listed(http_server, [{**LIST, "years": "2009-2022"}])
    (issue,) = reading.issues
    assert (issue.slug, issue.values["expected"], issue.values["found"]) == ("other-years", "2009–2022", "2017–2022")


# -- units
@pytest.mark.parametrize(
    ("title", "heading", "entry", "unit", "slugs"),
    [
        ("", "", {}, None, ["unit-not-stated"]),
        ("Dépenses de l’État (en mille dinars)", "", {}, "thousand", []),
        ("نفقات الدولة (بحساب الدينار)", "", {}, "unit", []),
        ("", "PAYE (en millimes)", {}, "millime", []),
        ("Budget (MD)", "", {}, "million", []),
        ("Budget (mD)", "", {}, "thousand", []),
        ("Budget (Md)", "", {}, None, ["unclear-unit"]),
        ("Budget (en mille dinars)", "", {"unit": "DT"}, None, ["contradictory-units"]),
        ("", "", {"unit": "sacs"}, None, ["unclear-unit"]),
        ("Un budget de 32 millions de dinars voté", "", {}, None, ["unit-not-stated"]),
    ],
)
def test_the_unit_is_what_somebody_states_or_empty(
    http_server: SourceServer, accepted: Any, title: str, heading: str, entry: dict[str, str], unit: str | None, slugs: list[str]
) -> None:
    def change(table: list[list[Any]]) -> None:
        table[0][9] = heading or table[0][9]
        if title:
            table[:0] = [[title], []]

    content = workbook({"BOOST": rows(change, years=(2019,))})
    reading = listed(http_server, [{"url": PATH, "document": "law", **entry}], content)
    dataset = reading.datasets["boost_fr:2019"]
    assert (dataset.get("unit_multiplier"), reading.slugs()) == (unit, slugs)
    assert bool(dataset.get("unit_source")) == (unit is not None)
    if unit:
        assert (title or heading) in dataset["unit_source"]
    assert accepted(dataset, "budget")["fiscal_years"] == ["2019"]


# -- what tables are like
def test_headings() -> None:
    written = {"GEO1 (الولاية)": "GEO1", "Econ2": "ECON2", "السنة (YEAR)": "YEAR", " paye ": "PAYE", "Roads": None, "": None, None: None,
               "Ordonnancé": "ORDONNANCE", "Montant": None, "ENGAGE": "ENGAGE"}  # fmt: skip
    assert {heading: code_of(heading) for heading in written} == written


def test_title_rows_unnamed_columns_empty_rows_totals(http_server: SourceServer) -> None:
    def change(table: list[list[Any]]) -> None:
        table.append(["Total", *[None] * 6, 10, 10, 10])
        table.insert(0, ["Base BOOST – données synthétiques"])
        table.insert(1, [])
        for row in table:
            row.insert(0, None)

    reading = reading_of(http_server, rows(change), sheet="Feuil1")
    assert reading.order == ["boost_fr:2019", "boost_fr:2020"]
    assert json.loads(reading.records["boost_fr:2019"].content)["rows"] == 107
    (issue,) = (issue for issue in reading.issues if issue.slug == "rows-without-year")
    assert (issue.values["count"], issue.values["value"]) == ("1", "Total | 10 | 10 | 10")


def test_years_and_amounts_as_texts(http_server: SourceServer) -> None:
    def change(table: list[list[Any]]) -> None:
        for row in table[1:]:
            if row[0]:
                row[0] = "٢٠١٩" if row[0] == 2019 else "2020"
        table[1][7:10] = ["1 234,567", "n.d.", "٣٤٫٥"]

    table = rows(change)
    reading = reading_of(http_server, table)
    told = json.loads(reading.records["boost_fr:2019"].content)
    rest = [row for row in table[2:] if row[0] == "٢٠١٩"]
    assert Decimal(told["sums"]["OUVERT"]) == Decimal("1234.567") + sum(row[7] for row in rest)
    assert Decimal(told["sums"]["PAYE"]) == Decimal("34.5") + sum(row[9] for row in rest)
    issue = next(issue for issue in reading.issues if issue.slug == "unreadable-amounts")
    assert (issue.guid, issue.values["row"], issue.values["value"]) == ("boost_fr:2019", "2", "n.d.")


def test_a_year_without_payments_covers_no_payments(http_server: SourceServer) -> None:
    def change(table: list[list[Any]]) -> None:
        for row in table[1:]:
            if row[0] == 2020:
                row[8] = row[9] = None

    reading = reading_of(http_server, rows(change))
    assert reading.datasets["boost_fr:2019"]["document_type"] == "year_end"
    law = reading.datasets["boost_fr:2020"]
    assert (law["phases"], law["document_type"]) == (["approved"], "enacted")
    assert [column["phase"] for column in law["resources"][0]["columns"] if column["column_type"] == "value"] == ["approved"]
    assert "document-from-columns" in reading.slugs("boost_fr:2020")


def test_unknown_places_are_counted(http_server: SourceServer) -> None:
    def change(table: list[list[Any]]) -> None:
        table[1][6] = table[2][6] = "77 Ailleurs"
        table[3][6] = 11
        table[4][6] = "0 non distribués"

    reading = reading_of(http_server, rows(change))
    issue = next(issue for issue in reading.issues if issue.slug == "unknown-governorate-codes")
    assert (issue.guid, issue.values["count"], issue.values["value"]) == ("boost_fr:2019", "2", "77 Ailleurs")


def test_a_table_without_years_is_of_the_year_that_the_list_names(http_server: SourceServer) -> None:
    def change(table: list[list[Any]]) -> None:
        for row in table:
            del row[0]

    content = workbook({"BOOST": rows(change, years=(2015,))})
    assert listed(http_server, [{**LIST, "years": 2015}], content).order == ["boost_fr:2015"]
    with pytest.raises(SourceError) as caught:
        listed(http_server, [{**LIST, "years": "2015-2016"}], content)
    assert caught.value.slug == "no-budget-table"


# -- what is none
@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (workbook({"Feuil1": [["A", "B"], [1, 2]], "Feuil2": []}), "no-budget-table"),
        (b"PK\x03\x04 cut off", "unreadable-table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unreadable-table"),
        (b"<!DOCTYPE html><title>Site en maintenance</title>", "unexpected-content"),
        (b"\0\1\0\2", "unexpected-content"),
        (b"", "unexpected-content"),
    ],
    ids=["another table", "cut zip", "empty ole", "web page", "nothing known", "empty"],
)
def test_what_is_no_workbook_is_refused_with_a_reason(http_server: SourceServer, content: bytes, slug: str) -> None:
    with pytest.raises(SourceError) as caught:
        reading_of(http_server, content)
    assert caught.value.slug == slug
