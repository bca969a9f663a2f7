"""A table of the DataStore as a file: CSV, a workbook (XLSX), JSON, Parquet.

The rows come by a cursor on the server into a file of its own, some thousands at a time, and only the complete file is sent: whoever has it
has it whole, nobody's slow line holds a lock that keeps a new table from taking the old one's place, and the memory does not grow with
the table.
"""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
import io
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import IO, Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
import xlsxwriter
from ckan import plugins
from ckanext.datastore import interfaces
from ckanext.datastore.backend import postgres
from ckanext.datastore.logic.schema import datastore_search_schema
from sqlalchemy.engine import Connection

from . import units

#: Media types by the name of the format (RFC 7111; ECMA-376; RFC 8259; the IANA registration of Parquet).
MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
#: Rows of a sheet, its header included, and characters of a cell (ECMA-376; Excel's specifications and limits).
SHEET_ROWS, CELL_CHARACTERS = 1_048_576, 32_767
#: Digits that a spreadsheet program keeps of a number.
SHEET_DIGITS = 15
_PIECE = 10_000
#: Milliseconds that PostgreSQL may take for one piece.
_PATIENCE = 300_000
#: How a cell begins that spreadsheet programs run as a formula (OWASP, "CSV Injection"). After a sign it takes a function or a command to
#: do harm: "-5 %" and "+216 71 000 000" stay as they are.
_FORMULA = re.compile("\\s*[=@＝＠]|[\t\r]|\\s*[-+－＋].*[(|!]", re.DOTALL)


class TooManyRows(ValueError):  # noqa: N818 - as the other refusals are called
    """A sheet of a workbook cannot hold so many rows.

    :ivar rows: how many there are
    """

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


@dataclass(frozen=True)
class Field:
    """A column of the stored table.

    :ivar type: PostgreSQL's name of its type
    :ivar info: the data dictionary's entry: ``label``, ``notes``, ``unit`` …
    """

    id: str
    type: str
    info: dict[str, Any]

    @property
    def label(self) -> str:
        """What people read; the id where nothing else is said."""
        return str(self.info.get("label") or "").strip() or self.id


@dataclass(frozen=True)
class Query:
    """Which rows, in which order: what CKAN's ``datastore_search`` takes by the same names."""

    resource_id: str
    options: dict[str, Any] = field(default_factory=dict)


def formats() -> list[str]:
    """The formats that this site offers."""
    return [name for name in MEDIA_TYPES if name != "parquet" or importlib.util.find_spec("pyarrow")]


def check(query: Query) -> None:
    """Whether the reader may have these rows, asked as ``datastore_search`` asks it.

    :raises NotAuthorized: the resource is not to be seen
    :raises NotFound: it has no table
    :raises ValidationError: filters, sort or columns make no sense
    """
    tk.get_action("datastore_search")({}, {**query.options, "resource_id": query.resource_id, "limit": 0, "include_total": False})


def write(query: Query, form: str, file: IO[bytes], *, labels: bool = True, safe: bool = True, right_to_left: bool = False) -> int:
    """Write the rows to a file. Ask :func:`check` first.

    :param form: one of :func:`formats`
    :param labels: for CSV and XLSX: the header says what people read; else the names for programs
    :param safe: for CSV: begin with the mark by which spreadsheet programs know UTF-8, and put an apostrophe before texts that they
        would run as formulas
    :param right_to_left: for XLSX: the sheet's direction
    :returns: the number of rows
    :raises TooManyRows: a sheet cannot hold them
    """
    with postgres.get_read_engine().connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        stored = _Stored(connection, query)
        if form == "csv":
            return _write_csv(stored, file, labels, safe)
        if form == "xlsx":
            return _write_xlsx(stored, file, labels, right_to_left)
        if form == "json":
            return _write_json(stored, file)
        return _write_parquet(stored, file)


