"""What views share: asking actions for whoever reads the page, and their refusals as pages."""

from __future__ import annotations

import re
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.types import Context

#: Further than any list goes.
LAST_PAGE = 1_000_000


def reader_context() -> Context:
    """The context of an action that the reader of the page asks for."""
    return cast(Context, {"user": tk.current_user.name, "auth_user_obj": tk.current_user})


def act(name: str, data: dict[str, Any] | None = None) -> Any:
    """An action's answer to the reader; being refused (403) or not finding a thing (404) ends the request with a page that says so.

    :raises ckan.plugins.toolkit.ValidationError: as the action does
    """
    try:
        return tk.get_action(name)(reader_context(), data or {})
    except tk.NotAuthorized as refused:
        return tk.abort(403, refused.message or "")
    except tk.ObjectNotFound as missing:
        return tk.abort(404, missing.message or "")


def page_number() -> int:
    """The page of a list that the address asks for (``?page=``), counted from 1; the first where it asks for none or nonsense."""
    given = tk.request.args.get("page", "1")
    return min(max(1, int(given)), LAST_PAGE) if re.fullmatch(r"[0-9]{1,7}", given) else 1
