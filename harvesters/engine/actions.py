"""The API of the harvest engine. Each action checks access first and answers plain JSON values; times are ISO 8601 in UTC."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.logic import side_effect_free
from ckan.types import Context, DataDict
from cryptography import x509
from sqlalchemy import orm

from ckanext.ogptn.catalogue.rules import message

from . import config, credentials, jobs, plan, preview, removal, showing
from . import source as sources
from .base import OptionsError
from .model import COUNTS, KINDS, OPEN, STATES, HarvestRecord, Job, Source, StoredIssue, now, record_key, record_number
from .problems import SourceError
from .registry import backends, kind_of

_LIMITS = {
    "max_mb": (1, 10_000),
    "timeout": (1, 3_600),
    "delay": (0, 600),
    "grace_days": (0, 3_650),
    "grace_passes": (1, 1_000),
    "ceiling_percent": (0, 100),
    "ceiling_count": (0, 1_000_000),
    "full_days": (1, 365),
}
_FIELDS = (
    "title",
    "url",
    "backend",
    "options",
    "owner_org",
    "dataset_type",
    "language",
    "active",
    "schedule",
    "conflict",
    "limits",
    "ca_bundle",
    "auth_header",
    "auth_env",
)


# -- sources


def ogptn_harvest_source_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Add a source.

    :param title: what people call it
    :param url: its address, http or https
    :param backend: its kind: ``ckan``, ``dcat``, …
    :param options: options of the kind, ``{name: value}``
    :param owner_org: id or name of the organisation that owns what is harvested
    :param dataset_type: what its records become (``dataset``)
    :param language: ``ar``, ``fr`` or ``en``: of texts that name none (``ar``)
    :param schedule: ``manual``, ``hourly``, ``daily 03:30``, ``weekly 1 03:30`` or cron's five fields (``manual``)
    :param active: whether the schedule is followed (true)
    :param conflict: who has a dataset that two sources offer: ``first`` or ``this`` (``first``)
    :param limits: ``{name: number}``, each as the site's configuration says if not named: ``max_mb`` (megabytes), ``timeout`` and ``delay``
        (seconds), ``grace_days``, ``grace_passes``, ``ceiling_percent``, ``ceiling_count``, ``full_days``
    :param ca_bundle: certificates (PEM) that are missing in the source's chain
    :param auth_header: name of a header to send, for example ``Authorization``. System administrators only
    :param auth_env: name of the environment variable with its value; begins with ``OGPTN_HARVEST_``. System administrators only
    :param auth_value: the value itself, in place of a variable: stored encrypted (``ogptn.harvest.secret_key``) and never given out
        again; a source only says whether it has one (``auth_stored``). Empty: what is stored stays; it goes with its header. System
        administrators only
    :returns: the source, as `ogptn_harvest_source_show`
    :raises ckan.logic.ValidationError: naming each field that is wrong
    """
    tk.check_access("ogptn_harvest_source_create", context, data_dict)
    values = _validated(context, data_dict, None)
    tk.check_access("ogptn_harvest_source_create", context, {"owner_org": values["owner_org"]})
    source = Source(**values, created_by=context.get("user"))
    _plan_next(source)
    model.Session.add(source)
    model.Session.commit()
    return _source(source)


def ogptn_harvest_source_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change a source; what is not named stays. Where a source sends credentials, only system administrators change where they go: its
    address and certificates.

    :param id: the source's id. The rest as for `ogptn_harvest_source_create`
    :raises ckan.logic.NotFound: no such source
    :raises ckan.logic.ValidationError: naming each field that is wrong
    """
    source = _get(Source, data_dict, "ogptn_harvest_source_update", context)
    values = _validated(context, data_dict, source)
    tk.check_access("ogptn_harvest_source_update", context, {"id": source.id, "owner_org": values["owner_org"]})
    for name, value in values.items():
        setattr(source, name, value)
    source.modified = now()
    _plan_next(source)
    model.Session.commit()
    return _source(source)


@side_effect_free
def ogptn_harvest_source_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """A source with its last job and counts of its records.

    :param id: the source's id
    :returns: its fields as given, ``next_run``, ``last_good``, ``last_job`` (as `ogptn_harvest_job_show`, or ``None``) and ``records``:
        ``{state: count}``. Credentials are never shown
    :raises ckan.logic.NotFound: no such source
    """
    return _source(_get(Source, data_dict, "ogptn_harvest_source_show", context))


def ogptn_harvest_source_delete(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Remove a source. Its datasets stay; to delete them too, run a job of kind ``clear`` first.

    :param id: the source's id
    :returns: ``{"id"}``
    :raises ckan.logic.NotFound: no such source
    :raises ckan.logic.ValidationError: a job of it is running
    """
    source = _get(Source, data_dict, "ogptn_harvest_source_delete", context)
    if model.Session.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.source_id == source.id, Job.phase.in_(OPEN))):
        raise tk.ValidationError({"id": [tk._("A job of this source is running: cancel it first.")]})
    source.deleted, source.active, source.next_run = True, False, None
    # What is known of its records stays: the same portal added again finds its datasets.
    model.Session.commit()
    return {"id": source.id}


