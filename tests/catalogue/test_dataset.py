"""The plain type, and what all types share: the example is stored whole, every bad input is refused in the reader's language."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests.helpers import call_action

from tests.catalogue import bad_input
from tests.catalogue.bad_input import SCRIPT, Accepted

EXAMPLE: dict[str, Any] = {
    "type": "dataset",
    "title_translated": {"ar": "الإنتاج الشهري من النفط", "fr": "Production mensuelle de pétrole", "en": "Monthly oil production"},
    "notes_translated": {"ar": "بيانات اصطناعية", "fr": "Données synthétiques", "en": "Synthetic data"},
    "tags_translated": {"ar": ["نفط", "إنتاج"], "fr": ["pétrole", "production"], "en": ["oil"]},
    "theme": ["ENER", "ECON"],
    "governorates": ["TN-61", "TN-83"],
    "spatial_text": "خليج قابس",
    "spatial": '{"type":"Point","coordinates":[10.16,36.84]}',
    "temporal_coverage": [{"start": "2010-01", "end": "2016-12"}, {"start": "2018"}],
    "temporal_text": "الموسم الفلاحي 2015/2016",
    "frequency": "MONTHLY",
    "language": ["FRA"],
    "license_id": "CC_BY_4_0",
    "access_rights": "PUBLIC",
    "contact": [
        {"name_translated": {"ar": "خلية البيانات", "fr": "Cellule des données"}, "email": "data@example.tn", "url": "https://example.tn/c"}
    ],
    "publisher": [
        {
            "name_translated": {"fr": "Observatoire"},
            "type": "NationalAuthority",
            "url": "https://example.tn",
            "uri": "https://example.tn/id",
            "identifier": "1A",
        }
    ],
    "creator": [{"name_translated": {"fr": "Direction"}}],
    "provenance": {"fr": "Déclarations des opérateurs"},
    "identifier": "DGE-1",
    "version": "2.1",
    "version_notes": {"en": "Corrected"},
    "conforms_to": ["https://example.tn/norme"],
    "hvd_category": ["statistics"],
    "documentation": ["https://example.tn/guide"],
    "url": "https://example.tn/page",
    "issued": "2016-11-04",
    "modified": "2016-12-31",
    "source_portal": "catalog.example.tn",
    "source_url": "https://catalog.example.tn/dataset/x",
    "source_identifier": "x",
    "source_modified": "2025-03-11",
    "source_publisher": "Direction générale",
    "source_licence": "otl",
    "resources": [
        {
            "url": "https://example.tn/a.csv",
            "name_translated": {"ar": "جدول", "fr": "Tableau"},
            "description_translated": {"fr": "Une ligne par champ"},
            "format": "CSV",
            "mimetype": "text/csv",
            "license": "OTL",
            "language": ["ARA", "FRA"],
            "temporal_start": "2010",
            "temporal_end": "2016-12-31",
            "data_dictionary": "https://example.tn/d",
            "conforms_to": ["https://example.tn/n"],
            "status": "COMPLETED",
            "availability": "STABLE",
            "size": 2048,
            "hash": "9f86d081884c7d659a2feaa0c55ad015",
            "hash_algorithm": "MD5",
            "issued": "2016",
            "modified": "2016-12",
        }
    ],
}


@pytest.fixture
def example(clean_db: None, steward: dict[str, Any], agency_factory: Any) -> tuple[dict[str, Any], str]:
    """The example in an agency of the steward's, and the steward's name."""
    agency = agency_factory(editors=[steward["name"]])
    # Without its source: a harvested record owes its title in one language only.
    record = {name: value for name, value in EXAMPLE.items() if not name.startswith("source_")}
    return {**record, "owner_org": agency["id"]}, steward["name"]


def same(sent: Any, got: Any) -> None:
    """Every field that was sent came back as it was; the answer may hold more."""
    if isinstance(sent, dict) and isinstance(got, dict):
        for name, value in sent.items():
            assert name in got, name
            same(value, got[name])
    elif isinstance(sent, list) and sent and isinstance(sent[0], dict):
        assert len(sent) == len(got)
        for one, other in zip(sent, got, strict=True):
            same(one, other)
    else:
        assert sent == got


def test_every_field_of_the_schema_is_in_the_example(clean_db: None) -> None:
    schema = call_action("scheming_dataset_schema_show", type="dataset")
    assert {f["field_name"] for f in schema["dataset_fields"]} - set(EXAMPLE) == {"name", "owner_org"}
    assert {f["field_name"] for f in schema["resource_fields"]} == set(EXAMPLE["resources"][0])
    for field in schema["dataset_fields"]:
        for sub in field.get("repeating_subfields", ()):
            assert any(sub["field_name"] in row for row in (*EXAMPLE[field["field_name"]], *EXAMPLE["publisher"])), sub["field_name"]


def test_the_example_comes_back_whole_and_survives_an_update(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    record = {**EXAMPLE, "owner_org": record["owner_org"]}
    created = tk.get_action("package_create")({"user": user}, dict(record))
    same(record, created)
    shown = tk.get_action("package_show")({"user": user}, {"id": created["id"]})
    same(record, shown)
    updated = tk.get_action("package_update")({"user": user}, {**shown, "version": "2.2"})
    same({**record, "version": "2.2"}, updated)
    patched = tk.get_action("package_patch")({"user": user}, {"id": created["id"], "identifier": "DGE-2"})
    same({**record, "version": "2.2", "identifier": "DGE-2"}, patched)


def test_what_ckan_itself_shows_is_filled(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    created = tk.get_action("package_create")({"user": user}, record)
    assert created["title"] == "الإنتاج الشهري من النفط"
    assert created["notes"] == "بيانات اصطناعية"
    assert created["name"] == "production-mensuelle-de-petrole"
    assert created["resources"][0]["name"] == "جدول"
    assert {tag["name"] for tag in created["tags"]} == {"نفط", "إنتاج", "pétrole", "production", "oil"}
    assert created["license_title"]


def test_bad_input(example: tuple[dict[str, Any], str], app: Any) -> None:
    assert bad_input.refused("dataset", bad_input.COMMON, *example, app) == []


def test_what_looks_wrong_and_is_not(example: tuple[dict[str, Any], str]) -> None:
    cases = [
        Accepted({"temporal_coverage": [{"start": "٢٠١٠", "end": "٣١/١٢/٢٠١٦"}]}, ("temporal_coverage", 0, "end"), "2016-12-31"),
        Accepted({"issued": "۲۰۱۶-۰۱-۰۲"}, ("issued",), "2016-01-02"),
        Accepted({"title_translated": {"ar": "عنوان", "fr": "", "en": "  "}}, ("title_translated",), {"ar": "عنوان"}),
        Accepted({"governorates": ["صفاقس", "Beja"]}, ("governorates",), ["TN-61", "TN-31"]),
        Accepted(
            {"spatial": '{"type": "Point", "coordinates": [2.35, 48.85]}'}, ("spatial",), '{"type":"Point","coordinates":[2.35,48.85]}'
        ),
        *bad_input.script_everywhere("dataset"),
    ]
    assert bad_input.accepted("accepted", cases, *example) == []


def test_script_is_text(example: tuple[dict[str, Any], str], app: Any) -> None:
    record, user = example
    both = {"ar": SCRIPT, "fr": SCRIPT}
    sent = {**record, "title_translated": both, "notes_translated": both, "provenance": both, "identifier": SCRIPT, "spatial_text": SCRIPT}
    created = tk.get_action("package_create")({"user": user}, sent)
    assert created["title_translated"] == both
    assert created["name"] == "script-alert-1-script"
    page = app.get(f"/dataset/{created['name']}").get_data(as_text=True)
    assert SCRIPT not in page
    assert "alert(1)" in page


def test_an_empty_language_is_absent(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {**record, "title_translated": {"ar": "عنوان", "fr": "", "en": "  "}, "provenance": {"fr": ""}}
    created = tk.get_action("package_create")({"user": user}, sent)
    assert created["title_translated"] == {"ar": "عنوان"}
    assert "provenance" not in created
    package = model.Package.get(created["id"])
    assert package
    assert "provenance" not in package.extras


def test_arabic_digits_are_written_as_western_ones(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {**record, "temporal_coverage": [{"start": "٢٠١٠", "end": "٣١/١٢/٢٠١٦"}], "issued": "۲۰۱۶-۰۱-۰۲"}
    created = tk.get_action("package_create")({"user": user}, sent)
    assert created["temporal_coverage"] == [{"start": "2010", "end": "2016-12-31"}]
    assert created["issued"] == "2016-01-02"


def test_a_code_may_be_sent_as_address_or_label(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {
        **record,
        "theme": ["http://publications.europa.eu/resource/authority/data-theme/ENER", "Économie et finances"],
        "governorates": ["صفاقس", "Beja"],
        "license_id": "otl-data.industrie.gov.tn",
        "frequency": "mensuelle",
    }
    created = tk.get_action("package_create")({"user": user}, sent)
    assert created["theme"] == ["ENER", "ECON"]
    assert created["governorates"] == ["TN-61", "TN-31"]
    assert (created["license_id"], created["frequency"]) == ("OTL", "MONTHLY")


def test_a_harvested_record_may_speak_one_language_and_say_nothing_more(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {"type": "dataset", "owner_org": record["owner_org"], "title_translated": {"fr": "Carte"}, "source_portal": "catalog.example.tn"}
    created = tk.get_action("package_create")({"user": user}, sent)
    assert created["title"] == "Carte"
    with pytest.raises(tk.ValidationError) as caught:
        tk.get_action("package_create")({"user": user}, {**sent, "title_translated": {}})
    assert "title_translated" in caught.value.error_dict


@pytest.mark.ckan_config("ogptn.default_language", "fr")
def test_the_main_language_is_a_setting(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {**record, "title_translated": {"fr": "Titre"}, "notes_translated": {"fr": "Texte"}}
    assert tk.get_action("package_create")({"user": user}, sent)["title"] == "Titre"


def test_a_client_that_knows_no_languages(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {
        "type": "dataset",
        "owner_org": record["owner_org"],
        "title": "عنوان",
        "notes": "نص",
        "resources": [{"url": "", "name": "Tableau"}],
    }
    created = tk.get_action("package_create")({"user": user}, sent)
    assert created["title_translated"] == {"ar": "عنوان"}
    assert created["notes_translated"] == {"ar": "نص"}
    assert created["resources"][0]["name_translated"] == {"fr": "Tableau"}


def test_the_form_of_languages_and_rows(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {
        "type": "dataset",
        "owner_org": record["owner_org"],
        "title_translated-ar": "عنوان",
        "title_translated-fr": "",
        "notes_translated-ar": "نص",
        "tags_translated-ar": "نفط، غاز, ملح",
        "temporal_coverage-000-start": "2016",
        "temporal_coverage-000-end": "",
        "temporal_coverage-001-start": "",
        "temporal_coverage-001-end": "",
        "temporal_coverage-002-start": "2018",
    }
    created = tk.get_action("package_create")({"user": user}, sent)
    assert created["title_translated"] == {"ar": "عنوان"}
    assert created["tags_translated"] == {"ar": ["نفط", "غاز", "ملح"]}
    assert created["temporal_coverage"] == [{"start": "2016"}, {"start": "2018"}]


def test_a_draft_may_be_incomplete_but_not_by_claiming_to_be_one(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {"type": "dataset", "owner_org": record["owner_org"], "name": "half-done", "state": "draft"}
    with pytest.raises(tk.ValidationError):
        tk.get_action("package_create")({"user": user}, dict(sent))
    created = tk.get_action("package_create")({"user": user, "allow_state_change": True}, dict(sent))
    assert created["state"] == "draft"
    with pytest.raises(tk.ValidationError) as caught:
        tk.get_action("package_update")({"user": user}, {**created, "state": "active"})
    assert "title_translated" in caught.value.error_dict


def test_a_geometry_outside_the_country_is_a_warning(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {**record, "spatial": {"type": "Point", "coordinates": [2.35, 48.85]}}
    created = tk.get_action("package_create")({"user": user}, sent)
    assert json.loads(created["spatial"])["coordinates"] == [2.35, 48.85]
    assert [warning["slug"] for warning in tk.h.ogptn_dataset_warnings(created)] == ["geojson-outside"]
    assert tk.h.ogptn_dataset_warnings({"spatial": EXAMPLE["spatial"]}) == []


def test_an_emptied_field_goes_away(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    created = tk.get_action("package_create")({"user": user}, record)
    emptied = {**created, "url": "", "version": "", "theme": [], "contact": [], "spatial": "", "license_id": ""}
    updated = tk.get_action("package_update")({"user": user}, emptied)
    assert not any(updated.get(name) for name in ("url", "version", "theme", "contact", "spatial", "license_id"))


def test_references_must_exist_and_be_visible(
    example: tuple[dict[str, Any], str], commitment_factory: Any, open_dataset_factory: Any
) -> None:
    record, user = example
    hidden = open_dataset_factory(private=True)
    base = dict(commitment_factory.stub(owner_org=record["owner_org"]).__dict__)
    for reference in ("no-such-record", hidden["id"]):
        with pytest.raises(tk.ValidationError) as caught:
            tk.get_action("package_create")({"user": user}, {**base, "related_datasets": [reference]})
        assert "related_datasets" in caught.value.error_dict
    public = open_dataset_factory()
    created = tk.get_action("package_create")({"user": user}, {**base, "related_datasets": [public["name"]]})
    assert created["related_datasets"] == [public["id"]]
