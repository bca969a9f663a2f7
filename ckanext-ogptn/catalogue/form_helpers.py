"""What the form templates need to know: sections, values as they were typed, rows of repeating groups, errors and where they are.

A form that comes back with errors must show exactly what was sent: the values are then read from the request, not from the stored
record, so that an emptied field, an unticked box or a removed row does not come back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ogptn.catalogue.config import default_language
from ckanext.ogptn.catalogue.theme_helpers import LANGUAGE_NAMES, LANGUAGES

Field = dict[str, Any]
Errors = Mapping[str, Any]


def _submitted() -> Mapping[str, list[str]] | None:
    """The values of the form being answered, by control name, or None when the page was only asked for."""
    if tk.request and tk.request.method == "POST":
        return tk.request.form.to_dict(flat=False)
    return None


def is_multilingual(field: Field) -> bool:
    """Whether the field's value is one text (or list of tags) per language."""
    return "form_languages" in field


def ogptn_form_languages(field: Field) -> list[dict[str, str]]:
    """The languages in which a field is written: ``[{"code", "name", "dir"}]``, names in their own language."""
    codes = field.get("form_languages") or LANGUAGES
    return [{"code": code, "name": LANGUAGE_NAMES[code], "dir": "rtl" if code == "ar" else "ltr"} for code in codes]


def ogptn_form_strings() -> dict[str, str]:
    """What the form's script says, in the reader's language. ``{…}`` are filled in by the script."""
    return {
        "filled": tk._("filled in"),
        "empty": tk._("empty"),
        "failed": tk._("has an error"),
        "row": tk._("{label} {number}"),
        "up": tk._("Move up"),
        "down": tk._("Move down"),
        "remove": tk._("Remove"),
        "undo": tk._("Undo"),
        "moved": tk._("Moved: {row}"),
        "removed": tk._("Removed: {row}"),
        "added": tk._("Added: {row}"),
        "chosen": tk._("Chosen ({count}):"),
        "none_chosen": tk._("Nothing chosen yet"),
        "filter": tk._("Search in this list"),
        "search": tk._("Type to search"),
        "no_match": tk._("Nothing in the list matches"),
        "sum": tk._("Sum of the shares:"),
        "over": tk._("more than 100 %"),
        "found": tk._("Records found"),
        "no_answer": tk._("The catalogue did not answer. Type the end of the record's web address instead."),
        "comma": tk._(", "),
    }


#: Sections of the file form. Those of the dataset forms are data (``vocabularies/form_sections.yaml``).
_FILE_FIELDS = ("url", "name_translated", "description_translated", "format", "language", "license")


def ogptn_resource_sections(fields: Iterable[Field]) -> list[dict[str, Any]]:
    """The fields of a file's form in sections, shaped like ``ogptn_form_sections``: ``[{"id", "label", "description", "fields"}]``."""
    sections = {
        "file": {"label": tk._("Which file is it?"), "description": "", "fields": []},
        "columns": {"label": tk._("What do its columns hold?"), "description": "", "fields": []},
        "more": {
            "label": tk._("What else should a reader know about it?"),
            "description": tk._("All of this is optional; what the file itself tells is filled in by itself."),
            "fields": [],
        },
    }
    for field in fields:
        if field.get("form_snippet", "") is None:
            continue
        section = "file" if field["field_name"] in _FILE_FIELDS else "columns" if field.get("repeating_subfields") else "more"
        sections[section]["fields"].append(field)
    return [dict(section, id=key) for key, section in sections.items() if section["fields"]]


def ogptn_drawn_fields(section: Mapping[str, Any], data: Mapping[str, Any], errors: Errors) -> list[Field]:
    """The fields of a section that the form draws.

    Where a record was harvested from is the harvester's to fill in: those fields are drawn when they hold something, so that saving the
    form does not drop it.
    """
    fields = [field for field in section["fields"] if field.get("form_snippet", "") is not None]
    if section.get("id") != "source":
        return fields
    sent = _submitted() or {}
    names = {field["field_name"] for field in fields}
    return fields if any(data.get(name) or errors.get(name) or name in sent for name in names) else []


