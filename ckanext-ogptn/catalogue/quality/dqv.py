"""A dataset's quality as statements, by the W3C's data quality vocabulary (https://www.w3.org/TR/vocab-dqv/)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import XSD

from ..dcat import addresses
from ..dcat.namespaces import DCTERMS, DQV, RDF, SKOS, new_graph


def measurements(quality: Mapping[str, Any]) -> Graph:
    """The statements of what ``ogptn_quality_show`` answers: one measurement for each indicator, and the total; unit: points."""
    graph = new_graph()
    subject = addresses.dataset(quality["id"])
    for slug, dimension, points in (
        *((one["slug"], one["dimension"], one["points"]) for one in quality["indicators"]),
        ("total", "overall", quality["points"]),
    ):
        node = URIRef(f"{subject}#quality-{slug}")
        metric = URIRef(f"{addresses.base()}/ns/ogptn#metric-{slug}")
        area = URIRef(f"{addresses.base()}/ns/ogptn#dimension-{dimension}")
        graph.add((subject, DQV.hasQualityMeasurement, node))
        graph.add((node, RDF.type, DQV.QualityMeasurement))
        graph.add((node, DQV.computedOn, subject))
        graph.add((node, DQV.isMeasurementOf, metric))
        graph.add((node, DQV.value, Literal(points, datatype=XSD.integer)))
        graph.add((metric, RDF.type, DQV.Metric))
        graph.add((metric, DCTERMS.identifier, Literal(slug)))
        graph.add((metric, DQV.expectedDataType, XSD.integer))
        graph.add((metric, DQV.inDimension, area))
        graph.add((area, RDF.type, DQV.Dimension))
        graph.add((area, SKOS.notation, Literal(dimension)))
    return graph
