"""DCAT catalogues in RDF: Turtle, RDF/XML, JSON-LD; in pages (Hydra) or in one file.

A page is parsed by rdflib, as ckanext-dcat's parser does; then every dataset is cut out of its graph with all that belongs to it and
written as sorted N-Triples in which blank nodes are named by what they say. So a dataset has the same bytes, and the same hash, however
the portal orders its export and whatever it calls its blank nodes that day. Periods are read with ckanext-dcat's profile.
"""

from __future__ import annotations

import collections
import hashlib
import json
import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from html.entities import name2codepoint
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urljoin
from xml.parsers import expat
from xml.sax import SAXException

import ckan.plugins.toolkit as tk
from ckanext.dcat.exceptions import RDFParserException
from ckanext.dcat.processors import HYDRA, SUPPORTED_PAGINATION_COLLECTION_DESIGNS
from ckanext.dcat.profiles.base import ADMS, DCAT, DCT, FOAF, LOCN, OWL, RDFS, SCHEMA, SKOS, SPDX, VCARD, RDFProfile
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - compiled
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.exceptions import Error as RdflibError
from rdflib.namespace import RDF, TIME, Namespace
from rdflib.term import Node

from .engine.base import Backend, Check, Cursor, HttpClient, Options, Record, Response, SourceError, Validators, option
from .engine.problems import NOT_EXPECTED, Kind, RecordError, Severity
from .foreign import Draft, LicensedOptions, as_geojson, date, link, plain, term

log = logging.getLogger(__name__)

ACCEPT = "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, application/xml;q=0.3, */*;q=0.1"
_FORMATS = {"turtle": "turtle", "xml": "xml", "json-ld": "json-ld", "n3": "n3", "nt": "nt"}
_MEDIA_TYPES = {
    "text/turtle": "turtle",
    "application/x-turtle": "turtle",
    "application/rdf+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/ld+json": "json-ld",
    "application/json": "json-ld",
    "application/n-triples": "nt",
    "text/n3": "n3",
}
#: Endpoints in a row without a dataset before we stop believing in “next”.
_EMPTY_PAGES = 3
_MOST_PAGES = 20_000
_MOST_CONTEXTS = 10
#: Datasets described elsewhere that may fail before we give up the source.
_MOST_FAILURES = 10
#: How far from the dataset its parts may be: distribution → service → contact → address.
_DEPTH = 8
#: What is a record of its own, and not a part of the dataset that mentions it.
_OWN = {DCAT.Dataset, DCAT.DatasetSeries, DCAT.Catalog, DCAT.CatalogRecord}

BROKEN_XML = Kind(
    "damaged-xml",
    Severity.WARNING,
    lambda: tk._("{url} is not well-formed XML ({reason}); what could be read was read."),
    lambda: tk._("Tell the publisher. Nothing is removed after such a run."),
)
XML_ENTITIES = Kind(
    "xml-entities",
    Severity.ERROR,
    lambda: tk._("{url} defines XML entities that refer to others or to files, as an attack would, and was not read."),
    lambda: tk._("Tell the publisher: a catalogue needs no such definitions."),
)
PAGING_CIRCLE = Kind(
    "paging-circle",
    Severity.WARNING,
    lambda: tk._("The pages lead in a circle: after {url} comes a page that was read already."),
    lambda: tk._("Tell the publisher. Nothing is removed after such a run."),
)
WEAK_IDENTITY = Kind(
    "weak-identity",
    Severity.WARNING,
    lambda: tk._("Datasets without address and identifier: {count}. They are told apart by their titles and files, as “{value}”."),
    lambda: tk._("Ask the publisher for identifiers: a dataset whose title and files change at once will be taken for another one."),
)
NO_CONTEXT = Kind(
    "missing-context",
    Severity.WARNING,
    lambda: tk._("The JSON-LD context {value} could not be read; names that it explains are not understood."),
    lambda: tk._("Tell the publisher to put the context into the document."),
)


@dataclass(frozen=True)
class DcatOptions(LicensedOptions):
    """Options of :class:`DcatBackend`."""

    format: str = option(
        "",
        lambda: tk._("Format"),
        help=lambda: tk._("Found out by itself; choose one only if the source names a wrong one."),
        choices=lambda: {"": tk._("Find out"), "turtle": "Turtle", "xml": "RDF/XML", "json-ld": "JSON-LD"},
    )
    keep_contacts: bool = option(
        True,
        lambda: tk._("Take over contact points"),
        help=lambda: tk._("Switch it off if the source names persons instead of offices: what is taken over is public."),
    )


