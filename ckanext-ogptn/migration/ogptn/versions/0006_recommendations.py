"""Recommendations of the IRM and of civil society, and the commitments that they are about.

Revision ID: 0006_recommendations
Revises: 0005_round_milestones
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_recommendations"
down_revision = "0005_round_milestones"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ogptn_recommendation",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("text", postgresql.JSONB, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("source_name", sa.Text, nullable=False, server_default=""),
        sa.Column("source_url", sa.Text, nullable=False, server_default=""),
        # Who is addressed stays to be seen when an organisation is purged: that nobody answers for it any more.
        sa.Column("organization_id", sa.Text, sa.ForeignKey("group.id", ondelete="SET NULL"), index=True),
        sa.Column("received_on", sa.Text, nullable=False, server_default=""),
        sa.Column("status", sa.Text, nullable=False, server_default="open", index=True),
        sa.Column("answer", postgresql.JSONB, nullable=False, server_default="{}"),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_by", sa.Text),
    )
    op.create_table(
        "ogptn_recommendation_commitment",
        sa.Column("recommendation_id", sa.Text, sa.ForeignKey("ogptn_recommendation.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("package_id", sa.Text, sa.ForeignKey("package.id", ondelete="CASCADE"), primary_key=True, index=True),
    )


def downgrade() -> None:
    op.drop_table("ogptn_recommendation_commitment")
    op.drop_table("ogptn_recommendation")
