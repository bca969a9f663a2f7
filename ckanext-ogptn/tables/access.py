"""How a file may be asked for whose site wants to know who asks, or shows a certificate that nobody else knows.

Who knows that says so with :func:`known_by`: the harvest engine, of the sources that people gave it credentials for. Here nothing of it is
kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ckan import model

from ..fetch import Credentials


@dataclass(frozen=True)
class Access:
    """What is shown to one site, and to no other.

    :ivar origin: an address of that site; scheme, host and port count
    :ivar ca_certificates: PEM: what besides the system's authorities is trusted for it; may be empty
    :ivar credentials: of that site; ``None`` for none
    """

    origin: str
    ca_certificates: str = ""
    credentials: Credentials | None = None


_known: list[Callable[[model.Resource], Access | None]] = []


def known_by(function: Callable[[model.Resource], Access | None]) -> None:
    """Have a function asked about each file that is fetched; it answers ``None`` for those that are not its own. Twice is once."""
    if function not in _known:
        _known.append(function)


def to(resource: model.Resource) -> Access | None:
    """How a resource's file may be asked for; ``None``: as anybody."""
    return next((found for function in _known if (found := function(resource)) is not None), None)
