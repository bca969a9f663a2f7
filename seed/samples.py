"""Small samples of Tunisia's own sources: what `source_server` says at their addresses.

Titles, notes, addresses, headings and quirks are those of the sources (facts, each with where it was read). All numbers in the tables are
invented, and every title, every note and every row says so.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import io
import random
import re
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from openpyxl import Workbook

SYNTHETIC = {"fr": "données synthétiques", "ar": "بيانات اصطناعية", "en": "synthetic data"}
#: The keyword by which the home page counts what is invented (``keywords.yaml``, ``demo``).
KEYWORD = "synthetic demonstration data"
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
    return _without_clock(file)


def _without_clock(made: io.BytesIO) -> bytes:
    """The same package with the same times whenever it is made, so that a sample that did not change does not look changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2023-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name, (2023, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


@functools.cache
def boost_workbook() -> bytes:
    """As ``http://www.mizaniatouna.gov.tn/tunisia/template_fr/boost_fr.xlsx`` is shaped: sheet ``Sheet1``, header on row 1."""
    return workbook({"Sheet1": [BOOST_HEADER, *boost_rows()]})


# ---------------------------------------------------------------------------------------------- the industry, energy and mines portal
_OTL = "otl-data.industrie.gov.tn"
_MINISTRY = "Ministère de l'Industrie, de l’Energie, des Mines"
WARNING = {
    "fr": "Données synthétiques de démonstration : les chiffres des fichiers sont inventés et les documents ne sont pas les vrais.",
    "ar": "بيانات اصطناعية للعرض: أرقام الملفات مختلقة والوثائق ليست الأصلية.",
}
#: Titles, notes, tags, names and files as the portal has them, typing errors and contradictions included (national catalogue, 2025-03-11;
#: the last one is invented, for a contract of the sample): slug, title, notes, owner, tags, ``[(name, declared format, file)]``.
_INDUSTRIE: tuple[tuple[str, str, str, str, tuple[str, ...], tuple[tuple[str, str, str], ...]], ...] = (
    (
        "production-petroliere-mensuelle-par-champs", "TN - Production pétrolière mensuelle par champs",
        "Production pétrolière mensuelle par champs (En kt) depuis Janvier 2010", _MINISTRY, ("Production", "champs", "pétrolière"),
        (
            ("TN-Production pétrolière mensuelle par champs", "XLS", "opendataproductionmensuelledepetroleparchamps.xlsx"),
            ("Production pétrolière mensuelle par champs", "CSV", "opendataproductionmensuelledepetroleparchamps.csv"),
        ),
    ),
    (
        "export-mensuel-petrole-brut", "TN - Exportation mensuelle du pétrole brut",
        "Exportation mensuelle du pétrole brut en Tunisie (part etat/ETAP+ Part des partenaires)", _MINISTRY,
        ("Exportation", "pétrole brut"),
        (
            ("TN - Exportation mensuelle du pétrole brut", "XLS", "exportationmensuelledupetrolebrut.xlsx"),
            ("Exportation mensuelle du pétrole brut en Tunisie", "CSV", "exportationmensuelledupetrolebrut.csv"),
        ),
    ),
    (
        "concessions-d-exploitation-d-hydrocarbures-en-tunisie", "TN-Concessions d’exploitation d’hydrocarbures En Tunisie",
        "Liste des Concessions d’exploitation d’hydrocarbures En Tunisie", _MINISTRY, ("Concessions", "exploitation", "hydrocarbures"),
        (
            ("Concessions d’exploitation d’hydrocarbures En Tunisie", "XLS", "situationdesconcessionsannee2019.xls"),
            ("TN-Concessions d’exploitation d’hydrocarbures En Tunisie", "PDF", "situationdesconcessionsannee2019.pdf"),
        ),
    ),
    (
        "rapport-r", "Le Rapport R (نسب الأتاوة والضريبة على الأرباح لإمتيازات إستغلال المحروقات)",
        "نسب الأتاوة والضريبة على الأرباح لإمتيازات إستغلال المحروقات", _MINISTRY, ("Rapport R",),
        (("نسب الأتاوة والضريبة على الأرباح لإمتيازات إستغلال المحروقات", "PDF", "rapportr.pdf"),),
    ),
    (
        "tn-prix-de-vente-des-produits-peroliers", "TN-Prix de vente des produits péroliers",
        ("Il s'agit des prix moyens pondérés annuels de vente des produit pétroliers suivants : Essence sans plomb, Essence Super, Gasoil "
        "ordinaire, Gasoil 50,Pétrole lampant domestique, GPL domestique. les prix sont exprimés en millimes par litre pour les 5 premiers "
        "produits et en Dinars par bouteille pour le GPL domestique."), _MINISTRY, (),
        (
            ("Prix de vente des produits pétroliers", "XLS", "prixdeventedesproduitspetroliers.xls"),
            ("Prix de vente des produits pétroliers", "CSV", "prixdeventedesproduitspetroliers.csv"),
        ),
    ),
    (
        "tn-convention-zarat", "TN-Convention Zarat", 'La convention régissant le permis "ZARAT" duquel est issue la concession "Didon".',
        _MINISTRY, ("contrat pétrolier", "convention particulière", "didon", "zarat"),
        (
            ("Convention Zarat", "PDF", "conventionzarat.pdf"),
            ("Avenant n°1 au convention Zarat", "PDF", "avenantn1conventionzarat.pdf"),
            ("Avenant n°5 au convention Zarat", "PDF", "avenantn5conventionzaratenreg12.03.2013.pdf"),
            ("Contrat d'association ZARAT", "PDF", "contratzarat.pdf"),
        ),
    ),
    (
        "tn-production-du-phosphate-depuis-1900", "TN-PRODUCTION ANNUELLE DU PHOSPHATE DEPUIS 1900 (million de tonnes)",
        "la production annuelle du phosphate de l'année 1900 jusqu'à 2016 en million de tonnes.", _MINISTRY, (),
        (
            ("Production du Phosphate depuis 1900", "XLS", "prodphosphate1900.xls"),
            ("Production annuelle du Phosphate depuis 1900", "CSV", "prodphosphate1900.csv"),
        ),
    ),
    (
        "la-production-mensuelle-du-phosphate-en-mille-tonne", "TN-PRODUCTION PHOSPHATE MENSUELLE (Tonne)",
        "la production mensuelle du phosphate en Tonne", _MINISTRY, ("mensuelle", "phosphate", "production"),
        (
            ("la production mensuelle du phosphate en Tonne", "XLS", "laproductionmensuelleduphosphate.xls"),
            ("TN-PRODUCTION PHOSPHATE MENSUELLE (Tonne)", "CSV", "laproductionmensuelleduphosphate.csv"),
        ),
    ),
    (
        "tn-liste-permis-de-recherche-minier", "TN-LISTE PERMIS DE RECHERCHE MINIER", "liste permis de recherche minier", _MINISTRY,
        ("2017", "Permis de recherche", "minier"),
        (
            ("liste permis de recherche minier", "XLS", "listepermisderechercheminierjanvier2017.xls"),
            ("Listes de permis de recherche minier (Pdf)", "PDF", "listepermisderechercheminierjanvier2017pdf.pdf"),
            ("TN-LISTE PERMIS DE RECHERCHE MINIER", "CSV", "listepermisderechercheminierjanvier2017.csv"),
        ),
    ),
    (
        "tn-revenus-de-l-etap-au-titre-de-l-exercice-2013-2014", "TN-Revenus de l’ETAP au titre de l’exercice 2013-2014",
        "Revenus de l’ETAP au titre de l’exercice 2013-2014", "Entreprise Tunisienne d'Activités Pétrolières", (),
        (("TN-Revenus de l’ETAP au titre de l’exercice 2013-2014", "XLS", "revenusdeetap.xlsx"),),
    ),
    (
        "textile-evolution-du-nombre-des-entreprises-et-emplois", "TN-Textile : Evolution du nombre des entreprises et emplois",
        "Evolution du nombre des entreprises et emplois dans le secteur de textile -2011-2015)", _MINISTRY, ("textile",),
        (("TN- Textile : Evolution du nombre des entreprises et emplois", "XLS", "evolutiondunombredesentreprisesetemplois.xlsx"),),
    ),
    (
        "convention-permis-essai-0", "Convention Permis Essai 0", 'La convention régissant le permis "Essai 0", inventé.', _MINISTRY,
        ("contrat pétrolier", "convention particulière"), (("Convention Permis Essai 0", "PDF", "conventionpermisessai0.pdf"),),
    ),
)  # fmt: skip


def _id(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("https://catalog.industrie.example", *parts))))


