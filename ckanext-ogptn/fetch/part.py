"""What came of an answer before its connection was cut, so that only the rest is asked for (RFC 9110, §14: range requests)."""

from __future__ import annotations

import email.utils
import re
import tempfile
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, cast

from . import decoding

if TYPE_CHECKING:
    import requests

_RANGE = re.compile(r"\s*bytes\s+(\d+)-\d+/(\d+|\*)\s*", re.IGNORECASE)
#: Seconds by which content has to be older than its answer for its date to tell one version from another (RFC 9110, §8.8.2.2).
_CERTAIN_AGE = 60


class Part:
    """The beginning of an answer, growing; its rest may come by several requests.

    :ivar file: the content so far, unpacked
    :ivar received: bytes that came, as they were sent
    :ivar size: bytes of them, unpacked
    :ivar headers: of the answer that began it
    :param memory: larger content is kept in a temporary file
    """

    def __init__(self, memory: int) -> None:
        self.received = self.size = 0
        self.headers: Mapping[str, str] = {}
        self.file: IO[bytes] | None = None
        self.unpack: decoding.Decoder = decoding.decoder("")
        self._memory = memory
        self._total = ""
        self._content = False

    def begin(self, response: requests.Response) -> None:
        """A whole answer begins; what there was before is forgotten.

        :raises decoding.Unreadable: it is packed in a way that was not asked for
        """
        self.forget()
        self.headers = response.headers
        self._content = response.status_code == 200
        self._total = response.headers.get("Content-Length", "")
        self.unpack = decoding.decoder(response.headers.get("Content-Encoding", ""))
        # Not a `with`: the answer will own it.
        self.file = cast("IO[bytes]", tempfile.SpooledTemporaryFile(max_size=self._memory))  # noqa: SIM115

    def rest(self) -> dict[str, str]:
        """The headers that ask for the rest, or for all of it where the content is another by now; none where nothing can be kept."""
        return (
            {"Range": f"bytes={self.received}-", "If-Range": version}
            if self.received and self._content and (version := self._version())
            else {}
        )

    def _version(self) -> str:
        """What tells this version of the content from any other, by the byte; empty where nothing does (RFC 9110, §13.1.5)."""
        if self.headers.get("Accept-Ranges", "").strip().lower() == "none":
            return ""
        if etag := self.headers.get("ETag", "").strip():
            return etag if etag.startswith('"') else ""
        changed, sent = (_moment(self.headers.get(name, "")) for name in ("Last-Modified", "Date"))
        return self.headers["Last-Modified"] if changed is not None and sent is not None and sent - changed >= _CERTAIN_AGE else ""

    def is_continued_by(self, response: requests.Response) -> bool:
        """Whether an answer with status 206 is the rest of this one, of the same version, packed in the same way."""
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        same = all(
            response.headers.get(name, self.headers.get(name)) == self.headers.get(name) for name in ("ETag", "Last-Modified")
        ) and response.headers.get("Content-Encoding", "") == self.headers.get("Content-Encoding", "")
        return bool(same and found and int(found[1]) == self.received and (not self._total or found[2] in ("*", self._total)))

    def content(self) -> IO[bytes]:
        """The file that the content goes into; whoever takes it closes it."""
        assert self.file is not None
        return self.file

    def forget(self) -> None:
        """Nothing of it is kept."""
        if self.file is not None:
            self.file.close()
        self.file, self.headers, self.received, self.size, self._total = None, {}, 0, 0, ""


def _moment(value: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError):
        return None
