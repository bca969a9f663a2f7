"""A worker in a process of its own, to be killed; for ``tests/tables/test_sweep.py``. Loads what waits, by small pieces."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def main() -> int:
    import ckan.plugins.toolkit as tk
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    ini: Any = load_config(str(Path(__file__).resolve().parents[2] / "test.ini"))
    application: Any = make_app(ini)
    with application._wsgi_app.test_request_context():
        from ckanext.ogptn.tables import jobs, load, read

        tk.config["ogptn.tables.allowed_hosts"] = "127.0.0.1"
        load._HELD, read.CHUNK = 400, 100
        original = load._Rows.pieces

        def pieces(self: Any) -> Any:
            for piece in original(self):
                yield piece
                if self.rows >= 5_000:
                    print("half", flush=True)
                    sys.stdin.readline()

        load._Rows.pieces = pieces
        print("ready", flush=True)
        sys.stdin.readline()
        jobs.work()
    return 0


if __name__ == "__main__":
    sys.exit(main())
