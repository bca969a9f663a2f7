"""The real records of the source portals fit the types without losing a field (a table by hand says where each field goes)."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest

pytestmark = pytest.mark.shared

Record = dict[str, Any]
#: Field of the source → what it becomes; ``None`` stands for a value that says "nothing".
Move = Callable[[Any, Record], None]

LANGUAGE_OF = {"fr": "FRA", "en": "ENG", "ar": "ARA"}


def put(name: str, change: Callable[[Any], Any] = lambda value: value) -> Move:
    def move(value: Any, record: Record) -> None:
        record[name] = change(value)

    return move


def script(text: str) -> str:
    return "ar" if any("\u0600" <= character <= "\u06ff" for character in text) else "fr"


def titled(value: str) -> dict[str, str]:
    return {script(value): value}


def keywords(words: list[str]) -> dict[str, list[str]]:
    split: dict[str, list[str]] = {}
    for word in words:
        split.setdefault(script(word), []).append(word)
    return split


def period(value: Any, record: Record) -> None:
    start, _, end = value.partition("..") if isinstance(value, str) else (value[0], "", value[-1])
    if end < start:
        # One record of the portal ends before it begins: what it says is kept as it says it.
        record["temporal_text"] = f"{start}..{end}"
    else:
        record["temporal_coverage"] = [{"start": start, "end": end}]


def licence(value: str, record: Record) -> None:
    record["source_licence"] = value
    record["license_id"] = value


def files(value: list[Record], record: Record) -> None:
    record["resources"] = []
    for source in value:
        resource: Record = {"url": ""}
        for name, part in source.items():
            FILE[name](part, resource)
        record["resources"].append(resource)


def file_name(value: str, resource: Record) -> None:
    # What the portal kept of the address: its last part. The address itself is not in the sample.
    resource["url"] = f"https://catalog.example.tn/download/{value}"


def address(value: str, resource: Record) -> None:
    resource["url"] = value if "://" in value else ""
    if value and "://" not in value:
        resource["source_address"] = value


FILE: dict[str, Move] = {
    "name": put("name_translated", titled),
    "format": put("format"),
    "file": file_name,
    "url": address,
    "datastore": put("datastore_at_source", str),
}
INDUSTRY: dict[str, Move] = {
    "name": put("source_identifier"),
    "title": put("title_translated", titled),
    "notes": put("notes_translated", titled),
    "org": put("source_publisher"),
    "tags": put("tags_translated", keywords),
    "modified": put("source_modified"),
    "license": licence,
    "period": period,
    "place": put("spatial_text"),
    "resources": files,
}


def industry(folder: Path) -> Iterator[Record]:
    for line in (folder / "industrie.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def contracts(folder: Path) -> Iterator[Record]:
    text = (folder / "resourcecontracts-tunisia.csv").read_bytes().decode("mac_roman").replace("\r\n", "\n").replace("\r", "\n")
    yield from csv.DictReader(io.StringIO(text, newline=""))


PARTY = {
    "Company Name": "company",
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
#: The export's words for "we do not know".
UNKNOWN = {"Not Available", "Not Specified", ""}
#: "-1" is the export's other word for "we do not know"; "e" is what is left of a word that the export cut ("Yes;e", four rows).
OPERATOR = {"Yes": "yes", "No": "no", "-1": None, "e": None}


def parties(row: Record) -> list[Record]:
    columns = {ours: row[theirs].split(";") for theirs, ours in PARTY.items()}
    found: list[Record] = []
    for at in range(max(len(values) for values in columns.values())):
        party: Record = {}
        for ours, values in columns.items():
            value = values[at].strip() if at < len(values) else ""
            if value in UNKNOWN:
                continue
            if ours == "share":
                value = str(Decimal(value) * 100)
            party[ours] = OPERATOR[value] if ours == "operator" else value
        party = {name: value for name, value in party.items() if value is not None}
        if party:
            party.setdefault("company", "(nom absent)")
            found.append(party)
    return found


CONTRACT: dict[str, Move] = {
    "OCID": put("contract_identifier"),
    "Contract Name": put("title_translated", titled),
    "Contract Identifier": put("identifier"),
    "Language": put("language", lambda value: [LANGUAGE_OF[value]]),
    "Country Name": put("governorates", lambda value: [value]),
    "Resource": put("commodities", lambda value: [name for name in value.split(";") if name not in UNKNOWN]),
    "Contract Type": put("document_types", lambda value: value.split(";")),
    "Signature Date": put("signed_on"),
    "License Name": lambda value, record: record.setdefault("permits", [{}])[0].update(name=value),
    "License Identifier": lambda value, record: record.setdefault("permits", [{}])[0].update(number=value),
    "Project Title": put("project"),
    "Project Identifier": put("project_identifier"),
    "Source Url": put("url"),
    "Disclosure Mode": put("disclosure_mode"),
    "Contract Note": put("remarks", titled),
    "Retrieval Date": put("source_modified"),
    "Pdf Url": lambda value, record: record.update(resources=[{"url": value, "format": "PDF"}]),
}
SECTOR = {"Hydrocarbons": "oil", "Gypsum": "quarrying", "Salt": "salt", "Barite": "mining", "Iron": "mining"}
#: Columns that the parties take, and those that say the same of every row (the export's own kind, "rc").
TAKEN = {*PARTY, "Category", "Document Type", "Government Entity", "Government Identifier"}


def contract(row: Record) -> Record:
    record: Record = {
        "record_kind": "model_contract" if row["Document Type"] == "Model Contract" else "contract",
        "sectors": sorted({SECTOR.get(name, "mining") for name in row["Resource"].split(";")}),
        "parties": parties(row),
        "government_entities": [{"name": name} for name in row["Government Entity"].split(";") if name],
    }
    for column, move in CONTRACT.items():
        if row[column]:
            move(row[column], record)
    return record


@pytest.fixture
def writer(clean_db: None, sysadmin: dict[str, Any], agency_factory: Any) -> Callable[[Record], Record]:
    agency = agency_factory()

    def write(record: Record) -> Record:
        sent = {**record, "owner_org": agency["id"], "source_portal": "source.example.tn"}
        context = {"user": sysadmin["name"], "defer_commit": True}
        return tk.get_action("package_create")(context, sent)

    return write


def kept(sent: Any, got: Any, path: str = "") -> Iterator[str]:
    """The places where something that was sent did not come back. Repaired spelling (case, codes, spaces, order) is not a loss."""
    if isinstance(sent, dict):
        for name, value in sent.items():
            if value in ("", [], {}, None):
                continue
            if not isinstance(got, dict) or name not in got:
                yield f"{path}.{name}: {value!r}"
            else:
                yield from kept(value, got[name], f"{path}.{name}")
    elif isinstance(sent, list):
        if not isinstance(got, list) or (len(set(map(str, sent))) != len(got) and len(sent) != len(got)):
            yield f"{path}: {sent!r} became {got!r}"
        elif sent and isinstance(sent[0], dict):
            for at, (one, other) in enumerate(zip(sent, got, strict=True)):
                yield from kept(one, other, f"{path}[{at}]")
    elif got in (None, ""):
        yield f"{path}: {sent!r}"


def test_the_industry_portals_records_fit(shared: Path, writer: Callable[[Record], Record]) -> None:
    seen, lost, columns = 0, [], Counter()
    for source in industry(shared / "sources"):
        record: Record = {"type": "extractive", "record_kind": "other", "sectors": ["other"], "tags_translated": {}}
        for name, value in source.items():
            columns[name] += 1
            INDUSTRY[name](value, record)
        if not record["license_id"]:
            del record["license_id"]
        try:
            got = writer(record)
        except tk.ValidationError as error:
            lost.append(f"{source['name']}: {error.error_dict}")
            continue
        lost += [f"{source['name']}{place}" for place in kept(record, got)]
        seen += 1
    assert lost == []
    assert seen == 188
    assert set(columns) == set(INDUSTRY)


def test_the_contracts_fit(shared: Path, writer: Callable[[Record], Record]) -> None:
    seen, lost = 0, []
    for row in contracts(shared / "sources"):
        empty = {name for name, value in row.items() if not value}
        assert set(row) - set(CONTRACT) - TAKEN <= empty | {"Deal Number", "Matrix Page", "Annotation Category", "Annotation Text"}
        assert all(
            not row[name] for name in ("Deal Number", "Matrix Page", "Annotation Category", "Annotation Text", "Government Identifier")
        )
        record = {"type": "extractive", **contract(row)}
        try:
            got = writer(record)
        except tk.ValidationError as error:
            lost.append(f"{row['OCID']}: {error.error_dict}")
            continue
        lost += [f"{row['OCID']}{place}" for place in kept(record, got)]
        seen += 1
    assert lost == []
    assert seen == 145
