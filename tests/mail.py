"""A mail server for tests, which keeps what it gets."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any


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
