"""What templates ask of the commitments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckan import model

from ..catalogue import vocabulary
from ..catalogue.config import reader_language
from ..catalogue.text import pick


def ogptn_report_plans() -> list[dict[str, str]]:
    """The plans of which the catalogue has public commitments, oldest first: ``[{"value", "label"}]``."""
    plan = model.Package.extras["plan"].astext
    rows = model.Session.query(plan).filter(
        model.Package.type == "commitment", model.Package.state == "active", model.Package.private.is_(False)
    )
    present = {code for (code,) in rows.distinct()}
    return [{"value": term.code, "label": pick(term.label, reader_language())} for term in vocabulary.get("plans") if term.code in present]


def get_helpers() -> dict[str, Callable[..., Any]]:
    """The helpers by name."""
    return {"ogptn_report_plans": ogptn_report_plans}
