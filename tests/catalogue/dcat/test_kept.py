"""What is kept is never stale, never private, and given out page by page or whole."""

from __future__ import annotations

import datetime as dt
import gzip
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.plugins import DefaultPermissionLabels
from ckan.tests.helpers import call_action
from rdflib import Graph, URIRef
from rdflib.compare import isomorphic, to_isomorphic
from rdflib.namespace import DCTERMS, FOAF, PROV, SKOS

from ckanext.ogptn.catalogue import vocabulary
from ckanext.ogptn.catalogue.dcat import addresses, documents, freshness, store, watch, writer
from ckanext.ogptn.catalogue.dcat.model import KeptStatements
from ckanext.ogptn.catalogue.dcat.namespaces import DCAT, GSP
from ckanext.ogptn.catalogue.dcat.profile import complete_graph
from tests import factories

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db")]
FORMATS = {"nt": "nt", "ttl": "turtle", "jsonld": "json-ld", "rdf": "xml"}


def as_sysadmin(action: str, **data: Any) -> Any:
    return call_action(action, context={"user": call_action("get_site_user")["name"], "ignore_auth": True}, **data)


def whole(app: Any, form: str = "nt") -> Graph:
    answer = app.get(f"/catalog/all.{form}.gz")
    assert answer.status_code == 200
    return Graph().parse(data=gzip.decompress(answer.data), format=FORMATS[form])


def page(app: Any, ending: str = "ttl", **query: Any) -> Graph:
    return Graph().parse(data=app.get(f"/catalog.{ending}", query_string=query).body, format=FORMATS.get(ending, "xml"))


def fresh() -> Graph:
    """Every public dataset, written now by the profile itself."""
    graph = Graph()
    for package_id in freshness.public_ids():
        graph += complete_graph(call_action("package_show", id=package_id))
    return graph


def missing(expected: Graph, found: Graph) -> list[str]:
    return sorted(" ".join(part.n3() for part in statement) for statement in to_isomorphic(expected) - to_isomorphic(found))


def subjects_of_datasets(graph: Graph) -> set[Any]:
    return set(graph.objects(addresses.catalog(), DCAT.dataset))


@pytest.fixture
def records(clean_db: None) -> list[dict[str, Any]]:
    # As if no job waited: a test before may have emptied the queue, and left the key that says that one is there.
    watch.connect_to_redis().delete(watch._key())
    agency = factories.AgencyFactory(email="a@example.tn")
    return [
        factories.OpenDatasetFactory(owner_org=agency["id"], license_id="CC_BY_4_0", resources=[{"url": "https://example.tn/a.csv"}]),
        factories.CommitmentFactory(owner_org=agency["id"]),
        factories.BudgetFactory(owner_org=agency["id"]),
        factories.ExtractiveFactory(owner_org=agency["id"]),
    ]


def test_whole_and_paged_say_what_the_profile_says(app: Any, records: list[dict[str, Any]]) -> None:
    expected = fresh()
    for form in documents.FORMS:
        assert missing(expected, whole(app, form)) == [], f"{form}, written on the way"
    assert store.refresh().built == len(records)
    for form in documents.FORMS:
        kept = whole(app, form)
        assert missing(expected, kept) == [], form
        assert subjects_of_datasets(kept) == {addresses.dataset(record["id"]) for record in records}
        if form != "nt":
            assert missing(expected, page(app, form)) == [], form
        one = documents.document(form, [store.load([records[1]["id"]], form, freshness.Now())[0][records[1]["id"]]])
        assert addresses.dataset(records[1]["id"]) in set(Graph().parse(data=one, format=FORMATS[form]).subjects())


def _change_title_of_agency(records: list[dict[str, Any]]) -> None:
    titles = {"ar": "اسم جديد", "fr": "Nouveau nom", "en": "New"}
    as_sysadmin("organization_patch", id=records[0]["owner_org"], title_translated=titles)


def _change_address_of_agency(records: list[dict[str, Any]]) -> None:
    as_sysadmin("organization_patch", id=records[0]["owner_org"], uri="https://example.tn/id/agency", email="")


