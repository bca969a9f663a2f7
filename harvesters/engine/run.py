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
from typing import TYPE_CHECKING, Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import search
from sqlalchemy import exc
from sqlalchemy.orm import aliased

from . import config, plan, showing
from . import source as sources
from .base import CHANGES_ONLY, Backend, Cursor, OptionsError, Record, Validators
from .model import CLOSED, OPEN, Batch, HarvestRecord, Job, Source, StoredIssue, now, record_key
from .problems import Cancelled, HarvestError, Issue, Kind, RecordError, Severity, SourceError, short
from .writer import Item, Outcome, Writer, stable_id

if TYPE_CHECKING:
    from typing_extensions import Self

log = logging.getLogger(__name__)

#: Records compared with what is known in one query.
CHUNK = 500
#: Seconds between two times that the job says how many records it has seen.
_TELL_EVERY = 1.0
_NO_GUID_LONGER = 2_000

REFUSED = Kind(
    "refused",
    Severity.ERROR,
    lambda: tk._("The record does not follow the rules of this catalogue: {reason}"),
    lambda: tk._("Ask the publisher to correct the field, or choose another dataset type for the source."),
)
BROKEN = Kind(
    "internal-error",
    Severity.ERROR,
    lambda: tk._("The record met a mistake in the program: {reason}"),
    lambda: tk._("Report it with the record's raw content; the log of the worker says more."),
)
TWICE = Kind(
    "duplicate-identifier",
    Severity.WARNING,
    lambda: tk._("The source has this identifier more than once; the first record was taken."),
    lambda: tk._("Ask the publisher to give each record an identifier of its own."),
)
LONG_GUID = Kind(
    "identifier-too-long",
    Severity.ERROR,
    lambda: tk._("The record's identifier is longer than {limit} characters."),
    lambda: tk._("Ask the publisher for a shorter identifier."),
)
ELSEWHERE = Kind(
    "in-another-source",
    Severity.WARNING,
    lambda: tk._("The same dataset is harvested from “{source}” already, as “{title}”; it was not added again."),
    lambda: tk._("To have it from this source instead, choose “this source wins” in its settings."),
)
OF_ANOTHER = Kind(
    "in-another-organisation",
    Severity.WARNING,
    lambda: tk._("The same dataset belongs to another organisation, which has it from “{source}”; it was neither added again nor changed."),
    lambda: tk._(
        "Only sources of that organisation may write it. If it should be this source's, ask a system administrator to give the dataset to "
        "the organisation of this source."
    ),
)
TAKEN_OVER = Kind(
    "taken-over",
    Severity.WARNING,
    lambda: tk._("The dataset was harvested from “{source}” until now, and comes from this source from now on."),
    lambda: tk._("Nothing is to be done. The settings of this source say that it wins."),
)
GONE = Kind(
    "gone-from-source",
    Severity.WARNING,
    lambda: tk._("The record is no longer at the source. Its dataset stays, marked, for {days} days or {passes} harvests more."),
    lambda: tk._("If it should be there, tell the publisher."),
)
CEILING = Kind(
    "removal-ceiling",
    Severity.ERROR,
    lambda: tk._("{count} of {total} datasets are no longer at the source. That is more than may go without a person being asked."),
    lambda: tk._("Look at the source. If they are really gone, confirm the removal on the job's page; if not, nothing is to be done."),
)
EMPTY = Kind(
    "empty-source",
    Severity.ERROR,
    lambda: tk._("The source has no records. Nothing was removed."),
    lambda: tk._("Check the address and the filters. To delete what was harvested from a source that is closed, clear the source."),
)
FEWER = Kind(
    "fewer-than-announced",
    Severity.WARNING,
    lambda: tk._("The source announced {expected} records, but gave {seen}. Nothing was removed."),
    lambda: tk._("It may have changed while it was read: run the job again."),
)
TOO_MANY_ISSUES = Kind(
    "more-issues",
    Severity.WARNING,
    lambda: tk._("There were more issues than are stored ({limit}); the others were only counted."),
    lambda: tk._("Solve those that are listed, and run the job again."),
)
ABANDONED = Kind(
    "abandoned",
    Severity.ERROR,
    lambda: tk._("The job was begun {attempts} times, and its worker died each time."),
    lambda: tk._("Look into the worker's log: memory, disk, or a record that brings the program down."),
)
LOST_INDEX = Kind(
    "index-unreachable",
    Severity.ERROR,
    lambda: tk._("The search index did not take what was written: {reason}"),
    lambda: tk._("Repair the search engine. The next job indexes first what is missing."),
)


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
    with Life(job_id, token) as life:
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


