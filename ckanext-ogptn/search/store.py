"""The index in PostgreSQL: its tables, writing to them, reading from them.

**Schema ``ogptn_search``**, apart from CKAN's tables (``ckan db clean`` drops every table that it finds in its own):

``index_set``
    One row per index: which one is live, its versions, its *generation*. Every writer's first statement updates this row, so that
    writers come one after the other in the order of their generations, cannot deadlock, and a reader that knows generation *g* has
    to read no more than what came after it.
``doc_<n>``
    The documents as CKAN gets them back, compressed; narrow columns for the comparison with the database.
``tail_<n>``
    Index entries of the documents written one by one since the last segment was made.
``segment_<n>``, ``posting_<n>``
    Immutable inverted files of many documents: for each (field, term) the documents, frequencies and positions, in blocks of terms.
``gone_<n>``
    Documents of a segment that were replaced or removed since.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql

from . import building, copying, segments
from .analysis import ANALYSER_VERSION
from .documents import Document, unpack_content
from .errors import IndexMissingError, IndexOutdatedError, TimeLimitError, UnreachableError

SCHEMA = "ogptn_search"
#: Raised whenever the tables of an index change; the index then has to be rebuilt.
TABLE_VERSION = 3
#: Documents in the tail that make a writer turn it into a segment.
TAIL_LIMIT = 1000
#: A call that adds at least so many documents writes them as a segment of their own.
BULK_LIMIT = 100
#: The tail is counted each time that so many document numbers were given away.
TAIL_CHECK = 100
#: Seconds that a writing transaction may take.
WRITE_SECONDS = 120.0
#: Attempts after a deadlock, a serialization failure or a lost connection.
ATTEMPTS = 4
#: Key of the advisory lock that lets one process at a time make segments.
MERGE_LOCK = 0x6F67_7074

Connection = psycopg2.extensions.connection
Cursor = psycopg2.extensions.cursor

_TRANSIENT = (
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.LockNotAvailable,
)


@dataclass(frozen=True)
class State:
    """The live index as one reader sees it.

    :param born: when the index was made. Numbers begin again in a schema that was dropped.
    :param server_started: when PostgreSQL was. A server that was killed may have lost the last writes, where it was told not to wait for
        the disk.
    """

    number: int
    generation: int
    analyser: int
    tables: int
    born: str
    server_started: str


def table(kind: str, number: int) -> sql.Identifier:
    return sql.Identifier(SCHEMA, f"{kind}_{number}")


# -- making the tables


def install(cursor: Cursor) -> None:
    """Make the schema, its control table and a first, empty index, where they are missing. Safe to repeat and to run at once."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (MERGE_LOCK + 1,))
    cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    cursor.execute(
        sql.SQL(
            """
            CREATE TABLE IF NOT EXISTS {} (
                number integer PRIMARY KEY,
                state text NOT NULL CHECK (state IN ('building', 'live', 'retired')),
                generation bigint NOT NULL DEFAULT 0,
                next_document bigint NOT NULL DEFAULT 1,
                next_segment integer NOT NULL DEFAULT 1,
                horizon bigint NOT NULL DEFAULT 0,
                analyser integer NOT NULL,
                tables integer NOT NULL,
                created timestamptz NOT NULL DEFAULT now()
            )
            """
        ).format(sql.Identifier(SCHEMA, "index_set"))
    )
    cursor.execute(sql.SQL("CREATE UNIQUE INDEX IF NOT EXISTS index_set_one_live ON {} (state) WHERE state = 'live'").format(INDEX_SET))
    cursor.execute(sql.SQL("SELECT number, tables FROM {} WHERE state = 'live'").format(INDEX_SET))
    live = cursor.fetchone()
    if live is not None and live[1] != TABLE_VERSION:
        cursor.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table("doc", live[0])))
        if cursor.fetchone() is None:
            # Nothing to lose: an empty index need not be rebuilt by hand.
            drop_index(cursor, live[0])
            live = None
    if live is None:
        number = create_index(cursor)
        cursor.execute(sql.SQL("UPDATE {} SET state = 'live' WHERE number = %s").format(INDEX_SET), (number,))


