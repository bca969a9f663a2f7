"""Rows of workbooks: XLSX, XLSM, XLSB, XLS and ODS by way of `calamine`, a sheet at a time."""

from __future__ import annotations

import datetime as dt
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import python_calamine as calamine
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from .findings import Findings, TableError
from .limits import Limits

Cell = str | int | float | bool | dt.date | dt.datetime | dt.time | dt.timedelta | None
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STEP = 1 << 20
#: A cell of SpreadsheetML (ECMA-376 part 1 §18.3.1.4): reference, attributes, content.
_CELL = re.compile(rb"<c\b([^>]*?)(?:/>|>(.*?)</c>)", re.DOTALL)
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_HAS_VALUE = re.compile(rb"<v[^>]*>[^<]|<is>")
_ROW = re.compile(rb'<row\b[^>]*?\br="(\d{1,7})"')
#: Records of binary workbooks ([MS-XLSB] §2.3): BrtWbProp, BrtBundleSh, BrtRowHdr, BrtCellError and BrtFmlaError.
_WORKBOOK, _SHEET, _ROW_HEADER, _ERRORS = 153, 156, 0, (3, 11)
#: [MS-XLSB] §2.5.97.2 BErr.
_ERROR_NAMES = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}
#: Run apart: prints how many rows and columns a sheet spans.
_PROBE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]),) * 2)
import python_calamine
with open(sys.argv[1], "rb") as file:
    sheet = python_calamine.CalamineWorkbook.from_filelike(file).get_sheet_by_name(sys.argv[2])
    if sheet.end is not None:
        print(sheet.end[0] + 1, sheet.end[1] + 1)
"""


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook.

    :ivar hidden: it is not shown to who opens the workbook
    """

    name: str
    hidden: bool = False


