"""Deadlines as the report writes them: a year, a range of years, a month, a day."""

from __future__ import annotations

import re

from ...catalogue import rules
from ...catalogue import text as t
from ...catalogue.rules import RuleError

#: Months as Tunisian Arabic, French and English name them; the first of each list is what is printed.
MONTHS: dict[str, tuple[str, ...]] = {
    "ar": ("جانفي", "فيفري", "مارس", "أفريل", "ماي", "جوان", "جويلية", "أوت", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"),
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
}
_OTHER_NAMES = {
    "يناير": 1,
    "فبراير": 2,
    "أبريل": 4,
    "مايو": 5,
    "يونيو": 6,
    "يوليو": 7,
    "أغسطس": 8,
    "جويليه": 7,
}
_MONTH = {t.fold(name): number for names in MONTHS.values() for number, name in enumerate(names, start=1)}
_MONTH.update({t.fold(name): number for name, number in _OTHER_NAMES.items()})
_RANGE = re.compile(r"(?P<start>(?:19|20)\d\d)\s*(?:[-–—/]|إلى|الى|à|to)\s*(?P<end>(?:19|20)\d\d)")
_NAMED = re.compile(r"(?:(?P<day>\d{1,2})\s+)?(?P<month>[^\W\d_]+)\s+(?P<year>(?:19|20)\d\d)")


def read(text: str) -> tuple[str, str, str]:
    """What a written deadline says.

    :returns: ``(starts_on, due_on, deadline_text)``: partial ISO dates, empty where the text does not say; ``deadline_text`` is the text
        itself unless ``due_on`` says all of it
    """
    written = " ".join(t.western_digits(t.clean(text)).split())
    if not written:
        return "", "", ""
    if found := _RANGE.fullmatch(written):
        return (found["start"], found["end"], written) if found["start"] <= found["end"] else ("", "", written)
    if found := _NAMED.fullmatch(written):
        month = _MONTH.get(t.fold(found["month"]))
        if month:
            iso = f"{found['year']}-{month:02}" + (f"-{int(found['day']):02}" if found["day"] else "")
            try:
                return "", rules.date(iso, partial=True), ""
            except RuleError:
                return "", "", written
    try:
        return "", rules.date(written, partial=True), ""
    except RuleError:
        return "", "", written


def write(due_on: str, deadline_text: str, language: str) -> str:
    """The deadline of a record as the report prints it: its own words if it has any, else the date."""
    if deadline_text:
        return deadline_text
    if len(due_on) < 7:
        return due_on
    named = f"{MONTHS[language][int(due_on[5:7]) - 1]} {due_on[:4]}"
    return f"{int(due_on[8:10])} {named}" if len(due_on) == 10 else named
