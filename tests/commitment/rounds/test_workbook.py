"""A round as an Excel workbook: what is written, what is read back, what is refused and how it is told."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import call_action
from flask_babel import force_locale
from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter

from ckanext.ogptn.commitment import office
from ckanext.ogptn.commitment.rounds import workbook

from ...mail import Letters
from ..conftest import House, send_waiting_mails


@pytest.fixture
def made(clean_db: None, house: Callable[[], House]) -> House:
    return house()


class Book:
    """A downloaded workbook, to fill in as a steward would."""

    def __init__(self, made: House, user: dict[str, Any], called: dict[str, Any]) -> None:
        self.made, self.user, self.round = made, user, called
        answer = made.act("workbook", user, id=called["id"])
        self.name = answer["file_name"]
        self.book = load_workbook(io.BytesIO(base64.b64decode(answer["content"])))
        self.reports, self.milestones = self.book.worksheets[1], self.book.worksheets[2]

    def cell(self, key: str, number: str, place: int = 0) -> Any:
        """The cell of a column in the row of a commitment (the n-th of its milestones)."""
        sheet = self.reports if key.startswith("report.") else self.milestones
        kind = key.split(".")[0]
        keys = {sheet.cell(1, at).value: at for at in range(1, sheet.max_column + 1)}
        rows = [row for row in range(3, sheet.max_row + 1) if sheet.cell(row, keys[f"{kind}.number"]).value == number]
        return sheet.cell(rows[place], keys[key])

    def put(self, key: str, number: str, value: Any, place: int = 0) -> str:
        cell = self.cell(key, number, place)
        cell.value = value
        return cell.coordinate

    def bytes(self) -> bytes:
        made = io.BytesIO()
        self.book.save(made)
        return made.getvalue()

    def send(self, data: bytes | None = None, **more: Any) -> dict[str, Any]:
        upload = io.BytesIO(self.bytes() if data is None else data)
        return self.made.act("workbook_import", self.user, id=self.round["id"], upload=upload, **more)

    def errors(self) -> dict[str, str]:
        return {error["cell"]: error["message"] for error in self.send(dry_run=True)["errors"]}


def shown(made: House, number: str, called: dict[str, Any]) -> dict[str, Any]:
    items = made.act("show", made.coordinator, id=called["id"])["items"]
    return made.act("item_show", made.coordinator, id=next(item["id"] for item in items if item["number"] == number))


def test_a_workbook_there_and_back(made: House, mail: Letters) -> None:
    one = made.stewards[0]
    called = made.open()
    send_waiting_mails()
    book = Book(made, one, called)
    assert [book.cell("report.number", n).value for n in ("1", "2")] == ["1", "2"]
    assert book.reports.max_row == 4
    assert book.milestones.max_row == 6
    # Nothing was touched: nothing changes.
    assert book.send(dry_run=True)["counts"] == {"changed": 0, "same": 2, "absent": 0}

    book.put("report.completion_level", "1", "Complet")
    book.put("report.done-fr", "1", "=SOMME, -1, +2 et @3")
    book.cell("report.done-fr", "1").data_type = "s"
    book.put("report.done-ar", "1", "تم\nكل شيء")
    book.put("report.evidence", "1", "https://example.tn/a")
    book.put("report.comment", "1", "من الجدول")
    book.put("report.send", "1", "نعم")
    book.put("milestone.status", "1", "complete", place=3)
    book.put("milestone.percent", "1", "١٠٠٪", place=3)
    book.put("report.done-en", "2", 2016.0)
    preview = book.send(dry_run=True)
    assert (preview["errors"], preview["send"], preview["applied"]) == ([], 1, False)
    assert preview["counts"] == {"changed": 2, "same": 0, "absent": 0}
    fields = {field["label"]: (field["before"], field["after"]) for field in preview["rows"][0]["fields"]}
    assert fields["What was done (Français)"] == ("Rapport précédent", "=SOMME, -1, +2 et @3")
    # Outside of a request the labels of lists are in the site's own language.
    assert fields["مرحلة 4 – Status"] == ("محدود", "كامل")
    assert shown(made, "1", called)["state"] == "waiting"

    done = book.send(fingerprint=preview["fingerprint"])
    assert done["applied"]
    first, second = shown(made, "1", called), shown(made, "2", called)
    assert (first["state"], second["state"]) == ("submitted", "draft")
    assert first["report"]["done"] == {"ar": "تم\nكل شيء", "fr": "=SOMME, -1, +2 et @3"}
    assert first["report"]["milestones"][3] == {"status": "complete", "percent": "100"}
    assert first["events"][-1]["comment"] == "من الجدول"
    assert second["report"]["done"] == {"en": "2016"}
    send_waiting_mails()
    assert len(mail.to(made.coordinator)) == 1
    # The same file again: what was sent is closed to the agency, and the draft is another by now.
    again = book.errors()
    assert "sent already" in again["E3"]


@pytest.mark.parametrize(
    ("language", "sheet", "level", "rtl"), [("ar", "التقارير", "جوهري", True), ("fr", "Rapports", "Substantiel", False)]
)
def test_the_workbook_speaks_the_readers_language(
    made: House, mail: Letters, app: Any, language: str, sheet: str, level: str, rtl: bool
) -> None:
    called = made.open()
    token = call_action("api_token_create", context={"user": made.coordinator["name"]}, user=made.coordinator["name"], name="x")["token"]
    headers = {"Authorization": token}
    answer = app.get(f"/{language}/commitment-rounds/{called['id']}/workbook.xlsx", headers=headers)
    assert f"nap1-2016-12-{language}.xlsx" in answer.headers["Content-Disposition"]
    book = load_workbook(io.BytesIO(answer.data))
    reports = book.worksheets[1]
    assert reports.title == sheet
    assert reports.sheet_view.rightToLeft is rtl
    keys = {str(reports.cell(1, at).value): get_column_letter(at) for at in range(1, reports.max_column + 1)}
    assert reports[f"{keys['report.completion_level']}3"].value == level
    # Three rows for the coordinator; keys hidden and locked, what is filled in open.
    assert reports.max_row == 5
    assert reports.protection.sheet
    assert reports.row_dimensions[1].hidden
    for key, letter in keys.items():
        cell, filled_in = reports[f"{letter}3"], next(c for c in workbook.REPORTS if c.key == key).filled_in
        assert cell.protection.locked is not filled_in
        assert reports.column_dimensions[letter].hidden is key.endswith((".item", ".version", ".base", ".kept"))
    lists = {rule.formula1 for rule in reports.data_validations.dataValidation}
    assert lists == {"lists!$A$1:$A$4", "lists!$B$1:$B$2"}
    assert level in [cell.value for cell in book["lists"]["A"]]


def test_faults_are_told_by_sheet_and_cell_and_nothing_is_written(made: House, mail: Letters) -> None:
    called = made.open()
    book = Book(made, made.stewards[0], called)
    wanted = {
        book.put("report.completion_level", "1", "presque"): "“presque” is not in the list",
        book.put("report.done-fr", "1", "=1+1"): "formula",
        book.put("report.evidence", "1", "voir le site"): "not a web address",
        book.put("report.done-ar", "2", True): "TRUE or FALSE",
        book.put("report.done-en", "2", "x\u202ey"): "U+202E",
        book.put("report.comment", "2", "x" * 5_001): "too long",
        book.put("report.send", "2", "peut-être"): "“peut-être” is not in the list",
    }
    wanted[book.put("milestone.percent", "1", 101, place=0)] = "too large"
    wanted[book.put("milestone.percent", "1", 0.5, place=1)] = "not a whole number"
    book.put("milestone.percent", "1", 0.5, place=2)
    book.cell("milestone.percent", "1", place=2).number_format = "0%"
    assert (found := book.errors()).keys() == wanted.keys()
    for cell, part in wanted.items():
        assert part in found[cell]
    with pytest.raises(tk.ValidationError, match="Reports I3"):
        book.send()
    assert shown(made, "1", called)["version"].startswith("2-")


def test_fifty_percent_in_each_of_its_ways(made: House, mail: Letters) -> None:
    called = made.open()
    book = Book(made, made.stewards[0], called)
    for place, value in enumerate((50, "50 %", "٥٠٪", 0.5)):
        book.put("milestone.status", "1", "محدود", place=place)
        book.put("milestone.percent", "1", value, place=place)
    book.cell("milestone.percent", "1", place=3).number_format = "0.0%"
    assert book.send()["applied"]
    assert [row["percent"] for row in shown(made, "1", called)["report"]["milestones"]] == ["50"] * 4


def test_rows_lost_doubled_or_of_others(made: House, mail: Letters) -> None:
    one, two = made.stewards
    called = made.open()
    others = Book(made, two, called).cell("report.item", "3").value
    book = Book(made, one, called)
    book.put("report.item", "1", others)
    assert "not one of yours" in book.errors()["E3"]
    book = Book(made, one, called)
    book.put("report.item", "2", book.cell("report.item", "1").value)
    assert "first place is E3" in book.errors()["E4"]
    book = Book(made, one, called)
    book.put("report.item", "1", None)
    assert "lost its key" in book.errors()["A3"]
    book = Book(made, one, called)
    book.put("milestone.place", "1", "2", place=2)
    assert "first place is C4" in book.errors()["C5"]
    for place in ("9", "0", "x", "²", "99999999999999"):
        book = Book(made, one, called)
        book.put("milestone.place", "1", place, place=3)
        assert len(book.errors()) == 1
    # A row that is left out leaves its report as it is.
    book = Book(made, one, called)
    book.reports.delete_rows(4)
    book.milestones.delete_rows(4)
    assert book.send(dry_run=True)["counts"] == {"changed": 0, "same": 1, "absent": 1}
    book = Book(made, one, called)
    book.reports.merge_cells("J3:L3")
    assert "merged" in book.errors()["J3:L3"]
    book = Book(made, one, called)
    book.reports.delete_cols(10)
    assert "What was done (العربية)" in book.errors()["A1"]
    book = Book(made, one, called)
    book.reports["A6000"] = "x"
    assert "too many rows" in book.errors()["A5000"]


def test_what_others_changed_meanwhile_is_neither_lost_nor_undone(made: House, mail: Letters) -> None:
    one = made.stewards[0]
    called = made.open()
    book, second = Book(made, one, called), Book(made, one, called)
    second.put("report.done-fr", "1", "Écrit par un collègue")
    assert second.send()["applied"]
    # The old file, in which only the other report was written, leaves the colleague's alone …
    book.put("report.done-fr", "2", "Deux")
    assert book.send()["counts"] == {"changed": 1, "same": 1, "absent": 0}
    assert shown(made, "1", called)["report"]["done"]["fr"] == "Écrit par un collègue"
    # … and whoever wrote into the same one is told so.
    book.put("report.done-fr", "1", "Autre")
    assert "Somebody else changed" in book.errors()["E3"]
    # Between the preview and the import as well.
    third = Book(made, one, called)
    third.put("report.done-fr", "1", "Encore")
    fingerprint = third.send(dry_run=True)["fingerprint"]
    third.put("report.done-fr", "1", "Autre chose")
    with pytest.raises(tk.ValidationError, match="fingerprint"):
        third.send(fingerprint=fingerprint)


def test_one_report_that_cannot_be_sent_keeps_all_from_being_written(made: House, mail: Letters) -> None:
    called = made.open()
    book = Book(made, made.stewards[0], called)
    book.put("report.done-fr", "1", "Prêt")
    book.put("report.send", "1", "oui")
    book.put("report.completion_level", "2", "Limité")
    sent = book.put("report.send", "2", "oui")
    found = [error for error in book.send(dry_run=True)["errors"] if error["cell"] == sent]
    assert len(found) == 2
    with pytest.raises(tk.ValidationError):
        book.send()
    assert shown(made, "1", called)["state"] == "waiting"


def test_text_longer_than_a_cell_stays(made: House, mail: Letters) -> None:
    called = made.open()
    one = made.stewards[0]
    first = shown(made, "1", called)
    long = "ا" * 40_000
    made.act("item_save", one, id=first["id"], report={**first["report"], "done": {"ar": long, "fr": "court"}})
    book = Book(made, one, called)
    assert book.cell("report.done-ar", "1").protection.locked
    assert book.send(dry_run=True)["counts"]["changed"] == 0
    book.put("report.done-fr", "1", "moins court")
    assert book.send()["applied"]
    assert shown(made, "1", called)["report"]["done"] == {"ar": long, "fr": "moins court"}


def test_who_may_have_and_send_the_workbook(made: House, mail: Letters, steward: dict[str, Any]) -> None:
    called = made.open()
    for user in (None, steward):
        with pytest.raises(tk.NotAuthorized):
            made.act("workbook", user, id=called["id"])
        with pytest.raises(tk.NotAuthorized):
            made.act("workbook_import", user, id=called["id"], upload=io.BytesIO(b""))
    with pytest.raises(tk.ObjectNotFound):
        made.act("workbook", made.coordinator, id="none")
    book = Book(made, made.stewards[0], called)
    made.act("close", made.coordinator, id=called["id"])
    with pytest.raises(tk.ValidationError, match="closed"):
        book.send()


def _archive(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def _with(data: bytes, name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.namelist():
            if each != name:
                new.writestr(each, old.read(each))
        new.writestr(name, content)
    return made.getvalue()


def _any_workbook() -> bytes:
    made = io.BytesIO()
    Workbook().save(made)
    return made.getvalue()


def test_files_that_are_no_such_workbook() -> None:
    def refused(data: bytes) -> str:
        with pytest.raises(workbook.WorkbookError) as told:
            workbook.read(data, "round")
        assert str(told.value)
        return told.value.slug

    whole = _any_workbook()
    sheet = zipfile.ZipFile(io.BytesIO(whole)).read("xl/worksheets/sheet1.xml")
    assert refused(b"") == "empty"
    assert refused(b"a,b,c\n") == "not-workbook"
    assert refused(b"x" * (workbook.LIMIT_FILE + 1)) == "too-large"
    assert refused(whole) == "not-round"
    assert refused(whole[:900]) == "damaged"
    assert refused(_archive(**{"word/document.xml": b"<x/>", "[Content_Types].xml": b"<x/>"})) == "not-workbook"
    assert refused(_archive(**{"xl/workbook.xml": b"<x", "[Content_Types].xml": b"<x"})) == "damaged"
    assert refused(office.OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")) == "encrypted"
    assert refused(office.OLE + b"\0" * 600) == "old"
    assert refused(_with(whole, "xl/vbaProject.bin", b"x")) == "macros"
    assert refused(_with(whole, "xl/media/x.png", b"\0" * (workbook.LIMIT_UNPACKED + 1))) == "bomb"
    assert (
        refused(_with(whole, "xl/worksheets/sheet1.xml", sheet.replace(b"<sheetData", b"<c/>" * workbook.LIMIT_TAGS + b"<sheetData")))
        == "bomb"
    )
    assert refused(_with(whole, "xl/worksheets/sheet1.xml", b'<!DOCTYPE x [<!ENTITY a "b">]>' + sheet)) == "entities"


def test_the_workbook_of_another_round(made: House, mail: Letters) -> None:
    first, second = made.open(), made.open(period_end="2017")
    book = Book(made, made.coordinator, first)
    book.round = second
    with pytest.raises(tk.ValidationError, match="another reporting round"):
        book.send()
    book.round = first
    copy = book.book.copy_worksheet(book.reports)
    assert copy.title
    with pytest.raises(tk.ValidationError, match="there twice"):
        book.send()
    del book.book[book.reports.title], book.book[copy.title]
    with pytest.raises(tk.ValidationError, match="reports is missing"):
        book.send()


def test_messages_in_the_readers_language(made: House, mail: Letters, app: Any) -> None:
    book = Book(made, made.stewards[0], made.open())
    cell = book.put("report.evidence", "1", "voir le site")
    with app.flask_app.test_request_context(), force_locale("ar"):
        assert "عنوان واب" in book.errors()[cell]
