"""What one cell's text can mean: a number in some notation, a date, a month, a missing value, or just text.

Names of months: those of Tunisia in Arabic (جانفي, فيفري …), of the Levant, in French and in English; :data:`MONTHS`.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from ..catalogue.text import fold

Kind = Literal["missing", "number", "code", "date", "datetime", "month", "text"]
Role = Literal["", "decimal", "group", "unsure"]

#: What people write for a value that is not there.
_MISSING = frozenset(
    [
        *("", "-", "--", "---", "–", "—", "−", ".", "..", "...", "…", "/", "//", "n.d.", "n.d", "nd", "n/d", "n.a.", "n.a", "na", "n/a"),
        *(
            "#n/a",
            "#na",
            "null",
            "none",
            "nan",
            "nil",
            "néant",
            "non disponible",
            "غ.م",
            "غ.م.",
            "غ م",
            "غير متوفر",
            "غير متوفرة",
            "لا يوجد",
            "لا ينطبق",
        ),
        *("#ref!", "#div/0!", "#value!", "#valeur!", "#name?", "#nom?", "#num!", "#nombre!", "#null!"),
    ]
)
_MONTH_NAMES = (
    ("جانفي", "يناير", "janvier", "janv", "january", "jan"),
    ("فيفري", "فبراير", "fevrier", "fevr", "fev", "february", "feb"),
    ("مارس", "mars", "march", "mar"),
    ("أفريل", "أبريل", "avril", "avr", "april", "apr"),
    ("ماي", "مايو", "mai", "may"),
    ("جوان", "يونيو", "juin", "june", "jun"),
    ("جويلية", "يوليو", "juillet", "juil", "july", "jul"),
    ("أوت", "أغسطس", "aout", "august", "aug"),
    ("سبتمبر", "septembre", "sept", "september", "sep"),
    ("أكتوبر", "octobre", "october", "oct"),
    ("نوفمبر", "novembre", "november", "nov"),
    ("ديسمبر", "decembre", "december", "dec"),
)
#: Folded name → number of the month.
MONTHS = {fold(name): number for number, names in enumerate(_MONTH_NAMES, 1) for name in names}
#: Units that stand beside a number in its cell; only these, so that "12 A" stays text.
_UNITS = (
    r"(?:TND|MDT|MTND|DT|D\.T\.?|MD|Md|KDT|d\.?t\.?|dinars?|millimes?|د\.?\s?ت\.?|دينار|م\.?د\.?|[kM]?€|EUR|\$|USD|£|GBP|XOF|XAF|FCFA"
    r"|F\s?CFA|CHF|CAD|MAD|DZD"
    r"|kt|ktep|t|tonnes?|kg|m3|m²|ha|km|GWh|MWh|kWh)"
)
#: More than two blanks mean what two do: that no number goes on behind them.
_WIDE = re.compile(r"\s{3,}")
#: Characters of a number with all that may stand around it.
_LONGEST = 200
_SPACES = re.compile("[ \u00a0\u2007\u2009\u202f]")
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬", "01234567890123456789,'")
_ARABIC_DECIMAL = re.compile("[٫]")
#: Currencies that stand before a number.
_BEFORE = r"(?:US\s?\$|CA\s?\$|[€$£₦₹]|KES|K[Ss]hs?\.?|Rs\.?|USD|EUR|GBP|FCFA|XOF|TND|CHF)"
_NUMBER = re.compile(
    rf"(?P<lead>{_BEFORE}\s?)?(?P<open>\()?\s*(?P<sign>[-+−–])?\s*(?P<before>{_BEFORE}\s?)?(?P<inner>[-−–])?"
    rf"(?P<digits>[.,]?\d[\d.,' ]*)\s*(?P<unit>%|٪|{_UNITS})?\s*(?P<after>-)?\s*(?P<close>\))?\s*(?P<behind>%|٪|{_UNITS})?"
)
#: ``4.00E+07``: as spreadsheet programs show numbers that are too wide for their column. Without the sign it may be a code.
_EXPONENT = re.compile(r"(?P<sign>[-+−])?(?P<whole>\d)(?:[.,](?P<decimals>\d+))?[eE](?P<power>[-+]\d{1,3})")
#: Thousands, and India's lakhs and crores: ``12,34,567``.
_GROUPED = re.compile(r"\d{1,3}(?:(?P<mark>[.,' ])\d{3})(?:(?P=mark)\d{3})*|\d{1,2}(?:,\d{2})+,\d{3}")
#: A dash beside a currency: accountants' zero, which says nothing more than a dash.
_DASHED = re.compile(rf"{_BEFORE}\s*[-−–—]+|[-−–—]+\s*{_BEFORE}")
_SHORT_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2})")
_NAMED_DAY = re.compile(r"(\d{1,2})(?:er|st|nd|rd|th)?[-/. ]+([^\W\d_]+)[-/., ]+(\d{4}|\d{2})")
_SHORT_MONTH = re.compile(r"([^\W\d_]+)\.?[-/'’](\d{2})")
_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_ISO = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|\+00:?00)?)?")
_MONTH_YEAR = re.compile(r"([^\W\d_.]+)\.?\s*[-/ ]?\s*(\d{4})")
_NUMBERED_MONTH = re.compile(r"(?:(\d{1,2})[/.-](\d{4})|(\d{4})[/-](\d{1,2}))")
#: Years that a date may have: outside of them it is a slip of the pen.
_YEARS = range(1600, 2301)


@dataclass(frozen=True)
class Meaning:
    """What a text can mean.

    :ivar kind: what it is
    :ivar dot: what a ``.`` in a number is; ``unsure`` for ``1.234``
    :ivar comma: the same for a ``,``
    :ivar digits: digits before the decimals
    :ivar plain: a whole number above 999 without a mark between its thousands
    :ivar unit: ``%`` or another unit in the cell
    :ivar year: a whole number that may be a year
    :ivar order: of a date: ``ymd``, ``dmy`` or ``mdy`` where only that is possible, ``either``, or ``month`` without a day
    :ivar exponent: a number of which only the first digits are left
    :ivar short: a date whose year has two digits
    """

    kind: Kind
    dot: Role = ""
    comma: Role = ""
    digits: int = 0
    plain: bool = False
    unit: str = ""
    year: bool = False
    order: str = ""
    exponent: bool = False
    short: bool = False


_TEXT = Meaning("text")
_MISSING_MEANING = Meaning("missing")


def meaning(text: str) -> Meaning:
    """Tell what a cell's text can mean, on its own; the column decides (:mod:`.types`)."""
    lower = text.lower()
    if lower in _MISSING:
        return _MISSING_MEANING
    western = text.translate(_DIGITS)
    if not any(character.isdigit() for character in western):
        if _DASHED.fullmatch(_SPACES.sub(" ", text)):
            return _MISSING_MEANING
        return Meaning("month") if month_number(text) else _TEXT
    if found := _EXPONENT.fullmatch(western):
        whole = int(found["power"]) >= len(found["decimals"] or "")
        return Meaning("number", "" if whole else "decimal", digits=max(1, int(found["power"]) + 1), exponent=True)
    return _number(western, bool(_ARABIC_DECIMAL.search(text))) or _date(western) or _TEXT


