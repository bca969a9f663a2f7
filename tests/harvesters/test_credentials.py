"""Credentials that are stored encrypted: who sets them, where they go, that nobody sees them again, what is said without a key."""

from __future__ import annotations

import json
import logging
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.cli import ckan as ckan_command
from ckan.tests.helpers import call_action
from cryptography.fernet import Fernet

from ckanext.ogptn.harvesters.engine import credentials
from ckanext.ogptn.harvesters.engine.model import Source
from ckanext.ogptn.harvesters.engine.problems import SourceError

from .ckan_face import CkanFace
from .test_rights import act, admin, fields, ours  # noqa: F401 - fixtures
from .test_run import counts, harvest, issues

KEY, NEXT_KEY = (Fernet.generate_key().decode() for _ in range(2))
VALUE = "Bearer s3cr3t-de-l-essai"
STORED = {"auth_header": "Authorization", "auth_value": VALUE}

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
    pytest.mark.ckan_config("ogptn.harvest.secret_key", KEY),
]


@pytest.fixture
def face(http_server) -> CkanFace:
    return CkanFace(http_server, 2)


@pytest.fixture
def source(face, ours, sysadmin) -> dict[str, Any]:  # noqa: F811
    return act(sysadmin, "ogptn_harvest_source_create", **fields(face.url, ours, **STORED))


def sent(face: CkanFace) -> set[str]:
    """What the source was sent as credentials."""
    return {str(headers.get("Authorization")) for _method, _path, headers in face.server.requests}


def stored(source: dict[str, Any]) -> str:
    row = model.Session.get(Source, source["id"], populate_existing=True)
    assert row is not None
    return row.auth_secret


def test_are_sent_to_the_source_and_shown_nowhere(source, face, sysadmin, ours, admin, caplog):  # noqa: F811
    caplog.set_level(logging.DEBUG)
    job = harvest(source)
    assert job["phase"] == "finished", issues(job)
    assert sent(face) == {VALUE}
    preview = harvest(source, kind="preview")
    face.server.says("/api/3/action/package_search", "<html>maintenance</html>")
    failed = harvest(source)
    assert failed["phase"] == "failed"
    shown = [source, job, preview, failed, issues(failed)]
    for person in (sysadmin, admin):
        shown += [
            act(person, "ogptn_harvest_source_show", id=source["id"]),
            act(person, "ogptn_harvest_source_list"),
            act(person, "ogptn_harvest_source_check", id=source["id"]),
            act(person, "ogptn_harvest_source_update", id=source["id"], title="Autre nom"),
            act(person, "ogptn_harvest_job_list", source_id=source["id"]),
        ]
    text = json.dumps(shown) + caplog.text
    assert "s3cr3t" not in text
    assert stored(source) not in text
    assert all(each["auth_stored"] for each in shown if "auth_header" in each)
    # Nor does the database hold it as it is.
    assert "s3cr3t" not in stored(source)
    assert Fernet(KEY).decrypt(stored(source).encode()).decode() == VALUE


def test_changing_and_taking_away(source, face, sysadmin, monkeypatch):
    first = stored(source)
    # What is not named, or is named empty (a form's field), stays.
    for change in ({"title": "Autre"}, {"auth_value": ""}, {"auth_value": None}):
        assert act(sysadmin, "ogptn_harvest_source_update", id=source["id"], **change)["auth_stored"]
        assert stored(source) == first
    act(sysadmin, "ogptn_harvest_source_update", id=source["id"], auth_value="Basic bm91dmVhdQ==")
    harvest(source)
    assert sent(face) == {"Basic bm91dmVhdQ=="}
    # A variable takes its place, a value the variable's only when that is taken away.
    monkeypatch.setenv("OGPTN_HARVEST_MINISTRY", "from-the-environment")
    shown = act(sysadmin, "ogptn_harvest_source_update", id=source["id"], auth_env="OGPTN_HARVEST_MINISTRY")
    assert (shown["auth_stored"], stored(source)) == (False, "")
    with pytest.raises(tk.ValidationError) as caught:
        act(sysadmin, "ogptn_harvest_source_update", id=source["id"], auth_value=VALUE)
    assert list(caught.value.error_dict) == ["auth_env"]
    assert act(sysadmin, "ogptn_harvest_source_update", id=source["id"], auth_env="", auth_value=VALUE)["auth_stored"]
    shown = act(sysadmin, "ogptn_harvest_source_update", id=source["id"], auth_header="")
    assert (shown["auth_stored"], stored(source)) == (False, "")
    face.server.requests.clear()
    harvest(source)
    assert sent(face) == {"None"}


@pytest.mark.parametrize("value", ["a\nHost: elsewhere", "a\rb", "a\x00b", "émoji 🎈", "x" * 5_000, 7, ["a"]])
def test_no_value_that_a_header_cannot_have(face, ours, sysadmin, value: Any):  # noqa: F811
    with pytest.raises(tk.ValidationError) as caught:
        act(sysadmin, "ogptn_harvest_source_create", **fields(face.url, ours, auth_header="Authorization", auth_value=value))
    assert list(caught.value.error_dict) == ["auth_value"]
    assert "emoji" not in str(caught.value.error_dict)


def test_an_environment_variable_that_cannot_be_sent(face, ours, monkeypatch):  # noqa: F811
    monkeypatch.setenv("OGPTN_HARVEST_MINISTRY", "s3cr3t\nHost: elsewhere")
    more = {"auth_header": "Authorization", "auth_env": "OGPTN_HARVEST_MINISTRY"}
    job = harvest(call_action("ogptn_harvest_source_create", **fields(face.url, ours, **more)))
    assert [issue["slug"] for issue in issues(job)] == ["unusable-credentials"]
    assert "s3cr3t" not in json.dumps([job, issues(job)])