class DcatBackend(Backend):
    """Reads DCAT catalogues."""

    name: ClassVar[str] = "dcat"
    version: ClassVar[int] = 3
    Options: ClassVar[type[Options]] = DcatOptions
    options: DcatOptions
    #: What datasets without any identity are told by, in this reading.
    _weak: list[str]

    @classmethod
    def label(cls) -> str:
        return tk._("DCAT catalogue (RDF)")

    @classmethod
    def description(cls) -> str:
        return tk._("Turtle, RDF/XML or JSON-LD, in pages or in one file, such as …/catalog.ttl.")

    # ------------------------------------------------------------------------------------------------------------------- reading
    def check(self, http: HttpClient) -> Check:
        page = self._page(http, self.source.url, None)
        title = next((plain(value) for value in page.graph.objects(page.catalog, DCT.title)), "") if page.catalog is not None else ""
        return Check(title=title, records=page.total if page.total is not None else len(page.datasets) + len(page.elsewhere))

    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        """All datasets, page by page; see `Backend`.

        :raises SourceError: a page cannot be fetched or is no RDF
        """
        known = cursor.state.get("document", {})
        validators = Validators(known.get("etag", ""), known.get("last_modified", "")) if known.get("pages") == 1 else None
        address: str | None = self.source.url
        seen: set[str] = set()
        guids: set[str] = set()
        elsewhere: set[str] = set()
        self._weak = []
        pages = empty = 0
        first = Validators()
        while address is not None:
            seen.add(address)
            response = http.get(address, accept=ACCEPT, validators=validators if not pages else None)
            if response.not_modified:
                cursor.all_unchanged()
                return
            page = self._parsed(http, response)
            if page.damaged:
                cursor.incomplete(BROKEN_XML.slug)
            first = first if pages else response.validators
            pages += 1
            if page.total is not None:
                cursor.expect(page.total)
            following = page.following
            shared = collections.Counter(
                name for node in page.datasets for name in _told_by(page.graph, node) if not _name(page.graph, node)
            )
            for node in page.datasets:
                yield self._record(page.graph, node, guids, shared)
            elsewhere |= page.elsewhere
            empty = 0 if page.datasets else empty + 1
            del page
            if following is not None and (following in seen or empty >= _EMPTY_PAGES or pages >= _MOST_PAGES):
                self.report(PAGING_CIRCLE, url=address)
                cursor.incomplete(PAGING_CIRCLE.slug)
                following = None
            address = following
        if elsewhere and not guids:
            yield from self._elsewhere(http, cursor, sorted(elsewhere), guids)
            # The catalogue says nothing of changes in what is elsewhere.
            pages += 1
        if self._weak:
            self.report(WEAK_IDENTITY, count=len(self._weak), value=self._weak[0])
        cursor.state["document"] = {"etag": first.etag, "last_modified": first.last_modified, "pages": pages}

    def _elsewhere(self, http: HttpClient, cursor: Cursor, addresses: list[str], guids: set[str]) -> Iterator[Record]:
        """The datasets of a catalogue that describes none itself, each described where it points (the Czech and the Slovak local ones).

        Where some are described, the rest are leftovers, whose addresses lead to web pages as a rule.
        """
        failures = 0
        for address in addresses[:_MOST_PAGES]:
            try:
                response = http.get(address, accept=ACCEPT, allow_status=(404, 410))
                if response.status in (404, 410):
                    # Left in the list after its end.
                    continue
                page = self._parsed(http, response)
            except SourceError as error:
                failures += 1
                if failures == _MOST_FAILURES:
                    raise
                self.report(error.kind, **error.values)
                cursor.incomplete(error.kind.slug)
                continue
            found = [node for node in page.datasets if str(node) == address] or page.datasets
            if len(found) != 1:
                # None, or several of which none is the one that was asked for: it is not gone for that.
                self.report(NOT_EXPECTED, url=address, found=f"{len(found)} dcat:Dataset", expected="dcat:Dataset")
                cursor.incomplete(NOT_EXPECTED.slug)
                continue
            yield self._record(page.graph, found[0], guids, collections.Counter())

    def _page(self, http: HttpClient, address: str, validators: Validators | None) -> _Page:
        return self._parsed(http, http.get(address, accept=ACCEPT, validators=validators))

    def _parsed(self, http: HttpClient, response: Response) -> _Page:
        content = _as_utf8(response.content)
        if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", content[:1000], re.IGNORECASE):
            raise SourceError(NOT_EXPECTED, url=response.url, found="HTML", expected="RDF")
        kind = self.options.format or _sniffed(content, response.headers.get("Content-Type", ""))
        damaged = False
        try:
            if kind == "xml":
                _refuse_entities(content, response.url)
            elif kind == "json-ld":
                content = self._with_contexts(http, content, response.url)
            graph = _graph(content, kind, response.url)
        except _NOT_RDF as error:
            repaired = _repaired(content) if kind == "xml" else _with_dots(content) if kind == "turtle" else None
            if repaired is None:
                found = f"{type(error).__name__}: {str(error)[:150]}"
                raise SourceError(NOT_EXPECTED, url=response.url, found=found, expected=f"RDF ({kind})") from None
            try:
                graph = _graph(repaired, kind, response.url)
            except _NOT_RDF:
                raise SourceError(NOT_EXPECTED, url=response.url, found=str(error)[:150], expected=f"RDF ({kind})") from None
            # Nothing of the catalogue is lost for a dot.
            damaged = kind == "xml"
            if damaged:
                self.report(BROKEN_XML, url=response.url, reason=str(error)[:150])
        page = _Page(graph, response.url, damaged)
        if not page.datasets and kind == "json-ld" and re.search(rb'"dataset"\s*:\s*\[', content):
            # DCAT-US: JSON-LD only for whoever reads a context that the agency's server does not have any more.
            raise SourceError(NOT_EXPECTED, url=response.url, found="data.json (DCAT-US)", expected="RDF")
        if not graph or (damaged and not page.datasets):
            # Not even a catalogue without datasets: an empty file, plain words, a scrap of XML.
            raise SourceError(NOT_EXPECTED, url=response.url, found=plain(content[:80].decode("utf-8", "replace")) or "0 B", expected="RDF")
        return page

    def _with_contexts(self, http: HttpClient, content: bytes, url: str) -> bytes:
        """JSON-LD whose contexts are inside: a parser must open no connections of its own."""
        document = json.loads(content.decode("utf-8-sig"))
        fetched: dict[str, Any] = {}

        def context(address: str, base: str, depth: int) -> Any:
            full = urljoin(base, address)
            if full not in fetched and len(fetched) < _MOST_CONTEXTS:
                fetched[full] = {}
                try:
                    found = http.get(full, accept="application/ld+json, application/json", max_bytes=2_000_000).json()
                    fetched[full] = inside(found.get("@context", {}), full, depth + 1) if isinstance(found, dict) else {}
                except SourceError:
                    self.report(NO_CONTEXT, value=full)
            return fetched.get(full, {})

        def inside(value: Any, base: str, depth: int = 0) -> Any:
            if isinstance(value, str):
                return context(value, base, depth) if depth < 4 else {}
            if isinstance(value, list):
                return [inside(part, base, depth) for part in value]
            if isinstance(value, dict):
                # A term's definition may hold a context again (JSON-LD 1.1 section 4.1.8), which the parser would fetch by itself.
                return {
                    key: {
                        name: inside(part, base, depth) if name == "@context" else part
                        for name, part in term_of.items()
                        if name != "@import"
                    }
                    if isinstance(term_of, dict)
                    else term_of
                    for key, term_of in value.items()
                    if key != "@import"
                }
            return value

        def walked(value: Any) -> Any:
            if isinstance(value, list):
                return [walked(part) for part in value]
            if isinstance(value, dict):
                return {key: inside(part, url) if key == "@context" else walked(part) for key, part in value.items()}
            return value

        return json.dumps(walked(document)).encode()

    # ------------------------------------------------------------------------------------------------------------------ identity
    def _record(self, graph: Graph, node: Node, guids: set[str], shared: Mapping[str, int]) -> Record:
        """
        :param guids: of the records so far
        :param shared: how many of the document's nameless datasets would be told by a page, a title, …
        """
        part = belongings(graph, node)
        content = canonical(part, node)
        identifier = _identifier(graph, node)
        page = _landing_page(graph, node)
        title = next(iter(_texts(part, node, DCT.title)), ("", ""))[0]
        guid = _name(graph, node)
        alias = identifier if identifier != guid else ""
        if not guid:
            # What it has alone; a portal's front page is the landing page of all.
            fallback = f"title:{hashlib.sha256(content).hexdigest()[:16]}"
            guid = next((name for name in _told_by(graph, node) if shared[name] <= 1 and name not in guids), fallback)
            # The same files under another title, or one more in another language, are the same dataset.
            files = _files_of(graph, node)
            alias = f"files:{_digest(files)}" if files else ""
            if guid != page:
                self._weak.append(plain(title) or guid.removeprefix("title:"))
        guids.add(guid)
        modified = next((plain(value) for value in part.objects(node, DCT.modified)), "")
        return Record(
            guid=guid[:2_000],
            content=content,
            media_type="application/n-triples",
            title=plain(title) or identifier,
            url=page or (str(node) if isinstance(node, URIRef) and str(node).startswith("http") else ""),
            alias=alias,
            modified=modified,
            parsed=None,
        )

    # --------------------------------------------------------------------------------------------------------------- translating
    def to_dataset(self, record: Record) -> dict[str, Any]:
        graph = Graph()
        graph.parse(data=record.content, format="nt")
        node = next(graph.subjects(RDF.type, DCAT.Dataset), None)
        if node is None:
            raise RecordError(NOT_EXPECTED, url=record.url, found=record.media_type, expected="dcat:Dataset")
        return _Reader(self, record, graph, node).dataset()


