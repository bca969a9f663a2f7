"""PostgreSQL and Redis for the tests, from the same code that runs the portal.

    python -m tests.services run -- pytest …   start (or reuse), run, stop what was started
    python -m tests.services start             keep them running for the inner loop; every later pytest reuses them
    python -m tests.services stop

They live below ``.cache/test-services`` (``OGPTN_TEST_DIR`` names another place, so that two suites can run side by side).
Where ``CKAN_SQLALCHEMY_URL`` and the other ``CKAN_*`` variables are set already, nothing is started.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

from ckanext.ogptn.stack.layout import Layout, read_json, write_private
from ckanext.ogptn.stack.postgres import Postgres, url
from ckanext.ogptn.stack.process import Running
from ckanext.ogptn.stack.redis import Redis

#: From linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36
HERE = Path(__file__).resolve().parent
NAMES = ("CKAN_SQLALCHEMY_URL", "CKAN_DATASTORE_WRITE_URL", "CKAN_DATASTORE_READ_URL", "CKAN_REDIS_URL")
#: Nothing here has to survive a power cut, so nothing waits for the disk.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class TestServices:
    """One PostgreSQL and one Redis. ``started`` tells which of them this object started, and so has to stop."""

    __test__ = False

    def __init__(self, root: Path | None = None) -> None:
        self.layout = Layout(root or Path(os.environ.get("OGPTN_TEST_DIR") or HERE.parent / ".cache" / "test-services"))
        self.started: list[str] = []

    def _servers(self) -> tuple[Postgres, Redis]:
        secrets = self.layout.secrets()
        return (
            Postgres(self.layout.pgdata, self.layout.log("postgresql"), secrets.postgres, FAST),
            Redis(self.layout.redis, self.layout.log("redis"), secrets.redis, durable=False),
        )

    def start(self, *, outlive: bool = False) -> dict[str, str]:
        """Start what is missing and give the environment that points CKAN to it."""
        self.layout.create()
        postgres, redis = self._servers()
        secrets = self.layout.secrets()
        state = read_json(self.layout.state_file)
        ports: dict[str, int] = {}
        for server in (postgres, redis):
            running = Running.from_dict(state.get(server.name))
            if running is None or not server.answers(running):
                running = server.start(running.port if running else None, outlive=outlive)
                self.started.append(server.name)
            state[server.name] = running.as_dict()
            write_private(self.layout.state_file, state)
            assert running.port is not None
            ports[server.name] = running.port
        port = ports[postgres.name]
        if postgres.name in self.started:
            for role in ("ckan", "datastore_ro"):
                postgres.ensure_role(port, role, secrets.ckan)
            for database in ("ckan_test", "datastore_test"):
                postgres.ensure_database(port, database, "ckan")
            postgres.execute(port, "datastore_test", _datastore_permissions())
        return {
            "CKAN_SQLALCHEMY_URL": url(port, "ckan_test", "ckan", secrets.ckan),
            "CKAN_DATASTORE_WRITE_URL": url(port, "datastore_test", "ckan", secrets.ckan),
            "CKAN_DATASTORE_READ_URL": url(port, "datastore_test", "datastore_ro", secrets.ckan),
            "CKAN_REDIS_URL": redis.url(ports[redis.name]),
        }

    def stop(self, *, everything: bool = False) -> None:
        """Stop what this object started, or everything."""
        state = read_json(self.layout.state_file)
        for server in reversed(self._servers()):
            running = Running.from_dict(state.get(server.name))
            if running and (everything or server.name in self.started):
                server.stop(running)
        self.started.clear()


def _datastore_permissions() -> str:
    """What ``ckan datastore set-permissions`` prints: without it, CKAN cannot create a table in the DataStore."""
    from ckanext.datastore.cli import permissions_sql

    sql = permissions_sql("ckan_test", "datastore_test", "ckan", "ckan", "datastore_ro")
    # psql's own command: the script runs on a connection to the DataStore's database already.
    return "\n".join(line for line in sql.splitlines() if not line.startswith("\\connect"))


def provided() -> bool:
    """Whether the caller brought databases of its own."""
    return all(os.environ.get(name) for name in NAMES)


def keep_bytecode(environment: MutableMapping[str, str]) -> None:
    """Let the Pythons that are started with ``environment`` share what they compile, below ``.cache``.

    The suite starts some hundred of them (portals, workers, commands), and where ``PYTHONDONTWRITEBYTECODE`` is set, as in many containers,
    each one would compile the 2,200 modules of CKAN and its libraries anew, which takes longer than running them. Whoever set it wants no
    files beside the sources; there are none.
    """
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.setdefault("PYTHONPYCACHEPREFIX", str(HERE.parent / ".cache" / "bytecode"))


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in {"run", "start", "stop"}:
        print(__doc__)
        return 2
    verb, rest = arguments[0], [part for part in arguments[1:] if part != "--"]
    services = TestServices()
    if verb == "start":
        services.start(outlive=True)
        print("Test services are running; stop them with: python -m tests.services stop")
        return 0
    if verb == "stop":
        services.stop(everything=True)
        return 0
    environment = {**os.environ, **({} if provided() else services.start())}
    keep_bytecode(environment)
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        if child:
            with suppress(ProcessLookupError):
                child.send_signal(number)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
    adopt_orphans()
    try:
        child = subprocess.Popen(rest, env=environment)
        return wait_and_reap(child)
    finally:
        services.stop()
        end_descendants()


def adopt_orphans() -> None:
    """On Linux: what a killed test leaves behind, detached portals included, becomes our child, so that `end_descendants` finds it."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_and_reap(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child, and meanwhile take leave of the orphans that end: a test that waits for one to be gone must not find a zombie."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode


def end_descendants(seconds: float = 20) -> None:
    """Nothing is left running, whatever happened in between."""
    left = psutil.Process().children(recursive=True)
    for process in left:
        with suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(left, timeout=seconds)[1]:
        with suppress(psutil.Error):
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
