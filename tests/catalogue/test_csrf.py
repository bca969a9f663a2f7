"""Forms of other sites: what a person with an API token does opens no form to them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan.config.middleware.flask_app import csrf
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.catalogue.csrf import ExemptViews, exempt_requests_not_views

PASSWORD = "correct-horse-battery"


def logged_in(app: Any, name: str) -> None:
    login = BeautifulSoup(app.get("/fr/user/login").body, "html.parser")
    token = login.select_one("input[name=_csrf_token]")["value"]  # type: ignore[index]
    app.post("/fr/user/login", data={"login": name, "password": PASSWORD, "_csrf_token": token}, follow_redirects=False)


@pytest.mark.usefixtures("clean_db")
def test_a_request_with_a_token_exempts_itself_and_nobody_else(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.flask_app.config, "WTF_CSRF_ENABLED", True)
    organization = factories.Organization()
    path = f"/organization/edit/{organization['name']}"
    sysadmin = factories.Sysadmin(password=PASSWORD)
    token = call_action("api_token_create", context={"user": sysadmin["name"]}, user=sysadmin["name"], name="x")["token"]
    changed = {"name": organization["name"], "title_translated-ar": "وكالة", "title_translated-fr": "Agence", "save": ""}
    by_token = app.post(path, data=changed, headers={"Authorization": token}, follow_redirects=False)
    assert by_token.status_code == 302, by_token.body
    logged_in(app, sysadmin["name"])
    forged = app.post(path, data={**changed, "title_translated-fr": "Faux"}, follow_redirects=False)
    assert forged.status_code == 400
    assert call_action("organization_show", id=organization["id"])["title_translated"]["fr"] == "Agence"


def test_what_is_exempted_at_start_stays_so_for_every_request(app: Any) -> None:
    exempt_requests_not_views()
    views = csrf._exempt_views
    exempt_requests_not_views()
    assert csrf._exempt_views is views
    own = ExemptViews({"of.an.extension"})
    own.add("of.another")
    with app.flask_app.test_request_context():
        own.add("of.this_request")
        assert {"of.an.extension", "of.another", "of.this_request"} == {
            name for name in ("of.an.extension", "of.another", "of.this_request", "none") if name in own
        }
        with ThreadPoolExecutor(1) as other:
            assert not other.submit(own.__contains__, "of.this_request").result()
    assert "of.this_request" not in own
    with app.flask_app.test_request_context():
        assert "of.this_request" not in own
