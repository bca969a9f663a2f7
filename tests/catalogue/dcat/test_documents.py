"""How documents are given out: the same for every reader, compared before they are sent, with a clear word for what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests.helpers import call_action
from rdflib import Graph, URIRef
from sqlalchemy import event

from ckanext.ogptn.catalogue.dcat import catalog, freshness, schemaorg, store
from ckanext.ogptn.catalogue.dcat.namespaces import DCAT, HYDRA, VOID
from tests import factories

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db")]


@pytest.fixture
def uploaded() -> dict[str, Any]:
    return factories.BudgetFactory(resources=[{"url": "d.csv", "url_type": "upload", "format": "CSV"}])


@contextmanager
def statements() -> Iterator[list[str]]:
    """What any database of the site is asked."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    event.listen(sa.engine.Engine, "before_cursor_execute", note)
    yield asked
    event.remove(sa.engine.Engine, "before_cursor_execute", note)


def test_an_uploaded_file_has_one_address_whoever_reads(app: Any, uploaded: dict[str, Any]) -> None:
    file = uploaded["resources"][0]["id"]
    address = f"http://test.ckan.net/budget/{uploaded['id']}/resource/{file}/download/d.csv"
    for again in range(2):
        for language in ("/fr", "/ar", ""):
            for document in (f"/budget/{uploaded['name']}.ttl", "/catalog.ttl"):
                graph = Graph().parse(data=app.get(f"{language}{document}").body, format="turtle")
                assert set(graph.objects(None, DCAT.downloadURL)) == {URIRef(address)}
            described = json.loads(app.get(f"{language}/dataset/{uploaded['name']}/croissant.jsonld").body)
            assert [one["contentUrl"] for one in described["distribution"]] == [address]
        assert again or store.refresh().built == 1
    page = BeautifulSoup(app.get(f"/fr/budget/{uploaded['name']}").body, "html.parser").find("script", type="application/ld+json")
    assert page
    assert json.loads(page.get_text())["distribution"][0]["contentUrl"] == address
    [kept] = model.Session.execute(sa.text("SELECT quality FROM ogptn_rdf")).scalars()
    assert kept["access"] == [address]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"page": "0"}, "page"),
        ({"page": "99999999999999999999"}, "page"),
        ({"modified_since": "last week"}, "modified_since"),
        ({"modified_since": "31/05/2024"}, "modified_since"),
        ({"modified_since": "0001-01-01T00:00:00+14:00"}, "modified_since"),
        ({"modified_since": "2024-13-01"}, "modified_since"),
        ({"q": "{!xmlparser v='x'}"}, "q"),
        ({"fq": "name:[1 TO"}, "q"),
    ],
)
def test_what_cannot_be_read_is_said(app: Any, query: dict[str, str], name: str) -> None:
    answer = app.get("/catalog.ttl", query_string=query)
    assert answer.status_code == 409
    assert name in answer.body


def test_moments_may_be_written_in_any_zone(app: Any) -> None:
    for moment in ("2024-05-31", "2024-05-31T10:00:00Z", "2024-05-31T10:00:00%2B01:00", "2024-05-31T10:00:00+01:00"):
        assert app.get(f"/catalog.ttl?modified_since={moment}").status_code == 200, moment


def test_what_is_hidden_between_two_questions_is_no_error(uploaded: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    store.refresh()
    index = store.index

    def and_then_hidden(*arguments: Any, **more: Any) -> Any:
        found = index(*arguments, **more)
        store.entomb(uploaded["id"], uploaded["name"])
        model.Session.execute(sa.text("UPDATE package SET private = true"))
        return found

    monkeypatch.setattr(store, "index", and_then_hidden)
    pieces, _terms, _organizations = store.load([uploaded["id"]], "ttl", freshness.Now())
    assert pieces == {}


def test_columns_are_asked_for_once_and_not_counted(uploaded: dict[str, Any]) -> None:
    user = call_action("get_site_user")["name"]
    fields = [{"id": "amount", "type": "numeric"}, {"id": "day", "type": "date"}]
    records = [{"amount": 1, "day": "2024-01-01"}]
    call_action(
        "datastore_create",
        context={"user": user},
        resource_id=uploaded["resources"][0]["id"],
        fields=fields,
        records=records,
        force=True,
    )
    package = call_action("package_show", id=uploaded["id"])
    with statements() as asked:
        found = schemaorg.croissant(package)
    assert [field["dataType"] for field in found["recordSet"][0]["field"]] == ["sc:Float", "sc:Date"]
    assert [one for one in asked if "count(" in one or "relation_size" in one] == []
    assert len([one for one in asked if "pg_type" in one or "information_schema.columns" in one or "LIMIT 0" in one]) <= 2
    with statements() as asked:
        assert schemaorg.dataset(package)["variableMeasured"] == ["amount", "day"]
    assert [one for one in asked if "count(" in one or "relation_size" in one] == []


def test_every_document_can_be_compared(app: Any, uploaded: dict[str, Any]) -> None:
    name = uploaded["name"]
    addresses = [
        f"/budget/{name}.ttl",
        f"/dataset/{name}.jsonld",
        f"/dataset/{name}/croissant.jsonld",
        f"/dataset/{name}/quality.ttl",
        "/catalog.ttl",
        "/catalog/all.ttl.gz",
        "/vocabulary/plans",
        "/vocabulary/plans/nap1",
        "/ns/ogptn",
        "/.well-known/void",
        "/sitemap.xml",
        "/sitemap-1.xml",
    ]
    store.refresh()
    for address in addresses:
        answer = app.get(address)
        assert answer.status_code == 200, address
        again = app.get(address, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b""), address
    for address in ("/vocabulary/plans", "/ns/ogptn", "/.well-known/void", f"/budget/{name}"):
        assert "Accept" in app.get(address).headers["Vary"], address
        xml = app.get(address, headers={"Accept": "application/rdf+xml"}, follow_redirects=False)
        assert "Accept" in xml.headers["Vary"], address


@pytest.mark.ckan_config("ckanext.dcat.base_uri", "https://id.example.tn")
def test_documents_are_where_the_site_is_whatever_things_are_named(app: Any, uploaded: dict[str, Any]) -> None:
    site = "http://test.ckan.net"
    graph = Graph().parse(data=app.get("/fr/catalog.ttl").body, format="turtle")
    assert {str(one) for one in graph.objects(None, HYDRA.first)} == {f"{site}/catalog.ttl?page=1"}
    assert (URIRef("https://id.example.tn"), DCAT.dataset, URIRef(f"https://id.example.tn/dataset/{uploaded['id']}")) in graph
    described = Graph().parse(data=app.get("/.well-known/void").body, format="turtle")
    assert {str(one) for one in described.objects(None, VOID.dataDump)} == {
        f"{site}/catalog/all.{form}.gz" for form in ("nt", "ttl", "jsonld", "rdf")
    }
    page = app.get(f"/fr/budget/{uploaded['name']}", headers={"Accept": "text/turtle"}, follow_redirects=False)
    assert page.headers["Location"] == f"{site}/dataset/{uploaded['name']}.ttl"


def test_a_reader_who_leaves_at_once_gives_the_connection_back(app: Any, uploaded: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[catalog.Whole] = []
    whole = catalog.whole
    monkeypatch.setattr(catalog, "whole", lambda form: opened.append(whole(form)) or opened[-1])
    for kept in (False, True):
        answer = app.flask_app.test_client().get("/catalog/all.nt.gz", buffered=False)
        assert ("ETag" in answer.headers) is kept
        answer.close()
        assert opened[-1]._connection.closed
        store.refresh()
