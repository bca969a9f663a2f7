"""A CKAN site on the loopback that answers ``package_search`` from a list that tests change."""

from __future__ import annotations

import copy
import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.conftest import SourceServer


def remote_dataset(number: int, **more: Any) -> dict[str, Any]:
    """A dataset as a Tunisian CKAN 2.9 portal shows it; made up."""
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "name": f"jeu-{number}",
        "title": f"Jeu de données synthétique {number}",
        "notes": "Données synthétiques",
        "type": "dataset",
        "state": "active",
        "license_id": "OTL",
        "metadata_created": f"2020-01-01T00:00:{number % 60:02}",
        "metadata_modified": "2025-03-11T10:00:00",
        "organization": {"name": "energie", "title": "Direction Générale de l’Energie"},
        "tags": [{"name": "Port"}, {"name": "ولاية بنزرت"}],
        "extras": [{"key": "temporal_startDate", "value": "2015/01/01"}, {"key": "temporal_endDate", "value": "2016/12/31"}],
        "resources": [
            {
                "id": f"11111111-0000-4000-8000-{number:06}{place:06}",
                "url": f"https://example.tn/{number}/{place}.csv",
                "name": f"Fichier {place}",
                "format": "CSV",
            }
            for place in range(2)
        ],
        **more,
    }


class CkanFace:
    """``datasets`` is what the site has; ``asked`` tells of each search since when changes were asked for (``""``: everything)."""

    def __init__(self, server: SourceServer, count: int = 0) -> None:
        self.server = server
        self.url = server.url
        self.datasets: list[Any] = [remote_dataset(number) for number in range(count)]
        self.asked: list[str] = []
        #: What the site says that it has, if it lies.
        self.count: int | None = None
        server.says("/api/3/action/package_search", self._search)
        server.says("/api/3/action/status_show", json.dumps({"success": True, "result": {"site_title": "Test", "ckan_version": "2.9.9"}}))

    def _search(self, handler: BaseHTTPRequestHandler) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        start, rows = int(query.get("start", 0)), int(query.get("rows", 10))
        since = re.search(r"metadata_modified:\[(\S+)Z TO \*\]", query.get("fq", ""))
        self.asked.append(since[1] if since else "")
        found = [
            each
            for each in copy.deepcopy(self.datasets)
            if since is None or (isinstance(each, dict) and each["metadata_modified"] >= since[1])
        ]
        body = json.dumps(
            {"success": True, "result": {"count": len(found) if self.count is None else self.count, "results": found[start : start + rows]}}
        ).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
