"""Settings of the web server. ``ogptn up`` gives the address on the command line and the rest in ``OGPTN_*`` variables."""

from __future__ import annotations

import os

workers = int(os.environ.get("OGPTN_WEB_WORKERS", "2"))
# Browsers open connections ahead of need; with the plain worker one idle connection blocks a process until it times out.
# CKAN takes seconds of processor time to load: once, for all processes. wsgi.py leaves no connection open to be shared by them.
preload_app = True
worker_class = "gthread"
threads = 4
# The first request of a fresh process compiles templates, and an upload may be slow.
timeout = 120
graceful_timeout = 10
keepalive = 5
# A worker's heartbeat file: in memory where there is some, so that a busy disk does not look like a dead worker.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn makes an unlinked private file there
accesslog = None
errorlog = "-"
proc_name = "ogptn-web"
control_socket_disable = True
