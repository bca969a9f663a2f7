"""Where the table is on a sheet or in a text: titles above, a header of one or more rows, columns that are empty, pages that repeat."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..catalogue.text import western_digits

Raw = tuple[int, Sequence[Any]]
#: Text that is a value rather than a label: numbers in any notation, dates, marks of missing values.
_VALUE = re.compile(
    r"[-+(−]?\s*(?:[$€£]\s*)?\d[\d\s.,'’٫٬\u00a0\u202f]*\)?\s*(?:[%٪]|DT|TND|MDT|د\.?ت\.?|€|\$)?-?"
    r"|\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}(?:[T ]\d.*)?"
    r"|[-–—.…]{1,3}|n\.?\s?[da]\.?|n/a|nul+|nan|غ\.?م\.?",
    re.IGNORECASE,
)
_LONGEST_VALUE = 200
_YEAR = re.compile(r"(?:1[89]|20|21)\d\d(?:\s*[-/–]\s*(?:\d\d|\d{4}))?")
_MOST_HEADER_ROWS = 4


@dataclass
class Layout:
    """Where things are.

    :ivar header: source numbers of the header's rows; empty when there is none
    :ivar labels: ``(place from 0, label)`` of the columns that are kept
    :ivar width: number of columns that the source has, dropped ones included
    :ivar dropped: columns that are empty and have no label
    :ivar titles: source number and text of the rows above the header
    :ivar after: number of the last row that is not data
    :ivar numeric: places of the columns that hold values rather than text
    :ivar usual: places of the columns that most rows have something in
    :ivar sparse: of a report whose records, headings and sums alternate, the share of rows that fill less than half the columns; else 0
    :ivar repeated: rows of titles and header, digits masked: as they are met again on each page of a print layout
    """

    header: list[int]
    labels: list[tuple[int, str]]
    width: int
    dropped: int
    titles: list[tuple[int, str]]
    after: int
    numeric: frozenset[int]
    repeated: frozenset[tuple[str, ...]] = field(default_factory=frozenset)
    parted: bool = False
    sparse: float = 0.0
    usual: frozenset[int] = frozenset()


def is_value(cell: Any) -> bool:
    """Whether a cell holds a number, a date or a mark of a missing value."""
    if isinstance(cell, str):
        text = cell.strip()
        # No number is so long; a million blanks between two characters would be read in as many ways.
        return len(text) <= _LONGEST_VALUE and _VALUE.fullmatch(western_digits(text)) is not None
    return cell is not None


def is_year(cell: Any) -> bool:
    """Whether a cell may be a year in a header."""
    if isinstance(cell, float):
        return cell.is_integer() and 1800 <= cell <= 2199
    if isinstance(cell, int) and not isinstance(cell, bool):
        return 1800 <= cell <= 2199
    return isinstance(cell, str) and _YEAR.fullmatch(western_digits(cell.strip())) is not None


def label_of(cell: Any) -> str:
    """A header cell's text on one line; a whole number without its ``.0``, a date as YYYY-MM-DD."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return " ".join(str(cell).split())


def mask(cells: Sequence[Any]) -> tuple[str, ...]:
    """What a row says, without its digits: ``("Page 1",)`` and ``("Page 2",)`` are the same."""
    return tuple(re.sub(r"\d+", "#", western_digits(label_of(cell))) for cell in cells if cell not in ("", None))


def _filled(cells: Sequence[Any]) -> list[int]:
    return [place for place, cell in enumerate(cells) if cell is not None and (not isinstance(cell, str) or cell.strip())]


