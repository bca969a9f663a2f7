"""Contacts of officials are seen by editors of the commitment and by nobody else, wherever one looks."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.search import query_for
from ckan.tests.helpers import call_action

from ckanext.ogptn.commitment.model import CommitmentContacts

SECRET = "Zaynab-Secretname"
CONTACT = {"name": SECRET, "role": {"ar": "رئيس مصلحة"}, "phone": "71999888", "email": "zaynab.secretname@example.tn"}
TRACES = (SECRET, "71999888", "zaynab.secretname")


@pytest.fixture
def commitment_of(clean_db: None, steward: dict[str, Any], agency_factory: Any, commitment_factory: Any) -> tuple[dict[str, Any], str]:
    """A commitment with a contact, written by its steward, and the steward's name."""
    agency = agency_factory(editors=[steward["name"]])
    sent = commitment_factory.stub(owner_org=agency["id"], responsible_contacts=[CONTACT]).__dict__
    return tk.get_action("package_create")({"user": steward["name"]}, dict(sent)), steward["name"]


def shown(record: dict[str, Any], user: str, **more: Any) -> dict[str, Any]:
    return tk.get_action("package_show")({"user": user}, {"id": record["id"], **more})


def holds_secret(value: Any) -> bool:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return any(trace in text for trace in TRACES)


def readable(content: bytes) -> str:
    """What a person who unpacks an answer can read in it."""
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = b"\n".join(packed.read(name) for name in packed.namelist())
    return content.decode("utf-8", "replace")


def test_an_editor_sees_them(commitment_of: tuple[dict[str, Any], str]) -> None:
    record, user = commitment_of
    assert shown(record, user)["responsible_contacts"] == [CONTACT]


def test_an_administrator_sees_them(commitment_of: tuple[dict[str, Any], str], sysadmin: dict[str, Any]) -> None:
    assert shown(commitment_of[0], sysadmin["name"])["responsible_contacts"] == [CONTACT]


@pytest.mark.parametrize("more", [{}, {"use_default_schema": True}, {"include_plugin_data": True}])
def test_others_do_not(commitment_of: tuple[dict[str, Any], str], steward_factory: Any, agency_factory: Any, more: dict[str, Any]) -> None:
    record, _ = commitment_of
    stranger, reader = steward_factory()["name"], steward_factory()["name"]
    agency_factory(editors=[stranger])
    call_action("organization_member_create", id=record["owner_org"], username=reader, role="member")
    for user in ("", "127.0.0.1", "nobody-of-this-name", stranger, reader):
        for use_cache in (True, False):
            answer = tk.get_action("package_show")({"user": user, "use_cache": use_cache}, {"id": record["id"], **more})
            assert not holds_secret(answer), user


def test_code_that_runs_past_authorisation_is_no_editor(commitment_of: tuple[dict[str, Any], str]) -> None:
    record, user = commitment_of
    assert not holds_secret(tk.get_action("package_show")({"user": user, "ignore_auth": True}, {"id": record["id"]}))


def test_nothing_that_ckan_keeps_of_the_record_holds_them(commitment_of: tuple[dict[str, Any], str]) -> None:
    record, user = commitment_of
    tk.get_action("package_patch")({"user": user}, {"id": record["id"], "version": "2"})
    model.Session.expire_all()
    package = model.Package.get(record["id"])
    assert not holds_secret([package.as_dict(), dict(package.extras)])
    for table in model.meta.metadata.sorted_tables:
        if table.name != CommitmentContacts.__tablename__ and table.name.split("_")[0] in (
            "package",
            "resource",
            "activity",
            "group",
            "member",
            "tag",
        ):
            rows = model.Session.execute(table.select()).fetchall()
            assert not any(holds_secret(repr(row)) for row in rows), table.name
    activities = call_action("package_activity_list", id=record["id"], include_data=True)
    assert activities
    assert not holds_secret(activities)


def test_no_table_but_their_own_holds_them(commitment_of: tuple[dict[str, Any], str], app: Any) -> None:
    record, user = commitment_of
    tk.get_action("package_patch")({"user": user}, {"id": record["id"], "version": "2"})
    # Whatever is written when it is first read is written now.
    for path in (f"/commitment/{record['name']}", f"/commitment/{record['name']}.ttl", "/catalog/all.nt.gz"):
        assert app.get(path).status_code == 200
    engine = model.meta.engine
    found: dict[str, bool] = {}
    with engine.connect() as connection:
        for schema in ("public", "ogptn_search"):
            tables = sa.MetaData()
            tables.reflect(connection, schema=None if schema == "public" else schema)
            for table in tables.tables.values():
                whole_row = sa.cast(sa.literal_column(f'"{table.name}"'), sa.Text)
                matches = sa.or_(*(whole_row.contains(trace) for trace in TRACES))
                found[table.fullname] = bool(connection.scalar(sa.select(sa.func.count()).select_from(table).where(matches)))
    assert len(found) > 20
    assert [name for name, held in found.items() if held] == [CommitmentContacts.__tablename__]


def test_the_index_does_not_hold_them(commitment_of: tuple[dict[str, Any], str]) -> None:
    record, user = commitment_of
    found = query_for(model.Package).run({"q": f"id:{record['id']}", "fl": "*"})
    assert found["count"] == 1
    assert not holds_secret(found)
    for who in ("", user):
        assert not holds_secret(tk.get_action("package_search")({"user": who}, {"q": "*:*"}))
        for trace in TRACES:
            assert tk.get_action("package_search")({"user": who}, {"q": trace})["count"] == 0


