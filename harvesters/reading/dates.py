"""Dates and periods in French and Arabic sentences."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from .text import Finding, Text, fold, terms

#: Years that a document or a table of this sector can name: phosphate is counted since 1900.
FIRST, LAST = 1850, 2099


@dataclass(frozen=True)
class Date:
    """A date in a text: ``iso`` is ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; ``start``, ``end`` in the folded text."""

    iso: str
    start: int
    end: int


@cache
def _months() -> dict[str, int]:
    return {fold(name): int(number) for number, names in terms()["months"].items() for name in names}


@cache
def _pattern() -> re.Pattern[str]:
    month = "|".join(sorted(map(re.escape, _months()), key=len, reverse=True))
    year = r"(?:1[89]|20)\d\d"
    return re.compile(
        rf"(?<!\d)(?P<y1>{year})-(?P<m1>\d\d)-(?P<d1>\d\d)(?!\d)"
        rf"|(?<![\d.])(?P<d2>\d{{1,2}})\s?(?P<sep>[./-])\s?(?P<m2>\d{{1,2}})\s?(?P=sep)\s?(?P<y2>{year})(?!\d)"
        rf"|(?<!\d)(?P<d3>\d{{1,2}})(?:er)?[\s_-]*(?P<n3>{month})\.?[\s_,/-]*(?P<y3>{year})(?!\d)"
        rf"|(?<![^\W\d_])(?P<n4>{month})\.?[\s_,/-]*(?P<y4>{year})(?!\d)"
        rf"|(?<![\d/.-])(?P<m5>0[1-9]|1[0-2])/(?P<y5>{year})(?![\d/])"
        rf"|(?<![\d/.,])(?P<y6>{year})(?![\d]|[.,]\d)"
    )


def dates(text: Text) -> Iterator[Date]:
    """All dates of a text, in order. ``03/04/2020`` is the third of April; what the calendar does not know is none (``31.02.2010``)."""
    for found in _pattern().finditer(text.plain):
        part = found.groupdict()
        iso = None
        for number, by_name in ((1, False), (2, False), (3, True)):
            if part[f"y{number}"]:
                month = _months()[part[f"n{number}"]] if by_name else int(part[f"m{number}"])
                iso = _day(int(part[f"y{number}"]), month, int(part[f"d{number}"]))
        if part["y4"]:
            iso = f"{part['y4']}-{_months()[part['n4']]:02}"
        elif part["y5"]:
            iso = f"{part['y5']}-{part['m5']}"
        elif part["y6"]:
            iso = part["y6"]
        if iso and FIRST <= int(iso[:4]) <= LAST:
            yield Date(iso, found.start(), found.end())


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return None


#: Before the date of a signature; between the two there may be who signed.
_SIGNED = re.compile(
    r"\b(?:conclue?s?|signee?s?|passee?s?|paraphee?s?|signature|date de signature"
    r"|ممضاه?|مبرمه?|تم امضاوها|امضي)\b|(?<!\w)(?:ال)?م(?:برم|مضي)\w*"
)
_EFFECT = re.compile(
    r"\b(?:entree?s? en vigueur|en vigueur (?:depuis|a partir|a compter)|prend effet|effective|a compter d[eu])\b|دخل\w* حيز"
)
_EXPIRY = re.compile(
    r"\b(?:expire(?:ra)?|expirant|date d.expiration|expiration|echeance|valable jusqu|jusqu.a(?:u)? l.echeance)\b|تنتهي|ينتهي"
)
#: Words between the verb and its date that mean another event begins.
_OTHER_EVENT = re.compile(r"\b(?:transfer\w+|cede\w*|cession|approuve\w*|publie\w*|enregistre\w*|modifie\w*|renouvel\w+)\b")


def dated_events(text: Text) -> dict[str, list[Finding]]:
    """``signed_on``, ``effective_on`` and ``expires_on`` with every date that a sentence ties to such an event.

    The date may stand before or after who signed: "conclu, en 07 Mars 2013, entre …", "conclu entre … et …, en Octobre 1988".
    """
    events: dict[str, list[Finding]] = {}
    found_dates = list(dates(text))
    stops = [0, *(found.end() for found in sentences(text)), len(text.plain)]
    for name, pattern in (("signed_on", _SIGNED), ("effective_on", _EFFECT), ("expires_on", _EXPIRY)):
        for verb in pattern.finditer(text.plain):
            end = next(stop for stop in stops if stop >= verb.end())
            for date in found_dates:
                between = text.plain[verb.end() : date.start]
                if verb.end() <= date.start < end:
                    if not _OTHER_EVENT.search(between) and introduced(text, date):
                        events.setdefault(name, []).append(Finding.at(date.iso, name.replace("_", "-"), text, verb.start(), date.end))
                    break
    return events


def introduced(text: Text, date: Date) -> bool:
    """Whether a date is told as one ("en", "le", "du", a comma …), and is not part of a name or a number."""
    before = text.plain[: date.start].rstrip()
    return (
        not before
        or len(date.iso) > 4
        or bool(re.search(r"(?:\b(?:en|le|du|au|de|date|annee|l.an|depuis|a|vers)|[,:(]|في|بتاريخ|سنه)$", before))
    )


_ABBREVIATION = re.compile(r"\b(?:inc|ltd|co|corp|s\.a|n|no|art|mr|m|plc|llc|bv|b\.v|gmbh|st|dr|sa)$")


def sentences(text: Text) -> Iterator[re.Match[str]]:
    """Where sentences end; a point in quotation marks, after an abbreviation or in a number ends none."""
    for found in re.finditer(r"[.;!?…](?=\s|$)", text.plain):
        before = text.plain[: found.start()]
        if before.count('"') % 2 == 0 and not _ABBREVIATION.search(before):
            yield found


_TO = r"\s*(?:-|/|a|au|et|jusqu.a|jusqu.en|jusqu.au|الي|حتي)\s*(?:fin\s+|l.annee\s+|سنه\s+)?"


def period(texts: list[Text]) -> Finding | None:
    """The period that a table covers, as ``(start, end)``, either ``None``: the first text's that names one, with the other end from a
    later text that has the same one.

    "depuis Janvier 2010", "2007-2015", "de 2007 à 2015", "pour la période 2009 - 2014", "exercice 2013-2014", "منذ سنة 2010", "en 2013".
    """
    found: Finding | None = None
    for text in texts:
        here = _period_of(text)
        if here is None:
            continue
        if found is None:
            found = here
        elif None in found.value and None not in here.value and any(a and a == b for a, b in zip(found.value, here.value, strict=True)):
            return here
    return found


def _period_of(text: Text) -> Finding | None:
    found = list(dates(text))
    for at, first in enumerate(found):
        before, after = text.plain[: first.start], text.plain[first.end :]
        second = found[at + 1] if at + 1 < len(found) else None
        if second is not None and re.fullmatch(_TO, text.plain[first.end : second.start]):
            if _key(first.iso) <= _key(second.iso) and not _not_a_period(before):
                # Three and more years in a row ("2017, 2018 et 2019") are one period, too.
                start, last = _earliest(text, found, at), _latest(text, found, at + 1)
                return Finding.at((start.iso, last.iso), "period", text, start.start, last.end)
            return None
        if re.search(
            r"(?:\bdepuis(?: (?:le|l.annee|l.an|debut|mois de))?|\ba partir d[eu](?: l.annee)?|منذ|ابتداء من)"
            r"\s*(?:سنه\s*|عام\s*)?$",
            before,
        ):
            return Finding.at((first.iso, None), "since", text, first.start, first.end)
        if re.search(r"(?:jusqu.(?:en|a|au)|حتي)\s*(?:fin\s*|سنه\s*)?$", before):
            return Finding.at((None, first.iso), "until", text, first.start, first.end)
        begun = _begun(before, first.iso)
        # "du 1er trimestre 2021" is no day of a law, as "du 12 mars 2021" may be.
        if begun is not None and not _not_a_period(re.sub(r"\b(?:du|au|le)\s*$", "", before[: begun[2]])):
            return Finding.at((begun[0], begun[1]), "part-of-year", text, begun[2], first.end)
        # A single day is that of a state of affairs, a tariff or an event.
        if len(first.iso) < 10 and not _not_a_period(before) and second is None and at == 0 and _is_of_a_year(before, after):
            return Finding.at((first.iso, first.iso), "year", text, first.start, first.end)
    return None


_PART = re.compile(
    r"(?:(?P<nth>1er|premier|1ere|premiere|2eme|2e|deuxieme|second|3eme|3e|troisieme|4eme|4e|quatrieme)\s+(?P<part>trimestre|semestre)"
    r"|(?P<letter>[ts])\s?(?P<number>[1-4])|(?P<ar>(?:ال)?(?:ثلاثي|سداسي))\s+(?P<arnth>الاول|الثاني|الثالث|الرابع))"
    r"\s*(?:de\s+(?:l.annee\s+)?|d.|-|/|ل?سنه\s*|من\s+سنه\s*)?$"
)
_NTH = {"الاول": 1, "الثاني": 2, "الثالث": 3, "الرابع": 4, "second": 2, "deuxieme": 2, "troisieme": 3, "quatrieme": 4}


def _begun(before: str, iso: str) -> tuple[str, str, int] | None:
    """What stands before a year or a month and makes a longer period of it: "janvier - juin 2019", "1er trimestre 2018", "T2 2018".

    :returns: start, end, where it begins in ``before``
    """
    if len(iso) == 7:
        month = "|".join(sorted(map(re.escape, _months()), key=len, reverse=True))
        found = re.search(rf"(?<![^\W\d_])({month})\.?{_TO}$", before)
        if found and _months()[found[1]] < int(iso[5:]):
            return f"{iso[:4]}-{_months()[found[1]]:02}", iso, found.start()
    elif len(iso) == 4 and (found := _PART.search(before)):
        said = found["number"] or found["nth"] or found["arnth"]
        nth = _NTH.get(said) or (int(said[0]) if said[0].isdigit() else 1)
        months = 6 if (found["part"] == "semestre" or found["letter"] == "s" or "سداسي" in (found["ar"] or "")) else 3
        if nth * months <= 12:
            return f"{iso}-{(nth - 1) * months + 1:02}", f"{iso}-{nth * months:02}", found.start()
    return None


def of_files(names: list[Text]) -> Finding | None:
    """The year or month that files are called after, in one word as the portal writes them (``situationannee2019.xls``,
    ``listejanvier2017.csv``, ``bilan2016.pdf``), if all that name one name the same."""
    month = "|".join(sorted(map(re.escape, _months()), key=len, reverse=True))
    seen: dict[str, Finding] = {}
    for text in names:
        for found in re.finditer(rf"(?:({month})|annee|an|\b|(?<=[^\W\d]))[ _-]?((?:19|20)\d\d)(?=\D|$)", text.plain):
            iso = f"{found[2]}-{_months()[found[1]]:02}" if found[1] else found[2]
            seen.setdefault(iso, Finding.at((iso, iso), "file-name", text, *found.span()))
    return next(iter(seen.values())) if len(seen) == 1 else None


def _earliest(text: Text, found: list[Date], at: int) -> Date:
    while at > 0 and re.fullmatch(r"\s*,\s*", text.plain[found[at - 1].end : found[at].start]):
        at -= 1
    return found[at]


def _latest(text: Text, found: list[Date], at: int) -> Date:
    """ "2010-2011-2012-2013": years in a row, each later than the one before."""
    while (
        at + 1 < len(found)
        and re.fullmatch(r"\s*(?:-|,|/|&|et|و)\s*", text.plain[found[at].end : found[at + 1].start])
        and found[at].iso < found[at + 1].iso
    ):
        at += 1
    return found[at]


def _key(iso: str) -> str:
    return iso[:7]


def _not_a_period(before: str) -> bool:
    """A date of a law, of a state of affairs or of an event (a plant stood still from then to then) is not what a table covers."""
    return bool(
        re.search(r"\b(?:arretee?s?|arrets?|suspen\w+|interr\w+|ferme(?:e|ture)?s?|pannes?|maintenances?)(?: \w+){0,2}\s*$", before)
    ) or bool(
        re.search(
            r"(?:\b(?:loi|decret|arrete|n|no|numero|article|avenant|code|jort|du|le|arretee?s? au|situation (?:au|a la date)"
            r"|signe\w*|conclue?\w*|(?:loi|decret|arrete|code|constitution|plan) de(?: l.annee)?)"
            r"|°|عدد|قانون|(?:عدد|n°)\s*\d+\s*(?:ل?سنه|ل|de)?)\s*(?:n?°?\s*)?$",
            before,
        )
    )


def _is_of_a_year(before: str, after: str) -> bool:
    return bool(
        re.search(r"(?:\b(?:annee|annees|en|pour|exercice|au titre de l.exercice|courant|de l.annee)|[(:]|سنه|خلال|عام)\s*$", before)
    ) or not after.strip(" .)-")
