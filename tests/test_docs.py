"""The documentation builds strictly, and what the README says is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site" / "administrator" / "index.html").exists()


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_links_of_the_top_level_pages(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", (ROOT / name).read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_the_readme_names_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_every_exit_code_is_documented() -> None:
    from ckanext.ogptn.stack.errors import ExitCode

    text = (ROOT / "docs" / "administrator.md").read_text(encoding="utf-8")
    for code in ExitCode:
        if code not in {ExitCode.OK, ExitCode.USAGE}:
            assert re.search(rf"\| {int(code)} \|", text), code


def test_every_dependency_is_explained() -> None:
    setup = (ROOT / "setup.py").read_text()
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    wanted = re.findall(r"""^\s+["']([A-Za-z0-9_-]+)(?:\[[a-z]+\])?>=""", setup, re.M)
    assert len(wanted) > 15
    for name in wanted:
        assert f"`{name}" in text, name
