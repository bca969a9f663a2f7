"""Functions of fields that move hits up: ``bf=recip(ms(NOW,metadata_modified),3.16e-11,1,1)``, ``boost=log(sum(views_total,1))``.

Source: Solr 9, ``ValueSourceParser``. Known are the functions below; any other is an error that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from . import datemath
from .errors import BadRequestError
from .fields import Kind
from .fields import field as field_of
from .reader import View
from .store import Snapshot

Numbers = npt.NDArray[np.float64]

_TOKEN = re.compile(r"\s*(?:(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)(?=[\s,)]|$)|([\w.:+\-/]+)|([(),]))")
_MOST = 200


def _log(values: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values)


def _ln(values: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values)


def _divide(one: Numbers, other: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return one / other


_FUNCTIONS: dict[str, tuple[int | None, Callable[..., Numbers]]] = {
    "sum": (None, lambda *values: np.sum(values, axis=0)),
    "add": (None, lambda *values: np.sum(values, axis=0)),
    "product": (None, lambda *values: np.prod(values, axis=0)),
    "mul": (None, lambda *values: np.prod(values, axis=0)),
    "max": (None, lambda *values: np.max(values, axis=0)),
    "min": (None, lambda *values: np.min(values, axis=0)),
    "sub": (2, np.subtract),
    "div": (2, _divide),
    "pow": (2, np.power),
    "linear": (3, lambda x, m, c: m * x + c),
    "recip": (4, lambda x, m, a, b: _divide(a, m * x + b)),
    "log": (1, _log),
    "ln": (1, _ln),
    "sqrt": (1, lambda x: np.sqrt(np.maximum(x, 0))),
    "abs": (1, np.abs),
}


class _Reading:
    def __init__(self, text: str, view: View, snapshot: Snapshot, now: datetime) -> None:
        self.text = text
        self.view = view
        self.snapshot = snapshot
        self.now = now
        self.tokens = self._cut()
        self.at = 0

    def _cut(self) -> list[str]:
        tokens: list[str] = []
        position = 0
        text = self.text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match or len(tokens) > _MOST:
                raise self._wrong()
            tokens.append(next(part for part in match.groups() if part))
            position = match.end()
        return tokens

    def _wrong(self, reason: str = "") -> BadRequestError:
        return BadRequestError(
            f"org.apache.solr.search.SyntaxError: Cannot read the function '{self.text}'{f': {reason}' if reason else ''}"
        )

    def _next(self) -> str:
        if self.at >= len(self.tokens):
            raise self._wrong("it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def whole(self) -> Numbers:
        value = self.value()
        if self.at != len(self.tokens):
            raise self._wrong(f"“{self.tokens[self.at]}” was not expected")
        return value

    def value(self) -> Numbers:
        part = self._next()
        if part in "(),":
            raise self._wrong(f"“{part}” was not expected")
        if self.at < len(self.tokens) and self.tokens[self.at] == "(":
            self.at += 1
            return self._call(part)
        try:
            return np.full(self.view.size, float(part))
        except ValueError:
            return self._field(part)

    def _call(self, name: str) -> Numbers:
        if name == "ms":
            return self._milliseconds()
        if name not in _FUNCTIONS:
            raise self._wrong(f"the function {name} is not known")
        count, function = _FUNCTIONS[name]
        arguments = [self.value()]
        while (part := self._next()) == ",":
            arguments.append(self.value())
        if part != ")":
            raise self._wrong(f"“{part}” was not expected")
        if count is not None and len(arguments) != count:
            raise self._wrong(f"{name} takes {count} values")
        return function(*arguments)

    def _milliseconds(self) -> Numbers:
        parts: list[Numbers] = []
        part = ","
        if self.tokens[self.at : self.at + 1] == [")"]:
            self.at += 1
            return np.full(self.view.size, datemath.evaluate("NOW", self.now), np.float64)
        while part == ",":
            name = self._next()
            if name.startswith("NOW") or name[:1].isdigit():
                parts.append(np.full(self.view.size, datemath.evaluate(name, self.now), np.float64))
            else:
                parts.append(self._field(name))
            part = self._next()
        if part != ")" or len(parts) > 2:
            raise self._wrong("ms takes one or two dates")
        return parts[0] - parts[1] if len(parts) == 2 else parts[0]

    def _field(self, name: str) -> Numbers:
        if field_of(name).kind not in (Kind.DATE, Kind.INT):
            raise self._wrong(f"{name} is not a field of numbers or dates")
        values, _present = self.view.numbers(self.snapshot, name)
        return values.astype(np.float64)


def evaluate(text: str, view: View, snapshot: Snapshot, now: datetime) -> Any:
    """The function's value for every slot; what is no number counts as 0.

    :raises BadRequestError: an unknown function or field, a wrong number of values.
    """
    return np.nan_to_num(_Reading(text, view, snapshot, now).whole(), nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
