"""From the report to the catalogue and back: nothing by half, nothing twice, nothing lost."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.ogptn.commitment.model import CommitmentContacts
from ckanext.ogptn.commitment.report import deadline, export, reader, writer
from ckanext.ogptn.seed import loader, records
from tests.commitment.test_contacts import holds_secret

from . import synthetic

Act = Callable[..., dict[str, Any]]


@pytest.fixture
def act(clean_db: None, sysadmin: dict[str, Any]) -> Act:
    """``act("preview" | "import", data, …)`` as a system administrator."""

    def run(what: str, data: bytes, **more: Any) -> dict[str, Any]:
        given = {"upload": io.BytesIO(data), **more}
        return tk.get_action(f"ogptn_commitment_report_{what}")({"user": sysadmin["name"]}, given)

    return run


@pytest.fixture
def agencies(clean_db: None) -> None:
    """The organisations of the first content, without its commitments."""
    loading = loader._Loader(lambda _line: None)
    loading._step("organisations", records.organisations(), loading._organisation)
    assert not loading.report.errors


@pytest.fixture
def test_agency(clean_db: None, agency_factory: Any) -> dict[str, Any]:
    return agency_factory(name="hay-at-tajribi", title_translated={"ar": "هيكل تجريبي", "fr": "Organisme d’essai"})


def commitments() -> list[dict[str, Any]]:
    names = [name for (name,) in model.Session.query(model.Package.name).filter_by(type="commitment", state="active")]
    return [call_action("package_show", context={"ignore_auth": True}, id=name) for name in names]


def slugs(shown: dict[str, Any], kind: str = "errors") -> list[tuple[str, str]]:
    return [(item["slug"], item["form"]) for item in shown[kind]]


# -- the real report


@pytest.mark.shared
def test_the_real_report_becomes_21_commitments_and_goes_out_and_in_again(act: Act, agencies: None, shared: Path, sysadmin: Any) -> None:
    data = next((shared / "seed").glob("*.txt")).read_bytes()
    shown = act("preview", data)
    assert not shown["errors"]
    assert (shown["plan"], shown["counts"]) == ("nap1", {"new": 21, "changed": 0, "same": 0})
    done = act("import", data, fingerprint=shown["fingerprint"])
    assert len(done["created"]) == 21
    # The same owners as those that were found by hand for the first content.
    owners = {(r.data["commitment_number"], r.data.get("commitment_part")): r.data["owner_org"] for r in records.commitments()}
    for record in commitments():
        assert record["organization"]["name"] == owners[record["commitment_number"], record.get("commitment_part")], record["title"]
    assert act("preview", data)["counts"] == {"new": 0, "changed": 0, "same": 21}
    assert call_action("package_search", fq="type:commitment", rows=0)["count"] == 21

    # Out as Word in each language (texts are in Arabic alone here, and say so in the others), and in again.
    read = {form.label: form for form in reader.read(data).forms}
    for language in ("ar", "fr", "en"):
        report = export.collect({"user": sysadmin["name"]}, "nap1", language, people=True)
        document = writer.write(report)
        back = reader.read(document)
        assert not back.errors
        assert back.language == language
        assert back.forms == report.forms
        assert act("preview", document)["counts"] == {"new": 0, "changed": 0, "same": 21}
        for form in back.forms:
            # What the document said is what comes out; form 13 has no description of its own and got its title.
            said = read[form.label]
            assert (form.level, form.people) == (said.level, said.people)
            assert deadline.read(form.deadline) == deadline.read(said.deadline)
            assert form.done == read[form.label].done
            if form.label != "13":
                assert form.promise == read[form.label].promise


@pytest.mark.shared
def test_the_real_report_over_the_first_content_keeps_the_other_languages(act: Act, shared: Path) -> None:
    assert not loader.load().errors
    before = {record["name"]: record for record in commitments()}
    data = next((shared / "seed").glob("*.txt")).read_bytes()
    assert act("preview", data)["counts"] == {"new": 0, "changed": 21, "same": 0}
    assert len(act("import", data)["updated"]) == 21
    for record in commitments():
        old = before[record["name"]]
        for name in ("title_translated", "notes_translated", "responsible_role"):
            for language in ("fr", "en"):
                assert record[name][language] == old[name][language]
        assert record["owner_org"] == old["owner_org"]
        assert record["axis"] == old["axis"]
        assert (record["due_on"], record.get("deadline_text")) == (old["due_on"], old.get("deadline_text"))
        assert record["completion_level"] == old["completion_level"]
    # The report repeats form 3's description on form 5: the catalogue's own stays.
    five = next(record for record in commitments() if record["commitment_number"] == "5")
    assert five["notes_translated"] == before[five["name"]]["notes_translated"]
    assert act("preview", data)["counts"]["same"] == 21


def test_the_first_content_goes_out_and_in_again_in_each_language(act: Act, sysadmin: Any) -> None:
    assert not loader.load().errors
    documents = {}
    for language in ("ar", "fr", "en"):
        report = export.collect({"user": sysadmin["name"]}, "nap1", language, people=True)
        documents[language] = writer.write(report)
        back = reader.read(documents[language])
        assert (back.language, len(back.forms), back.errors, back.period) == (language, 21, [], ("2014", "2016"))
        assert back.forms == report.forms
        assert act("preview", documents[language])["counts"] == {"new": 0, "changed": 0, "same": 21}

    # What was edited is what changes.
    edited = next(form for form in report.forms if form.label == "10b")
    level, due, edited.level, edited.deadline = edited.level, edited.deadline, "complete", "June 2017"
    shown = act("preview", writer.write(report))
    changed = [form for form in shown["forms"] if form["change"] == "changed"]
    assert [form["form"] for form in changed] == ["10b"]
    assert {item["field"] for item in changed[0]["fields"]} == {"level", "deadline"}
    edited.level, edited.deadline = level, due

    # Into an empty catalogue the same forms come out again.
    first = export.collect({"user": sysadmin["name"]}, "nap1", "ar", people=True)
    for record in commitments():
        call_action("dataset_purge", id=record["id"])
    act("import", documents["ar"])
    assert export.collect({"user": sysadmin["name"]}, "nap1", "ar", people=True).forms == first.forms


# -- synthetic reports


def test_contacts_go_where_only_editors_see_them(act: Act, test_agency: Any) -> None:
    people = {"people": "Zaynab-Secretname", "phone": "71999888", "email": "zaynab.secretname@example.tn"}
    done = act("import", synthetic.text([synthetic.form(1, **people)]))
    package = model.Package.get(done["created"][0])
    assert package is not None
    assert CommitmentContacts.of(package.id) == [
        {"name": "Zaynab-Secretname", "phone": "71999888", "email": "zaynab.secretname@example.tn"}
    ]
    assert not holds_secret(call_action("package_show", context={"user": "", "ignore_auth": False}, id=package.id))
    public = tk.get_action("ogptn_commitment_report_show")({"user": ""}, {"plan": "nap1", "people": True})
    assert len(public["forms"]) == 1
    assert not holds_secret(public)
    assert not holds_secret(writer.write(export.collect({"user": ""}, "nap1", "ar", people=True)).decode("latin-1"))


def test_nothing_is_imported_by_half(act: Act, test_agency: Any) -> None:
    shown = act("preview", synthetic.text([synthetic.form(1), synthetic.form(2, heading=f"التعهد 2- {'ع' * 600}")]))
    assert ("title-long", "2") in slugs(shown)
    with pytest.raises(tk.ValidationError) as refused:
        act("import", synthetic.text([synthetic.form(1), synthetic.form(2, heading=f"التعهد 2- {'ع' * 600}")]))
    assert "2" in str(refused.value.error_dict)
    assert commitments() == []


def test_what_ckan_refuses_at_the_last_moment_leaves_nothing(act: Act, test_agency: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third of three cannot be written: the two before it are not there either."""
    from ckanext.ogptn.commitment import writing
    from ckanext.ogptn.commitment.report import importer

    def fail_at_three(record: dict[str, Any], context: Any, *, new: bool) -> str:
        if record["commitment_number"] == "3":
            raise tk.ValidationError({"title": ["refused for the test"]})
        return writing.save(record, context, new=new)

    monkeypatch.setattr(importer, "save", fail_at_three)
    with pytest.raises(tk.ValidationError, match="3"):
        act("import", synthetic.text([synthetic.form(n) for n in (1, 2, 3)]))
    assert commitments() == []
    assert call_action("package_search", fq="type:commitment", rows=0)["count"] == 0


