"""From files, as they really are, to rows."""

from __future__ import annotations

import datetime as dt
import os
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ckanext.ogptn.tables.detect import detect
from ckanext.ogptn.tables.findings import TableError
from ckanext.ogptn.tables.limits import Limits
from ckanext.ogptn.tables.read import Reading, open_table
from tests.conftest import in_time
from tests.tables.files import LABELS, ROWS, adeb, ods, patched, text_of, workbook, xls, xlsb
from tests.tables.test_bad_input import REPORT

TEXT = text_of([LABELS, *ROWS])


def read(path: Path, **options: Any) -> tuple[Reading, list[list[Any]]]:
    with open_table(path, **options) as reading:
        return reading, [cells for _number, cells in reading.rows()]


def slugs(reading: Reading) -> set[str]:
    return {one.slug for one in reading.findings.all()}


def refusal(path: Path, **options: Any):
    with pytest.raises(TableError) as caught:
        read(path, **options)
    return caught.value.finding


@pytest.fixture
def file(tmp_path: Path):
    def write(content: bytes | str, name: str = "table.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


# -- text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac_roman", "cp850"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(file, encoding: str, end: str) -> None:
    reading, rows = read(file(text_of([LABELS, *ROWS], end=end), encoding=encoding))
    assert reading.header == LABELS
    assert rows == ROWS
    assert ("encoding-guessed" in slugs(reading)) == (not encoding.startswith("utf"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
def test_delimiters(file, delimiter: str) -> None:
    rows = [["Région", "Libellé"], ["Tunis", "a"], ["Sfax", "b"]]
    reading, read_rows = read(file(text_of(rows, delimiter)))
    assert (reading.delimiter, reading.header, read_rows) == (delimiter, rows[0], rows[1:])


def test_decimal_commas_do_not_part_cells(file) -> None:
    _reading, rows = read(file("a;b;c\n1,5;2,5;3,5\n1,5;2,5;3,5\n"))
    assert rows[0] == ["1,5", "2,5", "3,5"]


def test_quoted_cells_hold_delimiters_quotes_and_line_ends(file) -> None:
    _reading, rows = read(file('a,b\r\n"x, y","say ""no""\r\ntwice"\r\n1,2\r\n'))
    assert rows == [["x, y", 'say "no"\r\ntwice'], ["1", "2"]]


def test_spreadsheet_hint_of_the_delimiter(file) -> None:
    reading, rows = read(file("sep=|\r\na|b\r\n1|2\r\n"))
    assert (reading.header, rows) == (["a", "b"], [["1", "2"]])


def test_windows_1256(file) -> None:
    rows = [["الولاية", "المبلغ"], ["تونس", "1"], ["صفاقس", "2"]]
    reading, read_rows = read(file(text_of(rows), encoding="cp1256"))
    assert reading.encoding == "Windows-1256"
    assert (reading.header, read_rows) == (rows[0], rows[1:])


def test_arabic_and_french_in_windows_1256(file) -> None:
    rows = [["الولاية", "Région"], ["تونس العاصمة", "Béja"], ["صفاقس", "Médenine"]]
    reading, read_rows = read(file(text_of(rows), encoding="cp1256"))
    assert (reading.encoding, read_rows) == ("Windows-1256", rows[1:])


def test_a_few_lines_of_another_encoding(file) -> None:
    good = "".join(f"Médenine;{number}\n" for number in range(50))
    reading, rows = read(file(b"nom;n\n" + good.encode() + "Gabès;1\n".encode("cp1252")))
    assert rows[-1] == ["Gabès", "1"]
    found = next(one for one in reading.findings.all() if one.slug == "mixed-encoding")
    assert (found.row, found.details["count"]) == (52, 1)


def test_mojibake_is_reported_and_kept(file) -> None:
    reading, rows = read(file("nom;n\n" + "Béja;1\nتونس;2\n".encode().decode("cp1252", "replace").replace("\ufffd", "")))
    assert rows[0][0] == "BÃ©ja"
    found = next(one for one in reading.findings.all() if one.slug == "mojibake")
    assert (found.row, found.column, found.details["meant"]) == (2, "nom", "Béja")


def test_marks_that_nobody_sees_and_mixed_scripts(file) -> None:
    reading, rows = read(file("nom;n\n\u202bتونس\u202c;1\nTEXTILE 4_Finissage tissus cha\u064ene;2\n"))
    assert rows[0] == ["تونس", "1"]
    assert {"invisible-marks", "mixed-scripts"} <= slugs(reading)


def test_nul_bytes(file) -> None:
    reading, rows = read(file(b"a,b\n1\x00,2\n3,4\n" + b"5,6\n" * 50))
    assert rows[0] == ["1", "2"]
    assert "nul-bytes" in slugs(reading)


def test_changing_number_of_cells(file) -> None:
    reading, rows = read(file("a,b,c\n1,2,3\n4,5\n6,7,8,9\n1,2,3,,\n" + "1,2,3\n" * 5))
    assert rows[1] == ["4", "5", ""]
    assert ["6", "7", "8"] not in rows
    assert (reading.rejections, reading.rejected[0][:2]) == (1, (4, "more-cells"))
    assert {"more-cells", "fewer-cells"} <= slugs(reading)


def test_quote_that_is_never_closed(file) -> None:
    found = refusal(file('a,b\n1,2\n"3,4\n' + "5,6\n" * 3000))
    assert (found.slug, found.row) == ("quote-never-closed", 3)


def test_line_without_end(file) -> None:
    assert refusal(file(b"x" * 6_000_000)).slug == "line-too-long"


def test_fixed_places(file) -> None:
    lines = ["Code   Libellé            Montant"] + [f"{code:04}   Ligne budgétaire {code % 7}  {code * 13:>7}" for code in range(1, 40)]
    reading, rows = read(file("\n".join(lines) + "\n", "print.txt"))
    assert reading.header == ["Code", "Libellé", "Montant"]
    assert rows[0] == ["0001", "Ligne budgétaire 1", "13"]
    assert len(rows) == 39
    assert "fixed-width" in slugs(reading)


# -- where the table is


def test_titles_above(file) -> None:
    reading, rows = read(file("République Tunisienne;;;\nBudget 2018 (en mille dinars);;;\n;;;\n" + TEXT))
    assert (reading.header, rows) == (LABELS, ROWS)
    assert reading.titles[1] == (2, "Budget 2018 (en mille dinars)")


def test_row_numbers_are_those_of_the_source(file) -> None:
    with open_table(file("Titre;;;\n\n" + TEXT)) as reading:
        assert [number for number, _cells in reading.rows()] == [4, 5, 6]


def test_header_of_two_rows(file) -> None:
    reading, rows = read(file("Code;Libellé;2018;;2019;\n;;Prévu;Réalisé;Prévu;Réalisé\n01;a;1;2;3;4\n02;b;5;6;7;8\n"))
    assert reading.header == ["Code", "Libellé", "2018 / Prévu", "2018 / Réalisé", "2019 / Prévu", "2019 / Réalisé"]
    assert [column.id for column in reading.columns][2:4] == ["c_2018_prevu", "c_2018_realise"]
    assert len(rows) == 2


def test_years_as_labels(file) -> None:
    reading, rows = read(file("Région;2018;2019\nTunis;15;20\nSfax;11;12\n"))
    assert reading.header == ["Région", "2018", "2019"]
    assert len(rows) == 2


def test_no_header(file) -> None:
    reading, rows = read(file("1;Tunis;15,5\n2;Sfax;11,2\n3;Gabès;4\n"))
    assert [column.id for column in reading.columns] == ["column_1", "column_2", "column_3"]
    assert len(rows) == 3
    assert "no-header" in slugs(reading)


def test_hundreds_of_empty_columns(file) -> None:
    reading, rows = read(file(text_of([[*row, *[""] * 300] for row in [LABELS, *ROWS]])))
    assert (reading.header, rows) == (LABELS, ROWS)


def test_empty_column_inside(file) -> None:
    reading, rows = read(file("a;;b\n1;;2\n3;;4\n"))
    assert (reading.header, rows) == (["a", "b"], [["1", "2"], ["3", "4"]])
    assert "empty-columns" in slugs(reading)


def test_value_in_a_column_left_out_is_a_rejected_row(file) -> None:
    lines = "a;;b\n" + "1;;2\n" * 600 + "1;x;2\n"
    reading, rows = read(file(lines))
    assert (len(rows), reading.rejected[0][:2]) == (600, (602, "more-cells"))


def test_value_here_and_there_between_two_labels(file) -> None:
    """As in a real investment budget: a column whose label was lost has a mark in one row of twenty; no row is left out for it."""
    rows = [["Puits", "2473", "", "Préfet"]] * 19 + [["Ecole", "1800", "RT", "Maire"]]
    reading, found = read(file(text_of([["Opération", "Coût", "", "Gestionnaire"], *rows])))
    assert (reading.header, found) == (["Opération", "Coût", "", "Gestionnaire"], rows)
    assert (reading.rejections, "unlabelled-column" in slugs(reading)) == (0, True)


def test_pages_that_repeat_their_header(file) -> None:
    page = "Ministère;;Page {};\nCode;Libellé;Prévu;Réalisé\n" + "".join(f"{n};ligne;{n}00;{n}50\n" for n in range(10, 50))
    reading, rows = read(file("".join(page.format(number) for number in range(1, 31))))
    assert reading.header == ["Code", "Libellé", "Prévu", "Réalisé"]
    assert len(rows) == 30 * 40
    assert next(one.details["count"] for one in reading.findings.all() if one.slug == "repeated-header") == 58


def test_two_tables_are_refused_with_the_place(file) -> None:
    found = refusal(file("Région;Montant\nTunis;1\nSfax;2\n;\nProduit;Quantité\nHuile;3\n"))
    assert (found.slug, found.row) == ("two-tables", 5)


def test_arabic_labels_stay_and_ids_are_ascii(file) -> None:
    reading, _rows = read(file("GEO1 (الولاية);سعر الجملة الأدنى;الكمية بالطن;الكمية بالطن\nتونس;1;2;3\nصفاقس;3;4;5\n"))
    assert reading.header == ["GEO1 (الولاية)", "سعر الجملة الأدنى", "الكمية بالطن", "الكمية بالطن"]
    ids = [column.id for column in reading.columns]
    assert all(name.isascii() and name.replace("_", "").isalnum() for name in ids)
    assert len(set(ids)) == 4
    assert ids[3] == ids[2] + "_2"
    assert "double-label" in slugs(reading)


# -- workbooks


def test_xlsx(tmp_path: Path) -> None:
    rows = [["Code", "Date", "Montant", "Oui"], ["05", dt.date(2018, 1, 31), 1234.567, True], ["06", dt.date(2019, 2, 1), 2, False]]
    reading, found = read(workbook(tmp_path / "a.xlsx", {"Sheet1": rows}))
    assert reading.header == rows[0]
    assert found == rows[1:]


def test_dates_of_1904(tmp_path: Path) -> None:
    path = workbook(tmp_path / "mac.xlsx", {"A": [["Jour", "n"], [dt.date(2018, 1, 31), 1], [dt.date(2018, 2, 1), 2]]}, mac=True)
    reading, rows = read(path)
    assert reading.epoch == 1904
    assert rows[0][0] == dt.date(2018, 1, 31)


def test_sheet_with_most_cells_and_the_others_named(tmp_path: Path) -> None:
    sheets = {"Lisez-moi": [["Notes"], ["texte"]], "Données": [LABELS, *ROWS], "Caché": [LABELS, *ROWS, *ROWS]}
    path = workbook(tmp_path / "a.xlsx", sheets, hidden=["Caché"])
    reading, rows = read(path)
    assert (reading.sheet, rows) == ("Données", ROWS)
    assert "other-sheets" in slugs(reading)
    assert read(path, sheet="caché ")[0].sheet == "Caché"
    assert refusal(path, sheet="X").slug == "sheet-unknown"


def test_merged_header(tmp_path: Path) -> None:
    rows = [
        ["Budget", None, None, None],
        ["Code", "Région", "Montant", None],
        [None, None, "Prévu", "Payé"],
        [1, "Tunis", 5, 6],
        [2, "Sfax", 7, 8],
    ]
    path = workbook(tmp_path / "a.xlsx", {"A": rows}, merge={"A": ["A1:D1", "A2:A3", "B2:B3", "C2:D2"]})
    reading, found = read(path)
    assert reading.header == ["Code", "Région", "Montant / Prévu", "Montant / Payé"]
    assert found == [[1, "Tunis", 5, 6], [2, "Sfax", 7, 8]]
    assert reading.titles == [(1, "Budget")]


def test_formulas_without_values_and_errors(tmp_path: Path) -> None:
    rows = [["a", "b"], [1, "=A2*2"], [2, "=A3*2"], [3, "#N/A"]]
    reading, found = read(workbook(tmp_path / "a.xlsx", {"A": rows}))
    formulas = next(one for one in reading.findings.all() if one.slug == "formula-without-value")
    assert (formulas.row, formulas.details["cell"], formulas.details["count"]) == (2, "B2", 2)
    assert "cell-error" in slugs(reading)
    assert found[0] == [1, ""]


def test_macros_are_said_and_not_run(tmp_path: Path) -> None:
    path = patched(workbook(tmp_path / "a.xlsm", {"A": [LABELS, *ROWS]}), {"xl/vbaProject.bin": b"\x00"})
    reading, rows = read(path)
    assert rows == ROWS
    assert "macros" in slugs(reading)


def test_xls_of_excel_97(tmp_path: Path) -> None:
    reading, rows = read(xls(tmp_path / "a.xls", [["Code", "Région", "Montant"], ["05", "Béja", 12.5], ["06", "Gabès", 7]]))
    assert reading.detected.kind == "xls"
    assert (reading.header, rows) == (["Code", "Région", "Montant"], [["05", "Béja", 12.5], ["06", "Gabès", 7]])


def test_binary_workbook(tmp_path: Path) -> None:
    rows = [
        ["Code", "الولاية", "Jour", "Montant", "Payé"],
        ["05", "باجة", dt.date(2018, 1, 31), 12.5, True],
        ["06", "قابس", None, 7, False],
    ]
    reading, found = read(xlsb(tmp_path / "a.xls", rows), declared_format="XLS")
    assert (reading.detected.kind, reading.header) == ("xlsb", rows[0])
    assert found == [["05", "باجة", dt.date(2018, 1, 31), 12.5, True], ["06", "قابس", "", 7, False]]
    assert "cell-error" not in slugs(reading)


def test_binary_workbook_with_errors_and_the_calendar_of_1904(tmp_path: Path) -> None:
    reading, found = read(xlsb(tmp_path / "a.xlsb", [["Jour", "n"], [dt.date(2018, 1, 31), 1], ["x", "#N/A"]], date_1904=True))
    error = next(one for one in reading.findings.all() if one.slug == "cell-error")
    assert (error.row, error.details["found"]) == (3, "#N/A")
    assert (reading.epoch, found[0]) == (1904, [dt.date(2018, 1, 31), 1])


def test_report_printed_into_cells(file) -> None:
    """Records between headings and sums: the header is the row that the records fill, in both its languages, and not the page's head."""
    reading, rows = read(file(text_of(REPORT)))
    labels = "Opération / Operation||Coût / Cost|Région / Region|Localité / Locality|Mode / Management|Gestionnaire / Vote holder"
    assert reading.header == labels.split("|")
    assert [number for number, _text in reading.titles] == [1, 2, 3]
    assert len(rows) == 20
    report = next(one for one in reading.findings.all() if one.slug == "printed-report")
    assert (report.row, report.details["percent"]) == (6, 80)


def test_ods(tmp_path: Path) -> None:
    path = ods(tmp_path / "a.ods", [["Région", "Jour", "Montant"], ["Béja", dt.date(2018, 1, 31), 12.5], ["Gabès", dt.date(2018, 2, 1), 7]])
    reading, rows = read(path)
    assert reading.detected.kind == "ods"
    assert rows[0] == ["Béja", dt.date(2018, 1, 31), 12.5]


def test_real_format_and_not_the_name(file, tmp_path: Path) -> None:
    reading, rows = read(file(TEXT, "budget.xls", "cp1252"), declared_format="XLS")
    assert (reading.detected.kind, rows) == ("delimited", ROWS)
    assert "declared-format" in slugs(reading)
    path = workbook(tmp_path / "b.csv", {"A": [LABELS, *ROWS]})
    assert read(path, declared_format="CSV")[1] == ROWS


def test_html_saved_as_xls(file) -> None:
    page = "<html><head><meta charset='windows-1252'></head><body><table><tr><th>Région</th>"
    page += "<th colspan=2>Montant</th></tr>"
    page += "<tr><td></td><td>Prévu</td><td>Payé</td></tr><tr><td>Béja</td><td>1</td><td>2</td></tr>"
    page += "<tr><td>Sfax</td><td>3</td><td>4</td></tr></table>"
    reading, rows = read(file(page, "a.xls", "cp1252"), declared_format="xls")
    assert reading.header == ["Région", "Montant / Prévu", "Montant / Payé"]
    assert rows == [["Béja", "1", "2"], ["Sfax", "3", "4"]]


def test_error_page_saved_as_xls(file) -> None:
    found = refusal(file("<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>", "a.xls"))
    assert (found.slug, found.details["title"], found.file) == ("web-page", "404 Not Found", "a.xls")


def test_excel_2003_xml(file) -> None:
    cells = "".join(
        "<Row>"
        + "".join(f'<Cell><Data ss:Type="{"Number" if isinstance(cell, float) else "String"}">{cell}</Data></Cell>' for cell in row)
        + "</Row>"
        for row in [["Région", "Montant"], ["Béja", 1.5], ["Sfax", 2.5]]
    )
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    text = f'<?xml version="1.0"?><Workbook xmlns="{space}" xmlns:ss="{space}">'
    text += f'<Worksheet ss:Name="F1"><Table>{cells}</Table></Worksheet></Workbook>'
    reading, rows = read(file(text, "a.xls"))
    assert (reading.sheet, rows) == ("F1", [["Béja", 1.5], ["Sfax", 2.5]])


# -- XML of records


@pytest.mark.parametrize("root", ["AREPLFTMUN", "AREPMLFMUN"])
def test_adeb(file, root: str) -> None:
    reading, rows = read(file(adeb(root=root), "a.xml"))
    assert reading.header == ["MUNICI", "GESTION", "NUM", "REC_TITRES", "REC_ARTICL", "REC_PARAGR", "REC_SPARAG", "LIBPAR", "LRC_MNTAC1"]
    assert rows[1] == ["بلدية تجريبية", "2018", "1", "1", "12", "01", "00", "المعلوم على العقارات المبنية", "2000"]
    assert len(rows) == 3


def test_xml_with_entities(file) -> None:
    found = refusal(file('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a><b><c>&x;</c><d>1</d></b></a>', "a.xml"))
    assert found.slug == "entity"


def test_broken_xml(file) -> None:
    found = refusal(file("<?xml version='1.0'?><a><b><c>1</c><d>2</d></b><b><c>1</d></b></a>", "a.xml"))
    assert found.slug == "damaged"


# -- archives


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def test_member_of_an_archive(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"lisez-moi.pdf": b"%PDF-", "x.csv": b"a,b\n1,2\n", "d/budget.csv": TEXT.encode()})
    reading, rows = read(path)
    assert (reading.file, rows) == ("a.zip/d/budget.csv", ROWS)
    assert "other-members" in slugs(reading)
    assert read(path, member="x.csv")[1] == [["1", "2"]]


def test_archives_that_are_refused(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner", {"a.csv": b"a,b\n1,2\n"}).read_bytes()
    assert refusal(archive(tmp_path / "1.zip", {"b.zip": inner})).slug == "nested-archive"
    assert refusal(archive(tmp_path / "2.zip", {"b.csv": inner})).slug == "nested-archive"
    assert refusal(archive(tmp_path / "3.zip", {"b.csv": b"0" * 20_000_000})).slug == "zip-bomb"
    assert refusal(archive(tmp_path / "4.zip", {"../b.csv": b"a"})).slug == "unsafe-member"
    assert refusal(archive(tmp_path / "5.zip", {"b.pdf": b"a"})).slug == "archive-without-table"


def test_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"b.csv": b"0" * 20_000_000})
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 20_000_000), struct.pack("<I", 1000)))
    assert refusal(path).slug in ("zip-bomb", "damaged")


