"""The published files, made from what everybody may see: the same content gives the same bytes."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import yaml
from ckan import model

from ...catalogue import names, vocabulary
from ...catalogue import text as t

TABLES = ("commitments", "progress_reports", "milestones", "recommendations")
#: As the OGP's data name the country.
COUNTRY = "Tunisia"
#: What a commitment is known by.
_KEY = ("plan", "commitment_number", "commitment_part")
#: Fields of the OGP's commitment data that the IRM's findings fill.
_IRM = {
    "specificity": "specificity",
    "potential_impact": "potential_impact",
    "completion": "completion_progress_report",
    "did_it_open_government": "did_it_open_government_overall",
}
_VALUES = {
    "access_to_information": "access_to_information",
    "civic_participation": "civic_participation",
    "public_accountability": "public_accountability",
    "technology_innovation": "technology",
}

Row = dict[str, Any]


@functools.cache
def dictionary() -> dict[str, list[dict[str, str]]]:
    """The columns by table: ``{table: [{"name", "type", "ogp"?, "en", "fr", "ar"}]}``."""
    return yaml.safe_load(Path(__file__).with_name("dictionary.yaml").read_text(encoding="utf-8"))


def file_name(table: str) -> str:
    """``progress_reports`` is in ``progress-reports.csv``."""
    return f"{table.replace('_', '-')}.csv"


def build() -> dict[str, bytes]:
    """All files by name: a CSV for each table, everything as JSON, the data dictionary. Empty without a public commitment.

    CSV: RFC 4180 in UTF-8 with a byte order mark, without which spreadsheet programs show Arabic as gibberish.
    """
    records = sorted(_public(), key=lambda one: (str(one["plan"]), int(one["commitment_number"]), one.get("commitment_part") or ""))
    if not records:
        return {}
    recommendations = _recommendations()
    rows: dict[str, list[Row]] = {
        "commitments": [_commitment(record) for record in records],
        "progress_reports": [row for record in records for row in _reports(record)],
        "milestones": [row for record in records for row in _milestones(record)],
        "recommendations": [_recommendation(one) for one in recommendations],
    }
    files = {file_name(table): _csv([column["name"] for column in dictionary()[table]], rows[table]) for table in TABLES}
    files["commitments.json"] = _json(rows)
    files["data-dictionary.csv"] = _csv(
        ["file", "column", "type", "description_en", "description_fr", "description_ar", "ogp_column"],
        [
            {
                "file": file_name(table),
                "column": column["name"],
                "type": column["type"],
                **{f"description_{code}": column[code] for code in t.LANGUAGES},
                "ogp_column": column.get("ogp", ""),
            }
            for table in TABLES
            for column in dictionary()[table]
        ],
    )
    return files


def _csv(columns: list[str], rows: Iterable[Row]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def _json(rows: Mapping[str, list[Row]]) -> bytes:
    """Commitments with their reports and milestones inside, and recommendations."""

    def of(table: str, record: Row) -> list[Row]:
        key = [record[name] for name in ("plan", "commitment_number", "commitment_part")]
        found = [row for row in rows[table] if [row[name] for name in ("plan", "commitment_number", "commitment_part")] == key]
        return [
            {name: value for name, value in row.items() if name not in ("plan", "commitment_number", "commitment_part")} for row in found
        ]

    whole = {
        "commitments": [
            {**record, "milestones": of("milestones", record), "progress_reports": of("progress_reports", record)}
            for record in rows["commitments"]
        ],
        "recommendations": rows["recommendations"],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1).encode()


def _public() -> list[dict[str, Any]]:
    """As somebody who is not signed in gets them: no people in charge are among it."""
    query = model.Session.query(model.Package.id).filter(
        model.Package.type == "commitment", model.Package.state == "active", model.Package.private.is_(False)
    )
    show = tk.get_action("package_show")
    return [show({"user": "", "auth_user_obj": None, "use_cache": False}, {"id": package_id}) for (package_id,) in query.all()]  # pyright: ignore[reportArgumentType]


def _recommendations() -> list[dict[str, Any]]:
    act = tk.get_action("ogptn_commitment_recommendation_list")
    found: list[dict[str, Any]] = []
    while True:
        page = act({"user": ""}, {"limit": 100, "offset": len(found)})
        found += page["results"]
        if not page["results"] or len(found) >= page["count"]:
            return sorted(found, key=lambda one: (one["received_on"], one["created_at"], one["id"]))


def _english(value: Mapping[str, str] | None) -> str:
    return t.pick(value, "en", "fr", "ar")


def _by_language(name: str, value: Mapping[str, str] | None) -> dict[str, str]:
    return {f"{name}_{code}": (value or {}).get(code, "") for code in t.LANGUAGES}


def _key(record: Mapping[str, Any]) -> Row:
    return {
        "plan": record["plan"],
        "commitment_number": int(record["commitment_number"]),
        "commitment_part": record.get("commitment_part") or "",
    }


def _filled(table: str, row: Row) -> Row:
    """The table's columns in their order, empty ones as empty text."""
    return {column["name"]: "" if row.get(column["name"]) is None else row[column["name"]] for column in dictionary()[table]}


