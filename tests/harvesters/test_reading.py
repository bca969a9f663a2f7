"""Reading titles, descriptions and file names. Every text here is invented; the forms are those of the portal."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ogptn.harvesters.reading import companies, dates, titles, units  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.reading.record import Reading, read  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.reading.text import Text, fold, repaired, spelled, terms  # pyright: ignore[reportMissingImports]

ETAP = "Entreprise Tunisienne d’Activités Pétrolières"


def text(written: str, place: str = "notes") -> Text:
    return Text.of(place, written)


def record(title: str, notes: str = "", tags: tuple[str, ...] = (), files: tuple[tuple[str, str], ...] = (), **more: str) -> Reading:
    resources = [{"name": name, "file": file} for name, file in files]
    return read({"title": title, "notes": notes, "tags": list(tags), "resources": resources, **more})


# ---------------------------------------------------------------------------------------------------------------------------- text
def test_a_quotation_is_what_was_written() -> None:
    read_text = text("Les « Ventes » de l’œuvre PÉTROLIÉRE")
    at = read_text.plain.index("petroliere")
    assert read_text.quote(at, at + len("petroliere")) == "PÉTROLIÉRE"
    assert read_text.plain.startswith('les " ventes " de l\'oeuvre')


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("BÃ©ja, GabÃ¨s", "Béja, Gabès"),
        ("Béja, déjà repéré", "Béja, déjà repéré"),
        ("à l’Â", "à l’Â"),
        ("Ã la carte", "Ã la carte"),
    ],
)
def test_utf8_read_as_windows_1252_is_repaired_and_nothing_else(written: str, plain: str) -> None:
    assert repaired(written) == plain


@pytest.mark.parametrize(
    ("word", "meant"),
    [("peroliers", "petroliers"), ("hydrocarbuers", "hydrocarbures"), ("exporation", "exportation"), ("conventions", "conventions"),
     ("commission", "commission"), ("introduction", "introduction"), ("reduction", "reduction"), ("convection", "convention")],
)  # fmt: skip
def test_one_wrong_letter(word: str, meant: str) -> None:
    assert spelled(word) == meant


def test_folding_keeps_the_length() -> None:
    for written in ("Éàç ñ", "إنتاج الفسفاط", "ŒUVRE", "ﬁn İ ǅ", "ه‌ه"):
        assert len(fold(written)) == len(written)


# --------------------------------------------------------------------------------------------------------------------------- dates
@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("enreg19.02.2013", ["2013-02-19"]),
        ("en Octobre 1988", ["1988-10"]),
        ("conclu en 20 Juillet 2005", ["2005-07-20"]),
        ("le 1er mars 1999 et le 2 aout 2001", ["1999-03-01", "2001-08-02"]),
        ("05/04/2010", ["2010-04-05"]),
        ("2010-04-05", ["2010-04-05"]),
        ("31.02.2010", []),
        ("29.02.2012 et 29.02.2013", ["2012-02-29"]),
        ("بتاريخ 12 جويلية 2006", ["2006-07-12"]),
        ("في أكتوبر ١٩٨٨", ["1988-10"]),
        ("3 أوت 2011", ["2011-08-03"]),
        ("depuis 1900", ["1900"]),
        ("loi 2005-2234, 12345, 0.1998, 1998,5 tonnes", ["2005"]),
        ("12december1975", ["1975-12-12"]),
        ("JORT n° 35 du 13/13/2010", []),
    ],
)
def test_dates(written: str, found: list[str]) -> None:
    assert [date.iso for date in dates.dates(text(written))] == found


@pytest.mark.parametrize(
    ("written", "events"),
    [
        ("contrat conclu, en 07 Mars 2013, entre A et B.", {"signed_on": ["2013-03-07"]}),
        ("contrat conclu entre « A » et « B Inc. », en mai 1988. En 27 Mars 1989, les actions ont été cédées.", {"signed_on": ["1988-05"]}),
        ("signée le 3 juin 2004 et entrée en vigueur le 1er mai 2005", {"signed_on": ["2004-06-03"], "effective_on": ["2005-05-01"]}),
        ("permis accordé à A, expire le 31/12/2020", {"expires_on": ["2020-12-31"]}),
        ("contrat conclu entre A et B. Le 3 mars 2001 un autre événement", {}),
        ("convention signée, puis approuvée par la loi du 3 mars 2001", {}),
        ("اتفاقية مبرمة بتاريخ 12 جويلية 2006", {"signed_on": ["2006-07-12"]}),
    ],
)  # fmt: skip
def test_events(written: str, events: dict[str, list[str]]) -> None:
    found = {name: [each.value for each in findings] for name, findings in dates.dated_events(text(written)).items()}
    assert found == events


@pytest.mark.parametrize(
    ("texts", "period"),
    [
        (["Production (En kt) depuis Janvier 2010"], ("2010-01", None)),
        (["depuis 2007 à 2015 en tonne"], ("2007", "2015")),
        (["Ventes 2009 - 2014"], ("2009", "2014")),
        (["pour la période (2010-2014)"], ("2010", "2014")),
        (["au titre de l’exercice 2013-2014"], ("2013", "2014")),
        (["Comparaison des années 2017, 2018 et 2019"], ("2017", "2019")),
        (["Production depuis 1900", "de l’année 1900 jusqu’à 2016"], ("1900", "2016")),
        (["Bilan 2016"], ("2016", "2016")),
        (["منذ سنة 2010"], ("2010", None)),
        (["من 2010 إلى 2015"], ("2010", "2015")),
        (["jusqu’à fin 2012"], (None, "2012")),
        (["décret n° 2005-2234 du 22 août 2005"], None),
        (["situation au 31/12/2015"], None),
        (["2016-2010"], None),
        (["loi de 1999"], None),
    ],
)
def test_periods(texts: list[str], period: tuple[str | None, str | None] | None) -> None:
    found = dates.period([text(each) for each in texts])
    assert (found.value if found else None) == period


# -------------------------------------------------------------------------------------------------------------------------- titles
def named(written: str, place: str = "notes") -> list[tuple[str, str]]:
    rows = titles.Titles()
    for kind, name, finding in titles.mentions(text(written, place)):
        rows.add(kind, name, finding)
    return [(row.kind, row.name) for row in rows.rows]


C, R = "exploitation_concession", "exploration_permit"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (
            "le permis « Essai » duquel sont issues les concessions « Un », « Deux » et « Trois du Nord ».",
            [("", "Essai"), (C, "Un"), (C, "Deux"), (C, "Trois du Nord")],
        ),
        ("les deux concessions \" Un \" et \"DEUX SUD\".", [(C, "Un"), (C, "Deux Sud")]),
        ("les concessions \"cercle sud\", 'Milieu\" et \"Haut\"", [(C, "Cercle Sud"), (C, "Milieu"), (C, "Haut")]),
        ("régissant le permis ESSAI duquel", [("", "Essai")]),
        ("régissant le permis Bir El Essai du 3 mars", [("", "Bir El Essai")]),
        ("le permis de recherche de Sidi Essai, situé à", [(R, "Sidi Essai")]),
        ("le permis \"Permis du Nord\"", [("", "Permis du Nord")]),
        ("le permis « M'Hamed Ben Essai »", [("", "M'Hamed Ben Essai")]),
        ("رخصة البحث «التجربة»", [(R, "التجربة")]),
        ("la concession et le permis de recherche des hydrocarbures", []),
        ("liste des permis de recherche du 3ème groupe", []),
        ("Permis de Construire", []),
        ("concession d’exploitation « Kef Essai »", [(C, "Kef Essai")]),
        ("le permis Essai. Les parts ont été cédées", [("", "Essai")]),
    ],
)  # fmt: skip
def test_titles_in_sentences(written: str, found: list[tuple[str, str]]) -> None:
    assert named(written) == found


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Convention kerbala Ouest", "kerbala Ouest"),
        ("TN-CONVENTION ESSAI", "ESSAI"),
        ("Convention Douar", "Douar"),
        ("Convention Laarid", "Laarid"),
        ("Permis Essai : convention particulière et contrat d’association", "Essai"),
        ("Convention du permis de Bou Essai", "Bou Essai"),
        ("Convention Permis du Sud", "Permis du Sud"),
        ("Convention d’El Essai", "El Essai"),
        ("CONVENTION ESSAI (AVENANT N°5)", "ESSAI"),
        ("Contrat d’association Permis Essai", "Essai"),
        ("Convention du permis Essai et ses avenants", "Essai"),
        ("Convention Tunisie Centre Est", "Tunisie Centre Est"),
        ("Convention collective de l’électricité", None),
        ("Convention de partenariat", None),
        ("Permis de recherche des hydrocarbures en Tunisie", None),
        ("Permis de recherche du groupe 3", None),
        ("رخص البحث عن المحروقات", None),
    ],
)
def test_titles_in_headlines(written: str, name: str | None) -> None:
    found = titles.headline(text(written, "title"))
    assert (found[1] if found else None) == name


def test_spellings_of_one_title_are_one_title() -> None:
    rows = titles.Titles()
    for kind, written in (("", "ESSAI OUEST"), ("", "Esai Ouest"), (C, "Essaï-Ouest"), ("", "Essai Est"), ("", "Essai")):
        rows.add(kind, written, dates.Finding(written, "", "", ""))
    assert [(row.kind, row.name) for row in rows.rows] == [(C, "Essai Ouest"), ("", "Essai Est"), ("", "Essai")]
    assert rows.rows[0].spellings == ["ESSAI OUEST", "Esai Ouest", "Essaï-Ouest"]


def test_the_number_of_a_title() -> None:
    found = record("Permis de recherche n° 124567 « Jebel Essai »", "plomb, zinc", files=(("Permis", "permis.pdf"),))
    assert [(title.kind, title.name, title.number) for title in found.permits] == [(R, "Jebel Essai", "124567")]


# ----------------------------------------------------------------------------------------------------------------------- companies
@pytest.mark.parametrize(
    ("written", "names", "doubts"),
    [
        ('conclu entre "Invented Inc." (IOI) et l’Entreprise Tunisienne d’Activités Pétrolières (ETAP).', ["Invented Inc.", ETAP], 0),
        ('conclu entre "INVENTED, LTD" , "SECOND INC." et l’ETAP', ["INVENTED, LTD", "SECOND INC.", ETAP], 0),
        ("conclu entre l’ETAP et la société Invented Oil and Gas Corporation.", [ETAP, "Invented Oil and Gas Corporation"], 0),
        ("conclue entre l’Etat Tunisien d’une part et ETAP et Jinane Essai d’autre part", [ETAP], 1),
        ('conclu entre l’ETAP et "Compagnie coup…', [ETAP], 1),
        ("convention entre la STEG et le ministère", ["Société Tunisienne de l’Électricité et du Gaz"], 0),
        ("un écart entre Production et Consommation", [], 0),
        ("accordé à la société SOTINV (plomb)", ["SOTINV"], 0),
        ("مبرمة بين الدولة التونسية والمؤسسة التونسية للأنشطة البترولية و\"شركة تجريبية\"", [ETAP, "شركة تجريبية"], 0),
    ],
)  # fmt: skip
def test_parties(written: str, names: list[str], doubts: int) -> None:
    found = companies.parties([text(written)])
    assert [party.name for party in found.companies] == names
    assert len(found.doubts) == doubts


def test_an_operator_is_one_of_the_parties() -> None:
    found = companies.parties([text("conclu entre l’ETAP et Invented Oil Limited. Opérateur : Invented")])
    assert [(party.name, party.operator) for party in found.companies] == [(ETAP, False), ("Invented Oil Limited", True)]


def test_a_later_transfer_is_told_and_makes_no_party() -> None:
    found = companies.parties([text('conclu entre "Invented" et l’ETAP, en mai 1990. Les actions ont été transférées à "Other Inc".')])
    assert [party.name for party in found.companies] == ["Invented", ETAP]
    assert "Other Inc" in found.transferred[0].quote


# --------------------------------------------------------------------------------------------------------------------------- units
@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("Production (En kt)", "kt"),
        ("PRODUCTION (MILLE TONNES)", "MILLE TONNES"),
        ("en million de tonnes.", "million de tonnes"),
        (
            "exprimés en millimes par litre pour les premiers et en Dinars par bouteille pour le GPL",
            "millimes par litre; Dinars par bouteille",
        ),
        ("Unité: D.T", "D.T"),
        ("(ktep-pci)", "ktep-pci"),
        ("en milliers de Tonnes", "milliers de Tonnes"),
        ("(Tep/1000Dt)", "Tep/1000Dt"),
        ("en millions de Nm³/j", "millions de Nm3/j"),
        ("(en MDT)", "MDT"),
        ("بالطن", "طن"),
        ("الوحدة: ألف طن", "ألف طن"),
        ("en Tunisie", ""),
        ("en tonneaux", ""),
        ("(t)", "t"),
        ("en 2010", ""),
        ("Engagements (Le phosphate)", ""),
        ("en dinars/kg", ""),
    ],
)
def test_units(written: str, unit: str) -> None:
    assert "; ".join(finding.quote for _unit, finding in units.mentions(text(written))) == unit


def test_units_that_contradict() -> None:
    title, notes = text("Production (tonne)", "title"), text("en mille tonnes")
    against = units.units([title, notes], [])
    assert (against.open, len(against.contradicting)) == (True, 1)
    by_address = units.units([title], [text("production en mille tonne", "name")])
    assert (by_address.open, [each.quote for each in by_address.contradicting]) == (False, ["mille tonne"])
    # Another kind of quantity is no contradiction.
    assert units.units([title, text("valeur en million de dinars")], []).contradicting == []
    assert units.units([title, text("en tonnes")], []).contradicting == []


# -------------------------------------------------------------------------------------------------------------------------- record
@pytest.mark.parametrize(
    ("title", "more", "kind", "commodities"),
    [
        ("Production mensuelle de petrole (kbbl/j)", {}, "production", ["2709"]),
        ("Réserves prouvées de pétrole et de gaz naturel", {}, "reserves", ["2709", "2711"]),
        ("Prix de vente des carburants", {}, "price", ["2710"]),
        ("Export annuel du Sel (1000 tonnes)", {}, "trade", ["2501"]),
        ("Redevances pétrolières perçues par l’Etat (en MDT)", {}, "revenue", []),
        ("الإنتاج الشهري للفسفاط بالطن", {}, "production", ["2510"]),
        ("أسعار المواد البترولية", {}, "price", ["2710"]),
        ("قائمة امتيازات الاستغلال المنجمية", {}, "concession", []),
        ("رخص البحث عن المحروقات", {}, "permit", ["hydrocarbons"]),
        ("Avenant n°3 à la convention du permis Essai", {}, "amendment", ["hydrocarbons"]),
        ("Contrat de vente de gaz Essai", {"notes": "Contrat de vente de gaz naturel"}, "contract", ["2711"]),
        ("Code des hydrocarbures", {}, "other", ["hydrocarbons"]),
        ("Bilan énergétique 2013", {}, "other", []),
        ("Liste des entreprises exportatrices de phosphate", {}, "other", ["2510"]),
        ("Vente d’electricite par secteur", {}, "trade", ["2716"]),
        ("Consommation finale d’énergie par secteur (ktep)", {}, "consumption", []),
        ("Production éolienne (GWh)", {}, "production", ["2716"]),
        ("PERMIS DE RECHERCHE DU GROUPE 2", {}, "permit", []),
        ("Rapport d’activité de l’ETAP 2013", {}, "other", []),
        ("Permis Essai", {"files": (("Convention du permis Essai", "convention.pdf"),)}, "contract", ["hydrocarbons"]),
        # What only looks like it.
        ("Parc automobile de l’ETAP", {}, "", []),
        ("Convention UTICA", {"files": (("Convention", "convention.pdf"),)}, "", []),
        ("Convention d’essaimage", {"files": (("Convention", "convention.pdf"),)}, "", []),
        ("Exportation de l’huile d’olive (tonne)", {}, "", []),
        ("Convention collective du secteur de l’électricité", {}, "", []),
        ("Permis de construire délivrés", {}, "", []),
        ("Emissions de la production d’électricité", {}, "", []),
        ("Consommation d’engrais DAP par gouvernorat", {"publisher": "CRDA Essai"}, "", []),
        ("Chemin de fer : réseau", {}, "", []),
        ("Stations-service d’un distributeur", {"notes": "produits pétroliers"}, "", []),
        ("Contrats programmes d’efficacité énergétique", {}, "", []),
        ("Entreprises du secteur du textile", {}, "", []),
        ("Convention Essai", {}, "", []),
    ],
)  # fmt: skip
def test_kinds(title: str, more: dict[str, Any], kind: str, commodities: list[str]) -> None:
    found = record(title, **more)
    assert (found.kind, found.commodities) == (kind, commodities)


def test_a_convention_with_nothing_but_a_name_needs_documents_behind_it() -> None:
    found = record("Convention Essai", files=(("Convention Essai", "conventionessai.pdf"),))
    assert (found.kind, found.documents, [title.name for title in found.permits]) == ("contract", ["convention"], ["Essai"])
    assert [doubt[0] for doubt in found.doubts] == ["unsure-sector"]


def test_file_names_tell_documents_where_names_do_not() -> None:
    found = record(
        "Convention Essai",
        tags=("contrat pétrolier",),
        files=(
            ("Document 1", "avenantn1conventionessai.pdf"),
            ("Document 2", "contpartprodessai.pdf"),
            ("Document 3", "contratassessai.pdf"),
        ),
    )
    assert set(found.documents) == {"convention", "avenant", "partage_production", "contrat_association"}


def test_the_name_after_several_documents() -> None:
    found = record("Convention et contrat d’association du permis Bir Essai", files=(("Convention", "convention.pdf"),))
    assert [title.name for title in found.permits] == ["Bir Essai"]
    assert record("LISTE DES PERMIS D’HYDROCARBURES EN VIGUEUR").permits == []


def test_everything_says_where_it_was_read() -> None:
    found = record("Production de phosphate (tonne) depuis 2010")
    assert {name: (each.place, each.quote) for name, findings in found.found.items() for each in findings} == {
        "record_kind": ("title", "Production"),
        "commodities": ("title", "phosphate"),
        "unit": ("title", "tonne"),
        "temporal_coverage": ("title", "2010"),
    }


def test_the_words_are_of_the_portals_vocabularies() -> None:
    from ckanext.ogptn.catalogue import vocabulary

    for row in terms()["substances"]:
        assert not row["code"] or vocabulary.get("commodities").find(row["code"]), row
        assert all(vocabulary.get("sectors").find(sector) for sector in row["sectors"]), row
    assert all(vocabulary.get("record_kinds").find(kind) for kind in terms()["kinds"])
    assert all(vocabulary.get("extractive_documents").find(each) for name in ("documents", "file_documents") for each in terms()[name])
    assert all(vocabulary.get("revenue_streams").find(code) for code in terms()["streams"])
    assert len({row["code"] for row in terms()["units"]}) == len(terms()["units"])
