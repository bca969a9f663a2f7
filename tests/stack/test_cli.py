"""The ``ogptn`` command as a person meets it, on a portal that is started once for the module."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest
import requests

from .conftest import Portal, processes_below


class TestWithoutPortal:
    def test_status_down_and_logs_say_so(self, nowhere: Portal) -> None:
        status = nowhere.run("status")
        assert status.returncode == 16
        assert "is not running" in status.stdout
        assert nowhere.run("down").returncode == 16
        assert nowhere.run("logs").returncode == 16
        assert nowhere.run("commitments", "round", "list").returncode == 16
        assert not nowhere.root.exists()

    def test_doctor_names_what_is_there_and_changes_nothing(self, nowhere: Portal) -> None:
        doctor = nowhere.run("doctor", "--json")
        findings = {finding["subject"]: finding for finding in json.loads(doctor.stdout)}
        assert doctor.returncode == 0
        assert findings["services"]["verdict"] == "note"
        assert "PostgreSQL" in findings["programs"]["sentence"]
        assert not nowhere.root.exists()

    def test_a_taken_port(self, nowhere: Portal) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", nowhere.port))
            taken.listen()
            up = nowhere.run("up")
            doctor = nowhere.run("doctor")
        assert up.returncode == 10
        assert f"Port {nowhere.port}" in up.stderr
        assert f"pid {os.getpid()}" in up.stderr
        assert "--port" in up.stderr
        assert doctor.returncode == 1
        assert processes_below(nowhere.root) == []

    def test_a_directory_that_cannot_be_written(self, nowhere: Portal, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        up = nowhere.run("up", "--data-dir", str(tmp_path / "file" / "below"))
        assert up.returncode == 11
        assert "cannot be written" in up.stderr
        assert "Traceback" not in up.stderr

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
    def test_a_directory_of_somebody_else(self, nowhere: Portal) -> None:
        nowhere.root.mkdir(mode=0o700)
        script = (
            "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
            "from ckanext.ogptn.stack.layout import Layout; from ckanext.ogptn.stack.errors import StackError; from pathlib import Path\n"
            f"try: Layout(Path({str(nowhere.root / 'x')!r})).create()\nexcept StackError as e: sys.exit(e.sentence)"
        )
        # Imported as root, since the checkout may not be readable for others.
        import sys

        done = subprocess.run(
            [sys.executable, "-c", "import ckanext.ogptn.stack.layout, ckanext.ogptn.stack.errors\n" + script],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "cannot be written" in done.stderr

    @pytest.mark.parametrize(
        ("variable", "address"),
        [
            ("CKAN_SQLALCHEMY_URL", "postgresql://u:hunter2@127.0.0.1:1/ckan"),
            ("CKAN_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0"),
            ("CKAN_SOLR_URL", "http://u:hunter2@127.0.0.1:1/solr/ckan"),
        ],
    )
    def test_a_wrong_address(self, nowhere: Portal, variable: str, address: str) -> None:
        up = nowhere.run("up", seconds=400, answer=None, **{variable: address})
        assert up.returncode == 14
        assert variable in up.stderr
        assert "hunter2" not in up.stdout + up.stderr
        assert processes_below(nowhere.root) == []

    @pytest.mark.parametrize("missing", ["psutil", "platformdirs"])
    def test_without_the_stack_extra(self, nowhere: Portal, tmp_path: Path, missing: str) -> None:
        (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('no', name='{missing}')")
        status = nowhere.run("status", PYTHONPATH=str(tmp_path))
        assert status.returncode == 15
        assert f"needs the package {missing}" in status.stderr
        assert "ckanext-ogptn[stack]" in status.stderr


class TestRunning:
    def test_the_first_start_gives_the_password_once(self, started: Portal) -> None:
        first = started.first_up  # type: ignore[attr-defined]
        password = first.split("Password: ")[1].split()[0]
        # CKAN's form needs a CSRF token and a session: as a browser does it.
        session = requests.Session()
        page = session.get(f"{started.url}/en/user/login", timeout=30).text
        token = page.split('name="_csrf_token" value="')[-1].split('"')[0] if 'name="_csrf_token"' in page else None
        answer = session.post(
            f"{started.url}/en/user/login", data={"login": "admin", "password": password, "_csrf_token": token}, timeout=30
        )
        assert "/user/login" not in answer.url
        for file in started.root.rglob("*.log"):
            assert password not in file.read_text(errors="replace"), file

    @pytest.mark.parametrize("path", ["/", "/ar/", "/fr/dataset/", "/en/organization/", "/api/3/action/status_show"])
    def test_pages_answer(self, started: Portal, path: str) -> None:
        assert requests.get(started.url + path, timeout=60).status_code == 200

    def test_status(self, started: Portal) -> None:
        status = started.status()
        assert status["ready"]
        assert status["address"] == started.url
        assert status["data_dir"] == str(started.root)
        assert {service["state"] for service in status["services"].values()} == {"running"}
        assert status["versions"]["ckan"].startswith("2.12")
        assert started.run("status").returncode == 0

    def test_commitments_are_handed_over_to_the_portals_own_command(self, started: Portal) -> None:
        rounds = started.run("commitments", "round", "list", "--json")
        assert rounds.returncode == 0, rounds.stderr
        assert json.loads(rounds.stdout) == []
        none = started.run("commitments", "round", "show", "none")
        # In the portal's own language.
        assert (none.returncode, "لا توجد هذه الجولة." in none.stderr) == (1, True)

    def test_a_second_up_changes_nothing(self, started: Portal) -> None:
        before = started.status()
        again = started.run("up")
        assert again.returncode == 0
        assert "running already" in again.stdout
        assert "Password" not in again.stdout
        assert started.status() == before

    def test_only_loopback_listens(self, started: Portal) -> None:
        import psutil

        pids = set(started.pids().values())
        listening = {
            connection.laddr.ip
            for connection in psutil.net_connections(kind="inet")
            if connection.laddr and connection.status == psutil.CONN_LISTEN and connection.pid in pids
        }
        assert listening == {"127.0.0.1"}

    def test_secrets_are_private_and_not_in_the_list_of_processes(self, started: Portal) -> None:
        import psutil

        for name in ("secrets.json", "ckan.ini", "state.json", "redis/redis.conf"):
            assert stat.S_IMODE((started.root / name).stat().st_mode) == 0o600, name
        secrets = json.loads((started.root / "secrets.json").read_text()).values()
        commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        assert not [command for command in commands if any(secret in command for secret in secrets)]

    def test_the_databases_want_their_passwords(self, started: Portal) -> None:
        import psycopg2

        port = started.status()["services"]["postgresql"]["port"]
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres")

    def test_reset_is_refused_while_it_runs(self, started: Portal) -> None:
        assert started.run("reset", "--yes").returncode == 17
        assert started.status()["ready"]

    def test_doctor_finds_nothing_wrong(self, started: Portal) -> None:
        doctor = started.run("doctor")
        assert doctor.returncode == 0, doctor.stdout
        assert "equals the database" in doctor.stdout

    def test_logs(self, started: Portal) -> None:
        assert "Listening at" in started.run("logs", "web", "-n", "500").stdout

    def test_the_datastore_is_read_only_for_its_reader(self, started: Portal) -> None:
        token = started.token()
        organisation = started.api("organization_create", token, name="stack-test", title_translated={"ar": "تجربة", "en": "Trial"})
        dataset = started.api(
            "package_create", token, name="stack-test", title_translated={"ar": "تجربة", "en": "Trial"},
            notes_translated={"ar": "تجربة"}, owner_org=organisation["id"],
        )  # fmt: skip
        table = started.api(
            "datastore_create", token, resource={"package_id": dataset["id"], "name_translated": {"ar": "جدول"}},
            fields=[{"id": "year", "type": "int"}], records=[{"year": 2016}],
        )  # fmt: skip
        found = started.api("datastore_search", resource_id=table["resource_id"])
        assert found["records"] == [{"_id": 1, "year": 2016}]
        assert started.run("doctor").returncode == 0


class TestLife:
    """Starting and stopping, on portals of their own."""

    def test_ctrl_c_stops_everything_in_order_and_reset_asks(self, nowhere: Portal) -> None:
        import signal

        up = nowhere.open("up", "--no-seed")
        assert up.stdout is not None
        lines = []
        for line in up.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        assert requests.get(nowhere.url, timeout=60).status_code == 200
        up.send_signal(signal.SIGINT)
        rest = up.stdout.read()
        assert up.wait(150) == 0
        order = [rest.index(f"stopping {name}") for name in ("the web server", "the background worker", "Redis", "PostgreSQL")]
        assert order == sorted(order)
        assert processes_below(nowhere.root) == []

        asked = nowhere.run("reset", answer="n\n")
        assert asked.returncode == 1
        assert (nowhere.root / "secrets.json").exists()
        keep = nowhere.root / "site.ini"
        keep.write_text("[app:main]\n")
        assert nowhere.run("reset", answer="y\n").returncode == 0
        assert [entry.name for entry in nowhere.root.iterdir() if not entry.name.startswith(".")] == ["site.ini"]

    def test_a_killed_service_stops_the_portal_with_a_sentence(self, nowhere: Portal) -> None:
        up = nowhere.open("up", "--no-seed")
        assert up.stdout is not None
        for line in up.stdout:
            if "Ctrl-C" in line:
                break
        pid = nowhere.pids()["redis"]
        nowhere.kill("redis")
        rest = up.stdout.read()
        assert up.wait(150) == 13
        assert f"Redis (pid {pid}) was killed (SIGKILL)" in rest
        assert "`ogptn up` again" in rest
        assert "Traceback" not in rest
        assert processes_below(nowhere.root) == []

        # A stale state file whose pids belong to nobody, or to a stranger, changes nothing.
        state = json.loads((nowhere.root / "state.json").read_text())
        assert state["clean"] is False
        state["services"] = {"web": {"pid": os.getpid(), "started": 1.0, "port": nowhere.port}}
        (nowhere.root / "state.json").write_text(json.dumps(state))
        (nowhere.root / "postgresql" / "postmaster.pid").write_text(f"{os.getpid()}\n/nowhere\n")
        again = nowhere.run("up", "--detach", "--no-seed")
        assert again.returncode == 0, again.stdout + again.stderr
        assert "comparing the search index" in again.stdout
        assert nowhere.run("down").returncode == 0
        assert json.loads((nowhere.root / "state.json").read_text())["clean"] is True
        assert processes_below(nowhere.root) == []
