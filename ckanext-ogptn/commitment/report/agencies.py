"""Which organisation of the catalogue a form means by the words in its first row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from ckan import model

from ...catalogue import names
from ...catalogue import text as t

_SEGMENTS = re.compile(r"\s*[،,:;؛\n]\s*|\s+[-–—]\s+")
#: Letters and digits that a name must have before it is looked for inside a longer text.
_SHORTEST = 6
#: How alike two names must be to be taken for one with a warning: the report writes "الاصلاح الاداري" for "للإصلاحات … الإدارية".
_ALIKE = 0.8
#: Short names of different bodies are alike by chance.
_SHORTEST_ALIKE = 15


@dataclass
class Organisation:
    """``keys``: its names, folded for comparison."""

    id: str
    name: str
    title: str
    keys: tuple[str, ...]
    parent: str | None = None


@dataclass
class Match:
    """What was found in a text.

    :ivar organisation: None when none is named
    :ivar unit: what the text says besides the organisation and those above it
    :ivar similar: the name was not the same, only alike
    :ivar others: other organisations that the text names
    """

    organisation: Organisation | None = None
    unit: str = ""
    similar: bool = False
    others: list[Organisation] = field(default_factory=list)


def key(text: str) -> str:
    """Folded letters and digits without spaces; a conjunction that stands apart does not count."""
    return "".join(word for word in re.findall(r"[^\W_]+", t.fold(text)) if word != "و")


def everyone(language: str) -> list[Organisation]:
    """The active organisations."""
    found: list[Organisation] = []
    groups = model.Session.query(model.Group).filter_by(is_organization=True, state="active").order_by(model.Group.name)
    for group in groups:
        titles = names.organization_titles(group)
        keys = {key(title) for title in (*titles.values(), group.title or "") if title}
        title = t.pick(titles, language) or group.title or group.name
        parent = names.organization_extra(group, "parent") or None
        found.append(Organisation(group.id, group.name, title, tuple(k for k in keys if len(k) >= _SHORTEST), parent))
    return found


def find(lines: list[str], organisations: list[Organisation]) -> Match:
    """The organisation that a form's first row names: the lowest one of a chain, and of several the first.

    :param lines: of the cell; when the first is exactly a name, the others are its unit
    """
    if not lines:
        return Match()
    first = key(lines[0])
    exact = [organisation for organisation in organisations if first in organisation.keys]
    if exact:
        return Match(exact[0], "\n".join(lines[1:]), others=exact[1:])
    text = "\n".join(lines)
    segments = [segment for segment in _SEGMENTS.split(text) if segment.strip()]
    whole = key(text)
    by_id = {organisation.id: organisation for organisation in organisations}
    placed: list[tuple[int, Organisation, bool]] = []
    for organisation in organisations:
        places = [whole.find(name) for name in organisation.keys if name in whole]
        if places:
            placed.append((min(places), organisation, False))
            continue
        alike = [segment for segment in segments for name in organisation.keys if _alike(key(segment), name)]
        if alike:
            placed.append((whole.find(key(alike[0])), organisation, True))
    # A name that is only alike counts where no segment is a name itself.
    sure = {key(segment) for segment in segments} & {
        name for _, organisation, similar in placed if not similar for name in organisation.keys
    }
    placed = [item for item in placed if not (item[2] and any(_alike_to(item[1], name) for name in sure))]
    above = {ancestor for _, organisation, _ in placed for ancestor in _ancestors(organisation, by_id)}
    lowest = sorted((item for item in placed if item[1].id not in above), key=lambda item: (item[0], -max(map(len, item[1].keys))))
    if not lowest:
        return Match(unit=" ".join(text.split()))
    _, chosen, similar = lowest[0]
    family = [chosen, *(by_id[i] for i in _ancestors(chosen, by_id) if i in by_id)]
    known = [name for organisation in family for name in organisation.keys]
    rest = [segment for segment in segments if not _is_one_of(key(segment), known)]
    return Match(chosen, "، ".join(rest) if t.is_arabic(text) else ", ".join(rest), similar, [item[1] for item in lowest[1:]])


def _alike_to(organisation: Organisation, name: str) -> bool:
    return any(_alike(own, name) for own in organisation.keys)


def _alike(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= _SHORTEST_ALIKE and SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE


def _ancestors(organisation: Organisation, by_id: dict[str, Organisation]) -> list[str]:
    found: list[str] = []
    parent = organisation.parent
    while parent and parent not in found:
        found.append(parent)
        parent = by_id[parent].parent if parent in by_id else None
    return found


def _is_one_of(segment: str, known: list[str]) -> bool:
    """Whether a segment says nothing but names of the family ("services of the ministry")."""
    for name in sorted(known, key=len, reverse=True):
        if name in segment:
            segment = segment.replace(name, "", 1)
        elif _alike(segment, name):
            segment = ""
    # A preposition may be left over.
    return len(segment) < 3
