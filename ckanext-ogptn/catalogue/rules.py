"""The rules of the portal's records, one small function each.

A rule takes plain values and either returns the value in its stored form or raises `RuleError` with a stable slug; what the reader is told
is found by the slug in `message`. Harvesters use the same functions as the forms.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk

from . import text as t

# ISO 3166-2:TN, the outline of the whole country: west, south, east, north, in degrees (reference: the governorates' vocabulary).
COUNTRY_BOX = (7.530, 30.237, 11.598, 37.560)

DEFAULT_LENGTH = 2_000
GEOMETRY_LENGTH = 500_000

_DATE_SHAPES = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"),
    re.compile(r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>\d{4})"),
)
_MONTH_SHAPES = (re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})"), re.compile(r"(?P<m>\d{1,2})[-/.](?P<y>\d{4})"))
_YEAR = re.compile(r"\d{4}")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")


class RuleError(ValueError):
    """A rule that a value breaks.

    :ivar slug: which rule; it does not change between versions
    :ivar details: what the message mentions
    """

    def __init__(self, slug: str, **details: Any) -> None:
        super().__init__(slug)
        self.slug = slug
        self.details = details

    def __str__(self) -> str:
        return message(self.slug, **self.details)


def message(slug: str, **details: Any) -> str:
    """Tell the reader, in the reader's language, what is wrong and what to do.

    :raises KeyError: no rule has this slug
    """
    return _messages()[slug].format(**{key: short(value) for key, value in details.items()})


def slugs() -> tuple[str, ...]:
    """The slugs of all rules."""
    return tuple(_messages())


def _messages() -> dict[str, str]:
    _ = tk._
    return {
        "missing": _("This field is needed. Please fill it in."),
        "missing-choice": _("Please choose a value from the list."),
        "missing-language": _("The text in {language} is needed. Please add it."),
        "missing-any-language": _("Please write this text in at least one language."),
        "missing-obstacles": _("Say what stood in the way: obstacles are needed when the level is “not started” or “limited”."),
        "unknown-language": _("“{language}” is not a language of this portal. Use ar, fr or en."),
        "unknown-field": _("This record has no field “{name}”. Remove it or correct its name."),
        "field-as-extra": _("“{name}” is a field of its own here. Send it under its own name, not as an extra."),
        "not-text": _("This must be text."),
        "not-list": _("This must be a list of values."),
        "not-translations": _("This must hold one text for each language, such as ar, fr and en."),
        "not-group": _("This must be a list of groups of fields, not a single value."),
        "forbidden-character": _(
            "The text holds an invisible control character ({character}) that can make it unreadable or misleading. "
            "Delete it or paste the text as plain text."
        ),
        "too-long": _("The text is too long: {length} characters, at most {limit} are allowed. Shorten it or attach it as a file."),
        "too-many": _("There are too many values: {count}, at most {limit} are allowed."),
        "not-integer": _("“{value}” is not a whole number. Write digits only, such as 10."),
        "not-number": _("“{value}” is not a number. Write digits, with a point or a comma for decimals, such as 12.5."),
        "too-small": _("{value} is too small: the smallest allowed value is {minimum}."),
        "too-large": _("{value} is too large: the largest allowed value is {maximum}."),
        "date-shape": _("“{value}” is not a date. Write it as year-month-day, such as 2016-02-28."),
        "date-shape-partial": _(
            "“{value}” is not a date. Write a year, a year and month or a full date, such as 2016, 2016-02 or 2016-02-28."
        ),
        "date-impossible": _("{value} does not exist in the calendar: check the day and the month (the last day of that month is {last})."),
        "date-month": _("{value} does not exist in the calendar: the month must be between 1 and 12."),
        "date-year": _("The year {year} is outside what this portal records (1800 to 2200). Check it."),
        "period-order": _("The end ({end}) is before the start ({start}). Exchange them or correct one."),
        "report-period-order": _("The report’s period ends ({end}) before it begins ({start}). Exchange the dates or correct one."),
        "report-duplicate": _("Two progress reports end on the same date ({end}). Merge them or correct one date."),
        "milestone-order": _("The deadline ({end}) is before the start ({start}). Exchange them or correct one."),
        "milestone-percent-complete": _("A complete milestone is done to 100 percent. Correct the status or the percentage."),
        "milestone-percent-not-started": _(
            "A milestone that has not started cannot be done to {percent} percent. Correct the status or the percentage."
        ),
        "shares-over-100": _("The shares add up to {total} percent. Together they cannot exceed 100."),
        "operators-several": _("Only one company can be the operator. Keep one “yes”."),
        "expires-before-start": _("It expires ({end}) before it begins ({start}). Correct one of the two dates."),
        "url-shape": _("“{value}” is not a web address. It must begin with http:// or https:// and name a site."),
        "url-credentials": _("A web address must not hold a user name or a password. Remove them."),
        "email-shape": _("“{value}” is not an e-mail address. Write it as name@example.tn."),
        "phone-shape": _("“{value}” is not a telephone number. Write eight digits, with or without +216, or an international number."),
        "vocabulary-code": _("“{value}” is not in the list “{vocabulary}”. Choose one of its values."),
        "vocabulary-parent": _("“{value}” does not belong to “{parent}”. Choose another value."),
        "irm-indicator": _("The indicator “{value}” does not exist in the scheme “{scheme}”. Choose another indicator or scheme."),
        "irm-value": _("“{value}” is not a finding of the indicator “{indicator}”. Choose another finding."),
        "part-shape": _("“{value}” is not a part. Write one Latin letter from a to z."),
        "ogp-identifier": _("“{value}” is not an identifier of the partnership. Write TN and four digits, such as TN0018."),
        "commitment-duplicate": _(
            "Commitment {number} of this plan already exists: {name}. Open that record, or correct the number or the part."
        ),
        "fiscal-year": _("“{value}” is not a fiscal year. Write four digits between 1956 and 2100, such as 2024."),
        "classification-year": _(
            "This classification does not apply to the fiscal year {year}. Titles end with 2019; the seven parts begin with 2020."
        ),
        "municipal-code": _("“{value}” is not a municipal code. Write its five digits, such as 34013."),
        "region-code": _("“{value}” is not a governorate. Write its ISO code, such as TN-61."),
        "level-code": _("The State has no code here. Leave the code empty or choose another level."),
        "column-type": _(
            "“{value}” is not a column type of the Fiscal Data Package. Choose one from the list, or extend one, such as {example}."
        ),
        "column-duplicate": _("The column “{value}” is described twice. Remove one of the two."),
        "country-code": _("“{value}” is not a country code. Write two Latin letters, such as TN."),
        "organization-unknown": _("There is no organisation “{value}” on this portal. Choose one from the list."),
        "organization-cycle": _("An organisation cannot belong to itself or to one of its own parts. Choose another."),
        "dataset-unknown": _("There is no record “{value}” in this catalogue, or you may not see it. Choose one from the list."),
        "dataset-type": _("“{value}” is not a record of the type “{type}”. Choose another."),
        "geojson-syntax": _("This is not GeoJSON: {reason}. Copy the whole geometry again."),
        "geojson-type": _("“{value}” is not a geometry. Use Point, LineString, Polygon, their Multi forms or GeometryCollection."),
        "geojson-coordinates": _("The coordinates are not right: {reason}. Write longitude, then latitude, as numbers."),
        "geojson-outside": _("The geometry lies outside Tunisia. Check that longitude comes before latitude."),
        "slug-shape": _("The address “{value}” cannot be used. Use lower-case Latin letters, digits and single hyphens."),
        "slug-number": _("The address “{value}” is only a number. Add a word that says what it is about."),
        "once": _("Only one is allowed here. Remove the others."),
        "checksum-shape": _("“{value}” is not a checksum. Write hexadecimal digits (0-9 and a-f) only."),
    }


def sentences(errors: Any) -> list[str]:
    """All sentences of an ``error_dict`` or of a part of one, however deep they lie."""
    if isinstance(errors, Mapping):
        errors = errors.values()
    elif isinstance(errors, str) or not isinstance(errors, Iterable):
        return [str(errors)]
    return [sentence for part in errors for sentence in sentences(part)]


def short(value: Any, limit: int = 80) -> Any:
    if not isinstance(value, str):
        return value
    # What was typed is shown back, so it must be safe to write into a log, a JSON document and a page.
    shown = "".join(c if c.isprintable() and c not in t.BIDI_CONTROLS else "\N{REPLACEMENT CHARACTER}" for c in value[: limit + 1])
    return shown[:limit] + "…" if len(shown) > limit else shown


def text(value: Any, limit: int = DEFAULT_LENGTH, multiline: bool = True) -> str:
    """A text that can be stored: trimmed, without invisible marks.

    :raises RuleError: not-text, too-long, forbidden-character
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise RuleError("not-text")
    value = str(value)
    # Before cleaning, which takes time in proportion to the length.
    if len(value) > limit * 2 + 100:
        raise RuleError("too-long", length=len(value), limit=limit)
    character = t.forbidden_character(value, multiline)
    if character:
        raise RuleError("forbidden-character", character=character)
    value = t.clean(value)
    if len(value) > limit:
        raise RuleError("too-long", length=len(value), limit=limit)
    return value


