"""Sources, their jobs, records and issues.

Revision ID: 0001_ogptn_harvest
Revises:
Create Date: 2026-11-22
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_ogptn_harvest"
down_revision = None
branch_labels = None
depends_on = None

_WHEN = sa.DateTime(timezone=True)
_OPEN = "phase IN ('waiting', 'reading', 'writing', 'removing') AND kind <> 'preview'"


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _json(name: str) -> sa.Column:
    return sa.Column(name, postgresql.JSONB, nullable=False, server_default="{}")


def _flag(name: str, value: str) -> sa.Column:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text(value))


def upgrade() -> None:
    op.create_table(
        "ogptn_harvest_source",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("backend", sa.Text, nullable=False),
        _json("options"),
        sa.Column("owner_org", sa.Text, nullable=False),
        sa.Column("dataset_type", sa.Text, nullable=False, server_default="dataset"),
        sa.Column("language", sa.Text, nullable=False, server_default="ar"),
        _flag("active", "true"),
        _text("schedule"),
        sa.Column("next_run", _WHEN),
        sa.Column("conflict", sa.Text, nullable=False, server_default="first"),
        _json("limits"),
        _text("ca_bundle"),
        _text("auth_header"),
        _text("auth_env"),
        _json("state"),
        sa.Column("last_full", _WHEN),
        sa.Column("last_good", _WHEN),
        sa.Column("created", _WHEN, nullable=False),
        sa.Column("modified", _WHEN, nullable=False),
        sa.Column("created_by", sa.Text),
        _flag("deleted", "false"),
    )
    op.create_index("ix_ogptn_harvest_source_owner_org", "ogptn_harvest_source", ["owner_org"])
    op.create_index("ix_ogptn_harvest_source_next_run", "ogptn_harvest_source", ["next_run"])
    op.create_table(
        "ogptn_harvest_job",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source_id", sa.Text, sa.ForeignKey("ogptn_harvest_source.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        _flag("full", "false"),
        _flag("allow_removal", "false"),
        _flag("cancel", "false"),
        sa.Column("created", _WHEN, nullable=False),
        sa.Column("started", _WHEN),
        sa.Column("finished", _WHEN),
        sa.Column("heartbeat", _WHEN),
        _text("worker"),
        _text("token"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("expected", sa.Integer),
        _json("counts"),
        _json("result"),
        sa.Column("user", sa.Text),
    )
    op.create_index("ogptn_harvest_job_of_source", "ogptn_harvest_job", ["source_id", "created"])
    op.create_index("ogptn_harvest_job_one_open", "ogptn_harvest_job", ["source_id"], unique=True, postgresql_where=sa.text(_OPEN))
    op.create_table(
        "ogptn_harvest_record",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("source_id", sa.Text, sa.ForeignKey("ogptn_harvest_source.id", ondelete="CASCADE"), nullable=False),
        sa.Column("guid", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        _text("alias"),
        sa.Column("package_id", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        _text("hash"),
        _text("etag"),
        _text("last_modified"),
        _text("modified"),
        _text("title"),
        _text("url"),
        _text("media_type"),
        sa.Column("content", sa.LargeBinary),
        _json("written"),
        _json("offered"),
        _json("resources"),
        sa.Column("first_seen", _WHEN, nullable=False),
        sa.Column("last_seen", _WHEN, nullable=False),
        sa.Column("missing_since", _WHEN),
        sa.Column("missed_passes", sa.Integer, nullable=False, server_default="0"),
        sa.Column("job_id", sa.Text),
        _flag("indexed", "true"),
    )
    op.create_index("ogptn_harvest_record_identity", "ogptn_harvest_record", ["source_id", "key"], unique=True)
    op.create_index("ogptn_harvest_record_alias", "ogptn_harvest_record", ["source_id", "alias"])
    op.create_index("ogptn_harvest_record_state", "ogptn_harvest_record", ["source_id", "state", "id"])
    op.create_index("ogptn_harvest_record_package", "ogptn_harvest_record", ["package_id"])
    op.create_index("ogptn_harvest_record_unindexed", "ogptn_harvest_record", ["id"], postgresql_where=sa.text("NOT indexed"))
    op.create_table(
        "ogptn_harvest_issue",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.Text, sa.ForeignKey("ogptn_harvest_job.id", ondelete="CASCADE"), nullable=False),
        _text("guid"),
        _text("title"),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        _text("field"),
        _json("values"),
        sa.Column("created", _WHEN, nullable=False),
    )
    op.create_index("ogptn_harvest_issue_of_job", "ogptn_harvest_issue", ["job_id", "severity", "slug", "id"])
    op.create_table(
        "ogptn_harvest_batch",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.Text, sa.ForeignKey("ogptn_harvest_job.id", ondelete="CASCADE"), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_index("ogptn_harvest_batch_waiting", "ogptn_harvest_batch", ["job_id", "id"])


def downgrade() -> None:
    for table in ("batch", "issue", "record", "job", "source"):
        op.drop_table(f"ogptn_harvest_{table}")
