"""The client against real servers on loopback ports that behave, and that do not."""

from __future__ import annotations

import email.utils
import gzip
import json
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli
import pytest

from ckanext.ogptn.fetch import AddressPolicy, Client, Credentials, FetchError, Limits, Stopped, errors, shown
from ckanext.ogptn.fetch.answer import refuse_web_page
from ckanext.ogptn.fetch.client import Politeness, _prefixes, retry_after, tls_context
from ckanext.ogptn.seed import certificates  # pyright: ignore[reportMissingImports]
from tests.conftest import SourceServer, in_time

HERE = AddressPolicy.of(["127.0.0.1", "::1"])
QUICK = Limits(connect_timeout=2, read_timeout=0.5, total_timeout=5, retries=2, backoff=0.01, max_wait=2)


def client(**changes: object) -> Client:
    settings: dict[str, object] = {"limits": QUICK, "addresses": HERE, "politeness": Politeness(), **changes}
    return Client(**settings)  # pyright: ignore[reportArgumentType]


def refused(url: str, with_client: Client | None = None) -> FetchError:
    with with_client or client() as fetching, pytest.raises(FetchError) as caught:
        fetching.get(url)
    assert str(caught.value), "every fault has a sentence"
    assert "{" not in str(caught.value)
    return caught.value


# -- what goes well


