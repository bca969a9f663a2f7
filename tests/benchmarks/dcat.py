"""The catalogue as linked data beside stock ckanext-dcat: same datasets, same database, same machine, same run.

python -m tests.benchmarks.dcat                      10,000 datasets
python -m tests.benchmarks.dcat --datasets 1000      quick

Stock is asked for the catalogue as its harvesters ask: `/catalog.ttl`, page by page, with its own default profile (`--stock-pages` of them,
spread over the catalogue; its rate is of those). Each of these pages is asked of ours right before and right after, so that what else the
machine does slows both alike; then ours is asked for all pages, and for the whole file. Both are asked through the whole application, both
warm. Memory is compared with that of 1,000 of the same datasets. Datasets are made-up copies of one record of each type, made in SQL (but
for commitments, whose numbers the database keeps apart).
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil

from tests.benchmarks import fresh
from tests.services import TestServices

INI = Path(__file__).resolve().parents[2] / "test.ini"
PAGE = 100
#: Datasets whose memory that of all is compared with.
SMALL = 1000


@contextmanager
def site() -> Iterator[Any]:
    """An empty site of its own, in a folder that goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ogptn-dcat-"))
    services = TestServices(folder)
    try:
        os.environ.update(services.start())
        flask_app = _client()
        with flask_app.test_request_context():
            fresh.make(("activity", "ogptn", "ogptn_search"))
            yield flask_app
    finally:
        services.stop(everything=True)
        shutil.rmtree(folder, ignore_errors=True)


