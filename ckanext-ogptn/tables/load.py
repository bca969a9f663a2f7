"""A typed table into CKAN's DataStore: by COPY, streamed, by two connections where it is large.

The rows go into a table that has no resource's name. When all are there, one transaction puts it in the old one's place, which has served
until then; what a load leaves that was killed in between goes with :func:`tidy`, or with the next load. The new table has everything that
the DataStore expects of a table of its own making (``ckanext/datastore/backend/postgres.py``, ``create_table``): ``_id``, ``_full_text``
with its trigger and index, the data dictionary in the columns' comments, views that are aliases, the cached number of rows. The read-only
role gets its rights from the default privileges that ``ckan datastore set-permissions`` granted.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckanext.datastore.backend import postgres
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from ..catalogue.cycles import no_search_for_cycles
from . import writers
from .read import Reading
from .types import Inference, RowKind, TypedColumn, TypedTable, kinds_of

#: Distinct values below which their number is exact; above it is PostgreSQL's estimate.
EXACT_DISTINCT = 10_000
#: The label of the column that marks totals, in the languages of the portal: a data dictionary has one label.
KIND_LABEL = "نوع السطر · Nature de la ligne · Kind of row"

#: How many COPYs a large table is sent by. Each is a process of PostgreSQL's; on two processors three were no faster than two
#: (``python -m tests.benchmarks.tables``).
WRITERS = 2

#: Cells, and characters of text, that are looked at before a type is guessed.
_HELD, _HELD_TEXT = 250_000, 8_000_000
#: PostgreSQL's most arguments of a function, without the first one of ``concat_ws``.
_ARGUMENTS = 99
#: How the names of tables begin that are not complete yet. No resource has such an id: nobody may read them (``datastore_search`` and
#: ``datastore_search_sql`` ask whether the resource of that name is to be seen).
_STAGING = "_ogptn_"
#: A guess is compared with what was counted every so many thousands of rows.
_CHECK_EVERY = 50
#: Texts whose value is remembered, of each column.
_REMEMBERED = 50_000
#: In COPY's text format: a value that is not there, and what has to be written otherwise.
_NOTHING = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_MARKS = ("\\", "\t", "\n", "\r")
#: Row numbers, the cells of each column, and the rows' kinds where not all are data.
_Chunk = tuple[Sequence[int], Sequence[Sequence[Any]], Sequence[RowKind] | None]


@dataclass
class Loaded:
    """What was loaded.

    :ivar rows: rows in the DataStore's table
    :ivar rejected: rows that were not taken
    :ivar columns: as ``ogptn_table_show`` answers them
    """

    rows: int
    rejected: int
    columns: list[dict[str, Any]] = field(default_factory=list)


def load_table(
    reading: Reading,
    resource_id: str,
    *,
    table: TypedTable | None = None,
    typed: Callable[[], None] = lambda: None,
    progress: Callable[[int], None] = lambda rows: None,  # noqa: ARG005
) -> tuple[TypedTable, Loaded]:
    """Load an open table into the DataStore, in place of what the resource had there.

    Without its types, the file is read once: they are guessed from the first rows and some further down, the rows are sent with these
    types, and all the values are counted on the way. Where the count says something else in the end, what was sent is thrown away and
    the file is read again with the right types.

    :param reading: the file's table
    :param resource_id: the resource's id, which is the table's name
    :param table: its types, when they are known
    :param typed: told when loading begins, the types being known or guessed
    :param progress: told the number of rows that were sent, every few thousand
    :returns: the table with its findings complete, and what was loaded
    :raises TableError: the table is refused; the DataStore is as it was
    :raises sqlalchemy.exc.SQLAlchemyError: the DataStore's database failed; it is as it was
    """
    with no_search_for_cycles():
        return _load_table(reading, resource_id, table, typed, progress)


def _load_table(
    reading: Reading, resource_id: str, table: TypedTable | None, typed: Callable[[], None], progress: Callable[[int], None]
) -> tuple[TypedTable, Loaded]:
    attempt = _Attempt.known(table) if table is not None else _Attempt.guessed(reading)
    typed()
    staging = f"{_STAGING}{hashlib.sha256(resource_id.encode()).hexdigest()[:40]}"
    engine = postgres.get_write_engine()
    try:
        with engine.begin() as connection:
            # Two loads of one resource come one after the other. This connection has nothing to do until the rows are there.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": staging})
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            try:
                loaded = _load(engine, connection, attempt, staging, resource_id, progress)
            except _GuessedWrongError:
                attempt = _Attempt.known(attempt.counted())
                loaded = _load(engine, connection, attempt, staging, resource_id, progress)
    except BaseException:
        # Whatever it was that ended the load, the worker's time being over too: the rows that were sent must not stay.
        with contextlib.suppress(SQLAlchemyError):
            _tidy(engine, staging)
        raise
    return attempt.table, loaded


def tidy() -> int:
    """Remove what loads sent that were killed before their end; a load that runs is left alone.

    :returns: the number of tables that were removed
    :raises sqlalchemy.exc.SQLAlchemyError: the DataStore's database failed
    """
    engine = postgres.get_write_engine()
    with engine.connect() as connection:
        left = sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND starts_with(tablename, :staging)")
        names = connection.scalars(left, {"staging": _STAGING}).all()
    return sum(_tidy(engine, name) for name in names)


def _tidy(engine: Engine, staging: str) -> bool:
    with engine.begin() as connection:
        free = connection.scalar(sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": staging})
        if free:
            _drop_staging(connection, staging)
        return bool(free)


def _drop_staging(connection: Connection, staging: str) -> None:
    connection.execute(sa.text(f"DROP TABLE IF EXISTS {postgres.identifier(staging)}"))
    _drop_functions(connection, staging)


def _drop_functions(connection: Connection, staging: str) -> None:
    made = sa.text("SELECT CAST(CAST(oid AS regprocedure) AS text) FROM pg_proc WHERE starts_with(proname, :staging)")
    for function in connection.scalars(made, {"staging": staging}).all():
        connection.execute(sa.text(f"DROP FUNCTION {function}"))


def drop_table(resource_id: str) -> None:
    """Remove the resource's table, if there is one, and what depends on it."""
    with postgres.get_write_engine().begin() as connection:
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {postgres.identifier(resource_id)} CASCADE"))


