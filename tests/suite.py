"""The whole suite in two halves at a time, each with services of its own: ``python -m tests.suite [pytest's arguments]``.

The suite is bound by the processor and this uses both cores that it may count on. The first half is what starts browsers and portals. The
second one's output is shown when it has ended, so that the two do not mix.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

from tests.services import HERE

#: Paths of the first half; the second takes all others.
FIRST = ("tests/e2e", "tests/i18n", "tests/stack", "tests/test_package.py")
NO_TESTS = 5


def half(number: int, paths: list[str], arguments: list[str], output: object) -> subprocess.Popen[bytes]:
    base = Path(os.environ.get("OGPTN_TEST_DIR") or HERE.parent / ".cache" / "test-services")
    command = [sys.executable, "-m", "tests.services", "run", "--", sys.executable, "-m", "pytest", "--ckan-ini=test.ini"]
    return subprocess.Popen(
        [*command, "-p", "no:cacheprovider", *paths, *arguments],
        # Files and built assets apart too.
        env={**os.environ, "OGPTN_TEST_DIR": f"{base}-{number}", "CKAN_STORAGE_PATH": f"{base}-{number}/storage"},
        cwd=HERE.parent,
        stdout=output,  # pyright: ignore[reportArgumentType]
        stderr=subprocess.STDOUT,
    )


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryFile() as kept:
        halves = [
            half(1, list(FIRST), arguments, None),
            half(2, ["tests", *(f"--ignore={path}" for path in FIRST)], arguments, kept),
        ]

        def stop(number: int, _frame: FrameType | None) -> None:
            for process in halves:
                if process.poll() is None:
                    process.send_signal(number)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        codes = [process.wait() for process in halves]
        sys.stdout.flush()
        kept.seek(0)
        for line in kept:
            sys.stdout.buffer.write(line)
        sys.stdout.flush()
    # A selection may lie in one half alone.
    return max((code for code in map(abs, codes) if code != NO_TESTS), default=NO_TESTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
