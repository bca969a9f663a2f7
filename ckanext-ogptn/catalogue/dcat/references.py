"""Statements about what datasets refer to: vocabulary terms, organisations, and the catalogue itself."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from rdflib import Graph, Literal, URIRef

from .. import config, names, vocabulary
from ..text import LANGUAGES
from . import addresses, documents, fields
from .namespaces import DCAT, DCTERMS, FOAF, GSP, PROV, RDF, RDFS, SKOS, SPDX, VCARD, new_graph
from .writer import Organization, box_wkt, contact_of, point_wkt

#: The class that ``range.ttl`` wants of a term, by vocabulary; every term is a concept besides.
_CLASSES = {
    "access_rights": DCTERMS.RightsStatement,
    "checksum_algorithms": SPDX.ChecksumAlgorithm,
    "file_types": DCTERMS.MediaTypeOrExtent,
    "frequencies": DCTERMS.Frequency,
    "governorates": DCTERMS.Location,
    "languages": DCTERMS.LinguisticSystem,
    "licences": DCTERMS.LicenseDocument,
    "media_types": DCTERMS.MediaType,
}
#: ADMS licence types (http://purl.org/adms/licencetype/1.1) of the licences whose terms we know.
_LICENCE_TYPES = {
    "CC_BY_4_0": "Attribution",
    "CC_BYSA_4_0": "ViralEffect-ShareAlike",
    "CC_BYNC_4_0": "NonCommercialUseOnly",
    "CC0": "PublicDomain",
    "ODC_BL": "ViralEffect-ShareAlike",
    "ODC_BY": "Attribution",
    "ODC_PDDL": "PublicDomain",
    "ETALAB_2_0": "Attribution",
    "other-at": "Attribution",
    "other-nc": "NonCommercialUseOnly",
    "other-pd": "PublicDomain",
}
_LICENCE_TYPE_LABELS = {
    "Attribution": "Attribution",
    "ViralEffect-ShareAlike": "Viral effect (a.k.a. share-alike)",
    "NonCommercialUseOnly": "Non-commercial use only",
    "PublicDomain": "Public domain",
}
_TUNISIA = "TN"


def describe_terms(graph: Graph, used: Iterable[tuple[str, str]]) -> None:
    """Label each ``(vocabulary, code)`` in our three languages, with its scheme and the class that the standard wants."""
    for name, code in used:
        _describe_term(graph, name, code)


def _describe_term(graph: Graph, name: str, code: str) -> None:
    node = addresses.term(name, code)
    listed = vocabulary.get(name)
    term = listed.terms.get(code)
    graph.add((node, RDF.type, SKOS.Concept))
    if name in _CLASSES:
        graph.add((node, RDF.type, _CLASSES[name]))
    graph.add((node, SKOS.notation, Literal(code)))
    if term is None:
        graph.add((node, SKOS.prefLabel, Literal(code)))
        return
    for language in LANGUAGES:
        if term.label.get(language):
            graph.add((node, SKOS.prefLabel, Literal(term.label[language], lang=language)))
    scheme = scheme_address(listed, own_term=not term.uri)
    graph.add((node, SKOS.inScheme, scheme))
    if name == "governorates":
        if box := term.more.get("bbox"):
            graph.add((node, DCAT.bbox, Literal(box_wkt(*box), datatype=GSP.wktLiteral)))
        point = term.more.get("point") or ([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] if box else None)
        if point:
            graph.add((node, DCAT.centroid, Literal(point_wkt(*point), datatype=GSP.wktLiteral)))
    if name == "licences":
        if term.more.get("url"):
            graph.add((node, FOAF.page, addresses.iri(term.more["url"])))
        if kind := _LICENCE_TYPES.get(code):
            type_node = URIRef(f"http://purl.org/adms/licencetype/{kind}")
            graph.add((node, DCTERMS.type, type_node))
            graph.add((type_node, RDF.type, SKOS.Concept))
            graph.add((type_node, SKOS.prefLabel, Literal(_LICENCE_TYPE_LABELS[kind], lang="en")))
            graph.add((type_node, SKOS.inScheme, URIRef("http://purl.org/adms/licencetype/1.1")))


def scheme_address(listed: vocabulary.Vocabulary, own_term: bool) -> URIRef:
    """The scheme that a term belongs to: the standard's for a term with an address in it, else ours."""
    if listed.scheme and not own_term:
        return addresses.iri(listed.scheme)
    return URIRef(f"{addresses.base()}/vocabulary/{listed.name}")


