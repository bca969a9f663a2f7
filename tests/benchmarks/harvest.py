"""A harvest of a CKAN site beside ckanext-harvest's: same source, same CKAN, same PostgreSQL, same search engine, same run.

python -m tests.benchmarks.harvest                                2,000 datasets of 3 files and 8 extras
python -m tests.benchmarks.harvest --datasets 300                 quick
python -m tests.benchmarks.harvest --memory 5000 50000            the memory of a first harvest, ours alone
python -m tests.benchmarks.harvest --serving                      searches and saves during a harvest and without, ours alone
python -m tests.benchmarks.harvest --workers                      two workers that share one job beside one that does it alone, ours

ckanext-harvest 1.6.3 comes from the package index, into a folder of its own. Its CKAN has its own plugins (activity, harvest,
ckan_harvester) and CKAN's own dataset schema; ours has all of ours, with a schema of many more fields: what is saved here is not saved by
storing less. Both write activities. Each side has a database of its own on one server, and the two take turns, one row after the other.
“Everything read” is a source that gives all its datasets to whoever asks for the changed ones: each side finds out by itself what changed.
On a machine that does other things, the CPU time of the processes says more than the clock.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ckanext.ogptn.stack.postgres import Postgres, url
from ckanext.ogptn.stack.redis import Redis
from tests.benchmarks.runner import Bench, Case, Timing, arguments
from tests.services import TestServices

ROOT = Path(__file__).resolve().parents[2]
OURS, PEER = "ours", "ckanext-harvest"
PEER_PACKAGES = ("ckanext-harvest==1.6.3", "ckantoolkit", "pika")
PEER_PLUGINS = "harvest ckan_harvester ogptn_search activity"


class DurableServices(TestServices):
    """PostgreSQL as a portal runs it, with a database for each side."""

    def _servers(self) -> tuple[Postgres, Redis]:
        _fast, redis = super()._servers()
        return Postgres(self.layout.pgdata, self.layout.log("postgresql"), self.layout.secrets().postgres), redis

    def database(self, name: str, environment: dict[str, str]) -> dict[str, str]:
        """The environment with another database, which is made."""
        postgres, _redis = self._servers()
        port = int(environment["CKAN_SQLALCHEMY_URL"].rsplit(":", 1)[1].split("/")[0])
        postgres.ensure_database(port, name, "ckan")
        return {**environment, "CKAN_SQLALCHEMY_URL": url(port, name, "ckan", self.layout.secrets().ckan)}


class Process:
    """A program that is asked by lines."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if not os.environ.get("OGPTN_BENCH_LOG") else None,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
        )

    def line(self, beginning: str = "") -> str:
        """The next line that begins so; CKAN logs its start-up to the same stream.

        :raises RuntimeError: the program ended before
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(beginning):
                return line.strip()
        raise RuntimeError(f"the program ended with {self._process.wait()}; OGPTN_BENCH_LOG=1 shows what it wrote")

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def ask(self, line: str) -> dict[str, Any]:
        """Of a worker: the answer to a command."""
        self.say(line)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        return json.loads(self.line("answer ").removeprefix("answer "))

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Place:
    """Services, a source and workers, in a folder that goes afterwards."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.folder = Path(tempfile.mkdtemp(prefix="ogptn-harvest-"))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.services = DurableServices(self.folder / "services")
        stack.callback(self.services.stop, everything=True)
        self.environment = self.services.start()

    def source(self, count: int) -> tuple[Process, str]:
        process = Process(["tests.benchmarks.harvest_source", str(count)])
        self._stack.callback(process.close)
        return process, process.line("http")

    def worker(self, side: str, database: str, *settings: str) -> Process:
        """A worker with a database.

        :param settings: more lines for its configuration
        """
        text = (ROOT / "test.ini").read_text("utf-8").replace("%(here)s", str(self.folder))
        environment = self.services.database(database, self.environment)
        lines = []
        for line in text.splitlines():
            if side == "peer" and line.startswith("ckan.plugins ="):
                line = f"ckan.plugins = {PEER_PLUGINS}"
            if line.startswith("ckan.site_id ="):
                line = "\n".join([f"ckan.site_id = {database}", "ogptn.harvest.allowed_hosts = 127.0.0.1", *settings])
            lines.append(line)
        ini = self.folder / f"{database}.ini"
        ini.write_text("\n".join(lines), "utf-8")
        if side == "peer":
            environment["PYTHONPATH"] = os.pathsep.join([str(peer_packages()), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        process = Process(["tests.benchmarks.harvest_worker", side, str(ini)], environment)
        self._stack.callback(process.close)
        process.line("ready")
        return process


@contextmanager
def place() -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(stack)


def peer_packages() -> Path:
    """The folder with the peer; filled from the package index once."""
    folder = ROOT / ".cache" / "bench-harvest-peer"
    if not (folder / "ckanext" / "harvest").is_dir():
        command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--no-deps", "--target", str(folder), *PEER_PACKAGES]
        subprocess.run(command, check=True)
    return folder


def load() -> str:
    """The machine's load, and its processors: what the figures have to be read with."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def compare(count: int) -> Bench:
    """First, nothing changed, 1 % changed."""
    bench = Bench(f"Harvesting a CKAN site of {count} datasets (3 files, 8 extras each)", peer=PEER)
    bench.fact("load before", load())
    with place() as here:
        source, address = here.source(count)
        sides = {OURS: here.worker("ours", "bench_ours"), PEER: here.worker("peer", "bench_peer")}
        for worker in sides.values():
            worker.ask(f"source {address}")
        rows = [
            ("first harvest", "everything", 0),
            ("nothing changed, everything read", "everything", 0),
            ("1 % changed, everything read", "everything", max(1, count // 100)),
            ("nothing changed, changes asked for", "changes", 0),
            ("1 % changed, changes asked for", "changes", max(1, count // 100)),
        ]
        cpu: dict[str, list[str]] = {name: [] for name in sides}
        for number, (name, how, changed) in enumerate(rows):
            for command in (f"touch {changed}", f"changes {'on' if how == 'changes' else 'off'}"):
                source.say(command)
                source.line("done")
            timings, notes = {}, {}
            for side in list(sides) if number % 2 else list(sides)[::-1]:
                answer = sides[side].ask(f"harvest {how}")
                timings[side] = Timing((answer["seconds"],))
                notes[side] = json.dumps(answer["counts"])
                cpu[side].append(f"{answer['cpu'] / count * 1000:.1f}")
            bench.cases.append(Case(name, {side: timings[side] for side in sides}, {side: notes[side] for side in sides}, count))
            ratio = timings[PEER].seconds[0] / timings[OURS].seconds[0]
            bench.fact(f"{name}: rate of ours", f"{ratio:.1f} × the peer's")
            print(f"{name}: {', '.join(f'{side} {each.seconds[0]:.1f} s' for side, each in timings.items())}", file=sys.stderr, flush=True)
        for side in sides:
            bench.fact(f"CPU of the process, {side}", f"{' / '.join(cpu[side])} ms per dataset, row by row")
    bench.fact("load after", load())
    return bench


def memory(counts: Sequence[int]) -> Bench:
    """Peak memory of the first harvest of sources of several sizes, each in a process of its own."""
    bench = Bench("Memory of a first harvest, ours", peer=OURS)
    for count in counts:
        with place() as here:
            _source, address = here.source(count)
            worker = here.worker("ours", "bench_ours")
            idle = worker.ask(f"source {address}")["peak_mb"]
            answer = worker.ask("harvest everything")
        bench.cases.append(Case(f"{count} datasets", {OURS: Timing((answer["seconds"],))}, {}, count))
        bench.fact(f"{count} datasets", f"{answer['peak_mb']:.0f} MB at the peak, {idle:.0f} MB before")
    return bench


def shared(count: int) -> Bench:
    """A first harvest by two workers, the second of which waits for work, and by one. Rows take turns; each harvest has its own database.

    The second worker does what its job in the queue says in the process that waits for it: ``ckan jobs worker`` starts one for each job.
    """
    alone, both = "one worker", "two workers"
    bench = Bench(f"A first harvest of {count} datasets (3 files, 8 extras each), ours", peer=alone)
    bench.fact("load before", load())
    with place() as here:
        _source, address = here.source(count)
        one = here.worker("ours", "bench_one")
        reader, helper = (here.worker("ours", "bench_two", "ogptn.harvest.workers_per_job = 2") for _ in range(2))
        for worker in (one, reader):
            worker.ask(f"source {address}")
        helper.say("help")
        took = {both: reader.ask("harvest everything")}
        helped = helper.answer()
        took[alone] = one.ask("harvest everything")
    notes = {name: json.dumps(answer["counts"]) for name, answer in took.items()}
    bench.cases.append(Case("first harvest", {name: Timing((answer["seconds"],)) for name, answer in took.items()}, notes, count))
    bench.fact("rate of two", f"{took[alone]['seconds'] / took[both]['seconds']:.2f} × that of one")
    for name, answer in took.items():
        bench.fact(f"CPU of the process, {name}", f"{answer['cpu'] / count * 1000:.1f} ms per dataset of the job")
    total = (took[both]["cpu"] + helped["cpu"]) / count * 1000
    bench.fact(
        "… and of the second", f"{helped['cpu'] / count * 1000:.1f} ms, {total:.1f} in sum; it wrote {helped['counts']['batches']} batches"
    )
    bench.fact("load after", load())
    return bench


def serving(count: int) -> Bench:
    """Searches and saves while all datasets of a source are written anew, and while nothing is harvested."""
    bench = Bench(f"Searching and saving, {count} datasets, all of them being harvested anew", peer="idle")
    with place() as here:
        source, address = here.source(count)
        worker = here.worker("ours", "bench_ours")
        worker.ask(f"source {address}")
        worker.ask("harvest everything")
        reader = here.worker("ours", "bench_ours")
        reader.ask("search 40")
        took = {"idle": reader.ask("search 200")}
        source.say(f"touch {count}")
        source.line("done")
        worker.say("harvest everything")
        took["harvesting"] = reader.ask(f"search {2 * count}")
        finished = worker.answer()
    bench.fact("harvest meanwhile", f"{json.dumps(finished['counts'])}, {finished['seconds']:.0f} s ({count / finished['seconds']:.0f}/s)")
    bench.fact("searches", f"{took['harvesting']['seconds']:.0f} s of that time")
    for what in ("search", "save"):
        bench.cases.append(Case(what, {name: Timing(tuple(each[what])) for name, each in took.items()}, {}))
        p95 = {name: statistics.quantiles(each[what], n=20)[-1] for name, each in took.items()}
        times = f"{p95['harvesting'] / p95['idle']:.2f} × idle, longest {max(took['harvesting'][what]) * 1000:.0f} ms"
        bench.fact(f"{what}, p95", f"idle {p95['idle'] * 1000:.0f} ms, harvesting {p95['harvesting'] * 1000:.0f} ms: {times}")
    bench.fact("load after", load())
    return bench


def main(given: Sequence[str]) -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--datasets", type=int, default=2_000)
    parser.add_argument("--memory", type=int, nargs="+", metavar="DATASETS", help="measure memory for sources of these sizes")
    parser.add_argument("--serving", action="store_true", help="searches and saves during a harvest")
    parser.add_argument("--workers", action="store_true", help="two workers that share one job beside one")
    options = parser.parse_args(given)
    if options.memory:
        bench = memory(options.memory)
    else:
        bench = (serving if options.serving else shared if options.workers else compare)(options.datasets)
    bench.report(as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
