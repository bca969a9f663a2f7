"""Municipal budgets of ADEB (Aide à la Décision Budgétaire): its XML exports and the CSV files that openbaladiati.tn makes of them.

XML is in Windows-1256, with the roots ``AREPLFTMUN`` (the year's budget), ``AREPMLFMUN`` (an amendment of it) or monthly figures
(``CF_DATE`` and ``NET_REALISE`` of revenue, ``CF_MOIS`` in Arabic and ``CONPAY`` of expenditure). The root of the monthly export is in no
public source: any root is read whose rows have these elements. Each change of a budget is exported anew
with a higher ``NUM``: the highest of a year counts. CSV has a line for each heading (``Titre,Article,Paragraphe,Sous_paragraphe,
Imputation``) and amounts by year below each other, beside each other, or by month; the ``.xls`` twin is the same text. Source of both:
Onshor/ODMunicipalityTools, ``municipal_app/project/budget``.

Amounts are whole millimes in every form: the publisher's metadata says so ("L'unité est en Millime Tunisien"). A municipality is told by
its five-digit code.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import ckan.plugins.toolkit as tk

from ckanext.ogptn.budget.validators import FIRST_YEAR, LAST_YEAR
from ckanext.ogptn.catalogue import rules
from ckanext.ogptn.catalogue import text as t
from ckanext.ogptn.catalogue.rules import RuleError
from ckanext.ogptn.tables.read import Reading, open_table
from ckanext.ogptn.tables.types import is_total

from . import manifests
from .engine.base import Backend, Cursor, HttpClient, Options, Record, SourceError, Validators
from .engine.problems import NOT_EXPECTED, NOT_VALID_RECORD, Kind, RecordError, Severity
from .files import LARGEST, links_of, texts_of
from .foreign import Draft, plain, stable_json
from .manifests import Entry, ListOptions, in_three, refused, saved

# ---------------------------------------------------------------------------------------------------------------------- problems
NOT_ADEB = Kind(
    "not-municipal-budget",
    Severity.ERROR,
    lambda: tk._("{name} is no municipal budget: its columns are {found}."),
    lambda: tk._("Open the file: it may be of another system. Leave it out of the list."),
)
OTHER_DIRECTION = Kind(
    "title-contradicts-file",
    Severity.WARNING,
    lambda: tk._("The title “{title}” speaks of {said}, the file {name} holds {found}; what the file holds counts."),
    lambda: tk._("Tell the publisher: title or link is wrong."),
)
UNFILLED = Kind(
    "unfilled-blank",
    Severity.WARNING,
    lambda: tk._("“{value}” has a blank that the publisher never filled."),
    lambda: tk._("Correct the text here, or tell the publisher."),
)
NO_MUNICIPALITY = Kind(
    "unknown-municipality",
    Severity.WARNING,
    lambda: tk._("Neither the list nor {name} names the municipality by its five-digit code."),
    lambda: tk._("Write the code into the list's column “municipality”, or enter it here."),
)
NOT_WHOLE = Kind(
    "amounts-not-in-millimes",
    Severity.WARNING,
    lambda: tk._("{name} has amounts with decimals (row {row}: {value}), which millimes have not; the unit stays empty."),
    lambda: tk._("Ask the publisher in which unit the amounts are."),
)
OLDER = Kind(
    "older-version",
    Severity.WARNING,
    lambda: tk._("{name} is version {value} of a budget that the source has in version {found}; it was left out."),
    lambda: tk._("Nothing to do: the latest version of a year counts."),
)

# ----------------------------------------------------------------------------------------------------------------------- the form
_LEVELS = [f"economic-classification:generic:level{level}:code" for level in range(1, 5)]
_LABEL = "economic-classification:generic:level4:label"
#: Columns by name, folded, and their types in the Fiscal Data Package.
TYPES = {
    **dict(zip(("REC_TITRES", "REC_ARTICL", "REC_PARAGR", "REC_SPARAG"), _LEVELS, strict=True)),
    **dict(zip(("TIT_TITRES", "ART_ARTICL", "PAR_PARAGR", "SPA_SPARAG"), _LEVELS, strict=True)),
    **dict(zip(("TITRE", "ARTICLE", "PARAGRAPHE", "SOUS_PARAGRAPHE"), _LEVELS, strict=True)),
    "LIBPAR": _LABEL,
    "LIBSPA": _LABEL,
    "IMPUTATION": _LABEL,
    "GESTION": "date:fiscal-year",
    "YEAR": "date:fiscal-year",
    "MUNICI": "administrative-classification:generic:level1:label",
    "MUN": "administrative-classification:generic:level1:label",
}
#: Amounts: direction and whether they are voted or executed.
AMOUNTS = {
    "LRC_MNTAC1": ("revenue", "law"),
    "LAR_MNTAC2": ("expenditure", "law"),
    "NET_REALISE": ("revenue", "execution"),
    "CONPAY": ("expenditure", "execution"),
}
_UNIT_SOURCE = "ADEB des municipalités, métadonnées : « L'unité est en Millime Tunisien »"
_REVENUE = re.compile(r"recettes?|revenus?|موارد|مداخيل|مقابيض", re.IGNORECASE)
_EXPENDITURE = re.compile(r"d[eé]pen[sc]es?|نفقات|مصاريف", re.IGNORECASE)
_CODE = re.compile(r"(?<!\d)(\d{5})(?!\d)")
_BLANK = re.compile(r"\bYYYY\b|\bAAAA\b|\{\{?\s*\w+\s*\}?\}")
_ENDINGS = {"xml", "csv", "xls"}

WORDS = {
    "revenue": {"ar": "موارد", "fr": "recettes", "en": "revenue"},
    "expenditure": {"ar": "نفقات", "fr": "dépenses", "en": "expenditure"},
}
TITLE = {
    "law": {
        "ar": "ميزانية البلدية {code}، {years}",
        "fr": "Budget de la commune {code}, {years}",
        "en": "Budget of the municipality {code}, {years}",
    },
    "execution": {
        "ar": "التنفيذ الشهري لميزانية البلدية {code}، {years}",
        "fr": "Exécution mensuelle du budget de la commune {code}, {years}",
        "en": "Monthly execution of the budget of the municipality {code}, {years}",
    },
}
TABLE = {
    "ar": "{direction} {years}",
    "fr": "Table des {direction} {years}",
    "en": "Table of {direction}, {years}",
}
COUNTED = {
    "ar": "عدد الأسطر: {rows}. المجاميع بالمليم حسب السنة كما وردت: {sums}.{version}",
    "fr": "Lignes : {rows}. Totaux par exercice, tels quels : {sums}.{version}",
    "en": "Rows: {rows}. Totals by fiscal year, as written: {sums}.{version}",
}
VERSION = {"ar": " النسخة {number}.", "fr": " Version {number}.", "en": " Version {number}."}


@dataclass
class _File:
    """What a file holds.

    :ivar kind: ``law`` or ``execution``
    :ivar sums: amounts by direction and fiscal year, exactly
    :ivar version: ``NUM`` of the export; 0 for files that have none
    """

    entry: Entry
    xml: bool = False
    kind: str = "law"
    amended: bool = False
    code: str = ""
    municipality: str = ""
    version: int = 0
    rows: int = 0
    sums: dict[str, dict[int, Decimal]] = field(default_factory=dict)
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    odd: list[Any] = field(default_factory=list)
    unreadable: list[Any] = field(default_factory=list)
    digest: str = ""

    @property
    def years(self) -> list[int]:
        return sorted({year for sums in self.sums.values() for year in sums})

    def as_dict(self) -> dict[str, Any]:
        sums = {direction: {str(year): f"{total:f}" for year, total in sorted(of.items())} for direction, of in self.sums.items()}
        return {**vars(self), "entry": self.entry.as_dict(), "sums": sums}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> _File:
        sums = {direction: {int(year): Decimal(total) for year, total in of.items()} for direction, of in found["sums"].items()}
        return cls(**{**found, "entry": Entry.of(found["entry"]), "sums": sums})


@dataclass(frozen=True)
class AdebOptions(ListOptions):
    """Options of :class:`AdebBackend`."""


class AdebBackend(Backend):
    """Reads municipal budgets."""

    name: ClassVar[str] = "adeb"
    dataset_type: ClassVar[str] = "budget"
    Options: ClassVar[type[Options]] = AdebOptions
    options: AdebOptions

    @classmethod
    def label(cls) -> str:
        return tk._("Municipal budgets (ADEB)")

    @classmethod
    def description(cls) -> str:
        return tk._("ADEB's XML exports and their CSV forms: one file, a web folder, or a list of files.")

    # ------------------------------------------------------------------------------------------------------------------- reading
    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        """One record for each municipality, kind and (of XML) fiscal year; see `Backend`.

        :raises SourceError: neither a list, a folder nor a file, or none of the files can be read
        """
        known: dict[str, Any] = cursor.state.get("files", {})
        cursor.state["files"] = {}
        found: list[_File] = []
        failed: SourceError | None = None
        for entry in self._entries(http, cursor):
            try:
                # Files belong together, so that one that did not change is needed with those that did: what it holds is remembered.
                found.append(self._file(http, cursor, entry, known.get(entry.url, {})))
            except SourceError as error:
                failed = failed or error
                self.report(error.kind, title=entry.name, **error.values)
                cursor.incomplete(error.slug)
        if failed is not None and not found:
            raise failed
        if len(json.dumps(cursor.state)) > 90_000:
            # More files than the engine keeps notes of: each pass reads them all.
            cursor.state["files"] = {}
        groups = self._groups(found)
        cursor.expect(len(groups))
        for guid, files in groups.items():
            told = {"files": [file.as_dict() for file in files]}
            yield Record(guid=guid, content=stable_json(told), title=files[0].entry.name, url=files[0].entry.url, parsed=told)

    def _entries(self, http: HttpClient, cursor: Cursor) -> list[Entry]:
        base = self.source.url
        if self.options.files:
            return manifests.entries(self, self.options.files.encode(), "", base, cursor)
        with http.stream(base) as stream:
            content = stream.read(LARGEST)
            url = stream.url
        start = content[:2_000].lstrip().lower()
        if start.startswith((b"<?xml", b"<arep")) or b"imputation" in start.split(b"\n")[0]:
            return manifests.entries(self, json.dumps([base]).encode(), "", base, cursor)
        if start.startswith(b"<"):
            listed = [link for link, _beside in links_of(content, url) if link.rsplit(".", 1)[-1].lower() in _ENDINGS]
            if not listed:
                raise SourceError(NOT_EXPECTED, url=url, found="HTML", expected="XML, CSV")
            return manifests.entries(self, json.dumps(sorted(set(listed))).encode(), "", url, cursor)
        return manifests.entries(self, content, url, url, cursor)

    def _file(self, http: HttpClient, cursor: Cursor, entry: Entry, known: dict[str, Any]) -> _File:
        same = known if known.get("entry") == entry.digest else {}
        with http.stream(entry.url, validators=Validators(same.get("etag", ""), same.get("last_modified", "")) or None) as stream:
            if stream.not_modified:
                cursor.state["files"][entry.url] = same
                return _File.of(same["file"])
            with saved(stream) as path, refused(entry):
                found = _read(path, entry)
        cursor.state["files"][entry.url] = {
            "entry": entry.digest,
            "etag": stream.validators.etag,
            "last_modified": stream.validators.last_modified,
            "file": found.as_dict(),
        }
        return found

    def _groups(self, found: Sequence[_File]) -> dict[str, list[_File]]:
        """Files that are one dataset; of the versions of a budget the latest."""
        latest: dict[tuple[Any, ...], _File] = {}
        for file in found:
            whose = file.code or file.entry.identifier
            key = (
                whose,
                file.kind,
                tuple(file.years) if file.xml else "csv",
                tuple(sorted(file.sums)),
                None if file.xml else file.entry.url,
            )
            other = latest.get(key)
            if other is not None:
                older, newer = sorted((file, other), key=lambda each: (each.version, each.entry.url))
                self.report(OLDER, title=older.entry.name, name=older.entry.name, value=older.version, found=newer.version)
                latest[key] = newer
            else:
                latest[key] = file
        groups: dict[str, list[_File]] = {}
        for (whose, kind, years, *_rest), file in sorted(latest.items(), key=lambda item: item[1].entry.url):
            of = "csv" if years == "csv" else "-".join(map(str, years))
            groups.setdefault(f"{whose}:{kind}:{of}", []).append(file)
        return groups

    # --------------------------------------------------------------------------------------------------------------- translating
    def to_dataset(self, record: Record) -> dict[str, Any]:
        try:
            told = record.parsed if isinstance(record.parsed, dict) else json.loads(record.content)
        except ValueError as error:
            raise RecordError(NOT_VALID_RECORD, reason=str(error)[:150]) from None
        files = [_File.of(found) for found in told["files"]]
        first = files[0]
        entry = first.entry
        draft = Draft(self, record)
        data = draft.data
        years = sorted({year for file in files for year in file.years})
        said = {"code": first.municipality or first.code or entry.name, "years": _span(years)}
        draft.title(in_three(TITLE[first.kind], **said))
        draft.notes(self._notes(draft, files))
        manifests.describe(draft, self, entry, self.options)
        data["type"] = self.dataset_type
        data["fiscal_years"] = [str(year) for year in years]
        data["phases"] = sorted({_phase(file) for file in files}, key=["approved", "revised", "paid"].index)
        data["direction"] = [direction for direction in ("expenditure", "revenue") if any(direction in file.sums for file in files)]
        data["document_type"] = manifests.document_of(entry.told.get("document")) or ("enacted" if first.kind == "law" else "in_year")
        data["classification"] = "generic"
        data["administrative_level"] = "municipality"
        if first.code:
            data["administrative_code"] = first.code
        else:
            self.report(NO_MUNICIPALITY, field="administrative_code", name=entry.name)
        data["source_system"] = "ADEB-COLLECTIVITES"
        data["theme"] = ["GOVE", "ECON"]
        data["conforms_to"] = ["https://specs.frictionlessdata.io/fiscal-data-package/"]
        data.setdefault("frequency", "ANNUAL" if first.kind == "law" else "MONTHLY")
        draft.period(str(years[0]), str(years[-1]))
        draft.text("identifier", record.guid)
        self._unit(draft, files)
        for file in files:
            self._resource(draft, file)
        return draft.finish()

    def _notes(self, draft: Draft, files: Sequence[_File]) -> dict[str, str]:
        notes: dict[str, list[str]] = {}
        for file in files:
            for text, language in texts_of(file.entry.told, "description"):
                for of, written in draft.texts("notes", [(text, language)], rich=True, limit=20_000).items():
                    if written not in notes.setdefault(of, []):
                        notes[of].append(written)
                if _BLANK.search(str(text)):
                    self.report(UNFILLED, field="notes", value=str(text))
        return {language: "\n\n".join(texts) for language, texts in notes.items()}

    def _unit(self, draft: Draft, files: Sequence[_File]) -> None:
        odd = next((file for file in files if file.odd), None)
        if odd is not None:
            row, value = odd.odd
            self.report(NOT_WHOLE, field="unit_multiplier", name=odd.entry.name, row=row, value=value)
            return
        documented = manifests.Stated(_UNIT_SOURCE, "(en millimes)")
        manifests.unit(draft, self, files[0].entry, [documented])
        if draft.data.get("unit_source", "").startswith(_UNIT_SOURCE):
            draft.data["unit_source"] = _UNIT_SOURCE

    def _resource(self, draft: Draft, file: _File) -> None:
        entry = file.entry
        position = len(draft.data["resources"])
        directions = [direction for direction in ("revenue", "expenditure") if direction in file.sums]
        titles = texts_of(entry.told, "file_title") or texts_of(entry.told, "title")
        for text, _language in titles:
            told = {name for name, pattern in (("revenue", _REVENUE), ("expenditure", _EXPENDITURE)) if pattern.search(str(text))}
            if len(told) == 1 and not told & set(directions):
                words = {name: t.pick(WORDS[name], self.source.language) for name in ("revenue", "expenditure")}
                where = f"resources-{position}-name"
                self.report(
                    OTHER_DIRECTION, field=where, title=str(text), said=words[told.pop()], name=entry.name, found=words[directions[0]]
                )  # fmt: skip
                titles = []
            if _BLANK.search(str(text)):
                self.report(UNFILLED, field=f"resources-{position}-name", value=str(text))
        named = {
            language: text.format(direction=" / ".join(WORDS[direction][language] for direction in directions), years=_span(file.years))
            for language, text in TABLE.items()
        }
        sums = "; ".join(f"{year}: {total:f}" for direction in directions for year, total in sorted(file.sums[direction].items()))
        version = {language: text.format(number=file.version) if file.version else "" for language, text in VERSION.items()}
        described = {language: text.format(rows=file.rows, sums=sums, version=version[language]) for language, text in COUNTED.items()}
        resource = draft.resource(
            url=entry.url,
            names=titles or [(text, language) for language, text in named.items()],
            descriptions=[(text, language) for language, text in described.items()],
            formats=[entry.told.get("format"), "XML" if file.xml else "CSV"],
            guid=entry.identifier,
        )
        if file.unreadable:
            count, row, value = file.unreadable
            self.report(manifests.ODD_AMOUNTS, field=f"resources-{position}", name=entry.name, count=count, row=row, value=value)
        resource["table_version"] = file.digest[:16]
        resource["temporal_start"], resource["temporal_end"] = f"{file.years[0]}-01-01", f"{file.years[-1]}-12-31"
        resource["columns"] = [
            {"name": label, "column_type": kind, **({"phase": phase} if phase else {})} for label, kind, phase in file.columns
        ]


def _phase(file: _File) -> str:
    return "paid" if file.kind == "execution" else "revised" if file.amended else "approved"


def _span(years: Sequence[int]) -> str:
    return str(years[0]) if len(years) == 1 else f"{years[0]}–{years[-1]}"


# -------------------------------------------------------------------------------------------------------------------------- files
def _read(path: Path, entry: Entry) -> _File:
    """What a file holds.

    :raises SourceError: it is no municipal budget
    :raises TableError: it cannot be read
    """
    with open_table(path, filename=entry.name) as reading:
        found = _File(entry, xml=reading.detected.kind == "xml")
        with path.open("rb") as file:
            found.amended = b"AREPMLFMUN" in file.read(2_000)
        labels = {column.label.rsplit("/", 1)[-1].lstrip("@").upper(): place for place, column in enumerate(reading.columns)}
        amounts = _amount_columns(labels, reading, found, entry)
        if not amounts:
            raise SourceError(NOT_ADEB, name=entry.name, found=", ".join(reading.header)[:300] or "∅")
        digest = hashlib.sha256()
        year_at = next((labels[name] for name in ("GESTION", "YEAR", "CF_DATE", "CF_MOIS") if name in labels), None)
        whose = next((labels[name] for name in ("MUNICI", "MUN") if name in labels), None)
        for number, cells in reading.rows():
            texts = [plain(cell) for cell in cells]
            digest.update("\x1f".join(texts).encode("utf-8", "surrogatepass") + b"\x1e")
            if any(is_total(text) for text in texts[:5] if text):
                continue
            found.rows += 1
            if whose is not None and texts[whose]:
                found.municipality = texts[whose][:200]
            if "NUM" in labels and texts[labels["NUM"]].isdigit():
                found.version = max(found.version, int(texts[labels["NUM"]]))
            for place, direction, year in amounts:
                if not texts[place]:
                    continue
                of = year or (_year_in(texts[year_at]) if year_at is not None else None)
                amount = _amount(texts[place])
                if of is None or amount is None:
                    found.unreadable = (
                        [found.unreadable[0] + 1, *found.unreadable[1:]] if found.unreadable else [1, number, texts[place][:100]]
                    )
                    continue
                if amount != amount.to_integral_value() and not found.odd:
                    found.odd = [number, texts[place][:50]]
                sums = found.sums.setdefault(direction, {})
                sums[of] = sums.get(of, Decimal(0)) + amount
        found.digest = digest.hexdigest()
        if not found.years:
            raise SourceError(NOT_ADEB, name=entry.name, found=", ".join(reading.header)[:300] or "∅")
    for text in (plain(entry.told.get("municipality")), entry.name, found.municipality):
        if code := _CODE.search(t.western_digits(text)):
            found.code = code[1]
            break
    return found


def _amount_columns(labels: Mapping[str, int], reading: Reading, found: _File, entry: Entry) -> list[tuple[int, str, int | None]]:
    """Columns of amounts with direction and, where the heading says it, the fiscal year; describes all columns on the way."""
    amounts: list[tuple[int, str, int | None]] = []
    by_place = {place: name for name, place in labels.items()}
    direction = _direction(entry)
    for place, column in enumerate(reading.columns):
        name = by_place.get(place, "")
        if name in AMOUNTS:
            of, found.kind = AMOUNTS[name]
            amounts.append((place, of, None))
            found.columns.append((column.label, "value", _phase(found)))
        elif name in TYPES:
            found.columns.append((column.label, TYPES[name], ""))
        elif "IMPUTATION" in labels and (
            match := re.fullmatch(r"(?:BUDGET_?)?(?:(\d{1,2})_)?((?:19|20)\d\d)?|BUDGET", t.western_digits(name))
        ):
            if not direction:
                continue
            year = int(match[2]) if match[2] else None
            if match[1]:
                # Monthly files have the year's budget too: what was executed is counted, what was voted is described.
                found.kind = "execution"
            found.columns.append((column.label, "value", "paid" if match[1] else "approved"))
            amounts.append((place, direction, year))
    if found.kind == "execution" and not found.xml:
        monthly = re.compile(r"BUDGET_?\d{1,2}_\d{4}")
        amounts = [each for each in amounts if monthly.fullmatch(t.western_digits(by_place[each[0]]))]
    return amounts


def _direction(entry: Entry) -> str:
    """What a CSV file holds, which only its name says, or the list; ``""`` if nobody does. A title is often that of the other file."""
    stated = t.fold(plain(entry.told.get("direction")))
    if stated in ("recettes", "recette", "revenue", "depenses", "depense", "expenditure"):
        return "revenue" if stated[:2] == "re" else "expenditure"
    titles = [str(text) for name in ("file_title", "title") for text, _language in texts_of(entry.told, name)]
    for text in (entry.name, *titles):
        said = [name for name, pattern in (("revenue", _REVENUE), ("expenditure", _EXPENDITURE)) if pattern.search(text)]
        if len(said) == 1:
            return said[0]
    return ""


def _year_in(text: str) -> int | None:
    """The fiscal year of ``2018``, ``2018/05`` or ``ماي 2018``."""
    found = re.search(r"(?<!\d)(\d{4})(?!\d)", t.western_digits(text))
    return int(found[1]) if found and FIRST_YEAR <= int(found[1]) <= LAST_YEAR else None


def _amount(text: str) -> Decimal | None:
    try:
        return rules.number(text)
    except RuleError:
        return None
