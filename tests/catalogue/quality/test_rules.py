"""The European method's 23 indicators: what each wants, and how many points it is worth."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ogptn.catalogue.quality import rules

FILE: dict[str, Any] = {"url": "https://example.tn/d.csv", "format": "CSV", "mimetype": "text/csv", "license": "CC_BY_4_0", "size": 10}
WHOLE: dict[str, Any] = {
    "tags_translated": {"ar": ["نفط"]},
    "theme": ["ENER"],
    "governorates": ["TN"],
    "temporal_coverage": [{"start": "2016"}],
    "access_rights": "PUBLIC",
    "contact": [{"email": "a@example.tn"}],
    "owner_org": "1",
    "issued": "2016",
    "modified": "2017",
    "resources": [FILE],
}


def test_the_points_are_those_of_the_method() -> None:
    assert rules.TOTAL == 405
    assert {name: one["of"] for name, one in rules.by_dimension({}).items()} == {
        "findability": 100,
        "accessibility": 100,
        "interoperability": 110,
        "reusability": 75,
        "contextuality": 20,
    }
    assert [rules.rating(points) for points in (405, 351, 350, 221, 220, 121, 120, 0)] == [
        "excellent",
        "excellent",
        "good",
        "good",
        "sufficient",
        "sufficient",
        "bad",
        "bad",
    ]


def test_a_complete_record_with_working_links_has_them_all() -> None:
    stored = rules.assess(WHOLE).as_dict()
    assert sum(rules.with_links(stored, lambda _address: True).values()) == 405
    assert sum(rules.with_links(stored, lambda _address: None).values()) == 325, "a link that nobody checked earns nothing yet"


@pytest.mark.parametrize(
    ("field", "slugs"),
    [
        ("tags_translated", {"keywords"}),
        ("theme", {"categories"}),
        ("governorates", {"geo-search"}),
        ("temporal_coverage", {"time-search"}),
        ("access_rights", {"access-rights", "access-rights-vocabulary", "rights"}),
        ("contact", {"contact-point"}),
        ("owner_org", {"publisher"}),
        ("issued", {"issued"}),
        ("modified", {"modified"}),
    ],
)
def test_what_is_missing_costs_its_points(field: str, slugs: set[str]) -> None:
    earned = rules.assess({name: value for name, value in WHOLE.items() if name != field}).earned
    lost = {slug for slug, points in earned.items() if points < rules.assess(WHOLE).earned[slug]}
    assert lost == slugs


@pytest.mark.parametrize(
    ("change", "slugs"),
    [
        ({"format": "XLSX"}, {"non-proprietary"}),
        ({"format": "PDF"}, {"non-proprietary", "machine-readable"}),
        ({"format": "HTML"}, {"machine-readable", "download-url"}),
        ({"license": "OTL"}, {"known-licence"}),
        ({"license": ""}, {"licence", "known-licence"}),
        ({"size": None}, {"file-size"}),
    ],
)
def test_the_best_file_counts(change: dict[str, Any], slugs: set[str]) -> None:
    worse = {**FILE, **change}
    best = rules.assess(WHOLE).earned
    assert {slug for slug, points in rules.assess({**WHOLE, "resources": [worse]}).earned.items() if points < best[slug]} == slugs
    assert rules.assess({**WHOLE, "resources": [worse, FILE]}).earned == best


def test_fix_first_ranks_by_points() -> None:
    poor = rules.assess({**WHOLE, "theme": [], "resources": []}).earned
    ranked = rules.fix_first([poor, poor, rules.assess({**WHOLE, "theme": []}).earned], most=30)
    assert ranked[0] == {"slug": "access-url-works", "datasets": 3, "points": 150}
    assert {"slug": "categories", "datasets": 3, "points": 90} in ranked
    assert [one["points"] for one in ranked] == sorted((one["points"] for one in ranked), reverse=True)
