"""The forms and the dataset page as HTML: what a steward without scripts sees, sends and gets back, in three languages."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.tests import factories
from ckan.tests.helpers import call_action

TYPES = ("dataset", "commitment", "budget", "extractive")
LANGUAGES = ("ar", "fr", "en")
ARABIC = re.compile(r"[\u0600-\u06ff]")
#: What breaks out of HTML, of an attribute, of a script string.
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"

pytestmark = pytest.mark.usefixtures("site")

#: The least that each type needs to be published, as a form posts it.
LEAST: dict[str, dict[str, Any]] = {
    "dataset": {},
    "commitment": {"plan": "nap1"},
    "budget": {
        "fiscal_years": "2016",
        "document_type": "enacted",
        "phases": "approved",
        "direction": "expenditure",
        "currency": "TND",
        "unit_multiplier": "thousand",
        "classification": "generic",
        "administrative_level": "state",
    },
    "extractive": {"record_kind": "contract", "sectors": "oil"},
}


_cleaned: list[str] = []


@pytest.fixture
def site(with_plugins: None, request: pytest.FixtureRequest) -> None:
    """Our plugins on a database that was clean when this file began: emptying it takes longer than any of these tests."""
    if not _cleaned:
        request.getfixturevalue("clean_db")
    _cleaned.append(request.node.name)


#: No two commitments of a plan share a number.
_numbers = itertools.count(1)


def least_of(package_type: str) -> dict[str, Any]:
    return {**LEAST[package_type], **({"commitment_number": str(next(_numbers))} if package_type == "commitment" else {})}


class Steward:
    """An editor of one organisation, and what they send."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.user = factories.UserWithToken()
        self.org = factories.Organization(users=[{"name": self.user["name"], "capacity": "editor"}], title_translated={"ar": "وزارة"})
        self.headers = {"Authorization": self.user["token"]}

    def get(self, path: str) -> BeautifulSoup:
        response = self.app.get(path, headers=self.headers)
        assert response.status_code == 200, response.body[:500]
        return BeautifulSoup(response.body, "html.parser")

    def post(self, path: str, data: dict[str, Any], files: dict[str, Any] | None = None) -> Any:
        return self.app.post(path, data={**data, **(files or {})}, headers=self.headers, follow_redirects=False)

    def errors(self, path: str, data: dict[str, Any]) -> BeautifulSoup:
        response = self.post(path, data)
        assert response.status_code == 200, (response.status_code, response.body[:500])
        page = BeautifulSoup(response.body, "html.parser")
        assert page.select_one(".ogf-summary"), "the form was taken"
        return page

    def records(self) -> list[dict[str, Any]]:
        """Every record of the steward's organisation, drafts too."""
        found = model.Session.query(model.Package).filter_by(owner_org=self.org["id"]).all()
        return [call_action("package_show", id=record.id) for record in found]

    def least(self, package_type: str, **more: Any) -> dict[str, Any]:
        return {
            "title_translated-ar": "عنوان للتجربة",
            "notes_translated-ar": "وصف للتجربة",
            "owner_org": self.org["id"],
            "private": "False",
            "save": "publish",
            **least_of(package_type),
            **more,
        }


@pytest.fixture
def steward(app: Any) -> Steward:
    return Steward(app)


def value_of(page: BeautifulSoup, name: str) -> Any:
    """What the controls of that name hold: one text, or a list for boxes and several controls."""
    controls = page.select(f'#dataset-edit [name="{name}"], #resource-edit [name="{name}"], #organization-form [name="{name}"]')
    values: list[str] = []
    for control in controls:
        if control.name == "textarea":
            values.append(control.text.removeprefix("\n"))
        elif control.name == "select":
            values += [str(option["value"]) for option in control.select("option[selected]")] or [""]
        elif control.get("type") in ("checkbox", "radio"):
            values += [str(control["value"])] if control.has_attr("checked") else []
        else:
            values.append(str(control.get("value", "")))
    return values[0] if len(controls) == 1 and values else values


