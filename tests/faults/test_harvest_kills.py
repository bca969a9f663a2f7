"""Workers and databases killed (SIGKILL) in the middle of a harvest: after the next run the catalogue is that of an undisturbed one.

``OGPTN_KILLS`` says how many workers (10), and a fifth as many PostgreSQL servers.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import search
from ckan.tests import helpers
from ckan.tests.helpers import call_action
from ckanext.activity.model import Activity

from ckanext.ogptn.harvesters.engine import jobs, run  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.engine.model import Batch, HarvestRecord, Job, now  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.stack.layout import read_json
from tests import factories
from tests.conftest import SourceServer
from tests.faults.harvest_job import BATCH
from tests.harvesters.ckan_face import CkanFace, remote_dataset
from tests.services import TestServices

pytestmark = [
    pytest.mark.faults,
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
    pytest.mark.ckan_config("ogptn.harvest.batch_size", BATCH),
]
KILLS = int(os.environ.get("OGPTN_KILLS", "10"))
COUNT = 40
ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """`harvest_job`, whose processes can be killed one after the other: CKAN is loaded once for all of them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.harvest_job"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._until("ready")

    def _until(self, word: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == word:
                return
        raise AssertionError(f"the worker ended with {self._process.wait()}")

    def _say(self, line: str, answer: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        self._until(answer)

    def begin(self, job_id: str) -> None:
        self._say(job_id, "begun")

    def finish(self) -> None:
        self._say("wait", "gone")

    def kill(self) -> None:
        self._say("kill", "gone")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def new_job(source: dict[str, Any]) -> str:
    return call_action("ogptn_harvest_job_create", source_id=source["id"])["id"]


def source_of(face: CkanFace, agency: dict[str, Any]) -> dict[str, Any]:
    return call_action(
        "ogptn_harvest_source_create", title="Essai", url=face.url, backend="ckan", owner_org=agency["id"],
        options={"page_size": 10, "changes_only": False},
    )  # fmt: skip


def change(face: CkanFace, number: int) -> None:
    """The source as it is at its next harvest: new datasets, a new title for each second, other files for some."""
    face.datasets += [remote_dataset(len(face.datasets) + each) for each in range(5)]
    for place, each in enumerate(face.datasets):
        if (place + number) % 2:
            each["title"] = f"Jeu {place}, version {number}"
        if (place + number) % 5 == 0:
            each["resources"].reverse()
            each["resources"][0]["url"] += f"?{number}"


def take_up(job_id: str) -> str:
    """What a tick does once the job gave no sign of life for long enough."""
    model.Session.execute(sa.update(Job).where(Job.id == job_id).values(heartbeat=now() - dt.timedelta(hours=1)))
    model.Session.commit()
    jobs.tick()
    phase = run.run(job_id)
    model.Session.remove()
    return phase or call_action("ogptn_harvest_job_show", id=job_id)["phase"]


def catalogue() -> dict[str, Any]:
    """Every dataset as the index has it, by its name at the source, without identities and times of writing."""
    fleeting = {"id", "metadata_modified", "metadata_created", "package_id", "created", "last_modified", "owner_org", "organization"}
    # The site's own user, whom an emptied database gets anew; and a text in the language of the process that indexed the dataset.
    fleeting |= {"creator_user_id", "license_title"}
    found: dict[str, Any] = {}
    for one in call_action("package_search", rows=1000)["results"]:
        shown = {name: value for name, value in one.items() if name not in fleeting}
        shown["resources"] = [{name: value for name, value in each.items() if name not in fleeting} for each in one["resources"]]
        shown["tags"] = sorted(tag["name"] for tag in one["tags"])
        assert one["source_identifier"] not in found, "a dataset is there twice"
        found[one["source_identifier"]] = shown
    return found


def check(face: CkanFace, source: dict[str, Any]) -> None:
    """Nothing lost, nothing twice."""
    shown = catalogue()
    assert set(shown) == {each["id"] for each in face.datasets}
    for each in face.datasets:
        assert shown[each["id"]]["title"] == each["title"]
        assert [resource["url"] for resource in shown[each["id"]]["resources"]] == [resource["url"] for resource in each["resources"]]
    packages = Counter(model.Session.scalars(sa.select(model.Package.state)))
    assert packages == {"active": len(face.datasets)}
    assert Counter(model.Session.scalars(sa.select(model.Resource.state)))["active"] == sum(len(d["resources"]) for d in face.datasets)
    assert set(model.Session.scalars(sa.select(HarvestRecord.state))) == {"active"}
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(HarvestRecord).where(sa.not_(HarvestRecord.indexed))) == 0
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Batch)) == 0
    made = Counter(model.Session.scalars(sa.select(Activity.object_id).where(Activity.activity_type == "new package")))
    assert set(made.values()) == {1}
    assert len(made) == len(face.datasets)
    # And what is known of the records fits: another harvest has nothing to do.
    job_id = new_job(source)
    run.run(job_id)
    model.Session.remove()
    counts = call_action("ogptn_harvest_job_show", id=job_id)["counts"]
    assert {name: count for name, count in counts.items() if count} == {"seen": len(face.datasets), "unchanged": len(face.datasets)}


