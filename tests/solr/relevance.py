"""Do people see first what Solr would show first?"""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.solr.corpus import ARABIC, ENGLISH, FRENCH, Corpus, Document, rare_word
from tests.solr.differential import as_sent
from tests.solr.engines import Connection
from tests.solr.queries import Query, escaped

TOP = 10
#: Lucene keeps scores as 32-bit floats: two that differ by less than this share are equal.
EQUAL = 1e-5


@dataclass(frozen=True)
class Overlap:
    """How the first ten of two engines agree for one text.

    :param share: of ours that are among Solr's, where every document with the score of Solr's tenth counts as one of Solr's: which of them
        comes tenth depends on the order of indexing.
    :param strict: the same without that allowance.
    :param other: how many of ours are not among them.
    :param unknown: how many of those Solr does not find at all, wherever in its list.
    """

    text: str
    language: str
    share: float
    strict: float
    other: int
    unknown: int


def texts(corpus: Corpus, count: int, seed: int = 200) -> list[tuple[str, str]]:
    """(language, words as a person types them): one to three words, common and rare, in proportion to the documents."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    words = {"en": ENGLISH, "fr": FRENCH, "ar": ARABIC}
    found: list[tuple[str, str]] = []
    while len(found) < count:
        language = rng.choices(("en", "fr", "ar"), (40, 32, 28))[0]
        typed = [
            rare_word(rng, language) if rng.random() < 0.08 else rng.choice(words[language]) for _ in range(rng.choice((1, 1, 2, 2, 3)))
        ]
        if len(set(typed)) == len(typed):
            found.append((language, " ".join(typed)))
    return found


def ranked(connection: Connection, text: str, rows: int) -> list[tuple[str, float, str]]:
    """(name, score, title) as ``package_search`` gets them for a typed text, best first."""
    sent = as_sent(Query(0, "word", {"q": text, "rows": rows, "fl": "name title score"}))
    assert sent is not None
    parameters: dict[str, Any] = {**sent, "facet": "false"}
    return [(doc["name"], float(doc.get("score", 0.0)), doc["title"]) for doc in connection.search(parameters.pop("q"), **parameters).docs]


def overlaps(solr: Connection, ours: Connection, asked: Sequence[tuple[str, str]], rows: int) -> list[Overlap]:
    """For each text that Solr finds anything for."""
    found: list[Overlap] = []
    for language, text in asked:
        theirs = ranked(solr, text, rows)
        if not theirs:
            continue
        top = min(TOP, len(theirs))
        limit = theirs[top - 1][1] * (1 - EQUAL)
        mine = {name for name, _score, _title in ranked(ours, text, TOP)[:top]}
        accepted = {name for name, score, _title in theirs if score >= limit}
        strict = {name for name, _score, _title in theirs[:top]}
        other = mine - accepted
        unknown = other - {name for name, _score, _title in theirs}
        found.append(Overlap(text, language, len(mine & accepted) / top, len(mine & strict) / top, len(other), len(unknown)))
    return found


def exact_titles(documents: Sequence[Document], count: int, seed: int = 7) -> list[str]:
    """Titles that only one public dataset has, as somebody would paste them."""
    times = Counter(str(document["title"]) for document in documents)
    public = [str(d["title"]) for d in documents if d["state"] == "active" and times[str(d["title"])] == 1]
    # A colon, a quote or a leading sign is syntax; somebody who pastes a title with one gets it from CKAN's own form escaped or not at all.
    plain = sorted(title for title in public if escaped(title) == title)
    return random.Random(seed).sample(plain, min(count, len(plain)))  # noqa: S311


def report(found: Sequence[Overlap]) -> str:
    lines = [f"{len(found)} texts; first {TOP} shared with Solr: {mean(found):.3f} ({mean(found, strict=True):.3f} without the ties)"]
    for language in ("en", "fr", "ar"):
        here = [one for one in found if one.language == language]
        if here:
            other, unknown = sum(one.other for one in here), sum(one.unknown for one in here)
            lines.append(
                f"  {language}: {mean(here):.3f} over {len(here)} texts, {sum(one.share == 1 for one in here)} of them equal; "
                f"{other} datasets only among ours, {unknown} of them nowhere in Solr's list"
            )
    lines += [
        f"  {one.share:.1f}  {one.text} ({one.unknown} of {one.other} unknown to Solr)"
        for one in sorted(found, key=lambda one: one.share)[:15]
    ]
    return "\n".join(lines)


def mean(found: Sequence[Overlap], *, strict: bool = False) -> float:
    return statistics.fmean(one.strict if strict else one.share for one in found) if found else 0.0
