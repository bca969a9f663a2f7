"""Work that makes millions of short-lived objects, without Python's search for cycles among them."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Cells of a table and fields of a batch come and go, hardly any of them in a cycle, and each search would look through all that CKAN
    has in memory. For the whole process; what is left is found afterwards."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
