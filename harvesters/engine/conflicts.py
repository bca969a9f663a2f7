"""One dataset that two sources offer: found by the same identifier, or by the same files.

Republished datasets are common: the national portal harvests the ministries' portals, and both are harvested here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model

from .model import HarvestRecord, Source


@dataclass(frozen=True)
class Other:
    """The dataset as another source has it.

    :param owner_org: the organisation that the dataset belongs to: another's source may not write it, whatever its settings say
    :param title: ``""`` if not everybody may see the dataset
    :param orphaned: its source was removed here, and nobody harvests it any more
    :param written: marks of what that source wrote: what differs from them was changed here
    """

    record_id: int
    package_id: str
    owner_org: str
    title: str
    source_title: str
    orphaned: bool = False
    written: dict[str, str] = field(default_factory=dict)

    @classmethod
    def _of(cls, found: Any) -> Other:
        row, source_title, orphaned, owner_org, hidden = found
        return cls(row.id, row.package_id, owner_org or "", "" if hidden else row.title, source_title, orphaned, row.written or {})


def find(source_id: str, offered: Sequence[tuple[HarvestRecord, dict[str, Any]]]) -> dict[str, Other]:
    """For each record that another source has already, that source's dataset: ``{record key: Other}``.

    The same dataset is one whose record there has the same guid, or whose files there have all the urls of the files here (and as many).

    :param offered: records with what they would become
    """
    if not offered:
        return {}
    keys = {row.key for row, _dataset in offered}
    by_key: dict[str, Other] = {}
    for found in model.Session.execute(_others(source_id).where(HarvestRecord.key.in_(keys))):
        by_key.setdefault(found[0].key, Other._of(found))
    wanted = {row.key: Counter(urls) for row, dataset in offered if row.key not in by_key and (urls := _urls(dataset))}
    return {**by_key, **_by_files(source_id, wanted)}


def _urls(dataset: dict[str, Any]) -> list[str]:
    urls = [str(resource.get("url") or "") for resource in dataset.get("resources") or ()]
    # One file without an address says nothing; a folder's address that many datasets share says little, which the number of files tells.
    return urls if urls and all(url.startswith(("http://", "https://")) for url in urls) else []


def _others(source_id: str) -> Any:
    package = model.package_table
    return (
        sa.select(HarvestRecord, Source.title, Source.deleted, package.c["owner_org"], package.c["private"])
        .join(Source, Source.id == HarvestRecord.source_id)
        .join(package, package.c["id"] == HarvestRecord.package_id)
        .where(
            HarvestRecord.source_id != source_id,
            HarvestRecord.state.in_(("active", "missing")),
            HarvestRecord.package_id.is_not(None),
        )
        .order_by(Source.deleted, HarvestRecord.id)
    )


def _by_files(source_id: str, wanted: dict[str, Counter[str]]) -> dict[str, Other]:
    urls = {url for each in wanted.values() for url in each}
    if not urls:
        return {}
    resource = model.resource_table
    packages = set(
        model.Session.scalars(
            sa.select(resource.c["package_id"]).where(resource.c["url"].in_(sorted(urls)), resource.c["state"] == "active").limit(5_000)
        )
    )
    if not packages:
        return {}
    others = {
        found[0].package_id: Other._of(found)
        for found in model.Session.execute(_others(source_id).where(HarvestRecord.package_id.in_(sorted(packages))))
    }
    if not others:
        return {}
    there: dict[str, Counter[str]] = defaultdict(Counter)
    for package_id, url in model.Session.execute(
        sa.select(resource.c["package_id"], resource.c["url"]).where(
            resource.c["package_id"].in_(sorted(others)), resource.c["state"] == "active"
        )
    ):
        there[package_id][url] += 1
    by_files = {frozenset(files.items()): others[package_id] for package_id, files in there.items()}
    return {key: by_files[frozenset(files.items())] for key, files in wanted.items() if frozenset(files.items()) in by_files}
