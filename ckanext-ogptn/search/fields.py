"""The fields of CKAN 2.12's Solr schema (``ckan/config/solr/schema.xml``): which there are, of what kind, and what is copied where.

The engine answers for exactly these, so that a query written for Solr means the same here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Kind(Enum):
    """How the values of a field are indexed."""

    STRING = "string"  # one term per value, as it stands
    TEXT = "text"  # split in words and stemmed
    GENERAL = "text_general"  # split in words, not stemmed
    NGRAM = "text_ngram"  # every run of 2 to 10 characters
    INT = "int"
    DATE = "date"
    NONE = "none"  # kept, not searchable


@dataclass(frozen=True)
class Field:
    """One field.

    :param multi: several values are allowed.
    :param stored: can be asked for with ``fl``.
    """

    name: str
    kind: Kind
    multi: bool = False
    stored: bool = True

    @property
    def tokenised(self) -> bool:
        return self.kind in (Kind.TEXT, Kind.GENERAL, Kind.NGRAM)


def _table() -> dict[str, Field]:
    strings = (
        "index_id id site_id entity_type dataset_type state name revision_id version url ckan_url download_url "
        "license license_id organization capacity _version_"
    )
    fields = [Field(name, Kind.STRING) for name in strings.split()]
    fields += [Field(name, Kind.STRING, multi=True) for name in ["tags", "groups", "res_format", "res_url", "res_type"]]
    fields += [Field("permission_labels", Kind.STRING, multi=True, stored=False), Field("title_string", Kind.STRING, stored=False)]
    fields += [Field(name, Kind.TEXT) for name in ("title", "notes")]
    fields += [Field(name, Kind.GENERAL) for name in ["author", "author_email", "maintainer", "maintainer_email"]]
    fields += [Field(name, Kind.GENERAL, multi=True) for name in ["res_name", "res_description"]]
    fields += [Field(name, Kind.NGRAM) for name in ["title_ngram", "name_ngram"]]
    relations = "text urls depends_on dependency_of derives_from has_derivation links_to linked_from child_of parent_of"
    fields += [Field(name, Kind.TEXT, multi=True, stored=False) for name in relations.split()]
    counters = "views_total views_recent resources_accessed_total resources_accessed_recent"
    fields += [Field(name, Kind.INT, stored=False) for name in counters.split()]
    fields += [Field(name, Kind.DATE) for name in ["metadata_created", "metadata_modified", "indexed_ts"]]
    fields += [Field(name, Kind.NONE) for name in ["data_dict", "validated_data_dict"]]
    return {field.name: field for field in fields}


FIELDS = _table()

#: Fields that must have a value, as in the schema.
REQUIRED = ("index_id", "id", "site_id")

_TO_TEXT = frozenset(
    [
        "urls",
        "name",
        "title",
        "text",
        "license",
        "notes",
        "tags",
        "groups",
        "organization",
        "res_name",
        "res_description",
        "maintainer",
        "author",
    ]
)
_TO_URLS = frozenset(["url", "ckan_url", "download_url", "res_url"])


@lru_cache(maxsize=4096)
def field(name: str) -> Field:
    """The field of that name: one of the schema's own, or the dynamic one that its pattern makes.

    Every name has one, as the schema ends with a dynamic field ``*``. Solr takes the longest pattern that fits.
    """
    known = FIELDS.get(name)
    if known:
        return known
    if name.startswith("res_extras_"):
        return Field(name, Kind.TEXT, multi=True)
    if name.startswith("extras_"):
        return Field(name, Kind.TEXT)
    if name.startswith("vocab_"):
        return Field(name, Kind.STRING, multi=True)
    if name.endswith("_date"):
        return Field(name, Kind.DATE)
    return Field(name, Kind.STRING, stored=False)


@lru_cache(maxsize=4096)
def copies(name: str) -> tuple[str, ...]:
    """The fields that a field's values are copied to. Copies are not copied on, as in Solr."""
    targets: list[str] = []
    if name in _TO_URLS:
        targets.append("urls")
    if name in ("title", "name"):
        targets.append(f"{name}_ngram")
    if name in _TO_TEXT or name.startswith(("extras_", "res_extras_", "vocab_")):
        targets.append("text")
    return tuple(targets)
