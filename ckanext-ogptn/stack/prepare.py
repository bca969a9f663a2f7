"""What needs CKAN itself before the site opens: migrations, permissions, the administrator, first content, the index.

A process of its own (``python -m ckanext.ogptn.stack.prepare``): CKAN is imported once for all steps, and the supervisor never imports
it. It prints one line per step, which the supervisor shows; a failure is a sentence on the error output and a non-zero exit.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import traceback
from typing import Any

import click
import psycopg2
import sqlalchemy as sa
from ckan import model
from ckan.cli import load_config
from ckan.cli.db import upgrade
from ckan.common import config
from ckan.config.middleware import make_app
from ckan.lib import search
from ckan.lib.search import common
from ckan.logic import ValidationError, get_action
from ckan.model.system_info import set_system_info
from ckan.plugins import IClick, PluginImplementations, plugin_loaded
from sqlalchemy.exc import SQLAlchemyError

#: Rows asked of the search index at a time.
PAGE = 5_000


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def migrate() -> None:
    say("migrating the database")
    # CKAN's own command for its core and for every loaded plugin. It talks on standard output; only our steps are shown.
    with open(os.devnull, "w") as silence:  # noqa: PTH123 - a device
        kept, sys.stdout = sys.stdout, silence
        try:
            upgrade.main([], standalone_mode=False)
        finally:
            sys.stdout = kept


def set_datastore_permissions(superuser_url: str) -> None:
    """As ``ckan datastore set-permissions`` does, run on the embedded server, where we are superuser."""
    from ckan.model import parse_db_config
    from ckanext.datastore.cli import permissions_sql

    say("setting the DataStore's permissions")
    main, write, read = (parse_db_config(key) or {} for key in ("sqlalchemy.url", "ckan.datastore.write_url", "ckan.datastore.read_url"))
    script = permissions_sql(
        maindb=main["db_name"],
        datastoredb=write["db_name"],
        mainuser=main["db_user"],
        writeuser=write["db_user"],
        readuser=read["db_user"],
    )
    # psql's own command: we connect to the DataStore's database ourselves.
    statements = "\n".join(line for line in script.splitlines() if not line.startswith("\\connect"))
    connection = psycopg2.connect(superuser_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statements)
    finally:
        connection.close()


def ensure_admin(name: str, password: str) -> bool:
    """Make the first administrator. Returns whether one was made: never where the site has one already."""
    people = model.Session.query(model.User).filter(model.User.name != config["ckan.site_id"])
    if people.filter_by(sysadmin=True, state="active").first():
        return False
    say("creating the administrator")
    site_user = get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    if model.User.get(name) is None:
        context: Any = {"ignore_auth": True, "user": site_user}
        get_action("user_create")(context, {"name": name, "email": f"{name}@portal.invalid", "password": password})
    user = model.User.get(name)
    assert user is not None
    user.sysadmin = True
    model.repo.commit_and_remove()
    return True


def compare_index() -> dict[str, list[str]]:
    """Ids of datasets that the index lacks, has in an older state, or has though the database does not.

    Holds for Solr and for PostgreSQL alike: it reads the index through CKAN's own connection, and compares the time of the last change
    (to the millisecond, which is what Solr keeps).
    """
    rows = model.Session.execute(
        sa.select(model.Package.id, model.Package.metadata_modified).where(model.Package.state != model.State.DELETED)
    )
    expected = {row[0]: _milliseconds(row[1].isoformat()) for row in rows}
    # Looked up late: ogptn_search answers here when it is loaded.
    connection = common.make_connection(decode_dates=False)
    indexed: dict[str, str] = {}
    site = config["ckan.site_id"]
    start = 0
    while True:
        answer = connection.search(q="*:*", fq=f'+site_id:"{site}"', fl="id,metadata_modified", rows=PAGE, start=start, sort="id asc")
        for document in answer.docs:
            indexed[document["id"]] = _milliseconds(str(document.get("metadata_modified", "")))
        start += PAGE
        if start >= answer.hits:
            break
    return {
        "missing": sorted(set(expected) - set(indexed)),
        "stale": sorted(key for key in set(expected) & set(indexed) if expected[key] != indexed[key]),
        "orphaned": sorted(set(indexed) - set(expected)),
        "equal": sorted(key for key in set(expected) & set(indexed) if expected[key] == indexed[key]),
    }


def _milliseconds(moment: str) -> str:
    """``2016-01-02T03:04:05.678`` of any ISO 8601 form that CKAN or Solr writes."""
    whole, _, fraction = moment.rstrip("Z").partition(".")
    return f"{whole}.{fraction[:3]:0<3}"


def repair_index() -> int:
    """Bring the index to the state of the database. Returns how many datasets differed."""
    differences = compare_index()
    changed = differences["missing"] + differences["stale"]
    for package_id in changed:
        search.rebuild(package_id, defer_commit=True)
    for package_id in differences["orphaned"]:
        search.clear(package_id)
    search.commit()
    return len(changed) + len(differences["orphaned"])


def seed(ini: str, *, demo: bool) -> None:
    """Load the first content through the ``ogptn`` plugin's own command, where that plugin is loaded."""
    from ckan.cli.cli import ckan as command

    say("loading the demonstration content" if demo else "loading the first content")
    arguments = ["-c", ini, "ogptn", "seed", *(["--demo"] if demo else [])]
    command.main(arguments, prog_name="ckan", standalone_mode=False)


