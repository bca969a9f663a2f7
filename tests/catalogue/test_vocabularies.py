"""The vocabularies: well made, readable by everybody, changed by administrators where the standard leaves the list to the country."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import yaml
from bs4 import BeautifulSoup
from ckan.tests.helpers import call_action, call_auth

from ckanext.ogptn.catalogue import vocabulary
from ckanext.ogptn.catalogue.text import is_arabic

TERM = {
    "vocabulary": "plans",
    "code": "nap6",
    "label": {"ar": "خطة العمل السادسة", "fr": "Sixième plan", "en": "Sixth plan"},
    "start": "2026",
    "end": "2028",
}


@pytest.mark.usefixtures("with_plugins")
@pytest.mark.parametrize("name", vocabulary.names())
def test_well_made(name: str) -> None:
    listed = vocabulary.get(name)
    assert set(listed.title) == {"ar", "fr", "en"}
    assert is_arabic(listed.title["ar"])
    assert listed.terms
    for term in listed.terms.values():
        assert set(term.label) == {"ar", "fr", "en"}, term.code
        assert all(term.label.values())
        assert listed.find(term.code) is term
        if term.uri:
            assert listed.find(term.uri) is term
            assert term.uri.startswith("http")
    if listed.parent_vocabulary:
        parents = vocabulary.get(listed.parent_vocabulary).terms
        assert all(term.parent in parents for term in listed.terms.values())


@pytest.mark.usefixtures("with_plugins")
def test_labels_lead_back_to_their_own_code() -> None:
    for name in ("governorates", "data_themes", "licences", "frequencies", "completion_levels", "plans", "commodities", "budget_documents"):
        listed = vocabulary.get(name)
        for term in listed.terms.values():
            for label in term.label.values():
                assert listed.find(label) is term, (name, label)


@pytest.mark.usefixtures("with_plugins")
def test_the_country_has_twenty_four_governorates() -> None:
    governorates = [term for term in vocabulary.get("governorates") if term.code != "TN"]
    assert len(governorates) == 24
    west, south, east, north = vocabulary.get("governorates").terms["TN"].more["bbox"]
    for term in governorates:
        x0, y0, x1, y1 = term.more["bbox"]
        x, y = term.more["point"]
        assert west <= x0 <= x <= x1 <= east
        assert south <= y0 <= y <= y1 <= north
    assert len({term.more["ins"] for term in governorates}) == 24


@pytest.mark.usefixtures("clean_db")
def test_every_field_names_a_vocabulary_and_a_section_that_exist() -> None:
    sections = vocabulary.get("form_sections").terms
    for kind in call_action("scheming_dataset_schema_list"):
        schema = call_action("scheming_dataset_schema_show", type=kind)
        for field in [*schema["dataset_fields"], *schema["resource_fields"]]:
            for each in (field, *field.get("repeating_subfields", ())):
                assert each.get("vocabulary", "languages") in vocabulary.names()
                for text in ("label", "help_text"):
                    assert set(each[text]) == {"ar", "fr", "en"}, (kind, each["field_name"])
                assert each["example"], (kind, each["field_name"])
        assert all(field["section"] in sections for field in schema["dataset_fields"])
        built = tk.h.ogptn_form_sections(schema)
        assert sum(len(section["fields"]) for section in built) == len(schema["dataset_fields"])


@pytest.mark.usefixtures("clean_db")
def test_show() -> None:
    shown = call_action("ogptn_vocabulary_show", id="completion_levels")
    assert [term["code"] for term in shown["terms"]] == ["not_started", "limited", "substantial", "complete"]
    assert [term["label"]["ar"] for term in shown["terms"]] == ["لم يبدأ بعد", "محدود", "جوهري", "كامل"]
    assert call_action("ogptn_vocabulary_show", id="governorates", lang="fr")["terms"][9]["label"] == "Jendouba"
    with pytest.raises(tk.ObjectNotFound):
        call_action("ogptn_vocabulary_show", id="../../etc/passwd")
    with pytest.raises(tk.ValidationError):
        call_action("ogptn_vocabulary_show")
    with pytest.raises(tk.ValidationError):
        call_action("ogptn_vocabulary_show", id="plans", lang="de")
    assert {v["id"] for v in call_action("ogptn_vocabulary_list") if v["editable"]} == {"plans", "axes", "policy_areas", "irm_values"}


@pytest.mark.usefixtures("clean_db")
def test_everybody_may_read_by_get(app: Any) -> None:
    answer = app.get("/api/3/action/ogptn_vocabulary_show?id=plans")
    assert answer.status_code == 200
    assert app.get("/api/3/action/ogptn_vocabulary_term_update?vocabulary=plans").status_code in (400, 403)


@pytest.mark.usefixtures("clean_db")
def test_only_administrators_may_change(steward: dict[str, Any]) -> None:
    for action in ("ogptn_vocabulary_term_update", "ogptn_vocabulary_term_delete"):
        for user in ("", steward["name"]):
            with pytest.raises(tk.NotAuthorized):
                call_auth(action, {"user": user, "model": None})


@pytest.mark.usefixtures("clean_db")
def test_a_plan_is_added_used_and_withdrawn(app: Any, commitment_factory: Any, sysadmin_with_token: dict[str, Any]) -> None:
    sysadmin = sysadmin_with_token
    with pytest.raises(tk.ValidationError):
        commitment_factory(plan="nap6")
    added = call_action("ogptn_vocabulary_term_update", **TERM)
    assert (added["code"], added["start"]) == ("nap6", "2026")
    call_action(
        "ogptn_vocabulary_term_update", vocabulary="axes", code="nap6-1", parent="nap6", label={"ar": "محور", "fr": "Axe", "en": "Axis"}
    )
    commitment = commitment_factory(plan="Sixième plan", axis="nap6-1")
    assert commitment["plan"] == "nap6"
    call_action("ogptn_vocabulary_term_delete", vocabulary="plans", code="nap6")
    assert "nap6" not in [term["code"] for term in call_action("ogptn_vocabulary_show", id="plans")["terms"]]
    assert "nap6" in [term["code"] for term in call_action("ogptn_vocabulary_show", id="plans", withdrawn=True)["terms"]]
    assert tk.h.ogptn_vocabulary_label("plans", "nap6", "fr") == "Sixième plan"
    # A record that has the withdrawn plan can still be changed.
    call_action("package_patch", {"user": sysadmin["name"]}, id=commitment["id"], version="2")
    form = app.get(f"/fr/commitment/edit/{commitment['name']}", headers={"Authorization": sysadmin["token"]})
    [chosen] = BeautifulSoup(form.body, "html.parser").select('select[name="plan"] option[selected]')
    assert (chosen["value"], chosen.text) == ("nap6", "Sixième plan")


@pytest.mark.usefixtures("clean_db")
def test_a_changed_term_keeps_what_was_not_asked() -> None:
    changed = call_action("ogptn_vocabulary_term_update", **{**TERM, "code": "nap1"})
    assert changed["label"]["fr"] == "Sixième plan"
    assert vocabulary.get("plans").find("NAP1").code == "nap1"
    term = {key: TERM[key] for key in ("vocabulary", "label")} | {"code": "nap1"}
    again = call_action("ogptn_vocabulary_term_update", **term, uri="https://example.tn/nap1")
    assert (again["start"], again["uri"]) == ("2026", "https://example.tn/nap1")
    emptied = call_action("ogptn_vocabulary_term_update", **term, start="", end="", uri="")
    assert not {"start", "end", "uri"} & set(emptied)
    assert vocabulary.get("plans").find("NAP1").code == "nap1"


@pytest.mark.usefixtures("clean_db")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"vocabulary": "governorates"}, "vocabulary"),
        ({"vocabulary": ""}, "vocabulary"),
        ({"code": "NAP 6"}, "code"),
        ({"code": None}, "code"),
        ({"label": {"ar": "خطة"}}, "label"),
        ({"label": "x"}, "label"),
        ({"label": {"ar": "a\u202eb", "fr": "b", "en": "c"}}, "label-ar"),
        ({"code": "nap1", "new": True}, "code"),
        ({"start": "2029"}, "end"),
        ({"start": "31/02/2016"}, "start"),
        ({"uri": "javascript:x"}, "uri"),
        ({"vocabulary": "axes"}, "parent"),
        ({"vocabulary": "axes", "parent": "nap99"}, "parent"),
    ],
)
def test_bad_terms(change: dict[str, Any], field: str) -> None:
    before = call_action("ogptn_vocabulary_show", id="plans")
    with pytest.raises(tk.ValidationError) as caught:
        call_action("ogptn_vocabulary_term_update", **{**TERM, **change})
    assert field in caught.value.error_dict
    assert call_action("ogptn_vocabulary_show", id="plans") == before


def test_the_files_hold_nothing_twice() -> None:
    for path in vocabulary.FOLDER.glob("*.yaml"):
        codes = [term["code"] for term in yaml.safe_load(path.read_text(encoding="utf-8"))["terms"]]
        assert len(codes) == len(set(codes)), path.stem
