"""What a file really is: by its first bytes and its inner names, never by its extension or its declared format.

Signatures: ECMA-376 and OpenDocument 1.3 part 2 §3 (ZIP packages), [MS-CFB] §2.2 (OLE compound files), RFC 8118 (PDF), each format's own
documentation for the rest.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from .findings import TableError
from .limits import Limits

START = 65_536
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: Formats that hold no table that we read: first bytes → the name to show.
_OTHER = (
    (b"%PDF-", "PDF"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "XZ"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"{\\rtf", "RTF"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\x00\x01\x00\x00Standard ", "Microsoft Access"),
    (b"PAR1", "Parquet"),
    (b"\x7fELF", "ELF"),
    (b"MZ", "EXE"),
)
#: Text: names of the formats whose cells are parted by characters.
DELIMITED = "delimited"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BOOK = re.compile(rb"W\x00o\x00r\x00k\x00b\x00o\x00o\x00k\x00|B\x00o\x00o\x00k\x00\x00\x00")
_HTML = re.compile(
    rb"^\s*(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body|table|meta|title|style|div|center|h1|p)\b",
    re.IGNORECASE | re.DOTALL,
)
_NAMES = {
    "delimited": "CSV",
    "xlsx": "XLSX",
    "xlsb": "XLSB",
    "xls": "XLS",
    "ods": "ODS",
    "html": "HTML",
    "xml": "XML",
    "spreadsheetml": "XML (Excel 2003)",
    "zip": "ZIP",
}
#: What people call the formats, in lower case without a dot.
_SAME = {
    "delimited": {"csv", "tsv", "tab", "txt", "text", "text/csv", "text/plain", "text/tab-separated-values", "application/csv", "dat"},
    "xlsx": {"xlsx", "xlsm", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "excel"},
    "xlsb": {"xlsb", "excel"},
    "xls": {"xls", "application/vnd.ms-excel", "excel", "xlt"},
    "ods": {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    "html": {"html", "htm", "text/html"},
    "xml": {"xml", "text/xml", "application/xml"},
    "spreadsheetml": {"xml", "text/xml", "application/xml"},
    "zip": {"zip", "application/zip", "application/x-zip-compressed"},
}


@dataclass(frozen=True)
class Detected:
    """What a file is.

    :ivar kind: ``delimited``, ``xlsx``, ``xlsb``, ``xls``, ``ods``, ``html``, ``xml``, ``spreadsheetml`` or ``zip``
    :ivar macros: the workbook holds macros
    """

    kind: str
    macros: bool = False

    @property
    def name(self) -> str:
        """The format's usual name: ``"XLSX"``."""
        return _NAMES[self.kind]

    def contradicts(self, declared: str) -> bool:
        """Whether a format that somebody declared (``"XLS"``, ``"csv"``, a media type; empty for none) is another one."""
        declared = declared.strip().lower().lstrip(".")
        known = set().union(*_SAME.values())
        return declared in known and declared not in _SAME[self.kind]


