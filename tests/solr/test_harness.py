"""The harness says in a sentence what is missing, and never leaves a Solr behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from tests.solr import harness

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.solr", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def test_without_java_and_maven_a_sentence_and_exit_code_1(tmp_path: Path) -> None:
    done = run("run", "--", "true", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "java" in done.stderr
    assert "mvn" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_java_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, line in (("java", "echo 'openjdk version \"1.8.0_402\"' >&2"), ("mvn", "true")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    with pytest.raises(harness.SolrUnavailableError, match="version 1"):
        harness.require_tools()


def test_what_maven_said_reaches_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, line in (("java", "echo 'openjdk version \"17.0.1\"' >&2"), ("mvn", "echo 'Could not transfer artifact'; exit 1")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.setenv("OGPTN_SOLR_CACHE", str(tmp_path / "cache"))
    with pytest.raises(harness.SolrUnavailableError, match="Could not transfer artifact"):
        harness.install()
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_core_has_ckans_own_schema(tmp_path: Path) -> None:
    harness.write_home(tmp_path / "home")
    conf = tmp_path / "home" / harness.CORE / "conf"
    assert (conf / "schema.xml").read_bytes() == harness.stock_schema().read_bytes()
    assert (conf / "solrconfig.xml").exists()


@pytest.mark.solr
def test_the_exit_code_is_the_commands_and_nothing_is_left() -> None:
    done = run("run", "--", "sh", "-c", 'echo "at $CKAN_SOLR_URL"; exit 3')
    assert done.returncode == 3
    url = done.stdout.rpartition("at ")[2].strip()
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


@pytest.mark.solr
def test_solr_ends_with_a_parent_that_was_killed() -> None:
    command = [sys.executable, "-m", "tests.solr", "run", "--", "sh", "-c", 'echo "at $CKAN_SOLR_URL"; exec sleep 300']
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        for line in parent.stdout:
            if line.startswith("at "):
                break
        children = psutil.Process(parent.pid).children(recursive=True)
        java = next(child for child in children if "java" in child.name())
        parent.send_signal(signal.SIGKILL)
        for child in children:
            if child.pid != java.pid:
                child.kill()
        parent.wait()
    until = time.monotonic() + 30
    while java.is_running() and java.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.2)
    assert not java.is_running() or java.status() == psutil.STATUS_ZOMBIE
