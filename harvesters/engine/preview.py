"""What a harvest would do, without doing it: nothing is written, to the catalogue or to what is known of the source.

It decides nothing: the records go through `decide` and `removal.foresee`, as in a harvest, and the datasets through `Writer.rehearse`.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy import orm

from . import config, plan, removal
from . import source as sources
from .base import Backend, Cursor, HttpClient, Record
from .decide import Judge
from .model import HarvestRecord, Source, now, record_key
from .problems import Issue, short
from .registry import kind_of
from .run import Later
from .writer import Outcome, Writer

#: Records whose details are listed, of each sort.
LISTED = 100
#: Seconds between two words on how far it is.
_TELL = 1.0
#: What a preview counts; as a harvest does.
COUNTED = ("seen", "added", "changed", "unchanged", "refused", "duplicates", "back", "missing", "removed")


def look(
    source: Source,
    backend: Backend,
    http: HttpClient,
    user: str,
    limit: int | None = 20,
    progress: Callable[[int, int | None], None] = lambda _seen, _expected: None,
) -> dict[str, Any]:
    """Read a source and say what would become of its records, if all of them were read (``full``).

    What only a harvest can know is not foreseen: what a hook of another plugin refuses, and what changes until then.

    :param source: stored or not
    :param limit: how many records to read, ``None`` for all
    :param progress: told now and then how many records were seen, and of how many (None: the source does not say); in the end, too
    :returns: ``{"counts": {"seen", "added", "changed", "unchanged", "refused", "duplicates", "back", "missing", "removed"}, "expected",
        "complete": bool, "added": [{"guid", "title", "dataset"}], "changed": [{"guid", "title", "fields": [{"field", "before", "after",
        "kept"}]}], "refused": [{"guid", "title", "reasons": [{"field", "slug", "values", "message"}]}], "missing": [titles],
        "removed": [titles], "held": None or {"count", "of"}, "issues": [{"severity", "slug", "values", "guid", "title", "field",
        "message", "advice"}]}``; `in_language` makes the sentences again
    :raises SourceError: the source cannot be read
    """
    looking = _Looking(source, backend, user)
    cursor, begun = Cursor(), now()
    whole, told = True, time.monotonic()
    chunk: list[Record] = []
    try:
        with model.Session.no_autoflush:
            for record in backend.records(http, cursor):
                if looking.judge.admits(record):
                    chunk.append(record)
                if len(chunk) >= looking.batch_size:
                    looking.compare(chunk)
                    chunk = []
                if time.monotonic() - told > _TELL:
                    progress(looking.judge.counts["seen"], cursor.expected)
                    told = time.monotonic()
                if limit is not None and looking.judge.counts["seen"] >= limit:
                    whole = cursor.expected is not None and looking.judge.counts["seen"] >= cursor.expected
                    break
            looking.compare(chunk)
            if whole:
                looking.judge.note_present(cursor.present_guids)
            looking.compare_held()
            complete = whole and looking.judge.is_complete(cursor)
            if complete and source.id:
                looking.foresee(begun)
    finally:
        model.Session.rollback()
    progress(looking.judge.counts["seen"], cursor.expected)
    # Why a record is refused stands with it, and is not said twice.
    said = {id(issue) for issue in looking.reasons}
    others = [issue for issue in looking.issues if id(issue) not in said]
    return {
        "counts": {name: looking.judge.counts[name] for name in COUNTED},
        "expected": cursor.expected,
        "complete": complete,
        "added": looking.added,
        "changed": looking.changed,
        "refused": looking.refused,
        "missing": looking.gone,
        "removed": looking.removed,
        "held": looking.held_back,
        "issues": [_issue(issue) for issue in others[:LISTED]],
    }


class _Looking:
    def __init__(self, source: Source, backend: Backend, user: str) -> None:
        self.issues: list[Issue] = []
        self.judge = Judge(source, self._note, refused=self._refused)
        self.judge.backend, self.judge.retry = backend, True
        backend._reporter = self._note
        self.writer = Writer(user)
        self.batch_size = config.number("batch_size")
        self.noted: Counter[str] = Counter()
        self.reasons: list[Issue] = []
        self.refused: list[dict[str, Any]] = []
        self.held = Later()
        self.added: list[dict[str, Any]] = []
        self.changed: list[dict[str, Any]] = []
        self.gone: list[str] = []
        self.removed: list[str] = []
        self.held_back: dict[str, Any] | None = None

    def _note(self, issue: Issue) -> None:
        # A broken source of 50,000 records has as many problems, each alike; enough are kept to list each sort.
        self.noted[issue.slug] += 1
        if self.noted[issue.slug] <= LISTED:
            self.issues.append(issue)

    def _refused(self, record: Record, issues: Sequence[Issue]) -> None:
        if len(self.refused) < LISTED:
            self.reasons += issues
            reasons = [
                {"field": issue.field, "slug": issue.slug, "values": dict(issue.values), "message": issue.kind.say(issue.values)}
                for issue in issues
            ]
            # As the issue names it: the identifier itself may be what is wrong.
            self.refused.append({"guid": issues[0].guid or record.guid[:100], "title": short(record.title), "reasons": reasons})

    def compare(self, records: Sequence[Record]) -> None:
        found = self.judge.compare(records)
        self.held.add(found.held)
        self._judge(found.pending, {})

    def compare_held(self) -> None:
        with self.held:
            for records in self.held:
                self._judge(records, self.judge.find_renamed(records))

    def _judge(self, records: Sequence[Record], renamed: dict[str, int]) -> None:
        rows = self._rows(records, renamed)
        items = self.judge.judge([(record, rows[record_key(record.guid)]) for record in records])
        self.judge.names.update(item.dataset["name"] for item in items if item.package_id is None)
        for outcome in self.writer.rehearse(items):
            self.judge.conclude(outcome, rows[record_key(outcome.item.tag["record"].guid)])
            self._list(outcome)

    def _rows(self, records: Sequence[Record], renamed: dict[str, int]) -> dict[str, HarvestRecord]:
        """Copies of the rows of records, which nobody stores; made up for those that are new."""
        keys = [record_key(record.guid) for record in records]
        query = (
            sa.select(HarvestRecord)
            .options(orm.defer(HarvestRecord.content))
            .where(
                HarvestRecord.source_id == self.judge.source_id,
                sa.or_(HarvestRecord.key.in_(keys), HarvestRecord.id.in_(renamed.values())),
            )
        )
        known: dict[str, HarvestRecord] = {}
        of_id = {row_id: key for key, row_id in renamed.items()}
        for row in model.Session.scalars(query.execution_options(populate_existing=True)).all():
            known[of_id.get(row.id, row.key)] = row
            model.Session.expunge(row)
            if row.id in of_id:
                row.key = of_id[row.id]
        return {key: known.get(key) or self.judge.row_of(record) for key, record in zip(keys, records, strict=True)}

    def _list(self, outcome: Outcome) -> None:
        record: Record = outcome.item.tag["record"]
        if outcome.kind == "created" and len(self.added) < LISTED:
            self.added.append({"guid": record.guid, "title": short(record.title), "dataset": outcome.item.dataset})
        elif outcome.kind == "updated" and len(self.changed) < LISTED:
            before, after = plan.fields(outcome.before), plan.fields(outcome.shown)
            # What was changed here stays; what the source says of it is told all the same.
            kept = {name: value for name, value in outcome.item.tag["offered"].items() if value != before.get(name)}
            fields = [
                {"field": name, "before": before.get(name), "after": kept.get(name, after.get(name)), "kept": name in kept}
                for name in sorted({*before, *after, *kept})
                if before.get(name) != after.get(name) or name in kept
            ]
            self.changed.append({"guid": record.guid, "title": short(record.title), "fields": fields})

    def foresee(self, begun: dt.datetime) -> None:
        """What is known and was not seen."""
        going = removal.foresee(self.judge.source, self.judge.seen, begun, allowed=False)
        if going.held:
            self.held_back = {"count": going.ceiling["count"], "of": going.total}
            return
        self.judge.counts["missing"], self.judge.counts["removed"] = len(going.gone), len(going.due)
        self.gone = [row.title or row.guid for row in going.gone][:LISTED]
        self.removed = [row.title or row.guid for row in going.due][:LISTED]


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "severity": issue.severity.value,
        "slug": issue.slug,
        "values": dict(issue.values),
        "guid": issue.guid,
        "title": issue.title,
        "field": issue.field,
        "message": issue.kind.say(issue.values),
        "advice": issue.kind.advise(issue.values),
    }


def in_language(found: dict[str, Any]) -> dict[str, Any]:
    """A stored preview with its sentences in the language of the current request: a worker made it in the site's."""

    def said(told: dict[str, Any]) -> dict[str, Any]:
        # One of an earlier release has its sentences only.
        known = kind_of(told["slug"]) if "values" in told else None
        if known is None:
            return told
        advice = {"advice": known.advise(told["values"])} if "advice" in told else {}
        return {**told, "message": known.say(told["values"]), **advice}

    refused = [{**each, "reasons": [said(reason) for reason in each["reasons"]]} for each in found.get("refused") or []]
    return {**found, "refused": refused, "issues": [said(issue) for issue in found.get("issues") or []]}


def check(source: Source) -> dict[str, Any]:
    """Try the connection.

    :returns: ``{"title", "first", "records", "notes"}``
    :raises SourceError: the source cannot be read
    """
    backend = sources.backend_of(source)
    found = backend.check(sources.http_client(source, lambda: None))
    return {"title": found.title, "first": found.first, "records": found.records, "notes": list(found.notes)}


__all__ = ["check", "in_language", "look"]
