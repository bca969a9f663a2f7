"""The client: `requests`, with the limits that a site needs that fetches from servers it does not control."""

from __future__ import annotations

import base64
import email.utils
import errno
import functools
import random
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit

import certifi
import requests
import urllib3.exceptions as u
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from . import decoding
from .addresses import AddressPolicy
from .answer import Answer
from .errors import FetchError, Stopped
from .part import Part

if TYPE_CHECKING:
    from typing_extensions import Self

USER_AGENT = "ckanext-ogptn"
_RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Output below which no ratio is suspicious, in bytes: a page of zeros is small enough to be read.
_UNSUSPICIOUS = 10_000_000
#: Bytes by which an attempt brought us further, so that it does not count among the attempts.
_PROGRESS = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What one request may cost. Times in seconds, sizes in bytes.

    :ivar connect_timeout: for the connection, name look-up not included
    :ivar read_timeout: longest silence between two pieces of the answer
    :ivar total_timeout: for one request altogether: retries, waits and redirects
    :ivar max_bytes: unpacked size of the answer
    :ivar max_ratio: unpacked size over sent size, once more than 10 MB were unpacked
    :ivar max_redirects: redirects to follow
    :ivar retries: attempts after the first
    :ivar backoff: wait before the second attempt; doubles each time, up to ``max_wait``, with up to half of it added at random
    :ivar max_wait: longest wait that a server's ``Retry-After`` is granted
    :ivar pause: between the starts of two requests to one host
    :ivar memory: larger answers are kept in a temporary file
    """

    connect_timeout: float = 10
    read_timeout: float = 60
    total_timeout: float = 900
    max_bytes: int = 1_000_000_000
    max_ratio: float = 200
    max_redirects: int = 8
    retries: int = 3
    backoff: float = 1
    max_wait: float = 120
    pause: float = 0
    memory: int = 4_000_000


@dataclass(frozen=True)
class Credentials:
    """What proves who asks; sent only to the site that they are for, never shown.

    :ivar origin: an address of that site; scheme, host and port count
    """

    origin: str
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def token(cls, origin: str, token: str) -> Credentials:
        """As CKAN takes its API tokens: the bare token in ``Authorization``."""
        return cls(origin, {"Authorization": token})

    @classmethod
    def basic(cls, origin: str, user: str, password: str) -> Credentials:
        """HTTP Basic (RFC 7617)."""
        return cls(origin, {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()})

    def for_url(self, url: str) -> Mapping[str, str]:
        """The headers to send with a request to ``url``."""
        return self.headers if same_site(url, self.origin) else {}


@dataclass(frozen=True)
class _Ask:
    """How one request is made and what is taken for an answer."""

    method: str
    headers: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = 0
    conditional: bool = False
    allow_status: tuple[int, ...] = ()
    any_status: bool = False


class Politeness:
    """Keeps the requests of this process to one host apart, whichever threads make them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}

    def turn(self, host: str, pause: float) -> float:
        """Take the next turn. Returns seconds to wait until it comes."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._free_at.get(host, 0))
            self._free_at[host] = at + pause
            if len(self._free_at) > 1000:
                self._free_at = {name: free for name, free in self._free_at.items() if free > now}
            return at - now

    def hold(self, host: str, seconds: float) -> None:
        """A host asked for rest: nobody asks it anything for so long."""
        with self._lock:
            self._free_at[host] = max(self._free_at.get(host, 0), time.monotonic() + seconds)


_POLITENESS = Politeness()


class Client:
    """Fetches with one set of limits, certificates and credentials; keeps connections open between requests. One thread at a time.

    :param addresses: what may be fetched inside the own network; nothing by default
    :param ca_certificates: PEM: the intermediate certificate that a site fails to send, or the authority of a private one
    :param ca_origin: an address of the only site that they are trusted for; scheme, host and port count. All sites when it is not given
    :param should_stop: asked while waiting and reading; true ends the request with `Stopped`
    :param proxy: the web proxy's address
    :raises FetchError: ``certificate-shape``
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        addresses: AddressPolicy | None = None,
        ca_certificates: str | None = None,
        ca_origin: str | None = None,
        credentials: Credentials | None = None,
        user_agent: str = USER_AGENT,
        should_stop: Callable[[], bool] | None = None,
        proxy: str | None = None,
        politeness: Politeness = _POLITENESS,
    ) -> None:
        self.limits = limits or Limits()
        self._addresses = addresses or AddressPolicy()
        self._credentials = credentials
        self._should_stop = should_stop or (lambda: False)
        self._politeness = politeness
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._clock = _Clock()
        self._session = requests.Session()
        # Proxies, credentials and certificates come from our own settings, not from whatever environment the worker was started in.
        self._session.trust_env = False
        self._session.headers = CaseInsensitiveDict({"User-Agent": user_agent, "Accept-Encoding": "gzip, deflate, br", "Accept": "*/*"})
        adapter = _Adapter(tls_context(None if ca_origin else ca_certificates), self._addresses, self._clock)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        if ca_origin and ca_certificates:
            special = _Adapter(tls_context(ca_certificates), self._addresses, self._clock)
            for prefix in _prefixes(ca_origin):
                self._session.mount(prefix, special)

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
        max_bytes: int | None = None,
        allow_status: tuple[int, ...] = (),
    ) -> Answer:
        """Fetch an address, completely.

        :param params: added to the address's query
        :param etag: of the last answer: unchanged content is answered with status 304 and nothing else
        :param last_modified: the same, for sites without ETag
        :param max_bytes: instead of the client's limit
        :param allow_status: statuses of 400 and more whose answers are wanted too
        :raises FetchError: any of :func:`.errors.slugs`, after all retries
        :raises Stopped: ``should_stop`` said so
        """
        asked = dict(headers or {})
        if etag:
            asked["If-None-Match"] = etag
        if last_modified:
            asked["If-Modified-Since"] = last_modified
        return self._fetch(url, params, _Ask("GET", asked, max_bytes or self.limits.max_bytes, bool(etag or last_modified), allow_status))

    def check(self, url: str) -> Answer:
        """Ask whether an address answers, without its content: HEAD, and where a server does not know that, GET cut off after the headers.

        :returns: the answer with any status, 404 and 500 included
        :raises FetchError: there was no answer at all
        """
        try:
            answer = self._fetch(url, None, _Ask("HEAD", any_status=True))
        except FetchError as error:
            if not error.retryable or isinstance(error, Stopped):
                raise
        else:
            # Many servers answer HEAD wrongly: only a GET tells.
            if answer.status < 400:
                return answer
        return self._fetch(url, None, _Ask("GET", any_status=True))

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ---------------------------------------------------------------------------------------------------------------- one request
    def _fetch(self, url: str, params: Mapping[str, Any] | None, ask: _Ask) -> Answer:
        self._clock.start(self.limits.total_timeout)
        address = _prepared(url, params)
        part = Part(self.limits.memory)
        attempt = 0
        try:
            while True:
                had = part.received
                try:
                    return self._attempt(address, ask, part)
                except FetchError as error:
                    if part.received - had >= _PROGRESS and part.rest():
                        # A line that is cut now and then brings a large file all the same: the whole time is what ends it.
                        attempt = 0
                    if not error.retryable or attempt >= self.limits.retries:
                        raise
                    wait = self._wait(attempt, error)
                    if wait > self._clock.left():
                        raise
                    self._sleep(wait, address)
                    attempt += 1
        except BaseException:
            part.forget()
            raise

    def _wait(self, attempt: int, error: FetchError) -> float:
        backoff = min(self.limits.backoff * 2**attempt, self.limits.max_wait)
        # Jitter: several workers that met the same fault must not come back at the same moment.
        wait = backoff + random.uniform(0, backoff / 2)  # noqa: S311 - nothing secret
        asked = error.details.get("retry_after")
        if asked is None:
            return wait
        if asked > self.limits.max_wait:
            raise FetchError("wait-too-long", error.url, status=error.status, seconds=round(asked)) from error
        self._politeness.hold(error.details["host"], asked)
        return max(asked, wait)

    def _sleep(self, seconds: float, url: str) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._should_stop():
                raise Stopped(url)
            time.sleep(min(left, 0.5))

    def _attempt(self, url: str, ask: _Ask, part: Part) -> Answer:
        seen = {url}
        here = url
        moved: str | None = None
        permanently = True
        for _hop in range(self.limits.max_redirects + 1):
            response = self._send(here, ask, part.rest())
            try:
                target = self._redirect(response, here)
                if target is None:
                    return self._read(response, here, ask, part, moved)
                permanently = permanently and response.status_code in (301, 308)
            finally:
                response.close()
            if target in seen and not response.cookies:
                raise FetchError("redirect-loop", here)
            seen.add(target)
            here = target
            moved = target if permanently else moved
        raise FetchError("too-many-redirects", url, limit=self.limits.max_redirects)

    def _redirect(self, response: requests.Response, here: str) -> str | None:
        if response.status_code not in _REDIRECTS:
            return None
        location = self._session.get_redirect_target(response)
        if not location:
            raise FetchError("redirect-nowhere", here, status=response.status_code)
        return _prepared(urljoin(here, location), None)

    def _send(self, url: str, ask: _Ask, rest: Mapping[str, str]) -> requests.Response:
        host = urlsplit(url).hostname or ""
        self._sleep(self._politeness.turn(host, self.limits.pause), url)
        if self._should_stop():
            raise Stopped(url)
        if self._proxies:
            self._check_before_proxy(host, url)
        secret = self._credentials.for_url(url) if self._credentials else {}
        # If-Range says for the rest what these say for the whole.
        asked = {name: value for name, value in ask.headers.items() if not (rest and name in ("If-None-Match", "If-Modified-Since"))}
        request = self._session.prepare_request(requests.Request(ask.method, url, headers={**asked, **rest, **secret}))
        timeout = (self._clock.limit(self.limits.connect_timeout), self._clock.limit(self.limits.read_timeout))
        with _translated(url, self.limits, self._clock):
            return self._session.send(request, stream=True, allow_redirects=False, timeout=timeout, verify=True, proxies=self._proxies)

    def _check_before_proxy(self, host: str, url: str) -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError:
            # The proxy may know names that we do not.
            return
        port = urlsplit(url).port or (443 if url.lower().startswith("https:") else 80)
        if not any(self._addresses.allows(host, str(sockaddr[0]), port) for *_rest, sockaddr in found):
            raise FetchError("inside-address", url)

    # ----------------------------------------------------------------------------------------------------------------- the answer
    def _read(self, response: requests.Response, url: str, ask: _Ask, part: Part, moved: str | None) -> Answer:
        status = response.status_code
        if ask.any_status or (status == 304 and ask.conditional):
            return Answer(url, status, response.headers, tempfile.SpooledTemporaryFile(), 0, moved)
        continued = status == 206 and bool(part.rest())
        if (continued and not part.is_continued_by(response)) or (status == 416 and part.received):
            # Not the rest of what is there: all of it, the next time.
            received = part.received
            part.forget()
            raise FetchError("truncated", url, received=received, expected="?", retryable=True)
        if not 200 <= status < 300 and status not in ask.allow_status:
            raise _status_error(response, url)
        with _translated(url, self.limits, self._clock):
            self._copy(response, url, ask.max_bytes, part, continued)
        answer = Answer(url, 200 if continued else status, part.headers, part.content(), part.size, moved)
        answer.file.seek(0)
        return answer

    def _copy(self, response: requests.Response, url: str, max_bytes: int, part: Part, continued: bool) -> None:
        declared = response.headers.get("Content-Length", "")
        if declared.isdigit() and int(declared) > max_bytes:
            raise FetchError("too-large", url, limit=max_bytes)
        encoding = response.headers.get("Content-Encoding", "")
        try:
            if not continued:
                part.begin(response)
            file = part.content()
            # read1: what is there already. A whole block would be waited for, byte by byte, past every time limit.
            while sent := response.raw.read1(decoding.STEP, decode_content=False):
                part.received += len(sent)
                for piece in part.unpack.feed(sent):
                    part.size += len(piece)
                    if part.size > max_bytes:
                        raise FetchError("too-large", url, limit=max_bytes)
                    if part.size > _UNSUSPICIOUS and part.size > part.received * self.limits.max_ratio:
                        raise FetchError("decompression-bomb", url, ratio=round(self.limits.max_ratio))
                    file.write(piece)
                self._clock.check(url)
                if self._should_stop():
                    raise Stopped(url)
        except decoding.Unreadable:
            raise FetchError("unreadable-compression", url, encoding=encoding[:40]) from None
        if not part.unpack.complete:
            # All came that was sent: there is no rest to ask for.
            received = part.received
            part.forget()
            raise FetchError("truncated", url, received=received, expected="?", retryable=True)


