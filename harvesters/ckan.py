"""Sources that are CKAN sites: the action API of CKAN 2.2 and later, the REST API of older ones, and the fields of the Tunisian portals.

Read page by page with ``package_search``, sorted so that pages do not shift while they are read: by the creation date of the datasets,
which no later change moves. Sites without it (or that answer a search with an error) are read by ``package_list`` and one request per
dataset; those before the action API by ``/api/2/rest``.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import ckan.plugins.toolkit as tk
import msgspec

from ckanext.ogptn.catalogue import text as t

from .engine.ahead import Ahead
from .engine.base import CHANGES_ONLY, Backend, Check, Cursor, HttpClient, Record, RecordError, Response, SourceError, option
from .engine.problems import (
    FORBIDDEN,
    MALFORMED,
    NO_GUID,
    NOT_EXPECTED,
    NOT_FOUND,
    NOT_VALID_RECORD,
    SERVER_ERROR,
    Kind,
    Severity,
)
from .foreign import Draft, LicensedOptions, as_geojson, clean, link, of_persons, said, term

_MAX_PAGE = 1000
#: Answers of a site that has not this API, or has a broken one (portals before 2.8 behind a newer front).
_NO_API = (400, 403, 404, 405, 409, 410, 500, 501)
#: What CKAN's extensions keep among the datasets, and lists and searches give, though it is none.
_NO_DATASETS = {"harvest", "showcase", "dashboard"}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

NO_CKAN = Kind(
    "no-ckan",
    Severity.ERROR,
    lambda: tk._("No CKAN site answers at {url}: neither of CKAN’s programming interfaces is there."),
    lambda: tk._("Give the address of the portal’s first page, or choose another kind of source."),
)


@dataclass(frozen=True)
class CkanOptions(LicensedOptions):
    page_size: int = option(
        100,
        lambda: tk._("Datasets per request"),
        help=lambda: tk._("Fewer for a source that is slow or breaks off."),
        minimum=1,
        maximum=_MAX_PAGE,
    )
    organizations: list[str] = option(  # noqa: RUF009 - a descriptor of the field
        [], lambda: tk._("Only these organisations"), help=lambda: tk._("Names as in the source's addresses, one per line.")
    )
    groups: list[str] = option(  # noqa: RUF009
        [], lambda: tk._("Only these groups"), help=lambda: tk._("Names as in the source's addresses, one per line.")
    )
    types: list[str] = option(  # noqa: RUF009
        [], lambda: tk._("Only these dataset types"), help=lambda: tk._("For example dataset, one per line.")
    )
    query: str = option("", lambda: tk._("Only what this search finds"), help=lambda: tk._("In the search syntax of the source."))
    changes_only: bool = option(
        True,
        lambda: tk._("Ask for changes only, where the source can say them"),
        help=lambda: tk._("The whole source is read every few days all the same, as only that shows what is gone."),
    )


class CkanBackend(Backend):
    """A CKAN site."""

    name = "ckan"
    version = 3
    Options = CkanOptions
    options: CkanOptions
    #: Whether its datasets are asked for by the REST API: the action API gave no list of them.
    _rest = False
    #: By the REST API: the ids of the organisations and groups of the filters, as far as the source says them.
    _ids: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def label(cls) -> str:
        return tk._("CKAN site")

    @classmethod
    def description(cls) -> str:
        return tk._("Any portal that runs CKAN, from version 2.2 on.")

    # -- reading

    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        base = self._base()
        first = self._search(http, base, 0, cursor, probe=True)
        if first is None:
            yield from self._one_by_one(http, base, cursor)
            return
        yield from self._pages(http, base, cursor, first)

    def check(self, http: HttpClient) -> Check:
        base = self._base()
        title = ""
        status = http.get(f"{base}/api/3/action/status_show", accept="application/json", allow_status=_NO_API)
        found = _answered(status)
        if found is not None:
            title = f"{found.get('site_title') or ''} (CKAN {found.get('ckan_version') or '?'})" if isinstance(found, dict) else ""
        page = self._search(http, base, 0, Cursor(), probe=True, rows=1)
        if page is not None:
            return Check(title=title, records=page[0])
        names, notes = self._names(http, base), [tk._("The source has no search: datasets are asked for one by one.")]
        if unknown := [name for name in (*self.options.organizations, *self.options.groups) if self._rest and name not in self._ids]:
            notes.append(
                tk._(
                    "The source tells organisations and groups apart by their ids, and does not say whose name this is: %(names)s. Write "
                    "the id in place of the name if nothing is found."
                )
                % {"names": ", ".join(unknown)}
            )
        return Check(title=title, records=len(names), notes=tuple(notes))

    def _base(self) -> str:
        """The site's root: what was pasted may be a page, an API address, or a language's."""
        parts = urlsplit(self.source.url.strip())
        path = re.sub(r"/(api(/.*)?|dataset(/.*)?|organization(/.*)?|group(/.*)?)$", "", parts.path.rstrip("/"))
        return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"

    def _filters(self, since: dt.datetime | None) -> str:
        filters = []
        for field, values in (
            ("organization", self.options.organizations),
            ("groups", self.options.groups),
            ("dataset_type", self.options.types),
        ):
            if values:
                filters.append(f"{field}:({' OR '.join(_quoted(value) for value in values)})")
        if since is not None:
            # An hour earlier: clocks differ, and a record that changed while it was indexed may be stamped before it is found.
            stamp = (since - dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            filters.append(f"metadata_modified:[{stamp} TO *]")
        return " AND ".join(f"+{each}" for each in filters)

    def _search(
        self, http: HttpClient, base: str, start: int, cursor: Cursor, *, probe: bool = False, rows: int | None = None
    ) -> tuple[int, list[Any]] | None:
        answer = self._ask(http, base, start, cursor, probe=probe, rows=rows)
        found = _answered(answer) if probe else _result(answer.json(), answer.url)
        return None if found is None else _page(found, answer.url)

    def _ask(self, http: HttpClient, base: str, start: int, cursor: Cursor, *, probe: bool = False, rows: int | None = None) -> Response:
        since = cursor.since if self.options.changes_only else None
        params: dict[str, str | int] = {
            "rows": rows or self.options.page_size,
            "start": start,
            "sort": "metadata_created asc, id asc",
            "q": self.options.query or "*:*",
        }
        filters = self._filters(since)
        if filters:
            params["fq"] = filters
        url = f"{base}/api/3/action/package_search"
        return http.get(url, params=params, accept="application/json", allow_status=_NO_API if probe else ())

    def _pages(self, http: HttpClient, base: str, cursor: Cursor, first: tuple[int, list[Any]]) -> Iterator[Record]:
        changes = cursor.since is not None and self.options.changes_only
        count, results = first
        if changes:
            cursor.incomplete(CHANGES_ONLY)
        seen: set[str] = set()
        # Datasets without an identifier are refused, but they are there.
        nameless = passed = 0
        start = 0
        while True:
            cursor.expect(count - passed)
            fresh = False
            start += len(results)
            coming: Ahead[Response] | None = None
            for place, each in enumerate(results):
                if coming is None and start < count and place >= len(results) // 4:
                    # Not at once: who takes a few records to look at does not want the next page.
                    coming = Ahead(partial(self._ask, http, base, start, cursor))
                identity = str(each.get("id") or "") if isinstance(each, dict) else ""
                # A dataset that was added or deleted while we read moves the others: what comes again is passed over.
                if identity and identity in seen:
                    continue
                if identity:
                    seen.add(identity)
                else:
                    nameless += 1
                fresh = True
                if isinstance(each, dict) and not self._public(each):
                    passed += 1
                    cursor.expect(count - passed)
                    continue
                yield self._record(each, base)
            if coming is None or not fresh:
                break
            answer = coming.result()
            count, results = _page(_result(answer.json(), answer.url), answer.url)
        if not changes and len(seen) + nameless < count:
            cursor.incomplete(f"{len(seen) + nameless} of {count}")

    def _names(self, http: HttpClient, base: str) -> list[str]:
        answer = http.get(f"{base}/api/3/action/package_list", accept="application/json", allow_status=_NO_API)
        found = _answered(answer)
        self._rest = found is None
        if found is None:
            # Names, or ids: which of them depends on the version of that API, and either is understood.
            first = answer
            answer = http.get(f"{base}/api/2/rest/package", accept="application/json", allow_status=(404,))
            try:
                if answer.status == 404:
                    answer = http.get(f"{base}/api/2/rest/dataset", accept="application/json")
                found = answer.json()
            except SourceError as error:
                if error.kind is not NOT_FOUND:
                    raise
                # There is no old API: what the newer one answered is what is wrong.
                if first.status in (403, 500, 501):
                    raise SourceError(FORBIDDEN if first.status == 403 else SERVER_ERROR, url=first.url, status=first.status) from error
                raise SourceError(NO_CKAN, url=base) from error
            self._ids = dict(self._known_ids(http, base))
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise SourceError(NOT_EXPECTED, url=answer.url, found=type(found).__name__, expected="package_list")
        return found

    def _known_ids(self, http: HttpClient, base: str) -> Iterator[tuple[str, str]]:
        """Names of the filters, each with its id. In the REST API's datasets groups are ids, and on some sites organisations too."""
        for name in (*self.options.organizations, *self.options.groups):
            if _UUID.fullmatch(name):
                yield name, name
                continue
            # An organisation is a group there.
            answer = http.get(f"{base}/api/2/rest/group/{quote(name, safe='')}", accept="application/json", allow_status=_NO_API)
            found = answer.json() if answer.status == 200 else None
            if isinstance(found, dict) and _text(found.get("id")):
                yield name, _text(found["id"])

    def _one_by_one(self, http: HttpClient, base: str, cursor: Cursor) -> Iterator[Record]:
        names = self._names(http, base)
        cursor.expect(len(names))
        for name in names:
            dataset = self._dataset(http, base, name)
            if dataset is None:
                # It is listed, but cannot be had (private, deleted meanwhile, broken): not here, and not gone.
                cursor.incomplete(f"{name}: no answer")
                continue
            if self._wanted(dataset):
                yield self._record(dataset, base)
            else:
                cursor.expect((cursor.expected or 1) - 1)

    def _dataset(self, http: HttpClient, base: str, name: str) -> dict[str, Any] | None:
        if not self._rest:
            answer = http.get(f"{base}/api/3/action/package_show", params={"id": name}, accept="application/json", allow_status=_NO_API)
            found = _answered(answer)
            if isinstance(found, list) and len(found) == 1:
                # DKAN answers with a list of one.
                found = found[0]
            if found is not None:
                return found if isinstance(found, dict) else None
        answer = http.get(f"{base}/api/2/rest/package/{quote(name, safe='')}", accept="application/json", allow_status=_NO_API)
        if answer.status != 200:
            return None
        found = answer.json()
        return found if isinstance(found, dict) else None

    def _public(self, dataset: dict[str, Any]) -> bool:
        """Not what only some may see at the source (its credentials may be an editor's), what is deleted there, and what is no dataset."""
        state = _text(dataset.get("state"))
        # DKAN says "Active", in its language, and has private datasets that everybody sees.
        private = dataset.get("private") is True and state in ("active", "")
        kind = _text(dataset.get("type")).lower()
        return (
            not private and state not in ("deleted", "draft", "draft-complete") and (kind not in _NO_DATASETS or kind in self.options.types)
        )

    def _wanted(self, dataset: dict[str, Any]) -> bool:
        """The filters, where the source has no search to apply them."""
        if not self._public(dataset):
            return False
        organization = dataset.get("organization")
        owners = {_text(organization.get("name")) if isinstance(organization, dict) else "", _text(dataset.get("owner_org"))}
        groups = {_text(group.get("name") if isinstance(group, dict) else group) for group in dataset.get("groups") or ()}
        return (
            (not self.options.organizations or bool(owners & self._named(self.options.organizations)))
            and (not self.options.groups or bool(groups & self._named(self.options.groups)))
            and (not self.options.types or (dataset.get("type") or "dataset") in self.options.types)
        )

    def _named(self, wanted: Sequence[str]) -> set[str]:
        """The names, and the ids that go with them."""
        return {*wanted, *(self._ids[name] for name in wanted if name in self._ids)}

    def _record(self, dataset: Any, base: str) -> Record:
        if not isinstance(dataset, dict):
            return Record("", json.dumps(dataset).encode())
        name, guid = _text(dataset.get("name")), _text(dataset.get("id")) or _text(dataset.get("name"))
        stable = {key: value for key, value in dataset.items() if key not in _FLEETING}
        # Of these only what they are called becomes part of the dataset; a new logo is no change of a thousand datasets.
        stable["organization"] = _called(dataset.get("organization"))
        groups = dataset.get("groups")
        stable["groups"] = [_called(group) for group in groups] if isinstance(groups, list) else groups
        stable["resources"] = [
            {key: value for key, value in resource.items() if key not in _FLEETING}
            for resource in dataset.get("resources") or ()
            if isinstance(resource, dict)
        ]
        return Record(
            guid=guid,
            content=partial(_readable, dataset),
            title=_text(dataset.get("title")) or name or guid,
            url=f"{base}/dataset/{quote(name, safe='')}" if name else "",
            alias=name,
            modified=_text(dataset.get("metadata_modified")),
            fingerprint=json.dumps(stable, sort_keys=True).encode(),
            parsed=dataset,
        )

    # -- translating

    def to_dataset(self, record: Record) -> dict[str, Any]:
        remote = record.parsed if record.parsed is not None else _parsed(record.content)
        if not isinstance(remote, dict):
            raise RecordError(NOT_VALID_RECORD, reason=type(remote).__name__)
        if not record.guid:
            raise RecordError(NO_GUID)
        extras = _extras(remote)
        first, many = _readers(remote, extras)
        draft = Draft(self, record, many("language"))
        draft.title(_texts(remote, extras, "title") or [(record.alias or record.guid, "")])
        draft.notes(_texts(remote, extras, "notes") or _texts(remote, extras, "description"))
        draft.keywords(_keywords(remote, extras))
        draft.themes(_themes(remote, many("theme", "themes", "subject", "theme-primary", "theme_primary")))
        licences = (remote.get("license_id"), remote.get("license_url"), remote.get("license_title"), first("license"), *many("licence"))
        draft.licence(*(value for value in licences if _stated(value)))
        draft.default_licence(self.options)
        if code := term("access_rights", first("access_rights")):
            draft.data["access_rights"] = code
        else:
            draft.aside("access_rights", first("access_rights"))
        _periods(draft, first, many)
        _places(draft, first, many)
        frequency = first(*_FREQUENCIES)
        draft.coded(
            "frequency", "frequencies", _HDX_DAYS.get(first("data_update_frequency"), "") or frequency, tk._("the update frequency")
        )
        draft.languages(many("language"))
        dates = _reference_dates(extras.get("dataset-reference-date", ""))
        for field, names in (("issued", ("date_published", "date_released")), ("modified", ("date_modified", "date_updated"))):
            draft.date(field, first(field, f"dcat_{field}", *names) or dates.get(field))
        draft.text("identifier", first("identifier"))
        draft.text("version", remote.get("version"), 100)
        draft.translated("version_notes", _texts(remote, extras, "version_notes"))
        draft.translated("provenance", _texts(remote, extras, "provenance"))
        draft.terms("hvd_category", "hvd_categories", many("hvd_category"))
        for field in ("conforms_to", "documentation"):
            draft.links(field, filter(link, many(field)))
            # Standards by name: no mistake, but no address either.
            draft.aside(field, ", ".join(text for value in many(field) if (text := clean(value, one_line=True)) and not link(value)))
        draft.link("url", remote.get("url"))
        self._bodies(draft, remote, extras)
        resources = remote.get("resources")
        for resource in resources if isinstance(resources, list) else ():
            if isinstance(resource, dict) and resource.get("state") != "deleted":
                _file(draft, resource)
        name = _text(remote.get("name"))
        if name:
            draft.data["name"] = name
        used = _USED | {key for key in extras if re.match(r"bbox-|harvest_(?:object|source)_id$", key) or _IN_A_LANGUAGE.fullmatch(key)}
        kept = {extra["key"] for extra in draft.data["extras"]}
        for key, value in [*extras.items(), *_own_fields(remote)]:
            text = clean(value)
            label = clean(key, one_line=True)
            if key in used or text in _NOTHING or not label or label in kept or len(label) > 100:
                continue
            kept.add(label)
            if label in _fields():
                # One of our types has a field of this name, which means something else or takes other values.
                draft.aside(label, text)
            else:
                draft.data["extras"].append({"key": label, "value": text[:100_000]})
        return draft.finish()

    def _bodies(self, draft: Draft, remote: dict[str, Any], extras: dict[str, str]) -> None:
        for body in _things(remote.get("publisher") or extras.get("publisher")):
            names = _texts(body, {}, "name")
            draft.agent("publisher", names, url=body.get("url"), uri=body.get("uri"), identifier=body.get("identifier"))
        if not extras.get("publisher", "").startswith(("{", "[")):
            draft.agent("publisher", [(extras.get("publisher"), "")])
        organization = remote.get("organization")
        groups = remote.get("groups")
        if isinstance(organization, dict):
            draft.agent("publisher", _texts(organization, {}, "title") or [(organization.get("name"), "")])
        elif extras.get("publisher_name"):
            draft.agent("publisher", [(extras["publisher_name"], "")])
        elif bodies := [group for group in groups if _is_body(group)] if isinstance(groups, list) else []:
            draft.agent("publisher", [(bodies[0].get("title"), "")])
        # The author and the maintainer of a CKAN dataset are persons as a rule, and a contact here is public.
        for contact in [*_things(remote.get("contact")), *_things(remote.get("contact_points"))]:
            draft.contact(_texts(contact, {}, "name"), contact.get("email"), contact.get("url") or contact.get("uri"))
        name, email = (extras.get(f"contact_{part}") or extras.get(f"contact-{part}") for part in ("name", "email"))
        for party in _things(html.unescape(extras.get("responsible-party", ""))):
            # ISO 19115's organisations, as ckanext-spatial keeps them.
            name = name or (email and "pointOfContact" in _list(party.get("roles")) and _text(party.get("name")))
        if name or email:
            draft.contact([(name, "")], email, extras.get("contact_uri"))


