"""What makes the run of CKAN's own tests fail."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ckan_core.__main__ import Reason, modules, reason_for, reasons, table, verdict

TEST = "ckan/tests/lib/search/test_query.py::test_a"
BOTH = frozenset({"ogptn", "solr"})
KNOWN = {TEST: Reason("file missing from the wheel", "data", BOTH)}


def outcomes(ogptn: str, solr: str) -> dict[str, dict[str, dict[str, Any]]]:
    return {engine: {TEST: {"outcome": outcome, "reason": "assert 1 == 2"}} for engine, outcome in (("ogptn", ogptn), ("solr", solr))}


@pytest.mark.parametrize(
    ("ogptn", "solr", "known", "expected"),
    [
        ("passed", "passed", {}, []),
        ("skipped", "passed", {}, []),
        ("failed", "failed", KNOWN, []),
        ("failed", "failed", {}, ["gives no reason", "gives no reason"]),
        # A reason does not excuse what Solr can do.
        ("failed", "passed", {TEST: Reason("x", "y", frozenset({"ogptn"}))}, ["passes on Solr and fails on ours"]),
        ("passed", "failed", {TEST: Reason("x", "y", frozenset({"solr"}))}, []),
        ("passed", "passed", KNOWN, ["take it out", "take it out"]),
    ],
)
def test_the_verdict(ogptn: str, solr: str, known: dict[str, Reason], expected: list[str]) -> None:
    _lines, problems = verdict(outcomes(ogptn, solr), known, everything=False)
    assert len(problems) == len(expected)
    assert all(words in problem for words, problem in zip(expected, problems, strict=True))


def test_a_reason_for_a_test_that_did_not_run_is_stale_in_a_whole_run() -> None:
    known = {"ckan/tests/lib/search/test_query.py::gone": Reason("x", "y", frozenset({"ogptn"}))}
    assert verdict(outcomes("passed", "passed"), known, everything=False)[1] == []
    assert ["no such test ran" in problem for problem in verdict(outcomes("passed", "passed"), known, everything=True)[1]] == [True]


def test_a_reason_may_stand_for_all_tests_that_begin_alike() -> None:
    known = {"ckan/tests/lib/search/test_query.py::*": Reason("x", "y", BOTH)}
    assert reason_for(TEST, "ogptn", known) is not None
    assert reason_for("ckan/tests/other.py::test_a", "ogptn", known) is None
    assert verdict(outcomes("failed", "failed"), known, everything=True)[1] == []


def test_the_table_has_a_column_per_engine() -> None:
    lines = table(outcomes("failed", "passed")).splitlines()
    assert lines[1].split() == ["ckan/tests/lib/search/test_query.py", "0", "/", "1", "/", "0", "1", "/", "0", "/", "0"]
    assert lines[-1].split()[0] == "all"


def test_the_lists_are_sound() -> None:
    assert "ckan.tests.lib.search.test_search" in modules()
    assert len(modules()) == len(set(modules())) >= 50
    assert all(reason.text and reason.engines for reason in reasons().values())
