"""CKAN's validation (``ckan.lib.navl``), with each part of its work done once.

For a dataset with three files CKAN flattens the schema three times, finds the places for its keys three times, and sorts them four times;
then it puts together an empty error for each of hundreds of keys; and the schema is made anew for each dataset. The validators, their
order, what they are called with and what comes out are CKAN's: ``tests/harvesters/test_navl.py`` and ``test_writer.py`` compare.

Within `remembering` (a batch) schemas and the steps of their validators are made once, and so is what ckanext-scheming puts into them. A
validator that does much for little has a stand-in here, which does the little and asks CKAN's where that is not enough. What is only shown
mostly needs no flat keys at all: `plain`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import filterfalse
from types import MappingProxyType
from typing import Any, cast

import ckan.lib.navl.dictization_functions as df
from ckan.lib.navl.validators import ignore, ignore_missing, not_empty, not_missing, unicode_safe
from ckan.lib.plugins import plugin_validate
from ckan.logic.converters import convert_to_extras
from ckan.logic.validators import duplicate_extras_key
from ckan.types import Context

from . import plain

Key = tuple[Any, ...]
Schema = dict[str, Any]

#: How a validator is called: by CKAN's own function, or not at all because it is done here; else with so many parameters.
_ODD, _IGNORE, _IGNORE_MISSING, _NOT_EMPTY, _NOT_MISSING, _UNICODE_SAFE = range(-1, -7, -1)
#: What is something though it is false, as CKAN has it.
_ZEROS = (False, 0, 0.0)
_DONE_HERE: Mapping[Any, int] = MappingProxyType(
    {
        ignore: _IGNORE,
        ignore_missing: _IGNORE_MISSING,
        not_empty: _NOT_EMPTY,
        not_missing: _NOT_MISSING,
        unicode_safe: _UNICODE_SAFE,
    }
)


class _Node:
    """One level of a schema: the names of its fields, in the order in which CKAN runs them, and their validators.

    :ivar plain: all that have validators, as the schema has them, without ``__before`` and so on
    :ivar known: all that have validators
    """

    def __init__(self, schema: Schema, steps_of: Callable[[list[Any]], list[tuple[Any, int]]]) -> None:
        own = {name: value for name, value in schema.items() if isinstance(value, list)}
        self.known = frozenset(own)
        self.plain = tuple(name for name in own if not name.startswith("__"))
        self.special = {name: steps_of(value) for name, value in own.items() if name.startswith("__")}
        # A field without validators is left as it is.
        self._fields = [(name, steps_of(own[name])) for name in sorted(self.plain) if own[name]]
        self.lists = {name: _Node(value, steps_of) for name, value in schema.items() if isinstance(value, dict)}
        self._keys: dict[Key, tuple[list[Key], list[tuple[Key, list[tuple[Any, int]]]]]] = {}

    def at(self, place: Key) -> tuple[list[Key], list[tuple[Key, list[tuple[Any, int]]]]]:
        """The keys of its fields at a place; and of those with validators, with them, in the order in which they run."""
        found = self._keys.get(place)
        if found is None:
            keys = [(*place, name) for name in self.plain]
            found = self._keys[place] = keys, [((*place, name), steps) for name, steps in self._fields]
        return found


class _Structure:
    """What follows from a schema alone.

    :ivar prefixes: of the flattened schema's keys, without their last part
    :ivar beginnings: all beginnings of its keys
    """

    def __init__(self, schema: Schema, steps_of: Callable[[list[Any]], list[tuple[Any, int]]]) -> None:
        # So that the ids of its parts stay their own.
        self._schema = _copied(schema)
        flat = df.flatten_schema(schema)
        self.prefixes = {name[:-1] for name in flat}
        self.beginnings = {name[:length] for name in flat for length in range(len(name) + 1)}
        self.root = _Node(schema, steps_of)

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
        self.described: dict[Any, tuple[Any, _Described]] = {}
        self.structures: dict[Any, _Structure] = {}
        self.plain: dict[Any, tuple[Any, plain.Schema | None]] = {}

    def structure(self, schema: Schema) -> _Structure:
        # What ends a dataset's validation, scheming makes for each; CKAN's callers may add to a list that they have.
        key = _shape(schema, "__after")
        found = self.structures.get(key)
        if found is None:
            if len(self.structures) > 50:
                # Validators that are made anew for each dataset make a structure each.
                self.structures.clear()
            found = self.structures[key] = _Structure(schema, self.steps_of)
        return found

    def shown(self, schema: Schema) -> plain.Schema | None:
        """The schema for data whose errors nobody reads, if it needs no flat keys."""
        key = _shape(schema)
        if key not in self.plain:
            if len(self.plain) > 50:
                self.plain.clear()
            self.plain[key] = _copied(schema), plain.of(schema)
        return self.plain[key][1]

    def steps_of(self, validators: list[Any]) -> list[tuple[Any, int]]:
        """The validators of a field, each with how it is called."""
        return [(function, _call_of(function)) for function in [self.stand_ins.get(validator, validator) for validator in validators]]


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
    return _copied(_own_schema(memory, plugin, method))


def _own_schema(memory: _Memory, plugin: Any, method: str) -> Schema:
    """The schema that a plugin's method made in this batch, which nobody may change."""
    found = memory.schemas.get((id(plugin), method))
    if found is None:
        found = memory.schemas[id(plugin), method] = (plugin, getattr(plugin, method)())
    return found[1]