def test_an_unknown_agency(act: Act, test_agency: Any) -> None:
    data = synthetic.text([synthetic.form(1, agency="هيكل لا وجود له في الفهرس")])
    assert slugs(act("preview", data)) == [("agency-nowhere", "1")]
    shown = act("preview", data, agency="hay-at-tajribi")
    assert not shown["errors"]
    assert ("agency-unknown", "1") in slugs(shown, "warnings")
    act("import", data, agency="hay-at-tajribi")
    record = commitments()[0]
    assert record["responsible_unit"]["ar"] == "هيكل لا وجود له في الفهرس"
    assert act("preview", data)["counts"]["same"] == 1


def test_a_level_without_obstacles_says_that_the_form_names_none(act: Act, test_agency: Any) -> None:
    act("import", synthetic.text([synthetic.form(1, level="1")]))
    assert "لم تذكر" in commitments()[0]["progress_reports"][0]["obstacles"]["ar"]


def test_wrong_numbers_and_addresses_are_named_and_left_out(act: Act, test_agency: Any) -> None:
    shown = act("preview", synthetic.text([synthetic.form(1, phone="123", email="ليس عنوانا")]))
    assert {("phone-wrong", "1"), ("email-wrong", "1")} <= set(slugs(shown, "warnings"))
    assert not shown["errors"]


