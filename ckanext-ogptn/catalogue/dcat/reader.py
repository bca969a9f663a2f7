"""DCAT statements as a dataset of our types, for ``package_create``: what :mod:`.writer` wrote, and what other portals write.

A graph of ours says so by a class in a namespace that ends in ``/ns/ogptn#``; then every field comes back as it was entered, and what the
portal added by itself (fallback titles, its own dates, the organisation as publisher) does not. Of another portal's graph the same standard
properties are read, and texts without a language are taken to be in the default one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rdflib import Graph, Literal
from rdflib.term import Node, URIRef

from ..config import default_language
from . import addresses, fields
from .namespaces import ADMS, DCAT, DCATAP, DCTERMS, FOAF, GSP, OWL, RDF, RDFS, SKOS, SPDX, VCARD
from .writer import HVD_PROFILE, MAPPED, MAPPED_OF_FILE, schema

_NAMESPACE = re.compile(r"^(.*/ns/ogptn#)([A-Za-z_]+)$")


def read(graph: Graph, subject: Node) -> dict[str, Any]:
    """A dataset as a dict for ``package_create``. Holds no id, no owner and no state: those are the reading portal's to give."""
    return _Reader(graph, subject).read()


class _Reader(fields.FieldReader):
    def __init__(self, graph: Graph, subject: Node) -> None:
        self.type = "dataset"
        namespace = addresses.base() + addresses.OWN_NAMESPACE
        self.ours = False
        for value in graph.objects(subject, RDF.type):
            found = _NAMESPACE.match(str(value))
            if found and schema(found[2].lower()):
                namespace, self.type, self.ours = found[1], found[2].lower(), True
        super().__init__(graph, namespace)
        self.subject = subject
        self.schema = schema(self.type)
        self.untagged = None if self.ours else default_language()

    def read(self) -> dict[str, Any]:
        found = {"type": self.type, **self._texts(), **self._codes(), **self._values(), **self._agents(), **self._space_and_time()}
        found |= self._source()
        for field in fields.published(self.schema.get("dataset_fields", ()), MAPPED):
            if not fields.is_of_source(field["field_name"]):
                found[field["field_name"]] = self.field(self.subject, field)
        nodes = self.ordered(self.graph.objects(self.subject, DCAT.distribution))
        found["resources"] = [self._file(node, found.get("license_id")) for node in nodes]
        return {name: value for name, value in found.items() if value not in (None, "", {}) and (value != [] or name == "resources")}

    def _one(self, subject: Node, predicate: URIRef) -> str | None:
        values = sorted(str(value) for value in self.graph.objects(subject, predicate))
        return values[0] if values else None

    def _code(self, subject: Node, predicate: URIRef, name: str) -> str | None:
        codes = self._several(subject, predicate, name)
        return codes[0] if codes else None

    def _several(self, subject: Node, predicate: URIRef, name: str) -> list[str]:
        codes = (addresses.code_of(name, self._named(value)) for value in self.graph.objects(subject, predicate))
        return fields.in_order({"vocabulary": name}, (code for code in codes if code))

    def _named(self, value: Node) -> str:
        # Other portals put a node with a label where a term is wanted.
        if isinstance(value, (URIRef, Literal)):
            return str(value)
        label = self.graph.value(value, RDFS.label) or self.graph.value(value, SKOS.prefLabel) or self.graph.value(value, RDF.value)
        return str(label) if label is not None else str(value)

    def _date(self, subject: Node, predicate: URIRef) -> str | None:
        for value in sorted(self.graph.objects(subject, predicate), key=str):
            if fields.is_partial_date(value):
                return str(value)
            if not self.ours and (day := re.match(r"\d{4}(-\d\d(-\d\d)?)?", str(value))):
                return day[0]
        return None

    def _addresses(self, subject: Node, predicate: URIRef, name: str) -> list[str]:
        exact = {str(value) for value in self.graph.objects(subject, self.own(name)) if isinstance(value, Literal)}
        written = {str(addresses.iri(value)) for value in exact}
        return sorted(exact | {str(v) for v in self.graph.objects(subject, predicate) if isinstance(v, URIRef) and str(v) not in written})

    def _texts(self) -> dict[str, Any]:
        provenance = self.graph.value(self.subject, DCTERMS.provenance)
        return {
            "name": self._one(self.subject, self.own("name")) if self.ours else None,
            "title_translated": self.texts(self.subject, DCTERMS.title, self.untagged),
            "notes_translated": self.texts(self.subject, DCTERMS.description, self.untagged),
            "tags_translated": self.keywords(self.subject, DCAT.keyword, self.untagged),
            "version_notes": self.texts(self.subject, ADMS.versionNotes, self.untagged),
            "provenance": self.texts(provenance, RDFS.label, self.untagged) if provenance is not None else None,
        }

    def _codes(self) -> dict[str, Any]:
        licence = self._code(self.subject, DCTERMS.license, "licences")
        if licence is None and not self.ours:
            # The standard knows licences of files only.
            found = {self._code(node, DCTERMS.license, "licences") for node in self.graph.objects(self.subject, DCAT.distribution)}
            licence = found.pop() if len(found) == 1 else None
        return {
            "theme": self._several(self.subject, DCAT.theme, "data_themes"),
            "language": self._several(self.subject, DCTERMS.language, "languages"),
            "hvd_category": self._several(self.subject, DCATAP.hvdCategory, "hvd_categories"),
            "frequency": self._code(self.subject, DCTERMS.accrualPeriodicity, "frequencies"),
            "access_rights": self._code(self.subject, DCTERMS.accessRights, "access_rights"),
            "license_id": licence,
        }

    def _values(self) -> dict[str, Any]:
        identifier = self._one(self.subject, DCTERMS.identifier)
        profiles = {HVD_PROFILE} if self.graph.value(self.subject, DCATAP.hvdCategory) else set()
        return {
            "identifier": None if identifier == str(self.subject) else identifier,
            "version": self._one(self.subject, DCAT.version) or self._one(self.subject, OWL.versionInfo),
            "issued": self._date(self.subject, DCTERMS.issued),
            "modified": self._date(self.subject, DCTERMS.modified),
            "url": self.address(self.subject, DCAT.landingPage, "url"),
            "conforms_to": [one for one in self._addresses(self.subject, DCTERMS.conformsTo, "conforms_to") if one not in profiles],
            "documentation": self._addresses(self.subject, FOAF.page, "documentation"),
        }

    def _agents(self) -> dict[str, Any]:
        contacts = []
        for node in self.ordered(self.graph.objects(self.subject, DCAT.contactPoint)):
            if self.ours and self.graph.value(node, self.own("position")) is None:
                continue
            email = self._one(node, VCARD.hasEmail)
            contacts.append(
                {
                    "name_translated": self.texts(node, VCARD.fn, self.untagged),
                    "email": re.sub("^mailto:", "", email) if email else None,
                    "url": self.address(node, VCARD.hasURL, "url"),
                }
            )
        return {
            "contact": _rows(contacts),
            "publisher": self._agent(DCTERMS.publisher),
            "creator": self._agent(DCTERMS.creator),
        }

    def _agent(self, predicate: URIRef) -> list[dict[str, Any]]:
        rows = []
        for node in self.ordered(self.graph.objects(self.subject, predicate)):
            if self.ours and self.graph.value(node, self.own("position")) is None:
                continue
            given = str(node) if isinstance(node, URIRef) and not self.ours else None
            rows.append(
                {
                    "name_translated": self.texts(node, FOAF.name, self.untagged),
                    "type": self._code(node, DCTERMS.type, "publisher_types"),
                    "url": self.address(node, FOAF.homepage, "url"),
                    "uri": given or self.address(node, OWL.sameAs, "uri"),
                    "identifier": self._one(node, DCTERMS.identifier),
                }
            )
        return _rows(rows)

    def _space_and_time(self) -> dict[str, Any]:
        governorates, text, geometry = set(), None, None
        for node in self.graph.objects(self.subject, DCTERMS.spatial):
            shape = self.graph.value(node, GSP.asGeoJSON)
            label = self.graph.value(node, SKOS.prefLabel) or self.graph.value(node, RDFS.label)
            part_of_ours = self.ours and "#" in str(node)
            code = None if part_of_ours else addresses.code_of("governorates", self._named(node))
            if code:
                governorates.add(code)
            elif shape is not None:
                geometry = str(shape)
            elif label is not None:
                text = str(label)
        periods = []
        for node in self.ordered(self.graph.objects(self.subject, DCTERMS.temporal)):
            if self.ours and self.graph.value(node, self.own("position")) is None:
                continue
            periods.append({"start": self._date(node, DCAT.startDate), "end": self._date(node, DCAT.endDate)})
        return {
            "governorates": fields.in_order({"vocabulary": "governorates"}, governorates),
            "spatial_text": text,
            "spatial": geometry,
            "temporal_coverage": _rows(periods),
        }

    def _source(self) -> dict[str, Any]:
        """Where a record of ours was copied from."""
        if not self.ours:
            return {}
        record = next((node for node in self.graph.subjects(FOAF.primaryTopic, self.subject) if str(node).endswith("#record")), None)
        source = self.graph.value(record, DCTERMS.source) if record is not None else None
        if source is None:
            return {}
        found: dict[str, Any] = {
            "source_url": self.address(source, FOAF.page, "source_url"),
            "source_identifier": self._one(source, DCTERMS.identifier),
            "source_modified": self._date(source, DCTERMS.modified),
        }
        for field in fields.published(self.schema.get("dataset_fields", ()), MAPPED):
            if fields.is_of_source(field["field_name"]):
                found[field["field_name"]] = self.field(source, field)
        return found

    # ------------------------------------------------------------------------------------------------------------------------ files
    def _file(self, node: Node, licence_of_all: str | None) -> dict[str, Any]:
        licence = self._code(node, self.own("license"), "licences") if self.ours else self._code(node, DCTERMS.license, "licences")
        period = self.graph.value(node, DCTERMS.temporal)
        mimetype = self._one(node, self.own("mimetype")) if self.ours else self._code(node, DCAT.mediaType, "media_types")
        file_format = self._code(node, DCTERMS.format, "file_types") or self._one(node, self.own("format"))
        if file_format is None and not self.ours:
            file_format = addresses.code_of("file_types", mimetype) if mimetype else None
        found: dict[str, Any] = {
            "url": self._url(node),
            "name_translated": self.texts(node, DCTERMS.title, self.untagged),
            "description_translated": self.texts(node, DCTERMS.description, self.untagged),
            "format": file_format,
            "mimetype": mimetype,
            "license": licence if self.ours or licence != licence_of_all else None,
            "language": self._several(node, DCTERMS.language, "languages"),
            "status": self._code(node, ADMS.status, "distribution_statuses"),
            "availability": self._code(node, DCATAP.availability, "availabilities"),
            "conforms_to": self._addresses(node, DCTERMS.conformsTo, "conforms_to"),
            "data_dictionary": self.address(node, FOAF.page, "data_dictionary"),
            "issued": self._date(node, DCTERMS.issued),
            "modified": self._date(node, DCTERMS.modified),
            "temporal_start": self._date(period, DCAT.startDate) if period is not None else None,
            "temporal_end": self._date(period, DCAT.endDate) if period is not None else None,
            "size": self._size(node),
            **self._checksum(node),
        }
        for field in fields.published(self.schema.get("resource_fields", ()), MAPPED_OF_FILE):
            found[field["field_name"]] = self.field(node, field)
        return {name: value for name, value in found.items() if value not in (None, "", [], {})}

    def _url(self, node: Node) -> str | None:
        exact = self.graph.value(node, self.own("url"))
        if isinstance(exact, Literal):
            return str(exact)
        address = self._one(node, DCAT.downloadURL) or self._one(node, DCAT.accessURL)
        # A file without an address has its page on the portal for one.
        return None if address == str(node) and self.ours else address

    def _size(self, node: Node) -> int | None:
        size = self._one(node, DCAT.byteSize)
        return int(float(size)) if size and re.fullmatch(r"\d+(\.0*)?", size) else None

    def _checksum(self, node: Node) -> dict[str, Any]:
        checksum = self.graph.value(node, SPDX.checksum)
        if checksum is None:
            return {
                "hash": self._one(node, self.own("hash")),
                "hash_algorithm": self._code(node, self.own("hash_algorithm"), "checksum_algorithms"),
            }
        return {
            "hash": self._one(checksum, SPDX.checksumValue),
            "hash_algorithm": self._code(checksum, SPDX.algorithm, "checksum_algorithms"),
        }


def _rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows without their blank values, and without the rows that had nothing else."""
    kept = ({name: value for name, value in row.items() if value not in (None, "", [], {})} for row in rows)
    return [row for row in kept if row]
