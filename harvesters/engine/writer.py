"""Writing many datasets in one transaction, with the result of ``package_create`` and ``package_update``.

The contract is equality: for every dataset ``package_show`` answers the same as if CKAN's actions had written it, its activity says the
same, and so does its search document. Kept by a property test over all dataset types (``tests/harvesters/test_writer.py``).

How: every dataset is validated with its type's own schema, as the actions do; those that pass are written together and shown together
(`showing`), with one commit and one request to the index. A dataset that the database refuses is found by halving the batch.

What CKAN's actions call is called here too: ``IPackageController.create/edit/after_dataset_*``, ``IDomainObjectModification`` (by way of
the session), default views, ``action_succeeded``. A plugin that puts an action of its own in place of ``package_create`` or
``package_update`` is obeyed: then everything goes through those actions, one by one, and slowly.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import ckan.lib.datapreview as datapreview
import ckan.lib.search as search
import ckan.lib.uploader as uploader
import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import signals
from ckan.lib.dictization import model_save
from ckan.lib.plugins import get_permission_labels, lookup_package_plugin
from ckan.types import Context
from sqlalchemy import exc
from sqlalchemy.orm.attributes import set_committed_value

from . import showing
from .answers import Answers
from .navl import validate_with

log = logging.getLogger(__name__)

#: Identities of what the engine makes come from what they are made of: a job that is run again after a kill makes the same.
_NAMESPACE = uuid.UUID("6f1de1a4-52a0-5f0c-9d7c-2f1f3cf0d0b7")
#: For the advisory lock under which missing tags are made: CKAN's table allows the same free tag twice.
_TAGS_LOCK = 0x0697_7A65


def stable_id(*parts: str) -> str:
    """A UUID (version 5) that is always the same for the same parts."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts).encode("utf-8", "replace").decode()))


@dataclass
class Item:
    """One dataset to write.

    :param dataset: as ``package_create`` or ``package_update`` takes it; is changed
    :param package_id: the dataset to update, ``None`` to make one
    :param new_id: the id of one that is made
    :param resource_ids: ids for the resources that are new, by position
    :param tag: the caller's own
    :param plan: of a dataset to update: called with the item and the dataset as it is shown, under the lock that keeps everybody else from
        changing it until the commit; sets ``dataset`` and ``resource_ids``. May be called again, on ``dataset`` as it was
    """

    dataset: dict[str, Any]
    package_id: str | None = None
    new_id: str | None = None
    resource_ids: list[str] = field(default_factory=list)
    tag: Any = None
    plan: Callable[[Item, dict[str, Any]], None] | None = None


@dataclass
class Outcome:
    """What became of an `Item`.

    :param errors: ``refused``: as CKAN's ``ValidationError`` has them
    :param shown: what ``package_show`` answers now, for what was written
    :param before: of a rehearsal: what it answers as long as nothing is written
    """

    item: Item
    kind: Literal["created", "updated", "unchanged", "refused"]
    package_id: str = ""
    errors: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Prepared:
    item: Item
    context: Context
    data: dict[str, Any]
    package: model.Package | None
    change: str | None = None
    #: Resources that are sent as they are shown, and so are left alone: ``{place: place before}``
    copied: dict[int, int] = field(default_factory=dict)


def checks_of_plugins() -> dict[str, list[Callable[..., Any]]] | None:
    """The chained ``package_create`` and ``package_update`` of plugins which only look (marked by ``checks_only``), by action.

    :returns: ``None`` if a plugin's action may do anything else
    """
    found: dict[str, list[Callable[..., Any]]] = {"package_create": [], "package_update": []}
    for plugin in p.PluginImplementations(p.IActions):
        actions = plugin.get_actions() or {}
        for name, checks in found.items():
            if name not in actions:
                continue
            if not getattr(actions[name], "checks_only", False):
                return None
            checks.append(actions[name])
    return found


