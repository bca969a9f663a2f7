"""Into the DataStore, as the DataStore itself would have it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan.tests.helpers import call_action
from ckanext.datastore.backend import postgres

from ckanext.ogptn.tables.findings import TableError
from ckanext.ogptn.tables.load import load_table
from ckanext.ogptn.tables.read import open_table

pytestmark = pytest.mark.usefixtures("clean_db")

TEXT = "Titre;الولاية;Montant (DT);Jour\n1;تونس;1 234,567;31/01/2018\n2;صفاقس;5,5;-\n1;تونس;7;01/02/2018\nTotal;;1 247,067;\n"


def load(path: Path, resource_id: str, text: str | None = None) -> Any:
    if text is not None:
        path.write_text(text)
    with open_table(path) as reading:
        table, loaded = load_table(reading, resource_id)
    site_user = call_action("get_site_user")["name"]
    call_action("resource_patch", {"user": site_user}, id=resource_id, datastore_active=True)
    return table, loaded


def test_datastore_search_on_typed_columns(tmp_path: Path, resource: str) -> None:
    _table, loaded = load(tmp_path / "a.csv", resource, TEXT)
    assert (loaded.rows, loaded.rejected) == (4, 0)
    found = call_action("datastore_search", resource_id=resource, sort="montant_dt desc", filters={"row_kind": "row"})
    assert [(field["id"], field["type"]) for field in found["fields"]] == [
        ("_id", "int"),
        ("titre", "text"),
        ("aloulaia", "text"),
        ("montant_dt", "numeric"),
        ("jour", "date"),
        ("row_kind", "text"),
    ]
    assert [record["_id"] for record in found["records"]] == [1, 3, 2]
    assert str(found["records"][0]["montant_dt"]) == "1234.567"
    assert found["records"][0]["jour"] == "2018-01-31"
    assert found["total"] == 3


def test_sql_and_full_text_and_dictionary(tmp_path: Path, resource: str) -> None:
    load(tmp_path / "a.csv", resource, TEXT)
    found = call_action("datastore_search", resource_id=resource, q="صفاقس")
    assert [record["_id"] for record in found["records"]] == [2]
    sql = f"SELECT aloulaia, sum(montant_dt) AS s FROM \"{resource}\" WHERE row_kind = 'row' GROUP BY 1 ORDER BY 2 DESC"  # noqa: S608
    with postgres.get_read_engine().connect() as connection:
        assert [str(row[1]) for row in connection.execute(sa.text(sql))] == ["1241.567", "5.5"]
    info = call_action("datastore_info", id=resource)
    fields = {field["id"]: field for field in info["fields"]}
    assert fields["aloulaia"]["info"]["label"] == "الولاية"
    assert (fields["montant_dt"]["info"]["unit"], fields["montant_dt"]["info"]["type"]) == ("DT", "decimal")
    assert info["meta"]["count"] == 4


def test_rows_added_through_the_api_are_like_loaded_ones(tmp_path: Path, resource: str) -> None:
    load(tmp_path / "a.csv", resource, TEXT)
    call_action(
        "datastore_upsert",
        resource_id=resource,
        method="insert",
        force=True,
        records=[{"titre": "9", "aloulaia": "قابس", "montant_dt": "1.5"}],
    )
    found = call_action("datastore_search", resource_id=resource, q="قابس")
    assert [record["_id"] for record in found["records"]] == [5]
    # The DataStore finds its own index, by name, and makes no second one.
    call_action("datastore_create", resource_id=resource, force=True, fields=[{"id": "titre", "type": "text"}])
    with postgres.get_write_engine().connect() as connection:
        sql = sa.text("SELECT count(*) FROM pg_indexes WHERE tablename = :name AND indexdef LIKE '%_full_text%'")
        assert connection.execute(sql, {"name": resource}).scalar() == 1


def test_the_old_table_stays_when_the_new_one_is_refused(tmp_path: Path, resource: str) -> None:
    load(tmp_path / "a.csv", resource, TEXT)
    with pytest.raises(TableError) as caught:
        load(tmp_path / "b.csv", resource, "a;b\n" + "1;2\n" * 600 + "1;2;3;4\n" * 900)
    assert caught.value.finding.slug == "mostly-rejected"
    assert call_action("datastore_search", resource_id=resource)["total"] == 4
    with postgres.get_write_engine().connect() as connection:
        assert not connection.execute(sa.text("SELECT count(*) FROM pg_tables WHERE tablename LIKE '\\_ogptn%'")).scalar()
        assert not connection.execute(sa.text("SELECT count(*) FROM pg_proc WHERE proname LIKE '\\_ogptn%'")).scalar()


def test_a_reload_takes_the_new_columns_and_keeps_aliases_and_what_a_steward_wrote(tmp_path: Path, resource: str) -> None:
    load(tmp_path / "a.csv", resource, TEXT)
    alias = f"alias_{uuid.uuid4().hex[:8]}"
    fields = [{"id": "aloulaia", "type": "text", "info": {"label": "Gouvernorat", "notes": "24"}}]
    call_action("datastore_create", resource_id=resource, force=True, aliases=[alias], fields=fields)
    load(tmp_path / "a.csv", resource, "الولاية;Nouveau\nتونس;1\nصفاقس;2\n")
    found = call_action("datastore_search", resource_id=alias)
    assert [field["id"] for field in found["fields"]] == ["_id", "aloulaia", "nouveau"]
    labels = {field["id"]: field["info"]["label"] for field in call_action("datastore_info", id=resource)["fields"]}
    assert labels == {"aloulaia": "Gouvernorat", "nouveau": "Nouveau"}


def test_statistics_of_columns(tmp_path: Path, resource: str) -> None:
    _table, loaded = load(tmp_path / "a.csv", resource, TEXT)
    amount, day = loaded.columns[2], loaded.columns[3]
    assert (amount["type"], amount["unit"], amount["nulls"], amount["distinct"]) == ("decimal", "DT", 0, 3)
    assert (amount["minimum"], amount["maximum"]) == ("5.5", "1234.567")
    assert (day["nulls"], day["minimum"], day["maximum"]) == (1, "2018-01-31", "2018-02-01")


def test_rejected_rows_are_left_out_and_named(tmp_path: Path, resource: str) -> None:
    lines = "n;montant;x\n" + "".join(f"n{number};{number};z\n" for number in range(100)) + "n;voir note;z\n"
    table, loaded = load(tmp_path / "a.csv", resource, lines)
    assert (loaded.rows, loaded.rejected) == (100, 1)
    assert table.rejected.listed[0][0] == 102


def test_odd_texts_come_back_as_they_are(tmp_path: Path, resource: str) -> None:
    odd = ['a "b" c', "a\\b", "\\.", "x:y %s :name", "'; DROP TABLE x; --", "tab\there", "two\nlines"]
    label = "L:%(x)s :name 'q'"
    lines = "".join('"' + text.replace('"', '""') + '",x\n' for text in odd)
    load(tmp_path / "a.csv", resource, f'"{label}",b\n{lines}')
    found = call_action("datastore_search", resource_id=resource)
    assert [record[found["fields"][1]["id"]] for record in found["records"]] == odd
    assert call_action("datastore_info", id=resource)["fields"][0]["info"]["label"] == label
