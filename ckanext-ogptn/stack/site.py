"""The configuration of the site, and the addresses of its services: embedded ones, or the reader's own by CKAN's variables."""

from __future__ import annotations

import configparser
import io
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

import psycopg2
import redis as redis_client
import requests

from .errors import ExitCode, StackError
from .layout import Layout, Secrets, write_private

DATABASE = "ckan"
DATASTORE = "datastore"
ROLE = "ckan"
DATASTORE_ROLE = "datastore_ro"

#: In CKAN's order: a plugin's templates win over those of the plugins after it.
PLUGINS = (
    "ogptn",
    "ogptn_harvest",
    "ogptn_search",
    "scheming_datasets",
    "scheming_organizations",
    "dcat",
    "activity",
    "datastore",
    "datatables_view",
    "text_view",
    "image_view",
)

LOCALES = "ar fr en"


@dataclass(frozen=True)
class External:
    """Services that the reader runs, by CKAN's own variables (CKAN documentation, “Configuration options”, environment variables).

    Every address is ``None`` where the embedded service is to be used.
    """

    database: str | None = None
    datastore_write: str | None = None
    datastore_read: str | None = None
    redis: str | None = None
    solr: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> External:
        def value(name: str) -> str | None:
            return environment.get(name) or None

        return cls(
            database=value("CKAN_SQLALCHEMY_URL"),
            datastore_write=value("CKAN_DATASTORE_WRITE_URL"),
            datastore_read=value("CKAN_DATASTORE_READ_URL"),
            redis=value("CKAN_REDIS_URL"),
            solr=value("CKAN_SOLR_URL"),
        )

    @property
    def needs_postgres(self) -> bool:
        """Whether the embedded PostgreSQL has anything to do."""
        return self.database is None

    @property
    def has_datastore(self) -> bool:
        """With an own main database and no DataStore address there is no DataStore: we do not make databases on other people's servers."""
        return self.database is None or (self.datastore_write is not None and self.datastore_read is not None)

    def check(self) -> None:
        """Say which address is wrong, before CKAN fails on it in a stack trace.

        :raises StackError: naming the variable, the host, and never the password.
        """
        for variable, address in (
            ("CKAN_SQLALCHEMY_URL", self.database),
            ("CKAN_DATASTORE_WRITE_URL", self.datastore_write),
            ("CKAN_DATASTORE_READ_URL", self.datastore_read),
        ):
            if address:
                _check_postgres(variable, address)
        if self.redis:
            _check_redis("CKAN_REDIS_URL", self.redis)
        if self.solr:
            _check_solr("CKAN_SOLR_URL", self.solr)


def without_password(address: str) -> str:
    """``scheme://host:port/path`` of an address, for people to read."""
    parts = urlsplit(address)
    host = parts.hostname or "?"
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _unreachable(variable: str, address: str, reason: str) -> StackError:
    return StackError(
        f"{variable} names {without_password(address)}, which cannot be used: {reason}.",
        f"Correct {variable}, start that service, or unset the variable to use the embedded one.",
        ExitCode.UNREACHABLE,
    )


def _check_postgres(variable: str, address: str) -> None:
    try:
        psycopg2.connect(address.replace("postgresql+psycopg2://", "postgresql://"), connect_timeout=5).close()
    except psycopg2.Error as error:
        lines = str(error).strip().splitlines()
        raise _unreachable(variable, address, lines[0].rstrip(".") if lines else "no answer") from error
    except ValueError as error:
        raise _unreachable(variable, "invalid:", f"it is not an address ({error})") from error


def _check_redis(variable: str, address: str) -> None:
    try:
        with redis_client.Redis.from_url(address, socket_timeout=5, socket_connect_timeout=5) as connection:
            connection.ping()
    except (redis_client.RedisError, OSError) as error:
        raise _unreachable(variable, address, str(error).rstrip(".")) from error
    except ValueError as error:
        raise _unreachable(variable, "invalid:", f"it is not an address ({error})") from error


def _check_solr(variable: str, address: str) -> None:
    try:
        answer = requests.get(f"{address.rstrip('/')}/select", params={"q": "*:*", "rows": "0", "wt": "json"}, timeout=10)
    except requests.RequestException as error:
        reason = "it does not answer" if isinstance(error, (requests.ConnectionError, requests.Timeout)) else type(error).__name__
        raise _unreachable(variable, address, reason) from error
    if answer.status_code != requests.codes.ok:
        raise _unreachable(variable, address, f"it answers {answer.status_code}, so it is no Solr core")


