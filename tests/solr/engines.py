"""The two engines as objects that CKAN's search seam would get, for tests and benchmarks that ask both the same thing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Protocol

import pysolr
from simplejson import JSONDecoder

from tests.solr.corpus import Document

#: Documents in one call of ``add``; CKAN's own rebuild sends one.
BATCH = 200
#: What CKAN's query class tells apart in an engine's errors (``ckan.lib.search.query.PackageSearchQuery.run``).
SORT_ERRORS = ("Can't determine a Sort Order", "Can't determine Sort Order", "Unknown sort order")
CONNECTION_ERRORS = ("Failed to connect to server", "Connection to server")


class Connection(Protocol):
    """What CKAN uses of ``pysolr.Solr``."""

    def add(self, docs: list[Document], *, commit: bool | None = None) -> Any: ...
    def search(self, q: Any, **parameters: Any) -> Any: ...
    def delete(self, *, q: str | None = None, commit: bool | None = None) -> Any: ...
    def commit(self) -> Any: ...


def solr_url() -> str | None:
    """The Solr that tests may use and empty: ``OGPTN_TEST_SOLR_URL``, which ``python -m tests.solr run`` sets."""
    return os.environ.get("OGPTN_TEST_SOLR_URL") or None


def solr_connection(url: str) -> Connection:
    """As CKAN's query class makes it: dates stay text."""
    return pysolr.Solr(url, decoder=JSONDecoder(), timeout=120)


def load(connection: Connection, documents: Iterable[Document], batch: int = BATCH) -> int:
    """Empty an engine and fill it. Returns the number of documents."""
    connection.delete(q="*:*")
    connection.commit()
    return append(connection, documents, batch)


def append(connection: Connection, documents: Iterable[Document], batch: int = BATCH) -> int:
    total = 0
    remaining = iter(documents)
    while chunk := list(islice(remaining, batch)):
        connection.add(docs=chunk, commit=False)
        total += len(chunk)
    connection.commit()
    return total


def error_class(error: pysolr.SolrError) -> str:
    """How CKAN would tell its caller: ``sort``, ``connection`` or ``query``."""
    text = str(error.args[0]) if error.args else ""
    if any(words in text for words in SORT_ERRORS):
        return "sort"
    if any(words in text for words in CONNECTION_ERRORS):
        return "connection"
    return "query"


def facet_pairs(flat: Sequence[Any]) -> list[tuple[Any, int]]:
    """Solr's ``[value, count, value, count …]`` as pairs."""
    return list(zip(flat[0::2], flat[1::2], strict=True))


def own_connection(seconds: float = 60.0) -> Connection:
    """Our engine at the PostgreSQL that the loaded CKAN is configured for. A generous time limit: a test wants the answer."""
    from ckanext.ogptn.search import config
    from ckanext.ogptn.search.connection import PostgresConnection

    return PostgresConnection(config.database_url(), decode_dates=False, seconds=seconds, cache=config.cache_bytes())
