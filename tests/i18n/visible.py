"""What a reader sees of a page, and which of it is English."""

# Below ``tools``, which only running finds.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from bs4 import BeautifulSoup, Comment, Tag
from bs4.element import CData, Declaration, Doctype, NavigableString, ProcessingInstruction

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))

import i18n  # noqa: E402

UNSEEN = {"script", "style", "template", "code", "pre", "kbd", "samp", "svg"}
READ_ATTRIBUTES = (
    "title",
    "placeholder",
    "aria-label",
    "alt",
    "data-module-content",
    "data-bs-content",
    "data-bs-title",
    "aria-description",
)
BUTTONS = {"submit", "button", "reset"}
#: English words that are not French words, frequent enough that a sentence has one.
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        "the of and is are was were this that these those with without your you from not has have been to for by it its be there will "
        "would can cannot must should may which who what when where how they their our we he she any each all other only into than then",
    )
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÿ]{2,}")
#: A word in small letters: codes (TN0018), abbreviations (ETAP) and names of standards (SHA-256) have none.
_READABLE = re.compile(r"[A-Za-zÀ-ÿ]?[a-zà-ÿ]{2,}")
_ARABIC = re.compile(r"[\u0600-\u06ff]")
_ADDRESS = re.compile(
    r"\b(?:https?://|www\.)\S+|\S+@\S+\.\w+|(?<!\w)/[\w./{}<>-]+|\b\w+(?:\.\w+)+\b|\b\w+_\w+\b|\b\w+/[\w.+-]+\b|\b[\w-]*\d[\w-]*\b"
)


@dataclass(frozen=True)
class English:
    """An English text on a page that is not in English."""

    text: str
    why: str

    def __str__(self) -> str:
        return f"{self.text!r} ({self.why})"


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def parsed(html: str) -> BeautifulSoup:
    """A page, or a part of one, for :func:`texts`."""
    return BeautifulSoup(html, "lxml")


def texts(page: str | BeautifulSoup) -> Iterator[str]:
    """The texts of a page as a reader meets them: text nodes, and the attributes that browsers and screen readers say. What says that it is
    in another language than the page (the link to the pages in another language; a title that a record has in no other) is left out."""
    soup = parsed(page) if isinstance(page, str) else page
    whole = soup.html
    language = _language(whole) if whole else ""
    # From the top down: what an element says of its language, or hides, counts for all in it.
    waiting: list[tuple[Tag, bool]] = [(soup, False)]
    while waiting:
        parent, foreign = waiting.pop()
        for node in parent.children:
            if isinstance(node, Tag):
                said = _language(node)
                other = said != language if said and language and node.name != "html" else foreign
                if not other:
                    yield from _said_by(node)
                if node.name not in UNSEEN:
                    waiting.append((node, other))
            elif not foreign and isinstance(node, NavigableString) and node.strip() and not isinstance(node, _NO_TEXT):
                yield _squeeze(str(node))


_NO_TEXT = (Comment, Doctype, CData, Declaration, ProcessingInstruction)


def _language(tag: Tag) -> str:
    return str(tag.get("lang") or "").split("-")[0]


def _said_by(tag: Tag) -> Iterator[str]:
    for name in READ_ATTRIBUTES:
        value = tag.get(name)
        if isinstance(value, str) and value.strip():
            # Some hold HTML: what is shown is its text.
            yield _squeeze(BeautifulSoup(value, "html.parser").get_text(" ")) if "<" in value else _squeeze(value)
    if tag.name == "input" and tag.get("type") in BUTTONS and tag.get("value"):
        yield _squeeze(str(tag["value"]))
    if tag.name == "meta" and tag.get("name") == "description" and tag.get("content"):
        yield _squeeze(str(tag["content"]))


@lru_cache(maxsize=1)
def catalogues() -> i18n.State:
    """All messages and their translations: every source file is read for them, once for all tests."""
    return i18n.State.read()


