"""In which encoding a text is written, told from the whole text.

UTF-8 is recognised by being valid to the last byte. Of the one-byte encodings that Arab and European public bodies write, the one is
taken in which the bytes above 127 are letters that stand where letters of that script stand: Arabic letters come in runs, French accents
stand alone between Latin letters. `charset_normalizer` is asked where that tells nothing.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from .findings import TableError
from .limits import Limits

_STEP = 1 << 20
#: Bytes with something above 127 around that are kept for the comparison of encodings.
_SAMPLE = 200_000
#: One-byte encodings that are compared, the more usual first.
_CANDIDATES = ("cp1252", "cp1256", "mac_roman", "cp850", "iso8859_6")
_NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
    "cp1256": "Windows-1256",
    "mac_roman": "Mac Roman",
    "cp850": "DOS 850",
    "iso8859_6": "ISO 8859-6",
}
_FRENCH = frozenset("àâäçéèêëîïôöùûüÿñæœÀÂÄÇÉÈÊËÎÏÔÖÙÛÜÑÆŒ")
_SIGNS = frozenset("«»’‘“”–—…°€£²³·•\u00a0©®µ½¼×§º")
_ARABIC = re.compile("[\u0621-\u063a\u0640-\u0652\u067e\u0686\u06a4\u06af]")
#: What UTF-8 looks like after it was read as Windows-1252: the first byte of a pair, then a character from the place of the second one.
_GARBLED = re.compile("[ÂÃÄÅØÙÐÑ][\u0080-\u00bfŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™]")


@dataclass(frozen=True)
class Encoding:
    """How a text is to be read.

    :ivar codec: Python's name
    :ivar mixed_rows: numbers of the first lines that are not UTF-8 although nearly all others are
    :ivar mixed: how many such lines there are
    :ivar nuls: NUL characters in the text
    :ivar not_ascii: whether the text holds a character above 127
    """

    codec: str
    mixed_rows: tuple[int, ...] = ()
    mixed: int = 0
    nuls: int = 0
    not_ascii: bool = True

    @property
    def name(self) -> str:
        """The usual name."""
        return _NAMES.get(self.codec, self.codec)

    @property
    def guessed(self) -> bool:
        """Nothing in the file says which encoding it is."""
        return not self.codec.startswith("utf")

    @property
    def errors(self) -> str:
        """For :func:`open`: what to do with bytes that are none of the encoding."""
        return "ogptn_as_1252" if self.mixed else "replace"


def _as_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("ogptn_as_1252", _as_1252)


def find_encoding(path: Path, limits: Limits | None = None) -> Encoding:
    """Read the whole file once, in constant memory, and tell how it is encoded.

    :raises TableError: ``line-too-long``, ``undecodable``
    """
    limits = limits or Limits()
    with path.open("rb") as file:
        start = file.read(4096)
        if start.startswith(codecs.BOM_UTF8):
            return _utf8(path, limits, "utf-8-sig")
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return Encoding("utf-16")
    if wide := _bare_utf16(start):
        return Encoding(wide)
    return _utf8(path, limits, "utf-8")


def _bare_utf16(start: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of Latin text is zero; of Arabic text every other byte is 6, but for blanks and digits."""
    if len(start) < 4:
        return None
    even, odd = start[0::2], start[1::2]
    for codec, high in (("utf-16-le", odd), ("utf-16-be", even)):
        low = even if high is odd else odd
        if (high.count(0) + high.count(6)) / len(high) > 0.9 and high.count(0) > len(high) * 0.05 and low.count(0) < len(low) * 0.05:
            return codec
    return None