def test_content_headers_and_where_it_came_from(http_server: SourceServer) -> None:
    url = http_server.says("/a", '{"é": "ع"}', Content_Type="application/json; charset=utf-8", ETag='"1"')
    with client() as fetching, fetching.get(url, params={"q": "a b", "rows": 2}) as answer:
        assert (answer.status, answer.json(), answer.media_type, answer.etag) == (200, {"é": "ع"}, "application/json", '"1"')
        assert answer.size == len('{"é": "ع"}'.encode())
        assert answer.url == url + "?q=a+b&rows=2"
        assert not answer.not_modified
    assert http_server.requests[0][2]["User-Agent"] == "ckanext-ogptn"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", lambda data: gzip.compress(data[:10]) + gzip.compress(data[10:])),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("br", brotli.compress),
        ("identity", bytes),
    ],
    ids=["gzip", "two gzip members", "deflate", "bare deflate", "brotli", "identity"],
)
def test_compressed_answers(http_server: SourceServer, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    content = json.dumps([{"title": f"جدول {number}"} for number in range(5000)]).encode()
    url = http_server.says("/packed", pack(content), Content_Encoding=encoding)
    with client() as fetching, fetching.get(url) as answer:
        assert answer.bytes() == content


def test_unchanged_content_is_not_sent_again(http_server: SourceServer) -> None:
    url = http_server.says("/a", b"", 304)
    with client() as fetching, fetching.get(url, etag='"1"', last_modified="Mon, 01 Jan 2024 00:00:00 GMT") as answer:
        assert answer.not_modified
        assert answer.bytes() == b""
    sent = http_server.requests[0][2]
    assert (sent["If-None-Match"], sent["If-Modified-Since"]) == ('"1"', "Mon, 01 Jan 2024 00:00:00 GMT")
    assert refused(url).slug == "bad-status", "nobody asked for 304"


def test_text_in_any_character_set(http_server: SourceServer) -> None:
    cases = {
        "/u": ("ولاية", "utf-8", "text/plain"),
        "/b": ("\ufeffولاية", "utf-8", "text/plain"),
        "/w": ("ولاية", "windows-1256", "text/csv; charset=windows-1256"),
        "/f": ("année", "cp1252", "text/csv"),
        "/x": ("année", "utf-8", "text/csv; charset=nonsense"),
    }
    with client() as fetching:
        for path, (text, charset, media_type) in cases.items():
            url = http_server.says(path, text.encode(charset), Content_Type=media_type)
            assert fetching.get(url).text() == text.lstrip("\ufeff"), path


def test_a_permanent_move_is_told_a_passing_one_is_not(http_server: SourceServer) -> None:
    http_server.says("/new", b"here")
    old = http_server.says("/old", b"", 301, Location="/new")
    passing = http_server.says("/passing", b"", 302, Location="/new")
    with client() as fetching:
        assert fetching.get(old).moved == http_server.url + "/new"
        assert fetching.get(passing).moved is None
        assert fetching.get(passing).url == http_server.url + "/new"


def test_a_connection_is_kept_open_between_requests() -> None:
    with scripted(*[b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"] * 3) as (url, seen), client() as fetching:
        for _time in range(3):
            assert fetching.get(url).bytes() == b"ok"
    assert seen == [1]


def test_a_wanted_error_status(http_server: SourceServer) -> None:
    with client() as fetching:
        assert fetching.get(http_server.url + "/none", allow_status=(404,)).text() == "not found"


def test_large_answers_stay_out_of_memory(http_server: SourceServer) -> None:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(60_000_000))
        handler.end_headers()
        for _block in range(60):
            handler.wfile.write(b"x" * 1_000_000)

    url = http_server.says("/large", write)
    tracemalloc.start()
    with client() as fetching, fetching.get(url) as answer:
        assert answer.size == 60_000_000
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


# -- credentials


def test_credentials_go_to_their_site_only(http_server: SourceServer) -> None:
    other = SourceServer()
    try:
        http_server.says("/a", b"", 302, Location=other.says("/b", b"there"))
        secret = Credentials.token(http_server.url, "very-secret")
        assert "very-secret" not in repr(secret)
        with client(credentials=secret) as fetching:
            assert fetching.get(http_server.url + "/a").text() == "there"
        assert http_server.requests[0][2]["Authorization"] == "very-secret"
        assert "Authorization" not in other.requests[0][2]
    finally:
        other.close()


def test_basic_credentials() -> None:
    assert Credentials.basic("https://a.tn", "u", "é").for_url("https://A.tn:443/x") == {"Authorization": "Basic dTrDqQ=="}
    assert Credentials.basic("https://a.tn", "u", "p").for_url("http://a.tn/x") == {}


def test_secrets_are_not_shown() -> None:
    url = "https://user:pass@a.tn/x?api_key=s3cret&q=%D8%B9&X-Amz-Signature=s3cret&monkey=1&token=s3cret#part"
    assert "s3cret" not in shown(url)
    assert "pass" not in shown(url)
    assert "monkey=1" in shown(url)
    assert "\n" not in shown("https://a.tn/\nforged log line")
    assert len(shown("https://a.tn/" + "x" * 5000)) < 400
    assert "pass" not in shown("https://user:pass@[bad")
    error = refused("https://user:hunter2@a.tn/")
    assert error.slug == "url-credentials"
    assert "hunter2" not in str(error) + repr(error.details)


# -- addresses


@pytest.mark.parametrize(
    "url", ["", "a.tn", "ftp://a.tn/x", "file:///etc/passwd", "http://", "http://a.tn:x/", "http://[::1", "javascript:alert(1)"]
)
def test_what_is_no_web_address(url: str) -> None:
    assert refused(url).slug == "url-shape"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]"])
def test_the_inside_is_refused_however_it_is_written(http_server: SourceServer, host: str) -> None:
    port = http_server.url.rsplit(":", 1)[1]
    assert refused(f"http://{host}:{port}/", client(addresses=AddressPolicy())).slug == "inside-address"
    assert http_server.requests == []


def test_a_redirect_to_the_inside_is_refused(http_server: SourceServer) -> None:
    target = SourceServer()
    try:
        # The source may be reached by its address, the other one not by its name.
        url = http_server.says("/a", b"", 302, Location=target.url.replace("127.0.0.1", "127.0.0.2") + "/latest/meta-data/")
        error = refused(url)
        assert (error.slug, error.details["host"]) == ("inside-address", "127.0.0.2")
        assert target.requests == []
    finally:
        target.close()


def test_a_name_that_changes_its_address_is_caught_at_the_connection(http_server: SourceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the first look-up answers an outside address, the next one an inside one. There is only one look-up."""
    answers = iter(["8.8.8.8", "127.0.0.1", "127.0.0.1", "127.0.0.1"])
    looked_up: list[str] = []

    def resolve(host: str, port: int, *args: object, **kwargs: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    connected: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    class Watched(socket.socket):
        def connect(self, address: object) -> None:
            connected.append(address[0])  # pyright: ignore[reportIndexIssue]
            raise ConnectionRefusedError

    monkeypatch.setattr(socket, "socket", Watched)
    limits = Limits(retries=1, backoff=0.01)
    assert refused("http://rebind.example/", client(limits=limits, addresses=AddressPolicy())).slug == "inside-address"
    assert connected == ["8.8.8.8"], "the second look-up's inside address was never connected to"
    assert looked_up == ["rebind.example"] * 2


def test_of_several_addresses_only_the_outside_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("10.0.0.1", "8.8.8.8", "169.254.169.254")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    connected: list[str] = []

    class Watched(socket.socket):
        def connect(self, address: object) -> None:
            connected.append(address[0])  # pyright: ignore[reportIndexIssue]
            raise ConnectionRefusedError

    monkeypatch.setattr(socket, "socket", Watched)
    refused("http://mixed.example/", client(addresses=AddressPolicy(), limits=Limits(retries=0)))
    assert connected == ["8.8.8.8"]


def test_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = refused("http://nowhere.example/x")
    assert (error.slug, error.retryable) == ("host-unknown", False)
    assert "nowhere.example" in str(error)


# -- retries and waits


def test_a_passing_fault_is_got_over(http_server: SourceServer) -> None:
    tries: list[float] = []

    def sometimes(handler: BaseHTTPRequestHandler) -> None:
        tries.append(time.monotonic())
        if len(tries) < 3:
            handler.send_response(503)
            handler.send_header("Retry-After", "1" if len(tries) == 1 else "nonsense")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            handler.send_response(200)
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"ok")

    url = http_server.says("/a", sometimes)
    with client() as fetching:
        assert fetching.get(url).text() == "ok"
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 1, "Retry-After was kept"
    assert tries[2] - tries[1] < 0.5


@pytest.mark.parametrize(
    ("status", "slug", "tries"),
    [(400, "bad-status", 1), (401, "forbidden", 1), (403, "forbidden", 1), (404, "not-found", 1), (410, "not-found", 1),
     (429, "too-many-requests", 3), (500, "server-error", 3), (501, "server-error", 1), (502, "server-error", 3)],
)  # fmt: skip
def test_statuses(http_server: SourceServer, status: int, slug: str, tries: int) -> None:
    error = refused(http_server.says("/a", b"no", status))
    assert (error.slug, error.status, len(http_server.requests)) == (slug, status, tries)
    assert str(status) in str(error)


def test_a_wait_that_is_too_long_is_not_waited_for(http_server: SourceServer) -> None:
    error = refused(http_server.says("/a", b"", 429, Retry_After="3600"))
    assert (error.slug, error.details["seconds"], len(http_server.requests)) == ("wait-too-long", 3600, 1)


def test_retry_after_as_a_date() -> None:
    soon = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert 25 < (retry_after(soon) or 0) <= 30
    assert retry_after("Mon, 01 Jan 1990 00:00:00 GMT") == 0
    assert retry_after("nonsense") is None
    assert retry_after(None) is None


def test_waiting_ends_when_nobody_wants_the_answer_any_more(http_server: SourceServer) -> None:
    url = http_server.says("/a", b"", 503, Retry_After="2")
    begin = time.monotonic()
    with client(should_stop=lambda: time.monotonic() - begin > 0.3) as fetching, pytest.raises(Stopped):
        fetching.get(url)
    assert time.monotonic() - begin < 1.5


def test_requests_to_one_host_keep_their_distance(http_server: SourceServer) -> None:
    url = http_server.says("/a", b"ok")
    limits = Limits(pause=0.2)
    begin = time.monotonic()
    with client(limits=limits) as fetching:
        for _time in range(3):
            fetching.get(url)
    assert 0.4 <= time.monotonic() - begin < 2


# -- faults of the connection


@contextmanager
def scripted(*answers: bytes | Callable[[socket.socket], None]) -> Iterator[tuple[str, list[int]]]:
    """A server that says what it is told and hangs up; all answers on one connection if they are complete. Gives address and, as a list
    with one number, how many connections there were."""
    listening = socket.create_server(("127.0.0.1", 0))
    seen = [0]
    left = list(answers)

    def run() -> None:
        while left:
            try:
                connection, _address = listening.accept()
            except OSError:
                return
            seen[0] += 1
            with connection:
                while left:
                    if not connection.recv(65536):
                        break
                    answer = left.pop(0)
                    if callable(answer):
                        answer(connection)
                        break
                    connection.sendall(answer)
                    if b"Content-Length: 2\r\n\r\nok" not in answer:
                        break

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/", seen
    finally:
        listening.close()


def test_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert refused(f"http://127.0.0.1:{port}/").slug == "connection-refused"


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def drip_headers(connection: socket.socket) -> None:
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _letter in range(100):
            connection.sendall(b"x")
            time.sleep(0.1)
    except OSError:
        return


def drip_body(connection: socket.socket) -> None:
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _letter in range(100):
            connection.sendall(b"x")
            time.sleep(0.1)
    except OSError:
        return


@pytest.mark.parametrize(
    ("answer", "slug"),
    [
        (reset, "connection-broken"),
        (b"", "connection-broken"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "connection-broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "connection-broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(b"x" * 1000)[:-12], "truncated"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\nnot gzip", "unreadable-compression"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nConnection: close\r\n\r\n....", "unreadable-compression"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "redirect-nowhere"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://u:p@127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "url-credentials"),
        (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "url-shape"),
    ],
    ids=["reset", "closed", "another protocol", "short", "unfinished chunks", "half a gzip", "no gzip", "unknown packing",
         "redirect to nothing", "redirect with a password", "redirect to a file"],
)  # fmt: skip
def test_broken_answers(answer: bytes | Callable[[socket.socket], None], slug: str) -> None:
    with scripted(*[answer] * 3) as (url, _seen):
        assert refused(url).slug == slug


def test_silence() -> None:
    with scripted(*[lambda _connection: time.sleep(3)] * 3) as (url, _seen):
        begin = time.monotonic()
        assert refused(url, client(limits=Limits(read_timeout=0.3, retries=0))).slug == "read-timeout"
        assert time.monotonic() - begin < 2


@pytest.mark.parametrize("drip", [drip_headers, drip_body])
def test_dripping_does_not_get_past_the_whole_time(drip: Callable[[socket.socket], None]) -> None:
    with scripted(drip) as (url, _seen):
        begin = time.monotonic()
        assert refused(url, client(limits=Limits(read_timeout=2, total_timeout=0.8, retries=3))).slug == "total-timeout"
        assert time.monotonic() - begin < 2


def test_redirect_circle_and_chain(http_server: SourceServer) -> None:
    http_server.says("/a", b"", 302, Location="/b")
    http_server.says("/b", b"", 302, Location="/a")
    assert refused(http_server.url + "/a").slug == "redirect-loop"
    for number in range(20):
        http_server.says(f"/n{number}", b"", 302, Location=f"/n{number + 1}")
    assert refused(http_server.url + "/n0").slug == "too-many-redirects"


# -- size


def test_an_answer_that_says_it_is_too_large_is_not_read(http_server: SourceServer) -> None:
    url = http_server.says("/a", b"x", Content_Length=str(10**12))
    assert refused(url).slug == "too-large"


def test_an_answer_that_does_not_say_so_is_cut(http_server: SourceServer) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            handler.close_connection = True

    url = http_server.says("/a", endless)
    error = refused(url, client(limits=Limits(max_bytes=1_000_000)))
    assert (error.slug, error.details["limit"]) == ("too-large", 1_000_000)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", lambda data: brotli.compress(data, quality=4))]
)
def test_bombs(http_server: SourceServer, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(b"\0" * 100_000_000)
    url = http_server.says("/bomb", bomb, Content_Encoding=encoding)
    tracemalloc.start()
    assert refused(url).slug == "decompression-bomb"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


# -- TLS


@contextmanager
def tls_server(certificate: certificates.Certificate, *, whole_chain: bool = True) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"safe")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            return

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            return

    server = Quiet(("127.0.0.1", 0), Handler)
    server.socket = certificates.server_context(certificate, whole_chain=whole_chain).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"https://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def test_tls_stays_verified_and_a_missing_certificate_can_be_supplied() -> None:
    root = certificates.authority()
    intermediate = certificates.authority("Trial intermediate", root)
    with tls_server(certificates.server(intermediate), whole_chain=False) as url:
        trusting = root.pem
        assert refused(url).slug == "certificate-chain"
        assert refused(url, client(ca_certificates=trusting)).slug == "certificate-chain", "the chain is incomplete"
        assert refused(url, client(ca_certificates=intermediate.pem)).slug == "certificate-chain", "an intermediate is no authority"
        with client(ca_certificates=trusting + intermediate.pem) as fetching:
            assert fetching.get(url).text() == "safe"


def test_a_certificate_for_one_site_opens_no_other() -> None:
    root = certificates.authority()
    with tls_server(certificates.server(root)) as url, tls_server(certificates.server(root)) as other:
        with client(ca_certificates=root.pem, ca_origin=f"{url}some/page") as fetching:
            assert fetching.get(url).text() == "safe"
            assert fetching.get(f"{url}data.csv").text() == "safe"
            with pytest.raises(FetchError) as caught:
                fetching.get(other)
            assert caught.value.slug == "certificate-chain"
        # Who supplies nothing of a site's own trusts it no more than anybody.
        assert refused(url, client(ca_origin=url)).slug == "certificate-chain"


@pytest.mark.parametrize(
    ("origin", "prefixes"),
    [
        ("https://Data.example.tn/api", ["https://data.example.tn:443/", "https://data.example.tn/"]),
        ("https://data.example.tn:8443", ["https://data.example.tn:8443/"]),
        ("http://[::1]/x", ["http://[::1]:80/", "http://[::1]/"]),
    ],
)
def test_how_the_addresses_of_a_site_begin(origin: str, prefixes: list[str]) -> None:
    assert _prefixes(origin) == prefixes


def test_tls_faults() -> None:
    root = certificates.authority()
    cases = {
        "certificate-expired": certificates.server(root, expired=True),
        "certificate-name": certificates.server(root, "other.example"),
        "certificate-chain": certificates.server(None),
    }
    for slug, certificate in cases.items():
        with tls_server(certificate) as url:
            error = refused(url, client(ca_certificates=root.pem))
            assert (error.slug, error.retryable) == (slug, False)


def test_no_tls_where_tls_was_asked_for(http_server: SourceServer) -> None:
    assert refused(http_server.url.replace("http:", "https:")).slug == "tls-failure"


def test_what_is_no_certificate() -> None:
    with pytest.raises(FetchError) as caught:
        tls_context("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----")
    assert caught.value.slug == "certificate-shape"
    with pytest.raises(FetchError):
        tls_context("hello")


# -- content


def test_comments_before_nothing_cost_no_time() -> None:
    """Two hundred empty comments could be read in 2^200 ways before they were found to be no web page."""
    with in_time():
        refuse_web_page(b"<!---->" * 200 + b"x", "https://a.example/", "JSON")
        with pytest.raises(FetchError):
            refuse_web_page(b"<!-- a -- b -> -->\n<!---->" * 20 + b"<html>", "https://a.example/", "JSON")


def test_a_web_page_instead_of_json(http_server: SourceServer) -> None:
    url = http_server.says("/a", "\n<!DOCTYPE html><html><head><title>Site en\n maintenance &amp; repos</title>", Content_Type="text/html")
    with client() as fetching, pytest.raises(FetchError) as caught:
        fetching.get(url).json()
    assert caught.value.slug == "web-page"
    assert "Site en maintenance & repos" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaNx}', b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 10_000 + b"}"])
def test_what_is_no_json(http_server: SourceServer, body: bytes) -> None:
    with client() as fetching, pytest.raises(FetchError) as caught:
        fetching.get(http_server.says("/a", body)).json()
    assert caught.value.slug == "malformed"


# -- checking links


def test_checking_an_address(http_server: SourceServer) -> None:
    def only_get(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(405 if handler.command == "HEAD" else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with client() as fetching:
        assert fetching.check(http_server.says("/a", b"x" * 1000)).status == 200
        assert fetching.check(http_server.url + "/none").status == 404
        assert fetching.check(http_server.says("/strict", only_get)).status == 200
        with pytest.raises(FetchError):
            fetching.check("http://127.0.0.1:1/")
    assert [method for method, _path, _headers in http_server.requests] == ["HEAD", "HEAD", "GET", "HEAD", "GET"]


def test_every_fault_has_cause_and_remedy() -> None:
    for slug in errors.slugs():
        assert errors.cause(slug).rstrip().endswith((".", ")."))
        assert errors.remedy(slug).endswith(".")