class Writer:
    """Writes batches as one user.

    :param user: the name that activities carry; may do everything
    :param send: takes the documents of each batch, as `showing.send` does
    """

    def __init__(self, user: str, send: Callable[[Sequence[dict[str, Any]], Sequence[str]], None] = showing.send) -> None:
        self.user, self._send = user, send
        self._checks = checks_of_plugins()
        self._rehearsed: list[_Prepared] = []
        self._activities = p.plugin_loaded("activity") and tk.asbool(tk.config.get("ckan.activity_streams_enabled", True))

    def write(
        self,
        items: Sequence[Item],
        with_them: Callable[[list[Outcome]], None] = lambda outcomes: None,  # noqa: ARG005
        locked: Callable[[Sequence[Item]], None] = lambda items: None,  # noqa: ARG005
    ) -> list[Outcome]:
        """Write a batch: commits, then indexes.

        :param with_them: called in the transaction, before the commit, with the outcomes of it; may be called again for a part of the
            batch when the whole could not be written. What it changes in the session is committed with the datasets
        :param locked: called before that, as soon as the datasets to update are locked and before any is planned (`Item.plan`)
        :returns: one outcome per item; the order may differ
        :raises ckan.lib.search.SearchIndexError: the datasets are committed, but not indexed
        :raises sqlalchemy.exc.OperationalError: the database is gone; what was not committed is not there
        """
        if not items:
            return []
        if self._checks is None:
            return [outcome for item in items for outcome in self._by_action(item, with_them, locked)]
        originals = [_copy(item.dataset) for item in items]
        try:
            with Answers() as answers:
                outcomes, documents = self._write(items, answers, locked)
                with_them(outcomes)
                model.Session.commit()
        except (exc.DBAPIError, exc.StatementError, _HookError) as error:
            model.Session.rollback()
            if isinstance(error, (exc.OperationalError, exc.InterfaceError)) or getattr(error, "connection_invalidated", False):
                raise
            for item, original in zip(items, originals, strict=True):
                item.dataset = original
            if len(items) > 1:
                half = len(items) // 2
                return self.write(items[:half], with_them, locked) + self.write(items[half:], with_them, locked)
            log.warning("a harvested dataset was refused by the database: %s", error)
            outcomes, documents = [Outcome(items[0], "refused", errors={"__database": [str(error).splitlines()[0]]})], []
            with_them(outcomes)
            model.Session.commit()
        except BaseException:
            model.Session.rollback()
            raise
        written = [outcome for outcome in outcomes if outcome.kind in ("created", "updated")]
        indexed = {document["id"] for document in documents}
        self._send(documents, [outcome.package_id for outcome in written if outcome.package_id not in indexed])
        self._tell(written)
        return outcomes

    def rehearse(self, items: Sequence[Item]) -> list[Outcome]:
        """What `write` would answer, with nothing written: the database is asked, and forgets it.

        No hook of a plugin is called, nothing is committed, and nothing locked for longer than a batch takes. What was rehearsed before is
        there for types that compare records with each other: one object rehearses one pass.
        """
        if not items:
            return []
        originals = [_copy(item.dataset) for item in items]
        nested = model.Session.begin_nested()
        try:
            with Answers() as answers:
                outcomes, compared = self._rehearse(items, answers)
        except (exc.DBAPIError, exc.StatementError) as error:
            nested.rollback()
            if isinstance(error, (exc.OperationalError, exc.InterfaceError)) or getattr(error, "connection_invalidated", False):
                raise
            for item, original in zip(items, originals, strict=True):
                item.dataset = original
            if len(items) > 1:
                half = len(items) // 2
                return self.rehearse(items[:half]) + self.rehearse(items[half:])
            return [Outcome(items[0], "refused", errors={"__database": [str(error).splitlines()[0]]})]
        except BaseException:
            nested.rollback()
            raise
        # Never a commit, not even of the savepoint: CKAN would tell its plugins of what was never there.
        nested.rollback()
        self._rehearsed += compared
        return outcomes

    def _rehearse(self, items: Sequence[Item], answers: Answers) -> tuple[list[Outcome], list[_Prepared]]:
        if self._rehearsed:
            self._make_tags_here(self._rehearsed)
            self._store_new(self._rehearsed, cast(model.User, model.User.get(self.user)))
            model.Session.flush()
        user, outcomes, prepared, there = self._prepare(items, answers, rehearsal=True)
        compared = [each for each in prepared if each.change == "create"]
        prepared = self._store(prepared, outcomes, user, self._make_tags_here)
        changed = [each for each in prepared if each.change]
        outcomes += [Outcome(each.item, "unchanged", each.package.id) for each in prepared if each.package is not None and not each.change]
        answers.stored(cast(model.Package, each.package) for each in changed)
        shown = showing.show_many([cast(model.Package, each.package) for each in changed])
        for each, (_default, after) in zip(changed, shown, strict=True):
            assert each.package is not None
            kind = "created" if each.change == "create" else "updated"
            before = showing.as_json(there.get(each.package.id, {}))
            outcomes.append(Outcome(each.item, kind, each.package.id, shown=showing.as_json(after), before=before))
        return outcomes, compared

    # -- the batch

    def _write(
        self, items: Sequence[Item], answers: Answers, locked: Callable[[Sequence[Item]], None]
    ) -> tuple[list[Outcome], list[dict[str, Any]]]:
        user, outcomes, prepared, _there = self._prepare(items, answers, locked)
        prepared = self._store(prepared, outcomes, user, self._make_missing_tags)
        self._after(prepared)
        changed = [each for each in prepared if each.change]
        outcomes += [Outcome(each.item, "unchanged", each.package.id) for each in prepared if each.package is not None and not each.change]
        if not changed:
            return outcomes, []
        model.Session.flush()
        answers.stored(cast(model.Package, each.package) for each in changed)
        both = showing.show_many([cast(model.Package, each.package) for each in changed])
        documents = showing.documents(both)
        activities = []
        for each, (_default, shown) in zip(changed, both, strict=True):
            assert each.package is not None
            kind = "created" if each.change == "create" else "updated"
            outcomes.append(Outcome(each.item, kind, each.package.id, shown=showing.as_json(shown)))
            if self._activities:
                activities.append(self._activity(each.package, kind, outcomes[-1].shown, user))
        if activities:
            from ckanext.activity.model import Activity

            model.Session.execute(sa.insert(Activity.__table__), activities)
        model.Session.flush()
        return outcomes, documents

    def _store(
        self, prepared: list[_Prepared], outcomes: list[Outcome], user: model.User, make_tags: Callable[[Sequence[_Prepared]], None]
    ) -> list[_Prepared]:
        """Put what passed its validation into the session, and flush it.

        :param outcomes: takes the datasets that are refused because another of the batch has their name
        :param make_tags: makes the free tags that are not there
        :returns: the others
        """
        kept, doubles = _unique_names(prepared)
        outcomes += doubles
        make_tags(kept)
        self._store_new([each for each in kept if each.package is None], user)
        for each in (each for each in kept if each.item.package_id is not None):
            self._store_change(each)
        model.Session.flush()
        return kept

    def _prepare(
        self,
        items: Sequence[Item],
        answers: Answers,
        locked: Callable[[Sequence[Item]], None] = lambda items: None,  # noqa: ARG005
        *,
        rehearsal: bool = False,
    ) -> tuple[model.User, list[Outcome], list[_Prepared], dict[str, dict[str, Any]]]:
        """What is refused or the same, what is to be stored, and the datasets to update as they are shown, by id."""
        session = model.Session
        user = model.User.get(self.user)
        assert user is not None, f"there is no user {self.user!r} to harvest as"
        outcomes: list[Outcome] = []
        prepared: list[_Prepared] = []
        compares: dict[str, bool] = {}
        with session.no_autoflush:
            known = self._lock([item.package_id for item in items if item.package_id], wait=not rehearsal)
            locked(items)
            answers.names(str(item.dataset.get("name") or "") for item in items)
            answers.stored(known.values())
            there = {
                package_id: shown for package_id, (_default, shown) in zip(known, showing.show_many(list(known.values())), strict=True)
            }
            for item in items:
                ready = self._validate(item, user, known, there)
                if isinstance(ready, Outcome):
                    outcomes.append(ready)
                    continue
                prepared.append(ready)
                kind = ready.data["type"]
                if ready.package is None and kind not in compares:
                    compares[kind] = _compares_with_others(kind)
                if ready.package is None and compares[kind]:
                    # The next one's validators must find this one.
                    if rehearsal:
                        self._make_tags_here([ready])
                    else:
                        self._make_missing_tags([ready])
                    self._store_new([ready], user)
        return user, outcomes, prepared, there

    def _lock(self, ids: Iterable[str], *, wait: bool = True) -> dict[str, model.Package]:
        """The packages to update, each locked against a steward's save until the commit, in one order for all workers.

        :param wait: false: they are only read
        """
        query = sa.select(model.Package).where(model.Package.id.in_(sorted(set(ids)))).order_by(model.Package.id)
        found = model.Session.scalars(query.with_for_update() if wait else query)
        known = {package.id: package for package in found}
        for package in known.values():
            # CKAN's session forgets nothing at a commit; what another process wrote since must be seen, resources and tags included.
            model.Session.expire(package)
        return known

    def _context(self, user: model.User) -> Context:
        return cast(
            Context,
            {
                "model": model,
                "session": model.Session,
                "user": user.name,
                "auth_user_obj": user,
                "ignore_auth": True,
                "defer_commit": True,
                "return_id_only": True,
            },
        )

    def _validate(
        self, item: Item, user: model.User, known: dict[str, model.Package], there: dict[str, dict[str, Any]]
    ) -> _Prepared | Outcome:
        context = self._context(user)
        package, copied = None, {}
        if item.package_id is not None:
            package = known.get(item.package_id)
            if package is None:
                return Outcome(item, "refused", errors={"id": [tk._("The dataset is not there any more.")]})
            context["package"] = package
            shown = there[package.id]
            if item.plan is not None:
                item.plan(item, showing.as_json(shown))
            dataset = item.dataset
            dataset["id"], dataset["type"] = package.id, package.type
            if _same(dataset, shown):
                return Outcome(item, "unchanged", package.id)
            copied = _left_alone(dataset, shown)
            _guess_types(dataset.get("resources"), {resource["id"]: resource for resource in shown.get("resources") or ()})
            schema = "update_package_schema"
        else:
            dataset = item.dataset
            dataset.setdefault("type", "dataset")
            schema = "create_package_schema"
        action = "package_update" if package is not None else "package_create"
        try:
            # None of them in a rehearsal of what goes through another plugin's actions: only that plugin knows what it looks at.
            for check in (self._checks or {}).get(action, ()):
                check(lambda context, data_dict: None, context, dataset)  # noqa: ARG005 - in the place of CKAN's action
            data, errors = validate_with(lookup_package_plugin(dataset["type"]), context, dataset, schema, action)
        except tk.ValidationError as error:
            return Outcome(item, "refused", errors=dict(error.error_dict))
        except (exc.SQLAlchemyError, MemoryError):
            raise
        except Exception as error:  # a validator's bug must cost one record, not the job; it is logged with all that is known
            log.exception("a validator failed on a harvested dataset (%s)", dataset.get("name"))
            return Outcome(item, "refused", errors={"__validator": [f"{type(error).__name__}: {error}"]})
        if errors:
            return Outcome(item, "refused", errors=errors)
        return _Prepared(item, context, data, package, copied=copied)

    def _make_missing_tags(self, prepared: Sequence[_Prepared]) -> None:
        """Make free tags that are new, in a transaction of their own that is over at once: no worker waits for another's batch."""
        names = sorted({tag["name"] for each in prepared for tag in each.data.get("tags") or () if not tag.get("vocabulary_id")})
        if not names:
            return
        table = model.tag_table
        there = sa.select(table.c["name"]).where(table.c["name"].in_(names), table.c["vocabulary_id"].is_(None))
        if not set(names) - set(model.Session.scalars(there)):
            return
        engine = model.meta.engine
        assert engine is not None
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TAGS_LOCK)))
            missing = sorted(set(names) - set(connection.scalars(there)))
            if missing:
                connection.execute(sa.insert(table), [{"id": str(uuid.uuid4()), "name": name} for name in missing])

    def _make_tags_here(self, prepared: Sequence[_Prepared]) -> None:
        """As `_make_missing_tags`, in this transaction, which is rolled back."""
        names = {name for each in prepared for name in _free_tags(each.data)}
        for name in sorted(names - set(self._tags(prepared))):
            model.Session.add(model.Tag(name))
        model.Session.flush()

    def _store_new(self, new: Sequence[_Prepared], user: model.User) -> None:
        session = model.Session
        tags = self._tags(new)
        organizations: dict[str, model.Group | None] = {}
        made_at = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
        resources: list[model.Resource] = []
        of_tags: list[dict[str, Any]] = []
        of_owners: list[dict[str, Any]] = []
        with session.no_autoflush:
            for each in new:
                data = each.data
                data["creator_user_id"] = user.id
                package = model.Package()
                package.id = each.item.new_id or str(uuid.uuid4())
                data["id"] = package.id
                data.pop("metadata_created", None)
                data.pop("plugin_data", None)
                extras = {extra["key"]: extra["value"] for extra in data.get("extras", [])}
                package.from_dict(dict(data, extras=extras))
                package.metadata_created = made_at
                session.add(package)
                made = self._resources(package, data, each.item.resource_ids)
                resources += made
                if not data.get("metadata_modified"):
                    package.metadata_modified = made_at
                member = self._member(package, organizations)
                own_tags = [tags[tag] for tag in _free_tags(data)]
                if made:
                    of_tags += [{"package_id": package.id, "tag_id": tag.id, "state": "active"} for tag in own_tags]
                    of_owners += [member] if member else []
                else:
                    # What observers are told of a package comes from its files as a rule, and here from these.
                    session.add_all(model.PackageTag(package, tag, "active") for tag in own_tags)
                    session.add_all([model.Member(group=session.get(model.Group, member["group_id"]), **member)] if member else [])
                each.package, each.change = package, "create"
            # A file's relation to its package says nothing new to SQLAlchemy, which so does not know what comes first.
            session.flush([each.package for each in new])
            session.add_all(resources)
        for table, rows in ((model.package_tag_table, of_tags), (model.member_table, of_owners)):
            if rows:
                session.execute(sa.insert(table), rows)
        session.flush()
        for each in new:
            assert each.package is not None
            special = [tag for tag in each.data.get("tags") or () if tag.get("vocabulary_id")]
            if special:
                model_save.package_tag_list_save(each.data["tags"], each.package, each.context)
            if each.data.get("groups"):
                model_save.package_membership_list_save(each.data["groups"], each.package, each.context)

    def _tags(self, prepared: Sequence[_Prepared]) -> dict[str, model.Tag]:
        names = {name for each in prepared for name in _free_tags(each.data)}
        if not names:
            return {}
        found: dict[str, model.Tag] = {}
        query = sa.select(model.Tag).where(model.Tag.name.in_(sorted(names)), model.Tag.vocabulary_id.is_(None)).order_by(model.Tag.id)
        for tag in model.Session.scalars(query):
            found.setdefault(tag.name, tag)
        return found

    def _resources(self, package: model.Package, data: dict[str, Any], ids: list[str]) -> list[model.Resource]:
        """The files of a package to be, not in the session yet."""
        made = []
        for position, values in enumerate(data.get("resources") or ()):
            values["id"] = values.get("id") or (ids[position] if position < len(ids) else stable_id(package.id, f"{position}"))
            values["package_id"] = package.id
            if values.get("url") and values.get("url_type") == "upload":
                values["url"] = values["url"].rsplit("/")[-1]
            for ignored in ("extras", "revision_timestamp", "tracking_summary"):
                values.pop(ignored, None)
            resource = model.Resource()
            _changed, rest = resource.from_dict(values)
            resource.url_changed = True
            resource.metadata_modified = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
            resource.state = "active"
            resource.extras = rest
            resource.position = position
            # Appended to the package's, it would be looked at from both sides at each flush.
            set_committed_value(resource, "package", package)
            made.append(resource)
        return made

    def _member(self, package: model.Package, organizations: dict[str, model.Group | None]) -> dict[str, Any] | None:
        """The package as one of its organisation's."""
        if not package.owner_org:
            return None
        if package.owner_org not in organizations:
            organizations[package.owner_org] = model.Group.get(package.owner_org)
        group = organizations[package.owner_org]
        if group is None:
            return None
        package.owner_org = group.id
        return {"table_id": package.id, "table_name": "package", "capacity": "organization", "group_id": group.id, "state": "active"}

    def _store_change(self, each: _Prepared) -> None:
        assert each.package is not None
        for values, wanted in zip(each.data.get("resources") or (), each.item.resource_ids, strict=False):
            values["id"] = values.get("id") or wanted
        package, each.change = model_save.package_dict_save(each.data, each.context, False, each.copied)
        if not each.change:
            return
        if not each.data.get("metadata_modified"):
            package.metadata_modified = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
        context = cast(Context, {**self._context(cast(model.User, each.context.get("auth_user_obj")))})
        tk.get_action("package_owner_org_update")(context, {"id": package.id, "organization_id": package.owner_org})

    def _after(self, prepared: Sequence[_Prepared]) -> None:
        """The hooks that CKAN's actions call."""
        controllers = list(p.PluginImplementations(p.IPackageController))
        views = datapreview.get_default_view_plugins(False) if any(each.change == "create" for each in prepared) else []
        for each in prepared:
            package = each.package
            if not each.change or package is None:
                continue
            if each.change != "create":
                each.data["id"] = package.id
                for values, resource in zip(each.data.get("resources") or (), package.resources, strict=False):
                    values["id"] = resource.id
            try:
                for plugin in controllers:
                    if each.change == "create":
                        plugin.create(package)
                        plugin.after_dataset_create(each.context, each.data)
                    else:
                        plugin.edit(package)
                        plugin.after_dataset_update(each.context, each.data)
                if each.change == "create" and any(
                    view.can_view({"resource": resource, "package": each.data})
                    for view in views
                    for resource in each.data.get("resources") or ()
                ):
                    tk.get_action("package_create_default_resource_views")(
                        cast(Context, {**self._context(cast(model.User, each.context.get("auth_user_obj")))}), {"package": each.data}
                    )
            except (exc.SQLAlchemyError, MemoryError):
                raise
            except Exception as error:  # another plugin's bug must cost one record, not the job
                log.exception("a plugin failed on a harvested dataset (%s)", package.name)
                raise _HookError(f"{type(error).__name__}: {error}") from error

    def _activity(self, package: model.Package, kind: str, shown: dict[str, Any], user: model.User) -> dict[str, Any]:
        """The row that ``ckanext.activity`` would write."""
        what = "new" if kind == "created" else "deleted" if package.state == "deleted" else "changed"
        return {
            "id": str(uuid.uuid4()),
            "timestamp": dt.datetime.now(dt.timezone.utc).replace(tzinfo=None),
            "user_id": user.id,
            "object_id": package.id,
            "activity_type": f"{what} package",
            "data": {"package": shown, "actor": user.name},
            "permission_labels": get_permission_labels().get_dataset_labels(package),
        }

    def _tell(self, written: Sequence[Outcome]) -> None:
        """CKAN's ``action_succeeded`` to all but the activity plugin, whose entries are written already."""
        for outcome in written:
            action = "package_create" if outcome.kind == "created" else "package_update"
            receivers = [
                each for each in signals.action_succeeded.receivers_for(action) if not each.__module__.startswith("ckanext.activity.")
            ]
            if not receivers:
                continue
            user = model.User.get(self.user)
            assert user is not None
            context = self._context(user)
            context.setdefault("changed_entities", {}).setdefault("packages", set()).add(outcome.package_id)
            for receiver in receivers:
                receiver(action, context=context, data_dict=outcome.item.dataset, result=outcome.package_id)

    # -- the slow way

    def _by_action(self, item: Item, with_them: Callable[[list[Outcome]], None], locked: Callable[[Sequence[Item]], None]) -> list[Outcome]:
        action = "package_update" if item.package_id else "package_create"
        if item.package_id:
            self._lock([item.package_id])
            locked([item])
        before = tk.get_action("package_show")({"ignore_auth": True}, {"id": item.package_id}) if item.package_id else None
        if item.plan is not None and before is not None:
            item.plan(item, showing.as_json(before))
        dataset = dict(item.dataset)
        if item.package_id or item.new_id:
            dataset["id"] = item.package_id or item.new_id
        for position, resource in enumerate(dataset.get("resources") or ()):
            if position < len(item.resource_ids):
                resource.setdefault("id", item.resource_ids[position])
        context: Context = {"user": self.user, "ignore_auth": True}
        try:
            shown = tk.get_action(action)(context, dataset)
        except tk.ValidationError as error:
            outcome = Outcome(item, "refused", errors=dict(error.error_dict))
        else:
            unchanged = before is not None and shown["metadata_modified"] == before["metadata_modified"]
            kind = "created" if before is None else "unchanged" if unchanged else "updated"
            outcome = Outcome(item, kind, shown["id"], shown=showing.as_json(shown))
        with_them([outcome])
        model.Session.commit()
        return [outcome]


