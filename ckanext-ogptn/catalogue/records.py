"""What happens to a record when CKAN reads or writes it."""

from __future__ import annotations

from typing import Any

from ckan.types import Context

from . import text as t
from . import vocabulary
from .config import reader_language


def after_show(context: Context, package: dict[str, Any]) -> None:  # noqa: ARG001
    """Name the licence in the reader's language: CKAN's own register does not know ours."""
    name_licence(package, reader_language())


def name_licence(package: dict[str, Any], language: str) -> None:
    """Say of a record what its licence is called, where it can be read and whether it is open.

    CKAN's index keeps the record as it was shown to whoever indexed it, in their language: a page or a search names the licence anew.

    :param package: with ``license_id``
    :param language: of the name: ``ar``, ``fr`` or ``en``
    """
    code = package.get("license_id")
    term = vocabulary.get("licences").find(code) if isinstance(code, str) and code else None
    if term is not None:
        package["license_title"] = t.pick(term.label, language)
        address = term.more.get("url") or term.uri
        if address:
            package["license_url"] = address
        package["isopen"] = bool(term.more.get("open"))
