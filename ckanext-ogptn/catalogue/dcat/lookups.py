"""What a dataset's statements need to know of other records, from the database, asked once each."""

from __future__ import annotations

from ckan import model

from .references import organization_of
from .writer import Organization


class DatabaseLookups:
    """Short-lived: keeps what it found, and so must not outlive the request or the batch that it was made for."""

    def __init__(self) -> None:
        self._organizations: dict[str, Organization | None] = {}
        self._public: dict[str, bool] = {}

    def organization(self, group_id: str) -> Organization | None:
        """An active organisation, by id."""
        if group_id not in self._organizations:
            group = model.Session.get(model.Group, group_id)
            known = group is not None and group.state == "active" and group.is_organization
            self._organizations[group_id] = organization_of(group) if group is not None and known else None
        return self._organizations[group_id]

    def is_public(self, package_id: str) -> bool:
        """Whether a dataset is published and not private, by id."""
        if package_id not in self._public:
            row = model.Session.query(model.Package.state, model.Package.private).filter(model.Package.id == package_id).first()
            self._public[package_id] = row is not None and row[0] == "active" and not row[1]
        return self._public[package_id]
