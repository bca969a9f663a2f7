"""Text in Arabic, French and English: what to refuse, what to repair, how to compare, how to name.

Pure functions; nothing here knows of CKAN.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

LANGUAGES = ("ar", "fr", "en")

# ARABIC-INDIC and EXTENDED ARABIC-INDIC digits, with the Arabic decimal and thousands separators (Unicode block 0600-06FF).
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫", "01234567890123456789.", "٬")

# Marks that carry no meaning in stored text and come from copying out of Word or PDF: zero-width space, LRM, RLM, ALM, word joiner, BOM.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u061c\u2060\ufeff"))
_ANY_INVISIBLE = re.compile("[\u200b\u200e\u200f\u061c\u2060\ufeff]")

# Embeddings, overrides and isolates make a text read differently from what it says (Unicode TR 36, section 2.10, "trojan source").
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_TASHKEEL = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0640]")
_ARABIC = re.compile("[\u0621-\u064a\u066e-\u06d3]")
_ARABIC_FORMS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ة": "ه", "ى": "ي", "ی": "ي", "ئ": "ي", "ؤ": "و", "ک": "ك", "گ": "ك"}
)
# The article at the beginning of a word, alone or after a one-letter conjunction or preposition, when at least three letters remain.
_ARTICLE = re.compile(r"(?<![^\W_])(?:[وفبك]?ال|لل)(?=[^\W_]{3})")

_LATIN = {
    **dict(
        zip(
            "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
            [
                "a",
                "b",
                "t",
                "th",
                "j",
                "h",
                "kh",
                "d",
                "dh",
                "r",
                "z",
                "s",
                "ch",
                "s",
                "d",
                "t",
                "dh",
                "a",
                "gh",
                "f",
                "k",
                "k",
                "l",
                "m",
                "n",
                "h",
                "ou",
                "i",
            ],
            strict=True,
        )
    ),
    "أ": "a",
    "إ": "i",
    "آ": "a",
    "ٱ": "a",
    "ة": "a",
    "ى": "a",
    "ئ": "i",
    "ؤ": "ou",
    "ء": "",
    "پ": "p",
    "ڤ": "v",
    "ڥ": "v",
    "گ": "g",
    "ڨ": "g",
    "چ": "tch",
    "ک": "k",
    "ی": "i",
    "ـ": "",
    "œ": "oe",
    "æ": "ae",
    "ß": "ss",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ı": "i",
}


def western_digits(text: str) -> str:
    """Write Arabic-Indic digits and separators as Western ones: ``"٢٠١٦"`` is ``"2016"``."""
    return text.translate(_DIGITS)


def forbidden_character(text: str, multiline: bool = True) -> str | None:
    """Name the first character that must not be stored, or return None.

    Refused: lone surrogates (not text at all, PostgreSQL rejects them), NUL and other control characters, private noncharacters, and
    the bidirectional embeddings, overrides and isolates. A line break is refused only when ``multiline`` is false.

    :returns: the character as ``"U+202E"``
    """
    if text.isprintable():
        # Nearly every text: nothing that is refused counts as printable.
        return None
    for character in text:
        code = ord(character)
        if (
            0xD800 <= code <= 0xDFFF
            or (code < 0x20 and not (character in "\t\n\r" and (multiline or character == "\t")))
            or 0x7F <= code <= 0x9F
            or code & 0xFFFE == 0xFFFE
            or character in BIDI_CONTROLS
        ):
            return f"U+{code:04X}"
    return None


def clean(text: str) -> str:
    """Drop invisible marks, settle on composed characters (NFC) and Unix line ends, and trim."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text.strip()
    # Looked for first: to translate a text takes longer than to look through it, and hardly any has one.
    if _ANY_INVISIBLE.search(text):
        text = text.translate(_INVISIBLE)
    return unicodedata.normalize("NFC", text).strip()


def fold(text: str) -> str:
    """Reduce a text to the letters that a searcher types, the same for text and query.

    Case, French accents, Arabic letter forms (أإآ, ة, ى, ؤئ), tashkeel, tatweel and digits no longer matter; a word with the Arabic
    article counts as the word without it.
    """
    # Word by word, as the same words come again and again; nothing of the below reaches across a space.
    return " ".join(map(_fold_word, text.split(" ")))


@lru_cache(maxsize=20_000)
def _fold_word(text: str) -> str:
    text = unicodedata.normalize("NFKC", western_digits(text)).casefold()
    text = _TASHKEEL.sub("", text).translate(_INVISIBLE).translate(_ARABIC_FORMS)
    text = without_accents(text)
    return _ARTICLE.sub("", text) if "ال" in text or "لل" in text else text


def without_accents(text: str) -> str:
    """A text without the accents of its letters and with ligatures parted; case stays."""
    if text.isascii():
        return text
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", text).replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae").replace("Æ", "AE")


def is_arabic(text: str) -> bool:
    """Say whether a text holds at least one Arabic letter."""
    return bool(_ARABIC.search(text))


def latin(text: str) -> str:
    """Spell a text in plain lower-case Latin letters and digits, after the usual French-Tunisian way for Arabic ones (ش is ch, و is ou)."""
    text = _TASHKEEL.sub("", western_digits(unicodedata.normalize("NFKC", text))).lower()
    spelled = "".join(_LATIN.get(c, c) for c in text)
    spelled = "".join(c for c in unicodedata.normalize("NFD", spelled) if not unicodedata.combining(c))
    spelled = "".join(_LATIN.get(c, c) for c in spelled)
    return re.sub(r"[^a-z0-9]+", " ", spelled).strip()


def slug(text: str, prefix: str = "", limit: int = 90) -> str:
    """Make the part of a web address that names a record: Latin letters, digits and single hyphens.

    Never empty, never ``__`` and never a bare number: those take ``prefix`` in front ("2017" becomes "dataset-2017"). Cut at a word.
    """
    words = latin(text).split()
    if not words or all(word.isdigit() for word in words):
        words = [*latin(prefix or "dataset").split(), *words]
    name = ""
    for word in words:
        if name and len(name) + 1 + len(word) > limit:
            break
        name = f"{name}-{word}" if name else word[:limit]
    return name if len(name) > 1 else f"{latin(prefix or 'dataset').replace(' ', '-')}-{name}"


def numbered(name: str, number: int, limit: int = 100) -> str:
    """Tell a slug from one already taken: ``("budget", 2)`` is ``"budget-2"``, never longer than ``limit``."""
    ending = f"-{number}"
    return name[: limit - len(ending)].rstrip("-") + ending


def tag(text: str) -> str:
    """Make a keyword fit CKAN's tag rules in its own script: letters, digits, spaces, hyphens, dots; two to a hundred characters.

    :returns: the tag, or ``""`` when nothing usable is left (too short, or a bare year, which is a period and not a subject)
    """
    text = _TASHKEEL.sub("", western_digits(clean(text))).replace("_", " ")
    text = re.sub(r"[^\w \-.]+", " ", text)
    text = " ".join(text.split())[:100].strip(" -.")
    return "" if len(text) < 2 or re.fullmatch(r"\d{4}", text) else text


def pick(value: Mapping[str, str] | None, *preferred: str) -> str:
    """Choose one language of ``{language: text}``: the preferred ones first, then French, Arabic, English, then any."""
    if not value:
        return ""
    order: Iterable[str] = (*preferred, "fr", "ar", "en", *value)
    return next((value[language] for language in order if value.get(language)), "")
