"""The administrator's pages of vocabularies: what is listed, added, changed, withdrawn and offered again, in three languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.catalogue.model import VocabularyTerm
from tests.catalogue.test_form_pages import ARABIC, summary

ROOT = "/ckan-admin/vocabularies"
CODE = "nap6"
NEW = {"label-ar": "خطة العمل السادسة", "label-fr": "Sixième plan", "label-en": "Sixth plan", "start": "٢٠٢٦", "end": "2028", "uri": ""}


class Administrator:
    def __init__(self, app: Any, token: str) -> None:
        self.app = app
        self.headers = {"Authorization": token}

    def get(self, path: str, language: str = "fr") -> BeautifulSoup:
        answer = self.app.get(f"/{language}{ROOT}{path}", headers=self.headers)
        assert answer.status_code == 200, answer.body[:500]
        return BeautifulSoup(answer.body, "html.parser")

    def post(self, path: str, data: dict[str, Any] | None = None, language: str = "fr") -> Any:
        return self.app.post(f"/{language}{ROOT}{path}", data=data or {}, headers=self.headers, follow_redirects=False)


@pytest.fixture
def administrator(app: Any, _once: list[str]) -> Administrator:
    if len(_once) == 1:
        _once.append(factories.SysadminWithToken()["token"])
    return Administrator(app, _once[1])


@pytest.fixture(scope="module")
def _once() -> list[str]:
    """What is made once for all: that the database was emptied, and then the administrator's token."""
    return []


@pytest.fixture(autouse=True)
def _only_the_terms_of_the_files(with_plugins: None, request: pytest.FixtureRequest, _once: list[str]) -> Iterator[None]:
    """Emptying the whole database takes longer than any of these tests: it is done once, and the terms go after each."""
    if not _once:
        request.getfixturevalue("clean_db")
        _once.append("cleaned")
    yield
    model.Session.rollback()
    model.Session.query(VocabularyTerm).delete()
    model.Session.commit()


def codes() -> list[str]:
    return [term["code"] for term in call_action("ogptn_vocabulary_show", id="plans")["terms"]]


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_all_vocabularies_are_listed_and_those_that_can_be_changed_come_first(administrator: Administrator, language: str) -> None:
    page = administrator.get("/", language)
    rows = page.select("tbody tr")
    assert len(rows) == len(call_action("ogptn_vocabulary_list"))
    assert {row.select_one("code").text for row in rows[:4]} == {"plans", "axes", "policy_areas", "irm_values"}  # type: ignore[union-attr]
    assert (language == "ar") == bool(ARABIC.search(rows[0].select_one("a").text))  # type: ignore[union-attr]
    assert page.select_one(f'.page-header a[href="/{language}{ROOT}/"], .nav a[href="/{language}{ROOT}/"]')


def test_a_vocabulary_shows_every_term_in_three_languages(administrator: Administrator) -> None:
    page = administrator.get("/axes", "ar")
    row = page.select_one("#term-nap1-1")
    assert row is not None
    assert [cell.get_text(strip=True) for cell in row.select("td > bdi[lang]")] == [
        "تعزيز النزاهة صلب القطاع العمومي",
        "Intégrité dans le secteur public",
        "Integrity in the public sector",
    ]
    assert "خطة العمل الأولى" in row.text
    fixed = administrator.get("/governorates")
    assert len(fixed.select("tbody tr")) == 25
    assert not fixed.select('form[action*="vocabularies"], a[href*="/new"]')


def test_a_plan_is_added_changed_withdrawn_and_offered_again(administrator: Administrator) -> None:
    answer = administrator.post("/plans/new", {**NEW, "code": CODE})
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(f"/fr{ROOT}/plans#term-{CODE}")
    row = administrator.get("/plans").select_one(f"#term-{CODE}")
    assert row is not None
    assert "Sixième plan" in row.text
    assert "2026" in row.text

    form = administrator.get(f"/plans/edit/{CODE}")
    assert form.select_one('[name="label-ar"]')["value"] == NEW["label-ar"]  # type: ignore[index]
    assert form.select_one('[name="start"]')["value"] == "2026"  # type: ignore[index]
    assert not form.select('[name="code"]')
    assert administrator.post(f"/plans/edit/{CODE}", {**NEW, "label-fr": "Plan six", "start": "", "end": ""}).status_code == 302
    [term] = [term for term in call_action("ogptn_vocabulary_show", id="plans")["terms"] if term["code"] == CODE]
    assert term["label"]["fr"] == "Plan six"
    assert "start" not in term

    assert administrator.post(f"/plans/withdraw/{CODE}").status_code == 302
    assert CODE not in codes()
    row = administrator.get("/plans").select_one(f"#term-{CODE}")
    assert row is not None
    assert "Retiré" in row.text
    assert administrator.post(f"/plans/offer/{CODE}").status_code == 302
    assert CODE in codes()


