"""A reporting round from opening to closing: who may what, what is kept, what is said by mail."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from importlib import import_module
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from ckan import model
from ckan.lib import jobs
from ckan.tests.helpers import call_action

from ckanext.ogptn.commitment.rounds import reports
from ckanext.ogptn.commitment.rounds.model import Round, RoundItem

from ...mail import Letters
from ..conftest import House, send_waiting_mails

REPORT = {"completion_level": "substantial", "done": {"ar": "تم إعداد النسخة الأولية"}, "obstacles": {}, "evidence": "", "milestones": []}


@pytest.fixture
def made(clean_db: None, house: Callable[[], House]) -> House:
    return house()


def item(made: House, number: str, called: dict[str, Any]) -> dict[str, Any]:
    shown = made.act("show", made.coordinator, id=called["id"])
    return next(row for row in shown["items"] if row["number"] == number)


def record(made: House, number: int) -> dict[str, Any]:
    return call_action("package_show", context={"ignore_auth": True}, id=made.commitments[number - 1]["id"])


def test_a_round_from_opening_to_closing(made: House, mail: Letters) -> None:
    one, two = made.stewards
    called = made.open()
    assert (called["mails"], called["states"]["waiting"], called["late"]) == (2, 3, 0)
    send_waiting_mails()
    ((subject, text),) = mail.to(one)
    assert "جولة اصطناعية" in subject
    assert text.count("/commitment-rounds/report/") == 2
    assert mail.to(two)[0][1].count("/commitment-rounds/report/") == 1

    # The form begins with the last report; a round changes nothing in the commitment by itself.
    first = item(made, "1", called)
    shown = made.act("item_show", one, id=first["id"])
    assert shown["report"]["done"]["fr"] == "Rapport précédent"
    assert "3" in shown["hint"] or shown["hint"] == ""
    third = item(made, "3", called)
    read = made.act("item_show", two, id=third["id"])
    assert len(read["missing"]) == 2
    version = read["version"]

    # A draft may be incomplete; sending may not.
    saved = made.act("item_save", two, id=third["id"], report={**REPORT, "done": {}}, version=version)
    assert saved["state"] == "draft"
    with pytest.raises(tk.ValidationError, match="done"):
        made.act("item_save", two, id=third["id"], report={**REPORT, "done": {}}, submit=True)
    assert made.act("item_save", two, id=third["id"], report=REPORT, submit=True)["state"] == "submitted"
    assert not record(made, 3).get("progress_reports")
    send_waiting_mails()
    assert "3 – " in mail.to(made.coordinator)[0][0]

    # Sent back with a comment, corrected, accepted: now it stands in the commitment, and nothing else has changed there.
    with pytest.raises(tk.ValidationError):
        made.act("review", made.coordinator, id=third["id"], verdict="return")
    made.act("review", made.coordinator, id=third["id"], verdict="return", comment="أضف الإثبات")
    send_waiting_mails()
    assert "أضف الإثبات" in mail.to(two)[-1][1]
    better = {**REPORT, "evidence": "https://example.tn/preuve"}
    made.act("item_save", two, id=third["id"], report=better, submit=True)
    before = record(made, 3)
    done = made.act("review", made.coordinator, id=third["id"], verdict="accept")
    assert [(event["what"], event["comment"]) for event in done["events"]] == [
        ("opened", ""),
        ("saved", ""),
        ("submitted", ""),
        ("returned", "أضف الإثبات"),
        ("submitted", ""),
        ("accepted", ""),
    ]
    after = record(made, 3)
    assert after["completion_level"] == "substantial"
    assert after["progress_reports"][0]["evidence"] == "https://example.tn/preuve"
    untouched = {"progress_reports", "completion_level", "metadata_modified"}
    assert {k: v for k, v in after.items() if k not in untouched} == {k: v for k, v in before.items() if k not in untouched}
    assert call_action("package_search", fq="completion_level:substantial", rows=5)["count"] == 2

    # Closed: nothing moves any more, what is not accepted is seen.
    closed = made.act("close", made.coordinator, id=called["id"])
    assert not closed["open"]
    for act, user, more in (
        ("item_save", one, {"id": first["id"], "report": REPORT}),
        ("review", made.coordinator, {"id": third["id"], "verdict": "accept"}),
        ("close", made.coordinator, {"id": called["id"]}),
    ):
        with pytest.raises(tk.ValidationError):
            made.act(act, user, **more)
    assert made.act("list", None)[0]["states"] == {"waiting": 2, "draft": 0, "submitted": 0, "returned": 0, "accepted": 1}


def test_who_may_what(made: House, mail: Letters, steward_factory: Any) -> None:
    one, two = made.stewards
    called = made.open()
    first = item(made, "1", called)
    stranger = steward_factory()
    for user in (two, stranger, None):
        for act, more in (("item_show", {}), ("item_save", {"report": REPORT}), ("review", {"verdict": "accept"})):
            with pytest.raises(tk.NotAuthorized):
                made.act(act, user, id=first["id"], **more)
    for act in ("open", "close"):
        with pytest.raises(tk.NotAuthorized):
            made.act(act, one, id=called["id"])
    with pytest.raises(tk.NotAuthorized):
        made.act("review", one, id=first["id"], verdict="accept")
    # The public sees the state, never what is written in it.
    made.act("item_save", one, id=first["id"], report={**REPORT, "done": {"ar": "مسودة سرية"}})
    public = made.act("show", None, id=called["id"])
    assert [row["mine"] for row in public["items"]] == [False] * 3
    assert "سرية" not in str(public)
    assert [row["number"] for row in made.act("show", one, id=called["id"])["items"] if row["mine"]] == ["1", "2"]


def test_a_private_commitment_is_not_in_the_public_list(made: House, mail: Letters) -> None:
    tk.get_action("package_patch")({"user": made.stewards[0]["name"]}, {"id": made.commitments[1]["id"], "private": True})
    called = made.open()
    assert [row["number"] for row in made.act("show", None, id=called["id"])["items"]] == ["1", "3"]
    assert len(made.act("show", made.stewards[0], id=called["id"])["items"]) == 3


def test_a_round_that_cannot_be_opened(made: House, mail: Letters) -> None:
    for wrong in (
        {"plan": "nap9"},
        {"plan": "nap4"},
        {"title": {}},
        {"title": {"de": "x"}},
        {"period_end": "soon"},
        {"period_start": "2020"},
        {"due_on": "2001-01-01"},
        {"due_on": ""},
        {"commitments": ["no-such"]},
    ):
        with pytest.raises(tk.ValidationError) as refused:
            made.open(**wrong)
        # The field that is wrong is the one that is named.
        assert set(refused.value.error_dict) == ({"period_end"} if "period_start" in wrong else set(wrong))
    assert made.act("list", None) == []


def test_one_open_round_of_a_plan_and_period(made: House, mail: Letters) -> None:
    called = made.open()
    with pytest.raises(tk.ValidationError):
        made.open()
    made.act("close", made.coordinator, id=called["id"])
    assert made.open(commitments=[made.commitments[0]["name"]])["states"]["waiting"] == 1


def test_two_people_do_not_overwrite_each_other(made: House, mail: Letters) -> None:
    called = made.open()
    first = item(made, "1", called)
    version = made.act("item_show", made.stewards[0], id=first["id"])["version"]
    made.act("item_save", made.stewards[0], id=first["id"], report=REPORT, version=version)
    with pytest.raises(tk.ValidationError, match="version"):
        made.act("item_save", made.coordinator, id=first["id"], report=REPORT, version=version)


def milestones(made: House, number: int) -> dict[str, tuple[str | None, str | None]]:
    """Status and evidence by title."""
    return {each["title"]["ar"]: (each.get("status"), each.get("evidence")) for each in record(made, number)["milestones"]}


@pytest.mark.parametrize("moved_after", ["opening", "sending"])
def test_what_is_said_of_a_milestone_follows_it_when_milestones_move(made: House, mail: Letters, moved_after: str) -> None:
    one = made.stewards[0]
    called = made.open()
    first = item(made, "1", called)
    rows = [{"status": "complete", "evidence": f"https://example.tn/{place}"} for place in range(1, 5)]

    def move() -> None:
        now = record(made, 1)["milestones"]
        changed = [{"title": {"ar": "مرحلة جديدة"}, "status": "not_started"}, now[3], now[0], now[1]]
        call_action("package_patch", context={"user": one["name"]}, id=made.commitments[0]["id"], milestones=changed)

    if moved_after == "opening":
        version = made.act("item_show", one, id=first["id"])["version"]
        move()
        # The form that was open still has the old order.
        with pytest.raises(tk.ValidationError, match="version"):
            made.act("item_save", one, id=first["id"], report={**REPORT, "milestones": rows}, version=version)
        shown = made.act("item_show", one, id=first["id"])["report"]["milestones"]
        assert shown == [{}, {"status": "limited"}, {"status": "complete"}, {"status": "complete"}]
        rows = [{"status": "not_started"}, rows[3], rows[0], rows[1]]
        made.act("item_save", one, id=first["id"], report={**REPORT, "milestones": rows}, submit=True)
    else:
        made.act("item_save", one, id=first["id"], report={**REPORT, "milestones": rows}, submit=True)
        version = made.act("item_show", made.coordinator, id=first["id"])["version"]
        move()
        with pytest.raises(tk.ValidationError, match="version"):
            made.act("review", made.coordinator, id=first["id"], verdict="accept", version=version)
    made.act("review", made.coordinator, id=first["id"], verdict="accept")
    assert milestones(made, 1) == {
        "مرحلة جديدة": ("not_started" if moved_after == "opening" else None, None),
        "مرحلة 4": ("complete", "https://example.tn/4"),
        "مرحلة 1": ("complete", "https://example.tn/1"),
        "مرحلة 2": ("complete", "https://example.tn/2"),
    }


def test_who_says_nothing_of_milestones_leaves_them_as_they_are(made: House, mail: Letters) -> None:
    first = item(made, "1", made.open())
    before = milestones(made, 1)
    made.act("item_save", made.stewards[0], id=first["id"], report=REPORT, submit=True)
    made.act("review", made.coordinator, id=first["id"], verdict="accept")
    assert milestones(made, 1) == before


def test_a_round_without_its_first_day_keeps_the_one_that_is_known(made: House, mail: Letters) -> None:
    first = item(made, "1", made.open(period_start="", period_end="2015-12-31"))
    made.act("item_save", made.stewards[0], id=first["id"], report=REPORT, submit=True)
    made.act("review", made.coordinator, id=first["id"], verdict="accept")
    assert [(each["period_start"], each["period_end"]) for each in record(made, 1)["progress_reports"]] == [("2014", "2015-12-31")]


def test_of_two_openings_at_the_same_moment_one_is_refused(made: House, mail: Letters, app: Any) -> None:
    def opened(period_end: str) -> str:
        with app.flask_app.test_request_context():
            try:
                return made.open(period_end=period_end)["id"]
            except tk.ValidationError as refused:
                return str(sorted(refused.error_dict))
            finally:
                model.Session.remove()

    model.Session.remove()
    with ThreadPoolExecutor(2) as pool:
        # The same day, written in two ways.
        answers = list(pool.map(opened, ["2016", "2016-12-31"]))
    assert answers.count("['period_end']") == 1
    assert len(made.act("list", None)) == 1


def test_nothing_is_saved_in_a_round_that_is_being_closed(made: House, mail: Letters, app: Any) -> None:
    called = made.open()
    first = item(made, "1", called)
    closing = model.Session.get(Round, called["id"], with_for_update=True)
    assert closing is not None

    def save() -> str:
        with app.flask_app.test_request_context():
            # Read before it is closed, as a request has it that began earlier.
            read = model.Session.get(Round, called["id"])
            assert read is not None and read.closed_at is None
            began.set()
            try:
                return made.act("item_save", made.stewards[0], id=first["id"], report=REPORT)["state"]
            except tk.ValidationError as refused:
                return str(sorted(refused.error_dict))
            finally:
                model.Session.remove()

    began = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(save)
        assert began.wait(30)
        with pytest.raises(FutureTimeoutError):
            answer.result(1)
        closing.closed_at = dt.datetime.now(dt.timezone.utc)
        model.Session.commit()
        assert answer.result(30) == "['id']"


def test_late_reports_are_seen(made: House, mail: Letters) -> None:
    called = made.open()
    row = model.Session.get(Round, called["id"])
    assert row is not None
    row.due_on = dt.date(2020, 1, 1)
    model.Session.commit()
    made.act("item_save", made.stewards[1], id=item(made, "3", called)["id"], report=REPORT, submit=True)
    assert [row["late"] for row in made.act("show", None, id=called["id"])["items"]] == [True] * 3
    assert made.act("list", None)[0]["late"] == 3


def test_a_mail_server_that_is_down_stops_nobody(
    made: House, ckan_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    jobs.get_queue().empty()
    monkeypatch.setitem(ckan_config, "smtp.server", "127.0.0.1:1")
    called = made.open()
    send_waiting_mails()
    assert "was not sent" in caplog.text
    assert made.act("show", None, id=called["id"])["open"]


def test_bad_reports_are_refused_by_field(made: House, mail: Letters) -> None:
    called = made.open()
    first = item(made, "1", called)
    bad: list[tuple[Any, str]] = [
        ({"completion_level": "nearly"}, "completion_level"),
        ({"done": "text"}, "done"),
        ({"done": {"ar": "\u202e"}}, "done"),
        ({"evidence": "javascript:alert(1)"}, "evidence"),
        ({"milestones": [{}] * 9}, "milestones"),
        ({"milestones": "x"}, "milestones"),
        ({"milestones": [{"percent": "120"}]}, "milestones-0-percent"),
        ({"secret": 1}, "secret"),
        ("text", "report"),
    ]
    for report, field in bad:
        with pytest.raises(tk.ValidationError) as refused:
            made.act("item_save", made.stewards[0], id=first["id"], report=report)
        assert field in refused.value.error_dict
    assert item(made, "1", called)["state"] == "waiting"


def test_the_schema_has_the_last_word_when_a_report_is_sent(made: House, mail: Letters) -> None:
    """A milestone that is complete at 40 percent: the commitment would be refused, so the report is."""
    called = made.open()
    first = item(made, "1", called)
    report = {**REPORT, "milestones": [{"status": "complete", "percent": "40"}]}
    with pytest.raises(tk.ValidationError) as refused:
        made.act("item_save", made.stewards[0], id=first["id"], report=report, submit=True)
    assert "100" in str(refused.value.error_dict["report"])


@pytest.mark.usefixtures("with_request_context")
def test_hints_are_given_and_change_nothing() -> None:
    milestones = [{"status": "complete"}] * 3 + [{"status": "limited"}]
    report = {"completion_level": "limited", "milestones": milestones}
    assert "3" in reports.hint(report) and "4" in reports.hint(report)
    assert report["completion_level"] == "limited"
    assert reports.hint({"completion_level": "substantial", "milestones": milestones}) == ""
    assert reports.hint({"completion_level": "complete", "milestones": milestones}) != ""
    assert reports.hint({"completion_level": "limited", "milestones": []}) == ""


def test_what_does_not_exist(made: House) -> None:
    for act in ("show", "close"):
        with pytest.raises(tk.ObjectNotFound):
            made.act(act, made.coordinator, id="nothing")
    with pytest.raises(tk.ObjectNotFound):
        made.act("item_show", made.coordinator, id="nothing")


def kept_titles(shown: dict[str, Any]) -> list[Any]:
    found = model.Session.get(RoundItem, shown["id"])
    assert found is not None
    return found.milestones


def test_the_migration_tells_reports_that_exist_which_milestones_they_speak_of(made: House, mail: Letters) -> None:
    first = item(made, "1", made.open())
    titles = [{"ar": f"مرحلة {place}"} for place in range(1, 5)]
    assert kept_titles(first) == titles
    module = import_module("ckanext.ogptn.migration.ogptn.versions.0005_round_milestones")
    model.Session.expire_all()
    with Operations.context(MigrationContext.configure(model.Session.connection())):
        module.downgrade()
        module.upgrade()
    assert kept_titles(first) == titles
    model.Session.rollback()