def undisturbed(face: CkanFace, changes: list[int]) -> dict[str, Any]:
    """The catalogue that the same harvests make when nobody dies, on a site of its own.

    :param changes: what `change` made of the source, each followed by a harvest that came to its end
    """
    helpers.reset_db()
    search.clear_all()
    agency = factories.AgencyFactory()
    face.datasets = [remote_dataset(number) for number in range(COUNT)]
    source = source_of(face, agency)
    for number in [None, *changes]:
        if number is not None:
            change(face, number)
        assert run.run(new_job(source)) == "finished"
        model.Session.remove()
    return catalogue()


@pytest.fixture
def face(http_server: SourceServer) -> CkanFace:
    return CkanFace(http_server, COUNT)


def test_killed_workers(face: CkanFace, agency: dict[str, Any], worker: Worker) -> None:
    chance = random.Random(int(os.environ.get("OGPTN_SEED", "1")))  # noqa: S311 - repeatable, not secret
    source = source_of(face, agency)
    job_id = new_job(source)
    start = time.monotonic()
    worker.begin(job_id)
    worker.finish()
    lasts = time.monotonic() - start
    phases: Counter[str] = Counter()
    for number in range(KILLS):
        change(face, number)
        job_id = new_job(source)
        worker.begin(job_id)
        # About half of the datasets are written anew, and five are new.
        time.sleep(chance.uniform(0.02, lasts * max(1, (len(face.datasets) / 2 + 5) / COUNT)))
        worker.kill()
        model.Session.remove()
        phases[call_action("ogptn_harvest_job_show", id=job_id)["phase"]] += 1
        assert take_up(job_id) == "finished"
        check(face, source)
    print(f"{KILLS} workers killed within {lasts:.1f} s; the jobs were then: {dict(phases)}")
    assert KILLS < 5 or phases.total() > phases["finished"], "no job was hit"
    disturbed = catalogue()
    assert disturbed == undisturbed(face, list(range(KILLS)))


@pytest.fixture
def durable() -> Iterator[None]:
    """The test server acknowledges commits that a kill may still take; a portal's does not, and what it acknowledged is asked for here."""
    for setting in ("SET synchronous_commit = on", "RESET synchronous_commit"):
        with cast(sa.Engine, model.meta.engine).begin() as connection:
            connection.execute(sa.text(f"ALTER ROLE CURRENT_USER {setting}"))
        # It holds for connections that are made from now on.
        model.Session.remove()
        cast(sa.Engine, model.meta.engine).dispose()
        if setting.startswith("SET"):
            assert model.Session.scalar(sa.text("SHOW synchronous_commit")) == "on"
            yield


def kill_postgres() -> None:
    """The server and all that it started, without a word; and start it again where it was."""
    services = TestServices()
    server = psutil.Process(int(read_json(services.layout.state_file)["postgresql"]["pid"]))
    for process in [server, *server.children(recursive=True)]:
        # Some end by themselves at that moment.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs([server], timeout=10)
    services.start(outlive=True)


def test_killed_postgres(durable: None, face: CkanFace, agency: dict[str, Any], worker: Worker) -> None:
    ours = read_json(TestServices().layout.state_file).get("postgresql", {}).get("port")
    if f":{ours}/" not in os.environ["CKAN_SQLALCHEMY_URL"]:
        pytest.skip("the database is not one that tests/services.py started: it is not killed")
    chance = random.Random(int(os.environ.get("OGPTN_SEED", "2")))  # noqa: S311 - repeatable, not secret
    source = source_of(face, agency)
    phases: Counter[str] = Counter()
    kills = max(2, KILLS // 5)
    lasts = 0.0
    for number in range(kills):
        job_id = new_job(source)
        start = time.monotonic()
        worker.begin(job_id)
        if not number:
            worker.finish()
            lasts = time.monotonic() - start
            change(face, 100)
            job_id = new_job(source)
            worker.begin(job_id)
        time.sleep(chance.uniform(0.02, lasts))
        model.Session.remove()
        model.meta.engine.dispose()  # pyright: ignore[reportOptionalMemberAccess]
        kill_postgres()
        worker.kill()
        phases[call_action("ogptn_harvest_job_show", id=job_id)["phase"]] += 1
        assert take_up(job_id) == "finished"
        check(face, source)
        change(face, number)
    print(f"PostgreSQL killed {kills} times; the jobs were then: {dict(phases)}")
    assert run.run(new_job(source)) == "finished"
    model.Session.remove()
    disturbed = catalogue()
    assert disturbed == undisturbed(face, [100, *range(kills)])
