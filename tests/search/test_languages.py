"""Forty-four queries in Arabic and French, and the datasets that they must find (``languages.yaml``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ckanext.ogptn.search.connection import PostgresConnection

from .conftest import make_document, typed

TABLE = yaml.safe_load(Path(__file__).with_name("languages.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def library(database_url: str) -> Iterator[PostgresConnection]:
    connection = PostgresConnection(database_url)
    connection.delete(q="*:*")
    connection.add([make_document(name, **fields) for name, fields in TABLE["datasets"].items()])
    yield connection
    connection.delete(q="*:*")


@pytest.mark.parametrize("row", TABLE["queries"], ids=lambda row: row["q"])
def test_a_query_finds_its_datasets(library: PostgresConnection, row: dict[str, Any]) -> None:
    found = typed(library, row["q"])
    assert set(row["found"]) <= set(found)
    assert not set(row.get("absent", ())) & set(found)


def test_the_table_has_what_it_promises() -> None:
    assert len(TABLE["queries"]) >= 40
    assert {name for row in TABLE["queries"] for name in row["found"]} <= set(TABLE["datasets"])