def _copied(schema: Schema) -> Schema:
    """The schema with dicts of its own, and the same lists of validators."""
    return {name: _copied(value) if isinstance(value, dict) else value for name, value in schema.items()}


def _shape(schema: Schema, apart: str = "") -> Any:
    """What two schemas have in common that are the same, as long as their lists of validators are there.

    :param apart: the name of a field that may differ
    """
    parts = [(name, id(value), len(value)) if isinstance(value, list) else (name, _shape(value)) for name, value in schema.items()]
    return tuple(part for part in parts if part[0] != apart) if apart else tuple(parts)


def _call_of(function: Any) -> int:
    if function in _DONE_HERE:
        return _DONE_HERE[function]
    code = getattr(function, "__code__", None)
    return code.co_argcount if code is not None and code.co_argcount in (1, 2, 4) else _ODD


def validate_with(plugin: Any, context: Context, data: dict[str, Any], method: str, action: str) -> tuple[Any, Any]:
    """What ``ckan.lib.plugins.plugin_validate`` answers.

    :param method: the plugin's, that makes the schema (``create_package_schema`` …)
    """
    return _validate_with(validate, plugin, context, data, method, action)


def converted_with(plugin: Any, context: Context, data: dict[str, Any], method: str, action: str) -> Any:
    """The data that ``ckan.lib.plugins.plugin_validate`` answers, for who does not look at the errors."""
    return _validate_with(convert, plugin, context, data, method, action)[0]


def _validate_with(function: Any, plugin: Any, context: Context, data: dict[str, Any], method: str, action: str) -> tuple[Any, Any]:
    if not hasattr(plugin, "validate"):
        return function(data, schema_of(plugin, method), context)
    memory = _memory.get() or _Memory()
    validation = getattr(type(plugin), "validate", None)
    if not isinstance(validation, types.FunctionType) or not _is_schemings(validation):
        return plugin_validate(plugin, context, data, schema_of(plugin, method), action)
    kind = str(data.get("type"))
    key = (id(plugin), method, action, kind)
    found = memory.described.get(key)
    if found is None:
        found = memory.described[key] = (plugin, _Described(plugin, validation, _own_schema(memory, plugin, method), action, kind))
    return found[1].validate(function, context, data, action)


