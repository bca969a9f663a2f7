"""A CKAN that runs ``package_search`` on request, with an engine that answers at once; for ``tests/benchmarks/search.py``.

``python -m tests.benchmarks.action_worker none|ours``: plugins none, or those of ``test.ini``. Says "ready", then answers each line on
standard input with one search and "done".
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pysolr

from tests.solr.corpus import Corpus, documents

ROOT = Path(__file__).resolve().parents[2]
INIS = {"none": ROOT / "tests" / "ckan_core" / "core.ini", "ours": ROOT / "test.ini"}
ROWS = 20
FACETS = ("organization", "groups", "tags", "res_format", "license_id", "vocab_theme")


class Replay:
    """Answers every search with the same 20 datasets and facets."""

    def __init__(self) -> None:
        sent = [document for document in documents(Corpus(60).packages()) if document["state"] == "active" and not document["private"]]
        docs = [{"id": d["id"], "data_dict": d["data_dict"], "validated_data_dict": d["validated_data_dict"]} for d in sent[: ROWS + 1]]
        counts: list[Any] = [part for number in range(20) for part in (f"value-{number}", 100 - number)]
        answer = {"response": {"numFound": 5000, "docs": docs}, "facet_counts": {"facet_fields": dict.fromkeys(FACETS, counts)}}
        self.answer = answer

    def search(self, q: Any = None, **parameters: Any) -> pysolr.Results:
        # CKAN changes what it gets, so each call has its own.
        return pysolr.Results(copy.deepcopy(self.answer))


def main(plugins: str) -> int:
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    application = make_app(load_config(str(INIS[plugins])))
    import ckan.lib.search.query as query
    import ckan.model as model
    from ckan import logic
    from ckan.tests.helpers import CKANTestApp

    replay = Replay()
    query.make_connection = lambda **_: replay  # type: ignore[assignment]
    with CKANTestApp(application).flask_app.test_request_context():
        print("ready", flush=True)
        for _line in sys.stdin:
            context: Any = {"user": "", "auth_user_obj": None, "model": model, "session": model.Session}
            found = logic.get_action("package_search")(context, {"q": "water", "rows": ROWS, "facet.field": list(FACETS)})
            assert len(found["results"]) == ROWS
            print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
