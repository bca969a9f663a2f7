"""Other portals' words in ours: licences, themes, frequencies, languages, formats, dates, places, texts in HTML.

What a source says is hostile until it has passed the portal's own rules (`catalogue.rules`), and imperfect always. So a `Draft` takes one
value after the other, keeps what passes, puts what has no place of its own where a reader still finds it, and reports both. A record is
never lost for one odd field.
"""

from __future__ import annotations

import collections
import datetime as dt
import functools
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import ckan.plugins.toolkit as tk
import nh3
import yaml
from dateutil import parser as dates
from geomet import wkt
from markdownify import markdownify

from ckanext.ogptn.catalogue import rules, vocabulary
from ckanext.ogptn.catalogue import text as t
from ckanext.ogptn.catalogue.rules import RuleError

from .engine.base import Backend, Options, Record, option
from .engine.problems import Kind, Severity

# ---------------------------------------------------------------------------------------------------------------------- problems
UNKNOWN_LICENCE = Kind(
    "unknown-licence",
    Severity.WARNING,
    lambda: tk._("The licence “{value}” is not known here; it is shown as the source writes it."),
    lambda: tk._("Choose the licence it corresponds to, or ask the publisher which one is meant."),
)
UNKNOWN_THEME = Kind(
    "unknown-theme",
    Severity.WARNING,
    lambda: tk._("The theme “{value}” is not one of the portal’s; it was kept as a keyword."),
    lambda: tk._("Choose a theme for the record, which is kept at the next harvest."),
)
UNKNOWN_TERM = Kind(
    "unknown-term",
    Severity.WARNING,
    lambda: tk._("“{value}” is not a value that the portal knows for {name}; it was kept beside it, as written."),
    lambda: tk._("Choose the value it corresponds to; your choice is kept at the next harvest."),
)
BAD_DATE = Kind(
    "unreadable-date",
    Severity.WARNING,
    lambda: tk._("“{value}” is not a date; it was kept as written."),
    lambda: tk._("Correct it here, or tell the publisher: dates are written as year-month-day."),
)
BAD_LINK = Kind(
    "unusable-address",
    Severity.WARNING,
    lambda: tk._("“{value}” is not a web address and cannot be a link; it was kept as text."),
    lambda: tk._("Tell the publisher to give the whole address, beginning with http:// or https://."),
)
REVERSED_PERIOD = Kind(
    "reversed-period",
    Severity.WARNING,
    lambda: tk._("The period ends before it begins ({value}); it was kept as written."),
    lambda: tk._("Correct the two dates here, or tell the publisher."),
)
NO_TITLE = Kind(
    "missing-title",
    Severity.WARNING,
    lambda: tk._("The record has no title; its identifier stands in for it."),
    lambda: tk._("Write a title here, or ask the publisher for one."),
)
NO_FILES = Kind(
    "missing-resources",
    Severity.WARNING,
    lambda: tk._("The record has no file and no link to data."),
    lambda: tk._("Ask the publisher where the data are."),
)
TOO_LONG = Kind(
    "shortened",
    Severity.WARNING,
    lambda: tk._("A text of {length} characters was cut to the {limit} that fit."),
    lambda: tk._("Read the whole at the source; shorten it there."),
)
LEFT_OUT = Kind(
    "left-out",
    Severity.WARNING,
    lambda: tk._("“{value}” was left out: {reason}"),
    lambda: tk._("Correct it here, or tell the publisher."),
)

# ------------------------------------------------------------------------------------------------------------------------- terms
_FILE = Path(__file__).with_name("foreign_terms.yaml")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BARE_ADDRESS = re.compile(r"[\w-]+(?:\.[\w-]+)+/")
_SCHEME = re.compile(r"^https?://(?:www\.)?", re.IGNORECASE)
_ENDING = re.compile(r"(?:[./](?:deed|legalcode)(?:\.\w+)?|\.html?|\.aspx)?/*$", re.IGNORECASE)


@functools.cache
def _terms() -> dict[str, Any]:
    with _FILE.open(encoding="utf-8") as file:
        return yaml.load(file, _LOADER)  # noqa: S506 - both are safe loaders


@functools.cache
def _names(kind: str) -> dict[str, str]:
    return {
        _address(name) if _BARE_ADDRESS.match(name) else _plain(name): code
        for code, names in _terms()[kind].items()
        for name in map(str, names)
    }


def _plain(value: str) -> str:
    """A name or an address without what writers vary."""
    value = value.strip()
    if _SCHEME.match(value):
        return _address(value)
    return " ".join(re.sub(r"[^\w/#.+:]+|_+", " ", t.fold(value)).split()).strip(" .")


def _address(value: str) -> str:
    return _ENDING.sub("", _SCHEME.sub("", value.strip())).lower()


