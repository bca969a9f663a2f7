"""What another site answered."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from .errors import FetchError

if TYPE_CHECKING:
    from typing_extensions import Self

_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
#: A comment ends at its first “-->”: were it left open where, twenty of them would be a million ways to read them.
_PAGE = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body|title|center|h1)\b", re.IGNORECASE | re.DOTALL
)


class Answer:
    """A complete answer; its content lies in memory or, when large, in a temporary file. Close it, or use it in ``with``.

    :ivar url: where the content came from, after redirects
    :ivar status: the HTTP status; 304 when the content has not changed since the validators that were sent
    :ivar headers: the answer's headers; names in any case
    :ivar file: the unpacked content, open for reading at its start; empty for 304 and after ``check``
    :ivar size: bytes of the unpacked content
    :ivar moved: the first address answered that the content is permanently elsewhere (301, 308): the new address
    """

    def __init__(self, url: str, status: int, headers: Mapping[str, str], file: IO[bytes], size: int, moved: str | None = None) -> None:
        self.url = url
        self.status = status
        self.headers = headers
        self.file = file
        self.size = size
        self.moved = moved

    @property
    def not_modified(self) -> bool:
        return self.status == 304

    @property
    def etag(self) -> str | None:
        """For ``If-None-Match`` the next time."""
        return self.headers.get("ETag")

    @property
    def last_modified(self) -> str | None:
        """For ``If-Modified-Since`` the next time."""
        return self.headers.get("Last-Modified")

    @property
    def media_type(self) -> str:
        """The declared media type in lower case, without parameters; empty when there is none."""
        return self.headers.get("Content-Type", "").split(";", 1)[0].strip().lower()

    def bytes(self) -> bytes:
        """The whole content."""
        self.file.seek(0)
        return self.file.read()

    def text(self) -> str:
        """The whole content as text: the declared character set if it is one, else UTF-8, else Windows-1252, which never fails."""
        content = self.bytes()
        declared = re.search(r"charset=[\"']?([\w.:-]+)", self.headers.get("Content-Type", ""), re.IGNORECASE)
        for charset in (declared[1] if declared else "utf-8-sig", "utf-8-sig"):
            try:
                return content.decode(charset)
            except (LookupError, UnicodeDecodeError):
                continue
        return content.decode("cp1252", errors="replace")

    def json(self) -> Any:
        """The content as JSON.

        :raises FetchError: ``web-page`` or ``malformed``
        """
        return read_json(self.bytes(), self.url)

    def refuse_web_page(self, expected: str) -> None:
        """Say so when an error page came with the status of a success.

        :param expected: what should have come: ``"RDF"``
        :raises FetchError: ``web-page``
        """
        self.file.seek(0)
        start = self.file.read(4096)
        self.file.seek(0)
        refuse_web_page(start, self.url, expected)

    def close(self) -> None:
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def read_json(content: bytes, url: str) -> Any:
    """JSON in UTF-8, with or without a byte order mark.

    :param url: where it came from
    :raises FetchError: ``web-page`` or ``malformed``
    """
    refuse_web_page(content[:4096], url, "JSON")
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FetchError("malformed", url, expected="JSON", reason=str(error)[:120], retryable=True) from None


def refuse_web_page(start: bytes, url: str, expected: str) -> None:
    """Say so when an error page came with the status of a success.

    :param start: the content's first kilobytes
    :raises FetchError: ``web-page``
    """
    if _PAGE.match(start):
        found = _TITLE.search(start)
        title = html.unescape(" ".join(found[1].decode("utf-8", "replace").split()))[:80] if found else "HTML"
        title = "".join(character for character in title if character.isprintable())
        raise FetchError("web-page", url, title=title, expected=expected, retryable=True)
