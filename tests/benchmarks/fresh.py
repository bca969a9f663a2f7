"""A site's tables, made in the process that is to be measured."""

from __future__ import annotations

from collections.abc import Iterable


def make(plugins: Iterable[str]) -> None:
    """CKAN's tables and those of ``plugins``; then CKAN's own pool of connections again.

    CKAN's migrations leave the process with an engine without a pool: each transaction after them would connect anew, which no portal does
    and which costs most whoever commits most.
    """
    from ckan import model
    from ckan.cli.db import _run_migrations
    from ckan.common import config
    from sqlalchemy import engine_from_config

    model.repo.init_db()
    for plugin in plugins:
        _run_migrations(plugin)
    model.Session.remove()
    model.init_model(engine_from_config(dict(config)))
