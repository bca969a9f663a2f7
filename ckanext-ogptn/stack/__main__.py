"""``ogptn``, and ``python -m ckanext.ogptn.stack``: says what to install where the ``stack`` extra is missing."""

from __future__ import annotations

import sys

from .errors import ExitCode


def main() -> None:
    try:
        from .cli import main as command
    except ModuleNotFoundError as error:
        if error.name not in {"platformdirs", "psutil"}:
            raise
        sys.stderr.write(
            f"The ogptn command needs the package {error.name}, which is not installed.\n"
            'Install it with: pip install "ckanext-ogptn[stack]"\n'
        )
        sys.exit(int(ExitCode.MISSING))
    command(prog_name="ogptn")


if __name__ == "__main__":
    main()
