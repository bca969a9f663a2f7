"""How the rules meet CKAN's validation: where a value comes from, whether it may be empty, how it is stored, where its error goes.

CKAN flattens a record before it validates: ``("title_translated",)`` is a field of the dataset, ``("resources", 0, "format")`` one of its
first file, ``("milestones", 2, "title")`` one of the third row of a repeating group, and what no schema names is gathered under
``(…, "__extras")``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from . import rules
from . import text as t
from .rules import RuleError

Field = Mapping[str, Any]
Validator = Callable[[FlattenKey, FlattenDataDict, FlattenErrorDict, Context], None]
FieldValidator = Callable[[Field, Mapping[str, Any]], Validator]

#: Columns of CKAN's own tables: an emptied one is overwritten, where an emptied extra simply goes away.
CORE_COLUMNS = {"url", "version", "license_id", "format", "mimetype", "hash"}


def field_validator(function: FieldValidator) -> FieldValidator:
    """Mark a validator that ckanext-scheming calls with the field's definition first (scheming itself need not be installed)."""
    function.is_a_scheming_validator = True  # pyright: ignore[reportFunctionMemberAccess] - scheming's own protocol
    return function


def is_blank(value: Any) -> bool:
    """Whether nothing was entered: absent, None, white space, an empty list or dict, or one of nothing but these."""
    if value is None or value is tk.missing or (isinstance(value, str) and not value.strip()):
        return True
    if isinstance(value, Mapping):
        return all(is_blank(part) for part in value.values())
    return isinstance(value, (list, tuple)) and all(is_blank(part) for part in value)


def is_draft(data: FlattenDataDict, context: Context) -> bool:
    """Whether the record stays a draft, and so may be incomplete. What a user who may not set the state wrote does not count."""
    state = data.get(("state",))
    if is_blank(state):
        package = context.get("package")
        given = data.get(("id",))
        state = package.state if package is not None and given in (package.id, package.name) else "active"
    return str(state).startswith("draft")


def is_harvested(data: FlattenDataDict) -> bool:
    """Whether the record was copied from another portal, and so speaks only the languages of its source."""
    return not (is_blank(data.get(("source_portal",))) and is_blank(data.get(("source_url",))))


def in_group(key: FlattenKey) -> bool:
    """Whether a key is a field of a row of a repeating group (a file of a dataset is no such row)."""
    return len(key) >= 3 and not (len(key) == 3 and key[0] == "resources")


def row_is_blank(key: FlattenKey, data: FlattenDataDict) -> bool:
    """Whether the whole row of a repeating group that ``key`` belongs to is empty: a form always posts one."""
    row = key[:-1]
    return all(is_blank(value) for other, value in data.items() if other[:-1] == row)


def is_required(field: Field, key: FlattenKey, data: FlattenDataDict, context: Context) -> bool:
    """Whether a field may not be empty here and now."""
    condition = field.get("required_when")
    required = bool(field.get("required"))
    if condition and not required:
        sibling = data.get((*key[:-1], condition["field"]))
        required = sibling in condition["values"]
    if not required or is_draft(data, context):
        return False
    if field.get("required_unless_harvested") and is_harvested(data):
        return False
    return not (in_group(key) and row_is_blank(key, data))


def fail(broken: RuleError, key: FlattenKey, errors: FlattenErrorDict) -> None:
    """Put a broken rule's message beside its field and end the validation of the field.

    :raises StopOnError: always
    """
    language = broken.details.get("language")
    if language in t.LANGUAGES and not broken.slug.startswith("missing"):
        key = (*key[:-1], f"{key[-1]}-{language}")
    errors.setdefault(key, []).append(str(broken))
    raise tk.StopOnError


def refuse_empty(slug: str, field: Field, key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
    """End the validation of an empty field: with an error where a value is needed, else leaving it out of what is stored.

    :raises StopOnError: always
    """
    if is_required(field, key, data, context):
        fail(RuleError(slug), key, errors)
    value = data.pop(key, tk.missing)
    if key[-1] in CORE_COLUMNS and value is not tk.missing and not in_group(key):
        data[key] = ""
    raise tk.StopOnError


def store(key: FlattenKey, data: FlattenDataDict, value: Any) -> None:
    """Put a checked value in the form in which CKAN stores it: extras hold text, rows of a group hold JSON values."""
    if isinstance(value, (dict, list)) and not in_group(key):
        value = json.dumps(value, ensure_ascii=False)
    data[key] = value


def simple(check: Callable[[Any, Field], Any], empty: str = "missing") -> FieldValidator:
    """A field validator from a rule ``(value, field) → stored value``.

    :param empty: the slug of the message when a needed value is not there
    """

    @field_validator
    def with_field(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001 - scheming passes it
        def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
            value = data.get(key, tk.missing)
            if is_blank(value):
                refuse_empty(empty, field, key, data, errors, context)
            try:
                checked = check(value, field)
            except RuleError as broken:
                fail(broken, key, errors)
            else:
                if checked == "":
                    refuse_empty(empty, field, key, data, errors, context)
                store(key, data, checked)

        return validator

    return with_field


def many(check: Callable[[Any, Field], str], split: str | None = None, most: int = 500) -> FieldValidator:
    """A field validator for a list of values, each checked by ``(value, field) → stored value``; doubles go.

    :param split: characters that part several values written in one text
    """

    def check_all(value: Any, field: Field) -> list[str]:
        if isinstance(value, str):
            value = _listed(value, split)
        if not isinstance(value, (list, tuple)):
            raise RuleError("not-list")
        if len(value) > most:
            raise RuleError("too-many", count=len(value), limit=most)
        return list(dict.fromkeys(check(item, field) for item in value if not is_blank(item)))

    return simple(check_all)


def _listed(value: str, split: str | None) -> list[Any]:
    if value.lstrip().startswith("["):
        try:
            read = json.loads(value)
        except ValueError:
            raise RuleError("not-list") from None
        return read if isinstance(read, list) else [read]
    if split:
        for separator in split:
            value = value.replace(separator, "\n")
        return value.split("\n")
    return [value]


def limit_of(field: Field) -> int:
    """The longest text that a field takes, in characters."""
    return field.get("max_length", rules.DEFAULT_LENGTH)
