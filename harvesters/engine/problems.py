"""What can be wrong with a source or a record: kinds of problem with a stable slug, and the errors that carry them.

An issue is stored as its slug and its values; the sentences are made when somebody reads them, in the reader's language. A kind is
declared once, at module level, next to the code that finds it::

    NO_LICENCE = Kind(
        "missing-licence",
        Severity.WARNING,
        lambda: tk._("The record names no licence."),
        lambda: tk._("Ask the publisher for the licence, or set a default licence in the source's options."),
    )

Slugs are lower-case words joined by hyphens, and never change once released: filters, statistics and links to help depend on them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import ckan.plugins.toolkit as tk

#: No value of an issue is kept longer than this (characters): a hostile record must not fill the table.
VALUE_LIMIT = 500


class Severity(str, enum.Enum):
    """How bad: an ``error`` refuses a record or ends a job, a ``warning`` changes or omits something and goes on."""

    ERROR = "error"
    WARNING = "warning"


_kinds: dict[str, Kind] = {}


@dataclass(frozen=True)
class Kind:
    """One kind of problem. Declaring it registers it.

    :param slug: stable, unique
    :param cause: gives the sentence that says plainly what is wrong, with ``{placeholders}`` for the values of an issue
    :param remedy: gives the sentence that says what to do
    :raises ValueError: the slug is taken by another kind
    """

    slug: str
    severity: Severity
    cause: Callable[[], str]
    remedy: Callable[[], str]

    def __post_init__(self) -> None:
        if self.slug in _kinds:
            raise ValueError(f"two kinds of problem are called {self.slug!r}")
        _kinds[self.slug] = self

    def say(self, values: Mapping[str, Any]) -> str:
        """The cause in the language of the current request, with the values of an issue in it."""
        return self.cause().format_map(_Values(values))

    def advise(self, values: Mapping[str, Any]) -> str:
        """What to do, in the language of the current request."""
        return self.remedy().format_map(_Values(values))


class _Values(dict[str, Any]):
    """Values for a sentence: one that is missing (an issue of an older release) shows as an ellipsis."""

    def __missing__(self, key: str) -> str:
        return "…"


def kind(slug: str) -> Kind | None:
    """The kind with this slug; ``None`` if no installed backend declares it any more."""
    return _kinds.get(slug)


def kinds() -> dict[str, Kind]:
    """All kinds by slug."""
    return dict(_kinds)


def short(value: Any) -> str:
    """A value of an issue as text of at most :data:`VALUE_LIMIT` characters, without NUL (PostgreSQL stores none)."""
    text = str(value).replace("\x00", "\ufffd")
    return text if len(text) <= VALUE_LIMIT else text[: VALUE_LIMIT - 1] + "…"


@dataclass(frozen=True)
class Issue:
    """One problem found.

    :param guid: the record's identity at the source; ``""`` for the source as a whole
    :param title: the record's title as far as known, so that a person recognises it
    :param field: the field of the record or dataset (``resources-2-url``), ``""`` for none
    :param values: for the sentence's placeholders; texts, shortened
    """

    kind: Kind
    guid: str = ""
    title: str = ""
    field: str = ""
    values: Mapping[str, str] = dataclass_field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def slug(self) -> str:
        return self.kind.slug


class HarvestError(Exception):
    """What stops a record or a job. Carries the kind of problem and its values; the engine stores it as an issue.

    :param kind: what is wrong
    :param field: the field of the record, if one is to blame
    :param values: for the sentence's placeholders
    """

    def __init__(self, kind: Kind, *, guid: str = "", title: str = "", field: str = "", **values: Any) -> None:
        self.kind = kind
        self.guid = guid
        self.title = title
        self.field = field
        self.values = {name: short(value) for name, value in values.items()}
        super().__init__(f"{kind.slug}: {kind.say(self.values)}")

    @property
    def slug(self) -> str:
        return self.kind.slug

    def issue(self, *, guid: str = "", title: str = "") -> Issue:
        """This error as an issue of the record given, unless it names its own."""
        return Issue(self.kind, self.guid or guid, short(self.title or title), self.field, self.values)


class SourceError(HarvestError):
    """The source cannot be read (further): ends the pass, which then is not complete and removes nothing."""


class RecordError(HarvestError):
    """One record is refused; the pass goes on. A record that is refused is at the source all the same, and is not removed."""


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Somebody cancelled the job, or the worker is being stopped. Never caught by a backend."""


