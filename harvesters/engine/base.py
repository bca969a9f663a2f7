"""The contract between the engine and a backend. A new kind of source is one module in ``harvesters/`` with one subclass of `Backend`.

**Who does what.** A backend reads (`Backend.records`) and translates (`Backend.to_dataset`). Everything else is the engine's: requests
and their limits, comparing with what is known, validating, writing, removing, counting, cancelling, storing issues.

**records(http, cursor)** is a generator. It yields a `Record` as soon as it has it and never holds more than a page; it may be left at any
``yield`` (cancel, kill), so it keeps nothing that must be closed except inside ``with``. It tells by ``cursor`` what it knows of the pass:

* ``cursor.expect(n)``: the source says that it has ``n`` records (for progress, and against truncation: fewer than that removes nothing);
* ``cursor.present(guid)``: the record is there though it is not yielded (it could not be read, or did not change since ``cursor.since``);
* ``cursor.incomplete(reason)``: not everything was seen, so nothing may be removed after this pass;
* ``cursor.all_unchanged()``: the source says that nothing changed since the last complete pass (304): all known records count as seen.

A pass is *complete* if the generator ends by itself, nobody called ``incomplete``, ``cursor.since`` was not used to read changes only
(then call ``incomplete(CHANGES_ONLY)``), and as many different guids were seen as were expected. It may raise `SourceError`.

**to_dataset(record)** gives what ``package_create`` takes, without ``id``, ``owner_org`` and ``name`` if it has no wish for one. It reads
``record.content`` (or ``record.parsed``, if it is there), ``self.options`` and ``self.source``, and *nothing else*: no network, no
database, no clock. The engine may call it in another process, later, and twice. Resources may carry ``"guid"``: their own identity at the
source, by which they keep their id here. It may raise `RecordError`, and report what it changed or left out: ``self.report(KIND, …)``.

A dataset may say what it belongs to in the catalogue: ``"links": [{"field": "related_records", "guid", "slug", "permit", "kinds"}]``. The
engine finds the datasets after each pass, also those that come from another source later, and puts them into the field; see `links`.

**The record's hash** decides whether anything is done at all. It covers ``content``, or ``fingerprint`` where the source writes the same
record differently each time (key order, time of export, blank node names); the backend makes those stable.

**Options** are a dataclass whose fields are made by `option`; the admin page draws the form from it and `Options.load` validates it.

**HttpClient** is what ``records`` and ``check`` get; ``harvesters/engine/http.py`` holds the one implementation, ``Client(settings,
keep_going)``, made from `HttpSettings`. A backend opens no connection by any other way.
"""

from __future__ import annotations

import abc
import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import ckan.plugins.toolkit as tk

from .problems import Issue, Kind, RecordError, Severity, SourceError, short

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "CHANGES_ONLY",
    "Backend",
    "Check",
    "Cursor",
    "HttpClient",
    "HttpSettings",
    "Issue",
    "Kind",
    "Options",
    "OptionsError",
    "Record",
    "RecordError",
    "Response",
    "Severity",
    "SourceError",
    "SourceInfo",
    "Stream",
    "Validators",
    "option",
]

#: The reason for ``cursor.incomplete`` of a pass that only asked for what changed.
CHANGES_ONLY = "changes-only"


# -- HTTP


@dataclass(frozen=True)
class Validators:
    """What a source said of a document, to be asked with next time (RFC 9110 §13)."""

    etag: str = ""
    last_modified: str = ""

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)


@dataclass(frozen=True)
class HttpSettings:
    """How a source may be asked. Made by the engine from the source's limits and the site's config.

    :param headers: sent with each request to the source's own host (scheme, host and port) and to no other; may hold credentials
    :param ca_bundle: PEM text of further certificates (roots or missing intermediates) to trust for this source
    :param connect_timeout: seconds
    :param read_timeout: seconds of silence
    :param total_timeout: seconds for one answer, whatever it does
    :param max_bytes: of one answer, after decompression
    :param max_ratio: of decompressed to received bytes (checked above 10 MB)
    :param retries: after the first try, of requests that may be repeated
    :param max_retry_wait: seconds; a longer ``Retry-After`` is not waited for
    :param delay: seconds between two requests to one host
    :param allowed_hosts: host names or addresses (``10.0.0.0/8``) inside the site's network that may be asked all the same
    """

    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_bundle: str = ""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float = 600.0
    max_bytes: int = 200 * 1024 * 1024
    max_ratio: int = 100
    retries: int = 4
    max_retry_wait: float = 60.0
    max_redirects: int = 5
    delay: float = 0.0
    user_agent: str = "ckanext-ogptn harvester"
    allowed_hosts: tuple[str, ...] = ()


