"""Sources that misbehave: what the job says, that nothing of the catalogue is harmed, and that the next good run puts everything right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.engine import run  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.seed import certificates  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.seed.source_server import TrialSource  # pyright: ignore[reportMissingImports]

COUNT = 12
FACES = {"ckan": "", "dcat": "/catalog.rdf", "datajson": "/data.json"}

pytestmark = [
    pytest.mark.faults,
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1/32 localhost"),
]


@pytest.fixture
def trial() -> Iterator[TrialSource]:
    with TrialSource(COUNT) as started:
        yield started


def source_of(trial: TrialSource, backend: str, agency: dict[str, Any], **more: Any) -> dict[str, Any]:
    options = {"page_size": 5, "changes_only": False} if backend == "ckan" else {}
    return call_action(
        "ogptn_harvest_source_create", title="Essai", url=trial.url + FACES[backend], backend=backend, owner_org=agency["id"],
        options=options, limits={"timeout": 2, "max_mb": 20}, **more,
    )  # fmt: skip


def harvest(source: dict[str, Any]) -> dict[str, Any]:
    job = call_action("ogptn_harvest_job_create", source_id=source["id"])
    run.run(job["id"])
    model.Session.remove()
    return call_action("ogptn_harvest_job_show", id=job["id"])


def issues(job: dict[str, Any]) -> list[dict[str, Any]]:
    return call_action("ogptn_harvest_issue_list", job_id=job["id"], limit=1000)["results"]


def catalogue() -> dict[str, Any]:
    """Every dataset as the portal shows it, by title; without what a write alone changes."""
    found = call_action("package_search", rows=1000, include_private=True)["results"]
    shown = {one["title"]: call_action("package_show", id=one["id"]) for one in found}
    for one in shown.values():
        for name in ("metadata_modified", "metadata_created"):
            one.pop(name)
        for resource in one["resources"]:
            for name in ("metadata_modified", "created", "last_modified"):
                resource.pop(name, None)
    return shown


def told(job: dict[str, Any]) -> set[str]:
    """The slugs of a job's issues, each of which says what happened and what to do."""
    for issue in issues(job):
        assert issue["message"], issue
        assert issue["advice"], issue
        assert "{" not in issue["message"] + issue["advice"], issue
    return {issue["slug"] for issue in issues(job)}


#: Fault → the problem that the job names. Of several, any will do: which one depends on how far the answer came.
ANSWERS = {
    "reset": {"connection-broken"},
    "hang": {"timed-out"},
    "429": {"too-many-requests"},
    "429-long": {"wait-too-long"},
    "500": {"server-error"},
    "503": {"too-many-requests"},
    "truncated": {"unexpected-content", "truncated", "malformed"},
    "wrong-length": {"truncated"},
    "web-page": {"unexpected-content"},
    "redirect-loop": {"too-many-redirects"},
    "redirect-inside": {"inside-address"},
    "redirect-metadata": {"inside-address"},
    "gzip-bomb": {"decompression-bomb", "too-large"},
    "zip-bomb": {"unexpected-content", "truncated"},
    "huge": {"too-large"},
}


@pytest.mark.parametrize("backend", FACES)
@pytest.mark.parametrize("fault", ANSWERS)
def test_an_answer_that_goes_wrong(trial: TrialSource, agency: dict[str, Any], backend: str, fault: str) -> None:
    source = source_of(trial, backend, agency)
    assert harvest(source)["phase"] == "finished"
    before = catalogue()
    assert len(before) == COUNT
    # Half of the source changes meanwhile, so that a harvest has something to do.
    for one in trial.datasets[::2]:
        one["notes"] += " Changé."
    # In the middle of the source where it has pages.
    after = 1 if backend != "datajson" else 0
    with trial.failing(fault, after=after):
        failed = harvest(source)
    assert failed["phase"] == "failed"
    assert told(failed) & ANSWERS[fault], told(failed)
    assert not failed["counts"].get("removed")
    # Nothing is gone and nothing is half: each dataset is as it was, or as it is now at the source.
    meanwhile = catalogue()
    assert set(meanwhile) == set(before)
    for title, one in meanwhile.items():
        changed = {name for name in one if one[name] != before[title].get(name)}
        assert changed <= {"notes", "notes_translated"}, changed
        assert {resource["id"] for resource in one["resources"]} == {resource["id"] for resource in before[title]["resources"]}
    assert harvest(source)["phase"] == "finished"
    last = catalogue()
    assert set(last) == set(before)
    assert sum("Changé" in one["notes"] for one in last.values()) == COUNT / 2


