"""The portal's first content, read from the YAML files beside this module and turned into what the action API takes.

The YAML is written for people: one title in three languages, a deadline as the report gives it, related records by name. Here it becomes
the fields of ``scheming_schemas/*.yaml``. Nothing here talks to CKAN, so the content can be checked without a site.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
FILES = HERE / "files"
LANGUAGES = ("ar", "fr", "en")
# libyaml's loader, where PyYAML was built with it, reads these files ten times faster.
_YAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PLAN = "nap1"
MARKER_COLUMN = "donnees_synthetiques"

Translated = dict[str, str]


class SeedError(Exception):
    """A seed file says something that cannot be loaded; the message names the file, the record and the field."""


@dataclass(frozen=True)
class Upload:
    """A file of ``seed/files`` that a record carries.

    :ivar name: the file's name in ``seed/files``
    :ivar metadata: the resource's own fields, for the action API
    :ivar types: DataStore type of each column that is not text: ``{"YEAR": "integer", "PAYE": "numeric"}``
    """

    name: str
    metadata: dict[str, Any]
    types: dict[str, str]

    @property
    def path(self) -> Path:
        return FILES / self.name

    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def rows(self) -> Iterator[dict[str, str | None]]:
        """Rows with every value as text (PostgreSQL makes exact numbers of it); an empty cell is ``None``."""
        with self.path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                yield {column: value or None for column, value in row.items()}

    def fields(self) -> list[dict[str, str]]:
        """Columns for ``datastore_create``: ``[{"id": "YEAR", "type": "integer"}, …]``, in the file's order."""
        with self.path.open(encoding="utf-8", newline="") as stream:
            header = next(csv.reader(stream))
        return [{"id": column, "type": self.types.get(column, "text")} for column in header]


@dataclass(frozen=True)
class Record:
    """One organisation or dataset of the seed.

    :ivar kind: ``organisation``, ``commitment`` or ``dataset`` (of any other dataset type)
    :ivar data: fields for ``organization_create`` or ``package_create``; other records are named, not identified
    :ivar uploads: files to attach after the dataset exists
    :ivar synthetic: the numbers are invented
    """

    kind: str
    name: str
    data: dict[str, Any]
    uploads: list[Upload] = field(default_factory=list)
    synthetic: bool = False


def organisations() -> list[Record]:
    """Organisations, parents before their children.

    :raises SeedError: a title lacks a language or a parent is not an earlier record
    """
    records: list[Record] = []
    seen: set[str] = set()
    for entry in _read("organisations.yaml")["organisations"]:
        where = f"organisations.yaml, {entry['name']}"
        if (parent := entry.get("parent")) and parent not in seen:
            raise SeedError(f"{where}, parent: “{parent}” is not an organisation listed before it")
        seen.add(entry["name"])
        data = {
            "name": entry["name"],
            "title_translated": _translated(where, "title", entry["title"]),
            "description_translated": _translated(where, "description", entry["description"]),
            "kind": entry.get("kind"),
            "parent": parent,
            "site_url": entry.get("homepage"),
        }
        records.append(Record("organisation", entry["name"], _filled(data)))
    return records


def commitments() -> list[Record]:
    """The 21 forms of the first action plan as ``commitment`` datasets, in the report's order.

    :raises SeedError: a text lacks a language, or the lists of parties differ in length between languages
    """
    content = _read("commitments.yaml")
    keywords = _keywords()
    records: list[Record] = []
    for entry in content["commitments"]:
        where = f"commitments.yaml, {entry['name']}"

        def text(key: str, value: Any = None, where: str = where, entry: dict[str, Any] = entry) -> Translated | None:
            found = entry.get(key) if value is None else value
            return None if found is None else _translated(where, key, found)

        report = {
            "period_start": content["report"]["period_start"],
            "period_end": content["report"]["period_end"],
            "completion_level": entry["level"],
            "done": text("done"),
            "obstacles": text("obstacles", content["obstacles"][entry["obstacles"]]) if "obstacles" in entry else None,
            "evidence": entry.get("evidence"),
        }
        data = {
            "type": "commitment",
            "name": entry["name"],
            "plan": PLAN,
            "commitment_number": str(entry["number"]),
            "commitment_part": entry.get("part"),
            "ogp_identifier": entry.get("ogp_identifier"),
            "axis": entry["axis"],
            "title_translated": text("title"),
            "notes_translated": _joined(text("summary"), text("note")),
            "tags_translated": _tags(where, entry["keywords"], keywords),
            "owner_org": entry["owner"],
            "responsible_unit": text("unit"),
            "responsible_role": text("role"),
            "other_parties": _parties(where, entry.get("others"), entry.get("civil_society", [])),
            "legal_basis": [
                _filled({"kind": basis["kind"], "reference": text("legal_basis", basis["reference"])})
                for basis in entry.get("legal_basis", [])
            ],
            "starts_on": entry.get("starts_on"),
            "due_on": entry["due_on"],
            "deadline_text": entry.get("deadline_text"),
            "policy_areas": entry["policy_areas"],
            "progress_reports": [_filled(report)],
            "irm_coding": entry.get("irm_coding"),
            "related_datasets": entry.get("related"),
            **content["common"],
            "provenance": text("provenance", content["provenance"]),
        }
        records.append(Record("commitment", entry["name"], _filled(data)))
    return records


