"""The comparison sees every kind of difference, and nothing where there is none. No Solr needed: both sides are written down here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pysolr
import pytest

from tests.solr.differential import DIFFERENCES, Comparison, Difference, Intended, intended, sort_out
from tests.solr.queries import Query

DOCUMENTS = {name: {"name": name, "year": year} for name, year in (("a", "1"), ("b", "1"), ("c", "2"))}


class Canned:
    """An engine with one answer."""

    def __init__(self, *names: str, facets: list[Any] | None = None, error: Exception | None = None, **stored: str) -> None:
        self.answer = {"response": {"numFound": len(names), "docs": [{"name": name, **stored} for name in names]}}
        self.answer["facet_counts"] = {"facet_fields": {"tags": facets or []}}
        self.error = error

    def search(self, q: Any, **parameters: Any) -> pysolr.Results:
        if self.error:
            raise self.error
        return pysolr.Results(self.answer)

    def add(self, docs: list[dict[str, Any]], *, commit: bool | None = None) -> None: ...
    def delete(self, *, q: str | None = None, commit: bool | None = None) -> None: ...
    def commit(self) -> None: ...


def differences(solr: Canned, ours: Canned, kind: str = "word", **params: Any) -> list[Difference]:
    query = Query(0, kind, {"q": "x", "rows": 10, **params}, through_ckan=False)
    return Comparison(solr, ours, DOCUMENTS).run([query])


@pytest.mark.parametrize(
    ("solr", "ours", "params", "expected"),
    [
        (Canned("a", "b"), Canned("b", "a"), {}, []),
        (Canned("a", "b"), Canned("a"), {}, ["hits"]),
        (Canned("a", "b"), Canned("a", "c"), {}, ["hits"]),
        (Canned("a", "c"), Canned("c", "a"), {"sort": "year asc"}, ["order"]),
        # a and b have the same year: which comes first is nobody's contract.
        (Canned("a", "b", "c"), Canned("b", "a", "c"), {"sort": "year asc"}, []),
        (Canned("a", "c"), Canned("c", "a"), {"sort": "score desc, year asc"}, []),
        (Canned(facets=["x", 2, "y", 1]), Canned(facets=["x", 2, "y", 1]), {}, []),
        (Canned(facets=["x", 2, "y", 1]), Canned(facets=["x", 2]), {}, ["facet values"]),
        (Canned(facets=["x", 2, "y", 1]), Canned(facets=["x", 2, "y", 2]), {}, ["facet counts"]),
        (Canned(facets=["x", 1, "y", 1]), Canned(facets=["y", 1, "x", 1]), {}, ["facet order"]),
        (Canned(error=pysolr.SolrError("syntax")), Canned(), {}, ["error"]),
        (Canned(), Canned(error=pysolr.SolrError("syntax")), {}, ["error"]),
        (Canned(error=pysolr.SolrError("syntax")), Canned(error=pysolr.SolrError("in other words")), {}, []),
        (Canned(error=pysolr.SolrError("Can't determine a Sort Order")), Canned(error=pysolr.SolrError("bad")), {}, ["error class"]),
        (Canned(error=pysolr.SolrError("syntax")), Canned(error=KeyError("title")), {}, ["crash"]),
    ],
)
def test_what_counts_as_a_difference(solr: Canned, ours: Canned, params: dict[str, Any], expected: list[str]) -> None:
    assert [d.kind for d in differences(solr, ours, **params)] == expected


def test_stored_values_are_compared_where_the_query_asks_for_them() -> None:
    found = differences(Canned("a", title="Eau", indexed_ts="1"), Canned("a", title="eau", indexed_ts="2"), kind="stored values")
    assert [d.kind for d in found] == ["stored values"]
    assert "title" in found[0].detail
    assert "indexed_ts" not in found[0].detail


def test_an_intended_difference_needs_every_condition() -> None:
    found = differences(Canned("a"), Canned("a", "b"), q="title:المياه")[0]
    entry = {"id": "arabic", "reason": "why", "differences": ("hits",)}
    assert sort_out([found], [Intended(**entry)])[0].intended == "arabic"
    assert sort_out([found], [Intended(**entry, kinds=frozenset({"fuzzy"}))])[0].intended is None
    assert sort_out([found], [Intended(**entry, pattern="notes")])[0].intended is None
    assert sort_out([found], [Intended(**entry, words=True)])[0].intended is None
    assert sort_out([found], [Intended(**entry, relation="more")])[0].intended == "arabic"


def test_fewer_hits_are_not_more_unless_the_query_excludes() -> None:
    entry = Intended("more", "why", ("hits",), relation="more")
    assert sort_out(differences(Canned("a", "b"), Canned("b", "c"), q="title:x"), [entry])[0].intended is None
    assert sort_out(differences(Canned("a", "b"), Canned("a"), q="-title:x"), [entry])[0].intended == "more"


def test_the_list_of_intended_differences_is_sound() -> None:
    entries = intended()
    assert len({entry.id for entry in entries}) == len(entries)
    assert all(set(entry.differences) <= set(DIFFERENCES) for entry in entries)


@pytest.mark.parametrize("text", ["- {id: a, differences: [hits]}", "- {id: a, reason: why, differences: [colour]}"])
def test_an_entry_without_a_reason_or_with_unknown_words_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "intended.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="needs a reason"):
        intended(file)
