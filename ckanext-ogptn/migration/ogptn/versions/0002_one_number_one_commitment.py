"""No two active commitments of a plan share a number and a part.

The form and the API refuse the second one with a message; this index is what makes it impossible, whoever writes and at whatever moment.

Revision ID: 0002_ogptn
Revises: 0001_ogptn
Create Date: 2026-11-22
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_ogptn"
down_revision = "0001_ogptn"
branch_labels = None
depends_on = None

NUMBER = "(extras->>'plan'), (extras->>'commitment_number'), coalesce(extras->>'commitment_part', '')"
WHERE = "type = 'commitment' AND state = 'active' AND extras->>'plan' IS NOT NULL AND extras->>'commitment_number' IS NOT NULL"


def upgrade() -> None:
    twice = op.get_bind().execute(
        sa.text(f"SELECT string_agg(name, ', ' ORDER BY name) FROM package WHERE {WHERE} GROUP BY {NUMBER} HAVING count(*) > 1")  # noqa: S608
    )
    if found := [names for (names,) in twice]:
        raise RuntimeError(
            "These commitments have the same number in the same plan. Correct the number or the part of all but one in each group, "
            "then upgrade again: " + "; ".join(found)
        )
    op.execute(f"CREATE UNIQUE INDEX ogptn_commitment_number ON package ({NUMBER}) WHERE {WHERE}")


def downgrade() -> None:
    op.execute("DROP INDEX ogptn_commitment_number")
