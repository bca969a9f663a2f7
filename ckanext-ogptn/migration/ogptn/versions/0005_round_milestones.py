"""The milestones that a round's report speaks of: without them rows go to the wrong milestone when milestones move.

Revision ID: 0005_round_milestones
Revises: 0004_report
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_round_milestones"
down_revision = "0004_report"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ogptn_round_item", sa.Column("milestones", postgresql.JSONB, nullable=False, server_default="[]"))
    # Reports that exist were written over the milestones in the order in which the commitment has them now.
    op.execute(
        """
        UPDATE ogptn_round_item AS item SET milestones = (
            SELECT coalesce(jsonb_agg(coalesce(milestone.value -> 'title', '{}') ORDER BY milestone.ordinality), '[]')
            FROM jsonb_array_elements((package.extras ->> 'milestones')::jsonb) WITH ORDINALITY AS milestone
        )
        FROM package WHERE package.id = item.package_id AND package.extras ? 'milestones'
        """
    )


def downgrade() -> None:
    op.drop_column("ogptn_round_item", "milestones")
