"""Synthetic datasets in English, French and Arabic, as CKAN would index them.

Everything is made up from the word lists below by a seeded generator; every text says so in its first sentence. The same seed and count
give the same datasets on every machine. What a search engine finds hard is here on purpose: inflected forms, accents, elision, Arabic
articles, hamza forms, short vowels and digits, hyphens, mixed case, numbers in words, addresses, file names, values that are missing.
"""

from __future__ import annotations

import datetime
import itertools
import logging
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from text_unidecode import unidecode

SITE_ID = "differential"
#: Documents get their dates from here backwards, so that ``NOW`` in a query means the same in every run of one year.
NEWEST = datetime.datetime(2026, 11, 1, 12, 0, 0)  # noqa: DTZ001 - CKAN stores naive UTC

Package = dict[str, Any]
Document = dict[str, Any]

_WORDS: dict[str, str] = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))
ENGLISH, FRENCH, ARABIC = (_WORDS[language].split() for language in ("english", "french", "arabic"))

#: What tokenisers disagree about.
ODD = (
    "open-data",
    "GeoJSON",
    "CO2",
    "Wi-Fi",
    "COVID-19",
    "2024/2025",
    "PM2.5",
    "R&D",
    "e-government",
    "data.gov.example",
    "desk@agency.example",
    "file_name-v2.csv",
    "3.5%",
    "ISO-3166-2",
    "XMLHttpRequest",
    "PowerShot500",
    "minister's",
    "(provisional)",
    "«brouillon»",
    "l'énergie",
    "d’eau",
    "aujourd'hui",
    "l’électricité",
    "٢٠٢٤",
    "2024",
    "2023",
    "مُؤَشِّر",
    "الـــطاقة",
    "والمياه",
    "للصحة",
    "بالبيانات",
)

PLACES = (
    ("Tunis", "Tunis", "تونس"),
    ("Sfax", "Sfax", "صفاقس"),
    ("Sousse", "Sousse", "سوسة"),
    ("Gafsa", "Gafsa", "قفصة"),
    ("Bizerte", "Bizerte", "بنزرت"),
    ("Gabes", "Gabès", "قابس"),
    ("Tataouine", "Tataouine", "تطاوين"),
    ("Beja", "Béja", "باجة"),
    ("Kef", "Le Kef", "الكاف"),
    ("Medenine", "Médenine", "مدنين"),
)

ORGANIZATIONS = tuple(
    (name, title)
    for name, title in (
        ("ministry-of-energy", "Ministry of Energy (synthetic)"),
        ("ministere-sante", "Ministère de la Santé (fictif)"),
        ("wizarat-al-maliya", "وزارة المالية (بيانات مصطنعة)"),
        ("statistics-office", "Statistics Office (synthetic)"),
        ("water-board", "Water Board (synthetic)"),
        ("municipality-of-north", "Municipality of North (synthetic)"),
        ("municipality-of-south", "Municipality of South (synthetic)"),
        ("customs", "Customs (synthetic)"),
        ("railways", "Railways (synthetic)"),
        ("forestry", "Forestry (synthetic)"),
        ("archives", "Archives (synthetic)"),
        ("court-of-audit", "Court of Audit (synthetic)"),
    )
)

GROUPS = ("economy", "environment", "health", "education", "transport", "government", "energy-and-mines", "society")
LICENCES = ("cc-by", "cc-zero", "odc-odbl", "notspecified", "")
FORMATS = ("CSV", "XLSX", "PDF", "JSON", "GeoJSON", "XML", "ZIP", "SHP", "ODS", "")
TYPES = ("dataset", "commitment", "budget", "extractive")
THEMES = ("ECON", "ENVI", "HEAL", "EDUC", "TRAN", "GOVE", "ENER", "SOCI")
FREQUENCIES = ("annual", "monthly", "irregular", "quarterly")
TAGS = tuple(
    dict.fromkeys(
        [
            *("water", "Water", "open data", "open-data", "budget 2024", "census", "GeoJSON", "CO2", "air quality", "oil & gas"),
            *("énergie", "eau potable", "santé", "dépenses publiques", "forêt", "l'école"),
            *("المياه", "ميزانية", "الطاقة", "بيانات مفتوحة", "الصحة", "النفط والغاز"),
            *ENGLISH[20:60],
        ]
    )
)

