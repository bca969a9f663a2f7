"""A coordinator, two agencies with a steward each, three commitments, and a real mail server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.lib import jobs

PASSWORD = "a-long-test-password"


def send_waiting_mails() -> None:
    """What the background worker does: run the jobs that wait, in their order."""
    queue = jobs.get_queue()
    for job in queue.jobs:
        job.perform()
        job.delete()


@dataclass
class House:
    """``stewards``: of the first and of the second agency; ``commitments``: two of the first, one of the second."""

    coordinator: dict[str, Any]
    stewards: list[dict[str, Any]] = field(default_factory=list)
    commitments: list[dict[str, Any]] = field(default_factory=list)

    def act(self, name: str, user: dict[str, Any] | None, **data: Any) -> Any:
        context: Any = {"user": user["name"] if user else ""}
        return tk.get_action(f"ogptn_commitment_round_{name}")(context, data)

    def open(self, **more: Any) -> dict[str, Any]:
        later = (dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days=30)).isoformat()
        given = {"plan": "nap1", "title": {"ar": "جولة اصطناعية", "fr": "Cycle d’essai"}, "period_start": "2015", "period_end": "2016-12"}
        return self.act("open", self.coordinator, **{**given, "due_on": later, **more})


@pytest.fixture
def house(steward_factory: Any, agency_factory: Any, commitment_factory: Any) -> Callable[[], House]:
    """Made when it is called, once the site is there."""

    def make() -> House:
        people = [steward_factory(name=n, password=PASSWORD, image_url="") for n in ("coordinator", "steward-one", "steward-two")]
        coordinator, one, two = people
        agency_factory(name="presidence-du-gouvernement", editors=[coordinator["name"]])
        first, second = agency_factory(editors=[one["name"]]), agency_factory(editors=[two["name"]])
        made = House(coordinator, [one, two])
        last = {
            "period_start": "2014",
            "period_end": "2015",
            "completion_level": "substantial",
            "done": {"ar": "تقرير سابق", "fr": "Rapport précédent"},
        }
        milestones = [{"title": {"ar": f"مرحلة {n}"}, "status": "complete" if n < 4 else "limited"} for n in range(1, 5)]
        for number, agency in ((1, first), (2, first), (3, second)):
            more: dict[str, Any] = {"progress_reports": [last], "milestones": milestones} if number == 1 else {}
            made.commitments.append(commitment_factory(owner_org=agency["id"], commitment_number=str(number), **more))
        return made

    return make
