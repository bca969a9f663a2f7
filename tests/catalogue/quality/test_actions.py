"""The quality of datasets, of organisations and of the catalogue; links checked against a real server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import ckan.lib.jobs as background
import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests.helpers import call_action
from rdflib import Graph

from ckanext.ogptn.catalogue.dcat import addresses, store
from ckanext.ogptn.catalogue.dcat.namespaces import DQV
from ckanext.ogptn.catalogue.quality import actions, links, rules
from ckanext.ogptn.catalogue.quality.model import LinkCheck
from ckanext.ogptn.catalogue.quality.sentences import sentence
from ckanext.ogptn.fetch import AddressPolicy, Client, Limits, errors
from tests import factories
from tests.conftest import SourceServer

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db")]


def local() -> Client:
    """May ask this machine, as no client of the portal may."""
    return Client(limits=Limits(total_timeout=10, retries=0), addresses=AddressPolicy.of(["127.0.0.1"]))


def dataset_of(*urls: str, **fields: Any) -> dict[str, Any]:
    return factories.OpenDatasetFactory(resources=[{"url": url, "format": "CSV"} for url in urls], **fields)


def points(quality: dict[str, Any], slug: str) -> int:
    return next(one["points"] for one in quality["indicators"] if one["slug"] == slug)


def test_points_advice_and_links(http_server: SourceServer) -> None:
    works, broken = http_server.says("/works.csv", "a,b"), http_server.says("/broken.csv", "", status=404)
    package = dataset_of(works, broken)
    before = call_action("ogptn_quality_show", id=package["name"])
    assert before["of"] == 405
    assert points(before, "access-url-works") == 0
    assert before["indicators"][0]["advice"], "what brings most stands first"
    with local() as client:
        assert links.check(works, client).works
        assert not links.check(broken, client).works
        assert links.check(broken, client).failures == 2
    model.Session.commit()
    after = call_action("ogptn_quality_show", id=package["name"])
    assert after["points"] == before["points"] + 80
    [failed] = [one for one in after["links"] if not one["works"]]
    assert (failed["url"], failed["status"], len(failed["history"])) == (broken, 404, 2)
    assert {request[0] for request in http_server.requests if request[1] == "/works.csv"} == {"HEAD"}


def test_addresses_inside_the_own_network_are_refused(http_server: SourceServer) -> None:
    address = http_server.says("/inside.csv", "secret")
    with links.client() as client:
        check = links.check(address, client)
    assert not check.works
    assert check.problem
    assert http_server.requests == []


@pytest.mark.ckan_config("ogptn.tables.allowed_hosts", "127.0.0.1")
def test_where_files_may_be_fetched_links_are_checked_too(http_server: SourceServer) -> None:
    with links.client() as client:
        assert links.check(http_server.says("/inside.csv", "a,b"), client).works


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_an_editor_reads_in_plain_words_what_is_wrong_with_a_link(language: str, http_server: SourceServer, app: Any) -> None:
    inside, gone = "http://127.0.0.2:9/inside.csv", "https://example.tn/gone.csv"
    editor = factories.StewardFactory()
    package = dataset_of(inside, gone, owner_org=factories.AgencyFactory(editors=[editor["name"]])["id"])
    now = dt.datetime(2026, 3, 1, tzinfo=dt.timezone.utc)
    for url, status, problem in ((inside, None, "inside-address"), (gone, 404, None)):
        model.Session.add(LinkCheck(url=url, checked=now, status=status, problem=problem, failures=1, history=[]))
    model.Session.commit()
    token = call_action("api_token_create", user=editor["name"], name="test")["token"]
    page = BeautifulSoup(app.get(f"/{language}/dataset/{package['name']}", headers={"Authorization": token}).body, "html.parser")
    shown = {one.bdi.get_text(): one.get_text(" ", strip=True) for one in page.select(".og-quality ul li") if one.bdi}
    assert set(shown) == {inside, gone}
    assert "inside-address" not in str(page)
    assert "ogptn.tables.allowed_hosts" in shown[inside]
    assert "404" in shown[gone]
    if language == "en":
        assert "does not have this file" in shown[gone]


def test_every_end_of_a_check_has_its_sentence(app: Any) -> None:
    """Of faults of the connection; those that only reading a content can have are left out."""
    of_content = {
        "truncated",
        "too-large",
        "decompression-bomb",
        "unreadable-compression",
        "certificate-shape",
        "web-page",
        "malformed",
        "stopped",
    }
    # With these an answer came, and its status says more.
    of_status = {"not-found", "forbidden", "too-many-requests", "wait-too-long", "server-error", "bad-status"}
    with app.flask_app.test_request_context("/"):
        unknown = sentence("https://a.tn/x", None, "nobody-knows-this")
        for slug in set(errors.slugs()) - of_content - of_status:
            assert sentence("https://a.tn/x", None, slug) not in ("", unknown), slug
        for status in (301, 400, 401, 403, 404, 410, 418, 429, 500, 503):
            assert str(status) in sentence("https://a.tn/x", status, None)
        assert "503" in sentence("https://a.tn/x", 503, "wait-too-long")
        assert sentence("https://a.tn/x", 204, None) == ""


def test_links_of_public_files_have_their_turn() -> None:
    agency = factories.AgencyFactory()
    public = dataset_of("https://example.tn/public.csv", owner_org=agency["id"])
    dataset_of("https://example.tn/private.csv", owner_org=agency["id"], private=True)
    store.refresh()
    now = dt.datetime.now(dt.timezone.utc)
    assert links.due(now, 10) == ["https://example.tn/public.csv"]
    model.Session.add(LinkCheck(url="https://example.tn/public.csv", checked=now, status=200, failures=0, history=[]))
    model.Session.commit()
    assert links.due(now + dt.timedelta(days=6), 10) == []
    assert links.due(now + dt.timedelta(days=8), 10) == ["https://example.tn/public.csv"]
    # Hidden, before the worker has written anything.
    model.Session.query(model.Package).filter_by(id=public["id"]).update({"private": True}, synchronize_session=False)
    assert links.due(now + dt.timedelta(days=8), 10) == []


@pytest.fixture
def scheduled_jobs() -> Iterator[Callable[[], dict[str, dt.datetime]]]:
    """``{id: when}`` of the checks of links in the worker's scheduler."""
    registry = background.get_queue().scheduled_job_registry

    def found() -> dict[str, dt.datetime]:
        return {one: registry.get_scheduled_time(one) for one in registry.get_job_ids() if one.startswith("ogptn-links-")}

    def clear() -> None:
        for one in found():
            registry.remove(one, delete_job=True)

    clear()
    yield found
    clear()