def _number(text: str, arabic: bool) -> Meaning | None:
    found = _parts(_SPACES.sub(" ", text))
    if found is None:
        return None
    digits = found["digits"].strip()
    unit = (found["unit"] or found["behind"] or found["before"] or found["lead"] or "").strip().replace("٪", "%")
    whole, dot, comma = digits, "", ""
    if "." in digits and "," in digits:
        # The last one parts the decimals, the other the thousands.
        last = max(digits.rfind("."), digits.rfind(","))
        mark, other = digits[last], "," if digits[last] == "." else "."
        whole = digits[:last]
        if digits.count(mark) > 1 or not _GROUPED.fullmatch(whole) or other not in whole:
            return None
        dot, comma = ("decimal", "group") if mark == "." else ("group", "decimal")
    elif "." in digits or "," in digits:
        mark = "." if "." in digits else ","
        begin, _mark, end = digits.rpartition(mark)
        if digits.count(mark) > 1:
            if not _GROUPED.fullmatch(digits):
                return None
            role, whole = "group", digits
        else:
            whole = begin
            if begin and not (begin.isdigit() or _GROUPED.fullmatch(begin)):
                return None
            if not end.isdigit() and end:
                return None
            certain = arabic or len(end) != 3 or not begin.isdigit() or len(begin) > 3 or begin.startswith("0")
            role = "decimal" if certain else "unsure"
        dot, comma = (role, "") if mark == "." else ("", role)
    elif (" " in digits or "'" in digits) and not _GROUPED.fullmatch(digits):
        return None
    count = sum(1 for character in whole if character.isdigit())
    pure = digits.isdigit()
    if pure and len(digits) > 1 and digits[0] == "0" and not found["sign"]:
        return Meaning("code", digits=count)
    return Meaning(
        "number",
        dot,  # pyright: ignore[reportArgumentType]
        comma,  # pyright: ignore[reportArgumentType]
        count,
        plain=whole.isdigit() and len(whole) > 3,
        unit=unit,
        year=pure and len(digits) == 4 and digits[:2] in ("18", "19", "20", "21"),
    )


