"""In the worker: fetch, detect, tell the types, load, describe. A table that fails never fails its dataset."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import files, search, uploader
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.attributes import flag_modified
from typing_extensions import Self

from ..catalogue.later import once_later
from ..fetch import AddressPolicy, Client, FetchError
from ..fetch import Limits as FetchLimits
from . import access, config
from .findings import TableError
from .load import load_table, tidy
from .model import FAILED, LOADED, REFUSED, STEPS, WAITING, WORKING, TableState, now, table_exists
from .read import open_table

log = logging.getLogger(__name__)
#: One job answers any number of files; the key outlives a lost job by this many seconds at most.
_QUEUED_FOR = 300
#: Seconds after which a job lets other jobs of the queue go first.
_TURN = 60
#: Seconds between two looks at what became of the files that wait; and after which a file is looked at that nobody has in hands: a worker
#: notes that it takes one before it takes it.
SWEEP_EVERY, STALE_AFTER = 300, 30
#: Seconds that one job may take in the queue; a file that takes longer is begun anew by the next.
TIMEOUT = 3 * 3600


def _key() -> str:
    return f"ckan:{tk.config['ckan.site_id']}:ogptn:tables:queued"


def schedule() -> None:
    """Enqueue the reading of what waits, unless such a job waits already; and have somebody look in some minutes what became of it."""
    try:
        if connect_to_redis().set(_key(), "1", nx=True, ex=_QUEUED_FOR):
            tk.enqueue_job(work, title="Load tables", rq_kwargs={"timeout": TIMEOUT})
            _look_again()
    except RedisError as error:
        log.warning("The loading of tables could not be queued: %s", error)


def _look_again() -> None:
    """Put the next :func:`sweep` into the worker's scheduler, once.

    :raises RedisError: there is no queue
    """
    once_later(scheduled_sweep, "ogptn-tables-sweep", SWEEP_EVERY)


def scheduled_sweep() -> None:
    """:func:`sweep`, from the worker's scheduler; again and again for as long as a file waits or is read."""
    if sweep()["open"]:
        try:
            _look_again()
        except RedisError as error:
            log.warning("Tables that wait are not looked after until the next file is added: %s", error)
    model.Session.remove()


def sweep() -> dict[str, int]:
    """Take up what workers left that were killed: their files wait again, what they had sent is removed, and what waits is queued where
    nobody is reading: the job may have been lost with the worker, or with the queue.

    :returns: ``{"taken_back", "removed", "open"}``: files that wait again, tables half sent, files that wait or are read
    """
    if not config.datastore() or not table_exists():
        return {"taken_back": 0, "removed": 0, "open": 0}
    taken = _take_back(older_than=STALE_AFTER)
    try:
        removed = tidy()
    except SQLAlchemyError as error:
        log.warning("What killed workers had sent to the DataStore could not be removed: %s", error)
        removed = 0
    states = list(model.Session.scalars(sa.select(TableState.state).where(TableState.state.in_((WAITING, WORKING)))))
    model.Session.commit()
    if states and WORKING not in states:
        schedule()
    if taken or removed:
        log.warning("Workers ended over %s files, which are read anew; %s tables half sent were removed", taken, removed)
    return {"taken_back": taken, "removed": removed, "open": len(states)}


def work() -> None:
    """The job: load what waits, the longest waiting first; after a minute, let other jobs go first."""
    connect_to_redis().delete(_key())
    begun = time.monotonic()
    _take_back()
    with _Kept() as kept:
        while (resource_id := _take()) is not None:
            load(resource_id, kept=kept)
            if time.monotonic() - begun > _TURN:
                schedule()
                return


def _lock(resource_id: str) -> sa.Select[Any]:
    """What a worker holds while it has a file in its hands; PostgreSQL lets go of it when the worker dies."""
    return sa.select(sa.func.hashtextextended(f"ogptn-table-worker:{resource_id}", 0))


