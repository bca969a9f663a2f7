"""ckanext-dcat's actions, answered from what is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from . import catalog, documents, store, watch
from .freshness import Now


def _form(data_dict: DataDict) -> str | None:
    """The form to answer in; None where ckanext-dcat itself must: other profiles, other formats, our profile switched off."""
    if data_dict.get("profiles") or not store.is_ours():
        return None
    return documents.form_of(data_dict.get("format"))


@tk.side_effect_free
@tk.chained_action
def dcat_dataset_show(up_func: Callable[..., Any], context: Context, data_dict: DataDict) -> str:
    """A dataset as linked data, for everybody alike; one that not everybody may see is written by ckanext-dcat for who may.

    :param id: id or name
    :param format: ``ttl``, ``jsonld``, ``rdf``, ``xml``, ``nt`` or ``n3``
    :param profiles: optional, other profiles than the site's; then ckanext-dcat answers
    :raises NotFound: there is no such dataset
    :raises NotAuthorized: the caller may not see it
    """
    form = _form(data_dict)
    if form is None:
        return up_func(context, data_dict)
    tk.check_access("dcat_dataset_show", context, data_dict)
    tk.check_access("package_show", tk.fresh_context(context), {"id": data_dict.get("id")})
    package = context_package(data_dict)
    if Now().is_public(package.id):
        return catalog.dataset(package.id, form)
    return up_func(context, data_dict)


def context_package(data_dict: DataDict) -> Any:
    """The dataset that ``id`` names.

    :raises NotFound: there is none
    """
    from ckan import model

    package = model.Package.get(str(data_dict.get("id") or ""))
    if package is None:
        raise tk.ObjectNotFound(tk._("There is no public dataset of this name."))
    return package


@tk.side_effect_free
@tk.chained_action
def dcat_catalog_show(up_func: Callable[..., Any], context: Context, data_dict: DataDict) -> str:
    """A page of the catalogue as linked data.

    :param format: as for `dcat_dataset_show`
    :param page: from 1; ``ckanext.dcat.datasets_per_page`` datasets each
    :param modified_since: optional, a day or a moment (UTC unless it says otherwise): what changed since, and on the first page what went
    :param q, fq: optional, as for `package_search`
    :param profiles: optional, other profiles than the site's; then ckanext-dcat answers
    :raises ValidationError: a parameter cannot be read
    """
    form = _form(data_dict)
    if form is None:
        return up_func(context, data_dict)
    tk.check_access("dcat_catalog_show", context, data_dict)
    return catalog.page(data_dict, form, _address(data_dict))


def _address(data_dict: DataDict) -> str:
    return str(tk.url_for("dcat.read_catalog", _format=data_dict.get("format") or "rdf", qualified=True, locale="default"))


def ogptn_dcat_refresh(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Have the worker write what changed as linked data.

    :raises NotAuthorized: the caller is no system administrator
    """
    tk.check_access("ogptn_dcat_refresh", context, data_dict)
    watch.schedule()
    return {"scheduled": True}


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name; what continues ckanext-dcat's only where the site has that plugin."""
    chained = {"dcat_dataset_show": dcat_dataset_show, "dcat_catalog_show": dcat_catalog_show} if p.plugin_loaded("dcat") else {}
    return {**chained, "ogptn_dcat_refresh": ogptn_dcat_refresh}
