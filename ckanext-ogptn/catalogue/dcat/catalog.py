"""The catalogue's documents: in pages, and whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search import SearchError
from dateutil.parser import isoparse
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import XSD

from . import addresses, documents, freshness, references, store, writer
from .freshness import Now
from .lookups import DatabaseLookups
from .model import KeptStatements, table_exists
from .namespaces import HYDRA, RDF, new_graph

# ------------------------------------------------------------------------------------------------------------------------- in pages
#: More than any catalogue has; the database counts no further than 64 bits.
_LAST_PAGE = 1_000_000


def _page_number(value: Any) -> int:
    try:
        page = int(value or 1)
    except (TypeError, ValueError):
        page = 0
    if not 1 <= page <= _LAST_PAGE:
        raise tk.ValidationError({"page": [tk._("The page must be a whole number from 1 to {last}.").format(last=_LAST_PAGE)]})
    return page


def _since(value: Any) -> dt.datetime | None:
    """A moment as UTC; one without a zone is taken to be in UTC."""
    if not value:
        return None
    try:
        # A plus sign that was not encoded arrives as a space.
        moment = isoparse(re.sub(r" (\d\d:?\d\d)$", r"+\1", str(value).strip()))
        return moment.astimezone(dt.timezone.utc) if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)
    except (ValueError, OverflowError):
        raise tk.ValidationError({"modified_since": [tk._("Write the date as 2024-05-31 or 2024-05-31T10:00:00Z.")]}) from None


def _naive(moment: dt.datetime) -> dt.datetime:
    # CKAN's own columns hold UTC without saying so.
    return moment.replace(tzinfo=None)


def page(data_dict: dict[str, Any], form: str, address: str) -> str:
    """One page of the catalogue, by id, so that changes between two pages move nothing from one to the other.

    :param data_dict: ``page`` from 1, ``modified_since``, and ``q`` and ``fq`` as ``package_search`` takes them
    :param address: of the document, without its query, for the links between pages
    :raises ValidationError: one of them cannot be read
    """
    number, since = _page_number(data_dict.get("page")), _since(data_dict.get("modified_since"))
    size = max(1, tk.asint(tk.config.get("ckanext.dcat.datasets_per_page") or 100))
    now = Now()
    start = size * (number - 1)
    if data_dict.get("q") or data_dict.get("fq"):
        ids, count = _search(data_dict, since, start, size)
        changed = None
    else:
        ids, count, changed = _listed(now, since, start, size)
    pieces, terms, organizations = store.load(ids, form, now)
    graph = new_graph()
    references.describe_catalog(graph, addresses.catalog(), modified=writer.moment(changed.isoformat()) if changed else None)
    kept = {name: data_dict[name] for name in ("modified_since", "q", "fq") if data_dict.get(name)}
    _paging(graph, address, kept, number, size, count)
    if since is not None and number == 1:
        for package_id, when in store.gone_since(since):
            references.describe_gone(graph, package_id, writer.moment(when.astimezone(dt.timezone.utc).isoformat()))
    parts = [documents.piece(graph, form), *store.reference_pieces(terms, organizations, form), *pieces.values()]
    return documents.document(form, parts)


def _listed(now: Now, since: dt.datetime | None, start: int, size: int) -> tuple[list[str], int, dt.datetime | None]:
    """Ids of a page of public datasets, how many there are in all, and when the last of them changed."""
    package: Any = model.package_table
    where = [package.c.state == "active", package.c.private.is_(False), package.c.type.not_in(freshness.NOT_DATASETS)]
    if since is not None:
        where.append(package.c.metadata_modified >= _naive(since))
    if now.asks_each:
        where.append(package.c.id.in_(freshness.public_ids(now)))
    counted = sa.select(sa.func.count(), sa.func.max(package.c.metadata_modified)).select_from(package).where(*where)
    count, changed = model.Session.execute(counted).one()
    listed = sa.select(package.c.id).where(*where).order_by(package.c.id).offset(start).limit(size)
    return [row[0] for row in model.Session.execute(listed)], count, changed


def _search(data_dict: dict[str, Any], since: dt.datetime | None, start: int, rows: int) -> tuple[list[str], int]:
    parts = [f"-dataset_type:{kind}" for kind in freshness.NOT_DATASETS]
    if since is not None:
        parts.append(f"metadata_modified:[{_naive(since).isoformat()}Z TO NOW]")
    asked = {"q": data_dict.get("q") or "*:*", "fq": data_dict.get("fq") or "", "fq_list": parts}
    # The reader's own rights do not count: documents are the same for all.
    sent = {**asked, "fl": "id", "rows": rows, "start": start, "sort": "id asc"}
    try:
        found = tk.get_action("package_search")({"user": ""}, sent)  # pyright: ignore[reportArgumentType]
    except SearchError as error:
        raise tk.ValidationError({"q": [tk._("The search cannot be answered: {reason}").format(reason=error)]}) from None
    return [result["id"] for result in found["results"]], found["count"]


def _paging(graph: Graph, address: str, kept: dict[str, Any], number: int, size: int, count: int) -> None:
    """Hydra's partial view (https://www.hydra-cg.com/spec/latest/core/), which ckanext-dcat's harvester follows too."""
    last = max(1, math.ceil(count / size))

    def at(page: int) -> URIRef:
        return URIRef(f"{address}?{urlencode({**kept, 'page': page})}")

    here = at(number)
    graph.add((here, RDF.type, HYDRA.PartialCollectionView))
    graph.add((here, HYDRA.first, at(1)))
    graph.add((here, HYDRA.last, at(last)))
    if number > 1:
        graph.add((here, HYDRA.previous, at(min(number - 1, last))))
    if number < last:
        graph.add((here, HYDRA.next, at(number + 1)))
    catalog = addresses.catalog()
    graph.add((catalog, RDF.type, HYDRA.Collection))
    graph.add((catalog, HYDRA.view, here))
    graph.add((catalog, HYDRA.totalItems, Literal(count, datatype=XSD.integer)))


def dataset(package_id: str, form: str) -> str:
    """One public dataset with what it refers to.

    :raises NotFound: there is none, or not everybody may see it
    :raises ValidationError: no statements can be made of it
    """
    now = Now()
    pieces, terms, organizations = store.load([package_id], form, now)
    if package_id not in pieces:
        if now.is_public(package_id):
            raise tk.ValidationError({"id": [tk._("This dataset cannot be written as linked data; the site's log says why.")]})
        raise tk.ObjectNotFound(tk._("There is no public dataset of this name."))
    return documents.document(form, [pieces[package_id], *store.reference_pieces(terms, organizations, form)])


# ---------------------------------------------------------------------------------------------------------------------------- whole
@dataclass(frozen=True)
class Whole:
    """The whole catalogue in one form, as a gzip file of one member for each dataset.

    ``etag`` and ``length`` (in bytes) are None while some of it has to be written on the way: then it can be neither resumed nor compared.
    """

    form: str
    modified: dt.datetime | None
    etag: str | None
    length: int | None
    count: int
    stale: int
    _head: bytes
    _foot: bytes
    _entries: list[store.Entry]
    _connection: Any
    _now: Now

    def close(self) -> None:
        """Give the database connection back. May be called twice."""
        self._connection.close()

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from ``start`` to before ``stop``; each dataset's are fetched as they are needed."""
        try:
            if self.length is None:
                yield self._head
                yield from self._members_written()
                yield self._foot
                return
            yield from _cut(self._sized(), start, self.length if stop is None else stop)
        finally:
            self.close()

    def _sized(self) -> Iterator[tuple[int, bytes | Callable[[], bytes]]]:
        """``(length, bytes or a reader of them)`` of each part in order."""
        yield len(self._head), self._head
        for first in range(0, len(self._entries), _READ):
            batch = self._entries[first : first + _READ]
            yield sum(entry.length for entry in batch), lambda batch=batch: b"".join(self._fetch(batch))
        yield len(self._foot), self._foot

    def _fetch(self, batch: list[store.Entry]) -> list[bytes]:
        kept: Any = KeptStatements.__table__
        query = sa.select(kept.c.package_id, kept.c[self.form]).where(kept.c.package_id.in_([entry.package_id for entry in batch]))
        found = {row[0]: bytes(row[1]) for row in self._connection.execute(query)}
        return [found[entry.package_id] for entry in batch if entry.package_id in found]

    def _members_written(self) -> Iterator[bytes]:
        lookups = DatabaseLookups(self._now)
        for first in range(0, len(self._entries), _READ):
            batch = self._entries[first : first + _READ]
            fresh = [entry for entry in batch if entry.fresh]
            found = dict(zip([entry.package_id for entry in fresh], self._fetch(fresh), strict=True)) if fresh else {}
            for entry in batch:
                if entry.package_id in found:
                    yield found[entry.package_id]
                    continue
                try:
                    built = store.try_build(entry.package_id, self._now, lookups)
                except store.UnwritableError:
                    continue
                if built is not None:
                    yield built.members[self.form]
            model.Session.expunge_all()


