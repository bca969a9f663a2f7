"""Which type each column has, told from all of its values, in one pass and constant memory.

A column gets a type when its values are of that type: all of them, or all but one in fifty where there are fifty or more; rows with one of
the few others are then rejected, and said so. Where a value can be read in two ways the other values of the column decide; where they do
not, the column stays text. Text keeps the cell's text.

    with open_table(path) as reading:
        table = TypedTable.infer(reading)
        for row in table.rows():
            row.number, row.kind, row.values        # values: int, Decimal, date, datetime, bool, str or None
        for finding in table.findings():
            …
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from ..catalogue.text import fold
from .columns import Column
from .findings import Finding, Findings, TableError
from .layout import is_value
from .notation import Meaning, meaning, moment, month_number, plain_date, plain_number, units_in
from .read import Reading

TypeName = Literal["integer", "decimal", "year", "month", "date", "datetime", "time", "boolean", "text"]
RowKind = Literal["row", "total", "section"]
#: PostgreSQL's types.
PG_TYPES: dict[str, str] = {
    "integer": "bigint",
    "decimal": "numeric",
    "year": "integer",
    "month": "integer",
    "date": "date",
    "datetime": "timestamp",
    "time": "time",
    "boolean": "bool",
    "text": "text",
}
#: Of so many values, one in fifty may be of another type: its row is rejected.
_ENOUGH, _TOLERATED = 50, 0.02
#: A table with more rejected rows than this share is refused.
MOSTLY = 0.5
#: Values of which so many say that the column is text: nothing is asked of the rest.
_HOPELESS = 2_000
_CACHE = 20_000
#: Rows listed one by one among the rejected.
LISTED = 100

_TOTAL = re.compile(
    r"(?:(?:sous|sub|grand|s)[\s/-]*)?tot(?:al|aux|ale|ales)(?:\s+(?:general|generale|generaux|partiel|cumule|annuel|global|titre|chapitre|section"
    r"|partie|article|des?|du|de la|of|for|the)\b.*)?(?:\s*\(.*\))?[\s:.]*"
    r"|(?:المجموع|مجموع|الجمله|جمله|الاجمالي|اجمالي)"
    r"(?:\s+(?:العام|الجملي|الجزءي|الفرعي|القسم|الباب|العنوان|النفقات|الموارد).*)?[\s:.]*",
    re.IGNORECASE,
)
#: What is said after "Total" in a table with one column of labels, where nothing but the words tells a total from a company's name.
_TOTAL_OF = re.compile(
    r"(?:(?:sous|sub|grand|s)[\s/-]*)?tot(?:al|aux)\s*(?:[-–:].+|(?:(?:net|brut|all|other|autres?|operating|capital|current|recurrent)\s+)?(?:recettes?|"
    r"depenses?|charges?|produits?|credits?|revenus?|revenues?|expenditures?|expenses?|appropriations?|receipts?|income|spending|budget|"
    r"fonctionnement|investissement|exploitation|personnel|costs?|payments?|salaries|missions?|programmes?|programs?|ministeres?|ministry|"
    r"departements?|departments?|direction|service|fonds|funds?|actif|passif|page|chap\.?|art\.?|\d)\b.*)"
    r"|(?:montant\s+)?a\s+reporter\b.*|report\s+(?:de\s+la\s+)?page.*|(?:balance\s+)?(?:carried|brought)\s+forward\b.*"
)
#: The same where the row's other labels are empty: what "Total" or "المجموع" begins or ends is a total, whatever it is the total of.
_TOTAL_ANY = re.compile(
    r"(?:(?:sous|sub|grand|s)[\s/-]*)?tot(?:al|aux|ale|ales)\b.*|.*\b(?:sub[\s-]?)?totals?[\s:.]*|(?:المجموع|مجموع|الجمله|جمله)\b.*"
)
#: The oil company of that name, which is among the suppliers of many a public body.
_COMPANY = re.compile(r"\b(?:sa|s\.a\.?|sarl|ltd|limited|llc|plc|inc|gmbh|energies?|marketing|e&p|gas|gaz|oil|lubrifiants|tunisie)\b")
_TOTAL_HINTS = ("tot", "Tot", "TOT", "مجموع", "جمل", "جمال", "eporter", "EPORTER", "orward")
_YEAR_LABEL = re.compile(r"\b(?:an|annees?|years?|yr|exer|exercices?|gestion|fy)\b|سنه|سنوات|عام\b|السنه")
_DATE_LABEL = re.compile(r"\b(?:dates?|jour|day|echeance)\b|تاريخ|يوم")
_CODE_LABEL = re.compile(
    r"\b(?:codes?|dep|dept|departement|comptes?|articles?|chapitres?|chap|paragraphe|nature|fonction|imputation|insee|siret|siren|numero|num|no|n"
    r"|id|ident|identifiants?|identifier|ref|references?|accounts?|funds?|heads?|vote|project)\b|رمز|رقم|فصل|فقره|باب"
)
#: Codes, counts and parts of a nomenclature: a title's unit is not theirs.
_NO_AMOUNT = re.compile(
    rf"{_CODE_LABEL.pattern}|\b(?:nombre|nbre|nb|rang|count|number|effectifs?|sections?|titres?|titles?|lignes?|lines?|classe"
    r"|class|programmes?|missions?|page|taux|rate|evol|variation|change|ratio)\b|عدد|قسم|عنوان|برنامج|نسبه"
)
#: A code with a letter among its digits: ``2A``, ``011B``.
_CODED = re.compile(r"\d{1,6}[A-Za-z]{1,2}\d{0,4}")


def _words(label: str) -> str:
    """A label folded, with the words of ``BudgetYear`` and ``annee_budget`` apart."""
    return fold(re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])|_", " ", label))


def is_total(text: str) -> bool:
    """Whether a label says that its row is a total: ``"Total général"``, ``"S/Total"``, ``"المجموع :"``; not ``"Total Tunisie SA"``."""
    if not any(hint in text for hint in _TOTAL_HINTS):
        return False
    plain = _folded(text)
    return _TOTAL.fullmatch(plain) is not None or _TOTAL_OF.fullmatch(plain) is not None


def _is_lone_total(text: str) -> bool:
    if not any(hint in text for hint in _TOTAL_HINTS):
        return False
    plain = _folded(text)
    return _TOTAL_ANY.fullmatch(plain) is not None and _COMPANY.search(plain) is None


def _folded(text: str) -> str:
    # Not `fold`: the article is part of the words above.
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return " ".join(plain.translate(str.maketrans("أإآةىئ", "اااهيء", "ـ")).lower().split())


class Places(NamedTuple):
    """Places, among the columns that are kept.

    :ivar labels: of the columns that hold texts rather than values
    :ivar usual: of the columns that most rows have something in
    """

    labels: frozenset[int] = frozenset()
    usual: frozenset[int] = frozenset()

    @classmethod
    def of(cls, reading: Reading) -> Places:
        """Those of an open table."""
        layout = reading.layout
        return cls(
            frozenset(place for place, column in enumerate(reading.columns) if column.index not in layout.numeric),
            frozenset(place for place, column in enumerate(reading.columns) if column.index in layout.usual),
        )


def row_kind(cells: Sequence[Any], places: Places = Places()) -> RowKind:  # noqa: B008 - a tuple of frozen sets
    """Whether a row is data, a total, or a heading (or note) that is alone in its row.

    :param places: "Total Roads" is a total where the row's other labels, or another column that rows usually have, are empty
    """
    filled = [cell for cell in cells if cell != ""]
    if len(filled) == 1 and len(cells) > 2 and isinstance(filled[0], str):
        return "total" if is_total(filled[0]) else "section"
    for cell in [cell for cell in filled if isinstance(cell, str)][:3]:
        if is_total(cell):
            return "total"
    if places.labels:
        words = [place for place, cell in enumerate(cells) if isinstance(cell, str) and cell and not is_value(cell)]
        if len(words) == 1 and len(filled) > 1 and _is_lone_total(cells[words[0]]):
            alone = len(places.labels) > 1 or words[0] not in places.labels
            if alone or any(cells[place] == "" for place in places.usual):
                return "total"
    return "row"


def kinds_of(columns: Sequence[Sequence[Any]], places: Places) -> list[RowKind] | None:
    """What `row_kind` says of many rows, given by column; None when all are data."""
    candidates: set[int] = set()
    for cells in columns:
        # Every word that makes a total has one of the hints in it.
        joined = "\n".join(cells if set(map(type, cells)) == {str} else [cell for cell in cells if cell.__class__ is str])
        if any(hint in joined for hint in _TOTAL_HINTS):
            candidates.update(
                place for place, cell in enumerate(cells) if cell.__class__ is str and any(hint in cell for hint in _TOTAL_HINTS)
            )
    # A row with a value in two columns is no heading.
    if len(columns) > 2 and sum("" not in cells for cells in columns) < 2:
        candidates.update(place for place, cells in enumerate(zip(*columns, strict=True)) if cells.count("") >= len(columns) - 1)
    odd: dict[int, RowKind] = {}
    for place in candidates:
        if (kind := row_kind([cells[place] for cells in columns], places)) != "row":
            odd[place] = kind
    if not odd:
        return None
    kinds: list[RowKind] = ["row" for _cell in columns[0]]
    for place, kind in odd.items():
        kinds[place] = kind
    return kinds


@dataclass
class TypedColumn:
    """A column with its type.

    :ivar type: what it holds
    :ivar unit: as it is written in the source; empty when nothing says it
    :ivar unit_from: ``header``, ``cells`` or ``title: …``
    :ivar note: how dates are written: ``day-first``, ``month-first``, ``month-only`` (stored as its first day), ``serial``; else empty
    """

    column: Column
    type: TypeName
    unit: str = ""
    unit_from: str = ""
    note: str = ""
    decimal: str = "."
    month_first: bool = False
    serial_epoch: int = 0
    plain: bool = False
    big: bool = False

    @property
    def pg_type(self) -> str:
        """PostgreSQL's type."""
        return "numeric" if self.big else PG_TYPES[self.type]

    @property
    def way(self) -> tuple[Any, ...]:
        """What :meth:`text` and `pg_type` depend on."""
        return self.type, self.decimal, self.month_first, self.serial_epoch, self.big

    def text(self, cell: Any) -> str | None:
        """A cell as PostgreSQL reads it; None when it is missing.

        :raises ValueError: the cell is not of the column's type
        """
        if cell == "" or cell is None:
            return None
        return _WRITERS[self.type](self, cell)

    def value(self, cell: Any) -> Any:
        """A cell as Python has it: ``int``, ``Decimal``, ``date``, ``datetime``, ``bool``, ``str``; None when it is missing.

        :raises ValueError: the cell is not of the column's type
        """
        text = self.text(cell)
        return None if text is None else _VALUES[self.type](text)


