"""Which rule decides that a dataset is removed.

Only after a complete pass. What is not at the source any more is marked, and stays for a time of grace: so many days or so many complete
passes, whichever is over first. Then its dataset is deleted, which can be undone. More than the ceiling at once, and nothing is marked or
deleted until a person has said so.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from . import config
from .kinds import CEILING, GONE, GONE_AT_ONCE, GONE_NEXT
from .model import HarvestRecord, Job, Source, now
from .problems import Issue

if TYPE_CHECKING:
    from .run import Runner

log = logging.getLogger(__name__)

#: Datasets that are restored while a person waits; more are left to a worker.
AT_ONCE = 50
#: Titles of removed datasets that the job itself lists; the records' table has them all.
LISTED = 1_000


def over_ceiling(gone: int, total: int, limits: dict[str, Any]) -> bool:
    """Whether so many of a source's datasets may not go without a person being asked: more than the count *and* more than the share."""
    count = config.limit(limits, "ceiling_count", "ceiling_count")
    percent = config.limit(limits, "ceiling_percent", "ceiling_percent")
    return gone > count and gone * 100 > percent * total


def grace_is_over(missing_since: dt.datetime, passes: int, at: dt.datetime, limits: dict[str, Any]) -> bool:
    """Whether a dataset that was missing for so long, in so many complete passes, goes now."""
    days = config.limit(limits, "grace_days", "grace_days")
    return at - missing_since >= dt.timedelta(days=days) or passes >= config.limit(limits, "grace_passes", "grace_passes")


@dataclass
class Going:
    """What is not at the source any more, after a complete pass. Lists of rows with ``id``, ``guid``, ``title``, ``state``.

    :ivar gone: seen at the last pass: to be marked
    :ivar missing: marked before
    :ivar due: of both, those whose time of grace is over: their datasets are deleted
    :ivar never: never a dataset here: forgotten without a word
    :ivar total: datasets of the source
    :ivar held: more than may go without a person being asked: nothing is marked or deleted
    """

    gone: list[Any]
    missing: list[Any]
    due: list[Any]
    never: list[Any]
    total: int
    held: bool

    @property
    def ceiling(self) -> dict[str, Any]:
        """What a person is asked: ``{"count", "of", "titles"}``."""
        rows = [*self.gone, *self.missing]
        return {"count": len(rows), "of": self.total, "titles": [row.title or row.guid for row in rows][:LISTED]}


def foresee(source: Source, seen: set[int], begun: dt.datetime, allowed: bool) -> Going:
    """What a complete pass marks and deletes. Writes nothing.

    :param seen: ids of the records that are at the source
    :param begun: when the pass began
    :param allowed: a person was asked: no ceiling
    """
    limits = source.limits or {}
    columns = (
        HarvestRecord.id,
        HarvestRecord.state,
        HarvestRecord.guid,
        HarvestRecord.title,
        HarvestRecord.missing_since,
        HarvestRecord.missed_passes,
    )
    query = sa.select(*columns).where(HarvestRecord.source_id == source.id, HarvestRecord.state != "removed").order_by(HarvestRecord.id)
    unseen: list[Any] = []
    total = 0
    # A large source has many rows, and nearly all of them were seen.
    for row in model.Session.execute(query.execution_options(yield_per=1000)):
        total += row.state in ("active", "missing")
        if row.id not in seen:
            unseen.append(row)
    gone = [row for row in unseen if row.state == "active"]
    missing = [row for row in unseen if row.state == "missing"]
    due = [row for row in missing if grace_is_over(row.missing_since, row.missed_passes + 1, begun, limits)]
    return Going(
        gone,
        missing,
        due + [row for row in gone if grace_is_over(begun, 1, begun, limits)],
        [row for row in unseen if row.state in ("refused", "duplicate")],
        total,
        not allowed and (over_ceiling(len(gone), total, limits) or over_ceiling(len(due), total, limits)),
    )


def remove(runner: Runner, begun: dt.datetime, allowed: bool) -> dict[str, Any]:
    """Mark and delete after a complete pass. For the job's ``result``: ``{"ceiling": {"count", "of"}}`` or ``{"removed": [titles]}``.

    :param begun: when the pass began
    :param allowed: a person was asked: no ceiling
    """
    going = foresee(runner.source, runner.judge.seen, begun, allowed)
    if going.never:
        model.Session.execute(sa.delete(HarvestRecord).where(HarvestRecord.id.in_([row.id for row in going.never])))
    if going.held:
        ceiling = going.ceiling
        runner.note(Issue(CEILING, values={"count": str(ceiling["count"]), "total": str(going.total)}))
        runner.commit()
        return {"ceiling": ceiling}
    for row in going.gone:
        runner.note(gone_issue(runner.source, row))
    runner.counts["missing"] += len(going.gone)
    _update([row.id for row in going.gone], state="missing", missing_since=begun, missed_passes=1, job_id=runner.job_id)
    _update([row.id for row in going.missing], missed_passes=HarvestRecord.missed_passes + 1)
    runner.commit()
    removed = []
    for row in going.due:
        runner.life.keep_going()
        delete(runner, row.id)
        removed.append(row.title or row.guid)
    return {"removed": removed[:LISTED]} if removed else {}