def ogptn_form_value(field: Field, data: Mapping[str, Any], multiple: bool = False) -> Any:
    """What the control of ``field`` shows: a text, or with ``multiple`` a list of texts.

    The value sent wins over the stored one, even when nothing was sent.
    """
    name = field["field_name"]
    sent = _submitted()
    if sent is not None:
        values = [value for value in sent.get(_sent_name(field), []) if multiple is False or value != ""]
        return values if multiple else (values[-1] if values else "")
    value = data.get(name)
    if multiple:
        if value in (None, ""):
            return []
        return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    return "" if value is None else value


def _sent_name(field: Field) -> str:
    return field.get("sent_name") or field["field_name"]


def ogptn_form_text(field: Field, data: Mapping[str, Any], lang: str) -> str:
    """The text of a multilingual field in one language; a list (tags) is joined with commas."""
    name = field["field_name"]
    sent = _submitted()
    if sent is not None:
        return (sent.get(f"{_sent_name(field)}-{lang}") or [""])[-1]
    value = data.get(f"{name}-{lang}")
    if value is None:
        stored = data.get(name)
        value = stored.get(lang) if isinstance(stored, Mapping) else None
    if isinstance(value, list):
        return ("، " if lang == "ar" else ", ").join(str(item) for item in value)
    return "" if value is None else str(value)


def _rows_sent(name: str, sent: Mapping[str, list[str]]) -> list[tuple[str, bool]]:
    """The rows of a group as they were sent, in the server's order: their number in the controls' names, and whether they hold anything."""
    pattern = re.compile(rf"^{re.escape(name)}-([^-]+)-.+")
    found: dict[str, bool] = {}
    for key, values in sent.items():
        match = pattern.match(key)
        if match:
            found[match[1]] = found.get(match[1], False) or any(value.strip() for value in values)
    return sorted(found.items())


def _row_errors(field: Field, errors: Errors) -> list[Mapping[str, Any]]:
    """The errors of a group, one mapping for each row that the form shows: rows that were sent blank are not shown again."""
    own = errors.get(field["field_name"])
    rows = [row if isinstance(row, Mapping) else {} for row in own] if isinstance(own, list) else []
    sent = _submitted()
    if sent is None:
        return rows
    filled = [filled for _index, filled in _rows_sent(field["field_name"], sent)]
    if len(rows) <= filled.count(True):  # the validation had dropped the blank ones already
        return rows
    return [row for row, keep in zip(rows, [*filled, *[True] * len(rows)], strict=False) if keep]


def ogptn_form_rows(field: Field, data: Mapping[str, Any], errors: Errors) -> list[dict[str, Any]]:
    """The rows of a repeating group, each with its subfields ready to be drawn.

    Returns ``[{"prefix", "fields", "data", "errors", "blank"}]``; ``prefix`` is ``<group>-000-`` and grows by one, the number of digits is
    fixed because the rows are sorted as text when the form is read. One blank row comes last, for those whose browser runs no scripts.
    """
    name = field["field_name"]
    sent = _submitted()
    row_errors = _row_errors(field, errors)
    sources: list[tuple[str | None, Mapping[str, Any]]]
    if sent is not None:
        sources = [(index, {}) for index, filled in _rows_sent(name, sent) if filled]
    else:
        stored = data.get(name)
        sources = [(None, row) for row in stored if isinstance(row, Mapping)] if isinstance(stored, list) else []
    extra: list[tuple[str | None, Mapping[str, Any]]] = [] if field.get("repeating_once") and sources else [(None, {})]
    rows = []
    for at, (index, values) in enumerate(sources + extra):
        blank = at == len(sources)
        # A blank row has no control in what was sent: a name that no control has.
        sent_prefix = f"{name}-{index}-" if index is not None else f"{name}-blank-"
        own = row_errors[at] if at < len(row_errors) and not blank else {}
        rows.append(_row(field, f"{name}-{at:03d}-", sent_prefix, values, own, blank))
    return rows


