"""The sample sources of a demonstration portal: harvested into a filled catalogue, untouched the second time, honest about themselves."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.engine import run
from ckanext.ogptn.harvesters.pages import helpers
from ckanext.ogptn.seed import records, samples, sources
from ckanext.ogptn.seed.records import SeedError
from ckanext.ogptn.seed.source_server import TrialSource
from ckanext.ogptn.tables.read import open_table

from .test_load import rows_of, writes

ALLOWED = pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")
OWN = re.compile(r"ogptn_harvest_(source|job|record|issue|batch)|system_info", re.IGNORECASE)


@pytest.fixture
def server() -> Iterator[TrialSource]:
    with TrialSource(6) as started:
        yield started


@pytest.fixture
def owners(clean_db: None) -> None:
    for name in sorted({entry["owner"] for entry in records.sources()}):
        factories.Organization(name=name)


def harvest_all(ids: list[str]) -> dict[str, dict[str, int]]:
    """Run the open job of each source, else a new one: ``{backend: what it counted}``."""
    counted: dict[str, dict[str, int]] = {}
    for source_id in ids:
        jobs = call_action("ogptn_harvest_job_list", source_id=source_id)["results"]
        waiting = [job for job in jobs if job["phase"] == "waiting"]
        job = waiting[0] if waiting else call_action("ogptn_harvest_job_create", source_id=source_id)
        run.run(job["id"])
        model.Session.remove()
        shown = call_action("ogptn_harvest_job_show", id=job["id"])
        assert shown["phase"] == "finished", shown
        backend = call_action("ogptn_harvest_source_show", id=source_id)["backend"]
        counted[backend] = {name: count for name, count in shown["counts"].items() if count}
    return counted


def source_ids() -> list[str]:
    return list(json.loads(sources.get_system_info(sources.NOTE) or "{}")["sources"].values())


@ALLOWED
@pytest.mark.ckan_config("ogptn.samples", "http://127.0.0.1:1")
def test_a_catalogue_is_filled_from_three_sources_and_a_second_run_touches_nothing(server: TrialSource, owners: None) -> None:
    done = sources.make(server.url)
    assert done.created == done.harvests == ["industrie", "mizaniatouna", "resourcecontracts"]
    assert helpers.first_harvests() == {"done": 0, "all": 3}
    first = harvest_all(source_ids())
    assert {backend: counts["added"] for backend, counts in first.items()} == {"industrie": 12, "mizaniatouna": 6, "resourcecontracts": 6}
    assert helpers.first_harvests() is None
    found = call_action("package_search", rows=100)["results"]
    assert len(found) == 24
    kinds = Counter(dataset["type"] for dataset in found)
    assert kinds["budget"] == 6
    assert kinds["extractive"] >= 16
    assert kinds["dataset"] >= 1
    for dataset in found:
        assert any(word in json.dumps(dataset["title_translated"], ensure_ascii=False) for word in samples.SYNTHETIC.values())

    modified = {dataset["id"]: dataset["metadata_modified"] for dataset in found}
    activities = rows_of("activity")
    with writes() as seen:
        assert sources.make(server.url).summary() == "3 unchanged"
        again = harvest_all(source_ids())
    # What the harvester notes of its own runs is the only thing that is written.
    assert [statement for statement in seen if not OWN.search(statement)] == []
    assert all(counts.keys() <= {"seen", "unchanged", "warnings"} for counts in again.values())
    assert rows_of("activity") == activities
    assert {dataset["id"]: dataset["metadata_modified"] for dataset in call_action("package_search", rows=100)["results"]} == modified


@ALLOWED
def test_sources_follow_the_server_and_stay_as_people_left_them(server: TrialSource, owners: None) -> None:
    sources.make(server.url)
    industrie, mizaniatouna, contracts = source_ids()
    for source_id in (industrie, mizaniatouna, contracts):
        for job in call_action("ogptn_harvest_job_list", source_id=source_id)["results"]:
            call_action("ogptn_harvest_job_cancel", id=job["id"])
    call_action("ogptn_harvest_source_update", id=industrie, title="Renommée")
    call_action("ogptn_harvest_source_delete", id=contracts)
    done = sources.make("http://127.0.0.1:9")
    assert (done.created, done.moved, done.gone, done.harvests) == (
        [], ["industrie", "mizaniatouna"], ["resourcecontracts"], ["industrie", "mizaniatouna"],
    )  # fmt: skip
    shown = call_action("ogptn_harvest_source_show", id=industrie)
    assert (shown["title"], shown["url"]) == ("Renommée", "http://127.0.0.1:9/industrie")


def test_a_source_that_was_made_and_not_noted_is_not_made_twice(server: TrialSource, owners: None) -> None:
    sources.make(server.url)
    before = source_ids()
    sources.set_system_info(sources.NOTE, json.dumps({"address": server.url}))
    model.Session.commit()
    sources.make(server.url)
    assert source_ids() == before


@pytest.mark.usefixtures("clean_db")
@pytest.mark.parametrize("address", ["", "ftp://x", "127.0.0.1:80", "http://"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(SeedError, match="is not an address"):
        sources.make(address)


@pytest.mark.usefixtures("clean_db")
def test_without_the_organisations_it_says_what_to_do(server: TrialSource) -> None:
    with pytest.raises(SeedError, match="run the seed first"):
        sources.make(server.url)


@pytest.mark.usefixtures("clean_db")
def test_a_portal_without_samples_asks_nothing_of_the_database() -> None:
    with writes() as seen:
        assert helpers.first_harvests() is None
    assert seen == []


# -- what the server says
def test_files_are_what_they_are_at_the_source(server: TrialSource) -> None:
    url = f"{server.url}/industrie/api/3/action/package_search?rows=100"
    shown = requests.get(url, timeout=5).json()["result"]["results"]
    files = {resource["url"]: resource for dataset in shown for resource in dataset["resources"]}
    assert len(files) == 23
    for address, resource in files.items():
        answer = requests.get(address, timeout=5)
        assert (answer.status_code, bool(answer.headers["ETag"])) == (200, True)
        assert requests.get(address, headers={"If-None-Match": answer.headers["ETag"]}, timeout=5).status_code == 304
        assert samples.SYNTHETIC["fr"] in resource["name"]
        if address.endswith(".xls"):
            # As some real ones: CSV of Excel in French under another name.
            assert b";" in answer.content
            assert answer.content.decode("cp1252")
    assert requests.get(server.url + "/industrie/dataset/x/resource/y/download/none.xls", timeout=5).status_code == 404
    assert requests.get(server.url + "/mizaniatouna/../../etc/passwd", timeout=5).status_code == 404


def test_each_table_says_on_its_face_that_it_is_invented(server: TrialSource, tmp_path: Any) -> None:
    shown = requests.get(f"{server.url}/industrie/api/3/action/package_search?rows=100", timeout=5).json()["result"]["results"]
    addresses = [resource["url"] for dataset in shown for resource in dataset["resources"] if not resource["url"].endswith("pdf")]
    for address in [*addresses, server.url + "/mizaniatouna/tunisia/template_fr/boost_fr.xlsx"]:
        path = tmp_path / address.rsplit("/", 1)[-1]
        path.write_bytes(requests.get(address, timeout=5).content)
        with open_table(path) as reading:
            (place,) = (place for place, label in enumerate(reading.header) if label.startswith(samples.MARK_COLUMN))
            marked = [samples.SYNTHETIC["fr"] in cells[place] for _number, cells in reading.rows()]
        assert marked, path.name
        assert all(marked), path.name


def test_samples_are_the_same_bytes_whenever_they_are_made() -> None:
    one = samples.workbook({"A": [[1]]})
    assert one == samples.workbook({"A": [[1]]})
