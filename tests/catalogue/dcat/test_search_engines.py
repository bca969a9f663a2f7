"""What search engines read: schema.org data in pages, the site map, robots.txt, Croissant."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from bs4 import BeautifulSoup
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - its stubs lack it

from ckanext.ogptn.catalogue.dcat import schemaorg, sitemap
from tests import factories
from tests.catalogue.test_dataset import EXAMPLE

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db")]
_SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
_XHTML = "{http://www.w3.org/1999/xhtml}"


def data_of(app: Any, address: str) -> list[dict[str, Any]]:
    page = BeautifulSoup(app.get(address).body, "html.parser")
    return [json.loads(script.get_text()) for script in page.find_all("script", type="application/ld+json")]


def test_each_page_describes_its_dataset_in_its_language(app: Any) -> None:
    budget = factories.BudgetFactory(title_translated={"ar": "ميزانية", "fr": "Budget </script><b>"}, license_id="CC_BY_4_0")
    for prefix, title in (("/fr", "Budget </script><b>"), ("/ar", "ميزانية")):
        [found] = data_of(app, f"{prefix}/budget/{budget['name']}")
        assert found["@type"] == "Dataset"
        assert found["name"] == title
        # https://developers.google.com/search/docs/appearance/structured-data/dataset: required, and their shapes.
        assert 50 <= len(found["description"]) <= 5000 or found["description"].startswith(title)
        assert found["license"].startswith("https://creativecommons.org/")
        assert found["includedInDataCatalog"]["@type"] == "DataCatalog"
        assert found["publisher"]["@type"] == "Organization"
    private = factories.OpenDatasetFactory(owner_org=budget["owner_org"], private=True)
    assert "application/ld+json" not in app.get(f"/dataset/{private['name']}", status=404).body


def test_files_places_and_periods_are_described() -> None:
    package = factories.OpenDatasetFactory(**{**EXAMPLE, "owner_org": factories.AgencyFactory()["id"]})
    found = schemaorg.dataset(package)
    assert [one["@type"] for one in found["distribution"]] == ["DataDownload"] * len(package["resources"])
    assert found["spatialCoverage"][0]["geo"]["box"].count(" ") == 3
    assert found["temporalCoverage"] == ["2010-01/2016-12", "2018/.."]
    assert found["inLanguage"] == ["fr"]


def test_the_site_map_lists_public_pages_in_every_language(app: Any) -> None:
    commitment = factories.CommitmentFactory()
    hidden = factories.OpenDatasetFactory(owner_org=commitment["owner_org"], private=True)
    index = etree.fromstring(app.get("/sitemap.xml").body.encode())
    assert index.tag == f"{_SITEMAP}sitemapindex"
    [part] = [one.text or "" for one in index.iter(f"{_SITEMAP}loc")]
    content = etree.fromstring(app.get(part.partition("test.ckan.net")[2]).body.encode())
    assert content.tag == f"{_SITEMAP}urlset"
    found = {url.findtext(f"{_SITEMAP}loc"): url for url in content.iter(f"{_SITEMAP}url")}
    address = f"http://test.ckan.net/fr/commitment/{commitment['name']}"
    links = {link.get("hreflang"): link.get("href") for link in found[address].iter(f"{_XHTML}link")}
    assert set(links) == {"ar", "fr", "en", "x-default"}
    assert set(links.values()) <= set(found), "each alternate is listed itself, as the protocol of alternates wants"
    assert not [one for one in found if one and hidden["name"] in one]
    for one in (links["ar"], links["x-default"]):
        assert app.get(str(one).partition("test.ckan.net")[2]).status_code == 200
    assert app.get("/sitemap-2.xml").status_code == 404
    assert "Sitemap: http://test.ckan.net/sitemap.xml" in app.get("/robots.txt").body


def test_a_large_site_map_has_parts(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "SIZE", 5)
    factories.CommitmentFactory()
    index = etree.fromstring(app.get("/sitemap.xml").body.encode())
    parts = [one.text or "" for one in index.iter(f"{_SITEMAP}loc")]
    assert len(parts) == 2
    locations = [
        url.text
        for part in parts
        for url in etree.fromstring(app.get(part.partition("test.ckan.net")[2]).body.encode()).iter(f"{_SITEMAP}loc")
    ]
    assert len(locations) == len(set(locations)) == 9 * 3


def test_tables_as_croissant(app: Any) -> None:
    columns = [{"name": "PAYE", "column_type": "value", "title_translated": {"fr": "Montant"}}]
    package = factories.BudgetFactory(resources=[{"url": "https://example.tn/b.csv", "format": "CSV", "columns": columns}])
    found = json.loads(app.get(f"/dataset/{package['name']}/croissant.jsonld").body)
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    [records] = found["recordSet"]
    [field] = records["field"]
    assert (field["name"], field["source"]["extract"]) == ("PAYE", {"column": "PAYE"})
    assert field["source"]["fileObject"]["@id"] == found["distribution"][0]["@id"]
    assert app.get("/dataset/nothing/croissant.jsonld").status_code == 404


# -- by validators of others


def complaints(document: dict[str, Any]) -> list[str]:
    """What the generated schema.org models of `schema-org-py` refuse: unknown properties, values and nodes of the wrong kind."""
    import schema_org
    from pydantic import ValidationError

    assert document.pop("@context") == "https://schema.org/"
    # A year or a month is a date to ISO 8601, as https://schema.org/Date has it, and none to these models.
    whole = re.sub(
        r'("date(?:Published|Modified)": ")(\d{4})(-\d\d)?"',
        lambda found: f'{found[1]}{found[2]}{found[3] or "-01"}-01"',
        json.dumps(document),
    )
    try:
        # Not strictly: the models then take no date that is written as text, which is the only way in which JSON can have one.
        getattr(schema_org, document["@type"]).model_validate_json(whole, strict=False)
    except ValidationError as refused:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in refused.errors()]
    return []


#: https://developers.google.com/search/docs/appearance/structured-data/dataset: required, then recommended.
_REQUIRED = {"name", "description"}
_RECOMMENDED = {
    "alternateName",
    "creator",
    "distribution",
    "identifier",
    "includedInDataCatalog",
    "isAccessibleForFree",
    "keywords",
    "license",
    "sameAs",
    "spatialCoverage",
    "temporalCoverage",
    "url",
    "variableMeasured",
    "version",
}


def test_three_pages_pass_a_validator_of_schema_org(app: Any) -> None:
    agency = factories.AgencyFactory()
    columns = [{"name": "PAYE", "column_type": "value", "title_translated": {"fr": "Montant"}}]
    whole = {**EXAMPLE, "owner_org": agency["id"]}
    records = [
        factories.OpenDatasetFactory(**whole),
        factories.BudgetFactory(
            owner_org=agency["id"],
            license_id="CC_BY_4_0",
            resources=[{"url": "https://example.tn/b.csv", "format": "CSV", "columns": columns}],
        ),
        factories.CommitmentFactory(owner_org=agency["id"], governorates=["TN"], temporal_coverage=[{"start": "2014", "end": "2016"}]),
    ]
    said: set[str] = set()
    for record in records:
        for language in ("ar", "fr", "en"):
            [document] = data_of(app, f"/{language}/{record['type']}/{record['name']}")
            assert set(document) >= _REQUIRED
            assert 50 <= len(document["description"]) <= 5000 or document["description"].startswith(document["name"])
            said |= set(document)
            assert complaints(document) == [], (record["type"], language)
    assert said >= _RECOMMENDED
    # The validator does refuse.
    wrong = {"@context": "https://schema.org/", "@type": "Dataset", "name": "x", "publisher": {"@type": "Place"}, "nonsense": 1}
    assert {one.partition(":")[0].partition(".")[0] for one in complaints(wrong)} == {"publisher", "nonsense"}


def test_the_site_map_is_read_whole_by_a_parser_of_site_maps(app: Any) -> None:
    from usp.objects.sitemap import PagesXMLSitemap
    from usp.tree import sitemap_from_str

    commitment = factories.CommitmentFactory()
    text = app.get("/sitemap.xml").body
    # The parser of an index would fetch its parts: they are read here, one by one.
    parts = [one.text or "" for one in etree.fromstring(text.encode()).iter(f"{_SITEMAP}loc")]
    assert parts
    for address in parts:
        content = app.get(address.partition("test.ckan.net")[2])
        assert len(content.data) < 50 * 1024 * 1024
        read = sitemap_from_str(content.body)
        assert isinstance(read, PagesXMLSitemap)
        pages = list(read.all_pages())
        assert len(pages) == content.body.count("<url>") <= 50_000
        assert all(page.url.startswith("http://test.ckan.net/") or page.url == "http://test.ckan.net" for page in pages)
        [found] = [page for page in pages if page.url == f"http://test.ckan.net/fr/commitment/{commitment['name']}"]
        assert {language for language, _address in found.alternates or ()} == {"ar", "fr", "en", "x-default"}
        assert found.last_modified
    assert not isinstance(sitemap_from_str(text.replace("sitemapindex", "sitemapinde")), PagesXMLSitemap)