def summary(page: BeautifulSoup) -> list[tuple[str, str]]:
    """The errors at the top: ``(target, text)``."""
    entries = []
    for item in page.select(".ogf-summary li"):
        link = item.select_one("a")
        entries.append((str(link["href"]).partition("#")[2] if link else "", item.get_text(" ", strip=True)))
    return entries


def visible_controls(form: Tag) -> list[Tag]:
    inside_template = set(map(id, form.select("template *")))
    return [
        control
        for control in form.select("input, select, textarea")
        if control.get("type") != "hidden" and control.get("name") and id(control) not in inside_template
    ]


# -- the empty form


@pytest.mark.parametrize("package_type", TYPES)
def test_every_control_of_an_empty_form_is_labelled_and_every_reference_resolves(steward: Steward, package_type: str) -> None:
    for language in LANGUAGES:
        check_labels(steward.get(f"/{language}/{package_type}/new"))


def check_labels(page: BeautifulSoup) -> None:
    form = page.select_one("#dataset-edit")
    assert form is not None
    ids = [str(node["id"]) for node in page.select("[id]") if not node.find_parent("template")]
    assert sorted({name for name in ids if ids.count(name) > 1}) == []
    labels = {str(label["for"]) for label in page.select("label[for]")}
    for control in visible_controls(form):
        assert control.get("id") in labels or control.get("aria-label"), control
        for reference in str(control.get("aria-describedby", "")).split():
            assert reference in ids, (control, reference)
    for fieldset in form.select("fieldset"):
        assert fieldset.find("legend"), fieldset


@pytest.mark.parametrize("package_type", TYPES)
def test_every_field_of_the_schema_can_be_filled_in_without_scripts(steward: Steward, package_type: str) -> None:
    form = steward.get(f"/en/{package_type}/new").select_one("#dataset-edit")
    assert form is not None
    names = {str(control["name"]) for control in visible_controls(form)}
    schema = tk.h.scheming_get_dataset_schema(package_type)
    for field in schema["dataset_fields"]:
        name = field["field_name"]
        if field.get("form_snippet", "") is None or field.get("section") == "source":
            continue
        if field.get("repeating_subfields"):
            wanted = {
                f"{name}-000-{sub['field_name']}" + ("-ar" if "form_languages" in sub else "") for sub in field["repeating_subfields"]
            }
        elif "form_languages" in field:
            wanted = {f"{name}-{language}" for language in field["form_languages"]}
        else:
            wanted = {name}
        assert wanted <= names, name


@pytest.mark.parametrize("package_type", TYPES)
def test_every_field_has_help_and_an_example_in_the_readers_language(steward: Steward, package_type: str) -> None:
    schema = tk.h.scheming_get_dataset_schema(package_type)
    page = steward.get(f"/ar/{package_type}/new")
    for field in schema["dataset_fields"]:
        if field.get("form_snippet", "") is None or field.get("section") == "source":
            continue
        help_text = page.select_one(f"#field-{field['field_name']}-help")
        assert help_text and ARABIC.search(help_text.text), field["field_name"]
        assert page.select_one(f"#field-{field['field_name']}-example"), field["field_name"]


def test_arabic_is_written_from_right_to_left_and_codes_are_not(steward: Steward) -> None:
    page = steward.get("/ar/commitment/new")
    names = ("title_translated-ar", "title_translated-fr", "name", "url")
    directions = {name: page.select(f'[name="{name}"]')[0]["dir"] for name in names}
    assert directions == {"title_translated-ar": "rtl", "title_translated-fr": "ltr", "name": "ltr", "url": "ltr"}


def test_dependent_fields_are_visible_without_scripts_and_say_on_what_they_depend(steward: Steward) -> None:
    page = steward.get("/en/extractive/new")
    block = page.select_one("[data-ogf-when]:has(#field-contract_identifier)")
    assert block is not None
    assert not block.has_attr("hidden")
    assert '"record_kind"' in str(block["data-ogf-when"])


def test_a_form_needs_the_right_to_write(app: Any) -> None:
    stranger = factories.UserWithToken()
    organisation = factories.Organization(title_translated={"ar": "هيكل"})
    headers = {"Authorization": stranger["token"]}
    sent = {"save": "draft", "owner_org": organisation["id"], "title_translated-ar": "عنوان"}
    response = app.post("/commitment/new/save", data=sent, headers=headers, follow_redirects=False)
    assert response.status_code == 403
    assert not model.Session.query(model.Package).filter_by(owner_org=organisation["id"]).count()


