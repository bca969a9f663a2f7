"""Starts the services in order, watches them, and stops them in order.

One process supervises one data directory, and holds a lock on it as long as it lives. When a service dies the whole portal is stopped
with a sentence that says which and why: half a portal that looks alive is worse at three in the morning than none, and a service manager
(``docs/administrator.md``) starts it again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets as random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import distributions
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg2
import requests

from .errors import ExitCode, StackError
from .layout import CRITICAL_FREE_BYTES, Layout, read_json, write_private
from .postgres import SUPERUSER, Postgres, url
from .process import LOOPBACK, Running, StopSignal, end_session, free_port, port_is_free, require_port, spawn, tail
from .redis import Redis
from .site import DATABASE, DATASTORE, DATASTORE_ROLE, ROLE, External, Site, address_of

#: Seconds between two looks at the services, and until the web server must have answered for the first time.
WATCH_SECONDS = 0.5
WEB_SECONDS = 120.0
#: Services in the order of their start; they stop in the reverse order.
ORDER = ("postgresql", "redis", "samples", "worker", "web")
STOP_SIGNALS: dict[str, tuple[StopSignal, ...]] = {
    "postgresql": Postgres.STOP_SIGNALS,
    "redis": Redis.STOP_SIGNALS,
    "samples": ((signal.SIGTERM, 5.0),),
    # RQ ends the running job at the first signal and leaves; a second one cuts the job, which stays in the queue's registry.
    "worker": ((signal.SIGTERM, 10.0), (signal.SIGTERM, 5.0)),
    "web": ((signal.SIGTERM, 15.0),),
}
LABELS = {
    "postgresql": "PostgreSQL",
    "redis": "Redis",
    "samples": "the sample sources",
    "worker": "the background worker",
    "web": "the web server",
}

#: Where ``ckan ogptn samples`` notes, in CKAN's ``system_info``, which address the sample sources have: ``{"address": …}``.
SAMPLES = "ogptn.samples"
SAMPLE_CONTRACTS = 12

Say = Callable[[str], None]


class StopRequested(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP arrived."""


@dataclass
class Options:
    """What ``ogptn up`` was asked for. ``seed``: ``"plan"``, ``"demo"`` or ``None``."""

    layout: Layout
    host: str = LOOPBACK
    port: int = 5000
    admin: str = "admin"
    seed: str | None = "plan"
    workers: int = 2
    site_url: str | None = None


@dataclass
class Welcome:
    """What ``up`` tells when the site answers. ``password`` only the one time that it was generated; ``harvesting`` when the worker has the
    samples still to harvest."""

    address: str
    admin: str
    password: str | None = None
    harvesting: bool = False


