"""A real Solr 9 on CKAN's stock schema.

python -m tests.solr run -- <command>   start one on a free port, run the command with CKAN_SOLR_URL and OGPTN_TEST_SOLR_URL set, stop it
python -m tests.solr start              keep one running for the inner loop; prints its address
python -m tests.solr stop               stop that one
python -m tests.solr compare [queries [seed]]
                                        the differential test by hand, on OGPTN_TEST_SOLR_URL or on a Solr of its own; every difference goes
                                        to .cache/solr/differences.json

Needs Java and Maven. The jars come from Maven Central into .cache/solr (OGPTN_SOLR_CACHE names another folder); OGPTN_SOLR_HEAP sets the
heap (1g).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from types import FrameType

from .harness import SolrUnavailableError, cache_folder, solr, start_kept, stop_kept


class _Terminated(BaseException):
    """SIGTERM as an exception, so that the ``with`` block below ends and Solr with it."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


def run(command: list[str]) -> int:
    """Run a command with a Solr of its own. Returns the command's exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGHUP, _terminate)
    with solr() as instance:
        print(f"Solr answers at {instance.url}", flush=True)
        environment = {**os.environ, "CKAN_SOLR_URL": instance.url, "OGPTN_TEST_SOLR_URL": instance.url}
        child = subprocess.Popen(command, env=environment)
        try:
            return child.wait()
        except (_Terminated, KeyboardInterrupt):
            with suppress(ProcessLookupError):
                child.terminate()
            child.wait()
            return 128 + signal.SIGTERM


def compare(queries: int = 1000, seed: int = 4) -> int:
    """The differential test by hand. Returns 1 where something differs that is not meant to."""
    from .differential import report
    from .differential import run as differential
    from .engines import own_connection, solr_url
    from .site import ckan_site

    with ExitStack() as stack:
        # Not the kept one: somebody may be looking at what is in it.
        url = solr_url() or stack.enter_context(solr()).url
        os.environ["OGPTN_TEST_SOLR_URL"] = url
        stack.enter_context(ckan_site())
        comparison, differences, entries = differential(url, own_connection(), queries=queries, seed=seed)
    print(report(comparison, differences, entries))
    target = cache_folder() / "differences.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps([d.as_dict() for d in differences], ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    print(f"\nEvery difference: {target}")
    return 1 if any(d.intended is None for d in differences) else 0


def main(arguments: list[str]) -> int:
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    rest = rest[1:] if rest[:1] == ["--"] else rest
    try:
        if verb == "run" and rest:
            return run(rest)
        if verb == "start" and not rest:
            print(start_kept().url)
            return 0
        if verb == "compare" and len(rest) <= 2:
            return compare(*map(int, rest))
        if verb == "stop" and not rest:
            print("Solr is stopped." if stop_kept() else "No Solr was running.")
            return 0
    except SolrUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