# -- a form that comes back


@pytest.mark.parametrize("package_type", TYPES)
def test_the_least_that_a_type_needs_is_published(steward: Steward, package_type: str) -> None:
    response = steward.post(f"/en/{package_type}/new/save", steward.least(package_type))
    assert response.status_code == 302, BeautifulSoup(response.body, "html.parser").select_one(".ogf-summary")
    [record] = steward.records()
    assert (record["state"], record["type"], record["title_translated"]) == ("active", package_type, {"ar": "عنوان للتجربة"})


@pytest.mark.parametrize("package_type", TYPES)
def test_an_empty_form_comes_back_with_every_error_beside_its_field_and_linked_from_the_top(steward: Steward, package_type: str) -> None:
    fields = tk.h.scheming_get_dataset_schema(package_type)["dataset_fields"]
    required = [field["field_name"] for field in fields if field.get("required") is True]
    for language in LANGUAGES:
        page = steward.errors(f"/{language}/{package_type}/new/save", {"save": "publish", "owner_org": steward.org["id"]})
        entries = summary(page)
        targets = [target for target, _text in entries]
        for name in required:
            assert any(target in (f"field-{name}", f"field-{name}-ar") for target in targets), (name, entries)
        for target, text in entries:
            assert target, text
            assert page.select_one(f'[id="{target}"]'), target
            assert page.select_one(f'[id="{target}-error"]'), target
            assert language != "ar" or ARABIC.search(text)
    assert steward.records() == []


def test_nothing_that_was_typed_is_lost(steward: Steward) -> None:
    sent = {
        "title_translated-ar": "",
        "title_translated-fr": "Titre « à garder »",
        "notes_translated-en": "Two\nlines",
        "commitment_number": "not a number",
        "plan": "nap1",
        "ogp_values": ["access_to_information", "public_accountability"],
        "governorates": "TN-11",
        "documentation": ["https://a.example/", "nonsense"],
        "starts_on": "31/02/2016",
        "milestones-000-title-ar": "أولى",
        "milestones-000-due_on": "2016",
        "milestones-001-title-ar": "",
        "milestones-001-due_on": "",
        "milestones-002-title-fr": "troisième",
        "milestones-002-due_on": "not a date",
        "responsible_contacts-000-name": "Somebody",
        "private": "True",
        "owner_org": steward.org["id"],
        "save": "publish",
    }
    page = steward.errors("/fr/commitment/new/save", sent)
    for name in ("title_translated-fr", "notes_translated-en", "commitment_number", "plan", "starts_on", "private", "owner_org"):
        assert value_of(page, name) == sent[name], name
    assert value_of(page, "ogp_values") == sent["ogp_values"]
    assert value_of(page, "governorates") == ["TN-11"]
    assert [value for value in value_of(page, "documentation") if value] == sent["documentation"]
    assert value_of(page, "responsible_contacts-000-name") == "Somebody"
    # The row that was blank in the middle is gone, the others keep their order; one blank row is ready.
    assert value_of(page, "milestones-000-title-ar") == "أولى"
    assert value_of(page, "milestones-001-title-fr") == "troisième"
    assert value_of(page, "milestones-001-due_on") == "not a date"
    assert value_of(page, "milestones-002-due_on") == ""
    assert not page.select('[name="milestones-003-due_on"]')
    # … and the error of the third row sent stands beside the second row shown.
    assert page.select_one("#field-milestones-001-due_on-error")
    assert "field-milestones-001-due_on" in dict(summary(page))
    assert steward.records() == []


def test_rows_keep_their_order_past_ten(steward: Steward) -> None:
    rows = {f"milestones-{at:03d}-title-ar": f"المرحلة {at}" for at in range(12)}
    steward.post("/en/commitment/new/save", steward.least("commitment", **rows))
    [record] = steward.records()
    assert [row["title"]["ar"] for row in record["milestones"]] == [f"المرحلة {at}" for at in range(12)]


