"""Reporting rounds, and what agencies send in them.

Revision ID: 0004_report
Revises: 0003_ogptn
Create Date: 2026-11-22
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_report"
down_revision = "0003_ogptn"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ogptn_round",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("title", postgresql.JSONB, nullable=False),
        sa.Column("period_start", sa.Text),
        sa.Column("period_end", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Text),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("closed_by", sa.Text),
    )
    op.create_table(
        "ogptn_round_item",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("round_id", sa.Text, sa.ForeignKey("ogptn_round.id", ondelete="CASCADE"), nullable=False),
        sa.Column("package_id", sa.Text, sa.ForeignKey("package.id", ondelete="CASCADE"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("report", postgresql.JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("submitted_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("round_id", "package_id", name="ogptn_round_item_once"),
    )
    op.create_index("ogptn_round_item_package", "ogptn_round_item", ["package_id"])
    op.create_table(
        "ogptn_round_event",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("item_id", sa.Text, sa.ForeignKey("ogptn_round_item.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False, server_default=""),
    )


def downgrade() -> None:
    for table in ("ogptn_round_event", "ogptn_round_item", "ogptn_round"):
        op.drop_table(table)
