"""The ``ogptn`` command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from . import doctor as doctor_checks
from .errors import ExitCode, StackError
from .layout import Layout, default_data_dir, read_json
from .process import LOOPBACK, Running
from .site import External, installed, without_password
from .supervisor import ORDER, Options, Supervisor, Welcome, ckan_command, exclusive, is_locked, stop_leftovers, web_answers

#: Seconds that `down` waits for the supervisor, which may have to wait for a running job and for PostgreSQL's last checkpoint.
DOWN_SECONDS = 90.0
#: Between a detached `up` and the command that waits for it.
READY = "\x04ready"

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=True),
    default=None,
    help="Where the portal keeps its data. Default: OGPTN_DATA_DIR, else the user's data directory.",
)


class Group(click.Group):
    """Turns a :class:`StackError` into its sentence, its hint and its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StackError as error:
            click.secho(error.sentence, fg="red", err=True)
            if error.hint:
                click.echo(error.hint, err=True)
            ctx.exit(int(error.code))


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(installed("ckanext-ogptn") or "unknown", prog_name="ogptn")
def main() -> None:
    """Run a whole open-government portal on this machine: PostgreSQL, Redis, web server and background worker.

    A service of your own replaces an embedded one through CKAN's variables: CKAN_SQLALCHEMY_URL, CKAN_DATASTORE_WRITE_URL,
    CKAN_DATASTORE_READ_URL, CKAN_REDIS_URL, CKAN_SOLR_URL.
    """


def layout_of(data_dir: Path | None) -> Layout:
    return Layout((data_dir or default_data_dir()).expanduser().absolute())


