"""A dataset as DCAT-AP 3.0.1 statements.

Pure of HTTP and of storage; what must be asked of the database comes through :class:`Lookups`. The statements about terms and organisations
that a dataset refers to are written apart (:mod:`.references`), because they change when the dataset does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from geomet import wkt
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import XSD

from .. import vocabulary
from ..quality import rules
from . import addresses, fields
from .namespaces import ADMS, DCAT, DCATAP, DCTERMS, ELI, FOAF, GSP, LOCN, OWL, RDF, RDFS, SKOS, SPDX, VCARD, new_graph

#: Moves when the statements for the same dataset change: what is kept of older ones is made again.
VERSION = 2
PROFILE = "https://semiceu.github.io/DCAT-AP/releases/3.0.1/"
HVD_PROFILE = "https://semiceu.github.io/DCAT-AP/releases/3.0.0-hvd/"
HVD_LAW = "http://data.europa.eu/eli/reg_impl/2023/138/oj"

#: Fields of a dataset, and of a file, that DCAT-AP has properties for; the others go out under our own.
MAPPED = frozenset(
    [
        "title_translated",
        "name",
        "notes_translated",
        "tags_translated",
        "owner_org",
        "theme",
        "governorates",
        "spatial_text",
        "spatial",
        "temporal_coverage",
        "frequency",
        "language",
        "license_id",
        "access_rights",
        "contact",
        "publisher",
        "creator",
        "provenance",
        "identifier",
        "version",
        "version_notes",
        "conforms_to",
        "hvd_category",
        "documentation",
        "url",
        "issued",
        "modified",
        "source_url",
        "source_identifier",
        "source_modified",
    ]
)
MAPPED_OF_FILE = frozenset(
    [
        "url",
        "name_translated",
        "description_translated",
        "format",
        "mimetype",
        "license",
        "language",
        "conforms_to",
        "status",
        "availability",
        "size",
        "hash",
        "hash_algorithm",
        "issued",
        "modified",
        "data_dictionary",
        "temporal_start",
        "temporal_end",
    ]
)
_HEX = re.compile("(?:[0-9a-f]{2})+")


@dataclass(frozen=True)
class Organization:
    """What a dataset's statements depend on of an organisation: its address, and whether it can be written to."""

    address: URIRef
    reachable: bool


class Lookups(Protocol):
    """What the statements need to know of other records."""

    def organization(self, group_id: str) -> Organization | None:
        """An active organisation."""
        ...

    def is_public(self, package_id: str) -> bool:
        """Whether everybody may see a dataset."""
        ...


@dataclass(frozen=True)
class Written:
    """The statements of one dataset, and what they refer to."""

    graph: Graph
    subject: URIRef
    terms: frozenset[tuple[str, str]]
    organizations: frozenset[str]
    datasets: frozenset[str]


def schema(package_type: str) -> Mapping[str, Any]:
    """The scheming schema of a type, empty for a type without one."""
    if not p.plugin_loaded("scheming_datasets"):
        return {}
    try:
        return tk.get_action("scheming_dataset_schema_show")({"ignore_auth": True}, {"type": package_type})
    except tk.ObjectNotFound:
        return {}


def write(package: Mapping[str, Any], lookups: Lookups) -> Written:
    """The statements of a dataset as ``package_show`` answers it.

    Whoever asks, fields that only editors see are not written.
    """
    return _Writer(package, lookups).written()