def test_what_was_emptied_or_unticked_does_not_come_back_with_the_errors_of_an_edit(steward: Steward) -> None:
    sent = steward.least(
        "commitment",
        **{
            "ogp_values": "access_to_information",
            "title_translated-fr": "Titre",
            "milestones-000-title-ar": "أولى",
            "milestones-001-title-ar": "ثانية",
        },
    )
    steward.post("/en/commitment/new/save", sent)
    [record] = steward.records()
    name = record["name"]
    path = f"/en/commitment/edit/{name}"
    edited = {key: value for key, value in sent.items() if key not in ("ogp_values", "milestones-001-title-ar")}
    edited |= {"save": "save", "title_translated-fr": "", "commitment_number": "wrong"}
    page = steward.errors(path, edited)
    assert value_of(page, "ogp_values") == []
    assert value_of(page, "title_translated-fr") == ""
    assert value_of(page, "milestones-000-title-ar") == "أولى"
    assert value_of(page, "milestones-001-title-ar") == ""
    steward.post(path, {**edited, "commitment_number": sent["commitment_number"], "name": name})
    record = call_action("package_show", id=name)
    assert record["title_translated"] == {"ar": "عنوان للتجربة"}
    assert [row["title"] for row in record["milestones"]] == [{"ar": "أولى"}]
    assert not record.get("ogp_values")


def test_the_edit_form_shows_what_is_stored_and_saving_it_changes_nothing(steward: Steward) -> None:
    stored = call_action(
        "package_create",
        context={"user": steward.user["name"], "ignore_auth": False},
        type="extractive",
        record_kind="contract",
        sectors=["oil", "gas"],
        title_translated={"ar": "عقد", "fr": "Contrat"},
        notes_translated={"ar": "وصف"},
        tags_translated={"ar": ["نفط", "عقد"]},
        owner_org=steward.org["id"],
        signed_on="2005-07-20",
        parties=[{"company": "ETAP", "share": "55"}, {"company": "Pascal", "share": "45"}],
        temporal_coverage=[{"start": "2005", "end": "2035-11"}],
        source_portal="catalog.data.gov.tn",
    )
    page = steward.get(f"/fr/extractive/edit/{stored['name']}")
    assert value_of(page, "sectors") == ["oil", "gas"]
    assert value_of(page, "title_translated-fr") == "Contrat"
    assert value_of(page, "tags_translated-ar") == "نفط، عقد"
    assert value_of(page, "parties-001-company") == "Pascal"
    assert value_of(page, "temporal_coverage-000-end") == "2035-11"
    assert value_of(page, "source_portal") == "catalog.data.gov.tn"
    form = page.select_one("#dataset-edit")
    assert form is not None
    sent: dict[str, Any] = {str(control["name"]): value_of(page, str(control["name"])) for control in visible_controls(form)}
    response = steward.post(f"/fr/extractive/edit/{stored['name']}", {**sent, "save": "save", "pkg_name": stored["id"]})
    assert response.status_code == 302
    after = call_action("package_show", id=stored["id"])

    def said(record: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in record.items() if value not in ("", None) and key != "metadata_modified"}

    assert said(after) == said(stored)