_LIMITATIONS = "inspire.ec.europa.eu/metadatacodelist/limitationsonpublicaccess/"
#: OWL-Time's units and ISO 8601's letters for them.
_LENGTHS = {"years": "Y", "months": "M", "weeks": "W", "days": "D", "hours": "H", "minutes": "M"}

_NOT_RDF = (RDFParserException, ValueError, SyntaxError, AssertionError, AttributeError, KeyError, IndexError, RecursionError)


class _Page:
    """One parsed document of a catalogue.

    :ivar datasets: their nodes, in a stable order
    :ivar elsewhere: addresses of datasets of which the document says no more than that they belong to the catalogue
    :ivar total: how many the catalogue says it has in all its pages
    :ivar following: the next page's address
    :ivar damaged: the document had to be repaired
    """

    def __init__(self, graph: Graph, url: str, damaged: bool) -> None:
        self.graph = graph
        self.damaged = damaged
        listed = set(graph.subjects(RDF.type, DCAT.Dataset))
        # Some catalogues only point at their datasets without saying what they are.
        listed |= {node for node in graph.objects(None, DCAT.dataset) if (node, DCT.title, None) in graph}
        series = set(graph.subjects(RDF.type, DCAT.Catalog))
        self.datasets = sorted(listed - series, key=str)
        pointed_at = {node for node in graph.objects(None, DCAT.dataset) if isinstance(node, URIRef) and (node, None, None) not in graph}
        self.elsewhere = {str(node) for node in pointed_at if re.match(r"https?:", str(node))}
        self.catalog = next(iter(sorted(series, key=str)), None)
        self.total = self._total()
        following = self._following()
        self.following = urljoin(url, following) if following else None

    def _following(self) -> str | None:
        for kind in SUPPORTED_PAGINATION_COLLECTION_DESIGNS:
            for view in sorted(self.graph.subjects(RDF.type, kind), key=str):
                for predicate in (HYDRA.next, HYDRA.nextPage):
                    for address in self.graph.objects(view, predicate):
                        return str(address)
        return None

    def _total(self) -> int | None:
        for value in self.graph.objects(None, HYDRA.totalItems):
            if str(value).isdigit():
                return int(str(value))
        return None


_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")


