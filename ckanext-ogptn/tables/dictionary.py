"""The DataStore's data dictionary: what stewards wrote of a table's columns, beside what was read from the file."""

from __future__ import annotations

from typing import Any

from ckanext.datastore.backend import postgres

from ..catalogue.config import reader_language

#: PostgreSQL's types of columns that our loader did not make, as our own names of types.
_TYPES = {
    "int4": "integer",
    "int8": "integer",
    "numeric": "number",
    "float8": "number",
    "bool": "boolean",
    "date": "date",
    "timestamp": "datetime",
    "time": "time",
    "text": "text",
}


def stored(resource_id: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """A table's columns as the DataStore has them, in their order; empty when there is no table.

    :returns: by column id, PostgreSQL's type and what the data dictionary says (``label``, ``notes``, ``unit`` …)
    """
    with postgres.get_read_engine().connect() as connection:
        types = postgres._get_fields_types(connection, resource_id)
        info = postgres._get_field_info(connection, resource_id)
    return {name: (kind, info.get(name) or {}) for name, kind in types.items() if name != "_id"}


def completed(columns: list[dict[str, Any]], there: dict[str, tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Columns of ``ogptn_table_show`` with what stewards wrote of them, and those of the table that the file does not have.

    :param columns: what was stored when the file was read
    :param there: as :func:`stored` gives it
    """
    known = {one["id"] for one in columns}
    found = [_with(one, there.get(one["id"], ("", {}))[1]) for one in columns]
    return found + [_only_stored(name, kind, info) for name, (kind, info) in there.items() if name not in known]


def _with(column: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    return {**column, "label": _said(info, "label") or column["label"], "description": _written(info)}


def _said(info: dict[str, Any], name: str) -> str:
    """In the reader's language where a site has the dictionary in languages (``label_translated``), as on CKAN's own page."""
    texts = info.get(f"{name}_translated")
    said = texts.get(reader_language()) if isinstance(texts, dict) else None
    return str(said or info.get(name) or "").strip()


def _written(info: dict[str, Any]) -> str:
    """The description that a person wrote; what the loader noted there itself says nothing new."""
    said = _said(info, "notes")
    return "" if said == str((info.get("from_file") or {}).get("notes") or "") else said


def _only_stored(name: str, kind: str, info: dict[str, Any]) -> dict[str, Any]:
    nothing = dict.fromkeys(("note", "nulls", "distinct", "distinct_exact", "minimum", "maximum"))
    return {
        **nothing,
        "id": name,
        "label": _said(info, "label") or name,
        "type": str(info.get("type") or _TYPES.get(kind, kind)),
        "pg_type": kind,
        "unit": str(info.get("unit") or ""),
        "unit_from": "",
        "description": _said(info, "notes"),
    }