@runtime_checkable
class Response(Protocol):
    """A whole answer. ``status`` is 200–299 or 304; anything else was raised as `SourceError` unless the caller allowed it."""

    @property
    def url(self) -> str: ...  # the address after redirects
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...  # any case
    @property
    def content(self) -> bytes: ...  # decompressed; b"" with 304
    @property
    def not_modified(self) -> bool: ...  # 304
    @property
    def validators(self) -> Validators: ...
    def json(self) -> Any:
        """:raises SourceError: not JSON (``unexpected-content`` or ``truncated``)"""
        ...


@runtime_checkable
class Stream(Protocol):
    """An answer that is read bit by bit; a binary file to parsers. ``read`` checks the limits, so it may raise `SourceError`."""

    @property
    def url(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def not_modified(self) -> bool: ...
    @property
    def validators(self) -> Validators: ...
    def read(self, size: int = -1, /) -> bytes: ...


class HttpClient(Protocol):
    """Requests with all limits of `HttpSettings`. Every failure is a `SourceError`."""

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        accept: str = "*/*",
        validators: Validators | None = None,
        max_bytes: int | None = None,
        allow_status: tuple[int, ...] = (),
    ) -> Response:
        """Ask for a document and hold it in memory.

        :param max_bytes: a lower ceiling than the source's
        :param allow_status: statuses of 400 and more that are answers here (404 in “has it this API?”)
        """
        ...

    def stream(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        accept: str = "*/*",
        validators: Validators | None = None,
        max_bytes: int | None = None,
    ) -> AbstractContextManager[Stream]:
        """Ask for a document to be read bit by bit, inside ``with``."""
        ...


# -- options


