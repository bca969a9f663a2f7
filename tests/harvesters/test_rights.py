"""What administrators of an organisation may not do: have the site's credentials sent to themselves, or write another's datasets."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests.helpers import call_action

from .ckan_face import CkanFace
from .test_run import counts, harvest, issues, records

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
]


def act(user: dict[str, Any], action: str, **data: Any) -> Any:
    """Call an action as this person, rights and all."""
    return tk.get_action(action)({"user": user["name"]}, data)


@pytest.fixture
def admin(steward_factory: Any) -> dict[str, Any]:
    return steward_factory()


@pytest.fixture
def ours(admin: dict[str, Any], agency_factory: Any) -> dict[str, Any]:
    return agency_factory(admins=[admin["name"]])


def fields(url: str, owner: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "Portail", "url": url, "backend": "ckan", "owner_org": owner["id"], "options": {"changes_only": False}, **more}


CREDENTIALS = {"auth_header": "Authorization", "auth_env": "OGPTN_HARVEST_MINISTRY"}


class TestCredentials:
    @pytest.mark.parametrize("action", ["ogptn_harvest_source_create", "ogptn_harvest_source_check", "ogptn_harvest_preview"])
    def test_an_organisation_names_none(self, admin, ours, http_server, monkeypatch, action: str) -> None:
        monkeypatch.setenv("OGPTN_HARVEST_MINISTRY", "secret")
        with pytest.raises(tk.ValidationError) as caught:
            act(admin, action, **fields(http_server.url, ours, **CREDENTIALS))
        assert list(caught.value.error_dict) == ["auth_env"]
        assert "system administrators" in str(caught.value.error_dict["auth_env"])
        assert http_server.requests == []

    def test_nor_later(self, admin, ours, http_server) -> None:
        source = act(admin, "ogptn_harvest_source_create", **fields(http_server.url, ours))
        with pytest.raises(tk.ValidationError, match="auth_env"):
            act(admin, "ogptn_harvest_source_update", id=source["id"], **CREDENTIALS)

    @pytest.mark.parametrize(
        "change",
        [
            {"url": "https://elsewhere.example"},
            {"auth_env": "OGPTN_HARVEST_OTHER"},
            {"auth_header": "X-Shown"},
            {"ca_bundle": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
        ],
    )
    def test_where_they_go_stays(self, admin, ours, http_server, change: dict[str, str]) -> None:
        source = call_action("ogptn_harvest_source_create", **fields(http_server.url, ours, **CREDENTIALS))
        with pytest.raises(tk.ValidationError) as caught:
            act(admin, "ogptn_harvest_source_update", id=source["id"], **change)
        assert len(caught.value.error_dict) == 1
        for action in ("ogptn_harvest_source_check", "ogptn_harvest_preview"):
            with pytest.raises(tk.ValidationError):
                act(admin, action, id=source["id"], **change)
        assert http_server.requests == []
        # Everything else is the organisation's, and so is doing without.
        assert act(admin, "ogptn_harvest_source_update", id=source["id"], title="Autre nom")["title"] == "Autre nom"
        act(admin, "ogptn_harvest_source_update", id=source["id"], auth_header="", auth_env="")
        act(admin, "ogptn_harvest_source_update", id=source["id"], url="https://elsewhere.example")

    def test_system_administrators_name_them(self, sysadmin, ours, http_server) -> None:
        source = act(sysadmin, "ogptn_harvest_source_create", **fields(http_server.url, ours, **CREDENTIALS))
        assert act(sysadmin, "ogptn_harvest_source_update", id=source["id"], url="https://elsewhere.example")


class TestOtherOrganisations:
    """Whoever knows the identifiers of another's records could offer records with the same."""

    @pytest.fixture
    def theirs(self, agency: dict[str, Any], face: CkanFace) -> dict[str, Any]:
        source = call_action("ogptn_harvest_source_create", **fields(face.url, agency))
        harvest(source)
        return source

    @pytest.fixture
    def face(self, http_server) -> CkanFace:
        return CkanFace(http_server, 3)

    @pytest.mark.parametrize("orphaned", [False, True], ids=["wins", "orphaned"])
    @pytest.mark.parametrize("by", ["identifier", "files"])
    def test_are_not_written(self, theirs, ours, face, orphaned: bool, by: str) -> None:
        if orphaned:
            call_action("ogptn_harvest_source_delete", id=theirs["id"])
        before = {name: call_action("package_show", id=name) for name in call_action("package_list")}
        for number, each in enumerate(face.datasets):
            each["title"] = "Pris"
            if by == "files":
                each["id"] = each["name"] = f"other-{number}"
        source = call_action("ogptn_harvest_source_create", **fields(face.url, ours, conflict="this"))
        job = harvest(source)
        assert counts(job) == {"seen": 3, "duplicates": 3, "warnings": 3}
        assert {issue["slug"] for issue in issues(job)} == {"in-another-organisation"}
        assert {name: call_action("package_show", id=name) for name in call_action("package_list")} == before
        assert {record["state"] for record in records(source)} == {"duplicate"}
        assert counts(harvest(source)) == {"seen": 3, "unchanged": 3}
        # Nor removed, when the source that took nothing is cleared.
        harvest(source, kind="clear")
        assert call_action("package_search")["count"] == 3

    def test_may_be_given_by_a_system_administrator(self, theirs, ours, face) -> None:
        source = call_action("ogptn_harvest_source_create", **fields(face.url, ours, conflict="this"))
        harvest(source)
        call_action("package_owner_org_update", id="jeu-1", organization_id=ours["id"])
        assert counts(harvest(source)) == {"seen": 3, "unchanged": 2, "changed": 1, "warnings": 1}


