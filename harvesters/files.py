"""Agencies without a portal: a list of files (CSV or JSON) with a column for each thing there is to say, or a web folder of files.

A list has one row for each file; rows with the same identifier are one dataset. Columns may be named in Arabic, French or English, and end
in ``_ar``, ``_fr`` or ``_en`` where a text is in one language. ``docs/harvest-sources.md`` describes them for agencies.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote, urljoin, urlsplit

import ckan.plugins.toolkit as tk
import yaml
from lxml import html as lxml_html

from ckanext.ogptn.catalogue import text as t

from .engine.base import Backend, Check, Cursor, HttpClient, Options, Record, Response, SourceError, Validators, option
from .engine.problems import NOT_EXPECTED, NOT_VALID_RECORD, Kind, RecordError, Severity
from .foreign import LEFT_OUT, Draft, LicensedOptions, date, plain, said, stable_json

#: What columns may be called, folded (`text.fold`), without the language at the end.
_COLUMNS = {
    "identifier": ["identifier", "id", "identifiant", "code", "المعرف"],
    "title": ["title", "titre", "dataset", "jeu de donnees", "intitule", "العنوان"],
    "description": ["description", "notes", "resume", "الوصف"],
    "keywords": ["keywords", "keyword", "tags", "mots cles", "mots clefs", "الكلمات المفاتيح"],
    "theme": ["theme", "themes", "category", "categorie", "المحور", "الموضوع"],
    "licence": ["licence", "license", "الرخصه", "الترخيص"],
    "frequency": ["frequency", "frequence", "periodicite", "الدوريه", "دوريه التحيين"],
    "language": ["language", "langue", "اللغه"],
    "issued": ["issued", "published", "date de publication", "publie le", "تاريخ النشر"],
    "modified": ["modified", "updated", "date de mise a jour", "modifie le", "تاريخ التحيين"],
    "period_start": ["period start", "start", "debut", "du", "من"],
    "period_end": ["period end", "end", "fin", "au", "الي"],
    "place": ["place", "spatial", "lieu", "gouvernorat", "المكان", "الولايه"],
    "publisher": ["publisher", "editeur", "organisme", "الناشر", "الهيكل"],
    "contact": ["contact", "contact name", "service", "جهه الاتصال"],
    "email": ["email", "e mail", "contact email", "courriel", "البريد الالكتروني"],
    "page": ["page", "landing page", "page web", "الصفحه"],
    "url": ["url", "file", "fichier", "lien", "link", "address", "adresse", "الرابط", "الملف"],
    "file_title": ["file title", "resource", "titre du fichier", "nom du fichier", "عنوان الملف"],
    "file_description": ["file description", "description du fichier", "وصف الملف"],
    "format": ["format", "الصيغه"],
    "size": ["size", "taille", "الحجم"],
}
_OF_FILES = {"url", "file_title", "file_description", "format", "size"}
#: Bytes of a list, or of a page of a folder.
LARGEST = 50_000_000
_MOST_FOLDERS = 500

UNKNOWN_COLUMN = Kind(
    "unknown-column",
    Severity.WARNING,
    lambda: tk._("The list has a column “{value}” that says nothing to the portal; it was kept beside the record."),
    lambda: tk._("Name it as the documentation says, or leave it out."),
)
NO_COLUMN = Kind(
    "missing-column",
    Severity.ERROR,
    lambda: tk._("The list {url} has no column “{value}”; its columns are: {found}."),
    lambda: tk._("Add a first line with the names of the columns, at least “title” and “url”."),
)


class Columns:
    """What the columns of a list may be called.

    :param names: of each column, in any language; a column's own name counts too
    """

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self._by_name = {_folded(name): column for column, others in names.items() for name in (column, *others)}

    def find(self, name: str) -> str | None:
        """The column that a name stands for, with its language: ``"Titre_fr"`` is ``"title_fr"``; None if it stands for none."""
        folded = _folded(name)
        if folded in self._by_name:
            return self._by_name[folded]
        words = folded.rsplit(" ", 1)
        if len(words) == 2 and words[1] in t.LANGUAGES and words[0] in self._by_name:
            return f"{self._by_name[words[0]]}_{words[1]}"
        return None


def _folded(name: str) -> str:
    return re.sub(r"\W+", " ", t.fold(name).replace("_", " ")).strip()


_LIST = Columns(_COLUMNS)


@dataclass(frozen=True)
class FilesOptions(LicensedOptions):
    """Options of :class:`FilesBackend`."""

    kind: str = option(
        "",
        lambda: tk._("What the address is"),
        choices=lambda: {
            "": tk._("Find out"),
            "csv": tk._("A list in CSV"),
            "json": tk._("A list in JSON"),
            "yaml": tk._("A list in YAML"),
            "folder": tk._("A web folder of files"),
        },
    )
    endings: list[str] = option(  # noqa: RUF009 - a descriptor of the field
        ["csv", "xls", "xlsx", "ods", "json", "geojson", "xml", "pdf", "zip", "docx", "txt"],
        lambda: tk._("Files of a folder to take"),
        help=lambda: tk._("Endings of file names, one per line."),
    )
    depth: int = option(
        2,
        lambda: tk._("Folders below the folder"),
        help=lambda: tk._("How many levels to look into."),
        minimum=0,
        maximum=10,
    )


class FilesBackend(Backend):
    """Reads lists of files and web folders."""

    name: ClassVar[str] = "files"
    Options: ClassVar[type[Options]] = FilesOptions
    options: FilesOptions

    @classmethod
    def label(cls) -> str:
        return tk._("List or folder of files")

    @classmethod
    def description(cls) -> str:
        return tk._("For agencies without a portal: a CSV or JSON list of files, or a web folder.")

    def check(self, http: HttpClient) -> Check:
        cursor = Cursor()
        found = next(self.records(http, cursor), None)
        return Check.of(found, cursor.expected)

    # ------------------------------------------------------------------------------------------------------------------- reading
    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        """All datasets of the list, or all files of the folder; see `Backend`.

        :raises SourceError: it cannot be fetched, or is neither a list nor a folder
        """
        validators = Validators(**cursor.state.get("document", {}))
        response = http.get(self.source.url, validators=validators or None, max_bytes=LARGEST)
        if response.not_modified:
            cursor.all_unchanged()
            return
        kind = self.options.kind or _kind(response)
        if kind == "folder":
            yield from self._folder(http, response, cursor)
            return
        rows = rows_of(response.content, response.url, kind, self._too_many_cells)
        # Held whole: a list is kept by hand, and the rows of one dataset need not follow each other.
        datasets = self._datasets(rows, response.url, cursor)
        cursor.expect(len(datasets))
        for guid, found in datasets.items():
            titles = [value for name, value in found.items() if name.startswith("title") and plain(value)]
            yield Record(
                guid=guid[:2_000],
                content=stable_json(found),
                title=plain(titles[0]) if titles else "",
                url=plain(found.get("page")),
                modified=plain(found.get("modified")),
                parsed=found,
            )
        cursor.state["document"] = {"etag": response.validators.etag, "last_modified": response.validators.last_modified}

    def _too_many_cells(self, line: int, cells: Sequence[str]) -> None:
        text = ", ".join(cell for cell in cells if cell.strip())
        if text:
            self.report(LEFT_OUT, title=f"№ {line}", value=text, reason=tk._("there is no column for it"))

    def _datasets(self, rows: Sequence[Any], url: str, cursor: Cursor) -> dict[str, dict[str, Any]]:
        datasets: dict[str, dict[str, Any]] = {}
        strange: set[str] = set()
        for number, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                self.report(NOT_VALID_RECORD, title=f"№ {number}", reason=type(row).__name__)
                # Nobody can tell which dataset it was: it must not pass for one that is gone.
                cursor.incomplete(NOT_VALID_RECORD.slug)
                continue
            known: dict[str, Any] = {"other": {}}
            for name, value in row.items():
                if value in (None, "", []) or name is None:
                    continue
                column = name if name in ("files", "resources") else _LIST.find(str(name))
                if column is None:
                    known["other"][str(name)[:100]] = value
                    strange.add(str(name))
                else:
                    known.setdefault(column, value)
            if len(known) == 1 and not known["other"]:
                continue
            if number == 1 and not any(name.split("_")[0] in ("title", "url", "files", "identifier") for name in known):
                raise SourceError(NO_COLUMN, url=url, value="title", found=", ".join(map(str, row))[:300])
            files = known.pop("files", None) or known.pop("resources", None) or [known]
            title = next((plain(value) for name, value in known.items() if name.startswith("title")), "")
            guid = plain(known.get("identifier")) or title or plain(known.get("url"))
            if not guid:
                self.report(NOT_VALID_RECORD, title=f"№ {number}", reason="∅ title, url")
                cursor.incomplete(NOT_VALID_RECORD.slug)
                continue
            entry = datasets.setdefault(guid, {"files": []})
            first = "other" not in entry
            for name, value in known.items():
                if _base(name) not in _OF_FILES:
                    entry.setdefault(name, value)
            # What a further row says in columns of its own is said of its file.
            other = {} if first else {name: value for name, value in known["other"].items() if entry["other"].get(name) != value}
            for file in files if isinstance(files, list) else []:
                if isinstance(file, Mapping):
                    of_file = {
                        column: value for name, value in file.items() if (column := _LIST.find(str(name))) and value not in (None, "")
                    }
                    kept = {name: value for name, value in of_file.items() if _base(name) in _OF_FILES or file is not known}
                    unknown = {str(name)[:100]: value for name, value in file.items() if file is not known and not _LIST.find(str(name))}
                    if address := plain(kept.get("url")):
                        more = {**other, **unknown}
                        entry["files"].append({**kept, "url": urljoin(url, address), **({"other": more} if more else {})})
                elif isinstance(file, str):
                    entry["files"].append({"url": urljoin(url, file)})
        for name in sorted(strange)[:20]:
            self.report(UNKNOWN_COLUMN, value=name)
        return datasets

    def _folder(self, http: HttpClient, first: Response, cursor: Cursor) -> Iterator[Record]:
        base = first.url if first.url.endswith("/") else first.url.rsplit("/", 1)[0] + "/"
        endings = {ending.lower().lstrip(".") for ending in self.options.endings}
        waiting: list[tuple[str, int, Response | None]] = [(base, 0, first)]
        seen = {base}
        files: set[str] = set()
        while waiting:
            address, depth, response = waiting.pop(0)
            try:
                page = response or http.get(address, max_bytes=LARGEST)
            except SourceError as error:
                # One folder of many: the others can be read, and nothing of this one is gone.
                self.report(error.kind, **error.values)
                cursor.incomplete(error.kind.slug)
                continue
            for link, beside in links_of(page.content, address):
                if not link.startswith(base) or link in seen or link in files:
                    continue
                if link.endswith("/"):
                    if depth < self.options.depth and len(seen) < _MOST_FOLDERS:
                        seen.add(link)
                        waiting.append((link, depth + 1, None))
                    elif depth < self.options.depth:
                        cursor.incomplete("too-many-folders")
                    continue
                name = unquote(urlsplit(link).path.rsplit("/", 1)[-1])
                if name.rsplit(".", 1)[-1].lower() not in endings:
                    continue
                files.add(link)
                # What the listing says beside a file (date, size) tells whether it changed.
                found = {"title": title_of(name), "files": [{"url": link}], "modified": _first_date(beside), "listed": beside}
                if len(unquote(link[len(base) :]).split("/")) > 1:
                    found["keywords"] = unquote(link[len(base) :]).split("/")[0]
                yield Record(
                    guid=unquote(link[len(base) :])[:2_000], content=stable_json(found), title=found["title"], url=link,
                    modified=found["modified"], parsed=found,
                )  # fmt: skip

    # --------------------------------------------------------------------------------------------------------------- translating
    def to_dataset(self, record: Record) -> dict[str, Any]:
        try:
            found = record.parsed if isinstance(record.parsed, dict) else json.loads(record.content)
        except ValueError as error:
            raise RecordError(NOT_VALID_RECORD, reason=str(error)[:150]) from None
        draft = Draft(self, record)
        draft.title(texts_of(found, "title"))
        draft.notes(texts_of(found, "description"))
        draft.keywords((word, language) for value, language in texts_of(found, "keywords") for word in many(value))
        draft.themes((value, language) for text, language in texts_of(found, "theme") for value in many(text))
        draft.licence(found.get("licence"))
        draft.default_licence(self.options)
        draft.coded("frequency", "frequencies", found.get("frequency"), tk._("the update frequency"))
        draft.languages(many(found.get("language")))
        draft.date("issued", found.get("issued"))
        draft.date("modified", found.get("modified"))
        draft.period(found.get("period_start"), found.get("period_end"))
        for place in many(found.get("place")):
            draft.place(place)
        draft.agent("publisher", texts_of(found, "publisher"))
        draft.contact(texts_of(found, "contact"), found.get("email"))
        draft.text("identifier", found.get("identifier"))
        draft.link("url", found.get("page"))
        for name, value in (found.get("other") or {}).items():
            draft.aside(plain(name)[:80], value)
        for file in found.get("files") or []:
            name = unquote(urlsplit(file["url"]).path.rsplit("/", 1)[-1])
            draft.resource(
                url=file["url"],
                names=texts_of(file, "file_title") or texts_of(file, "title") or [(title_of(name), "")],
                descriptions=texts_of(file, "file_description") or texts_of(file, "description"),
                formats=[file.get("format")],
                guid=plain(file.get("identifier")),
                size=file.get("size"),
                modified=file.get("modified"),
                more=[(plain(name)[:80], said(value)) for name, value in (file.get("other") or {}).items()],
            )
        return draft.finish()


# ------------------------------------------------------------------------------------------------------------------------- lists
def _kind(response: Response) -> str:
    start = response.content[:2000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"{", b"["):
        return "json"
    if start[:1] == b"<":
        return "folder"
    return "csv"


TooManyCells = Callable[[int, Sequence[str]], None]


def rows_of(content: bytes, url: str, kind: str, too_many_cells: TooManyCells | None = None) -> list[Any]:
    """The rows of a list: what each says in each column.

    :param kind: ``csv``, ``json`` or ``yaml``
    :param too_many_cells: told of CSV's lines that are longer than the header: the line's number, its further cells
    :raises SourceError: it is no such list
    """
    return list(_csv_rows(content, url, too_many_cells)) if kind == "csv" else _entries(content, url, kind)


def _entries(content: bytes, url: str, kind: str) -> list[Any]:
    try:
        text = content.decode("utf-8-sig")
        found = json.loads(text) if kind == "json" else yaml.load(text, _PlainLoader)  # noqa: S506 - a safe loader, without aliases
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise SourceError(NOT_EXPECTED, url=url, found=" ".join(str(error).split())[:150], expected=kind.upper()) from None
    if isinstance(found, dict):
        lists = (found.get(name) for name in ("datasets", "files", "resources"))
        found = next((value for value in lists if isinstance(value, list)), None)
    if not isinstance(found, list):
        raise SourceError(NOT_EXPECTED, url=url, found=kind.upper(), expected="[{…}, …]")
    return found


class _PlainLoader(yaml.SafeLoader):
    """YAML as people write it by hand: dates stay text, and no alias makes a small document a large one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read here")
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _csv_rows(content: bytes, url: str, too_many_cells: TooManyCells | None) -> Iterator[dict[str, Any]]:
    text = ""
    # Excel writes the code page of its Windows: French or Arabic; and UTF-16 with tabs as "Unicode text".
    wide = ["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else []
    for charset in (*wide, "utf-8-sig", "cp1256" if _looks_arabic(content) else "cp1252", "latin-1"):
        try:
            text = content.decode(charset)
            break
        except UnicodeDecodeError:
            continue
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t|", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            beyond = row.pop(None, None)  # pyright: ignore[reportCallIssue, reportArgumentType] - cells beyond the header
            if beyond and too_many_cells is not None:
                too_many_cells(reader.line_num, beyond)
            yield row
    except csv.Error as error:
        raise SourceError(NOT_EXPECTED, url=url, found=str(error), expected="CSV") from None


def _looks_arabic(content: bytes) -> bool:
    """Whether bytes above ASCII come in runs, as in Arabic words, and not one at a time, as accents do."""
    return len(re.findall(rb"[\xc0-\xff]{3,}", content)) > len(re.findall(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", content))


def _base(column: str) -> str:
    return column[:-3] if column[-3:] in ("_ar", "_fr", "_en") else column


def texts_of(found: Mapping[str, Any], name: str) -> list[tuple[Any, str]]:
    """``[(text, language or "")]`` from ``name``, ``name_ar`` and so on, or from ``{language: text}`` below ``name``."""
    texts: list[tuple[Any, str]] = []
    for language in ("", *t.LANGUAGES):
        value = found.get(f"{name}_{language}" if language else name)
        if isinstance(value, Mapping):
            texts += [(text, str(code)) for code, text in value.items()]
        elif value is not None:
            texts.append((value, language))
    return texts


def many(value: Any) -> list[Any]:
    """The values of a cell: a list, or parts between semicolons, commas and bars."""
    if isinstance(value, list):
        return value
    return [part for part in re.split("[;؛|,،]", plain(value)) if part.strip()]


# ----------------------------------------------------------------------------------------------------------------------- folders
def links_of(content: bytes, base: str) -> list[tuple[str, str]]:
    """The links of a listing with what is written beside each: ``[(address, "2020-01-01 10:00 1.2K")]``."""
    if not content.strip():
        return []
    try:
        page = lxml_html.document_fromstring(content)
    except (ValueError, lxml_html.etree.ParserError):  # pyright: ignore[reportAttributeAccessIssue]
        return []
    found: list[tuple[str, str]] = []
    for link in page.iter("a"):
        address = urljoin(base, (link.get("href") or "").strip()).split("#")[0]
        if "?" in address or not address.startswith(("http://", "https://")):
            continue
        row = next((parent for parent in link.iterancestors("tr", "li")), None)
        beside = row.text_content().replace(link.text_content(), "", 1) if row is not None else (link.tail or "")
        found.append((address, " ".join(beside.split())[:200]))
    return found


def title_of(name: str) -> str:
    """What a file's name says, as words."""
    stem = re.sub(r"(?:\.\w{2,7}){1,2}$", "", name)
    return " ".join(re.sub(r"[_\-.]+", " ", stem).split()) or name


def _first_date(text: str) -> str:
    found = re.search(r"\d{4}-\d{2}-\d{2}|\d{1,2}-[A-Za-z]{3}-\d{4}|\d{1,2}/\d{1,2}/\d{4}", text)
    return (date(found[0]) or "") if found else ""
