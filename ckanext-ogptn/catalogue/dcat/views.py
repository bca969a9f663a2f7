"""Documents over HTTP: datasets of every type, the whole catalogue, vocabularies, our own properties, what search engines read."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckanext.dcat import utils
from flask import Blueprint, Response, stream_with_context
from flask.typing import ResponseReturnValue
from werkzeug.http import http_date, is_resource_modified

from ..quality import dqv
from ..schemas import TYPES
from . import addresses, catalog, documents, references, schemaorg, sitemap, store, watch, writer
from .namespaces import DCTERMS, FOAF, RDF, RDFS, VOID, new_graph

blueprint = Blueprint("ogptn_dcat", __name__)
#: Endpoints of ckanext-dcat whose answers are worth comparing before they are sent again, as all of ours are.
_COMPARED = frozenset({"dcat.read_catalog", "dcat.read_dataset"})
_PAGES = frozenset(f"{name}.read" for name in TYPES)
#: Documents in the form that the reader asks for.
_NEGOTIATED = frozenset(f"ogptn_dcat.{name}" for name in ("vocabulary", "namespace", "void", "quality"))


def _answer(content: str | bytes, media_type: str) -> Response:
    response = Response(content)
    response.headers["Content-Type"] = media_type
    return response


# ------------------------------------------------------------------------------------------------------------------------ before, after
@blueprint.before_app_request
def gone_or_asked_for_statements() -> ResponseReturnValue | None:
    """A dataset that was deleted answers 410; its page answers who asks for statements with the address of its document (303)."""
    endpoint = tk.request.endpoint or ""
    if (endpoint not in _PAGES and endpoint not in ("dcat.read_dataset", "ogptn_dcat.dataset")) or tk.request.method not in ("GET", "HEAD"):
        return None
    arguments = tk.request.view_args or {}
    reference = str(arguments.get("id") or arguments.get("_id") or "")
    if store.is_gone(reference) and not _may_edit(reference):
        return tk.abort(410, tk._("This dataset was withdrawn."))
    if endpoint in _PAGES and store.is_ours():
        ending = utils.parse_accept_header(tk.request.headers.get("Accept", ""))
        if ending in ("ttl", "jsonld", "rdf", "n3"):
            response = tk.redirect_to(tk.url_for("dcat.read_dataset", _id=reference, _format=ending, qualified=True, locale="default"))
            response.status_code = 303
            return response
    return None


def _may_edit(reference: str) -> bool:
    package = model.Package.get(reference)
    if package is None or not tk.current_user.is_authenticated:
        return False
    try:
        tk.check_access("package_update", {"user": tk.current_user.name, "model": model, "session": model.Session}, {"id": package.id})  # pyright: ignore[reportArgumentType]
    except tk.NotAuthorized:
        return False
    return True


@blueprint.after_app_request
def compare(response: Response) -> Response:
    """An entity tag for documents, and 304 for who has them already; ``Vary`` where the answer depends on what the reader accepts."""
    endpoint = tk.request.endpoint or ""
    if endpoint in _NEGOTIATED or (endpoint in _PAGES and store.is_ours()):
        response.vary.add("Accept")
    if (endpoint in _COMPARED or endpoint.startswith("ogptn_dcat.")) and response.status_code == 200 and not response.is_streamed:
        response.add_etag()
        response.make_conditional(tk.request.environ)
    return response


# ------------------------------------------------------------------------------------------------------------------------- datasets
def dataset(_id: str, _format: str) -> ResponseReturnValue:
    """``/<type>/<name>.<ttl|jsonld|rdf|xml|n3>`` of the types beside ``dataset``, for which ckanext-dcat has the same."""
    if _format not in utils.CONTENT_TYPES or not p.plugin_loaded("dcat"):
        return tk.abort(404, tk._("There is no document of this kind: ask for .ttl, .jsonld, .rdf or .xml."))
    return utils.read_dataset_page(_id, _format)


for _type in TYPES:
    if _type != "dataset":
        blueprint.add_url_rule(f"/{_type}/<_id>.<_format>", view_func=dataset)
blueprint.add_url_rule("/dataset/<_id>/croissant.jsonld", endpoint="croissant", view_func=lambda _id: croissant(_id))


def croissant(_id: str) -> ResponseReturnValue:
    """The tables of a dataset for machine learning, by Croissant 1.0."""
    try:
        package = tk.get_action("package_show")({}, {"id": _id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, tk._("There is no public dataset of this name."))
    return _answer(schemaorg.as_text(schemaorg.croissant(package)), documents.MEDIA_TYPES["jsonld"])


def quality(_id: str) -> ResponseReturnValue:
    """``/dataset/<name>/quality.ttl``: the quality of the metadata, by DQV."""
    try:
        found = tk.get_action("ogptn_quality_show")({}, {"id": _id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, tk._("There is no public dataset of this name."))
    return _graph_document(dqv.measurements(found))


blueprint.add_url_rule("/dataset/<_id>/quality.ttl", view_func=quality)


# ------------------------------------------------------------------------------------------------------------------------ the whole
def whole(form: str) -> ResponseReturnValue:
    """``/catalog/all.<nt|ttl|jsonld|rdf>.gz``: every public dataset in one file, which can be compared and resumed."""
    if form not in documents.FORMS:
        return tk.abort(404, tk._("There is no document of this kind: ask for .ttl, .jsonld, .rdf or .xml."))
    found = catalog.whole(form)
    try:
        response = _whole(found, form)
    except BaseException:
        found.close()
        raise
    # A reader who leaves before the first byte never starts the stream, whose end would close it.
    response.call_on_close(found.close)
    return response


def _whole(found: catalog.Whole, form: str) -> Response:
    day = (found.modified or dt.datetime.now(dt.timezone.utc)).strftime("%Y-%m-%d")
    headers = {
        "Content-Type": "application/gzip",
        "Content-Disposition": f'attachment; filename="catalog-{day}.{form}.gz"',
        "Cache-Control": "public, no-cache",
        "Vary": "Accept-Encoding",
        "X-Dataset-Count": str(found.count),
    }
    if found.modified:
        headers["Last-Modified"] = http_date(found.modified.replace(tzinfo=dt.timezone.utc))
    if found.length is None or found.etag is None:
        watch.schedule()
        headers["Accept-Ranges"] = "none"
        return Response(stream_with_context(found.read()), headers=headers)
    headers |= {"ETag": f'"{found.etag}"', "Accept-Ranges": "bytes"}
    # By the tag alone: a dataset that went makes the file older, not newer.
    if tk.request.if_none_match and not is_resource_modified(tk.request.environ, etag=found.etag):
        found.close()
        return Response(status=304, headers=headers)
    wanted = _range(found.length, found.etag)
    if wanted is None:
        return Response(_stream(found, 0, found.length), headers={**headers, "Content-Length": str(found.length)})
    start, stop = wanted
    if start >= stop:
        found.close()
        return Response(status=416, headers={**headers, "Content-Range": f"bytes */{found.length}"})
    headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{found.length}", "Content-Length": str(stop - start)}
    return Response(_stream(found, start, stop), status=206, headers=headers)


def _stream(found: catalog.Whole, start: int, stop: int) -> Any:
    if tk.request.method == "HEAD":
        found.close()
        return iter(())
    return found.read(start, stop)


def _range(length: int, etag: str) -> tuple[int, int] | None:
    """The bytes that the reader asks for, ``(start, stop)``; empty when there are none such, None when they want all."""
    condition = tk.request.headers.get("If-Range")
    if not tk.request.range or (condition and condition.strip('"') != etag):
        return None
    asked = tk.request.range
    if asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    return asked.range_for_length(length) or (0, 0)


blueprint.add_url_rule("/catalog/all.<form>.gz", view_func=whole)


# ------------------------------------------------------------------------------------------------------- vocabularies and properties
def _graph_document(graph: Any) -> Response:
    wanted = utils.parse_accept_header(tk.request.headers.get("Accept", ""))
    form = documents.form_of(wanted) if wanted else "ttl"
    form = form or "ttl"
    return _answer(documents.document(form, [documents.piece(graph, form)]), documents.MEDIA_TYPES[form])


def vocabulary(name: str, code: str | None = None) -> ResponseReturnValue:
    """``/vocabulary/<name>`` and ``/vocabulary/<name>/<code>``: the terms that have no address in a standard live here."""
    if name not in references.own_names() or (code is not None and code not in references.codes(name)):
        return tk.abort(404, tk._("There is no vocabulary of this name."))
    graph = new_graph()
    if code is None:
        references.describe_vocabulary(graph, name)
    else:
        references.describe_terms(graph, [(name, code)])
    return _graph_document(graph)


blueprint.add_url_rule("/vocabulary/<name>", view_func=vocabulary)
blueprint.add_url_rule("/vocabulary/<name>/<path:code>", view_func=vocabulary)


def namespace() -> ResponseReturnValue:
    """``/ns/ogptn``: our own properties, with the names and the help that the forms give them."""
    graph = new_graph()
    for name in TYPES:
        described = writer.schema(name)
        kind = addresses.own(name.capitalize())
        graph.add((kind, RDF.type, RDFS.Class))
        graph.add((kind, RDFS.label, references.text(str(described.get("about") or name), "en")))
        for listed in ("dataset_fields", "resource_fields"):
            for field in described.get(listed, ()):
                references.describe_property(graph, field)
    return _graph_document(graph)


blueprint.add_url_rule("/ns/ogptn", view_func=namespace)


def void() -> ResponseReturnValue:
    """``/.well-known/void``: where the statements are, for programs (https://www.w3.org/TR/void/)."""
    graph = new_graph()
    node = references.URIRef(f"{addresses.base()}/.well-known/void#catalog")
    graph.add((node, RDF.type, VOID.Dataset))
    references.describe_catalog(graph, addresses.catalog())
    for predicate in (DCTERMS.title, DCTERMS.description, DCTERMS.publisher, DCTERMS.license):
        for value in list(graph.objects(addresses.catalog(), predicate)):
            graph.add((node, predicate, value))
    graph.add((node, FOAF.topic, addresses.catalog()))
    for form in documents.FORMS:
        graph.add((node, VOID.dataDump, references.URIRef(tk.url_for("ogptn_dcat.whole", form=form, qualified=True, locale="default"))))
    graph.add((node, VOID.uriSpace, references.Literal(f"{addresses.base()}/dataset/")))
    for name in ("http://www.w3.org/ns/dcat#", "http://purl.org/dc/terms/", addresses.base() + addresses.OWN_NAMESPACE):
        graph.add((node, VOID.vocabulary, references.URIRef(name)))
    return _graph_document(graph)


blueprint.add_url_rule("/.well-known/void", view_func=void)


# -------------------------------------------------------------------------------------------------------------------- search engines
def sitemap_index() -> ResponseReturnValue:
    """``/sitemap.xml``: the parts of the site map."""
    return _answer(sitemap.index(), "application/xml; charset=utf-8")


def sitemap_part(number: int) -> ResponseReturnValue:
    """``/sitemap-<number>.xml``: pages with their addresses in each language."""
    part = sitemap.part(number)
    return (
        tk.abort(404, tk._("There is no such part of the site map.")) if part is None else _answer(part, "application/xml; charset=utf-8")
    )


blueprint.add_url_rule("/sitemap.xml", view_func=sitemap_index)
blueprint.add_url_rule("/sitemap-<int:number>.xml", view_func=sitemap_part)

_SAFE = re.compile("[<>&\u2028\u2029]")


def structured_data(package: dict[str, Any]) -> str:
    """The schema.org description of a dataset for its page, safe inside a ``<script>``; empty for one that not everybody may see."""
    if package.get("private") or package.get("state") != "active":
        return ""
    text = schemaorg.as_text(schemaorg.dataset(package))
    return _SAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
