"""Datasets of other national CKAN portals: their own fields, languages, formats and licences. No dataset is refused for one of them."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ogptn.harvesters.ckan import CkanBackend  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.seed.source_server import TrialSource, dataset  # pyright: ignore[reportMissingImports]

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