def _prefixes(origin: str) -> list[str]:
    """How the addresses of a site begin, as requests compares them."""
    scheme, host, port = _origin(origin)
    name = f"[{host}]" if ":" in host else host
    usual = [f"{scheme}://{name}/"] if port == {"http": 80, "https": 443}.get(scheme) else []
    return [f"{scheme}://{name}:{port}/", *usual]


def _prepared(url: str, params: Mapping[str, Any] | None) -> str:
    """An address as it is sent: with its parameters, quoted, without its fragment.

    :raises FetchError: ``url-shape``, ``url-credentials``
    """
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        raise FetchError("url-shape", url) from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise FetchError("url-shape", url)
    if parts.username is not None or parts.password is not None:
        raise FetchError("url-credentials", url)
    try:
        prepared = requests.Request("GET", parts._replace(fragment="").geturl(), params=params).prepare().url
    except (requests.RequestException, UnicodeError):
        raise FetchError("url-shape", url) from None
    return requote_uri(prepared or url)


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one site: scheme, host and port. What is no address is of none."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower())


def _status_error(response: requests.Response, url: str) -> FetchError:
    status = response.status_code
    retryable = status in _RETRY_STATUSES
    details: dict[str, Any] = {}
    if retryable and (wait := retry_after(response.headers.get("Retry-After"))) is not None:
        details["retry_after"] = wait
    slug = {401: "forbidden", 403: "forbidden", 404: "not-found", 410: "not-found", 429: "too-many-requests", 503: "too-many-requests"}.get(
        status
    )
    if slug == "too-many-requests" and status == 503 and not details:
        slug = "server-error"
    return FetchError(slug or ("server-error" if status >= 500 else "bad-status"), url, status=status, retryable=retryable, **details)


