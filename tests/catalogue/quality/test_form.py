"""A steward fills the form as it asks, on a running portal, and the description is excellent by the European method."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from ckan import model
from ckan.tests import factories as ckan_factories
from ckan.tests.helpers import call_action

from ckanext.ogptn.catalogue.dcat import store
from ckanext.ogptn.catalogue.quality import links, rules
from tests import factories

#: Each value as a person types or chooses it.
DESCRIPTION = {
    "title_translated-ar": "جودة الماء حسب المحطة (بيانات اصطناعية)",
    "title_translated-fr": "Qualité de l’eau par station (données synthétiques)",
    "notes_translated-ar": "بيانات اصطناعية للاختبار",
    "notes_translated-fr": "Données synthétiques de test",
    "tags_translated-fr": "eau, essai",
    "theme": "ENVI",
    "governorates": "TN-21",
    "temporal_coverage-000-start": "2024-01",
    "temporal_coverage-000-end": "2024-12",
    "frequency": "MONTHLY",
    "language": "FRA",
    "license_id": "CC_BY_4_0",
    "access_rights": "PUBLIC",
    "contact-000-name_translated-fr": "Cellule des données",
    "contact-000-email": "donnees@example.tn",
    "issued": "2024-02-01",
    "modified": "2025-01-15",
}


class Steward:
    """Somebody with a browser's forms; requests go over the wire."""

    def __init__(self, portal: str) -> None:
        self.portal = portal
        user = ckan_factories.UserWithToken()
        self.agency = factories.AgencyFactory(editors=[user["name"]])
        self.session = requests.Session()
        self.session.headers["Authorization"] = user["token"]

    def post(self, path: str, data: dict[str, Any], files: dict[str, Any] | None = None) -> str:
        answer = self.session.post(f"{self.portal}{path}", data=data, files=files, allow_redirects=False, timeout=60)
        assert answer.status_code == 302, answer.text[:2000]
        return answer.headers["Location"]


def test_a_form_filled_as_it_asks_makes_an_excellent_description(portal: str) -> None:
    steward = Steward(portal)
    steward.post("/fr/dataset/new/save", {**DESCRIPTION, "owner_org": steward.agency["id"], "save": "continue"})
    package = model.Session.query(model.Package).one()
    name = package.name
    sent = {"id": "", "save": "go-metadata", "url_type": "upload", "name_translated-fr": "Mesures", "format": "CSV"}
    rows = b"station,date,valeur\nA,2024-01-05,1.5\n"
    steward.post(f"/fr/dataset/{name}/resource/new", sent, {"upload": ("mesures-synthetiques.csv", rows, "text/csv")})
    model.Session.remove()

    before = call_action("ogptn_quality_show", id=name)
    missing = {one["slug"] for one in before["indicators"] if "advice" in one}
    assert missing == {"access-url-works", "download-url-works"}, "nobody has asked yet whether the file can be fetched"
    assert (before["points"], before["rating"]) == (rules.TOTAL - 80, "good")

    # As the worker does by itself: write what changed, check the links, the portal's own files included.
    assert store.refresh().built == 1
    assert links.check_due() == {"checked": 1, "broken": 0, "left": 0}
    after = call_action("ogptn_quality_show", id=name)
    assert (after["points"], after["rating"]) == (rules.TOTAL, "excellent")
    [link] = after["links"]
    assert link["url"].startswith(portal)
    assert (link["status"], link["works"]) == (200, True)
    assert call_action("ogptn_quality_summary")["ratings"]["excellent"] == 1


@pytest.mark.usefixtures("clean_db")
def test_the_demonstration_data_are_described_as_well_as_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    from ckanext.ogptn.seed import records
    from ckanext.ogptn.seed.loader import load

    assert not load(lambda _line: None, demo=True).errors
    own = "://test.ckan.net/"
    points: dict[str, list[int]] = {}
    earned_of_all: list[dict[str, int]] = []
    synthetic = {record.name for record in records.datasets() if record.synthetic}
    store.refresh()
    rows = model.Session.query(store.KeptStatements.name, store.KeptStatements.quality)
    for name, stored in rows:
        # Of files elsewhere nothing is taken for granted: a test asks no other site.
        earned = rules.with_links(stored, lambda address: own in address)
        earned_of_all.append(earned)
        kind = "synthetic tables" if name in synthetic else "commitments" if name.startswith("nap1-") else "records of real documents"
        points.setdefault(kind, []).append(sum(earned.values()))
    assert min(points["synthetic tables"]) >= 351, "excellent, with every true thing said of them"
    assert len(points["synthetic tables"]) == len(synthetic)
    # Commitments have no files, and three of the 23 indicators' dimensions are about files: these are all the points there are without.
    without_files = sum(one.points for one in rules.INDICATORS if not one.of_file)
    assert max(points["commitments"]) == without_files
    with capsys.disabled():
        print()
        for kind, found in sorted(points.items()):
            print(f"{kind}: {len(found)} descriptions, {min(found)} to {max(found)} points, {sum(found) / len(found):.0f} on average")
        for dimension, of in rules.by_dimension({}).items():
            total = sum(rules.by_dimension(earned)[dimension]["points"] for earned in earned_of_all)
            print(f"{dimension}: {total / len(earned_of_all):.1f} of {of['of']}")
        average = sum(sum(one.values()) for one in earned_of_all) / len(earned_of_all)
        print(f"all {len(earned_of_all)}: {average:.1f} of {rules.TOTAL}, {rules.rating(average)}")