def gone_issue(source: Source, row: Any) -> Issue:
    """What is said of a record that is not at the source any more, by how long its dataset stays."""
    limits = source.limits or {}
    days, passes = config.limit(limits, "grace_days", "grace_days"), config.limit(limits, "grace_passes", "grace_passes") - 1
    if days == 0 or passes < 1:
        return Issue(GONE_AT_ONCE, row.guid, row.title)
    if passes == 1:
        return Issue(GONE_NEXT, row.guid, row.title, values={"days": str(days)})
    return Issue(GONE, row.guid, row.title, values={"days": str(days), "passes": str(passes)})


def _update(ids: list[int], **values: Any) -> None:
    if ids:
        model.Session.execute(
            sa.update(HarvestRecord).where(HarvestRecord.id.in_(ids)).values(**values).execution_options(synchronize_session=False)
        )


def delete(runner: Runner, record_id: int) -> None:
    """Delete the dataset of a record as a person would, and note it. Commits; doing it twice does no harm."""
    package_id = model.Session.scalar(sa.select(HarvestRecord.package_id).where(HarvestRecord.id == record_id))
    package = model.Session.get(model.Package, package_id) if package_id else None
    if package is not None and package.state != "deleted":
        tk.get_action("package_delete")({"user": runner.user, "ignore_auth": True}, {"id": package.id})
    # What was written stays known: should the dataset come back, what was changed here is told from what was harvested.
    _update([record_id], state="removed", job_id=runner.job_id, hash="", missing_since=now())
    runner.counts["removed"] += 1
    runner.commit()


def restore(record_id: int, user: str) -> str:
    """Undo the deletion of a record's dataset. It is marked as missing, with a new time of grace. Commits.

    :returns: the dataset's id
    :raises ckan.logic.NotFound: no such record, or its dataset was purged
    """
    row = model.Session.get(HarvestRecord, record_id)
    if row is None or row.state != "removed" or not row.package_id or model.Session.get(model.Package, row.package_id) is None:
        raise tk.ObjectNotFound(tk._("There is no removed dataset of this record."))
    if not user or model.User.get(user) is None:
        user = str(tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"])
    tk.get_action("package_patch")({"user": user, "ignore_auth": True}, {"id": row.package_id, "state": "active"})
    row.state, row.missing_since, row.missed_passes = "missing", now(), 0
    model.Session.commit()
    return row.package_id


def restore_all(job_id: str, user: str, at_most: int | None = None) -> tuple[int, int]:
    """Undo the deletions of a job, the first of them if not all may be. Commits each.

    :returns: how many were restored, and how many are left
    """
    removed = sa.select(HarvestRecord.id).where(HarvestRecord.job_id == job_id, HarvestRecord.state == "removed")
    # A dataset that was purged cannot come back.
    there = removed.where(sa.exists().where(model.Package.id == HarvestRecord.package_id)).order_by(HarvestRecord.id)
    source_id = model.Session.scalar(sa.select(Job.source_id).where(Job.id == job_id))
    ids = list(model.Session.scalars(there.where(HarvestRecord.source_id == source_id)))
    done = 0
    for record_id in ids[:at_most]:
        try:
            restore(record_id, user)
        except tk.ValidationError as error:
            model.Session.rollback()
            log.warning("the dataset of record %s cannot be restored: %s", record_id, error.error_dict)
            continue
        done += 1
    return done, len(ids) - done


def clear(runner: Runner) -> None:
    """Delete every dataset of the source, and forget what was read."""
    source_id = runner.source_id
    while True:
        runner.life.keep_going()
        ids = list(
            model.Session.scalars(
                sa.select(HarvestRecord.id)
                .where(HarvestRecord.source_id == source_id, HarvestRecord.state.in_(("active", "missing")))
                .order_by(HarvestRecord.id)
                .limit(100)
            )
        )
        if not ids:
            break
        for record_id in ids:
            runner.life.keep_going()
            delete(runner, record_id)
        model.Session.remove()
    # Their identity is kept: a later harvest finds its datasets again instead of making others.
    runner._reload()
    runner.source.state, runner.source.last_full, runner.source.last_good = {}, None, None
    runner.commit()
