"""A coordinator, two agencies with a steward each, three commitments, and a real mail server."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from aiosmtpd.controller import Controller
from ckan.lib import jobs

PASSWORD = "a-long-test-password"


class Letters:
    """What the mail server got."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.got.append(message)
        return "250 OK"

    def to(self, user: dict[str, Any]) -> list[tuple[str, str]]:
        """Subjects and texts for a person."""
        found = [message for message in self.got if user["email"] in str(message["To"])]
        return [(str(message["Subject"]), message.get_content()) for message in found]


def send_waiting_mails() -> None:
    """What the background worker does: run the jobs that wait, in their order."""
    queue = jobs.get_queue()
    for job in queue.jobs:
        job.perform()
        job.delete()


@pytest.fixture
def mail(ckan_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Letters]:
    letters = Letters()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(letters, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setitem(ckan_config, "smtp.server", f"127.0.0.1:{port}")
    jobs.get_queue().empty()
    yield letters
    controller.stop()


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