def _change_label(records: list[dict[str, Any]]) -> None:
    as_sysadmin(
        "ogptn_vocabulary_term_update", vocabulary="plans", code="nap1", label={"ar": "خطة", "fr": "Plan changé", "en": "Changed plan"}
    )


def _change_address_of_term(records: list[dict[str, Any]]) -> None:
    label = {"ar": "خطة", "fr": "Plan", "en": "Plan"}
    as_sysadmin("ogptn_vocabulary_term_update", vocabulary="plans", code="nap1", label=label, uri="https://example.tn/plan/1")


def _change_licence(records: list[dict[str, Any]]) -> None:
    as_sysadmin("package_patch", id=records[0]["id"], license_id="CC0")


def _change_file(records: list[dict[str, Any]]) -> None:
    as_sysadmin("resource_patch", id=records[0]["resources"][0]["id"], format="XLSX")


def _rename(records: list[dict[str, Any]]) -> None:
    as_sysadmin("package_patch", id=records[0]["id"], name="renamed-record")


def _link(records: list[dict[str, Any]]) -> None:
    as_sysadmin("package_patch", id=records[1]["id"], related_datasets=[records[0]["id"]])


def _hide_linked(records: list[dict[str, Any]]) -> None:
    _link(records)
    store.refresh()
    as_sysadmin("package_patch", id=records[0]["id"], private=True)


def _delete(records: list[dict[str, Any]]) -> None:
    as_sysadmin("package_delete", id=records[3]["id"])


#: One after the other on the same records: what hides or deletes one of them comes last.
_CHANGES = (
    _change_title_of_agency,
    _change_address_of_agency,
    _change_label,
    _change_address_of_term,
    _change_licence,
    _change_file,
    _rename,
    _link,
    _hide_linked,
    _delete,
)


def test_nothing_that_is_kept_is_stale(app: Any, records: list[dict[str, Any]]) -> None:
    for change in _CHANGES:
        store.refresh()
        before = app.get("/catalog/all.nt.gz").headers["ETag"]
        change(records)
        expected, what = fresh(), change.__name__
        for found in (whole(app), page(app)):
            assert missing(expected, found) == [], what
            assert subjects_of_datasets(found) == {addresses.dataset(one) for one in freshness.public_ids()}, what
            about = {subject for subject in found.subjects() if str(subject).startswith(f"{addresses.base()}/dataset/")}
            assert about == {subject for subject in expected.subjects() if str(subject).startswith(f"{addresses.base()}/dataset/")}, what
        store.refresh()
        assert all(entry.fresh for entry in store.index(freshness.Now())), what
        assert app.get("/catalog/all.nt.gz").headers["ETag"] != before, what
        assert missing(expected, whole(app)) == [], what


