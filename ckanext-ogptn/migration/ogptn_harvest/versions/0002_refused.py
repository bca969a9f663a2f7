"""Why a record was refused is remembered with it.

Revision ID: 0002_ogptn_harvest
Revises: 0001_ogptn_harvest
Create Date: 2026-11-23
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_ogptn_harvest"
down_revision = "0001_ogptn_harvest"
branch_labels = None
depends_on = None

_TABLE = "ogptn_harvest_record"


def upgrade() -> None:
    # Records that were refused so far have no hash, and are read and judged again by the next harvest.
    op.add_column(_TABLE, sa.Column("refused", postgresql.JSONB, nullable=False, server_default="{}"))
    op.create_index(f"{_TABLE}_refused", _TABLE, ["source_id", "id"], postgresql_where=sa.text("refused <> '{}'::jsonb"))


def downgrade() -> None:
    # Without what is remembered, a record that was refused has to be looked at by every harvest.
    op.execute(f"UPDATE {_TABLE} SET hash = '' WHERE refused <> '{{}}'::jsonb")  # noqa: S608 - a constant
    op.drop_index(f"{_TABLE}_refused", _TABLE)
    op.drop_column(_TABLE, "refused")
