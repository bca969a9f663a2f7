"""Municipal budgets of ADEB in the documented shapes (synthetic numbers): XML in Windows-1256, CSV long, wide, monthly; their faults."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ckanext.ogptn.harvesters.adeb import AdebBackend
from ckanext.ogptn.harvesters.engine.problems import SourceError
from ckanext.ogptn.seed import samples
from ckanext.ogptn.seed.samples import adeb_amount, adeb_csv, adeb_xml
from ckanext.ogptn.seed.source_server import TrialSource
from tests.conftest import SourceServer

from .conftest import Reading, read

CODE = "34013"


def listed(server: SourceServer, files: dict[str, str | bytes], **told: Any) -> Reading:
    """Read a list of files; ``told``: what the list says of each, by the file's name without its ending."""
    for name, content in files.items():
        server.says(f"/static/files/{name}", content)
    entries = [{"url": f"/static/files/{name}", **told.get(name.split(".")[0], {})} for name in files]
    return read(AdebBackend, server.says("/liste.json", json.dumps(entries)))


def sums(reading: Reading, guid: str) -> dict[tuple[str, str], Decimal]:
    """What the record says, by direction and year."""
    found: dict[tuple[str, str], Decimal] = {}
    for file in json.loads(reading.records[guid].content)["files"]:
        for direction, years in file["sums"].items():
            for year, total in years.items():
                assert (direction, year) not in found
                found[direction, year] = Decimal(total)
    return found


def expected(direction: str, year: int, number: int = 1, months: int = 0) -> int:
    """An independent computation: from the amounts themselves, never from a file."""
    return sum(
        adeb_amount(direction, year, place, 1 if months else number, month)
        for place in range(5)
        for month in (range(1, months + 1) if months else (0,))
    )


# -- XML
def test_the_latest_version_of_a_year_counts(http_server: SourceServer, accepted: Any) -> None:
    reading = listed(
        http_server,
        {
            "a.xml": adeb_xml("revenue", 2018, number=1),
            "b.xml": adeb_xml("revenue", 2018, number=10, amends=True),
            "c.xml": adeb_xml("revenue", 2018, number=9),
            "d.xml": adeb_xml("expenditure", 2018, number=1),
            "e.xml": adeb_xml("revenue", 2019, number=1),
        },
    )
    assert reading.order == [f"{CODE}:law:2018", f"{CODE}:law:2019"]
    assert reading.slugs() == ["older-version", "older-version"]
    assert sums(reading, f"{CODE}:law:2018") == {
        ("revenue", "2018"): expected("revenue", 2018, number=10),
        ("expenditure", "2018"): expected("expenditure", 2018),
    }
    shown = accepted(reading.datasets[f"{CODE}:law:2018"], "budget-communal")
    wanted = {
        "type": "budget", "fiscal_years": ["2018"], "document_type": "enacted", "phases": ["approved", "revised"],
        "direction": ["expenditure", "revenue"], "currency": "TND", "unit_multiplier": "millime", "administrative_level": "municipality",
        "administrative_code": CODE, "source_system": "ADEB-COLLECTIVITES", "classification": "generic",
    }  # fmt: skip
    assert {name: shown.get(name) for name in wanted} == wanted
    assert "Millime Tunisien" in shown["unit_source"]
    amended, voted = shown["resources"]
    assert (amended["format"], amended["url"].rsplit("/", 1)[-1], voted["url"].rsplit("/", 1)[-1]) == ("XML", "b.xml", "d.xml")
    columns = {column["name"]: (column["column_type"], column.get("phase")) for column in amended["columns"]}
    assert columns["LRC_MNTAC1"] == ("value", "revised")
    assert columns["REC_SPARAG"] == ("economic-classification:generic:level4:code", None)
    assert columns["GESTION"] == ("date:fiscal-year", None)


def test_the_root_of_monthly_figures_is_not_known_and_any_is_read(http_server: SourceServer) -> None:
    known = listed(http_server, {"a.xml": adeb_xml("revenue", 2018, monthly=True)})
    other = listed(http_server, {"a.xml": adeb_xml("revenue", 2018, monthly=True, root="SUIVI_MENSUEL")})
    (one,), (same,) = known.datasets.values(), other.datasets.values()
    assert one["title_translated"] == same["title_translated"]
    assert [issue.slug for issue in other.issues] == [issue.slug for issue in known.issues]


def test_months_with_the_supplementary_one(http_server: SourceServer) -> None:
    reading = listed(http_server, {"a.xml": adeb_xml("revenue", 2018, monthly=True), "b.xml": adeb_xml("expenditure", 2018, monthly=True)})
    assert reading.order == [f"{CODE}:execution:2018"]
    assert sums(reading, f"{CODE}:execution:2018") == {
        ("revenue", "2018"): expected("revenue", 2018, months=12),
        # What was paid after the year on its account is the thirteenth.
        ("expenditure", "2018"): expected("expenditure", 2018, months=13),
    }
    dataset = reading.only()
    assert (dataset["document_type"], dataset["phases"], dataset["frequency"]) == ("in_year", ["paid"], "MONTHLY")


