"""Search requests drawn by a seeded grammar over the whole query syntax that CKAN hands to its search engine.

Most are drawn as a caller of ``package_search`` would write them and take the way through CKAN's own query class, which adds its filters
and defaults; some carry parameters that CKAN's class does not let through and go to the seam as they are.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from text_unidecode import unidecode

from tests.solr.corpus import ARABIC, ENGLISH, FRENCH, GROUPS, ODD, ORGANIZATIONS, TAGS, THEMES, Corpus, is_arabic

TEXT_FIELDS = ("title", "notes", "text", "res_name", "res_description", "author", "extras_remark", "urls")
_VALUE_FIELDS = ("organization", "groups", "tags", "res_format", "license_id", "dataset_type", "vocab_theme", "vocab_year")
STRING_FIELDS = (*_VALUE_FIELDS, "frequency", "num_resources")
FACET_FIELDS = (*_VALUE_FIELDS, "capacity", "num_resources")
DATE_FIELDS = ("metadata_created", "metadata_modified", "start_date")
SORT_FIELDS = ("name", "title_string", *DATE_FIELDS, "organization", "license_id", "dataset_type", "version", "title", "notes", "author")
VALUES: dict[str, tuple[str, ...]] = {
    "organization": tuple(name for name, _title in ORGANIZATIONS),
    "groups": GROUPS,
    "tags": TAGS,
    "res_format": ("CSV", "XLSX", "PDF", "JSON", "GeoJSON", "csv"),
    "license_id": ("cc-by", "cc-zero", "odc-odbl", "notspecified"),
    "dataset_type": ("dataset", "commitment", "budget", "extractive"),
    "vocab_theme": THEMES,
    "vocab_year": tuple(str(year) for year in range(2015, 2027)),
    "frequency": ("annual", "monthly", "irregular", "quarterly"),
    "num_resources": ("0", "1", "2", "3", "5"),
}
ALL_ROWS = 5000
_ENGLISH = {word.lower() for word in ENGLISH}
_FRENCH = {part for word in FRENCH for part in (word.lower(), unidecode(word.lower()))} | {"le", "la", "les", "des", "du", "et", "pour"}


@dataclass(frozen=True)
class Query:
    """One request.

    :param number: its place in the draw, which names it in reports.
    :param kind: the part of the syntax it is drawn for.
    :param params: what is asked.
    :param through_ckan: the parameters are for CKAN's query class, not for the engine itself.
    :param labels: permission labels of the asking user; ``None`` for a sysadmin.
    :param languages: see :func:`languages`.
    """

    number: int
    kind: str
    params: dict[str, Any]
    through_ckan: bool = True
    labels: tuple[str, ...] | None = None
    languages: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        shown = {key: value for key, value in self.params.items() if not (key == "rows" and value == ALL_ROWS)}
        return f"#{self.number} {self.kind} {shown}"


class Grammar:
    """Draws requests. The same seed and corpus give the same ones."""

    def __init__(self, corpus: Corpus, seed: int = 4) -> None:
        self.corpus = corpus
        self.rng = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def draw(self, count: int) -> list[Query]:
        kinds = list(KINDS)
        weights = [KINDS[kind][0] for kind in kinds]
        # Every kind at least once, the rest by weight.
        drawn = kinds + self.rng.choices(kinds, weights, k=count - len(kinds))
        return [self._one(number, kind) for number, kind in enumerate(drawn)]

    def _one(self, number: int, kind: str) -> Query:
        params = KINDS[kind][1](self)
        through_ckan = params.pop("_ckan", True)
        labels = params.pop("_labels", None)
        params.setdefault("rows", ALL_ROWS)
        params.setdefault("fl", "name")
        if not through_ckan:
            params.setdefault("q.op", "AND")
            params.setdefault("df", "text")
        return Query(number, kind, params, through_ckan, labels, languages(params))

    # -- terminals

    def word(self) -> str:
        """A word of some language, often one that the corpus holds in another form."""
        language = self.rng.choices(("en", "fr", "ar", "odd", "text"), (48, 16, 16, 5, 15))[0]
        if language == "text":
            return escaped(self.rng.choice(self._text_words()))
        words = {"en": ENGLISH, "fr": FRENCH, "ar": ARABIC, "odd": ODD}[language]
        # The long tail is as interesting as the head.
        word = words[min(int(self.rng.expovariate(1 / 30)), len(words) - 1)] if self.rng.random() < 0.7 else self.rng.choice(words)
        return escaped(word)

    def english(self) -> str:
        return self.rng.choice(ENGLISH[:120])

    def one(self, *choices: Any) -> Any:
        """One of the arguments, or of the only argument."""
        return self.rng.choice(choices[0] if len(choices) == 1 else choices)

    def _text_words(self, source: str | None = None) -> list[str]:
        package = self.corpus.package(self.rng.randrange(self.corpus.count))
        text = package[source or self.one("title", "notes", "notes")]
        return [word.strip(".,!;:()«»") for word in text.split() if word.strip(".,!;:()«»–") and not word.isupper()] or ["data"]

    def phrase(self, length: int | None = None, source: str | None = None) -> str:
        """Words that stand together in some document, in its title or its notes."""
        words = self._text_words(source)
        length = length or self.rng.choice((2, 2, 3))
        start = self.rng.randrange(max(1, len(words) - length))
        chosen = words[start : start + length]
        return " ".join(word.replace("\\", " ").replace('"', " ") for word in chosen)

    def text_field(self) -> str:
        return self.rng.choices(TEXT_FIELDS, (30, 25, 20, 8, 8, 3, 3, 3))[0]

    def pair(self) -> str:
        """``field:"value"`` on a field that is not analysed."""
        name = self.rng.choice(STRING_FIELDS)
        return f'{name}:"{self.rng.choice(VALUES[name])}"'

    def date(self) -> str:
        return self.rng.choice(
            (
                f"{self.rng.randrange(2016, 2027)}-0{self.rng.randrange(1, 10)}-{self.rng.randrange(10, 29)}T00:00:00Z",
                f"{self.rng.randrange(2016, 2027)}-01-01T12:30:15.250Z",
                "NOW",
                f"NOW-{self.rng.randrange(1, 120)}MONTHS",
                f"NOW/DAY-{self.rng.randrange(1, 3000)}DAYS",
                f"NOW/YEAR-{self.rng.randrange(1, 9)}YEARS",
                f"NOW/MONTH-{self.rng.randrange(1, 90)}MONTH/MONTH+2DAYS",
                f"{self.rng.randrange(2016, 2027)}-06-15T10:00:00Z/MONTH+{self.rng.randrange(1, 40)}DAY-3HOURS",
            )
        )

    def interval(self, low: str, high: str) -> str:
        return f"{self.rng.choice('[[{')}{low} TO {high}{self.rng.choice(']]}')}"

    def simple(self) -> str:
        """One clause of the Lucene syntax, with a field."""
        choice = self.rng.random()
        if choice < 0.5:
            return f"{self.text_field()}:{self.word()}"
        if choice < 0.8:
            return self.pair()
        if choice < 0.9:
            return f'{self.text_field()}:"{self.phrase(2)}"'
        return f"{self.rng.choice(DATE_FIELDS)}:[{self.date()} TO *]"


def languages(params: dict[str, Any]) -> frozenset[str]:
    """Which languages the words of a request belong to: ``en``, ``fr``, ``ar``; a word of English and French alike counts as English."""
    text = " ".join(str(value) for key, value in params.items() if key in ("q", "fq", "fq_list"))
    found: set[str] = set()
    for word in re.findall(r"[^\W\d_]+", text.replace("\\", "").lower()):
        if is_arabic(word):
            found.add("ar")
        elif word in _ENGLISH:
            found.add("en")
        elif word in _FRENCH or not word.isascii():
            found.add("fr")
    return frozenset(found)


def escaped(word: str) -> str:
    """A word with the query syntax's own signs made plain."""
    return re.sub(r'([\\+\-!(){}\[\]^"~*?:/&|])', r"\\\1", word)


