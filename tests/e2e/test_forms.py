"""A steward's forms in a real browser: the whole path from an empty form to progress on the page, and the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from ckan.tests import factories

from tests.catalogue.test_form_pages import LEAST
from tests.conftest import LANGUAGES, WIDTHS
from tests.e2e.accessibility import serious

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PASSWORD = "correct-horse-battery"
LONG = {"ar": "عنوان طويل جدا ", "fr": "Un titre très long ", "en": "A very long title "}
TYPES = ("dataset", "commitment", "budget", "extractive")


@pytest.fixture
def organisation(portal: str) -> dict[str, Any]:
    user = factories.User(name="steward", password=PASSWORD, image_url="")
    return factories.Organization(
        name="ministere-industrie",
        image_url="",
        title_translated={"ar": "وزارة الصناعة والمناجم والطاقة", "fr": "Ministère de l’Industrie"},
        users=[{"name": user["name"], "capacity": "editor"}],
    )


@pytest.fixture
def desk(page: Page, organisation: dict[str, Any], log_in: Callable[[Page, str, str], None]) -> Page:
    """A page on which the steward has logged in."""
    log_in(page, "steward", PASSWORD)
    return page


def row(page: Page, group: str, at: int) -> Any:
    return page.locator(f'[data-ogf-repeat="{group}"] > .ogf-rows > *').nth(at)


def add_row(page: Page, group: str) -> None:
    page.locator(f'[data-ogf-repeat="{group}"] > .ogf-add').click()


def sent_values(page: Page, part: str) -> list[str]:
    """``name=value`` of the filled controls whose names hold ``part``, in the order of the page."""
    return page.eval_on_selector_all(
        f'#dataset-edit [name*="{part}"]', "found => found.filter(node => node.value).map(node => node.name + '=' + node.value)"
    )


def test_from_an_empty_form_to_progress_on_the_page(desk: Page) -> None:
    page = desk
    page.goto("/ar/commitment/new")
    page.select_option("[name=plan]", "nap1")
    page.fill("[name=commitment_number]", "١٤")
    page.fill("[name=title_translated-ar]", "الميزانية المفتوحة")
    page.fill("[name=notes_translated-ar]", "منصة لعرض ميزانية الدولة بصيغة مفتوحة.")
    page.get_by_role("tab", name="Français").first.click()
    page.fill("[name=title_translated-fr]", "Budget ouvert Mizaniatouna")
    page.fill("[name=due_on]", "31/02/2016")
    add_row(page, "milestones")
    page.keyboard.type("النسخة الأولى")

    # A mistake: the form comes back, says what and where, and leads there.
    page.click("button[value=publish]")
    summary = page.locator(".ogf-summary")
    summary.wait_for()
    page.wait_for_function("document.activeElement.className === 'ogf-summary'")
    links = summary.get_by_role("link")
    assert links.count() == 1
    links.first.click()
    assert page.evaluate("document.activeElement.name") == "due_on"
    assert page.input_value("[name=due_on]") == "31/02/2016"
    assert page.input_value("[name=title_translated-fr]") == "Budget ouvert Mizaniatouna"
    assert page.input_value("[name=milestones-000-title-ar]") == "النسخة الأولى"

    # Put right and published.
    page.fill("[name=due_on]", "٢٠١٦-١٢")
    page.click("button[value=publish]")
    page.wait_for_url("**/ar/commitment/*")
    assert page.locator("h1").inner_text() == "الميزانية المفتوحة"
    address = page.url

    # Found by search, in both languages, whatever the form of the letters.
    for language, words in (("ar", "الميزانيه المفتوحه"), ("fr", "budget mizaniatouna")):
        page.goto(f"/{language}/dataset/?q={words}")
        assert page.locator(f'a[href$="{address.rpartition("/")[2]}"]').count() >= 1, words

    # Progress is added and is on the page, its level as the record's own.
    page.goto(address.replace("/commitment/", "/commitment/edit/"))
    add_row(page, "progress_reports")
    page.fill("[name=progress_reports-000-period_end]", "2016-07")
    obstacles = page.locator("[name=progress_reports-000-obstacles-ar]")
    page.select_option("[name=progress_reports-000-completion_level]", "complete")
    assert not obstacles.is_visible()
    page.select_option("[name=progress_reports-000-completion_level]", "limited")
    assert obstacles.is_visible()
    page.fill("[name=progress_reports-000-done-ar]", "تم اختبار النسخة الأولية من الموقع.")
    obstacles.fill("تأخر الصفقة")
    page.click("button[value=save]")
    page.wait_for_url("**/ar/commitment/*")
    report = page.locator(".ogd-line > li")
    assert "تم اختبار النسخة الأولية" in report.inner_text()
    assert page.locator(".og-dataset .og-level--limited").count() == 1


def test_a_form_works_by_keyboard_alone(desk: Page) -> None:
    page = desk
    page.goto("/fr/commitment/new")

    def focused(what: str) -> Any:
        return page.evaluate(f"document.activeElement.{what}")

    # Language tabs: one stop, arrows between them, the next stop is the text.
    page.locator("#field-title_translated-ar-pane-tab").evaluate(
        "node => document.querySelector('#field-title_translated-fr-pane-tab').focus()"
    )
    page.keyboard.press("ArrowRight")
    assert focused("id") == "field-title_translated-en-pane-tab"
    page.keyboard.press("Tab")
    assert focused("name") == "title_translated-en"
    page.keyboard.type("Open budget")
    assert "ogf-tab-filled" in str(page.get_attribute("#field-title_translated-en-pane-tab", "class"))

    # A long list: words, arrow, Enter; the form is not sent.
    page.focus("#field-license_id")
    page.keyboard.type("creative attribution")
    assert page.get_attribute("#field-license_id", "aria-expanded") == "true"
    assert page.get_attribute("#field-license_id", "aria-activedescendant")
    page.keyboard.press("Enter")
    assert page.input_value("[name=license_id]") == "CC_BY_4_0"
    page.keyboard.press("Control+A")
    page.keyboard.type("nothing like it")
    page.keyboard.press("Escape")
    assert page.input_value("[name=license_id]") == "CC_BY_4_0"

    # Several choices: filter, then tick.
    page.locator("#field-governorates input[type=search]").focus()
    page.keyboard.type("nab")
    page.keyboard.press("Enter")
    shown = page.locator("#field-governorates .ogf-choice:visible")
    assert shown.count() == 1
    shown.locator("input").focus()
    page.keyboard.press("Space")
    assert "Nabeul" in page.locator("#field-governorates .ogf-chosen").inner_text()

    # Rows: add two, swap them, remove one, take it back.
    page.locator('[data-ogf-repeat="milestones"] > .ogf-add').focus()
    page.keyboard.press("Enter")
    assert focused("name") == "milestones-000-title-fr"
    page.keyboard.type("Un")
    page.locator('[data-ogf-repeat="milestones"] > .ogf-add').focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Deux")
    row(page, "milestones", 1).locator("[data-ogf-move=up]").focus()
    page.keyboard.press("Enter")
    assert sent_values(page, "-title-fr") == ["milestones-000-title-fr=Deux", "milestones-001-title-fr=Un"]
    row(page, "milestones", 0).locator(".ogf-remove").focus()
    page.keyboard.press("Enter")
    assert sent_values(page, "-title-fr") == ["milestones-000-title-fr=Un"]
    page.keyboard.press("Enter")
    assert sent_values(page, "-title-fr") == ["milestones-000-title-fr=Deux", "milestones-001-title-fr=Un"]

    # Every stop shows where it is.
    page.focus("[name=commitment_number]")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.locator("button[value=draft]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/fr/commitment/edit/*")
    assert page.input_value("[name=milestones-001-title-fr]") == "Un"


def test_tabs_follow_the_direction_of_the_page(desk: Page) -> None:
    desk.goto("/ar/dataset/new")
    desk.focus("#field-title_translated-ar-pane-tab")
    desk.keyboard.press("ArrowLeft")
    assert desk.evaluate("document.activeElement.id") == "field-title_translated-fr-pane-tab"


def test_a_dependent_field_that_holds_something_does_not_disappear(desk: Page) -> None:
    desk.goto("/en/extractive/new")
    choose(desk, "record_kind", "Contract")
    desk.fill("[name=contract_identifier]", "ocds-1")
    choose(desk, "record_kind", "Production")
    assert desk.locator("[name=contract_identifier]").is_visible()
    assert not desk.locator("[name=signed_on]").is_visible()
    assert desk.locator("[name=unit]").is_visible()


def choose(page: Page, name: str, label: str) -> None:
    """Choose from a list of choices, whether the browser's own or the searchable one."""
    box = page.locator(f"#field-{name}")
    if box.get_attribute("role") == "combobox":
        box.fill(label)
        box.press("Enter")
    else:
        box.select_option(label=label)


