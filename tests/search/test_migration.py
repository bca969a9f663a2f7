"""The tables: by migration, by first use, after ``ckan db clean``, and of another version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from ckan.cli.cli import ckan

from ckanext.ogptn.search import store
from ckanext.ogptn.search.connection import PostgresConnection
from ckanext.ogptn.search.errors import IndexOutdatedError

from .conftest import make_document

pytestmark = [pytest.mark.ckan_config("ckan.plugins", "ogptn_search"), pytest.mark.usefixtures("with_plugins", "clean_db")]


@pytest.fixture
def execute(database_url: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    connection = psycopg2.connect(database_url)
    connection.autocommit = True

    def run(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    yield run
    connection.close()


def _tables(execute: Callable[..., list[tuple[Any, ...]]]) -> set[str]:
    return {re.sub(r"_\d+$", "", row[0]) for row in execute("SELECT tablename FROM pg_tables WHERE schemaname = 'ogptn_search'")}


ALL = {"index_set", "doc", "tail", "gone", "segment", "posting"}


def test_the_migration_makes_the_tables_and_takes_them_away(execute: Any, migrate_db_for: Any) -> None:
    execute("DROP SCHEMA IF EXISTS ogptn_search CASCADE")
    migrate_db_for("ogptn_search")
    assert _tables(execute) == ALL | {"ogptn_search_alembic_version"}
    migrate_db_for("ogptn_search")
    migrate_db_for("ogptn_search", "base", False)
    assert _tables(execute) == {"ogptn_search_alembic_version"}
    migrate_db_for("ogptn_search")
    assert _tables(execute) >= ALL


def test_a_database_without_the_tables_gets_them_at_the_first_use(execute: Any, database_url: str) -> None:
    execute("DROP SCHEMA IF EXISTS ogptn_search CASCADE")
    connection = PostgresConnection(database_url)
    assert connection.search("*:*").hits == 0
    execute("DROP SCHEMA IF EXISTS ogptn_search CASCADE")
    connection.add([make_document("first")])
    assert connection.search("*:*").hits == 1
    connection.delete(q="*:*")


def test_the_index_survives_ckans_cleaning_of_its_own_tables_and_is_emptied_by_the_command(cli: Any, database_url: str) -> None:
    connection = PostgresConnection(database_url)
    connection.add([make_document("kept", site_id="another")])
    import ckan.model as model

    model.repo.rebuild_db()
    assert connection.search("*:*").hits == 1
    assert not cli.invoke(ckan, ["search-index", "clear"]).exit_code
    assert connection.search("*:*").hits == 1
    connection.delete(q="*:*")


def test_an_empty_index_of_an_older_version_is_made_anew_and_a_full_one_asks_for_a_rebuild(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = PostgresConnection(database_url)
    connection.delete(q="*:*")
    monkeypatch.setattr(store, "TABLE_VERSION", 97)
    connection.add([make_document("one")])
    monkeypatch.setattr(store, "TABLE_VERSION", 98)
    with pytest.raises(IndexOutdatedError, match="ckan ogptn-search rebuild"):
        connection.search("*:*")
    with pytest.raises(IndexOutdatedError, match="ckan ogptn-search rebuild"):
        connection.add([make_document("two")])
    monkeypatch.setattr(store, "TABLE_VERSION", 97)
    connection.delete(q="*:*")
    monkeypatch.undo()
    assert connection.search("*:*").hits == 0