def industrie(base: str) -> list[dict[str, Any]]:
    """Datasets of the portal, as its action API shows them.

    :param base: address of the portal
    """
    found = []
    for number, (name, title, notes, owner, tags, files) in enumerate(_INDUSTRIE):
        dataset_id = _id(name)
        resources = []
        for place, (file_title, format_, file) in enumerate(files):
            resource_id = _id(name, file)
            resources.append(
                {
                    "id": resource_id,
                    "url": f"{base}/dataset/{dataset_id}/resource/{resource_id}/download/{file}",
                    "name": f"{file_title} – {SYNTHETIC['fr']}",
                    "description": WARNING["fr"],
                    "format": format_,
                    "position": place,
                }
            )
        found.append(
            {
                "id": dataset_id,
                "name": name,
                "title": f"{title} – {SYNTHETIC['fr']}",
                "notes": f"{notes}\n\n{WARNING['fr']} {WARNING['ar']}",
                "type": "dataset",
                "state": "active",
                "private": False,
                "license_id": _OTL,
                "license_title": _OTL,
                "metadata_created": f"2017-01-01T00:00:{number:02}.000000",
                "metadata_modified": "2025-03-11T10:00:00.000000",
                "organization": {"id": _id(owner), "name": "industrie", "title": owner, "is_organization": True},
                "groups": [],
                "tags": [{"name": tag} for tag in (*tags, KEYWORD)],
                "extras": [{"key": "spatial_geoName", "value": "كامل تراب الجمهورية"}],
                "resources": resources,
            }
        )
    return found


