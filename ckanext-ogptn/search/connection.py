"""The object that CKAN gets where it expects pysolr's: same methods, same results, answered from PostgreSQL."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pysolr

from . import dismax, evaluate, functions, syntax
from .analysis import MARK
from .documents import LONG_FIELDS, prepare, stored, unpack_content, unpack_long
from .errors import BadRequestError, EngineError
from .fields import Kind
from .fields import field as field_of
from .reader import Mask, Reader, View
from .store import Snapshot, Store

DEFAULT_ROWS = 10
DEFAULT_FACET_LIMIT = 100
#: Answers kept by each process until the index changes: which documents and which counts, not the documents themselves.
KEPT_ANSWERS = 512
#: How often a search is done again because a dataset of its page was replaced between finding and reading it.
DISTURBANCES = 20
#: CKAN's own; a request without ``qf`` has them, too.
DEFAULT_FIELDS = "name^4 title^4 tags^2 groups^2 text"

_readers: dict[str, Reader] = {}


@dataclass
class Recording:
    """What one search did, for ``ckan ogptn-search explain``.

    :param trees: the query and each filter: text, how it was understood.
    :param phases: what took how many seconds, in order.
    :param statements: SQL with its seconds.
    """

    trees: list[tuple[str, str]] = field(default_factory=list)
    phases: list[tuple[str, float]] = field(default_factory=list)
    statements: list[tuple[str, float]] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    hits: int = 0


@dataclass
class Request:
    """The parameters of one search, read once.

    :raises BadRequestError: a number that is none, an unknown sort order.
    """

    q: str
    fq: list[str]
    sort: list[tuple[str, bool]]
    fl: list[str]
    start: int
    rows: int
    params: Mapping[str, Any]

    @classmethod
    def read(cls, q: str, params: Mapping[str, Any]) -> Request:
        return cls(
            q=q,
            fq=[text for text in _texts(params.get("fq")) if text.strip()],
            sort=parse_sort(_text(params.get("sort"))),
            fl=[name for text in _texts(params.get("fl")) for name in re.split(r"[,\s]+", text) if name],
            start=_whole(params, "start", 0),
            rows=_whole(params, "rows", DEFAULT_ROWS),
            params=params,
        )


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def _text(value: Any) -> str:
    return " ".join(_texts(value))


def _whole(params: Mapping[str, Any], name: str, default: int) -> int:
    value = params.get(name)
    if value is None or value == "":
        return default
    try:
        number = int(value)
    except (TypeError, ValueError) as error:
        raise BadRequestError(f'For input string: "{value}"') from error
    if number < 0 and name in ("start", "rows"):
        raise BadRequestError(f"'{name}' parameter cannot be negative")
    return number


def parse_sort(text: str) -> list[tuple[str, bool]]:
    """(field, descending) of ``title_string asc, score desc``.

    :raises BadRequestError: in the words that CKAN looks for.
    """
    orders: list[tuple[str, bool]] = []
    if text.strip() and not text.replace(",", "").strip():
        raise BadRequestError(f"Can't determine a Sort Order (asc or desc) in sort spec '{text}', pos={len(text)}")
    for part in text.split(","):
        words = part.split()
        if not words:
            continue
        if len(words) != 2 or words[1].lower() not in ("asc", "desc"):
            raise BadRequestError(f"Can't determine a Sort Order (asc or desc) in sort spec '{text}', pos={text.find(part)}")
        orders.append((words[0], words[1].lower() == "desc"))
    return orders


_LOCAL = re.compile(r"\{!\s*([^}]*)\}(.*)", re.DOTALL)
_LOCAL_PART = re.compile(r"""([\w.]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s}]+))?""")


def local_parameters(text: str) -> tuple[str | None, dict[str, str], str]:
    """The parser, the parameters and the rest of ``{!term f=tags}water``."""
    match = _LOCAL.match(text.lstrip())
    if not match:
        return None, {}, text
    parser: str | None = None
    parameters: dict[str, str] = {}
    for name, value in _LOCAL_PART.findall(match.group(1)):
        if not value:
            parser = parser or name
        else:
            parameters[name] = value[1:-1] if value[0] in "\"'" else value
    return parameters.get("type", parser), parameters, parameters.get("v", match.group(2))


def _outside_parentheses(text: str) -> list[str]:
    """The functions of ``bf``, which white space separates."""
    parts: list[str] = [""]
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character.isspace() and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part]


class PostgresConnection:
    """CKAN's dataset index at one PostgreSQL. Needs no CKAN application.

    :param url: ``postgresql://user:password@host:port/database``.
    :param decode_dates: give dates as :class:`datetime.datetime`, as CKAN's own connection does by default.
    :param seconds: time limit of one search.
    :param cache: bytes of postings that one process keeps.
    :param number: an index other than the live one, for writing only.
    """

    def __init__(
        self, url: str, *, decode_dates: bool = True, seconds: float = 5.0, cache: int = 128 << 20, number: int | None = None
    ) -> None:
        self.store = Store(url, seconds)
        self.url = self.store.address
        self.decode_dates = decode_dates
        self.number = number
        self.reader = _readers.setdefault(url, Reader(cache))
        self.recording: Recording | None = None

    # -- writing

    def add(self, docs: Sequence[Mapping[str, Any]] | Mapping[str, Any], **_options: Any) -> None:
        """Add or replace documents, all or none; they are found by the next search of any process.

        :param docs: as CKAN's ``PackageSearchIndex`` makes them.
        :raises BadRequestError: a document that the schema does not allow.
        """
        documents = [docs] if isinstance(docs, Mapping) else docs
        self.store.write([prepare(document) for document in documents], self.number)

    def delete(self, id: str | Sequence[str] | None = None, q: str | None = None, **_options: Any) -> None:  # noqa: A002
        """Remove documents by ``index_id`` or by query.

        :raises BadRequestError: the query's syntax is wrong.
        """
        if id is not None:
            self.store.remove([id] if isinstance(id, str) else list(id))
        if q is not None:
            tree = syntax.parse(q, conjunction=False)
            self.store.remove_matching(lambda snapshot: self._matching(snapshot, tree))

    def _matching(self, snapshot: Snapshot, tree: syntax.Node) -> tuple[list[int], bool]:
        view = self.reader.view(snapshot)
        mask = evaluate.Evaluator(view, snapshot).filter(tree) & view.alive
        return view.documents[mask].tolist(), bool(mask.sum() == view.alive.sum())

    def commit(self, **_options: Any) -> None:
        """Nothing to do: every write is committed when the call returns."""

    def optimize(self, **_options: Any) -> None:
        """Nothing to do: segments are merged as they grow."""

    # -- reading

    def search(
        self,
        q: str,
        search_handler: str | None = None,  # noqa: ARG002 - pysolr's
        **params: Any,
    ) -> pysolr.Results:
        """Answer one search.

        :param q: query text.
        :param params: Solr's: ``fq``, ``sort``, ``fl``, ``start``, ``rows``, ``defType``, ``qf``, ``mm``, ``tie``, ``bf``, ``boost``,
            ``df``, ``q.op``, ``facet``, ``facet.field``, ``facet.limit``, ``facet.mincount``, ``facet.sort``, ``facet.prefix``.
        :returns: ``docs``, ``hits``, ``facets`` as pysolr gives them.
        :raises pysolr.SolrError: a wrong request, a search that took too long, a PostgreSQL that does not answer.
        """
        started = time.monotonic()
        request = Request.read(q, params)

        recording = self.recording
        if recording is not None:
            self.store.statements = recording.statements
            recording.parameters = {"q": q, **params}

        def action() -> dict[str, Any] | None:
            with self.store.snapshot() as snapshot:
                view = self.reader.view(snapshot)
                if recording is not None:
                    recording.phases.append(("read what is new in the index", time.monotonic() - started))
                deadline = time.monotonic() + self.store.seconds
                return Search(view, snapshot, request, deadline, self.decode_dates, recording).answer()

        response = None
        for _attempt in range(DISTURBANCES):
            response = self.store.retry(action)
            if response is not None:
                break
        if response is None:
            raise EngineError("Datasets of this page were replaced while it was read, again and again. Try again.")
        if recording is not None:
            recording.hits = response["response"]["numFound"]
        response["responseHeader"] = {"status": 0, "QTime": int(1000 * (time.monotonic() - started))}
        return pysolr.Results(response)


class Search:
    """One search in one view."""

    def __init__(
        self,
        view: View,
        snapshot: Snapshot,
        request: Request,
        deadline: float,
        decode_dates: bool,
        recording: Recording | None = None,
    ) -> None:
        self.recording = recording
        self.clock = time.monotonic()
        self.view = view
        self.snapshot = snapshot
        self.request = request
        self.decode_dates = decode_dates
        params = request.params
        self.conjunction = _text(params.get("q.op")).upper() == "AND"
        self._slots: tuple[Mask, npt.NDArray[Any]] | None = None
        self.evaluator = evaluate.Evaluator(
            view,
            snapshot,
            default=_text(params.get("df")) or "text",
            conjunction=self.conjunction,
            deadline=deadline,
        )

    def answer(self) -> dict[str, Any] | None:
        """The response; None when a document of its page was replaced before it could be read."""
        request = self.request
        key = self.key()
        kept = self.view.answers.get(key) if key is not None else None
        if kept is None:
            kept = self.find()
            if key is not None:
                self.view.answers[key] = kept
                while len(self.view.answers) > KEPT_ANSWERS:
                    self.view.answers.popitem(last=False)
        found, page, scores, facets = kept
        docs = self.documents(page, scores)
        if docs is None:
            return None
        self.lap("give back documents")
        response: dict[str, Any] = {"response": {"numFound": found, "start": request.start, "docs": docs, "numFoundExact": True}}
        if facets is not None:
            # CKAN changes what it is given.
            fields = {name: list(pairs) for name, pairs in facets.items()}
            response["facet_counts"] = {"facet_queries": {}, "facet_fields": fields, "facet_ranges": {}, "facet_intervals": {}}
        return response

    def key(self) -> Any:
        """What an answer is kept by for the next same request of this generation; None for one that time changes, or that is watched."""
        if self.recording is not None:
            return None
        text = repr((self.request.q, sorted(self.request.params.items(), key=lambda pair: pair[0])))
        return None if "NOW" in text or "ms(" in text else text

    def find(self) -> tuple[int, npt.NDArray[Any], npt.NDArray[Any] | None, dict[str, list[Any]] | None]:
        """(number of hits, slots of the page, their scores if asked for, facets)."""
        request = self.request
        tree = self.query_tree(request.q)
        if self.recording is not None:
            self.recording.trees.append((request.q, syntax.describe(tree)))
        self.lap("parse the query")
        hits = self.boosted(self.evaluator.query(tree))
        mask = hits.mask & self.view.alive
        self.lap("find and score")
        self.evaluator.conjunction = self.conjunction
        for text in request.fq:
            mask = mask & self.filter_mask(text)
        self.lap("filter")
        found = int(np.count_nonzero(mask))
        page = self.page(mask, hits, found)
        scores = hits.score_array()[page] if "score" in request.fl else None
        self.lap("sort")
        facets = None
        if _text(request.params.get("facet")).lower() in ("true", "on", "1", "yes"):
            facets = self.facets(mask)
            self.lap("count facets")
        return found, page, scores, facets

    def boosted(self, hits: evaluate.Hits) -> evaluate.Hits:
        """Hits with what ``bf`` adds to their scores and ``boost`` multiplies them by."""
        params = self.request.params
        parser = local_parameters(self.request.q)[0] or _text(params.get("defType"))
        if parser not in ("dismax", "edismax"):
            return hits
        scores: Any = None
        for text in _texts(params.get("bf")):
            for part in _outside_parentheses(text):
                function, _mark, factor = part.rpartition("^") if re.search(r"\^[\d.]+$", part) else (part, "", "1")
                value = functions.evaluate(function, self.view, self.snapshot, self.evaluator.now)
                scores = (hits.score_array() if scores is None else scores) + np.float32(float(factor)) * value
        for text in _texts(params.get("boost")) if parser == "edismax" else []:
            if text.strip():
                value = functions.evaluate(text, self.view, self.snapshot, self.evaluator.now)
                scores = (hits.score_array() if scores is None else scores) * value
        return hits if scores is None else evaluate.Hits(hits.mask, np.where(hits.mask, scores, np.float32(0)))

    def lap(self, name: str) -> None:
        if self.recording is not None:
            now = time.monotonic()
            self.recording.phases.append((name, now - self.clock))
            self.clock = now

    # -- queries

    def query_tree(self, text: str) -> syntax.Node:
        params = self.request.params
        parser, local, rest = local_parameters(text)
        chosen = parser or _text(params.get("defType")) or "lucene"
        settings = {**{name: _text(value) for name, value in params.items()}, **local}
        if chosen not in ("dismax", "edismax"):
            return self.plain_tree(chosen, settings, rest)
        weights = dismax.parse_fields(settings.get("qf") or settings.get("df") or DEFAULT_FIELDS)
        mm = settings.get("mm") or ("100%" if self.evaluator.conjunction else "0%")
        try:
            tie = float(settings.get("tie") or 0.0)
        except ValueError as error:
            raise BadRequestError(f'For input string: "{settings.get("tie")}"') from error
        if not rest.strip():
            return syntax.Nothing()
        if chosen == "dismax":
            # The parts of a word such as `CO2` are alternatives here, whatever q.op says.
            self.evaluator.conjunction = False
            return dismax.dismax(rest, weights, tie, mm)
        return dismax.edismax(rest, weights, tie, mm, conjunction=self.evaluator.conjunction)

    def plain_tree(self, parser: str, settings: Mapping[str, str], text: str) -> syntax.Node:
        conjunction = settings.get("q.op", "").upper() == "AND"
        if parser == "lucene":
            return syntax.parse(text, conjunction=conjunction, default=settings.get("df") or "text")
        if parser == "bool":
            occurs = {
                "must": syntax.Occur.MUST,
                "filter": syntax.Occur.MUST,
                "should": syntax.Occur.SHOULD,
                "must_not": syntax.Occur.MUST_NOT,
            }
            return syntax.Boolean(
                tuple(
                    syntax.Clause(occur, syntax.parse(settings[name], conjunction=conjunction, default=settings.get("df") or "text"))
                    for name, occur in occurs.items()
                    if settings.get(name)
                )
            )
        if parser not in ("term", "terms", "raw", "field", "prefix"):
            raise BadRequestError(f"Unknown query parser '{parser}'")
        name = settings.get("f")
        if not name:
            raise BadRequestError("missing local parameter f")
        if parser == "field":
            return syntax.Phrase(name, text)
        if parser == "prefix":
            return syntax.Pattern(name, re.sub(r"([\\*?])", r"\\\1", text) + "*")
        if parser == "terms":
            separator = settings.get("separator", ",")
            words = [word.strip() for word in text.split(separator)]
            return syntax.Constant(
                syntax.Boolean(tuple(syntax.Clause(syntax.Occur.SHOULD, evaluate.Exact(name, word)) for word in words if word)), 1.0
            )
        return evaluate.Exact(name, text)

    def filter_mask(self, text: str) -> Mask:
        """A filter's documents; kept for the next request while the index does not change."""
        volatile = "NOW" in text
        kept = self.view.masks
        key = (text, self.evaluator.default, self.evaluator.conjunction)
        if not volatile and key in kept and self.recording is None:
            return kept[key]
        parser, local, rest = local_parameters(text)
        settings = {"q.op": "AND" if self.evaluator.conjunction else "OR", "df": self.evaluator.default, **local}
        tree = self.plain_tree(parser or "lucene", settings, rest)
        if self.recording is not None:
            self.recording.trees.append((text, syntax.describe(tree)))
        mask = self.evaluator.filter(tree)
        if not volatile:
            kept[key] = mask
            while len(kept) > evaluate.KEPT_MASKS:
                kept.popitem(last=False)
        return mask

    # -- order

    def page(self, mask: Mask, hits: evaluate.Hits, found: int) -> npt.NDArray[Any]:
        """Slots of the requested page, in order."""
        request = self.request
        end = min(request.start + request.rows, found)
        orders = [self.order(name, descending, hits) for name, descending in request.sort]
        if request.rows == 0 or request.start >= found:
            return np.empty(0, np.int64)
        slots = self.slots(mask)
        if not request.sort:
            orders = [self.order("score", True, hits)]
        keys = [order[slots] for order in orders if order is not None]
        if keys and end < len(slots) // 4:
            # The first key alone decides which few can be on the page at all.
            first = keys[0]
            bound = np.partition(first, end - 1)[end - 1]
            few = np.flatnonzero(first <= bound)
            slots, keys = slots[few], [key[few] for key in keys]
        order = np.lexsort((self.view.documents[slots], *reversed(keys)))
        return slots[order[request.start : end]]

    def order(self, name: str, descending: bool, hits: evaluate.Hits) -> npt.NDArray[Any] | None:
        """Numbers by slot that sort ascending; None when all are equal."""
        if name == "score":
            if hits.scores is None:
                return None
            return -hits.scores if descending else hits.scores
        if name == "_docid_":
            return -self.view.documents if descending else self.view.documents
        spec = field_of(name)
        if spec.kind is Kind.NONE:
            raise BadRequestError(
                "can not sort on a field w/o docValues unless it is indexed=true uninvertible=true and the type supports Uninversion: "
                + name
            )
        if spec.multi and spec.tokenised:
            raise BadRequestError(f"can not sort on multivalued field: {name} of type: {spec.kind.value}")
        if spec.kind in (Kind.DATE, Kind.INT):
            values, _present = self.view.numbers(self.snapshot, name)
            return -values if descending else values
        # Of several values Solr takes the first one for ascending order and the last one for descending; of a text's words always the first
        # one of the alphabet. What has no value comes last, but what has no word comes before "a". All as measured with Solr 9.10.1.
        keys, present = self.view.sort_keys(self.snapshot, name, last=descending and not spec.tokenised)
        missing = -np.inf if spec.tokenised and not descending else np.inf
        return np.where(present, -keys if descending else keys, missing)

    # -- what is given back

    def documents(self, page: npt.NDArray[Any], scores: npt.NDArray[Any] | None) -> list[dict[str, Any]] | None:
        if not len(page):
            return []
        names = self.request.fl or ["*"]
        everything = "*" in names
        plain = {name for name in names if not any(mark in name for mark in "*?")}
        patterns = [
            re.compile(re.escape(name).replace(r"\*", ".*").replace(r"\?", ".")) for name in names if any(mark in name for mark in "*?")
        ]
        # What CKAN asks for nearly always: the dataset as JSON, which lies in front.
        few = plain <= {"id", *LONG_FIELDS, "score", "_version_"} and not patterns
        numbers = self.view.documents[page].tolist()
        rows = self.snapshot.documents(numbers)
        if len(rows) < len(numbers):
            return None
        found: list[dict[str, Any]] = []
        for at, number in enumerate(numbers):
            identity, content = rows[number]
            if few:
                shown: dict[str, Any] = {"id": identity} if "id" in plain else {}
                texts = ((name, unpack_long(content, name)) for name in LONG_FIELDS if name in plain)
                shown |= {name: text for name, text in texts if text is not None}
            else:
                shown = stored(unpack_content(content))
                if not everything:
                    shown = {name: value for name, value in shown.items() if name in plain or any(one.fullmatch(name) for one in patterns)}
            if everything or "_version_" in plain:
                shown["_version_"] = str(number)
            if scores is not None:
                shown["score"] = float(scores[at])
            found.append(self._with_dates(shown) if self.decode_dates else shown)
        return found

    @staticmethod
    def _with_dates(shown: dict[str, Any]) -> dict[str, Any]:
        for name, value in shown.items():
            if isinstance(value, str):
                match = re.search(pysolr.DATETIME_REGEX, value)
                if match:
                    parts = match.groupdict()
                    names = ("year", "month", "day", "hour", "minute", "second")
                    year, month, day, hour, minute, second = (int(parts[part]) for part in names)
                    shown[name] = datetime.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
        return shown

    # -- facets

    def facets(self, mask: Mask) -> dict[str, list[Any]]:
        """Solr's flat lists: value, count, value, count …"""
        answer: dict[str, list[Any]] = {}
        for text in self.facet_fields():
            _parser, local, name = local_parameters(text)
            answer[local.get("key", name)] = self.facet(name, mask)
        return answer

    def facet_fields(self) -> list[str]:
        value = self.request.params.get("facet.field")
        if isinstance(value, str) and value.startswith("["):
            # CKAN sends a list; a caller by HTTP may send one as JSON text.
            return [one.strip(" \"'") for one in value.strip("[]").split(",") if one.strip(" \"'")]
        return _texts(value)

    def setting(self, name: str, key: str, default: str) -> str:
        params = self.request.params
        value = params.get(f"f.{name}.facet.{key}", params.get(f"facet.{key}"))
        return default if value is None or value == "" else str(value)

    def facet(self, name: str, mask: Mask) -> list[Any]:
        spec = field_of(name)
        if spec.kind in (Kind.DATE, Kind.INT):
            raise BadRequestError("Can't facet on a PointField without docValues")
        try:
            limit = int(self.setting(name, "limit", str(DEFAULT_FACET_LIMIT)))
            offset = int(self.setting(name, "offset", "0"))
            least = int(self.setting(name, "mincount", "0"))
        except ValueError as error:
            raise BadRequestError(str(error)) from error
        prefix = self.setting(name, "prefix", "")
        by_count = self.setting(name, "sort", "count" if limit > 0 else "index") in ("count", "true")
        terms, counts = self.counts(name, mask)
        chosen = (
            [
                (term, count)
                for term, count in zip(terms, counts.tolist(), strict=True)
                if count >= least and term.startswith(prefix) and not term.startswith(MARK)
            ]
            if prefix or least <= 0 or spec.tokenised
            else [(terms[at], int(counts[at])) for at in np.flatnonzero(counts >= max(least, 1)).tolist() if not terms[at].startswith(MARK)]
        )
        chosen.sort(key=(lambda pair: (-pair[1], pair[0])) if by_count else (lambda pair: pair[0]))
        chosen = chosen[offset : offset + limit] if limit >= 0 else chosen[offset:]
        flat: list[Any] = [part for pair in chosen for part in pair]
        if self.setting(name, "missing", "false").lower() in ("true", "on", "1", "yes"):
            flat += [None, int(np.count_nonzero(mask & ~self.view.present(self.snapshot, name)))]
        return flat

    def counts(self, name: str, mask: Mask) -> tuple[list[str], npt.NDArray[Any]]:
        if field_of(name).kind is Kind.NONE:
            return [], np.empty(0, np.int64)
        values_of = self.view.values(self.snapshot, name)
        return values_of.terms, values_of.counts(mask, self.slots(mask))

    def slots(self, mask: Mask) -> npt.NDArray[Any]:
        """Slots of the hits, found once for all facets."""
        if self._slots is None or self._slots[0] is not mask:
            self._slots = (mask, np.flatnonzero(mask))
        return self._slots[1]
