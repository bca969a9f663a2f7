"""Tables that are sent by several connections: whole or not at all, like those that are sent by one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from ckan.tests.helpers import call_action
from ckanext.datastore.backend import postgres
from sqlalchemy.exc import DBAPIError

from ckanext.ogptn.tables import load, read
from ckanext.ogptn.tables.load import load_table, tidy
from ckanext.ogptn.tables.read import open_table

pytestmark = pytest.mark.usefixtures("clean_db")

HEADER = "الولاية;Libellé;Montant;Jour;Exercice\n"


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few thousand rows are a large table."""
    monkeypatch.setattr(load, "_HELD", 400)
    monkeypatch.setattr(read, "CHUNK", 100)


def write(path: Path, rows: int, more: str = "") -> Path:
    lines = (f"صفاقس;Dépense n° {number};{number},5;{number % 28 + 1:02}/01/2018;{2010 + number % 9}\n" for number in range(rows))
    path.write_text(HEADER + "".join(lines) + more, encoding="utf-8")
    return path


def send(path: Path, resource_id: str, **ways: Any) -> Any:
    with open_table(path) as reading:
        return load_table(reading, resource_id, **ways)


def ask(sql: str, **values: Any) -> Any:
    with postgres.get_write_engine().connect() as connection:
        return connection.execute(sa.text(sql), values).all()


def left() -> list[str]:
    tables = ask("SELECT tablename FROM pg_tables WHERE starts_with(tablename, '_ogptn')")
    return [row[0] for row in [*tables, *ask("SELECT proname FROM pg_proc WHERE starts_with(proname, '_ogptn')")]]


def stored(resource_id: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in ask(f'SELECT * FROM "{resource_id}" ORDER BY _id')]  # noqa: S608 - an id


def shape(resource_id: str) -> list[tuple[Any, ...]]:
    """Columns, comments, indexes, triggers, sequence and rights of a table."""
    return [
        tuple(row)
        for row in [
            *ask(
                "SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), "
                "col_description(attrelid, attnum) "
                "FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
                "WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 ORDER BY attnum",
                name=f'"{resource_id}"',
            ),
            *ask("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :name ORDER BY 1", name=resource_id),
            *ask("SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = CAST(:name AS regclass)", name=f'"{resource_id}"'),
            *ask("SELECT relacl FROM pg_class WHERE relname = :name", name=resource_id),
            *ask(f'SELECT last_value, is_called FROM "{resource_id}__id_seq"'),  # noqa: S608 - an id
        ]
    ]


