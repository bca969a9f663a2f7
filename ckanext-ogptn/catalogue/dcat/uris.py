"""``IDCATURIGenerator``: our addresses for ckanext-dcat, whatever address a record says it has elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.dcat.utils import dataset_id_from_resource

from . import addresses
from .lookups import DatabaseLookups


def dataset(package: Mapping[str, Any], default: str) -> str:
    """By id. ckanext-dcat would take an address that the record was harvested with: two portals would describe one thing differently."""
    return str(addresses.dataset(str(package["id"]))) if package.get("id") else default


def resource(resource: Mapping[str, Any], default: str) -> str:
    """By the ids of the file and of its dataset."""
    package_id = resource.get("package_id") or dataset_id_from_resource(dict(resource))
    return str(addresses.resource(str(package_id), str(resource["id"]))) if package_id and resource.get("id") else default


def publisher(package: Mapping[str, Any], default: str) -> str:
    """The owner's permanent address."""
    owner = package.get("owner_org") or (package.get("organization") or {}).get("id")
    found = DatabaseLookups().organization(str(owner)) if owner else None
    return str(found.address) if found else default
