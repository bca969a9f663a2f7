"""Rows of text whose cells are parted by a character or stand at fixed places."""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from .encoding import Encoding, find_encoding
from .findings import Findings, TableError
from .limits import Limits

_DELIMITERS = ("\t", ";", "|", ",", "^", "~")
_LOOK_AT = 400
#: Line ends inside one cell from which on a quotation mark was probably never closed.
_MOST_LINES = 200
_LINE_END = re.compile(r"\r\n|\r|\n")
#: Characters of lines read at a time; bytes of one glimpse.
_READ, _GLIMPSE = 1 << 18, 1 << 16
_HINT = re.compile(r'^"?sep=(.)"?\s*$', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How the cells are told apart.

    :ivar delimiter: one character; empty for fixed places
    :ivar quoted: cells may be in double quotation marks
    :ivar breaks: for fixed places: where each column but the first begins, in characters
    """

    delimiter: str
    quoted: bool = True
    breaks: tuple[int, ...] = ()


#: What draws a line across a table.
_RULERS = ("-", "=", "_", "+", "|", "*", ":")
_RULER = re.compile(r"\s*|[-=_+|*:.\s]{3,}")
#: Codes that spreadsheet programs are kept from reading as numbers: ``="0110"`` and ``'0110``.
_WRAPPED = re.compile(r"""\s*="([^"]*)"\s*|\s*'(\d+)\s*""")
_WRAPPED_HINT = re.compile(r"""="{1,2}[^",;\t]+"|(?:^|[;,\t])'\d+(?:[;,\t\r\n]|$)""")


