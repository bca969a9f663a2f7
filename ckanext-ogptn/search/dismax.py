"""The query parsers for what people type: ``dismax`` and ``edismax``.

Each word is looked for in all fields of ``qf``; the best field counts, the others by ``tie``; ``mm`` says how many words must be found.
Source: ``DisMaxQParser``, ``ExtendedDismaxQParser`` and ``SolrPluginUtils`` of Solr 9.
"""

from __future__ import annotations

import re
from dataclasses import replace

from . import syntax
from .errors import BadRequest, QuerySyntaxError
from .syntax import Node, Occur

Weights = list[tuple[str, float]]


def parse_fields(text: str) -> Weights:
    """``name^4 title^4 text``: fields with their boosts.

    :raises BadRequest: a boost that is no number.
    """
    weights: Weights = []
    for part in text.replace(",", " ").split():
        name, mark, boost = part.partition("^")
        try:
            weights.append((name, float(boost) if mark else 1.0))
        except ValueError as error:
            raise BadRequest(f'org.apache.solr.search.SyntaxError: For input string: "{boost}"') from error
    return weights


def minimum(spec: str, optional: int) -> int:
    """How many of the optional clauses must match (``SolrPluginUtils.calculateMinShouldMatch``).

    :raises BadRequest: not a specification such as ``2<-1 5<80%``.
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
        raise BadRequest(f'Invalid mm parameter: For input string: "{spec}"') from error
    return max(0, min(optional, result))


def spread(node: Node, weights: Weights, tie: float) -> Node:
    """Let every word without a field of its own look in all the fields."""
    if isinstance(node, syntax.Term | syntax.Phrase | syntax.Pattern | syntax.Regex | syntax.Fuzzy | syntax.Range):
        if node.field is not None:
            return node
        parts: list[Node] = []
        for name, weight in weights:
            part = replace(node, field=name)
            parts.append(part if weight == 1.0 else syntax.Boosted(part, weight))
        return parts[0] if len(parts) == 1 else syntax.Best(tuple(parts), tie)
    if isinstance(node, syntax.Boosted):
        return syntax.Boosted(spread(node.node, weights, tie), node.factor)
    if isinstance(node, syntax.Constant):
        return syntax.Constant(spread(node.node, weights, tie), node.score)
    if isinstance(node, syntax.Boolean):
        return replace(node, clauses=tuple(replace(clause, node=spread(clause.node, weights, tie)) for clause in node.clauses))
    return node


def with_minimum(node: Node, spec: str) -> Node:
    if not isinstance(node, syntax.Boolean):
        return node
    optional = sum(clause.occur is Occur.SHOULD for clause in node.clauses)
    needed = minimum(spec, optional)
    return replace(node, minimum=needed) if needed > 0 else node


_DISMAX_SPECIAL = re.compile(r'[!(){}\[\]^~*?:\\/|&]')
_DANGLING = re.compile(r"\s+[-+\s]+$")
_CONSECUTIVE = re.compile(r"\s+[+-](?:\s*[+-]+)+")


def dismax(query: str, weights: Weights, tie: float, mm: str) -> Node:
    """Only quotes, ``+`` and ``-`` have a meaning, and the words AND, OR and NOT."""
    text = query if query.count('"') % 2 == 0 else query.replace('"', "")
    text = _DISMAX_SPECIAL.sub(lambda match: "\\" + match.group(), text)
    text = _DANGLING.sub("", _CONSECUTIVE.sub(" ", text))
    return with_minimum(spread(syntax.parse(text, conjunction=False), weights, tie), mm)


def edismax(query: str, weights: Weights, tie: float, mm: str, *, conjunction: bool) -> Node:
    """The full syntax; what is not valid in it is searched for as plain words, so nothing a person types is an error."""
    try:
        tree = syntax.parse(query, conjunction=conjunction)
    except QuerySyntaxError:
        words = re.sub(r'[+\-!(){}\[\]^"~*?:\\/|&]', lambda match: "\\" + match.group(), query)
        words = re.sub(r"\b(AND|OR|NOT)\b", lambda match: match.group().lower(), words)
        tree = syntax.parse(words, conjunction=conjunction)
    return with_minimum(spread(tree, weights, tie), mm)
