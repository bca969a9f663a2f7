"""The validators that the schemas in ``scheming_schemas/`` name.

Those called ``fluent_*`` keep that name because ckanext-dcat knows multilingual fields by it.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from . import names, rules, vocabulary
from . import text as t
from .config import default_language
from .rules import RuleError
from .validation import (
    Field,
    Validator,
    fail,
    field_validator,
    in_group,
    is_blank,
    is_draft,
    is_harvested,
    is_required,
    limit_of,
    many,
    refuse_empty,
    simple,
    store,
)

#: Multilingual field → the field of CKAN's own that must hold a usable text.
CORE_TEXTS = {
    "title_translated": "title",
    "notes_translated": "notes",
    "name_translated": "name",
    "description_translated": "description",
}
_LONGEST_EXTRA = 200_000


# ------------------------------------------------------------------------------------------------------------ multilingual fields
def _by_language(key: FlattenKey, data: FlattenDataDict) -> Any:
    """What was sent for a multilingual field: a form posts ``title_translated-ar`` and so on, which CKAN gathers under ``__extras``."""
    value = data.get(key, tk.missing)
    extras_key = (*key[:-1], "__extras")
    extras = data.get(extras_key)
    if not isinstance(extras, Mapping):
        return value
    prefix = f"{key[-1]}-"
    posted = {name[len(prefix) :]: extras[name] for name in extras if name.startswith(prefix)}
    if posted:
        rest = {name: other for name, other in extras.items() if not name.startswith(prefix)}
        if rest:
            data[extras_key] = rest
        else:
            data.pop(extras_key)
        return posted
    return value


def _refuse_missing_languages(found: Mapping[str, Any], key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    # Rows of a group and files may speak one language alone: only the record's own title and description are promised to every reader.
    if in_group(key) or key[0] == "resources" or is_harvested(data):
        return
    language = default_language()
    if language not in found:
        label = vocabulary.get("languages").find(language)
        shown = t.pick(label.label, _reader()) if label else language
        fail(RuleError("missing-language", language=shown), key, errors)


def _reader() -> str:
    from .config import reader_language

    return reader_language()


@field_validator
def fluent_text(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """One text for each language, stored as ``{"ar": …, "fr": …, "en": …}`` without the empty ones."""

    def fluent_text(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        value = _by_language(key, data)
        if isinstance(value, str) and not value.lstrip().startswith("{") and value.strip():
            # A client that knows one language only.
            value = {default_language(): value}
        empty = "missing-obstacles" if field["field_name"] == "obstacles" else "missing-any-language"
        if is_blank(value):
            data[key] = value
            if is_required(field, key, data, context) and not in_group(key):
                _refuse_missing_languages({}, key, data, errors)
            refuse_empty(empty, field, key, data, errors, context)
        try:
            found = rules.translations(value, limit_of(field))
        except RuleError as broken:
            fail(broken, key, errors)
        else:
            if not found:
                data[key] = tk.missing
                refuse_empty(empty, field, key, data, errors, context)
            if is_required(field, key, data, context):
                _refuse_missing_languages(found, key, data, errors)
            store(key, data, found)

    return fluent_text


@field_validator
def fluent_tags(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """Keywords for each language, stored as ``{"ar": […], "fr": […]}``."""

    def fluent_tags(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        value = _by_language(key, data)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            try:
                value = json.loads(value)
            except ValueError:
                fail(RuleError("not-translations"), key, errors)
        if is_blank(value):
            data[key] = value
            refuse_empty("missing-any-language", field, key, data, errors, context)
        if not isinstance(value, Mapping):
            fail(RuleError("not-translations"), key, errors)
            return
        found: dict[str, list[str]] = {}
        for language, words in value.items():
            try:
                if language not in t.LANGUAGES:
                    raise RuleError("unknown-language", language=str(language))
                if not is_blank(words) and (kept := rules.keywords(words, limit_of(field))):
                    found[language] = kept
            except RuleError as broken:
                broken.details.setdefault("language", language)
                fail(broken, key, errors)
        if not found:
            data[key] = tk.missing
            refuse_empty("missing-any-language", field, key, data, errors, context)
        store(key, data, {language: found[language] for language in t.LANGUAGES if language in found})

    return fluent_tags


def fluent_text_output(value: Any) -> Any:
    """The stored text as ``{language: text}``."""
    return _loaded(value)


def fluent_tags_output(value: Any) -> Any:
    """The stored text as ``{language: [keyword]}``."""
    return _loaded(value)


def ogptn_list_output(value: Any) -> Any:
    """The stored text as a list."""
    return _loaded(value)


def _loaded(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


# ------------------------------------------------------------------------------------------------------------------ simple values
def _text(value: Any, field: Field) -> str:
    return rules.text(value, limit_of(field), multiline=False)


def _integer(value: Any, field: Field) -> Any:
    checked = rules.integer(value, field.get("minimum"), field.get("maximum"))
    return checked if field["field_name"] == "size" else str(checked)


def _number(value: Any, field: Field) -> str:
    checked = rules.number(value, field.get("minimum"), field.get("maximum"))
    return f"{checked.normalize():f}"


ogptn_text = simple(_text)
ogptn_integer = simple(_integer)
ogptn_number = simple(_number)
ogptn_date = simple(lambda value, field: rules.date(value, field.get("partial", False)))
ogptn_url = simple(lambda value, _field: rules.url(value))
ogptn_email = simple(lambda value, _field: rules.email(value))
ogptn_phone = simple(lambda value, _field: rules.phone(value))
ogptn_checksum = simple(lambda value, _field: rules.checksum(value))
ogptn_multiple_text = many(_text)
ogptn_multiple_url = many(lambda value, _field: rules.url(value))
ogptn_geojson = simple(lambda value, _field: rules.geojson(value))


def _country(value: Any, field: Field) -> str:  # noqa: ARG001
    code = rules.text(value, 20, multiline=False).upper()
    if not re.fullmatch("[A-Z]{2}", code):
        raise RuleError("country-code", value=code)
    return code


def _municipality(value: Any, field: Field) -> str:  # noqa: ARG001
    code = t.western_digits(rules.text(value, 20, multiline=False))
    if not re.fullmatch("[0-9]{5}", code):
        raise RuleError("municipal-code", value=code)
    return code


ogptn_country = simple(_country)
ogptn_municipal_code = simple(_municipality)


# ------------------------------------------------------------------------------------------------------------------ vocabularies
def code(value: Any, field: Field) -> str:
    """The code of a term given by code, standard address or label.

    :raises RuleError: vocabulary-code, not-text
    """
    if isinstance(value, bool):
        value = "yes" if value else "no"
    written = rules.text(value, 300, multiline=False)
    listed = vocabulary.get(field["vocabulary"])
    term = listed.find(t.western_digits(written))
    if term is None:
        if field.get("open_vocabulary") and re.fullmatch(r"[\w.+-]+/[\w.+-]+", written):
            return written
        raise RuleError("vocabulary-code", value=written, vocabulary=t.pick(listed.title, _reader()))
    return term.code


ogptn_vocabulary = simple(code, empty="missing-choice")
ogptn_vocabulary_multiple = many(code)


@field_validator
def ogptn_resource_format(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """The format of a file: as chosen, or guessed from the address when that leads to a known one."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        value = data.get(key, tk.missing)
        if is_blank(value):
            address = data.get((*key[:-1], "url"))
            name = str(address).split("?", 1)[0].split("#", 1)[0] if isinstance(address, str) else ""
            ending = name.rsplit("/", 1)[-1].rsplit(".", 1)
            formats = vocabulary.get("file_types")
            term = formats.find(ending[1]) if len(ending) == 2 else None
            guessed, _encoding = mimetypes.guess_type(name)
            term = term or (formats.find(guessed) if guessed else None)
            if term is None:
                refuse_empty("missing-choice", field, key, data, errors, context)
            else:
                data[key] = term.code
            return
        try:
            data[key] = code(value, field)
        except RuleError as broken:
            fail(broken, key, errors)

    return validator


