"""The plugin by itself: it starts without ckanext-scheming's plugins, and does not overrule a site's own schemas."""

from __future__ import annotations

import logging
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import plugins as p
from ckan.tests.helpers import call_action

from ckanext.ogptn.catalogue.schemas import DEFAULTS


@pytest.mark.ckan_config("ckan.plugins", "ogptn ogptn_search")
def test_alone_it_starts_and_says_what_is_missing(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest, ckan_config: Any, sysadmin_factory: Any
) -> None:
    with caplog.at_level(logging.WARNING):
        request.getfixturevalue("clean_db")
    assert "scheming_datasets scheming_organizations" in caplog.text
    assert not p.plugin_loaded("scheming_datasets")
    assert call_action("ogptn_vocabulary_show", id="plans")["terms"]
    user = {"user": sysadmin_factory()["name"]}
    organization = call_action("organization_create", dict(user), name="agency-alone", title="Alone")
    created = call_action("package_create", dict(user), name="alone", title="قائمة الرخص", owner_org=organization["id"])
    assert call_action("package_show", id=created["id"])["title"] == "قائمة الرخص"
    assert call_action("package_search", q="رخص")["count"] == 1
    answer = request.getfixturevalue("app").get("/dataset/alone")
    assert answer.status_code == 200


@pytest.mark.parametrize("order", ["ogptn scheming_datasets scheming_organizations", "scheming_organizations scheming_datasets ogptn"])
def test_the_order_of_the_plugins_does_not_matter(order: str, ckan_config: Any, request: pytest.FixtureRequest) -> None:
    ckan_config["ckan.plugins"] = order.split()
    request.getfixturevalue("with_plugins")
    assert set(call_action("scheming_dataset_schema_list")) == {"dataset", "commitment", "budget", "extractive"}
    assert call_action("scheming_organization_schema_show", type="organization")["fields"]


@pytest.mark.ckan_config("scheming.dataset_schemas", "ckanext.scheming:ckan_dataset.yaml")
@pytest.mark.usefixtures("with_plugins")
def test_a_sites_own_schemas_stand() -> None:
    assert call_action("scheming_dataset_schema_list") == ["dataset"]
    fields = [field["field_name"] for field in call_action("scheming_dataset_schema_show", type="dataset")["dataset_fields"]]
    assert "title_translated" not in fields
    assert tk.config["scheming.presets"] == DEFAULTS["scheming.presets"]


@pytest.mark.usefixtures("with_plugins")
def test_the_multilingual_validators_keep_the_name_that_dcat_looks_for() -> None:
    schema = call_action("scheming_dataset_schema_show", type="dataset")
    for field in [*schema["dataset_fields"], *schema["resource_fields"]]:
        if "form_languages" in field:
            assert field["validators"].split()[0].startswith("fluent"), field["field_name"]
