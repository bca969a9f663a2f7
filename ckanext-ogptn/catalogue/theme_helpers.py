"""Template helpers of the skin: languages, numbers and dates as one isolated run, the doors, the home page, the error page.

Registered by the plugin from :func:`get_helpers`.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import babel.dates
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import CKANConfig, g
from ckan.lib.helpers import helper_functions as h
from ckan.lib.search import SearchError
from ckan.lib.search.common import SolrConnectionError
from flask import current_app
from markupsafe import Markup
from werkzeug.exceptions import default_exceptions

from . import vocabulary
from .config import UNCHOSEN_TITLES, reader_language

log = logging.getLogger(__name__)

LANGUAGES = ("ar", "fr", "en")
#: Each language's name for itself: a reader looks for their own, whatever the page speaks.
LANGUAGE_NAMES = {"ar": "العربية", "fr": "Français", "en": "English"}
#: CLDR's ``ar_TN`` has the month names in use in Tunisia (جانفي, فيفري), ``ar`` has not.
_BABEL_LOCALES = {"ar": "ar_TN", "fr": "fr_TN", "en": "en_GB"}

NARROW_SPACE = "\u202f"
MINUS = "\u2212"
_WESTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")

LEVELS = ("complete", "substantial", "limited", "not_started")
DATASET_TYPES = ("dataset", "commitment", "budget", "extractive")


def get_helpers() -> dict[str, Callable[..., Any]]:
    """Every helper of the skin, by the name that templates use."""
    return {
        "build_nav_icon": build_nav_icon,
        "ogptn_site_title": site_title,
        "ogptn_site_description": site_description,
        "ogptn_languages": languages,
        "ogptn_doors": doors,
        "ogptn_number": number,
        "ogptn_date": date,
        "ogptn_ltr": ltr,
        "ogptn_pick": pick,
        "ogptn_text": text,
        "ogptn_type_label": type_label,
        "ogptn_type_plural": type_plural,
        "ogptn_type_url": type_url,
        "ogptn_organization_title": organization_title,
        "ogptn_size": size,
        "ogptn_level_label": level_label,
        "ogptn_home": home,
        "ogptn_error_page": error_page,
        "ogptn_results_line": results_line,
        "ogptn_filter_count": filter_count,
        "ogptn_formats": formats,
        "ogptn_facts": facts,
        "ogptn_citation": citation,
        "ogptn_preview": preview,
        "ogptn_view_exists": view_exists,
        "ogptn_synthetic_url": synthetic_url,
    }


def configure(config: CKANConfig) -> None:
    """Settings that the skin stands on, each only where the site's own configuration leaves CKAN's default.

    Right to left: core's second stylesheet forces the direction of every paragraph and link, and so would undo ``dir="auto"``; ours needs
    only logical properties, hence one stylesheet for both directions. Avatars: no request leaves the site.
    """
    for key, core_default, ours in (
        ("ckan.i18n.rtl_theme", "css/main-rtl", config.get("ckan.theme") or "css/main"),
        ("ckan.gravatar_default", "identicon", "disabled"),
    ):
        if config.get(key, core_default) == core_default:
            config[key] = ours


# -- Language ---------------------------------------------------------------------------------------------------------


def site_title() -> str:
    """The site's name in the reader's language.

    ``ogptn.site_title.<lang>`` if set; else ``ckan.site_title`` if somebody chose one; else our own.
    """
    chosen = tk.config.get(f"ogptn.site_title.{reader_language()}")
    if chosen:
        return chosen
    general = tk.config.get("ckan.site_title") or ""
    return tk._("Open data") if general in UNCHOSEN_TITLES else general


def site_description() -> str:
    """One sentence on the site in the reader's language, from ``ogptn.site_description.<lang>``, ``ckan.site_description``, or our own."""
    return (
        tk.config.get(f"ogptn.site_description.{reader_language()}")
        or tk.config.get("ckan.site_description")
        or tk._("One national catalogue of the public bodies’ data, in Arabic, French and English, for citizens and developers alike.")
    )


