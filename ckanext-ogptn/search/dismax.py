"""The query parsers for what people type: ``dismax`` and ``edismax``.

Each word is looked for in all fields of ``qf``; the best field counts, the others by ``tie``; ``mm`` says how many words must be found.
Source: ``DisMaxQParser``, ``ExtendedDismaxQParser`` and ``SolrPluginUtils`` of Solr 9.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone

from . import analysis, datemath, syntax
from .errors import BadRequestError, QuerySyntaxError
from .fields import Kind
from .fields import field as field_of
from .syntax import Node, Occur

Weights = list[tuple[str, float]]


def parse_fields(text: str) -> Weights:
    """``name^4 title^4 text``: fields with their boosts.

    :raises BadRequestError: a boost that is no number.
    """
    weights: Weights = []
    for part in text.replace(",", " ").split():
        name, mark, boost = part.partition("^")
        try:
            weights.append((name, float(boost) if mark else 1.0))
        except ValueError as error:
            raise BadRequestError(f'org.apache.solr.search.SyntaxError: For input string: "{boost}"') from error
    return weights


def minimum(spec: str, optional: int) -> int:
    """How many of the optional clauses must match (``SolrPluginUtils.calculateMinShouldMatch``).

    :raises BadRequestError: not a specification such as ``2<-1 5<80%``.
    """
    result = optional
    text = spec.strip()
    try:
        if "<" in text:
            for part in re.sub(r"\s*<\s*", "<", text).split():
                bound, _mark, value = part.partition("<")
                if optional <= int(bound):
                    return result
                result = minimum(value, optional)
            return result
        if text.endswith("%"):
            percent = int(text[:-1])
            part = int(optional * percent / 100)
            result = optional + part if percent < 0 else part
        else:
            number = int(text)
            result = optional + number if number < 0 else number
    except ValueError as error:
        raise BadRequestError(f'Invalid mm parameter: For input string: "{spec}"') from error
    return max(0, min(optional, result))


def spread(node: Node, weights: Weights, tie: float, *, conjunction: bool = False) -> Node:
    """Let every word without a field of its own look in all the fields."""
    if isinstance(node, syntax.Words):
        return _spread_words(node, weights, tie, conjunction)
    if isinstance(node, syntax.Term | syntax.Phrase | syntax.Pattern | syntax.Regex | syntax.Fuzzy | syntax.Range):
        if node.field is not None:
            return node
        parts: list[Node] = []
        for name, weight in weights:
            if not _possible(node, name):
                continue
            part = replace(node, field=name)
            parts.append(part if weight == 1.0 else syntax.Boosted(part, weight))
        return parts[0] if len(parts) == 1 else syntax.Best(tuple(parts), tie)
    if isinstance(node, syntax.Boosted):
        return syntax.Boosted(spread(node.node, weights, tie, conjunction=conjunction), node.factor)
    if isinstance(node, syntax.Constant):
        return syntax.Constant(spread(node.node, weights, tie, conjunction=conjunction), node.score)
    if isinstance(node, syntax.Boolean):
        clauses: list[syntax.Clause] = []
        for clause in node.clauses:
            inner = spread(clause.node, weights, tie, conjunction=conjunction)
            if isinstance(clause.node, syntax.Words) and isinstance(inner, syntax.Boolean):
                clauses += inner.clauses
            else:
                clauses.append(replace(clause, node=inner))
        return replace(node, clauses=tuple(clauses))
    return node


def _possible(node: Node, name: str) -> bool:
    """Whether a word can be looked for in a field. A field of dates is left out for a word that is no date, without an error."""
    if not isinstance(node, syntax.Term | syntax.Phrase):
        return True
    kind = field_of(name).kind
    try:
        if kind is Kind.DATE:
            datemath.evaluate(node.text, datetime.now(timezone.utc))
        elif kind is Kind.INT:
            int(node.text)
    except (BadRequestError, ValueError):
        return False
    return True


def _spread_words(node: syntax.Words, weights: Weights, tie: float, conjunction: bool) -> Node:
    """Several words at once: word by word where every field sees the same number of words, else field by field."""
    occur = Occur.MUST if conjunction else Occur.SHOULD
    seen: list[list[str]] = []
    for name, _weight in weights:
        spec = field_of(name)
        if spec.kind in (Kind.TEXT, Kind.GENERAL):
            seen.append([text for text in node.texts for _terms in analysis.query_word(text, spec.kind is Kind.TEXT)])
        else:
            seen.append(list(node.texts))
    if len({len(words) for words in seen}) == 1:
        return syntax.Boolean(
            tuple(syntax.Clause(occur, spread(syntax.Term(None, text), weights, tie, conjunction=conjunction)) for text in node.texts)
        )
    parts: list[Node] = []
    for name, weight in weights:
        terms = [syntax.Term(name, text) for text in node.texts]
        whole = syntax.Boolean(tuple(syntax.Clause(occur, term) for term in terms if _possible(term, name)))
        parts.append(whole if weight == 1.0 else syntax.Boosted(whole, weight))
    return syntax.Boolean((syntax.Clause(occur, syntax.Best(tuple(parts), tie)),))


def with_minimum(node: Node, spec: str) -> Node:
    if not isinstance(node, syntax.Boolean):
        return node
    optional = sum(clause.occur is Occur.SHOULD for clause in node.clauses)
    needed = minimum(spec, optional)
    return replace(node, minimum=needed) if needed > 0 else node


_DISMAX_SPECIAL = re.compile(r"[!(){}\[\]^~*?:\\/|&]")
_SPECIAL = re.compile(r'[+\-!(){}\[\]^"~*?:\\/|&]')
_DANGLING = re.compile(r"\s+[-+\s]+$")
_CONSECUTIVE = re.compile(r"\s+[+-](?:\s*[+-]+)+")


def dismax(query: str, weights: Weights, tie: float, mm: str) -> Node:
    """Only quotes, ``+`` and ``-`` have a meaning, and the words AND, OR and NOT."""
    text = query if query.count('"') % 2 == 0 else query.replace('"', "")
    text = _DISMAX_SPECIAL.sub(lambda match: "\\" + match.group(), text)
    text = _DANGLING.sub("", _CONSECUTIVE.sub(" ", text))
    node = with_minimum(spread(syntax.parse(text, conjunction=False), weights, tie), mm)
    # One required clause: what only excludes finds nothing, other than in the classic syntax.
    return syntax.Boolean((syntax.Clause(Occur.MUST, node),))


def edismax(query: str, weights: Weights, tie: float, mm: str, *, conjunction: bool) -> Node:
    """The full syntax; what is not valid in it is searched for as plain words, so nothing a person types is an error."""
    try:
        tree = syntax.parse(query, conjunction=conjunction, default=None)
    except QuerySyntaxError:
        tree = syntax.parse(_as_words(query), conjunction=conjunction, default=None)
    return with_minimum(spread(tree, weights, tie, conjunction=conjunction), mm)


def _as_words(query: str) -> str:
    """A query that is not valid as one that is: each word's first sign stays, all else loses its meaning."""
    words: list[str] = []
    for word in query.split():
        sign = word[0] if word[0] in "+-" and len(word) > 1 else ""
        rest = _SPECIAL.sub(lambda match: "\\" + match.group(), word[len(sign) :])
        words.append(sign + (f"\\{rest}" if rest in ("AND", "OR", "NOT") else rest))
    return " ".join(words)
