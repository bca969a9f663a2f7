"""Our search beside a real Solr: same documents, same queries, same machine, same run.

python -m tests.benchmarks.search                        50,000 documents of 3 KB
python -m tests.benchmarks.search --documents 200000     the large one
python -m tests.benchmarks.search --action               only the cost around the engine, with and without our plugins

The engine is asked as CKAN's own query class asks it (filters for site, state and permissions, six facets, 20 rows), without the CKAN
action around it. Calls of a row take turns over 24 words or values, and each call is that of another signed-in visitor (other permission
labels): nobody answers from a memory of the whole result. The rows "asked again" are the anonymous visitor's repeated question, where
both may. Both are warm. Both make sure of the disk at a commit: PostgreSQL runs with the settings of ``ogptn up`` and not with the
careless ones of the test suite.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from ckanext.ogptn.stack.postgres import Postgres
from ckanext.ogptn.stack.redis import Redis
from tests.benchmarks.action_worker import FACETS, INIS
from tests.benchmarks.runner import Alternative, Bench, arguments
from tests.services import TestServices
from tests.solr.corpus import ARABIC, ENGLISH, FRENCH, ORGANIZATIONS, Corpus, Document, documents, rare_word
from tests.solr.engines import Connection, own_connection, solr_connection
from tests.solr.harness import SolrInstance, SolrUnavailableError, solr
from tests.solr.queries import Query

OURS, SOLR = "ours", "solr"
#: Words in a description that make a dataset of about 3 KB as JSON; with the two copies of it that CKAN adds it is sent as 9 KB.
WORDS = 75
BATCH = 500
HERE = Path(__file__).resolve().parent

Params = dict[str, Any]


def as_ckan_sends(params: Params) -> Params:
    """With the filters, defaults and permissions that an anonymous visitor's search gets."""
    from tests.solr.differential import as_sent

    full = {"facet.field": list(FACETS), "rows": 20, "fl": "id validated_data_dict", "sort": "score desc, metadata_modified desc", **params}
    full["fq"] = f"+capacity:public {full.get('fq', '')} +state:(active)"
    sent = as_sent(Query(0, "benchmark", full, labels=("public",)))
    assert sent is not None
    return sent


def as_somebody(sent: Params, number: int) -> Params:
    """The same request of another signed-in visitor, who has no datasets of his own."""
    *filters, permissions = sent["fq"]
    assert permissions.startswith("+permission_labels:(")
    return {**sent, "fq": [*filters, permissions[:-1] + f' OR "creator-visitor-{number}")']}


