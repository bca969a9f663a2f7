"""Tables of the harvest engine. What the pages list is indexed; what a job counts is stored, never counted again."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
import zlib
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

#: Kinds of job.
KINDS = ("harvest", "preview", "clear")
#: Phases in which a job has still something to do.
OPEN = ("waiting", "reading", "writing", "removing")
#: Phases in which it has not.
CLOSED = ("finished", "failed", "cancelled")
#: What becomes of a record. ``active``: at the source and here; ``missing``: no longer at the source, its time of grace runs;
#: ``removed``: its dataset was deleted; ``refused``: at the source, never accepted here; ``duplicate``: another source's dataset.
STATES = ("active", "missing", "removed", "refused", "duplicate")
#: What a job counts.
COUNTS = ("seen", "added", "changed", "unchanged", "refused", "missing", "removed", "back", "duplicates", "warnings", "errors")


def now() -> dt.datetime:
    """Now, with its time zone (UTC)."""
    return dt.datetime.now(dt.timezone.utc)


def _uuid() -> str:
    return str(uuid.uuid4())


def record_key(guid: str) -> str:
    """What a guid of any length is found by: its SHA-256."""
    return hashlib.sha256(guid.encode("utf-8", "surrogatepass")).hexdigest()


def record_number(value: Any) -> int | None:
    """The id of a record as callers write it, ``None`` for what can be none: words, other scripts' digits, more than the column holds."""
    return int(value) if re.fullmatch(r"[0-9]{1,18}", str(value)) else None


class Source(tk.BaseModel):
    """One catalogue to harvest."""

    __tablename__ = "ogptn_harvest_source"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=_uuid)
    title: Mapped[str] = mapped_column(sa.Text, nullable=False)
    url: Mapped[str] = mapped_column(sa.Text, nullable=False)
    backend: Mapped[str] = mapped_column(sa.Text, nullable=False)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    owner_org: Mapped[str] = mapped_column(sa.Text, nullable=False, index=True)
    dataset_type: Mapped[str] = mapped_column(sa.Text, nullable=False, default="dataset")
    language: Mapped[str] = mapped_column(sa.Text, nullable=False, default="ar")
    active: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, default=True)
    #: Five fields of cron in the site's time zone, ``""`` for by hand only.
    schedule: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    next_run: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True), index=True)
    #: Which source a dataset belongs to that two offer: ``first`` (whoever had it) or ``this``.
    conflict: Mapped[str] = mapped_column(sa.Text, nullable=False, default="first")
    #: ``{"max_mb", "timeout", "delay", "grace_days", "grace_passes", "ceiling_percent", "ceiling_count", "full_days"}``, each optional
    limits: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    ca_bundle: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    #: Name of the header and of the environment variable that holds its value.
    auth_header: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    auth_env: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    #: Or the value itself, encrypted (`credentials`).
    auth_secret: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    #: What the backend wants to find again; see `Cursor.state`.
    state: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    #: Begin of the last complete pass that looked at everything, and of the last that missed nothing that changed.
    last_full: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    last_good: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    created: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    #: The last change of its settings; what jobs write into the row is none.
    modified: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    created_by: Mapped[str | None] = mapped_column(sa.Text)
    deleted: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, default=False)

    @classmethod
    def get(cls, source_id: str) -> Source | None:
        """A source that is not deleted, by id."""
        found = model.Session.get(cls, source_id)
        return None if found is None or found.deleted else found


class Job(tk.BaseModel):
    """One run over a source."""

    __tablename__ = "ogptn_harvest_job"
    __table_args__ = (
        sa.Index("ogptn_harvest_job_of_source", "source_id", "created"),
        # One open job per source that writes.
        sa.Index(
            "ogptn_harvest_job_one_open",
            "source_id",
            unique=True,
            postgresql_where=sa.text("phase IN ('waiting', 'reading', 'writing', 'removing') AND kind <> 'preview'"),
        ),
    )

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=_uuid)
    source_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("ogptn_harvest_source.id", ondelete="CASCADE"), nullable=False)
    kind: Mapped[str] = mapped_column(sa.Text, nullable=False, default="harvest")
    phase: Mapped[str] = mapped_column(sa.Text, nullable=False, default="waiting")
    #: Look at everything even if the source could be asked for changes only.
    full: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, default=False)
    #: Remove although the ceiling says to ask a person: a person was asked.
    allow_removal: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, default=False)
    cancel: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, default=False)
    created: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    started: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    finished: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    heartbeat: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    #: Host and process that hold it, and a mark of its own for each time that it was begun.
    worker: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    token: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    attempts: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=0)
    expected: Mapped[int | None] = mapped_column(sa.Integer)
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, nullable=False, default=dict)
    #: Kind ``preview``: what would happen; ``harvest``: ``{"ceiling": {"would_remove", "of"}, "incomplete": […], "removed": [titles]}``
    result: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    user: Mapped[str | None] = mapped_column(sa.Text)


