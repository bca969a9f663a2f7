"""From the rows of a document to its forms: which cell is which field, at which level the cross stands, what is left over.

Pure: knows nothing of the catalogue. Whatever cannot be placed is kept in `Report.unplaced`, never dropped.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter

from ...catalogue import text as t
from ...catalogue import vocabulary
from .. import office
from . import deadline, plain, word
from .blocks import Block, squeeze, to_text
from .layout import (
    CROSSES,
    FOR_READING,
    IN_LANGUAGE,
    LEVELS,
    NEEDED,
    PERIOD,
    PERSONAL,
    Form,
    Heading,
    Person,
    Problem,
    Report,
    heading_of,
    key,
    label_of,
    problem,
)
from .rows import Cell, Document, ReportError, Row, Text

_NOTHING = {"-", "–", "—", "_", "/", ".", "...", "…"}
_SEPARATORS = re.compile(r"[،,;؛]")
_PERIOD = re.compile(r"(?P<start>\d{4}(?:-\d\d){0,2})\s*(?:–|—|-|/|إلى|à|to)\s*(?P<end>\d{4}(?:-\d\d){0,2})")


def read(data: bytes) -> Report:
    """Read a file: ``.docx`` or plain text, told apart by content, never by name.

    :raises ReportError: it cannot be read at all
    """
    word.check_size(len(data))
    if not data.strip():
        raise ReportError(problem("empty"))
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", office.OLE)):
        document = word.read(data)
    elif data.startswith(b"%PDF") or data.lstrip()[:5].lower() in (b"<html", b"<!doc", b"{\\rtf"):
        raise ReportError(problem("not-word"))
    else:
        document = plain.read(data)
    return forms_of(document)


def forms_of(document: Document) -> Report:
    """The forms of a document, with what is wrong and what is left over.

    :raises ReportError: there is not one form in it
    """
    return _Reading(document).report()


class _Reading:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.found = Report(language="ar", warnings=list(document.warnings))
        self.languages: Counter[str] = Counter()
        self.form: Form | None = None
        #: The row whose label was read and whose value has not come yet.
        self.pending: str | None = None
        #: ``[(level, column)]`` of the row with the names of the levels.
        self.columns: list[tuple[str | None, Cell]] | None = None
        self.seen: set[str] = set()
        #: How many problems and left-overs there were when a form began, and when it ended.
        self.begins: dict[str, int] = {}
        self.spans: dict[int, tuple[dict[str, int], dict[str, int]]] = {}
        self.last_unplaced: tuple[str, int] | None = None

    def report(self) -> Report:
        for item in self.document.stream:
            if isinstance(item, Text):
                self._text(item)
            else:
                self._row(item)
        self._close()
        if not self.found.forms:
            raise ReportError(problem("not-a-report"))
        self.found.language = self.languages.most_common(1)[0][0] if self.languages else "ar"
        self._number_parts()
        self._order()
        self._twice_described()
        for form in self.found.forms:
            _other_languages(form, self.found.language)
        return self.found

    # ------------------------------------------------------------------ placing

    def _unplaced(self, text: str) -> None:
        text = text.strip()
        if not text:
            return
        where, unplaced = self.form.label if self.form else "", self.found.unplaced
        mark = (where, len(self.found.forms))
        if unplaced and mark == self.last_unplaced:
            # What stands together is shown together.
            unplaced[-1] = (where, f"{unplaced[-1][1]}\n{text}")
        else:
            unplaced.append((where, text))
        self.last_unplaced = mark

    def _text(self, item: Text) -> None:
        # After a form's last row comes the text of the report itself.
        self._close()
        text = to_text(item.blocks)
        for language, label in PERIOD.items():
            for block in item.blocks:
                said = t.western_digits(block.text)
                if said.startswith(label) and (period := _PERIOD.search(said)):
                    self.found.period = (period["start"], period["end"])
                    self.languages[language] += 1
        self._unplaced(text)

    def _row(self, row: Row) -> None:
        cells = row.cells
        filled = [cell for cell in cells if cell.raw or cell.blocks]
        if len(filled) == 1 and not self.pending:
            heading = heading_of(filled[0].raw)
            if heading is not None:
                self._begin(heading, filled[0])
                return
        if self.form is None:
            if len(filled) == 1 and self.pending is None and label_of(filled[0].raw):
                # Rows of a form whose heading is missing or unreadable.
                self.found.errors.append(problem("heading-missing", field="number", row=filled[0].raw))
            self._unplaced(" | ".join(cell.raw for cell in filled))
            return
        if self.columns is not None:
            self._crosses(cells)
            return
        label = label_of(filled[0].raw) if filled else None
        if label is not None and (filled[0] is cells[0] or len(filled) == 1) and not (self.pending and len(filled) == 1):
            self._labelled(label, cells, filled[0])
        elif self.pending is not None:
            name, self.pending = self.pending, None
            self._value(name, [cell for cell in cells if cell.blocks or cell.raw] or cells[:1])
        elif filled:
            self._unplaced(" | ".join(cell.raw for cell in filled))

    def _begin(self, heading: Heading, cell: Cell) -> None:
        self._close()
        self.begins = self._counts()
        self.form = Form(heading.number, heading.part, heading.title)
        self.form.cells["title"] = cell.raw
        if not heading.title:
            self.found.errors.append(problem("title-missing", self.form.label, "title"))
        if len(heading.title) > 500:
            self.found.errors.append(problem("title-long", self.form.label, "title", length=len(heading.title)))

    def _labelled(self, label: tuple[str, str], cells: list[Cell], first: Cell) -> None:
        assert self.form is not None
        name, language = label
        self.languages[language] += 1
        if name in self.seen:
            self.found.errors.append(problem("row-twice", self.form.label, name))
            self._unplaced(" | ".join(cell.raw for cell in cells if cell is not first))
            return
        self.seen.add(name)
        values = [cell for cell in cells if cell is not first]
        if name == "level":
            # Cells that only follow a merged one downwards hold nothing of their own.
            self.columns = [(_level(cell.raw), cell) for cell in values]
            if sorted(code or "" for code, _ in self.columns) != sorted(LEVELS):
                said = "، ".join(cell.raw or "–" for cell in values)
                slug = "level-columns" if len(values) == len(LEVELS) else "level-merged"
                self.found.errors.append(problem(slug, self.form.label, "level", found=said, count=len(values)))
        elif not values:
            self.pending = name
        else:
            self._value(name, values)

    def _crosses(self, cells: list[Cell]) -> None:
        assert self.form is not None and self.columns is not None
        columns, self.columns = self.columns, None
        label = self.form.label
        known = {cell.at: code for code, cell in columns if code}
        if len(known) != len(LEVELS):
            self._unplaced(" | ".join(cell.raw for cell in cells if cell.raw))
            return
        marked: list[str] = []
        for cell in cells:
            said = cell.raw.strip()
            covered = [known[at] for at in range(cell.at, cell.at + cell.span) if at in known]
            if not said:
                continue
            if said not in CROSSES:
                self.found.errors.append(problem("level-not-a-cross", label, "level", found=said[:40]))
                return
            if len(covered) != 1:
                self.found.errors.append(problem("level-merged", label, "level", found=said, count=len(covered)))
                return
            marked += covered
        if len([cell for cell in cells if cell.at in known or cell.span > 1]) < len(LEVELS) and not any(cell.span > 1 for cell in cells):
            self.found.errors.append(problem("level-merged", label, "level", found="", count=len(cells)))
        elif len(marked) == 1:
            self.form.level = marked[0]
        else:
            slug = "level-twice" if marked else "level-none"
            self.found.errors.append(problem(slug, label, "level", count=len(marked)))
        self.form.cells["level"] = " | ".join(cell.raw or "–" for cell in cells)

    def _value(self, name: str, values: list[Cell]) -> None:
        form = self.form
        assert form is not None
        filled = [cell for cell in values if cell.raw]
        if len(filled) > 1:
            self.found.warnings.append(problem("cells-joined", form.label, name, count=len(filled)))
        if any(cell.continued for cell in filled):
            self.found.warnings.append(problem("cells-joined", form.label, name, count=len(filled)))
        blocks = [block for cell in filled for block in cell.blocks]
        raw = "\n".join(cell.raw for cell in filled)
        form.cells[name] = raw
        lines = [line for line in squeeze(raw).split("\n") if line]
        if name == "agency":
            form.agency = lines
        elif name == "role":
            form.role = "\n".join(lines)
        elif name in ("promise", "done", "obstacles"):
            setattr(form, name, blocks)
        elif name == "parties":
            form.parties = _parties(blocks)
        elif name == "evidence":
            form.evidence = lines[0] if lines else ""
        elif name == "deadline":
            form.deadline = lines[0] if lines else ""
            for line in lines[1:]:
                self._unplaced(line)
        elif name in FOR_READING:
            form.milestones = lines

    # ------------------------------------------------------------------ checks of one form

    def _close(self) -> None:
        form, self.form = self.form, None
        if form is None:
            return
        seen, self.seen, self.pending, self.columns = self.seen, set(), None, None
        label = form.label
        for name in NEEDED:
            if name not in seen:
                self.found.errors.append(problem("row-missing", label, name))
        if "level" in seen and form.level is None and not any(p.form == label and p.field == "level" for p in self.found.errors):
            self.found.errors.append(problem("level-none", label, "level"))
        if any(name in seen for name in PERSONAL):
            form.people = self._people(form)
        if not form.agency and "agency" in seen:
            self.found.errors.append(problem("agency-missing", label, "agency"))
        for name, slug in (
            ("promise", "description-empty"),
            ("done", "done-empty"),
            ("role", "role-missing"),
            ("parties", "parties-missing"),
        ):
            if name in seen and not getattr(form, name):
                self.found.warnings.append(problem(slug, label, name))
        if not form.deadline:
            self.found.warnings.append(problem("deadline-missing", label, "deadline"))
        elif not deadline.read(form.deadline)[1]:
            self.found.warnings.append(problem("deadline-unclear", label, "deadline", found=form.deadline))
        self.found.forms.append(form)
        self.spans[id(form)] = (self.begins, self._counts())

    def _counts(self) -> dict[str, int]:
        return {name: len(getattr(self.found, name)) for name in ("errors", "warnings", "unplaced")}

    def _people(self, form: Form) -> list[Person]:
        label = form.label

        def lines(name: str) -> list[str]:
            return [line.strip() for line in squeeze(form.cells.get(name, "")).split("\n") if line.strip()]

        names, phones, emails = lines("people"), lines("phone"), lines("email")
        if len(names) > 1:
            self.found.warnings.append(problem("several-people", label, "people", count=len(names)))
        if not names and (phones or emails):
            self.found.warnings.append(problem("person-missing", label, "people"))
        dashes = [value for value in (*phones, *emails) if value in _NOTHING]
        if phones and all(value in _NOTHING for value in phones):
            self.found.warnings.append(problem("phone-dash", label, "phone", found=phones[0]))
        elif dashes and len(names) < 2:
            self.found.warnings.append(problem("phone-dash", label, "email", found=dashes[0]))
        if not [value for value in phones if value not in _NOTHING] and not dashes and names:
            self.found.warnings.append(problem("phone-missing", label, "phone"))
        count = max(len(names), 1 if phones or emails else 0)
        spread_phones = self._spread("phone", phones, count, label)
        spread_emails = self._spread("email", emails, count, label)
        names = names or [""] * count
        return [Person(*row) for row in zip(names, spread_phones, spread_emails, strict=True)]

    def _spread(self, name: str, values: list[str], count: int, label: str) -> list[str]:
        """One value for each person; one number for several people is everybody's, one address the first one's."""
        values = ["" if value in _NOTHING else value for value in values]
        if len(values) == count:
            return values
        if len(values) == 1 and name == "phone":
            self.found.warnings.append(problem("phone-shared", label, "phone", count=count))
            return values * count
        for value in values[count:]:
            self.found.warnings.append(problem("not-assigned", label, name, found=value))
            self.found.unplaced.append((label, value))
        return (values + [""] * count)[:count]

    # ------------------------------------------------------------------ checks of the whole

    def _number_parts(self) -> None:
        """The report gives two forms the same number when a commitment has two parts: the first is ``a``, the next ``b``."""
        forms = self.found.forms
        by_number: dict[int, list[int]] = {}
        for place, form in enumerate(forms):
            if not form.part:
                by_number.setdefault(form.number, []).append(place)
        for number, places in by_number.items():
            if len(places) == 1:
                continue
            same = [forms[place] for place in places]
            titles = {key(form.title) for form in same}
            adjacent = places[-1] - places[0] == len(places) - 1
            if len(titles) == len(same) and adjacent and len(same) <= 26 and not any(f.number == number and f.part for f in forms):
                for offset, form in enumerate(same):
                    self._relabel(form, chr(ord("a") + offset))
                self.found.warnings.append(problem("parts-numbered", str(number), "number", count=len(same)))
            else:
                self.found.errors.append(problem("form-twice", str(number), "number", count=len(same)))
        explicit = Counter(form.label for form in forms if form.part)
        for label, count in explicit.items():
            if count > 1:
                self.found.errors.append(problem("form-twice", label, "number", count=count))

    def _relabel(self, form: Form, part: str) -> None:
        """Give a form its part, and so what was said of it while it was read."""
        form.part = part
        begins, ends = self.spans[id(form)]
        for name in ("errors", "warnings"):
            said: list[Problem] = getattr(self.found, name)
            for at in range(begins[name], ends[name]):
                said[at] = problem(said[at].slug, form.label, said[at].field, **dict(said[at].details))
        unplaced = self.found.unplaced
        for at in range(begins["unplaced"], ends["unplaced"]):
            unplaced[at] = (form.label if unplaced[at][0] else "", unplaced[at][1])

    def _order(self) -> None:
        labels = [(form.number, form.part) for form in self.found.forms]
        for before, after in itertools.pairwise(labels):
            if after < before:
                self.found.warnings.append(problem("out-of-order", f"{after[0]}{after[1]}", "number", before=f"{before[0]}{before[1]}"))
        numbers = {number for number, _ in labels}
        gaps = sorted(set(range(1, max(numbers) + 1)) - numbers)
        if gaps:
            self.found.warnings.append(problem("numbers-missing", "", "number", numbers=", ".join(map(str, gaps[:20]))))

    def _twice_described(self) -> None:
        first: dict[str, str] = {}
        for form in self.found.forms:
            said = key(to_text(form.promise))
            if len(said) < 40:
                continue
            if said in first:
                self.found.warnings.append(problem("description-repeated", form.label, "promise", other=first[said]))
                form.doubtful.add("promise")
            else:
                first[said] = form.label


def _level(text: str) -> str | None:
    found = vocabulary.get("completion_levels").find(squeeze(text)) if text else None
    return found.code if found else None


def _parties(blocks: list[Block]) -> list[str]:
    """A list gives one party for each item; running text is parted at commas and semicolons outside of brackets."""
    if blocks and all(block.mark for block in blocks):
        return [" ".join(block.text.split()) for block in blocks]
    found: list[str] = []
    for block in blocks:
        text = " ".join(block.text.split())
        pieces, start, depth = [], 0, 0
        for place, character in enumerate(text):
            depth += (character in "([«") - (character in ")]»")
            if depth <= 0 and _SEPARATORS.match(character):
                pieces.append(text[start:place])
                start = place + 1
        found += [piece for piece in (piece.strip(" .") for piece in [*pieces, text[start:]]) if piece]
    return found


def _other_languages(form: Form, language: str) -> None:
    """Take the mark off a text that stands in another language than its document."""
    for code, mark in IN_LANGUAGE.items():
        if code == language:
            continue
        if form.title.startswith(mark):
            form.title, form.languages["title"] = form.title[len(mark) :].strip(), code
        if form.role.startswith(mark):
            form.role, form.languages["role"] = form.role[len(mark) :].strip(), code
        if len(form.agency) > 1 and form.agency[1].startswith(mark):
            form.agency[1], form.languages["unit"] = form.agency[1][len(mark) :].strip(), code
        for name in ("promise", "done", "obstacles"):
            blocks = getattr(form, name)
            if blocks and not blocks[0].mark and blocks[0].text.startswith(mark):
                rest = blocks[0].text[len(mark) :].strip()
                setattr(form, name, ([Block(rest)] if rest else []) + blocks[1:])
                form.languages[name] = code
