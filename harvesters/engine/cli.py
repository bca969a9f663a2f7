"""``ckan ogptn-harvest``: sources, jobs, records and issues from the command line.

Exit codes: 0 done; 1 done, and there is something to look at (a job failed, records were refused, a source cannot be read); 2 not done.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import ckan.plugins.toolkit as tk
import click

from . import credentials, jobs
from .model import OPEN
from .problems import SourceError
from .run import run as run_job

EXIT_LOOK = 1
EXIT_FAILED = 2

_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group("ogptn-harvest", short_help="Harvest other catalogues.")
def harvest() -> None:
    """Harvest other catalogues into this one."""


def _act(name: str, **data: Any) -> Any:
    """Call an action as the site's own user; an error ends the command with what is wrong."""
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    try:
        return tk.get_action(f"ogptn_harvest_{name}")({"user": user, "ignore_auth": True}, data)
    except tk.ValidationError as error:
        for field, sentences in error.error_dict.items():
            click.secho(f"{field}: {' '.join(map(str, sentences)) if isinstance(sentences, list) else sentences}", fg="red", err=True)
    except tk.ObjectNotFound as error:
        click.secho(str(error) or "not found", fg="red", err=True)
    sys.exit(EXIT_FAILED)


def _show(value: Any, as_json: bool, rows: list[tuple[str, Any]] | None = None) -> None:
    if as_json or rows is None:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    for name, text in rows:
        click.echo(f"{name:16}{text}")


@harvest.group("source")
def source() -> None:
    """Where is harvested from."""


def _fields(function: Any) -> Any:
    for option in reversed(
        [
            click.option("--title"),
            click.option("--url"),
            click.option("--backend", help="ckan, dcat, …"),
            click.option("--owner-org", help="Organisation that owns what is harvested."),
            click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the backend; repeatable."),
            click.option("--limit", "limits", multiple=True, metavar="NAME=NUMBER", help="grace_days, ceiling_percent, …; repeatable."),
            click.option("--dataset-type"),
            click.option("--language", type=click.Choice(["ar", "fr", "en"])),
            click.option("--schedule", help="manual, hourly, “daily 03:30”, “weekly 1 03:30”, or cron's five fields."),
            click.option("--conflict", type=click.Choice(["first", "this"])),
            click.option("--ca-bundle", type=click.File(), help="PEM file with certificates missing in the source's chain."),
            click.option("--auth-header"),
            click.option("--auth-env", help="Environment variable OGPTN_HARVEST_… with the header's value."),
            click.option("--auth-value-stdin", is_flag=True, help="Read the header's value from standard input; it is stored encrypted."),
            click.option("--active/--inactive", default=None),
        ]
    ):
        function = option(function)
    return function


def _given(values: dict[str, Any]) -> dict[str, Any]:
    if values.pop("auth_value_stdin"):
        # Not as an argument: those are seen by everybody on the machine, and kept in the shell's history.
        values["auth_value"] = click.get_text_stream("stdin").readline().strip()
        if not values["auth_value"]:
            raise click.UsageError("there is no value on standard input")
    given = {name: value for name, value in values.items() if value not in (None, ())}
    for name in ("options", "limits"):
        if name in given:
            pairs: dict[str, Any] = {}
            for pair in given[name]:
                key, found, value = pair.partition("=")
                if not found:
                    raise click.BadParameter(f"{pair}: write NAME=VALUE")
                # An option of many values is given once for each.
                pairs[key] = f"{pairs[key]}\n{value}" if key in pairs else value
            given[name] = pairs
    if "ca_bundle" in given:
        given["ca_bundle"] = given["ca_bundle"].read()
    return given


@source.command("create")
@_fields
@_json
def source_create(as_json: bool, **values: Any) -> None:
    """Add a source."""
    made = _act("source_create", **_given(values))
    _show(made, as_json, [("id", made["id"]), ("title", made["title"]), ("next run", made["next_run"] or "by hand")])


@source.command("update")
@click.argument("source_id")
@_fields
@_json
def source_update(source_id: str, as_json: bool, **values: Any) -> None:
    """Change a source."""
    made = _act("source_update", id=source_id, **_given(values))
    _show(made, as_json, [("id", made["id"]), ("title", made["title"]), ("next run", made["next_run"] or "by hand")])


