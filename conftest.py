"""Services before anything else: CKAN reads the addresses of its databases when pytest starts its session."""

from __future__ import annotations

import os

import pytest

from tests.services import TestServices, provided

_services: TestServices | None = None


def pytest_configure(config: pytest.Config) -> None:
    global _services
    if config.option.help or provided():
        return
    _services = TestServices()
    os.environ.update(_services.start())


def pytest_unconfigure() -> None:
    # Services that were running before (`make services`) are left to the next run.
    if _services is not None:
        _services.stop()
