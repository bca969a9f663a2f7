"""Answers that are cut off: the rest is asked for, and only where it is certainly the rest of the same content (RFC 9110, §14)."""

from __future__ import annotations

import email.utils
import gzip
import random
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

import pytest

from ckanext.ogptn.fetch import AddressPolicy, Client, FetchError, Limits
from ckanext.ogptn.fetch.client import Politeness
from tests.conftest import SourceServer

CONTENT = random.Random(1).randbytes(100_000)  # noqa: S311 - any bytes
CUT = 30_000


def client(**limits: Any) -> Client:
    quick = {"connect_timeout": 2, "read_timeout": 2, "total_timeout": 20, "retries": 3, "backoff": 0.01, **limits}
    return Client(limits=Limits(**quick), addresses=AddressPolicy.of(["127.0.0.1"]), politeness=Politeness())


class Site:
    """A file whose sending is cut after some bytes, each time or some times; ranges are served as RFC 9110 has it, or as it is told.

    :ivar asked: the ``Range`` and ``If-Range`` of each request
    """

    def __init__(self, content: bytes = CONTENT, cut: int = CUT, cuts: int = 1, **headers: str) -> None:
        self.content, self.cut, self.cuts = content, cut, cuts
        self.headers = {"ETag": '"1"', **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.asked: list[tuple[str | None, str | None]] = []
        self.seen: list[dict[str, str]] = []
        self.before: Callable[[int], None] = lambda _number: None
        self.ranges: Callable[[int], tuple[int, int]] = lambda start: (206, start)
        self.chunked = False

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        wanted, version = handler.headers.get("Range"), handler.headers.get("If-Range")
        self.asked.append((wanted, version))
        self.seen.append(dict(handler.headers))
        self.before(len(self.asked))
        status, start = 200, 0
        if wanted and version in (self.headers.get("ETag"), self.headers.get("Last-Modified")):
            status, start = self.ranges(int(wanted.removeprefix("bytes=").removesuffix("-")))
        body = self.content[start:]
        handler.send_response_only(status)
        if "Date" not in self.headers:
            handler.send_header("Date", handler.date_time_string())
        for name, value in self.headers.items():
            if value:
                handler.send_header(name, value)
        if status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if status == 416:
            body = b""
        if self.chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        part = body
        if self.cuts and len(body) > self.cut:
            self.cuts -= 1
            part = body[: self.cut]
            handler.close_connection = True
        if self.chunked:
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n" + (b"0\r\n\r\n" if part is body else b""))
        else:
            handler.wfile.write(part)


def fetched(http_server: SourceServer, site: Site, with_client: Client | None = None, **values: Any) -> bytes:
    with with_client or client() as fetching, fetching.get(http_server.says("/file", site), **values) as answer:
        content = answer.bytes()
        assert (answer.status, answer.size, answer.etag) == (200, len(content), site.headers["ETag"] or None)
        return content


@pytest.mark.parametrize("chunked", [False, True])
def test_only_the_rest_is_asked_for(http_server: SourceServer, chunked: bool) -> None:
    site = Site(cuts=2)
    site.chunked = chunked
    assert fetched(http_server, site) == CONTENT
    assert site.asked == [(None, None), ("bytes=30000-", '"1"'), ("bytes=60000-", '"1"')]


def test_by_the_date_where_there_is_no_tag(http_server: SourceServer) -> None:
    date = email.utils.formatdate(time.time() - 3600, usegmt=True)
    site = Site(ETag="", Last_Modified=date)
    assert fetched(http_server, site) == CONTENT
    assert site.asked == [(None, None), ("bytes=30000-", date)]


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": 'W/"1"'},
        {"ETag": 'W/"1"', "Last-Modified": "Mon, 02 Jan 2017 10:00:00 GMT"},
        {"ETag": ""},
        {"ETag": "", "Last-Modified": "yesterday"},
        # Changed in the second before it was sent, and perhaps in it.
        {"ETag": "", "Last-Modified": "Mon, 02 Jan 2017 10:00:00 GMT", "Date": "Mon, 02 Jan 2017 10:00:01 GMT"},
        {"Accept-Ranges": "none"},
    ],
)
def test_what_may_be_other_content_is_asked_for_whole(http_server: SourceServer, headers: dict[str, str]) -> None:
    site = Site(**cast(Any, headers))
    assert fetched(http_server, site) == CONTENT
    assert site.asked == [(None, None), (None, None)]


def test_content_that_changed_meanwhile_comes_whole(http_server: SourceServer) -> None:
    site = Site()
    other = CONTENT[::-1] + b"more"

    def change(number: int) -> None:
        if number == 2:
            site.content, site.headers["ETag"] = other, '"2"'

    site.before = change
    assert fetched(http_server, site) == other
    assert [wanted for wanted, _version in site.asked] == [None, "bytes=30000-"]


def test_a_server_that_does_not_look_whether_it_changed(http_server: SourceServer) -> None:
    """It sends the rest of other content under the old tag; the date tells."""
    site = Site(Last_Modified="Sun, 01 Jan 2017 10:00:00 GMT")
    other = CONTENT[::-1]

    def change(number: int) -> None:
        if number == 2:
            site.content, site.headers["Last-Modified"] = other, "Mon, 02 Jan 2017 10:00:00 GMT"

    site.before = change
    assert fetched(http_server, site) == other
    assert [wanted for wanted, _version in site.asked] == [None, "bytes=30000-", None]


@pytest.mark.parametrize(
    "answer", [lambda start: (206, start - 10), lambda _start: (206, 0), lambda _start: (416, 0), lambda _start: (200, 0)]
)
def test_another_piece_than_was_asked_for(http_server: SourceServer, answer: Callable[[int], tuple[int, int]]) -> None:
    site = Site()
    site.ranges = answer
    assert fetched(http_server, site) == CONTENT


def test_a_packed_answer_is_unpacked_on(http_server: SourceServer) -> None:
    site = Site(gzip.compress(CONTENT), Content_Encoding="gzip")
    assert fetched(http_server, site) == CONTENT
    assert site.asked[1] == ("bytes=30000-", '"1"')


def test_a_line_that_is_cut_again_and_again_brings_a_large_file(http_server: SourceServer) -> None:
    content = CONTENT * 60
    site = Site(content, cut=1_100_000, cuts=99)
    assert fetched(http_server, site, client(retries=1)) == content
    assert len(site.asked) == 6


def test_without_progress_it_ends(http_server: SourceServer) -> None:
    site = Site(cut=1_000, cuts=99)
    with client() as fetching, pytest.raises(FetchError) as caught:
        fetching.get(http_server.says("/file", site))
    assert caught.value.slug == "truncated"
    assert len(site.asked) == 4


def test_conditions_on_the_whole_are_not_sent_with_a_part(http_server: SourceServer) -> None:
    site = Site()
    assert fetched(http_server, site, etag='"0"', last_modified="Mon, 02 Jan 2017 10:00:00 GMT") == CONTENT
    first, second = ({name for name in seen if name.startswith("If-")} for seen in site.seen)
    assert (first, second) == ({"If-None-Match", "If-Modified-Since"}, {"If-Range"})


def test_the_ceiling_counts_all_parts(http_server: SourceServer) -> None:
    site = Site(cuts=2)
    with client(max_bytes=70_000) as fetching, pytest.raises(FetchError) as caught:
        # Each part alone is below it, and says so.
        site.chunked = True
        fetching.get(http_server.says("/file", site))
    assert caught.value.slug == "too-large"
