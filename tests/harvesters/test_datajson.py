"""data.json as portals really write it."""

from __future__ import annotations

import copy
import json
import tracemalloc
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from ckanext.ogptn.harvesters import datajson  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.datajson import DataJsonBackend
from ckanext.ogptn.harvesters.engine.problems import SourceError
from tests.conftest import SourceServer

from .conftest import read

#: In the shape of the DCAT-US 1.1 examples; the content is invented.
WIDGETS: dict[str, Any] = {
    "@type": "dcat:Dataset",
    "accessLevel": "public",
    "accrualPeriodicity": "R/P1M",
    "bureauCode": ["018:10"],
    "contactPoint": {"@type": "vcard:Contact", "fn": "Data office", "hasEmail": "mailto:data@agency.example"},
    "description": "<p>Sea level, <b>hourly</b>.</p>\r\n<script>alert(1)</script>",
    "distribution": [
        {
            "@type": "dcat:Distribution",
            "downloadURL": "https://a.example/levels.csv",
            "format": "CSV",
            "mediaType": "text/csv",
            "title": "Levels",
        },
        {"@type": "dcat:Distribution", "accessURL": "https://a.example/api", "format": "API"},
        {"@type": "dcat:Distribution", "downloadURL": "levels on request", "mediaType": "application/octet-stream"},
    ],
    "identifier": "https://a.example/id/levels",
    "issued": "2015-01-02T00:00:00.000Z",
    "keyword": ["sea", "level", "a,b", ""],
    "landingPage": "https://a.example/levels",
    "language": ["en-US"],
    "license": "http://opendatacommons.org/licenses/odbl/1.0/",
    "modified": "R/P1D",
    "programCode": ["018:001"],
    "publisher": {"@type": "org:Organization", "name": "Sea Office", "subOrganizationOf": {"name": "Ministry"}},
    "spatial": "7.5,30.2,11.6,37.6",
    "temporal": "2000-01-15T00:45:00Z/2010-01-15T00:06:00Z",
    "theme": ["Geospatial", "oceans", "Own Subject"],
    "title": "Sea &amp; level",
}


def catalogue(*datasets: Any) -> str:
    return json.dumps({"@type": "dcat:Catalog", "conformsTo": "https://project-open-data.cio.gov/v1.1/schema", "dataset": list(datasets)})


def test_a_whole_record(http_server: SourceServer, accepted: Any) -> None:
    reading = read(DataJsonBackend, http_server.says("/data.json", catalogue(WIDGETS)), language="en")
    dataset = reading.only()
    assert dataset["title_translated"] == {"en": "Sea & level"}
    assert dataset["notes_translated"] == {"en": "Sea level, **hourly**."}
    assert dataset["tags_translated"] == {"en": ["sea", "level", "a", "b", "Own Subject"]}
    assert dataset["theme"] == ["REGI", "ENVI"]
    assert (dataset["license_id"], dataset["access_rights"], dataset["frequency"]) == ("ODC_BL", "PUBLIC", "MONTHLY")
    assert dataset["temporal_coverage"] == [{"start": "2000-01-15", "end": "2010-01-15"}]
    assert dataset["spatial"].startswith('{"type":"Polygon"')
    assert dataset["contact"] == [{"name_translated": {"en": "Data office"}, "email": "data@agency.example"}]
    assert dataset["publisher"][0]["name_translated"] == {"en": "Sea Office"}
    assert [resource.get("format") for resource in dataset["resources"]] == ["CSV", "REST", "OCTET"]
    assert dataset["resources"][2]["description_translated"] == {"en": "levels on request"}
    assert reading.slugs() == ["unusable-address"]
    shown = accepted(dataset, "sea-level")
    assert shown["title"] == "Sea & level"
    assert len(shown["resources"]) == 3


