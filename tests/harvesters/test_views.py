"""The administrator's pages of harvest sources as HTML: what is listed, sent, decided; who may; what a hostile record does to them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.config.middleware.flask_app import csrf
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.engine import run
from ckanext.ogptn.harvesters.engine.model import HarvestRecord, Job, Source, StoredIssue, now, record_key
from ckanext.ogptn.harvesters.pages import issues_csv, views, words
from ckanext.ogptn.seed.certificates import authority
from ckanext.ogptn.seed.source_server import TrialSource

ROOT = "/harvest"
ARABIC = re.compile(r"[\u0600-\u06ff]")
#: What breaks out of HTML, of an attribute, of a script string.
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"

pytestmark = pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")


@dataclass
class Reader:
    """Somebody who asks for pages."""

    app: Any
    token: str = ""

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self.token} if self.token else {}

    def ask(self, path: str, language: str = "en") -> Any:
        return self.app.get(f"/{language}{ROOT}{path}", headers=self._headers(), status=None, follow_redirects=False)

    def get(self, path: str, language: str = "en") -> BeautifulSoup:
        answer = self.ask(path, language)
        assert answer.status_code == 200, answer.body[:500]
        return BeautifulSoup(answer.body, "html.parser")

    def post(self, path: str, data: dict[str, Any] | None = None, language: str = "en") -> Any:
        return self.app.post(f"/{language}{ROOT}{path}", data=data or {}, headers=self._headers(), follow_redirects=False)


@dataclass
class World:
    """Made once for the module: an agency with its administrator and its editor, another agency, a system administrator."""

    agency: dict[str, Any]
    other: dict[str, Any]
    tokens: dict[str, str]


_made: list[World] = []


@pytest.fixture
def app(world: World, make_app: Any) -> Any:
    return make_app()


@pytest.fixture
def world(with_plugins: None, request: pytest.FixtureRequest) -> Iterator[World]:
    """Emptying the whole database takes longer than any of these tests: it is done once, and the sources go after each."""
    if not _made:
        request.getfixturevalue("clean_db")
        people = {name: factories.UserWithToken() for name in ("administrator", "editor")}
        sysadmin = factories.SysadminWithToken()
        members = [
            {"name": people["administrator"]["name"], "capacity": "admin"},
            {"name": people["editor"]["name"], "capacity": "editor"},
        ]
        agency = factories.Organization(users=members, title_translated={"fr": "Ministère de l’Industrie", "ar": "وزارة الصناعة"})
        other = factories.Organization(title_translated={"fr": "Un autre organisme", "ar": "هيكل آخر"})
        tokens = {name: person["token"] for name, person in people.items()}
        _made.append(World(agency, other, {**tokens, "sysadmin": sysadmin["token"]}))
    yield _made[0]
    model.Session.rollback()
    for package_id in model.Session.scalars(model.Session.query(HarvestRecord.package_id).filter(HarvestRecord.package_id.is_not(None))):
        if model.Session.get(model.Package, package_id):
            call_action("dataset_purge", id=package_id)
    model.Session.query(Source).delete()
    model.Session.commit()


@pytest.fixture
def sysadmin(app: Any, world: World) -> Reader:
    return Reader(app, world.tokens["sysadmin"])


@pytest.fixture
def administrator(app: Any, world: World) -> Reader:
    return Reader(app, world.tokens["administrator"])


@pytest.fixture
def portal() -> Iterator[TrialSource]:
    with TrialSource(12) as source:
        yield source


def least(world: World, url: str, **more: str) -> dict[str, str]:
    """The form of a source as a browser sends it."""
    return {
        "title": "Portail d’essai",
        "url": url,
        "backend": "ckan",
        "owner_org": world.agency["id"],
        "dataset_type": "dataset",
        "language": "fr",
        "conflict": "first",
        "schedule-kind": "manual",
        "options-ckan-page_size": "5",
        "act": "save",
        **more,
    }


@pytest.fixture
def source(world: World, portal: TrialSource) -> dict[str, Any]:
    return call_action(
        "ogptn_harvest_source_create",
        title="Portail d’essai",
        url=portal.url,
        backend="ckan",
        owner_org=world.agency["id"],
        options={"page_size": 5, "changes_only": False},
    )


def harvest(source: dict[str, Any], **more: Any) -> str:
    job = call_action("ogptn_harvest_job_create", source_id=source["id"], **more)
    run.run(job["id"])
    model.Session.remove()
    return job["id"]


def text(node: Any) -> str:
    return " ".join(node.get_text(" ", strip=True).split())


# -- who


def test_who_may_see_what(app: Any, world: World, source: dict[str, Any]) -> None:
    theirs = call_action("ogptn_harvest_source_create", title="Autre", url="https://a.example", backend="ckan", owner_org=world.other["id"])
    job = harvest(source)
    [record, *_] = call_action("ogptn_harvest_record_list", source_id=source["id"])["results"]
    pages = [f"/source/{source['id']}", f"/source/{source['id']}/edit", f"/source/{source['id']}/records", f"/source/{source['id']}/clear"]
    pages += [f"/source/{source['id']}/delete", f"/record/{record['id']}", f"/record/{record['id']}/raw"]
    pages += [f"/job/{job}", f"/job/{job}/live", f"/job/{job}/issues.csv"]
    changes = [f"/source/{source['id']}/{name}" for name in ("check", "preview", "run", "clear", "delete")]
    changes += [f"/job/{job}/{name}" for name in ("cancel", "restore")] + [f"/record/{record['id']}/restore"]
    for name in ("", "editor"):
        reader = Reader(app, world.tokens.get(name, ""))
        assert {path: reader.ask(path).status_code for path in ("/", "/new", *pages)} == dict.fromkeys(("/", "/new", *pages), 403), name
        assert {path: reader.post(path).status_code for path in changes} == dict.fromkeys(changes, 403), name
    for name in ("administrator", "sysadmin"):
        reader = Reader(app, world.tokens[name])
        assert {path: reader.ask(path).status_code for path in ("/", "/new", *pages)} == dict.fromkeys(("/", "/new", *pages), 200), name
    administrator = Reader(app, world.tokens["administrator"])
    assert administrator.ask(f"/source/{theirs['id']}").status_code == 403
    assert administrator.post(f"/source/{theirs['id']}/delete").status_code == 403
    assert administrator.post("/new", least(world, "https://a.example", owner_org=world.other["id"])).status_code == 403
    assert len(administrator.get("/").select("tr[data-source]")) == 1
    assert len(Reader(app, world.tokens["sysadmin"]).get("/").select("tr[data-source]")) == 2
    # What changes something is never a GET.
    for path in changes:
        if not path.endswith(("/clear", "/delete")):
            assert administrator.ask(path).status_code in (404, 405), path


def test_what_is_not_there(sysadmin: Reader) -> None:
    for path in ("/source/none", "/job/none", "/record/999999999", "/source/none/records", "/job/none/issues.csv"):
        assert sysadmin.ask(path).status_code == 404, path


def test_a_form_of_another_site_changes_nothing(app: Any, world: World, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.flask_app.config, "WTF_CSRF_ENABLED", True)
    monkeypatch.setattr(csrf, "_exempt_views", set())
    name = factories.Sysadmin(password="correct-horse-battery")["name"]
    login = BeautifulSoup(app.get("/fr/user/login").body, "html.parser")
    token = login.select_one("input[name=_csrf_token]")["value"]  # type: ignore[index]
    app.post("/fr/user/login", data={"login": name, "password": "correct-horse-battery", "_csrf_token": token}, follow_redirects=False)
    here = f"/fr{ROOT}/source/{source['id']}"
    page = BeautifulSoup(app.get(here).body, "html.parser")
    forms = page.select('form[method="post"]')
    assert len(forms) >= 5
    assert all(form.select_one("input[name=_csrf_token]") for form in forms)
    for path in ("run", "check", "preview", "clear", "delete", "edit"):
        assert app.post(f"{here}/{path}", data={}, follow_redirects=False).status_code == 400, path
    assert call_action("ogptn_harvest_job_list", source_id=source["id"])["count"] == 0


def test_the_pages_are_found(app: Any, world: World, source: dict[str, Any]) -> None:
    for name, expected in (("sysadmin", True), ("administrator", True), ("editor", False)):
        page = BeautifulSoup(app.get("/fr/dataset/", headers={"Authorization": world.tokens[name]}).body, "html.parser")
        assert bool(page.select_one(f'.og-staff a[href="/fr{ROOT}/"]')) == expected, name
    headers = {"Authorization": world.tokens["administrator"]}
    manage = BeautifulSoup(app.get(f"/fr/organization/edit/{world.agency['name']}", headers=headers).body, "html.parser")
    link = manage.select_one(f'.page-header a[href^="/fr{ROOT}/"]')
    assert link is not None
    listed = BeautifulSoup(app.get(str(link["href"]), headers=headers).body, "html.parser")
    assert len(listed.select("tr[data-source]")) == 1
    admin = BeautifulSoup(app.get("/fr/ckan-admin/", headers={"Authorization": world.tokens["sysadmin"]}).body, "html.parser")
    assert admin.select_one(f'.page-header a[href="/fr{ROOT}/"]')


# -- sources


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_empty_states_lead_on(administrator: Reader, language: str) -> None:
    page = administrator.get("/", language)
    empty = page.select_one(".og-empty")
    assert empty is not None
    assert empty.select_one(f'a[href="/{language}{ROOT}/new"]')
    assert (language == "ar") == bool(ARABIC.search(text(empty)))


def test_the_form_is_drawn_from_the_typed_options(administrator: Reader, sysadmin: Reader, world: World) -> None:
    from ckanext.ogptn.harvesters.engine.registry import backends

    page = administrator.get("/new", "fr")
    assert {str(radio["value"]) for radio in page.select("input[name=backend]")} == set(backends())
    for kind, backend in backends().items():
        for described in backend.Options.describe():
            control = page.select_one(f'[name="options-{kind}-{described["name"]}"]')
            assert control is not None, (kind, described["name"])
            assert page.select_one(f'label[for="{control["id"]}"]'), described["name"]
            if described["type"] == "choice":
                assert len(control.select("option")) == len(described["choices"])
    # The only organisation that may be is chosen already; credentials are a system administrator's.
    assert [option["value"] for option in page.select("select[name=owner_org] option")] == [world.agency["id"]]
    assert not page.select("[name=auth_env]")
    assert sysadmin.get("/new", "fr").select("[name=auth_env]")


@pytest.mark.ckan_config("ogptn.harvest.secret_key", "c3ludGhldGlxdWUtY2xlLXBvdXItbGVzLWVzc2Fpcy4=")
def test_credentials_go_one_way(sysadmin: Reader, administrator: Reader, world: World, portal: TrialSource) -> None:
    """What is typed as a secret comes back on no page: not after trying, not after a mistake, not once it is stored."""
    sent = least(world, portal.url, auth_header="Authorization", auth_value="Bearer s3cr3t")
    for act, more in (("check", {}), ("preview", {}), ("save", {"title": ""})):
        answer = sysadmin.post("/new", {**sent, **more, "act": act})
        assert answer.status_code == (400 if more else 200)
        assert "s3cr3t" not in answer.body
        field = BeautifulSoup(answer.body, "html.parser").select_one("[name=auth_value]")
        assert field is not None
        assert (field["type"], field["value"], field["autocomplete"]) == ("password", "", "off")
    where = sysadmin.post("/new", sent).headers["Location"].split(ROOT, 1)[1]
    edit = sysadmin.get(f"{where}/edit")
    assert "s3cr3t" not in str(edit)
    assert edit.select_one("[name=auth_value]")["value"] == ""  # pyright: ignore[reportOptionalSubscript]
    assert "A value is stored" in text(edit.select_one("#harvest-source"))
    # Saved again with the field empty: it stays, and an administrator of the organisation changes the rest.
    again = {**sent, "auth_value": "", "title": "Autre nom"}
    assert sysadmin.post(f"{where}/edit", again).status_code == 302
    plain = {name: value for name, value in again.items() if not name.startswith("auth_")}
    assert administrator.post(f"{where}/edit", {**plain, "title": "Encore"}).status_code == 302
    source = call_action("ogptn_harvest_source_show", id=where.rsplit("/", 1)[1])
    assert (source["auth_stored"], source["title"]) == (True, "Encore")
    model.Session.delete(model.Session.get(Source, source["id"]))
    model.Session.commit()


def test_a_source_from_the_form_to_the_page(administrator: Reader, world: World, portal: TrialSource) -> None:
    sent = least(
        world,
        portal.url,
        **{"schedule-kind": "weekly", "schedule-day": "3", "schedule-time": "03:30", "active": "true", "limits-delay": "2"},
    )
    sent |= {"options-ckan-organizations": "energie\nmines", "options-dcat-format": ""}
    answer = administrator.post("/new", sent)
    assert answer.status_code == 302, answer.body[:3000]
    [source] = call_action("ogptn_harvest_source_list")["results"]
    assert answer.headers["Location"].endswith(f"/source/{source['id']}")
    assert (source["schedule"], source["limits"], source["active"]) == ("30 3 * * 3", {"delay": 2}, True)
    assert source["options"]["organizations"] == ["energie", "mines"]
    # A box that was not ticked is no, though its default is yes.
    assert source["options"]["changes_only"] is False
    page = administrator.get(f"/source/{source['id']}")
    assert "every week: Wednesday at 03:30" in text(page)
    assert "energie, mines" in text(page)
    form = administrator.get(f"/source/{source['id']}/edit")
    assert form.select_one("select[name=schedule-kind] option[selected]")["value"] == "weekly"  # type: ignore[index]
    assert form.select_one("select[name=schedule-day] option[selected]")["value"] == "3"  # type: ignore[index]
    assert form.select_one("input[name=schedule-time]")["value"] == "03:30"  # type: ignore[index]
    assert form.select_one("textarea[name=options-ckan-organizations]").text.strip() == "energie\nmines"  # type: ignore[union-attr]
    # What the form shows, sent as it is, changes nothing.
    again = {str(node["name"]): node.get("value", "") for node in form.select("#harvest-source input[type=text], input[checked]")}
    again |= {str(node["name"]): node.text.strip() for node in form.select("#harvest-source textarea")}
    again |= {str(node["name"]): node.select_one("option[selected]")["value"] for node in form.select("#harvest-source select")}  # type: ignore[index]
    assert administrator.post(f"/source/{source['id']}/edit", {**again, "act": "save"}).status_code == 302
    after = call_action("ogptn_harvest_source_show", id=source["id"])
    assert {name: after[name] for name in ("title", "url", "options", "schedule", "limits", "active", "language")} == {
        name: source[name] for name in ("title", "url", "options", "schedule", "limits", "active", "language")
    }


@pytest.mark.parametrize("language", ["ar", "fr"])
def test_errors_stand_beside_their_fields_and_nothing_is_lost(administrator: Reader, world: World, language: str) -> None:
    wrong = least(world, "javascript:alert(1)", **{"title": "", "schedule-kind": "daily", "schedule-time": "27:00"})
    wrong |= {"options-ckan-page_size": "many", "limits-ceiling_percent": "140", "ca_bundle": SCRIPT, "options-ckan-query": SCRIPT}
    answer = administrator.post("/new", wrong, language)
    assert answer.status_code == 400
    page = BeautifulSoup(answer.body, "html.parser")
    named = ["title", "url", "options-ckan-page_size", "schedule-time", "limits-ceiling_percent", "ca_bundle"]
    links = [str(link["href"]) for link in page.select(".ogf-summary a")]
    assert sorted(links) == sorted(f"#field-{name}" for name in named)
    for name in named:
        control = page.select_one(f'[name="{name}"]')
        assert control is not None
        assert control.get("aria-invalid") == "true", name
        message = page.select_one(f"#field-{name}-error")
        assert message is not None, name
        assert (language == "ar") == bool(ARABIC.search(text(message))), text(message)
    assert page.select_one('[name="options-ckan-page_size"]')["value"] == "many"  # type: ignore[index]
    assert page.select_one('[name="limits-ceiling_percent"]')["value"] == "140"  # type: ignore[index]
    assert page.select_one("[name=ca_bundle]").text.strip() == SCRIPT  # type: ignore[union-attr]
    assert page.select_one('[name="options-ckan-query"]')["value"] == SCRIPT  # type: ignore[index]
    assert not page.select("img[onerror]")
    assert call_action("ogptn_harvest_source_list")["count"] == 0


def test_what_is_wrong_is_said_all_at_once(administrator: Reader, world: World) -> None:
    """An option that is no number does not hide that the licence is none."""
    wrong = {"options-ckan-page_size": "many", "options-ckan-default_licence": "free beer"}
    page = BeautifulSoup(administrator.post("/new", least(world, "https://a.example", **wrong)).body, "html.parser")
    assert {str(link["href"]) for link in page.select(".ogf-summary a")} == {f"#field-{name}" for name in wrong}


def test_a_kind_of_source_that_makes_budgets_does_not_ask_what_its_records_become(administrator: Reader) -> None:
    page = administrator.get("/new")
    field = page.select_one("[data-ogh-kinds]")
    assert field is not None
    assert field.select_one("[name=dataset_type]")
    asked = set(str(field["data-ogh-kinds"]).split())
    assert {"ckan", "industrie", "files"} <= asked
    assert not asked & {"mizaniatouna", "adeb", "resourcecontracts"}


class TestCertificates:
    @pytest.fixture(scope="class")
    def pem(self) -> str:
        return authority().pem

    def errors(self, administrator: Reader, world: World, given: str) -> str:
        page = BeautifulSoup(administrator.post("/new", least(world, "https://a.example", ca_bundle=given)).body, "html.parser")
        return text(page.select_one("#field-ca_bundle-error"))

    def test_what_programs_print_around_them_is_left_out(self, administrator: Reader, world: World, pem: str) -> None:
        given = f"subject=CN = Essai\r\n{pem.replace(chr(10), chr(13) + chr(10))}issuer=CN = Essai\n"
        assert administrator.post("/new", least(world, "https://a.example", ca_bundle=given)).status_code == 302
        [source] = call_action("ogptn_harvest_source_list")["results"]
        stored = call_action("ogptn_harvest_source_show", id=source["id"])["ca_bundle"]
        assert stored == pem.strip()
        call_action("ogptn_harvest_source_delete", id=source["id"])

    def test_one_that_cannot_be_read_is_counted(self, administrator: Reader, world: World, pem: str) -> None:
        broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        assert "Certificate 2" in self.errors(administrator, world, pem + broken)

    def test_a_private_key_is_not_stored(self, administrator: Reader, world: World, pem: str) -> None:
        key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
        assert "private key" in self.errors(administrator, world, pem + key)
        assert call_action("ogptn_harvest_source_list")["count"] == 0


def test_trying_and_previewing_before_anything_is_saved(administrator: Reader, world: World, portal: TrialSource) -> None:
    page = BeautifulSoup(administrator.post("/new", least(world, portal.url, act="check")).body, "html.parser")
    assert "12" in text(page.select_one("#answer"))
    assert page.select_one("[name=title]")["value"] == "Portail d’essai"  # type: ignore[index]
    portal.datasets[0]["title"] = SCRIPT
    page = BeautifulSoup(administrator.post("/new", least(world, portal.url, act="preview")).body, "html.parser")
    assert text(page.select_one('#answer [data-count="added"] strong')) == "12"
    assert not page.select("img[onerror]")
    page = BeautifulSoup(administrator.post("/new", least(world, portal.url + "/zq", act="check"), "fr").body, "html.parser")
    alert = page.select_one("#answer .og-alert--error")
    assert alert is not None
    assert portal.url in text(alert)
    assert administrator.post("/new", least(world, portal.url, act="zq")).status_code == 400
    assert call_action("ogptn_harvest_source_list")["count"] == 0
    assert model.Session.query(model.Package).filter(model.Package.state == "active").count() == 0


def test_a_preview_shows_what_would_change_field_by_field(administrator: Reader, source: dict[str, Any], portal: TrialSource) -> None:
    harvest(source)
    portal.datasets[1]["notes"] = "Nouvelle description"
    del portal.datasets[11]
    page = BeautifulSoup(administrator.post(f"/source/{source['id']}/preview").body, "html.parser")
    shown = {str(node["data-count"]): text(node.select_one("strong")) for node in page.select("#answer [data-count]")}
    assert shown == {"added": "0", "changed": "1", "unchanged": "10", "missing": "1", "refused": "0"}
    assert "Nouvelle description" in text(page.select_one(".og-changes ins"))
    assert "inventés" in text(page.select_one(".og-changes del"))
    # The same over everything, as a job.
    answer = administrator.post(f"/source/{source['id']}/run", {"kind": "preview"})
    job = answer.headers["Location"].rsplit("/", 1)[1]
    run.run(job)
    model.Session.remove()
    page = administrator.get(f"/job/{job}")
    assert "Nouvelle description" in text(page.select_one(".og-changes ins"))
    assert call_action("package_search", q="Nouvelle")["count"] == 0


def test_clearing_and_removing_are_asked_for_twice(administrator: Reader, source: dict[str, Any]) -> None:
    harvest(source)
    assert "12 datasets" in text(administrator.get(f"/source/{source['id']}/clear").select_one(".ogh"))
    job = administrator.post(f"/source/{source['id']}/clear").headers["Location"].rsplit("/", 1)[1]
    # Somebody who wants to remove it meanwhile is told why not.
    assert administrator.post(f"/source/{source['id']}/delete").headers["Location"].endswith(f"/source/{source['id']}")
    run.run(job)
    model.Session.remove()
    page = administrator.get(f"/job/{job}")
    assert len(page.select("[data-gone]")) == 12
    assert administrator.post(f"/job/{job}/restore").status_code == 302
    assert call_action("package_search", rows=0)["count"] == 12
    assert not administrator.get(f"/job/{job}").select("[data-gone]")
    assert administrator.post(f"/source/{source['id']}/delete").headers["Location"].endswith(f"{ROOT}/")
    assert administrator.ask(f"/source/{source['id']}").status_code == 403
    assert call_action("package_search", rows=0)["count"] == 12


# -- records


def test_records_are_found_filtered_and_paged(
    administrator: Reader, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch, portal: TrialSource
) -> None:
    harvest(source)
    monkeypatch.setattr(views, "PAGE", 5)
    here = f"/source/{source['id']}/records"
    page = administrator.get(here)
    assert len(page.select("[data-record]")) == 5
    assert "12 records" in text(page.select_one("[role=status]"))
    assert "page=2" in str(page.select_one("a[rel=next]")["href"])  # type: ignore[index]
    assert len(administrator.get(f"{here}?page=3").select("[data-record]")) == 2
    # Too far is the last page; nonsense is the first.
    assert len(administrator.get(f"{here}?page=99").select("[data-record]")) == 2
    assert len(administrator.get(f"{here}?page=zq&state=zq").select("[data-record]")) == 5
    wanted = portal.datasets[7]["title"].split(",")[0]
    found = administrator.get(f"{here}?q={wanted}&state=active")
    assert len(found.select("[data-record]")) == 1
    assert found.select_one("[name=q]")["value"] == wanted  # type: ignore[index]
    assert found.select_one('a[href^="/en/dataset/"]')
    assert administrator.get(f"{here}?q=%25&state=refused").select_one(".og-empty a")


def test_what_was_changed_here_is_kept_or_given_up(administrator: Reader, source: dict[str, Any], portal: TrialSource) -> None:
    harvest(source)
    user = call_action("get_site_user", context={"ignore_auth": True, "user": ""})["name"]
    [first, second, *_] = call_action("ogptn_harvest_record_list", source_id=source["id"])["results"]
    for record in (first, second):
        call_action("package_patch", {"user": user}, id=record["package_id"], notes_translated={"fr": "Corrigé ici"})
    portal.datasets[0]["notes"] = portal.datasets[1]["notes"] = "Nouveau à la source"
    harvest(source)
    assert len(administrator.get(f"/source/{source['id']}/records?edited=1").select("[data-record]")) == 2
    page = administrator.get(f"/record/{first['id']}")
    edit = page.select_one('[data-field="notes_translated"]')
    assert edit is not None
    assert "Corrigé ici" in text(edit)
    assert "Nouveau à la source" in text(edit)
    assert administrator.post(f"/record/{first['id']}/decide", {"field": "notes_translated"}).status_code == 400
    administrator.post(f"/record/{first['id']}/decide", {"field": "notes_translated", "take": "here"})
    administrator.post(f"/record/{second['id']}/decide", {"field": "notes_translated", "take": "source"})
    assert not administrator.get(f"/record/{first['id']}").select("[data-field]")
    harvest(source)
    notes = [call_action("package_show", id=record["package_id"])["notes_translated"]["fr"] for record in (first, second)]
    assert notes == ["Corrigé ici", "Nouveau à la source"]


def test_a_removed_dataset_comes_back(administrator: Reader, source: dict[str, Any]) -> None:
    harvest(source)
    harvest(source, kind="clear")
    record = call_action("ogptn_harvest_record_list", source_id=source["id"])["results"][0]
    assert administrator.get(f"/record/{record['id']}").select_one('form[action$="/restore"]')
    administrator.post(f"/record/{record['id']}/restore")
    page = administrator.get(f"/record/{record['id']}")
    assert page.select_one('[data-state="missing"]')
    assert page.select_one('a[href^="/en/dataset/"]')
    assert administrator.post(f"/record/{record['id']}/restore").status_code == 404


# -- jobs


def test_a_job_while_it_runs(administrator: Reader, source: dict[str, Any]) -> None:
    job = administrator.post(f"/source/{source['id']}/run").headers["Location"].rsplit("/", 1)[1]
    page = administrator.get(f"/job/{job}", "fr")
    card = page.select_one("[data-ogh-live]")
    assert card is not None
    assert card["data-ogh-live"] == f"/fr{ROOT}/job/{job}/live"
    assert card.select_one('[role=status][aria-live="polite"]')
    assert page.select_one("[data-phase]")["data-phase"] == "waiting"  # type: ignore[index]
    # A second one at the same time is refused, with words.
    again = administrator.post(f"/source/{source['id']}/run")
    assert again.headers["Location"].endswith(f"/source/{source['id']}")
    row = model.Session.get(Job, job)
    assert row is not None
    row.phase, row.started, row.heartbeat, row.expected, row.worker = "reading", now(), now(), 200, "hote:12"
    row.counts = {"seen": 101, "added": 90, "refused": 11, "errors": 11}
    model.Session.commit()
    told = json.loads(administrator.ask(f"/job/{job}/live", "fr").body)
    assert told["open"] is True
    assert (told["phase"], told["problems"]) == ("Lecture de la source", 11)
    assert administrator.get(f"/job/{job}").select_one('[data-ogh-live][data-ogh-problems="11"]')
    assert "data-silent" not in told["html"]
    assert told["again"] >= 1000
    assert "50" in told["say"]
    part = BeautifulSoup(told["html"], "html.parser")
    assert "101 / 200" in text(part)
    assert "hote:12" in text(part)
    assert part.select_one('[role=progressbar][aria-valuenow="50"]')
    # Its worker was killed: who waits is told what happens next.
    row = model.Session.get(Job, job)
    assert row is not None
    row.heartbeat = now() - dt.timedelta(seconds=50)
    model.Session.commit()
    silent = BeautifulSoup(json.loads(administrator.ask(f"/job/{job}/live").body)["html"], "html.parser").select_one("[data-silent]")
    assert "2 minutes" in text(silent)
    assert administrator.post(f"/job/{job}/cancel").status_code == 302
    assert model.Session.get(Job, job, populate_existing=True).cancel  # type: ignore[union-attr]
    assert not administrator.get(f"/job/{job}").select('form[action$="/cancel"]')
    row = model.Session.get(Job, job)
    row.phase, row.finished = "cancelled", now()  # type: ignore[union-attr]
    model.Session.commit()
    assert json.loads(administrator.ask(f"/job/{job}/live").body)["open"] is False
    assert not administrator.get(f"/job/{job}").select("[data-ogh-live]")


def test_the_question_of_the_ceiling(administrator: Reader, source: dict[str, Any], portal: TrialSource) -> None:
    harvest(source)
    del portal.datasets[4:]
    asked = harvest(source)
    assert administrator.get(f"/source/{source['id']}").select_one(f'a[href$="/job/{asked}#question"]')
    assert administrator.get("/").select_one(".og-tag--warn")
    question = administrator.get(f"/job/{asked}").select_one("#question")
    assert question is not None
    assert "8 of 12" in text(question)
    assert len(question.select("li")) == 8
    assert administrator.post(f"/job/{asked}/decide", {}).status_code == 400
    administrator.post(f"/job/{asked}/decide", {"answer": "keep"})
    assert not administrator.get(f"/job/{asked}").select("#question form")
    assert not administrator.get(f"/source/{source['id']}").select('a[href$="#question"]')
    asked = harvest(source)
    following = administrator.post(f"/job/{asked}/decide", {"answer": "remove"}).headers["Location"].rsplit("/", 1)[1]
    run.run(following)
    model.Session.remove()
    assert call_action("ogptn_harvest_job_show", id=following)["counts"]["missing"] == 8
    assert administrator.get(f"/job/{asked}").select_one(f'a[href$="/job/{following}"]')


def issue(job: str, slug: str = "refused", severity: str = "error", **more: Any) -> None:
    model.Session.add(StoredIssue(job_id=job, slug=slug, severity=severity, **more))


def test_issues_are_filtered_paged_and_explained(administrator: Reader, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    job = harvest(source)
    [record, *_] = call_action("ogptn_harvest_record_list", source_id=source["id"])["results"]
    for number in range(7):
        issue(job, guid=record["guid"], title=f"Jeu {number}", field="resources-1-url", values={"reason": "trop long"})
    issue(job, "duplicate-identifier", "warning", guid="zq", title="Deux fois")
    model.Session.commit()
    monkeypatch.setattr(views, "PAGE", 5)
    page = administrator.get(f"/job/{job}", "fr")
    assert len(page.select("[data-issue]")) == 5
    first = page.select_one("[data-issue]")
    assert first is not None
    assert "trop long" in text(first.select_one(".ogh-cause"))
    assert first.select_one(f'a[href="/fr{ROOT}/record/{record["id"]}#raw"]')
    assert first.select_one(f'a[href="{record["url"]}"][rel~=noopener]')
    assert "Fichier 2" in text(first)
    assert len(administrator.get(f"/job/{job}?severity=error&page=2").select("[data-issue]")) == 2
    only = administrator.get(f"/job/{job}?slug=duplicate-identifier")
    assert [str(node["data-severity"]) for node in only.select("[data-issue]")] == ["warning"]
    assert administrator.get(f"/job/{job}?slug=zq").select_one(".og-empty a")


def test_issues_as_csv(administrator: Reader, source: dict[str, Any]) -> None:
    job = harvest(source)
    [record, *_] = call_action("ogptn_harvest_record_list", source_id=source["id"])["results"]
    issue(job, guid=record["guid"], title='=HYPERLINK("http://x")', values={"reason": "@SUM(1)\r\nligne"})
    issue(job, "duplicate-identifier", "warning", guid="+1", title="-2")
    model.Session.commit()
    answer = administrator.ask(f"/job/{job}/issues.csv", "ar")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    body = answer.get_data()
    assert body.startswith(b"\xef\xbb\xbf")
    header, *rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert all(ARABIC.search(name) for name in header)
    assert len(rows) == 2
    assert rows[0][2] == '\'=HYPERLINK("http://x")'
    assert rows[0][7].endswith(f"/harvest/record/{record['id']}")
    assert rows[1][2:4] == ["'-2", "'+1"]
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r")]
    only = administrator.ask(f"/job/{job}/issues.csv?severity=warning").get_data().decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(only)))) == 2


@pytest.mark.parametrize("given", ["=1", "+1", "-1", "@a", " =1", "\t=1", "\ufeff=1", "\u200b+1", "＝1", "|calc", "\x00=1"])
def test_no_cell_is_a_formula(given: str) -> None:
    assert issues_csv.cell(given).startswith("'")


def test_cells_that_are_none() -> None:
    assert [issues_csv.cell(each) for each in ("a=1", "", None, 12, "2015-01-01")] == ["a=1", "", "", "12", "2015-01-01"]


# -- strangers


def test_a_hostile_record_runs_nothing(administrator: Reader, source: dict[str, Any], portal: TrialSource) -> None:
    with portal.failing("script"):
        job = harvest(source)
    raw = json.dumps({"title": SCRIPT}).encode()
    row = HarvestRecord(
        source_id=source["id"], guid=SCRIPT, key=record_key(SCRIPT), title=SCRIPT, url=f"javascript:alert('{SCRIPT}')", state="refused"
    )
    row.content, row.media_type = zlib.compress(raw), f"text/html{SCRIPT}"
    row.offered = {SCRIPT: SCRIPT}
    model.Session.add(row)
    issue(job, SCRIPT[:40], guid=SCRIPT, title=SCRIPT, field=SCRIPT, values={"reason": SCRIPT})
    issue(job, guid=SCRIPT, title=SCRIPT, field="x", values={"reason": SCRIPT})
    stored = model.Session.get(Job, job)
    assert stored is not None
    stored.result = {"ceiling": {"count": 8, "of": 9, "titles": [SCRIPT]}, "incomplete": [SCRIPT]}
    stored.worker, stored.user = SCRIPT, SCRIPT
    model.Session.commit()
    call_action("ogptn_harvest_source_update", id=source["id"], title=SCRIPT)
    pages = [
        "/",
        f"/source/{source['id']}",
        f"/source/{source['id']}/edit",
        f"/source/{source['id']}/records",
        f"/source/{source['id']}/clear",
    ]
    pages += [f"/record/{row.id}", f"/job/{job}"]
    for path in pages:
        answer = administrator.ask(path, "ar")
        assert answer.status_code == 200, path
        page = BeautifulSoup(answer.body, "html.parser")
        assert not page.select("img[onerror]"), path
        assert "alert(1)" not in "".join(script.text for script in page.select("script")), path
        assert not [link["href"] for link in page.select("a[href]") if str(link["href"]).lower().startswith("javascript")], path
    answer = administrator.ask(f"/record/{row.id}/raw")
    assert answer.get_data() == raw
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_addresses_that_may_be_followed() -> None:
    assert words.safe_url("https://a.tn/x") == "https://a.tn/x"
    for url in ("javascript:alert(1)", "data:text/html,x", "//a.tn", "/inside", "http://", "", None, "http://[", " javascript:x"):
        assert words.safe_url(url) == "", url


def test_the_picture_of_the_past() -> None:
    def job(phase: str, kind: str = "harvest", **counts: int) -> dict[str, Any]:
        every = dict.fromkeys(("added", "changed", "back", "missing", "removed"), 0)
        return {"phase": phase, "kind": kind, "counts": {**every, **counts}, "result": {}}

    drawn = words.chart([job("finished"), job("failed"), job("finished", "preview"), job("finished", added=400), job("reading")])
    assert [bar["tone"] for bar in drawn["bars"]] == ["open", "changed", "bad", "calm"]
    assert max(bar["height"] for bar in drawn["bars"]) == drawn["height"]
    assert all(bar["height"] > 0 and bar["x"] + bar["width"] <= drawn["width"] for bar in drawn["bars"])
    assert words.chart([])["bars"] == []


@pytest.mark.parametrize("cron", ["", "0 * * * *", "30 3 * * *", "5 14 * * 0", "*/5 * * * *", "0 2 1 * *"])
def test_every_stored_schedule_has_its_controls(cron: str) -> None:
    from ckanext.ogptn.harvesters.engine import jobs
    from ckanext.ogptn.harvesters.pages.form import _schedule

    parts = words.schedule_parts(cron)
    assert jobs.cron_of(_schedule({f"schedule-{name}": value for name, value in parts.items()})) == cron


@pytest.mark.parametrize("path", ["/harvest", "/commitment-rounds", "/commitment-recommendations", "/ckan-admin/vocabularies"])
def test_an_address_without_its_slash_keeps_the_language(app: Any, path: str) -> None:
    answer = app.get(f"/fr{path}", follow_redirects=False)
    # Shown, refused, or sent to log in; never sent to the address with a slash, where the language is lost.
    assert answer.status_code in (200, 302, 403)
    assert '<html lang="fr"' in answer.body or "/fr/user/login" in answer.headers["Location"]


def test_values_are_told_in_words(app: Any, world: World) -> None:
    with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": "fr"}):
        assert words.value({"fr": "Titre", "ar": "عنوان"}) == "Français\u00a0: Titre\nالعربية\u00a0: عنوان"
        period = words.value([{"start": "2010", "end": "2012"}, {"start": "2015"}])
        assert period.count("\n") == 1
        assert "2010" in period
        assert not {"{", '"', "start"} & set(re.findall(r"\w+|[{\"]", period))
        assert words.value(["a", "b"]) == "a\nb"
        assert [words.value(empty) for empty in (None, "", [], {}, {"fr": ""})] == [""] * 5
        assert words.value("x" * 3000).endswith("…")
        assert "3" in words.reason("3 of 10")
        for code in ("changes-only", "fewer-than-announced", "empty-source", "without-identifier", "too-many-folders"):
            assert words.reason(code) != code
        assert words.reason("not-a-dataset") == "not-a-dataset"
