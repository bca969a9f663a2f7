"""Jobs: making, queueing, scheduling, taking up again, forgetting. The work itself is `run`.

`tick` does all that time asks for. CKAN 2.12's worker brings a scheduler (RQ's): a tick puts the next one into it. Where workers run
without (``--no-scheduler``), one line of cron does the same: ``* * * * * ckan -c /etc/ckan/ckan.ini ogptn-harvest tick``.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import ckan.lib.jobs as background
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from croniter import croniter
from rq.exceptions import DeserializationError
from sqlalchemy import exc

from ckanext.ogptn.catalogue.later import once_later
from ckanext.ogptn.tables import jobs as tables

from . import config, removal
from .model import CLOSED, KINDS, OPEN, Job, Source, now
from .run import run

log = logging.getLogger(__name__)

TICK = "ogptn-harvest-tick"
#: Seconds between two ticks.
EVERY = 60
#: Words for the usual times: ``{word: cron}``; the hour of ``daily`` and ``weekly`` may be given: ``daily 03:30``, ``weekly 1 03:30``.
WORDS = {"": "", "manual": "", "hourly": "0 * * * *", "daily": "0 2 * * *", "weekly": "0 2 * * 1"}


class Busy(Exception):  # noqa: N818 - told to people as a sentence
    """The source has an open job already."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(job_id)


def cron_of(schedule: str) -> str:
    """Five fields of cron for what a person wrote.

    :param schedule: ``hourly``, ``daily``, ``daily 03:30``, ``weekly``, ``weekly 1 03:30`` (0 is Sunday), ``manual`` or cron's five fields
    :raises ValueError: it is none of these
    """
    words = schedule.split()
    if not words or (len(words) == 1 and words[0] in WORDS):
        return WORDS[words[0] if words else ""]
    if words[0] in ("daily", "weekly") and len(words) in (2, 3):
        hour, _, minute = words[-1].partition(":")
        day = words[1] if words[0] == "weekly" and len(words) == 3 else "1" if words[0] == "weekly" else "*"
        schedule = f"{int(minute)} {int(hour)} * * {day}"
    if len(schedule.split()) != 5 or not croniter.is_valid(schedule):
        raise ValueError(schedule)
    return schedule


def next_run(cron: str, after: dt.datetime) -> dt.datetime | None:
    """When a schedule is due next, in the site's time zone; ``None`` for one that is never."""
    if not cron:
        return None
    zone = tk.h.get_display_timezone()
    return croniter(cron, after.astimezone(zone)).get_next(dt.datetime)


def create(source_id: str, kind: str = "harvest", *, user: str | None = None, full: bool = False, allow_removal: bool = False) -> Job:
    """Make a job and queue it. Commits.

    :raises Busy: the source has an open one (a preview does not count)
    """
    assert kind in KINDS
    job = Job(source_id=source_id, kind=kind, user=user, full=full, allow_removal=allow_removal)
    model.Session.add(job)
    try:
        model.Session.commit()
    except exc.IntegrityError:
        model.Session.rollback()
        open_job = model.Session.scalar(sa.select(Job.id).where(Job.source_id == source_id, Job.phase.in_(OPEN), Job.kind != "preview"))
        raise Busy(open_job or "") from None
    enqueue(job.id)
    return job


def enqueue(job_id: str) -> None:
    """Queue a job for any worker. Queueing it twice does no harm: only one worker can claim it."""
    # The chain of ticks ends where the queue's memory was lost; whoever starts a job puts it together again.
    schedule_tick()
    # No time limit: its own sign of life tells whether it is well.
    background.enqueue(run, [job_id], title="ogptn harvest", queue=config.queue(), rq_kwargs={"timeout": -1})


def enqueue_restore(job_id: str, user: str) -> None:
    """Have a worker bring back what a job removed. Doing it twice does no harm."""
    background.enqueue(restore, [job_id, user], title="ogptn harvest restore", queue=config.queue(), rq_kwargs={"timeout": -1})


def restore(job_id: str, user: str) -> int:
    """Bring back what a job removed. For the background worker. Gives how many."""
    done, left = removal.restore_all(job_id, user)
    model.Session.remove()
    if left:
        log.warning("%s datasets that harvest job %s removed could not be restored", left, job_id)
    return done


