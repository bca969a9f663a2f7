"""CKAN's validation of what is only shown, without flat keys.

``package_show`` sends a dataset through CKAN's validation with a schema whose validators nearly all look at their own value: they leave out
what is not there, or read a stored text. For those a dataset need not be taken apart into hundreds of keys and put together again; what
comes out is the same (``tests/harvesters/test_navl.py``). Nobody reads the errors of a dataset that is shown, so none are collected.

A schema that asks for more, or a dataset of an unusual shape, is left to `navl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

import ckan.lib.navl.dictization_functions as df
from ckan.lib.navl.validators import empty, if_empty_same_as, ignore, ignore_missing, keep_extras, not_empty, not_missing, unicode_safe
from ckan.logic.converters import convert_from_extras
from ckan.logic.validators import duplicate_extras_key, extras_valid_json, name_validator, package_name_validator
from ckan.types import Context

#: What is done with a value: by a function of it, of it and the context, or here.
_VALUE, _WITH_CONTEXT, _IGNORE, _IGNORE_MISSING, _NOT_EMPTY, _NOT_MISSING, _TEXT, _FROM_EXTRAS, _IF_EMPTY, _OTHER = range(10)
_DONE_HERE: Mapping[Any, int] = {
    ignore: _IGNORE,
    ignore_missing: _IGNORE_MISSING,
    not_empty: _NOT_EMPTY,
    not_missing: _NOT_MISSING,
    unicode_safe: _TEXT,
    convert_from_extras: _FROM_EXTRAS,
}
#: Validators that only find errors.
_ONLY_SAY = {duplicate_extras_key, name_validator, package_name_validator}
#: What may be done with fields of a file, a tag … that its schema does not name: nothing is kept, or all.
_KEPT = ([keep_extras], [ignore_missing, extras_valid_json, keep_extras])
_EXTRA = {"key", "value"}
_ZEROS = (False, 0, 0.0)
_Steps = list[tuple[Any, int]]


class _Left(Exception):  # noqa: N818 - nothing went wrong
    """This dataset is for `navl`."""


class _Object:
    """One level of a schema.

    :ivar names: of its fields, without ``__before`` and so on
    :ivar fields: those with validators, in the order in which CKAN runs them
    :ivar bare: the others
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        own = {name: value for name, value in schema.items() if isinstance(value, list) and not name.startswith("__")}
        self.names = frozenset(own)
        self.fields = [(name, _steps(own[name])) for name in sorted(own) if own[name]]
        self.bare = [name for name, validators in own.items() if not validators]

    def run(self, values: dict[str, Any], context: Context, extras: dict[str, Any] | None) -> None:
        """What its validators make of the values, in place.

        :param extras: the dataset's, by key: takes out those that are fields
        """
        missing = df.missing
        for name in self.bare:
            if name not in values:
                values[name] = missing
        for name, steps in self.fields:
            value = values.get(name, missing)
            there = True
            for function, call in steps:
                if call == _IGNORE_MISSING:
                    if value is missing or value is None:
                        there = False
                        break
                elif call == _TEXT:
                    if type(value) is not str:
                        value = function(value)
                elif call == _FROM_EXTRAS:
                    if extras is None:
                        raise _Left
                    if name in extras:
                        value = extras.pop(name)
                elif call == _IGNORE:
                    there = False
                    break
                elif call == _NOT_EMPTY:
                    if value is missing or not (value or value in _ZEROS):
                        break
                elif call == _NOT_MISSING:
                    if value is missing:
                        break
                elif call in (_VALUE, _WITH_CONTEXT):
                    try:
                        value = function(value) if call == _VALUE else function(value, context)
                    except df.Invalid:
                        continue
                    except df.StopOnError:
                        break
                elif call == _OTHER or not value or value is missing:
                    raise _Left
            if there:
                values[name] = value
            else:
                values.pop(name, None)


