"""Documents in four written forms of RDF, put together from pieces that were written apart.

A piece is what stands between a document's head and foot. Every head declares the same prefixes, and there are no blank nodes, so pieces of
any number of datasets may stand in one document in any order.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from rdflib import Graph

from .namespaces import prefixes

#: Form → media type. The names are the endings of addresses.
MEDIA_TYPES = {
    "nt": "application/n-triples",
    "ttl": "text/turtle; charset=utf-8",
    "jsonld": "application/ld+json",
    "rdf": "application/rdf+xml",
}
FORMS = tuple(MEDIA_TYPES)
#: What else an address may end in (ckanext-dcat's own endings). Notation3 contains Turtle.
OTHER_ENDINGS = {"xml": "rdf", "n3": "ttl"}


def form_of(ending: str | None) -> str | None:
    """The written form that an address ending or a ckanext-dcat format stands for; None for one that we do not write."""
    ending = OTHER_ENDINGS.get(ending or "rdf", ending or "rdf")
    return ending if ending in FORMS else None


def head(form: str) -> str:
    """What every document begins with."""
    if form == "nt":
        return ""
    if form == "ttl":
        return "".join(f"@prefix {name}: <{namespace}> .\n" for name, namespace in sorted(prefixes().items()))
    if form == "jsonld":
        return '{"@context": ' + json.dumps(prefixes(), sort_keys=True) + ', "@graph": [\n'
    declared = "".join(f"\n   xmlns:{name}={quoteattr(namespace)}" for name, namespace in sorted(prefixes().items()))
    return f'<?xml version="1.0" encoding="utf-8"?>\n<rdf:RDF{declared}>\n'


def foot(form: str) -> str:
    """What every document ends with."""
    return {"jsonld": "\n]}\n", "rdf": "</rdf:RDF>\n"}.get(form, "")


def between(form: str) -> str:
    """What stands between two pieces."""
    return ",\n" if form == "jsonld" else ""


def piece(graph: Graph, form: str) -> str:
    """The statements of a graph that was made by :func:`.namespaces.new_graph`, without head and foot."""
    if form == "nt":
        return "".join(sorted(graph.serialize(format="nt").splitlines(keepends=True)))
    if form == "ttl":
        lines = graph.serialize(format="turtle").splitlines(keepends=True)
        start = next((number for number, line in enumerate(lines) if not line.startswith("@prefix")), len(lines))
        return "".join(lines[start:])
    if form == "jsonld":
        read = json.loads(graph.serialize(format="json-ld", context=prefixes(), auto_compact=False))
        nodes = read.get("@graph", [{name: value for name, value in read.items() if name != "@context"}])
        return ",\n".join(json.dumps(node, ensure_ascii=False, sort_keys=True) for node in nodes)
    written = graph.serialize(format="xml")
    inside = written[written.index(">", written.index("<rdf:RDF")) + 1 : written.rindex("</rdf:RDF>")]
    return inside.strip("\n") + "\n"


def document(form: str, pieces: Iterable[str]) -> str:
    """A whole document."""
    return head(form) + between(form).join(one for one in pieces if one) + foot(form)


def compressed(text: str) -> bytes:
    """A gzip member. Members one after the other are one valid file (RFC 1952, section 2.2); the same text gives the same bytes."""
    return gzip.compress(text.encode("utf-8"), compresslevel=6, mtime=0)


def text_of(member: bytes) -> str:
    """What :func:`compressed` was given."""
    return gzip.decompress(member).decode("utf-8")
