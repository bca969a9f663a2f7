"""The preview on a file's page, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ckan.tests.helpers import call_action
from playwright.sync_api import Page

from ckanext.ogptn.stack.site import PLUGINS
from ckanext.ogptn.tables.load import load_table
from ckanext.ogptn.tables.read import open_table

#: How many rows are seen, and how many pixels of what is seen are left below the last of them: less than none where it is cut.
SEEN = """() => {
  const body = document.querySelector('.dataTables_scrollBody')
  const end = body.getBoundingClientRect().top + body.clientHeight
  const rows = [...body.querySelectorAll('tbody tr')].map(row => row.getBoundingClientRect()).filter(row => row.top < end - 1)
  return {rows: rows.length, rest: end - rows.at(-1).bottom}
}"""


@pytest.mark.ckan_config("ckan.plugins", " ".join(PLUGINS))
@pytest.mark.parametrize("language", ["ar", "fr"])
def test_the_rows_that_are_seen_are_whole(portal: str, page: Page, open_dataset_factory: Any, tmp_path: Path, language: str) -> None:
    dataset = open_dataset_factory(resources=[{"url": "http://example.tn/a.csv", "format": "CSV"}])
    resource = dataset["resources"][0]["id"]
    path = tmp_path / "a.csv"
    path.write_text("Code;الولاية;Montant\n" + "".join(f"{number};صفاقس;{number},5\n" for number in range(60)))
    with open_table(path) as reading:
        load_table(reading, resource)
    site_user = {"user": call_action("get_site_user")["name"]}
    call_action("resource_patch", site_user, id=resource, datastore_active=True)
    view = call_action("resource_view_create", site_user, resource_id=resource, view_type="datatables_view", title="Table")
    page.set_viewport_size({"width": 1100, "height": 640})
    page.goto(f"{portal}/{language}/dataset/{dataset['name']}/resource/{resource}/view/{view['id']}")
    page.locator(".dataTables_scrollBody tbody tr").nth(10).wait_for(state="attached")
    page.wait_for_function(f"() => {{ const seen = ({SEEN})(); return seen.rows > 3 && Math.abs(seen.rest) <= 2 }}")
