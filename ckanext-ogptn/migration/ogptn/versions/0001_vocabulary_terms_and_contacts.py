"""Terms that administrators add to a vocabulary; the contacts of commitments, apart from what is published.

Revision ID: 0001_ogptn
Revises:
Create Date: 2026-11-22
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_ogptn"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ogptn_vocabulary_term",
        sa.Column("vocabulary", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("data", postgresql.JSONB, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_by", sa.Text),
    )
    op.create_table(
        "ogptn_commitment_contacts",
        sa.Column("package_id", sa.Text, sa.ForeignKey("package.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("contacts", postgresql.JSONB, nullable=False),
        sa.Column("modified", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("ogptn_commitment_contacts")
    op.drop_table("ogptn_vocabulary_term")