class OptionsError(ValueError):
    """Options that cannot be taken. ``errors``: ``{option: [sentence, …]}`` in the language of the current request."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__(json.dumps(errors, ensure_ascii=False))


def option(
    default: Any,
    label: Callable[[], str],
    *,
    help: Callable[[], str] | None = None,  # noqa: A002 - what it is
    choices: Callable[[], Mapping[str, str]] | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    multiline: bool = False,
) -> Any:
    """One option of a backend; the field's annotation is its type: ``str``, ``int``, ``bool`` or ``list[str]`` (one value per line).

    :param default: of the annotated type; a list is copied
    :param label: gives the words above the field, in the reader's language: ``lambda: tk._("…")``
    :param choices: gives ``{value: label}``, for ``str``: nothing else is accepted (add ``""`` for “none”)
    :param minimum: of an ``int``
    :param maximum: of an ``int``, or characters of a text (else 2,000)
    """
    metadata = {"label": label, "help": help, "choices": choices, "minimum": minimum, "maximum": maximum, "multiline": multiline}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Options:
    """Options of a backend. Subclass as a frozen dataclass with fields made by `option`; override `check` for rules over several."""

    @classmethod
    def load(cls, given: Mapping[str, Any]) -> Self:
        """Validated options from JSON or from a form's texts (an absent option has its default; an absent ``bool`` in a form is sent as
        ``""``).

        :raises OptionsError: naming every option that is wrong; an unknown option is wrong
        """
        errors: dict[str, list[str]] = {}
        values: dict[str, Any] = {}
        known = {each.name: each for each in dataclasses.fields(cls)}
        for name in given:
            if name not in known:
                errors[str(name)] = [tk._("There is no such option.")]
        for name, each in known.items():
            if name in given:
                try:
                    values[name] = _read(str(each.type), given[name], each.metadata)
                except ValueError as error:
                    errors[name] = [str(error)]
        # Rules over several options see the defaults of those that are wrong; what is wrong already is not said twice.
        loaded = cls(**values)
        errors = {**loaded.check(), **errors}
        if errors:
            raise OptionsError(errors)
        return loaded

    def check(self) -> dict[str, list[str]]:
        """Rules over several options: ``{option: [sentence, …]}``, empty if all is well."""
        return {}

    def dump(self) -> dict[str, Any]:
        """As JSON values; ``load(dump())`` gives the same."""
        return dataclasses.asdict(self)

    @classmethod
    def describe(cls) -> list[dict[str, Any]]:
        """For the form, in the language of the current request: ``[{"name", "type": "text"|"integer"|"boolean"|"list"|"choice", "label",
        "help", "default", "choices": [{"value", "text"}], "minimum", "maximum", "multiline"}]``."""
        described = []
        for each in dataclasses.fields(cls):
            meta = each.metadata
            kind = {"int": "integer", "bool": "boolean", "list[str]": "list"}.get(str(each.type), "choice" if meta["choices"] else "text")
            default = each.default if each.default is not dataclasses.MISSING else []
            described.append(
                {
                    "name": each.name,
                    "type": kind,
                    "label": meta["label"](),
                    "help": meta["help"]() if meta["help"] else "",
                    "default": default,
                    "choices": [{"value": value, "text": text} for value, text in meta["choices"]().items()] if meta["choices"] else [],
                    "minimum": meta["minimum"],
                    "maximum": meta["maximum"],
                    "multiline": meta["multiline"],
                }
            )
        return described


_TRUE = {"true", "on", "yes", "1"}
_FALSE = {"false", "off", "no", "0", ""}


def _read(annotation: str, value: Any, meta: Mapping[str, Any]) -> Any:
    if annotation == "bool":
        text = str(value).strip().lower()
        if text not in _TRUE | _FALSE:
            raise ValueError(tk._("Say yes or no."))
        return text in _TRUE
    if annotation == "int":
        return _read_int(value, meta)
    if annotation == "list[str]":
        items = value.splitlines() if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(tk._("Give a list of texts, one per line."))
        return [_read_text(item, meta) for item in items if item.strip()]
    if annotation != "str":
        raise TypeError(f"an option cannot be of type {annotation}")
    if not isinstance(value, str):
        raise ValueError(tk._("Give a text."))
    text = _read_text(value, meta)
    if meta["choices"] and text not in meta["choices"]():
        raise ValueError(tk._("Choose one of the values offered."))
    return text


def _read_int(value: Any, meta: Mapping[str, Any]) -> int:
    try:
        number = int(str(value).strip())
    except ValueError:
        raise ValueError(tk._("Give a whole number.")) from None
    if meta["minimum"] is not None and number < meta["minimum"]:
        raise ValueError(tk._("At least {minimum}.").format(minimum=meta["minimum"]))
    if meta["maximum"] is not None and number > meta["maximum"]:
        raise ValueError(tk._("At most {maximum}.").format(maximum=meta["maximum"]))
    return number


def _read_text(value: str, meta: Mapping[str, Any]) -> str:
    text = value.replace("\x00", "").strip()
    limit = meta["maximum"] or 2_000
    if len(text) > limit:
        raise ValueError(tk._("At most {maximum} characters.").format(maximum=limit))
    return text


# -- records


class Record:
    """One record of a source.

    :param guid: its identity at the source, stable over years; at most 2,000 characters
    :param content: the record as the source has it: what people see as “raw content”, and all that ``to_dataset`` needs. Or what makes it
        when it is asked for, which of a record that is as it was nobody does; that needs ``fingerprint``
    :param media_type: of ``content``
    :param title: for messages; need not be unique or clean
    :param url: the page or document of the record at the source, ``""`` if there is none
    :param alias: a second identity (CKAN: the slug). A record with an unknown guid and the alias of a record that is no longer there is
        that same record with a new guid; ``""`` if the source has none
    :param modified: the source's own mark of the last change, kept as it is
    :param fingerprint: what the hash covers in place of ``content``
    :param validators: of the record's own document, if it has one
    :param parsed: the content as the backend has already parsed it, to save time; never stored
    """

    __slots__ = ("_content", "alias", "guid", "hash", "media_type", "modified", "parsed", "title", "url", "validators")

    def __init__(
        self,
        guid: str,
        content: bytes | Callable[[], bytes],
        media_type: str = "application/json",
        title: str = "",
        url: str = "",
        alias: str = "",
        modified: str = "",
        fingerprint: bytes | None = None,
        validators: Validators | None = None,
        parsed: Any = None,
    ) -> None:
        self.guid, self._content, self.media_type, self.title, self.url = guid, content, media_type, title, url
        self.alias, self.modified, self.validators, self.parsed = alias, modified, validators or Validators(), parsed
        #: SHA-256 in hexadecimal of what identifies this state of the record.
        self.hash = hashlib.sha256(self.content if fingerprint is None else fingerprint).hexdigest()

    @property
    def content(self) -> bytes:
        if callable(self._content):
            # Once: who translates the record may change what this is made from.
            self._content = self._content()
        return self._content

    @classmethod
    def known(cls, content_hash: str, *args: Any, **kwargs: Any) -> Self:
        """A record whose hash was taken before."""
        made = cls(*args, fingerprint=b"", **kwargs)
        made.hash = content_hash
        return made


@dataclass(frozen=True)
class SourceInfo:
    """What a backend may know of its source.

    :param type: the dataset type that its records become unless they say otherwise
    :param language: ``ar``, ``fr`` or ``en``: of texts that name none
    :param organization: name of the organisation that owns what is harvested
    """

    id: str
    url: str
    title: str = ""
    type: str = "dataset"
    language: str = "ar"
    organization: str = ""


class Cursor:
    """Where a pass stands; how a backend and the engine tell each other. See the module's docstring.

    :param since: begin of the last complete pass; ``None`` when this pass has to see everything
    :param state: what the backend wants to find again at the next pass (validators of documents, say): JSON values, at most 100 KB. The
        engine saves it when the pass ends well, and only then
    """

    def __init__(self, since: dt.datetime | None = None, state: dict[str, Any] | None = None) -> None:
        self.since = since
        self.state: dict[str, Any] = state if state is not None else {}
        self.expected: int | None = None
        self.reasons: list[str] = []
        self.present_guids: list[str] = []
        self.unchanged_all = False

    def expect(self, count: int) -> None:
        """The source says that it has so many records. The last call counts."""
        self.expected = count

    def present(self, guid: str) -> None:
        """The record is at the source, though it is not yielded."""
        self.present_guids.append(guid)

    def incomplete(self, reason: str) -> None:
        """Not everything was seen. ``reason``: a short text or slug for the job's log."""
        reason = short(reason)
        if reason not in self.reasons:
            self.reasons.append(reason)

    def all_unchanged(self) -> None:
        """Nothing changed since the last complete pass."""
        self.unchanged_all = True


