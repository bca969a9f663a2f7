"""One job from its claim to its end: read, compare, write in batches, remove.

Safe against a worker that dies at any moment: a batch's datasets, what is known of their records and the job's counts are committed
together; what was committed but not indexed is marked and indexed first thing next time; a job that is begun again reads the source again
and finds what it wrote unchanged.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import os
import socket
import tempfile
import threading
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import search
from sqlalchemy import exc

from ckanext.ogptn.catalogue.cycles import no_search_for_cycles

from . import config, language, showing
from . import source as sources
from .base import CHANGES_ONLY, Backend, Cursor, OptionsError, Record, Validators
from .decide import GUID_LIMIT, NAMELESS, Judge, describe, storable
from .kinds import ABANDONED, BROKEN, LOST_INDEX, REFUSED, TOO_MANY_ISSUES
from .model import CLOSED, OPEN, Batch, HarvestRecord, Job, Source, StoredIssue, now, record_key
from .outgoing import Outgoing
from .problems import Cancelled, HarvestError, Issue, Severity, SourceError, short
from .writer import Item, Outcome, Writer

if TYPE_CHECKING:
    from typing_extensions import Self

log = logging.getLogger(__name__)

#: Records compared with what is known in one query.
CHUNK = 500
#: Seconds for which datasets are locked while they are written, as a rule: a steward's save may have to wait for so long.
_HELD = 0.3
#: Seconds between two times that the job says how many records it has seen.
_TELL_EVERY = 1.0


class Lost(Exception):  # noqa: N818 - nothing went wrong here
    """Another worker has taken the job up: this one must not write any more."""


class Life:
    """The job's sign of life: a thread that writes the heartbeat, and learns whether to stop.

    :param every: seconds between two signs
    """

    def __init__(self, job_id: str, token: str, every: float = 5.0) -> None:
        self._job_id, self._token, self._every = job_id, token, every
        self._over = threading.Event()
        self._cancelled = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"harvest-{job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join(30)

    def keep_going(self) -> None:
        """:raises Cancelled: somebody cancelled the job
        :raises Lost: it is another worker's by now"""
        if self._lost.is_set():
            raise Lost(self._job_id)
        if self._cancelled.is_set():
            raise Cancelled(self._job_id)

    def _beat(self) -> None:
        table = Job.__table__
        while not self._over.wait(self._every):
            engine = model.meta.engine
            if engine is None:
                return
            try:
                with engine.begin() as connection:
                    row = connection.execute(
                        sa.update(table)
                        .where(table.c["id"] == self._job_id, table.c["token"] == self._token)
                        .values(heartbeat=now())
                        .returning(table.c["cancel"])
                    ).first()
            except exc.SQLAlchemyError as error:
                # The job itself will meet the same, and say so; without a heartbeat another worker takes over.
                log.warning("no sign of life of job %s could be written: %s", self._job_id, error)
                continue
            if row is None:
                self._lost.set()
            elif row.cancel:
                self._cancelled.set()


