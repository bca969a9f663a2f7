"""From text to index terms, for Arabic, French and English.

The first term of a word is the one that CKAN's Solr schema makes (white space, word-delimiter parts, lower case, English Snowball stem,
ASCII folding), so that English, codes and file names are found as with Solr. Beside it, at the same position, stand the terms of the
other two languages, marked with a prefix that no text can contain:

* French: the Snowball stem of the word, with and without its accents, folded – ``rivières`` and ``rivieres`` meet –, after elision
  (``l’énergie`` gives ``énergie``). Only for texts that look French, so that English texts do not gain foreign neighbours.
* Arabic: the word normalised (alef and hamza forms, final ya, ta marbuta, diacritics, tatweel, digits), as it is, without article and
  attached particles, and lightly stemmed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import Stemmer

#: Raised whenever a text would give other terms than before: the index then has to be rebuilt.
ANALYSER_VERSION = 2

#: First characters of the terms that are not Solr's own. Control characters never come out of the tokeniser.
MARK = "\x02"
FRENCH = f"{MARK}f"
ARABIC = f"{MARK}a"
#: Solr's gap between two values of one field: no phrase reaches across.
POSITION_GAP = 100
#: Longest term kept, in characters; PostgreSQL's B-tree keys end at about 2,700 bytes.
MAX_TERM = 400

_english = Stemmer.Stemmer("english", 0)
_french = Stemmer.Stemmer("french", 0)

# -- characters

_FOLD_EXTRA = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "ħ": "h",
    "ı": "i",
    "ł": "l",
    "þ": "th",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "ﬁ": "fi",
    "ﬂ": "fl",
}


@lru_cache(maxsize=8192)
def _fold_character(character: str) -> str:
    if character in _FOLD_EXTRA:
        return _FOLD_EXTRA[character]
    decomposed = unicodedata.normalize("NFKD", character)
    base = "".join(part for part in decomposed if not unicodedata.combining(part))
    return base if base.isascii() and base else character


def fold(text: str) -> str:
    """Latin letters without their accents; everything else as it is (Lucene's ASCIIFoldingFilter)."""
    return text if text.isascii() else "".join(map(_fold_character, text))


# -- splitting a word as Lucene's WordDelimiterGraphFilter does

_LOWER, _UPPER, _ALPHA, _DIGIT, _DELIMITER = 1, 2, 3, 4, 0


@lru_cache(maxsize=8192)
def _character_type(character: str) -> int:
    category = unicodedata.category(character)
    if category == "Lu":
        return _UPPER
    if category == "Ll":
        return _LOWER
    if category in ("Lt", "Lm", "Lo", "Mn", "Me", "Mc"):
        return _ALPHA
    if category in ("Nd", "Nl", "No"):
        return _DIGIT
    return _ALPHA if ord(character) > 0xFFFF else _DELIMITER


#: Delimiters that usually stand before or after a word.
_OUTER = '.,;:!?()"«»'


def word_parts(word: str, *, split_case: bool) -> list[tuple[str, bool]]:
    """The parts of a word between delimiters, changes of case and changes between letters and digits.

    :returns: (part, whether it is a number), in order. The English possessive ``'s`` is dropped.
    """
    core = word.strip(_OUTER)
    if core.isalpha() and (not split_case or core[1:].lower() == core[1:]):
        # Nothing but letters, large ones only in front: most words.
        return [(core, False)]
    parts: list[tuple[str, bool]] = []
    start, previous = -1, _DELIMITER
    length = len(word)
    index = 0
    while index <= length:
        kind = _character_type(word[index]) if index < length else _DELIMITER
        if start >= 0 and _is_break(previous, kind, split_case=split_case):
            parts.append((word[start:index], _character_type(word[start]) == _DIGIT))
            start = -1
            if (
                kind == _DELIMITER
                and index + 1 < length
                and word[index] == "'"
                and word[index + 1] in "sS"
                and (index + 2 == length or _character_type(word[index + 2]) == _DELIMITER)
                and previous != _DIGIT
            ):
                index += 2
                previous = _DELIMITER
                continue
        if kind != _DELIMITER and start < 0:
            start = index
        previous = kind
        index += 1
    return parts


def _is_break(last: int, current: int, *, split_case: bool) -> bool:
    if current == _DELIMITER:
        return True
    if last == current:
        return False
    if last == _UPPER and current in (_LOWER, _ALPHA):
        return False
    if last in (_LOWER, _ALPHA, _UPPER) and current in (_LOWER, _ALPHA, _UPPER):
        return split_case and current == _UPPER and last != _UPPER
    return True


# -- French

_ELISION = re.compile(r"^(?:l|d|j|m|t|s|n|c|qu|jusqu|lorsqu|puisqu|quoiqu)['’ʼ](?=\w)", re.IGNORECASE)
_FRENCH_SIGNS = frozenset(
    [
        "le",
        "la",
        "les",
        "des",
        "du",
        "et",
        "pour",
        "par",
        "dans",
        "sur",
        "une",
        "un",
        "aux",
        "au",
        "est",
        "sont",
        "avec",
        "ce",
        "cette",
        "ces",
        "qui",
        "que",
        "en",
        "de",
        "ou",
        "leur",
        "leurs",
        "plus",
        "entre",
        "selon",
        "nombre",
        "liste",
        "données",
        "ministère",
    ]
)
_FRENCH_LETTERS = re.compile(r"[éèêëàâçîïôûùœ]", re.IGNORECASE)


def looks_french(text: str) -> bool:
    """Whether a text holds French: accented letters, an elision, or two different function words."""
    if not text.isascii() and _FRENCH_LETTERS.search(text):
        return True
    if ("'" in text or "’" in text or "ʼ" in text) and any(map(_ELISION.match, text.split())):
        return True
    return len(_FRENCH_SIGNS.intersection(text.lower().split())) >= 2


def french_terms(word: str) -> tuple[str, ...]:
    """Terms of one lower-case word without delimiters."""
    if len(word) < 2:
        return ()
    folded = fold(word)
    forms = {fold(_french.stemWord(word)), _french.stemWord(folded)}
    return tuple(FRENCH + form for form in sorted(forms))


# -- Arabic

_ARABIC_WORD = re.compile(r"[\u0621-\u064a\u0671-\u06d3]")
_ARABIC_MARKS = re.compile(r"[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640\u200c-\u200f]")
_ARABIC_LETTERS = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ئ": "ء",
        "ؤ": "ء",
        "ة": "ه",
        "ک": "ك",
        "ی": "ي",
        "ھ": "ه",
        "گ": "ك",
        "ڤ": "ف",
        "ڨ": "ق",
    }
)
_ARABIC_PREFIXES = ("وبال", "وكال", "فبال", "وال", "بال", "كال", "فال", "ولل", "ال", "لل")
_ARABIC_SUFFIXES = ("ات", "ين", "ون", "ان", "ها", "يه", "هم", "نا", "وا", "ه", "ي")
_DIGITS = {ord(arabic) + offset: str(offset) for arabic in "٠۰" for offset in range(10)}
_DIGITS |= {ord("٫"): ".", ord("٬"): ","}