def ogptn_resource_url(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
    """The address of a file: any name when it was uploaded here or lives in the DataStore, else a web address."""
    value = data.get(key, tk.missing)
    if is_blank(value) or value == "_datastore_only_resource":
        return
    try:
        if is_blank(data.get((*key[:-1], "url_type"), tk.missing)):
            data[key] = rules.url(value)
        else:
            data[key] = rules.text(value, 2_000, multiline=False)
    except RuleError as broken:
        fail(broken, key, errors)


# ---------------------------------------------------------------------------------------------------------- references to records
def _organization(value: Any, field: Field) -> str:  # noqa: ARG001
    written = rules.text(value, 300, multiline=False)
    group = model.Group.get(written)
    if group is None or not group.is_organization or group.state != "active":
        raise RuleError("organization-unknown", value=written)
    return group.id


ogptn_organization = simple(_organization, empty="missing-choice")


@field_validator
def ogptn_datasets(field: Field, schema: Mapping[str, Any]) -> Validator:
    """Other records of the catalogue, by name or id, stored as ids. The writer must be allowed to see them."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        def reference(value: Any, field: Field) -> str:
            written = rules.text(value, 300, multiline=False)
            package = model.Package.get(written)
            # A link that was there before and whose record is gone must not block every later change.
            if package is None and _already_linked(key, written, context):
                return written
            if package is None or package.state != "active" or not _may_read(package.id, context):
                raise RuleError("dataset-unknown", value=written)
            wanted = field.get("dataset_type")
            if wanted and package.type != wanted:
                raise RuleError("dataset-type", value=written, type=wanted)
            return package.id

        check: Validator = many(reference, split=",،;")(field, schema)
        check(key, data, errors, context)

    return validator


def _already_linked(key: FlattenKey, reference: str, context: Context) -> bool:
    package = context.get("package")
    return package is not None and reference in str((package.extras or {}).get(key[-1], ""))


def _may_read(package_id: str, context: Context) -> bool:
    try:
        tk.check_access("package_show", tk.fresh_context(context), {"id": package_id})
    except tk.NotAuthorized:
        return False
    return True


# ------------------------------------------------------------------------------------------------------------------------- names
@field_validator
def ogptn_slug(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """The record's web address: as typed if it is a good one, else what it was, else made from the title."""
    organization = "organization_type" in schema

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        value = data.get(key, tk.missing)
        existing = context.get("group" if organization else "package")
        if is_blank(value):
            if existing is not None and existing.name:
                data[key] = existing.name
                return
            titles = _by_language_unread(data)
            kind = "organization" if organization else str(data.get(("type",)) or schema.get("dataset_type") or "dataset")
            data[key] = names.free_name(titles, kind, organization=organization)
            return
        if existing is not None and value == existing.name:
            return
        try:
            written = rules.text(value, 100, multiline=False)
            if "__" in written:
                raise RuleError("slug-shape", value=written)
            if re.fullmatch(r"[0-9]+", written):
                raise RuleError("slug-number", value=written)
        except RuleError as broken:
            fail(broken, key, errors)
        else:
            data[key] = written

    return validator


def _by_language_unread(data: FlattenDataDict) -> dict[str, str]:
    """The titles in the record, whether or not their own validator has run."""
    value = data.get(("title_translated",))
    if is_blank(value):
        extras = data.get(("__extras",)) or {}
        value = {language: extras.get(f"title_translated-{language}") for language in t.LANGUAGES}
    value = _loaded(value)
    if isinstance(value, Mapping):
        return {language: str(text) for language, text in value.items() if isinstance(text, str) and text.strip()}
    title = value if isinstance(value, str) and value.strip() else data.get(("title",))
    return {default_language(): title} if isinstance(title, str) and title.strip() else {}


def ogptn_derived(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
    """A value that the portal works out: whatever was sent is dropped.

    :raises StopOnError: always
    """
    data.pop(key, None)
    raise tk.StopOnError


# ------------------------------------------------------------------------------------------------------- the record as a whole
@field_validator
def ogptn_input(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """Before the fields: settle the state, give old clients' plain texts a language, refuse what no field's own validator would see."""
    organization = "organization_type" in schema
    fields = {f["field_name"]: f for f in schema.get("dataset_fields", schema.get("fields", ()))}
    resource_fields = {f["field_name"] for f in schema.get("resource_fields", ())}

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
        if not organization and ("state",) in data and data[("state",)] is not tk.missing:
            # CKAN drops a state that the user may not set, but only after the fields before it in the alphabet: what counts as a draft
            # must be known first, or anyone could leave out required fields by claiming that the record is one.
            keep_or_drop: Validator = cast("Validator", tk.get_validator("ignore_not_package_admin"))
            keep_or_drop(("state",), data, errors, context)
            data.setdefault(("state",), tk.missing)
        files = sorted({other[:2] for other in data if len(other) > 2 and other[0] == "resources"})
        for translated, core in CORE_TEXTS.items():
            for place in [()] * (translated in fields) + files * (translated in resource_fields):
                _adopt_core_text(place, translated, core, data)
        if not organization:
            _keep_what_no_form_shows(fields, data, context)
        _refuse_hidden_fields(fields, data, errors)
        _refuse_bad_characters(fields, resource_fields, data, errors)

    return validator


def _keep_what_no_form_shows(fields: Mapping[str, Any], data: FlattenDataDict, context: Context) -> None:
    """Free extras: what else the source of a harvested record said. No form has a control for them, and what is not sent CKAN deletes.

    Views, and only they, put ``save`` into the context; a program that leaves the extras out deletes them, as everywhere in CKAN.
    """
    package = context.get("package")
    if not context.get("save") or package is None or any(key[0] == "extras" for key in data):
        return
    free = sorted((name, value) for name, value in (package.extras or {}).items() if name not in fields)
    for place, (name, value) in enumerate(free):
        data["extras", place, "key"], data["extras", place, "value"] = name, value


def _adopt_core_text(place: FlattenKey, translated: str, core: str, data: FlattenDataDict) -> None:
    plain = data.get((*place, core))
    extras = data.get((*place, "__extras"))
    posted = isinstance(extras, Mapping) and any(name.startswith(f"{translated}-") for name in extras)
    # A draft without a title is shown by its name; that does not make a title of the name.
    named = translated == "title_translated" and plain == data.get(("name",))
    if is_blank(data.get((*place, translated), tk.missing)) and not posted and not named and isinstance(plain, str) and plain.strip():
        guessed = place or is_harvested(data)
        data[(*place, translated)] = {_likely_language(plain) if guessed else default_language(): plain}


def _likely_language(plain: str) -> str:
    """The language of a text that came without one: by its script, and French for Latin letters on an Arabic portal."""
    if t.is_arabic(plain):
        return "ar"
    return "fr" if default_language() == "ar" else default_language()


def _refuse_hidden_fields(fields: Mapping[str, Any], data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    # An extra of a field's name would be read back as that field, past its validators.
    for key, value in data.items():
        if len(key) == 3 and key[0] == "extras" and key[2] == "key" and value in fields and not _is_core(str(value)):
            errors.setdefault((*key[:2], "key"), []).append(rules.message("field-as-extra", name=str(value)))


def _is_core(name: str) -> bool:
    return name in model.package_table.columns


def _refuse_bad_characters(fields: Mapping[str, Any], resource_fields: set[str], data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    for key, value in data.items():
        if not isinstance(value, str) and key[-1] not in ("__extras", "__junk"):
            continue
        if key[-1] in ("__extras", "__junk") and isinstance(value, Mapping):
            found = {
                (*key[:-1], str(name)): part
                for name, part in value.items()
                if not any(str(name).startswith(f"{field}-") for field in (*fields, *resource_fields))
            }
        elif (
            (len(key) == 1 and key[0] in fields)
            or (key[0] in fields and len(key) == 3)
            or (key[0] == "resources" and key[-1] in resource_fields)
        ):
            continue
        elif (len(key) == 1 and key[0] in CORE_TEXTS.values()) or (len(key) == 3 and key[2] in ("name", "description")):
            # Taken over by the translated field, which checks it, and overwritten in the end.
            continue
        else:
            found = {key: value}
        for where, part in found.items():
            if isinstance(part, str):
                try:
                    rules.text(part, _LONGEST_EXTRA)
                except RuleError as broken:
                    errors.setdefault(where, []).append(str(broken))


@field_validator
def ogptn_dataset(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """After the fields: tidy the repeating groups, keep the rules that several fields share, fill what CKAN itself shows."""
    groups = {f["field_name"]: f for f in schema.get("dataset_fields", ()) if "repeating_subfields" in f}
    resource_groups = {f["field_name"]: f for f in schema.get("resource_fields", ()) if "repeating_subfields" in f}
    translated = [f["field_name"] for f in schema.get("dataset_fields", ()) if f["field_name"] in CORE_TEXTS]
    in_resources = [f["field_name"] for f in schema.get("resource_fields", ()) if f["field_name"] in CORE_TEXTS]
    has_tags = any(f["field_name"] == "tags_translated" for f in schema.get("dataset_fields", ()))

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
        there = {k[0] for k in data if len(k) > 2}
        for name, group in groups.items():
            if name in there or group.get("required"):
                tidy_group((), name, group, data, errors, context)
        for place in sorted({k[:2] for k in data if k[0] == "resources" and len(k) > 2}):
            for name, group in resource_groups.items():
                tidy_group(place, name, group, data, errors, context)
            check_period(place, "temporal_start", "temporal_end", data, errors)
            for name in in_resources:
                data[(*place, CORE_TEXTS[name])] = t.pick(_loaded_dict(data.get((*place, name))), default_language())
        for row in rows("temporal_coverage", data):
            check_period(row, "start", "end", data, errors)
        for name in translated:
            text = t.pick(_loaded_dict(data.get((name,))), default_language())
            if text or CORE_TEXTS[name] != "title":
                data[(CORE_TEXTS[name],)] = text
        if is_blank(data.get(("title",))):
            data[("title",)] = data.get(("name",)) or ""
        if has_tags:
            _fill_tags(data)

    return validator


def _loaded_dict(value: Any) -> dict[str, Any] | None:
    value = _loaded(value)
    return value if isinstance(value, dict) else None


def _fill_tags(data: FlattenDataDict) -> None:
    words = _loaded_dict(data.get(("tags_translated",)))
    if words is None:
        return
    kept = {key: value for key, value in data.items() if key[0] == "tags" and len(key) == 3}
    # Tags of CKAN's own vocabularies are not keywords and stay.
    controlled = sorted({key[1] for key in kept if key[2] == "vocabulary_id" and not is_blank(kept[key])})
    rebuilt: list[dict[str, Any]] = [{key[2]: value for key, value in kept.items() if key[1] == at} for at in controlled]
    seen: dict[str, None] = {}
    for language in t.LANGUAGES:
        for word in words.get(language, ()):
            if name := t.tag(word):
                seen.setdefault(name)
    rebuilt += [{"name": name} for name in seen]
    for key in kept:
        del data[key]
    data.pop(("tags",), None)
    for at, tag in enumerate(rebuilt):
        for name, value in tag.items():
            data[("tags", at, name)] = value


def rows(group: str, data: FlattenDataDict) -> list[tuple[Any, ...]]:
    """The rows of a repeating group of the dataset, as the first two parts of their keys, in order."""
    return sorted({key[:2] for key in data if key[0] == group and len(key) > 2})


def value_of(row: tuple[Any, ...], name: str, data: FlattenDataDict) -> Any:
    """A field of a row, or None when it is empty."""
    value = data.get((*row, name))
    return None if is_blank(value) else value


def add_error(row: tuple[Any, ...], name: str, broken: RuleError, errors: FlattenErrorDict) -> None:
    """Put the message of a rule that several fields share beside one of them."""
    errors.setdefault((*row, name), []).append(str(broken))


def check_period(
    row: tuple[Any, ...], start: str, end: str, data: FlattenDataDict, errors: FlattenErrorDict, slug: str = "period-order"
) -> None:
    """Refuse a period that ends before it starts; dates that are wrong by themselves have their own error already."""
    if errors.get((*row, start)) or errors.get((*row, end)):
        return
    try:
        rules.period(value_of(row, start, data), value_of(row, end, data), slug)
    except RuleError as broken:
        add_error(row, end, broken, errors)


def tidy_group(place: tuple[Any, ...], name: str, group: Field, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
    """Drop the blank rows of a repeating group, refuse fields that it does not have, close the gaps."""
    depth = len(place) + 2
    prefix = (*place, name)
    found = sorted({key[:depth] for key in data if key[: depth - 1] == prefix and len(key) > depth})
    kept: list[dict[str, Any]] = []
    for row in found:
        values = {key[-1]: value for key, value in data.items() if key[:depth] == row and len(key) == depth + 1}
        extras = values.pop("__extras", None)
        if isinstance(extras, Mapping):
            for unknown in (other for other, value in extras.items() if not is_blank(value)):
                errors.setdefault((*row, str(unknown)[:100]), []).append(rules.message("unknown-field", name=str(unknown)))
        values = {sub: value for sub, value in values.items() if not is_blank(value)}
        if values:
            kept.append(values)
    if group.get("repeating_once") and len(kept) > 1 and not is_draft(data, context):
        first = group["repeating_subfields"][0]["field_name"]
        errors.setdefault((*found[-1], first), []).append(rules.message("once"))
    if len(kept) > 500:
        errors.setdefault((*found[-1], group["repeating_subfields"][0]["field_name"]), []).append(
            rules.message("too-many", count=len(kept), limit=500)
        )
    if any(messages for key, messages in errors.items() if key[: depth - 1] == prefix):
        # Rows keep their numbers, which the errors refer to; nothing will be stored.
        return
    for key in [key for key in data if key[: depth - 1] == prefix and len(key) > depth]:
        del data[key]
    for at, values in enumerate(kept):
        for sub, value in values.items():
            data[(*prefix, at, sub)] = value
    if group.get("required") and not kept and not is_draft(data, context):
        errors.setdefault(prefix, []).append(rules.message("missing"))


# --------------------------------------------------------------------------------------------------------------- organisations
@field_validator
def ogptn_parent_organization(field: Field, schema: Mapping[str, Any]) -> Validator:
    """The organisation above this one; no circles."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        ogptn_organization(field, schema)(key, data, errors, context)
        above = model.Group.get(data[key])
        this = context.get("group")
        seen: set[str] = set()
        while above is not None and this is not None and above.id not in seen:
            if above.id == this.id:
                fail(RuleError("organization-cycle"), key, errors)
            seen.add(above.id)
            above = model.Group.get(names.organization_extra(above, "parent"))

    return validator


@field_validator
def ogptn_organization_record(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """After the fields of an organisation: fill what CKAN itself shows, and tell CKAN of the organisation above."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
        title = t.pick(_loaded_dict(data.get(("title_translated",))), default_language())
        data[("title",)] = title or data.get(("title",)) or data.get(("name",)) or ""
        description = t.pick(_loaded_dict(data.get(("description_translated",))), default_language())
        data[("description",)] = description
        above = model.Group.get(data.get(("parent",)) or "")
        for old in [k for k in data if k[0] == "groups"]:
            del data[old]
        if above is None:
            # Said outright: without it CKAN's partial updates would keep the old place in the hierarchy.
            data[("groups",)] = []
        else:
            data[("groups", 0, "name")] = above.name
            data[("groups", 0, "capacity")] = "public"

    return validator


def get_validators() -> dict[str, Callable[..., Any]]:
    """The validators by the names that the schemas use."""
    return {
        "fluent_text": fluent_text,
        "fluent_text_output": fluent_text_output,
        "fluent_tags": fluent_tags,
        "fluent_tags_output": fluent_tags_output,
        "ogptn_checksum": ogptn_checksum,
        "ogptn_country": ogptn_country,
        "ogptn_dataset": ogptn_dataset,
        "ogptn_datasets": ogptn_datasets,
        "ogptn_date": ogptn_date,
        "ogptn_derived": ogptn_derived,
        "ogptn_email": ogptn_email,
        "ogptn_geojson": ogptn_geojson,
        "ogptn_input": ogptn_input,
        "ogptn_integer": ogptn_integer,
        "ogptn_list_output": ogptn_list_output,
        "ogptn_multiple_text": ogptn_multiple_text,
        "ogptn_multiple_url": ogptn_multiple_url,
        "ogptn_municipal_code": ogptn_municipal_code,
        "ogptn_number": ogptn_number,
        "ogptn_organization": ogptn_organization,
        "ogptn_organization_record": ogptn_organization_record,
        "ogptn_parent_organization": ogptn_parent_organization,
        "ogptn_phone": ogptn_phone,
        "ogptn_resource_format": ogptn_resource_format,
        "ogptn_resource_url": ogptn_resource_url,
        "ogptn_slug": ogptn_slug,
        "ogptn_text": ogptn_text,
        "ogptn_url": ogptn_url,
        "ogptn_vocabulary": ogptn_vocabulary,
        "ogptn_vocabulary_multiple": ogptn_vocabulary_multiple,
    }