# -- refused


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"", "empty-file"),
        (b" \r\n\r\n", "empty-file"),
        (b"a;b;c\n", "no-table"),
        (b"%PDF-1.4 ...", "not-a-table"),
        (b'{"a": [1, 2]}', "not-a-table"),
        (b"Rar!\x1a\x07\x00", "not-a-table"),
        (b"PK\x03\x04 and nothing", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "WordDocument".encode("utf-16-le"), "not-a-table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "Workbook".encode("utf-16-le"), "damaged"),
    ],
)
def test_refused(file, content: bytes, slug: str) -> None:
    found = refusal(file(content, "a.xls"))
    assert found.slug == slug
    assert found.message
    assert found.file == "a.xls"


def test_file_over_the_ceiling(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(1_000_000_001)
    found = refusal(path)
    assert (found.slug, found.details["limit"]) == ("too-large", 1_000_000_000)


def test_too_many_columns(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"A": [[f"c{n}" for n in range(16_384)], [1] * 16_384, [2] * 16_384]})
    found = refusal(path)
    assert (found.slug, found.sheet, found.row) == ("too-many-columns", "A", 1)


def test_cell_in_the_last_corner_does_not_take_all_memory(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"A": [["a", "b"], [1, 2], [3, 4]]})
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    found = refusal(patched(path, {"xl/worksheets/sheet1.xml": (b"</sheetData>", far)}))
    assert found.slug == "too-many-cells"


