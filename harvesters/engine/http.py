"""The engine's HTTP: `ckanext.ogptn.fetch` in the terms of the contract in `base`, faults as problems of the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from ckanext.ogptn import fetch
from ckanext.ogptn.fetch import errors
from ckanext.ogptn.fetch.answer import read_json

from . import problems
from .base import HttpSettings, Validators
from .problems import Cancelled, Kind, Severity, SourceError

if TYPE_CHECKING:
    from typing_extensions import Self

_MEGABYTE = 1024 * 1024

#: Faults that have a problem of their own in `problems`, with the words of a source's settings.
_KNOWN = {
    "inside-address": problems.INSIDE_ADDRESS,
    "too-large": problems.TOO_LARGE,
    "truncated": problems.TRUNCATED,
    "too-many-redirects": problems.TOO_MANY_REDIRECTS,
    "redirect-loop": problems.TOO_MANY_REDIRECTS,
    "connect-timeout": problems.TIMED_OUT,
    "read-timeout": problems.TIMED_OUT,
    "total-timeout": problems.TIMED_OUT,
    "bad-status": problems.BAD_STATUS,
    "not-found": problems.NOT_FOUND,
    "forbidden": problems.FORBIDDEN,
    "server-error": problems.SERVER_ERROR,
    "unreachable": problems.NO_CONNECTION,
    "web-page": problems.NOT_EXPECTED,
    "malformed": problems.MALFORMED,
}


def _kind(slug: str) -> Kind:
    return Kind(slug, Severity.ERROR, lambda: errors.cause(slug), lambda: errors.remedy(slug))


#: All faults of fetching as kinds of problem.
KINDS: dict[str, Kind] = {slug: _KNOWN.get(slug) or _kind(slug) for slug in errors.slugs() if slug != "stopped"}


def source_error(error: fetch.FetchError) -> SourceError:
    """A fault of fetching as a problem of the source."""
    values = dict(error.details)
    if error.slug == "too-large":
        values["limit"] = round(values["limit"] / _MEGABYTE) or 1
    elif error.slug == "truncated":
        values["reason"] = f"{values['received']} / {values['expected']} B"
    elif error.slug == "web-page":
        values["found"] = f"HTML “{values['title']}”"
    elif error.slug == "inside-address":
        values["address"] = error.url
    return SourceError(KINDS[error.slug], **values)


class Client:
    """The contract's `HttpClient`. Close it, or use it in ``with``.

    :param keep_going: asked while waiting and reading; ``False`` ends with `Cancelled`
    :raises SourceError: ``certificate-shape``: the settings' certificates are none
    """

    def __init__(self, settings: HttpSettings, keep_going: Callable[[], bool] | None = None) -> None:
        self._stopped = (lambda: not keep_going()) if keep_going else (lambda: False)
        with _told():
            self._client = fetch.Client(
                limits=fetch.Limits(
                    connect_timeout=settings.connect_timeout,
                    read_timeout=settings.read_timeout,
                    total_timeout=settings.total_timeout,
                    max_bytes=settings.max_bytes,
                    max_ratio=settings.max_ratio,
                    max_redirects=settings.max_redirects,
                    retries=settings.retries,
                    max_wait=settings.max_retry_wait,
                    pause=settings.delay,
                ),
                addresses=fetch.AddressPolicy.of(settings.allowed_hosts),
                ca_certificates=settings.ca_bundle,
                credentials=fetch.Credentials(settings.base_url, settings.headers) if settings.headers else None,
                user_agent=settings.user_agent,
                should_stop=self._stopped,
            )

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
        """See `base.HttpClient`.

        :raises SourceError: any of `KINDS`
        :raises Cancelled: the job is not wanted any more
        """
        with self._answer(url, params, accept, validators, max_bytes, allow_status) as answer:
            return Response(answer)

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        accept: str = "*/*",
        validators: Validators | None = None,
        max_bytes: int | None = None,
    ) -> Iterator[Stream]:
        """See `base.HttpClient`. The answer is complete, in a temporary file, before the first byte is read: a connection that breaks in
        the middle is tried again instead of giving half a source.

        :raises SourceError: any of `KINDS`
        :raises Cancelled: the job is not wanted any more
        """
        with self._answer(url, params, accept, validators, max_bytes, ()) as answer:
            yield Stream(answer, self._stopped)

    def _answer(
        self,
        url: str,
        params: Mapping[str, str | int] | None,
        accept: str,
        validators: Validators | None,
        max_bytes: int | None,
        allow_status: tuple[int, ...],
    ) -> fetch.Answer:
        known = validators or Validators()
        with _told():
            return self._client.get(
                url,
                params=params,
                headers={"Accept": accept},
                etag=known.etag or None,
                last_modified=known.last_modified or None,
                max_bytes=min(max_bytes, self._client.limits.max_bytes) if max_bytes else None,
                allow_status=allow_status,
            )

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Headed:
    """What answers of both kinds tell: where from, status, headers, validators."""

    def __init__(self, answer: fetch.Answer) -> None:
        self._answer = answer

    @property
    def url(self) -> str:
        return self._answer.url

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def media_type(self) -> str:
        return self._answer.media_type

    @property
    def not_modified(self) -> bool:
        return self._answer.not_modified

    @property
    def validators(self) -> Validators:
        return Validators(self._answer.etag or "", self._answer.last_modified or "")


class Response(_Headed):
    """The contract's `Response`."""

    def __init__(self, answer: fetch.Answer) -> None:
        super().__init__(answer)
        self._content = answer.bytes()

    @property
    def content(self) -> bytes:
        return self._content

    def json(self) -> Any:
        """The content as JSON.

        :raises SourceError: ``unexpected-content``
        """
        with _told():
            return read_json(self._content, self._answer.url)


class Stream(_Headed):
    """The contract's `Stream`: a binary file for parsers."""

    def __init__(self, answer: fetch.Answer, stopped: Callable[[], bool]) -> None:
        super().__init__(answer)
        self._stopped = stopped

    @property
    def file(self) -> IO[bytes]:
        """The content, for parsers that seek."""
        return self._answer.file

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return self._answer.size

    def read(self, size: int = -1, /) -> bytes:
        if self._stopped():
            raise Cancelled
        return self._answer.file.read(size)

    def refuse_web_page(self, expected: str) -> None:
        """
        :param expected: what should have come
        :raises SourceError: ``unexpected-content``: a page of errors came with the status of a success
        """
        with _told():
            self._answer.refuse_web_page(expected)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except fetch.Stopped:
        raise Cancelled from None
    except fetch.FetchError as error:
        raise source_error(error) from error
