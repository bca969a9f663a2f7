"""Asking for the next page while this one is worked on: a source that takes a second for a page costs that second only once."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """A call that is made in a thread of its own, at once.

    Nothing has to be closed: whoever does not want the result any more leaves it, and the thread ends with the call.

    :param call: what it uses, nobody else uses until `result` was asked for
    """

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call
        self._made: list[Result] = []
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="harvest-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._made.append(self._call())
        except BaseException as error:
            self._error = error

    def result(self) -> Result:
        """What the call returned, or raised; waits for it."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._made.pop()
