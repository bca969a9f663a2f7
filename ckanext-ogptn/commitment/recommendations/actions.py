"""Actions on recommendations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict
from sqlalchemy import func

from ...catalogue import names, rules, vocabulary
from ...catalogue import text as t
from ...catalogue.config import reader_language
from ...catalogue.rules import RuleError
from ..rounds.auth import coordinates, user_id
from . import mails
from .auth import answers_for
from .model import DECLINED, OPEN, Recommendation, RecommendedFor, now

_LONGEST = 20_000
#: Recommendations of one page, at most.
MOST = 100
#: What the organisation that is addressed may change; the rest is the coordinators'.
_ANSWER = ("answer", "status")


def _of(data_dict: DataDict, *, lock: bool = False) -> Recommendation:
    options: Any = {"populate_existing": True, "with_for_update": True} if lock else {}
    found = model.Session.get(Recommendation, str(data_dict.get("id") or ""), **options)
    if found is None:
        raise tk.ObjectNotFound(tk._("There is no such recommendation."))
    return found


def _title(package: model.Package) -> str:
    return t.pick(names.titles_of(package.extras), reader_language()) or package.title or package.name


def _organization(organization_id: str | None) -> dict[str, str] | None:
    group = model.Group.get(organization_id) if organization_id else None
    if group is None:
        return None
    return {"id": group.id, "name": group.name, "title": t.pick(names.organization_titles(group), reader_language()) or group.name}


def _visible(context: Context, packages: list[model.Package]) -> list[dict[str, str]]:
    shown = []
    for package in packages:
        if package.private:
            try:
                tk.check_access("package_show", {"user": context.get("user") or ""}, {"id": package.id})
            except tk.NotAuthorized:
                continue
        extras = package.extras
        number = f"{extras.get('commitment_number', '')}{extras.get('commitment_part') or ''}"
        shown.append({"id": package.id, "name": package.name, "plan": extras.get("plan", ""), "number": number, "title": _title(package)})
    return shown


def _dict(context: Context, found: Recommendation, packages: list[model.Package]) -> dict[str, Any]:
    coordinator = coordinates(context)
    return {
        "id": found.id,
        "text": found.text,
        "source": found.source,
        "source_name": found.source_name,
        "source_url": found.source_url,
        "organization": _organization(found.organization_id),
        "received_on": found.received_on,
        "status": found.status,
        "answer": found.answer,
        "answered_at": found.answered_at.isoformat() if found.answered_at else None,
        "commitments": _visible(context, packages),
        "version": found.version,
        "created_at": found.created_at.isoformat(),
        "modified_at": found.modified_at.isoformat(),
        "may_edit": coordinator,
        "may_answer": coordinator or answers_for(context, found.organization_id),
    }


def _shown(context: Context, found: Recommendation) -> dict[str, Any]:
    return _dict(context, found, RecommendedFor.of([found.id])[found.id])


@tk.side_effect_free
def ogptn_commitment_recommendation_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """One recommendation.

    :param id: its id
    :returns: ``{"id", "text": {language: text}, "source", "source_name", "source_url", "organization": {"id", "name", "title"} or None,
        "received_on", "status", "answer": {language: text}, "answered_at", "commitments": [{"id", "name", "plan", "number", "title"}],
        "version", "created_at", "modified_at", "may_edit", "may_answer"}``
    :raises NotFound: there is no such recommendation
    """
    tk.check_access("ogptn_commitment_recommendation_show", context, data_dict)
    return _shown(context, _of(data_dict))


@tk.side_effect_free
def ogptn_commitment_recommendation_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Recommendations, the newest first.

    :param status: optional code of ``recommendation_statuses``
    :param source: optional code of ``recommendation_sources``
    :param organization: optional name or id of the organisation that is addressed
    :param commitment: optional name or id of a commitment
    :param limit: at most so many, 1 to 100; 20 by default
    :param offset: leave out so many first
    :returns: ``{"count", "statuses": {code: number}, "results": [as `ogptn_commitment_recommendation_show`]}``; ``statuses`` counts those
        that the other filters leave
    :raises ValidationError: a filter is none
    """
    tk.check_access("ogptn_commitment_recommendation_list", context, data_dict)
    errors: dict[str, Any] = {}
    limit = _whole(data_dict, "limit", 20, 1, MOST, errors)
    offset = _whole(data_dict, "offset", 0, 0, 10**9, errors)
    query = model.Session.query(Recommendation)
    for name, codes in (("source", "recommendation_sources"), ("status", "recommendation_statuses")):
        if data_dict.get(name) and str(data_dict[name]) not in vocabulary.get(codes).terms:
            errors[name] = [rules.message("missing-choice")]
    if data_dict.get("source"):
        query = query.filter(Recommendation.source == str(data_dict["source"]))
    if data_dict.get("organization"):
        group = model.Group.get(str(data_dict["organization"]))
        query = query.filter(Recommendation.organization_id == (group.id if group is not None else ""))
    if data_dict.get("commitment"):
        package = model.Package.get(str(data_dict["commitment"]))
        query = query.join(RecommendedFor, RecommendedFor.recommendation_id == Recommendation.id)
        query = query.filter(RecommendedFor.package_id == (package.id if package is not None else ""))
    if errors:
        raise tk.ValidationError(errors)
    counted = query.with_entities(Recommendation.status, func.count()).group_by(Recommendation.status)
    statuses = Counter({status: number for status, number in counted})  # noqa: C416 - rows are no pairs to the type checker
    if data_dict.get("status"):
        query = query.filter(Recommendation.status == str(data_dict["status"]))
    ordered = query.order_by(Recommendation.received_on.desc(), Recommendation.created_at.desc(), Recommendation.id)
    found = ordered.offset(offset).limit(limit).all()
    packages = RecommendedFor.of([each.id for each in found])
    return {"count": query.count(), "statuses": dict(statuses), "results": [_dict(context, each, packages[each.id]) for each in found]}