#: Which vocabulary answers for which list of foreign names.
_VOCABULARIES = {
    "licences": "licences",
    "frequencies": "frequencies",
    "languages": "languages",
    "themes": "data_themes",
    "formats": "file_types",
    "access_rights": "access_rights",
}


@functools.lru_cache(maxsize=4096)
def term(kind: str, value: str) -> str | None:
    """The portal's code for a foreign value, None when nothing is known that means the same.

    :param kind: ``licences``, ``frequencies``, ``languages``, ``themes``, ``formats`` or ``access_rights``
    :param value: a code, an address or a name in any language
    """
    if not value.strip() or len(value) > 1000:
        return None
    found = vocabulary.get(_VOCABULARIES[kind]).find(value.strip())
    if found is not None:
        return found.code
    code = _names(kind).get(_plain(value))
    if code:
        return code
    if kind == "licences":
        return _licence_by_address(value)
    if _SCHEME.match(value):
        # …/authority/frequency/ANNUAL, …/frequency#annual: the last part is what it is called.
        last = re.split(r"[/#]", _SCHEME.sub("", value.rstrip("/#")))[-1]
        if last and last != value:
            return term(kind, last.replace("_", " ")) or term(kind, last)
    if kind == "languages" and re.fullmatch(r"[A-Za-z]{2}[-_]\w{2,4}", value.strip()):
        return term(kind, value.strip()[:2])
    if kind == "frequencies" and re.fullmatch(r"P[\dT]\S*", value.strip()):
        # ISO 8601's length of time without the "again and again" before it.
        return term(kind, "R/" + value.strip())
    if kind == "formats":
        return _format_by_part(value)
    return None


def _licence_by_address(value: str) -> str | None:
    if not _SCHEME.match(value.strip()):
        # "Creative Commons Attribution 3.0 (https://…)": the address inside a text is what counts.
        inside = re.search(r"https?://[^\s<>\"')]+", value)
        if inside:
            return _licence_by_address(inside[0]) or term("licences", inside[0].rstrip(".,;"))
        # "Soumis à la licence Etalab": a name that belongs to one licence alone.
        words = f" {_plain(value)} "
        return next((code for name, code in _terms()["licence_words"] if f" {name} " in words), None)
    address = _address(value)
    for start, code in _terms()["licence_addresses"]:
        if address == start or (address.startswith(start) and not address[len(start)].isalnum() and address[len(start)] != "-"):
            return code
    if address.startswith("opendefinition.org/licen"):
        return vocabulary_code("licences", address.rsplit("/", 1)[-1])
    return None


def vocabulary_code(name: str, value: str) -> str | None:
    """The code of a vocabulary's own term, None when it has no such term."""
    found = vocabulary.get(name).find(value)
    return found.code if found else None


def _code_or_last_part(name: str, value: str) -> str | None:
    """The same, also for an address of another list with the same names: ``http://purl.org/adms/status/Completed``."""
    return vocabulary_code(name, value) or (
        vocabulary_code(name, re.split(r"[/#]", value.rstrip("/#"))[-1]) if _SCHEME.match(value) else None
    )


def _format_by_part(value: str) -> str | None:
    plain = value.strip().lower().split(";", 1)[0].strip()
    if plain != value.strip().lower():
        return term("formats", plain)
    # GeoNetwork's protocols: "OGC:WMS-1.3.0-http-get-map", "WWW:LINK-1.0-http--link".
    if re.match(r"(?:ogc|www|esri):", plain) and (protocol := re.sub(r"-(?:\d|http).*", "", plain)) != plain:
        return term("formats", protocol)
    # ".csv", "CSV, XLSX", "csv/zip", "ESRI Shapefile (zip)": the first part that is a format.
    parts = [part for part in re.split(r"[\s,;/|()+&]+", plain.lstrip(".")) if part]
    if len(parts) > 1 or parts != [plain]:
        for part in parts:
            if found := term("formats", part):
                return found
    return None


# ------------------------------------------------------------------------------------------------------------------------- texts
_TAG = re.compile(
    r"</?(?:p|br|div|span|a|ul|ol|li|b|i|em|strong|h[1-6]|table|t[rdh]|font|img|script|style|iframe|blockquote|pre|hr|u|sup|sub)\b"
    r"[^<>]*>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8});", re.IGNORECASE)
_ALLOWED = {"p", "br", "div", "span", "a", "ul", "ol", "li", "b", "i", "em", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead",
            "tbody", "tr", "td", "th", "blockquote", "pre", "code", "hr", "sup", "sub"}  # fmt: skip