def test_limits(file) -> None:
    path = file(TEXT)
    assert refusal(path, limits=Limits(max_bytes=10)).slug == "too-large"
    assert refusal(path, limits=Limits(max_columns=2)).slug == "too-many-columns"


# -- what a file must not cost


SHEET = (
    '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
    'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="A"><Table>{rows}</Table></Worksheet></Workbook>'
)
SHEET_ROW = '<Row{index}><Cell><Data ss:Type="String">{text}</Data></Cell><Cell><Data ss:Type="{kind}">{value}</Data></Cell></Row>'


@pytest.mark.parametrize("index", ["900000000", "9" * 5_000, "²"])
def test_a_row_far_below_costs_no_time(tmp_path: Path, index: str) -> None:
    """Two kilobytes that say that their last row is the nine hundred millionth kept a worker busy for an hour."""
    rows = [SHEET_ROW.format(index="", text="nom", kind="String", value="montant")]
    rows += [SHEET_ROW.format(index="", text=f"r{number}", kind="Number", value=number) for number in range(30)]
    rows.append(SHEET_ROW.format(index=f' ss:Index="{index}"', text="loin", kind="Number", value=7))
    path = tmp_path / "a.xml"
    path.write_text(SHEET.format(rows="".join(rows)), encoding="utf-8")
    with open_table(path) as reading:
        found = list(reading.rows())
    assert len(found) == 31
    assert found[-1] == (int(index) if index == "900000000" else 32, ["loin", 7])


