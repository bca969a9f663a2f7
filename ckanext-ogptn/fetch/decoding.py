"""Unpacking what comes compressed, in bounded steps: a few bytes can stand for gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Protocol

import brotli

STEP = 65_536


class Unreadable(ValueError):  # noqa: N818 - as `rules` says what is wrong, not that it is an error
    """The compressed data are damaged, or of an unknown kind."""


class Decoder(Protocol):
    """Turns compressed pieces into plain ones, of about ``STEP`` bytes at most."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...

    @property
    def complete(self) -> bool: ...


class _Plain:
    complete = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Zlib:
    """gzip (RFC 1952, several members included) and deflate (RFC 1950; servers also send bare RFC 1951)."""

    def __init__(self, gzip: bool) -> None:
        self._window = 16 + zlib.MAX_WBITS if gzip else zlib.MAX_WBITS
        self._gzip = gzip
        self._inner = zlib.decompressobj(self._window)
        self._started = False

    @property
    def complete(self) -> bool:
        return self._inner.eof or not self._started

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner.eof:
                # Another member may follow; padding after the last one is dropped, as gzip itself does.
                if not (self._gzip and data.startswith(b"\x1f\x8b")):
                    return
                self._inner = zlib.decompressobj(self._window)
            try:
                piece = self._inner.decompress(data, STEP)
            except zlib.error as error:
                if self._gzip or self._started:
                    raise Unreadable(str(error)) from None
                self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
                self._started = True
                continue
            self._started = True
            data = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
            if piece:
                yield piece


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._started = False

    @property
    def complete(self) -> bool:
        return self._inner.is_finished() or not self._started

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._started = True
        try:
            piece = self._inner.process(data, output_buffer_limit=STEP)
            while piece:
                yield piece
                if self._inner.is_finished():
                    return
                piece = self._inner.process(b"", output_buffer_limit=STEP)
        except brotli.error as error:
            raise Unreadable(str(error)) from None


def decoder(encoding: str) -> Decoder:
    """A decoder for a ``Content-Encoding``.

    :raises Unreadable: it is none that we asked for
    """
    kinds: dict[str, Any] = {
        "": _Plain,
        "identity": _Plain,
        "gzip": lambda: _Zlib(gzip=True),
        "x-gzip": lambda: _Zlib(gzip=True),
        "deflate": lambda: _Zlib(gzip=False),
        "br": _Brotli,
    }
    name = encoding.strip().lower()
    if name not in kinds:
        raise Unreadable(name)
    return kinds[name]()
