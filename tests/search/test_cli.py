"""``ckan ogptn-search``: status, check, rebuild, explain, and CKAN's own ``search-index`` commands on our engine."""

from __future__ import annotations

import datetime
import json
from typing import Any

import ckan.model as model
import pytest
import sqlalchemy as sa
from ckan.cli.cli import ckan
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.search import operations, seam

pytestmark = [
    pytest.mark.ckan_config("ckan.plugins", "ogptn_search"),
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index"),
]


@pytest.fixture(autouse=True)
def empty_index(with_plugins: None) -> None:
    """``clean_index`` leaves the documents of other sites, which other tests may have left."""
    seam.connection().delete(q="*:*")


def _datasets(count: int) -> list[dict[str, Any]]:
    organization = factories.Organization()
    # A description of their own: the factory's is made of random words, and "water" is one of them.
    return [factories.Dataset(owner_org=organization["id"], title=f"Water number {number}", notes="Synthetic") for number in range(count)]


def test_status_says_how_many_documents_and_that_nothing_is_behind(cli: Any) -> None:
    _datasets(3)
    result = cli.invoke(ckan, ["ogptn-search", "status"])
    assert not result.exit_code, result.output
    assert "documents             3" in result.output
    assert "behind the database   no" in result.output
    found = json.loads(cli.invoke(ckan, ["ogptn-search", "status", "--json"]).stdout)
    assert found["documents"] == 3
    assert found["lag"] == 0
    assert not found["rebuild_needed"]