Draw = Callable[[Grammar], dict[str, Any]]
KINDS: dict[str, tuple[int, Draw]] = {}


def kind(name: str, weight: int) -> Callable[[Draw], Draw]:
    def register(function: Draw) -> Draw:
        KINDS[name] = (weight, function)
        return function

    return register


# -- what people type: dismax over several fields


@kind("word", 60)
def _word(g: Grammar) -> dict[str, Any]:
    return {"q": g.word()}


@kind("words", 60)
def _words(g: Grammar) -> dict[str, Any]:
    return {"q": " ".join(g.word() for _ in range(g.one((2, 2, 3, 4, 6, 8))))}


@kind("phrase", 30)
def _phrase(g: Grammar) -> dict[str, Any]:
    return {"q": f'"{g.phrase()}"'}


@kind("dismax signs", 30)
def _dismax_signs(g: Grammar) -> dict[str, Any]:
    a, b, c = g.word(), g.word(), g.word()
    return {"q": g.one((f"+{a} {b}", f"{a} -{b}", f'+{a} -"{g.phrase()}"', f"{a} +{b} -{c}", f'"{g.phrase()}" {a}', f"-{a}"))}


@kind("dismax plain signs", 15)
def _dismax_plain(g: Grammar) -> dict[str, Any]:
    """dismax takes AND, wildcards, brackets and the like for ordinary text."""
    a, b = g.english(), g.english()
    return {
        "q": g.one(
            (
                f"{a} AND {b}",
                f"{a} OR {b}",
                f"({a} {b})",
                f"{a[:4]}*",
                f"{a}~",
                f"{a}^2 {b}",
                f"{a} & {b}",
                f"{a}? {b}",
                f"[{a}]",
                f"{a}/{b}",
            )
        )
    }


