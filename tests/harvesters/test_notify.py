"""Mail of the harvest engine, caught by a real mail server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action
from flask import has_request_context

from ckanext.ogptn.harvesters.engine import run
from ckanext.ogptn.seed.source_server import TrialSource

from ..conftest import SourceServer
from ..mail import Letters

pytestmark = [pytest.mark.usefixtures("clean_db"), pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")]


def failed_job(agency: dict[str, Any], url: str) -> str:
    """A job over a site that has nothing of what it is asked for. Gives its id."""
    source = call_action("ogptn_harvest_source_create", title="Portail d’essai", url=url, backend="ckan", owner_org=agency["id"])
    job = call_action("ogptn_harvest_job_create", source_id=source["id"])
    run.run(job["id"])
    model.Session.remove()
    assert call_action("ogptn_harvest_job_show", id=job["id"])["phase"] == "failed"
    return job["id"]


@pytest.fixture
def administrator(agency: dict[str, Any]) -> dict[str, Any]:
    person = factories.User()
    call_action("organization_member_create", id=agency["id"], username=person["name"], role="admin")
    return person


@pytest.mark.ckan_config("ogptn.harvest.mail", "true")
def test_a_failure_is_told_to_the_administrators_of_the_organisation(
    agency: dict[str, Any], administrator: dict[str, Any], mail: Letters, ckan_config: dict[str, Any], http_server: SourceServer
) -> None:
    editor = factories.User()
    call_action("organization_member_create", id=agency["id"], username=editor["name"], role="editor")
    job = failed_job(agency, http_server.url)
    [(subject, text)] = mail.to(administrator)
    assert "Portail d’essai" in subject
    assert f"{ckan_config['ckan.site_url']}/harvest/job/{job}" in text
    assert "No CKAN site answers" in text
    assert mail.to(editor) == []


@pytest.mark.ckan_config("ogptn.harvest.mail", "true")
@pytest.mark.ckan_config("ckan.locale_default", "fr")
@pytest.mark.usefixtures("app")
def test_a_worker_writes_in_the_language_of_the_site(
    agency: dict[str, Any], administrator: dict[str, Any], mail: Letters, http_server: SourceServer
) -> None:
    """It answers no request whose language it could take."""
    assert not has_request_context()
    failed_job(agency, http_server.url)
    [(subject, text)] = mail.to(administrator)
    assert subject == "Le moissonnage de « Portail d’essai » a échoué"
    assert "Aucun site CKAN ne répond" in text
    assert not has_request_context()


@pytest.mark.ckan_config("ogptn.harvest.mail", "true")
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_who_is_asked_before_datasets_go_knows_why_and_where_to_answer(
    agency: dict[str, Any], administrator: dict[str, Any], mail: Letters, ckan_config: Any, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ckan_config, "ckan.locale_default", language)
    with TrialSource(8) as portal:
        source = call_action("ogptn_harvest_source_create", title="Portail d’essai", url=portal.url, backend="ckan", owner_org=agency["id"])
        for left in (8, 1):
            del portal.datasets[left:]
            job = call_action("ogptn_harvest_job_create", source_id=source["id"], full=True)
            run.run(job["id"])
            model.Session.remove()
    [(subject, body)] = mail.to(administrator)
    said = {
        "ar": "لا يُحذف شيء",
        "fr": "Rien n’est supprimé",
        "en": "Nothing is removed",
    }
    assert said[language] in body
    assert "Portail d’essai" in subject
    # Each line in one language only, the address on a line of its own, and why it is this person who gets the letter.
    lines = body.splitlines()
    assert f"{ckan_config['ckan.site_url']}/harvest/job/{job['id']}" in lines
    assert agency["title"] in lines[-1]
    assert any("7" in line and "8" in line for line in lines)
    if language == "ar":
        words = [line for line in lines if line and "://" not in line]
        assert all(re.search("[\u0600-\u06ff]", line) for line in words), words


def test_no_mail_unless_asked_for(agency: dict[str, Any], administrator: dict[str, Any], mail: Letters, http_server: SourceServer) -> None:
    failed_job(agency, http_server.url)
    assert mail.got == []
