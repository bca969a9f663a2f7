"""The one place that patches CKAN: where ``ckan.lib.search`` makes its connection, it gets ours.

CKAN's ``PackageSearchIndex`` and ``PackageSearchQuery`` stay as they are. :func:`install` refuses a CKAN that it was not written for.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import ckan
import ckan.lib.search as search
import ckan.lib.search.common as common
import ckan.lib.search.index as index
import ckan.lib.search.query as query
import ckan.plugins.toolkit as tk
from ckan.exceptions import CkanConfigurationException

from . import config
from .connection import PostgresConnection

KNOWN = ("2.12.",)
_CALLERS: tuple[ModuleType, ...] = (search, common, index, query)
_NAME = "make_connection"
_CHECK = "check_solr_schema_version"
#: CKAN's own functions. Kept when they are given back, as other modules may still hold one of ours.
_original: dict[tuple[ModuleType, str], Any] = {}
_in_place = False
_solr_url_at_load: str | None = None
_instead: ContextVar[Any] = ContextVar("ogptn_search_instead", default=None)


def make_connection(decode_dates: bool = True) -> Any:
    """Stands in for CKAN's function of this name.

    The engine takes the place of the Solr that ``solr_url`` named when the plugin was loaded. Where the option says something else by now,
    another Solr is meant, and CKAN's own function connects to it.
    """
    instead = _instead.get()
    if instead is not None:
        return instead
    if not _in_place or tk.config.get("solr_url") != _solr_url_at_load:
        return _original[(common, _NAME)](decode_dates)
    return connection(decode_dates=decode_dates)


def connection(*, decode_dates: bool = False) -> PostgresConnection:
    """A connection to the index that the configuration names."""
    return PostgresConnection(
        config.database_url(), decode_dates=decode_dates, seconds=config.statement_timeout(), cache=config.cache_bytes()
    )


@contextmanager
def using(replacement: Any) -> Iterator[None]:
    """Within the block CKAN's search classes talk to an object of ours: to collect documents, or to watch a query."""
    token = _instead.set(replacement)
    try:
        yield
    finally:
        _instead.reset(token)


class Collector:
    """Takes the documents that CKAN wants to index, and keeps them."""

    url = "collector"

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def add(self, docs: list[dict[str, Any]], **_options: Any) -> None:
        self.documents += docs

    def delete(self, **_options: Any) -> None:
        """A dataset that CKAN would take out of the index is one that it does not put in."""

    def commit(self, **_options: Any) -> None:
        pass


def check_solr_schema_version(schema_file: str | None = None) -> bool:
    """Stands in for CKAN's function of this name, which runs whenever CKAN starts.

    With a file it is CKAN's own check of that file. Without one there is no Solr schema to check, and a PostgreSQL that does not answer
    yet, or has no tables yet (``ckan db init`` is on its way), must not keep CKAN from starting.
    """
    if schema_file is not None or not _in_place:
        return _original[(search, _CHECK)](schema_file)
    return True


def _expected() -> None:
    """:raises CkanConfigurationException: a CKAN in which the seam is not where it was in 2.12."""
    problems: list[str] = []
    if not ckan.__version__.startswith(KNOWN):
        problems.append(f"it is {ckan.__version__}")
    for module in _CALLERS:
        if not callable(getattr(module, _NAME, None)):
            problems.append(f"{module.__name__}.{_NAME} is missing")
    if not callable(getattr(search, _CHECK, None)):
        problems.append(f"ckan.lib.search.{_CHECK} is missing")
    if not problems and list(inspect.signature(common.make_connection).parameters) != ["decode_dates"]:
        problems.append(f"{_NAME} takes other parameters")
    if problems:
        raise CkanConfigurationException(f"ogptn_search knows CKAN 2.12 only, and this one differs: {'; '.join(problems)}.")


def install() -> None:
    """Put our connection where CKAN makes its own. Safe to repeat.

    :raises CkanConfigurationException: an unknown CKAN.
    """
    global _in_place, _solr_url_at_load
    if _in_place:
        return
    _expected()
    _solr_url_at_load = tk.config.get("solr_url")
    for module in _CALLERS:
        _original[(module, _NAME)] = getattr(module, _NAME)
        setattr(module, _NAME, make_connection)
    _original[(search, _CHECK)] = getattr(search, _CHECK)
    setattr(search, _CHECK, check_solr_schema_version)
    _in_place = True


def remove() -> None:
    """Give CKAN its own connection back."""
    global _in_place
    if _in_place:
        for (module, name), value in _original.items():
            setattr(module, name, value)
    _in_place = False


def installed() -> bool:
    return _in_place