@kind("match all", 15)
def _match_all(g: Grammar) -> dict[str, Any]:
    return {"q": g.one(("*:*", "", None, '""', "''", "*:* AND *:*", "(*:*)", "*:*^2"))}


@kind("star", 8)
def _star(g: Grammar) -> dict[str, Any]:
    if g.rng.random() < 0.5:
        return {"q": "*", "defType": g.one(("edismax", "dismax"))}
    return {"q": g.one(("*", "text:*", "title:* AND *")), "_ckan": False}


# -- the Lucene syntax


@kind("field word", 50)
def _field_word(g: Grammar) -> dict[str, Any]:
    return {"q": f"{g.text_field()}:{g.word()}"}


@kind("field phrase", 30)
def _field_phrase(g: Grammar) -> dict[str, Any]:
    name, source = g.one((("title", "title"), ("notes", "notes"), ("text", "notes"), ("text", "title"), ("res_name", None)))
    return {"q": f'{name}:"{g.phrase(None, source)}"'}


@kind("phrase slop", 25)
def _slop(g: Grammar) -> dict[str, Any]:
    words = g.phrase(4, "notes").split()
    if g.rng.random() < 0.5:
        del words[1:2]
    if g.rng.random() < 0.3:
        words.reverse()
    return {"q": f'{g.one("notes", "notes", "text")}:"{" ".join(words)}"~{g.one((1, 2, 3, 5, 10))}'}


@kind("string value", 30)
def _string_value(g: Grammar) -> dict[str, Any]:
    return {"q": g.pair()}


@kind("string without quotes", 15)
def _string_bare(g: Grammar) -> dict[str, Any]:
    name = g.one(STRING_FIELDS)
    return {"q": f"{name}:{escaped(g.one(VALUES[name]).split()[0])}"}


