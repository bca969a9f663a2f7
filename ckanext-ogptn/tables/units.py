"""The unit of a table's amounts where the file says none and the dataset's description does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ckan import model

from ..catalogue.theme_helpers import unit_of

#: Column type of amounts in the Fiscal Data Package (its taxonomy of column types).
_AMOUNT = "value"


def said_by_dataset(resource: model.Resource) -> tuple[str, set[str]]:
    """What the description of a file's dataset says.

    :returns: the unit in the reader's language, empty when none is said; and the headings of the columns that the resource's ``columns``
        declare to be amounts
    """
    package = resource.package
    if package is None:
        return "", set()
    declared = (resource.extras or {}).get("columns") or []
    if isinstance(declared, str):
        try:
            declared = json.loads(declared)
        except ValueError:
            declared = []
    amounts = {
        str(one.get("name") or "")
        for one in (declared if isinstance(declared, list) else [])
        if isinstance(one, dict) and one.get("column_type") == _AMOUNT
    }
    return unit_of(dict(package.extras)), amounts


def filled(column: dict[str, Any], unit: str, amounts: set[str]) -> dict[str, Any]:
    """A column of ``ogptn_table_show``, with the dataset's unit if it is an amount and its file says none.

    :param column: what is stored of it
    :param unit: of the dataset
    :param amounts: headings of columns of amounts
    """
    if not unit or column.get("unit") or column.get("label") not in amounts:
        return column
    return {**column, "unit": unit, "unit_from": "dataset"}


def of_columns(resource_id: str, columns: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, str]:
    """The units that the dataset says of columns whose file says none, as the DataStore's data dictionary has them.

    They are not stored there: a steward who corrects the description corrects every answer with it.

    :param columns: ids, and what the data dictionary says of them
    :returns: units in the reader's language by column id; only of columns that lack theirs
    """
    resource = model.Session.get(model.Resource, resource_id)
    if resource is None:
        return {}
    unit, amounts = said_by_dataset(resource)
    if not unit or not amounts:
        return {}
    headings = ((name, info, (info.get("from_file") or {}).get("label") or info.get("label")) for name, info in columns)
    return {name: unit for name, info, heading in headings if heading in amounts and not info.get("unit")}
