"""The skin as a reader meets it: language, direction, keyboard, phone, filters, errors, weight, accessibility.

Pages are slow to serve and a portal takes seconds to make: each test walks through several pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.conftest import LANGUAGES, WIDTHS, Watch
from tests.e2e.accessibility import serious

if TYPE_CHECKING:
    from playwright.sync_api import Page

Factory = Callable[..., dict[str, Any]]

#: Bytes of a first visit to the home page, fonts left out (design/look.md, "Behaviour").
FIRST_PAGE = 150_000
#: The search page and the text pages stand for all that are built on CKAN's own stylesheet.
NOT_FOUND = "Failed to load resource: the server responded with a status of 404"


@pytest.fixture
def content(
    portal: str, agency_factory: Factory, commitment_factory: Factory, budget_factory: Factory, open_dataset_factory: Factory
) -> dict[str, Any]:
    """One agency with a record of three types; the commitment has a level, the plain dataset two formats."""
    agency = agency_factory(title_translated={"ar": "وزارة التجربة", "fr": "Ministère de l’essai", "en": "Ministry of Testing"})
    owner = {"owner_org": agency["id"]}
    reports = [
        {"period_end": "2016-02", "completion_level": "limited", "done": {"fr": "Essai"}, "obstacles": {"fr": "Essai"}},
    ]
    return {
        "agency": agency,
        "commitment": commitment_factory(**owner, progress_reports=reports),
        "budget": budget_factory(**owner, fiscal_years=["2023", "2024"]),
        "dataset": open_dataset_factory(
            **owner,
            resources=[
                {"url": "https://example.test/a.csv", "format": "CSV", "name_translated": {"ar": "جدول 2016", "fr": "Table 2016"}},
                {"url": "https://example.test/a.pdf", "format": "PDF", "name_translated": {"fr": "Notice"}},
            ],
        ),
    }


def phone(page: Page) -> None:
    page.set_viewport_size({"width": WIDTHS["phone"], "height": 844})


def test_home_shows_what_the_catalogue_holds_and_says_when_it_is_empty(
    page: Page, commitment_factory: Factory, budget_factory: Factory, screenshot: Callable[..., Any]
) -> None:
    page.goto("/en/")
    assert page.locator(".og-empty").count() == 1
    assert page.locator(".og-door__number bdi").count() == 0

    made = [commitment_factory() for _ in range(3)]
    budget_factory(fiscal_years=["2022", "2023"])
    for language in LANGUAGES:
        page.goto(f"/{language}/")
        assert page.get_attribute("html", "lang") == language
        assert page.evaluate("getComputedStyle(document.body).direction") == ("rtl" if language == "ar" else "ltr")
        assert page.locator(".og-door__number bdi").all_inner_texts() == ["3", "2"]
        assert page.locator(".og-rows .og-row").count() == 4
        for width in WIDTHS:
            screenshot(page, "home", language=language, width=width)
        page.set_viewport_size({"width": WIDTHS["wide"], "height": 900})
    page.goto("/fr/")
    assert made[0]["title_translated"]["fr"] in page.inner_text(".og-rows")
    page.fill("#field-main-search", made[0]["title_translated"]["fr"])
    page.press("#field-main-search", "Enter")
    assert page.url.split("?")[0].endswith("/fr/dataset/")


def test_first_page_is_light(page: Page, content: dict[str, Any]) -> None:
    weights: dict[str, int] = {}
    page.on("response", lambda answer: weights.update({answer.url: 0 if "/fonts/" in answer.url else len(answer.body())}))
    page.goto("/ar/", wait_until="networkidle")
    assert sum(weights.values()) <= FIRST_PAGE, weights


def test_language_links_keep_the_page_even_after_a_filter_without_reload(page: Page, content: dict[str, Any]) -> None:
    page.goto("/en/dataset/?q=%D8%B3")
    page.goto(f"/en/dataset/{content['dataset']['name']}")
    page.click(".og-langs a[lang=ar]")
    assert page.url.endswith(f"/ar/dataset/{content['dataset']['name']}")
    assert page.inner_text("h1").strip() == content["dataset"]["title_translated"]["ar"]

    page.goto("/en/dataset/")
    page.evaluate("window.stillTheSamePage = true")
    page.click(".og-facet a:has-text('CSV')")
    page.wait_for_url(re.compile("vocab_format|res_format"))
    page.wait_for_selector(".og-chip")
    assert page.evaluate("window.stillTheSamePage") is True, "the facet should be applied by htmx, without loading a page"
    query = page.url.split("?")[1]
    page.click(".og-langs a[lang=fr]")
    page.wait_for_url(f"**/fr/dataset/?{query}")
    assert page.locator(".og-row").count() == 1
    page.click(".og-chip")
    page.wait_for_selector(".og-chip", state="detached")
    assert page.locator(".og-row").count() == 3


def test_phone_header_and_filters_work_by_keyboard(page: Page, content: dict[str, Any]) -> None:
    phone(page)
    page.goto("/fr/dataset/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "og-skip"
    page.keyboard.press("Enter")
    page.wait_for_url("**/fr/dataset/#content")

    menu = page.locator(".og-menu-button")
    doors = page.locator(".og-doors")
    assert not doors.is_visible()
    menu.focus()
    page.keyboard.press("Enter")
    assert menu.get_attribute("aria-expanded") == "true"
    assert doors.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.og-doors') !== null")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Escape")
    assert not doors.is_visible()
    assert page.evaluate("document.activeElement.classList.contains('og-menu-button')")

    filters = page.locator(".og-filters__button")
    assert not page.locator(".og-filters__panel").is_visible()
    filters.focus()
    page.keyboard.press("Enter")
    assert page.locator(".og-filters__panel").is_visible()
    page.click(".og-facet a:has-text('CSV')")
    page.wait_for_selector(".og-chip")
    assert "1" in page.inner_text(".og-filters__button")
    assert page.get_attribute(".og-filters__button", "aria-expanded") == "true"

    small = page.evaluate(
        """() => [...document.querySelectorAll('.og-header :is(a, button), .og-chip, .og-facet a, .og-filters__button, .site-footer a')]
              .filter(e => e.offsetParent && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert small == [], "targets are at least 44 px high on a phone"


def test_theme_follows_the_system_until_the_reader_chooses(page: Page, content: dict[str, Any]) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/fr/")
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    assert page.get_attribute(".og-theme-button", "aria-pressed") == "true"
    page.click(".og-theme-button")
    assert page.get_attribute("html", "data-bs-theme") == "light"
    page.goto("/ar/dataset/")
    # Scripts speak the language of the page, in Arabic too.
    page.wait_for_function("ckan.i18n._('Cancel') !== 'Cancel'")
    assert page.get_attribute("html", "data-bs-theme") == "light"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 249, 244)"