class HarvestRecord(tk.BaseModel):
    """What is known of one record of one source: its identity, what was read last, what became of it."""

    __tablename__ = "ogptn_harvest_record"
    __table_args__ = (
        sa.Index("ogptn_harvest_record_identity", "source_id", "key", unique=True),
        sa.Index("ogptn_harvest_record_alias", "source_id", "alias"),
        sa.Index("ogptn_harvest_record_slug", "alias"),
        sa.Index("ogptn_harvest_record_state", "source_id", "state", "id"),
        sa.Index("ogptn_harvest_record_package", "package_id"),
        sa.Index("ogptn_harvest_record_unindexed", "id", postgresql_where=sa.text("NOT indexed")),
        sa.Index("ogptn_harvest_record_refused", "source_id", "id", postgresql_where=sa.text("refused <> '{}'::jsonb")),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    source_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("ogptn_harvest_source.id", ondelete="CASCADE"), nullable=False)
    guid: Mapped[str] = mapped_column(sa.Text, nullable=False)
    #: `record_key` of the guid
    key: Mapped[str] = mapped_column(sa.Text, nullable=False)
    alias: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    #: No foreign key: a purged dataset must not take with it what is known of the source.
    package_id: Mapped[str | None] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, default="active")
    #: Hash of the content that was dealt with last (written or refused).
    hash: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    etag: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    last_modified: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    modified: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    title: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    url: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    media_type: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    #: Raw content, deflated (zlib).
    content: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    #: ``{field: digest}`` of the dataset as it was written last: what differs now was changed here.
    written: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False, default=dict)
    #: ``{field: value of the source}`` for the fields that were changed here and kept.
    offered: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    #: Why the content that was read last was refused, ``{}`` if it was not: ``{"rules": mark of the rules that refused it, "issues":
    #: [{"slug", "field", "values"}]}``. Not judged again until the content or the rules change.
    refused: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    #: ``{identity at the source: id here}`` of the resources.
    resources: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False, default=dict)
    #: What the record says that it belongs to, and what was found of it: ``[link]``, ``{field: [ids of datasets]}`` (`links`).
    links: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False, default=list)
    linked: Mapped[dict[str, list[str]]] = mapped_column(JSONB, nullable=False, default=dict)
    first_seen: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    last_seen: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    missing_since: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    missed_passes: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=0)
    #: The job that last wrote, marked or removed it.
    job_id: Mapped[str | None] = mapped_column(sa.Text)
    #: False between the commit of a dataset and its entry into the search index.
    indexed: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, default=True)

    def raw(self) -> bytes:
        """The content as it was at the source."""
        return zlib.decompress(self.content) if self.content else b""


class StoredIssue(tk.BaseModel):
    """One problem that a job found."""

    __tablename__ = "ogptn_harvest_issue"
    __table_args__ = (sa.Index("ogptn_harvest_issue_of_job", "job_id", "severity", "slug", "id"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("ogptn_harvest_job.id", ondelete="CASCADE"), nullable=False)
    guid: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    title: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    severity: Mapped[str] = mapped_column(sa.Text, nullable=False)
    slug: Mapped[str] = mapped_column(sa.Text, nullable=False)
    field: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    values: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False, default=dict)
    created: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)


class Batch(tk.BaseModel):
    """Records of a job that wait for any worker to write them."""

    __tablename__ = "ogptn_harvest_batch"
    __table_args__ = (sa.Index("ogptn_harvest_batch_waiting", "job_id", "id"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("ogptn_harvest_job.id", ondelete="CASCADE"), nullable=False)
    #: Records, pickled by nobody: JSON, deflated.
    payload: Mapped[bytes] = mapped_column(sa.LargeBinary, nullable=False)