class _Stored:
    """The rows as they are at one moment."""

    def __init__(self, connection: Connection, query: Query) -> None:
        self._connection = connection
        connection.execute(sa.text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": str(_PATIENCE)})
        table = postgres.identifier(query.resource_id)
        described = connection.execute(
            sa.text(
                "SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid "
                "WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 AND NOT attisdropped AND left(attname, 1) <> '_' ORDER BY attnum"
            ),
            {"name": table},
        ).all()
        types: dict[str, str] = {row[0]: row[1] for row in described}
        wanted = [name for name in _listed(query.options.get("fields")) if name in types] or list(types)
        info = postgres._get_field_info(connection, query.resource_id)
        for name, unit in units.of_columns(query.resource_id, info.items()).items():
            info[name] = {**info[name], "unit": unit, "unit_from": "dataset"}
        self.fields = [Field(name, types[name], info.get(name) or {}) for name in dict.fromkeys(wanted)]
        self._from, self._order, self._values = self._clauses(query, table)

    def _clauses(self, query: Query, table: str) -> tuple[str, str, dict[str, Any]]:
        """The rest of the statement, as ``datastore_search`` makes it (``search_data`` of the DataStore's backend); equal rows in a fixed
        order."""
        context: Any = {"connection": self._connection}
        asked, _errors = tk.navl_validate({**query.options, "resource_id": query.resource_id}, datastore_search_schema(), {})
        asked.pop("fields", None)
        postgres.validate(context, asked)
        types = postgres._get_fields_types(self._connection, query.resource_id)
        clauses: dict[str, Any] = {"select": [], "sort": [], "where": []}
        for plugin in plugins.PluginImplementations(interfaces.IDatastore):
            clauses = plugin.datastore_search(context, asked, types, clauses)
        where, values = postgres._where(clauses["where"])
        sort = [*clauses["sort"], '"_id"'] if not any(one.startswith('"_id"') for one in clauses["sort"]) else clauses["sort"]
        merged: dict[str, Any] = {}
        for one in values:
            merged |= one
        return f"FROM {table}{_literal(clauses['ts_query'])} {where}", _literal(", ".join(sort)), merged

    def count(self) -> int:
        """How many rows there are."""
        return self._connection.execute(sa.text(f"SELECT count(*) {self._from}"), self._values).scalar() or 0

    def scales(self) -> dict[str, int | None]:
        """Decimals of each column of exact numbers; None where 38 digits do not hold its values, or one is no number."""
        numeric = [one.id for one in self.fields if one.type == "numeric"]
        if not numeric:
            return {}
        parts = []
        for name in map(postgres.identifier, numeric):
            parts += [
                f"coalesce(max(scale({name})), 0)",
                f"coalesce(max(length(trunc(abs({name}))::text)), 1)",
                f"coalesce(bool_or({name}::text ~ '[NI]'), false)",
            ]
        found = self._connection.execute(sa.text(f"SELECT {_literal(', '.join(parts))} {self._from}"), self._values).one()
        return {
            name: found[3 * place] if found[3 * place] + found[3 * place + 1] <= 38 and not found[3 * place + 2] else None
            for place, name in enumerate(numeric)
        }

    def pieces(self) -> Iterator[Sequence[Any]]:
        """The rows in their order, some thousands at a time."""
        names = _literal(", ".join(_selected(one) for one in self.fields))
        statement = sa.text(f"SELECT {names} {self._from} ORDER BY {self._order}")
        streaming = self._connection.execution_options(stream_results=True, max_row_buffer=_PIECE)
        yield from streaming.execute(statement, self._values).partitions(_PIECE)


def _listed(value: Any) -> list[str]:
    return [one.strip() for one in value.split(",")] if isinstance(value, str) else list(value or [])


def _literal(sql: str) -> str:
    """SQL without parameters: a colon in it is a colon."""
    return sql.replace(":", r"\:")


#: Types of which a cell is what Python has for it.
_KNOWN = {"int2", "int4", "int8", "numeric", "float4", "float8", "bool", "date", "timestamp", "time", "text"}


def _selected(one: Field) -> str:
    name = postgres.identifier(one.id)
    return name if one.type in _KNOWN else f"CAST({name} AS text)"


def _header(stored: _Stored, labels: bool) -> list[str]:
    """The header's texts; two columns with one label are told apart by their names for programs."""
    if not labels:
        return [one.id for one in stored.fields]
    all_labels = [one.label for one in stored.fields]
    return [one.label if all_labels.count(one.label) == 1 else f"{one.label} ({one.id})" for one in stored.fields]


def _shown(value: Any) -> str:
    """A cell as text: numbers with all their digits, dates as ISO 8601 has them; nothing where there is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)


def disarmed(text: str) -> str:
    """A text that spreadsheet programs would run as a formula gets an apostrophe before it; any other is as it was."""
    return f"'{text}" if _FORMULA.match(text) else text


def _write_csv(stored: _Stored, file: IO[bytes], labels: bool, safe: bool) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8-sig" if safe else "utf-8", newline="", write_through=False)
    writer = csv.writer(text)
    guard = disarmed if safe else str
    writer.writerow([guard(one) for one in _header(stored, labels)])
    ways = [
        (lambda value: "" if value is None else guard(str(value))) if one.type not in _KNOWN or one.type == "text" else _shown
        for one in stored.fields
    ]
    count = 0
    for rows in stored.pieces():
        columns = [list(map(way, cells)) for way, cells in zip(ways, zip(*rows, strict=True), strict=True)]
        writer.writerows(zip(*columns, strict=True))
        count += len(rows)
    text.detach()
    return count


def _write_json(stored: _Stored, file: IO[bytes]) -> int:
    """``{"fields": [{"id", "type", "label", …}], "records": [{id: value}]}``; exact numbers with all their digits."""

    def described(one: Field) -> dict[str, Any]:
        said = {name: one.info[name] for name in ("unit", "unit_from", "notes") if one.info.get(name)}
        return {"id": one.id, "type": one.type, "label": one.label, **said}

    def written(value: Any) -> str:
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite()):
            return _shown(value)
        if isinstance(value, float):
            return repr(value) if math.isfinite(value) else "null"
        return json.dumps(_shown(value), ensure_ascii=False)

    names = [json.dumps(one.id, ensure_ascii=False) for one in stored.fields]
    file.write(f'{{"fields": {json.dumps([described(one) for one in stored.fields], ensure_ascii=False)},\n"records": ['.encode())
    count = 0
    for rows in stored.pieces():
        lines = ["{" + ", ".join(f"{name}: {written(value)}" for name, value in zip(names, row, strict=True)) + "}" for row in rows]
        file.write(((",\n" if count else "\n") + ",\n".join(lines)).encode())
        count += len(rows)
    file.write(b"\n]}\n")
    return count


def _write_xlsx(stored: _Stored, file: IO[bytes], labels: bool, right_to_left: bool) -> int:
    rows_there = stored.count()
    if rows_there > SHEET_ROWS - 1:
        raise TooManyRows(rows_there)
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet("data")
    if right_to_left:
        sheet.right_to_left()
    bold = book.add_format({"bold": True})
    formats_of = {
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "timestamp": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "time": book.add_format({"num_format": "hh:mm:ss"}),
    }
    sheet.freeze_panes(1, 0)
    for place, (one, head) in enumerate(zip(stored.fields, _header(stored, labels), strict=True)):
        sheet.set_column(place, place, 28 if one.type == "text" else 16)
        sheet.write_string(0, place, head[:CELL_CHARACTERS], bold)
    writers = [_sheet_writer(sheet, formats_of.get(one.type)) for one in stored.fields]
    number = 0
    for rows in stored.pieces():
        for row in rows:
            number += 1
            for place, (write_cell, value) in enumerate(zip(writers, row, strict=True)):
                if value is not None:
                    write_cell(number, place, value)
    _write_columns(book, stored, bold, right_to_left)
    book.close()
    return number


def _write_columns(book: Any, stored: _Stored, bold: Any, right_to_left: bool) -> None:
    """A second sheet with what is known of the columns: a number alone says neither its unit nor what it counts."""
    sheet = book.add_worksheet("columns")
    if right_to_left:
        sheet.right_to_left()
    sheet.freeze_panes(1, 0)
    heads = (tk._("Label"), tk._("Name for programs"), tk._("Type"), tk._("Unit"), tk._("Description"))
    lines = [heads]
    for one in stored.fields:
        unit = str(one.info.get("unit") or "")
        if unit and one.info.get("unit_from") == "dataset":
            unit = f"{unit} {tk._('(says the dataset)')}"
        lines.append((one.label, one.id, one.type, unit, str(one.info.get("notes") or "")))
    sheet.set_column(0, len(heads) - 1, 28)
    for row, line in enumerate(lines):
        for column, text in enumerate(line):
            sheet.write_string(row, column, text[:CELL_CHARACTERS], bold if row == 0 else None)


def _sheet_writer(sheet: Any, shape: Any) -> Callable[[int, int, Any], None]:
    # A text is written as a text whatever it begins with: it is no formula.
    def text(row: int, column: int, value: str) -> None:
        if len(value) > CELL_CHARACTERS:
            value = value[: CELL_CHARACTERS - 20] + f"… [{len(value)}]"
        sheet.write_string(row, column, value)

    def any_value(row: int, column: int, value: Any) -> None:
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, (int, float, Decimal)) and _fits_a_sheet(value):
            sheet.write_number(row, column, value)
        elif isinstance(value, dt.time) or (isinstance(value, dt.date) and value.year > 1900):
            # Earlier days are counted in different ways by different programs.
            sheet.write_datetime(row, column, value, shape)
        else:
            text(row, column, _shown(value))

    return any_value


def _fits_a_sheet(value: float | Decimal) -> bool:
    """Whether a spreadsheet program keeps every digit of a number."""
    if isinstance(value, int):
        return abs(value) < 10**SHEET_DIGITS
    if isinstance(value, float):
        return math.isfinite(value)
    return value.is_finite() and len(value.as_tuple().digits) <= SHEET_DIGITS


def _write_parquet(stored: _Stored, file: IO[bytes]) -> int:
    """A group of rows per piece; the columns' metadata has label and unit. Decimals are exact: of 38 digits, or text where 38 do not hold
    them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    known: dict[str, Any] = {
        "int2": pa.int16(),
        "int4": pa.int32(),
        "int8": pa.int64(),
        "float4": pa.float32(),
        "float8": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "time": pa.time64("us"),
    }
    scales = stored.scales()
    described = []
    for one in stored.fields:
        kind = known.get(one.type, pa.string())
        scale = scales.get(one.id)
        if scale is not None:
            kind = pa.decimal128(38, scale)
        metadata = {"label": one.label, **({"unit": str(one.info["unit"])} if one.info.get("unit") else {})}
        described.append(pa.field(one.id, kind, metadata=metadata))
    schema = pa.schema(described)
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in stored.pieces():
            arrays = []
            for one, cells in zip(described, zip(*rows, strict=True), strict=True):
                values: list[Any] = list(cells)
                if pa.types.is_string(one.type):
                    values = [None if cell is None else _shown(cell) for cell in values]
                arrays.append(pa.array(values, one.type))
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(rows)
    return count