def test_errors_say_what_to_do_and_give_a_number(page: Page, page_watch: Watch) -> None:
    page_watch.expected += [NOT_FOUND, "status of 403"]
    titles = set()
    for language in LANGUAGES:
        answer = page.goto(f"/{language}/dataset/there-is-no-such-dataset")
        assert answer is not None
        assert answer.status == 404
        titles.add(page.inner_text("#error-content h1"))
        assert re.search(r"404-[0-9a-f]{8}", page.inner_text("[role=main]"))
        assert "URL" not in page.inner_text("[role=main]")
    assert len(titles) == len(LANGUAGES), "each language has its own words"
    answer = page.goto("/fr/ckan-admin/")
    assert answer is not None
    assert page.locator("a[href*='/user/login']").count() >= 1


def test_nothing_sticks_out_on_a_phone(page: Page, page_watch: Watch, content: dict[str, Any]) -> None:
    page_watch.expected.append(NOT_FOUND)
    phone(page)
    for path in paths(content):
        for language in ("ar", "fr"):
            page.goto(f"/{language}{path}")
            too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert too_wide <= 0, f"/{language}{path} is {too_wide} px too wide"


def paths(content: dict[str, Any]) -> list[str]:
    """A page of every kind that an anonymous reader can see."""
    return [
        "/",
        "/dataset/",
        f"/dataset/{content['dataset']['name']}",
        f"/dataset/{content['dataset']['name']}/resource/{content['dataset']['resources'][0]['id']}",
        f"/commitment/{content['commitment']['name']}",
        f"/budget/{content['budget']['name']}",
        "/organization/",
        f"/organization/{content['agency']['name']}",
        f"/organization/about/{content['agency']['name']}",
        "/about",
        "/accessibility",
        "/privacy",
        "/user/login",
        "/there-is-no-such-page",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, page_watch: Watch, content: dict[str, Any], theme: Literal["light", "dark"]) -> None:
    """Both directions, both themes, wide and phone taken in turn: 0 serious or critical findings of axe-core."""
    page_watch.expected.append(NOT_FOUND)
    page.emulate_media(color_scheme=theme)
    axe = Axe()
    findings: list[str] = []
    for index, path in enumerate(paths(content)):
        language = ("ar", "fr")[index % 2] if theme == "light" else ("fr", "ar")[index % 2]
        page.set_viewport_size({"width": WIDTHS["phone" if index % 3 == 0 else "wide"], "height": 900})
        page.goto(f"/{language}{path}")
        findings += serious(axe, page, f"/{language}{path}")
    assert not findings, "\n".join(findings)
