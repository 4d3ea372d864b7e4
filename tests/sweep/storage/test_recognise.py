"""A file of another kind is refused with one message and unchanged, byte for byte."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sweep import StudySpec
from sweep.errors import StorageError
from sweep.storage.journal import is_record
from sweep.storage.studies import create_or_resume, load_study, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.transfer.copy import copy_study

RECORD = json.dumps({"op_code": 0, "worker_id": "w", "study_name": "s", "directions": [2]})
FILES = {
    "a table": "rank,loss\n1,0.5\n2,0.25",
    "a table with a line break at its end": "rank,loss\n1,0.5\n",
    "JSON lines of another program": '{"name": "a"}\n{"name": "b"}\n{"na',
    "a JSON document": '{\n "op_code": 1\n}',
    "records without a worker": '{"op_code": 0}\n{"op',
    "an operation that there is not": '{"op_code": 99, "worker_id": "w"}\n{"op',
    "a record and another text": f"{RECORD}\nnotes\n{RECORD}\n",
    "half a first line": '{"op_code":0,"wor',
    "one number": "1\n2\n3",
    "bytes": "\0\1\2\n\0",
    "a line of 5000 brackets": "[" * 5000 + "\n{",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_file_of_another_kind_is_unchanged(
    kind: str, text: str, tmp_path: Path, spec: StudySpec
) -> None:
    """Reading it, running a study in it, and copying to it or from it are refused."""
    path = tmp_path / "theirs"
    path.write_text(text)
    address = StorageUrl.parse(f"{kind}:///{path}")
    other = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    create_or_resume(other, spec, ObjectiveInfo())
    for act in (
        lambda: load_study(address),
        lambda: create_or_resume(address, spec, ObjectiveInfo()),
        lambda: copy_study(other, spec.name, address),
        lambda: copy_study(address, None, other),
    ):
        with pytest.raises(
            StorageError, match=r"^(--storage|FROM|TO) must be a "
        ) as own_attributes:
            act()
        assert "\n" not in str(own_attributes.value)

    assert path.read_text() == text


def test_a_database_is_no_journal(tmp_path: Path, spec: StudySpec) -> None:
    """Its end would be cut off; the message has the right URL."""
    path = tmp_path / "study.db"
    create_or_resume(StorageUrl.parse(f"sqlite:///{path}"), spec, ObjectiveInfo())
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"got 'a database of SQLite' .*Write sqlite:///"):
        create_or_resume(StorageUrl.parse(f"journal:///{path}"), spec, ObjectiveInfo())

    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
@pytest.mark.parametrize("what", ["folder", "pipe", "device", "link to a folder", "link to a text"])
def test_a_path_that_is_no_file_is_refused(
    kind: str, what: str, tmp_path: Path, spec: StudySpec
) -> None:
    """At once: opening a pipe would block."""
    path = tmp_path / "place"
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes").write_text("notes\nand more")
    if what == "folder":
        path = tmp_path / "folder"
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path = Path("/dev/null")
    else:
        path.symlink_to(tmp_path / ("folder" if what.endswith("folder") else "notes"))
    address = StorageUrl.parse(f"{kind}:///{path}")
    for act in (load_study, lambda address: create_or_resume(address, spec, ObjectiveInfo())):
        with pytest.raises(StorageError, match=r"^--storage must be "):
            act(address)

    assert (tmp_path / "notes").read_text() == "notes\nand more"


@pytest.mark.parametrize("tail", ['{"op_code":4,"wor', '{"op', "\0\0\0"])
def test_a_partial_last_line_of_a_journal_is_cut_off(
    tail: str, tmp_path: Path, spec: StudySpec
) -> None:
    """By a driver; a reader leaves it."""
    address = StorageUrl.parse(f"journal:///{tmp_path}/s.log")
    write_spec(create_or_resume(address, spec, ObjectiveInfo()), spec, ObjectiveInfo())
    assert address.path is not None
    whole = address.path.read_bytes()
    address.path.write_bytes(whole + tail.encode())
    load_study(address)
    assert address.path.read_bytes() == whole + tail.encode()
    create_or_resume(address, spec, ObjectiveInfo())

    assert address.path.read_bytes() == whole


def test_a_complete_record_without_its_newline_is_kept(tmp_path: Path, spec: StudySpec) -> None:
    """An editor may have removed the newline."""
    address = StorageUrl.parse(f"journal:///{tmp_path}/s.log")
    create_or_resume(address, spec, ObjectiveInfo()).set_user_attr("note", "kept")
    assert address.path is not None
    whole = address.path.read_bytes()
    address.path.write_bytes(whole[:-1])

    assert create_or_resume(address, spec, ObjectiveInfo()).user_attrs["note"] == "kept"
    assert address.path.read_bytes() == whole


@pytest.mark.parametrize(
    ("line", "known"),
    [
        (RECORD, True),
        ('{"op_code": 10, "worker_id": "w"}', True),
        ('{"op_code": 11, "worker_id": "w"}', False),
        ('{"op_code": true, "worker_id": "w"}', False),
        ('{"op_code": "0", "worker_id": "w"}', False),
        ('{"op_code": 0, "worker_id": 0}', False),
        ("[0]", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_record_names_an_operation_and_a_worker(line: str, known: bool) -> None:  # noqa: FBT001
    """Whatever its other fields."""
    assert is_record(line.encode()) is known