def test_links_are_checked_every_night_by_themselves(scheduled_jobs: Callable[[], dict[str, dt.datetime]]) -> None:
    from ckanext.ogptn.catalogue.dcat import watch

    now = dt.datetime.now(dt.timezone.utc)
    watch.refresh()
    [first] = scheduled_jobs().values()
    assert first - now < dt.timedelta(minutes=2), "a portal that never checked a link does so at once"
    watch.refresh()
    assert len(scheduled_jobs()) == 1, "one run waits, however often something changes"
    [job_id] = scheduled_jobs()
    job = background.get_queue().fetch_job(job_id)
    assert job
    assert job.func
    background.get_queue().scheduled_job_registry.remove(job_id)
    model.Session.add(LinkCheck(url="https://example.tn/x.csv", checked=now, status=200, failures=0, history=[]))
    model.Session.commit()
    # As the worker runs it.
    job.func(*job.args, **job.kwargs)
    [following] = scheduled_jobs().values()
    assert (following.hour, following.minute) == (2, 0)
    assert dt.timedelta(0) < following - now <= dt.timedelta(days=1)


@pytest.mark.usefixtures("with_plugins")
def test_a_run_that_fails_is_followed_by_the_next(
    scheduled_jobs: Callable[[], dict[str, dt.datetime]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> dict[str, int]:
        raise RuntimeError("made for this test")

    monkeypatch.setattr(links, "check_due", broken)
    with pytest.raises(RuntimeError, match="made for this test"):
        links.scheduled()
    assert len(scheduled_jobs()) == 1


def test_what_is_left_over_comes_soon(http_server: SourceServer, scheduled_jobs: Callable[[], dict[str, dt.datetime]]) -> None:
    agency = factories.AgencyFactory()
    for name in ("a", "b"):
        dataset_of(f"http://127.0.0.1:9/{name}.csv", owner_org=agency["id"])
    store.refresh()
    assert links.check_due(most=1) == {"checked": 1, "broken": 1, "left": 1}
    assert links.check_due(seconds=0) == {"checked": 0, "broken": 0, "left": 1}
    links.schedule(dt.timedelta(minutes=10))
    [due] = scheduled_jobs().values()
    assert dt.timedelta(minutes=9) < due - dt.datetime.now(dt.timezone.utc) < dt.timedelta(minutes=11)


@pytest.mark.ckan_config("ogptn.quality.check_links", "false")
def test_a_portal_may_go_without(scheduled_jobs: Callable[[], dict[str, dt.datetime]]) -> None:
    links.schedule()
    assert scheduled_jobs() == {}


def test_the_portals_own_files_are_asked_for_wherever_it_runs(
    http_server: SourceServer, ckan_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ckan_config["ckan.site_url"] = http_server.url
    own = http_server.says("/dataset/1/resource/2/download/a.csv", "a,b")
    neighbour = SourceServer()
    inside = neighbour.says("/secret", "inside")
    leads_inside = http_server.says("/dataset/1/resource/3", "", status=302, Location=inside)
    with links.client() as client:
        assert links.check(own, client).works
        assert not links.check(leads_inside, client).works
        assert links.check(inside, client).problem == "inside-address"
        assert links.check(http_server.url.replace("127.0.0.1", "127.0.0.1:9@127.0.0.1") + "/x", client).works is False
    assert neighbour.requests == []
    neighbour.close()


def test_the_summary_says_what_to_fix_first() -> None:
    agency = factories.AgencyFactory()
    poor = dataset_of("https://example.tn/a.csv", owner_org=agency["id"])
    dataset_of("https://example.tn/b.csv", owner_org=agency["id"], theme=["ENER"], license_id="CC_BY_4_0")
    factories.OpenDatasetFactory(owner_org=agency["id"], private=True)
    other = factories.CommitmentFactory()
    store.refresh()
    found = call_action("ogptn_quality_summary", organization=agency["name"])
    assert found["datasets"] == 2
    assert found["fix_first"][0]["slug"] == "access-url-works"
    assert found["fix_first"][0]["points"] == 100
    assert sum(found["ratings"].values()) == 2
    assert round(sum(one["points"] for one in found["dimensions"]), 1) == pytest.approx(found["points"], abs=0.3)
    assert call_action("ogptn_quality_summary")["datasets"] == 3
    each = [call_action("ogptn_quality_show", id=record["id"])["points"] for record in (poor, other)]
    assert len(each) == 2
    with pytest.raises(tk.ObjectNotFound):
        call_action("ogptn_quality_summary", organization="nothing")


def test_every_indicator_has_its_advice() -> None:
    assert all(actions.advice(indicator.slug) for indicator in rules.INDICATORS)
    assert all(actions.dimension_label(name) for name in rules.DIMENSIONS)
    assert all(actions.rating_label(name) for _least, name in rules.RATINGS)


def test_only_editors_see_it_on_the_page(app: Any) -> None:
    editor = factories.StewardFactory()
    agency = factories.AgencyFactory(editors=[editor["name"]])
    package = dataset_of("https://example.tn/a.csv", owner_org=agency["id"])
    address = f"/en/dataset/{package['name']}"
    assert "Quality of this description" not in app.get(address).body
    token = call_action("api_token_create", user=editor["name"], name="test")["token"]
    shown = app.get(address, headers={"Authorization": token}).body
    assert "Quality of this description" in shown
    assert "Choose a theme." in shown


def test_measurements_as_statements(app: Any) -> None:
    package = dataset_of("https://example.tn/a.csv")
    graph = Graph().parse(data=app.get(f"/dataset/{package['name']}/quality.ttl").body, format="turtle")
    measured = set(graph.objects(addresses.dataset(package["id"]), DQV.hasQualityMeasurement))
    assert len(measured) == 24
    values = {str(node).rpartition("-")[2]: int(str(graph.value(node, DQV.value))) for node in measured}
    assert values["total"] == call_action("ogptn_quality_show", id=package["id"])["points"]
    hidden = factories.OpenDatasetFactory(owner_org=package["owner_org"], private=True)
    assert app.get(f"/dataset/{hidden['name']}/quality.ttl").status_code == 404