class Language(NamedTuple):
    """A link of the language switch. ``root``: where the site starts in that language, without a final slash."""

    code: str
    name: str
    url: str
    root: str
    current: bool


def languages() -> list[Language]:
    """The offered languages, with a link to the current page in each."""
    offered = tk.config.get("ckan.locales_offered") or []
    codes = [code for code in LANGUAGES if not offered or code in offered]
    here = h.current_url()
    current = h.lang()
    return [
        Language(
            code=code,
            name=LANGUAGE_NAMES[code],
            url=h.url_for(here, locale=code),
            root=h.url_for("home.index", locale=code).rstrip("/"),
            current=code == current,
        )
        for code in codes
    ]


def pick(value: Any, language: str | None = None) -> tuple[str, str | None]:
    """The text of a multilingual value for a reader.

    :param value: ``{"ar": …, "fr": …, "en": …}``, the same as JSON text, or plain text.
    :param language: the reader's language by default.
    :returns: the text, empty if there is none; the code of its language where it is not the asked one, for ``lang=""``.
    """
    if isinstance(value, str):
        if not value.startswith("{"):
            return value, None
        try:
            value = json.loads(value)
        except ValueError:
            return value, None
    if not isinstance(value, Mapping):
        return "", None
    wanted = language or reader_language()
    default = tk.config.get("ckan.locale_default")
    for code in (wanted, default, *LANGUAGES):
        found = value.get(code)
        if isinstance(found, str) and found.strip():
            return found, None if code == wanted else code
    return "", None


def text(entity: Mapping[str, Any] | None, field: str) -> str:
    """The field of a dataset, resource or organisation in the reader's language.

    Looks at ``<field>_translated`` first, then at the plain field, which holds a usable fallback.
    """
    if not entity:
        return ""
    found, _language_of_it = pick(entity.get(f"{field}_translated"))
    return found or pick(entity.get(field))[0]


# -- Numbers, dates, codes ---------------------------------------------------------------------------------------------


def ltr(value: Any) -> Markup:
    """A Latin code, file name or address as one isolated left-to-right run."""
    return Markup('<bdi dir="ltr">{}</bdi>').format(value)


def format_number(value: float | str | Decimal, decimals: int | None = None, *, comma: bool = True) -> str:
    """Groups of three with narrow no-break spaces (U+202F), Western digits.

    :param decimals: digits after the mark; as many as the value has by default, at most 2 for a float.
    :param comma: whether the decimal mark is a comma (Arabic, French) or a point.
    :raises ValueError: if it is not a finite number.
    """
    try:
        exact = Decimal(str(value).translate(_WESTERN))
    except InvalidOperation as error:
        raise ValueError(f"not a number: {value!r}") from error
    if not exact.is_finite():
        raise ValueError(f"not a finite number: {value!r}")
    if decimals is not None:
        exact = round(exact, decimals)
    elif isinstance(value, float):
        exact = round(exact, 2).normalize()
    sign = MINUS if exact < 0 else ""
    whole, _point, part = f"{abs(exact):f}".partition(".")
    grouped = f"{int(whole):,}".replace(",", NARROW_SPACE)
    return f"{sign}{grouped}{(',' if comma else '.') + part if part else ''}"


def number(value: Any, decimals: int | None = None, unit: str = "") -> Markup:
    """A number as the reader's language writes it, in one isolated left-to-right run.

    :param unit: a sign that belongs to the run, such as ``%``.
    :returns: an em dash for ``None`` or what is not a number.
    """
    if value is None:
        return Markup("—")
    comma = reader_language() != "en"
    try:
        shown = format_number(value, decimals, comma=comma)
    except ValueError:
        return Markup("—")
    if unit:
        shown += (NARROW_SPACE if comma else "") + unit
    return ltr(shown)


def _moment(value: Any) -> dt.date | dt.datetime | None:
    if isinstance(value, (dt.date, dt.datetime)):
        return value
    if not isinstance(value, str) or not value.strip():
        return None
    cleaned = value.strip().replace("Z", "+00:00")
    try:
        moment = dt.datetime.fromisoformat(cleaned)
    except ValueError:
        return None
    return moment.date() if len(cleaned) <= len("2016-12-31") else moment