def _is_schemings(method: types.FunctionType) -> bool:
    """Whether it is ckanext-scheming's own validation, in the form that `_Described` knows."""
    return (
        method.__module__.startswith("ckanext.scheming.")
        and method.__globals__.get("navl_validate") is df.validate
        and "_expanded_schemas" in method.__code__.co_names
        and any(getattr(each, "co_name", "") == _GROUPS_TO_EXTRAS for each in method.__code__.co_consts)
    )


#: The function in scheming's validation that stores each group of fields as an extra; comes last, if there are groups.
_GROUPS_TO_EXTRAS = "composite_convert_to"


class _Described:
    """ckanext-scheming's validation of one dataset type.

    scheming puts the validators of each described field into the schema, anew for each dataset. Here its own method does that once, and
    then for each dataset only for groups of fields, which it also writes and reads as one extra, and for fields whose validators cannot
    be shared.
    """

    def __init__(self, plugin: Any, method: types.FunctionType, schema: Schema, action: str, kind: str) -> None:
        self._method = method
        self._made: dict[Any, Any] = {}
        self._plugin, self._schema, self._resources_change = plugin, schema, True
        self._whole = plugin._expanded_schemas.get(kind) if kind in plugin._schemas else None
        if self._whole is None:
            # It says so itself.
            return
        kept: list[Schema] = []

        def keep(_data: Any, made: Schema, _context: Any) -> tuple[Any, Any]:
            kept.append(made)
            return {}, {}

        self._calling(keep)(plugin, cast(Context, {}), {"type": kind}, _copied(schema), action)
        full = kept[0]
        if any(getattr(each, "__name__", "") == _GROUPS_TO_EXTRAS for each in full.get("__after", [])[-1:]):
            full["__after"] = full["__after"][:-1]
            if not full["__after"]:
                del full["__after"]
        each_time = {
            name: [field for field in self._whole[name] if "repeating_subfields" in field or not _may_be_shared(field)]
            for name in ("dataset_fields", "resource_fields")
        }
        for part, own, fields in (
            (full, schema, each_time["dataset_fields"]),
            (full["resources"], schema["resources"], each_time["resource_fields"]),
        ):
            for field in fields:
                name = field["field_name"]
                del part[name]
                if name in own:
                    part[name] = own[name]
        less = {name: value for name, value in self._whole.items() if name not in ("before_validators", "after_validators")}
        self._plugin, self._schema = _Only(plugin, kind, {**less, **each_time}), full
        self._resources_change = bool(each_time["resource_fields"])

    def validate(self, function: Any, context: Context, data: dict[str, Any], action: str) -> tuple[Any, Any]:
        """scheming's own method, calling ``function`` where it would call CKAN's ``validate``."""
        schema = dict(self._schema)
        if self._resources_change and "resources" in schema:
            schema["resources"] = dict(schema["resources"])
        return self._calling(function)(self._plugin, context, data, schema, action)

    def _calling(self, function: Any) -> Any:
        made = self._made.get(function)
        if made is None:
            method = self._method
            instead: dict[str, Any] = {"navl_validate": function, "unflatten": unflatten, "convert_to_extras": _to_extras}
            for name in ("_field_validators", "_field_create_validators", "_field_output_validators"):
                if name in method.__globals__:
                    instead[name] = _remembered(method.__globals__[name], self._whole)
            made = self._made[function] = types.FunctionType(
                method.__code__, {**method.__globals__, **instead}, method.__name__, method.__defaults__, method.__closure__
            )
        return made


class _Only:
    """A scheming plugin with one dataset type, described by other fields."""

    def __init__(self, plugin: Any, kind: str, described: dict[str, Any]) -> None:
        self._plugin = plugin
        self._schemas = self._expanded_schemas = {kind: described}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plugin, name)


