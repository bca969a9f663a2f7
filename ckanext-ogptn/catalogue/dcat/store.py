"""Statements are written once, when a dataset changes, and given out from there.

Nothing that is given out depends on the worker being in time: :class:`.freshness.Now` tells what is still true, and what is not is written
while the reader waits.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from redis.exceptions import RedisError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from ..quality import rules
from . import addresses, documents, references, writer
from .freshness import NOT_DATASETS, Now
from .lookups import DatabaseLookups
from .model import KeptStatements, table_exists
from .namespaces import DCAT, RDF
from .profile import NAME

log = logging.getLogger(__name__)
_BATCH = 50
_PACKAGE: Any = model.package_table
_KEPT: Any = KeptStatements.__table__


@dataclass(frozen=True)
class Kept:
    """What is kept of one dataset. ``members``: form → gzip member; for JSON-LD with the comma before it."""

    package_id: str
    name: str
    fingerprint: str
    organizations: list[str]
    datasets: list[str]
    terms: list[str]
    #: :meth:`.rules.Assessment.as_dict`; None of a dataset that cannot be written.
    quality: dict[str, Any] | None
    members: dict[str, bytes]

    def text(self, form: str) -> str:
        """The piece in one form."""
        return documents.text_of(self.members[form]).removeprefix(documents.between(form))


def build(package_id: str, now: Now, lookups: writer.Lookups | None = None) -> Kept | None:
    """Write one dataset; None when not everybody may see it.

    :raises NotFound: it has been purged
    """
    if not now.is_public(package_id):
        return None
    # Nobody's context: what a signed-in reader may see besides must not be kept.
    package = tk.get_action("package_show")({"ignore_auth": True, "user": "", "use_cache": False}, {"id": package_id})  # pyright: ignore[reportArgumentType]
    if package["state"] != "active" or package["private"]:
        return None
    package = addresses.without_language(package)
    lookups = lookups or DatabaseLookups(now)
    written = writer.write(package, lookups)
    catalog = addresses.catalog()
    written.graph.add((catalog, DCAT.dataset, written.subject))
    for record in written.graph.subjects(RDF.type, DCAT.CatalogRecord):
        if str(record).endswith("#record"):
            written.graph.add((catalog, DCAT.record, record))
    modified = dt.datetime.fromisoformat(package["metadata_modified"])
    owner = lookups.organization(package["owner_org"]) if package.get("owner_org") else None
    assessed = rules.assess({**package, "__organization_reachable": owner is not None and owner.reachable})
    return Kept(
        package_id=package["id"],
        name=package["name"],
        fingerprint=now.fingerprint(modified, written.organizations, written.datasets),
        organizations=sorted(written.organizations),
        datasets=sorted(written.datasets),
        terms=sorted(f"{name}:{code}" for name, code in written.terms),
        quality=assessed.as_dict(),
        members={form: documents.compressed(documents.between(form) + documents.piece(written.graph, form)) for form in documents.FORMS},
    )


class UnwritableError(Exception):
    """A dataset of which no statements can be made; the log has the reason in full. ``kept`` remembers that for as long as it is so."""

    def __init__(self, package_id: str, reason: str, kept: Kept) -> None:
        super().__init__(f"{package_id}: {reason}")
        self.package_id, self.reason, self.kept = package_id, reason, kept


def try_build(package_id: str, now: Now, lookups: writer.Lookups) -> Kept | None:
    """As :func:`build`, for writing one dataset among others: None also of one that has been purged meanwhile.

    :raises UnwritableError: no statements can be made of it
    """
    try:
        return build(package_id, now, lookups)
    except tk.ObjectNotFound:
        return None
    except (SQLAlchemyError, RedisError):
        # Not the record's fault.
        raise
    except Exception as error:  # a record that no schema describes, or another plugin's bug, must cost one dataset, not the catalogue
        log.exception("The statements of dataset %s could not be written; it is left out of the linked data", package_id)
        package = model.Session.get(model.Package, package_id)
        if package is None:
            return None
        nothing: Any = {"organizations": [], "datasets": [], "terms": [], "quality": None, "members": {}}
        kept = Kept(package_id=package_id, name=package.name, fingerprint=now.fingerprint(package.metadata_modified, (), ()), **nothing)
        raise UnwritableError(package_id, f"{type(error).__name__}: {error}", kept) from error


def save(kept: Iterable[Kept]) -> None:
    """Keep these, in the running transaction."""
    for one in kept:
        values = {
            "name": one.name,
            "fingerprint": one.fingerprint,
            "organizations": one.organizations,
            "datasets": one.datasets,
            "terms": one.terms,
            "quality": sa.null() if one.quality is None else one.quality,
            **{form: one.members.get(form) for form in documents.FORMS},
            "built": dt.datetime.now(dt.timezone.utc),
            "gone": None,
        }
        statement = insert(KeptStatements).values(package_id=one.package_id, **values)
        model.Session.execute(statement.on_conflict_do_update(index_elements=["package_id"], set_=values))


@dataclass(frozen=True)
class Entry:
    """A public dataset in the index of what is kept. ``fresh`` is false where nothing is kept, or something else would be written now;
    ``writable`` is false where it was tried and no statements could be made of it, and nothing has changed since."""

    package_id: str
    modified: dt.datetime
    fingerprint: str
    length: int
    fresh: bool
    writable: bool = True


def index(now: Now, form: str = "nt", ids: Iterable[str] | None = None, connection: Any = None) -> list[Entry]:
    """The public datasets by id, with the length in bytes of what is kept of each in a form.

    :param ids: only these
    :param connection: read with this one, for a stream that must see one state of the database
    """
    query = (
        sa.select(
            _PACKAGE.c.id,
            _PACKAGE.c.metadata_modified,
            _KEPT.c.fingerprint,
            _KEPT.c.organizations,
            _KEPT.c.datasets,
            sa.func.octet_length(_KEPT.c[form]),
        )
        .select_from(_PACKAGE.outerjoin(_KEPT, (_KEPT.c.package_id == _PACKAGE.c.id) & _KEPT.c.gone.is_(None)))
        .where(_PACKAGE.c.state == "active", _PACKAGE.c.private.is_(False))
        .order_by(_PACKAGE.c.id)
    )
    if ids is not None:
        query = query.where(_PACKAGE.c.id.in_(list(ids)))
    rows = (connection or model.Session).execute(query.where(_PACKAGE.c.type.not_in(NOT_DATASETS))).all()
    now.seen_public(row[0] for row in rows)
    now.learn((one for row in rows for one in (row[0], *(row[4] or ()))), (one for row in rows for one in row[3] or ()))
    entries = []
    for package_id, modified, fingerprint, organizations, datasets, length in rows:
        if not now.is_public(package_id):
            continue
        true = fingerprint is not None and fingerprint == now.fingerprint(modified, organizations, datasets)
        entries.append(
            Entry(package_id, modified, fingerprint or "", length or 0, true and length is not None, not true or length is not None)
        )
    return entries


def load(ids: Iterable[str], form: str, now: Now) -> tuple[dict[str, str], set[tuple[str, str]], set[str]]:
    """Pieces in one form of public datasets, kept or written now; those that cannot be written are left out.

    :returns: ``{id: piece}``, the terms and the organisations that they use
    """
    wanted = list(ids)
    entries = {entry.package_id: entry for entry in index(now, form, wanted)} if table_exists() else {}
    fresh = {entry.package_id for entry in entries.values() if entry.fresh}
    column = getattr(KeptStatements, form)
    rows = {}
    if fresh:
        query = model.Session.query(KeptStatements.package_id, column, KeptStatements.terms, KeptStatements.organizations)
        # Another request may have hidden one meanwhile.
        rows = {row[0]: row for row in query.filter(KeptStatements.package_id.in_(fresh), column.is_not(None))}
    pieces: dict[str, str] = {}
    terms: set[tuple[str, str]] = set()
    organizations: set[str] = set()
    lookups = DatabaseLookups(now)
    for package_id in wanted:
        if package_id in entries and not entries[package_id].writable:
            continue
        if package_id in rows:
            _id, member, used, groups = rows[package_id]
            pieces[package_id] = documents.text_of(member).removeprefix(documents.between(form))
        else:
            try:
                built = try_build(package_id, now, lookups)
            except UnwritableError:
                continue
            if built is None:
                continue
            pieces[package_id], used, groups = built.text(form), built.terms, built.organizations
        terms |= {(name, code) for name, _, code in (term.partition(":") for term in used)}
        organizations |= set(groups)
    return pieces, terms, organizations


def reference_pieces(terms: set[tuple[str, str]], organizations: Iterable[str], form: str) -> list[str]:
    """What a document says of the terms and organisations that its datasets use."""
    named, used = references.organization_pieces(organizations, form)
    return [*named, *references.term_pieces(terms | used, form)]


def is_ours() -> bool:
    """Whether the site publishes with our profile last, so that what is kept is what ckanext-dcat would write."""
    return str(tk.config.get("ckanext.dcat.rdf.profiles") or "").split()[-1:] == [NAME]


# ------------------------------------------------------------------------------------------------------------------------ keeping up
@dataclass
class Refreshed:
    """What a run of :func:`refresh` did. ``failed``: ids with the reason."""

    built: int = 0
    gone: int = 0
    fresh: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def refresh(everything: bool = False) -> Refreshed:
    """Write what is missing or no longer true; note what went. Commits every 50 datasets, so it may be stopped and run again.

    :param everything: also what is true still, and what could not be written before
    """
    done = Refreshed()
    if not table_exists():
        return done
    now = Now()
    done.gone = mark_gone()
    model.Session.commit()
    entries = index(now)
    stale = [entry.package_id for entry in entries if everything or (entry.writable and not entry.fresh)]
    done.fresh = len(entries) - len(stale)
    for start in range(0, len(stale), _BATCH):
        lookups = DatabaseLookups(now)
        for package_id in stale[start : start + _BATCH]:
            try:
                built = try_build(package_id, now, lookups)
            except UnwritableError as broken:
                save([broken.kept])
                done.failed.append((package_id, broken.reason))
                continue
            if built is not None:
                save([built])
                done.built += 1
        model.Session.commit()
        model.Session.expunge_all()
    return done


def entomb(package_id: str, name: str) -> None:
    """Remember, in the running transaction, that a dataset stops being public now."""
    if not table_exists():
        return
    now = dt.datetime.now(dt.timezone.utc)
    emptied = {"gone": now, "nt": None, "ttl": None, "jsonld": None, "rdf": None}
    statement = insert(KeptStatements).values(
        package_id=package_id, name=name, fingerprint="", organizations=[], datasets=[], terms=[], built=now, **emptied
    )
    model.Session.execute(statement.on_conflict_do_update(index_elements=["package_id"], set_=emptied))


def _gone_condition() -> Any:
    public = sa.select(_PACKAGE.c.id).where(_PACKAGE.c.state == "active", _PACKAGE.c.private.is_(False))
    return _KEPT.c.package_id.not_in(public)


def mark_gone() -> int:
    """Empty what is kept of datasets that are no longer public, remembering when they went."""
    when = sa.select(sa.func.timezone("UTC", _PACKAGE.c.metadata_modified)).where(_PACKAGE.c.id == _KEPT.c.package_id).scalar_subquery()
    statement = (
        sa.update(_KEPT)
        .where(_gone_condition(), _KEPT.c.gone.is_(None))
        .values(gone=sa.func.coalesce(when, sa.func.now()), nt=None, ttl=None, jsonld=None, rdf=None)
    )
    return model.Session.execute(statement).rowcount  # pyright: ignore[reportAttributeAccessIssue]


def gone_since(since: dt.datetime) -> Iterator[tuple[str, dt.datetime]]:
    """Datasets that were public and are not since a moment (UTC): ``(id, when)``, by id."""
    if not table_exists():
        return
    changed = sa.func.timezone("UTC", _PACKAGE.c.metadata_modified)
    when = sa.func.coalesce(_KEPT.c.gone, changed, sa.func.now())
    query = sa.select(_KEPT.c.package_id, when).select_from(_KEPT.outerjoin(_PACKAGE, _PACKAGE.c.id == _KEPT.c.package_id))
    for row in model.Session.execute(query.where(_gone_condition(), when >= since).order_by(_KEPT.c.package_id)):
        yield row[0], row[1]


def is_gone(reference: str) -> bool:
    """Whether a dataset, by id or name, was public once and was deleted since. One that only became private is not gone: it is not ours to
    tell. One that was renamed is not gone either: CKAN answers for it as it does."""
    if not table_exists():
        return False
    found = model.Package.get(reference)
    if found is not None and (found.state != "deleted" or found.private):
        return False
    known = (_KEPT.c.package_id == found.id) if found is not None else (_KEPT.c.package_id == reference) | (_KEPT.c.name == reference)
    # By the name that it had when it was last public: what exists and is not deleted only has another name now.
    exists = sa.select(_PACKAGE.c.id).where(_PACKAGE.c.id == _KEPT.c.package_id, _PACKAGE.c.state != "deleted").exists()
    return model.Session.execute(sa.select(_KEPT.c.package_id).where(known, ~exists).limit(1)).first() is not None