class _HookError(Exception):
    """A plugin's hook failed on one of the batch."""


def _left_alone(dataset: dict[str, Any], shown: dict[str, Any]) -> dict[int, int]:
    """Resources that ``package_update`` does not write: sent as they are shown, with nothing changed that their validation looks at."""
    plugin = lookup_package_plugin(shown["type"])
    looked_at = plugin.resource_validation_dependencies(shown["type"]) if hasattr(plugin, "resource_validation_dependencies") else []
    if any(dataset.get(name) != shown.get(name) for name in looked_at):
        return {}
    there = {resource["id"]: resource for resource in shown.get("resources") or ()}
    resources = dataset.get("resources")
    return {
        place: there[resource["id"]]["position"]
        for place, resource in enumerate(resources if isinstance(resources, list) else ())
        if isinstance(resource, dict) and resource.get("id") in there and resource == there[resource["id"]]
    }


def _same(dataset: dict[str, Any], shown: dict[str, Any]) -> bool:
    """Whether ``package_update`` would return at once: the dataset is sent as it is shown."""
    if dataset.get("metadata_modified"):
        return dataset == shown
    return {**dataset, "metadata_modified": None} == {**shown, "metadata_modified": None}


def _guess_types(resources: Any, there: dict[str, dict[str, Any]]) -> None:
    """As ``package_update`` does, and ``package_create`` does not: a file sent without a media type gets the one of its address.

    :param there: resources as they are shown, by id: one that is sent as it is there is left alone
    """
    for resource in resources if isinstance(resources, list) else ():
        if isinstance(resource, dict) and "mimetype" not in resource and resource != there.get(str(resource.get("id"))):
            upload = uploader.get_resource_uploader(resource)
            if hasattr(upload, "mimetype"):
                resource["mimetype"] = upload.mimetype


