"""Contracts of resourcecontracts.org: the CSV export in every encoding it comes in, the API, what is hostile, and the 145 real ones."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.ogptn.harvesters.engine import run
from ckanext.ogptn.harvesters.engine.base import OptionsError  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.engine.problems import SourceError, kind  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.resourcecontracts import COLUMNS, ResourceContractsBackend  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.seed.source_server import TrialSource, contract  # pyright: ignore[reportMissingImports]
from tests.conftest import SourceServer

from .conftest import Reading, read

FIRST = "Société d’essai – synthétique"
#: All synthetic.
LINE = {
    "OCID": "ocds-000000-0000000001",
    "Category": "rc",
    "Contract Name": "Convention Permis Essai, données synthétiques",
    "Language": "fr",
    "Country Name": "Tunisia",
    "Resource": "Hydrocarbons",
    "Contract Type": "Concession Agreement",
    "Signature Date": "2005-07-20",
    "Document Type": "Contract",
    "Government Entity": "Ministère de l’essai;Entreprise d’essai",
    "Company Name": f"{FIRST};Essai Ltd.",
    "Company Address": "1, rue de l’Énergie, Tunis;2 Trial Street",
    "Jurisdiction of Incorporation": "TN;gb",
    "Company Number": ";8467",
    "Participation Share": ".55;0.450",
    "Open Corporates Link": ";https://opencorporates.com/companies/gb/8467",
    "Incorporation Date": ";1993-04-16",
    "Operator": "Not Available;-1",
    "License Name": "Permis Essai",
    "Source Url": "https://fichiers.example/dataset/convention-essai",
    "Disclosure Mode": "Government",
    "Retrieval Date": "2016-08-16",
    "Pdf Url": "https://fichiers.example/1.pdf",
    "Contract Note": "This contract was invented.",
}


def export(*lines: dict[str, str], columns: tuple[str, ...] = COLUMNS, separator: str = ",", end: str = "\n") -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns, restval="", delimiter=separator, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue().replace("\r\n", end)


def reading_of(server: SourceServer, content: str | bytes, **more: Any) -> Reading:
    return read(ResourceContractsBackend, server.says("/contracts.csv", content), **more)


def of(server: SourceServer, **changes: str) -> tuple[dict[str, Any], Reading]:
    """The dataset of the line with some cells changed (``_`` for spaces), and the reading."""
    reading = reading_of(server, export({**LINE, **{name.replace("_", " "): value for name, value in changes.items()}}))
    return reading.only(), reading


def aside(dataset: dict[str, Any]) -> dict[str, str]:
    return {extra["key"].removeprefix("original_"): extra["value"] for extra in dataset.get("extras", [])}


@pytest.fixture
def source() -> Iterator[TrialSource]:
    with TrialSource(30) as started:
        yield started


# -- a whole contract
def test_a_line_becomes_a_contract(http_server: SourceServer, accepted: Any) -> None:
    dataset, reading = of(http_server)
    assert (reading.order, reading.issues, reading.cursor.reasons) == (["ocds-000000-0000000001"], [], [])
    shown = accepted(dataset, "contrat")
    expected = {
        "type": "extractive",
        "record_kind": "contract",
        "title_translated": {"fr": "Convention Permis Essai, données synthétiques"},
        "identifier": "ocds-000000-0000000001",
        "contract_identifier": "ocds-000000-0000000001",
        "document_types": ["concession_agreement"],
        "commodities": ["hydrocarbons"],
        "sectors": ["oil", "gas"],
        "language": ["FRA"],
        "signed_on": "2005-07-20",
        "governorates": ["TN"],
        "disclosure_mode": "government",
        "permits": [{"name": "Permis Essai"}],
        "government_entities": [{"name": "Ministère de l’essai"}, {"name": "Entreprise d’essai"}],
        "url": "https://fichiers.example/dataset/convention-essai",
        "remarks": {"en": "This contract was invented."},
        "source_identifier": "ocds-000000-0000000001",
    }
    assert {name: shown.get(name) for name in expected} == expected
    first, second = shown["parties"]
    assert first == {
        "company": FIRST, "address": "1, rue de l’Énergie, Tunis", "country": "TN", "share": "55",
    }  # fmt: skip
    assert second == {
        "company": "Essai Ltd.", "address": "2 Trial Street", "country": "GB", "share": "45", "identifier": "8467",
        "url": "https://opencorporates.com/companies/gb/8467", "incorporated_on": "1993-04-16",
    }  # fmt: skip
    assert (shown["resources"][0]["format"], shown["resources"][0]["language"]) == ("PDF", ["FRA"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "mac_roman"])
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_encoding_line_end_and_separator_gives_the_same(http_server: SourceServer, encoding: str, end: str, separator: str) -> None:
    lines = [LINE, {**LINE, "OCID": "ocds-000000-2", "Contract Note": "Deux\nlignes « entre guillemets »"}]
    reading = reading_of(http_server, export(*lines, separator=separator, end=end).encode(encoding))
    assert reading.order == ["ocds-000000-0000000001", "ocds-000000-2"]
    first, second = reading.datasets.values()
    assert first["parties"][0] == {
        "company": FIRST, "address": "1, rue de l’Énergie, Tunis", "country": "TN", "share": "55",
    }  # fmt: skip
    assert second["remarks"] == {"fr": "Deux\nlignes « entre guillemets »"}


def test_an_administrator_may_name_the_encoding(http_server: SourceServer) -> None:
    content = export({**LINE, "Company Name": "Ünsal;Ünal", "Contract Name": "Ü", "Government Entity": ""}).encode("cp1252")
    reading = reading_of(http_server, content, options={"encoding": "cp1252"})
    assert [party["company"] for party in reading.only()["parties"]] == ["Ünsal", "Ünal"]


@pytest.mark.parametrize(
    ("title", "document", "language"),
    [
        ("Avenant n°3 au contrat d’association", "fr", "fr"),
        ("Cahier des Charges Henchir", "ar", "fr"),
        ("ETAP, Concession Amilcar Amendment No. 3 - Tunisia, 2006", "fr", "en"),
        ("اتفاقية رخصة أميلكار", "fr", "ar"),
        ("JORT N°033-1980", "fr", "fr"),
        ("Amilcar", "ar", "fr"),
    ],
)
def test_a_title_is_in_its_own_language(http_server: SourceServer, title: str, document: str, language: str) -> None:
    dataset, _ = of(http_server, Contract_Name=title, Language=document)
    assert dataset["title_translated"] == {language: title}
    assert dataset["language"] == [{"fr": "FRA", "ar": "ARA"}[document]]


def test_amendments_and_models(http_server: SourceServer) -> None:
    dataset, reading = of(http_server, Contract_Name="Avenant n°1", Contract_Type="Contract Amendment;Joint Venture Agreement")
    assert (dataset["record_kind"], dataset["document_types"]) == ("amendment", ["avenant", "contrat_association"])
    assert reading.slugs() == []
    dataset, reading = of(http_server, Contract_Name="Avenant n°1 à la convention")
    assert (dataset["record_kind"], reading.slugs()) == ("contract", ["unsure-amendment"])
    dataset, reading = of(http_server, Contract_Type="Contract Amendment")
    assert (dataset["record_kind"], reading.slugs()) == ("amendment", ["unsaid-amendment"])
    dataset, reading = of(http_server, Document_Type="Model Contract")
    assert (dataset["record_kind"], reading.slugs()) == ("model_contract", ["model-with-parties"])


# -- what is not certain
@pytest.mark.parametrize(
    ("changes", "slug", "kept", "missing"),
    [
        ({"Participation_Share": "55;0.45"}, "unsure-share", ("party_share", f"{FIRST}: 55"), "share"),
        ({"Participation_Share": "a half;"}, "unsure-share", ("party_share", f"{FIRST}: a half"), "share"),
        ({"Participation_Share": "-0.5;"}, "unsure-share", ("party_share", f"{FIRST}: -0.5"), "share"),
        ({"Participation_Share": "NaN;"}, "unsure-share", ("party_share", f"{FIRST}: NaN"), "share"),
        ({"Participation_Share": "0.5;0.3;0.2"}, "unaligned-parties", ("participation_share", "0.5;0.3;0.2"), "share"),
        ({"Operator": "Yes"}, "unaligned-parties", ("operator", "Yes"), "operator"),
        ({"Operator": "e;Yes"}, "unsure-operator", ("party_operator", f"{FIRST}: e"), "operator"),
        ({"Jurisdiction_of_Incorporation": "Tunisie;GB"}, "unknown-term", ("party_country", f"{FIRST}: Tunisie"), "country"),
        ({"Incorporation_Date": "31/02/1999;"}, "unreadable-date", ("party_incorporated_on", f"{FIRST}: 31/02/1999"), ""),
        ({"Open_Corporates_Link": "javascript:alert(1);"}, "unusable-address", ("party_url", f"{FIRST}: javascript:alert(1)"), ""),
        ({"Signature_Date": "in the nineties"}, "unreadable-date", ("signed_on", "in the nineties"), ""),
        ({"Resource": "Hydrocarbons;Unobtainium"}, "unknown-term", ("commodities", "Unobtainium"), ""),
        ({"Contract_Type": "Pact"}, "unknown-term", ("document_types", "Pact"), ""),
        ({"Disclosure_Mode": "Leak"}, "unknown-term", ("disclosure_mode", "Leak"), ""),
    ],
)  # fmt: skip
def test_what_is_unsure_is_kept_as_written_and_reported(
    http_server: SourceServer, changes: dict[str, str], slug: str, kept: tuple[str, str], missing: str
) -> None:
    dataset, reading = of(http_server, **changes)
    assert set(reading.slugs()) == {slug}
    assert aside(dataset)[kept[0]] == kept[1]
    if missing:
        assert missing not in dataset["parties"][0]


def test_shares_over_the_whole_and_two_operators(http_server: SourceServer, accepted: Any) -> None:
    dataset, reading = of(http_server, Participation_Share="0.7;0.4", Operator="Yes;Yes")
    assert reading.slugs() == ["shares-over-100", "unsure-operator"]
    assert aside(dataset)["party_share"] == f"{FIRST}: 70 %; Essai Ltd.: 40 %"
    assert all("share" not in party and "operator" not in party for party in dataset["parties"])
    assert accepted(dataset, "contrat")


def test_a_contract_full_of_doubts_is_accepted_all_the_same(http_server: SourceServer, accepted: Any) -> None:
    dataset, reading = of(
        http_server, Participation_Share="55;x", Operator="e;e", Jurisdiction_of_Incorporation="Tunisie;?",
        Incorporation_Date="x;31/02/1999",
        Open_Corporates_Link="javascript:alert(1);x", Signature_Date="x", Resource="x", Contract_Type="x", Disclosure_Mode="x",
        Company_Address="a;b;c", Language="x", License_Name="y" * 5_000, Government_Entity="z" * 5_000, Contract_Name="w" * 5_000,
        Company_Number="n" * 500 + ";",
    )  # fmt: skip
    assert len(reading.issues) >= 14
    assert accepted(dataset, "contrat")["sectors"] == ["other"]


def test_a_party_without_name_is_not_given_one(http_server: SourceServer) -> None:
    dataset, reading = of(http_server, Company_Name="Not Available;Essai Ltd.")
    assert [party["company"] for party in dataset["parties"]] == ["Essai Ltd."]
    assert reading.slugs() == ["party-without-name"]
    assert "share: .55" in aside(dataset)["party_without_name"]


@pytest.mark.parametrize(
    ("name", "number", "permits", "slugs"),
    [
        ("Amilcar", "P-12", [{"name": "Amilcar", "number": "P-12"}], []),
        ("", "El Kneis", [{"name": "El Kneis"}], ["permit-name-as-number"]),
        ("Not Available", "12", [{"number": "12"}], []),
        ("Amilcar;Zarat", "", [{"name": "Amilcar"}, {"name": "Zarat"}], []),
    ],
)
def test_permits(http_server: SourceServer, name: str, number: str, permits: list[dict[str, str]], slugs: list[str]) -> None:
    dataset, reading = of(http_server, License_Name=name, License_Identifier=number)
    assert (dataset["permits"], reading.slugs()) == (permits, slugs)


@pytest.mark.parametrize(("resource", "sectors"), [("Gypsum", ["mining"]), ("Salt;Iron", ["salt", "mining"]), ("Not Specified", ["other"])])
def test_sectors_come_from_the_substance(http_server: SourceServer, resource: str, sectors: list[str]) -> None:
    dataset, reading = of(http_server, Resource=resource)
    assert dataset["sectors"] == sectors
    assert reading.slugs() == (["unknown-sector"] if sectors == ["other"] else [])


def test_columns_that_have_no_field_stay_beside_the_record(http_server: SourceServer) -> None:
    content = export({**LINE, "Deal Number": "7", "Nouveau": "x"}, columns=(*COLUMNS, "Nouveau"))
    assert {**aside(reading_of(http_server, content).only())} == {"deal_number": "7", "nouveau": "x", "retrieval_date": "2016-08-16"}


# -- hostile
def test_markup_and_scripts_are_text_or_gone(http_server: SourceServer, accepted: Any) -> None:
    script = "<script>alert(1)</script><b onclick='x()'>Essai</b>\u202e"
    dataset, _ = of(
        http_server, Contract_Name=script, Company_Name=f"{script};Essai Ltd.", License_Name=script, Government_Entity=script,
        Contract_Note=script, Source_Url="javascript:alert(1)", Pdf_Url="javascript:alert(1)",
    )  # fmt: skip
    shown = accepted(dataset, "contrat")
    stored = json.dumps({name: shown[name] for name in ("title_translated", "parties", "permits", "government_entities", "remarks")})
    assert "<" not in stored and "onclick" not in stored and "202e" not in stored
    assert not shown.get("url") and not shown["resources"][0]["url"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("<!DOCTYPE html><html><body>Maintenance</body></html>", "HTML"),
        ("OCID;Nom\nocds-000000-1;x\n", "OCID, Nom"),
        ("", "∅"),
        ('{"success": true}', "JSON"),
        ('{"total": 3, "results": [', "Expecting value"),
        (export(LINE).replace("This contract was invented.", "x" * 200_000), "field larger than field limit"),
    ],
)
def test_what_is_neither_export_nor_api_says_so(http_server: SourceServer, content: str, found: str) -> None:
    with pytest.raises(SourceError) as caught:
        reading_of(http_server, content)
    assert caught.value.slug == "unexpected-content"
    assert found in caught.value.values["found"]


@pytest.mark.parametrize(
    ("bad", "slug"),
    [
        (export({**LINE, "OCID": ""}), "missing-identifier"),
        (export({**LINE, "OCID": "Tunisia"}), "not-an-ocid"),
        (export(LINE).replace("Hydrocarbons,", "Hydrocarbons,x,"), "wrong-number-of-cells"),
        (export(LINE).replace("rc,", ""), "wrong-number-of-cells"),
        (export({**LINE, "Contract Note": "x\nocds-000000-0000000003,rc,another contract in this cell"}), "wrong-number-of-cells"),
    ],
)
def test_a_line_that_cannot_be_told_costs_only_itself_and_nothing_counts_as_gone(http_server: SourceServer, bad: str, slug: str) -> None:
    good = export({**LINE, "OCID": "ocds-000000-0000000002"}).split("\n", 1)[1]
    reading = reading_of(http_server, bad + "\n" + good)
    assert reading.order == ["ocds-000000-0000000002"]
    assert reading.slugs() == [slug]
    assert reading.cursor.reasons


def test_other_countries_are_left_out(http_server: SourceServer) -> None:
    lines = [
        LINE,
        {**LINE, "OCID": "ocds-000000-2", "Country Name": "Chile"},
        {**LINE, "OCID": "ocds-000000-3", "Country Name": "Libya;Tunisie"},
    ]
    content = export(*lines)
    assert reading_of(http_server, content).order == ["ocds-000000-0000000001", "ocds-000000-3"]
    assert len(reading_of(http_server, content, options={"country": ""}).order) == 3
    with pytest.raises(SourceError) as caught:
        reading_of(http_server, content, options={"country": "ma"})
    assert (caught.value.slug, caught.value.values["count"]) == ("no-contract-of-the-country", "3")
    with pytest.raises(OptionsError):
        ResourceContractsBackend.Options.load({"country": "zq"})


def test_the_document_is_not_read_again_unless_it_changed(http_server: SourceServer) -> None:
    from http.server import BaseHTTPRequestHandler

    body = export(LINE).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        same = handler.headers.get("If-None-Match") == '"1"'
        handler.send_response(304 if same else 200)
        handler.send_header("ETag", '"1"')
        handler.send_header("Content-Length", "0" if same else str(len(body)))
        handler.end_headers()
        handler.wfile.write(b"" if same else body)

    url = http_server.says("/contracts.csv", answer)
    first = read(ResourceContractsBackend, url)
    again = read(ResourceContractsBackend, url, state=first.cursor.state)
    assert (len(first.order), again.order, again.cursor.unchanged_all) == (1, [], True)


# -- the API
def test_the_api_and_the_export_say_the_same(source: TrialSource) -> None:
    api = read(ResourceContractsBackend, source.url + "/contracts/group?country_code=tn")
    assert api.cursor.expected == 30 and len(api.order) == 30 and api.issues == []
    assert sum("/contracts/group" in path for path in source.requests) == 2
    assert {dataset["record_kind"] for dataset in api.datasets.values()} == {"contract", "amendment"}
    for address in ("/contracts.csv", "/contracts.csv?encoding=utf-8"):
        exported = read(ResourceContractsBackend, source.url + address)
        assert exported.order == api.order and exported.issues == []
        for guid, one in exported.datasets.items():
            other = api.datasets[guid]
            # The export has no address of the record, no size of the file and no parent.
            differing = {name for name in {*one, *other} if one.get(name) != other.get(name)}
            assert differing <= {"source_url", "resources", "extras"}
            assert one["resources"][0]["url"] == other["resources"][0]["url"]
    amendment = api.datasets["ocds-000000-0000000002"]
    assert aside(amendment)["parent_contracts"] == "ocds-000000-0000000001 – Convention 1"
    assert [(party["share"], party["operator"]) for party in amendment["parties"]] == [("55", "no"), ("45", "yes")]
    assert amendment["resources"][0]["size"] == 1002
    assert amendment["source_url"] == source.url + "/contract/9002/metadata"


def test_the_api_with_contracts_that_are_gone_or_elsewhere(source: TrialSource) -> None:
    source.contracts = [{**contract(number), "countries": [{"code": "CL", "name": "Chile"}]} for number in range(3)] + source.contracts[3:5]
    reading = read(ResourceContractsBackend, source.url + "/contracts")
    assert (len(reading.order), reading.cursor.expected) == (2, 2)
    assert not any("/contract/9000/" in path for path in source.requests)


def test_a_contract_of_the_list_whose_metadata_are_gone_is_reported_and_stays(http_server: SourceServer) -> None:
    listed = {"id": 9003, "open_contracting_id": "ocds-000000-0000000003", "name": "Parti"}
    reading = read(ResourceContractsBackend, http_server.says("/contracts", json.dumps({"total": 2, "results": [listed, contract(4)]})))
    assert reading.order == ["ocds-000000-0000000004"]
    assert reading.slugs("ocds-000000-0000000003") == ["unreadable-record"]
    assert (reading.cursor.present_guids, reading.cursor.expected) == (["ocds-000000-0000000003"], 2)


def test_a_list_that_turns_in_a_circle_ends(http_server: SourceServer) -> None:
    entries = [contract(number) for number in range(2)]
    url = http_server.says("/contracts", json.dumps({"total": 1_000_000, "results": entries}))
    reading = read(ResourceContractsBackend, url)
    assert (len(reading.order), reading.cursor.expected, len(http_server.requests)) == (2, 1_000_000, 2)


@pytest.mark.parametrize("entry", [None, 7, {"id": "../../admin"}, {"name": "x"}])
def test_an_entry_that_is_no_contract(http_server: SourceServer, entry: Any) -> None:
    url = http_server.says("/contracts", json.dumps({"total": 2, "results": [contract(1), entry]}))
    reading = read(ResourceContractsBackend, url)
    assert (reading.order, reading.slugs(), reading.cursor.reasons) == (
        ["ocds-000000-0000000001"], ["unreadable-record"], ["unreadable-record"],
    )  # fmt: skip


@pytest.mark.parametrize("value", [None, "x", 7, [], {}, [None], [["x"]], {"a": {"b": []}}, True])
def test_any_json_in_any_field_of_the_api(http_server: SourceServer, value: Any) -> None:
    for name in contract(2):
        if name not in ("id", "open_contracting_id", "participation"):
            url = http_server.says("/contracts", json.dumps([{**contract(2), name: value}]))
            reading = read(ResourceContractsBackend, url, options={"country": ""})
            assert reading.only()["type"] == "extractive", name
    for company in (value, {"name": value, "identifier": value}):
        row = {"company": company, "share": value, "is_operator": value}
        reading = read(
            ResourceContractsBackend, http_server.says("/contracts", json.dumps([{**contract(2), "participation": [row, value]}]))
        )
        assert reading.only()["record_kind"] == "amendment"


# -- through the engine
def _harvest(url: str, agency: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    source = call_action("ogptn_harvest_source_create", title="Contrats", url=url, backend="resourcecontracts", owner_org=agency["id"])
    return source, _again(source)


def _again(source: dict[str, Any]) -> dict[str, Any]:
    job = call_action("ogptn_harvest_job_create", source_id=source["id"])
    run.run(job["id"])
    model.Session.remove()
    return call_action("ogptn_harvest_job_show", id=job["id"])


@pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")
def test_harvested_twice_nothing_is_written_the_second_time(clean_db: None, agency: dict[str, Any], http_server: SourceServer) -> None:
    lines = [LINE, {**LINE, "OCID": "ocds-000000-2"}, {**LINE, "OCID": "ocds-000000-2", "Contract Name": "Double"}]
    source, job = _harvest(http_server.says("/contracts.csv", export(*lines)), agency)
    found = {name: count for name, count in job["counts"].items() if count}
    slugs = [issue["slug"] for issue in call_action("ogptn_harvest_issue_list", job_id=job["id"])["results"]]
    # Nothing else is harvested here that the contracts could belong to, which each harvest says.
    unlinked = ["unresolved-link"] * 2
    assert (job["phase"], found, slugs) == ("finished", {"seen": 3, "added": 2, "warnings": 3}, ["duplicate-identifier", *unlinked])
    assert call_action("package_search", fq="vocab_record_kind:contract", rows=0)["count"] == 2
    again = _again(source)
    assert {name: count for name, count in again["counts"].items() if count} == {"seen": 3, "unchanged": 2, "warnings": 3}


# -- the real ones
#: Contracts that name a permit, and so something to be joined with, which is not there while they are harvested alone.
UNLINKED = 142
#: Lines with something in the columns that the field comes from, counted in the file itself, without the backend.
REAL = {
    "title_translated": 145, "identifier": 145, "contract_identifier": 145, "document_types": 145, "language": 145, "governorates": 145,
    "resources": 145, "parties": 145, "commodities": 144, "government_entities": 144, "disclosure_mode": 144, "permits": 142,
    "signed_on": 141, "url": 110, "remarks": 4, "project": 0, "project_identifier": 0,
}  # fmt: skip


@pytest.mark.shared
def test_the_145_real_contracts(shared: Path, http_server: SourceServer) -> None:
    reading = reading_of(http_server, (shared / "sources" / "resourcecontracts-tunisia.csv").read_bytes())
    datasets = reading.datasets
    assert (len(datasets), reading.cursor.reasons) == (145, [])
    assert {name: sum(name in dataset for dataset in datasets.values()) for name in REAL} == REAL
    assert Counter(dataset["record_kind"] for dataset in datasets.values()) == {"contract": 100, "amendment": 41, "model_contract": 4}
    assert Counter(tuple(dataset["sectors"]) for dataset in datasets.values()) == {
        ("oil", "gas"): 110, ("mining",): 26, ("salt",): 8, ("other",): 1,
    }  # fmt: skip
    assert Counter(code for dataset in datasets.values() for code in dataset["document_types"]) == {
        "concession_agreement": 73, "avenant": 41, "cahier_charges": 34, "contrat_association": 20, "partage_production": 14,
        "translation": 2, "memorandum": 1,
    }  # fmt: skip
    assert Counter(name for dataset in datasets.values() for party in dataset["parties"] for name in party) == {
        "company": 287, "address": 273, "country": 270, "share": 146, "operator": 40, "url": 30, "incorporated_on": 17, "identifier": 4,
        "registry": 1,
    }  # fmt: skip
    assert Counter(name for dataset in datasets.values() for name in dataset["title_translated"]) == {"fr": 128, "en": 17}
    assert Counter(issue.slug for issue in reading.issues) == {
        "permit-name-as-number": 34, "unsure-operator": 4, "unaligned-parties": 2, "unsaid-amendment": 1, "model-with-parties": 1,
        "unknown-sector": 1,
    }  # fmt: skip
    # Accents that only Mac Roman has there.
    assert datasets["ocds-591adf-5834131316"]["parties"][0]["company"] == "L’Entreprise Tunisienne d’Activités Pétrolières"
    zarzis = next(each for each in datasets.values() if each["title_translated"].get("fr") == "Convention zarzis")
    assert [party["share"] for party in zarzis["parties"]] == ["55", "40.3846", "4.6154"]


@pytest.mark.shared
@pytest.mark.ckan_config("ogptn.harvest.allowed_hosts", "127.0.0.1")
def test_of_the_145_real_contracts_none_is_refused(clean_db: None, shared: Path, agency: dict[str, Any], http_server: SourceServer) -> None:
    content = (shared / "sources" / "resourcecontracts-tunisia.csv").read_bytes()
    source, job = _harvest(http_server.says("/contracts.csv", content), agency)
    assert {name: count for name, count in job["counts"].items() if count} == {"seen": 145, "added": 145, "warnings": 43 + UNLINKED}
    found = call_action("package_search", fq="dataset_type:extractive", rows=200)
    assert found["count"] == 145
    stored = {each["identifier"]: each for each in found["results"]}
    for guid, dataset in reading_of(http_server, content).datasets.items():
        shown = stored[guid]
        for name in REAL:
            if name != "resources":
                assert shown.get(name) == dataset.get(name), (guid, name)
        assert [each["url"] for each in shown["resources"]] == [each["url"] for each in dataset["resources"]]
    assert _again(source)["counts"]["unchanged"] == 145


def test_keywords_that_the_source_has_not_are_those_of_the_option(http_server: SourceServer) -> None:
    reading = reading_of(http_server, export(LINE), options={"keywords": "contrats, données synthétiques"})
    (dataset,) = reading.datasets.values()
    assert sorted(word for words in dataset["tags_translated"].values() for word in words) == ["contrats", "données synthétiques"]
    (dataset,) = reading_of(http_server, export(LINE)).datasets.values()
    assert "tags_translated" not in dataset


def test_every_problem_has_its_sentences() -> None:
    for slug in ("not-an-ocid", "wrong-number-of-cells", "no-contract-of-the-country", "unaligned-parties", "party-without-name",
                 "unsure-share", "shares-over-100", "unsure-operator", "permit-name-as-number", "model-with-parties", "unsure-amendment",
                 "unsaid-amendment", "unknown-sector"):  # fmt: skip
        found = kind(slug)
        assert found is not None and found.say({}) and found.advise({})
