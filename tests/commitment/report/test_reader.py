"""What is read of a report: the real one cell by cell, synthetic ones with every fault that people make."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ckanext.ogptn.commitment import office
from ckanext.ogptn.commitment.report import deadline, reader, word
from ckanext.ogptn.commitment.report.blocks import Block, from_markdown, to_markdown, to_text
from ckanext.ogptn.commitment.report.layout import Report, heading_of
from ckanext.ogptn.commitment.report.problems import message
from ckanext.ogptn.commitment.report.rows import ReportError
from tests.seed.report import forms as read_independently
from tests.seed.test_content import TABLE

from . import synthetic


def slugs(report: Report) -> list[tuple[str, str, str]]:
    return [(item.slug, item.form, item.field) for item in report.errors]


def refused(data: bytes) -> str:
    with pytest.raises(ReportError) as error:
        reader.read(data)
    return error.value.problem.slug


# -- the real report


@pytest.fixture
def real(shared: Path) -> Report:
    return reader.read(next((shared / "seed").glob("*.txt")).read_bytes())


@pytest.mark.shared
def test_the_real_report_has_21_forms_with_the_numbers_levels_and_deadlines_checked_by_eye(real: Report) -> None:
    expected = [(number, part or "", level, written or due) for number, part, _axis, level, due, written, _owner in TABLE]
    found = [(str(form.number), form.part, form.level, form.deadline.replace("ديسمبر 2016", "2016-12")) for form in real.forms]
    assert found == expected
    assert not real.errors


@pytest.mark.shared
def test_every_cell_of_the_real_report_is_what_an_independent_reading_finds(real: Report, shared: Path) -> None:
    """Word by word: no line is lost and no words are joined. Bullets, footnote marks and spaces apart."""

    def words(said: str) -> list[str]:
        said = re.sub(r"\[footnoteRef:\d+\]|\[\d+:[^\]]*\]", "", said)
        return [word for word in said.split() if word not in ("·", "-")]

    for form, other in zip(real.forms, read_independently(shared), strict=True):
        printed = {
            "agency": " ".join(form.agency),
            "role": form.role,
            "promise": to_text(form.promise),
            "done": re.sub(r" \((?:تم نشرمشروع الأمر[^)]*|http://www.ogptunisie[^)]*)\)", "", to_text(form.done)),
            "deadline": form.deadline,
        }
        for row, said in printed.items():
            assert words(said) == words(other.cells[row]), (form.label, row)
        assert form.level == other.level
        people = form.people or []
        assert [person.name for person in people] == [line.strip() for line in other.cells["person"].split("\n") if line.strip()]
        assert [person.email for person in people] == other.cells["email"].split()
        phones = " ".join(other.cells["phone"].split())
        assert {person.phone for person in people} == {"" if phones == "-" else phones}
        assert re.sub(r"[\s،.]", "", "".join(form.parties)) == re.sub(r"[\s،.]", "", other.cells["others"])


@pytest.mark.shared
def test_lists_of_the_real_report_stay_lists(real: Report) -> None:
    by_label = {form.label: form for form in real.forms}
    # Counted in the text: the bullets of form 1 with the paragraphs after them, of form 3, and the dash and the bullet of form 20.
    assert [block.mark for block in by_label["1"].promise] == ["-", "-", "-", "", ""]
    assert [block.mark for block in by_label["3"].done] == ["-"] * 5
    assert [block.mark for block in by_label["12"].done] == ["-"] * 3
    assert [block.mark for block in by_label["20"].promise] == ["-", "-"]


@pytest.mark.shared
def test_the_warnings_of_the_real_report(real: Report) -> None:
    found = {(item.slug, item.form) for item in real.warnings}
    assert found == {
        ("footnotes", ""),
        ("several-people", "2"),
        ("phone-shared", "2"),
        ("phone-dash", "4"),
        ("description-repeated", "5"),
        ("parts-numbered", "10"),
        ("phone-missing", "11"),
        ("phone-missing", "12"),
        ("parties-missing", "12"),
        ("description-empty", "13"),
        ("phone-missing", "16"),
        ("phone-missing", "17"),
    }


@pytest.mark.shared
def test_introduction_and_conclusion_are_shown_not_dropped(real: Report, shared: Path) -> None:
    text = next((shared / "seed").glob("*.txt")).read_text(encoding="utf-8")
    first, last = (re.sub(r"\s", "", said) for _where, said in real.unplaced)
    plain = re.sub(r"\[bookmark: \S+\]|[\s·]", "", text)
    assert re.sub(r"[-·]", "", first) == re.sub(r"[-·]", "", plain[: plain.index("التعهدالأول-")])
    assert last.startswith("الخاتمةوأهمالمقترحات:") and last.endswith("فيهذاالمجال.")


# -- headings, deadlines, text


@pytest.mark.parametrize(
    ("written", "number", "part", "title"),
    [
        ("التعهد الأول- تعزيز الإطار", 1, "", "تعزيز الإطار"),
        ("التعهد الحادي عشر: تكوين", 11, "", "تكوين"),
        ("التعهد5- بوابة", 5, "", "بوابة"),
        ("التعهد ١٠ - مشاركة", 10, "", "مشاركة"),
        ("التعهد 10 (ب) - مشاركة", 10, "b", "مشاركة"),
        ("التعهد عدد 3 – نشر", 3, "", "نشر"),
        ("Engagement n° 7 : Cadre", 7, "", "Cadre"),
        ("Commitment 10b - Portal", 10, "b", "Portal"),
        ("التعهد 18- إعداد", 18, "", "إعداد"),
    ],
)
def test_headings(written: str, number: int, part: str, title: str) -> None:
    found = heading_of(written)
    assert found is not None
    assert (found.number, found.part, found.title) == (number, part, title)


@pytest.mark.parametrize("written", ["تقديم التعهد", "يعتبر تنفيذ هذا التعهد في المراحل الاخيرة", "التعهد", "Commitments 2014", ""])
def test_other_lines_are_no_headings(written: str) -> None:
    assert heading_of(written) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2016", ("", "2016", "")),
        ("٢٠١٦", ("", "2016", "")),
        ("2015-2016", ("2015", "2016", "2015-2016")),
        ("٢٠١٥-٢٠١٦", ("2015", "2016", "2015-2016")),
        ("ديسمبر 2016", ("", "2016-12", "")),
        ("31 décembre 2016", ("", "2016-12-31", "")),
        ("December 2016", ("", "2016-12", "")),
        ("31/12/2016", ("", "2016-12-31", "")),
        ("31 فيفري 2016", ("", "", "31 فيفري 2016")),
        ("2016-2015", ("", "", "2016-2015")),
        ("في أقرب الآجال", ("", "", "في أقرب الآجال")),
        ("", ("", "", "")),
    ],
)
def test_deadlines(written: str, expected: tuple[str, str, str]) -> None:
    assert deadline.read(written) == expected


@pytest.mark.parametrize(
    "text",
    [
        "نص",
        "- أول\n- ثان",
        "فقرة\n\n- أول\n    - داخلي\n- ثان\n\nخاتمة",
        "1. un\n2. deux",
        "سطر\nآخر",
        "**gras** et [lien](http://x.tn/a_b)",
    ],
)
def test_markdown_goes_through_blocks_unchanged(text: str) -> None:
    assert to_markdown(from_markdown(text)) == text


# -- synthetic reports, as text and as Word


@pytest.mark.parametrize("make", [synthetic.text, synthetic.word])
def test_both_kinds_of_file_give_the_same_forms(make: Any) -> None:
    report = reader.read(make([synthetic.form(1), synthetic.form(2, level="0", deadline="٢٠١٥-٢٠١٦")]))
    assert not report.errors
    assert [(f.label, f.level, f.deadline) for f in report.forms] == [("1", "substantial", "2016"), ("2", "not_started", "٢٠١٥-٢٠١٦")]
    assert report.forms[0].parties == ["طرف أول", "طرف ثان"]
    assert report.forms[0].people is not None and report.forms[0].people[0].phone == "71000000"


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("make", [synthetic.text, synthetic.word])
def test_the_level_is_the_column_of_the_cross(make: Any, column: int) -> None:
    assert (
        reader.read(make([synthetic.form(1, level=str(column))])).forms[0].level
        == ("not_started", "limited", "substantial", "complete")[column]
    )


def test_levels_in_another_order_are_read_by_their_names() -> None:
    def swap(table: Any, _number: int) -> None:
        row = table.rows[synthetic.row_of(table, "level")]
        row.cells[1].text, row.cells[4].text = row.cells[4].text, row.cells[1].text

    assert reader.read(synthetic.word([synthetic.form(1, level="0")], swap)).forms[0].level == "complete"


def spoil_crosses(marks: list[str]) -> Any:
    def spoil(table: Any, _number: int) -> None:
        row = table.rows[synthetic.row_of(table, "level") + 1]
        for cell, mark in zip(row.cells[1:], marks, strict=True):
            cell.text = mark

    return spoil


@pytest.mark.parametrize(
    ("marks", "slug"),
    [(["×", "", "×", ""], "level-twice"), (["", "", "", ""], "level-none"), (["", "نعم", "", ""], "level-not-a-cross")],
)
@pytest.mark.usefixtures("with_request_context")
def test_two_crosses_or_none(marks: list[str], slug: str) -> None:
    report = reader.read(synthetic.word([synthetic.form(3)], spoil_crosses(marks)))
    assert slugs(report) == [(slug, "3", "level")]
    assert "3" in message(report.errors[0])


@pytest.mark.parametrize("mark", ["x", "X", "✓", "☒", "✔"])
def test_other_crosses(mark: str) -> None:
    assert reader.read(synthetic.word([synthetic.form(1)], spoil_crosses(["", mark, "", ""]))).forms[0].level == "limited"


def test_a_cross_in_merged_cells_is_nobodys() -> None:
    def merge(table: Any, _number: int) -> None:
        row = table.rows[synthetic.row_of(table, "level") + 1]
        row.cells[2].merge(row.cells[3])

    assert slugs(reader.read(synthetic.word([synthetic.form(4)], merge))) == [("level-merged", "4", "level")]


def test_missing_cells_in_the_row_of_levels() -> None:
    def remove(table: Any, _number: int) -> None:
        for offset in (0, 1):
            row = table.rows[synthetic.row_of(table, "level") + offset]._tr
            row.remove(row.tc_lst[-1])

    assert slugs(reader.read(synthetic.word([synthetic.form(4, level="0")], remove))) == [("level-merged", "4", "level")]


@pytest.mark.parametrize("row", ["agency", "promise", "level", "done"])
def test_a_row_that_is_missing(row: str) -> None:
    cells = synthetic.form(7)
    del cells[row]
    assert ("row-missing", "7", row) in slugs(reader.read(synthetic.text([synthetic.form(1), cells])))


def test_a_row_that_is_there_twice() -> None:
    data = synthetic.text([synthetic.form(1)]).decode()
    again = f"\t{synthetic.LABELS['role']}\n\tمدير\n\n"
    report = reader.read(data.replace(f"\t{synthetic.LABELS['phone']}", again + f"\t{synthetic.LABELS['phone']}").encode())
    assert slugs(report) == [("row-twice", "1", "role")]
    assert report.forms[0].role == "رئيس مصلحة"
    assert ("1", "مدير") in report.unplaced


def test_forms_out_of_order_are_read_with_a_warning() -> None:
    report = reader.read(synthetic.text([synthetic.form(2), synthetic.form(1)]))
    assert not report.errors
    assert [(item.slug, item.form) for item in report.warnings if item.slug == "out-of-order"] == [("out-of-order", "1")]


def test_the_same_form_twice_is_an_error_that_names_it() -> None:
    report = reader.read(synthetic.text([synthetic.form(1), synthetic.form(2), synthetic.form(1)]))
    assert slugs(report) == [("form-twice", "1", "number")]


def test_one_number_on_two_forms_with_different_titles_is_two_parts() -> None:
    first, second = synthetic.form(10), synthetic.form(10, heading="التعهد 10- جزء آخر اصطناعي", phone="-")
    report = reader.read(synthetic.text([synthetic.form(9), first, second]))
    assert [form.label for form in report.forms] == ["9", "10a", "10b"]
    assert [item.form for item in report.warnings if item.slug == "phone-dash"] == ["10b"]


@pytest.mark.parametrize(
    ("cells", "slug"),
    [
        ({"deadline": ""}, "deadline-missing"),
        ({"deadline": "قريبا"}, "deadline-unclear"),
        ({"people": "أول اصطناعي\nثان اصطناعي"}, "several-people"),
        ({"phone": "-"}, "phone-dash"),
        ({"phone": ""}, "phone-missing"),
        ({"promise": ""}, "description-empty"),
        ({"done": ""}, "done-empty"),
        ({"parties": ""}, "parties-missing"),
        ({"role": ""}, "role-missing"),
    ],
)
def test_warnings_by_field(cells: dict[str, str], slug: str) -> None:
    report = reader.read(synthetic.text([synthetic.form(6, **cells)]))
    assert not report.errors
    assert [item.form for item in report.warnings if item.slug == slug] == ["6"]


def test_text_between_forms_and_below_the_deadline_is_shown() -> None:
    data = synthetic.text([synthetic.form(1, deadline="2016\nملاحظة على الأجل"), synthetic.form(2)])
    report = reader.read(data + "\n\n\nخاتمة التقرير\n".encode())
    assert report.forms[0].deadline == "2016"
    assert ("1", "ملاحظة على الأجل") in report.unplaced
    assert report.unplaced[-1] == ("", "خاتمة التقرير")


# -- what Word can hold


def test_lists_breaks_insertions_and_controls_of_word() -> None:
    def fill(table: Any, _number: int) -> None:
        cell = table.rows[synthetic.row_of(table, "done")].cells[1]
        cell.text = "سطر"
        cell.paragraphs[0].add_run().add_break()
        cell.paragraphs[0].add_run("آخر")
        for style in ("List Bullet", "List Bullet 2"):
            cell.add_paragraph(style, style=cell.part.document.styles[style])

    data = synthetic.word([synthetic.form(1)], fill)
    assert reader.read(data).forms[0].done == [Block("سطر\nآخر"), Block("List Bullet", "-"), Block("List Bullet 2", "-", 1)]
    xml = synthetic.part(data, "word/document.xml").decode()
    run = "<w:t>آخر</w:t></w:r>"
    inserted = '<w:ins w:id="9"><w:r><w:t> مضاف</w:t></w:r></w:ins>'
    deleted = '<w:del w:id="8"><w:r><w:delText>محذوف</w:delText></w:r></w:del>'
    tracked = xml.replace(run, run + inserted + deleted)
    assert tracked != xml
    report = reader.read(synthetic.with_part(data, "word/document.xml", tracked.encode()))
    assert report.forms[0].done[0].text == "سطر\nآخر مضاف"
    assert "tracked-changes" in [item.slug for item in report.warnings]


# -- files that must not be read


def test_a_file_that_is_no_report() -> None:
    assert refused("مجرد نص بلا استمارات".encode()) == "not-a-report"
    assert refused(synthetic.word([])) == "not-a-report"
    assert refused(b"  \n ") == "empty"
    assert refused(b"%PDF-1.7 ...") == "not-word"
    assert refused(b"<html><body>x</body></html>") == "not-word"
    assert refused("نص".encode("cp1256")) == "not-utf8"
    assert refused(b"\0\1\2binary") == "not-a-report"


def test_an_encrypted_or_old_document() -> None:
    encrypted = office.OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    assert refused(encrypted) == "encrypted"
    assert refused(office.OLE + b"\0" * 600 + "WordDocument".encode("utf-16-le")) == "old-word"


def test_a_large_file_is_refused_by_its_size() -> None:
    assert refused(b"a" * (word.LIMIT_FILE + 1)) == "too-large"


def test_macros() -> None:
    assert refused(synthetic.with_part(synthetic.word([synthetic.form(1)]), "word/vbaProject.bin", b"macro")) == "macros"


def test_a_bomb_that_says_so_and_one_that_lies() -> None:
    whole = synthetic.word([synthetic.form(1)])
    assert refused(synthetic.with_part(whole, "word/media/x.xml", b"\0" * (office.LIMIT_UNPACKED + 1))) == "bomb"
    large = synthetic.with_part(whole, "word/styles.xml", b" " * (word.LIMIT_PART + 1))
    assert refused(large) == "bomb"


def test_entities_are_never_unfolded() -> None:
    xml = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><w:document xmlns:w="urn:x">&a;</w:document>'
    assert refused(synthetic.with_part(synthetic.word([synthetic.form(1)]), "word/document.xml", xml)) == "entities"


@pytest.mark.parametrize("cut", [100, 2000, -40])
def test_a_damaged_document(cut: int) -> None:
    assert refused(synthetic.word([synthetic.form(1)])[:cut]) == "damaged"


def test_a_zip_of_something_else() -> None:
    data = synthetic.with_part(synthetic.word([]), "xl/workbook.xml", b"<x/>")
    renamed = data.replace(b"word/document.xml", b"word/documenX.xml")
    assert refused(renamed) == "not-word"


def test_every_problem_has_a_sentence() -> None:
    """A slug that the code uses and the table lacks would be an error page for a steward."""
    source = "".join(path.read_text(encoding="utf-8") for path in Path(reader.__file__).parent.glob("*.py"))
    used = set(re.findall(r'problem\(\s*"([a-z0-9-]+)"', source)) | set(re.findall(r'_warn\(\s*"([a-z0-9-]+)"', source))
    from ckanext.ogptn.commitment.report.problems import slugs as known

    assert used <= set(known())
    assert len(used) > 30
