"""Jobs over a CKAN site: first harvest, nothing changed, changes, identity, removal, ceiling, local edits, preview, cancel, resume."""

from __future__ import annotations

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs as background
from ckan.tests.helpers import call_action
from ckanext.activity.model import Activity

from ckanext.ogptn.harvesters.ckan import CkanBackend
from ckanext.ogptn.harvesters.engine import config, jobs, run
from ckanext.ogptn.harvesters.engine.model import Batch, HarvestRecord, Job, Source, now
from ckanext.ogptn.harvesters.engine.problems import NOT_VALID_RECORD, RecordError
from ckanext.ogptn.harvesters.engine.writer import Writer

from .ckan_face import CkanFace, remote_dataset

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
]


@pytest.fixture
def face(http_server) -> CkanFace:
    return CkanFace(http_server, 12)


@pytest.fixture
def source(face: CkanFace, agency: dict[str, Any]) -> dict[str, Any]:
    return call_action(
        "ogptn_harvest_source_create",
        title="Portail d’essai",
        url=face.url,
        backend="ckan",
        owner_org=agency["id"],
        options={"page_size": 5, "changes_only": False},
    )


@pytest.fixture
def refusing(monkeypatch) -> list[str]:
    """A record whose title at the source is REFUSE becomes a dataset that the rules refuse, RAISE one that cannot be translated, and NUL
    one that only the database refuses. The list tells which were judged."""
    judged: list[str] = []
    original = CkanBackend.to_dataset

    def to_dataset(backend: CkanBackend, record: Any) -> dict[str, Any]:
        dataset = original(backend, record)
        if record.title in ("REFUSE", "RAISE", "NUL"):
            judged.append(record.guid)
        if record.title == "RAISE":
            raise RecordError(NOT_VALID_RECORD, reason="RAISE")
        return dataset | {"REFUSE": {"frequency": "SOMETIMES"}, "NUL": {"version": "a\x00b"}}.get(record.title, {})

    monkeypatch.setattr(CkanBackend, "to_dataset", to_dataset)
    return judged


@pytest.fixture
def clean_queues() -> Any:
    """No jobs and no ticks that wait, before and after."""

    def clean() -> None:
        queue = background.get_queue(config.queue())
        queue.empty()
        for job_id in queue.scheduled_job_registry.get_job_ids():
            queue.scheduled_job_registry.remove(job_id, delete_job=True)

    clean()
    yield
    clean()


def blocked() -> bool:
    """Whether a session waits for a lock that another one has."""
    engine = model.meta.engine
    assert engine is not None
    with engine.connect() as connection:
        waiting = (
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0)"
        )
        return bool(connection.scalar(sa.text(waiting)))


