"""Rows into one table by several COPYs at once. PostgreSQL does the work of each connection in a process of its own: with one of them,
making the words that ``_full_text`` holds, and their index, takes three times as long as reading the file."""

from __future__ import annotations

import contextlib
import io
import queue
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg2
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from typing_extensions import Self

#: Seconds after which a writer that does not take any more is looked at.
_PATIENCE = 1.0
_BUFFER = 1 << 20


def copy(connection: Connection, statement: str, pieces: Iterable[bytes]) -> None:
    """Send rows by one COPY.

    :param statement: ``COPY … FROM STDIN``
    :param pieces: whole rows or parts of them, as the statement's format has them
    :raises sqlalchemy.exc.DBAPIError: PostgreSQL refused them, or was lost
    """
    cursor = connection.connection.cursor()
    try:
        cursor.copy_expert(statement, _Pieces(pieces), _BUFFER)  # pyright: ignore[reportAttributeAccessIssue]
    except psycopg2.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg2.Error) from error
    finally:
        with contextlib.suppress(psycopg2.Error):  # the connection may be gone; what was raised before is what counts
            cursor.close()


class Writers:
    """Several COPYs into one table, each in a transaction of its own, fed by one thread. On leaving, all rows are committed, or an error
    is raised; then some of the rows may be there, and the table has to go.

    :param statement: the COPY of each
    :param many: how many
    """

    def __init__(self, engine: Engine, statement: str, many: int) -> None:
        self._engine, self._statement, self._many = engine, statement, many
        # A piece in each one's hands, and one that waits: the memory does not grow with the table.
        self._pieces: queue.Queue[bytes | None] = queue.Queue(many)
        self._given_up = False
        self._threads = ThreadPoolExecutor(many, thread_name_prefix="ogptn-copy")
        self._running: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._running = [self._threads.submit(self._write) for _number in range(self._many)]
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            self._give_up()
            return
        try:
            for _number in range(self._many):
                self._put(None)
            for one in self._running:
                one.result()
        except BaseException:
            self._give_up()
            raise
        self._threads.shutdown()

    def send(self, piece: bytes) -> None:
        """Hand over some whole rows to whichever writer is free.

        :raises sqlalchemy.exc.DBAPIError: a writer failed
        """
        self._put(piece)

    def _put(self, piece: bytes | None) -> None:
        while True:
            for one in self._running:
                if one.done() and one.exception() is not None:
                    one.result()
            try:
                self._pieces.put(piece, timeout=_PATIENCE)
            except queue.Full:
                continue
            return

    def _give_up(self) -> None:
        self._given_up = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._pieces.get_nowait()
        for _number in range(self._many):
            with contextlib.suppress(queue.Full):
                self._pieces.put_nowait(None)
        self._threads.shutdown()

    def _write(self) -> None:
        with self._engine.begin() as connection:
            copy(connection, self._statement, self._taken())

    def _taken(self) -> Iterable[bytes]:
        while (piece := self._pieces.get()) is not None:
            yield piece
        if self._given_up:
            # COPY ends with an error, and nothing of this writer's stays.
            raise InterruptedError


class _Pieces(io.RawIOBase):
    """Pieces as the database's library reads a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> Any:
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        size = len(self._rest) if size < 0 else size
        piece, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return piece
