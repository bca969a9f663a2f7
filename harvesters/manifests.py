"""Lists of budget files: what people write down about files that say little about themselves.

A source that publishes files and no catalogue is described by a list (CSV, JSON or YAML) with one entry for each file: its address, the
years, the unit and where that was read, law or execution, the licence. The list lies at the source's address, or in the source's options
where nobody keeps one. ``docs/harvest-sources.md`` describes its columns for people.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ogptn.budget import units
from ckanext.ogptn.budget.validators import FIRST_YEAR, LAST_YEAR
from ckanext.ogptn.catalogue import text as t
from ckanext.ogptn.catalogue import vocabulary
from ckanext.ogptn.tables.findings import TableError

from .engine.base import Backend, Cursor, SourceError, option
from .engine.problems import NOT_EXPECTED, NOT_VALID_RECORD, Kind, Severity
from .files import NO_COLUMN, UNKNOWN_COLUMN, Columns, many, rows_of, texts_of
from .foreign import UNKNOWN_TERM, Draft, LicensedOptions, plain, stable_json

# ---------------------------------------------------------------------------------------------------------------------- problems
NO_UNIT = Kind(
    "unit-not-stated",
    Severity.WARNING,
    lambda: tk._("Nothing says in which unit the amounts are (millimes, dinars, thousands, millions); the unit stays empty."),
    lambda: tk._("Ask the publisher, then write unit and “unit_source” into the list, or choose the unit here."),
)
UNCLEAR_UNIT = Kind(
    "unclear-unit",
    Severity.WARNING,
    lambda: tk._("“{value}” can mean more than one unit; the unit of the amounts stays empty."),
    lambda: tk._("Ask the publisher, then write unit and “unit_source” into the list, or choose the unit here."),
)
CONTRADICTORY_UNITS = Kind(
    "contradictory-units",
    Severity.WARNING,
    lambda: tk._("The unit of the amounts is said in different ways, so that it stays empty: {value}"),
    lambda: tk._("Ask the publisher which one is right and choose it here; your choice is kept at the next harvest."),
)
BAD_YEARS = Kind(
    "unreadable-years",
    Severity.WARNING,
    lambda: tk._("“{value}” does not say which fiscal years the file covers; the years found in the file count."),
    lambda: tk._("Write years as 2018, as 2009-2022 or as 2018; 2020."),
)
UNREADABLE = Kind(
    "unreadable-table",
    Severity.ERROR,
    lambda: tk._("{name} cannot be read as a table: {reason} {place}"),
    lambda: tk._("Open the file; show the publisher what is wrong with it."),
)

ODD_AMOUNTS = Kind(
    "unreadable-amounts",
    Severity.WARNING,
    lambda: tk._("{count} cells of the column {name} are no amounts; the first, in row {row}: “{value}”"),
    lambda: tk._("They are empty in the table. Ask the publisher what they mean."),
)

#: Names of the columns of a list in use, in French, Arabic and English.
COLUMNS: dict[str, Sequence[str]] = {
    "identifier": ["id", "identifiant", "code", "المعرف"],
    "title": ["titre", "intitule", "العنوان"],
    "description": ["notes", "resume", "الوصف"],
    "keywords": ["keyword", "tags", "mots cles", "mots clefs", "الكلمات المفاتيح"],
    "url": ["file", "workbook", "fichier", "classeur", "lien", "link", "address", "adresse", "الرابط", "الملف"],
    "file_title": ["titre du fichier", "nom du fichier", "عنوان الملف"],
    "format": ["الصيغه"],
    "sheet": ["feuille", "onglet", "الورقه"],
    "years": ["year", "annee", "annees", "exercice", "exercices", "السنه", "السنوات"],
    "unit": ["unite", "unite des montants", "الوحده", "وحده المبالغ"],
    "unit_source": ["unit stated in", "source de l unite", "source unite", "مصدر الوحده"],
    "currency": ["monnaie", "devise", "العمله"],
    "document": ["kind", "nature", "type", "law or execution", "document budgetaire", "الوثيقه"],
    "direction": ["sens", "الاتجاه"],
    "municipality": ["commune", "code commune", "code de la commune", "municipality code", "رمز البلديه", "البلديه"],
    "licence": ["license", "الرخصه", "الترخيص"],
    "frequency": ["frequence", "periodicite", "الدوريه"],
    "publisher": ["editeur", "organisme", "الناشر", "الهيكل"],
    "contact": ["service", "جهه الاتصال"],
    "email": ["contact email", "courriel", "البريد الالكتروني"],
    "page": ["landing page", "page web", "الصفحه"],
    "issued": ["published", "date de publication", "publie le", "تاريخ النشر"],
    "modified": ["updated", "date de mise a jour", "modifie le", "تاريخ التحيين"],
}
_LIST = Columns(COLUMNS)
_MOST = 2_000
#: Our eight documents by what people call them in one word, folded.
_DOCUMENTS = {
    "law": "enacted", "loi": "enacted", "budget law": "enacted", "enacted budget": "enacted", "قانون": "enacted", "قانون ماليه": "enacted",
    "execution": "year_end", "executed": "year_end", "realisation": "year_end", "realisations": "year_end", "تنفيذ": "year_end",
    "in year": "in_year", "monthly": "in_year", "mensuel": "in_year", "mensuelle": "in_year",
}  # fmt: skip


@dataclass(frozen=True)
class ListOptions(LicensedOptions):
    """Options of backends that read such lists."""

    files: str = option(
        "",
        lambda: tk._("List of the files"),
        help=lambda: tk._(
            "Where the source keeps no list: one entry for each file, in CSV, JSON or YAML, with at least its address (url); the "
            "documentation names the columns. Addresses may be relative to the source's. Empty: the address above is the list, or the file."
        ),
        maximum=100_000,
        multiline=True,
    )

    def check(self) -> dict[str, list[str]]:
        errors = super().check()
        if self.files:
            try:
                rows_of(self.files.encode(), "", kind_of(self.files.encode()))
            except SourceError as error:
                errors["files"] = [str(error.kind.say(error.values))]
        return errors


@dataclass(frozen=True)
class Entry:
    """One file of a list.

    :ivar identifier: of the entry, stable
    :ivar url: absolute
    :ivar told: what the list says, by column
    :ivar said_at: the list's address, ``""`` where it is in the source's options
    """

    identifier: str
    url: str
    told: Mapping[str, Any] = field(default_factory=dict)
    said_at: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return unquote(urlsplit(self.url).path.rsplit("/", 1)[-1]) or self.url

    @property
    def digest(self) -> str:
        """Changes when the list says something else."""
        return hashlib.sha256(stable_json([self.identifier, self.url, self.told])).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        return {"identifier": self.identifier, "url": self.url, "told": dict(self.told), "said_at": self.said_at}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Entry:
        return cls(found["identifier"], found["url"], found["told"], found["said_at"])


def kind_of(content: bytes) -> str:
    """How a list is written: ``json``, ``yaml`` or ``csv``."""
    start = content[:4_000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"{", b"["):
        return "json"
    first = next((line for line in start.splitlines() if line.strip() and not line.lstrip().startswith(b"#")), b"")
    return "yaml" if re.match(rb"-\s|---|[\w \"']+:\s*(?:$|\S)", first) and not re.search(rb"[;,\t|]", first) else "csv"


def entries(backend: Backend, content: bytes, url: str, base: str, cursor: Cursor) -> list[Entry]:
    """The entries of a list; what is no entry is reported, and keeps the pass from counting as complete.

    :param url: of the list, ``""`` for the source's options
    :param base: what addresses are relative to
    :raises SourceError: it is no list of files
    """
    rows = rows_of(content, url or base, kind_of(content))
    if not rows:
        raise SourceError(NOT_EXPECTED, url=url or base, found="∅", expected="CSV, JSON, YAML (url, …)")
    found: list[Entry] = []
    names: set[str] = set()
    strange: set[str] = set()
    for number, row in enumerate(rows, 1):
        if isinstance(row, str):
            row = {"url": row}
        if not isinstance(row, Mapping):
            backend.report(NOT_VALID_RECORD, title=f"№ {number}", reason=type(row).__name__)
            cursor.incomplete(NOT_VALID_RECORD.slug)
            continue
        told: dict[str, Any] = {}
        for name, value in row.items():
            if name is None or value in (None, "", []):
                continue
            column = _LIST.find(str(name))
            if column is None:
                strange.add(str(name))
            else:
                told.setdefault(column, value)
        address = plain(told.pop("url", ""))
        if not told and not address:
            continue
        if number == 1 and not address:
            raise SourceError(NO_COLUMN, url=url or base, value="url", found=", ".join(map(str, row))[:300])
        joined = urljoin(base, address)
        if not address or not joined.startswith(("http://", "https://")):
            backend.report(NOT_VALID_RECORD, title=f"№ {number}", reason=address or "∅ url")
            cursor.incomplete(NOT_VALID_RECORD.slug)
            continue
        identifier = plain(told.pop("identifier", ""))
        stem = re.sub(r"(?:\.\w{2,7}){1,2}$", "", unquote(urlsplit(joined).path.rsplit("/", 1)[-1]))
        if not identifier:
            identifier = stem if stem and stem not in names else joined
        if identifier in names:
            backend.report(NOT_VALID_RECORD, title=identifier, reason=f"= {identifier}")
            cursor.incomplete(NOT_VALID_RECORD.slug)
            continue
        names.add(identifier)
        found.append(Entry(identifier[:500], joined, told, url))
        if len(found) > _MOST:
            raise SourceError(NOT_EXPECTED, url=url or base, found=f"> {_MOST}", expected=f"≤ {_MOST}")
    for name in sorted(strange)[:20]:
        backend.report(UNKNOWN_COLUMN, value=name)
    return found


# ---------------------------------------------------------------------------------------------------------- what an entry tells
def years_of(value: Any) -> list[int] | None:
    """Fiscal years as people write them: ``2018``, ``"2009-2022"``, ``[2018, 2020]``, ``"2018; 2020"``; None if it is something else."""
    found: set[int] = set()
    for part in many(value) if isinstance(value, list) else many(str(value)):
        match = re.fullmatch(r"(\d{4})(?:\s*(?:-|–|—|/|à|a|to|الى|إلى)\s*(\d{4}))?", t.western_digits(str(part)).strip())
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not FIRST_YEAR <= first <= last <= LAST_YEAR:
            return None
        found.update(range(first, last + 1))
    return sorted(found) or None


def document_of(value: Any) -> str | None:
    """The code of the budget document that a word stands for (``law``, ``exécution``, or a term of the vocabulary)."""
    text = plain(value)
    if not text:
        return None
    folded = " ".join(re.sub(r"\W+", " ", t.fold(text)).split())
    found = vocabulary.get("budget_documents").find(text)
    return found.code if found else _DOCUMENTS.get(folded)


@dataclass(frozen=True)
class Stated:
    """A text that may state a unit, and where it stands: ``("boost_fr.xlsx › BOOST › 1", "Dépenses (en mille dinars)")``."""

    where: str
    text: str


def unit(draft: Draft, backend: Backend, entry: Entry, texts: Sequence[Stated]) -> None:
    """Set unit and where it was stated, if somebody states one and nobody contradicts.

    :param texts: titles and headings of the file
    """
    said: list[tuple[str, str]] = []
    written = plain(entry.told.get("unit"))
    if written:
        code = units.code(written)
        if code is None:
            backend.report(UNCLEAR_UNIT, field="unit_multiplier", value=written)
            draft.aside("unit", written)
            return
        said.append((code, plain(entry.told.get("unit_source")) or f"{entry.said_at or backend.source.url}: “{written}”"))
    titles = [Stated(entry.said_at or backend.source.url, plain(title)) for title, _language in texts_of(entry.told, "title")]
    for each in [*titles, *texts]:
        for code in sorted(units.stated(each.text)):
            if code == "unclear":
                backend.report(UNCLEAR_UNIT, field="unit_multiplier", value=each.text)
            said.append((code, f"{each.where}: “{each.text}”"))
    codes = {code for code, _where in said}
    if len(codes) == 1 and "unclear" not in codes:
        draft.data["unit_multiplier"], draft.data["unit_source"] = said[0][0], said[0][1][:500]
    elif "unclear" in codes and len(codes) == 1:
        draft.aside("unit", said[0][1])
    elif codes:
        backend.report(CONTRADICTORY_UNITS, field="unit_multiplier", value="; ".join(f"{code} – {where}" for code, where in said))
        draft.aside("unit", "; ".join(where for _code, where in said))
    else:
        backend.report(NO_UNIT, field="unit_multiplier")


def describe(draft: Draft, backend: Backend, entry: Entry, options: LicensedOptions) -> None:
    """What every budget file's dataset takes from its entry: licence, currency, publisher, contact, dates, page."""
    told = entry.told
    draft.licence(told.get("licence"))
    draft.default_licence(options)
    draft.coded("frequency", "frequencies", told.get("frequency"), tk._("the update frequency"))
    draft.agent("publisher", texts_of(told, "publisher"))
    draft.contact(texts_of(told, "contact"), told.get("email"))
    draft.date("issued", told.get("issued"))
    draft.date("modified", told.get("modified"))
    draft.link("url", told.get("page"))
    draft.keywords((word, language) for value, language in texts_of(told, "keywords") for word in many(value))
    currency = plain(told.get("currency"))
    found = vocabulary.get("currencies").find(currency) if currency else None
    if currency and found is None:
        backend.report(UNKNOWN_TERM, field="currency", value=currency, name=tk._("the currency"))
        draft.aside("currency", currency)
    else:
        # Tunisia's public budgets are in dinars (loi organique du budget n° 2019-15); the unit within is another matter.
        draft.data["currency"] = found.code if found else "TND"


def in_three(texts: Mapping[str, str], **values: object) -> dict[str, str]:
    """Our own sentences about a record, in the portal's languages: a dataset is read in all three, whoever harvested it."""
    return {language: text.format(**values) for language, text in texts.items()}


# ---------------------------------------------------------------------------------------------------------------------------- files
@contextmanager
def saved(stream: Any) -> Iterator[Path]:
    """The content of an answer as a file of its own, which readers of tables need.

    :param stream: the engine's stream
    """
    with tempfile.TemporaryDirectory(prefix="ogptn-harvest-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as target:
            shutil.copyfileobj(stream, target, 1 << 20)
        yield path


@contextmanager
def refused(entry: Entry) -> Iterator[None]:
    """Say in the harvest's own words why a table was refused.

    :raises SourceError: ``unreadable-table``
    """
    try:
        yield
    except TableError as error:
        found = error.finding
        raise SourceError(UNREADABLE, name=entry.name, reason=found.message, place=f"({found.place})" if found.place else "") from None
