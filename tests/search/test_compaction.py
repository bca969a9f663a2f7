"""Clears, rebuilds and errors that come while segments are made: the interleaving is held at its worst moment."""

from __future__ import annotations

import gc
import logging
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from ckanext.ogptn.search import compaction, merging, segments, store
from ckanext.ogptn.search import connection as connection_module
from ckanext.ogptn.search.connection import PostgresConnection
from ckanext.ogptn.search.reader import Reader

from .conftest import make_document, names


def _documents(prefix: str, count: int) -> list[dict[str, Any]]:
    return [make_document(f"{prefix}-{number:03}", title=f"Title {number % 3}") for number in range(count)]


def _live(engine: PostgresConnection) -> int:
    with engine.store.snapshot() as snapshot:
        return snapshot.state.number


def _rows(engine: PostgresConnection, index: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    with engine.store.transaction(60) as cursor:
        for kind in store.KINDS:
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(store.table(kind, index)))
            row = cursor.fetchone()
            assert row is not None
            counts[kind] = row[0]
    return counts


def _afresh(database_url: str) -> PostgresConnection:
    """As a new process sees the index."""
    connection_module._readers[database_url] = Reader()
    return PostgresConnection(database_url)


def _once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, before: Callable[[], None]) -> Callable[[], int]:
    """Have something happen just before the first call of a function; gives how often it was called."""
    original = getattr(owner, name)
    calls: list[str] = []

    def wrapped(*arguments: Any, **named: Any) -> Any:
        calls.append(name)
        if len(calls) == 1:
            before()
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, wrapped)
    return lambda: len(calls)


# -- a rebuild switches while a batch is being written


@pytest.fixture
def rebuilt(engine: PostgresConnection) -> Iterator[tuple[int, int]]:
    """(live index, a finished new one that has yet to become live)."""
    old = _live(engine)
    with engine.store.transaction(60) as cursor:
        new = store.create_index(cursor)
    yield old, new
    live = _live(engine)
    with engine.store.transaction(60) as cursor:
        store.drop_index(cursor, old if live == new else new)


def _switch(cursor: store.Cursor, old: int, new: int) -> None:
    cursor.execute(sql.SQL("UPDATE {} SET state = 'retired' WHERE number = %s").format(store.INDEX_SET), (old,))
    cursor.execute(sql.SQL("UPDATE {} SET state = 'live' WHERE number = %s").format(store.INDEX_SET), (new,))


def test_a_batch_that_a_rebuild_overtakes_goes_into_the_new_index(
    engine: PostgresConnection, rebuilt: tuple[int, int], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    def switch() -> None:
        with engine.store.transaction(60) as cursor:
            _switch(cursor, *rebuilt)

    copied = _once(monkeypatch, store, "copy_rows", switch)
    documents = _documents("batch", store.BULK_LIMIT)
    engine.add(documents)
    assert copied() == 2
    assert _live(engine) == rebuilt[1]
    assert names(engine, "*:*", rows=1000) == [one["name"] for one in documents]
    assert names(_afresh(database_url), "title:title", rows=1000) == [one["name"] for one in documents]
    assert not any(_rows(engine, rebuilt[0]).values())


def test_a_batch_that_waits_for_the_switch_goes_into_the_new_index(
    engine: PostgresConnection, rebuilt: tuple[int, int], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """The switch holds the index's row when the writer comes for it, as ``ckan ogptn-search rebuild`` does."""
    documents = _documents("batch", store.BULK_LIMIT)
    errors: list[BaseException] = []

    def write() -> None:
        try:
            engine.add(documents)
        except BaseException as error:
            errors.append(error)

    holding, switched = threading.Event(), threading.Event()
    with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:

        def hold() -> None:
            _switch(cursor, *rebuilt)
            holding.set()

        _once(monkeypatch, store, "copy_rows", hold)
        writer = threading.Thread(target=write)
        writer.start()
        assert holding.wait(30)
        with closing(psycopg2.connect(database_url)) as third, third.cursor() as looking:
            third.autocommit = True
            deadline = time.monotonic() + 30
            waiting = None
            while not waiting:
                assert time.monotonic() < deadline, "the writer did not wait for the index's row"
                looking.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid)) AND application_name = 'ogptn_search'",
                    (other.info.backend_pid,),
                )
                waiting = looking.fetchone()
        other.commit()
        switched.set()
        writer.join(60)
    assert not writer.is_alive()
    assert errors == []
    assert names(_afresh(database_url), "title:title", rows=1000) == [one["name"] for one in documents]


