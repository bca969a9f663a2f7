"""Validation against DCAT-AP's own SHACL shapes, which the project does not ship (``../shared/standards/dcat-ap-3.0.1``)."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pyshacl
from rdflib import Graph
from rdflib.namespace import SH

MUST = ("shapes.ttl", "range.ttl", "deprecateduris.ttl")


@cache
def _shapes(path: Path) -> Graph:
    return Graph().parse(path)


def findings(graph: Graph, folder: Path, name: str, severity: str = "Violation") -> Counter[str]:
    """``{"path: message at example": count}`` of the results of one severity."""
    _conforms, report, _text = pyshacl.validate(graph, shacl_graph=_shapes(folder / name), advanced=False, inference="none")
    assert isinstance(report, Graph)
    found: Counter[str] = Counter()
    # Results of a shape inside a shape hang below these; the severity is that of the outer one.
    for result in report.objects(None, SH.result):
        if report.value(result, SH.resultSeverity) == SH[severity]:
            path, source = report.value(result, SH.resultPath), report.value(result, SH.sourceConstraintComponent)
            found[
                f"{name} {path} {str(source).rpartition('#')[2]} {report.value(result, SH.focusNode)} {report.value(result, SH.value)}"
            ] += 1
    return found


def violations(graph: Graph, folder: Path) -> Counter[str]:
    """Those of the shapes that a catalogue must keep."""
    return sum((findings(graph, folder, name) for name in MUST), Counter[str]())
