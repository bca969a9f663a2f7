"""A worker in a process of its own, to be killed; for ``tests/faults/test_harvest_kills.py``.

Says ``ready``, takes the id of a job from standard input, says ``begun``, does the job, and says ``done``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

BATCH = 7


def main() -> int:
    import ckan.plugins.toolkit as tk
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    ini: Any = load_config(str(Path(__file__).resolve().parents[2] / "test.ini"))
    application: Any = make_app(ini)
    with application._wsgi_app.test_request_context():
        from ckanext.ogptn.harvesters.engine import run  # pyright: ignore[reportMissingImports]

        tk.config["ogptn.harvest.allowed_hosts"] = "127.0.0.1"
        tk.config["ogptn.harvest.batch_size"] = BATCH
        print("ready", flush=True)
        job_id = sys.stdin.readline().strip()
        print("begun", flush=True)
        run.run(job_id)
        print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
