"""Encrypted credentials of sources.

Revision ID: 0003_ogptn_harvest
Revises: 0002_ogptn_harvest
Create Date: 2026-11-23
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_ogptn_harvest"
down_revision = "0002_ogptn_harvest"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ogptn_harvest_source", sa.Column("auth_secret", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("ogptn_harvest_source", "auth_secret")
