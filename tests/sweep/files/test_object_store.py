"""Trials' files in an object store (a real S3 server): complete, or not there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import s3

from sweep import StudySpec
from sweep.cli import main
from sweep.errors import UsageError
from sweep.files import location
from sweep.files.location import check, parse_location, refuse_secrets, text_of
from sweep.files.object_store import WHOLE, ObjectStorePath
from sweep.storage.studies import create_or_resume, write_spec
from sweep.storage.trial_folders import TrialFolders
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo

pytestmark = pytest.mark.filterwarnings("ignore")  # botocore's own

VALUES = {"rank": 2, "targets": "key+query"}
FILES = {"weights": b"w" * 70_000, "config": b"{}"}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An empty bucket."""
    with s3.server() as url:
        yield url


@pytest.fixture
def here(bucket: str, request: pytest.FixtureRequest) -> ObjectStorePath:
    """A prefix for this test."""
    return ObjectStorePath(bucket) / request.node.name


def test_a_file_exists_or_does_not(here: ObjectStorePath) -> None:
    """Overwritten, read back, copied to a disk, listed, deleted."""
    with pytest.raises(FileNotFoundError), location.local_copy(here / "a"):
        pass
    location.put_file(here / "a", b"1")
    location.put_file(here / "deep" / "b", b"2")
    location.put_file(here / "a", b"3")
    with location.local_copy(here / "a") as path:
        assert path.read_bytes() == b"3"

    assert not path.exists()
    assert [part.name for part in location.entries(here)] == ["a", "deep"]
    location.remove(here)
    location.remove(here)
    assert location.entries(here) == []


def test_another_process_s_writes_are_seen_at_once(here: ObjectStorePath) -> None:
    """Listings are not cached."""
    assert location.entries(here) == []
    code = (
        "import sys; from sweep.files.object_store import ObjectStorePath as Place; "
        "Place(sys.argv[1]).write(b'x')"
    )
    root = str(Path(location.__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code, str(here / "new")], check=True, env=environment)

    assert [part.name for part in location.entries(here)] == ["new"]
    assert (here / "new").read() == b"x"


@pytest.mark.parametrize("cut", range(4))
def test_an_incompletely_written_folder_does_not_exist(
    here: ObjectStorePath, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any number of its objects, also over an older one; written again it is complete."""
    location.put_folder(here, {"weights": b"old", "more": b"old"})
    write, left = ObjectStorePath.write, [cut]

    def dying(self: ObjectStorePath, data: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStorePath, "write", dying)
        if cut < 3:
            with pytest.raises(KeyboardInterrupt):
                location.put_folder(here, FILES)
        else:
            location.put_folder(here, FILES)
    assert location.is_whole(here) is (cut == 3)
    assert location.get_folder(here) == (FILES if cut == 3 else {})
    location.put_folder(here, FILES)
    assert location.get_folder(here) == FILES


def test_a_changed_object_is_an_error(here: ObjectStorePath) -> None:
    """Found by its checksum."""
    location.put_folder(here, FILES)
    (here / "weights").write(b"v" * 70_000)
    with pytest.raises(OSError, match="weights is not what was written"):
        location.get_folder(here)
    (here / WHOLE).write(b"{")
    with pytest.raises(OSError, match="is damaged"):
        location.get_folder(here)


@pytest.mark.parametrize("keep", ["best", "all", "none"])
def test_trials_keep_the_same_files_as_on_a_disk(here: ObjectStorePath, keep: str) -> None:
    """The adapter as the policy says; checkpoints are deleted in any case."""
    folders = TrialFolders(here, keep)
    for seed in (0, 1):
        location.put_file(folders.of(VALUES, seed) / "checkpoint", b"c")
        location.put_folder(folders.of(VALUES, seed) / "adapter", FILES)
    folders.tidy([(VALUES, 0), (VALUES, 1), (VALUES, 2)], best=(VALUES, 1))
    kept = {seed for seed in (0, 1) if folders.adapter(VALUES, seed)}

    assert kept == {"best": {1}, "all": {0, 1}, "none": set()}[keep]
    for seed in (0, 1):
        names = [part.name for part in location.entries(folders.of(VALUES, seed))]
        assert names == (["adapter"] if seed in kept else [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://nowhere/x", "Check bucket and credentials"),
        ("memory://x", "each process has its own"),
        ("nosuch://x", "Protocol not known"),
        ("https://127.0.0.1:1/x", "be a folder, or the URL of a store that can be written"),
    ],
)
def test_a_store_that_cannot_be_written_is_an_error_before_a_sweep(
    bucket: str, url: str, expected: str
) -> None:
    """One message."""
    del bucket
    with pytest.raises(UsageError, match=r"^--files must be a folder, or the URL") as caught:
        location.check(location.parse_location(url))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_library_of_a_store_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command to install it."""
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UsageError, match=r"pip install 'lorasweep\[remote\]'\.$"):
        location.check(location.parse_location("gs://bucket/x"))


