"""The quality of the metadata, for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ..dcat import addresses
from ..dcat.lookups import DatabaseLookups
from ..dcat.model import KeptStatements, table_exists
from . import links, rules
from .sentences import sentence


def advice(slug: str) -> str:
    """What to do to earn an indicator's points, in the reader's language."""
    return {
        "keywords": tk._("Add keywords."),
        "categories": tk._("Choose a theme."),
        "geo-search": tk._("Choose the governorates covered."),
        "time-search": tk._("Give the period covered."),
        "access-url-works": tk._("Repair the link to a file, or wait until it has been checked."),
        "download-url": tk._("Add a file that can be downloaded, not only a page."),
        "download-url-works": tk._("Repair the download of a file, or wait until it has been checked."),
        "format": tk._("Choose the format of the file."),
        "media-type": tk._("Choose a format or media type that programs know."),
        "format-vocabulary": tk._("Choose the format and the media type from the lists."),
        "non-proprietary": tk._("Add the data in an open format, such as CSV."),
        "machine-readable": tk._("Add the data in a format that programs can read, such as CSV."),
        "dcat-ap-valid": tk._("Correct the description until it follows the standard."),
        "licence": tk._("Choose a licence."),
        "known-licence": tk._("Choose a licence that is known internationally, such as Creative Commons Attribution 4.0."),
        "access-rights": tk._("Say whether the data are public."),
        "access-rights-vocabulary": tk._("Choose the access rights from the list."),
        "contact-point": tk._("Give a contact for questions."),
        "publisher": tk._("Name the publisher."),
        "rights": tk._("Say whether the data are public, and add a file."),
        "file-size": tk._("Give the size of the file."),
        "issued": tk._("Give the date of first publication."),
        "modified": tk._("Give the date of the last change."),
    }[slug]


def dimension_label(name: str) -> str:
    """A dimension's name in the reader's language."""
    return {
        "findability": tk._("Findability"),
        "accessibility": tk._("Accessibility of the data"),
        "interoperability": tk._("Interoperability"),
        "reusability": tk._("Reusability"),
        "contextuality": tk._("Context"),
    }[name]


def rating_label(name: str) -> str:
    """A rating in the reader's language."""
    return {
        "excellent": tk._("Excellent"),
        "good": tk._("Good"),
        "sufficient": tk._("Sufficient"),
        "bad": tk._("Insufficient"),
    }[name]


def _checks(stored: list[Mapping[str, Any]]) -> dict[str, links.LinkCheck]:
    return links.known(address for one in stored for address in one["access"]) if table_exists() else {}


def _works(checks: Mapping[str, links.LinkCheck]) -> Callable[[str], bool | None]:
    return lambda address: checks[address].works if address in checks else None


@tk.side_effect_free
def ogptn_quality_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """The quality of a dataset's metadata by the method of data.europa.eu.

    :param id: id or name of a dataset
    :returns: ``{"points", "of": 405, "rating", "rating_label", "dimensions": [{"name", "label", "points", "of"}],
        "indicators": [{"slug", "dimension", "points", "of", "advice"?}],
        "links": [{"url", "checked", "status", "problem", "sentence", "works", "history"}]}``; ``advice`` where
        points are missing, the most valuable first; ``sentence`` says in the reader's language what was wrong, empty where a link works
    :raises NotFound: there is no such dataset
    :raises NotAuthorized: the caller may not see it
    """
    tk.check_access("ogptn_quality_show", context, data_dict)
    package = tk.get_action("package_show")(tk.fresh_context(context), {"id": tk.get_or_bust(data_dict, "id")})
    package = addresses.without_language(package)
    owner = DatabaseLookups().organization(package["owner_org"]) if package.get("owner_org") else None
    stored = rules.assess(
        {**addresses.without_language(package), "__organization_reachable": owner is not None and owner.reachable}
    ).as_dict()
    checks = _checks([stored])
    earned = rules.with_links(stored, _works(checks))
    points = sum(earned.values())
    indicators = []
    for indicator in sorted(rules.INDICATORS, key=lambda one: earned[one.slug] - one.points):
        one: dict[str, Any] = {"slug": indicator.slug, "dimension": indicator.dimension}
        one |= {"points": earned[indicator.slug], "of": indicator.points}
        if earned[indicator.slug] < indicator.points:
            # Of a record without files nothing can be repaired, and every point of a file needs one first.
            one["advice"] = advice("download-url" if indicator.of_file and not package.get("resources") else indicator.slug)
        indicators.append(one)
    return {
        "id": package["id"],
        "points": points,
        "of": rules.TOTAL,
        "rating": rules.rating(points),
        "rating_label": rating_label(rules.rating(points)),
        "dimensions": [{"name": name, "label": dimension_label(name), **found} for name, found in rules.by_dimension(earned).items()],
        "indicators": indicators,
        "links": [
            {
                "url": check.url,
                "checked": check.checked.isoformat() if check.checked else None,
                "status": check.status,
                "problem": check.problem,
                "sentence": sentence(check.url, check.status, check.problem),
                "works": check.works,
                "history": check.history,
            }
            for check in checks.values()
        ],
    }