@side_effect_free
def ogptn_harvest_source_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """The sources that the caller may manage, by title.

    :param owner_org: only this organisation's
    :param limit: at most so many (100, at most 1,000)
    :param offset: beginning with this one
    :returns: ``{"count", "results": [as `ogptn_harvest_source_show`]}``
    """
    tk.check_access("ogptn_harvest_source_list", context, data_dict)
    query = sa.select(Source).where(sa.not_(Source.deleted))
    owner = data_dict.get("owner_org")
    if owner:
        group = model.Group.get(owner)
        query = query.where(Source.owner_org == (group.id if group else ""))
    allowed = _organizations_of(context)
    if allowed is not None:
        query = query.where(Source.owner_org.in_(allowed))
    limit, offset = _page(data_dict)
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    found = model.Session.scalars(query.order_by(Source.title, Source.id).limit(limit).offset(offset)).all()
    return {"count": count, "results": _sources(found)}


def ogptn_harvest_source_check(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Try the connection of a source, stored or not yet.

    :param id: a stored source; or its fields as for `ogptn_harvest_source_create`
    :returns: ``{"ok": true, "title", "first", "records", "notes"}`` (``first``: title of the first record, where the source has no
        name of its own), or ``{"ok": false, "slug", "message", "advice"}`` if it cannot be read
    :raises ckan.logic.ValidationError: fields are wrong
    """
    tk.check_access("ogptn_harvest_source_check", context, data_dict)
    source = _stored_or_given(context, data_dict)
    try:
        return {"ok": True, **preview.check(source)}
    except SourceError as error:
        return {"ok": False, **_said(error)}


def ogptn_harvest_preview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say what a harvest would do, by reading the first records. Writes nothing. For the whole source: a job of kind ``preview``.

    :param id: a stored source; or its fields as for `ogptn_harvest_source_create`
    :param limit: how many records (20, at most 200)
    :returns: ``{"ok": true, "counts", "expected", "complete", "added", "changed", "refused", "missing", "removed", "held", "issues"}``,
        or ``{"ok": false, "slug", "message", "advice"}`` if the source cannot be read. The counts are those of the harvest that follows, if
        it reads everything (``full``); ``held`` (``{"count", "of"}`` or ``null``) says that it would ask before it removes
    :raises ckan.logic.ValidationError: fields are wrong
    """
    tk.check_access("ogptn_harvest_preview", context, data_dict)
    source = _stored_or_given(context, data_dict)
    limit = _number(data_dict.get("limit"), "limit", 20, 1, 200)
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    try:
        backend = sources.backend_of(source)
        return {"ok": True, **preview.look(source, backend, sources.http_client(source, lambda: None), user, limit)}
    except SourceError as error:
        model.Session.rollback()
        return {"ok": False, **_said(error)}


# -- jobs


def ogptn_harvest_job_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Start a job: it is queued for the next free worker.

    :param source_id: the source's id
    :param kind: ``harvest``, ``preview`` or ``clear`` (``harvest``); ``clear`` deletes all datasets of the source
    :param full: look at everything, even if the source can be asked for changes only (false)
    :param allow_removal: remove what is gone, however much it is: the answer to a job that stopped at the ceiling (false)
    :returns: the job, as `ogptn_harvest_job_show`
    :raises ckan.logic.ValidationError: the source has an open job
    """
    source = _get(Source, data_dict, "ogptn_harvest_job_create", context, "source_id")
    wanted = data_dict.get("kind") or "harvest"
    if wanted not in KINDS:
        raise tk.ValidationError({"kind": [tk._("Choose one of: {values}").format(values=", ".join(KINDS))]})
    job = _start(
        source.id,
        wanted,
        user=context.get("user"),
        full=tk.asbool(data_dict.get("full") or False),
        allow_removal=tk.asbool(data_dict.get("allow_removal") or False),
    )
    return _job(job)


def _start(source_id: str, wanted: str = "harvest", **more: Any) -> Job:
    try:
        return jobs.create(source_id, wanted, **more)
    except jobs.Busy as busy:
        raise tk.ValidationError({"source_id": [tk._("A job of this source is open already: {id}").format(id=busy.job_id)]}) from busy


@side_effect_free
def ogptn_harvest_job_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """A job and how it stands.

    :param id: the job's id
    :returns: ``{"id", "source_id", "kind", "phase", "full", "cancel", "created", "started", "finished", "heartbeat", "worker", "attempts",
        "counts": {name: number}, "progress": {"done", "expected", "percent", "per_second", "seconds_left"}, "result", "user"}``
    :raises ckan.logic.NotFound: no such job
    """
    shown = _job(_get(Job, data_dict, "ogptn_harvest_job_show", context))
    return {**shown, "result": preview.in_language(shown["result"])} if shown["kind"] == "preview" else shown


@side_effect_free
def ogptn_harvest_job_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Jobs of a source, the newest first.

    :param source_id: the source's id
    :param limit: at most so many (100, at most 1,000)
    :param offset: beginning with this one
    :returns: ``{"count", "results": [as `ogptn_harvest_job_show`, of the result only ceiling, completeness and a preview's counts]}``
    """
    source = _get(Source, data_dict, "ogptn_harvest_job_list", context, "source_id")
    limit, offset = _page(data_dict)
    of_source = Job.source_id == source.id
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(Job).where(of_source)) or 0
    found = _jobs(sa.select(Job).where(of_source).order_by(Job.created.desc()).limit(limit).offset(offset))
    return {"count": count, "results": found}


