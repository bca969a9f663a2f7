"""One job on several workers: the one that reads gives batches to others, which wait in the database.

The reader keeps writing itself whenever enough batches wait, so that a job with helpers that never come is as fast as one without.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import ckan.lib.jobs as background
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from . import config, language
from . import source as sources
from .base import Record
from .model import OPEN, Batch, Job, Source

if TYPE_CHECKING:
    from .run import Runner

log = logging.getLogger(__name__)


class Helpers:
    """The other workers, as the reader sees them."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self._called = False

    def give(self, records: list[Record]) -> bool:
        """Leave a batch to another worker, unless enough wait already."""
        from .run import pack

        others = config.number("workers_per_job") - 1
        if self._waiting() >= 2 * others:
            return False
        model.Session.add(Batch(job_id=self.runner.job_id, payload=pack(records)))
        model.Session.commit()
        if not self._called:
            self._called = True
            for _ in range(others):
                background.enqueue(
                    help_with,
                    [self.runner.job_id, self.runner.token],
                    title="ogptn harvest helper",
                    queue=config.queue(),
                    rq_kwargs={"timeout": -1},
                )
        return True

    def _waiting(self) -> int:
        return model.Session.scalar(sa.select(sa.func.count()).select_from(Batch).where(Batch.job_id == self.runner.job_id)) or 0

    def finish(self) -> None:
        """Write what no other worker took, and wait for what they took: a row that is locked is being written."""
        while self._waiting():
            self.runner.life.keep_going()
            if not take(self.runner):
                time.sleep(0.2)


def take(runner: Runner) -> bool:
    """Write one batch that waits; ``False`` if there is none. Its row goes in a transaction of its own lock: whoever dies leaves it."""
    from .run import unpack

    engine = model.meta.engine
    assert engine is not None
    table = Batch.__table__
    with engine.begin() as connection:
        row = connection.execute(
            sa.select(table.c["id"], table.c["payload"])
            .where(table.c["job_id"] == runner.job_id)
            .order_by(table.c["id"])
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if row is None:
            return False
        runner.write(unpack(row.payload))
        connection.execute(sa.delete(table).where(table.c["id"] == row.id))
    return True


def help_with(job_id: str, token: str) -> int:
    """Write batches of a job that another worker reads, until the job is over. For the background worker.

    :returns: how many batches
    """
    from .run import Life, Lost, Runner

    job = model.Session.get(Job, job_id)
    if job is None or job.token != token or job.phase not in OPEN:
        return 0
    source = model.Session.get(Source, job.source_id)
    assert source is not None
    name = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    done = 0
    with language.of_the_site(), Life(job_id, token) as life:
        runner = Runner(job_id, source.id, token, life, name)
        runner.backend = sources.backend_of(source, runner.note)
        idle = 0
        try:
            while idle < 50:
                life.keep_going()
                if take(runner):
                    done, idle = done + 1, 0
                    continue
                phase = model.Session.scalar(sa.select(Job.phase).where(Job.id == job_id, Job.token == token))
                model.Session.rollback()
                if phase not in ("waiting", "reading", "writing"):
                    break
                idle += 1
                time.sleep(0.2)
        except Lost:
            log.info("harvest job %s is another worker's by now", job_id)
    model.Session.remove()
    return done
