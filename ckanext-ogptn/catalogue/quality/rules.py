"""The metadata quality assessment of data.europa.eu (MQA): 23 indicators in five dimensions, 405 points.

Pure functions of a dataset as ``package_show`` answers it and of what is known of its links. What counts is what is published: a media
type that is derived from the format, dates that the portal adds by itself. Of several files the best counts, indicator by indicator, as the
method has it. Whether a link works is known from checks that ran before (:mod:`.links`); a link that was never checked earns nothing yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import vocabulary

Package = Mapping[str, Any]
File = Mapping[str, Any]

DIMENSIONS = ("findability", "accessibility", "interoperability", "reusability", "contextuality")
#: Points from which a rating is given.
RATINGS = ((351, "excellent"), (221, "good"), (121, "sufficient"), (0, "bad"))
_EU_LICENCES = "http://publications.europa.eu/resource/authority/licence/"
#: Formats behind whose address there is a page or a service, not a file.
_NOT_FILES = frozenset({"HTML", "WMS_SRVC", "WFS_SRVC", "API", "SPARQLQ"})


@dataclass(frozen=True)
class Indicator:
    """One thing that the method looks at. ``slug`` does not change; ``holds`` is None where links decide."""

    slug: str
    dimension: str
    points: int
    holds: Callable[[Package, File], bool] | Callable[[Package], bool] | None
    of_file: bool = False


def _has(*names: str) -> Callable[[Package], bool]:
    return lambda package: any(package.get(name) not in (None, "", [], {}) for name in names)


def _keywords(package: Package) -> bool:
    return any((package.get("tags_translated") or {}).values()) or bool(package.get("tags"))


def _contact(package: Package) -> bool:
    return _has("contact")(package) or bool(package.get("__organization_reachable"))


def _format(_package: Package, file: File) -> bool:
    return bool(file.get("format"))


def _term(file: File) -> vocabulary.Term | None:
    return vocabulary.get("file_types").find(str(file.get("format") or ""))


def _media_type(_package: Package, file: File) -> bool:
    term = _term(file)
    return bool(file.get("mimetype") or (term and term.more.get("media_type")))


def _from_vocabulary(package: Package, file: File) -> bool:
    return _term(file) is not None and _media_type(package, file)


def _flag(name: str) -> Callable[[Package, File], bool]:
    return lambda _package, file: bool((term := _term(file)) and term.more.get(name))


def _licence_of(package: Package, file: File) -> str:
    return str(file.get("license") or package.get("license_id") or "")


def _licence(package: Package, file: File) -> bool:
    return bool(_licence_of(package, file))


def _known_licence(package: Package, file: File) -> bool:
    term = vocabulary.get("licences").find(_licence_of(package, file)) if _licence_of(package, file) else None
    return bool(term and term.uri and term.uri.startswith(_EU_LICENCES))


def download_address(file: File) -> str | None:
    """Where a file can be fetched; None for a page or a service."""
    address = str(file.get("url") or "")
    uploaded = file.get("url_type") in ("upload", "datastore")
    return address if "://" in address and (uploaded or (file.get("format") and file["format"] not in _NOT_FILES)) else None


def _download(_package: Package, file: File) -> bool:
    return download_address(file) is not None


def _size(_package: Package, file: File) -> bool:
    return str(file.get("size") or "").isdigit()


def _rights(package: Package, _file: File) -> bool:
    return bool(package.get("access_rights"))


INDICATORS: tuple[Indicator, ...] = (
    Indicator("keywords", "findability", 30, _keywords),
    Indicator("categories", "findability", 30, _has("theme")),
    Indicator("geo-search", "findability", 20, _has("governorates", "spatial", "spatial_text")),
    Indicator("time-search", "findability", 20, _has("temporal_coverage", "fiscal_years")),
    Indicator("access-url-works", "accessibility", 50, None, of_file=True),
    Indicator("download-url", "accessibility", 20, _download, of_file=True),
    Indicator("download-url-works", "accessibility", 30, None, of_file=True),
    Indicator("format", "interoperability", 20, _format, of_file=True),
    Indicator("media-type", "interoperability", 10, _media_type, of_file=True),
    Indicator("format-vocabulary", "interoperability", 10, _from_vocabulary, of_file=True),
    Indicator("non-proprietary", "interoperability", 20, _flag("open"), of_file=True),
    Indicator("machine-readable", "interoperability", 20, _flag("machine"), of_file=True),
    # Always: what we publish is valid, whatever the record lacks (tests/catalogue/dcat/test_standard.py).
    Indicator("dcat-ap-valid", "interoperability", 30, lambda _package: True),
    Indicator("licence", "reusability", 20, _licence, of_file=True),
    Indicator("known-licence", "reusability", 10, _known_licence, of_file=True),
    Indicator("access-rights", "reusability", 10, _has("access_rights")),
    Indicator("access-rights-vocabulary", "reusability", 5, _has("access_rights")),
    Indicator("contact-point", "reusability", 20, _contact),
    Indicator("publisher", "reusability", 10, _has("publisher", "owner_org")),
    Indicator("rights", "contextuality", 5, _rights, of_file=True),
    Indicator("file-size", "contextuality", 5, _size, of_file=True),
    Indicator("issued", "contextuality", 5, _has("issued", "metadata_created")),
    Indicator("modified", "contextuality", 5, _has("modified", "metadata_modified")),
)
TOTAL = sum(indicator.points for indicator in INDICATORS)
BY_SLUG = {indicator.slug: indicator for indicator in INDICATORS}


@dataclass(frozen=True)
class Assessment:
    """Points by slug, and the addresses that the points for working links depend on."""

    earned: Mapping[str, int]
    access: tuple[str, ...]
    download: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For storage: ``{"earned": {slug: points}, "access": [address], "download": [address]}``."""
        return {"earned": dict(self.earned), "access": list(self.access), "download": list(self.download)}


