"""Reading sources in tests: a backend's records and what they become, with the problems that it reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ckanext.ogptn.harvesters.engine.base import Backend, Cursor, HttpSettings, Record, SourceInfo  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.engine.http import Client
from ckanext.ogptn.harvesters.engine.problems import Issue


@dataclass
class Reading:
    """One pass over a source.

    :ivar datasets: by guid
    :ivar order: guids as they came
    """

    records: dict[str, Record] = field(default_factory=dict)
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    cursor: Cursor = field(default_factory=Cursor)

    @property
    def hashes(self) -> dict[str, str]:
        return {guid: record.hash for guid, record in self.records.items()}

    def slugs(self, guid: str | None = None) -> list[str]:
        return sorted(issue.slug for issue in self.issues if guid is None or issue.guid == guid)

    def only(self) -> dict[str, Any]:
        (dataset,) = self.datasets.values()
        return dataset


def read(
    kind: type[Backend], url: str, *, options: dict[str, Any] | None = None, state: dict[str, Any] | None = None, language: str = "fr"
) -> Reading:
    """Read a source of this machine from end to end."""
    reading = Reading(cursor=Cursor(state=state))
    source = SourceInfo(id="source", url=url, title="Essai", language=language)
    backend = kind(source, kind.Options.load(options or {}), reading.issues.append)
    with Client(HttpSettings(base_url=url, allowed_hosts=("127.0.0.1",), retries=0, read_timeout=5)) as http:
        for record in backend.records(http, reading.cursor):
            reading.order.append(record.guid)
            reading.records[record.guid] = record
            record.parsed = None if len(reading.order) % 2 else record.parsed
            reading.datasets[record.guid] = backend.translate(record)
    return reading


@pytest.fixture
def accepted(clean_db: None) -> Any:
    """``accepted(dataset)``: create it, as a sysadmin, and return what ``package_show`` says: the portal's own validation is the judge."""
    from ckan.tests import factories, helpers

    sysadmin = factories.Sysadmin()
    organization = factories.Organization()

    def create(dataset: dict[str, Any], name: str) -> dict[str, Any]:
        data = {**dataset, "name": name, "owner_org": organization["id"]}
        data["resources"] = [{key: value for key, value in resource.items() if key != "guid"} for resource in data["resources"]]
        return helpers.call_action("package_create", {"user": sysadmin["name"]}, **data)

    return create
