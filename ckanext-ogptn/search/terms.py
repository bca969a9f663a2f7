"""Looking through all terms of a field: by beginning, by ending, by what is in the middle, by spelling."""

from __future__ import annotations

import bisect
import re
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.uint32]


class TermIndex:
    """The terms of one field, laid out for each way to look through them when it is first asked for.

    :param terms: in any order, each once.
    """

    def __init__(self, terms: list[str]) -> None:
        self.terms = sorted(terms)
        self._backwards: list[str] | None = None
        self._joined: str | None = None
        self._matrices: dict[int, tuple[Matrix, list[str]]] | None = None

    def beginning(self, text: str) -> list[str]:
        return self.terms[slice(*_run(self.terms, text))]

    def ending(self, text: str) -> list[str]:
        if self._backwards is None:
            self._backwards = sorted(term[::-1] for term in self.terms)
        return [term[::-1] for term in self._backwards[slice(*_run(self._backwards, text[::-1]))]]

    def between(self, low: str | None, high: str | None, *, with_low: bool, with_high: bool) -> list[str]:
        first = 0 if low is None else (bisect.bisect_left if with_low else bisect.bisect_right)(self.terms, low)
        last = len(self.terms) if high is None else (bisect.bisect_right if with_high else bisect.bisect_left)(self.terms, high)
        return self.terms[first:last]

    def matching(self, pattern: re.Pattern[str], literal: str) -> list[str]:
        """Terms that a pattern matches as a whole.

        :param literal: text that every match holds; the longer, the fewer terms the pattern has to see.
        """
        if not literal:
            return [term for term in self.terms if pattern.fullmatch(term)]
        if self._joined is None:
            self._joined = "\n" + "\n".join(self.terms) + "\n"
        found: list[str] = []
        at = self._joined.find(literal)
        while at >= 0:
            start, end = self._joined.rfind("\n", 0, at) + 1, self._joined.find("\n", at)
            term = self._joined[start:end]
            if pattern.fullmatch(term):
                found.append(term)
            at = self._joined.find(literal, end)
        return found

    def near(self, text: str, edits: int) -> list[tuple[int, str]]:
        """(edits, term) of terms that so many edits (insert, delete, replace, swap neighbours) or fewer make of the text."""
        if self._matrices is None:
            self._matrices = _matrices(self.terms)
        found: list[tuple[int, str]] = []
        for length in range(len(text) - edits, len(text) + edits + 1):
            if length in self._matrices:
                matrix, terms = self._matrices[length]
                distances = _distances(text, matrix)
                found += [(int(distances[at]), terms[at]) for at in np.flatnonzero(distances <= edits).tolist()]
        return found


def _run(ordered: list[str], beginning: str) -> tuple[int, int]:
    """Where the texts with a beginning stand in an ordered list."""
    first = bisect.bisect_left(ordered, beginning)
    return first, bisect.bisect_left(ordered, beginning + "\U0010ffff", first)


def _matrices(terms: list[str]) -> dict[int, tuple[Matrix, list[str]]]:
    """Terms of the same length as rows of code points."""
    by_length: dict[int, list[str]] = {}
    for term in terms:
        if 0 < len(term) <= 64:
            by_length.setdefault(len(term), []).append(term)
    return {
        length: (np.frombuffer("".join(some).encode("utf-32-le"), np.uint32).reshape(len(some), length), some)
        for length, some in by_length.items()
    }


def _distances(text: str, matrix: Matrix) -> npt.NDArray[Any]:
    """Damerau-Levenshtein (optimal string alignment) from one text to all rows at once."""
    rows, width = matrix.shape
    before: list[npt.NDArray[Any]] = []
    previous = [np.full(rows, column, np.uint8) for column in range(width + 1)]
    codes = [ord(character) for character in text]
    columns = [np.ascontiguousarray(matrix[:, column]) for column in range(width)]
    for row, code in enumerate(codes, 1):
        current = [np.full(rows, row, np.uint8)]
        for column in range(1, width + 1):
            other = columns[column - 1] != code
            cost = np.minimum(np.minimum(previous[column], current[-1]) + np.uint8(1), previous[column - 1] + other)
            if row > 1 and column > 1:
                swapped = (columns[column - 2] == code) & (columns[column - 1] == codes[row - 2])
                if swapped.any():
                    cost = np.where(swapped, np.minimum(cost, before[column - 2] + np.uint8(1)), cost)
            current.append(cost)
        before, previous = previous, current
    return previous[-1]