_FIELDS = ("Ashtart", "El Borma", "Nawara", "Miskar", "Hasdrubal", "Sabria")


def _months(first: int, last: int) -> list[dt.date]:
    return [dt.date(year, month, 1) for year in range(first, last + 1) for month in range(1, 13)]


def _tonnes(chance: random.Random, most: int) -> Decimal:
    return Decimal(chance.randrange(most)) / 1000


def _rows_of(file: str) -> list[list[object]]:
    """A table of the portal: a title, an empty row, the header, rows, a total; ``-`` where there was none. The numbers are invented."""
    stem = file.rsplit(".", 1)[0]
    chance = random.Random(stem)  # noqa: S311 - invented numbers that are the same every time
    mark = (SYNTHETIC["fr"],)
    if "petroleparchamps" in stem:
        body = [
            [month, *(_tonnes(chance, 60_000) if chance.random() > 0.05 else "-" for _field in _FIELDS)] for month in _months(2018, 2020)
        ]
        return _with_total("Production pétrolière mensuelle par champs (En kt)", ["Date", *_FIELDS], body)
    if "petrolebrut" in stem:
        body = [[month, month.year, _tonnes(chance, 250_000)] for month in _months(2018, 2020)]
        return _with_total("Exportation mensuelle du pétrole brut", ["Date", "Year", "Exportation Pétrole brut en kt"], body)
    if "prixdevente" in stem:
        products = ["Essence sans plomb", "Essence Super", "Gasoil ordinaire", "Gasoil 50", "Pétrole lampant domestique", "GPL domestique"]
        body = [[year, *(Decimal(chance.randrange(20_000, 200_000)) / 100 for _product in products)] for year in range(1990, 2017)]
        # A fault of the real file: a year that repeats the one before.
        body[11] = [2001, *body[10][1:]]
        return [["Année", *products, MARK_COLUMN], *([*row, *mark] for row in body)]
    if "prodphosphate" in stem:
        body = [[year, _tonnes(chance, 9_000)] for year in range(1900, 2017)]
        return [["Année", "Production (million de tonnes)", MARK_COLUMN], *([*row, *mark] for row in body)]
    if "duphosphate" in stem:
        body = [[month, chance.randrange(100_000, 800_000)] for month in _months(2014, 2016)]
        return _with_total("PRODUCTION PHOSPHATE MENSUELLE (Tonne)", ["Mois", "Production"], body)
    if "concessions" in stem or "permis" in stem:
        kind = "Concession" if "concessions" in stem else "Permis"
        body = [
            [f"{kind} Essai {number}", "Société d’essai (inventée)", dt.date(2000 + number, 1, 15), chance.randrange(40, 900)]
            for number in range(1, 13)
        ]
        return [[kind, "Titulaire", "Date d’octroi", "Superficie (km²)", MARK_COLUMN], *([*row, *mark] for row in body)]
    if "etap" in stem:
        body = [[label, chance.randrange(10**8, 10**9), chance.randrange(10**8, 10**9)] for label in ("Ventes locales", "Exportations")]
        return _with_total("Revenus de l’ETAP (en dinars)", ["Rubrique", "2013", "2014"], body)
    body = [[year, chance.randrange(1_500, 2_000), chance.randrange(150_000, 200_000)] for year in range(2011, 2016)]
    return [["Année", "Entreprises", "Emplois", MARK_COLUMN], *([*row, *mark] for row in body)]


