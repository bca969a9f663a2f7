"""What axe-core says of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: axe-core spends most of its time on the details of what it found right.
_OPTIONS = {"resultTypes": ["violations"]}


def serious(axe: Axe, page: Page, where: str) -> list[str]:
    """The serious and critical violations on a page: a line for each, with the first nodes that it was found at."""
    return [
        f"{where}: {violation['id']}: "
        + "; ".join(node["html"][:140] + " " + node["failureSummary"][:160] for node in violation["nodes"][:3])
        for violation in axe.run(page, options=_OPTIONS).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