@source.command("list")
@_json
def source_list(as_json: bool) -> None:
    """All sources and how they stand."""
    found = _act("source_list", limit=1000)
    if as_json:
        _show(found, True)
        return
    for each in found["results"]:
        last = each["last_job"]
        click.echo(
            f"{each['id']}  {each['backend']:8} {each['records']['active']:>7}  {last['phase'] if last else 'never run':10} {each['title']}"
        )


@source.command("show")
@click.argument("source_id")
def source_show(source_id: str) -> None:
    """One source, as JSON."""
    _show(_act("source_show", id=source_id), True)


@source.command("delete")
@click.argument("source_id")
@click.confirmation_option(prompt="Remove the source? Its datasets stay.")
def source_delete(source_id: str) -> None:
    """Remove a source; its datasets stay."""
    _show(_act("source_delete", id=source_id), True)


@source.command("check")
@click.argument("source_id")
@_json
def source_check(source_id: str, as_json: bool) -> None:
    """Try the connection."""
    found = _act("source_check", id=source_id)
    rows = (
        [
            ("answers", found["title"] or "yes"),
            *([("first record", found["first"])] if found["first"] else []),
            ("records", found["records"]),
            *(("", note) for note in found["notes"]),
        ]
        if found["ok"]
        else [("problem", found["message"]), ("", found["advice"])]
    )
    _show(found, as_json, rows)
    if not found["ok"]:
        sys.exit(EXIT_LOOK)


@harvest.group("secret")
def secret() -> None:
    """The key of stored credentials (ogptn.harvest.secret_key)."""


@secret.command("new-key")
def secret_new_key() -> None:
    """Print a new key. Nothing is stored."""
    click.echo(credentials.new_key())


@secret.command("rotate")
@_json
def secret_rotate(as_json: bool) -> None:
    """Encrypt all stored credentials anew with the first key."""
    try:
        done = credentials.rotate()
    except SourceError as error:
        click.secho(f"{error.kind.say(error.values)} {error.kind.advise(error.values)}", fg="red", err=True)
        sys.exit(EXIT_FAILED)
    unreadable = ", ".join(done["unreadable"])
    _show(done, as_json, [("rotated", done["rotated"]), *([("not readable", unreadable)] if unreadable else [])])
    if unreadable:
        sys.exit(EXIT_LOOK)


@harvest.command("preview")
@click.argument("source_id")
@click.option("--limit", default=20, show_default=True, help="Records to read (at most 200).")
@_json
def preview(source_id: str, limit: int, as_json: bool) -> None:
    """Say what a harvest would do; writes nothing."""
    found = _act("preview", id=source_id, limit=limit)
    if not found["ok"]:
        _show(found, as_json, [("problem", found["message"]), ("", found["advice"])])
        sys.exit(EXIT_LOOK)
    _show(found, as_json, list(found["counts"].items()))


@harvest.command("run")
@click.argument("source_id")
@click.option("--full", is_flag=True, help="Look at everything, even if the source can be asked for changes only.")
@click.option("--allow-removal", is_flag=True, help="Remove what is gone, however much it is.")
@click.option("--kind", type=click.Choice(["harvest", "preview", "clear"]), default="harvest")
@click.option("--background", is_flag=True, help="Leave it to a worker; do not wait.")
@_json
def run(source_id: str, full: bool, allow_removal: bool, kind: str, background: bool, as_json: bool) -> None:
    """Run a job of a source here and now, with its progress."""
    job = _act("job_create", source_id=source_id, full=full, allow_removal=allow_removal, kind=kind)
    if background:
        _show(job, as_json, [("job", job["id"])])
        return
    import threading

    import ckan.model as model

    shown = threading.Event()

    def watch() -> None:
        while not shown.wait(0.5):
            found = _act("job_show", id=job["id"])
            model.Session.remove()
            _bar(found)

    watcher = threading.Thread(target=watch, daemon=True)
    if not as_json and sys.stderr.isatty():
        watcher.start()
    try:
        run_job(job["id"])
    finally:
        shown.set()
        if watcher.is_alive():
            watcher.join(10)
            click.echo("", err=True)
    _finished(job["id"], as_json)