@pytest.mark.parametrize("draft", [False, True], ids=["published", "draft"])
def test_what_no_control_shows_survives_the_form(steward: Steward, draft: bool) -> None:
    """Free extras: what else the source of a harvested record said."""
    extras = [{"key": "original_unit", "value": "كغ"}, {"key": "read_from", "value": "one line\nand another\n"}]
    stored = call_action(
        "package_create",
        context={"user": steward.user["name"], "ignore_auth": False},
        type="dataset",
        title_translated={"ar": "مجمّعة"},
        notes_translated={"ar": "وصف"},
        owner_org=steward.org["id"],
        extras=extras,
        resources=[{"url": "https://example.tn/a.csv", "format": "CSV"}],
        **({"state": "draft"} if draft else {}),
    )
    assert (stored["state"], len(stored["resources"])) == ("draft" if draft else "active", 1)
    form = steward.get(f"/fr/dataset/edit/{stored['name']}").select_one("#dataset-edit")
    assert form is not None
    # A draft that has a file is not published without one.
    assert "Publier sans fichier" not in form.get_text()
    path = "/fr/dataset/new/save" if draft else f"/fr/dataset/edit/{stored['name']}"
    sent = {"save": "draft" if draft else "save", "pkg_name": stored["id"], "name": stored["name"], "owner_org": steward.org["id"]}
    assert steward.post(path, {**sent, "title_translated-ar": "مصحّحة", "notes_translated-ar": "وصف"}).status_code == 302
    after = call_action("package_show", id=stored["id"])
    assert after["title_translated"] == {"ar": "مصحّحة"}
    assert sorted(after["extras"], key=lambda each: each["key"]) == extras
    # A program says what it wants: extras that it leaves out are gone, as everywhere in CKAN.
    bare = {name: value for name, value in after.items() if name != "extras"}
    assert not call_action("package_update", {"user": steward.user["name"]}, **bare).get("extras")


# -- drafts


def test_a_draft_may_be_incomplete_and_is_seen_by_editors_only(steward: Steward) -> None:
    response = steward.post(
        "/ar/commitment/new/save", {"save": "draft", "title_translated-fr": "Brouillon", "owner_org": steward.org["id"]}
    )
    assert response.status_code == 302
    [draft] = steward.records()
    assert draft["state"] == "draft"
    found = call_action("package_search", context={"user": "", "ignore_auth": False}, q="*:*", fq=f'owner_org:"{steward.org["id"]}"')
    assert found["count"] == 0
    page = steward.get(f"/ar/commitment/edit/{draft['name']}")
    assert value_of(page, "title_translated-fr") == "Brouillon"
    # … and is not let through to publication as it is.
    page = steward.errors("/ar/commitment/new/save", {"save": "publish", "pkg_name": draft["id"], "title_translated-fr": "Brouillon"})
    assert "field-plan" in dict(summary(page))
    done = steward.least("commitment", pkg_name=draft["id"], name=draft["name"])
    assert steward.post("/ar/commitment/new/save", done).status_code == 302
    assert call_action("package_show", id=draft["id"])["state"] == "active"


def test_a_draft_is_still_stopped_at_a_value_that_cannot_be(steward: Steward) -> None:
    page = steward.errors("/fr/commitment/new/save", {"save": "draft", "owner_org": steward.org["id"], "due_on": "31/02/2016"})
    assert [target for target, _text in summary(page)] == ["field-due_on"]
    assert value_of(page, "due_on") == "31/02/2016"


def test_going_on_to_the_files_asks_for_a_complete_description_first(steward: Steward) -> None:
    page = steward.errors("/en/budget/new/save", {"save": "continue", "owner_org": steward.org["id"]})
    assert "field-currency" in dict(summary(page))
    response = steward.post("/en/budget/new/save", steward.least("budget", save="continue"))
    assert response.status_code == 302
    assert "/resource/new" in response.headers["Location"]


def test_a_published_record_is_not_turned_into_a_draft_through_the_form_of_new_ones(steward: Steward) -> None:
    steward.post("/en/dataset/new/save", steward.least("dataset"))
    [record] = steward.records()
    name = record["name"]
    response = steward.post("/en/dataset/new/save", {"save": "draft", "pkg_name": record["id"]})
    assert response.status_code == 409
    assert call_action("package_show", id=name)["state"] == "active"


def test_a_form_that_does_not_say_how_to_save_is_refused(steward: Steward) -> None:
    for save in ("", "anything"):
        assert steward.post("/en/dataset/new/save", {"save": save}).status_code == 400


# -- files


def draft_with_description(steward: Steward, package_type: str = "dataset") -> dict[str, Any]:
    steward.post(f"/en/{package_type}/new/save", steward.least(package_type, save="continue"))
    [record] = steward.records()
    return record


