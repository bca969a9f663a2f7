"""Mizaniatouna, the Finance Ministry's open-budget portal: BOOST workbooks that a list describes, a dataset for each fiscal year.

The portal has no API. Its one published workbook (``/tunisia/template_fr/boost_fr.xlsx``) and those of the World Bank have one row for
each line of expenditure: ``YEAR ADMIN1 ADMIN2 ECON1 Econ2 PROG GEO1`` and the amounts ``OUVERT ORDONNANCE PAYE``, headings with Arabic in
parentheses ("GEO1 (الولاية)"), cells of code and label ("05 Education"), labels in French until 2019 and in Arabic from 2020. Codes stay
with their labels as written; where a heading, a row or an amount is not what it should be, it is counted and reported.

A year whose rows did not change is not touched, although the workbook that holds all years is published anew each year.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import ckan.plugins.toolkit as tk

from ckanext.ogptn.budget.validators import FIRST_YEAR, LAST_YEAR
from ckanext.ogptn.catalogue import rules, vocabulary
from ckanext.ogptn.catalogue import text as t
from ckanext.ogptn.catalogue.rules import RuleError
from ckanext.ogptn.tables.findings import TableError
from ckanext.ogptn.tables.read import Reading, open_table
from ckanext.ogptn.tables.types import exact, row_kind

from . import manifests
from .engine.base import Backend, Cursor, HttpClient, Options, Record, SourceError, Validators, option
from .engine.problems import NOT_EXPECTED, NOT_VALID_RECORD, Kind, RecordError, Severity
from .files import LARGEST, texts_of
from .foreign import Draft, stable_json
from .manifests import Entry, ListOptions, Stated, in_three, refused, saved

# ---------------------------------------------------------------------------------------------------------------------- problems
NO_TABLE = Kind(
    "no-budget-table",
    Severity.ERROR,
    lambda: tk._("{name} has no sheet with the columns {expected}. Its sheets: {found}."),
    lambda: tk._("Open the workbook: the columns may have other names. Name the right sheet in the list (“sheet”)."),
)
NO_YEAR = Kind(
    "rows-without-year",
    Severity.WARNING,
    lambda: tk._("{count} rows have no fiscal year, or are totals, and are in no dataset; the first is row {row}: {value}"),
    lambda: tk._("Nothing to do if they are totals or notes; else ask the publisher for the year."),
)
ODD_PLACES = Kind(
    "unknown-governorate-codes",
    Severity.WARNING,
    lambda: tk._("{count} rows have a place that is no governorate's code: {value}"),
    lambda: tk._("They keep what is written. Ask the publisher what the codes mean."),
)
LEFT_OUT_ROWS = Kind(
    "rows-left-out",
    Severity.WARNING,
    lambda: tk._("{count} rows of {name} have values outside of the columns and are in no dataset; the first is row {row}."),
    lambda: tk._("Show the rows to the publisher."),
)
OTHER_YEARS = Kind(
    "other-years",
    Severity.WARNING,
    lambda: tk._("The list says that {name} covers {expected}; its rows are of {found}."),
    lambda: tk._("Correct the list, or ask the publisher where the years are."),
)
DOCUMENT_FROM_COLUMNS = Kind(
    "document-from-columns",
    Severity.WARNING,
    lambda: tk._("The list does not say what the file is; it has amounts for {value}, so that it was taken as “{name}”."),
    lambda: tk._("Write “law” or “execution” into the list's column “document”, or choose the document here."),
)

# ----------------------------------------------------------------------------------------------------------------------- the form
#: Columns by the code in their heading, and their types in the Fiscal Data Package (1.0-rc.1, taxonomies/fiscal/budgets.json). Cells hold
#: code and label together: what a reader gets is the label's column.
DIMENSIONS = {
    "YEAR": "date:fiscal-year",
    "ADMIN1": "administrative-classification:generic:level1:label",
    "ADMIN2": "administrative-classification:generic:level2:label",
    "ADMIN3": "administrative-classification:generic:level3:label",
    "ECON1": "economic-classification:generic:level1:label",
    "ECON2": "economic-classification:generic:level2:label",
    "ECON3": "economic-classification:generic:level3:label",
    "PROG": "activity:generic:program:label",
    "PROG1": "activity:generic:program:label",
    "PROG2": "activity:generic:subprogram:label",
    "FUNC1": "functional-classification:generic:level1:label",
    "FUNC2": "functional-classification:generic:level2:label",
    "GEO1": "geo-source:target:title",
}
#: Amounts, and the stage of the money (vocabulary ``budget_phases``), in the order of the stages.
MEASURES = {"OUVERT": "approved", "ENGAGE": "committed", "ORDONNANCE": "ordered", "PAYE": "paid"}
#: GEO1 holds ISO 3166-2:TN numbers, and these: not distributed, without a label, interest paid abroad (World Bank, mega-boost, Tunisia).
NO_PLACE = {"00", "98", "99"}
_NOT_APPLICABLE = {t.fold(text) for text in ("لا ينطبق", "n/a", "na", "n.a.", "sans objet", "non applicable")}
_SHEETS = ("BOOST", "Sheet1")
_BINARY = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")

TITLE = {
    "ar": "نفقات ميزانية الدولة، السنة المالية {year} (BOOST)",
    "fr": "Dépenses du budget de l’État, exercice {year} (BOOST)",
    "en": "State budget expenditure, fiscal year {year} (BOOST)",
}
NOTES = {
    "ar": "أسطر السنة المالية {year} من الورقة «{sheet}» من الملف {name}.",
    "fr": "Lignes de l’exercice {year} de la feuille « {sheet} » du classeur {name}.",
    "en": "The rows of fiscal year {year} of the sheet “{sheet}” of the workbook {name}.",
}
RESOURCE = {"ar": "جدول النفقات {year}", "fr": "Table des dépenses {year}", "en": "Table of expenditure {year}"}
COUNTED = {
    "ar": "الورقة «{sheet}»، الأسطر التي عمود {column} فيها {year}: {rows}. المجاميع كما وردت: {sums}.",
    "fr": "Feuille « {sheet} », lignes où {column} vaut {year} : {rows}. Totaux, tels quels : {sums}.",
    "en": "Sheet “{sheet}”, rows where {column} is {year}: {rows}. Totals, as written: {sums}.",
}
PLACELESS = {
    "ar": "أسطر دون ولاية: {places}.",
    "fr": "Lignes sans gouvernorat : {places}.",
    "en": "Rows without a governorate: {places}.",
}
KEYWORDS = {"ar": ["ميزانية الدولة", "نفقات"], "fr": ["budget de l’État", "dépenses"], "en": ["State budget", "expenditure"]}


@dataclass(frozen=True)
class MizaniatounaOptions(ListOptions):
    """Options of :class:`MizaniatounaBackend`."""

    sheet: str = option(
        "",
        lambda: tk._("Sheet with the table"),
        help=lambda: tk._("Empty: “BOOST”, “Sheet1”, else the first one with the columns. The list can name another for each file."),
        maximum=31,
    )


@dataclass
class _Year:
    """What the rows of one fiscal year hold; amounts exactly as the file has them."""

    rows: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    arabic: int = 0
    latin: int = 0
    placeless: Counter[str] = field(default_factory=Counter)
    odd_places: Counter[str] = field(default_factory=Counter)
    odd_amounts: dict[str, list[Any]] = field(default_factory=dict)
    hash: Any = field(default_factory=hashlib.sha256)

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "sums": {code: f"{total:f}" for code, total in self.sums.items()},
            "arabic": self.arabic,
            "latin": self.latin,
            "placeless": dict(self.placeless.most_common(20)),
            "odd_places": dict(self.odd_places.most_common(20)),
            "odd_amounts": self.odd_amounts,
            "digest": self.hash.hexdigest(),
        }


@dataclass
class _Table:
    """A sheet that is a BOOST table.

    :ivar columns: ``[(place, code, heading)]`` of the columns that are known
    :ivar header_row: its number, from 1
    :ivar above: ``[(row, text)]`` of what stands above it
    :ivar yearless: of rows in no year: how many, the first's number and text
    :ivar rejected: how many rows have values outside of the columns, and the number of the first
    """

    sheet: str
    header_row: int
    columns: list[tuple[int, str, str]]
    above: list[tuple[int, str]]
    years: dict[int, _Year] = field(default_factory=dict)
    yearless: list[Any] = field(default_factory=list)
    rejected: tuple[int, int] | None = None

    def place(self, code: str) -> int | None:
        return next((place for place, known, _heading in self.columns if known == code), None)


class MizaniatounaBackend(Backend):
    """Reads BOOST workbooks."""

    name: ClassVar[str] = "mizaniatouna"
    dataset_type: ClassVar[str] = "budget"
    Options: ClassVar[type[Options]] = MizaniatounaOptions
    options: MizaniatounaOptions

    @classmethod
    def label(cls) -> str:
        return tk._("State budget (Mizaniatouna, BOOST)")

    @classmethod
    def description(cls) -> str:
        return tk._("BOOST workbooks, or a list of them; each fiscal year becomes a budget record.")

    # ------------------------------------------------------------------------------------------------------------------- reading
    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        """One record for each workbook and fiscal year; see `Backend`.

        :raises SourceError: neither a list nor a workbook, or none of the workbooks of the list can be read
        """
        known = cursor.state.get("workbooks", {})
        cursor.state["workbooks"] = {}
        read = 0
        failed: SourceError | None = None
        listed = self._entries(http, cursor)
        for entry in listed:
            try:
                for record in self._workbook(http, cursor, entry, known.get(entry.identifier, {})):
                    read += 1
                    yield record
            except SourceError as error:
                failed = failed or error
                self.report(error.kind, title=entry.name, **error.values)
                # Its years are there, though they were not seen.
                cursor.incomplete(error.slug)
        if failed is not None and not cursor.state["workbooks"]:
            raise failed

    def _entries(self, http: HttpClient, cursor: Cursor) -> list[Entry]:
        base = self.source.url
        if self.options.files:
            return manifests.entries(self, self.options.files.encode(), "", base, cursor)
        with http.stream(base) as stream:
            start = stream.read(8)
            if start.startswith(_BINARY):
                return manifests.entries(self, json.dumps([base]).encode(), "", base, cursor)
            content = start + stream.read(LARGEST)
            if content.lstrip().startswith(b"<"):
                raise SourceError(NOT_EXPECTED, url=stream.url, found="HTML", expected="CSV, JSON, YAML, XLSX")
            return manifests.entries(self, content, stream.url, stream.url, cursor)

    def _workbook(self, http: HttpClient, cursor: Cursor, entry: Entry, known: dict[str, Any]) -> Iterator[Record]:
        same = known if known.get("entry") == entry.digest else {}
        validators = Validators(same.get("etag", ""), same.get("last_modified", ""))
        with http.stream(entry.url, validators=validators or None) as stream:
            if stream.not_modified:
                for guid in same["guids"]:
                    cursor.present(guid)
                cursor.state["workbooks"][entry.identifier] = same
                return
            with saved(stream) as path, refused(entry):
                table = self._table(path, entry)
        guids = []
        for year, found in sorted(table.years.items()):
            guid = _guid(entry, year)
            guids.append(guid)
            told = {
                "entry": entry.as_dict(),
                "year": year,
                "sheet": table.sheet,
                "header_row": table.header_row,
                "columns": [[code, heading] for _place, code, heading in table.columns],
                "above": table.above,
                **found.as_dict(),
            }
            yield Record(guid=guid, content=stable_json(told), title=f"{entry.name} {year}", url=entry.url, parsed=told)
        if table.yearless:
            count, row, value = table.yearless
            self.report(NO_YEAR, title=entry.name, count=count, row=row, value=value)
        if table.rejected:
            count, row = table.rejected
            self.report(LEFT_OUT_ROWS, title=entry.name, name=entry.name, count=count, row=row)
        wanted = manifests.years_of(entry.told["years"]) if "years" in entry.told else None
        if "years" in entry.told and wanted is None:
            self.report(manifests.BAD_YEARS, title=entry.name, value=entry.told["years"])
        elif wanted is not None and wanted != sorted(table.years):
            self.report(OTHER_YEARS, title=entry.name, name=entry.name, expected=_years(wanted), found=_years(sorted(table.years)))
        cursor.state["workbooks"][entry.identifier] = {
            "entry": entry.digest,
            "etag": stream.validators.etag,
            "last_modified": stream.validators.last_modified,
            "guids": guids,
        }

    def _table(self, path: Path, entry: Entry) -> _Table:
        wanted = str(entry.told.get("sheet") or self.options.sheet or "").strip()
        listed = manifests.years_of(entry.told.get("years", ""))
        tried: list[str] = []
        for sheet in _sheets(path, entry, wanted):
            try:
                with open_table(path, filename=entry.name, sheet=sheet or None) as reading:
                    table = _find_table(reading, listed)
            except TableError as error:
                if error.finding.slug != "no-table":
                    raise
                table = None
            if table is not None:
                return table
            tried.append(sheet or entry.name)
        raise SourceError(NO_TABLE, name=entry.name, expected=f"YEAR, {' / '.join(MEASURES)}", found=", ".join(tried) or "∅")

    # --------------------------------------------------------------------------------------------------------------- translating
    def to_dataset(self, record: Record) -> dict[str, Any]:
        try:
            found = record.parsed if isinstance(record.parsed, dict) else json.loads(record.content)
        except ValueError as error:
            raise RecordError(NOT_VALID_RECORD, reason=str(error)[:150]) from None
        entry, year = Entry.of(found["entry"]), found["year"]
        draft = Draft(self, record)
        draft.title(_titles(entry, year))
        said = {"year": year, "sheet": found["sheet"], "name": entry.name}
        notes = in_three(NOTES, **said)
        if found["placeless"]:
            places = "; ".join(f"{place} ({count})" for place, count in found["placeless"].items())
            notes = {language: f"{text}\n\n{PLACELESS[language].format(places=places)}" for language, text in notes.items()}
        described = draft.texts("notes", texts_of(entry.told, "description"), rich=True, limit=90_000)
        draft.notes({language: "\n\n".join(filter(None, (described.get(language), text))) for language, text in notes.items()})
        manifests.describe(draft, self, entry, self.options)
        draft.keywords((word, language) for language, words in KEYWORDS.items() for word in words)
        data = draft.data
        data["type"] = self.dataset_type
        data["fiscal_years"] = [str(year)]
        phases = [phase for code, phase in MEASURES.items() if code in found["sums"]]
        data["phases"] = phases
        data["direction"] = ["expenditure"]
        self._document(draft, entry, phases)
        data["classification"] = "boost"
        data["administrative_level"] = "state"
        data["source_system"] = "BOOST"
        data["governorates"] = ["TN"]
        data["theme"] = ["GOVE", "ECON"]
        data["conforms_to"] = ["https://specs.frictionlessdata.io/fiscal-data-package/"]
        data.setdefault("frequency", "ANNUAL")
        data["language"] = [code for code, count in (("ARA", found["arabic"]), ("FRA", found["latin"])) if count] or ["FRA"]
        draft.period(str(year), str(year))
        draft.text("identifier", record.guid)
        above = [Stated(f"{entry.name} › {found['sheet']} › {row}", text) for row, text in found["above"]]
        headings = [
            Stated(f"{entry.name} › {found['sheet']} › {found['header_row']}", heading)
            for code, heading in found["columns"]
            if code in MEASURES
        ]
        manifests.unit(draft, self, entry, [*above, *headings])
        self._resource(draft, entry, found)
        for name, (count, row, value) in found["odd_amounts"].items():
            self.report(manifests.ODD_AMOUNTS, field="resources-0", name=name, count=count, row=row, value=value)
        if found["odd_places"]:
            places = found["odd_places"]
            self.report(ODD_PLACES, field="resources-0", count=sum(places.values()), value="; ".join(places))
        return draft.finish()

    def _document(self, draft: Draft, entry: Entry, phases: Sequence[str]) -> None:
        written = entry.told.get("document")
        code = manifests.document_of(written)
        if code is None:
            if written:
                self.report(manifests.UNKNOWN_TERM, field="document_type", value=written, name=tk._("the budget document"))
                draft.aside("document", written)
            code = "year_end" if {"ordered", "paid"} & set(phases) else "enacted"
            name = vocabulary.get("budget_documents").terms[code].label
            labels = vocabulary.get("budget_phases").terms
            spoken = t.pick(name, self.source.language)
            said = ", ".join(t.pick(labels[phase].label, self.source.language) for phase in phases)
            self.report(DOCUMENT_FROM_COLUMNS, field="document_type", value=said, name=spoken)
        draft.data["document_type"] = code

    def _resource(self, draft: Draft, entry: Entry, found: dict[str, Any]) -> None:
        year, headings = found["year"], dict(found["columns"])
        sums = "; ".join(f"{headings[code]} {total}" for code, total in found["sums"].items())
        said = {"sheet": found["sheet"], "column": headings.get("YEAR", "YEAR"), "year": year, "rows": found["rows"], "sums": sums}
        resource = draft.resource(
            url=entry.url,
            names=_pairs(in_three(RESOURCE, year=year)),
            descriptions=_pairs(in_three(COUNTED, **said)),
            formats=[entry.told.get("format"), entry.name.rsplit(".", 1)[-1]],
            guid=_guid(entry, year),
        )
        resource["temporal_start"], resource["temporal_end"] = f"{year}-01-01", f"{year}-12-31"
        if "YEAR" in headings:
            resource["table_rows"] = f"{found['sheet']} › {headings['YEAR']} = {year}"
        resource["table_version"] = found["digest"][:16]
        resource["columns"] = [
            {"name": heading, "column_type": DIMENSIONS[code]} if code in DIMENSIONS
            else {"name": heading, "column_type": "value", "phase": MEASURES[code]}
            for code, heading in found["columns"]
            if code in DIMENSIONS or code in found["sums"]
        ]  # fmt: skip


def _guid(entry: Entry, year: int) -> str:
    """The identity of a year of a workbook, and of its table."""
    return f"{entry.identifier}:{year}"


# ---------------------------------------------------------------------------------------------------------------------- workbooks
def _sheets(path: Path, entry: Entry, wanted: str) -> list[str]:
    """The sheets that may hold the table, likely ones first; ``[""]`` for files without sheets.

    :raises TableError: the file cannot be read
    """
    if wanted:
        return [wanted]
    try:
        with open_table(path, filename=entry.name) as reading:
            names, largest = reading.sheets, reading.sheet
    except TableError as error:
        if error.finding.slug != "no-table":
            raise
        return []
    first = [name for likely in _SHEETS for name in names if name.casefold() == likely.casefold()]
    return list(dict.fromkeys([*first, largest, *names]))


def code_of(heading: object) -> str | None:
    """The column that a heading stands for: ``"GEO1 (الولاية)"`` is ``GEO1``, ``"Econ2"`` is ``ECON2``.

    :returns: None for a heading that is none of BOOST's
    """
    if not isinstance(heading, str):
        return None
    # What stands in parentheses is the translation; where the whole heading is Arabic, the code is there.
    for part in (re.sub(r"\([^)]*\)", " ", heading), heading):
        for word in re.findall(r"[A-Za-z]+[0-9]*", t.latin(part)):
            if word.upper() in DIMENSIONS or word.upper() in MEASURES:
                return word.upper()
    return None


def _find_table(reading: Reading, listed: list[int] | None) -> _Table | None:
    codes: dict[str, tuple[int, str, str]] = {}
    for place, column in enumerate(reading.columns):
        code = code_of(column.label)
        if code and code not in codes and len(column.label) < 100:
            codes[code] = (place, code, column.label)
    has_year = "YEAR" in codes or (listed is not None and len(listed) == 1)
    if not (has_year and codes.keys() & MEASURES.keys() and codes.keys() & DIMENSIONS.keys()):
        return None
    header = reading.layout.header[-1] if reading.layout.header else 0
    table = _Table(reading.sheet or reading.file, header, sorted(codes.values()), [(row, text[:300]) for row, text in reading.titles])
    _read(table, reading, listed)
    return table


def _read(table: _Table, reading: Reading, listed: list[int] | None) -> None:
    year_at, place_at = table.place("YEAR"), table.place("GEO1")
    amounts = [(place, code, heading) for place, code, heading in table.columns if code in MEASURES]
    labels = [place for place, code, _heading in table.columns if code not in MEASURES and code != "YEAR"]
    for number, row in reading.rows():
        cells = [_text(cell) for cell in row]
        if year_at is not None:
            year = _fiscal_year(row[year_at])
        else:
            year = listed[0] if listed and any(cells[place] for place in labels) else None
        # A total with a year would be counted twice.
        if year is None or row_kind([cells[place] for place in labels]) == "total":
            if table.yearless:
                table.yearless[0] += 1
            else:
                table.yearless = [1, number, " | ".join(filter(None, cells))[:200]]
            continue
        found = table.years.setdefault(year, _Year())
        found.rows += 1
        found.hash.update("\x1f".join(cells).rstrip("\x1f").encode("utf-8", "surrogatepass") + b"\x1e")
        for place, code, heading in amounts:
            if cells[place]:
                amount = _amount(row[place])
                if amount is not None:
                    found.sums[code] = found.sums.get(code, Decimal(0)) + amount
                else:
                    odd = found.odd_amounts.setdefault(heading, [0, number, cells[place][:100]])
                    odd[0] += 1
        for place in labels:
            if t.is_arabic(cells[place]):
                found.arabic += 1
            elif any(character.isalpha() for character in cells[place]):
                found.latin += 1
        if place_at is not None:
            _count_place(found, cells[place_at])
    if reading.rejections:
        table.rejected = (reading.rejections, reading.rejected[0][0])


def _count_place(found: _Year, text: str) -> None:
    code = re.match(r"\d+", t.western_digits(text))
    if not text or t.fold(text) in _NOT_APPLICABLE or (code and code[0].zfill(2) in NO_PLACE):
        found.placeless[text[:100] or "∅"] += 1
    elif not code or f"TN-{code[0]}" not in vocabulary.get("governorates").terms:
        found.odd_places[text[:100]] += 1


def _text(cell: Any) -> str:
    """A cell as text, the same whichever way the workbook stores it: 2018 and 2018.0 are one."""
    if cell is None or isinstance(cell, bool):
        return "" if cell is None else str(cell)
    if isinstance(cell, float):
        return exact(cell).removesuffix(".0")
    if isinstance(cell, (dt.date, dt.datetime)):
        return cell.isoformat()
    return " ".join(str(cell).split())


def _fiscal_year(cell: Any) -> int | None:
    text = t.western_digits(_text(cell))
    return int(text) if re.fullmatch(r"\d{4}", text) and FIRST_YEAR <= int(text) <= LAST_YEAR else None


def _amount(cell: Any) -> Decimal | None:
    """Exactly what the cell shows: a number of a workbook is a double, whose shortest decimal form is what was typed."""
    if isinstance(cell, (bool, dt.date, dt.timedelta)):
        return None
    if isinstance(cell, (int, float)):
        return Decimal(exact(cell))
    try:
        return rules.number(cell)
    except RuleError:
        return None


def _years(years: Sequence[int]) -> str:
    """``2009–2012, 2014``."""
    parts: list[str] = []
    for year in years:
        if parts and year - 1 == int(parts[-1].rsplit("–", 1)[-1]):
            parts[-1] = f"{parts[-1].split('–', 1)[0]}–{year}"
        else:
            parts.append(str(year))
    return ", ".join(parts) or "∅"


# -------------------------------------------------------------------------------------------------------------------------- texts
def _titles(entry: Entry, year: int) -> list[tuple[str, str]]:
    told = [(str(text), language) for text, language in texts_of(entry.told, "title") if str(text).strip()]
    if not told:
        return _pairs(in_three(TITLE, year=year))
    return [(text.replace("{year}", str(year)) if "{year}" in text else f"{text} – {year}", language) for text, language in told]


def _pairs(texts: dict[str, str]) -> list[tuple[str, str]]:
    return [(text, language) for language, text in texts.items()]