def _local(moment: dt.date | dt.datetime) -> dt.date:
    """CKAN keeps moments in UTC and without saying so."""
    if not isinstance(moment, dt.datetime):
        return moment
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)
    return aware.astimezone(h.get_display_timezone()).date()


def date(value: Any, style: str = "long") -> Markup:
    """A date in words, in a ``<time>`` of its own direction.

    :param value: a date, a datetime (UTC if it does not say), or either as ISO 8601 text.
    :param style: ``long`` (20 July 2005), ``medium`` or ``short``, as CLDR names them.
    :returns: the value itself, isolated, if it is not a date; nothing for an empty one.
    """
    moment = _moment(value)
    if moment is None:
        return Markup("<bdi>{}</bdi>").format(value) if value else Markup("")
    language = reader_language()
    day = _local(moment)
    shown = babel.dates.format_date(day, style, locale=_BABEL_LOCALES[language]).translate(_WESTERN)
    return Markup('<time datetime="{}" dir="{}">{}</time>').format(day.isoformat(), "rtl" if language == "ar" else "ltr", shown)


# -- Doors -------------------------------------------------------------------------------------------------------------


class Door(NamedTuple):
    """A link of the main navigation. ``current``: ``page``, ``true`` (a page below it) or empty, for ``aria-current``."""

    key: str
    label: str
    url: str
    current: str


def view_exists(endpoint: str) -> bool:
    """Whether the site has that view: the plugin that would bring it may not be loaded."""
    return endpoint in current_app.view_functions


def type_url(dataset_type: str) -> str:
    """The search page of a type, or the whole catalogue filtered by it where the type has no page of its own."""
    if view_exists(f"{dataset_type}.search"):
        return h.url_for(f"{dataset_type}.search")
    return h.url_for("dataset.search", dataset_type=dataset_type)


def doors() -> list[Door]:
    """The main navigation: data, commitments, budget, extractive, organisations."""
    endpoint = tk.request.endpoint or ""
    blueprint, _dot, view = endpoint.rpartition(".")
    labels = {
        "dataset": tk._("Data"),
        "commitment": tk._("Commitments"),
        "budget": tk._("Budget"),
        "extractive": tk._("Natural resources"),
        "organization": tk._("Organisations"),
    }
    result = []
    for key, label in labels.items():
        index = "index" if key == "organization" else "search"
        url = h.url_for("organization.index") if key == "organization" else type_url(key)
        inside = blueprint in (key, f"{key}_resource") or blueprint.startswith(f"ogptn_{key}")
        current = "" if not inside else "page" if view == index else "true"
        result.append(Door(key, label, url, current))
    return result


def type_label(dataset_type: str) -> str:
    """What one dataset of that type is called."""
    labels = {
        "dataset": tk._("Dataset"),
        "commitment": tk._("Commitment"),
        "budget": tk._("Budget"),
        "extractive": tk._("Extractive"),
    }
    return labels.get(dataset_type, dataset_type)


def type_plural(dataset_type: str) -> str:
    """What the list of that type is called."""
    labels = {
        "dataset": tk._("Data"),
        "commitment": tk._("Commitments"),
        "budget": tk._("Budget"),
        "extractive": tk._("Natural resources"),
    }
    return labels.get(dataset_type, dataset_type)


def level_label(level: str) -> str:
    """The report's four levels of completion, in words."""
    return vocabulary.label("completion_levels", level, reader_language())


# -- Home --------------------------------------------------------------------------------------------------------------

#: The facets behind the home page's pictures: completion of commitments, fiscal years, kinds of record.
_TYPE_FACET = "dataset_type"
_HOME_FACETS = {"commitment": "vocab_completion_level", "budget": "vocab_fiscal_year", "extractive": "vocab_record_kind"}


#: The keyword that the demonstration content carries (seed/keywords.yaml, ``demo``): its numbers are invented, and every page says so.
SYNTHETIC = "synthetic demonstration data"