def _parts(text: str) -> re.Match[str] | None:
    """A number's parts; None where they contradict each other: one bracket alone, two signs, two units."""
    # A hundred blanks inside a cell, as print layouts leave them, could belong to a number's parts in a hundred million ways.
    found = _NUMBER.fullmatch(_WIDE.sub("  ", text)) if len(text) <= _LONGEST else None
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    if (found["after"] and (found["sign"] or found["open"])) or (
        found["inner"] and (found["sign"] or found["after"] or not found["before"])
    ):
        return None
    units = [found[name] for name in ("lead", "before", "unit", "behind") if found[name]]
    return found if len(units) < 2 else None


def _date(text: str) -> Meaning | None:
    if found := _ISO.fullmatch(text):
        year, month, day = int(found[1]), int(found[3]), int(found[4])
        return Meaning("datetime" if found[5] else "date", order="ymd") if _valid(year, month, day, found[5], found[6]) else None
    if found := _DATE.fullmatch(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        day_first = _valid(year, second, first, found[5], found[6])
        month_first = _valid(year, first, second, found[5], found[6])
        if not (day_first or month_first):
            return None
        order = (
            "either" if day_first and month_first and first != second else "either" if first == second else "dmy" if day_first else "mdy"
        )
        return Meaning("datetime" if found[5] else "date", order=order)
    if found := _SHORT_DATE.fullmatch(text):
        year = full_year(found[3])
        day_first = _valid(year, int(found[2]), int(found[1]), None, None)
        month_first = _valid(year, int(found[1]), int(found[2]), None, None)
        if not (day_first or month_first):
            return None
        return Meaning("date", order="either" if day_first and month_first else "dmy" if day_first else "mdy", short=True)
    if (found := _NAMED_DAY.fullmatch(text)) and (number := month_number(found[2])):
        return (
            Meaning("date", order="ymd", short=len(found[3]) == 2)
            if _valid(full_year(found[3]), number, int(found[1]), None, None)
            else None
        )
    if (found := _SHORT_MONTH.fullmatch(text)) and month_number(found[1]):
        return Meaning("date", order="month", short=True)
    if found := _NUMBERED_MONTH.fullmatch(text):
        month, year = int(found[1] or found[4]), int(found[2] or found[3])
        return Meaning("date", order="month") if 1 <= month <= 12 and year in _YEARS else None
    if (found := _MONTH_YEAR.fullmatch(text)) and month_number(found[1]) and int(found[2]) in _YEARS:
        return Meaning("date", order="month")
    return None


def full_year(digits: str) -> int:
    """``"15"`` is 2015 and ``"98"`` 1998 (POSIX strptime, ``%y``: 69 to 99 are the last century's)."""
    return int(digits) + (0 if len(digits) > 2 else 1900 if int(digits) >= 69 else 2000)


def _valid(year: int, month: int, day: int, hour: str | None, minute: str | None) -> bool:
    if year not in _YEARS or (hour and (int(hour) > 23 or int(minute or 0) > 59)):
        return False
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=500)
def month_number(text: str) -> int | None:
    """1 to 12 for the name of a month in Arabic, French or English, whatever its accents; None for anything else."""
    return MONTHS.get(fold(unicodedata.normalize("NFC", text).strip(" .")))


def plain_number(text: str, decimal: str) -> str:
    """A number as PostgreSQL and Python read it: ``"(1 234,5)"`` is ``"-1234.5"``.

    :param decimal: ``"."`` or ``","``: the column's decimal mark; the other one, blanks and apostrophes part thousands
    :raises ValueError: the text is no number written so
    """
    western = _SPACES.sub(" ", text.translate(_DIGITS))
    if found := _EXPONENT.fullmatch(western):
        return format(Decimal(western.replace(",", ".").replace("−", "-")), "f")
    if "٫" in text:
        western = western.replace(".", "'")
        if decimal == ".":
            western = western.replace(",", ".")
    found = _parts(western)
    if found is None:
        raise ValueError(text)
    whole, mark, decimals = found["digits"].strip().partition(decimal)
    other = "," if decimal == "." else "."
    if (mark and (not decimals.isdigit() or decimal in decimals)) and decimals:
        raise ValueError(text)
    if not whole.isdigit():
        if whole and not _GROUPED.fullmatch(whole):
            raise ValueError(text)
        whole = whole.replace(other, "").replace(" ", "").replace("'", "") or "0"
    negative = found["open"] or found["after"] or found["inner"] or found["sign"] in ("-", "−", "–")
    return f"{'-' if negative else ''}{whole}{'.' + decimals if decimals else ''}"


