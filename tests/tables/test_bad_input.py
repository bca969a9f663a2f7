"""What odd files get: each is read right, with what is odd about it said, or refused with the place and the reason. Never wrong in silence.

``docs/bad-input-tables.md`` is made of the answers (``OGPTN_WRITE_BAD_INPUT=1`` writes it); an answer that changes fails.
"""

from __future__ import annotations

import datetime as dt
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckan.tests.helpers import CKANTestApp

from ckanext.ogptn.tables.findings import Finding, TableError
from ckanext.ogptn.tables.read import open_table
from ckanext.ogptn.tables.types import TypedTable
from tests.tables.files import adeb, compound, ods, patched, text_of, workbook, xls, xls95, xlsb

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bad-input-tables.md"
LINES = [["Région", "Montant"], ["Béja", "1 234,5"], ["Gabès", "7,25"]]
PLAIN = text_of(LINES)
RIGHT = [["Béja", "1234.5"], ["Gabès", "7.25"]]


@dataclass(frozen=True)
class Case:
    """``rows``: what must come out, as texts; None: the file must be refused. ``slug``: what must be said; empty: nothing of a problem."""

    name: str
    make: Callable[[Path], Any]
    slug: str
    rows: Sequence[Sequence[Any]] | None = None
    declared: str = ""


def raw(content: bytes | str, encoding: str = "utf-8") -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))


def column(*values: str, label: str = "Montant") -> Callable[[Path], Any]:
    return raw(text_of([["Nom", label], *([f"n{place}", value] for place, value in enumerate(values))]))


def named(*values: str) -> list[list[str]]:
    return [[f"n{place}", value] for place, value in enumerate(values)]


def zipped(**members: bytes) -> Callable[[Path], Any]:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name.replace("__", "."), content)

    return make


PRINTED = [[f"{n:03d}", f"Dépense {n}", f"{n * 137_250}.50", f"{n * 97}.25"] for n in range(1, 401)]


#: A journal of projects as a ministry prints it: titles, a header in two languages, then for each project its credit, its names, a sum.
REPORT = [
    ["MINISTERE", *[""] * 5, "REPUBLIQUE"],
    ["JOURNAL DES PROJETS", *[""] * 6],
    ["En milliers de FCFA", *[""] * 6],
    ["Opération", "", "Coût", "Région", "Localité", "Mode", "Gestionnaire"],
    ["Operation", "", "Cost", "Region", "Locality", "Management", "Vote holder"],
]
REPORTED: list[list[str]] = []
for _at, (_project, _cost) in enumerate((("Puits", "2,473"), ("Ecole", "80,000"), ("Pont", "1,007,900"), ("Prison", "1,500")), 1):
    REPORT += [
        ["Imputation :", f"0253101{_at}", *[""] * 5],
        [f"{_project}: construction", "", _cost, "ADAMAOUA", f"Ville {_at}", "DA", "Préfet"],
        [f"{_project}: building", *[""] * 6],
        ["Total imputation", *[""] * 6],
        ["", "", _cost, "", "", "", ""],
        [""] * 7,
    ]
    _said = _cost.replace(",", "")
    REPORTED += [
        ["Imputation :", f"0253101{_at}", "", "", "", "", ""],
        [f"{_project}: construction", "", _said, "ADAMAOUA", f"Ville {_at}", "DA", "Préfet"],
        [f"{_project}: building", "", "", "", "", "", ""],
        ["Total imputation", "", "", "", "", "", ""],
        ["", "", _said, "", "", "", ""],
    ]


def printed() -> str:
    """Pages of a report, each with its titles, its header and a ruler; the amounts of the last pages are wider than those of the first."""
    lines = []
    for place, (code, label, credit, paid) in enumerate(PRINTED):
        if place % 40 == 0:
            lines += [f"{'TRESORERIE':<60}Page {place // 40 + 1}", f"{'CODE':<6}{'LIBELLE':<24}{'CREDITS':>16}{'PAYE':>16}", "-" * 62]
        amounts = [f"{float(one):,.2f}".replace(",", " ").replace(".", ",") for one in (credit, paid)]
        lines.append(f"{code:<6}{label:<24}{amounts[0]:>16}{amounts[1]:>16}")
        if place % 40 == 39:
            lines.append("\x0c")
    return "\r\n".join(lines)


def inner_zip(tmp: Path) -> bytes:
    zipped(a__csv=b"a,b\n1,2\n")(tmp)
    return tmp.read_bytes()


