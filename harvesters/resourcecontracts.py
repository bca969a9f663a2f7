"""resourcecontracts.org: the metadata of contracts of oil, gas and mining, from its CSV export or its API.

The export has one line for each contract; where there are several companies their values stand in one cell, joined by ``;``, in each of
ten columns. It comes in whatever encoding the spreadsheet program had that saved it last (Mac Roman with carriage returns, Windows-1252,
UTF-8). The API lists contracts by pages (``/contracts/group``, ``/contracts``) and tells all of one at ``/contract/{id}/metadata``.

Nothing is guessed: shares are fractions of 1 in both forms and become percent by multiplying; a value that cannot be given to one company
for certain, a share that is no fraction, a contradiction stay with the record as written, and are reported.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import ckan.plugins.toolkit as tk
from babel import Locale

from ckanext.ogptn.catalogue import rules, vocabulary
from ckanext.ogptn.catalogue import text as t
from ckanext.ogptn.catalogue.rules import RuleError
from ckanext.ogptn.extractive import themes

from .engine.base import Backend, Cursor, HttpClient, Options, Record, SourceError, Validators, option
from .engine.problems import NO_GUID, NOT_EXPECTED, NOT_VALID_RECORD, Kind, RecordError, Severity
from .foreign import BAD_DATE, BAD_LINK, TOO_LONG, UNKNOWN_TERM, Draft, LicensedOptions, clean, date, link, plain, stable_json

# ---------------------------------------------------------------------------------------------------------------------- problems
NOT_AN_OCID = Kind(
    "not-an-ocid",
    Severity.ERROR,
    lambda: tk._("“{value}” stands where the contract’s open-contracting identifier belongs (ocds-… ); the contract was left out."),
    lambda: tk._("Look at the line at the source: a column may be missing or moved."),
)
OTHER_WIDTH = Kind(
    "wrong-number-of-cells",
    Severity.ERROR,
    lambda: tk._("The line has {found} cells, the header {expected}; the contract was left out."),
    lambda: tk._("Correct the line at the source: a separator or a quotation mark is missing or too much."),
)
NONE_OF_COUNTRY = Kind(
    "no-contract-of-the-country",
    Severity.ERROR,
    lambda: tk._("None of the {count} contracts is of the country {value}."),
    lambda: tk._("Check the source’s address and its option “Country”."),
)
UNALIGNED = Kind(
    "unaligned-parties",
    Severity.WARNING,
    lambda: tk._("{name} has {found} values for {expected} companies, so that nobody can tell whose they are; kept as written."),
    lambda: tk._("Look them up in the contract and add them here; what you enter is kept at the next harvest."),
)
NAMELESS = Kind(
    "party-without-name",
    Severity.WARNING,
    lambda: tk._("A party has no name; what is said of it was kept as written: {value}"),
    lambda: tk._("Look the company up in the contract and add it here."),
)
ODD_SHARE = Kind(
    "unsure-share",
    Severity.WARNING,
    lambda: tk._("“{value}” is not a share between 0 and 1; it was kept as written."),
    lambda: tk._("Look the share up in the contract and enter it in percent."),
)
OVER_ALL = Kind(
    "shares-over-100",
    Severity.WARNING,
    lambda: tk._("The shares together are more than the whole ({value}); they were kept as written."),
    lambda: tk._("Look the shares up in the contract and enter them in percent."),
)
ODD_OPERATOR = Kind(
    "unsure-operator",
    Severity.WARNING,
    lambda: tk._("“{value}” does not say for certain which company operates; it was kept as written."),
    lambda: tk._("Look the operator up in the contract and mark it here."),
)
NAME_AS_NUMBER = Kind(
    "permit-name-as-number",
    Severity.WARNING,
    lambda: tk._("“{value}” stands in the column of the permit’s number, and is a name; it was taken as the name."),
    lambda: tk._("Nothing to do if it is the name of the permit; else correct it here."),
)
MODEL_WITH_PARTIES = Kind(
    "model-with-parties",
    Severity.WARNING,
    lambda: tk._("The source calls this a model contract, yet it names parties and a date of signature."),
    lambda: tk._("Look at the document and choose the kind of record; your choice is kept at the next harvest."),
)
UNSURE_AMENDMENT = Kind(
    "unsure-amendment",
    Severity.WARNING,
    lambda: tk._("The title speaks of an amendment, the type of contract ({value}) does not; it was taken as a contract."),
    lambda: tk._("Look at the document and choose the kind of record; your choice is kept at the next harvest."),
)
UNSAID_AMENDMENT = Kind(
    "unsaid-amendment",
    Severity.WARNING,
    lambda: tk._("The type of contract ({value}) speaks of an amendment, the title does not; it was taken as an amendment."),
    lambda: tk._("Look at the document and choose the kind of record; your choice is kept at the next harvest."),
)
NO_SECTOR = Kind(
    "unknown-sector",
    Severity.WARNING,
    lambda: tk._("The contract names no substance that tells its sector, which is “Other” until somebody chooses."),
    lambda: tk._("Choose the sector; your choice is kept at the next harvest."),
)

# ----------------------------------------------------------------------------------------------------------------------- the form
#: Columns of the export of 2017, by what they tell.
COLUMNS = (
    "OCID", "Category", "Contract Name", "Contract Identifier", "Language", "Country Name", "Resource", "Contract Type", "Signature Date",
    "Document Type", "Government Entity", "Government Identifier", "Company Name", "Company Address", "Jurisdiction of Incorporation",
    "Registration Agency", "Company Number", "Corporate Grouping", "Participation Share", "Open Corporates Link", "Incorporation Date",
    "Operator", "Project Title", "Project Identifier", "License Name", "License Identifier", "Source Url", "Disclosure Mode",
    "Retrieval Date", "Pdf Url", "Deal Number", "Contract Note", "Matrix Page", "Annotation Category", "Annotation Text",
)  # fmt: skip
_BY_NAME = {" ".join(name.casefold().split()): name for name in COLUMNS}
_NEEDED = ("OCID", "Contract Name")
#: Of each company: the column, and the field of our party.
_PARTY = {
    "Company Address": "address",
    "Jurisdiction of Incorporation": "country",
    "Registration Agency": "registry",
    "Company Number": "identifier",
    "Corporate Grouping": "parent_company",
    "Participation Share": "share",
    "Open Corporates Link": "url",
    "Incorporation Date": "incorporated_on",
    "Operator": "operator",
}
#: What the schema takes, in characters.
_LENGTHS = {"company": 500, "address": 1_000, "registry": 300, "identifier": 200, "parent_company": 500}
_ASIDE = ("Contract Identifier", "Retrieval Date", "Deal Number", "Matrix Page", "Annotation Category", "Annotation Text")
#: "-1" is the database's own mark of an operator that nobody knows (its form: yes 1, no 0, not available -1).
_UNKNOWN = {"", "not available", "not specified", "n/a", "null"}
_OPERATOR = {"yes": "yes", "1": "yes", "true": "yes", "no": "no", "0": "no", "false": "no"}
#: Open Contracting Data Standard 1.1, "Open Contracting Identifier": a registered prefix, then the publisher's own identifier.
_OCID = re.compile(r"ocds-[a-z0-9]{6}-[\w./-]{1,150}", re.IGNORECASE)
#: A cell that goes on over the next contract: a quotation mark was never closed.
_SWALLOWED = re.compile(r"\nocds-[a-z0-9]{6}-", re.IGNORECASE)
_LARGEST = 5_000_000
_PER_PAGE = 100
#: The address of a dataset of a CKAN site, and identifiers that it may end with.
_DATASET = re.compile(r"/dataset/([^/?#\s]+)")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Kinds of record that a contract is joined with by the name of its permit.
_LINKED = ["contract"]
#: The same of specifications ("cahier des charges"), which the portal files by mine and quarry.
_LINKED_SPECIFICATIONS = ["model_contract", "contract"]
#: Substances of our vocabulary whose sector is not mining. Gypsum is: the industry portal lists its permits as group 4 of mining titles.
_SECTORS = {
    "hydrocarbons": ("oil", "gas"), "2709": ("oil",), "2710": ("oil",), "2713": ("oil",), "2711": ("gas",), "2501": ("salt",),
    "2716": ("electricity",), "2505": ("quarrying",), "2515": ("quarrying",), "2516": ("quarrying",), "2517": ("quarrying",),
}  # fmt: skip
_AMENDMENT = re.compile(r"\b(?:avenant|additif|amendment|addendum)\b|ملحق", re.IGNORECASE)
_FRENCH = {"contrat", "convention", "avenant", "additif", "cahier", "charges", "partage", "permis", "association", "du", "des", "de", "la",
           "le", "les", "et", "à", "au", "aux", "pour", "avec", "régissant", "issue"}  # fmt: skip
_ENGLISH = {"contract", "agreement", "amendment", "tunisia", "libya", "sharing", "venture", "permit", "license", "model", "this", "was",
            "not", "and", "of", "the", "by"}  # fmt: skip


@dataclass(frozen=True)
class ResourceContractsOptions(LicensedOptions):
    """Options of :class:`ResourceContractsBackend`."""

    country: str = option(
        "TN",
        lambda: tk._("Country"),
        help=lambda: tk._("Two-letter code; contracts of other countries are left out. Empty: all countries."),
        maximum=2,
    )
    encoding: str = option(
        "",
        lambda: tk._("Encoding of the CSV file"),
        choices=lambda: {"": tk._("Find out"), "utf-8": "UTF-8", "cp1252": "Windows-1252", "mac_roman": "Mac Roman"},
    )
    keywords: str = option(
        "",
        lambda: tk._("Keywords of every record"),
        help=lambda: tk._("The source has no keywords: those that all of its records get, with commas between."),
        maximum=500,
    )

    def check(self) -> dict[str, list[str]]:
        errors = super().check()
        if self.country and self.country.upper() not in Locale("en").territories:
            errors["country"] = [tk._("Give the two-letter code of a country, such as TN, or nothing.")]
        return errors


@dataclass
class _Contract:
    """A contract as either form tells it; texts as written.

    :ivar parties: field of our schema → text
    :ivar permits: name and number
    :ivar unaligned: column, its text, its values, the companies
    """

    ocid: str
    name: str = ""
    language: str = ""
    countries: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    document_type: str = ""
    signed: str = ""
    entities: list[tuple[str, str]] = field(default_factory=list)
    parties: list[dict[str, str]] = field(default_factory=list)
    permits: list[tuple[str, str]] = field(default_factory=list)
    project: str = ""
    project_identifier: str = ""
    source_url: str = ""
    disclosed_by: str = ""
    note: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)
    aside: dict[str, str] = field(default_factory=dict)
    unaligned: list[tuple[str, str, int, int]] = field(default_factory=list)


class ResourceContractsBackend(Backend):
    """Reads the contracts' metadata from the CSV export or from the API."""

    name: ClassVar[str] = "resourcecontracts"
    dataset_type: ClassVar[str] = "extractive"
    # 2: with links to the portal of the ministry. 3: specifications link to specifications.
    version: ClassVar[int] = 3
    Options: ClassVar[type[Options]] = ResourceContractsOptions
    options: ResourceContractsOptions

    @classmethod
    def label(cls) -> str:
        return tk._("Contracts of resourcecontracts.org")

    @classmethod
    def description(cls) -> str:
        return tk._("Its CSV export, or its API: https://api.resourcecontracts.org/contracts/group?country_code=tn")

    # ------------------------------------------------------------------------------------------------------------------- reading
    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        """All contracts of the country; see `Backend`.

        :raises SourceError: it cannot be fetched, or is neither the export nor an answer of the API
        """
        kept = left = 0
        validators = Validators(**cursor.state.get("document", {}))
        with http.stream(self.source.url, accept="text/csv, application/json, */*;q=0.1", validators=validators or None) as stream:
            if stream.not_modified:
                cursor.all_unchanged()
                return
            table = _Table(stream, self.options.encoding)
            if not table.is_json:
                for found in self._lines(table, cursor):
                    if not self._is_of_country(_from_line(found)):
                        left += 1
                    elif (record := self._record(found, _from_line(found), cursor)) is not None:
                        kept += 1
                        yield record
                if left and not kept:
                    raise SourceError(NONE_OF_COUNTRY, count=left, value=self.options.country)
                cursor.state["document"] = {"etag": stream.validators.etag, "last_modified": stream.validators.last_modified}
                return
            first = table.json()
        for found, url in self._of_api(http, first, cursor):
            contract = _from_api(found)
            if not self._is_of_country(contract):
                left += 1
                continue
            kept += 1
            if (record := self._record(found, contract, cursor, url)) is not None:
                yield record
        if cursor.expected is not None:
            cursor.expect(cursor.expected - left)
        if left and not kept:
            raise SourceError(NONE_OF_COUNTRY, count=left, value=self.options.country)

    def _is_of_country(self, contract: _Contract) -> bool:
        names = {t.fold(name) for name in contract.countries}
        return not self.options.country or not names or bool(names & _country_names(self.options.country.upper()))

    def _record(self, found: Mapping[str, Any], contract: _Contract, cursor: Cursor, url: str = "") -> Record | None:
        if not contract.ocid or not _OCID.fullmatch(contract.ocid):
            if contract.ocid:
                self.report(NOT_AN_OCID, title=contract.name, value=contract.ocid)
            else:
                self.report(NO_GUID, title=contract.name)
            # Nobody can tell which contract it was: it must not pass for one that is gone.
            cursor.incomplete(NO_GUID.slug)
            return None
        content = stable_json(found)
        if len(content) > _LARGEST:
            self.report(NOT_VALID_RECORD, guid=contract.ocid, title=contract.name, reason=f"{len(content)} B > {_LARGEST} B")
            cursor.present(contract.ocid)
            return None
        return Record(guid=contract.ocid, content=content, title=contract.name, url=url, parsed=dict(found))

    def _lines(self, table: _Table, cursor: Cursor) -> Iterator[dict[str, str]]:
        """Lines of the export: what stands in each column that is not empty."""
        lines = table.lines()
        header = next(lines, [])
        columns = [_BY_NAME.get(" ".join(name.casefold().split()), name.strip()) for name in header]
        if missing := [name for name in _NEEDED if name not in columns]:
            raise SourceError(NOT_EXPECTED, url=table.url, found=", ".join(columns)[:200] or "∅", expected=f"CSV ({', '.join(missing)})")
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns) or any(_SWALLOWED.search(cell) for cell in cells):
                ocid, title = (plain(cells[at])[:200] if (at := columns.index(name)) < len(cells) else "" for name in _NEEDED)
                self.report(OTHER_WIDTH, guid=ocid, title=title, found=len(cells), expected=len(columns))
                cursor.incomplete(OTHER_WIDTH.slug)
                continue
            yield {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if name and cell.strip()}

    # -- the API
    def _of_api(self, http: HttpClient, first: Any, cursor: Cursor) -> Iterator[tuple[dict[str, Any], str]]:
        """The metadata of each contract, with its address."""
        base, listed = _api(self.source.url)
        page = first
        asked: set[str] = set()
        seen = 0
        while True:
            entries = page.get("results") if isinstance(page, Mapping) else page
            if isinstance(page, Mapping) and "open_contracting_id" in page:
                entries = [page]
            if not isinstance(entries, list):
                raise SourceError(NOT_EXPECTED, url=self.source.url, found="JSON", expected="{“total”, “results”: […]}")
            fresh = False
            for entry in entries:
                seen += 1
                mark = str(entry.get("id") or entry.get("open_contracting_id") or "") if isinstance(entry, Mapping) else ""
                if mark and mark in asked:
                    continue
                fresh = True
                asked.add(mark)
                yield from self._of_entry(http, entry, mark, base, cursor)
            total = page.get("total") if isinstance(page, Mapping) else None
            if not isinstance(total, int) or isinstance(total, bool):
                return
            cursor.expect(total)
            # A page with nothing new: the list turns in a circle, or is shorter than it says; the engine sees that contracts are missing.
            if seen >= total or not fresh:
                return
            page = http.get(_with(listed, {"from": seen, "per_page": _PER_PAGE}), accept="application/json").json()

    def _of_entry(self, http: HttpClient, entry: Any, mark: str, base: str, cursor: Cursor) -> Iterator[tuple[dict[str, Any], str]]:
        if not isinstance(entry, Mapping) or not re.fullmatch(r"[\w.-]{1,200}", mark):
            self.report(NOT_VALID_RECORD, title=mark, reason=f"{type(entry).__name__}: id = {mark or '∅'}")
            cursor.incomplete(NOT_VALID_RECORD.slug)
            return
        if "participation" in entry:
            yield dict(entry), ""
            return
        # What a list says of a contract is enough to leave it out without asking for the rest.
        if not self._is_of_country(_from_api(entry)):
            yield dict(entry), ""
            return
        url = f"{base}/contract/{mark}/metadata"
        answer = http.get(url, accept="application/json", max_bytes=_LARGEST, allow_status=(404, 410))
        found = answer.json() if answer.status < 400 else None
        if not isinstance(found, Mapping):
            ocid = plain(entry.get("open_contracting_id"))
            self.report(NOT_VALID_RECORD, guid=ocid, title=plain(entry.get("name")), reason=f"{url}: HTTP {answer.status}")
            cursor.present(ocid)
            return
        yield {"open_contracting_id": entry.get("open_contracting_id"), **found}, url

    # --------------------------------------------------------------------------------------------------------------- translating
    def to_dataset(self, record: Record) -> dict[str, Any]:
        try:
            found = record.parsed if isinstance(record.parsed, dict) else json.loads(record.content)
        except ValueError as error:
            raise RecordError(NOT_VALID_RECORD, reason=str(error)[:150]) from None
        contract = _from_line(found) if "OCID" in found else _from_api(found)
        draft = Draft(self, record)
        data = draft.data
        data["type"] = self.dataset_type
        draft.title([(contract.name, _language(contract.name, contract.language))])
        draft.text("identifier", contract.ocid)
        draft.text("contract_identifier", contract.ocid)
        self._kind(draft, contract)
        self._substances(draft, contract)
        draft.languages([contract.language] if contract.language else [])
        draft.date("signed_on", contract.signed)
        for country in contract.countries:
            draft.place(country)
        self._parties(draft, contract)
        self._entities(draft, contract)
        self._permits(draft, contract)
        draft.text("project", contract.project, 300)
        draft.text("project_identifier", contract.project_identifier, 100)
        draft.link("url", contract.source_url)
        if contract.disclosed_by:
            self._coded(draft, "disclosure_mode", "disclosure_modes", [contract.disclosed_by], tk._("who disclosed it"))
            if modes := data.pop("disclosure_mode", None):
                data["disclosure_mode"] = modes[0]
        draft.translated("remarks", [(contract.note, _language(contract.note, contract.language))])
        draft.default_licence(self.options)
        for name, value in contract.aside.items():
            draft.aside(name, value)
        for number, file in enumerate(contract.files):
            draft.resource(
                url=file.get("url"),
                names=[(contract.name, _language(contract.name, contract.language))],
                formats=[file.get("media_type")],
                guid=f"{contract.ocid}#{number}",
                size=file.get("byte_size"),
                languages=[contract.language] if contract.language else [],
            )
        draft.keywords([(self.options.keywords, "")])
        return draft.finish()

    def _kind(self, draft: Draft, contract: _Contract) -> None:
        """The kind of record and the types of document."""
        self._coded(draft, "document_types", "extractive_documents", contract.types, tk._("the type of document"))
        types = draft.data.get("document_types", [])
        model = plain(contract.document_type).casefold() == "model contract"
        if model:
            draft.data["record_kind"] = "model_contract"
            if contract.signed and any(party.get("company") for party in contract.parties):
                self.report(MODEL_WITH_PARTIES, field="record_kind")
        elif "avenant" in types:
            draft.data["record_kind"] = "amendment"
            if not _AMENDMENT.search(contract.name):
                self.report(UNSAID_AMENDMENT, field="record_kind", value=", ".join(contract.types))
        else:
            draft.data["record_kind"] = "contract"
            if _AMENDMENT.search(contract.name):
                self.report(UNSURE_AMENDMENT, field="record_kind", value=", ".join(contract.types) or "∅")
        if not model and plain(contract.document_type).casefold() not in ("", "contract"):
            draft.aside("document_type", contract.document_type)

    def _substances(self, draft: Draft, contract: _Contract) -> None:
        self._coded(draft, "commodities", "commodities", contract.resources, tk._("the commodity"))
        codes = draft.data.get("commodities", [])
        sectors = dict.fromkeys(sector for code in codes for sector in _SECTORS.get(code, ("mining",)))
        if not sectors:
            self.report(NO_SECTOR, field="sectors")
        draft.data["sectors"] = list(sectors) or ["other"]
        if filed := themes.of_sectors(sectors):
            draft.data["theme"] = filed

    def _coded(self, draft: Draft, name: str, terms: str, values: list[str], called: str) -> None:
        """A field of several terms; what is none of the vocabulary's is kept aside."""
        known = vocabulary.get(terms)
        codes: dict[str, None] = {}
        strange: list[str] = []
        for value in values:
            if term := known.find(plain(value)):
                codes.setdefault(term.code)
            else:
                strange.append(plain(value))
                self.report(UNKNOWN_TERM, field=name, value=plain(value), name=called)
        if codes:
            draft.data[name] = list(codes)
        if strange:
            draft.aside(name, "; ".join(strange))

    # -- who
    def _parties(self, draft: Draft, contract: _Contract) -> None:
        for column, written, found, expected in contract.unaligned:
            self.report(UNALIGNED, field="parties", name=column, found=found, expected=expected)
            draft.aside(_key(column), written)
        rows: list[dict[str, str]] = []
        doubts: dict[str, list[str]] = {}
        for told in contract.parties:
            row = self._party(told, doubts, f"parties-{len(rows)}")
            if row is not None:
                rows.append(row)
        if sum(row.get("operator") == "yes" for row in rows) > 1:
            named = "; ".join(row["company"] for row in rows if row.get("operator") == "yes")
            self.report(ODD_OPERATOR, field="parties", value=named)
            doubts.setdefault("operator", []).append(named)
            for row in rows:
                row.pop("operator", None)
        shares = [f"{row['share']} %" for row in rows if "share" in row]
        try:
            rules.shares(Decimal(row["share"]) for row in rows if "share" in row)
        except RuleError:
            self.report(OVER_ALL, field="parties", value=" + ".join(shares))
            doubts["share"] = [f"{row['company']}: {row.pop('share')} %" for row in rows if "share" in row]
        for name, written in doubts.items():
            draft.aside(f"party_{name}", "; ".join(written))
        if rows:
            draft.data["parties"] = rows

    def _party(self, told: Mapping[str, str], doubts: dict[str, list[str]], where: str) -> dict[str, str] | None:
        """One company; what cannot be stored as a value goes to ``doubts``, by field."""
        known = {name: text for name, value in told.items() if (text := plain(value)).casefold() not in _UNKNOWN}
        if known.get("operator") == "-1":
            del known["operator"]
        company = known.pop("company", "")
        if not company:
            if known:
                written = "; ".join(f"{name}: {value}" for name, value in known.items())
                self.report(NAMELESS, field="parties", value=written)
                doubts.setdefault("without_name", []).append(written)
            return None

        def doubt(kind: Kind, name: str, /, **values: Any) -> None:
            self.report(kind, field=f"{where}-{name}", value=known[name], **values)
            doubts.setdefault(name, []).append(f"{company}: {known[name]}")

        row = {"company": company}
        row.update({name: known[name] for name in ("address", "registry", "identifier", "parent_company") if name in known})
        for name, value in row.items():
            if len(value) > _LENGTHS[name]:
                self.report(TOO_LONG, field=f"{where}-{name}", length=len(value), limit=_LENGTHS[name])
                row[name] = value[: _LENGTHS[name] - 1].rstrip() + "…"
        if "share" in known:
            share = _percent(known["share"])
            if share is None:
                doubt(ODD_SHARE, "share")
            else:
                row["share"] = share
        if "operator" in known:
            operator = _OPERATOR.get(known["operator"].casefold())
            if operator is None:
                doubt(ODD_OPERATOR, "operator")
            else:
                row["operator"] = operator
        if "country" in known:
            if re.fullmatch(r"[A-Za-z]{2}", known["country"]):
                row["country"] = known["country"].upper()
            else:
                doubt(UNKNOWN_TERM, "country", name=tk._("the country of registration"))
        if "url" in known:
            if address := link(known["url"]):
                row["url"] = address
            else:
                doubt(BAD_LINK, "url")
        if "incorporated_on" in known:
            if founded := date(known["incorporated_on"]):
                row["incorporated_on"] = founded
            else:
                doubt(BAD_DATE, "incorporated_on")
        return row

    def _entities(self, draft: Draft, contract: _Contract) -> None:
        rows: list[dict[str, str]] = []
        for name, number in contract.entities:
            row = {"name": plain(name)[:500]}
            if plain(number):
                row["identifier"] = plain(number)[:100]
            if row["name"] and row not in rows:
                rows.append(row)
        if rows:
            draft.data["government_entities"] = rows

    def _permits(self, draft: Draft, contract: _Contract) -> None:
        rows: list[dict[str, str]] = []
        for name, number in contract.permits:
            called, numbered = (text if (text := plain(value)).casefold() not in _UNKNOWN else "" for value in (name, number))
            if numbered and not called and not re.search(r"\d", numbered):
                self.report(NAME_AS_NUMBER, field="permits", value=numbered)
                called, numbered = numbered, ""
            row = {key: value for key, value in (("name", called[:300]), ("number", numbered[:100])) if value}
            if row and row not in rows:
                rows.append(row)
        if rows:
            draft.data["permits"] = rows
        self._links(draft, contract, [row["name"] for row in rows if "name" in row])

    @staticmethod
    def _links(draft: Draft, contract: _Contract, permits: list[str]) -> None:
        """What the engine is to join the contract with: the record that it was taken from, by its address, else the conventions of the same
        permits, as the portal of the ministry has them."""
        came_from = _DATASET.search(contract.source_url)
        told: dict[str, str] = {}
        if came_from:
            told = {"guid" if _UUID.fullmatch(came_from[1]) else "slug": came_from[1]}
        kinds = _LINKED_SPECIFICATIONS if "cahier_charges" in (draft.data.get("document_types") or ()) else _LINKED
        links = [{"field": "related_records", **told, "permit": permit, "kinds": kinds} for permit in permits]
        if not links and told:
            links = [{"field": "related_records", **told}]
        if links:
            draft.data["links"] = links