def western_digits(text: str) -> str:
    """Arabic-Indic digits as 0-9."""
    return text if text.isascii() else text.translate(_DIGITS)


def normalise_arabic(word: str) -> str:
    """A word without diacritics and tatweel, with one form for alef, ya, ta marbuta and the seats of hamza."""
    return _ARABIC_MARKS.sub("", word).translate(_ARABIC_LETTERS)


def _without_article(word: str) -> str:
    for prefix in _ARABIC_PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= 2:
            return word[len(prefix) :]
    return word


def stem_arabic(word: str) -> str:
    """Light stem of a normalised word: article and attached particles off, then the usual endings while three letters stay."""
    stem = _without_article(word)
    if stem == word and word.startswith("و") and len(word) >= 5:
        stem = _without_article(word[1:])
    for _round in range(2):
        for suffix in _ARABIC_SUFFIXES:
            if stem.endswith(suffix) and len(stem) - len(suffix) >= 3:
                stem = stem[: -len(suffix)]
                break
        else:
            break
    return stem


def arabic_terms(word: str) -> tuple[str, ...]:
    """Terms of one word in Arabic script."""
    normal = normalise_arabic(word)
    if not normal:
        return ()
    return tuple(ARABIC + form for form in sorted({_without_article(normal), stem_arabic(normal)}))


# -- terms of a word

#: Words that each of the functions below remembers, ten megabytes of them. What comes again is among the last so many; most of what is
#: older are names, numbers and addresses that stand in one dataset.
REMEMBERED = 16_384

Terms = tuple[str, ...]
#: One word of a text: for each of its positions, the terms there; the first one is Solr's own where there is one.
Positions = tuple[Terms, ...]