@pytest.mark.parametrize("fault", ["503", "429", "reset", "wrong-length", "truncated"])
def test_a_fault_that_passes_is_not_even_noticed(trial: TrialSource, agency: dict[str, Any], fault: str) -> None:
    source = source_of(trial, "ckan", agency)
    with trial.failing(fault, times=1):
        job = harvest(source)
    if fault == "truncated":
        # A complete answer of half a document cannot be told from a broken source; the next run reads it.
        assert job["phase"] == "failed"
        job = harvest(source)
    assert job["phase"] == "finished", told(job)
    assert len(catalogue()) == COUNT


def test_a_slow_source_is_read_to_its_end_or_given_up_in_time(trial: TrialSource, agency: dict[str, Any]) -> None:
    source = source_of(trial, "ckan", agency)
    for one in trial.datasets:
        one["notes"] = "court"
    with trial.failing("slow", times=1):
        job = harvest(source)
    assert job["phase"] in ("finished", "failed")
    assert harvest(source)["phase"] == "finished"
    assert len(catalogue()) == COUNT


@pytest.mark.parametrize("backend", FACES)
def test_a_server_that_is_down(trial: TrialSource, agency: dict[str, Any], backend: str) -> None:
    source = source_of(trial, backend, agency)
    harvest(source)
    before = catalogue()
    with trial.refusing():
        job = harvest(source)
    assert job["phase"] == "failed"
    assert told(job) == {"connection-refused"}
    assert catalogue() == before
    assert harvest(source)["phase"] == "finished"
    assert catalogue() == before


def test_certificates(agency: dict[str, Any]) -> None:
    root = certificates.authority()
    intermediate = certificates.authority("Trial intermediate", root)
    expired = certificates.server_context(certificates.server(intermediate, expired=True))
    incomplete = certificates.server_context(certificates.server(intermediate), whole_chain=False)
    with TrialSource(COUNT, context=expired) as trial:
        job = harvest(source_of(trial, "ckan", agency, ca_bundle=root.pem))
        assert (job["phase"], told(job)) == ("failed", {"certificate-expired"})
    with TrialSource(COUNT, context=incomplete) as trial:
        source = source_of(trial, "ckan", agency, ca_bundle=root.pem)
        job = harvest(source)
        assert (job["phase"], told(job)) == ("failed", {"certificate-chain"})
        assert catalogue() == {}
        call_action("ogptn_harvest_source_update", id=source["id"], ca_bundle=root.pem + intermediate.pem)
        assert harvest(source)["phase"] == "finished"
        assert len(catalogue()) == COUNT


def test_entity_expansion(trial: TrialSource, agency: dict[str, Any]) -> None:
    source = source_of(trial, "dcat", agency)
    harvest(source)
    before = catalogue()
    with trial.failing("entities"):
        job = harvest(source)
    assert (job["phase"], told(job)) == ("failed", {"xml-entities"})
    assert catalogue() == before


# -- content that is not what it should be


