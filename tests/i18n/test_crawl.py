"""No page, form, error or mail of the portal shows English to a reader of Arabic or French.

Every page that a visitor, a steward and an administrator can reach is read in both languages and in English. A text is English if it is a
message of our source, of CKAN or of its extensions, if it has English function words, or if the English page says the same; what may be
English all the same is listed, with its reason, in ``exceptions.yaml`` and ``i18n/identical.yaml``.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urldefrag, urlsplit

import ckan.plugins as p
import pytest
from bs4 import BeautifulSoup
from ckan.lib import mailer
from ckan.tests import factories
from ckan.tests.helpers import call_action
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from ckanext.ogptn.seed import loader
from ckanext.ogptn.stack.site import PLUGINS as PORTAL_PLUGINS
from tests.i18n.visible import english, exceptions, parsed, texts

LANGUAGES = ("ar", "fr")
#: Pages of one kind (one endpoint) that are read for each role.
PER_KIND = 3
TYPES = ("dataset", "commitment", "budget", "extractive")
#: What ``ogptn up`` loads, and the title that says nobody chose one.
SITE = {
    "ckan.plugins": " ".join(PORTAL_PLUGINS),
    "ckan.site_title": "CKAN",
    "ckan.views.default_views": "datatables_view text_view image_view",
}
#: Not pages: files, feeds, other formats, the API; and what would end the session.
NOT_PAGES = re.compile(
    r"/api/|/feeds?/|/download/|/uploads/|/webassets/|/base/|/ogptn/|/_logout|/user/_?logout|\.(rdf|xml|ttl|jsonld|n3|csv|json|pdf|png|svg|ico|css|js)$"
    r"|/datastore/dump/|members\.csv|/datatables/(ajax|filtered-download)|/util/|/oembed|/proxy"
)


def portal(test: Any) -> Any:
    for name, value in SITE.items():
        test = pytest.mark.ckan_config(name, value)(test)
    return test


@dataclass
class Site:
    app: Any
    users: dict[str, dict[str, Any]]
    names: dict[str, str]
    ids: set[str] = field(default_factory=set)

    def get(self, role: str, language: str, path: str) -> Any:
        return self.app.get(f"/{language}{path}", headers=self._headers(role), status=None)

    def post(self, role: str, language: str, path: str, data: dict[str, str]) -> Any:
        return self.app.post(f"/{language}{path}", data=data, headers=self._headers(role), status=None)

    def _headers(self, role: str) -> dict[str, str]:
        return {"Authorization": self.users[role]["token"]} if role in self.users else {}

    def kind(self, path: str) -> str | None:
        """The endpoint behind a path; nothing if there is none."""
        try:
            return str(self.app.flask_app.url_map.bind("test.ckan.net").match(urlsplit(path).path)[0])
        except RequestRedirect as redirect:
            return self.kind(urlsplit(redirect.new_url).path)
        except HTTPException:
            return None


_loaded: dict[str, Any] = {}


@pytest.fixture
def site(request: pytest.FixtureRequest, with_plugins: None) -> Iterator[Site]:
    """The seed with its demonstration data, a steward of one organisation and an administrator; made once for the module."""
    if not _loaded:
        request.getfixturevalue("clean_db")
        app = request.getfixturevalue("app")
        with app.flask_app.test_request_context("/"):
            report = loader.load(demo=True)
        assert not report.errors
        steward = factories.UserWithToken(name="zq-amel", fullname="zq-amel", email="zq-amel@zq.tn", about="zq")
        admin = factories.SysadminWithToken(name="zq-sami", fullname="zq-sami", email="zq-sami@zq.tn", about="zq")
        found = {t: call_action("package_search", fq=f"dataset_type:{t}", rows=200)["results"] for t in TYPES}
        organization = found["commitment"][0]["organization"]["name"]
        call_action("organization_member_create", id=organization, username=steward["name"], role="admin")
        call_action("follow_dataset", {"user": steward["name"]}, id=found["commitment"][0]["id"])
        group = factories.Group(name="zq-group", title="zq-group", description="zq", users=[{"name": admin["name"], "capacity": "admin"}])
        with_files = [d for t in TYPES for d in found[t] if d["resources"]]
        mine = [d for t in TYPES for d in found[t] if d["organization"]["name"] == organization]
        changed = call_action("package_show", id=mine[0]["id"])
        changed["url"] = "https://zq.tn/"
        call_action("package_update", {"user": steward["name"]}, **changed)
        _loaded.update(
            users={"steward": steward, "administrator": admin},
            names={
                "organization": organization,
                "steward": steward["name"],
                "group": group["name"],
                "mine": mine[0]["name"],
                "mine_type": mine[0]["type"],
                "with_file": with_files[0]["name"],
                "resource": with_files[0]["resources"][0]["id"],
                **{t: found[t][0]["name"] for t in TYPES if found[t]},
            },
        )
    app = request.getfixturevalue("app")
    # What goes wrong is shown to readers as a page, and listed by the test with the page it went wrong on.
    app.flask_app.config["TESTING"] = app.flask_app.config["PROPAGATE_EXCEPTIONS"] = False
    yield Site(app, _loaded["users"], _loaded["names"])


def starts(site: Site, role: str) -> list[str]:
    """Where the walk begins: what no link leads to, what goes wrong, and one of each kind."""
    n = site.names
    organization, group = f"/organization/{{}}/{n['organization']}", f"/group/{{}}/{n['group']}"
    mine, table = f"/{n['mine_type']}/{{}}{n['mine']}", f"/dataset/{n['with_file']}/resource/{n['resource']}"
    found = ["/", "/about", "/user/", "/user/login", "/user/register", "/user/reset", "/user/edit", f"/user/{n['steward']}"]
    found += ["/dataset/", "/organization/", "/group/", "/dataset/new", "/organization/new", "/group/new"]
    # Nothing found, too far, nonsense, and what is not there.
    found += ["/dataset/?q=zqzqzq", '/dataset/?q="', "/dataset/?q=zq&organization=zq&tags=zq", "/dataset/?page=99"]
    found += ["/organization/?q=zqzqzq", "/group/?q=zqzqzq", "/dataset/?sort=title_string+desc"]
    found += ["/zq-no-such-page", "/dataset/zq-none", "/organization/zq-none", "/group/zq-none", "/user/zq-none"]
    found += [mine.format("") + "/resource/zq-none"]
    found += [organization.format(page) for page in ("about", "activity", "edit", "members", "bulk_process", "member_new", "delete")]
    found += [group.format(page) for page in ("about", "activity", "edit", "members", "member_new", "delete")]
    found += [f"/organization/{n['organization']}", f"/group/{n['group']}"]
    found += [mine.format(page) for page in ("edit/", "delete/", "resources/", "groups/", "activity/", "")]
    found += [mine.format("") + "/resource/new"]
    found += [f"/dataset/{n['with_file']}", f"/dataset/{n['with_file']}/dictionary/{n['resource']}"]
    found += [table + page for page in ("", "/views", "/edit", "/new_view?view_type=datatables_view")]
    found += ["/dashboard/", "/dashboard/datasets", "/dashboard/organizations", "/dashboard/groups"]
    found += ["/ckan-admin/", "/ckan-admin/config", "/ckan-admin/trash"]
    found += [
        f"/ckan-admin/vocabularies/{page}" for page in ("", "plans", "governorates", "axes/new", "plans/edit/nap1", "zq", "plans/edit/zq")
    ]
    found += ["/harvest/", "/harvest/new", "/harvest/source/zq-none"]
    for t in TYPES:
        found += [f"/{t}/", f"/{t}/new"] + ([f"/{t}/{n[t]}"] if t in n else [])
    if role in site.users:
        me = site.users[role]["name"]
        found += [f"/user/edit/{me}", f"/user/{me}/api-tokens", f"/user/activity/{me}", f"/user/delete/{me}"]
    return found


def links(page: BeautifulSoup, language: str) -> Iterator[str]:
    """The pages of this site, in this language, that a page leads to; without their language."""
    for tag in page.find_all("a", href=True):
        parts = urlsplit(urldefrag(str(tag["href"]))[0])
        if parts.netloc not in ("", "test.ckan.net") or not parts.path.startswith(f"/{language}/"):
            continue
        yield parts.path[len(language) + 1 :] + (f"?{parts.query}" if parts.query else "")


@dataclass
class Walk:
    """What one role met."""

    pages: int = 0
    kinds: set[str] = field(default_factory=set)
    #: English text → where it was seen first, and how often.
    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    server_errors: list[str] = field(default_factory=list)

    def read(self, where: str, answers: dict[str, Any]) -> dict[str, BeautifulSoup]:
        """Read one page in all languages; gives what was read."""
        if any(answer.status_code >= 500 for answer in answers.values()):
            self.server_errors.append(f"{where}: {answers['en'].status_code}")
        pages = {language: parsed(answer.get_data(as_text=True)) for language, answer in answers.items()}
        in_english = frozenset(texts(pages["en"]))
        for language in LANGUAGES:
            self.pages += 1
            # What scripts fetch into a page is not a whole one.
            page = re.search(r"<html\b[^>]*>", answers[language].get_data(as_text=True))
            if page and f'lang="{language}"' not in page.group(0):
                self.found[f"{language}: the page does not say its language"].append(where)
            for text in texts(pages[language]):
                problem = english(text, language, in_english)
                if problem:
                    self.found[f"{language}: {problem}"].append(where)
        return pages

    def report(self) -> str:
        lines = [f"{problem}  ×{len(where)}, first on {where[0]}" for problem, where in sorted(self.found.items())]
        return "\n".join([f"{len(lines)} English texts on {self.pages} pages of {len(self.kinds)} kinds:", *lines, *self.server_errors])


def is_page(answer: Any) -> bool:
    return "html" in answer.headers.get("Content-Type", "")


def walk(site: Site, role: str) -> Walk:
    met = Walk()
    queue = deque(starts(site, role))
    certain = len(queue)
    seen: set[str] = set()
    per_kind: dict[str, int] = defaultdict(int)
    while queue:
        path = queue.popleft()
        certain -= 1
        if path in seen or NOT_PAGES.search(path):
            continue
        seen.add(path)
        kind = site.kind(path) or "nothing"
        if certain < 0 and (per_kind[kind] >= PER_KIND or ("?" in path and per_kind[f"{kind}?"] >= 1)):
            continue
        answers = {language: site.get(role, language, path) for language in (*LANGUAGES, "en")}
        if not all(is_page(answer) for answer in answers.values()):
            continue
        per_kind[kind] += 1
        per_kind[f"{kind}?"] += "?" in path
        met.kinds.add(kind)
        pages = met.read(f"{role} {path}", answers)
        queue.extend(links(pages["ar"], "ar"))
    return met


@portal
@pytest.mark.parametrize("role", ["visitor", "steward", "administrator"])
def test_no_page_shows_english_to_a_reader_of_arabic_or_french(site: Site, role: str) -> None:
    met = walk(site, role)
    print(f"\n{role}: {met.pages} pages read, {len(met.kinds)} kinds: {', '.join(sorted(met.kinds))}")
    assert not met.found and not met.server_errors, met.report()
    # The walk went somewhere: fewer kinds of page mean that links were not followed.
    assert len(met.kinds) >= {"visitor": 20, "steward": 35, "administrator": 40}[role]


def forms(site: Site) -> list[tuple[str, str, dict[str, str]]]:
    """Forms sent wrong, by role: (role, path, what is sent)."""
    n = site.names
    own, kind, me = n["mine"], n["mine_type"], site.users["steward"]["name"]
    password = {"old_password": "zq", "password1": "a", "password2": "b"}
    bad = {"title_translated-ar": "", "name": "!!", "url": "zq", "owner_org": "zq", "state": "zq"}
    found = [(role, f"/{t}/new", data) for t in TYPES for role in ("steward",) for data in ({}, bad)]
    found += [
        ("visitor", "/user/login", {"login": "zq", "password": "zq"}),
        ("visitor", "/user/register", {}),
        ("visitor", "/user/register", {"name": "!", "email": "zq", "password1": "zq", "password2": "zqzq"}),
        ("visitor", "/user/reset", {"user": ""}),
        ("visitor", "/user/reset", {"user": "zq-nobody"}),
        ("visitor", "/dataset/new", {}),
        ("steward", "/organization/new", {}),
        ("steward", "/organization/new", {"name": "!!", "title_translated-ar": ""}),
        ("administrator", "/group/new", {}),
        ("administrator", "/group/new", {"name": "!!"}),
        ("steward", f"/organization/member_new/{n['organization']}", {"username": "zq-nobody", "role": "editor"}),
        ("steward", f"/{kind}/edit/{own}", {"name": "!!"}),
        ("steward", f"/{kind}/{own}/resource/new", {"save": "go-metadata", "id": "", "url": "zq", "name": "zq"}),
        ("steward", f"/user/edit/{me}", {"save": "", "email": "zq", **password}),
        ("steward", f"/user/{me}/api-tokens", {"name": "zq-token"}),
        ("steward", f"/user/{me}/api-tokens", {"name": ""}),
        ("administrator", "/ckan-admin/config", {"save": "", "ckan.site_title": ""}),
        ("administrator", "/ckan-admin/vocabularies/axes/new", {}),
        ("administrator", "/ckan-admin/vocabularies/plans/new", {"code": "nap1", "label-ar": "a\u202eb", "start": "zq", "uri": "zq"}),
        ("administrator", "/harvest/new", {"backend": "ckan", "schedule-kind": "cron", "options-ckan-page_size": "zq"}),
        ("administrator", "/harvest/new", {"backend": "zq", "schedule-kind": "daily", "ca_bundle": "zq", "auth_header": "zq"}),
    ]  # fmt: skip
    return found


@portal
def test_no_error_of_a_form_is_in_english(site: Site) -> None:
    met = Walk()
    for role, path, data in forms(site):
        answers = {language: site.post(role, language, path, data) for language in (*LANGUAGES, "en")}
        met.read(f"{role} sends {path} {data}", answers)
    assert not met.found and not met.server_errors, met.report()


@portal
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_mail_is_in_english(site: Site, language: str, monkeypatch: pytest.MonkeyPatch, ckan_config: dict[str, Any]) -> None:
    """Mails speak the language of the request that sends them: the site's own where there is none."""
    import ckan.model as model

    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(mailer, "mail_user", lambda _user, subject, body, **_: sent.append((subject, body)))
    ckan_config["ckan.locale_default"] = language
    with site.app.flask_app.test_request_context("/"):
        user = model.User.get(site.users["steward"]["name"])
        assert user is not None
        group = call_action("organization_show", id=site.names["organization"])
        mailer.send_reset_link(user)
        mailer.send_invite(user, group, "editor")
        if p.plugin_loaded("activity"):
            from ckanext.activity import email_notifications

            for number in (1, 2, 5):
                mail = email_notifications._notifications_for_activities([{"id": "x"}] * number, {"display_name": "zq"})
                sent.extend((m["subject"], m["body"]) for m in mail)
    assert len(sent) >= 2
    found = [
        str(problem)
        for subject, body in sent
        for text in (subject, *body.splitlines())
        if text.strip() and (problem := english(" ".join(text.split()), language))
    ]
    assert not found, "\n".join(found)


def test_exceptions_are_few_and_have_reasons() -> None:
    assert len(exceptions()) <= 40
    assert all(len(reason) > 10 and languages <= set(LANGUAGES) for _pattern, languages, reason in exceptions())
