"""Who a contract is between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from .dates import Date, dates, sentences
from .text import Finding, Text, fold, terms, words

#: Characters that an enumeration of companies has at most (the longest of the real records has some 400). Without an end, a text that says
#: "entre" a thousand times and closes no quotation mark would be read a thousand times to its end.
_LONGEST = 2_000
#: Between these two there is a contract.
_BETWEEN = re.compile(
    r"(?<!\w)(?:conclue?s?|signee?s?|passee?s?|contrats?|accords?|convention|association|partage|etablie?"
    r"|مبرم\w*|عقد|اتفاقيه)\b(?P<on>[^.]{0,160}?)(?<!\w)(?:entre|بين)\s"
)
_STOP = re.compile(
    r"\s*,?\s*(?:\b(?:en date d|conclue?s?\b|signee?s?\b|relati(?:f|ve)s?\b|portant\b|pour (?:le|la|l.|une|un)\b"
    r"|concernant\b|regissant\b|sur le permis|au titre|dans le cadre|approuve)"
    r"|\bdu permis\b|\bportant\b|\bdont\b|\bqui\b|\bduquel\b|بتاريخ|المتعلق)"
)
_FORM = (
    r"(?:ltd|limited|inc|corp(?:oration)?|company|co|plc|llc|s\.?a\.?r?\.?l?|gmbh|b\.?v|n\.?v|a\.?s|s\.?p\.?a|ab|pty"
    r"|petroleum|oil|energy|resources|exploration|international|tunisia|tunisie)"
)
_COMPANY = re.compile(rf"(?<![^\W_]){_FORM}(?![^\W_])")
_LEADING = re.compile(
    r"^(?:et |and |d'une part |d'autre part |avec |و)*(?:l'|la |le |les |the )?"
    r"(?:(?:societes?|compagnies?|groupe|consortium|entreprise|group?ement)"
    r"(?: (?:compose de|petroliere?s?|mixte|dite|denommee))*\s+)?(?=\S)"
)
_MOVED = re.compile(r"\b(?:transferee?s?|cedee?s?|cession)\b")
_ROLES = re.compile(
    r"(?<!\w)(?:(?:titulaires?|operateurs?|attributaires?|beneficiaires?|المشغل)\s*(?:du permis|de la concession)?\s*(?::|est|sont)"
    r"|(?:accordee?s?|octroyee?s?|attribuee?s?|delivree?s?|opere?e?s? par)"
    r"(?: a| au profit de| en faveur de)?(?= (?:la societe|la compagnie|l'etap|\"|etap)))\s*"
)


@dataclass
class Party:
    """A company, and whether the text says that it operates."""

    name: str
    operator: bool = False
    found: list[Finding] = field(default_factory=list)


@dataclass
class Parties:
    """:ivar doubts: names that could not be told for certain, with what is unsure"""

    companies: list[Party] = field(default_factory=list)
    state: list[Finding] = field(default_factory=list)
    doubts: list[Finding] = field(default_factory=list)
    transferred: list[Finding] = field(default_factory=list)

    def add(self, name: str, found: Finding, *, operator: bool = False) -> None:
        for party in self.companies:
            if _key(party.name) == _key(name):
                party.operator = party.operator or operator
                return
        self.companies.append(Party(name, operator, [found]))


def _key(name: str) -> str:
    return re.sub(r"\W+", "", fold(name))


@cache
def _known() -> list[tuple[str, re.Pattern[str]]]:
    return [(company["name"], words(*company["words"])) for company in terms()["companies"]]


def company_name(written: str) -> str:
    """A company as it is kept: a State company by its registered name, another as written, without acronym and quotation marks."""
    clean = re.sub(r"\s*\(\s*[A-Z][\w.&/ -]{1,20}?\s*\)\s*$", "", " ".join(written.replace('"', " ").split()))
    clean = re.sub(r"\s+,", ",", clean).strip(" ,;:-'")
    for name, pattern in _known():
        if pattern.fullmatch(fold(clean)):
            return name
    return clean


def parties(texts: list[Text]) -> Parties:
    """The companies of contracts "entre A, B et C", and those called holder or operator, in these texts."""
    result = Parties()
    for text in texts:
        ends, found_dates = [found.start() for found in sentences(text)], list(dates(text))
        for between in _BETWEEN.finditer(text.plain):
            _segment(text, between.end(), ends, found_dates, result)
        for role in _ROLES.finditer(text.plain):
            _role(text, role, result)
        for between_points in re.finditer(r"[^.]+", text.plain):
            moved = [found.end() for found in _MOVED.finditer(text.plain, *between_points.span())]
            if moved:
                start, end = between_points.start(), text.plain.find(";", moved[-1], between_points.end())
                end = end if end >= 0 else between_points.end()
                result.transferred.append(Finding.at(text.plain[start:end], "transfer", text, start, end))
    return result


def _segment(text: Text, start: int, ends: list[int], found_dates: list[Date], result: Parties) -> None:
    """The names from ``start`` to the end of the enumeration.

    :param ends: where sentences of the text end
    """
    plain = text.plain[: start + _LONGEST]
    end = next((end for end in ends if end >= start), len(plain))
    # What goes on behind the part that is read counts as cut off, too.
    end = min(end, len(plain))
    cut_off = (end >= len(plain) - 1 and plain.rstrip().endswith(("…", "..."))) or (
        end == len(plain) and (plain[start:].count('"') % 2 == 1 or len(plain) < len(text.plain))
    )
    hidden = _without_quotes(plain, end)
    stop = _STOP.search(hidden, start, end)
    end = stop.start() if stop else end
    for date in found_dates:
        if start < date.start < end:
            # "…, en Octobre 1988": the names are over.
            end = min(end, len(re.sub(r"[\s,]*(?:\b(?:en|le|du|au mois de|في)\s*)?$", "", plain[: date.start])))
    # A name in quotation marks, or what stands between commas and "et"; "and" is part of a name ("Oil and Gas").
    for piece_start, piece_end in _pieces(hidden, start, end):
        piece = plain[piece_start:piece_end]
        if piece.startswith('"'):
            if not piece.endswith('"') or len(piece) < 4:
                result.doubts.append(Finding.at(piece, "cut-off", text, piece_start, piece_end))
                continue
            _accept(text, piece_start + 1, piece_end - 1, result, quoted=True)
        else:
            _accept(text, piece_start, piece_end, result, quoted=False, last_and_cut=cut_off and piece_end == end)


_SEPARATOR = re.compile(r"[,;]|(?<!\w)(?:et|d'une part|d'autre part)(?!\w)|(?<!\w)و(?=[\s\"])|(?<=\s)و(?=ال)")


def _pieces(hidden: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the members of the enumeration stand."""
    at = start
    while at < end:
        if hidden[at] == '"':
            close = hidden.find('"', at + 1, end)
            yield at, (close + 1 if close >= 0 else end)
            at = close + 1 if close >= 0 else end
            continue
        quote = hidden.find('"', at, end)
        # As far as the quotation mark, which a separator may look at.
        separator = _SEPARATOR.search(hidden, at, quote + 1 if quote >= 0 else end)
        stop = min(separator.start() if separator else end, quote if quote >= 0 else end)
        if hidden[at:stop].strip():
            yield at, stop
        at = separator.end() if separator and separator.start() == stop else stop


