"""The whole suite in two halves at a time, each with services of its own: ``python -m tests.suite [pytest's arguments]``.

The suite is bound by the processor and this uses both cores that it may count on. The first half is what starts browsers and portals. Its
output is shown as it comes, the second one's when both have ended, so that the two do not mix; what failed in either is said once more at
the very end, where a reader of a long log looks first.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import IO

from tests.services import HERE

#: Paths of the first half; the second takes all others.
FIRST = ("tests/e2e", "tests/i18n", "tests/stack", "tests/test_package.py")
NO_TESTS = 5
#: Lines of a report by pytest that say what went wrong.
TELLING = re.compile(rb"^(FAILED |ERROR |E  |_{3,} .* _{3,}$|=+ .*(passed|failed|error).* =+$|INTERNALERROR)")
MOST_TELLING_LINES = 200


def half(number: int, paths: list[str], arguments: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    base = Path(os.environ.get("OGPTN_TEST_DIR") or HERE.parent / ".cache" / "test-services")
    command = [sys.executable, "-m", "tests.services", "run", "--", sys.executable, "-m", "pytest", "--ckan-ini=test.ini"]
    return subprocess.Popen(
        [*command, "-p", "no:cacheprovider", *paths, *arguments],
        # Files and built assets apart too.
        env={**os.environ, "OGPTN_TEST_DIR": f"{base}-{number}", "CKAN_STORAGE_PATH": f"{base}-{number}/storage"},
        cwd=HERE.parent,
        # A file and no pipe: what a test leaves running may hold a pipe open, and the end would be waited for in vain.
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def show(path: str, process: subprocess.Popen[bytes]) -> None:
    """Pass on what ``process`` writes to the file ``path`` until it has ended."""
    with Path(path).open("rb") as written:
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


def telling(path: str) -> list[bytes]:
    """The lines of one half's output that say what failed."""
    return [line for line in Path(path).read_bytes().splitlines() if TELLING.match(line)][-MOST_TELLING_LINES:]


def main(arguments: list[str]) -> int:
    with tempfile.NamedTemporaryFile() as first, tempfile.NamedTemporaryFile() as second:
        halves = [half(1, list(FIRST), arguments, first), half(2, ["tests", *(f"--ignore={path}" for path in FIRST)], arguments, second)]

        def stop(number: int, _frame: FrameType | None) -> None:
            for process in halves:
                if process.poll() is None:
                    process.send_signal(number)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        show(first.name, halves[0])
        halves[1].wait()
        show(second.name, halves[1])
        codes = [process.wait() for process in halves]
        for name, code, kept in (("first", codes[0], first), ("second", codes[1], second)):
            if code not in (0, NO_TESTS):
                print(f"\nThe {name} half ended with exit code {code}:", flush=True)
                sys.stdout.buffer.write(b"\n".join(telling(kept.name)) + b"\n")
        sys.stdout.flush()
    # A selection may lie in one half alone.
    return max((code for code in map(abs, codes) if code != NO_TESTS), default=NO_TESTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
