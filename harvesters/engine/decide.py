"""What becomes of each record of a source: the one place that decides.

A harvest (`run`) carries out what is decided here, a preview (`preview`) only tells it. Nothing here writes to the database: rows of
records that are handed in are changed, and it is the caller who keeps them (the harvest) or drops them (the preview, whose rows are
copies).

In order: may the record be dealt with at all (`Judge.admits`)? Is it known, and the same as it was (`Judge.compare`)? Is it known by
another identifier (`Judge.find_renamed`)? Can it be translated, is it another source's dataset, what would be written (`Judge.judge`)?
What did the rules of the catalogue say to that (`Judge.conclude`, after `writer`)? Was everything seen (`Judge.is_complete`), and what is
gone (`removal.foresee`)?
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from typing import Any

import ckan
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import aliased

from . import conflicts, links, plan
from . import source as sources
from .base import CHANGES_ONLY, Backend, Cursor, Record
from .kinds import BROKEN, ELSEWHERE, EMPTY, FEWER, LONG_GUID, OF_ANOTHER, REFUSED, TAKEN_OVER, TWICE
from .model import HarvestRecord, Source, now, record_key
from .problems import NO_GUID, HarvestError, Issue, RecordError, kind, short
from .writer import Item, Outcome, stable_id

log = logging.getLogger(__name__)

#: Characters of an identifier.
GUID_LIMIT = 2_000
#: The reason why a pass removes nothing in which records had no identifier: any of them may be one that seems to be gone.
NAMELESS = "without-identifier"


@dataclass
class Compared:
    """What a comparison with what is known found.

    :ivar pending: to be judged
    :ivar held: may be known by another identifier; to be judged after `Judge.find_renamed`, at the end of the pass
    :ivar seen: rows of those that are left as they are
    """

    pending: list[Record] = field(default_factory=list)
    held: list[Record] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)


class Judge:
    """Decides over the records of one pass over one source. Reads the database, writes nothing to it.

    :param source: stored, or not stored yet (without an id)
    :param note: takes each issue that is found
    :param job_id: the job whose pass it is: what it wrote before its worker died is not counted again
    :param refused: told of each record that is refused, and of why
    :ivar counts: what became of the records: names of `model.COUNTS`
    :ivar seen: ids of the rows of records that are at the source
    :ivar overtaken: ids of other sources' records whose datasets are this source's from now on; the caller marks them
    :ivar retry: whether records that were refused are judged again though they are the same
    """

    def __init__(
        self,
        source: Source,
        note: Callable[[Issue], None],
        job_id: str = "",
        refused: Callable[[Record, Sequence[Issue]], None] = lambda record, issues: None,  # noqa: ARG005
    ) -> None:
        self.source, self.source_id, self.note, self.job_id = source, source.id or "", note, job_id
        self._tell_refused = refused
        self.salt = sources.salt(source)
        self.backend: Backend | None = None
        self.retry = False
        self.counts: Counter[str] = Counter()
        self.seen: set[int] = set()
        self.overtaken: list[int] = []
        #: Names that new datasets of this pass have, where they are not in the database (a preview).
        self.names: set[str] = set()
        self._taken_over: set[str] = set()
        self._keys: set[int] = set()
        self._nameless = 0
        self._types: dict[str, set[str]] = {}

    # -- while reading

    def admits(self, record: Record) -> bool:
        """Whether the record can be dealt with: it has an identifier, and is the first with it. Else it is counted and noted."""
        self.counts["seen"] += 1
        wrong = None
        if not record.guid:
            wrong = Issue(NO_GUID, title=short(record.title))
        elif len(record.guid) > GUID_LIMIT:
            wrong = Issue(LONG_GUID, record.guid[:100], short(record.title), values={"limit": str(GUID_LIMIT)})
        if wrong is not None:
            self._nameless += 1
            self.counts["refused"] += 1
            self.note(wrong)
            self._tell_refused(record, [wrong])
            return False
        mark = int(record_key(record.guid)[:15], 16)
        if mark in self._keys:
            self.note(Issue(TWICE, record.guid, short(record.title)))
            return False
        self._keys.add(mark)
        return True

    def compare(self, records: Sequence[Record]) -> Compared:
        """Which of the records have to be judged. The others are counted."""
        keys = [record_key(record.guid) for record in records]
        known = HarvestRecord
        columns = (known.id, known.key, known.hash, known.state, known.job_id, known.refused)
        rows = {
            row.key: row for row in model.Session.execute(sa.select(*columns).where(known.source_id == self.source_id, known.key.in_(keys)))
        }
        self.seen.update(row.id for row in rows.values())
        renamed = self._renamed({record.alias for record, key in zip(records, keys, strict=True) if record.alias and key not in rows})
        duplicates = self._still_duplicates([row.id for row in rows.values() if row.state == "duplicate"])
        found = Compared()
        for record, key in zip(records, keys, strict=True):
            row = rows.get(key)
            if row is None:
                (found.held if record.alias in renamed else found.pending).append(record)
            elif row.hash != sources.state_hash(self.salt, record.hash):
                found.pending.append(record)
            elif row.refused:
                if self.retry or row.refused.get("rules") != self.rules:
                    found.pending.append(record)
                    continue
                self._still_refused(record.guid, record.title, row.refused)
                found.seen.append(row.id)
            elif row.state == "active" or row.id in duplicates:
                # What this same job wrote before its worker died was counted then.
                self.counts["unchanged"] += row.job_id != self.job_id
                found.seen.append(row.id)
            else:
                found.pending.append(record)
        return found

    @cached_property
    def rules(self) -> str:
        """A mark of all that decides over a record besides its source: dataset types and releases. A refusal holds as long as they do."""
        try:
            names = sorted(tk.get_action("scheming_dataset_schema_list")({"ignore_auth": True}, {}))
            schemas = [tk.get_action("scheming_dataset_schema_show")({"ignore_auth": True}, {"type": name}) for name in names]
        except KeyError:
            schemas = []
        parts = [ckan.__version__, metadata.version("ckanext-ogptn"), schemas]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def _still_refused(self, guid: str, title: str, refused: Mapping[str, Any]) -> None:
        self.counts["refused"] += 1
        for each in refused.get("issues") or ():
            known = kind(str(each.get("slug")))
            if known is not None:
                self.note(Issue(known, guid, short(title), str(each.get("field") or ""), dict(each.get("values") or {})))

    def note_refused_unread(self) -> None:
        """After a pass that did not read everything: what was refused and did not change since is refused still, and said to be."""
        rows = model.Session.execute(
            sa.select(HarvestRecord.id, HarvestRecord.guid, HarvestRecord.title, HarvestRecord.refused)
            .where(HarvestRecord.source_id == self.source_id, HarvestRecord.refused != {})
            .order_by(HarvestRecord.id)
        )
        for row in rows:
            if row.id not in self.seen:
                self._still_refused(row.guid, row.title, row.refused)

    def is_something_left_over(self) -> bool:
        """Whether a record waits to be judged again that the source would not name among its changes: one that was restored, whose values
        are to replace what was changed here, or that was refused by rules which are others by now."""
        waits = sa.or_(
            HarvestRecord.hash == "",
            sa.and_(HarvestRecord.refused != {}, HarvestRecord.refused["rules"].astext != self.rules),
        )
        return bool(
            model.Session.scalar(
                sa.select(sa.exists().where(HarvestRecord.source_id == self.source_id, waits, HarvestRecord.state != "removed"))
            )
        )

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
        return {alias: record_id for alias, record_id in found if record_id not in self.seen}

    def find_renamed(self, records: Sequence[Record]) -> dict[str, int]:
        """At the end of a pass: the rows of records with a new guid that had their alias and are not at the source any more.

        :returns: ``{key of the record: id of the row}``
        """
        renamed = self._renamed({record.alias for record in records})
        found: dict[str, int] = {}
        for record in records:
            old = renamed.pop(record.alias, None)
            if old is not None:
                found[record_key(record.guid)] = old
                self.seen.add(old)
        return found

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

    # -- what would be written

    def row_of(self, record: Record) -> HarvestRecord:
        """The row of a record that is not known yet."""
        row = HarvestRecord(source_id=self.source_id, guid=storable(record.guid), key=record_key(record.guid), state="refused")
        row.first_seen, row.refused = now(), {}
        return row

    def judge(self, batch: Sequence[tuple[Record, HarvestRecord]]) -> list[Item]:
        """The datasets to write. What is refused before that, or another source's, is noted and counted, and its row changed.

        :param batch: different records, each with its row
        """
        translated: list[tuple[Record, HarvestRecord, dict[str, Any]]] = []
        for record, row in batch:
            dataset = self._translate(record, row)
            if dataset is not None:
                told, fields = links.read(dataset.pop("links", None)), self._fields_of(dataset.get("type") or self.source.dataset_type)
                row.links = [link for link in told if link["field"] in fields]
                translated.append((record, row, dataset))
        translated = self._settle_conflicts(translated)
        self._find_again([(record, row) for record, row, _dataset in translated if not row.package_id])
        there = self._there([row.package_id for _record, row, _dataset in translated if row.package_id])
        taken = self._taken_names(
            [plan.name_candidate(dataset, record.title) for record, row, dataset in translated if row.package_id not in there]
        )
        return [self._item(record, row, dataset, row.package_id in there, taken) for record, row, dataset in translated]

    def _translate(self, record: Record, row: HarvestRecord) -> dict[str, Any] | None:
        assert self.backend is not None
        try:
            return self.backend.translate(record)
        except RecordError as error:
            self._refuse(record, row, [error.issue(guid=record.guid, title=record.title)])
        except HarvestError:
            raise
        except Exception as error:  # a backend's bug must cost one record, not the job; it is logged with all that is known
            log.exception("record %r of source %s could not be translated", record.guid, self.source_id)
            reason = short(f"{type(error).__name__}: {error}")
            self._refuse(record, row, [Issue(BROKEN, record.guid, short(record.title), values={"reason": reason})])
        return None

    def _refuse(self, record: Record, row: HarvestRecord, issues: Sequence[Issue]) -> None:
        """A dataset that is here stays as it is; its record is refused until it, or the rules, change."""
        self.counts["refused"] += 1
        for issue in issues:
            self.note(issue)
        self._tell_refused(record, issues)
        told = [
            {"slug": issue.slug, "field": storable(issue.field), "values": {name: storable(text) for name, text in issue.values.items()}}
            for issue in issues[:20]
        ]
        row.refused = {"rules": self.rules, "issues": told}
        row.hash = sources.state_hash(self.salt, record.hash)
        if row.state == "missing":
            row.state = "active"
        elif row.state != "active":
            row.state = "refused"
        row.missing_since, row.missed_passes = None, 0

    def _settle_conflicts(
        self, translated: list[tuple[Record, HarvestRecord, dict[str, Any]]]
    ) -> list[tuple[Record, HarvestRecord, dict[str, Any]]]:
        """Leave out what another source has already, or take it over."""
        fresh = [(row, dataset) for _record, row, dataset in translated if not row.package_id or row.state == "duplicate"]
        found = conflicts.find(self.source_id, fresh)
        kept = []
        for record, row, dataset in translated:
            other = found.get(row.key)
            if other is None or other.package_id in self._taken_over:
                if row.state == "duplicate":
                    row.package_id, row.state = None, "refused"
                kept.append((record, row, dataset))
                continue
            values = {"source": short(other.source_title), "title": short(other.title)}
            foreign = other.owner_org != self.source.owner_org
            if not foreign and (self.source.conflict == "this" or other.orphaned):
                self.note(Issue(TAKEN_OVER, record.guid, short(record.title), values=values))
                row.package_id, row.written, row.resources, row.linked = other.package_id, other.written, {}, {}
                # Another record of this source cannot have it too.
                self._taken_over.add(other.package_id)
                self.overtaken.append(other.record_id)
                kept.append((record, row, dataset))
                continue
            self.note(Issue(OF_ANOTHER if foreign else ELSEWHERE, record.guid, short(record.title), values=values))
            self.counts["duplicates"] += 1
            row.state, row.package_id, row.refused = "duplicate", other.package_id, {}
            row.hash = sources.state_hash(self.salt, record.hash)
        return kept

    def _find_again(self, fresh: list[tuple[Record, HarvestRecord]]) -> None:
        """Datasets that were made before what is known of them was lost (a restored backup): their ids tell."""
        wanted = {stable_id(self.source_id, record.guid): row for record, row in fresh}
        if wanted:
            for package_id in model.Session.scalars(sa.select(model.Package.id).where(model.Package.id.in_(wanted))):
                wanted[package_id].package_id = package_id

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
        return exact | self.names

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
            "linked": row.linked or {},
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
        known = {resource["id"]: resource for resource in shown.get("resources") or ()}
        for resource, resource_id in zip(offered, ids, strict=True):
            if resource_id in known:
                resource["id"] = resource_id
                if known[resource_id].get("datastore_active"):
                    # Its table stays, as with `resource_update`; `package_update` would say that there is none.
                    resource["datastore_active"] = True
        dataset["name"] = shown["name"]
        links.with_links(dataset, tag["linked"])
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

    # -- what was said to it

    def conclude(self, outcome: Outcome, row: HarvestRecord) -> None:
        """Count what became of a dataset, and change what is known of its record."""
        tag = outcome.item.tag
        record: Record = tag["record"]
        if outcome.kind == "refused":
            issues = []
            for name, reason in reasons_of(outcome.errors):
                ours = name.startswith("__")
                named = "" if ours else name
                issues.append(Issue(BROKEN if ours else REFUSED, record.guid, short(record.title), named, {"reason": short(reason)}))
            self._refuse(record, row, issues)
            return
        self.counts["back" if tag["back"] else {"created": "added", "updated": "changed", "unchanged": "unchanged"}[outcome.kind]] += 1
        row.package_id, row.state, row.refused = outcome.package_id, "active", {}
        row.missing_since, row.missed_passes = None, 0
        row.hash = sources.state_hash(self.salt, record.hash)
        row.job_id = self.job_id
        row.offered = tag["offered"]
        if outcome.kind != "unchanged":
            row.indexed = False
            tag["written_now"] = True
            marks = plan.marks(outcome.shown)
            for name in tag["offered"]:
                # What was edited here keeps the mark of what the harvester wrote before it: it stays an edit.
                old = (row.written or {}).get(name)
                if old is None:
                    marks.pop(name, None)
                else:
                    marks[name] = old
            row.written = marks
        row.resources = dict(zip(tag["keys"], tag["ids"], strict=True))

    # -- the end of a pass

    def note_present(self, guids: Sequence[str]) -> None:
        """Records that are at the source though they were not read, or not judged here."""
        keys = [record_key(guid) for guid in guids]
        self.seen.update(
            model.Session.scalars(sa.select(HarvestRecord.id).where(HarvestRecord.source_id == self.source_id, HarvestRecord.key.in_(keys)))
        )

    def is_complete(self, cursor: Cursor) -> bool:
        """Whether everything was seen, so that what was not seen is gone. Why not is noted, and added to the cursor's reasons."""
        distinct = len(self._keys) + self._nameless + len(set(cursor.present_guids))
        if cursor.expected is not None and distinct < cursor.expected and set(cursor.reasons) <= {CHANGES_ONLY}:
            self.note(Issue(FEWER, values={"expected": str(cursor.expected), "seen": str(distinct)}))
            cursor.incomplete("fewer-than-announced")
        if distinct == 0 and not cursor.reasons:
            self.note(Issue(EMPTY))
            cursor.incomplete("empty-source")
        if self._nameless:
            cursor.incomplete(NAMELESS)
        return not cursor.reasons


def describe(row: HarvestRecord, record: Record) -> None:
    """Note in its row what the record is like at the source."""
    row.alias = storable(record.alias)[:500]
    row.title = short(storable(record.title))
    row.url = storable(record.url)[:2000]
    row.modified = short(storable(record.modified))
    row.media_type = short(record.media_type)
    row.etag, row.last_modified = short(record.validators.etag), short(record.validators.last_modified)
    row.content = zlib.compress(record.content, 6)
    row.last_seen = now()


def reasons_of(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """CKAN's nested errors as ``(field, sentence)``: ``("resources-0-url", "…")``."""
    if isinstance(errors, dict):
        for name, value in errors.items():
            yield from reasons_of(value, f"{path}-{name}" if path else str(name))
    elif isinstance(errors, list):
        if all(isinstance(each, str) for each in errors):
            yield path, " ".join(errors)
            return
        for place, value in enumerate(errors):
            yield from reasons_of(value, f"{path}-{place}")
    elif errors:
        yield path, str(errors)


def storable(text: str) -> str:
    """A text that PostgreSQL stores: no NUL, no lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


__all__ = ["GUID_LIMIT", "NAMELESS", "Compared", "Judge", "describe", "reasons_of", "storable"]
