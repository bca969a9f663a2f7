"""``ckan ogptn-search``: look at the search index, compare it with the database, make it anew, explain a query."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from ckan.lib.search.common import SearchError
from ckan.lib.search.query import PackageSearchQuery
from ckan.plugins import plugin_loaded

from . import config, operations, seam
from .connection import Recording
from .errors import EngineError

__all__ = ["ogptn_search"]

EXIT_DIFFERENT = 1
EXIT_FAILED = 2


@click.group("ogptn-search", short_help="Dataset search on PostgreSQL.")
def ogptn_search() -> None:
    """Dataset search on PostgreSQL: its index and its queries."""
    if not plugin_loaded("ogptn_search"):
        raise click.ClickException("The plugin ogptn_search is not loaded: add it to ckan.plugins.")


def _fail(error: Exception) -> None:
    click.secho(str(error), fg="red", err=True)
    sys.exit(EXIT_FAILED)


@ogptn_search.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def status(as_json: bool) -> None:
    """Size and state of the index, and whether it keeps up with the database."""
    try:
        found = operations.status()
    except EngineError as error:
        _fail(error)
        return
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
        return
    rows: list[tuple[str, Any]] = [
        ("documents", f"{found.documents:,}"),
        ("size on disk", f"{found.bytes / 1e6:,.1f} MB"),
        ("generation", found.generation),
        ("behind the database", f"{found.lag:,} datasets" if found.lag else "no"),
        ("segments", f"{found.segments}, {found.tail} documents not yet in one, {found.gone} replaced or removed"),
        ("index", f"number {found.index}, made {found.created}"),
        ("versions", f"analyser {found.analyser}, tables {found.tables}"),
    ]
    if found.building:
        rows.append(("rebuild", f"index {found.building[-1]} is being made, or was left by a rebuild that was ended"))
    for name, value in rows:
        click.echo(f"{name:22}{value}")
    click.secho(found.advice, fg="yellow" if found.rebuild_needed or found.lag else "green")


@ogptn_search.command()
@click.option("--content", is_flag=True, help="Compare every field, not only what exists and when it changed. Takes as long as a rebuild.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable; every difference is listed.")
def check(content: bool, as_json: bool) -> None:
    """Which datasets differ between index and database. Exit code 1 when any does."""
    try:
        found = operations.check(content=content)
    except EngineError as error:
        _fail(error)
        return
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        some, more = operations.shown(found.differences)
        for one in some:
            click.echo(f"{one.kind:12}{one.id}  {one.name}  {one.detail}")
        if more:
            click.echo(f"and {more:,} more; --json lists all")
        text = f"{found.datasets:,} datasets, {found.documents:,} documents, {found.lag:,} differences ({found.seconds:.1f} s)"
        click.secho(text, fg="red" if found.lag else "green")
    if found.lag:
        sys.exit(EXIT_DIFFERENT)


@ogptn_search.command()
@click.option("--processes", type=click.IntRange(1, 64), help="How many work at once; one for each processor by default.")
@click.option("--force", is_flag=True, help="Switch to the new index even when some datasets could not be indexed.")
@click.option("--quiet", is_flag=True, help="No progress.")
def rebuild(processes: int | None, force: bool, quiet: bool) -> None:
    """Make the index anew from the database. The old one answers until the new one is complete."""

    def show(progress: operations.Progress) -> None:
        share = progress.done / progress.total if progress.total else 1.0
        bar = "█" * int(30 * share) + "░" * (30 - int(30 * share))
        left = "" if progress.left is None else f", {_duration(progress.left)} left"
        click.echo(f"\r{bar} {progress.done:,}/{progress.total:,}  {progress.rate:,.0f}/s{left}   ", nl=False, err=True)

    try:
        made = operations.rebuild(processes=processes, force=force, progress=None if quiet else show)
    except (operations.RebuildError, EngineError) as error:
        _fail(error)
        return
    if not quiet:
        click.echo(err=True)
    for dataset, reason in made.errors:
        click.secho(f"not indexed: {dataset}  {reason}", fg="red", err=True)
    if not made.switched:
        click.secho(
            f"{len(made.errors):,} datasets could not be indexed: nothing was changed. Repair them, or use --force.", fg="red", err=True
        )
        sys.exit(EXIT_DIFFERENT)
    click.secho(f"Index {made.index} answers now: {made.documents:,} documents in {_duration(made.seconds)}.", fg="green")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@ogptn_search.command()
@click.argument("query")
@click.option("--fq", multiple=True, help="A filter; may be given several times.")
@click.option("--facet", multiple=True, help="A field to count values of; may be given several times.")
@click.option("--sort", help="As in package_search.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def explain(query: str, fq: tuple[str, ...], facet: tuple[str, ...], sort: str | None, as_json: bool) -> None:
    """How a query was understood, the SQL that it took, and where the time went."""
    connection = seam.connection()
    connection.recording = recording = Recording()
    wanted: dict[str, Any] = {"q": query, "fq_list": list(fq), "facet.field": list(facet), "rows": 20}
    if sort:
        wanted["sort"] = sort
    try:
        with seam.using(connection):
            PackageSearchQuery().run(wanted)
    except (SearchError, EngineError) as error:
        _fail(error)
        return
    if as_json:
        shown = {
            "hits": recording.hits,
            "parameters": recording.parameters,
            "understood": [{"text": text, "tree": tree} for text, tree in recording.trees],
            "phases": [{"phase": name, "ms": round(1000 * seconds, 3)} for name, seconds in recording.phases],
            "sql": [{"statement": statement, "ms": round(1000 * seconds, 3)} for statement, seconds in recording.statements],
        }
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False, default=str))
        return
    click.echo(f"{recording.hits:,} hits (time limit {config.statement_timeout():g} s)\n\nUnderstood as")
    for text, tree in recording.trees:
        click.echo(f"  {text}\n    → {tree}")
    click.echo("\nTime, ms")
    for name, seconds in recording.phases:
        click.echo(f"  {1000 * seconds:8.2f}  {name}")
    click.echo("\nSQL, ms")
    for statement, seconds in recording.statements:
        text = " ".join(statement.split())
        click.echo(f"  {1000 * seconds:8.2f}  {text if len(text) < 300 else text[:300] + ' …'}")