class _Writer(fields.FieldWriter):
    def __init__(self, package: Mapping[str, Any], lookups: Lookups) -> None:
        super().__init__(new_graph(), self._address_of, lookups.is_public)
        self.package = package
        self.lookups = lookups
        self.type = str(package.get("type") or "dataset")
        self.schema = schema(self.type)
        self.id = str(package["id"])
        self.subject = addresses.dataset(self.id)

    def _address_of(self, group_id: str) -> URIRef | None:
        found = self.lookups.organization(group_id)
        return found.address if found else None

    def add(self, subject: URIRef, predicate: URIRef, value: Any, a: URIRef | None = None) -> None:
        """One statement, with the class of its object where the standard names one (``range.ttl``)."""
        self.graph.add((subject, predicate, value))
        if a is not None:
            self.graph.add((value, RDF.type, a))

    def written(self) -> Written:
        self._identity()
        self._texts()
        self._codes()
        self._agents()
        self._space_and_time()
        self._links()
        self._record()
        for field in fields.published(self.schema.get("dataset_fields", ()), MAPPED):
            if not fields.is_of_source(field["field_name"]):
                self.field(self.subject, field, self.package.get(field["field_name"]))
        for number, resource in enumerate(self.package.get("resources") or (), 1):
            self._distribution(resource, number)
        return Written(self.graph, self.subject, frozenset(self.terms), frozenset(self.organizations), frozenset(self.datasets))

    # ------------------------------------------------------------------------------------------------------------------ the dataset
    def _identity(self) -> None:
        self.add(self.subject, RDF.type, DCAT.Dataset)
        self.add(self.subject, RDF.type, addresses.own(self.type.capitalize()))
        self.add(self.subject, addresses.own("name"), Literal(str(self.package.get("name") or self.id)))
        identifier = self.package.get("identifier")
        # Where the agency gives none, the address is the identifier; the reader knows it as ours.
        self.add(self.subject, DCTERMS.identifier, Literal(identifier or str(self.subject)))
        if self.package.get("version"):
            self.add(self.subject, DCAT.version, Literal(str(self.package["version"])))
        self._date(self.subject, DCTERMS.issued, self.package.get("issued"), self.package.get("metadata_created"))
        self._date(self.subject, DCTERMS.modified, self.package.get("modified"), self.package.get("metadata_modified"))

    def _date(self, subject: URIRef, predicate: URIRef, value: Any, otherwise: Any = None) -> None:
        if value:
            self.add(subject, predicate, fields.date_literal(str(value)))
        elif otherwise:
            self.add(subject, predicate, moment(str(otherwise)))

    def _texts(self) -> None:
        titled = self.texts(self.subject, DCTERMS.title, self.package.get("title_translated"))
        title = str(self.package.get("title") or self.package.get("name") or self.id)
        if not titled:
            self.add(self.subject, DCTERMS.title, Literal(title))
        if not self.texts(self.subject, DCTERMS.description, self.package.get("notes_translated")):
            # Mandatory in the standard, not in a record copied from elsewhere. Without a language, so that it is not read back as entered.
            self.add(self.subject, DCTERMS.description, Literal(str(self.package.get("notes") or title)))
        keywords = self.package.get("tags_translated")
        if isinstance(keywords, Mapping):
            for language, words in keywords.items():
                for word in words:
                    if str(word).strip():
                        self.add(self.subject, DCAT.keyword, Literal(word, lang=language))
        else:
            for tag in self.package.get("tags") or ():
                self.add(self.subject, DCAT.keyword, Literal(tag.get("display_name") or tag["name"]))
        self.texts(self.subject, ADMS.versionNotes, self.package.get("version_notes"))
        provenance = fields.part(self.subject, "provenance", 1)
        if self.texts(provenance, RDFS.label, self.package.get("provenance")):
            self.add(self.subject, DCTERMS.provenance, provenance, DCTERMS.ProvenanceStatement)

    def _codes(self) -> None:
        for code in _list(self.package.get("theme")):
            self.add(self.subject, DCAT.theme, self.term("data_themes", code))
        for code in _list(self.package.get("language")):
            self.add(self.subject, DCTERMS.language, self.term("languages", code))
        if self.package.get("frequency"):
            self.add(self.subject, DCTERMS.accrualPeriodicity, self.term("frequencies", self.package["frequency"]))
        if self.package.get("access_rights"):
            self.add(self.subject, DCTERMS.accessRights, self.term("access_rights", self.package["access_rights"]))
        if self.package.get("license_id"):
            self.add(self.subject, DCTERMS.license, self._licence(str(self.package["license_id"])))
        categories = _list(self.package.get("hvd_category"))
        if categories:
            for category in categories:
                found = vocabulary.get("hvd_categories").find(category)
                self.add(self.subject, DCATAP.hvdCategory, self.term("hvd_categories", found.code if found else category), SKOS.Concept)
            self.add(self.subject, DCATAP.applicableLegislation, URIRef(HVD_LAW), ELI.LegalResource)

    def _licence(self, code: str) -> URIRef:
        found = vocabulary.get("licences").find(code)
        return self.term("licences", found.code if found else code)

    def _agents(self) -> None:
        owner = str(self.package.get("owner_org") or "")
        organization = self.organization(owner) if owner else None
        known = self.lookups.organization(owner) if owner else None
        if organization is not None:
            self.add(self.subject, addresses.own("owner_org"), organization)
        publishers = [row for row in _rows(self.package.get("publisher")) if any(row.values())]
        for number, row in enumerate(publishers[:1], 1):
            self._agent(DCTERMS.publisher, "publisher", row, number)
        if not publishers and organization is not None:
            self.add(self.subject, DCTERMS.publisher, organization)
        for number, row in enumerate(_rows(self.package.get("creator")), 1):
            self._agent(DCTERMS.creator, "creator", row, number)
        contacts = [row for row in _rows(self.package.get("contact")) if any(row.values())]
        for number, row in enumerate(contacts, 1):
            node = fields.part(self.subject, "contact", number)
            self.add(self.subject, DCAT.contactPoint, node)
            self.add(node, RDF.type, VCARD.Kind)
            self.add(node, RDF.type, VCARD.Organization)
            self.position(node, number)
            self.texts(node, VCARD.fn, row.get("name_translated"))
            if row.get("email"):
                self.add(node, VCARD.hasEmail, URIRef(f"mailto:{addresses.iri(str(row['email']))}"))
            if row.get("url"):
                self.address(node, VCARD.hasURL, str(row["url"]), "url")
        if not contacts and organization is not None and known is not None and known.reachable:
            self.add(self.subject, DCAT.contactPoint, contact_of(organization))

    def _agent(self, predicate: URIRef, name: str, row: Mapping[str, Any], number: int) -> None:
        # A node of our own even for a body with a permanent address: datasets may say different things of it, and an agent has one type.
        node = fields.part(self.subject, name, number)
        self.add(self.subject, predicate, node, FOAF.Agent)
        self.position(node, number)
        if not self.texts(node, FOAF.name, row.get("name_translated")):
            self.add(node, FOAF.name, Literal(str(row.get("identifier") or row.get("uri") or row.get("url") or self.package["name"])))
        if row.get("type"):
            self.add(node, DCTERMS.type, self.term("publisher_types", str(row["type"])))
        if row.get("url"):
            self.add(node, FOAF.homepage, self.address(node, FOAF.homepage, str(row["url"]), "url"), FOAF.Document)
        if row.get("uri"):
            self.address(node, OWL.sameAs, str(row["uri"]), "uri")
        if row.get("identifier"):
            self.add(node, DCTERMS.identifier, Literal(str(row["identifier"])))

    def _space_and_time(self) -> None:
        for code in _list(self.package.get("governorates")):
            self.add(self.subject, DCTERMS.spatial, self.term("governorates", code))
        if self.package.get("spatial_text"):
            node = fields.part(self.subject, "place", 1)
            self.add(self.subject, DCTERMS.spatial, node, DCTERMS.Location)
            self.add(node, SKOS.prefLabel, Literal(str(self.package["spatial_text"])))
        geometry = self.package.get("spatial")
        if geometry:
            self._geometry(geometry if isinstance(geometry, str) else json.dumps(geometry, ensure_ascii=False, separators=(",", ":")))
        periods = _rows(self.package.get("temporal_coverage"))
        for number, row in enumerate(periods, 1):
            node = fields.part(self.subject, "period", number)
            self._period(self.subject, node, row.get("start"), row.get("end"))
            self.position(node, number)
        if not periods:
            # A budget year is a calendar year (organic budget law 2019-15, article 3): the standard's own property makes it searchable.
            for year in _list(self.package.get("fiscal_years")):
                self._period(self.subject, fields.part(self.subject, "fiscal_year", int(year)), str(year), str(year))

    def _period(self, subject: URIRef, node: URIRef, start: Any, end: Any) -> None:
        self.add(subject, DCTERMS.temporal, node, DCTERMS.PeriodOfTime)
        if start:
            self.add(node, DCAT.startDate, fields.date_literal(str(start)))
        if end:
            self.add(node, DCAT.endDate, fields.date_literal(str(end)))

    def _geometry(self, stored: str) -> None:
        node = fields.part(self.subject, "geometry", 1)
        self.add(self.subject, DCTERMS.spatial, node, DCTERMS.Location)
        self.add(node, GSP.asGeoJSON, Literal(stored, datatype=GSP.geoJSONLiteral))
        try:
            geometry = json.loads(stored)
            written = wkt.dumps(geometry, decimals=6)
            west, south, east, north = _box(geometry)
        except (ValueError, LookupError, TypeError, AttributeError):
            # Made without our schema, whose validator refuses it: no coordinates, the wrong depth, no object at all.
            return
        self.add(node, LOCN.geometry, Literal(written, datatype=GSP.wktLiteral))
        self.add(node, DCAT.bbox, Literal(box_wkt(west, south, east, north), datatype=GSP.wktLiteral))
        self.add(node, DCAT.centroid, Literal(point_wkt((west + east) / 2, (south + north) / 2), datatype=GSP.wktLiteral))

    def _links(self) -> None:
        if self.package.get("url"):
            self.add(
                self.subject, DCAT.landingPage, self.address(self.subject, DCAT.landingPage, str(self.package["url"]), "url"), FOAF.Document
            )
        self._addresses(self.subject, DCTERMS.conformsTo, "conforms_to", self.package.get("conforms_to"), DCTERMS.Standard)
        self._addresses(self.subject, FOAF.page, "documentation", self.package.get("documentation"), FOAF.Document)
        for name in ("related_datasets", "related_records", "related_commitments"):
            for reference in _list(self.package.get(name)):
                related = self.dataset(reference)
                if related is not None:
                    self.add(self.subject, DCTERMS.relation, related)

    def _addresses(self, subject: URIRef, predicate: URIRef, name: str, values: Any, a: URIRef) -> None:
        for value in _list(values):
            self.add(subject, predicate, addresses.iri(value), a)
            if str(addresses.iri(value)) != value:
                self.add(subject, addresses.own(name), Literal(value))

    def _record(self) -> None:
        """What the portal itself did: its entry on the dataset, and where that entry was copied from."""
        record = URIRef(f"{self.subject}#record")
        self.add(record, RDF.type, DCAT.CatalogRecord)
        self.add(record, FOAF.primaryTopic, self.subject)
        if self.package.get("metadata_created"):
            self.add(record, DCTERMS.issued, moment(str(self.package["metadata_created"])))
        modified = moment(str(self.package.get("metadata_modified") or "1970-01-01T00:00:00"))
        self.add(record, DCTERMS.modified, modified)
        self.add(record, DCTERMS.conformsTo, URIRef(PROFILE), DCTERMS.Standard)
        change = "created" if self.package.get("metadata_created") == self.package.get("metadata_modified") else "updated"
        status = URIRef(f"http://purl.org/adms/changetype/{change}")
        self.add(record, ADMS.status, status, SKOS.Concept)
        self.add(status, SKOS.prefLabel, Literal(change, lang="en"))
        if self.package.get("hvd_category"):
            self.add(self.subject, DCTERMS.conformsTo, URIRef(HVD_PROFILE), DCTERMS.Standard)
        of_source = {name: self.package[name] for name in self.package if fields.is_of_source(name)}
        if not any(of_source.values()):
            return
        source = URIRef(f"{self.subject}#source")
        self.add(record, DCTERMS.source, source, DCAT.CatalogRecord)
        self.add(source, FOAF.primaryTopic, self.subject)
        if of_source.get("source_modified"):
            self.add(source, DCTERMS.modified, fields.date_literal(str(of_source["source_modified"])))
        else:
            self.add(source, DCTERMS.modified, modified)
        if of_source.get("source_identifier"):
            self.add(source, DCTERMS.identifier, Literal(str(of_source["source_identifier"])))
        if of_source.get("source_url"):
            self.add(source, FOAF.page, self.address(source, FOAF.page, str(of_source["source_url"]), "source_url"), FOAF.Document)
        for field in fields.published(self.schema.get("dataset_fields", ()), MAPPED):
            if field["field_name"] in of_source:
                self.field(source, field, of_source[field["field_name"]])

    # ------------------------------------------------------------------------------------------------------------------- its files
    def _distribution(self, resource: Mapping[str, Any], number: int) -> None:
        node = addresses.resource(self.id, str(resource["id"]))
        self.add(self.subject, DCAT.distribution, node, DCAT.Distribution)
        self.position(node, number)
        self._access(node, resource)
        if not self.texts(node, DCTERMS.title, resource.get("name_translated")) and resource.get("name"):
            self.add(node, DCTERMS.title, Literal(str(resource["name"])))
        if not self.texts(node, DCTERMS.description, resource.get("description_translated")) and resource.get("description"):
            self.add(node, DCTERMS.description, Literal(str(resource["description"])))
        self._format(node, resource)
        own_licence = resource.get("license")
        licence = own_licence or self.package.get("license_id")
        if licence:
            self.add(node, DCTERMS.license, self._licence(str(licence)))
        if own_licence:
            self.add(node, addresses.own("license"), self._licence(str(own_licence)))
        if self.package.get("access_rights"):
            self.add(node, DCTERMS.rights, self.term("access_rights", self.package["access_rights"]))
        for code in _list(resource.get("language")):
            self.add(node, DCTERMS.language, self.term("languages", code))
        if resource.get("status"):
            self.add(node, ADMS.status, self.term("distribution_statuses", resource["status"]))
        if resource.get("availability"):
            self.add(node, DCATAP.availability, self.term("availabilities", resource["availability"]))
        self._addresses(node, DCTERMS.conformsTo, "conforms_to", resource.get("conforms_to"), DCTERMS.Standard)
        if resource.get("data_dictionary"):
            self.add(node, FOAF.page, self.address(node, FOAF.page, str(resource["data_dictionary"]), "data_dictionary"), FOAF.Document)
        self._date(node, DCTERMS.issued, resource.get("issued"), resource.get("created"))
        self._date(node, DCTERMS.modified, resource.get("modified"), resource.get("metadata_modified"))
        if resource.get("temporal_start") or resource.get("temporal_end"):
            self._period(node, fields.part(node, "period", 1), resource.get("temporal_start"), resource.get("temporal_end"))
        # An empty file has a size too.
        if str(resource.get("size")).isdigit():
            self.add(node, DCAT.byteSize, Literal(str(int(resource["size"])), datatype=XSD.nonNegativeInteger))
        self._checksum(node, resource)
        if self.package.get("hvd_category"):
            self.add(node, DCATAP.applicableLegislation, URIRef(HVD_LAW), ELI.LegalResource)
        for field in fields.published(self.schema.get("resource_fields", ()), MAPPED_OF_FILE):
            self.field(node, field, resource.get(field["field_name"]))

    def _access(self, node: URIRef, resource: Mapping[str, Any]) -> None:
        url = str(resource.get("url") or "").strip()
        if "://" not in url:
            # No address: the file's page on this portal, which is the node itself.
            self.add(node, DCAT.accessURL, node)
            return
        self.add(node, DCAT.accessURL, self.address(node, DCAT.accessURL, url, "url"))
        if rules.download_address(resource):
            self.add(node, DCAT.downloadURL, addresses.iri(url))

    def _format(self, node: URIRef, resource: Mapping[str, Any]) -> None:
        written = str(resource.get("format") or "")
        listed = vocabulary.get("file_types").find(written) if written else None
        if listed is not None:
            self.add(node, DCTERMS.format, self.term("file_types", listed.code))
        elif written:
            self.add(node, addresses.own("format"), Literal(written))
        entered = str(resource.get("mimetype") or "")
        guessed = str(listed.more.get("media_type") or "") if listed is not None and not entered else ""
        if "/" in (entered or guessed):
            self.add(node, DCAT.mediaType, self.term("media_types", entered or guessed))
        if entered:
            self.add(node, addresses.own("mimetype"), Literal(entered))

    def _checksum(self, node: URIRef, resource: Mapping[str, Any]) -> None:
        value, algorithm = str(resource.get("hash") or ""), str(resource.get("hash_algorithm") or "")
        if algorithm and _HEX.fullmatch(value):
            checksum = fields.part(node, "checksum", 1)
            self.add(node, SPDX.checksum, checksum, SPDX.Checksum)
            self.add(checksum, SPDX.algorithm, self.term("checksum_algorithms", algorithm))
            self.add(checksum, SPDX.checksumValue, Literal(value, datatype=XSD.hexBinary, normalize=False))
            return
        # The standard's checksum needs both, in lower-case digits; half of one is still not lost.
        if value:
            self.add(node, addresses.own("hash"), Literal(value))
        if algorithm:
            self.add(node, addresses.own("hash_algorithm"), self.term("checksum_algorithms", algorithm))


def contact_of(organization: URIRef) -> URIRef:
    """The address of an organisation's contact point."""
    return URIRef(f"{str(organization).split('#')[0]}#contact")


def moment(value: str) -> Literal:
    """A moment of the portal's own book-keeping: UTC, as CKAN stores it, said so."""
    zoned = value if re.search(r"[+-]\d\d:\d\d$", value) else f"{value.removesuffix('Z')}+00:00"
    return Literal(zoned, datatype=XSD.dateTime, normalize=False)


def box_wkt(west: float, south: float, east: float, north: float) -> str:
    """A box in degrees as a WKT polygon, longitude first (OGC CRS84, the default of ``geo:wktLiteral``)."""
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return "POLYGON ((" + ", ".join(f"{x:g} {y:g}" for x, y in corners) + "))"


def point_wkt(x: float, y: float) -> str:
    """A point in degrees as WKT."""
    return f"POINT ({x:g} {y:g})"


def _box(geometry: Mapping[str, Any]) -> tuple[float, float, float, float]:
    from ..rules import positions

    xs, ys = zip(*positions(geometry), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _list(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [str(one) for one in value or () if one not in (None, "")]


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value or () if isinstance(row, Mapping)] if isinstance(value, list) else []
