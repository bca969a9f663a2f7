"""CKAN's validation (``ckan.lib.navl``), with each part of its work done once.

For a dataset with three files CKAN flattens the schema three times, finds the places for its keys three times, and sorts them four times;
then it puts together an empty error for each of hundreds of keys; and the schema is made anew for each dataset. The validators, their
order, what they are called with and what comes out are CKAN's: ``tests/harvesters/test_navl.py`` and ``test_writer.py`` compare.

Within `remembering` (a batch) schemas and the steps of their validators are made once. A validator that does much for little has a
stand-in here, which does the little and asks CKAN's where that is not enough.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType
from typing import Any, cast

import ckan.lib.navl.dictization_functions as df
from ckan.lib.navl.validators import ignore, ignore_missing, not_empty
from ckan.lib.plugins import plugin_validate
from ckan.logic.validators import duplicate_extras_key
from ckan.types import Context

Key = tuple[Any, ...]
Schema = dict[str, Any]

#: How a validator is called: by CKAN's own function, or not at all because it is done here; else with so many parameters.
_ODD, _IGNORE, _IGNORE_MISSING, _NOT_EMPTY = -1, -2, -3, -4
#: What is something though it is false, as CKAN has it.
_ZEROS = (False, 0, 0.0)
_DONE_HERE: Mapping[Any, int] = MappingProxyType({ignore: _IGNORE, ignore_missing: _IGNORE_MISSING, not_empty: _NOT_EMPTY})


class _Node:
    """One level of a schema: the names of its fields, in the order in which CKAN runs them.

    :ivar names: all that have validators, as the schema has them
    :ivar fields: those of them that are no ``__before`` and so on, sorted
    """

    def __init__(self, schema: Schema) -> None:
        self.names = tuple(name for name, value in schema.items() if isinstance(value, list))
        self.plain = tuple(name for name in self.names if not name.startswith("__"))
        self.fields = tuple(sorted(self.plain))
        self.lists = {name: _Node(value) for name, value in schema.items() if isinstance(value, dict)}
        self._keys: dict[tuple[str, Key], list[Key]] = {}

    def keys(self, which: str, place: Key) -> list[Key]:
        """The keys of its fields at a place.

        :param which: ``names``, ``plain`` or ``fields``
        """
        found = self._keys.get((which, place))
        if found is None:
            found = self._keys[which, place] = [(*place, name) for name in getattr(self, which)]
        return found


class _Structure:
    """What follows from the names in a schema alone.

    :ivar prefixes: of the flattened schema's keys, without their last part
    :ivar beginnings: all beginnings of its keys
    """

    def __init__(self, schema: Schema) -> None:
        flat = df.flatten_schema(schema)
        self.prefixes = {name[:-1] for name in flat}
        self.beginnings = {name[:length] for name in flat for length in range(len(name) + 1)}
        self.root = _Node(schema)

    def node(self, path: Key) -> _Node:
        node = self.root
        for name in path:
            node = node.lists[name]
        return node


class _Memory:
    """What was made once for a batch.

    :param stand_ins: validators to call in place of others, that say the same
    """

    def __init__(self, stand_ins: Mapping[Any, Callable[..., Any]] = MappingProxyType({})) -> None:
        self.stand_ins = {**_STAND_INS, **stand_ins}
        #: ``{what it was made of: (that, so that its id stays its own, what was made)}``
        self.schemas: dict[Any, tuple[Any, Schema]] = {}
        self.validators: dict[Any, tuple[Any, Any]] = {}
        self.steps: dict[int, tuple[Any, list[tuple[Any, int]]]] = {}
        self.structures: dict[Any, _Structure] = {}

    def structure(self, schema: Schema) -> _Structure:
        shape = _shape(schema)
        found = self.structures.get(shape)
        if found is None:
            found = self.structures[shape] = _Structure(schema)
        return found

    def steps_of(self, validators: list[Any]) -> list[tuple[Any, int]]:
        """The validators of a field, each with how it is called."""
        found = self.steps.get(id(validators))
        # CKAN's callers may add to a list that they have.
        if found is None or len(found[0]) != len(found[1]):
            functions = [self.stand_ins.get(validator, validator) for validator in validators]
            found = self.steps[id(validators)] = (validators, [(function, _call_of(function)) for function in functions])
        return found[1]


_memory: ContextVar[_Memory | None] = ContextVar("memory", default=None)


@contextmanager
def remembering(stand_ins: Mapping[Any, Callable[..., Any]] | None = None) -> Iterator[None]:
    """Within it schemas and their validators are made once: nobody changes them meanwhile.

    :param stand_ins: validators to call in place of others, that say the same; ``None``: as it is, if that is begun already
    """
    if stand_ins is None and _memory.get() is not None:
        yield
        return
    token = _memory.set(_Memory(stand_ins or {}))
    try:
        yield
    finally:
        _memory.reset(token)


def schema_of(plugin: Any, method: str) -> Schema:
    """The schema that a dataset plugin's method makes (``create_package_schema`` …), for the caller to change."""
    memory = _memory.get()
    if memory is None:
        return getattr(plugin, method)()
    found = memory.schemas.get((id(plugin), method))
    if found is None:
        found = memory.schemas[id(plugin), method] = (plugin, getattr(plugin, method)())
    return _copied(found[1])


