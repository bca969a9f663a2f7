"""The ``ogptn`` plugin: wiring only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.common import CKANConfig
from ckan.lib.plugins import DefaultTranslation
from ckan.types import CKANApp, Context
from ckanext.dcat.interfaces import IDCATURIGenerator
from flask import Blueprint

from ckanext.ogptn.seed import cli as seed_cli  # pyright: ignore[reportMissingImports]

from .budget import validators as budget_validators
from .catalogue import actions as catalogue_actions
from .catalogue import auth as catalogue_auth
from .catalogue import (
    csrf,
    display_helpers,
    form_helpers,
    form_views,
    indexing,
    records,
    schemas,
    shapes,
    theme_helpers,
    translation,
    views,
    vocabulary_views,
)
from .catalogue import helpers as catalogue_helpers
from .catalogue import validators as catalogue_validators
from .catalogue.dcat import actions as dcat_actions
from .catalogue.dcat import auth as dcat_auth
from .catalogue.dcat import cli as dcat_cli
from .catalogue.dcat import helpers as dcat_helpers
from .catalogue.dcat import profile as dcat_profile
from .catalogue.dcat import uris as dcat_uris
from .catalogue.dcat import views as dcat_views
from .catalogue.dcat import watch as dcat_watch
from .catalogue.quality import actions as quality_actions
from .catalogue.quality import auth as quality_auth
from .commitment import actions as commitment_actions
from .commitment import auth as commitment_auth
from .commitment import cli as commitment_cli
from .commitment import contacts, evidence, report_views
from .commitment import helpers as commitment_helpers
from .commitment import validators as commitment_validators
from .commitment.open_data import watch as open_data_watch
from .commitment.recommendations import actions as recommendation_actions
from .commitment.recommendations import auth as recommendation_auth
from .commitment.recommendations import views as recommendation_views
from .commitment.rounds import actions as round_actions
from .commitment.rounds import auth as round_auth
from .commitment.rounds import views as round_views
from .commitment.rounds import workbook_actions
from .extractive import validators as extractive_validators
from .tables import actions as table_actions
from .tables import auth as table_auth
from .tables import cli as table_cli
from .tables import helpers as table_helpers
from .tables import views as table_views
from .tables import watch as table_watch


class OgptnPlugin(p.SingletonPlugin, DefaultTranslation):
    """Dataset types, vocabularies, languages, theme and pages of the open-government portal."""

    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IClick)
    p.implements(p.IConfigDeclaration)
    p.implements(p.IConfigurer)
    p.implements(IDCATURIGenerator, inherit=True)
    p.implements(p.IFacets, inherit=True)
    p.implements(p.IMiddleware, inherit=True)
    p.implements(p.IPackageController, inherit=True)
    p.implements(p.ISignal)
    p.implements(p.ITemplateHelpers)
    p.implements(p.ITranslation)
    p.implements(p.IValidators)

    # IActions
    def get_actions(self) -> dict[str, Callable[..., Any]]:
        return {
            **dcat_actions.get_actions(),
            **quality_actions.get_actions(),
            **catalogue_actions.get_actions(),
            **shapes.get_actions(),
            **translation.get_actions(),
            **commitment_actions.get_actions(),
            **recommendation_actions.get_actions(),
            **round_actions.get_actions(),
            **workbook_actions.get_actions(),
            **table_actions.get_actions(),
        }

    # IAuthFunctions
    def get_auth_functions(self) -> dict[str, Callable[..., Any]]:
        return {
            **dcat_auth.get_auth_functions(),
            **quality_auth.get_auth_functions(),
            **catalogue_auth.get_auth_functions(),
            **commitment_auth.get_auth_functions(),
            **recommendation_auth.get_auth_functions(),
            **round_auth.get_auth_functions(),
            **table_auth.get_auth_functions(),
        }

    # IBlueprint
    def get_blueprint(self) -> list[Blueprint]:
        return [
            translation.blueprint,
            views.blueprint,
            vocabulary_views.blueprint,
            report_views.blueprint,
            recommendation_views.blueprint,
            round_views.blueprint,
            dcat_views.blueprint,
            table_views.blueprint,
        ]

    # IClick
    def get_commands(self) -> list[click.Command]:
        return [*seed_cli.get_commands(), *commitment_cli.get_commands(), *dcat_cli.get_commands(), *table_cli.get_commands()]

    # IConfigDeclaration
    def declare_config_options(self, declaration: Any, key: Any) -> None:
        schemas.declare(declaration, key)

    # IConfigurer
    def update_config(self, config: CKANConfig) -> None:
        tk.add_template_directory(config, "templates")
        tk.add_public_directory(config, "assets/public")
        tk.add_resource("assets", "ogptn")
        tk.add_resource("assets/forms", "ogptn-forms")
        theme_helpers.configure(config)
        schemas.warn_of_missing_plugins(config)
        dcat_profile.configure(config)
        dcat_watch.listen()
        evidence.listen()
        open_data_watch.listen()
        table_watch.listen()

    # IDCATURIGenerator
    def dataset_uri(self, dataset_dict: dict[str, Any], default_uri: str) -> str:
        return dcat_uris.dataset(dataset_dict, default_uri)

    def resource_uri(self, resource_dict: dict[str, Any], default_uri: str) -> str:
        return dcat_uris.resource(resource_dict, default_uri)

    def publisher_uri(self, dataset_dict: dict[str, Any], default_uri: str) -> str:
        return dcat_uris.publisher(dataset_dict, default_uri)

    # IFacets
    def dataset_facets(self, facets_dict: dict[str, Any], package_type: str) -> dict[str, Any]:  # noqa: ARG002
        return indexing.facets(package_type)

    def organization_facets(self, facets_dict: dict[str, Any], organization_type: str, package_type: str | None) -> dict[str, Any]:  # noqa: ARG002
        return indexing.facets(package_type, of_organization=True)

    # IPackageController
    def after_dataset_create(self, context: Context, pkg_dict: dict[str, Any]) -> None:  # noqa: ARG002
        contacts.save(pkg_dict)
        evidence.after_save(pkg_dict)

    def after_dataset_update(self, context: Context, pkg_dict: dict[str, Any]) -> None:  # noqa: ARG002
        contacts.save(pkg_dict)
        evidence.after_save(pkg_dict)

    def after_dataset_show(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        records.after_show(context, pkg_dict)
        if pkg_dict.get("type") == "commitment":
            contacts.show(context, pkg_dict)

    def before_dataset_index(self, pkg_dict: dict[str, Any]) -> dict[str, Any]:
        return indexing.before_index(pkg_dict)

    def before_dataset_search(self, search_params: dict[str, Any]) -> dict[str, Any]:
        return indexing.before_search(search_params)

    def after_dataset_search(self, search_results: dict[str, Any], search_params: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return indexing.after_search(search_results)

    # ITemplateHelpers
    def get_helpers(self) -> dict[str, Callable[..., Any]]:
        return {
            **catalogue_helpers.get_helpers(),
            **dcat_helpers.get_helpers(),
            **quality_actions.get_helpers(),
            **theme_helpers.get_helpers(),
            **form_helpers.get_helpers(),
            **display_helpers.get_helpers(),
            **translation.get_helpers(),
            **commitment_helpers.get_helpers(),
            **table_helpers.get_helpers(),
        }

    # IMiddleware
    def make_middleware(self, app: CKANApp, config: CKANConfig) -> CKANApp:  # noqa: ARG002
        csrf.exempt_requests_not_views()
        return translation.keep_plural_rule(app)

    # ISignal
    def get_signal_subscriptions(self) -> dict[Any, Any]:
        return {tk.signals.register_blueprint: [{"sender": "dataset", "receiver": form_views.add_rules}]}

    # IValidators
    def get_validators(self) -> dict[str, Callable[..., Any]]:
        return {
            **catalogue_validators.get_validators(),
            **commitment_validators.get_validators(),
            **budget_validators.get_validators(),
            **extractive_validators.get_validators(),
        }
