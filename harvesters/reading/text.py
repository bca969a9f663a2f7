"""Texts of a record as they are compared: repaired, folded, and still tied to what was written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from ckanext.ogptn.catalogue import text as t

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_QUOTES = str.maketrans({**dict.fromkeys("«»“”„‟″＂", '"'), **dict.fromkeys("’‘‛ʼ´`′", "'"), "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE",
                         "–": "-", "—": "-", "‑": "-", "‐": "-", "³": "3", "²": "2"})  # fmt: skip
_TASHKEEL = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0640]")
_ARABIC_FORMS = {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ة": "ه", "ى": "ي", "ی": "ي", "ئ": "ي", "ؤ": "و", "ک": "ك", "گ": "ك"}
#: Two or three characters that UTF-8 bytes become when they are read as Windows-1252 (or Latin-1).
_MOJIBAKE = re.compile(
    "[\u00c2-\u00df\u00e2\u00d8\u00d9][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{1,2}"
)


@lru_cache(maxsize=1)
def terms() -> dict[str, Any]:
    """The words of ``terms.yaml``."""
    with Path(__file__).with_name("terms.yaml").open(encoding="utf-8") as file:
        return yaml.load(file, _LOADER)  # noqa: S506 - both are safe loaders


def repaired(text: str) -> str:
    """A text whose UTF-8 was read as Windows-1252 on its way, read aright: ``"BÃ©ja"`` is ``"Béja"``. Other texts stay as they are."""

    def again(found: re.Match[str]) -> str:
        for encoding in ("cp1252", "latin-1"):
            try:
                return found[0].encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
        return found[0]

    return _MOJIBAKE.sub(again, text)


def tidy(text: str) -> str:
    """A text on one line with one kind of quotation mark, apostrophe, hyphen, space and digit; no vowel signs."""
    text = t.western_digits(repaired(t.clean(text))).translate(_QUOTES).replace("''", '"')
    return " ".join(_TASHKEEL.sub("", text).split())


@lru_cache(maxsize=4096)
def _letter(character: str) -> str:
    """One character, folded to one."""
    plain = unicodedata.normalize("NFD", character.casefold())[:1] or character
    return _ARABIC_FORMS.get(character, plain)


def fold(text: str) -> str:
    """Lower case without accents and Arabic letter forms; as many characters as before."""
    return text.lower() if text.isascii() else "".join(map(_letter, text))


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    return frozenset(terms()["spelling"])


def _one_away(word: str, other: str) -> bool:
    """One letter more, less, other, or two neighbours swapped; the first letter is always right."""
    if word[0] != other[0] or abs(len(word) - len(other)) > 1 or word == other:
        return False
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    a, b = word[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (len(a) > 1 and a[:2] == b[:2][::-1] and a[2:] == b[2:])


@lru_cache(maxsize=8192)
def spelled(word: str) -> str:
    """A folded word as it is meant: a long one that is one letter away from exactly one of the words that matter is that word."""
    known = _known_words()
    if len(word) < 7 or word in known or not word.isalpha():
        return word
    near = [each for each in known if _one_away(word, each)]
    # "exportatio" is as near to the singular as to no other; a plural is a word of its own, and no misspelling of the singular.
    if len(near) > 1 and len({each.rstrip("s") for each in near}) == 1:
        near = [min(near, key=len)]
    return near[0] if len(near) == 1 and word.rstrip("s") not in {each.rstrip("s") for each in known} else word


@dataclass(frozen=True)
class Text:
    """A text of a record.

    :param place: where it stands: ``title``, ``notes``, ``name``, ``tags-0``, ``resources-1-name``, ``resources-1-file``
    :param shown: as written, tidied
    """

    place: str
    shown: str

    @classmethod
    def of(cls, place: str, written: str) -> Text:
        return cls(place, tidy(written))

    @cached_property
    def _folded(self) -> tuple[str, list[int]]:
        letters: list[str] = []
        places: list[int] = []
        for part in re.finditer(r"\w+|\W+", fold(self.shown)):
            word = spelled(part[0])
            letters.append(word)
            places += [min(part.start() + at, part.end() - 1) for at in range(len(word))]
        return "".join(letters), [*places, len(self.shown)]

    @property
    def plain(self) -> str:
        """Folded, with misspelled words corrected: what is searched in."""
        return self._folded[0]

    def quote(self, start: int, end: int) -> str:
        """What was written where ``plain[start:end]`` was found."""
        places = self._folded[1]
        return self.shown[places[start] : places[end - 1] + 1 if end > start else places[start]]

    def find(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.search(self.plain)

    def all(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        return pattern.finditer(self.plain)


@lru_cache(maxsize=512)
def words(*alternatives: str) -> re.Pattern[str]:
    """A pattern for any of these as whole words of a folded text; Arabic ones also after "and", "by", "for" … written in one with them.

    :param alternatives: regular expressions of folded words; Arabic ones may be written with hamza, ة and ى
    """
    return re.compile(
        r"(?<![^\W_])(?:و?(?:لل|[فبكل])?)?(?:" + "|".join(alternatives).translate(str.maketrans(_ARABIC_FORMS)) + r")(?![^\W_])"
    )


@dataclass(frozen=True)
class Finding:
    """Something that a text says.

    :param value: what was understood
    :param rule: by which rule: a stable word
    :param place: of the text
    :param quote: the words it was read from
    """

    value: Any
    rule: str
    place: str
    quote: str

    @classmethod
    def at(cls, value: Any, rule: str, text: Text, start: int, end: int) -> Finding:
        return cls(value, rule, text.place, text.quote(start, end))