class _GuessedWrongError(Exception):
    """The types were not those that the first rows suggested."""


class _Attempt:
    """The rows on their way, with the types that they are sent with.

    :ivar table: the table; in the end with its types and findings as they are, guessed or not
    :ivar small: all rows are in memory
    """

    def __init__(self, table: TypedTable, chunks: Iterator[_Chunk], inference: Inference | None, *, small: bool = False) -> None:
        self.table = table
        self.chunks = chunks
        self.small = small
        self._inference = inference

    @classmethod
    def known(cls, table: TypedTable) -> _Attempt:
        """With the types that were told from all rows."""
        read = table.reading.chunks()
        return cls(
            table, ((numbers, columns, kinds_of(columns, table.places) if table.marked else None) for numbers, columns in read), None
        )

    @classmethod
    def guessed(cls, reading: Reading) -> _Attempt:
        """With the types that some rows suggest; the table may be so small that these are all.

        :raises TableError: the table cannot be read; ``no-table``
        """
        inference = Inference(reading)
        held: list[_Chunk] = []
        read = reading.chunks()
        cells = characters = 0
        for numbers, columns in read:
            held.append((numbers, columns, inference.feed(columns)))
            cells += len(numbers) * len(columns)
            characters += sum(len(cell) for column in columns for cell in column if isinstance(cell, str))
            if cells >= _HELD or characters >= _HELD_TEXT:
                break
        else:
            return cls(inference.table(), iter(held), None, small=True)
        guess = Inference(reading)
        for columns in itertools.chain((columns for _numbers, columns, _kinds in held), reading.glimpses()):
            guess.feed(columns)
        counted = ((numbers, columns, inference.feed(columns)) for numbers, columns in read)
        return cls(guess.table(), itertools.chain(_let_go(held), counted), inference)

    def is_plain(self, place: int) -> bool:
        """Whether the numbers of a column can be sent as they are written."""
        return self._inference.profiles[place].all_plain if self._inference else self.table.columns[place].plain

    def check(self) -> None:
        """Compare the guess with what was counted so far.

        :raises _GuessedWrongError: it was wrong
        """
        if self._inference is not None and not self._inference.table().stores_as(self.table):
            raise _GuessedWrongError

    def complete(self) -> None:
        """After the last row: put what was counted in the place of the guess.

        :raises _GuessedWrongError: it was wrong
        """
        if self._inference is not None:
            self.check()
            rejected = self.table.rejected
            self.table, self._inference = self._inference.table(), None
            self.table.rejected = rejected

    def counted(self) -> TypedTable:
        """The types, after the rest of the rows was counted too."""
        for _chunk in self.chunks:
            pass
        assert self._inference is not None
        return self._inference.table()


