"""In which unit amounts are written, where a text says so for certain; nothing is guessed.

A unit counts where a writer states it as one: "(en mille dinars)", "Unité : DT", a cell that holds nothing else, "بحساب الدينار".
The same words inside a sentence ("un don de 3 millions de dinars") state an amount, not the unit of a table.
"""

from __future__ import annotations

import re

from ..catalogue import text as t

#: Folded words (`catalogue.text.fold`, which leaves out the Arabic article) for each code of the vocabulary ``unit_multipliers``; those
#: that contain others come first.
_WORDS: tuple[tuple[str, str], ...] = (
    ("million", r"millions? (?:de |d |of )?(?:dinars?|dt|tnd)|(?:مليون|ملايين) (?:من )?(?:دينار|دنانير)"),
    ("thousand", r"(?:mille|milliers? (?:de|d)|thousands?(?: of)?) ?(?:dinars?|dt|tnd)|(?:الف|الاف) (?:من )?(?:دينار|دنانير)"),
    ("millime", r"millimes?(?: tunisiens?)?|مليمات|مليم"),
    ("unit", r"dinars?|دينار|دنانير"),
)
#: Abbreviations, in exactly this case: "mD" is a thousand and "MD" a million dinars. "Md" (milliards) is none of ours.
_SHORT: dict[str, str] = {
    "MDT": "million", "M.D.T": "million", "MD": "million", "M.D": "million", "MTND": "million",
    "mDT": "thousand", "mD": "thousand", "kDT": "thousand", "KDT": "thousand", "KTND": "thousand",
    "DT": "unit", "D.T": "unit", "TND": "unit",
}  # fmt: skip
_UNCLEAR = {"Md", "MdD", "MdDT", "Mds", "md", "mdt", "Mdt"}
#: What makes the words after it a unit.
_BEFORE = (
    r"(?:^|[(\[]|\b(?:en|in)(?: l)? "
    r"|\b(?:unites?|units?|unit of amounts|unite des montants|monnaie)(?: est)?(?: en)? ?[:=] ?(?:en )?|\b(?:l )?unite est (?:en|le) "
    r"|وحده ?(?:هي )?[:=]? ?(?:ب)?|بحساب |\bب)"
)
_AFTER = r"(?: tunisiens?| تونسيه?| tunisian)?(?=$|[)\],;]| ?[–—-] | ?/ ?)"
_STATED = tuple((code, re.compile(_BEFORE + "(?:" + words + ")" + _AFTER)) for code, words in _WORDS)
_SHORT_STATED = re.compile(
    r"(?:^|[(\[]|\b[Ee]n |\b[Ii]n |[Uu]nit[ée]s?(?: des montants)? ?[:=] ?(?:en )?)"
    r"((?:[A-Za-z]{1,4}\.)?[A-Za-z]{1,4}(?:\.[A-Z])?)\.?(?=$|[)\],;])"
)


def stated(text: object) -> set[str]:
    """The units that a text states.

    :param text: a title, a heading, a note; anything else states nothing
    :returns: codes of the vocabulary ``unit_multipliers`` (``millime``, ``unit``, ``thousand``, ``million``), and ``unclear`` for an
        abbreviation that people use for different units (``Md``)
    """
    if not isinstance(text, str) or not text.strip():
        return set()
    found: set[str] = set()
    for line in text[:5_000].splitlines():
        written = " ".join(line.split())
        for match in _SHORT_STATED.finditer(written):
            short = match[1]
            if code := _SHORT.get(short):
                found.add(code)
            elif short in _UNCLEAR:
                found.add("unclear")
        plain = _plain(written)
        for code, pattern in _STATED:
            if pattern.search(plain):
                found.add(code)
                # "mille dinars" states no dinars.
                plain = pattern.sub(" · ", plain)
    return found


def _plain(text: str) -> str:
    # The apostrophe of "d'un" parts words, as writers use several.
    return " ".join(re.sub(r"['’`]", " ", t.fold(text)).replace(".", " ").split())


def code(value: object) -> str | None:
    """The code of a unit that somebody names in its own field: a code, a label or an abbreviation; ``None`` if it is none.

    Unlike the vocabulary's own search it tells "mD" from "MD".
    """
    text = " ".join(str(value or "").split())
    if text in _SHORT:
        return _SHORT[text]
    if text.casefold() in ("millime", "unit", "thousand", "million"):
        return text.casefold()
    found = stated(text) | stated(f"({text})")
    return found.pop() if len(found) == 1 and "unclear" not in found else None
