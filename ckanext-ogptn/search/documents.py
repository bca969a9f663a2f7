"""From a document as CKAN sends it to what the index keeps of it."""

from __future__ import annotations

import re
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

    def pack(self) -> bytes:
        return zlib.compress(msgspec.msgpack.encode((self.terms, self.numbers, self.lengths)), 1)

    @classmethod
    def unpack(cls, data: bytes) -> Forward:
        return cls(*_decoder.decode(zlib.decompress(data)))


_decoder = msgspec.msgpack.Decoder(tuple[dict[str, dict[str, list[int]]], dict[str, int], dict[str, int]])


@dataclass
class Document:
    """A document ready to be written.

    :param stored: what ``fl`` can ask for, packed, without the two long JSON fields.
    """

    index_id: str
    id: str
    name: str
    modified: str
    forward: Forward
    stored: bytes
    data_dict: bytes | None
    validated_data_dict: bytes | None
    #: What was sent, packed: another index can be filled from it.
    source: bytes = b""


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
    """Check and analyse one document.

    :raises BadRequestError: as Solr refuses it: a required field missing, several values where one is allowed, a malformed date or number.
    """
    for required in REQUIRED:
        if document.get(required) is None:
            raise BadRequestError(f"[doc={document.get('index_id')}] missing required field: {required}")
    document = {name: _storable(value) for name, value in document.items()}
    identity = str(document["index_id"])
    values: dict[str, list[str]] = {}
    for name, value in document.items():
        # pysolr leaves out what is empty.
        if value is None or (isinstance(value, str | list | tuple | dict) and not len(value)):
            continue
        texts = _values(identity, field_of(name), value)
        if texts:
            values[name] = texts
    if "indexed_ts" not in values:
        values["indexed_ts"] = [format_date(int(datetime.now(timezone.utc).timestamp() * 1000))]

    indexed: dict[str, list[str]] = {}
    for name, texts in values.items():
        indexed.setdefault(name, []).extend(texts)
        for target in copies(name):
            indexed.setdefault(target, []).extend(texts)

    forward = Forward()
    french = analysis.looks_french(" ".join(" ".join(values.get(name, ())) for name in ("title", "notes", "res_name", "res_description")))
    stored: dict[str, Any] = {}
    for name, texts in indexed.items():
        spec = field_of(name)
        _index(forward, identity, spec, texts, french=french)
        if spec.stored and name in values and spec.kind is not Kind.NONE:
            shown: list[Any] = [format_date(forward.numbers[name])] if spec.kind is Kind.DATE else list(values[name])
            stored[name] = shown if spec.multi else shown[0]
    for name in ("title", "name"):
        if name in values:
            stored[f"{name}_ngram"] = values[name][0]

    def long_json(name: str) -> bytes | None:
        return zlib.compress(values[name][0].encode(), 1) if name in values else None

    return Document(
        index_id=identity,
        id=values["id"][0],
        name=values.get("name", [""])[0],
        modified=values.get("metadata_modified", [""])[0],
        forward=forward,
        stored=zlib.compress(msgspec.msgpack.encode(stored), 1),
        data_dict=long_json("data_dict"),
        validated_data_dict=long_json("validated_data_dict"),
        source=zlib.compress(
            msgspec.msgpack.encode({name: value for name, value in document.items() if name not in LONG_FIELDS}, enc_hook=str), 1
        ),
    )


def _index(forward: Forward, identity: str, spec: Field, texts: list[str], *, french: bool) -> None:
    if spec.kind is Kind.NONE:
        return
    if spec.kind in (Kind.DATE, Kind.INT):
        forward.numbers[spec.name] = _number(identity, spec, texts[0])
    elif spec.kind is Kind.STRING:
        forward.terms[spec.name] = {string_term(text): [] for text in texts}
    elif spec.kind is Kind.NGRAM:
        lower = texts[0].lower()
        forward.terms[spec.name] = {lower[:2000]: []}
        forward.lengths[spec.name] = ngram_length(lower)
    else:
        terms, length = analysis.index_positions(texts, stemmed=spec.kind is Kind.TEXT, french=french)
        forward.terms[spec.name] = terms
        forward.lengths[spec.name] = length


def unpack_source(data: bytes) -> dict[str, Any]:
    """The document as it was sent, without the two long JSON fields."""
    return msgspec.msgpack.decode(zlib.decompress(data))


def unpack_document(source: bytes, data_dict: bytes | None, validated_data_dict: bytes | None) -> dict[str, Any]:
    """The document as it was sent."""
    document = unpack_source(source)
    for name, packed in zip(LONG_FIELDS, (data_dict, validated_data_dict), strict=True):
        if packed is not None:
            document[name] = unpack_text(packed)
    return document


def unpack_stored(data: bytes) -> dict[str, Any]:
    return msgspec.msgpack.decode(zlib.decompress(data))


def unpack_text(data: bytes) -> str:
    return zlib.decompress(data).decode()