def _file(draft: Draft, resource: dict[str, Any]) -> None:
    url = _text(resource.get("url")) or resource.get("download_url")
    dates = [resource.get(name) for name in ("issued", "datePublished", "release_date", "created")]
    licences = [resource.get(name) for name in ("license", "license_id", "license_url", "license_title")]
    draft.resource(
        url=url,
        names=_texts(resource, {}, "name") or _texts(resource, {}, "title"),
        descriptions=_texts(resource, {}, "description"),
        formats=[resource.get("format"), resource.get("mimetype") or resource.get("media_type")],
        guid=_text(resource.get("id")),
        size=resource.get("size") or resource.get("byte_size"),
        license=next((value for value in licences if _stated(value) and term("licences", _text(value))), licences[0]),
        languages=_list(resource.get("language") or resource.get("inLanguage")),
        modified=re.sub(r"^Date changed\s*", "", _text(resource.get("last_modified")))
        or resource.get("modified")
        or resource.get("dateModified"),
        issued=next((value for value in dates if value), None),
        hash=resource.get("hash"),
        hash_algorithm=resource.get("hash_algorithm"),
        status=resource.get("status"),
        availability=resource.get("availability"),
        temporal_start=resource.get("temporal_start") or resource.get("temporal_from"),
        temporal_end=resource.get("temporal_end") or resource.get("temporal_to"),
        data_dictionary=resource.get("data_dictionary") or resource.get("schema"),
        conforms_to=filter(link, _list(resource.get("conforms_to"))),
        more=[
            (
                name,
                ", ".join(text for part in _list(resource.get(name)) if (text := clean(part, one_line=True)) not in ("", url, *licences)),
            )
            for name in _OF_FILES
        ],
    )