def test_pages_api_and_rdf_do_not_show_them(commitment_of: tuple[dict[str, Any], str], app: Any) -> None:
    record, _ = commitment_of
    paths = [
        f"/commitment/{record['name']}",
        f"/dataset/{record['name']}",
        f"/ar/commitment/{record['name']}",
        f"/dataset/activity/{record['name']}",
        "/commitment/",
        f"/organization/{record['organization']['name']}",
        f"/api/3/action/package_show?id={record['name']}",
        f"/api/3/action/package_show?id={record['name']}&use_default_schema=true",
        "/api/3/action/package_search?q=*:*",
        "/api/3/action/current_package_list_with_resources",
        f"/api/3/action/package_activity_list?id={record['id']}&include_data=true",
        f"/dataset/{record['name']}.ttl",
        f"/dataset/{record['name']}.jsonld",
        "/catalog.ttl",
        f"/feeds/organization/{record['organization']['name']}.atom",
        "/feeds/dataset.atom",
        f"/commitment/{record['name']}.ttl",
        f"/dataset/{record['name']}.xml",
        f"/dataset/{record['name']}/croissant.jsonld",
        f"/dataset/{record['name']}/quality.ttl",
        "/catalog/all.nt.gz",
        "/catalog/all.jsonld.gz",
        "/sitemap.xml",
        f"/commitment-report/{record['plan']}?people=1",
        f"/commitment-report/{record['plan']}.docx?people=1",
        f"/api/3/action/ogptn_commitment_report_show?plan={record['plan']}&people=true",
        "/commitment-rounds/",
    ]
    seen: dict[str, int] = {}
    for path in paths:
        answer = app.get(path)
        seen[path] = answer.status_code
        assert not holds_secret(readable(answer.get_data())), path
    # A page that is not there proves nothing.
    assert {path: status for path, status in seen.items() if status != 200} == {}


def test_an_editor_does_not_lose_them(commitment_of: tuple[dict[str, Any], str], sysadmin: dict[str, Any]) -> None:
    record, user = commitment_of
    by_editor = shown(record, user)
    by_nobody = shown(record, "")
    update, patch, revise = (tk.get_action(name) for name in ("package_update", "package_patch", "package_revise"))
    update({"user": user}, {**by_editor, "version": "2"})
    assert CommitmentContacts.of(record["id"]) == [CONTACT]
    update({"user": user}, {**by_nobody, "version": "3"})
    assert CommitmentContacts.of(record["id"]) == [CONTACT]
    update({"user": sysadmin["name"], "ignore_auth": True}, {**by_nobody, "version": "4"})
    assert CommitmentContacts.of(record["id"]) == [CONTACT]
    patch({"user": user}, {"id": record["id"], "version": "5"})
    revise({"user": user}, {"match": {"id": record["id"]}, "update": {"version": "6"}})
    resource = tk.get_action("resource_create")({"user": user}, {"package_id": record["id"], "url": "https://example.tn/a.pdf"})
    tk.get_action("resource_patch")({"user": user}, {"id": resource["id"], "format": "PDF"})
    tk.get_action("resource_delete")({"user": user}, {"id": resource["id"]})
    assert shown(record, user)["responsible_contacts"] == [CONTACT]
    assert shown(record, user)["version"] == "6"


def test_they_can_be_changed_alone_and_cleared(commitment_of: tuple[dict[str, Any], str]) -> None:
    record, user = commitment_of
    patch = tk.get_action("package_patch")
    other = {"name": "Another-Person", "phone": "٧١٩٩٩٨٨٩"}
    patch({"user": user}, {"id": record["id"], "responsible_contacts": [other]})
    assert shown(record, user)["responsible_contacts"] == [{"name": "Another-Person", "phone": "71999889"}]
    mark = shown(record, user)["contacts_revision"]
    patch({"user": user}, {"id": record["id"], "responsible_contacts": [{"name": "", "phone": ""}]})
    assert "responsible_contacts" not in shown(record, user)
    assert shown(record, user)["contacts_revision"] != mark
    patch({"user": user}, {"id": record["id"], "responsible_contacts": [other]})
    patch({"user": user}, {"id": record["id"], "responsible_contacts": []})
    assert CommitmentContacts.of(record["id"]) == []


def test_a_form_that_offers_the_group_clears_it(commitment_of: tuple[dict[str, Any], str]) -> None:
    record, user = commitment_of
    posted = {name: value for name, value in shown(record, "").items() if name != "responsible_contacts"}
    tk.get_action("package_update")({"user": user}, {**posted, "responsible_contacts-000-name": "", "responsible_contacts-000-role-ar": ""})
    assert CommitmentContacts.of(record["id"]) == []


def test_a_refused_record_leaves_them_as_they_were(commitment_of: tuple[dict[str, Any], str]) -> None:
    record, user = commitment_of
    with pytest.raises(tk.ValidationError):
        tk.get_action("package_patch")({"user": user}, {"id": record["id"], "responsible_contacts": [], "plan": "nap99"})
    assert CommitmentContacts.of(record["id"]) == [CONTACT]


def test_they_go_when_the_record_is_purged(commitment_of: tuple[dict[str, Any], str], sysadmin: dict[str, Any]) -> None:
    record, _ = commitment_of
    call_action("dataset_purge", {"user": sysadmin["name"]}, id=record["id"])
    assert model.Session.query(CommitmentContacts).count() == 0
