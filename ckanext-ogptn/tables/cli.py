"""``ckan ogptn-tables``: tables of files from the command line."""

from __future__ import annotations

import sys

import ckan.plugins.toolkit as tk
import click
import sqlalchemy as sa
from ckan import model

from . import jobs, watch
from .model import LOADED, TableState


def get_commands() -> list[click.Command]:
    return [tables]


@click.group("ogptn-tables", short_help="Tables of published files, in the DataStore.")
def tables() -> None:
    """Tables of published files, in the DataStore."""


@tables.command()
@click.argument("resource_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All files that may hold a table.")
@click.option("--missing", is_flag=True, help="All files that may hold a table and have none in the DataStore.")
@click.option("--force", is_flag=True, help="Load files that are as they were, too.")
@click.option("--queue", is_flag=True, help="Leave it to the worker.")
@click.pass_context
def load(context: click.Context, resource_ids: tuple[str, ...], everything: bool, missing: bool, force: bool, queue: bool) -> None:
    """Load the tables of files, now or in the worker. Ends with 1 when one of them could not be loaded."""
    with context.find_root().meta["flask_app"].test_request_context():
        wanted = list(resource_ids)
        if everything or missing:
            done = set(model.Session.scalars(sa.select(TableState.resource_id).where(TableState.state == LOADED))) if missing else set()
            active = sa.select(model.Resource).join(model.Package, model.Package.id == model.Resource.package_id)
            for resource in model.Session.scalars(active.where(model.Resource.state == "active", model.Package.state == "active")):
                if watch.may_hold_table(resource) and resource.id not in done:
                    wanted.append(resource.id)
        if not wanted:
            raise click.UsageError("Name resources, or use --all or --missing.")
        if queue:
            watch.ask(model.Session, wanted)
            model.Session.commit()
            jobs.schedule()
            click.echo(f"{len(wanted)} waiting")
            return
        failed = 0
        for resource_id in wanted:
            state = jobs.load(resource_id, force=force)
            if state is None:
                click.secho(f"{resource_id}  there is no such file", fg="red", err=True)
                failed += 1
                continue
            shown = tk.get_action("ogptn_table_show")({"ignore_auth": True}, {"resource_id": resource_id})
            said = next((step["message"] for step in reversed(shown["steps"]) if step["message"]), "")
            click.echo(f"{resource_id}  {shown['state']}  {shown['rows'] or 0} rows  {said}".rstrip())
            failed += shown["state"] != LOADED
    sys.exit(1 if failed else 0)


@tables.command()
@click.pass_context
def sweep(context: click.Context) -> None:
    """Take up the files that a worker died over: for cron, where workers run without a scheduler."""
    with context.find_root().meta["flask_app"].test_request_context():
        found = jobs.sweep()
        click.echo(f"{found['taken_back']} taken up  {found['removed']} half sent and removed  {found['open']} waiting or read")


@tables.command()
@click.argument("resource_id", required=False)
@click.pass_context
def status(context: click.Context, resource_id: str | None) -> None:
    """How many tables there are in each state; of one resource, its columns and what was found."""
    with context.find_root().meta["flask_app"].test_request_context():
        if resource_id is None:
            counted = sa.select(TableState.state, sa.func.count()).group_by(TableState.state).order_by(TableState.state)
            for state, count in model.Session.execute(counted):
                click.echo(f"{state}  {count}")
            return
        try:
            shown = tk.get_action("ogptn_table_show")({"ignore_auth": True}, {"resource_id": resource_id})
        except tk.ObjectNotFound:
            click.secho("There is no such file.", fg="red", err=True)
            sys.exit(1)
        click.echo(f"{shown['state']}  {shown.get('rows') or 0} rows  {shown.get('rejections') or 0} rejected")
        for step in shown["steps"]:
            click.echo(f"  {step['step']}  {step['state']}  {step['message']}".rstrip())
        for column in shown["columns"]:
            click.echo(f"  {column['id']}  {column['type']}  {column['unit']}  {column['label']}".rstrip())
        for finding in shown["findings"]:
            click.echo(f"  {finding['severity']}  {finding['place']}  {finding['message']}")
