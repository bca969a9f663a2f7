"""The preview on a file's page, in a real browser."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from ckan import model
from ckan.tests.helpers import call_action
from playwright.sync_api import Page, Route

from ckanext.ogptn.stack.site import PLUGINS
from ckanext.ogptn.tables.load import load_table
from ckanext.ogptn.tables.model import LOADED, TableState
from ckanext.ogptn.tables.read import open_table
from tests.conftest import WIDTHS
from tests.e2e.accessibility import serious

#: How many rows are seen, and how many pixels of what is seen are left below the last of them: less than none where it is cut.
SEEN = """() => {
  const body = document.querySelector('.dataTables_scrollBody')
  const end = body.getBoundingClientRect().top + body.clientHeight
  const rows = [...body.querySelectorAll('tbody tr')].map(row => row.getBoundingClientRect()).filter(row => row.top < end - 1)
  return {rows: rows.length, rest: end - rows.at(-1).bottom}
}"""


def previewed(open_dataset_factory: Any, folder: Path, text: str) -> tuple[str, str, str]:
    """A dataset with a loaded table and its preview. Gives the name of the dataset and the ids of resource and view."""
    dataset = open_dataset_factory(resources=[{"url": "http://example.tn/a.csv", "format": "CSV"}])
    resource = dataset["resources"][0]["id"]
    path = folder / "a.csv"
    path.write_text(text)
    with open_table(path) as reading:
        _table, done = load_table(reading, resource)
    model.Session.merge(TableState(resource_id=resource, state=LOADED, rows=done.rows, rejections=0, columns=done.columns))
    model.Session.commit()
    site_user = {"user": call_action("get_site_user")["name"]}
    call_action("resource_patch", site_user, id=resource, datastore_active=True)
    view = call_action("resource_view_create", site_user, resource_id=resource, view_type="datatables_view", title="Table")
    return dataset["name"], resource, view["id"]


@pytest.mark.ckan_config("ckan.plugins", " ".join(PLUGINS))
@pytest.mark.parametrize("language", ["ar", "fr"])
def test_the_rows_that_are_seen_are_whole(portal: str, page: Page, open_dataset_factory: Any, tmp_path: Path, language: str) -> None:
    text = "Code;الولاية;Montant\n" + "".join(f"{number};صفاقس;{number},5\n" for number in range(60))
    name, resource, view = previewed(open_dataset_factory, tmp_path, text)
    page.set_viewport_size({"width": 1100, "height": 640})
    page.goto(f"{portal}/{language}/dataset/{name}/resource/{resource}/view/{view}")
    page.locator(".dataTables_scrollBody tbody tr").nth(10).wait_for(state="attached")
    page.wait_for_function(f"() => {{ const seen = ({SEEN})(); return seen.rows > 3 && Math.abs(seen.rest) <= 2 }}")


@pytest.mark.ckan_config("ckan.plugins", " ".join(PLUGINS))
def test_letters_may_come_before_the_words_of_the_table(portal: str, page: Page, open_dataset_factory: Any, tmp_path: Path) -> None:
    """Columns are measured anew when the letters are there: of a table that waits for its words in French, there are none yet."""
    name, resource, view = previewed(open_dataset_factory, tmp_path, "Code;Montant\n1;2,5\n2;3,5\n")
    asked: list[str] = []

    def later(route: Route) -> None:
        asked.append(route.request.url)
        page.evaluate("() => { lettersAreThere(); return new Promise(done => window.setTimeout(done)) }")
        route.continue_()

    page.add_init_script(
        "Object.defineProperty(document.fonts, 'ready', {value: new Promise(done => { window.lettersAreThere = done })})",
    )
    page.route("**/i18n/fr.json*", later)
    page.goto(f"{portal}/fr/dataset/{name}/resource/{resource}/view/{view}")
    page.locator(".dataTables_scrollBody tbody tr").nth(1).wait_for(state="attached")
    assert asked


@pytest.mark.ckan_config("ckan.plugins", " ".join(PLUGINS))
def test_words_of_every_script_are_found_and_the_downloads_follow(
    portal: str, page: Page, open_dataset_factory: Any, tmp_path: Path
) -> None:
    """CKAN's own preview takes Arabic letters and accents for gaps. One row of downloads: the preview's own menu would be another."""
    rows = ["1;صفاقس;Rémunérations publiques", "2;تونس;Dépenses de gestion", "3;صفاقس الجنوبية;Moyens", "4;O'Hara's;l’eau & <b>"]
    name, resource, _view = previewed(open_dataset_factory, tmp_path, "Code;الولاية;Titre\n" + "\n".join(rows) + "\n")
    page.goto(f"{portal}/ar/dataset/{name}/resource/{resource}")
    frame = page.frame_locator("iframe[data-module=data-viewer]")
    frame.locator(".dataTables_scrollBody tbody tr").nth(3).wait_for(state="attached")
    frame.locator(".dt-buttons .fa-download").wait_for(state="detached")
    assert frame.locator("label").first.evaluate("label => getComputedStyle(label, '::after').content") == "none"

    search = frame.locator("#dtprv_filter input")
    link = page.locator("[data-og-downloads] a[data-form=csv]")
    whole = link.get_attribute("href")
    for words, found in (("صفاقس", ["1", "3"]), ("الجنوبية صفاقس", ["3"]), ("Rémunérations", ["1"]), ("rémun", ["1"]), ("O'Hara's", ["4"])):
        before = link.evaluate("link => link.href")
        search.fill(words)
        with page.expect_response("**/rows"):
            search.press("Enter")
        page.wait_for_function("before => document.querySelector('a[data-form=csv]').href !== before", arg=before)
        frame.locator(f".dataTables_scrollBody tbody tr:nth-child({len(found)}):last-child").wait_for(state="attached")
        # By keyboard: a link like any other, to the rows that are seen.
        link.focus()
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        text = Path(download.value.path()).read_text("utf-8-sig")
        assert [row[0] for row in csv.reader(io.StringIO(text))][1:] == found, words
        assert page.locator("[data-some]").first.is_visible()
    column = frame.locator("input[id^=dtcol-titre]").first
    search.fill("")
    search.press("Enter")
    page.wait_for_function("whole => document.querySelector('a[data-form=csv]').getAttribute('href') === whole", arg=whole)
    column.fill("gestion")
    column.press("Enter")
    frame.locator(".dataTables_scrollBody tbody tr:first-child:last-child").wait_for(state="attached")

    findings = serious(Axe(), page, "a file with its table")
    page.set_viewport_size({"width": WIDTHS["phone"], "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert not findings, "\n".join(findings)