class Workbook:
    """A workbook as sheets of rows.

    :raises TableError: ``encrypted``, ``damaged``
    """

    def __init__(self, path: Path, kind: str, limits: Limits) -> None:
        self.path = path
        self.kind = kind
        self.limits = limits
        self._loaded: tuple[str, calamine.CalamineSheet] | None = None
        self._tried: set[str] = set()
        try:
            # By content: calamine would otherwise believe the extension, which is wrong often enough.
            self._file = path.open("rb")
            self._book = calamine.CalamineWorkbook.from_filelike(self._file)
            self.sheets = [
                Sheet(sheet.name, sheet.visible is not calamine.SheetVisibleEnum.Visible)
                for sheet in self._book.sheets_metadata
                if sheet.typ is calamine.SheetTypeEnum.WorkSheet
            ]
        except calamine.PasswordError:
            raise TableError("encrypted") from None
        except calamine.CalamineError as error:
            raise TableError("damaged", reason=str(error)[:120]) from None
        self.epoch = self._epoch()

    def close(self) -> None:
        self._loaded = None
        self._file.close()

    def rows(self, sheet: str, findings: Findings | None = None) -> Iterator[tuple[int, Sequence[Cell]]]:
        """``(row number as a spreadsheet program shows it, cells from column A)``; blank rows are empty lists.

        :param findings: told what is odd, before the first row
        :raises TableError: ``too-many-cells``, ``damaged``, ``encrypted``
        """
        try:
            found = self._load(sheet, findings)
            if found.start is None or found.end is None:
                return
            self._check_size(found.end[0] + 1, found.end[1] + 1, sheet)
            if findings is not None:
                inside = [area for area in found.merged_cell_ranges or () if area[0][0] > found.start[0] + 5 and area[1][0] > area[0][0]]
                if inside:
                    findings.add("merged-cells", row=inside[0][0][0] + 1, count=len(inside))
            left: list[Any] = [""] * found.start[1]
            for number, cells in enumerate(found.iter_rows(), 1):
                if any(cell != "" for cell in cells):
                    yield number, left + cells if left else cells
                else:
                    yield number, []
        except calamine.PasswordError:
            raise TableError("encrypted", sheet=sheet) from None
        except calamine.CalamineError as error:
            raise TableError("damaged", sheet=sheet, reason=str(error)[:120]) from None

    def merged(self, sheet: str) -> list[tuple[int, int, int, int]]:
        """Merged cells of a sheet: ``(first row, first column, last row, last column)``, from 0."""
        try:
            found = self._load(sheet, None).merged_cell_ranges or []
        except calamine.CalamineError:
            return []
        return [(begin[0], begin[1], end[0], end[1]) for begin, end in found]

    def _load(self, sheet: str, findings: Findings | None) -> calamine.CalamineSheet:
        """A sheet in memory: the last one is kept, and one that would not fit is refused before."""
        if self._loaded is None or self._loaded[0] != sheet or findings is not None:
            if self.kind == "xlsx":
                self._look(sheet, findings)
            elif self.kind in ("xlsb", "ods"):
                self._try(sheet)
                if self.kind == "xlsb" and findings is not None:
                    self._look_binary(sheet, findings)
        if self._loaded is None or self._loaded[0] != sheet:
            self._loaded = None
            self._loaded = (sheet, self._book.get_sheet_by_name(sheet))
        return self._loaded[1]

    def _try(self, sheet: str) -> None:
        """Ask a process of its own, with a ceiling of memory, how far a sheet spans: calamine fills the whole rectangle, and a process that
        gets no memory for it is ended, not told.

        :raises TableError: ``too-many-cells``
        """
        if sheet in self._tried:
            return
        ceiling = self.limits.max_cells * 100 + 1_000_000_000
        done = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", _PROBE, str(self.path), sheet, str(ceiling)], capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode < 0 or "MemoryError" in done.stderr:
            raise TableError("too-many-cells", sheet=sheet, number=self.limits.max_cells, limit=self.limits.max_cells)
        if done.returncode == 0 and done.stdout.strip():
            height, width = map(int, done.stdout.split())
            self._check_size(height, width, sheet)
        self._tried.add(sheet)

    def _check_size(self, height: int, width: int, sheet: str) -> None:
        if height * width > self.limits.max_cells:
            raise TableError("too-many-cells", sheet=sheet, number=height * width, limit=self.limits.max_cells)

    # -- what calamine does not tell: how far a sheet spans before it is in memory, formulas without values, the calendar

    def _epoch(self) -> int:
        if self.kind == "xlsb":
            return self._binary_epoch()
        if self.kind != "xlsx":
            return 1900
        with zipfile.ZipFile(self.path) as archive:
            try:
                found = re.search(rb'<workbookPr\b[^>]*\bdate1904="(1|true)"', archive.read("xl/workbook.xml"))
            except (KeyError, zipfile.BadZipFile):
                return 1900
        return 1904 if found else 1900

    def _part(self, archive: zipfile.ZipFile, sheet: str) -> str | None:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        try:
            book = etree.fromstring(archive.read("xl/workbook.xml"), parser)
            relations = etree.fromstring(archive.read("xl/_rels/workbook.xml.rels"), parser)
        except (KeyError, etree.XMLSyntaxError):
            return None
        wanted = next((one.get(_RELATION_ID) for one in book.iter("{*}sheet") if one.get("name") == sheet), None)
        target = next((one.get("Target") for one in relations.iter(f"{_RELATIONS}Relationship") if one.get("Id") == wanted), None)
        if not target:
            return None
        name = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        return name if name in archive.namelist() else None

    def _look(self, sheet: str, findings: Findings | None) -> None:
        """Read a sheet's XML in pieces: its extent, and what is odd in its cells.

        :raises TableError: ``too-many-cells``, ``zip-bomb``, ``damaged``
        """
        with zipfile.ZipFile(self.path) as archive:
            part = self._part(archive, sheet)
            if part is None:
                return
            widest = tallest = unpacked = 0
            rest = b""
            try:
                with archive.open(part) as file:
                    while piece := file.read(_STEP):
                        unpacked += len(piece)
                        if unpacked > self.limits.max_unpacked:
                            raise TableError("zip-bomb", limit=self.limits.max_unpacked, ratio=round(self.limits.max_ratio))
                        window = rest + piece
                        cut = window.rfind(b"</row>") + 6
                        if cut < 6:
                            # A row is in pieces; a very long one is looked at as it is.
                            if len(window) < 8 * _STEP:
                                rest = window
                                continue
                            cut = len(window)
                        chunk, rest = window[:cut], window[cut:]
                        rows = _ROW.findall(chunk)
                        tallest = max(tallest, int(rows[-1]) if rows else 0)
                        widest = max(widest, _widest(chunk))
                        self._check_size(tallest, widest, sheet)
                        if findings is not None and (b"<f" in chunk or b't="e"' in chunk):
                            _odd_cells(chunk, findings)
                    self._check_size(max(tallest, 1), max(widest, _widest(rest)), sheet)
            except (zipfile.BadZipFile, EOFError, OSError) as error:
                raise TableError("damaged", sheet=sheet, reason=str(error)[:120]) from None

    def _binary_epoch(self) -> int:
        """The calendar of a binary workbook: the first bit of ``BrtWbProp`` ([MS-XLSB] §2.4.828)."""
        with zipfile.ZipFile(self.path) as archive:
            try:
                records = _records(archive.read("xl/workbook.bin"))
                found = next((data for kind, data in records if kind == _WORKBOOK and data), b"\0")
            except (KeyError, zipfile.BadZipFile):
                return 1900
        return 1904 if found[0] & 1 else 1900

    def _look_binary(self, sheet: str, findings: Findings) -> None:
        """Say which cells of a binary sheet hold an error of the spreadsheet program: calamine gives them back empty."""
        with zipfile.ZipFile(self.path) as archive:
            try:
                parser = etree.XMLParser(resolve_entities=False, no_network=True)
                relations = etree.fromstring(archive.read("xl/_rels/workbook.bin.rels"), parser)
                targets = {one.get("Id"): one.get("Target") or "" for one in relations.iter(f"{_RELATIONS}Relationship")}
                bundles = (_strings(data, 8) for kind, data in _records(archive.read("xl/workbook.bin")) if kind == _SHEET)
                wanted = next((targets.get(found[0], "") for found in bundles if found[1:] == [sheet]), "")
                name = wanted.lstrip("/") if wanted.startswith("/") else f"xl/{wanted}"
                if not wanted or archive.getinfo(name).file_size > self.limits.max_unpacked:
                    return
                row = 0
                for kind, data in _records(archive.read(name)):
                    if kind == _ROW_HEADER and len(data) >= 4:
                        row = struct.unpack_from("<I", data)[0] + 1
                    elif kind in _ERRORS and len(data) >= 9:
                        findings.add("cell-error", row=row, found=_ERROR_NAMES.get(data[8], "#"))
            except (KeyError, zipfile.BadZipFile, etree.XMLSyntaxError):
                # What calamine could read is read; only what it does not tell remains untold.
                return


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """``(kind, content)`` of the records of a binary part ([MS-XLSB] §2.1.4: kind in one byte or two, length in one to four)."""
    at, end = 0, len(data)
    while at + 1 < end:
        kind = data[at]
        at += 1
        if kind & 0x80:
            kind = kind & 0x7F | data[at] << 7
            at += 1
        length = shift = 0
        while at < end:
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift > 21:
                break
        yield kind, data[at : at + length]
        at += length