_SYLLABLES = (
    "ba",
    "co",
    "di",
    "fer",
    "gal",
    "hu",
    "kim",
    "lor",
    "mes",
    "nip",
    "ort",
    "pal",
    "qui",
    "ran",
    "sul",
    "tev",
    "vox",
    "wim",
    "xen",
    "yul",
    "zor",
)
_ARABIC_SYLLABLES = ("با", "دو", "ري", "سم", "عل", "فق", "كن", "لم", "نو", "هد", "وج", "شر")


def _weights(size: int) -> list[float]:
    return list(itertools.accumulate(1 / (rank + 2) for rank in range(size)))


_ENGLISH_W, _FRENCH_W, _ARABIC_W, _TAGS_W, _ORG_W = (_weights(len(x)) for x in (ENGLISH, FRENCH, ARABIC, TAGS, ORGANIZATIONS))


class Corpus:
    """Packages number 0 to ``count - 1`` of one seed.

    :param count: how many datasets.
    :param seed: of the generator.
    :param words: average number of words in a description (70 gives a small document, 260 one of about 3 KB as JSON).
    """

    def __init__(self, count: int, seed: int = 20261122, words: int = 70) -> None:
        self.count = count
        self.seed = seed
        self.words = words

    def packages(self, start: int = 0) -> Iterator[Package]:
        """Dataset dicts as ``package_show`` gives them, with the default schema, without the extra keys of plugins."""
        return (self.package(number) for number in range(start, self.count))

    def package(self, number: int) -> Package:
        """One dataset; independent of all others, so that any slice can be made on its own."""
        rng = random.Random(self.seed * 1_000_003 + number)  # noqa: S311
        language = rng.choices(("en", "fr", "ar", "mixed"), (34, 28, 24, 14))[0]
        title = _title(rng, language)
        name = f"{slug(title)[:60]}-{number}"
        org_name, org_title = rng.choices(ORGANIZATIONS, cum_weights=_ORG_W)[0]
        owner_org = f"org-{ORGANIZATIONS.index((org_name, org_title))}"
        created = NEWEST - datetime.timedelta(seconds=rng.randrange(86400 * 365 * 10), microseconds=rng.randrange(1_000_000))
        modified = created + (NEWEST - created) * rng.random()
        licence = rng.choice(LICENCES)
        tags = list(dict.fromkeys(rng.choices(TAGS, cum_weights=_TAGS_W, k=rng.randrange(6))))
        groups = rng.sample(GROUPS, rng.choice((0, 1, 1, 2)))
        resources = [_resource(rng, language, number, place) for place in range(rng.choice((0, 1, 1, 2, 3, 5)))]
        package: Package = {
            "id": f"{rng.getrandbits(32):08x}-{number:04x}-4000-8000-{rng.getrandbits(48):012x}"[:36],
            "name": name,
            "title": title,
            "notes": self._notes(rng, language),
            "type": rng.choices(TYPES, (70, 10, 10, 10))[0],
            "state": "draft" if rng.random() < 0.03 else "active",
            "private": rng.random() < 0.08,
            "owner_org": owner_org,
            "organization": {"id": owner_org, "name": org_name, "title": org_title, "type": "organization", "state": "active"},
            "author": rng.choice(("", "A. Writer", "Équipe de rédaction", "فريق التحرير", None)),
            "author_email": rng.choice(("", "writer@agency.example")),
            "maintainer": rng.choice(("", "Data Desk", "Bureau des données")),
            "maintainer_email": rng.choice(("", "desk@agency.example")),
            "creator_user_id": f"user-{rng.randrange(20)}",
            "license_id": licence,
            "license_title": licence.upper(),
            "isopen": licence not in ("", "notspecified"),
            "url": rng.choice(("", None, f"https://data.gov.example/set/{number}?lang=fr#top")),
            "version": rng.choice(("", "1.0", "2.1-beta", None)),
            "metadata_created": created.isoformat(),
            "metadata_modified": modified.replace(microsecond=0).isoformat() if rng.random() < 0.3 else modified.isoformat(),
            "tags": [{"id": f"tag-{tag}", "name": tag, "display_name": tag, "state": "active", "vocabulary_id": None} for tag in tags],
            "groups": [{"id": f"group-{group}", "name": group, "title": group.title()} for group in groups],
            "extras": [{"key": key, "value": value} for key, value in _extras(rng, language)],
            "resources": resources,
            "num_resources": len(resources),
            "num_tags": len(tags),
            "relationships_as_subject": [],
            "relationships_as_object": [],
        }
        return package

    def _notes(self, rng: random.Random, language: str) -> str:
        opening = {
            "en": "Synthetic text for a search test.",
            "fr": "Texte fictif pour un essai de recherche.",
            "ar": "نص مصطنع لاختبار البحث.",
            "mixed": "Synthetic text. Texte fictif. نص مصطنع.",
        }[language]
        sentences = [opening]
        left = max(8, int(rng.gauss(self.words, self.words / 4)))
        while left > 0:
            length = min(left, rng.randrange(6, 16))
            spoken = rng.choice(("en", "fr", "ar")) if language == "mixed" else language
            sentences.append(_sentence(rng, spoken, length))
            left -= length
        return " ".join(sentences)


