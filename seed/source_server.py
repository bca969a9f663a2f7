"""A small source to harvest from: a CKAN site, a DCAT catalogue and a data.json of the same invented datasets, and invented contracts as
resourcecontracts.org tells them, with faults on demand. Besides, small samples of Tunisia's own sources (`samples`), which the
demonstration harvests.

For tests, for trying the harvester out, and to show what it says when a source misbehaves::

    python -m ckanext.ogptn.seed.source_server --port 5800 --datasets 50 --fault truncated

Every dataset says in title, description and keywords that it is synthetic. Addresses: ``/api/3/action/…`` and ``/api/2/rest/…`` (also below
``/fr`` and ``/ar``), ``/catalog.ttl``, ``/catalog.rdf``, ``/catalog.jsonld`` (``?page=2``; ``?whole`` for one file; ``?blank`` for blank
nodes), ``/data.json``, ``/files/``. With ``--action-api missing`` or ``broken`` the CKAN site is one of before 2.8. Contracts:
``/contracts/group`` and ``/contract/{id}/metadata``, as in the API, and ``/contracts.csv`` (``?encoding=utf-8``; Mac Roman with carriage
returns without it), as exported.

Samples, each below its own name and then at the address of the real one: ``/industrie/api/3/action/…`` and the files of its datasets,
``/mizaniatouna/tunisia/template_fr/boost_fr.xlsx`` and the list ``/mizaniatouna/boost.yaml``, ``/resourcecontracts/contracts/group``.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import csv
import gzip
import hashlib
import io
import json
import socket
import ssl
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF, XSD

from . import samples

if TYPE_CHECKING:
    from typing_extensions import Self

HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
_SYNTHETIC = {"fr": "données synthétiques", "ar": "بيانات اصطناعية", "en": "synthetic data"}
_RDF = {
    "/catalog.ttl": ("turtle", "text/turtle"),
    "/catalog.rdf": ("xml", "application/rdf+xml"),
    "/catalog.jsonld": ("json-ld", "application/ld+json"),
}

#: Resource addresses as real portals have them (each seen in a Tunisian catalogue).
ODD_URLS = [
    "", "http://monographieindustries-du-textile-et-de-lhabillement.pdf", "http://catalog.industrie.example/download/.xls",
    "http://a.example:80/download/-20172016.xlsx", "http://a.example/kassrine..xls", "http://a.example/liste.xls.xlsx",
    "fichier.xls", "http://197.13.1.1/données 2019.csv", "ftp://a.example/x.zip", "  http://a.example/espaces.csv  ",
    "javascript:alert(1)", "C:\\x\\y.xls",
]  # fmt: skip


def dataset(number: int) -> dict[str, Any]:
    """One invented dataset, as a CKAN 2.9 portal shows it."""
    name = f"essai-{number:05}"
    return {
        "id": f"5e9d0000-0000-4000-8000-{number:012}",
        "name": name,
        "title": f"Production de l’année {2000 + number % 25}, série {number} – {_SYNTHETIC['fr']}",
        "notes": f"<p>Chiffres <b>inventés</b> pour l’essai n° {number}. {_SYNTHETIC['ar']} – {_SYNTHETIC['en']}.</p>",
        "type": "dataset",
        "state": "active",
        "private": False,
        "license_id": "otl-data.industrie.gov.tn",
        "license_title": "Licence ouverte",
        "metadata_created": f"2020-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000001",
        "metadata_modified": "2025-03-11T10:00:00.000001",
        "organization": {"id": "o1", "name": "energie", "title": "Direction Générale de l’Energie", "is_organization": True},
        "groups": [],
        "tags": [{"name": "données synthétiques"}, {"name": "ولاية بنزرت"}],
        "extras": [
            {"key": "temporal_startDate", "value": "2015/01/01"},
            {"key": "temporal_endDate", "value": "2016/12/31"},
            {"key": "spatial_geoName", "value": "كامل تراب الجمهورية"},
        ],
        "resources": [
            {
                "id": f"4e9d0000-0000-4000-8000-{number:06}{place:06}",
                "url": f"https://fichiers.example/{name}/{place}.csv",
                "name": f"Fichier {place} ({_SYNTHETIC['fr']})",
                "description": "",
                "format": "CSV",
                "position": place,
            }
            for place in range(2)
        ],
    }


def contract(number: int) -> dict[str, Any]:
    """One invented contract, as the API of resourcecontracts.org tells it; every third is an amendment, every fifth is about gypsum."""
    amends = number % 3 == 2
    companies = [("Société d’essai – synthétique", "TN", 0.55, False), ("Essai Énergie (inventé) Ltd.", "GB", 0.45, True)]
    return {
        "id": 9000 + number,
        "open_contracting_id": f"ocds-000000-{number:010}",
        "name": f"{'Avenant n°1 à la convention' if amends else 'Convention'} Permis Essai {number} – {_SYNTHETIC['fr']}",
        "identifier": "",
        "language": "fr",
        "countries": [{"code": "TN", "name": "Tunisia"}],
        "resource": ["Gypsum" if number % 5 == 4 else "Hydrocarbons"],
        "government_entity": [{"name": "Ministère de l’essai", "identifier": ""}],
        "contract_type": ["Concession Agreement", *(["Contract Amendment"] if amends else [])],
        "date_signed": f"{1990 + number % 30}-07-{1 + number % 28:02}",
        "year_signed": str(1990 + number % 30),
        "type": "Contract",
        "participation": [
            {
                "company": {
                    "name": name,
                    "address": "1, rue de l’Essai, Tunis",
                    "founding_date": "",
                    "corporate_grouping": "",
                    "opencorporates_url": "",
                    "identifier": {"id": "", "creator": {"name": "", "spatial": country}},
                },
                "is_operator": operates,
                "share": share,
            }
            for name, country, share, operates in companies
        ],
        "project": {"name": "", "identifier": ""},
        "concession": [{"name": f"Permis Essai {number}", "identifier": ""}],
        "source_url": f"https://fichiers.example/dataset/convention-essai-{number}",
        "publisher": {"type": "Government", "note": ""},
        "retrieved_at": "2016-08-16",
        "is_associated_document": amends,
        "file": [
            {"url": f"https://fichiers.example/contrats/{number}.pdf", "byte_size": 1000 + number, "media_type": "application/pdf"},
        ],
        "parent": [
            {"id": 8999 + number, "open_contracting_id": f"ocds-000000-{number - 1:010}", "name": f"Convention {number - 1}"}
        ] if amends else [],
        "associated": [],
    }  # fmt: skip


@dataclass
class Fault:
    """Something that goes wrong.

    :ivar name: one of `FAULTS`
    :ivar path: only for addresses that begin so (without language prefix)
    :ivar after: requests to let pass first
    :ivar times: then how many go wrong; None for all
    """

    name: str
    path: str = "/"
    after: int = 0
    times: int | None = None
    seen: int = field(default=0, repr=False)

    def strikes(self, path: str) -> bool:
        if not path.startswith(self.path):
            return False
        self.seen += 1
        return self.seen > self.after and (self.times is None or self.seen <= self.after + self.times)


class TrialSource:
    """The server, on a free loopback port. ``datasets`` and ``contracts`` may be changed while it runs.

    :param certificate: serve over TLS with this one
    :ivar fault: what goes wrong now; None for nothing
    :ivar requests: addresses asked for, in order
    :ivar action_api: ``False``: only ``/api/2/rest`` answers, as on portals of 2013; ``"broken"``: the action API answers each question
        with a server error, as behind a newer front that knows half of it; ``"page"``: with the site's web page
    :ivar rest_ids: whether ``/api/2/rest/package`` lists ids, as version 2 does, in place of names
    """

    def __init__(self, count: int = 12, *, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self.datasets: list[dict[str, Any]] = [dataset(number) for number in range(count)]
        self.contracts: list[dict[str, Any]] = [contract(number) for number in range(count)]
        self.fault: Fault | None = None
        self.requests: list[str] = []
        self.action_api: bool | str = True
        self.rest_ids = False
        self.per_page = 5
        self._lock = threading.Lock()
        self._context = context
        self._port = port
        self._listen()

    def _listen(self) -> None:
        outer = self

        class Handler(_Handler):
            source = outer

        self._server = _Server(("127.0.0.1", self._port), Handler)
        if self._context is not None:
            self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._port = self._server.server_address[1]
        scheme, host = ("https", "localhost") if self._context is not None else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self._port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Meanwhile nobody listens on the port."""
        self.close()
        try:
            yield
        finally:
            self._listen()

    @contextlib.contextmanager
    def failing(self, name: str, **more: Any) -> Iterator[Fault]:
        """Meanwhile this fault is on."""
        self.fault = Fault(name, **more)
        try:
            yield self.fault
        finally:
            self.fault = None

    def shown(self) -> list[dict[str, Any]]:
        """The datasets as they are shown now: a fault of content changes them."""
        change = _CONTENT.get(self.fault.name) if self.fault else None
        return change(copy.deepcopy(self.datasets)) if change else self.datasets

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what this server is for."""


_STATIC = ("/industrie/dataset/", "/mizaniatouna/", "/baladiati/")
_LONG_AGO = "Sun, 01 Jan 2023 00:00:00 GMT"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    source: TrialSource

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = parts.path
        for language in ("/fr", "/ar", "/en"):
            if path.startswith(language + "/"):
                path = path[len(language) :]
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.source.requests.append(self.path)
        with self.source._lock:
            fault = self.source.fault
            struck = fault is not None and fault.name in _ANSWERS and fault.strikes(path)
        status, body, media_type = self._content(path, query)
        if fault is not None and struck:
            _ANSWERS[fault.name](self, body, media_type)
            return
        if status == 200 and path.startswith(_STATIC):
            # As a web server that keeps files does.
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            same = self.headers.get("If-None-Match") == tag
            self.send(b"" if same else body, 304 if same else 200, media_type, ETag=tag, Last_Modified=_LONG_AGO)
            return
        self.send(body, status, media_type)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def send(self, body: bytes, status: int = 200, media_type: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _content(self, path: str, query: dict[str, str]) -> tuple[int, bytes, str]:
        if path.startswith("/industrie/api/3/action/"):
            shown = samples.industrie(f"{self.source.url}/industrie")
            return _action(path.removeprefix("/industrie/api/3/action/"), query, shown, self.source)
        if (found := samples.answer(path)) is not None:
            return found
        path = path.removeprefix("/resourcecontracts")
        shown = self.source.shown()
        if path.startswith("/api/3/action/"):
            if self.source.action_api == "broken":
                return 500, b"<html><title>Internal Server Error</title></html>", "text/html"
            if self.source.action_api == "page":
                return 200, b"<!DOCTYPE html><html><title>Accueil</title></html>", "text/html"
            if not self.source.action_api:
                return 404, b"not found", "text/plain"
            return _action(path.removeprefix("/api/3/action/"), query, shown, self.source)
        if path.startswith("/api/2/rest/"):
            return _rest(path.removeprefix("/api/2/rest/"), shown, self.source)
        if path in _RDF:
            kind, media_type = _RDF[path]
            return 200, _catalogue(shown, kind, self.source, path, query), media_type
        if path == "/data.json":
            return 200, _data_json(shown, self.source.url), "application/json"
        if path in ("/contracts", "/contracts/group"):
            return _contract_list(self.source.contracts, query)
        if path.startswith("/contract/") and path.endswith("/metadata"):
            name = path.split("/")[2]
            found = [one for one in self.source.contracts if name in (str(one["id"]), one["open_contracting_id"])]
            return (200 if found else 404), json.dumps(found[0] if found else {"error": "not found"}).encode(), "application/json"
        if path == "/contracts.csv":
            return 200, _contracts_csv(self.source.contracts, query.get("encoding", "")), "text/csv"
        if path == "/files/":
            links = "".join(f'<li><a href="{one["name"]}.csv">{one["name"]}.csv</a></li>' for one in shown)
            return 200, f"<html><title>Index of /files/</title><ul>{links}</ul></html>".encode(), "text/html"
        if path.startswith("/files/") and path.endswith(".csv"):
            return 200, b"annee;valeur;donnees_synthetiques\n2015;1;oui\n", "text/csv"
        return 404, b"not found", "text/plain"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - http.server's
        return


# ------------------------------------------------------------------------------------------------------------------------ the faces
def _answered(result: Any) -> tuple[int, bytes, str]:
    return 200, json.dumps({"help": "", "success": True, "result": result}, ensure_ascii=False).encode(), "application/json;charset=utf-8"


def _not_found() -> tuple[int, bytes, str]:
    body = {"success": False, "error": {"__type": "Not Found Error", "message": "Not found"}}
    return 404, json.dumps(body).encode(), "application/json;charset=utf-8"


def _action(name: str, query: dict[str, str], shown: list[dict[str, Any]], source: TrialSource) -> tuple[int, bytes, str]:
    if name == "package_search":
        start, rows = int(query.get("start") or 0), min(int(query.get("rows") or 10), 1000)
        fault = source.fault
        if fault is not None and fault.name == "shifting" and start:
            # A dataset was deleted at the front while we read: everything moved up by one.
            shown = [*shown[1:], shown[0]]
        if fault is not None and fault.name == "circle":
            return _answered({"count": len(shown) * 100, "results": shown[:rows]})
        count = len(shown)
        if fault is not None and fault.name == "half":
            count = len(source.datasets)
        return _answered({"count": count, "results": shown[start : start + rows]})
    if name == "package_list":
        return _answered([one["name"] for one in shown])
    if name == "package_show":
        found = [one for one in shown if query.get("id") in (one["id"], one["name"])]
        return _answered(found[0]) if found else _not_found()
    if name == "organization_list":
        return _answered(["energie"])
    if name == "status_show":
        return _answered({"site_title": "Essai – " + _SYNTHETIC["fr"], "ckan_version": "2.9.9", "site_url": source.url})
    return _not_found()


_REST_GROUP = "0b1f6e3e-0000-4000-8000-000000000001"


def _rest(path: str, shown: list[dict[str, Any]], source: TrialSource) -> tuple[int, bytes, str]:
    kind, _slash, name = path.strip("/").partition("/")
    if kind == "group":
        known = {"essais": _REST_GROUP, **{one["organization"]["name"]: one["organization"]["id"] for one in shown}}
        if name in known:
            return 200, json.dumps({"id": known[name], "name": name}).encode(), "application/json"
    if kind not in ("dataset", "package"):
        return 404, b'"Not found"', "application/json"
    if not name:
        return 200, json.dumps([one["id" if source.rest_ids else "name"] for one in shown]).encode(), "application/json"
    for one in shown:
        if name in (one["id"], one["name"]):
            # As portals of 2013 show it (CKAN 2.2 itself has the organisation, too): no organisation but its id, groups by their ids, tags
            # by their names, texts twice, its own counting.
            old = {name: value for name, value in one.items() if name != "organization"} | {
                "owner_org": one["organization"]["id"],
                "groups": [_REST_GROUP],
                "tags": [tag["name"] for tag in one["tags"]],
                "extras": {each["key"]: each["value"] for each in one["extras"]},
                "notes_rendered": f"<p>{one['notes']}</p>",
                "ckan_url": f"{source.url}/dataset/{one['name']}",
                "ratings_average": None,
                "ratings_count": len(source.requests),
                "license": one["license_title"],
                "relationships": [],
            }
            return 200, json.dumps(old).encode(), "application/json"
    return 404, b'"Not found"', "application/json"


def _contract_list(contracts: list[dict[str, Any]], query: dict[str, str]) -> tuple[int, bytes, str]:
    country = query.get("country_code", "").upper()
    found = [one for one in contracts if not country or country in {each["code"] for each in one["countries"]}]
    start, count = int(query.get("from") or 0), int(query.get("per_page") or 25)
    told = ("id", "open_contracting_id", "name", "year_signed", "contract_type", "resource", "countries", "language")
    results = [{name: one[name] for name in told} for one in found[start : start + count]]
    body = {"total": len(found), "per_page": count, "from": start, "results": results}
    return 200, json.dumps(body, ensure_ascii=False).encode(), "application/json"


def _contracts_csv(contracts: list[dict[str, Any]], encoding: str) -> bytes:
    """As resourcecontracts.org exports contracts: several values in one cell, joined by ``;``."""
    from ckanext.ogptn.harvesters.resourcecontracts import COLUMNS

    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n" if encoding else "\r")
    writer.writeheader()
    for one in contracts:
        parties = one["participation"]
        companies = [party["company"] for party in parties]
        writer.writerow(
            {
                "OCID": one["open_contracting_id"],
                "Category": "rc",
                "Contract Name": one["name"],
                "Language": one["language"],
                "Country Name": ";".join(each["name"] for each in one["countries"]),
                "Resource": ";".join(one["resource"]),
                "Contract Type": ";".join(one["contract_type"]),
                "Signature Date": one["date_signed"],
                "Document Type": one["type"],
                "Government Entity": ";".join(each["name"] for each in one["government_entity"]),
                "Company Name": ";".join(company["name"] for company in companies),
                "Company Address": ";".join(company["address"] for company in companies),
                "Jurisdiction of Incorporation": ";".join(company["identifier"]["creator"]["spatial"] for company in companies),
                "Participation Share": ";".join(str(party["share"]) for party in parties),
                "Operator": ";".join("Yes" if party["is_operator"] else "No" for party in parties),
                "License Name": ";".join(each["name"] for each in one["concession"]),
                "Source Url": one["source_url"],
                "Disclosure Mode": one["publisher"]["type"],
                "Retrieval Date": one["retrieved_at"],
                "Pdf Url": one["file"][0]["url"],
            }
        )
    return file.getvalue().encode(encoding or "mac_roman")


def _catalogue(shown: list[dict[str, Any]], kind: str, source: TrialSource, path: str, query: dict[str, str]) -> bytes:
    graph = Graph()
    for prefix, namespace in (("dcat", DCAT), ("dct", DCTERMS), ("hydra", HYDRA)):
        graph.bind(prefix, namespace)
    catalog = URIRef(f"{source.url}/")
    graph.add((catalog, RDF.type, DCAT.Catalog))
    graph.add((catalog, DCTERMS.title, Literal("Essai – " + _SYNTHETIC["fr"], lang="fr")))
    here = shown
    if "whole" not in query:
        page = int(query.get("page") or 1)
        fault = source.fault
        if fault is not None and fault.name == "shifting" and page > 1:
            shown = [*shown[1:], shown[0]]
        here = shown[(page - 1) * source.per_page : page * source.per_page]
        view = URIRef(f"{source.url}{path}?page={page}")
        graph.add((view, RDF.type, HYDRA.PagedCollection))
        graph.add((view, HYDRA.totalItems, Literal(len(source.datasets) if fault is not None and fault.name == "half" else len(shown))))
        following = page + 1 if page * source.per_page < len(shown) else None
        if fault is not None and fault.name == "circle":
            following = 1
        if following:
            graph.add((view, HYDRA.next, Literal(f"{source.url}{path}?page={following}")))
    for one in here:
        _add(graph, catalog, one, source.url, blank="blank" in query)
    if source.fault is not None and source.fault.name == "entities" and kind == "xml":
        bomb = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
        body = graph.serialize(format="xml").replace("<rdf:RDF", f'<!DOCTYPE rdf:RDF [<!ENTITY e0 "boum">{bomb}]><rdf:RDF', 1)
        return body.replace(_SYNTHETIC["fr"], "&e9;").encode()
    return graph.serialize(format=kind).encode()


def _add(graph: Graph, catalog: URIRef, one: dict[str, Any], base: str, *, blank: bool) -> None:
    node = BNode() if blank else URIRef(f"{base}/dataset/{one['id']}")
    graph.add((catalog, DCAT.dataset, node))
    graph.add((node, RDF.type, DCAT.Dataset))
    for predicate, value in (
        (DCTERMS.identifier, Literal(one["id"])),
        (DCTERMS.title, Literal(one["title"], lang="fr")),
        (DCTERMS.description, Literal(one["notes"], lang="fr")),
        (DCTERMS.modified, Literal(one["metadata_modified"], datatype=XSD.dateTime)),
        (DCTERMS.license, Literal(one["license_id"])),
    ):
        graph.add((node, predicate, value))
    for tag in one["tags"]:
        graph.add((node, DCAT.keyword, Literal(tag["name"])))
    extras = {extra["key"]: extra["value"] for extra in one["extras"]}
    period = BNode()
    graph.add((node, DCTERMS.temporal, period))
    graph.add((period, DCAT.startDate, Literal(extras.get("temporal_startDate", ""))))
    graph.add((period, DCAT.endDate, Literal(extras.get("temporal_endDate", ""))))
    publisher = BNode()
    graph.add((node, DCTERMS.publisher, publisher))
    graph.add((publisher, FOAF.name, Literal(one["organization"]["title"])))
    for resource in one["resources"]:
        file = BNode()
        graph.add((node, DCAT.distribution, file))
        graph.add((file, RDF.type, DCAT.Distribution))
        graph.add((file, DCTERMS.title, Literal(resource["name"], lang="fr")))
        graph.add((file, DCTERMS.format, Literal(resource["format"])))
        # As text: portals write addresses that are none.
        graph.add((file, DCAT.accessURL, Literal(resource["url"])))


def _data_json(shown: list[dict[str, Any]], base: str) -> bytes:
    found = [
        {
            "@type": "dcat:Dataset",
            "identifier": one["id"],
            "title": one["title"],
            "description": one["notes"],
            "keyword": [tag["name"] for tag in one["tags"]],
            "modified": one["metadata_modified"],
            "license": one["license_id"],
            "accessLevel": "public",
            "landingPage": f"{base}/dataset/{one['name']}",
            "publisher": {"@type": "org:Organization", "name": one["organization"]["title"]},
            "temporal": "/".join(extra["value"].replace("/", "-") for extra in one["extras"][:2]),
            "distribution": [
                {"@type": "dcat:Distribution", "title": each["name"], "downloadURL": each["url"], "format": each["format"]}
                for each in one["resources"]
            ],
        }
        for one in shown
    ]
    return json.dumps({"conformsTo": "https://project-open-data.cio.gov/v1.1/schema", "dataset": found}, ensure_ascii=False).encode()


# ------------------------------------------------------------------------------------------------------- faults of the content
def _duplicates(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*shown, *({**one, "title": one["title"] + " (bis)"} for one in shown[:3])]


def _bad_dates(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    odd = ["2015/02/30", "hier", "2025/02/25", "0000-00-00", "", "12/2016", "٢٠١٦"]
    for number, one in enumerate(shown):
        one["metadata_modified"] = one["metadata_created"] = odd[number % len(odd)]
        one["extras"][0]["value"], one["extras"][1]["value"] = odd[(number + 1) % len(odd)], "2010/01/01"
    return shown


def _script(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e\x00"

    def everywhere(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: everywhere(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [everywhere(part, key) for part in value]
        kept = key in ("id", "name", "key", "state", "type", "metadata_created", "metadata_modified")
        return value + attack if isinstance(value, str) and not kept else value

    return [everywhere(one) for one in shown]


def _odd_urls(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for number, one in enumerate(shown):
        for place, resource in enumerate(one["resources"]):
            resource["url"] = ODD_URLS[(2 * number + place) % len(ODD_URLS)]
    return shown


_CONTENT: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "duplicates": _duplicates,
    "bad-dates": _bad_dates,
    "empty": lambda shown: shown[:0],
    "half": lambda shown: shown[: len(shown) // 2],
    "half-and-says-so": lambda shown: shown[: len(shown) // 2],
    "script": _script,
    "odd-urls": _odd_urls,
    "shifting": lambda shown: shown,
    "circle": lambda shown: shown,
    "entities": lambda shown: shown,
}


# -------------------------------------------------------------------------------------------------------- faults of the answer
def _reset(handler: _Handler, body: bytes, media_type: str) -> None:  # noqa: ARG001
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    handler.close_connection = True
    handler.connection.close()


def _hang(handler: _Handler, body: bytes, media_type: str) -> None:  # noqa: ARG001
    time.sleep(30)
    handler.close_connection = True


def _slow(handler: _Handler, body: bytes, media_type: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", media_type)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    with contextlib.suppress(OSError):
        for at in range(0, len(body), 10):
            handler.wfile.write(body[at : at + 10])
            time.sleep(0.1)


def _status(status: int, **headers: str) -> Callable[[_Handler, bytes, str], None]:
    def answer(handler: _Handler, body: bytes, media_type: str) -> None:  # noqa: ARG001
        handler.send(b"<html><title>Error</title></html>", status, "text/html", **headers)

    return answer


def _truncated(handler: _Handler, body: bytes, media_type: str) -> None:
    handler.send(body[: len(body) * 2 // 3], 200, media_type)


def _wrong_length(handler: _Handler, body: bytes, media_type: str) -> None:
    handler.close_connection = True
    handler.send(body, 200, media_type, Content_Length=str(len(body) + 1000), Connection="close")


def _web_page(handler: _Handler, body: bytes, media_type: str) -> None:  # noqa: ARG001
    handler.send(b"<!DOCTYPE html><html><head><title>Site en maintenance</title></head></html>", 200, "text/html")


def _redirect(target: str) -> Callable[[_Handler, bytes, str], None]:
    def answer(handler: _Handler, body: bytes, media_type: str) -> None:  # noqa: ARG001
        handler.send(b"", 302, "text/plain", Location=target or handler.path)

    return answer


def _gzip_bomb(handler: _Handler, body: bytes, media_type: str) -> None:  # noqa: ARG001
    handler.send(_bomb(), 200, "application/json", Content_Encoding="gzip")


_kept: dict[str, bytes] = {}


def _bomb() -> bytes:
    if "gzip" not in _kept:
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6) as file:
            for _block in range(300):
                file.write(b" " * 1_000_000)
        _kept["gzip"] = packed.getvalue()
    return _kept["gzip"]


def _zip_bomb(handler: _Handler, body: bytes, media_type: str) -> None:  # noqa: ARG001
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("catalogue.json", "w") as file:
        for _block in range(100):
            file.write(b" " * 1_000_000)
    handler.send(packed.getvalue(), 200, "application/zip")


def _huge(handler: _Handler, body: bytes, media_type: str) -> None:
    """A gigabyte, beginning like what was asked for."""
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Type", media_type)
    handler.send_header("Connection", "close")
    handler.end_headers()
    with contextlib.suppress(OSError):
        handler.wfile.write(body[:-10])
        for _block in range(1_000):
            handler.wfile.write(b" " * 1_000_000)


_ANSWERS: dict[str, Callable[[_Handler, bytes, str], None]] = {
    "reset": _reset,
    "hang": _hang,
    "slow": _slow,
    "429": _status(429, Retry_After="1"),
    "429-long": _status(429, Retry_After="86400"),
    "500": _status(500),
    "503": _status(503, Retry_After="1"),
    "truncated": _truncated,
    "wrong-length": _wrong_length,
    "web-page": _web_page,
    "redirect-loop": _redirect(""),
    "redirect-inside": _redirect("http://127.0.0.2/latest/meta-data/"),
    "redirect-metadata": _redirect("http://169.254.169.254/latest/meta-data/"),
    "gzip-bomb": _gzip_bomb,
    "zip-bomb": _zip_bomb,
    "huge": _huge,
}

#: The faults by name; ``refused`` is `TrialSource.refusing`, those of TLS are the certificate's.
FAULTS = tuple(sorted({*_CONTENT, *_ANSWERS}))


def main(arguments: list[str] | None = None) -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="An invented source to harvest from.")
    parser.add_argument("--port", type=int, default=5800)
    parser.add_argument("--datasets", type=int, default=50)
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--action-api", choices=("works", "missing", "broken", "page"), default="works")
    given = parser.parse_args(arguments)
    with TrialSource(given.datasets, port=given.port) as source:
        source.fault = Fault(given.fault) if given.fault else None
        source.action_api = given.action_api if given.action_api in ("broken", "page") else given.action_api == "works"
        sys.stdout.write(f"CKAN: {source.url}  DCAT: {source.url}/catalog.ttl  data.json: {source.url}/data.json\n")
        sys.stdout.write(f"Samples: {source.url}/industrie  {source.url}/mizaniatouna/boost.yaml  ")
        sys.stdout.write(f"{source.url}/resourcecontracts/contracts/group\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
