"""Web addresses of records, from titles in any of the three languages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ckan import model

from . import text as t


def free_name(titles: Mapping[str, str], kind: str, *, organization: bool = False) -> str:
    """A name for a new record that no other has.

    Made from the French title, else the English, else the Arabic one spelled in Latin letters; a taken name gets the first free number.

    :param titles: ``{language: title}``
    :param kind: the record's type, put in front of a title that is only a number
    """
    wanted = t.slug(t.pick(titles, "fr", "en", "ar"), kind)
    table = model.Group if organization else model.Package
    # Names of deleted records stay theirs: a link to one must not lead to another record.
    taken = {name for (name,) in model.Session.query(table.name).filter(table.name.startswith(wanted, autoescape=True))}
    if wanted not in taken:
        return wanted
    number = 2
    while t.numbered(wanted, number) in taken:
        number += 1
    return t.numbered(wanted, number)


def organization_extra(group: Any, name: str) -> str:
    """A field of an organisation that CKAN keeps as an extra; empty when it has none."""
    return (group.extras or {}).get(name) or ""


def organization_titles(group: Any) -> dict[str, str]:
    """An organisation's names: ``{language: name}``; empty when it was made without our schema."""
    return titles_of(group.extras)


def titles_of(extras: Mapping[str, str] | None) -> dict[str, str]:
    """As :func:`organization_titles`, of an organisation's extras alone."""
    try:
        titles = json.loads((extras or {}).get("title_translated") or "{}")
    except ValueError:
        return {}
    return titles if isinstance(titles, dict) else {}