def searches(documents_: Sequence[Document], rng: random.Random) -> dict[str, list[Params]]:
    """Rows of the table: for each the requests that its calls take in turn."""

    def made(make: Callable[[int], Params], count: int = 24) -> list[Params]:
        return [make(number) for number in range(count)]

    small = [name for name, _title in ORGANIZATIONS[-6:]]
    some = rng.choices(list(documents_), k=24)
    common, middling = [*ENGLISH[:8], *FRENCH[:8], *ARABIC[:8]], [*ENGLISH[60:68], *FRENCH[60:68], *ARABIC[60:68]]
    rare = [rare_word(rng, "en") for _ in range(24)]
    tags = ["water", "census", "GeoJSON", "CO2", "open data", "air quality", "énergie", "المياه"]
    days = [f"[20{rng.randrange(16, 26)}-0{rng.randrange(1, 10)}-01T00:00:00Z TO NOW]" for _ in range(24)]

    def phrase(number: int) -> Params:
        words = [word for word in str(some[number]["notes"]).split() if word.isalpha()]
        start = rng.randrange(max(1, len(words) - 2))
        return {"q": f'"{" ".join(words[start : start + 2])}"'}

    def typed(number: int) -> Params:
        text = str(some[number]["title"])[: rng.randrange(3, 9)].replace('"', " ").strip()
        q = " OR ".join(f'{name}:"{text}"' for name in ("name_ngram", "title_ngram", "name", "title"))
        return {"q": q, "rows": 10, "fl": "name title", "facet": "false", "facet.field": []}

    def filtered(number: int) -> str:
        return f'+organization:"{ORGANIZATIONS[number % 4][0]}" +res_format:"{("CSV", "XLSX", "PDF")[number % 3]}"'

    return {
        "match-all": [{}],
        "match-all, no facets": [{"facet": "false", "facet.field": []}],
        "one filter: large organisation": made(lambda n: {"fq": f'+organization:"{ORGANIZATIONS[n % 3][0]}"'}),
        "one filter: small organisation": made(lambda n: {"fq": f'+organization:"{small[n % len(small)]}"'}),
        "one filter: tag": made(lambda n: {"fq": f'+tags:"{tags[n % len(tags)]}"'}),
        "one filter: format": made(lambda n: {"fq": f'+res_format:"{("CSV", "XLSX", "PDF", "JSON")[n % 4]}"'}),
        "one word: common": made(lambda n: {"q": common[n]}),
        "one word: middling": made(lambda n: {"q": middling[n]}),
        "one word: rare": made(lambda n: {"q": rare[n]}),
        "a word and two filters": made(lambda n: {"q": common[n], "fq": filtered(n)}),
        "two words": made(lambda n: {"q": f"{common[n]} {middling[(n + 5) % 24]}"}),
        "four words, three needed": made(lambda n: {"q": " ".join(common[(n + step) % 24] for step in (0, 1, 2, 9))}),
        "phrase of two words": made(phrase),
        "title:word": made(lambda n: {"q": f"title:{middling[n]}"}),
        "title:prefix*": made(lambda n: {"q": f"title:{middling[n][:4]}*"}),
        "leading wildcard": made(lambda n: {"q": f"text:*{ENGLISH[20 + n][-4:]}"}),
        "fuzzy": made(lambda n: {"q": f"text:{ENGLISH[20 + n][:2]}x{ENGLISH[20 + n][3:]}~"}),
        "date range": made(lambda n: {"fq": f"+metadata_modified:{days[n]}"}),
        "autocomplete": made(typed),
        "sort by title": made(lambda n: {"q": middling[n], "sort": "title_string asc"}),
        "page 100": [{"start": 2_000}],
        "page 1,000": [{"start": 20_000}],
    }


