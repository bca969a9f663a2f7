"""The budget type: the example is stored whole, its own rules hold."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import call_action

from ckanext.ogptn.catalogue import vocabulary
from tests.catalogue import bad_input
from tests.catalogue.bad_input import Accepted, Case, missing, texts
from tests.catalogue.test_dataset import same

EXAMPLE: dict[str, Any] = {
    "type": "budget",
    "title_translated": {"ar": "ميزانية بلدية اصطناعية", "fr": "Budget communal synthétique"},
    "notes_translated": {"ar": "أرقام اصطناعية", "fr": "Chiffres synthétiques"},
    "fiscal_years": ["2023", "2024"],
    "document_type": "enacted",
    "phases": ["approved", "paid"],
    "direction": ["expenditure", "revenue"],
    "currency": "TND",
    "unit_multiplier": "millime",
    "unit_source": "Intitulé de la table : « en millimes »",
    "classification": "seven_parts",
    "administrative_level": "municipality",
    "administrative_code": "34013",
    "ministry": {"ar": "الداخلية", "fr": "Intérieur"},
    "mission_code": "05",
    "source_system": "ADEB-COLLECTIVITES",
    "resources": [
        {
            "url": "https://example.tn/depenses.csv",
            "name_translated": {"fr": "Dépenses"},
            "columns": [
                {"name": "Titre", "column_type": "economic-classification:generic:level1:code", "title_translated": {"ar": "العنوان"}},
                {"name": "Libellé (ar)", "column_type": "economic-classification:generic:level1:label:ar"},
                {"name": "PAYE (المدفوع)", "column_type": "value", "phase": "paid"},
            ],
        }
    ],
}


def _columns(*columns: dict[str, Any]) -> dict[str, Any]:
    return {"resources": [{"url": "", "columns": list(columns)}]}


COLUMN = ("resources", 0, "columns", 0)
CASES = [
    *missing("fiscal_years"),
    *missing("document_type", "missing-choice"),
    *missing("phases"),
    *missing("direction"),
    *missing("currency", "missing-choice"),
    *missing("unit_multiplier", "missing-choice"),
    *missing("classification", "missing-choice"),
    *missing("administrative_level", "missing-choice"),
    *texts("ministry", 500),
    Case("year-two-digits", {"fiscal_years": ["24"]}, ("fiscal_years",), "fiscal-year", {"value": "24"}),
    Case("year-long-ago", {"fiscal_years": ["1066"]}, ("fiscal_years",), "fiscal-year", {"value": "1066"}),
    Case("year-words", {"fiscal_years": "bientôt"}, ("fiscal_years",), "fiscal-year", {"value": "bientôt"}),
    Case("document-unknown", {"document_type": "novel"}, ("document_type",), "vocabulary-code", {"value": "novel"}),
    Case("phase-unknown", {"phases": ["approved", "dreamt"]}, ("phases",), "vocabulary-code", {"value": "dreamt"}),
    Case("direction-unknown", {"direction": "sideways"}, ("direction",), "vocabulary-code"),
    Case("currency-unknown", {"currency": "XXX"}, ("currency",), "vocabulary-code"),
    Case("unit-unknown", {"unit_multiplier": "dozen"}, ("unit_multiplier",), "vocabulary-code"),
    Case("classification-unknown", {"classification": "mine"}, ("classification",), "vocabulary-code"),
    Case(
        "titles-after-2019",
        {"classification": "titles", "fiscal_years": ["2019", "2020"]},
        ("classification",),
        "classification-year",
        {"year": "2020"},
    ),
    Case("parts-before-2020", {"fiscal_years": ["2019"]}, ("classification",), "classification-year", {"year": "2019"}),
    Case("level-unknown", {"administrative_level": "galaxy"}, ("administrative_level",), "vocabulary-code"),
    Case("state-with-code", {"administrative_level": "state"}, ("administrative_code",), "level-code"),
    Case("municipal-code-short", {"administrative_code": "3401"}, ("administrative_code",), "municipal-code", {"value": "3401"}),
    Case("region-code-unknown", {"administrative_level": "region"}, ("administrative_code",), "region-code", {"value": "34013"}),
    Case("system-unknown", {"source_system": "EXCEL"}, ("source_system",), "vocabulary-code"),
    Case("mission-code-bidi", {"mission_code": bad_input.BIDI}, ("mission_code",), "forbidden-character"),
    Case("column-without-name", _columns({"column_type": "value"}), (*COLUMN, "name"), "missing"),
    Case("column-without-type", _columns({"name": "A"}), (*COLUMN, "column_type"), "missing-choice"),
    Case(
        "column-type-unknown",
        _columns({"name": "A", "column_type": "geo:source:code"}),
        (*COLUMN, "column_type"),
        "column-type",
        {"value": "geo:source:code"},
    ),
    Case("column-type-of-nothing", _columns({"name": "A", "column_type": "value!"}), (*COLUMN, "column_type"), "column-type"),
    Case("column-phase-unknown", _columns({"name": "A", "column_type": "value", "phase": "x"}), (*COLUMN, "phase"), "vocabulary-code"),
    Case(
        "column-twice",
        _columns({"name": "A", "column_type": "value"}, {"name": "A", "column_type": "value"}),
        ("resources", 0, "columns", 1, "name"),
        "column-duplicate",
    ),
    Case("column-unknown-field", _columns({"name": "A", "column_type": "value", "kind": "x"}), (*COLUMN, "kind"), "unknown-field"),
    Case("columns-not-rows", {"resources": [{"url": "", "columns": "A, B"}]}, ("resources", 0, "columns"), "not-group"),
    Case("commitment-unknown", {"related_commitments": ["no-such"]}, ("related_commitments",), "dataset-unknown", {"value": "no-such"}),
    Case(
        "commitment-of-another-type",
        {"related_commitments": ["not-a-commitment"]},
        ("related_commitments",),
        "dataset-type",
        {"value": "not-a-commitment", "type": "commitment"},
    ),
]


@pytest.fixture
def example(clean_db: None, steward: dict[str, Any], agency_factory: Any) -> tuple[dict[str, Any], str]:
    agency = agency_factory(editors=[steward["name"]])
    return {**EXAMPLE, "owner_org": agency["id"]}, steward["name"]


def test_the_example_holds_every_field_of_its_own_and_comes_back_whole(
    example: tuple[dict[str, Any], str], commitment: dict[str, Any]
) -> None:
    record, user = example
    record = {**record, "related_commitments": [commitment["id"]]}
    schema = call_action("scheming_dataset_schema_show", type="budget")
    common = {f["field_name"] for f in call_action("scheming_dataset_schema_show", type="dataset")["dataset_fields"]}
    assert {f["field_name"] for f in schema["dataset_fields"]} - common - set(record) == set()
    created = tk.get_action("package_create")({"user": user}, dict(record))
    same(record, created)
    shown = tk.get_action("package_show")({"user": user}, {"id": created["id"]})
    same(record, tk.get_action("package_update")({"user": user}, {**shown, "version": "2"}))
    resource = tk.get_action("resource_patch")({"user": user}, {"id": created["resources"][0]["id"], "format": "CSV"})
    same(record["resources"][0]["columns"], resource["columns"])


def test_bad_input(example: tuple[dict[str, Any], str], app: Any, open_dataset_factory: Any) -> None:
    record, user = example
    open_dataset_factory(name="not-a-commitment", owner_org=record["owner_org"])
    assert bad_input.refused("budget", CASES, record, user, app) == []


def test_what_looks_wrong_and_is_not(example: tuple[dict[str, Any], str]) -> None:
    cases = [
        Accepted({"fiscal_years": "٢٠٢٣، 2024"}, ("fiscal_years",), ["2023", "2024"]),
        Accepted({"unit_multiplier": "mille dinars"}, ("unit_multiplier",), "thousand"),
        Accepted({"administrative_code": "٣٤٠١٣"}, ("administrative_code",), "34013"),
        *bad_input.script_everywhere("budget"),
    ]
    assert bad_input.accepted("accepted budget", cases, *example) == []


def test_digits_labels_and_lists(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {**record, "fiscal_years": "٢٠٢٣، 2024", "unit_multiplier": "mille dinars", "phases": "payé", "administrative_code": "٣٤٠١٣"}
    created = tk.get_action("package_create")({"user": user}, sent)
    assert created["fiscal_years"] == ["2023", "2024"]
    assert (created["unit_multiplier"], created["phases"], created["administrative_code"]) == ("thousand", ["paid"], "34013")


def test_a_region_is_stored_by_its_iso_code(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    created = tk.get_action("package_create")({"user": user}, {**record, "administrative_level": "region", "administrative_code": "صفاقس"})
    assert created["administrative_code"] == "TN-61"


def test_a_commitment_is_needed_where_a_commitment_is_asked_for(example: tuple[dict[str, Any], str], open_dataset: dict[str, Any]) -> None:
    record, user = example
    with pytest.raises(tk.ValidationError) as caught:
        tk.get_action("package_create")({"user": user}, {**record, "related_commitments": [open_dataset["id"]]})
    assert "related_commitments" in caught.value.error_dict


def test_the_column_types_are_the_standards_own(shared: Any) -> None:
    types = json.loads((shared / "standards" / "fiscal" / "budgets.json").read_text(encoding="utf-8"))
    ours = vocabulary.get("fiscal_column_types").terms
    assert list(ours) == [item["name"] for item in types]
    assert all(ours[item["name"]].more["data_type"] == item["dataType"] for item in types)
