"""What people see first is what Solr would show first, and a title typed in full is found first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.solr.corpus import Corpus, Document, documents
from tests.solr.engines import Connection, load, own_connection, solr_connection, solr_url
from tests.solr.relevance import exact_titles, mean, overlaps, ranked, report, texts

COUNT = 2000


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Connection, Connection, list[Document]]]:
    """Solr and ours with the same documents."""
    url = solr_url()
    assert url is not None
    sent = list(documents(Corpus(COUNT).packages()))
    solr, ours = solr_connection(url), own_connection()
    for connection in (solr, ours):
        load(connection, sent)
    yield solr, ours, sent
    for connection in (solr, ours):
        connection.delete(q="*:*")
        connection.commit()


@pytest.mark.solr
def test_the_first_ten_are_solrs_first_ten(site: tuple[Connection, Connection, list[Document]], capsys: pytest.CaptureFixture[str]) -> None:
    solr, ours, _sent = site
    found = overlaps(solr, ours, texts(Corpus(COUNT), 215), COUNT)[:200]
    with capsys.disabled():
        print("\n" + report(found))
    assert len(found) == 200
    assert mean(found) >= 0.8


@pytest.mark.solr
def test_an_exact_title_is_first(site: tuple[Connection, Connection, list[Document]], capsys: pytest.CaptureFixture[str]) -> None:
    solr, ours, sent = site
    titles = exact_titles(sent, 150)
    firsts = {title: [(ranked(engine, title, 1) or [("", 0.0, "nothing")])[0][2] for engine in (solr, ours)] for title in titles}
    counts = [sum(best[engine] == title for title, best in firsts.items()) for engine in (0, 1)]
    with capsys.disabled():
        print(f"\nexact title first: Solr {counts[0]}, ours {counts[1]} of {len(titles)}")
    assert len(titles) == 150
    assert [(title, first[1]) for title, first in firsts.items() if first[1] != title] == []
