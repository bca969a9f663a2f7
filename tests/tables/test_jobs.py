"""The road of a file in the worker: from a saved resource to a table that can be queried."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import Any

import pytest
from ckan import model
from ckan.lib import jobs as ckan_jobs
from ckan.plugins import toolkit as tk
from ckan.tests import factories
from ckan.tests.helpers import call_action
from click.testing import CliRunner
from werkzeug.datastructures import FileStorage

from ckanext.ogptn.tables import jobs, watch
from ckanext.ogptn.tables.model import TableState, now
from tests.conftest import Answer, SourceServer

pytestmark = [
    pytest.mark.usefixtures("clean_db"),
    pytest.mark.ckan_config("ogptn.tables.enabled", True),
    pytest.mark.ckan_config("ogptn.tables.allowed_hosts", "127.0.0.1"),
]
TEXT = "الولاية;Montant (DT)\nتونس;1 234,5\nصفاقس;7\n"


@pytest.fixture
def no_jobs() -> None:
    for job in ckan_jobs.get_queue().jobs:
        job.delete()


def make(open_dataset_factory: Any, url: str, form: str = "CSV", **values: Any) -> str:
    return open_dataset_factory(resources=[{"url": url, "format": form, **values}])["resources"][0]["id"]


def show(resource_id: str) -> dict[str, Any]:
    return call_action("ogptn_table_show", resource_id=resource_id)


def test_a_saved_link_is_loaded_by_the_worker(no_jobs: None, open_dataset_factory: Any, http_server: SourceServer) -> None:
    url = http_server.says("/budget.csv", TEXT, ETag='"1"')
    resource = make(open_dataset_factory, url)
    assert show(resource)["state"] == "waiting"
    waiting = [job for job in ckan_jobs.get_queue().jobs if job.meta["title"] == "Load tables"]
    assert len(waiting) <= 1
    jobs.work()
    shown = show(resource)
    assert (shown["state"], shown["rows"], shown["rejections"]) == ("loaded", 2, 0)
    steps = ("fetch", "detect", "types", "load", "dictionary")
    assert [(one["step"], one["state"]) for one in shown["steps"]] == [(step, "done") for step in steps]
    columns = [(one["id"], one["type"], one["unit"]) for one in shown["columns"]]
    assert columns == [("aloulaia", "text", ""), ("montant_dt", "decimal", "DT")]
    assert call_action("datastore_search", resource_id=resource, q="صفاقس")["total"] == 1
    assert call_action("resource_show", id=resource)["datastore_active"] is True


def test_a_program_that_knows_nothing_of_tables_leaves_them_in_place(open_dataset_factory: Any, http_server: SourceServer) -> None:
    resource = make(open_dataset_factory, http_server.says("/budget.csv", TEXT))
    jobs.work()
    user = {"user": factories.Sysadmin()["name"]}
    shown = call_action("package_show", id=call_action("resource_show", id=resource)["package_id"])
    assert shown["resources"][0].pop("datastore_active") is True
    shown["resources"][0]["hash"] = "0" * 32
    for again in (True, False):
        after = call_action("package_update", user, **shown)
        assert after["resources"][0]["hash"] == "0" * 32
        assert after["resources"][0]["datastore_active"] is True, again
    assert model.Session.get(model.Resource, resource).extras["datastore_active"] is True  # pyright: ignore[reportOptionalMemberAccess]
    assert call_action("datastore_search", resource_id=resource)["total"] == 2
    # Who takes the table away means it.
    call_action("datastore_delete", user, resource_id=resource, force=True)
    assert call_action("resource_show", id=resource)["datastore_active"] is False
    call_action("package_update", user, **shown)
    assert call_action("resource_show", id=resource)["datastore_active"] is False


def test_who_asks_while_a_file_is_read_is_answered(open_dataset_factory: Any, http_server: SourceServer) -> None:
    def changes_meanwhile(handler: BaseHTTPRequestHandler) -> None:
        http_server.says("/b.csv", TEXT)
        watch.ask(model.Session, [resource])
        model.Session.commit()
        handler.send_response(200)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"a\n1\n")

    resource = make(open_dataset_factory, http_server.url + "/b.csv")
    http_server.answers["/b.csv"] = Answer(changes_meanwhile)
    shown = jobs.load(resource)
    assert shown is not None
    model.Session.refresh(shown)
    assert shown.state == "waiting"
    jobs.work()
    assert (show(resource)["state"], show(resource)["rows"]) == ("loaded", 2)


def test_what_a_dead_worker_had_waits_again(open_dataset_factory: Any, http_server: SourceServer) -> None:
    dead, alive = (make(open_dataset_factory, http_server.says(f"/{name}.csv", TEXT)) for name in ("dead", "alive"))
    states = [TableState.of(one) for one in (dead, alive)]
    for state in states:
        assert state is not None
        state.state, state.started_at = "working", now()
    model.Session.commit()
    with jobs._in_hands(alive):
        jobs.work()
        assert show(alive)["state"] == "working"
    assert show(dead)["state"] == "loaded"


def test_what_has_not_changed_is_not_loaded_again(open_dataset_factory: Any, http_server: SourceServer) -> None:
    resource = make(open_dataset_factory, http_server.says("/a.csv", TEXT, ETag='"1"'))
    jobs.work()
    call_action("datastore_upsert", resource_id=resource, method="insert", force=True, records=[{"aloulaia": "x"}])
    call_action("ogptn_table_load", resource_id=resource)
    jobs.work()
    shown = show(resource)
    assert (shown["state"], shown["steps"][-1]["state"]) == ("loaded", "unchanged")
    assert call_action("datastore_search", resource_id=resource)["total"] == 3
    assert http_server.requests[-1][2]["If-None-Match"] == '"1"'
    # Changed content is loaded, whatever its address.
    http_server.says("/a.csv", TEXT + "قابس;1\n", ETag='"2"')
    call_action("ogptn_table_load", resource_id=resource)
    jobs.work()
    assert show(resource)["rows"] == 3


def test_an_upload_takes_the_same_road(open_dataset_factory: Any) -> None:
    dataset = open_dataset_factory()
    user = call_action("get_site_user")["name"]
    upload = FileStorage(BytesIO(TEXT.encode("cp1256")), "budget.xls")
    resource = call_action("resource_create", {"user": user}, package_id=dataset["id"], url="budget.xls", format="XLS", upload=upload)["id"]
    jobs.work()
    shown = show(resource)
    assert (shown["state"], shown["reading"]["format"], shown["reading"]["encoding"]) == ("loaded", "CSV", "Windows-1256")
    assert "declared-format" in {one["slug"] for one in shown["findings"]}


def test_a_table_that_fails_says_where_and_leaves_the_dataset_and_the_old_table(
    open_dataset_factory: Any, http_server: SourceServer
) -> None:
    resource = make(open_dataset_factory, http_server.says("/a.csv", TEXT))
    jobs.work()
    for body, status, state, step, words in (
        ("<html><title>Erreur</title><body>non</body></html>", 200, "refused", "detect", "Erreur"),
        ("", 404, "failed", "fetch", "404"),
        ("a;b\n" + "1;2\n" * 600 + "1;2;3;4\n" * 900, 200, "refused", "load", "900"),
    ):
        http_server.says("/a.csv", body, status)
        call_action("ogptn_table_load", resource_id=resource)
        jobs.work()
        shown = show(resource)
        assert (shown["state"], shown["steps"][-1]["step"], shown["steps"][-1]["state"]) == (state, step, state)
        assert words in shown["steps"][-1]["message"]
        assert call_action("datastore_search", resource_id=resource)["total"] == 2
    http_server.says("/a.csv", TEXT)
    call_action("ogptn_table_load", resource_id=resource)
    jobs.work()
    assert show(resource)["state"] == "loaded"


def test_inside_addresses_are_refused_unless_allowed(open_dataset_factory: Any, http_server: SourceServer, ckan_config: Any) -> None:
    ckan_config["ogptn.tables.allowed_hosts"] = ""
    resource = make(open_dataset_factory, http_server.says("/a.csv", TEXT))
    jobs.work()
    assert (show(resource)["state"], len(http_server.requests)) == ("failed", 0)


def test_which_files_are_asked_for() -> None:
    def asked(form: str, url: str, **values: Any) -> bool:
        resource = model.Resource(url=url, format=form, **values)
        resource.state = "active"
        return watch.may_hold_table(resource)

    assert not asked("PDF", "http://x.tn/a.pdf")
    assert not asked("GeoJSON", "http://x.tn/a.csv")
    assert not asked("CSV", "http://x.tn/a.csv", url_type="datastore")
    assert not asked("CSV", "")
    assert asked("xls", "http://x.tn/a")
    assert asked("text/csv", "http://x.tn/a")
    assert asked("", "http://x.tn/a.ods?b=c")


def test_a_changed_title_asks_for_nothing_and_a_changed_address_does(open_dataset_factory: Any, http_server: SourceServer) -> None:
    resource = make(open_dataset_factory, http_server.says("/a.csv", TEXT))
    jobs.work()
    user = call_action("get_site_user")["name"]
    call_action("resource_patch", {"user": user}, id=resource, description="other")
    assert show(resource)["state"] == "loaded"
    call_action("resource_patch", {"user": user}, id=resource, url=http_server.says("/b.csv", "a;b\n1;2\n3;4\n"))
    assert show(resource)["state"] == "waiting"
    jobs.work()
    assert [one["id"] for one in show(resource)["columns"]] == ["a", "b"]


def test_who_may_see_and_load(open_dataset_factory: Any, user_factory: Any) -> None:
    dataset = open_dataset_factory(private=True, resources=[{"url": "http://x.tn/a.csv", "format": "CSV"}])
    resource = dataset["resources"][0]["id"]
    stranger = {"user": user_factory()["name"], "ignore_auth": False}
    for action in ("ogptn_table_show", "ogptn_table_load"):
        with pytest.raises(tk.NotAuthorized):
            call_action(action, dict(stranger), resource_id=resource)
    public = make(open_dataset_factory, "http://x.tn/b.csv")
    assert call_action("ogptn_table_show", {"user": "", "ignore_auth": False}, resource_id=public)["state"] == "waiting"
    with pytest.raises(tk.NotAuthorized):
        call_action("ogptn_table_load", {"user": "", "ignore_auth": False}, resource_id=public)
    with pytest.raises(tk.ObjectNotFound):
        call_action("ogptn_table_show", resource_id="nothing")


def test_a_purged_or_deleted_file_is_forgotten(open_dataset_factory: Any, http_server: SourceServer) -> None:
    resource = make(open_dataset_factory, http_server.says("/a.csv", TEXT))
    user = call_action("get_site_user")["name"]
    call_action("resource_delete", {"user": user}, id=resource)
    jobs.work()
    assert TableState.of(resource) is None


def test_command(cli: CliRunner, open_dataset_factory: Any, http_server: SourceServer) -> None:
    from ckan.cli.cli import ckan

    resource = make(open_dataset_factory, http_server.says("/a.csv", TEXT))
    done = cli.invoke(ckan, ["ogptn-tables", "load", resource])
    assert (done.exit_code, "loaded  2 rows" in done.output) == (0, True), done.output
    assert "montant_dt  decimal  DT" in cli.invoke(ckan, ["ogptn-tables", "status", resource]).output
    assert "loaded  1" in cli.invoke(ckan, ["ogptn-tables", "status"]).output
    assert cli.invoke(ckan, ["ogptn-tables", "load", "nothing"]).exit_code == 1


def test_page(app: Any, open_dataset_factory: Any, http_server: SourceServer) -> None:
    resource = make(open_dataset_factory, http_server.says("/a.csv", TEXT))
    jobs.work()
    package = call_action("resource_show", id=resource)["package_id"]
    words = {"": "The table can be queried.", "/fr": "Le tableau peut être interrogé.", "/ar": "يمكن الاستعلام عن الجدول."}
    for language, word in words.items():
        page = app.get(f"{language}/dataset/{package}/resource/{resource}").body
        assert word in page
        assert "montant_dt" in page
        # A reader cannot have it read again.
        assert f"/table/{resource}/load" not in page
    # Neither a stranger's request nor following a link asks for anything.
    assert app.post(f"/table/{resource}/load").status_code == 403
    assert app.get(f"/table/{resource}/load").status_code == 404
    # What is not to be seen is not there.
    call_action("package_patch", {"user": call_action("get_site_user")["name"]}, id=package, private=True)
    for address in (resource, "no-such-file"):
        assert app.post(f"/table/{address}/load").status_code == 404
    assert show(resource)["state"] == "loaded"


def test_a_file_that_holds_more_than_its_record(budget_factory: Any, http_server: SourceServer) -> None:
    url = http_server.says("/boost.csv", "YEAR;PAYE\n2018;1,5\n2019;2\n2018;3\n", ETag='"1"')
    budget = budget_factory(resources=[{"url": url, "format": "CSV", "table_rows": "YEAR = 2018"}])
    resource = budget["resources"][0]["id"]
    user = {"user": call_action("get_site_user")["name"]}
    jobs.work()
    assert (show(resource)["state"], show(resource)["rows"]) == ("loaded", 2)
    # Other rows of the same file, which the server calls unchanged.
    call_action("resource_patch", user, id=resource, table_rows="YEAR = 2019")
    jobs.work()
    assert show(resource)["rows"] == 1
    assert [row["paye"] for row in call_action("datastore_search", resource_id=resource)["records"]] == [2]
    # Rows that changed without the address: the harvester says so.
    http_server.says("/boost.csv", "YEAR;PAYE\n2019;2\n2019;4\n", ETag='"2"')
    call_action("resource_patch", user, id=resource, table_version="b")
    jobs.work()
    assert show(resource)["rows"] == 2
    call_action("resource_patch", user, id=resource, table_rows="ANNEE = 2019")
    jobs.work()
    shown = show(resource)
    assert shown["state"] != "loaded"
    assert "ANNEE" in str(shown)


def test_a_file_that_many_records_share_is_sent_once(no_jobs: None, budget_factory: Any, http_server: SourceServer) -> None:
    http_server.says("/boost.csv", "YEAR;PAYE\n2018;1,5\n2019;2\n2018;3\n", ETag='"1"')
    url = http_server.url + "/boost.csv"
    resources = [
        budget_factory(resources=[{"url": url, "format": "CSV", "table_rows": f"YEAR = {year}"}])["resources"][0]["id"]
        for year in (2018, 2019)
    ]
    jobs.work()
    assert [(show(each)["state"], show(each)["rows"]) for each in resources] == [("loaded", 2), ("loaded", 1)]
    asked = [headers.get("If-None-Match") for _method, path, headers, *_rest in http_server.requests if path == "/boost.csv"]
    # The server was asked for each, and sent the file for the first.
    assert asked == [None, '"1"']


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("BOOST › YEAR (السنة) = 2018", ("BOOST", "YEAR (السنة)", "2018")),
        ("YEAR = 2018", ("", "YEAR", "2018")),
        ("BOOST", ("BOOST", "", "")),
        ("A › B", ("A", "", "")),
        ("", ("", "", "")),
        ("a = b = c", ("", "a = b", "c")),
    ],
)
def test_how_rows_are_named(written: str, found: tuple[str, str, str]) -> None:
    assert jobs.selection(written) == found
