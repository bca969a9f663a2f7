"""The engine's way through CKAN's validation: the same results and the same errors, for good and for broken datasets of all types."""

from __future__ import annotations

import copy
import random
from typing import Any, cast

import pytest
from ckan import model
from ckan.lib.navl import dictization_functions as df
from ckan.lib.navl import validators as v
from ckan.lib.plugins import lookup_package_plugin, plugin_validate
from ckan.logic.converters import convert_from_extras
from ckan.logic.validators import duplicate_extras_key, extras_valid_json
from ckan.types import Context

from ckanext.ogptn.catalogue import text as t
from ckanext.ogptn.harvesters.engine import navl, plain
from ckanext.ogptn.harvesters.engine.answers import Answers
from ckanext.ogptn.harvesters.engine.writer import Item, Writer

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
        schema = plugin.create_package_schema() if function is plugin_validate else "create_package_schema"
        found = function(plugin, context, copy.deepcopy(dataset), schema, "package_create")
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


def shown_schema() -> dict[str, Any]:
    def upper(value: Any) -> Any:
        if value == "bad":
            raise df.Invalid("bad")
        return value.upper() if isinstance(value, str) else value

    def told(value: Any, context: Any) -> Any:
        if value == "stop":
            raise df.StopOnError
        return [value, sorted(context["schema_keys"])[0]]

    return {
        "__before": [duplicate_extras_key, v.ignore],
        "__extras": [v.ignore],
        "__junk": [v.empty],
        "bare": [],
        "title": [v.if_empty_same_as("name"), v.unicode_safe],
        "name": [v.not_empty, v.unicode_safe],
        "from": [convert_from_extras, v.ignore_missing, upper],
        "told": [v.not_missing, told],
        "dropped": [v.ignore],
        "groups": {"name": [v.ignore_missing, upper], "__extras": [v.ignore]},
        "files": {"url": [v.not_empty, upper], "size": [], "__extras": [v.ignore_missing, extras_valid_json, v.keep_extras]},
        "rows": {"a": [v.ignore_missing, v.unicode_safe], "inner": {"b": [upper]}},
        "extras": {"key": [v.not_empty], "value": [v.not_empty]},
    }


@pytest.mark.parametrize(
    ("data", "plainly"),
    [
        ({"name": "n", "title": "t"}, True),
        ({"name": "", "title": "t", "unknown": [1], "nothing": [], "told": "stop"}, True),
        ({"title": None, "name": 7}, False),
        ({"title": "t", "bare": None, "told": 1, "dropped": 1, "from": "kept"}, True),
        (
            {
                "title": "t",
                "from": "kept",
                "extras": [{"key": "a", "value": "b"}, {"key": "from", "value": "x"}, {"key": "c", "value": ""}],
            },
            True,
        ),
        ({"title": "t", "extras": [{"key": "from", "value": "bad"}]}, True),
        ({"title": "t", "extras": [{"key": "from", "value": "1"}, {"key": "from", "value": "2"}]}, False),
        ({"title": "t", "extras": [{"key": "from", "value": "1", "state": "active"}]}, False),
        ({"title": "t", "extras": [{"key": "", "value": "1"}, {"key": "b", "value": None}]}, True),
        ({"title": "t", "groups": [{"name": "bad"}, {"other": 1}, {}, {"name": "d", "more": [{"x": 1}]}]}, True),
        ({"title": "t", "groups": [], "files": [], "extras": []}, True),
        ({"title": "t", "groups": None}, False),
        ({"title": "t", "groups": "text"}, False),
        ({"title": "t", "groups": ["text"]}, False),
        ({"title": "t", "files": [{"url": "", "z": 1, "b": {"c": []}}, {"size": 0}, {"url": "bad", "rows": [{"a": 1}]}]}, True),
        ({"title": "t", "rows": [{"a": 1}, {"a": None}, {"a": "x"}]}, True),
        ({"title": "t", "rows": [{"a": None}]}, True),
        ({"title": "t", "rows": [{"a": None, "inner": [{"b": "x"}, {}, {"b": "bad"}]}, {"a": "1", "inner": [{"b": 1}]}]}, True),
        ({"title": "t", "rows": [{"inner": [{"b": "x"}]}]}, False),
        ({"title": "t", "rows": [{"a": 1, "inner": [{"b": "x", "c": 1}]}]}, False),
        ({"title": "t", "rows": [{"a": 1, "inner": "text"}]}, False),
        ({"title": "t", "rows": [{"a": 1, "inner": []}]}, False),
        ({"title": "t", "rows": [{"a": 1, "other": 2}]}, False),
    ],
)
def test_what_is_shown_is_converted_without_flat_keys(data: dict[str, Any], plainly: bool) -> None:
    schema, context = shown_schema(), cast(Context, {"a": 1})
    try:
        expected: Any = df.validate(copy.deepcopy(data), schema, context)[0]
    except df.DataError as error:
        expected = error.error
    schema_for_it = plain.of(schema)
    assert schema_for_it is not None
    assert (schema_for_it.convert(copy.deepcopy(data), context) is not None) == plainly
    with navl.remembering():
        for _ in range(2):
            try:
                found: Any = navl.convert(copy.deepcopy(data), schema, context)[0]
            except df.DataError as error:
                found = error.error
            assert found == expected
            if isinstance(found, dict):
                assert list(found) == list(expected)


