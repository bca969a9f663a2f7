"""Our search and a real Solr answer the same thousand questions alike."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.solr.corpus import Corpus
from tests.solr.differential import report, run
from tests.solr.engines import own_connection, solr_url
from tests.solr.queries import KINDS, Grammar


@pytest.mark.solr
@pytest.mark.usefixtures("clean_db")
def test_our_search_and_solr_answer_alike(capsys: pytest.CaptureFixture[str]) -> None:
    url = solr_url()
    assert url is not None
    comparison, differences, entries = run(url, own_connection())
    with capsys.disabled():
        print("\n" + report(comparison, differences, entries))
    assert sum(comparison.asked.values()) == 1000
    assert set(comparison.asked) == set(KINDS)
    assert [str(d.query) for d in differences if d.intended is None] == []
    used = Counter(d.intended for d in differences)
    assert [entry.id for entry in entries if not used[entry.id]] == [], "entries of intended.yaml that cover nothing any more"


def test_the_grammar_draws_the_same_queries_every_time_and_every_kind() -> None:
    first, second = (Grammar(Corpus(2000)).draw(1000) for _ in range(2))
    assert first == second
    assert {query.kind for query in first} == set(KINDS)
