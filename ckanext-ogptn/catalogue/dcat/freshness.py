"""Whether what is kept of a dataset is what would be written now.

A dataset's statements are made from: the record (its ``metadata_modified``), the address and the reachability of the organisations that it
names, whether the datasets that it links to are public, and what is the same for all (the code's version, the profiles, the schemas, the
addresses of the site and of vocabulary terms). All of it goes into one fingerprint, kept beside the statements and compared before they are
given out. Titles of organisations and labels of terms are no part of a dataset's statements: they are written anew into each document.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.plugins import DefaultPermissionLabels, get_permission_labels

from .. import vocabulary
from ..schemas import TYPES
from . import addresses
from .references import organization_of
from .writer import VERSION, schema

#: Types that are no datasets (ckanext-harvest, ckanext-showcase), as ckanext-dcat leaves them out.
NOT_DATASETS = ("harvest", "showcase")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str, ensure_ascii=False).encode()).hexdigest()


def _addresses_of_terms(name: str) -> dict[str, str | None]:
    return {code: term.uri for code, term in vocabulary.get(name).terms.items()}


@functools.cache
def _fixed() -> str:
    """What a running process cannot change: its code, its schemas, the vocabularies that standards fix."""
    fixed = {name: _addresses_of_terms(name) for name in vocabulary.names() if not vocabulary.get(name).editable}
    return _digest([VERSION, {name: schema(name) for name in TYPES}, fixed])


def of_all() -> str:
    """The digest of what is the same for all datasets."""
    editable = {name: _addresses_of_terms(name) for name in vocabulary.names() if vocabulary.get(name).editable}
    site = [tk.config.get(name) for name in ("ckan.site_url", "ckan.root_path", "ckanext.dcat.rdf.profiles")]
    return _digest([_fixed(), addresses.base(), site, editable])


class Now:
    """The state of what fingerprints depend on, read once and only as far as it is asked for. Must not outlive a request or a batch."""

    def __init__(self) -> None:
        self._labels = get_permission_labels()
        self._organizations: dict[str, str | None] = {}
        self._public: dict[str, bool] = {}

    @functools.cached_property
    def all(self) -> str:
        """The digest of what is the same for all datasets."""
        return of_all()

    @property
    def asks_each(self) -> bool:
        """Whether a plugin decides, dataset by dataset, who sees what."""
        return type(self._labels) is not DefaultPermissionLabels

    def learn(self, packages: Iterable[str] = (), organizations: Iterable[str] = ()) -> None:
        """Read what is not known yet of these ids, in one query for each kind."""
        unknown = [one for one in set(packages) if one not in self._public]
        for start in range(0, len(unknown), _BATCH):
            self._public |= self._visibility(unknown[start : start + _BATCH])
        groups = [one for one in set(organizations) if one not in self._organizations]
        if groups:
            self._organizations |= dict.fromkeys(groups)
            columns: Any = (model.Group.id, model.Group.extras)  # pyright: ignore[reportAttributeAccessIssue] - mapped by CKAN
            query = model.Session.query(*columns).filter(model.Group.id.in_(groups))
            for group in query.filter(model.Group.is_organization.is_(True), model.Group.state == "active"):
                found = organization_of(group)
                self._organizations[group.id] = f"{found.address} {found.reachable}"

    def _visibility(self, ids: list[str]) -> dict[str, bool]:
        known = dict.fromkeys(ids, False)
        if self.asks_each:
            # As CKAN's search does when it indexes.
            for package in model.Session.query(model.Package).filter(model.Package.id.in_(ids), *_published()):
                known[package.id] = "public" in self._labels.get_dataset_labels(package)
        else:
            known |= dict.fromkeys(
                (row[0] for row in model.Session.query(model.Package.id).filter(model.Package.id.in_(ids), *_published())), True
            )
        return known

    def is_public(self, package_id: str) -> bool:
        """Whether everybody may see a dataset."""
        self.learn(packages=[package_id])
        return self._public[package_id]

    def seen_public(self, ids: Iterable[str]) -> None:
        """Datasets that a query found to be published; where a plugin decides, it is asked all the same."""
        if not self.asks_each:
            self._public |= dict.fromkeys(ids, True)

    def fingerprint(self, modified: Any, organizations: Iterable[str], datasets: Iterable[str]) -> str:
        """Of a dataset that was last changed at ``modified`` (CKAN's ``metadata_modified``) and refers to these."""
        organizations, datasets = sorted(organizations), sorted(datasets)
        if not all(one in self._organizations for one in organizations) or not all(one in self._public for one in datasets):
            self.learn(datasets, organizations)
        parts = [self.all, modified.isoformat() if hasattr(modified, "isoformat") else str(modified)]
        parts += [f"{group}={self._organizations[group]}" for group in organizations]
        parts += [f"{package}={self._public[package]}" for package in datasets]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


_BATCH = 500


def _published() -> tuple[Any, ...]:
    return (model.Package.state == "active", model.Package.private.is_(False), model.Package.type.not_in(NOT_DATASETS))


def public_ids(now: Now | None = None) -> list[str]:
    """Ids of the datasets that everybody may see, sorted."""
    found = [row[0] for row in model.Session.query(model.Package.id).filter(*_published()).order_by(model.Package.id)]
    now = now or Now()
    now.seen_public(found)
    now.learn(packages=found)
    return [one for one in found if now.is_public(one)]
