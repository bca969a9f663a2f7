"""Tables of harvested files."""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests.helpers import call_action

from ckanext.ogptn.tables import jobs
from tests.conftest import SourceServer
from tests.harvesters.test_run import face, harvest, source  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1"),
    pytest.mark.ckan_config("ogptn.tables.allowed_hosts", "127.0.0.1"),
    pytest.mark.ckan_config("ogptn.tables.enabled", True),
]


def test_a_record_that_changes_keeps_its_table(source: dict[str, Any], face: Any, http_server: SourceServer) -> None:  # noqa: F811
    del face.datasets[1:]
    for place, resource in enumerate(face.datasets[0]["resources"]):
        resource["url"] = http_server.says(f"/{place}.csv", f"a;b\n{place};2\n")
    harvest(source)
    jobs.work()
    tables = [resource["id"] for resource in call_action("package_show", id="jeu-0")["resources"]]
    assert [call_action("ogptn_table_show", resource_id=table)["state"] for table in tables] == ["loaded", "loaded"]
    face.datasets[0]["title"] = "Nouveau titre"
    harvest(source)
    after = call_action("package_show", id="jeu-0")
    assert after["title_translated"] == {"fr": "Nouveau titre"}
    assert [(resource["id"], resource["datastore_active"]) for resource in after["resources"]] == [(table, True) for table in tables]
    jobs.work()
    assert [call_action("datastore_search", resource_id=table)["total"] for table in tables] == [1, 1]
    assert [call_action("ogptn_table_show", resource_id=table)["state"] for table in tables] == ["loaded", "loaded"]
