"""A round in a real browser: the coordinator opens, one steward sends a workbook that has errors at first, the other a form, a report comes
back, is corrected and accepted, and the round is closed."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from tests.conftest import Watch

from ...mail import Letters
from ..conftest import PASSWORD, House, send_waiting_mails

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def fill(path: Path, values: dict[str, Any]) -> Path:
    """A downloaded workbook with values, by column, in the row of its first report."""
    book = load_workbook(path)
    sheet = book.worksheets[1]
    letters = {sheet.cell(1, at).value: get_column_letter(at) for at in range(1, sheet.max_column + 1)}
    for key, value in values.items():
        sheet[f"{letters[key]}3"] = value
    made = io.BytesIO()
    book.save(made)
    path.write_bytes(made.getvalue())
    return path


def test_a_round_in_the_browser(
    portal: str,
    page: Page,
    page_watch: Watch,
    house: Callable[[], House],
    mail: Letters,
    log_in: Callable[[Page, str, str], None],
    screenshot: Callable[..., Path],
    tmp_path: Path,
) -> None:
    made = house()
    one, two = made.stewards
    page_watch.expected.append("400")

    def as_(user: dict[str, Any]) -> None:
        page.context.clear_cookies()
        log_in(page, user["name"], PASSWORD)

    def seen(selector: str) -> int:
        page.locator(selector).first.wait_for(state="attached")
        return page.locator(selector).count()

    as_(made.coordinator)
    page.goto("/fr/commitment-rounds/")
    page.select_option("[name=plan]", "nap1")
    page.fill("[name=title-fr]", "Cycle d’essai")
    page.fill("[name=title-ar]", "جولة اصطناعية")
    page.fill("[name=period_start]", "2015")
    page.fill("[name=period_end]", "2016-12")
    page.fill("[name=due_on]", (dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days=9)).isoformat())
    page.click("form[action$='/commitment-rounds/'] button[type=submit]")
    assert seen("tr[data-item]") == 3
    address = page.url
    send_waiting_mails()

    # One steward fills in the workbook, wrongly at first.
    as_(one)
    page.goto(address.replace("/fr/", "/ar/"))
    with page.expect_download() as got:
        page.click("[data-workbook]")
    book = tmp_path / got.value.suggested_filename
    got.value.save_as(book)
    assert book.name == "nap1-2016-12-ar.xlsx"
    for values, outcome in (
        ({"report.completion_level": "تقريبا", "report.evidence": "=1+1", "report.send": "نعم"}, "errors"),
        ({"report.completion_level": "كامل", "report.evidence": "https://example.tn/livrable"}, "preview"),
    ):
        page.set_input_files("#field-workbook", fill(book, values))
        page.click("form[action$='/workbook'] button")
        if outcome == "errors":
            assert seen("[data-errors] tr[data-cell]") == 2
            screenshot(page, "round-workbook-errors", language="ar", width="wide")
            page.goto(address)
    assert seen("[data-row='1'] ins") == 2
    screenshot(page, "round-workbook", language="fr", width="wide")
    page.click("[data-apply]")
    assert seen("tr[data-item='1'][data-state=submitted]") == 1
    send_waiting_mails()
    assert len(mail.to(made.coordinator)) == 1

    # The other follows the address in the mail, and sends too early.
    as_(two)
    item = next(line.strip() for line in mail.to(two)[0][1].splitlines() if "/report/" in line)
    page.goto(item)
    page.click("button[value=submit]")
    assert seen("[data-errors] li") == 2
    page.select_option("[name=completion_level]", "substantial")
    page.fill("[name=done-ar]", "تم نشر النسخة الأولية")
    page.click("button[value=submit]")
    assert seen("[data-state=submitted]") == 1
    screenshot(page, "round-item-3", language="ar", width="wide")

    as_(made.coordinator)
    page.goto(item)
    page.fill("[name=comment]", "أضف الإثبات")
    page.click("button[value=return]")
    assert seen("[data-state=returned]") == 1
    send_waiting_mails()
    assert "أضف الإثبات" in mail.to(two)[-1][1]

    as_(two)
    page.goto(item)
    page.fill("[name=evidence]", "https://example.tn/preuve")
    page.click("button[value=submit]")
    as_(made.coordinator)
    page.goto(item)
    page.click("button[value=accept]")
    assert seen("[data-history] li") == 5
    page.goto(address.replace("/fr/", "/ar/"))
    screenshot(page, "round", language="ar", width="wide")
    screenshot(page, "round", language="ar", width="phone")
    page.click("form[action$='/close'] button")
    assert seen("[data-open=false]") == 1
    assert seen("tr[data-state=accepted]") == 1
    page.goto(f"/fr/commitment/{made.commitments[2]['name']}")
    assert "https://example.tn/preuve" in page.content()