def _facet(result: Mapping[str, Any], field: str) -> list[tuple[str, str, int]]:
    """Code, label in the reader's language and count of each value found."""
    facet = result.get("search_facets", {}).get(field) or {}
    return [(item["name"], item.get("display_name") or item["name"], int(item["count"])) for item in facet.get("items", [])]


def home() -> dict[str, Any]:
    """What the home page shows, all of it counted in the catalogue at that moment, as an anonymous reader would find it.

    :returns: ``total``, ``synthetic`` (how many of them have invented numbers), ``types`` ({type: count}), ``levels`` ([(level, label,
        count)]), ``years`` and ``kinds`` ([(name, count, percent of the largest)]), ``newest`` (datasets), and ``failed``, true where the
        search engine did not answer.
    """
    try:
        result = tk.get_action("package_search")(
            {"user": "", "ignore_auth": False},
            {
                "q": "*:*",
                "rows": 5,
                "sort": "metadata_created desc",
                "facet.field": [_TYPE_FACET, *_HOME_FACETS.values()],
                "facet.limit": 100,
            },
        )
        synthetic = tk.get_action("package_search")({"user": "", "ignore_auth": False}, {"fq": f'tags:"{SYNTHETIC}"', "rows": 0})["count"]
    except (SearchError, SolrConnectionError):
        log.exception("The home page could not search the catalogue")
        return {"failed": True, "total": 0, "synthetic": 0, "types": {}, "levels": [], "years": [], "kinds": [], "newest": []}
    levels = {code: (label, count) for code, label, count in _facet(result, _HOME_FACETS["commitment"])}
    years = sorted((label, count) for _code, label, count in _facet(result, _HOME_FACETS["budget"]))
    kinds = sorted(((label, count) for _code, label, count in _facet(result, _HOME_FACETS["extractive"])), key=lambda item: -item[1])
    return {
        "failed": False,
        "total": result["count"],
        "synthetic": synthetic,
        "types": {code: count for code, _label, count in _facet(result, _TYPE_FACET)},
        "levels": [(level, *levels[level]) for level in LEVELS if level in levels],
        "years": _with_share(years),
        "kinds": _with_share(kinds),
        "newest": result["results"],
    }


def synthetic_url() -> str:
    """The demonstration content, as a list."""
    return h.url_for("dataset.search", tags=SYNTHETIC)


def _with_share(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int, int]]:
    counts = list(counts)
    largest = max((count for _name, count in counts), default=0)
    return [(name, count, round(100 * count / largest)) for name, count in counts if count]


# -- Error page --------------------------------------------------------------------------------------------------------


def error_page(code: Any, content: Any = None) -> dict[str, Any]:
    """What happened, what to do, and a number to quote, which the log has too.

    :param code: the HTTP status; CKAN passes ``[500]`` for an error of its own.
    :param content: what the view said; werkzeug's own English sentence is left out.
    :returns: ``code``, ``title``, ``what_to_do``, ``detail`` (may be empty), ``reference``.
    """
    status = code[0] if isinstance(code, (list, tuple)) and code else code
    status = status if isinstance(status, int) else 500
    if status == 404:
        title = tk._("This page does not exist")
        todo = tk._(
            "The address may be mistyped, or what it showed has moved or been withdrawn. Search the catalogue, or start from the home page."
        )
    elif status in (401, 403):
        title = tk._("You may not see this page")
        todo = tk._("It is reserved for those who work on this data. If you do, log in; otherwise ask the organisation that publishes it.")
    elif status == 429:
        title = tk._("Too many requests")
        todo = tk._("Wait a minute, then try again.")
    elif status < 500:
        title = tk._("The site could not do what was asked")
        todo = tk._("Go back, check what you entered, and try again.")
    else:
        title = tk._("Something went wrong on our side")
        todo = tk._("It is not your fault. Try again in a few minutes; if it happens again, tell us, with the number below.")
    known = default_exceptions.get(status)
    said = str(content or "").strip()
    if status >= 500 or not said or (known and said == known.description):
        said = ""
    # A page that failed halfway has asked for its stylesheets already, and CKAN would not give them a second time.
    g.pop("_webassets", None)
    reference = f"{status}-{secrets.token_hex(4)}"
    # The path only: a query may hold what somebody typed.
    log.warning("Error page %s: %s %s", reference, tk.request.method, tk.request.path)
    return {"code": status, "title": title, "what_to_do": todo, "detail": said, "reference": reference}


