"""Evidence of reports and milestones: a record of this catalogue, a file of one, or an address elsewhere that is asked in the background.

Nothing is fetched while somebody waits. What lies in this catalogue is looked up and never fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import ckan.plugins.toolkit as tk
from ckan import model

from ..catalogue.dcat.model import table_exists
from ..catalogue.quality import links
from .rounds.model import Round, RoundItem

_RECORD = re.compile(r"/([a-z][a-z_-]*)/([^/]+?)(?:/resource/([0-9a-f-]{36})(?:/.*)?)?/?$")
#: Addresses that one saved report may have asked at once; the rest wait for the regular checks.
_MOST = 50


def of_record(record: Mapping[str, Any]) -> list[str]:
    """The evidence of a commitment's reports and milestones, each address once."""
    rows = [*(record.get("progress_reports") or []), *(record.get("milestones") or [])]
    return list(dict.fromkeys(str(row["evidence"]) for row in rows if isinstance(row, Mapping) and row.get("evidence")))


def of_report(report: Mapping[str, Any]) -> list[str]:
    """The evidence of a report in a round."""
    return of_record({"progress_reports": [report], "milestones": report.get("milestones")})


def here(address: str) -> tuple[model.Package | None, model.Resource | None] | None:
    """The record, and the file, of this catalogue that an address names; None for another site's, ``(None, None)`` when there is none."""
    site = urlsplit(tk.config["ckan.site_url"])
    try:
        asked = urlsplit(address)
        # "http" and "https" of one name are one site, as readers see it.
        if (asked.hostname or "").lower() != (site.hostname or "").lower() or asked.port != site.port:
            return None
    except ValueError:
        return None
    found = _RECORD.search(unquote(asked.path))
    package = model.Package.get(found[2]) if found else None
    if found is None or package is None or package.state != "active" or found[1] not in ("dataset", package.type):
        # Any other page of this site: it is there as long as the site is, and the site does not ask itself.
        return (None, None)
    if not found[3]:
        return (package, None)
    resource = model.Session.get(model.Resource, found[3])
    return (package, resource) if resource is not None and resource.package_id == package.id else (None, None)


def _published() -> list[str]:
    """Evidence that is published or is being reviewed: of public commitments, and of the reports of open rounds."""
    extras = model.Package.extras
    packages = model.Session.query(extras["progress_reports"], extras["milestones"]).filter(
        model.Package.type == "commitment", model.Package.state == "active", model.Package.private.is_(False)
    )
    found: dict[str, None] = {}
    for reports, milestones in packages:
        rows = {"progress_reports": _rows(reports), "milestones": _rows(milestones)}
        found |= dict.fromkeys(of_record(rows))
    items = model.Session.query(RoundItem.report).join(Round, Round.id == RoundItem.round_id).filter(Round.closed_at.is_(None))
    for (report,) in items:
        found |= dict.fromkeys(of_report(report))
    return [address for address in found if here(address) is None]


def _rows(stored: Any) -> list[Any]:
    try:
        rows = json.loads(stored) if isinstance(stored, str) else stored
    except ValueError:
        return []
    return rows if isinstance(rows, list) else []


def listen() -> None:
    """Have the regular checks of links ask for evidence too."""
    links.also(_published)


def schedule(addresses: Iterable[str]) -> None:
    """Have the worker ask those addresses that nobody has asked yet."""
    outside = [address for address in addresses if address.startswith(("http://", "https://")) and here(address) is None]
    if not outside or not table_exists():
        return
    known = links.known(outside)
    if unknown := [address for address in outside if address not in known][:_MOST]:
        tk.enqueue_job(check, [unknown], title="Check evidence", rq_kwargs={"timeout": 3600})


def check(addresses: list[str]) -> None:
    """The job: ask each address, with the pauses and limits of :func:`links.client`; commits after each."""
    with links.client() as asking:
        for address in addresses:
            if address not in links.known([address]):
                links.check(address, asking)
                model.Session.commit()


def after_save(record: Mapping[str, Any]) -> None:
    """A commitment was written: have its new evidence asked."""
    if record.get("type") == "commitment":
        schedule(of_record(record))


def ogptn_evidence(address: str) -> dict[str, Any]:
    """What a page shows of an evidence.

    :returns: ``{"kind": "record" | "file" | "address", "href", "title", "lang", "works": bool or None, "checked": ISO 8601 or None,
        "status": number or None}``; ``works`` is None while nobody has asked. ``title`` is empty for an address elsewhere and for a record
        that the reader may not see.
    """
    shown: dict[str, Any] = {"kind": "address", "href": address, "title": "", "lang": "", "works": None, "checked": None, "status": None}
    own = here(address)
    if own is None:
        seen = links.known([address]).get(address) if table_exists() else None
        if seen is not None and seen.checked is not None:
            shown |= {"works": seen.works, "checked": seen.checked.isoformat(), "status": seen.status}
        return shown
    package, resource = own
    if package is None:
        # Whether a hidden record exists is not told, so neither is that there is none.
        return shown
    linked = tk.h.ogptn_linked_records([package.id])
    if not linked:
        return shown
    title = linked[0]["title"]
    if resource is not None and resource.name:
        title = f"{title} – {resource.name}"
    return shown | {"kind": "file" if resource is not None else "record", "title": title, "lang": linked[0]["lang"], "works": True}
