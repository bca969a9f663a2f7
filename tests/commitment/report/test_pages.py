"""The pages of the report and its commands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan.cli.cli import ckan
from ckan.tests import factories

from ckanext.ogptn.commitment.report import reader

from . import synthetic

AGENCY = {"ar": "هيكل تجريبي", "fr": "Organisme d’essai", "en": "Test body"}


@pytest.fixture
def site(clean_db: None, app: Any, agency_factory: Any) -> Any:
    agency_factory(name="hay-at-tajribi", title_translated=AGENCY)
    return app


@pytest.fixture
def signed(site: Any) -> dict[str, str]:
    return {"Authorization": factories.SysadminWithToken()["token"]}


def soup(answer: Any) -> BeautifulSoup:
    return BeautifulSoup(answer.body, "html.parser")


def send(site: Any, signed: dict[str, str], data: bytes, **more: str) -> Any:
    form = {"upload": (io.BytesIO(data), "report.docx"), **more}
    return site.post("/ar/commitment-report/import", data=form, headers=signed, content_type="multipart/form-data", status=None)


def test_upload_preview_import_and_again(site: Any, signed: dict[str, str]) -> None:
    data = synthetic.word([synthetic.form(1), synthetic.form(2, phone="-")])
    assert soup(site.get("/ar/commitment-report/import", headers=signed)).find("input", {"name": "upload"})
    page = soup(send(site, signed, data))
    assert [row["data-form"] for row in page.select("tr[data-form]")] == ["1", "2"]
    assert len(page.select("[data-warnings] li")) >= 1
    assert synthetic.PLAN_LINE in page.select_one("[data-unplaced]").text
    inputs = page.select("form[action$='commitment-report/import'] input[type=hidden]")
    hidden = {item["name"]: item["value"] for item in inputs if item["name"] != "_csrf_token"}
    answer = site.post("/ar/commitment-report/import", data=hidden, headers=signed, follow_redirects=False, status=302)
    assert answer.location.endswith("/ar/commitment/")
    again = soup(send(site, signed, data))
    assert not again.select("form[action$='commitment-report/import'] button")
    assert "2" in again.select("[data-counts] li")[2].text
    # The token was used up.
    assert "data-counts" not in site.post("/ar/commitment-report/import", data=hidden, headers=signed, status=400).body


def test_another_administrator_cannot_import_what_one_uploaded(site: Any, signed: dict[str, str]) -> None:
    page = soup(send(site, signed, synthetic.word([synthetic.form(1)])))
    token = page.find("input", {"name": "token"})["value"]
    other = {"Authorization": factories.SysadminWithToken()["token"]}
    site.post("/en/commitment-report/import", data={"token": token}, headers=other, status=400)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "ملف"),
        (b"%PDF-1.4", "Word"),
        (synthetic.with_part(synthetic.word([synthetic.form(1)]), "word/vbaProject.bin", b"x"), "ماكرو"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence_in_the_readers_language(site: Any, signed: dict[str, str], data: bytes, part: str) -> None:
    answer = send(site, signed, data)
    assert answer.status_code == 400
    alert = soup(answer).select_one(".og-alert--error")
    assert alert is not None and part in alert.text


def test_errors_stop_the_import(site: Any, signed: dict[str, str]) -> None:
    page = soup(send(site, signed, synthetic.text([synthetic.form(1), synthetic.form(1)])))
    assert len(page.select("[data-errors] li")) == 1
    assert not page.find("input", {"name": "token"})


def test_strangers(site: Any) -> None:
    assert site.get("/en/commitment-report/import", status=403)
    token = factories.UserWithToken()["token"]
    site.get("/en/commitment-report/import", headers={"Authorization": token}, status=403)
    site.post("/en/commitment-report/import", data={}, headers={"Authorization": token}, status=403)


def test_the_report_as_a_page_and_as_word(site: Any, signed: dict[str, str], commitment_factory: Any) -> None:
    commitment_factory(
        commitment_number="5",
        notes_translated={"ar": "- أول\n- ثان", "fr": "<script>alert(1)</script>texte"},
        progress_reports=[{"period_start": "2014", "period_end": "2016", "completion_level": "substantial", "done": {"ar": "تم"}}],
        responsible_contacts=[{"name": "Zaynab-Secretname", "phone": "71999888"}],
    )
    for language in ("ar", "fr", "en"):
        page = site.get(f"/{language}/commitment-report/nap1")
        assert "Zaynab" not in page.body and "<script>alert" not in page.body
        assert [part["data-form"] for part in soup(page).select("section[data-form]")] == ["5"]
        document = site.get(f"/{language}/commitment-report/nap1.docx")
        assert document.headers["Content-Disposition"].endswith(f"nap1-2016-{language}.docx")
        back = reader.read(document.data)
        assert (back.language, [form.people for form in back.forms]) == (language, [None])
    assert len(soup(site.get("/ar/commitment-report/nap1")).select("section li")) >= 2
    named = site.get("/fr/commitment-report/nap1?people=1", headers=signed)
    assert "Zaynab" in named.body
    assert "Zaynab" not in site.get("/fr/commitment-report/nap1?people=1").body
    site.get("/fr/commitment-report/nothing", status=404)
    site.get("/fr/commitment-report/nap1?period=tomorrow", status=400)


def test_an_empty_plan_says_so(site: Any) -> None:
    assert "section" not in [tag.name for tag in soup(site.get("/en/commitment-report/nap4")).select("section[data-form]")]
    assert "no commitment of this plan" in site.get("/en/commitment-report/nap4").body


# -- commands


def test_import_and_export_from_the_command_line(site: Any, cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_bytes(synthetic.text([synthetic.form(1), synthetic.form(2)]))
    dry = cli.invoke(ckan, ["ogptn-commitments", "import", "--dry-run", str(file)])
    assert dry.exit_code == 0, dry.output
    assert "nothing was changed" in dry.output
    done = cli.invoke(ckan, ["ogptn-commitments", "import", str(file)])
    assert done.exit_code == 0, done.output
    assert "2 created, 0 updated, 0 unchanged" in done.output
    assert "0 created, 0 updated, 2 unchanged" in cli.invoke(ckan, ["ogptn-commitments", "import", str(file)]).output
    out = tmp_path / "out.docx"
    made = cli.invoke(ckan, ["ogptn-commitments", "export", str(out), "--plan", "nap1"])
    assert made.exit_code == 0, made.output
    assert [form.people for form in reader.read(out.read_bytes()).forms] == [None, None]
    named = cli.invoke(ckan, ["ogptn-commitments", "export", str(out), "--plan", "nap1", "--people"])
    assert named.exit_code == 0, named.output
    people = reader.read(out.read_bytes()).forms[0].people
    assert people is not None and people[0].phone == "71000000"


def test_the_command_ends_with_1_and_names_form_and_field(site: Any, cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.docx"
    file.write_bytes(synthetic.text([synthetic.form(1), synthetic.form(1)]))
    answer = cli.invoke(ckan, ["ogptn-commitments", "import", str(file)])
    assert answer.exit_code == 1
    assert "Form 1" in answer.output and "Nothing was imported" in answer.output
    file.write_bytes(b"PK\x03\x04 not a zip")
    assert cli.invoke(ckan, ["ogptn-commitments", "import", str(file)]).exit_code == 1


def test_the_list_of_commitments_leads_to_the_report(site: Any, signed: dict[str, str], commitment_factory: Any) -> None:
    commitment_factory()
    page = soup(site.get("/en/commitment/"))
    assert page.select("a[href$='/commitment-report/nap1']")
    assert not page.select("a[href$='/commitment-report/import']")
    assert soup(site.get("/en/commitment/", headers=signed)).select("a[href$='/commitment-report/import']")
    assert not soup(site.get("/en/dataset/")).select("a[href$='/commitment-report/nap1']")
