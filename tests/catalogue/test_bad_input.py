"""The table of bad inputs leaves nothing out: every rule is broken in it, every required field is left blank in it."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ogptn.catalogue import rules
from tests.budget import test_budget
from tests.catalogue import bad_input, test_organizations
from tests.catalogue.bad_input import Case
from tests.commitment import test_commitment
from tests.extractive import test_extractive

TABLE = {
    "dataset": bad_input.COMMON,
    "commitment": test_commitment.CASES,
    "budget": test_budget.CASES,
    "extractive": test_extractive.CASES,
    "organization": [*test_organizations.CASES, *test_organizations.CIRCLES],
}
#: Rules that no input of a record breaks.
ELSEWHERE = {
    # Maritime titles go beyond the land: the record is saved and its editors are warned (test_dataset.py).
    "geojson-outside",
    # Dates of records may be a year or a month: theirs is "date-shape-partial". This one is for programs that ask for a whole date.
    "date-shape",
}


@pytest.mark.usefixtures("with_plugins")
def test_every_rule_is_broken_once() -> None:
    broken = {case.slug for cases in TABLE.values() for case in cases}
    assert set(rules.slugs()) - broken == ELSEWHERE


@pytest.mark.usefixtures("with_plugins")
@pytest.mark.parametrize("package_type", ["dataset", "commitment", "budget", "extractive"])
def test_every_required_field_is_left_out_once(package_type: str) -> None:
    import ckan.plugins.toolkit as tk

    cases = [*bad_input.COMMON, *TABLE[package_type]]
    schema = tk.h.scheming_get_dataset_schema(package_type)
    for field in (*schema["dataset_fields"], *schema["resource_fields"]):
        if field.get("required"):
            assert len(left_out(cases, field["field_name"])) >= 3, field["field_name"]
        for sub in field.get("repeating_subfields", ()):
            if sub.get("required"):
                assert left_out(cases, sub["field_name"], field["field_name"]), (field["field_name"], sub["field_name"])


def left_out(cases: list[Case], name: str, group: str | None = None) -> list[Case]:
    """The cases in which a needed field has no value."""

    def fits(where: tuple[Any, ...]) -> bool:
        return where[-1] == name and (len(where) == 1 if group is None else group in where)

    return [case for case in cases if case.slug.startswith("missing") and fits(case.where)]
