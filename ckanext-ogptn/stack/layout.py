"""Where a portal keeps its files, and the secrets among them."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from .errors import ExitCode, StackError

#: Below this much free space (bytes) PostgreSQL may stop in the middle of a write, so nothing is started.
MINIMUM_FREE_BYTES = 200 * 1024 * 1024
#: Below this the portal is stopped while PostgreSQL can still write what a stop in order needs.
CRITICAL_FREE_BYTES = 32 * 1024 * 1024


def default_data_dir() -> Path:
    """``OGPTN_DATA_DIR``, or the user's data directory (XDG base directory specification) with ``ogptn`` appended."""
    configured = os.environ.get("OGPTN_DATA_DIR")
    return Path(configured).expanduser() if configured else platformdirs.user_data_path("ogptn", appauthor=False)


@dataclass(frozen=True)
class Layout:
    """Paths below one data directory."""

    root: Path

    @property
    def pgdata(self) -> Path:
        return self.root / "postgresql"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    @property
    def storage(self) -> Path:
        """Uploaded files (``ckan.storage_path``)."""
        return self.root / "storage"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def ini(self) -> Path:
        return self.root / "ckan.ini"

    @property
    def secrets_file(self) -> Path:
        return self.root / "secrets.json"

    @property
    def state_file(self) -> Path:
        """What runs now: a dict of service name to pid, start time and port."""
        return self.root / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def prepared_file(self) -> Path:
        """Fingerprint of what the database was last prepared for, so that a second start does not repeat it."""
        return self.root / "prepared.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def create(self) -> None:
        """Make the directories, private to their owner.

        :raises StackError: the directory cannot be written, or its disk is full.
        """
        try:
            for folder in (self.root, self.redis, self.storage, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.redis, self.storage, self.logs):
                folder.chmod(0o700)
            # PostgreSQL runs as another user when we are root, and has to pass through to its own folder: search permission only.
            self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
            probe = self.root / f".write-test-{os.getpid()}"
            probe.write_bytes(b"x" * 4096)
            probe.unlink()
        except OSError as error:
            raise self.explain(error) from error
        self.check_free_space()

    def check_free_space(self) -> None:
        """:raises StackError: less than :data:`MINIMUM_FREE_BYTES` are free."""
        free = shutil.disk_usage(self.root).free
        if free < MINIMUM_FREE_BYTES:
            raise StackError(
                f"The disk of {self.root} has only {free // 2**20} MB left; the portal needs at least {MINIMUM_FREE_BYTES // 2**20} MB.",
                "Free some space, or choose another disk with --data-dir. Nothing was changed.",
                ExitCode.DISK_FULL,
            )

    def explain(self, error: OSError) -> StackError:
        """An operating system's error about our files as a sentence."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StackError(
                f"The disk of {self.root} is full.", "Free some space, or choose another disk with --data-dir.", ExitCode.DISK_FULL
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            return StackError(
                f"The data directory {self.root} cannot be written ({os.strerror(error.errno)}: {error.filename}).",
                "Give yourself write permission to it, or choose another one with --data-dir or OGPTN_DATA_DIR.",
                ExitCode.NO_PERMISSION,
            )
        return StackError(f"The data directory {self.root} cannot be used: {error}.", "Choose another one with --data-dir.")

    def secrets(self) -> Secrets:
        """The portal's secrets, generated at the first call and kept with mode 0600."""
        if self.secrets_file.exists():
            try:
                return Secrets(**json.loads(self.secrets_file.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as error:
                raise StackError(
                    f"{self.secrets_file} is damaged ({error}).",
                    "Restore it from a backup: without it the databases cannot be opened.",
                ) from error
        made = Secrets(*(secrets.token_urlsafe(32) for _ in range(6)))
        write_private(self.secrets_file, vars(made))
        return made


@dataclass(frozen=True)
class Secrets:
    """Passwords and keys, each 256 bits in URL-safe base 64."""

    postgres: str
    ckan: str
    datastore: str
    redis: str
    session: str
    beaker: str


def write_private(path: Path, value: dict[str, Any] | str) -> None:
    """Replace a file in one step, readable by its owner only, so that a crash leaves the old or the new one and never half of it."""
    text = value if isinstance(value, str) else json.dumps(value, indent=1, sort_keys=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where it is missing or damaged (state is always checked against what really runs)."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
