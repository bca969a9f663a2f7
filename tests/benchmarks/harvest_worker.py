"""A CKAN that harvests on request, in a process of its own; for ``tests/benchmarks/harvest.py``.

``python -m tests.benchmarks.harvest_worker ours|peer INI``: says ``ready``, then answers each line on standard input with one line of JSON.

* ``source URL``: make the source
* ``harvest everything|changes``: one harvest that reads the whole source, or asks for changes: ``{"seconds", "cpu", "counts"}``
* ``help``: wait for another worker's job to share, and do it: ``{"counts": {"batches"}}``
* ``search COUNT``: so many searches, each tenth followed by a steward's save: ``{"search": [seconds], "save": [seconds]}``
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks import fresh

MIGRATED = {"ours": ("activity", "ogptn", "ogptn_search", "ogptn_harvest"), "peer": ("activity", "ogptn_search", "harvest")}


class Ours:
    """This engine, as ``ckan ogptn-harvest run`` uses it."""

    def __init__(self, user: str, owner: str) -> None:
        self.user, self.owner = user, owner
        self.source = ""

    def act(self, name: str, /, **data: Any) -> Any:
        import ckan.plugins.toolkit as tk

        return tk.get_action(f"ogptn_harvest_{name}")({"user": self.user, "ignore_auth": True}, data)

    def make(self, url: str) -> None:
        self.source = self.act("source_create", title="Synthetic", url=url, backend="ckan", owner_org=self.owner, language="fr")["id"]

    def harvest(self, *, everything: bool) -> dict[str, int]:
        from ckanext.ogptn.harvesters.engine import run

        job = self.act("job_create", source_id=self.source, full=everything)
        phase = run.run(job["id"])
        done = self.act("job_show", id=job["id"])
        assert phase == "finished", done
        assert not done["counts"]["errors"], done["counts"]
        return {name: count for name, count in done["counts"].items() if count}

    def help(self) -> dict[str, int]:
        """What a background worker does that takes up the call for help of a job; waits for it for a minute.

        :raises TimeoutError: nobody called
        """
        import ckan.lib.jobs as background

        from ckanext.ogptn.harvesters.engine import config

        queue = background.get_queue(config.queue())
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for waiting in queue.jobs:
                if str(waiting.func_name).endswith("help_with"):
                    waiting.delete()
                    return {"batches": waiting.perform()}
            time.sleep(0.05)
        raise TimeoutError("no job called for help")


class Peer:
    """ckanext-harvest's CKAN harvester, as ``ckan harvester run-test`` uses it.

    That command asks ``harvest_source_show`` for the source's type first, which fails at the second run (``KeyError: 'source_type'``) when
    it is answered from the index; its harvester is named here instead.
    """

    def __init__(self, user: str, owner: str) -> None:
        self.user, self.owner = user, owner
        self.source = ""

    def act(self, name: str, /, **data: Any) -> Any:
        import ckan.plugins.toolkit as tk

        return tk.get_action(name)({"user": self.user, "ignore_auth": True}, data)

    def make(self, url: str) -> None:
        made = self.act("harvest_source_create", name="synthetic", title="Synthetic", url=url, source_type="ckan", owner_org=self.owner)
        self.source = made["id"]

    def harvest(self, *, everything: bool) -> dict[str, int]:
        from ckan import model
        from ckanext.harvest import model as theirs  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]
        from ckanext.harvest import queue  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]
        from ckanext.harvest.tests import lib  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

        job = theirs.HarvestJob.get(self.act("harvest_job_create", source_id=self.source)["id"])
        results = lib.run_harvest_job(job, queue.get_harvester("ckan"))
        counts: dict[str, int] = {}
        for each in results.values():
            name = str(each.get("report_status") or each["state"])
            counts[name] = counts.get(name, 0) + 1
        model.Session.remove()
        assert not counts.get("errored"), counts
        return counts


def search(user: str, count: int) -> dict[str, list[float]]:
    """Searches as a visitor, and saves as a steward."""
    import ckan.plugins.toolkit as tk
    from ckan import model

    words = ("mesure", "indicateur", "énergie", "eau", "*:*", "budget", "série", "version")
    took: dict[str, list[float]] = {"search": [], "save": []}
    for number in range(count):
        start = time.perf_counter()
        found = tk.get_action("package_search")(
            {"user": "", "auth_user_obj": None},
            {"q": words[number % len(words)], "rows": 20, "facet.field": ["organization", "tags", "res_format"]},
        )
        took["search"].append(time.perf_counter() - start)
        model.Session.remove()
        if number % 10 == 5 and found["results"]:
            name = found["results"][number % len(found["results"])]["name"]
            start = time.perf_counter()
            tk.get_action("package_patch")({"user": user, "ignore_auth": True}, {"id": name, "version": f"{number}"})
            took["save"].append(time.perf_counter() - start)
            model.Session.remove()
    return took


def main(side: str, ini: str) -> int:
    import ckan.plugins.toolkit as tk
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    application: Any = make_app(load_config(ini))  # pyright: ignore[reportArgumentType]
    logging.disable(logging.ERROR)
    with application._wsgi_app.test_request_context():
        from ckan import model

        fresh.make(MIGRATED[side])
        user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
        context: Any = {"user": user, "ignore_auth": True}
        names = {"title_translated": {"ar": "إدارة", "fr": "Direction", "en": "Department"}} if side == "ours" else {"title": "Direction"}
        group = model.Group.get("direction-a-nous")
        owner = group.id if group else tk.get_action("organization_create")(context, {"name": "direction-a-nous", **names})["id"]
        engine = (Ours if side == "ours" else Peer)(user, owner)
        print("ready", flush=True)
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            commands: dict[str, Callable[[], Any]] = {
                "source": lambda rest=rest: engine.make(rest),
                "harvest": lambda rest=rest: engine.harvest(everything=rest == "everything"),
                "help": lambda: engine.help() if isinstance(engine, Ours) else None,
                "search": lambda rest=rest: search(user, int(rest)),
            }
            start, cpu = time.perf_counter(), time.process_time()
            answer = commands[word]()
            answer = answer if word == "search" else {"counts": answer or {}}
            answer["seconds"], answer["cpu"] = time.perf_counter() - start, time.process_time() - cpu
            answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            model.Session.remove()
            print(f"answer {json.dumps(answer)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
