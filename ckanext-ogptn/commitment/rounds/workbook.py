"""A round as an Excel workbook, out and in.

The sheets are found by the keys in their hidden first row, never by their titles or the places of their columns: both may be changed by
whoever fills them in. What comes back is a stranger's file: nothing in it is calculated, followed or believed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import ckan.plugins.toolkit as tk
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, MergedCell
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation

from ...catalogue import rules, vocabulary
from ...catalogue import text as t
from ...catalogue.config import reader_language
from ...catalogue.rules import RuleError, short
from .. import office

#: Bytes. A round of twenty commitments has sixty thousand.
LIMIT_FILE = 5_000_000
LIMIT_UNPACKED = 40 * 1024 * 1024
LIMIT_PART = 20 * 1024 * 1024
#: Tags of one sheet's XML: each cell becomes an object of some hundred bytes.
LIMIT_TAGS = 500_000
LIMIT_ROWS, LIMIT_COLUMNS = 5_000, 60
#: Characters of one cell (Excel's own limit); openpyxl cuts longer text off without a word.
LIMIT_CELL = 32_767
_LONGEST, _LONGEST_COMMENT = 50_000, 5_000

_META, _MARK, _FORMAT = "ogptn", "ogptn-round", "1"
_FIRST = 3
_FILL = PatternFill("solid", fgColor="FFF7E0")
_HEAD = PatternFill("solid", fgColor="E3EEF1")
_PERCENT = str.maketrans("", "", "%٪ \u00a0\u202f")


class WorkbookError(ValueError):
    """The file cannot be read as a round's workbook.

    :ivar slug: why
    """

    def __init__(self, slug: str, **details: Any) -> None:
        super().__init__(slug)
        self.slug, self.details = slug, details

    def __str__(self) -> str:
        return _refusals()[self.slug].format(**self.details)


def _refusals() -> dict[str, str]:
    _ = tk._
    return {
        "empty": _("Choose the workbook that you filled in."),
        "too-large": _("The file is too large: at most {limit} are read. Copy what you wrote into a fresh download."),
        "encrypted": _("The workbook is protected by a password. Save it without one and send it again."),
        "old": _("This is an old Excel workbook (.xls). Save it as .xlsx and send it again."),
        "macros": _("The workbook holds macros, which are never accepted. Save it as .xlsx without macros and send it again."),
        "bomb": _("The workbook unfolds to more than any round needs. It was not read. Copy what you wrote into a fresh download."),
        "entities": _("The workbook declares entities, which Excel never does. It was not read."),
        "not-workbook": _("This is not an Excel workbook (.xlsx). Send the workbook that you downloaded here and filled in."),
        "damaged": _("The workbook is damaged and cannot be read. Open it, save it again and send that copy."),
        "not-round": _("This is not the workbook of a reporting round. Download it from the round’s page, fill that one in and send it."),
        "other-round": _("This workbook belongs to another reporting round. Send it on that round’s page."),
        "sheet-missing": _("The sheet of the reports is missing. Copy what you wrote into a fresh download."),
        "sheet-twice": _("The sheet “{sheet}” is there twice. Delete the copy."),
    }


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    :ivar key: how it is known, in the hidden row
    :ivar kind: ``key`` hidden, ``shown`` for reading, or what is filled in: ``level``, ``text``, ``comment``, ``url``, ``percent``, ``yes``
    :ivar width: in characters
    """

    key: str
    kind: str
    width: int = 12
    language: str = ""

    @property
    def filled_in(self) -> bool:
        return self.kind not in ("key", "shown")


def _texts(name: str) -> list[Column]:
    return [Column(f"report.{name}-{code}", "text", 42, code) for code in t.LANGUAGES]


REPORTS = (
    Column("report.item", "key"),
    Column("report.version", "key"),
    Column("report.base", "key"),
    Column("report.kept", "key"),
    Column("report.number", "shown", 9),
    Column("report.title", "shown", 38),
    Column("report.agency", "shown", 26),
    Column("report.state", "shown", 16),
    Column("report.completion_level", "level", 16),
    *_texts("done"),
    *_texts("obstacles"),
    Column("report.evidence", "url", 34),
    Column("report.comment", "comment", 30),
    Column("report.send", "yes", 12),
)
MILESTONES = (
    Column("milestone.item", "key"),
    Column("milestone.place", "key"),
    Column("milestone.number", "shown", 9),
    Column("milestone.commitment", "shown", 38),
    Column("milestone.title", "shown", 46),
    Column("milestone.due_on", "shown", 13),
    Column("milestone.status", "level", 16),
    Column("milestone.percent", "percent", 11),
    Column("milestone.evidence", "url", 34),
)


