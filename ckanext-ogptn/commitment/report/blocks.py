"""Text with lists, as a document's cell and as a record's Markdown hold it.

Only what the report's layout has: paragraphs, line breaks inside them, and lists with their depth. Other Markdown (emphasis, links) stays
in the text as it was typed, in the document too: nothing is lost on the way there and back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ITEM = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>[-*+•·●▪]|\d{1,3}[.)])(?:[ \t\u00a0]+(?P<text>.*))?$")
BULLET = "-"


@dataclass(frozen=True)
class Block:
    """One paragraph or one list item.

    :ivar text: without a line break at either end
    :ivar mark: empty for a paragraph, ``-`` for a bullet, ``1.`` and so on for a numbered item
    :ivar depth: 0 for a list at the margin, 1 for a list inside it, …
    """

    text: str
    mark: str = ""
    depth: int = 0


def squeeze(text: str) -> str:
    """A text without white space at its ends, with single spaces and at most single line breaks inside."""
    lines = (" ".join(line.split()) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if line)


def from_markdown(text: str) -> list[Block]:
    """The blocks of a Markdown text. A line without a mark directly below a list item belongs to that item."""
    blocks: list[Block] = []
    lines: list[str] = []
    item: tuple[str, int] = ("", 0)

    def close() -> None:
        nonlocal item
        found = squeeze("\n".join(lines))
        if found:
            blocks.append(Block(found, *item))
        lines.clear()
        item = ("", 0)

    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        mark = _ITEM.match(line)
        if mark:
            close()
            sign = mark["mark"]
            # Stewards indent by two spaces or by four.
            item = (f"{int(sign[:-1])}." if sign[0].isdigit() else BULLET, (len(mark["indent"].expandtabs(4)) + 2) // 4)
            lines.append(mark["text"] or "")
        elif not line.strip():
            close()
        else:
            lines.append(line)
    close()
    return blocks


def from_lines(text: str) -> list[Block]:
    """The blocks of a text in which each line is a paragraph or a list item of its own."""
    return [block for line in text.split("\n") for block in from_markdown(line)]


def to_markdown(blocks: Iterable[Block]) -> str:
    """Blocks as Markdown: items on lines of their own, paragraphs parted by an empty line."""
    written: list[str] = []
    before: Block | None = None
    for block in blocks:
        if before is not None:
            written.append("\n" if block.mark and before.mark else "\n\n")
        # Four spaces: what CKAN's Markdown takes for a list inside a list.
        indent = "    " * block.depth
        written.append(f"{indent}{block.mark} {block.text}" if block.mark else block.text)
        before = block
    return "".join(written)


def to_text(blocks: Iterable[Block]) -> str:
    """Blocks as plain lines, for a preview."""
    return "\n".join(f"{'  ' * block.depth}{block.mark} {block.text}" if block.mark else block.text for block in blocks)