def slug(text: str) -> str:
    """A dataset name from a title: ASCII letters, digits, ``-`` and ``_``."""
    return re.sub(r"[^a-z0-9_]+", "-", unidecode(text).lower()).strip("-")


def _word(rng: random.Random, language: str) -> str:
    chance = rng.random()
    if chance < 0.03:
        return rng.choice(ODD)
    if chance < 0.11:
        return rare_word(rng, language)
    words, weights = {"en": (ENGLISH, _ENGLISH_W), "fr": (FRENCH, _FRENCH_W), "ar": (ARABIC, _ARABIC_W)}[language]
    return rng.choices(words, cum_weights=weights)[0]


def rare_word(rng: random.Random, language: str) -> str:
    """A made-up word from a space of some 10,000 (Arabic: 1,700): the long tail that every real catalogue has."""
    syllables = _ARABIC_SYLLABLES if language == "ar" else _SYLLABLES
    return "".join(rng.choice(syllables) for _ in range(3)) + (rng.choice(("", "", "s", "n")) if language != "ar" else "")


def _sentence(rng: random.Random, language: str, length: int) -> str:
    words = [_word(rng, language) for _ in range(length)]
    if language == "en":
        for place in range(2, length, 4):
            words[place] = rng.choice(("the", "of", "and", "for", "in"))
    elif language == "fr":
        for place in range(2, length, 4):
            words[place] = rng.choice(("le", "la", "les", "des", "du", "et", "pour"))
    else:
        for place in range(2, length, 5):
            words[place] = rng.choice(("في", "من", "على", "إلى"))
    words[0] = words[0][:1].upper() + words[0][1:]
    if rng.random() < 0.2:
        words[length // 2] += ","
    if rng.random() < 0.05:
        words[-1] = words[-1].upper()
    return " ".join(words) + rng.choice((".", ".", ".", "!", ";\n"))


def _title(rng: random.Random, language: str) -> str:
    spoken = rng.choice(("en", "fr", "ar")) if language == "mixed" else language
    english, french, arabic = rng.choice(PLACES)
    year = rng.randrange(2012, 2027)
    first, second = _word(rng, spoken), _word(rng, spoken)
    if spoken == "en":
        pattern = rng.choice(("{a} {b} of {p}, {y}", "{a} in {p} {y}", "{p} {a} and {b}", "{a} {b} {y}"))
        return _capital(pattern.format(a=first, b=second, p=english, y=year))
    if spoken == "fr":
        pattern = rng.choice(("{a} et {b} de {p} {y}", "{a} à {p} en {y}", "{p} – {a}, {b}", "{a} {b} {y}"))
        return _capital(pattern.format(a=first, b=second, p=french, y=year))
    pattern = rng.choice(("{a} {b} في {p} {y}", "{a} في {p} سنة {y}", "{p} {a} و{b}", "{a} {b} {y}"))
    return pattern.format(a=first, b=second, p=arabic, y=year)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _resource(rng: random.Random, language: str, number: int, place: int) -> dict[str, Any]:
    spoken = rng.choice(("en", "fr", "ar")) if language == "mixed" else language
    form = rng.choices(FORMATS, (30, 15, 15, 10, 6, 6, 5, 4, 4, 5))[0]
    return {
        "id": f"res-{number}-{place}",
        "name": f"{_word(rng, spoken)} {_word(rng, spoken)}",
        "description": _sentence(rng, spoken, 6) if rng.random() < 0.6 else "",
        "format": form,
        "url": f"https://files.agency.example/{number}/{place}-{rng.choice(ENGLISH)}.{form.lower() or 'bin'}",
        "resource_type": rng.choice((None, "file", "api")),
        "mimetype": None,
        "created": NEWEST.isoformat(),
        "position": place,
        "state": "active",
    }


def _extras(rng: random.Random, language: str) -> Iterator[tuple[str, str]]:
    if rng.random() < 0.6:
        yield "frequency", rng.choice(FREQUENCIES)
    if rng.random() < 0.4:
        yield "spatial-text", rng.choice(PLACES)[{"en": 0, "fr": 1, "ar": 2}.get(language, 0)]
    if rng.random() < 0.4:
        yield "start_date", rng.choice((f"{rng.randrange(2000, 2026)}-0{rng.randrange(1, 10)}-15", "", "not a date"))
    if rng.random() < 0.3:
        yield "progress", str(rng.randrange(101))
    if rng.random() < 0.1:
        yield "remark", _sentence(rng, "fr" if language == "fr" else "en", 5)


class _Capture:
    """Stands at CKAN's seam and keeps what would be sent."""

    def __init__(self) -> None:
        self.documents: list[Document] = []

    def add(self, docs: list[Document], commit: bool = False) -> None:
        self.documents.extend(docs)


def documents(packages: Iterable[Package]) -> Iterator[Document]:
    """What CKAN's own index code sends for these datasets. Needs a loaded CKAN with its tables.

    Permission labels, which CKAN reads from the database, and the ``vocab_*`` fields, which an extension's ``before_dataset_index`` adds,
    are put in here.
    """
    from ckan.lib.search.index import PackageSearchIndex

    # One warning per date that is none: it is made so on purpose.
    logging.getLogger("ckan.lib.search.index").setLevel(logging.ERROR)
    capture = _Capture()
    index = PackageSearchIndex()
    for number, package in enumerate(packages):
        # For one dataset at a time: between two, the caller does as it likes, with another such stream as well.
        with mock.patch("ckan.lib.search.index.make_connection", lambda: capture), mock.patch("ckan.model.Package.get", lambda _id: None):
            index.index_package({**package, "with_custom_schema": package}, defer_commit=True)
        document = capture.documents.pop()
        document["site_id"] = SITE_ID
        document["permission_labels"] = labels(package)
        document.update(_vocabulary_fields(package, number))
        yield document


def labels(package: Package) -> list[str]:
    """As CKAN's default permission labels: public, or the members of the organisation and the creator."""
    if package["state"] == "active" and not package["private"]:
        return ["public"]
    return [f"member-{package['owner_org']}", f"creator-{package['creator_user_id']}"]


def _vocabulary_fields(package: Package, number: int) -> dict[str, Any]:
    rng = random.Random(f"{package['id']}{number}")  # noqa: S311
    fields: dict[str, Any] = {}
    if rng.random() < 0.7:
        fields["vocab_theme"] = rng.sample(THEMES, rng.choice((1, 1, 2)))
    if rng.random() < 0.5:
        fields["vocab_year"] = [str(rng.randrange(2015, 2027))]
    return fields


def is_arabic(text: str) -> bool:
    return any("ARABIC" in unicodedata.name(character, "") for character in text)