def test_local_paths_are_accepted(tmp_path: Path) -> None:
    """Local paths, with a scheme or without."""
    found: list[Any] = [
        location.parse_location(text) for text in (f"file://{tmp_path}/a", f"{tmp_path}/a")
    ]
    assert found == [tmp_path / "a", tmp_path / "a"]
    location.check(found[0])
    location.put_folder(found[0], FILES)
    assert location.get_folder(found[1]) == FILES
    assert location.is_whole(found[1])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/runs", "s3://bucket/runs"),
        ("s3://key:s3cret@bucket/runs", "s3://key:***@bucket/runs"),
        ("s3://key:s3/cr+et@bucket/runs", "s3://key:***@bucket/runs"),
        ("sftp://me@host:22/a/b@c", "sftp://me@host:22/a/b@c"),
        ("sftp://host:22/a@b", "sftp://host:22/a@b"),
        ("az://box/x?sig=s3cret&sv=2", "az://box/x?sig=***&sv=2"),
        ("https://h/x?AccessKey=s3cret", "https://h/x?AccessKey=***"),
    ],
)
def test_a_password_in_a_url_is_refused_and_not_shown(url: str, shown: str) -> None:
    """Messages have the URL without it; the study would store it."""
    assert str(ObjectStorePath(url)) == shown
    assert text_of(ObjectStorePath(url) / "x") == f"{url}/x"
    if url == shown:
        refuse_secrets(url)
        return
    with pytest.raises(UsageError, match="--files must hold no password") as caught:
        refuse_secrets(url)

    assert "s3cret" not in str(caught.value)


def test_a_tilde_is_the_home_folder() -> None:
    """As in a shell; the home of an unknown user is one error."""
    assert parse_location("~/runs") == Path.home() / "runs"
    assert parse_location("runs/~") == Path("runs/~")
    with pytest.raises(UsageError, match="--files must begin with a home folder that there is"):
        parse_location("~no-such-user/runs")


@pytest.mark.parametrize("library", ["there", "missing"])
def test_with_an_unreachable_store_status_still_works(
    library: str,
    address: StorageUrl,
    spec: StudySpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Only the best trial's adapter is unknown; a resume fails at once."""
    study = create_or_resume(address, spec, ObjectiveInfo())
    write_spec(study, spec, ObjectiveInfo())
    study.set_user_attr("files", "nostore://bucket/x")
    study.enqueue_trial({"rank": 2, "alpha": 1, "targets": "query+value"})
    study.tell(study.ask(), 0.5)
    if library == "missing":
        monkeypatch.setitem(sys.modules, "fsspec", None)
        monkeypatch.setitem(sys.modules, "fsspec.core", None)
    where = ("--storage", address.url)
    for command in (["status"], ["status", "--json"], ["report", "--quick", "--out"]):
        out = [str(tmp_path / "page")] if command[-1] == "--out" else []
        assert main([*command, *out, *where]) == 0
    assert "has an adapter is not known" in caplog.text
    assert ("pip install 'lorasweep[remote]'" in caplog.text) is (library == "missing")
    with pytest.raises(UsageError, match="--files must be a folder, or the URL of a store that"):
        check(parse_location("nostore://bucket/x"))
