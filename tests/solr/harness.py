"""A real Solr 9 for the tests, from Maven Central: installed once, started on a free loopback port, always stopped.

The core's schema is CKAN's own ``schema.xml``, taken from the installed package, so that what passes here passes on a Solr as CKAN's
users run it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ckan
import psutil
import requests

from ckanext.ogptn.stack.layout import read_json, write_private
from ckanext.ogptn.stack.process import LOOPBACK, Running, tail

HERE = Path(__file__).resolve().parent
CORE = "ckan"
#: Java's minor version does not matter; Solr 9 needs 11, and a source file started without a compiler step needs 11 as well.
OLDEST_JAVA = 11
START_SECONDS = 90.0
#: CKAN's schema names these files; the stock set-up ships them empty.
EMPTY_FILES = ("protwords.txt", "synonyms.txt", "stopwords.txt")


class SolrUnavailableError(Exception):
    """Solr cannot run here; the message is a sentence for a person."""


def cache_folder() -> Path:
    """``OGPTN_SOLR_CACHE``, or ``.cache/solr`` in the project."""
    configured = os.environ.get("OGPTN_SOLR_CACHE")
    return Path(configured).expanduser().resolve() if configured else HERE.parents[1] / ".cache" / "solr"


def stock_schema() -> Path:
    """CKAN's ``schema.xml`` in the installed package."""
    return Path(ckan.__file__).parent / "config" / "solr" / "schema.xml"


def _java_major(java: str) -> int:
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    quoted = output.partition('"')[2].partition('"')[0]
    first = quoted.partition(".")[0]
    return int(first) if first.isdigit() else 0


def require_tools() -> tuple[str, str]:
    """Paths of ``java`` and ``mvn``.

    :raises SolrUnavailableError: one is missing, or Java is too old.
    """
    java, maven = shutil.which("java"), shutil.which("mvn")
    missing = [name for name, found in (("Java 17 (java)", java), ("Maven (mvn)", maven)) if not found]
    if missing or not java or not maven:
        raise SolrUnavailableError(
            f"Solr cannot be started: {' and '.join(missing)} not found. Debian: apt install openjdk-17-jdk-headless maven"
        )
    major = _java_major(java)
    if major < OLDEST_JAVA:
        raise SolrUnavailableError(
            f"Solr cannot be started: Java {OLDEST_JAVA} or later is needed, {java} is version {major or 'unknown'}."
        )
    return java, maven


def install() -> Path:
    """Solr's jars, fetched once per content of ``pom.xml``. Returns their folder.

    :raises SolrUnavailableError: no Java, no Maven, or Maven could not fetch them.
    """
    _java, maven = require_tools()
    pom = HERE / "pom.xml"
    folder = cache_folder() / f"lib-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="lib-part-", dir=folder.parent))
    try:
        command = [maven, "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={draft}", "-DincludeScope=runtime"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])
            raise SolrUnavailableError(f"Maven could not fetch Solr from Maven Central. Its last words:\n{last}")
        # Another run may have been quicker; its folder is as good as ours.
        with suppress(OSError):
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def write_home(home: Path) -> None:
    """A Solr home with one empty core on CKAN's schema."""
    conf = home / CORE / "conf"
    conf.mkdir(parents=True)
    (home / "solr.xml").write_text("<solr/>\n", encoding="utf-8")
    (home / CORE / "core.properties").write_text(f"name={CORE}\n", encoding="utf-8")
    shutil.copyfile(stock_schema(), conf / "schema.xml")
    shutil.copyfile(HERE / "solrconfig.xml", conf / "solrconfig.xml")
    for name in EMPTY_FILES:
        (conf / name).touch()