ODD: dict[str, dict[str, Any]] = {
    "nulls": dict.fromkeys(WIDGETS) | {"identifier": "nulls"},
    "numbers": dict.fromkeys(WIDGETS, 3.5) | {"identifier": 17},
    "lists": {key: [value, value] for key, value in WIDGETS.items()} | {"identifier": ["lists"]},
    "objects": {key: {"a": {"b": value}} for key, value in WIDGETS.items()} | {"identifier": "objects"},
    "nothing": {"identifier": "nothing"},
    "script": dict.fromkeys(WIDGETS, "<script>alert(1)</script>\x00\u202e") | {"identifier": "script"},
    "long": dict.fromkeys(("title", "description", "license", "landingPage", "spatial", "temporal"), "x" * 200_000)
    | {"identifier": "long"},
    "by language": {"identifier": "by language", "title": {"ar": "مستوى البحر", "fr": "Niveau", "de": "Pegel"}, "keyword": "mer, niveau"},
    "reversed": {"identifier": "reversed", "title": "r", "temporal": "2025-02-25/2025-02-24", "issued": "2014-02-30"},
    "first version": {
        "identifier": "first version",
        "title": "v1",
        "accessURL": "http://a.example/f.xls",
        "format": "application/vnd.ms-excel",
    },
    "esri": {"identifier": "esri", "title": "e", "spatial": {"type": "envelope", "coordinates": [[7.5, 37.6], [11.6, 30.2]]}},
}


def test_no_record_is_lost_for_an_odd_field(http_server: SourceServer, accepted: Any) -> None:
    reading = read(DataJsonBackend, http_server.says("/data.json", catalogue(*ODD.values(), "no dataset", None, 7, [])))
    assert set(reading.datasets) == {
        str(record["identifier"] if not isinstance(record["identifier"], list) else "lists") for record in ODD.values()
    }
    assert reading.slugs().count("unreadable-record") == 4
    for number, dataset in enumerate(reading.datasets.values()):
        shown = accepted(dataset, f"odd-{number}")
        assert shown["title"]
        assert "<script" not in json.dumps(shown)
    assert reading.datasets["by language"]["title_translated"] == {"ar": "مستوى البحر", "fr": "Niveau"}
    assert reading.datasets["reversed"]["temporal_text"] == "2025-02-25/2025-02-24"
    assert reading.datasets["first version"]["resources"] == [
        {"url": "http://a.example/f.xls", "format": "XLS", "mimetype": "application/vnd.ms-excel"}
    ]
    assert "spatial" in reading.datasets["esri"]


def test_ten_days_later(http_server: SourceServer) -> None:
    """The same portal's file at two dates: key order, keyword order and space differ; one dataset changed, one came, one went."""
    before = [copy.deepcopy(WIDGETS) | {"identifier": f"id-{number}", "title": f"Level {number}"} for number in range(5)]
    first = read(DataJsonBackend, http_server.says("/data.json", catalogue(*before)))
    after = [dict(reversed(list(record.items()))) | {"keyword": record["keyword"][::-1]} for record in before[1:]]
    after[0] = after[0] | {"description": "New words."}
    new = copy.deepcopy(WIDGETS) | {"identifier": "id-9"}
    http_server.says("/data.json", json.dumps({"dataset": [new, *after]}, indent=3))
    second = read(DataJsonBackend, http_server.url + "/data.json")
    same = {guid for guid, digest in second.hashes.items() if first.hashes.get(guid) == digest}
    assert same == {"id-2", "id-3", "id-4"}
    assert set(first.hashes) - set(second.hashes) == {"id-0"}
    assert set(second.hashes) - set(first.hashes) == {"id-9"}