@contextmanager
def _in_hands(resource_id: str) -> Iterator[None]:
    engine = model.meta.engine
    assert engine is not None
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = connection.scalar(_lock(resource_id))
        connection.execute(sa.select(sa.func.pg_advisory_lock(key)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))


def _take_back(older_than: int = 0) -> int:
    """What a worker had in its hands that is no more waits again.

    :param older_than: seconds since it was begun, at least
    :returns: how many files that were
    """
    taken = 0
    begun = sa.or_(TableState.started_at.is_(None), TableState.started_at <= now() - dt.timedelta(seconds=older_than))
    for resource_id in model.Session.scalars(sa.select(TableState.resource_id).where(TableState.state == WORKING, begun)).all():
        free = sa.select(sa.func.pg_try_advisory_xact_lock(_lock(resource_id).scalar_subquery()))
        if model.Session.scalar(free):
            mine = sa.update(TableState).where(TableState.resource_id == resource_id, TableState.state == WORKING)
            taken += cast(Any, model.Session.execute(mine.values(state=WAITING))).rowcount
        model.Session.commit()
    return taken


def _take() -> str | None:
    """Take the next waiting resource; several workers take different ones."""
    waiting = sa.select(TableState).where(TableState.state == WAITING).order_by(TableState.asked_at).limit(1)
    found = model.Session.scalars(waiting.with_for_update(skip_locked=True)).first()
    if found is None:
        model.Session.rollback()
        return None
    found.state, found.started_at, found.steps = WORKING, now(), []
    resource_id = found.resource_id
    model.Session.commit()
    return resource_id


class _Kept:
    """The file that was fetched last, for the next resource of the same address: one workbook holds the tables of many datasets. The
    server is asked each time whether it has changed; of one that does not say, nothing is kept."""

    def __init__(self) -> None:
        self.url = ""
        self.validators: tuple[str | None, str | None] = (None, None)
        self._folder = tempfile.TemporaryDirectory(prefix="ogptn-table-kept-")
        self.path = Path(self._folder.name) / "file"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    def keep(self, url: str, path: Path, validators: tuple[str | None, str | None]) -> None:
        """Keep a file, instead of the one before."""
        self.path.unlink(missing_ok=True)
        self.url, self.validators = "", validators
        if any(validators):
            # The road of the resource only reads it.
            os.link(path, self.path)
            self.url = url


def load(resource_id: str, *, force: bool = False, kept: _Kept | None = None) -> TableState | None:
    """Take one resource's file down the whole road; commits after each step.

    :param force: load it although its content is what it was
    :param kept: the file that was fetched before
    :returns: its state; None when the resource is gone
    """
    with _in_hands(resource_id):
        return _load(resource_id, force, kept)


def _load(resource_id: str, force: bool, kept: _Kept | None) -> TableState | None:
    resource = model.Session.get(model.Resource, resource_id)
    state = TableState.of(resource_id)
    if resource is None or resource.state != "active":
        if state is not None:
            model.Session.delete(state)
            model.Session.commit()
        return None
    if state is None:
        state = TableState(resource_id=resource_id)
        model.Session.add(state)
    state.state, state.started_at, state.steps = WORKING, now(), []
    road = _Road(state)
    try:
        with tempfile.TemporaryDirectory(prefix="ogptn-table-") as folder:
            _take_down(road, resource, Path(folder), force, kept)
    except TableError as error:
        road.refused(error)
    except FetchError as error:
        road.failed({"slug": error.slug, "details": _plain(error.details), "fetch": True})
    except (OSError, SQLAlchemyError) as error:
        log.exception("the table of resource %s could not be loaded", resource_id)
        model.Session.rollback()
        road = _Road(_again(resource_id))
        road.failed({"slug": "fault", "details": {"reason": type(error).__name__}})
    return TableState.of(resource_id)


def _again(resource_id: str) -> TableState:
    state = TableState.of(resource_id)
    if state is None:
        state = TableState(resource_id=resource_id)
        model.Session.add(state)
    return state


