"""PostgreSQL's binary COPY format: how many rows with binary values are written quickest."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_END = struct.pack("!h", -1)
_NULL = struct.pack("!i", -1)
_LENGTH = struct.Struct("!i")

#: A value as PostgreSQL's binary format has it: texts in UTF-8, whole numbers by the two functions below.
Value = bytes | None

integer = struct.Struct("!i").pack
bigint = struct.Struct("!q").pack


def copy(cursor: Cursor, table: sql.Identifier, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
    """Write rows into a table."""
    start = struct.pack("!h", len(columns))
    out = [_HEADER]
    for row in rows:
        out.append(start)
        for value in row:
            out += (_NULL,) if value is None else (_LENGTH.pack(len(value)), value)
    out.append(_END)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    cursor.copy_expert(sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT binary)").format(table, names), io.BytesIO(b"".join(out)))
