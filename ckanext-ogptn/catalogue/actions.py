"""Actions on the vocabularies."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from . import rules, vocabulary
from . import text as t
from .config import reader_language
from .model import VocabularyTerm
from .rules import RuleError


def _vocabulary(data_dict: DataDict, key: str) -> vocabulary.Vocabulary:
    name = data_dict.get(key)
    if not isinstance(name, str) or not name:
        raise tk.ValidationError({key: [rules.message("missing-choice")]})
    try:
        return vocabulary.get(name)
    except KeyError:
        raise tk.ObjectNotFound(tk._("There is no vocabulary of this name.")) from None


@tk.side_effect_free
def ogptn_vocabulary_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the vocabularies.

    :returns: ``[{"id", "title": {ar, fr, en}, "editable": bool, "terms": number}]``, by id
    """
    tk.check_access("ogptn_vocabulary_list", context, data_dict)
    found = [vocabulary.get(name) for name in vocabulary.names() if name != "form_sections"]
    return [{"id": v.name, "title": dict(v.title), "editable": v.editable, "terms": sum(1 for _ in v)} for v in found]


@tk.side_effect_free
def ogptn_vocabulary_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show one vocabulary with its terms.

    :param id: the vocabulary's name, such as ``governorates``
    :param lang: optional ``ar``, ``fr`` or ``en``: labels become one text in that language
    :param withdrawn: optional, true to include terms that are no longer offered
    :returns: ``{"id", "title", "scheme"?, "source"?, "editable", "parent_vocabulary"?, "terms": [term]}``, each term
        ``{"code", "label", "uri"?, "parent"?, "aliases"?, …}``
    :raises NotFound: no vocabulary has this name
    :raises ValidationError: ``id`` is missing or ``lang`` is not one of the three
    """
    tk.check_access("ogptn_vocabulary_show", context, data_dict)
    listed = _vocabulary(data_dict, "id")
    language = data_dict.get("lang")
    if language and language not in t.LANGUAGES:
        raise tk.ValidationError({"lang": [rules.message("unknown-language", language=str(language))]})
    everything = tk.asbool(data_dict.get("withdrawn", False))
    terms = [term.as_dict() for term in (listed.terms.values() if everything else listed)]
    title: Any = dict(listed.title)
    if language:
        title = t.pick(listed.title, language)
        for term in terms:
            term["label"] = t.pick(term["label"], language)
    shown = {"id": listed.name, "title": title, "editable": listed.editable, "terms": terms}
    optional = {"scheme": listed.scheme, "source": listed.source, "parent_vocabulary": listed.parent_vocabulary}
    return {**shown, **{key: value for key, value in optional.items() if value}}


def _editable(data_dict: DataDict) -> vocabulary.Vocabulary:
    listed = _vocabulary(data_dict, "vocabulary")
    if not listed.editable:
        # The rest are fixed by their standards: a change would make our codes mean something else than everybody's.
        raise tk.ValidationError({"vocabulary": [tk._("This vocabulary is fixed by its standard and cannot be changed.")]})
    return listed


def ogptn_vocabulary_term_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Add a term to an editable vocabulary, or change one.

    :param vocabulary: the vocabulary's name
    :param code: the term's code: lower-case Latin letters, digits, ``_`` and ``-``; it does not change afterwards
    :param new: optional, true to refuse a code that the vocabulary already has, instead of changing its term
    :param label: ``{"ar": …, "fr": …, "en": …}``, all three
    :param uri: optional web address of the term in a standard
    :param parent: optional code of the term's parent (the plan of an axis); needed where the vocabulary has a parent vocabulary
    :param start: optional first year, month or day, as ``YYYY[-MM[-DD]]``
    :param end: optional last year, month or day
        (of a term that exists, what is not sent stays as it is and what is sent empty goes away)
    :returns: the term as in `ogptn_vocabulary_show`
    :raises NotFound: no vocabulary has this name
    :raises NotAuthorized: the caller is no system administrator
    :raises ValidationError: the vocabulary is fixed, or a value is wrong; nothing is saved
    """
    tk.check_access("ogptn_vocabulary_term_update", context, data_dict)
    listed = _editable(data_dict)
    errors: dict[str, Any] = {}
    data: dict[str, Any] = {}
    code = data_dict.get("code")
    if not isinstance(code, str) or not re.fullmatch("[a-z0-9][a-z0-9_-]{0,99}", code):
        errors["code"] = [tk._("Write a code of lower-case Latin letters, digits, hyphens and underscores.")]
    before = listed.terms.get(str(code))
    if before is not None and tk.asbool(data_dict.get("new", False)):
        shown = t.pick(before.label, reader_language())
        errors["code"] = [
            tk._("There is a term of this code already: {label}. Change that one, or choose another code.").format(label=shown)
        ]
    try:
        label = rules.translations(data_dict.get("label") or {}, 300)
        absent = [language for language in t.LANGUAGES if language not in label]
        if absent:
            raise RuleError("missing-language", language=vocabulary.label("languages", _LANGUAGE_CODES[absent[0]], reader_language()))
        data["label"] = label
    except RuleError as broken:
        # Beside the text that it is about, as in the forms of records.
        language = broken.details.get("language") if broken.slug != "missing-language" else None
        errors[f"label-{language}" if language in t.LANGUAGES else "label"] = [str(broken)]
    stored = before.as_dict() if before is not None else {}
    for name, check in (("uri", rules.url), ("start", _partial), ("end", _partial), ("parent", rules.text)):
        if data_dict.get(name):
            try:
                data[name] = check(data_dict[name])
            except RuleError as broken:
                errors[name] = [str(broken)]
        elif name not in data_dict and stored.get(name):
            data[name] = stored[name]
    if not errors.get("start") and not errors.get("end"):
        try:
            rules.period(data.get("start"), data.get("end"))
        except RuleError as broken:
            errors["end"] = [str(broken)]
    if listed.parent_vocabulary:
        above = vocabulary.get(listed.parent_vocabulary)
        if not data.get("parent"):
            errors["parent"] = [rules.message("missing-choice")]
        elif data["parent"] not in above.terms:
            errors["parent"] = [rules.message("vocabulary-code", value=data["parent"], vocabulary=t.pick(above.title, reader_language()))]
    if errors:
        raise tk.ValidationError(errors)
    if before is not None:
        # What a form does not ask for stays: the aliases under which sources name the term, the scales that a finding belongs to.
        kept = {name: value for name, value in before.more.items() if name not in ("start", "end")}
        data = {**kept, "aliases": list(before.aliases), **data}
    VocabularyTerm.save_term(listed.name, str(code), data, withdrawn=False, user=context.get("user"))
    vocabulary.forget()
    if not context.get("defer_commit"):
        model.repo.commit()
    return vocabulary.get(listed.name).terms[str(code)].as_dict()


