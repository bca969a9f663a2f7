"""Organisations: names in three languages, a place in the hierarchy, official numbers."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests.helpers import call_action

from tests.catalogue.bad_input import Case, missing, refused, texts

EXAMPLE = {
    "title_translated": {"ar": "وزارة تجريبية", "fr": "Ministère d’essai", "en": "Test ministry"},
    "short_name": {"fr": "MDE"},
    "description_translated": {"ar": "وصف", "fr": "Présentation"},
    "kind": "NationalAuthority",
    "national_identifier": "0000001A",
    "budget_code": "05",
    "municipal_code": "34013",
    "uri": "https://example.tn/id/mde",
    "governorate": "TN-11",
    "site_url": "https://example.tn",
    "email": "contact@example.tn",
}


@pytest.mark.usefixtures("clean_db")
def test_the_example_comes_back_whole_and_survives_an_update(sysadmin: dict[str, Any]) -> None:
    context = {"user": sysadmin["name"]}
    created = call_action("organization_create", dict(context), **EXAMPLE)
    assert created["name"] == "ministere-d-essai"
    assert (created["title"], created["description"]) == ("وزارة تجريبية", "وصف")
    shown = call_action("organization_show", id=created["id"])
    assert {name: shown[name] for name in EXAMPLE} == EXAMPLE
    call_action("organization_update", dict(context), **{**shown, "budget_code": "06"})
    call_action("organization_patch", dict(context), id=created["id"], national_identifier="0000002B")
    shown = call_action("organization_show", id=created["id"])
    assert {name: shown[name] for name in EXAMPLE} == {**EXAMPLE, "budget_code": "06", "national_identifier": "0000002B"}
    again = call_action("organization_create", dict(context), **EXAMPLE)
    assert again["name"] == "ministere-d-essai-2"


def below(organization: dict[str, Any]) -> list[str]:
    """The organisations that CKAN itself knows to be parts of this one."""
    model.Session.expire_all()
    return [group.id for group in model.Group.get(organization["id"]).get_children_groups("organization")]


@pytest.mark.usefixtures("clean_db")
def test_hierarchy(agency_factory: Any, sysadmin: dict[str, Any]) -> None:
    ministry = agency_factory()
    directorate = agency_factory(parent=ministry["name"])
    unit = agency_factory(parent=directorate["id"])
    assert directorate["parent"] == ministry["id"]
    assert below(ministry) == [directorate["id"]]
    assert below(directorate) == [unit["id"]]
    assert below(unit) == []
    for above in (ministry["id"], unit["id"]):
        with pytest.raises(tk.ValidationError) as caught:
            call_action("organization_patch", {"user": sysadmin["name"]}, id=ministry["id"], parent=above)
        assert "parent" in caught.value.error_dict
    call_action("organization_patch", {"user": sysadmin["name"]}, id=directorate["id"], parent="")
    assert call_action("organization_show", id=directorate["id"]).get("parent") is None
    assert below(ministry) == []
    assert below(directorate) == [unit["id"]]


CASES = [
    *missing("title_translated", "missing-language"),
    Case("title-without-the-main-language", {"title_translated": {"fr": "Sans arabe"}}, ("title_translated",), "missing-language"),
    *texts("title_translated", 300),
    Case("description-surrogate", {"description_translated": {"fr": "a\ud800"}}, ("description_translated-fr",), "forbidden-character"),
    Case("kind-unknown", {"kind": "Kingdom"}, ("kind",), "vocabulary-code", {"value": "Kingdom"}),
    Case("governorate-unknown", {"governorate": "TN-99"}, ("governorate",), "vocabulary-code", {"value": "TN-99"}),
    Case("municipal-code-short", {"municipal_code": "12"}, ("municipal_code",), "municipal-code", {"value": "12"}),
    Case("email", {"email": "x"}, ("email",), "email-shape", {"value": "x"}),
    Case("address-script", {"site_url": "javascript:x"}, ("site_url",), "url-shape", {"value": "javascript:x"}),
    Case("above-unknown", {"parent": "nobody"}, ("parent",), "organization-unknown", {"value": "nobody"}),
    Case("name-underscores", {"name": "a__b"}, ("name",), "slug-shape", {"value": "a__b"}),
    Case("name-bare-year", {"name": "2017"}, ("name",), "slug-number", {"value": "2017"}),
]
CIRCLES = [
    Case("above-itself", {"parent": "ministry"}, ("parent",), "organization-cycle"),
    Case("above-a-part-of-it", {"parent": "directorate"}, ("parent",), "organization-cycle"),
]


@pytest.mark.usefixtures("clean_db")
def test_bad_input(sysadmin: dict[str, Any], app: Any) -> None:
    assert refused("organization", CASES, EXAMPLE, sysadmin["name"], app, "organization_create") == []


@pytest.mark.usefixtures("clean_db")
def test_circles(agency_factory: Any, sysadmin: dict[str, Any], app: Any) -> None:
    ministry = agency_factory(name="ministry")
    agency_factory(name="directorate", parent=ministry["id"])
    assert refused("organization circles", CIRCLES, {"id": ministry["id"]}, sysadmin["name"], app, "organization_patch") == []
    assert call_action("organization_show", id="ministry").get("parent") is None
