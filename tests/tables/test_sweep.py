"""Workers that are killed over a file, and jobs that the queue loses: the file is read all the same."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import ckan.lib.jobs as background
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests.helpers import call_action
from ckanext.datastore.backend import postgres
from click.testing import CliRunner

from ckanext.ogptn.tables import jobs
from ckanext.ogptn.tables.model import TableState, now
from tests.conftest import SourceServer

pytestmark = [
    pytest.mark.usefixtures("clean_db", "no_jobs"),
    pytest.mark.ckan_config("ogptn.tables.enabled", True),
    pytest.mark.ckan_config("ogptn.tables.allowed_hosts", "127.0.0.1"),
]
ROOT = Path(__file__).resolve().parents[2]
TEXT = "Lieu;Montant\n" + "".join(f"Béja n° {number};{number},5\n" for number in range(10_000))


@pytest.fixture
def no_jobs() -> Iterator[None]:
    def forget() -> None:
        queue = background.get_queue()
        queue.empty()
        for job_id in queue.scheduled_job_registry.get_job_ids():
            queue.scheduled_job_registry.remove(job_id, delete_job=True)
        connect_to_redis().delete(jobs._key())

    forget()
    yield
    forget()


@pytest.fixture
def worker() -> Iterator[Any]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.tables.table_job"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        yield process
        process.kill()


def until(process: Any, word: str) -> None:
    assert any(line == f"{word}\n" for line in process.stdout)


def make(open_dataset_factory: Any, url: str) -> str:
    return open_dataset_factory(resources=[{"url": url, "format": "CSV"}])["resources"][0]["id"]


def state_of(resource_id: str) -> str:
    return call_action("ogptn_table_show", resource_id=resource_id)["state"]


def left() -> list[str]:
    with postgres.get_write_engine().connect() as connection:
        return list(connection.scalars(sa.text("SELECT tablename FROM pg_tables WHERE starts_with(tablename, '_ogptn')")))


def queued() -> list[str]:
    return [job.meta["title"] for job in background.get_queue().jobs]


def planned() -> list[str]:
    return background.get_queue().scheduled_job_registry.get_job_ids()


@pytest.mark.faults
@pytest.mark.parametrize("step", ["fetch", "load"])
def test_a_file_that_a_worker_was_killed_over_is_read_by_the_next(
    open_dataset_factory: Any, http_server: SourceServer, worker: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    until(worker, "ready")
    asked: list[int] = []

    def slow(request: BaseHTTPRequestHandler) -> None:
        asked.append(1)
        request.send_response(200)
        request.send_header("Content-Length", str(len(TEXT.encode())))
        request.end_headers()
        if step == "fetch" and len(asked) == 1:
            request.wfile.write(TEXT.encode()[:1_000])
            request.wfile.flush()
            time.sleep(20)
        else:
            request.wfile.write(TEXT.encode())

    resource = make(open_dataset_factory, http_server.says("/a.csv", slow))
    model.Session.remove()
    worker.stdin.write("\n")
    worker.stdin.flush()
    if step == "load":
        until(worker, "half")
        assert left()
    else:
        for _attempt in range(400):
            if asked:
                break
            time.sleep(0.05)
    assert state_of(resource) == "working"
    background.get_queue().empty()
    monkeypatch.setattr(jobs, "STALE_AFTER", 0)
    # Its worker lives: nobody touches it, however long it takes.
    assert jobs.sweep() == {"taken_back": 0, "removed": 0, "open": 1}
    assert (state_of(resource), queued()) == ("working", [])
    worker.kill()
    found = {"taken_back": 0, "removed": 0}
    for _attempt in range(200):
        # PostgreSQL finds out in a moment that nobody is there any more.
        swept = jobs.sweep()
        found = {name: found[name] + swept[name] for name in found}
        if found["taken_back"] and (step == "fetch" or found["removed"]):
            break
        time.sleep(0.05)
    assert found == {"taken_back": 1, "removed": int(step == "load")}
    assert (state_of(resource), queued(), left()) == ("waiting", ["Load tables"], [])
    jobs.work()
    assert call_action("ogptn_table_show", resource_id=resource)["rows"] == 10_000
    assert jobs.sweep() == {"taken_back": 0, "removed": 0, "open": 0}


def test_what_the_queue_lost_is_queued_again(open_dataset_factory: Any, http_server: SourceServer) -> None:
    resource = make(open_dataset_factory, http_server.says("/a.csv", "a;b\n1;2\n"))
    background.get_queue().empty()
    # As long as a lost job is remembered to be queued, none is added.
    connect_to_redis().delete(jobs._key())
    assert jobs.sweep()["open"] == 1
    assert jobs.sweep()["open"] == 1
    assert queued() == ["Load tables"]
    jobs.work()
    assert state_of(resource) == "loaded"


def test_who_adds_a_file_has_it_looked_after_until_it_is_read(open_dataset_factory: Any, http_server: SourceServer) -> None:
    resource = make(open_dataset_factory, http_server.says("/a.csv", "a;b\n1;2\n"))
    assert len(planned()) == 1
    registry = background.get_queue().scheduled_job_registry
    assert dt.timedelta(0) < registry.get_scheduled_time(planned()[0]) - now() <= dt.timedelta(seconds=jobs.SWEEP_EVERY)
    for job_id in planned():
        registry.remove(job_id)
    jobs.scheduled_sweep()
    assert len(planned()) == 1
    jobs.work()
    assert state_of(resource) == "loaded"
    for job_id in planned():
        registry.remove(job_id)
    jobs.scheduled_sweep()
    assert planned() == []


def test_a_file_that_was_just_taken_is_left_alone(open_dataset_factory: Any, http_server: SourceServer) -> None:
    """A worker notes that it takes a file before it has it in hands."""
    resource = make(open_dataset_factory, http_server.says("/a.csv", "a;b\n1;2\n"))
    assert jobs._take() == resource
    assert jobs.sweep()["taken_back"] == 0
    model.Session.execute(sa.update(TableState).values(started_at=now() - dt.timedelta(seconds=jobs.STALE_AFTER + 1)))
    model.Session.commit()
    assert jobs.sweep()["taken_back"] == 1


def test_command(cli: CliRunner, open_dataset_factory: Any, http_server: SourceServer) -> None:
    make(open_dataset_factory, http_server.says("/a.csv", "a;b\n1;2\n"))
    from ckan.cli.cli import ckan

    done = cli.invoke(ckan, ["ogptn-tables", "sweep"])
    assert (done.exit_code, done.output.strip().splitlines()[-1]) == (0, "0 taken up  0 half sent and removed  1 waiting or read")
