"""A job's issues as CSV, for a spreadsheet: UTF-8 with a byte order mark, and no cell that it would take for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

#: What makes a spreadsheet calculate (OWASP, CSV Injection), also in full width; after blanks too, which some strip.
_FORMULA = re.compile(r"^[\s\x00-\x1f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]*[=+\-@|\uff1d\uff0b\uff0d\uff20]")
#: Control characters other than the line feed.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def cell(value: Any) -> str:
    """A value as a cell that shows what it is."""
    text = _CONTROL.sub(" ", str(value if value is not None else "").replace("\r\n", "\n"))
    return f"'{text}" if _FORMULA.match(text) else text


def rows(issues: Iterable[Mapping[str, Any]], raw_address: str) -> Iterator[str]:
    """The lines of the file, in the language of the request.

    :param issues: as `ogptn_harvest_issue_list` lists them
    :param raw_address: address of a record's page with ``{id}`` for its number
    """
    yield "\ufeff" + _line(
        [
            tk._("Severity"),
            tk._("Kind of issue"),
            tk._("Record"),
            tk._("Identifier at the source"),
            tk._("Field"),
            tk._("What is wrong"),
            tk._("What to do"),
            tk._("Raw content here"),
            tk._("At the source"),
        ]
    )
    for issue in issues:
        yield _line(
            [
                issue["severity"],
                issue["slug"],
                issue["title"],
                issue["guid"],
                issue["field"],
                issue["message"],
                issue["advice"],
                raw_address.format(id=issue["record_id"]) if issue["record_id"] else "",
                issue["source_url"],
            ]
        )


def _line(values: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([cell(value) for value in values])
    return line.getvalue()
