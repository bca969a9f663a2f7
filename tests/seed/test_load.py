"""The seed in a site: everything validates, a second run writes nothing, what people did stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from ckan import model
from ckan.cli.cli import ckan as ckan_command
from ckan.tests import factories
from ckan.tests.helpers import call_action
from click.testing import CliRunner
from sqlalchemy.engine import Engine

from ckanext.ogptn.seed import loader, records
from ckanext.ogptn.seed.loader import NOTE, load

SEED = Path(records.__file__).parent
# Enough of the seed to show every rule, in a fraction of the time.
FEW_COMMITMENTS = ("nap1-05", "nap1-06", "nap1-13", "nap1-15", "nap1-20")
FEW_DATASETS = ("demo-rapport-semestriel-budget-etat", "demo-qualite-eau", "decoupage-administratif")


@contextmanager
def writes() -> Iterator[list[str]]:
    """Every INSERT, UPDATE, DELETE or DDL statement that any engine of this process sends while the block runs."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if re.match(r"\s*(insert|update|delete|merge|copy|create|drop|alter|truncate)\b", statement, re.I):
            seen.append(statement)

    sa.event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(Engine, "before_cursor_execute", note)


class SmallSeed:
    """A copy of the seed with a few records, which the loader reads, and which a test changes as the next release of the project would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "files").mkdir()
        self.content = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in SEED.glob("*.yaml")}
        self._keep("commitments", FEW_COMMITMENTS)
        self._keep("datasets", FEW_DATASETS)
        owners = {entry["owner"] for key in ("commitments", "datasets") for entry in self.content[key][key]}
        owners |= {
            entry["parent"] for entry in self.content["organisations"]["organisations"] if entry["name"] in owners and "parent" in entry
        }
        self._keep("organisations", tuple(owners))
        for entry in self.content["datasets"]["datasets"]:
            for resource in entry["resources"]:
                if "file" in resource:
                    (folder / "files" / resource["file"]).write_bytes((SEED / "files" / resource["file"]).read_bytes())
        self._write()
        self.size = len(owners) + len(FEW_COMMITMENTS)

    def _keep(self, key: str, names: tuple[str, ...]) -> None:
        self.content[key][key] = [entry for entry in self.content[key][key] if entry["name"] in names]

    def _write(self) -> None:
        for name, content in self.content.items():
            (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")

    def change(self, key: str, name: str, **fields: Any) -> None:
        """Give fields of a record new values; ``None`` takes a field away."""
        entry = next(entry for entry in self.content[key][key] if entry["name"] == name)
        for field, value in fields.items():
            if value is None:
                del entry[field]
            elif isinstance(value, dict):
                entry[field] = {**entry[field], **value}
            else:
                entry[field] = value
        self._write()


@pytest.fixture
def seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallSeed:
    small = SmallSeed(tmp_path)
    monkeypatch.setattr(records, "HERE", tmp_path)
    monkeypatch.setattr(records, "FILES", tmp_path / "files")
    return small


def show(name: str) -> dict[str, Any]:
    return call_action("package_show", id=name)


def person(action: str, **fields: Any) -> Any:
    """What somebody with every right does by hand."""
    if model.User.get("somebody") is None:
        factories.Sysadmin(name="somebody")
    return call_action(action, context={"user": "somebody", "ignore_auth": False}, **fields)


def rows_of(table: str) -> int:
    return model.Session.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one()


# -- all of it


@pytest.mark.usefixtures("clean_db")
def test_the_whole_seed_validates_is_stored_as_written_and_a_second_run_writes_nothing():
    lines: list[str] = []
    first = load(lines.append, demo=True)
    assert first.errors == []
    everything = [*records.organisations(), *records.datasets(), *records.commitments()]
    assert first.created == [record.name for record in everything]
    assert first.tables == [upload.name for record in everything for upload in record.uploads]
    assert {"organisations 5/23", "organisations 23/23", "datasets 20/20", "commitments 21/21"} <= set(lines)

    for record in everything[:23]:
        check_organisation(record)
    for record in everything[23:]:
        check_dataset(record)
    check_levels()
    check_tables()

    modified = {name: show(name)["metadata_modified"] for name in call_action("package_list")}
    activities = rows_of("activity")
    with writes() as seen:
        second = load(demo=True)
    assert seen == []
    assert second.unchanged == first.created
    assert second.created == second.updated == second.kept == second.tables == second.errors == []
    assert {name: show(name)["metadata_modified"] for name in modified} == modified
    assert rows_of("activity") == activities


def check_organisation(record: records.Record) -> None:
    stored = call_action("organization_show", id=record.name)
    assert stored["title_translated"] == record.data["title_translated"]
    assert stored["description_translated"] == record.data["description_translated"]
    parent = record.data.get("parent")
    assert stored.get("parent") == (parent and call_action("organization_show", id=parent)["id"])


def check_dataset(record: records.Record) -> None:
    stored = show(record.name)
    assert stored["state"] == "active"
    for key, value in record.data.items():
        if key not in ("owner_org", "resources", *loader.DATASET_LINKS):
            assert loader._same(stored.get(key), value), (record.name, key, stored.get(key), value)
    assert stored["organization"]["name"] == record.data["owner_org"]
    for key in loader.DATASET_LINKS:
        assert [show(dataset)["name"] for dataset in stored.get(key) or []] == record.data.get(key, []), (record.name, key)
    links = record.data.get("resources", [])
    assert len(stored["resources"]) == len(links) + len(record.uploads)
    for resource, given in zip(stored["resources"], [*links, *(upload.metadata for upload in record.uploads)], strict=True):
        assert loader._holds_row(resource, given), (record.name, resource, given)
    # Nobody's name or address came along, and the loader's note is not public.
    assert not stored.get("responsible_contacts") and not stored.get("contact")
    assert "plugin_data" not in stored and NOTE not in str(stored)


def check_levels() -> None:
    found = call_action("package_search", fq="dataset_type:commitment", rows=0, **{"facet.field": ["vocab_completion_level"]})
    assert found["count"] == 21
    assert found["facets"]["vocab_completion_level"] == {"limited": 6, "substantial": 8, "complete": 6, "not_started": 1}
    assert show("nap1-20")["completion_level"] == "not_started"


def check_tables() -> None:
    resource = show("demo-budget-etat-programmes")["resources"][0]
    assert resource["datastore_active"] is True and resource["url_type"] == "upload"
    found = call_action("datastore_search", resource_id=resource["id"], limit=500)
    rows = list(next(record for record in records.datasets() if record.name == "demo-budget-etat-programmes").uploads[0].rows())
    assert found["total"] == len(rows)
    assert [str(row["ouvert"]) for row in found["records"]] == [row["ouvert"] for row in rows]
    assert all("synthetic demonstration data" in row["donnees_synthetiques"] for row in found["records"])
    types = {column["id"]: column["type"] for column in found["fields"]}
    assert (types["annee"], types["ouvert"], types["mission_code"]) == ("int4", "numeric", "text")


# -- what people did


@pytest.mark.usefixtures("clean_db")
class TestWhatPeopleDid:
    def test_without_demo_only_the_plan_and_demo_later_adds_the_links(self, seed: SmallSeed):
        first = load()
        assert first.errors == [] and len(first.created) == seed.size
        assert not show("nap1-13").get("related_datasets")
        second = load(demo=True)
        assert second.errors == [] and second.updated == ["nap1-13"]
        linked = show("nap1-13")["related_datasets"]
        assert linked == [show("demo-rapport-semestriel-budget-etat")["id"]]
        # Without the option again: the demonstration datasets are still there, so nothing is withdrawn.
        third = load()
        assert third.updated == third.created == third.errors == third.kept == []
        assert show("nap1-13")["related_datasets"] == linked

    def test_an_edit_stays_while_other_fields_of_the_same_record_follow_the_seed(self, seed: SmallSeed):
        assert load().errors == []
        title = {**show("nap1-06")["title_translated"], "fr": "Titre d'un éditeur"}
        person("package_patch", id="nap1-06", title_translated=title)
        seed.change("commitments", "nap1-06", title={"fr": "Titre de la version suivante", "en": "The next release's title"})
        seed.change("commitments", "nap1-06", keywords=["governance", "e-government"])
        report = load()
        assert report.errors == [] and report.updated == ["nap1-06"] and report.kept == ["nap1-06 (title_translated)"]
        stored = show("nap1-06")
        assert stored["title_translated"] == title
        assert "e-government" in stored["tags_translated"]["en"]
        with writes() as seen:
            again = load()
        assert again.kept == report.kept and again.updated == [] and seen == []

    def test_an_edit_without_a_change_of_the_seed_is_left_alone(self, seed: SmallSeed):
        assert load().errors == []
        text = {"ar": "نص جديد من محرر", "fr": "Texte d'un éditeur", "en": "An editor's text"}
        person("package_patch", id="nap1-15", notes_translated=text)
        with writes() as seen:
            report = load()
        assert seen == [] and report.errors == [] and len(report.unchanged) == seed.size
        assert show("nap1-15")["notes_translated"] == text

    def test_a_changed_seed_reaches_a_record_that_nobody_edited_and_a_withdrawn_value_goes(self, seed: SmallSeed):
        assert load().errors == []
        seed.change("commitments", "nap1-06", policy_areas=["private_sector", "capacity_building"])
        seed.change("commitments", "nap1-15", ogp_identifier=None)
        report = load()
        assert report.updated == ["nap1-06", "nap1-15"] and report.kept == report.errors == []
        assert show("nap1-06")["policy_areas"] == ["private_sector", "capacity_building"]
        assert not show("nap1-15").get("ogp_identifier")
        with writes() as seen:
            load()
        assert seen == []

    def test_a_deleted_record_stays_deleted(self, seed: SmallSeed):
        assert load().errors == []
        person("package_delete", id="nap1-20")
        report = load()
        assert report.kept == ["nap1-20"] and report.created == report.errors == []
        assert show("nap1-20")["state"] == "deleted"

    def test_a_record_of_the_same_name_by_somebody_else_is_left_alone(self, seed: SmallSeed):
        text = {"ar": "نص شخص آخر", "fr": "Autre", "en": "Other"}
        person("organization_create", name="une-commune", title_translated=text)
        fields = {"title_translated": text, "notes_translated": text}
        person("package_create", type="dataset", name="demo-qualite-eau", owner_org="une-commune", **fields)
        report = load(demo=True)
        assert report.errors == [] and report.kept == ["demo-qualite-eau"]
        assert show("demo-qualite-eau")["title_translated"] == text

    def test_a_commitment_entered_under_another_name_is_not_entered_twice(self, seed: SmallSeed):
        text = {"ar": "تعهد أدخله شخص آخر", "fr": "Engagement saisi par un autre", "en": "Entered by somebody else"}
        person("organization_create", name="une-commune", title_translated=text)
        fields = {"title_translated": text, "notes_translated": text, "plan": "nap1", "commitment_number": "6"}
        person("package_create", type="commitment", name="referentiel", owner_org="une-commune", **fields)
        report = load()
        assert report.errors == [] and report.kept == ["nap1-06 (the same commitment is there already: referentiel)"]
        assert "nap1-06" not in call_action("package_list")

    def test_an_organisation_belongs_to_its_administrators(self, seed: SmallSeed):
        assert load().errors == []
        title = {"ar": "وزارة المالية", "fr": "Ministère des Finances (nouveau nom)", "en": "Ministry of Finance"}
        person("organization_patch", id="ministere-finances", title_translated=title)
        assert load().errors == []
        assert call_action("organization_show", id="ministere-finances")["title_translated"] == title

    def test_a_file_replaced_by_a_person_is_not_loaded_over(self, seed: SmallSeed):
        assert load(demo=True).errors == []
        resource = show("demo-qualite-eau")["resources"][0]
        person("datastore_delete", resource_id=resource["id"], force=True)
        person("resource_patch", id=resource["id"], url="https://example.test/eau.csv", url_type="")
        report = load(demo=True)
        assert report.tables == report.errors == report.updated == []
        assert show("demo-qualite-eau")["resources"][0]["url"] == "https://example.test/eau.csv"

    def test_a_new_file_of_the_seed_replaces_file_and_table(self, seed: SmallSeed):
        assert load(demo=True).errors == []
        path = seed.folder / "files" / "donnees-synthetiques-qualite-eau-2024.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("Tunis,", "Tunis-Ville,"), encoding="utf-8")
        before = show("demo-qualite-eau")["resources"][0]
        report = load(demo=True)
        assert report.errors == [] and report.updated == ["demo-qualite-eau"] and report.tables == [path.name]
        resource = show("demo-qualite-eau")["resources"][0]
        assert resource["id"] == before["id"]
        rows = call_action("datastore_search", resource_id=resource["id"])["records"]
        assert len(rows) == 48 and {row["nom"] for row in rows if row["gouvernorat"] == "TN-11"} == {"Tunis-Ville"}
        with writes() as seen:
            load(demo=True)
        assert seen == []


# -- faults


@pytest.mark.usefixtures("clean_db")
class TestFaults:
    def test_a_refused_record_is_named_with_its_field_the_others_are_loaded_and_the_next_run_loads_it(self, seed: SmallSeed):
        seed.change("commitments", "nap1-06", policy_areas=["no_such_area"])
        seed.change("commitments", "nap1-05", due_on="2016-13")
        seed.change("datasets", "demo-qualite-eau", owner="ministere-inconnu")
        report = load(demo=True)
        assert len(report.errors) == 3
        assert any(line.startswith("commitment nap1-06: policy_areas: ") and "no_such_area" in line for line in report.errors)
        assert any(line.startswith("commitment nap1-05: due_on: ") for line in report.errors)
        assert "dataset demo-qualite-eau: owner_org: there is no organisation “ministere-inconnu”" in report.errors
        refused = {"nap1-05", "nap1-06", "demo-qualite-eau"}
        assert set(call_action("package_list")) == {*FEW_COMMITMENTS, *FEW_DATASETS} - refused
        seed.change("commitments", "nap1-06", policy_areas=["private_sector"])
        seed.change("commitments", "nap1-05", due_on="2016-12")
        seed.change("datasets", "demo-qualite-eau", owner="ministere-environnement")
        report = load(demo=True)
        assert report.errors == [] and set(report.created) == refused

    def test_a_run_that_was_cut_before_the_file_is_finished_by_the_next(self, seed: SmallSeed, monkeypatch: pytest.MonkeyPatch):
        cut_at(monkeypatch, "_finish")
        unfinished = "demo-rapport-semestriel-budget-etat"
        assert show(unfinished)["state"] == "draft"
        assert call_action("package_search", q=unfinished)["count"] == 0
        assert finished_by(load(demo=True), unfinished)

    def test_a_run_that_was_cut_before_the_table_is_finished_by_the_next(self, seed: SmallSeed, monkeypatch: pytest.MonkeyPatch):
        cut_at(monkeypatch, "_tables")
        report = load(demo=True)
        assert report.tables[0] == "donnees-synthetiques-rapport-semestriel-2022-2024.csv"
        assert finished_by(report, "demo-rapport-semestriel-budget-etat")


def cut_at(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Load the seed in a process whose power fails before a step of the loader."""

    class PowerCutError(RuntimeError):
        pass

    def cut(*_arguments: Any) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(loader._Loader, step, cut)
        with pytest.raises(PowerCutError):
            load(demo=True)
    model.Session.rollback()


