"""What fetching runs into, as problems of a source."""

from __future__ import annotations

import pytest

from ckanext.ogptn.fetch import errors
from ckanext.ogptn.harvesters.engine import problems  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.engine.base import HttpClient, HttpSettings, Response, Stream, Validators
from ckanext.ogptn.harvesters.engine.http import KINDS, Client
from ckanext.ogptn.harvesters.engine.problems import Cancelled, SourceError
from tests.conftest import SourceServer


def client(server: SourceServer, **changes: object) -> Client:
    settings: dict[str, object] = {"base_url": server.url, "allowed_hosts": ("127.0.0.1",), "retries": 0, "read_timeout": 1, **changes}
    return Client(HttpSettings(**settings))  # pyright: ignore[reportArgumentType]


def test_it_is_the_contracts_client(http_server: SourceServer) -> None:
    url = http_server.says("/a", '{"a": 1}', ETag='"7"', Content_Type="application/json")
    http: HttpClient = client(http_server, headers={"Authorization": "secret"})
    answer = http.get(url, params={"q": 1}, accept="application/json")
    assert isinstance(answer, Response)
    assert (answer.status, answer.json(), answer.content, answer.validators) == (200, {"a": 1}, b'{"a": 1}', Validators('"7"'))
    assert answer.url == url + "?q=1"
    sent = http_server.requests[0][2]
    assert (sent["Accept"], sent["Authorization"]) == ("application/json", "secret")
    with http.stream(url) as stream:
        assert isinstance(stream, Stream)
        assert (stream.read(3), stream.read(), stream.read()) == (b'{"a', b'": 1}', b"")
    assert http.get(http_server.url + "/none", allow_status=(404,)).status == 404


def test_unchanged(http_server: SourceServer) -> None:
    url = http_server.says("/a", b"", 304)
    with client(http_server) as http:
        assert http.get(url, validators=Validators('"7"')).not_modified
        with http.stream(url, validators=Validators("", "Mon, 01 Jan 2024 00:00:00 GMT")) as stream:
            assert stream.not_modified
    assert http_server.requests[0][2]["If-None-Match"] == '"7"'
    assert http_server.requests[1][2]["If-Modified-Since"] == "Mon, 01 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/missing", problems.NOT_FOUND), ("/page", problems.NOT_EXPECTED), ("/half", problems.MALFORMED),
     ("/loop", problems.TOO_MANY_REDIRECTS),
     ("/inside", problems.INSIDE_ADDRESS), ("/large", problems.TOO_LARGE)],
)  # fmt: skip
def test_faults_are_problems_of_the_source(http_server: SourceServer, path: str, kind: problems.Kind) -> None:
    http_server.says("/page", "<html><title>Maintenance</title>")
    http_server.says("/half", '{"a": [')
    http_server.says("/loop", "", 302, Location="/loop")
    http_server.says("/inside", "", 302, Location="http://127.0.0.9/")
    http_server.says("/large", "", Content_Length="99000000")
    with client(http_server, max_bytes=10_000_000) as http, pytest.raises(SourceError) as caught:
        http.get(http_server.url + path).json()
    assert caught.value.kind is kind
    said = kind.say(caught.value.values) + kind.advise(caught.value.values)
    assert "{" not in said
    assert "…" not in said, "every placeholder has its value"


def test_each_fault_of_fetching_has_a_problem() -> None:
    assert set(KINDS) == set(errors.slugs()) - {"stopped"}


def test_cancelling_ends_a_request(http_server: SourceServer) -> None:
    going = [True]
    http = Client(HttpSettings(allowed_hosts=("127.0.0.1",)), lambda: going[0])
    url = http_server.says("/a", b"x")
    with http.stream(url) as stream:
        going[0] = False
        with pytest.raises(Cancelled):
            stream.read()
    with pytest.raises(Cancelled):
        http.get(url)


def test_certificates_that_are_none() -> None:
    with pytest.raises(SourceError) as caught:
        Client(HttpSettings(ca_bundle="hello"))
    assert caught.value.slug == "certificate-shape"