def cancel(job: Job) -> None:
    """Stop a job: at once if no worker has it, else when its worker next looks (some seconds). Commits."""
    job.cancel = True
    if job.phase == "waiting" and job.heartbeat is None:
        job.phase, job.finished = "cancelled", now()
    model.Session.commit()


def tick() -> dict[str, int]:
    """What time asks for: start what is due, take up what was abandoned, the tables of files included, and forget what is old.

    :returns: ``{"started", "revived", "pruned", "tables"}``
    """
    done = {"started": _start_due(), "revived": _revive(), "pruned": prune(), "tables": tables.sweep()["taken_back"]}
    model.Session.remove()
    return done


def scheduled_tick() -> None:
    """`tick` from the worker's scheduler. The next one is planned first: it comes even if this one fails, or its worker is killed."""
    schedule_tick()
    tick()


def schedule_tick() -> None:
    """Put the next tick into CKAN's scheduler, once."""
    once_later(scheduled_tick, TICK, EVERY, config.queue())


def _start_due() -> int:
    at = now()
    due = model.Session.scalars(
        sa.select(Source)
        .where(Source.active, sa.not_(Source.deleted), Source.next_run <= at)
        .order_by(Source.next_run)
        .with_for_update(skip_locked=True)
    ).all()
    ids = []
    for source in due:
        source.next_run = next_run(source.schedule, at)
        ids.append(source.id)
    model.Session.commit()
    started = 0
    for source_id in ids:
        try:
            create(source_id)
        except Busy as busy:
            log.warning("source %s is due, but its job %s is still open", source_id, busy.job_id)
            continue
        started += 1
    return started


def _revive() -> int:
    """Queue again the jobs whose worker gave no sign of life, and those that the queue lost."""
    stale = now() - dt.timedelta(seconds=config.number("stale_after"))
    ids = list(
        model.Session.scalars(
            sa.select(Job.id).where(
                Job.phase.in_(OPEN), sa.or_(Job.heartbeat < stale, sa.and_(Job.heartbeat.is_(None), Job.created < stale))
            )
        )
    )
    model.Session.commit()
    if not ids:
        # As a rule; the queue, which may be long, is then not read.
        return 0
    waiting = _queued()
    revived = [job_id for job_id in ids if job_id not in waiting]
    for job_id in revived:
        enqueue(job_id)
    return len(revived)


def _queued() -> set[str]:
    """Ids of the jobs that wait in the queue. It is CKAN's and everybody's: what cannot be read there is another's."""
    waiting: set[str] = set()
    for each in background.get_queue(config.queue()).jobs:
        try:
            if each.args and str(each.func_name).endswith("engine.run.run"):
                waiting.add(str(each.args[0]))
        except DeserializationError:
            continue
    return waiting


def prune() -> int:
    """Delete old jobs with their issues: more per source than are kept, or older. What is known of records stays. Commits."""
    keep, days = config.number("keep_jobs"), config.number("keep_days")
    ranked = (
        sa.select(Job.id, sa.func.row_number().over(partition_by=Job.source_id, order_by=Job.created.desc()).label("place"), Job.created)
        .where(Job.phase.in_(CLOSED))
        .subquery()
    )
    old = list(
        model.Session.scalars(
            # The newest job of a source stays however old it is: it tells how things stand.
            sa.select(ranked.c.id).where(
                sa.or_(ranked.c.place > keep, sa.and_(ranked.c.created < now() - dt.timedelta(days=days), ranked.c.place > 1))
            )
        )
    )
    if old:
        model.Session.execute(sa.delete(Job).where(Job.id.in_(old)).execution_options(synchronize_session=False))
    model.Session.commit()
    return len(old)


def rate(job: Job) -> dict[str, Any]:
    """How fast a job goes: ``{"done", "expected", "percent", "per_second", "seconds_left"}``, ``None`` for what nobody knows."""
    done = int((job.counts or {}).get("seen", 0))
    end = job.finished or now()
    seconds = (end - job.started).total_seconds() if job.started else 0.0
    speed = done / seconds if seconds > 0 and done else None
    left = None
    if speed and job.expected and job.phase in OPEN:
        left = max(0, round((job.expected - done) / speed))
    return {
        "done": done,
        "expected": job.expected,
        "percent": min(100, done * 100 // job.expected) if job.expected else None,
        "per_second": round(speed, 1) if speed else None,
        "seconds_left": left,
    }