class _Packed(Record):
    """A record that was packed: its hash was taken before."""

    __slots__ = ("packed_hash",)

    @property
    def hash(self) -> str:
        return self.packed_hash


def unpack(payload: bytes) -> list[Record]:
    """What `pack` packed."""
    records: list[Record] = []
    for row in json.loads(zlib.decompress(payload).decode("utf-8", "surrogatepass")):
        record = _Packed(
            row["guid"],
            base64.b64decode(row["content"]),
            row["media_type"],
            row["title"],
            row["url"],
            row["alias"],
            row["modified"],
            validators=Validators(row["etag"], row["last_modified"]),
        )
        record.packed_hash = row["hash"]
        records.append(record)
    return records


class _Later:
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
        self.source = source
        self.salt = sources.salt(source)
        self.writer = Writer(user)
        self.counts: Counter[str] = Counter()
        self.issues: list[Issue] = []
        self._stored_issues = 0
        self.backend: Backend | None = None
        self.batch_size = config.number("batch_size")
        self._types: dict[str, set[str]] = {}
        self._seen: set[int] = set()
        self._seen_keys: set[int] = set()

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
                        "guid": _storable(issue.guid)[:_NO_GUID_LONGER],
                        "title": _storable(issue.title),
                        "severity": issue.severity.value,
                        "slug": issue.slug,
                        "field": short(_storable(issue.field)),
                        "values": {name: _storable(value) for name, value in issue.values.items()},
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
        full = (
            job.full or allow_removal or sources.due_full(self.source, begun) or self._settings_changed() or self._is_something_left_over()
        )
        cursor = Cursor(None if full else self.source.last_good, dict(self.source.state or {}) if not full else {})
        self.backend = sources.backend_of(self.source, self.note)
        http = sources.http_client(self.source, self.life.keep_going)
        from . import split

        helpers = split.Helpers(self) if config.number("workers_per_job") > 1 else None
        pending: list[Record] = []
        # Records that other workers write: only they know their rows.
        given: list[str] = []
        with _Later() as later:
            for records in _chunks(self._counted(self.backend.records(http, cursor), cursor), CHUNK):
                pending += self.compare(records, later)
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
                while len(pending) >= self.batch_size:
                    batch, pending = pending[: self.batch_size], pending[self.batch_size :]
                    self.write(batch)
        if pending:
            self.write(pending)
        if helpers is not None:
            helpers.finish()
        self._reload()
        self._note_present(given)
        self.commit(phase="removing", expected=cursor.expected)
        seen = len(self._seen) if not cursor.unchanged_all else None
        result = self.remove(cursor, begun, allow_removal)
        self._reload()
        complete = not cursor.reasons
        if complete and len(json.dumps(cursor.state)) <= 100_000:
            self.source.state = cursor.state
        if set(cursor.reasons) <= {CHANGES_ONLY}:
            # What a pass that missed something did not see is asked for again: only from here on is nothing left to ask for.
            self.source.last_good = begun
        if complete and cursor.since is None:
            self.source.last_full = begun
        log.info("harvest job %s saw %s records", self.job_id, seen)
        self.end("finished", result=result)
        if "ceiling" in result:
            from .notify import tell_ceiling

            tell_ceiling(self.job_id)

    def _settings_changed(self) -> bool:
        return self.source.last_good is not None and self.source.modified > self.source.last_good

    def _is_something_left_over(self) -> bool:
        """Whether a record waits to be dealt with again that the source would not name among its changes: one that was refused, restored,
        or whose values are to replace what was changed here."""
        return bool(
            model.Session.scalar(
                sa.select(
                    sa.exists().where(HarvestRecord.source_id == self.source_id, HarvestRecord.hash == "", HarvestRecord.state != "removed")
                )
            )
        )

    def _reload(self) -> None:
        source = model.Session.get(Source, self.source_id)
        assert source is not None
        self.source = source

    def _counted(self, records: Iterator[Record], cursor: Cursor) -> Iterator[Record]:
        """The records that can be dealt with at all, each guid once."""
        told = float("-inf")
        for record in records:
            self.counts["seen"] += 1
            if time.monotonic() - told > _TELL_EVERY:
                # Who looks at the job sees it move, however slowly a chunk fills. Nothing else is in this transaction.
                self.commit(expected=cursor.expected)
                told = time.monotonic()
            if not record.guid:
                from .problems import NO_GUID

                self.counts["refused"] += 1
                self.note(Issue(NO_GUID, title=short(record.title)))
                continue
            if len(record.guid) > _NO_GUID_LONGER:
                self.counts["refused"] += 1
                self.note(Issue(LONG_GUID, record.guid[:100], short(record.title), values={"limit": str(_NO_GUID_LONGER)}))
                continue
            mark = int(record_key(record.guid)[:15], 16)
            if mark in self._seen_keys:
                self.note(Issue(TWICE, record.guid, short(record.title)))
                continue
            self._seen_keys.add(mark)
            yield record

    def compare(self, records: Sequence[Record], later: _Later) -> list[Record]:
        """Which of the records have to be written. The others are noted as seen.

        :param later: takes those that may be known by another guid, which only the end of the pass can tell
        """
        keys = [record_key(record.guid) for record in records]
        columns = (HarvestRecord.id, HarvestRecord.key, HarvestRecord.hash, HarvestRecord.state, HarvestRecord.job_id)
        rows = {
            row.key: row
            for row in model.Session.execute(
                sa.select(*columns).where(HarvestRecord.source_id == self.source_id, HarvestRecord.key.in_(keys))
            )
        }
        self._seen.update(row.id for row in rows.values())
        renamed = self._renamed({record.alias for record, key in zip(records, keys, strict=True) if record.alias and key not in rows})
        duplicates = self._still_duplicates([row.id for row in rows.values() if row.state == "duplicate"])
        pending: list[Record] = []
        held: list[Record] = []
        unchanged: list[int] = []
        for record, key in zip(records, keys, strict=True):
            row = rows.get(key)
            if row is None:
                (held if record.alias in renamed else pending).append(record)
                continue
            same = row.hash == sources.state_hash(self.salt, record.hash)
            if same and (row.state == "active" or row.id in duplicates):
                unchanged.append(row.id)
                # What this same job wrote before its worker died was counted then.
                self.counts["unchanged"] += row.job_id != self.job_id
            else:
                pending.append(record)
        later.add(held)
        if unchanged:
            model.Session.execute(
                sa.update(HarvestRecord)
                .where(HarvestRecord.id.in_(unchanged))
                .values(last_seen=now())
                .execution_options(synchronize_session=False)
            )
        return pending

    def _renamed(self, aliases: set[str]) -> dict[str, int]:
        """Records that are known by another guid which was not seen so far, by their alias: ``{alias: id}``."""
        if not aliases:
            return {}
        found = model.Session.execute(
            sa.select(HarvestRecord.alias, HarvestRecord.id)
            .where(HarvestRecord.source_id == self.source_id, HarvestRecord.alias.in_(aliases))
            # Where several had it, the one that is a dataset here has it in the end.
            .order_by(HarvestRecord.state.in_(("active", "missing")), HarvestRecord.id)
        )
        return {alias: record_id for alias, record_id in found if record_id not in self._seen}

    def _find_renamed(self, records: Sequence[Record]) -> Sequence[Record]:
        """Give records with a new guid the identity of those that had their alias and are not at the source any more.

        :returns: all of them: they have to be written
        """
        renamed = self._renamed({record.alias for record in records})
        for record in records:
            old = renamed.pop(record.alias, None)
            if old is not None:
                model.Session.execute(
                    sa.update(HarvestRecord)
                    .where(HarvestRecord.id == old)
                    .values(guid=_storable(record.guid), key=record_key(record.guid))
                    .execution_options(synchronize_session=False)
                )
                self._seen.add(old)
        return records

    def _still_duplicates(self, ids: list[int]) -> set[int]:
        """Those whose dataset another source still has, and that this one may not take over."""
        if not ids:
            return set()
        mine, other, package = aliased(HarvestRecord), aliased(HarvestRecord), model.package_table
        keeps = package.c["owner_org"].is_distinct_from(self.source.owner_org)
        if self.source.conflict != "this":
            keeps = sa.or_(keeps, sa.not_(Source.deleted))
        return set(
            model.Session.scalars(
                sa.select(mine.id).where(
                    mine.id.in_(ids),
                    sa.exists().where(
                        other.package_id == mine.package_id,
                        other.source_id != mine.source_id,
                        other.state.in_(("active", "missing")),
                        Source.id == other.source_id,
                        package.c["id"] == other.package_id,
                        keeps,
                    ),
                )
            )
        )

    # -- writing

    def write(self, records: Sequence[Record]) -> None:
        """Translate and write a batch; commits."""
        self.life.keep_going()
        items = self._items(records)
        try:
            self.writer.write(items, self._note_outcomes)
        except search.SearchIndexError as error:
            # Committed, and marked as not indexed: the next job begins with them. Going on would only make them more.
            raise SourceError(LOST_INDEX, reason=error) from error
        ids = [item.tag["row"] for item in items if item.tag.get("written")]
        if ids:
            model.Session.execute(
                sa.update(HarvestRecord).where(HarvestRecord.id.in_(ids)).values(indexed=True).execution_options(synchronize_session=False)
            )
        self.commit()
        model.Session.remove()

    def _items(self, records: Sequence[Record]) -> list[Item]:
        """The datasets to write, and in the running transaction what was found out about the others."""
        assert self.backend is not None
        keys = {record_key(record.guid): record for record in records}
        rows = {
            row.key: row
            for row in model.Session.scalars(
                sa.select(HarvestRecord).where(HarvestRecord.source_id == self.source_id, HarvestRecord.key.in_(keys))
            )
        }
        translated: list[tuple[Record, HarvestRecord, dict[str, Any]]] = []
        for key, record in keys.items():
            row = rows.get(key)
            if row is None:
                row = HarvestRecord(source_id=self.source_id, guid=_storable(record.guid), key=key, state="refused")
                row.first_seen = now()
                model.Session.add(row)
            self._describe(row, record)
            dataset = self._translate(record)
            if dataset is None:
                self._refuse(row)
                continue
            translated.append((record, row, dataset))
        model.Session.flush()
        self._seen.update(
            row.id
            for row in model.Session.scalars(
                sa.select(HarvestRecord).where(HarvestRecord.source_id == self.source_id, HarvestRecord.key.in_(keys))
            )
        )
        translated = self._settle_conflicts(translated)
        self._find_again([(record, row) for record, row, _dataset in translated if not row.package_id])
        there = self._there([row.package_id for _record, row, _dataset in translated if row.package_id])
        taken = self._taken_names(
            [plan.name_candidate(dataset, record.title) for record, row, dataset in translated if row.package_id not in there]
        )
        items = [self._item(record, row, dataset, row.package_id in there, taken) for record, row, dataset in translated]
        # What was found out is kept whatever the database says to the datasets.
        self.commit()
        return items

    def _find_again(self, fresh: list[tuple[Record, HarvestRecord]]) -> None:
        """Datasets that were made before what is known of them was lost (a restored backup): their ids tell."""
        wanted = {stable_id(self.source_id, record.guid): row for record, row in fresh}
        if wanted:
            for package_id in model.Session.scalars(sa.select(model.Package.id).where(model.Package.id.in_(wanted))):
                wanted[package_id].package_id = package_id

    def _describe(self, row: HarvestRecord, record: Record) -> None:
        row.alias = _storable(record.alias)[:500]
        row.title = short(_storable(record.title))
        row.url = _storable(record.url)[:2000]
        row.modified = short(_storable(record.modified))
        row.media_type = short(record.media_type)
        row.etag, row.last_modified = short(record.validators.etag), short(record.validators.last_modified)
        row.content = zlib.compress(record.content, 6)
        row.last_seen = now()

    def _translate(self, record: Record) -> dict[str, Any] | None:
        assert self.backend is not None
        try:
            return self.backend.translate(record)
        except RecordError as error:
            self.note(error.issue(guid=record.guid, title=record.title))
        except HarvestError:
            raise
        except Exception as error:  # a backend's bug must cost one record, not the job; it is logged with all that is known
            log.exception("record %r of source %s could not be translated", record.guid, self.source_id)
            self.note(Issue(BROKEN, record.guid, short(record.title), values={"reason": short(f"{type(error).__name__}: {error}")}))
        return None

    def _refuse(self, row: HarvestRecord) -> None:
        """A dataset that is here stays as it is; its record is tried again at each harvest."""
        self.counts["refused"] += 1
        row.hash = ""
        if row.state not in ("active", "missing"):
            row.state = "refused"
        row.missing_since, row.missed_passes = None, 0
        if row.state == "missing":
            row.state = "active"

    def _settle_conflicts(
        self, translated: list[tuple[Record, HarvestRecord, dict[str, Any]]]
    ) -> list[tuple[Record, HarvestRecord, dict[str, Any]]]:
        """Leave out what another source has already, or take it over."""
        from .conflicts import find

        fresh = [(row, dataset) for _record, row, dataset in translated if not row.package_id or row.state == "duplicate"]
        found = find(self.source_id, fresh)
        kept = []
        for record, row, dataset in translated:
            other = found.get(row.key)
            if other is None:
                if row.state == "duplicate":
                    row.package_id, row.state = None, "refused"
                kept.append((record, row, dataset))
                continue
            values = {"source": short(other.source_title), "title": short(other.title)}
            foreign = other.owner_org != self.source.owner_org
            if not foreign and (self.source.conflict == "this" or other.orphaned):
                self.note(Issue(TAKEN_OVER, record.guid, short(record.title), values=values))
                row.package_id, row.written, row.resources = other.package_id, other.written, {}
                model.Session.execute(sa.update(HarvestRecord).where(HarvestRecord.id == other.record_id).values(state="duplicate"))
                kept.append((record, row, dataset))
                continue
            self.note(Issue(OF_ANOTHER if foreign else ELSEWHERE, record.guid, short(record.title), values=values))
            self.counts["duplicates"] += 1
            row.state, row.package_id = "duplicate", other.package_id
            row.hash = sources.state_hash(self.salt, record.hash)
        return kept

    def _there(self, ids: Sequence[str]) -> set[str]:
        """Those that are datasets here: one may have been purged."""
        return set(model.Session.scalars(sa.select(model.Package.id).where(model.Package.id.in_(ids)))) if ids else set()

    def _taken_names(self, wanted: Sequence[str]) -> set[str]:
        """Names that new datasets cannot have: any that begins like one that is wanted."""
        if not wanted:
            return set()
        name = model.package_table.c["name"]
        exact = set(model.Session.scalars(sa.select(name).where(name.in_(set(wanted)))))
        for each in exact.copy():
            exact |= set(model.Session.scalars(sa.select(name).where(name.startswith(each[:90], autoescape=True))))
        return exact

    def _item(self, record: Record, row: HarvestRecord, dataset: dict[str, Any], there: bool, taken: set[str]) -> Item:
        dataset.setdefault("type", self.source.dataset_type)
        dataset["owner_org"] = self.source.owner_org
        dataset["state"] = "active"
        self._say_where_from(dataset, record)
        tag: dict[str, Any] = {
            "record": record,
            "row": row.id,
            "keys": plan.resource_keys(dataset.get("resources") or ()),
            "ids": [],
            "offered": {},
            "back": row.state in ("missing", "removed"),
            "written": row.written or {},
            "resources": row.resources or {},
        }
        if there:
            return Item(dataset, package_id=row.package_id, tag=tag, plan=self._plan_change)
        # What was purged here comes back under an id of its own: the source still has it.
        parts = [str(uuid.uuid4())] if row.package_id else []
        new_id = stable_id(self.source_id, record.guid, *parts)
        tag["ids"] = plan.match_resources(new_id, dataset.get("resources") or (), tag["resources"], ())
        for resource in dataset.get("resources") or ():
            resource.pop("guid", None)
        dataset["name"] = plan.free_name(plan.name_candidate(dataset, record.title), taken)
        return Item(dataset, new_id=new_id, resource_ids=tag["ids"], tag=tag)

    def _plan_change(self, item: Item, shown: dict[str, Any]) -> None:
        """What the dataset becomes, given what it is: ids of its resources, its name, and what was changed here."""
        dataset, tag = item.dataset, item.tag
        offered = list(dataset.get("resources") or ())
        ids = plan.match_resources(shown["id"], offered, tag["resources"], shown.get("resources") or ())
        for resource in offered:
            resource.pop("guid", None)
        known = {resource["id"] for resource in shown.get("resources") or ()}
        for resource, resource_id in zip(offered, ids, strict=True):
            if resource_id in known:
                resource["id"] = resource_id
        dataset["name"] = shown["name"]
        if "owner_org" not in tag["written"]:
            # What was written is not known (a restored backup): it may have been given to another organisation since.
            dataset["owner_org"] = shown["owner_org"]
        tag["ids"], tag["offered"] = ids, {}
        edits = plan.edited(tag["written"], shown)
        if edits:
            by_id = [{**resource, "id": resource_id} for resource, resource_id in zip(offered, ids, strict=True)]
            held = {**dataset, "resources": by_id}
            tag["offered"] = plan.keep_edits(held, edits, shown)
            for resource in held["resources"]:
                if resource["id"] not in known:
                    resource.pop("id", None)
            dataset = held
        item.dataset, item.resource_ids = dataset, ids

    def _say_where_from(self, dataset: dict[str, Any], record: Record) -> None:
        """Fill the fields of our dataset types that tell where a record was copied from, unless the backend did."""
        fields = self._fields_of(dataset["type"])
        said = {
            "source_portal": self.source.title,
            "source_url": record.url if record.url.startswith(("http://", "https://")) else "",
            "source_identifier": record.guid,
        }
        for name, value in said.items():
            if name in fields and value and not dataset.get(name):
                dataset[name] = value[:500]

    def _fields_of(self, dataset_type: str) -> set[str]:
        if dataset_type not in self._types:
            try:
                schema = tk.get_action("scheming_dataset_schema_show")({"ignore_auth": True}, {"type": dataset_type})
                self._types[dataset_type] = {field["field_name"] for field in schema["dataset_fields"]}
            except (KeyError, tk.ObjectNotFound):
                self._types[dataset_type] = set()
        return self._types[dataset_type]

    def _note_outcomes(self, outcomes: list[Outcome]) -> None:
        """In the transaction of the batch: what is known of its records from now on, and the job's counts."""
        # After a rollback the session has forgotten its rows; what was found out before is written again.
        rows = self._rows_again(outcomes)
        counts_before, issues_before = self.counts.copy(), list(self.issues)
        for outcome in outcomes:
            tag = outcome.item.tag
            record, row = tag["record"], rows[record_key(tag["record"].guid)]
            tag["row"] = row.id
            if outcome.kind == "refused":
                self._refuse(row)
                for field, reason in _reasons(outcome.errors):
                    kind = BROKEN if field.startswith("__") else REFUSED
                    named = "" if field.startswith("__") else field
                    self.note(Issue(kind, record.guid, short(record.title), named, {"reason": short(reason)}))
                continue
            back = tag["back"]
            self.counts["back" if back else {"created": "added", "updated": "changed", "unchanged": "unchanged"}[outcome.kind]] += 1
            row.package_id, row.state = outcome.package_id, "active"
            row.missing_since, row.missed_passes = None, 0
            row.hash = sources.state_hash(self.salt, record.hash)
            row.job_id = self.job_id
            row.offered = tag["offered"]
            if outcome.kind != "unchanged":
                row.indexed = False
                tag["written"] = True
                marks = plan.marks(outcome.shown)
                for field in tag["offered"]:
                    # What was edited here keeps the mark of what the harvester wrote before it: it stays an edit.
                    old = (row.written or {}).get(field)
                    if old is None:
                        marks.pop(field, None)
                    else:
                        marks[field] = old
                row.written = marks
            row.resources = dict(zip(tag["keys"], tag["ids"], strict=True))
        try:
            model.Session.flush()
            self.save()
        except BaseException:
            self.counts, self.issues = counts_before, issues_before
            raise

    def _rows_again(self, outcomes: list[Outcome]) -> dict[str, HarvestRecord]:
        records = {record_key(outcome.item.tag["record"].guid): outcome.item.tag["record"] for outcome in outcomes}
        query = sa.select(HarvestRecord).where(HarvestRecord.source_id == self.source_id, HarvestRecord.key.in_(records))
        rows = {row.key: row for row in model.Session.scalars(query)}
        for key, record in records.items():
            if key not in rows:
                row = HarvestRecord(source_id=self.source_id, guid=_storable(record.guid), key=key, state="refused")
                row.first_seen = now()
                self._describe(row, record)
                model.Session.add(row)
                rows[key] = row
        model.Session.flush()
        self._seen.update(row.id for row in rows.values())
        return rows

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
                raise SourceError(LOST_INDEX, reason=error) from error
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
            keys = [record_key(guid) for guid in guids]
            self._seen.update(
                model.Session.scalars(
                    sa.select(HarvestRecord.id).where(HarvestRecord.source_id == self.source_id, HarvestRecord.key.in_(keys))
                )
            )

    def remove(self, cursor: Cursor, begun: dt.datetime, allowed: bool) -> dict[str, Any]:
        """Mark what is gone, delete what has been gone for long enough; see `removal`."""
        from . import removal

        distinct = len(self._seen_keys) + len(set(cursor.present_guids))
        if cursor.unchanged_all:
            return {}
        if cursor.expected is not None and distinct < cursor.expected and set(cursor.reasons) <= {CHANGES_ONLY}:
            self.note(Issue(FEWER, values={"expected": str(cursor.expected), "seen": str(distinct)}))
            cursor.incomplete("fewer-than-announced")
        if distinct == 0 and not cursor.reasons:
            self.note(Issue(EMPTY))
            cursor.incomplete("empty-source")
        if cursor.reasons:
            return {"incomplete": cursor.reasons[:20]}
        return removal.remove(self, self._seen, begun, allowed)

    # -- other kinds of job

    def clear(self) -> None:
        """Delete all datasets of the source, and forget its records."""
        from . import removal

        removal.clear(self)
        self.end("finished")

    def preview(self) -> None:
        """Find out what a harvest would do; see `preview`."""
        from . import preview

        self.backend = sources.backend_of(self.source, self.note)
        found = preview.look(self.source, self.backend, sources.http_client(self.source, self.life.keep_going), self.user, limit=None)
        self.end("finished", result=found)


def _reasons(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """CKAN's nested errors as ``(field, sentence)``: ``("resources-0-url", "…")``."""
    if isinstance(errors, dict):
        for name, value in errors.items():
            yield from _reasons(value, f"{path}-{name}" if path else str(name))
    elif isinstance(errors, list):
        if all(isinstance(each, str) for each in errors):
            yield path, " ".join(errors)
            return
        for place, value in enumerate(errors):
            yield from _reasons(value, f"{path}-{place}")
    elif errors:
        yield path, str(errors)


def _chunks(values: Iterator[Any], size: int) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for value in values:
        chunk.append(value)
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _storable(text: str) -> str:
    """A text that PostgreSQL stores: no NUL, no lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


__all__ = ["Life", "Lost", "Runner", "claim", "pack", "run", "unpack"]
