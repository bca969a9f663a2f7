"""Small samples of Tunisia's own sources: what `source_server` says at their addresses.

Titles, notes, addresses, headings and quirks are those of the sources (facts, each with where it was read). All numbers in the tables are
invented, and every title, every note and every row says so.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from openpyxl import Workbook

SYNTHETIC = {"fr": "données synthétiques", "ar": "بيانات اصطناعية", "en": "synthetic data"}
#: In a column of its own in every table.
MARK = " – ".join(SYNTHETIC.values())
MARK_COLUMN = "donnees_synthetiques"

# ------------------------------------------------------------------------------------------------------------------ Mizaniatouna
#: Headings of the BOOST workbook: codes of the World Bank's extraction (dime-worldbank/mega-boost, Tunisia), Arabic in parentheses.
BOOST_HEADER = (
    "YEAR (السنة)", "ADMIN1 (الوزارة)", "ADMIN2 (الهيكل)", "ECON1 (العنوان)", "Econ2 (القسم)", "PROG (البرنامج)", "GEO1 (الولاية)",
    "OUVERT (الاعتمادات المفتوحة)", "ORDONNANCE (الاعتمادات المأمور بصرفها)", "PAYE (الاعتمادات المدفوعة)", None, None,
    f"{MARK_COLUMN} ({SYNTHETIC['ar']})",
)  # fmt: skip
BOOST_YEARS = range(2017, 2023)
_MINISTRIES = (
    ("06", "Ministère de l’Intérieur", "وزارة الداخلية"),
    ("21", "Ministère de l’Agriculture", "وزارة الفلاحة"),
    ("25", "Ministère de l’Équipement", "وزارة التجهيز"),
    ("32", "Ministère de l’Éducation", "وزارة التربية"),
    ("34", "Ministère de la Santé", "وزارة الصحة"),
)
_PARTS = (
    ("Titre 1 Dépenses de gestion", "العنوان 1 نفقات التصرف", "01 Rémunérations publiques", "01 التأجير العمومي"),
    ("Titre 1 Dépenses de gestion", "العنوان 1 نفقات التصرف", "02 Moyens des services", "02 وسائل المصالح"),
    ("Titre 2 Dépenses de développement", "العنوان 2 نفقات التنمية", "06 Investissements directs", "06 الاستثمارات المباشرة"),
)
_PLACES = (
    ("11 Tunis", "11 تونس"),
    ("23 Bizerte", "23 بنزرت"),
    ("31 Béja", "31 باجة"),
    ("42 Kasserine", "42 القصرين"),
    ("61 Sfax", "61 صفاقس"),
    ("82 Medenine", "82 مدنين"),
    ("00 Projets non distribués", "00 مشاريع غير موزعة"),
)


def boost_rows(years: Sequence[int] = BOOST_YEARS) -> Iterator[list[Any]]:
    """Rows of a BOOST table; amounts are exact, in dinars with millimes. Labels are in French until 2019 and in Arabic from 2020."""
    for year in years:
        chance = random.Random(year)  # noqa: S311 - invented numbers that are the same every time
        arabic = int(year >= 2020)
        for code, *ministry in _MINISTRIES:
            for title, title_ar, part, part_ar in _PARTS:
                for place in _PLACES:
                    opened = Decimal(chance.randrange(10_000_000, 9_000_000_000)) / 1000
                    ordered = (opened * chance.randrange(70, 100) / 100).quantize(Decimal("0.001"))
                    paid = (ordered * chance.randrange(90, 101) / 100).quantize(Decimal("0.001"))
                    prog = ("1 Pilotage et appui" if not arabic else "1 القيادة والمساندة") if year > 2015 else None
                    yield [
                        year, f"{code} {ministry[arabic]}", f"{code}01 {('Administration centrale', 'الإدارة المركزية')[arabic]}",
                        (title, title_ar)[arabic], (part, part_ar)[arabic], prog, place[arabic], opened, ordered, paid, None, None, MARK,
                    ]  # fmt: skip
        paid_abroad = Decimal(chance.randrange(10**11, 10**12)) / 1000
        label = ("05 Intérêts de la dette", "05 فوائد الدين")[arabic]
        for place in (("99 Intérêts à l’extérieur", "99 فوائد بالخارج")[arabic], "لا ينطبق"):
            yield [year, "90 Dette publique", "9001 Dette publique", "Titre 1 Dépenses de gestion", label, None, place,
                   paid_abroad, paid_abroad, paid_abroad, None, None, MARK]  # fmt: skip
        # Empty rows stand between the years.
        yield [None] * len(BOOST_HEADER)


def workbook(sheets: dict[str, Iterator[Sequence[object]] | Sequence[Sequence[object]]]) -> bytes:
    """An XLSX file; exact amounts are written as a spreadsheet program does, as the shortest number that is the same double."""
    book = Workbook(write_only=True)
    book.properties.created = book.properties.modified = dt.datetime(2023, 1, 1)  # noqa: DTZ001 - the file's own, without a zone
    book.properties.creator = MARK
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([float(cell) if isinstance(cell, Decimal) else cell for cell in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@functools.cache
def boost_workbook() -> bytes:
    """As ``http://www.mizaniatouna.gov.tn/tunisia/template_fr/boost_fr.xlsx`` is shaped: sheet ``Sheet1``, header on row 1."""
    return workbook({"Sheet1": [BOOST_HEADER, *boost_rows()]})
