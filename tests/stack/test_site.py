from __future__ import annotations

import configparser
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from ckanext.ogptn.stack.errors import ExitCode, StackError
from ckanext.ogptn.stack.layout import Layout
from ckanext.ogptn.stack.process import free_port
from ckanext.ogptn.stack.site import External, Site, address_of, without_password

SITE = Site(
    database="postgresql://ckan:p%25ss@127.0.0.1:1/ckan",
    datastore_write="postgresql://ckan:x@127.0.0.1:1/datastore",
    datastore_read="postgresql://ro:x@127.0.0.1:1/datastore",
    redis="redis://:x@127.0.0.1:2/0",
    solr=None,
    host="127.0.0.1",
    port=5000,
    site_url="http://127.0.0.1:5000",
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "data")
    made.create()
    return made


def read(layout: Layout) -> dict[str, str]:
    # As CKAN reads it, with interpolation.
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(layout.ini)
    return dict(parser.items("app:main"))


def test_the_file_is_private_and_read_back_as_written(layout: Layout) -> None:
    SITE.write(layout, layout.secrets())
    assert stat.S_IMODE(layout.ini.stat().st_mode) == 0o600
    settings = read(layout)
    assert settings["sqlalchemy.url"] == SITE.database
    assert "ogptn_search" in settings["ckan.plugins"].split()
    assert settings["ckan.locales_offered"] == "ar fr en"


def test_with_solr_our_search_is_not_loaded(layout: Layout) -> None:
    replace(SITE, solr="http://127.0.0.1:8983/solr/ckan").write(layout, layout.secrets())
    settings = read(layout)
    assert "ogptn_search" not in settings["ckan.plugins"].split()
    assert settings["solr_url"] == "http://127.0.0.1:8983/solr/ckan"


def test_without_a_datastore_its_plugins_are_not_loaded(layout: Layout) -> None:
    replace(SITE, datastore_write=None, datastore_read=None).write(layout, layout.secrets())
    settings = read(layout)
    assert "datastore" not in settings["ckan.plugins"].split()
    assert "datatables_view" not in settings["ckan.views.default_views"]
    assert "ckan.datastore.write_url" not in settings


def test_site_ini_wins_and_is_never_written(layout: Layout) -> None:
    own = layout.root / "site.ini"
    own.write_text("[app:main]\nckan.site_title = 100% ours\nckan.locale_default = fr\n", encoding="utf-8")
    SITE.write(layout, layout.secrets())
    assert read(layout)["ckan.site_title"] == "100% ours"
    assert read(layout)["ckan.locale_default"] == "fr"
    assert "ours" in own.read_text(encoding="utf-8")


def test_a_broken_site_ini_is_named(layout: Layout) -> None:
    (layout.root / "site.ini").write_text("no section\n")
    with pytest.raises(StackError, match=r"site\.ini"):
        SITE.write(layout, layout.secrets())


def test_addresses_for_people_hold_no_password() -> None:
    assert without_password("postgresql://user:secret@db.example:5433/ckan") == "postgresql://db.example:5433/ckan"
    assert address_of("127.0.0.1", 5000) == "http://127.0.0.1:5000"
    assert address_of("::1", 80) == "http://[::1]:80"


@pytest.mark.parametrize("variable", ["CKAN_SQLALCHEMY_URL", "CKAN_DATASTORE_WRITE_URL", "CKAN_REDIS_URL", "CKAN_SOLR_URL"])
def test_a_wrong_address_names_its_variable_and_hides_the_password(variable: str) -> None:
    port = free_port()
    scheme = {"CKAN_REDIS_URL": "redis", "CKAN_SOLR_URL": "http"}.get(variable, "postgresql")
    external = External.from_environment({variable: f"{scheme}://someone:hunter2@127.0.0.1:{port}/x"})
    with pytest.raises(StackError) as raised:
        external.check()
    assert raised.value.code == ExitCode.UNREACHABLE
    assert variable in raised.value.sentence
    assert str(port) in raised.value.sentence
    assert "hunter2" not in raised.value.sentence + raised.value.hint


def test_a_web_server_that_is_no_solr_is_told_from_one(http_server) -> None:
    with pytest.raises(StackError, match="404"):
        External(solr=f"{http_server.url}/solr/ckan").check()
    http_server.says("/solr/ckan/select", '{"response": {"numFound": 0}}')
    External(solr=f"{http_server.url}/solr/ckan").check()
    assert requests.get(f"{http_server.url}/solr/ckan/select", timeout=5).ok


def test_an_own_database_without_datastore_addresses_means_no_datastore() -> None:
    assert External().has_datastore
    assert not External(database="postgresql://x/y").has_datastore
    assert External(database="postgresql://x/y", datastore_write="postgresql://x/d", datastore_read="postgresql://x/d").has_datastore


def test_only_a_demonstration_may_ask_its_own_machine_and_only_for_the_samples(layout: Layout) -> None:
    SITE.write(layout, layout.secrets())
    assert not {"ogptn.samples", "ogptn.harvest.allowed_hosts"} & read(layout).keys()
    replace(SITE, samples="http://127.0.0.1:5820").write(layout, layout.secrets())
    written = read(layout)
    assert (written["ogptn.samples"], written["ogptn.harvest.allowed_hosts"]) == ("http://127.0.0.1:5820", "127.0.0.1:5820")
    assert written["ogptn.tables.allowed_hosts"] == "127.0.0.1:5820"
