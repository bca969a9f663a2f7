"""CKAN's own tests of everything that touches search, on our engine and on a real Solr, side by side.

python -m tests.ckan_core                        both engines (Solr needs Java and Maven)
python -m tests.ckan_core --engine ogptn         one of them
python -m tests.ckan_core --modules ckan.tests.lib.search ckan.tests.logic.action.test_get
python -m tests.ckan_core --list                 run all of ckan.tests on Solr and write modules.yaml anew

The tests are those of the installed package. Prints passed, failed and skipped per module and engine, then every test that did not
pass with its reason out of reasons.yaml. Exit code 0 only if nothing fails on ours that Solr passes, every failure has a reason, and no
reason is given for a test that passes. PostgreSQL and Redis are those of tests/services.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import ckan
import yaml

from tests.services import TestServices, provided
from tests.solr.engines import own_connection
from tests.solr.harness import SolrUnavailableError, solr

HERE = Path(__file__).resolve().parent
MODULES_FILE = HERE / "modules.yaml"
REASONS_FILE = HERE / "reasons.yaml"
INI = HERE / "core.ini"
ENGINES = ("ogptn", "solr")

HEADER = """\
# CKAN {version}: the modules of ckan.tests that touch search. Written by `python -m tests.ckan_core --list`, which runs all of ckan.tests
# on a real Solr and keeps each module in which a test calls add or search on the connection that CKAN makes (the start-up's look whether
# Solr is there does not count), and all of ckan.tests.lib.search.
"""

Results = dict[str, dict[str, Any]]


def modules() -> list[str]:
    """The modules that touch search."""
    return list(yaml.safe_load(MODULES_FILE.read_text(encoding="utf-8"))["modules"])


@dataclass(frozen=True)
class Reason:
    """Why a test does not pass here.

    :param kind: one of the kinds that ``reasons.yaml`` explains.
    :param engines: those it holds for.
    """

    kind: str
    text: str
    engines: frozenset[str]


def reasons() -> dict[str, Reason]:
    """Per test id (``ckan/tests/…::…``), or beginning of one ending in ``*``.

    :raises ValueError: a kind that the file does not explain.
    """
    data = yaml.safe_load(REASONS_FILE.read_text(encoding="utf-8"))
    found: dict[str, Reason] = {}
    for group in data["reasons"]:
        if group["kind"] not in data["kinds"]:
            raise ValueError(f"{REASONS_FILE.name}: unknown kind {group['kind']!r}")
        for test in group["tests"]:
            found[test] = Reason(group["kind"], group["because"], frozenset(group.get("engines", ENGINES)))
    return found


def reason_for(test: str, engine: str, known: Mapping[str, Reason]) -> Reason | None:
    for key, reason in known.items():
        if engine in reason.engines and (test == key or (key.endswith("*") and test.startswith(key[:-1]))):
            return reason
    return None


def run(engine: str, names: Sequence[str], environment: Mapping[str, str], solr_url: str = "") -> Results:
    """One pytest run of CKAN's tests. Returns per test its outcome.

    :param solr_url: goes into the site's file and not into ``CKAN_SOLR_URL``, which would win over the wrong address that a test sets to
        see what CKAN says without its Solr.
    :raises RuntimeError: pytest did not come to its end.
    """
    surroundings = {**os.environ, **environment, "OGPTN_CORE_ENGINE": engine}
    for name in ("CKAN_INI", *(["CKAN_SOLR_URL"] if solr_url else [])):
        surroundings.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="ogptn-core-") as folder:
        ini = INI
        if solr_url:
            ini = Path(folder) / INI.name
            content = INI.read_text(encoding="utf-8")
            ini.write_text(re.sub(r"(?m)^solr_url = .*$", lambda _: f"solr_url = {solr_url}", content), encoding="utf-8")
        # CKAN's own pipeline does the same first: a few modules count on tables that an earlier one made.
        initialise = [sys.executable, "-c", "from ckan.cli.cli import ckan; ckan()", "-c", str(ini), "db", "init"]
        subprocess.run(initialise, env=surroundings, check=True, stdout=subprocess.DEVNULL)
        if engine == "ogptn":
            # As a new Solr is empty: a test leaves a document of another site, which the tests before it do not expect.
            own_connection(url=surroundings["CKAN_SQLALCHEMY_URL"])
        target = Path(folder) / "results.json"
        surroundings["OGPTN_CORE_RESULTS"] = str(target)
        packages = Path(ckan.__file__).parents[1]
        command = [sys.executable, "-m", "pytest", "-c", HERE / "pytest.ini", f"--rootdir={packages}", f"--ckan-ini={ini}"]
        command += ["-p", "tests.ckan_core.session", "-p", "no:cacheprovider", "-q", "--tb=no", "--no-summary", "--pyargs", *names]
        print(f"\nCKAN's tests on {engine}", flush=True)
        child = subprocess.Popen([str(part) for part in command], env=surroundings, cwd=HERE.parents[1])
        try:
            child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
        if not target.exists():
            raise RuntimeError(f"pytest ended with {child.returncode} and no results on {engine}")
        return json.loads(target.read_text(encoding="utf-8"))


def table(results: Mapping[str, Results]) -> str:
    """passed / failed / skipped per module, a column per engine."""
    names = sorted({test.split("::")[0] for outcome in results.values() for test in outcome})
    width = max(map(len, names), default=0)
    lines = [" " * width + "".join(f"  {engine + ' passed/failed/skipped':>30}" for engine in results)]
    totals: dict[str, Counter[str]] = {engine: Counter() for engine in results}
    for name in names:
        line = f"{name:<{width}}"
        for engine, outcome in results.items():
            count = Counter(entry["outcome"] for test, entry in outcome.items() if test.split("::")[0] == name)
            totals[engine] += count
            line += f"  {_counts(count):>30}"
        lines.append(line)
    lines.append(f"{'all':<{width}}" + "".join(f"  {_counts(totals[engine]):>30}" for engine in results))
    return "\n".join(lines)


def _counts(count: Counter[str]) -> str:
    return f"{count['passed']} / {count['failed']} / {count['skipped']}"


def verdict(results: Mapping[str, Results], known: Mapping[str, Reason], *, everything: bool) -> tuple[list[str], list[str]]:
    """Lines about every test that did not pass, and the problems that make the run fail.

    :param everything: all modules ran, so that a reason that met no test is stale.
    """
    lines: list[str] = []
    problems: list[str] = []
    used: set[tuple[str, str]] = set()
    for test in sorted({test for outcome in results.values() for test in outcome}):
        failed = [engine for engine, outcome in results.items() if outcome.get(test, {}).get("outcome") == "failed"]
        said: dict[str, list[str]] = {}
        for engine in failed:
            reason = reason_for(test, engine, known)
            words = results[engine][test]["reason"]
            if reason is None:
                problems.append(f"{test} fails on {engine} and {REASONS_FILE.name} gives no reason: {words}")
            said.setdefault(f"{reason.kind}: {reason.text}" if reason else f"NO REASON GIVEN: {words}", []).append(engine)
        if failed:
            lines.append("\n    ".join([test, *(f"{', '.join(engines)}: {text}" for text, engines in said.items())]))
        if failed == ["ogptn"] and results.get("solr", {}).get(test, {}).get("outcome") == "passed":
            problems.append(f"{test} passes on Solr and fails on ours: {results['ogptn'][test]['reason']}")
        for engine, outcome in results.items():
            if test in outcome and outcome[test]["outcome"] == "passed" and test in known and engine in known[test].engines:
                problems.append(f"{test} has a reason for failing on {engine} and passes: take it out of {REASONS_FILE.name}")
        used |= {(engine, test) for engine in failed}
    if everything:
        for key, reason in known.items():
            for engine in reason.engines & set(results):
                if key.endswith("*") and not any(used_engine == engine and test.startswith(key[:-1]) for used_engine, test in used):
                    problems.append(
                        f"{key} has a reason for failing on {engine} and nothing there fails: take it out of {REASONS_FILE.name}"
                    )
                elif not key.endswith("*") and key not in results[engine]:
                    problems.append(f"{key} is in {REASONS_FILE.name} and no such test ran on {engine}")
    return lines, problems


def write_modules(results: Results) -> None:
    """Keep the modules in which a test called add or search on the connection, and CKAN's own search tests."""
    touching = {test.split("::")[0] for test, entry in results.items() if entry.get("add") or entry.get("search")}
    touching |= {test.split("::")[0] for test in results if test.startswith("ckan/tests/lib/search/")}
    calling = sum(1 for entry in results.values() if entry.get("add") or entry.get("search"))
    header = HEADER.format(version=ckan.__version__)
    names = sorted(name.removesuffix(".py").replace("/", ".") for name in touching)
    content = {"tests_in_all": len(results), "tests_that_add_or_search": calling, "modules": names}
    MODULES_FILE.write_text(header + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


class _Terminated(BaseException):
    """SIGTERM as an exception, so that everything started is stopped."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


def collect(engines: Iterable[str], names: Sequence[str]) -> dict[str, Results]:
    """Run the engines one after the other, each on a Solr and services that this function starts and stops.

    :raises SolrUnavailableError: no Java or Maven.
    """
    results: dict[str, Results] = {}
    with ExitStack() as stack:
        environment: dict[str, str] = {}
        if not provided():
            services = TestServices()
            stack.callback(services.stop)
            environment.update(services.start())
        for engine in engines:
            with ExitStack() as one:
                address = one.enter_context(solr()).url if engine == "solr" else ""
                results[engine] = run(engine, names, environment, address)
    return results


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.ckan_core", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=("ogptn", "solr", "both"), default="both")
    parser.add_argument("--modules", nargs="+", help="modules or test ids instead of the whole list")
    parser.add_argument("--json", type=Path, help="keep every outcome in this file")
    parser.add_argument("--list", action="store_true", help="write modules.yaml anew")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        if options.list:
            write_modules(collect(["solr"], ["ckan.tests"])["solr"])
            return 0
        engines = ENGINES if options.engine == "both" else (options.engine,)
        results = collect(engines, options.modules or modules())
    except SolrUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(results, indent=0, sort_keys=True), encoding="utf-8")
    return conclude(results, everything=not options.modules)


def conclude(results: Mapping[str, Results], *, everything: bool) -> int:
    lines, problems = verdict(results, reasons(), everything=everything)
    print(f"\n{table(results)}\n\nNot passed, and why:\n")
    print("\n".join(lines) or "nothing")
    if problems:
        print(f"\n{len(problems)} problems:\n  " + "\n  ".join(problems))
        return 1
    print("\nNothing fails on ours that Solr passes; every failure has its reason.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
