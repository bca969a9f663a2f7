"""Tables of the quality: what became of links."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column


class LinkCheck(tk.BaseModel):
    """The last check of one address, and those before."""

    __tablename__ = "ogptn_link"

    url: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    checked: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True), index=True)
    #: HTTP status; None when there was no answer.
    status: Mapped[int | None] = mapped_column(sa.Integer)
    #: Slug of what went wrong: one of those of `ckanext.ogptn.fetch.errors`.
    problem: Mapped[str | None] = mapped_column(sa.Text)
    #: Checks that failed one after the other.
    failures: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=0)
    #: ``[{"checked": ISO 8601, "status": number or None, "problem": slug or None}]``, the newest first, ten at most.
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False, default=list)

    @property
    def works(self) -> bool:
        """Whether the last check was answered with success."""
        return self.status is not None and 200 <= self.status < 300