def _number_text(column: TypedColumn, cell: Any) -> str | None:
    if isinstance(cell, bool):
        raise ValueError(cell)
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        return exact(cell)
    if isinstance(cell, str):
        if cell.isascii() and cell.isdigit():
            return cell
        if meaning(cell).kind == "missing":
            return None
        return plain_number(cell, column.decimal)
    raise ValueError(cell)


def _integer_text(column: TypedColumn, cell: Any) -> str | None:
    text = _number_text(column, cell)
    if text is not None and "." in text:
        whole, _dot, decimals = text.partition(".")
        if decimals.strip("0"):
            raise ValueError(cell)
        return whole
    return text


def exact(number: float) -> str:
    """A workbook's number without the noise of binary fractions: the 15 digits that spreadsheet programs keep and show, no exponent."""
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return format(Decimal(format(number, ".15g")), "f")


def _date_text(column: TypedColumn, cell: Any) -> str | None:
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if column.type == "date" else cell.isoformat(" ")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if column.serial_epoch and not isinstance(cell, bool):
        text = _number_text(column, cell)
        return None if text is None else serial_date(Decimal(text), column.serial_epoch).date().isoformat()
    if isinstance(cell, str):
        if meaning(cell).kind == "missing":
            return None
        found = plain_date(cell, column.month_first)
        return found.date().isoformat() if column.type == "date" else found.isoformat(" ")
    raise ValueError(cell)