def test_a_large_table_is_like_a_small_one(tmp_path: Path, resource: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv", 3_000, "صفاقس;voir note;x;01/01/2018;2018\nTotal;;7;;\n")
    _table, told = send(path, resource)
    small = stored(resource), shape(resource)
    monkeypatch.setattr(load, "_HELD", 400)
    monkeypatch.setattr(read, "CHUNK", 100)
    used: list[int] = []
    original = load.writers.Writers.send
    monkeypatch.setattr(load.writers.Writers, "send", lambda self, piece: used.append(len(piece)) or original(self, piece))
    _table, told_again = send(path, resource)
    assert len(used) > 20
    assert (stored(resource), shape(resource)) == small
    assert told_again == told
    assert (told.rows, told.rejected) == (3_001, 1)
    assert not left()


@pytest.mark.parametrize("columns", [0, 250])
def test_what_is_found_by_words_is_what_the_datastore_itself_would_find(
    tmp_path: Path, resource: str, small_pieces: None, columns: int
) -> None:
    path = tmp_path / "a.csv"
    if columns:
        # More than a function of PostgreSQL's takes, of each type, some empty.
        kinds = ("12,5", "31/01/2018", "الولايات n° 7", "oui", "1 000", "2018")
        lines = (";".join("" if (row + place) % 7 == 0 else kinds[place % 6] for place in range(columns)) for row in range(1_500))
        path.write_text(";".join(f"c{place}" for place in range(columns)) + "\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    else:
        write(path, 1_500)
    send(path, resource)
    before = ask(f'SELECT CAST(_full_text AS text) FROM "{resource}" ORDER BY _id')  # noqa: S608 - an id
    names = ", ".join(f'"{field["id"]}"' for field in call_action("datastore_info", id=resource)["fields"])
    with postgres.get_write_engine().begin() as connection:
        # The table's own trigger makes the words of these.
        connection.execute(sa.text(f'INSERT INTO "{resource}" ({names}) SELECT {names} FROM "{resource}" ORDER BY _id'))  # noqa: S608
    after = ask(f'SELECT CAST(_full_text AS text) FROM "{resource}" WHERE _id > 1500 ORDER BY _id')  # noqa: S608 - an id
    assert len(after) == 1_500
    assert all(row[0] for row in after)
    assert after == before


def test_the_table_is_as_the_datastore_would_have_made_it(
    tmp_path: Path, resource: str, small_pieces: None, open_dataset_factory: Any
) -> None:
    send(write(tmp_path / "a.csv", 1_500), resource)
    by_hand = open_dataset_factory(resources=[{"url": "http://example.tn/b.csv"}])["resources"][0]["id"]
    fields = [
        {"id": one["id"], "type": one["type"], "info": {**one["info"], "from_file": {key: one["info"][key] for key in ("label", "notes")}}}
        for one in call_action("datastore_info", id=resource)["fields"]
    ]
    site_user = call_action("get_site_user")["name"]
    call_action("datastore_create", {"user": site_user}, resource_id=by_hand, force=True, fields=fields, records=[])

    def plain(name: str) -> list[tuple[Any, ...]]:
        hashed = postgres._generate_index_name(name, postgres.identifier("_full_text"))
        said = [tuple(str(cell).replace('"', "").replace(name, "TABLE").replace(hashed, "INDEX") for cell in row) for row in shape(name)]
        # Without comments, which are compared below, and without the sequence's state.
        return sorted(row[:4] for row in said[:-1])

    assert plain(resource) == plain(by_hand)
    assert [one["info"] for one in call_action("datastore_info", id=by_hand)["fields"]] == [
        {**one["info"], "from_file": mine["info"]["from_file"]}
        for one, mine in zip(call_action("datastore_info", id=resource)["fields"], fields, strict=True)
    ]


def test_other_ways_to_index(tmp_path: Path, resource: str, small_pieces: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ckan_config, "ckan.datastore.default_fts_index_method", "gin")
    send(write(tmp_path / "a.csv", 1_000), resource)
    assert any(
        "USING gin (_full_text)" in row[1] for row in ask("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :n", n=resource)
    )


def test_nobody_reads_a_table_that_is_not_complete(tmp_path: Path, resource: str, small_pieces: None) -> None:
    send(write(tmp_path / "a.csv", 500), resource)
    seen: list[Any] = []

    def look(rows: int) -> None:
        if rows < 2_000 or seen:
            return
        # Nor by SQL, which asks for the right to see the resource of each table's name in the same way.
        anybody: Any = {"ignore_auth": False, "user": ""}
        with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
            call_action("datastore_search", anybody, resource_id=left()[0])
        seen.append(ask(f'SELECT count(*) FROM "{resource}"')[0][0])  # noqa: S608 - an id

    send(write(tmp_path / "b.csv", 3_000), resource, progress=look)
    assert seen == [500]
    assert len(stored(resource)) == 3_000


def test_a_connection_that_is_lost_leaves_the_old_table(tmp_path: Path, resource: str, small_pieces: None) -> None:
    send(write(tmp_path / "a.csv", 500), resource)
    cut: list[int] = []

    def progress(rows: int) -> None:
        if rows >= 1_000 and not cut:
            busy: Any = []
            for _attempt in range(200):
                busy = ask("SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY \"\\_ogptn%' AND state = 'active' ORDER BY pid")
                if busy:
                    break
                time.sleep(0.05)
            cut.append(busy[0][0])
            ask("SELECT pg_terminate_backend(:pid)", pid=busy[0][0])

    path = write(tmp_path / "b.csv", 30_000)
    with pytest.raises(DBAPIError):
        send(path, resource, progress=progress)
    assert cut
    assert len(stored(resource)) == 500
    assert not left()
    send(path, resource)
    assert len(stored(resource)) == 30_000


def test_who_stops_the_worker_leaves_the_old_table(tmp_path: Path, resource: str, small_pieces: None) -> None:
    """A worker's time that is over is an error that comes from anywhere (RQ's ``JobTimeoutException``)."""
    send(write(tmp_path / "a.csv", 500), resource)

    class OverError(Exception):
        pass

    def progress(rows: int) -> None:
        if rows >= 1_000:
            raise OverError

    running = threading.active_count()
    with pytest.raises(OverError):
        send(write(tmp_path / "b.csv", 5_000), resource, progress=progress)
    assert (len(stored(resource)), left(), threading.active_count()) == (500, [], running)


KILLED = """
import sys
from pathlib import Path
from ckan.cli import load_config
from ckan.config.middleware import make_app
app = make_app(load_config(sys.argv[1]))._wsgi_app
from ckanext.ogptn.tables import load, read
load._HELD, read.CHUNK = 400, 100

def progress(rows):
    if rows >= 5_000:
        print("half", flush=True)
        sys.stdin.readline()

with app.test_request_context(), read.open_table(sys.argv[2]) as reading:
    load.load_table(reading, sys.argv[3], progress=progress)
"""


@pytest.mark.faults
def test_what_a_killed_load_leaves_is_removed(tmp_path: Path, resource: str, small_pieces: None, pytestconfig: pytest.Config) -> None:
    send(write(tmp_path / "a.csv", 500), resource)
    path = write(tmp_path / "b.csv", 10_000)
    ini = pytestconfig.rootpath / "test.ini"
    arguments = [sys.executable, "-c", KILLED, str(ini), str(path), resource]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert any(line == "half\n" for line in process.stdout)
            assert left()
            # While it lives, what it sends is not touched.
            assert tidy() == 0
            assert left()
        finally:
            os.kill(process.pid, signal.SIGKILL)
    assert len(stored(resource)) == 500
    removed = 0
    for _attempt in range(200):
        # PostgreSQL finds out in a moment that nobody is there any more.
        if removed := tidy():
            break
        time.sleep(0.05)
    assert removed == 1
    assert not left()
    send(path, resource)
    assert len(stored(resource)) == 10_000