def _commitment(record: Mapping[str, Any]) -> Row:
    plan = vocabulary.get("plans").terms.get(record["plan"])
    number = re.search(r"[0-9]+", record["plan"])
    group = model.Group.get(record.get("responsible_agency") or record.get("owner_org") or "")
    agency = names.organization_titles(group) if group is not None else {}
    areas = vocabulary.get("policy_areas").terms
    milestones = record.get("milestones") or []
    values = record.get("ogp_values") or []
    row: Row = {
        **_key(record),
        "country_locality": COUNTRY,
        "year_of_submission": str(plan.more.get("start", ""))[:4] if plan is not None else "",
        "action_plan_number": int(number[0]) if number else "",
        "commitment_unique_identifier": record.get("ogp_identifier"),
        "commitment_title": _english(record.get("title_translated")),
        **_by_language("title", record.get("title_translated")),
        "full_text": _english(record.get("notes_translated")),
        **_by_language("description", record.get("notes_translated")),
        "theme": "; ".join(areas[code].label["en"] if code in areas else code for code in record.get("policy_areas") or []),
        "axis": record.get("axis"),
        "lead_institution": _english(agency) or (group.title if group is not None else ""),
        "lead_institution_ar": agency.get("ar"),
        "lead_institution_fr": agency.get("fr"),
        "supporting_institutions": "; ".join(_english(party.get("name_translated")) for party in record.get("other_parties") or []),
        "url": tk.h.url_for("commitment.read", id=record["name"], qualified=True, locale="default"),
        **{column: ("yes" if code in values else "no") if values else "" for code, column in _VALUES.items()},
        "completion_level": record.get("completion_level"),
        **{name: record.get(name) for name in ("starts_on", "due_on", "deadline_text")},
        "milestones": len(milestones),
        "milestones_complete": sum(milestone.get("status") == "complete" for milestone in milestones),
    }
    for finding in record.get("irm_coding") or []:
        if column := _IRM.get(finding.get("indicator", "")):
            # The newest finding stands last.
            row[column] = finding.get("value")
    return _filled("commitments", row)


def _reports(record: Mapping[str, Any]) -> list[Row]:
    return [
        _filled(
            "progress_reports",
            {
                **_key(record),
                **{name: report.get(name) for name in ("period_start", "period_end", "completion_level", "evidence")},
                **_by_language("done", report.get("done")),
                **_by_language("obstacles", report.get("obstacles")),
            },
        )
        for report in record.get("progress_reports") or []
    ]


def _milestones(record: Mapping[str, Any]) -> list[Row]:
    rows = []
    for place, milestone in enumerate(record.get("milestones") or [], 1):
        percent = milestone.get("percent")
        row = {
            **_key(record),
            "place": place,
            **_by_language("title", milestone.get("title")),
            **{name: milestone.get(name) for name in ("starts_on", "due_on", "status", "evidence")},
            "percent": int(percent) if percent not in (None, "") else None,
        }
        rows.append(_filled("milestones", row))
    return rows


def _recommendation(one: Mapping[str, Any]) -> Row:
    row = {
        **{name: one[name] for name in ("id", "source", "source_name", "source_url", "received_on", "status", "answered_at")},
        **_by_language("text", one["text"]),
        **_by_language("answer", one["answer"]),
        "organization": (one["organization"] or {}).get("name"),
        "commitments": "; ".join(f"{linked['plan']}-{linked['number']}" for linked in one["commitments"]),
    }
    return _filled("recommendations", row)
