"""``data.json``: the catalogue format of DCAT-US 1.1 (resources.data.gov/resources/dcat-us), also written by DKAN, ArcGIS Hub, Socrata.

The document may be hundreds of megabytes; it is read dataset by dataset and never held as a whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import ckan.plugins.toolkit as tk
import ijson

from .engine.base import Backend, Check, Cursor, HttpClient, Options, Record, SourceError, Validators, option
from .engine.problems import NO_GUID, NOT_EXPECTED, NOT_VALID_RECORD, TRUNCATED, RecordError
from .foreign import Draft, LicensedOptions, date, link, plain, stable_json

_ACCESS_LEVELS = {"public": "PUBLIC", "restricted public": "RESTRICTED", "non-public": "NON_PUBLIC"}
#: Of one dataset, in bytes of its JSON.
_LARGEST = 5_000_000
#: Levels of nesting; no catalogue has ten.
_DEEPEST = 100


@dataclass(frozen=True)
class DataJsonOptions(LicensedOptions):
    """Options of :class:`DataJsonBackend`."""

    non_public: bool = option(
        False,
        lambda: tk._("Also records of data that are not public"),
        help=lambda: tk._("Sources list data that nobody may have (accessLevel “non-public”). They are left out unless this is on."),
    )
    keep_contacts: bool = option(
        True,
        lambda: tk._("Take over contact points"),
        help=lambda: tk._("Switch it off if the source names persons instead of offices: what is taken over is public."),
    )


class DataJsonBackend(Backend):
    """Reads a data.json."""

    name: ClassVar[str] = "datajson"
    Options: ClassVar[type[Options]] = DataJsonOptions
    options: DataJsonOptions

    @classmethod
    def label(cls) -> str:
        return tk._("data.json (DCAT-US)")

    @classmethod
    def description(cls) -> str:
        return tk._("One file with all datasets, such as https://data.example.org/data.json.")

    def check(self, http: HttpClient) -> Check:
        found = next(self.records(http, Cursor()), None)
        return Check(title=found.title if found else "")

    # ------------------------------------------------------------------------------------------------------------------- reading
    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        """All datasets as they come in the file; see `Backend`.

        :raises SourceError: the file cannot be fetched, is no data.json, or breaks off
        """
        validators = Validators(**cursor.state.get("document", {}))
        count = 0
        with http.stream(self.source.url, accept="application/json, */*;q=0.1", validators=validators or None) as stream:
            if stream.not_modified:
                cursor.all_unchanged()
                return
            try:
                for count, found in enumerate(_datasets(_Prefixed(stream, stream.url)), 1):
                    if (record := self._record(found, count, cursor)) is not None:
                        yield record
            except (ijson.JSONError, UnicodeDecodeError) as error:
                reason = str(error).replace("\n", " ")[:150]
                if count or "premature EOF" in reason or isinstance(error, ijson.IncompleteJSONError):
                    raise SourceError(TRUNCATED, url=stream.url, reason=reason) from None
                raise SourceError(NOT_EXPECTED, url=stream.url, found=reason, expected="data.json") from None
            if not count and not _has_list(stream):
                raise SourceError(NOT_EXPECTED, url=stream.url, found="JSON", expected="data.json (“dataset”)")
            cursor.state["document"] = {"etag": stream.validators.etag, "last_modified": stream.validators.last_modified}

    def _record(self, found: Any, number: int, cursor: Cursor) -> Record | None:
        if not isinstance(found, dict):
            self.report(NOT_VALID_RECORD, title=f"№ {number}", reason=f"{type(found).__name__} ≠ {{…}}")
            # Nobody can tell which record it was: it must not pass for one that is gone.
            cursor.incomplete(NOT_VALID_RECORD.slug)
            return None
        title = plain(_first(found.get("title")))
        if plain(found.get("accessLevel")).lower() == "non-public" and not self.options.non_public:
            return None
        content = stable_json(found)
        guid = plain(_identifier(found))
        if not guid:
            guid = plain(found.get("landingPage")) or (f"title:{title.casefold()}" if title else "")
            if not guid:
                self.report(NO_GUID, title=title or f"№ {number}")
                guid = "content:" + hashlib.sha256(content).hexdigest()
        if len(content) > _LARGEST:
            self.report(NOT_VALID_RECORD, guid=guid, title=title, reason=f"{len(content)} B > {_LARGEST} B")
            cursor.present(guid[:2_000])
            return None
        page = plain(found.get("landingPage"))
        return Record(
            guid=guid[:2_000],
            content=content,
            title=title,
            url=page or (guid if guid.startswith("http") else ""),
            modified=plain(found.get("modified")),
            fingerprint=stable_json(_without_order(found)),
            parsed=found,
        )

    # --------------------------------------------------------------------------------------------------------------- translating
    def to_dataset(self, record: Record) -> dict[str, Any]:
        try:
            found = record.parsed if isinstance(record.parsed, dict) else json.loads(record.content)
        except ValueError as error:
            raise RecordError(NOT_VALID_RECORD, reason=str(error)[:150]) from None
        draft = Draft(self, record)
        language = plain(next(iter(_list(found.get("language"))), ""))
        draft.title(_texts(found.get("title"), language))
        draft.notes(_texts(found.get("description"), language))
        draft.keywords((word, language) for word in _list(found.get("keyword")))
        draft.themes((theme, language) for theme in _list(found.get("theme")))
        draft.licence(*_list(found.get("license")))
        draft.default_licence(self.options)
        if level := _ACCESS_LEVELS.get(plain(found.get("accessLevel")).lower()):
            draft.data["access_rights"] = level
        if comment := plain(found.get("rights")):
            draft.aside("rights", comment)
        draft.coded("frequency", "frequencies", found.get("accrualPeriodicity"), tk._("the update frequency"))
        draft.languages(_list(found.get("language")))
        self._period(draft, found.get("temporal"))
        _place(draft, found.get("spatial"))
        draft.date("issued", found.get("issued"))
        modified = plain(found.get("modified"))
        # DCAT-US also allows an interval here: "R/P1D" says that the data change each day.
        if modified.startswith("R/"):
            if "frequency" not in draft.data:
                draft.coded("frequency", "frequencies", modified, tk._("the update frequency"))
        else:
            draft.date("modified", modified)
        draft.text("identifier", _identifier(found))
        draft.link("url", found.get("landingPage"))
        draft.links("documentation", [value for value in [*_list(found.get("references")), found.get("describedBy")] if plain(value)])
        draft.links("conforms_to", [value for value in _list(found.get("conformsTo")) if link(value)])
        self._bodies(draft, found, language)
        for distribution in _list(found.get("distribution")):
            if isinstance(distribution, Mapping):
                _file(draft, distribution, language)
        if not draft.data["resources"] and (page := found.get("accessURL") or found.get("webService")):
            # The format's first version (2013) had the links in the dataset itself.
            draft.resource(url=page, formats=[found.get("format")])
        for name in ("bureauCode", "programCode", "primaryITInvestmentUII", "systemOfRecords", "isPartOf"):
            if values := ", ".join(text for value in _list(found.get(name)) if (text := plain(value))):
                draft.aside(name, values)
        return draft.finish()

    def _bodies(self, draft: Draft, found: Mapping[str, Any], language: str) -> None:
        publisher = found.get("publisher")
        if isinstance(publisher, Mapping):
            draft.agent("publisher", [(publisher.get("name"), language)], uri=publisher.get("@id"))
        elif publisher:
            draft.agent("publisher", [(publisher, language)])
        if not self.options.keep_contacts:
            return
        for contact in _list(found.get("contactPoint")):
            if isinstance(contact, Mapping):
                draft.contact([(contact.get("fn") or contact.get("name"), language)], contact.get("hasEmail") or contact.get("email"))
            elif plain(contact):
                draft.contact([(contact, language)], found.get("mbox"))

    @staticmethod
    def _period(draft: Draft, value: Any) -> None:
        if isinstance(value, Mapping):
            draft.period(value.get("startDate"), value.get("endDate"))
            return
        for part in _list(value):
            if isinstance(part, Mapping):
                draft.period(part.get("startDate"), part.get("endDate"))
                continue
            written = plain(part)
            ends = re.split(r"\s*/\s*", written)
            # ISO 8601: "2010-01-01/2016-12-31", "2010/P1Y", "R/2010/P1Y"; "/" alone also parts the numbers of one day.
            if len(ends) == 3 and ends[0].startswith("R"):
                ends = ends[1:]
            if len(ends) == 2 and all(date(end) or end in ("", "..", "present") for end in ends):
                start, end = ("" if end in ("..", "present") else end for end in ends)
                draft.period(start, end, written)
            elif len(ends) == 2 and date(ends[0]) and ends[1].startswith("P"):
                draft.period(ends[0], "", written)
                draft.text("temporal_text", written)
            elif date(written):
                draft.period(written, written)
            elif written:
                draft.text("temporal_text", written)


# ----------------------------------------------------------------------------------------------------------------------- the file
class _Prefixed:
    """A stream without its byte order mark, that says so when a web page came."""

    def __init__(self, stream: Any, url: str) -> None:
        self._stream = stream
        self._begun = False
        self._url = url

    def read(self, size: int = -1) -> bytes:
        if self._begun or size == 0:
            return self._stream.read(size)
        self._begun = True
        start = self._stream.read(max(size, 4096)).removeprefix(b"\xef\xbb\xbf").lstrip()
        if start[:1] == b"<":
            raise SourceError(NOT_EXPECTED, url=self._url, found="HTML", expected="data.json")
        return start


def _datasets(stream: _Prefixed) -> Iterator[Any]:
    """The members of the list ``dataset``, or of the whole document where it is a list (the format's first version)."""
    level = listed_at = 0
    key = ""
    builder: Any = None
    for event, value in ijson.basic_parse(stream, use_float=False):
        if event == "map_key" and level == 1:
            key = value
        begins = event in ("start_map", "start_array")
        ends = event in ("end_map", "end_array")
        if listed_at and builder is None and level == listed_at and event != "end_array":
            builder = ijson.ObjectBuilder()
        if builder is not None:
            builder.event(event, value)
        elif event == "start_array" and (level == 0 or (level == 1 and key == "dataset")):
            listed_at = level + 1
        level += begins - ends
        if level > _DEEPEST:
            raise ijson.JSONError(f"more than {_DEEPEST} levels")
        if builder is not None and level == listed_at:
            yield _plain_numbers(builder.value)
            builder = None
        elif listed_at and level < listed_at:
            listed_at = 0


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 10**18 else float(value)
    if isinstance(value, list):
        return [_plain_numbers(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain_numbers(part) for key, part in value.items()}
    return value


def _has_list(stream: Any) -> bool:
    """Whether a document without datasets has their (empty) list all the same."""
    stream.file.seek(0)
    return bool(re.search(rb'"dataset"\s*:\s*\[|^\s*\[\s*\]\s*$', stream.file.read(1_000_000)))


def _list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _first(value: Any) -> Any:
    if isinstance(value, Mapping):
        return next(iter(value.values()), "")
    return next(iter(_list(value)), "")


def _texts(value: Any, language: str) -> list[tuple[Any, str]]:
    """A text, a list of texts (their first), or texts by language."""
    if isinstance(value, Mapping):
        return [(text, str(code)) for code, text in value.items()]
    return [(_first(value), language)]


def _identifier(found: Mapping[str, Any]) -> Any:
    return _first(found.get("identifier")) or found.get("@id") or found.get("id") or ""


def _without_order(found: Mapping[str, Any]) -> dict[str, Any]:
    """The record without what portals write in another order each time."""
    lists = ("keyword", "theme", "language", "references")
    return {key: sorted(value, key=str) if key in lists and isinstance(value, list) else value for key, value in found.items()}


def _place(draft: Draft, value: Any) -> None:
    for part in _list(value):
        if isinstance(part, Mapping):
            if part.get("type") in ("Point", "Polygon", "MultiPolygon", "LineString", "MultiPoint", "Feature", "GeometryCollection"):
                draft.geometry(dict(part))
            elif part.get("type") == "envelope" and isinstance(part.get("coordinates"), list):
                _envelope(draft, part["coordinates"])
            else:
                draft.place(part.get("name") or part.get("prefLabel") or "")
            continue
        written = plain(part)
        if written.startswith("{"):
            try:
                _place(draft, json.loads(written))
            except (ValueError, RecursionError):
                draft.place(written)
            continue
        numbers = re.findall(r"-?\d+(?:\.\d+)?", written)
        if len(numbers) == 4 and not re.search(r"[a-zA-Z؀-ۿ]", written):
            # DCAT-US: minimum longitude, minimum latitude, maximum longitude, maximum latitude.
            west, south, east, north = map(float, numbers)
            if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:
                draft.geometry(_box(west, south, east, north))
                continue
        draft.place(written)


def _envelope(draft: Draft, corners: list[Any]) -> None:
    try:
        (west, south), (east, north) = ((float(x), float(y)) for x, y in corners)
    except (TypeError, ValueError):
        draft.place(json.dumps(corners)[:300])
        return
    draft.geometry(_box(min(west, east), min(south, north), max(west, east), max(south, north)))


def _box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}


def _file(draft: Draft, found: Mapping[str, Any], language: str) -> None:
    url = found.get("downloadURL") or found.get("accessURL") or ""
    draft.resource(
        url=_first(url),
        names=_texts(found.get("title"), language),
        descriptions=_texts(found.get("description"), language),
        formats=[_first(found.get("format")), _first(found.get("mediaType"))],
        guid=plain(found.get("@id")) or plain(found.get("identifier")),
        license=_first(found.get("license")),
        issued=found.get("issued"),
        modified=found.get("modified"),
        size=found.get("byteSize"),
        conforms_to=[value for value in _list(found.get("conformsTo")) if link(value)],
        data_dictionary=found.get("describedBy"),
    )