def ogptn_form_keeps_group(field: Field) -> str:
    """The name of a blank control that tells "this group was offered and is now empty" from "this group was not in the form".

    Only for groups that the server keeps when they are absent (contacts, which not every editor sees); empty for the others.
    """
    if not field.get("editors_only"):
        return ""
    sub = field["repeating_subfields"][0]
    return f"{field['field_name']}-999-{sub['field_name']}" + (f"-{LANGUAGES[0]}" if is_multilingual(sub) else "")


def _row(field: Field, prefix: str, sent_prefix: str, values: Mapping[str, Any], errors: Errors, blank: bool) -> dict[str, Any]:
    return {
        "prefix": prefix,
        "blank": blank,
        "fields": [
            dict(sub, field_name=prefix + sub["field_name"], sent_name=sent_prefix + sub["field_name"], in_row=True)
            for sub in field["repeating_subfields"]
            if sub.get("form_snippet", "") is not None
        ],
        "data": {prefix + key: value for key, value in values.items()},
        "errors": {prefix + key: value for key, value in errors.items()},
    }


def ogptn_form_row_template(field: Field) -> dict[str, Any]:
    """A blank row whose number is ``__row__``, for the script that adds rows."""
    return _row(field, f"{field['field_name']}-__row__-", f"{field['field_name']}-blank-", {}, {}, True)


def _messages(value: Any) -> list[str]:
    if not value:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [message for inner in value.values() for message in _messages(inner)]
    return [message for inner in value for message in _messages(inner)]


def ogptn_field_errors(field: Field, errors: Errors, lang: str | None = None) -> list[str]:
    """The messages of one field, or of one of its languages; rows of a repeating group carry their own."""
    name = field["field_name"] if lang is None else f"{field['field_name']}-{lang}"
    value = errors.get(name)
    if field.get("repeating_subfields") and isinstance(value, list):
        value = [item for item in value if isinstance(item, str)]
    return list(dict.fromkeys(_messages(value)))


def _label(field: Field) -> str:
    return ogptn_label(field.get("label") or field["field_name"])


def _field_entries(field: Field, errors: dict[str, Any], prefix: str, where: str) -> list[dict[str, str]]:
    name = field["field_name"]
    target = f"field-{prefix}{name}"
    entries = []
    row_errors = _row_errors(field, errors) if field.get("repeating_subfields") and not where else []
    own = errors.pop(name, None)
    if field.get("repeating_subfields") and isinstance(own, list):
        label = ogptn_label(field.get("repeating_label") or field.get("label") or name)
        for at, row in enumerate(row_errors):
            place = tk._("{label} {number}").format(label=label, number=at + 1)
            entries += ogptn_error_entries(row, field["repeating_subfields"], f"{prefix}{name}-{at:03d}-", place)
        own = [item for item in own if isinstance(item, str)]
    for message in dict.fromkeys(_messages(own)):
        entries.append({"label": _join(where, _label(field)), "message": message, "target": target})
    for lang in LANGUAGES if is_multilingual(field) else ():
        for message in dict.fromkeys(_messages(errors.pop(f"{name}-{lang}", None))):
            label = f"{_label(field)} ({LANGUAGE_NAMES[lang]})"
            entries.append({"label": _join(where, label), "message": message, "target": f"{target}-{lang}"})
    return entries


def _join(where: str, label: str) -> str:
    return f"{where} – {label}" if where else label


def ogptn_error_entries(errors: Errors, fields: Iterable[Field], prefix: str = "", where: str = "") -> list[dict[str, str]]:
    """Every error of a form in the order of its fields: ``[{"label", "message", "target"}]``.

    ``target`` is the id of the control, or empty for an error that belongs to no field of this form.
    """
    left = dict(errors)
    entries = []
    for field in fields:
        entries += _field_entries(field, left, prefix, where)
    for key, value in left.items():
        for message in dict.fromkeys(_messages(value)):
            label = "" if key.startswith("__") else tk._(key)
            entries.append({"label": _join(where, label) if label else where, "message": message, "target": ""})
    return entries


