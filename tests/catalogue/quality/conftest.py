"""Shared by the tests of the quality of the metadata."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def app(kept_app: Any) -> Any:
    return kept_app
