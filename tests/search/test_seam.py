"""Where CKAN is patched, and that it is CKAN again afterwards."""

from __future__ import annotations

from typing import Any

import ckan
import ckan.lib.search as search
import ckan.lib.search.common as common
import ckan.lib.search.index as index
import ckan.lib.search.query as query
import ckan.plugins as p
import pysolr
import pytest
from ckan.exceptions import CkanConfigurationException
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.search import seam
from ckanext.ogptn.search.connection import PostgresConnection

MODULES = (search, common, index, query)
only_search = pytest.mark.ckan_config("ckan.plugins", "ogptn_search")


@only_search
@pytest.mark.usefixtures("with_plugins")
def test_ckan_gets_our_connection_everywhere() -> None:
    for module in MODULES:
        assert isinstance(module.make_connection(), PostgresConnection)
    assert search.check_solr_schema_version()
    assert search.is_available()


@only_search
@pytest.mark.usefixtures("with_plugins")
def test_unloading_the_plugin_gives_ckan_its_own_connection_back() -> None:
    ours = common.make_connection
    p.unload("ogptn_search")
    try:
        assert not seam.installed()
        for module in MODULES:
            assert module.make_connection is not ours
            assert module.make_connection.__module__ == "ckan.lib.search.common"
    finally:
        p.load("ogptn_search")
    assert common.make_connection is ours


@pytest.mark.parametrize(
    ("target", "name", "value", "message"),
    [
        (ckan, "__version__", "2.13.0", "it is 2.13.0"),
        (query, "make_connection", None, "ckan.lib.search.query.make_connection is missing"),
        (search, "check_solr_schema_version", None, "check_solr_schema_version is missing"),
        (common, "make_connection", lambda _url, _decode_dates=True: None, "other parameters"),
    ],
)
def test_an_unknown_ckan_is_refused_loudly(monkeypatch: pytest.MonkeyPatch, target: Any, name: str, value: Any, message: str) -> None:
    before = seam.installed()
    seam.remove()
    try:
        monkeypatch.setattr(target, name, value)
        with pytest.raises(CkanConfigurationException, match=message):
            seam.install()
        assert not seam.installed()
    finally:
        monkeypatch.undo()
        if before:
            seam.install()


@only_search
@pytest.mark.usefixtures("with_plugins")
def test_another_solr_url_than_at_load_is_another_solr(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ckan_config, "solr_url", "http://127.0.0.1:1/solr/other")
    assert isinstance(common.make_connection(), pysolr.Solr)


@only_search
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_permission_labels_of_ckan_decide_who_finds_a_private_dataset() -> None:
    member, stranger = factories.User(), factories.User()
    organization = factories.Organization(users=[{"name": member["name"], "capacity": "member"}])
    factories.Dataset(owner_org=organization["id"], private=True, title="Hidden water")
    factories.Dataset(owner_org=organization["id"], title="Open water")

    def count(user: str) -> int:
        return call_action("package_search", context={"user": user, "ignore_auth": False}, q="water", include_private=True)["count"]

    assert count(member["name"]) == 2
    assert count(stranger["name"]) == 1
    assert count("") == 1


@only_search
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_dataset_pages_search_and_autocomplete_work_without_solr(app: Any) -> None:
    organization = factories.Organization()
    dataset = factories.Dataset(owner_org=organization["id"], title="Water quality", tags=[{"name": "rivers"}])
    assert "Water quality" in app.get("/dataset/?q=water&tags=rivers")
    assert "Water quality" in app.get(f"/dataset/{dataset['name']}")
    assert "Water quality" in app.get(f"/organization/{organization['name']}")
    assert [one["name"] for one in call_action("package_autocomplete", q="qual")] == [dataset["name"]]
    found = call_action("package_search", **{"q": "water", "facet.field": ["tags", "organization"]})
    assert found["search_facets"]["tags"]["items"][0]["count"] == 1


@only_search
@pytest.mark.ckan_config("ogptn.search.url", "postgresql://nobody@127.0.0.1:1/none")
@pytest.mark.usefixtures("with_plugins")
def test_a_postgresql_that_does_not_answer_is_a_connection_error() -> None:
    with pytest.raises(common.SolrConnectionError):
        query.PackageSearchQuery().run({"q": "*:*"})