class _List:
    """A list of objects in a schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.item = _Object(schema)
        self.lists = {name: _List(value) for name, value in sorted(schema.items()) if isinstance(value, dict)}
        others = schema.get("__extras")
        self.keeps = others in _KEPT
        #: Without a word about them they are kept apart, and that is left to `navl`.
        self.drops = others == [ignore]

    def run(self, items: list[dict[str, Any]], context: Context) -> list[dict[str, Any]]:
        made = []
        names = self.item.names
        for item in items:
            if not item:
                continue
            values, lists = dict(item), _taken(item, self.lists)
            for name in lists:
                del values[name]
            if not values:
                # CKAN does not find the lists of an object that has nothing else.
                raise _Left
            if not self.keeps and not values.keys() <= names:
                if not self.drops:
                    raise _Left
                values = {name: value for name, value in values.items() if name in names}
            self.item.run(values, context, None)
            result = {name: values[name] for name in sorted(values)}
            for name, inner in lists.items():
                if found := self.lists[name].run(inner, context):
                    result[name] = found
            if result:
                made.append(result)
        return made


def _taken(values: dict[str, Any], described: Mapping[str, _List]) -> dict[str, list[dict[str, Any]]]:
    """The lists of objects among the values, without those that are empty."""
    found = {}
    for name in described:
        items = values.get(name, ())
        if not isinstance(items, (list, tuple)) or not all(isinstance(item, dict) for item in items):
            raise _Left
        if items:
            found[name] = items
    return found


class Schema:
    """A schema for showing, all of whose validators look at their own value."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._keys = list(schema)
        self._object = _Object(schema)
        self._lists = {name: _List(value) for name, value in sorted(schema.items()) if isinstance(value, dict)}

    def convert(self, data: dict[str, Any], context: Context | None) -> dict[str, Any] | None:
        """What ``ckan.lib.navl.dictization_functions.validate`` makes of the data; ``None``: ask it."""
        names = self._object.names
        values = {name: value for name, value in data.items() if name in names}
        inner = Context({**(context or {}), "schema_keys": self._keys})  # pyright: ignore[reportArgumentType]
        try:
            lists = _taken(data, self._lists)
            extras = _by_key(lists.pop("extras", ()))
            self._object.run(values, inner, extras)
            result = {name: values[name] for name in sorted(values)}
            if extras:
                lists["extras"] = [{"key": key, "value": value} for key, value in extras.items()]
            for name, described in self._lists.items():
                if name in lists and (made := described.run(lists[name], inner)):
                    result[name] = made
        except _Left:
            return None
        for name, value in data.items():
            # A list that is empty says something else than one that is not there.
            if value == [] and name not in result:
                result[name] = []
        return result


def of(schema: Mapping[str, Any]) -> Schema | None:
    """The schema, if it is one of those; its validators must stay as they are."""
    before, after, others, junk = (schema.get(name) for name in ("__before", "__after", "__extras", "__junk"))
    if after or others != [ignore] or junk not in (None, [empty]) or "extras" not in schema:
        return None
    if any(validator is not ignore and validator not in _ONLY_SAY for validator in before or ()):
        return None
    return Schema(schema) if all(_is_simple(value) for value in schema.values() if isinstance(value, dict)) else None


def _is_simple(schema: Mapping[str, Any]) -> bool:
    """Whether nothing of a list of objects is done before or after its fields."""
    named = all(not name.startswith("__") or name == "__extras" for name in schema)
    return bool(schema) and named and all(_is_simple(value) for value in schema.values() if isinstance(value, dict))


def _by_key(extras: Any) -> dict[str, Any]:
    """The extras as ``{key: value}``."""
    found = {}
    for extra in extras:
        if extra.keys() != _EXTRA or not isinstance(extra["key"], str) or extra["key"] in found:
            raise _Left
        found[extra["key"]] = extra["value"]
    return found


_if_empty = if_empty_same_as("")


def _steps(validators: list[Any]) -> _Steps:
    return [(validator, _call_of(validator)) for validator in validators if validator not in _ONLY_SAY]


def _call_of(validator: Any) -> int:
    if validator in _DONE_HERE:
        return _DONE_HERE[validator]
    code = validator.__code__ if isinstance(validator, FunctionType) else None
    if code is None:
        return _OTHER
    if code is _if_empty.__code__:
        return _IF_EMPTY
    return {1: _VALUE, 2: _WITH_CONTEXT}.get(code.co_argcount, _OTHER)
