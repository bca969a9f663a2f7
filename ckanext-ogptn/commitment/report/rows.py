"""A document as a stream of table rows and of text between tables: what both kinds of file are turned into."""

from __future__ import annotations

from dataclasses import dataclass, field

from .blocks import Block, to_text
from .layout import Problem


@dataclass
class Cell:
    """One cell.

    :ivar at: the column of the table's grid in which it begins, from 0
    :ivar span: columns that it covers
    :ivar continued: it belongs to the cell above it (merged downwards)
    :ivar raw: its text before lists were told from paragraphs
    """

    blocks: list[Block] = field(default_factory=list)
    at: int = 0
    span: int = 1
    continued: bool = False
    raw: str = ""

    @property
    def text(self) -> str:
        return to_text(self.blocks)


@dataclass
class Row:
    """One row; ``table`` numbers the tables of a document from 0."""

    cells: list[Cell]
    table: int = 0


@dataclass
class Text:
    """Paragraphs outside of tables."""

    blocks: list[Block]


Stream = list[Row | Text]


@dataclass
class Document:
    """A file that could be opened; ``warnings`` of the reading itself."""

    stream: Stream
    warnings: list[Problem] = field(default_factory=list)


class ReportError(ValueError):
    """The file cannot be read at all.

    :ivar problem: why, and what to do
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.slug)
        self.problem = problem