def ogptn_harvest_job_cancel(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Stop a job. What it wrote stays; nothing is removed.

    :param id: the job's id
    :returns: the job; its worker sees it within seconds
    :raises ckan.logic.NotFound: no such job
    """
    job = _get(Job, data_dict, "ogptn_harvest_job_cancel", context)
    if job.phase in OPEN:
        jobs.cancel(job)
    return _job(job)


def ogptn_harvest_job_decide(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Answer a job that held removals back because they were more than the ceiling allows.

    :param id: the job's id
    :param remove: true: remove them, by a new job; false: keep them. The next harvest asks again if they are still missing
    :returns: the job, its ``result["ceiling"]`` with ``answer`` (``remove`` or ``keep``), ``answered``, ``answered_by`` and, if there is
        one, ``job``, the id of the new job
    :raises ckan.logic.NotFound: no such job
    :raises ckan.logic.ValidationError: it asked nothing, was answered, or another job of the source is open or came after it
    """
    job = _get(Job, data_dict, "ogptn_harvest_job_decide", context)
    try:
        remove = tk.asbool(data_dict["remove"])
    except (KeyError, ValueError):
        raise tk.ValidationError({"remove": [tk._("Say yes or no.")]}) from None
    asked = (job.result or {}).get("ceiling")
    if not asked or asked.get("answer"):
        raise tk.ValidationError({"id": [tk._("This job asks nothing, or was answered already.")]})
    later = sa.select(Job.id).where(Job.source_id == job.source_id, Job.created > job.created, Job.kind != "preview").limit(1)
    if model.Session.scalar(later):
        raise tk.ValidationError({"id": [tk._("A newer job of this source has looked since: answer that one.")]})
    answer = {"answer": "remove" if remove else "keep", "answered": _time(now()), "answered_by": context.get("user")}
    if remove:
        answer["job"] = _start(job.source_id, user=context.get("user"), allow_removal=True).id
    job.result = {**job.result, "ceiling": {**asked, **answer}}
    model.Session.commit()
    return _job(job)


def ogptn_harvest_job_restore(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Bring back every dataset that a job removed and that is still removed. The first ones at once, the others by a background worker.

    :param id: the job's id
    :returns: ``{"restored", "queued"}``: how many are back, and how many come back within minutes
    :raises ckan.logic.NotFound: no such job
    :raises ckan.logic.ValidationError: nothing of it can be restored
    """
    job = _get(Job, data_dict, "ogptn_harvest_job_restore", context)
    user = str(context.get("user") or "")
    restored, left = removal.restore_all(job.id, user, at_most=removal.AT_ONCE)
    if not restored and not left:
        raise tk.ValidationError({"id": [tk._("There is no removed dataset of this job.")]})
    if left:
        jobs.enqueue_restore(job.id, user)
    return {"restored": restored, "queued": left}


# -- records


@side_effect_free
def ogptn_harvest_record_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Records of a source.

    :param source_id: the source's id
    :param state: only these: ``active``, ``missing``, ``removed``, ``refused`` or ``duplicate``
    :param edited: only those with fields that were changed here and kept (false)
    :param job_id: only those that this job wrote, marked or removed last
    :param q: only those with this in title or identifier
    :param limit: at most so many (100, at most 1,000)
    :param offset: beginning with this one
    :returns: ``{"count", "results": [{"id", "guid", "title", "url", "state", "package_id", "first_seen", "last_seen", "missing_since",
        "missed_passes", "offered"}]}``
    """
    source = _get(Source, data_dict, "ogptn_harvest_record_list", context, "source_id")
    # The raw content is of no use here, and may be megabytes.
    light = orm.defer(HarvestRecord.content), orm.defer(HarvestRecord.written), orm.defer(HarvestRecord.resources)
    query = sa.select(HarvestRecord).where(HarvestRecord.source_id == source.id)
    state = data_dict.get("state")
    if state:
        if state not in STATES:
            raise tk.ValidationError({"state": [tk._("Choose one of: {values}").format(values=", ".join(STATES))]})
        query = query.where(HarvestRecord.state == state)
    if tk.asbool(data_dict.get("edited") or False):
        query = query.where(HarvestRecord.offered != {})
    if data_dict.get("job_id"):
        query = query.where(HarvestRecord.job_id == str(data_dict["job_id"]))
    text = str(data_dict.get("q") or "").strip()
    if text:
        query = query.where(
            sa.or_(HarvestRecord.title.icontains(text, autoescape=True), HarvestRecord.guid.icontains(text, autoescape=True))
        )
    limit, offset = _page(data_dict)
    count = model.Session.scalar(query.with_only_columns(sa.func.count())) or 0
    rows = model.Session.scalars(query.options(*light).order_by(HarvestRecord.id).limit(limit).offset(offset)).all()
    return {"count": count, "results": [_record(row) for row in rows]}


@side_effect_free
def ogptn_harvest_record_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """A record with its raw content and what was changed here.

    :param id: the record's number
    :returns: as in `ogptn_harvest_record_list`, with ``content`` (text), ``media_type``, and ``edits``: ``[{"field", "here", "source"}]``
    :raises ckan.logic.NotFound: no such record
    """
    row = _get(HarvestRecord, data_dict, "ogptn_harvest_record_show", context)
    edits: list[dict[str, Any]] = []
    package = model.Session.get(model.Package, row.package_id) if row.package_id else None
    if package is not None and package.state == "active" and row.written:
        shown = showing.as_json(showing.show_many([package])[0][1])
        edits = [
            {"field": name, "here": value, "source": (row.offered or {}).get(name)}
            for name, value in sorted(plan.edited(row.written, shown).items())
        ]
    return {**_record(row), "content": row.raw().decode("utf-8", "replace"), "media_type": row.media_type, "edits": edits}


def ogptn_harvest_record_restore(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Bring back the dataset of a record that was removed; or decide on what was changed here.

    :param id: the record's number
    :param accept: names of fields to take from the source at the next harvest; without ``accept`` and ``keep`` the dataset is restored
    :param keep: names of fields that stay as they are here: they are listed no more, until the source changes
    :returns: the record, as in `ogptn_harvest_record_list`
    :raises ckan.logic.NotFound: no such record, or nothing of it to restore
    """
    row = _get(HarvestRecord, data_dict, "ogptn_harvest_record_restore", context)
    names, kept = _names(data_dict.get("accept")), _names(data_dict.get("keep"))
    if names or kept:
        # In the order of a harvest's batch: the dataset, then what is known of its record. Either that batch is over by then and what it
        # wrote is seen here, or it begins when this is committed, and sees it.
        package = _locked(model.Package, row.package_id) if row.package_id else None
        row = _locked(HarvestRecord, row.id)
        if row is None or (names and package is None):
            model.Session.rollback()
            raise tk.ObjectNotFound(tk._("There is no dataset of this record."))
        if names:
            assert package is not None
            marks = plan.marks(showing.as_json(showing.show_many([package])[0][1]))
            written = dict(row.written)
            for name in names:
                # What is here counts as written by the harvester: the next harvest replaces it.
                if name in marks:
                    written[name] = marks[name]
                else:
                    written.pop(name, None)
            row.written, row.hash = written, ""
        row.offered = {name: value for name, value in (row.offered or {}).items() if name not in {*names, *kept}}
        model.Session.commit()
        return _record(row)
    removal.restore(row.id, str(context.get("user") or ""))
    return _record(row)


def _locked(table: Any, identity: Any) -> Any:
    """A row as it is now, locked until the commit; ``None`` if it is not there."""
    found = model.Session.scalar(
        sa.select(table).where(table.id == identity).with_for_update().execution_options(populate_existing=True),
    )
    if found is not None:
        # What hangs on it (resources, tags) may be of before.
        model.Session.expire(found)
    return found


def _names(given: Any) -> list[str]:
    return [given] if isinstance(given, str) and given else [str(each) for each in given or ()]


# -- issues


@side_effect_free
def ogptn_harvest_issue_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Issues that a job found, in the language of the request.

    :param job_id: the job's id
    :param severity: only ``error`` or ``warning``
    :param slug: only this kind
    :param limit: at most so many (100, at most 1,000)
    :param offset: beginning with this one
    :returns: ``{"count", "slugs": [{"slug", "severity", "count"}], "results": [{"id", "severity", "slug", "guid", "title", "field",
        "message", "advice", "record_id", "source_url"}]}``
    """
    tk.check_access("ogptn_harvest_issue_list", context, data_dict)
    job = model.Session.get(Job, str(data_dict.get("job_id") or ""))
    if job is None:
        raise tk.ObjectNotFound(tk._("There is no such job."))
    query = sa.select(StoredIssue).where(StoredIssue.job_id == job.id)
    for name, column in (("severity", StoredIssue.severity), ("slug", StoredIssue.slug)):
        if data_dict.get(name):
            query = query.where(column == str(data_dict[name]))
    limit, offset = _page(data_dict)
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    issues = model.Session.scalars(query.order_by(StoredIssue.id).limit(limit).offset(offset)).all()
    records = {
        row.guid: row
        for row in model.Session.execute(
            sa.select(HarvestRecord.guid, HarvestRecord.id, HarvestRecord.url).where(
                # By what is indexed.
                HarvestRecord.source_id == job.source_id,
                HarvestRecord.key.in_({record_key(issue.guid) for issue in issues if issue.guid}),
            )
        )
    }
    slugs = model.Session.execute(
        sa.select(StoredIssue.slug, StoredIssue.severity, sa.func.count())
        .where(StoredIssue.job_id == job.id)
        .group_by(StoredIssue.slug, StoredIssue.severity)
        .order_by(StoredIssue.severity, sa.func.count().desc())
    )
    return {
        "count": count,
        "slugs": [{"slug": slug, "severity": severity, "count": number} for slug, severity, number in slugs],
        "results": [_issue(issue, records.get(issue.guid)) for issue in issues],
    }


# -- shapes


def _get(table: Any, data_dict: DataDict, action: str, context: Context, name: str = "id") -> Any:
    """A row that the caller may see. Only system administrators learn whether one that they may not see is there."""
    value = data_dict.get(name)
    if not value:
        raise tk.ValidationError({name: [tk._("Missing value")]})
    tk.check_access(action, context, data_dict)
    if table is Source:
        found = Source.get(str(value))
    elif table is HarvestRecord:
        number = record_number(value)
        found = model.Session.get(HarvestRecord, number) if number is not None else None
    else:
        found = model.Session.get(table, str(value))
    if found is None:
        raise tk.ObjectNotFound(tk._("It is not there, or not any more."))
    return found


def _is_sysadmin(context: Context) -> bool:
    user = model.User.get(context.get("user"))
    return bool(context.get("ignore_auth") or (user is not None and user.sysadmin))


def _organizations_of(context: Context) -> list[str] | None:
    """Organisations whose sources the caller manages; ``None`` for all."""
    if _is_sysadmin(context):
        return None
    user = model.User.get(context.get("user"))
    return list(user.get_group_ids("organization", "admin")) if user is not None else []


def _number(value: Any, name: str, default: int, minimum: int, maximum: int) -> int:
    if value in (None, ""):
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise tk.ValidationError({name: [tk._("Give a whole number.")]}) from None
    if not minimum <= number <= maximum:
        raise tk.ValidationError({name: [tk._("Give a number from {minimum} to {maximum}.").format(minimum=minimum, maximum=maximum)]})
    return number


def _page(data_dict: DataDict) -> tuple[int, int]:
    return _number(data_dict.get("limit"), "limit", 100, 0, 1_000), _number(data_dict.get("offset"), "offset", 0, 0, 10**9)


def _may_send_credentials(context: Context, stored: Source | None, values: dict[str, Any], errors: dict[str, list[str]]) -> None:
    """Credentials are the site's, not the organisation's: whoever names one and an address of their own reads it."""
    named = ("auth_header", "auth_env", "auth_secret")
    if _is_sysadmin(context) or not (values["auth_env"] or values["auth_secret"] or values["auth_value"]):
        return
    if values["auth_value"] or stored is None or any(values[name] != getattr(stored, name) for name in named):
        field = "auth_value" if values["auth_value"] else "auth_env"
        errors[field] = [tk._("Only system administrators may say which credentials a source sends: ask one of them.")]
        return
    for name in ("url", "ca_bundle"):
        if values[name] != getattr(stored, name):
            errors[name] = [
                tk._(
                    "This source sends credentials: only system administrators may change where they go. Ask one, or take them away first."
                )
            ]


def _validated(context: Context, data: DataDict, stored: Source | None) -> dict[str, Any]:
    """A source's columns from what was sent, over what is stored.

    :raises ckan.logic.ValidationError: naming each field that is wrong
    """
    values: dict[str, Any] = {name: getattr(stored, name) for name in _FIELDS} if stored is not None else {}
    values |= {name: data[name] for name in _FIELDS if name in data and data[name] is not None}
    errors: dict[str, list[str]] = {}
    title, url = str(values.get("title") or "").strip(), str(values.get("url") or "").strip()
    if not 0 < len(title) <= 500:
        errors["title"] = [tk._("Give the source a name of at most 500 characters.")]
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or len(url) > 2_000:
        errors["url"] = [tk._("Give a whole address that begins with http:// or https://.")]
    elif parts.username or parts.password:
        errors["url"] = [tk._("Leave user name and password out of the address; name an environment variable instead.")]
    known = backends()
    backend = str(values.get("backend") or "")
    if backend not in known:
        errors["backend"] = [tk._("Choose one of: {values}").format(values=", ".join(sorted(known)))]
    options = values.get("options") or {}
    if not isinstance(options, dict):
        errors["options"] = [tk._("Give the options as names with values.")]
    elif backend in known:
        try:
            options = known[backend].Options.load(options).dump()
        except OptionsError as error:
            errors |= {f"options-{name}": sentences for name, sentences in error.errors.items()}
    group = model.Group.get(str(values.get("owner_org") or ""))
    if group is None or not group.is_organization or group.state != "active":
        errors["owner_org"] = [tk._("Choose the organisation that owns what is harvested.")]
    dataset_type = str(values.get("dataset_type") or "dataset")
    if dataset_type not in _dataset_types():
        errors["dataset_type"] = [tk._("Choose one of: {values}").format(values=", ".join(_dataset_types()))]
    for name, choices, default in (("language", ("ar", "fr", "en"), "ar"), ("conflict", ("first", "this"), "first")):
        values[name] = str(values.get(name) or default)
        if values[name] not in choices:
            errors[name] = [tk._("Choose one of: {values}").format(values=", ".join(choices))]
    try:
        schedule = jobs.cron_of(str(values.get("schedule") or ""))
    except ValueError:
        schedule = ""
        errors["schedule"] = [tk._("Write “manual”, “hourly”, “daily 03:30”, “weekly 1 03:30” (0 is Sunday) or the five fields of cron.")]
    limits = _limits(values.get("limits"), errors)
    bundle = ""
    try:
        bundle = _certificates(str(values.get("ca_bundle") or ""))
    except ValueError as error:
        errors["ca_bundle"] = [str(error)]
    header, variable = str(values.get("auth_header") or "").strip(), str(values.get("auth_env") or "").strip()
    value = data.get("auth_value") or ""
    value = value.strip() if isinstance(value, str) else "\n"
    secret = stored.auth_secret if stored is not None and header else ""
    if variable and (secret or value):
        if value or variable == (stored.auth_env if stored is not None else ""):
            errors["auth_env"] = [tk._("Name an environment variable or store the value, not both.")]
        # A variable that is named now takes the place of what was stored.
        secret = ""
    if bool(header) != bool(variable or value or secret):
        errors["auth_env"] = [
            tk._("Name the header, and either the environment variable that holds its value or the value; or nothing of it.")
        ]
    elif header and not re.fullmatch(r"[A-Za-z0-9-]{1,64}", header):
        errors["auth_header"] = [tk._("This is no name of a header.")]
    elif variable and not re.fullmatch(rf"{config.AUTH_PREFIX}[A-Z0-9_]{{1,64}}", variable):
        errors["auth_env"] = [tk._("The variable's name has to begin with {prefix}.").format(prefix=config.AUTH_PREFIX)]
    try:
        active = tk.asbool(values.get("active", True))
    except ValueError:
        active = True
        errors["active"] = [tk._("Say yes or no.")]
    if value and not credentials.is_sendable(value):
        errors["auth_value"] = [
            tk._("Give the header's value as it is sent, in one line of at most {limit} characters.").format(limit=credentials.LIMIT)
        ]
    destination = {
        "url": url, "ca_bundle": bundle, "auth_header": header, "auth_env": variable, "auth_secret": secret, "auth_value": value,
    }  # fmt: skip
    _may_send_credentials(context, stored, destination, errors)
    if value and not errors:
        try:
            secret = credentials.encrypt(value)
        except SourceError as error:
            errors["auth_value"] = [f"{error.kind.say(error.values)} {error.kind.advise(error.values)}"]
    if errors:
        raise tk.ValidationError({**errors})
    assert group is not None
    return {
        "title": title,
        "url": url,
        "backend": backend,
        "options": options,
        "owner_org": group.id,
        "dataset_type": dataset_type,
        "language": values["language"],
        "active": active,
        "schedule": schedule,
        "conflict": values["conflict"],
        "limits": limits,
        "ca_bundle": bundle,
        "auth_header": header,
        "auth_env": variable,
        "auth_secret": secret,
    }


def _limits(given: Any, errors: dict[str, list[str]]) -> dict[str, int]:
    limits: dict[str, int] = {}
    if given and not isinstance(given, dict):
        errors["limits"] = [tk._("Give the limits as names with numbers.")]
        return limits
    for name, value in (given or {}).items():
        if name not in _LIMITS:
            errors[f"limits-{name}"] = [tk._("There is no such option.")]
        elif value not in (None, ""):
            try:
                limits[name] = _number(value, name, 0, *_LIMITS[name])
            except tk.ValidationError as error:
                errors[f"limits-{name}"] = list(error.error_dict[name])  # pyright: ignore[reportArgumentType]
    return limits


def _split(url: str) -> Any:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _certificates(given: str) -> str:
    """The certificates of a text, each as PEM and nothing beside them: programs print words between them.

    :raises ValueError: with the sentence for who gave it: there is none, one cannot be read, or there is a key among them
    """
    text = given.replace("\r\n", "\n").strip()
    if not text:
        return ""
    if "PRIVATE KEY-----" in text:
        raise ValueError(tk._("There is a private key in this text. Keep it to yourself, and paste certificates only."))
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n.+?\n-----END CERTIFICATE-----", text, re.DOTALL)
    if not blocks or len(text) > 100_000:
        raise ValueError(tk._("Paste certificates as PEM text, beginning with -----BEGIN CERTIFICATE-----."))
    for number, block in enumerate(blocks, 1):
        try:
            x509.load_pem_x509_certificate(block.encode())
        except ValueError:
            raise ValueError(tk._("Certificate {number} of this text cannot be read: copy it anew, whole.").format(number=number)) from None
    return "\n".join(blocks)


def _dataset_types() -> list[str]:
    try:
        return list(tk.get_action("scheming_dataset_schema_list")({"ignore_auth": True}, {}))
    except KeyError:
        return ["dataset"]


def _plan_next(source: Source) -> None:
    source.next_run = jobs.next_run(source.schedule, now()) if source.active is not False else None
    if source.next_run is not None:
        jobs.schedule_tick()


def _stored_or_given(context: Context, data_dict: DataDict) -> Source:
    """The source named, with the fields that were sent over its own; nothing of it is stored."""
    stored = Source.get(str(data_dict["id"])) if data_dict.get("id") else None
    if data_dict.get("id") and stored is None:
        raise tk.ObjectNotFound(tk._("There is no such source."))
    values = _validated(context, data_dict, stored)
    # Not in the session: neither a commit nor a flush may store it.
    given = Source(**values)
    given.id = stored.id if stored is not None else ""
    given.state = {}
    return given


def _said(error: SourceError) -> dict[str, Any]:
    return {"slug": error.slug, "message": error.kind.say(error.values), "advice": error.kind.advise(error.values)}


def _time(value: dt.datetime | None) -> str | None:
    return value.astimezone(dt.timezone.utc).isoformat() if value else None


def _source(source: Source) -> dict[str, Any]:
    return _sources([source])[0]


def _sources(found: Sequence[Source]) -> list[dict[str, Any]]:
    """Sources as they are shown, by three queries however many they are."""
    ids = [source.id for source in found]
    newest = sa.select(Job.id).where(Job.source_id.in_(ids)).order_by(Job.source_id, Job.created.desc()).distinct(Job.source_id)
    last = {job["source_id"]: job for job in _jobs(sa.select(Job).where(Job.id.in_(newest)))}
    states: dict[str, dict[str, int]] = {}
    counted = model.Session.execute(
        sa.select(HarvestRecord.source_id, HarvestRecord.state, sa.func.count())
        .where(HarvestRecord.source_id.in_(ids))
        .group_by(HarvestRecord.source_id, HarvestRecord.state)
    )
    for source_id, state, count in counted:
        states.setdefault(source_id, {})[state] = count
    groups = {
        group.id: group for group in model.Session.scalars(sa.select(model.Group).where(model.Group.id.in_({s.owner_org for s in found})))
    }
    return [_shown(source, groups.get(source.owner_org), states.get(source.id, {}), last.get(source.id)) for source in found]


def _shown(source: Source, group: model.Group | None, states: dict[str, int], last: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": source.id,
        **{name: getattr(source, name) for name in _FIELDS},
        "auth_stored": bool(source.auth_secret),
        "organization": {"id": source.owner_org, "name": group.name if group else "", "title": group.title if group else ""},
        "next_run": _time(source.next_run),
        "last_good": _time(source.last_good),
        "last_full": _time(source.last_full),
        "created": _time(source.created),
        "modified": _time(source.modified),
        "records": {**dict.fromkeys(STATES, 0), **states},
        "last_job": last,
    }


#: What a job's result holds in a list of jobs. The rest is of previews, and large.
_BRIEF = ("ceiling", "incomplete", "counts")


def _jobs(query: Any) -> list[dict[str, Any]]:
    """The jobs that a query finds, each with the brief part of its result."""
    rows = model.Session.execute(query.add_columns(*(Job.result[name] for name in _BRIEF)).options(orm.defer(Job.result)))
    return [_job(job, {name: value for name, value in zip(_BRIEF, values, strict=True) if value is not None}) for job, *values in rows]


def _job(job: Job, result: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "id": job.id,
        "source_id": job.source_id,
        "kind": job.kind,
        "phase": job.phase,
        "full": job.full,
        "allow_removal": job.allow_removal,
        "cancel": job.cancel,
        "created": _time(job.created),
        "started": _time(job.started),
        "finished": _time(job.finished),
        "heartbeat": _time(job.heartbeat),
        "worker": job.worker,
        "attempts": job.attempts,
        "counts": {**dict.fromkeys(COUNTS, 0), **(job.counts or {})},
        "progress": jobs.rate(job),
        "result": (job.result or {}) if result is None else result,
        "user": job.user,
    }


def _record(row: HarvestRecord) -> dict[str, Any]:
    return {
        "id": row.id,
        "source_id": row.source_id,
        "guid": row.guid,
        "title": row.title,
        "url": row.url,
        "state": row.state,
        "package_id": row.package_id,
        "first_seen": _time(row.first_seen),
        "last_seen": _time(row.last_seen),
        "missing_since": _time(row.missing_since),
        "missed_passes": row.missed_passes,
        "offered": row.offered or {},
    }


def _issue(issue: StoredIssue, record: Any) -> dict[str, Any]:
    known = kind_of(issue.slug)
    return {
        "id": issue.id,
        "severity": issue.severity,
        "slug": issue.slug,
        "guid": issue.guid,
        "title": issue.title,
        "field": issue.field,
        "message": known.say(issue.values) if known else " ".join(issue.values.values()),
        "advice": known.advise(issue.values) if known else "",
        "record_id": record.id if record else None,
        "source_url": record.url if record else "",
        "created": _time(issue.created),
    }


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {name: _of_text(value) for name, value in globals().items() if name.startswith("ogptn_harvest_") and callable(value)}


def _of_text(action: Callable[..., Any]) -> Callable[..., Any]:
    """The action, which refuses what PostgreSQL would: NUL and halves of characters, before anybody looks for them, access included."""

    @wraps(action)
    def checked(context: Context, data_dict: DataDict) -> Any:
        errors: dict[str, Any] = {
            name: [message("forbidden-character", character=found)] for name, value in data_dict.items() if (found := _not_storable(value))
        }
        if errors:
            raise tk.ValidationError(errors)
        return action(context, data_dict)

    return checked


def _not_storable(value: Any) -> str | None:
    """The first such character in a value or in its parts, as ``"U+0000"``."""
    if isinstance(value, str):
        found = re.search(r"[\x00\ud800-\udfff]", value)
        return f"U+{ord(found[0]):04X}" if found else None
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return next((found for part in value if (found := _not_storable(part))), None) if isinstance(value, (list, tuple)) else None
