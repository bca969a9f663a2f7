"""The extractive type: the example is stored whole, its own rules hold."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import call_action

from tests.catalogue import bad_input
from tests.catalogue.bad_input import SCRIPT, Accepted, Case, missing, texts
from tests.catalogue.test_dataset import same

EXAMPLE: dict[str, Any] = {
    "type": "extractive",
    "title_translated": {"ar": "رخصة اصطناعية", "fr": "Permis synthétique"},
    "notes_translated": {"ar": "سجل اصطناعي", "fr": "Fiche synthétique"},
    "record_kind": "contract",
    "sectors": ["oil", "gas"],
    "commodities": ["2709", "2711"],
    "document_types": ["convention", "avenant"],
    "contract_identifier": "ocds-000000-1",
    "permits": [{"kind": "exploration_permit", "name": "Permis d’essai", "number": "12"}],
    "project": "Projet d’essai",
    "project_identifier": "P-1",
    "signed_on": "2005-07-20",
    "effective_on": "2005-12",
    "expires_on": "2035",
    "government_entities": [{"name": "Ministre de l’Industrie", "identifier": "M-1"}],
    "parties": [
        {
            "company": "Société d’essai",
            "share": "50.5",
            "operator": "yes",
            "country": "TN",
            "identifier": "B1",
            "registry": "RNE",
            "address": "Tunis",
            "parent_company": "Groupe d’essai",
            "url": "https://example.tn/b1",
            "incorporated_on": "1993-04-16",
        },
        {"company": "Autre société", "share": "49.5", "operator": "no"},
    ],
    "unit": "kt",
    "revenue_stream": ["1415E1"],
    "eiti_requirement": ["2.4"],
    "disclosure_mode": "government",
    "remarks": {"fr": "Synthétique"},
}


def _parties(*shares: str) -> dict[str, Any]:
    return {"parties": [{"company": f"Société {n}", "share": share} for n, share in enumerate(shares)]}


CASES = [
    *missing("record_kind", "missing-choice"),
    *missing("sectors"),
    *texts("remarks", 20_000),
    Case("kind-unknown", {"record_kind": "rumour"}, ("record_kind",), "vocabulary-code", {"value": "rumour"}),
    Case("sector-unknown", {"sectors": ["moon"]}, ("sectors",), "vocabulary-code", {"value": "moon"}),
    Case("commodity-unknown", {"commodities": ["9999"]}, ("commodities",), "vocabulary-code", {"value": "9999"}),
    Case("document-unknown", {"document_types": ["poem"]}, ("document_types",), "vocabulary-code"),
    Case("stream-unknown", {"revenue_stream": ["9E"]}, ("revenue_stream",), "vocabulary-code"),
    Case("requirement-unknown", {"eiti_requirement": ["9.9"]}, ("eiti_requirement",), "vocabulary-code"),
    Case("mode-unknown", {"disclosure_mode": "leak"}, ("disclosure_mode",), "vocabulary-code"),
    Case("title-kind-unknown", {"permits": [{"kind": "x"}]}, ("permits", 0, "kind"), "vocabulary-code"),
    Case("signed-31-february", {"signed_on": "31/02/2016"}, ("signed_on",), "date-impossible", {"last": "2016-02-29"}),
    Case("expires-before-signature", {"expires_on": "2005-07-19"}, ("expires_on",), "expires-before-start"),
    Case("expires-before-effect", {"effective_on": "2036"}, ("expires_on",), "expires-before-start", {"start": "2036", "end": "2035"}),
    Case("shares-over-100", _parties("60", "40.01"), ("parties", 0, "share"), "shares-over-100", {"total": "100.01"}),
    Case("shares-over-100-on-each", _parties("60", "60"), ("parties", 1, "share"), "shares-over-100", {"total": "120"}),
    Case("share-over-100", _parties("101"), ("parties", 0, "share"), "too-large", {"value": "101"}),
    Case("share-negative", _parties("-1"), ("parties", 0, "share"), "too-small"),
    Case("share-words", _parties("half"), ("parties", 0, "share"), "not-number", {"value": "half"}),
    Case("company-missing", {"parties": [{"share": "10"}]}, ("parties", 0, "company"), "missing"),
    Case("company-surrogate", {"parties": [{"company": bad_input.SURROGATE}]}, ("parties", 0, "company"), "forbidden-character"),
    Case("company-unknown-field", {"parties": [{"company": "A", "shares": "10"}]}, ("parties", 0, "shares"), "unknown-field"),
    Case(
        "operators-two",
        {"parties": [{"company": "A", "operator": "yes"}, {"company": "B", "operator": "نعم"}]},
        ("parties", 1, "operator"),
        "operators-several",
    ),
    Case("operator-maybe", {"parties": [{"company": "A", "operator": "maybe"}]}, ("parties", 0, "operator"), "vocabulary-code"),
    Case("country-name", {"parties": [{"company": "A", "country": "Tunisia"}]}, ("parties", 0, "country"), "country-code"),
    Case("company-url", {"parties": [{"company": "A", "url": "www"}]}, ("parties", 0, "url"), "url-shape"),
    Case("entity-without-name", {"government_entities": [{"identifier": "1"}]}, ("government_entities", 0, "name"), "missing"),
    Case("parties-not-rows", {"parties": ["ETAP"]}, ("parties",), "not-group"),
    Case("unit-too-long", {"unit": "x" * 101}, ("unit",), "too-long", {"limit": 100}),
    Case("unit-bidi", {"unit": bad_input.BIDI}, ("unit",), "forbidden-character"),
    Case("geometry", {"spatial": '{"type": "Point", "coordinates": []}'}, ("spatial",), "geojson-coordinates"),
]


@pytest.fixture
def example(clean_db: None, steward: dict[str, Any], agency_factory: Any) -> tuple[dict[str, Any], str]:
    agency = agency_factory(editors=[steward["name"]])
    return {**EXAMPLE, "owner_org": agency["id"]}, steward["name"]


def test_the_example_holds_every_field_of_its_own_and_comes_back_whole(
    example: tuple[dict[str, Any], str], commitment: dict[str, Any], open_dataset: dict[str, Any]
) -> None:
    record, user = example
    record = {**record, "related_commitments": [commitment["id"]], "related_records": [open_dataset["id"]]}
    schema = call_action("scheming_dataset_schema_show", type="extractive")
    common = {f["field_name"] for f in call_action("scheming_dataset_schema_show", type="dataset")["dataset_fields"]}
    assert {f["field_name"] for f in schema["dataset_fields"]} - common - set(record) == set()
    for field in schema["dataset_fields"]:
        if field["field_name"] not in common and "repeating_subfields" in field:
            assert {sub["field_name"] for sub in field["repeating_subfields"]} == set(record[field["field_name"]][0]), field["field_name"]
    created = tk.get_action("package_create")({"user": user}, dict(record))
    same(record, created)
    shown = tk.get_action("package_show")({"user": user}, {"id": created["id"]})
    same(record, tk.get_action("package_update")({"user": user}, {**shown, "version": "2"}))


def test_bad_input(example: tuple[dict[str, Any], str], app: Any) -> None:
    assert bad_input.refused("extractive", CASES, *example, app) == []


def test_what_looks_wrong_and_is_not(example: tuple[dict[str, Any], str]) -> None:
    cases = [
        Accepted({"parties": [{"company": "أ", "share": "٣٣٫٣٤"}]}, ("parties", 0, "share"), "33.34"),
        Accepted({"parties": [{"company": "ب", "share": "66,66 %"}]}, ("parties", 0, "share"), "66.66"),
        Accepted({"commodities": ["٢٧٠٩", "Gypsum"]}, ("commodities",), ["2709", "2520"]),
        *bad_input.script_everywhere("extractive"),
    ]
    assert bad_input.accepted("accepted extractive", cases, *example) == []


def test_digits_and_labels(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {**record, "sectors": "النفط", "commodities": ["٢٧٠٩", "Gypsum"], "document_types": ["Contract Amendment"]}
    sent["parties"] = [{"company": "أ", "share": "٣٣٫٣٤"}, {"company": "ب", "share": "66,66 %"}]
    created = tk.get_action("package_create")({"user": user}, sent)
    assert (created["sectors"], created["commodities"], created["document_types"]) == (["oil"], ["2709", "2520"], ["avenant"])
    assert [party["share"] for party in created["parties"]] == ["33.34", "66.66"]


def test_script_is_text_in_every_row(example: tuple[dict[str, Any], str], app: Any) -> None:
    record, user = example
    sent = {**record, "unit": SCRIPT, "project": SCRIPT, "parties": [{"company": SCRIPT, "address": SCRIPT}], "permits": [{"name": SCRIPT}]}
    created = tk.get_action("package_create")({"user": user}, sent)
    page = app.get(f"/extractive/{created['name']}")
    assert page.status_code == 200
    assert SCRIPT not in page.get_data(as_text=True)
