"""Migrations of the ``ogptn_search`` plugin.

The version table lives in the plugin's own PostgreSQL schema, beside the tables that it counts: whoever drops all tables of CKAN's schema
(``ckan db clean``, the tests) would otherwise drop the version and leave the tables.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import engine_from_config, pool, text

SCHEMA = "ogptn_search"
VERSION_TABLE = "ogptn_search_alembic_version"


def run_offline() -> None:
    context.configure(
        url=context.config.get_main_option("sqlalchemy.url"),
        literal_binds=True,
        version_table=VERSION_TABLE,
        version_table_schema=SCHEMA,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    section = context.config.get_section(context.config.config_ini_section) or {}
    engine = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS ogptn_search"))
        connection.commit()
        context.configure(connection=connection, version_table=VERSION_TABLE, version_table_schema=SCHEMA)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