def datasets() -> list[Record]:
    """Demonstration datasets: records of real documents, and synthetic tables that say so in title, description, keywords and file.

    :raises SeedError: a text lacks a language, a file is missing, or a synthetic file does not carry the marker in each row
    """
    content = _read("datasets.yaml")
    keywords = _keywords()
    records: list[Record] = []
    for entry in content["datasets"]:
        where = f"datasets.yaml, {entry['name']}"
        synthetic = bool(entry.get("synthetic"))
        title = _translated(where, "title", entry["title"])
        notes = _translated(where, "notes", entry["notes"])
        words = list(entry["keywords"])
        if synthetic:
            title = {lang: f"{title[lang]} – {content['markers'][lang]}" for lang in LANGUAGES}
            notes = {lang: f"{content['warning'][lang]}\n\n{notes[lang]}" for lang in LANGUAGES}
            words.append("demo")
        data = {
            "type": entry["type"],
            "name": entry["name"],
            "title_translated": title,
            "notes_translated": notes,
            "tags_translated": _tags(where, words, keywords),
            "owner_org": entry["owner"],
            **content["common"],
            **entry["fields"],
            "resources": [
                {
                    "url": resource["url"],
                    "name_translated": _translated(where, "resource name", resource["name"]),
                    "format": resource["format"],
                }
                for resource in entry["resources"]
                if "url" in resource
            ],
        }
        uploads = [_upload(where, resource, synthetic, content["markers"]) for resource in entry["resources"] if "file" in resource]
        records.append(Record("dataset", entry["name"], _filled(data), uploads, synthetic))
    return records


def sources() -> list[dict[str, Any]]:
    """Harvest sources of the demonstration, as `sources.yaml` lists them: the fields of ``ogptn_harvest_source_create``, with ``key``,
    ``owner`` (an organisation's name) and ``path`` (below the sample server's address).

    :raises SeedError: an entry lacks one of them, or two have one key
    """
    found: list[dict[str, Any]] = []
    for entry in _read("sources.yaml")["sources"]:
        missing = [name for name in ("key", "title", "backend", "path", "owner", "language") if not entry.get(name)]
        if missing:
            raise SeedError(f"sources.yaml, {entry.get('key')}: no {', '.join(missing)}")
        if entry["key"] in {other["key"] for other in found}:
            raise SeedError(f"sources.yaml: two sources are called {entry['key']}")
        found.append(entry)
    return found


def _upload(where: str, resource: dict[str, Any], synthetic: bool, markers: Translated) -> Upload:
    name = _translated(where, "resource name", resource["name"])
    if synthetic:
        name = {lang: f"{name[lang]} – {markers[lang]}" for lang in LANGUAGES}
    metadata = {"name_translated": name, "format": "CSV", "columns": resource.get("columns")}
    types = dict.fromkeys(resource.get("integer", []), "integer") | dict.fromkeys(resource.get("numeric", []), "numeric")
    upload = Upload(resource["file"], _filled(metadata), types)
    if not upload.path.is_file():
        raise SeedError(f"{where}, resources: there is no file seed/files/{upload.name}")
    columns = {column["id"] for column in upload.fields()}
    declared = {*types, *(column["name"] for column in resource.get("columns", []))}
    if unknown := declared - columns:
        raise SeedError(f"{where}, resources: {upload.name} has no column {', '.join(sorted(unknown))}")
    if synthetic:
        for number, row in enumerate(upload.rows(), start=2):
            said = row.get(MARKER_COLUMN) or ""
            if not all(marker in said for marker in markers.values()):
                raise SeedError(
                    f"{where}, resources: line {number} of {upload.name} does not say in “{MARKER_COLUMN}” that it is synthetic"
                )
    return upload


def _parties(where: str, others: Translated | None, civil_society: list[int]) -> list[dict[str, Any]]:
    if others is None:
        return []
    # A semicolon separates the parties: Arabic has its own, French puts a space before it.
    lists = {
        lang: [name.strip()[:1].upper() + name.strip()[1:] for name in value.replace("؛", ";").split(";")]
        for lang, value in _translated(where, "others", others).items()
    }
    if len({len(names) for names in lists.values()}) > 1:
        raise SeedError(f"{where}, others: the languages do not list the same number of parties")
    kinds = ("civil_society" if index in civil_society else "public_body" for index in range(len(lists["ar"])))
    return [{"name_translated": {lang: lists[lang][index] for lang in LANGUAGES}, "kind": kind} for index, kind in enumerate(kinds)]


def _joined(first: Translated | None, second: Translated | None) -> Translated | None:
    if first is None or second is None:
        return first
    return {lang: f"{first[lang]}\n\n{second[lang]}" for lang in LANGUAGES}


def _tags(where: str, words: list[str], keywords: dict[str, Translated]) -> dict[str, list[str]]:
    if unknown := [word for word in words if word not in keywords]:
        raise SeedError(f"{where}, keywords: {', '.join(unknown)} is not in keywords.yaml")
    return {lang: [keywords[word][lang] for word in words] for lang in LANGUAGES}


def _keywords() -> dict[str, Translated]:
    found = _read("keywords.yaml")["keywords"]
    return {word: _translated("keywords.yaml", word, texts) for word, texts in found.items()}


def _translated(where: str, key: str, value: dict[str, Any]) -> Translated:
    missing = [lang for lang in LANGUAGES if not str(value.get(lang) or "").strip()]
    if missing:
        raise SeedError(f"{where}, {key}: no text in {', '.join(missing)}")
    return {lang: str(value[lang]).strip() for lang in LANGUAGES}


def _filled(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value not in (None, "", [], {})}


def _read(name: str) -> dict[str, Any]:
    try:
        return yaml.load((HERE / name).read_text(encoding="utf-8"), _YAML)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        raise SeedError(f"{name} is not valid YAML: {error}") from error