#: Fields of files in the schemas of ckanext-dcat and of national portals that have no field here: they go into the description.
_OF_FILES = ("access_url", "rights", "documentation", "temporal_resolution", "spatial_resolution_in_meters", "compress_format",
             "package_format", "applicable_legislation", "coverage", "identifier", "character_set")  # fmt: skip
_IN_A_LANGUAGE = re.compile(r"(?:title|notes|description|provenance|version_notes)_(?:[a-z]{2}|translated)|keywords(?:_translated)?")

#: What changes at the source without the record changing.
_FLEETING = {
    "tracking_summary",
    "relationships_as_subject",
    "relationships_as_object",
    "isopen",
    "num_resources",
    "num_tags",
    "revision_timestamp",
    # Findings of link checkers, counts of visits and downloads, what loaders note.
    "archiver",
    "qa",
    "cache_last_updated",
    "webstore_last_updated",
    "openness_score",
    "task_created",
    "total_res_downloads",
    "pageviews_last_14_days",
    # Of the REST API: made anew, or counted, at each reading.
    "ckan_url",
    "notes_rendered",
    "ratings_average",
    "ratings_count",
    "revision_id",
}
_FREQUENCIES = ("frequency_update", "frequency", "update_frequency", "accrual_periodicity", "accrualPeriodicity", "frequency-of-update",
                "maintenance_and_update_frequency", "freq", "frequence")  # fmt: skip
