"""``ogptn_dcat_ap``: our DCAT-AP profile for ckanext-dcat, to stand last in ``ckanext.dcat.rdf.profiles``.

The profiles before it know neither our types nor our vocabularies, and their output breaks the standard in ways that
``tests/catalogue/dcat/test_defects.py`` lists one by one. What they wrote of a dataset is therefore replaced, not mended. A dataset of a
type that is not described by scheming is written by the same rules from CKAN's own fields.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckanext.dcat.profiles.base import RDFProfile
from rdflib import Graph, Literal, URIRef
from rdflib.term import Node

from . import addresses, reader, references, writer
from .lookups import DatabaseLookups
from .namespaces import DCAT, DCTERMS, RDF, prefixes

NAME = "ogptn_dcat_ap"
#: The profiles that the portal publishes with.
PROFILES = ("euro_dcat_ap_3", "euro_dcat_ap_scheming", NAME)
#: What ckanext-dcat declares; stands for "nobody chose".
STOCK_PROFILES = "euro_dcat_ap_3"


class OgptnDCATAPProfile(RDFProfile):
    """DCAT-AP 3.0.1 for the types of this portal."""

    def parse_dataset(self, dataset_dict: dict[str, Any], dataset_ref: Node) -> dict[str, Any]:
        """Replace what the profiles before read by our fields, for ``package_create``."""
        dataset_dict.clear()
        dataset_dict.update(reader.read(self.g, dataset_ref))
        return dataset_dict

    def graph_from_dataset(self, dataset_dict: dict[str, Any], dataset_ref: URIRef) -> None:
        """Replace what the profiles before wrote of the dataset."""
        _forget(self.g, dataset_ref)
        _bind(self.g)
        for statement in complete_graph(dataset_dict):
            self.g.add(statement)

    def graph_from_catalog(self, catalog_dict: dict[str, Any] | None, catalog_ref: URIRef) -> None:
        """Replace what the profiles before wrote of the catalogue; its day of change is theirs."""
        modified = self.g.value(catalog_ref, DCTERMS.modified)
        self.g.remove((catalog_ref, None, None))
        _bind(self.g)
        changed = writer.moment(str(modified)) if isinstance(modified, Literal) else None
        references.describe_catalog(self.g, catalog_ref, catalog_dict, changed)


def complete_graph(package: dict[str, Any]) -> Graph:
    """A dataset with everything that it refers to, from CKAN's dict of it."""
    written = writer.write(addresses.without_language(package), DatabaseLookups())
    graph = written.graph
    used = references.describe_organizations(graph, written.organizations)
    references.describe_terms(graph, written.terms | used)
    return graph


def _bind(graph: Graph) -> None:
    for name, namespace in prefixes().items():
        graph.bind(name, namespace, replace=True)


def _forget(graph: Graph, subject: URIRef) -> None:
    """Take out the statements of a dataset and of what hangs below it, but not those of other datasets and of the catalogue."""
    pending: list[Node] = [subject]
    seen: set[Node] = set()
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if node != subject and any((node, RDF.type, kind) in graph for kind in (DCAT.Dataset, DCAT.Catalog)):
            continue
        # Texts too: upstream makes statements about a licence that is no address.
        pending.extend(graph.objects(node, None))
        graph.remove((node, None, None))


def configure(config: Any) -> None:
    """Publish with our profile, unless the site chose its profiles, switched ours off (``ogptn.dcat.enabled``) or has no ckanext-dcat."""
    if not p.plugin_loaded("dcat"):
        return
    if tk.asbool(config.get("ogptn.dcat.enabled", True)) and config.get("ckanext.dcat.rdf.profiles") in (None, "", STOCK_PROFILES):
        config["ckanext.dcat.rdf.profiles"] = " ".join(PROFILES)
