"""The search index's own schema, its control table, and an empty index.

The index is derived data, and later versions of it are made by ``ckan ogptn-search rebuild``: the tables of one index are described in
``ckanext.ogptn.search.store``, which makes them here as there.

Revision ID: 0001_ogptn_search
Revises:
Create Date: 2026-11-22
"""

from __future__ import annotations

from alembic import op

from ckanext.ogptn.search.store import install

revision = "0001_ogptn_search"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        install(cursor)


def downgrade() -> None:
    # The version table is in the same schema; alembic still has to write to it.
    op.execute(
        """
        DO $$
        DECLARE name text;
        BEGIN
            FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'ogptn_search' AND tablename <> 'ogptn_search_alembic_version'
            LOOP
                EXECUTE format('DROP TABLE ogptn_search.%I CASCADE', name);
            END LOOP;
        END $$
        """
    )
