"""What is found in a file that a reader should know, each with a stable slug and a sentence that says what to do.

A finding of severity ``error`` refuses the table; a ``warning`` says what may be wrong; a ``note`` says what was decided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import ckan.plugins.toolkit as tk

Severity = Literal["error", "warning", "note"]
#: Findings of one kind that are listed one by one; more are counted.
LISTED = 20


@dataclass(frozen=True)
class Finding:
    """One thing found, with its place.

    :param slug: what it is (:func:`slugs`); does not change between versions
    :param file: name of the file, and of the member of an archive after a ``/``
    :param sheet: name of the sheet; empty for files without sheets
    :param row: number of the row in the source, from 1, as a spreadsheet program shows it; of text the record's number, blank lines counted
    :param column: label of the column, or its letter or number when it has none
    :param details: what the message mentions
    """

    slug: str
    severity: Severity = "warning"
    file: str = ""
    sheet: str = ""
    row: int | None = None
    column: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What was found and what to do, in the reader's language."""
        return message(self.slug, **self.details)

    @property
    def place(self) -> str:
        """Where it was found, in the reader's language; empty when it is the file as a whole."""
        parts = []
        if self.sheet:
            parts.append(tk._("sheet {name}").format(name=self.sheet))
        if self.row is not None:
            parts.append(tk._("row {number}").format(number=self.row))
        if self.column:
            parts.append(tk._("column {name}").format(name=self.column))
        return tk._(", ").join(parts)

    def as_dict(self) -> dict[str, Any]:
        """As it is stored and answered; without the message, which depends on the reader."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Finding:
        """What :meth:`as_dict` gave."""
        return cls(**stored)


class TableError(Exception):
    """A file, or a table in it, is refused.

    :ivar finding: why, and where
    """

    def __init__(self, slug: str, *, file: str = "", sheet: str = "", row: int | None = None, column: str = "", **details: Any) -> None:
        super().__init__(slug)
        self.finding = Finding(slug, "error", file, sheet, row, column, details)

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (
                self.finding.file,
                self.finding.sheet,
                f"row {self.finding.row}" if self.finding.row is not None else "",
                self.finding.column,
            )
            if part
        )
        return f"{self.finding.slug} ({where})" if where else self.finding.slug


class Findings:
    """Collects findings; of each kind in each column the first ones are kept with their places, the others counted.

    :param file: name of the file, for all of them
    :param sheet: name of the sheet, for all of them
    """

    def __init__(self, file: str = "", sheet: str = "") -> None:
        self.file = file
        self.sheet = sheet
        self._kept: dict[tuple[str, str], list[Finding]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(
        self, slug: str, severity: Severity = "warning", *, row: int | None = None, column: str = "", count: int = 1, **details: Any
    ) -> None:
        """Note a finding, or that it was met again."""
        key = (slug, column)
        self._counts[key] = self._counts.get(key, 0) + count
        kept = self._kept.setdefault(key, [])
        if len(kept) < LISTED:
            kept.append(Finding(slug, severity, self.file, self.sheet, row, column, details))

    def extend(self, findings: Iterable[Finding]) -> None:
        """Take over findings made elsewhere, with their own places."""
        for one in findings:
            key = (one.slug, one.column)
            self._counts[key] = self._counts.get(key, 0) + int(one.details.get("count", 1))
            kept = self._kept.setdefault(key, [])
            if len(kept) < LISTED:
                kept.append(one)

    def count(self, slug: str) -> int:
        """How often a finding was met, in all columns."""
        return sum(count for (name, _column), count in self._counts.items() if name == slug)

    def all(self) -> list[Finding]:
        """One finding per kind and column: the first, with ``count`` and ``rows`` (the first places) among its details."""
        found = []
        for key, kept in self._kept.items():
            first = kept[0]
            rows = [one.row for one in kept if one.row is not None]
            details = {**first.details, "count": self._counts[key], "rows": rows}
            found.append(Finding(first.slug, first.severity, first.file, first.sheet, first.row, first.column, details))
        order = {"error": 0, "warning": 1, "note": 2}
        return sorted(found, key=lambda one: order[one.severity])


def message(slug: str, **details: Any) -> str:
    """Tell the reader, in the reader's language, what was found.

    :raises KeyError: no finding has this slug
    """
    return _messages()[slug].format_map(_Forgiving(details))


class _Forgiving(dict[str, Any]):
    """Details that a stored finding of an earlier version lacks are shown as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def slugs() -> tuple[str, ...]:
    """The slugs of all findings."""
    return tuple(_messages())


