from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ckanext.ogptn.stack.errors import ExitCode, StackError
from ckanext.ogptn.stack.process import Running, end_session, free_port, port_is_free, require_port, spawn, tail

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_recycled_pid_is_not_taken_for_ours() -> None:
    ours = Running.of(os.getpid())
    assert ours.alive()
    assert not Running(ours.pid, ours.started - 100).alive()


@pytest.mark.parametrize("value", [None, 3, {}, {"pid": "x", "started": 1}, {"pid": 1}])
def test_from_dict_refuses_what_it_did_not_write(value: object) -> None:
    assert Running.from_dict(value) is None


def test_a_process_that_ignores_the_gentle_signal_is_killed_with_its_children(tmp_path: Path) -> None:
    script = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
    )
    process = spawn([sys.executable, "-c", script], tmp_path / "log")
    until = time.monotonic() + 10
    while not (children := psutil.Process(process.pid).children()):
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.3)
    ours = Running.of(process.pid)
    ours.stop((signal.SIGTERM, 0.3))
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    assert not ours.alive()


def test_what_a_killed_leader_left_behind_is_ended(tmp_path: Path) -> None:
    script = f"import subprocess, sys, time; print(subprocess.Popen({SLEEPER!r}).pid, flush=True); time.sleep(60)"
    log = tmp_path / "log"
    leader = spawn([sys.executable, "-c", script], log)
    until = time.monotonic() + 10
    while not log.read_text().strip():
        assert time.monotonic() < until
        time.sleep(0.05)
    child = psutil.Process(int(log.read_text()))
    leader.kill()
    leader.wait()
    assert child.is_running()
    end_session(leader.pid)
    child.wait(30)
    assert not child.is_running()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's farewell signal is Linux's")
def test_children_go_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from ckanext.ogptn.stack.process import spawn;"
        f"print(spawn({SLEEPER!r}, Path({str(tmp_path / 'log')!r})).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    child.wait(30)
    assert not child.is_running()


def test_ports() -> None:
    port = free_port()
    assert port_is_free(port)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(StackError) as raised:
            require_port(number, "127.0.0.1", "the web server", "Choose another one.")
    assert raised.value.code == ExitCode.PORT_TAKEN
    assert str(number) in raised.value.sentence
    assert f"pid {os.getpid()}" in raised.value.sentence


def test_tail_reads_the_end_of_a_long_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(str(number) for number in range(20_000)))
    assert tail(log, 2) == "19998\n19999"
    assert tail(tmp_path / "missing") == ""