# ------------------------------------------------------------------------------------------------------------------- the two forms
def _from_line(found: Mapping[str, Any]) -> _Contract:
    """A line of the export."""
    told = {name: clean(value, one_line=name != "Contract Note") for name, value in found.items()}
    companies = told.get("Company Name", "").split(";")
    parties = [{"company": name} for name in companies]
    unaligned = []
    for column, name in _PARTY.items():
        cells = [cell.strip() for cell in told.get(column, "").split(";")]
        if all(cell.casefold() in _UNKNOWN or (name == "operator" and cell == "-1") for cell in cells):
            continue
        if len(cells) != len(companies):
            unaligned.append((column, told[column], len(cells), len(companies)))
            continue
        for party, cell in zip(parties, cells, strict=True):
            party[name] = cell
    permits = [told.get("License Name", ""), told.get("License Identifier", "")]
    names, numbers = (value.split(";") for value in permits)
    if len(names) == len(numbers):
        pairs = list(zip(names, numbers, strict=True))
    else:
        pairs = [*((name, "") for name in names), *(("", number) for number in numbers)]
    contract = _Contract(
        ocid=told.get("OCID", ""),
        name=plain(told.get("Contract Name")),
        language=told.get("Language", ""),
        countries=_several(told.get("Country Name")),
        resources=_several(told.get("Resource")),
        types=_several(told.get("Contract Type")),
        document_type=told.get("Document Type", ""),
        signed=told.get("Signature Date", ""),
        parties=parties,
        permits=pairs,
        project=told.get("Project Title", ""),
        project_identifier=told.get("Project Identifier", ""),
        source_url=told.get("Source Url", ""),
        disclosed_by=told.get("Disclosure Mode", ""),
        note=told.get("Contract Note", ""),
        unaligned=unaligned,
    )
    bodies = _several(told.get("Government Entity"))
    numbers = _several(told.get("Government Identifier"))
    if len(numbers) == len(bodies):
        contract.entities = list(zip(bodies, numbers, strict=True))
    else:
        contract.entities = [(body, "") for body in bodies]
        if numbers:
            contract.aside["government_identifier"] = "; ".join(numbers)
    contract.files = [{"url": url} for url in re.split(r";(?=\s*https?://)", told.get("Pdf Url", "")) if url.strip()]
    for name, value in told.items():
        if name in _ASIDE or name not in COLUMNS:
            contract.aside[_key(name)] = value
    return contract


