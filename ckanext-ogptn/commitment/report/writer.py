"""The report as a Word document in the layout of `layout`, which `reader` reads back to the same forms."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from ...catalogue import vocabulary
from .blocks import Block
from .deadline import MONTHS
from .export import PlanReport
from .layout import CROSS, IN_LANGUAGE, LABELS, LEVELS, PERIOD, PERSONAL, REPORT_TITLE, Form, heading, numbered

_LOCALES = {"ar": "ar-TN", "fr": "fr-FR", "en": "en-GB"}
_SUMMARY = {"ar": "ملخّص", "fr": "Synthèse", "en": "Summary"}
_MADE = {"ar": "أُعدّ من الفهرس بتاريخ", "fr": "Établi à partir du catalogue le", "en": "Made from the catalogue on"}
_COLUMNS = {
    "ar": ("العدد", "التعهد", "الهيكل المسؤول", "مستوى الإنجاز"),
    "fr": ("N°", "Engagement", "Structure", "Niveau"),
    "en": ("No.", "Commitment", "Agency", "Level"),
}
_NO_LEVEL = {"ar": "دون تقرير", "fr": "Sans rapport", "en": "No report"}
#: Latin words, addresses and numbers inside Arabic text: runs of their own, or their parts change places.
_LEFT_TO_RIGHT = re.compile(r"\+?[A-Za-zÀ-ÿ0-9](?:[A-Za-zÀ-ÿ0-9@._:/#?=&%+’'-]| (?=[A-Za-zÀ-ÿ0-9]))*")
_SHADE = "E4EEF5"
_SEA = RGBColor(0x0B, 0x4A, 0x6F)
#: Widths in centimetres: label, then the four levels.
_LABEL_WIDTH, _LEVEL_WIDTH = 4.6, 3.1


def write(report: PlanReport) -> bytes:
    """The whole document."""
    return _Writing(report).bytes()


def file_name(report: PlanReport) -> str:
    """``nap1-2016-ar.docx``: plan, end of the period, language."""
    return "-".join(part for part in (report.plan, report.period[1], report.language) if part) + ".docx"


def long_date(day: dt.date, language: str) -> str:
    """``22 novembre 2026``."""
    return f"{day.day} {MONTHS[language][day.month - 1]} {day.year}"


class _Writing:
    def __init__(self, report: PlanReport) -> None:
        self.report = report
        self.language = report.language
        self.rtl = report.language == "ar"
        self.document: Any = docx.Document()
        self._page()

    def bytes(self) -> bytes:
        self._cover()
        self._summary()
        for form in self.report.forms:
            self._form(form)
        buffer = io.BytesIO()
        self.document.save(buffer)
        return buffer.getvalue()

    # ------------------------------------------------------------------ the page

    def _page(self) -> None:
        properties = self.document.core_properties
        properties.title = f"{REPORT_TITLE[self.language]} – {self.report.title}"
        properties.language = _LOCALES[self.language]
        properties.author = properties.comments = ""
        section = self.document.sections[0]
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.left_margin = section.right_margin = Cm(2)
        section.top_margin = section.bottom_margin = Cm(2)
        if self.rtl:
            section._sectPr.append(OxmlElement("w:bidi"))
        for name in ("Normal", "Heading 1", "Title"):
            style = self.document.styles[name]
            style.font.name = "Arial"
            properties = style.element.get_or_add_rPr()
            fonts = properties.get_or_add_rFonts()
            for kind in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
                fonts.set(qn(kind), "Arial")
            for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
                fonts.attrib.pop(qn(theme), None)
            for tag in [tag for tag in properties if tag.tag == qn("w:lang")]:
                properties.remove(tag)
            language = OxmlElement("w:lang")
            language.set(qn("w:val"), "fr-FR" if self.rtl else _LOCALES[self.language])
            language.set(qn("w:bidi"), "ar-TN")
            properties.append(language)
        self.document.styles["Normal"].font.size = Pt(10.5)
        self._size_of_arabic("Normal", 11.5)
        for name, size in (("Title", 20), ("Heading 1", 14)):
            self.document.styles[name].font.size = Pt(size)
            self.document.styles[name].font.color.rgb = _SEA
            self._size_of_arabic(name, size)
        self._page_numbers(section)

    def _size_of_arabic(self, style: str, points: float) -> None:
        properties = self.document.styles[style].element.get_or_add_rPr()
        for old in properties.findall(qn("w:szCs")):
            properties.remove(old)
        size = OxmlElement("w:szCs")
        size.set(qn("w:val"), str(int(points * 2)))
        anchor = properties.find(qn("w:sz"))
        if anchor is None:
            properties.append(size)
        else:
            anchor.addnext(size)

    @staticmethod
    def _page_numbers(section: Any) -> None:
        paragraph = section.footer.paragraphs[0]
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        field = OxmlElement("w:fldSimple")
        field.set(qn("w:instr"), "PAGE")
        paragraph._p.append(field)

    # ------------------------------------------------------------------ text

    def _paragraph(self, paragraph: Any, text: str, *, bold: bool = False, align: Any = None) -> Any:
        if self.rtl:
            paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))
        if align is not None:
            paragraph.alignment = align
        for number, line in enumerate(text.split("\n")):
            if number:
                paragraph.add_run().add_break()
            self._runs(paragraph, line, bold)
        return paragraph

    def _runs(self, paragraph: Any, line: str, bold: bool) -> None:
        if not self.rtl:
            paragraph.add_run(line).bold = bold or None
            return
        at = 0
        for found in _LEFT_TO_RIGHT.finditer(line):
            self._run(paragraph, line[at : found.start()], bold, rtl=True)
            self._run(paragraph, found[0], bold, rtl=False)
            at = found.end()
        self._run(paragraph, line[at:], bold, rtl=True)

    @staticmethod
    def _run(paragraph: Any, text: str, bold: bool, *, rtl: bool) -> None:
        if not text:
            return
        run = paragraph.add_run(text)
        if bold:
            run.bold = True
            run.font.cs_bold = True
        if rtl:
            run.font.rtl = True

    def _cover(self) -> None:
        report, language = self.report, self.language
        self._paragraph(self.document.add_paragraph(style="Title"), REPORT_TITLE[language])
        self._paragraph(self.document.add_paragraph(), report.title, bold=True)
        if report.period[1]:
            start, end = report.period
            self._paragraph(self.document.add_paragraph(), f"{PERIOD[language]} {start or end} – {end}")
        self._paragraph(self.document.add_paragraph(), f"{_MADE[language]} {long_date(report.made_on, language)}")

    def _table(self, rows: int, widths: list[float]) -> Any:
        table = self.document.add_table(rows=rows, cols=len(widths))
        table.style = "Table Grid"
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = False
        # Words do not touch the lines, and Arabic marks above and below them stay whole.
        margins = OxmlElement("w:tblCellMar")
        for side in ("top", "bottom"):
            margin = OxmlElement(f"w:{side}")
            margin.set(qn("w:w"), "50")
            margin.set(qn("w:type"), "dxa")
            margins.append(margin)
        # In the order that the standard gives them (ISO/IEC 29500-1, CT_TblPr).
        properties = table._tbl.tblPr
        look = properties.find(qn("w:tblLook"))
        if look is not None:
            look.addprevious(margins)
        else:
            properties.append(margins)
        if self.rtl:
            properties.find(qn("w:tblStyle")).addnext(OxmlElement("w:bidiVisual"))
        for row in table.rows:
            for cell, width in zip(row.cells, widths, strict=True):
                cell.width = Cm(width)
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Cm(width)
        return table

    def _summary(self) -> None:
        language = self.language
        if not self.report.forms:
            return
        self._paragraph(self.document.add_paragraph(style="Heading 1"), _SUMMARY[language])
        counts = [f"{self._level(level)}: {number}" for level, number in self.report.levels.items()]
        if self.report.without_level:
            counts.append(f"{_NO_LEVEL[language]}: {self.report.without_level}")
        self._paragraph(self.document.add_paragraph(), " · ".join(counts))
        table = self._table(1 + len(self.report.forms), [1.9, 7.6, 4.5, 3])
        for cell, title in zip(table.rows[0].cells, _COLUMNS[language], strict=True):
            self._paragraph(cell.paragraphs[0], title, bold=True)
            _shade(cell)
        _repeat(table.rows[0])
        for row, form in zip(table.rows[1:], self.report.forms, strict=True):
            row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
            level = self._level(form.level) if form.level else _NO_LEVEL[language]
            said = (numbered(form.number, form.part, language), form.title, form.agency[0] if form.agency else "", level)
            for cell, text in zip(row.cells, said, strict=True):
                self._paragraph(cell.paragraphs[0], text)

    def _level(self, code: str) -> str:
        return vocabulary.label("completion_levels", code, self.language)

    # ------------------------------------------------------------------ one form

    def _mark(self, form: Form, name: str) -> str:
        """Says that a text is not in the document's language, and in which."""
        return f"{IN_LANGUAGE[form.languages[name]]} " if name in form.languages else ""

    def _form(self, form: Form) -> None:
        language = self.language
        values: list[tuple[str, list[Block]]] = [("agency", self._agency(form))]
        if form.people is not None:
            values.append(("people", [Block(person.name or "-") for person in form.people]))
        values.append(("role", _lines(self._mark(form, "role") + form.role) if form.role else []))
        if form.people is not None:
            values += [(name, self._personal(form, name)) for name in PERSONAL[1:]]
        values.append(("parties", [Block(party, "-") for party in form.parties]))
        values.append(("promise", self._marked(form, "promise")))
        values.append(("level", []))
        values.append(("done", self._marked(form, "done")))
        for name in ("obstacles", "milestones", "evidence"):
            if name == "obstacles" and form.obstacles:
                values.append((name, self._marked(form, name)))
            elif name == "milestones" and form.milestones:
                values.append((name, [Block(line, "-") for line in form.milestones]))
            elif name == "evidence" and form.evidence:
                values.append((name, [Block(form.evidence)]))
        values.append(("deadline", [Block(form.deadline)] if form.deadline else []))

        space = self.document.add_paragraph()
        space.paragraph_format.page_break_before = True
        space.paragraph_format.space_after = Pt(0)
        table = self._table(2 + len(values), [_LABEL_WIDTH] + [_LEVEL_WIDTH] * len(LEVELS))
        top = table.rows[0].cells[0].merge(table.rows[0].cells[-1])
        title = self._mark(form, "title") + form.title
        self._paragraph(top.paragraphs[0], heading(form.number, form.part, title, language), bold=True)
        _shade(top)
        at = 1
        for name, blocks in values:
            cells = table.rows[at].cells
            self._paragraph(cells[0].paragraphs[0], LABELS[name][language][0], bold=True)
            _shade(cells[0])
            if name == "level":
                self._levels(table, at, form)
                at += 2
                continue
            self._fill(cells[1].merge(cells[-1]), blocks)
            at += 1

    def _levels(self, table: Any, at: int, form: Form) -> None:
        names, crosses = table.rows[at].cells, table.rows[at + 1].cells
        names[0].merge(crosses[0])
        for place, level in enumerate(LEVELS, start=1):
            self._paragraph(names[place].paragraphs[0], self._level(level), align=WD_ALIGN_PARAGRAPH.CENTER)
            mark = CROSS if form.level == level else ""
            self._paragraph(crosses[place].paragraphs[0], mark, bold=True, align=WD_ALIGN_PARAGRAPH.CENTER)
        _keep_with_next(names)

    def _agency(self, form: Form) -> list[Block]:
        if not form.agency:
            return []
        unit = "\n".join(form.agency[1:])
        return [Block(form.agency[0]), *(_lines(self._mark(form, "unit") + unit) if unit else [])]

    def _personal(self, form: Form, name: str) -> list[Block]:
        values = [getattr(person, name) for person in form.people or []]
        if not any(values):
            return []
        if name == "phone" and len(values) > 1 and len(set(values)) == 1:
            return [Block(values[0])]
        return [Block(value or "-") for value in values]

    def _marked(self, form: Form, name: str) -> list[Block]:
        blocks: list[Block] = getattr(form, name)
        mark = self._mark(form, name).strip()
        if not mark or not blocks:
            return blocks
        first = blocks[0]
        return [Block(mark), *blocks] if first.mark else [Block(f"{mark} {first.text}"), *blocks[1:]]

    def _fill(self, cell: Any, blocks: list[Block]) -> None:
        for number, block in enumerate(blocks):
            paragraph = cell.paragraphs[0] if number == 0 else cell.add_paragraph()
            text = block.text
            if block.mark == "-":
                depth = min(block.depth, 4)
                paragraph.style = self.document.styles["List Bullet" if not depth else f"List Bullet {depth + 1}"]
            elif block.mark:
                text = f"{block.mark} {text}"
            self._paragraph(paragraph, text)


def _lines(text: str) -> list[Block]:
    return [Block(line) for line in text.split("\n")]


def _shade(cell: Any) -> None:
    shade = OxmlElement("w:shd")
    shade.set(qn("w:val"), "clear")
    shade.set(qn("w:color"), "auto")
    shade.set(qn("w:fill"), _SHADE)
    cell._tc.get_or_add_tcPr().append(shade)


def _repeat(row: Any) -> None:
    """Have a heading row stand again on each page."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _keep_with_next(cells: Any) -> None:
    for cell in cells:
        for paragraph in cell.paragraphs:
            paragraph.paragraph_format.keep_with_next = True
