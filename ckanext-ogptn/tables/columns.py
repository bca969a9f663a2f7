"""Names of columns: the label that people read, as it is, and an ASCII id that programs keep using when the file is published anew."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..catalogue.text import latin

#: PostgreSQL keeps 63 bytes of a name.
_LONGEST = 55


@dataclass(frozen=True)
class Column:
    """A column of a table.

    :ivar id: lower-case Latin letters, digits and single ``_``; begins with a letter; unique in the table
    :ivar label: the header's text as it stands in the file, parts of a header of several rows joined by `` / ``; empty when there is none
    :ivar index: place in the source, from 0
    """

    id: str
    label: str
    index: int


def column_id(label: str) -> str:
    """The id that a label gets when no other column has it: ``"GEO1 (الولاية)"`` is ``"geo1_aloulaia"``; empty when nothing is left."""
    plain = re.sub(r"[^a-z0-9]+", "_", latin(label)).strip("_")
    if plain and not plain[0].isalpha():
        plain = f"c_{plain}"
    return plain[:_LONGEST].strip("_")


def name_columns(labels: Iterable[tuple[int, str]]) -> list[Column]:
    """Columns from ``(place in the source, label)``. The same labels in the same order get the same ids, wherever else they stand."""
    taken: set[str] = set()
    columns = []
    for place, (index, label) in enumerate(labels, 1):
        plain = column_id(label) or f"column_{place}"
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name)
        columns.append(Column(name, label, index))
    return columns
