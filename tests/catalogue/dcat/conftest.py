"""Shared by the tests of the linked data: where the standard's shapes are, records of every type, how to publish one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph

from ckanext.ogptn.catalogue.dcat.profile import complete_graph


@pytest.fixture
def shapes(shared: Path) -> Path:
    return shared / "standards" / "dcat-ap-3.0.1"


@pytest.fixture
def published() -> Callable[[dict[str, Any]], Graph]:
    """The statements of a dataset and of what it refers to."""
    return complete_graph
