"""``ckan ogptn``: commands of the portal that run inside CKAN."""

from __future__ import annotations

import sys

import click

from . import sources
from .loader import load
from .records import SeedError


def get_commands() -> list[click.Command]:
    return [ogptn]


@click.group(short_help="Commands of the open-government portal.")
def ogptn() -> None:
    """Commands of the open-government portal."""


@ogptn.command()
@click.option("--demo", is_flag=True, help="Also load demonstration datasets (their invented numbers say that they are synthetic).")
@click.pass_context
def seed(context: click.Context, demo: bool) -> None:
    """Load organisations and the first action plan. May be run again: what people changed stays as it is.

    Ends with 1 when a record could not be loaded; the others are loaded all the same.
    """
    flask_app = context.find_root().meta["flask_app"]
    try:
        with flask_app.test_request_context():
            report = load(click.echo, demo=demo)
    except SeedError as error:
        click.secho(str(error), fg="red", err=True)
        sys.exit(1)
    click.echo(report.summary())
    for name in report.kept:
        click.echo(f"kept: {name}")
    for line in report.errors:
        click.secho(line, fg="red", err=True)
    if report.errors:
        sys.exit(1)


@ogptn.command()
@click.argument("address")
@click.pass_context
def samples(context: click.Context, address: str) -> None:
    """Make the harvest sources of the demonstration, served at ADDRESS, and harvest them in the background.

    ADDRESS is that of `python -m ckanext.ogptn.seed.source_server`. May be run again: sources that are there follow a new address, those
    that somebody removed stay removed.
    """
    flask_app = context.find_root().meta["flask_app"]
    try:
        with flask_app.test_request_context():
            done = sources.make(address)
    except SeedError as error:
        click.secho(str(error), fg="red", err=True)
        sys.exit(1)
    click.echo(done.summary())
