"""The unit that a table's texts say, as they say it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from .text import Finding, Text, fold, terms


@dataclass(frozen=True)
class Unit:
    """A unit of measure.

    :param code: ``kt``
    :param kind: ``mass``, ``energy``, ``money`` …; only units of one kind can contradict each other
    :param factor: how many of the first unit of its kind
    """

    code: str
    kind: str
    factor: Decimal


@dataclass
class Units:
    """What the texts say.

    :ivar asserted: the units, as written, in the order of the text; several where one sentence gives different ones to different products
    :ivar contradicting: what other texts say against it
    :ivar open: whether the contradiction is between texts of equal weight, so that none can be asserted
    """

    asserted: list[Finding] = field(default_factory=list)
    contradicting: list[Finding] = field(default_factory=list)
    open: bool = False


@cache
def _units() -> tuple[re.Pattern[str], dict[str, Unit]]:
    names: list[str] = []
    units: dict[str, Unit] = {}
    alternatives: list[tuple[str, str]] = []
    for at, row in enumerate(terms()["units"]):
        group = f"u{at}"
        units[group] = Unit(row["code"], row["kind"], Decimal(str(row["factor"])))
        alternatives += [(fold(word), group) for word in row["words"]]
    # Longer ones first: "mille tonnes" before "tonnes", "dinars par bouteille" before "dinars".
    alternatives.sort(key=lambda pair: len(re.sub(r"\W", "", pair[0])), reverse=True)
    by_group: dict[str, list[str]] = {}
    for number, (word, group) in enumerate(alternatives):
        name = f"{group}x{number}"
        by_group.setdefault(group, []).append(name)
        names.append(f"(?P<{name}>{word.replace(' ', chr(92) + 's*')})")
        units[name] = units[group]
    return re.compile("(?:" + "|".join(names) + r")(?![^\W_])(?!\s*(?:/|par)\s*\w)"), units


@cache
def _contexts() -> tuple[re.Pattern[str], ...]:
    unit = _units()[0].pattern
    return (
        re.compile(r"\(\s*(?:en\s+|بال|unites?\s*:?\s*)?" + f"(?P<unit>{unit})" + r"(?:\s*[,;:][^()]*)?\s*\)"),
        re.compile(
            r"(?<!\w)(?:unites?(?: de mesure)?(?: des donnees)?|وحده القيس|الوحده)\s*(?:est|:|=|هي)?\s*(?:le |la |l.)?\"?\s*"
            f"(?P<unit>{unit})"
        ),
        re.compile(r"(?<!\w)(?:exprimee?s?\s+|mesuree?s?\s+|evaluee?s?\s+|donnees? )?en\s+(?:quantites? de\s+)?" + f"(?P<unit>{unit})"),
        re.compile(r"(?<!\w)ب(?:ال)?\s*" + f"(?P<unit>{unit})"),
    )


def mentions(text: Text) -> list[tuple[Unit, Finding]]:
    """Every unit that a text gives as one: in parentheses, after "en", "unité :", "بال"."""
    found: dict[int, tuple[Unit, Finding]] = {}
    _all, units = _units()
    for context in _contexts():
        for match in context.finditer(text.plain):
            start, end = match.span("unit")
            unit = next(units[name] for name, value in match.groupdict().items() if value is not None and name != "unit")
            if not any(other <= start < len(text.plain) and start < other + len(kept.quote) for other, (_u, kept) in found.items()):
                found[start] = (unit, Finding.at(text.quote(start, end), "unit", text, start, end))
    return [found[at] for at in sorted(found)]


def units(texts: list[Text], weak: list[Text]) -> Units:
    """The unit that texts which people read say; ``weak`` texts (addresses, file names) only contradict, or serve where no other says any.

    :param texts: in the order in which they count: the title first
    """
    result = Units()
    first: list[tuple[Unit, Finding]] = []
    for text in texts:
        here = mentions(text)
        if not here:
            continue
        if not first:
            # A second unit of the same kind in the same text is a second thing ("en tonnes et en milliers de tonnes"): both are said.
            first = _different(here)
            continue
        for unit, finding in here:
            if _against(unit, first):
                result.contradicting.append(finding)
    result.open = bool(result.contradicting)
    for text in weak:
        for unit, finding in mentions(text):
            if not first:
                first = [(unit, finding)]
            elif _against(unit, first):
                result.contradicting.append(finding)
    result.asserted = [finding for _unit, finding in first]
    return result


def _different(found: list[tuple[Unit, Finding]]) -> list[tuple[Unit, Finding]]:
    kept: list[tuple[Unit, Finding]] = []
    for unit, finding in found:
        if all(unit.code != other.code for other, _finding in kept):
            kept.append((unit, finding))
    return kept


def _against(unit: Unit, others: list[tuple[Unit, Finding]]) -> bool:
    """Whether a unit says something else of the same kind of quantity."""
    same_kind = [other for other, _finding in others if other.kind == unit.kind]
    return bool(same_kind) and all(other.code != unit.code for other in same_kind)