@kind("boolean words", 60)
def _boolean(g: Grammar) -> dict[str, Any]:
    a, b, c = g.simple(), g.simple(), g.simple()
    patterns = (
        f"{a} AND {b}",
        f"{a} OR {b}",
        f"{a} AND NOT {b}",
        f"{a} NOT {b}",
        f"{a} OR {b} AND {c}",
        f"{a} AND {b} OR {c}",
        f"{a} OR {b} OR {c}",
        f"NOT {a}",
        f"{a} {b}",
    )
    return {"q": g.one(patterns)}


@kind("boolean signs", 50)
def _signs(g: Grammar) -> dict[str, Any]:
    a, b, c = g.simple(), g.simple(), g.simple()
    patterns = (
        f"{a} && {b}",
        f"{a} || {b}",
        f"{a} && !{b}",
        f"!{a}",
        f"+{a} -{b}",
        f"-{a} +{b}",
        f"+{a} {b}",
        f"+{a} +{b} -{c}",
        f"-{a}",
        f"-{a} -{b}",
        f"{a} || {b} && {c}",
        f"+{a} OR {b}",
        f"{a} OR -{b}",
    )
    return {"q": g.one(patterns)}


@kind("groups", 50)
def _groups(g: Grammar) -> dict[str, Any]:
    a, b, c, d = g.simple(), g.simple(), g.simple(), g.simple()
    patterns = (
        f"({a} OR {b}) AND {c}",
        f"{a} AND ({b} OR {c})",
        f"({a} AND {b}) OR ({c} AND {d})",
        f"+({a} OR {b}) -({c} OR {d})",
        f"{a} AND -({b} OR {c})",
        f"(({a}) OR (({b})))",
        f"{a} AND (NOT {b})",
        f"{a} OR (-{b})",
        f"({a} {b}) OR {c}",
    )
    return {"q": g.one(patterns)}


@kind("field groups", 40)
def _field_groups(g: Grammar) -> dict[str, Any]:
    name, a, b, c = g.text_field(), g.word(), g.word(), g.word()
    strings = g.one(STRING_FIELDS)
    first, second = g.one(VALUES[strings]), g.one(VALUES[strings])
    patterns = (
        f"{name}:({a} OR {b})",
        f"{name}:({a} {b})",
        f"{name}:(+{a} -{b})",
        f"{name}:({a} AND ({b} OR {c}))",
        f'{name}:("{g.phrase(2)}" OR {a})',
        f'{strings}:("{first}" OR "{second}")',
        f'-{strings}:("{first}" OR "{second}")',
        f'{strings}:("{first}" AND "{second}")',
        f"{name}:(NOT {a})",
    )
    return {"q": g.one(patterns)}


@kind("date range", 50)
def _date_range(g: Grammar) -> dict[str, Any]:
    name = g.one(DATE_FIELDS)
    low, high = g.date(), g.date()
    week, decade = "[NOW-7DAY TO NOW]", "[NOW-10YEARS TO NOW+1DAY]"
    interval = g.one(g.interval(low, high), g.interval(low, high), g.interval(low, "*"), g.interval("*", high), week, decade)
    return {"q": f"{name}:{interval}"}


@kind("date value", 8)
def _date_value(g: Grammar) -> dict[str, Any]:
    package = g.corpus.package(g.rng.randrange(g.corpus.count))
    value = package["metadata_modified"]
    return {
        "q": g.one(
            (f'metadata_modified:"{value}Z"', f"metadata_modified:{escaped(value)}Z", f'metadata_modified:"{value[:10]}T00:00:00Z/YEAR"')
        )
    }


@kind("string range", 20)
def _string_range(g: Grammar) -> dict[str, Any]:
    name = g.one(("name", "organization", "license_id", "num_resources", "vocab_year", "tags"))
    low, high = (
        sorted(g.rng.sample("bcdghmnrstw", 2)) if name not in ("num_resources", "vocab_year") else sorted(g.rng.sample(VALUES[name], 2))
    )
    return {"q": f"{name}:{g.one((g.interval(low, high), g.interval(low, '*'), g.interval('*', high), g.interval('*', '*')))}"}


