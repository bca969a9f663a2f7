"""From a document as CKAN sends it to what the index keeps of it."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import msgspec

from . import analysis
from .errors import BadRequestError
from .fields import REQUIRED, Field, Kind, copies
from .fields import field as field_of

#: Terms of one field: the positions of each; empty for fields that are not split in words.
FieldTerms = dict[str, list[int]]

#: JSON texts of the whole dataset: kept beside the other fields, never searched.
LONG_FIELDS = ("data_dict", "validated_data_dict")

_DATE = re.compile(r"([+-]?\d{4,9})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass
class Forward:
    """The index entries of one document.

    :param terms: field name to its terms.
    :param numbers: field name to an integer, dates as milliseconds since 1970.
    :param lengths: number of words in each field that is split in words.
    """

    terms: dict[str, FieldTerms] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """How many places of terms there are."""
        return sum(len(terms) + sum(map(len, terms.values())) for terms in self.terms.values())

    def pack(self) -> bytes:
        return zlib.compress(msgspec.msgpack.encode((self.terms, self.numbers, self.lengths)), 1)

    @classmethod
    def unpack(cls, data: bytes) -> Forward:
        return cls(*_decoder.decode(zlib.decompress(data)))


_decoder = msgspec.msgpack.Decoder(tuple[dict[str, dict[str, list[int]]], dict[str, int], dict[str, int]])


@dataclass
class Contents:
    """What of a document is searched, before its texts are split in words.

    :param texts: values by field, copied fields among them.
    :param numbers: field name to an integer, dates as milliseconds since 1970.
    :param french: the document looks French.
    """

    texts: dict[str, list[str]]
    numbers: dict[str, int]
    french: bool

    def analysed(self) -> Forward:
        forward = Forward(numbers=self.numbers)
        known: dict[bool, dict[str, str | analysis.Positions]] = {True: {}, False: {}}
        for name, texts in self.texts.items():
            spec = field_of(name)
            if spec.kind is Kind.STRING:
                forward.terms[name] = {string_term(text): [] for text in texts}
            elif spec.kind is Kind.NGRAM:
                lower = texts[0].lower()
                forward.terms[name] = {lower[:2000]: []}
                forward.lengths[name] = ngram_length(lower)
            else:
                stemmed = spec.kind is Kind.TEXT
                terms, length = analysis.index_positions(texts, stemmed=stemmed, french=self.french, known=known[stemmed])
                forward.terms[name] = terms
                forward.lengths[name] = length
        return forward


@dataclass
class Document:
    """A document ready to be written.

    :param content: what was sent, packed: what ``fl`` can ask for, and what another index can be filled from.
    """

    index_id: str
    id: str
    name: str
    modified: str
    contents: Contents
    content: bytes


def parse_date(text: str) -> int:
    """Milliseconds since 1970 of a date in Solr's canonical form.

    :raises ValueError: another form.
    """
    match = _DATE.fullmatch(text)
    if not match:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    fraction = (match.group(7) or "")[:3].ljust(3, "0")
    return int((moment - _EPOCH).total_seconds()) * 1000 + int(fraction)


def format_date(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds // 1000, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = milliseconds % 1000
    return f"{moment}.{fraction:03d}Z" if fraction else f"{moment}Z"


def _iso_date(text: str) -> int:
    """A date as CKAN sends it: canonical, or ISO 8601 with an offset, as ``*_date`` fields may have."""
    try:
        return parse_date(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise
        return int((moment - _EPOCH).total_seconds() * 1000)


#: What UTF-8 or PostgreSQL cannot hold: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() and "\x00" not in value else _UNSTORABLE.sub("", value)
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _values(document_id: str, spec: Field, value: Any) -> list[str]:
    """The values of one field as text.

    :raises BadRequestError: several values in a field that takes one; a value that is an object.
    """
    values = value if isinstance(value, list | tuple | set) else [value]
    texts = [_as_text(one) for one in values if one is not None]
    if any(isinstance(one, dict) for one in values):
        raise BadRequestError(f"ERROR: [doc={document_id}] Error adding field '{spec.name}': a value cannot be an object")
    if len(texts) > 1 and not spec.multi:
        raise BadRequestError(
            f"ERROR: [doc={document_id}] multiple values encountered for non multiValued field {spec.name}: [{', '.join(texts)[:200]}]"
        )
    return texts


def _number(document_id: str, spec: Field, text: str) -> int:
    try:
        return _iso_date(text) if spec.kind is Kind.DATE else int(text)
    except ValueError as error:
        what = f"Invalid Date String:'{text}'" if spec.kind is Kind.DATE else f'For input string: "{text}"'
        raise BadRequestError(f"ERROR: [doc={document_id}] Error adding field '{spec.name}'='{text}' msg={what}") from error


def ngram_length(text: str) -> int:
    """How many runs of 2 to 10 characters a text has."""
    return sum(max(0, len(text) - size + 1) for size in range(2, 11))


def string_term(value: str) -> str:
    """The index term of a value that is not split in words; very long ones are cut, as no index key may be as long."""
    if len(value) <= analysis.MAX_TERM:
        return value
    return f"{value[: analysis.MAX_TERM - 34]}\x03{zlib.crc32(value.encode()):08x}"


def prepare(document: Mapping[str, Any]) -> Document:
    """Check one document and lay out what is to be indexed of it.

    :raises BadRequestError: as Solr refuses it: a required field missing, several values where one is allowed, a malformed date or number.
    """
    for required in REQUIRED:
        if document.get(required) is None:
            raise BadRequestError(f"[doc={document.get('index_id')}] missing required field: {required}")
    document = {name: _storable(value) for name, value in document.items()}
    if not document.get("indexed_ts"):
        document["indexed_ts"] = format_date(int(datetime.now(timezone.utc).timestamp() * 1000))
    identity = str(document["index_id"])
    texts: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    for name, value in document.items():
        spec = field_of(name)
        # pysolr leaves out what is empty.
        if value is None or (isinstance(value, _SIZED) and not len(value)):
            continue
        values = [value] if isinstance(value, str) else _values(identity, spec, value)
        if not values or spec.kind is Kind.NONE:
            continue
        if spec.kind in (Kind.DATE, Kind.INT):
            numbers[name] = _number(identity, spec, values[0])
        else:
            texts.setdefault(name, []).extend(values)
        for target in copies(name):
            texts.setdefault(target, []).extend(values)
    french = analysis.looks_french(" ".join(" ".join(texts.get(name, ())) for name in ("title", "notes", "res_name", "res_description")))
    return Document(
        index_id=identity,
        id=_as_text(document["id"]),
        name=_as_text(document.get("name") or ""),
        modified=_as_text(document.get("metadata_modified") or ""),
        contents=Contents(texts, numbers, french),
        content=pack_content(document),
    )


_SIZED = (str, list, tuple, dict)


# -- what is kept of a document


def pack_content(document: Mapping[str, Any]) -> bytes:
    """A document's fields in one compressed piece: the two long JSON texts, which have much in common, first.

    Four-byte lengths of these two, the validated one before the other, go before the piece. One that is missing has the length 0.
    """
    validated, plain = (_as_text(document.get(name) or "").encode() for name in reversed(LONG_FIELDS))
    rest = msgspec.msgpack.encode({name: value for name, value in document.items() if name not in LONG_FIELDS}, enc_hook=str)
    return _SIZES.pack(len(validated), len(plain)) + zlib.compress(validated + plain + rest, 1)


_SIZES = struct.Struct("<II")


def unpack_long(data: bytes, name: str) -> str | None:
    """One of the two long JSON texts."""
    validated, plain = _SIZES.unpack_from(data)
    start, size = (0, validated) if name == "validated_data_dict" else (validated, plain)
    if not size:
        return None
    # The rest need not be unpacked.
    return zlib.decompressobj().decompress(data[_SIZES.size :], start + size)[start:].decode()


def unpack_content(data: bytes) -> dict[str, Any]:
    """The document as it was sent."""
    validated, plain = _SIZES.unpack_from(data)
    whole = zlib.decompress(data[_SIZES.size :])
    document: dict[str, Any] = msgspec.msgpack.decode(whole[validated + plain :])
    for name, text in (("data_dict", whole[validated : validated + plain]), ("validated_data_dict", whole[:validated])):
        if text:
            document[name] = text.decode()
    return document


def stored(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a document that was sent as a search gives them back."""
    identity = str(document["index_id"])
    shown: dict[str, Any] = {}
    for name, value in document.items():
        spec = field_of(name)
        if not spec.stored or value is None or (isinstance(value, _SIZED) and not len(value)):
            continue
        values: list[Any] = _values(identity, spec, value)
        if not values:
            continue
        if spec.kind is Kind.DATE:
            values = [format_date(_number(identity, spec, values[0]))]
        shown[name] = values if spec.multi else values[0]
        if name in ("title", "name"):
            shown[f"{name}_ngram"] = values[0]
    return shown
