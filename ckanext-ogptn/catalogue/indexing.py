"""What the search index holds of a record, how a query is read, what its facets are called.

Everything fits CKAN's own Solr schema: facets are ``vocab_*`` fields (text, several values), searchable words go to ``extras_*`` (split
into words and copied to the catch-all field). Solr's stock schema knows no Arabic, so index and query are both folded here in the same way.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from sqlalchemy import event, text

from . import names, vocabulary
from . import text as t
from .config import default_language, reader_language
from .records import name_licence

#: Facet → (field of the record, the vocabularies that its codes come from).
FACETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "vocab_theme": ("theme", ("data_themes",)),
    "vocab_governorate": ("governorates", ("governorates",)),
    "vocab_format": ("format", ("file_types",)),
    "vocab_licence": ("license_id", ("licences",)),
    "vocab_plan": ("plan", ("plans",)),
    "vocab_axis": ("axis", ("axes",)),
    "vocab_completion_level": ("completion_level", ("completion_levels",)),
    "vocab_policy_area": ("policy_areas", ("policy_areas",)),
    "vocab_fiscal_year": ("fiscal_years", ()),
    "vocab_phase": ("phases", ("budget_phases",)),
    "vocab_document_type": ("document_type", ("budget_documents",)),
    "vocab_sector": ("sectors", ("sectors",)),
    "vocab_commodity": ("commodities", ("commodities",)),
    "vocab_record_kind": ("record_kind", ("record_kinds",)),
}
#: Facets of every type, and those that only one type has.
COMMON = ("vocab_theme", "vocab_governorate", "vocab_format", "vocab_licence")
OF_TYPE = {
    "commitment": ("vocab_plan", "vocab_axis", "vocab_completion_level", "vocab_policy_area"),
    "budget": ("vocab_fiscal_year", "vocab_phase", "vocab_document_type"),
    "extractive": ("vocab_sector", "vocab_commodity", "vocab_record_kind"),
}
#: Fields that name other records by id. The index holds those ids, so that the other record's page finds who names it.
LINKS = ("related_datasets", "related_commitments", "related_records")
LINK_FIELD = "vocab_linked_record"
#: Folded words: of the title, and of everything.
TITLE_FIELD, TEXT_FIELD = "extras_ogptn_title", "extras_ogptn_text"
#: CKAN's own weights with the folded title beside the title (``ckan.lib.search.query.QUERY_FIELDS``).
QUERY_FIELDS = f"name^4 title^4 {TITLE_FIELD}^4 tags^2 groups^2 text"
#: Never indexed, whatever else goes wrong.
PRIVATE = frozenset({"responsible_contacts"})
# Longer values do not fit a field of Solr's type "string" (32766 bytes).
_LONGEST_STRING = 8_000
_WORDS = re.compile("[\u0610-\u061a\u0621-\u0669\u066e-\u06d3\u06d6-\u06ed\u06f0-\u06f9]+")
_INVISIBLE_IN_QUERY = re.compile("[\u200b\u200e\u200f\u061c\u2060\ufeff]")


def _record(pkg_dict: Mapping[str, Any]) -> dict[str, Any]:
    read = pkg_dict.get("validated_data_dict")
    return json.loads(read) if isinstance(read, str) else dict(read or {})


def _without_private(serialised: Any) -> Any:
    if not isinstance(serialised, str) or not any(name in serialised for name in PRIVATE):
        return serialised
    record = json.loads(serialised)
    for name in PRIVATE:
        record.pop(name, None)
    if record.get("extras"):
        record["extras"] = [extra for extra in record["extras"] if extra.get("key") not in PRIVATE]
    return json.dumps(record)


def before_index(pkg_dict: dict[str, Any]) -> dict[str, Any]:
    """Add facets and folded words to what CKAN is about to index, take out what is private or does not fit.

    :param pkg_dict: CKAN's flat document with ``data_dict`` and ``validated_data_dict`` (both JSON)
    """
    for name in ("data_dict", "validated_data_dict"):
        if name in pkg_dict:
            pkg_dict[name] = _without_private(pkg_dict[name])
    for name in PRIVATE:
        pkg_dict.pop(name, None)
        pkg_dict.pop(f"extras_{name}", None)
    if "license_title" in pkg_dict:
        # Not in the language of whoever happens to index it.
        name_licence(pkg_dict, default_language())
    record = _record(pkg_dict)
    for name in [name for name in pkg_dict if name.startswith("extras_")]:
        plain = name.removeprefix("extras_")
        value = record.get(plain)
        if isinstance(value, (list, dict)) or len(str(pkg_dict[name])) > _LONGEST_STRING:
            # As JSON it would be found by its punctuation and its language codes; its words are in the folded text.
            pkg_dict.pop(name)
            if plain in pkg_dict and plain not in _CORE:
                pkg_dict.pop(plain)
    for facet, (field, _vocabularies) in FACETS.items():
        values = _codes(record, field)
        if values:
            pkg_dict[facet] = values
    linked = list(dict.fromkeys(code for name in LINKS for code in _codes(record, name)))
    if linked:
        pkg_dict[LINK_FIELD] = linked
    titles = [*_texts(record.get("title_translated")), str(record.get("title") or "")]
    pkg_dict[TITLE_FIELD] = t.fold(" ".join(titles))
    words = [*titles, *_words(record), *_labels(record), *_agencies(record)]
    pkg_dict[TEXT_FIELD] = t.fold(" \n".join(words))
    return pkg_dict


_CORE = frozenset({"title", "notes", "name", "id", "url", "version", "type", "state", "tags", "groups", "organization", "license_id"})


def _codes(record: Mapping[str, Any], field: str) -> list[str]:
    if field == "format":
        found: Iterable[Any] = (resource.get("format") for resource in record.get("resources", ()))
    else:
        value = record.get(field)
        found = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(str(code) for code in found if code))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


# Parts of a record that are no words of its subject: identifiers, addresses of people who wrote it, the portal's own book-keeping.
_NOT_WORDS = frozenset(
    [
        "id",
        "owner_org",
        "creator_user_id",
        "metadata_created",
        "metadata_modified",
        "organization",
        "groups",
        "relationships_as_object",
        "relationships_as_subject",
        "private",
        "state",
        "type",
        "num_resources",
        "num_tags",
        "isopen",
        "license_title",
        "license_url",
        "contacts_revision",
        "spatial",
        "responsible_agency",
        *LINKS,
        "tracking_summary",
        "package_id",
        "resource_id",
        "hash",
        "revision_id",
    ]
)


def _words(record: Mapping[str, Any]) -> Iterator[str]:
    for name, value in record.items():
        if name in _NOT_WORDS or name in PRIVATE or name in ("title", "title_translated"):
            continue
        if name == "resources":
            for resource in value:
                yield from _words(resource)
        elif name == "tags":
            yield from (tag.get("display_name") or tag.get("name", "") for tag in value)
        else:
            yield from _texts(value)


def _labels(record: Mapping[str, Any]) -> Iterator[str]:
    # So that "Sfax" and "صفاقس" find the same records, whatever language they were written in.
    for field, vocabularies in FACETS.values():
        for code in _codes(record, field):
            for name in vocabularies:
                term = vocabulary.get(name).find(code)
                if term:
                    yield from term.label.values()


def _agencies(record: Mapping[str, Any]) -> Iterator[str]:
    for reference in (record.get("owner_org"), record.get("responsible_agency")):
        # By its id first: the session has it already when many records are indexed, and CKAN's own look-up asks the database each time.
        group = (model.Session.get(model.Group, reference) or model.Group.get(reference)) if reference else None
        if group is not None:
            yield group.title or group.name
            yield from names.organization_titles(group).values()


def before_search(search_params: dict[str, Any]) -> dict[str, Any]:
    """Fold the Arabic words, the digits and the accents of a query as the index is folded. A query on named fields is left as it was
    written; case is kept, because AND, OR and NOT are words of the query language."""
    query = search_params.get("q")
    if not isinstance(query, str) or not query or (":" in query and search_params.get("defType") != "edismax"):
        return search_params
    query = t.without_accents(_INVISIBLE_IN_QUERY.sub("", query))
    search_params["q"] = _WORDS.sub(lambda found: t.fold(found.group()), query)
    search_params.setdefault("qf", QUERY_FIELDS)
    return search_params


def after_search(search_results: dict[str, Any]) -> dict[str, Any]:
    """Name the facets' values and the licences of what was found in the reader's language."""
    language = reader_language()
    for record in search_results.get("results", ()):
        # Not of those of which only some fields were asked for.
        if isinstance(record, dict) and "license_title" in record:
            name_licence(record, language)
    facets = search_results.get("search_facets", {})
    groups = translated_groups({item["name"] for facet in _GROUP_FACETS for item in facets.get(facet, {}).get("items", ())}, language)
    for facet, found in facets.items():
        for item in found["items"]:
            code = item["name"]
            if facet not in _GROUP_FACETS:
                item["display_name"] = facet_label(facet, code, language)
            elif code in groups:
                item["display_name"] = groups[code]
    return search_results


_GROUP_FACETS = ("organization", "groups")
#: A plain statement: mapping rows to objects would cost more than all the rest of our part in a search.
_TRANSLATED = text("""SELECT name, extras FROM "group" WHERE name = ANY(:codes) AND jsonb_exists(extras, 'title_translated')""")
#: Seconds for which a process remembers these names. Every search asks for the same few; a name changed in another process may show late.
_REMEMBERED = 5.0
_names: dict[str, tuple[float, dict[str, str]]] = {}


@event.listens_for(model.Group, "after_insert")
@event.listens_for(model.Group, "after_update")
@event.listens_for(model.Group, "after_delete")
def _forget_names(*_event: Any) -> None:
    _names.clear()


def translated_groups(codes: set[str], language: str) -> dict[str, str]:
    """Names in a language, by slug, of those organisations and groups that have translated names; CKAN has named the others."""
    now = time.monotonic()
    known = {code: _names.get(code) for code in codes}
    unknown = sorted(code for code, found in known.items() if found is None or found[0] < now)
    if unknown:
        found = {name: names.titles_of(extras) for name, extras in model.Session.execute(_TRANSLATED, {"codes": unknown})}
        if len(_names) > 10_000:
            _names.clear()
        known |= {code: (now + _REMEMBERED, found.get(code, {})) for code in unknown}
        _names.update({code: entry for code, entry in known.items() if entry})
    picked = {code: t.pick(entry[1], language) for code, entry in known.items() if entry and entry[1]}
    return {code: title for code, title in picked.items() if title}


def facet_label(facet: str, code: str, language: str) -> str:
    """What a reader sees for a facet's value."""
    if facet in ("dataset_type", "type"):
        return type_label(code)
    if facet == "res_format":
        term = vocabulary.get("file_types").find(code)
        return t.pick(term.label, language) if term else code
    if facet == "license_id":
        term = vocabulary.get("licences").find(code)
        return t.pick(term.label, language) if term else code
    for name in FACETS.get(facet, ("", ()))[1]:
        if code in vocabulary.get(name).terms:
            return vocabulary.label(name, code, language)
    return code


