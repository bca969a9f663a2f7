"""The defects of ckanext-dcat's own output that our profile mends. Each test shows the defect first,
so that it tells when upstream is mended.

The numbers are those of the list that this was built from.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import call_action
from ckanext.dcat.processors import RDFSerializer
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF, SKOS

from ckanext.ogptn.catalogue.dcat import addresses
from ckanext.ogptn.catalogue.dcat.profile import PROFILES
from tests import factories

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db")]
OURS: list[str] = [*PROFILES]
STOCK = OURS[:2]
EU = "http://publications.europa.eu/resource/authority/"


def catalog(profiles: list[str]) -> tuple[Graph, URIRef]:
    serializer = RDFSerializer(profiles=profiles)
    return serializer.g, serializer.graph_from_catalog({})


def dataset(profiles: list[str], package: dict[str, Any]) -> tuple[Graph, URIRef]:
    serializer = RDFSerializer(profiles=profiles)
    return serializer.g, serializer.graph_from_dataset(package)


def file_of(profiles: list[str], package: dict[str, Any]) -> tuple[Graph, Any]:
    graph, subject = dataset(profiles, package)
    return graph, graph.value(subject, DCAT.distribution)


def with_file(**fields: Any) -> dict[str, Any]:
    record = {name: fields.pop(name) for name in ("license_id",) if name in fields}
    return factories.OpenDatasetFactory(resources=[{"url": "https://example.tn/d.csv", "format": "CSV", **fields}], **record)


def test_1_the_catalogue_has_a_publisher() -> None:
    graph, subject = catalog(STOCK)
    assert graph.value(subject, DCTERMS.publisher) is None
    graph, subject = catalog(OURS)
    [publisher] = graph.objects(subject, DCTERMS.publisher)
    assert (publisher, RDF.type, FOAF.Agent) in graph
    assert {name.language for name in graph.objects(publisher, FOAF.name) if isinstance(name, Literal)} == {"ar", "fr", "en"}


@pytest.mark.ckan_config("ogptn.dcat.publisher", "publishing-agency")
def test_1_the_publisher_may_be_an_organisation() -> None:
    agency = factories.AgencyFactory(name="publishing-agency", kind="NationalAuthority")
    graph, subject = catalog(OURS)
    assert graph.value(subject, DCTERMS.publisher) == addresses.organization(agency["id"])


def test_2_the_catalogues_languages_are_terms() -> None:
    graph, subject = catalog(STOCK)
    assert isinstance(graph.value(subject, DCTERMS.language), Literal)
    graph, subject = catalog(OURS)
    assert set(graph.objects(subject, DCTERMS.language)) == {URIRef(f"{EU}language/{code}") for code in ("ARA", "FRA", "ENG")}


@pytest.mark.ckan_config("ogptn.dcat.issued", "2016-09")
def test_3_the_catalogue_has_what_is_recommended() -> None:
    recommended = (DCTERMS.license, DCTERMS.spatial, DCTERMS.issued, DCAT.themeTaxonomy)
    graph, subject = catalog(STOCK)
    assert not [predicate for predicate in recommended if graph.value(subject, predicate)]
    graph, subject = catalog(OURS)
    assert [predicate for predicate in recommended if not graph.value(subject, predicate)] == []
    assert (graph.value(subject, DCAT.themeTaxonomy), RDF.type, SKOS.ConceptScheme) in graph
    assert (graph.value(subject, FOAF.homepage), RDF.type, FOAF.Document) in graph


def test_4_no_empty_translations() -> None:
    package = {**factories.OpenDatasetFactory(), "title_translated": {"ar": "عنوان", "fr": "", "en": " "}}
    graph, subject = dataset(STOCK, package)
    assert Literal("", lang="fr") in set(graph.objects(subject, DCTERMS.title))
    graph, subject = dataset(OURS, package)
    assert set(graph.objects(subject, DCTERMS.title)) == {Literal("عنوان", lang="ar")}


def test_5_formats_and_media_types_are_terms() -> None:
    package = with_file(mimetype="text/csv")
    graph, node = file_of(STOCK, package)
    assert isinstance(graph.value(node, DCTERMS.format), Literal)
    assert isinstance(graph.value(node, DCAT.mediaType), Literal)
    graph, node = file_of(OURS, package)
    assert graph.value(node, DCTERMS.format) == URIRef(f"{EU}file-type/CSV")
    assert graph.value(node, DCAT.mediaType) == URIRef("http://www.iana.org/assignments/media-types/text/csv")
    assert (graph.value(node, DCTERMS.format), RDF.type, DCTERMS.MediaTypeOrExtent) in graph
    assert (graph.value(node, DCAT.mediaType), RDF.type, DCTERMS.MediaType) in graph


def test_6_every_file_has_an_access_address() -> None:
    package = with_file()
    package["resources"][0]["download_url"] = package["resources"][0]["url"]
    graph, node = file_of(STOCK, package)
    assert graph.value(node, DCAT.accessURL) is None
    graph, node = file_of(OURS, package)
    assert graph.value(node, DCAT.accessURL) == URIRef("https://example.tn/d.csv")


def test_6_a_file_without_an_address_leads_to_its_page() -> None:
    package = with_file(url="")
    graph, node = file_of(OURS, package)
    assert graph.value(node, DCAT.accessURL) == node


def test_7_an_uploaded_file_can_be_downloaded() -> None:
    package = with_file()
    file = package["resources"][0]
    file |= {"url_type": "upload", "url": f"http://test.ckan.net/dataset/{package['id']}/resource/{file['id']}/download/d.csv"}
    graph, node = file_of(STOCK, package)
    assert graph.value(node, DCAT.downloadURL) is None
    graph, node = file_of(OURS, package)
    assert graph.value(node, DCAT.downloadURL) == graph.value(node, DCAT.accessURL) == URIRef(package["resources"][0]["url"])


def test_an_empty_file_has_its_size() -> None:
    package = with_file(size=0)
    assert package["resources"][0]["size"] == 0
    graph, node = file_of(OURS, package)
    assert str(graph.value(node, DCAT.byteSize)) == "0"


def test_8_no_licence_is_of_an_unknown_kind() -> None:
    unknown = URIRef("http://purl.org/adms/licencetype/UnknownIPR")
    package = with_file(license=f"{EU}licence/CC_BY_4_0", license_id="CC_BY_4_0")
    package["resources"][0]["license"] = f"{EU}licence/CC_BY_4_0"
    graph, _node = file_of(STOCK, package)
    assert (None, None, unknown) in graph
    package["resources"][0]["license"] = "CC_BY_4_0"
    graph, node = file_of(OURS, package)
    assert (None, None, unknown) not in graph
    assert graph.value(graph.value(node, DCTERMS.license), DCTERMS.type) == URIRef("http://purl.org/adms/licencetype/Attribution")


def test_9_the_licence_of_the_record_reaches_its_files() -> None:
    package = with_file(license_id="CC_BY_4_0")
    graph, node = file_of(STOCK, package)
    assert graph.value(node, DCTERMS.license) is None
    graph, node = file_of(OURS, package)
    assert graph.value(node, DCTERMS.license) == URIRef(f"{EU}licence/CC_BY_4_0")


def test_10_versions_are_said_once() -> None:
    package = {**factories.OpenDatasetFactory(), "has_version": ["https://example.tn/v1"]}
    graph, subject = dataset(STOCK, package)
    assert graph.value(subject, DCTERMS.hasVersion) == graph.value(subject, DCAT.hasVersion)
    graph, subject = dataset(OURS, package)
    assert graph.value(subject, DCTERMS.hasVersion) is None


def test_11_homepages_are_documents() -> None:
    graph, subject = catalog(STOCK)
    assert (graph.value(subject, FOAF.homepage), RDF.type, FOAF.Document) not in graph
    agency = factories.AgencyFactory(site_url="https://agence.example.tn")
    graph, subject = dataset(OURS, factories.OpenDatasetFactory(owner_org=agency["id"]))
    publisher = graph.value(subject, DCTERMS.publisher)
    assert (graph.value(publisher, FOAF.homepage), RDF.type, FOAF.Document) in graph


# -- and what else a national catalogue needs


def test_addresses_outlive_a_new_name_and_hold_no_type() -> None:
    package = factories.CommitmentFactory()
    before = dataset(OURS, package)[1]
    renamed = call_action("package_patch", context={"user": call_action("get_site_user")["name"]}, id=package["id"], name="another-name")
    assert dataset(OURS, renamed)[1] == before == URIRef(f"{tk.config['ckan.site_url']}/dataset/{package['id']}")


def test_an_address_given_elsewhere_does_not_replace_ours() -> None:
    package = {**factories.OpenDatasetFactory(), "uri": "https://elsewhere.example.tn/dataset/1"}
    assert str(dataset(OURS, package)[1]).startswith(tk.config["ckan.site_url"])


def test_contacts_of_officials_stay_inside() -> None:
    contacts = [{"name": "Made Up Name", "email": "made.up@example.tn", "phone": "+216 71 000 000"}]
    # As ``package_show`` answers who may change the record.
    shown = {**factories.CommitmentFactory(), "responsible_contacts": contacts}
    text = RDFSerializer(profiles=OURS).serialize_dataset(shown, _format="ttl")
    assert "Made Up" not in text
    assert "made.up" not in text


def test_a_link_to_a_private_record_is_not_published() -> None:
    agency = factories.AgencyFactory()
    hidden = factories.OpenDatasetFactory(owner_org=agency["id"], private=True)
    open_one = factories.OpenDatasetFactory(owner_org=agency["id"])
    package = {**factories.CommitmentFactory(owner_org=agency["id"]), "related_datasets": [hidden["id"], open_one["id"]]}
    graph, subject = dataset(OURS, package)
    assert set(graph.objects(subject, DCTERMS.relation)) == {addresses.dataset(open_one["id"])}
    assert hidden["id"] not in graph.serialize(format="nt")


def test_a_site_can_go_without_our_profile() -> None:
    from ckanext.ogptn.catalogue.dcat.profile import configure

    off = {"ogptn.dcat.enabled": False, "ckanext.dcat.rdf.profiles": "euro_dcat_ap_3"}
    configure(off)
    assert off["ckanext.dcat.rdf.profiles"] == "euro_dcat_ap_3"
    chosen = {"ogptn.dcat.enabled": True, "ckanext.dcat.rdf.profiles": "dcat_us_3"}
    configure(chosen)
    assert chosen["ckanext.dcat.rdf.profiles"] == "dcat_us_3"
    assert tk.config["ckanext.dcat.rdf.profiles"] == "euro_dcat_ap_3 euro_dcat_ap_scheming ogptn_dcat_ap"