@pytest.mark.parametrize("backend", FACES)
def test_an_empty_source_removes_nothing(trial: TrialSource, agency: dict[str, Any], backend: str) -> None:
    source = source_of(trial, backend, agency)
    harvest(source)
    before = catalogue()
    job: dict[str, Any] = {}
    for _run in range(4):
        with trial.failing("empty"):
            job = harvest(source)
        assert not job["counts"].get("removed")
    assert set(catalogue()) == set(before)
    assert told(job), "an empty source is said to be one"
    harvest(source)
    assert catalogue() == before


@pytest.mark.parametrize("backend", ["ckan", "dcat"])
def test_half_a_source_that_says_it_is_whole_removes_nothing(trial: TrialSource, agency: dict[str, Any], backend: str) -> None:
    """It says that it has twelve and shows six: truncated, not shrunk."""
    source = source_of(trial, backend, agency)
    harvest(source)
    before = catalogue()
    for _run in range(4):
        with trial.failing("half"):
            job = harvest(source)
        assert not job["counts"].get("removed"), job["counts"]
    assert set(catalogue()) == set(before)
    harvest(source)
    assert catalogue() == before


@pytest.mark.parametrize("backend", FACES)
def test_half_a_source_that_admits_it_stops_at_the_ceiling(trial: TrialSource, agency: dict[str, Any], backend: str) -> None:
    source = source_of(trial, backend, agency)
    harvest(source)
    before = catalogue()
    job: dict[str, Any] = {}
    for _run in range(4):
        with trial.failing("half-and-says-so"):
            job = harvest(source)
    assert set(catalogue()) == set(before), "half of the datasets may not go without a person being asked"
    assert not job["counts"].get("removed")
    harvest(source)
    assert set(catalogue()) == set(before)


@pytest.mark.parametrize("backend", ["ckan", "dcat"])
def test_pages_that_shift_lose_nothing(trial: TrialSource, agency: dict[str, Any], backend: str) -> None:
    source = source_of(trial, backend, agency)
    harvest(source)
    before = catalogue()
    for _run in range(4):
        with trial.failing("shifting"):
            job = harvest(source)
        assert not job["counts"].get("removed")
    assert set(catalogue()) == set(before)
    harvest(source)
    assert catalogue() == before


@pytest.mark.parametrize("backend", ["ckan", "dcat"])
def test_pages_in_a_circle_end(trial: TrialSource, agency: dict[str, Any], backend: str) -> None:
    source = source_of(trial, backend, agency)
    with trial.failing("circle"):
        job = harvest(source)
    assert len(trial.requests) < 30
    assert not job["counts"].get("removed")
    harvest(source)
    assert len(catalogue()) == COUNT


@pytest.mark.parametrize("backend", FACES)
def test_the_same_identity_twice(trial: TrialSource, agency: dict[str, Any], backend: str) -> None:
    source = source_of(trial, backend, agency)
    trial.per_page = 100
    with trial.failing("duplicates"):
        job = harvest(source)
    assert job["phase"] == "finished"
    assert len(catalogue()) == COUNT
    harvest(source)
    assert len(catalogue()) == COUNT


@pytest.mark.parametrize("fault", ["bad-dates", "odd-urls", "script"])
@pytest.mark.parametrize("backend", FACES)
def test_odd_content_loses_no_dataset(trial: TrialSource, agency: dict[str, Any], backend: str, fault: str) -> None:
    source = source_of(trial, backend, agency)
    with trial.failing(fault):
        job = harvest(source)
        assert job["phase"] == "finished", told(job)
        shown = catalogue()
        assert len(shown) == COUNT, told(job)
        # And it stays so: what was odd is odd in the same way the next time.
        again = harvest(source)
        assert again["counts"].get("unchanged") == COUNT, again["counts"]
    if fault == "script":
        assert "<script" not in str(shown)
        assert "\u202e" not in str(shown)
    if fault == "odd-urls":
        assert "unusable-address" in told(job) or backend == "ckan"
    # The good source afterwards: the same datasets, put right.
    harvest(source)
    assert len(catalogue()) == COUNT
