"""What is kept of the catalogue as linked data, and what became of links.

Revision ID: 0003_ogptn
Revises: 0002_ogptn
Create Date: 2026-11-22
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_ogptn"
down_revision = "0002_ogptn"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No foreign key: what is known of a dataset that went must outlive it.
    op.create_table(
        "ogptn_rdf",
        sa.Column("package_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("organizations", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("datasets", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("terms", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("quality", postgresql.JSONB),
        *(sa.Column(name, sa.LargeBinary) for name in ("nt", "ttl", "jsonld", "rdf")),
        sa.Column("built", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone", sa.DateTime(timezone=True), index=True),
    )
    # Compressed already: a second compression costs time and saves nothing.
    for name in ("nt", "ttl", "jsonld", "rdf"):
        op.execute(f"ALTER TABLE ogptn_rdf ALTER COLUMN {name} SET STORAGE EXTERNAL")
    op.create_index("ix_ogptn_rdf_name", "ogptn_rdf", ["name"])
    op.create_table(
        "ogptn_link",
        sa.Column("url", sa.Text, primary_key=True),
        sa.Column("checked", sa.DateTime(timezone=True)),
        sa.Column("status", sa.Integer),
        sa.Column("problem", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("history", postgresql.JSONB, nullable=False, server_default="[]"),
    )
    op.create_index("ix_ogptn_link_checked", "ogptn_link", ["checked"])


def downgrade() -> None:
    op.drop_table("ogptn_link")
    op.drop_table("ogptn_rdf")