@dataclass(frozen=True)
class Site:
    """What the site is started with.

    ``database``, ``datastore_write``, ``datastore_read``, ``redis``: complete addresses; ``solr``: its address, or ``None`` for
    search in PostgreSQL. ``host``, ``port``: where the web server listens. ``samples``: address of the sample sources of a demonstration,
    or ``None``. ``datastore_embedded``: the DataStore is in the portal's own PostgreSQL.
    """

    database: str
    datastore_write: str | None
    datastore_read: str | None
    redis: str
    solr: str | None
    host: str
    port: int
    site_url: str
    samples: str | None = None
    plugins: tuple[str, ...] = field(default=PLUGINS)
    datastore_embedded: bool = False

    def active_plugins(self) -> tuple[str, ...]:
        left_out: set[str] = set()
        if self.solr:
            left_out.add("ogptn_search")
        if not self.datastore_write:
            left_out |= {"datastore", "datatables_view"}
        return tuple(name for name in self.plugins if name not in left_out)

    def settings(self, layout: Layout, secrets: Secrets) -> dict[str, str]:
        """The ``[app:main]`` section."""
        settings = {
            "use": "egg:ckan",
            "SECRET_KEY": secrets.session,
            "api_token.jwt.encode.secret": f"string:{secrets.beaker}",
            "api_token.jwt.decode.secret": f"string:{secrets.beaker}",
            "sqlalchemy.url": self.database,
            "ckan.redis.url": self.redis,
            "solr_url": self.solr or "http://127.0.0.1:1/answered-by-ogptn_search",
            "ckan.site_id": "ogptn",
            "ckan.site_url": self.site_url,
            "ckan.site_title": "البيانات المفتوحة",
            "ckan.storage_path": str(layout.storage),
            "ckan.plugins": " ".join(self.active_plugins()),
            "ckan.views.default_views": " ".join(v for v in ("datatables_view", "text_view", "image_view") if v in self.active_plugins()),
            "ogptn.commitment_data.dataset": "engagements-gouvernement-ouvert",
            "ckan.locale_default": "ar",
            "ckan.locales_offered": LOCALES,
            "ckan.locale_order": LOCALES,
            "ckan.display_timezone": "Africa/Tunis",
            # No request leaves the site: no picture is asked of a third party.
            "ckan.gravatar_default": "disabled",
            "ckan.auth.user_create_organizations": "false",
            "ckan.auth.user_create_groups": "false",
            "ckan.auth.public_user_details": "false",
            "ckan.activity_streams_email_notifications": "false",
        }
        if self.datastore_write and self.datastore_read:
            settings["ckan.datastore.write_url"] = self.datastore_write
            settings["ckan.datastore.read_url"] = self.datastore_read
            if self.datastore_embedded:
                # As that PostgreSQL makes the words of tables (``default_text_search_config``).
                settings["ckan.datastore.default_fts_lang"] = "simple"
        if self.samples:
            settings["ogptn.samples"] = self.samples
            # This port of this machine and no other: whoever may add sources could otherwise have the worker ask its other services.
            settings["ogptn.harvest.allowed_hosts"] = settings["ogptn.tables.allowed_hosts"] = urlsplit(self.samples).netloc
        return settings

    def write(self, layout: Layout, secrets: Secrets) -> None:
        """Write ``ckan.ini``, 0600. Settings in ``site.ini`` beside it win: that file is the administrator's and never written."""
        settings = self.settings(layout, secrets)
        own = layout.root / "site.ini"
        if own.exists():
            parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
            parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of settings keep their case
            try:
                parser.read(own, encoding="utf-8")
            except configparser.Error as error:
                raise StackError(f"{own} is not a valid configuration file: {error}.", "Correct it, or move it away.") from error
            if parser.has_section("app:main"):
                settings.update(parser.items("app:main"))
        text = io.StringIO()
        text.write("# Written by `ogptn up` at every start. Put settings of your own into [app:main] of site.ini, in this folder.\n")
        text.write("[DEFAULT]\ndebug = false\n\n[app:main]\n")
        for key, value in settings.items():
            text.write(f"{key} = {value.replace('%', '%%') if key != 'use' else value}\n")
        text.write(LOGGING)
        write_private(layout.ini, text.getvalue())


LOGGING = """
[loggers]
keys = root, ckan, ckanext

[handlers]
keys = console

[formatters]
keys = generic

[logger_root]
level = WARNING
handlers = console

[logger_ckan]
level = INFO
handlers = console
qualname = ckan
propagate = 0

[logger_ckanext]
level = INFO
handlers = console
qualname = ckanext
propagate = 0

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic

[formatter_generic]
format = %(asctime)s %(levelname)-5.5s [%(name)s] %(message)s
"""


def installed(distribution: str) -> str | None:
    """The installed version of a distribution, or ``None``."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def address_of(host: str, port: int) -> str:
    """Where a browser on this machine finds the site: a wildcard address is no address to visit."""
    shown = host
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not bound
        shown = socket.gethostname()
    if ":" in shown:
        shown = f"[{shown}]"
    return f"http://{shown}:{port}"