def _with_total(title: str, header: list[str], body: list[list[Any]]) -> list[list[object]]:
    numbers = range(next(place for place, cell in enumerate(body[0]) if isinstance(cell, (Decimal, int))), len(header))
    total = [sum((row[place] for row in body if row[place] != "-"), Decimal(0)) for place in numbers]
    blanks: list[object] = [None] * (numbers[0] - 1)
    return [
        [f"{title} – {MARK}"],
        [],
        [*header, MARK_COLUMN],
        *([*row, SYNTHETIC["fr"]] for row in body),
        ["Total", *blanks, *total, SYNTHETIC["fr"]],
    ]


def _as_csv(rows: list[list[object]]) -> bytes:
    """As Excel in French writes it: semicolons, decimal commas, days first, Windows-1252."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    for row in rows:
        cells = (cell.strftime("%d/%m/%Y") if isinstance(cell, dt.date) else cell for cell in row)
        writer.writerow([str(cell).replace(".", ",") if isinstance(cell, Decimal) else cell for cell in cells])
    return file.getvalue().replace(SYNTHETIC["ar"], "").encode("cp1252", "replace")


@functools.cache
def industrie_file(name: str) -> tuple[bytes, str] | None:
    """A file of the portal and its media type; None if it has no such file. ``.xls`` files are CSV inside, as some of the real ones."""
    if not any(file == name for *_rest, files in _INDUSTRIE for _title, _format, file in files):
        return None
    ending = name.rsplit(".", 1)[-1]
    if ending == "pdf":
        return _PDF, "application/pdf"
    if ending == "xlsx":
        return workbook({"Feuil1": _rows_of(name)}), _XLSX
    return _as_csv(_rows_of(name)), "application/vnd.ms-excel" if ending == "xls" else "text/csv"


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 75>>stream\nBT /F1 18 Tf 60 760 Td (Echantillon : ce n'est pas le vrai document.) Tj ET\nendstream endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)

# ------------------------------------------------------------------------------------------------------------- the list of workbooks
#: Mizaniatouna states nowhere in which unit its amounts are; this list is the sample's own, and so is the unit.
BOOST_LIST = f"""# {MARK}
- identifier: boost
  url: tunisia/template_fr/boost_fr.xlsx
  years: {BOOST_YEARS[0]}-{BOOST_YEARS[-1]}
  title_fr: Dépenses du budget de l’État, exercice {{year}} (BOOST) – {SYNTHETIC["fr"]}
  title_ar: نفقات ميزانية الدولة، السنة المالية {{year}} (BOOST) – {SYNTHETIC["ar"]}
  title_en: State budget expenditure, fiscal year {{year}} (BOOST) – {SYNTHETIC["en"]}
  description_fr: {WARNING["fr"].replace(" : ", ", ")}
  description_ar: {WARNING["ar"].replace(": ", "، ")}
  keywords_en: {KEYWORD}
  unit: dinars
  unit_source: Choix de l’échantillon – {SYNTHETIC["fr"]}
  document: execution
  licence: LNDPO-TN
  publisher_fr: Ministère des Finances
  publisher_ar: وزارة المالية