class _Road:
    """The steps of one file, stored as they are taken."""

    def __init__(self, state: TableState) -> None:
        self.state = state

    def begin(self, step: str) -> None:
        self._add(step, "running")

    def done(self, result: str = "done") -> None:
        self._close(result)
        model.Session.commit()

    def next(self, step: str) -> None:
        self.done()
        self.begin(step)

    def unchanged(self) -> None:
        self._close("unchanged")
        self._finish(LOADED)

    def finish(self) -> None:
        self._finish(LOADED)

    def refused(self, error: TableError) -> None:
        self._close("refused", {"finding": error.finding.as_dict()})
        self.state.findings = [error.finding.as_dict()]
        self._finish(REFUSED)

    def failed(self, message: dict[str, Any]) -> None:
        self._close("failed", message)
        self._finish(FAILED)

    def _add(self, step: str, result: str) -> None:
        self.state.steps = [*(self.state.steps or []), {"step": step, "state": result, "at": now().isoformat(), "message": None}]
        model.Session.commit()

    def _close(self, result: str, message: dict[str, Any] | None = None) -> None:
        steps = [dict(one) for one in self.state.steps or [{"step": STEPS[0], "state": "running", "at": now().isoformat()}]]
        steps[-1] |= {"state": result, "at": now().isoformat(), "message": message}
        self.state.steps = steps

    def _finish(self, state: str) -> None:
        self.state.state, self.state.finished_at = state, now()
        model.Session.commit()
        # Who asked while the file was read means a newer one.
        asked = sa.update(TableState).where(TableState.resource_id == self.state.resource_id, TableState.asked_at > TableState.started_at)
        if cast(Any, model.Session.execute(asked.values(state=WAITING))).rowcount:
            schedule()
        model.Session.commit()


def _plain(details: dict[str, Any]) -> dict[str, Any]:
    return {key: value if isinstance(value, (str, int, float, bool, type(None))) else str(value) for key, value in details.items()}


def _take_down(road: _Road, resource: model.Resource, folder: Path, force: bool, kept: _Kept | None) -> None:
    state = road.state
    sheet, label, value = selection(resource.extras.get("table_rows") or "")
    # Other rows of the same file are another table.
    force = force or (state.reading or {}).get("rows", "") != (resource.extras.get("table_rows") or "")
    road.begin("fetch")
    fetched = _fetched(resource, state, folder / "file", conditional=not force, kept=kept)
    if fetched is None:
        road.unchanged()
        return
    path, validators = fetched
    digest = _digest(path)
    same = not force and digest == state.sha256 and state.rows is not None
    state.url, state.etag, state.last_modified = resource.url, validators[0], validators[1]
    if same:
        road.unchanged()
        return
    road.done()
    road.begin("detect")
    # Until the new table is complete, the old one serves; what was loaded last is not what is at hand now.
    state.sha256 = None
    name, declared = _name(resource.url), resource.format or ""
    with open_table(path, filename=name, declared_format=declared, sheet=sheet or None, limits=config.limits()) as reading:
        if label:
            reading.only(label, value)
        state.reading = {
            "rows": resource.extras.get("table_rows") or "",
            "format": reading.detected.name,
            "file": reading.file,
            "sheet": reading.sheet,
            "sheets": reading.sheets,
            "encoding": reading.encoding,
            "delimiter": reading.delimiter,
            "titles": [list(one) for one in reading.titles[:20]],
            "size": path.stat().st_size,
        }
        road.done()
        road.begin("types")
        table, loaded = load_table(reading, resource.id, typed=lambda: road.next("load"))
        state.columns, state.rows, state.rejections = loaded.columns, loaded.rows, loaded.rejected
        state.findings = [one.as_dict() for one in table.findings()]
        rejected = sorted([*table.rejected.listed, *reading.rejected], key=lambda one: one[0])[:100]
        state.rejected = [{"row": number, "slug": slug, "details": _plain(details)} for number, slug, details in rejected]
        state.sha256 = digest
    road.done()
    road.begin("dictionary")
    _say_it_is_there(resource)
    road.done()
    road.finish()