def worker_name() -> str:
    """Host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def claim(job_id: str) -> str | None:
    """Take a job that nobody holds.

    :returns: the mark under which it is held; ``None`` if it is over, or another worker's
    """
    stale = now() - dt.timedelta(seconds=config.number("stale_after"))
    token = uuid.uuid4().hex
    taken = model.Session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.phase.in_(OPEN), sa.or_(Job.heartbeat.is_(None), Job.heartbeat < stale))
        .values(
            token=token,
            worker=worker_name(),
            heartbeat=now(),
            started=sa.func.coalesce(Job.started, now()),
            attempts=Job.attempts + 1,
            phase="reading",
        )
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    ).first()
    model.Session.commit()
    return token if taken else None


def run(job_id: str) -> str | None:
    """Do a job. For the background worker: it raises only what is a mistake of the program.

    :returns: the phase it ended in, ``None`` if it was not this worker's to do
    """
    token = claim(job_id)
    if token is None:
        log.info("harvest job %s is over, or another worker's", job_id)
        return None
    model.Session.expire_all()
    job = model.Session.get(Job, job_id)
    assert job is not None
    source = model.Session.get(Source, job.source_id)
    assert source is not None
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    with language.of_the_site(), Life(job_id, token) as life:
        runner = Runner(job_id, source.id, token, life, user)
        try:
            if job.cancel:
                raise Cancelled(job_id)
            if job.kind == "clear":
                runner.clear()
            elif job.kind == "preview":
                runner.preview()
            else:
                runner.harvest()
        except Lost:
            model.Session.rollback()
            log.warning("harvest job %s was taken up by another worker", job_id)
            return None
        except Cancelled:
            model.Session.rollback()
            runner.end("cancelled")
            return "cancelled"
        except HarvestError as error:
            model.Session.rollback()
            runner.note(error.issue())
            runner.end("failed")
            return "failed"
        except OptionsError as error:
            model.Session.rollback()
            runner.note(Issue(REFUSED, values={"reason": short(error)}))
            runner.end("failed")
            return "failed"
        except exc.OperationalError:
            # The database is gone. Its heartbeat stops, and the job is taken up again once there is a database.
            model.Session.rollback()
            raise
        except Exception as error:
            model.Session.rollback()
            log.exception("harvest job %s failed", job_id)
            runner.note(Issue(BROKEN, values={"reason": short(f"{type(error).__name__}: {error}")}))
            runner.end("failed")
            raise
    model.Session.remove()
    return "finished"


def pack(records: Iterable[Record]) -> bytes:
    """Records for `Batch.payload`."""
    rows = [
        {
            "guid": record.guid,
            "content": base64.b64encode(record.content).decode(),
            "media_type": record.media_type,
            "title": record.title,
            "url": record.url,
            "alias": record.alias,
            "modified": record.modified,
            "etag": record.validators.etag,
            "last_modified": record.validators.last_modified,
            "hash": record.hash,
        }
        for record in records
    ]
    return zlib.compress(json.dumps(rows).encode("utf-8", "surrogatepass"), 1)


def unpack(payload: bytes) -> list[Record]:
    """What `pack` packed."""
    return [
        Record.known(
            row["hash"],
            row["guid"],
            base64.b64decode(row["content"]),
            row["media_type"],
            row["title"],
            row["url"],
            row["alias"],
            row["modified"],
            validators=Validators(row["etag"], row["last_modified"]),
        )
        for row in json.loads(zlib.decompress(payload).decode("utf-8", "surrogatepass"))
    ]


class Later:
    """Records to come back to at the end of a pass, on disk: a source that made all its identifiers anew has as many as it has records.

    Iterating gives them in lists of at most `CHUNK`.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        self._waiting: list[Record] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def add(self, records: Iterable[Record]) -> None:
        self._waiting += records
        if len(self._waiting) >= CHUNK:
            self._spill()

    def _spill(self) -> None:
        packed = pack(self._waiting)
        self._file.write(len(packed).to_bytes(8, "big") + packed)
        self._waiting = []

    def __iter__(self) -> Iterator[list[Record]]:
        if self._waiting:
            self._spill()
        self._file.seek(0)
        while size := self._file.read(8):
            yield unpack(self._file.read(int.from_bytes(size, "big")))


