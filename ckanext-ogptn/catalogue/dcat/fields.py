"""How a field of the schemas in ``scheming_schemas/`` is written as statements, and read back.

What DCAT-AP has a property for is mapped by hand in :mod:`.writer` and :mod:`.reader`. Everything else (the plan of a commitment, the
phases of a budget, the parties to a contract) is written under our own property of the field's name (:func:`.addresses.own`) by the kind
of the field, so that a field added to a schema is published and read back without code.

Lists of codes, addresses and keywords are sets in RDF: their order means nothing. Rows of a repeating group, and files, keep their order by
``ogptn:position``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import XSD
from rdflib.term import Node

from .. import vocabulary
from ..text import LANGUAGES
from . import addresses
from .namespaces import RDF

Field = Mapping[str, Any]
#: Never published, whatever the schema says of them.
HIDDEN = frozenset({"responsible_contacts", "contacts_revision"})

_NO_SOURCE = frozenset({"source_system"})

_DATES = {4: XSD.gYear, 7: XSD.gYearMonth, 10: XSD.date}
_OWN_DATASET = re.compile("/dataset/([^/#?]+)$")
_OWN_ORGANIZATION = re.compile("/organization/([^/#?]+)$")


def kind(field: Field) -> str:
    """``rows``, ``text`` (by language), ``keywords``, ``code``, ``date``, ``integer``, ``number``, ``url``, ``organization``, ``dataset``,
    ``email`` or ``plain``."""
    if "repeating_subfields" in field:
        return "rows"
    names = str(field.get("validators", "")).split()
    by_validator = {
        "fluent_text": "text",
        "fluent_tags": "keywords",
        "ogptn_date": "date",
        "ogptn_integer": "integer",
        "ogptn_number": "number",
        "ogptn_url": "url",
        "ogptn_multiple_url": "url",
        "ogptn_organization": "organization",
        "ogptn_parent_organization": "organization",
        "ogptn_datasets": "dataset",
        "ogptn_email": "email",
    }
    if field.get("vocabulary"):
        return "code"
    return next((by_validator[name] for name in names if name in by_validator), "plain")


def is_list(field: Field) -> bool:
    """Whether the field holds several values."""
    return "ogptn_list_output" in str(field.get("output_validators", "")) or bool(field.get("multiple"))


def published(fields: Iterable[Field], besides: frozenset[str]) -> list[Field]:
    """The fields of a schema that go out under our own properties: neither hidden nor mapped by hand (``besides``)."""
    return [
        field
        for field in fields
        if field["field_name"] not in besides and field["field_name"] not in HIDDEN and not field.get("editors_only")
    ]


def is_of_source(name: str) -> bool:
    """Whether a field tells where the record was copied from (which is said of the portal's entry on it, not of the dataset)."""
    return name.startswith("source_") and name not in _NO_SOURCE


def date_literal(value: str) -> Literal:
    """A stored date, which may lack its day or month, with the type of its precision."""
    return Literal(value, datatype=_DATES.get(len(value), XSD.dateTime), normalize=False)


def is_partial_date(value: Node) -> bool:
    """Whether a statement's value is a date as our fields store them (a moment in time is the portal's own book-keeping)."""
    return isinstance(value, Literal) and value.datatype in _DATES.values()


class FieldWriter:
    """Writes fields under our own properties. Collects what the statements refer to: ``terms`` as ``(vocabulary, code)``,
    ``organizations`` and ``datasets`` as ids."""

    def __init__(self, graph: Graph, organization_address: Any, is_public: Any) -> None:
        self.graph = graph
        self.terms: set[tuple[str, str]] = set()
        self.organizations: set[str] = set()
        self.datasets: set[str] = set()
        self._organization_address = organization_address
        self._is_public = is_public

    def term(self, name: str, code: str) -> URIRef:
        """The address of a term, remembered as used."""
        self.terms.add((name, code))
        return addresses.term(name, code)

    def organization(self, group_id: str) -> URIRef | None:
        """The address of an active organisation, remembered as used."""
        self.organizations.add(group_id)
        return self._organization_address(group_id)

    def dataset(self, package_id: str) -> URIRef | None:
        """The address of another dataset if everybody may see it: a link must not tell of a private one."""
        self.datasets.add(package_id)
        return addresses.dataset(package_id) if self._is_public(package_id) else None

    def texts(self, subject: URIRef, predicate: URIRef, value: Any) -> bool:
        """``{language: text}`` as tagged literals, the empty ones left out. Says whether there was any."""
        if not isinstance(value, Mapping):
            return False
        found = False
        for language, text in value.items():
            if isinstance(text, str) and text.strip():
                self.graph.add((subject, predicate, Literal(text, lang=language)))
                found = True
        return found

    def address(self, subject: URIRef, predicate: URIRef, value: str, field: str) -> URIRef:
        """A web address; one that RDF cannot write as it is also goes out as text under our own property."""
        written = addresses.iri(value)
        self.graph.add((subject, predicate, written))
        if str(written) != value:
            self.graph.add((subject, addresses.own(field), Literal(value)))
        return written

    def field(self, subject: URIRef, field: Field, value: Any) -> None:
        """One field of ``subject``. Blank values write nothing."""
        name = field["field_name"]
        if value in (None, "", [], {}):
            return
        what = kind(field)
        if what == "rows":
            self.rows(subject, field, value)
            return
        if what == "text":
            self.texts(subject, addresses.own(name), value)
            return
        if what == "keywords":
            for language, words in value.items():
                for word in words:
                    self.graph.add((subject, addresses.own(name), Literal(word, lang=language)))
            return
        for one in value if isinstance(value, list) else [value]:
            node = self._node(field, what, one)
            if node is not None:
                self.graph.add((subject, addresses.own(name), node))

    def _node(self, field: Field, what: str, value: Any) -> Node | None:
        text = str(value)
        if what == "code":
            return self.term(field["vocabulary"], text)
        if what == "date":
            return date_literal(text)
        if what == "integer":
            return Literal(text, datatype=XSD.integer, normalize=False)
        if what == "number":
            return Literal(text, datatype=XSD.decimal, normalize=False)
        if what == "organization":
            return self.organization(text)
        if what == "dataset":
            return self.dataset(text)
        if what == "email":
            return URIRef(f"mailto:{addresses.iri(text)}")
        if what == "url":
            # As text where RDF cannot write the address.
            return iri if str(iri := addresses.iri(text)) == text else Literal(text)
        return Literal(text)

    def rows(self, subject: URIRef, field: Field, rows: Any) -> None:
        """A repeating group: each row a node ``<subject>#<field>-<number>`` (below a file: ``<file>#…``) with its position."""
        name = field["field_name"]
        for number, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                continue
            node = part(subject, name, number)
            self.graph.add((subject, addresses.own(name), node))
            self.position(node, number)
            for below in published(field["repeating_subfields"], frozenset()):
                self.field(node, below, row.get(below["field_name"]))

    def position(self, node: URIRef, number: int) -> None:
        """Where a node stands among its siblings, from 1."""
        self.graph.add((node, addresses.own("position"), Literal(number, datatype=XSD.integer)))


def part(subject: URIRef, name: str, number: int) -> URIRef:
    """The address of a part of a dataset, a file or a row of one."""
    joint = "-" if "#" in subject else "#"
    return URIRef(f"{subject}{joint}{name}-{number}")


class FieldReader:
    """Reads what :class:`FieldWriter` wrote. ``namespace`` is that of the graph, which may come from another portal of the same kind."""

    def __init__(self, graph: Graph, namespace: str) -> None:
        self.graph = graph
        self.namespace = namespace

    def own(self, field: str) -> URIRef:
        """Our own property in the graph's namespace."""
        return URIRef(self.namespace + field)

    def ordered(self, nodes: Iterable[Node]) -> list[Node]:
        """Nodes by position; those without one after the others, by address."""

        def key(node: Node) -> tuple[float, str]:
            position = self.graph.value(node, self.own("position"))
            return (float(str(position)) if position is not None else float("inf"), str(node))

        return sorted(set(nodes), key=key)

    def texts(self, subject: Node, predicate: URIRef, untagged: str | None = None) -> dict[str, str]:
        """Tagged literals as ``{language: text}``, in the order of our languages.

        :param untagged: the language that a text without one is taken to be in; None leaves such texts out
        """
        found: dict[str, str] = {}
        for value in sorted(self.graph.objects(subject, predicate), key=str):
            if not isinstance(value, Literal):
                continue
            language = value.language.split("-")[0].lower() if value.language else untagged
            if language in LANGUAGES and language not in found and str(value).strip():
                found[language] = str(value)
        return {language: found[language] for language in LANGUAGES if language in found}

    def keywords(self, subject: Node, predicate: URIRef, untagged: str | None = None) -> dict[str, list[str]]:
        """Tagged keywords as ``{language: [keyword]}``, sorted."""
        found: dict[str, set[str]] = {}
        for value in self.graph.objects(subject, predicate):
            if isinstance(value, Literal):
                language = value.language.split("-")[0].lower() if value.language else untagged
                if language in LANGUAGES:
                    found.setdefault(language, set()).add(str(value))
        return {language: sorted(found[language]) for language in LANGUAGES if language in found}

    def address(self, subject: Node, predicate: URIRef, field: str) -> str | None:
        """A web address as it was entered."""
        exact = self.graph.value(subject, self.own(field))
        value = exact if isinstance(exact, Literal) else self.graph.value(subject, predicate)
        return str(value) if value is not None else None

    def field(self, subject: Node, field: Field) -> Any:
        """The value of a field of ``subject``; None when there is none."""
        name, what = field["field_name"], kind(field)
        predicate = self.own(name)
        if what == "rows":
            return self.rows(subject, field) or None
        if what == "text":
            return self.texts(subject, predicate) or None
        if what == "keywords":
            return self.keywords(subject, predicate) or None
        values = [read for node in self.graph.objects(subject, predicate) if (read := self._value(field, what, node)) is not None]
        if not values:
            return None
        return in_order(field, values) if is_list(field) else values[0]

    def _value(self, field: Field, what: str, node: Node) -> str | None:
        text = str(node)
        if what == "code":
            return addresses.code_of(field["vocabulary"], text)
        if what == "organization":
            return reference(text, _OWN_ORGANIZATION)
        if what == "dataset":
            return reference(text, _OWN_DATASET)
        if what == "email":
            return text.removeprefix("mailto:")
        if what == "number":
            # Turtle writes 10 as 10.0; a field holds the shortest form.
            return f"{Decimal(text).normalize():f}"
        return text

    def rows(self, subject: Node, field: Field) -> list[dict[str, Any]]:
        """The rows of a repeating group, in order."""
        rows = []
        for node in self.ordered(self.graph.objects(subject, self.own(field["field_name"]))):
            found = {below["field_name"]: self.field(node, below) for below in published(field["repeating_subfields"], frozenset())}
            rows.append({name: value for name, value in found.items() if value is not None})
        return rows

    def namespace_type(self, subject: Node) -> str | None:
        """The dataset type that our own class names."""
        for value in self.graph.objects(subject, RDF.type):
            if str(value).startswith(self.namespace):
                return str(value)[len(self.namespace) :].lower()
        return None


def in_order(field: Field, values: Iterable[str]) -> list[str]:
    """Several values in an order that does not depend on the graph: that of the vocabulary, else by text."""
    found = set(values)
    if field.get("vocabulary"):
        codes = list(vocabulary.get(field["vocabulary"]).terms)
        return sorted(found, key=lambda code: (codes.index(code) if code in codes else len(codes), code))
    return sorted(found)


def reference(address: str, shape: re.Pattern[str]) -> str | None:
    """The id at the end of an address of ours; an address of another shape is no reference of ours, and answers None."""
    found = shape.search(address)
    return found[1] if found else None