@kind("prefix", 30)
def _prefix(g: Grammar) -> dict[str, Any]:
    if g.rng.random() < 0.5:
        word = g.word().replace("\\", "")
        return {"q": f"{g.text_field()}:{escaped(word[: g.rng.randrange(1, 5)])}*"}
    name = g.one(("name", "organization", "tags", "groups", "res_format"))
    value = g.one(VALUES.get(name, ("data", "report", "budget", "eau", "water")))
    return {"q": f"{name}:{escaped(value[: g.rng.randrange(1, 4)])}*"}


@kind("wildcard", 40)
def _wildcard(g: Grammar) -> dict[str, Any]:
    word = g.english()
    place = g.rng.randrange(1, max(2, len(word) - 1))
    shapes = (
        f"*{word[-4:]}",
        f"{word[:2]}*{word[-2:]}",
        f"{word[:place]}?{word[place + 1 :]}",
        f"*{word[1:4]}*",
        f"{word[:3]}?*",
        f"??{word[2:]}",
        f"{word.upper()[:4]}*",
    )
    name = g.one(("text", "title", "notes", "name", "tags", "organization", "author", "res_name"))
    return {"q": f"{name}:{g.one(shapes)}"}


@kind("regular expression", 10)
def _regular(g: Grammar) -> dict[str, Any]:
    word = g.english()
    name = g.one("text", "title", "name", "tags", "organization")
    expression = g.one(f"{word[:3]}.*", f".*{word[:4]}.*", f"[a-m].*{word[-1]}", f"{word}|{word[:2]}[a-z]+", "[0-9]{4}")
    return {"q": f"{name}:/{expression}/"}


@kind("fuzzy", 30)
def _fuzzy(g: Grammar) -> dict[str, Any]:
    word = g.english() if g.rng.random() < 0.7 else g.word().replace("\\", "")
    # Short words, which two edits may change altogether, as well as long ones.
    letters = list(word[: g.one(3, 4, 99, 99)])
    if len(letters) > 2:
        letters[g.rng.randrange(1, len(letters))] = g.one("aeiouxlr")
    name = g.one("text", "text", "title", "notes", "notes", "tags", "res_name", "author")
    return {"q": f"{name}:{escaped(''.join(letters))}~{g.one('', '1', '2', '0')}"}


@kind("boost", 20)
def _boost(g: Grammar) -> dict[str, Any]:
    a, b = g.simple(), g.simple()
    return {
        "q": g.one(
            (
                f"({a})^2",
                f"({a})^0.5 OR ({b})^3",
                f"title:{g.word()}^4 OR notes:{g.word()}^0.1",
                f'title:"{g.phrase(2)}"^2',
                f"({a})^=5 OR {b}",
            )
        )
    }


@kind("existence", 25)
def _existence(g: Grammar) -> dict[str, Any]:
    name = g.one(
        (*STRING_FIELDS, "url", "version", "author", "notes", "extras_progress", "start_date", "no_such_field", "extras_start_date")
    )
    return {"q": g.one((f"{name}:*", f"-{name}:*", f"{name}:[* TO *]", f"*:* -{name}:[* TO *]", f"NOT {name}:*"))}


@kind("escapes", 15)
def _escapes(g: Grammar) -> dict[str, Any]:
    return {
        "q": g.one(
            (
                r"res_url:https\:\/\/files.agency.example\/1*",
                r"title:open\-data",
                r"tags:open\ data",
                r"tags:oil\ \&\ gas",
                r'tags:"oil & gas"',
                r"notes:\(provisional\)",
                r"text:R\&D",
                r"name:*\-1?",
                r'title:"a \"quoted\" word"',
                r"text:desk\@agency.example",
                r"tags:l'école",
                'tags:"l\'école"',
                r"text:l\'énergie",
                r"text:file_name\-v2.csv",
                r'text:"file_name-v2.csv"',
                r"text:COVID\-19",
                r"text:(open\-data AND 2024\/2025)",
                r"url:\"\"",
                'tags:"open data"~2',
            )
        )
    }