#: How often the Humanitarian Data Exchange expects a dataset: in days, 0 live, -1 never, -2 as needed (its field's own list).
_HDX_DAYS = {"0": "CONT", "1": "DAILY", "7": "WEEKLY", "14": "BIWEEKLY", "30": "MONTHLY", "90": "QUARTERLY", "180": "ANNUAL_2",
             "365": "ANNUAL", "-1": "NEVER", "-2": "IRREG"}  # fmt: skip
_STARTS = ("temporal_startDate", "temporal_start", "temporal_coverage_from", "temporal_coverage-from", "time_period_coverage_start")
_ENDS = ("temporal_endDate", "temporal_end", "temporal_coverage_to", "temporal_coverage-to", "time_period_coverage_end")
#: What a dataset of any CKAN site has beside its own fields, with what only machines read.
_CORE = {
    "id", "name", "title", "notes", "url", "version", "state", "type", "private", "metadata_created", "metadata_modified", "owner_org",
    "organization", "groups", "tags", "resources", "extras", "license_id", "license_title", "license_url", "license", "archiver", "qa",
    "download_url", "log_message", "solr_additions", "description", "contact", "contact_points", "publisher", "creator", "temporals",
    "keywords", "display_name", "image_url", "publication_state", "resource_type", "resource_type_general",
}  # fmt: skip
_NOTHING = ("", "[]", "{}", "null", "None", '[""]')
_USED = {
    *_FREQUENCIES,
    *_STARTS,
    *_ENDS,
    "access_rights",
    "conforms_to",
    "contact",
    "contact-email",
    "contact-name",
    "coupled-resource",
    "data_update_frequency",
    "dataset-reference-date",
    "dataset_date",
    "date_modified",
    "date_published",
    "date_released",
    "date_updated",
    "documentation",
    "guid",
    "licence",
    "metadata-date",
    "metadata-language",
    "metadata_created",
    "metadata_modified",
    "graphic-preview-description",
    "graphic-preview-file",
    "graphic-preview-type",
    "hvd_category",
    "provenance",
    "publisher",
    "version_notes",
    "resource-type",
    "responsible-party",
    "spatial_coverage",
    "spatial_info",
    "spatial_harvester",
    "subject",
    "temporal_coverage",
    "temporals",
    "theme-primary",
    "theme_primary",
    "themes",
    "contact_email",
    "contact_name",
    "contact_uri",
    "dcat_issued",
    "dcat_modified",
    "geographic_coverage",
    "identifier",
    "issued",
    "language",
    "modified",
    "publisher_name",
    "spatial",
    "theme",
    "spatial_geoName",
    "spatial_text",
    "license",
}