class Delimited:
    """A text file as rows.

    :param findings: told what is odd
    :raises TableError: ``line-too-long``, ``undecodable``
    """

    def __init__(self, path: Path, findings: Findings, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self.encoding: Encoding = find_encoding(path, limits)
        if self.encoding.guessed:
            findings.add("encoding-guessed", "note", encoding=self.encoding.name)
        if self.encoding.mixed:
            findings.add("mixed-encoding", row=self.encoding.mixed_rows[0], count=self.encoding.mixed)
        if self.encoding.nuls:
            findings.add("nul-bytes", count=self.encoding.nuls)
        with self._open() as file:
            sample = list(itertools.islice(_lines(file, limits), _LOOK_AT))
        self.dialect = find_dialect(sample)
        if self.dialect == _UNPARTED:
            raise TableError("no-columns", row=next((number for number, line in enumerate(sample, 1) if line.strip()), 1))
        self._wrapped = any(_WRAPPED_HINT.search(line) for line in sample)
        if self.dialect.breaks:
            findings.add("fixed-width", "note")

    def _open(self):
        return self.path.open(encoding=self.encoding.codec, errors=self.encoding.errors, newline="")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """``(number of the record, cells)``; blank lines are empty lists and are counted.

        :raises TableError: ``line-too-long``, ``quote-never-closed``
        """
        for first, block in self.blocks(500):
            yield from enumerate(block, first)

    def blocks(self, size: int) -> Iterator[tuple[int, list[list[str]]]]:
        """The same, many at a time: ``(number of the first record, cells of each)``.

        :param size: records in one block, at most
        :raises TableError: ``line-too-long``, ``quote-never-closed``
        """
        with self._open() as file:
            lines: Iterator[str] = _lines(file, self.limits)
            if self.encoding.nuls:
                lines = (line.replace("\x00", "") for line in lines)
            if self.dialect.breaks:
                yield from _at_places(lines, self.dialect.breaks, size)
                return
            reader = self._reader(lines)
            first = 1
            while True:
                begun = reader.line_num
                block: list[list[str]] = []
                broken = False
                try:
                    block.extend(itertools.islice(reader, size))
                except csv.Error:
                    broken = True
                if reader.line_num - begun - len(block) >= _MOST_LINES and (place := _runaway(block)) is not None:
                    broken, block = True, block[:place]
                if first == 1 and block and len(block[0]) <= 2 and _HINT.match(self.dialect.delimiter.join(block[0])):
                    block[0] = []
                if block:
                    yield first, self._values(block)
                    first += len(block)
                if broken:
                    raise TableError("quote-never-closed", row=first)
                if len(block) < size:
                    return

    def _values(self, block: list[list[str]]) -> list[list[str]]:
        """Without lines that are drawn, and without what is put around codes."""
        for place, cells in enumerate(block):
            if cells and (cells[0] or cells[-1]).startswith(_RULERS) and all(_RULER.fullmatch(cell) for cell in cells):
                block[place] = []
        return [[_unwrapped(cell) for cell in cells] for cells in block] if self._wrapped else block

    def _reader(self, lines: Iterable[str]):
        quoting = csv.QUOTE_MINIMAL if self.dialect.quoted else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.dialect.delimiter or ",", quotechar='"', quoting=quoting)

    def glimpses(self) -> Iterator[list[list[str]]]:
        """Some records from the middle and from the end: what a table holds further down, to guess by and for nothing else."""
        size = self.path.stat().st_size
        if self.dialect.breaks or self.encoding.codec.startswith("utf-16"):
            return
        with self.path.open("rb") as file:
            for place in (size // 3, 2 * size // 3, max(size - _GLIMPSE, 0)):
                file.seek(place)
                lines = file.read(_GLIMPSE).decode(self.encoding.codec, "replace").splitlines(keepends=True)[1:]
                if file.tell() < size:
                    del lines[-1:]
                rows: list[list[str]] = []
                with contextlib.suppress(csv.Error):
                    rows.extend(self._reader(lines))
                yield self._values(rows)


def _unwrapped(cell: str) -> str:
    found = _WRAPPED.fullmatch(cell) if "'" in cell or '="' in cell else None
    return cell if found is None else found[1] or found[2] or ""


def _lines(file: TextIOWrapper, limits: Limits) -> Iterator[str]:
    if (file.encoding or "").startswith("utf-16"):
        # How long its lines are was not looked at before: none is read further than a line may go.
        return _careful(file, limits)

    def pieces() -> Iterator[list[str]]:
        while piece := file.readlines(_READ):
            if max(map(len, piece)) > limits.max_line:
                raise TableError("line-too-long", limit=limits.max_line)
            yield piece

    return itertools.chain.from_iterable(pieces())


def _careful(file: TextIOWrapper, limits: Limits) -> Iterator[str]:
    while line := file.readline(limits.max_line + 1):
        if len(line) > limits.max_line:
            raise TableError("line-too-long", limit=limits.max_line)
        yield line


def _runaway(block: Sequence[Sequence[str]]) -> int | None:
    """The place of the first record that spans more lines than any real one does."""
    for place, cells in enumerate(block):
        if sum(len(_LINE_END.findall(cell)) for cell in cells) >= _MOST_LINES:
            return place
    return None


#: What is parted by two or more blanks in a line of a print layout.
_PIECE = re.compile(r"\S+(?: \S+)*")
#: A number goes on after a blank: `` 234`` of ``1 234,50``.
_GOES_ON = re.compile(r"\d \d{3}(?!\d)")


def _at_places(lines: Iterator[str], breaks: Sequence[int], size: int) -> Iterator[tuple[int, list[list[str]]]]:
    starts = (0, *breaks)
    ends = (*breaks, 1 << 30)
    first = 1
    while piece := list(itertools.islice(lines, size)):
        texts = [line.strip("\x0c").rstrip().expandtabs() for line in piece]
        yield first, [[] if _RULER.fullmatch(text) else _at_columns(text, starts, ends) for text in texts]
        first += len(piece)


def _at_columns(text: str, starts: Sequence[int], ends: Sequence[int]) -> list[str]:
    """The cells of a line of a print layout.

    A number that is wider than those of the first page begins before its column, and a long label ends behind it: what holds together
    stays together, and goes to the column that it covers most of. A line in which two numbers would share a cell is made too wide, so
    that it is rejected and not guessed.
    """
    cells = [""] * len(starts)
    for piece in _PIECE.finditer(text):
        for begin, end in _cut(text, piece.start(), piece.end(), starts[1:]):
            over = [min(end, ends[place]) - max(begin, starts[place]) for place in range(len(starts))]
            # A number ends at the right of its column, however far to the left it begins.
            number = _number_like(text[begin:end])
            place = max(one for one, width in enumerate(over) if width > 0) if number else over.index(max(over))
            if cells[place] and number and _number_like(cells[place]):
                return [*cells, text[begin:end]]
            cells[place] = f"{cells[place]} {text[begin:end]}".strip()
    return cells


def _number_like(text: str) -> bool:
    return any(character.isdigit() for character in text) and not any(character.isalpha() for character in text)


def _cut(text: str, begin: int, end: int, breaks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A piece in which single blanks part columns is cut there; not between the thousands of a number, not inside a word."""
    for place in breaks:
        if begin < place < end and text[place - 1] == " " and not _GOES_ON.match(text, place - 2):
            yield begin, place - 1
            begin = place
    yield begin, end


def find_dialect(sample: Sequence[str]) -> Dialect:
    """Tell how a text's cells are parted.

    :param sample: the first lines, with their ends
    """
    if sample and (hint := _HINT.match(sample[0].strip("\ufeff\r\n"))):
        return Dialect(hint[1])
    text = [line.replace("\x00", "") for line in sample]
    best, best_score = "", (0.0, 0.0)
    for place, delimiter in enumerate(_DELIMITERS):
        widths = [len(cells) for cells in _parsed(text, delimiter) if any(cell.strip() for cell in cells)]
        wide = [width for width in widths if width > 1]
        if not wide:
            continue
        usual, times = Counter(wide).most_common(1)[0]
        # How many lines have the usual number of cells; then how many cells that is. A comma in a text or in a decimal loses against
        # a delimiter that every line has.
        score = (round(times / len(widths), 2) * min(1.0, 0.55 + 0.15 * usual), -place / 10)
        if score > best_score:
            best, best_score = delimiter, score
    breaks = _fixed_places(text)
    if best == "," and _only_in_numbers(text):
        # The commas of a print layout are those of its numbers.
        if breaks:
            return Dialect("", False, breaks)
        if sum(1 for line in text if _NUMBERS_IN_LINE.search(line)) >= 0.5 * sum(1 for line in text if line.strip()):
            return _UNPARTED
    if best and best_score[0] >= 0.3:
        return Dialect(best, quoted=True)
    if breaks:
        return Dialect("", False, breaks)
    return Dialect(best or ",", quoted=True)


#: Several numbers to a line, and nothing that parts them.
_UNPARTED = Dialect("", False)
#: Two numbers with a blank between them, the first with a comma: ``569,795 573,703``.
_NUMBERS_IN_LINE = re.compile(r"\d,\d+ +[-(]?\d")


def _only_in_numbers(sample: Sequence[str]) -> bool:
    """Whether nearly every comma stands between two digits, and most lines with one have blanks between their numbers or columns."""
    commas = sum(line.count(",") for line in sample)
    inside = sum(len(re.findall(r"(?<=\d),(?=\d)", line)) for line in sample)
    lines = [line for line in sample if "," in line]
    spaced = sum(1 for line in lines if re.search(r"\S {2,}\S", line) or _NUMBERS_IN_LINE.search(line))
    return commas > 0 and inside >= 0.95 * commas and spaced >= 0.8 * len(lines)


def _parsed(sample: Sequence[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(sample, delimiter=delimiter))
    except csv.Error:
        # Cut off inside of a quoted cell, or no such delimiter: what was read until then tells enough.
        return rows
    return rows


def _fixed_places(sample: Sequence[str]) -> tuple[int, ...]:
    """Where the columns of a print layout begin: places that are blank in nearly all lines, two or more wide."""
    lines = [line.strip("\x0c").rstrip("\r\n").expandtabs() for line in sample]
    lines = [line for line in lines if re.search(r"\S {2,}\S", line)]
    if len(lines) < 5 or len(lines) < 0.5 * sum(1 for line in sample if line.strip()):
        return ()
    # Titles and page numbers have their own places: the lines that count are those with as many pieces as the table's rows.
    pieces = [len(_PIECE.findall(line)) for line in lines]
    usual = Counter(pieces).most_common(1)[0][0]
    lines = [line for line, count in zip(lines, pieces, strict=True) if count >= usual]
    width = int(statistics.quantiles([len(line) for line in lines], n=20)[-1]) if len(lines) > 1 else len(lines[0])
    blank = [sum(1 for line in lines if column >= len(line) or line[column] == " ") >= 0.97 * len(lines) for column in range(width)]
    breaks: list[int] = []
    run = 0
    seen = False
    for column, is_blank in enumerate(blank):
        if is_blank:
            run += 1
            continue
        if seen and run >= 2:
            # A label may begin before the numbers below it, which stand at the right.
            words = [start for line in lines if (start := _word_start(line, column)) is not None]
            breaks.append(min([column, *(start for start in words if start > column - run)]))
        seen, run = True, 0
    return tuple(breaks)


def _word_start(line: str, column: int) -> int | None:
    """Where the word begins that stands at a column and before it."""
    if column >= len(line) or line[column - 1 : column + 1].strip() != line[column - 1 : column + 1]:
        return None
    return line.rfind(" ", 0, column) + 1
