"""Arabic and French are searched better than with Solr on CKAN's stock schema: the same table on both."""

from __future__ import annotations

import pytest

from tests.solr.engines import Connection, load, own_connection, solr_connection, solr_url
from tests.solr.languages import ask_all, library, table


@pytest.mark.solr
def test_arabic_and_french_on_both_engines(capsys: pytest.CaptureFixture[str]) -> None:
    url = solr_url()
    assert url is not None
    engines: dict[str, Connection] = {"ours": own_connection(), "Solr": solr_connection(url)}
    sent = library()
    for engine in engines.values():
        load(engine, sent)
    rows = ask_all(engines)
    with capsys.disabled():
        print("\n" + table(rows, list(engines)))
    assert len(rows) >= 40
    assert [row.text for row in rows if not row.right("ours")] == []
    # Otherwise the table would show nothing that the stock schema lacks.
    assert sum(row.right("Solr") for row in rows) < len(rows)
