"""Rows of HTML tables, of Excel 2003's XML, and of XML in which one element is repeated per record (as ADEB writes it)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree, html  # pyright: ignore[reportAttributeAccessIssue]

from .encoding import find_encoding, single_byte
from .findings import Findings, TableError
from .limits import Limits

_STEP = 1 << 20
#: HTML is held in memory as a whole: a page that programs save as a workbook is small.
_MOST_HTML = 50_000_000
_SS = "{urn:schemas-microsoft-com:office:spreadsheet}"


# -- HTML


def html_rows(path: Path, findings: Findings, limits: Limits) -> list[tuple[int, list[str]]]:
    """The rows of the largest table of a page; rows and columns that cells span are filled with the cell's text, once.

    :raises TableError: ``web-page`` when there is no table, ``too-large``, ``too-many-cells``
    """
    size = path.stat().st_size
    if size > _MOST_HTML:
        raise TableError("too-large", size=size, limit=_MOST_HTML)
    content = path.read_bytes()
    declared = re.search(rb"charset=[\"']?([\w-]+)", content[:4096], re.IGNORECASE)
    encoding = declared[1].decode("ascii", "replace") if declared else ""
    try:
        text = content.decode("utf-8-sig")
        encoding = "utf-8"
    except UnicodeDecodeError:
        try:
            text = content.decode(encoding or single_byte(content[:200_000]), "replace")
        except LookupError:
            text = content.decode(single_byte(content[:200_000]), "replace")
    try:
        root = html.document_fromstring(text.replace("\x00", "") if not text.lstrip().startswith("<?xml") else text.split("?>", 1)[1])
    except (etree.ParserError, ValueError):
        raise TableError("web-page", title="") from None
    title = " ".join((root.findtext(".//title") or "").split())[:80]
    tables = [table for table in root.iter("table") if len(list(table.iter("tr"))) > 1]
    if not tables:
        raise TableError("web-page", title=title or "HTML")
    table = max(tables, key=lambda one: sum(1 for _cell in one.iter("td", "th")) if not list(one.iterdescendants("table")) else 0)
    rows: list[tuple[int, list[str]]] = []
    below: dict[int, int] = {}
    cells_read = 0
    for number, line in enumerate(table.iter("tr"), 1):
        cells: list[str] = []
        for cell in line:
            if cell.tag not in ("td", "th"):
                continue
            while below.get(len(cells), 0) > 0:
                below[len(cells)] -= 1
                cells.append("")
            for part in cell.iter("br", "p", "div", "li"):
                part.tail = f" {part.tail or ''}"
            across, down = _span(cell.get("colspan")), _span(cell.get("rowspan"))
            for place in range(across):
                if down > 1:
                    below[len(cells)] = down - 1
                cells.append(" ".join(cell.text_content().split()) if place == 0 else "")
        cells_read += len(cells)
        if cells_read > limits.max_cells:
            raise TableError("too-many-cells", number=cells_read, limit=limits.max_cells)
        rows.append((number, cells))
    if len(tables) > 1:
        findings.add("other-sheets", "note", names=str(len(tables) - 1))
    return rows


def _span(value: str | None) -> int:
    return min(_count(value), 1000) or 1


def _count(value: str | None) -> int:
    """A number of rows or columns as an attribute gives it; 0 where it gives none that a sheet can have."""
    return int(value) if value and re.fullmatch(r"[0-9]{1,9}", value) else 0


# -- Excel 2003's XML


def spreadsheetml_sheets(path: Path) -> list[str]:
    """Names of the worksheets.

    :raises TableError: ``damaged``, ``entity``
    """
    return [str(element.get(f"{_SS}Name") or "") for _event, element in _parse(path, (f"{_SS}Worksheet",), ("start",))]


def spreadsheetml_rows(path: Path, sheet: str, limits: Limits) -> Iterator[tuple[int, list[Any]]]:
    """The rows of a worksheet ([MS-OE376] and the XML Spreadsheet reference of 2003)."""
    number, inside = 0, False
    for event, element in _parse(path, (f"{_SS}Worksheet", f"{_SS}Row"), ("start", "end")):
        if element.tag == f"{_SS}Worksheet":
            inside = event == "start" and (element.get(f"{_SS}Name") or "") == sheet
            number = 0
            if event == "end":
                element.clear()
            continue
        if event == "start":
            continue
        if inside:
            target = max(_count(element.get(f"{_SS}Index")), number + 1)
            if target > number + 1:
                # The rows between are blank, and may be millions: one of them tells it.
                yield target - 1, []
            number = target
            cells: list[Any] = []
            for cell in element.iter(f"{_SS}Cell"):
                place = _count(cell.get(f"{_SS}Index"))
                cells += [""] * (min(place, limits.max_columns * 20) - 1 - len(cells))
                data = cell.find(f"{_SS}Data")
                text = "".join(data.itertext()) if data is not None else ""
                cells.append(_typed(text, data.get(f"{_SS}Type") if data is not None else None))
                cells += [""] * min(_count(cell.get(f"{_SS}MergeAcross")), limits.max_columns)
            yield number, cells
        _forget(element)


def _typed(text: str, kind: str | None) -> Any:
    if kind == "Number" and text:
        try:
            return float(text) if not re.fullmatch(r"-?\d{1,15}", text) else int(text)
        except ValueError:
            return text
    return text


# -- XML of records


class Records:
    """XML in which one element is repeated for each record; its children, or its attributes, are the columns.

    Elements around a record that hold text only (``MUNICI``, ``GESTION``) are columns too, with the same value in each row: in ADEB's files
    they say whose budget it is.

    :raises TableError: ``no-table``, ``damaged``, ``entity``
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self.tag = self._repeated()
        self.root = ""
        columns: dict[str, None] = {}
        for _number, record in self._records():
            columns |= dict.fromkeys(record)
            if len(columns) > limits.max_columns:
                raise TableError("too-many-columns", number=len(columns), limit=limits.max_columns)
        self.columns = list(columns)
        if not self.columns:
            raise TableError("no-table")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The header, then a row per record; numbers are lines of the file."""
        yield 1, list(self.columns)
        for number, record in self._records():
            yield number, [record.get(column, "") for column in self.columns]

    def _repeated(self) -> str:
        """The element that holds records: of those repeated, the one with the most cells below it."""
        leaves: Counter[str] = Counter()
        times: Counter[str] = Counter()
        depth: dict[str, int] = {}
        level = 0
        for event, element in _parse(self.path, None, ("start", "end")):
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                level += 1
                depth.setdefault(tag, level)
                continue
            level -= 1
            if len(element) or element.attrib:
                times[tag] += 1
                leaves[tag] += sum(1 for child in element if not len(child)) + len(element.attrib)
            if level > 1 and (len(element) or level > 2) and not _inside_small(element):
                element.clear()
        repeated = {tag: leaves[tag] for tag in times if times[tag] > 1 and leaves[tag] >= 2 * times[tag]}
        if not repeated:
            once = {tag: leaves[tag] for tag in times if leaves[tag] >= 2}
            if not once:
                raise TableError("no-table")
            repeated = once
        return max(repeated, key=lambda tag: (repeated[tag], -depth[tag]))

    def _records(self) -> Iterator[tuple[int, dict[str, str]]]:
        around: list[dict[str, str]] = []
        inside = 0
        for event, element in _parse(self.path, None, ("start", "end")):
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                if tag == self.tag:
                    inside += 1
                elif not inside:
                    around.append({f"@{_local(name)}": value for name, value in element.attrib.items()})
                continue
            if tag == self.tag:
                inside -= 1
                if inside:
                    continue
                record: dict[str, str] = {}
                for outer in around:
                    record |= outer
                record |= {_local(name): value for name, value in element.attrib.items()}
                _flatten(element, "", record)
                yield int(element.sourceline or 0), record
                _forget(element)
                continue
            if inside:
                continue
            if around:
                around.pop()
            text = (element.text or "").strip()
            if around and text and not len(element):
                around[-1][_local(tag)] = text
            _forget(element)


def _inside_small(element: Any) -> bool:
    """Whether an element is the leaf of a record that is not over yet: it has to be there when its parent is counted."""
    return not len(element)


def _flatten(element: Any, prefix: str, record: dict[str, str]) -> None:
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = f"{prefix}{_local(child.tag)}"
        if len(child):
            _flatten(child, f"{name}/", record)
        else:
            text = (child.text or "").strip()
            record[name] = f"{record[name]} | {text}" if record.get(name) and text else text or record.get(name, "")


def _local(name: Any) -> str:
    return str(name).rsplit("}", 1)[-1]


def _forget(element: Any) -> None:
    """Free what was read: lxml keeps the whole tree otherwise."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def _parse(path: Path, tags: tuple[str, ...] | None, events: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Parse XML in pieces: no entities, no network, no second chance for broken markup.

    :raises TableError: ``damaged``, ``entity``
    """
    with path.open("rb") as file:
        start = file.read(65_536)
        if b"<!ENTITY" in start:
            raise TableError("entity")
        file.seek(0)
        # A file that says nothing of its encoding is UTF-8 by the standard (XML 1.0 §4.3.3); ours are as often Windows-1256.
        silent = b"encoding=" not in start[:200] and find_encoding(path).guessed
        context = etree.iterparse(
            file,
            events=events,
            tag=tags,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            encoding=find_encoding(path).codec if silent else None,
        )
        try:
            for event, element in context:
                yield str(event), element
        except etree.XMLSyntaxError as error:
            raise TableError("damaged", row=error.lineno, reason=str(error.msg)[:120]) from None