def _from_api(found: Mapping[str, Any]) -> _Contract:
    """An answer of ``/contract/{id}/metadata``, or an entry of a list."""

    def rows(name: str) -> list[Mapping[str, Any]]:
        return [row for row in _list(found.get(name)) if isinstance(row, Mapping)]

    def part(row: Mapping[str, Any], *path: str) -> str:
        value: Any = row
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return clean(str(value).lower() if isinstance(value, bool) else value, one_line=True)

    countries = [*_list(found.get("countries")), *_list(found.get("country"))] or _list(found.get("country_code"))
    publisher = found.get("publisher")
    contract = _Contract(
        ocid=plain(found.get("open_contracting_id")),
        name=plain(found.get("name")),
        language=plain(found.get("language")),
        countries=list(dict.fromkeys(name for each in countries if (name := plain(_one(each, "name") or _one(each, "code") or each)))),
        resources=_texts(found.get("resource")),
        types=_texts(found.get("contract_type")),
        document_type=plain(found.get("type") or found.get("document_type")),
        signed=plain(found.get("date_signed")) or plain(found.get("year_signed")),
        entities=[(part(row, "name"), part(row, "identifier")) for row in rows("government_entity")],
        parties=[
            {
                "company": part(row, "company", "name"),
                "address": part(row, "company", "address"),
                "country": part(row, "company", "identifier", "creator", "spatial"),
                "registry": part(row, "company", "identifier", "creator", "name"),
                "identifier": part(row, "company", "identifier", "id"),
                "parent_company": part(row, "company", "corporate_grouping"),
                "url": part(row, "company", "opencorporates_url"),
                "incorporated_on": part(row, "company", "founding_date"),
                "share": part(row, "share"),
                "operator": part(row, "is_operator"),
            }
            for row in rows("participation")
        ],
        permits=[(part(row, "name"), part(row, "identifier")) for row in rows("concession")],
        project=part(found, "project", "name"),
        project_identifier=part(found, "project", "identifier"),
        source_url=plain(found.get("source_url")),
        disclosed_by=part(publisher, "type") if isinstance(publisher, Mapping) else "",
        note=clean(found.get("note")),
        files=[dict(row) for row in rows("file")],
    )
    for name in ("identifier", "retrieved_at", "deal_number", "matrix_page"):
        if value := plain(found.get(name)):
            contract.aside["contract_identifier" if name == "identifier" else name] = value
    for name in ("parent", "associated"):
        if others := [" – ".join(filter(None, (part(row, "open_contracting_id"), part(row, "name")))) for row in rows(name)]:
            contract.aside[f"{name}_contracts"] = "; ".join(others)
    if isinstance(publisher, Mapping) and (note := part(publisher, "note")):
        contract.aside["disclosure_note"] = note
    return contract


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else ([] if value in (None, "") else [value])