def test_unchanged_file(http_server: SourceServer) -> None:
    url = http_server.says("/data.json", catalogue(WIDGETS), ETag='"5"')
    first = read(DataJsonBackend, url)
    assert first.cursor.state == {"document": {"etag": '"5"', "last_modified": ""}}
    http_server.says("/data.json", "", 304)
    second = read(DataJsonBackend, url, state=first.cursor.state)
    assert second.cursor.unchanged_all
    assert not second.records


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (catalogue(WIDGETS)[:-40], "truncated"), ("", "truncated"), ("{", "truncated"), ("<html><title>Oops</title>", "unexpected-content"),
        ('{"result": []}', "unexpected-content"), ('{"dataset": {}}', "unexpected-content"), ("not json", "truncated"),
        ('{"dataset": [' + "[" * 100_000, "truncated"),
    ],
    ids=["broken off", "empty", "only a brace", "web page", "another JSON", "no list", "no JSON", "deep"],
)  # fmt: skip
def test_what_is_no_data_json(http_server: SourceServer, body: str, slug: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(DataJsonBackend, http_server.says("/data.json", body))
    assert caught.value.slug in (slug, "unexpected-content")


def test_an_empty_catalogue_is_one(http_server: SourceServer) -> None:
    assert read(DataJsonBackend, http_server.says("/data.json", '\ufeff {"dataset": []}')).order == []


def test_records_without_identifier(http_server: SourceServer) -> None:
    without = [{"title": "One", "landingPage": "https://a.example/1"}, {"title": "Two"}, {"description": "neither"}]
    reading = read(DataJsonBackend, http_server.says("/data.json", catalogue(*without)))
    assert reading.order[:2] == ["https://a.example/1", "title:two"]
    assert reading.order[2].startswith("content:")
    assert "missing-identifier" in reading.slugs()


def test_what_nobody_may_have_is_left_out(http_server: SourceServer) -> None:
    secret = WIDGETS | {"accessLevel": "non-public"}
    url = http_server.says("/data.json", catalogue(secret))
    assert not read(DataJsonBackend, url).records
    assert read(DataJsonBackend, url, options={"non_public": True}).only()["access_rights"] == "NON_PUBLIC"


def test_contacts_can_be_left_out(http_server: SourceServer) -> None:
    assert "contact" not in read(DataJsonBackend, http_server.says("/d", catalogue(WIDGETS)), options={"keep_contacts": False}).only()


def test_a_large_file_needs_little_memory(http_server: SourceServer) -> None:
    one = json.dumps(WIDGETS).encode()

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b'{"dataset": [')
        for number in range(2_000):
            handler.wfile.write((b"," if number else b"") + one.replace(b"id/levels", b"id/%d" % number))
        handler.wfile.write(b"]}")
        handler.close_connection = True

    url = http_server.says("/data.json", write)
    from ckanext.ogptn.harvesters.engine.base import Cursor, HttpSettings, SourceInfo
    from ckanext.ogptn.harvesters.engine.http import Client

    backend = DataJsonBackend(SourceInfo(id="s", url=url), DataJsonBackend.Options())
    with Client(HttpSettings(allowed_hosts=("127.0.0.1",))) as http:
        tracemalloc.start()
        count = sum(1 for _record in backend.records(http, Cursor()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 2_000
    assert peak < 5_000_000, "3 MB of JSON, most of it never in memory at once"


def test_what_is_refused_is_not_gone(http_server: SourceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    url = http_server.says("/data.json", catalogue({"identifier": "a", "title": "A"}, {"identifier": "b", "title": "B" * 500}))
    monkeypatch.setattr(datajson, "_LARGEST", 300)
    reading = read(DataJsonBackend, url)
    assert reading.order == ["a"]
    assert reading.cursor.present_guids == ["b"]
    assert reading.cursor.reasons == []


def test_after_an_entry_that_is_no_record_nothing_counts_as_gone(http_server: SourceServer) -> None:
    url = http_server.says("/data.json", catalogue({"identifier": "a", "title": "A"}, None, 7))
    reading = read(DataJsonBackend, url)
    assert reading.order == ["a"]
    assert reading.cursor.reasons == ["unreadable-record"]


def test_themes_languages_and_addresses_of_the_argentine_profile(http_server: SourceServer, accepted: Any) -> None:
    dataset = {
        "title": "Precios al consumidor",
        "description": "Datos sintéticos",
        "identifier": "precios",
        "superTheme": ["ECON"],
        "theme": ["precios"],
        "language": ["eng"],
        "source": "Oficina de estadística",
        "contactPoint": {"fn": "Equipo", "hasEmail": "uno@datos.example; dos@datos.example , mailto:tres@datos.example"},
        "license": "No se especificó la licencia",
        "distribution": [{"title": "Serie", "downloadURL": "https://datos.example/serie.csv", "format": "CSV"}],
    }
    reading = read(DataJsonBackend, http_server.says("/data.json", catalogue(dataset)))
    found = reading.only()
    # A theme of its own beside one of ours asks nothing of anybody; a text without language is in the record's, not in the source's.
    assert (found["theme"], found["tags_translated"], reading.slugs()) == (["ECON"], {"en": ["precios"]}, [])
    assert found["title_translated"] == {"en": "Precios al consumidor"}
    assert [contact["email"] for contact in found["contact"]] == ["uno@datos.example", "dos@datos.example", "tres@datos.example"]
    assert {"key": "original_source", "value": "Oficina de estadística"} in found["extras"]
    assert found["license_id"] == "notspecified"
    assert len(accepted(found, "precios")["contact"]) == 3


#: In the shape of DCAT-US 3.0: things with labels in place of words; invented.
THINGS: dict[str, Any] = {
    "@type": "Dataset",
    "title": {"en": "Rainfall", "de": "Niederschlag"},
    "description": [{"@value": "Pluie", "@language": "fr"}, {"@value": "Rain", "@language": "en"}],
    "identifier": {"@type": "Identifier", "notation": "rain-3"},
    "accessRights": {"@type": "Concept", "prefLabel": "public"},
    "accrualPeriodicity": {"@type": "Concept", "@id": "http://publications.europa.eu/resource/authority/frequency/MONTHLY"},
    "theme": [{"@type": "Concept", "prefLabel": {"en": "Environment"}}],
    "keyword": ["rain"],
    "language": "en",
    "license": {"@id": "https://creativecommons.org/publicdomain/zero/1.0/"},
    "landingPage": {"@type": "Document", "@id": "https://rain.example/about"},
    "conformsTo": [{"@type": "Standard", "title": "Rain 1.0"}, {"@type": "Standard", "@id": "https://rain.example/standard"}],
    "temporal": [{"@type": "PeriodOfTime", "startDate": "2020", "endDate": "2021-06-30"}],
    "spatial": [{"@type": "Location", "prefLabel": "Tunis", "bbox": "POLYGON ((10 36, 11 36, 11 37, 10 37, 10 36))"}],
    "publisher": [{"@type": "Organization", "name": "Rain Office"}],
    "contactPoint": [{"@type": "Kind", "fn": "Desk", "hasEmail": ["mailto:desk@rain.example"]}],
    "distribution": [
        {
            "@type": "Distribution",
            "downloadURL": {"@id": "https://rain.example/rain.csv"},
            "format": {"@type": "MediaType", "prefLabel": "CSV"},
            "license": {"prefLabel": "CC0"},
        }
    ],
}


def test_things_in_place_of_words(http_server: SourceServer, accepted: Any) -> None:
    reading = read(DataJsonBackend, http_server.says("/data.json", catalogue(THINGS)))
    found = reading.only()
    assert reading.order == ["rain-3"]
    assert (found["title_translated"], found["notes_translated"]) == ({"en": "Rainfall"}, {"en": "Rain", "fr": "Pluie"})
    assert (found["theme"], found["frequency"], found["license_id"], found["access_rights"]) == (["ENVI"], "MONTHLY", "CC0", "PUBLIC")
    assert (found["url"], found["conforms_to"]) == ("https://rain.example/about", ["https://rain.example/standard"])
    assert found["temporal_coverage"] == [{"start": "2020", "end": "2021-06-30"}]
    assert (found["spatial_text"], json.loads(found["spatial"])["type"]) == ("Tunis", "Polygon")
    assert found["publisher"][0]["name_translated"] == {"en": "Rain Office"}
    assert found["contact"] == [{"name_translated": {"en": "Desk"}, "email": "desk@rain.example"}]
    assert (found["resources"][0]["url"], found["resources"][0]["format"]) == ("https://rain.example/rain.csv", "CSV")
    assert reading.slugs() == []
    accepted(found, "rain")


def test_series_and_catalogues_in_the_catalogue(http_server: SourceServer) -> None:
    def one(identifier: str, **more: Any) -> dict[str, Any]:
        return {"title": f"Report {identifier}", "identifier": identifier, "description": "x", **more}

    document = {
        "@type": "Catalog",
        "datasetSeries": [
            {
                "title": "Reports",
                "seriesMember": [one("2023"), one("2024"), {"@id": "https://a.example/2025"}, one("kept", accessRights="non-public")],
                "first": one("2023"),
            }
        ],
        "catalog": [{"title": "Inner", "dataset": [one("inner", distribution=[{"dataset": [one("no record of its own")]}])]}],
        "dataset": [one("2024"), one("2026")],
        "record": [{"dataset": [one("neither")]}],
    }
    reading = read(DataJsonBackend, http_server.says("/data.json", json.dumps(document)))
    assert sorted(reading.order) == ["2023", "2024", "2026", "inner"]
    only_series = {"datasetSeries": [], "title": "No datasets yet"}
    assert read(DataJsonBackend, http_server.says("/none.json", json.dumps(only_series))).order == []


def test_records_without_identifier_of_one_landing_page_are_several(http_server: SourceServer) -> None:
    page = {"landingPage": "https://a.example/"}
    records = [{"title": "Water", **page}, {"title": "Air", **page}, {"title": "Air", "description": "again", **page}]
    reading = read(DataJsonBackend, http_server.says("/data.json", catalogue(*records)))
    assert len(reading.records) == len(reading.order) == 3
    turned = read(DataJsonBackend, http_server.says("/data.json", catalogue(*records[::-1])))
    assert turned.hashes == reading.hashes
    # Once it has a page of its own it is told by that, and is the same one.
    moved = read(DataJsonBackend, http_server.says("/data.json", catalogue({**records[0], "landingPage": "https://a.example/water"})))
    (before,) = [record for record in reading.records.values() if record.title == "Water"]
    (after,) = moved.records.values()
    assert (before.guid, after.guid) == ("title:water", "https://a.example/water")
    assert before.alias == after.alias != ""


def test_nothing_is_lost_that_a_record_says(http_server: SourceServer, accepted: Any) -> None:
    record = {
        "title": "Sea", "identifier": "s-1", "dataQuality": True, "theme": ["oceans"], "conformsTo": "ISO 19115",
        "scopeNote": {"en": "Coast"},
        "steward": [{"name": "Jane Doe", "email": "jane@sea.example"}], "relation": ["https://a.example/other"],
        "distribution": [{
            "downloadURL": "https://a.example/a.csv", "accessURL": "https://a.example/page", "title": "A", "rights": "Ask first",
            "checksum": {"algorithm": "SHA1", "checksumValue": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}, "characterEncoding": "UTF-8",
            "temporal": {"startDate": "2015", "endDate": "2016"}, "language": ["en"], "conformsTo": "own layout", "status": "Completed",
        }],
    }  # fmt: skip
    found = read(DataJsonBackend, http_server.says("/data.json", catalogue(record)), language="en").only()
    extras = {extra["key"].removeprefix("original_"): extra["value"] for extra in found["extras"]}
    assert (extras["dataQuality"], extras["scopeNote"], extras["relation"]) == ("true", "Coast", "https://a.example/other")
    assert extras["conforms_to"] == "ISO 19115"
    assert "Doe" not in str(found)
    (file,) = found["resources"]
    assert (file["hash_algorithm"], file["language"], file["status"]) == ("SHA1", ["ENG"], "COMPLETED")
    assert (file["temporal_start"], file["temporal_end"]) == ("2015", "2016")
    for words in ("https://a.example/page", "Ask first", "UTF-8", "own layout"):
        assert words in file["description_translated"]["en"]
    accepted(found, "sea")
