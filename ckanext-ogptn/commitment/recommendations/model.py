"""Tables of the recommendations."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.model.types import make_uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

OPEN, DECLINED = "open", "declined"


def now() -> dt.datetime:
    """The present moment in UTC."""
    return dt.datetime.now(dt.timezone.utc)


class Recommendation(tk.BaseModel):
    """What somebody recommends to an organisation. ``version`` grows with each change, so that two people do not overwrite each other."""

    __tablename__ = "ogptn_recommendation"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True, default=make_uuid)
    #: ``{language: text}``, at least one
    text: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False)
    #: A code of ``recommendation_sources``, the body's own name, and where it says so.
    source: Mapped[str] = mapped_column(sa.Text, nullable=False)
    source_name: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    source_url: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    #: Who is to answer; nobody when it was purged.
    organization_id: Mapped[str | None] = mapped_column(sa.Text, sa.ForeignKey("group.id", ondelete="SET NULL"))
    #: Day, month or year, ``YYYY[-MM[-DD]]``; empty when it is not known.
    received_on: Mapped[str] = mapped_column(sa.Text, nullable=False, default="")
    #: A code of ``recommendation_statuses``.
    status: Mapped[str] = mapped_column(sa.Text, nullable=False, default=OPEN)
    answer: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False, default=dict)
    answered_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    version: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=1)
    created_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    created_by: Mapped[str | None] = mapped_column(sa.Text)
    modified_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False, default=now)
    modified_by: Mapped[str | None] = mapped_column(sa.Text)


class RecommendedFor(tk.BaseModel):
    """A commitment that a recommendation is about."""

    __tablename__ = "ogptn_recommendation_commitment"

    recommendation_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("ogptn_recommendation.id", ondelete="CASCADE"), primary_key=True)
    package_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey("package.id", ondelete="CASCADE"), primary_key=True)

    @classmethod
    def of(cls, ids: list[str]) -> dict[str, list[model.Package]]:
        """The active commitments of recommendations, by the recommendation's id."""
        found: dict[str, list[model.Package]] = {each: [] for each in ids}
        rows = (
            model.Session.query(cls.recommendation_id, model.Package)
            .join(model.Package, model.Package.id == cls.package_id)
            .filter(cls.recommendation_id.in_(ids), model.Package.state == "active")
            .order_by(model.Package.name)
        )
        for recommendation_id, package in rows if ids else ():
            found[recommendation_id].append(package)
        return found

    @classmethod
    def replace(cls, recommendation_id: str, package_ids: list[str]) -> None:
        """Set the commitments of a recommendation in the running transaction."""
        model.Session.query(cls).filter_by(recommendation_id=recommendation_id).delete()
        for package_id in package_ids:
            model.Session.add(cls(recommendation_id=recommendation_id, package_id=package_id))
        model.Session.flush()