def _texts(value: Any) -> list[str]:
    return [text for each in _list(value) if (text := plain(each)) and text.casefold() not in _UNKNOWN]


def _one(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _several(cell: Any) -> list[str]:
    """The values of a cell, without those that say "we do not know"."""
    return [text for part in str(cell or "").split(";") if (text := part.strip()) and text.casefold() not in _UNKNOWN]


def _key(column: str) -> str:
    return re.sub(r"\W+", "_", plain(column).casefold()).strip("_")[:80]


@cache
def _country_names(code: str) -> frozenset[str]:
    """A country's code and its names in English, French and Arabic, folded."""
    return frozenset(t.fold(name) for name in (code, *(Locale(language).territories.get(code, code) for language in t.LANGUAGES)))


def _percent(written: str) -> str | None:
    """A fraction of 1 in percent, exactly; None for what is none: ``"0.403846"`` is ``"40.3846"``, ``"50"`` nobody can tell."""
    try:
        fraction = Decimal(t.western_digits(written).replace(",", "."))
    except InvalidOperation:
        return None
    if not fraction.is_finite() or not 0 <= fraction <= 1:
        return None
    return f"{(fraction * 100).normalize():f}"


def _language(text: str, stated: str) -> str:
    """The language of a title: by its script, then by its words; ``""`` when neither tells and the document's cannot be it.

    ``stated`` is the language of the document: a title in French stands over a document in Arabic, one in English over one in French.
    """
    if t.is_arabic(text):
        return "ar"
    words = re.findall(r"[^\W\d_]+", text.casefold())
    french, english = (sum(word in known for word in words) for known in (_FRENCH, _ENGLISH))
    if french != english:
        return "fr" if french > english else "en"
    return stated if stated[:2] in ("fr", "en") else ""


def _api(url: str) -> tuple[str, str]:
    """Where the API begins, and the address of the list."""
    parts = urlsplit(url)
    path = re.sub(r"/contracts?(?:/.*)?$", "", parts.path).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), url


