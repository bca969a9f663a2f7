"""What is lost when services are killed or the disk fills up: nothing that was acknowledged."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from typing_extensions import Self

from ckanext.ogptn.stack.process import free_port
from tests.stack.conftest import Portal, processes_below

pytestmark = pytest.mark.faults

EXIT_SERVICE_DIED, EXIT_DISK_FULL = 13, 12


@dataclass
class Steward:
    """Somebody who goes on creating datasets until told to stop, and remembers what the portal acknowledged."""

    portal: Portal
    token: str
    owner: str
    acknowledged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _numbers = itertools.count()

    def __enter__(self) -> Self:
        self._stop.clear()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            name = f"kill-test-{next(self._numbers)}"
            data = {
                "name": name, "owner_org": self.owner, "title_translated": {"ar": f"تجربة {name}", "fr": name},
                "notes_translated": {"ar": "تجربة"},
            }  # fmt: skip
            try:
                answer = requests.post(
                    f"{self.portal.url}/api/3/action/package_create", json=data, headers={"Authorization": self.token}, timeout=30
                )
            except requests.RequestException as error:
                self.refused.append(type(error).__name__)
                time.sleep(0.05)
                continue
            if answer.status_code == requests.codes.ok:
                self.acknowledged.append(answer.json()["result"]["id"])
            else:
                self.refused.append(str(answer.status_code))


def start(portal: Portal) -> subprocess.Popen[str]:
    up = portal.open("up", "--no-seed")
    assert up.stdout is not None
    for line in up.stdout:
        if "Ctrl-C" in line:
            return up
    raise AssertionError("the portal did not start")


def found(portal: Portal, ids: list[str], token: str) -> int:
    return sum(
        requests.get(f"{portal.url}/api/3/action/package_show", params={"id": key}, headers={"Authorization": token}, timeout=30).ok
        for key in ids
    )


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    made = Portal(tmp_path / "data", free_port())
    yield made
    made.run("down")
    assert processes_below(made.root) == []


def test_killed_services_lose_no_acknowledged_dataset(portal: Portal) -> None:
    up = start(portal)
    token = portal.token()
    owner = portal.api("organization_create", token, name="kill-test", title_translated={"ar": "تجربة"})["id"]
    steward = Steward(portal, token, owner)
    for service in ("web", "worker", "redis", "postgresql", "postgresql"):
        with steward:
            before = len(steward.acknowledged)
            while len(steward.acknowledged) < before + 10:
                time.sleep(0.05)
            portal.kill(service)
            assert up.stdout is not None
            said = up.stdout.read()
            code = up.wait(90)
        print(f"{service}: exit code {code}: {next(line for line in said.splitlines() if 'killed' in line)}")
        assert code == EXIT_SERVICE_DIED
        assert "was killed (SIGKILL)" in said
        assert processes_below(portal.root) == []
        up = start(portal)
        kept = found(portal, steward.acknowledged, token)
        print(f"  {kept} of {len(steward.acknowledged)} acknowledged datasets are there; refused meanwhile: {len(steward.refused)}")
        assert kept == len(steward.acknowledged)
        doctor = portal.run("doctor")
        print("  " + next(line for line in doctor.stdout.splitlines() if "search index" in line))
        assert doctor.returncode == 0, doctor.stdout
    up.terminate()
    assert up.wait(90) == 0


def test_the_supervisor_itself_killed_leaves_nothing_running(portal: Portal) -> None:
    up = start(portal)
    token = portal.token()
    owner = portal.api("organization_create", token, name="kill-test", title_translated={"ar": "تجربة"})["id"]
    with Steward(portal, token, owner) as steward:
        while len(steward.acknowledged) < 5:
            time.sleep(0.05)
        up.kill()
        up.wait()
    until = time.monotonic() + 60
    while processes_below(portal.root):
        assert time.monotonic() < until, processes_below(portal.root)
        time.sleep(0.2)
    up = start(portal)
    assert found(portal, steward.acknowledged, token) == len(steward.acknowledged)
    assert portal.run("doctor").returncode == 0
    up.terminate()
    assert up.wait(90) == 0


def test_the_samples_killed_and_the_portal_started_without_demo_they_are_there_again(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "data", free_port())
    up = portal.run("up", "--detach", "--demo")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "being harvested in the background" in up.stdout

    def harvested() -> int:
        return portal.api("package_search", fq="+source_portal:*", rows=0)["count"]

    until = time.monotonic() + 300
    while harvested() < 30:
        assert time.monotonic() < until, harvested()
        time.sleep(1)
    port = portal.status()["services"]["samples"]["port"]
    portal.kill("samples")
    portal.wait_until_down()
    again = portal.run("up", "--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    assert portal.status()["services"]["samples"]["port"] == port
    assert "being harvested" not in again.stdout
    token = portal.token()
    for source in portal.api("ogptn_harvest_source_list", token)["results"]:
        job = portal.api("ogptn_harvest_job_create", token, source_id=source["id"])
        while (shown := portal.api("ogptn_harvest_job_show", token, id=job["id"]))["phase"] not in ("finished", "failed"):
            assert time.monotonic() < until + 300, shown
            time.sleep(0.5)
        assert shown["phase"] == "finished"
        assert not shown["counts"].get("added")
        assert not shown["counts"].get("updated")
    assert portal.run("down").returncode == 0
    assert processes_below(portal.root) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 420 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("no file system of a fixed size can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up(small_disk: Path) -> None:
    portal = Portal(small_disk / "data", free_port())
    up = start(portal)
    token = portal.token()
    owner = portal.api("organization_create", token, name="kill-test", title_translated={"ar": "تجربة"})["id"]
    ballast = small_disk / "ballast"
    with Steward(portal, token, owner) as steward:
        while len(steward.acknowledged) < 5:
            time.sleep(0.05)
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(b"x" * 2**20)
                    file.flush()
            except OSError:
                pass
        assert up.stdout is not None
        said = up.stdout.read()
        code = up.wait(90)
    print(f"disk full: exit code {code}: {next((line for line in said.splitlines() if 'full' in line), said)}")
    print(f"  acknowledged {len(steward.acknowledged)}, refused {len(steward.refused)}")
    assert code == EXIT_DISK_FULL, said
    assert "is full" in said
    assert "Traceback" not in said
    assert processes_below(portal.root) == []

    full = portal.run("up", "--no-seed")
    print(f"  up on the full disk: exit code {full.returncode}: {full.stderr.strip()}")
    assert full.returncode == EXIT_DISK_FULL
    assert "Traceback" not in full.stderr
    assert processes_below(portal.root) == []

    ballast.unlink()
    up = start(portal)
    assert found(portal, steward.acknowledged, token) == len(steward.acknowledged)
    assert portal.run("doctor").returncode == 0
    up.terminate()
    assert up.wait(90) == 0
    shutil.rmtree(portal.root)