def _copied(schema: Schema) -> Schema:
    """The schema with dicts of its own, and the same lists of validators."""
    return {name: _copied(value) if isinstance(value, dict) else value for name, value in schema.items()}


def _shape(schema: Schema) -> Any:
    """What two schemas have in common whose names are the same."""
    kinds = tuple(map(type, schema.values()))
    inner = tuple([_shape(value) for value in schema.values() if isinstance(value, dict)]) if dict in kinds else ()
    return tuple(schema), kinds, inner


def _call_of(function: Any) -> int:
    if function in _DONE_HERE:
        return _DONE_HERE[function]
    code = getattr(function, "__code__", None)
    return code.co_argcount if code is not None and code.co_argcount in (1, 2, 4) else _ODD


def validate_with(plugin: Any, context: Context, data: dict[str, Any], schema: Schema, action: str) -> tuple[Any, Any]:
    """What ``ckan.lib.plugins.plugin_validate`` answers."""
    return _validate_with(validate, plugin, context, data, schema, action)


def converted_with(plugin: Any, context: Context, data: dict[str, Any], schema: Schema, action: str) -> Any:
    """The data that ``ckan.lib.plugins.plugin_validate`` answers, for who does not look at the errors."""
    return _validate_with(_convert, plugin, context, data, schema, action)[0]


def _validate_with(function: Any, plugin: Any, context: Context, data: dict[str, Any], schema: Schema, action: str) -> tuple[Any, Any]:
    if not hasattr(plugin, "validate"):
        return function(data, schema, context)
    ours = _scheming(getattr(type(plugin), "validate", None), function)
    if ours is None:
        return plugin_validate(plugin, context, data, schema, action)
    return ours(plugin, context, data, schema, action)


@cache
def _scheming(method: Any, function: Any) -> Any:
    """ckanext-scheming's own method, calling ``function`` where it would call CKAN's ``validate``; ``None`` for other plugins' methods."""
    if not isinstance(method, types.FunctionType) or not method.__module__.startswith("ckanext.scheming."):
        return None
    if method.__globals__.get("navl_validate") is not df.validate:
        return None
    instead: dict[str, Any] = {"navl_validate": function, "unflatten": unflatten}
    for name in ("_field_validators", "_field_create_validators", "_field_output_validators"):
        if name in method.__globals__:
            instead[name] = _remembered(method.__globals__[name])
    return types.FunctionType(method.__code__, {**method.__globals__, **instead}, method.__name__, method.__defaults__, method.__closure__)


