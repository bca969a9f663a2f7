"""The language of what a worker says: what is stored for people to read, and what is sent to them, is not English because nobody asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ckan.plugins.toolkit as tk
from ckan.config import middleware
from flask import has_request_context


@contextmanager
def of_the_site() -> Iterator[None]:
    """Meanwhile sentences are made in the language of the request or, where there is none, as in ``ckan jobs worker``, in the site's own
    (``ckan.locale_default``): CKAN translates within requests only. Sentences of validators (*Missing value*) are stored as they are made.
    """
    # CKAN keeps it for the same need: its `url_for` outside of requests.
    kept = middleware._internal_test_request_context
    if has_request_context() or kept is None:
        yield
        return
    # As CKAN's middleware marks a request without a language in its address.
    marks = {"CKAN_LANG": tk.config.get("ckan.locale_default") or "en", "CKAN_LANG_IS_DEFAULT": True}
    with kept.app.test_request_context(environ_overrides=marks):
        yield
