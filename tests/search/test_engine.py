"""What queries find, in which order, with which facets, and which errors they give: the engine without CKAN."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pysolr
import pytest

from ckanext.ogptn.search import compaction
from ckanext.ogptn.search.connection import PostgresConnection

from .conftest import make_document, names, typed

DOCUMENTS = [
    make_document(
        "water",
        title="Water quality",
        notes="The quality of drinking water in the rivers of the north",
        tags=["environment", "water"],
        organization="ministry-a",
        res_format=["CSV", "PDF"],
        res_name=["Monthly report", "Raw data"],
        metadata_modified="2026-03-01T10:00:00Z",
        views_total=5,
        extras_remark="weekly",
        license_id="cc-by",
        vocab_year=["2024", "2025"],
        start_date="2020-05-01T00:00:00Z",
    ),
    make_document(
        "energy",
        title="Energy production",
        notes="Electricity and gas, water power among them",
        tags=["energy"],
        organization="ministry-b",
        res_format=["CSV"],
        metadata_modified="2026-04-01T10:00:00Z",
        views_total=50,
        author="A. Writer",
    ),
    make_document(
        "secret", title="Draft contract", permission_labels=["member-x"], state="draft", metadata_modified="2026-05-01T10:00:00Z"
    ),
]


@pytest.fixture(params=["tail", "segment", "both"])
def library(engine: PostgresConnection, request: pytest.FixtureRequest) -> PostgresConnection:
    """The same documents where they lie in the tail, in a segment, and in both."""
    if request.param == "tail":
        engine.add(DOCUMENTS)
        return engine
    with engine.store.snapshot() as snapshot:
        index = snapshot.state.number
    engine.add(DOCUMENTS if request.param == "segment" else DOCUMENTS[:1])
    compaction.flush(engine.store, index)
    if request.param == "both":
        engine.add(DOCUMENTS[1:])
    return engine


QUERIES: list[tuple[str, list[str]]] = [
    ("*:*", ["energy", "secret", "water"]),
    ("water", ["energy", "water"]),
    ("title:water", ["water"]),
    ("WATERS", ["energy", "water"]),
    ("title:(water OR energy)", ["energy", "water"]),
    ("water -energy", ["water"]),
    ("-water", ["secret"]),
    ("title:(-water)", []),
    ('"quality of drinking water"', ["water"]),
    ('"drinking quality"', []),
    ('"quality water"~2', ["water"]),
    ('"water quality"~4', ["water"]),
    ('res_name:"report raw"', []),
    ("wat*", ["energy", "water"]),
    ("text:*ity", []),
    ("text:qual?t*", ["water"]),
    ("watr~", ["energy", "water"]),
    ("watr~1", ["energy", "water"]),
    ("wtr~1", []),
    ("name:/[we].*/", ["energy", "water"]),
    ("title:/WAT.*/", ["water"]),
    ("tags:environment", ["water"]),
    ("tags:Environment", []),
    ("tags:(energy environment)", ["energy", "water"]),
    ("tags:*", ["energy", "water"]),
    ("-author:*", ["secret", "water"]),
    ("organization:[ministry-a TO ministry-b}", ["water"]),
    ("metadata_modified:[2026-03-15T00:00:00Z TO *]", ["energy", "secret"]),
    ("metadata_modified:[2026-03-01T10:00:00Z TO 2026-04-01T10:00:00Z}", ["water"]),
    ("metadata_modified:[* TO NOW/DAY-100YEARS]", []),
    ("metadata_modified:[2026-03-01T10:00:00Z/MONTH TO 2026-03-01T10:00:00Z/MONTH+1MONTH]", ["water"]),
    ("start_date:[2020-01-01T00:00:00Z TO 2020-12-31T00:00:00Z]", ["water"]),
    ("views_total:[6 TO 50]", ["energy"]),
    ("views_total:5", ["water"]),
    ("name_ngram:ate", ["water"]),
    ("title_ngram:prod", ["energy"]),
    ("extras_remark:Weekly", ["water"]),
    ("nofield:x", []),
    ("data_dict:x", []),
    ("{!term f=tags}water", ["water"]),
    ("{!prefix f=name}wa", ["water"]),
    ("{!bool must=water must_not=energy}", ["water"]),
    (" {!term f=tags}water", ["water"]),
    ("{!field f=notes}drinking water", ["water"]),
    ("text:2024", ["water"]),
    ('title:""', []),
]


@pytest.mark.parametrize(("query", "found"), QUERIES, ids=[query for query, _found in QUERIES])
def test_a_query_finds(library: PostgresConnection, query: str, found: list[str]) -> None:
    assert names(library, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("water quality", ["water"]),
        ("water rivers energy", ["water", "energy"]),
        ("water AND energy", ["energy"]),
        ("+water -gas", ["water"]),
        ('"drinking water"', ["water"]),
        ("*", []),
        ("-water", []),
        ("water (", []),
        ('water "', ["water", "energy"]),
    ],
)
def test_typed_words_find(library: PostgresConnection, query: str, found: list[str]) -> None:
    assert typed(library, query) == found


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"q": "title:(water"}, "Cannot parse"),
        ({"q": "--included", "defType": "dismax"}, "Cannot parse"),
        ({"q": "metadata_modified:yesterday"}, "Invalid Date String:'yesterday'"),
        ({"q": "metadata_modified:[NOW-7FORTNIGHTS TO *]"}, "Invalid Date Math String"),
        ({"q": "views_total:many"}, "Invalid Number: many"),
        ({"q": "views_total:1*"}, "prefix queries on numeric"),
        ({"q": "name:/[/"}, "regular expression"),
        ({"q": "*:*", "sort": "name"}, "Can't determine a Sort Order"),
        ({"q": "*:*", "sort": "name upwards"}, "Can't determine a Sort Order"),
        ({"q": "*:*", "sort": "res_name asc"}, "can not sort on multivalued field: res_name"),
        ({"q": "*:*", "sort": "data_dict asc"}, "can not sort on a field"),
        ({"q": "*:*", "rows": -1}, "cannot be negative"),
        ({"q": "*:*", "rows": "ten"}, 'For input string: "ten"'),
        ({"q": "*:*", "fq": "tags:(a"}, "Cannot parse"),
        ({"q": "a b", "defType": "dismax", "mm": "some"}, "mm"),
        ({"q": "*:*", "defType": "magic"}, "magic"),
        ({"q": "*:*", "facet": "true", "facet.field": "metadata_modified"}, "Can't facet on a PointField"),
        ({"q": "*:*", "facet": "true", "facet.field": "tags", "facet.limit": "few"}, "few"),
    ],
)
def test_errors_are_pysolrs_in_solrs_words(library: PostgresConnection, params: dict[str, Any], message: str) -> None:
    with pytest.raises(pysolr.SolrError, match=re.escape(message)):
        library.search(**params)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": ["one", "two"]}, "multiple values encountered for non multiValued field title"),
        ({"organization": ["one", "two"]}, "multiple values encountered for non multiValued field organization"),
        ({"metadata_modified": "yesterday"}, "Invalid Date String:'yesterday'"),
        ({"views_total": "many"}, 'For input string: "many"'),
        ({"index_id": None}, "missing required field: index_id"),
        ({"notes": {"an": "object"}}, "cannot be an object"),
    ],
)
def test_a_document_that_the_schema_does_not_allow_is_refused_and_nothing_of_the_call_is_kept(
    engine: PostgresConnection, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(pysolr.SolrError, match=re.escape(message)):
        engine.add([make_document("good"), make_document("bad", **changes)])
    assert engine.search("*:*").hits == 0


def test_facets(library: PostgresConnection) -> None:
    def facet(field: str, **params: Any) -> list[Any]:
        wanted = {"facet": "true", "facet.field": [field], "rows": 0, **{key.replace("_", "."): value for key, value in params.items()}}
        return library.search("*:*", **wanted).facets["facet_fields"][field]

    assert facet("res_format", facet_mincount=1) == ["CSV", 2, "PDF", 1]
    assert facet("res_format", facet_limit=1, facet_mincount=1) == ["CSV", 2]
    assert facet("tags", facet_mincount=1, facet_sort="index") == ["energy", 1, "environment", 1, "water", 1]
    assert facet("tags", facet_prefix="en", facet_mincount=1) == ["energy", 1, "environment", 1]
    assert facet("license_id", facet_missing="true") == ["cc-by", 1, None, 2]
    assert facet("res_name", facet_mincount=1) == ["data", 1, "monthly", 1, "raw", 1, "report", 1]
    assert facet("no_such_field") == []
    narrowed = library.search("energy", rows=0, facet="true", **{"facet.field": ["tags"], "facet.mincount": 0})
    assert narrowed.facets["facet_fields"]["tags"] == ["energy", 1, "environment", 0, "water", 0]


def test_sort_paging_and_field_lists(library: PostgresConnection) -> None:
    assert names(library, "*:*", sort="metadata_modified desc") == ["secret", "energy", "water"]
    assert names(library, "*:*", sort="title_string asc") == ["secret", "energy", "water"]
    assert names(library, "*:*", sort="organization desc, name asc") == ["energy", "water", "secret"]
    assert names(library, "*:*", sort="views_total desc") == ["energy", "water", "secret"]
    assert names(library, "*:*", start=1, rows=1) == ["secret"]
    assert names(library, "*:*", start=99) == []
    assert library.search("*:*", rows=0).hits == 3
    (found,) = library.search("name:water", fl="id,score,metadata_modified").docs
    assert found["id"] == "id-water"
    assert found["score"] > 0
    assert found["metadata_modified"] == datetime.datetime(2026, 3, 1, 10, 0)  # noqa: DTZ001
    (whole,) = library.search("name:water").docs
    assert whole["res_format"] == ["CSV", "PDF"]
    assert whole["validated_data_dict"].startswith('{"id": "id-water"')
    assert "permission_labels" not in whole
    assert "title_string" not in whole


def test_a_text_sorts_by_its_first_word_of_the_alphabet(engine: PostgresConnection) -> None:
    """Whatever the direction, as Solr does; without a word before "a". Words that only we know of (other stems) do not count."""
    titles = {"one": "Zebra of Carthage", "two": "بيانات", "three": "Barrages", "four": "", "five": "l’énergie 2024"}
    engine.add([make_document(name, title=title) for name, title in titles.items()])
    assert names(engine, "*:*", sort="title asc") == ["four", "five", "three", "one", "two"]
    engine.add([make_document("six", title="COVID-19")])
    assert names(engine, "*:*", sort="title desc") == ["two", "one", "three", "five", "six", "four"]


def test_permission_labels_and_filters(library: PostgresConnection) -> None:
    assert names(library, "*:*", fq=["+state:active", '+permission_labels:("public")']) == ["energy", "water"]
    assert names(library, "*:*", fq='+permission_labels:("public" OR "member-x")') == ["energy", "secret", "water"]
    assert names(library, "*:*", fq=["+res_format:PDF", "tags:water"]) == ["water"]
    assert names(library, "*:*", fq="-organization:ministry-a") == ["energy", "secret"]


def test_an_exact_title_comes_first_and_rare_words_weigh_more(engine: PostgresConnection) -> None:
    engine.add(
        [make_document("exact", title="Annual budget of Tunis", notes="short")]
        + [make_document(f"other-{number}", title=f"Budget {number}", notes="annual budget of Tunis " * 5) for number in range(20)]
        + [make_document("rare", title="Budget phosphate", notes="x")]
    )
    assert typed(engine, "Annual budget of Tunis")[0] == "exact"
    assert typed(engine, "budget phosphate")[0] == "rare"


def test_replacing_and_removing(library: PostgresConnection) -> None:
    library.add([make_document("water", title="Sea level", notes="")])
    assert names(library, "title:water") == []
    assert names(library, "title:sea") == ["water"]
    assert library.search("*:*").hits == 3
    library.delete(q='+entity_type:package AND +(id:"id-water" OR name:"id-water") AND +site_id:"tests"')
    assert names(library, "*:*") == ["energy", "secret"]
    library.delete(id=str(DOCUMENTS[1]["index_id"]))
    assert names(library, "*:*") == ["secret"]


def test_boosts_of_functions_move_newer_datasets_up(library: PostgresConnection) -> None:
    assert typed(library, "water", defType="edismax", bf="linear(views_total,1,0)", sort="score desc") == ["energy", "water"]
    assert typed(library, "water", defType="edismax", boost="views_total", sort="score desc") == ["energy", "water"]
    assert typed(library, "water", defType="edismax", sort="score desc") == ["water", "energy"]


def test_what_postgresql_cannot_keep_does_not_break_a_write(engine: PostgresConnection) -> None:
    engine.add([make_document("odd", notes="nul \x00 and half a pair \ud800 here", tags=["x" * 5000], title="w" * 3000)])
    assert names(engine, "notes:nul") == ["odd"]
    assert names(engine, f"tags:{'x' * 5000}") == ["odd"]


def test_a_large_addition_a_merge_and_a_new_process_see_the_same(engine: PostgresConnection, database_url: str) -> None:
    for start in range(0, 600, 150):
        engine.add(
            [make_document(f"d{number}", title=f"Title {number % 7}", tags=[f"t{number % 5}"]) for number in range(start, start + 150)]
        )
    engine.add([make_document(f"d{number}", title="Changed", tags=["new"]) for number in range(100, 250)])
    engine.delete(q="tags:t3")

    def seen(connection: PostgresConnection) -> list[Any]:
        facets = connection.search("*:*", rows=0, facet="true", **{"facet.field": ["tags"], "facet.mincount": 1}).facets
        return [facets["facet_fields"], connection.search("title:changed").hits, names(connection, '"title 3"', sort="name desc")]

    before = seen(engine)
    assert before[1] == 150
    with engine.store.snapshot() as snapshot:
        index = snapshot.state.number
    assert compaction.merge(engine.store, index) == engine.search("*:*").hits
    assert seen(engine) == before
    from ckanext.ogptn.search import connection as module
    from ckanext.ogptn.search.reader import Reader

    module._readers[database_url] = Reader()
    assert seen(PostgresConnection(database_url)) == before


def test_a_fuzzy_word_finds_terms_that_share_nothing_with_it_but_their_length(engine: PostgresConnection) -> None:
    """As Lucene: two edits make any other word of two letters, and a term that weighs nothing is found all the same."""
    engine.add([make_document("near", title="tax"), make_document("far", title="a"), make_document("no", title="environment")])
    assert names(engine, "title:gax~") == ["far", "near"]
    assert typed(engine, "gax~", defType="edismax", qf="title") == ["near", "far"]
