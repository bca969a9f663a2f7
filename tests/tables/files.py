"""Files as public bodies publish them, made small: every number in them is invented."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.datetime import CALENDAR_MAC_1904

#: A table as it should come out, whatever it is written in.
ROWS = [["05", "Béja", "2018", "1 234,567"], ["06", "Gabès", "2019", "89,1"], ["07", "Médenine", "2020", "7,25"]]
LABELS = ["Code", "Gouvernorat", "Année", "Montant"]


def text_of(rows: Sequence[Sequence[str]], delimiter: str = ";", end: str = "\r\n") -> str:
    return "".join(delimiter.join(row) + end for row in rows)


def workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], **options: Any) -> Path:
    """An XLSX workbook: ``{sheet: rows}``.

    ``hidden``: names of hidden sheets; ``merge``: ``{sheet: ["A1:B1"]}``; ``mac``: days are counted from 1904.
    """
    book = openpyxl.Workbook()
    book.remove(book.active)  # pyright: ignore[reportArgumentType]
    if options.get("mac"):
        book.epoch = CALENDAR_MAC_1904
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        for area in options.get("merge", {}).get(name, ()):
            sheet.merge_cells(area)
        if name in options.get("hidden", ()):
            sheet.sheet_state = "hidden"
    book.save(path)
    return path


def patched(path: Path, change: dict[str, tuple[bytes, bytes] | bytes]) -> Path:
    """A package with members changed: ``{member: (old, new)}``, or added: ``{member: content}``."""
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if isinstance(swap := change.get(name), tuple):
                assert swap[0] in data
                data = data.replace(*swap)
            new.writestr(name, data)
        for name, added in change.items():
            if isinstance(added, bytes):
                new.writestr(name, added)
    return path


def xls(path: Path, rows: Sequence[Sequence[Any]], codepage: int = 1200) -> Path:
    """A workbook of Excel 97: BIFF8 records ([MS-XLS] §2.4) as the one stream of a compound file ([MS-CFB])."""

    def record(number: int, data: bytes) -> bytes:
        return struct.pack("<HH", number, len(data)) + data

    def begin(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 1997, 0, 6))

    sheet = begin(0x0010)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                text = cell.encode("utf-16-le")
                sheet += record(0x0204, struct.pack("<HHHHB", row, column, 0, len(cell), 1) + text)
            elif cell is not None:
                sheet += record(0x0203, struct.pack("<HHHd", row, column, 0, cell))
    sheet += record(0x000A, b"")
    head = begin(0x0005) + record(0x0042, struct.pack("<H", codepage))
    name = "Feuil1".encode("utf-16-le")
    bound = struct.pack("<IHBB", len(head) + 4 + 8 + len(name) + 4, 0, 6, 1) + name
    stream = head + record(0x0085, bound) + record(0x000A, b"") + sheet
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    return compound(path, "Workbook", stream)


def xls95(path: Path, rows: Sequence[Sequence[Any]], codepage: int = 1252, encoding: str = "cp1252") -> Path:
    """A workbook of Excel 5 and 95: BIFF5 records, texts in one byte each, in the stream ``Book``."""

    def record(number: int, data: bytes) -> bytes:
        return struct.pack("<HH", number, len(data)) + data

    def begin(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHH", 0x0500, kind, 0, 1995))

    sheet = begin(0x0010)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                text = cell.encode(encoding)
                sheet += record(0x0204, struct.pack("<HHHH", row, column, 0, len(text)) + text)
            elif cell is not None:
                sheet += record(0x0203, struct.pack("<HHHd", row, column, 0, cell))
    sheet += record(0x000A, b"")
    head = begin(0x0005) + record(0x0042, struct.pack("<H", codepage))
    bound = struct.pack("<IHB", len(head) + 4 + 7 + 6 + 4, 0, 6) + b"Feuil1"
    stream = head + record(0x0085, bound) + record(0x000A, b"") + sheet
    return compound(path, "Book", stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0"))


def xlsb(path: Path, rows: Sequence[Sequence[Any]], *, date_1904: bool = False) -> Path:
    """A workbook of binary records in a package ([MS-XLSB] §2.1.7, §2.4): one sheet of texts, numbers, truth values, days and
    errors (``#N/A``)."""

    def number(value: int) -> bytes:
        return bytes([value & 0x7F | 0x80, value >> 7]) if value > 0x7F else bytes([value])

    def record(kind: int, data: bytes = b"") -> bytes:
        return number(kind) + number(len(data)) + data

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    def cell(column: int, value: Any) -> bytes:
        head = struct.pack("<II", column, 1 if isinstance(value, dt.date) else 0)
        if isinstance(value, bool):
            return record(4, head + bytes([value]))
        if isinstance(value, dt.date):
            epoch = dt.date(1904, 1, 1) if date_1904 else dt.date(1899, 12, 30)
            return record(5, head + struct.pack("<d", (value - epoch).days))
        if value == "#N/A":
            return record(3, head + b"\x2a")
        return record(6, head + text(value)) if isinstance(value, str) else record(5, head + struct.pack("<d", value))

    sheet = record(129) + record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1)) + record(145)
    for row, cells in enumerate(rows):
        sheet += record(0, struct.pack("<IIHHBI", row, 0, 300, 0, 0, 0))
        sheet += b"".join(cell(column, value) for column, value in enumerate(cells) if value is not None)
    sheet += record(146) + record(130)
    bundle = struct.pack("<II", 0, 1) + text("rId1") + text("Feuil1")
    book = record(131) + record(153, struct.pack("<II", date_1904, 0) + text("")) + record(143) + record(156, bundle) + record(144)
    styles = [record(47, struct.pack("<HHHHHHI", 0, format_, 0, 0, 0, 0, 0)) for format_ in (0, 14)]
    types = "http://schemas.openxmlformats.org/package/2006/"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    binary = "application/vnd.ms-excel"

    def relations(*parts: tuple[str, str]) -> str:
        inner = (f'<Relationship Id="rId{at}" Type="{office}/{kind}" Target="{target}"/>' for at, (kind, target) in enumerate(parts, 1))
        return f'<Relationships xmlns="{types}relationships">{"".join(inner)}</Relationships>'

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{types}content-types"><Default Extension="bin" ContentType="{binary}.sheet.binary.macroEnabled.main"/>'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.bin" ContentType="{binary}.worksheet"/>'
            f'<Override PartName="/xl/styles.bin" ContentType="{binary}.styles"/></Types>',
        )
        package.writestr("_rels/.rels", relations(("officeDocument", "xl/workbook.bin")))
        package.writestr("xl/workbook.bin", book + record(132))
        package.writestr("xl/_rels/workbook.bin.rels", relations(("worksheet", "worksheets/sheet1.bin"), ("styles", "styles.bin")))
        package.writestr("xl/worksheets/sheet1.bin", sheet)
        package.writestr(
            "xl/styles.bin", record(278) + record(617, struct.pack("<I", len(styles))) + b"".join(styles) + record(618) + record(279)
        )
    return path


