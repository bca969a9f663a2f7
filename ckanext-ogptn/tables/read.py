"""From a file to a stream of rows.

    with open_table(path, filename="budget.xls", declared_format="XLS") as reading:
        for column in reading.columns:
            print(column.id, column.label)
        for number, cells in reading.rows():
            …
        for finding in reading.findings.all():
            print(finding.place, finding.message)

The format is told from the content; the file is read in pieces (workbooks a sheet at a time), and as often as ``rows()`` is called.
"""

from __future__ import annotations

import itertools
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..catalogue.text import western_digits
from . import markup
from .columns import Column, name_columns
from .delimited import Delimited
from .detect import DELIMITED, Detected, detect
from .encoding import meant
from .findings import Findings, TableError
from .layout import Layout, find_layout, is_value, label_of, mask
from .limits import Limits
from .workbooks import Workbook

if TYPE_CHECKING:
    from typing_extensions import Self

#: Rows that are looked at to find the header.
SAMPLE = 500
#: Rows that are looked at together, and cells.
CHUNK, CHUNK_CELLS = 2_000, 200_000
#: Marks of direction and width that no reader sees (Unicode 16, §23.2): they keep equal texts from being equal.
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
#: An Arabic letter or mark with Latin letters on both sides.
_MIXED = re.compile("[a-zà-ÿ][\u0621-\u065f][a-zà-ÿ]", re.IGNORECASE)
#: Extensions of members of an archive that are not looked at.
_NOT_TABLES = {
    ".pdf",
    ".doc",
    ".docx",
    ".ppt",
    ".pptx",
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
    ".shp",
    ".shx",
    ".dbf",
    ".prj",
    ".cpg",
    ".mdb",
    ".md",
}
#: Texts of which it is remembered that there is nothing to say of them.
_REMEMBERED = 50_000
#: What a damaged or exotic archive makes the library raise.
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)
_ARCHIVES = {".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2"}