_READ = 100


def _cut(parts: Iterator[tuple[int, bytes | Callable[[], bytes]]], start: int, stop: int) -> Iterator[bytes]:
    at = 0
    for length, content in parts:
        first, last = max(start - at, 0), min(stop - at, length)
        at += length
        if first >= last:
            if at >= stop:
                return
            continue
        whole_part: bytes = content() if callable(content) else content
        yield whole_part[first:last]


def whole(form: str) -> Whole:
    """Open the whole catalogue in one form. The caller reads it, or closes it."""
    engine = model.meta.engine
    assert engine is not None
    connection = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    try:
        now = Now()
        entries = store.index(now, form, connection=connection) if table_exists() else _nothing_kept(now)
        entries = [entry for entry in entries if entry.writable]
        stale = sum(not entry.fresh for entry in entries)
        modified = max((entry.modified for entry in entries), default=None)
        terms, organizations = _used(connection) if table_exists() else (set(), set())
        graph = new_graph()
        references.describe_catalog(graph, addresses.catalog(), modified=writer.moment(modified.isoformat()) if modified else None)
        if stale:
            # What the datasets still to be written refer to is not known yet: every organisation, every term.
            terms = {(name, code) for name in references.own_names() for code in references.codes(name)}
            organizations = {row[0] for row in model.Session.query(model.Group.id).filter(model.Group.is_organization.is_(True))}
        pieces = [documents.piece(graph, form), *store.reference_pieces(terms, organizations, form)]
        head = documents.compressed(documents.head(form) + documents.between(form).join(pieces))
        foot = documents.compressed(documents.foot(form) or "\n")
        etag = length = None
        if not stale:
            length = len(head) + sum(entry.length for entry in entries) + len(foot)
            seal = hashlib.sha256(head)
            for entry in entries:
                seal.update(f"{entry.package_id}{entry.fingerprint}{entry.length}".encode())
            etag = seal.hexdigest()[:32]
        return Whole(form, modified, etag, length, len(entries), stale, head, foot, entries, connection, now)
    except BaseException:
        connection.close()
        raise


def _used(connection: Any) -> tuple[set[tuple[str, str]], set[str]]:
    kept: Any = KeptStatements.__table__
    found = []
    for column in (kept.c.terms, kept.c.organizations):
        query = sa.select(sa.func.unnest(column)).where(kept.c.gone.is_(None)).distinct()
        found.append({row[0] for row in connection.execute(query)})
    return {(name, code) for name, _, code in (term.partition(":") for term in found[0])}, found[1]


def _nothing_kept(now: Now) -> list[store.Entry]:
    public = frozenset(freshness.public_ids(now))
    query = model.Session.query(model.Package.id, model.Package.metadata_modified).filter(model.Package.state == "active")
    return [store.Entry(row[0], row[1], "", 0, False) for row in query.order_by(model.Package.id) if row[0] in public]