@main.command()
@data_dir_option
@click.option("--port", type=click.IntRange(1, 65535), envvar="OGPTN_PORT", default=5000, show_default=True)
@click.option(
    "--host", envvar="OGPTN_HOST", default=LOOPBACK, show_default=True, help="Address to listen on. Others than loopback are public."
)
@click.option("--site-url", envvar="CKAN_SITE_URL", help="The portal's public address, if it stands behind another web server.")
@click.option("--admin", default="admin", show_default=True, help="Name of the first administrator.")
@click.option("--demo", is_flag=True, help="With demonstration content; what is synthetic in it says so.")
@click.option("--no-seed", is_flag=True, help="Without the action plan that the portal is born with.")
@click.option("--workers", type=click.IntRange(1, 32), default=2, show_default=True, help="Processes of the web server.")
@click.option("--detach", is_flag=True, help="Return when the site answers.")
@click.option("--report-ready", is_flag=True, hidden=True)
@click.pass_context
def up(
    ctx: click.Context,
    data_dir: Path | None,
    port: int,
    host: str,
    site_url: str | None,
    admin: str,
    demo: bool,
    no_seed: bool,
    workers: int,
    detach: bool,
    report_ready: bool,
) -> None:
    """Start the portal and stay until Ctrl-C."""
    layout = layout_of(data_dir)
    seed = "demo" if demo else None if no_seed else "plan"
    if layout.root.is_dir() and is_locked(layout):
        already_running(layout, demo=demo)
        return
    if detach:
        ctx.exit(
            detached(
                layout,
                ["--port", str(port), "--host", host, "--admin", admin, "--workers", str(workers)]
                + (["--site-url", site_url] if site_url else [])
                + (["--demo"] if demo else [])
                + (["--no-seed"] if no_seed else []),
            )
        )
    begun = time.monotonic()

    def say(text: str) -> None:
        # A terminal that was closed must not keep us from stopping in order.
        with suppress(OSError):
            click.echo(f"{time.monotonic() - begun:6.1f} s  {text}")
            sys.stdout.flush()

    def ready(welcome: Welcome) -> None:
        announce(welcome, layout, seconds=time.monotonic() - begun)
        if report_ready:
            click.echo(READY)
            sys.stdout.flush()
            # From here on there may be no terminal: what is said goes to a log.
            log = os.open(layout.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
        else:
            click.echo("Ctrl-C stops it.")

    options = Options(layout=layout, host=host, port=port, admin=admin, seed=seed, workers=workers, site_url=site_url)
    Supervisor(options, say).run(ready)
    say("The portal has stopped.")


def announce(welcome: Welcome, layout: Layout, seconds: float) -> None:
    click.echo()
    click.secho(f"The portal answers at {welcome.address} (after {seconds:.1f} s)", fg="green", bold=True)
    click.echo(f"Administrator: {welcome.admin}")
    if welcome.password:
        click.echo(f"Password: {welcome.password}   (shown this once; change it at {welcome.address}/user/edit/{welcome.admin})")
    click.echo(f"Data: {layout.root}")
    if welcome.harvesting:
        click.echo(f"The sample sources are being harvested in the background: {welcome.address}/harvest shows how far they are.")


def already_running(layout: Layout, *, demo: bool) -> None:
    """Wait until the other `up` is ready, and say where it is. Nothing is changed, but that missing content is not loaded is said."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        state = read_json(layout.state_file)
        if state.get("ready") and web_answers(str(state.get("host", LOOPBACK)), int(state.get("port", 0))):
            click.secho(f"The portal is running already, at {state.get('address')}", fg="green")
            if demo:
                click.echo("Nothing was changed. For demonstration content, if it has none yet: `ogptn down`, then `ogptn up --demo`.")
            return
        if not is_locked(layout):
            raise StackError("The portal was starting, and stopped.", "Run `ogptn up` again.", ExitCode.NOT_RUNNING)
        time.sleep(0.2)
    raise StackError(
        "A portal holds this data directory but does not answer.",
        "Look at `ogptn doctor` and `ogptn logs`; `ogptn down` stops it.",
        ExitCode.BUSY,
    )


def detached(layout: Layout, arguments: list[str]) -> int:
    """Start a supervisor that outlives this command, show its progress, and return its verdict as an exit code."""
    process = subprocess.Popen(  # noqa: S603 - this command
        [sys.executable, "-m", "ckanext.ogptn.stack", "up", "--data-dir", str(layout.root), "--report-ready", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith(READY):
                return 0
            click.echo(line, nl=False)
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        return 130


@main.command()
@data_dir_option
def down(data_dir: Path | None) -> None:
    """Stop the portal in order."""
    layout = layout_of(data_dir)
    if not layout.root.is_dir():
        raise StackError(f"There is no portal in {layout.root}.", "", ExitCode.NOT_RUNNING)
    if not is_locked(layout):
        services = read_json(layout.state_file).get("services", {})
        if any((running := Running.from_dict(services.get(name))) and running.alive() for name in ORDER):
            stop_leftovers(layout, click.echo)
            click.echo("The portal has stopped.")
            return
        click.echo("The portal is not running.")
        return
    supervisor = Running.from_dict(read_json(layout.state_file).get("supervisor"))
    if supervisor is None or not supervisor.alive():
        raise StackError("The portal is just starting.", "Try again in a moment.", ExitCode.BUSY)
    os.kill(supervisor.pid, signal.SIGTERM)
    click.echo("Stopping …")
    until = time.monotonic() + DOWN_SECONDS
    while is_locked(layout):
        if time.monotonic() > until:
            raise StackError(f"The portal did not stop within {DOWN_SECONDS:.0f} seconds.", f"Its supervisor is pid {supervisor.pid}.")
        time.sleep(0.1)
    click.echo("The portal has stopped.")


def status_of(layout: Layout) -> dict[str, Any]:
    """Address, ports, pids, versions and data directory: ``{"running": bool, "ready": bool, "services": {name: {...}}, ...}``."""
    state = read_json(layout.state_file)
    supervisor = Running.from_dict(state.get("supervisor"))
    locked = layout.root.is_dir() and is_locked(layout)
    external = External.from_environment()
    replaced = {"postgresql": external.database, "redis": external.redis}
    services: dict[str, Any] = {}
    recorded = state.get("services") if isinstance(state.get("services"), dict) else {}
    for name in ORDER:
        running = Running.from_dict(recorded.get(name)) if recorded else None
        if running is not None:
            services[name] = {"state": "running" if running.alive() else "dead", "pid": running.pid, "port": running.port}
        elif (address := replaced.get(name)) is not None:
            services[name] = {"state": "external", "address": without_password(address)}
        elif name != "samples":
            services[name] = {"state": "stopped"}
    return {
        "running": locked,
        "ready": bool(locked and state.get("ready")),
        "address": state.get("address") if locked else None,
        "supervisor": supervisor.pid if locked and supervisor else None,
        "data_dir": str(layout.root),
        "services": services,
        "search": without_password(external.solr) if external.solr else "ogptn_search",
        "versions": {
            "python": sys.version.split()[0],
            **{n: installed(n) for n in ("ckan", "ckanext-ogptn", "ckanext-scheming", "ckanext-dcat")},
        },
    }


@main.command()
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def status(ctx: click.Context, data_dir: Path | None, as_json: bool) -> None:
    """What runs, where, and since which version. Exit code 16 when the portal is not running."""
    found = status_of(layout_of(data_dir))
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        if found["ready"]:
            click.secho(f"The portal answers at {found['address']}", fg="green")
        else:
            click.echo("The portal is starting" if found["running"] else "The portal is not running")
        for name, service in found["services"].items():
            details = ", ".join(f"{k} {v}" for k, v in service.items() if k != "state" and v is not None)
            click.echo(f"  {name:<11} {service['state']}{f' ({details})' if details else ''}")
        click.echo(f"  search      {found['search']}")
        click.echo(f"  data        {found['data_dir']}")
        click.echo("  versions    " + ", ".join(f"{name} {version}" for name, version in found["versions"].items()))
    ctx.exit(0 if found["running"] else int(ExitCode.NOT_RUNNING))


@main.command()
@data_dir_option
@click.argument("service", required=False, type=click.Choice([*ORDER, "prepare", "supervisor"]))
@click.option("-n", "--lines", type=click.IntRange(1), default=40, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is added, until Ctrl-C.")
def logs(data_dir: Path | None, service: str | None, lines: int, follow: bool) -> None:
    """The last lines of the logs, of one service or of all."""
    layout = layout_of(data_dir)
    files = [layout.log(service)] if service else sorted(layout.logs.glob("*.log"))
    present = [file for file in files if file.exists()]
    if not present:
        raise StackError(f"There are no logs in {layout.logs} yet.", "", ExitCode.NOT_RUNNING)
    positions: dict[Path, int] = {}
    for file in present:
        content = file.read_bytes()
        positions[file] = len(content)
        if len(present) > 1:
            click.secho(f"==> {file.name}", bold=True)
        for line in content.decode("utf-8", "replace").splitlines()[-lines:]:
            click.echo(line)
    while follow:
        time.sleep(0.3)
        for file, position in positions.items():
            size = file.stat().st_size if file.exists() else 0
            if size < position:
                position = 0
            if size > position:
                with file.open("rb") as stream:
                    stream.seek(position)
                    click.echo(stream.read().decode("utf-8", "replace"), nl=False)
            positions[file] = size


@main.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
@data_dir_option
@click.pass_context
def commitments(ctx: click.Context, data_dir: Path | None) -> None:
    """The commitments' report (`import FILE`, `export FILE --plan nap1`) and reporting rounds (`round list`).

    Hands over to `ckan ogptn-commitments` of the running portal.
    """
    layout = layout_of(data_dir)
    if not (layout.root.is_dir() and is_locked(layout) and read_json(layout.state_file).get("ready")):
        raise StackError("The portal is not running.", "Start it with `ogptn up --detach`.", ExitCode.NOT_RUNNING)
    done = subprocess.run(  # noqa: S603 - CKAN's own command, with what the reader typed as its arguments
        [*ckan_command(), "-c", str(layout.ini), "ogptn-commitments", *(ctx.args or ["--help"])], check=False
    )
    ctx.exit(done.returncode)


@main.command()
@data_dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(data_dir: Path | None, yes: bool) -> None:
    """Delete the portal's data: databases, files, logs, passwords. Asks first."""
    layout = layout_of(data_dir)
    ours = [layout.pgdata, layout.redis, layout.storage, layout.logs, layout.ini, layout.state_file, layout.secrets_file, layout.lock_file]
    present = [path for path in ours if path.exists()]
    if not present:
        click.echo(f"There is nothing to delete in {layout.root}.")
        return
    if not yes:
        click.confirm(f"Delete all data of the portal in {layout.root}? This cannot be undone.", abort=True)
    with exclusive(layout):
        stop_leftovers(layout, click.echo)
        # The secrets go last: until then an interrupted reset can be repeated and the databases could still be opened.
        for path in present:
            try:
                if path.is_dir():
                    shutil.rmtree(path)
                elif path != layout.lock_file:
                    path.unlink()
            except OSError as error:
                raise layout.explain(error) from error
        layout.lock_file.unlink(missing_ok=True)
    click.echo(f"Deleted. Files of others in {layout.root} were left alone, site.ini among them.")


@main.command()
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def doctor(ctx: click.Context, data_dir: Path | None, as_json: bool) -> None:
    """Say what is wrong and what to do. Exit code 1 when something is."""
    layout = layout_of(data_dir)
    checks: list[Callable[[Layout], doctor_checks.Finding]] = list(doctor_checks.CHECKS)
    findings = []
    for check in checks:
        finding = check(layout)
        findings.append(finding)
        if not as_json:
            mark, colour = {"ok": ("ok", "green"), "note": ("note", "yellow"), "wrong": ("WRONG", "red")}[finding.verdict]
            click.echo(f"{click.style(f'{mark:<6}', fg=colour)} {finding.subject}: {finding.sentence}")
            if finding.hint and finding.verdict != "ok":
                click.echo(f"       → {finding.hint}")
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], indent=1))
    ctx.exit(1 if any(finding.verdict == "wrong" for finding in findings) else 0)
