"""The whole suite in two halves at a time, each with services of its own: ``python -m tests.suite [pytest's arguments]``.

The suite is bound by the processor and this uses both cores that it may count on. The first half is what starts browsers and portals. Its
output is shown as it comes, the second one's when both have ended, so that the two do not mix; what failed in either is said once more at
the very end, where a reader of a long log looks first.

A few failures of a half get a second try, alone on the machine: with browsers, portals and two halves on two cores a test can miss a time
limit that it keeps otherwise. Who passes then is named as unsteady in the last lines. More failures than ``MOST_SECOND_TRIES`` are no
accident and get none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from tests.services import HERE

#: Paths of the first half, so chosen that both take about as long; the second takes all others.
FIRST = ("tests/e2e", "tests/stack", "tests/test_package.py", "tests/commitment", "tests/i18n")
NO_TESTS = 5
TESTS_FAILED = 1
MOST_SECOND_TRIES = 5
#: Lines of a report by pytest that say what went wrong.
TELLING = re.compile(rb"^(FAILED |ERROR |E  |_{3,} .* _{3,}$|=+ .*(passed|failed|error).* =+$|INTERNALERROR)")
MOST_TELLING_LINES = 200


@dataclass
class Half:
    """One of the two: which paths it takes, where its services live and what it has printed."""

    number: int
    paths: list[str]
    arguments: list[str]
    output: IO[bytes]

    def __post_init__(self) -> None:
        base = os.environ.get("OGPTN_TEST_DIR") or HERE.parent / ".cache" / "test-services"
        self.folder = Path(f"{base}-{self.number}")
        self.cache = Path(f"{base}-{self.number}-pytest")
        shutil.rmtree(self.cache, ignore_errors=True)

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.services", "run", "--", sys.executable, "-m", "pytest", "--ckan-ini=test.ini"]
        return subprocess.Popen(
            [*command, "-o", f"cache_dir={self.cache}", *more, *self.paths, *self.arguments],
            # Files and built assets apart too.
            env={**os.environ, "OGPTN_TEST_DIR": str(self.folder), "CKAN_STORAGE_PATH": str(self.folder / "storage")},
            cwd=HERE.parent,
            # A file and no pipe: what a test leaves running may hold a pipe open, and the end would be waited for in vain.
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    def failed(self) -> list[str]:
        """The tests that failed last, as pytest remembers them."""
        try:
            return sorted(json.loads((self.cache / "v" / "cache" / "lastfailed").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return []

    def telling(self) -> bytes:
        """The lines of the output that say what failed."""
        lines = Path(self.output.name).read_bytes().splitlines()
        return b"\n".join([line for line in lines if TELLING.match(line)][-MOST_TELLING_LINES:])


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


def show(path: str, process: subprocess.Popen[bytes], start: int = 0) -> None:
    """Pass on what ``process`` writes to the file ``path``, from byte ``start`` on, until it has ended."""
    with Path(path).open("rb") as written:
        written.seek(start)
        ended = False
        while True:
            piece = written.read()
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            if ended and not piece:
                return
            ended = process.poll() is not None
            if not ended:
                time.sleep(0.5)


def main(arguments: list[str]) -> int:
    unsteady: list[str] = []
    with tempfile.NamedTemporaryFile() as first, tempfile.NamedTemporaryFile() as second:
        halves = [
            Half(1, list(FIRST), arguments, first),
            Half(2, ["tests", *(f"--ignore={path}" for path in FIRST)], arguments, second),
        ]
        running = [half.start() for half in halves]

        def stop(number: int, _frame: FrameType | None) -> None:
            for process in running:
                if process.poll() is None:
                    process.send_signal(number)
            stopped.append(number)

        stopped: list[int] = []
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        show(first.name, running[0])
        running[1].wait()
        show(second.name, running[1])
        codes = [process.wait() for process in running]
        for index, half in enumerate(halves):
            failed = half.failed() if codes[index] == TESTS_FAILED else []
            if failed:
                say(f"Failed in half {half.number}:\n{half.telling().decode(errors='replace')}")
            if stopped or not 0 < len(failed) <= MOST_SECOND_TRIES:
                continue
            say(f"Once more, alone: {', '.join(failed)}")
            seen = half.output.seek(0, os.SEEK_END)
            running[index] = half.start("--last-failed", "--last-failed-no-failures=none")
            show(half.output.name, running[index], seen)
            codes[index] = running[index].wait()
            if codes[index] == 0:
                unsteady += failed
        if unsteady:
            say(f"UNSTEADY, failed at first and passed alone: {', '.join(unsteady)}")
        for half, code in zip(halves, codes, strict=True):
            if code not in (0, NO_TESTS):
                say(f"Half {half.number} ended with exit code {code}:\n{half.telling().decode(errors='replace')}")
    # A selection may lie in one half alone.
    return max((code for code in map(abs, codes) if code != NO_TESTS), default=NO_TESTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