@dataclass(frozen=True)
class Check:
    """What trying the connection showed.

    :param title: what the source calls itself, ``""`` if it does not say
    :param first: title of the first record, of sources that have no name of their own; ``""`` if it was not looked at
    :param records: how many it says it has, ``None`` if it does not say
    :param notes: sentences for the person who asked, in the language of the current request
    """

    title: str = ""
    first: str = ""
    records: int | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Record | None, records: int | None = None) -> Self:
        """Of a source that was tried by its first record: says so if there is none.

        :param record: the first one
        :param records: as above
        """
        if record is None and not records:
            return cls(records=records, notes=(tk._("No record was found there. Is it the right address, and the right kind of source?"),))
        return cls(first=(record.title or record.guid) if record else "", records=records)


Reporter = Callable[[Issue], None]


class Backend(abc.ABC):
    """One kind of source. The engine makes one object per job and per worker.

    :cvar name: stable, lower case, unique: stored with the source
    :cvar Options: its options
    :cvar dataset_type: the type that all its records become; ``""`` where a record says its own, or the source's setting counts
    :cvar version: one more whenever the same record becomes another dataset than before: all records are then looked at again
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    dataset_type: ClassVar[str] = ""
    Options: ClassVar[type[Options]] = Options

    def __init__(self, source: SourceInfo, options: Options, reporter: Reporter | None = None) -> None:
        self.source = source
        self.options = options
        self._reporter: Reporter = reporter or (lambda issue: None)  # noqa: ARG005
        self._current: Record | None = None

    @classmethod
    @abc.abstractmethod
    def label(cls) -> str:
        """What people call this kind of source, in the language of the current request."""

    @classmethod
    def description(cls) -> str:
        """One sentence more."""
        return ""

    @abc.abstractmethod
    def records(self, http: HttpClient, cursor: Cursor) -> Iterator[Record]:
        """All records, streamed."""

    @abc.abstractmethod
    def to_dataset(self, record: Record) -> dict[str, Any]:
        """The record as ``package_create`` takes it."""

    def check(self, http: HttpClient) -> Check:
        """Try the connection with as little as possible: the first record, by default.

        :raises SourceError: it cannot be read
        """
        cursor = Cursor()
        for record in self.records(http, cursor):
            return Check.of(record, cursor.expected)
        return Check.of(None, cursor.expected)

    def report(self, kind: Kind, *, guid: str = "", title: str = "", field: str = "", **values: Any) -> None:
        """Store an issue, of the record at hand unless ``guid`` names another."""
        record = self._current
        self._reporter(
            Issue(
                kind,
                guid or (record.guid if record else ""),
                short(title or (record.title if record else "")),
                field,
                {name: short(value) for name, value in values.items()},
            )
        )

    def translate(self, record: Record) -> dict[str, Any]:
        """`to_dataset` with ``report`` knowing the record. For the engine and for tests.

        :raises RecordError: the record is refused
        """
        self._current = record
        try:
            return self.to_dataset(record)
        finally:
            self._current = None
