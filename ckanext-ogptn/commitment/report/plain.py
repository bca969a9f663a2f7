"""The plain text of a report, as word processors' text exports give it: each cell begins with a tab, an empty line parts rows.

A cell goes on over the lines after it. Bookmarks stand as ``[bookmark: _Toc1]`` (dropped), footnotes as ``[footnoteRef:1]`` and
``[1:  text]`` (put where they are referred to, in brackets).
"""

from __future__ import annotations

import re

from .blocks import from_lines
from .layout import Problem, problem
from .rows import Cell, Document, ReportError, Row, Stream, Text

#: A whole report of twenty forms has 60 000 characters.
LIMIT_CHARACTERS = 5_000_000
#: Word puts an empty paragraph or two inside a cell; this many part a table from the text after it.
_EMPTY_LINES_END_A_TABLE = 3

_BOOKMARK = re.compile(r"\[bookmark: [^\]\n]*\]")
_REFERENCE = re.compile(r"\[footnoteRef:(?P<number>\d+)\]")
_NOTE = re.compile(r"\[(?P<number>\d+):(?P<text>[^\]]*)\]")


def read(data: bytes) -> Document:
    """Rows and text of a plain text file.

    :raises ReportError: the bytes are no UTF-8 (or UTF-16 with its mark) text, or too many
    """
    text = _decoded(data)
    if len(text) > LIMIT_CHARACTERS:
        raise ReportError(problem("too-large", size=f"{len(text):,}", limit=f"{LIMIT_CHARACTERS:,}"))
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    text, warnings = _with_footnotes(_BOOKMARK.sub("", text))
    return Document(_stream(text), warnings)


def _decoded(data: bytes) -> str:
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ReportError(problem("not-a-report"))
    try:
        return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReportError(problem("not-utf8", position=error.start)) from None


def _with_footnotes(text: str) -> tuple[str, list[Problem]]:
    notes = {found["number"]: " ".join(found["text"].split()) for found in _NOTE.finditer(text)}
    referred = {found["number"] for found in _REFERENCE.finditer(text)}
    if not referred & set(notes):
        return text, []
    text = _NOTE.sub(lambda found: "" if found["number"] in referred else found[0], text)
    text = _REFERENCE.sub(lambda found: f" ({notes[found['number']]})" if found["number"] in notes else found[0], text)
    return text, [problem("footnotes", count=len(referred & set(notes)))]


def _stream(text: str) -> Stream:
    stream: Stream = []
    #: Lines of the cell or of the text that is being read.
    lines: list[str] = []
    row: Row | None = None
    empty = _EMPTY_LINES_END_A_TABLE
    in_cell = False
    table = -1

    def close() -> None:
        raw = "\n".join(lines).strip()
        blocks = from_lines(raw)
        lines.clear()
        if in_cell and row is not None:
            row.cells[-1].blocks, row.cells[-1].raw = blocks, raw
        elif blocks:
            stream.append(Text(blocks))

    for line in text.split("\n"):
        if line.startswith("\t"):
            close()
            if not in_cell or empty >= _EMPTY_LINES_END_A_TABLE:
                table += 1
            if row is None or empty or not in_cell:
                row = Row([], table)
                stream.append(row)
            row.cells.append(Cell(at=len(row.cells)))
            in_cell = True
            # Several tabs in one line are several cells.
            parts = line[1:].split("\t")
            for part in parts[:-1]:
                row.cells[-1].blocks, row.cells[-1].raw = from_lines(part), part.strip()
                row.cells.append(Cell(at=len(row.cells)))
            lines.append(parts[-1])
            empty = 0
        elif not line.strip():
            lines.append("")
            empty += 1
        else:
            if in_cell and empty >= _EMPTY_LINES_END_A_TABLE:
                close()
                in_cell, row = False, None
            lines.append(line)
            empty = 0
    close()
    return stream
