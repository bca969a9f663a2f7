"""The rules by themselves."""

from __future__ import annotations

import datetime as dt
import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ogptn.catalogue import rules
from ckanext.ogptn.catalogue.rules import RuleError


def slug_of(function: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(RuleError) as caught:
        function(*args, **kwargs)
    return caught.value.slug


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2016-02-29", "2016-02-29"),
        ("29/02/2016", "2016-02-29"),
        ("9.2.2013", "2013-02-09"),
        ("2025/02/24", "2025-02-24"),
        ("٢٩/٠٢/٢٠١٦", "2016-02-29"),
        ("2016-02-29T10:11:12Z", "2016-02-29"),
        ("\u200f2016-02-29", "2016-02-29"),
    ],
)
def test_dates(written: str, stored: str) -> None:
    assert rules.date(written) == stored
    assert rules.date(written, partial=True) == stored


@pytest.mark.parametrize(("written", "stored"), [("2016", "2016"), ("2016-2", "2016-02"), ("02/2016", "2016-02"), ("٢٠١٦", "2016")])
def test_partial_dates(written: str, stored: str) -> None:
    assert rules.date(written, partial=True) == stored
    assert slug_of(rules.date, written) == "date-shape"


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("31/02/2016", "date-impossible"),
        ("29/02/2015", "date-impossible"),
        ("2016-04-31", "date-impossible"),
        ("2016-13-01", "date-month"),
        ("2016-00-01", "date-month"),
        ("0001-01-01", "date-year"),
        ("demain", "date-shape"),
        ("2016-1-1-1", "date-shape"),
        ("1e3", "date-shape"),
        (True, "not-text"),
        ([], "not-text"),
    ],
)
def test_dates_that_are_none(written: Any, slug: str) -> None:
    assert slug_of(rules.date, written) == slug


def test_the_message_says_what_to_do() -> None:
    with pytest.raises(RuleError) as caught:
        rules.date("31/02/2016")
    assert caught.value.details == {"value": "31/02/2016", "last": "2016-02-29"}


@given(st.dates(min_value=dt.date(1800, 1, 1), max_value=dt.date(2200, 12, 31)))
def test_every_day_is_read_in_every_shape(day: Any) -> None:
    iso = day.isoformat()
    assert rules.date(iso) == rules.date(day.strftime("%d/%m/%Y").rjust(10, "0")) == rules.date(iso.replace("-", "/")) == iso


@given(st.text())
def test_no_text_breaks_the_reading_of_a_date(written: str) -> None:
    with suppress(RuleError):
        assert len(rules.date(written, partial=True)) in (4, 7, 10)


@pytest.mark.parametrize(
    ("start", "end", "good"),
    [
        ("2016", "2016", True),
        ("2016-05", "2016", True),
        ("2016", "2016-01-01", True),
        ("2016-02-28", "2016-02", True),
        (None, "2016", True),
        ("2016", None, True),
        ("2017", "2016", False),
        ("2016-03", "2016-02", False),
        ("2025-02-25", "2025-02-24", False),
        ("2016-06-01", "2016-05", False),
    ],
)
def test_periods(start: str | None, end: str | None, good: bool) -> None:
    if good:
        rules.period(start, end)
    else:
        assert slug_of(rules.period, start, end) == "period-order"


@pytest.mark.parametrize(
    ("parts", "good"),
    [(["50", "50"], True), (["33.34", "33.33", "33.33"], True), (["50", "50.000001"], False), ([], True), (["100.1"], False)],
)
def test_shares(parts: list[str], good: bool) -> None:
    numbers = [Decimal(part) for part in parts]
    if good:
        assert rules.shares(numbers) <= 100
    else:
        assert slug_of(rules.shares, numbers) == "shares-over-100"


@pytest.mark.parametrize(
    ("written", "number"), [("١٢٫٥", "12.5"), ("12,5", "12.5"), ("1 234", "1234"), ("45 %", "45"), ("-3", "-3"), (7, "7")]
)
def test_numbers(written: Any, number: str) -> None:
    assert rules.number(written) == Decimal(number)


@pytest.mark.parametrize("written", ["", "1e5", "NaN", "Infinity", "1,234.5", "0x10", "1.2.3", "--1", "½", "9" * 40])
def test_numbers_that_are_none(written: str) -> None:
    assert slug_of(rules.number, written) == "not-number"


def test_limits() -> None:
    assert rules.integer("١٠", 1, 10) == 10
    assert slug_of(rules.integer, "11", 1, 10) == "too-large"
    assert slug_of(rules.integer, 0, 1) == "too-small"
    assert slug_of(rules.integer, "1.5") == "not-integer"
    assert slug_of(rules.integer, True) == "not-text"


@pytest.mark.parametrize(
    "address", ["http://example.tn", "https://example.tn:8443/a?b=c#d", "http://41.231.38.254:80/x.csv", "http://كلمة.تونس/"]
)
def test_addresses(address: str) -> None:
    assert rules.url(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "example.tn",
        "//example.tn",
        "http://",
        "http://a b",
        "http://[::1",
        'http://a"b',
        "file:///etc/passwd",
    ],
)
def test_addresses_that_are_none(address: str) -> None:
    assert slug_of(rules.url, address) == "url-shape"


def test_an_address_keeps_no_password() -> None:
    assert slug_of(rules.url, "https://user:secret@example.tn/") == "url-credentials"


