"""What ``ogptn doctor`` looks at. Each check is a function that never raises and never changes anything."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import redis as redis_client
from packaging.requirements import Requirement

from .errors import StackError
from .layout import MINIMUM_FREE_BYTES, Layout, read_json
from .postgres import Postgres
from .process import LOOPBACK, Running, port_is_free, who_listens
from .redis import Redis
from .site import External, installed
from .supervisor import LABELS, ORDER, is_locked, web_answers

Verdict = Literal["ok", "note", "wrong"]
#: Pages of the portal that have to answer.
PAGES = ("/", "/ar/", "/fr/dataset/", "/api/3/action/status_show")


@dataclass(frozen=True)
class Finding:
    """``verdict``: ``ok``, ``note`` (worth knowing) or ``wrong``; ``sentence``: what was found; ``hint``: what to do."""

    subject: str
    verdict: Verdict
    sentence: str
    hint: str = ""


def python_version(_layout: Layout) -> Finding:
    return Finding("Python", "ok", ".".join(map(str, sys.version_info[:3])))


def packages(_layout: Layout) -> Finding:
    from importlib.metadata import requires

    wrong: list[str] = []
    for text in requires("ckanext-ogptn") or []:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = installed(requirement.name)
        if found is None:
            wrong.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} is {found}, wanted is {requirement.specifier}")
    if wrong:
        return Finding("packages", "wrong", "; ".join(wrong), 'Install again: pip install "ckanext-ogptn[stack]"')
    return Finding("packages", "ok", f"ckan {installed('ckan')}, ckanext-ogptn {installed('ckanext-ogptn')}")


def programs(_layout: Layout) -> Finding:
    external = External.from_environment()
    try:
        found = []
        if external.needs_postgres:
            found.append(f"PostgreSQL {Postgres.version()}")
        if external.redis is None:
            found.append(f"Redis {Redis.version()} ({Redis.binary().name})")
    except StackError as error:
        return Finding("programs", "wrong", error.sentence, error.hint)
    return Finding("programs", "ok", ", ".join(found) or "all services are external")


def directory(layout: Layout) -> Finding:
    if not layout.root.exists():
        return Finding("data directory", "note", f"{layout.root} does not exist yet", "`ogptn up` makes it.")
    if not layout.root.is_dir() or not os.access(layout.root, os.W_OK | os.X_OK):
        return Finding("data directory", "wrong", f"{layout.root} cannot be written", "Give yourself write permission, or use --data-dir.")
    open_to_others = [
        path.name
        for path in (layout.secrets_file, layout.ini, layout.state_file)
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_to_others:
        names = ", ".join(open_to_others)
        return Finding("data directory", "wrong", f"others may read {names} in {layout.root}", f"cd {layout.root} && chmod 600 {names}")
    return Finding("data directory", "ok", str(layout.root))


def disk(layout: Layout) -> Finding:
    place = next(parent for parent in (layout.root, *layout.root.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    sentence = f"{free / 2**30:.1f} GB free"
    if free < MINIMUM_FREE_BYTES:
        return Finding("disk", "wrong", sentence, f"The portal needs {MINIMUM_FREE_BYTES // 2**20} MB at least: free some space.")
    if free < 2**30:
        return Finding("disk", "note", sentence, "Uploads and harvests will fill that soon.")
    return Finding("disk", "ok", sentence)


def addresses(_layout: Layout) -> Finding:
    external = External.from_environment()
    try:
        external.check()
    except StackError as error:
        return Finding("external services", "wrong", error.sentence, error.hint)
    given = [name for name, value in vars(external).items() if value]
    return Finding("external services", "ok", f"{', '.join(given)} answer" if given else "none configured")


def services(layout: Layout) -> Finding:
    state = read_json(layout.state_file)
    if not (layout.root.is_dir() and is_locked(layout)):
        recorded = state.get("services") if isinstance(state.get("services"), dict) else {}
        left = [name for name in ORDER if (running := Running.from_dict((recorded or {}).get(name))) and running.alive()]
        if left:
            return Finding("services", "wrong", f"{', '.join(left)} run without a supervisor", "`ogptn down` stops them.")
        if recorded:
            return Finding("services", "note", "the portal is not running, and was not stopped in order", "`ogptn up` checks the index.")
        return Finding("services", "note", "the portal is not running", "`ogptn up` starts it.")
    recorded = state.get("services", {})
    dead = [LABELS[name] for name in ORDER if (running := Running.from_dict(recorded.get(name))) and not running.alive()]
    if dead:
        return Finding("services", "wrong", f"{', '.join(dead)} died", "`ogptn down`, then `ogptn up`; `ogptn logs` says why.")
    return Finding("services", "ok", f"{', '.join(recorded)} run" if state.get("ready") else "starting")


def port(layout: Layout) -> Finding:
    wanted = int(read_json(layout.state_file).get("port") or os.environ.get("OGPTN_PORT") or 5000)
    if layout.root.is_dir() and is_locked(layout):
        return Finding("port", "ok", f"{wanted} is ours")
    if port_is_free(wanted, LOOPBACK):
        return Finding("port", "ok", f"{wanted} is free")
    return Finding("port", "wrong", f"{wanted} is taken by {who_listens(wanted)}", "Stop that program, or use --port.")


def web(layout: Layout) -> Finding:
    state = read_json(layout.state_file)
    if not (layout.root.is_dir() and is_locked(layout) and state.get("ready")):
        return Finding("web pages", "note", "not looked at: the portal is not running")
    silent = [path for path in PAGES if not web_answers(str(state["host"]), int(state["port"]), path)]
    if silent:
        return Finding("web pages", "wrong", f"{', '.join(silent)} do not answer with 200", "`ogptn logs web` says why.")
    return Finding("web pages", "ok", f"{', '.join(PAGES)} answer")


def worker(layout: Layout) -> Finding:
    """The worker tells Redis every few minutes that it lives (RQ's worker registry)."""
    redis_url = _setting(layout, "ckan.redis.url")
    if not (layout.root.is_dir() and is_locked(layout)) or redis_url is None:
        return Finding("background worker", "note", "not looked at: the portal is not running")
    try:
        with redis_client.Redis.from_url(redis_url, socket_timeout=5) as connection:
            count = connection.scard("rq:workers")
            waiting = sum(connection.llen(key) for key in connection.scan_iter("rq:queue:*"))  # pyright: ignore[reportArgumentType]
    except redis_client.RedisError as error:
        return Finding("background worker", "wrong", f"Redis does not answer: {error}", "`ogptn down`, then `ogptn up`.")
    if not count:
        return Finding("background worker", "wrong", "no worker is registered", "`ogptn logs worker` says why.")
    return Finding("background worker", "ok", f"{count} registered, {waiting} jobs waiting")


def index(layout: Layout) -> Finding:
    """Whether the search index has exactly the datasets of the database, each in its newest state."""
    if not (layout.root.is_dir() and is_locked(layout) and read_json(layout.state_file).get("ready")):
        return Finding("search index", "note", "not compared: the portal is not running")
    process = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "ckanext.ogptn.stack.prepare", "--ini", str(layout.ini), "--compare-index"],
        capture_output=True,
        text=True,
        check=False,
        cwd=layout.root,
    )
    if process.returncode != 0:
        said = process.stderr.strip().splitlines()
        return Finding("search index", "wrong", f"could not be compared: {said[-1] if said else 'no answer'}", "`ogptn logs` says more.")
    found = json.loads(process.stdout)
    counts = {name: len(ids) for name, ids in found.items()}
    differing = counts["missing"] + counts["stale"] + counts["orphaned"]
    if differing:
        examples = ", ".join([*found["missing"], *found["stale"], *found["orphaned"]][:3])
        return Finding(
            "search index",
            "wrong",
            f"{counts['missing']} datasets missing, {counts['stale']} out of date, {counts['orphaned']} too many (such as {examples})",
            f"ckan -c {layout.ini} search-index rebuild",
        )
    return Finding("search index", "ok", f"equals the database ({counts['equal']} datasets)")


def _setting(layout: Layout, key: str) -> str | None:
    try:
        for line in layout.ini.read_text(encoding="utf-8").splitlines():
            name, separator, value = line.partition(" = ")
            if separator and name == key:
                return value.replace("%%", "%")
    except OSError:
        return None
    return None


CHECKS: tuple[Callable[[Layout], Finding], ...] = (
    python_version,
    packages,
    programs,
    directory,
    disk,
    addresses,
    port,
    services,
    web,
    worker,
    index,
)