@lru_cache(maxsize=1)
def _messages() -> tuple[frozenset[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    """All English messages of our source, of CKAN and of the extensions: those without placeholders, and patterns of those with,
    each after the longest piece of text in it, which is quick to look for."""
    state = catalogues()
    plain: set[str] = set()
    patterns: dict[str, str] = {}
    for _context, singular, plural in [*state.own, *state.foreign]:
        for message in filter(None, (singular, plural)):
            shown = _squeeze(re.sub(r"<[^>]+>", " ", message))
            if not i18n.placeholders(message):
                plain.add(shown)
                continue
            parts = i18n._POSITIONAL.split(i18n._NAMED.sub("\0", shown).replace("%%", "%"))
            literal = "\0".join(parts[::2]) if len(parts) > 1 else parts[0]
            # A pattern of one short word would match anything.
            if len(_LATIN_WORD.findall(literal)) >= 2:
                pieces = literal.split("\0")
                patterns[".+?".join(re.escape(piece) for piece in pieces)] = max(pieces, key=len)
    compiled = tuple((literal, re.compile(f"^{pattern}$")) for pattern, literal in patterns.items())
    return frozenset(m for m in plain if _LATIN_WORD.search(m)), compiled


@lru_cache(maxsize=1)
def exceptions() -> tuple[tuple[re.Pattern[str], frozenset[str], str], ...]:
    """``exceptions.yaml``: (pattern of the whole text, languages, reason)."""
    found: list[dict[str, Any]] = yaml.safe_load((HERE / "exceptions.yaml").read_text(encoding="utf-8"))
    return tuple(
        (re.compile(f"^(?:{e['pattern']})$" if "pattern" in e else f"^{re.escape(e['text'])}$"), frozenset(e["languages"]), e["reason"])
        for e in found
    )


def excused(text: str, language: str) -> bool:
    return any(language in languages and pattern.match(text) for pattern, languages, _reason in exceptions())


@lru_cache(maxsize=2)
def _translations(language: str) -> dict[str, str]:
    return i18n.translations(language)


@lru_cache(maxsize=1)
def _same_on_purpose() -> dict[str, dict[str, str]]:
    return i18n.same_on_purpose()


@lru_cache(maxsize=2)
def authored(language: str) -> frozenset[str]:
    """What people wrote for readers of ``language`` outside the catalogues, and what has no language: labels of fields and of codes, the
    seed's records, names, codes and columns of its tables. A French word that is English too is not a lack of translation."""
    root = HERE.parents[1]
    found: set[str] = set()

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            if node and set(node) <= {"ar", "fr", "en"}:
                collect(node.get(language))
                if not node.get(language):
                    collect(list(node.values()))
                return
            for key, value in node.items():
                collect(key)
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)
        elif isinstance(node, str):
            found.add(_squeeze(node))

    for folder in ("scheming_schemas", "ckanext-ogptn/catalogue/vocabularies", "seed"):
        for file in sorted((root / folder).rglob("*.yaml")):
            collect(yaml.safe_load(file.read_text(encoding="utf-8")))
    for file in sorted((root / "seed" / "files").glob("*.csv")):
        lines = file.read_text(encoding="utf-8-sig").splitlines()
        collect(list(csv.reader(lines, delimiter=";" if ";" in lines[0] else ",")))
    return frozenset(found)


def _authored(text: str, language: str) -> bool:
    """Whether ``text`` is the authors' own, or the beginning of it, with what templates put around a label or a value."""
    bare = text.removesuffix(" –").removesuffix(":").removesuffix(" (*)").strip()
    if bare in authored(language):
        return True
    start = re.sub(r"(\.\.\.|…)$", "", bare)
    return len(start) > 40 and any(whole.startswith(start) or start in whole for whole in authored(language))


def english(text: str, language: str, also_on_english_page: frozenset[str] | None = None) -> English | None:
    """Why ``text`` looks English on a page in ``language``; nothing if it does not.

    :param also_on_english_page: the texts of the same page in English. A text that both show, and that has words, was not translated.
    """
    found = _alone(text, language)
    if found is not None:
        return English(text, found) if found else None
    if also_on_english_page is not None and text in also_on_english_page:
        return English(text, "the English page says the same")
    return None


@lru_cache(maxsize=100_000)
def _alone(text: str, language: str) -> str | None:
    """What :func:`english` can tell without the English page: why it is English, ``""`` if it is surely not, nothing if it may be."""
    bare = _ADDRESS.sub(" ", text)
    if not _LATIN_WORD.search(bare) or excused(text, language) or _authored(text, language):
        return ""
    plain, patterns = _messages()
    allowed = _same_on_purpose()
    if text in plain:
        same = text in allowed.get("all", {}) or text in allowed.get(language, {}) or _translations(language).get(text) == text
        return "" if same else "an English message"
    if not _ARABIC.search(text) and any(literal in text and pattern.match(text) for literal, pattern in patterns):
        return "an English message with its values"
    said = [word.lower() for word in _WORD.findall(bare)]
    hits = [word for word in said if word in FUNCTION_WORDS]
    if len(hits) >= 2 or (hits and len(said) <= 4) or (hits and language == "ar"):
        return f"English words: {', '.join(hits)}"
    return None if _READABLE.search(bare) and not _ARABIC.search(text) else ""