def label(column: Column) -> str:
    """A column's heading in the reader's language."""
    names: dict[str, Callable[[], str]] = {
        "number": lambda: tk._("Number"),
        "title": lambda: tk._("Milestone") if column.key.startswith("milestone") else tk._("Title"),
        "commitment": lambda: tk._("Commitment"),
        "agency": lambda: tk._("Agency"),
        "state": lambda: tk._("State"),
        "completion_level": lambda: tk._("Completion level"),
        "done": lambda: tk._("What was done"),
        "obstacles": lambda: tk._("Obstacles"),
        "evidence": lambda: tk._("Evidence (a web address)"),
        "comment": lambda: tk._("Comment, for the history"),
        "send": lambda: tk._("Send to the coordinators?"),
        "due_on": lambda: tk._("Deadline"),
        "status": lambda: tk._("Status"),
        "percent": lambda: tk._("Percent done"),
    }
    name = column.key.split(".", 1)[1]
    if column.language:
        own = {"ar": "العربية", "fr": "Français", "en": "English"}[column.language]
        return f"{names[name.rsplit('-', 1)[0]]()} ({own})"
    return names[name]() if name in names else name


def digest(report: Mapping[str, Any]) -> str:
    """What tells whether a report is another by now: the same for the same content, whatever is empty."""

    def bare(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: bare(each) for key, each in value.items() if each not in (None, "", {})}
        return [bare(each) for each in value] if isinstance(value, list) else str(value)

    whole = {name: report.get(name) for name in ("completion_level", "done", "obstacles", "evidence", "milestones") if report.get(name)}
    return hashlib.sha256(json.dumps(bare(whole), sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


# ------------------------------------------------------------------------------------------------------------------------------- out
def write(called: Mapping[str, Any], items: list[dict[str, Any]], state_label: Callable[[str], str]) -> bytes:
    """The workbook in the reader's language.

    :param called: a round as `ogptn_commitment_round_show` gives it
    :param items: as `ogptn_commitment_round_item_show` gives them, in order
    """
    language = reader_language()
    book = Workbook()
    guide = cast(Any, book.active)
    guide.title = _sheet_title(tk._("How to fill in"))
    reports, milestones = (book.create_sheet(_sheet_title(name)) for name in (tk._("Reports"), tk._("Milestones")))
    choices = book.create_sheet("lists")
    levels = [vocabulary.label("completion_levels", term.code, language) for term in vocabulary.get("completion_levels")]
    answers = [vocabulary.label("yes_no", code, language) for code in ("yes", "no")]
    for column, values in ((1, levels), (2, answers)):
        for row, value in enumerate(values, 1):
            choices.cell(row, column, value)
    lists = {"level": f"lists!$A$1:$A${len(levels)}", "yes": f"lists!$B$1:$B${len(answers)}"}
    _guide(guide, called, items)
    _fill(reports, REPORTS, [_report_row(item, state_label) for item in items], lists)
    _fill(milestones, MILESTONES, [row for item in items for row in _milestone_rows(item)], lists)
    meta = book.create_sheet(_META)
    for row in ((_MARK, called["id"]), ("format", _FORMAT), ("language", language)):
        meta.append(row)
    for sheet in (guide, reports, milestones, choices, meta):
        sheet.sheet_view.rightToLeft = language == "ar"
        sheet.protection.sheet = True
    for hidden in (choices, meta):
        hidden.sheet_state = "veryHidden"
    book.active = 1
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _sheet_title(name: str) -> str:
    return re.sub(r"[\[\]*?:/\\']", " ", name)[:31]


def _guide(sheet: Any, called: Mapping[str, Any], items: list[dict[str, Any]]) -> None:
    language = reader_language()
    lines = [
        t.pick(called["title"], language),
        vocabulary.label("plans", called["plan"], language),
        tk._("Period: {period}").format(period=" – ".join(filter(None, (called["period_start"], called["period_end"])))),
        tk._("last day: {date}").format(date=called["due_on"]),
        tk._("Reports in this workbook: {number}").format(number=len(items)),
        "",
        tk._("Fill in the yellow cells of the sheets “Reports” and “Milestones”; the others are protected."),
        tk._("Levels, statuses and “Send to the coordinators?” are chosen from lists. A percentage may be written as 50 or as 50%."),
        tk._("A report is sent when you choose “yes” in its last column; otherwise what you wrote is saved as a draft."),
        tk._("Send the file on the round’s page. You see what would change before anything is written, and faults by sheet and cell."),
        tk._("Do not merge cells, and write no formulas: they are refused."),
    ]
    for row, line in enumerate(lines, 1):
        cell = sheet.cell(row, 1)
        _put(cell, line)
        cell.alignment = _alignment(language)
        cell.font = Font(bold=row == 1, size=14 if row == 1 else 11)
    sheet.column_dimensions["A"].width = 110


def _report_row(item: Mapping[str, Any], state_label: Callable[[str], str]) -> tuple[bool, dict[str, Any]]:
    report = item["report"]
    row = {
        "report.item": item["id"],
        "report.version": item["version"],
        "report.base": digest(report),
        "report.number": item["number"],
        "report.title": item["title"],
        "report.agency": item["agency"],
        "report.state": state_label(item["state"]),
        "report.completion_level": _level_label(report.get("completion_level")),
        "report.evidence": report.get("evidence", ""),
    }
    kept = []
    for name in ("done", "obstacles"):
        for code in t.LANGUAGES:
            text = (report.get(name) or {}).get(code, "")
            if len(text) > LIMIT_CELL:
                kept.append(f"{name}-{code}")
                text = tk._("This text is too long for a cell: change it on the report’s page. It stays as it is.")
            row[f"report.{name}-{code}"] = text
    row["report.kept"] = " ".join(kept)
    return bool(item["may_write"]), row


def _milestone_rows(item: Mapping[str, Any]) -> list[tuple[bool, dict[str, Any]]]:
    rows = []
    for place, (milestone, said) in enumerate(zip(item["milestones"], item["report"]["milestones"], strict=True)):
        percent = said.get("percent")
        row = {
            "milestone.item": item["id"],
            "milestone.place": str(place + 1),
            "milestone.number": item["number"],
            "milestone.commitment": item["title"],
            "milestone.title": milestone["title"],
            "milestone.due_on": milestone["due_on"],
            "milestone.status": _level_label(said.get("status")),
            "milestone.percent": int(percent) if percent not in (None, "") else None,
            "milestone.evidence": said.get("evidence", ""),
        }
        rows.append((bool(item["may_write"]), row))
    return rows


def _level_label(code: str | None) -> str:
    return vocabulary.label("completion_levels", code, reader_language()) if code else ""


def _put(cell: Any, value: Any) -> None:
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)
        cell.value = value or None
        if value:
            # Text that begins with =, +, - or @ is text, to this library and to Excel, also after somebody has edited it.
            cell.data_type = "s"
            cell.quotePrefix = True
    else:
        cell.value = value


def _alignment(language: str, *, wrap: bool = True) -> Alignment:
    return Alignment(
        wrap_text=wrap, vertical="top", horizontal="right" if language == "ar" else "left", readingOrder=2 if language == "ar" else 1
    )


def _fill(sheet: Any, columns: tuple[Column, ...], rows: list[tuple[bool, dict[str, Any]]], lists: Mapping[str, str]) -> None:
    language = reader_language()
    for at, column in enumerate(columns, 1):
        sheet.cell(1, at, column.key)
        head = sheet.cell(2, at, label(column))
        head.font, head.fill, head.alignment = Font(bold=True), _HEAD, _alignment(language)
        letter = get_column_letter(at)
        sheet.column_dimensions[letter].width = column.width
        sheet.column_dimensions[letter].hidden = column.kind == "key"
    sheet.row_dimensions[1].hidden = True
    for place, (open_, row) in enumerate(rows, _FIRST):
        kept = str(row.get("report.kept", "")).split()
        for at, column in enumerate(columns, 1):
            cell = sheet.cell(place, at)
            _put(cell, row.get(column.key))
            editable = open_ and column.filled_in and column.key.split(".", 1)[1] not in kept
            cell.protection = Protection(locked=not editable)
            if editable:
                cell.fill = _FILL
            if column.kind not in ("percent", "key"):
                cell.number_format = "@"
            ltr = column.kind in ("url", "percent") or column.key.endswith((".number", ".due_on"))
            cell.alignment = _alignment("en" if ltr else column.language or language)
    # Panes keep the titles in sight; keys stay outside of what is printed and scrolled.
    sheet.freeze_panes = sheet.cell(_FIRST, next(at for at, c in enumerate(columns, 1) if c.filled_in))
    sheet.protection.formatColumns = sheet.protection.formatRows = False
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "2:2"
    if rows:
        _validate(sheet, columns, _FIRST + len(rows) - 1, lists)


def _validate(sheet: Any, columns: tuple[Column, ...], last: int, lists: Mapping[str, str]) -> None:
    for at, column in enumerate(columns, 1):
        if column.kind in lists:
            rule = DataValidation(type="list", formula1=lists[column.kind], allow_blank=True)
            rule.error = tk._("Please choose a value from the list.")
        elif column.kind == "percent":
            # Also 0.5, which is how Excel keeps “50%”.
            rule = DataValidation(type="decimal", operator="between", formula1="0", formula2="100", allow_blank=True)
            rule.error = tk._("A whole number from 0 to 100.")
        else:
            continue
        rule.showErrorMessage = True
        rule.errorTitle = label(column)[:32]
        letter = get_column_letter(at)
        rule.add(f"{letter}{_FIRST}:{letter}{last}")
        sheet.add_data_validation(rule)


# -------------------------------------------------------------------------------------------------------------------------------- in
@dataclass(frozen=True)
class Fault:
    """Something in a cell that cannot be taken; ``message`` is in the reader's language."""

    sheet: str
    cell: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"sheet": self.sheet, "cell": self.cell, "message": self.message}