def _let_go(held: list[_Chunk]) -> Iterator[_Chunk]:
    while held:
        yield held.pop(0)


def _load(
    engine: Engine, connection: Connection, attempt: _Attempt, staging: str, resource_id: str, progress: Callable[[int], None]
) -> Loaded:
    table = attempt.table
    quote = postgres.identifier
    fields = [(typed.column.id, typed.pg_type) for typed in table.columns]
    marked = table.kind_id() if table.marked else ""
    if marked:
        fields.append((marked, "text"))
    run = _runner(connection)
    old_info = postgres._get_field_info(connection, resource_id)
    stream = _Rows(attempt, progress)
    names = ", ".join(["_id", *(quote(name) for name, _kind in fields)])
    copying = f"COPY {quote(staging)} ({names}) FROM STDIN"
    if attempt.small:
        _drop_staging(connection, staging)
        _create(run, staging, fields)
        # FREEZE: nobody sees the table before it is complete, and nobody has to write its pages again to say that it is.
        writers.copy(connection, f"{copying} (FREEZE)", list(stream.pieces()))
        indexed = False
    else:
        # An index of GiST is made row by row, whenever it is made: let the writers share that too. GIN is faster made of all rows at once.
        indexed = postgres._get_fts_index_method() == "gist"
        with engine.begin() as other:
            _drop_staging(other, staging)
            _create(_runner(other), staging, fields)
            if indexed:
                _index(_runner(other), staging)
        with writers.Writers(engine, copying, WRITERS) as sending:
            for piece in stream.pieces():
                sending.send(piece)
            attempt.complete()
    table = attempt.table
    table.check()
    run(f"ALTER TABLE {quote(staging)} ALTER COLUMN _full_text DROP EXPRESSION")
    _drop_functions(connection, staging)
    run("SELECT setval(CAST(:sequence AS regclass), :rows, :called)", sequence=quote(f"{staging}__id_seq"), **_last(stream.rows))
    if not indexed:
        _index(run, staging)
    run(f"ANALYZE {quote(staging)}")
    described = _describe(run, connection, table, staging, marked, stream.rows)
    _swap(run, connection, staging, resource_id)
    _comment(run, table, resource_id, marked, old_info)
    run("SELECT update_cached_table_row_count(:name)", name=resource_id)
    return Loaded(stream.rows, table.rejected.count + table.reading.rejections, described)


def _runner(connection: Connection) -> Callable[..., sa.CursorResult[Any]]:
    def run(statement: str, **values: Any) -> sa.CursorResult[Any]:
        # Names are quoted by the DataStore's own function; colons in them are no parameters.
        return connection.execute(sa.text(statement.replace(":", r"\:") if not values else statement), values)

    return run


def _last(rows: int) -> dict[str, Any]:
    return {"rows": max(rows, 1), "called": rows > 0}


def _create(run: Callable[..., Any], staging: str, fields: Sequence[tuple[str, str]]) -> None:
    """The empty table. As long as it is filled, PostgreSQL makes ``_full_text`` of the columns by itself.

    What it makes is what the DataStore's trigger makes (``populate_full_text_trigger``). A trigger has the rows written one by one; and
    that one makes JSON of each row to find its texts.
    """
    quote = postgres.identifier
    texts = []
    for place in range(0, len(fields), _ARGUMENTS):
        part = fields[place : place + _ARGUMENTS]
        function = quote(f"{staging}_{place // _ARGUMENTS}")
        arguments = ", ".join(f"${number}" for number in range(1, len(part) + 1))
        # Not immutable in truth: how a date is written depends on settings of the session, which stay the same for one load.
        run(
            f"CREATE FUNCTION {function}({', '.join(kind for _name, kind in part)}) RETURNS text LANGUAGE plpgsql IMMUTABLE "
            f"AS $text$ BEGIN RETURN concat_ws(' ', {arguments}); END $text$"
        )
        texts.append(f"{function}({', '.join(quote(name) for name, _kind in part)})")
    language = run("SELECT quote_literal(get_current_ts_config())").scalar()
    columns_sql = ", ".join(f"{quote(name)} {kind}" for name, kind in fields)
    joined = " || ' ' || ".join(texts)
    words = f"to_tsvector(CAST({language} AS regconfig), {joined})"
    run(f"CREATE TABLE {quote(staging)} (_id serial PRIMARY KEY, _full_text tsvector GENERATED ALWAYS AS ({words}) STORED, {columns_sql})")


