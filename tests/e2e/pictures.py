"""Pictures of a running portal (``make demo``), to be looked at: ``python -m tests.e2e.pictures ADDRESS FOLDER [USER PASSWORD]``.

In Arabic, French and English, wide and phone: the home and the search page, the fullest record of each type and, for a system
administrator, the form of each type empty, half filled and with errors, of an organisation and of a vocabulary's term.
Says what reaches beyond the screen.
"""

from __future__ import annotations

import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.conftest import LANGUAGES, WIDTHS, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

LONG = {"ar": "عنوان طويل جدا ", "fr": "Titre très long ", "en": "A long title "}
TYPES = ("dataset", "commitment", "budget", "extractive")


def fullest(address: str, package_type: str) -> str | None:
    """The name of the record that says most."""
    query = urllib.parse.urlencode({"fq": f"dataset_type:{package_type}", "rows": 200})
    with urllib.request.urlopen(f"{address}/api/3/action/package_search?{query}", timeout=60) as answer:  # noqa: S310 - the portal named
        found = json.load(answer)["result"]["results"]
    return max(found, key=lambda record: len(json.dumps(record)))["name"] if found else None


class Album:
    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.taken = 0

    def take(self, name: str, language: str) -> None:
        """The whole page as it stands, in every width."""
        for width, pixels in WIDTHS.items():
            self.page.set_viewport_size({"width": pixels, "height": 900})
            self.page.screenshot(path=str(self.folder / f"{name}-{language}-{width}.png"), full_page=True)
            self.taken += 1
            beyond = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if beyond > 0:
                print(f"{name}-{language}-{width}: {beyond} px too wide")

    def visit(self, name: str, path: str) -> None:
        for language in LANGUAGES:
            self.page.goto(f"/{language}{path}", wait_until="networkidle")
            self.take(name, language)

    def form(self, package_type: str) -> None:
        for language in LANGUAGES:
            self.page.goto(f"/{language}/{package_type}/new", wait_until="networkidle")
            self.take(f"form-{package_type}-empty", language)
            self.page.fill(
                f"[name=title_translated-{language}]",
                LONG[language] * 9,
            )
            self.page.locator(".ogf-add").first.click()
            self.take(f"form-{package_type}-half", language)
            self.page.click("button[value=publish]")
            self.page.locator(".ogf-summary").wait_for()
            self.take(f"form-{package_type}-errors", language)


def main(arguments: list[str]) -> int:
    if len(arguments) not in (2, 4):
        print(__doc__)
        return 2
    address, folder = arguments[0].rstrip("/"), Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(base_url=address, reduced_motion="reduce").new_page()
        album = Album(page, folder)
        album.visit("home", "/")
        album.visit("search", "/dataset/")
        for package_type in TYPES:
            if name := fullest(address, package_type):
                album.visit(f"page-{package_type}", f"/{package_type}/{name}")
        if len(arguments) == 4:
            page.goto("/en/user/login")
            page.fill("#field-login", arguments[2])
            page.fill("#field-password", arguments[3])
            page.press("#field-password", "Enter")
            page.wait_for_url(lambda url: "/user/login" not in url)
            for package_type in TYPES:
                album.form(package_type)
            album.visit("form-organization", "/organization/new")
            album.visit("form-term", "/ckan-admin/vocabularies/axes/new")
            album.visit("vocabulary", "/ckan-admin/vocabularies/axes")
        browser.close()
    print(f"{album.taken} pictures in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
