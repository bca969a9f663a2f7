"""Vocabularies: lists of codes with labels in three languages, kept as data in ``vocabularies/*.yaml``.

Where the standard leaves a list to the country (``editable: true``), terms that an administrator saved stand over those of the file.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ckan import model
from flask import g, has_request_context

from . import text as t
from .model import VocabularyTerm

FOLDER = Path(__file__).with_name("vocabularies")


@dataclass(frozen=True)
class Term:
    """One value of a vocabulary. ``label`` is ``{"ar", "fr", "en"}``; ``more`` holds what only this vocabulary has."""

    code: str
    label: Mapping[str, str]
    uri: str | None = None
    parent: str | None = None
    aliases: tuple[str, ...] = ()
    withdrawn: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """``{"code", "label", "uri"?, "parent"?, "aliases"?, "withdrawn"?, …}`` for the API."""
        given = {"uri": self.uri, "parent": self.parent, "aliases": list(self.aliases) or None, "withdrawn": self.withdrawn or None}
        return {"code": self.code, "label": dict(self.label), **{k: v for k, v in given.items() if v}, **self.more}


@dataclass(frozen=True)
class Vocabulary:
    """A list of terms in the order in which it is read."""

    name: str
    title: Mapping[str, str]
    terms: Mapping[str, Term]
    scheme: str | None = None
    source: str | None = None
    editable: bool = False
    parent_vocabulary: str | None = None

    @functools.cached_property
    def _by_any_name(self) -> dict[str, str]:
        names: dict[str, str] = {}
        # Two terms may share a label, or one's alias be another's code: codes win, then addresses, labels and aliases.
        for spelled in (
            lambda term: [term.code],
            lambda term: [term.uri],
            lambda term: [*term.label.values()],
            lambda term: [*term.aliases],
        ):
            for term in self.terms.values():
                for name in spelled(term):
                    if name:
                        names.setdefault(_plain(name), term.code)
        for term in self.terms.values():
            if media_type := term.more.get("media_type"):
                names.setdefault(_plain(media_type), term.code)
        return names

    def find(self, value: str) -> Term | None:
        """The term with this code, standard address, label in any language or alias; spelling differences that `text.fold` drops do not
        matter."""
        if value in self.terms:
            return self.terms[value]
        code = self._by_any_name.get(_plain(value))
        return self.terms[code] if code else None

    def __iter__(self) -> Iterator[Term]:
        return (term for term in self.terms.values() if not term.withdrawn)


@functools.lru_cache(maxsize=8192)
def _plain(name: str) -> str:
    return t.fold(name).strip()


def _term(data: Mapping[str, Any], prefix: str | None) -> Term:
    known = {"code", "label", "uri", "parent", "aliases", "withdrawn"}
    code = data["code"]
    return Term(
        code=code,
        label=data["label"],
        # A term without an address in its standard says so with "uri: null".
        uri=data.get("uri", prefix + code if prefix else None),
        parent=data.get("parent"),
        aliases=tuple(data.get("aliases", ())),
        withdrawn=bool(data.get("withdrawn")),
        more={key: value for key, value in data.items() if key not in known},
    )


#: LibYAML reads the vocabularies about ten times as fast; some platforms' wheels lack it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def names() -> tuple[str, ...]:
    """The vocabularies there are, by name."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@functools.cache
def _from_file(name: str) -> Vocabulary:
    with (FOLDER / f"{name}.yaml").open(encoding="utf-8") as file:
        data = yaml.load(file, _LOADER)  # noqa: S506 - both are safe loaders
    return Vocabulary(
        name=name,
        title=data["title"],
        terms={term["code"]: _term(term, data.get("uri_prefix")) for term in data["terms"]},
        scheme=data.get("scheme"),
        source=data.get("source"),
        editable=data.get("editable", False),
        parent_vocabulary=data.get("parent_vocabulary"),
    )


def get(name: str) -> Vocabulary:
    """A vocabulary as it stands now.

    :raises KeyError: there is none of this name
    """
    if name not in names():
        raise KeyError(name)
    vocabulary = _from_file(name)
    if not vocabulary.editable:
        return vocabulary
    if not has_request_context():
        return _with_saved_terms(vocabulary)
    # A search page names a hundred facet values: the table is asked once a request.
    known: dict[str, Vocabulary] = g.setdefault(_KEPT, {})
    if name not in known:
        known[name] = _with_saved_terms(vocabulary)
    return known[name]


_KEPT = "ogptn_vocabularies"


def forget() -> None:
    """After a term was saved: have the rest of this request see it."""
    if has_request_context():
        g.pop(_KEPT, None)


def _with_saved_terms(vocabulary: Vocabulary) -> Vocabulary:
    saved = VocabularyTerm.of(vocabulary.name) if _table_exists() else []
    if not saved:
        return vocabulary
    terms = dict(vocabulary.terms)
    for row in saved:
        terms[row.code] = _term({**row.data, "code": row.code, "withdrawn": row.withdrawn}, None)
    return Vocabulary(
        name=vocabulary.name,
        title=vocabulary.title,
        terms=terms,
        scheme=vocabulary.scheme,
        source=vocabulary.source,
        editable=True,
        parent_vocabulary=vocabulary.parent_vocabulary,
    )


_table_seen = False


def _table_exists() -> bool:
    """Whether ``ckan db upgrade -p ogptn`` has run: until then the portal starts and works with the files alone."""
    global _table_seen
    if not _table_seen:
        connection = model.Session.connection()
        _table_seen = connection.dialect.has_table(connection, VocabularyTerm.__tablename__)
    return _table_seen


def label(name: str, code: str, language: str) -> str:
    """What a reader sees for a code; a code that the vocabulary does not have is shown as it is."""
    term = get(name).terms.get(code)
    return t.pick(term.label, language) if term else code


def choices(name: str) -> list[dict[str, Any]]:
    """The terms as a form offers them: ``[{"value", "label": {ar, fr, en}, "parent"?}]``."""
    return [{"value": term.code, "label": dict(term.label), **({"parent": term.parent} if term.parent else {})} for term in get(name)]
