"""The WSGI application: CKAN with the configuration file that ``CKAN_INI`` names."""

from __future__ import annotations

import gc
import logging
import os

from ckan import model
from ckan.cli import load_config
from ckan.config.middleware import make_app
from ckan.plugins import plugin_loaded

application = make_app(load_config(os.environ["CKAN_INI"]))

# CKAN's logging configuration silences every logger that is older than itself, the web server's too.
for name in ("gunicorn.error", "gunicorn.access"):
    logging.getLogger(name).disabled = False

# Loaded once and then forked (gunicorn_conf.py): a connection opened by now would be used by several processes at a time.
model.Session.remove()
model.ensure_engine().dispose()
if plugin_loaded("datastore"):
    from ckanext.datastore.backend.postgres import _dispose_engines

    _dispose_engines()
# What is loaded now lives as long as the process; not looking at it again keeps its pages shared between the processes.
gc.collect()
gc.freeze()
