"""What every file of Office Open XML (ISO/IEC 29500) that a stranger sends is asked before it is read: Word documents and workbooks."""

from __future__ import annotations

import zipfile

#: How an OLE file begins: the old kinds, and the new ones under a password.
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: How "EncryptedPackage" is written in an OLE file's directory.
_ENCRYPTED = "Encrypted".encode("utf-16-le")
#: Bytes of all parts unpacked.
LIMIT_UNPACKED = 100 * 1024 * 1024
LIMIT_MEMBERS = 2_000
_MACROS = ("vbaproject.bin", "vbadata.xml")


class OfficeError(ValueError):
    """The file may not be read.

    :ivar slug: ``encrypted``, ``old``, ``macros`` or ``bomb``
    """

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


def refuse_ole(data: bytes) -> None:
    """:raises OfficeError: encrypted, old"""
    if data.startswith(OLE):
        raise OfficeError("encrypted" if _ENCRYPTED in data else "old")


def check(archive: zipfile.ZipFile, *, limit: int = LIMIT_UNPACKED) -> set[str]:
    """The names of the parts, after a look at what the archive says of itself.

    What it says may be a lie: whoever reads a part counts its bytes (:func:`read`).

    :param limit: bytes of all parts unpacked
    :raises OfficeError: encrypted, macros, bomb
    """
    members = archive.infolist()
    names = {member.filename for member in members}
    if any(member.flag_bits & 1 for member in members):
        raise OfficeError("encrypted")
    if any(name.lower().endswith(_MACROS) for name in names):
        raise OfficeError("macros")
    if len(members) > LIMIT_MEMBERS or sum(member.file_size for member in members) > limit:
        raise OfficeError("bomb")
    return names


def read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One part.

    :param limit: bytes
    :raises OfficeError: bomb
    """
    with archive.open(name) as part:
        content = part.read(limit + 1)
    if len(content) > limit:
        raise OfficeError("bomb")
    return content


def declares_entities(content: bytes) -> bool:
    """Whether XML has a document type or entities; what Office writes has neither."""
    return b"<!DOCTYPE" in content[:4096].replace(b"\0", b"") or b"<!ENTITY" in content.replace(b"\0", b"")