def retry_after(value: str | None) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait (RFC 9110 section 10.2.3: seconds or a date); None when it says nothing."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


# ------------------------------------------------------------------------------------------------------------------ the connection
class _Clock:
    """The time that one request has left."""

    def __init__(self) -> None:
        self._end = float("inf")
        self.total = 0.0

    def start(self, seconds: float) -> None:
        self.total = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return self._end - time.monotonic()

    def limit(self, seconds: float) -> float:
        return max(0.001, min(seconds, self.left()))

    def check(self, url: str) -> None:
        if self.left() <= 0:
            raise FetchError("total-timeout", url, seconds=round(self.total))


@functools.lru_cache(maxsize=64)
def tls_context(ca_certificates: str | None = None) -> ssl.SSLContext:
    """Verified TLS, with certificates besides those that the system and certifi know.

    :param ca_certificates: PEM. An intermediate completes a chain; it is no authority by itself.
    :raises FetchError: ``certificate-shape``
    """
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    # Not a partial chain: a certificate that was supplied must still lead to an authority that is trusted.
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if ca_certificates and ca_certificates.strip():
        try:
            context.load_verify_locations(cadata=ca_certificates)
        except (ssl.SSLError, ValueError):
            raise FetchError("certificate-shape") from None
    return context


class _Guarded:
    """Mixed into urllib3's connections: the address that is connected to is the one that was checked."""

    addresses: AddressPolicy
    clock: _Clock

    def _new_conn(self) -> socket.socket:
        this = cast("HTTPConnection", self)
        host = this._dns_host.strip("[]")
        try:
            found = socket.getaddrinfo(host, this.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            again = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            raise FetchError("host-unknown", _address(this), retryable=again) from None
        allowed = [entry for entry in found if self.addresses.allows(host, str(entry[4][0]), this.port)]
        if not allowed:
            raise FetchError("inside-address", _address(this))
        failure: OSError | None = None
        for family, kind, protocol, _name, sockaddr in allowed:
            sock = socket.socket(family, kind, protocol)
            try:
                for option in this.socket_options or ():
                    sock.setsockopt(*option)
                if isinstance(this.timeout, (int, float)):
                    sock.settimeout(self.clock.limit(this.timeout))
                sock.connect(sockaddr)
            except OSError as error:
                failure = error
                sock.close()
            else:
                return sock
        if isinstance(failure, TimeoutError):
            raise u.ConnectTimeoutError(this, "timed out") from failure
        raise u.NewConnectionError(this, str(failure)) from failure

    def getresponse(self) -> Any:
        # A server may send its headers one byte at a time, each within the read timeout: the request's own end is kept from outside.
        sock = cast("HTTPConnection", self).sock
        alarm = threading.Timer(max(0.0, min(self.clock.left(), threading.TIMEOUT_MAX)), _hang_up, (sock,))
        alarm.daemon = True
        alarm.start()
        try:
            response = super().getresponse()  # pyright: ignore[reportAttributeAccessIssue] - of the class this is mixed into
        finally:
            alarm.cancel()
        if self.clock.left() <= 0:
            # What was there when we hung up looks like a short but whole answer.
            response.close()
            raise TimeoutError
        return response


def _hang_up(sock: socket.socket | None) -> None:
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It is closed already.
            return


def _address(connection: HTTPConnection) -> str:
    return f"{'https' if isinstance(connection, HTTPSConnection) else 'http'}://{connection.host}:{connection.port}"


class _Adapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext, addresses: AddressPolicy, clock: _Clock) -> None:
        guard = {"addresses": addresses, "clock": clock}
        plain = type("GuardedConnection", (_Guarded, HTTPConnection), guard)
        secure = type("GuardedTLSConnection", (_Guarded, HTTPSConnection), guard)
        self._pools = {
            "http": type("GuardedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("GuardedTLSPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
        self._context = context
        super().__init__(pool_connections=4, pool_maxsize=4)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002 - requests' signature
        # Verification is never off, and the context knows its authorities: requests would read them again at each connection.
        conn.cert_reqs = "CERT_REQUIRED"

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        # The proxy itself is the administrator's choice and usually stands inside.
        return super().proxy_manager_for(*args, ssl_context=self._context, **kwargs)


# ---------------------------------------------------------------------------------------------------- what urllib3 and requests raise
class _translated:  # noqa: N801 - used as a function
    """Turns what the libraries raise into `FetchError`."""

    def __init__(self, url: str, limits: Limits, clock: _Clock) -> None:
        self._url, self._limits, self._clock = url, limits, clock

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, FetchError):
            if error.slug in ("inside-address", "host-unknown"):
                # Known without path at the connection; the reader needs the whole address.
                raise FetchError(error.slug, self._url, retryable=error.retryable) from None
            return
        if isinstance(error, (requests.RequestException, u.HTTPError, HTTPException, OSError, UnicodeError)):
            raise self._told(error) from error

    def _told(self, error: BaseException) -> FetchError:
        if self._clock.left() <= 0:
            return FetchError("total-timeout", self._url, seconds=round(self._clock.total))
        causes = _causes(error)
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return FetchError(_tls_slug(cause), self._url, reason=str(cause.verify_message))
        for cause in causes:
            if isinstance(cause, u.IncompleteRead) and cause.expected:
                return FetchError(
                    "truncated", self._url, received=cause.partial, expected=int(cause.partial or 0) + int(cause.expected), retryable=True
                )
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            return FetchError("connection-refused", self._url, retryable=True)
        for cause in causes:
            if isinstance(cause, OSError) and cause.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL):
                return FetchError("unreachable", self._url, reason=cause.strerror, retryable=True)
        if any(isinstance(cause, (u.ConnectTimeoutError, requests.ConnectTimeout)) for cause in causes):
            return FetchError("connect-timeout", self._url, seconds=round(self._limits.connect_timeout), retryable=True)
        if any(isinstance(cause, (u.ReadTimeoutError, requests.ReadTimeout, TimeoutError)) for cause in causes):
            return FetchError("read-timeout", self._url, seconds=round(self._limits.read_timeout), retryable=True)
        for cause in causes:
            if isinstance(cause, ssl.SSLError):
                return FetchError("tls-failure", self._url, reason=str(cause.reason or cause)[:100])
        if any(
            isinstance(cause, (u.LocationParseError, u.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError)) for cause in causes
        ):
            return FetchError("url-shape", self._url)
        return FetchError("connection-broken", self._url, retryable=True)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found


def _tls_slug(error: ssl.SSLCertVerificationError) -> str:
    # X509_verify_cert_error codes of OpenSSL (x509_vfy.h).
    if error.verify_code in (9, 10):
        return "certificate-expired"
    if error.verify_code in (62, 63, 64):
        return "certificate-name"
    return "certificate-chain" if error.verify_code in (2, 18, 19, 20, 21, 24) else "tls-failure"