def moment(year: int, month: int, day: int = 1, hour: int = 0, minute: int = 0, second: int = 0) -> dt.datetime:
    """A moment without a time zone, as files write them."""
    return dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the file does not say which zone


def plain_date(text: str, month_first: bool = False) -> dt.datetime:
    """A date as a moment; a month without a day is its first day.

    :raises ValueError: the text is no date
    """
    western = text.translate(_DIGITS)
    if found := _ISO.fullmatch(western):
        year, month, day = int(found[1]), int(found[3]), int(found[4])
    elif found := _DATE.fullmatch(western):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        day, month = (second, first) if month_first else (first, second)
    elif short := _SHORT_DATE.fullmatch(western):
        first, second = int(short[1]), int(short[2])
        day, month = (second, first) if month_first else (first, second)
        return moment(full_year(short[3]), month, day)
    elif (worded := _NAMED_DAY.fullmatch(western)) and (number := month_number(worded[2])):
        return moment(full_year(worded[3]), number, int(worded[1]))
    elif (brief := _SHORT_MONTH.fullmatch(western)) and (number := month_number(brief[1])):
        return moment(full_year(brief[2]), number)
    elif plain := _NUMBERED_MONTH.fullmatch(western):
        return moment(int(plain[2] or plain[3]), int(plain[1] or plain[4]))
    elif (named := _MONTH_YEAR.fullmatch(western)) and (number := month_number(named[1])):
        return moment(int(named[2]), number)
    else:
        raise ValueError(text)
    return moment(year, month, day, int(found[5] or 0), int(found[6] or 0), int(found[7] or 0))


#: Units in a header or a title, as they are written there.
_UNIT_TEXT = re.compile(
    r"\bin\s+(?:lakhs?|crores?|thousands?|millions?|billions?)(?:\s+of\s+\w+)?\b"
    r"|(?:US|CA)?[$£](?:\s?(?:million|billion|thousand|['’]?000s?|bn|m)\b|['’]000s?)"
    r"|\((?:US|CA)?[$£€]\)|(?<!\w)(?:k|M|Mds?\s)€(?!\w)"
    r"|\ben\s+(?:euros?|dollars?|francs?(?:\s+CFA)?|F\s?CFA|FCFA|k€|M€)(?!\w)"
    r"|\b(?:M|Mds?|millions?\s+de|milliards?\s+de)\s(?:F\s?CFA|FCFA)\b"
    r"|\bK(?:ES|Shs?)\.?(?:\s+(?:millions?|thousands?)|\s['’]?000s?)?(?!\w)"
    r"|(?:en\s+)?(?:milli(?:on|ard)s?|milliers?|mille)s?\s+(?:de\s+|d['’]\s?)?(?:dinars?|DT|TND|tonnes?|dollars?|euros?|m3|FCFA)"
    r"|\b(?:MDT|KDT|TND|D\.T\.?|DT|MTND|MD|Md)(?!\w)"
    r"|\b(?:en\s+)?(?:dinars?|millimes?|tonnes?)\b"
    r"|(?<![\w])(?:kt|ktep(?:-pc[is])?|Mt|kbbl/j|millimes/litre|DT/t|GWh|MWh|kWh|m3|m²|ha|%)(?!\w)"
    r"|(?:ب?(?:ال)?(?:ألف|آلاف|مليون|ملايين|مليار)\s+)?(?:ب?(?:ال)?(?:دينار|الدينار|الدنانير|مليم|المليم|طن|الطن))"
    r"|\b(?:thousands?|millions?|billions?)\s+(?:of\s+)?(?:dinars?|TND|dollars?|euros?|tons?|tonnes?)",
    re.IGNORECASE,
)


def units_in(text: str) -> list[str]:
    """The units that a header or a title names, as written: ``"Budget 2018 (en mille dinars)"`` gives ``["en mille dinars"]``."""
    return list(dict.fromkeys(" ".join(found[0].strip("()").split()) for found in _UNIT_TEXT.finditer(text)))