@pytest.mark.parametrize("span", ["9" * 5_000, "²", "0", "-3", "2.5"])
def test_a_span_that_is_no_number_of_columns(tmp_path: Path, span: str) -> None:
    path = tmp_path / "a.html"
    rows = "<tr><td>nom</td><td>montant</td></tr>" + "".join(f"<tr><td rowspan='{span}'>r{n}</td><td>{n}</td></tr>" for n in range(5))
    path.write_text(f"<html><table>{rows}</table></html>", encoding="utf-8")
    with open_table(path) as reading:
        assert [cells for _number, cells in reading.rows()] == [[f"r{number}", str(number)] for number in range(5)]


def test_what_calls_itself_media_type_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", b"\0" * 60_000_000)
        archive.writestr("noise.bin", os.urandom(1_000_000), zipfile.ZIP_STORED)
    tracemalloc.start()
    with suppress(TableError):
        detect(path)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le"])
def test_a_line_of_utf_16_without_end_is_not_read_whole(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("nom;montant\n" * 50 + "x" * 20_000_000).encode(codec))
    tracemalloc.start()
    with pytest.raises(TableError) as caught, open_table(path) as reading:
        list(reading.rows())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.finding.slug == "line-too-long"
    assert peak < 20_000_000


def test_comments_before_nothing_cost_no_time(file: Any) -> None:
    with in_time():
        detect(file(b"<!---->" * 200 + b"x"))
        assert detect(file(b"<!-- a -- b -> -->\n" * 20 + b"<table><tr><td>a</td></tr></table>")).kind == "html"


def test_a_long_cell_costs_no_time(file: Any) -> None:
    long = "1" + " " * 100_000 + "x"
    with in_time():
        _reading, rows = read(file("nom;montant\n" + "a;1\n" * 20 + f"b;{long}\n"))
    assert (len(rows), rows[-1]) == (21, ["b", long])
