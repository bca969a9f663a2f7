"""What other pages say of harvesting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ..engine.model import OPEN, Job, Source


def first_harvests() -> dict[str, int] | None:
    """How far the first harvest of a demonstration portal's samples is. Asks nothing of the database on any other portal.

    :returns: ``{"done": sources that were harvested, "all": sources}``; None where no first harvest is under way
    """
    if not tk.config.get("ogptn.samples"):
        return None
    open_job = sa.exists().where(Job.source_id == Source.id, Job.phase.in_(OPEN))
    rows = model.Session.execute(sa.select(Source.last_good, open_job).where(Source.deleted.is_(False))).all()
    if not any(last_good is None and under_way for last_good, under_way in rows):
        return None
    return {"done": sum(1 for last_good, _under_way in rows if last_good is not None), "all": len(rows)}


def get_helpers() -> dict[str, Callable[..., Any]]:
    return {"ogptn_first_harvests": first_harvests}