def test_a_file_has_names_in_each_language_and_comes_back_with_what_was_typed(steward: Steward) -> None:
    draft = draft_with_description(steward)
    path = f"/fr/dataset/{draft['name']}/resource/new"
    form = steward.get(path).select_one("#resource-edit")
    assert form is not None
    assert {"name_translated-ar", "name_translated-fr", "description_translated-en", "url", "format", "license"} <= {
        str(control["name"]) for control in visible_controls(form)
    }
    sent = {
        "id": "",
        "save": "go-metadata",
        "url_type": "",
        "url": "https://a.example/x.csv",
        "name_translated-ar": "ملف",
        "issued": "31/02/2016",
    }
    page = steward.errors(path, sent)
    assert [target for target, _text in summary(page)] == ["field-issued"]
    for name in ("url", "name_translated-ar", "issued"):
        assert sent[name] in value_of(page, name), name
    response = steward.post(path, {**sent, "issued": "28/02/2016"})
    assert response.status_code == 302
    record = call_action("package_show", id=draft["id"])
    [resource] = record["resources"]
    assert (record["state"], resource["name_translated"], resource["url"], resource["issued"]) == (
        "active",
        {"ar": "ملف"},
        "https://a.example/x.csv",
        "2016-02-28",
    )
    again = steward.get(f"/fr/dataset/{draft['name']}/resource/{resource['id']}/edit")
    assert value_of(again, "name_translated-ar") == "ملف"


def test_a_draft_is_published_without_a_file(steward: Steward) -> None:
    draft = draft_with_description(steward)
    page = steward.get(f"/en/dataset/{draft['name']}/resource/new")
    form = page.select_one("#resource-edit")
    assert form is not None
    sent = {str(control["name"]): value_of(page, str(control["name"])) for control in visible_controls(form)}
    sent = {key: (value if isinstance(value, str) else (value[0] if value else "")) for key, value in sent.items() if key != "upload"}
    response = steward.post(f"/en/dataset/{draft['name']}/resource/new", {**sent, "id": "", "save": "go-metadata"})
    assert response.status_code == 302
    record = call_action("package_show", id=draft["id"])
    assert (record["state"], record["resources"]) == ("active", [])


def test_an_incomplete_draft_is_stopped_at_its_files_with_links_to_its_description(steward: Steward) -> None:
    steward.post("/en/commitment/new/save", {"save": "draft", "title_translated-ar": "مسودة", "owner_org": steward.org["id"]})
    [draft] = steward.records()
    page = steward.errors(f"/en/commitment/{draft['name']}/resource/new", {"id": "", "save": "go-metadata"})
    link = page.select_one('.ogf-summary a[href$="#field-plan"]')
    assert link is not None
    assert f"/commitment/edit/{draft['name']}" in str(link["href"])


# -- organisations


def test_an_organisation_has_names_a_place_and_numbers(app: Any) -> None:
    admin = factories.SysadminWithToken()
    headers = {"Authorization": admin["token"]}
    parent = factories.Organization(title_translated={"ar": "وزارة الصناعة", "fr": "Ministère de l’Industrie"})
    page = BeautifulSoup(app.get("/fr/organization/new", headers=headers).body, "html.parser")
    assert "Ministère de l’Industrie" in [option.text for option in page.select('select[name="parent"] option')]
    sent = {"title_translated-fr": "Direction générale", "name": "", "parent": parent["id"], "site_url": "not an address", "save": "save"}
    response = app.post("/fr/organization/new", data=sent, headers=headers, follow_redirects=False)
    page = BeautifulSoup(response.body, "html.parser")
    assert {"field-title_translated-ar", "field-site_url"} <= {target for target, _text in summary(page)} | {
        f"{target}-ar" for target, _text in summary(page)
    }
    for name in ("title_translated-fr", "parent", "site_url"):
        assert value_of(page, name) == sent[name], name
    sent |= {"title_translated-ar": "الإدارة العامة", "site_url": "https://dg.example/"}
    response = app.post("/fr/organization/new", data=sent, headers=headers, follow_redirects=False)
    assert response.status_code == 302
    name = response.headers["Location"].rpartition("/")[2]
    page = BeautifulSoup(app.get(f"/fr/organization/about/{name}").body, "html.parser")
    assert page.select_one(f'a[href="/fr/organization/{parent["name"]}"]')


# -- the page of a record


