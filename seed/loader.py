"""Puts the first content into a site through the action API, as the site's own user, as often as one likes.

What is already there belongs to people. Each dataset keeps, in its private plugin data (never in public answers), the values that the seed
last gave it. A later run compares three values field by field: the seed's last value, the seed's value today, and the dataset's:

- the seed has not changed: nothing is written, whatever people did to the dataset;
- the seed has changed and the dataset still holds the seed's last value: the new value is written;
- the seed has changed and the dataset holds something else: a person edited the field; theirs stays, and the run says so.

A dataset of the same name without that note was made by somebody else and is left alone; so is one that was deleted, and a commitment that
somebody entered under another name. Organisations have no private data: they are created when missing and then belong to their
administrators.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context
from werkzeug.datastructures import FileStorage

from . import records
from .records import Record, SeedError, Upload

NOTE = "ogptn_seed"
# Fields that name other records: the seed gives names, CKAN stores ids.
DATASET_LINKS = ("related_datasets", "related_records", "related_commitments")
# What the note remembers of a file, beside the resource's own fields.
FILE_KEYS = ("file", "sha256")
Progress = Callable[[str], None]


@dataclass
class Report:
    """What a run did: names of records by outcome, and one message for each record that could not be loaded."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def summary(self) -> str:
        counts = {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "kept as people left them": self.kept,
            "tables filled": self.tables,
            "failed": self.errors,
        }
        return ", ".join(f"{len(names)} {outcome}" for outcome, names in counts.items() if names) or "nothing to load"


def load(progress: Progress | None = None, demo: bool = False) -> Report:
    """Load organisations and the first action plan; with ``demo`` also the demonstration datasets.

    A record that CKAN refuses is reported and the run goes on with the next one. A record is written whole or not at all: a dataset with
    files stays a draft, invisible, until its files are in, and the next run finishes it.

    :param progress: called with one line of text as work advances, such as ``"commitments 12/21"``
    :param demo: also load the demonstration datasets and the links of commitments to them
    :returns: what was done; the run succeeded when ``errors`` is empty
    :raises SeedError: a seed file itself is not usable
    """
    return _Loader(progress or _silent).run(demo)


def _silent(_line: str) -> None:
    pass


