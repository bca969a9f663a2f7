"""What a budget record's fields owe to one another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from ..catalogue import rules, vocabulary
from ..catalogue import text as t
from ..catalogue.rules import RuleError
from ..catalogue.validation import Field, Validator, field_validator, is_blank, many, simple
from ..catalogue.validators import add_error, value_of

# The Republic's first budget year, and far enough ahead for any plan.
FIRST_YEAR, LAST_YEAR = 1956, 2100


def _fiscal_year(value: Any, field: Field) -> str:  # noqa: ARG001
    year = t.western_digits(rules.text(value, 20, multiline=False))
    if not re.fullmatch("[0-9]{4}", year) or not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise RuleError("fiscal-year", value=year)
    return year


def column_type(value: Any, field: Field) -> str:
    """A column type of the Fiscal Data Package, or one that extends it after a colon, as the standard allows for translated labels.

    Source: Fiscal Data Package 1.0-rc.1, ``taxonomies/fiscal/budgets.json``.

    :raises RuleError: column-type
    """
    written = rules.text(value, 200, multiline=False)
    types = vocabulary.get(field["vocabulary"]).terms
    base = written
    while base not in types and ":" in base:
        base = base.rpartition(":")[0]
    if base not in types or not re.fullmatch("[A-Za-z0-9:-]+", written):
        raise RuleError("column-type", value=written, example="administrative-classification:generic:level1:label:ar")
    return written


ogptn_fiscal_years = many(_fiscal_year, split=",،; ")
ogptn_column_type = simple(column_type, empty="missing-choice")
ogptn_administrative_code = simple(lambda value, field: t.western_digits(rules.text(value, field.get("max_length", 50), multiline=False)))


@field_validator
def ogptn_budget(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """After the fields: the classification fits the years, the code fits the level, no column is described twice."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
        _check_classification(data, errors)
        _check_code(data, errors)
        _check_columns(data, errors)

    return validator


def _years(data: FlattenDataDict) -> list[int]:
    value = data.get(("fiscal_years",))
    if isinstance(value, str):
        value = re.findall("[0-9]{4}", value)
    return [int(year) for year in value] if isinstance(value, list) else []


def _check_classification(data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    classification = value_of((), "classification", data)
    if not classification or errors.get(("classification",)) or errors.get(("fiscal_years",)):
        return
    term = vocabulary.get("budget_classifications").terms.get(classification)
    if term is None:
        return
    first, last = int(term.more.get("first_year", FIRST_YEAR)), int(term.more.get("last_year", LAST_YEAR))
    for year in _years(data):
        if not first <= year <= last:
            add_error((), "classification", RuleError("classification-year", year=year), errors)
            return


def _check_code(data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    level, written = value_of((), "administrative_level", data), value_of((), "administrative_code", data)
    if not level or not written or errors.get(("administrative_level",)):
        return
    if level == "state":
        add_error((), "administrative_code", RuleError("level-code"), errors)
    if level == "municipality" and not re.fullmatch("[0-9]{5}", written):
        add_error((), "administrative_code", RuleError("municipal-code", value=written), errors)
    if level == "region":
        term = vocabulary.get("governorates").find(written)
        if term is None or term.code == "TN":
            add_error((), "administrative_code", RuleError("region-code", value=written), errors)
        else:
            _replace_extra("administrative_code", term.code, data)


def _replace_extra(name: str, value: str, data: FlattenDataDict) -> None:
    data[(name,)] = value
    for key, stored in list(data.items()):
        if len(key) == 3 and key[0] == "extras" and key[2] == "key" and stored == name:
            data[("extras", key[1], "value")] = value


def _check_columns(data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    seen: set[tuple[Any, ...]] = set()
    for key in sorted((k for k in data if len(k) == 5 and k[0] == "resources" and k[2] == "columns" and k[4] == "name"), key=str):
        name = data[key]
        if is_blank(name) or errors.get(key):
            continue
        if (key[1], name) in seen:
            add_error(key[:-1], "name", RuleError("column-duplicate", value=name), errors)
        seen.add((key[1], name))


def get_validators() -> dict[str, Callable[..., Any]]:
    """The validators by the names that the schemas use."""
    return {
        "ogptn_administrative_code": ogptn_administrative_code,
        "ogptn_budget": ogptn_budget,
        "ogptn_column_type": ogptn_column_type,
        "ogptn_fiscal_years": ogptn_fiscal_years,
    }