@dataclass
class Row:
    """A row that was filled in: ``values`` by column key, ``cells`` their coordinates; faulty ones have no value."""

    sheet: str
    values: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)

    def fault(self, key: str, message: str) -> Fault:
        return Fault(self.sheet, self.cells[key], message)


@dataclass
class Filled:
    """What a workbook says. ``faults``: what stands in its way."""

    reports: list[Row] = field(default_factory=list)
    milestones: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read(data: bytes, round_id: str) -> Filled:
    """The rows of a workbook that was filled in.

    :param data: the file
    :param round_id: the round that it must belong to
    :raises WorkbookError: it cannot be read at all
    """
    book = _opened(data)
    if _META not in book.sheetnames or book[_META]["A1"].value != _MARK:
        raise WorkbookError("not-round")
    if str(book[_META]["B1"].value) != round_id:
        raise WorkbookError("other-round")
    filled = Filled()
    seen: set[str] = set()
    for sheet in book.worksheets:
        keys = {str(sheet.cell(1, at).value) for at in range(1, min(sheet.max_column, LIMIT_COLUMNS) + 1)}
        for columns, rows in ((REPORTS, filled.reports), (MILESTONES, filled.milestones)):
            if columns[0].key not in keys:
                continue
            if columns[0].key in seen:
                raise WorkbookError("sheet-twice", sheet=sheet.title)
            seen.add(columns[0].key)
            _read_sheet(sheet, columns, rows, filled.faults)
    if REPORTS[0].key not in seen:
        raise WorkbookError("sheet-missing")
    return filled


