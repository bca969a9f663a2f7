"""From a stored source to the objects that a job needs: backend, options, HTTP settings, cursor."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any

from ckan import model

from . import config, credentials
from .base import Backend, HttpClient, HttpSettings, Reporter, SourceInfo
from .model import Source
from .problems import Kind, Severity, SourceError
from .registry import backends

import ckan.plugins.toolkit as tk  # isort: skip

UNKNOWN_BACKEND = Kind(
    "unknown-backend",
    Severity.ERROR,
    lambda: tk._("No installed plugin harvests sources of the kind “{backend}”."),
    lambda: tk._("Install the extension that does, or choose another kind for the source."),
)


def info(source: Source) -> SourceInfo:
    """What the backend may know of its source."""
    group = model.Session.get(model.Group, source.owner_org)
    return SourceInfo(source.id, source.url, source.title, source.dataset_type, source.language, group.name if group else "")


def backend_of(source: Source, reporter: Reporter | None = None) -> Backend:
    """The backend with the source's options.

    :raises SourceError: no such backend is installed
    :raises OptionsError: the stored options are wrong for the installed release of it
    """
    found = backends().get(source.backend)
    if found is None:
        raise SourceError(UNKNOWN_BACKEND, backend=source.backend)
    return found(info(source), found.Options.load(source.options or {}), reporter)


def settings(source: Source) -> HttpSettings:
    """How the source may be asked.

    :raises SourceError: its credentials cannot be had
    """
    limits = source.limits or {}
    return HttpSettings(
        base_url=source.url,
        headers=credentials.headers(source),
        ca_bundle=source.ca_bundle,
        read_timeout=float(config.limit(limits, "timeout", "timeout")),
        max_bytes=config.limit(limits, "max_mb", "max_megabytes") << 20,
        delay=float(limits.get("delay") or 0),
        allowed_hosts=config.allowed_hosts(),
        user_agent=f"ckanext-ogptn harvester ({tk.config.get('ckan.site_url')})",
    )


def http_client(source: Source, keep_going: Callable[[], None]) -> HttpClient:
    """The hardened client for this source.

    :param keep_going: called between parts of an answer and while waiting; raises to stop
    """
    from .http import Client

    def going() -> bool:
        keep_going()
        return True

    return Client(settings(source), going)


def salt(source: Source) -> str:
    """What, besides its content, decides what becomes of a record: a change of the source's settings is a change of every record."""
    parts: list[Any] = [source.backend, source.options, source.dataset_type, source.language, source.owner_org, source.url]
    backend = backends().get(source.backend)
    if backend is not None and backend.version > 1:
        parts.append(backend.version)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def state_hash(salted: str, content_hash: str) -> str:
    """The hash that a record is planned with."""
    return hashlib.sha256(f"{salted}{content_hash}".encode()).hexdigest()


def due_full(source: Source, now: dt.datetime) -> bool:
    """Whether the next pass has to look at everything."""
    days = config.limit(source.limits or {}, "full_days", "full_days")
    return source.last_full is None or now - source.last_full > dt.timedelta(days=days)
