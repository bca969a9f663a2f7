"""Files of a source that wants to know who asks: fetched with its credentials, which nobody else is sent."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.engine import access  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.engine.model import Source  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.tables import jobs
from ckanext.ogptn.tables.access import to
from tests.conftest import SourceServer
from tests.harvesters.test_run import face, harvest, source  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
    pytest.mark.ckan_config("ogptn.tables.allowed_hosts", "127.0.0.1"),
    pytest.mark.ckan_config("ogptn.tables.enabled", True),
]
SECRET = "token-of-the-source"


def guarded(handler: BaseHTTPRequestHandler) -> None:
    """A file for those who say who they are."""
    known = handler.headers.get("X-Key") == SECRET
    body = b"a;b\n1;2\n" if known else b"who are you?"
    handler.send_response(200 if known else 401)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def with_key(source: dict[str, Any], face: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:  # noqa: F811
    monkeypatch.setenv("OGPTN_HARVEST_ACCESS_TEST", SECRET)
    model.Session.execute(sa.update(Source).values(auth_header="X-Key", auth_env="OGPTN_HARVEST_ACCESS_TEST"))
    model.Session.commit()
    del face.datasets[1:]
    return source


def tables() -> list[dict[str, Any]]:
    jobs.work()
    return [call_action("ogptn_table_show", resource_id=one["id"]) for one in call_action("package_show", id="jeu-0")["resources"]]


def keys_sent(server: SourceServer, path: str) -> set[str | None]:
    return {headers.get("X-Key") for _method, asked, headers in server.requests if asked == path}


def test_the_sources_own_files_are_fetched_as_it_wants(
    with_key: dict[str, Any],
    face: Any,  # noqa: F811
    http_server: SourceServer,
) -> None:
    own, elsewhere = face.datasets[0]["resources"]
    other = SourceServer()
    try:
        own["url"] = face.server.says("/own.csv", guarded)
        elsewhere["url"] = other.says("/elsewhere.csv", guarded)
        harvest(with_key)
        shown = tables()
        assert [one["state"] for one in shown] == ["loaded", "failed"]
        assert keys_sent(face.server, "/own.csv") == {SECRET}
        assert keys_sent(other, "/elsewhere.csv") == {None}
    finally:
        other.close()


def test_a_redirect_takes_no_credentials_along(with_key: dict[str, Any], face: Any) -> None:  # noqa: F811
    other = SourceServer()
    try:
        target = other.says("/target.csv", "a;b\n1;2\n")
        for place, resource in enumerate(face.datasets[0]["resources"]):
            resource["url"] = face.server.says(f"/{place}.csv", b"", 302, Location=target)
        harvest(with_key)
        assert [one["state"] for one in tables()] == ["loaded", "loaded"]
        assert keys_sent(face.server, "/0.csv") == {SECRET}
        assert keys_sent(other, "/target.csv") == {None}
    finally:
        other.close()


def test_who_edits_a_dataset_reads_nothing_with_its_sources_credentials(with_key: dict[str, Any], face: Any) -> None:  # noqa: F811
    for place, resource in enumerate(face.datasets[0]["resources"]):
        resource["url"] = face.server.says(f"/{place}/open.csv", "a;b\n1;2\n")
    face.server.says("/secret.csv", guarded)
    harvest(with_key)
    assert [one["state"] for one in tables()] == ["loaded", "loaded"]
    site = {"user": call_action("get_site_user")["name"]}
    first, second = call_action("package_show", id="jeu-0")["resources"]
    call_action("resource_patch", dict(site), id=first["id"], url=f"{face.server.url}/secret.csv")
    # The beginning of an address that the source named.
    face.server.says("/1/open", guarded)
    call_action("resource_patch", dict(site), id=second["id"], url=f"{face.server.url}/1/open", format="CSV")
    # And a file that was added here.
    call_action("resource_create", dict(site), package_id="jeu-0", url=f"{face.server.url}/0/open.csv", format="CSV", name="x")
    assert [one["state"] for one in tables()] == ["failed", "failed", "loaded"]
    assert keys_sent(face.server, "/secret.csv") == {None}
    assert keys_sent(face.server, "/1/open") == {None}
    assert keys_sent(face.server, "/0/open.csv") == {SECRET, None}


def test_without_its_credentials_a_file_is_refused_by_its_site(
    with_key: dict[str, Any],
    face: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place, resource in enumerate(face.datasets[0]["resources"]):
        resource["url"] = face.server.says(f"/{place}.csv", guarded)
    harvest(with_key)
    monkeypatch.delenv("OGPTN_HARVEST_ACCESS_TEST")
    shown = tables()
    assert [one["state"] for one in shown] == ["failed", "failed"]
    assert SECRET not in str(shown)


def test_a_deleted_source_gives_nothing(with_key: dict[str, Any], face: Any) -> None:  # noqa: F811
    face.datasets[0]["resources"][0]["url"] = f"{face.server.url}/own.csv"
    harvest(with_key)
    own, elsewhere = (model.Session.get(model.Resource, one["id"]) for one in call_action("package_show", id="jeu-0")["resources"])
    assert own is not None
    assert elsewhere is not None
    found = to(own)
    assert found is not None
    assert found.credentials is not None
    assert found.credentials.headers == {"X-Key": SECRET}
    assert SECRET not in repr(found)
    assert to(elsewhere) is None
    model.Session.execute(sa.update(Source).values(deleted=True))
    assert to(own) is None
    model.Session.rollback()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"url": "https://s.tn/a.csv"}', True),
        ('{"url": "https:\\/\\/s.tn\\/a.csv"}', True),
        ('{"url": "https://s.tn/a.csv?x=1"}', False),
        ('{"url": "https://s.tn/a.csv.gz"}', False),
        ('{"url": "xhttps://s.tn/a.csv"}', False),
        ("<a href='https://s.tn/a.csv'/>", True),
        ("x;https://s.tn/a.csv;y\n", True),
        ("https://s.tn/a.csv", True),
        ("https://s.tn/acsv", False),
        ("", False),
    ],
)
def test_which_addresses_a_record_names(content: str, said: bool) -> None:
    assert access.names(content.encode(), "https://s.tn/a.csv") is said


def test_addresses_with_marks_of_json_and_xml() -> None:
    url = "https://s.tn/a?x=1&y=ع"
    assert access.names(b'{"url": "https://s.tn/a?x=1\\u0026y=\\u0639"}', url)
    assert access.names("<x>https://s.tn/a?x=1&amp;y=ع</x>".encode(), url)
