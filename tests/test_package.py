"""The wheel is complete, and an environment that has only the wheel runs the site."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.services import NAMES
from tests.stack.conftest import Portal, processes_below

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "ckanext-ogptn": "ckanext/ogptn",
    "scheming_schemas": "ckanext/ogptn/scheming_schemas",
    "harvesters": "ckanext/ogptn/harvesters",
    "seed": "ckanext/ogptn/seed",
}
PAGES = ("/about", "/ar/user/login", "/api/3/action/status_show")
SEARCH_PAGES = ("/", "/fr/dataset/", "/api/3/action/package_search")
#: Our plugins alone and together, with what each needs of others.
COMBINATIONS = {
    "ogptn": ("ogptn", PAGES),
    "ogptn_harvest": ("ogptn_harvest", PAGES),
    "ogptn_search": ("ogptn_search", PAGES + SEARCH_PAGES),
    "ogptn with its forms": ("ogptn ogptn_search scheming_datasets scheming_organizations", PAGES + SEARCH_PAGES),
    "together": ("ogptn ogptn_harvest ogptn_search scheming_datasets scheming_organizations dcat activity", PAGES + SEARCH_PAGES),
}


def tracked(folder: str) -> list[str]:
    """Files of the repository below a folder; of an unpacked archive without git: all files there."""
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() or [
        str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    return [name for name in names if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(folder), str(ROOT)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_wheel_has_every_file(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    expected = {inside + name[len(folder) :] for folder, inside in FOLDERS.items() for name in tracked(folder)}
    assert len(expected) > 50
    assert expected - names == set()


def test_ckan_finds_the_migrations_of_this_checkout() -> None:
    """CKAN looks below the last ``/ckanext/`` of a plugin's path (docs/decisions/0001); an editable install has to have one."""
    script = "import inspect, ckanext.ogptn.plugin as plugin; print(inspect.getsourcefile(plugin.OgptnPlugin))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/").stdout.strip()
    assert found.endswith("/ckanext/ogptn/plugin.py")
    assert (Path(found).parent / "migration" / "ogptn" / "alembic.ini").is_file()


def test_the_source_distribution_has_every_file_once(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = ["/".join(name.split("/")[1:]) for name in archive.getnames()]
    expected = {inside + name[len(folder) :] for folder, inside in FOLDERS.items() for name in tracked(folder)}
    assert expected - set(names) == set()
    assert not [name for name in names if name.startswith(tuple(f"{folder}/" for folder in FOLDERS))]
    assert {"README.md", "LICENSE", "setup.py", "requirements.lock"} <= set(names)


@pytest.fixture(scope="module")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new virtual environment with the wheel and what it asks for, of the versions in the lock file. Gives its folder of programs."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    wheel = next(built.glob("*.whl"))
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--python", str(folder), "--constraints", str(ROOT / "requirements.lock"), f"{wheel}[stack]"],
    ):
        done = subprocess.run([sys.executable, "-m", "uv", *command], capture_output=True, text=True, check=False, cwd=folder.parent)
        assert done.returncode == 0, done.stderr
    # What is compiled here goes with this environment, and not into the cache of the suite.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPYCACHEPREFIX", raising=False)
        yield folder / "bin"


@pytest.fixture(scope="module")
def portal_of_wheel(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    from ckanext.ogptn.stack.process import free_port

    portal = Portal(tmp_path_factory.mktemp("wheel") / "data", free_port())
    started = subprocess.run(
        [environment / "ogptn", "up", "--detach", "--demo"],
        capture_output=True, text=True, check=False, env=portal.environment(), cwd=portal.root.parent, timeout=300,
    )  # fmt: skip
    assert started.returncode == 0, started.stdout + started.stderr
    yield portal
    subprocess.run([environment / "ogptn", "down"], env=portal.environment(), check=True, cwd=portal.root.parent)
    assert processes_below(portal.root) == []


def test_the_site_starts_from_the_wheel_with_content(portal_of_wheel: Portal) -> None:
    for path in ("/", "/ar/", "/fr/dataset/", "/en/organization/"):
        assert requests.get(portal_of_wheel.url + path, timeout=60).status_code == 200, path
    assert portal_of_wheel.api("package_search", fq="dataset_type:commitment", rows=0)["count"] == 21


@pytest.mark.parametrize("name", COMBINATIONS)
def test_plugins_alone_and_together_in_a_plain_ckan(name: str, environment: Path, tmp_path: Path) -> None:
    """As the README says it: CKAN's own configuration file, the plugins' names, ``ckan db upgrade``, and pages answer."""
    plugins, pages = COMBINATIONS[name]
    ini = tmp_path / "ckan.ini"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CKAN_")}
    subprocess.run([environment / "ckan", "generate", "config", str(ini)], check=True, capture_output=True, env=clean)
    with_services = {**clean, **{key: os.environ[key] for key in NAMES}, "CKAN_SOLR_URL": "http://127.0.0.1:1/solr/none"}
    settings = [
        f"ckan.plugins={plugins}", "ckan.site_id=ogptn_wheel", "ckan.locales_offered=ar fr en", f"ckan.storage_path={tmp_path}",
        "ckan.site_url=http://127.0.0.1:5000",
    ]  # fmt: skip
    subprocess.run([environment / "ckan", "config-tool", str(ini), *settings], check=True, capture_output=True, env=clean)
    upgraded = subprocess.run(
        [environment / "ckan", "-c", str(ini), "db", "upgrade"],
        capture_output=True,
        text=True,
        check=False,
        env=with_services,
        cwd=tmp_path,
    )
    assert "SUCCESS" in upgraded.stdout, upgraded.stdout + upgraded.stderr
    script = (
        "import sys; from ckan.cli import load_config; from ckan.config.middleware import make_app\n"
        f"client = make_app(load_config({str(ini)!r}))._wsgi_app.test_client()\n"
        "print({path: client.get(path, follow_redirects=True).status_code for path in sys.argv[1:]})"
    )
    answered = subprocess.run(
        [environment / "python", "-c", script, *pages], capture_output=True, text=True, check=False, env=with_services, cwd=tmp_path
    )
    assert answered.returncode == 0, answered.stderr
    assert answered.stdout.strip().splitlines()[-1] == str(dict.fromkeys(pages, 200)), answered.stderr
