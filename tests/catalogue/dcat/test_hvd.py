"""High-value datasets: the profile DCAT-AP HVD 3.0.0, for data that a publisher says belong to one of its six categories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan.tests.helpers import call_action
from ckanext.dcat.processors import RDFParser
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, RDF, SKOS

from ckanext.ogptn.catalogue import vocabulary
from ckanext.ogptn.catalogue.dcat import addresses
from ckanext.ogptn.catalogue.dcat.namespaces import DCAT, DCATAP, ELI
from ckanext.ogptn.catalogue.dcat.profile import PROFILES, complete_graph
from ckanext.ogptn.catalogue.dcat.writer import HVD_LAW, HVD_PROFILE
from tests import factories
from tests.catalogue.dcat import shacl

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db")]
CATEGORY = URIRef("http://data.europa.eu/bna/c_e1da4e07")


def flagged() -> dict[str, Any]:
    return factories.BudgetFactory(
        hvd_category=["statistics", "geospatial"], resources=[{"url": "https://example.tn/b.csv", "format": "CSV"}]
    )


def test_categories_and_law_are_said_of_the_dataset_and_its_files(shapes: Path) -> None:
    package = flagged()
    graph = complete_graph(package)
    subject = addresses.dataset(package["id"])
    assert set(graph.objects(subject, DCATAP.hvdCategory)) == {CATEGORY, URIRef("http://data.europa.eu/bna/c_ac64a52d")}
    assert (CATEGORY, SKOS.inScheme, URIRef("http://data.europa.eu/bna/asd487ae75")) in graph
    assert {label.language for label in graph.objects(CATEGORY, SKOS.prefLabel) if isinstance(label, Literal)} == {"ar", "fr", "en"}
    # DCAT-AP HVD 3.0.0: the law of the dataset and of each distribution.
    for node in (subject, *graph.objects(subject, DCAT.distribution)):
        assert graph.value(node, DCATAP.applicableLegislation) == URIRef(HVD_LAW)
    assert (URIRef(HVD_LAW), RDF.type, ELI.LegalResource) in graph
    assert (subject, DCTERMS.conformsTo, URIRef(HVD_PROFILE)) in graph
    assert shacl.violations(graph, shapes) == {}
    parser = RDFParser(profiles=list(PROFILES))
    parser.parse(graph.serialize(format="turtle"), _format="ttl")
    [back] = parser.datasets()
    assert sorted(back["hvd_category"]) == ["geospatial", "statistics"]
    assert back.get("conforms_to", []) == []


def test_other_datasets_say_nothing_of_it() -> None:
    graph = complete_graph(factories.BudgetFactory(resources=[{"url": "https://example.tn/b.csv"}]))
    assert not [statement for statement in graph if statement[1] in (DCATAP.hvdCategory, DCATAP.applicableLegislation)]
    assert URIRef(HVD_PROFILE) not in set(graph.objects())


def test_another_portals_category_is_read() -> None:
    parser = RDFParser(profiles=list(PROFILES))
    source = f"""@prefix dcat: <{DCAT}> . @prefix dcatap: <{DCATAP}> . @prefix dct: <http://purl.org/dc/terms/> .
        <https://example.org/d> a dcat:Dataset ; dct:title "Statistics"@en ;
        dcatap:hvdCategory <{CATEGORY}> , <https://example.org/own> ."""
    parser.parse(source, _format="ttl")
    [read] = parser.datasets()
    assert read["hvd_category"] == ["statistics"]


@pytest.mark.parametrize("given", [["expensive"], ["statistics", "expensive"]])
def test_other_categories_are_refused(given: list[str]) -> None:
    with pytest.raises(tk.ValidationError) as refused:
        factories.BudgetFactory(hvd_category=given)
    assert list(refused.value.error_dict) == ["hvd_category"]
    assert "expensive" in str(refused.value.error_dict["hvd_category"])


def test_a_category_may_be_given_by_address_or_label() -> None:
    package = factories.BudgetFactory(hvd_category=[str(CATEGORY), "Mobilité"])
    assert sorted(package["hvd_category"]) == ["mobility", "statistics"]


def test_form_and_page_have_it_in_every_language(app: Any) -> None:
    package = flagged()
    token = call_action("api_token_create", user=call_action("get_site_user")["name"], name="t")["token"]
    terms = vocabulary.get("hvd_categories")
    for language in ("ar", "fr", "en"):
        for address in ("/budget/new", "/dataset/new", "/extractive/new"):
            form = BeautifulSoup(app.get(f"/{language}{address}", headers={"Authorization": token}).body, "html.parser")
            options = {box["value"]: form.select_one(f'label[for="{box["id"]}"]') for box in form.select('input[name="hvd_category"]')}
            assert {code: label.get_text(strip=True) for code, label in options.items() if label} == {
                code: term.label[language] for code, term in terms.terms.items()
            }
        page = app.get(f"/{language}/budget/{package['name']}").body
        assert terms.terms["statistics"].label[language] in page
    assert "hvd_category" not in app.get("/en/commitment/new", headers={"Authorization": token}).body


def test_the_flag_reaches_the_documents_of_the_catalogue(app: Any) -> None:
    package = flagged()
    graph = Graph().parse(data=app.get("/catalog.jsonld").body, format="json-ld")
    assert (addresses.dataset(package["id"]), DCATAP.hvdCategory, CATEGORY) in graph
    assert json.loads(app.get(f"/api/3/action/package_show?id={package['id']}").body)["result"]["hvd_category"] == [
        "statistics",
        "geospatial",
    ]