def _as_utf8(content: bytes) -> bytes:
    """XML in UTF-8, whatever it came in (XML 1.0, appendix F); anything else as it is.

    rdflib takes all for UTF-8 and does not look at the declaration; what is looked for in the bytes would not be found either.
    """
    declared = _DECLARED.match(content[:300])
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif re.match(rb"\x00[<\s]|[<\s]\x00", content[:2]):
        encoding = "utf-16-be" if content[:1] == b"\x00" else "utf-16-le"
    elif declared and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        # Some declare another encoding than they write: what can be read as UTF-8 is that.
        encoding = "utf-8" if _is_utf8(content) else declared[1].decode()
    else:
        return content
    try:
        text = content.decode(encoding)
    except (LookupError, UnicodeError):
        return content
    return re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _sniffed(content: bytes, content_type: str) -> str:
    """The format by what the content looks like; what the server says of it decides only where that leaves a doubt."""
    start = content[:2000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"{", b"["):
        return "json-ld"
    if start[:5] == b"<?xml" or re.match(rb"<(?:\w+:)?RDF\b|<!--|<!DOCTYPE", start):
        return "xml"
    if re.match(rb"@prefix|@base|PREFIX|#", start, re.IGNORECASE):
        return "turtle"
    stated = _MEDIA_TYPES.get(content_type.split(";", 1)[0].strip().lower(), "turtle")
    # N-Triples are Turtle too; neither XML nor JSON begins like this.
    return stated if stated in ("turtle", "nt", "n3") else "turtle"


def _graph(content: bytes, kind: str, url: str) -> Graph:
    graph = Graph()
    if kind == "xml":
        content = _NODE_ID.sub(_as_name, content)
    # Values stay as they are written: "2020-02-30"^^xsd:date is somebody's mistake to report, not to lose.
    logging.getLogger("rdflib.term").setLevel(logging.ERROR)
    try:
        graph.parse(data=content, format=_FORMATS[kind], publicID=url)
    except (SyntaxError, TypeError, LookupError, SAXException, RdflibError) as error:
        raise RDFParserException(str(error)) from None
    return graph


_NODE_ID = re.compile(rb"(:nodeID\s*=\s*)([\"'])([^\"'<]*)\2")


def _as_name(found: re.Match[bytes]) -> bytes:
    """The name of a blank node as XML wants it: triple stores write theirs, ``5daab98e807e4beb:1``, which no parser has to take."""
    name = found[3].decode("utf-8", "replace")
    if not re.fullmatch(r"[^\W\d][\w.-]*", name):
        name = "n" + "".join(character if character.isalnum() or character in "_.-" else f"_{ord(character):x}_" for character in name)
    return found[1] + found[2] + name.encode() + found[2]


def _refuse_entities(content: bytes, url: str) -> None:
    """Entities that stand for namespaces are common and harmless; those that refer to entities or files are attacks.

    :raises SourceError: ``xml-entities``
    """
    if b"<!ENTITY" not in content:
        return
    parser = expat.ParserCreate()

    class _RootSeen(Exception):  # noqa: N818 - ends the parsing, wrong is nothing
        pass

    def entity(
        _name: str, parameter: int, value: str | None, _base: str | None, system: str | None, public: str | None, _no: str | None
    ) -> None:
        if parameter or value is None or system or public or "&" in value or "%" in value or len(value) > 500:
            raise SourceError(XML_ENTITIES, url=url)

    def root(_name: str, _attributes: dict[str, str]) -> None:
        raise _RootSeen

    parser.EntityDeclHandler = entity
    parser.StartElementHandler = root
    try:
        parser.Parse(content, True)
    except _RootSeen:
        return
    except expat.ExpatError:
        # Not well-formed: the real parser says so.
        return


def _repaired(content: bytes) -> bytes | None:
    """XML without characters that XML does not have and with what is open closed; None when nothing can be saved.

    What breaks off is not repaired: its last dataset would look whole and have lost its files.
    """
    if not re.search(rb"</(?:\w+:)?RDF\s*>\s*(?:<!--(?:(?!-->).)*-->\s*)*$", content[-2_000:], re.DOTALL):
        return None
    without = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[1246-9]|2\d|3[01]));", b"", content)
    without = re.sub(rb"&(\w+);", _spelled_out, without)
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(without, parser)
    except etree.XMLSyntaxError:
        return None
    return etree.tostring(root, encoding="utf-8") if root is not None else None


def _with_dots(content: bytes) -> bytes | None:
    """Turtle whose prefixes were written without the dot that ends them (as in SPARQL); None when that is not what is wrong."""
    repaired = re.sub(rb"(?m)^([ \t]*@prefix\s+[\w-]*:\s*<[^<>\s]*>)[ \t\r]*$", rb"\1 .", content)
    return repaired if repaired != content else None


def _spelled_out(entity: re.Match[bytes]) -> bytes:
    """HTML's names for characters, which XML does not know, as numbers; a name that nobody knows as text."""
    name = entity[1].decode()
    if name in ("amp", "lt", "gt", "quot", "apos"):
        return entity[0]
    return f"&#{name2codepoint[name]};".encode() if name in name2codepoint else b"&amp;" + entity[1] + b";"


# ------------------------------------------------------------------------------------------------------------- cutting a dataset out
def belongings(graph: Graph, dataset: Node) -> Graph:
    """The triples of one dataset and of all that only describes it: files, agents, contacts, periods, places, licences."""
    found = Graph()
    waiting: list[tuple[Node, int]] = [(dataset, 0)]
    visited: set[Node] = {dataset}
    while waiting:
        node, depth = waiting.pop()
        for predicate, value in graph.predicate_objects(node):
            found.add((node, predicate, value))
            if isinstance(value, Literal) or value in visited or depth >= _DEPTH:
                continue
            if any(kind in _OWN for kind in graph.objects(value, RDF.type)):
                continue
            visited.add(value)
            waiting.append((value, depth + 1))
    found.add((dataset, RDF.type, DCAT.Dataset))
    return found