def _remembered(make: Callable[..., Any], whole: Any) -> Callable[..., Any]:
    """scheming's function that makes a field's validators, called once per field unless they cannot be shared.

    :param whole: the dataset type's description, which validators are made with
    """
    known: dict[Any, tuple[Any, Any]] = {}

    def validators(field: dict[str, Any], _schema: dict[str, Any], convert_extras: bool) -> Any:
        if not _may_be_shared(field):
            return make(field, whole, convert_extras)
        found = known.get((id(field), convert_extras))
        if found is None:
            found = known[id(field), convert_extras] = field, make(field, whole, convert_extras)
        return found[1]

    return validators


def _may_be_shared(field: Mapping[str, Any]) -> bool:
    """Whether its validators hold no list or dict that one dataset might change for the next (``default([])``)."""
    named = "".join(str(field.get(name) or "") for name in ("validators", "create_validators", "output_validators"))
    return not set("[{") & set(named) and all(_may_be_shared(each) for each in field.get("repeating_subfields") or ())


def convert(data: dict[str, Any], schema: Schema, context: Context | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """As `validate`, without the errors."""
    memory = _memory.get()
    if memory is not None and (shown := memory.shown(schema)) is not None:
        found = shown.convert(data, context)
        if found is not None:
            return found, {}
    return _run(data, schema, context, silent=True)[0], {}


def validate(data: dict[str, Any], schema: Schema, context: Context | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``ckan.lib.navl.dictization_functions.validate`` answers: ``(converted data, errors)``.

    :raises ckan.lib.navl.dictization_functions.DataError: a text where the schema has a list of objects
    """
    result, errors = _run(data, schema, context)
    return result, _said(unflatten(errors.filled())) if any(errors.values()) else {}


class _Errors(dict[Key, list[Any]]):
    """The errors of each key that the schema has; a list for those that have none is there when somebody asks for it.

    :param known: ``{place: names of its fields}``
    """

    def __init__(self, known: Mapping[Key, frozenset[str]]) -> None:
        super().__init__()
        self._known = known

    def __missing__(self, key: Key) -> list[Any]:
        if key[-1] not in self._known.get(key[:-1], ()):
            raise KeyError(key)
        found = self[key] = []
        return found

    def filled(self) -> dict[Key, list[Any]]:
        """With a list for every key: what has no error keeps its place beside what has."""
        for place, names in self._known.items():
            for name in names:
                self.setdefault((*place, name), [])
        return self


def _run(data: dict[str, Any], schema: Schema, context: Context | None, *, silent: bool = False) -> tuple[dict[str, Any], _Errors]:
    """The converted data, and the errors by key.

    :param silent: whether nobody will read the errors: those that come often are not worded in the reader's language
    """
    memory = _memory.get() or _Memory()
    structure = memory.structure(schema)
    inner = Context({**(context or {}), "schema_keys": list(schema)})  # pyright: ignore[reportArgumentType]
    flat = _flatten(data, schema)
    places = [(place, structure.node(place[::2])) for place in _places(flat, structure)]
    converted = _with_every_key(flat, structure, places)
    errors = _Errors({place: node.known for place, node in places})
    missing = df.missing

    def run(key: Key, steps: list[tuple[Any, int]]) -> None:
        for function, call in steps:
            if call == _UNICODE_SAFE:
                value = converted.get(key)
                converted[key] = value if type(value) is str else function(value)
                continue
            if call == _IGNORE_MISSING:
                value = converted.get(key)
                if value is missing or value is None:
                    converted.pop(key, None)
                    return
                continue
            if call == _IGNORE:
                converted.pop(key, None)
                return
            if call in (_NOT_EMPTY, _NOT_MISSING):
                value = converted.get(key)
                if value is not missing and (call == _NOT_MISSING or value or value in _ZEROS):
                    continue
                if silent:
                    errors[key].append("Missing value")
                    return
            try:
                if call == 1:
                    converted[key] = function(converted.get(key))
                elif call == 2:
                    converted[key] = function(converted.get(key), inner)
                elif call == _ODD:
                    df.convert(function, key, converted, errors, inner)
                else:
                    function(key, converted, errors, inner)
            except df.Invalid as error:
                errors[key].append(error.error)
            except df.StopOnError:
                return

    def run_special(name: str, *, backwards: bool = False) -> None:
        for place, node in reversed(places) if backwards else places:
            if name in node.special:
                run((*place, name), node.special[name])

    run_special("__before")
    for place, node in places:
        for key, steps in node.at(place)[1]:
            run(key, steps)
    run_special("__extras")
    for place, node in reversed(places):
        if place:
            if "__after" in node.special:
                run((*place, "__after"), node.special["__after"])
        elif isinstance(schema.get("__after"), list):
            run(("__after",), memory.steps_of(schema["__after"]))
    if "__junk" in structure.root.special:
        run(("__junk",), structure.root.special["__junk"])
    result = unflatten(converted)
    for name, value in data.items():
        # A list that is empty says something else than one that is not there.
        if value == [] and name not in result:
            result[name] = []
    return result, errors


def _flatten(data: dict[str, Any], schema: Schema) -> dict[Key, Any]:
    """What ``ckan.lib.navl.dictization_functions.flatten_dict`` makes of it, in the same order.

    :raises ckan.lib.navl.dictization_functions.DataError: a list with an object at its beginning, and something else behind
    """
    flat: dict[Key, Any] = {}

    def add(part: dict[str, Any], place: Key, known: Any) -> None:
        for name, value in part.items():
            if isinstance(value, list) and value and isinstance(value[0], dict) and (not known or isinstance(known.get(name), dict)):
                inner = known.get(name) if known else None
                for number, item in enumerate(value):
                    if not isinstance(item, dict):
                        raise df.DataError("Values in lists need to be dicts")
                    add(item, (*place, name, number), inner)
            else:
                flat[(*place, name)] = value

    add(data, (), schema)
    return flat


def _places(flat: dict[Key, Any], structure: _Structure) -> list[Key]:
    """Where the data have objects that the schema knows, the dataset itself first, in CKAN's order: shorter ones first."""
    found: set[Key] = {()}
    in_order: list[Key] = [()]
    for place in sorted(sorted({key[:-1] for key in flat} - found), key=len):
        if place[::2] in structure.prefixes and place[:-2] in found:
            found.add(place)
            in_order.append(place)
    return in_order


def _with_every_key(flat: dict[Key, Any], structure: _Structure, places: list[tuple[Key, _Node]]) -> dict[Key, Any]:
    """The data with ``missing`` for what is not there, and what the schema does not know under ``__extras`` or ``__junk``."""
    known: dict[Key, Any] = {}
    aside: dict[Key, dict[Any, Any]] = {}
    junk: dict[Key, Any] = {}
    objects = dict(places)
    for key, value in flat.items():
        node = objects.get(key[:-1])
        if node is not None and key[-1] in node.known:
            known[key] = value
            continue
        if key[::2] in structure.beginnings and value != []:
            raise df.DataError(f"Only lists of dicts can be placed against subschema {key}, not {type(value)}")
        if node is not None:
            aside.setdefault((*key[:-1], "__extras"), {})[key[-1]] = value
        else:
            junk[key] = value
    if junk:
        known["__junk",] = junk
    known |= aside
    for place, node in places:
        known |= dict.fromkeys(filterfalse(known.__contains__, node.at(place)[0]), df.missing)
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


def _to_extras(key: Key, data: dict[Key, Any], errors: dict[Key, list[Any]], context: Context) -> None:  # noqa: ARG001 - CKAN passes them
    """CKAN's ``convert_to_extras``, which looks through all keys for the last extra."""
    number = 0
    while ("extras", number, "key") in data:
        number += 1
    data["extras", number, "key"] = key[-1]
    data["extras", number, "value"] = unicode_safe(data[key])


_STAND_INS: Mapping[Any, Callable[..., Any]] = MappingProxyType({duplicate_extras_key: _unique_extras, convert_to_extras: _to_extras})
