"""Folders of files: copies of a study, and studies of one name, cannot share one."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna
import pytest

from sweep import StudySpec
from sweep.errors import ResumeError
from sweep.files.location import Location
from sweep.storage.guard import give_up, take
from sweep.storage.owner import DriverLease
from sweep.storage.studies import create_or_resume, read_identity, write_spec
from sweep.storage.trial_folders import MARK, TrialFolders, renew, take_folder
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo


class Home:
    """A driver's use of a study's folder, for one spec."""

    def __init__(self, spec: StudySpec) -> None:
        self.spec = spec

    def folder(self, study: optuna.Study, address: StorageUrl, files: Path | str) -> Location:
        """The folder of the study's files."""
        identity = read_identity(study)
        return TrialFolders.of_study(address, self.spec.name, "all", str(files), identity).root

    def open(self, database: Path) -> tuple[optuna.Study, DriverLease, StorageUrl]:
        """Open the study there, created if missing."""
        address = StorageUrl.parse(f"sqlite:///{database}")
        study = create_or_resume(address, self.spec, ObjectiveInfo())
        owner = take(study, address, take_over=True)
        write_spec(study, self.spec, ObjectiveInfo())
        return study, owner, address

    def drive(self, database: Path, files: Path) -> Location:
        """Use the folder from beginning to end."""
        study, owner, address = self.open(database)
        root = self.folder(study, address, files)
        take_folder(root, study, address)
        renew(root, study, address)
        give_up(study, owner)
        return root


@pytest.fixture
def home(spec: StudySpec) -> Home:
    """Drivers of this test's study."""
    return Home(spec)


def test_two_studies_of_one_name_have_separate_folders(home: Home, tmp_path: Path) -> None:
    """In any databases."""
    roots = {home.drive(tmp_path / name, tmp_path / "files") for name in ("a.db", "b.db")}

    assert len(roots) == 2
    assert len(list((tmp_path / "files").iterdir())) == 2


def test_beside_its_database_a_study_has_a_plain_folder(home: Home, tmp_path: Path) -> None:
    """No other database's study can be there."""
    study, _, address = home.open(tmp_path / "a.db")

    assert home.folder(study, address, "") == tmp_path / "a.db.files" / home.spec.name


def test_a_study_without_an_id_keeps_its_folder(home: Home, tmp_path: Path) -> None:
    """Older studies would otherwise lose checkpoints and adapters."""
    study, _, address = home.open(tmp_path / "a.db")
    study.set_user_attr("id", "")
    write_spec(study, home.spec, ObjectiveInfo())

    assert home.folder(study, address, tmp_path) == tmp_path / home.spec.name


@pytest.mark.parametrize("during", [True, False], ids=["while it is driven", "afterwards"])
def test_of_two_copies_only_one_uses_the_folder(
    home: Home, tmp_path: Path, *, during: bool
) -> None:
    """The other gets an error that names the first, and continues with another folder."""
    files = tmp_path / "files"
    study, owner, address = home.open(tmp_path / "a.db")
    root = home.folder(study, address, files)
    take_folder(root, study, address)
    if during:
        shutil.copy(tmp_path / "a.db", tmp_path / "b.db")
    renew(root, study, address)
    give_up(study, owner)
    if not during:
        shutil.copy(tmp_path / "a.db", tmp_path / "b.db")
    for _ in range(2):
        with pytest.raises(ResumeError, match=r"no other copy.*a\.db\). Name another folder"):
            home.drive(tmp_path / "b.db", files)
        assert home.drive(tmp_path / "a.db", files) == root

    assert home.drive(tmp_path / "b.db", tmp_path / "others") != root
    assert home.drive(tmp_path / "a.db", files) == root


def test_a_copy_on_another_machine_is_recognised_by_its_token(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first one's database cannot be looked up."""
    study, owner, address = home.open(tmp_path / "a.db")
    root = home.folder(study, address, tmp_path / "files")
    take_folder(root, study, address)
    shutil.copy(tmp_path / "a.db", tmp_path / "b.db")
    shutil.copy(tmp_path / "a.db", tmp_path / "c.db")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("sweep.storage.owner._text", lambda _: "another machine")
        assert home.drive(tmp_path / "b.db", tmp_path / "files") == root  # it has been moved
        with pytest.raises(ResumeError, match="no other copy"):
            home.drive(tmp_path / "c.db", tmp_path / "files")
    give_up(study, owner)
    with pytest.raises(ResumeError, match="no other copy"):
        home.drive(tmp_path / "a.db", tmp_path / "files")


def test_a_moved_study_finds_its_files(home: Home, tmp_path: Path) -> None:
    """When moved alone, or with the folder."""
    root = home.drive(tmp_path / "a.db", tmp_path / "files")
    (tmp_path / "a.db").rename(tmp_path / "b.db")
    assert home.drive(tmp_path / "b.db", tmp_path / "files") == root
    shutil.copy(tmp_path / "b.db", tmp_path / "c.db")
    shutil.copytree(tmp_path / "files", tmp_path / "more")

    assert home.drive(tmp_path / "c.db", tmp_path / "more") == tmp_path / "more" / root.name
    assert home.drive(tmp_path / "b.db", tmp_path / "files") == root


def test_an_unreadable_mark_is_replaced(
    home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning."""
    root = home.drive(tmp_path / "a.db", tmp_path / "files")
    assert isinstance(root, Path)
    (root / MARK).write_bytes(b"\xff{")

    assert home.drive(tmp_path / "a.db", tmp_path / "files") == root
    assert "cannot be read" in caplog.text
