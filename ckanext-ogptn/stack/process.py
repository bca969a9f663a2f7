"""Processes that are told apart from strangers with a recycled pid, and ports."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from .errors import ExitCode, StackError

LOOPBACK = "127.0.0.1"
#: From linux/prctl.h
PR_SET_PDEATHSIG = 1


#: A signal and the seconds to wait for its effect.
StopSignal = tuple[signal.Signals, float]


@dataclass(frozen=True)
class Running:
    """A process that we started: a pid is only trusted together with the start time of its process (seconds since the epoch)."""

    pid: int
    started: float
    port: int | None = None

    def alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, value: object) -> Running | None:
        """What :meth:`as_dict` gave, or ``None`` where the state file holds something else."""
        if not isinstance(value, dict):
            return None
        try:
            port = value.get("port")
            return cls(int(value["pid"]), float(value["started"]), None if port is None else int(port))
        except (KeyError, TypeError, ValueError):
            return None

    @classmethod
    def of(cls, pid: int, port: int | None = None) -> Running:
        return cls(pid, psutil.Process(pid).create_time(), port)

    def stop(self, *signals: StopSignal) -> None:
        """Send each signal in turn, waiting that many seconds after it, until the process and its children have gone."""
        if not self.alive():
            return
        process = psutil.Process(self.pid)
        family = [process, *process.children(recursive=True)]
        for number, seconds in signals:
            with suppress(psutil.Error):
                process.send_signal(number)
            gone_by = time.monotonic() + seconds
            while self.alive() and time.monotonic() < gone_by:
                with suppress(ChildProcessError):
                    os.waitpid(self.pid, os.WNOHANG)
                time.sleep(0.02)
            if not self.alive():
                break
        for left in family:
            with suppress(psutil.Error):
                left.kill()
        psutil.wait_procs(family, timeout=5)


def end_session(leader: int, seconds: float = 5.0) -> None:
    """End what a dead session leader left behind: each of our services leads a session, and its children stay in it."""
    left: list[psutil.Process] = []
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if pid != leader and os.getsid(pid) == leader:
                left.append(psutil.Process(pid))
    for process in left:
        with suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(left, timeout=seconds)[1]:
        with suppress(psutil.Error):
            process.kill()


def _die_with_parent(number: int) -> Callable[[], None] | None:
    """On Linux: have the kernel send ``number`` to the child when we are gone, even by ``kill -9``, so that nothing is left running."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)

    return arrange


def spawn(
    command: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
    farewell: signal.Signals = signal.SIGTERM,
    outlive: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own (a Ctrl-C in the terminal reaches the supervisor only, which stops the rest in order),
    its output appended to ``log``.

    :param farewell: the signal that stops it gently; it gets it too when we are killed, unless it is to ``outlive`` us.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own commands
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(env) if env is not None else None,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=cwd or "/",
            preexec_fn=None if outlive else _die_with_parent(farewell),
        )


def free_port(host: str = LOOPBACK) -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = LOOPBACK) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def who_listens(port: int) -> str:
    """Name and pid of the program on a port, as far as we may know it: ``"nginx (pid 812)"``, or ``"another program"``."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"


def require_port(port: int, host: str, what: str, hint: str) -> None:
    """:raises StackError: the port is taken."""
    if not port_is_free(port, host):
        raise StackError(f"Port {port}, wanted for {what}, is taken by {who_listens(port)}.", hint, ExitCode.PORT_TAKEN)


def tail(path: Path, lines: int = 15) -> str:
    """The end of a log file."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16_384))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""
