"""The seed in a site: everything validates, a second run writes nothing, what people did stays."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.cli import ckan as ckan_command
from ckan.tests.helpers import call_action
from click.testing import CliRunner
from sqlalchemy.engine import Engine

from ckanext.ogptn.seed import loader, records
from ckanext.ogptn.seed.loader import NOTE, load

SEED = Path(records.__file__).parent
EditSeed = Callable[[str, str, str], None]


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


@pytest.fixture
def edit_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EditSeed:
    """Replace text in a copy of the seed, which the loader then reads: what the next release of the project would bring."""
    for path in [*SEED.glob("*.yaml"), *(SEED / "files").iterdir()]:
        copy = tmp_path / path.relative_to(SEED)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(records, "HERE", tmp_path)
    monkeypatch.setattr(records, "FILES", tmp_path / "files")

    def edit(file: str, old: str, new: str) -> None:
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def show(name: str) -> dict[str, Any]:
    return call_action("package_show", id=name)


def activities() -> int:
    return model.Session.execute(sa.text("SELECT count(*) FROM activity")).scalar_one()


@pytest.mark.usefixtures("clean_db")
class TestLoad:
    def test_everything_validates_and_a_second_run_writes_nothing(self):
        lines: list[str] = []
        started = time.perf_counter()
        first = load(lines.append, demo=True)
        took = time.perf_counter() - started
        assert first.errors == []
        assert len(first.created) == len(records.organisations()) + len(records.commitments()) + len(records.datasets())
        assert len(first.tables) == sum(len(record.uploads) for record in records.datasets())
        assert {"organisations 23/23", "datasets 20/20", "commitments 21/21"} <= set(lines)
        assert took < 60, f"{took:.1f} s"
        print(f"first load {took:.1f} s")

        before = {name: show(name)["metadata_modified"] for name in call_action("package_list")}
        before_activities = activities()
        with writes() as seen:
            started = time.perf_counter()
            second = load(demo=True)
            print(f"second load {time.perf_counter() - started:.1f} s")
        assert seen == []
        assert second.created == second.updated == second.kept == second.tables == second.errors == []
        assert {name: show(name)["metadata_modified"] for name in before} == before
        assert activities() == before_activities

    def test_what_is_stored_is_what_the_seed_says(self):
        assert load(demo=True).errors == []
        for record in [*records.commitments(), *records.datasets()]:
            stored = show(record.name)
            assert stored["state"] == "active"
            for key, value in record.data.items():
                if key not in ("owner_org", "resources", *loader.DATASET_LINKS):
                    assert loader._same(stored.get(key), value), (record.name, key, stored.get(key), value)
            assert stored["organization"]["name"] == record.data["owner_org"]
            assert len(stored["resources"]) == len(record.data.get("resources", [])) + len(record.uploads)
            for resource, given in zip(stored["resources"], record.data.get("resources", []), strict=False):
                assert loader._holds_row(resource, given), (record.name, given)
        for record in records.organisations():
            stored = call_action("organization_show", id=record.name)
            assert stored["title_translated"] == record.data["title_translated"]
            assert stored.get("parent") == (
                call_action("organization_show", id=parent)["id"] if (parent := record.data.get("parent")) else None
            )

    def test_commitments_take_their_level_from_the_report_and_are_found_by_it(self):
        assert load().errors == []
        assert show("nap1-18")["completion_level"] == "complete"
        assert show("nap1-20")["completion_level"] == "not_started"
        found = call_action("package_search", fq="dataset_type:commitment", rows=0, **{"facet.field": ["vocab_completion_level"]})
        assert found["count"] == 21
        counts = found["facets"]["vocab_completion_level"]
        assert counts == {"limited": 6, "substantial": 8, "complete": 6, "not_started": 1}

    def test_tables_hold_exact_numbers_and_say_that_they_are_synthetic(self):
        assert load(demo=True).errors == []
        resource = show("demo-budget-etat-programmes")["resources"][0]
        assert resource["datastore_active"] is True
        found = call_action("datastore_search", resource_id=resource["id"], limit=500)
        upload = next(
            upload for record in records.datasets() for upload in record.uploads if upload.name.endswith("programmes-2023-2024.csv")
        )
        rows = list(upload.rows())
        assert found["total"] == len(rows)
        assert [str(row["ouvert"]) for row in found["records"]] == [row["ouvert"] for row in rows]
        assert all("synthetic demonstration data" in row["donnees_synthetiques"] for row in found["records"])
        types = {column["id"]: column["type"] for column in found["fields"]}
        assert (types["annee"], types["ouvert"], types["mission_code"]) == ("int4", "numeric", "text")

    def test_without_demo_only_the_plan_and_demo_later_adds_the_links(self):
        first = load()
        assert first.errors == [] and len(first.created) == 44
        assert "related_datasets" not in show("nap1-18") or show("nap1-18")["related_datasets"] == []
        second = load(demo=True)
        assert second.errors == []
        linked = {record.name for record in records.commitments() if "related_datasets" in record.data}
        assert set(second.updated) == linked
        ids = {show(name)["id"] for name in next(r for r in records.commitments() if r.name == "nap1-18").data["related_datasets"]}
        assert set(show("nap1-18")["related_datasets"]) == ids
        # Without the option again: the demonstration datasets are still there, so nothing is withdrawn.
        third = load()
        assert third.updated == third.created == third.errors == third.kept == []

    def test_no_person_is_in_the_database(self):
        assert load().errors == []
        for name in call_action("package_list"):
            stored = show(name)
            assert not stored.get("responsible_contacts") and not stored.get("contact")

    def test_the_note_of_the_loader_is_not_public(self):
        assert load().errors == []
        assert "plugin_data" not in show("nap1-01")
        assert NOTE not in str(show("nap1-01"))


@pytest.mark.usefixtures("clean_db")
class TestWhatPeopleDid:
    def test_an_edit_stays_while_other_fields_of_the_same_record_follow_the_seed(self, edit_seed: EditSeed):
        assert load().errors == []
        title = {**show("nap1-08")["title_translated"], "fr": "Simplifier les formalités"}
        call_action("package_patch", id="nap1-08", title_translated=title)
        edit_seed(
            "commitments.yaml",
            "      fr: Simplifier les procédures administratives\n",
            "      fr: Alléger les procédures administratives\n",
        )
        edit_seed("commitments.yaml", "en: Simplify administrative procedures\n", "en: Make procedures simpler\n")
        edit_seed("commitments.yaml", "keywords: [simplification]", "keywords: [simplification, e-government]")
        report = load()
        assert report.errors == [] and report.updated == ["nap1-08"]
        assert report.kept == ["nap1-08 (title_translated)"]
        stored = show("nap1-08")
        assert stored["title_translated"]["fr"] == "Simplifier les formalités"
        assert "e-government" in stored["tags_translated"]["en"]
        with writes() as seen:
            again = load()
        assert again.kept == report.kept and again.updated == [] and seen == []

    def test_an_edit_without_a_change_of_the_seed_is_left_alone(self):
        assert load().errors == []
        call_action(
            "package_patch", id="nap1-14", notes_translated={"ar": "نص جديد من محرر", "fr": "Texte d'un éditeur", "en": "An editor's text"}
        )
        with writes() as seen:
            report = load()
        assert seen == [] and report.errors == [] and len(report.unchanged) == 44
        assert show("nap1-14")["notes_translated"]["fr"] == "Texte d'un éditeur"

    def test_a_changed_seed_reaches_a_record_that_nobody_edited(self, edit_seed: EditSeed):
        assert load().errors == []
        edit_seed("commitments.yaml", "policy_areas: [private_sector]", "policy_areas: [private_sector, capacity_building]")
        report = load()
        assert report.updated == ["nap1-06"] and report.kept == []
        assert show("nap1-06")["policy_areas"] == ["private_sector", "capacity_building"]

    def test_a_value_withdrawn_from_the_seed_is_withdrawn(self, edit_seed: EditSeed):
        assert load().errors == []
        edit_seed("commitments.yaml", "    ogp_identifier: TN0015\n", "")
        assert load().updated == ["nap1-15"]
        assert not show("nap1-15").get("ogp_identifier")

    def test_a_deleted_record_stays_deleted(self):
        assert load().errors == []
        call_action("package_delete", id="nap1-20")
        report = load()
        assert report.kept == ["nap1-20"] and report.created == report.errors == []
        assert show("nap1-20")["state"] == "deleted"

    def test_a_record_of_the_same_name_by_somebody_else_is_left_alone(self):
        call_action("organization_create", name="une-commune", title_translated={"ar": "بلدية", "fr": "Commune", "en": "Municipality"})
        text = {"ar": "نص شخص آخر", "fr": "Autre", "en": "Other"}
        call_action(
            "package_create", type="dataset", name="demo-qualite-eau", owner_org="une-commune", title_translated=text, notes_translated=text
        )
        report = load(demo=True)
        assert report.errors == [] and report.kept == ["demo-qualite-eau"]
        assert show("demo-qualite-eau")["title_translated"]["fr"] == "Autre"

    def test_an_organisation_belongs_to_its_administrators(self):
        assert load().errors == []
        title = {"ar": "وزارة المالية", "fr": "Ministère des Finances (nouveau nom)", "en": "Ministry of Finance"}
        call_action("organization_patch", id="ministere-finances", title_translated=title)
        assert load().errors == []
        assert call_action("organization_show", id="ministere-finances")["title_translated"] == title

    def test_a_file_replaced_by_a_person_is_not_loaded_over(self):
        assert load(demo=True).errors == []
        resource = show("demo-qualite-eau")["resources"][0]
        call_action("datastore_delete", resource_id=resource["id"], force=True)
        call_action("resource_patch", id=resource["id"], url="https://example.test/eau.csv", url_type="", clear_upload=True)
        report = load(demo=True)
        assert report.tables == [] and report.errors == []
        assert show("demo-qualite-eau")["resources"][0]["url"] == "https://example.test/eau.csv"

    def test_a_new_file_of_the_seed_replaces_file_and_table(self, edit_seed: EditSeed):
        assert load(demo=True).errors == []
        edit_seed("files/donnees-synthetiques-production-phosphate-2010-2024.csv", "Bassin fictif", "Bassin inventé")
        report = load(demo=True)
        assert report.errors == [] and report.updated == ["demo-production-phosphate"]
        resource = show("demo-production-phosphate")["resources"][0]
        rows = call_action("datastore_search", resource_id=resource["id"])["records"]
        assert len(rows) == 15 and {row["bassin"] for row in rows} == {"Bassin inventé"}


@pytest.mark.usefixtures("clean_db")
class TestFaults:
    def test_a_refused_record_is_named_with_its_field_and_the_others_are_loaded(self, edit_seed: EditSeed):
        edit_seed("commitments.yaml", "policy_areas: [private_sector]", "policy_areas: [no_such_area]")
        edit_seed("commitments.yaml", 'due_on: "2016-12"', 'due_on: "2016-13"')
        edit_seed("datasets.yaml", "owner: ministere-environnement", "owner: ministere-inconnu")
        report = load(demo=True)
        assert len(report.errors) == 3
        assert any(line.startswith("commitment nap1-06: policy_areas: ") and "no_such_area" in line for line in report.errors)
        assert any(line.startswith("commitment nap1-05: due_on: ") for line in report.errors)
        assert "dataset demo-qualite-eau: owner_org: there is no organisation “ministere-inconnu”" in report.errors
        names = call_action("package_list")
        assert "nap1-06" not in names and "nap1-05" not in names and "demo-qualite-eau" not in names
        assert len(names) == 38

    def test_the_next_run_loads_what_was_refused(self, edit_seed: EditSeed):
        edit_seed("commitments.yaml", "policy_areas: [private_sector]", "policy_areas: [no_such_area]")
        assert load().errors
        edit_seed("commitments.yaml", "policy_areas: [no_such_area]", "policy_areas: [private_sector]")
        report = load()
        assert report.errors == [] and report.created == ["nap1-06"]

    def test_a_run_that_was_cut_before_the_file_is_finished_by_the_next(self, monkeypatch: pytest.MonkeyPatch):
        class PowerCutError(RuntimeError):
            pass

        def cut(*_arguments: Any) -> None:
            raise PowerCutError

        with monkeypatch.context() as patch:
            patch.setattr(loader._Loader, "_finish", cut)
            with pytest.raises(PowerCutError):
                load(demo=True)
        model.Session.rollback()
        unfinished = model.Session.query(model.Package.name).filter_by(state="draft").all()
        assert [name for (name,) in unfinished] == ["demo-budget-etat-boost"]
        report = load(demo=True)
        assert report.errors == [] and "demo-budget-etat-boost" in report.created
        stored = show("demo-budget-etat-boost")
        assert stored["state"] == "active" and len(stored["resources"]) == 1 and stored["resources"][0]["datastore_active"] is True
        with writes() as seen:
            load(demo=True)
        assert seen == []


class TestCommand:
    @pytest.fixture
    def run(self, clean_db: None, ckan_config: Any) -> Callable[..., Any]:
        return lambda *arguments: CliRunner().invoke(ckan_command, ["-c", ckan_config["__file__"], "ogptn", "seed", *arguments])

    def test_it_shows_its_steps_and_what_it_did(self, run: Callable[..., Any]):
        result = run()
        assert result.exit_code == 0, result.output
        assert "organisations 5/23\n" in result.output and "commitments 21/21\n" in result.output
        assert result.output.rstrip().endswith("44 created")
        assert run().output.rstrip().endswith("44 unchanged")

    def test_it_ends_with_1_when_a_record_is_refused(self, run: Callable[..., Any], edit_seed: EditSeed):
        edit_seed("commitments.yaml", "policy_areas: [private_sector]", "policy_areas: [no_such_area]")
        result = run()
        assert result.exit_code == 1
        assert "commitment nap1-06: policy_areas:" in result.output and "43 created, 1 failed" in result.output

    def test_it_ends_with_1_and_one_sentence_when_a_seed_file_is_broken(self, run: Callable[..., Any], edit_seed: EditSeed):
        edit_seed("datasets.yaml", "numeric: [production_kt]", "numeric: [tonnes]")
        result = run("--demo")
        assert result.exit_code == 1
        assert result.output.startswith("datasets.yaml, demo-production-petrole-champs, resources:") and "Traceback" not in result.output
        assert call_action("organization_list") == []