def fill(count: int) -> None:
    """``count`` public datasets or one or two more: copies of one of each type, with two files and every common field."""
    import ckan.plugins.toolkit as tk
    import sqlalchemy as sa
    from ckan import model

    from tests.catalogue.test_dataset import EXAMPLE

    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    context: Any = {"user": user, "ignore_auth": True}
    agency = tk.get_action("organization_create")(
        cast(Any, dict(context)),
        {"name": "agency", "title_translated": {"ar": "هيكل", "fr": "Organisme", "en": "Agency"}, "email": "a@example.tn"},
    )
    common = {name: value for name, value in EXAMPLE.items() if name not in ("name", "type")}
    common["resources"] = [{**EXAMPLE["resources"][0]}, {**EXAMPLE["resources"][0]}]
    own = {
        "dataset": {},
        "budget": {
            "fiscal_years": ["2024"],
            "document_type": "enacted",
            "phases": ["approved"],
            "direction": ["expenditure"],
            "currency": "TND",
            "unit_multiplier": "thousand",
            "classification": "seven_parts",
            "administrative_level": "state",
        },
        "extractive": {"record_kind": "contract", "sectors": ["oil"], "parties": [{"company": "A"}, {"company": "B"}]},
    }
    for kind, more in own.items():
        record = {**common, **more, "type": kind, "name": f"original-{kind}", "owner_org": agency["id"]}
        tk.get_action("package_create")(cast(Any, dict(context)), record)
    copies = -(-count // len(own)) - 1
    connection = model.Session.connection()
    tables = {"package": ("id",), "resource": ("id", "package_id"), "member": ("id", "table_id")}
    for table, keys in tables.items():
        columns = [column["name"] for column in sa.inspect(connection).get_columns(table)]
        chosen = [
            f"md5({name} || n)::uuid::text"
            if name in keys
            else "name || '-' || n"
            if table == "package" and name == "name"
            else f'"{name}"'
            for name in columns
        ]
        # Names of tables and columns only, as the database itself gives them.
        listed = ", ".join(f'"{name}"' for name in columns)
        connection.execute(
            sa.text(f'INSERT INTO "{table}" ({listed}) SELECT {", ".join(chosen)} FROM "{table}", generate_series(1, :copies) AS n'),  # noqa: S608
            {"copies": copies},
        )
    model.Session.commit()


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def megabytes() -> float:
    return psutil.Process().memory_info().rss / 1e6


class Peak:
    """The most memory that a stream took above what the process had before, in MB, sampled at each piece."""

    def __init__(self) -> None:
        gc.collect()
        self.before = self.most = megabytes()

    def drain(self, pieces: Any) -> int:
        total = 0
        for number, piece in enumerate(pieces):
            total += len(piece)
            if number % 5 == 0:
                self.most = max(self.most, megabytes())
        return total

    @property
    def grown(self) -> float:
        return self.most - self.before


def _client() -> Any:
    """The application on the services that the environment names."""
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    return cast(Any, make_app(cast(Any, load_config(str(INI)))))._wsgi_app


def stream() -> None:
    """In a process of its own: read the whole in each form and print the most memory that it ever took, in MB."""
    client = _client().test_client()
    for form in ("nt", "ttl", "jsonld", "rdf"):
        for _piece in client.get(f"/catalog/all.{form}.gz", buffered=False).iter_encoded():
            pass
    # Of this program alone: what getrusage tells begins with the memory of the process that started it.
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    print(int(peak) * 1024 / 1e6)


def peak_of_a_process() -> float:
    """MB of a fresh process that reads the whole."""
    done = subprocess.run([sys.executable, "-m", "tests.benchmarks.dcat", "--stream"], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def keep(count: int) -> None:
    """Delete all datasets but the first ones by id."""
    import sqlalchemy as sa
    from ckan import model

    model.Session.execute(
        sa.text("UPDATE package SET state = 'deleted' WHERE id NOT IN (SELECT id FROM package ORDER BY id LIMIT :count)"), {"count": count}
    )
    model.Session.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=10_000)
    parser.add_argument("--stock-pages", type=int, default=10)
    parser.add_argument("--stream", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream:
        stream()
        return
    with site() as application:
        run(application, options.datasets, options.stock_pages)


def run(application: Any, count: int, stock_pages: int) -> None:
    import ckan.plugins.toolkit as tk
    from ckan import model
    from ckan.lib.search import rebuild

    from ckanext.ogptn.catalogue.dcat import documents, freshness, store

    client = application.test_client()
    fill(count)
    count = len(freshness.public_ids())
    pages = -(-count // PAGE)
    seconds, _ = timed(lambda: rebuild(force=True, quiet=True))
    print(f"{count} datasets, {pages} pages; indexed for search in {seconds:.0f} s")

    def get(address: str, **headers: str) -> Any:
        answer = client.get(address, headers=headers, buffered=False)
        assert answer.status_code in (200, 304), (address, answer.status_code)
        return answer

    ours_profiles = tk.config["ckanext.dcat.rdf.profiles"]

    def ask(page: int, profiles: str) -> float:
        tk.config["ckanext.dcat.rdf.profiles"] = profiles
        try:
            seconds, answer = timed(lambda: get(f"/catalog.ttl?page={page}").data)
        finally:
            tk.config["ckanext.dcat.rdf.profiles"] = ours_profiles
        assert answer.count(b"dcat:Dataset") >= PAGE or page == pages, page
        return seconds

    # Cold: nothing kept.
    some = freshness.public_ids()[:50]
    now = freshness.Now()
    seconds, _ = timed(lambda: [store.build(one, now) for one in some])
    print(f"one changed dataset, read and written in four forms: {seconds / len(some) * 1000:.1f} ms")
    seconds, refreshed = timed(store.refresh)
    print(f"worker: {refreshed.built} written in {seconds:.0f} s ({refreshed.built / seconds:.0f}/s)")
    seconds, _ = timed(store.refresh)
    print(f"worker with nothing to do: {seconds * 1000:.0f} ms")
    model.Session.remove()

    asked = list(range(1, pages, max(1, pages // stock_pages)))[:stock_pages]
    ask(1, "euro_dcat_ap_3")
    ask(1, ours_profiles)
    stock, ours = [], []
    for page in asked:
        before, slow, after = ask(page, ours_profiles), ask(page, "euro_dcat_ap_3"), ask(page, ours_profiles)
        stock.append(slow)
        ours += [before, after]
    stock_rate, ours_rate = len(stock) * PAGE / sum(stock), len(ours) * PAGE / sum(ours)
    print(f"stock ckanext-dcat, {len(stock)} pages of {PAGE} (ttl): {stock_rate:8.0f} datasets/s")
    print(f"ours, the same pages around each of them:     {ours_rate:8.0f} datasets/s, {ours_rate / stock_rate:6.1f} × stock")

    rates = {}
    seconds, _ = timed(lambda: [get(f"/catalog.ttl?page={page}").get_data() for page in range(1, pages + 1)])
    rates["pages (ttl)"] = count / seconds
    for form in documents.FORMS:
        get(f"/catalog/all.{form}.gz").get_data()
        peak = Peak()
        seconds, size = timed(lambda form=form, peak=peak: peak.drain(get(f"/catalog/all.{form}.gz").iter_encoded()))
        rates[f"whole ({form})"] = count / seconds
        print(f"whole, {form:6}: {seconds:.2f} s, {size / 1e6:.1f} MB compressed, memory grew by {peak.grown:.1f} MB")
    tag = get("/catalog/all.nt.gz").headers["ETag"]
    seconds, _ = timed(lambda: get("/catalog/all.nt.gz", **{"If-None-Match": tag}).get_data())
    print(f"whole, not changed (304): {seconds * 1000:.0f} ms; process: {megabytes():.0f} MB")
    large = peak_of_a_process()
    keep(SMALL)
    small = peak_of_a_process()
    print(f"most memory of a process that reads the whole in four forms: {large:.1f} MB of {count}, {small:.1f} MB of {SMALL} datasets")
    for name, rate in rates.items():
        print(f"ours, {name:15}: {rate:8.0f} datasets/s, {rate / stock_rate:6.1f} × stock")


if __name__ == "__main__":
    main()
