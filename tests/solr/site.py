"""A CKAN without plugins in this process, for commands that are not pytest."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import TestServices, provided

INI = Path(__file__).resolve().parents[1] / "ckan_core" / "core.ini"


@contextmanager
def ckan_site() -> Iterator[None]:
    """Services if there are none, CKAN loaded from ``tests/ckan_core/core.ini``."""
    warnings.simplefilter("ignore", DeprecationWarning)
    services = TestServices()
    if not provided():
        os.environ.update(services.start())
    try:
        from ckan.cli import load_config
        from ckan.config.middleware import make_app

        os.environ.setdefault("CKAN_SOLR_URL", os.environ.get("OGPTN_TEST_SOLR_URL", ""))
        make_app(load_config(str(INI)))
        yield
    finally:
        services.stop()