@dataclass
class Supervisor:
    options: Options
    say: Say
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    running: dict[str, Running] = field(default_factory=dict)
    #: Of an administrator that was just made; told at the end, or before the error that came between.
    password: str | None = None
    #: The sample sources were made or moved at this start, and a harvest of them is queued.
    harvesting: bool = False
    _commands: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    # -- the whole life

    def run(self, ready: Callable[[Welcome], None]) -> None:
        """Start everything, call ``ready`` when the site answers, then watch until asked to stop.

        :raises StackError: something did not start, or a service died. Everything has been stopped in order by then.
        """
        layout = self.options.layout
        layout.create()
        clean = False
        with exclusive(layout), stop_on_signals():
            try:
                welcome = self.start()
                self.password = None
                ready(welcome)
                self.watch()
            except StopRequested:
                clean = True
                self.say("Stopping …")
            except OSError as error:
                raise layout.explain(error) from error
            finally:
                if self.password:
                    self.say(f"administrator {self.options.admin} was created, password: {self.password}")
                # From here a further Ctrl-C changes nothing: stopping in order is what keeps the data whole.
                ignore_signals()
                self.stop(clean=clean)

    def start(self) -> Welcome:
        layout, options = self.options.layout, self.options
        external = External.from_environment(self.environment)
        previous = read_json(layout.state_file)
        external.check()
        stop_leftovers(layout, self.say)
        require_port(options.port, options.host, "the web server", "Choose another one with --port or OGPTN_PORT, or stop that program.")
        self._rotate_logs()
        secrets = layout.secrets()
        ports = last_ports(previous)

        database, write_url, read_url = external.database, external.datastore_write, external.datastore_read
        superuser_url = None
        if external.needs_postgres:
            postgres = Postgres(layout.pgdata, layout.log("postgresql"), secrets.postgres)
            self.say("starting PostgreSQL" if (layout.pgdata / "PG_VERSION").exists() else "creating the PostgreSQL cluster")
            running = self._record("postgresql", postgres.start(ports.get("postgresql")))
            assert running.port is not None
            postgres.ensure_role(running.port, ROLE, secrets.ckan)
            postgres.ensure_database(running.port, DATABASE, ROLE)
            database = url(running.port, DATABASE, ROLE, secrets.ckan)
            if write_url is None or read_url is None:
                postgres.ensure_role(running.port, DATASTORE_ROLE, secrets.datastore)
                postgres.ensure_database(running.port, DATASTORE, ROLE)
                write_url = url(running.port, DATASTORE, ROLE, secrets.ckan)
                read_url = url(running.port, DATASTORE, DATASTORE_ROLE, secrets.datastore)
                superuser_url = url(running.port, DATASTORE, SUPERUSER, secrets.postgres)
        assert database is not None
        redis_url = external.redis
        if redis_url is None:
            self.say("starting Redis")
            redis = Redis(layout.redis, layout.log("redis"), secrets.redis)
            running = self._record("redis", redis.start(ports.get("redis")))
            assert running.port is not None
            redis_url = redis.url(running.port)

        site_url = options.site_url or self.environment.get("CKAN_SITE_URL") or address_of(options.host, options.port)
        if not external.has_datastore:
            write_url = read_url = None
            self.say("no DataStore: CKAN_DATASTORE_WRITE_URL and CKAN_DATASTORE_READ_URL are not set")
        samples, noted = self._start_samples(database, ports)
        site = Site(
            database, write_url, read_url, redis_url, external.solr, options.host, options.port, site_url, samples,
            datastore_embedded=superuser_url is not None,
        )  # fmt: skip
        site.write(layout, secrets)
        self._prepare(site, superuser_url, unclean=bool(previous) and not previous.get("clean"), moved=samples != noted)

        self.say("starting the web server and the background worker")
        self._record("worker", self._spawn("worker", [*ckan_command(), "-c", str(layout.ini), "jobs", "worker"]))
        self._record("web", self._spawn_web())
        self._wait_for_web()
        self._save_state(ready=True, address=site_url)
        return Welcome(site_url, options.admin, self.password, self.harvesting)

    def watch(self) -> None:
        """Until a signal arrives. :raises StackError: a service died, or the disk is full."""
        while True:
            time.sleep(WATCH_SECONDS)
            if shutil.disk_usage(self.options.layout.root).free < CRITICAL_FREE_BYTES:
                raise StackError(
                    f"The disk of {self.options.layout.root} is full. The portal has been stopped; what was stored is intact.",
                    "Free some space, then run `ogptn up` again.",
                    ExitCode.DISK_FULL,
                )
            for name in ORDER:
                running = self.running.get(name)
                if running is not None and not running.alive():
                    raise self._obituary(name)

    def stop(self, *, clean: bool) -> None:
        """Stop what runs, last started first, and note for the next start whether this was by request."""
        for name in reversed(ORDER):
            running = self.running.pop(name, None)
            if running is not None:
                self.say(f"stopping {LABELS[name]}")
                running.stop(*STOP_SIGNALS[name])
        with suppress(OSError):
            state = read_json(self.options.layout.state_file)
            if state.get("services"):
                # After an unclean stop the next start compares the index with the database.
                remembered = {"clean": clean, "ports": last_ports(state), "port": self.options.port}
                write_private(self.options.layout.state_file, remembered)

    # -- steps

    def _start_samples(self, database: str, ports: dict[str, int]) -> tuple[str | None, str | None]:
        """Start the small sources that a demonstration portal harvests: asked for now, or in an earlier start, since its harvest sources
        name them. They are a process of their own, with nothing of the portal's in it, and read nothing but their own code.

        :returns: their address, and the one that the portal's harvest sources name, each ``None`` if there is none
        """
        try:
            noted = json.loads(notes(database, [SAMPLES]).get(SAMPLES, "{}")).get("address")
        except ValueError:
            noted = None
        if self.options.seed != "demo" and noted is None:
            return None, None
        try:
            wanted = urlsplit(noted or "").port or ports.get("samples")
        except ValueError:
            wanted = None
        port = wanted if wanted and port_is_free(wanted) else free_port()
        self.say("starting the sample sources")
        command = [sys.executable, "-m", "ckanext.ogptn.seed.source_server", "--port", str(port), "--datasets", str(SAMPLE_CONTRACTS)]
        self._record("samples", self._spawn("samples", command, port))
        return f"http://{LOOPBACK}:{port}", noted

    def _prepare(self, site: Site, superuser_url: str | None, *, unclean: bool, moved: bool) -> None:
        """Migrations, administrator, content, index and sample sources, each only where needed."""
        layout = self.options.layout
        wanted = {"ogptn.prepared": fingerprint(site), "ogptn.seeded": seed_fingerprint(self.options.seed)}
        found = notes(site.database, list(wanted))
        arguments: list[str] = []
        password: str | None = None
        extra = {"CKAN_INI": str(layout.ini)}
        if found.get("ogptn.prepared") != wanted["ogptn.prepared"]:
            password = random.token_urlsafe(12)
            arguments += ["--migrate", "--admin", self.options.admin, "--note", f"ogptn.prepared={wanted['ogptn.prepared']}"]
            extra["OGPTN_ADMIN_PASSWORD"] = password
            if superuser_url:
                extra["OGPTN_SUPERUSER_URL"] = superuser_url
        if self.options.seed and not seed_is_done(found.get("ogptn.seeded"), wanted["ogptn.seeded"]):
            arguments += ["--seed", self.options.seed, "--note", f"ogptn.seeded={wanted['ogptn.seeded']}"]
        if site.samples and moved and "ogptn_harvest" in site.active_plugins():
            arguments += ["--samples", site.samples]
            self.harvesting = True
        if unclean and "ogptn.prepared" in found:
            self.say("the portal was not stopped in order the last time")
            arguments.append("--repair-index")
        if not arguments:
            return
        for line in self._run_prepare(arguments, extra):
            if line == "ADMIN-CREATED":
                self.password = password
            else:
                self.say(line)

    def _run_prepare(self, arguments: list[str], extra: dict[str, str]) -> Iterator[str]:
        layout = self.options.layout
        log = layout.log("prepare")
        with log.open("ab") as errors:
            start_of_errors = errors.tell()
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "ckanext.ogptn.stack.prepare", "--ini", str(layout.ini), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**self.environment, **extra},
                cwd=layout.root,
                start_new_session=True,
            )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                yield line.decode("utf-8", "replace").rstrip()
            code = process.wait()
        except BaseException:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            raise
        if code != 0:
            with log.open("rb") as errors:
                errors.seek(start_of_errors)
                said = errors.read().decode("utf-8", "replace").strip().splitlines()
            if any("No space left" in line for line in said):
                raise StackError(
                    f"The disk of {layout.root} is full.", "Free some space; nothing that was stored is lost.", ExitCode.DISK_FULL
                )
            for name in ("postgresql", "redis"):
                if name in self.running and not self.running[name].alive():
                    raise self._obituary(name)
            raise StackError(f"The site could not be prepared: {said[-1] if said else f'exit code {code}'}", f"All of it is in {log}.")

    def _spawn(self, name: str, command: list[str], port: int | None = None) -> Running:
        layout = self.options.layout
        environment = {
            **self.environment,
            "CKAN_INI": str(layout.ini),
            "OGPTN_WEB_WORKERS": str(self.options.workers),
            "PYTHONUNBUFFERED": "1",
        }
        process = spawn(command, layout.log(name), env=environment, cwd=layout.root)
        self._commands[name] = process
        return Running.of(process.pid, self.options.port if name == "web" else port)

    def _spawn_web(self) -> Running:
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return self._spawn(
            "web",
            [
                sys.executable,
                *("-m", "gunicorn"),
                *("--config", "python:ckanext.ogptn.stack.gunicorn_conf"),
                *("--bind", f"{host}:{self.options.port}"),
                "ckanext.ogptn.stack.wsgi:application",
            ],
        )

    def _wait_for_web(self) -> None:
        until = time.monotonic() + WEB_SECONDS
        while time.monotonic() < until:
            for name in ORDER:
                running = self.running.get(name)
                if running is not None and not running.alive():
                    raise self._obituary(name)
            if web_answers(self.options.host, self.options.port):
                return
            time.sleep(0.1)
        raise StackError(
            f"The web server did not answer within {WEB_SECONDS:.0f} seconds.", f"Its log is {self.options.layout.log('web')}."
        )

    # -- bookkeeping

    def _record(self, name: str, running: Running) -> Running:
        self.running[name] = running
        self._save_state(ready=False)
        return running

    def _save_state(self, *, ready: bool, address: str | None = None) -> None:
        write_private(
            self.options.layout.state_file,
            {
                "supervisor": Running.of(os.getpid()).as_dict(),
                "ready": ready,
                "address": address,
                "host": self.options.host,
                "port": self.options.port,
                "admin": self.options.admin,
                "services": {name: running.as_dict() for name, running in self.running.items()},
            },
        )

    def _obituary(self, name: str) -> StackError:
        """Why a service is gone, as far as its exit code and its log tell."""
        running = self.running.pop(name)
        end_session(running.pid)
        layout = self.options.layout
        last = tail(layout.log(name), 40)
        if "No space left on device" in last:
            return StackError(
                f"The disk of {layout.root} is full, so {LABELS[name]} stopped. The portal has been stopped; what was stored is intact.",
                "Free some space, then run `ogptn up` again.",
                ExitCode.DISK_FULL,
            )
        code = exit_code_of(running.pid, self._commands.get(name))
        if code is not None and code < 0:
            how = f"was killed ({signal.Signals(-code).name})"
        else:
            how = f"stopped by itself{f' (exit code {code})' if code else ''}"
        label = LABELS[name][0].upper() + LABELS[name][1:]
        return StackError(
            f"{label} (pid {running.pid}) {how}. The portal has been stopped; what was stored is intact.",
            f"Run `ogptn up` again. If it happens again, its last words are in {layout.log(name)}.",
            ExitCode.SERVICE_DIED,
        )

    def _rotate_logs(self, limit: int = 10 * 1024 * 1024) -> None:
        """Keep one older file of every log that has grown beyond ``limit`` bytes."""
        for log in self.options.layout.logs.glob("*.log"):
            if log.stat().st_size > limit:
                log.replace(log.with_suffix(".log.1"))


