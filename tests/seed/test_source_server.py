"""The trial source says the same in all its languages, and its faults are what their names say."""

from __future__ import annotations

import json

import pytest
import requests

from ckanext.ogptn.harvesters.datajson import DataJsonBackend  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.dcat import DcatBackend
from ckanext.ogptn.seed.source_server import FAULTS, TrialSource  # pyright: ignore[reportMissingImports]
from tests.harvesters.conftest import read


@pytest.fixture
def source():
    with TrialSource(12) as started:
        yield started


@pytest.mark.parametrize(
    "path", ["/catalog.ttl", "/catalog.rdf", "/catalog.jsonld", "/catalog.ttl?whole", "/catalog.rdf?whole&blank", "/data.json"]
)
def test_the_same_datasets_in_every_form(source: TrialSource, path: str) -> None:
    reading = read(DataJsonBackend if path == "/data.json" else DcatBackend, source.url + path)
    assert len(reading.datasets) == 12
    one = next(one for guid, one in reading.datasets.items() if guid.endswith("000000000003"))
    assert one["title_translated"]["fr"] == source.datasets[3]["title"]
    assert "synthétiques" in one["title_translated"]["fr"]
    assert one["notes_translated"]["fr"].startswith("Chiffres **inventés**")
    assert (one["license_id"], one["temporal_coverage"]) == ("OTL", [{"start": "2015-01-01", "end": "2016-12-31"}])
    assert len(one["resources"]) == 2


def test_the_ckan_face(source: TrialSource) -> None:
    found = requests.get(source.url + "/fr/api/3/action/package_search?rows=5&start=10", timeout=5).json()["result"]
    assert (found["count"], len(found["results"])) == (12, 2)
    assert requests.get(source.url + "/api/2/rest/dataset/essai-00001", timeout=5).json()["extras"]["temporal_startDate"] == "2015/01/01"
    assert requests.get(source.url + "/api/3/action/package_show?id=none", timeout=5).status_code == 404


@pytest.mark.parametrize("name", sorted({*FAULTS} - {"hang", "slow", "huge", "reset", "gzip-bomb", "wrong-length"}))
def test_a_fault_comes_and_goes(source: TrialSource, name: str) -> None:
    address = source.url + ("/catalog.rdf?whole" if name == "entities" else "/api/3/action/package_search?rows=5&start=5")
    good = requests.get(address, timeout=5, allow_redirects=False)
    with source.failing(name):
        bad = requests.get(address, timeout=5, allow_redirects=False)
    assert (bad.status_code, bad.content) != (200, good.content)
    assert json.dumps(requests.get(source.url + "/data.json", timeout=5).json())