@dataclass(frozen=True)
class SolrInstance:
    """A Solr that answers: ``url`` is what CKAN wants in ``solr_url``; ``home`` holds its index and dies with it."""

    url: str
    home: Path
    running: Running

    def memory_bytes(self) -> int:
        """Resident memory of its process."""
        return int(psutil.Process(self.running.pid).memory_info().rss)

    def heap_bytes(self) -> int:
        """Heap in use, after Solr's own count."""
        answer = requests.get(f"{self.url.rpartition('/')[0]}/admin/info/system", params={"wt": "json"}, timeout=10)
        return int(answer.json()["jvm"]["memory"]["raw"]["used"])

    def index_bytes(self) -> int:
        """Size of the index on disk, without the update log."""
        folder = self.home / CORE / "data" / "index"
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

    def stop(self) -> None:
        self.running.stop((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))
        shutil.rmtree(self.home, ignore_errors=True)


def _await(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SolrUnavailableError(f"Solr stopped while starting. Its last words:\n{tail(log)}")
        if port_file.exists():
            url = f"http://{LOOPBACK}:{port_file.read_text()}/solr/{CORE}"
            with suppress(requests.RequestException):
                answer = requests.get(f"{url}/select", params={"q": "*:*", "rows": 0, "wt": "json"}, timeout=5)
                if answer.ok:
                    return url
                if answer.status_code >= 500 and "SolrCore Initialization Failures" in answer.text:
                    raise SolrUnavailableError(f"Solr refused its core: {answer.text[:2000]}")
        time.sleep(0.1)
    raise SolrUnavailableError(f"Solr did not answer within {START_SECONDS:.0f} s. Its last words:\n{tail(log)}")


def launch(*, attached: bool) -> SolrInstance:
    """Start a Solr and wait until it answers.

    :param attached: it ends with this process, whatever ends this process.
    :raises SolrUnavailableError: it cannot be installed or does not come up.
    """
    libraries = install()
    java, _maven = require_tools()
    runs = cache_folder() / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="home-", dir=runs))
    process: subprocess.Popen[bytes] | None = None
    try:
        write_home(home)
        log, port_file = home / "solr.log", home / "port"
        command: list[str | Path] = [
            java,
            f"-Xmx{os.environ.get('OGPTN_SOLR_HEAP', '1g')}",
            "-Dsolr.security.manager.enabled=false",
            "-cp",
            f"{libraries}/*",
            HERE / "SolrServer.java",
            home,
            port_file,
            "attached" if attached else "detached",
        ]
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=home,
                # A Ctrl-C in the terminal is for us: Solr is stopped afterwards, in order.
                start_new_session=True,
            )
        url = _await(process, port_file, log)
        instance = SolrInstance(url, home, Running.of(process.pid, int(port_file.read_text())))
        if attached:
            # Held open for as long as this process lives; see SolrServer.java.
            _lifelines[process.pid] = process
        return instance
    except BaseException:
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)
        raise


_lifelines: dict[int, subprocess.Popen[bytes]] = {}


@contextmanager
def solr() -> Iterator[SolrInstance]:
    """A fresh Solr for the length of a ``with`` block.

    :raises SolrUnavailableError: see :func:`launch`.
    """
    instance = launch(attached=True)
    try:
        yield instance
    finally:
        instance.stop()
        held = _lifelines.pop(instance.running.pid, None)
        if held is not None and held.stdin is not None:
            held.stdin.close()
            held.wait(timeout=10)


# -- one Solr that stays up for the inner loop


def _state_file() -> Path:
    return cache_folder() / "running.json"


def kept() -> SolrInstance | None:
    """The Solr that :func:`start_kept` left running, if it still does."""
    state: dict[str, Any] = read_json(_state_file())
    running = Running.from_dict(state.get("running"))
    if running is None or not running.alive():
        return None
    return SolrInstance(str(state["url"]), Path(str(state["home"])), running)


def start_kept() -> SolrInstance:
    """Start a Solr that outlives this process, or give the one that runs already.

    :raises SolrUnavailableError: see :func:`launch`.
    """
    instance = kept()
    if instance is None:
        instance = launch(attached=False)
        write_private(_state_file(), {"url": instance.url, "home": str(instance.home), "running": instance.running.as_dict()})
    return instance


def stop_kept() -> bool:
    """Stop what :func:`start_kept` started. Returns whether there was something to stop."""
    instance = kept()
    if instance is not None:
        instance.stop()
    _state_file().unlink(missing_ok=True)
    return instance is not None
