"""One task of the benchmark of tables, in a process of its own. Prints one line of JSON: seconds, CPU seconds, megabytes."""

from __future__ import annotations

import itertools
import json
import logging
import os
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(call: Callable[[], Any]) -> dict[str, Any]:
    """Time one call. ``before``: megabytes that the process had taken until then."""
    before, clock, cpu = _megabytes(), time.perf_counter(), time.process_time()
    call()
    return {
        "seconds": time.perf_counter() - clock,
        "cpu": time.process_time() - cpu,
        "before": before,
        "megabytes": _megabytes(),
    }


def site() -> Any:
    """CKAN with the DataStore; the peer's package is on ``PYTHONPATH`` where it is asked for."""
    import ckanext

    # Python looks for the parts of a package in one place only, once somebody has said where.
    for place in (ROOT, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))):
        if str(Path(place) / "ckanext") not in ckanext.__path__:
            ckanext.__path__.append(str(Path(place) / "ckanext"))
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    configuration = load_config(str(ROOT / "test.ini"))
    configuration["ckan.plugins"] = "ogptn_search datastore"
    configuration["ckan.auth.create_unowned_dataset"] = "true"
    return make_app(configuration)._wsgi_app.test_request_context()  # pyright: ignore[reportAttributeAccessIssue]


def prepare() -> None:
    """Make the site's tables and one dataset."""
    from ckan import model
    from ckan.cli.db import upgrade

    with site():
        upgrade.main([], standalone_mode=False)
        model.Session.remove()


def make_resource() -> str:
    """A resource to load into."""
    import ckan.plugins.toolkit as tk

    context: Any = {"ignore_auth": True, "user": tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]}
    dataset = tk.get_action("package_create")(context, {"name": f"bench-{uuid.uuid4().hex}", "resources": [{"url": "http://x.tn/a.csv"}]})
    return dataset["resources"][0]["id"]


def ours(path: str) -> dict[str, Any]:
    """Our loader."""
    with site():
        from ckanext.ogptn.tables.load import load_table
        from ckanext.ogptn.tables.read import open_table

        resource_id = make_resource()

        def run() -> None:
            with open_table(path) as reading:
                _table, loaded = load_table(reading, resource_id)
                assert loaded.rejected == 0

        return measure(run)


def xloader(path: str, function: str) -> dict[str, Any]:
    """ckanext-xloader's ``load_csv``, and then the index that its job makes after it (``index``: seconds), or ``load_table``."""
    with site():
        from ckanext.xloader import loader  # pyright: ignore[reportMissingImports]

        resource_id = make_resource()
        log = logging.getLogger("xloader-bench")
        log.setLevel(logging.ERROR)
        fields: list[Any] = []
        answer = measure(lambda: fields.extend(getattr(loader, function)(path, resource_id, mimetype="text/csv", logger=log) or []))
        if function == "load_csv":
            answer["index"] = measure(lambda: loader.create_column_indexes(fields, resource_id, logger=log))["seconds"]
        return answer


def read(task: str, path: str, first: str) -> dict[str, Any]:
    """A workbook, whole or its first hundred rows."""
    most = 100 if first == "first100" else None
    if task == "read-ours":
        from ckanext.ogptn.tables.read import open_table

        def run() -> None:
            with open_table(path) as reading:
                for _row in itertools.islice(reading.rows(), most):
                    pass

    elif task == "read-openpyxl":
        import openpyxl

        def run() -> None:
            book = openpyxl.load_workbook(path, read_only=True)
            for _row in itertools.islice(book.worksheets[0].iter_rows(values_only=True), most):
                pass

    else:
        import pandas  # pyright: ignore[reportMissingImports]

        def run() -> None:
            pandas.read_excel(path, nrows=most)

    return measure(run)


#: Columns of the table that is downloaded: PostgreSQL's type, and what makes a value of the row's number ``n``.
_INVENTED = {
    "code": ("text", "'A' || (n % 997)"),
    "lieu": ("text", "(ARRAY['Tunis', 'صفاقس', 'Béja', 'قابس'])[n % 4 + 1]"),
    "titre": ("int", "n % 5 + 1"),
    "article": ("int", "n % 61 + 100"),
    "libelle": ("text", "'Dépense synthétique ' || (n % 5000)"),
    "jour": ("date", "DATE '2010-01-01' + (n % 4000)::int"),
    "exercice": ("int", "2010 + n % 12"),
    "ouvert": ("numeric", "(n * 7919 % 100000000)::numeric / 1000"),
    "ordonnance": ("numeric", "(n * 6007 % 100000000)::numeric / 1000"),
    "paye": ("numeric", "(n * 5003 % 100000000)::numeric / 1000"),
    "nombre": ("int", "n % 10000"),
    "taux": ("numeric", "(n % 1000)::numeric / 10"),
}


def fill(rows: int) -> dict[str, Any]:
    """A table of invented rows in the DataStore, made by PostgreSQL itself."""
    with site():
        import ckan.plugins.toolkit as tk
        import sqlalchemy as sa
        from ckanext.datastore.backend import postgres

        resource_id = make_resource()
        fields = [{"id": name, "type": kind} for name, (kind, _value) in _INVENTED.items()]
        tk.get_action("datastore_create")({"ignore_auth": True}, {"resource_id": resource_id, "fields": fields, "force": True})
        table, names = postgres.identifier(resource_id), ", ".join(_INVENTED)
        values = ", ".join(value for _kind, value in _INVENTED.values()).replace(":", r"\:")
        with postgres.get_write_engine().begin() as connection:
            # The words of the rows are no matter here.
            connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            connection.execute(
                sa.text(f"INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, CAST(:rows AS bigint)) n"),  # noqa: S608
                {"rows": rows},
            )
        return {"resource": resource_id}


def download(resource_id: str, form: str) -> dict[str, Any]:
    """Write a table as a file, as the web server does."""
    with site(), tempfile.TemporaryFile() as file:
        from ckanext.ogptn.tables import download as files

        answer = measure(lambda: files.write(files.Query(resource_id), form, file))
        return {**answer, "file": file.seek(0, os.SEEK_END) // 1_000_000}


def main(arguments: list[str]) -> None:
    task, *rest = arguments
    if task == "prepare":
        prepare()
        answer: dict[str, Any] = {}
    elif task == "ours":
        answer = ours(rest[0])
    elif task == "fill":
        answer = fill(int(rest[0]))
    elif task == "download":
        answer = download(*rest)
    elif task.startswith("xloader"):
        answer = xloader(rest[0], "load_csv" if task == "xloader-copy" else "load_table")
    else:
        answer = read(task, *rest)
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
