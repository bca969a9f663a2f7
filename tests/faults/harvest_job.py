"""A worker in a process of its own, to be killed; for ``tests/faults/test_harvest_kills.py``.

Says ``ready``. For each id of a job that it reads from standard input it starts a process, as RQ's workers do, which does the job, and
says ``begun``. Then it is told ``kill`` or ``wait``, does so with that process, and says ``gone``.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

BATCH = 7


def main() -> int:
    import ckan.plugins.toolkit as tk
    from ckan import model
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    ini: Any = load_config(str(Path(__file__).resolve().parents[2] / "test.ini"))
    application: Any = make_app(ini)
    with application._wsgi_app.test_request_context():
        from ckanext.ogptn.harvesters.engine import run  # pyright: ignore[reportMissingImports]

        tk.config["ogptn.harvest.allowed_hosts"] = "127.0.0.1"
        tk.config["ogptn.harvest.batch_size"] = BATCH
        print("ready", flush=True)
        for line in sys.stdin:
            # Nothing of this process's is shared with the one that is killed: no connection, no session.
            model.Session.remove()
            assert model.meta.engine is not None
            model.meta.engine.dispose()
            process = os.fork()
            if not process:
                run.run(line.strip())
                os._exit(0)
            print("begun", flush=True)
            if sys.stdin.readline().strip() != "wait":
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            print("gone", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
