"""What a dataset's statements need to know of other records, from the database, asked once each."""

from __future__ import annotations

from ckan import model

from .freshness import Now
from .references import organization_of
from .writer import Organization


class DatabaseLookups:
    """Short-lived: keeps what it found, and so must not outlive the request or the batch that it was made for.

    :param now: what is known already of who sees what
    """

    def __init__(self, now: Now | None = None) -> None:
        self._now = now or Now()
        self._organizations: dict[str, Organization | None] = {}

    def organization(self, group_id: str) -> Organization | None:
        """An active organisation, by id."""
        if group_id not in self._organizations:
            group = model.Session.get(model.Group, group_id)
            known = group is not None and group.state == "active" and group.is_organization
            self._organizations[group_id] = organization_of(group) if group is not None and known else None
        return self._organizations[group_id]

    def is_public(self, package_id: str) -> bool:
        """Whether everybody may see a dataset, by id; where a plugin decides who sees what, it is asked."""
        return self._now.is_public(package_id)