# -- CSV
def test_the_forms_of_csv(http_server: SourceServer, accepted: Any) -> None:
    years = (2016, 2017, 2018)
    reading = listed(
        http_server,
        {
            "recette_simple_34013.csv": adeb_csv("revenue", "long"),
            "depense_per_year_34013.xls": adeb_csv("expenditure", "wide"),
            "Depence_mensuelle_34013.csv": adeb_csv("expenditure", "monthly"),
        },
    )
    assert reading.order == [f"{CODE}:execution:csv", f"{CODE}:law:csv"]
    assert reading.issues == []
    law = {(direction, str(year)): expected(direction, year) for direction in ("revenue", "expenditure") for year in years}
    assert sums(reading, f"{CODE}:law:csv") == law
    monthly = {("expenditure", str(year)): expected("expenditure", year, months=12) for year in years}
    assert sums(reading, f"{CODE}:execution:csv") == monthly
    shown = accepted(reading.datasets[f"{CODE}:law:csv"], "commune")
    assert (shown["fiscal_years"], shown["phases"]) == (["2016", "2017", "2018"], ["approved"])
    assert [resource["format"] for resource in shown["resources"]] == ["CSV", "CSV"]
    months = accepted(reading.datasets[f"{CODE}:execution:csv"], "commune-mois")["resources"][0]["columns"]
    kinds = {column["name"]: column.get("phase") for column in months}
    assert (kinds["Budget_2018"], kinds["Budget_01_2018"], kinds["Titre"]) == ("approved", "paid", None)


def test_a_title_of_the_other_file_and_a_blank_never_filled(http_server: SourceServer) -> None:
    reading = listed(
        http_server,
        {"depense_per_year_34013.csv": adeb_csv("expenditure", "wide")},
        depense_per_year_34013={"file_title": "Les recettes depuis YYYY", "description": "Budget communal depuis YYYY"},
    )
    assert reading.slugs() == ["title-contradicts-file", "unfilled-blank", "unfilled-blank"]
    dataset = reading.only()
    assert dataset["direction"] == ["expenditure"]
    assert dataset["resources"][0]["name_translated"]["fr"] == "Table des dépenses 2016–2018"


def test_only_what_changed_is_another_record(http_server: SourceServer) -> None:
    files: dict[str, str | bytes] = {"a.xml": adeb_xml("revenue", 2018), "recettes_34013.csv": adeb_csv("revenue", "long")}
    before = listed(http_server, files).hashes
    after = listed(http_server, {**files, "recettes_34013.csv": adeb_csv("revenue", "long").replace("1,11,1", "1,12,1", 1)}).hashes
    assert {guid for guid in before if before[guid] != after[guid]} == {f"{CODE}:law:csv"}


def test_unchanged_files_are_remembered_with_what_they_hold() -> None:
    with TrialSource(1) as server:
        url = f"{server.url}/baladiati/static/files/"
        first = read(AdebBackend, url)
        assert len(first.order) == 4
        second = read(AdebBackend, url, state=first.cursor.state)
        assert (second.order, second.hashes) == (first.order, first.hashes)
        assert second.cursor.expected == 4


# -- what is odd
def test_amounts_with_decimals_are_no_millimes(http_server: SourceServer) -> None:
    text = adeb_csv("revenue", "long").replace(str(adeb_amount("revenue", 2016, 0)), "1234.567", 1)
    reading = listed(http_server, {"recettes_34013.csv": text})
    assert "amounts-not-in-millimes" in reading.slugs()
    assert "unit_multiplier" not in reading.only()


def test_totals_are_not_added_and_words_are_no_amounts(http_server: SourceServer) -> None:
    text = adeb_csv("revenue", "long") + "Total,,,,Total,2018,99999999\n1,1,1,1,x,2018,n.d.\n"
    reading = listed(http_server, {"recettes_34013.csv": text})
    assert sums(reading, f"{CODE}:law:csv")["revenue", "2018"] == expected("revenue", 2018)
    assert reading.slugs() == ["unreadable-amounts"]


def test_a_municipality_without_code(http_server: SourceServer, accepted: Any) -> None:
    reading = listed(http_server, {"recettes.csv": adeb_csv("revenue", "long")})
    assert reading.slugs() == ["unknown-municipality"]
    assert "administrative_code" not in accepted(reading.only(), "sans-code")
    named = listed(http_server, {"recettes.csv": adeb_csv("revenue", "long")}, recettes={"commune": "34013"})
    assert named.only()["administrative_code"] == CODE


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        ("a;b\n1;2\n", "not-municipal-budget"),
        (b"<?xml version='1.0'?><AREPLFTMUN><LIGNE><REC_TITRES>", "unreadable-table"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><AREPLFTMUN><LIGNE><A>&a;</A></LIGNE></AREPLFTMUN>', "unreadable-table"),
        (adeb_csv("revenue", "long").replace("Budget", "Montant"), "not-municipal-budget"),
    ],
    ids=["another table", "cut", "entity", "no amounts"],
)
def test_what_is_none_is_refused_with_a_reason(http_server: SourceServer, content: str | bytes, slug: str) -> None:
    with pytest.raises(SourceError) as caught:
        listed(http_server, {"recettes_34013.xml": content})
    assert caught.value.slug == slug


def test_one_bad_file_costs_nothing_else(http_server: SourceServer) -> None:
    reading = listed(http_server, {"a.xml": adeb_xml("revenue", 2018), "b.csv": "a;b\n1;2\n"})
    assert reading.order == [f"{CODE}:law:2018"]
    assert (reading.slugs(), reading.cursor.reasons) == (["not-municipal-budget"], ["not-municipal-budget"])


def test_the_samples_say_that_they_are_synthetic() -> None:
    for name, content in samples.baladiati().items():
        text = content.decode("cp1256" if name.endswith("xml") else "utf-8")
        assert samples.SYNTHETIC["ar"] in text, name