class TestAnOrganisation:
    def test_sets_none(self, face, ours, admin):  # noqa: F811
        for action in ("ogptn_harvest_source_create", "ogptn_harvest_source_check", "ogptn_harvest_preview"):
            with pytest.raises(tk.ValidationError) as caught:
                act(admin, action, **fields(face.url, ours, **STORED))
            assert list(caught.value.error_dict) == ["auth_value"]
        assert face.server.requests == []

    @pytest.mark.parametrize(
        "change",
        [
            {"url": "https://elsewhere.example"},
            {"auth_header": "X-Shown"},
            {"auth_value": "other"},
            {"ca_bundle": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            {"auth_env": "OGPTN_HARVEST_OTHER"},
        ],
    )
    def test_does_not_move_them(self, source, face, admin, change: dict[str, str]):  # noqa: F811
        for action in ("ogptn_harvest_source_update", "ogptn_harvest_source_check", "ogptn_harvest_preview"):
            with pytest.raises(tk.ValidationError) as caught:
                act(admin, action, id=source["id"], **change)
            assert len(caught.value.error_dict) == 1
        assert face.server.requests == []

    def test_may_do_without(self, source, admin):  # noqa: F811
        assert not act(admin, "ogptn_harvest_source_update", id=source["id"], auth_header="")["auth_stored"]


class TestKeys:
    def test_none(self, face, ours, sysadmin, source, ckan_config):  # noqa: F811
        ckan_config["ogptn.harvest.secret_key"] = ""
        with pytest.raises(tk.ValidationError) as caught:
            act(sysadmin, "ogptn_harvest_source_create", **fields(face.url, ours, **STORED))
        assert "ogptn.harvest.secret_key" in str(caught.value.error_dict["auth_value"])
        job = harvest(source)
        assert (job["phase"], [issue["slug"] for issue in issues(job)]) == ("failed", ["missing-secret-key"])
        assert "ogptn.harvest.secret_key" in issues(job)[0]["advice"]
        assert not act(sysadmin, "ogptn_harvest_source_check", id=source["id"])["ok"]
        # All else goes on.
        assert act(sysadmin, "ogptn_harvest_source_update", id=source["id"], title="Autre")["auth_stored"]

    def test_another(self, source, ckan_config):
        ckan_config["ogptn.harvest.secret_key"] = NEXT_KEY
        assert [issue["slug"] for issue in issues(harvest(source))] == ["wrong-secret-key"]

    def test_what_is_none(self, source, ckan_config):
        ckan_config["ogptn.harvest.secret_key"] = f"{KEY} not-a-key-s3cr3t"
        job = harvest(source)
        assert [issue["slug"] for issue in issues(job)] == ["unusable-secret-key"]
        assert "s3cr3t" not in json.dumps(issues(job))
        assert "2" in issues(job)[0]["message"]

    def test_the_environment_comes_first(self, source, face, ckan_config, monkeypatch):
        ckan_config["ogptn.harvest.secret_key"] = NEXT_KEY
        monkeypatch.setenv(credentials.KEY_VARIABLE, KEY)
        assert harvest(source)["phase"] == "finished"
        assert sent(face) == {VALUE}

    def test_the_key_is_no_credential(self, face, ours, sysadmin):  # noqa: F811
        with pytest.raises(tk.ValidationError) as caught:
            act(sysadmin, "ogptn_harvest_source_create", **fields(face.url, ours, auth_header="X", auth_env=credentials.KEY_VARIABLE))
        assert list(caught.value.error_dict) == ["auth_env"]

    def test_rotation(self, source, face, ckan_config, cli):
        before = stored(source)
        ckan_config["ogptn.harvest.secret_key"] = f"{NEXT_KEY} {KEY}"
        assert harvest(source)["phase"] == "finished"
        done = cli.invoke(ckan_command, ["ogptn-harvest", "secret", "rotate", "--json"])
        assert done.exit_code == 0, done.output
        assert '"rotated": 1' in done.output
        assert stored(source) != before
        ckan_config["ogptn.harvest.secret_key"] = NEXT_KEY
        assert counts(harvest(source)) == {"seen": 2, "unchanged": 2}
        assert sent(face) == {VALUE}
        assert "s3cr3t" not in done.output

    def test_rotation_names_what_it_cannot_read(self, source, ckan_config):
        before = stored(source)
        ckan_config["ogptn.harvest.secret_key"] = NEXT_KEY
        assert credentials.rotate() == {"rotated": 0, "unreadable": ["Portail"]}
        assert stored(source) == before
        ckan_config["ogptn.harvest.secret_key"] = ""
        with pytest.raises(SourceError):
            credentials.rotate()

    def test_a_new_key_is_one(self, cli):
        key = cli.invoke(ckan_command, ["ogptn-harvest", "secret", "new-key"]).output.strip().splitlines()[-1]
        Fernet(key)
        assert key != credentials.new_key()


def test_by_command_from_standard_input(face, ours, cli):  # noqa: F811
    line = ["ogptn-harvest", "source", "create", "--title", "Portail", "--url", face.url, "--backend", "ckan", "--owner-org", ours["name"]]
    done = cli.invoke(ckan_command, [*line, "--auth-header", "Authorization", "--auth-value-stdin"], input=f"{VALUE}\n")
    assert done.exit_code == 0, done.output
    assert "s3cr3t" not in done.output
    source = call_action("ogptn_harvest_source_list")["results"][0]
    assert source["auth_stored"]
    harvest(source)
    assert sent(face) == {VALUE}
    assert cli.invoke(ckan_command, [*line, "--auth-header", "X", "--auth-value-stdin"], input="\n").exit_code == 2