def _whole(data_dict: DataDict, name: str, default: int, minimum: int, maximum: int, errors: dict[str, Any]) -> int:
    if data_dict.get(name) in (None, ""):
        return default
    try:
        return rules.integer(data_dict[name], minimum, maximum)
    except RuleError as broken:
        errors[name] = [str(broken)]
        return default


def _term(name: str, value: Any) -> str:
    term = vocabulary.get(name).find(rules.text(value, 200, multiline=False))
    if term is None:
        raise RuleError("vocabulary-code", value=str(value), vocabulary=t.pick(vocabulary.get(name).title, reader_language()))
    return term.code


def _addressed(value: Any) -> str:
    group = model.Group.get(rules.text(value, 200, multiline=False))
    if group is None or group.state != "active" or not group.is_organization:
        raise RuleError("organization-unknown", value=str(value))
    return group.id


_RULES: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: rules.translations(value, _LONGEST),
    "source": lambda value: _term("recommendation_sources", value),
    "source_name": lambda value: rules.text(value, 300, multiline=False),
    "source_url": rules.url,
    "organization": _addressed,
    "received_on": lambda value: rules.date(value, partial=True),
    "status": lambda value: _term("recommendation_statuses", value),
    "answer": lambda value: rules.translations(value, _LONGEST),
}
_EMPTY: dict[str, Any] = {"text": {}, "answer": {}, "status": OPEN}
_NEEDED = {"text": "missing-any-language", "source": "missing-choice", "organization": "missing-choice"}
_KNOWN = {*_RULES, "commitments", "id", "version"}


def _clean(data_dict: DataDict, before: Mapping[str, Any], errors: dict[str, Any]) -> dict[str, Any]:
    """The values after the change, those that are not given as before."""
    values = dict(before)
    for name in sorted(set(data_dict) - _KNOWN):
        errors[name] = [rules.message("unknown-field", name=name)]
    for name, rule in _RULES.items():
        if name not in data_dict:
            continue
        given = data_dict[name]
        try:
            values[name] = _EMPTY.get(name, "") if given in (None, "", {}) else rule(given)
        except RuleError as broken:
            errors[name] = [str(broken)]
    for name, slug in _NEEDED.items():
        if not values.get(name) and name not in errors:
            errors[name] = [rules.message(slug)]
    if values.get("status") == DECLINED and not values.get("answer") and "answer" not in errors:
        errors["answer"] = [tk._("Say why the recommendation is declined.")]
    return values


def _commitments(context: Context, given: Any, errors: dict[str, Any]) -> list[str]:
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        errors["commitments"] = [rules.message("not-list")]
        return []
    found: list[str] = []
    for name in given:
        if not name:
            continue
        # People paste the page's address.
        package = model.Package.get(str(name).rstrip("/").rsplit("/", 1)[-1])
        try:
            if package is None or package.state != "active":
                raise tk.ObjectNotFound
            tk.check_access("package_show", {"user": context.get("user") or ""}, {"id": package.id})
        except (tk.NotAuthorized, tk.ObjectNotFound):
            errors["commitments"] = [rules.message("dataset-unknown", value=str(name))]
            continue
        assert package is not None
        if package.type != "commitment":
            errors["commitments"] = [rules.message("dataset-type", value=package.name, type="commitment")]
        elif package.id not in found:
            found.append(package.id)
    return found


