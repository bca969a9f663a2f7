"""The two engines as objects that CKAN's search seam would get, for tests and benchmarks that ask both the same thing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, Protocol
from unittest import mock

import psycopg2
import pysolr
from psycopg2 import sql
from simplejson import JSONDecoder

from tests.solr.corpus import Document

#: Documents in one call of ``add``; CKAN's own rebuild sends one.
BATCH = 200
#: The default of ``ogptn.search.cache_megabytes``.
CACHE_BYTES = 128 << 20
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


def own_connection(seconds: float = 60.0, url: str | None = None) -> Connection:
    """Our engine with a new, empty index. A generous time limit: a test wants the answer.

    :param seconds: that one statement may take.
    :param url: of the PostgreSQL; without it that of the loaded CKAN, whose own index is lost.
    """
    from ckanext.ogptn.search import config
    from ckanext.ogptn.search.connection import PostgresConnection
    from ckanext.ogptn.search.store import SCHEMA

    address = url or config.database_url()
    with closing(psycopg2.connect(address)) as connection, connection, connection.cursor() as cursor:
        # An index of an older version would refuse to work until it is rebuilt.
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(SCHEMA)))
    return PostgresConnection(address, decode_dates=False, seconds=seconds, cache=CACHE_BYTES)


@contextmanager
def stock_words() -> Iterator[None]:
    """Our engine takes from a query's words the terms that Solr's analyser would make, and none of its own Arabic and French ones.

    The index holds both, so that this alone tells whether everything but the languages is as in Solr.
    """
    from ckanext.ogptn.search import analysis

    def solr_terms_only(word: str, stemmed: bool) -> tuple[tuple[str, ...], ...]:
        parts = analysis.word_parts(word, split_case=stemmed)
        return tuple(analysis._part_terms(part, stemmed, False)[:1] for part, _number in parts)

    with forgetful(), mock.patch.object(analysis, "query_word", solr_terms_only):
        yield


@contextmanager
def forgetful() -> Iterator[None]:
    """Our engine keeps no answers and no filters, which would come from another reading of the same words."""
    from ckanext.ogptn.search import connection, evaluate

    with mock.patch.object(connection, "KEPT_ANSWERS", 0), mock.patch.object(evaluate, "KEPT_MASKS", 0):
        yield