def describe_vocabulary(graph: Graph, name: str) -> URIRef:
    """One vocabulary whole: its scheme with titles, and every term.

    :raises KeyError: there is none of this name
    """
    listed = vocabulary.get(name)
    scheme = URIRef(f"{addresses.base()}/vocabulary/{name}")
    graph.add((scheme, RDF.type, SKOS.ConceptScheme))
    for language in LANGUAGES:
        graph.add((scheme, DCTERMS.title, Literal(listed.title[language], lang=language)))
    if listed.source:
        graph.add((scheme, DCTERMS.source, Literal(listed.source)))
    describe_terms(graph, ((name, code) for code in listed.terms))
    return scheme


# ---------------------------------------------------------------------------------------------------------------------- organisations
def organization_of(group: Any) -> Organization:
    """What datasets' statements depend on of an organisation."""
    given = names.organization_extra(group, "uri")
    reachable = bool(names.organization_extra(group, "email") or names.organization_extra(group, "site_url"))
    return Organization(addresses.organization(group.id, given), reachable)


def _active(ids: Iterable[str]) -> Iterable[Any]:
    wanted = sorted(set(ids))
    if not wanted:
        return ()
    columns: Any = (model.Group.id, model.Group.name, model.Group.title, model.Group.extras)  # pyright: ignore[reportAttributeAccessIssue] - mapped by CKAN
    return model.Session.query(*columns).filter(model.Group.id.in_(wanted), model.Group.state == "active").order_by(model.Group.id)


def describe_organizations(graph: Graph, ids: Iterable[str]) -> set[tuple[str, str]]:
    """Name each active organisation as an agent, with its contact point.

    :returns: the terms that its statements use
    """
    return _describe(graph, _active(ids))


def _describe(graph: Graph, groups: Iterable[Any]) -> set[tuple[str, str]]:
    used: set[tuple[str, str]] = set()
    for group in groups:
        node = organization_of(group).address
        graph.add((node, RDF.type, FOAF.Agent))
        titles = {language: text for language, text in names.organization_titles(group).items() if text}
        for language, text in titles.items():
            graph.add((node, FOAF.name, Literal(text, lang=language)))
        if not titles:
            graph.add((node, FOAF.name, Literal(group.title or group.name)))
        kind = names.organization_extra(group, "kind")
        if kind:
            graph.add((node, DCTERMS.type, addresses.term("publisher_types", kind)))
            used.add(("publisher_types", kind))
        identifier = names.organization_extra(group, "national_identifier")
        if identifier:
            graph.add((node, DCTERMS.identifier, Literal(identifier)))
        email, site = names.organization_extra(group, "email"), names.organization_extra(group, "site_url")
        if site:
            homepage = addresses.iri(site)
            graph.add((node, FOAF.homepage, homepage))
            graph.add((homepage, RDF.type, FOAF.Document))
        if email or site:
            contact = contact_of(node)
            graph.add((contact, RDF.type, VCARD.Kind))
            graph.add((contact, RDF.type, VCARD.Organization))
            for language, text in titles.items():
                graph.add((contact, VCARD.fn, Literal(text, lang=language)))
            if not titles:
                graph.add((contact, VCARD.fn, Literal(group.title or group.name)))
            if email:
                graph.add((contact, VCARD.hasEmail, URIRef(f"mailto:{addresses.iri(email)}")))
            if site:
                graph.add((contact, VCARD.hasURL, addresses.iri(site)))
    return used


