"""Lists of files and web folders, as agencies keep them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ckanext.ogptn.harvesters.engine.base import HttpSettings, SourceInfo
from ckanext.ogptn.harvesters.engine.http import Client
from ckanext.ogptn.harvesters.engine.problems import SourceError  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.files import FilesBackend
from tests.conftest import SourceServer

from .conftest import read

HEADER = [
    "Identifiant", "Titre_fr", "العنوان_ar", "Description", "Mots-clés", "Thème", "Licence", "Périodicité", "Début", "Fin", "Gouvernorat",
    "Organisme", "Courriel", "Fichier", "Titre du fichier", "Format", "Ignoré",
]  # fmt: skip
ROWS = [
    ["B-1", "Barrages", "السدود", "Niveau des barrages", "eau, barrage", "Environnement", "LNDPO-TN", "mensuelle", "2010", "2016", "Béja",
     "Office", "eau@a.example", "b1.csv", "Niveaux", "CSV", "x"],
    ["C-1", "Routes", *[""] * 3, "Transport", *[""] * 7, "https://a.example/r.pdf", "", "PDF", ""],
    ["B-1", *[""] * 12, "b2.xlsx", "Carte", "", ""],
    [""] * 17,
]  # fmt: skip
LIST = "".join(";".join(row) + "\n" for row in (HEADER, *ROWS))


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "cp1256"])
def test_a_list_in_csv(http_server: SourceServer, accepted: Any, charset: str) -> None:
    text = LIST if charset != "cp1256" else LIST.replace("Thème", "Theme").replace("é", "e")
    reading = read(FilesBackend, http_server.says("/l/liste.csv", text.encode(charset)))
    assert reading.order == ["B-1", "C-1"]
    assert reading.cursor.expected == 2
    first = reading.datasets["B-1"]
    assert first["title_translated"] == {"fr": "Barrages", "ar": "السدود"}
    assert first["tags_translated"] == {"fr": ["eau", "barrage"]}
    assert (first["theme"], first["license_id"], first["frequency"]) == (["ENVI"], "LNDPO-TN", "MONTHLY")
    assert (first["temporal_coverage"], first["governorates"]) == ([{"start": "2010", "end": "2016"}], ["TN-31"])
    assert [resource["url"] for resource in first["resources"]] == [http_server.url + "/l/b1.csv", http_server.url + "/l/b2.xlsx"]
    assert [resource["format"] for resource in first["resources"]] == ["CSV", "XLSX"]
    assert "unknown-column" in reading.slugs()
    assert accepted(first, "barrages")["title"]


def test_a_list_in_json(http_server: SourceServer, accepted: Any) -> None:
    rows = [
        {"id": "1", "title": {"fr": "Un", "ar": "واحد"}, "keywords": ["a", "b"], "files": [{"url": "a.csv", "title": "A"}, "b.pdf"]},
        {"title": "Deux", "url": "https://a.example/2.xls", "modified": "12/03/2019"},
        "no row",
    ]
    reading = read(FilesBackend, http_server.says("/liste.json", json.dumps({"datasets": rows})))
    assert reading.order == ["1", "Deux"]
    assert reading.datasets["1"]["title_translated"] == {"fr": "Un", "ar": "واحد"}
    assert [resource["format"] for resource in reading.datasets["1"]["resources"]] == ["CSV", "PDF"]
    assert reading.datasets["Deux"]["modified"] == "2019-03-12"
    assert "unreadable-record" in reading.slugs()
    assert accepted(reading.datasets["1"], "un")


def test_a_list_without_header_says_what_is_missing(http_server: SourceServer) -> None:
    with pytest.raises(SourceError) as caught:
        read(FilesBackend, http_server.says("/l.csv", "Barrages;b1.csv\nRoutes;r.pdf\n"))
    assert caught.value.slug == "missing-column"
    assert "Barrages" in str(caught.value)


APACHE = """<html><head><title>Index of /pub</title></head><body><h1>Index of /pub</h1><pre><a href="?C=N;O=D">Name</a>
<a href="/">Parent Directory</a>
<a href="budget_2019.xlsx">budget_2019.xlsx</a>  12-Mar-2020 10:11  1.2M
<a href="%D8%AA%D9%82%D8%B1%D9%8A%D8%B1.pdf">تقرير.pdf</a>  2020-03-12 10:11  3K
<a href="sous/">sous/</a> 2020-01-01 -
<a href="index.php">index.php</a> <a href="https://elsewhere.example/x.csv">x</a> <a href="javascript:x()">y</a></pre></body></html>"""


def test_a_web_folder(http_server: SourceServer, accepted: Any) -> None:
    http_server.says("/pub/sous/", '<table><tr><td><a href="a.csv">a.csv</a></td><td>2021-05-06</td></tr></table><a href="../">up</a>')
    reading = read(FilesBackend, http_server.says("/pub/", APACHE))
    assert reading.order == ["budget_2019.xlsx", "تقرير.pdf", "sous/a.csv"]
    budget = reading.datasets["budget_2019.xlsx"]
    assert (budget["title_translated"], budget["modified"]) == ({"fr": "budget 2019"}, "2020-03-12")
    assert reading.datasets["تقرير.pdf"]["title_translated"] == {"ar": "تقرير"}
    assert reading.datasets["sous/a.csv"]["tags_translated"] == {"fr": ["sous"]}
    assert accepted(budget, "budget")["resources"][0]["format"] == "XLSX"
    before = reading.hashes
    http_server.says("/pub/", APACHE.replace("12-Mar-2020 10:11", "13-Mar-2020 09:00"))
    after = read(FilesBackend, http_server.url + "/pub/").hashes
    assert {name for name in before if before[name] != after[name]} == {"budget_2019.xlsx"}


@pytest.mark.parametrize("entry", [None, {"licence": "cc-by"}])
def test_after_an_entry_that_is_no_record_nothing_counts_as_gone(http_server: SourceServer, entry: Any) -> None:
    body = json.dumps([{"title": "Un", "url": "https://example.tn/1.csv"}, entry])
    reading = read(FilesBackend, http_server.says("/list.json", body, Content_Type="application/json"))
    assert len(reading.order) == 1
    assert reading.cursor.reasons == ["unreadable-record"]


def test_a_page_without_files_is_said_to_be_one(http_server: SourceServer) -> None:
    """“The source answers” would be true of any page of the web."""
    address = http_server.says("/accueil", "<html><title>Accueil</title><a href='/contact'>Contact</a></html>", content_type="text/html")
    backend = FilesBackend(SourceInfo("s", address), FilesBackend.Options())
    with Client(HttpSettings(base_url=address, allowed_hosts=("127.0.0.1",))) as http:
        found = backend.check(http)
    assert (found.title, found.first) == ("", "")
    assert len(found.notes) == 1


def test_a_list_as_excel_saves_unicode_text(http_server: SourceServer) -> None:
    """“Unicode text” of Excel: UTF-16 with tabs."""
    body = LIST.replace(";", "\t").encode("utf-16")
    reading = read(FilesBackend, http_server.says("/l/liste.txt", body))
    assert reading.order == ["B-1", "C-1"]
    assert reading.datasets["B-1"]["title_translated"] == {"fr": "Barrages", "ar": "السدود"}


def test_a_line_with_too_many_cells_is_said(http_server: SourceServer) -> None:
    body = "title;url\nEau;https://a.example/1.csv;en trop\nAir;https://a.example/2.csv\n"
    reading = read(FilesBackend, http_server.says("/l.csv", body))
    assert reading.order == ["Eau", "Air"]
    (issue,) = [issue for issue in reading.issues if issue.slug == "left-out"]
    assert (issue.values["value"], issue.title) == ("en trop", "№ 2")


def test_what_each_file_of_a_list_says_stays_with_it(http_server: SourceServer) -> None:
    rows = [
        {"identifier": "B", "title": "Barrages", "url": "https://a.example/1.csv", "responsable": "Direction A"},
        {"identifier": "B", "url": "https://a.example/2.csv", "responsable": "Direction B"},
        {"title": "Routes", "files": [{"url": "https://a.example/3.csv", "echelle": "1:50000"}]},
    ]
    reading = read(FilesBackend, http_server.says("/l.json", json.dumps(rows)))
    dams, roads = reading.datasets["B"], reading.datasets["Routes"]
    assert dams["extras"] == [{"key": "original_responsable", "value": "Direction A"}]
    assert "responsable: Direction B" in dams["resources"][1]["description_translated"]["fr"]
    assert "echelle: 1:50000" in roads["resources"][0]["description_translated"]["fr"]


def test_a_folder_that_cannot_be_read_does_not_end_the_others(http_server: SourceServer) -> None:
    listing = '<html><body><a href="ferme/">ferme/</a> <a href="ouvert/">ouvert/</a> <a href="a.csv">a.csv</a></body></html>'
    url = http_server.says("/d/", listing)
    http_server.says("/d/ferme/", "no", status=403)
    http_server.says("/d/ouvert/", '<html><body><a href="b.csv">b.csv</a></body></html>')
    reading = read(FilesBackend, url)
    assert reading.order == ["a.csv", "ouvert/b.csv"]
    # Nothing of it counts as gone.
    assert reading.cursor.reasons
    assert [issue.values["url"] for issue in reading.issues if issue.slug == "forbidden" or issue.slug == "bad-status"] == [url + "ferme/"]