def _opened(data: bytes) -> Any:
    if not data:
        raise WorkbookError("empty")
    if len(data) > LIMIT_FILE:
        raise WorkbookError("too-large", limit=f"{LIMIT_FILE // 10**6} MB")
    try:
        office.refuse_ole(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = office.check(archive, limit=LIMIT_UNPACKED)
            if "xl/workbook.xml" not in names or "[Content_Types].xml" not in names:
                raise WorkbookError("not-workbook")
            for name in names:
                _check_part(name, office.read(archive, name, LIMIT_PART))
        return load_workbook(io.BytesIO(data), keep_links=False, keep_vba=False)
    except office.OfficeError as refused:
        raise WorkbookError(refused.slug) from None
    except zipfile.BadZipFile:
        raise WorkbookError("damaged" if data.startswith(b"PK\x03\x04") else "not-workbook") from None
    except (InvalidFileException, SyntaxError, KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError, OSError) as broken:
        # openpyxl trusts a file's own references: what breaks it is a file that no spreadsheet program wrote.
        if isinstance(broken, WorkbookError):
            raise
        raise WorkbookError("damaged") from None
    except (NotImplementedError, RuntimeError, zipfile.zlib.error):  # pyright: ignore[reportAttributeAccessIssue]
        raise WorkbookError("damaged") from None


def _check_part(name: str, content: bytes) -> None:
    if not name.lower().endswith((".xml", ".rels", ".vml")):
        return
    if office.declares_entities(content):
        raise WorkbookError("entities")
    if name == "[Content_Types].xml" and b"macroEnabled" in content:
        raise WorkbookError("macros")
    if name.startswith("xl/worksheets/") and content.count(b"<") > LIMIT_TAGS:
        raise WorkbookError("bomb")


def _read_sheet(sheet: Any, columns: tuple[Column, ...], rows: list[Row], faults: list[Fault]) -> None:
    place: dict[str, int] = {}
    for at in range(1, min(sheet.max_column, LIMIT_COLUMNS) + 1):
        key = sheet.cell(1, at).value
        if not isinstance(key, str):
            continue
        if key in place:
            faults.append(Fault(sheet.title, f"{get_column_letter(at)}1", tk._("This column is there twice. Delete the copy.")))
        place.setdefault(key, at)
    missing = [column for column in columns if column.key not in place]
    for column in missing:
        sentence = tk._("The column “{column}” is missing. Copy what you wrote into a fresh download.").format(column=label(column))
        faults.append(Fault(sheet.title, "A1", sentence))
    if sheet.max_row > LIMIT_ROWS:
        faults.append(Fault(sheet.title, f"A{LIMIT_ROWS}", tk._("There are too many rows. Copy what you wrote into a fresh download.")))
    for merged in sheet.merged_cells.ranges:
        if merged.max_row >= _FIRST:
            faults.append(Fault(sheet.title, str(merged.coord), tk._("These cells are merged. Split them again.")))
    if missing or sheet.max_row > LIMIT_ROWS:
        return
    for at in range(_FIRST, sheet.max_row + 1):
        cells = {column.key: sheet.cell(at, place[column.key]) for column in columns}
        if all(cell.value in (None, "") for key, cell in cells.items()):
            continue
        row = Row(sheet.title, cells={key: cell.coordinate for key, cell in cells.items()})
        for column in columns:
            if column.kind == "shown":
                continue
            try:
                row.values[column.key] = _read_cell(cells[column.key], column)
            except RuleError as broken:
                faults.append(row.fault(column.key, str(broken)))
            except _CellError as broken:
                faults.append(row.fault(column.key, str(broken)))
        rows.append(row)


class _CellError(ValueError):
    """A cell holds something else than a value."""


def _read_cell(cell: Any, column: Column) -> str:
    value = cell.value
    if value is None or isinstance(cell, MergedCell):
        return ""
    if cell.data_type == "f":
        raise _CellError(tk._("There is a formula here. Write the value itself."))
    if cell.data_type == "e":
        raise _CellError(tk._("There is an error of Excel here ({value}). Write the value itself.").format(value=short(str(value))))
    if isinstance(value, bool):
        raise _CellError(tk._("TRUE or FALSE is no answer here. Write the value itself."))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    if isinstance(value, (dt.date, dt.time, dt.timedelta)):
        value = value.isoformat() if not isinstance(value, dt.timedelta) else str(value)
    if isinstance(value, (int, float)):
        value = _number(value, percent=column.kind == "percent" and "%" in (cell.number_format or ""))
    # As Excel writes a carriage return.
    written = str(value).replace("_x000D_", "")
    return _CHECKS[column.kind](written) if written.strip() else ""


def _number(value: float, *, percent: bool) -> str:
    exact = Decimal(str(value)) * (100 if percent else 1)
    return f"{exact:f}".rstrip("0").rstrip(".") if exact % 1 else str(int(exact))


def _term(name: str, value: str) -> str:
    found = vocabulary.get(name).find(rules.text(value, 200, multiline=False))
    if found is None:
        raise RuleError("vocabulary-code", value=value, vocabulary=t.pick(vocabulary.get(name).title, reader_language()))
    return found.code


_CHECKS: dict[str, Callable[[str], str]] = {
    "key": lambda value: rules.text(value, 500, multiline=False),
    "level": lambda value: _term("completion_levels", value),
    "yes": lambda value: _term("yes_no", value),
    "text": lambda value: rules.text(value, _LONGEST),
    "comment": lambda value: rules.text(value, _LONGEST_COMMENT),
    "url": rules.url,
    "percent": lambda value: str(rules.integer(value.translate(_PERCENT), 0, 100)),
}
