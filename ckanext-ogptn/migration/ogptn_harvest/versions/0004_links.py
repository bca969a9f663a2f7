"""Links between records of different sources.

Revision ID: 0004_ogptn_harvest
Revises: 0003_ogptn_harvest
Create Date: 2026-11-23
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_ogptn_harvest"
down_revision = "0003_ogptn_harvest"
branch_labels = None
depends_on = None

_TABLE = "ogptn_harvest_record"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("links", postgresql.JSONB, nullable=False, server_default="[]"))
    op.add_column(_TABLE, sa.Column("linked", postgresql.JSONB, nullable=False, server_default="{}"))
    # By the name at the source, of whatever source.
    op.create_index(f"{_TABLE}_slug", _TABLE, ["alias"])


def downgrade() -> None:
    op.drop_index(f"{_TABLE}_slug", _TABLE)
    op.drop_column(_TABLE, "linked")
    op.drop_column(_TABLE, "links")