def selection(written: str) -> tuple[str, str, str]:
    """Sheet, column and value of what a resource says of its rows: ``"BOOST › YEAR = 2018"``; each may be empty."""
    sheet, parted, rest = written.rpartition(" › ")
    label, equals, value = rest.rpartition(" = ")
    if not equals:
        return (rest if not parted else sheet).strip(), "", ""
    return sheet.strip(), label.strip(), value.strip()


def _say_it_is_there(resource: model.Resource) -> None:
    """Mark the resource as one of the DataStore, without a new version of the dataset: nothing that a person wrote has changed."""
    if not resource.extras.get("datastore_active"):
        resource.extras["datastore_active"] = True
        flag_modified(resource, "extras")
        model.Session.commit()
        search.rebuild(resource.package_id)
    # Previews that only a file with a table has, of those that the site makes by default (ckan.views.default_views).
    package = tk.get_action("package_show")(_as_site(), {"id": resource.package_id})
    shown = next(one for one in package["resources"] if one["id"] == resource.id)
    views = {"resource": shown, "package": package, "create_datastore_views": True}
    tk.get_action("resource_create_default_resource_views")(_as_site(), views)


def _as_site() -> Any:
    name = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    return {"ignore_auth": True, "user": name}


def _name(url: str) -> str:
    try:
        return unquote(PurePosixPath(urlsplit(url).path).name) or "file"
    except ValueError:
        return url.rsplit("/", 1)[-1][:100]


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _fetched(
    resource: model.Resource, state: TableState, target: Path, *, conditional: bool, kept: _Kept | None = None
) -> tuple[Path, tuple[str | None, str | None]] | None:
    """The file, and what the server said for the next time; None when the server says that it has not changed.

    :raises FetchError: it cannot be had
    :raises TableError: ``too-large``
    """
    if resource.url_type == "upload":
        with _uploaded(resource) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        return target, (None, None)
    limits = FetchLimits(max_bytes=config.limits().max_bytes, total_timeout=config.fetch_seconds(), retries=2)
    known = conditional and state.rows is not None and state.sha256 and state.url == resource.url
    validators = (state.etag, state.last_modified) if known else (None, None)
    at_hand = kept is not None and kept.url == resource.url and (not known or validators != kept.validators)
    if kept is not None and at_hand:
        validators = kept.validators
    site = access.to(resource)
    with Client(
        limits=limits,
        addresses=AddressPolicy.of(config.allowed_hosts()),
        ca_certificates=site.ca_certificates if site else None,
        ca_origin=site.origin if site else None,
        credentials=site.credentials if site else None,
    ) as client:
        answer = client.get(resource.url, etag=validators[0], last_modified=validators[1])
        with answer:
            if answer.not_modified:
                if kept is None or not at_hand:
                    return None
                os.link(kept.path, target)
                return target, kept.validators
            answer.file.seek(0)
            with target.open("wb") as file:
                shutil.copyfileobj(answer.file, file, 1 << 20)
            if kept is not None:
                kept.keep(resource.url, target, (answer.etag, answer.last_modified))
            return target, (answer.etag, answer.last_modified)


@contextmanager
def _uploaded(resource: model.Resource) -> Iterator[IO[bytes]]:
    """What a steward sent, from wherever the site keeps it.

    :raises FetchError: ``not-found``
    """
    upload = uploader.get_resource_uploader({"id": resource.id, "url_type": "upload", "url": resource.url})
    storage = getattr(upload, "storage", None)
    location = upload.get_path(resource.id)
    try:
        if storage is None:
            with Path(location).open("rb") as file:
                yield file
            return
        with tempfile.TemporaryFile() as copy:
            for piece in storage.stream(files.FileData(files.Location(location))):
                copy.write(piece)
            copy.seek(0)
            yield copy
    except (FileNotFoundError, files.exc.MissingFileError):
        raise FetchError("not-found", str(resource.url), status=404) from None
