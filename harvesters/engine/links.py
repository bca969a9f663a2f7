"""Links between records of different sources.

A backend says what a record is about in words of its source (`decide.Judge` keeps it with the record): ``links``, a list of ``{"field":
name of a field of ``ogptn_datasets``, "guid", "slug", "permit", "kinds"}``. After each pass they are looked for in the catalogue, in this
order, and the first that is found counts:

* ``guid``: the record of any source with this identifier;
* ``slug``: the dataset with this name, here or at its source;
* ``permit``: datasets of the type ``extractive`` of another source with a permit or concession of this name, however it is spelled
  (`permit_key`), and whose kind of record is one of ``kinds`` (``contract`` if none are named).

Only datasets that everybody may see are linked. A field is written when what it holds is not what was found, and only then: a pass after
which nothing is different writes nothing. What a person put into the field stays; a field that was changed here is left alone.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from ckan import model

from ckanext.ogptn.catalogue import text as t

from ..reading import titles
from . import plan
from .kinds import UNRESOLVED_LINK
from .model import HarvestRecord, record_key
from .problems import Issue, short
from .writer import Item, Outcome

if TYPE_CHECKING:
    from .run import Runner

#: Links of one record; more are none that a person would read.
LIMIT = 50
_TEXT = 500
_BY = ("guid", "slug", "permit")
#: Words before the name of a permit that are no part of it.
_GENERIC = set("permis permit convention concession contrat titre bloc block l le la les el du de des d رخصة امتياز اتفاقية".split())  # noqa: SIM905
_ARTICLES = frozenset("el al ed es ez en et er ech".split())  # noqa: SIM905
_LAND = {
    **dict.fromkeys(("jbel", "djebel", "djbel", "jabal", "dj"), "jebel"),
    **dict.fromkeys(("sebkha", "sebkhet", "sebkhat", "sabkha", "sabkhet", "sabkhat"), "sebkha"),
    **dict.fromkeys(("kodiat", "koudia", "koudiet", "koudiat", "kudiat"), "koudiat"),
}


def read(given: Any) -> list[dict[str, Any]]:
    """What a backend gave as ``links``, as it is stored: well-formed ones only, each once."""
    found: list[dict[str, Any]] = []
    for each in given if isinstance(given, (list, tuple)) else ():
        if not isinstance(each, Mapping) or not isinstance(each.get("field"), str):
            continue
        link: dict[str, Any] = {"field": each["field"]}
        for name in _BY:
            value = each.get(name)
            if isinstance(value, str) and value.strip():
                link[name] = value.replace("\x00", "").strip()[:_TEXT]
        kinds = each.get("kinds")
        if isinstance(kinds, (list, tuple)) and kinds:
            link["kinds"] = [str(kind)[:100] for kind in kinds][:20]
        if len(link) > 1 and link not in found:
            found.append(link)
    return found[:LIMIT]


def with_links(dataset: dict[str, Any], linked: Mapping[str, Sequence[str]]) -> None:
    """Put the links that were found for a record into the dataset that its source offers: they are part of what the harvester writes."""
    for name, ids in linked.items():
        dataset[name] = list(dict.fromkeys([*_ids(dataset.get(name)), *ids]))


def _ids(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []


class Found:
    """What links of one source may be found by: read once for all of them.

    :param source_id: whose records link: their own permits are no links to themselves
    :param links: of all its records
    """

    def __init__(self, source_id: str, links: Sequence[Mapping[str, Any]]) -> None:
        self.source_id = source_id
        self._guids = self._by_guid({link["guid"] for link in links if link.get("guid")})
        self._slugs = self._by_slug({link["slug"] for link in links if link.get("slug")})
        self._permits = self._by_permit() if any(link.get("permit") for link in links) else {}

    def of(self, link: Mapping[str, Any]) -> list[str]:
        """Ids of the datasets that a link means, in a lasting order; none if it means none."""
        return (
            self._guids.get(link.get("guid", ""), [])
            or self._slugs.get(link.get("slug", ""), [])
            or [
                package_id
                for package_id, kind in self._permits.get(permit_key(link.get("permit", "")), [])
                if kind in (link.get("kinds") or ("contract",))
            ]
        )

    @staticmethod
    def _seen(*columns: Any) -> Any:
        """Of datasets that everybody may see."""
        package = model.package_table
        return (
            sa.select(package.c["id"], *columns)
            .where(package.c["state"] == "active", sa.not_(package.c["private"]))
            .order_by(package.c["metadata_created"], package.c["id"])
        )

    def _by_guid(self, guids: set[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        if guids:
            keys = {record_key(guid): guid for guid in guids}
            query = self._seen(HarvestRecord.key).join(HarvestRecord, HarvestRecord.package_id == model.package_table.c["id"])
            for package_id, key in model.Session.execute(query.where(HarvestRecord.key.in_(keys), HarvestRecord.state == "active")):
                found[keys[key]].append(package_id)
        return found

    def _by_slug(self, slugs: set[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        if slugs:
            name = model.package_table.c["name"]
            # Where it has that name at its source, and another here, it is that one.
            query = self._seen(HarvestRecord.alias).join(HarvestRecord, HarvestRecord.package_id == model.package_table.c["id"])
            for package_id, alias in model.Session.execute(query.where(HarvestRecord.alias.in_(slugs), HarvestRecord.state == "active")):
                found[alias].append(package_id)
            for package_id, named in model.Session.execute(self._seen(name).where(name.in_(slugs - set(found)))):
                found[named].append(package_id)
        return found

    def _by_permit(self) -> dict[str, list[tuple[str, str]]]:
        extras, own = model.Package.extras, sa.exists().where(
            HarvestRecord.source_id == self.source_id, HarvestRecord.package_id == model.package_table.c["id"]
        )  # fmt: skip
        query = self._seen(extras["permits"].astext, extras["record_kind"].astext).where(
            model.package_table.c["type"] == "extractive", extras["permits"].astext.is_not(None), sa.not_(own)
        )
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for package_id, permits, kind in model.Session.execute(query):
            for key in _permit_keys(permits):
                found[key].append((package_id, kind or ""))
        return found


def _permit_keys(stored: str) -> set[str]:
    try:
        rows = json.loads(stored)
    except ValueError:
        return set()
    names = [row.get("name") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {key for name in names if isinstance(name, str) and (key := permit_key(name))}


def permit_key(name: str) -> str:
    """The name of a permit as it is compared: without what it is called in general (“permis”, “convention”, articles); ``""`` for none.

    Spellings are as `reading.titles.key` compares them. Nothing is guessed beyond that: “Hammamet Offshore” is not “Golfe de Hammamet”.
    """
    words = re.split(r"[\s'’_-]+", " ".join(name.split()))
    while words and t.without_accents(words[0].casefold()) in _GENERIC:
        words = words[1:]
    written = titles.named(" ".join(words)) if words else ""
    # Words of the land as they are written in French: "Jbel Essif", "Djebel Djerissa", "Sabkhet El Melah", "Kodiat el Koucha".
    plain = [_LAND.get(word, word) for word in re.split(r"[\s'’_-]+", t.without_accents(written.casefold()))]
    plain = [re.sub(r"^dj", "j", word) for at, word in enumerate(plain) if not at or word not in _ARTICLES]
    key = titles.key(" ".join(plain))
    # "El Jem", "El-Jem", "Eljem"; "El Kef", "Le Kef".
    return re.sub(r"^(?:el|al|le|la)(?=.{3})", "", key)


def resolve(runner: Runner) -> dict[str, int]:
    """After a pass: find what the source's records link to, and write the fields that are not so yet. Commits.

    :returns: ``{"found", "unresolved", "written"}``: links that were found, links that were not, datasets written; ``{}`` without links
    """
    counts = {"found": 0, "unresolved": 0, "written": 0}
    columns = (
        HarvestRecord.id,
        HarvestRecord.guid,
        HarvestRecord.title,
        HarvestRecord.package_id,
        HarvestRecord.links,
        HarvestRecord.linked,
    )
    rows = list(
        model.Session.execute(
            sa.select(*columns)
            .where(
                HarvestRecord.source_id == runner.source_id,
                HarvestRecord.state == "active",
                HarvestRecord.package_id.is_not(None),
                sa.or_(HarvestRecord.links != [], HarvestRecord.linked != {}),
            )
            .order_by(HarvestRecord.id)
        )
    )
    if not rows:
        return {}
    found = Found(runner.source_id, [link for row in rows for link in row.links])
    pending: list[Item] = []
    for row in rows:
        wanted: dict[str, list[str]] = {}
        for link in row.links:
            ids = [package_id for package_id in found.of(link) if package_id != row.package_id]
            counts["found" if ids else "unresolved"] += 1
            if not ids:
                value = link.get("permit") or link.get("slug") or link.get("guid")
                runner.note(Issue(UNRESOLVED_LINK, row.guid, row.title, link["field"], {"value": short(value)}))
                continue
            wanted[link["field"]] = list(dict.fromkeys([*wanted.get(link["field"], []), *ids]))
        if wanted != (row.linked or {}):
            tag = {"row": row.id, "wanted": wanted, "before": row.linked or {}, "written": {}}
            pending.append(Item({}, package_id=row.package_id, tag=tag, plan=_plan))
    for start in range(0, len(pending), runner.batch_size):
        runner.life.keep_going()
        outcomes = runner.writer.write(pending[start : start + runner.batch_size], lambda done: _note(runner, done), _know)
        written = [outcome.item.tag["row"] for outcome in outcomes if outcome.kind == "updated"]
        runner.indexed(written)
        counts["written"] += len(written)
        runner.commit()
        model.Session.remove()
        runner._reload()
    return counts


def _know(items: Sequence[Item]) -> None:
    """Under the lock of the datasets: what the harvester wrote into them last."""
    tags = {item.tag["row"]: item.tag for item in items}
    for row in model.Session.execute(sa.select(HarvestRecord.id, HarvestRecord.written).where(HarvestRecord.id.in_(tags))):
        tags[row.id]["written"] = row.written or {}


def _plan(item: Item, shown: dict[str, Any]) -> None:
    """The dataset as it is, with other links. A field that was changed here is left alone."""
    tag = item.tag
    edited = plan.edited(tag["written"], shown)
    tag["set"] = {}
    # As a person's save, which has its own time.
    dataset = {name: value for name, value in shown.items() if name != "metadata_modified"}
    for name in sorted({*tag["before"], *tag["wanted"]}):
        ids, old = tag["wanted"].get(name, []), set(tag["before"].get(name, ()))
        if name in edited:
            continue
        kept = [each for each in _ids(shown.get(name)) if each not in old]
        dataset[name] = list(dict.fromkeys([*kept, *ids]))
        if not dataset[name] and name not in shown:
            del dataset[name]
        tag["set"][name] = True
    item.dataset = dataset


def _note(runner: Runner, outcomes: Sequence[Outcome]) -> None:
    """In the transaction of the batch: what was linked, and that it was the harvester who wrote it."""
    ids = {outcome.item.tag["row"]: outcome for outcome in outcomes}
    rows = model.Session.scalars(
        sa.select(HarvestRecord).where(HarvestRecord.id.in_(ids)).with_for_update().execution_options(populate_existing=True)
    )
    for row in rows:
        outcome = ids[row.id]
        if outcome.kind == "refused":
            continue
        row.linked = outcome.item.tag["wanted"]
        if outcome.kind == "updated":
            row.indexed = False
            now, marks = plan.marks(outcome.shown), dict(row.written or {})
            for name in outcome.item.tag["set"]:
                if name in now:
                    marks[name] = now[name]
                else:
                    marks.pop(name, None)
            row.written = marks
    runner.save()
