"""Eight processes that add, delete and search at once; a time limit; a PostgreSQL that is killed."""

from __future__ import annotations

import multiprocessing
import random
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pysolr
import pytest

from ckanext.ogptn.search import compaction
from ckanext.ogptn.search.connection import PostgresConnection
from ckanext.ogptn.search.errors import TimeLimitError
from ckanext.ogptn.stack.postgres import Postgres, url

from .conftest import make_document, names

PROCESSES = 8
NAMES = [f"shared-{number}" for number in range(60)]


def _work(address: str, seed: int, until: float, results: Any) -> None:
    """Add, replace, delete and search the same few documents as the other processes."""
    rng = random.Random(seed)  # noqa: S311
    connection = PostgresConnection(address)
    count = 0
    try:
        while time.time() < until:
            kind = rng.random()
            if kind < 0.4:
                some = rng.sample(NAMES, rng.choice((1, 1, 1, 5)))
                connection.add([make_document(name, title=f"Title {rng.randrange(9)}", tags=[f"by-{seed}"]) for name in some])
            elif kind < 0.42:
                connection.add([make_document(f"bulk-{seed}-{number}", title="Bulk") for number in range(120)])
            elif kind < 0.5:
                connection.delete(q=f'+entity_type:package AND +(id:"id-{rng.choice(NAMES)}") AND +site_id:"tests"')
            else:
                found = connection.search("title:title", rows=10, fl="name", facet="true", **{"facet.field": ["tags"], "facet.mincount": 1})
                assert len(found.docs) == min(10, found.hits)
                assert sum(found.facets["facet_fields"]["tags"][1::2]) == found.hits
            count += 1
        results.put((count, None))
    except BaseException:
        results.put((count, traceback.format_exc()))
        raise


def _together(address: str, seconds: float) -> int:
    context = multiprocessing.get_context("fork")
    results: Any = context.Queue()
    until = time.time() + seconds
    workers = [context.Process(target=_work, args=(address, seed, until, results)) for seed in range(PROCESSES)]
    for worker in workers:
        worker.start()
    answers = [results.get(timeout=seconds + 120) for _worker in workers]
    for worker in workers:
        worker.join()
    assert [error for _count, error in answers if error] == []
    return sum(count for count, _error in answers)


def _consistent(connection: PostgresConnection, address: str) -> None:
    """Every process, a new one too, sees the same; what is kept is what is found."""
    kept = sorted(row[2] for row in connection.store.identities())
    assert names(connection, "*:*", rows=5000) == kept
    context = multiprocessing.get_context("fork")
    results: Any = context.Queue()

    def look() -> None:
        from ckanext.ogptn.search import connection as module

        module._readers.clear()
        results.put(names(PostgresConnection(address), "*:*", rows=5000))

    process = context.Process(target=look)
    process.start()
    assert results.get(timeout=60) == kept
    process.join()


def test_eight_processes_for_some_seconds(engine: PostgresConnection, database_url: str) -> None:
    assert _together(database_url, 6) > PROCESSES
    _consistent(engine, database_url)


@pytest.mark.faults
def test_eight_processes_for_two_minutes(engine: PostgresConnection, database_url: str) -> None:
    assert _together(database_url, 120) > 100
    _consistent(engine, database_url)


def test_a_child_process_does_not_end_its_parents_sessions(engine: PostgresConnection) -> None:
    engine.add([make_document("one")])
    context = multiprocessing.get_context("fork")
    for _time in range(3):
        process = context.Process(target=lambda: engine.search("*:*").hits)
        process.start()
        process.join()
        assert process.exitcode == 0
        assert engine.search("*:*").hits == 1


def test_a_search_that_takes_too_long_is_stopped_and_says_so(engine: PostgresConnection, database_url: str) -> None:
    engine.add([make_document(f"d{number}", title=f"t{number}") for number in range(5)])
    impatient = PostgresConnection(database_url, seconds=0.4)
    with impatient.store.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with psycopg2.connect(database_url) as blocker, blocker.cursor() as cursor:
        cursor.execute("LOCK TABLE ogptn_search.index_set IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        with pytest.raises(TimeLimitError, match=r"stopped after 0\.4 seconds"):
            impatient.search("name:d1")
        assert time.monotonic() - started < 5
        blocker.rollback()
    assert impatient.search("name:d1").hits == 1


def test_a_broken_connection_is_replaced(engine: PostgresConnection, database_url: str) -> None:
    engine.add([make_document("one")])
    with psycopg2.connect(database_url) as other, other.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ogptn_search' AND pid <> pg_backend_pid() "
            "AND datname = current_database()"
        )
    assert engine.search("*:*").hits == 1
    engine.add([make_document("two")])
    assert engine.search("*:*").hits == 2


@pytest.mark.faults
def test_postgresql_killed_in_the_middle_of_a_rebuild_leaves_the_old_index_answering(tmp_path: Path) -> None:
    """The index alone, on a PostgreSQL of its own that keeps its promises about the disk."""
    server = Postgres(tmp_path / "pg", tmp_path / "pg.log", "only-for-this-test")
    running = server.start()
    assert running.port is not None
    try:
        server.ensure_role(running.port, "ckan", "only-for-this-test")
        server.ensure_database(running.port, "kill", "ckan")
        address = url(running.port, "kill", "ckan", "only-for-this-test")
        connection = PostgresConnection(address)
        documents = [make_document(f"d{number}", title=f"Title {number % 5}", notes="word " * 50) for number in range(900)]
        connection.add(documents)
        with connection.store.transaction(60) as cursor:
            from ckanext.ogptn.search.store import create_index

            building = create_index(cursor)
        killed = False
        with pytest.raises((pysolr.SolrError, psycopg2.Error)):
            for start in range(0, 900, 150):
                connection.store.write([_prepared(one) for one in documents[start : start + 150]], building)
                if start == 300:
                    # The whole family at once, as the kernel's out-of-memory killer or a power cut would.
                    parent = psutil.Process(running.pid)
                    for process in [parent, *parent.children(recursive=True)]:
                        with suppress(psutil.NoSuchProcess):
                            process.kill()
                    killed = True
        assert killed
        psutil.wait_procs([psutil.Process(running.pid)] if psutil.pid_exists(running.pid) else [], timeout=10)
        running = server.start(running.port)
        assert connection.search("title:title", rows=0).hits == 900
        assert connection.search('"title 3"', rows=0).hits == 180
        # The next rebuild drops what the killed one left, and ends.
        with connection.store.transaction(60) as cursor:
            from ckanext.ogptn.search.store import INDEX_SET, drop_index

            drop_index(cursor, building)
            second = create_index(cursor)
        for start in range(0, 900, 150):
            connection.store.write([_prepared(one) for one in documents[start : start + 150]], second)
        while compaction.settle(connection.store, second):
            pass
        with connection.store.transaction(60) as cursor:
            from psycopg2 import sql

            cursor.execute(sql.SQL("UPDATE {} SET state = 'retired' WHERE state = 'live'").format(INDEX_SET))
            cursor.execute(sql.SQL("UPDATE {} SET state = 'live' WHERE number = %s").format(INDEX_SET), (second,))
        assert connection.search("title:title", rows=0).hits == 900
        _consistent(connection, address)
    finally:
        server.stop(running)


def _prepared(document: dict[str, Any]) -> Any:
    from ckanext.ogptn.search.documents import prepare

    return prepare(document)
