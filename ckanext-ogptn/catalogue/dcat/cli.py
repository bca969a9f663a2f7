"""``ckan ogptn-dcat``: the linked data that is kept."""

from __future__ import annotations

import sys
import time

import click

from ..quality import links as quality_links
from . import store
from .freshness import Now
from .model import table_exists


def get_commands() -> list[click.Command]:
    """The command."""
    return [ogptn_dcat]


@click.group(name="ogptn-dcat", short_help="The catalogue as linked data.")
def ogptn_dcat() -> None:
    """The catalogue as linked data: what is kept, and writing it again."""


def _need_table() -> None:
    if not table_exists():
        click.secho("The table is missing: run `ckan db upgrade -p ogptn` first.", fg="red", err=True)
        sys.exit(2)


@ogptn_dcat.command()
@click.pass_context
def status(context: click.Context) -> None:
    """Say how many public datasets are kept as they would be written now. Ends with 1 when some are not, or cannot be written."""
    with context.find_root().meta["flask_app"].test_request_context():
        _need_table()
        entries = store.index(Now())
    broken = [entry.package_id for entry in entries if not entry.writable]
    stale = sum(entry.writable and not entry.fresh for entry in entries)
    click.echo(f"public datasets: {len(entries)}\nkept and true:   {len(entries) - stale - len(broken)}\nto be written:   {stale}")
    for package_id in broken:
        click.secho(f"cannot be written: {package_id} (`rebuild --all` tries again and says why)", fg="red", err=True)
    if not store.is_ours():
        click.echo("ckanext.dcat.rdf.profiles does not end with ogptn_dcat_ap: ckanext-dcat answers, and nothing kept is given out.")
    sys.exit(1 if stale or broken else 0)


@ogptn_dcat.command()
@click.option("--all", "everything", is_flag=True, help="Also what is true still.")
@click.pass_context
def rebuild(context: click.Context, everything: bool) -> None:
    """Write what is missing or no longer true. May be stopped and run again. Ends with 1 when a dataset could not be written."""
    started = time.monotonic()
    with context.find_root().meta["flask_app"].test_request_context():
        _need_table()
        done = store.refresh(everything)
    click.echo(f"written: {done.built}, gone: {done.gone}, true already: {done.fresh}, in {time.monotonic() - started:.1f} s")
    for package_id, reason in done.failed:
        click.secho(f"{package_id}: {reason}", fg="red", err=True)
    sys.exit(1 if done.failed else 0)


@ogptn_dcat.command()
@click.option("--most", default=500, show_default=True, help="Check this many at most.")
@click.pass_context
def links(context: click.Context, most: int) -> None:
    """Check the links of published files whose turn it is: weekly, broken ones daily. May be stopped and run again.

    The worker's scheduler does this every night. For cron where workers run with --no-scheduler.
    """
    with context.find_root().meta["flask_app"].test_request_context():
        _need_table()
        counted = quality_links.check_due(most, seconds=float("inf"))
    click.echo(f"checked: {counted['checked']}, broken: {counted['broken']}")