def _fields() -> set[str]:
    from .engine.fields import dataset_fields

    return dataset_fields()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise RecordError(NOT_VALID_RECORD, reason=error) from error


def _readable(dataset: dict[str, Any]) -> bytes:
    """A dataset as people see it who ask for the raw content."""
    try:
        return msgspec.json.format(msgspec.json.encode(dataset), indent=1)
    except UnicodeEncodeError:
        # Half a character, which is no UTF-8.
        pass
    return json.dumps(dataset, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _page(found: Any, url: str) -> tuple[int, list[Any]]:
    """How many datasets a search says that there are, and those of one page.

    :raises SourceError: ``unexpected-content``
    """
    if not isinstance(found, dict) or not isinstance(found.get("results"), list) or not isinstance(found.get("count"), int):
        raise SourceError(NOT_EXPECTED, url=url, found=type(found).__name__, expected="package_search")
    return found["count"], found["results"]


def _result(answer: Any, url: str) -> Any:
    if not isinstance(answer, dict) or answer.get("success") is not True or "result" not in answer:
        raise SourceError(NOT_EXPECTED, url=url, found=str(answer)[:100], expected="CKAN API")
    return answer["result"]


def _answered(answer: Response) -> Any:
    """What an action answers; ``None`` where there is no such API: another status, a web page in its place, or no action's answer."""
    if answer.status != 200:
        return None
    try:
        found = answer.json()
    except SourceError as error:
        # A page in its place is a site without this API. Half a document is a fault that the next harvest may not meet: asking for
        # each dataset instead would take a request for each.
        if error.kind in (NOT_EXPECTED, MALFORMED) and not answer.content.lstrip().startswith(b"{"):
            return None
        raise
    try:
        return _result(found, answer.url)
    except SourceError as error:
        if error.kind is NOT_EXPECTED:
            return None
        raise


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _json(value: str) -> Any:
    try:
        return json.loads(value) if value else None
    except ValueError:
        return None


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _extras(remote: dict[str, Any]) -> dict[str, str]:
    """Extras of the action API (a list), of the REST API (a mapping), and the fields that a schema of the source moved to the top."""
    found: dict[str, str] = {}
    extras = remote.get("extras")
    if isinstance(extras, dict):
        extras = [{"key": key, "value": value} for key, value in extras.items()]
    for extra in extras if isinstance(extras, list) else ():
        if isinstance(extra, dict) and isinstance(extra.get("key"), str):
            value = extra.get("value")
            found[extra["key"]] = (
                value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value is not None else ""
            )
    for key in _USED:
        if isinstance(remote.get(key), str):
            found.setdefault(key, remote[key].strip())
    return found


def _texts(remote: dict[str, Any], extras: dict[str, str], field: str) -> list[tuple[Any, str]]:
    """A text in its languages: fluent's ``title_translated``, the Tunisian ``title_ar``, a mapping, and the plain one."""
    found: list[tuple[Any, str]] = []
    for value in (remote.get(f"{field}_translated"), remote.get(field)):
        read = _json(value) if isinstance(value, str) and value.lstrip().startswith("{") else value
        if isinstance(read, dict):
            found += [(text, str(language)) for language, text in read.items() if _text(text)]
    for key, value in {**extras, **remote}.items():
        language = key.removeprefix(f"{field}_")
        if len(language) == 2 and language != key and _text(value):
            found.append((value, language))
    plain_text = _text(remote.get(field))
    if plain_text and _json(plain_text) is None and plain_text not in [text for text, _language in found]:
        found.append((plain_text, ""))
    return found


def _keywords(remote: dict[str, Any], extras: dict[str, str]) -> list[tuple[Any, str]]:
    found: list[tuple[Any, str]] = []
    for value in (remote.get("tags_translated"), remote.get("keywords") or _json(extras.get("keywords", ""))):
        read = _json(value) if isinstance(value, str) else value
        if isinstance(read, dict):
            found += [(word, str(language)) for language, words in read.items() for word in _list(words)]
    known = {word for word, _language in found}
    tags = remote.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        name = _text(tag.get("display_name") or tag.get("name")) if isinstance(tag, dict) else _text(tag)
        if name and name not in known:
            found.append((name, ""))
    return [(t.tag(word), language) for word, language in found if isinstance(word, str) and t.tag(word)]


def _themes(remote: dict[str, Any], stated: list[Any]) -> list[tuple[Any, str]]:
    """The groups, which CKAN sites use for themes, and what the fields for themes say."""
    found: list[tuple[Any, str]] = [(value, "") for value in stated]
    groups = remote.get("groups")
    for group in groups if isinstance(groups, list) else ():
        if _is_body(group):
            continue
        if isinstance(group, dict):
            names = [_text(group.get(key)) for key in ("name", "title", "display_name")]
            titles = group.get("title")
            names += [_text(text) for text in titles.values()] if isinstance(titles, dict) else []
            known = [name for name in names if name and term("themes", name)]
            shown = [name for name in names[1:] if name] or names[:1]
            found.append(((known or shown)[0], ""))
        elif not _UUID.fullmatch(str(group)):
            # The REST API names groups by their ids, which say nothing here.
            found.append((group, ""))
    return found


def _is_body(group: Any) -> bool:
    """A group of DKAN, which has no organisations: its groups publish."""
    return isinstance(group, dict) and _text(group.get("name")).startswith("group/")


def _readers(remote: dict[str, Any], extras: dict[str, str]) -> tuple[Callable[..., str], Callable[..., list[Any]]]:
    """``first(name, …)``: the first of these fields that says something, as text; ``many(name, …)``: what they all list."""

    def first(*names: str) -> str:
        return next((text for name in names if (text := extras.get(name) or clean(remote.get(name), one_line=True))), "")

    def many(*names: str) -> list[Any]:
        return [value for name in names for value in _list(remote[name] if isinstance(remote.get(name), list) else extras.get(name))]

    return first, many


def _things(value: Any) -> list[dict[str, Any]]:
    """Contacts, bodies, periods of a schema's repeating field: themselves, as JSON, or one alone."""
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        value = _json(value)
    return [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict)]


