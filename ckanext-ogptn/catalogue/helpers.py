"""Template helpers of the vocabularies and the forms' sections."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from . import rules, vocabulary
from .config import reader_language


def ogptn_vocabulary_choices(field: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The choices of a field with a ``vocabulary``: ``[{"value", "label": {ar, fr, en}, "parent"?}]``."""
    return vocabulary.choices(field["vocabulary"])


def ogptn_vocabulary_label(name: str, code: str, lang: str | None = None) -> str:
    """What a reader sees for a code; an unknown code comes back as it is."""
    return vocabulary.label(name, code, lang or reader_language())


def ogptn_form_sections(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A schema's fields in the sections of its form: ``[{"id", "label", "description", "fields"}]``.

    Sections come in the order in which the schema first names them; within one, fields keep the schema's order.
    """
    terms = vocabulary.get("form_sections").terms
    sections: dict[str, dict[str, Any]] = {}
    for field in schema.get("dataset_fields", schema.get("fields", ())):
        name = field.get("section", "description")
        if name not in sections:
            term = terms[name]
            sections[name] = {"id": name, "label": dict(term.label), "description": term.more.get("description", {}), "fields": []}
        sections[name]["fields"].append(field)
    return list(sections.values())


def ogptn_dataset_warnings(package: Mapping[str, Any]) -> list[dict[str, str]]:
    """What is allowed but probably wrong in a record: ``[{"slug", "field", "message"}]``."""
    found: list[dict[str, str]] = []
    geometry = package.get("spatial")
    if geometry:
        read = json.loads(geometry) if isinstance(geometry, str) else geometry
        if rules.outside_country(read):
            found.append({"slug": "geojson-outside", "field": "spatial", "message": rules.message("geojson-outside")})
    return found


def get_helpers() -> dict[str, Callable[..., Any]]:
    """The helpers by name."""
    return {
        "ogptn_dataset_warnings": ogptn_dataset_warnings,
        "ogptn_form_sections": ogptn_form_sections,
        "ogptn_vocabulary_choices": ogptn_vocabulary_choices,
        "ogptn_vocabulary_label": ogptn_vocabulary_label,
    }