def _messages() -> dict[str, str]:
    _ = tk._
    return {
        # -- the file is refused
        "empty-file": _("The file is empty."),
        "no-table": _("No table was found in the file: there is no row with at least one value below a header."),
        "not-a-table": _("The file is {kind}, which holds no table that can be read. Publish the data as CSV or as a workbook too."),
        "web-page": _("The file is a web page (“{title}”) without a table: it may be an error page that was saved as a file."),
        "encrypted": _("The workbook is protected by a password. Remove the password and send it again."),
        "damaged": _("The file is damaged or not what it seems to be ({reason}). Save it again from the program that made it."),
        "too-large": _("The file has {size} bytes, more than the limit of {limit}. Split it, or ask an administrator to raise the limit."),
        "too-many-columns": _("The table has {number} columns, more than the limit of {limit}. Put what repeats into rows."),
        "too-many-cells": _("The sheet spans {number} cells, more than the limit of {limit}. Delete what lies far outside of the table."),
        "too-many-members": _("The archive holds {number} files, more than the limit of {limit}."),
        "zip-bomb": _("The archive unpacks to more than {limit} bytes, or to more than {ratio} times its size, and was not read."),
        "nested-archive": _("The archive holds another archive ({member}). Put the tables into one archive, or publish each by itself."),
        "archive-without-table": _("The archive holds no file with a table."),
        "unsafe-member": _("The archive holds a member with an unsafe name ({member})."),
        "line-too-long": _("A line is longer than {limit} characters. Check the line ends of the file."),
        "quote-never-closed": _("A quotation mark that opens a cell is never closed: the rest of the file would be one cell."),
        "two-tables": _("A second table begins here, below the first. Put each table on a sheet, or into a file, of its own."),
        "mostly-rejected": _("{rejected} of {rows} rows could not be read, so the table was refused. The first reason: {reason}"),
        "sheet-unknown": _("There is no sheet “{name}”. The sheets are: {names}."),
        "column-unknown": _("There is no column “{name}”. The columns are: {names}."),
        "no-columns": _("The lines hold several numbers, but nothing tells the columns apart. Publish the table as CSV or as a workbook."),
        "undecodable": _("The text’s encoding could not be told ({tried}). Save the file as UTF-8."),
        "entity": _("The XML declares entities, which are not read."),
        # -- what may be wrong
        "declared-format": _("The file is declared as {declared}, but it is {real}; it was read as what it is."),
        "encoding-guessed": _("The text is not UTF-8; it was read as {encoding}."),
        "mixed-encoding": _("{count} lines are not UTF-8 like the rest; their odd bytes were read as Windows-1252."),
        "mojibake": _("The text was garbled before it was published: “{found}” is probably “{meant}”. It was kept as it is."),
        "replacement-character": _(
            "{count} cells hold the mark of a lost character (�), such as “{found}”. The source has to be corrected."
        ),
        "nul-bytes": _("The text holds {count} NUL characters, which were left out."),
        "invisible-marks": _("{count} cells held invisible direction marks, which were left out."),
        "mixed-scripts": _("{count} cells mix Arabic letters into Latin words, such as “{found}”; they were kept as they are."),
        "title-rows": _("{count} rows above the header are not part of the table: {found}"),
        "no-header": _("The first row holds values, so the columns have no labels."),
        "joined-header": _("The header takes {count} rows, which were joined."),
        "repeated-header": _(
            "The header and titles of the page are repeated {count} times inside the table; the repetitions were left out."
        ),
        "empty-columns": _("{count} empty columns were left out."),
        "unlabelled-column": _("The column has values but no label."),
        "double-label": _("The label “{label}” is used by more than one column."),
        "more-cells": _("{count} rows have more cells than the header; the first one has {number}."),
        "fewer-cells": _("{count} rows have fewer cells than the header; what is missing was left empty."),
        "other-sheets": _("The file has other sheets, which were not read: {names}."),
        "other-members": _("The archive has other files, which were not read: {names}."),
        "hidden-sheet": _("The sheet is hidden in the workbook."),
        "macros": _("The workbook holds macros, which were not run."),
        "formula-without-value": _(
            "{count} formulas have no stored value, the first in {cell}; their cells are empty. Open and save the workbook."
        ),
        "cell-error": _("{count} cells hold an error of the spreadsheet program, such as {found}; they were left empty."),
        "merged-cells": _("{count} merged cells lie inside the table; their value stands in the first row of each only."),
        "side-by-side": _("An empty column parts the table in two; both parts were read as one table."),
        "printed-report": _(
            "The file is a printed report: {percent} % of its rows hold headings, explanations or sums in a few cells. The rows of the "
            "table stand between them, and an amount may occur more than once."
        ),
        "fixed-width": _("The columns are told apart by their position in the line."),
        # -- types
        "ambiguous-separator": _("It cannot be told whether “{found}” has thousands or decimals, so the column was left as text."),
        "separator-inferred": _("“{found}” may have thousands or decimals; as the rest of the file suggests, it was read as {value}."),
        "exponents": _(
            "{count} numbers are written like {found}: the program that saved the file kept their first digits only. Publish them in full."
        ),
        "short-years": _("Years are written with two digits, such as {found}; 69 to 99 were read as 1969 to 1999."),
        "mixed-separators": _("Numbers are written in contradictory ways (“{found}” and “{other}”), so the column was left as text."),
        "ambiguous-date": _("Days and months are written in both orders (“{found}” and “{other}”), so the column was left as text."),
        "month-first": _("Dates are written with the month first, such as {found}."),
        "serial-dates": _(
            "Dates are serial numbers of a spreadsheet program, such as {found}; they were read with the calendar of {epoch}."
        ),
        "leading-zeros": _("Values such as “{found}” are codes, not numbers, and stay text."),
        "mixed-units": _("Values carry different units ({units}), so the column was left as text."),
        "mixed-values": _("{count} values, such as “{found}”, are not {type} like the others, so the column was left as text."),
        "rejected-value": _("{count} rows were rejected: “{found}” is not {type}."),
        "rounded": _("{count} numbers are beyond the 15 digits that a workbook keeps."),
        "total-rows": _("{count} rows are totals; they are marked in the column {column_id} and have to be left out of sums."),
        "section-rows": _("{count} rows hold a heading or a note only; they are marked in the column {column_id}."),
        "percent": _("Values are percentages and stand as written: 12.5 stands for 12.5 %."),
        "missing-marks": _("{count} cells that say “{found}” were read as missing."),
    }