def translations(value: Any, limit: int = DEFAULT_LENGTH) -> dict[str, str]:
    """One text for each language; empty languages are absent from the result.

    :param value: ``{"ar": "…", "fr": "…", "en": "…"}`` or the same as JSON
    :raises RuleError: not-translations, unknown-language, and those of `text`, with ``language`` in the details
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise RuleError("not-translations") from None
    if not isinstance(value, Mapping):
        raise RuleError("not-translations")
    found: dict[str, str] = {}
    for language in value:
        if language not in t.LANGUAGES:
            raise RuleError("unknown-language", language=str(language))
    for language in t.LANGUAGES:
        if value.get(language) is None:
            continue
        try:
            cleaned = text(value[language], limit)
        except RuleError as broken:
            # Whose text it is must reach the form, which shows the message under that language's tab.
            broken.details.setdefault("language", language)
            raise
        if cleaned:
            found[language] = cleaned
    return found


def keywords(value: Any, limit: int = 100, most: int = 100) -> list[str]:
    """Keywords of one language, each once.

    :param value: a list, or one text with commas (Latin or Arabic) or semicolons between
    :raises RuleError: not-list, too-many, and those of `text`
    """
    if isinstance(value, str):
        value = re.split("[,،;؛\n]", value)
    if not isinstance(value, Sequence):
        raise RuleError("not-list")
    found: dict[str, None] = {}
    for word in value:
        cleaned = " ".join(text(word, limit, multiline=False).split())
        if cleaned:
            found.setdefault(cleaned)
    if len(found) > most:
        raise RuleError("too-many", count=len(found), limit=most)
    return list(found)


def _plain_number(value: Any) -> str:
    digits = t.western_digits(text(value, 100, multiline=False))
    return re.sub("[\\s\u00a0\u202f]", "", digits).replace("−", "-")


def _within(number: Decimal, minimum: Decimal | int | None, maximum: Decimal | int | None) -> None:
    if minimum is not None and number < minimum:
        raise RuleError("too-small", value=f"{number:f}", minimum=minimum)
    if maximum is not None and number > maximum:
        raise RuleError("too-large", value=f"{number:f}", maximum=maximum)


def integer(value: Any, minimum: int | None = None, maximum: int | None = None) -> int:
    """A whole number, in any digits.

    :raises RuleError: not-integer, too-small, too-large
    """
    plain = _plain_number(value)
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", plain):
        raise RuleError("not-integer", value=str(value))
    _within(Decimal(plain), minimum, maximum)
    return int(plain)


def number(value: Any, minimum: Decimal | int | None = None, maximum: Decimal | int | None = None) -> Decimal:
    """An exact number; a decimal point, a comma and the Arabic separator mean the same.

    :raises RuleError: not-number, too-small, too-large
    """
    plain = _plain_number(value).rstrip("%").replace(",", ".")
    if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?", plain):
        raise RuleError("not-number", value=str(value))
    try:
        exact = Decimal(plain)
    except InvalidOperation:
        raise RuleError("not-number", value=str(value)) from None
    _within(exact, minimum, maximum)
    return exact


def date(value: Any, partial: bool = False) -> str:
    """A date as ISO 8601: ``2016-02-28``, and with ``partial`` also ``2016-02`` and ``2016``.

    Also read: 28/02/2016, 28.02.2016, 2016/02/28, a date with a time, and Arabic-Indic digits.

    :raises RuleError: date-shape, date-shape-partial, date-month, date-impossible, date-year
    """
    if isinstance(value, dt.datetime):
        value = value.date()
    if isinstance(value, dt.date):
        value = value.isoformat()
    written = t.western_digits(text(value, 100, multiline=False))
    plain = re.sub(r"[T ]\d{2}:\d{2}.*$", "", written)
    for shape in _DATE_SHAPES:
        if found := shape.fullmatch(plain):
            year, month, day = (int(found[part]) for part in "ymd")
            _year_and_month(year, month, written)
            try:
                return dt.date(year, month, day).isoformat()
            except ValueError:
                raise RuleError("date-impossible", value=written, last=_last_day(year, month)) from None
    if partial:
        for shape in _MONTH_SHAPES:
            if found := shape.fullmatch(plain):
                _year_and_month(int(found["y"]), int(found["m"]), written)
                return f"{found['y']}-{int(found['m']):02}"
        if _YEAR.fullmatch(plain):
            _year_and_month(int(plain), 1, written)
            return plain
    raise RuleError("date-shape-partial" if partial else "date-shape", value=written)


def _year_and_month(year: int, month: int, written: str) -> None:
    if not 1800 <= year <= 2200:
        raise RuleError("date-year", year=year)
    if not 1 <= month <= 12:
        raise RuleError("date-month", value=written)


def _last_day(year: int, month: int) -> str:
    following = dt.date(year + month // 12, month % 12 + 1, 1)
    return (following - dt.timedelta(days=1)).isoformat()


def first_day(partial: str) -> str:
    """The first day that a stored (perhaps partial) date can mean, ``YYYY-MM-DD``."""
    return partial + "-01-01"[len(partial) - 4 :] if len(partial) < 10 else partial


def last_day(partial: str) -> str:
    """The last day that a stored (perhaps partial) date can mean, ``YYYY-MM-DD``."""
    if len(partial) == 4:
        return f"{partial}-12-31"
    if len(partial) == 7:
        return _last_day(int(partial[:4]), int(partial[5:]))
    return partial


def period(start: str | None, end: str | None, slug: str = "period-order") -> None:
    """Start and end in order; either may be missing. Partial dates are compared by the days they can mean.

    :raises RuleError: ``slug``
    """
    if start and end and last_day(end) < first_day(start):
        raise RuleError(slug, start=start, end=end)


def shares(percentages: Iterable[Decimal]) -> Decimal:
    """The total of the parties' shares, in percent.

    :raises RuleError: shares-over-100
    """
    total = sum(percentages, Decimal(0))
    if total > 100:
        raise RuleError("shares-over-100", total=f"{total.normalize():f}")
    return total


def url(value: Any, schemes: tuple[str, ...] = ("http", "https", "ftp")) -> str:
    """An absolute web address.

    :raises RuleError: url-shape, url-credentials, and those of `text`
    """
    address = text(value, 2_000, multiline=False)
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise RuleError("url-shape", value=address) from None
    if parts.scheme.lower() not in schemes or not host or re.search(r"[\s<>\"]", address):
        raise RuleError("url-shape", value=address)
    if parts.username or parts.password:
        raise RuleError("url-credentials")
    return address


def email(value: Any) -> str:
    """An e-mail address.

    :raises RuleError: email-shape
    """
    address = text(value, 254, multiline=False)
    if not _EMAIL.fullmatch(address):
        raise RuleError("email-shape", value=address)
    return address


def phone(value: Any) -> str:
    """A telephone number, kept as it was written but in Western digits.

    :raises RuleError: phone-shape
    """
    written = t.western_digits(text(value, 60, multiline=False))
    digits = re.sub(r"[\s().\-/\u00a0]", "", written)
    if not re.fullmatch(r"(?:\+|00)?[0-9]{8,15}", digits) or (len(digits) == 8 and not digits.isdigit()):
        raise RuleError("phone-shape", value=written)
    return " ".join(written.split())


def checksum(value: Any) -> str:
    """A checksum in hexadecimal digits.

    :raises RuleError: checksum-shape
    """
    written = text(value, 200, multiline=False)
    if not re.fullmatch(r"(?:[a-z0-9]+:)?[0-9a-fA-F]{8,128}", written):
        raise RuleError("checksum-shape", value=written)
    return written


# ---------------------------------------------------------------------------------------------------------------------- geometry
_DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def geojson(value: Any) -> str:
    """A GeoJSON geometry (RFC 7946, section 3.1), as compact JSON; a Feature gives its geometry.

    :raises RuleError: too-long, geojson-syntax, geojson-type, geojson-coordinates
    """
    if isinstance(value, str):
        value = text(value, GEOMETRY_LENGTH)
        try:
            geometry = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RuleError("geojson-syntax", reason=str(error)[:80]) from None
    else:
        geometry = value
    if isinstance(geometry, Mapping) and geometry.get("type") == "Feature":
        geometry = geometry.get("geometry")
    if isinstance(geometry, Mapping) and geometry.get("type") == "FeatureCollection":
        features = geometry.get("features")
        if not isinstance(features, list) or not all(isinstance(feature, Mapping) for feature in features):
            raise RuleError("geojson-type", value="FeatureCollection")
        geometry = {"type": "GeometryCollection", "geometries": [feature.get("geometry") for feature in features]}
    _check_geometry(geometry)
    stored = json.dumps(geometry, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(stored) > GEOMETRY_LENGTH:
        raise RuleError("too-long", length=len(stored), limit=GEOMETRY_LENGTH)
    return stored


def _check_geometry(geometry: Any, nesting: int = 0) -> None:
    if not isinstance(geometry, Mapping):
        raise RuleError("geojson-type", value=type(geometry).__name__)
    kind = geometry.get("type")
    if kind == "GeometryCollection" and nesting < 3:
        parts = geometry.get("geometries")
        if not isinstance(parts, list) or not parts:
            raise RuleError("geojson-type", value="GeometryCollection")
        for part in parts:
            _check_geometry(part, nesting + 1)
        return
    if not isinstance(kind, str) or kind not in _DEPTH:
        raise RuleError("geojson-type", value=str(kind))
    _check_coordinates(geometry.get("coordinates"), _DEPTH[kind])
    if kind == "LineString" and len(geometry["coordinates"]) < 2:
        raise RuleError("geojson-coordinates", reason="LineString < 2")
    polygons = {"Polygon": [geometry["coordinates"]], "MultiPolygon": geometry["coordinates"]}.get(kind, [])
    for rings in polygons:
        for ring in rings:
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise RuleError("geojson-coordinates", reason="Polygon: " + json.dumps(ring)[:60])


def _check_coordinates(value: Any, depth: int) -> None:
    if not isinstance(value, list) or not value:
        raise RuleError("geojson-coordinates", reason=json.dumps(value, default=str)[:60])
    if depth:
        for part in value:
            _check_coordinates(part, depth - 1)
        return
    numeric = all(isinstance(part, (int, float)) and not isinstance(part, bool) for part in value)
    # NaN compares false with everything, so it is refused here too.
    if not numeric or not 2 <= len(value) <= 4 or not (-180 <= value[0] <= 180 and -90 <= value[1] <= 90):
        raise RuleError("geojson-coordinates", reason=json.dumps(value, default=str)[:60])


def positions(geometry: Mapping[str, Any]) -> Iterable[tuple[float, float]]:
    """Every (longitude, latitude) of a valid geometry, in degrees."""
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from positions(part)
        return
    pending = [geometry["coordinates"]]
    while pending:
        value = pending.pop()
        if isinstance(value[0], list):
            pending.extend(value)
        else:
            yield float(value[0]), float(value[1])


def outside_country(geometry: Mapping[str, Any]) -> bool:
    """Say whether a valid geometry leaves the country's box (a reason to warn, not to refuse: maritime titles go beyond the land)."""
    west, south, east, north = COUNTRY_BOX
    return any(not (west <= x <= east and south <= y <= north) for x, y in positions(geometry))
