"""Namespaces and the one set of prefixes that every document of ours declares, so that kept pieces can be put together."""

from __future__ import annotations

from rdflib import Graph, Namespace
from rdflib.namespace import DCTERMS, FOAF, OWL, PROV, RDF, RDFS, SKOS, XSD

from . import addresses

ADMS = Namespace("http://www.w3.org/ns/adms#")
#: rdflib's own is closed and lacks what DCAT 3 added.
DCAT = Namespace("http://www.w3.org/ns/dcat#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
DQV = Namespace("http://www.w3.org/ns/dqv#")
ELI = Namespace("http://data.europa.eu/eli/ontology#")
GSP = Namespace("http://www.opengis.net/ont/geosparql#")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
LOCN = Namespace("http://www.w3.org/ns/locn#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
VOID = Namespace("http://rdfs.org/ns/void#")

__all__ = [
    "ADMS",
    "DCAT",
    "DCATAP",
    "DCTERMS",
    "DQV",
    "ELI",
    "FOAF",
    "GSP",
    "HYDRA",
    "LOCN",
    "OWL",
    "PROV",
    "RDF",
    "RDFS",
    "SKOS",
    "SPDX",
    "VCARD",
    "VOID",
    "XSD",
    "new_graph",
    "prefixes",
]

_PREFIXES = {
    "adms": ADMS,
    "dcat": DCAT,
    "dcatap": DCATAP,
    "dct": DCTERMS,
    "dqv": DQV,
    "eli": ELI,
    "foaf": FOAF,
    "gsp": GSP,
    "hydra": HYDRA,
    "locn": LOCN,
    "owl": OWL,
    "prov": PROV,
    "rdf": RDF,
    "rdfs": RDFS,
    "skos": SKOS,
    "spdx": SPDX,
    "vcard": VCARD,
    "void": VOID,
    "xsd": XSD,
}


def prefixes() -> dict[str, str]:
    """``{prefix: namespace}`` of every document of ours."""
    return {**{name: str(namespace) for name, namespace in _PREFIXES.items()}, "ogptn": addresses.base() + addresses.OWN_NAMESPACE}


def new_graph() -> Graph:
    """An empty graph with our prefixes and no other."""
    graph = Graph(bind_namespaces="none")
    for name, namespace in prefixes().items():
        graph.bind(name, namespace)
    return graph
