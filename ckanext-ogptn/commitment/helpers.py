"""What templates ask of the commitments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ..catalogue import vocabulary
from ..catalogue.config import reader_language
from ..catalogue.text import pick
from . import evidence
from .recommendations.actions import MOST
from .recommendations.model import Recommendation


def ogptn_report_plans() -> list[dict[str, str]]:
    """The plans of which the catalogue has public commitments, oldest first: ``[{"value", "label"}]``."""
    plan = model.Package.extras["plan"].astext
    rows = model.Session.query(plan).filter(
        model.Package.type == "commitment", model.Package.state == "active", model.Package.private.is_(False)
    )
    present = {code for (code,) in rows.distinct()}
    return [{"value": term.code, "label": pick(term.label, reader_language())} for term in vocabulary.get("plans") if term.code in present]


_table_seen = False


def _table_exists() -> bool:
    """Whether ``ckan db upgrade -p ogptn`` has run: a commitment can be read before."""
    global _table_seen
    _table_seen = _table_seen or sa.inspect(model.Session.connection()).has_table(Recommendation.__tablename__)
    return _table_seen


def ogptn_recommendations_of(package_id: str) -> dict[str, Any]:
    """The recommendations about a commitment, as `ogptn_commitment_recommendation_list` gives them; none until the tables are made."""
    if not _table_exists():
        return {"count": 0, "statuses": {}, "results": []}
    context: Any = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    return tk.get_action("ogptn_commitment_recommendation_list")(context, {"commitment": package_id, "limit": MOST})


def get_helpers() -> dict[str, Callable[..., Any]]:
    """The helpers by name."""
    return {
        "ogptn_evidence": evidence.ogptn_evidence,
        "ogptn_recommendations_of": ogptn_recommendations_of,
        "ogptn_report_plans": ogptn_report_plans,
    }
