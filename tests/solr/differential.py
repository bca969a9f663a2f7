"""Asks two engines the same and says where they differ.

Every query is asked three times: of Solr; of ours reading the query's words as Solr's analyser would; of ours as it is. The second must
equal the first. What then differs in the third can only come from our Arabic and French terms, which is what they are for.

``python -m tests.solr compare`` runs it by hand and writes every difference to a file, for whoever works on the engine.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pysolr
import yaml

from tests.solr.corpus import SITE_ID, Corpus, Document, documents
from tests.solr.engines import Connection, error_class, facet_pairs, forgetful, load, solr_connection, stock_words
from tests.solr.queries import Grammar, Query

INTENDED_FILE = Path(__file__).with_name("intended.yaml")
#: In the order in which they are looked for: after a difference in the hits, neither order nor facets can be compared.
DIFFERENCES = ("error", "error class", "crash", "hits", "order", "facet values", "facet counts", "facet order", "stored values")
#: Stamped by the engine when it indexes.
UNSTABLE_FIELDS = ("indexed_ts", "_version_")


@dataclass(frozen=True)
class Answer:
    """What an engine said. ``error`` is a class of error, ``detail`` its words."""

    hits: int = 0
    docs: tuple[dict[str, Any], ...] = ()
    facets: Mapping[str, list[tuple[Any, int]]] = field(default_factory=dict)
    error: str | None = None
    detail: str = ""

    @property
    def names(self) -> list[str]:
        return [doc.get("name", doc.get("id", "")) for doc in self.docs]


@dataclass(frozen=True)
class Difference:
    """One query on which the engines part. ``extra`` and ``missing`` are ours against Solr's.

    :param words: it comes from our reading of the query's words, and goes away with it.
    :param fewer: ours has fewer hits, or lacks one of Solr's.
    """

    query: Query
    sent: Mapping[str, Any]
    kind: str
    detail: str
    extra: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    fewer: bool = False
    words: bool = False
    intended: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "query": str(self.query),
            "sent": dict(self.sent),
            "difference": self.kind,
            "from our words": self.words,
            "detail": self.detail,
            "ours only": sorted(self.extra)[:5],
            "solr only": sorted(self.missing)[:5],
            "intended": self.intended,
        }


class _Recorder:
    """Stands at the seam and keeps what CKAN's query class would send."""

    def __init__(self) -> None:
        self.sent: dict[str, Any] = {}

    def search(self, q: Any = None, **parameters: Any) -> pysolr.Results:
        self.sent = {"q": q, **parameters}
        return pysolr.Results({"response": {"docs": [], "numFound": 0}})


def as_sent(query: Query) -> dict[str, Any] | None:
    """The parameters that reach the seam; ``None`` where CKAN refuses the request before any engine sees it."""
    import ckan.tests.helpers as helpers
    from ckan.lib.search import SearchError, SearchQueryError
    from ckan.lib.search.query import PackageSearchQuery

    params = copy.deepcopy(query.params)
    if not query.through_ckan:
        filters = params.pop("fq", [])
        own = [filters] if isinstance(filters, str) else list(filters)
        return {**params, "fq": [*own, f'+site_id:"{SITE_ID}"'], "wt": "json"}
    recorder = _Recorder()
    labels = None if query.labels is None else list(query.labels)
    with helpers.changed_config("ckan.site_id", SITE_ID), mock.patch("ckan.lib.search.query.make_connection", lambda **_: recorder):
        try:
            PackageSearchQuery().run(params, permission_labels=labels)
        except (SearchError, SearchQueryError, ValueError):
            return None
    return recorder.sent


def ask(connection: Connection, sent: Mapping[str, Any]) -> Answer:
    """One request. Anything raised that is not Solr's own kind of error is a ``crash``: CKAN would not know what to do with it."""
    parameters = dict(sent)
    q = parameters.pop("q")
    try:
        results = connection.search(q, **parameters)
    except pysolr.SolrError as error:
        return Answer(error=error_class(error), detail=str(error)[:300])
    except Exception as error:  # the point is to find out
        return Answer(error="crash", detail=f"{type(error).__name__}: {error}"[:300])
    facets = {name: facet_pairs(flat) for name, flat in (results.facets or {}).get("facet_fields", {}).items()}
    return Answer(int(results.hits), tuple(dict(doc) for doc in results.docs), facets)


