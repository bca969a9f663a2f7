"""Which kinds of source there are: every module of ``harvesters/`` is looked at, and every plugin is asked."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache

import ckan.plugins as p

from . import http, problems
from .base import Backend
from .interfaces import IHarvestBackends

PACKAGE = "ckanext.ogptn.harvesters"
_NO_BACKENDS = {"plugin"}


@cache
def _own() -> tuple[type[Backend], ...]:
    """Backends in modules directly below ``harvesters/``."""
    package = importlib.import_module(PACKAGE)
    found: list[type[Backend]] = []
    for module_info in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
        if module_info.ispkg or module_info.name in _NO_BACKENDS:
            continue
        module = importlib.import_module(f"{PACKAGE}.{module_info.name}")
        for value in vars(module).values():
            if (
                inspect.isclass(value)
                and issubclass(value, Backend)
                and not inspect.isabstract(value)
                and value.__module__ == module.__name__
            ):
                found.append(value)
    return tuple(found)


def _all() -> Iterator[type[Backend]]:
    yield from _own()
    for plugin in p.PluginImplementations(IHarvestBackends):
        yield from plugin.get_harvest_backends()


def kind_of(slug: str) -> problems.Kind | None:
    """The kind of problem with this slug, whichever module declares it: a web server that never read a source has to tell what went wrong
    when a worker did. None if no installed backend declares it any more."""
    if known := problems.kind(slug) or http.KINDS.get(slug):
        return known
    backends()
    return problems.kind(slug)


def backends() -> dict[str, type[Backend]]:
    """All kinds of source by name.

    :raises ValueError: two have the same name
    """
    found: dict[str, type[Backend]] = {}
    for backend in _all():
        if found.setdefault(backend.name, backend) is not backend:
            raise ValueError(f"two harvest backends are called {backend.name!r}: {found[backend.name]} and {backend}")
    return found
