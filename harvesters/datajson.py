"""``data.json``: the catalogue format of DCAT-US 1.1 (resources.data.gov/resources/dcat-us), also written by DKAN, ArcGIS Hub, Socrata.

Its first version of 2013 (a bare list), the Argentine profile and the JSON of DCAT-US 3.0 (things with labels in place of words, series,
catalogues in catalogues) are read too. The document may be hundreds of megabytes; it is read dataset by dataset and never held as a whole.
"""

from __future__ import annotations

import collections
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import ckan.plugins.toolkit as tk
import ijson

from .engine.base import Backend, Check, Cursor, HttpClient, Options, Record, SourceError, Validators, option
from .engine.problems import NO_GUID, NOT_EXPECTED, NOT_VALID_RECORD, TRUNCATED, RecordError
from .foreign import Draft, LicensedOptions, as_geojson, date, link, of_persons, plain, said, stable_json, term

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
    version: ClassVar[int] = 3
    Options: ClassVar[type[Options]] = DataJsonOptions
    options: DataJsonOptions
    #: How many records without an identifier share a page or a title, in this reading.
    _shared: Callable[[], Mapping[str, int]]

    @classmethod
    def label(cls) -> str:
        return tk._("data.json (DCAT-US)")

    @classmethod
    def description(cls) -> str:
        return tk._("One file with all datasets, such as https://data.example.org/data.json.")

    def check(self, http: HttpClient) -> Check:
        return Check.of(next(self.records(http, Cursor()), None))

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
            guids: set[str] = set()
            members: list[Any] = []
            self._shared = functools.cache(lambda: _shared(stream))
            try:
                for found, series in _datasets(_Prefixed(stream, stream.url)):
                    count += 1
                    if series:
                        members += _members(found)
                    elif (record := self._record(found, count, cursor)) is not None:
                        guids.add(record.guid)
                        yield record
                for found in members:
                    # A member may stand in the list of datasets too, and in several series.
                    record = self._record(found, count, cursor)
                    if record is not None and record.guid not in guids:
                        guids.add(record.guid)
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
        if _access(found) == "NON_PUBLIC" and not self.options.non_public:
            return None
        content = stable_json(found)
        guid = plain(_identifier(found))
        alias = ""
        if not guid:
            # What it has alone; an agency's front page is the landing page of all.
            shared = self._shared()
            own = [name for name in _told_by(found) if shared[name] <= 1]
            guid, alias = next(iter(own), ""), own[-1] if own and own[-1].startswith("title:") else ""
            if not guid:
                self.report(NO_GUID, title=title or f"№ {number}")
                guid = "content:" + hashlib.sha256(content).hexdigest()
        if len(content) > _LARGEST:
            self.report(NOT_VALID_RECORD, guid=guid, title=title, reason=f"{len(content)} B > {_LARGEST} B")
            cursor.present(guid[:2_000])
            return None
        page = plain(_address(found.get("landingPage")))
        return Record(
            guid=guid[:2_000],
            content=content,
            title=title,
            url=page or (guid if guid.startswith("http") else ""),
            alias=alias,
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
        draft = Draft(self, record, _words(found.get("language")))
        draft.title(_texts(found.get("title")))
        draft.notes(_texts(found.get("description")))
        draft.keywords((word, "") for word in _words(found.get("keyword")))
        # superTheme: the Argentine profile's codes of the EU's list, beside themes of the publisher's own.
        draft.themes((theme, "") for name in ("superTheme", "theme") for theme in _words(found.get(name)))
        draft.licence(*_words(found.get("license")))
        draft.default_licence(self.options)
        if level := _access(found):
            draft.data["access_rights"] = level
        for name in ("rights", "source"):
            draft.aside(name, ", ".join(text for value in _words(found.get(name)) if (text := plain(value))))
        draft.coded("frequency", "frequencies", _word(found.get("accrualPeriodicity")), tk._("the update frequency"))
        draft.languages(_words(found.get("language")))
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
        draft.link("url", _address(found.get("landingPage")))
        draft.links("documentation", _addresses(found, "references", "describedBy", "page"))
        draft.links("conforms_to", [value for value in _addresses(found, "conformsTo") if link(value)])
        self._bodies(draft, found)
        for distribution in _list(found.get("distribution")):
            if isinstance(distribution, Mapping):
                _file(draft, distribution)
        if not draft.data["resources"] and (page := found.get("accessURL") or found.get("webService")):
            # The format's first version (2013) had the links in the dataset itself.
            draft.resource(url=page, formats=[found.get("format")])
        for name, value in found.items():
            if name not in _READ and not name.startswith("@") and not of_persons(value):
                draft.beside(name[:80], ", ".join(text for part in _words(value) if (text := plain(part))) or said(value))
        standards = [text for value in _words(found.get("conformsTo")) if (text := plain(value)) and not link(text)]
        draft.beside("conforms_to", ", ".join(standards))
        return draft.finish()

    def _bodies(self, draft: Draft, found: Mapping[str, Any]) -> None:
        for field in ("publisher", "creator"):
            for body in _list(found.get(field)):
                if isinstance(body, Mapping):
                    draft.agent(field, _texts(body.get("name") or body.get("prefLabel")), uri=body.get("@id"))
                    draft.beside(f"{field} subOrganizationOf", _word(body.get("subOrganizationOf")))
                else:
                    draft.agent(field, [(body, "")])
        if not self.options.keep_contacts:
            return
        for contact in _list(found.get("contactPoint")):
            if isinstance(contact, Mapping):
                emails = _words(contact.get("hasEmail") or contact.get("email"))
                draft.contact(_texts(contact.get("fn") or contact.get("name")), ";".join(map(str, emails)))
            elif plain(contact):
                draft.contact([(contact, "")], found.get("mbox"))

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


def _datasets(stream: _Prefixed) -> Iterator[tuple[Any, bool]]:
    """The members of the list ``dataset``, or of the whole document where it is a list (the format's first version), with whether each is a
    series (of the list ``datasetSeries``). Both may be in catalogues in the catalogue (``catalog``)."""
    # What is open around: the key that is being read of an object, None of a list.
    around: list[str | None] = []
    listed_at = 0
    series = False
    builder: Any = None
    for event, value in ijson.basic_parse(stream, use_float=False):
        begins = event in ("start_map", "start_array")
        ends = event in ("end_map", "end_array")
        if event == "map_key" and builder is None:
            around[-1] = value
        if listed_at and builder is None and len(around) == listed_at and event != "end_array":
            builder = ijson.ObjectBuilder()
        if builder is not None:
            builder.event(event, value)
        elif event == "start_array":
            path = [key for key in around if key is not None]
            if not path or (path[-1] in ("dataset", "datasetSeries") and all(key == "catalog" for key in path[:-1])):
                listed_at, series = len(around) + 1, path[-1:] == ["datasetSeries"]
        if begins:
            around.append("" if event == "start_map" else None)
        elif ends:
            around.pop()
        if len(around) > _DEEPEST:
            raise ijson.JSONError(f"more than {_DEEPEST} levels")
        if builder is not None and len(around) == listed_at:
            yield _plain_numbers(builder.value), series
            builder = None
        elif listed_at and len(around) < listed_at:
            listed_at = 0


def _shared(stream: Any) -> collections.Counter[str]:
    """How many records without an identifier would be told by a page or a title. Reads the whole file once more, and puts it back where it
    stood: only for files that have such records."""
    before = stream.file.tell()
    stream.file.seek(0)
    found: collections.Counter[str] = collections.Counter()
    try:
        for each, series in _datasets(_Prefixed(stream, stream.url)):
            for record in _members(each) if series else [each]:
                if isinstance(record, Mapping) and not plain(_identifier(record)):
                    found.update(_told_by(record))
    except (ijson.JSONError, UnicodeDecodeError):
        # Whoever reads the records meets it too, and says so.
        pass
    finally:
        stream.file.seek(before)
    return found


def _told_by(found: Mapping[str, Any]) -> list[str]:
    """What a record without an identifier may be told by: its page, its title."""
    page, title = plain(_address(found.get("landingPage"))), plain(_first(found.get("title")))
    return [name for name in (page, f"title:{title.casefold()}" if title else "") if name]


def _members(series: Any) -> list[Any]:
    """The datasets of a series that stand in it themselves, and not only by their addresses."""
    found = series.get("seriesMember") if isinstance(series, Mapping) else None
    return [member for member in _list(found) if isinstance(member, Mapping) and (member.get("title") or member.get("distribution"))]


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
    return bool(re.search(rb'"dataset(?:Series)?"\s*:\s*\[|^\s*\[\s*\]\s*$', stream.file.read(1_000_000)))


def _list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _first(value: Any) -> Any:
    if isinstance(value, Mapping):
        return next(iter(value.values()), "")
    return next(iter(_list(value)), "")


def _texts(value: Any) -> list[tuple[Any, str]]:
    """A text, a list of texts (their first), texts by language, or JSON-LD's ``{"@value": …, "@language": …}``, one or several."""
    if isinstance(value, (list, tuple)) and any(isinstance(part, Mapping) for part in value):
        return [pair for part in value for pair in _texts(part)]
    if isinstance(value, Mapping):
        if "@value" in value:
            return [(value["@value"], plain(value.get("@language")))]
        return [(_first(text), str(code)) for code, text in value.items() if not str(code).startswith("@")]
    return [(_first(value), "")]


#: What a thing is called, in DCAT-US 3.0 and in JSON-LD; the first that is there counts.
_CALLED = ("prefLabel", "label", "rdfs:label", "name", "title", "@value", "value", "notation", "@id", "url")


def _word(value: Any) -> Any:
    """A word, or what a thing is called that stands in its place."""
    if isinstance(value, Mapping):
        label = next((value[name] for name in _CALLED if value.get(name)), "")
        return _first(label) if isinstance(label, (list, Mapping)) else label
    return _first(value)


def _words(value: Any) -> list[Any]:
    return [_word(part) for part in _list(value)]


def _address(value: Any) -> Any:
    """An address, or that of a thing: a document, a standard."""
    if isinstance(value, (list, tuple)):
        return next((found for part in value if (found := _address(part))), "")
    if isinstance(value, Mapping):
        return next((value[name] for name in ("@id", "url", "accessURL", "downloadURL") if isinstance(value.get(name), str)), "")
    return value


def _addresses(found: Mapping[str, Any], *names: str) -> list[Any]:
    return [address for name in names for value in _list(found.get(name)) if plain(address := _address(value))]


def _access(found: Mapping[str, Any]) -> str | None:
    """The portal's code of who may have the data (``accessRights`` since DCAT-US 3.0)."""
    for name in ("accessLevel", "accessRights"):
        for value in _words(found.get(name)):
            text = plain(value)
            if code := _ACCESS_LEVELS.get(text.lower()) or term("access_rights", text):
                return code
    return None


def _identifier(found: Mapping[str, Any]) -> Any:
    stated = _first(found.get("identifier"))
    if isinstance(found.get("identifier"), Mapping) or isinstance(stated, Mapping):
        thing = found["identifier"] if isinstance(found.get("identifier"), Mapping) else stated
        stated = next((thing[name] for name in ("@id", "@value", "notation", "value") if plain(thing.get(name))), "")
    return stated or found.get("@id") or found.get("id") or ""


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
                boxes = [value for name in ("geometry", "bbox", "centroid") for value in _words(part.get(name)) if plain(value)]
                for box in boxes[:1]:
                    if (shape := as_geojson(plain(box))) is not None:
                        draft.geometry(shape)
                draft.place(_word({name: part.get(name) for name in ("prefLabel", "name", "label", "title")}))
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


#: Of a dataset: what has its own place, or tells machines what kind of JSON it is.
_READ = {
    "title", "description", "keyword", "superTheme", "theme", "license", "accessLevel", "accessRights", "rights", "source",
    "accrualPeriodicity", "language", "temporal", "spatial", "issued", "modified", "identifier", "landingPage", "references", "describedBy",
    "page", "conformsTo", "publisher", "creator", "contactPoint", "mbox", "distribution", "accessURL", "webService", "format", "id", "type",
    "seriesMember",
}  # fmt: skip
#: The same of a file.
_READ_OF_FILE = {"title", "description", "format", "mediaType", "license", "issued", "modified", "byteSize", "conformsTo", "describedBy",
                 "downloadURL", "accessURL", "identifier", "status", "availability", "checksum", "describedByType", "id", "type",
                 "language", "temporal"}  # fmt: skip


def _file(draft: Draft, found: Mapping[str, Any]) -> None:
    url = _address(found.get("downloadURL")) or _address(found.get("accessURL")) or ""
    page = plain(_address(found.get("accessURL")))
    more = [("accessURL", page)] if page and page != plain(url) else []
    more += [("conformsTo", text) for value in _words(found.get("conformsTo")) if (text := plain(value)) and not link(text)]
    more += [
        (name[:80], ", ".join(text for part in _words(value) if (text := plain(part))) or said(value))
        for name, value in found.items()
        if name not in _READ_OF_FILE and not name.startswith("@") and not of_persons(value)
    ]
    sums = found.get("checksum")
    checksum: Mapping[str, Any] = sums if isinstance(sums, Mapping) else {"checksumValue": sums}
    period = found.get("temporal")
    covered: Mapping[str, Any] = period if isinstance(period, Mapping) else {}
    draft.resource(
        url=url,
        names=_texts(found.get("title")),
        descriptions=_texts(found.get("description")),
        formats=[_word(found.get("format")), _word(found.get("mediaType"))],
        guid=plain(found.get("@id")) or plain(_identifier(found)),
        license=_word(found.get("license")),
        issued=found.get("issued"),
        modified=found.get("modified"),
        size=found.get("byteSize"),
        conforms_to=[value for value in _addresses(found, "conformsTo") if link(value)],
        data_dictionary=_address(found.get("describedBy")),
        languages=_words(found.get("language")),
        status=_word(found.get("status")),
        availability=_word(found.get("availability")),
        hash=_word(checksum.get("checksumValue")),
        hash_algorithm=_word(checksum.get("algorithm")),
        temporal_start=covered.get("startDate"),
        temporal_end=covered.get("endDate"),
        more=more,
    )
