"""Mails about recommendations: to who is to answer, and to the coordinators once somebody did."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask_babel import force_locale

from ...catalogue import text as t
from ...catalogue.config import default_language
from ..config import coordinator_organization
from ..rounds.mails import letter, people_of, send
from .model import Recommendation


def _lines(found: Recommendation) -> list[str]:
    page = tk.h.url_for("ogptn_recommendations.read", recommendation_id=found.id, qualified=True, locale=default_language())
    return [t.pick(found.text, default_language())[:1_000], "", page]


def recorded(found: Recommendation) -> None:
    """To the stewards of the organisation that is addressed."""
    with force_locale(default_language()):
        subject = tk._("A recommendation waits for your answer")
        send([letter(user, subject, _lines(found)) for user in people_of(found.organization_id or "")])


def answered(found: Recommendation) -> None:
    """To the coordinators."""
    with force_locale(default_language()):
        subject = tk._("A recommendation was answered")
        send([letter(user, subject, _lines(found)) for user in people_of(coordinator_organization())])
