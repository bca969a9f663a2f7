from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ckanext.ogptn.stack.errors import ExitCode, StackError
from ckanext.ogptn.stack.layout import Layout, default_data_dir, read_json, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_data_dir_is_the_variable_else_the_users_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OGPTN_DATA_DIR", str(tmp_path / "here"))
    assert default_data_dir() == tmp_path / "here"
    monkeypatch.delenv("OGPTN_DATA_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert default_data_dir() == tmp_path / "xdg" / "ogptn"


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    layout.create()
    first = layout.secrets()
    assert layout.secrets() == first
    assert len(set(vars(first).values())) == 6
    assert mode(layout.secrets_file) == 0o600
    assert mode(layout.storage) == 0o700


def test_damaged_secrets_are_never_replaced(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.secrets_file.write_text("{half")
    with pytest.raises(StackError, match="damaged"):
        layout.secrets()
    assert layout.secrets_file.read_text() == "{half"


def test_a_file_in_the_way_is_a_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError) as raised:
        Layout(tmp_path / "file" / "data").create()
    assert raised.value.code == ExitCode.NO_PERMISSION
    assert str(tmp_path) in raised.value.sentence
    assert "--data-dir" in raised.value.hint


def test_write_private_leaves_the_old_file_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_private(path, {"a": 1})

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, {"a": 2})
    assert read_json(path) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_read_json_takes_a_damaged_state_for_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    assert read_json(path) == {}
