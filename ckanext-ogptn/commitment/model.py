"""Tables of the commitments: the people in charge, kept apart from everything that is published."""

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


class CommitmentContacts(tk.BaseModel):
    """The contacts of one commitment. They are no part of the dataset in CKAN's own tables, so nothing that copies a dataset copies them:
    not the index, not an activity, not an export."""

    __tablename__ = "ogptn_commitment_contacts"

    package_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("package.id", ondelete="CASCADE"), primary_key=True)
    #: ``[{"name", "role": {language: text}, "phone", "email"}]``, each optional
    contacts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False)
    modified: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=_now, onupdate=_now)

    @classmethod
    def of(cls, package_id: str) -> list[dict[str, Any]]:
        """The contacts of a commitment, none if there is no row."""
        row = model.Session.get(cls, package_id)
        return list(row.contacts) if row else []

    @classmethod
    def replace(cls, package_id: str, contacts: list[dict[str, Any]]) -> None:
        """Set the contacts of a commitment in the running transaction."""
        row = model.Session.get(cls, package_id)
        if row is None:
            if contacts:
                model.Session.add(cls(package_id=package_id, contacts=contacts))
        elif contacts:
            row.contacts = contacts
        else:
            model.Session.delete(row)
        model.Session.flush()
