"""Installs Debian's Chromium for the browser tests, where that is possible: ``python -m tests.browser``.

Never fails: without a browser those tests skip, saying so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.conftest import chromium


def main() -> int:
    if chromium():
        return 0
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print("There is no Chromium, and it cannot be installed from here: the browser tests will be SKIPPED.", file=sys.stderr)
        return 0
    print("Installing Chromium for the browser tests …", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            print(f"“{' '.join(command)}” failed: the browser tests will be SKIPPED.", file=sys.stderr)
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