def compound(path: Path, name: str, stream: bytes) -> Path:
    """A compound file with one stream of at least 4,096 bytes: header, allocation table, directory, stream."""
    sectors = len(stream) // 512
    assert len(stream) >= 4096
    assert sectors < 120
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<I", 0) + b"\xff" * 432
    table = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]
    allocation = b"".join(struct.pack("<I", one) for one in table).ljust(512, b"\xff")

    def entry(title: str, kind: int, child: int, start: int, size: int) -> bytes:
        text = title.encode("utf-16-le") + b"\0\0"
        return text.ljust(64, b"\0") + struct.pack("<HBBIII16xI16xIQ", len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child, 0, start, size)

    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(name, 2, 0xFFFFFFFF, 2, len(stream)) + bytes(256)
    path.write_bytes(header + allocation + directory + stream)
    return path


def ods(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """An OpenDocument spreadsheet with one sheet."""
    cells = ""
    for row in rows:
        cells += "<table:table-row>"
        for cell in row:
            if isinstance(cell, (int, float)):
                cells += f'<table:table-cell office:value-type="float" office:value="{cell}"><text:p>{cell}</text:p></table:table-cell>'
            elif isinstance(cell, dt.date):
                cells += f'<table:table-cell office:value-type="date" office:date-value="{cell}"><text:p>{cell}</text:p></table:table-cell>'
            else:
                cells += f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        cells += "</table:table-row>"
    names = "".join(f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names} office:version="1.3"><office:body><office:spreadsheet>'
        f'<table:table table:name="Feuille1">{cells}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    return path


def adeb(lines: int = 3, root: str = "AREPLFTMUN") -> bytes:
    """An annual law of a municipality as ADEB exports it, in Windows-1256: element names as documented, numbers invented."""
    body = "".join(
        f"<LIGNE><REC_TITRES>1</REC_TITRES><REC_ARTICL>{11 + number}</REC_ARTICL><REC_PARAGR>0{number}</REC_PARAGR>"
        "<REC_SPARAG>00</REC_SPARAG>"
        f"<LIBPAR>المعلوم على العقارات المبنية</LIBPAR><LRC_MNTAC1>{1000 * (number + 1)}</LRC_MNTAC1></LIGNE>"
        for number in range(lines)
    )
    text = (
        f'<?xml version="1.0" encoding="WINDOWS-1256"?>\n<{root}><MUNICI>بلدية تجريبية</MUNICI><GESTION>2018</GESTION><NUM>1</NUM>'
        f"<LIST_LIGNE>{body}</LIST_LIGNE></{root}>"
    )
    return text.encode("cp1256")