def exit_code_of(pid: int, process: subprocess.Popen[bytes] | None) -> int | None:
    """Exit code of a dead child: negative for a signal, ``None`` where it cannot be known."""
    if process is not None:
        return process.poll()
    try:
        _, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status)


@contextmanager
def exclusive(layout: Layout) -> Iterator[None]:
    """The lock of a data directory, held while its supervisor (or ``reset``) lives. The kernel frees it however the process ends.

    :raises StackError: somebody else holds it.
    """
    try:
        file = layout.lock_file.open("a")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise layout.explain(error) from error
    with file:
        _lock(file)
        yield


def _lock(file: IO[str]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StackError(
            f"Another ogptn command is busy with {Path(file.name).parent}.", "Wait for it, or look at `ogptn status`.", ExitCode.BUSY
        ) from error


def is_locked(layout: Layout) -> bool:
    """Whether a supervisor lives."""
    try:
        with exclusive(layout):
            return False
    except StackError:
        return True
    except FileNotFoundError:
        return False


@contextmanager
def stop_on_signals() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise StopRequested

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    kept = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def stop_leftovers(layout: Layout, say: Say) -> None:
    """Services that a killed supervisor left behind, in order. A stale pid in the state file, even one that another program has got
    since, is told by its start time and left alone."""
    services = read_json(layout.state_file).get("services", {})
    for name in reversed(ORDER):
        running = Running.from_dict(services.get(name)) if isinstance(services, dict) else None
        if running is not None and running.alive():
            say(f"stopping {LABELS[name]} (pid {running.pid}), left over from before")
            running.stop(*STOP_SIGNALS[name])


def ckan_command() -> list[str]:
    """CKAN's command with this Python, whatever the path says."""
    return [sys.executable, "-c", "from ckan.cli.cli import ckan; ckan(prog_name='ckan')"]


def last_ports(state: dict[str, Any]) -> dict[str, int]:
    """Ports of the services of a state file, of a running portal or of one that has stopped."""
    ports = {name: value.get("port") for name, value in state.get("services", {}).items() if isinstance(value, dict)}
    return {name: port for name, port in {**state.get("ports", {}), **ports}.items() if isinstance(port, int)}


def web_answers(host: str, port: int, path: str = "/api/3/action/status_show", seconds: float = 30) -> bool:
    name = LOOPBACK if host in {"0.0.0.0", ""} else ("[::1]" if host == "::" else f"[{host}]" if ":" in host else host)  # noqa: S104
    try:
        return requests.get(f"http://{name}:{port}{path}", timeout=seconds).status_code == requests.codes.ok
    except requests.RequestException:
        return False


# -- what has been done already


def fingerprint(site: Site) -> str:
    """Changes whenever the database may need a migration: another CKAN, another extension, another plugin, a new migration of ours."""
    versions = sorted(
        f"{name}={d.version}" for d in distributions() if (name := (d.metadata["Name"] or "").lower()).startswith(("ckan", "ckanext"))
    )
    migrations = sorted(path.name for path in (Path(__file__).resolve().parents[1] / "migration").glob("*/versions/*.py"))
    return _digest([versions, migrations, site.active_plugins()])


def seed_fingerprint(kind: str | None) -> str:
    """Changes with the content of ``seed/``; ends with its kind, since ``demo`` includes ``plan``."""
    folder = Path(str(files("ckanext.ogptn.seed")))
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    content = [[str(p.relative_to(folder)), hashlib.sha256(p.read_bytes()).hexdigest()] for p in paths]
    return f"{_digest(content)}:{kind}"


def seed_is_done(found: str | None, wanted: str) -> bool:
    """What was loaded is what is wanted, or more: the demonstration content includes the plan."""
    return found is not None and (found == wanted or found == wanted.replace(":plan", ":demo"))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def notes(database: str, keys: list[str]) -> dict[str, str]:
    """What an earlier preparation noted in CKAN's ``system_info``; empty in a new database. It is kept in the database, not beside it,
    so that a restored backup is prepared anew."""
    connection = psycopg2.connect(database.replace("postgresql+psycopg2://", "postgresql://"), connect_timeout=10)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('public.system_info')")
            row = cursor.fetchone()
            if row is None or row[0] is None:
                return {}
            cursor.execute("SELECT key, value FROM system_info WHERE key = ANY(%s)", (keys,))
            return dict(cursor.fetchall())
    finally:
        connection.close()