"""


# ----------------------------------------------------------------------------------------------------------------- municipal budgets
#: Headings: title, article, paragraph, sub-paragraph, label in Arabic. Their order and depth are those of ADEB's files.
_HEADINGS = {
    "revenue": (
        (1, 11, 1, 0, "المعلوم على العقارات المبنية"), (1, 11, 2, 0, "المعلوم على الأراضي غير المبنية"),
        (1, 31, 1, 1, "مداخيل لزمة الأسواق"), (2, 70, 1, 0, "منح التجهيز"), (2, 80, 1, 0, "موارد الاقتراض"),
    ),
    "expenditure": (
        (1, 1, 101, 1, "الأجر الأساسي"), (1, 2, 201, 3, "استهلاك الكهرباء والغاز"), (1, 2, 202, 0, "الوقود"),
        (2, 6, 603, 1, "تعبيد الطرقات"), (2, 6, 610, 2, "التنوير العمومي"),
    ),
}  # fmt: skip
_XML_NAMES = {
    "revenue": ("REC_TITRES", "REC_ARTICL", "REC_PARAGR", "REC_SPARAG", "LIBPAR", "LRC_MNTAC1", "NET_REALISE"),
    "expenditure": ("TIT_TITRES", "ART_ARTICL", "PAR_PARAGR", "SPA_SPARAG", "LIBSPA", "LAR_MNTAC2", "CONPAY"),
}
#: Months as Tunisia calls them; what is paid after the year's end on its account is "supplementary".
MONTHS = ("جانفي", "فيفري", "مارس", "أفريل", "ماي", "جوان", "جويلية", "أوت", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر", "اضافي")


def adeb_amount(direction: str, year: int, place: int, number: int = 1, month: int = 0) -> int:
    """An invented amount in millimes, the same every time."""
    return random.Random(f"{direction} {year} {place} {number} {month}").randrange(10**6, 10**10)  # noqa: S311


def adeb_xml(
    direction: str, year: int, *, number: int = 1, amends: bool = False, monthly: bool = False, code: str = "34013", root: str = ""
) -> bytes:
    """An export of ADEB for municipalities: the year's budget, an amendment, or months; Windows-1256.

    :param root: of the XML; that of the monthly export is in no public source, and ``AREPEXEMUN`` is invented
    """
    *levels, label, voted, executed = _XML_NAMES[direction]
    line = "G_REC_TITRES" if amends and direction == "revenue" else "G_TIT_TITRES" if amends else "LIGNE"
    lines = []
    for place, heading in enumerate(_HEADINGS[direction]):
        cells = "".join(f"<{name}>{value}</{name}>" for name, value in zip(levels, heading[:4], strict=True))
        cells += f"<{label}>{heading[4]} - {SYNTHETIC['ar']}</{label}>"
        if not monthly:
            lines.append(f"<{line}>{cells}<{voted}>{adeb_amount(direction, year, place, number)}</{voted}></{line}>")
            continue
        for month, name in enumerate(MONTHS[:12] if direction == "revenue" else MONTHS, 1):
            when = f"<CF_DATE>{year}/{month:02}</CF_DATE>" if direction == "revenue" else f"<CF_MOIS>{name} {year}</CF_MOIS>"
            lines.append(f"<{line}>{when}{cells}<{executed}>{adeb_amount(direction, year, place, 1, month)}</{executed}></{line}>")
    root = root or ("AREPMLFMUN" if amends else "AREPEXEMUN" if monthly else "AREPLFTMUN")
    whose = "MUN" if amends else "MUNICI"
    head = f"<{whose}>{code} بلدية تجريبية</{whose}><REF>{MARK}</REF>" + (
        "" if monthly else f"<GESTION>{year}</GESTION><NUM>{number}</NUM>"
    )
    text = f'<?xml version="1.0" encoding="WINDOWS-1256"?>\n<{root}>{head}<LIST_{line}>{"".join(lines)}</LIST_{line}></{root}>\n'
    return text.encode("cp1256", "xmlcharrefreplace")


def adeb_csv(direction: str, form: str, years: Sequence[int] = (2016, 2017, 2018)) -> str:
    """The CSV forms that openbaladiati.tn published.

    :param form: ``long`` (a line for each year), ``wide`` (a column for each year) or ``monthly``
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    head = ["Titre", "Article", "Paragraphe", "Sous_paragraphe", "Imputation"]
    of_form = {
        "long": ["Year", "Budget"],
        "wide": [str(year) for year in years],
        "monthly": [name for year in years for name in (f"Budget_{year}", *(f"Budget_{month:02}_{year}" for month in range(1, 13)))],
    }
    writer.writerow([*head, *of_form[form], MARK_COLUMN])
    for place, heading in enumerate(_HEADINGS[direction]):
        voted = {year: adeb_amount(direction, year, place) for year in years}
        if form == "long":
            for year in years:
                writer.writerow([*heading, year, voted[year], MARK])
            continue
        cells: list[int] = []
        for year in years:
            cells.append(voted[year])
            if form == "monthly":
                cells += [adeb_amount(direction, year, place, 1, month) for month in range(1, 13)]
        writer.writerow([*heading, *cells, MARK])
    return file.getvalue()


