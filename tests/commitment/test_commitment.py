"""The commitment type: the example is stored whole, its own rules hold, the level comes from the reports."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.ogptn.catalogue import rules
from ckanext.ogptn.commitment.validators import newest_level
from tests.catalogue import bad_input
from tests.catalogue.bad_input import SCRIPT, Accepted, Case, missing, texts
from tests.catalogue.test_dataset import same

REPORT = {"period_end": "2016-09", "completion_level": "substantial", "done": {"ar": "تم"}}
EXAMPLE: dict[str, Any] = {
    "type": "commitment",
    "plan": "nap1",
    "commitment_number": "5",
    "commitment_part": "b",
    "ogp_identifier": "TN0005",
    "axis": "nap1-1",
    "title_translated": {
        "ar": "تطوير بوابة وطنية للبيانات المفتوحة",
        "fr": "Portail national de données ouvertes",
        "en": "Open data portal",
    },
    "notes_translated": {"ar": "وصف اصطناعي", "fr": "Texte synthétique"},
    "problem_addressed": {"ar": "إشكال", "fr": "Problème"},
    "expected_results": {"ar": "نتائج", "fr": "Résultats"},
    "tags_translated": {"ar": ["بيانات مفتوحة"]},
    "starts_on": "2014-09",
    "due_on": "2016-12",
    "deadline_text": "ديسمبر 2016",
    "legal_basis": [{"kind": "constitution", "reference": {"ar": "الفصل 32", "fr": "Article 32"}, "url": "https://example.tn/c"}],
    "ogp_values": ["access_to_information"],
    "policy_areas": ["open_data", "e_government"],
    "responsible_unit": {"ar": "وحدة الإدارة الإلكترونية"},
    "responsible_role": {"ar": "رئيس مصلحة", "fr": "Chef de service"},
    "other_parties": [{"name_translated": {"ar": "الهياكل العمومية"}, "kind": "public_body"}],
    "milestones": [
        {
            "title": {"ar": "نسخة أولية"},
            "starts_on": "2015",
            "due_on": "2016-09",
            "status": "complete",
            "percent": "100",
            "evidence": "https://example.tn/1",
        },
        {"title": {"fr": "Mise en ligne"}, "status": "limited", "percent": "40"},
    ],
    "progress_reports": [
        {**REPORT, "period_start": "2014-09", "evidence": "https://example.tn/r", "obstacles": {"fr": "Aucun"}},
        {"period_end": "2015-06", "completion_level": "limited", "done": {"ar": "ا"}, "obstacles": {"ar": "ص"}},
    ],
    "irm_coding": [{"coding_scheme": "irm-2012", "indicator": "potential_impact", "value": "moderate", "report": "https://example.tn/irm"}],
}

CASES = [
    *missing("plan", "missing-choice"),
    *missing("commitment_number"),
    *texts("problem_addressed", 20_000),
    *texts("responsible_role", 300),
    Case("plan-unknown", {"plan": "nap99"}, ("plan",), "vocabulary-code", {"value": "nap99"}),
    Case("number-zero", {"commitment_number": "0"}, ("commitment_number",), "too-small", {"value": "0", "minimum": 1}),
    Case("number-words", {"commitment_number": "ten"}, ("commitment_number",), "not-integer", {"value": "ten"}),
    Case("number-script", {"commitment_number": SCRIPT}, ("commitment_number",), "not-integer"),
    Case(
        "number-taken",
        {"commitment_number": "9", "commitment_part": None},
        ("commitment_number",),
        "commitment-duplicate",
        {"number": "9", "name": "the-ninth"},
    ),
    Case("part-two-letters", {"commitment_part": "ab"}, ("commitment_part",), "part-shape"),
    Case("part-arabic", {"commitment_part": "أ"}, ("commitment_part",), "part-shape"),
    Case("ogp-identifier", {"ogp_identifier": "TN18"}, ("ogp_identifier",), "ogp-identifier"),
    Case("axis-of-another-plan", {"axis": "nap5-1"}, ("axis",), "vocabulary-parent"),
    Case("axis-unknown", {"axis": "nap1-9"}, ("axis",), "vocabulary-code"),
    Case(
        "deadline-before-start", {"starts_on": "2017", "due_on": "2016"}, ("due_on",), "milestone-order", {"start": "2017", "end": "2016"}
    ),
    Case("deadline-31-february", {"due_on": "31/02/2016"}, ("due_on",), "date-impossible", {"last": "2016-02-29"}),
    Case("value-unknown", {"ogp_values": ["love"]}, ("ogp_values",), "vocabulary-code"),
    Case("policy-area-unknown", {"policy_areas": ["love"]}, ("policy_areas",), "vocabulary-code"),
    Case("agency-unknown", {"responsible_agency": "nobody"}, ("responsible_agency",), "organization-unknown"),
    Case("legal-basis-without-reference", {"legal_basis": [{"kind": "law"}]}, ("legal_basis", 0, "reference"), "missing-any-language"),
    Case(
        "legal-text-unknown", {"legal_basis": [{"kind": "poem", "reference": {"ar": "x"}}]}, ("legal_basis", 0, "kind"), "vocabulary-code"
    ),
    Case("party-without-name", {"other_parties": [{"kind": "other"}]}, ("other_parties", 0, "name_translated"), "missing-any-language"),
    Case("milestone-without-title", {"milestones": [{"percent": "5"}]}, ("milestones", 0, "title"), "missing-any-language"),
    Case(
        "milestone-order",
        {"milestones": [{"title": {"ar": "م"}}, {"title": {"ar": "م"}, "starts_on": "2016-02", "due_on": "2016-01"}]},
        ("milestones", 1, "due_on"),
        "milestone-order",
    ),
    Case(
        "milestone-percent-101",
        {"milestones": [{"title": {"ar": "م"}, "percent": "١٠١"}]},
        ("milestones", 0, "percent"),
        "too-large",
        {"value": "101"},
    ),
    Case(
        "milestone-complete-at-40",
        {"milestones": [{"title": {"ar": "م"}, "status": "complete", "percent": "40"}]},
        ("milestones", 0, "percent"),
        "milestone-percent-complete",
    ),
    Case(
        "milestone-not-started-at-40",
        {"milestones": [{"title": {"ar": "م"}, "status": "not_started", "percent": "40"}]},
        ("milestones", 0, "percent"),
        "milestone-percent-not-started",
    ),
    Case(
        "milestone-status-unknown",
        {"milestones": [{"title": {"ar": "م"}, "status": "soon"}]},
        ("milestones", 0, "status"),
        "vocabulary-code",
    ),
    Case("milestone-title-bidi", {"milestones": [{"title": {"ar": bad_input.BIDI}}]}, ("milestones", 0, "title-ar"), "forbidden-character"),
    Case(
        "milestone-evidence", {"milestones": [{"title": {"ar": "م"}, "evidence": "see file"}]}, ("milestones", 0, "evidence"), "url-shape"
    ),
    Case("milestones-not-rows", {"milestones": {"title": "x"}}, ("milestones",), "not-group"),
    Case(
        "report-without-period", {"progress_reports": [{"completion_level": "complete"}]}, ("progress_reports", 0, "period_end"), "missing"
    ),
    Case(
        "report-without-level",
        {"progress_reports": [{"period_end": "2016"}]},
        ("progress_reports", 0, "completion_level"),
        "missing-choice",
    ),
    Case(
        "report-level-unknown",
        {"progress_reports": [{"period_end": "2016", "completion_level": "half"}]},
        ("progress_reports", 0, "completion_level"),
        "vocabulary-code",
    ),
    Case(
        "report-limited-without-obstacles",
        {"progress_reports": [{"period_end": "2016", "completion_level": "limited"}]},
        ("progress_reports", 0, "obstacles"),
        "missing-obstacles",
    ),
    Case(
        "report-not-started-without-obstacles",
        {"progress_reports": [REPORT, {"period_end": "2015", "completion_level": "لم يبدأ بعد", "obstacles": {"ar": " "}}]},
        ("progress_reports", 1, "obstacles"),
        "missing-obstacles",
    ),
    Case(
        "report-period-order",
        {"progress_reports": [{**REPORT, "period_start": "2017"}]},
        ("progress_reports", 0, "period_end"),
        "report-period-order",
    ),
    Case(
        "report-twice",
        {"progress_reports": [REPORT, {**REPORT, "period_end": "2016-09-30"}]},
        ("progress_reports", 1, "period_end"),
        "report-duplicate",
    ),
    Case(
        "irm-indicator-of-another-scheme",
        {"irm_coding": [{"coding_scheme": "irm-2021", "indicator": "specificity", "value": "low"}]},
        ("irm_coding", 0, "indicator"),
        "irm-indicator",
    ),
    Case(
        "irm-value-of-another-indicator",
        {"irm_coding": [{"coding_scheme": "irm-2012", "indicator": "potential_impact", "value": "outstanding"}]},
        ("irm_coding", 0, "value"),
        "irm-value",
    ),
    Case(
        "irm-without-scheme",
        {"irm_coding": [{"indicator": "completion", "value": "limited"}]},
        ("irm_coding", 0, "coding_scheme"),
        "missing-choice",
    ),
    Case(
        "irm-without-indicator",
        {"irm_coding": [{"coding_scheme": "irm-2012", "value": "limited"}]},
        ("irm_coding", 0, "indicator"),
        "missing-choice",
    ),
    Case(
        "irm-without-finding",
        {"irm_coding": [{"coding_scheme": "irm-2012", "indicator": "completion"}]},
        ("irm_coding", 0, "value"),
        "missing-choice",
    ),
    Case(
        "contact-phone", {"responsible_contacts": [{"name": "X", "phone": "call me"}]}, ("responsible_contacts", 0, "phone"), "phone-shape"
    ),
    Case("contact-email", {"responsible_contacts": [{"name": "X", "email": "x"}]}, ("responsible_contacts", 0, "email"), "email-shape"),
    Case(
        "contact-name-surrogate",
        {"responsible_contacts": [{"name": bad_input.SURROGATE}]},
        ("responsible_contacts", 0, "name"),
        "forbidden-character",
    ),
    Case("contacts-as-extra", {"extras": [{"key": "responsible_contacts", "value": "[]"}]}, ("extras", 0, "key"), "field-as-extra"),
    Case("level-as-extra", {"extras": [{"key": "completion_level", "value": "complete"}]}, ("extras", 0, "key"), "field-as-extra"),
    Case("related-unknown", {"related_datasets": ["no-such"]}, ("related_datasets",), "dataset-unknown", {"value": "no-such"}),
    Case(
        "31-february-in-a-report",
        {"progress_reports": [{**REPORT, "period_end": "31/02/2016"}]},
        ("progress_reports", 0, "period_end"),
        "date-impossible",
    ),
]


@pytest.fixture
def example(clean_db: None, steward: dict[str, Any], agency_factory: Any) -> tuple[dict[str, Any], str]:
    agency = agency_factory(editors=[steward["name"]])
    return {**EXAMPLE, "owner_org": agency["id"], "responsible_agency": agency["id"]}, steward["name"]


def test_the_example_holds_every_field_of_its_own_and_comes_back_whole(
    example: tuple[dict[str, Any], str], open_dataset: dict[str, Any]
) -> None:
    record, user = example
    record = {**record, "related_datasets": [open_dataset["id"]]}
    schema = call_action("scheming_dataset_schema_show", type="commitment")
    common = {f["field_name"] for f in call_action("scheming_dataset_schema_show", type="dataset")["dataset_fields"]}
    own = {f["field_name"] for f in schema["dataset_fields"]} - common
    assert own - set(record) == {"completion_level", "contacts_revision", "responsible_contacts"}
    for field in schema["dataset_fields"]:
        if field["field_name"] in own & set(record) and "repeating_subfields" in field:
            assert {sub["field_name"] for sub in field["repeating_subfields"]} <= set(record[field["field_name"]][0]), field["field_name"]
    created = tk.get_action("package_create")({"user": user}, dict(record))
    same(record, created)
    shown = tk.get_action("package_show")({"user": user}, {"id": created["id"]})
    same(record, tk.get_action("package_update")({"user": user}, {**shown, "version": "2"}))


def test_bad_input(example: tuple[dict[str, Any], str], app: Any, commitment_factory: Any) -> None:
    record, user = example
    commitment_factory(name="the-ninth", plan="nap1", commitment_number="9", owner_org=record["owner_org"])
    assert bad_input.refused("commitment", CASES, record, user, app) == []


def test_what_looks_wrong_and_is_not(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    cases = [
        Accepted({"commitment_number": "١٠"}, ("commitment_number",), "10"),
        Accepted({"commitment_part": "(A)"}, ("commitment_part",), "a"),
        Accepted({"ogp_identifier": "tn٠٠١٨"}, ("ogp_identifier",), "TN0018"),
        Accepted({"plan": "خطة العمل الأولى (2014-2016)"}, ("plan",), "nap1"),
        Accepted({"completion_level": "complete"}, ("completion_level",), "substantial"),
        *bad_input.script_everywhere("commitment"),
    ]
    assert bad_input.accepted("accepted commitment", cases, record, user) == []


def test_common_rules_hold_here_too(example: tuple[dict[str, Any], str], app: Any) -> None:
    assert bad_input.refused("", bad_input.COMMON[:6], *example, app) == []


def test_one_number_one_record(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    first = tk.get_action("package_create")({"user": user}, dict(record))
    with pytest.raises(tk.ValidationError) as caught:
        tk.get_action("package_create")({"user": user}, {**record, "commitment_number": "٥"})
    assert first["name"] in caught.value.error_dict["commitment_number"][0]
    other = tk.get_action("package_create")({"user": user}, {**record, "commitment_part": "c"})
    assert other["name"] == f"{first['name']}-2"
    tk.get_action("package_update")({"user": user}, {**first, "version": "3"})


def create(app: Any, user: str, record: dict[str, Any], before_commit: Callable[[], None] | None = None) -> dict[str, Any] | str:
    """As a request of its own would, in a thread of its own: the record, or the message beside its number.

    :param before_commit: called when the record is written and its transaction not yet ended; may raise
    """
    try:
        with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": "en"}):
            context = {"user": user, "defer_commit": before_commit is not None}
            made = tk.get_action("package_create")(context, copy.deepcopy(record))
            if before_commit:
                before_commit()
                model.repo.commit()
            return made
    except tk.ValidationError as error:
        return str(error.error_dict.get("commitment_number", error.error_dict))
    finally:
        model.Session.rollback()
        model.Session.remove()


def test_of_requests_at_the_same_moment_one_gets_the_number(example: tuple[dict[str, Any], str], app: Any) -> None:
    record, user = example
    record = {**record, "responsible_contacts": [{"name": "Test"}]}
    model.Session.remove()
    before = bad_input.stored()
    model.Session.remove()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: create(app, user, record), range(4)))
    [made] = [answer for answer in answers if isinstance(answer, dict)]
    assert [answer for answer in answers if isinstance(answer, str)] == [
        str([rules.message("commitment-duplicate", number="5b", name=made["name"])])
    ] * 3
    assert bad_input.stored() == (before[0] + 1, before[1], before[2] + 1, before[3])


@pytest.mark.parametrize("first_ends", ["well", "badly"])
def test_the_second_request_waits_for_the_first(example: tuple[dict[str, Any], str], app: Any, first_ends: str) -> None:
    record, user = example
    model.Session.remove()
    written, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        written.set()
        assert go_on.wait(60)
        if first_ends == "badly":
            raise tk.ValidationError({"commitment_number": ["given up"]})

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(create, app, user, record, hold)
        assert written.wait(60)
        second = pool.submit(create, app, user, record)
        with pytest.raises(TimeoutError):
            second.result(1)
        go_on.set()
        answers = first.result(60), second.result(60)
    assert isinstance(answers[0], dict) == (first_ends == "well")
    assert isinstance(answers[1], dict) == (first_ends == "badly")
    assert bad_input.stored()[0] == 1


def test_the_database_itself_has_no_room_for_a_second_one(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    tk.get_action("package_create")({"user": user}, dict(record))
    other = tk.get_action("package_create")({"user": user}, {**record, "commitment_part": "c"})
    package = model.Package.get(other["id"])
    package.extras = {**package.extras, "commitment_part": "b"}
    with pytest.raises(sa.exc.IntegrityError, match="ogptn_commitment_number"):
        model.Session.flush()
    model.Session.rollback()


def test_a_draft_a_deleted_record_and_another_plan_leave_the_number_free(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    deleted = tk.get_action("package_create")({"user": user}, dict(record))
    tk.get_action("package_delete")({"user": user}, {"id": deleted["id"]})
    draft = {**record, "state": "draft"}
    tk.get_action("package_create")({"user": user, "allow_state_change": True}, draft)
    tk.get_action("package_create")({"user": user}, {**record, "plan": "nap2", "axis": ""})
    stands = tk.get_action("package_create")({"user": user}, dict(record))
    # What was deleted does not come back beside it.
    with pytest.raises(tk.ValidationError) as caught:
        call_action("package_patch", id=deleted["id"], state="active")
    assert stands["name"] in caught.value.error_dict["commitment_number"][0]


def test_the_migration_names_the_records_that_are_in_its_way(example: tuple[dict[str, Any], str], migrate_db_for: Any) -> None:
    record, user = example
    made = [tk.get_action("package_create")({"user": user}, {**record, "commitment_part": part})["name"] for part in "bc"]
    module = import_module("ckanext.ogptn.migration.ogptn.versions.0002_one_number_one_commitment")
    connection = model.Session.connection()
    with Operations.context(MigrationContext.configure(connection)):
        module.downgrade()
        package = model.Package.get(made[1])
        package.extras = {**package.extras, "commitment_part": "b"}
        model.Session.flush()
        with pytest.raises(RuntimeError, match=", ".join(sorted(made))):
            module.upgrade()
    # What was tried here is taken back with the transaction, the index included.
    model.Session.rollback()


@pytest.mark.parametrize(
    ("reports", "level"),
    [
        ([], None),
        ([("2016", "limited"), ("2015", "complete")], "limited"),
        ([("2015-12-31", "limited"), ("2015", "substantial")], "limited"),
        ([("2016-02", "limited"), ("2016-02-28", "substantial")], "limited"),
        ([("2016-03", "limited"), ("2016-04-01", "not_started")], "not_started"),
    ],
)
def test_the_newest_report_decides(reports: list[tuple[str, str]], level: str | None) -> None:
    assert newest_level([{"period_end": end, "completion_level": code} for end, code in reports]) == level


def test_the_level_is_never_typed(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    created = tk.get_action("package_create")({"user": user}, {**record, "completion_level": "complete"})
    assert created["completion_level"] == "substantial"
    newer = [*created["progress_reports"], {"period_end": "2016-12", "completion_level": "كامل"}]
    updated = tk.get_action("package_patch")({"user": user}, {"id": created["id"], "progress_reports": newer})
    assert updated["completion_level"] == "complete"
    none = tk.get_action("package_patch")({"user": user}, {"id": created["id"], "progress_reports": []})
    assert "completion_level" not in none


def test_digits_and_labels_in_arabic(example: tuple[dict[str, Any], str]) -> None:
    record, user = example
    sent = {
        **record,
        "commitment_number": "١٠",
        "ogp_identifier": "tn٠٠١٨",
        "commitment_part": "(A)",
        "plan": "خطة العمل الأولى (2014-2016)",
    }
    sent["milestones"] = [{"title": {"ar": "م"}, "percent": "٤٠", "status": "محدود"}]
    created = tk.get_action("package_create")({"user": user}, sent)
    assert (created["commitment_number"], created["ogp_identifier"], created["commitment_part"]) == ("10", "TN0018", "a")
    assert created["milestones"] == [{"title": {"ar": "م"}, "percent": "40", "status": "limited"}]