def type_label(dataset_type: str) -> str:
    """The name of a dataset type, for several records of it."""
    return {
        "dataset": tk._("Datasets"),
        "commitment": tk._("Commitments"),
        "budget": tk._("Budgets"),
        "extractive": tk._("Extractive resources"),
    }.get(dataset_type, dataset_type)


def titles() -> dict[str, str]:
    """The name of each facet, in the reader's language."""
    return {
        "dataset_type": tk._("Type"),
        "organization": tk._("Organisations"),
        "vocab_theme": tk._("Themes"),
        "vocab_governorate": tk._("Governorates"),
        "vocab_format": tk._("Formats"),
        "vocab_licence": tk._("Licences"),
        "vocab_plan": tk._("Action plans"),
        "vocab_axis": tk._("Axes"),
        "vocab_completion_level": tk._("Completion levels"),
        "vocab_policy_area": tk._("Policy areas"),
        "vocab_fiscal_year": tk._("Fiscal years"),
        "vocab_phase": tk._("Budget phases"),
        "vocab_document_type": tk._("Budget documents"),
        "vocab_sector": tk._("Sectors"),
        "vocab_commodity": tk._("Commodities"),
        "vocab_record_kind": tk._("Kinds of record"),
    }


def facets(package_type: str | None, *, of_organization: bool = False) -> dict[str, str]:
    """The facets of a search page, in order: ``{field: title}``.

    :param package_type: the type that the page lists; ``dataset`` or None lists them all
    """
    named = titles()
    single = package_type in OF_TYPE
    wanted = [] if single else ["dataset_type"]
    wanted += [] if of_organization else ["organization"]
    if single:
        wanted += OF_TYPE[str(package_type)]
    wanted += COMMON
    if not single:
        wanted += [facet for own in OF_TYPE.values() for facet in own]
    return {facet: named[facet] for facet in wanted}
