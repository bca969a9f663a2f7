from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from ckanext.ogptn.stack.process import free_port


@dataclass
class Portal:
    """A data directory and a port of its own, and the ``ogptn`` command on them, as a person runs it."""

    root: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CKAN_", "OGPTN_"))}
        return {**kept, "OGPTN_DATA_DIR": str(self.root), "OGPTN_PORT": str(self.port), **more}

    def run(self, *arguments: str, seconds: float = 400, answer: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ckanext.ogptn.stack", *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            input=answer,
            env=self.environment(**more),
            check=False,
        )

    def open(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """In the background, its two outputs in one pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "ckanext.ogptn.stack", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(**more),
        )

    def status(self) -> dict[str, Any]:
        return json.loads(self.run("status", "--json").stdout)

    def pids(self) -> dict[str, int]:
        return {name: service["pid"] for name, service in self.status()["services"].items() if "pid" in service}

    def kill(self, service: str) -> None:
        os.kill(self.pids()[service], signal.SIGKILL)

    def api(self, action: str, token: str | None = None, **data: Any) -> dict[str, Any]:
        headers = {"Authorization": token} if token else {}
        answer = requests.post(f"{self.url}/api/3/action/{action}", json=data, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()["result"]

    def token(self) -> str:
        """An API token of the administrator, made by CKAN's own command."""
        made = subprocess.run(
            [sys.executable, "-c", "from ckan.cli.cli import ckan; ckan()", "-c", str(self.root / "ckan.ini"), "user", "token", "add",
             "admin", "test", "-q"],
            capture_output=True, text=True, env=self.environment(), check=True,
        )  # fmt: skip
        return made.stdout.strip().splitlines()[-1]

    def wait_until_down(self, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while self.status()["running"]:
            assert time.monotonic() < until, "the supervisor still runs"
            time.sleep(0.2)


def processes_below(root: Path) -> list[str]:
    """Command lines of everything that still runs on a data directory."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        command = process.info["cmdline"] or []
        environment = process.info["environ"] or {}
        if any(str(root) in part for part in command) or environment.get("CKAN_INI", "").startswith(str(root)):
            found.append(" ".join(command))
    return found


@pytest.fixture
def nowhere(tmp_path: Path) -> Portal:
    """A portal that was never started."""
    return Portal(tmp_path / "portal", free_port())


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One portal for all tests of a module, without content. Each test leaves it running."""
    portal = Portal(tmp_path_factory.mktemp("portal") / "data", free_port())
    up = portal.run("up", "--detach", "--no-seed")
    assert up.returncode == 0, up.stdout + up.stderr
    portal.first_up = up.stdout  # type: ignore[attr-defined]
    yield portal
    portal.run("down")
    assert processes_below(portal.root) == []