def _remembered(make: Callable[..., Any]) -> Callable[..., Any]:
    """scheming's function that makes a field's validators, called once per batch and field."""

    def validators(field: dict[str, Any], schema: dict[str, Any], convert_extras: bool) -> Any:
        memory = _memory.get()
        if memory is None:
            return make(field, schema, convert_extras)
        key = (make, id(field), id(schema), convert_extras)
        found = memory.validators.get(key)
        if found is None:
            made = make(field, schema, convert_extras) if _may_be_shared(field) else None
            found = memory.validators[key] = ((field, schema), made)
        return make(field, schema, convert_extras) if found[1] is None else found[1]

    return validators


def _may_be_shared(field: Mapping[str, Any]) -> bool:
    """Whether its validators hold no list or dict that one dataset might change for the next (``default([])``)."""
    named = "".join(str(field.get(name) or "") for name in ("validators", "create_validators", "output_validators"))
    return not set("[{") & set(named) and all(_may_be_shared(each) for each in field.get("repeating_subfields") or ())


def _convert(data: dict[str, Any], schema: Schema, context: Context | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """As `validate`, without the errors."""
    return _run(data, schema, context, silent=True)[0], {}


def validate(data: dict[str, Any], schema: Schema, context: Context | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``ckan.lib.navl.dictization_functions.validate`` answers: ``(converted data, errors)``.

    :raises ckan.lib.navl.dictization_functions.DataError: a text where the schema has a list of objects
    """
    result, errors = _run(data, schema, context)
    return result, _said(unflatten(errors)) if any(errors.values()) else {}


def _run(
    data: dict[str, Any], schema: Schema, context: Context | None, *, silent: bool = False
) -> tuple[dict[str, Any], dict[Key, list[Any]]]:
    """The converted data, and the errors by key.

    :param silent: whether nobody will read the errors: those that come often are not worded in the reader's language
    """
    memory = _memory.get() or _Memory()
    structure = memory.structure(schema)
    inner = Context({**(context or {}), "schema_keys": list(schema)})  # pyright: ignore[reportArgumentType]
    flat = df.flatten_dict(data, schema=schema)
    places = [(place, structure.node(place[::2]), _part(schema, place[::2])) for place in _places(flat, structure)]
    full: dict[Key, list[Any]] = {}
    for place, node, part in places:
        full.update(zip(node.keys("names", place), [part[name] for name in node.names], strict=True))
    converted = _with_every_key(flat, structure, full, places)
    errors: dict[Key, list[Any]] = {key: [] for key in full}
    steps_of, missing = memory.steps_of, df.missing

    def run(key: Key, validators: list[Any]) -> None:
        for function, call in steps_of(validators):
            if call == _IGNORE_MISSING:
                value = converted.get(key)
                if value is missing or value is None:
                    converted.pop(key, None)
                    return
                continue
            if call == _IGNORE:
                converted.pop(key, None)
                return
            if call == _NOT_EMPTY:
                value = converted.get(key)
                if value is not missing and (value or value in _ZEROS):
                    continue
                if silent:
                    errors[key].append("Missing value")
                    return
            try:
                if call == 4:
                    function(key, converted, errors, inner)
                elif call == 1:
                    converted[key] = function(converted.get(key))
                elif call == 2:
                    converted[key] = function(converted.get(key), inner)
                else:
                    df.convert(function, key, converted, errors, inner)
            except df.Invalid as error:
                errors[key].append(error.error)
            except df.StopOnError:
                return

    def run_special(name: str, *, backwards: bool = False) -> None:
        for place, _node, part in reversed(places) if backwards else places:
            if isinstance(part.get(name), list):
                run((*place, name), part[name])

    run_special("__before")
    for place, node, part in places:
        for key in node.keys("fields", place):
            run(key, part[key[-1]])
    run_special("__extras")
    run_special("__after", backwards=True)
    if ("__junk",) in full:
        run(("__junk",), full["__junk",])
    result = unflatten(converted)
    for name, value in data.items():
        # A list that is empty says something else than one that is not there.
        if value == [] and name not in result:
            result[name] = []
    return result, errors


def _part(schema: Schema, path: Key) -> Schema:
    for name in path:
        schema = schema[name]
    return schema


def _places(flat: dict[Key, Any], structure: _Structure) -> list[Key]:
    """Where the data have objects that the schema knows, the dataset itself first, in CKAN's order: shorter ones first."""
    found: set[Key] = {()}
    for place in sorted({key[:-1] for key in flat}, key=df.flattened_order_key):
        if place[::2] in structure.prefixes and place[:-2] in found:
            found.add(place)
    return sorted(found, key=df.flattened_order_key)


def _with_every_key(
    flat: dict[Key, Any], structure: _Structure, full: dict[Key, list[Any]], places: list[tuple[Key, _Node, Schema]]
) -> dict[Key, Any]:
    """The data with ``missing`` for what is not there, and what the schema does not know under ``__extras`` or ``__junk``."""
    known: dict[Key, Any] = {}
    aside: dict[Key, dict[Any, Any]] = {}
    junk: dict[Key, Any] = {}
    objects = {place for place, _node, _part in places}
    for key, value in flat.items():
        if key in full:
            known[key] = value
            continue
        if key[::2] in structure.beginnings and value != []:
            raise df.DataError(f"Only lists of dicts can be placed against subschema {key}, not {type(value)}")
        if key[:-1] in objects:
            aside.setdefault((*key[:-1], "__extras"), {})[key[-1]] = value
        else:
            junk[key] = value
    if junk:
        known["__junk",] = junk
    known |= aside
    for place, node, _part in places:
        for key in node.keys("plain", place):
            if key not in known:
                known[key] = df.missing
    return known


def unflatten(data: Mapping[Key, Any]) -> dict[str, Any]:
    """What ``ckan.lib.navl.dictization_functions.unflatten`` makes of it, in the same order."""
    by_length: dict[int, list[Key]] = {}
    for key in data:
        by_length.setdefault(len(key), []).append(key)
    whole: dict[str, Any] = {}
    with_gaps: dict[int, list[Any]] = {}
    for length in sorted(by_length):
        place: Key | None = None
        here: Any = whole
        for key in sorted(by_length[length]):
            # One behind the other are those of one object.
            if key[:-1] != place:
                here = _go_to(whole, place := key[:-1], with_gaps)
            here[key[-1]] = data[key]
    for each in with_gaps.values():
        each[:] = [item for item in each if item]
    return whole


def _go_to(whole: dict[str, Any], place: Key, with_gaps: dict[int, list[Any]]) -> Any:
    """The object at a place, made unless it is there.

    :param with_gaps: takes lists whose items before it are not there
    """
    here: Any = whole
    for part in place:
        try:
            here = here[part]
        except IndexError:
            while True:
                made: Any = {}
                here.append(made)
                if part < len(here):
                    break
                with_gaps[id(here)] = here
            here = made
        except KeyError:
            made = []
            here[part] = made
            here = made
    return here


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


def _unique_extras(key: Key, data: dict[Key, Any], errors: dict[Key, list[Any]], context: Context) -> None:
    """CKAN's ``duplicate_extras_key``, which is asked itself unless every extra has a key of its own."""
    if data.get(("extras",), []) != []:
        duplicate_extras_key(cast(Any, key), cast(Any, data), cast(Any, errors), context)
        return
    keys = [value for part, value in data.items() if part[0] == "extras" and part[-1] == "key" and len(part) == 3]
    others = {part[1] for part in data if part[0] == "extras" and len(part) == 3}
    if len(others) != len(keys) or not all(isinstance(each, str) for each in keys) or len(set(keys)) != len(keys):
        duplicate_extras_key(cast(Any, key), cast(Any, data), cast(Any, errors), context)


_STAND_INS: Mapping[Any, Callable[..., Any]] = MappingProxyType({duplicate_extras_key: _unique_extras})