def detect(path: Path, limits: Limits | None = None) -> Detected:
    """Tell what a file is.

    :param path: the file
    :raises TableError: ``empty-file``, ``too-large``, ``encrypted``, ``damaged``, ``not-a-table``, and for archives those of
        :func:`check_archive`
    :raises OSError: the file cannot be read
    """
    limits = limits or Limits()
    size = path.stat().st_size
    if size == 0:
        raise TableError("empty-file")
    if size > limits.max_bytes:
        raise TableError("too-large", size=size, limit=limits.max_bytes)
    with path.open("rb") as file:
        start = file.read(START)
    if start.startswith(_OLE):
        return _compound(path)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _package(path, limits)
    if start[:4] in (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"):
        # Workbooks of Excel 2, 3 and 4: a bare stream of records, no compound file.
        raise TableError("not-a-table", kind="Excel 2–4")
    for signature, name in _OTHER:
        if start.startswith(signature):
            raise TableError("not-a-table", kind=name)
    if not start.strip(b"\x00 \t\r\n\x0b\x0c"):
        if not _any_content(path):
            raise TableError("empty-file")
        return Detected(DELIMITED)
    return _textual(start)


def _any_content(path: Path) -> bool:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            if piece.strip(b"\x00 \t\r\n\x0b\x0c"):
                return True
    return False


def _textual(start: bytes) -> Detected:
    text = start
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        text = text.removeprefix(mark)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or text[1:2] == b"\x00":
        text = text.replace(b"\x00", b"")
    text = text.lstrip()
    if text.startswith(b"<?xml") or re.match(rb"<(?!!doctype html)[A-Za-z_][\w.-]*(?:\s[^<>]*)?/?>", text, re.IGNORECASE):
        if b"urn:schemas-microsoft-com:office:spreadsheet" in text:
            return Detected("spreadsheetml")
        if _HTML.match(text) or re.search(rb"<html\b", text[:4096], re.IGNORECASE):
            return Detected("html")
        return Detected("xml")
    if _HTML.match(text):
        return Detected("html")
    if re.match(rb"\{\s*\"|\[\s*[\[{\"]", text):
        raise TableError("not-a-table", kind="JSON")
    return Detected(DELIMITED)


def _compound(path: Path) -> Detected:
    """An OLE compound file: a workbook of Excel 97, an encrypted one of later versions, or a document of another program."""
    found_book = found_encrypted = macros = False
    tail = b""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            window = tail + piece
            found_book = found_book or _BOOK.search(window) is not None
            found_encrypted = found_encrypted or _ENCRYPTED in window
            macros = macros or b"_\x00V\x00B\x00A\x00_\x00P\x00R\x00O\x00J" in window
            tail = window[-64:]
    if found_encrypted:
        raise TableError("encrypted")
    if not found_book:
        raise TableError("not-a-table", kind="Microsoft Office (OLE)")
    return Detected("xls", macros)


def _package(path: Path, limits: Limits) -> Detected:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            check_archive(archive, path.stat().st_size, limits)
            media_type = ""
            if "mimetype" in names:
                # A line in OpenDocument; in another archive it may be called so and be gigabytes.
                with archive.open("mimetype") as file:
                    media_type = file.read(200).decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise TableError("damaged", reason=str(error)[:120]) from None
    macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    if "xl/workbook.bin" in names:
        return Detected("xlsb", macros)
    if any(name.startswith("xl/") and name.endswith(".xml") for name in names):
        return Detected("xlsx", macros)
    if media_type.startswith("application/vnd.oasis.opendocument.spreadsheet"):
        return Detected("ods")
    if media_type.startswith("application/vnd.oasis.opendocument") or any(name.startswith(("word/", "ppt/")) for name in names):
        raise TableError("not-a-table", kind=media_type or "Microsoft Office")
    return Detected("zip")


def check_archive(archive: zipfile.ZipFile, packed: int, limits: Limits) -> None:
    """Refuse an archive that would cost too much, by what its directory says; what is unpacked is counted again while it is read.

    :param packed: size of the archive
    :raises TableError: ``too-many-members``, ``zip-bomb``, ``unsafe-member``, ``encrypted``
    """
    members = archive.infolist()
    if len(members) > limits.max_members * 20:
        raise TableError("too-many-members", number=len(members), limit=limits.max_members)
    total = sum(member.file_size for member in members)
    if total > limits.max_unpacked or (total > 10_000_000 and total > packed * limits.max_ratio):
        raise TableError("zip-bomb", limit=limits.max_unpacked, ratio=round(limits.max_ratio))
    for member in members:
        if member.flag_bits & 0x1:
            raise TableError("encrypted")
        if member.filename.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", member.filename) or "\x00" in member.filename:
            raise TableError("unsafe-member", member=member.filename[:100])
