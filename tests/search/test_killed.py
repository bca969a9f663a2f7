"""``ckan ogptn-search rebuild`` on a PostgreSQL that is killed in the middle of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg2
import pytest

from ckanext.ogptn.search.connection import PostgresConnection
from ckanext.ogptn.stack.postgres import Postgres, url

INI = Path(__file__).resolve().parents[1] / "ckan_core" / "core.ini"
#: More than two portions of a rebuild, so that it can be killed between the first and the last.
DATASETS = 1150
DATASET = """
    INSERT INTO package (id, name, title, notes, type, state, private, metadata_created, metadata_modified, creator_user_id)
    SELECT 'id-' || n, 'dataset-' || n, 'Water number ' || n %% 5, 'Measured in the river', 'dataset', 'active', false,
        '2026-01-01'::timestamp, '2026-01-02'::timestamp, NULL
    FROM generate_series(1, %s) AS n
"""


class Site:
    """A CKAN of commands alone, with our search, on a PostgreSQL of its own that keeps its promises about the disk."""

    def __init__(self, folder: Path) -> None:
        self.server = Postgres(folder / "pg", folder / "pg.log", "only-for-this-test")
        self.running = self.server.start()
        assert self.running.port is not None
        self.port: int = self.running.port
        self.server.ensure_role(self.port, "ckan", "only-for-this-test")
        self.server.ensure_database(self.port, "kill", "ckan")
        self.url = url(self.port, "kill", "ckan", "only-for-this-test")
        self.ini = folder / "kill.ini"
        self.ini.write_text(f"[app:main]\nuse = config:{INI}\nckan.plugins = ogptn_search\n", encoding="utf-8")

    def start(self, *command: str) -> subprocess.Popen[str]:
        program = [sys.executable, "-c", "from ckan.cli.cli import ckan; ckan()", "-c", str(self.ini), *command]
        environment = {**os.environ, "CKAN_SQLALCHEMY_URL": self.url}
        return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)

    def run(self, *command: str) -> str:
        process = self.start(*command)
        output, _none = process.communicate(timeout=600)
        assert process.returncode == 0, output
        return output

    def kill(self) -> None:
        """The whole family at once, as the kernel's out-of-memory killer or a power cut would."""
        parent = psutil.Process(self.running.pid)
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=20)

    def indexes(self) -> list[tuple[int, str]]:
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT number, state FROM ogptn_search.index_set ORDER BY number")
            return cursor.fetchall()

    def written(self, number: int) -> int:
        """Documents that an index has by now."""
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ogptn_search.doc_{int(number)}")  # noqa: S608 - a number
            row = cursor.fetchone()
            return int(row[0]) if row else 0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        made.server.stop(made.running)


@pytest.mark.faults
def test_postgresql_killed_while_the_command_rebuilds(site: Site) -> None:
    site.run("db", "init")
    site.run("db", "upgrade", "-p", "ogptn_search")
    with closing(psycopg2.connect(site.url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(DATASET, (DATASETS,))
    site.run("ogptn-search", "rebuild", "--quiet")
    search = PostgresConnection(site.url)
    assert search.search("title:water", rows=0).hits == DATASETS
    [(live, _state)] = site.indexes()

    command = site.start("ogptn-search", "rebuild", "--processes", "2")
    deadline = time.monotonic() + 300
    building = None
    while not building:
        assert time.monotonic() < deadline, "the rebuild wrote nothing"
        assert command.poll() is None, command.communicate()[0]
        building = next((number for number, state in site.indexes() if state == "building" and 0 < site.written(number) < DATASETS), None)
        time.sleep(0.05)
    site.kill()
    output, _none = command.communicate(timeout=300)
    assert command.returncode != 0
    assert "Traceback" not in output, output[-3000:]

    site.running = site.server.start(site.port)
    assert dict(site.indexes()) == {live: "live", building: "building"}
    assert search.search("title:water", rows=0).hits == DATASETS
    assert search.search('"water number 3"', rows=0).hits == DATASETS // 5
    assert "no" in next(line for line in site.run("ogptn-search", "status").splitlines() if line.startswith("behind the database"))

    site.run("ogptn-search", "rebuild", "--quiet")
    [(after, state)] = site.indexes()
    assert (after != live, state) == (True, "live")
    assert search.search("title:water", rows=0).hits == DATASETS
    assert "0 differences" in site.run("ogptn-search", "check", "--content")
