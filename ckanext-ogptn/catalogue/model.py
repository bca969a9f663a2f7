"""Tables of the catalogue: the terms that administrators add to a vocabulary."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


class VocabularyTerm(tk.BaseModel):
    """A term that an administrator added, changed or withdrew; it stands over the term of the same code in the data file."""

    __tablename__ = "ogptn_vocabulary_term"

    vocabulary: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    code: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    #: ``{"label": {"ar", "fr", "en"}, "uri"?, "parent"?, "start"?, "end"?}``
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    #: No longer offered; records that already use the code keep it and its label.
    withdrawn: Mapped[bool] = mapped_column(sa.Boolean, nullable=False, default=False, server_default=sa.false())
    modified: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=_now, onupdate=_now)
    modified_by: Mapped[str | None] = mapped_column(sa.Text)

    @classmethod
    def of(cls, vocabulary: str) -> list[VocabularyTerm]:
        """The terms of one vocabulary in the order of their codes."""
        return list(model.Session.query(cls).filter_by(vocabulary=vocabulary).order_by(cls.code))

    @classmethod
    def save_term(cls, vocabulary: str, code: str, data: dict[str, Any], withdrawn: bool, user: str | None) -> VocabularyTerm:
        """Add or replace one term in the running transaction."""
        row = model.Session.get(cls, (vocabulary, code)) or cls(vocabulary=vocabulary, code=code)
        row.data, row.withdrawn, row.modified_by = data, withdrawn, user
        model.Session.add(row)
        model.Session.flush()
        return row