class Table:
    """Both engines, filled with the same documents."""

    def __init__(self, bench: Bench, engines: dict[str, Connection], corpus: Corpus, rounds: int) -> None:
        self.bench = bench
        self.engines = engines
        self.corpus = corpus
        self.rounds = rounds

    def fill(self) -> list[Document]:
        """Index everything, batch by batch in turn. Returns a few documents to take queries from."""
        spent = dict.fromkeys(self.engines, 0.0)
        kept: list[Document] = []
        bytes_sent = bytes_dataset = total = 0
        stream = documents(self.corpus.packages())
        while chunk := list(itertools.islice(stream, BATCH)):
            for name, engine in self._turns(total):
                start = time.perf_counter()
                engine.add(docs=chunk, commit=False)
                spent[name] += time.perf_counter() - start
            total += len(chunk)
            kept += chunk[:20]
            bytes_sent += sum(len(json.dumps(document, ensure_ascii=False).encode()) for document in chunk[:5])
            bytes_dataset += sum(len(document["data_dict"].encode()) for document in chunk[:5])
            if total % 10_000 < BATCH:
                print(f"  {total} documents", file=sys.stderr, flush=True)
        for name, engine in self.engines.items():
            start = time.perf_counter()
            engine.commit()
            spent[name] += time.perf_counter() - start
        sampled = 5 * -(-total // BATCH)
        self.bench.fact("documents", f"{total}, {bytes_dataset / sampled / 1000:.1f} KB each, {bytes_sent / sampled / 1000:.1f} KB as sent")
        for name, seconds in spent.items():
            self.bench.fact(f"bulk rate, {name}", f"{total / seconds:.0f} documents/s ({seconds:.0f} s, batches of {BATCH})")
        return kept

    def _turns(self, number: int) -> list[tuple[str, Connection]]:
        turns = list(self.engines.items())
        return turns if (number // BATCH) % 2 else turns[::-1]

    def search(
        self, name: str, variants: Sequence[Params], *, before: Callable[[Connection], Any] | None = None, again: bool = False
    ) -> None:
        sent = [as_ckan_sends(params) for params in variants]
        # Both count hits over the same requests first: a quick answer has to be the right one. It warms both alike.
        hits = {key: sum(_ask(engine, params) for params in sent) for key, engine in self.engines.items()}
        alternatives = {}
        for key, engine in self.engines.items():
            requests = itertools.cycle(sent) if again else map(as_somebody, itertools.cycle(sent), itertools.count())
            prepare = partial(before, engine) if before else None
            alternatives[key] = Alternative(lambda engine=engine, requests=requests: _ask(engine, next(requests)), before=prepare)
        notes = {"hits": " : ".join(str(round(count / len(sent))) for count in hits.values())}
        self.bench.case(name, alternatives, rounds=self.rounds, notes=notes)

    def writes(self) -> None:
        """Single and bulk writes, and searches that a write has just made both forget."""
        # Each engine has its own, the same, so that both end with the same documents.
        more = Corpus(self.corpus.count + 20_000, seed=77, words=self.corpus.words)
        spare = {id(engine): documents(more.packages(self.corpus.count)) for engine in self.engines.values()}
        ids = {id(engine): (package["id"] for package in self.corpus.packages(1)) for engine in self.engines.values()}
        ready: list[Document] = []

        def prepare(engine: Connection, count: int) -> None:
            # Making the documents is not what is timed.
            ready[:] = itertools.islice(spare[id(engine)], count)

        def add(engine: Connection) -> None:
            engine.add(docs=list(ready), commit=True)

        def add_new(engine: Connection) -> None:
            prepare(engine, 1)
            add(engine)

        def delete(engine: Connection) -> None:
            engine.delete(q=f'+id:"{next(ids[id(engine)])}"', commit=True)

        rounds = max(5, self.rounds // 2)
        for name, count in (("add one, with commit", 1), ("add 100 in one call", 100)):
            turns = {key: Alternative(partial(add, engine), before=partial(prepare, engine, count)) for key, engine in self.engines.items()}
            self.bench.case(name, turns, rounds=rounds, items=count)
        self.bench.case("delete one, with commit", {key: partial(delete, engine) for key, engine in self.engines.items()}, rounds=rounds)
        self.search("match-all, right after a write", [{}], before=add_new)
        self.search("one common word, right after a write", [{"q": word} for word in ENGLISH[:8]], before=add_new)


def _ask(engine: Connection, sent: Params) -> int:
    parameters = dict(sent)
    return int(engine.search(parameters.pop("q"), **parameters).hits)


def own_index_bytes(url: str) -> int:
    from ckanext.ogptn.search.store import SCHEMA

    statement = (
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind = 'r'"
    )
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, (SCHEMA,))
        row = cursor.fetchone()
        return int(row[0]) if row else 0


def first_search_of_a_process(url: str) -> tuple[float, float, int]:
    """Seconds of the first and the second search of a new process with our engine, and its resident bytes after them."""
    program = (
        "import json,sys,time,psutil\n"
        "from ckanext.ogptn.search.connection import PostgresConnection\n"
        "sent=json.loads(sys.argv[2]); q=sent.pop('q'); out=[]\n"
        "engine=PostgresConnection(sys.argv[1],decode_dates=False,seconds=60)\n"
        "for _ in range(2):\n"
        "    start=time.perf_counter(); engine.search(q,**sent); out.append(time.perf_counter()-start)\n"
        "print(json.dumps([*out,psutil.Process().memory_info().rss]))\n"
    )
    sent = json.dumps(as_ckan_sends({"q": ENGLISH[2]}))
    done = subprocess.run([sys.executable, "-c", program, url, sent], capture_output=True, text=True, check=True)
    first, second, size = json.loads(done.stdout.splitlines()[-1])
    return float(first), float(second), int(size)


def facts(bench: Bench, url: str, instance: SolrInstance | None, before: int) -> None:
    megabyte = 1_000_000
    bench.fact("index, ours", f"{own_index_bytes(url) / megabyte:.0f} MB in PostgreSQL")
    first, second, size = first_search_of_a_process(url)
    bench.fact("new process, ours", f"first search {first * 1000:.0f} ms, second {second * 1000:.0f} ms, {size / megabyte:.0f} MB resident")
    bench.fact("memory, ours", f"{(psutil.Process().memory_info().rss - before) / megabyte:.0f} MB more in this process after all queries")
    if instance:
        bench.fact("index, solr", f"{instance.index_bytes() / megabyte:.0f} MB")
        bench.fact(
            "memory, solr", f"{instance.memory_bytes() / megabyte:.0f} MB resident, heap {instance.heap_bytes() / megabyte:.0f} MB in use"
        )


class DurableServices(TestServices):
    """PostgreSQL as a portal runs it, in a place of its own."""

    def _servers(self) -> tuple[Postgres, Redis]:
        _fast, redis = super()._servers()
        return Postgres(self.layout.pgdata, self.layout.log("postgresql"), self.layout.secrets().postgres), redis


# -- the cost around the engine


class Worker:
    """A CKAN in a process of its own whose engine answers at once with a fixed result. See ``tests/benchmarks/action_worker.py``."""

    def __init__(self, plugins: str, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.action_worker", plugins]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}, cwd=HERE.parents[1]
        )
        self._expect("ready")

    def _expect(self, word: str) -> None:
        assert self.process.stdout is not None
        # CKAN logs its start-up to the same stream.
        for line in self.process.stdout:
            if line.strip() == word:
                return
        raise RuntimeError(f"the worker ended with {self.process.wait()}")

    def run(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self._expect("done")

    def close(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(timeout=30)


def action(bench_rounds: int, environment: dict[str, str]) -> Bench:
    """package_search with everything that our plugins add, beside CKAN's own, both on an engine that costs nothing."""
    bench = Bench("package_search around the engine: 20 results, 6 facets, anonymous", peer="CKAN alone")
    for ini in INIS.values():
        for command in (["db", "init"], ["db", "pending-migrations", "--apply"]):
            program = [sys.executable, "-c", "from ckan.cli.cli import ckan; ckan()", "-c", str(ini), *command]
            subprocess.run(program, env={**os.environ, **environment}, check=True, capture_output=True)
    with ExitStack() as stack:
        workers = {name: Worker(plugins, environment) for name, plugins in (("with our plugins", "ours"), ("CKAN alone", "none"))}
        for worker in workers.values():
            stack.callback(worker.close)
        bench.case("package_search", {name: worker.run for name, worker in workers.items()}, rounds=bench_rounds * 20, warm_up=20)
    return bench


def _instance(stack: ExitStack, *, wanted: bool) -> SolrInstance | None:
    return stack.enter_context(solr()) if wanted else None


def benches(options: Any) -> Iterator[Bench]:
    """The tables that were asked for, one after the other."""
    with ExitStack() as stack:
        services = DurableServices(Path(os.environ.get("OGPTN_BENCH_DIR") or HERE.parents[1] / ".cache" / "bench-search"))
        stack.callback(services.stop)
        environment = services.start()
        os.environ.update(environment)
        if options.action:
            yield action(options.rounds, environment)
            return
        instance = _instance(stack, wanted=not options.without_solr)
        if instance:
            os.environ["CKAN_SOLR_URL"] = instance.url
        from tests.solr.site import ckan_site

        stack.enter_context(ckan_site())
        url = environment["CKAN_SQLALCHEMY_URL"]
        engines: dict[str, Connection] = {OURS: own_connection(url=url)}
        if instance:
            engines[SOLR] = solr_connection(instance.url)
        before = psutil.Process().memory_info().rss
        bench = Bench(f"Search in {options.documents} datasets: 20 rows, 6 facets, as CKAN asks for an anonymous visitor", peer=SOLR)
        table = Table(bench, engines, Corpus(options.documents, words=WORDS), options.rounds)
        sample = table.fill()
        for name, variants in searches(sample, random.Random(5)).items():  # noqa: S311 - repeatable, not secret
            table.search(name, variants)
            if name in ("match-all", "one word: common", "a word and two filters"):
                table.search(f"{name}, asked again", variants[:4], again=True)
        table.writes()
        facts(bench, url, instance, before)
        yield bench
        if not options.without_action:
            yield action(options.rounds, environment)


def main(given: Sequence[str]) -> int:
    parser = arguments(__doc__ or "", rounds=24)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--without-solr", action="store_true", help="ours alone: no ratios")
    parser.add_argument("--action", action="store_true", help="only the cost around the engine")
    parser.add_argument("--without-action", action="store_true", help="without that")
    options = parser.parse_args(given)
    try:
        for bench in benches(options):
            bench.report(as_json=options.json)
            print()
    except SolrUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