def test_a_merge_of_an_index_that_was_replaced_is_no_fault(
    engine: PostgresConnection, rebuilt: tuple[int, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No advice to upgrade the database in the log, as for tables that are missing indeed; and nothing is written."""
    old, new = rebuilt
    engine.add(_documents("one", 3))
    monkeypatch.setattr(store, "TAIL_LIMIT", 2)
    with engine.store.transaction(60) as cursor:
        _switch(cursor, old, new)
    before = _rows(engine, old)
    with caplog.at_level(logging.INFO, "ckanext.ogptn.search.compaction"):
        compaction.run(engine.store, old)
        compaction.run(engine.store, new + 1000)
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    assert f"index {old} was replaced" in caplog.text
    assert _rows(engine, old) == before


# -- the index is cleared while segments are made


def _clear(database_url: str) -> Callable[[], None]:
    return lambda: PostgresConnection(database_url).delete(q="*:*")


@pytest.mark.parametrize("moment", ["copy_rows", "begin_write"])
def test_a_clear_during_a_flush_stays_cleared(
    engine: PostgresConnection, database_url: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    index = _live(engine)
    engine.add(_documents("tail", 5))
    # The clear begins a write itself: the flush's call is the first one, the clear's the second.
    calls = _once(monkeypatch, store if moment == "copy_rows" else store.Store, moment, _clear(database_url))
    assert compaction.flush(engine.store, index) == 0
    assert calls() == (1 if moment == "copy_rows" else 2)
    assert not any(_rows(engine, index).values())
    engine.add(_documents("later", 2))
    assert names(_afresh(database_url), "title:title") == names(engine, "*:*") == ["later-000", "later-001"]
    assert compaction.flush(engine.store, index) == 2
    assert names(_afresh(database_url), "title:title") == ["later-000", "later-001"]


@pytest.mark.parametrize("moment", ["rows", "blocks", "column", "copy_rows", "begin_write"])
def test_a_clear_during_a_merge_stays_cleared(
    engine: PostgresConnection, database_url: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    index = _live(engine)
    for part in "ab":
        engine.add(_documents(part, store.BULK_LIMIT))
    engine.delete(q="name:a-007")
    assert _rows(engine, index)["segment"] == 2
    owner = {"rows": merging, "copy_rows": store, "begin_write": store.Store}.get(moment, merging.Stored)
    calls = _once(monkeypatch, owner, moment, _clear(database_url))
    assert compaction.merge(engine.store, index) == 0
    assert calls()
    assert not any(_rows(engine, index).values())
    later = _documents("later", store.BULK_LIMIT)
    engine.add(later)
    assert names(_afresh(database_url), "title:title", rows=1000) == [one["name"] for one in later]
    assert names(engine, "*:*", rows=1000) == [one["name"] for one in later]


def test_a_document_that_is_replaced_during_a_flush_is_found_once(
    engine: PostgresConnection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read and is gone by then, has a tombstone, unless everything was cleared: the others' segment is kept."""
    index = _live(engine)
    engine.add(_documents("tail", 3))
    _once(monkeypatch, store, "copy_rows", lambda: PostgresConnection(database_url).add([make_document("tail-001", title="Other")]))
    assert compaction.flush(engine.store, index) == 3
    assert _rows(engine, index)["segment"] == 1
    for connection in (engine, _afresh(database_url)):
        assert names(connection, "title:title") == ["tail-000", "tail-002"]
        assert names(connection, "title:other") == ["tail-001"]


# -- memory


def _wordy(prefix: str, count: int) -> list[dict[str, Any]]:
    """Documents of 200 words out of 1,000."""
    words = [str(number).translate(str.maketrans("0123456789", "bcfghjkmpv")) for number in range(1000, 2000)]
    texts = (" ".join(words[(number * 37 + at) % 1000] for at in range(200)) for number in range(count))
    return [make_document(f"{prefix}-{number:03}", notes=text) for number, text in enumerate(texts)]


def _peak(action: Callable[[], int]) -> tuple[int, int]:
    """What an action returns, and the bytes that it took more than there were before, where it took most."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        found = action()
        return found, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_a_long_tail_takes_no_more_memory_than_a_short_one(engine: PostgresConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "PIECE_ENTRIES", 10_000)
    monkeypatch.setattr(segments, "BLOCK_PLACES", 128)
    monkeypatch.setattr(merging, "AT_A_TIME", 1 << 14)
    monkeypatch.setattr(store, "TAIL_LIMIT", 10_000)
    index = _live(engine)
    peaks: list[int] = []
    for count in (50, 200):
        documents = _wordy(f"of-{count}", count)
        for at in range(0, count, 50):
            engine.add(documents[at : at + 50])
        flushed, peak = _peak(lambda: compaction.flush(engine.store, index))
        assert flushed == count
        peaks.append(peak)
    assert peaks[1] < 1.5 * peaks[0]
    hits = sum("cbbb" in one["notes"].split() for one in documents[:50] + documents)
    assert engine.search("notes:cbbb", rows=0).hits == hits


def test_many_segments_are_merged_in_the_memory_of_a_few(engine: PostgresConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "BLOCK_PLACES", 128)
    monkeypatch.setattr(merging, "AT_A_TIME", 1 << 14)
    monkeypatch.setattr(merging, "FETCHED", 50)
    index = _live(engine)
    peaks: list[int] = []
    for parts in (2, 8):
        engine.delete(q="*:*")
        documents = _wordy(f"of-{parts}", 100 * parts)
        for at in range(0, len(documents), 100):
            engine.add(documents[at : at + 100])
        assert _rows(engine, index)["segment"] == parts
        merged, peak = _peak(lambda: compaction.merge(engine.store, index))
        assert merged == len(documents)
        peaks.append(peak)
    assert peaks[1] < 1.5 * peaks[0]
    assert engine.search("notes:cbbb", rows=0).hits == sum("cbbb" in one["notes"].split() for one in documents)


def test_a_tail_of_very_long_documents_becomes_several_segments(
    engine: PostgresConnection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "PIECE_ENTRIES", 1)
    monkeypatch.setattr(compaction, "PIECES_SIZE", 1)
    index = _live(engine)
    documents = _wordy("long", 12)
    engine.add(documents)
    monkeypatch.setattr(store, "TAIL_LIMIT", 10)
    compaction.run(engine.store, index)
    assert _rows(engine, index)["tail"] == 9
    assert _rows(engine, index)["segment"] == 3
    assert names(_afresh(database_url), "notes:cbbb") == [one["name"] for one in documents if "cbbb" in one["notes"].split()]


# -- an error after the write


@pytest.mark.parametrize("code", ["P0001", "57014"], ids=["of PostgreSQL", "of the engine"])
@pytest.mark.parametrize("size", [3, store.BULK_LIMIT], ids=["tail", "segment"])
def test_an_error_while_the_tail_becomes_a_segment_does_not_fail_the_save(
    engine: PostgresConnection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: str,
    size: int,
) -> None:
    index = _live(engine)
    engine.add(_documents("tail", 5))
    monkeypatch.setattr(store, "TAIL_LIMIT", 5)
    monkeypatch.setattr(store, "TAIL_CHECK", 1)
    with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
        other.autocommit = True
        # Only what makes a segment of the tail removes from it here.
        cursor.execute(
            "CREATE FUNCTION ogptn_search.refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'refused for the test' USING ERRCODE = TG_ARGV[0]; END $$"
        )
        try:
            cursor.execute(
                sql.SQL("CREATE TRIGGER refuse BEFORE DELETE ON {} FOR EACH ROW EXECUTE FUNCTION ogptn_search.refuse({})").format(
                    store.table("tail", index), sql.Literal(code)
                )
            )
            engine.add(_documents("saved", size))
        finally:
            cursor.execute("DROP FUNCTION ogptn_search.refuse() CASCADE")
    assert [record.levelname for record in caplog.records if record.name == compaction.__name__] == ["WARNING"]
    assert engine.search("name:saved*", rows=0).hits == size
    kept = _rows(engine, index)
    assert kept["tail"] == (5 if size == store.BULK_LIMIT else 5 + size)
    # The next writer tries again.
    engine.add([make_document("next")])
    after = _rows(engine, index)
    assert (after["tail"], after["segment"]) == (0, kept["segment"] + 1)
    assert engine.search("*:*", rows=0).hits == 6 + size
