"""What is published is found: in either language, however it is spelled, and by every facet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan import plugins as p
from ckan.common import login_user, logout_user
from ckan.lib.search import SearchError, query_for, rebuild
from ckan.lib.search.common import SolrConnectionError
from ckan.tests.helpers import call_action
from sqlalchemy import event

from ckanext.ogptn.catalogue import indexing, vocabulary


def found(query: str, **more: Any) -> set[str]:
    return {record["name"] for record in tk.get_action("package_search")({"user": ""}, {"q": query, "rows": 100, **more})["results"]}


@contextmanager
def noted_statements() -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    noted: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        noted.append(statement)

    engine = model.ensure_engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.usefixtures("with_plugins", "clean_db")
def test_naming_facets_asks_the_database_once_however_many_organisations_there_are(agency_factory: Any, open_dataset_factory: Any) -> None:
    def statements() -> int:
        with noted_statements() as noted:
            facets = call_action("package_search", **{"rows": 0, "facet.field": ["organization"], "facet.limit": -1})["search_facets"]
        assert all(item["display_name"] != item["name"] for item in facets["organization"]["items"])
        return len(noted)

    open_dataset_factory(owner_org=agency_factory()["id"])
    with_one = statements()
    for _ in range(4):
        open_dataset_factory(owner_org=agency_factory()["id"])
    assert statements() == with_one


@pytest.mark.usefixtures("clean_db")
def test_who_names_a_record_is_asked_of_the_index_in_one_go(
    app: Any, agency_factory: Any, steward: dict[str, Any], open_dataset_factory: Any, commitment_factory: Any, extractive_factory: Any
) -> None:
    agency = agency_factory(editors=[steward["name"]])["id"]
    named = open_dataset_factory(owner_org=agency)

    def naming(user: str) -> tuple[list[str], list[str]]:
        with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": "fr"}):
            login_user(model.User.get(user)) if user else logout_user()
            with noted_statements() as noted:
                titles = [link["title"] for link in tk.h.ogptn_records_that_name(named["id"])]
        return titles, noted

    fields = {"owner_org": agency, "related_datasets": [named["name"]]}
    made = [commitment_factory(**fields, title_translated={"ar": "تعهد", "fr": "Engagement 0"})]
    titles, with_one = naming("")
    assert titles == ["Engagement 0"]
    assert not [statement for statement in with_one if "LIKE" in statement.upper() and "package" in statement]
    for at in range(1, 4):
        made.append(commitment_factory(**fields, title_translated={"ar": "تعهد", "fr": f"Engagement {at}"}))
    extractive_factory(owner_org=agency, related_records=[named["id"]], title_translated={"ar": "عقد", "fr": "Contrat"})
    commitment_factory(**fields, private=True, title_translated={"ar": "مخفي", "fr": "Engagement privé"})
    open_dataset_factory.create_batch(3, owner_org=agency)
    titles, with_more = naming("")
    assert titles == ["Engagement 0", "Engagement 1", "Engagement 2", "Engagement 3", "Contrat"]
    assert len(with_more) == len(with_one)
    assert set(naming(steward["name"])[0]) == {*titles, "Engagement privé"}
    # What no longer names the record, or is gone, is not listed.
    call_action("package_patch", {"user": steward["name"]}, id=made[0]["id"], related_datasets=[])
    call_action("package_delete", {"user": steward["name"]}, id=made[1]["id"])
    assert naming("")[0] == ["Engagement 2", "Engagement 3", "Contrat"]


@pytest.mark.usefixtures("clean_db")
@pytest.mark.parametrize("error", [SearchError, SolrConnectionError])
def test_a_page_is_read_while_the_index_does_not_answer(
    app: Any, commitment: dict[str, Any], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_arguments: Any, **_options: Any) -> None:
        raise error("down")

    monkeypatch.setattr("ckan.lib.search.query.PackageSearchQuery.run", broken)
    page = app.get(f"/fr/commitment/{commitment['name']}")
    assert page.status_code == 200
    assert commitment["title_translated"]["fr"] in page.get_data(as_text=True)


@pytest.fixture(params=["ogptn_search", "solr"])
def engine(request: pytest.FixtureRequest, ckan_config: dict[str, Any]) -> str:
    """Our own search, and a real Solr on CKAN's stock schema where one runs (``python -m tests.solr run -- pytest …``)."""
    if request.param == "solr":
        address = os.environ.get("OGPTN_TEST_SOLR_URL")
        if not address:
            pytest.skip("NO SOLR: set OGPTN_TEST_SOLR_URL or run through “python -m tests.solr run -- pytest …”")
        ckan_config["ckan.plugins"] = [name for name in tk.aslist(ckan_config["ckan.plugins"]) if name != "ogptn_search"]
        ckan_config["solr_url"] = address
    elif "ogptn_search" not in tk.aslist(ckan_config["ckan.plugins"]):
        pytest.skip("this site is on Solr: ogptn_search is not among its plugins")
    return request.param