@kind("n-grams", 20)
def _ngrams(g: Grammar) -> dict[str, Any]:
    typed = g.word().replace("\\", "")[: g.rng.randrange(2, 12)].replace('"', "")
    return {
        "q": g.one(
            (
                f'name_ngram:"{typed}" OR title_ngram:"{typed}"',
                f'title_ngram:"{typed}"',
                f"name_ngram:{escaped(typed)}",
                f'name:"{typed}" OR title_ngram:"{typed}" OR title:"{typed}"',
            )
        )
    }


@kind("term parser", 20)
def _term_parser(g: Grammar) -> dict[str, Any]:
    name = g.one(STRING_FIELDS)
    value = g.one(VALUES[name])
    shapes = (
        f"{{!term f={name}}}{value}",
        f"{{!term f='{name}'}}{value}",
        f'{{!term f="{name}" v="{value}"}}',
        f"{{!type=term f={name}}}{value}",
    )
    return {"q": "*:*", "fq": [g.one(shapes)], "_ckan": False}


# -- edismax


@kind("edismax", 60)
def _edismax(g: Grammar) -> dict[str, Any]:
    a, b, c = g.word(), g.word(), g.word()
    patterns = (
        f"{a} {b}",
        f"{a} AND {b}",
        f"{a} OR {b}",
        f"+{a} -{b}",
        f"{a} NOT {b}",
        f'"{g.phrase()}" {a}',
        f"title:{a} {b}",
        f"({a} OR {b}) {c}",
        f"{a[:4]}* {b}" if "\\" not in a else a,
        f"{a}~1" if "\\" not in a else a,
        f"title:{a} AND notes:{b}",
        f"{a}^3 {b}",
        f"-{a}",
        f"{a} {b} {c} {g.word()}",
        f"{g.pair()} {a}",
    )
    params: dict[str, Any] = {"q": g.one(patterns), "defType": "edismax"}
    if g.rng.random() < 0.4:
        params["qf"] = g.one(("title^10 notes", "text", "title^2.5 tags text^0.3", "name^4 title^4 tags^2 groups^2 text", "notes"))
    if g.rng.random() < 0.4:
        params["mm"] = g.one(("1", "2", "100%", "50%", "-1", "-25%", "2<-1 5<80%", "0%", "3<90%"))
    if g.rng.random() < 0.3:
        params["tie"] = g.one(("0", "0.1", "0.5", "1"))
    if g.rng.random() < 0.15:
        params["bf"] = g.one(("ms(metadata_modified)^0.000001", "recip(ms(NOW,metadata_modified),3.16e-11,1,1)"))
    return params


@kind("dismax settings", 25)
def _dismax_settings(g: Grammar) -> dict[str, Any]:
    words = " ".join(g.word() for _ in range(g.rng.randrange(1, 5)))
    return {
        "q": words,
        "qf": g.one(("title^10 notes", "text", "notes title^0.5", "title")),
        "mm": g.one(("1", "2", "100%", "50%", "-1", "-25%", "2<-1 5<80%", "0%")),
        "tie": g.one(("0", "0.1", "1")),
    }


@kind("edismax odd input", 15)
def _edismax_odd(g: Grammar) -> dict[str, Any]:
    """edismax falls back to plain words where the Lucene parser would raise an error."""
    a, b = g.english(), g.english()
    shapes = (
        f"{a} (",
        f'"{a} {b}',
        f"{a} AND",
        f"OR {a}",
        f"{a} : {b}",
        f"[{a} TO",
        f"{a}^",
        f"--{a}",
        f"{a} && ",
        f"({a} {b}",
        f"{a}/{b}",
    )
    return {"q": g.one(shapes), "defType": "edismax"}


# -- filters, sorting, paging, stored values, facets, permissions