@tk.side_effect_free
def ogptn_quality_summary(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """The quality of the public datasets of an organisation, or of all, as last written by the worker.

    :param organization: optional id or name; without it the whole catalogue
    :returns: ``{"datasets", "points": average, "of": 405, "rating", "ratings": {rating: datasets},
        "dimensions": [{"name", "label", "points": average, "of"}],
        "fix_first": [{"slug", "advice", "datasets", "points"}]}``; ``fix_first``: what would bring most points in all
    :raises NotFound: there is no such organisation
    """
    tk.check_access("ogptn_quality_summary", context, data_dict)
    query = model.Session.query(KeptStatements.quality).join(model.Package, model.Package.id == KeptStatements.package_id)
    query = query.filter(KeptStatements.gone.is_(None), KeptStatements.quality.is_not(None), model.Package.state == "active")
    query = query.filter(model.Package.private.is_(False))
    if data_dict.get("organization"):
        group = model.Group.get(str(data_dict["organization"]))
        if group is None or not group.is_organization or group.state != "active":
            raise tk.ObjectNotFound(tk._("There is no organisation of this name."))
        query = query.filter(model.Package.owner_org == group.id)
    stored = [row[0] for row in query] if table_exists() else []
    works = _works(_checks(stored))
    earned = [rules.with_links(one, works) for one in stored]
    totals = [sum(one.values()) for one in earned]
    ratings = {name: 0 for _least, name in rules.RATINGS}
    dimensions = {name: {"points": 0.0, "of": found["of"]} for name, found in rules.by_dimension({}).items()}
    for one, total in zip(earned, totals, strict=True):
        ratings[rules.rating(total)] += 1
        for name, found in rules.by_dimension(one).items():
            dimensions[name]["points"] += found["points"] / len(earned)
    average = sum(totals) / len(totals) if totals else 0.0
    return {
        "datasets": len(earned),
        "points": round(average, 1),
        "of": rules.TOTAL,
        "rating": rules.rating(average),
        "ratings": ratings,
        "dimensions": [
            {"name": name, "label": dimension_label(name), "points": round(found["points"], 1), "of": found["of"]}
            for name, found in dimensions.items()
        ],
        "fix_first": [{**one, "advice": advice(one["slug"])} for one in rules.fix_first(earned)],
    }


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {"ogptn_quality_show": ogptn_quality_show, "ogptn_quality_summary": ogptn_quality_summary}


def for_editor(package: Mapping[str, Any]) -> dict[str, Any] | None:
    """A dataset's quality for its page; None for a reader who cannot change the dataset.

    :returns: as :func:`ogptn_quality_show`, with ``advice``: ``[{"text", "points"}]``, each text once, the most valuable first
    """
    if package.get("state") == "deleted" or not tk.current_user.is_authenticated:
        return None
    if not tk.h.check_access("package_update", {"id": package["id"]}):
        return None
    quality = tk.get_action("ogptn_quality_show")({}, {"id": package["id"]})
    worth = Counter[str]()
    for indicator in quality["indicators"]:
        if "advice" in indicator:
            worth[indicator["advice"]] += indicator["of"] - indicator["points"]
    return {**quality, "advice": [{"text": text, "points": points} for text, points in worth.most_common()]}


def get_helpers() -> dict[str, Callable[..., Any]]:
    """The helpers by name."""
    return {"ogptn_quality": for_editor}