def big(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1_000_000_001)


def far_corner(path: Path) -> None:
    workbook(path, {"A": LINES})
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    patched(path, {"xl/worksheets/sheet1.xml": (b"</sheetData>", far)})


def encrypted(path: Path) -> None:
    compound(path, "EncryptedPackage", bytes(4096))


CASES = [
    # -- sources.md, 3
    Case("CSV text named .xls", raw(PLAIN, "cp1252"), "declared-format", RIGHT, "XLS"),
    Case("workbook declared as CSV", lambda path: workbook(path, {"A": LINES}), "declared-format", RIGHT, "CSV"),
    Case("TSV declared as ODS", raw(PLAIN.replace(";", "\t")), "declared-format", RIGHT, "ODS"),
    Case("PDF declared as HTML", raw(b"%PDF-1.4"), "not-a-table", None, "HTML"),
    Case("RAR declared as ZIP", raw(b"Rar!\x1a\x07\x01\x00"), "not-a-table", None, "ZIP"),
    Case("JSON", raw('{"a": [1]}'), "not-a-table"),
    Case("Windows-1252", raw(PLAIN, "cp1252"), "encoding-guessed", RIGHT),
    Case("Mac Roman, lines that end with CR only", raw(PLAIN.replace("\r\n", "\r"), "mac_roman"), "encoding-guessed", RIGHT),
    Case("UTF-16", raw(PLAIN, "utf-16"), "", RIGHT),
    Case(
        "ADEB XML in Windows-1256",
        raw(adeb(1)),
        "",
        [["بلدية تجريبية", "2018", "1", "1", "11", "00", "00", "المعلوم على العقارات المبنية", "1000"]],
    ),
    Case("garbled UTF-8", raw("Nom;n\nBÃ©ja;1\nSfax;2\n"), "mojibake", [["BÃ©ja", "1"], ["Sfax", "2"]]),
    Case("an Arabic mark inside a French word", raw("Nom;n\ncha\u064ene;1\nx;2\n"), "mixed-scripts", [["cha\u064ene", "1"], ["x", "2"]]),
    Case("direction marks around a name", raw("Nom;n\n\u202bتونس\u202c;1\nx;2\n"), "invisible-marks", [["تونس", "1"], ["x", "2"]]),
    Case(
        "totals between rows",
        raw("Nom;a;b\nx;1;2\ny;1;2\nTotal;2;4\n"),
        "total-rows",
        [["x", "1", "2"], ["y", "1", "2"], ["Total", "2", "4"]],
    ),
    Case(
        "totals in Arabic",
        raw("Nom;a;b\nx;1;2\ny;1;2\nالمجموع :;2;4\n"),
        "total-rows",
        [["x", "1", "2"], ["y", "1", "2"], ["المجموع :", "2", "4"]],
    ),
    Case("“-” and “n.d.” for missing", column("1,5", "-", "n.d."), "missing-marks", [["n0", "1.5"], ["n1", ""], ["n2", ""]]),
    Case("a unit in the title", raw("Budget en mille dinars;\n" + PLAIN), "title-rows", RIGHT),
    Case("Arabic-Indic digits", column("١٬٢٣٤٫٥", "٧٫٢٥"), "", named("1234.5", "7.25")),
    Case("labels in Arabic, one of them twice", raw("الولاية;المبلغ;المبلغ\nتونس;1;2\n"), "double-label", [["تونس", "1", "2"]]),
    # -- numbers and dates
    Case("“1 234,567”", column("1 234,567", "89,1"), "", named("1234.567", "89.1")),
    Case("“(1.234)” beside “1.234,5”", column("(1.234)", "1.234,5"), "", named("-1234", "1234.5")),
    Case("“1.234” alone", column("1.234", "5.678"), "ambiguous-separator", named("1.234", "5.678")),
    Case("“1,5” and “1.5” in one column", column("1,5", "1.5"), "mixed-separators", named("1,5", "1.5")),
    Case("“12,5 %”", column("12,5 %", "7 %"), "percent", named("12.5", "7")),
    Case("percentages and plain numbers", column("12 %", "5"), "mixed-units", named("12 %", "5")),
    Case("codes with leading zeros", column("05", "10"), "leading-zeros", named("05", "10")),
    Case("days and months in both orders", column("31/01/2018", "01/31/2018"), "ambiguous-date", named("31/01/2018", "01/31/2018")),
    Case("31 February", column("31/02/2018", "01/02/2018"), "mixed-values", named("31/02/2018", "01/02/2018")),
    Case("serial numbers in a column of dates", column("43131", "43132", label="Date"), "serial-dates", named("2018-01-31", "2018-02-01")),
    Case(
        "dates of a workbook that counts from 1904",
        lambda path: workbook(path, {"A": [["Nom", "Jour"], ["n0", dt.date(2018, 1, 31)], ["n1", dt.date(2018, 2, 1)]]}, mac=True),
        "",
        named("2018-01-31", "2018-02-01"),
    ),
    Case(
        "one note among a hundred numbers",
        column(*(str(n) for n in range(99)), "voir note"),
        "rejected-value",
        named(*(str(n) for n in range(99))),
    ),
    Case("“4.00E+07”", column("4.00E+07", "1,95E+07"), "exponents", named("40000000", "19500000")),
    Case("“1.56E+11” in a column of codes", column("1.56E+11", "74712382220", label="Code"), "exponents", named("1.56E+11", "74712382220")),
    Case("“£-1,300.50”, “(£5.00)” and “-£2.00”", column("£-1,300.50", "(£5.00)", "-£2.00"), "", named("-1300.50", "-5.00", "-2.00")),
    Case("“$ -”, “$(500.25)” and “(34 567) $”", column("$ -", "$(500.25)", "(34 567) $"), "missing-marks", named("", "-500.25", "-34567")),
    Case("lakhs and crores: “12,34,567.50”", column("12,34,567.50", "1,00,00,000.00"), "", named("1234567.50", "10000000.00")),
    Case("a minus behind: “1.234,56-”", column("1.234,56-", "7,00"), "", named("-1234.56", "7.00")),
    Case("two units in one number: “$5 DT”", column("$5 DT", "$6"), "mixed-values", named("$5 DT", "$6")),
    Case("“1,728” between commas", raw('Nom,a\nx,"1,728"\ny,776\n'), "separator-inferred", [["x", "1728"], ["y", "776"]]),
    Case("“1,728” beside “2,5”", raw("Nom;a;b\nx;1,728;2,5\ny;1,5;3\n"), "", [["x", "1.728", "2.5"], ["y", "1.5", "3"]]),
    Case(
        "“7,946” beside “1,558,105”",
        raw("N;a;b\nx;7,946;1,558,105\ny;5;2\n"),
        "separator-inferred",
        [["x", "7946", "1558105"], ["y", "5", "2"]],
    ),
    Case("“2A” in a column of codes", raw("Dep;n\n75;1\n2A;2\n"), "leading-zeros", [["75", "1"], ["2A", "2"]]),
    Case("years with two digits", column("31/03/15", "30/06/98", label="Date"), "short-years", named("2015-03-31", "1998-06-30")),
    Case("“31-mars-15” and “1er juin 2016”", column("31-mars-15", "1er juin 2016"), "short-years", named("2015-03-31", "2016-06-01")),
    Case("“1/2/15” without a word of dates", column("1/2/15", "3/4/15"), "", named("1/2/15", "3/4/15")),
    # -- shapes
    Case("a header of two rows", raw("Code;2018;\n;Prévu;Payé\na;1;2\nb;3;4\n"), "joined-header", [["a", "1", "2"], ["b", "3", "4"]]),
    Case(
        "merged cells in the header",
        lambda path: workbook(
            path, {"A": [["Nom", "Montant", None], [None, "Prévu", "Payé"], ["a", 1, 2], ["b", 3, 4]]}, merge={"A": ["A1:A2", "B1:C1"]}
        ),
        "joined-header",
        [["a", "1", "2"], ["b", "3", "4"]],
    ),
    Case("300 empty columns", raw(text_of([[*row, *[""] * 300] for row in LINES])), "", RIGHT),
    Case("no header", raw("1;Tunis;15,5\n2;Sfax;11,2\n"), "no-header", [["1", "Tunis", "15.5"], ["2", "Sfax", "11.2"]]),
    Case("a changing number of columns", raw("a;b\n1;2\n3;4;5\n6;7\n8;9\n"), "more-cells", [["1", "2"], ["6", "7"], ["8", "9"]]),
    Case("pages with their header again", raw("Nom;n\nx;1\ny;2\nNom;n\nz;3\n"), "repeated-header", [["x", "1"], ["y", "2"], ["z", "3"]]),
    Case("two tables, one below the other", raw("Nom;n\nx;1\n;\nProduit;Prix\nHuile;3\n"), "two-tables"),
    Case("several sheets", lambda path: workbook(path, {"A": LINES, "B": [["x", "y"], [1, 2]]}), "other-sheets", RIGHT),
    Case("16,384 columns", lambda path: workbook(path, {"A": [[f"c{n}" for n in range(16_384)], [1] * 16_384]}), "too-many-columns"),
    Case("a cell in the last corner of a sheet", far_corner, "too-many-cells"),
    Case("a print layout whose numbers have commas and grow to the left", raw(printed(), "cp1252"), "fixed-width", PRINTED),
    Case("a print layout without anything between its numbers", raw("Health 300,708 310,547\nRoads 1,987,721 1,888,948\n"), "no-columns"),
    Case("lines drawn around a table", raw("+--+--+\n| Nom | n |\n+--+--+\n| x | 1 |\n| y | 2 |\n+--+--+\n"), "", [["x", "1"], ["y", "2"]]),
    Case('codes kept as text by ="…"', raw('Code,n\n="05",1\n="10",2\n'), "leading-zeros", [["05", "1"], ["10", "2"]]),
    Case("codes kept as text by an apostrophe", raw("Code;n\n'05;1\n'10;2\n"), "leading-zeros", [["05", "1"], ["10", "2"]]),
    Case(
        "groups of columns beside a column of its own",
        raw("Nom;Prévu;;Payé;;\n;2014;2015;2014;2015;Note\nx;1;2;3;4;a\ny;1;2;3;4;b\n"),
        "joined-header",
        [["x", "1", "2", "3", "4", "a"], ["y", "1", "2", "3", "4", "b"]],
    ),
    Case(
        "“Total Voirie” where the other labels are empty",
        raw("Service;Nature;n\nVoirie;Achats;5\nTotal Voirie;;5\nx;Total Gaz SA;7\nVoirie Total;;5\n"),
        "total-rows",
        [["Voirie", "Achats", "5"], ["Total Voirie", "", "5"], ["x", "Total Gaz SA", "7"], ["Voirie Total", "", "5"]],
    ),
    Case("a report printed into cells, with a header in two languages", raw(text_of(REPORT)), "printed-report", REPORTED),
    # -- workbooks
    Case("binary workbook (.xlsb)", lambda path: xlsb(path, [["Région", "Montant"], ["Béja", 1234.5], ["Gabès", 7.25]]), "", RIGHT),
    Case(
        "binary workbook with an error in a cell",
        lambda path: xlsb(path, [["Région", "Montant"], ["Béja", 1234.5], ["Gabès", 7.25], ["Sfax", "#N/A"]]),
        "cell-error",
        [*RIGHT, ["Sfax", ""]],
    ),
    Case("legacy .xls", lambda path: xls(path, [["Région", "Montant"], ["Béja", 1234.5], ["Gabès", 7.25]]), "", RIGHT),
    Case("Excel 95, Windows-1252", lambda path: xls95(path, [["Région", "Montant"], ["Béja", 1234.5], ["Gabès", 7.25]]), "", RIGHT),
    Case(
        "Excel 95, Mac Roman",
        lambda path: xls95(path, [["Région", "Montant"], ["Béja", 1234.5], ["Gabès", 7.25]], 10000, "mac_roman"),
        "",
        RIGHT,
    ),
    Case(
        "Excel 95, Arabic",
        lambda path: xls95(path, [["الولاية", "n"], ["باجة", 1.5], ["قابس", 2.0]], 1256, "cp1256"),
        "",
        [["باجة", "1.5"], ["قابس", "2"]],
    ),
    Case("Excel 95 without a known code page", lambda path: xls95(path, [["Région", "n"], ["Béja", 1.5]], 0), "damaged"),
    Case(
        "“Total Culture” where the code is empty, and a company of that name",
        raw("Nom;Chap;n\nCulture;60;5\nx;61;6\nTotal Culture;;11\nTotal Tunisie SA;;7\ny;62;1\nz;63;1\n"),
        "total-rows",
        [
            ["Culture", "60", "5"],
            ["x", "61", "6"],
            ["Total Culture", "", "11"],
            ["Total Tunisie SA", "", "7"],
            ["y", "62", "1"],
            ["z", "63", "1"],
        ],
    ),
    Case("ODS", lambda path: ods(path, [["Région", "Montant"], ["Béja", 1234.5], ["Gabès", 7.25]]), "", RIGHT),
    Case("a workbook with a password", encrypted, "encrypted"),
    Case("a workbook with macros", lambda path: patched(workbook(path, {"A": LINES}), {"xl/vbaProject.bin": b"\0"}), "macros", RIGHT),
    Case(
        "formulas without values",
        lambda path: workbook(path, {"A": [["a", "b"], [1, "=A2"], [2, "=A3"]]}),
        "formula-without-value",
        [["1", ""], ["2", ""]],
    ),
    Case("errors in cells", lambda path: workbook(path, {"A": [["a", "b"], [1, "#N/A"], [2, 5]]}), "cell-error", [["1", ""], ["2", "5"]]),
    Case("a damaged workbook", raw(b"PK\x03\x04 cut off"), "damaged"),
    # -- markup
    Case(
        "lines broken inside of a cell of HTML",
        raw("<table><tr><th>Nom<th>Montant<br>payé<tr><td>Béja<br/>ville<td>5<tr><td>Gabès<td>7</table>"),
        "",
        [["Béja ville", "5"], ["Gabès", "7"]],
    ),
    Case(
        "HTML saved as .xls",
        raw("<table><tr><th>Région<th>Montant<tr><td>Béja<td>1 234,5<tr><td>Gabès<td>7,25</table>"),
        "declared-format",
        RIGHT,
        "XLS",
    ),
    Case("an error page saved as .xls", raw("<html><title>404 Not Found</title><h1>Not Found</h1></html>"), "web-page", None, "XLS"),
    Case("XML with entities", raw('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a><b><c>&x;</c></b></a>'), "entity"),
    # -- hostile
    Case("NUL characters", raw(b"Nom;n\nx\x00;1\ny;2\n" + b"z;3\n" * 40), "nul-bytes", [["x", "1"], ["y", "2"], *[["z", "3"]] * 40]),
    Case("a quotation mark that never closes", raw('Nom;n\nx;1\n"y;2\n' + "z;3\n" * 3000), "quote-never-closed"),
    Case("a line of six megabytes", raw(b"x" * 6_000_000), "line-too-long"),
    Case("a file of 1 GB", big, "too-large"),
    Case("a ZIP bomb", zipped(a__csv=b"0" * 20_000_000), "zip-bomb"),
    Case("a ZIP in a ZIP", lambda path: zipped(a__zip=inner_zip(path))(path), "nested-archive"),
    Case("a ZIP with one CSV", zipped(a__csv=PLAIN.encode()), "", RIGHT),
    Case("an empty file", raw(b""), "empty-file"),
    Case("a header and nothing else", raw("a;b;c\n"), "no-table"),
]


