"""CKAN sites of before 2.8, and sites below a language: the REST API in place of an action API that is missing or broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.ckan import CkanBackend  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.engine.problems import SourceError  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.seed.source_server import TrialSource  # pyright: ignore[reportMissingImports]
from tests.conftest import SourceServer

from .conftest import read
from .test_run import counts, harvest, issues


@pytest.fixture
def portal() -> Iterator[TrialSource]:
    with TrialSource(4) as started:
        yield started


@pytest.mark.parametrize("ids", [False, True], ids=["names", "ids"])
@pytest.mark.parametrize("action_api", [False, "broken", "page"], ids=["missing", "broken", "page"])
def test_the_rest_api_where_the_action_api_is_not(portal: TrialSource, action_api: Any, ids: bool) -> None:
    """What is read is what the action API would have said, but for the organisation, which the old API only numbers."""
    good = read(CkanBackend, portal.url)
    portal.action_api, portal.rest_ids = action_api, ids
    portal.requests.clear()
    old = read(CkanBackend, portal.url)
    assert [each.split("?")[0] for each in portal.requests[:3]] == [
        "/api/3/action/package_search", "/api/3/action/package_list", "/api/2/rest/package",
    ]  # fmt: skip
    # One request for each dataset: the API that is not there is not asked for each of them.
    assert len(portal.requests) == 3 + 4
    assert old.order == good.order
    assert old.cursor.expected == 4
    assert old.cursor.reasons == []
    for guid, dataset in old.datasets.items():
        assert "publisher" not in dataset
        assert {name: value for name, value in good.datasets[guid].items() if name not in ("publisher", "source_publisher")} == dataset
        assert old.records[guid].url == good.records[guid].url
        assert old.records[guid].alias == good.records[guid].alias
    assert old.slugs() == [slug for slug in good.slugs() if slug in old.slugs()]
    # The counters of the old API are no change.
    assert read(CkanBackend, portal.url).hashes == old.hashes


@pytest.mark.parametrize(
    "prefix", ["/fr", "/ar", "/fr/", "/ar/dataset/essai-00001", "/fr/api/3/action/package_search", "/fr/api/2/rest/package"]
)
@pytest.mark.parametrize("action_api", [True, False], ids=["action", "rest"])
def test_below_a_language(portal: TrialSource, prefix: str, action_api: bool) -> None:
    portal.action_api = action_api
    found = read(CkanBackend, portal.url + prefix)
    assert len(found.datasets) == 4
    language = prefix[:3]
    assert all(path.startswith(f"{language}/api/") for path in portal.requests), portal.requests
    assert {record.url for record in found.records.values()} == {f"{portal.url}{language}/dataset/essai-{n:05}" for n in range(4)}


def test_one_that_cannot_be_had_is_not_gone(portal: TrialSource) -> None:
    portal.action_api = False
    listed = portal.datasets[2]
    shown = portal.shown

    def without() -> list[dict[str, Any]]:
        # It is in the list, and its own page is not found.
        asked = portal.requests[-1].rsplit("/", 1)[-1]
        return [one for one in shown() if one is not listed or asked == "package"]

    portal.shown = without  # type: ignore[method-assign]
    found = read(CkanBackend, portal.url)
    assert len(found.datasets) == 3
    assert found.cursor.reasons == ["essai-00002: no answer"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"organizations": ["OWNER"]}, 4),
        ({"organizations": ["OWNER-ID"]}, 4),
        ({"organizations": ["elsewhere"]}, 0),
        ({"groups": ["essais"]}, 4),
        ({"groups": ["autres"]}, 0),
        ({"organizations": ["OWNER"], "groups": ["autres"]}, 0),
    ],
)
def test_filters_by_name_where_datasets_have_ids(portal: TrialSource, options: dict[str, list[str]], found: int) -> None:
    owner = portal.datasets[0]["organization"]
    meant = {"OWNER": owner["name"], "OWNER-ID": owner["id"]}
    portal.action_api = False
    backend = {name: [meant.get(each, each) for each in values] for name, values in options.items()}
    assert len(read(CkanBackend, portal.url, options=backend).datasets) == found


@pytest.mark.usefixtures("clean_db")
@pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")
def test_a_name_that_the_source_does_not_know_is_said(portal: TrialSource, agency: dict[str, Any]) -> None:
    portal.action_api = False
    source = call_action(
        "ogptn_harvest_source_create",
        title="Ancien", url=portal.url, backend="ckan", owner_org=agency["id"], options={"groups": ["essais", "autres"]},
    )  # fmt: skip
    notes = call_action("ogptn_harvest_source_check", id=source["id"])["notes"]
    assert "autres" in notes[1]
    assert "essais" not in notes[1]


def test_neither_api_is_said_to_be_there(portal: TrialSource) -> None:
    portal.action_api = False
    with pytest.raises(SourceError) as caught:
        read(CkanBackend, f"{portal.url}/nowhere")
    assert caught.value.slug == "no-ckan"
    assert "/api/" not in caught.value.kind.say(caught.value.values), "which addresses were tried is of use to nobody"


@pytest.mark.parametrize(("status", "slug"), [(401, "forbidden"), (403, "forbidden"), (500, "server-error")])
def test_what_the_newer_interface_answers_is_what_is_wrong(http_server: SourceServer, status: int, slug: str) -> None:
    """Wrong credentials are no missing interface: that the old one is not there says nothing."""
    for name in ("status_show", "package_search", "package_list"):
        http_server.says(f"/api/3/action/{name}", b"{}", status=status)
    with pytest.raises(SourceError) as caught:
        read(CkanBackend, http_server.url)
    assert caught.value.slug == slug
    assert "/api/3/action/" in caught.value.values["url"]


@pytest.mark.usefixtures("clean_db")
@pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")
def test_a_portal_of_2013_from_the_check_to_the_second_harvest(portal: TrialSource, agency: dict[str, Any]) -> None:
    portal.action_api, portal.rest_ids = "broken", True
    source = call_action("ogptn_harvest_source_create", title="Ancien", url=f"{portal.url}/fr", backend="ckan", owner_org=agency["id"])
    found = call_action("ogptn_harvest_source_check", id=source["id"])
    assert (found["ok"], found["records"]) == (True, 4)
    assert found["notes"]
    job = harvest(source)
    assert counts(job)["added"] == 4, issues(job)
    shown = call_action("package_show", id="essai-00001")
    assert shown["temporal_coverage"] == [{"start": "2015-01-01", "end": "2016-12-31"}]
    assert len(shown["resources"]) == 2
    assert counts(harvest(source)) == {"seen": 4, "unchanged": 4}
    # The portal was installed anew, with the action API: the same datasets, written once because more is known of them now.
    portal.action_api = True
    changed = counts(harvest(source, full=True))
    assert changed.get("added") is None
    assert call_action("package_search")["count"] == 4
