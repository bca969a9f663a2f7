"""A request with an API token needs no CSRF token; that is said of this request and of no other.

CKAN 2.12 says it of the view: ``ckan_before_request`` (``ckan.config.middleware.flask_app``) calls ``csrf.exempt`` with the view's name;
from then on nobody's form of that view is checked as long as the process lives. Any person with a token of their own could so open every
form of the site to forged requests against all others.
"""

from __future__ import annotations

from typing import Any

from ckan.config.middleware.flask_app import csrf
from flask import g, has_request_context


class ExemptViews(set[str]):
    """Names of views that flask-wtf does not check. What is added while a request is answered holds for that request alone."""

    def add(self, element: str) -> None:
        if not has_request_context():
            super().add(element)
            return
        if not hasattr(g, "ogptn_exempt_views"):
            g.ogptn_exempt_views = set()
        g.ogptn_exempt_views.add(element)

    def __contains__(self, element: Any) -> bool:
        return super().__contains__(element) or (has_request_context() and element in getattr(g, "ogptn_exempt_views", ()))


def exempt_requests_not_views() -> None:
    """Put `ExemptViews` in the place of flask-wtf's set, with what extensions exempted so far. Doing it twice does no harm."""
    if not isinstance(csrf._exempt_views, ExemptViews):
        csrf._exempt_views = ExemptViews(csrf._exempt_views)
