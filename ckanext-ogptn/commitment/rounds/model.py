"""Tables of reporting rounds."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.model.types import make_uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

#: States of an item, in the order of their life.
WAITING, DRAFT, SUBMITTED, RETURNED, ACCEPTED = "waiting", "draft", "submitted", "returned", "accepted"
STATES = (WAITING, DRAFT, SUBMITTED, RETURNED, ACCEPTED)


def now() -> dt.datetime:
    """The present moment in UTC."""
    return dt.datetime.now(dt.timezone.utc)


class Round(tk.BaseModel):
    """A call for progress reports. ``due_on`` is the last day on which a report is in time; ``closed_at`` is empty while it is open."""

    __tablename__ = "ogptn_round"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=make_uuid)
    plan: Mapped[str] = mapped_column(sa.Text, nullable=False)
    title: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False)
    period_start: Mapped[str | None] = mapped_column(sa.Text)
    period_end: Mapped[str] = mapped_column(sa.Text, nullable=False)
    due_on: Mapped[dt.date] = mapped_column(sa.Date, nullable=False)
    opened_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    opened_by: Mapped[str | None] = mapped_column(sa.Text)
    closed_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    closed_by: Mapped[str | None] = mapped_column(sa.Text)

    def items(self) -> list[RoundItem]:
        """Its items, by plan order of their commitments' names."""
        query = model.Session.query(RoundItem).filter_by(round_id=self.id)
        return list(query.join(model.Package, model.Package.id == RoundItem.package_id).order_by(model.Package.name))


class RoundItem(tk.BaseModel):
    """One commitment in a round. ``version`` grows with each change, so that two people do not overwrite each other."""

    __tablename__ = "ogptn_round_item"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=make_uuid)
    round_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("ogptn_round.id", ondelete="CASCADE"), nullable=False)
    package_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("package.id", ondelete="CASCADE"), nullable=False)
    state: Mapped[str] = mapped_column(sa.Text, nullable=False, default=WAITING)
    #: ``{"completion_level", "done": {language: text}, "obstacles": {…}, "evidence", "milestones": [{"status", "percent", "evidence"}]}``
    report: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    #: Titles of the commitment's milestones when the report was written: what tells which row is whose after milestones moved.
    milestones: Mapped[list[Any]] = mapped_column(JSONB, nullable=False, default=list)
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=1)
    submitted_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))

    @classmethod
    def locked(cls, item_id: str) -> RoundItem | None:
        """The item, held until the transaction ends."""
        return model.Session.query(cls).filter_by(id=item_id).populate_existing().with_for_update().one_or_none()

    def add_event(self, user_id: str | None, what: str, comment: str = "") -> None:
        """Note who did what."""
        model.Session.add(RoundEvent(item_id=self.id, user_id=user_id, what=what, comment=comment))
        self.version += 1

    def events(self) -> list[RoundEvent]:
        """Oldest first."""
        return list(model.Session.query(RoundEvent).filter_by(item_id=self.id).order_by(RoundEvent.id))


class RoundEvent(tk.BaseModel):
    """Who did what to an item, and said what."""

    __tablename__ = "ogptn_round_event"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    item_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("ogptn_round_item.id", ondelete="CASCADE"), nullable=False)
    at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    user_id: Mapped[str | None] = mapped_column(sa.Text)
    what: Mapped[str] = mapped_column(sa.Text, nullable=False)
    comment: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
