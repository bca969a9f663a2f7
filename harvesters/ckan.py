"""Sources that are CKAN sites: the action API of CKAN 2.2 and later, the REST API of older ones, and the fields of the Tunisian portals.

Read page by page with ``package_search``, sorted so that pages do not shift while they are read: by the creation date of the datasets,
which no later change moves. Sites without it (or that answer a search with an error) are read by ``package_list`` and one request per
dataset; those before the action API by ``/api/2/rest``.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ogptn.catalogue import text as t
from ckanext.ogptn.catalogue import vocabulary

from .engine.base import CHANGES_ONLY, Backend, Check, Cursor, HttpClient, Kind, Options, Record, RecordError, Severity, SourceError, option
from .engine.problems import NO_GUID, NOT_EXPECTED, NOT_VALID_RECORD
from .foreign import NO_TITLE, UNKNOWN_LICENCE

BAD_DATE = Kind(
    "bad-date",
    Severity.WARNING,
    lambda: tk._("“{value}” is no date that is understood; it was left out."),
    lambda: tk._("Ask the publisher to write dates as 2016-12-31."),
)
BAD_PERIOD = Kind(
    "period-ends-before-it-begins",
    Severity.WARNING,
    lambda: tk._("The period ends ({end}) before it begins ({start}); it was left out."),
    lambda: tk._("Ask the publisher to correct the period."),
)
BAD_LINK = Kind(
    "bad-link",
    Severity.WARNING,
    lambda: tk._("The file's address “{value}” is none that can be opened; the file was left out."),
    lambda: tk._("Ask the publisher for the right address."),
)

_MAX_PAGE = 1000


@dataclass(frozen=True)
class CkanOptions(Options):
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
    default_licence: str = option(
        "", lambda: tk._("Licence where the source names none"), help=lambda: tk._("A code of the vocabulary of licences.")
    )

    def check(self) -> dict[str, list[str]]:
        if self.default_licence and vocabulary.get("licences").find(self.default_licence) is None:
            return {"default_licence": [tk._("This code is not in the vocabulary of licences.")]}
        return {}


class CkanBackend(Backend):
    """A CKAN site."""

    name = "ckan"
    Options = CkanOptions
    options: CkanOptions

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
        status = http.get(f"{base}/api/3/action/status_show", accept="application/json", allow_status=(400, 403, 404, 409, 410, 500))
        if status.status == 200:
            found = _result(status.json(), status.url)
            title = f"{found.get('site_title') or ''} (CKAN {found.get('ckan_version') or '?'})" if isinstance(found, dict) else ""
        page = self._search(http, base, 0, Cursor(), probe=True, rows=1)
        if page is not None:
            return Check(title=title, records=page[0])
        return Check(
            title=title, records=len(self._names(http, base)), notes=(tk._("The source has no search: datasets are asked for one by one."),)
        )

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
        answer = http.get(url, params=params, accept="application/json", allow_status=(400, 404, 405, 409, 410) if probe else ())
        if probe and answer.status != 200:
            return None
        found = _result(answer.json(), answer.url)
        if not isinstance(found, dict) or not isinstance(found.get("results"), list) or not isinstance(found.get("count"), int):
            raise SourceError(NOT_EXPECTED, url=answer.url, found=type(found).__name__, expected="package_search")
        return found["count"], found["results"]

    def _pages(self, http: HttpClient, base: str, cursor: Cursor, first: tuple[int, list[Any]]) -> Iterator[Record]:
        changes = cursor.since is not None and self.options.changes_only
        count, results = first
        if changes:
            cursor.incomplete(CHANGES_ONLY)
        seen: set[str] = set()
        start = 0
        while True:
            cursor.expect(count)
            fresh = False
            for each in results:
                identity = str(each.get("id") or "") if isinstance(each, dict) else ""
                # A dataset that was added or deleted while we read moves the others: what comes again is passed over.
                if identity and identity in seen:
                    continue
                seen.add(identity)
                fresh = True
                yield self._record(each, base)
            start += len(results)
            if not results or not fresh or start >= count:
                break
            page = self._search(http, base, start, cursor)
            assert page is not None
            count, results = page
        if not changes and len(seen) < count:
            cursor.incomplete(f"{len(seen)} of {count}")

    def _names(self, http: HttpClient, base: str) -> list[str]:
        answer = http.get(f"{base}/api/3/action/package_list", accept="application/json", allow_status=(400, 404, 405, 409, 410))
        found: Any
        if answer.status == 200:
            found = _result(answer.json(), answer.url)
        else:
            answer = http.get(f"{base}/api/2/rest/package", accept="application/json", allow_status=(404,))
            if answer.status == 404:
                answer = http.get(f"{base}/api/2/rest/dataset", accept="application/json")
            found = answer.json()
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise SourceError(NOT_EXPECTED, url=answer.url, found=type(found).__name__, expected="package_list")
        return found

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
        missing = (400, 403, 404, 405, 409, 410, 500)
        answer = http.get(f"{base}/api/3/action/package_show", params={"id": name}, accept="application/json", allow_status=missing)
        if answer.status == 200:
            found = _result(answer.json(), answer.url)
        else:
            answer = http.get(f"{base}/api/2/rest/package/{quote(name, safe='')}", accept="application/json", allow_status=missing)
            if answer.status != 200:
                return None
            found = answer.json()
        return found if isinstance(found, dict) else None

    def _wanted(self, dataset: dict[str, Any]) -> bool:
        """The filters, where the source has no search to apply them."""
        organization = dataset.get("organization")
        owner = organization.get("name") if isinstance(organization, dict) else None
        groups = {group.get("name") if isinstance(group, dict) else group for group in dataset.get("groups") or ()}
        return (
            (not self.options.organizations or owner in self.options.organizations)
            and (not self.options.groups or bool(groups & set(self.options.groups)))
            and (not self.options.types or (dataset.get("type") or "dataset") in self.options.types)
        )

    def _record(self, dataset: Any, base: str) -> Record:
        if not isinstance(dataset, dict):
            return Record("", json.dumps(dataset).encode())
        name, guid = _text(dataset.get("name")), _text(dataset.get("id")) or _text(dataset.get("name"))
        stable = {key: value for key, value in dataset.items() if key not in _FLEETING}
        stable["resources"] = [
            {key: value for key, value in resource.items() if key not in _FLEETING}
            for resource in dataset.get("resources") or ()
            if isinstance(resource, dict)
        ]
        return Record(
            guid=guid,
            content=json.dumps(dataset, ensure_ascii=False, indent=1).encode("utf-8", "replace"),
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
        title = self._texts(remote, extras, "title")
        if not title:
            self.report(NO_TITLE, field="title")
            title = {self.source.language: record.alias or record.guid}
        made: dict[str, Any] = {
            "name": _text(remote.get("name")),
            "title_translated": title,
            "notes_translated": self._texts(remote, extras, "notes"),
            "tags_translated": self._tags(remote, extras),
            "resources": self._resources(remote),
        }
        self._licence(remote, extras, made)
        self._period(extras, made)
        place = extras.get("spatial_geoName") or extras.get("spatial_text")
        if place:
            made["spatial_text"] = {_language(place, self.source.language): place}
        organization = remote.get("organization")
        if isinstance(organization, dict):
            made["source_publisher"] = (_text(organization.get("title")) or _text(organization.get("name")))[:500]
        modified = _day(_text(remote.get("metadata_modified")))
        if modified:
            made["source_modified"] = modified
        frequency = next(
            (extras[key] for key in ("frequency_update", "frequency", "update_frequency", "freq", "frequence") if extras.get(key)), ""
        )
        code = _frequency(frequency)
        if code:
            made["frequency"] = code
        url = _text(remote.get("url"))
        if url.startswith(("http://", "https://")):
            made["url"] = url
        used = _USED | {key for key in extras if key.startswith(("title_", "notes_", "keywords"))}
        rest = [
            {"key": key, "value": value}
            for key, value in extras.items()
            if key not in used and value and key not in _fields() and len(key) <= 100
        ]
        if rest:
            made["extras"] = rest
        return {key: value for key, value in made.items() if value not in ("", {}, [])} | {"resources": made["resources"]}

    def _texts(self, remote: dict[str, Any], extras: dict[str, str], field: str) -> dict[str, str]:
        """A text in its languages: fluent's ``title_translated``, the Tunisian ``title_ar``, and the plain one."""
        texts: dict[str, str] = {}
        translated = remote.get(f"{field}_translated")
        if isinstance(translated, str):
            translated = _json(translated)
        for language in t.LANGUAGES:
            value = translated.get(language) if isinstance(translated, dict) else None
            value = _text(value) or _text(remote.get(f"{field}_{language}")) or extras.get(f"{field}_{language}", "")
            if value:
                texts[language] = self._clean(value, field)
        plain = self._clean(_text(remote.get(field)), field)
        if plain and plain not in texts.values():
            texts.setdefault(_language(plain, self.source.language), plain)
        return {language: value for language, value in texts.items() if value}

    def _clean(self, value: str, field: str) -> str:
        cleaned = (
            "".join("" if t.forbidden_character(character) else character for character in value) if t.forbidden_character(value) else value
        )
        return t.clean(cleaned)[: 500 if field == "title" else 100_000]

    def _tags(self, remote: dict[str, Any], extras: dict[str, str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        keywords = remote.get("keywords") or _json(extras.get("keywords", ""))
        if isinstance(keywords, dict):
            for language in t.LANGUAGES:
                found[language] = [_text(word) for word in keywords.get(language) or () if _text(word)]
        for tag in remote.get("tags") or ():
            name = _text(tag.get("display_name") or tag.get("name")) if isinstance(tag, dict) else _text(tag)
            if name and not any(name in names for names in found.values()):
                found.setdefault(_language(name, self.source.language), []).append(name)
        cleaned = {language: list(dict.fromkeys(filter(None, (t.tag(name) for name in names))))[:100] for language, names in found.items()}
        return {language: names for language, names in cleaned.items() if names}

    def _licence(self, remote: dict[str, Any], extras: dict[str, str], made: dict[str, Any]) -> None:
        stated = _text(remote.get("license_id")) or _text(remote.get("license_title")) or extras.get("license", "")
        known = vocabulary.get("licences")
        if stated and stated.lower() != "notspecified":
            term = known.find(stated)
            made["source_licence"] = stated[:500]
            if term is not None:
                made["license_id"] = term.code
                return
            self.report(UNKNOWN_LICENCE, field="license_id", value=stated)
        if self.options.default_licence:
            made["license_id"] = self.options.default_licence

    def _period(self, extras: dict[str, str], made: dict[str, Any]) -> None:
        days = {}
        for side, key in (("start", "temporal_startDate"), ("end", "temporal_endDate")):
            value = extras.get(key) or extras.get(f"temporal_{side}", "")
            if value:
                days[side] = _day(value)
                if not days[side]:
                    self.report(BAD_DATE, field=key, value=value)
                    del days[side]
        if len(days) == 2 and days["end"] < days["start"]:
            self.report(BAD_PERIOD, field="temporal_coverage", **days)
            return
        if days:
            made["temporal_coverage"] = [days]

    def _resources(self, remote: dict[str, Any]) -> list[dict[str, Any]]:
        made = []
        resources = remote.get("resources")
        for place, resource in enumerate(resources if isinstance(resources, list) else ()):
            if not isinstance(resource, dict) or resource.get("state") == "deleted":
                continue
            url = _text(resource.get("url"))
            if not _can_be_opened(url):
                self.report(BAD_LINK, field=f"resources-{place}-url", value=url)
                continue
            each: dict[str, Any] = {
                "guid": _text(resource.get("id")),
                "url": url,
                "name_translated": self._texts(resource, {}, "name"),
                "description_translated": self._texts(resource, {}, "description"),
                "format": _text(resource.get("format"))[:50],
                "mimetype": _text(resource.get("mimetype")),
            }
            made.append({key: value for key, value in each.items() if value})
        return made


#: What changes at the source without the record changing.
_FLEETING = {
    "tracking_summary",
    "relationships_as_subject",
    "relationships_as_object",
    "isopen",
    "num_resources",
    "num_tags",
    "revision_timestamp",
}
_USED = {
    "temporal_startDate",
    "temporal_endDate",
    "temporal_start",
    "temporal_end",
    "spatial_geoName",
    "spatial_text",
    "frequency",
    "frequency_update",
    "update_frequency",
    "freq",
    "frequence",
    "license",
}
_DATE = re.compile(r"^\s*(\d{4})(?:[-/.](\d{1,2}))?(?:[-/.](\d{1,2}))?(?:[T ].*)?\s*$")


def _fields() -> set[str]:
    from .engine.fields import dataset_fields

    return dataset_fields()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise RecordError(NOT_VALID_RECORD, reason=error) from error


def _result(answer: Any, url: str) -> Any:
    if not isinstance(answer, dict) or answer.get("success") is not True or "result" not in answer:
        raise SourceError(NOT_EXPECTED, url=url, found=str(answer)[:100], expected="CKAN API")
    return answer["result"]


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


def _language(value: str, default: str) -> str:
    """By the script; Latin letters on an Arabic portal are French."""
    if t.is_arabic(value):
        return "ar"
    return default if default != "ar" else "fr"


def _day(value: str) -> str:
    """``2016``, ``2016-12`` or ``2016-12-31`` of what sources write (``2025/02/24``, ``2016-12-31T10:00:00``); ``""`` if it is no date."""
    found = _DATE.match(t.western_digits(value))
    if not found:
        return ""
    year, month, day = found.groups()
    try:
        dt.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return ""
    return "-".join(part.zfill(2) for part in (year, month, day) if part)


def _frequency(value: str) -> str:
    known = vocabulary.get("frequencies")
    term = known.find(value) if value else None
    if term is None and value:
        words = {"yearly": "ANNUAL", "annually": "ANNUAL", "monthly": "MONTHLY", "never": "NEVER", "daily": "DAILY", "weekly": "WEEKLY"}
        term = known.find(words.get(value.lower(), value.upper()))
    return term.code if term is not None else ""


def _can_be_opened(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    # `http://monographie.pdf`: the name of a file where the host should be.
    return parts.scheme in ("http", "https", "ftp") and bool(host) and not re.search(r"\.(pdf|xlsx?|csv|docx?|zip)$", host, re.IGNORECASE)