def _bar(job: dict[str, Any]) -> None:
    progress = job["progress"]
    percent = progress["percent"]
    filled = "█" * (percent // 4) if percent is not None else ""
    of = f"{progress['done']} of {progress['expected']}" if progress["expected"] else str(progress["done"])
    rate = f"{progress['per_second']}/s" if progress["per_second"] else ""
    click.echo(f"\r{job['phase']:10} {filled:25} {of}  {rate}   ", nl=False, err=True)


def _finished(job_id: str, as_json: bool) -> None:
    job = _act("job_show", id=job_id)
    rows = [("job", job_id), ("phase", job["phase"]), *[(name, count) for name, count in job["counts"].items() if count]]
    if "ceiling" in job["result"]:
        rows.append(
            ("ceiling", f"{job['result']['ceiling']['count']} of {job['result']['ceiling']['of']} are gone; confirm with --allow-removal")
        )
    _show(job, as_json, rows)
    if job["phase"] != "finished" or job["counts"]["errors"]:
        sys.exit(EXIT_LOOK)


@harvest.group("job")
def job() -> None:
    """Runs over sources."""


@job.command("list")
@click.argument("source_id")
@_json
def job_list(source_id: str, as_json: bool) -> None:
    """Jobs of a source, the newest first."""
    found = _act("job_list", source_id=source_id)
    if as_json:
        _show(found, True)
        return
    for each in found["results"]:
        counts = ", ".join(f"{name} {count}" for name, count in each["counts"].items() if count)
        click.echo(f"{each['id']}  {each['created'][:19]}  {each['kind']:8} {each['phase']:10} {counts}")


@job.command("show")
@click.argument("job_id")
@click.option("--wait", is_flag=True, help="Until it is over.")
def job_show(job_id: str, wait: bool) -> None:
    """One job, as JSON."""
    import ckan.model as model

    found = _act("job_show", id=job_id)
    while wait and found["phase"] in OPEN:
        time.sleep(1)
        model.Session.remove()
        found = _act("job_show", id=job_id)
    _show(found, True)


@job.command("cancel")
@click.argument("job_id")
def job_cancel(job_id: str) -> None:
    """Stop a job."""
    _show(_act("job_cancel", id=job_id), True)


@harvest.command("records")
@click.argument("source_id")
@click.option("--state", type=click.Choice(["active", "missing", "removed", "refused", "duplicate"]))
@click.option("--edited", is_flag=True, help="Only those with fields that were changed here and kept.")
@click.option("--limit", default=100, show_default=True)
@click.option("--offset", default=0)
@_json
def records(source_id: str, state: str | None, edited: bool, limit: int, offset: int, as_json: bool) -> None:
    """Records of a source."""
    found = _act("record_list", source_id=source_id, state=state, edited=edited, limit=limit, offset=offset)
    if as_json:
        _show(found, True)
        return
    for each in found["results"]:
        click.echo(f"{each['id']:>8}  {each['state']:10} {each['package_id'] or '':36}  {each['title']}")


@harvest.command("record")
@click.argument("record_id")
def record(record_id: str) -> None:
    """One record with its raw content, as JSON."""
    _show(_act("record_show", id=record_id), True)


@harvest.command("restore")
@click.argument("record_ids", nargs=-1, required=True)
def restore(record_ids: tuple[str, ...]) -> None:
    """Bring back the datasets of records that were removed."""
    for record_id in record_ids:
        click.echo(f"{record_id}  {_act('record_restore', id=record_id)['package_id']}")


@harvest.command("issues")
@click.argument("job_id")
@click.option("--severity", type=click.Choice(["error", "warning"]))
@click.option("--slug")
@click.option("--limit", default=100, show_default=True)
@click.option("--offset", default=0)
@_json
def issues(job_id: str, severity: str | None, slug: str | None, limit: int, offset: int, as_json: bool) -> None:
    """What a job found wrong."""
    found = _act("issue_list", job_id=job_id, severity=severity, slug=slug, limit=limit, offset=offset)
    if as_json:
        _show(found, True)
        return
    for each in found["results"]:
        click.echo(f"{each['severity']:8}{each['slug']:24}{each['title'] or each['guid']}  {each['field']}\n        {each['message']}")


@harvest.command("tick")
@_json
def tick(as_json: bool) -> None:
    """Start what is due, take up abandoned jobs, forget old ones: for cron, once a minute, where workers run without a scheduler."""
    done = jobs.tick()
    _show(done, as_json, list(done.items()))