@functools.cache
def baladiati() -> dict[str, bytes]:
    """Files by their path below ``http://app.openbaladiati.tn/static/files/``, and ADEB's own exports beside them."""
    return {
        "recette_simple_34013.csv": adeb_csv("revenue", "long").encode(),
        "depense_per_year_34013.csv": adeb_csv("expenditure", "wide").encode(),
        "depense_per_year_34013.xls": adeb_csv("expenditure", "wide").encode(),
        "Depence_mensuelle_34013.csv": adeb_csv("expenditure", "monthly").encode(),
        "AREPLFTMUN_34013_2018_1.xml": adeb_xml("revenue", 2018),
        "AREPLFTMUN_D_34013_2018_1.xml": adeb_xml("expenditure", 2018),
        "AREPMLFMUN_34013_2018_2.xml": adeb_xml("revenue", 2018, number=2, amends=True),
        "REALISE_34013_2018.xml": adeb_xml("revenue", 2018, monthly=True),
        "PAYE_34013_2018.xml": adeb_xml("expenditure", 2018, monthly=True),
    }


# ---------------------------------------------------------------------------------------------------------------------- the server
def answer(path: str) -> tuple[int, bytes, str] | None:
    """What stands at an address of the portal of mines, of Mizaniatouna or of openbaladiati.tn.

    :param path: ``/industrie/…``, ``/mizaniatouna/…`` or ``/baladiati/…``
    :returns: status, content, media type; None for what is not a file
    """
    if path.startswith("/industrie/dataset/") and (found := industrie_file(path.rsplit("/", 1)[-1])):
        return 200, *found
    if path == "/mizaniatouna/tunisia/template_fr/boost_fr.xlsx":
        return 200, boost_workbook(), _XLSX
    if path == "/baladiati/static/files/":
        links = "".join(f'<li><a href="{name}">{name}</a></li>' for name in baladiati())
        return 200, f"<html><title>Index of /static/files/ – {MARK}</title><ul>{links}</ul></html>".encode(), "text/html; charset=utf-8"
    if path.startswith("/baladiati/static/files/") and (content := baladiati().get(path.rsplit("/", 1)[-1])) is not None:
        return 200, content, "application/vnd.ms-excel" if path.endswith(".xls") else "text/xml" if path.endswith(".xml") else "text/csv"
    if path == "/mizaniatouna/boost.yaml":
        return 200, BOOST_LIST.encode(), "text/yaml; charset=utf-8"
    return None