class Reading:
    """An open table. Use it in ``with``, or close it.

    :ivar file: name of the file; of a member of an archive ``archive.zip/member.csv``
    :ivar detected: what the file really is
    :ivar sheet: name of the sheet that is read; empty for files without sheets
    :ivar sheets: names of all sheets
    :ivar members: names of the archive's members with tables; empty for other files
    :ivar columns: the columns that are kept
    :ivar layout: where header and titles are
    :ivar titles: the rows above the header, as ``(row number, text)``; units are often said there
    :ivar encoding: the text's encoding, for text
    :ivar delimiter: what parts the cells, for text
    :ivar epoch: 1900 or 1904: the calendar that the workbook counts days in
    :ivar findings: what is odd, as far as it was read; complete after ``rows()`` came to its end
    :ivar rejected: rows that do not fit the table, as ``(row number, slug, details)``, the first 100; ``rejections`` counts them all
    """

    def __init__(self, file: str, detected: Detected) -> None:
        self.file = file
        self.detected = detected
        self.sheet = ""
        self.sheets: list[str] = []
        self.members: list[str] = []
        self.columns: list[Column] = []
        self.layout: Layout
        self.titles: list[tuple[int, str]] = []
        self.encoding = ""
        self.delimiter = ""
        self.epoch = 1900
        self.findings = Findings(file)
        self.rejected: list[tuple[int, str, dict[str, Any]]] = []
        self.rejections = 0
        self._source: Callable[[], Iterator[tuple[int, Any]]]
        self._doubtful = True
        self._close: list[Callable[[], None]] = []
        self._found_already: set[str] = set()
        self._found_in_cells: set[str] = set()
        self._text: Delimited | None = None
        self._merged: list[tuple[int, int, int, int]] = []

    @property
    def header(self) -> list[str]:
        """The labels of the columns as they are; empty for a column without one."""
        return [column.label for column in self.columns]

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The table's rows from its first: ``(row number in the source, a cell for each of `columns`)``.

        Cells are text without outer blanks (``""``: empty) or, from workbooks, ``float``, ``int``, ``bool``, ``date``, ``datetime``,
        ``time``, ``timedelta``. Blank rows and repetitions of the page's header are left out; a row that has values outside of the
        columns is left out and noted in ``rejected``.

        :raises TableError: with the place at which the table cannot be read on
        """
        walk = _Walk(self)
        for number, cells in self._source():
            if number > walk.after and (row := walk.row(number, cells)) is not None:
                yield number, row
        walk.end()

    def chunks(self) -> Iterator[tuple[Sequence[int], list[Sequence[Any]]]]:
        """The same rows, some thousands at a time: ``(their numbers, the cells of each column)``.

        Of text whose rows are as they should be, whole columns are looked at; any other row is looked at as `rows` does.

        :raises TableError: with the place at which the table cannot be read on
        """
        walk = _Walk(self)
        size = max(50, min(CHUNK, CHUNK_CELLS // max(self.layout.width, 1)))
        numbers: list[int] = []
        rows: list[list[Any]] = []
        for first, block in self._raw_blocks(size):
            if first <= walk.after:
                block = block[walk.after + 1 - first :]
                first = max(first, walk.after + 1)
            if not block:
                continue
            if (columns := walk.regular(block)) is not None:
                if rows:
                    yield numbers, list(zip(*rows, strict=True))
                    numbers, rows = [], []
                yield range(first, first + len(block)), columns
                continue
            for number, cells in enumerate(block, first):
                if (row := walk.row(number, cells)) is not None:
                    numbers.append(number)
                    rows.append(row)
            if len(rows) >= size:
                yield numbers, list(zip(*rows, strict=True))
                numbers, rows = [], []
        if rows:
            yield numbers, list(zip(*rows, strict=True))
        walk.end()

    def glimpses(self) -> Iterator[list[Sequence[Any]]]:
        """Columns of some rows further down, where they can be had without reading the whole file; only to guess by."""
        if self._text is None:
            return
        places = [column.index for column in self.columns]
        for rows in self._text.glimpses():
            whole = [cells for cells in rows if len(cells) == self.layout.width]
            if whole:
                columns = list(zip(*whole, strict=True))
                yield [list(map(str.strip, columns[place])) for place in places]

    def _raw_blocks(self, size: int) -> Iterator[tuple[int, list[Any]]]:
        """The source's rows in pieces with consecutive numbers."""
        if self._text is not None:
            yield from self._text.blocks(size)
            return
        block: list[Any] = []
        first = 0
        for number, cells in self._source():
            if block and (len(block) >= size or number != first + len(block)):
                yield first, block
                block = []
            if not block:
                first = number
            block.append(cells)
        if block:
            yield first, block

    def only(self, label: str, value: str) -> None:
        """Keep the rows whose cell of a column says ``value``: for files that hold more than one table's worth of rows.

        :param label: of the column, as in `columns`
        :param value: what the cell shows; digits of any script mean the same, ``2018`` and ``2018.0`` too
        :raises TableError: ``column-unknown``
        """
        place = next((column.index for column in self.columns if column.label == label), None)
        if place is None:
            raise TableError("column-unknown", file=self.file, sheet=self.sheet, name=label, names=", ".join(self.header[:20]))
        source, after, wanted = self._source, self.layout.after, western_digits(value).strip()

        def kept() -> Iterator[tuple[int, Any]]:
            for number, cells in source():
                if number <= after or (place < len(cells) and western_digits(label_of(cells[place])) == wanted):
                    yield number, cells

        self._source = kept
        self._text = None

    def _second_table(self, number: int, cells: list[Any]) -> None:
        numeric = [place for place, column in enumerate(self.columns) if column.index in self.layout.numeric]
        texts = sum(1 for cell in cells if isinstance(cell, str) and cell != "" and not is_value(cell))
        if (
            len(numeric) >= 1
            and texts >= max(2, (len(self.columns) + 1) // 2)
            and all(isinstance(cells[place], str) and cells[place] and not is_value(cells[place]) for place in numeric)
        ):
            raise TableError("two-tables", file=self.file, sheet=self.sheet, row=number)

    def _reject(self, number: int, slug: str, details: dict[str, Any]) -> None:
        self.rejections += 1
        if len(self.rejected) < 100:
            self.rejected.append((number, slug, details))

    def _note(self, slug: str, severity: Any = "warning", **details: Any) -> None:
        # Rows may be read more than once; what is found is said once.
        if slug not in self._found_already:
            self._found_already.add(slug)
            self.findings.add(slug, severity, **details)

    def _clean(self, cell: str, number: int, place: int) -> str:
        column = self.columns[place].label or self.columns[place].id
        if _INVISIBLE.search(cell):
            cell = _INVISIBLE.sub("", cell).strip()
            self._once("invisible-marks", number, column)
        if "\ufffd" in cell:
            self._once("replacement-character", number, column, found=cell[:60])
        elif (said := meant(cell)) is not None:
            self._once("mojibake", number, column, found=cell[:60], meant=said[:60])
        elif _MIXED.search(cell):
            self._once("mixed-scripts", number, column, found=cell[:60])
        return cell

    def _once(self, slug: str, number: int, column: str, **details: Any) -> None:
        if slug not in self._found_already:
            self._found_in_cells.add(slug)
            self.findings.add(slug, row=number, column=column, **details)

    def close(self) -> None:
        while self._close:
            self._close.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Walk:
    """One pass over the rows of a reading: tells which are rows of the table, and notes what is odd.

    :ivar after: number of the last row that is not data
    """

    def __init__(self, reading: Reading) -> None:
        reading.rejected.clear()
        reading.rejections = 0
        self.reading = reading
        layout = reading.layout
        self.after, self.width = layout.after, layout.width
        self.places = [column.index for column in reading.columns]
        self.straight = self.places == list(range(self.width))
        self.repeated = layout.repeated
        self.heads = {text for one in self.repeated if (text := next(iter(one), ""))}
        self.begins = {head[0] for head in self.heads}
        self.again = self.fewer = self.more = self.widest = 0
        self.first_fewer: int | None = None
        self.first_more: int | None = None
        self.blank = False
        self.clean: set[str] = set()
        self.dropped = sorted(set(range(self.width)) - set(self.places))

    def row(self, number: int, cells: Sequence[Any]) -> list[Any] | None:
        """A row's cells in the table's columns; None when it is none of the table's rows."""
        reading, width, places, repeated = self.reading, self.width, self.places, self.repeated
        cells = [cell.strip() if cell.__class__ is str else "" if cell is None else cell for cell in cells]
        length = len(cells)
        if length > width:
            if any(cell != "" for cell in cells[width:]):
                if repeated and mask(cells) in repeated:
                    self.again += 1
                    return None
                self.more += 1
                self.widest, self.first_more = max(self.widest, length), self.first_more or number
                reading._reject(number, "more-cells", {"number": length})
                return None
            del cells[width:]
        elif length < width:
            if not any(cell != "" for cell in cells):
                self.blank = True
                return None
            self.fewer += 1
            self.first_fewer = self.first_fewer or number
            cells += [""] * (width - length)
        if not self.straight:
            whole = cells
            cells = [whole[place] for place in places]
            if len(places) < width and sum(1 for cell in whole if cell != "") != sum(1 for cell in cells if cell != ""):
                self.more += 1
                self.widest, self.first_more = max(self.widest, length), self.first_more or number
                reading._reject(number, "more-cells", {"number": length})
                return None
        if reading._doubtful:
            cells = [
                reading._clean(cell, number, place) if cell.__class__ is str and not cell.isascii() else cell
                for place, cell in enumerate(cells)
            ]
        lead = next((cell for cell in cells if cell != ""), None)
        if lead is None:
            self.blank = True
            return None
        if self.heads and lead.__class__ is str and (lead in self.heads or mask((lead,))[0] in self.heads) and mask(cells) in repeated:
            self.again += 1
            return None
        if self.blank:
            self.blank = False
            reading._second_table(number, cells)
        return cells

    def regular(self, block: Sequence[Sequence[Any]]) -> list[Sequence[Any]] | None:
        """The cells of each column, when every row of a text is one that `row` gives back as it is but for outer blanks; else None."""
        if self.blank or self.reading._text is None or set(map(len, block)) != {self.width}:
            return None
        whole = [list(map(str.strip, column)) for column in zip(*block, strict=True)]
        if any(any(whole[place]) for place in self.dropped):
            return None
        columns = whole if self.straight else [whole[place] for place in self.places]
        gaps = "" in columns[0]
        if gaps and not all(map(any, zip(*columns, strict=True))):
            return None
        if self.reading._doubtful and not all(map(self._as_meant, columns)):
            return None
        if self.heads:
            leads = {next(filter(None, cells)) for cells in zip(*columns, strict=True)} if gaps else set(columns[0])
            if any(self._like_a_head(lead) for lead in leads):
                return None
        return columns  # pyright: ignore[reportReturnType]

    def _as_meant(self, column: Sequence[str]) -> bool:
        """Whether there is nothing to say of the texts of a column."""
        if "".join(column).isascii():
            return True
        unknown = set(column) - self.clean
        if any(not text.isascii() and not _unremarkable(text) for text in unknown):
            return False
        if len(self.clean) > _REMEMBERED:
            self.clean.clear()
        self.clean |= unknown
        return True

    def _like_a_head(self, lead: str) -> bool:
        # Of nearly all rows the first character tells; a mark that is left out of numbers tells nothing.
        begin = "#" if lead[0].isdecimal() else western_digits(lead[0])
        return (not begin or begin in self.begins or lead[0] in self.begins) and (lead in self.heads or mask((lead,))[0] in self.heads)

    def end(self) -> None:
        """Say what was odd; once, however often the table is read."""
        reading = self.reading
        reading._found_already |= reading._found_in_cells
        if self.again:
            reading._note("repeated-header", "note", count=self.again)
        if self.more:
            reading._note("more-cells", row=self.first_more, count=self.more, number=self.widest)
        if self.fewer and reading.detected.kind == DELIMITED:
            reading._note("fewer-cells", row=self.first_fewer, count=self.fewer)


def _unremarkable(text: str) -> bool:
    return not (_INVISIBLE.search(text) or "\ufffd" in text or meant(text) is not None or _MIXED.search(text))


def open_table(
    path: str | Path,
    *,
    filename: str = "",
    declared_format: str = "",
    sheet: str | None = None,
    member: str | None = None,
    limits: Limits | None = None,
) -> Reading:
    """Open the table of a file.

    :param path: the file
    :param filename: the name it was published under, for messages; by default that of ``path``
    :param declared_format: what the publisher says it is (``"CSV"``, ``"XLS"``, a media type); only to report a contradiction
    :param sheet: name of a sheet; by default the visible one with the most cells, and the others are reported
    :param member: name of a member of an archive; by default the largest with a table, and the others are reported
    :param limits: ceilings
    :returns: the table, with header and columns known
    :raises TableError: the file is refused; its ``finding`` says why and where
    :raises OSError: the file cannot be read
    """
    limits = limits or Limits()
    path = Path(path)
    name = filename or path.name
    try:
        detected = detect(path, limits)
        if detected.kind == "zip":
            return _open_member(path, name, sheet, member, limits)
        reading = Reading(name, detected)
        if detected.contradicts(declared_format):
            reading.findings.add("declared-format", "note", declared=declared_format, real=detected.name)
        try:
            _attach(reading, path, sheet, limits)
            _lay_out(reading, limits)
        except BaseException:
            reading.close()
            raise
    except TableError as error:
        raise _named(error, name) from None
    return reading


def _named(error: TableError, name: str) -> TableError:
    found = error.finding
    return TableError(found.slug, file=found.file or name, sheet=found.sheet, row=found.row, column=found.column, **found.details)


def _attach(reading: Reading, path: Path, sheet: str | None, limits: Limits) -> None:
    """Give a reading its source of raw rows."""
    kind = reading.detected.kind
    if kind == DELIMITED:
        text = Delimited(path, reading.findings, limits)
        reading.encoding, reading.delimiter = text.encoding.name, text.dialect.delimiter
        reading._doubtful = text.encoding.not_ascii
        reading._source, reading._text = text.rows, text
    elif kind in ("xlsx", "xlsb", "xls", "ods"):
        book = Workbook(path, kind, limits)
        reading._close.append(book.close)
        reading.epoch = book.epoch
        if reading.detected.macros:
            reading.findings.add("macros", "note")
        reading.sheets = [one.name for one in book.sheets]
        hidden = {one.name for one in book.sheets if one.hidden}
        _choose_sheet(
            reading, sheet, [name for name in reading.sheets if name not in hidden] or reading.sheets, lambda name: _extent(book, name)
        )
        if reading.sheet in hidden:
            reading.findings.add("hidden-sheet")
        told: list[Findings | None] = [reading.findings]
        reading._source = lambda: book.rows(reading.sheet, told.pop() if told else None)
        reading._merged = book.merged(reading.sheet)
    elif kind == "html":
        rows = markup.html_rows(path, reading.findings, limits)
        reading._source = lambda: iter(rows)
    elif kind == "spreadsheetml":
        reading.sheets = markup.spreadsheetml_sheets(path)
        _choose_sheet(
            reading, sheet, reading.sheets, lambda name: sum(len(cells) for _n, cells in markup.spreadsheetml_rows(path, name, limits))
        )
        reading._source = lambda: markup.spreadsheetml_rows(path, reading.sheet, limits)
    else:
        records = markup.Records(path, limits)
        reading._source = records.rows
        reading._doubtful = True


def _extent(book: Workbook, name: str) -> int:
    cells = 0
    for _number, row in book.rows(name):
        cells += sum(1 for cell in row if cell != "")
    return cells


def _choose_sheet(reading: Reading, wanted: str | None, offered: list[str], extent: Callable[[str], int]) -> None:
    if wanted is not None:
        found = next((name for name in reading.sheets if name.strip().casefold() == wanted.strip().casefold()), None)
        if found is None:
            raise TableError("sheet-unknown", name=wanted, names=", ".join(reading.sheets[:20]))
        reading.sheet = found
    elif not offered:
        raise TableError("no-table")
    elif len(offered) == 1:
        reading.sheet = offered[0]
    else:
        extents = {name: extent(name) for name in offered}
        reading.sheet = max(offered, key=lambda name: extents[name])
        others = [name for name in offered if name != reading.sheet and extents[name]]
        if others:
            reading.findings.add("other-sheets", names=", ".join(others[:20]))
    reading.findings.sheet = reading.sheet


def _lay_out(reading: Reading, limits: Limits) -> None:
    try:
        sample = list(itertools.islice(reading._source(), SAMPLE))
    except TableError as error:
        raise _named(error, reading.file) from None
    layout = find_layout(
        [(number, [_INVISIBLE.sub("", cell) if isinstance(cell, str) else cell for cell in cells]) for number, cells in sample],
        reading._merged,
        limits.max_header,
    )
    if layout is None:
        raise TableError("no-table", sheet=reading.sheet)
    if len(layout.labels) > limits.max_columns:
        raise TableError(
            "too-many-columns", sheet=reading.sheet, row=(layout.header or [1])[0], number=len(layout.labels), limit=limits.max_columns
        )
    reading.layout = layout
    reading.titles = layout.titles
    reading.columns = name_columns(layout.labels)
    if not any(number > layout.after and any(cell not in ("", None) for cell in cells) for number, cells in sample):
        raise TableError("no-table", sheet=reading.sheet)
    findings = reading.findings
    if layout.titles:
        findings.add(
            "title-rows",
            "note",
            row=layout.titles[0][0],
            count=len(layout.titles),
            found=" · ".join(text for _n, text in layout.titles)[:300],
        )
    if not layout.header:
        findings.add("no-header", row=layout.after + 1)
    elif len(layout.header) > 1:
        findings.add("joined-header", "note", row=layout.header[0], count=len(layout.header))
    if layout.dropped:
        findings.add("empty-columns", "note", count=layout.dropped)
    if layout.sparse:
        findings.add("printed-report", row=layout.after + 1, percent=round(100 * layout.sparse))
    if layout.parted:
        findings.add("side-by-side", row=layout.header[0] if layout.header else None)
    seen: set[str] = set()
    for column in reading.columns:
        if not column.label and layout.header:
            findings.add("unlabelled-column", column=column.id)
        elif column.label and column.label in seen:
            findings.add("double-label", column=column.id, label=column.label)
        elif (said := meant(column.label)) is not None:
            findings.add("mojibake", row=layout.header[0], column=column.label, found=column.label[:60], meant=said[:60])
        seen.add(column.label)


# -- archives


def _open_member(path: Path, name: str, sheet: str | None, member: str | None, limits: Limits) -> Reading:
    """Unpack the member with the table into a temporary folder that lives as long as the reading."""
    with zipfile.ZipFile(path) as archive:
        files = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
        if len(files) > limits.max_members:
            raise TableError("too-many-members", number=len(files), limit=limits.max_members)
        for one in files:
            if PurePosixPath(one.filename).suffix.lower() in _ARCHIVES or _begins_like_archive(archive, one):
                raise TableError("nested-archive", member=one.filename[:100])
        offered = [one for one in files if PurePosixPath(one.filename).suffix.lower() not in _NOT_TABLES and one.file_size]
        tables = [one.filename for one in offered]
        if member is not None:
            offered = [one for one in offered if one.filename == member]
        if not offered:
            raise TableError("archive-without-table")
        chosen = max(offered, key=lambda one: one.file_size)
        folder = tempfile.TemporaryDirectory(prefix="ogptn-table-")
        try:
            target = Path(folder.name) / "member"
            _unpack(archive, chosen, target, limits)
            reading = open_table(target, filename=f"{name}/{chosen.filename}", sheet=sheet, limits=limits)
        except BaseException:
            folder.cleanup()
            raise
    reading._close.insert(0, folder.cleanup)
    reading.members = tables
    others = [one.filename for one in offered if one is not chosen]
    if others:
        reading.findings.add("other-members", names=", ".join(others[:20]))
    return reading


def _begins_like_archive(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """A member that is a plain archive whatever its name; workbooks, which are ZIP packages too, are not."""
    if PurePosixPath(member.filename).suffix.lower() in {".xlsx", ".xlsm", ".xlsb", ".ods", ".docx", ".pptx", ".odt"}:
        return False
    try:
        with archive.open(member) as file:
            start = file.read(4)
    except _BROKEN as error:
        raise TableError("damaged", reason=str(error)[:120]) from None
    return start in (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b\x08\x00")


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, limits: Limits) -> None:
    unpacked = 0
    ceiling = max(10_000_000, int(member.compress_size * limits.max_ratio))
    try:
        with archive.open(member) as source, target.open("wb") as file:
            while piece := source.read(1 << 20):
                unpacked += len(piece)
                if unpacked > min(limits.max_unpacked, ceiling):
                    raise TableError("zip-bomb", limit=limits.max_unpacked, ratio=round(limits.max_ratio))
                file.write(piece)
    except _BROKEN as error:
        raise TableError("damaged", reason=str(error)[:120]) from None