def canonical(graph: Graph, dataset: Node) -> bytes:
    """N-Triples in a fixed order; blank nodes are named by a hash of what they say, so that equal ones are one."""
    names: dict[Node, str] = {}
    busy: set[Node] = set()

    def name(node: Node) -> str:
        if isinstance(node, URIRef):
            return f"<{_safe(str(node))}>"
        if isinstance(node, Literal):
            return _literal(node)
        if node in names:
            return names[node]
        if node in busy:
            # A blank node inside itself: its place in the circle is all there is to know of it.
            return "_:circle"
        busy.add(node)
        said = sorted(f"{name(predicate)} {name(value)}" for predicate, value in graph.predicate_objects(node))
        busy.discard(node)
        found = "_:dataset" if node == dataset else "_:b" + hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]
        names[node] = found
        return found

    lines = {f"{name(subject)} {name(predicate)} {name(value)} ." for subject, predicate, value in graph}
    return ("\n".join(sorted(lines)) + "\n").encode("utf-8", "replace")


def _safe(address: str) -> str:
    # Portals write addresses with spaces and braces, which N-Triples (section 2.2) does not take.
    return re.sub(r'[\x00-\x20<>"{}|^`\\]', lambda found: quote(found[0], safe=""), address)


def _literal(value: Literal) -> str:
    text = (
        str(value)
        .replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        .replace("\t", "\\t")
        .replace("\x00", "")
    )
    text = "".join(character if character >= " " else f"\\u{ord(character):04X}" for character in text)
    if value.language:
        return f'"{text}"@{value.language}'
    return f'"{text}"^^<{_safe(str(value.datatype))}>' if value.datatype else f'"{text}"'


def _own_address(node: Node) -> str:
    """A dataset's address, unless it was made up for one export (blank nodes made into addresses, RDF 1.1 section 3.5)."""
    if not isinstance(node, URIRef):
        return ""
    address = str(node)
    made_up = (
        "/.well-known/genid/" in address
        or re.match(r"(?:_:|bnode|nodeid|genid)", address, re.IGNORECASE)
        or not re.match(r"[a-z][\w+.-]*:", address, re.IGNORECASE)
    )
    return "" if made_up else address


def _identifier(graph: Graph, node: Node) -> str:
    return next(iter(sorted(plain(value) for value in graph.objects(node, DCT.identifier) if plain(value))), "")


def _landing_page(graph: Graph, node: Node) -> str:
    return min((str(value) for value in graph.objects(node, DCAT.landingPage)), default="")


def _name(graph: Graph, node: Node) -> str:
    """What a dataset is told by that was given a name at its source; ``""`` for the nameless."""
    return _own_address(node) or _identifier(graph, node)


def _files_of(graph: Graph, node: Node) -> list[str]:
    return sorted(str(url) for item in graph.objects(node, DCAT.distribution) for url in graph.objects(item, DCAT.accessURL))


def _digest(files: list[str]) -> str:
    return hashlib.sha256("\n".join(files).encode("utf-8", "replace")).hexdigest()


def _told_by(graph: Graph, node: Node) -> list[str]:
    """What a nameless dataset may be told by, the best first: its page, its title, its title with its files."""
    found = [_landing_page(graph, node)]
    if title := plain(next(iter(_texts(graph, node, DCT.title)), ("", ""))[0]):
        found += [f"title:{title.casefold()}", f"title:{title.casefold()}#{_digest(_files_of(graph, node))[:12]}"]
    return [name for name in found if name]


def _texts(graph: Graph, node: Node, *predicates: URIRef) -> list[tuple[str, str]]:
    """``[(text, language or "")]`` of the first predicate that has any, in a stable order."""
    for predicate in predicates:
        found: list[tuple[str, str]] = []
        for value in graph.objects(node, predicate):
            if isinstance(value, Literal):
                found.append((str(value), value.language or ""))
            else:
                labels = [
                    *graph.objects(value, RDFS.label),
                    *graph.objects(value, SKOS.prefLabel),
                    *graph.objects(value, FOAF.name),
                    *graph.objects(value, RDF.value),
                ]
                found += [(str(label), getattr(label, "language", None) or "") for label in labels]
        if any(plain(text) for text, _language in found):
            return sorted(found, key=lambda pair: (pair[1], pair[0]))
    return []