def _periods(draft: Draft, first: Callable[..., str], many: Callable[..., list[Any]]) -> None:
    draft.period(first(*_STARTS), first(*_ENDS))
    for period in _things(many("temporal_coverage", "temporals")):
        draft.period(period.get("start") or period.get("start_date"), period.get("end") or period.get("end_date"))
    # "[2015-01-01T00:00:00 TO 2015-12-31T23:59:59]", with * for open: the Humanitarian Data Exchange.
    if between := re.fullmatch(r"\[(\S+) TO (\S+)\]", first("dataset_date")):
        draft.period(*("" if end == "*" else end for end in between.groups()))


def _places(draft: Draft, first: Callable[..., str], many: Callable[..., list[Any]]) -> None:
    draft.place(first("spatial_geoName", "spatial_text", "geographic_coverage", "spatial_info"))
    sides = [first(f"bbox-{side}") for side in ("west-long", "south-lat", "east-long", "north-lat")]
    if first("spatial").startswith("{"):
        draft.geometry(first("spatial"))
    elif all(re.fullmatch(r"-?\d+(?:\.\d+)?", side) for side in sides):
        west, south, east, north = map(float, sides)
        if west < east and south < north:
            ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
            draft.geometry({"type": "Polygon", "coordinates": [ring]})
    else:
        draft.place(first("spatial"))
    for place in _things(many("spatial_coverage")):
        draft.place(place.get("text"))
        shape = next((text for name in ("geom", "bbox", "centroid") if (text := clean(place.get(name)))), "")
        if "spatial" not in draft.data and (found := as_geojson(shape)):
            draft.geometry(found)


