"""What a preview says is what the harvest that follows does: the same counts, from the same decisions."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.ckan import CkanBackend
from ckanext.ogptn.harvesters.engine import preview, run
from ckanext.ogptn.harvesters.engine.ahead import Ahead
from ckanext.ogptn.harvesters.engine.model import HarvestRecord
from tests.commitment.test_commitment import EXAMPLE as COMMITMENT

from .ckan_face import CkanFace, remote_dataset
from .test_run import counts, face, harvest, issues, records, refusing, source, written  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
    # So that what one batch decides matters to the next.
    pytest.mark.ckan_config("ogptn.harvest.batch_size", 4),
]


def as_foreseen(source: dict[str, Any], **more: Any) -> dict[str, int]:  # noqa: F811
    """Preview, harvest, compare; gives the counts."""
    before, known = written(), [dict(row) for row in records(source)]
    found = harvest(source, kind="preview")
    assert found["phase"] == "finished", issues(found)
    assert written() == before, "a preview writes nothing"
    assert [dict(row) for row in records(source)] == known
    done = harvest(source, full=True, **more)
    assert done["phase"] == "finished", issues(done)
    foreseen = found["result"]
    assert counts(foreseen) == {name: count for name, count in counts(done).items() if name in preview.COUNTED}
    assert len(foreseen["added"]) == foreseen["counts"]["added"]
    assert len(foreseen["refused"]) == foreseen["counts"]["refused"]
    told = {(each["slug"], each["guid"], each["message"]) for each in foreseen["issues"]}
    told |= {("refused", each["guid"], reason["message"]) for each in foreseen["refused"] for reason in each["reasons"]}
    said = [each for each in issues(done) if not each["slug"].startswith(("gone-", "removal-"))]
    assert told == {("refused" if each["severity"] == "error" else each["slug"], each["guid"], each["message"]) for each in said}
    return counts(foreseen)


@pytest.fixture
def other(source, face, agency) -> dict[str, Any]:  # noqa: F811
    return call_action(
        "ogptn_harvest_source_create", title="Ministère", url=face.url, backend="ckan", owner_org=agency["id"], options={"page_size": 5}
    )


def test_a_source_of_all_sorts_at_every_pass(source, face: CkanFace, refusing, monkeypatch):  # noqa: F811
    monkeypatch.setattr(run, "CHUNK", 5)
    read = CkanBackend.records

    def one_twice(*given: Any) -> Any:
        records = list(read(*given))
        yield from [*records, *(each for each in records if each.guid == face.datasets[0]["id"])]

    monkeypatch.setattr(CkanBackend, "records", one_twice)
    face.datasets[3]["title"], face.datasets[4]["title"], face.datasets[5]["title"] = "REFUSE", "RAISE", "NUL"
    face.datasets[6] = "not even an object"
    face.datasets[7]["id"] = "x" * 2_001
    # Two of one name, in different batches.
    face.datasets.append(remote_dataset(40, name="jeu-2"))
    assert as_foreseen(source) == {"seen": 14, "added": 8, "refused": 5}
    assert as_foreseen(source) == {"seen": 14, "unchanged": 8, "refused": 5}
    # What was refused is right now, what was right is refused; a slug changed, another went to a new record, an identifier is new.
    face.datasets[3]["title"], face.datasets[8]["title"] = "Corrigé", "REFUSE"
    face.datasets[0]["name"] = "autre-nom"
    face.datasets.append(remote_dataset(77, name="jeu-9", title="Un autre"))
    face.datasets[9]["name"] = "jeu-9-ancien"
    face.datasets[10]["id"] = "99999999-0000-4000-8000-000000000000"
    assert as_foreseen(source) == {"seen": 15, "added": 2, "changed": 3, "unchanged": 4, "refused": 5}


def test_what_is_gone_due_and_back(source, face: CkanFace):  # noqa: F811
    harvest(source)
    gone = face.datasets.pop()
    assert as_foreseen(source) == {"seen": 11, "unchanged": 11, "missing": 1}
    assert as_foreseen(source) == {"seen": 11, "unchanged": 11}
    assert as_foreseen(source) == {"seen": 11, "unchanged": 11, "removed": 1}
    face.datasets.append(gone)
    assert as_foreseen(source) == {"seen": 12, "unchanged": 11, "back": 1}
    del face.datasets[3:]
    assert as_foreseen(source) == {"seen": 3, "unchanged": 3}
    found = call_action("ogptn_harvest_preview", id=source["id"], limit=200)
    assert found["held"] == {"count": 9, "of": 12}


def test_one_truncated_removes_nothing_in_both(source, face: CkanFace):  # noqa: F811
    harvest(source)
    face.datasets.pop()
    face.count = 12
    assert as_foreseen(source) == {"seen": 11, "unchanged": 11}


@pytest.mark.parametrize("wins", ["first", "this"])
def test_two_sources_with_the_same_datasets(source, other, face: CkanFace, wins: str):  # noqa: F811
    face.datasets[5]["resources"] = copy.deepcopy(face.datasets[4]["resources"])
    harvest(source)
    call_action("ogptn_harvest_source_update", id=other["id"], conflict=wins)
    # By the identifier; and by their files, of which two have the same.
    for number in (4, 5, 6):
        face.datasets[number]["id"] = f"88888888-0000-4000-8000-{number:012}"
    face.datasets.append(remote_dataset(60))
    found = as_foreseen(other)
    if wins == "first":
        assert found == {"seen": 13, "added": 1, "duplicates": 12}
    else:
        assert found["seen"] == 13
        assert found.get("duplicates") is None
        mine = [record["package_id"] for record in records(other)]
        assert len(set(mine)) == 13, "no dataset is two records'"
    assert as_foreseen(other) == {"seen": 13, "unchanged": 13}


def test_local_edits_are_kept_in_both(source, face: CkanFace):  # noqa: F811
    harvest(source)
    user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
    call_action("package_patch", {"user": user}, id="jeu-3", notes_translated={"fr": "Corrigé ici"}, theme=["ENER"])
    face.datasets[3] |= {"notes": "De la source", "title": "Nouveau"}
    # Only what was changed here would change.
    face.datasets[3]["resources"][0]["name"] = "Renommé"
    found = call_action("ogptn_harvest_preview", id=source["id"], limit=200)
    fields = {each["field"].split(".")[0]: each for each in found["changed"][0]["fields"]}
    assert set(fields) == {"title_translated", "notes_translated", "resources", "theme"}
    assert {name for name, each in fields.items() if each["kept"]} == {"notes_translated", "theme"}
    assert fields["notes_translated"] | {"field": ""} == {
        "field": "", "before": {"fr": "Corrigé ici"}, "after": {"fr": "De la source"}, "kept": True,
    }  # fmt: skip
    assert as_foreseen(source) == {"seen": 12, "changed": 1, "unchanged": 11}


def test_records_that_are_compared_with_each_other(source, face: CkanFace, monkeypatch):  # noqa: F811
    """Two commitments of one plan cannot have one number, be they in one batch or in two."""

    def to_dataset(_backend: CkanBackend, record: Any) -> dict[str, Any]:
        number = int(record.guid[-12:])
        return {**copy.deepcopy(COMMITMENT), "commitment_number": str(100 + number % 5), "title_translated": {"ar": f"تعهد {number}"}}

    monkeypatch.setattr(CkanBackend, "to_dataset", to_dataset)
    assert as_foreseen(source) == {"seen": 12, "added": 5, "refused": 7}
    assert as_foreseen(source) == {"seen": 12, "unchanged": 5, "refused": 7}


@pytest.mark.ckan_config("ckan.locale_default", "fr")
def test_a_worker_says_it_in_the_sites_language_and_a_page_in_the_readers(source, face: CkanFace, refusing, app):  # noqa: F811
    face.datasets[3]["title"], face.datasets[7]["id"] = "REFUSE", "x" * 2_001
    job = harvest(source, kind="preview")
    [refused] = [each for each in job["result"]["refused"] if each["title"] == "REFUSE"]
    # What a validator says is stored as it was said.
    assert "« SOMETIMES » n'est pas dans la liste « Fréquence" in refused["reasons"][0]["message"]
    assert job["progress"] | {"per_second": 0} == {"done": 12, "expected": 12, "percent": 100, "per_second": 0, "seconds_left": None}
    sysadmin = factories.SysadminWithToken()
    shown = {
        language: app.get(f"/{language}/harvest/job/{job['id']}", headers={"Authorization": sysadmin["token"]}).body
        for language in ("ar", "fr", "en")
    }
    assert "معرّف السجل أطول من 2000" in shown["ar"]
    assert "longer than 2000 characters" in shown["en"]
    assert "longer than" not in shown["fr"] + shown["ar"]


def test_a_preview_leaves_nobody_waiting(source, face: CkanFace, monkeypatch):  # noqa: F811
    """While it reads, no row of the catalogue is locked."""
    harvest(source)
    face.datasets[0]["title"] = "Nouveau"
    free: list[bool] = []

    def looking_first(original: Any) -> Any:
        def wait(*given: Any, **more: Any) -> Any:
            engine = model.meta.engine
            assert engine is not None
            with engine.begin() as connection:
                locked = connection.execute(sa.select(model.package_table.c["id"]).with_for_update(nowait=True)).all()
            free.append(len(locked) == 12)
            return original(*given, **more)

        return wait

    # Where it waits for the source: for the first page, and for each that was asked for ahead.
    monkeypatch.setattr(CkanBackend, "_search", looking_first(CkanBackend._search))
    monkeypatch.setattr(Ahead, "result", looking_first(Ahead.result))
    assert counts(call_action("ogptn_harvest_preview", id=source["id"], limit=200)) == {"seen": 12, "changed": 1, "unchanged": 11}
    assert free == [True] * 3
    assert model.Session.query(HarvestRecord).count() == 12