@lru_cache(maxsize=REMEMBERED)
def _part_terms(part: str, stemmed: bool, french: bool) -> Terms:
    lower = part.lower()
    terms: list[str] = [fold(_english.stemWord(lower))[:MAX_TERM] if stemmed else lower[:MAX_TERM]]
    western = western_digits(lower)
    if western != lower:
        terms.append(ARABIC + western[:MAX_TERM])
    if _ARABIC_WORD.search(lower):
        terms += arabic_terms(lower)
    elif french and lower.isalpha():
        terms += french_terms(lower)
    return tuple(dict.fromkeys(terms))


def index_word(word: str, stemmed: bool, french: bool) -> Positions:
    """Terms of one white-space separated word of a text to be indexed. A lone dash has none, but it has a place, as in Solr.

    :param stemmed: a field of type ``text``; otherwise ``text_general``.
    :param french: the text looks French.
    """
    parts = word_parts(word, split_case=stemmed)
    if len(parts) == 1:
        return (_part_terms(parts[0][0], stemmed, french),)
    if not parts:
        return ((),)
    positions = [list(_part_terms(part, stemmed, french)) for part, _number in parts]
    # The joined form of neighbouring words (`Wi-Fi` → `wifi`) and of neighbouring numbers stands where they begin.
    start = 0
    for index in range(1, len(parts) + 1):
        if index == len(parts) or parts[index][1] != parts[start][1]:
            if index - start > 1:
                joined = "".join(part for part, _number in parts[start:index])
                positions[start] += [term for term in _part_terms(joined, stemmed, french=False) if term not in positions[start]]
            start = index
    return tuple(tuple(terms) for terms in positions)


@lru_cache(maxsize=REMEMBERED)
def query_word(word: str, stemmed: bool) -> Positions:
    """Terms of one word of a query: any of the terms at a position will do. No joined forms, as in Solr."""
    parts = word_parts(word, split_case=stemmed)
    terms = [_number_terms(part, stemmed) if number else _part_terms(part, stemmed, french=True) for part, number in parts]
    if len(parts) > 1 and _ELISION.match(word):
        # « l’énergie » asks for énergie: the article alone would be one more word to be found. Its place stays, for phrases.
        terms[0] = ()
    return tuple(terms)


def _number_terms(part: str, stemmed: bool) -> Terms:
    """A number is found in both kinds of digits."""
    western = western_digits(part)
    return tuple(dict.fromkeys((*_part_terms(part, stemmed, french=False), western, ARABIC + western)))


def query_positions(text: str, *, stemmed: bool) -> list[tuple[int, Terms]]:
    """(position, terms) of a query text. A word that is nothing but delimiters leaves a gap, as it does in a text."""
    found: list[tuple[int, Terms]] = []
    position = 0
    for word in text.split():
        for terms in query_word(word, stemmed) or ((),):
            if terms:
                found.append((position, terms))
            position += 1
    return found


def pattern_text(pattern: str, *, stemmed: bool) -> str:
    """A wildcard, prefix, fuzzy or regular expression's text as Solr normalises it: lower case, folded for ``text``."""
    lower = pattern.lower()
    return fold(lower) if stemmed else lower


@lru_cache(maxsize=REMEMBERED)
def _known_word(word: str, stemmed: bool, french: bool) -> str | Positions:
    """The terms of a word; a plain text where it is one term."""
    positions = index_word(word, stemmed, french)
    return positions[0][0] if len(positions) == 1 and len(positions[0]) == 1 else positions


def index_positions(
    values: Iterable[str], *, stemmed: bool, french: bool, known: dict[str, str | Positions] | None = None
) -> tuple[dict[str, list[int]], int]:
    """Terms of all values of a field with their positions, and the field's length in words.

    :param known: words that were met before, with the same ``stemmed`` and ``french``; takes those that are met here. The fields of a
        document are copied to one another, so that most of its words come several times
    """
    terms: dict[str, list[int]] = {}
    known = {} if known is None else known
    position = -POSITION_GAP
    length = 0
    for value in values:
        position += POSITION_GAP
        for word in value.split():
            entry = known.get(word)
            if entry is None:
                entry = known[word] = _known_word(word, stemmed, french)
            if isinstance(entry, str):
                if entry in terms:
                    terms[entry].append(position)
                else:
                    terms[entry] = [position]
                position += 1
                length += 1
                continue
            for here in entry:
                for term in here:
                    terms.setdefault(term, []).append(position)
                position += 1
                length += bool(here)
    return terms, length
