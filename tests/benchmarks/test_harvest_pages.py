"""How long the pages of harvesting take with a source of 50,000 records and a job of 20,000 issues, and by which queries.

pytest --ckan-ini=test.ini -m benchmark tests/benchmarks/test_harvest_pages.py -s
"""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action
from sqlalchemy import event

pytestmark = [pytest.mark.benchmark, pytest.mark.usefixtures("clean_db")]

RECORDS, ISSUES, SOURCES = 50_000, 20_000, 20
#: Milliseconds that a page may take on an idle machine of two cores, and queries that it may ask.
LIMIT_MS, LIMIT_QUERIES = 1_000, 60


def fill(agency: dict[str, Any]) -> tuple[str, str]:
    """Sources, one of them large, with its job. Gives their ids."""
    made = [
        call_action("ogptn_harvest_source_create", title=f"Source {n}", url=f"https://{n}.example", backend="ckan", owner_org=agency["id"])
        for n in range(SOURCES)
    ]
    large = made[0]["id"]
    job = call_action("ogptn_harvest_job_create", source_id=large)["id"]
    session = model.Session
    session.execute(
        sa.text(
            """INSERT INTO ogptn_harvest_record (source_id, guid, key, alias, state, hash, etag, last_modified, modified, title, url,
            media_type, content, written, offered, resources, first_seen, last_seen, missed_passes, indexed)
            SELECT :source, 'guid-' || n, encode(sha256(convert_to('guid-' || n, 'UTF8')), 'hex'), '',
            CASE WHEN n % 50 = 0 THEN 'refused' ELSE 'active' END, md5(n::text), '', '', '', 'Synthetic record ' || n,
            'https://a.example/' || n, 'application/json', convert_to(repeat(md5(n::text), 60), 'UTF8'), '{}', '{}', '{}',
            now(), now(), 0, true FROM generate_series(1, :count) AS n"""
        ),
        {"source": large, "count": RECORDS},
    )
    session.execute(
        sa.text(
            """INSERT INTO ogptn_harvest_issue (job_id, guid, title, severity, slug, field, values, created)
            SELECT :job, 'guid-' || n, 'Synthetic record ' || n, CASE WHEN n % 3 = 0 THEN 'error' ELSE 'warning' END,
            CASE WHEN n % 3 = 0 THEN 'refused' ELSE 'unreadable-date' END, 'notes', '{}', now() FROM generate_series(1, :count) AS n"""
        ),
        {"job": job, "count": ISSUES},
    )
    session.execute(sa.text("UPDATE ogptn_harvest_job SET phase = 'finished', started = created, finished = now()"))
    session.commit()
    session.execute(sa.text("ANALYZE ogptn_harvest_record, ogptn_harvest_issue, ogptn_harvest_job"))
    session.commit()
    return large, job


def test_pages_of_a_large_source(app: Any, agency: dict[str, Any]) -> None:
    source, job = fill(agency)
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    asked: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    engine = model.meta.engine
    assert engine is not None
    paths = {
        "sources": "/",
        "source": f"/source/{source}",
        "records": f"/source/{source}/records",
        "records, page 900": f"/source/{source}/records?page=900",
        "records, refused": f"/source/{source}/records?state=refused",
        "records, words": f"/source/{source}/records?q=record+4999",
        "job with issues": f"/job/{job}",
        "issues, page 300": f"/job/{job}?page=300",
        "issues, one kind": f"/job/{job}?severity=error&slug=refused",
    }
    app.get("/fr/harvest/", headers=headers)
    slow = []
    print()
    for name, path in paths.items():
        best = float("inf")
        for _ in range(3):
            asked.clear()
            event.listen(engine, "before_cursor_execute", count)
            begun = time.perf_counter()
            answer = app.get(f"/fr/harvest{path}", headers=headers)
            best = min(best, time.perf_counter() - begun)
            event.remove(engine, "before_cursor_execute", count)
            assert answer.status_code == 200
        print(f"{name:20}{best * 1000:8.0f} ms{len(asked):5} queries")
        if best * 1000 > LIMIT_MS or len(asked) > LIMIT_QUERIES:
            slow.append(name)
    begun = time.perf_counter()
    lines = app.get(f"/fr/harvest/job/{job}/issues.csv", headers=headers).get_data().count(b"\r\n")
    print(f"{'issues as CSV':20}{(time.perf_counter() - begun) * 1000:8.0f} ms{lines:6} lines")
    assert lines == ISSUES + 1
    assert not slow
