"""The table of bad inputs: what is sent, where the error must stand, which rule it is. Used by the test of each dataset type.

Each case is sent on top of a record that is right, through the real action, in three languages; see `refused`. What the portal answered is
the table of ``docs/bad-input.md``, which ``make bad-input`` writes anew and which a test that finds another answer fails on.
"""

from __future__ import annotations

import copy
import json
import os
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ogptn.catalogue import rules
from ckanext.ogptn.commitment.model import CommitmentContacts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bad-input.md"
#: With this variable set the page is written instead of compared.
WRITE = "OGPTN_WRITE_BAD_INPUT"
LANGUAGES = ("ar", "fr", "en")
SCRIPT = "<script>alert(1)</script>"
HUGE = "م" * (10 * 1024 * 1024 // 2)
BIDI = "تقرير \u202egnp.exe"
SURROGATE = "abc\ud800def"
NUL = "abc\x00def"


@dataclass(frozen=True)
class Case:
    """``where`` is the path of the error in the answer, ``slug`` the rule, ``details`` what its message must name."""

    name: str
    sent: Mapping[str, Any]
    where: tuple[Any, ...]
    slug: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def missing(name: str, slug: str = "missing", **details: Any) -> list[Case]:
    """A needed field absent, empty, and blank."""
    empty = {"absent": None, "empty": "", "blank": "   "}
    return [Case(f"{name}-{how}", {name: value}, (name,), slug, details) for how, value in empty.items()]


def texts(name: str, limit: int, language: str = "ar") -> list[Case]:
    """A multilingual text with everything that must not be stored."""
    at = (f"{name}-{language}",)
    return [
        Case(f"{name}-10-megabytes", {name: {"ar": HUGE, "fr": "x"}}, at, "too-long", {"limit": limit}),
        Case(f"{name}-bidi-override", {name: {"ar": BIDI, "fr": "x"}}, at, "forbidden-character", {"character": "U+202E"}),
        Case(f"{name}-lone-surrogate", {name: {"ar": SURROGATE, "fr": "x"}}, at, "forbidden-character", {"character": "U+D800"}),
        Case(f"{name}-nul", {name: {"ar": NUL, "fr": "x"}}, at, "forbidden-character", {"character": "U+0000"}),
        Case(f"{name}-not-a-text", {name: {"ar": ["x"], "fr": "x"}}, at, "not-text"),
        Case(f"{name}-unknown-language", {name: {"ar": "نص", "de": "Text"}}, (name,), "unknown-language", {"language": "de"}),
        Case(f"{name}-number", {name: 7}, (name,), "not-translations"),
    ]


#: What every type must refuse.
COMMON = [
    *missing("title_translated", "missing-language"),
    *missing("notes_translated", "missing-language"),
    Case("title-without-the-main-language", {"title_translated": {"fr": "Titre"}}, ("title_translated",), "missing-language"),
    Case("notes-without-the-main-language", {"notes_translated": {"fr": "Texte"}}, ("notes_translated",), "missing-language"),
    *texts("title_translated", 500),
    *texts("notes_translated", 100_000),
    Case("keyword-bidi", {"tags_translated": {"ar": [BIDI]}}, ("tags_translated-ar",), "forbidden-character"),
    Case("keyword-too-long", {"tags_translated": {"fr": ["x" * 101]}}, ("tags_translated-fr",), "too-long", {"limit": 100}),
    Case("keywords-too-many", {"tags_translated": {"fr": [f"mot {n}" for n in range(101)]}}, ("tags_translated-fr",), "too-many"),
    Case("name-underscores", {"name": "a__b"}, ("name",), "slug-shape"),
    Case("name-bare-year", {"name": "2017"}, ("name",), "slug-number", {"value": "2017"}),
    Case("theme-unknown", {"theme": ["AGRI", "NOPE"]}, ("theme",), "vocabulary-code", {"value": "NOPE"}),
    Case("theme-not-a-list", {"theme": 5}, ("theme",), "not-list"),
    Case("governorate-unknown", {"governorates": ["TN-99"]}, ("governorates",), "vocabulary-code", {"value": "TN-99"}),
    Case("frequency-unknown", {"frequency": "SOMETIMES"}, ("frequency",), "vocabulary-code", {"value": "SOMETIMES"}),
    Case("language-unknown", {"language": ["KLINGON"]}, ("language",), "vocabulary-code", {"value": "KLINGON"}),
    Case("licence-unknown", {"license_id": "free beer"}, ("license_id",), "vocabulary-code", {"value": "free beer"}),
    Case("access-unknown", {"access_rights": "MAYBE"}, ("access_rights",), "vocabulary-code", {"value": "MAYBE"}),
    Case(
        "period-end-before-start",
        {"temporal_coverage": [{"start": "2017"}, {"start": "2025/02/25", "end": "2025/02/24"}]},
        ("temporal_coverage", 1, "end"),
        "period-order",
        {"start": "2025-02-25", "end": "2025-02-24"},
    ),
    Case(
        "period-31-february",
        {"temporal_coverage": [{"start": "31/02/2016"}]},
        ("temporal_coverage", 0, "start"),
        "date-impossible",
        {"value": "31/02/2016", "last": "2016-02-29"},
    ),
    Case("period-month-13", {"temporal_coverage": [{"end": "2016-13"}]}, ("temporal_coverage", 0, "end"), "date-month"),
    Case("period-not-a-date", {"temporal_coverage": [{"end": "demain"}]}, ("temporal_coverage", 0, "end"), "date-shape-partial"),
    Case("period-year-99", {"temporal_coverage": [{"end": "0099-01-01"}]}, ("temporal_coverage", 0, "end"), "date-year"),
    Case("period-not-rows", {"temporal_coverage": "2016"}, ("temporal_coverage",), "not-group"),
    Case("period-rows-of-text", {"temporal_coverage": ["2016"]}, ("temporal_coverage",), "not-group"),
    Case("period-unknown-field", {"temporal_coverage": [{"start": "2016", "beg": "x"}]}, ("temporal_coverage", 0, "beg"), "unknown-field"),
    Case("issued-not-a-date", {"issued": "demain"}, ("issued",), "date-shape-partial", {"value": "demain"}),
    Case("issued-31-february", {"issued": "٣١/٠٢/٢٠١٦"}, ("issued",), "date-impossible", {"value": "31/02/2016"}),
    Case("contact-email", {"contact": [{"email": "not an address"}]}, ("contact", 0, "email"), "email-shape"),
    Case("contact-url-script", {"contact": [{"url": "javascript:alert(1)"}]}, ("contact", 0, "url"), "url-shape"),
    Case("publishers-two", {"publisher": [{"identifier": "1"}, {"identifier": "2"}]}, ("publisher", 1, "name_translated"), "once"),
    Case("landing-page-script", {"url": "javascript:alert(1)"}, ("url",), "url-shape"),
    Case("landing-page-password", {"url": "https://user:secret@example.tn/"}, ("url",), "url-credentials"),
    Case("standard-not-an-address", {"conforms_to": ["DCAT-AP"]}, ("conforms_to",), "url-shape", {"value": "DCAT-AP"}),
    Case("identifier-too-long", {"identifier": "x" * 501}, ("identifier",), "too-long", {"length": 501, "limit": 500}),
    Case("identifier-bidi", {"identifier": BIDI}, ("identifier",), "forbidden-character"),
    Case("identifier-surrogate", {"identifier": SURROGATE}, ("identifier",), "forbidden-character"),
    Case("geometry-not-json", {"spatial": "POINT(10 36)"}, ("spatial",), "geojson-syntax"),
    Case("geometry-unknown-type", {"spatial": '{"type": "Circle", "coordinates": [1, 2]}'}, ("spatial",), "geojson-type"),
    Case("geometry-swapped", {"spatial": '{"type": "Point", "coordinates": [36, 200]}'}, ("spatial",), "geojson-coordinates"),
    Case(
        "geometry-open-ring",
        {"spatial": '{"type": "Polygon", "coordinates": [[[9, 33], [10, 33], [10, 34], [9, 34]]]}'},
        ("spatial",),
        "geojson-coordinates",
    ),
    Case("extra-of-a-fields-name", {"extras": [{"key": "theme", "value": "[]"}]}, ("extras", 0, "key"), "field-as-extra"),
    Case("extra-surrogate", {"extras": [{"key": "note", "value": SURROGATE}]}, ("extras", 0, "value"), "forbidden-character"),
    Case("file-format-unknown", {"resources": [{"url": "", "format": "XYZ"}]}, ("resources", 0, "format"), "vocabulary-code"),
    Case("file-media-type", {"resources": [{"url": "", "mimetype": "tableur"}]}, ("resources", 0, "mimetype"), "vocabulary-code"),
    Case("file-licence-unknown", {"resources": [{"url": "", "license": "x"}]}, ("resources", 0, "license"), "vocabulary-code"),
    Case("file-size-words", {"resources": [{"url": "", "size": "2 Mo"}]}, ("resources", 0, "size"), "not-integer", {"value": "2 Mo"}),
    Case("file-size-negative", {"resources": [{"url": "", "size": -1}]}, ("resources", 0, "size"), "too-small"),
    Case("file-checksum", {"resources": [{"url": "", "hash": "zzz"}]}, ("resources", 0, "hash"), "checksum-shape"),
    Case("file-url-script", {"resources": [{"url": "javascript:alert(1)"}]}, ("resources", 0, "url"), "url-shape"),
    Case(
        "file-period",
        {"resources": [{"url": ""}, {"url": "", "temporal_start": "2017", "temporal_end": "2016"}]},
        ("resources", 1, "temporal_end"),
        "period-order",
    ),
    Case(
        "file-name-bidi",
        {"resources": [{"url": "", "name_translated": {"ar": BIDI}}]},
        ("resources", 0, "name_translated-ar"),
        "forbidden-character",
    ),
    Case("file-plain-name-nul", {"resources": [{"url": "", "name": NUL}]}, ("resources", 0, "name_translated-fr"), "forbidden-character"),
    Case("files-not-rows", {"resources": "none"}, ("resources",), "not-group"),
]


def at(errors: Any, where: tuple[Any, ...]) -> list[str]:
    """The messages at a place in CKAN's answer; empty when there are none."""
    for step in where:
        try:
            errors = errors[step]
        except (KeyError, IndexError, TypeError):
            return []
    return list(errors) if isinstance(errors, list) else []


def stored() -> tuple[int, ...]:
    """How many records, files, contacts and organisations the database holds."""
    model.Session.expire_all()
    return tuple(model.Session.query(table).count() for table in (model.Package, model.Resource, CommitmentContacts, model.Group))


def with_change(example: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The example with some fields replaced; None takes a field away."""
    record = {**copy.deepcopy(dict(example)), **copy.deepcopy(dict(change))}
    return {name: value for name, value in record.items() if value is not None}


def refused(
    section: str,
    cases: Iterable[Case],
    example: Mapping[str, Any],
    user: str,
    app: Any,
    action: str = "package_create",
) -> list[str]:
    """Send every case as a steward who reads Arabic, French and English.

    One site serves the whole table: to make one for each row would take an hour.

    :param section: the part of ``docs/bad-input.md`` that holds the answers; empty for cases that it shows elsewhere
    :returns: what is wrong, a line for each: no error, an error elsewhere, other words than the rule's, something stored, another answer
        than the page says
    """
    complaints: list[str] = []
    rows: list[str] = []
    before = stored()
    for case in cases:
        said: list[str] = []
        for language in LANGUAGES:
            with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": language}):
                try:
                    tk.get_action(action)({"user": user}, with_change(example, case.sent))
                except tk.ValidationError as error:
                    messages = at(error.error_dict, case.where)
                    details = {**_details(messages, case.slug), **case.details}
                    expected = _said(case.slug, details)
                    said.append(expected)
                    if expected not in messages:
                        complaints.append(f"{case} [{language}]: expected {expected!r} at {case.where}, got {str(error.error_dict)[:300]}")
                else:
                    complaints.append(f"{case} [{language}]: accepted")
        if len(set(said)) != len(LANGUAGES):
            complaints.append(f"{case}: not said in three languages: {said}")
        rows.append(_row(_shown(case.sent), _code("/".join(map(str, case.where))), *said, _code(case.slug)))
        model.Session.rollback()
        if stored() != before:
            complaints.append(f"{case}: something was stored")
            before = stored()
    return complaints + (_differs(section, rows) if section else [])


@dataclass(frozen=True)
class Accepted:
    """What looks wrong and is not: ``stored`` is what the record holds at ``where`` afterwards."""

    sent: Mapping[str, Any]
    where: tuple[Any, ...]
    stored: Any


def accepted(section: str, cases: Iterable[Accepted], example: Mapping[str, Any], user: str) -> list[str]:
    """Send every case and take the record back; as `refused` of what is not as it should be."""
    complaints: list[str] = []
    rows: list[str] = []
    for case in cases:
        try:
            found: Any = tk.get_action("package_create")({"user": user, "defer_commit": True}, with_change(example, case.sent))
            for step in case.where:
                found = found[step]
            if found != case.stored:
                complaints.append(f"{case.sent}: stored as {found!r}, not as {case.stored!r}")
        except tk.ValidationError as error:
            complaints.append(f"{case.sent}: {error.error_dict}")
        model.Session.rollback()
        rows.append(_row(_shown(case.sent), _code("/".join(map(str, case.where))), _shown(case.stored)))
    return complaints + _differs(section, rows)


def script_everywhere(package_type: str) -> list[Accepted]:
    """A script in every text field of a type: it is stored as it was typed (and shown as text: ``test_form_pages.py``)."""
    cases: list[Accepted] = []
    for described in tk.h.scheming_get_dataset_schema(package_type)["dataset_fields"]:
        name, snippet = described["field_name"], described.get("form_snippet")
        if snippet in ("fluent_text.html", "fluent_markdown.html"):
            cases.append(Accepted({name: {"ar": SCRIPT, "fr": SCRIPT}}, (name,), {"ar": SCRIPT, "fr": SCRIPT}))
        elif snippet == "ogptn_text.html" and described.get("validators") == "ogptn_text":
            script = SCRIPT[: described.get("max_length", len(SCRIPT))]
            cases.append(Accepted({name: script}, (name,), script))
    return cases


# ------------------------------------------------------------------------------------------------------------------ the page
def _differs(section: str, rows: list[str]) -> list[str]:
    page = PAGE.read_text(encoding="utf-8")
    start, end = f"<!-- {section} -->\n", f"<!-- end of {section} -->"
    if start not in page or end not in page:
        return [f"docs/bad-input.md has no section {section}"]
    head, rest = page.split(start, 1)
    old, tail = rest.split(end, 1)
    heading, ruler = old.split("\n", 2)[:2]
    new = "\n".join([heading, ruler, *rows, ""])
    if os.environ.get(WRITE):
        PAGE.write_text(head + start + new + end + tail, encoding="utf-8")
        return []
    if new == old:
        return []
    told = "docs/bad-input.md says something else; if the answers are right, write it anew with “make bad-input”:"
    return [told, *sorted(set(new.splitlines()) ^ set(old.splitlines()))]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def _shown(sent: Any) -> str:
    """What was sent, as JSON on one line; what cannot be seen is written out, what is long is shortened."""

    def short(value: Any) -> Any:
        if isinstance(value, str) and len(value) > 60:
            return f"{value[:3]}… ({len(value)} characters)"
        if isinstance(value, Mapping):
            return {key: short(part) for key, part in value.items()}
        if isinstance(value, list):
            return [short(part) for part in value] if len(value) <= 4 else [*map(short, value[:2]), f"… ({len(value)} values)"]
        return value

    written = json.dumps(short(sent), ensure_ascii=False)
    return _code("".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in written))


def _said(slug: str, details: Mapping[str, Any]) -> str:
    try:
        return rules.message(slug, **details)
    except KeyError as absent:
        return f"{slug} without {absent}"


def _details(messages: list[str], slug: str) -> dict[str, str]:
    """Placeholders of a message that a case does not care about, read back from what was said."""
    template = _template(slug)
    names = [name for _, name, _, _ in string.Formatter().parse(template) if name]
    pattern = "".join(re.escape(text) + (f"(?P<{name}>.*?)" if name else "") for text, name, _, _ in string.Formatter().parse(template))
    for message in messages:
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found:
            return {name: found[name] for name in names}
    return {}


def _template(slug: str) -> str:
    names = re.findall("[a-z]+", "language name character length limit count value minimum maximum last year start end total percent")
    names += re.findall("[a-z]+", "vocabulary parent scheme indicator number example type reason")
    return rules.message(slug, **{name: "{" + name + "}" for name in names})
