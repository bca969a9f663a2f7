"""A CKAN site to harvest, in a process of its own: ``package_search``, ``package_show`` and ``package_list`` of made-up datasets.

``python -m tests.benchmarks.harvest_source COUNT``: prints its address, and then does as asked on standard input: ``touch 20`` changes that
many datasets, ``changes off`` has it give everything to who asks for changes only, ``changes on`` not any more; each answers ``done``.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

RESOURCES, EXTRAS = 3, 8
#: When datasets were last changed that were not since.
UNTOUCHED = "2021-01-01T00:00:00.123456"
THEMES = ("Énergie", "Eau", "Transport", "Santé", "Éducation", "Agriculture", "Budget", "Environnement")


def uuid_of(kind: int, number: int, place: int = 0) -> str:
    """An identity that is the same each time."""
    return f"{kind:08x}-0000-4000-8000-{number:08x}{place:04x}"


def dataset(number: int, version: int, modified: str) -> dict[str, Any]:
    """One dataset as CKAN 2.10 shows it: 3 files, 8 extras, 3 tags, 200 words; synthetic, and says so."""
    theme = THEMES[number % len(THEMES)]
    text = " ".join(f"{theme} {number % 97} {word}" for word in ("mesure", "relevé", "indicateur", "série") * 12)
    return {
        "id": uuid_of(1, number),
        "name": f"jeu-synthetique-{number}",
        "title": f"Jeu de données synthétique {number}" + (f" (version {version})" if version else ""),
        "notes": f"Données synthétiques pour mesurer. {text}",
        "type": "dataset",
        "state": "active",
        "private": False,
        "license_id": "cc-by",
        "license_title": "Creative Commons Attribution",
        "license_url": "https://creativecommons.org/licenses/by/4.0/",
        "author": "",
        "author_email": "",
        "maintainer": "",
        "maintainer_email": "",
        "url": f"https://example.org/jeu/{number}",
        "version": "1",
        "metadata_created": f"2020-01-01T00:{number // 60 % 60:02}:{number % 60:02}.000000",
        "metadata_modified": modified,
        "creator_user_id": uuid_of(9, 1),
        "owner_org": uuid_of(8, 1),
        "organization": {"id": uuid_of(8, 1), "name": "direction-synthetique", "title": "Direction synthétique", "state": "active"},
        "groups": [],
        "relationships_as_subject": [],
        "relationships_as_object": [],
        "num_resources": RESOURCES,
        "num_tags": 3,
        "isopen": True,
        "tags": [
            {"id": uuid_of(7, place), "name": name, "display_name": name, "state": "active", "vocabulary_id": None}
            for place, name in ((number % 8, theme), (100 + number % 40, f"série {number % 40}"), (99, "synthétique"))
        ],
        "extras": [{"key": f"champ-{place}", "value": f"valeur {place} du jeu {number}"} for place in range(EXTRAS)],
        "resources": [
            {
                "id": uuid_of(2, number, place),
                "package_id": uuid_of(1, number),
                "position": place,
                "state": "active",
                "url": f"https://example.org/jeu/{number}/fichier-{place}.csv",
                "name": f"Fichier {place}",
                "description": f"Données synthétiques, partie {place}",
                "format": "CSV",
                "mimetype": "text/csv",
                "size": 1000 + number,
                "created": "2020-01-01T00:00:00.000000",
                "last_modified": "2020-01-02T00:00:00.000000",
                "metadata_modified": modified,
                "url_type": None,
                "hash": "",
            }
            for place in range(RESOURCES)
        ],
    }


class Site:
    """The datasets, and what changed since the beginning: ``{number: (version, when)}``."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.changed: dict[int, tuple[int, str]] = {}
        self.tells_changes = True

    def one(self, number: int) -> dict[str, Any]:
        version, when = self.changed.get(number, (0, UNTOUCHED))
        return dataset(number, version, when)

    def touch(self, count: int) -> None:
        """Change so many, spread over all."""
        when = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
        step = max(1, self.count // count) if count else 1
        for number in range(0, step * count, step):
            self.changed[number] = (self.changed.get(number, (0, ""))[0] + 1, when)

    def answer(self, path: str, query: dict[str, str]) -> Any:
        name = path.rsplit("/", 1)[-1]
        if name == "package_search":
            since = re.search(r"metadata_modified:\[(\S+?)Z? TO ", query.get("fq", ""))
            numbers: Any = range(self.count)
            if since and self.tells_changes:
                numbers = [n for n in range(self.count) if self.changed.get(n, (0, UNTOUCHED))[1] >= since[1]]
            start, rows = int(query.get("start", 0)), int(query.get("rows", 10))
            return {"count": len(numbers), "results": [self.one(number) for number in numbers[start : start + rows]]}
        if name == "package_list":
            return [f"jeu-synthetique-{number}" for number in range(self.count)]
        if name == "package_show":
            digits = query["id"].rsplit("-", 1)[-1]
            return self.one(int(digits[:8], 16) if len(digits) == 12 else int(digits))
        if name == "organization_show":
            return {"id": uuid_of(8, 1), "name": "direction-synthetique", "title": "Direction synthétique", "state": "active"}
        return {"site_title": "Synthetic", "ckan_version": "2.10.4"}


def main(count: int) -> None:
    site = Site(count)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = json.dumps({"success": True, "result": site.answer(parts.path, query)}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Says nothing: what is timed is the other side."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "touch":
            site.touch(int(rest))
        else:
            site.tells_changes = rest == "on"
        print("done", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
