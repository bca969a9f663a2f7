"""The catalogue as linked data beside stock ckanext-dcat: same datasets, same database, same machine, same run.

python -m tests.benchmarks.dcat                      10,000 datasets
python -m tests.benchmarks.dcat --datasets 1000      quick

Stock is asked for the catalogue as its harvesters ask: `/catalog.ttl`, page by page, with its own default profile (`--stock-pages` of them,
spread over the catalogue; its rate is of those). Ours is asked for all pages, and for the whole file. Both are asked through the whole
application, both warm. Datasets are made-up copies of one record of each type, made in SQL (but for commitments, whose numbers the database
keeps apart).
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil

from tests.services import TestServices

INI = Path(__file__).resolve().parents[2] / "test.ini"
PAGE = 100


@contextmanager
def site() -> Iterator[Any]:
    """An empty site of its own, in a folder that goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ogptn-dcat-"))
    services = TestServices(folder)
    try:
        os.environ.update(services.start())
        from ckan.cli import load_config
        from ckan.config.middleware import make_app

        flask_app: Any = cast(Any, make_app(cast(Any, load_config(str(INI)))))._wsgi_app
        with flask_app.test_request_context():
            from ckan import model
            from ckan.cli.db import _run_migrations

            model.repo.init_db()
            for plugin in ("activity", "ogptn", "ogptn_search"):
                _run_migrations(plugin)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=10_000)
    parser.add_argument("--stock-pages", type=int, default=10)
    options = parser.parse_args()
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

    def stock() -> int:
        step = max(1, pages // stock_pages)
        asked = range(1, pages + 1, step)
        for page in asked:
            assert b"dcat:Dataset" in get(f"/catalog.ttl?page={page}").data
        return len(asked) * PAGE

    ours_profiles = tk.config["ckanext.dcat.rdf.profiles"]
    tk.config["ckanext.dcat.rdf.profiles"] = "euro_dcat_ap_3"
    get("/catalog.ttl?page=1").get_data()
    seconds, done = timed(stock)
    stock_rate = min(done, count) / seconds
    print(f"stock ckanext-dcat, pages of {PAGE} (ttl): {stock_rate:8.0f} datasets/s")
    tk.config["ckanext.dcat.rdf.profiles"] = ours_profiles

    # Cold: nothing kept.
    small = freshness.public_ids()[:50]
    now = freshness.Now()
    seconds, _ = timed(lambda: [store.build(one, now) for one in small])
    print(f"one changed dataset, read and written in four forms: {seconds / len(small) * 1000:.1f} ms")
    seconds, refreshed = timed(store.refresh)
    print(f"worker: {refreshed.built} written in {seconds:.0f} s ({refreshed.built / seconds:.0f}/s)")
    seconds, _ = timed(store.refresh)
    print(f"worker with nothing to do: {seconds * 1000:.0f} ms")
    model.Session.remove()

    rates = {}
    get("/catalog.ttl?page=1").get_data()
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
    for name, rate in rates.items():
        print(f"ours, {name:15}: {rate:8.0f} datasets/s, {rate / stock_rate:6.1f} × stock")


if __name__ == "__main__":
    main()
