"""The self-assessment report of ``../shared``, read as plainly as a person would: one form after the other, cell by cell.

For tests only, and on purpose not the importer of the product: a second, independent reading of the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LEVELS = ("not_started", "limited", "substantial", "complete")
LABELS = {
    "agency": "الهيكل الاداري المسؤول عن انجاز التعهد:",
    "person": "الشخص المسؤول عن متابعة انجاز التعهد",
    "role": "الخطة الوظيفية",
    "phone": "رقم الهاتف",
    "email": "عنوان البريد الالكتروني",
    "others": "الاطراف المتدخلة",
    "promise": "تقديم التعهد",
    "level": "مستوى الانجاز",
    "done": "ما تم انجازه",
    "deadline": "اخر أجل للإنجاز",
}


@dataclass
class Form:
    heading: str
    cells: dict[str, str]
    level: str


def forms(shared: Path) -> list[Form]:
    """The report's forms, in its order."""
    text = next((shared / "seed").glob("*.txt")).read_text(encoding="utf-8")
    text = text[: text.index("الخاتمة وأهم المقترحات")]
    pieces = re.split(r"\n(?=\t(?:\[bookmark: \S+?\]\s*)*التعهد)", text)[1:]
    return [_form(piece) for piece in pieces]


def _form(piece: str) -> Form:
    heading = re.sub(r"\[bookmark: \S+?\]", "", piece.strip().split("\n", 1)[0]).strip()
    places = sorted((re.search(rf"^\t\s*{re.escape(label)}\s*$", piece, re.M).span(), key) for key, label in LABELS.items())  # pyright: ignore[reportOptionalMemberAccess]
    cells: dict[str, str] = {}
    for number, ((_, end), key) in enumerate(places):
        after = places[number + 1][0][0] if number + 1 < len(places) else len(piece)
        cells[key] = piece[end:after].strip()
    return Form(heading, cells, _level(piece))


def _level(piece: str) -> str:
    """The column of the × : the row has the label's own (empty) cell, then the four levels."""
    rows = piece[piece.index(LABELS["level"]) : piece.index(LABELS["done"])].split("\n")
    cells = [row.strip() for row in rows[rows.index("") :] if row.startswith("\t")]
    assert len([cell for cell in cells if cell]) == 1, cells
    return LEVELS[cells.index("×") - 1]


def plain(text: str) -> str:
    """Arabic text for comparison: no hamza seats, vowels, quotation marks or double spaces."""
    text = re.sub(r"[\u064b-\u0652\u0640\u200e\u200f«»\"“”]", "", text)
    text = re.sub("[أإآ]", "ا", text)
    return re.sub(r"\s+", " ", text).strip()