def _with(url: str, values: Mapping[str, int]) -> str:
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in values]
    return urlunsplit(parts._replace(query=urlencode([*query, *values.items()]), fragment=""))


# ----------------------------------------------------------------------------------------------------------------------- the table
#: What French and English metadata is written with beyond ASCII; the common ones weigh more.
_EXPECTED = {**dict.fromkeys("éèêàçôîùûëïâœ", 3), **dict.fromkeys("’‘“”–—«»°…\u00a0ü", 2), **dict.fromkeys("ÉÈÀÇÊÎÔŒäöñáíóúß•€", 1)}


class _Table:
    """The document behind a stream: the API's JSON, or lines of CSV in whatever encoding, with whatever separator and line ends.

    The stream is read twice, once for its encoding, and never held as a whole.

    :param stream: the contract's `Stream` (with the file behind it)
    :param encoding: of the CSV; ``""`` to find out
    :raises SourceError: it is a web page
    """

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self.url = str(stream.url)
        start = stream.read(4096)
        begin = start.removeprefix(codecs.BOM_UTF8).lstrip()
        if begin[:1] == b"<":
            raise SourceError(NOT_EXPECTED, url=self.url, found="HTML", expected="CSV (OCID, …)")
        self.is_json = begin[:1] in (b"{", b"[")
        self._encoding = encoding if encoding or self.is_json else self._find_encoding(start)
        stream.file.seek(0)

    def json(self) -> Any:
        content = self._stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise SourceError(NOT_EXPECTED, url=self.url, found=f"> {_LARGEST} B", expected="{“total”, “results”: […]}")
        try:
            return json.loads(content.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise SourceError(NOT_EXPECTED, url=self.url, found=str(error)[:100], expected="JSON") from None

    def _find_encoding(self, start: bytes) -> str:
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        high: Counter[int] = Counter()
        utf8 = True
        chunk = start
        while chunk:
            high.update(chunk.translate(None, bytes(range(128))))
            if utf8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    utf8 = False
            chunk = self._stream.read(1 << 16)
        if utf8:
            return "utf-8-sig"

        def likely(encoding: str) -> int:
            return sum(
                count * _EXPECTED.get(bytes([byte]).decode(encoding, "replace"), -1) for byte, count in high.items()
            )  # fmt: skip

        return max(("cp1252", "mac_roman"), key=likely)

    def lines(self) -> Iterator[list[str]]:
        """The header, then the lines, as lists of cells.

        :raises SourceError: this is no CSV
        """
        # Any line end, a carriage return alone included, counts as one.
        text = io.TextIOWrapper(io.BufferedReader(_Raw(self._stream)), encoding=self._encoding, errors="replace", newline=None)
        header = text.readline(100_000)
        separator = max(",;\t|", key=lambda each: sum(" ".join(n.casefold().split()) in _BY_NAME for n in _cells(header, each)))
        yield _cells(header, separator)
        reader = csv.reader(text, delimiter=separator)
        try:
            yield from reader
        except csv.Error as error:
            raise SourceError(NOT_EXPECTED, url=self.url, found=f"{reader.line_num + 1}: {error}", expected="CSV") from None


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])


class _Raw(io.RawIOBase):
    """A stream as the standard library wants one; every read goes through the engine's, which can be stopped."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)