def _compares_with_others(dataset_type: str) -> bool:
    """Whether validators of this type look for records that must not be there twice (``compares_records: true`` in its schema)."""
    if not p.plugin_loaded("scheming_datasets"):
        return False
    schema = tk.get_action("scheming_dataset_schema_list")({"ignore_auth": True}, {})
    if dataset_type not in schema:
        return False
    found = tk.get_action("scheming_dataset_schema_show")({"ignore_auth": True}, {"type": dataset_type, "expanded": False})
    return bool(found.get("compares_records"))


def _free_tags(data: dict[str, Any]) -> list[str]:
    """Names of the tags outside of vocabularies, each once."""
    return list(dict.fromkeys(tag["name"] for tag in data.get("tags") or () if not tag.get("vocabulary_id")))


def _unique_names(prepared: list[_Prepared]) -> tuple[list[_Prepared], list[Outcome]]:
    """Two new datasets of one batch cannot have one name: each passed its validation, as neither was there."""
    names: set[str] = set()
    kept, refused = [], []
    for each in prepared:
        name = each.data.get("name", "")
        if name and name in names:
            refused.append(Outcome(each.item, "refused", errors={"name": [tk._("That URL is already in use.")]}))
            continue
        names.add(name)
        kept.append(each)
    return kept, refused


def _copy(value: Any) -> Any:
    """A copy of JSON values that shares no container."""
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_copy(each) for each in value]
    return value


__all__ = ["Item", "Outcome", "Writer", "search", "stable_id"]