@pytest.fixture
def make(steward: Steward) -> Callable[..., dict[str, Any]]:
    def act(package_type: str, **more: Any) -> dict[str, Any]:
        least = {
            key: ([value] if key in ("sectors", "fiscal_years", "phases", "direction") else value)
            for key, value in least_of(package_type).items()
        }
        return call_action(
            "package_create",
            context={"user": steward.user["name"], "ignore_auth": False},
            **{
                "type": package_type,
                "title_translated": {"ar": "عنوان"},
                "notes_translated": {"ar": "وصف"},
                "owner_org": steward.org["id"],
                **least,
                **more,
            },
        )

    return act


def read(app: Any, record: dict[str, Any], language: str, headers: Mapping[str, str] | None = None) -> BeautifulSoup:
    response = app.get(f"/{language}/{record['type']}/{record['name']}", headers=headers or {})
    assert response.status_code == 200
    return BeautifulSoup(response.body, "html.parser")


PROGRESS: dict[str, Any] = {
    "milestones": [{"title": {"ar": "أولى", "fr": "Première"}, "due_on": "2015-06", "status": "complete", "percent": "100"}],
    "progress_reports": [
        {"period_end": "2015-06", "completion_level": "limited", "done": {"ar": "بداية"}, "obstacles": {"ar": "صعوبة"}},
        {"period_end": "2016-07", "completion_level": "substantial", "done": {"ar": "تقدم"}},
    ],
}


def test_levels_are_words_and_the_newest_report_comes_first(app: Any, make: Callable[..., dict[str, Any]]) -> None:
    page = read(app, make("commitment", **PROGRESS), "fr")
    reports = page.select(".ogd-line > li")
    assert [report.select_one(".og-level").get_text(strip=True) for report in reports] == ["Substantiel", "Limité"]  # type: ignore[union-attr]
    assert "juillet 2016" in reports[0].get_text(" ", strip=True)
    assert page.select_one(".og-level--complete")


def test_numbers_and_dates_are_the_readers_and_isolated(app: Any, make: Callable[..., dict[str, Any]]) -> None:
    record = make(
        "extractive", signed_on="2005-07-20", parties=[{"company": "ETAP", "share": "33.5"}, {"company": "Autre", "share": "66.5"}]
    )
    for language, decimal in (("ar", "33,5"), ("fr", "33,5"), ("en", "33.5")):
        page = read(app, record, language)
        [number] = [run for run in page.select(".ogd-table bdi[dir=ltr]") if run.text.startswith(decimal)]
        assert number.text.endswith("%")
        moment = page.select_one('.ogd-fields time[datetime="2005-07-20"]')
        assert moment is not None
        assert moment["dir"] == ("rtl" if language == "ar" else "ltr")
        assert [str(part["style"]) for part in page.select(".ogd-shares span")] == ["inline-size: 33.5%", "inline-size: 66.5%"]


def test_a_text_in_another_language_says_so(app: Any, make: Callable[..., dict[str, Any]]) -> None:
    page = read(app, make("commitment", problem_addressed={"ar": "إشكال"}), "fr")
    [shown] = [node for node in page.select(".ogd-fields [lang=ar]") if "إشكال" in node.text]
    assert shown["dir"] == "auto"


def test_what_is_empty_is_not_shown(app: Any, make: Callable[..., dict[str, Any]]) -> None:
    page = read(app, make("extractive"), "en")
    labels = [cell.get_text(strip=True) for cell in page.select(".ogd-fields th")]
    assert "Kind of record" in labels
    assert "Unit of measure" not in labels
    assert not [cell for cell in page.select(".ogd-fields td") if not cell.get_text(strip=True)]


def test_progress_comes_first_on_a_commitments_page_and_no_empty_block_before_it(
    app: Any, steward: Steward, make: Callable[..., dict[str, Any]]
) -> None:
    reports = [{"period_end": "2016", "completion_level": "complete", "done": {"ar": "تم"}}]
    for headers in ({}, steward.headers):
        page = read(app, make("commitment", progress_reports=reports), "fr", headers)
        sections = [str(section["id"]) for section in page.select(".ogd-section > h3")]
        assert sections[:2] == ["details-progress", "details-plan"]
        assert not page.select("#dataset-resources")
    files = [{"url": "https://example.tn/a.pdf", "format": "PDF"}]
    page = read(app, make("commitment", progress_reports=reports, resources=files), "fr")
    blocks = [str(block.get("id") or block["class"][0]) for block in page.select(".ogd-info, #dataset-resources")]
    assert blocks == ["ogd-info", "dataset-resources"]


