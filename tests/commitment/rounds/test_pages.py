"""A round in a real browser: the coordinator opens, a steward sends, it comes back, is corrected and accepted, and the round is closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Watch

from ...mail import Letters
from .conftest import PASSWORD, House, send_waiting_mails

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_a_round_in_the_browser(
    portal: str,
    page: Page,
    page_watch: Watch,
    house: Callable[[], House],
    mail: Letters,
    log_in: Callable[[Page, str, str], None],
    screenshot: Callable[..., Path],
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

    # Each steward follows the address in the mail; both send, one of them too early.
    item = ""
    for user, number in ((one, "1"), (two, "3")):
        letter = mail.to(user)[0][1]
        as_(user)
        item = next(line.strip() for line in letter.splitlines() if "/report/" in line)
        page.goto(item)
        if number == "3":
            page.click("button[value=submit]")
            assert seen("[data-errors] li") == 2
            page.select_option("[name=completion_level]", "substantial")
            page.fill("[name=done-ar]", "تم نشر النسخة الأولية")
        page.click("button[value=submit]")
        assert seen("[data-state=submitted]") == 1
        screenshot(page, f"round-item-{number}", language="ar", width="wide")

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