INDEX_SET = sql.Identifier(SCHEMA, "index_set")


def create_index(cursor: Cursor) -> int:
    """Make the tables of a new index in state ``building`` and give its number."""
    cursor.execute(
        sql.SQL(
            "INSERT INTO {set} (number, state, analyser, tables) "
            "SELECT coalesce(max(number), 0) + 1, 'building', %s, %s FROM {set} RETURNING number"
        ).format(set=INDEX_SET),
        (ANALYSER_VERSION, TABLE_VERSION),
    )
    number = _one(cursor)
    for statement in (
        """
        CREATE TABLE {doc} (
            document bigint PRIMARY KEY,
            generation bigint NOT NULL,
            index_id text NOT NULL UNIQUE,
            id text NOT NULL,
            name text NOT NULL,
            modified text NOT NULL,
            content bytea NOT NULL
        )
        """,
        # Compressed before it gets here; and read with its row, so that there is no second look-up for what is usually 1 to 4 KB.
        "ALTER TABLE {doc} ALTER content SET STORAGE EXTERNAL",
        "ALTER TABLE {doc} SET (toast_tuple_target = 8160)",
        "CREATE INDEX ON {doc} (generation)",
        "CREATE INDEX ON {doc} (id)",
        "CREATE TABLE {tail} (document bigint PRIMARY KEY, generation bigint NOT NULL, terms bytea NOT NULL)",
        "ALTER TABLE {tail} ALTER terms SET STORAGE EXTERNAL",
        "CREATE INDEX ON {tail} (generation)",
        "CREATE TABLE {gone} (document bigint PRIMARY KEY, generation bigint NOT NULL)",
        "CREATE INDEX ON {gone} (generation)",
        "CREATE TABLE {segment} (segment integer PRIMARY KEY, generation bigint NOT NULL, documents bytea NOT NULL, size integer NOT NULL)",
        """
        CREATE TABLE {posting} (
            segment integer NOT NULL,
            first text COLLATE "C" NOT NULL,
            terms bytea,
            documents bytea NOT NULL,
            positions bytea,
            PRIMARY KEY (segment, first)
        )
        """,
        """
        ALTER TABLE {posting} ALTER terms SET STORAGE EXTERNAL, ALTER documents SET STORAGE EXTERNAL,
            ALTER positions SET STORAGE EXTERNAL
        """,
    ):
        names = {kind: table(kind, number) for kind in KINDS}
        cursor.execute(sql.SQL(statement).format(**names))
    return number


KINDS = ("doc", "tail", "gone", "segment", "posting")


def drop_index(cursor: Cursor, number: int) -> None:
    for kind in KINDS:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table(kind, number)))
    cursor.execute(sql.SQL("DELETE FROM {} WHERE number = %s").format(INDEX_SET), (number,))


