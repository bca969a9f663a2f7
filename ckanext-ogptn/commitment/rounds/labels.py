"""What states and events of a round are called, in the reader's language."""

from __future__ import annotations

import ckan.plugins.toolkit as tk


def state_label(state: str) -> str:
    """A report's state."""
    return {
        "waiting": tk._("Not begun"),
        "draft": tk._("Being written"),
        "submitted": tk._("Sent, waits for review"),
        "returned": tk._("Sent back"),
        "accepted": tk._("Accepted"),
    }[state]


def event_label(what: str) -> str:
    """What happened to a report."""
    return {
        "opened": tk._("The round was opened"),
        "saved": tk._("Draft saved"),
        "submitted": tk._("Report sent"),
        "returned": tk._("Sent back"),
        "accepted": tk._("Accepted"),
    }[what]