@pytest.fixture
def shelf(
    engine: str,
    clean_db: None,
    open_dataset_factory: Any,
    commitment_factory: Any,
    budget_factory: Any,
    extractive_factory: Any,
    agency: Any,
) -> None:
    """One record of each type, with words that no other has."""
    assert p.plugin_loaded("ogptn_search") == (engine == "ogptn_search")
    common = {"owner_org": agency["id"]}
    open_dataset_factory(
        **common,
        name="plain",
        title_translated={"ar": "الأسعار الدُّنيا للمنتوجـــات", "fr": "Prix minimaux à la ferme"},
        notes_translated={"ar": "إحصائيات سنة ٢٠١٦ بمستوى عال", "fr": "Énumération détaillée"},
        tags_translated={"ar": ["فلاحة"], "fr": ["bétail"]},
        theme=["AGRI", "ENVI"],
        governorates=["TN-61", "TN-31"],
        license_id="CC_BY_4_0",
        resources=[
            {"url": "https://example.tn/a.csv", "name_translated": {"ar": "جدول الأغنام"}, "format": "CSV"},
            {"url": "https://example.tn/a.pdf", "format": "PDF"},
        ],
    )
    commitment_factory(
        **common,
        name="promise",
        title_translated={"ar": "تبسيط الإجراءات"},
        axis="nap1-2",
        policy_areas=["open_data", "inclusion"],
        progress_reports=[{"period_end": "2016", "completion_level": "limited", "obstacles": {"ar": "نقص التمويل"}}],
    )
    budget_factory(
        **common, name="money", title_translated={"ar": "قانون المالية"}, fiscal_years=["2023", "2024"], phases=["approved", "paid"]
    )
    extractive_factory(
        **common,
        name="well",
        title_translated={"ar": "رخصة", "fr": "Permis Borj El Khadra"},
        sectors=["oil", "gas"],
        commodities=["2709", "2711"],
        parties=[{"company": "Société Généreuse d’Étude", "share": "50"}],
    )


QUERIES = [
    ("الأسعار", "plain"),
    ("الاسعار", "plain"),
    ("أسعار", "plain"),
    ("اسعار", "plain"),
    ("آسعار", "plain"),
    ("الدنيا", "plain"),
    ("الدُنْيَا", "plain"),
    ("المنتوجات", "plain"),
    ("منتوجات", "plain"),
    ("مـنـتـوجـات", "plain"),
    ("احصائيات", "plain"),
    ("مستوي", None),
    ("بمستوي", "plain"),
    ("2016 فلاحة", "plain"),
    ("٢٠١٦ فلاحه", "plain"),
    ("۲۰۱۶ الفلاحة", "plain"),
    ("الاغنام", "plain"),
    ("prix a la ferme", "plain"),
    ("énumération", "plain"),
    ("enumeration", "plain"),
    ("BETAIL", "plain"),
    ("صفاقس", "plain"),
    ("Sfax", "plain"),
    ("beja", "plain"),
    ("Béja", "plain"),
    ("اجراءات", "promise"),
    ("التمويل", "promise"),
    ("تمويل", "promise"),
    ("inclusion", "promise"),
    ("قانون الماليه", "money"),
    ("generéuse", "well"),
    ("khadra", "well"),
]