def test_a_source_that_is_to_win_later_does(agency, http_server) -> None:
    face = CkanFace(http_server, 3)
    first, second = (call_action("ogptn_harvest_source_create", **fields(face.url, agency)) for _ in range(2))
    harvest(first)
    # What was changed here is kept, whoever brings the rest.
    user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
    call_action("package_patch", context={"user": user}, id="jeu-1", notes_translated={"fr": "Corrigé ici"})
    assert counts(harvest(second))["duplicates"] == 3
    call_action("ogptn_harvest_source_update", id=second["id"], conflict="this")
    harvest(second, full=True)
    assert {record["state"] for record in records(second)} == {"active"}
    assert {record["state"] for record in records(first)} == {"duplicate"}
    assert call_action("package_show", id="jeu-1")["notes_translated"] == {"fr": "Corrigé ici"}
    assert model.Session.query(model.Package).count() == 3


class TestWhatIsNoId:
    @pytest.mark.parametrize("number", ["9" * 30, "²", "١٢", "-1", "1e3", 10**18])
    def test_of_a_record_is_not_there(self, sysadmin, admin, number: str | int) -> None:
        with pytest.raises(tk.ObjectNotFound):
            act(sysadmin, "ogptn_harvest_record_show", id=number)
        with pytest.raises(tk.NotAuthorized):
            act(admin, "ogptn_harvest_record_show", id=number)

    @pytest.mark.parametrize(
        ("action", "data"),
        [
            ("ogptn_harvest_record_list", {"source_id": "a\x00b"}),
            ("ogptn_harvest_job_show", {"id": "\ud800"}),
            ("ogptn_harvest_source_create", {"title": "a", "options": {"include": ["a\x00"]}}),
        ],
    )
    def test_what_no_database_takes_is_refused_with_its_field(self, sysadmin, action: str, data: dict[str, Any]) -> None:
        with pytest.raises(tk.ValidationError, match="U\\+") as caught:
            act(sysadmin, action, **data)
        assert list(caught.value.error_dict) == [list(data)[-1]]