def serial_date(number: Decimal | float, epoch: int) -> dt.datetime:
    """The moment of a spreadsheet's serial number (ECMA-376 part 1 §18.17.4.1).

    :param epoch: 1900, in which the 29 February 1900 is counted although it never was, or 1904
    :raises ValueError: before the first or after the last day of the calendar
    """
    first = moment(1904, 1) if epoch == 1904 else moment(1899, 12, 30)
    if not 0 <= number < 2_958_466:
        raise ValueError(number)
    if epoch == 1900 and number < 60:
        first = moment(1899, 12, 31)
    return first + dt.timedelta(seconds=round(float(number) * 86_400))


def _month_text(_column: TypedColumn, cell: Any) -> str | None:
    if isinstance(cell, str):
        if meaning(cell).kind == "missing":
            return None
        if number := month_number(cell):
            return str(number)
    raise ValueError(cell)


def _time_text(_column: TypedColumn, cell: Any) -> str | None:
    if isinstance(cell, dt.time):
        return cell.isoformat()
    raise ValueError(cell)


def _boolean_text(_column: TypedColumn, cell: Any) -> str | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    raise ValueError(cell)


def plain_text(cell: Any) -> str:
    """A cell of a column of text, as text: ``5.0`` is ``"5"``."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return exact(cell)
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell)


_WRITERS: dict[str, Callable[[TypedColumn, Any], str | None]] = {
    "integer": _integer_text,
    "decimal": _number_text,
    "year": _integer_text,
    "month": _month_text,
    "date": _date_text,
    "datetime": _date_text,
    "time": _time_text,
    "boolean": _boolean_text,
    "text": lambda _column, cell: plain_text(cell),
}
_VALUES: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "decimal": Decimal,
    "year": int,
    "month": int,
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "time": dt.time.fromisoformat,
    "boolean": lambda text: text == "true",
    "text": str,
}


class Profile:
    """What the values of one column are, counted."""

    def __init__(self, column: Column, epoch: int = 1900) -> None:
        self.column = column
        self.epoch = epoch
        self.total = 0
        self.empty = 0
        self.kinds: Counter[str] = Counter()
        self.native: Counter[str] = Counter()
        self.roles: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.units: Counter[str] = Counter()
        self.orders: Counter[str] = Counter()
        self.years = self.plain = self.serials = self.numbers = self.lossy = self.exponents = self.coded = self.short = 0
        self.hint = ""
        self.decimals = False
        self.digits = 0
        #: Every number so far is written as PostgreSQL reads it.
        self.written_plainly = True
        self.hopeless = False
        self._meanings: dict[str, Meaning] = {}

    @property
    def all_plain(self) -> bool:
        """Whether every value so far is a number as PostgreSQL reads it, or nothing."""
        return self.written_plainly and not self.hopeless and not self.kinds["missing"] and self.numbers == self.total - self.empty

    def feed(self, cells: Sequence[Any]) -> None:
        """Count more values."""
        self.total += len(cells)
        if self.hopeless:
            return
        if set(map(type, cells)) <= {str}:
            joined = "\n".join(cells)
            if self._feed_plain(joined, cells):
                return
        for cell, count in Counter(cells).items() if _hashable(cells) else ((cell, 1) for cell in cells):
            if isinstance(cell, str):
                self._feed_text(cell, count)
            else:
                self._feed_native(cell, count)
        seen = self.total - self.empty
        if self.kinds["text"] > _HOPELESS and self.kinds["text"] > 0.2 * seen:
            self.hopeless = True
            self._meanings.clear()

    def _feed_plain(self, joined: str, cells: Sequence[str]) -> bool:
        """Plain numbers, thousands at a time. Returns whether they were that."""
        if not joined.isascii():
            return False
        body = joined.replace("\n", "")
        if not body:
            self.empty += len(cells)
            return True
        edged = f"\n{joined}\n"
        dots = 0
        if not body.isdecimal():
            dots = body.count(".")
            if not body.replace(".", "").replace("-", "").isdecimal() or edged.count("\n-") != body.count("-"):
                return False
            if "-\n" in edged or "\n." in edged or ".\n" in edged or "-." in edged or (dots and _TWO_DOTS.search(joined)):
                return False
        if _LEADING_ZERO.search(edged):
            return False
        empty = cells.count("")
        count = len(cells) - empty
        self.empty += empty
        self.kinds["number"] += count
        self.numbers += count
        self.digits = max(self.digits, max(map(len, cells)))
        if dots:
            self.decimals = True
            certain = _CERTAIN_DOT.search(edged)
            self.roles["dot-decimal" if certain else "dot-unsure"] += dots
            self.examples.setdefault("dot-decimal" if certain else "dot-unsure", next(cell for cell in cells if "." in cell))
        elif "1" <= (first := next(cell for cell in cells if cell))[0] <= "2" and len(first) == 4:
            self.years += sum(1 for cell in cells if len(cell) == 4 and cell[:2] in ("18", "19", "20", "21"))
        if _LONG.search(joined):
            self.plain += 1
        if not dots and len(first := next(cell for cell in cells if cell)) == 5 and first.isdigit():
            self.serials += sum(1 for cell in cells if len(cell) == 5 and cell.isdigit() and 20_000 <= int(cell) <= 60_000)
        return True

    def _feed_text(self, cell: str, count: int) -> None:
        if cell == "":
            self.empty += count
            return
        found = self._meanings.get(cell)
        if found is None:
            found = meaning(cell)
            if len(self._meanings) < _CACHE:
                self._meanings[cell] = found
        if found.kind == "missing":
            self.empty += count
            self.kinds["missing"] += count
            self.examples.setdefault("missing", cell)
            return
        self.kinds[found.kind] += count
        self.examples.setdefault(found.kind, cell)
        if found.kind == "text" and _CODED.fullmatch(cell):
            self.coded += count
            self.examples.setdefault("coded", cell)
        elif found.kind == "number":
            if found.exponent:
                self.exponents += count
                self.examples.setdefault("exponent", cell)
            self.numbers += count
            self.units[found.unit] += count
            self.digits = max(self.digits, found.digits)
            self.years += count if found.year else 0
            self.plain += found.plain
            for mark, role in (("dot", found.dot), ("comma", found.comma)):
                if role:
                    self.roles[f"{mark}-{role}"] += count
                    self.examples.setdefault(f"{mark}-{role}", cell)
            if not _PLAIN.fullmatch(cell):
                self.written_plainly = False
            elif len(cell) == 5 and cell.isdigit() and 20_000 <= int(cell) <= 60_000:
                self.serials += count
        elif found.kind in ("date", "datetime"):
            self.orders[found.order] += count
            if found.short:
                self.short += count
                self.examples.setdefault("short", cell)
            self.examples.setdefault(found.order, cell)

    def _feed_native(self, cell: Any, count: int) -> None:
        if isinstance(cell, bool):
            self.native["boolean"] += count
        elif isinstance(cell, (int, float)):
            self.numbers += count
            self.kinds["number"] += count
            self.native["number"] += count
            whole = isinstance(cell, int) or cell.is_integer()
            self.decimals = self.decimals or not whole
            self.digits = max(self.digits, len(str(int(abs(cell)))))
            if abs(cell) >= 1e15:
                self.lossy += count
            if whole and 1800 <= cell <= 2199:
                self.years += count
            if 20_000 <= cell <= 60_000:
                self.serials += count
            self.units[""] += count
        elif isinstance(cell, dt.datetime):
            self.native["datetime" if cell.time() != dt.time() else "date"] += count
        elif isinstance(cell, dt.date):
            self.native["date"] += count
        elif isinstance(cell, dt.time):
            self.native["time"] += count
        else:
            self.kinds["text"] += count
        self.examples.setdefault("native", plain_text(cell))

    # -- the decision

    def certain_mark(self) -> str:
        """What parts the decimals in this column, where its own values leave no doubt; else empty."""
        if self.numbers < 0.5 * (self.total - self.empty):
            return ""
        dot = self.roles["dot-decimal"] or self.roles["comma-group"]
        comma = self.roles["comma-decimal"] or self.roles["dot-group"]
        return "" if bool(dot) == bool(comma) else "." if dot else ","

    def decide(self, findings: Findings, hint: str = "") -> TypedColumn:
        """The column's type, and what there is to say about it.

        :param hint: the decimal mark of the other columns, ``""`` where they do not agree: for a column that does not tell itself
        """
        self.hint = hint
        column = self.column
        label = column.label or column.id
        filled = self.total - self.empty
        text = TypedColumn(column, "text")
        if filled == 0 or self.hopeless:
            return text
        candidates: dict[str, int] = {
            "number": self.numbers,
            "date": self.kinds["date"] + self.kinds["datetime"] + self.native["date"] + self.native["datetime"],
            "month": self.kinds["month"],
            "boolean": self.native["boolean"],
            "time": self.native["time"],
        }
        best = max(candidates, key=lambda name: candidates[name])
        others = filled - candidates[best]
        if self.kinds["code"] and best == "number" and candidates[best] + self.kinds["code"] >= 0.5 * filled:
            findings.add("leading-zeros", "note", column=label, found=self.examples["code"])
            return text
        if self.kinds["code"] and not candidates[best]:
            findings.add("leading-zeros", "note", column=label, found=self.examples["code"])
            return text
        if best == "number" and (odd := self._odd_codes(label, others)):
            findings.add("leading-zeros", "note", column=label, found=odd)
            return text
        if self.exponents:
            findings.add("exponents", column=label, count=self.exponents, found=self.examples["exponent"])
            if _CODE_LABEL.search(_words(label)):
                return text
        if others > (_TOLERATED * filled if filled >= _ENOUGH else 0):
            if candidates[best] >= 0.5 * filled:
                findings.add("mixed-values", column=label, count=others, found=self._other_than(best)[:60], type=best)
            return text
        found = {"number": self._number, "date": self._date}.get(best, lambda _findings, _label: TypedColumn(column, best))(findings, label)  # pyright: ignore[reportArgumentType]
        if found is None:
            return text
        if others or self.kinds["missing"]:
            # Not every value is written as PostgreSQL reads it.
            found.plain = False
        if self.kinds["missing"]:
            findings.add("missing-marks", "note", column=label, count=self.kinds["missing"], found=self.examples["missing"])
        return found

    def _odd_codes(self, label: str, others: int) -> str:
        """An example of a code with letters, ``2A``, in a column of codes that else are numbers; empty where there is none."""
        if not others or others != self.coded or not _CODE_LABEL.search(_words(label)):
            return ""
        return self.examples["coded"]

    def _other_than(self, best: str) -> str:
        mine = {"number": {"number"}, "date": {"date", "datetime"}, "month": {"month"}}.get(best, set())
        return next(
            (
                self.examples[kind]
                for kind in ("text", "code", "month", "date", "datetime", "number", "native")
                if kind not in mine and kind in self.examples
            ),
            "",
        )

    def _number(self, findings: Findings, label: str) -> TypedColumn | None:
        units = {unit for unit, count in self.units.items() if count}
        if len(units) > 1:
            findings.add("mixed-units", column=label, units=", ".join(sorted(unit or "–" for unit in units)))
            return None
        decimal = self._decimal_mark(findings, label)
        if decimal is None:
            return None
        folded = _words(label)
        serial = self.serials == self.numbers and _DATE_LABEL.search(folded) is not None
        if serial:
            example = self.examples.get("number") or self.examples.get("native", "")
            findings.add("serial-dates", column=label, found=example, epoch=self.epoch)
            return TypedColumn(self.column, "date", serial_epoch=self.epoch, note="serial")
        mark = "dot" if decimal == "." else "comma"
        fractions = self.decimals or bool(self.roles[f"{mark}-decimal"] or self.roles[f"{mark}-unsure"])
        name: TypeName = "decimal" if fractions else "integer"
        if name == "integer" and self.years == self.numbers and _YEAR_LABEL.search(folded):
            name = "year"
        typed = TypedColumn(
            self.column, name, decimal=decimal, plain=self.written_plainly and decimal == ".", big=name == "integer" and self.digits > 18
        )
        unit = next(iter(units), "")
        if unit:
            typed.unit, typed.unit_from = unit, "cells"
            if unit == "%":
                findings.add("percent", "note", column=label)
        if self.lossy:
            findings.add("rounded", column=label, count=self.lossy)
        return typed

    def _decimal_mark(self, findings: Findings, label: str) -> str | None:
        """What parts the decimals in this column; None when the column contradicts itself or nothing tells."""
        roles, examples = self.roles, self.examples
        for one, other in (
            ("dot-decimal", "dot-group"),
            ("comma-decimal", "comma-group"),
            ("dot-decimal", "comma-decimal"),
            ("dot-group", "comma-group"),
        ):
            if roles[one] and roles[other]:
                findings.add("mixed-separators", column=label, found=examples[one], other=examples[other])
                return None
        if roles["dot-decimal"] or roles["comma-group"]:
            return "."
        if roles["comma-decimal"] or roles["dot-group"]:
            return ","
        if roles["dot-unsure"] and roles["comma-unsure"]:
            findings.add("mixed-separators", column=label, found=examples["dot-unsure"], other=examples["comma-unsure"])
            return None
        for mark, sign in (("dot", "."), ("comma", ",")):
            if roles[f"{mark}-unsure"]:
                if self.plain:
                    # Numbers above 999 without a mark between their thousands stand in the same column.
                    return sign
                if self.hint:
                    example = examples[f"{mark}-unsure"]
                    findings.add("separator-inferred", column=label, found=example, value=plain_number(example, self.hint))
                    return self.hint
                findings.add("ambiguous-separator", column=label, found=examples[f"{mark}-unsure"])
                return None
        return "."

    def _date(self, findings: Findings, label: str) -> TypedColumn | None:
        if self.orders["dmy"] and self.orders["mdy"]:
            findings.add("ambiguous-date", column=label, found=self.examples["dmy"], other=self.examples["mdy"])
            return None
        months = self.orders["month"]
        if months and months != sum(self.orders.values()) + self.native["date"] + self.native["datetime"]:
            findings.add("mixed-values", column=label, count=months, found=self.examples["month"], type="date")
            return None
        if self.short:
            if self.orders["either"] == self.short and not _DATE_LABEL.search(_words(label)):
                # ``1/2/15`` may be anything.
                return None
            findings.add("short-years", "note", column=label, found=self.examples["short"])
        timed = self.kinds["datetime"] or self.native["datetime"]
        month_first = bool(self.orders["mdy"])
        if month_first:
            findings.add("month-first", column=label, found=self.examples["mdy"])
        written = sum(self.orders.values()) - self.orders["ymd"]
        note = "month-only" if months else "month-first" if month_first else "day-first" if written else ""
        return TypedColumn(self.column, "datetime" if timed else "date", month_first=month_first, note=note)


_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_TWO_DOTS = re.compile(r"\.[^\n.]*\.")
_LEADING_ZERO = re.compile(r"\n-?0\d")
_CERTAIN_DOT = re.compile(r"\.(?:\d{1,2}|\d{4,})\n|\n-?0\.|\d{4}\.")
_LONG = re.compile(r"\d{4}")


def _hashable(cells: Sequence[Any]) -> bool:
    # 1, 1.0 and True are one key: booleans are counted one by one.
    return not any(cell.__class__ is bool for cell in cells)


@dataclass
class TypedRow:
    """A row with values of its columns' types.

    :ivar number: row number in the source
    :ivar kind: ``row``, ``total`` or ``section``; a total must not be summed with the rows
    """

    number: int
    kind: RowKind
    values: list[Any]


@dataclass
class Rejected:
    """Rows that could not be taken.

    :ivar count: how many
    :ivar listed: ``(row number, slug, details)`` of the first ones
    """

    count: int = 0
    listed: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)

    def add(self, number: int, slug: str, details: dict[str, Any]) -> None:
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append((number, slug, details))


class TypedTable:
    """A table whose columns have types.

    :ivar columns: in the source's order
    :ivar totals: rows that are totals
    :ivar sections: rows that hold a heading or a note only
    """

    def __init__(self, reading: Reading, columns: list[TypedColumn], findings: Findings, totals: int, sections: int, count: int) -> None:
        self.reading = reading
        self.columns = columns
        self.totals = totals
        self.sections = sections
        self.count = count
        self.rejected = Rejected()
        self.places = Places.of(reading)
        self._findings = findings

    @classmethod
    def infer(cls, reading: Reading) -> TypedTable:
        """Read a table once and tell its types.

        :raises TableError: the table cannot be read to its end; ``no-table``
        """
        inference = Inference(reading)
        for _numbers, columns in reading.chunks():
            inference.feed(columns)
        return inference.table()

    def stores_as(self, other: TypedTable) -> bool:
        """Whether another table of the same columns stores every cell in the same way."""
        return self.marked == other.marked and [typed.way for typed in self.columns] == [typed.way for typed in other.columns]

    @property
    def marked(self) -> bool:
        """Whether there are rows that are not data: the DataStore's table then has the column of :meth:`kind_id`."""
        return bool(self.totals or self.sections)

    def kind_id(self) -> str:
        """The id of the column in which totals and headings are marked."""
        return kind_id(self.columns)

    def rows(self) -> Iterator[TypedRow]:
        """The rows that are of their columns' types; what is not is in ``rejected`` and in the findings.

        :raises TableError: ``mostly-rejected`` after the last row; the table cannot be read to its end
        """
        self.rejected = Rejected()
        for number, cells in self.reading.rows():
            kind = row_kind(cells, self.places)
            values = []
            for typed, cell in zip(self.columns, cells, strict=True):
                try:
                    values.append(typed.value(cell))
                except (ValueError, ArithmeticError, OverflowError):
                    self.rejected.add(number, "rejected-value", self.reason(typed, cell))
                    break
            else:
                yield TypedRow(number, kind, values)
        self.check()

    @staticmethod
    def reason(typed: TypedColumn, cell: Any) -> dict[str, Any]:
        """Details of a rejected value."""
        return {"found": plain_text(cell)[:60], "type": typed.type, "column": typed.column.label or typed.column.id}

    def check(self) -> None:
        """Refuse a table of which most rows were rejected.

        :raises TableError: ``mostly-rejected``
        """
        rejected = self.rejected.count + self.reading.rejections
        rows = self.count + self.reading.rejections
        if rejected > MOSTLY * max(rows, 1):
            listed = [*self.rejected.listed, *self.reading.rejected]
            number, slug, details = listed[0]
            raise TableError(
                "mostly-rejected",
                file=self.reading.file,
                sheet=self.reading.sheet,
                row=number,
                rejected=rejected,
                rows=rows,
                reason=slug,
                column=str(details.get("column", "")),
            )

    def findings(self) -> list[Finding]:
        """Everything that was found: in the file, about types, and the rejected rows. Complete after the rows were read."""
        collected = Findings(self.reading.file, self.reading.sheet)
        collected.extend(self.reading.findings.all())
        collected.extend(self._findings.all())
        found = collected.all()
        by_column: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for number, _slug, details in self.rejected.listed:
            by_column.setdefault(str(details["column"]), []).append((number, details))
        for column, rows in by_column.items():
            number, details = rows[0]
            place = {"found": details["found"], "type": details["type"], "count": len(rows), "rows": [one for one, _details in rows[:20]]}
            found.insert(0, Finding("rejected-value", "warning", self.reading.file, self.reading.sheet, number, column, place))
        return found


