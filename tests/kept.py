"""CKAN's plugins stay loaded, and its application made, for as long as the tests in a row want the same site.

CKAN's fixtures load every plugin before a test and unload them behind it, and ``make_app`` does both once more: 0.4 s and 0.5 s in which
YAML is read, settings are declared and templates are looked for, to arrive where the test before was. :func:`install` puts functions of
this module in the place of CKAN's. They do the same work, but not again while *nothing* that it depends on has changed: the settings
(compared, all of them), the environment that CKAN reads settings from, the plugins loaded, and the database's engine. Whatever loads or
unloads a plugin by itself is seen.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ckan import authz, logic, model
from ckan import plugins as p
from ckan.common import config
from ckan.config import environment, middleware
from ckan.lib import app_globals
from ckan.plugins import core
from webassets.bundle import Bundle

#: Settings that CKAN reads when it needs them, and that tests give a value of their own.
READ_LATE = ("smtp.server",)
#: Applications kept: of sites that a few parametrised tests ask for in turn.
MOST_APPLICATIONS = 8


@dataclass
class Site:
    """A site as loading left it: settings before and behind it, and what else it stands on."""

    before: dict[str, Any]
    after: dict[str, Any]
    environment: dict[str, str | None]
    plugins: list[str]
    engine: Any

    def stands(self) -> bool:
        """Whether loading now would arrive at this same site."""
        return (
            self.plugins == core._PLUGINS
            and model.meta.engine is self.engine
            and self.environment == _environment()
            and _settings() in (self.before, self.after)
        )


_site: Site | None = None
_applications: list[tuple[dict[str, Any], Any]] = []
_load_all: Callable[..., None] = p.load_all
_make_flask_stack: Callable[[], Any] = middleware.make_flask_stack
_plugins_update: Callable[[], None] = core.plugins_update
_bundle_urls: Callable[..., list[str]] = Bundle.urls
_KEPT_URLS = "_ogptn_kept_urls"


def install() -> None:
    """Put the functions of this module in the place of CKAN's, for the rest of the process."""
    p.load_all, p.unload_all, middleware.make_flask_stack, core.plugins_update = load_all, leave, make_flask_stack, plugins_update
    setattr(Bundle, "urls", urls)  # noqa: B010 - the type checker takes it for one of another class


def load_all(force_update: bool = False) -> None:
    """CKAN's ``load_all``: all plugins of the setting ``ckan.plugins``, and the site set up for them."""
    global _site
    if _site and _site.stands():
        _restore(_site.after)
        _refresh()
        return
    _site = None
    before = copy.deepcopy(_settings())
    _load_all(force_update)
    _site = Site(before, copy.deepcopy(_settings()), _environment(), list(core._PLUGINS), model.meta.engine)


def leave() -> None:
    """In place of CKAN's ``unload_all`` behind a test: whether a plugin has to go is known when the next test begins."""


def unload_all() -> None:
    """Before a test that wants no plugins: CKAN's ``unload_all``."""
    if core._PLUGINS:
        core.unload_all()


def plugins_update() -> None:
    """CKAN's: whatever loads or unloads a plugin calls it. What was kept no longer stands."""
    global _site
    _site = None
    _plugins_update()


def make_flask_stack() -> Any:
    """CKAN's application for the settings as they are."""
    settings = copy.deepcopy(_settings())
    for known, application in _applications:
        if known == settings:
            return application
    application = _make_flask_stack()
    # Making it adds settings; a later call compares those that it begins with.
    _applications.append((settings, application))
    del _applications[:-MOST_APPLICATIONS]
    return application


def urls(bundle: Bundle, *more: Any, **named: Any) -> list[str]:
    """The addresses of a bundle of styles or scripts: webassets compares the times of all its files for every page, a fifth of what a page
    costs, and no file changes while tests run."""
    if more or named:
        return _bundle_urls(bundle, *more, **named)
    if _KEPT_URLS not in bundle.__dict__:
        bundle.__dict__[_KEPT_URLS] = _bundle_urls(bundle)
    return list(bundle.__dict__[_KEPT_URLS])


def _settings() -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in READ_LATE}


def _restore(settings: dict[str, Any]) -> None:
    late = {key: config[key] for key in READ_LATE if key in config}
    config.clear()
    config.update({**copy.deepcopy(settings), **late})


def _refresh() -> None:
    """What CKAN does at every loading and a test may have spoilt: functions remembered, values shown by templates, the site's own user."""
    logic.clear_actions_cache()
    logic.clear_validators_cache()
    authz.clear_auth_functions_cache()
    app_globals.app_globals._init()
    logic.get_action("get_site_user")({"ignore_auth": True}, {})
    model.Session.remove()


def _environment() -> dict[str, str | None]:
    return {option: os.environ.get(name) for option, name in environment.CONFIG_FROM_ENV_VARS.items()}
