from pathlib import Path

import pytest

from sweep.storage.trial_folders import TrialFolders
from sweep.storage.url import StorageUrl

VALUES = {"rank": 2, "targets": "key+query"}


def fill(folder: Path) -> Path:
    """A trial's files: a checkpoint and an adapter."""
    (folder / "adapter").mkdir(parents=True)
    (folder / "adapter" / "weights").write_text("w")
    (folder / "checkpoint").write_text("c")
    return folder


def left(folder: Path) -> list[str]:
    """The remaining files."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_folder_belongs_to_a_configuration_and_a_seed(tmp_path: Path) -> None:
    """Not to a trial number; order does not matter, types do."""
    folders = TrialFolders(tmp_path, "best")

    assert folders.of(VALUES, 0) == folders.of(dict(reversed(VALUES.items())), 0)
    others = {folders.of(VALUES, 1), folders.of({**VALUES, "rank": 4}, 0)}
    others |= {folders.of({**VALUES, "rank": 2.0}, 0), folders.of(VALUES, 0)}
    assert len(others) == 4
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("keep", "best", "kept"),
    [
        ("best", True, ["adapter"]),
        ("best", False, []),
        ("all", True, ["adapter"]),
        ("all", False, ["adapter"]),
        ("none", True, []),
        ("none", False, []),
    ],
)
def test_a_complete_trial_keeps_files_as_the_policy_says(
    tmp_path: Path, keep: str, *, best: bool, kept: list[str]
) -> None:
    """The checkpoint is deleted in any case."""
    folders = TrialFolders(tmp_path, keep)
    folder = fill(folders.of(VALUES, 0))
    folders.settle(VALUES, 0, best=best)

    assert left(folder) == kept
    assert (folders.adapter(VALUES, 0) is not None) is bool(kept)


def test_a_folder_without_an_adapter_is_deleted(tmp_path: Path) -> None:
    """No empty folder remains."""
    folders = TrialFolders(tmp_path, "best")
    folder = folders.of(VALUES, 0)
    folder.mkdir(parents=True)
    (folder / "checkpoint").touch()
    folders.settle(VALUES, 0, best=True)

    assert not folder.exists()


def test_files_left_by_a_killed_driver_are_deleted(tmp_path: Path) -> None:
    """Of complete trials; another's checkpoint may still be used."""
    folders = TrialFolders(tmp_path, "best")
    first, second, third = (fill(folders.of(VALUES, seed)) for seed in range(3))
    folders.tidy([(VALUES, 0), (VALUES, 1)], best=(VALUES, 1))

    assert (left(first), left(second)) == ([], ["adapter"])
    assert left(third) == ["adapter", "checkpoint"]


def test_files_are_beside_the_database_for_any_study_name() -> None:
    """Or in the user's folder; a server has none beside it."""
    sqlite = StorageUrl.parse("sqlite:///runs/a/study.db")
    server = StorageUrl.parse("postgresql://u:secret@h/d")

    def root(address: StorageUrl, files: str = "") -> Path:
        return TrialFolders.of_study(address, "../x", "best", files).of(VALUES, 0).parent

    assert root(sqlite).parent == Path("runs/a/study.db.files").absolute()
    assert root(server).parent == Path("runs/files").absolute()
    assert root(server, "/data/here").parent == Path("/data/here")
    assert ".." not in str(root(sqlite))


def test_a_file_that_cannot_be_removed_fails_no_trial(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged."""
    folders = TrialFolders(tmp_path, "none")
    fill(folders.of(VALUES, 0))

    def refuse(_: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr("shutil.rmtree", refuse)
    folders.settle(VALUES, 0, best=True)

    assert "cannot be removed (no)" in caplog.text