def make_samples(ini: str, address: str) -> None:
    """Make the harvest sources of the demonstration and queue their first harvest, through the ``ogptn`` plugin's own command."""
    from ckan.cli.cli import ckan as command

    say("making the sample harvest sources")
    command.main(["-c", ini, "ogptn", "samples", address], prog_name="ckan", standalone_mode=False)


def has_own_commands() -> bool:
    """Whether the ``ogptn`` plugin is loaded: an administrator may have taken it out, in site.ini."""
    return any(command.name == "ogptn" for plugin in PluginImplementations(IClick) for command in plugin.get_commands())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ini", required=True)
    parser.add_argument("--migrate", action="store_true")
    parser.add_argument("--admin", help="name of the first administrator; the password is in OGPTN_ADMIN_PASSWORD")
    parser.add_argument("--seed", choices=("plan", "demo"))
    parser.add_argument("--samples", metavar="ADDRESS", help="make the sample harvest sources of this address")
    parser.add_argument("--repair-index", action="store_true")
    parser.add_argument("--compare-index", action="store_true", help="print the comparison as JSON")
    parser.add_argument("--note", action="append", default=[], metavar="KEY=VALUE", help="remember in system_info at the end")
    options = parser.parse_args()

    # The site's log goes to its own files; here only our lines are of interest.
    logging.disable(logging.WARNING)
    app = make_app(load_config(options.ini))
    with app._wsgi_app.test_request_context():  # pyright: ignore[reportAttributeAccessIssue] - as CKAN's own commands do
        if options.migrate:
            migrate()
            superuser_url = os.environ.get("OGPTN_SUPERUSER_URL")
            if superuser_url and plugin_loaded("datastore"):
                set_datastore_permissions(superuser_url)
        if options.admin and ensure_admin(options.admin, os.environ["OGPTN_ADMIN_PASSWORD"]):
            say("ADMIN-CREATED")
        if options.repair_index:
            say("comparing the search index with the database")
            repaired = repair_index()
            if repaired:
                say(f"search index repaired: {repaired} datasets")
        if options.compare_index:
            sys.stdout.write(json.dumps(compare_index()))
    if options.seed and has_own_commands():
        seed(options.ini, demo=options.seed == "demo")
    if options.samples and has_own_commands() and plugin_loaded("ogptn_harvest"):
        make_samples(options.ini, options.samples)
    if options.note:
        for note in options.note:
            key, _, value = note.partition("=")
            set_system_info(key, value)
        model.Session.commit()
    return 0


if __name__ == "__main__":
    try:
        code = main()
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        sys.stderr.write(f"{error.format_message()}\n")
        code = error.exit_code
    except (ValidationError, psycopg2.Error, SQLAlchemyError) as error:
        # All of it for the log; the last line is the sentence that the supervisor shows.
        traceback.print_exc()
        cause = getattr(error, "orig", None) or error
        sys.stderr.write(f"{(str(cause).strip().splitlines() or [type(cause).__name__])[0]}\n")
        code = 1
    sys.exit(code)