def _reference_dates(written: str) -> dict[str, str]:
    """ISO 19115's dates as ckanext-spatial keeps them: ``[{"type": "publication", "value": "2019-10-01"}]``, escaped by some sites."""
    found = {_text(each.get("type")): _text(each.get("value")) for each in _things(html.unescape(written))}
    return {"issued": found.get("publication") or found.get("creation") or "", "modified": found.get("revision") or ""}


def _own_fields(remote: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields that the source's schema has beside CKAN's, in words: as the extras that they were before there were schemas. Nothing of
    persons."""
    for key, value in remote.items():
        if (
            key in _CORE
            or key in _FLEETING
            or re.search(r"_translated$|email|phone|author|maintainer|creator|user|_id$|^id$|^is_|^has_|^num_", key)
        ):
            continue
        if not _IN_A_LANGUAGE.fullmatch(key) and not of_persons(value):
            yield key, said(value)


def _called(body: Any) -> Any:
    """Of an organisation or a group: what it is called."""
    if not isinstance(body, dict):
        return body
    return {key: value for key, value in body.items() if key in ("id", "name", "display_name") or key.startswith("title")}


def _stated(value: Any) -> bool:
    return bool(_text(value)) and _text(value).lower() not in ("notspecified", "not specified", "none")


def _list(value: Any) -> list[Any]:
    """A list as sites write one: itself, as JSON, or one text."""
    if isinstance(value, str):
        read = _json(value) if value.lstrip().startswith("[") else None
        return read if isinstance(read, list) else [value] if value.strip() else []
    return value if isinstance(value, list) else []