def harvest(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Run a job here and now."""
    job = call_action("ogptn_harvest_job_create", source_id=source["id"], **more)
    run.run(job["id"])
    model.Session.remove()
    return call_action("ogptn_harvest_job_show", id=job["id"])


def counts(job: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in job["counts"].items() if count}


def issues(job: dict[str, Any]) -> list[dict[str, Any]]:
    return call_action("ogptn_harvest_issue_list", job_id=job["id"], limit=1000)["results"]


def records(source: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return call_action("ogptn_harvest_record_list", source_id=source["id"], limit=1000, **more)["results"]


def written() -> tuple[tuple[tuple[str, ...], ...], int]:
    """Where the database keeps every row of CKAN's tables and of the index, with the transaction that wrote it; and how many activities.

    A row that is written again has another place or another transaction, so two equal answers mean that nothing was written. (PostgreSQL's
    own counters say so too late: each connection sends its own when it is idle.)
    """
    model.Session.commit()
    found = model.Session.execute(
        sa.text("SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'")
    )
    tables = {"package", "package_extra", "package_relationship", "resource", "package_tag", "tag", "member", "activity"}
    rows: list[tuple[str, ...]] = []
    for schema, table in sorted(tuple(each) for each in found):
        if schema == "ogptn_search" or (schema == "public" and table in tables):
            rows += [
                (table, *each)
                for each in model.Session.execute(
                    sa.select(sa.text("ctid::text"), sa.text("xmin::text")).select_from(sa.table(table, schema=schema))
                )
            ]
    assert rows
    model.Session.commit()
    return tuple(sorted(rows)), model.Session.query(Activity).count()


def test_first_harvest(source, face):
    job = harvest(source)
    assert job["phase"] == "finished", issues(job)
    assert counts(job) == {"seen": 12, "added": 12}
    found = call_action("package_search", rows=100)
    assert found["count"] == 12
    shown = call_action("package_show", id="jeu-3")
    assert shown["title_translated"] == {"fr": "Jeu de données synthétique 3"}
    assert shown["license_id"] == "OTL"
    assert shown["tags_translated"] == {"fr": ["Port"], "ar": ["ولاية بنزرت"]}
    assert shown["temporal_coverage"] == [{"start": "2015-01-01", "end": "2016-12-31"}]
    assert shown["source_portal"] == "Portail d’essai"
    assert shown["source_url"] == f"{face.url}/dataset/jeu-3"
    assert shown["source_publisher"] == "Direction Générale de l’Energie"
    assert [resource["url"] for resource in shown["resources"]] == ["https://example.tn/3/0.csv", "https://example.tn/3/1.csv"]
    assert job["progress"]["percent"] == 100


def test_nothing_changed_writes_nothing(source, face):
    harvest(source)
    harvest(source)
    before = written()
    job = harvest(source)
    assert counts(job) == {"seen": 12, "unchanged": 12}
    assert written() == before


def test_a_change_keeps_resource_ids(source, face):
    harvest(source)
    before = call_action("package_show", id="jeu-3")
    face.datasets[3]["title"] = "Nouveau titre"
    # The resources were made anew at the source, in another order: the address tells which is which.
    resources = face.datasets[3]["resources"]
    for place, resource in enumerate(resources):
        resource["id"] = f"22222222-0000-4000-8000-{place:012}"
    resources.reverse()
    job = harvest(source)
    assert counts(job) == {"seen": 12, "changed": 1, "unchanged": 11}
    after = call_action("package_show", id="jeu-3")
    assert after["title_translated"]["fr"] == "Nouveau titre"
    assert {each["url"]: each["id"] for each in after["resources"]} == {each["url"]: each["id"] for each in before["resources"]}
    assert after["id"] == before["id"]


def test_a_new_uuid_with_the_same_slug_is_the_same_dataset(source, face):
    harvest(source)
    before = call_action("package_show", id="jeu-3")["id"]
    face.datasets[3]["id"] = "99999999-0000-4000-8000-000000000000"
    job = harvest(source)
    assert "added" not in counts(job)
    assert call_action("package_show", id="jeu-3")["id"] == before
    assert len(records(source)) == 12


@pytest.mark.parametrize("chunk", [500, 2], ids=["together", "apart"])
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_slug_that_went_to_another_record_takes_no_dataset_along(source, face, monkeypatch, chunk: int, first: bool):
    harvest(source)
    before = call_action("package_show", id="jeu-3")
    face.datasets[3] |= {"name": "jeu-3-ancien", "title": "Le même"}
    another = remote_dataset(77, name="jeu-3", title="Un autre")
    face.datasets.insert(0 if first else len(face.datasets), another)
    monkeypatch.setattr(run, "CHUNK", chunk)
    assert counts(harvest(source)) == {"seen": 13, "added": 1, "changed": 1, "unchanged": 11}
    by_guid = {record["guid"]: record["package_id"] for record in records(source)}
    assert by_guid[face.datasets[4 if first else 3]["id"]] == before["id"]
    assert by_guid[another["id"]] != before["id"]
    assert call_action("package_show", id=before["id"])["title_translated"] == {"fr": "Le même"}


def test_all_identifiers_made_anew_are_the_same_datasets(source, face, monkeypatch):
    harvest(source)
    before = {record["package_id"] for record in records(source)}
    for number, each in enumerate(face.datasets):
        each["id"] = f"77777777-0000-4000-8000-{number:012}"
    monkeypatch.setattr(run, "CHUNK", 5)
    assert counts(harvest(source)) == {"seen": 12, "changed": 12}
    assert {record["package_id"] for record in records(source)} == before


class TestChangesOnly:
    """A source that can say what changed is asked for that only; but never so that something is missed."""

    @pytest.fixture
    def source(self, face: CkanFace, agency: dict[str, Any]) -> dict[str, Any]:
        return call_action("ogptn_harvest_source_create", title="Portail", url=face.url, backend="ckan", owner_org=agency["id"])

    @staticmethod
    def asked(face: CkanFace, source: dict[str, Any], **more: Any) -> tuple[bool, dict[str, Any]]:
        """Whether a harvest asked for changes only, and its job."""
        face.asked = []
        job = harvest(source, **more)
        return all(face.asked), job

    def test_from_the_second_harvest_on(self, source, face):
        assert not self.asked(face, source)[0]
        changes, job = self.asked(face, source)
        assert changes
        assert counts(job) == {}
        face.datasets[2] |= {"title": "Nouveau", "metadata_modified": now().strftime("%Y-%m-%dT%H:%M:%S")}
        changes, job = self.asked(face, source)
        assert changes
        assert counts(job) == {"seen": 1, "changed": 1}
        assert not self.asked(face, source, full=True)[0]

    def test_not_after_the_settings_changed(self, source, face):
        harvest(source)
        call_action("ogptn_harvest_source_update", id=source["id"], language="fr")
        assert not self.asked(face, source)[0]
        assert self.asked(face, source)[0]

    def test_also_while_records_are_refused_which_is_said_each_time(self, source, face, refusing):
        face.datasets[4]["title"] = "REFUSE"
        face.datasets[6] = "not even an object"
        first = harvest(source)
        assert counts(first)["refused"] == 2
        changes, job = self.asked(face, source)
        assert changes
        # The one without an identifier is no change, and is not known here: only the source can tell of it.
        assert counts(job) == {"refused": 1, "errors": 1}
        [issue] = issues(job)
        assert (issue["slug"], issue["guid"], issue["field"]) == ("refused", face.datasets[4]["id"], "frequency")
        assert issue["message"] == next(each["message"] for each in issues(first) if each["guid"] == issue["guid"])
        shown = call_action("ogptn_harvest_source_show", id=source["id"])
        assert shown["last_good"] > first["started"]
        assert shown["records"]["refused"] == 1
        # It is asked for as soon as it changed, and is no longer refused.
        face.datasets[4] |= {"title": "Corrigé", "metadata_modified": now().strftime("%Y-%m-%dT%H:%M:%S")}
        changes, job = self.asked(face, source)
        assert changes
        assert counts(job) == {"seen": 1, "added": 1}
        assert counts(self.asked(face, source)[1]).get("refused") is None

    def test_a_refusal_is_not_judged_again_unless_asked(self, source, face, refusing):
        call_action("ogptn_harvest_source_update", id=source["id"], options={"changes_only": False})
        face.datasets[4]["title"] = "REFUSE"
        harvest(source)
        before = len(refusing)
        assert counts(harvest(source)) == {"seen": 12, "unchanged": 11, "refused": 1, "errors": 1}
        assert len(refusing) == before, "a refusal is remembered"
        assert counts(harvest(source, full=True))["refused"] == 1
        assert len(refusing) == before + 1

    def test_not_when_the_rules_that_refused_are_others(self, source, face, refusing):
        face.datasets[4]["title"] = "REFUSE"
        harvest(source)
        model.Session.execute(
            sa.update(HarvestRecord).where(HarvestRecord.state == "refused").values(refused={"rules": "of an older release", "issues": []})
        )
        model.Session.commit()
        changes, job = self.asked(face, source)
        assert not changes
        assert counts(job)["refused"] == 1
        assert self.asked(face, source)[0]

    def test_a_dataset_stays_whose_record_is_refused(self, source, face, refusing):
        harvest(source)
        face.datasets[4] |= {"title": "REFUSE", "metadata_modified": now().strftime("%Y-%m-%dT%H:%M:%S")}
        assert counts(self.asked(face, source)[1]) == {"seen": 1, "refused": 1, "errors": 1}
        assert self.asked(face, source)[0]
        assert call_action("package_show", id="jeu-4")["title_translated"] == {"fr": "Jeu de données synthétique 4"}
        assert {each["state"] for each in records(source)} == {"active"}

    def test_what_an_incomplete_harvest_missed_is_asked_for_again(self, source, face):
        harvest(source)
        good = call_action("ogptn_harvest_source_show", id=source["id"])["last_good"]
        stamp = now().strftime("%Y-%m-%dT%H:%M:%S")
        face.datasets[2] |= {"title": "Nouveau", "metadata_modified": stamp}
        face.datasets[3] |= {"title": "Nouveau", "metadata_modified": stamp}
        face.count, left_out = 2, face.datasets.pop(3)
        changes, job = self.asked(face, source)
        assert changes
        assert "fewer-than-announced" in {issue["slug"] for issue in issues(job)}
        assert call_action("ogptn_harvest_source_show", id=source["id"])["last_good"] == good
        face.count = None
        face.datasets.append(left_out)
        harvest(source)
        assert call_action("ogptn_harvest_source_show", id=source["id"])["last_good"] > good

    def test_jobs_are_no_change_of_the_settings(self, source, face):
        harvest(source)
        assert call_action("ogptn_harvest_source_show", id=source["id"])["modified"] == source["modified"]


def test_one_refused_record_does_not_stop_the_others(source, face):
    face.datasets[4]["url"] = "https://example.tn/" + "x" * 5000
    face.datasets[5] = {"name": "no-identity-at-all", "id": ""}
    face.datasets[6] = "not even an object"
    job = harvest(source)
    assert job["phase"] == "finished"
    assert counts(job)["added"] + counts(job).get("refused", 0) == 12, issues(job)
    for issue in issues(job):
        assert issue["message"]
        assert issue["advice"]


class TestRemoval:
    def test_marks_then_deletes_then_restores(self, source, face):
        harvest(source)
        gone = face.datasets.pop()
        assert counts(harvest(source))["missing"] == 1
        assert call_action("package_show", id=gone["name"])["state"] == "active"
        assert [record["guid"] for record in records(source, state="missing")] == [gone["id"]]
        assert "removed" not in counts(harvest(source))
        job = harvest(source)
        assert counts(job)["removed"] == 1
        assert job["result"]["removed"] == [gone["title"]]
        assert call_action("package_show", id=gone["name"])["state"] == "deleted"
        record = records(source, state="removed")[0]
        call_action("ogptn_harvest_record_restore", id=record["id"])
        assert call_action("package_show", id=gone["name"])["state"] == "active"
        assert "removed" not in counts(harvest(source))

    def test_grace_in_days(self, source, face):
        harvest(source)
        face.datasets.pop()
        harvest(source)
        model.Session.execute(
            sa.update(HarvestRecord).where(HarvestRecord.state == "missing").values(missing_since=now() - dt.timedelta(days=8))
        )
        model.Session.commit()
        assert counts(harvest(source))["removed"] == 1

    def test_what_comes_back_is_the_same_dataset(self, source, face):
        harvest(source)
        gone = face.datasets.pop()
        before = call_action("package_show", id=gone["name"])["id"]
        for _ in range(3):
            harvest(source)
        face.datasets.append(gone)
        assert counts(harvest(source))["back"] == 1
        shown = call_action("package_show", id=gone["name"])
        assert (shown["id"], shown["state"]) == (before, "active")

    def test_ceiling_asks_a_person(self, source, face):
        harvest(source)
        del face.datasets[3:]
        job = harvest(source)
        assert job["result"]["ceiling"]["count"] == 9
        assert "missing" not in counts(job)
        assert "removal-ceiling" in {issue["slug"] for issue in issues(job)}
        assert counts(harvest(source, allow_removal=True))["missing"] == 9

    @pytest.mark.parametrize("how", ["empty", "truncated"])
    def test_empty_or_truncated_removes_nothing(self, source, face, how: str):
        harvest(source)
        if how == "truncated":
            face.count = 12
        face.datasets = face.datasets[:11] if how == "truncated" else []
        job = harvest(source)
        assert not {"missing", "removed"} & set(counts(job))
        assert job["result"]["incomplete"]
        assert call_action("package_search")["count"] == 12

    def test_a_source_that_fails_removes_nothing(self, source, face):
        harvest(source)
        face.server.says("/api/3/action/package_search", "<html>maintenance</html>")
        job = harvest(source)
        assert job["phase"] == "failed"
        assert issues(job)[0]["message"]
        assert call_action("package_search")["count"] == 12


class TestLocalEdits:
    def test_survive_and_are_shown(self, source, face):
        harvest(source)
        shown = call_action("package_show", id="jeu-3")
        shown["notes_translated"] = {"fr": "Corrigé ici"}
        shown["resources"][0]["description_translated"] = {"fr": "Décrit ici"}
        shown["theme"] = ["ENER"]
        user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
        call_action("package_update", context={"user": user}, **shown)
        face.datasets[3]["notes"] = "Changé à la source"
        face.datasets[3]["title"] = "Titre de la source"
        assert counts(harvest(source))["changed"] == 1
        after = call_action("package_show", id="jeu-3")
        assert after["notes_translated"] == {"fr": "Corrigé ici"}
        assert after["resources"][0]["description_translated"] == {"fr": "Décrit ici"}
        assert after["theme"] == ["ENER"]
        assert after["title_translated"] == {"fr": "Titre de la source"}
        record = records(source, edited=True)[0]
        edits = {edit["field"]: edit for edit in call_action("ogptn_harvest_record_show", id=record["id"])["edits"]}
        assert edits["notes_translated"]["source"] == {"fr": "Changé à la source"}
        # They are still edits after a second change.
        face.datasets[3]["title"] = "Encore"
        harvest(source)
        assert call_action("package_show", id="jeu-3")["notes_translated"] == {"fr": "Corrigé ici"}
        call_action("ogptn_harvest_record_restore", id=record["id"], accept=["notes_translated"])
        harvest(source)
        after = call_action("package_show", id="jeu-3")
        assert after["notes_translated"] == {"fr": "Changé à la source"}
        assert after["theme"] == ["ENER"]

    @pytest.mark.parametrize("when", ["before the datasets are locked", "while they are locked"])
    def test_accepting_while_the_batch_is_written_is_never_lost(self, source, face, app, monkeypatch, when: str):
        """With a second session that really waits for the first one's locks."""
        harvest(source)
        user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
        call_action("package_patch", context={"user": user}, id="jeu-3", notes_translated={"fr": "Corrigé ici"})
        face.datasets[3]["notes"] = "De la source"
        harvest(source)
        [record] = records(source, edited=True)
        face.datasets[3]["title"] = "Nouveau titre"

        def accept() -> None:
            with app.flask_app.test_request_context():
                call_action("ogptn_harvest_record_restore", id=record["id"], accept=["notes_translated"])
                model.Session.remove()

        waited: list[bool] = []
        name = "_lock" if when.startswith("before") else "_store_change"
        original = getattr(Writer, name)
        with ThreadPoolExecutor(1) as pool:
            futures: list[Any] = []

            def meanwhile(writer: Writer, *rest: Any, **more: Any) -> Any:
                if not futures:
                    futures.append(pool.submit(accept))
                    if name == "_lock":
                        futures[0].result(30)
                    else:
                        # It waits for the lock, as PostgreSQL says, and is not through.
                        while not blocked():
                            assert not futures[0].done()
                            time.sleep(0.01)
                        waited.append(True)
                return original(writer, *rest, **more)

            with monkeypatch.context() as patched:
                patched.setattr(Writer, name, meanwhile)
                assert counts(harvest(source))["changed"] == 1
            futures[0].result(30)
        assert bool(waited) == (name == "_store_change")
        if waited:
            # Decided after the batch: the next harvest does it, although the source did not change.
            assert call_action("package_show", id="jeu-3")["notes_translated"] == {"fr": "Corrigé ici"}
            assert counts(harvest(source))["changed"] == 1
        assert call_action("package_show", id="jeu-3")["notes_translated"] == {"fr": "De la source"}
        assert call_action("package_show", id="jeu-3")["title_translated"] == {"fr": "Nouveau titre"}
        assert counts(harvest(source)) == {"seen": 12, "unchanged": 12}

    def test_survive_a_save_while_the_batch_is_planned(self, source, face, monkeypatch):
        harvest(source)
        user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
        face.datasets[3]["title"] = "Titre de la source"
        write = Writer.write

        def saved_meanwhile(writer: Writer, items: Any, *rest: Any) -> Any:
            call_action("package_patch", context={"user": user}, id="jeu-3", notes_translated={"fr": "Corrigé ici"})
            return write(writer, items, *rest)

        monkeypatch.setattr(Writer, "write", saved_meanwhile)
        assert counts(harvest(source))["changed"] == 1
        after = call_action("package_show", id="jeu-3")
        assert after["title_translated"] == {"fr": "Titre de la source"}
        assert after["notes_translated"] == {"fr": "Corrigé ici"}
        assert records(source, edited=True)[0]["offered"] == {"notes_translated": {"fr": "Données synthétiques"}}

    @pytest.mark.parametrize("restored", [False, True], ids=["back at the source", "restored"])
    def test_survive_that_the_record_was_gone(self, source, face, restored: bool):
        harvest(source)
        user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
        call_action("package_patch", context={"user": user}, id="jeu-11", notes_translated={"fr": "Corrigé ici"})
        gone = face.datasets.pop()
        for _ in range(3):
            harvest(source)
        record = records(source, state="removed")[0]
        if restored:
            call_action("ogptn_harvest_record_restore", id=record["id"])
        gone["title"] = "Titre de la source"
        face.datasets.append(gone)
        assert counts(harvest(source))["back"] == 1
        after = call_action("package_show", id="jeu-11")
        assert after["state"] == "active"
        assert after["title_translated"] == {"fr": "Titre de la source"}
        assert after["notes_translated"] == {"fr": "Corrigé ici"}


class TestTwoSources:
    @pytest.fixture
    def other(self, source, face, agency):
        options = {"changes_only": False}
        return call_action(
            "ogptn_harvest_source_create", title="Ministère", url=face.url, backend="ckan", owner_org=agency["id"], options=options
        )

    def test_same_datasets_are_not_doubled(self, source, other):
        harvest(source)
        job = harvest(other)
        assert counts(job)["duplicates"] == 12
        assert call_action("package_search")["count"] == 12
        assert {issue["slug"] for issue in issues(job)} == {"in-another-source"}
        assert counts(harvest(other)) == {"seen": 12, "unchanged": 12}

    def test_this_source_may_win(self, source, other):
        harvest(source)
        call_action("ogptn_harvest_source_update", id=other["id"], conflict="this")
        job = harvest(other)
        assert call_action("package_search")["count"] == 12
        assert {record["state"] for record in records(source)} == {"duplicate"}
        assert counts(job)["warnings"] == 12


class TestPreview:
    def test_says_what_would_happen_and_writes_nothing(self, source, face):
        harvest(source)
        face.datasets.pop()
        face.datasets[0]["title"] = "Nouveau"
        face.datasets.append(remote_dataset(50))
        before, rows = written(), len(records(source))
        found = call_action("ogptn_harvest_preview", id=source["id"], limit=200)
        assert counts(found) == {"seen": 12, "added": 1, "changed": 1, "unchanged": 10, "missing": 1}
        change = next(each for each in found["changed"][0]["fields"] if each["field"] == "title_translated")
        assert change["after"] == {"fr": "Nouveau"}
        assert written() == before
        assert len(records(source)) == rows

    def test_of_a_source_that_is_not_stored(self, face, agency):
        found = call_action("ogptn_harvest_preview", title="Neuf", url=face.url, backend="ckan", owner_org=agency["id"], limit=3)
        assert (found["counts"]["added"], found["expected"]) == (3, 12)
        assert model.Session.query(Source).count() == 0

    def test_as_a_job_over_everything(self, source):
        job = harvest(source, kind="preview")
        assert job["result"]["counts"]["added"] == 12
        assert call_action("package_search")["count"] == 0


class TestJobs:
    def test_one_at_a_time(self, source):
        call_action("ogptn_harvest_job_create", source_id=source["id"])
        with pytest.raises(Exception, match="open already"):
            call_action("ogptn_harvest_job_create", source_id=source["id"])

    def test_cancel_before_it_begins(self, source):
        job = call_action("ogptn_harvest_job_create", source_id=source["id"])
        assert call_action("ogptn_harvest_job_cancel", id=job["id"])["phase"] == "cancelled"
        assert run.run(job["id"]) is None

    def test_a_killed_worker_s_job_goes_on(self, source, face):
        job = call_action("ogptn_harvest_job_create", source_id=source["id"])
        token = run.claim(job["id"])
        assert token
        # It wrote some, then died: no sign of life since.
        with run.Life(job["id"], token) as life:
            user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
            runner = run.Runner(job["id"], source["id"], token, life, user)
            from ckanext.ogptn.harvesters.engine import source as sources

            runner.backend = sources.backend_of(runner.source)
            runner.write([runner.backend._record(each, face.url) for each in face.datasets[:4]])  # pyright: ignore
        assert run.run(job["id"]) is None
        model.Session.execute(sa.update(Job).values(heartbeat=now() - dt.timedelta(hours=1)))
        model.Session.commit()
        assert jobs.tick()["revived"] in (0, 1)
        assert run.run(job["id"]) == "finished"
        done = call_action("ogptn_harvest_job_show", id=job["id"])
        assert counts(done) == {"seen": 12, "added": 12}
        assert call_action("package_search")["count"] == 12

    def test_what_was_committed_but_not_indexed_is_indexed_next(self, source):
        harvest(source)
        from ckan.lib import search

        package_id = call_action("package_show", id="jeu-1")["id"]
        search.clear(package_id)
        model.Session.execute(sa.update(HarvestRecord).where(HarvestRecord.package_id == package_id).values(indexed=False))
        model.Session.commit()
        assert call_action("package_search")["count"] == 11
        harvest(source)
        assert call_action("package_search")["count"] == 12

    def test_clear(self, source):
        harvest(source)
        assert counts(harvest(source, kind="clear"))["removed"] == 12
        assert call_action("package_search")["count"] == 0
        assert counts(harvest(source))["back"] == 12

    def test_a_source_that_is_added_again_finds_its_datasets(self, source, face, agency):
        harvest(source)
        call_action("ogptn_harvest_source_delete", id=source["id"])
        again = call_action("ogptn_harvest_source_create", title="Encore", url=face.url, backend="ckan", owner_org=agency["id"])
        assert harvest(again)["phase"] == "finished"
        assert call_action("package_search")["count"] == 12
        assert len(records(again, state="active")) == 12

    def test_schedule_and_tick(self, source):
        call_action("ogptn_harvest_source_update", id=source["id"], schedule="daily 03:30")
        assert call_action("ogptn_harvest_source_show", id=source["id"])["next_run"]
        model.Session.execute(sa.update(Source).values(next_run=now() - dt.timedelta(minutes=1)))
        model.Session.commit()
        assert jobs.tick()["started"] == 1
        assert jobs.tick()["started"] == 0

    def test_the_next_tick_is_planned_before_anything_can_go_wrong(self, clean_queues, monkeypatch):
        planned = background.get_queue(config.queue()).scheduled_job_registry
        assert len(planned) == 0
        found: list[int] = []
        monkeypatch.setattr(jobs, "tick", lambda: found.append(len(planned)))
        jobs.scheduled_tick()
        assert found == [1]
        jobs.schedule_tick()
        assert len(planned) == 1

    def test_whoever_starts_a_job_sees_to_the_ticks(self, source, clean_queues):
        call_action("ogptn_harvest_job_create", source_id=source["id"])
        assert len(background.get_queue(config.queue()).scheduled_job_registry) == 1

    def test_jobs_that_the_queue_lost_are_queued_again_once(self, source, clean_queues):
        job = call_action("ogptn_harvest_job_create", source_id=source["id"])
        queue = background.get_queue(config.queue())
        queue.empty()
        model.Session.execute(sa.update(Job).values(created=now() - dt.timedelta(hours=1)))
        model.Session.commit()
        # Somebody else's job in the same queue, of an extension that is not installed any more.
        queue.enqueue("ckanext.gone.work")
        queue.jobs[0].connection.hset(queue.jobs[0].key, "data", b"not a pickle")
        assert jobs.tick()["revived"] == 1
        assert jobs.tick()["revived"] == 0
        assert run.run(job["id"]) == "finished"

    @pytest.mark.parametrize(
        ("words", "cron"),
        [
            ("", ""),
            ("manual", ""),
            ("hourly", "0 * * * *"),
            ("daily 03:30", "30 3 * * *"),
            ("weekly 5 23:05", "5 23 * * 5"),
            ("*/5 * * * *", "*/5 * * * *"),
        ],
    )
    def test_words_for_schedules(self, words: str, cron: str):
        assert jobs.cron_of(words) == cron

    @pytest.mark.parametrize("words", ["sometimes", "daily 25:00", "* * * *", "daily x"])
    def test_wrong_schedules(self, words: str):
        with pytest.raises(ValueError, match=r".*"):
            jobs.cron_of(words)

    def test_pruning_keeps_identity(self, source, monkeypatch):
        for _ in range(3):
            harvest(source)
        monkeypatch.setattr(jobs.config, "number", lambda name: {"keep_jobs": 1}.get(name, 365))
        assert jobs.prune() == 2
        assert len(records(source)) == 12


@pytest.mark.ckan_config("ogptn.harvest.workers_per_job", 3)
@pytest.mark.ckan_config("ogptn.harvest.batch_size", 2)
def test_several_workers_share_a_job(source, face, app):
    face.datasets = [remote_dataset(number) for number in range(40)]
    written: list[int] = []
    over = threading.Event()

    def other_worker() -> None:
        with app.flask_app.test_request_context():
            while not over.is_set():
                # The job itself waits there too; this test runs it below.
                for waiting in background.get_queue(config.queue()).jobs:
                    if str(waiting.func_name).endswith("help_with"):
                        written.append(waiting.perform())
                        waiting.delete()
                time.sleep(0.02)
            model.Session.remove()

    background.get_queue(config.queue()).empty()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(other_worker)
        try:
            job = harvest(source)
        finally:
            over.set()
        other.result(60)
    assert job["phase"] == "finished", issues(job)
    assert counts(job) == {"seen": 40, "added": 40}, issues(job)
    assert call_action("package_search", rows=0)["count"] == 40
    assert model.Session.query(Batch).count() == 0
    # Not by the reader alone.
    assert sum(written) > 0
