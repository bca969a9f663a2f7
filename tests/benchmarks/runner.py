"""Times named alternatives side by side, in one run.

The alternatives of a case take turns, and who goes first changes from round to round, so that whatever else the machine does (a cold
cache, another job, a slower clock) meets all of them alike. What counts is the ratio against a named peer; milliseconds of one machine say
little on another. Nothing here passes or fails on time.

    bench = Bench("Reading one file", peer="pandas")
    bench.case("2 MB of CSV", {"ours": lambda: read(path), "pandas": lambda: pandas.read_csv(path)}, rounds=5)
    bench.report(as_json=False)
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO


@dataclass(frozen=True)
class Alternative:
    """One way to do a thing.

    :param call: what is timed.
    :param before: run before each timed call, outside the clock.
    :param after: run after each timed call, outside the clock.
    """

    call: Callable[[], Any]
    before: Callable[[], Any] | None = None
    after: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Timing:
    """Seconds of one alternative in one case, in the order of the rounds; ``error`` where it could not be timed."""

    seconds: tuple[float, ...] = ()
    error: str = ""

    @property
    def minimum(self) -> float | None:
        return min(self.seconds, default=None)

    @property
    def median(self) -> float | None:
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def maximum(self) -> float | None:
        return max(self.seconds, default=None)


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    timings: Mapping[str, Timing]
    #: What was counted besides, such as the number of hits each alternative gave.
    notes: Mapping[str, str] = field(default_factory=dict)
    #: How many things one call handles (documents, rows); 1 gives no rate.
    items: int = 1

    def ratio(self, name: str, peer: str) -> float | None:
        """Median of ``name`` divided by the median of ``peer``: below 1 is quicker than the peer. ``None`` where one was not timed."""
        mine, theirs = self.timings[name].median, self.timings[peer].median if peer in self.timings else None
        return mine / theirs if mine is not None and theirs else None


def measure(alternatives: Mapping[str, Alternative], rounds: int, warm_up: int = 1) -> dict[str, Timing]:
    """Let the alternatives take turns.

    :param rounds: timed rounds.
    :param warm_up: rounds before them that are not timed.
    :returns: per name its timings. One that raises drops out with its error as text; the others go on.
    """
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    errors: dict[str, str] = {}
    names = list(alternatives)
    for number in range(-warm_up, rounds):
        turn = number % len(names) if names else 0
        for name in names[turn:] + names[:turn]:
            if name in errors:
                continue
            alternative = alternatives[name]
            try:
                if alternative.before:
                    alternative.before()
                # A collection that one alternative's garbage sets off must not be paid by the next.
                gc.collect(0)
                start = time.perf_counter()
                alternative.call()
                elapsed = time.perf_counter() - start
                if alternative.after:
                    alternative.after()
            except Exception as error:  # an alternative is anybody's code; its failure is a result, shown in the table
                errors[name] = f"{type(error).__name__}: {error}".split("\n")[0][:200]
                continue
            if number >= 0:
                seconds[name].append(elapsed)
    return {name: Timing((), errors[name]) if name in errors else Timing(tuple(seconds[name])) for name in names}


class Bench:
    """A table of cases.

    :param title: printed above it.
    :param peer: name of the alternative that ratios are taken against.
    :param progress: where a line per finished case goes while it runs; ``None`` for nowhere.
    """

    def __init__(self, title: str, peer: str, progress: TextIO | None = sys.stderr) -> None:
        self.title = title
        self.peer = peer
        self.cases: list[Case] = []
        self.facts: dict[str, str] = {}
        self._progress = progress

    def case(
        self,
        name: str,
        alternatives: Mapping[str, Alternative | Callable[[], Any]],
        *,
        rounds: int = 5,
        warm_up: int = 1,
        items: int = 1,
        notes: Mapping[str, str] | None = None,
    ) -> Case:
        """Time one case and keep it."""
        known = {key: value if isinstance(value, Alternative) else Alternative(value) for key, value in alternatives.items()}
        made = Case(name, measure(known, rounds, warm_up), dict(notes or {}), items)
        self.cases.append(made)
        if self._progress:
            print(f"  {name}: {_summary(made)}", file=self._progress, flush=True)
        return made

    def fact(self, name: str, value: str) -> None:
        """Something measured that is not a time, such as a size; printed below the table."""
        self.facts[name] = value

    @property
    def names(self) -> list[str]:
        """Alternatives in order of first appearance."""
        return list(dict.fromkeys(name for case in self.cases for name in case.timings))

    def as_dict(self) -> dict[str, Any]:
        """The whole table: milliseconds, ratios (``None`` where not timed), facts."""
        return {
            "title": self.title,
            "peer": self.peer,
            "cases": [
                {
                    "name": case.name,
                    "items": case.items,
                    "notes": dict(case.notes),
                    "alternatives": {
                        name: {
                            "min_ms": _milliseconds(timing.minimum),
                            "median_ms": _milliseconds(timing.median),
                            "max_ms": _milliseconds(timing.maximum),
                            "rounds": len(timing.seconds),
                            "per_second": round(case.items / timing.median, 1) if timing.median and case.items > 1 else None,
                            "ratio": None if (ratio := case.ratio(name, self.peer)) is None else round(ratio, 3),
                            "error": timing.error or None,
                        }
                        for name, timing in case.timings.items()
                    },
                }
                for case in self.cases
            ],
            "facts": self.facts,
        }

    def as_table(self) -> str:
        """The table as text: per alternative min / median / max in milliseconds, then its ratio to the peer."""
        header = [""]
        for name in self.names:
            header.append(f"{name} ms (min/median/max)")
            if name != self.peer:
                header.append(f"{name} : {self.peer}")
        has_notes = any(case.notes for case in self.cases)
        rows = [[*header, *(["notes"] if has_notes else [])]]
        for case in self.cases:
            row = [case.name]
            for name in self.names:
                timing = case.timings.get(name)
                row.append(_cell(timing, case.items))
                if name != self.peer:
                    ratio = case.ratio(name, self.peer) if timing else None
                    row.append("–" if ratio is None else f"{ratio:.2f}")
            if has_notes:
                row.append("; ".join(f"{key} {value}" for key, value in case.notes.items()))
            rows.append(row)
        lines = [self.title, "", *_align(rows)]
        if self.facts:
            lines += ["", *_align([[name, value] for name, value in self.facts.items()], header=False)]
        return "\n".join(lines)

    def report(self, *, as_json: bool = False, out: TextIO | None = None) -> None:
        """Print the table, or the same as JSON."""
        text = json.dumps(self.as_dict(), indent=1, ensure_ascii=False) if as_json else self.as_table()
        print(text, file=out or sys.stdout, flush=True)


def arguments(description: str, *, rounds: int = 5) -> argparse.ArgumentParser:
    """A parser with what every benchmark offers: ``--rounds`` and ``--json``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, help="timed rounds per case (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _number(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _cell(timing: Timing | None, items: int) -> str:
    if timing is None:
        return "–"
    if timing.minimum is None or timing.median is None or timing.maximum is None:
        return f"failed: {timing.error}" if timing.error else "–"
    text = f"{_number(timing.minimum)} / {_number(timing.median)} / {_number(timing.maximum)}"
    return f"{text} ({items / timing.median:.0f}/s)" if items > 1 else text


def _summary(case: Case) -> str:
    return ", ".join(f"{name} {_cell(timing, case.items)}" for name, timing in case.timings.items())


def _width(text: str) -> int:
    """Columns that a terminal gives to a text: combining marks none, wide East Asian signs two."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _align(rows: Sequence[Sequence[str]], *, header: bool = True) -> Iterable[str]:
    widths = [max(_width(row[index]) for row in rows) for index in range(len(rows[0]))]
    for number, row in enumerate(rows):
        yield "| " + " | ".join(text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True)) + " |"
        if header and number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
