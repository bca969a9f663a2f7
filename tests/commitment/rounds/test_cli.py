"""``ckan ogptn-commitments round``: what an administrator types, what a script reads, how it ends."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from ckan.cli.cli import ckan
from ckan.lib import jobs

from ...mail import Letters
from ..conftest import House


@pytest.fixture
def made(clean_db: None, house: Callable[[], House]) -> House:
    return house()


def test_a_round_from_the_command_line(made: House, mail: Letters, cli: Any) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        done = cli.invoke(ckan, ["ogptn-commitments", "round", *arguments])
        assert done.exit_code == code, done.output
        return done.output

    def read(*arguments: str) -> Any:
        output = run(*arguments, "--json")
        # The runner mixes the log in, whose lines begin with a date.
        begin = re.search(r"(?m)^[\[{]", output)
        assert begin, output
        return json.JSONDecoder().raw_decode(output, begin.start())[0]

    assert "No reporting round" in run("list")
    later = (dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days=9)).isoformat()
    given = ("--plan", "nap1", "--title-fr", "Cycle", "--period-end", "2016")
    assert "This day has passed" in run("open", *given, "--due", "2016-01-01", code=1)
    assert "no record “none”" in run("open", *given, "--due", later, "--commitment", "none", code=1)
    run("open", *given, code=2)
    opened = read("open", *given, "--due", later)
    assert (opened["open"], opened["states"]["waiting"], opened["mails"]) == (True, 3, 2)
    first = made.act("show", made.coordinator, id=opened["id"])["items"][0]
    report = {"completion_level": "substantial", "done": {"ar": "تم"}}
    made.act("item_save", made.stewards[0], id=first["id"], report=report, submit=True)
    jobs.get_queue().empty()
    assert "Reports not sent yet: 2. Reminders written: 2." in run("remind", opened["id"])
    # The command reads the site's settings anew, the mail server's address among them: the letters are read where they wait.
    letters = {each["email"]: each["body"] for job in jobs.get_queue().jobs for each in job.args[0]}
    assert {address: body.count("/report/") for address, body in letters.items()} == {user["email"]: 1 for user in made.stewards}
    assert [called["id"] for called in read("list")] == [opened["id"]]
    assert [item["state"] for item in read("show", opened["id"])["items"]] == ["submitted", "waiting", "waiting"]
    assert "submitted" in run("show", opened["id"])
    assert "closed" in run("close", opened["id"])
    assert "closed already" in run("close", opened["id"], code=1)
    run("remind", opened["id"], code=1)
    assert "no such reporting round" in run("show", "none", code=1)
