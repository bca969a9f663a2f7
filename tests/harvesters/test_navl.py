"""The engine's way through CKAN's validation: the same results and the same errors, for good and for broken datasets of all types."""

from __future__ import annotations

import copy
import random
from typing import Any, cast

import pytest
from ckan import model
from ckan.lib.navl import dictization_functions as df
from ckan.lib.plugins import lookup_package_plugin, plugin_validate
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