class Comparison:
    """Both engines over the same documents.

    :param documents: what both were given, by name; field-sorted order is compared by the values of the sort fields, because Solr breaks
        ties by the order of indexing, which is nobody's contract.
    """

    def __init__(self, solr: Connection, ours: Connection, documents: Mapping[str, Document]) -> None:
        self.solr = solr
        self.ours = ours
        self.documents = documents
        self.asked: Counter[str] = Counter()
        self.refused_by_ckan = 0

    def run(self, queries: Iterable[Query]) -> list[Difference]:
        found: list[Difference] = []
        for query in queries:
            self.asked[query.kind] += 1
            sent = as_sent(query)
            if sent is None:
                self.refused_by_ckan += 1
                continue
            theirs = ask(self.solr, sent)
            with stock_words():
                alike = self.compare(query, sent, theirs, ask(self.ours, sent))
            with forgetful():
                found += alike or [replace(d, words=True) for d in self.compare(query, sent, theirs, ask(self.ours, sent))]
        return found

    def compare(self, query: Query, sent: Mapping[str, Any], solr: Answer, ours: Answer) -> list[Difference]:
        def differs(kind: str, detail: str, extra: Iterable[str] = (), missing: Iterable[str] = ()) -> Difference:
            lost = frozenset(missing)
            return Difference(query, sent, kind, detail, frozenset(extra), lost, bool(lost) or ours.hits < solr.hits)

        if ours.error == "crash":
            return [differs("crash", ours.detail)]
        if solr.error or ours.error:
            if solr.error and ours.error:
                if solr.error == ours.error:
                    return []
                return [differs("error class", f"Solr: {solr.error} ({solr.detail}); ours: {ours.error} ({ours.detail})")]
            return [differs("error", f"Solr: {solr.detail or f'{solr.hits} hits'}; ours: {ours.detail or f'{ours.hits} hits'}")]
        mine, theirs = set(ours.names), set(solr.names)
        whole = int(sent.get("rows") or 0) >= solr.hits and not int(sent.get("start") or 0)
        if ours.hits != solr.hits or (whole and mine != theirs):
            # Of one page nothing can be said of what is missing: hits that only one has move all the others.
            return [differs("hits", f"Solr {solr.hits}, ours {ours.hits}", mine - theirs, theirs - mine if whole else ())]
        found: list[Difference] = []
        keys = sort_keys(str(sent.get("sort") or ""))
        if keys:
            places = enumerate(zip(solr.names, ours.names, strict=False))
            wrong = next((place for place, (a, b) in places if self._key(a, keys) != self._key(b, keys)), None)
            if wrong is not None:
                found.append(differs("order", f"first at place {wrong}: Solr {solr.names[wrong]}, ours {ours.names[wrong]}"))
            elif len(solr.names) != len(ours.names):
                found.append(differs("order", f"length of the page: Solr {len(solr.names)}, ours {len(ours.names)}"))
        found += [differs(kind, detail) for kind, detail in facet_differences(solr.facets, ours.facets)]
        if not found and query.kind == "stored values":
            found += [differs("stored values", detail) for detail in stored_differences(solr.docs, ours.docs)]
        return found

    def _key(self, name: str, keys: Sequence[str]) -> tuple[Any, ...]:
        document = self.documents.get(name, {})
        return tuple(document.get(key) for key in keys)


def sort_keys(sort: str) -> list[str]:
    """Fields of a sort list; empty where it sorts by score, which is not the same number in two engines."""
    keys = [clause.split()[0] for clause in sort.split(",") if clause.strip()]
    return [] if "score" in keys else keys


def facet_differences(solr: Mapping[str, list[tuple[Any, int]]], ours: Mapping[str, list[tuple[Any, int]]]) -> Iterable[tuple[str, str]]:
    """Kind and words, at most one per field."""
    if set(solr) != set(ours):
        yield "facet values", f"fields: Solr {sorted(solr)}, ours {sorted(ours)}"
        return
    for name, theirs in solr.items():
        mine = ours[name]
        if dict(theirs).keys() != dict(mine).keys():
            only_solr = [pair for pair in theirs if pair[0] not in dict(mine)][:3]
            only_ours = [pair for pair in mine if pair[0] not in dict(theirs)][:3]
            yield "facet values", f"{name}: only in Solr {only_solr}, only in ours {only_ours} (of {len(theirs)} and {len(mine)})"
        elif dict(theirs) != dict(mine):
            wrong = [(value, count, dict(mine)[value]) for value, count in theirs if dict(mine)[value] != count][:3]
            yield "facet counts", f"{name}: {wrong} (value, Solr, ours)"
        elif theirs != mine:
            place = next(i for i, (a, b) in enumerate(zip(theirs, mine, strict=True)) if a != b)
            yield "facet order", f"{name}: at place {place} Solr {theirs[place]}, ours {mine[place]}"


def stored_differences(solr: Sequence[dict[str, Any]], ours: Sequence[dict[str, Any]]) -> Iterable[str]:
    """The first document that comes back otherwise."""
    for theirs, mine in zip(solr, ours, strict=True):
        a = {key: value for key, value in theirs.items() if key not in UNSTABLE_FIELDS}
        b = {key: value for key, value in mine.items() if key not in UNSTABLE_FIELDS}
        if a != b:
            fields = sorted(key for key in {*a, *b} if a.get(key) != b.get(key))
            yield f"{theirs.get('name')}: " + "; ".join(f"{key}: Solr {a.get(key)!r:.80}, ours {b.get(key)!r:.80}" for key in fields[:4])
            return


# -- differences that are meant

#: A query with one of these has fewer hits where the excluded words are found more often.
_EXCLUDES = re.compile(r"(?:^|[\s(+'\"])[-!](?=\S)|\bNOT\b")


