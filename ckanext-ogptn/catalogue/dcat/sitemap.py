"""The site map (https://www.sitemaps.org/protocol.html) with each page's address in every language
(https://developers.google.com/search/docs/specialty/international/localized-versions)."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

import ckan.plugins.toolkit as tk
from ckan import model

from .freshness import public_ids

#: Pages in a part. The protocol allows 50,000 addresses and 50 MB; each page is there once for each language.
SIZE = 5_000
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_STATIC = ("", "/dataset/", "/commitment/", "/budget/", "/extractive/", "/organization/", "/about")


def _site() -> str:
    return str(tk.config["ckan.site_url"]).rstrip("/")


def _languages() -> list[str]:
    offered = tk.config.get("ckan.locales_offered") or ["en"]
    return list(offered.split() if isinstance(offered, str) else offered)


def _address(path: str, language: str) -> str:
    # The default language has no prefix of its own.
    prefix = "" if language == tk.config.get("ckan.locale_default") else f"/{language}"
    root = (tk.config.get("ckan.root_path") or "").replace("/{{LANG}}", prefix)
    return f"{_site()}{root if tk.config.get('ckan.root_path') else prefix}{path}"


def _pages() -> list[tuple[str, str | None]]:
    """``(path, day of the last change)`` of every public page, in an order that changes little."""
    public = frozenset(public_ids())
    rows = model.Session.query(model.Package.id, model.Package.type, model.Package.name, model.Package.metadata_modified)
    rows = rows.filter(model.Package.state == "active", model.Package.private.is_(False)).order_by(model.Package.id)
    datasets = [(f"/{row[1]}/{row[2]}", row[3].strftime("%Y-%m-%d")) for row in rows if row[0] in public]
    groups = model.Session.query(model.Group.name).filter(model.Group.is_organization.is_(True), model.Group.state == "active")
    organizations = [(f"/organization/{row[0]}", None) for row in groups.order_by(model.Group.id)]
    return [*((path, None) for path in _STATIC), *organizations, *datasets]


def index() -> str:
    """The document that lists the parts."""
    count = max(1, -(-len(_pages()) // SIZE))
    parts = "".join(f"  <sitemap><loc>{escape(f'{_site()}/sitemap-{number}.xml')}</loc></sitemap>\n" for number in range(1, count + 1))
    return f'{_XML}<sitemapindex xmlns="{_NAMESPACE}">\n{parts}</sitemapindex>\n'


def part(number: int) -> str | None:
    """One part, from 1; None when there is none."""
    pages = _pages()[(number - 1) * SIZE : number * SIZE] if number > 0 else []
    if not pages:
        return None
    return f'{_XML}<urlset xmlns="{_NAMESPACE}" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n{"".join(_entries(pages))}</urlset>\n'


def _entries(pages: Iterable[tuple[str, str | None]]) -> Iterable[str]:
    languages = _languages()
    for path, modified in pages:
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{language.replace("_", "-")}" href={quoteattr(_address(path, language))}/>'
            for language in languages
        )
        links += (
            f'<xhtml:link rel="alternate" hreflang="x-default" href={quoteattr(_address(path, str(tk.config["ckan.locale_default"])))}/>'
        )
        changed = f"<lastmod>{modified}</lastmod>" if modified else ""
        for language in languages:
            yield f"  <url><loc>{escape(_address(path, language))}</loc>{changed}{links}</url>\n"