def clean(value: Any, *, one_line: bool = False) -> str:
    """A foreign text that can be stored: no control and direction characters, no lone surrogates.

    :param value: anything; what is not text, number or date gives ``""``
    """
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, (dt.date, dt.datetime)):
        value = value.isoformat()
    if not isinstance(value, (str, int, float)):
        return ""
    text = str(value)
    # A source can be in the habit of sending megabytes of one character.
    text = text[:2_000_000]
    if t.forbidden_character(text) is not None:
        text = "".join(character for character in text if t.forbidden_character(character) is None)
    text = t.clean(text)
    return " ".join(text.split()) if one_line else text


def markdown(value: Any) -> str:
    """A foreign description as Markdown: HTML is converted, scripts are dropped with what they contain, entities are resolved."""
    text = clean(value)
    if _TAG.search(text) is None and not (_ENTITY.search(text) and _TAG.search(html.unescape(text))):
        return clean(html.unescape(text)) if _ENTITY.search(text) else text
    if _TAG.search(text) is None:
        # Escaped twice on its way.
        text = html.unescape(text)
    safe = nh3.clean(text, tags=_ALLOWED, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"}, link_rel=None)
    try:
        written = markdownify(safe, heading_style="ATX", bullets="-", escape_asterisks=False, escape_underscores=False)
    except RecursionError:
        # Hundreds of elements in one another, as editors leave them that copy from each other: the words are what matters.
        written = html.unescape(nh3.clean(text, tags=set()))
    return re.sub(r"\n{3,}", "\n\n", clean(re.sub(r"[ \t]+\n", "\n", written)))


def plain(value: Any) -> str:
    """A foreign title or name on one line, without HTML."""
    text = clean(value, one_line=True)
    if "<" in text or "&" in text:
        text = html.unescape(nh3.clean(text, tags=set())) if _TAG.search(text) else html.unescape(text)
        # Once more: what an entity stood for may be a tag.
        text = clean(html.unescape(nh3.clean(text, tags=set())) if _TAG.search(text) else text, one_line=True)
    return text


_PERSON = re.compile(r"e-?mail|phone|author|maintainer|creator|user|orcid|(?:given|first|last|family|sur)_?name", re.IGNORECASE)


def of_persons(value: Any, depth: int = 0) -> bool:
    """Whether a structure holds what only persons have: it is left out as a whole, as a name alone would tell who it is.

    :param value: of JSON, or JSON itself
    """
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        value = _parsed(value)
    if isinstance(value, dict):
        return any(_PERSON.search(str(key)) or of_persons(part, depth + 1) for key, part in value.items()) or depth > 5
    return isinstance(value, list) and (depth > 5 or any(of_persons(part, depth + 1) for part in value))


def said(value: Any, depth: int = 0) -> str:
    """A value of a source's own schema in words: lists, texts by language, and records of a repeating field.

    :param value: of JSON, or JSON itself
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")) and (read := _parsed(value)) is not None:
        value = read
    if depth > 5 or not isinstance(value, (dict, list)):
        return clean(value) if depth == 0 else clean(value, one_line=True)
    if isinstance(value, list):
        parts = [text for part in value if (text := said(part, depth + 1))]
        return ("; " if any(isinstance(part, dict) for part in value) else ", ").join(parts)
    if all(len(str(key)) == 2 for key in value):
        return " / ".join(dict.fromkeys(text for part in value.values() if (text := said(part, depth + 1))))
    return ", ".join(f"{key}: {text}" for key, part in value.items() if (text := said(part, depth + 1)))


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


_OURS = {"ARA": "ar", "FRA": "fr", "ENG": "en"}


def portal_language(stated: str) -> str | None:
    """The portal's language that a source means by ``"fr"``, ``"fr-CA"``, ``"fra"`` or an address of the EU's list; None for others."""
    return _OURS.get(term("languages", stated) or "")


def language_of(text: str, stated: str, default: str) -> str:
    """The portal's language under which a text is kept.

    :param stated: the language that the source names (``"fr"``, ``"fr-CA"``, ``"de"``), or ``""``
    :param default: the record's language, or the source's
    """
    if code := portal_language(stated):
        return code
    if t.is_arabic(text):
        # A French description may name a place in Arabic, and the reverse: the script of most letters tells.
        arabic = sum(1 for character in text if t.is_arabic(character))
        if arabic * 2 >= sum(1 for character in text if character.isalpha()):
            return "ar"
    return "fr" if default == "ar" else default


def link(value: Any) -> str | None:
    """A web address that the portal can store, repaired where that is certain; None when it is none.

    Repaired: spaces and other characters that must be escaped, a missing scheme before ``www.``, white space around.
    """
    text = clean(value, one_line=False)
    text = "".join(text.split("\n")).strip().strip("<>").strip()
    if not text:
        return None
    if text.lower().startswith("www."):
        text = "http://" + text
    if text.startswith("//"):
        text = "https:" + text
    text = quote(text, safe="!#$%&'()*+,/:;=?@[]~-._")
    try:
        return rules.url(text)
    except RuleError:
        return None


_HAS_YEAR = re.compile(r"(?<!\d)(?:1[89]|20|21)\d{2}(?!\d)")
_MONTHS = {"janvier": "january", "fevrier": "february", "mars": "march", "avril": "april", "mai": "may", "juin": "june",
           "juillet": "july", "aout": "august", "septembre": "september", "octobre": "october", "novembre": "november",
           "decembre": "december", "جانفي": "january", "فيفري": "february", "مارس": "march", "افريل": "april", "ماي": "may",
           "جوان": "june", "جويليه": "july", "اوت": "august", "سبتمبر": "september", "اكتوبر": "october", "نوفمبر": "november",
           "ديسمبر": "december"}  # fmt: skip


#: "Tue, 10/18/2017 - 12:04" and "mar, 18/10/2017 - 12:04": as Drupal (and so DKAN) writes dates, in American or in European order.
_DRUPAL = re.compile(r"(?P<day>[^\W\d]{2,12})\.?,?\s+(?P<one>\d{1,2})/(?P<two>\d{1,2})/(?P<year>\d{4})(?:\s*-\s*\d{1,2}:\d{2})?$")
#: The first letters of weekdays, Monday first, in English, French, German, Spanish and Italian.
_WEEKDAYS = ("mon lun mo", "tue mar di", "wed mer mi mie", "thu jeu do jue gio", "fri ven fr vie", "sat sam sa sab", "sun dim so dom")


#: What programs write where there is no date, and the dates before and after all others.
_NO_DATE = re.compile(r"(?:none|null|n/?a|nil|-+|undefined|unknown|0000-00-00|(?:0001|9999)-\d\d-\d\d).*", re.IGNORECASE)


def _said_date(value: Any) -> str:
    text = plain(value)
    return "" if _NO_DATE.fullmatch(text) else text


def _by_weekday(weekday: str, one: int, two: int, year: int) -> str | None:
    """The reading of two numbers that falls on this day of the week; the European one where neither or both do."""
    found: list[dt.date] = []
    for day, month in ((one, two), (two, one)):
        try:
            found.append(dt.date(year, month, day))
        except ValueError:
            continue
    fitting = [day for day in found if any(weekday.startswith(start) for start in _WEEKDAYS[day.weekday()].split())]
    return next((day.isoformat() for day in [*fitting, *found]), None)


def date(value: Any) -> str | None:
    """A foreign date as ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; None when it cannot be told for certain.

    ``03/04/2020`` is the third of April, as Tunisia, France and the portal's own rule read it.
    """
    text = clean(value, one_line=True)
    if not text or len(text) > 100:
        return None
    try:
        return rules.date(text, partial=True)
    except RuleError:
        pass
    if re.fullmatch(r"(?:1[89]|20|21)\d{6}", text):
        return date(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    if not _HAS_YEAR.search(t.western_digits(text)):
        return None
    if dated := _DRUPAL.match(t.fold(text)):
        return _by_weekday(dated["day"], int(dated["one"]), int(dated["two"]), int(dated["year"]))
    words = ["1" if word == "1er" else _MONTHS.get(word, word) for word in re.split(r"[\s,]+", t.fold(text))]
    try:
        # Two different defaults: a part that changes with the default was not in the text.
        found = [dates.parse(" ".join(words), dayfirst=True, default=dt.datetime(2000, at, at)) for at in (1, 2)]  # noqa: DTZ001
    except (ValueError, OverflowError, TypeError):
        return None
    first, second = found
    if first.year != second.year or not 1800 <= first.year <= 2200:
        return None
    if first.month != second.month:
        return f"{first.year:04}"
    return f"{first.year:04}-{first.month:02}" if first.day != second.day else first.date().isoformat()


def as_geojson(text: str) -> str | None:
    """A geometry in GeoJSON or WKT (with or without GeoSPARQL's reference system) as GeoJSON."""
    text = text.strip()
    if text.startswith("{"):
        return text
    try:
        return json.dumps(wkt.loads(re.sub(r"^<[^>]*>\s*", "", text)))
    except (ValueError, TypeError, KeyError, IndexError, StopIteration, AttributeError):
        return None


# ------------------------------------------------------------------------------------------------------------------------- draft
@dataclass(frozen=True)
class LicensedOptions(Options):
    """Options of a backend whose records may name no licence."""

    default_licence: str = option(
        "",
        lambda: tk._("Licence of records that name none"),
        help=lambda: tk._("A code of the portal’s list of licences, such as LNDPO-TN."),
    )

    def check(self) -> dict[str, list[str]]:
        if self.default_licence and term("licences", self.default_licence) is None:
            return {"default_licence": [tk._("This is not a licence of the portal’s list.")]}
        return {}


class Draft:
    """A dataset in the making, from one foreign record.

    :param backend: whose source this is; takes the reports
    :param languages: those that the record says its own texts are in, as written there; if it is one of the portal's, texts that name no
        language are in that one, and not in the source's
    """

    def __init__(self, backend: Backend, record: Record, languages: Sequence[Any] = ()) -> None:
        self._backend = backend
        self._record = record
        stated = {found for value in languages if (found := portal_language(plain(value)))}
        self._language = stated.pop() if len(stated) == len(languages) == 1 else backend.source.language
        self.data: dict[str, Any] = {"resources": [], "extras": []}
        self._keywords: dict[str, dict[str, None]] = {}
        self._themes: dict[str, None] = {}
        self._unknown_themes: dict[str, None] = {}

    def default_licence(self, options: LicensedOptions) -> None:
        """The administrator's licence, for a record that names none; one that we do not know is a licence too."""
        if options.default_licence and not {"license_id", "source_licence"} & self.data.keys():
            self.data["license_id"] = term("licences", options.default_licence)

    # -- texts
    def texts(self, field: str, values: Mapping[str, Any] | Iterable[tuple[Any, str]], *, rich: bool, limit: int) -> dict[str, str]:
        """Texts by language, for a field ending in ``_translated``.

        :param values: ``[(text, language or "")]`` or ``{language: text}``; of two texts in one language the first stays
        :param rich: the field takes Markdown and several lines
        """
        found: dict[str, str] = {}
        # Texts in the portal's own languages first, then those that name none. One in German is better than nothing, but must not pass for
        # the French one where readers could have the English.
        for text, language in sorted(_pairs(values), key=lambda pair: _rank(pair[1])):
            if found and _rank(language) >= _FOREIGN:
                break
            written = markdown(text) if rich else plain(text)
            if not written:
                continue
            kept_as = language_of(written, language, self._language)
            found.setdefault(kept_as, self._short(written, limit, field))
        return found

    def _short(self, text: str, limit: int, field: str) -> str:
        if len(text) <= limit:
            return text
        self._backend.report(TOO_LONG, field=field, length=len(text), limit=limit)
        return text[: limit - 1].rstrip() + "…"

    def title(self, values: Mapping[str, Any] | Iterable[tuple[Any, str]]) -> None:
        found = self.texts("title", values, rich=False, limit=500)
        if not found:
            self._backend.report(NO_TITLE, field="title")
            # An address or a number is a poor title, but the record can be found and corrected.
            last = plain(self._record.guid.rstrip("/").rsplit("/", 1)[-1])[:500] or self._record.hash[:12]
            found = {language_of(last, "", self._language): last}
        self.data["title_translated"] = found

    def notes(self, values: Mapping[str, Any] | Iterable[tuple[Any, str]]) -> None:
        if found := self.texts("notes", values, rich=True, limit=100_000):
            self.data["notes_translated"] = found

    def translated(self, field: str, values: Mapping[str, Any] | Iterable[tuple[Any, str]], limit: int = 20_000) -> None:
        if found := self.texts(field, values, rich=True, limit=limit):
            self.data[field] = found

    def text(self, field: str, value: Any, limit: int = 500) -> None:
        """A field of one line."""
        if written := plain(value):
            self.data[field] = self._short(written, limit, field)

    def beside(self, name: str, value: Any) -> None:
        """What a source says under a name that is none of ours, beside what was kept under it before."""
        if written := plain(said(value)):
            before = next((extra["value"] for extra in self.data["extras"] if extra["key"] == f"original_{name}"), "")
            if written not in before:
                self.aside(name, ", ".join(text for text in (before, written) if text))

    def aside(self, name: str, value: Any) -> None:
        """What has no field of its own, kept as an extra that the page shows; replaces what was kept under the name."""
        if written := clean(value, one_line=True):
            key = f"original_{name}"
            self.data["extras"] = [extra for extra in self.data["extras"] if extra["key"] != key]
            self.data["extras"].append({"key": key, "value": written[:2_000]})

    def keywords(self, values: Iterable[tuple[Any, str]]) -> None:
        """``[(word, language or "")]``; a text with commas is several. Those in other languages than the portal's are left out where they
        are translations: where there are as many in one of the portal's."""
        split = [(kept, language) for text, language in values for word in re.split("[,،;؛|\n]", plain(text)) if (kept := plain(word))]
        number = collections.Counter(language for _word, language in split)
        most = max((count for language, count in number.items() if _rank(language) == _OWN), default=0)
        for word, language in split:
            if _rank(language) >= _FOREIGN and number[language] <= most:
                continue
            words = self._keywords.setdefault(language_of(word, language, self._language), {})
            if len(words) < 100:
                words.setdefault(self._short(word, 100, "tags"))

    # -- terms
    def licence(self, *values: Any) -> None:
        """The first licence that is known; all as written in ``source_licence``."""
        written = list(dict.fromkeys(text for value in values if (text := plain(value))))
        if not written:
            return
        code = next((found for value in written if (found := term("licences", value))), None)
        if code:
            self.data["license_id"] = code
        else:
            self._backend.report(UNKNOWN_LICENCE, field="license_id", value=written[0])
        self.data["source_licence"] = self._short(" – ".join(written), 500, "source_licence")

    def themes(self, values: Iterable[tuple[Any, str]]) -> None:
        """``[(code, address or name, language or "")]``; what is no theme of ours becomes a keyword, if it has words."""
        for value, language in values:
            text = plain(value)
            if not text:
                continue
            if code := term("themes", text):
                self._themes.setdefault(code)
                continue
            self._unknown_themes.setdefault(text)
            if _SCHEME.match(text):
                self.aside("theme", text)
            else:
                self.keywords([(text, language)])

    def coded(self, field: str, kind: str, value: Any, name: str) -> None:
        """A field of one term; an unknown one is kept aside.

        :param name: what the field is called, in the reader's language
        """
        text = plain(value)
        if not text:
            return
        if code := term(kind, text):
            self.data[field] = code
        else:
            self._backend.report(UNKNOWN_TERM, field=field, value=text, name=name)
            self.aside(field, text)

    def terms(self, field: str, name: str, values: Iterable[Any]) -> None:
        """A field of several terms of one vocabulary; unknown ones are kept aside.

        :param name: the vocabulary's
        """
        written = [text for value in values if (text := plain(value))]
        codes = [_code_or_last_part(name, text) for text in written]
        if known := list(dict.fromkeys(code for code in codes if code)):
            self.data[field] = known
        self.aside(field, ", ".join(text for text, code in zip(written, codes, strict=True) if not code))

    def languages(self, values: Iterable[Any], into: dict[str, Any] | None = None) -> None:
        target = self.data if into is None else into
        found: dict[str, None] = {}
        unknown: list[str] = []
        for value in values:
            for text in re.split(r"[,;\s]+", plain(value)) if len(plain(value)) < 40 else [plain(value)]:
                if text and (code := term("languages", text)):
                    found.setdefault(code)
                elif text:
                    unknown.append(text)
        if found:
            target["language"] = list(found)
        if unknown and into is None:
            # Most of the world's languages are not in the list, and need no action.
            self.aside("language", ", ".join(unknown))

    # -- dates, places, links
    def date(self, field: str, value: Any, *, aside: bool = True) -> str | None:
        """A date of the dataset. Returns it as stored."""
        text = _said_date(value)
        if not text:
            return None
        found = date(text)
        if found:
            self.data[field] = found
        else:
            self._backend.report(BAD_DATE, field=field, value=text)
            if aside:
                self.aside(field, text)
        return found

    def period(self, start: Any, end: Any, written: str = "") -> None:
        """A period covered. What cannot be read goes into the period's text."""
        first, last = _said_date(start), _said_date(end)
        begin = date(first) if first else None
        finish = date(last) if last else None
        shown = plain(written) or " – ".join(part for part in (first, last) if part)
        if (first and not begin) or (last and not finish):
            self._backend.report(BAD_DATE, field="temporal_coverage", value=shown)
            self.data.setdefault("temporal_text", shown[:500])
            return
        if not begin and not finish:
            return
        try:
            rules.period(begin, finish)
        except RuleError:
            self._backend.report(REVERSED_PERIOD, field="temporal_coverage", value=shown)
            self.data.setdefault("temporal_text", shown[:500])
            return
        row = {name: value for name, value in (("start", begin), ("end", finish)) if value}
        rows = self.data.setdefault("temporal_coverage", [])
        if row not in rows and len(rows) < 100:
            rows.append(row)

    def place(self, text: Any) -> None:
        """A place by name or address: a governorate if it is one, and as written."""
        written = plain(text)
        if not written or re.fullmatch(r"\{\{.*\}\}", written):
            # A blank that the source's own template never filled.
            return
        found = vocabulary.get("governorates").find(written)
        if found is not None:
            places = self.data.setdefault("governorates", [])
            if found.code not in places:
                places.append(found.code)
        before = self.data.get("spatial_text")
        parts = [before] if before else []
        if written not in parts:
            self.data["spatial_text"] = "; ".join([*parts, written])[:500]

    def geometry(self, value: Any) -> None:
        """GeoJSON, as text or parsed."""
        try:
            self.data["spatial"] = rules.geojson(value)
        except RuleError as broken:
            self._backend.report(LEFT_OUT, field="spatial", value=str(value)[:80], reason=str(broken))

    def link(self, field: str, value: Any) -> None:
        """A field that is one web address."""
        found = link(value)
        if found:
            self.data[field] = found
        elif plain(value):
            self._backend.report(BAD_LINK, field=field, value=plain(value))
            self.aside(field, value)

    def links(self, field: str, values: Iterable[Any], into: dict[str, Any] | None = None) -> None:
        """A field of several web addresses; what is none is left out, with a report."""
        target = self.data if into is None else into
        found: dict[str, None] = {}
        for value in values:
            if address := link(value):
                found.setdefault(address)
            elif plain(value):
                self._backend.report(BAD_LINK, field=field, value=plain(value))
                self.aside(field, value)
        if found:
            target[field] = list(found)[:100]

    # -- people and bodies
    def contact(self, names: Iterable[tuple[Any, str]], email: Any = "", url: Any = "") -> None:
        row: dict[str, Any] = {}
        if found := self.texts("contact", names, rich=False, limit=500):
            row["name_translated"] = found
        addresses: list[str] = []
        written = plain(email)
        # "mailto:a@x", "a@x; b@x", "Somebody <a@x>", "https://catalogue/a@x" where a link was wanted: each address has a row of its own.
        for address in re.findall(r"[^\s<>;,:?/\"()]+@[^\s<>;,:?/\"()]+", written) or [written] * bool(written):
            try:
                addresses.append(rules.email(address))
            except RuleError as broken:
                self._backend.report(LEFT_OUT, field="contact", value=written, reason=str(broken))
        if page := link(url):
            row["url"] = page
        rows = self.data.setdefault("contact", [])
        for each in [{**row, "email": address} for address in addresses] or [row]:
            if each and each not in rows and len(rows) < 20:
                rows.append(each)
        if not rows:
            del self.data["contact"]

    def agent(self, field: str, names: Iterable[tuple[Any, str]], url: Any = "", uri: Any = "", identifier: Any = "") -> None:
        """``publisher`` or ``creator``; the first one stays."""
        if self.data.get(field):
            return
        row: dict[str, Any] = {}
        if found := self.texts(field, names, rich=False, limit=500):
            row["name_translated"] = found
            if field == "publisher":
                self.data.setdefault("source_publisher", t.pick(found, self._language))
        for name, value in (("url", link(url)), ("uri", link(uri))):
            if value:
                row[name] = value
        if number := plain(identifier):
            row["identifier"] = number[:200]
        if row:
            self.data[field] = [row]

    # -- files
    def resource(
        self,
        *,
        url: Any,
        names: Iterable[tuple[Any, str]] = (),
        descriptions: Iterable[tuple[Any, str]] = (),
        formats: Sequence[Any] = (),
        guid: str = "",
        more: Iterable[tuple[str, Any]] = (),
        **values: Any,
    ) -> dict[str, Any]:
        """Add a file or link.

        :param formats: as the source writes them: format, media type; the first known one counts
        :param guid: the file's identity at the source
        :param more: what else is said of it, ``[(name at the source, text)]``: goes into its description
        :param values: ``license``, ``languages``, ``issued``, ``modified``, ``size``, ``hash``, ``hash_algorithm``, ``conforms_to``,
            ``data_dictionary``, ``status``, ``availability``, ``temporal_start``, ``temporal_end``, as the source writes them
        """
        position = len(self.data["resources"])
        where = f"resources-{position}"
        resource: dict[str, Any] = {}
        if found := self.texts(f"{where}-name", names, rich=False, limit=500):
            resource["name_translated"] = found
        described = self.texts(f"{where}-description", descriptions, rich=True, limit=100_000)
        address = link(url)
        written = clean(url, one_line=True)
        if address:
            resource["url"] = address
        elif written:
            self._backend.report(BAD_LINK, field=f"{where}-url", value=written)
            self._add(described, written)
        others = [(name, text) for name, value in more if (text := plain(value))]
        for name, kind in (("status", "distribution_statuses"), ("availability", "availabilities")):
            if (text := plain(values.get(name))) and (code := _code_or_last_part(kind, text)):
                resource[name] = code
            elif text:
                others.append((name, text))
        for name, text in others:
            self._add(described, f"{name}: {text[:2_000]}")
        if described:
            resource["description_translated"] = described
        self._covered(resource, values.get("temporal_start"), values.get("temporal_end"))
        self._format(resource, where, formats)
        if licence := plain(values.get("license")):
            if code := term("licences", licence):
                resource["license"] = code
            elif "source_licence" not in self.data:
                self.licence(licence)
        self.languages(values.get("languages") or (), resource)
        for name in ("issued", "modified"):
            if (text := _said_date(values.get(name))) and (found_date := date(text)):
                resource[name] = found_date
            elif text:
                self._backend.report(BAD_DATE, field=f"{where}-{name}", value=text)
        # "42 octets" is exact, "1.2 MB" is not.
        size = re.sub(r"\.0+$|\s*(?:bytes?|octets?|B|o)$", "", plain(values.get("size")))
        if size.isdigit() and len(size) <= 15:
            resource["size"] = int(size)
        if digest := plain(values.get("hash")):
            try:
                resource["hash"] = rules.checksum(digest)
            except RuleError as broken:
                self._backend.report(LEFT_OUT, field=f"{where}-hash", value=digest, reason=str(broken))
        algorithm = vocabulary.get("checksum_algorithms").find(
            # spdx:checksumAlgorithm_sha256, …/hashAlgorithms/sha/256
            re.sub(r".*(?:checksumAlgorithm_|hashAlgorithms/)", "", plain(values.get("hash_algorithm"))).replace("/", "")
        )
        if algorithm and "hash" in resource:
            resource["hash_algorithm"] = algorithm.code
        self.links("conforms_to", values.get("conforms_to") or (), resource)
        if dictionary := link(values.get("data_dictionary")):
            resource["data_dictionary"] = dictionary
        if guid:
            resource["guid"] = guid[:2_000]
        self.data["resources"].append(resource)
        return resource

    def _add(self, described: dict[str, str], text: str) -> None:
        """A paragraph more, in the first of the description's languages."""
        language = next(iter(described), language_of("", "", self._language))
        described[language] = f"{described.get(language, '')}\n\n{text}".strip()[:100_000]

    def _covered(self, resource: dict[str, Any], start: Any, end: Any) -> None:
        """The period that a file covers, if it is one."""
        begin, finish = date(_said_date(start)), date(_said_date(end))
        try:
            rules.period(begin, finish)
        except RuleError:
            return
        resource |= {name: value for name, value in (("temporal_start", begin), ("temporal_end", finish)) if value}

    def _format(self, resource: dict[str, Any], where: str, formats: Sequence[Any]) -> None:
        written = [text for value in formats if (text := plain(value))]
        code = next((found for value in written if (found := term("formats", value))), None)
        # What the file is called says more than "binary" or a format that nobody knows.
        for called in (urlsplit(resource.get("url", "")).path.rsplit("/", 1)[-1], *resource.get("name_translated", {}).values()):
            ending = called.rsplit(".", 1)
            by_name = term("formats", ending[1]) if len(ending) == 2 and re.fullmatch(r"\w{2,7}", ending[1]) else None
            if by_name and (code in (None, "OCTET") or (code, by_name) in _FINER):
                code = by_name
        if code:
            resource["format"] = code
        elif written:
            self._backend.report(UNKNOWN_TERM, field=f"{where}-format", value=written[0], name=tk._("the format"))
            self._add(resource.setdefault("description_translated", {}), written[0])
        media = next((value.lower() for value in written if re.fullmatch(r"[\w.+-]+/[\w.+-]+", value)), None)
        if media:
            resource["mimetype"] = media

    # -- the whole
    def finish(self) -> dict[str, Any]:
        """The dataset, as ``package_create`` takes it."""
        source = self._backend.source
        if self._themes:
            self.data["theme"] = list(self._themes)
        else:
            # Whoever has a theme of ours may have finer ones of their own, as keywords: nothing is to be done about these.
            for theme in self._unknown_themes:
                self._backend.report(UNKNOWN_THEME, field="theme", value=theme)
        if self._keywords:
            self.data["tags_translated"] = {language: list(words) for language, words in self._keywords.items()}
        if not self.data["resources"]:
            self._backend.report(NO_FILES, field="resources")
        self.data["source_portal"] = (source.title or urlsplit(source.url).hostname or source.url)[:500]
        self.data["source_identifier"] = clean(self._record.guid, one_line=True)[:500]
        if page := link(self._record.url):
            self.data["source_url"] = page
        if self._record.modified and (modified := date(self._record.modified)):
            self.data["source_modified"] = modified
        if not self.data["extras"]:
            del self.data["extras"]
        return self.data


#: Formats that a file's ending tells better than the source, who calls each workbook "XLS" and each text "text".
_FINER = {("JSON", "GEOJSON"), ("XLS", "XLSX"), ("TXT", "CSV"), ("TXT", "TSV")}
_OWN, _UNNAMED, _FOREIGN, _RARE = range(4)


def _rank(language: str) -> int:
    """Whether a text is in a language of the portal, in none that is named, in another that the portal has a name for, or in any other."""
    if not language.strip():
        return _UNNAMED
    return _OWN if portal_language(language) else _FOREIGN if term("languages", language) else _RARE


def _pairs(values: Mapping[str, Any] | Iterable[tuple[Any, str]]) -> list[tuple[Any, str]]:
    if isinstance(values, Mapping):
        return [(text, str(language)) for language, text in values.items()]
    return list(values)


def stable_json(value: Any) -> bytes:
    """JSON whose bytes depend on the content alone, for a record's hash."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str).encode("utf-8", "surrogatepass")