def ogptn_vocabulary_term_delete(context: Context, data_dict: DataDict) -> None:
    """Withdraw a term: it is no longer offered, and records that use it keep it and its label.

    :param vocabulary: the vocabulary's name
    :param code: the term's code
    :raises NotFound: no vocabulary, or no term of it, has this name
    :raises NotAuthorized: the caller is no system administrator
    :raises ValidationError: the vocabulary is fixed
    """
    tk.check_access("ogptn_vocabulary_term_delete", context, data_dict)
    listed = _editable(data_dict)
    term = listed.terms.get(str(data_dict.get("code")))
    if term is None:
        raise tk.ObjectNotFound(tk._("There is no term of this code."))
    data = {key: value for key, value in term.as_dict().items() if key not in ("code", "withdrawn")}
    VocabularyTerm.save_term(listed.name, term.code, data, withdrawn=True, user=context.get("user"))
    vocabulary.forget()
    if not context.get("defer_commit"):
        model.repo.commit()


_LANGUAGE_CODES = {"ar": "ARA", "fr": "FRA", "en": "ENG"}


def _partial(value: Any) -> str:
    return rules.date(value, partial=True)


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {
        "ogptn_vocabulary_list": ogptn_vocabulary_list,
        "ogptn_vocabulary_show": ogptn_vocabulary_show,
        "ogptn_vocabulary_term_delete": ogptn_vocabulary_term_delete,
        "ogptn_vocabulary_term_update": ogptn_vocabulary_term_update,
    }