@dataclass(frozen=True)
class Intended:
    """One entry of ``intended.yaml``: every condition that it names has to hold.

    :param languages: one of them is among the languages of the query's words.
    :param kinds: kinds of query.
    :param differences: kinds of difference.
    :param pattern: regular expression found in the query as sent.
    :param relation: ``more``: all of Solr's hits are among ours, except where the query excludes something; ``any``: no condition on them.
    :param words: it covers differences that come from our reading of words, and only those.
    """

    id: str
    reason: str
    differences: tuple[str, ...]
    languages: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    pattern: str = ""
    relation: str = "any"
    words: bool = False

    def covers(self, difference: Difference) -> bool:
        query = difference.query
        return (
            difference.words == self.words
            and difference.kind in self.differences
            and (not self.languages or bool(self.languages & query.languages))
            and (not self.kinds or query.kind in self.kinds)
            and (not self.pattern or any(re.search(self.pattern, str(value)) for value in difference.sent.values()))
            and (self.relation == "any" or not difference.fewer or any(_EXCLUDES.search(str(v)) for v in difference.sent.values()))
        )


def intended(file: Path = INTENDED_FILE) -> list[Intended]:
    """The list of intended differences.

    :raises ValueError: an entry without reason, or with something unknown in it.
    """
    entries: list[Intended] = []
    for entry in yaml.safe_load(file.read_text(encoding="utf-8")) or []:
        known = set(entry["differences"]) <= set(DIFFERENCES) and entry.get("relation", "any") in ("any", "more")
        if not entry.get("reason") or not known:
            raise ValueError(f"{file.name}: {entry.get('id')!r} needs a reason, differences out of {DIFFERENCES}, relation any or more")
        entries.append(
            Intended(
                str(entry["id"]),
                str(entry["reason"]),
                tuple(entry["differences"]),
                frozenset(entry.get("languages", ())),
                frozenset(entry.get("kinds", ())),
                str(entry.get("pattern", "")),
                str(entry.get("relation", "any")),
                bool(entry.get("words", False)),
            )
        )
    return entries


def sort_out(differences: Iterable[Difference], entries: Sequence[Intended]) -> list[Difference]:
    """The same differences, each with the id of the first entry that covers it."""
    return [
        replace(difference, intended=next((entry.id for entry in entries if entry.covers(difference)), None)) for difference in differences
    ]


def report(comparison: Comparison, differences: Sequence[Difference], entries: Sequence[Intended]) -> str:
    """Counts of queries and of differences by kind, as text."""
    unexpected = [d for d in differences if d.intended is None]
    asked, differing = sum(comparison.asked.values()), len({d.query.number for d in differences})
    lines = [
        f"{asked} queries of {len(comparison.asked)} kinds over {len(comparison.documents)} documents",
        f"{comparison.refused_by_ckan} of them refused by CKAN itself before any engine saw them",
        f"{differing} differ: {len(differences) - len(unexpected)} as intended, {len(unexpected)} not intended",
        "",
        f"{'difference':<16}{'not intended':>14}{'intended':>10}",
    ]
    for kind in DIFFERENCES:
        here = [d for d in differences if d.kind == kind]
        lines.append(f"{kind:<16}{sum(d.intended is None for d in here):>14}{sum(d.intended is not None for d in here):>10}")
    lines += ["", f"{'kind of query':<28}{'asked':>6}{'not intended':>14}{'intended':>10}"]
    for kind, count in sorted(comparison.asked.items(), key=lambda pair: -pair[1]):
        here = [d for d in differences if d.query.kind == kind]
        lines.append(f"{kind:<28}{count:>6}{sum(d.intended is None for d in here):>14}{sum(d.intended is not None for d in here):>10}")
    lines += ["", "intended differences:"]
    for entry in entries:
        count = sum(d.intended == entry.id for d in differences)
        lines.append(f"  {entry.id} ({count}): {entry.reason}")
    for difference in unexpected[:40]:
        lines.append(f"\n{difference.query}\n  {difference.kind}{' (from our words)' if difference.words else ''}: {difference.detail}")
        if difference.extra or difference.missing:
            lines.append(f"  ours only: {sorted(difference.extra)[:3]}; Solr only: {sorted(difference.missing)[:3]}")
    return "\n".join(lines)


def run(
    url: str, ours: Connection, count: int = 2000, queries: int = 1000, seed: int = 4
) -> tuple[Comparison, list[Difference], list[Intended]]:
    """Fill both engines with the same generated documents and ask them the same. Needs a loaded CKAN.

    :param url: of a Solr that may be emptied.
    :param ours: a connection whose index may be emptied.
    :param seed: of the grammar: another one draws other queries.
    """
    corpus = Corpus(count)
    sent = list(documents(corpus.packages()))
    solr = solr_connection(url)
    for connection in (solr, ours):
        load(connection, sent)
    comparison = Comparison(solr, ours, {str(document["name"]): document for document in sent})
    entries = intended()
    return comparison, sort_out(comparison.run(Grammar(corpus, seed).draw(queries)), entries), entries
