"""The settings that the catalogue reads, each through one typed function. Declared in ``config_declaration.yaml``."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from .text import LANGUAGES


def default_language() -> str:
    """The language that titles and descriptions must be written in: ``ar``, ``fr`` or ``en``."""
    language = tk.config.get("ogptn.default_language") or "ar"
    return language if language in LANGUAGES else "ar"


def reader_language() -> str:
    """The language of the page being made, or the default one outside of a request or in a locale that is not ours."""
    try:
        language = tk.h.lang()
    except (RuntimeError, TypeError, AttributeError):
        return default_language()
    if not language:
        return default_language()
    return language if language in LANGUAGES else "en"


_SITE_TITLES = {"ar": "البيانات المفتوحة", "fr": "Données ouvertes", "en": "Open data"}
_SITE_DESCRIPTIONS = {
    "ar": "دليل وطني واحد لبيانات الهياكل العمومية، بالعربية والفرنسية والإنجليزية.",
    "fr": "Un seul catalogue national des données des organismes publics, en arabe, en français et en anglais.",
    "en": "One national catalogue of the public bodies’ data, in Arabic, French and English.",
}
#: Titles that a site starts with, and that nobody chose: they give way to the translated one.
UNCHOSEN_TITLES = frozenset({"", "CKAN", "البيانات المفتوحة"})


def site_titles() -> dict[str, str]:
    """The site's name in each language: ``ogptn.site_title.<lang>``, else ``ckan.site_title`` if somebody chose one, else our own."""
    general = tk.config.get("ckan.site_title") or ""
    fallback = {} if general in UNCHOSEN_TITLES else dict.fromkeys(LANGUAGES, general)
    return {
        language: tk.config.get(f"ogptn.site_title.{language}") or fallback.get(language) or _SITE_TITLES[language]
        for language in LANGUAGES
    }


def site_descriptions() -> dict[str, str]:
    """One sentence on the site in each language, chosen as :func:`site_titles` is."""
    general = tk.config.get("ckan.site_description") or ""
    return {
        language: tk.config.get(f"ogptn.site_description.{language}") or general or _SITE_DESCRIPTIONS[language] for language in LANGUAGES
    }


def catalog_publisher() -> str | None:
    """Name or id of the organisation that publishes the catalogue; None when the site itself does."""
    return tk.config.get("ogptn.dcat.publisher") or None


def catalog_licence() -> str:
    """The licence of the catalogue's own metadata, as a code of the vocabulary ``licences``."""
    return tk.config.get("ogptn.dcat.licence") or "CC_BY_4_0"


def checks_links() -> bool:
    """Whether the worker asks every night if the links of published files work."""
    return bool(tk.asbool(tk.config.get("ogptn.quality.check_links", True)))


def allowed_hosts() -> list[str]:
    """Hosts, addresses and networks inside the own network that files may be fetched from and links checked at."""
    return list(tk.aslist(tk.config.get("ogptn.tables.allowed_hosts", "")))


def catalog_issued() -> str | None:
    """The day, month or year in which the catalogue was first published, as ``YYYY[-MM[-DD]]``."""
    return tk.config.get("ogptn.dcat.issued") or None
