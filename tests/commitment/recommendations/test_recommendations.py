"""Recommendations: who records, answers and reads them; what is refused; the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import call_action

from ...mail import Letters
from ..conftest import House, send_waiting_mails

TEXT = {"fr": "Publier les contrats pétroliers", "ar": "نشر العقود البترولية"}


@pytest.fixture
def made(clean_db: None, house: Callable[[], House]) -> House:
    return house()


def act(name: str, user: dict[str, Any] | None, **data: Any) -> Any:
    return tk.get_action(f"ogptn_commitment_recommendation_{name}")({"user": user["name"] if user else ""}, data)


def create(made: House, **more: Any) -> dict[str, Any]:
    given = {"text": TEXT, "source": "irm", "organization": made.commitments[0]["owner_org"], "commitments": [made.commitments[0]["name"]]}
    return act("create", made.coordinator, **{**given, **more})


def test_from_recording_to_the_answer(made: House, mail: Letters) -> None:
    one, two = made.stewards
    found = create(made, received_on="02/2016", source_name="Rapport MII 2014-2015", source_url="https://example.tn/irm.pdf")
    assert (found["status"], found["received_on"], found["answer"], found["answered_at"]) == ("open", "2016-02", {}, None)
    assert [linked["number"] for linked in found["commitments"]] == ["1"]
    send_waiting_mails()
    ((_subject, text),) = mail.to(one)
    assert f"/commitment-recommendations/{found['id']}" in text
    assert mail.to(two) == []

    assert act("show", None, id=found["id"])["text"] == TEXT
    assert [act("show", user, id=found["id"])["may_answer"] for user in (None, one, two, made.coordinator)] == [False, True, False, True]
    answered = act("update", one, id=found["id"], status="accepted", answer={"fr": "Décret en préparation"}, version=found["version"])
    assert (answered["status"], answered["answer"], answered["text"]) == ("accepted", {"fr": "Décret en préparation"}, TEXT)
    assert answered["answered_at"]
    send_waiting_mails()
    assert len(mail.to(made.coordinator)) == 1
    # What was read before the answer does not overwrite it.
    with pytest.raises(tk.ValidationError, match="version"):
        act("update", made.coordinator, id=found["id"], status="done", version=found["version"])
    act("update", made.coordinator, id=found["id"], status="done")
    assert act("show", None, id=found["id"])["answer"] == {"fr": "Décret en préparation"}
    act("delete", made.coordinator, id=found["id"])
    with pytest.raises(tk.ObjectNotFound):
        act("show", None, id=found["id"])


def test_who_may_what(made: House) -> None:
    one, two = made.stewards
    found = create(made)
    for user in (None, one, two):
        with pytest.raises(tk.NotAuthorized):
            act("create", user, text=TEXT, source="irm", organization=made.commitments[0]["owner_org"])
        with pytest.raises(tk.NotAuthorized):
            act("delete", user, id=found["id"])
    for user in (None, two):
        with pytest.raises(tk.NotAuthorized):
            act("update", user, id=found["id"], status="done")
    # The agency answers, and changes nothing of what was asked; sending it back unchanged is no change.
    for name, value in (("text", {"fr": "Rien"}), ("organization", made.commitments[2]["owner_org"]), ("commitments", [])):
        with pytest.raises(tk.ValidationError, match="Only the coordinators"):
            act("update", one, id=found["id"], **{name: value})
    same = {"text": TEXT, "source": "irm", "commitments": [made.commitments[0]["id"]]}
    assert act("update", one, id=found["id"], **same, status="accepted")["status"] == "accepted"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"text": {}}, "text"),
        ({"text": {"de": "x"}}, "text"),
        ({"text": {"fr": "x" * 20_001}}, "text"),
        ({"source": "nobody"}, "source"),
        ({"source": ""}, "source"),
        ({"source_url": "javascript:alert(1)"}, "source_url"),
        ({"organization": "none"}, "organization"),
        ({"received_on": "31/02/2016"}, "received_on"),
        ({"status": "lost"}, "status"),
        ({"status": "declined"}, "answer"),
        ({"commitments": ["none"]}, "commitments"),
        ({"commitments": {"a": 1}}, "commitments"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_refused(made: House, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(tk.ValidationError) as refused:
        create(made, **wrong)
    assert list(refused.value.error_dict) == [field]
    assert act("list", None)["count"] == 0


def test_the_list_and_its_filters(made: House, open_dataset_factory: Any) -> None:
    first = create(made, received_on="2015")
    second = create(made, received_on="2016", source="civil_society", organization=made.commitments[2]["owner_org"], commitments=[])
    assert [each["id"] for each in act("list", None)["results"]] == [second["id"], first["id"]]
    for given, expected in (
        ({"source": "irm"}, [first]),
        ({"status": "done"}, []),
        ({"organization": made.commitments[2]["owner_org"]}, [second]),
        ({"organization": "none"}, []),
        ({"commitment": made.commitments[0]["name"]}, [first]),
        ({"commitment": made.commitments[1]["id"]}, []),
        ({"limit": 1, "offset": 1}, [first]),
    ):
        assert [each["id"] for each in act("list", None, **given)["results"]] == [each["id"] for each in expected], given
    assert act("list", None, status="done")["statuses"] == {"open": 2}
    for wrong in ({"limit": 101}, {"offset": -1}, {"status": "x"}):
        with pytest.raises(tk.ValidationError):
            act("list", None, **wrong)
    with pytest.raises(tk.ValidationError, match="not a record of the type"):
        create(made, commitments=[open_dataset_factory()["name"]])


def test_a_commitment_that_is_not_public_is_not_told(made: House) -> None:
    found = create(made)
    coordinator = {"user": call_action("get_site_user", context={"ignore_auth": True})["name"], "ignore_auth": True}
    call_action("package_patch", context=dict(coordinator), id=made.commitments[0]["id"], private=True)
    assert act("show", None, id=found["id"])["commitments"] == []
    assert len(act("show", made.stewards[0], id=found["id"])["commitments"]) == 1
    call_action("package_delete", context=dict(coordinator), id=made.commitments[0]["id"])
    assert act("show", made.stewards[0], id=found["id"])["commitments"] == []


def test_it_outlives_a_purged_organisation(made: House) -> None:
    found = create(made, organization="presidence-du-gouvernement", commitments=[])
    call_action("organization_purge", id="presidence-du-gouvernement")
    assert act("show", None, id=found["id"])["organization"] is None


def headers(user: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": call_action("api_token_create", context={"user": user["name"]}, user=user["name"], name="test")["token"]}


def test_the_pages(made: House, app: Any) -> None:
    page = app.get("/fr/commitment-recommendations/")
    assert 'href="/fr/commitment-recommendations/new"' not in page
    coordinator = headers(made.coordinator)
    assert app.get("/ar/commitment-recommendations/new", headers=coordinator).status_code == 200
    for language in ("ar", "fr", "en"):
        assert app.get(f"/{language}/commitment-recommendations/new", headers=headers(made.stewards[0]), status=403)
    given = {
        "text-fr": "<script>alert(1)</script> Publier",
        "source": "irm",
        "commitments": [made.commitments[0]["name"], ""],
        "status": "open",
    }
    refused = app.post("/fr/commitment-recommendations/new", data=given, headers=coordinator)
    assert refused.status_code == 400
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Publier" in refused.body
    made_by_form = app.post(
        "/fr/commitment-recommendations/new",
        data={**given, "organization": made.commitments[0]["owner_org"], "received_on": "2016"},
        headers=coordinator,
        follow_redirects=False,
    )
    assert made_by_form.status_code == 302
    address = "/" + made_by_form.headers["Location"].split("/", 3)[3]
    page = app.get(address)
    assert "<script>alert(1)" not in page.body
    assert "data-delete" not in page.body
    assert "data-delete" in app.get(address, headers=coordinator).body
    # On the commitment's page, and in the list; a filter that fits nothing says so.
    assert address in app.get(f"/fr/commitment/{made.commitments[0]['name']}").body
    assert address in app.get("/fr/commitment-recommendations/?source=irm").body
    assert address not in app.get("/fr/commitment-recommendations/?status=done").body
    assert app.get("/fr/commitment-recommendations/?status=lost", status=400)
    assert app.get("/fr/commitment-recommendations/none", status=404)
    # The agency answers by its form.
    steward = headers(made.stewards[0])
    form = app.get(f"{address}/edit", headers=steward).body
    assert 'name="answer-ar"' in form
    assert 'name="source"' not in form
    done = app.post(
        f"{address}/edit", data={"status": "declined", "answer-ar": "غير ممكن", "version": "1"}, headers=steward, follow_redirects=False
    )
    assert done.status_code == 302
    assert "غير ممكن" in app.get(address).body
    assert app.post(f"{address}/edit", data={"status": "open", "version": "1"}, headers=steward).status_code == 400
    assert app.post(f"{address}/delete", headers=steward, status=403)
    app.post(f"{address}/delete", headers=coordinator)
    assert app.get(address, status=404)
