"""Work for the worker's scheduler that comes again and again, without a clock of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import ckan.lib.jobs as background
import ckan.plugins.toolkit as tk


def once_later(function: Callable[[], object], name: str, seconds: int, queue: str = background.DEFAULT_QUEUE_NAME) -> None:
    """Have a worker call a function in so many seconds; whoever plans it within the same ones finds it planned.

    :param name: tells it from other such functions of the site
    :raises redis.exceptions.RedisError: there is no queue
    """
    due = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=seconds)
    jobs = background.get_queue(queue)
    job_id = f"{name}-{tk.config['ckan.site_id']}-{int(due.timestamp()) // seconds}"
    if job_id not in jobs.scheduled_job_registry:
        jobs.enqueue_at(due, function, job_id=job_id, result_ttl=0)