def _strings(data: bytes, at: int) -> list[str]:
    """The texts ([MS-XLSB] §2.5.168 XLWideString: length, then UTF-16) of a record from a place on."""
    found = []
    while at + 4 <= len(data):
        length = struct.unpack_from("<I", data, at)[0]
        at += 4
        if at + 2 * length > len(data):
            break
        found.append(data[at : at + 2 * length].decode("utf-16-le", "replace"))
        at += 2 * length
    return found


def _widest(chunk: bytes) -> int:
    """The last column with a cell: the longest reference that is the greatest, read off the last cell of each row."""
    ends = re.findall(rb'\br="([A-Z]{1,3})\d+"[^<>]*?(?:/>|>(?:(?!<c\b).)*?)</row>', chunk, re.DOTALL)
    return max((column_number(name.decode()) for name in set(ends)), default=0)


def _odd_cells(chunk: bytes, findings: Findings) -> None:
    for attributes, content in _CELL.findall(chunk):
        formula = b"<f" in content
        error = b't="e"' in attributes
        if not (error or (formula and b't="str"' not in attributes and not _HAS_VALUE.search(content))):
            continue
        place = _REFERENCE.search(attributes)
        letters, row = (place[1].decode(), int(place[2])) if place else ("", None)
        if error:
            value = re.search(rb"<v>(.*?)</v>", content)
            findings.add("cell-error", row=row, found=value[1].decode("utf-8", "replace")[:20] if value else "#")
        else:
            findings.add("formula-without-value", row=row, cell=f"{letters}{row}")


def column_number(letters: str) -> int:
    """``"A"`` is 1, ``"XFD"`` is 16,384."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """1 is ``"A"``, 16,384 is ``"XFD"``."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