def finished_by(report: loader.Report, name: str) -> bool:
    assert report.errors == []
    stored = show(name)
    assert stored["state"] == "active" and len(stored["resources"]) == 1 and stored["resources"][0]["datastore_active"] is True
    assert call_action("datastore_search", resource_id=stored["resources"][0]["id"])["total"] == 24
    with writes() as seen:
        load(demo=True)
    return seen == []


# -- the command


class TestCommand:
    @pytest.fixture
    def run(self, clean_db: None, ckan_config: Any) -> Callable[..., Any]:
        return lambda *arguments: CliRunner().invoke(ckan_command, ["-c", ckan_config["__file__"], "ogptn", "seed", *arguments])

    def test_it_shows_its_steps_and_what_it_did(self, run: Callable[..., Any], seed: SmallSeed):
        result = run()
        assert result.exit_code == 0, result.output
        assert "organisations 5/" in result.output and "commitments 5/5\n" in result.output
        assert result.output.rstrip().endswith(f"{seed.size} created")
        assert run().output.rstrip().endswith(f"{seed.size} unchanged")

    def test_it_ends_with_1_when_a_record_is_refused(self, run: Callable[..., Any], seed: SmallSeed):
        seed.change("commitments", "nap1-06", policy_areas=["no_such_area"])
        result = run()
        assert result.exit_code == 1
        assert "commitment nap1-06: policy_areas:" in result.output and f"{seed.size - 1} created, 1 failed" in result.output

    def test_it_ends_with_1_and_one_sentence_when_a_seed_file_is_broken(self, run: Callable[..., Any], seed: SmallSeed):
        seed.change("datasets", "demo-qualite-eau", notes={"en": ""})
        result = run("--demo")
        assert result.exit_code == 1
        # CKAN's own log of its start may stand before it.
        assert result.output.splitlines()[-1] == "datasets.yaml, demo-qualite-eau, notes: no text in en"
        assert result.output.count("demo-qualite-eau") == 1
        assert call_action("organization_list") == []