def test_the_plan_must_be_known(act: Act, test_agency: Any) -> None:
    data = synthetic.text([synthetic.form(1)], plan_line="تقرير بلا خطة")
    assert slugs(act("preview", data)) == [("plan-unknown", "")]
    assert slugs(act("preview", data, plan="nap99")) == [("plan-wrong", "")]
    assert act("preview", data, plan="nap2")["plan"] == "nap2"
    assert slugs(act("preview", data, plan="nap2", period_start="2018", period_end="2016")) == [("period-wrong", "")]


def test_an_import_after_another_change_shows_a_new_preview(act: Act, test_agency: Any) -> None:
    data = synthetic.text([synthetic.form(1)])
    shown = act("preview", data)
    act("import", data)
    with pytest.raises(tk.ValidationError, match="preview"):
        act("import", data, fingerprint=shown["fingerprint"])


def test_only_system_administrators(clean_db: None, steward: dict[str, Any], agency_factory: Any) -> None:
    agency_factory(admins=[steward["name"]])
    for what in ("preview", "import"):
        for user in ("", steward["name"]):
            with pytest.raises(tk.NotAuthorized):
                tk.get_action(f"ogptn_commitment_report_{what}")({"user": user}, {"upload": io.BytesIO(b"x")})


def test_a_private_commitment_is_not_in_the_public_report(act: Act, test_agency: Any, commitment_factory: Any) -> None:
    commitment_factory(owner_org=test_agency["id"], commitment_number="3", private=True)
    commitment_factory(owner_org=test_agency["id"], commitment_number="4")
    assert [form["number"] for form in tk.get_action("ogptn_commitment_report_show")({"user": ""}, {"plan": "nap1"})["forms"]] == [4]


def test_a_commitment_without_a_report_has_no_cross(clean_db: None, commitment_factory: Any) -> None:
    commitment_factory(commitment_number="7")
    report = export.collect({"user": ""}, "nap1", "fr")
    assert (report.without_level, report.period) == (1, ("", ""))
    assert [(item.slug, item.form) for item in reader.read(writer.write(report)).errors] == [("level-none", "7")]


@pytest.mark.parametrize("given", [{"plan": "nap1", "lang": "de"}, {"plan": "nap1", "period_end": "soon"}])
def test_bad_parameters_of_the_report(clean_db: None, given: dict[str, str]) -> None:
    with pytest.raises(tk.ValidationError):
        tk.get_action("ogptn_commitment_report_show")({"user": ""}, given)
    with pytest.raises(tk.ObjectNotFound):
        tk.get_action("ogptn_commitment_report_show")({"user": ""}, {"plan": "nothing"})
