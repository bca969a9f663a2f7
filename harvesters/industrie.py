"""The portal of industry, energy and mines (data.industrie.gov.tn, and what the national catalogue took over from it): a CKAN site whose
records say in their titles, notes, keywords and file names what they are about.

Records of energy and mines become ``extractive``, the others stay what they are. What a record says is read by ``reading/`` (pure
functions; words in ``reading/terms.yaml``); this module puts it into the fields of the type and reports what was left to a person.
Nothing is asserted that no text says: each value comes with the rule and the words that it was read from, in the extra ``read_from``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ogptn.catalogue import rules, vocabulary
from ckanext.ogptn.catalogue.rules import RuleError
from ckanext.ogptn.extractive import themes

from .ckan import CkanBackend, CkanOptions
from .engine.base import Cursor, HttpClient, Options, Record, option
from .engine.problems import Kind, Severity
from .foreign import clean, plain
from .reading import record as reading_of
from .reading.record import Reading

# ---------------------------------------------------------------------------------------------------------------------- problems
UNSURE_EXTRACTIVE = Kind(
    "unsure-extractive",
    Severity.WARNING,
    lambda: tk._("The record speaks of energy or mines, yet is no title, contract or table of a substance; it stayed a dataset: {value}"),
    lambda: tk._("Nothing to do if it is one; else change the type of the record here."),
)
UNSURE_SECTOR = Kind(
    "unsure-sector",
    Severity.WARNING,
    lambda: tk._("No text of the record names the substance: {value}"),
    lambda: tk._("Look at the files and check sector and commodities; your choice is kept at the next harvest."),
)
SEVERAL_KINDS = Kind(
    "several-kinds",
    Severity.WARNING,
    lambda: tk._("The record is of several kinds, the first was taken: {value}"),
    lambda: tk._("Choose the kind that fits best; your choice is kept at the next harvest."),
)
UNSURE_TITLE = Kind(
    "unsure-title",
    Severity.WARNING,
    lambda: tk._("The permit or concession could not be told from: {value}"),
    lambda: tk._("Look at the document and add the permit here; what you enter is kept at the next harvest."),
)
OTHER_TITLE_NAME = Kind(
    "other-title-name",
    Severity.WARNING,
    lambda: tk._("Title and description name different permits, both were kept: {value}"),
    lambda: tk._("Look at the document and remove the wrong one; your choice is kept at the next harvest."),
)
UNSURE_PARTY = Kind(
    "unsure-party",
    Severity.WARNING,
    lambda: tk._("“{value}” may be a party of the contract; it was not taken as one."),
    lambda: tk._("Look at the document and add the company here; what you enter is kept at the next harvest."),
)
TRANSFERRED = Kind(
    "transferred-interest",
    Severity.WARNING,
    lambda: tk._("The description tells of a later transfer; the parties are those of the signature: {value}"),
    lambda: tk._("Decide who holds the title today and correct the companies here."),
)
UNSURE_DATE = Kind(
    "unsure-date",
    Severity.WARNING,
    lambda: tk._("A date was seen, but not of what it is the date: {value}"),
    lambda: tk._("Look at the document (it may be the day of registration or of an amendment) and enter the date of signature here."),
)
CONTRADICTING_UNITS = Kind(
    "contradicting-units",
    Severity.WARNING,
    lambda: tk._("The texts of the record name different units: {value}"),
    lambda: tk._("Compare with the table, enter the right unit here, and tell the publisher."),
)
CUT_OFF = Kind(
    "description-cut-off",
    Severity.WARNING,
    lambda: tk._("The source cut the description off, names and dates may be missing: “{value}”"),
    lambda: tk._("Look at the document and complete permits, companies and dates here."),
)
_PROBLEMS = {
    "unsure-extractive": UNSURE_EXTRACTIVE,
    "unsure-sector": UNSURE_SECTOR,
    "several-kinds": SEVERAL_KINDS,
    "unsure-title": UNSURE_TITLE,
    "other-title-name": OTHER_TITLE_NAME,
    "unsure-party": UNSURE_PARTY,
    "transferred": TRANSFERRED,
    "unsure-date": UNSURE_DATE,
    "contradicting-units": CONTRADICTING_UNITS,
    "cut-off": CUT_OFF,
}

#: The requirement of the EITI Standard whose subject a kind of record is, of substances that are extracted.
_REQUIREMENTS = {"contract": "2.4", "amendment": "2.4", "permit": "2.3", "concession": "2.3", "production": "3.2"}
_EXTRACTED = {"oil", "gas", "mining", "quarrying", "salt"}
_EXPORT = re.compile(r"export|تصدير|صادرات", re.IGNORECASE)
#: Descriptions that the portal's form leaves behind.
_NOTHING = {"notspecified", "not specified", "non spécifié"}
_NAMED_FILE = re.compile(r"[^/]+\.\w{2,5}$")


@dataclass(frozen=True)
class IndustrieOptions(CkanOptions):
    """Options of :class:`IndustrieBackend`."""

    only_extractive: bool = option(
        False,
        lambda: tk._("Only records of energy and mines"),
        help=lambda: tk._("For a source whose other records come in by another way. A record left out counts as gone."),
    )
    explain: bool = option(
        True,
        lambda: tk._("Say in each record from which words it was read"),
        help=lambda: tk._("As “read_from” below the record: field, value, rule, and the words of the source."),
    )


class IndustrieBackend(CkanBackend):
    """A CKAN site with records of energy and mines in plain words."""

    name: ClassVar[str] = "industrie"
    # 2: ministries are no substances; Arabic conventions; quarters. 4: single concessions and permits with their contracts, the state of
    # energy, State companies by their names.
    version: ClassVar[int] = 4
    Options: ClassVar[type[Options]] = IndustrieOptions
    options: IndustrieOptions  # type: ignore[assignment] # of its own class

    @classmethod
    def label(cls) -> str:
        return tk._("Industry, energy and mines portal")

    @classmethod
    def description(cls) -> str:
        return tk._("A CKAN site; contracts, permits, production and trade are told from its titles, descriptions and file names.")

    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        """All records; with the option, those of energy and mines only."""
        left_out = 0
        for record in super().records(http, cursor):
            if self.options.only_extractive and isinstance(record.parsed, dict) and not read(record.parsed).extractive:
                left_out += 1
                continue
            yield record
        if left_out and cursor.expected is not None:
            cursor.expect(cursor.expected - left_out)

    def to_dataset(self, record: Record) -> dict[str, Any]:
        data = super().to_dataset(record)
        if {text.strip().casefold() for text in data.get("notes_translated", {}).values()} <= _NOTHING:
            data.pop("notes_translated", None)
        # What `CkanBackend` could read can be read again.
        found = read(record.parsed if isinstance(record.parsed, dict) else json.loads(record.content))
        for slug, field, seen in found.doubts:
            self.report(_PROBLEMS[slug], field=field, value=seen)
        if found.extractive:
            data["type"] = "extractive"
            self._fill(data, found)
        return data

    def _fill(self, data: dict[str, Any], found: Reading) -> None:
        data["record_kind"] = found.kind
        data["sectors"] = found.sectors
        if not data.get("theme") and (filed := themes.of_sectors(found.sectors)):
            data["theme"] = filed
        known = vocabulary.get("commodities")
        if codes := [code for code in found.commodities if known.find(code)]:
            data["commodities"] = codes
        if found.documents:
            data["document_types"] = found.documents
        if rows := [_permit(title) for title in found.permits]:
            data["permits"] = rows
        if rows := [_party(party) for party in found.parties.companies]:
            data["parties"] = rows
        if found.parties.state:
            data["government_entities"] = [{"name": "État tunisien"}]
        data.update(found.dates)
        if found.unit:
            data["unit"] = found.unit
        if found.streams:
            data["revenue_stream"] = found.streams
        self._period(data, found)
        data["disclosure_mode"] = "government"
        requirement = _REQUIREMENTS.get(found.kind)
        if found.kind == "trade" and any(_EXPORT.search(each.quote) for each in found.found.get("record_kind", ())):
            requirement = "3.3"
        if requirement and _EXTRACTED & set(found.sectors):
            data["eiti_requirement"] = [requirement]
        self._aside(data, found)

    def _period(self, data: dict[str, Any], found: Reading) -> None:
        """What the texts say, where the record has no dates of its own."""
        if found.period is None or "temporal_coverage" in data or "temporal_text" in data:
            return
        row = {name: value for name, value in zip(("start", "end"), found.period, strict=True) if value}
        try:
            rules.period(row.get("start"), row.get("end"))
        except RuleError:
            return
        data["temporal_coverage"] = [row]

    def _aside(self, data: dict[str, Any], found: Reading) -> None:
        extras = data.setdefault("extras", [])
        spelled = [f"{title.name}: {', '.join(title.spellings)}" for title in found.permits if title.spellings]
        if spelled:
            extras.append({"key": "original_permits", "value": "; ".join(spelled)[:2_000]})
        if self.options.explain:
            lines = [
                f"{name}: {each.value} ← {each.place} “{each.quote}” ({each.rule})"
                for name, findings in found.found.items()
                for each in dict.fromkeys(_hashable(each) for each in findings)
            ]
            extras.append({"key": "read_from", "value": clean("\n".join(lines))[:20_000]})
        if not extras:
            del data["extras"]


def _hashable(finding: Any) -> Any:
    return (
        finding
        if not isinstance(finding.value, (list, dict))
        else type(finding)(str(finding.value), finding.rule, finding.place, finding.quote)
    )


def _permit(title: Any) -> dict[str, str]:
    row = {"kind": title.kind, "name": title.name[:300], "number": title.number[:100]}
    return {name: value for name, value in row.items() if value}


def _party(party: Any) -> dict[str, str]:
    row = {"company": party.name[:500]}
    if party.operator:
        row["operator"] = "yes"
    return row


def read(remote: dict[str, Any]) -> Reading:
    """What a dataset of a CKAN site says; see `reading.record.read`.

    :param remote: as ``package_show`` or ``package_search`` give it
    """
    organization = remote.get("organization")
    publisher = ""
    if isinstance(organization, dict):
        publisher = _said(organization.get("title")) or _said(organization.get("name"))
    tags = remote.get("tags")
    resources = remote.get("resources")
    return reading_of.read(
        {
            "title": _said(remote.get("title")),
            "name": _said(remote.get("name")),
            "notes": _said(remote.get("notes"))[:20_000],
            "publisher": publisher,
            "tags": [
                _said(tag.get("display_name") or tag.get("name")) if isinstance(tag, dict) else _said(tag)
                for tag in (tags if isinstance(tags, list) else ())
            ][:100],
            "resources": [
                {"name": _said(each.get("name")), "file": _file(each.get("url"))}
                for each in (resources if isinstance(resources, list) else ())
                if isinstance(each, dict) and each.get("state") != "deleted"
            ][:500],
        }
    )


def _said(value: Any) -> str:
    """A text, in the first language that has one."""
    if isinstance(value, dict):
        value = next(
            (value[language] for language in ("fr", "ar", "en", *value) if isinstance(value.get(language), str) and value[language]), ""
        )
    return plain(value)[:20_000]


def _file(value: Any) -> str:
    """The name of the file at an address."""
    if not isinstance(value, str):
        return ""
    try:
        path = urlsplit(value.strip()).path
    except ValueError:
        return ""
    last = unquote(path.rsplit("/", 1)[-1])
    return plain(last)[:300] if _NAMED_FILE.fullmatch(last) else ""
