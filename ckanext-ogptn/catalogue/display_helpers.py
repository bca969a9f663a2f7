"""What the dataset page needs to show every field: what is empty, what belongs in a table, shares as a bar, links in both directions."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search import SearchError
from ckan.lib.search.common import SolrConnectionError
from jinja2 import Undefined
from markupsafe import Markup

from ckanext.ogptn.catalogue import indexing
from ckanext.ogptn.catalogue.theme_helpers import partial_date, period

log = logging.getLogger(__name__)

Field = Mapping[str, Any]

#: Said already in the head of the page, or shown apart from the table.
_IN_HEAD = frozenset({"title_translated", "name", "notes_translated", "tags_translated", "owner_org", "private"})

#: CKAN gives no more in one answer unless it is told to (``ckan.search.rows_max``).
_MOST_LINKS = 1_000

#: The section of a page that comes before all others.
_FIRST_SECTION = "progress"

#: A code of these vocabularies is a level of completion: shown with its disc.
_LEVELS = "completion_levels"


def _is_empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_empty(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(_is_empty(inner) for inner in value)
    return value is None or isinstance(value, Undefined) or (isinstance(value, str) and not value.strip())


def ogptn_is_empty(value: Any) -> bool:
    """Whether a field's value says nothing: none, blank, or made of blank parts only."""
    return _is_empty(value)