class _Loader:
    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.report = Report()
        self.user: str = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
        self.datastore = p.plugin_loaded("datastore")
        self.organisation_ids: dict[str, str] = {}
        self.dataset_ids: dict[str, str] = {}

    def run(self, demo: bool) -> Report:
        organisations, commitments = records.organisations(), records.commitments()
        datasets = records.datasets()
        self._step("organisations", organisations, self._organisation)
        if demo:
            self._step("datasets", datasets, self._dataset)
        else:
            # A commitment may already be linked to demonstration datasets: without their ids the links would look withdrawn.
            for record in datasets:
                self._stored(record.name)
        self._step("commitments", commitments, self._dataset)
        return self.report

    def _step(self, title: str, step: list[Record], write: Callable[[Record], None]) -> None:
        for number, record in enumerate(step, start=1):
            try:
                write(record)
            except tk.ValidationError as error:
                self.report.errors += [f"{record.kind} {record.name}: {line}" for line in _lines(error.error_dict)]
            except SeedError as error:
                self.report.errors.append(f"{record.kind} {record.name}: {error}")
            if number % 5 == 0 or number == len(step):
                self.progress(f"{title} {number}/{len(step)}")

    def _context(self, **more: Any) -> Context:
        context: dict[str, Any] = {"user": self.user, "auth_user_obj": model.User.by_name(self.user), **more}
        return context  # pyright: ignore[reportReturnType]

    # ------------------------------------------------------------------ organisations

    def _organisation(self, record: Record) -> None:
        found = model.Group.get(record.name)
        if found is not None:
            self.organisation_ids[record.name] = found.id
            self.report.unchanged.append(record.name)
            return
        data = dict(record.data)
        if "parent" in data:
            data["parent"] = self._organisation_id("parent", data["parent"])
        self.organisation_ids[record.name] = tk.get_action("organization_create")(self._context(), data)["id"]
        self.report.created.append(record.name)

    def _organisation_id(self, key: str, name: str) -> str:
        if name not in self.organisation_ids:
            raise SeedError(f"{key}: there is no organisation “{name}”")
        return self.organisation_ids[name]

    # ------------------------------------------------------------------ datasets

    def _dataset(self, record: Record) -> None:
        wanted = self._resolved(record)
        stored = self._stored(record.name)
        if stored is None:
            if twin := _twin(record):
                self.report.kept.append(f"{record.name} (the same commitment is there already: {twin})")
            else:
                self._create(record, wanted)
            return
        note = (stored.get("plugin_data") or {}).get(NOTE)
        if note is None or stored["state"] == "deleted":
            self.report.kept.append(record.name)
            return
        if stored["state"] == "draft" and note.get("unfinished"):
            self._finish(record, wanted, stored)
            self.report.created.append(record.name)
            return
        replaced = self._update(record, wanted, note["values"], stored)
        if record.uploads:
            self._tables(record, stored, replaced)

    def _stored(self, name: str) -> dict[str, Any] | None:
        package = model.Package.get(name)
        if package is None:
            return None
        self.dataset_ids[name] = package.id
        return tk.get_action("package_show")(self._context(use_cache=False), {"id": package.id, "include_plugin_data": True})

    def _resolved(self, record: Record) -> dict[str, Any]:
        """The record's fields with ids for names; files described after the linked resources; links to absent datasets left out."""
        data = dict(record.data)
        data["owner_org"] = self._organisation_id("owner_org", data["owner_org"])
        for key in DATASET_LINKS:
            if key in data:
                data[key] = [self.dataset_ids[name] for name in data[key] if name in self.dataset_ids]
                if not data[key]:
                    del data[key]
        data["resources"] = data.get("resources", []) + [
            {**upload.metadata, "file": upload.name, "sha256": upload.digest()} for upload in record.uploads
        ]
        return data

    def _create(self, record: Record, wanted: dict[str, Any]) -> None:
        data = {
            **wanted,
            "resources": record.data.get("resources", []),
            "state": "draft" if record.uploads else "active",
            "plugin_data": _note(wanted, unfinished=bool(record.uploads)),
        }
        created = tk.get_action("package_create")(self._context(), data)
        self.dataset_ids[record.name] = created["id"]
        if record.uploads:
            self._finish(record, wanted, created)
        self.report.created.append(record.name)

    def _finish(self, record: Record, wanted: dict[str, Any], stored: dict[str, Any]) -> None:
        """Give a draft its files and make it public, in one write."""
        resources = list(record.data.get("resources", []))
        for upload in record.uploads:
            resources.append({**upload.metadata, **_sent(upload)})
            if self.datastore:
                # Said here, or datastore_create would write the dataset once more to say it; whether the table exists is looked up.
                resources[-1]["datastore_active"] = True
        finished = tk.get_action("package_patch")(
            self._context(), {"id": stored["id"], "state": "active", "resources": resources, "plugin_data": _note(wanted)}
        )
        self._tables(record, finished)
        tk.get_action("package_create_default_resource_views")(
            self._context(), {"package": finished, "create_datastore_views": self.datastore}
        )

    def _update(self, record: Record, wanted: dict[str, Any], before: dict[str, Any], stored: dict[str, Any]) -> set[str]:
        """Write what the seed changed and nobody edited. Returns the names of files that were sent again."""
        replaced: set[str] = set()
        changed = [key for key in {**before, **wanted} if not _same(before.get(key), wanted.get(key))]
        edited = [key for key in changed if not _holds(stored.get(key), before.get(key))]
        free = [key for key in changed if key not in edited]
        if free:
            patch = {key: wanted.get(key, _emptied(before[key]) if key in before else None) for key in free}
            if "resources" in free:
                patch["resources"], replaced = _resources(record, wanted["resources"], before.get("resources", []), stored["resources"])
            values = {**before, **{key: wanted[key] for key in free if key in wanted}}
            for key in free:
                if key not in wanted:
                    values.pop(key, None)
            tk.get_action("package_patch")(self._context(), {"id": stored["id"], **patch, "plugin_data": _note(values)})
            self.report.updated.append(record.name)
        if edited:
            self.report.kept.append(f"{record.name} ({', '.join(sorted(edited))})")
        elif not free:
            self.report.unchanged.append(record.name)
        return replaced

    # ------------------------------------------------------------------ tables

    def _tables(self, record: Record, dataset: dict[str, Any], replaced: AbstractSet[str] = frozenset()) -> None:
        """Fill the table of each upload that has none or whose file is new; a person's own file at the same place is not ours to load."""
        if not self.datastore:
            return
        ours = {_file_name(resource): resource["id"] for resource in dataset["resources"] if resource.get("url_type") == "upload"}
        for upload in record.uploads:
            resource_id = ours.get(upload.name)
            if resource_id is None:
                continue
            if self._has_table(resource_id):
                if upload.name not in replaced:
                    continue
                tk.get_action("datastore_delete")(self._context(), {"resource_id": resource_id, "force": True})
            table = {"resource_id": resource_id, "fields": upload.fields(), "records": list(upload.rows()), "force": True}
            tk.get_action("datastore_create")(self._context(), table)
            self.report.tables.append(upload.name)

    def _has_table(self, resource_id: str) -> bool:
        try:
            tk.get_action("datastore_search")(self._context(), {"resource_id": resource_id, "limit": 0, "include_total": False})
        except tk.ObjectNotFound:
            return False
        return True


