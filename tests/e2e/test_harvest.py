"""Harvesting in a real browser: from an empty list to a restored dataset, live in between; both directions, wide and phone."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from ckan import model
from ckan.config import middleware
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.engine import run
from ckanext.ogptn.seed.source_server import Fault, TrialSource
from tests.conftest import WIDTHS, Watch
from tests.e2e.accessibility import serious

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")]

PASSWORD = "correct-horse-battery"


@pytest.fixture
def trial() -> Iterator[TrialSource]:
    with TrialSource(12) as source:
        # Dates that are none: warnings to look at.
        source.fault = Fault("bad-dates")
        yield source


@pytest.fixture
def desk(page: Page, portal: str, log_in: Callable[[Page, str, str], None]) -> Page:
    """A page on which an administrator of one organisation has logged in."""
    user = factories.User(name="amel", password=PASSWORD, image_url="")
    factories.Organization(
        name="ministere-industrie",
        image_url="",
        title_translated={"ar": "وزارة الصناعة والمناجم والطاقة", "fr": "Ministère de l’Industrie"},
        users=[{"name": user["name"], "capacity": "admin"}],
    )
    log_in(page, "amel", PASSWORD)
    return page


def job_of(page: Page) -> str:
    return page.url.split("#")[0].split("?")[0].rsplit("/", 1)[1]


def work(job: str) -> threading.Thread:
    """A worker that does the job meanwhile."""
    of_tests = middleware._internal_test_request_context
    assert of_tests is not None

    def go() -> None:
        with of_tests.app.test_request_context():
            run.run(job)
            model.Session.remove()

    worker = threading.Thread(target=go)
    worker.start()
    return worker


def test_from_an_empty_list_to_a_restored_dataset(
    desk: Page, page_watch: Watch, trial: TrialSource, screenshot: Callable[..., Path], tmp_path: Path
) -> None:
    page, axe = desk, Axe()
    # The form that is sent with a mistake.
    page_watch.expected.append("status of 400")
    findings: list[str] = []

    def look(name: str, *, languages: tuple[str, ...] = ("ar", "fr")) -> None:
        """Both directions, wide and phone: nothing sticks out, nothing serious found; pictures for people."""
        here = page.url.split("/harvest", 1)[1].split("#")[0]
        for language in languages:
            page.set_viewport_size({"width": WIDTHS["phone"], "height": 900})
            page.goto(f"/{language}/harvest{here}")
            too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert too_wide <= 0, f"{language} {name} is {too_wide} px too wide"
            screenshot(page, f"harvest-{name}", language=language, width="phone")
            screenshot(page, f"harvest-{name}", language=language, width="wide")
        findings.extend(serious(axe, page, name))

    # -- an empty list, a form, a mistake
    page.goto("/fr/harvest/")
    page.locator(".og-empty a.btn-primary").click()
    # Only the options of the chosen kind.
    page.wait_for_function("document.querySelectorAll('[data-ogh-kind]:not([hidden])').length === 1")
    page.check("#field-backend-dcat")
    assert page.locator('[data-ogh-kind="dcat"]').is_visible()
    assert not page.locator('[data-ogh-kind="ckan"]').is_visible()
    page.check("#field-backend-ckan")
    page.fill("#field-url", trial.url)
    page.click("button[value=save]")
    page.locator('.ogf-summary a[href="#field-title"]').click()
    assert page.evaluate("document.activeElement.id") == "field-title"
    page.keyboard.type("Portail d’essai")
    page.fill("#field-options-ckan-page_size", "2")
    # What is gone is seen when everything is read.
    page.uncheck("#field-options-ckan-changes_only")
    page.select_option("#field-schedule-kind", "daily")
    page.fill("#field-schedule-time", "03:30")
    page.locator("details:has(#section-limits) > summary").click()
    page.fill("#field-limits-grace_passes", "1")

    # -- try, preview, save
    page.click("button[value=check]")
    page.locator("#answer").wait_for()
    assert "12" in page.inner_text("#answer")
    page.wait_for_function("document.activeElement.id === 'answer'")
    page.click("button[value=preview]")
    page.locator('#answer [data-count="added"]').wait_for()
    assert page.inner_text('#answer [data-count="added"] strong') == "12"
    findings += serious(axe, page, "preview in the form")
    assert call_action("package_search", rows=0)["count"] == 0
    page.click("button[value=save]")
    page.wait_for_url("**/harvest/source/*")
    source = page.url.split("#")[0]

    # -- run, followed live
    page.locator("form[action$='/run'] button").first.click()
    page.wait_for_url("**/harvest/job/*")
    assert page.locator("[data-phase=waiting]").count() == 1
    # The source stops in the middle until the page has shown how far it is.
    seen, shown_by = threading.Event(), trial.shown
    asked: list[str] = []

    def held() -> list[dict[str, Any]]:
        asked.append("page")
        if len(asked) > 3:
            seen.wait(60)
        return shown_by()

    trial.shown = held  # type: ignore[method-assign]
    worker = work(job_of(page))
    page.locator("[data-ogh-live] [role=progressbar]:not([aria-valuenow='0'])[aria-valuenow]").wait_for()
    assert page.inner_text("[data-ogh-say]"), "who cannot see the bar hears of it"
    seen.set()
    # The page looks again by itself when the job is over.
    page.locator("[data-phase=finished]").wait_for()
    page.locator("[data-issue]").first.wait_for()
    worker.join()
    assert call_action("package_search", rows=0)["count"] == 12
    look("job")

    # -- issues, as CSV
    everything = page.locator("[data-issue]").count()
    slug = page.locator("[data-issue]").first.get_attribute("data-issue")
    page.select_option("#field-slug", slug)
    page.locator("form:has(#field-slug) button").click()
    page.wait_for_url("**slug=*")
    shown = page.locator("[data-issue]").count()
    assert 0 < shown <= everything
    with page.expect_download() as download:
        page.locator("a[href*='issues.csv']").click()
    saved = tmp_path / "issues.csv"
    download.value.save_as(saved)
    assert saved.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(saved.read_text("utf-8-sig"))))
    assert {row[1] for row in rows[1:]} == {slug}
    page.locator("[data-issue] a[href*='#raw']").first.click()
    page.locator(".ogh-raw").wait_for()
    look("record", languages=("ar",))
    page.goto(f"{source}/records?q=Production")
    assert page.locator("[data-record]").count() == 12
    look("records", languages=("ar",))

    # -- more is gone than may go: keep nothing, confirm, restore
    del trial.datasets[4:]
    page.goto(source)
    page.locator("form[action$='/run'] button").first.click()
    page.wait_for_url("**/harvest/job/*")
    run.run(job_of(page))
    model.Session.remove()
    page.reload()
    assert page.locator("#question li").count() == 8
    look("question")
    page.locator("#question form:has([value=remove]) button").click()
    page.wait_for_function("!document.querySelector('#question')")
    run.run(job_of(page))
    model.Session.remove()
    page.reload()
    assert page.locator("[data-gone]").count() == 8
    assert call_action("package_search", rows=0)["count"] == 4
    look("removed", languages=("ar",))
    page.locator("form[action$='/restore'] button").first.click()
    page.locator(".alert-success").wait_for()
    assert page.locator("[data-gone]").count() == 0
    assert call_action("package_search", rows=0)["count"] == 12

    # -- the other pages
    page.goto(source)
    look("source")
    page.goto(f"{source}/edit")
    look("form")
    page.goto("/fr/harvest/")
    look("sources")
    assert not findings, "\n".join(findings)
