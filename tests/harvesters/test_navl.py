"""The engine's way through CKAN's validation: the same results and the same errors, for good and for broken datasets of all types."""

from __future__ import annotations

import copy
import random
from typing import Any, cast

import pytest
from ckan import model
from ckan.lib.navl import dictization_functions as df
from ckan.lib.plugins import lookup_package_plugin, plugin_validate
from ckan.logic.validators import duplicate_extras_key
from ckan.types import Context

from ckanext.ogptn.catalogue import text as t
from ckanext.ogptn.harvesters.engine import navl
from ckanext.ogptn.harvesters.engine.answers import Answers

from .generated import datasets
from .test_writer import site_user

ODD: tuple[Any, ...] = (None, "", 7, [], ["x"], {}, {"a": 1}, [{"odd": 1}], [[]], "\u202eabc", "x" * 300)


def broken(chance: random.Random, dataset: dict[str, Any]) -> dict[str, Any]:
    """The dataset with some of its values, or of one file's, in a state that nobody wants."""
    dataset = copy.deepcopy(dataset)
    resources = dataset.get("resources")
    for _ in range(chance.randrange(1, 4)):
        target: dict[str, Any] = dataset
        if resources and isinstance(resources, list) and chance.random() < 0.4:
            target = chance.choice(resources)
        if chance.random() < 0.3:
            target[chance.choice(("unknown", "extras", "name", "__junk", "tags", "resources", "owner_org"))] = chance.choice(ODD)
        elif target:
            target[chance.choice(sorted(target))] = chance.choice(ODD)
        resources = dataset.get("resources")
        if not isinstance(resources, list) or not all(isinstance(each, dict) for each in resources):
            resources = None
    return dataset


def answer(function: Any, dataset: dict[str, Any], user: str) -> Any:
    """What a validation says, or how it fails."""
    plugin = lookup_package_plugin(dataset["type"])
    context = cast(Context, {"model": model, "session": model.Session, "user": user, "ignore_auth": True})
    try:
        found = function(plugin, context, copy.deepcopy(dataset), plugin.create_package_schema(), "package_create")
    except Exception as error:  # a validator that fails on odd values has to fail in the same way
        # PostgreSQL refuses some odd names.
        model.Session.rollback()
        return type(error), str(error).split("\n")[0]
    return found


@pytest.mark.usefixtures("clean_db", "with_request_context")
def test_says_what_ckan_says(agency: dict[str, Any]) -> None:
    chance, user = random.Random(11), site_user()  # noqa: S311 - repeatable, not secret
    refused = failed = 0
    for number, whole in enumerate(datasets(11, 30, agency["id"])):
        whole["name"] = whole.get("name") or f"record-{number}"
        for dataset in (whole, broken(chance, whole), broken(chance, whole)):
            if not isinstance(dataset.get("type"), str) or not dataset["type"]:
                continue
            expected = answer(plugin_validate, dataset, user)
            with Answers() as answers:
                answers.names([str(dataset.get("name") or "")])
                # Twice: what was remembered is no other answer.
                assert answer(navl.validate_with, dataset, user) == expected
                assert answer(navl.validate_with, dataset, user) == expected
            failed += isinstance(expected[0], type)
            refused += not isinstance(expected[0], type) and bool(expected[1])
    assert refused > 10


def test_lists_and_what_the_schema_does_not_know() -> None:
    def short(value: Any) -> Any:
        if value is not df.missing and len(str(value)) > 3:
            raise df.Invalid("too long")
        return value

    def ignore(key: Any, data: Any, errors: Any, context: Any) -> None:
        data.pop(key, None)

    schema: dict[str, Any] = {
        "title": [short],
        "parts": {"name": [short], "more": {"name": [short]}, "__extras": [ignore]},
        "__before": [ignore],
        "__after": [ignore],
    }
    for data in (
        {"title": "abc"},
        {"title": "abcd", "other": 1, "parts": []},
        {"parts": [{"name": "a"}, {"name": "long one", "odd": 1, "more": [{"name": "x"}, {"name": "y too long"}]}]},
        {"parts": [{}, {"name": "long one"}], "junk": [{"deep": [{"er": 1}]}]},
        {"parts": "text"},
        {"parts": [{"more": "text"}]},
    ):
        results = []
        for function in (df.validate, navl.validate):
            try:
                results.append(function(copy.deepcopy(data), schema, cast(Context, {})))
            except df.DataError as error:
                results.append(("DataError", error.error))
        assert results[0] == results[1], data


def test_folding_word_by_word_is_folding_the_whole() -> None:
    chance = random.Random(5)  # noqa: S311 - repeatable, not secret
    pool = "abc éœŒæ´ـّ١٢ـالوفبكلةىأİß_-\n\tﬁ½\u0301\u200f"
    for _ in range(2_000):
        text = "".join(chance.choice(pool) for _ in range(chance.randrange(40)))
        assert t.fold(text) == t._fold_word.__wrapped__(text)
        assert t.forbidden_character(text) == t.forbidden_character(text + "\n")


def test_extras_of_the_same_key_are_found() -> None:
    schema: dict[str, Any] = {"__before": [duplicate_extras_key], "extras": {"key": [], "value": [], "deleted": []}}
    one, other = {"key": "a", "value": "1"}, {"key": "b", "value": "2"}
    for extras, wrong in (
        ([one, other], False),
        ([one, other, one], True),
        ([one, {**one, "deleted": True}], False),
        ([], False),
        ([{"key": ["a"]}], None),
        ([{"value": "1"}], False),
        ("text", None),
    ):
        results = []
        for function in (df.validate, navl.validate):
            try:
                results.append(function({"extras": copy.deepcopy(extras)}, schema, cast(Context, {})))
            except (AttributeError, TypeError, df.DataError) as error:
                results.append(type(error))
        assert results[0] == results[1], extras
        assert isinstance(results[0], type) if wrong is None else bool(results[0][1]) == wrong


def test_a_batch_makes_validators_once_unless_they_hold_a_list() -> None:
    made: list[str] = []

    def make(field: dict[str, Any], schema: dict[str, Any], convert_extras: bool) -> list[Any]:
        made.append(field["field_name"])
        return []

    remembered = navl._remembered(make)
    plain = {"field_name": "plain", "validators": "ignore_missing"}
    listed = {"field_name": "listed", "repeating_subfields": [{"field_name": "sub", "validators": "default([])"}]}
    with navl.remembering():
        for field in (plain, listed, plain, listed):
            remembered(field, {"own": field}, True)
        schema: dict[str, Any] = {}
        made.clear()
        for field in (plain, listed, plain, listed):
            remembered(field, schema, True)
    assert made == ["plain", "listed", "listed"]
    made.clear()
    # Outside of a batch nothing is kept.
    remembered(plain, schema, True)
    remembered(plain, schema, True)
    assert made == ["plain", "plain"]


def test_a_batch_gives_each_dataset_a_schema_of_its_own() -> None:
    class Plugin:
        def create_package_schema(self) -> dict[str, Any]:
            return {"name": [str], "resources": {"url": [str]}}

    plugin = Plugin()
    with navl.remembering():
        first = navl.schema_of(plugin, "create_package_schema")
        first["more"], first["resources"]["more"] = [str], [str]
        assert navl.schema_of(plugin, "create_package_schema") == plugin.create_package_schema()