def test_shares_are_summed_while_they_are_typed(desk: Page) -> None:
    desk.goto("/fr/extractive/new")
    for share in ("٥٥", "50,5"):
        add_row(desk, "parties")
        at = desk.locator('[data-ogf-repeat="parties"] > .ogf-rows > *').count() - 1
        desk.fill(f"[name=parties-{at:03d}-share]", share)
    total = desk.locator('[data-ogf-repeat="parties"] > .ogf-sum')
    assert "105,5" in total.inner_text()
    assert "ogf-over" in str(total.get_attribute("class"))


def test_a_related_record_is_found_by_its_words(desk: Page, organisation: dict[str, Any]) -> None:
    title = {"ar": "الإنتاج الشهري", "fr": "Production mensuelle"}
    wanted = factories.Dataset(owner_org=organisation["id"], title_translated=title, notes_translated={"ar": "وصف"})
    desk.goto("/fr/commitment/new")
    desk.locator("#field-related_datasets-new").fill("production mensuelle")
    option = desk.get_by_role("option", name="Production mensuelle")
    option.wait_for()
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    assert sent_values(desk, "related_datasets") == [f"related_datasets={wanted['id']}"]


def test_without_scripts_every_language_and_a_blank_row_are_there(
    browser: Any, portal: str, organisation: dict[str, Any], log_in: Any
) -> None:
    context = browser.new_context(base_url=portal, java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto("/en/user/login")
    page.fill("#field-login", "steward")
    page.fill("#field-password", PASSWORD)
    page.press("#field-password", "Enter")
    page.goto("/ar/commitment/new")
    for name in ("title_translated-ar", "title_translated-fr", "title_translated-en", "milestones-000-due_on", "license_id"):
        assert page.locator(f"[name={name}]").is_visible(), name
    page.select_option("[name=plan]", "nap1")
    page.fill("[name=commitment_number]", "3")
    page.fill("[name=title_translated-ar]", "دون برمجيات")
    page.fill("[name=notes_translated-ar]", "وصف")
    page.fill("[name=milestones-000-title-ar]", "أولى")
    page.select_option("[name=owner_org]", organisation["id"])
    page.click("button[value=publish]")
    assert page.locator("h1").inner_text() == "دون برمجيات"
    assert "أولى" in page.locator(".ogd-info").inner_text()
    context.close()


def test_forms_fit_every_screen_and_axe_finds_nothing_serious(desk: Page, organisation: dict[str, Any]) -> None:
    """Every type's form in every language: empty, half filled with a long title, and with every error. A page is loaded once, measured in
    every width and, in both directions, shown to axe-core in the state that has most on it."""
    axe = Axe()
    findings: list[str] = []
    for at, package_type in enumerate(TYPES):
        for turn, language in enumerate(LANGUAGES):
            where = f"/{language}/{package_type}/new"
            desk.goto(where)
            assert_fits(desk, where)
            desk.fill(f"[name=title_translated-{language}]", LONG[language] * 12)
            desk.locator(".ogf-add").first.click()
            assert_fits(desk, f"{where} half filled")
            desk.click("button[value=publish]")
            desk.locator(".ogf-summary").wait_for()
            assert_fits(desk, f"{where} with errors")
            if language != "en":
                desk.set_viewport_size({"width": list(WIDTHS.values())[(at + turn) % 2], "height": 900})
                findings += serious(axe, desk, where)
    assert not findings, "\n".join(findings)


def test_axe_finds_nothing_serious_on_the_other_forms(desk: Page, organisation: dict[str, Any], log_in: Callable[..., None]) -> None:
    """Of files, of organisations and of vocabularies, in both directions, with errors; a budget's file has the most fields, its columns
    among them."""
    texts = {"title_translated": {"ar": "ميزانية"}, "notes_translated": {"ar": "وصف"}}
    record = factories.Dataset(type="budget", owner_org=organisation["id"], **texts, **LEAST["budget"])
    wrong = {f"/budget/{record['name']}/resource/new": "[name=issued]", "/organization/new": "[name=email]"}
    wrong |= {"/ckan-admin/vocabularies/plans/new": "[name=start]"}
    axe = Axe()
    findings: list[str] = []
    for at, (path, field) in enumerate(wrong.items()):
        if path.startswith("/ckan-admin"):
            desk.context.clear_cookies()
            log_in(desk, factories.Sysadmin(name="chief", password=PASSWORD, image_url="")["name"], PASSWORD)
            for language in ("ar", "fr"):
                desk.goto(f"/{language}/ckan-admin/vocabularies/axes")
                findings += serious(axe, desk, f"/{language} terms of a vocabulary")
        for turn, language in enumerate(("ar", "fr")):
            desk.goto(f"/{language}{path}")
            desk.fill(field, "31/02/2016")
            desk.click("form [type=submit]:not([name=delete]) >> nth=-1")
            desk.locator(".ogf-summary").wait_for()
            assert_fits(desk, f"/{language}{path}")
            desk.set_viewport_size({"width": list(WIDTHS.values())[(at + turn) % 2], "height": 900})
            findings += serious(axe, desk, f"/{language}{path}")
    assert not findings, "\n".join(findings)


def assert_fits(page: Page, where: str) -> None:
    """Nothing reaches beyond the sides of the page, and no label, help or button has its text cut, in any width."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    for width, pixels in WIDTHS.items():
        page.set_viewport_size({"width": pixels, "height": 900})
        try:
            # A busy machine lays the page out some moments after it was told the new width.
            page.wait_for_function("document.documentElement.scrollWidth <= document.documentElement.clientWidth", timeout=5000)
        except PlaywrightTimeoutError:
            pytest.fail(f"{where} {width}: " + page.evaluate("document.documentElement.scrollWidth + ' pixels wide'"))
        cut = page.evaluate(
            """() => Array.from(document.querySelectorAll('form label, form legend, form p, form button, form h2'))
                .filter(node => node.offsetParent && node.clientWidth > 2 && node.scrollWidth > node.clientWidth + 1)
                .map(node => node.textContent.trim().slice(0, 60))"""
        )
        assert cut == [], f"{where} {width}"


def test_choosing_a_file_says_so_and_is_uploaded(desk: Page, tmp_path: Path) -> None:
    file = tmp_path / "جدول.csv"
    file.write_text("السنة,المبلغ\n2016,10\n", encoding="utf-8")
    desk.goto("/ar/dataset/new")
    desk.fill("[name=title_translated-ar]", "مجموعة بملف")
    desk.fill("[name=notes_translated-ar]", "وصف")
    desk.click("button[value=continue]")
    desk.wait_for_url("**/resource/new")
    desk.set_input_files("#field-upload", str(file))
    assert desk.locator("[data-ogf-picked]").inner_text() == "جدول.csv"
    assert desk.locator("#field-url_type-upload").is_checked()
    desk.fill("[name=name_translated-ar]", "الجدول")
    desk.click("button[value=go-metadata]")
    desk.wait_for_url("**/ar/dataset/*")
    assert desk.get_by_role("link", name="الجدول").count() >= 1