def test_a_new_site_address_and_new_code_make_everything_stale(
    app: Any, records: list[dict[str, Any]], ckan_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.refresh()
    ckan_config["ckan.site_url"] = "https://new.example.tn"
    assert not any(entry.fresh for entry in store.index(freshness.Now()))
    assert all(str(node).startswith("https://new.example.tn/dataset/") for node in subjects_of_datasets(page(app)))
    store.refresh()
    assert len([entry for entry in store.index(freshness.Now()) if entry.fresh]) == len(records)
    monkeypatch.setattr(freshness, "VERSION", writer.VERSION + 1)
    freshness._fixed.cache_clear()
    assert not any(entry.fresh for entry in store.index(freshness.Now()))
    freshness._fixed.cache_clear()


def test_private_and_draft_records_never_leak(app: Any, records: list[dict[str, Any]]) -> None:
    agency = records[0]["owner_org"]
    hidden = factories.OpenDatasetFactory(owner_org=agency, private=True, title_translated={"ar": "سرّي", "fr": "Secret un"})
    draft = factories.OpenDatasetFactory(owner_org=agency, state="draft", title_translated={"ar": "مسودة", "fr": "Secret deux"})
    as_sysadmin("package_patch", id=records[0]["id"], private=True)
    for _ in range(2):
        for text in (gzip.decompress(app.get("/catalog/all.ttl.gz").data).decode(), app.get("/catalog.ttl").body):
            for record in (hidden, draft, records[0]):
                assert record["id"] not in text
                assert record["name"] not in text
            assert "Secret" not in text
        store.refresh()
    for record in (hidden, draft, records[0]):
        assert app.get(f"/dataset/{record['name']}.ttl").status_code in (403, 404)
        kept = model.Session.get(KeptStatements, record["id"])
        assert kept is None or (kept.gone is not None and kept.ttl is None)
    assert hidden["id"] not in app.get("/sitemap-1.xml").body
    assert hidden["name"] not in app.get("/sitemap-1.xml").body


def test_a_deleted_dataset_is_gone_and_says_so(app: Any, records: list[dict[str, Any]]) -> None:
    since = dt.datetime.now(dt.timezone.utc) - dt.timedelta(minutes=1)
    record = records[1]
    as_sysadmin("package_delete", id=record["id"])
    draft = factories.OpenDatasetFactory(owner_org=record["owner_org"], state="draft")
    as_sysadmin("package_delete", id=draft["id"])
    for reference in (record["id"], record["name"]):
        for address in (
            f"/dataset/{reference}.ttl",
            f"/commitment/{reference}.jsonld",
            f"/commitment/{reference}",
            f"/fr/commitment/{reference}",
        ):
            assert app.get(address).status_code == 410, address
    assert app.get(f"/dataset/{draft['name']}.ttl").status_code in (403, 404), "what nobody ever saw is not told of"
    changed = page(app, modified_since=since.isoformat())
    assert changed.value(addresses.dataset(record["id"]), PROV.invalidatedAtTime) is not None
    assert changed.value(addresses.dataset(draft["id"]), PROV.invalidatedAtTime) is None
    assert subjects_of_datasets(changed) == {addresses.dataset(one["id"]) for one in records if one is not record}
    later = page(app, modified_since=(dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1)).isoformat())
    assert subjects_of_datasets(later) == set()
    assert later.value(addresses.dataset(record["id"]), PROV.invalidatedAtTime) is None
    as_sysadmin("dataset_purge", id=record["id"])
    assert app.get(f"/commitment/{record['name']}.ttl").status_code == 410


@pytest.mark.ckan_config("ckanext.dcat.datasets_per_page", 3)
def test_pages_hold_each_dataset_once(app: Any, records: list[dict[str, Any]]) -> None:
    from ckanext.dcat.processors import RDFParser

    found, address, pages = [], "/catalog.xml", 0
    while address:
        parser = RDFParser(profiles=["ogptn_dcat_ap"])
        parser.parse(app.get(address.removeprefix(addresses.base())).body, _format="xml")
        found += [dataset["name"] for dataset in parser.datasets()]
        address, pages = parser.next_page(), pages + 1
    assert sorted(found) == sorted(record["name"] for record in records)
    assert pages == 2


def test_a_query_narrows_the_catalogue(app: Any, records: list[dict[str, Any]]) -> None:
    assert subjects_of_datasets(page(app, fq="dataset_type:budget")) == {addresses.dataset(records[2]["id"])}
    assert app.get("/catalog.ttl", query_string={"page": "x"}).status_code == 409
    assert app.get("/catalog.ttl", query_string={"modified_since": "yesterday-ish"}).status_code == 409


