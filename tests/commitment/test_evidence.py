"""Evidence: a record of the catalogue is named, an address elsewhere is asked in the background, once, and readers see the outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan.lib import jobs
from ckan.tests.helpers import call_action

from ckanext.ogptn.catalogue.quality import links
from ckanext.ogptn.commitment import evidence
from ckanext.ogptn.fetch import AddressPolicy, Client, Limits

from ..conftest import SourceServer
from ..mail import Letters
from .conftest import House, send_waiting_mails


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client of links, allowed to ask this machine and without pauses."""
    allowed = Client(limits=Limits(total_timeout=10, retries=0), addresses=AddressPolicy.of(["127.0.0.1"]))
    monkeypatch.setattr(links, "client", lambda: allowed)


@pytest.fixture
def made(clean_db: None, house: Callable[[], House], mail: Letters) -> House:
    return house()


def shown(app: Any, name: str, language: str = "fr") -> list[tuple[str, str, str]]:
    page = BeautifulSoup(app.get(f"/{language}/commitment/{name}").body, "html.parser")
    return [(str(tag["data-evidence"]), str(tag["data-works"]), tag.get_text(" ", strip=True)) for tag in page.select("[data-evidence]")]


def report(address: str) -> dict[str, Any]:
    return {"period_end": "2016", "completion_level": "substantial", "done": {"fr": "Fait"}, "evidence": address}


def test_an_address_elsewhere_is_asked_by_the_worker_once(
    made: House, near: None, app: Any, commitment_factory: Any, http_server: SourceServer
) -> None:
    fine, gone = http_server.says("/fine", "ok"), http_server.url + "/gone"
    milestones = [{"title": {"fr": "Étape"}, "evidence": gone}, {"title": {"fr": "Autre"}, "evidence": fine}]
    record = commitment_factory(progress_reports=[report(fine)], milestones=milestones)
    assert {works for _kind, works, _text in shown(app, record["name"])} == {"none"}
    assert http_server.requests == []
    send_waiting_mails()
    asked = [path for _method, path, _headers in http_server.requests]
    assert asked.count("/fine") == 1
    found = {text.split(" ")[0].removeprefix(http_server.url): (works, text) for _kind, works, text in shown(app, record["name"])}
    assert (found["/fine"][0], found["/gone"][0]) == ("true", "false")
    assert links.published() == sorted([fine, gone])
    # Written again: nothing new to ask.
    call_action(
        "package_patch", context={"user": made.coordinator["name"], "ignore_auth": True}, id=record["id"], version_notes={"fr": "x"}
    )
    assert jobs.get_queue().count == 0


def test_a_record_of_the_catalogue_is_named_and_never_fetched(
    made: House, app: Any, open_dataset_factory: Any, commitment_factory: Any, ckan_config: dict[str, Any]
) -> None:
    site = ckan_config["ckan.site_url"]
    dataset = open_dataset_factory(
        title_translated={"fr": "Budget ouvert", "ar": "ميزانية"}, resources=[{"url": "https://example.tn/b.csv"}]
    )
    resource = dataset["resources"][0]["id"]
    addresses = [
        f"{site}/fr/dataset/{dataset['name']}",
        f"{site}/dataset/{dataset['id']}/resource/{resource}/download/b.csv",
        f"{site}/dataset/nothing-of-this-name",
        f"{site}/about",
    ]
    record = commitment_factory(milestones=[{"title": {"fr": "Étape"}, "evidence": address} for address in addresses])
    assert jobs.get_queue().count == 0
    found = shown(app, record["name"])
    assert [(kind, works) for kind, works, _text in found] == [
        ("record", "true"),
        ("file", "true"),
        ("address", "none"),
        ("address", "none"),
    ]
    assert all("Budget ouvert" in text for _kind, _works, text in found[:2])
    assert "ميزانية" in shown(app, record["name"], "ar")[0][2]
    # What the reader may not see has no title.
    owner: Any = {"user": made.coordinator["name"], "ignore_auth": True}
    call_action("package_patch", context=owner, id=dataset["id"], private=True)
    assert [(kind, "Budget" in text) for kind, _works, text in shown(app, record["name"])] == [("address", False)] * 4


@pytest.mark.parametrize(
    "address", ["https://example.tn/dataset/x", "http://[::1/x", "ftp://example.tn/x", "http://test.ckan.net.example.tn/dataset/x"]
)
def test_other_sites_are_not_this_one(made: House, address: str) -> None:
    assert evidence.here(address) is None


def test_reports_of_open_rounds_are_asked_too(made: House, near: None, http_server: SourceServer) -> None:
    address = http_server.says("/proof", "ok")
    called = made.open()
    item = made.act("show", made.coordinator, id=called["id"])["items"][1]
    send_waiting_mails()
    made.act("item_save", made.stewards[0], id=item["id"], report={"evidence": address})
    assert links.published() == [address]
    send_waiting_mails()
    assert evidence.ogptn_evidence(address)["works"] is True
    made.act("close", made.coordinator, id=called["id"])
    assert links.published() == []