def _twin(record: Record) -> str | None:
    """The name under which somebody else entered or imported this commitment: plan, number and part tell commitments apart, not names."""
    if record.kind != "commitment":
        return None
    extras = model.Package.extras
    others = model.Session.query(model.Package.name, extras).filter(
        model.Package.type == "commitment", model.Package.state == "active", extras["plan"].astext == record.data["plan"]
    )
    key = (record.data["commitment_number"], record.data.get("commitment_part", ""))
    return next((name for name, other in others if (other.get("commitment_number"), other.get("commitment_part", "")) == key), None)


def _note(values: dict[str, Any], unfinished: bool = False) -> dict[str, Any]:
    note: dict[str, Any] = {"values": values}
    if unfinished:
        note["unfinished"] = True
    return {NOTE: note}


def _sent(upload: Upload) -> dict[str, Any]:
    return {"url": upload.name, "upload": FileStorage(io.BytesIO(upload.path.read_bytes()), upload.name)}


def _file_name(resource: dict[str, Any]) -> str:
    return str(resource.get("url") or "").rsplit("/", 1)[-1]


def _resources(
    record: Record, wanted: list[dict[str, Any]], before: list[dict[str, Any]], stored: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], set[str]]:
    """Today's resources on top of the stored ones (same place, same id), and the names of the files whose bytes changed."""
    files = {upload.name: upload for upload in record.uploads}
    result: list[dict[str, Any]] = []
    replaced: set[str] = set()
    for place, resource in enumerate(wanted):
        kept = dict(stored[place]) if place < len(stored) else {}
        new = {**kept, **{key: value for key, value in resource.items() if key not in FILE_KEYS}}
        if "file" in resource and (place >= len(before) or before[place].get("sha256") != resource["sha256"]):
            new |= _sent(files[resource["file"]])
            replaced.add(resource["file"])
        result.append(new)
    return result, replaced


def _canonical(value: Any) -> Any:
    """One form for values that CKAN stores and returns in different ways: text for numbers, nothing for what is empty."""
    if isinstance(value, dict):
        cleaned = {key: _canonical(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item is not None} or None
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value] or None
    if value is None or value == "":
        return None
    return str(value)


def _same(one: Any, other: Any) -> bool:
    return json.dumps(_canonical(one), sort_keys=True) == json.dumps(_canonical(other), sort_keys=True)


def _holds(stored: Any, given: Any) -> bool:
    """Whether a stored field still is what the seed gave. CKAN adds keys to rows (ids, sizes …): only the seed's own keys count there."""
    if isinstance(given, list) and given and all(isinstance(item, dict) for item in given) and isinstance(stored, list):
        return len(stored) == len(given) and all(_holds_row(row, item) for row, item in zip(stored, given, strict=True))
    return _same(stored, given)


def _holds_row(stored: dict[str, Any], given: dict[str, Any]) -> bool:
    own = {key: value for key, value in given.items() if key not in FILE_KEYS}
    file_stays = "file" not in given or _file_name(stored) == given["file"]
    return file_stays and all(_same(stored.get(key), value) for key, value in own.items())


def _emptied(value: Any) -> Any:
    return type(value)() if isinstance(value, dict | list) else ""


def _lines(errors: dict[str, Any], path: str = "") -> Iterator[str]:
    """One “field: message” for each error, with the row of a repeating group: ``progress_reports 1 period_end: Missing value``."""
    for key, value in errors.items():
        name = f"{path} {key}".strip()
        if isinstance(value, dict):
            yield from _lines(value, name)
            continue
        for place, item in enumerate(value if isinstance(value, list) else [value], start=1):
            if isinstance(item, dict):
                yield from _lines(item, f"{name} {place}")
            else:
                yield f"{name}: {item}"