# ----------------------------------------------------------------------------------------------------------- one dataset, read
class _Reader:
    """Reads one dataset from its graph into a `Draft`."""

    def __init__(self, backend: DcatBackend, record: Record, graph: Graph, node: Node) -> None:
        self._options = backend.options
        self._catalogue = backend.source.url
        self._graph = graph
        self._node = node
        self._draft = Draft(backend, record, self._values(node, DCT.language))

    def _values(self, node: Node, *predicates: URIRef) -> list[str]:
        """Addresses and texts, sorted; a node without address gives its label."""
        found: set[str] = set()
        for predicate in predicates:
            for value in self._graph.objects(node, predicate):
                if isinstance(value, BNode):
                    found |= {text for text, _language in _labels(self._graph, value)}
                else:
                    found.add(str(value))
        return sorted(found)

    def _value(self, node: Node, *predicates: URIRef) -> str:
        return next(iter(value for predicate in predicates for value in self._values(node, predicate)), "")

    def dataset(self) -> dict[str, Any]:
        graph, node, draft = self._graph, self._node, self._draft
        draft.title(_texts(graph, node, DCT.title, RDFS.label, FOAF.name))
        draft.notes(_texts(graph, node, DCT.description, DCT.abstract, RDFS.comment))
        draft.keywords(_texts(graph, node, DCAT.keyword))
        draft.themes(self._themes())
        draft.licence(*self._licences(node), *(self._dataset_licence_of_files()))
        draft.default_licence(self._options)
        draft.coded("frequency", "frequencies", self._frequency(), tk._("the update frequency"))
        draft.languages(self._values(node, DCT.language))
        rights = [value for value in self._values(node, DCT.accessRights, DCT.rights, DCT.license) if term("access_rights", value)]
        if rights:
            draft.data["access_rights"] = term("access_rights", rights[0])
        else:
            draft.aside("access_rights", self._value(node, DCT.accessRights))
        self._periods()
        self._places()
        draft.date("issued", self._value(node, DCT.issued))
        draft.date("modified", self._value(node, DCT.modified))
        draft.text("identifier", self._value(node, DCT.identifier))
        draft.text("version", self._value(node, DCAT.version, OWL.versionInfo, ADMS.version), 100)
        draft.translated("version_notes", _texts(graph, node, ADMS.versionNotes))
        draft.translated("provenance", _texts(graph, node, DCT.provenance))
        standards = self._values(node, DCT.conformsTo)
        draft.links("conforms_to", filter(link, standards))
        # Reference systems and standards by name: no mistake, but no address either.
        draft.aside("conforms_to", ", ".join(value for value in standards if not link(value)))
        draft.links("documentation", self._values(node, FOAF.page))
        if page := self._value(node, DCAT.landingPage, FOAF.homepage):
            draft.link("url", page)
        self._agents()
        draft.terms("hvd_category", "hvd_categories", self._values(node, _AP.hvdCategory))
        for distribution in self._distributions():
            self._resource(distribution)
        shown = {page, *draft.data["title_translated"].values()}
        for name, text in self._rest(node, _READ, shown):
            draft.beside(name, text)
        # Of these there is one here.
        draft.beside("identifier", ", ".join(self._values(node, DCT.identifier)[1:]))
        draft.beside("url", ", ".join(self._values(node, DCAT.landingPage)[1:]))
        if list(graph.objects(node, DCT.publisher)):
            holders = {text for agent in graph.objects(node, DCT.rightsHolder) for text, _language in self._called(agent)}
            draft.beside("rightsHolder", ", ".join(sorted(holders - {draft.data.get("source_publisher", "")})))
        return draft.finish()

    def _called(self, agent: Node) -> list[tuple[str, str]]:
        return [(str(agent), "")] if isinstance(agent, Literal) else self._said(agent, *_NAMES)

    def _is_person(self, agent: Node) -> bool:
        return any(kind in _PERSONS for kind in self._graph.objects(agent, RDF.type))

    def _rest(self, node: Node, read: set[URIRef], shown: Collection[str]) -> list[tuple[str, str]]:
        """What else is said of a dataset or a file: ``[(last part of the predicate's address, words)]``.

        :param shown: what needs not be said again
        """
        found: dict[str, set[str]] = {}
        for predicate, value in self._graph.predicate_objects(node):
            if predicate not in read and (text := self._words(value)) and text not in shown:
                found.setdefault(re.split(r"[/#]", str(predicate))[-1][:80], set()).add(text)
        return [(name, ", ".join(sorted(texts))) for name, texts in sorted(found.items()) if name]

    def _words(self, value: Node, depth: int = 0) -> str:
        """A value in words: a text, what a thing is called, or what it says itself; nothing of persons."""
        if isinstance(value, Literal):
            return plain(value)
        if self._is_person(value):
            return ""
        labels = [plain(text) for text, _language in _labels(self._graph, value)]
        if isinstance(value, URIRef):
            return " ".join([*labels[:1], str(value)])
        if labels or depth > 2:
            return " ".join([" / ".join(labels), *self._values(value, DCAT.endpointURL)])
        parts = {
            f"{re.split(r'[/#]', str(predicate))[-1]}: {text}"
            for predicate, part in self._graph.predicate_objects(value)
            if predicate != RDF.type and (text := self._words(part, depth + 1))
        }
        return "; ".join(sorted(parts))

    def _frequency(self) -> str:
        """An address, a word, or a length of time (``time:DurationDescription`` of OWL-Time, in the Spanish NTI) as ISO 8601 writes it."""
        found: list[str] = []
        for value in sorted(self._graph.objects(self._node, DCT.accrualPeriodicity), key=str):
            for thing in (value, *sorted(self._graph.objects(value, RDF.value), key=str)):
                for unit, letter in _LENGTHS.items():
                    number = next((plain(length) for length in self._graph.objects(thing, TIME[unit])), "")
                    # "1.0"^^xsd:decimal
                    if re.fullmatch(r"0*[1-9]\d*(?:\.0+)?", number):
                        found.append(f"R/P{'T' * (unit in ('hours', 'minutes'))}{int(float(number))}{letter}")
            labels = [text for text, _language in _labels(self._graph, value)]
            found += [text for text in (*labels, str(value)) if not isinstance(value, BNode) or text != str(value)]
        return next((text for text in found if term("frequencies", text)), next(iter(found), ""))

    def _themes(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for value in sorted(self._graph.objects(self._node, DCAT.theme), key=str):
            labels = _labels(self._graph, value)
            if isinstance(value, Literal):
                found.append((str(value), value.language or ""))
            elif isinstance(value, URIRef) and term("themes", str(value)):
                found.append((str(value), ""))
            elif labels:
                known = [pair for pair in labels if term("themes", pair[0])]
                found.append((known or labels)[0])
            elif isinstance(value, URIRef):
                found.append((str(value), ""))
        return found

    def _licences(self, node: Node) -> list[str]:
        found: list[str] = []
        for predicate in (DCT.license, DCT.rights):
            for value in sorted(self._graph.objects(node, predicate), key=str):
                if _LIMITATIONS in str(value).replace("-", "").lower():
                    # INSPIRE's list of why access is limited, or that it is not.
                    continue
                # Who may have it is no licence; and rdf:about="" is the catalogue itself.
                if not isinstance(value, BNode) and not term("access_rights", str(value)) and str(value) != self._catalogue:
                    found.append(str(value))
                # dct:type of a licence says what kind it is, dct:identifier and labels what it is called.
                found += [text for text, _language in _labels(self._graph, value)]
                found += [str(text) for text in self._graph.objects(value, DCT.identifier)]
        return list(dict.fromkeys(text for text in found if len(text) < 1000))

    def _dataset_licence_of_files(self) -> list[str]:
        """DCAT-AP puts the licence on the files: when all have the same one, it is the dataset's."""
        of_files = [tuple(self._licences(item)) for item in self._distributions()]
        return list(of_files[0]) if of_files and len(set(of_files)) == 1 else []

    def _periods(self) -> None:
        for interval in sorted(self._graph.objects(self._node, DCT.temporal), key=str):
            if isinstance(interval, Literal):
                parts = re.split(r"\s*/\s*|\s+(?:to|au|–|-)\s+", str(interval).strip())
                if len(parts) == 2:
                    self._draft.period(parts[0], parts[1], str(interval))
                elif date(str(interval)):
                    self._draft.period(str(interval), str(interval))
                else:
                    self._draft.text("temporal_text", interval)
                continue
            if isinstance(interval, URIRef) and (interval, None, None) not in self._graph:
                self._draft.text("temporal_text", interval)
                continue
            alone = Graph()
            alone += self._graph
            alone.remove((self._node, DCT.temporal, None))
            alone.add((self._node, DCT.temporal, interval))
            profile = RDFProfile(alone, dataset_type="dataset")
            start, end = profile._time_interval(self._node, DCT.temporal, dcat_ap_version=2) or ("", "")
            label = next(iter(_labels(self._graph, interval)), ("", ""))[0]
            if start or end:
                self._draft.period(start or "", end or "", label)
            elif label:
                self._draft.text("temporal_text", label)

    def _places(self) -> None:
        for place in sorted(self._graph.objects(self._node, DCT.spatial), key=str):
            for value in (
                value
                for predicate in (LOCN.geometry, DCAT.bbox, DCAT.centroid)
                for value in sorted(self._graph.objects(place, predicate), key=str)
            ):
                if "spatial" not in self._draft.data and (found := as_geojson(str(value))):
                    self._draft.geometry(found)
            labels = _labels(self._graph, place)
            if labels:
                self._draft.place(labels[0][0])
            elif isinstance(place, Literal) and str(place).lstrip().startswith(("{", "POLYGON", "POINT")):
                if found := as_geojson(str(place)):
                    self._draft.geometry(found)
            elif not isinstance(place, BNode):
                self._draft.place(_place_name(place))

    def _agents(self) -> None:
        # The first that has a name is taken.
        for field, predicate in (("publisher", DCT.publisher), ("publisher", DCT.rightsHolder), ("creator", DCT.creator)):
            found = []
            for agent in self._graph.objects(self._node, predicate):
                if not self._options.keep_contacts and self._is_person(agent):
                    continue
                if isinstance(agent, Literal):
                    found.append((agent, [(str(agent), agent.language or "")]))
                else:
                    found.append((agent, self._said(agent, *_NAMES) or _name_in(agent)))
            # Blank nodes are called otherwise each time: names come first.
            for agent, names in sorted(found, key=lambda pair: (not pair[1], pair[1], str(pair[0]))):
                self._draft.agent(
                    field,
                    names,
                    url=self._value(agent, FOAF.homepage),
                    uri=str(agent) if isinstance(agent, URIRef) else "",
                    identifier=self._value(agent, DCT.identifier),
                )
        if not self._options.keep_contacts:
            return
        contacts = []
        for contact in {
            value for predicate in (DCAT.contactPoint, ADMS.contactPoint) for value in self._graph.objects(self._node, predicate)
        }:
            if isinstance(contact, Literal):
                # Words in the place of a contact: a name, or an address to write to.
                mail = [str(contact)] if "@" in contact else []
                contacts.append(([] if mail else [(str(contact), contact.language or "")], mail, []))
            else:
                mails = [text for text, _language in self._said(contact, *_MAILS)]
                pages = [text for text, _language in self._said(contact, *_PAGES)]
                if isinstance(contact, URIRef) and (contact, None, None) not in self._graph:
                    # A page in the place of a contact, or a mail address; some are written without "https://", and so made relative.
                    bare = re.search(r"(?<![:/])/(www\.[\w.-]+)/?$", str(contact))
                    mails, pages = ([str(contact)], []) if "@" in str(contact) else ([], [bare[1] if bare else str(contact)])
                contacts.append((self._said(contact, *_NAMES), mails, pages))
        for names, mails, pages in sorted(contacts):
            self._draft.contact(names, ";".join(mails), next(iter(pages), ""))

    def _said(self, node: Node, *predicates: URIRef) -> list[tuple[str, str]]:
        """``[(text, language or "")]`` of the first predicate that has any; a vCard may put a node in between (``vcard:hasValue``)."""
        for predicate in predicates:
            found: set[tuple[str, str]] = set()
            for value in self._graph.objects(node, predicate):
                inner = [*self._graph.objects(value, VCARD.hasValue), *self._graph.objects(value, VCARD.value)]
                for each in inner or ([] if isinstance(value, BNode) else [value]):
                    if plain(str(each)):
                        found.add((str(each), getattr(each, "language", None) or ""))
            if found:
                return sorted(found, key=lambda pair: (pair[1], pair[0]))
        return []

    def _distributions(self) -> list[Node]:
        found = set(self._graph.objects(self._node, DCAT.distribution))
        return sorted(
            (item for item in found if not isinstance(item, Literal)),
            key=lambda item: (self._value(item, DCT.title), self._value(item, DCAT.downloadURL, DCAT.accessURL), str(item)),
        )

    def _resource(self, item: Node) -> None:
        graph = self._graph
        checksum = next(iter(graph.objects(item, SPDX.checksum)), None)
        url = self._value(item, DCAT.downloadURL) or self._value(item, DCAT.accessURL)
        if not url and isinstance(item, URIRef) and (item, None, None) not in graph:
            # A catalogue that points at files without a word about them.
            url = str(item)
        formats: list[str] = []
        for predicate in (DCT["format"], DCAT.mediaType):
            for value in sorted(graph.objects(item, predicate), key=str):
                formats += [text for text, _language in _labels(graph, value)]
                if not isinstance(value, BNode):
                    formats.append(str(value))
        own = self._licences(item)
        licence = next((text for text in own if term("licences", text)), next(iter(own), ""))
        written = self._draft.data.get("source_licence", "")
        more = [("accessURL", page) for page in self._values(item, DCAT.accessURL) if page != url]
        more += [("licence", text) for text in own if text != licence and not term("licences", text) and text not in written]
        standards = self._values(item, DCT.conformsTo)
        more += [("conformsTo", text) for text in standards if not link(text)]
        names = _texts(graph, item, DCT.title, RDFS.label)
        self._draft.resource(
            url=url,
            names=names,
            descriptions=_texts(graph, item, DCT.description),
            formats=[re.sub(r"^https?://www\.iana\.org/assignments/media-types/", "", text) for text in formats],
            guid=_own_address(item) or _identifier(graph, item),
            license=licence,
            languages=self._values(item, DCT.language),
            issued=self._value(item, DCT.issued),
            modified=self._value(item, DCT.modified),
            size=self._value(item, DCAT.byteSize),
            hash=self._value(checksum, SPDX.checksumValue) if checksum is not None else "",
            hash_algorithm=self._value(checksum, SPDX.algorithm) if checksum is not None else "",
            conforms_to=filter(link, standards),
            status=self._value(item, ADMS.status),
            availability=self._value(item, _AP.availability, _DE.plannedAvailability),
            more=[*more, *self._rest(item, _READ_OF_FILE, [text for text, _language in names])],
        )


#: DCAT-AP's own terms, and those of its German profile.
_AP, _DE = Namespace("http://data.europa.eu/r5r/"), Namespace("http://dcat-ap.de/def/dcatde/")
#: What has its own place in a dataset.
_READ = {
    RDF.type, DCT.title, DCT.description, DCAT.keyword, DCAT.theme, DCT.license, DCT.rights, DCT.accrualPeriodicity, DCT.language,
    DCT.accessRights, DCT.temporal, DCT.spatial, DCT.issued, DCT.modified, DCT.identifier, DCAT.version, OWL.versionInfo, ADMS.version,
    ADMS.versionNotes, DCT.provenance, DCT.conformsTo, FOAF.page, DCAT.landingPage, DCT.publisher, DCT.rightsHolder, DCT.creator,
    DCAT.contactPoint, ADMS.contactPoint, DCAT.distribution, _AP.hvdCategory,
}  # fmt: skip
#: The same of a file.
_READ_OF_FILE = {
    RDF.type, DCT.title, DCT.description, DCT.identifier, DCT["format"], DCAT.mediaType, DCT.license, DCT.rights, DCT.language,
    DCT.issued, DCT.modified, DCAT.byteSize, SPDX.checksum, DCT.conformsTo, DCAT.downloadURL, DCAT.accessURL, ADMS.status,
    _AP.availability, _DE.plannedAvailability,
}  # fmt: skip
_PERSONS = {FOAF.Person, SCHEMA.Person, VCARD.Individual}

#: What agents and contacts are called, where they are written to, and their pages: vCard of 2014 and of 2006, FOAF, and what else is met.
_NAMES = (
    FOAF.name, VCARD.fn, VCARD.hasFN, VCARD["organization-name"], VCARD.hasOrganizationName,
    SKOS.prefLabel, RDFS.label, DCT.title, SCHEMA.name,
)  # fmt: skip
_MAILS = (VCARD.hasEmail, VCARD.email, FOAF.mbox, SCHEMA.email)
_PAGES = (VCARD.hasURL, VCARD.url, FOAF.homepage, FOAF.page)


def _place_name(place: Node) -> str:
    """The place that an address ends with, if that is words: ``…/territorio/Pais/España``; an address of numbers stays as it is."""
    last = unquote(str(place).rstrip("/").rsplit("/", 1)[-1]) if isinstance(place, URIRef) else ""
    return " ".join(re.split(r"[-_ ]+", last)) if re.fullmatch(r"[^\W\d_]{3,}(?:[-_ ][^\W\d_]+)*", last) else str(place)


def _name_in(agent: Node) -> list[tuple[str, str]]:
    """The name that an address ends with, as GeoNetwork makes them up: ``…/organizations/Office%20de%20l%27eau``."""
    name = unquote(str(agent).rstrip("/").rsplit("/", 1)[-1]) if isinstance(agent, URIRef) else ""
    return [(name, "")] if " " in name else []


def _labels(graph: Graph, node: Node) -> list[tuple[str, str]]:
    """What a node is called: ``[(text, language or "")]``."""
    found = [
        value for predicate in (SKOS.prefLabel, RDFS.label, DCT.title, FOAF.name, RDF.value) for value in graph.objects(node, predicate)
    ]
    return sorted(
        ((str(value), getattr(value, "language", None) or "") for value in found if isinstance(value, Literal)),
        key=lambda pair: (pair[1], pair[0]),
    )
