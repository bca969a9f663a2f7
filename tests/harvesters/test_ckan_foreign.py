"""Datasets of other national CKAN portals: their own fields, languages, formats and licences. No dataset is refused for one of them."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from ckanext.ogptn.harvesters.ckan import CkanBackend  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.seed.source_server import TrialSource, dataset  # pyright: ignore[reportMissingImports]
from tests.conftest import SourceServer

from .conftest import Reading, read

FORMATS = ["Shapefile ZIP", "Excel (.xlsx)", "", "whatever", "HTML; charset=utf-8", None, "WMS", "text/csv", "data"]
#: What differs from a plain dataset, in the shapes that portals have; the content is invented.
FOREIGN: dict[str, dict[str, Any]] = {
    "four languages": {
        "title": {"de": "Wasser", "fr": "Eau", "it": "Acqua", "en": ""},
        "notes": {"de": "<p>Text</p>", "fr": "<p>Texte</p>", "it": "", "en": ""},
        "keywords": {"de": ["wasser"], "fr": ["eau"], "it": []},
        "groups": [{"name": "envi", "title": {"de": "Umwelt", "fr": "Environnement"}, "display_name": {"fr": "Environnement"}}],
        "organization": {"name": "o", "title": {"fr": "Office", "de": "Amt"}},
        "resources": [
            {"id": "r", "url": "https://a.example/x", "name": {"fr": "Fichier", "de": "Datei"}, "format": "CSV", "language": ["fr", "de"]}
        ],
    },
    "fluent": {
        "title_translated": {"en": "Water", "fr": "Eau"}, "notes_translated": {"en": "Text", "fr": "Texte"},
        "keywords": {"en": ["water"], "fr": ["eau"]}, "frequency": "P1Y", "subject": ["nature_and_environment"],
    },
    "formats": {
        "resources": [
            {"id": str(place), "url": f"https://a.example/{place}", "format": text, "mimetype": "not a type", "size": "12 KB", "hash": "x"}
            for place, text in enumerate(FORMATS)
        ]
    },
    "licence": {"license_id": "https://example.org/terms", "license_title": "Our own terms", "license_url": "https://example.org/terms"},
    "spatial": {"extras": [{"key": "spatial", "value": '{"type": "Point", "coordinates": [9.8, 37.2]}'},
                           {"key": "temporal_start", "value": "1st of May"}, {"key": "frequency", "value": "asNeeded"},
                           {"key": "guid", "value": "x" * 50_000}, {"key": "title_translated", "value": "x"}]},
    "nothing": dict.fromkeys(("title", "notes", "license_id", "organization", "tags", "extras", "resources", "groups")),
    "wrong kinds": {"title": 3, "notes": ["a"], "tags": "a,b", "extras": "x", "resources": "y", "groups": 4, "organization": "o", "url": 5},
    "person": {"maintainer": "Jane Doe", "maintainer_email": "jane@example.org", "author": "John Doe",
               "extras": [{"key": "contact_name", "value": "Data office"}, {"key": "contact_email", "value": "data@example.org"}]},
    "long": {"title": "t" * 2_000, "notes": "n" * 200_000, "url": "https://a.example/" + "x" * 5_000, "version": "v" * 500},
}  # fmt: skip


@pytest.fixture
def reading() -> Reading:
    with TrialSource(0) as source:
        source.datasets = [dataset(number) | change | {"name": f"etranger-{number}"} for number, change in enumerate(FOREIGN.values())]
        return read(CkanBackend, source.url, options={"changes_only": False})


def of(reading: Reading, name: str) -> dict[str, Any]:
    return list(reading.datasets.values())[list(FOREIGN).index(name)]


def test_the_portal_takes_every_one(reading: Reading, accepted: Any) -> None:
    assert len(reading.datasets) == len(FOREIGN)
    for made in reading.datasets.values():
        assert accepted(made, made["name"])["title"]


def test_languages(reading: Reading) -> None:
    for name in ("four languages", "fluent"):
        assert of(reading, name)["title_translated"]["fr"] == "Eau"
        assert of(reading, name)["notes_translated"]["fr"] == "Texte"
        assert "eau" in of(reading, name)["tags_translated"]["fr"]
    swiss = of(reading, "four languages")
    assert (swiss["theme"], swiss["source_publisher"]) == (["ENVI"], "Office")
    assert (swiss["resources"][0]["name_translated"], swiss["resources"][0]["language"]) == ({"fr": "Fichier"}, ["FRA", "DEU"])


def test_formats(reading: Reading) -> None:
    found = [resource.get("format") for resource in of(reading, "formats")["resources"]]
    assert found == ["SHP", "XLSX", None, None, "HTML", None, "WMS_SRVC", "CSV", "OCTET"]
    assert of(reading, "formats")["resources"][3]["description_translated"] == {"fr": "whatever"}


def test_the_rest(reading: Reading) -> None:
    assert "license_id" not in of(reading, "licence")
    assert of(reading, "licence")["source_licence"].startswith("https://example.org/terms")
    assert of(reading, "spatial")["frequency"] == "IRREG"
    assert of(reading, "spatial")["temporal_text"] == "1st of May"
    person = of(reading, "person")
    assert "Doe" not in str(person), "persons are not published"
    assert person["contact"] == [{"name_translated": {"fr": "Data office"}, "email": "data@example.org"}]


def test_the_administrators_licence_is_for_records_that_name_none() -> None:
    with TrialSource(0) as source:
        changes = ({"license_id": None, "license_title": None}, FOREIGN["licence"], {"license_id": "cc-by"})
        source.datasets = [dataset(number) | {"license_url": None} | change for number, change in enumerate(changes)]
        found = read(CkanBackend, source.url, options={"changes_only": False, "default_licence": "LNDPO-TN"}).datasets.values()
    unnamed, unknown, known = ((made.get("license_id"), "source_licence" in made) for made in found)
    assert unnamed == ("LNDPO-TN", False)
    assert unknown == (None, True), "what the source says is not replaced"
    assert known[0] not in (None, "LNDPO-TN")


def one(**change: Any) -> tuple[dict[str, Any], Reading]:
    """A plain dataset with these changes, read."""
    with TrialSource(0) as source:
        source.datasets = [dataset(1) | {"extras": [], "groups": [], "organization": None} | change]
        found = read(CkanBackend, source.url, options={"changes_only": False}, language="en")
    return found.only(), found


def test_dkan(http_server: SourceServer, accepted: Any) -> None:
    """DKAN speaks CKAN's API: ``package_show`` answers with a list, "private" datasets are public, groups publish, dates are Drupal's."""
    shown = {
        "id": "17", "name": "arrets", "title": "Arrêts", "notes": "<p>Lignes</p>\n", "state": "Active", "private": True, "type": "Dataset",
        "license_title": "cc-by", "metadata_modified": "jeu, 19/12/2019 - 03:00", "tags": [{"name": "bus"}],
        "groups": [{"name": "group/regie", "title": "Régie des bus"}],
        "resources": [{"id": "1", "url": "https://bus.example/a.xlsx", "format": "xlsx", "state": "Active", "size": "42 octets",
                       "created": "jeu, 19/12/2019 - 03:00", "last_modified": "Date changed  ven, 20/12/2019 - 03:00"}],
        "extras": [{"key": "frequency-of-update", "value": "asNeeded"}, {"key": "access_constraints", "value": "[]"},
                   {"key": "contact-email", "value": "sig@bus.example"},
                   {"key": "responsible-party", "value": html.escape('[{"name": "Régie", "roles": ["pointOfContact"]}]')},
                   {"key": "dataset-reference-date", "value": html.escape('[{"type": "revision", "value": "2019-10-01"}]')},
                   *({"key": f"bbox-{side}", "value": value} for side, value in
                     (("west-long", "9"), ("south-lat", "36"), ("east-long", "10"), ("north-lat", "37")))],
    }  # fmt: skip
    http_server.says("/api/3/action/package_list", json.dumps({"success": True, "result": ["arrets"]}))
    http_server.says("/api/3/action/package_show", json.dumps({"success": True, "result": [shown]}))
    reading = read(CkanBackend, http_server.url, options={"changes_only": False})
    found = reading.only()
    assert (found["source_publisher"], found["frequency"], found["modified"]) == ("Régie des bus", "IRREG", "2019-10-01")
    assert found["contact"] == [{"name_translated": {"fr": "Régie"}, "email": "sig@bus.example"}]
    assert json.loads(found["spatial"])["type"] == "Polygon"
    file = found["resources"][0]
    assert (file["size"], file["issued"], file["modified"]) == (42, "2019-12-19", "2019-12-20")
    assert (reading.slugs(), reading.cursor.reasons) == ([], [])
    assert "extras" not in found
    accepted(found, "arrets")


def test_what_is_no_public_dataset_is_passed_over(http_server: SourceServer) -> None:
    with TrialSource(0) as source:
        changes = (
            {},
            {"private": True},
            {"state": "deleted"},
            {"state": "draft"},
            {"type": "harvest"},
            {"type": "showcase"},
            {"type": "map"},
        )
        source.datasets = [dataset(number) | change for number, change in enumerate(changes)]
        searched = read(CkanBackend, source.url, options={"changes_only": False})
        assert (len(searched.order), searched.cursor.expected, searched.cursor.reasons) == (2, 2, [])
        source.action_api = False
        listed = read(CkanBackend, source.url, options={"changes_only": False})
        assert (listed.order, listed.cursor.expected) == (searched.order, 2)
        asked_for = read(CkanBackend, source.url, options={"changes_only": False, "types": ["showcase", "map"]})
        assert len(asked_for.order) == 2


def test_fields_of_a_schema_of_ckanext_dcat(accepted: Any) -> None:
    found, reading = one(
        title_translated={"en": "Wells", "de": "Brunnen"},
        theme=["http://publications.europa.eu/resource/authority/data-theme/ENVI"],
        language=["http://publications.europa.eu/resource/authority/language/ENG"],
        frequency="http://publications.europa.eu/resource/authority/frequency/ANNUAL",
        access_rights="http://publications.europa.eu/resource/authority/access-right/PUBLIC",
        publisher=[{"name": "Water Office", "url": "https://water.example/", "uri": "", "type": ""}],
        contact=[{"name": "Desk", "email": "desk@water.example", "uri": ""}],
        temporal_coverage=[{"start": "2001", "end": "2002-06"}, {"start": "2010-01-01", "end": "9999-12-31"}],
        spatial_coverage=[{"uri": "", "text": "Zaghouan", "geom": "", "bbox": "POLYGON ((10 36, 11 36, 11 37, 10 37, 10 36))"}],
        conforms_to=["https://water.example/standard", "by hand"],
        documentation=["https://water.example/about"],
        creator=[{"name": "Jane Doe", "email": "jane@water.example"}],
        doi="10.1/wells",
        methodology="Measured",
        stations=["Oued", "Djebel"],
        maintainer="Jane Doe",
        funding='[{"institution": "x"}]',
        data_quality=[{"score": 1}],
    )
    assert (found["title_translated"], found["theme"], found["language"]) == ({"en": "Wells"}, ["ENVI"], ["ENG"])
    assert (found["frequency"], found["access_rights"]) == ("ANNUAL", "PUBLIC")
    assert found["publisher"] == [{"name_translated": {"en": "Water Office"}, "url": "https://water.example/"}]
    assert found["contact"] == [{"name_translated": {"en": "Desk"}, "email": "desk@water.example"}]
    assert found["temporal_coverage"] == [{"start": "2001", "end": "2002-06"}, {"start": "2010-01-01"}]
    assert (found["governorates"], json.loads(found["spatial"])["type"]) == (["TN-22"], "Polygon")
    assert (found["conforms_to"], found["documentation"]) == (["https://water.example/standard"], ["https://water.example/about"])
    # Its own fields are kept as they are read, without persons.
    assert {extra["key"]: extra["value"] for extra in found["extras"]} == {
        "doi": "10.1/wells",
        "methodology": "Measured",
        "stations": "Oued, Djebel",
        "funding": "institution: x",
        "data_quality": "score: 1",
        "original_conforms_to": "by hand",
    }
    assert "Doe" not in str(found)
    assert {"key": "methodology", "value": "Measured"} in accepted(found, "wells")["extras"]
    assert "unknown-theme" not in reading.slugs()


def test_the_humanitarian_data_exchange_and_canada() -> None:
    found, reading = one(
        data_update_frequency="30",
        dataset_date="[2015-01-01T00:00:00 TO *]",
        subject=["nature_and_environment"],
        date_published="2016-05-01 00:00:00",
        resources=[{"id": "a", "url": "", "download_url": "https://a.example/a.csv", "title": {"en": "A"}, "last_modified": "None"}],
    )
    assert (found["frequency"], found["theme"], found["issued"]) == ("MONTHLY", ["ENVI"], "2016-05-01")
    assert found["temporal_coverage"] == [{"start": "2015-01-01"}]
    assert (found["resources"][0]["url"], found["resources"][0]["name_translated"]) == ("https://a.example/a.csv", {"en": "A"})
    assert "unreadable-date" not in reading.slugs()


def extras_of(found: dict[str, Any]) -> dict[str, str]:
    return {extra["key"]: extra["value"] for extra in found["extras"]}


def test_nothing_is_lost_that_a_source_says(accepted: Any) -> None:
    found, reading = one(
        title="{Projet} Eau",
        access_rights="on request, at the office",
        documentation=["https://water.example/about", "Annual report, page 3"],
        conforms_to="INSPIRE",
        hvd_category=["http://data.europa.eu/bna/c_ac64a52d", "own category"],
        version_notes="Second edition",
        currency="TND",
        org_title_at_publication={"en": "Water Office", "fr": "Office de l'eau"},
        relations=[{"label": "Law 2016-22", "url": "https://law.example/22"}, {"label": "Decree", "url": ""}],
        stations=12,
        priority_list=True,
        steward=[{"name": "Jane Doe", "email": "jane@water.example"}],
        extras=[
            {"key": "unit", "value": "thousand m3"},
            {"key": "title_es", "value": "Agua"},
            {"key": "title_long", "value": "Water in all its states"},
            {"key": "notes_fr", "value": "Relevés"},
        ],
        notes="",
        resources=[
            {
                "id": "a", "url": "https://a.example/a.csv", "name": "A", "access_url": "https://a.example/page", "rights": "Ask first",
                "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "hash_algorithm": "SHA256",
                "license_id": "cc-by",
                "license_title": "Creative Commons Attribution", "status": "http://purl.org/adms/status/Completed",
                "availability": "http://publications.europa.eu/resource/authority/planned-availability/STABLE",
                "temporal_start": "2015", "temporal_end": "2016-12-31", "conforms_to": "https://a.example/schema", "documentation": [],
            }
        ],
    )  # fmt: skip
    assert found["title_translated"] == {"en": "{Projet} Eau"}
    assert found["notes_translated"] == {"fr": "Relevés"}
    assert (found["documentation"], found["version_notes"]) == (["https://water.example/about"], {"en": "Second edition"})
    assert found["hvd_category"] == ["geospatial"]
    extras = extras_of(found)
    assert extras["original_access_rights"] == "on request, at the office"
    assert (extras["original_documentation"], extras["original_conforms_to"]) == ("Annual report, page 3", "INSPIRE")
    assert (extras["original_currency"], extras["original_unit"]) == ("TND", "thousand m3")
    assert extras["original_hvd_category"] == "own category"
    assert extras["org_title_at_publication"] == "Water Office / Office de l'eau"
    assert extras["relations"] == "label: Law 2016-22, url: https://law.example/22; label: Decree"
    assert (extras["stations"], extras["priority_list"], extras["title_long"]) == ("12", "true", "Water in all its states")
    assert "Doe" not in str(found)
    assert "steward" not in extras
    (file,) = found["resources"]
    assert (file["license"], file["status"], file["availability"]) == ("CC_BY_4_0", "COMPLETED", "STABLE")
    assert (file["temporal_start"], file["temporal_end"], file["conforms_to"]) == ("2015", "2016-12-31", ["https://a.example/schema"])
    assert file["hash"].startswith("9f86d0")
    assert "https://a.example/page" in file["description_translated"]["en"]
    assert "Ask first" in file["description_translated"]["en"]
    shown = accepted(found, "water")
    assert {"key": "original_unit", "value": "thousand m3"} in shown["extras"]
    assert "left-out" not in reading.slugs()


def test_a_title_in_another_language_only() -> None:
    found, _reading = one(title="", extras=[{"key": "title_es", "value": "Agua"}])
    assert found["title_translated"] == {"en": "Agua"}


def test_what_a_site_counts_and_checks_is_no_change() -> None:
    """Portals write visits, downloads and their link checker's findings into the datasets: each week all would be written again."""
    file = {"id": "r", "url": "https://a.example/x.csv"}
    organization = {"name": "o", "title": "Office", "id": "o1"}
    _found, before = one(organization=organization, groups=[{"name": "g", "title": "G"}], resources=[file])
    _found, after = one(
        organization={**organization, "description": "New words", "image_url": "logo-2.png"},
        groups=[{"name": "g", "title": "G", "package_count": 12}],
        archiver={"status": "ok", "updated": "2026-11-01"},
        qa="{'openness_score': 3}",
        total_res_downloads=17,
        resources=[
            {**file, "qa": {"updated": "2026"}, "archiver": {"status": 1}, "cache_last_updated": "2026", "task_created": "2026-11-01"}
        ],
    )
    assert before.hashes == after.hashes
    _found, renamed = one(organization={**organization, "title": "Office of water"}, groups=[{"name": "g", "title": "G"}], resources=[file])
    assert before.hashes != renamed.hashes


def test_hong_kong_and_the_united_kingdom() -> None:
    found, _reading = one(
        harvest_source_title="data.gov.au",
        extras=[{"key": "harvest_url", "value": "http://data.example/1"}, {"key": "harvest_object_id", "value": "5e9d"}],
        resources=[
            {
                "id": "a", "url": "https://a.example/a.csv", "name": "A", "schema": "https://a.example/schema.txt", "inLanguage": "en",
                "temporal_from": "24/06/2026", "temporal_to": "25/06/2026", "datePublished": "2019-06-26", "created": "2025-06-24T16:32:01",
                "license": "cc-by", "rights": "cc-by",
            }
        ],
    )  # fmt: skip
    assert extras_of(found) == {"harvest_source_title": "data.gov.au", "harvest_url": "http://data.example/1"}
    (file,) = found["resources"]
    assert (file["data_dictionary"], file["language"], file["issued"]) == ("https://a.example/schema.txt", ["ENG"], "2019-06-26")
    assert (file["temporal_start"], file["temporal_end"]) == ("2026-06-24", "2026-06-25")
    assert "description_translated" not in file
