"""The engine alone, on the tests' PostgreSQL, and documents as CKAN sends them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from ckanext.ogptn.search.connection import PostgresConnection

Document = dict[str, Any]


def make_document(name: str, **fields: Any) -> Document:
    """A document with the fields that CKAN always sends."""
    dataset = {"id": f"id-{name}", "name": name, "title": fields.get("title", name)}
    document: Document = {
        "index_id": hashlib.md5(name.encode()).hexdigest(),  # noqa: S324
        "id": f"id-{name}",
        "site_id": "tests",
        "name": name,
        "title": name,
        "notes": "",
        "entity_type": "package",
        "dataset_type": "dataset",
        "state": "active",
        "capacity": "public",
        "permission_labels": ["public"],
        "metadata_created": "2026-01-01T00:00:00Z",
        "metadata_modified": "2026-02-01T12:30:00.250000Z",
        "data_dict": json.dumps(dataset),
        "validated_data_dict": json.dumps(dataset),
        **fields,
    }
    document["title_string"] = document["title"]
    return document


@pytest.fixture(scope="session")
def database_url() -> str:
    return os.environ["CKAN_SQLALCHEMY_URL"]


@pytest.fixture
def engine(database_url: str) -> Iterator[PostgresConnection]:
    """An empty index."""
    connection = PostgresConnection(database_url)
    connection.delete(q="*:*")
    yield connection
    connection.delete(q="*:*")


def names(connection: PostgresConnection, q: str, **params: Any) -> list[str]:
    """Names of the hits, with the parameters that CKAN's query class adds."""
    wanted = {"rows": 100, "fl": "name", "df": "text", "q.op": "AND", "sort": "name asc", **params}
    return [one["name"] for one in connection.search(q, **wanted).docs]


def typed(connection: PostgresConnection, q: str, **params: Any) -> list[str]:
    """Names of the hits, best first, as for words typed into the search box."""
    wanted = {
        "defType": "dismax",
        "qf": "name^4 title^4 tags^2 groups^2 text",
        "mm": "2<-1 5<80%",
        "tie": "0.1",
        "sort": "score desc, metadata_modified desc",
        **params,
    }
    return names(connection, q, **wanted)