def assess(package: Package) -> Assessment:
    """Everything but the working of links.

    :param package: with ``__organization_reachable`` true when its organisation has an address for readers
    """
    files = [file for file in package.get("resources") or () if isinstance(file, Mapping)]
    earned: dict[str, int] = {}
    for indicator in INDICATORS:
        holds: Any = indicator.holds
        if holds is None:
            earned[indicator.slug] = 0
        elif indicator.of_file:
            earned[indicator.slug] = indicator.points if any(holds(package, file) for file in files) else 0
        else:
            earned[indicator.slug] = indicator.points if holds(package) else 0
    access = tuple(str(file["url"]) for file in files if "://" in str(file.get("url") or ""))
    return Assessment(earned, access, tuple(address for file in files if (address := download_address(file))))


def with_links(stored: Mapping[str, Any], works: Callable[[str], bool | None]) -> dict[str, int]:
    """Points by slug of a stored assessment with what is known of its links: of several the best counts.

    :param works: address → whether it works; None when it was never checked
    """
    earned = dict(stored["earned"])
    for slug, addresses in (("access-url-works", stored["access"]), ("download-url-works", stored["download"])):
        earned[slug] = BY_SLUG[slug].points if any(works(address) for address in addresses) else 0
    return earned


def by_dimension(earned: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """``{dimension: {"points", "of"}}``."""
    found = {name: {"points": 0, "of": 0} for name in DIMENSIONS}
    for indicator in INDICATORS:
        found[indicator.dimension]["points"] += earned.get(indicator.slug, 0)
        found[indicator.dimension]["of"] += indicator.points
    return found


def rating(points: float) -> str:
    """``excellent``, ``good``, ``sufficient`` or ``bad``."""
    return next(name for least, name in RATINGS if points >= least)


def fix_first(all_earned: Iterable[Mapping[str, int]], most: int = 5) -> list[dict[str, Any]]:
    """The indicators that would bring most points over many datasets: ``[{"slug", "datasets", "points"}]``, the most first."""
    datasets, points = Counter[str](), Counter[str]()
    for earned in all_earned:
        for indicator in INDICATORS:
            missing = indicator.points - earned.get(indicator.slug, 0)
            if missing:
                datasets[indicator.slug] += 1
                points[indicator.slug] += missing
    ranked = sorted(points, key=lambda slug: (-points[slug], slug))
    return [{"slug": slug, "datasets": datasets[slug], "points": points[slug]} for slug in ranked[:most]]