def _utf8(path: Path, limits: Limits, codec: str) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, since, nuls = True, 0, 0
    sample = bytearray()
    not_ascii = False
    with path.open("rb") as file:
        while piece := file.read(_STEP):
            nuls += piece.count(0)
            since = _since_line_end(piece, since)
            if since > limits.max_line * 4:
                raise TableError("line-too-long", limit=limits.max_line)
            if valid:
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    valid = False
            ascii_only = piece.isascii()
            not_ascii = not_ascii or not ascii_only
            if len(sample) < _SAMPLE and not ascii_only:
                for found in re.finditer(rb"[^\r\n]*[\x80-\xff][^\r\n]*", piece):
                    sample += found[0][:2000] + b"\n"
                    if len(sample) >= _SAMPLE:
                        break
        if valid:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                valid = False
    if valid:
        return Encoding(codec, nuls=nuls, not_ascii=not_ascii)
    good, bad, rows = _lines(path)
    if codec == "utf-8-sig" or good > 10 * bad:
        return Encoding(codec, tuple(rows), bad, nuls)
    return Encoding(single_byte(bytes(sample)), nuls=nuls)


def _since_line_end(piece: bytes, since: int) -> int:
    last = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
    return since + len(piece) if last < 0 else len(piece) - last


def _lines(path: Path) -> tuple[int, int, list[int]]:
    """Lines with characters above 127 that are UTF-8, lines that are not, and the numbers of the first of these."""
    good = bad = 0
    rows: list[int] = []
    number = 0
    rest = b""
    with path.open("rb") as file:
        while True:
            piece = file.read(_STEP)
            lines = (rest + piece).splitlines(keepends=True)
            # The last line may go on in the next piece.
            rest = lines.pop() if piece and lines else b""
            for line in lines:
                number += 1
                if line.isascii():
                    continue
                try:
                    line.decode()
                    good += 1
                except UnicodeDecodeError:
                    bad += 1
                    if len(rows) < 20:
                        rows.append(number)
            if not piece:
                break
    return good, bad, rows


def single_byte(sample: bytes) -> str:
    """The one-byte encoding in which a text makes most sense.

    :param sample: lines with bytes above 127
    :raises TableError: ``undecodable``
    """
    scores = {codec: _score(sample, codec) for codec in _CANDIDATES}
    best = max(scores, key=lambda codec: (scores[codec], -_CANDIDATES.index(codec)))
    if scores[best] >= 0.5:
        return best
    found = from_bytes(sample).best()
    if found is None or found.chaos > 0.3:
        raise TableError("undecodable", tried=", ".join(_NAMES[codec] for codec in _CANDIDATES))
    return found.encoding


def _score(sample: bytes, codec: str) -> float:
    """From below 0 to 1: how well the characters above 127 fit their neighbours."""
    text = sample.decode(codec, "replace")
    points = total = 0.0
    for position, character in enumerate(text):
        if character < "\x80":
            continue
        total += 1
        before = text[position - 1] if position else "\n"
        after = text[position + 1] if position + 1 < len(text) else "\n"
        if _ARABIC.match(character):
            # Alone among Latin letters it is a French accent that was read in the wrong way.
            alone = not (_ARABIC.match(before) or _ARABIC.match(after))
            latin = (before.isascii() and before.isalpha()) or (after.isascii() and after.isalpha())
            points += -1 if latin and alone else 0.3 if alone else 1
        elif character in _FRENCH:
            lone = not (before in _FRENCH and after in _FRENCH)
            # A capital letter inside a small word is unlikely: "tŽlŽphone" in Mac Roman read as Windows-1252 has such.
            odd = character.isupper() and before.islower()
            points += -0.5 if odd else 1 if lone else -0.5
        elif character in _SIGNS:
            # A sign inside a word is unlikely, but for the apostrophe.
            inside = before.isalpha() and after.isalpha() and character != "’"
            points += -0.5 if inside else 0.6
        elif character.isalpha():
            points += -0.3
        else:
            points -= 1
    return points / total if total else 1.0


def meant(text: str) -> str | None:
    """What a text said before its UTF-8 was read as Windows-1252 and written again: ``"BÃ©ja"`` was ``"Béja"``.

    :returns: None when nothing suggests it
    """
    if text.isascii() or not _GARBLED.search(text):
        return None
    raw = bytearray()
    for character in text:
        if character < "\x80" or "\x80" <= character <= "\x9f":
            raw.append(ord(character))
            continue
        try:
            raw += character.encode("cp1252")
        except UnicodeEncodeError:
            return None
    try:
        found = raw.decode()
    except UnicodeDecodeError:
        return None
    return found if found != text else None
