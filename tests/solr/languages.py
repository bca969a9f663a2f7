"""The table of Arabic and French queries (``tests/search/languages.yaml``) put to both engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.solr.corpus import SITE_ID, Corpus, Document, documents
from tests.solr.engines import Connection
from tests.solr.relevance import ranked

TABLE_FILE = Path(__file__).resolve().parents[1] / "search" / "languages.yaml"


@dataclass(frozen=True)
class Row:
    """One query: the datasets it must find and must not, and what each engine found."""

    text: str
    wanted: frozenset[str]
    unwanted: frozenset[str]
    found: Mapping[str, frozenset[str]]

    def right(self, engine: str) -> bool:
        return self.wanted <= self.found[engine] and not self.unwanted & self.found[engine]


def read() -> dict[str, Any]:
    return yaml.safe_load(TABLE_FILE.read_text(encoding="utf-8"))


def library() -> list[Document]:
    """The table's datasets through CKAN's own index code. Needs a loaded CKAN."""
    blank = {**Corpus(1).package(0), "tags": [], "groups": [], "resources": [], "extras": [], "state": "active", "private": False}
    packages = [{**blank, "id": f"lang-{name}", "name": name, **fields} for name, fields in read()["datasets"].items()]
    made = list(documents(packages))
    assert all(document["site_id"] == SITE_ID for document in made)
    return made


def ask_all(engines: Mapping[str, Connection]) -> list[Row]:
    """Every query of the table, typed as a visitor does, on engines that hold :func:`library`."""
    return [
        Row(
            str(row["q"]),
            frozenset(row["found"]),
            frozenset(row.get("absent", ())),
            {name: frozenset(hit for hit, _score, _title in ranked(engine, str(row["q"]), 100)) for name, engine in engines.items()},
        )
        for row in read()["queries"]
    ]


def table(rows: Sequence[Row], engines: Sequence[str]) -> str:
    """Query, what must be found, and per engine "yes" or what it misses."""
    lines = [f"| query | must be found | {' | '.join(engines)} |", f"|---|---|{'---|' * len(engines)}"]
    for row in rows:
        cells = []
        for engine in engines:
            missed = sorted(row.wanted - row.found[engine])
            wrong = sorted(row.unwanted & row.found[engine])
            cells.append("yes" if row.right(engine) else "misses " + ", ".join(missed) if missed else "finds " + ", ".join(wrong))
        lines.append(f"| {row.text} | {', '.join(sorted(row.wanted))} | {' | '.join(cells)} |")
    totals = " | ".join(f"{sum(row.right(engine) for row in rows)} of {len(rows)}" for engine in engines)
    return "\n".join([*lines, f"| | | {totals} |"])
