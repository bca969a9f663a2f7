"""From a translated record to the dataset that is written: identity of its resources, its name, what stewards changed here.

Pure functions over dicts; nothing here asks the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ckanext.ogptn.catalogue import text as t

from .writer import stable_id

#: Fields of a shown dataset that CKAN makes, or makes of others: they are nobody's edit.
_MADE = {
    "id",
    "type",
    "state",
    "name",
    "title",
    "notes",
    "tags",
    "num_tags",
    "num_resources",
    "organization",
    "metadata_created",
    "metadata_modified",
    "creator_user_id",
    "isopen",
    "license_title",
    "license_url",
    "relationships_as_subject",
    "relationships_as_object",
    "resources",
    "tracking_summary",
    "contacts_revision",
    "responsible_contacts",
    "level",
}
_MADE_OF_RESOURCE = {
    "id",
    "package_id",
    "position",
    "state",
    "created",
    "last_modified",
    "metadata_modified",
    "name",
    "description",
    "cache_url",
    "cache_last_updated",
    "mimetype_inner",
    "datastore_active",
    "datastore_contains_all_records_of_source_file",
    "url_type",
    "resource_type",
    "tracking_summary",
    # Worked out again from the file's content once it was read.
    "size",
    "hash",
    "mimetype",
}
#: Core texts that are an edit of their own where the type has no multilingual field for them.
_PLAIN = {"title": "title_translated", "notes": "notes_translated", "tags": "tags_translated"}


def digest(value: Any) -> str:
    """A short mark of a value: 64 bits of SHA-256 over its JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str).encode("utf-8", "replace")).hexdigest()[:16]


def fields(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a shown dataset that a person can edit: ``{name: value}``, those of resources as ``resources.<id>.<name>``."""
    found = {name: value for name, value in shown.items() if name not in _MADE and not _empty(value)}
    for plain, translated in _PLAIN.items():
        if translated not in shown and not _empty(shown.get(plain)):
            value = shown[plain]
            found[plain] = sorted(tag["name"] for tag in value) if plain == "tags" else value
    for resource in shown.get("resources") or ():
        made = _MADE_OF_RESOURCE if "name_translated" in resource else _MADE_OF_RESOURCE - {"name", "description"}
        for name, value in resource.items():
            if name not in made and not _empty(value):
                found[f"resources.{resource['id']}.{name}"] = value
    return found


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def marks(shown: Mapping[str, Any]) -> dict[str, str]:
    """What `edited` compares with later."""
    return {name: digest(value) for name, value in fields(shown).items()}


def edited(written: Mapping[str, str], shown: Mapping[str, Any]) -> dict[str, Any]:
    """What was changed here since the harvester wrote it: ``{field: value here}``, ``None`` for one that was emptied.

    :param written: `marks` of the dataset as it was written
    :param shown: the dataset as it is
    """
    if not written:
        return {}
    now = fields(shown)
    changed = {name: value for name, value in now.items() if written.get(name) != digest(value)}
    there = {f"resources.{resource['id']}." for resource in shown.get("resources") or ()}
    for name in written:
        # A resource that was taken away here is no field that was emptied.
        if name not in now and (not name.startswith("resources.") or any(name.startswith(prefix) for prefix in there)):
            changed[name] = None
    return changed


def keep_edits(dataset: dict[str, Any], edits: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Put what was changed here into the dataset that the source offers.

    :param dataset: as translated, its resources with their ids; is changed
    :param shown: the dataset as it is here: resources that were added here are kept
    :returns: what the source says of those fields: ``{field: value, None if it has none}``
    """
    offered: dict[str, Any] = {}
    resources = {resource["id"]: resource for resource in dataset.get("resources") or () if resource.get("id")}
    for name, value in edits.items():
        if not name.startswith("resources."):
            offered[name] = dataset.get(name)
            target, key = dataset, name
            if name == "tags" and value is not None:
                value = [{"name": tag} for tag in value]
        else:
            _, resource_id, key = name.split(".", 2)
            target = resources.get(resource_id)
            if target is None:
                continue
            offered[name] = target.get(key)
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value
    added = {name.split(".", 2)[1] for name in edits if name.startswith("resources.")}
    for resource in shown.get("resources") or ():
        if resource["id"] in added and resource["id"] not in resources and _added_here(resource["id"], edits, shown):
            dataset.setdefault("resources", []).append(dict(resource))
    return offered


def _added_here(resource_id: str, edits: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Whether every field of the resource is an edit: then a person made it."""
    prefix = f"resources.{resource_id}."
    return all(name in edits for name in fields(shown) if name.startswith(prefix))


def resource_keys(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each resource is known by at its source: its guid, else its url; a repeated one gets a number."""
    counted: dict[str, int] = {}
    keys = []
    for resource in resources:
        base = f"guid:{resource['guid']}" if resource.get("guid") else f"url:{resource.get('url') or ''}"
        counted[base] = counted.get(base, 0) + 1
        keys.append(base if counted[base] == 1 else f"{base}#{counted[base]}")
    return keys


def match_resources(
    package_id: str, offered: Sequence[dict[str, Any]], known: Mapping[str, str], there: Sequence[Mapping[str, Any]]
) -> list[str]:
    """The id of each resource: what is there keeps its id, found by the source's id, then url, then position and name.

    :param known: ``{key at the source: id here}`` from the last write
    :param there: the resources of the dataset as shown, in order
    """
    keys = resource_keys(offered)
    free = {resource["id"]: resource for resource in there}
    ids: list[str | None] = [None] * len(offered)

    def take(place: int, resource_id: str | None) -> None:
        if resource_id is not None and resource_id in free:
            ids[place] = resource_id
            del free[resource_id]

    for place, key in enumerate(keys):
        take(place, known.get(key))
    for place, resource in enumerate(offered):
        if ids[place] is None and resource.get("url"):
            take(place, next((other for other, each in free.items() if each.get("url") == resource["url"]), None))
    positions = {resource["id"]: place for place, resource in enumerate(there)}
    for place, resource in enumerate(offered):
        if ids[place] is None:
            take(place, next((other for other, each in free.items() if positions[other] == place and _name(each) == _name(resource)), None))
    return [ids[place] or stable_id(package_id, "resource", key) for place, key in enumerate(keys)]


def _name(resource: Mapping[str, Any]) -> Any:
    return resource.get("name_translated") or resource.get("name") or ""


def name_candidate(dataset: Mapping[str, Any], record_title: str) -> str:
    """The name that a new dataset should have: the backend's wish if it can be one, else made of the title."""
    wish = str(dataset.get("name") or "")
    titles = dataset.get("title_translated")
    title = t.pick(titles, "fr", "en", "ar") if isinstance(titles, dict) else str(dataset.get("title") or record_title)
    made = t.slug(wish or title or record_title, str(dataset.get("type") or "dataset"))
    return made[:100]


def free_name(wanted: str, taken: set[str]) -> str:
    """The name, or the first free one with a number; is added to ``taken``."""
    name, number = wanted, 2
    while name in taken:
        name, number = t.numbered(wanted, number), number + 1
    taken.add(name)
    return name