def test_a_licence_is_named_in_the_language_of_who_searches(shelf: None, app: Any) -> None:
    """Whatever the language of the person was who saved the record, from which it was indexed."""
    titles = vocabulary.get("licences").find("CC_BY_4_0").label  # pyright: ignore[reportOptionalMemberAccess]
    with app.flask_app.test_request_context("/fr/", environ_overrides={"CKAN_LANG": "fr"}):
        rebuild(tk.get_action("package_show")({"ignore_auth": True}, {"id": "plain"})["id"])
    for language in ("ar", "fr", "en"):
        path = "/api/3/action/package_search?q=name:plain"
        with app.flask_app.test_request_context(f"/{language}{path}", environ_overrides={"CKAN_LANG": language}):
            [record] = tk.get_action("package_search")({"user": ""}, {"q": "name:plain"})["results"]
            shown = tk.get_action("package_show")({"user": ""}, {"id": "plain"})
        assert record["license_title"] == shown["license_title"] == titles[language], language
    # Which fields are asked for is a matter of the index: it has the site's own language.
    [kept] = tk.get_action("package_search")({"user": ""}, {"q": "name:plain", "fl": ["name", "license_title"]})["results"]
    assert kept.get("license_title") in (None, titles["ar"])


def test_spelling_does_not_matter(shelf: None) -> None:
    wrong = []
    for query, name in QUERIES:
        names = found(query)
        if (name and name not in names) or len(names) > 1 or (name is None and names):
            wrong.append((query, name, names))
    assert wrong == []


FACETS = {
    "vocab_theme": {"AGRI": 1, "ENVI": 1},
    "vocab_governorate": {"TN-61": 1, "TN-31": 1},
    "vocab_format": {"CSV": 1, "PDF": 1},
    "vocab_licence": {"CC_BY_4_0": 1},
    "vocab_plan": {"nap1": 1},
    "vocab_axis": {"nap1-2": 1},
    "vocab_completion_level": {"limited": 1},
    "vocab_policy_area": {"open_data": 1, "inclusion": 1},
    "vocab_fiscal_year": {"2023": 1, "2024": 1},
    "vocab_phase": {"approved": 1, "paid": 1},
    "vocab_document_type": {"enacted": 1},
    "vocab_sector": {"oil": 1, "gas": 1},
    "vocab_commodity": {"2709": 1, "2711": 1},
    "vocab_record_kind": {"contract": 1},
    "dataset_type": {"dataset": 1, "commitment": 1, "budget": 1, "extractive": 1},
}


def test_facets_of_several_values_on_the_stock_schema(shelf: None, app: Any) -> None:
    asked = {"q": "*:*", "facet.field": json.dumps(list(FACETS))}
    answers = {}
    for language in ("ar", "fr", "en"):
        with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": language}):
            answers[language] = tk.get_action("package_search")({"user": ""}, dict(asked))
    assert answers["en"]["facets"] == FACETS
    assert set(indexing.FACETS) < set(FACETS)
    for language, answer in answers.items():
        for facet, (_, vocabularies) in indexing.FACETS.items():
            for item in answer["search_facets"][facet]["items"]:
                if vocabularies:
                    assert item["display_name"] == vocabulary.label(vocabularies[0], item["name"], language), (facet, language)
    for facet, values in FACETS.items():
        for value in values:
            assert len(found("*:*", fq=f'{facet}:"{value}"')) == 1, (facet, value)


def test_every_facet_has_a_name(with_plugins: None) -> None:
    for kind in ("dataset", "commitment", "budget", "extractive", None):
        assert all(indexing.facets(kind).values())
    assert set(indexing.facets("dataset")) >= set(indexing.FACETS)
    assert "vocab_sector" not in indexing.facets("budget")


def test_json_is_not_searchable_and_long_texts_are_indexed(shelf: None, open_dataset_factory: Any) -> None:
    open_dataset_factory(name="long", provenance={"fr": "mot " * 4_000 + "introuvable"}, notes_translated={"ar": "نص " * 20_000})
    assert found("introuvable") == {"long"}
    document = query_for(model.Package).run({"q": "name:promise", "fl": "*"})["results"][0]
    assert not [name for name in document if name.startswith("extras_") and str(document[name]).startswith(("{", "["))]


def test_a_query_on_a_field_is_left_alone(with_plugins: None) -> None:
    assert indexing.before_search({"q": "title:الأسعار"})["q"] == "title:الأسعار"
    assert indexing.before_search({"q": "*:*"})["q"] == "*:*"
    assert "q" not in indexing.before_search({})
    assert indexing.before_search({"q": "الأسعار AND NOT (prix OR coût*)"})["q"] == "اسعار AND NOT (prix OR cout*)"


def test_drafts_and_private_records_are_not_found(shelf: None, open_dataset_factory: Any) -> None:
    open_dataset_factory(name="hidden", private=True, title_translated={"ar": "سري"})
    assert found("سري") == set()
    assert call_action("package_search", q="سري", include_private=True)["count"] == 1
