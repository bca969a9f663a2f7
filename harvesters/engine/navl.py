"""CKAN's validation (``ckan.lib.navl``), with each part of its work done once.

For a dataset with three files CKAN flattens the schema three times, finds the places for its keys three times, and sorts them four times;
then it puts together an empty error for each of hundreds of keys. That is a third of the time that a batch takes. The validators, their
order, what they are called with and what comes out are CKAN's: ``tests/harvesters/test_writer.py`` compares.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType
from typing import Any

import ckan.lib.navl.dictization_functions as df
from ckan.lib.plugins import plugin_validate
from ckan.types import Context

Key = tuple[Any, ...]

#: Validators to call in place of others, that say the same.
stand_ins: ContextVar[Mapping[Any, Callable[..., Any]]] = ContextVar("stand_ins", default=MappingProxyType({}))


def validate_with(plugin: Any, context: Context, data: dict[str, Any], schema: dict[str, Any], action: str) -> tuple[Any, Any]:
    """What ``ckan.lib.plugins.plugin_validate`` answers."""
    if not hasattr(plugin, "validate"):
        return validate(data, schema, context)
    ours = _scheming(getattr(type(plugin), "validate", None))
    if ours is None:
        return plugin_validate(plugin, context, data, schema, action)
    return ours(plugin, context, data, schema, action)


@cache
def _scheming(method: Any) -> Any:
    """ckanext-scheming's own method, calling `validate` where it would call CKAN's; ``None`` for any other plugin's."""
    if not isinstance(method, types.FunctionType) or not method.__module__.startswith("ckanext.scheming."):
        return None
    if method.__globals__.get("navl_validate") is not df.validate:
        return None
    return types.FunctionType(
        method.__code__, {**method.__globals__, "navl_validate": validate}, method.__name__, method.__defaults__, method.__closure__
    )


def validate(data: dict[str, Any], schema: dict[str, Any], context: Context | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``ckan.lib.navl.dictization_functions.validate`` answers: ``(converted data, errors)``.

    :raises ckan.lib.navl.dictization_functions.DataError: a text where the schema has a list of objects
    """
    inner = Context({**(context or {}), "schema_keys": list(schema)})  # pyright: ignore[reportArgumentType]
    flat = df.flatten_dict(data, schema=schema)
    full = _places(flat, schema)
    converted = _with_every_key(flat, schema, full)
    errors: dict[Key, list[Any]] = {key: [] for key in full}
    before: list[Key] = []
    fields: list[Key] = []
    extras: list[Key] = []
    after: list[Key] = []
    for key in sorted(full, key=df.flattened_order_key):
        last = key[-1]
        if not last.startswith("__"):
            fields.append(key)
        elif last == "__before":
            before.append(key)
        elif last == "__extras":
            extras.append(key)
        elif last == "__after":
            after.append(key)
    junk: list[Key] = [("__junk",)] if ("__junk",) in full else []
    instead = stand_ins.get()
    for key in [*before, *fields, *extras, *reversed(after), *junk]:
        for converter in full[key]:
            try:
                df.convert(instead.get(converter, converter), key, converted, errors, inner)
            except df.StopOnError:
                break
    result = df.unflatten(converted)
    for name, value in data.items():
        # A list that is empty says something else than one that is not there.
        if value == [] and name not in result:
            result[name] = []
    if not any(errors.values()):
        return result, {}
    return result, _said(df.unflatten(errors))


def _places(flat: dict[Key, Any], schema: dict[str, Any]) -> dict[Key, list[Any]]:
    """The validators of each key that the data have or could have."""
    full: dict[Key, list[Any]] = {}
    for place in df.get_all_key_combinations(flat, df.flatten_schema(schema)):
        part: Any = schema
        for name in place[::2]:
            part = part[name]
        for name, validators in part.items():
            if isinstance(validators, list):
                full[(*place, name)] = validators
    return full


def _with_every_key(flat: dict[Key, Any], schema: dict[str, Any], full: dict[Key, list[Any]]) -> dict[Key, Any]:
    """The data with ``missing`` for what is not there, and what the schema does not know under ``__extras`` or ``__junk``."""
    known: dict[Key, Any] = {}
    aside: dict[Key, dict[Any, Any]] = {}
    junk: dict[Key, Any] = {}
    places = {key[:-1] for key in full}
    beginnings: set[Key] | None = None
    for key, value in flat.items():
        if key in full:
            known[key] = value
            continue
        if beginnings is None:
            beginnings = {name[:length] for name in df.flatten_schema(schema) for length in range(len(name) + 1)}
        if key[::2] in beginnings and value != []:
            raise df.DataError(f"Only lists of dicts can be placed against subschema {key}, not {type(value)}")
        if key[:-1] in places:
            aside.setdefault((*key[:-1], "__extras"), {})[key[-1]] = value
        else:
            junk[key] = value
    if junk:
        known["__junk",] = junk
    known |= aside
    for key in full:
        if key not in known and not key[-1].startswith("__"):
            known[key] = df.missing
    return known


def _said(errors: Any) -> dict[str, Any]:
    """Only the keys with errors. Items of a list keep their place."""
    waiting = [errors]
    while waiting:
        part = waiting.pop()
        for name, value in list(part.items()):
            if not value:
                del part[name]
            elif isinstance(value[0], dict):
                waiting += value
    _without_blanks(errors)
    return errors


def _without_blanks(errors: dict[str, Any]) -> None:
    for name, value in list(errors.items()):
        if isinstance(value[0], dict):
            for item in value:
                _without_blanks(item)
            if not any(value):
                del errors[name]