def test_check_finds_what_differs_and_its_exit_code_says_so(cli: Any) -> None:
    datasets = _datasets(4)
    assert cli.invoke(ckan, ["ogptn-search", "check"]).exit_code == 0
    connection = seam.connection()
    connection.delete(q=f'id:"{datasets[0]["id"]}"')
    package = model.Package.get(datasets[1]["id"])
    assert package
    package.metadata_modified = datetime.datetime(2030, 1, 1)  # noqa: DTZ001 - as CKAN keeps it
    model.Session.commit()
    row = connection.search(f'id:"{datasets[2]["id"]}"').docs[0]
    ghost = {**row, "id": "ghost", "name": "ghost", "index_id": operations.index_id("ghost")}
    connection.add([{name: value for name, value in ghost.items() if not hasattr(value, "isoformat")}])
    result = cli.invoke(ckan, ["ogptn-search", "check", "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["ok"]
    assert {(one["kind"], one["id"]) for one in found["differences"]} == {
        ("missing", datasets[0]["id"]),
        ("outdated", datasets[1]["id"]),
        ("orphaned", "ghost"),
    }


def test_check_of_content_finds_a_change_that_left_the_date_alone() -> None:
    dataset = _datasets(2)[0]
    model.Session.execute(sa.text("UPDATE package SET title = 'Another title' WHERE id = :id"), {"id": dataset["id"]})
    model.Session.commit()
    assert not operations.check().differences
    (found,) = operations.check(content=True).differences
    assert (found.kind, found.id) == ("content", dataset["id"])
    assert "title" in found.detail


@pytest.mark.parametrize("processes", ["1", "2"])
def test_rebuild_makes_the_index_that_saving_made(cli: Any, processes: str) -> None:
    datasets = _datasets(5)
    call_action("package_patch", context={"user": factories.Sysadmin()["name"]}, id=datasets[0]["id"], title="Energy")
    before = call_action("package_search", q="water", rows=10)
    connection = seam.connection()
    connection.delete(q=f'id:"{datasets[3]["id"]}"')
    operations.BATCH = 2
    result = cli.invoke(ckan, ["ogptn-search", "rebuild", "--processes", processes])
    operations.BATCH = 500
    assert not result.exit_code, result.output
    assert "5 documents" in result.output
    assert cli.invoke(ckan, ["ogptn-search", "check", "--content"]).exit_code == 0
    after = call_action("package_search", q="water", rows=10)
    assert before["count"] == after["count"] == 4
    assert {one["id"] for one in before["results"]} == {one["id"] for one in after["results"]}
    assert json.loads(cli.invoke(ckan, ["ogptn-search", "status", "--json"]).stdout)["building"] == []


def test_a_dataset_that_cannot_be_indexed_stops_the_switch_unless_forced(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = _datasets(3)
    original = operations.document_of

    def stumble(dataset: str) -> dict[str, Any] | None:
        if dataset == datasets[1]["id"]:
            raise ValueError("a plugin stumbles")
        return original(dataset)

    monkeypatch.setattr(operations, "document_of", stumble)
    result = cli.invoke(ckan, ["ogptn-search", "rebuild", "--processes", "1"])
    assert result.exit_code == 1
    assert datasets[1]["id"] in result.output
    assert call_action("package_search", q="water")["count"] == 3
    assert cli.invoke(ckan, ["ogptn-search", "rebuild", "--processes", "1", "--force"]).exit_code == 0
    assert call_action("package_search", q="water")["count"] == 2


def test_what_is_saved_during_a_rebuild_is_in_the_new_index(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = _datasets(4)
    sysadmin = {"user": factories.Sysadmin()["name"]}
    original = operations._switch

    def meanwhile(*arguments: Any) -> int:
        # Everything is indexed, nothing is switched yet: the worst moment for a change.
        call_action("package_patch", context=dict(sysadmin), id=datasets[0]["id"], title="Energy")
        call_action("package_delete", context=dict(sysadmin), id=datasets[1]["id"])
        factories.Dataset(owner_org=datasets[0]["owner_org"], title="Water, late")
        assert call_action("package_search", q="water")["count"] == 3
        return original(*arguments)

    monkeypatch.setattr(operations, "_switch", meanwhile)
    made = operations.rebuild(processes=1)
    assert made.switched
    assert call_action("package_search", q="energy")["count"] == 1
    assert call_action("package_search", q="water")["count"] == 3
    assert not operations.check(content=True).differences


def test_two_rebuilds_at_once_are_refused() -> None:
    _datasets(1)
    with operations._only_one(seam.connection().store), pytest.raises(operations.RebuildError, match="Another rebuild"):
        operations.rebuild(processes=1)


def test_an_index_of_an_older_analyser_asks_for_a_rebuild_in_plain_words(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _datasets(1)
    monkeypatch.setattr(operations, "ANALYSER_VERSION", 99)
    result = cli.invoke(ckan, ["ogptn-search", "status"])
    assert "ckan ogptn-search rebuild" in result.output


def test_explain_shows_tree_sql_and_time(cli: Any) -> None:
    _datasets(2)
    result = cli.invoke(ckan, ["ogptn-search", "explain", "water number", "--fq", "state:active", "--facet", "tags"])
    assert not result.exit_code, result.output
    assert "2 hits" in result.output
    assert "title:water^4" in result.output
    assert "ogptn_search" in result.output
    assert "find and score" in result.output
    found = json.loads(cli.invoke(ckan, ["ogptn-search", "explain", "title:wat*", "--json"]).stdout)
    assert found["hits"] == 2
    assert found["sql"]


def test_explain_of_a_wrong_query_says_what_is_wrong(cli: Any) -> None:
    result = cli.invoke(ckan, ["ogptn-search", "explain", "title:(water"])
    assert result.exit_code == 2
    assert "Cannot parse" in result.output


def test_ckans_own_search_index_commands_work(cli: Any) -> None:
    datasets = _datasets(3)
    assert "Packages not indexed = 0 out of 3" in cli.invoke(ckan, ["search-index", "check"]).output
    assert datasets[0]["title"] in cli.invoke(ckan, ["search-index", "show", datasets[0]["name"]]).output
    assert not cli.invoke(ckan, ["search-index", "clear", datasets[0]["name"]]).exit_code
    assert "Packages not indexed = 1 out of 3" in cli.invoke(ckan, ["search-index", "check"]).output
    assert not cli.invoke(ckan, ["search-index", "rebuild"]).exit_code
    assert call_action("package_search")["count"] == 3
    assert not cli.invoke(ckan, ["search-index", "clear"]).exit_code
    assert call_action("package_search")["count"] == 0
    assert not cli.invoke(ckan, ["search-index", "rebuild", "--only-missing"]).exit_code
    assert call_action("package_search")["count"] == 3
