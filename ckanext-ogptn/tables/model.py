"""What the worker knows of each file's table."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

#: Waiting for the worker; in its hands; in the DataStore; refused for what it is; not to be had (the site does not answer); no table.
WAITING, WORKING, LOADED, REFUSED, FAILED, NONE = "waiting", "working", "loaded", "refused", "failed", "none"
#: The road of a file, in this order.
STEPS = ("fetch", "detect", "types", "load", "dictionary")


def now() -> dt.datetime:
    """The present moment in UTC."""
    return dt.datetime.now(dt.timezone.utc)


class TableState(tk.BaseModel):
    """The table of one resource. While a new file is read, ``columns`` and ``rows`` are those of the table that serves."""

    __tablename__ = "ogptn_table"

    resource_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, default=WAITING)
    #: ``[{"step", "state": "done" | "unchanged" | "refused" | "failed" | "running", "at": ISO 8601, "message": {"slug", …} or None}]``
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False, default=list)
    #: Where the content came from that is loaded, and what the server said of it, for the next conditional request.
    url: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    etag: Mapped[str | None] = mapped_column(sa.Text)
    last_modified: Mapped[str | None] = mapped_column(sa.Text)
    sha256: Mapped[str | None] = mapped_column(sa.Text)
    #: ``{"format", "sheet", "sheets", "encoding", "delimiter", "titles", "size"}``
    reading: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False, default=list)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False, default=list)
    rejected: Mapped[list[Any]] = mapped_column(JSONB, nullable=False, default=list)
    rows: Mapped[int | None] = mapped_column(sa.BigInteger)
    rejections: Mapped[int | None] = mapped_column(sa.BigInteger)
    asked_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    started_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    finished_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))

    @classmethod
    def of(cls, resource_id: str) -> TableState | None:
        """A resource's state; None when nobody asked for its table."""
        return model.Session.get(cls, resource_id)


_seen = False


def table_exists() -> bool:
    """Whether ``ckan db upgrade -p ogptn`` has made the table; until then no file is loaded."""
    global _seen
    if not _seen:
        connection = model.Session.connection()
        _seen = connection.dialect.has_table(connection, TableState.__tablename__)
    return _seen
