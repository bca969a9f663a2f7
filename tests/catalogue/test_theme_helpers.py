"""Numbers, dates and multilingual text as the reader's language writes them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from werkzeug.exceptions import NotFound

from ckanext.ogptn.catalogue import theme_helpers as theme

NARROW = "\u202f"


@pytest.mark.parametrize(
    ("value", "decimals", "comma", "shown"),
    [
        (29250, None, True, f"29{NARROW}250"),
        (999, None, True, "999"),
        (1234567, None, False, f"1{NARROW}234{NARROW}567"),
        (90.5, 1, True, "90,5"),
        (90.5, 1, False, "90.5"),
        (2.0, None, True, "2"),
        (-1200, None, True, f"\u22121{NARROW}200"),
        ("1234.50", None, True, f"1{NARROW}234,50"),
        ("٢٠١٦", None, True, f"2{NARROW}016"),
        (Decimal("0.005"), None, True, "0,005"),
        (10**30, None, True, NARROW.join(["1", *["000"] * 10])),
    ],
)
def test_number(value, decimals, comma, shown):
    assert theme.format_number(value, decimals, comma=comma) == shown


@pytest.mark.parametrize("value", ["douze", "", "NaN", "inf", "1 000"])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError):
        theme.format_number(value)


@pytest.fixture
def reading(app):
    """``with reading("fr"): …`` – as in a request for a page of that language."""

    def begin(language: str):
        return app.flask_app.test_request_context(f"/{language}/", environ_overrides={"CKAN_LANG": language, "CKAN_LANG_IS_DEFAULT": False})

    return begin


# Making an application takes seconds: each test below asks one of them many things.


@pytest.mark.usefixtures("with_plugins")
class TestAsTheReaderSees:
    def test_numbers_and_codes_are_one_left_to_right_run(self, reading):
        for language, shown in (("ar", f"90,5{NARROW}%"), ("fr", f"90,5{NARROW}%"), ("en", "90.5%")):
            with reading(language):
                assert theme.number(90.5, unit="%") == f'<bdi dir="ltr">{shown}</bdi>'
                assert theme.number(None) == theme.number("secret") == "—"
                assert theme.ltr("a<b.csv") == '<bdi dir="ltr">a&lt;b.csv</bdi>'

    def test_dates_in_tunisian_usage(self, reading, ckan_config, monkeypatch):
        monkeypatch.setitem(ckan_config, "ckan.display_timezone", "Africa/Tunis")
        for language, shown in (
            ("ar", '<time datetime="2005-07-20" dir="rtl">20 جويلية 2005</time>'),
            ("fr", '<time datetime="2005-07-20" dir="ltr">20 juillet 2005</time>'),
            ("en", '<time datetime="2005-07-20" dir="ltr">20 July 2005</time>'),
        ):
            with reading(language):
                assert theme.date("2005-07-20") == theme.date(dt.date(2005, 7, 20)) == shown
        with reading("en"):
            # CKAN stores UTC; Tunis is an hour ahead.
            assert "1 January 2016" in theme.date("2015-12-31T23:30:00")
            assert theme.date("<b>soon</b>") == "<bdi>&lt;b&gt;soon&lt;/b&gt;</bdi>"
            assert theme.date(None) == ""
            assert "February 2016" in theme.partial_date("2016-02")
            assert theme.partial_date("2016") == '<bdi dir="ltr">2016</bdi>'
            assert theme.partial_date(None) == ""

    def test_pick(self, reading):
        with reading("fr"):
            for value, picked in (
                ({"ar": "ميزانية", "fr": "Budget"}, ("Budget", None)),
                ({"ar": "ميزانية"}, ("ميزانية", "ar")),
                ({"en": "Budget", "fr": "  "}, ("Budget", "en")),
                ('{"ar": "ميزانية", "fr": "Budget"}', ("Budget", None)),
                ("{not json", ("{not json", None)),
                ("plain", ("plain", None)),
                ({}, ("", None)),
                (None, ("", None)),
            ):
                assert theme.pick(value) == picked

    def test_sizes(self, reading):
        with reading("en"):
            for value, shown in ((12, "12"), (1500, "1.5"), (2_340_000_000, "2.3")):
                assert f'<bdi dir="ltr">{shown}</bdi>' in theme.size(value)
            assert [theme.size(value) for value in (None, "", "x", 0, -5)] == [""] * 5

    def test_filters_are_counted_from_the_address(self, app):
        for query, count in (
            ("", 0),
            ("?q=sant%C3%A9&sort=title&page=2", 0),
            ("?tags=a&tags=b&res_format=CSV&_tags_limit=0&ext_x=1", 3),
            ("?tags=", 0),
        ):
            with app.flask_app.test_request_context(f"/dataset/{query}"):
                assert theme.filter_count() == count, query

    def test_site_title(self, reading, ckan_config, monkeypatch):
        with reading("fr"):
            for configured, shown in (
                ({"ckan.site_title": "CKAN"}, "Données ouvertes"),
                ({"ckan.site_title": "Sfax ouverte"}, "Sfax ouverte"),
                ({"ogptn.site_title.fr": "Ville de Sfax"}, "Ville de Sfax"),
            ):
                for key, value in configured.items():
                    monkeypatch.setitem(ckan_config, key, value)
                assert theme.site_title() == shown

    def test_error_page_has_a_number_that_the_log_has_too(self, app, caplog):
        for code, status in ((404, 404), ([500], 500), ("?", 500), (403, 403), (418, 418)):
            with app.flask_app.test_request_context("/secret-place?token=hidden"):
                page = theme.error_page(code)
            assert page["code"] == status
            assert page["reference"].startswith(f"{status}-")
            assert page["reference"] in caplog.text
        assert "hidden" not in caplog.text

    def test_error_page_leaves_out_werkzeugs_own_english(self, app):
        with app.flask_app.test_request_context("/"):
            assert theme.error_page(404, NotFound.description)["detail"] == ""
            assert theme.error_page(404, "Dataset not found")["detail"] == "Dataset not found"
            assert theme.error_page([500], "Traceback: password=1")["detail"] == ""