_Said = tuple[str, frozenset[tuple[str, str]]]
_said: dict[tuple[str, ...], _Said] = {}
_MOST_SAID = 20_000


def _once(key: tuple[str, ...], make: Callable[[Graph], set[tuple[str, str]]], form: str) -> _Said:
    """Pieces by everything that they are made from: the same page of terms is asked for again and again, and titles seldom change."""
    found = _said.get(key)
    if found is None:
        graph = new_graph()
        used = make(graph)
        if len(_said) >= _MOST_SAID:
            _said.clear()
        found = _said[key] = (documents.piece(graph, form), frozenset(used))
    return found


def term_pieces(used: Iterable[tuple[str, str]], form: str) -> list[str]:
    """As :func:`describe_terms`, written."""
    pieces = []
    for name, code in sorted(used):
        term = vocabulary.get(name).terms.get(code)
        key = (form, addresses.base(), name, code, json.dumps(term.as_dict(), sort_keys=True) if term else "")

        def make(graph: Graph, name: str = name, code: str = code) -> set[tuple[str, str]]:
            _describe_term(graph, name, code)
            return set()

        pieces.append(_once(key, make, form)[0])
    return pieces


def organization_pieces(ids: Iterable[str], form: str) -> tuple[list[str], set[tuple[str, str]]]:
    """As :func:`describe_organizations`, written; and the terms that it uses."""
    pieces, used = [], set()
    for group in _active(ids):
        key = (form, addresses.base(), group.id, group.name, group.title or "", json.dumps(group.extras or {}, sort_keys=True))
        written, terms = _once(key, lambda graph, group=group: _describe(graph, [group]), form)
        pieces.append(written)
        used |= terms
    return pieces, used


# ---------------------------------------------------------------------------------------------------------------------- the catalogue
def describe_catalog(graph: Graph, subject: URIRef, given: Mapping[str, Any] | None = None, modified: Literal | None = None) -> None:
    """The catalogue: title, description, publisher, languages, licence, coverage, themes, homepage, its action API as a data service.

    :param given: texts that stand for the configured ones, as ckanext-dcat passes them: ``title``, ``description``, ``homepage``
    :param modified: when its content last changed
    """
    given = given or {}
    graph.add((subject, RDF.type, DCAT.Catalog))
    for predicate, texts, other in (
        (DCTERMS.title, config.site_titles(), given.get("title")),
        (DCTERMS.description, config.site_descriptions(), given.get("description")),
    ):
        if other:
            graph.add((subject, predicate, Literal(other)))
            continue
        for language, text in texts.items():
            graph.add((subject, predicate, Literal(text, lang=language)))
    publisher = catalog_publisher(graph)
    graph.add((subject, DCTERMS.publisher, publisher))
    used = {("languages", code) for code in _language_codes()}
    for _, code in sorted(used):
        graph.add((subject, DCTERMS.language, addresses.term("languages", code)))
    licence = config.catalog_licence()
    graph.add((subject, DCTERMS.license, addresses.term("licences", licence)))
    graph.add((subject, DCTERMS.spatial, addresses.term("governorates", _TUNISIA)))
    used |= {("licences", licence), ("governorates", _TUNISIA)}
    themes = vocabulary.get("data_themes")
    taxonomy = URIRef(str(themes.scheme))
    graph.add((subject, DCAT.themeTaxonomy, taxonomy))
    graph.add((taxonomy, RDF.type, SKOS.ConceptScheme))
    for language in LANGUAGES:
        graph.add((taxonomy, DCTERMS.title, Literal(themes.title[language], lang=language)))
    homepage = addresses.iri(str(given.get("homepage") or tk.config["ckan.site_url"]))
    graph.add((subject, FOAF.homepage, homepage))
    graph.add((homepage, RDF.type, FOAF.Document))
    issued = config.catalog_issued()
    if issued:
        graph.add((subject, DCTERMS.issued, fields.date_literal(issued)))
    if modified is not None:
        graph.add((subject, DCTERMS.modified, modified))
    _describe_service(graph, subject, publisher, licence)
    describe_terms(graph, used | {("data_themes", "GOVE")})


