"""A pytest plugin for one run of CKAN's own tests: puts an engine behind CKAN's search seam, counts calls, writes down every outcome.

Loaded with ``-p tests.ckan_core.session``; driven by two environment variables that ``python -m tests.ckan_core`` sets:
``OGPTN_CORE_ENGINE`` (``solr`` or ``ogptn``) and ``OGPTN_CORE_RESULTS`` (file for the outcomes).
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pysolr
import pytest

#: What CKAN asks at every start to see whether Solr is there; it does not make a test a search test.
HEARTBEAT = {"q": "*:*", "rows": 1}

_calls: Counter[str] = Counter()
_outcomes: dict[str, dict[str, Any]] = {}
_current: str = ""


def _counting(method: str) -> None:
    """Count, per test, the calls of one method of the connection that CKAN gets on Solr."""
    original = getattr(pysolr.Solr, method)

    @functools.wraps(original)
    def counted(self: pysolr.Solr, *arguments: Any, **keywords: Any) -> Any:
        if _current and not (method == "search" and not arguments and keywords == HEARTBEAT):
            _calls[f"{_current}\t{method}"] += 1
        return original(self, *arguments, **keywords)

    setattr(pysolr.Solr, method, counted)


def _engine() -> str:
    return os.environ.get("OGPTN_CORE_ENGINE", "solr")


def pytest_configure(config: pytest.Config) -> None:
    if _engine() == "solr":
        for method in ("add", "search"):
            _counting(method)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    # The wheel's entry points of CKAN's test plugins name "tests.plugins", which is a folder of CKAN's checkout, and here is ours.
    for name in ("plugins", "plugins.ckantestplugins"):
        sys.modules.setdefault(f"tests.{name}", importlib.import_module(f"ckan.tests.{name}"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    # Before the tests are imported: some modules ask then whether search is there, or import make_connection by name.
    _stand_in()


def _stand_in() -> None:
    """Put our engine behind the seam. Repeated, because a test that loads and unloads plugins may take it away."""
    if _engine() == "ogptn":
        from ckanext.ogptn.search import seam

        seam.install()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    global _current
    _current = item.nodeid
    _stand_in()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    _stand_in()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    entry = _outcomes.setdefault(report.nodeid, {"outcome": "passed", "reason": "", "seconds": 0.0})
    entry["seconds"] = round(entry["seconds"] + report.duration, 3)
    if report.failed:
        # A failure outside the test's own body is an error in pytest's words; for us the test did not pass, either way.
        entry["outcome"] = "failed"
        entry["reason"] = _last_words(report)
    elif report.skipped and entry["outcome"] == "passed":
        entry["outcome"] = "skipped"
        entry["reason"] = _last_words(report)


def _last_words(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])[:300]
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(getattr(crash, "message", report.longrepr)).strip().split("\n")[0][:300]


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _outcomes[report.nodeid] = {
            "outcome": "failed",
            "reason": f"cannot be imported: {report.longreprtext.strip()[-250:]}",
            "seconds": 0.0,
        }


def pytest_sessionfinish(session: pytest.Session) -> None:
    for key, count in _calls.items():
        nodeid, method = key.split("\t")
        if nodeid in _outcomes:
            _outcomes[nodeid][method] = count
    target = os.environ.get("OGPTN_CORE_RESULTS")
    if target:
        Path(target).write_text(json.dumps({_short(k): v for k, v in _outcomes.items()}, indent=0, sort_keys=True), encoding="utf-8")


def _short(nodeid: str) -> str:
    """Test ids that do not depend on where CKAN is installed: from ``ckan/tests/`` on."""
    start = nodeid.find("ckan/tests/")
    return nodeid[start:] if start >= 0 else nodeid