class Runner:
    """The work of one worker on one job."""

    def __init__(self, job_id: str, source_id: str, token: str, life: Life, user: str) -> None:
        self.job_id, self.source_id, self.token, self.life, self.user = job_id, source_id, token, life, user
        source = model.Session.get(Source, source_id)
        assert source is not None
        self.judge = Judge(source, self.note, job_id)
        self.outgoing = Outgoing()
        self.writer = Writer(user, self.outgoing.take)
        #: Rows of records whose datasets are committed, and wait in ``outgoing``.
        self._unindexed: list[int] = []
        self.issues: list[Issue] = []
        self._stored_issues = 0
        self.batch_size = config.number("batch_size")
        self._piece = min(10, self.batch_size)

    @property
    def source(self) -> Source:
        return self.judge.source

    @property
    def counts(self) -> Counter[str]:
        """What is not in the job's row yet."""
        return self.judge.counts

    @property
    def backend(self) -> Backend | None:
        return self.judge.backend

    @backend.setter
    def backend(self, backend: Backend) -> None:
        self.judge.backend = backend

    # -- the job's row

    def note(self, issue: Issue) -> None:
        """Keep an issue until the next `save`."""
        self.counts["errors" if issue.severity is Severity.ERROR else "warnings"] += 1
        limit = config.number("keep_issues")
        if self._stored_issues < limit:
            self.issues.append(issue)
        elif self._stored_issues == limit:
            self.issues.append(Issue(TOO_MANY_ISSUES, values={"limit": str(limit)}))
        self._stored_issues += 1

    def save(self, **values: Any) -> None:
        """Add counts and issues to the job in the running transaction.

        :param values: columns of the job to set
        :raises Lost: the job is another worker's by now; nothing of this transaction may be kept
        """
        if self.issues:
            model.Session.execute(
                sa.insert(StoredIssue),
                [
                    {
                        "job_id": self.job_id,
                        "guid": storable(issue.guid)[:GUID_LIMIT],
                        "title": storable(issue.title),
                        "severity": issue.severity.value,
                        "slug": issue.slug,
                        "field": short(storable(issue.field)),
                        "values": {name: storable(value) for name, value in issue.values.items()},
                        "created": now(),
                    }
                    for issue in self.issues
                ],
            )
            self.issues = []
        row = model.Session.execute(sa.select(Job.counts).where(Job.id == self.job_id, Job.token == self.token).with_for_update()).first()
        if row is None:
            raise Lost(self.job_id)
        counts = Counter(row.counts)
        counts.update(self.counts)
        self.counts.clear()
        model.Session.execute(
            sa.update(Job)
            .where(Job.id == self.job_id)
            .values(counts=dict(counts), heartbeat=now(), **values)
            .execution_options(synchronize_session=False)
        )

    def commit(self, **values: Any) -> None:
        """`save` and commit."""
        self.save(**values)
        model.Session.commit()

    def end(self, phase: str, **values: Any) -> None:
        """Close the job."""
        assert phase in CLOSED
        try:
            model.Session.execute(sa.delete(Batch).where(Batch.job_id == self.job_id))
            self.commit(phase=phase, finished=now(), **values)
        except Lost:
            model.Session.rollback()
            return
        if phase == "failed":
            from .notify import tell_failure

            tell_failure(self.job_id)

    # -- harvest

    def harvest(self) -> None:
        """Read the source, write what changed, remove what is gone."""
        begun = now()
        job = model.Session.get(Job, self.job_id)
        assert job is not None
        allow_removal, attempts = job.allow_removal, job.attempts
        if attempts > config.number("attempts"):
            raise SourceError(ABANDONED, attempts=attempts - 1)
        if attempts > 1:
            # What was seen before the worker died is seen again.
            job.counts = {name: count for name, count in job.counts.items() if name not in ("seen", "unchanged", "refused")}
            model.Session.execute(sa.delete(Batch).where(Batch.job_id == self.job_id))
            model.Session.execute(sa.delete(StoredIssue).where(StoredIssue.job_id == self.job_id))
            job.counts = {**job.counts, "warnings": 0, "errors": 0}
            model.Session.commit()
        self.index_what_is_missing()
        # Then what was refused is judged again, too: what it was compared with may be another by now.
        self.judge.retry = job.full or sources.due_full(self.source, begun) or self._settings_changed()
        full = self.judge.retry or allow_removal or self.judge.is_something_left_over()
        cursor = Cursor(None if full else self.source.last_good, dict(self.source.state or {}) if not full else {})
        backend = self.backend = sources.backend_of(self.source, self.note)
        http = sources.http_client(self.source, self.life.keep_going)
        from . import split

        helpers = split.Helpers(self) if config.number("workers_per_job") > 1 else None
        pending: list[Record] = []
        # Records that other workers write: only they know their rows.
        given: list[str] = []
        with Later() as later:
            for records in _chunks(self._admitted(backend.records(http, cursor), cursor), CHUNK):
                pending += self.compare(records, later)
                with self._indexed_together():
                    while len(pending) >= self.batch_size:
                        batch, pending = pending[: self.batch_size], pending[self.batch_size :]
                        if helpers is not None and helpers.give(batch):
                            given += [record.guid for record in batch]
                        else:
                            self.write(batch)
                self.commit(phase="writing" if pending else "reading", expected=cursor.expected)
                model.Session.remove()
                self.life.keep_going()
            self._reload()
            self._note_present(cursor.present_guids)
            for records in later:
                pending += self._find_renamed(records)
                with self._indexed_together():
                    while len(pending) >= self.batch_size:
                        batch, pending = pending[: self.batch_size], pending[self.batch_size :]
                        self.write(batch)
        if pending:
            self.write(pending)
        if helpers is not None:
            helpers.finish()
        self._reload()
        self._note_present(given)
        if cursor.unchanged_all or CHANGES_ONLY in cursor.reasons:
            self.judge.note_refused_unread()
        self.commit(phase="removing", expected=cursor.expected)
        seen = len(self.judge.seen) if not cursor.unchanged_all else None
        result = self.remove(cursor, begun, allow_removal)
        self._reload()
        if linked := self._link():
            result["links"] = linked
        missed = set(cursor.reasons) - {NAMELESS}
        if not missed and len(json.dumps(cursor.state)) <= 100_000:
            self.source.state = cursor.state
        if missed <= {CHANGES_ONLY}:
            # What a pass that missed something did not see is asked for again: only from here on is nothing left to ask for.
            self.source.last_good = begun
        if not missed and cursor.since is None:
            self.source.last_full = begun
        log.info("harvest job %s saw %s records", self.job_id, seen)
        self.end("finished", result=result)
        if "ceiling" in result:
            from .notify import tell_ceiling

            tell_ceiling(self.job_id)

    def _settings_changed(self) -> bool:
        return self.source.last_good is not None and self.source.modified > self.source.last_good

    def _reload(self) -> None:
        source = model.Session.get(Source, self.source_id)
        assert source is not None
        self.judge.source = source

    def _admitted(self, records: Iterator[Record], cursor: Cursor) -> Iterator[Record]:
        """The records that can be dealt with at all, each guid once."""
        told = float("-inf")
        for record in records:
            if self.judge.admits(record):
                yield record
            if time.monotonic() - told > _TELL_EVERY:
                # Who looks at the job sees it move, however slowly a chunk fills. Nothing else is in this transaction.
                self.commit(expected=cursor.expected)
                told = time.monotonic()

    def compare(self, records: Sequence[Record], later: Later) -> list[Record]:
        """Which of the records have to be written. The others are noted as seen.

        :param later: takes those that may be known by another guid, which only the end of the pass can tell
        """
        found = self.judge.compare(records)
        later.add(found.held)
        if found.seen:
            model.Session.execute(
                sa.update(HarvestRecord)
                .where(HarvestRecord.id.in_(found.seen))
                .values(last_seen=now())
                .execution_options(synchronize_session=False)
            )
        return found.pending

    def _find_renamed(self, records: Sequence[Record]) -> Sequence[Record]:
        """Give records with a new guid the identity of those that had their alias and are not at the source any more.

        :returns: all of them: they have to be written
        """
        renamed = self.judge.find_renamed(records)
        for record in records:
            old = renamed.get(record_key(record.guid))
            if old is not None:
                model.Session.execute(
                    sa.update(HarvestRecord)
                    .where(HarvestRecord.id == old)
                    .values(guid=storable(record.guid), key=record_key(record.guid))
                    .execution_options(synchronize_session=False)
                )
        return records

    # -- writing

    def write(self, records: Sequence[Record]) -> None:
        """Translate and write a batch; commits."""
        self.life.keep_going()
        with no_search_for_cycles():
            self._write(records)
        model.Session.remove()

    def _write(self, records: Sequence[Record]) -> None:
        items = self._items(records)
        try:
            self.writer.write([item for item in items if item.package_id is None], self._note_outcomes, self._know_again)
            self._write_changes([item for item in items if item.package_id is not None])
        except search.SearchIndexError as error:
            raise _lost(error) from error
        self._unindexed += [item.tag["row"] for item in items if item.tag.get("written_now")]
        if self.outgoing.waits and not self.outgoing.full:
            self.commit()
        else:
            self._send()

    @contextmanager
    def _indexed_together(self) -> Iterator[None]:
        """Within the block several batches go into the search index together; nothing waits for the source meanwhile."""
        self.outgoing.waits = True
        try:
            yield
            if self._unindexed:
                self._send()
        except (Cancelled, HarvestError):
            model.Session.rollback()
            self._send()
            raise
        finally:
            self.outgoing.waits = False
            self.outgoing.forget()
            self._unindexed = []

    def _send(self) -> None:
        """Have indexed what waits for it, and note that it is; commits.

        :raises SourceError: the index does not take it
        """
        rows, self._unindexed = self._unindexed, []
        try:
            self.outgoing.send()
        except search.SearchIndexError as error:
            raise _lost(error) from error
        self.indexed(rows)
        self.commit()

    @staticmethod
    def indexed(ids: Sequence[int]) -> None:
        """Note that the datasets of these records are in the index."""
        if ids:
            model.Session.execute(
                sa.update(HarvestRecord).where(HarvestRecord.id.in_(ids)).values(indexed=True).execution_options(synchronize_session=False)
            )

    def _write_changes(self, items: Sequence[Item]) -> None:
        """Write datasets that are here, in pieces so small that whoever saves one of them meanwhile hardly waits: all of a piece are locked
        from when the first is looked at to the commit. How many that are depends on the machine, and is found out."""
        start = 0
        while start < len(items):
            self.life.keep_going()
            piece = items[start : start + self._piece]
            begun = time.perf_counter()
            self.writer.write(piece, self._note_outcomes, self._know_again)
            took = time.perf_counter() - begun
            start += len(piece)
            self._piece = max(1, min(self.batch_size, round(len(piece) * _HELD / max(took, 0.001)), 2 * self._piece))

    def _items(self, records: Sequence[Record]) -> list[Item]:
        """The datasets to write, and in the running transaction what was found out about the others."""
        rows = self._rows(records, anew=True)
        self.judge.overtaken.clear()
        items = self.judge.judge([(record, rows[record_key(record.guid)]) for record in records])
        if self.judge.overtaken:
            model.Session.execute(
                sa.update(HarvestRecord)
                .where(HarvestRecord.id.in_(self.judge.overtaken))
                .values(state="duplicate")
                .execution_options(synchronize_session=False)
            )
        # What was found out is kept whatever the database says to the datasets.
        self.commit()
        return items

    def _rows(self, records: Sequence[Record], *, anew: bool = False) -> dict[str, HarvestRecord]:
        """The rows of records by key, locked until the commit; those that were not there are made.

        :param anew: the records were just read: their rows tell of them
        """
        keys = {record_key(record.guid): record for record in records}
        rows = {
            row.key: row
            for row in model.Session.scalars(
                sa.select(HarvestRecord)
                .where(HarvestRecord.source_id == self.source_id, HarvestRecord.key.in_(keys))
                .order_by(HarvestRecord.id)
                .with_for_update()
                # CKAN's session forgets nothing at a commit; somebody may have decided on a field since.
                .execution_options(populate_existing=True)
            )
        }
        for key, record in keys.items():
            row = rows.get(key)
            if row is None or anew:
                describe(row := row or self.judge.row_of(record), record)
            if key not in rows:
                rows[key] = row
                model.Session.add(row)
        model.Session.flush()
        self.judge.seen.update(row.id for row in rows.values())
        return rows

    def _know_again(self, items: Sequence[Item]) -> None:
        """Under the lock of the datasets of a batch: what was written of them before, as it is known now.

        A person who accepts a source's value locks the dataset first, as the writer does: so the decision is either seen here, or is made
        after this batch's commit.
        """
        ids = {item.tag["row"]: item.tag for item in items if item.package_id}
        if not ids:
            return
        known = model.Session.execute(
            sa.select(HarvestRecord.id, HarvestRecord.written, HarvestRecord.resources, HarvestRecord.linked).where(
                HarvestRecord.id.in_(ids)
            )
        )
        for row in known:
            ids[row.id] |= {"written": row.written or {}, "resources": row.resources or {}, "linked": row.linked or {}}

    def _note_outcomes(self, outcomes: list[Outcome]) -> None:
        """In the transaction of the batch: what is known of its records from now on, and the job's counts."""
        # After a rollback the session has forgotten its rows; what was found out before is written again.
        rows = self._rows([outcome.item.tag["record"] for outcome in outcomes])
        counts_before, issues_before = self.counts.copy(), list(self.issues)
        for outcome in outcomes:
            tag = outcome.item.tag
            row = rows[record_key(tag["record"].guid)]
            tag["row"] = row.id
            self.judge.conclude(outcome, row)
        try:
            model.Session.flush()
            self.save()
        except BaseException:
            self.judge.counts, self.issues = counts_before, issues_before
            raise

    def index_what_is_missing(self) -> None:
        """Index the datasets that a worker committed and could not index before it died."""
        while True:
            rows = list(
                model.Session.execute(
                    sa.select(HarvestRecord.id, HarvestRecord.package_id)
                    .where(sa.not_(HarvestRecord.indexed), HarvestRecord.source_id == self.source_id)
                    .limit(self.batch_size)
                )
            )
            if not rows:
                return
            packages = list(model.Session.scalars(sa.select(model.Package).where(model.Package.id.in_([row.package_id for row in rows]))))
            made = showing.documents(showing.show_many(packages))
            try:
                showing.send(made)
            except search.SearchIndexError as error:
                raise _lost(error) from error
            model.Session.execute(
                sa.update(HarvestRecord)
                .where(HarvestRecord.id.in_([row.id for row in rows]))
                .values(indexed=True)
                .execution_options(synchronize_session=False)
            )
            model.Session.commit()

    # -- the end of a pass

    def _note_present(self, present: Iterable[str]) -> None:
        """Records that are at the source though they were not read, or not written by this worker.

        :param present: their guids
        """
        for guids in _chunks(iter(present), 1000):
            self.judge.note_present(guids)

    def remove(self, cursor: Cursor, begun: dt.datetime, allowed: bool) -> dict[str, Any]:
        """Mark what is gone, delete what has been gone for long enough; see `removal`."""
        from . import removal

        if cursor.unchanged_all:
            return {}
        if not self.judge.is_complete(cursor):
            return {"incomplete": cursor.reasons[:20]}
        return removal.remove(self, begun, allowed)

    def _link(self) -> dict[str, int]:
        """Links to records of other sources; see `links`."""
        from . import links

        try:
            return links.resolve(self)
        except search.SearchIndexError as error:
            raise _lost(error) from error

    # -- other kinds of job

    def clear(self) -> None:
        """Delete all datasets of the source, and forget its records."""
        from . import removal

        removal.clear(self)
        self.end("finished")

    def preview(self) -> None:
        """Find out what a harvest would do; see `preview`."""
        from . import preview

        backend = sources.backend_of(self.source, self.note)
        http = sources.http_client(self.source, self.life.keep_going)
        found = preview.look(self.source, backend, http, self.user, limit=None, progress=self._tell_seen)
        self.end("finished", result=found)

    def _tell_seen(self, seen: int, expected: int | None) -> None:
        """How far a preview is. On a connection of its own: what a preview does is undone in the end."""
        table, engine = Job.__table__, model.meta.engine
        assert engine is not None
        with engine.begin() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c["id"] == self.job_id, table.c["token"] == self.token)
                .values(counts={"seen": seen}, expected=expected)
            )


def _lost(error: search.SearchIndexError) -> SourceError:
    """Datasets are committed, and marked as not indexed: the next job begins with them. Going on would only make them more."""
    return SourceError(LOST_INDEX, reason=error)


def _chunks(values: Iterator[Any], size: int) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for value in values:
        chunk.append(value)
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


__all__ = ["Later", "Life", "Lost", "Runner", "claim", "pack", "run", "unpack"]