def ogptn_form_conditions(field: Field) -> list[dict[str, Any]]:
    """The conditions under which a field matters: ``[{"field", "values"}]``; all must hold; none means always."""
    rules = field.get("depends_on") or []
    return [dict(rules)] if isinstance(rules, Mapping) else [dict(rule) for rule in rules]


def ogptn_form_choices(field: Field) -> list[dict[str, str]]:
    """The choices of a field with labels in the reader's language: ``[{"value", "label", "parent"}]``."""
    return [
        {
            "value": str(choice["value"]),
            "label": ogptn_label(choice.get("label", choice["value"])),
            "parent": str(choice.get("parent") or ""),
        }
        for choice in tk.h.scheming_field_choices(field) or []
    ]


def ogptn_form_organizations(only: Iterable[Mapping[str, Any]] | None = None) -> list[dict[str, str]]:
    """Organisations as choices with names in the reader's language, sorted by them; all of the catalogue when none are given.

    Read from the tables: ``organization_list`` gives at most 25 with their names, and one query for each with the translated ones.
    """
    tk.check_access("organization_list", {"user": tk.current_user.name}, {})
    group = model.Group
    rows = model.Session.query(group).filter(group.is_organization.is_(True), group.state == "active")
    if only is not None:
        rows = rows.filter(group.id.in_([organization["id"] for organization in only]))
    choices = [
        {
            "value": row.id,
            "label": tk.h.ogptn_pick((getattr(row, "extras", None) or {}).get("title_translated"))[0] or row.title or row.name,
        }
        for row in rows
    ]
    return sorted(choices, key=lambda choice: choice["label"].casefold())


def ogptn_form_records(field: Field, data: Mapping[str, Any]) -> list[dict[str, str]]:
    """The records named by a field, as choices. One that the reader may not see, or that does not exist, keeps the name it was given."""
    choices = []
    for value in ogptn_form_value(field, data, multiple=True):
        try:
            record = tk.get_action("package_show")({}, {"id": value})
        except (tk.ObjectNotFound, tk.NotAuthorized):
            choices.append({"value": value, "label": value})
        else:
            choices.append({"value": record["id"], "label": tk.h.dataset_display_name(record)})
    return choices


def ogptn_errors_elsewhere(errors: Errors, here: Iterable[Field], there: Iterable[Field]) -> bool:
    """Whether errors that came with the form of a file are about the description of the whole record."""

    def about(fields: Iterable[Field]) -> set[str]:
        found = {field["field_name"] for field in fields}
        return {key for key in errors if key in found or key.rpartition("-")[0] in found}

    return bool(about(there) - about(here)) or "resources" in errors


def ogptn_label(value: Any) -> str:
    """A label, help text or example of the schema in the reader's language. YAML turns a date or a number into more than text."""
    return tk.h.scheming_language_text(value if isinstance(value, Mapping) else str(value))


def get_helpers() -> dict[str, Any]:
    """The template helpers of forms, by name."""
    return {
        "ogptn_form_languages": ogptn_form_languages,
        "ogptn_form_main_language": default_language,
        "ogptn_form_strings": ogptn_form_strings,
        "ogptn_resource_sections": ogptn_resource_sections,
        "ogptn_form_keeps_group": ogptn_form_keeps_group,
        "ogptn_drawn_fields": ogptn_drawn_fields,
        "ogptn_form_value": ogptn_form_value,
        "ogptn_form_text": ogptn_form_text,
        "ogptn_form_rows": ogptn_form_rows,
        "ogptn_form_row_template": ogptn_form_row_template,
        "ogptn_field_errors": ogptn_field_errors,
        "ogptn_error_entries": ogptn_error_entries,
        "ogptn_form_conditions": ogptn_form_conditions,
        "ogptn_form_choices": ogptn_form_choices,
        "ogptn_form_organizations": ogptn_form_organizations,
        "ogptn_form_records": ogptn_form_records,
        "ogptn_errors_elsewhere": ogptn_errors_elsewhere,
        "ogptn_label": ogptn_label,
    }