# -- kinds that any backend or the HTTP client may find

NO_CONNECTION = Kind(
    "no-connection",
    Severity.ERROR,
    lambda: tk._("The source does not answer at {url}: {reason}"),
    lambda: tk._("Try the address in a browser. If it answers there, ask your network's administrator whether this server may reach it."),
)
TIMED_OUT = Kind(
    "timed-out",
    Severity.ERROR,
    lambda: tk._("The source took too long to answer at {url} (more than {seconds} seconds)."),
    lambda: tk._("Try again later, or at night; if it stays slow, make the pages smaller in the source's options."),
)
BAD_STATUS = Kind(
    "bad-status",
    Severity.ERROR,
    lambda: tk._("The source answers {url} with HTTP status {status}."),
    lambda: tk._("Open the address in a browser and correct it; if it is right, tell the source's publisher."),
)
NOT_FOUND = Kind(
    "not-found",
    Severity.ERROR,
    lambda: tk._("There is nothing at {url} (HTTP status {status})."),
    lambda: tk._("Open the address in a browser and correct it. A source that moved has a new address; ask its publisher."),
)
FORBIDDEN = Kind(
    "forbidden",
    Severity.ERROR,
    lambda: tk._("The source does not let this site read {url} (HTTP status {status})."),
    lambda: tk._(
        "If the source has credentials here, they are wrong, have expired or do not go so far: enter them anew. If it has none, ask its "
        "publisher for them, or to let this server in."
    ),
)
SERVER_ERROR = Kind(
    "server-error",
    Severity.ERROR,
    lambda: tk._("The source fails to answer {url} (HTTP status {status})."),
    lambda: tk._("Nothing is wrong here. Try again later; if it stays so, tell the source's publisher."),
)
INSIDE_ADDRESS = Kind(
    "inside-address",
    Severity.ERROR,
    lambda: tk._("{host} is an address inside this site's own network ({address}), which sources may not name."),
    lambda: tk._("If this source is meant, an administrator adds the host to ogptn.harvest.allowed_hosts."),
)
TOO_MANY_REDIRECTS = Kind(
    "too-many-redirects",
    Severity.ERROR,
    lambda: tk._("{url} sends on from address to address without end."),
    lambda: tk._("Find the address that works in a browser and use that one."),
)
TOO_LARGE = Kind(
    "too-large",
    Severity.ERROR,
    lambda: tk._("{url} is larger than the {limit} MB that are allowed."),
    lambda: tk._("If the file is right, raise the source's size limit; else ask the publisher for smaller pages."),
)
TRUNCATED = Kind(
    "truncated",
    Severity.ERROR,
    lambda: tk._("The answer of {url} stops in the middle: {reason}"),
    lambda: tk._("Run the job again; if it happens each time, tell the publisher. Nothing is removed after such a run."),
)
NOT_EXPECTED = Kind(
    "unexpected-content",
    Severity.ERROR,
    lambda: tk._("{url} answers with {found}, where {expected} was expected."),
    lambda: tk._("Open the address in a browser: it may be a page of errors or of maintenance, or the source may be of another kind."),
)
MALFORMED = Kind(
    "malformed",
    Severity.ERROR,
    lambda: tk._("The answer of {url} is broken: it is no {expected} that can be read ({reason})."),
    lambda: tk._("Try again later; if it stays so, show the answer to the source's publisher. Nothing is removed after such a run."),
)
NOT_VALID_RECORD = Kind(
    "unreadable-record",
    Severity.ERROR,
    lambda: tk._("The record cannot be read: {reason}"),
    lambda: tk._("Show the raw content to its publisher."),
)
NO_GUID = Kind(
    "missing-identifier",
    Severity.ERROR,
    lambda: tk._("The record has no identifier, so that it could not be found again at the next harvest."),
    lambda: tk._("Ask the publisher to give the record a lasting identifier."),
)
