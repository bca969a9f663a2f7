"""What a harvest would do, without doing it: nothing is written, to the catalogue or to what is known of the source."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib.plugins import lookup_package_plugin, plugin_validate
from ckan.types import Context

from . import plan, showing
from . import source as sources
from .base import Backend, Cursor, HttpClient, Record
from .model import HarvestRecord, Source, record_key
from .problems import HarvestError, Issue, RecordError, short
from .run import _reasons
from .writer import stable_id

#: Records whose details are listed, of each sort.
LISTED = 100


def look(source: Source, backend: Backend, http: HttpClient, user: str, limit: int | None = 20) -> dict[str, Any]:
    """Read a source and say what would become of its records.

    :param source: stored or not
    :param limit: how many records to read, ``None`` for all
    :returns: ``{"counts": {"seen", "added", "changed", "unchanged", "refused", "missing"}, "complete": bool, "added": [{"guid", "title",
        "dataset"}], "changed": [{"guid", "title", "fields": [{"field", "before", "after"}]}], "refused": [{"guid", "title", "reasons":
        [{"field", "message"}]}], "missing": [titles], "issues": [{"severity", "slug", "guid", "title", "field", "message", "advice"}]}``
    :raises SourceError: the source cannot be read
    """
    looking = _Looking(source, backend, user)
    issues: list[Issue] = []
    backend._reporter = issues.append
    cursor = Cursor()
    complete = True
    batch: list[Record] = []
    with model.Session.no_autoflush:
        for record in backend.records(http, cursor):
            batch.append(record)
            if len(batch) >= 100:
                looking.compare(batch)
                batch = []
            looking.counts["seen"] += 1
            if limit is not None and looking.counts["seen"] >= limit:
                complete = cursor.expected is not None and looking.counts["seen"] >= cursor.expected
                break
        looking.compare(batch)
    if complete and not cursor.reasons and looking.counts["seen"]:
        looking.missing()
    model.Session.rollback()
    return {
        "counts": dict(looking.counts),
        "expected": cursor.expected,
        "complete": complete,
        "added": looking.added,
        "changed": looking.changed,
        "refused": looking.refused,
        "missing": looking.gone,
        "issues": [
            {
                "severity": issue.severity.value,
                "slug": issue.slug,
                "guid": issue.guid,
                "title": issue.title,
                "field": issue.field,
                "message": issue.kind.say(issue.values),
                "advice": issue.kind.advise(issue.values),
            }
            for issue in issues[:LISTED]
        ],
    }


class _Looking:
    def __init__(self, source: Source, backend: Backend, user: str) -> None:
        self.source, self.backend, self.user = source, backend, user
        self.salt = sources.salt(source)
        self.counts: Counter[str] = Counter(dict.fromkeys(("seen", "added", "changed", "unchanged", "refused", "missing"), 0))
        self.added: list[dict[str, Any]] = []
        self.changed: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.gone: list[str] = []
        self.seen: set[int] = set()

    def compare(self, records: list[Record]) -> None:
        rows: dict[str, HarvestRecord] = {}
        if self.source.id:
            query = sa.select(HarvestRecord).where(
                HarvestRecord.source_id == self.source.id, HarvestRecord.key.in_([record_key(record.guid) for record in records])
            )
            rows = {row.key: row for row in model.Session.scalars(query)}
        for record in records:
            row = rows.get(record_key(record.guid))
            if row is not None:
                self.seen.add(row.id)
            if row is not None and row.hash == sources.state_hash(self.salt, record.hash) and row.state in ("active", "duplicate"):
                self.counts["unchanged"] += 1
                continue
            self._one(record, row)

    def _one(self, record: Record, row: HarvestRecord | None) -> None:
        try:
            dataset = self.backend.translate(record)
        except RecordError as error:
            self._refuse(record, [{"field": error.field, "message": error.kind.say(error.values)}])
            return
        except HarvestError:
            raise
        dataset.setdefault("type", self.source.dataset_type)
        dataset["owner_org"] = self.source.owner_org
        dataset.setdefault("source_portal", self.source.title)
        package = model.Session.get(model.Package, row.package_id) if row is not None and row.package_id else None
        shown = showing.as_json(showing.show_many([package])[0][1]) if package is not None else None
        offered = list(dataset.get("resources") or ())
        ids = plan.match_resources(
            package.id if package is not None else stable_id(self.source.id or "", record.guid),
            offered,
            row.resources if row is not None else {},
            (shown or {}).get("resources") or (),
        )
        for resource in offered:
            resource.pop("guid", None)
        if shown is not None:
            dataset["id"], dataset["name"] = shown["id"], shown["name"]
        else:
            dataset["name"] = plan.free_name(plan.name_candidate(dataset, record.title), self._taken(dataset, record))
        errors = self._errors(dataset, package)
        if errors:
            self._refuse(record, [{"field": field, "message": message} for field, message in _reasons(errors)])
            return
        if shown is None:
            self.counts["added"] += 1
            if len(self.added) < LISTED:
                self.added.append({"guid": record.guid, "title": short(record.title), "dataset": dataset})
            return
        self.counts["changed"] += 1
        if len(self.changed) < LISTED:
            kept = plan.edited(row.written or {}, shown) if row is not None else {}
            by_id = [{**resource, "id": resource_id} for resource, resource_id in zip(offered, ids, strict=True)]
            before, after = plan.fields(shown), plan.fields({**dataset, "resources": by_id})
            differing = [
                {"field": name, "before": before.get(name), "after": after.get(name), "kept": name in kept}
                for name in sorted({*before, *after})
                if before.get(name) != after.get(name)
            ]
            self.changed.append({"guid": record.guid, "title": short(record.title), "fields": differing})

    def _taken(self, dataset: dict[str, Any], record: Record) -> set[str]:
        wanted = plan.name_candidate(dataset, record.title)
        name = model.package_table.c["name"]
        return set(model.Session.scalars(sa.select(name).where(name.startswith(wanted[:90], autoescape=True))))

    def _errors(self, dataset: dict[str, Any], package: model.Package | None) -> dict[str, Any]:
        context: Context = {"model": model, "session": model.Session, "user": self.user, "ignore_auth": True}  # pyright: ignore
        plugin = lookup_package_plugin(dataset["type"])
        if package is not None:
            context["package"] = package
            schema, action = plugin.update_package_schema(), "package_update"
        else:
            schema, action = plugin.create_package_schema(), "package_create"
        _data, errors = plugin_validate(plugin, context, {**dataset}, schema, action)
        return errors

    def _refuse(self, record: Record, reasons: list[dict[str, str]]) -> None:
        self.counts["refused"] += 1
        if len(self.refused) < LISTED:
            self.refused.append({"guid": record.guid, "title": short(record.title), "reasons": reasons})

    def missing(self) -> None:
        """What is known and was not seen."""
        if not self.source.id:
            return
        rows = model.Session.execute(
            sa.select(HarvestRecord.id, HarvestRecord.title, HarvestRecord.guid).where(
                HarvestRecord.source_id == self.source.id, HarvestRecord.state == "active"
            )
        )
        gone = [row.title or row.guid for row in rows if row.id not in self.seen]
        self.counts["missing"] = len(gone)
        self.gone = gone[:LISTED]


def check(source: Source) -> dict[str, Any]:
    """Try the connection.

    :returns: ``{"title", "records", "notes"}``
    :raises SourceError: the source cannot be read
    """
    backend = sources.backend_of(source)
    found = backend.check(sources.http_client(source, lambda: None))
    return {"title": found.title, "records": found.records, "notes": list(found.notes)}


__all__ = ["check", "look"]