@kind("filter", 50)
def _filter(g: Grammar) -> dict[str, Any]:
    a, b, c = g.simple(), g.pair(), g.pair()
    shapes: tuple[Any, ...] = (
        a,
        f"+{a} +{b}",
        f"+{b} -{c}",
        f"{b} OR {c}",
        f"{b} {c}",
        f"-{b}",
        f"+{b} +metadata_modified:[{g.date()} TO NOW]",
        f"({b} OR {c}) AND {a}",
    )
    return {"q": g.one(("*:*", g.word(), g.simple())), "fq": g.one(shapes)}


@kind("filter list", 40)
def _filter_list(g: Grammar) -> dict[str, Any]:
    return {
        "q": g.one(("*:*", g.word())),
        "fq": g.pair() if g.rng.random() < 0.5 else "",
        "fq_list": [g.one((g.simple, g.pair))() for _ in range(g.rng.randrange(1, 4))],
    }


@kind("permissions", 25)
def _permissions(g: Grammar) -> dict[str, Any]:
    labels = (
        "public",
        *(f"member-org-{number}" for number in g.rng.sample(range(12), g.rng.randrange(3))),
        f"creator-user-{g.rng.randrange(20)}",
    )
    return {
        "q": g.one(("*:*", g.word())),
        "fq": g.one(("", "+state:(active OR draft)", "+capacity:public")),
        "_labels": labels,
    }


@kind("sort", 50)
def _sort(g: Grammar) -> dict[str, Any]:
    names = g.rng.sample(SORT_FIELDS, g.one((1, 1, 2, 3)))
    sort = ", ".join(f"{name} {g.one(('asc', 'desc'))}" for name in names)
    return {"q": g.one(("*:*", g.english(), g.simple())), "sort": sort}


@kind("sort by score, then field", 10)
def _sort_score(g: Grammar) -> dict[str, Any]:
    return {
        "q": g.one(("*:*", g.word())),
        "sort": g.one(("score desc, name asc", "score asc", "score desc, metadata_modified desc")),
    }


@kind("page", 25)
def _page(g: Grammar) -> dict[str, Any]:
    return {
        "q": g.one(("*:*", g.english())),
        "sort": g.one(("name asc", "name desc", "title_string asc, name asc")),
        "rows": g.one((0, 1, 20, 100)),
        "start": g.one((0, 5, 40, 3000)),
    }


@kind("stored values", 20)
def _stored(g: Grammar) -> dict[str, Any]:
    fields = g.one(
        (
            "id name title",
            "name tags groups organization",
            "name,metadata_modified,metadata_created",
            "name data_dict",
            "name extras_frequency extras_remark extras_progress",
            "name res_name res_format res_url",
            "*",
            "name validated_data_dict",
            "name vocab_theme capacity state site_id",
            "id",
            "name notes author",
        )
    )
    return {"q": g.pair(), "sort": "name asc", "fl": fields, "rows": 40}


@kind("facets", 60)
def _facets(g: Grammar) -> dict[str, Any]:
    params: dict[str, Any] = {
        "q": g.one(("*:*", g.english(), g.simple())),
        "facet.field": g.rng.sample(FACET_FIELDS, g.rng.randrange(1, 6)),
        "rows": 0,
        "fq": g.one(("", g.pair())),
    }
    if g.rng.random() < 0.6:
        params["facet.limit"] = g.one((-1, 1, 5, 10, 50))
    if g.rng.random() < 0.5:
        params["facet.mincount"] = g.one((0, 1, 2, 10, 100))
    if g.rng.random() < 0.1:
        params["facet"] = "false"
    return params


