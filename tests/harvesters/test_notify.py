"""Mail of the harvest engine, caught by a real mail server."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action
from flask import has_request_context

from ckanext.ogptn.harvesters.engine import run

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
    assert "404" in text
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
    assert "La source répond à" in text
    assert not has_request_context()


def test_no_mail_unless_asked_for(agency: dict[str, Any], administrator: dict[str, Any], mail: Letters, http_server: SourceServer) -> None:
    failed_job(agency, http_server.url)
    assert mail.got == []
