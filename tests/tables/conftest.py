"""What tests of tables share."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def resource(open_dataset_factory: Any) -> str:
    """The id of a file without a table."""
    dataset = open_dataset_factory(resources=[{"url": "http://example.tn/a.csv", "format": "CSV"}])
    return dataset["resources"][0]["id"]
