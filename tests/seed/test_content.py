"""What the seed says, without a site: the hand-checked table of the 21 forms, the report itself, people's data, languages, markers."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ckanext.ogptn.seed import records

from .report import forms, plain

SEED = Path(records.__file__).parent

# Read twice by eye in the report: number and part, axis, level (column of the ×), deadline as a date, deadline as written (where that is a
# range), organisation.
TABLE = [
    ("1", None, 1, "limited", "2016", None, "services-gouvernance"),
    ("2", None, 1, "substantial", "2016", "2015-2016", "bureau-central-relations-citoyen"),
    ("3", None, 1, "limited", "2016", "2015-2016", "haut-comite-controle-administratif-financier"),
    ("4", None, 1, "substantial", "2016", "2015-2016", "instance-nationale-protection-donnees-personnelles"),
    ("5", None, 1, "substantial", "2016-12", None, "ministere-fonction-publique-gouvernance"),
    ("6", None, 1, "complete", "2015", None, "services-gouvernance"),
    ("7", None, 2, "limited", "2015", None, "unite-administration-electronique"),
    ("8", None, 2, "substantial", "2016", None, "direction-generale-reformes-administratives"),
    ("9", None, 2, "limited", "2016", None, "unite-administration-electronique"),
    ("10", "a", 2, "substantial", "2016", None, "direction-generale-reformes-administratives"),
    ("10", "b", 2, "substantial", "2016", None, "unite-administration-electronique"),
    ("11", None, 2, "complete", "2016", "2015-2016", "unite-administration-electronique"),
    ("12", None, 2, "complete", "2016", "2015-2016", "services-gouvernance"),
    ("13", None, 3, "complete", "2016", "2015-2016", "ministere-finances"),
    ("14", None, 3, "complete", "2016", "2015-2016", "ministere-finances"),
    ("15", None, 3, "substantial", "2016", "2015-2016", "ministere-finances"),
    ("16", None, 3, "limited", "2016", None, "haute-instance-commande-publique"),
    ("17", None, 3, "limited", "2016", None, "haute-instance-commande-publique"),
    ("18", None, 4, "complete", "2016", None, "ministere-energie-mines"),
    ("19", None, 4, "substantial", "2016", None, "ministere-equipement-habitat-amenagement-territoire"),
    ("20", None, 4, "not_started", "2016", None, "ministere-environnement"),
]


@pytest.fixture(scope="module")
def commitments() -> list[dict[str, Any]]:
    return [record.data for record in records.commitments()]


def everything() -> list[records.Record]:
    return [*records.organisations(), *records.commitments(), *records.datasets()]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def translations(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if set(value) & set(records.LANGUAGES):
            yield path, value
        else:
            for key, item in value.items():
                yield from translations(item, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from translations(item, f"{path}[{number}]")


# -- the plan


def test_the_twenty_one_forms_as_checked_by_hand(commitments: list[dict[str, Any]]):
    found = [
        (
            item["commitment_number"],
            item.get("commitment_part"),
            int(item["axis"].rsplit("-", 1)[-1]),
            item["progress_reports"][0]["completion_level"],
            item["due_on"],
            item.get("deadline_text"),
            item["owner_org"],
        )
        for item in commitments
    ]
    assert found == TABLE


def test_every_form_is_one_record_with_its_own_name(commitments: list[dict[str, Any]]):
    assert len({item["name"] for item in commitments}) == len(commitments) == 21
    assert len({item["commitment_number"] for item in commitments}) == 20


def test_ogp_identifiers_only_where_a_source_gives_them(commitments: list[dict[str, Any]]):
    given = {item["commitment_number"]: item["ogp_identifier"] for item in commitments if "ogp_identifier" in item}
    assert given == {"15": "TN0015", "18": "TN0018"}


def test_no_level_is_typed_apart_from_its_progress_report(commitments: list[dict[str, Any]]):
    assert not [item["name"] for item in commitments if "completion_level" in item]


def test_form_five_says_that_the_report_repeats_form_three(commitments: list[dict[str, Any]]):
    five = commitments[4]["notes_translated"]
    assert "تكرّر الاستمارة عدد 5" in five["ar"] and "formulaire 5" in five["fr"] and "form 5" in five["en"]
    assert "الرقابة الإدارية والمالية" not in five["ar"]


def test_the_form_without_a_description_says_so(commitments: list[dict[str, Any]]):
    assert "فارغة" in commitments[13]["notes_translated"]["ar"]
    assert "empty" in commitments[13]["notes_translated"]["en"]


def test_obstacles_are_given_where_the_level_asks_for_them(commitments: list[dict[str, Any]]):
    for item in commitments:
        report = item["progress_reports"][0]
        assert ("obstacles" in report) == (report["completion_level"] in ("not_started", "limited")), item["name"]


@pytest.mark.shared
def test_levels_deadlines_and_titles_are_those_of_the_report(shared: Path, commitments: list[dict[str, Any]]):
    read = forms(shared)
    assert len(read) == 21
    for form, item in zip(read, commitments, strict=True):
        assert item["progress_reports"][0]["completion_level"] == form.level, item["name"]
        assert (item.get("deadline_text") or item["due_on"]) == form.cells["deadline"].replace("ديسمبر 2016", "2016-12"), item["name"]
        assert plain(form.heading).endswith(plain(item["title_translated"]["ar"])), item["name"]


@pytest.mark.shared
def test_agencies_roles_and_parties_are_those_of_the_report(shared: Path, commitments: list[dict[str, Any]]):
    titles = {record.name: record.data["title_translated"]["ar"] for record in records.organisations()}
    for form, item in zip(forms(shared), commitments, strict=True):
        agency = plain(form.cells["agency"])
        for word in plain(titles[item["owner_org"]]).split():
            # The report writes "والاسكان و التهيئة": a conjunction may stand apart.
            assert word.removeprefix("و") in agency.replace("للاصلاح الاداري", "للاصلاحات الادارية"), (item["name"], word)
        for role in re.split("[؛،]", item["responsible_role"]["ar"]):
            assert plain(role) in plain(form.cells["role"]), item["name"]
        # "تكنولجيا" is a slip of the report.
        parties = plain(form.cells["others"]).replace("تكنولجيا", "تكنولوجيا") + agency
        for party in item.get("other_parties", []):
            words = [word for word in re.findall(r"\w+", plain(party["name_translated"]["ar"])) if len(word) > 4]
            missing = [word for word in words if word[-5:] not in parties]
            assert not missing, (item["name"], missing)


@pytest.mark.shared
def test_every_number_in_a_summary_stands_in_its_form(shared: Path, commitments: list[dict[str, Any]]):
    """Years, days, law numbers, head counts: no figure of the seed is without its source."""
    for form, item in zip(forms(shared), commitments, strict=True):
        said = {int(number) for number in re.findall(r"\d+", form.heading + " ".join(form.cells.values()))}
        notes = item["notes_translated"]["ar"].split("ملاحظة:", 1)[0]
        written = {int(number) for number in re.findall(r"\d+", notes + item["progress_reports"][0]["done"]["ar"])}
        assert written <= said, (item["name"], written - said)


def test_the_three_languages_give_the_same_years(commitments: list[dict[str, Any]]):
    for item in commitments:
        for text in (item["progress_reports"][0]["done"], item["notes_translated"]):
            years = {lang: set(re.findall(r"\b(?:19|20)\d\d\b", value)) for lang, value in text.items()}
            assert years["fr"] == years["en"], item["name"]
            assert years["ar"] <= years["fr"] | {"1987"}, item["name"]


# -- people


def seed_texts() -> Iterator[tuple[str, str]]:
    for path in sorted(SEED.rglob("*")):
        if path.suffix in (".yaml", ".csv", ".py"):
            yield path.name, path.read_text(encoding="utf-8")


def test_no_address_or_telephone_of_a_person():
    for name, text in seed_texts():
        assert not re.search(r"[\w.]+@[\w-]+\.\w", text), name
        if not name.endswith(".csv"):
            without_links = re.sub(r"https?://\S+|ocds-\S+", "", text)
            assert not re.search(r"\+216|(?<![\d:-])\d{2}[ .]?\d{3}[ .]?\d{3}(?!\d)", without_links), name


@pytest.mark.shared
def test_no_person_of_the_report_is_named(shared: Path):
    read = forms(shared)
    people = {plain(line).removeprefix("السيدة ") for form in read for line in form.cells["person"].splitlines() if line.strip()}
    phones = {re.sub(r"\D", "", form.cells["phone"])[-8:] for form in read} - {""}
    mails = {mail.lower() for form in read for mail in form.cells["email"].split() if "@" in mail}
    assert len(people) >= 13 and len(phones) >= 9 and len(mails) >= 12
    latin = {part for mail in mails for part in re.split(r"[.@]", mail.split("@")[0]) if len(part) > 3}
    for name, text in seed_texts():
        arabic, lower, digits = plain(text), text.lower(), re.sub(r"[ .+-]", "", text)
        assert not [person for person in people if person in arabic], name
        assert not [mail for mail in mails if mail in lower], name
        assert not [phone for phone in phones if phone in digits], name
        assert not [part for part in latin if re.search(rf"\b{part}\b", lower)], name


# -- languages and markers


def test_every_translated_text_is_in_three_languages():
    for record in everything():
        assert "title_translated" in record.data
        for path, value in translations([record.data, [upload.metadata for upload in record.uploads]]):
            assert set(value) == set(records.LANGUAGES), (record.name, path)
            assert all(value.values()), (record.name, path)


def test_each_language_is_written_in_its_own_script():
    for record in everything():
        for key in ("title_translated", "notes_translated", "description_translated"):
            if key in record.data:
                assert re.search(r"[\u0621-\u064a]{3}", record.data[key]["ar"]), record.name
                assert not re.search(r"[\u0600-\u06ff]", record.data[key]["fr"]), record.name
                assert not re.search(r"[\u0600-\u06ff]", record.data[key]["en"]), record.name


def test_a_synthetic_record_says_so_on_its_face():
    markers = yaml.safe_load((SEED / "datasets.yaml").read_text(encoding="utf-8"))["markers"]
    synthetic = [record for record in records.datasets() if record.synthetic]
    assert len(synthetic) >= 10
    for record in synthetic:
        for lang, marker in markers.items():
            assert marker in record.data["title_translated"][lang]
            assert marker.lower() in record.data["notes_translated"][lang].lower()
            assert marker in record.data["tags_translated"][lang]
        for upload in record.uploads:
            assert upload.name.startswith("donnees-synthetiques-")
            assert all(marker in upload.metadata["name_translated"][lang] for lang, marker in markers.items())
            rows = list(upload.rows())
            assert rows and all(marker in (row[records.MARKER_COLUMN] or "") for row in rows for marker in markers.values())


def test_only_synthetic_records_carry_files_and_every_file_is_used():
    used = {upload.name for record in records.datasets() for upload in record.uploads}
    assert used == {path.name for path in (SEED / "files").iterdir()}
    assert not [record.name for record in records.datasets() if record.uploads and not record.synthetic]


def test_records_of_real_documents_name_their_source():
    real = [record for record in records.datasets() if not record.synthetic]
    assert len(real) >= 6
    assert all(record.data["source_url"].startswith("https://") and record.data["source_identifier"] for record in real)


@pytest.mark.shared
def test_records_of_real_documents_are_what_the_sources_say(shared: Path):
    catalogue = {
        item["name"]: item for item in map(json.loads, (shared / "sources" / "industrie.jsonl").read_text(encoding="utf-8").splitlines())
    }
    raw = (shared / "sources" / "resourcecontracts-tunisia.csv").read_bytes().decode("mac_roman").replace("\r\n", "\n").replace("\r", "\n")
    contracts = {row["OCID"]: row for row in csv.DictReader(io.StringIO(raw))}
    addresses = {row["Source Url"] for row in contracts.values()}
    addresses |= {resource.get("url", "") for item in catalogue.values() for resource in item["resources"]}
    for record in records.datasets():
        if record.synthetic:
            continue
        source = catalogue[record.data["source_identifier"]]
        assert record.data["license_id"] == {"otl-data.industrie.gov.tn": "OTL"}.get(source["license"], source["license"])
        for resource in record.data["resources"]:
            assert resource["url"] in addresses or resource["url"] == record.data["source_url"], record.name
        if "contract_identifier" not in record.data:
            continue
        contract = contracts[record.data["contract_identifier"]]
        assert record.data["signed_on"] == contract["Signature Date"]
        shares = [f"{float(share) * 100:g}" if share else None for share in contract["Participation Share"].split(";")]
        assert [party.get("share") for party in record.data["parties"]] == shares
        countries = [code or None for code in contract["Jurisdiction of Incorporation"].split(";")]
        given = [party.get("country") for party in record.data["parties"]]
        assert all(code in (None, own) for code, own in zip(countries, given, strict=True)), record.name


# -- what a mistake in a file is answered with


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("commitments.yaml", "      en: Simplify administrative procedures\n", "", "commitments.yaml, nap1-08, title: no text in en"),
        (
            "commitments.yaml",
            "keywords: [simplification]",
            "keywords: [nothing]",
            "commitments.yaml, nap1-08, keywords: nothing is not in keywords.yaml",
        ),
        (
            "commitments.yaml",
            "      en: Ministry of Justice; Assembly",
            "      en: Ministry of Justice and Assembly",
            "nap1-04, others: the languages do not list",
        ),
        (
            "organisations.yaml",
            "parent: ministere-justice",
            "parent: ministere-x",
            "parent: “ministere-x” is not an organisation listed before it",
        ),
        ("datasets.yaml", "numeric: [production_kt]", "numeric: [tonnes]", "has no column tonnes"),
        ("datasets.yaml", "qualite-eau-2024.csv", "qualite-eau.csv", "there is no file seed/files/donnees-synthetiques-qualite-eau.csv"),
        (
            "files/donnees-synthetiques-production-phosphate-2010-2024.csv",
            "بيانات اصطناعية للعرض | ",
            "",
            "line 2 of donnees-synthetiques-production-phosphate",
        ),
        ("datasets.yaml", "datasets:\n", "datasets: [\n", "datasets.yaml is not valid YAML"),
    ],
)
def test_a_mistake_in_a_seed_file_names_the_file_the_record_and_the_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, message: str
):
    for path in [*SEED.glob("*.yaml"), *(SEED / "files").iterdir()]:
        copy = tmp_path / path.relative_to(SEED)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    broken = (tmp_path / file).read_text(encoding="utf-8")
    assert old in broken
    (tmp_path / file).write_text(broken.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(records, "HERE", tmp_path)
    monkeypatch.setattr(records, "FILES", tmp_path / "files")
    with pytest.raises(records.SeedError) as raised:
        everything()
    assert message in str(raised.value)


def test_texts_are_composed_and_without_invisible_marks():
    for record in everything():
        for value in texts([record.data, [upload.metadata for upload in record.uploads]]):
            assert unicodedata.is_normalized("NFC", value), (record.name, value[:60])
            assert not re.search("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]", value), (record.name, value[:60])
            assert value == value.strip() and "  " not in value, (record.name, value[:60])
