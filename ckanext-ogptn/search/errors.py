"""Errors in Solr's own words: CKAN's query and index classes know failures by :class:`pysolr.SolrError` and by parts of its message."""

from __future__ import annotations

import pysolr


class EngineError(pysolr.SolrError):
    """The engine refuses a request or cannot answer it."""


class BadRequestError(EngineError):
    """The request is wrong: bad syntax, an unknown sort order, a value that its field cannot take."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Solr responded with an error (HTTP 400): [Reason: {reason}]")


class QuerySyntaxError(BadRequestError):
    """A query that Lucene's classic grammar does not know."""

    def __init__(self, query: str, reason: str) -> None:
        super().__init__(f"org.apache.solr.search.SyntaxError: Cannot parse '{query}': {reason}")


class TimeLimitError(EngineError):
    """A query took longer than ``ogptn.search.statement_timeout``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The search was stopped after {seconds:g} seconds (ogptn.search.statement_timeout). "
            "Make the query narrower, or raise the limit."
        )


class UnreachableError(EngineError):
    """PostgreSQL does not answer. CKAN looks for the first words."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"Failed to connect to server at {address}: {reason.strip()}")


class IndexMissingError(EngineError):
    """The index's tables are not there and could not be made."""


class IndexOutdatedError(EngineError):
    """The index's tables are of another version of the plugin."""
