"""Reports to test with: made up, and they say so; whole, or with one fault."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import docx

LEVELS = ("لم يبدأ بعد", "محدود", "جوهري", "كامل")
LABELS = {
    "agency": "الهيكل الاداري المسؤول عن انجاز التعهد:",
    "people": "الشخص المسؤول عن متابعة انجاز التعهد",
    "role": "الخطة الوظيفية",
    "phone": "رقم الهاتف",
    "email": "عنوان البريد الالكتروني",
    "parties": "الاطراف المتدخلة",
    "promise": "تقديم التعهد",
    "level": "مستوى الانجاز",
    "done": "ما تم انجازه",
    "deadline": "اخر أجل للإنجاز",
}
PLAN_LINE = "خطة العمل الوطنية الأولى للفترة 2014-2016 (تقرير اصطناعي للاختبار)"


def form(number: int | str = 1, **cells: str) -> dict[str, str]:
    """The cells of a synthetic form; ``level`` is the column of the cross, from 0."""
    return {
        "heading": f"التعهد {number}- تعهد اصطناعي {number}",
        "agency": "هيكل تجريبي",
        "people": "شخص اصطناعي",
        "role": "رئيس مصلحة",
        "phone": "71000000",
        "email": "synthetic@example.tn",
        "parties": "طرف أول، طرف ثان",
        "promise": f"وصف اصطناعي للتعهد عدد {number} لا يكرّر وصف غيره من التعهدات",
        "level": "2",
        "done": "تم إعداد نسخة أولية",
        "deadline": "2016",
        **cells,
    }


def text(forms: list[Mapping[str, str]], plan_line: str = PLAN_LINE) -> bytes:
    """The report as plain text, the way the real one is written."""
    lines = [plan_line, "", "", ""]
    for cells in forms:
        lines += [f"\t{cells['heading']}", ""]
        for name, label in LABELS.items():
            if name not in cells:
                continue
            if name == "level":
                lines += [f"\t{label}", *(f"\t{level}" for level in LEVELS), ""]
                at = int(cells[name])
                lines += ["\t", *("\t×" if place == at else "\t" for place in range(4)), ""]
            else:
                lines += [f"\t{label}", f"\t{cells[name]}", ""]
        lines += ["", "", "", ""]
    return "\n".join(lines).encode()


def word(forms: list[Mapping[str, str]], fault: Callable[[Any, int], None] | None = None, plan_line: str = PLAN_LINE) -> bytes:
    """The report as a Word document.

    :param fault: called with each form's table and its number from 0, to spoil it
    """
    document = docx.Document()
    document.add_paragraph(plan_line)
    for number, cells in enumerate(forms):
        names = [name for name in LABELS if name in cells]
        table = document.add_table(rows=2 + len(names), cols=5)
        table.rows[0].cells[0].merge(table.rows[0].cells[4]).text = cells["heading"]
        at = 1
        for name in names:
            row = table.rows[at]
            row.cells[0].text = LABELS[name]
            if name == "level":
                row.cells[0].merge(table.rows[at + 1].cells[0])
                for place, level in enumerate(LEVELS, start=1):
                    row.cells[place].text = level
                    table.rows[at + 1].cells[place].text = "×" if place - 1 == int(cells[name]) else ""
                at += 2
                continue
            row.cells[1].merge(row.cells[4]).text = cells[name]
            at += 1
        if fault:
            fault(table, number)
        document.add_paragraph()
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def row_of(table: Any, name: str) -> int:
    """Where a row stands in a form's table."""
    return next(at for at, row in enumerate(table.rows) if row.cells[0].text.strip() == LABELS[name])


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """A document with one part more, or another."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            if member.filename != name:
                target.writestr(member, source.read(member.filename))
        target.writestr(name, content)
    return buffer.getvalue()


def part(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)
