"""Random valid records of every type, made from the schemas themselves: what our validators accept is what must be published."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any, cast

from ckan import model
from ckan.lib import plugins as lib_plugins
from ckan.types import Context
from hypothesis import strategies as st

from ckanext.ogptn.catalogue import vocabulary
from ckanext.ogptn.catalogue.dcat import fields
from ckanext.ogptn.catalogue.dcat.writer import schema

TYPES = ("dataset", "commitment", "budget", "extractive")

_WORDS = st.sampled_from(
    [
        "النفط",
        "الميزانية",
        "إنتاج",
        "données",
        "été",
        "l’Ariana",
        "budget",
        "open",
        '"cité"',
        "a\\b",
        "<b>",
        "&amp;",
        "100 %",
        "😀",
        "#tag",
        "x'y",
        "{z}",
    ]
)
_TEXT = st.lists(_WORDS, min_size=1, max_size=5).map(" ".join)
_LINES = st.lists(_TEXT, min_size=1, max_size=3).map("\n\n".join)
_YEAR = st.integers(1990, 2030)
_DATE = st.one_of(
    _YEAR.map(str),
    st.tuples(_YEAR, st.integers(1, 12)).map(lambda d: f"{d[0]}-{d[1]:02}"),
    st.tuples(_YEAR, st.integers(1, 12), st.integers(1, 28)).map(lambda d: f"{d[0]}-{d[1]:02}-{d[2]:02}"),
)
_URL = st.tuples(
    st.sampled_from(["https", "http", "ftp"]),
    st.sampled_from(["example.tn", "مثال.تونس", "example.tn:8443"]),
    st.sampled_from(
        ["", "/", "/a b".replace(" ", "%20"), "/é/ملف.csv", "/x?a=1&b=2", "/#part", "/{curly}", "/pipe|caret^", "/back\\slash", "/it's,(x)"]
    ),
).map(lambda parts: f"{parts[0]}://{parts[1]}{parts[2]}")
_POINT = st.tuples(st.floats(7.6, 11.5), st.floats(30.3, 37.5)).map(lambda p: [round(p[0], 4), round(p[1], 4)])
_GEOMETRY = st.one_of(
    _POINT.map(lambda p: {"type": "Point", "coordinates": p}),
    _POINT.map(
        lambda p: {"type": "Polygon", "coordinates": [[p, [p[0] + 0.1, p[1]], [p[0] + 0.1, p[1] + 0.1], p]]},
    ),
    st.lists(_POINT, min_size=2, max_size=4).map(lambda ps: {"type": "MultiPoint", "coordinates": ps}),
    _POINT.map(lambda p: {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": p}]}),
).map(lambda g: json.dumps(g, separators=(",", ":")))
_BY_NAME = {
    "spatial": _GEOMETRY,
    "fiscal_years": st.lists(_YEAR.map(str), min_size=1, max_size=3, unique=True),
    "commitment_part": st.sampled_from(["a", "b"]),
    "ogp_identifier": st.integers(0, 9999).map(lambda n: f"TN{n:04}"),
    "country": st.sampled_from(["TN", "US", "IT"]),
    "share": st.sampled_from(["10", "12.5", "0.000001"]),
    "hash": st.sampled_from(["9f86d081884c7d659a2feaa0c55ad015", "ABCDEF12", "md5:9f86d081884c7d65", "abc123abc"]),
    "administrative_code": st.sampled_from(["34013", "TN-61"]),
    "url": _URL,
    "percent": st.integers(0, 100).map(str),
    "size": st.integers(0, 10**12),
    "email": st.sampled_from(["data@example.tn", "a.b+c@example.tn", "o'neil@example.tn"]),
}


def _value(field: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    name, kind = field["field_name"], fields.kind(field)
    if name in _BY_NAME:
        return _BY_NAME[name]
    if kind == "rows":
        row = st.fixed_dictionaries(
            {}, optional={below["field_name"]: _value(below, depth + 1) for below in field["repeating_subfields"]}
        ).filter(bool)
        required = [below for below in field["repeating_subfields"] if below.get("required")]
        if required:
            row = st.tuples(row, st.fixed_dictionaries({one["field_name"]: _value(one, depth + 1) for one in required})).map(
                lambda both: {**both[0], **both[1]}
            )
        return st.lists(row, min_size=1, max_size=1 if field.get("repeating_once") else 3)
    if kind == "text":
        text = _LINES if "markdown" in str(field.get("form_snippet")) else _TEXT
        return st.fixed_dictionaries({"ar": text}, optional={"fr": text, "en": text})
    if kind == "keywords":
        words = st.lists(_WORDS, min_size=1, max_size=4, unique=True)
        return st.fixed_dictionaries({}, optional={"ar": words, "fr": words, "en": words}).filter(bool)
    if kind == "code":
        codes = sorted(term.code for term in vocabulary.get(field["vocabulary"]))
        one = st.sampled_from(codes)
        return st.lists(one, min_size=1, max_size=3, unique=True) if fields.is_list(field) else one
    if kind == "date":
        return _DATE
    if kind in ("integer", "number"):
        return st.integers(int(field.get("minimum", 0)), int(field.get("maximum", 10_000))).map(str)
    one = {"url": _URL, "email": _BY_NAME["email"]}.get(kind, _TEXT)
    return st.lists(one, min_size=1, max_size=3, unique=True) if fields.is_list(field) else one


#: Tried one after the other for a commitment whose drawn number is taken.
_numbers = itertools.count(500)
_REFERENCES = frozenset({"organization", "dataset"})
_NOT_GENERATED = frozenset({"name", "owner_org", "completion_level", "contacts_revision", "responsible_contacts"})


def records(package_type: str) -> st.SearchStrategy[dict[str, Any]]:
    """Records of a type, most of them valid; :func:`made_valid` mends the rest. Without owner and references to other records."""
    described = schema(package_type)

    def strategies(listed: list[Mapping[str, Any]], required: bool) -> dict[str, st.SearchStrategy[Any]]:
        return {
            field["field_name"]: _value(field)
            for field in listed
            if bool(field.get("required")) is required
            and field["field_name"] not in _NOT_GENERATED
            and fields.kind(field) not in _REFERENCES
            and field["field_name"] != "__extras"
        }

    files = st.fixed_dictionaries(strategies(described["resource_fields"], True), optional=strategies(described["resource_fields"], False))
    return st.fixed_dictionaries(
        {**strategies(described["dataset_fields"], True), "resources": st.lists(files, max_size=3), "type": st.just(package_type)},
        optional=strategies(described["dataset_fields"], False),
    )


def made_valid(record: dict[str, Any], owner: str) -> dict[str, Any]:
    """The record without the fields that our validators refuse together (a period that ends before it starts).

    Fields that a type requires are mended where a rule ties them to others.
    """
    record = {**record, "owner_org": owner}
    for _ in range(6):
        errors = _errors(record)
        if not errors:
            return record
        if "classification" in errors:
            # The classification and the years belong together.
            record |= {"classification": "seven_parts", "fiscal_years": ["2024"]}
        if "commitment_number" in errors:
            # Two of a plan drew the same one.
            record["commitment_number"] = str(next(_numbers))
        for name, found in errors.items():
            if name in ("classification", "fiscal_years", "commitment_number"):
                continue
            if name == "resources":
                record["resources"] = [
                    {key: value for key, value in file.items() if key not in wrong}
                    for file, wrong in zip(record["resources"], found, strict=False)
                ]
            else:
                record.pop(name.rsplit("-", 1)[0] if name.endswith(("-ar", "-fr", "-en")) else name, None)
        if any(field["field_name"] not in record for field in schema(record["type"])["dataset_fields"] if field.get("required")):
            break
    raise AssertionError(f"no valid record could be made of this one: {_errors(record)}")


def _errors(record: dict[str, Any]) -> dict[str, Any]:
    plugin = lib_plugins.lookup_package_plugin(record["type"])
    context = cast(Context, {"model": model, "session": model.Session, "user": "", "ignore_auth": True})
    sent = json.loads(json.dumps(record))
    _validated, errors = lib_plugins.plugin_validate(plugin, context, sent, plugin.create_package_schema(), "package_create")
    return cast("dict[str, Any]", errors)