@kind("facet settings", 30)
def _facet_settings(g: Grammar) -> dict[str, Any]:
    params: dict[str, Any] = {
        "q": g.one(("*:*", g.english())),
        "defType": "edismax",
        "qf": "title text",
        "facet": "true",
        "facet.field": g.rng.sample(FACET_FIELDS, 2),
        "rows": 0,
        "_ckan": False,
    }
    name = params["facet.field"][0]
    params.update(
        g.one(
            (
                {"facet.sort": "index", "facet.limit": 7},
                {"facet.sort": "count", "facet.limit": 3},
                {"facet.prefix": g.one(("c", "o", "G", "20", "م"))},
                {f"f.{name}.facet.limit": 2, "facet.mincount": 1},
                {f"f.{name}.facet.mincount": 30, "facet.limit": -1},
                {"facet.offset": 2, "facet.limit": 3, "facet.mincount": 1},
                {"facet.missing": "true"},
                {"facet.mincount": 0, "facet.sort": "index", "facet.prefix": "c"},
            )
        )
    )
    return params


@kind("facets of text", 8)
def _facets_text(g: Grammar) -> dict[str, Any]:
    return {
        "q": g.pair(),
        "facet.field": [g.one(("author", "title", "maintainer", "res_name", "extras_frequency"))],
        "facet.limit": g.one((-1, 10)),
        "rows": 0,
    }


# -- what must be refused


@kind("syntax errors", 40)
def _errors(g: Grammar) -> dict[str, Any]:
    a = g.english()
    shapes = (
        f"title:({a}",
        f'title:"{a}',
        f"title:{a})",
        f"title:{a} AND",
        f"AND title:{a}",
        f"title:{a} OR OR notes:{a}",
        "title:",
        ":",
        f"title:[{a} TO",
        f"title:[{a}]",
        "metadata_modified:yesterday",
        "metadata_modified:[2020 TO 2021]",
        "metadata_modified:[NOW-7APPLES TO NOW]",
        "metadata_modified:2020*",
        f"title:{a}^",
        f"title:{a}^b",
        f"title:{a} && ",
        f"title:{a} !",
        f"title:({a}))",
        "title:()",
        f"title::{a}",
        "views_total:abc",
        f"title:{a}~~",
        "title:/[/",
        "title:{a TO b",
        f"+ title:{a}",
        f"title: {a}",
        "--title:x",
        "title:a b:",
        "name:\\",
    )
    return {"q": g.one(shapes)}


@kind("filter errors", 12)
def _filter_errors(g: Grammar) -> dict[str, Any]:
    return {
        "q": "*:*",
        "fq": g.one(
            (
                '+tags:"open',
                "+title:(a",
                "metadata_modified:[x TO NOW]",
                "--included",
                "AND",
                "tags:a AND",
                "+",
                "metadata_created:[NOW TO *",
                "tags:[a TO",
            )
        ),
    }


@kind("parameter errors", 20)
def _parameter_errors(g: Grammar) -> dict[str, Any]:
    wrong = (
        {"sort": "name"},
        {"sort": "name sideways"},
        {"sort": "tags asc"},
        {"sort": "name asc,, title_string"},
        {"sort": "title asc"},
        {"sort": "text asc"},
        {"sort": ""},
        {"sort": "no_such_field asc"},
        {"sort": "name asc title_string desc"},
        {"sort": "NAME ASC"},
        {"sort": "name DESC"},
        {"rows": -1},
        {"start": -5},
        {"start": "x"},
        {"facet.limit": "many"},
        {"facet.mincount": "few"},
        {"facet.field": ["data_dict"]},
        {"facet.field": ["no_such_field"]},
        {"facet.field": ["metadata_modified"]},
        {"facet.field": ["permission_labels"]},
        {"mm": "abc", "q": g.english()},
        {"tie": "abc", "q": g.english()},
        {"qf": "title^x", "q": g.english()},
        {"qf": "", "q": g.english()},
        {"qf": "metadata_modified title", "q": g.english()},
        {"defType": "nonsense", "q": g.english()},
        {"fl": ""},
        {"fl": "name,"},
        {"fl": "no_such_field name"},
    )
    return {"q": "*:*", "rows": 5, **g.one(wrong)}


def summary(queries: list[Query]) -> Counter[str]:
    return Counter(query.kind for query in queries)