def _index(run: Callable[..., Any], staging: str) -> None:
    run("SET LOCAL maintenance_work_mem = '128MB'")
    name = f"{staging}_fts"
    run(f"CREATE INDEX {postgres.identifier(name)} ON {postgres.identifier(staging)} USING {postgres._get_fts_index_method()} (_full_text)")


def _swap(run: Callable[..., Any], connection: Connection, staging: str, resource_id: str) -> None:
    """Put the new table in the old one's place, with the names that the DataStore would have given."""
    quote = postgres.identifier
    aliases = [row[0] for row in run("SELECT name FROM _table_metadata WHERE alias_of = :name", name=resource_id)]
    run(f"DROP TABLE IF EXISTS {quote(resource_id)} CASCADE")
    run(f"ALTER TABLE {quote(staging)} RENAME TO {quote(resource_id)}")
    run(f"ALTER INDEX {quote(staging + '_fts')} RENAME TO {quote(postgres._generate_index_name(resource_id, quote('_full_text')))}")
    for ending in ("_pkey", "__id_seq"):
        kind = "INDEX" if ending == "_pkey" else "SEQUENCE"
        run(f"ALTER {kind} {quote(staging + ending)} RENAME TO {quote(resource_id + ending)}")
    postgres._create_fulltext_trigger(connection, resource_id)
    for alias in aliases:
        run(f"CREATE VIEW {quote(alias)} AS SELECT * FROM {quote(resource_id)}")  # noqa: S608 - quoted


def _comment(run: Callable[..., Any], table: TypedTable, resource_id: str, marked: str, old: dict[str, Any]) -> None:
    """The data dictionary: what the file says; a label or a note that a steward wrote stays."""
    entries: list[tuple[str, dict[str, Any]]] = [(typed.column.id, _dictionary_entry(typed)) for typed in table.columns]
    if marked:
        entries.append((marked, {"label": KIND_LABEL, "notes": "row, total, section"}))
    for name, info in entries:
        info["from_file"] = {key: info[key] for key in ("label", "notes")}
        kept = old.get(name) or {}
        for key in ("label", "notes"):
            if kept.get(key) and kept[key] != (kept.get("from_file") or {}).get(key):
                info[key] = kept[key]
        comment = " " + json.dumps({"_info": info}, ensure_ascii=False, separators=(",", ":"))
        # A literal, quoted by the DataStore's own function: COMMENT takes no parameters.
        run(f"COMMENT ON COLUMN {postgres.identifier(resource_id)}.{postgres.identifier(name)} IS {postgres.literal_string(comment)}")


def _dictionary_entry(typed: TypedColumn) -> dict[str, Any]:
    notes = "; ".join(part for part in (typed.unit, typed.note) if part)
    return {"label": typed.column.label or typed.column.id, "notes": notes, "unit": typed.unit, "type": typed.type}


def _describe(
    run: Callable[..., Any], connection: Connection, table: TypedTable, staging: str, marked: str, rows: int
) -> list[dict[str, Any]]:
    """Nulls, distinct values, minimum and maximum of each column, by one reading of the table; totals and headings are left aside."""
    quote = postgres.identifier
    where = f" WHERE {quote(marked)} = 'row'" if marked else ""
    parts = []
    for typed in table.columns:
        name = quote(typed.column.id)
        parts += (
            [f"count({name})", "NULL", "NULL"]
            if typed.type in ("text", "boolean")
            else [f"count({name})", f"min({name})::text", f"max({name})::text"]
        )
    counted = run(f"SELECT count(*), {', '.join(parts)} FROM {quote(staging)}{where}").one()  # noqa: S608 - quoted
    estimates = {
        row[0]: row[1]
        for row in connection.execute(sa.text("SELECT attname, n_distinct FROM pg_stats WHERE tablename = :name"), {"name": staging})
    }
    described = []
    for place, typed in enumerate(table.columns):
        name = quote(typed.column.id)
        filled, least, most = counted[1 + 3 * place : 4 + 3 * place]
        estimate = estimates.get(typed.column.id, 0)
        distinct = round(estimate if estimate >= 0 else -estimate * rows)
        exact = counted[0] <= EXACT_DISTINCT or 0 < distinct <= EXACT_DISTINCT // 10
        if exact:
            # Not count(DISTINCT …), which sorts, and for which PostgreSQL takes no second process.
            distinct = run(f"SELECT count({name}) FROM (SELECT DISTINCT {name} FROM {quote(staging)}{where}) AS d").scalar() or 0  # noqa: S608
        described.append(
            {
                "id": typed.column.id,
                "label": typed.column.label,
                "type": typed.type,
                "pg_type": typed.pg_type,
                "unit": typed.unit,
                "unit_from": typed.unit_from,
                "note": typed.note,
                "nulls": counted[0] - filled,
                "distinct": min(distinct, filled),
                "distinct_exact": exact,
                "minimum": least,
                "maximum": most,
            }
        )
    return described


