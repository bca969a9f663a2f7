"""What ``package_show`` would answer, and what CKAN would index, for many datasets at once.

CKAN asks seven queries per dataset (``ckan.lib.dictization.model_dictize.package_dictize``); here it is four per batch. The documents for
the index are made by CKAN's own ``PackageSearchIndex``. ``tests/harvesters/test_writer.py`` holds both against CKAN's own answers.
"""

from __future__ import annotations

import types
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import ckan.lib.dictization as dictization
import ckan.lib.search.index as search_index
import ckan.plugins as p
import msgspec
import sqlalchemy as sa
from ckan import model
from ckan.lib.dictization import model_dictize
from ckan.lib.navl.dictization_functions import missing
from ckan.lib.plugins import lookup_package_plugin
from ckan.logic import apply_after_dataset_show_plugins
from ckan.logic.schema import default_show_package_schema
from ckan.types import Context

from .navl import convert, converted_with, remembering, schema_of

_PACKAGE = "__ogptn_package"


def _context() -> Context:
    return cast(
        Context,
        {"model": model, "session": model.Session, "user": "", "ignore_auth": True, "use_cache": False, "validate": False},
    )


def dictize_many(packages: Sequence[model.Package]) -> list[dict[str, Any]]:
    """What CKAN's ``package_dictize`` makes of each package. The session has been flushed."""
    ids = [package.id for package in packages]
    session = model.Session
    resource, tag, package_tag = model.resource_table, model.tag_table, model.package_tag_table
    resources: dict[str, list[Any]] = defaultdict(list)
    for row in session.execute(sa.select(resource).where(resource.c["package_id"].in_(ids))):
        resources[row.package_id].append(row)
    tags: dict[str, list[Any]] = defaultdict(list)
    for row in session.execute(
        sa.select(tag, package_tag.c["state"], package_tag.c["package_id"].label(_PACKAGE))
        .join(package_tag, tag.c["id"] == package_tag.c["tag_id"])
        .where(package_tag.c["package_id"].in_(ids))
    ):
        tags[row._mapping[_PACKAGE]].append(row)
    organizations = _organizations({package.owner_org for package in packages if package.owner_org})
    special = _with_groups_or_relations(ids)
    shown = []
    for package in packages:
        context = _context()
        if package.id in special:
            shown.append(model_dictize.package_dictize(package, context))
            continue
        shown.append(_dictize(package, context, resources[package.id], tags[package.id], organizations.get(package.owner_org or "")))
    return shown


def _dictize(
    package: model.Package, context: Context, resources: list[Any], tags: list[Any], organization: dict[str, Any] | None
) -> dict[str, Any]:
    result = dictization.table_dictize(package, context)
    if result.get("title"):
        result["title"] = result["title"].strip()
    result.pop("plugin_data", None)
    result["resources"] = model_dictize.resource_list_dictize(resources, context)
    result["num_resources"] = len(result["resources"])
    result["tags"] = dictization.obj_list_dictize(tags, context, lambda each: each["name"])
    for each in result["tags"]:
        del each[_PACKAGE]
        each["display_name"] = each["name"]
    result["num_tags"] = len(result["tags"])
    result["extras"] = [{"key": key, "value": value} for key, value in (result["extras"] or {}).items()]
    result["groups"] = []
    result["organization"] = dict(organization) if organization else None
    result["relationships_as_subject"] = []
    result["relationships_as_object"] = []
    result["isopen"] = package.isopen()
    result["type"] = package.type or "dataset"
    licence = package.license
    if licence and licence.url:
        result["license_url"] = licence.url
        result["license_title"] = licence.title.split("::")[-1]
    else:
        result["license_title"] = licence.title if licence else package.license_id
    result["metadata_modified"] = package.metadata_modified.isoformat()
    result["metadata_created"] = package.metadata_created.isoformat() if package.metadata_created else None
    return result


def _organizations(ids: set[str]) -> dict[str, dict[str, Any]]:
    group = model.group_table
    found = {}
    for row in model.Session.execute(sa.select(group).where(group.c["id"].in_(ids), group.c["state"] == "active")):
        for dictized in dictization.obj_list_dictize([row], _context()):
            del dictized["extras"]
            found[dictized["id"]] = dictized
    return found