# -- Search and dataset pages --------------------------------------------------------------------------------------------


def results_line(count: int, query: str | None, entity: str) -> Markup:
    """ "12 results for “health”": the heading of a list of results, with the reader's words isolated."""
    shown = number(count)
    words = Markup("<bdi>{}</bdi>").format(query or "")
    if entity in ("organization", "group"):
        singular, plural = tk._("No organisation"), tk.ungettext("{number} organisation", "{number} organisations", count)
    else:
        singular, plural = tk._("No dataset"), tk.ungettext("{number} dataset", "{number} datasets", count)
    head = Markup.escape(plural).format(number=shown) if count else Markup.escape(singular)
    if not query:
        return head
    return Markup.escape(tk._("{results} for “{query}”")).format(results=head, query=words)


#: Arguments of a search page that are no filters (CKAN's ``dataset.search``; ``_<facet>_limit`` and ``ext_…`` are told by how they begin).
_NO_FILTERS = frozenset({"q", "page", "sort"})


def filter_count() -> int:
    """How many filters are on, by the address of the page."""
    filters = (name for name in tk.request.args if name not in _NO_FILTERS and not name.startswith(("_", "ext_")))
    return sum(sum(1 for value in tk.request.args.getlist(name) if value) for name in filters)


def organization_title(organization: Mapping[str, Any]) -> str:
    """An organisation's name in the reader's language.

    What comes with a dataset has only the core title, so the translated one is read from the database, once per page and organisation.
    """
    own = pick(organization.get("title_translated"))[0]
    if own:
        return own
    known: dict[str, str] = g.setdefault("_ogptn_organization_titles", {})
    key = organization.get("id") or ""
    if key not in known:
        group = model.Group.get(key)
        stored = (getattr(group, "extras", None) or {}).get("title_translated")
        known[key] = pick(stored)[0]
    return known[key] or organization.get("title") or organization.get("name") or ""


def size(value: Any) -> Markup:
    """A file's size with a unit a reader knows; nothing if it is not known.

    :param value: bytes.
    """
    try:
        count = int(value)
    except (TypeError, ValueError):
        return Markup("")
    if count <= 0:
        return Markup("")
    if count < 1000:
        return Markup.escape(tk._("{number} bytes")).format(number=number(count))
    for factor, unit in ((10**9, tk._("{number} GB")), (10**6, tk._("{number} MB")), (10**3, tk._("{number} kB"))):
        if count >= factor:
            return Markup.escape(unit).format(number=number(count / factor, 1 if count < 100 * factor else 0))
    raise AssertionError("unreachable")


def formats(package: Mapping[str, Any], limit: int = 4) -> list[str]:
    """The formats of a dataset's resources, each once, in their order; at most ``limit``."""
    found = dict.fromkeys(str(resource.get("format") or "").strip().upper() for resource in package.get("resources") or [])
    return [name for name in found if name][:limit]


def _labels(name: str, codes: Any, limit: int = 4) -> str:
    """The labels of one code or several, in the reader's language, as one line."""
    several = [codes] if isinstance(codes, str) else list(codes or [])
    shown = [vocabulary.label(name, str(code), reader_language()) for code in several if code]
    more = len(shown) - limit
    line = tk._(", ").join(shown[:limit])
    return line if more <= 0 else tk._("{list} and {number} more").format(list=line, number=more)


def partial_date(value: Any) -> Markup:
    """A date that may be a year or a month only (``2016``, ``2016-02``, ``2016-02-28``)."""
    words = str(value or "")
    if len(words) == len("2016-02"):
        moment = _moment(f"{words}-01")
        if moment:
            shown = babel.dates.format_skeleton("yMMMM", moment, locale=_BABEL_LOCALES[reader_language()]).translate(_WESTERN)
            return Markup('<time datetime="{}" dir="{}">{}</time>').format(words, "rtl" if reader_language() == "ar" else "ltr", shown)
    return date(value, "medium") if len(words) > len("2016-02") else ltr(words) if words else Markup("")


