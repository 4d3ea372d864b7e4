"""Atomic writes: what a reader finds after a killed writer, or after a failed write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.files.atomic import clear_scratch, write_file, write_folder

KILLED_AT = """
import os, shutil, sys
from pathlib import Path
from sweep.files.atomic import write_file, write_folder
owner, name, kind, path = sys.argv[1:]
setattr({"os": os, "shutil": shutil, "Path": Path}[owner], name, lambda *_, **__: os._exit(9))
if kind == "file":
    write_file(Path(path), b"new")
else:
    write_folder(Path(path), {"one": b"new", "two": b"new"})
"""


def kill_while_writing(owner: str, name: str, kind: str, path: Path) -> None:
    """Write in another process that is killed when it calls ``owner.name``."""
    script = [sys.executable, "-c", KILLED_AT, owner, name, kind, str(path)]
    assert subprocess.run(script, check=False).returncode == 9


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [("os", "fsync", b"old"), ("Path", "replace", b"old"), ("os", "open", b"new")],
)
def test_a_writer_killed_at_any_moment_leaves_a_complete_file(
    tmp_path: Path, owner: str, name: str, expected: bytes
) -> None:
    """The old one until the new one is complete."""
    path = tmp_path / "file"
    write_file(path, b"old")
    kill_while_writing(owner, name, "file", path)

    assert path.read_bytes() == expected
    clear_scratch(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("owner", "name"), [("os", "fsync"), ("Path", "replace")])
def test_a_folder_appears_completely_or_not_at_all(tmp_path: Path, owner: str, name: str) -> None:
    """A killed writer's partial folder is deleted."""
    path = tmp_path / "folder"
    kill_while_writing(owner, name, "folder", path)
    assert not path.exists()
    clear_scratch(path)
    assert list(tmp_path.iterdir()) == []
    write_folder(path, {"one": b"1", "two": b"2"})

    assert {each.name: each.read_bytes() for each in path.iterdir()} == {"one": b"1", "two": b"2"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_the_old_one(tmp_path: Path) -> None:
    """None of the old files stay."""
    write_folder(tmp_path / "folder", {"one": b"1", "two": b"2"})
    write_folder(tmp_path / "folder", {"two": b"3"})

    assert [each.read_bytes() for each in (tmp_path / "folder").iterdir()] == [b"3"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a folder, and the exception is raised."""

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_file(tmp_path / "new" / "file", b"data")
    with pytest.raises(OSError, match="Input/output error"):
        write_folder(tmp_path / "new" / "folder", {"one": b"data"})

    assert list((tmp_path / "new").iterdir()) == []