@pytest.mark.usefixtures("records")
def test_the_whole_file_can_be_compared_and_resumed(app: Any) -> None:
    store.refresh()
    answer = app.get("/catalog/all.ttl.gz")
    content, tag = answer.data, answer.headers["ETag"]
    assert int(answer.headers["Content-Length"]) == len(content)
    assert dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d") in answer.headers["Content-Disposition"]
    assert answer.headers["Last-Modified"]
    assert app.get("/catalog/all.ttl.gz", headers={"If-None-Match": tag}).status_code == 304
    assert app.get("/catalog/all.ttl.gz").headers["ETag"] == tag
    for start, stop in ((0, 10), (5, 500), (len(content) - 7, len(content)), (700, len(content))):
        part = app.get("/catalog/all.ttl.gz", headers={"Range": f"bytes={start}-{stop - 1}", "If-Range": tag})
        assert part.status_code == 206
        assert part.data == content[start:stop]
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(content)}"
    assert app.get("/catalog/all.ttl.gz", headers={"Range": "bytes=-5"}).data == content[-5:]
    assert app.get("/catalog/all.ttl.gz", headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert app.get("/catalog/all.ttl.gz", headers={"Range": "bytes=0-9", "If-Range": '"older"'}).data == content
    head = app.flask_app.test_client().head("/catalog/all.ttl.gz")
    assert head.data == b""
    assert int(head.headers["Content-Length"]) == len(content)
    assert app.get("/catalog/all.exe.gz").status_code == 404


def test_the_worker_writes_what_changed(records: list[dict[str, Any]]) -> None:
    from ckan.lib import jobs

    queue = jobs.get_queue()
    assert "Write changed datasets as linked data" in [job.meta.get("title") for job in queue.jobs]
    watch.refresh()
    assert {entry.package_id for entry in store.index(freshness.Now()) if entry.fresh} == {record["id"] for record in records}
    assert store.refresh().built == 0, "what is true is not written again"


@pytest.mark.usefixtures("records")
def test_a_session_without_a_commit_announces_nothing() -> None:
    watch.connect_to_redis().delete(watch._key())
    package = model.Session.query(model.Package).first()
    assert package is not None
    package.title = "changed"
    model.Session.flush()
    model.Session.rollback()
    assert not watch.connect_to_redis().exists(watch._key())


def test_every_type_has_its_documents_in_every_language(app: Any, records: list[dict[str, Any]]) -> None:
    for record in records:
        for ending, name in {"ttl": "turtle", "jsonld": "json-ld", "xml": "xml", "rdf": "xml"}.items():
            answer = app.get(f"/{record['type']}/{record['name']}.{ending}")
            graph = Graph().parse(data=answer.body, format=name)
            assert missing(complete_graph(record), graph) == []
            for language in ("ar", "fr"):
                again = Graph().parse(data=app.get(f"/{language}/{record['type']}/{record['name']}.{ending}").body, format=name)
                assert isomorphic(graph, again)
        assert app.get(f"/{record['type']}/{record['name']}.ttl", headers={"If-None-Match": "*"}).status_code == 304
        page = app.get(f"/{record['type']}/{record['name']}", headers={"Accept": "text/turtle"}, follow_redirects=False)
        assert page.status_code == 303
        assert page.headers["Location"].endswith(f"/dataset/{record['name']}.ttl")
    assert app.get(f"/commitment/{records[1]['name']}.exe").status_code == 404
    assert app.get("/commitment/nothing-of-this-name.ttl").status_code == 404


def test_terms_and_properties_can_be_looked_up(app: Any) -> None:
    graph = Graph().parse(data=app.get("/vocabulary/plans/nap1").body, format="turtle")
    term = URIRef(f"{addresses.base()}/vocabulary/plans/nap1")
    assert {str(label) for label in graph.objects(term, SKOS.prefLabel)} == set(vocabulary.get("plans").terms["nap1"].label.values())
    assert len(Graph().parse(data=app.get("/vocabulary/plans").body, format="turtle")) > len(graph)
    assert app.get("/vocabulary/nothing").status_code == 404
    properties = Graph().parse(data=app.get("/ns/ogptn").body, format="turtle")
    assert addresses.own("commitment_number") in set(properties.subjects())
    assert addresses.own("responsible_contacts") not in set(properties.subjects())
    described = Graph().parse(data=app.get("/.well-known/void").body, format="turtle")
    assert len(set(described.objects(None, URIRef("http://rdfs.org/ns/void#dataDump")))) == 4
    assert described.value(addresses.catalog(), DCTERMS.publisher) is not None
    assert described.value(addresses.catalog(), FOAF.homepage) is not None


def test_other_profiles_are_left_to_ckanext_dcat(app: Any, records: list[dict[str, Any]]) -> None:
    text = app.get(f"/dataset/{records[0]['name']}.ttl", query_string={"profiles": "schemaorg"}).body
    assert "schema.org" in text
    assert tk.config["ckanext.dcat.rdf.profiles"].endswith("ogptn_dcat_ap")


def _break(record: dict[str, Any]) -> None:
    """Store what no validator lets through, as an older release or another program may have done."""
    package = model.Package.get(record["id"])
    assert package is not None
    package.extras = {**package.extras, "fiscal_years": '["not a year"]'}
    model.Session.commit()


def test_a_record_that_cannot_be_written_costs_only_itself(app: Any, records: list[dict[str, Any]]) -> None:
    broken, others = records[2], {addresses.dataset(record["id"]) for record in records if record is not records[2]}
    _break(broken)
    for found in (whole(app), page(app)):
        assert subjects_of_datasets(found) == others
    assert app.get(f"/budget/{broken['name']}.ttl").status_code == 409
    done = store.refresh()
    assert done.built == len(others)
    [(failed, reason)] = done.failed
    assert failed == broken["id"]
    assert "not a year" in reason
    assert subjects_of_datasets(whole(app)) == subjects_of_datasets(page(app)) == others
    assert app.get("/catalog/all.nt.gz").headers.get("ETag"), "the rest is whole, and can be compared and resumed"
    assert store.refresh().failed == [], "what cannot be written is not tried at every change"
    assert len(store.refresh(everything=True).failed) == 1
    as_sysadmin("package_patch", id=broken["id"], fiscal_years=["2031"])
    assert subjects_of_datasets(whole(app)) == {*others, addresses.dataset(broken["id"])}
    assert store.refresh().built == 1


def test_a_geometry_that_is_none_is_written_as_it_is(records: list[dict[str, Any]]) -> None:
    for geometry in ('{"type": "Polygon", "coordinates": []}', '{"type": "Point", "coordinates": []}', "[]", "{", "1"):
        graph = complete_graph({**records[0], "spatial": geometry})
        assert [str(text) for text in graph.objects(None, GSP.asGeoJSON)] == [geometry]
        assert graph.value(None, DCAT.bbox) is None


def test_a_renamed_dataset_is_not_gone(app: Any, records: list[dict[str, Any]]) -> None:
    store.refresh()
    _rename(records)
    old, new = records[0]["name"], "renamed-record"
    for again in range(2):
        assert not store.is_gone(old)
        assert app.get(f"/dataset/{old}").status_code == 404
        assert app.get(f"/dataset/{new}").status_code == 200
        assert app.get(f"/dataset/{records[0]['id']}").status_code == 200, "CKAN leads from the id to the name"
        assert again or store.refresh().built == 1
    as_sysadmin("package_delete", id=records[0]["id"])
    assert app.get(f"/dataset/{new}").status_code == 410


def test_a_savepoint_announces_nothing(records: list[dict[str, Any]]) -> None:
    redis = watch.connect_to_redis()
    redis.delete(watch._key())
    package = model.Package.get(records[0]["id"])
    assert package is not None
    with model.Session.begin_nested():
        package.title = "changed"
    assert not redis.exists(watch._key()), "nothing is committed yet"
    inner = model.Session.begin_nested()
    package.title = "changed again"
    model.Session.flush()
    inner.rollback()
    model.Session.commit()
    assert redis.exists(watch._key()), "what the first savepoint released is committed, whatever the second took back"


def test_a_plugin_that_hides_datasets_is_asked_for_links_and_documents(
    app: Any, records: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _link(records)
    hidden = records[0]["id"]

    class Some(DefaultPermissionLabels):
        def get_dataset_labels(self, dataset_obj: Any) -> list[str]:
            return ["creator-x"] if dataset_obj.id == hidden else super().get_dataset_labels(dataset_obj)

    monkeypatch.setattr(freshness, "get_permission_labels", Some)
    assert addresses.dataset(hidden) not in set(page(app).objects())
    assert addresses.dataset(hidden) not in set(
        complete_graph(call_action("package_show", id=records[1]["id"])).objects(None, DCTERMS.relation)
    )
    text = app.get(f"/commitment/{records[1]['name']}.ttl").body
    assert hidden not in text
    monkeypatch.setattr(store, "load", lambda *_arguments: pytest.fail("what is kept is for everybody"))
    app.get(f"/dataset/{records[0]['name']}.ttl")
