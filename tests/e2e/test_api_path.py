"""A steward's whole path by the action API, with the very lines of ``docs/developer.md``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ckan import model
from ckan.tests import factories

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="NO CURL: the lines of the documentation were not run")
def test_the_lines_of_the_documentation(portal: str, agency_factory: Any) -> None:
    user = factories.UserWithToken()
    agency = agency_factory(editors=[user["name"]])
    text = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
    [lines] = re.findall(r"## Publish by program\n.*?```bash\n(.*?)```", text, re.DOTALL)
    mine = {"portal": portal, "token": user["token"], "agency": agency["name"], "no_proxy": "127.0.0.1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", lines], env=mine, capture_output=True, text=True, check=True, timeout=120)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["success"] for answer in answers] == [False, True, True, True, True], answers
    mistake, published, found, _changed, shown = answers
    assert set(mistake["error"]) - {"__type"} == {"due_on"}
    assert "31/02/2016" in mistake["error"]["due_on"][0]
    assert re.search("[\u0621-\u064a]", mistake["error"]["due_on"][0])
    assert (published["result"]["commitment_number"], published["result"]["due_on"]) == ("99", "2016-02-29")
    assert [record["name"] for record in found["result"]["results"]] == ["budget-ouvert"]
    assert shown["result"]["title_translated"]["ar"] == "الميزانية المفتوحة للدولة"
    assert shown["result"]["completion_level"] == "substantial"
    model.Session.expire_all()
    assert model.Session.query(model.Package).count() == 1
