"""Other portals' words, in the shapes that they have there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ogptn.catalogue import rules, vocabulary
from ckanext.ogptn.harvesters import foreign  # pyright: ignore[reportMissingImports]
from tests.conftest import in_time


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("licences", "http://creativecommons.org/licenses/by/3.0/fr/", "other-at"),
        ("licences", "https://creativecommons.org/licenses/by/4.0/deed.fr", "CC_BY_4_0"),
        ("licences", "https://creativecommons.org/licenses/by-nc-sa/3.0/igo/", "other-nc"),
        ("licences", "http://www.opendefinition.org/licenses/odc-pddl", "ODC_PDDL"),
        ("licences", "http://opendatacommons.org/licenses/odbl/1.0/", "ODC_BL"),
        ("licences", "Licence : https://creativecommons.org/licenses/by-sa/2.0/", "other-at"),
        ("licences", "http://publications.europa.eu/resource/authority/licence/CC0", "CC0"),
        ("licences", "https://www.etalab.gouv.fr/licence-ouverte-open-licence", "ETALAB_2_0"),
        ("licences", "http://www.usa.gov/publicdomain/label/1.0/", "other-pd"),
        ("licences", "otl-data.industrie.gov.tn", "OTL"),
        ("licences", "https://example.org/our-own-terms", None),
        ("licences", "Soumis à la licence Etalab", "ETALAB_2_0"),
        ("licences", "Données sous CC BY-SA 3.0", "other-at"),
        ("licences", "Free to use", None),
        ("frequencies", "http://publications.europa.eu/resource/authority/frequency/ANNUAL_3", "QUARTERLY"),
        ("frequencies", "http://purl.org/cld/freq/semiannual", "ANNUAL_2"),
        ("frequencies", "http://purl.org/linked-data/sdmx/2009/code#freq-M", "MONTHLY"),
        ("frequencies", "R/P1Y", "ANNUAL"),
        ("frequencies", "Täglich", "DAILY"),
        ("frequencies", "whenever", None),
        ("languages", "http://lexvo.org/id/iso639-3/ara", "ARA"),
        ("languages", "http://publications.europa.eu/resource/authority/language/FRA", "FRA"),
        ("languages", "fr_CA", "FRA"),
        ("themes", "http://publications.europa.eu/resource/authority/data-theme/TRAN", "TRAN"),
        ("themes", "Mobilität und Verkehr", "TRAN"),
        ("themes", "Éducation", "EDUC"),
        ("themes", "Justiz, Rechtssystem und öffentliche Sicherheit", "JUST"),
        ("themes", "Población y sociedad", "SOCI"),
        ("themes", "http://datos.gob.es/kos/sector-publico/sector/cultura-ocio", "EDUC"),
        ("themes", "http://eurovoc.europa.eu/100142", "INTR"),
        ("themes", "http://inspire.ec.europa.eu/metadata-codelist/TopicCategory/planningCadastre", "REGI"),
        ("themes", "http://inspire.ec.europa.eu/theme/tn", "TRAN"),
        ("licences", "https://project-open-data.cio.gov/unknown-license", "notspecified"),
        ("licences", "NonCommercialAllowed-CommercialAllowed-ReferenceRequired", "other-at"),
        ("themes", "http://opendata.swiss/themes/statistical-basis", "SOCI"),
        ("themes", "economics_and_industry", "ECON"),
        ("frequencies", "P1M", "MONTHLY"),
        ("licences", "No se especificó la licencia", "notspecified"),
        ("licences", "Open Data Commons Open Database License 1.0", "ODC_BL"),
        ("formats", "OGC:WMS-1.3.0-http-get-map", "WMS_SRVC"),
        ("formats", "WWW:LINK-1.0-http--link", "HTML"),
        ("access_rights", "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/noLimitations", "PUBLIC"),
        ("formats", "text/csv; charset=utf-8", "CSV"),
        ("formats", ".XLSX", "XLSX"),
        ("formats", "ESRI Shapefile (zip)", "SHP"),
        ("formats", "http://publications.europa.eu/resource/authority/file-type/GEOJSON", "GEOJSON"),
        ("formats", "WhoKnows", None),
    ],
)
def test_terms(kind: str, value: str, code: str | None) -> None:
    assert foreign.term(kind, value) == code


def test_every_foreign_term_leads_to_one_of_ours() -> None:
    for kind, name in foreign._VOCABULARIES.items():
        codes = set(vocabulary.get(name).terms)
        assert set(foreign._terms()[kind]) <= codes, kind
        for names in foreign._terms()[kind].values():
            assert all(isinstance(one, str) for one in names), kind
    assert {code for name in ("licence_addresses", "licence_words") for _start, code in foreign._terms()[name]} <= set(
        vocabulary.get("licences").terms
    )


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2020-01-01T00:00:00+01:00", "2020-01-01"), ("2019", "2019"), ("2019-05", "2019-05"), ("03/04/2020", "2020-04-03"),
        ("12 janvier 2018", "2018-01-12"), ("1er mars 2019", "2019-03-01"), ("janvier 2018", "2018-01"), ("20200115", "2020-01-15"),
        ("Thu Apr 30 2020", "2020-04-30"), ("٢٠١٦-٠٢-٢٨", "2016-02-28"), ("28 فيفري 2016", "2016-02-28"), ("2014-02-30", None),
        # Drupal's: the day of the week says which of the numbers is the month.
        ("Tue, 10/03/2017 - 12:04", "2017-10-03"), ("mar, 03/10/2017 - 12:04", "2017-10-03"), ("jeu, 19/12/2019 - 03:00", "2019-12-19"),
        ("Fri, 13/13/2017 - 12:04", None),
        ("2020-13-45", None), ("last year", None), ("5 mars", None), ("0001-01-01", None), ("2016/2017", None), ("", None),
    ],
)  # fmt: skip
def test_dates(written: str, stored: str | None) -> None:
    assert foreign.date(written) == stored


def test_html_becomes_markdown_and_scripts_go() -> None:
    written = foreign.markdown(
        "<p>Bonjour <b>à tous</b><script>alert(1)</script> <a href='javascript:x()'>un</a> <a href=\"https://a.tn/b\">deux</a></p>"
        "<ul><li onclick='x()'>trois</li></ul><style>p{}</style><img src=x onerror=alert(1)>"
    )
    assert written == "Bonjour **à tous** un [deux](https://a.tn/b)\n\n- trois"
    assert foreign.markdown("a &lt;p&gt;x&lt;/p&gt; &amp; b") == "a\n\nx\n\n& b"
    assert foreign.markdown("5 < 6 and 7 > 3") == "5 < 6 and 7 > 3"
    assert foreign.markdown("**Markdown** stays\n\n* so") == "**Markdown** stays\n\n* so"
    assert foreign.plain("A &amp; B <b>c</b> &lt;script&gt;x&lt;/script&gt;") == "A & B c"
    assert foreign.plain({"a": 1}) == foreign.plain(None) == foreign.plain(True) == ""


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("www.a.tn/é b.csv", "http://www.a.tn/%C3%A9%20b.csv"), ("//a.tn/b", "https://a.tn/b"), (" <http://a.tn/x|y> ", "http://a.tn/x%7Cy"),
        ("http://a.tn/%20already", "http://a.tn/%20already"), ("http://fichier-du-textile.pdf", "http://fichier-du-textile.pdf"),
        ("javascript:alert(1)", None), ("", None), ("http://", None), ("http://u:p@a.tn/", None), ("C:\\data\\x.xls", None), ("n/a", None),
    ],
)  # fmt: skip
def test_links(written: str, stored: str | None) -> None:
    assert foreign.link(written) == stored


@given(st.text(max_size=200))
def test_no_text_breaks_anything(text: str) -> None:
    for written in (foreign.plain(text), foreign.markdown(text)):
        assert rules.text(written, 10_000) == written
    found = foreign.date(text)
    assert found is None or rules.date(found, partial=True) == found
    address = foreign.link(text)
    assert address is None or rules.url(address) == address
    for kind in foreign._VOCABULARIES:
        foreign.term(kind, text)


def test_descriptions_that_were_made_to_break_a_harvest() -> None:
    with in_time():
        assert foreign.markdown("<a " * 200_000)
        # Python gives up after a thousand calls in one another.
        assert foreign.markdown("<div>" * 3_000 + "Water &amp; <b>air</b>") == "Water & air"