def ogptn_shown_sections(schema: Mapping[str, Any], package: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sections of a dataset's page: ``[{"id", "label", "fields", "groups"}]``, empty fields and empty sections left out.

    ``groups`` are the repeating fields, which are drawn as tables of their own. What is for editors only is in ``package`` for editors
    only, and is checked once more here.
    """
    may_edit = tk.h.check_access("package_update", {"id": package["id"]})
    sections = []
    for section in tk.h.ogptn_form_sections(schema):
        shown = [
            field
            for field in section["fields"]
            if field["field_name"] not in _IN_HEAD
            and field.get("display_snippet", "") is not None
            and not _is_empty(package.get(field["field_name"]))
            and (may_edit or not field.get("editors_only"))
        ]
        if shown:
            groups = [field for field in shown if field.get("repeating_subfields")]
            sections.append({**section, "fields": [field for field in shown if field not in groups], "groups": groups})
    # The sections stand in the order of the form, but for what readers of a commitment come for.
    return sorted(sections, key=lambda section: section["id"] != _FIRST_SECTION)


def ogptn_kept_words(schema: Mapping[str, Any], package: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a harvested record says beyond the fields of its type: ``[{"label", "name", "lines"}]``, for the end of its page.

    These are CKAN's free extras. ``original_…`` holds what a source wrote where a field could not take it; the label is that field's.
    """
    labels = {field["field_name"]: field.get("label", field["field_name"]) for field in schema["dataset_fields"]}
    found = []
    for extra in package.get("extras") or ():
        name, value = str(extra.get("key") or ""), extra.get("value")
        if not name or name in indexing.PRIVATE or name in labels or not isinstance(value, str) or not value.strip():
            continue
        field = name.removeprefix("original_")
        if name == "read_from":
            label = tk._("Read from these words of the source")
        elif field != name and field in labels:
            label = tk._("{field}, as the source writes it").format(field=tk.h.ogptn_label(labels[field]))
        else:
            label = ""
        found.append({"label": label, "name": name, "lines": value.strip().splitlines()})
    return found


def ogptn_shown_resource_fields(schema: Mapping[str, Any], resource: Mapping[str, Any]) -> list[Field]:
    """The fields of a file that its page lists: those with a value that the head of the page does not show."""
    head = {"url", "name_translated", "description_translated"}
    return [
        field
        for field in schema["resource_fields"]
        if field["field_name"] not in head
        and field.get("display_snippet", "") is not None
        and not _is_empty(resource.get(field["field_name"]))
    ]


def ogptn_shown_columns(field: Field, rows: Iterable[Mapping[str, Any]]) -> list[Field]:
    """The subfields that at least one row has a value for: the columns of its table."""
    rows = list(rows)
    return [sub for sub in field["repeating_subfields"] if any(not _is_empty(row.get(sub["field_name"])) for row in rows)]


def ogptn_is_level(field: Field) -> bool:
    """Whether a field's value is a level of completion."""
    return field.get("vocabulary") == _LEVELS


def ogptn_markdown(text: str) -> Markup:
    """Markdown as HTML; tags in it are shown as they were typed. CKAN's own rendering takes them out, and with them what somebody wrote."""
    return tk.h.render_markdown(text.replace("<", "&lt;"))


def ogptn_codes(value: Any) -> list[str]:
    """One code or several, as a list."""
    if isinstance(value, list | tuple):
        return [str(item) for item in value if item not in (None, "")]
    return [] if value in (None, "") else [str(value)]


def ogptn_pick_tags(value: Any) -> tuple[list[str], str | None]:
    """The keywords of the reader's language, or else of another; and that other language's code."""
    if not isinstance(value, Mapping):
        return [], None
    wanted = tk.h.lang()
    for language in (wanted, tk.config.get("ckan.locale_default"), "ar", "fr", "en"):
        if value.get(language):
            return list(value[language]), None if language == wanted else language
    return [], None


def ogptn_shares(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The parts of a bar of shares: ``[{"label", "share"}]``, shares as exact text in percent; rows without a usable one are left out.

    What is missing to 100 is not invented: the bar stays that much shorter.
    """
    parts = []
    for row in rows:
        try:
            share = Decimal(str(row.get("share")))
        except InvalidOperation:
            continue
        if share.is_finite() and share > 0:
            parts.append({"label": str(row.get("company") or ""), "share": f"{share.normalize():f}"})
    return parts


def ogptn_newest_first(reports: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Progress reports, the newest period first; dates compare as text because they are ISO 8601, a year alone being its end."""
    return sorted(reports, key=lambda report: str(report.get("period_end") or report.get("period_start") or "") + "-99", reverse=True)


def _link(package: model.Package) -> dict[str, str] | None:
    try:
        tk.check_access("package_show", {"user": tk.current_user.name, "auth_user_obj": tk.current_user}, {"id": package.id})
    except tk.NotAuthorized:
        return None
    extras: Mapping[str, str] = getattr(package, "extras", None) or {}
    record = {name: getattr(package, name) for name in ("name", "title", "type")}
    return _link_of({**record, "title_translated": extras.get("title_translated")})


def ogptn_linked_records(ids: Iterable[str]) -> list[dict[str, str]]:
    """Records named by a field that the reader may see: ``[{"title", "lang", "url", "type"}]``, in the order given."""
    wanted = list(ids)
    if not wanted:
        return []
    found = model.Session.query(model.Package).filter(
        model.Package.state == "active", sa.or_(model.Package.id.in_(wanted), model.Package.name.in_(wanted))
    )
    by_key = {key: package for package in found for key in (package.id, package.name)}
    links = (_link(by_key[key]) for key in wanted if key in by_key)
    return [link for link in links if link]


def ogptn_records_that_name(package_id: str) -> list[dict[str, str]]:
    """The other direction: records whose own fields name this one, as far as the reader may see them, by type and title.

    Asked of the search index, which knows them by id and knows who may see what: one query, however large the catalogue is.
    """
    query = {
        "q": "*:*",
        "fq": f'{indexing.LINK_FIELD}:"{package_id}"',
        "include_private": True,
        "rows": _MOST_LINKS,
        "sort": "dataset_type asc, title_string asc",
    }
    try:
        found = tk.get_action("package_search")({"user": tk.current_user.name, "auth_user_obj": tk.current_user}, query)
    except (SearchError, SolrConnectionError):
        # A record can be read while the index cannot be asked; the page goes without this list.
        log.warning("The records that name %s are not shown: the search index did not answer", package_id, exc_info=True)
        return []
    return [_link_of(record) for record in found["results"] if record["id"] != package_id]


def _link_of(record: Mapping[str, Any]) -> dict[str, str]:
    title, language = tk.h.ogptn_pick(record.get("title_translated") or record.get("title") or record["name"])
    return {
        "title": title or record["name"],
        "lang": language or "",
        "url": tk.h.url_for(f"{record['type']}.read", id=record["name"]),
        "type": record["type"],
    }


def ogptn_organization_link(reference: str) -> dict[str, str] | None:
    """An organisation by id or name: ``{"title", "lang", "url"}``; nothing if there is none."""
    group = model.Group.get(reference)
    if group is None or group.state != "active":
        return None
    extras: Mapping[str, str] = getattr(group, "extras", None) or {}
    title, language = tk.h.ogptn_pick(extras.get("title_translated") or group.title or group.name)
    return {"title": title or group.name, "lang": language or "", "url": tk.h.url_for(f"{group.type}.read", id=group.name)}


def ogptn_geometry(value: Any) -> dict[str, Any]:
    """A GeoJSON geometry in words: its kind and the corners of its box in degrees, west, south, east, north."""
    try:
        geometry = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return {"kind": "", "box": None}
    points: list[tuple[float, float]] = []

    def walk(coordinates: Any) -> None:
        if isinstance(coordinates, list) and len(coordinates) >= 2 and all(isinstance(part, int | float) for part in coordinates[:2]):
            points.append((float(coordinates[0]), float(coordinates[1])))
        elif isinstance(coordinates, list):
            for part in coordinates:
                walk(part)

    walk(geometry.get("coordinates") if isinstance(geometry, Mapping) else None)
    kinds = {
        "Point": tk._("A point"),
        "MultiPoint": tk._("Points"),
        "LineString": tk._("A line"),
        "MultiLineString": tk._("Lines"),
        "Polygon": tk._("An area"),
        "MultiPolygon": tk._("Areas"),
    }
    kind = kinds.get(str(geometry.get("type")), "") if isinstance(geometry, Mapping) else ""
    if not points:
        return {"kind": kind, "box": None}
    longitudes, latitudes = [point[0] for point in points], [point[1] for point in points]
    return {"kind": kind, "box": (min(longitudes), min(latitudes), max(longitudes), max(latitudes))}


def get_helpers() -> dict[str, Callable[..., Any]]:
    """The template helpers of dataset pages, by name."""
    return {
        "ogptn_is_empty": ogptn_is_empty,
        "ogptn_shown_sections": ogptn_shown_sections,
        "ogptn_kept_words": ogptn_kept_words,
        "ogptn_shown_resource_fields": ogptn_shown_resource_fields,
        "ogptn_shown_columns": ogptn_shown_columns,
        "ogptn_is_level": ogptn_is_level,
        "ogptn_markdown": ogptn_markdown,
        "ogptn_codes": ogptn_codes,
        "ogptn_pick_tags": ogptn_pick_tags,
        "ogptn_shares": ogptn_shares,
        "ogptn_newest_first": ogptn_newest_first,
        "ogptn_linked_records": ogptn_linked_records,
        "ogptn_records_that_name": ogptn_records_that_name,
        "ogptn_organization_link": ogptn_organization_link,
        "ogptn_geometry": ogptn_geometry,
        "ogptn_partial_date": partial_date,
        "ogptn_period": period,
    }