def period(rows: Any) -> Markup:
    """Periods as ``2014 – 2016``; an open end stays open."""
    shown = []
    for row in rows or []:
        if not isinstance(row, Mapping) or not (row.get("start") or row.get("end")):
            continue
        start, end = partial_date(row.get("start")), partial_date(row.get("end"))
        if start and end:
            shown.append(Markup.escape(tk._("{start} to {end}")).format(start=start, end=end))
        elif start:
            shown.append(Markup.escape(tk._("since {start}")).format(start=start))
        else:
            shown.append(Markup.escape(tk._("until {end}")).format(end=end))
    return Markup(" · ").join(shown)


def unit_of(package: Mapping[str, Any]) -> str:
    """The unit of a dataset's amounts or measures as its description says it, in the reader's language; empty when it says none."""
    return package.get("unit") or tk._(", ").join(
        part
        for part in (_labels("unit_multipliers", package.get("unit_multiplier")), _labels("currencies", package.get("currency")))
        if part
    )


def facts(package: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What a reader needs to decide in ten seconds: period, place, unit, updated, licence, formats; what is empty is left out.

    :returns: pairs of a label and what to show, ready for the template.
    """
    licence = package.get("license_id")
    pairs: list[tuple[str, Any]] = [
        (tk._("Action plan"), _labels("plans", package.get("plan"))),
        (tk._("Fiscal years"), Markup(" ").join(ltr(year) for year in package.get("fiscal_years") or [])),
        (tk._("Period"), period(package.get("temporal_coverage"))),
        (tk._("Deadline"), partial_date(package.get("due_on"))),
        (tk._("Phase"), _labels("budget_phases", package.get("phases"))),
        (tk._("Sector"), _labels("sectors", package.get("sectors"))),
        (tk._("Place"), _labels("governorates", package.get("governorates"), 3)),
        (tk._("Unit"), unit_of(package)),
        (tk._("Updated"), date(package.get("metadata_modified"), "medium")),
        (tk._("Licence"), _labels("licences", licence) if licence else ""),
        (tk._("Formats"), Markup(" ").join(ltr(name) for name in formats(package, 6))),
    ]
    return [(label, value) for label, value in pairs if value]


@tk.chained_helper
def build_nav_icon(next_: Callable[..., Markup], menu_item: str, title: str, **options: Any) -> Markup:
    """CKAN's tabs, without the one of a record's groups where the portal has no groups to put it into."""
    if menu_item.endswith(".groups") and menu_item != "dashboard.groups" and not _has_groups():
        return Markup("")
    return next_(menu_item, title, **options)


def _has_groups() -> bool:
    return model.Session.query(model.Group.id).filter_by(is_organization=False, state="active").first() is not None


def citation(package: Mapping[str, Any]) -> str:
    """How to cite a dataset: publisher, year, title, site, address."""
    publisher = organization_title(package.get("organization") or {}) or site_title()
    moment = _moment(package.get("metadata_modified"))
    year = f" ({_local(moment).year})" if moment else ""
    address = h.url_for(f"{package['type']}.read", id=package["name"], _external=True, locale="default")
    return f"{publisher}{year}. {text(package, 'title') or package['name']}. {site_title()}. {address}"


def preview(package: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first view of the first resource, or ``None``: a reader should see some of the data without asking.

    :returns: ``resource`` and ``url`` of the page that shows the view alone.
    """
    resources = package.get("resources") or []
    if not resources:
        return None
    resource = resources[0]
    try:
        views = tk.get_action("resource_view_list")({}, {"id": resource["id"]})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return None
    if not views:
        return None
    url = h.url_for(f"{package['type']}_resource.view", id=package["name"], resource_id=resource["id"], view_id=views[0]["id"])
    return {"resource": resource, "url": url}