def find_layout(sample: Sequence[Raw], merged: Sequence[tuple[int, int, int, int]] = (), max_header: int = 60) -> Layout | None:
    """Tell where the table is.

    :param sample: the first rows with their source numbers, blank ones included
    :param merged: merged cells: first row, first column, last row, last column, from 0
    :param max_header: rows that are looked through for the header
    :returns: None when there is no row with a value
    """
    rows = [(number, cells, filled) for number, cells in sample if (filled := _filled(cells))]
    if not rows:
        return None
    usual = _usual_width(rows)
    need = 1 if usual == 1 else max(2, -(-usual * 3 // 5))
    begin = next((place for place, row in enumerate(rows[:max_header]) if len(row[2]) >= need), 0)
    report = _report_head(rows, usual, max_header)
    if report is not None:
        begin = report
    header = _header_rows(rows, begin, merged, report is not None)
    first = header[-1] + 1 if header else begin
    top = header[0] if header else begin
    labels = _joined([rows[place] for place in header], merged)
    times = Counter(place for _number, _cells, filled in rows[first:] for place in filled)
    # Without a label, a value here and there is a note beside the table, or a row with too many cells. Between two labels, in a row that
    # ends where the header ends, it is neither: the column has lost its label.
    between = _between_labels(rows[first:], [place for place, label in labels.items() if label])
    least = max(2, 0.05 * len(rows[first:])) if header else 1
    used = {place for place, count in times.items() if count >= least or labels.get(place) or place in between}
    kept = sorted(used | {place for place, label in labels.items() if label})
    width = max(kept, default=-1) + 1
    titles = [(number, " | ".join(label_of(cells[place]) for place in filled)) for number, cells, filled in rows[:top]]
    dropped = width - len(kept)
    gaps = [place for place in range(kept[0], width) if place not in used and not labels.get(place)] if kept else []
    names = Counter(label for label in labels.values() if label)
    filled_rows, filled_header = rows[first:], rows[begin][2]
    repeated = {mask(cells) for _number, cells, _filled_ in rows[:top]} | {mask(rows[place][1]) for place in header}
    return Layout(
        header=[rows[place][0] for place in header],
        labels=[(place, labels.get(place, "")) for place in kept],
        width=width,
        dropped=dropped,
        titles=titles,
        after=rows[first - 1][0] if first else 0,
        numeric=frozenset(_numeric_columns(_block(rows[first:]))),
        repeated=frozenset(repeated),
        usual=frozenset(place for place, count in times.items() if count >= 0.6 * len(rows[first:])),
        sparse=_share(filled_rows, len(filled_header)) if report is not None else 0.0,
        parted=bool(gaps) and any(count > 1 for count in names.values()),
    )


def _report_head(rows: Sequence[tuple[int, Sequence[Any], list[int]]], usual: int, max_header: int) -> int | None:
    """The header of a report printed into cells, where most rows are headings, explanations and sums of one cell or two: the first row of
    five labels or more that no row above comes near, and that several rows below fill more than half of."""
    if usual > 3:
        return None
    for place, (_number, cells, filled) in enumerate(rows[:max_header]):
        if len(filled) < max(5, 2 * usual + 1):
            continue
        texts = [label_of(cells[one]) for one in filled]
        if any(is_value(cells[one]) for one in filled) or len(set(texts)) < len(texts):
            return None
        like = sum(1 for _n, _c, other in rows[place + 1 :] if 2 * len(other) > len(filled))
        return place if like >= 3 else None
    return None


def _between_labels(rows: Sequence[tuple[int, Sequence[Any], list[int]]], labelled: list[int]) -> set[int]:
    """Places between the first label and the last where a row has a value that goes no further than the last."""
    if not labelled:
        return set()
    begin, end = min(labelled), max(labelled)
    return {place for _number, _cells, filled in rows if filled[-1] <= end for place in filled if begin < place < end}


def _share(rows: Sequence[tuple[int, Sequence[Any], list[int]]], width: int) -> float:
    """Of rows, the share that fill less than half of so many columns; 0 to 1."""
    return sum(1 for row in rows if 2 * len(row[2]) < width) / len(rows) if rows else 0.0


def _usual_width(rows: Sequence[tuple[int, Sequence[Any], list[int]]]) -> int:
    """How many cells a row of data has: what most rows have at least, the widest tenth left aside."""
    counts = sorted(len(filled) for _number, _cells, filled in rows)
    middle = counts[len(counts) // 2]
    common = Counter(count for count in counts if count >= middle)
    return common.most_common(1)[0][0]


def _numeric_columns(rows: Sequence[tuple[int, Sequence[Any], list[int]]]) -> set[int]:
    values: Counter[int] = Counter()
    total: Counter[int] = Counter()
    for _number, cells, filled in rows:
        for place in filled:
            total[place] += 1
            values[place] += is_value(cells[place])
    return {place for place, count in total.items() if values[place] >= 0.7 * count}


def _block(rows: Sequence[tuple[int, Sequence[Any], list[int]]]) -> Sequence[tuple[int, Sequence[Any], list[int]]]:
    """The rows before the first blank one: what comes after it may be another table."""
    for place in range(1, len(rows)):
        if rows[place][0] != rows[place - 1][0] + 1:
            return rows[:place]
    return rows


def _header_rows(
    rows: Sequence[tuple[int, Sequence[Any], list[int]]],
    begin: int,
    merged: Sequence[tuple[int, int, int, int]],
    report: bool = False,
) -> list[int]:
    _number, cells, filled = rows[begin]
    values = [place for place in filled if is_value(cells[place]) and not is_year(cells[place])]
    years = [place for place in filled if is_year(cells[place])]
    if len(values) > 0.3 * len(filled) or (len(years) == len(filled) and len(rows) > 1 and not _years_head(rows, begin)):
        return []
    if len(rows) == begin + 1 and begin == 0 and len(filled) == 1:
        return []
    header = [begin]
    if begin and rows[begin - 1][0] == rows[begin][0] - 1:
        # Titles stand above the header too; what names groups of columns is needed where labels repeat, or spans columns.
        spans = any(area[0] == rows[begin - 1][0] - 1 and area[3] > area[1] and area[1] > 0 for area in merged)
        if spans or (rows[begin - 1][2][-1] > 0 and len(set(_texts(rows[begin]))) < len(filled)) or _heads(rows[begin - 1], filled):
            header.insert(0, begin - 1)
    place = begin + 1
    while place < len(rows) and len(header) < _MOST_HEADER_ROWS and _goes_on(rows, header[-1], place, merged, report):
        header.append(place)
        place += 1
    return header


def _heads(row: tuple[int, Sequence[Any], list[int]], below: list[int]) -> bool:
    """Whether the row right above the header names groups of columns: two texts or more behind the first column, each above a label."""
    _number, cells, filled = row
    behind = [place for place in filled if place > 0]
    return len(behind) > 1 and set(behind) <= set(below) and all(not is_value(cells[place]) or is_year(cells[place]) for place in filled)


def _years_head(rows: Sequence[tuple[int, Sequence[Any], list[int]]], begin: int) -> bool:
    """Whether a row of nothing but years is a header: the numbers below it are not years."""
    below = [cells[place] for _number, cells, filled in rows[begin + 1 : begin + 20] for place in filled]
    return bool(below) and sum(1 for cell in below if is_year(cell)) < 0.3 * len(below)


def _texts(row: tuple[int, Sequence[Any], list[int]]) -> list[str]:
    return [label_of(row[1][place]) for place in row[2]]


def _goes_on(
    rows: Sequence[tuple[int, Sequence[Any], list[int]]],
    last: int,
    place: int,
    merged: Sequence[tuple[int, int, int, int]],
    report: bool = False,
) -> bool:
    """Whether the row at ``place`` is one more row of the header whose last row so far is ``last``."""
    number, cells, filled = rows[place]
    head_number, head, head_filled = rows[last]
    if number != head_number + 1 or place + 1 >= len(rows):
        return False
    if any(is_value(cells[one]) and not is_year(cells[one]) for one in filled):
        return False
    numeric = _numeric_columns(rows[place + 1 :])
    if not numeric:
        # A table of texts: only a header cell that spans several columns tells.
        return any(area[0] == head_number - 1 and area[3] > area[1] and area[2] < number for area in merged) and set(filled) <= set(
            range(len(head))
        )
    labels_numbers = [one for one in filled if one in numeric]
    if not labels_numbers:
        return False
    if all(is_year(cells[one]) for one in labels_numbers) and any(
        is_year(rows[place + 1][1][one]) for one in labels_numbers if one < len(rows[place + 1][1])
    ):
        return False
    if report and len(filled) == len(head_filled) and len(set(filled) & set(head_filled)) > len(filled) / 2:
        # The same labels in a second language: as many, most of them in the same columns, and words where the table has numbers.
        return True
    gaps = [one for one in filled if one not in head_filled]
    doubles = [label for label, count in Counter(_texts(rows[last])).items() if count > 1]
    spans = any(area[0] == head_number - 1 and area[3] > area[1] for area in merged)
    return bool(gaps or doubles or spans) or (len(rows) > place + 3 and len(labels_numbers) >= 0.5 * len(numeric))


def _group_width(groups: list[int]) -> int:
    """How many columns the last of several groups spans at most: as many as each of those before it, where they agree."""
    widths = {after - before for before, after in itertools.pairwise(groups)}
    return widths.pop() if len(widths) == 1 else 1 << 30


def _joined(rows: Sequence[tuple[int, Sequence[Any], list[int]]], merged: Sequence[tuple[int, int, int, int]]) -> dict[int, str]:
    """Labels by place, of a header of several rows: what spans several columns above is said with each of them."""
    labels: dict[int, list[str]] = {}
    for level, (number, cells, filled) in enumerate(rows):
        lower = [set(row[2]) for row in rows[level + 1 :]]
        below: set[int] = set().union(*lower) if lower else set()
        widest = _group_width([place for place in filled if place in below])
        spread: dict[int, str] = {place: label_of(cells[place]) for place in filled}
        areas = {area[1]: area[3] for area in merged if area[0] == number - 1 and area[3] > area[1]}
        for place in filled:
            if place in areas:
                spread |= {other: spread[place] for other in range(place + 1, areas[place] + 1) if other not in filled}
            elif below and place in below and not areas:
                other = place + 1
                while other in below and other not in filled and (other < filled[-1] or other - place < widest):
                    spread[other] = spread[place]
                    other += 1
        for place, text in spread.items():
            parts = labels.setdefault(place, [])
            if text and text not in parts:
                parts.append(text)
    return {place: " / ".join(parts) for place, parts in labels.items()}