def _write(context: Context, found: Recommendation, values: Mapping[str, Any]) -> None:
    before = (found.answer or {}, found.status)
    for name, value in values.items():
        setattr(found, "organization_id" if name == "organization" else name, value)
    if values.get("answer") and (found.answer, found.status) != before:
        found.answered_at = now()
    if not values.get("answer"):
        found.answered_at = None
    found.modified_at, found.modified_by = now(), user_id(context)


def ogptn_commitment_recommendation_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Record a recommendation; the stewards of the organisation that is addressed get a mail.

    :param text: ``{language: text}``, at least one
    :param source: code of ``recommendation_sources``
    :param source_name: optional, the body's own name
    :param source_url: optional web address of what it said
    :param organization: name or id of the organisation that is addressed
    :param received_on: optional day, month or year
    :param status: optional code of ``recommendation_statuses``; ``open`` by default
    :param answer: optional ``{language: text}``
    :param commitments: optional list of names or ids of commitments
    :returns: as `ogptn_commitment_recommendation_show`
    :raises NotAuthorized: the caller does not coordinate
    :raises ValidationError: a value is wrong or missing
    """
    tk.check_access("ogptn_commitment_recommendation_create", context, data_dict)
    errors: dict[str, Any] = {}
    values = _clean(data_dict, dict.fromkeys(_RULES, "") | _EMPTY, errors)
    commitments = _commitments(context, data_dict.get("commitments") or [], errors)
    if errors:
        raise tk.ValidationError(errors)
    found = Recommendation(created_by=user_id(context))
    _write(context, found, values)
    model.Session.add(found)
    model.Session.flush()
    RecommendedFor.replace(found.id, commitments)
    model.repo.commit()
    mails.recorded(found)
    return _shown(context, found)


def ogptn_commitment_recommendation_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change a recommendation; what is not given stays as it is.

    Coordinators change everything; editors of the organisation that is addressed change ``answer`` and ``status``, and the coordinators
    get a mail.

    :param id: its id
    :param version: optional, the version that was read; another one by now is an error
    :returns: as `ogptn_commitment_recommendation_show`. The other parameters are those of `ogptn_commitment_recommendation_create`.
    :raises NotFound: there is no such recommendation
    :raises NotAuthorized: the caller neither coordinates nor is an editor of the organisation
    :raises ValidationError: a value is wrong, or only coordinators may change it
    """
    tk.check_access("ogptn_commitment_recommendation_update", context, data_dict)
    found = _of(data_dict, lock=True)
    try:
        if data_dict.get("version") not in (None, "") and str(data_dict["version"]) != str(found.version):
            raise tk.ValidationError({"version": [tk._("Somebody else changed this recommendation meanwhile. Open it again.")]})
        errors: dict[str, Any] = {}
        coordinator = coordinates(context)
        before = {name: getattr(found, "organization_id" if name == "organization" else name) or _EMPTY.get(name, "") for name in _RULES}
        values = _clean(data_dict, before, errors)
        linked = [package.id for package in RecommendedFor.of([found.id])[found.id]]
        commitments = _commitments(context, data_dict["commitments"], errors) if "commitments" in data_dict else linked
        if not coordinator:
            changed = {name for name in values if name not in _ANSWER and values[name] != before[name]}
            changed |= {"commitments"} if sorted(commitments) != sorted(linked) else set()
            for name in changed:
                errors[name] = [tk._("Only the coordinators may change this. You may change the answer and the status.")]
        if errors:
            raise tk.ValidationError(errors)
        _write(context, found, values)
        found.version += 1
        if "commitments" in data_dict and coordinator:
            RecommendedFor.replace(found.id, commitments)
        model.repo.commit()
    except tk.ValidationError:
        model.Session.rollback()
        raise
    if not coordinator:
        mails.answered(found)
    return _shown(context, found)


def ogptn_commitment_recommendation_delete(context: Context, data_dict: DataDict) -> None:
    """Delete a recommendation that was recorded by mistake, for good.

    :param id: its id
    :raises NotFound: there is no such recommendation
    :raises NotAuthorized: the caller does not coordinate
    """
    tk.check_access("ogptn_commitment_recommendation_delete", context, data_dict)
    model.Session.delete(_of(data_dict))
    model.repo.commit()


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {
        "ogptn_commitment_recommendation_create": ogptn_commitment_recommendation_create,
        "ogptn_commitment_recommendation_delete": ogptn_commitment_recommendation_delete,
        "ogptn_commitment_recommendation_list": ogptn_commitment_recommendation_list,
        "ogptn_commitment_recommendation_show": ogptn_commitment_recommendation_show,
        "ogptn_commitment_recommendation_update": ogptn_commitment_recommendation_update,
    }