def kind_id(columns: Sequence[TypedColumn]) -> str:
    """A free id for the column that marks rows."""
    taken = {typed.column.id for typed in columns}
    return next(name for name in ("row_kind", *(f"row_kind_{number}" for number in range(2, 1000))) if name not in taken)


class Inference:
    """Counts rows and decides.

    :param reading: whose columns these are
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.profiles = [Profile(column, reading.epoch) for column in reading.columns]
        self.totals = self.sections = self.count = 0
        self.places = Places.of(reading)

    def feed(self, columns: Sequence[Sequence[Any]]) -> list[RowKind] | None:
        """Count more rows.

        :param columns: the cells of each column
        :returns: the rows' kinds; None when all are data
        """
        self.count += len(columns[0])
        kinds = kinds_of(columns, self.places)
        if kinds is not None:
            self.totals += kinds.count("total")
            self.sections += kinds.count("section")
            # A heading says nothing of the type of the column that it happens to stand in.
            data = [kind != "section" for kind in kinds]
            columns = [list(itertools.compress(cells, data)) for cells in columns]
        if columns[0]:
            for profile, cells in zip(self.profiles, columns, strict=True):
                profile.feed(cells)
        return kinds

    def table(self) -> TypedTable:
        """The types of all columns.

        :raises TableError: ``no-table``: there were no rows
        """
        reading = self.reading
        if self.count == 0:
            if reading.rejections:
                number, slug, _details = reading.rejected[0]
                raise TableError(
                    "mostly-rejected",
                    file=reading.file,
                    sheet=reading.sheet,
                    row=number,
                    rejected=reading.rejections,
                    rows=reading.rejections,
                    reason=slug,
                )
            raise TableError("no-table", file=reading.file, sheet=reading.sheet)
        findings = Findings(reading.file, reading.sheet)
        marks = {mark for profile in self.profiles if (mark := profile.certain_mark())}
        hint = marks.pop() if len(marks) == 1 else "." if not marks and reading.delimiter == "," else ""
        columns = [profile.decide(findings, hint) for profile in self.profiles]
        _add_units(reading, columns)
        name = kind_id(columns)
        if self.totals:
            findings.add("total-rows", count=self.totals, column_id=name)
        if self.sections:
            findings.add("section-rows", "note", count=self.sections, column_id=name)
        return TypedTable(reading, columns, findings, self.totals, self.sections, self.count)


def _add_units(reading: Reading, columns: Sequence[TypedColumn]) -> None:
    """Units of header and title, as written. A title's unit is that of amounts, not of codes, counts and years."""
    title = [unit for _number, text in reading.titles for unit in units_in(text)]
    for typed in columns:
        if typed.type not in ("integer", "decimal"):
            continue
        own = units_in(typed.column.label)
        if own:
            if not typed.unit:
                typed.unit, typed.unit_from = own[0], "header"
        elif not typed.unit and len(set(title)) == 1 and not _NO_AMOUNT.search(_words(typed.column.label)):
            typed.unit, typed.unit_from = title[0], "title"