def test_an_axis_belongs_to_a_plan(administrator: Administrator) -> None:
    labels = {name: NEW[name] for name in ("label-ar", "label-fr", "label-en")}
    page = BeautifulSoup(administrator.post("/axes/new", {**labels, "code": CODE}).body, "html.parser")
    assert [target for target, _text in summary(page)] == ["field-parent"]
    assert "nap1" in [option["value"] for option in page.select('select[name="parent"] option')]
    assert administrator.post("/axes/new", {**labels, "code": CODE, "parent": "nap2"}).status_code == 302


@pytest.mark.parametrize(
    ("change", "target"),
    [
        ({"code": ""}, "field-code"),
        ({"code": "NAP 6"}, "field-code"),
        ({"code": "nap1"}, "field-code"),
        ({"label-fr": ""}, "field-label"),
        ({"label-ar": "a\u202eb"}, "field-label-ar"),
        ({"label-en": "x" * 301}, "field-label-en"),
        ({"start": "31/02/2016"}, "field-start"),
        ({"end": "2020"}, "field-end"),
        ({"uri": "javascript:alert(1)"}, "field-uri"),
    ],
)
def test_a_mistake_brings_the_form_back_with_what_was_typed(administrator: Administrator, change: dict[str, str], target: str) -> None:
    before = call_action("ogptn_vocabulary_show", id="plans", withdrawn=True)
    sent = {**NEW, "code": CODE, **change}
    said: set[str] = set()
    for language in ("ar", "fr", "en"):
        answer = administrator.post("/plans/new", sent, language)
        assert answer.status_code == 200
        page = BeautifulSoup(answer.body, "html.parser")
        [(found, text)] = summary(page)
        assert found == target
        assert page.select_one(f"[id='{target}-error']")
        said.add(text)
        for name in ("label-ar", "label-fr", "start", "uri", "code"):
            assert page.select_one(f'[name="{name}"]')["value"] == sent[name], name  # type: ignore[index]
    assert len(said) == 3
    assert call_action("ogptn_vocabulary_show", id="plans", withdrawn=True) == before


def test_script_in_a_label_is_text(administrator: Administrator) -> None:
    script = "<script>alert(1)</script>"
    administrator.post("/plans/new", {**NEW, "code": CODE, "label-fr": script})
    for path in ("/plans", f"/plans/edit/{CODE}", "/axes/new"):
        page = administrator.get(path)
        assert not [found for found in page.select("script") if "alert(1)" in found.text]
        assert script in page.text or script in [node["value"] for node in page.select("input[value]")], path


def test_what_is_not_there_or_fixed_is_refused(administrator: Administrator) -> None:
    assert administrator.app.get(f"/fr{ROOT}/nothing", headers=administrator.headers).status_code == 404
    assert administrator.app.get(f"/fr{ROOT}/plans/edit/nothing", headers=administrator.headers).status_code == 404
    for verb in ("withdraw", "offer"):
        assert administrator.post(f"/plans/{verb}/nothing").status_code == 404
    before = call_action("ogptn_vocabulary_show", id="governorates", withdrawn=True)
    for path in ("/governorates/new", "/governorates/edit/TN-11", "/governorates/withdraw/TN-11", "/governorates/offer/TN-11"):
        assert administrator.post(path, {**NEW, "code": "x"}).status_code == 302
    assert call_action("ogptn_vocabulary_show", id="governorates", withdrawn=True) == before
    assert "fixé par sa norme" in administrator.get("/governorates").text


def test_only_system_administrators_come_in_and_nothing_is_changed_by_a_link(administrator: Administrator, app: Any) -> None:
    for headers in ({}, {"Authorization": factories.UserWithToken()["token"]}):
        for path in ("/", "/plans", "/plans/new", "/plans/edit/nap1"):
            assert app.get(f"/fr{ROOT}{path}", headers=headers).status_code == 403, path
        for path in ("/plans/new", "/plans/edit/nap1", "/plans/withdraw/nap1", "/plans/offer/nap1"):
            assert app.post(f"/fr{ROOT}{path}", data=NEW, headers=headers).status_code == 403, path
    assert app.get(f"/fr{ROOT}/plans/withdraw/nap1", headers=administrator.headers).status_code in (404, 405)
    assert "nap1" in codes()


def test_a_form_of_another_site_changes_nothing(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.flask_app.config, "WTF_CSRF_ENABLED", True)
    name = factories.Sysadmin(password="correct-horse-battery")["name"]
    login = BeautifulSoup(app.get("/fr/user/login").body, "html.parser")
    token = login.select_one("input[name=_csrf_token]")["value"]  # type: ignore[index]
    app.post("/fr/user/login", data={"login": name, "password": "correct-horse-battery", "_csrf_token": token}, follow_redirects=False)
    page = BeautifulSoup(app.get(f"/fr{ROOT}/plans").body, "html.parser")
    form = page.select_one(f'form[action="/fr{ROOT}/plans/withdraw/nap1"]')
    assert form is not None
    assert app.post(str(form["action"]), data={}, follow_redirects=False).status_code == 400
    assert "nap1" in codes()
    token = form.select_one("input[name=_csrf_token]")["value"]  # type: ignore[index]
    assert app.post(str(form["action"]), data={"_csrf_token": token}, follow_redirects=False).status_code == 302
    assert "nap1" not in codes()
