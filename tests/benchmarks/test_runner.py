"""The runner takes turns, keeps failures as results, and its ratio is that of medians."""

from __future__ import annotations

import io
import json
import time

import pytest

from tests.benchmarks.runner import Alternative, Bench, Case, Timing, measure


def test_alternatives_take_turns_and_the_first_place_moves() -> None:
    order: list[str] = []
    measure({"a": Alternative(lambda: order.append("a")), "b": Alternative(lambda: order.append("b"))}, rounds=4, warm_up=0)
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]


def test_warm_up_rounds_run_and_are_not_counted() -> None:
    calls: list[int] = []
    timings = measure({"a": Alternative(lambda: calls.append(1))}, rounds=3, warm_up=2)
    assert len(calls) == 5
    assert len(timings["a"].seconds) == 3


def test_preparation_and_cleaning_are_outside_the_clock() -> None:
    slow = Alternative(lambda: None, before=lambda: time.sleep(0.03), after=lambda: time.sleep(0.03))
    assert max(measure({"a": slow}, rounds=2)["a"].seconds) < 0.02


def test_an_alternative_that_raises_drops_out_and_the_others_go_on() -> None:
    def broken() -> None:
        raise ValueError("no such index\nand more")

    timings = measure({"broken": Alternative(broken), "sound": Alternative(lambda: None)}, rounds=3)
    assert timings["broken"].seconds == ()
    assert timings["broken"].error == "ValueError: no such index"
    assert len(timings["sound"].seconds) == 3


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [((1.0, 2.0, 9.0), (4.0, 4.0, 4.0), 0.5), ((3.0,), (2.0,), 1.5), ((), (1.0,), None), ((1.0,), (), None)],
)
def test_the_ratio_is_that_of_the_medians(ours: tuple[float, ...], theirs: tuple[float, ...], expected: float | None) -> None:
    case = Case("x", {"ours": Timing(ours), "theirs": Timing(theirs)})
    assert case.ratio("ours", "theirs") == expected


def test_table_and_json_say_the_same() -> None:
    bench = Bench("Sleeping", peer="long", progress=None)
    bench.case("nap", {"short": lambda: time.sleep(0.001), "long": lambda: time.sleep(0.01)}, rounds=3, items=10, notes={"hits": "3 : 3"})
    bench.fact("size", "12 MB")
    out = io.StringIO()
    bench.report(as_json=True, out=out)
    data = json.loads(out.getvalue())
    short = data["cases"][0]["alternatives"]["short"]
    assert 0.05 < short["ratio"] < 1
    assert short["min_ms"] <= short["median_ms"] <= short["max_ms"]
    assert short["per_second"] > 10
    table = bench.as_table()
    assert "short : long" in table
    assert f"{short['ratio']:.2f}" in table
    assert "12 MB" in table
    assert "hits 3 : 3" in table


def test_an_alternative_missing_from_a_case_leaves_a_dash() -> None:
    bench = Bench("Two cases", peer="theirs", progress=None)
    bench.case("both", {"ours": lambda: None, "theirs": lambda: None}, rounds=1)
    bench.case("ours only", {"ours": lambda: None}, rounds=1)
    assert bench.as_dict()["cases"][1]["alternatives"]["ours"]["ratio"] is None
    assert bench.as_table().splitlines()[-1].count("–") == 2
