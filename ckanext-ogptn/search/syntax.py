"""Lucene's classic query syntax, as Solr reads it, to a tree of query nodes.

luqum parses the structure. Two things it does otherwise than Lucene, and both are settled here around it:

* **Tokens.** luqum's lexer has no ``&&``, ``||``, ``!``, takes ``http://x`` for a regular expression and knows ``>5``. So the text is cut
  with Lucene's own token rules first, and luqum sees each word, phrase, range and regular expression as a plain placeholder.
* **Operators.** In luqum ``AND`` binds tighter than ``OR``; Lucene keeps one flat list of clauses in which an operator only makes its
  neighbours required or optional. The tree's nested operations are flattened again and Lucene's rules applied.

Source: ``QueryParser.jj`` and ``SolrQueryParserBase`` of Solr 9.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from luqum import tree
from luqum.exceptions import ParseError
from luqum.thread import parse as luqum_parse

from .errors import BadRequestError, QuerySyntaxError
from .fields import field as field_of

#: Deepest nesting of groups; more is a mistake or an attack.
MAX_DEPTH = 100
#: Solr's ``maxBooleanClauses``.
MAX_CLAUSES = 1024


class Occur(Enum):
    MUST = "+"
    SHOULD = ""
    MUST_NOT = "-"


@dataclass(frozen=True)
class Term:
    """One or more words without quotes. ``field`` None is the default field."""

    field: str | None
    text: str


@dataclass(frozen=True)
class Words:
    """Several plain words in a row, which Solr analyses together. Only made for ``edismax``, which has no field yet to do that with."""

    field: str | None
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Phrase:
    field: str | None
    text: str
    slop: int = 0


@dataclass(frozen=True)
class Pattern:
    """A word with wildcards, still escaped with backslashes."""

    field: str | None
    pattern: str


@dataclass(frozen=True)
class Regex:
    field: str | None
    pattern: str


@dataclass(frozen=True)
class Fuzzy:
    """:param distance: as written, a number of edits or a similarity below 1; None when nothing was written."""

    field: str | None
    text: str
    distance: float | None


@dataclass(frozen=True)
class Range:
    """Bounds as written, without quotes; None is open."""

    field: str | None
    low: str | None
    high: str | None
    with_low: bool
    with_high: bool


@dataclass(frozen=True)
class Exists:
    field: str


@dataclass(frozen=True)
class All:
    pass


@dataclass(frozen=True)
class Nothing:
    pass


@dataclass(frozen=True)
class Boosted:
    node: Node
    factor: float


@dataclass(frozen=True)
class Constant:
    """``^=``: the node matches with this score, whatever its own would be."""

    node: Node
    score: float


@dataclass(frozen=True)
class Clause:
    occur: Occur
    node: Node


@dataclass(frozen=True)
class Boolean:
    clauses: tuple[Clause, ...]
    minimum: int = 0
    implicit: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Best:
    """Disjunction max: the best score, plus ``tie`` times the others."""

    nodes: tuple[Node, ...]
    tie: float


Node = Term | Words | Phrase | Pattern | Regex | Fuzzy | Range | Exists | All | Nothing | Boosted | Constant | Boolean | Best

# -- tokens

_SPACE = " \t\n\r\u3000"
_START = r"(?:[^ \t\n\r\u3000+\-!():^\[\]\"{}~*?\\/]|\\.)"
_CHAR = r"(?:[^ \t\n\r\u3000+\-!():^\[\]\"{}~*?\\/]|\\.|[\-+/!])"
_TOKENS = [
    ("SPACE", rf"[{_SPACE}]+"),
    ("COMMENT", r"/\*.*?\*/"),
    ("AND", r"AND|&&"),
    ("OR", r"OR|\|\|"),
    ("NOT", r"NOT|!"),
    ("BARE", rf"[+\-!][{_SPACE}]+"),
    ("PLUS", r"\+"),
    ("MINUS", r"-"),
    ("LEFT", r"\("),
    ("RIGHT", r"\)"),
    ("COLON", r":"),
    ("STAR", r"\*"),
    ("QUOTED", r"\"(?:[^\"\\]|\\.)*\""),
    ("WORD", rf"{_START}{_CHAR}*"),
    ("PATTERN", rf"(?:{_START}|[*?])(?:{_CHAR}|[*?])*"),
    ("REGEX", r"/(?:[^/\\]|\\.)*/i?"),
]
_PATTERNS = [(name, re.compile(pattern, re.DOTALL)) for name, pattern in _TOKENS]
_FUZZY = re.compile(r"~([0-9]+(?:\.[0-9]+)?|\.[0-9]+)?")
_BOOST = re.compile(r"\^(=?)[ \t]*([0-9]+(?:\.[0-9]+)?)")
_GOOP = r"(?:\"(?:[^\"\\]|\\.)*\"|[^ \t\n\r\u3000\]}]+)"
_RANGE = re.compile(rf"[\[{{][{_SPACE}]*({_GOOP})[{_SPACE}]+TO[{_SPACE}]+({_GOOP})[{_SPACE}]*[\]}}]", re.DOTALL)


@dataclass
class _Atom:
    """What stands behind one placeholder."""

    kind: str
    text: str
    fuzzy: str | None = None
    boosts: list[tuple[bool, float]] = field(default_factory=list)


def _next_token(query: str, position: int) -> tuple[str, str]:
    """The longest token at a position; of equally long ones the first of the table, as JavaCC chooses."""
    best = ("", "")
    for name, pattern in _PATTERNS:
        match = pattern.match(query, position)
        if match and len(match.group()) > len(best[1]):
            best = (name, match.group())
    if not best[0]:
        at = query[position : position + 1]
        raise QuerySyntaxError(query, f'Lexical error at line 1, column {position + 1}.  Encountered: "{at}"')
    return best


def _tokens(query: str) -> Iterator[tuple[str, str, int]]:
    position = 0
    while position < len(query):
        if query[position] in "[{":
            match = _RANGE.match(query, position)
            if not match:
                raise QuerySyntaxError(query, f'Encountered "{query[position]}" at column {position + 1}: not a range.')
            yield "RANGE", match.group(), position
            position = match.end()
            continue
        if query[position] == "^":
            match = _BOOST.match(query, position)
            if not match:
                raise QuerySyntaxError(query, f'Encountered "^" at column {position + 1}: a number was expected after it.')
            yield "BOOST", match.group(), position
            position = match.end()
            continue
        if query[position] == "~":
            match = _FUZZY.match(query, position)
            assert match
            yield "FUZZY", match.group(), position
            position = match.end()
            continue
        name, text = _next_token(query, position)
        if name not in ("SPACE", "COMMENT"):
            yield name, text, position
        position += len(text)


_PLAIN = {"AND": " AND ", "OR": " OR ", "NOT": " NOT ", "PLUS": " +", "MINUS": " -", "LEFT": " (", "RIGHT": ") ", "COLON": ":"}
_ATOMS = ("STAR", "QUOTED", "WORD", "PATTERN", "REGEX", "RANGE", "BARE")


def _with_placeholders(query: str) -> tuple[str, list[_Atom]]:
    """The query as luqum gets it, and what stands behind each placeholder ``w0``, ``w1`` …"""
    out: list[str] = []
    atoms: list[_Atom] = []
    previous = ""
    depth = 0
    for name, text, position in _tokens(query):
        if name == "LEFT":
            depth += 1
            if depth > MAX_DEPTH:
                raise QuerySyntaxError(query, f"groups are nested deeper than {MAX_DEPTH} levels.")
        if name == "RIGHT":
            depth -= 1
        if name in _ATOMS:
            atoms.append(_Atom(name, text))
            out.append(f" w{len(atoms) - 1}")
        elif name == "FUZZY":
            if previous not in ("STAR", "QUOTED", "WORD", "PATTERN", "REGEX", "BARE", "BOOST") or atoms[-1].fuzzy is not None:
                raise QuerySyntaxError(query, f'Encountered " <FUZZY_SLOP> "{text} "" at line 1, column {position}.')
            atoms[-1].fuzzy = text[1:]
        elif name == "BOOST":
            match = _BOOST.fullmatch(text)
            assert match
            if previous in _ATOMS or previous == "FUZZY":
                atoms[-1].boosts.append((bool(match.group(1)), float(match.group(2))))
            elif previous == "RIGHT":
                out[-1] = f")^{match.group(2)} "
            else:
                raise QuerySyntaxError(query, f'Encountered " "^" "^ "" at line 1, column {position}.')
        else:
            if name == "COLON" and previous not in ("WORD", "STAR"):
                raise QuerySyntaxError(query, f'Encountered " ":" ": "" at line 1, column {position}.')
            out.append(_PLAIN[name])
        previous = name
    return "".join(out), atoms


def unescape(text: str) -> str:
    """Text without its backslash escapes; ``\\uXXXX`` is a character.

    :raises BadRequestError: a backslash at the end.
    """
    if "\\" not in text:
        return text
    out: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
            if position >= len(text):
                raise BadRequestError("org.apache.solr.search.SyntaxError: Term can not end with escape character.")
            if text[position] == "u" and re.fullmatch(r"[0-9a-fA-F]{4}", text[position + 1 : position + 5]):
                out.append(chr(int(text[position + 1 : position + 5], 16)))
                position += 5
                continue
            character = text[position]
        out.append(character)
        position += 1
    return "".join(out)


# -- the tree

FieldCheck = Callable[[str], bool]


class _Reader:
    """One parse."""

    def __init__(self, query: str, conjunction: bool, default: str | None) -> None:
        self.query = query
        self.conjunction = conjunction
        self.default = default
        self.atoms: list[_Atom] = []
        self.clauses = 0

    def read(self) -> Node:
        text, self.atoms = _with_placeholders(self.query)
        if not text.strip():
            return Nothing()
        try:
            parsed = luqum_parse(text)
        except ParseError as error:
            raise QuerySyntaxError(self.query, self._in_their_words(str(error))) from error
        return self._node(parsed, None)

    def _in_their_words(self, message: str) -> str:
        """luqum's message with the user's own words in the place of placeholders."""
        message = message.splitlines()[0]
        return re.sub(
            r"\bw(\d+)\b", lambda match: self.atoms[int(match.group(1))].text if int(match.group(1)) < len(self.atoms) else "", message
        )

    def _syntax_error(self, reason: str) -> QuerySyntaxError:
        return QuerySyntaxError(self.query, reason)

    def _node(self, item: tree.Item, name: str | None) -> Node:
        """A clause without its modifier, or a list of clauses."""
        if isinstance(item, tree.BaseOperation | tree.Plus | tree.Prohibit | tree.Not):
            return self._boolean(item, name)
        return self._clause(item, name)

    def _clause(self, item: tree.Item, name: str | None) -> Node:
        if isinstance(item, tree.SearchField):
            if isinstance(item.expr, tree.SearchField | tree.Plus | tree.Prohibit | tree.Not):
                raise self._syntax_error(f'Encountered " ":" ": "" after the field {self._atom(item.name).text}.')
            inner = self._atom(item.name)
            return self._clause(item.expr, "*" if inner.kind == "STAR" else unescape(inner.text))
        if isinstance(item, tree.Group | tree.FieldGroup):
            inner_node = self._node(item.expr, name)
            if isinstance(inner_node, Boolean) and all(clause.occur is Occur.MUST_NOT for clause in inner_node.clauses):
                # A group that only excludes finds nothing; only a whole query excludes from everything.
                return Boolean((Clause(Occur.MUST, inner_node),))
            return inner_node
        if isinstance(item, tree.Boost):
            node = self._clause(item.expr, name)
            return node if float(item.force) == 1.0 else Boosted(node, float(item.force))
        if isinstance(item, tree.Word):
            return self._atom_node(self._atom(str(item.value)), name)
        raise self._syntax_error(f"{type(item).__name__} was not expected here.")

    def _atom(self, placeholder: str) -> _Atom:
        return self.atoms[int(placeholder[1:])]

    def _flatten(self, item: tree.Item) -> Iterator[tuple[str, tree.Item]]:
        """Clauses in the order written, each with the operator before it."""
        if isinstance(item, tree.BaseOperation):
            operator = "AND" if isinstance(item, tree.AndOperation) else "OR" if isinstance(item, tree.OrOperation) else ""
            for index, child in enumerate(item.children):
                for position, (inner, clause) in enumerate(self._flatten(child)):
                    yield (operator if index and not position else inner), clause
        else:
            yield "", item

    def _boolean(self, item: tree.Item, name: str | None) -> Node:
        clauses: list[Clause] = []
        plain: Node | None = None
        parts = list(self._flatten(item))
        at = 0
        while at < len(parts):
            run = self._run(parts, at)
            if len(run) > 1:
                self._add_words(clauses, run, name)
                at += len(run)
                continue
            operator, part = parts[at]
            at += 1
            modifier = ""
            if isinstance(part, tree.Plus | tree.Prohibit | tree.Not):
                modifier = "+" if isinstance(part, tree.Plus) else "-"
                part = part.children[0]
                if isinstance(part, tree.Plus | tree.Prohibit | tree.Not):
                    raise self._syntax_error(f'Encountered " "{modifier}" "{modifier} "": one sign is enough.')
            node = self._node(part, name)
            plain = node if not clauses and not modifier else None
            self._add(clauses, operator, modifier, node)
        self.clauses += len(clauses)
        if self.clauses > MAX_CLAUSES:
            raise BadRequestError(f"org.apache.solr.search.SyntaxError: Cannot parse '{self.query[:200]}': too many boolean clauses")
        if len(clauses) == 1 and plain is not None:
            return plain
        return Boolean(tuple(clauses))

    def _run(self, parts: list[tuple[str, tree.Item]], start: int) -> list[str]:
        """The plain words in a row that begin at a place; the last one is not followed by an operator (``MultiTerm`` of the grammar)."""
        words: list[str] = []
        for at in range(start, len(parts)):
            operator, part = parts[at]
            if operator or not isinstance(part, tree.Word):
                break
            atom = self._atom(str(part.value))
            if atom.kind != "WORD" or atom.fuzzy is not None or atom.boosts:
                break
            if at > start and at + 1 < len(parts) and parts[at + 1][0]:
                break
            words.append(unescape(atom.text))
        return words

    def _add_words(self, clauses: list[Clause], words: list[str], name: str | None) -> None:
        occur = Occur.MUST if self.conjunction else Occur.SHOULD
        if name is None and self.default is None:
            clauses.append(Clause(occur, Words(None, tuple(words))))
        elif self.conjunction and not field_of(name or self.default or "text").tokenised:
            # So it is in Solr: `tags:(water energy)` finds either, even where all words are required.
            either = Boolean(tuple(Clause(Occur.SHOULD, Term(name, word)) for word in words))
            clauses.append(Clause(occur, either))
        else:
            clauses += [Clause(occur, Term(name, word)) for word in words]

    def _add(self, clauses: list[Clause], operator: str, modifier: str, node: Node) -> None:
        """``SolrQueryParserBase.addClause``: an operator makes the clause before it required or optional, too."""
        if clauses and clauses[-1].occur is not Occur.MUST_NOT:
            if operator == "AND":
                clauses[-1] = Clause(Occur.MUST, clauses[-1].node)
            elif operator == "OR" and self.conjunction:
                clauses[-1] = Clause(Occur.SHOULD, clauses[-1].node)
        if modifier == "-":
            occur = Occur.MUST_NOT
        elif self.conjunction:
            occur = Occur.SHOULD if operator == "OR" else Occur.MUST
        else:
            occur = Occur.MUST if modifier == "+" or operator == "AND" else Occur.SHOULD
        clauses.append(Clause(occur, node))

    def _atom_node(self, atom: _Atom, name: str | None) -> Node:
        node = self._plain_atom(atom, name)
        for constant, factor in atom.boosts:
            if constant:
                node = Constant(node, factor)
            elif factor != 1.0:
                node = Boosted(node, factor)
        return node

    def _plain_atom(self, atom: _Atom, name: str | None) -> Node:
        text = atom.text
        if atom.kind == "RANGE":
            return self._range(text, name)
        if atom.kind == "QUOTED":
            slop = int(float(atom.fuzzy)) if atom.fuzzy else 0
            return Phrase(name, unescape(text[1:-1]), slop)
        if atom.kind == "REGEX":
            return Regex(name, text[1 : text.rindex("/")])
        if atom.kind == "STAR":
            if name == "*" or name is None:
                return All()
            return Exists(name)
        if atom.fuzzy is not None:
            return Fuzzy(name, unescape(text), float(atom.fuzzy) if atom.fuzzy else None)
        if atom.kind == "PATTERN":
            if name == "*" and text == "*":
                return All()
            return Pattern(name, text)
        return Term(name, unescape(text.strip() if atom.kind == "BARE" else text))

    def _range(self, text: str, name: str | None) -> Node:
        match = _RANGE.fullmatch(text)
        assert match
        bounds: list[str | None] = []
        for bound in match.groups():
            if bound.startswith('"'):
                bounds.append(unescape(bound[1:-1]))
            else:
                bounds.append(None if bound == "*" else unescape(bound))
        if bounds == [None, None] and name == "*":
            return All()
        return Range(name, bounds[0], bounds[1], text[0] == "[", text[-1] == "]")


@lru_cache(maxsize=2048)
def parse(query: str, *, conjunction: bool, default: str | None = "text") -> Node:
    """Parse a query.

    :param conjunction: ``q.op=AND``; otherwise clauses without operator are optional.
    :param default: field of words without a field's name; None when the caller spreads them over several.
    :raises QuerySyntaxError: where Solr raises one.
    """
    return _Reader(query, conjunction, default).read()


def describe(node: Node) -> str:
    """A tree in one line, in Lucene's own notation as far as it has one."""
    if isinstance(node, Boolean):
        inner = " ".join(clause.occur.value + describe(clause.node) for clause in node.clauses)
        return f"({inner}){f'~{node.minimum}' if node.minimum else ''}"
    if isinstance(node, Best):
        return f"({' | '.join(describe(one) for one in node.nodes)})~{node.tie:g}"
    if isinstance(node, Boosted):
        return f"{describe(node.node)}^{node.factor:g}"
    if isinstance(node, Constant):
        return f"{describe(node.node)}^={node.score:g}"
    if isinstance(node, All):
        return "*:*"
    if isinstance(node, Nothing):
        return "(nothing)"
    prefix = f"{node.field}:" if node.field else ""
    if isinstance(node, Range):
        low, high = node.low or "*", node.high or "*"
        return f"{prefix}{'[' if node.with_low else '{'}{low} TO {high}{']' if node.with_high else '}'}"
    if isinstance(node, Words):
        return f"{prefix}({' '.join(node.texts)})"
    if isinstance(node, Phrase):
        return f'{prefix}"{node.text}"{f"~{node.slop}" if node.slop else ""}'
    if isinstance(node, Regex):
        return f"{prefix}/{node.pattern}/"
    if isinstance(node, Pattern):
        return f"{prefix}{node.pattern}"
    if isinstance(node, Exists):
        return f"{prefix}*"
    if isinstance(node, Fuzzy):
        return f"{prefix}{node.text}~{'' if node.distance is None else f'{node.distance:g}'}"
    return f"{prefix}{node.text}"