class _Rows:
    """The rows in COPY's text format, numbered in the file's order.

    :ivar rows: how many were made
    """

    def __init__(self, attempt: _Attempt, progress: Callable[[int], None]) -> None:
        self.rows = 0
        self._attempt = attempt
        self._table = attempt.table
        self._progress = progress
        self._caches: list[dict[str, str]] = [{} for _column in self._table.columns]

    def pieces(self) -> Iterator[bytes]:
        """Some thousands of whole rows at a time.

        :raises TableError: the table cannot be read on
        :raises _GuessedWrongError: the types are others
        """
        self._table.rejected = type(self._table.rejected)()
        for seen, (numbers, columns, kinds) in enumerate(self._attempt.chunks, 1):
            rejected = self._table.rejected.count
            piece = self._written(numbers, columns, kinds)
            if self._table.rejected.count > rejected or (kinds is not None and not self._table.marked) or seen % _CHECK_EVERY == 0:
                self._attempt.check()
            if piece:
                yield piece

    def _written(self, numbers: Sequence[int], columns: Sequence[Sequence[Any]], kinds: Sequence[RowKind] | None) -> bytes:
        if self._table.marked and kinds is None:
            kinds = ["row" for _number in numbers]
        try:
            fields = [self._column(place, cells) for place, cells in enumerate(columns)]
            if self._table.marked and kinds is not None:
                fields.append(kinds)
            rows = list(map("\t".join, zip(*fields, strict=True)))
        except (ValueError, ArithmeticError):
            rows = self._one_by_one(numbers, columns, kinds)
        if not rows:
            return b""
        rows = list(map("%d\t%s".__mod__, enumerate(rows, self.rows + 1)))
        self.rows += len(rows)
        self._progress(self.rows)
        rows.append("")
        return "\n".join(rows).encode("utf-8", "replace")

    def _column(self, place: int, cells: Sequence[Any]) -> Sequence[str]:
        """A column as COPY reads it.

        :raises ValueError: a cell is not of the column's type
        """
        typed, cache = self._table.columns[place], self._caches[place]
        if set(map(type, cells)) != {str}:
            return [_NOTHING if (text := typed.text(cell)) is None else _field(text) for cell in cells]
        if typed.type == "text":
            joined = "".join(cells)
            if any(mark in joined for mark in _MARKS):
                return [_field(cell) for cell in cells]
        elif not self._attempt.is_plain(place):
            if len(cache) > _REMEMBERED:
                cache.clear()
            for cell in set(cells) - cache.keys():
                cache[cell] = _NOTHING if (text := typed.text(cell)) is None else text
            return list(map(cache.__getitem__, cells))
        return [cell or _NOTHING for cell in cells] if "" in cells else cells

    def _one_by_one(self, numbers: Sequence[int], columns: Sequence[Sequence[Any]], kinds: Sequence[RowKind] | None) -> list[str]:
        rows = []
        for place, (number, cells) in enumerate(zip(numbers, zip(*columns, strict=True), strict=True)):
            fields: list[str] = []
            for typed, cell in zip(self._table.columns, cells, strict=True):
                try:
                    text = typed.text(cell)
                except (ValueError, ArithmeticError):
                    self._table.rejected.add(number, "rejected-value", self._table.reason(typed, cell))
                    break
                fields.append(_NOTHING if text is None else _field(text))
            else:
                if self._table.marked and kinds is not None:
                    fields.append(kinds[place])
                rows.append("\t".join(fields))
        return rows


def _field(text: str) -> str:
    """A text in COPY's own format; an empty one is nothing."""
    return text.translate(_ESCAPES) or _NOTHING
