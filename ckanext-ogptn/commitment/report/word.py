"""A Word document (``.docx``, ISO/IEC 29500) as rows and text, read from the XML itself.

The file comes from a stranger: its size, the size it unfolds to, its encryption, its macros and its entities are checked before anything is
read, and nothing that it points to is ever fetched. What Word shows is what is read: insertions that are tracked count, deletions do not;
content controls, smart tags, hyperlinks and text boxes are looked into; line breaks and tabs stay.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs

from .. import office
from .blocks import BULLET, Block, from_markdown, squeeze
from .layout import problem
from .rows import Cell, Document, ReportError, Row, Stream, Text

#: Bytes. A report of twenty forms has a hundred thousand; pictures may be in it.
LIMIT_FILE = 20_000_000
#: Bytes of one part of XML.
LIMIT_PART = 30 * 1024 * 1024
LIMIT_DEPTH = 20

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
#: Of the "strict" kind of the same standard.
_W_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MAIN = "word/document.xml"
_BULLETS = {"bullet", "none", "image", None}


def read(data: bytes) -> Document:
    """Rows and text of a ``.docx``.

    :raises ReportError: too large, encrypted, an old ``.doc``, with macros, no Word document, damaged, or made to exhaust memory
    """
    check_size(len(data))
    try:
        office.refuse_ole(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = _parts(archive)
    except office.OfficeError as refused:
        raise ReportError(problem("old-word" if refused.slug == "old" else refused.slug, **_limits(refused.slug))) from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, zipfile.zlib.error) as error:  # pyright: ignore[reportAttributeAccessIssue]
        raise ReportError(problem("damaged", reason=str(error)[:100])) from None
    document = _xml(parts[_MAIN])
    return _Reading(document, {name: _xml(content) for name, content in parts.items() if name != _MAIN}).document()


def check_size(size: int) -> None:
    """Refuse a file before it is read into memory.

    :param size: bytes
    :raises ReportError: too large
    """
    if size > LIMIT_FILE:
        raise ReportError(problem("too-large", size=f"{size / 10**6:.1f} MB", limit=f"{LIMIT_FILE // 10**6} MB"))


def _limits(slug: str) -> dict[str, str]:
    return {"limit": f"{office.LIMIT_UNPACKED // 2**20} MB"} if slug == "bomb" else {}


def _parts(archive: zipfile.ZipFile) -> dict[str, bytes]:
    names = office.check(archive)
    if _MAIN not in names:
        raise ReportError(problem("not-word"))
    wanted = (_MAIN, "word/styles.xml", "word/numbering.xml", "word/footnotes.xml", "word/endnotes.xml", "[Content_Types].xml")
    parts = {name: office.read(archive, name, LIMIT_PART) for name in wanted if name in names}
    if b"macroEnabled" in parts.pop("[Content_Types].xml", b""):
        raise ReportError(problem("macros"))
    return parts


def _xml(content: bytes) -> Any:
    # Word writes no document type; one that is there declares entities.
    if office.declares_entities(content):
        raise ReportError(problem("entities"))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    content = content.replace(_W_STRICT.encode(), _W.encode())
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ReportError(problem("damaged", reason=str(error)[:100])) from None


def _w(name: str) -> str:
    return f"{{{_W}}}{name}"


#: Left out with all that is in them: what is deleted or moved away, properties, the second reading of a drawing, fields' codes.
_SKIPPED = {_w(name) for name in ("del", "moveFrom", "rPr", "pPr", "tblPr", "trPr", "tcPr", "sectPr", "instrText", "delText")}
_SKIPPED |= {f"{_MC}Fallback"}


class _Reading:
    def __init__(self, main: Any, parts: dict[str, Any]) -> None:
        self.main = main
        self.tables = 0
        self.tracked = bool(next(main.iter(_w("ins"), _w("del"), _w("moveFrom")), None) is not None)
        self.footnotes: dict[tuple[str, str], str] = {}
        self.referred = 0
        self.styles = self._styles(parts.get("word/styles.xml"))
        self.formats = self._formats(parts.get("word/numbering.xml"))
        self.counters: dict[tuple[str, int], int] = {}
        for kind in ("footnote", "endnote"):
            for note in self._all(parts.get(f"word/{kind}s.xml"), kind):
                text = " ".join(self._text(note).split())
                if text:
                    self.footnotes[kind, note.get(_w("id")) or ""] = text

    def document(self) -> Document:
        body = self.main.find(_w("body"))
        if body is None:
            raise ReportError(problem("not-word"))
        stream: Stream = []
        self._walk(body, stream, 0)
        warnings = []
        if self.referred:
            warnings.append(problem("footnotes", count=self.referred))
        if self.tracked:
            warnings.append(problem("tracked-changes"))
        return Document(stream, warnings)

    @staticmethod
    def _all(root: Any, name: str) -> Iterator[Any]:
        return iter(()) if root is None else root.iter(_w(name))

    def _styles(self, root: Any) -> dict[str, tuple[str, int]]:
        """Lists that come with a paragraph's style: ``{style: (numbering, depth)}``."""
        own: dict[str, tuple[str, int]] = {}
        above: dict[str, str] = {}
        for style in self._all(root, "style"):
            name = style.get(_w("styleId")) or ""
            found = self._numbering(style.find(_w("pPr")))
            if found:
                own[name] = found
            based = style.find(_w("basedOn"))
            if based is not None:
                above[name] = based.get(_w("val")) or ""
        for name in above:
            ancestor, steps = name, 0
            while ancestor not in own and ancestor in above and steps < LIMIT_DEPTH:
                ancestor, steps = above[ancestor], steps + 1
            if ancestor in own:
                own[name] = own[ancestor]
        return own

    def _formats(self, root: Any) -> dict[str, dict[int, str | None]]:
        """``{numbering: {depth: format}}``."""
        abstract: dict[str, dict[int, str | None]] = {}
        for listing in self._all(root, "abstractNum"):
            levels: dict[int, str | None] = {}
            for level in listing.iter(_w("lvl")):
                form = level.find(_w("numFmt"))
                levels[_integer(level.get(_w("ilvl")))] = None if form is None else form.get(_w("val"))
            abstract[listing.get(_w("abstractNumId")) or ""] = levels
        found: dict[str, dict[int, str | None]] = {}
        for number in self._all(root, "num"):
            reference = number.find(_w("abstractNumId"))
            if reference is not None:
                found[number.get(_w("numId")) or ""] = abstract.get(reference.get(_w("val")) or "", {})
        return found

    @staticmethod
    def _numbering(properties: Any) -> tuple[str, int] | None:
        listed = None if properties is None else properties.find(_w("numPr"))
        if listed is None:
            return None
        number, depth = listed.find(_w("numId")), listed.find(_w("ilvl"))
        return ("0" if number is None else number.get(_w("val")) or "0", 0 if depth is None else _integer(depth.get(_w("val"))))

    def _walk(self, parent: Any, stream: Stream, depth: int) -> None:
        if depth > LIMIT_DEPTH:
            raise ReportError(problem("damaged", reason="nesting"))
        for child in parent:
            if child.tag == _w("p"):
                blocks = self._paragraph(child)
                if blocks:
                    stream.append(Text(blocks))
            elif child.tag == _w("tbl"):
                stream += self._table(child, depth + 1)
            elif child.tag not in _SKIPPED and isinstance(child.tag, str):
                # Content controls, custom XML, insertions: their paragraphs are the document's.
                self._walk(child, stream, depth + 1)

    # ------------------------------------------------------------------ tables

    def _table(self, table: Any, depth: int) -> list[Row]:
        number, self.tables = self.tables, self.tables + 1
        rows: list[Row] = []
        for line in self._children(table, "tr", depth):
            row = Row([], number)
            properties = line.find(_w("trPr"))
            before = None if properties is None else properties.find(_w("gridBefore"))
            at = 0 if before is None else _integer(before.get(_w("val")))
            for box in self._children(line, "tc", depth):
                properties = box.find(_w("tcPr"))
                span = None if properties is None else properties.find(_w("gridSpan"))
                merge = None if properties is None else properties.find(_w("vMerge"))
                width = max(1, min(100, 1 if span is None else _integer(span.get(_w("val")), 1)))
                continued = merge is not None and merge.get(_w("val")) != "restart"
                cell = Cell([], at, width, continued)
                self._fill(box, cell, depth + 1)
                row.cells.append(cell)
                at += width
            rows.append(row)
        return rows

    def _children(self, parent: Any, name: str, depth: int) -> Iterator[Any]:
        if depth > LIMIT_DEPTH:
            raise ReportError(problem("damaged", reason="nesting"))
        for child in parent:
            if child.tag == _w(name):
                yield child
            elif child.tag in (_w("sdt"), _w("sdtContent"), _w("customXml"), _w("ins"), _w("moveTo")):
                yield from self._children(child, name, depth + 1)

    def _fill(self, parent: Any, cell: Cell, depth: int) -> None:
        if depth > LIMIT_DEPTH:
            raise ReportError(problem("damaged", reason="nesting"))
        for child in parent:
            if child.tag == _w("p"):
                cell.blocks += self._paragraph(child)
                cell.raw = f"{cell.raw}\n{squeeze(self._text(child))}".strip()
            elif child.tag == _w("tbl"):
                # A table inside a cell: its text, row by row.
                for row in self._table(child, depth + 1):
                    line = " | ".join(squeeze(inner.text).replace("\n", " ") for inner in row.cells)
                    if line.strip(" |"):
                        cell.blocks.append(Block(line))
            elif child.tag not in _SKIPPED and isinstance(child.tag, str):
                self._fill(child, cell, depth + 1)

    # ------------------------------------------------------------------ text

    def _paragraph(self, paragraph: Any) -> list[Block]:
        text = squeeze(self._text(paragraph))
        mark, depth = self._mark(paragraph)
        if not text:
            return []
        found = [Block(text, mark, depth)]
        if not mark:
            # A list that was typed by hand.
            typed = _typed_items(text)
            if typed:
                return typed
        return found

    def _mark(self, paragraph: Any) -> tuple[str, int]:
        properties = paragraph.find(_w("pPr"))
        listed = self._numbering(properties)
        if listed is None and properties is not None:
            style = properties.find(_w("pStyle"))
            name = "" if style is None else style.get(_w("val")) or ""
            listed = self.styles.get(name)
            # Word's own styles for deeper lists, "ListBullet2" and so on, are lists of their own.
            if listed is not None and listed[1] == 0 and name[-1] in "2345" and name.startswith("List"):
                return BULLET, int(name[-1]) - 1
        if listed is None or listed[0] == "0":
            return "", 0
        number, depth = listed
        form = self.formats.get(number, {}).get(depth)
        if form in _BULLETS:
            return BULLET, depth
        self.counters[number, depth] = self.counters.get((number, depth), 0) + 1
        for deeper in [key for key in self.counters if key[0] == number and key[1] > depth]:
            del self.counters[deeper]
        return f"{self.counters[number, depth]}.", depth

    def _text(self, element: Any, depth: int = 0) -> str:
        if depth > LIMIT_DEPTH * 3:
            raise ReportError(problem("damaged", reason="nesting"))
        pieces: list[str] = []
        for child in element:
            tag = child.tag
            if tag == _w("t"):
                pieces.append(child.text or "")
            elif tag in (_w("br"), _w("cr")):
                pieces.append("\n")
            elif tag in (_w("tab"), _w("ptab")):
                pieces.append("\t")
            elif tag == _w("noBreakHyphen"):
                pieces.append("-")
            elif tag == _w("sym"):
                pieces.append(_symbol(child))
            elif tag in (_w("footnoteReference"), _w("endnoteReference")):
                kind = "footnote" if tag == _w("footnoteReference") else "endnote"
                note = self.footnotes.get((kind, child.get(_w("id")) or ""))
                if note:
                    self.referred += 1
                    pieces.append(f" ({note})")
            elif tag == _w("p"):
                # Paragraphs of a text box, which stand inside a run.
                pieces.append(f"\n{self._text(child, depth + 1)}\n")
            elif tag not in _SKIPPED and isinstance(tag, str):
                pieces.append(self._text(child, depth + 1))
        return "".join(pieces)


def _typed_items(text: str) -> list[Block]:
    blocks = from_markdown(text)
    return blocks if any(block.mark for block in blocks) else []


#: Crosses and ticks of the fonts Wingdings and Wingdings 2, by their private code points' last byte.
_SYMBOLS = {0xFB: "×", 0xFD: "☒", 0xFE: "☑", 0xFC: "✓", 0x4F: "×", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0xA8: "", 0x6F: "", 0xA3: ""}


def _symbol(element: Any) -> str:
    try:
        code = int(element.get(_w("char")) or "", 16)
    except ValueError:
        return ""
    font = (element.get(_w("font")) or "").lower()
    if font.startswith("wingdings"):
        return _SYMBOLS.get(code & 0xFF, "\N{REPLACEMENT CHARACTER}")
    return "·" if font == "symbol" and code & 0xFF == 0xB7 else chr(code) if 0x20 <= code < 0xD800 else "\N{REPLACEMENT CHARACTER}"


def _integer(value: str | None, default: int = 0) -> int:
    try:
        return max(0, min(1000, int(value or "")))
    except ValueError:
        return default