def _without_quotes(plain: str, end: int) -> str:
    """The same text with what stands in quotation marks or parentheses replaced by dots, so that no word in them counts."""
    return (
        re.sub(r'(?<=")[^"]*(?=")|\([^)]*\)', lambda found: "·" * len(found[0]), plain[:end])
        if '"' in plain or "(" in plain
        else plain[:end]
    )


def _accept(text: Text, start: int, end: int, result: Parties, *, quoted: bool, last_and_cut: bool = False) -> None:
    plain = text.plain[start:end]
    lead = len(plain) - len(plain.lstrip(" .:-'"))
    start, plain = start + lead, plain[lead:]
    for name, pattern in _known():
        if (found := pattern.search(plain)) and (not quoted or pattern.fullmatch(plain.strip())):
            result.add(name, Finding.at(name, "state-company", text, start + found.start(), start + found.end()))
            return
    if words(*terms()["state"]).search(plain) and not quoted:
        result.state.append(Finding.at("Etat tunisien", "state", text, start, end))
        return
    leading = None if quoted else _LEADING.match(plain)
    start += leading.end() if leading else 0
    written = text.quote(start, end).strip() if end > start else ""
    clean = company_name(written)
    if len(re.findall(r"[^\W\d_]", clean)) < 2 or (not quoted and re.fullmatch(r"\(.*\)|[\W\d]*", written)):
        return
    finding = Finding.at(clean, "between-quoted" if quoted else "between", text, start, end)
    if quoted:
        result.add(clean, finding)
    elif last_and_cut:
        result.doubts.append(finding)
    elif (
        clean[:1].isupper()
        and len(clean.split()) <= 8
        and (_COMPANY.search(fold(clean)) or (leading and "ciete" in leading[0]) or clean.isupper())
    ):
        result.add(clean, finding)
    elif clean[:1].isupper() or (leading and "ciete" in leading[0]):
        result.doubts.append(finding)


def _role(text: Text, role: re.Match[str], result: Parties) -> None:
    rest = re.compile(r"(?P<lead>(?:a |la |l'|le )*(?:societes? |compagnies? )?)(?:\"\s*([^\"]{2,80}?)\s*\"|([^.,;:()\"]{2,60}))").match(
        text.plain, role.end()
    )
    if rest is None:
        return
    start, end = rest.span(2 if rest[2] is not None else 3)
    more = None if rest[2] is not None else re.search(r"\s(?:et|en|le|du|pour|dans|par|depuis|qui|est|sont)\s", text.plain[start:end])
    end = start + more.start() if more else end
    written = company_name(text.quote(start, end))
    finding = Finding.at(written, "role", text, role.start(), end)
    operates = role[0].startswith(("operateur", "opere", "المشغل"))
    for party in result.companies:
        # "Opérateur : Invented" of "Invented Oil Tunisia Limited".
        if operates and _key(party.name).startswith(_key(written)) and len(_key(written)) >= 4:
            party.operator = True
            return
    if rest[2] is not None or (written[:1].isupper() and len(written.split()) <= 6):
        result.add(written, finding, operator=operates)
    else:
        result.doubts.append(finding)
