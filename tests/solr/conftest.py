"""What the tests beside a real Solr share."""

from __future__ import annotations

import pytest

from tests.solr.engines import solr_url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if solr_url():
        return
    missing = pytest.mark.skip(reason="no Solr: run it with `python -m tests.solr run -- pytest tests/solr` (Java and Maven)")
    for item in items:
        if item.get_closest_marker("solr"):
            item.add_marker(missing)