def _language_codes() -> list[str]:
    found = (vocabulary.get("languages").find(language) for language in LANGUAGES)
    return [term.code for term in found if term is not None]


def catalog_publisher(graph: Graph) -> URIRef:
    """Who runs the catalogue: the organisation that ``ogptn.dcat.publisher`` names, else the site itself."""
    name = config.catalog_publisher()
    group = model.Group.get(name) if name else None
    if group is not None and group.is_organization and group.state == "active":
        describe_terms(graph, describe_organizations(graph, [group.id]))
        return organization_of(group).address
    node = URIRef(f"{addresses.base()}/#publisher")
    graph.add((node, RDF.type, FOAF.Agent))
    for language, text in config.site_titles().items():
        graph.add((node, FOAF.name, Literal(text, lang=language)))
    graph.add((node, DCTERMS.type, addresses.term("publisher_types", "NationalAuthority")))
    describe_terms(graph, [("publisher_types", "NationalAuthority")])
    return node


_API_TITLES = {
    "ar": "واجهة برمجة البيانات المفتوحة",
    "fr": "Interface de programmation des données ouvertes",
    "en": "Open data programming interface",
}


def _describe_service(graph: Graph, catalog: URIRef, publisher: URIRef, licence: str) -> None:
    site = str(tk.config["ckan.site_url"]).rstrip("/")
    node = URIRef(f"{addresses.base()}/#api")
    graph.add((catalog, DCAT.service, node))
    graph.add((node, RDF.type, DCAT.DataService))
    for language, text in _API_TITLES.items():
        graph.add((node, DCTERMS.title, Literal(text, lang=language)))
    graph.add((node, DCTERMS.publisher, publisher))
    graph.add((node, DCTERMS.license, addresses.term("licences", licence)))
    graph.add((node, DCAT.theme, addresses.term("data_themes", "GOVE")))
    graph.add((node, DCAT.keyword, Literal("CKAN", lang="en")))
    graph.add((node, DCAT.endpointURL, URIRef(f"{site}/api/3/action/")))
    graph.add((node, DCAT.endpointDescription, URIRef("https://docs.ckan.org/en/2.12/api/")))


def describe_gone(graph: Graph, package_id: str, when: Literal) -> None:
    """A dataset that went: its address and the moment, by PROV-O (``prov:invalidatedAtTime``), and nothing of what it said.

    No ``dcat:CatalogRecord``: DCAT-AP wants its topic described, and there is nothing left to describe.
    """
    subject = addresses.dataset(package_id)
    graph.add((subject, RDF.type, PROV.Entity))
    graph.add((subject, PROV.invalidatedAtTime, when))


@functools.cache
def own_names() -> tuple[str, ...]:
    """The vocabularies that have a page of their own here."""
    return tuple(name for name in vocabulary.names() if name != "form_sections")


def codes(name: str) -> tuple[str, ...]:
    """The codes of a vocabulary."""
    return tuple(vocabulary.get(name).terms)


def text(value: str, language: str) -> Literal:
    """A tagged text."""
    return Literal(value, lang=language)


def describe_property(graph: Graph, field: Mapping[str, Any]) -> None:
    """One of our own properties: what the forms call it, and how they explain it."""
    if field["field_name"] in fields.HIDDEN or field.get("editors_only"):
        return
    node = addresses.own(field["field_name"])
    graph.add((node, RDF.type, RDF.Property))
    for predicate, key in ((RDFS.label, "label"), (RDFS.comment, "help_text")):
        said = field.get(key)
        if isinstance(said, Mapping):
            for language in LANGUAGES:
                if said.get(language):
                    graph.add((node, predicate, Literal(said[language], lang=language)))
    for below in field.get("repeating_subfields", ()):
        describe_property(graph, below)
