"""The web addresses (URIs) under which this portal names things. They hold ids, never names, so that a renamed record keeps its own.

==================  =======================================================================================================
a dataset           ``<base>/dataset/<id>``, whatever its type
its file            ``<base>/dataset/<id>/resource/<id>``
parts of a dataset  ``<dataset>#contact-1`` and so on: no blank nodes, so that two copies of a graph are equal statement by statement
an organisation     the permanent address that it gives itself, else ``<base>/organization/<id>``
a term              its address in its standard, else ``<base>/vocabulary/<vocabulary>/<code>``
our own properties  ``<base>/ns/ogptn#<field>``
==================  =======================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import ckan.plugins.toolkit as tk
from ckanext.dcat.utils import catalog_uri
from rdflib import URIRef

from .. import vocabulary

#: RFC 3987 forbids these in an address; RDF has no way to write them.
_FORBIDDEN = re.compile('[\x00-\x20<>"{}|\\\\^`]')
_OWN_TERM = re.compile("/vocabulary/([a-z_]+)/([^/]+)$")
OWN_NAMESPACE = "/ns/ogptn#"


def base() -> str:
    """What every address of ours starts with: ``ckanext.dcat.base_uri``, else the site's address; no slash at its end."""
    return str(catalog_uri()).rstrip("/")


def catalog() -> URIRef:
    """The catalogue's address."""
    return URIRef(str(catalog_uri()))


def iri(address: str) -> URIRef:
    """A web address as RDF can write it: what RFC 3987 forbids is percent-encoded."""
    return URIRef(_FORBIDDEN.sub(lambda found: quote(found.group()), address.strip()))


def own(field: str) -> URIRef:
    """Our own property or class."""
    return URIRef(f"{base()}{OWN_NAMESPACE}{field}")


def dataset(package_id: str) -> URIRef:
    """A dataset's address."""
    return URIRef(f"{base()}/dataset/{package_id}")


def resource(package_id: str, resource_id: str) -> URIRef:
    """A file's address, which is also the address of its page."""
    return URIRef(f"{base()}/dataset/{package_id}/resource/{resource_id}")


def without_language(package: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset as ``package_show`` answers it, with the addresses that CKAN makes of its files the same for every reader: CKAN makes them
    for the page that is being asked for, with that page's language in front."""
    files = []
    for file in package.get("resources") or ():
        if file.get("url_type") == "upload" and file.get("package_id"):
            at = f"{package.get('type') or 'dataset'}_resource.download"
            filename = str(file.get("url") or "").rsplit("/", 1)[-1]
            where = {"id": file["package_id"], "resource_id": file["id"], "filename": filename}
            file = {**file, "url": tk.url_for(at, **where, qualified=True, locale="default")}
        elif file.get("url_type") == "datastore" and "/datastore/dump/" in str(file.get("url") or ""):
            file = {**file, "url": tk.url_for("datastore.dump", resource_id=file["id"], qualified=True, locale="default")}
        files.append(file)
    return {**package, "resources": files}


def organization(group_id: str, given: str | None = None) -> URIRef:
    """An organisation's address.

    :param given: the permanent address that the organisation gives itself
    """
    return iri(given) if given else URIRef(f"{base()}/organization/{group_id}")


def term(name: str, code: str) -> URIRef:
    """The address of a vocabulary's term; a code that the vocabulary does not have gets one of the same shape."""
    found = vocabulary.get(name).terms.get(code)
    if found is not None and found.uri:
        return iri(found.uri)
    if name == "media_types":
        return iri(f"http://www.iana.org/assignments/media-types/{code}")
    return URIRef(f"{base()}/vocabulary/{name}/{quote(code, safe='')}")


def code_of(name: str, address: str) -> str | None:
    """The code of the term of vocabulary ``name`` at ``address``; None when it has no such term."""
    listed = vocabulary.get(name)
    own_term = _OWN_TERM.search(address)
    if own_term and own_term[1] == name:
        return unquote(own_term[2])
    for known in listed.terms.values():
        if known.uri and str(iri(known.uri)) == address:
            return known.code
    if name == "media_types":
        found = re.search(r"/media-types/([\w.+-]+/[\w.+-]+)$", address)
        if found:
            return found[1]
    # Other portals write the same terms with other addresses: http for https, a file extension, a label.
    found = listed.find(address) or listed.find(address.rstrip("/").rsplit("/", 1)[-1])
    return found.code if found else None
