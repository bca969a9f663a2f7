"""Several batches go into the search index together, and what somebody writes to a dataset meanwhile is not overwritten there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.engine import outgoing, run, showing
from ckanext.ogptn.harvesters.engine.model import HarvestRecord, Job
from ckanext.ogptn.harvesters.engine.outgoing import Outgoing

from .ckan_face import CkanFace
from .test_run import counts, face, harvest, issues, source  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
    pytest.mark.ckan_config("ogptn.harvest.batch_size", "4"),
]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many documents each request to the index had."""
    found: list[int] = []
    original = showing.send

    def send(made: Sequence[dict[str, Any]], gone: Sequence[str] = ()) -> None:
        found.append(len(made))
        original(made, gone)

    with monkeypatch.context() as patched:
        patched.setattr(showing, "send", send)
        yield found


@pytest.fixture
def after_the_first_batch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """``after_the_first_batch(act)``: once it is committed, and waits, somebody else acts."""
    original = Outgoing.take

    def plan(act: Callable[[], Any]) -> None:
        done: list[bool] = []

        def take(self: Outgoing, *given: Any) -> None:
            original(self, *given)
            if not done and self.waits:
                done.append(True)
                act()
                model.Session.remove()

        monkeypatch.setattr(Outgoing, "take", take)

    return plan


def found(name: str) -> dict[str, Any] | None:
    results = call_action("package_search", fq=f"name:{name}")["results"]
    return results[0] if results else None


def steward(action: str, **data: Any) -> Any:
    return call_action(action, context={"user": str(call_action("get_site_user")["name"]), "ignore_auth": True}, **data)


def unindexed() -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(HarvestRecord).where(sa.not_(HarvestRecord.indexed))) or 0


def test_batches_go_together(source: dict[str, Any], face: CkanFace, sent: list[int]) -> None:  # noqa: F811
    assert counts(harvest(source)) == {"seen": 12, "added": 12}
    assert sent == [12]
    assert call_action("package_search")["count"] == 12
    for dataset in face.datasets:
        dataset["title"] += " (nouveau)"
    assert counts(harvest(source)) == {"seen": 12, "changed": 12}
    assert sent == [12, 12]
    assert {each["title"] for each in call_action("package_search", rows=20)["results"]} == {each["title"] for each in face.datasets}
    assert unindexed() == 0


def test_not_more_than_fit(source: dict[str, Any], sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(outgoing, "TOGETHER", 5)
    harvest(source)
    assert sent == [8, 4]
    monkeypatch.setattr(outgoing, "CHARACTERS", 1)
    harvest(source, kind="clear")
    sent.clear()
    harvest(source)
    assert max(sent) <= 4


def test_a_steward_s_save_is_not_overwritten(source: dict[str, Any], after_the_first_batch: Any) -> None:  # noqa: F811
    after_the_first_batch(lambda: steward("package_patch", id="jeu-1", version="of the steward"))
    assert counts(harvest(source))["added"] == 12
    one = found("jeu-1")
    assert one is not None
    assert one["version"] == "of the steward"
    assert unindexed() == 0


@pytest.mark.parametrize("action", ["package_delete", "dataset_purge"])
def test_what_is_deleted_meanwhile_does_not_come_back(source: dict[str, Any], after_the_first_batch: Any, action: str) -> None:  # noqa: F811
    after_the_first_batch(lambda: steward(action, id="jeu-1"))
    harvest(source)
    assert found("jeu-1") is None
    assert call_action("package_search")["count"] == 11


def test_a_group_and_a_table_are_seen_though_the_dataset_s_row_is_as_it_was(source: dict[str, Any], after_the_first_batch: Any) -> None:  # noqa: F811
    steward("group_create", name="energie-verte", title="Énergie verte")

    def act() -> None:
        package = model.Package.get("jeu-1")
        assert package is not None
        before = package.metadata_modified
        steward("member_create", id="energie-verte", object=package.id, object_type="package", capacity="public")
        # As the DataStore notes that a resource has a table: past the dataset.
        resource = package.resources[0]
        model.Session.query(model.Resource).filter_by(id=resource.id).update({"extras": {**resource.extras, "datastore_active": True}})
        model.Session.commit()
        assert package.metadata_modified == before

    after_the_first_batch(act)
    harvest(source)
    one = found("jeu-1")
    assert one is not None
    assert [group["name"] for group in one["groups"]] == ["energie-verte"]
    assert one["resources"][0]["datastore_active"] is True


def test_an_index_that_does_not_answer_gets_it_all_next_time(source: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    class Silent:
        def add(self, **_options: Any) -> None:
            raise OSError("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(showing.search_index, "make_connection", Silent)
        job = harvest(source)
    assert job["phase"] == "failed"
    assert [each["slug"] for each in issues(job)] == ["index-unreachable"]
    assert unindexed() == 12
    assert call_action("package_search")["count"] == 0
    assert counts(harvest(source)) == {"seen": 12, "unchanged": 12}
    assert call_action("package_search")["count"] == 12
    assert unindexed() == 0


def test_what_was_written_before_somebody_cancelled_is_found(source: dict[str, Any], after_the_first_batch: Any) -> None:  # noqa: F811
    def cancel() -> None:
        model.Session.execute(sa.update(Job).values(cancel=True))
        model.Session.commit()
        for life in lives:
            life._cancelled.set()

    lives: list[Any] = []
    original = run.Life.__enter__

    def enter(self: Any) -> Any:
        lives.append(self)
        return original(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run.Life, "__enter__", enter)
        after_the_first_batch(cancel)
        job = harvest(source)
    assert job["phase"] == "cancelled"
    assert call_action("package_search")["count"] == counts(job)["added"] == 4
    assert unindexed() == 0