def test_there_is_no_tab_of_groups_on_a_portal_without_groups(app: Any, make: Callable[..., dict[str, Any]]) -> None:
    record = make("budget")
    tab = f'a[href="/fr/budget/groups/{record["name"]}"]'
    assert not read(app, record, "fr").select(tab)
    group = factories.Group()
    assert read(app, record, "fr").select(tab)
    call_action("group_delete", {"user": factories.Sysadmin()["name"]}, id=group["id"])


def test_links_go_both_ways_and_hidden_records_are_not_named(app: Any, make: Callable[..., dict[str, Any]]) -> None:
    dataset, hidden = make("dataset", title_translated={"ar": "ظاهر"}), make("dataset", title_translated={"ar": "مخفي"}, private=True)
    commitment = make("commitment", related_datasets=[dataset["id"], hidden["id"]])
    page = read(app, commitment, "ar")
    assert page.select_one(f'.ogd-info a[href="/ar/dataset/{dataset["name"]}"]')
    assert "مخفي" not in page.text
    back = read(app, dataset, "ar")
    assert back.select_one(f'.ogd-info a[href="/ar/commitment/{commitment["name"]}"]')


def test_contacts_are_drawn_for_editors_and_for_nobody_else(app: Any, steward: Steward, make: Callable[..., dict[str, Any]]) -> None:
    record = make("commitment", responsible_contacts=[{"name": "Prénom Secret", "phone": "71234567", "email": "secret@example.test"}])
    member = factories.UserWithToken()
    for headers in ({}, {"Authorization": member["token"]}):
        page = read(app, record, "fr", headers)
        assert "Secret" not in str(page)
        assert "secret@example.test" not in str(page)
    assert "Prénom Secret" in read(app, record, "fr", steward.headers).text


@pytest.mark.parametrize("package_type", TYPES)
def test_script_in_any_text_is_shown_as_text_on_the_page_and_in_the_form(
    app: Any, steward: Steward, make: Callable[..., dict[str, Any]], package_type: str
) -> None:
    more: dict[str, Any] = {}
    for field in tk.h.scheming_get_dataset_schema(package_type)["dataset_fields"]:
        snippet = field.get("form_snippet")
        if snippet in ("fluent_text.html", "fluent_markdown.html"):
            more[field["field_name"]] = {"ar": SCRIPT, "fr": SCRIPT}
        elif snippet == "ogptn_text.html" and field.get("validators") == "ogptn_text":
            more[field["field_name"]] = SCRIPT[: field.get("max_length", 500)]
    record = make(package_type, **more)
    assert len(more) > 4
    for page in (read(app, record, "fr"), steward.get(f"/fr/{package_type}/edit/{record['name']}")):
        assert not page.select("img[src=x]")
        described = page.select("script[type='application/ld+json']")
        # What is written for search engines repeats the text, and must not be able to end its element.
        assert not [script for script in described if "<" in script.text]
        assert not [script for script in page.select("script") if script not in described and "alert(1)" in script.text]
        assert not [
            node
            for node in page.find_all(True)
            if any(name.startswith("on") and "alert" in str(value) for name, value in node.attrs.items())
        ]
        assert "<script>alert(1)</script>" in page.text or "<script>alert(1)</script>" in str(page.select("input, textarea"))


def test_a_missing_main_language_opens_its_own_tab(steward: Steward) -> None:
    page = steward.errors("/fr/dataset/new/save", {"save": "publish", "title_translated-fr": "Titre", "owner_org": steward.org["id"]})
    failed = [str(pane["data-ogf-lang"]) for pane in page.select("fieldset#field-title_translated [data-ogf-failed]")]
    assert failed == ["ar"]