@pytest.mark.parametrize("address", ["a@b.tn", "Walid.t@pm.gov.tn", "x+y@sub.example.tn"])
def test_emails(address: str) -> None:
    assert rules.email(address) == address


@pytest.mark.parametrize("address", ["a", "a@b", "a@b.c", "a b@c.tn", "a@b.tn,c@d.tn", "<a@b.tn>", "a@-b.tn"])
def test_emails_that_are_none(address: str) -> None:
    assert slug_of(rules.email, address) == "email-shape"


@pytest.mark.parametrize(
    ("written", "stored"),
    [("71563021", "71563021"), ("٧١٥٦٣٠٢١", "71563021"), ("+216 71 563 021", "+216 71 563 021"), ("00216 71.563.021", "00216 71.563.021")],
)
def test_phones(written: str, stored: str) -> None:
    assert rules.phone(written) == stored


@pytest.mark.parametrize("written", ["7156302", "call me", "+216", "71-56-30-2x"])
def test_phones_that_are_none(written: str) -> None:
    assert slug_of(rules.phone, written) == "phone-shape"


def test_texts() -> None:
    assert rules.text("  a  ") == "a"
    assert slug_of(rules.text, "x" * 3000) == "too-long"
    assert slug_of(rules.text, "x" * 20_000_000) == "too-long"
    assert slug_of(rules.text, {"a": 1}) == "not-text"
    assert slug_of(rules.text, "a\nb", multiline=False) == "forbidden-character"


def test_translations() -> None:
    assert rules.translations({"en": " a ", "ar": "ب", "fr": ""}) == {"ar": "ب", "en": "a"}
    assert rules.translations('{"fr": "x"}') == {"fr": "x"}
    assert slug_of(rules.translations, {"de": "x"}) == "unknown-language"
    assert slug_of(rules.translations, "text") == "not-translations"
    with pytest.raises(RuleError) as caught:
        rules.translations({"ar": "a\u202eb"})
    assert caught.value.details == {"character": "U+202E", "language": "ar"}


def test_keyword_lists() -> None:
    assert rules.keywords("a, b، c؛ a;; ") == ["a", "b", "c"]
    assert rules.keywords(["x  y", "x y"]) == ["x y"]
    assert slug_of(rules.keywords, 5) == "not-list"


GOOD = [
    {"type": "Point", "coordinates": [10.1, 36.8]},
    {"type": "Polygon", "coordinates": [[[9, 33], [10, 33], [10, 34], [9, 33]]]},
    {"type": "MultiPolygon", "coordinates": [[[[9, 33], [10, 33], [10, 34], [9, 33]]]]},
    {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [9, 34, 100]}]},
]


@pytest.mark.parametrize("geometry", GOOD, ids=lambda g: g["type"])
def test_geometries(geometry: dict[str, Any]) -> None:
    assert json.loads(rules.geojson(json.dumps(geometry))) == geometry
    assert json.loads(rules.geojson({"type": "Feature", "properties": {}, "geometry": geometry})) == geometry
    assert not rules.outside_country(geometry)


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("{", "geojson-syntax"),
        ("[1,2]", "geojson-type"),
        ("null", "geojson-type"),
        ('{"type": "Circle"}', "geojson-type"),
        ('{"type": "GeometryCollection", "geometries": []}', "geojson-type"),
        ('{"type": "FeatureCollection", "features": 1}', "geojson-type"),
        ('{"type": "Point"}', "geojson-coordinates"),
        ('{"type": "Point", "coordinates": [1]}', "geojson-coordinates"),
        ('{"type": "Point", "coordinates": ["1", "2"]}', "geojson-coordinates"),
        ('{"type": "Point", "coordinates": [NaN, 36]}', "geojson-coordinates"),
        ('{"type": "Point", "coordinates": [181, 36]}', "geojson-coordinates"),
        ('{"type": "LineString", "coordinates": [[9, 33]]}', "geojson-coordinates"),
        ('{"type": "Polygon", "coordinates": [[[9, 33], [10, 33], [9, 33]]]}', "geojson-coordinates"),
        ("[" * 100_000, "geojson-syntax"),
        ('{"type": "Point", "coordinates": [1, 2], "x": "' + "y" * 600_000 + '"}', "too-long"),
    ],
)
def test_geometries_that_are_none(written: str, slug: str) -> None:
    assert slug_of(rules.geojson, written) == slug


def test_outside() -> None:
    assert rules.outside_country({"type": "Point", "coordinates": [36.8, 10.1]})


@pytest.mark.usefixtures("with_plugins")
def test_every_rule_speaks_three_languages(app: Any) -> None:
    said: dict[str, dict[str, str]] = {}
    for language in ("ar", "fr", "en"):
        with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": language}):
            said[language] = {slug: rules._messages()[slug] for slug in rules.slugs()}
    for language in ("ar", "fr"):
        assert [slug for slug, message in said[language].items() if message == said["en"][slug]] == []
    for slug, message in said["en"].items():
        holes = set(re.findall(r"{(\w+)}", message))
        for language in ("ar", "fr"):
            assert set(re.findall(r"{(\w+)}", said[language][slug])) == holes, (slug, language)


def test_an_unknown_slug_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        rules.message("no-such-rule")


def test_what_was_typed_is_shown_back_safely_and_short() -> None:
    said = rules.message("url-shape", value="a\u202eb\x00" + "z" * 500)
    assert "\u202e" not in said
    assert "\x00" not in said
    assert "…" in said
    assert len(said) < 250