def answer(path: Path, case: Case) -> tuple[list[list[str]] | None, list[Finding]]:
    try:
        with open_table(path, filename=f"{path.name}", declared_format=case.declared) as reading:
            table = TypedTable.infer(reading)
            rows = [["" if value is None else str(value) for value in row.values] for row in table.rows()]
            return rows, table.findings()
    except TableError as error:
        return None, [error.finding]


def described(app: CKANTestApp, case: Case, rows: list[list[str]] | None, found: Finding | None) -> str:
    outcome = "refused" if rows is None else "read"
    if found is None:
        return f"| {case.name} | {outcome} | | | | | |"
    messages = []
    where = ""
    for language in ("ar", "fr", "en"):
        with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": language}):
            messages.append(found.message)
            where = found.place
    cells = [case.name, outcome, where, *messages, f"`{found.slug}`"]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def test_odd_files(tmp_path: Path, app: CKANTestApp) -> None:
    lines, wrong = [], []
    for number, case in enumerate(CASES):
        path = tmp_path / f"{number}"
        case.make(path)
        rows, findings = answer(path, case)
        said = {one.slug: one for one in findings}
        if rows != (None if case.rows is None else [list(row) for row in case.rows]):
            wrong.append((case.name, rows))
        if case.slug not in said if case.slug else any(one.severity != "note" for one in findings):
            wrong.append((case.name, sorted(said)))
        lines.append(described(app, case, rows, said.get(case.slug)))
    assert not wrong
    text = (
        "# What odd files get\n\n"
        "Every file was made by a test and read as the worker reads a published one: either its rows came out right, and what is odd\n"
        "about it is said, or it was refused, with the place and the reason. Numbers and names are invented. The page is made by the test\n"
        "that asserts it; an answer that changes fails it (`OGPTN_WRITE_BAD_INPUT=1` writes the page anew).\n\n"
        "| file | outcome | place | العربية | Français | English | rule |\n|---|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )
    if os.environ.get("OGPTN_WRITE_BAD_INPUT"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text
