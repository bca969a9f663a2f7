"""What every test may use: a clean site, a real HTTP server, a live portal, a real browser."""

from __future__ import annotations

import functools
import logging
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import yaml
from aiosmtpd.controller import Controller
from ckan import model
from ckan import plugins as p
from ckan.cli.db import current_revision
from ckan.config import middleware
from ckan.lib import jobs
from ckan.model import user
from ckan.plugins import core as plugins_core
from ckan.tests import helpers
from pytest_factoryboy import register
from sqlalchemy.orm import close_all_sessions
from werkzeug.serving import make_server

from tests import factories, kept
from tests.mail import Letters
from tests.services import keep_bytecode

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

# CKAN and scheming read all their YAML files, and look through every installed package, four times for each application that a test makes.
# Read by libyaml, and looked through once, the same costs a tenth. Where libyaml is missing everything works as before.
yaml.safe_load = functools.partial(yaml.load, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
plugins_core.entry_points = functools.cache(plugins_core.entry_points)
kept.install()
# As strong as the passwords of tests have to be: 25,000 rounds are 15 ms for every user made.
user.pbkdf2_sha512 = user.pbkdf2_sha512.using(rounds=10)
# For what tests start, also where pytest was not started by tests.services.
keep_bytecode(os.environ)

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared"
WITH_TABLES = ("activity", "ogptn", "ogptn_harvest", "ogptn_search")
#: Widths in CSS pixels that pages are looked at in.
WIDTHS = {"wide": 1280, "phone": 390}
LANGUAGES = ("ar", "fr", "en")

for _name, _factory in {
    "steward": factories.StewardFactory,
    "agency": factories.AgencyFactory,
    "open_dataset": factories.OpenDatasetFactory,
    "commitment": factories.CommitmentFactory,
    "budget": factories.BudgetFactory,
    "extractive": factories.ExtractiveFactory,
}.items():
    register(_factory, _name)


# -- the site


@pytest.fixture(autouse=True)
def _every_logger_speaks() -> None:
    """Reading a CKAN configuration file anew, as its command line does, silences every logger that exists by then."""
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(autouse=True)
def _no_plugins_but_where_asked_for(request: pytest.FixtureRequest) -> None:
    """``with_plugins`` leaves them loaded for the next test that asks for them."""
    if "with_plugins" not in request.fixturenames:
        kept.unload_all()


@pytest.fixture(autouse=True)
def _addresses_of_the_whole_site() -> Iterator[None]:
    """Outside of a request CKAN builds addresses with the last application that was made, which a test may have made of fewer plugins."""
    kept = middleware._internal_test_request_context
    yield
    middleware._internal_test_request_context = kept


@pytest.fixture(scope="session")
def _tables_made() -> set[str]:
    """Plugins whose tables were made in this run."""
    return set()


@pytest.fixture(scope="session")
def reset_db() -> Callable[[], None]:
    """CKAN's, which asks for each of 40 tables whether it exists and empties it; ours asks once for all, and sends one statement."""

    def empty_or_make() -> None:
        if not model.repo.tables_created_and_initialised:
            helpers.reset_db()
            return
        close_all_sessions()
        assert model.meta.engine
        with model.meta.engine.begin() as connection:
            there = set(connection.scalars(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
            names = [t.name for t in reversed(model.repo.metadata.sorted_tables) if t.name in there and t.name != "alembic_version"]
            quoted = connection.dialect.identifier_preparer.quote
            connection.exec_driver_sql("; ".join(f"DELETE FROM {quoted(name)}" for name in names))  # noqa: S608 - CKAN's own names

    return empty_or_make


@pytest.fixture
def clean_db(with_plugins: None, reset_db: Callable[[], None], migrate_db_for: Callable[[str], None], reset_index, _tables_made: set[str]):
    """CKAN's ``clean_db`` with our plugins loaded, their tables made, and an empty index."""
    reset_db()
    for plugin in WITH_TABLES:
        if plugin not in _tables_made and p.plugin_loaded(plugin) and current_revision(plugin):
            migrate_db_for(plugin)
            _tables_made.add(plugin)
    if p.plugin_loaded("ogptn_search") or os.environ.get("CKAN_SOLR_URL"):
        reset_index()


@pytest.fixture
def shared() -> Path:
    """The folder of reference material beside the project. Skips, saying so, where it is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"no reference material in {SHARED.name}/ beside the project")
    return SHARED


# -- a real HTTP server


@dataclass
class Answer:
    """What :class:`SourceServer` says to a path: ``body`` bytes, or a function that writes to the handler itself (to be slow, to lie)."""

    body: bytes | Callable[[BaseHTTPRequestHandler], None] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class SourceServer:
    """A real HTTP server on a free loopback port. ``requests`` lists what it was asked: ``(method, path, headers)``."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                if length:
                    self.rfile.read(length)
                outer.requests.append((self.command, self.path, dict(self.headers)))
                found = outer.answers.get(self.path) or outer.answers.get(self.path.split("?", 1)[0]) or Answer(b"not found", 404)
                if callable(found.body):
                    found.body(self)
                    return
                self.send_response(found.status)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in found.headers:
                    self.send_header("Content-Length", str(len(found.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(found.body)

            do_GET = do_HEAD = do_POST = answer  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def says(self, path: str, body: bytes | str | Callable[[BaseHTTPRequestHandler], None], status: int = 200, **headers: str) -> str:
        """Have ``path`` answered so; header names with ``_`` for ``-``. Returns the whole address."""
        content = body.encode() if isinstance(body, str) else body
        self.answers[path] = Answer(content, status, {name.replace("_", "-"): value for name, value in headers.items()})
        return self.url + path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def http_server() -> Iterator[SourceServer]:
    server = SourceServer()
    yield server
    server.close()


@contextmanager
def in_time(seconds: float = 30) -> Iterator[None]:
    """What is done inside ends, or fails: for input that was made to keep a program busy for years. Only in the main thread."""

    def late(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"not done within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# -- a live portal


@contextmanager
def serve(application: Any) -> Iterator[str]:
    """A WSGI application on a free loopback port. Gives its address."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def portal(clean_db: None, ckan_config: dict[str, Any], make_app: Callable[[], Any]) -> Iterator[str]:
    """The site of ``test.ini``, with our plugins, answering real requests in this process: content comes from the factories.

    Gives its address, without a slash at the end.
    """
    app = make_app()
    with serve(app.app) as address:
        ckan_config["ckan.site_url"] = address
        yield address


# -- a real browser


def chromium() -> str | None:
    """The browser: ``OGPTN_CHROMIUM``, or what the path has."""
    named = os.environ.get("OGPTN_CHROMIUM")
    return named or next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("NO BROWSER TESTS: there is no Chromium; install Debian's package “chromium” or set OGPTN_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield started
        started.close()


@dataclass
class Watch:
    """What a page did that it must not do."""

    console_errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    #: Console errors that the test expects: parts of their text (an asked-for 404 is one).
    expected: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        console = [text for text in self.console_errors if not any(part in text for part in self.expected)]
        return [f"console: {text}" for text in console] + [f"request to another site: {url}" for url in self.strangers]


@pytest.fixture
def page_watch() -> Watch:
    return Watch()


@pytest.fixture
def page(browser: Browser, portal: str, page_watch: Watch) -> Iterator[Page]:
    """A fresh page whose relative addresses are the portal's. The test fails if it wrote an error to the console, or asked anything of
    another site; errors that are wanted go into ``page_watch.expected``."""
    context = browser.new_context(base_url=portal, viewport={"width": WIDTHS["wide"], "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(60_000)

    def console(message: ConsoleMessage) -> None:
        if message.type == "error":
            page_watch.console_errors.append(message.text)

    def request(sent: Request) -> None:
        if not sent.url.startswith((portal, "data:", "blob:", "about:")):
            page_watch.strangers.append(sent.url)

    opened = context.new_page()
    opened.on("console", console)
    opened.on("pageerror", lambda error: page_watch.console_errors.append(str(error)))
    context.on("request", request)
    yield opened
    context.close()
    assert not page_watch.complaints()


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Callable[..., Path]:
    """``screenshot(page, "home", language="ar", width="phone")`` saves a picture of the whole page below ``.cache/screenshots``
    (``OGPTN_SCREENSHOTS``) and gives its path."""
    folder = Path(os.environ.get("OGPTN_SCREENSHOTS") or HERE.parent / ".cache" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str, *, language: str, width: str) -> Path:
        height = page.viewport_size["height"] if page.viewport_size else 900
        page.set_viewport_size({"width": WIDTHS[width], "height": height})
        path = folder / f"{name}-{language}-{width}.png"
        page.screenshot(path=str(path), full_page=True)
        return path

    return take


@pytest.fixture
def log_in(portal: str) -> Callable[[Page, str, str], None]:
    """``log_in(page, name, password)`` through the log-in form."""

    def act(page: Page, name: str, password: str) -> None:
        page.goto("/en/user/login")
        page.fill("#field-login", name)
        page.fill("#field-password", password)
        page.press("#field-password", "Enter")
        page.wait_for_load_state("networkidle")

    return act


@pytest.fixture
def mail(ckan_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Letters]:
    """A mail server, and a site that sends its mail there."""
    letters = Letters()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(letters, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setitem(ckan_config, "smtp.server", f"127.0.0.1:{port}")
    jobs.get_queue().empty()
    yield letters
    controller.stop()
