"""Credentials of sources: encrypted in the database, or named as an environment variable. What they are is read here, and shown nowhere.

The value of a header (``Bearer …``, ``Basic …``, a key) is stored as a Fernet token (AES-128-CBC with HMAC-SHA256, as ``cryptography``
specifies it) under the first of the site's keys. All keys decrypt, so that a key is changed without a moment in which nothing works: put
the new one first, restart, ``ckan ogptn-harvest secret rotate``, take the old one away.
"""

from __future__ import annotations

import os
import re
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from . import config
from .model import Source
from .problems import Kind, Severity, SourceError

#: The environment variable with the keys, for sites that keep them out of their configuration file. No source may name it: it does not
#: begin with `config.AUTH_PREFIX`.
KEY_VARIABLE = "CKAN_OGPTN_HARVEST_SECRET_KEY"
#: Characters of a header's value.
LIMIT = 4_000

NO_CREDENTIALS = Kind(
    "missing-credentials",
    Severity.ERROR,
    lambda: tk._("The environment variable {variable}, which should hold the source's credentials, is not set for this worker."),
    lambda: tk._("Set it for web server and workers and restart them, or clear the setting of the source."),
)
BAD_CREDENTIALS = Kind(
    "unusable-credentials",
    Severity.ERROR,
    lambda: tk._("The source's credentials cannot be sent: they hold a line end or a character that no header may have."),
    lambda: tk._("Enter them anew, or set the environment variable {variable} again, in one line."),
)
NO_KEY = Kind(
    "missing-secret-key",
    Severity.ERROR,
    lambda: tk._("The source's credentials are stored encrypted, and this worker has no key to read them."),
    lambda: tk._("Set ogptn.harvest.secret_key, or {variable}, for web server and workers alike, and restart them."),
)
WRONG_KEY = Kind(
    "wrong-secret-key",
    Severity.ERROR,
    lambda: tk._("The source's credentials were encrypted with a key that this worker does not have."),
    lambda: tk._("Add the former key behind the present one in ogptn.harvest.secret_key, or enter the credentials anew."),
)
BAD_KEY = Kind(
    "unusable-secret-key",
    Severity.ERROR,
    lambda: tk._("Number {number} of the keys in ogptn.harvest.secret_key is no key."),
    lambda: tk._("A key is what “ckan ogptn-harvest secret new-key” prints; several are separated by spaces."),
)


def new_key() -> str:
    """A key for ``ogptn.harvest.secret_key``: 32 random bytes, URL-safe base64."""
    return Fernet.generate_key().decode()


def keys() -> list[str]:
    """The site's keys, the one to encrypt with first. The environment comes before the configuration."""
    return (os.environ.get(KEY_VARIABLE) or str(tk.config.get(f"{config.PREFIX}secret_key") or "")).split()


def _fernet() -> MultiFernet:
    """:raises SourceError: there is no key, or one is none"""
    found = keys()
    if not found:
        raise SourceError(NO_KEY, variable=KEY_VARIABLE)
    usable = []
    for number, key in enumerate(found, 1):
        try:
            usable.append(Fernet(key))
        except ValueError:
            # Without the error, which may name the key.
            raise SourceError(BAD_KEY, number=number) from None
    return MultiFernet(usable)


def is_sendable(value: str) -> bool:
    """Whether a header may have this value (RFC 9110 §5.5: visible characters, spaces and tabs inside)."""
    return len(value) <= LIMIT and bool(re.fullmatch(r"[\x21-\x7e\xa0-\xff]([\t\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa0-\xff])?", value))


def encrypt(value: str) -> str:
    """A value as it is stored.

    :raises SourceError: there is no key, or one is none
    """
    return _fernet().encrypt(value.encode()).decode()


def headers(source: Source) -> dict[str, str]:
    """The header with the source's credentials: to be sent to the source's own host, and shown to nobody.

    :raises SourceError: they cannot be had
    """
    if not source.auth_header:
        return {}
    if source.auth_secret:
        try:
            value = _fernet().decrypt(source.auth_secret.encode()).decode()
        except InvalidToken:
            raise SourceError(WRONG_KEY) from None
    elif source.auth_env:
        value = (os.environ.get(source.auth_env) if source.auth_env.startswith(config.AUTH_PREFIX) else None) or ""
        if not value:
            raise SourceError(NO_CREDENTIALS, variable=source.auth_env)
    else:
        return {}
    if not is_sendable(value):
        # The HTTP library would refuse it too, with the value in its message.
        raise SourceError(BAD_CREDENTIALS, variable=source.auth_env or "…")
    return {source.auth_header: value}


def rotate() -> dict[str, Any]:
    """Encrypt all stored credentials anew with the first key. Commits; doing it twice does no harm.

    :returns: ``{"rotated": number, "unreadable": [titles]}``: the latter's keys are not there any more, they have to be entered anew
    :raises SourceError: there is no key, or one is none
    """
    fernet = _fernet()
    done, unreadable = 0, []
    # Of removed sources too: an old key must not be needed for anything.
    for source in model.Session.scalars(sa.select(Source).where(Source.auth_secret != "").order_by(Source.title).with_for_update()):
        try:
            source.auth_secret = fernet.rotate(source.auth_secret.encode()).decode()
        except InvalidToken:
            unreadable.append(source.title)
            continue
        done += 1
    model.Session.commit()
    return {"rotated": done, "unreadable": unreadable}
