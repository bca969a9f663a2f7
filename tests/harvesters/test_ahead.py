"""Pages of a source that are asked for while the page before is worked on; raw content that is made only where somebody wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pytest

from ckanext.ogptn.harvesters.ckan import CkanBackend
from ckanext.ogptn.harvesters.engine.ahead import Ahead
from ckanext.ogptn.harvesters.engine.base import Cursor, HttpSettings, Record, SourceInfo
from ckanext.ogptn.harvesters.engine.http import Client
from ckanext.ogptn.harvesters.engine.problems import SourceError
from tests.conftest import SourceServer

from .ckan_face import CkanFace

_WORD: ContextVar[str] = ContextVar("word", default="")


@contextmanager
def records(face: CkanFace, cursor: Cursor, page_size: int) -> Iterator[Iterator[Record]]:
    backend = CkanBackend(SourceInfo("source", face.url, language="fr"), CkanBackend.Options.load({"page_size": page_size}))
    with Client(HttpSettings(base_url=face.url, allowed_hosts=("127.0.0.1",), retries=0, read_timeout=10)) as http:
        yield backend.records(http, cursor)


def test_a_call_goes_on_while_its_result_is_not_needed() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def call() -> str:
        begun.set()
        assert may_end.wait(10)
        return _WORD.get()

    _WORD.set("of the caller")
    ahead = Ahead(call)
    assert begun.wait(10)
    may_end.set()
    assert ahead.result() == "of the caller"


def test_what_the_call_raises_is_raised_where_the_result_is_wanted() -> None:
    def call() -> None:
        raise KeyError("gone")

    ahead = Ahead(call)
    with pytest.raises(KeyError, match="gone"):
        ahead.result()


def test_the_next_page_is_asked_for_before_this_one_is_dealt_with(http_server: SourceServer) -> None:
    face = CkanFace(http_server, 30)
    search, asked = face._search, threading.Semaphore(0)

    def answered(handler) -> None:
        asked.release()
        search(handler)

    http_server.says("/api/3/action/package_search", answered)
    cursor = Cursor()
    with records(face, cursor, 10) as read:
        first = [next(read) for _ in range(4)]
        # The site was asked for the second page though six records of the first one are to come.
        assert asked.acquire(timeout=10)
        assert asked.acquire(timeout=10)
        guids = [record.guid for record in (*first, *read)]
    assert guids == [dataset["id"] for dataset in face.datasets]
    assert len(face.asked) == 3
    assert cursor.reasons == []


def test_who_takes_a_few_records_asks_for_one_page(http_server: SourceServer) -> None:
    face = CkanFace(http_server, 30)
    with records(face, Cursor(), 12) as read:
        for _ in range(3):
            next(read)
        assert len(face.asked) == 1
        assert not [each for each in threading.enumerate() if each.name == "harvest-ahead"]


def test_a_page_that_fails_costs_no_record_before_it(http_server: SourceServer) -> None:
    face = CkanFace(http_server, 20)
    search = face._search

    def broken(handler) -> None:
        if "start=10" in handler.path:
            handler.send_response(503)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            search(handler)

    http_server.says("/api/3/action/package_search", broken)
    got = []
    with records(face, Cursor(), 10) as read, pytest.raises(SourceError) as told:
        for record in read:
            got.append(record.guid)
    assert len(got) == 10
    assert told.value.issue().slug == "server-error"


def test_content_is_made_once_and_only_where_it_is_wanted() -> None:
    made = []

    def content() -> bytes:
        made.append(1)
        return b"written out"

    record = Record("1", content, fingerprint=b"f")
    assert record.hash == Record("1", b"other", fingerprint=b"f").hash
    assert made == []
    assert record.content == record.content == b"written out"
    assert made == [1]
    assert Record("1", content).hash == Record("1", b"written out").hash


def test_raw_content_is_what_was_read_whatever_the_translation_does_to_it(http_server: SourceServer) -> None:
    face = CkanFace(http_server, 1)
    with records(face, Cursor(), 10) as read:
        record = next(read)
        before = record.content
        record.parsed["title"] = "changed by who translates"
    assert json.loads(before) == face.datasets[0]
    assert record.content == before