def _one(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    assert row is not None
    return row[0]


class OutdatedError(Exception):
    """The live index's tables are of another version."""


# -- connections

_pools: dict[tuple[int, str], list[Connection]] = {}
#: Connections of a parent process: closing them here, even by garbage collection, would end the parent's sessions.
_inherited: list[list[Connection]] = []
_pools_lock = threading.Lock()
POOL_SIZE = 8


def _after_fork() -> None:
    global _pools_lock
    _pools_lock = threading.Lock()
    _inherited.extend(_pools.values())
    _pools.clear()


os.register_at_fork(after_in_child=_after_fork)


class Store:
    """The index at one PostgreSQL.

    :param url: ``postgresql://user:password@host:port/database``.
    :param seconds: time limit of one statement.
    """

    def __init__(self, url: str, seconds: float = 5.0) -> None:
        self.url = url.replace("postgresql+psycopg2://", "postgresql://", 1)
        self.seconds = seconds
        parts = urlsplit(self.url)
        self.address = f"{parts.scheme}://{parts.hostname}:{parts.port or 5432}{parts.path}"
        self.statements: list[tuple[str, float]] | None = None

    # connections

    def _open(self) -> Connection:
        try:
            connection = psycopg2.connect(self.url, connect_timeout=5, application_name="ogptn_search")
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET jit = off; SET client_min_messages = warning; SET search_path = pg_catalog; SET timezone = 'UTC'")
        except (psycopg2.OperationalError, psycopg2.ProgrammingError) as error:
            raise UnreachableError(self.address, str(error)) from error
        return connection

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection of this process's pool, in autocommit."""
        key = (os.getpid(), self.url)
        with _pools_lock:
            pool = _pools.setdefault(key, [])
            connection = pool.pop() if pool else None
        if connection is None:
            connection = self._open()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with _pools_lock:
            pool = _pools.setdefault(key, [])
            if not connection.closed and len(pool) < POOL_SIZE:
                pool.append(connection)
                return
        connection.close()

    @contextmanager
    def transaction(self, seconds: float | None = None, *, repeatable: bool = False) -> Iterator[Cursor]:
        """A transaction of its own, independent of CKAN's session, as Solr's are.

        :param repeatable: all statements see the same state.
        """
        with self.connection() as connection, connection.cursor() as cursor:
            limit = int(1000 * (self.seconds if seconds is None else seconds))
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ" if repeatable else "BEGIN ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", (str(limit),))
            yield cursor
            cursor.execute("COMMIT")

    def retry(self, action: Any) -> Any:
        """Run an action again after a deadlock, a lost connection, or a missing table, which is made.

        :raises UnreachableError: PostgreSQL does not answer.
        :raises TimeLimitError: a statement took too long.
        """
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                return action()
            except psycopg2.errors.QueryCanceled as error:
                raise TimeLimitError(self.seconds) from error
            except (psycopg2.errors.InvalidSchemaName, psycopg2.errors.UndefinedTable) as error:
                if last:
                    raise IndexMissingError(
                        f"The search index has no tables: run “ckan db upgrade -p ogptn_search”. ({str(error).strip()})"
                    ) from error
                self.install()
            except OutdatedError as error:
                if attempt:
                    raise IndexOutdatedError(
                        "The search index was made by another version of ogptn_search. Run “ckan ogptn-search rebuild”; until then nothing "
                        "can be searched or indexed."
                    ) from error
                self.install()
            except _TRANSIENT as error:
                if last:
                    self._give_up(error)
                time.sleep(0.02 * 4**attempt)
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                if last:
                    self._give_up(error)
                self._forget_connections()
                time.sleep(0.05 * 4**attempt)
        raise AssertionError("unreachable")

    def _give_up(self, error: Exception) -> NoReturn:
        raise UnreachableError(self.address, str(error)) from error

    def _forget_connections(self) -> None:
        with _pools_lock:
            dropped = _pools.pop((os.getpid(), self.url), [])
        for connection in dropped:
            connection.close()

    def install(self) -> None:
        with self.transaction(60) as cursor:
            install(cursor)

    # reading

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A read-only transaction in which all statements see the same state of the index."""
        with self.connection() as connection, connection.cursor() as cursor:
            snapshot = Snapshot(self, cursor)
            yield snapshot
            snapshot.end()

    # writing

    @staticmethod
    def _advance(cursor: Cursor, number: int | None, what: str, documents: int, returning: str) -> tuple[Any, ...]:
        """Move a counter of the index's row and the next document number on; takes the row until the transaction ends.

        :raises psycopg2.errors.UndefinedTable: no such index, or a rebuild has replaced it: what goes into a retired index would be
            dropped with it. :meth:`retry` begins again, with the index that is live then.
        """
        where = sql.SQL("state = 'live'") if number is None else sql.SQL("number = {} AND state <> 'retired'").format(sql.Literal(number))
        cursor.execute(
            sql.SQL("UPDATE {} SET {what} = {what} + 1, next_document = next_document + %s WHERE {} RETURNING {}, tables").format(
                INDEX_SET, where, sql.SQL(returning), what=sql.Identifier(what)
            ),
            (documents, documents),
        )
        row = cursor.fetchone()
        if row is None:
            raise psycopg2.errors.UndefinedTable("no live index" if number is None else f"index {number} is gone or was replaced")
        if row[-1] != TABLE_VERSION:
            raise OutdatedError
        return row[:-1]

    def begin_write(self, cursor: Cursor, number: int | None, documents: int = 0) -> tuple[int, int, int]:
        """Take the index's row until the transaction ends: (number, generation, first document number)."""
        index, generation, first = self._advance(cursor, number, "generation", documents, "number, generation, next_document - %s")
        return index, generation, first

    def reserve(self, cursor: Cursor, number: int | None, documents: int) -> tuple[int, int, int]:
        """Numbers for a segment to come: (index, segment, first document). The transaction should end at once."""
        index, segment, first = self._advance(cursor, number, "next_segment", documents, "number, next_segment - 1, next_document - %s")
        return index, segment, first

    def write(self, documents: Sequence[Document], number: int | None = None) -> None:
        """Add or replace documents, all or none.

        :param number: the index to write to; the live one by default.
        """
        unique = list({document.index_id: document for document in documents}.values())
        if len(unique) >= BULK_LIMIT:
            self._write_segment(unique, number)
        elif unique:
            self._write_tail(unique, number)

    def _write_tail(self, documents: list[Document], number: int | None) -> None:
        packed = [document.contents.analysed().pack() for document in documents]

        def action() -> tuple[int, int]:
            with self.transaction(WRITE_SECONDS) as cursor:
                index, generation, first = self.begin_write(cursor, number, len(documents))
                self._replace(cursor, index, generation, first, documents)
                copying.copy(
                    cursor,
                    table("tail", index),
                    ("document", "generation", "terms"),
                    ((copying.bigint(first + at), copying.bigint(generation), terms) for at, terms in enumerate(packed)),
                )
                return index, first

        index, first = self.retry(action)
        if first % TAIL_CHECK < len(documents):
            self.compact(index)

    def _write_segment(self, documents: list[Document], number: int | None) -> None:
        rows = building.of_contents([document.contents for document in documents])

        def action() -> int:
            with self.transaction(WRITE_SECONDS) as cursor:
                index, segment, first = self.reserve(cursor, number, len(documents))
            with self.transaction(WRITE_SECONDS) as cursor:
                # The long part before the row is taken, so that other writers need not wait for it.
                copy_rows(cursor, index, segment, rows)
                index, generation, _first = self.begin_write(cursor, index)
                self._replace(cursor, index, generation, first, documents)
                insert_segment(cursor, index, segment, generation, range(first, first + len(documents)), len(documents))
                return index

        index = self.retry(action)
        if number is None:
            self.compact(index)

    def _replace(self, cursor: Cursor, index: int, generation: int, first: int, documents: Sequence[Document]) -> None:
        self._remove(cursor, index, generation, "index_id", [document.index_id for document in documents])
        copying.copy(
            cursor,
            table("doc", index),
            ("document", "generation", "index_id", "id", "name", "modified", "content"),
            (
                (
                    copying.bigint(first + at),
                    copying.bigint(generation),
                    *(text.encode() for text in (one.index_id, one.id, one.name, one.modified)),
                    one.content,
                )
                for at, one in enumerate(documents)
            ),
        )

    def compact(self, index: int) -> None:
        """Make a segment of a long tail; start to merge segments where there are many. Errors are logged: what was saved stays saved."""
        from . import compaction

        compaction.run(self, index)

    def identities(self, number: int | None = None) -> list[tuple[str, str, str, str]]:
        """(index_id, id, name, metadata_modified) of every document.

        :param number: an index; the live one by default.
        """

        def action() -> list[tuple[str, str, str, str]]:
            with self.transaction(WRITE_SECONDS) as cursor:
                index = self.live(cursor) if number is None else number
                cursor.execute(sql.SQL("SELECT index_id, id, name, modified FROM {}").format(table("doc", index)))
                return cursor.fetchall()

        return self.retry(action)

    @staticmethod
    def live(cursor: Cursor) -> int:
        """Number of the live index."""
        cursor.execute(sql.SQL("SELECT number FROM {} WHERE state = 'live'").format(INDEX_SET))
        row = cursor.fetchone()
        if row is None:
            raise psycopg2.errors.UndefinedTable("no live index")
        return int(row[0])

    def contents(self, index_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Documents of the live index, as they were sent."""

        def action() -> dict[str, dict[str, Any]]:
            with self.transaction(WRITE_SECONDS) as cursor:
                cursor.execute(
                    sql.SQL("SELECT index_id, content FROM {} WHERE index_id = ANY(%s)").format(table("doc", self.live(cursor))),
                    (list(index_ids),),
                )
                return {row[0]: unpack_content(bytes(row[1])) for row in cursor.fetchall()}

        return self.retry(action)

    @staticmethod
    def changed(cursor: Cursor, number: int, since: int) -> list[dict[str, Any]]:
        """Documents written to an index after a generation, as they were sent."""
        cursor.execute(
            sql.SQL("SELECT content FROM {} WHERE generation > %s ORDER BY document").format(table("doc", number)),
            (since,),
        )
        return [unpack_content(bytes(row[0])) for row in cursor.fetchall()]

    def remove(self, index_ids: Sequence[str], number: int | None = None) -> None:
        """Remove documents by ``index_id``."""

        def action() -> None:
            with self.transaction(WRITE_SECONDS) as cursor:
                index, generation, _first = self.begin_write(cursor, number)
                self._remove(cursor, index, generation, "index_id", index_ids)

        self.retry(action)

    def remove_matching(self, find: Callable[[Snapshot], tuple[list[int], bool]]) -> int:
        """Remove the documents that ``find`` names, and give their number.

        :param find: (document numbers, whether these are all) in the snapshot that it is given; nothing can be written meanwhile.
        """

        def action() -> int:
            with self.snapshot() as snapshot:
                if not find(snapshot)[0]:
                    return 0
            with self.transaction(WRITE_SECONDS) as cursor:
                index, generation, _first = self.begin_write(cursor, None)
                with self.snapshot() as snapshot:
                    documents, everything = find(snapshot)
                return (
                    self._clear(cursor, index, generation) if everything else self._remove(cursor, index, generation, "document", documents)
                )

        return self.retry(action)

    def _clear(self, cursor: Cursor, index: int, generation: int) -> int:
        """Remove every document."""
        cursor.execute(sql.SQL("DELETE FROM {}").format(table("doc", index)))
        count = cursor.rowcount
        for kind in ("tail", "gone", "segment", "posting"):
            cursor.execute(sql.SQL("DELETE FROM {}").format(table(kind, index)))
        # What comes into an empty index is analysed as this version does.
        cursor.execute(
            sql.SQL("UPDATE {} SET horizon = %s, analyser = %s WHERE number = %s").format(INDEX_SET), (generation, ANALYSER_VERSION, index)
        )
        return count

    def _remove(self, cursor: Cursor, index: int, generation: int, column: str, values: Sequence[Any]) -> int:
        """Remove documents by ``index_id`` or ``document``; the write has begun."""
        cursor.execute(
            sql.SQL(
                "WITH removed AS (DELETE FROM {doc} WHERE {column} = ANY(%s) RETURNING document), "
                "untailed AS (DELETE FROM {tail} WHERE document IN (SELECT document FROM removed)) "
                "INSERT INTO {gone} (document, generation) SELECT document, %s FROM removed"
            ).format(doc=table("doc", index), tail=table("tail", index), gone=table("gone", index), column=sql.Identifier(column)),
            (list(values), generation),
        )
        return cursor.rowcount


def fetched(cursor: Cursor, name: str, count: int) -> Iterator[tuple[Any, ...]]:
    """The rows of a cursor that was declared in the running transaction, so many at a time; closes it."""
    fetch = sql.SQL("FETCH {} FROM {}").format(sql.Literal(count), sql.Identifier(name))
    while True:
        cursor.execute(fetch)
        some = cursor.fetchall()
        yield from some
        if len(some) < count:
            break
    cursor.execute(sql.SQL("CLOSE {}").format(sql.Identifier(name)))


def copy_rows(cursor: Cursor, index: int, segment: int, rows: Iterable[segments.Row]) -> None:
    """Write rows of a segment. Nobody sees them before :func:`insert_segment`."""
    number = copying.integer(segment)
    copying.copy(
        cursor,
        table("posting", index),
        ("segment", "first", "terms", "documents", "positions"),
        ((number, row.first.encode(), row.terms, row.documents, row.positions) for row in rows),
    )


def insert_segment(cursor: Cursor, index: int, segment: int, generation: int, documents: Iterable[int], size: int) -> None:
    cursor.execute(
        sql.SQL("INSERT INTO {} (segment, generation, documents, size) VALUES (%s, %s, %s, %s)").format(table("segment", index)),
        (segment, generation, segments.pack_numbers(documents), size),
    )


@dataclass(frozen=True)
class News:
    """What one reader does not know yet.

    :param horizon: generation before which tombstones may be missing: a reader that is older has to load everything.
    :param segments: numbers of all segments.
    :param gone: documents of segments that were replaced or removed.
    :param tail: packed entries of the documents written one by one, in that order.
    """

    horizon: int
    segments: list[int]
    gone: list[int]
    tail: list[tuple[int, bytes]]


class Snapshot:
    """One consistent view of the index. The transaction begins with the first statement and ends with the caller's block."""

    def __init__(self, store: Store, cursor: Cursor) -> None:
        self.store = store
        self.cursor = cursor
        self.state = self._begin()
        self._open = True

    def end(self) -> None:
        if self._open:
            self.cursor.execute("COMMIT")
            self._open = False

    def _begin(self) -> State:
        rows = self._run(
            sql.SQL(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT set_config('statement_timeout', {}, true); "
                "SELECT number, generation, analyser, tables, created::text, pg_postmaster_start_time()::text FROM {} WHERE state = 'live'"
            ).format(sql.Literal(str(int(self.store.seconds * 1000))), INDEX_SET)
        )
        if not rows:
            raise psycopg2.errors.UndefinedTable("no live index")
        state = State(*rows[0])
        if state.tables != TABLE_VERSION:
            raise OutdatedError
        return state

    def _run(self, statement: sql.Composable, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        started = time.perf_counter()
        self.cursor.execute(statement, parameters)
        rows = self.cursor.fetchall()
        if self.store.statements is not None:
            self.store.statements.append((statement.as_string(self.cursor), time.perf_counter() - started))
        return rows

    def _table(self, kind: str) -> sql.Identifier:
        return table(kind, self.state.number)

    def news(self, after: int) -> News:
        """What came after a generation, in one statement: each answer of PostgreSQL costs a change of process."""
        rows = self._run(
            sql.SQL(
                "SELECT 'horizon', horizon, NULL::bytea FROM {set} WHERE number = %s "
                "UNION ALL SELECT 'segment', segment, NULL FROM {segment} "
                "UNION ALL SELECT 'gone', document, NULL FROM {gone} WHERE generation > %s "
                "UNION ALL (SELECT 'tail', document, terms FROM {tail} WHERE generation > %s ORDER BY document)"
            ).format(set=INDEX_SET, segment=self._table("segment"), gone=self._table("gone"), tail=self._table("tail")),
            (self.state.number, after, after),
        )
        return News(
            horizon=next(row[1] for row in rows if row[0] == "horizon"),
            segments=sorted(row[1] for row in rows if row[0] == "segment"),
            gone=[row[1] for row in rows if row[0] == "gone"],
            tail=sorted((row[1], bytes(row[2])) for row in rows if row[0] == "tail"),
        )

    def segments(self, numbers: Sequence[int]) -> list[tuple[int, bytes]]:
        """(number, documents) of segments."""
        if not numbers:
            return []
        rows = self._run(
            sql.SQL("SELECT segment, documents FROM {} WHERE segment = ANY(%s)").format(self._table("segment")), (list(numbers),)
        )
        return [(segment, bytes(documents)) for segment, documents in rows]

    def blocks(self, keys: Sequence[str], parts: Sequence[int], *, positions: bool = False) -> list[tuple[int, segments.Block]]:
        """(segment, block) of every block that may hold any of some terms."""
        rows = self._run(
            sql.SQL(
                "SELECT segment, first, terms, documents, {positions} FROM {posting} WHERE (segment, first) IN ("
                'SELECT part, (SELECT first FROM {posting} WHERE segment = part AND first <= wanted COLLATE "C" '
                "ORDER BY first DESC LIMIT 1) FROM unnest(%s::integer[]) AS part, unnest(%s::text[]) AS wanted)"
            ).format(posting=self._table("posting"), positions=sql.SQL("positions" if positions else "NULL")),
            (list(parts), list(keys)),
        )
        return [
            (row[0], segments.Block(row[1], bytes(row[2]), bytes(row[3]), _bytes(row[4])))
            for row in rows
            # A column of a field may stand before the first block of terms.
            if row[2] is not None
        ]

    def blocks_between(self, low: str, high: str, parts: Sequence[int]) -> list[tuple[int, segments.Block]]:
        """(segment, block) of the blocks whose first keys lie between two keys; without positions."""
        rows = self._run(
            sql.SQL("SELECT segment, first, terms, documents FROM {} WHERE segment = ANY(%s) AND first >= %s AND first < %s").format(
                self._table("posting")
            ),
            (list(parts), low, high),
        )
        return [(row[0], segments.Block(row[1], bytes(row[2]), bytes(row[3]))) for row in rows]

    def terms_between(self, low: str, high: str, parts: Sequence[int]) -> list[str]:
        """The terms of these blocks, without their fields, each once."""
        rows = self._run(
            sql.SQL("SELECT terms FROM {} WHERE segment = ANY(%s) AND first >= %s AND first < %s").format(self._table("posting")),
            (list(parts), low, high),
        )
        return list({term for row in rows for term in segments.read_terms(bytes(row[0]))[0]})

    def columns(self, key: str, parts: Sequence[int]) -> list[tuple[int, bytes, bytes | None]]:
        """(segment, documents, numbers) of what belongs to a field as a whole."""
        rows = self._run(
            sql.SQL("SELECT segment, documents, positions FROM {} WHERE segment = ANY(%s) AND first = %s").format(self._table("posting")),
            (list(parts), key),
        )
        return [(row[0], bytes(row[1]), _bytes(row[2])) for row in rows]

    def matching(self, terms: Sequence[str], pattern: str) -> list[str]:
        """Those of some texts that a regular expression matches."""
        rows = self._run(sql.SQL("SELECT term FROM unnest(%s::text[]) AS term WHERE term ~ %s"), (list(terms), pattern))
        return [row[0] for row in rows]

    def documents(self, numbers: Sequence[int]) -> dict[int, tuple[str, bytes]]:
        """(id, content) of documents by number, as the last thing that is read. One that was removed meanwhile is missing.

        The transaction ends in the same breath, before this, so that a search has to wait for PostgreSQL no more than twice.
        """
        statement = sql.SQL("SELECT document, id, content FROM {} WHERE document = ANY(%s)").format(self._table("doc"))
        if self._open:
            limit = sql.SQL("COMMIT; SET statement_timeout = {}; ").format(sql.Literal(int(self.store.seconds * 1000)))
            statement = limit + statement
            self._open = False
        return {row[0]: (row[1], bytes(row[2])) for row in self._run(statement, (list(numbers),))}


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
