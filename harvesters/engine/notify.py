"""Mail to the administrators of the organisation that owns a source."""

from __future__ import annotations

import logging

import ckan.lib.mailer as mailer
import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from . import config
from .model import Job, Source, StoredIssue
from .registry import kind_of

log = logging.getLogger(__name__)


def tell_failure(job_id: str) -> int:
    """A job failed. Gives the number of mails."""
    return _tell(
        job_id,
        tk._("The harvest of “{title}” failed"),
        tk._("Its datasets stay as they are. Its page says how far the harvest came and what it found:"),
    )


def tell_ceiling(job_id: str) -> int:
    """A job waits for a person to confirm removals. Gives the number of mails."""
    return _tell(
        job_id,
        tk._("The harvest of “{title}” asks before it removes datasets"),
        tk._("Nothing is removed until somebody answers. Its page says which datasets they are and takes the answer:"),
    )


def _tell(job_id: str, subject: str, page_says: str) -> int:
    """
    :param subject: with the source's ``{title}``
    :param page_says: what the page of the job is good for; its address follows
    """
    if not config.mail():
        return 0
    job = model.Session.get(Job, job_id)
    source = model.Session.get(Source, job.source_id) if job else None
    if job is None or source is None:
        return 0
    errors = model.Session.scalars(
        sa.select(StoredIssue).where(StoredIssue.job_id == job_id, StoredIssue.severity == "error").order_by(StoredIssue.id.desc()).limit(5)
    ).all()
    lines = []
    for issue in errors:
        known = kind_of(issue.slug)
        if known is not None:
            lines += [f"- {known.say(issue.values)}", f"  {known.advise(issue.values)}"]
    # The site's address as it is set: a worker answers no request whose address it could take.
    page = f"/harvest/job/{job_id}" if p.plugin_loaded("ogptn") else f"/api/3/action/ogptn_harvest_job_show?id={job_id}"
    address = f"{str(tk.config['ckan.site_url']).rstrip('/')}{page}"
    owner = model.Session.get(model.Group, source.owner_org)
    reason = tk._("You get this message as an administrator of “{organization}”.").format(organization=owner.title if owner else "–")
    told = [*lines, ""] if lines else []
    body = "\n".join([subject.format(title=source.title), "", *told, page_says, address, "", reason])
    sent = 0
    for user in _administrators(source.owner_org):
        try:
            mailer.mail_user(user, subject.format(title=source.title), body)
            sent += 1
        except mailer.MailerException as error:
            log.warning("no mail of harvest job %s could be sent to %s: %s", job_id, user.name, error)
    return sent


def _administrators(group_id: str) -> list[model.User]:
    query = (
        sa.select(model.User)
        .join(model.Member, model.Member.table_id == model.User.id)
        .where(
            model.Member.group_id == group_id,
            model.Member.table_name == "user",
            model.Member.capacity == "admin",
            model.Member.state == "active",
            model.User.state == "active",
        )
    )
    return list(model.Session.scalars(query))
