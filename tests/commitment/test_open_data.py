"""The commitments as open data: what is in the files, who is not, and when they are made anew."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.cli import ckan
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.tests.helpers import call_action

from ckanext.ogptn.commitment.open_data import files, watch
from ckanext.ogptn.commitment.open_data.publish import publish

from ..mail import Letters
from .conftest import House, send_waiting_mails

NAME = "commitments-open-data"


@pytest.fixture
def on(ckan_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The site publishes, into a storage of its own."""
    monkeypatch.setitem(ckan_config, "ogptn.commitment_data.dataset", NAME)
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))
    connect_to_redis().delete(watch._key())
    yield
    connect_to_redis().delete(watch._key())
    jobs.get_queue().empty()


@pytest.fixture
def made(clean_db: None, on: None, house: Callable[[], House], mail: Letters) -> House:
    return house()


def owner(made: House) -> dict[str, Any]:
    return {"user": made.coordinator["name"], "ignore_auth": True}


def downloaded(app: Any) -> dict[str, bytes]:
    shown = call_action("package_show", id=NAME)
    return {each["url"].rsplit("/", 1)[-1]: app.get(urlsplit(each["url"]).path).data for each in shown["resources"]}


def table(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def rebuilds() -> int:
    return sum(str(job.func_name).endswith("watch.rebuild") for job in jobs.get_queue().jobs)


def test_many_changes_make_one_rebuild_and_readers_get_the_files(made: House, app: Any, commitment_factory: Any) -> None:
    more = {
        "ogp_identifier": "TN0018",
        "ogp_values": ["technology_innovation"],
        "irm_coding": [{"coding_scheme": "irm-2012", "indicator": "potential_impact", "value": "moderate"}],
        "other_parties": [{"name_translated": {"ar": "المجتمع المدني"}}],
        "responsible_contacts": [{"name": "Zaynab Secret", "phone": "71000000", "email": "zaynab@example.tn"}],
        "progress_reports": [{"period_end": "2016", "completion_level": "limited", "obstacles": {"ar": '=1+1, "x"\nسطر'}}],
    }
    commitment_factory(commitment_number="18", commitment_part="a", owner_org=made.commitments[0]["owner_org"], **more)
    assert rebuilds() == 1
    recommendation = {"text": {"fr": "Publier"}, "source": "irm", "organization": made.commitments[0]["owner_org"]}
    act = tk.get_action("ogptn_commitment_recommendation_create")
    act({"user": made.coordinator["name"]}, {**recommendation, "commitments": [made.commitments[0]["id"]]})
    assert rebuilds() == 1
    send_waiting_mails()

    got = downloaded(app)
    assert list(got) == [
        "commitments.csv",
        "progress-reports.csv",
        "milestones.csv",
        "recommendations.csv",
        "commitments.json",
        "data-dictionary.csv",
    ]
    rows = table(got["commitments.csv"])
    assert [row["commitment_number"] + row["commitment_part"] for row in rows] == ["1", "2", "3", "18a"]
    last = rows[-1]
    assert (last["commitment_unique_identifier"], last["year_of_submission"], last["action_plan_number"]) == ("TN0018", "2014", "1")
    assert (last["potential_impact"], last["technology"], last["civic_participation"]) == ("moderate", "yes", "no")
    assert (last["supporting_institutions"], last["completion_level"]) == ("المجتمع المدني", "limited")
    assert (rows[0]["milestones"], rows[0]["milestones_complete"], rows[0]["technology"]) == ("4", "3", "")
    assert table(got["progress-reports.csv"])[-1]["obstacles_ar"] == '=1+1, "x"\nسطر'
    assert [row["status"] for row in table(got["milestones.csv"])] == ["complete"] * 3 + ["limited"]
    assert table(got["recommendations.csv"])[0]["commitments"] == "nap1-1"
    whole = json.loads(got["commitments.json"])
    assert whole["commitments"][3]["progress_reports"][0]["completion_level"] == "limited"
    assert [each["place"] for each in whole["commitments"][0]["milestones"]] == [1, 2, 3, 4]
    assert not any(secret in content for content in got.values() for secret in (b"Zaynab", b"71000000", b"zaynab@"))


def test_the_dictionary_has_every_column_and_what_the_ogp_calls_it(made: House, app: Any) -> None:
    publish()
    got = downloaded(app)
    told = table(got["data-dictionary.csv"])
    for name, content in got.items():
        if name.endswith(".csv") and name != "data-dictionary.csv":
            columns = next(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
            assert columns == [row["column"] for row in told if row["file"] == name]
    assert all(row[f"description_{code}"] for row in told for code in ("ar", "fr", "en"))
    # The headers of the OGP's own commitments CSV that have something here.
    assert {row["ogp_column"] for row in told if row["file"] == "commitments.csv"} - {""} == {
        "Commitment Unique Identifier",
        "Country/Locality",
        "Theme",
        "Year Of Submission",
        "Action Plan Number",
        "Commitment Number",
        "Commitment Title",
        "Full Text",
        "Lead Institution",
        "Supporting Institution(s)",
        "URL",
        "OGP Value: Access To Information",
        "OGP Value: Civic Participation",
        "OGP Value: Public Accountability",
        "OGP Value: Technology",
        "Specificity",
        "Potential Impact",
        "Completion (Progress Report)",
        "Did It Open Government (Overall)",
    }


def test_only_what_changed_is_written_and_what_people_added_stays(made: House, app: Any) -> None:
    connect_to_redis().delete(watch._key())
    jobs.get_queue().empty()
    assert publish() == "created"
    assert publish() == "same"
    # Publishing is no change that asks for another rebuild.
    assert rebuilds() == 0
    modified = call_action("package_show", id=NAME)["metadata_modified"]
    words = {"title_translated": {"fr": "Nos engagements", "ar": "تعهداتنا"}}
    resources = call_action("package_show", id=NAME)["resources"]
    extra = {"url": "https://example.tn/notice.pdf", "name_translated": {"fr": "Notice"}, "format": "PDF"}
    call_action("package_patch", context=owner(made), id=NAME, resources=[extra, *resources], **words)
    call_action("package_patch", context=owner(made), id=made.commitments[1]["id"], title_translated={"fr": "Autre", "ar": "آخر"})
    assert rebuilds() == 1
    assert publish() == "updated"
    shown = call_action("package_show", id=NAME)
    assert shown["metadata_modified"] != modified
    assert shown["title_translated"]["fr"] == "Nos engagements"
    assert [each["url"].rsplit("/", 1)[-1] for each in shown["resources"]][:2] == ["notice.pdf", "commitments.csv"]
    assert [each["id"] for each in shown["resources"]][1:] == [each["id"] for each in resources]
    assert table(app.get(urlsplit(shown["resources"][1]["url"]).path).data)[1]["title_fr"] == "Autre"


def test_what_is_not_public_is_not_in_it_and_a_deleted_dataset_stays_deleted(made: House, app: Any) -> None:
    publish()
    call_action("package_patch", context=owner(made), id=made.commitments[0]["id"], private=True)
    call_action("package_delete", context=owner(made), id=made.commitments[1]["id"])
    assert publish() == "updated"
    assert [row["commitment_number"] for row in table(downloaded(app)["commitments.csv"])] == ["3"]
    call_action("package_delete", context=owner(made), id=NAME)
    assert publish() == "deleted"


def test_when_nothing_can_be_published_it_says_why(
    clean_db: None,
    on: None,
    house: Callable[[], House],
    ckan_config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    mail: Letters,
    cli: Any,
    agency_factory: Any,
) -> None:
    assert files.build() == {}
    assert publish() == "nothing"
    house()
    monkeypatch.setitem(ckan_config, "ogptn.coordinator_organization", "none")
    assert publish() == "no-organization"
    monkeypatch.setitem(ckan_config, "ckan.storage_path", "")
    assert publish() == "no-storage"
    monkeypatch.setitem(ckan_config, "ogptn.commitment_data.dataset", "")
    assert publish() == "off"
    connect_to_redis().delete(watch._key())
    jobs.get_queue().empty()
    agency_factory()
    assert rebuilds() == 0
    assert model.Package.get(NAME) is None
    done = cli.invoke(ckan, ["ogptn-commitments", "publish"])
    assert done.exit_code == 1
    assert "ogptn.commitment_data.dataset" in done.output


def test_publish_from_the_command_line(made: House, cli: Any) -> None:
    for said in ("The dataset is made", "up to date"):
        done = cli.invoke(ckan, ["ogptn-commitments", "publish"])
        assert (done.exit_code, said in done.output) == (0, True), done.output
