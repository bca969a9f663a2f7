"""What people decide after a job: removals that were held back, datasets that went, fields that were changed here."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.tests import factories
from ckan.tests.helpers import call_action, call_auth
from sqlalchemy import event

from ckanext.ogptn.harvesters.engine import jobs, removal
from ckanext.ogptn.harvesters.engine.model import HarvestRecord, Job

from .test_run import counts, face, harvest, records, source  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
]


def held_back(source: dict[str, Any], face: Any) -> dict[str, Any]:  # noqa: F811
    """A job that asks: nine of twelve datasets are gone."""
    harvest(source)
    del face.datasets[3:]
    job = harvest(source)
    assert job["result"]["ceiling"]["count"] == 9
    return job


class TestHeldBack:
    def test_removing_starts_a_job_that_may(self, source, face) -> None:  # noqa: F811
        asked = held_back(source, face)
        answered = call_action("ogptn_harvest_job_decide", {"user": "somebody"}, id=asked["id"], remove=True)
        ceiling = answered["result"]["ceiling"]
        assert ceiling["answer"] == "remove"
        assert ceiling["answered_by"] == "somebody"
        assert ceiling["titles"], "what was asked stays readable"
        started = call_action("ogptn_harvest_job_show", id=ceiling["job"])
        assert started["allow_removal"]
        assert started["phase"] == "waiting"

    def test_keeping_starts_nothing_and_is_said_once(self, source, face) -> None:  # noqa: F811
        asked = held_back(source, face)
        before = model.Session.scalar(sa.select(sa.func.count()).select_from(Job))
        assert call_action("ogptn_harvest_job_decide", id=asked["id"], remove="false")["result"]["ceiling"]["answer"] == "keep"
        assert model.Session.scalar(sa.select(sa.func.count()).select_from(Job)) == before
        with pytest.raises(tk.ValidationError):
            call_action("ogptn_harvest_job_decide", id=asked["id"], remove=True)

    def test_only_the_last_look_counts(self, source, face) -> None:  # noqa: F811
        asked = held_back(source, face)
        harvest(source)
        with pytest.raises(tk.ValidationError, match="newer"):
            call_action("ogptn_harvest_job_decide", id=asked["id"], remove=True)

    def test_a_job_that_asks_nothing(self, source) -> None:  # noqa: F811
        job = harvest(source)
        with pytest.raises(tk.ValidationError):
            call_action("ogptn_harvest_job_decide", id=job["id"], remove=True)
        with pytest.raises(tk.ValidationError):
            call_action("ogptn_harvest_job_decide", id=job["id"], remove="perhaps")


class TestRestoringAll:
    def test_what_a_job_removed_comes_back_in_one_action(self, source, monkeypatch) -> None:  # noqa: F811
        harvest(source)
        job = harvest(source, kind="clear")
        assert counts(job) == {"removed": 12}
        assert len(records(source, state="removed", job_id=job["id"])) == 12
        monkeypatch.setattr(removal, "AT_ONCE", 5)
        assert call_action("ogptn_harvest_job_restore", id=job["id"]) == {"restored": 5, "queued": 7}
        # What the worker does then.
        assert jobs.restore(job["id"], "") == 7
        assert {record["state"] for record in records(source)} == {"missing"}
        assert call_action("package_search", rows=0)["count"] == 12
        with pytest.raises(tk.ValidationError):
            call_action("ogptn_harvest_job_restore", id=job["id"])
        assert counts(harvest(source))["back"] == 12

    def test_a_purged_dataset_stays_away(self, source) -> None:  # noqa: F811
        harvest(source)
        job = harvest(source, kind="clear")
        package_id = records(source)[0]["package_id"]
        call_action("dataset_purge", id=package_id)
        assert call_action("ogptn_harvest_job_restore", id=job["id"]) == {"restored": 11, "queued": 0}


def test_keeping_an_edit_stops_listing_it_until_the_source_changes(source, face) -> None:  # noqa: F811
    harvest(source)
    user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
    call_action("package_patch", {"user": user}, id="jeu-3", notes_translated={"fr": "Corrigé ici"})
    face.datasets[3]["notes"] = "Nouveau à la source"
    harvest(source)
    [edited] = records(source, edited=True)
    call_action("ogptn_harvest_record_restore", id=edited["id"], keep=["notes_translated"])
    assert records(source, edited=True) == []
    harvest(source)
    assert records(source, edited=True) == []
    assert call_action("package_show", id="jeu-3")["notes_translated"] == {"fr": "Corrigé ici"}
    face.datasets[3]["notes"] = "Encore nouveau"
    harvest(source)
    [again] = records(source, edited=True)
    assert again["offered"] == {"notes_translated": {"fr": "Encore nouveau"}}


def test_lists_are_light(source, face) -> None:  # noqa: F811
    harvest(source)
    previewed = harvest(source, kind="preview")
    assert previewed["result"]["counts"]["unchanged"] == 12
    listed = call_action("ogptn_harvest_job_list", source_id=source["id"])["results"]
    # Of a preview its counts, and none of the records that it lists.
    assert [job["result"] for job in listed] == [{"counts": previewed["result"]["counts"]}, {}]
    assert call_action("ogptn_harvest_source_list")["results"][0]["last_job"]["id"] == previewed["id"]
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    engine = model.meta.engine
    assert engine is not None

    def asked() -> int:
        model.Session.remove()
        statements.clear()
        event.listen(engine, "before_cursor_execute", count)
        try:
            call_action("ogptn_harvest_source_list")
        finally:
            event.remove(engine, "before_cursor_execute", count)
        return len(statements)

    one = asked()
    for number in range(5):
        call_action(
            "ogptn_harvest_source_create", title=f"S{number}", url=f"{face.url}/{number}", backend="ckan", owner_org=source["owner_org"]
        )
    assert asked() == one, "no query for each source"
    statements.clear()
    event.listen(engine, "before_cursor_execute", count)
    records(source)
    event.remove(engine, "before_cursor_execute", count)
    assert not any("ogptn_harvest_record.content" in statement for statement in statements)


def test_only_administrators_of_the_organisation_decide(source, agency) -> None:  # noqa: F811
    job = harvest(source)
    administrator, editor, stranger = (factories.User() for _ in range(3))
    call_action("organization_member_create", id=agency["id"], username=administrator["name"], role="admin")
    call_action("organization_member_create", id=agency["id"], username=editor["name"], role="editor")
    for action in ("ogptn_harvest_job_decide", "ogptn_harvest_job_restore"):
        assert call_auth(action, {"user": administrator["name"], "model": model}, id=job["id"])
        for other in (editor["name"], stranger["name"], ""):
            with pytest.raises(tk.NotAuthorized):
                call_auth(action, {"user": other, "model": model}, id=job["id"])
    # Issues look their records up by what is indexed.
    keys = sa.select(HarvestRecord.id).where(HarvestRecord.source_id == source["id"], HarvestRecord.key.in_(["a", "b"]))
    # As many records as a planner takes seriously: with a dozen, one index is as good as another.
    model.Session.execute(
        sa.insert(HarvestRecord),
        [{"source_id": source["id"], "guid": f"many-{number}", "key": f"many-{number}"} for number in range(3000)],
    )
    model.Session.execute(sa.text("ANALYZE ogptn_harvest_record"))
    compiled = keys.compile(dialect=model.meta.engine.dialect, compile_kwargs={"literal_binds": True})  # type: ignore[union-attr]
    plan = "\n".join(row[0] for row in model.Session.execute(sa.text(f"EXPLAIN {compiled}")))
    assert "ogptn_harvest_record_identity" in plan