def test_schemas_that_look_at_more_than_one_value_need_flat_keys() -> None:
    def any_of(key: Any, data: Any, errors: Any, context: Any) -> None:
        """Of the kind that may look anywhere."""

    schema = shown_schema()
    for changed in (
        {"__after": [any_of]},
        {"__before": [any_of]},
        {"__extras": [v.keep_extras]},
        {"files": {**schema["files"], "__before": [any_of]}},
        {"files": {**schema["files"], "more": {"name": [], "__after": [any_of]}}},
        {"rows": {}},
    ):
        assert plain.of({**schema, **changed}) is None, changed
    looks = plain.of({**schema, "bare": [v.ignore_missing, any_of]})
    assert looks is not None
    assert looks.convert({"title": "t"}, None) is not None
    assert looks.convert({"title": "t", "bare": 1}, None) is None


@pytest.mark.usefixtures("clean_db", "with_request_context")
def test_our_types_are_shown_without_flat_keys(agency: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bool] = []
    convert = plain.Schema.convert

    def told(self: plain.Schema, data: dict[str, Any], context: Any) -> Any:
        found = convert(self, data, context)
        answers.append(found is not None)
        return found

    monkeypatch.setattr(plain.Schema, "convert", told)
    items = [Item({**each, "name": f"record-{number}"}) for number, each in enumerate(datasets(3, 24, agency["id"]))]
    outcomes = Writer(site_user()).write(items)
    created = [outcome for outcome in outcomes if outcome.kind == "created"]
    assert len({outcome.item.dataset["type"] for outcome in created}) > 2
    # With CKAN's schema, which the index asks for, and with that of its type.
    assert answers == [True] * 2 * len(created)


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


def test_validators_are_made_once_unless_they_hold_a_list() -> None:
    made: list[str] = []

    def make(field: dict[str, Any], schema: dict[str, Any], convert_extras: bool) -> list[Any]:
        assert schema is whole
        made.append(field["field_name"])
        return []

    whole: dict[str, Any] = {}
    plain = {"field_name": "plain", "validators": "ignore_missing"}
    listed = {"field_name": "listed", "repeating_subfields": [{"field_name": "sub", "validators": "default([])"}]}
    remembered = navl._remembered(make, whole)
    for field in (plain, listed, plain, listed):
        remembered(field, {"own": field}, True)
    assert made == ["plain", "listed", "listed"]


def test_a_batch_gives_each_dataset_a_schema_of_its_own() -> None:
    class Plugin:
        def create_package_schema(self) -> dict[str, Any]:
            return {"name": [str], "resources": {"url": [str]}}

    plugin = Plugin()
    with navl.remembering():
        first = navl.schema_of(plugin, "create_package_schema")
        first["more"], first["resources"]["more"] = [str], [str]
        assert navl.schema_of(plugin, "create_package_schema") == plugin.create_package_schema()