def _with_groups_or_relations(ids: list[str]) -> set[str]:
    """Packages for which CKAN's own function is asked: they are few."""
    member, relation = model.member_table, model.package_relationship_table
    session = model.Session
    found = set(
        session.scalars(
            sa.select(member.c["table_id"]).where(
                member.c["table_id"].in_(ids), member.c["state"] == "active", member.c["capacity"] != "organization"
            )
        )
    )
    for subject, other in session.execute(
        sa.select(relation.c["subject_package_id"], relation.c["object_package_id"]).where(
            sa.or_(relation.c["subject_package_id"].in_(ids), relation.c["object_package_id"].in_(ids))
        )
    ):
        found |= {subject, other}
    return found


def show_many(packages: Sequence[model.Package]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """For each package what ``ckan.logic.package_show_default_and_custom_schemas`` answers: with CKAN's own schema (to index), and with
    the type's (to show)."""
    readers = list(p.PluginImplementations(p.IPackageController))
    resource_readers = list(p.PluginImplementations(p.IResourceController))
    default_schema = default_show_package_schema()
    same: dict[int, bool] = {}
    shown = []
    with remembering():
        for package, dictized in zip(packages, dictize_many(packages), strict=True):
            for reader in readers:
                reader.read(package)
            for reader in resource_readers:
                for resource in dictized["resources"]:
                    reader.before_resource_show(resource)
            context = _context()
            context["package"] = package
            default, _errors = convert(dictized, default_schema, context)
            plugin = lookup_package_plugin(dictized["type"])
            if id(plugin) not in same:
                same[id(plugin)] = schema_of(plugin, "show_package_schema") == default_schema
            custom = default if same[id(plugin)] else converted_with(plugin, context, dictized, "show_package_schema", "package_show")
            apply_after_dataset_show_plugins(context, custom)
            shown.append((default, custom))
    return shown


def as_json(shown: dict[str, Any]) -> dict[str, Any]:
    """A shown dataset with nothing in it but JSON values, and no container of its own in common with it."""
    return msgspec.to_builtins(shown, str_keys=True, enc_hook=_nothing_for_missing)


def _nothing_for_missing(value: Any) -> None:
    """As CKAN's ``MissingNullEncoder`` does.

    :raises TypeError: no JSON value
    """
    if value is not missing:
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


class _Collecting:
    """Stands in for the connection to the search engine, and keeps what it is given."""

    url = "collected"

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def add(self, docs: list[dict[str, Any]], **_options: Any) -> None:
        self.documents += docs

    def delete(self, **_options: Any) -> None:
        """A dataset that CKAN takes out of the index has no document."""


def documents(both: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> list[dict[str, Any]]:
    """The search documents that CKAN's ``PackageSearchIndex.index_package`` would send for what `show_many` gave.

    CKAN sends each document at once. Its method is called with a ``make_connection`` of our own among its globals, so that the documents
    are CKAN's, and nothing in CKAN is changed for anybody else.
    """
    collecting = _Collecting()
    original = search_index.PackageSearchIndex.index_package
    make_document = types.FunctionType(
        original.__code__,
        {**original.__globals__, "make_connection": lambda: collecting},
        original.__name__,
        original.__defaults__,
        original.__closure__,
    )
    index = _Index(collecting)
    for default, custom in both:
        make_document(index, dict(default, with_custom_schema=custom))
    return collecting.documents


class _Index(search_index.PackageSearchIndex):
    """CKAN's index, deleting nothing."""

    def __init__(self, collecting: _Collecting) -> None:
        self.collecting = collecting

    def delete_package(self, pkg_dict: dict[str, Any]) -> None:
        """A document that is not made needs no deletion: the caller removes what has none."""


def send(made: Sequence[dict[str, Any]], gone: Sequence[str] = ()) -> None:
    """Put documents into the index in one request, and take datasets out by their ids.

    :raises ckan.lib.search.SearchIndexError: the search engine refuses them or does not answer
    """
    import ckan.lib.search as search
    import ckan.plugins.toolkit as tk

    if not made and not gone:
        return
    connection = search_index.make_connection()
    commit = tk.asbool(tk.config.get("ckan.search.solr_commit"))
    try:
        if made:
            connection.add(docs=list(made), commit=commit)
        for package_id in gone:
            search.clear(package_id)
    except (search_index.pysolr.SolrError, OSError) as error:
        raise search.SearchIndexError(str(error)[:1000]) from error
