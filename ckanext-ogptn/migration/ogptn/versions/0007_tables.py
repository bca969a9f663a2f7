"""What the worker knows of each file's table.

Revision ID: 0007_tables
Revises: 0006_recommendations
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007_tables"
down_revision = "0006_recommendations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ogptn_table",
        sa.Column("resource_id", sa.Text, sa.ForeignKey("resource.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting", index=True),
        sa.Column("steps", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("url", sa.Text, nullable=False, server_default=""),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("sha256", sa.Text),
        sa.Column("reading", postgresql.JSONB, nullable=False, server_default="{}"),
        sa.Column("columns", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("findings", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("rejected", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("rows", sa.BigInteger),
        sa.Column("rejections", sa.BigInteger),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )


def downgrade() -> None:
    op.drop_table("ogptn_table")
