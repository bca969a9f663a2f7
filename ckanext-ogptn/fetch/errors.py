"""What can go wrong between this site and another, each with a stable slug and a sentence that says what to do."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import ckan.plugins.toolkit as tk

#: Query parameters that sites use for secrets, whole or as the last word of a name (``access_token``, ``X-Amz-Signature``).
_SECRET = re.compile(r"(?:^|[-_.])(?:api)?(?:key|token|secret|password|passwd|pwd|auth|signature|sig|credential)$|apikey$", re.IGNORECASE)


class FetchError(Exception):
    """Something could not be fetched.

    :ivar slug: what happened; it does not change between versions
    :ivar url: the address, without credentials
    :ivar details: what the message mentions
    :ivar retryable: the same request may succeed a little later
    :ivar status: the HTTP status, when there was an answer
    """

    def __init__(self, slug: str, url: str = "", *, retryable: bool = False, status: int | None = None, **details: Any) -> None:
        super().__init__(slug)
        self.slug = slug
        self.url = shown(url)
        self.retryable = retryable
        self.status = status
        self.details: dict[str, Any] = {"url": self.url, "host": host_of(url), **details}
        if status is not None:
            self.details["status"] = status

    def __str__(self) -> str:
        return message(self.slug, **self.details)


class Stopped(FetchError):  # noqa: N818 - not a fault: somebody asked for it
    """Whoever asked wants no answer any more (a cancelled job)."""

    def __init__(self, url: str = "") -> None:
        super().__init__("stopped", url)


def shown(url: str, limit: int = 300) -> str:
    """An address as it may be shown and logged: without user name, password and secret parameters, on one line, not too long."""
    try:
        parts = urlsplit(url)
        netloc = parts.netloc.rsplit("@", 1)[-1]
        query = parts.query
        if query:
            pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
            if any(_SECRET.search(name) for name, _value in pairs):
                query = urlencode([(name, "…" if _SECRET.search(name) else value) for name, value in pairs], safe="…/:,")
        url = urlunsplit((parts.scheme, netloc, parts.path, query, ""))
    except ValueError:
        # Not an address; whatever stands before an @ may be a password.
        url = url.rsplit("@", 1)[-1]
    url = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in url)
    return url if len(url) <= limit else url[:limit] + "…"


def host_of(url: str) -> str:
    """The host of an address, empty when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def message(slug: str, **details: Any) -> str:
    """Tell the reader, in the reader's language, what happened and what to do.

    :raises KeyError: no fault has this slug
    """
    return f"{cause(slug)} {remedy(slug)}".format(**details)


def cause(slug: str) -> str:
    """What happened, in the reader's language, with ``{placeholders}`` for the details."""
    return _messages()[slug][0]


def remedy(slug: str) -> str:
    """What to do, in the reader's language."""
    return _messages()[slug][1]


def slugs() -> tuple[str, ...]:
    """The slugs of all faults."""
    return tuple(_messages())


def _messages() -> dict[str, tuple[str, str]]:
    _ = tk._
    ask = _("Tell the administrators of {host}.")
    later = _("Try again later; if it stays so, tell the administrators of {host}.")
    return {
        "url-shape": (_("“{url}” cannot be fetched."), _("Give a whole address that begins with http:// or https:// and names a site.")),
        "url-credentials": (
            _("The address of {host} holds a user name or a password."),
            _("Remove them from the address and use the fields meant for them."),
        ),
        "host-unknown": (_("The site {host} cannot be found."), _("Check the spelling of its name; if it is right, try again later.")),
        "inside-address": (
            _("{url} leads into this site’s own network and was not fetched."),
            _("If that is wanted, an administrator allows the host “{host}” in the configuration."),
        ),
        "connection-refused": (_("{host} refuses connections: the server is probably stopped."), later),
        "unreachable": (_("There is no way from here to {host} ({reason})."), _("Check this server’s network and the address.")),
        "connect-timeout": (_("{host} did not accept a connection within {seconds} seconds."), later),
        "read-timeout": (_("{host} fell silent while answering {url}: nothing came for {seconds} seconds."), later),
        "total-timeout": (
            _("{url} was not complete after {seconds} seconds and was given up."),
            _("Try again later, ask for smaller pieces, or raise the time limit."),
        ),
        "connection-broken": (_("The connection to {host} broke off while {url} was read."), later),
        "truncated": (_("{url} ended too early: {received} of {expected} bytes came."), later),
        "too-large": (_("{url} is larger than the limit of {limit} bytes."), _("Raise the limit, or ask the source for smaller pieces.")),
        "decompression-bomb": (_("{url} unpacks to more than {ratio} times what was sent, as an attack would, and was not read."), ask),
        "unreadable-compression": (_("{url} is compressed in a way that cannot be read ({encoding})."), ask),
        "not-found": (_("{url} does not exist at the source (answer {status})."), _("Correct the address.")),
        "forbidden": (_("{host} does not let us read {url} (answer {status})."), _("Check the credentials or ask {host} for access.")),
        "too-many-requests": (
            _("{host} asks for fewer requests (answer {status} to {url})."),
            _("Run it later, or set a longer pause between requests."),
        ),
        "wait-too-long": (_("{host} asks to wait {seconds} seconds before the next request."), _("Run it later.")),
        "server-error": (_("{host} failed to answer {url} (answer {status})."), later),
        "bad-status": (_("{host} answered {url} with {status}, which is no content."), _("Check the address.")),
        "redirect-loop": (_("{url} redirects in a circle."), ask),
        "too-many-redirects": (_("{url} redirects more than {limit} times."), _("Use the address where it ends.")),
        "redirect-nowhere": (_("{url} redirects without saying where to."), ask),
        "certificate-expired": (
            _("The certificate of {host} has expired or is not yet valid."),
            _("The administrators of {host} must renew it."),
        ),
        "certificate-name": (
            _("The certificate of {host} is for another site."),
            _("Check the address or tell the administrators of {host}."),
        ),
        "certificate-chain": (
            _("{host} does not send the whole chain of its certificate, or an unknown authority issued it."),
            _("Add the missing certificate, in PEM form, to the source; the connection stays verified."),
        ),
        "tls-failure": (_("No safe connection to {host} is possible ({reason})."), ask),
        "certificate-shape": (
            _("These are no certificates in PEM form."),
            _("Paste the text from BEGIN CERTIFICATE to END CERTIFICATE, both lines included."),
        ),
        "web-page": (
            _("{url} answered a web page (“{title}”) where {expected} was expected."),
            _("Open the address in a browser: the source may be in repair, or the address may be wrong."),
        ),
        "malformed": (_("{url} is not valid {expected}: {reason}."), later),
        "stopped": (_("The fetching of {url} was stopped."), _("Start it again when wanted.")),
    }
