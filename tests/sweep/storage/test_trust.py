"""The objective named by a database is imported only if the user trusts the database."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import lorasweep

from sweep.cli import main
from sweep.errors import StorageError, UsageError
from sweep.storage.studies import load_study, pinned, quiet_optuna, read_source, read_spec
from sweep.storage.trust import carry, remember, require
from sweep.storage.url import StorageUrl
from sweep.study.source import OWN, Source, is_own

OBJECTIVE = """
import os
from pathlib import Path
from objectives.synthetic import Synthetic
from helper import LINE

Path(os.environ["MARKER"]).write_text(LINE)

class Mine(Synthetic):
    pass
"""

STUDY = """
from sweep import Budget, Choice, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="toy",
    objective="my_objective:Mine",
    space=Space({"rank": Choice(1, 2, 4, 8), "alpha": Choice(1, 2), "targets": TargetSets("qkv")}),
    settings={"function": "surface"},
    budget=Budget(trials=2),
)
"""

Change = Callable[[Any], Any]


class Place:
    """A study whose objective is beside its file, and a user on a machine.

    Attributes:
        code: the folder of the study's file and objective.
        elsewhere: another working directory.
        marker: a file that importing the objective creates.
        state: the folder of the user's trusted studies.
    """

    def __init__(self, folder: Path) -> None:
        self.code, self.elsewhere = folder / "code", folder / "elsewhere"
        self.marker, self.state = folder / "marker", folder / "state"
        self.code.mkdir()
        self.elsewhere.mkdir()
        (self.code / "my_objective.py").write_text(OBJECTIVE)
        (self.code / "helper.py").write_text("LINE = 'imported'")
        (self.code / "toy.py").write_text(STUDY)
        self.address = StorageUrl.parse(f"sqlite:///{folder}/study.db")

    @property
    def storage(self) -> tuple[str, str]:
        """The options that name the database."""
        return "--storage", self.address.url

    def __call__(
        self, *arguments: str, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command as the user, from an unrelated folder."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment |= {"MARKER": str(self.marker), "XDG_STATE_HOME": str(self.state)}
        return lorasweep(cwd or self.elsewhere, *arguments, env=environment)

    def change(self, key: str, change: Change) -> None:
        """Change an attribute of the study as another person might."""
        with contextlib.closing(sqlite3.connect(self.address.path)) as database, database:
            query = "select value_json from study_user_attributes where key = ?"
            (text,) = database.execute(query, (key,)).fetchone()
            update = "update study_user_attributes set value_json = ? where key = ?"
            database.execute(update, (json.dumps(change(json.loads(text))), key))

    def ask(self, **granted: bool) -> bool:
        """Whether a resume would trust the study in this state."""
        with quiet_optuna():
            return require(load_study(self.address), self.address, granted, trusted=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A study that was run here, from a file whose folder is not on the Python path."""
    place = Place(tmp_path_factory.mktemp("made"))
    done = place("run", str(place.code / "toy.py"), *place.storage, "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert place.marker.is_file()
    return place


@pytest.fixture
def place(made: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A copy for each test, trusted by this process's user."""
    kept = made.address.path.read_bytes()
    shutil.copytree(made.state, made.state.with_name("kept"))
    made.marker.unlink(missing_ok=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(made.state))
    monkeypatch.setenv("MARKER", str(made.marker))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield made
    made.address.path.write_bytes(kept)
    shutil.rmtree(made.state, ignore_errors=True)
    made.state.with_name("kept").rename(made.state)


def test_a_study_made_here_resumes_from_any_folder(place: Place) -> None:
    """The folder of its file is stored with it; the objective's imports are found there too."""
    done = place("resume", *place.storage, "--trials", "3", "--workers", "1")

    assert done.returncode == 0, done.stderr
    assert place.marker.is_file()
    trusted = list((place.state / "lorasweep" / "trusted").iterdir())
    assert [each.stat().st_mode & 0o777 for each in trusted] == [0o600]


REFUSED = {
    "resume": ("resume",),
    "extend": ("extend", "--add-choice", "rank=16"),
    "retrain": ("adapters", "export", "--trial", "best", "--out", "never", "--retrain"),
}


@pytest.mark.parametrize("verb", REFUSED)
def test_a_foreign_study_is_refused_before_any_import(
    place: Place, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message has module, folder and remedy."""
    shutil.rmtree(place.state)

    assert main([*REFUSED[verb], *place.storage]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "got 'my_objective:Mine'" in message
    assert f"(from {place.code}; " in message
    assert message.endswith("add --trust-study once.\n")
    assert not place.marker.exists()


def test_a_foreign_study_stays_trusted_after_one_permission(place: Place) -> None:
    """Also after an extension, which this user made."""
    shutil.rmtree(place.state)
    done = place("extend", "--add-choice", "rank=16", "--trust-study", *place.storage)
    assert done.returncode == 0, done.stderr
    assert place.marker.is_file()

    assert place.ask()
    assert str(place.code) in sys.path


READ = {
    "status": ("status",),
    "failed": ("status", "--failed"),
    "importance": ("importance", "--quick"),
    "report": ("report", "--quick", "--out", "OUT"),
    "export": ("export", "--out", "OUT.csv"),
    "copy": ("copy", "FROM", "sqlite:///OUT.db"),
    "adapter": ("adapters", "export", "--trial", "best", "--out", "OUT"),
    "watch": ("watch", "--port", "0", "--quick"),
    "dashboard": ("dashboard", "--port", "0"),
}


@pytest.mark.integration
@pytest.mark.parametrize("verb", READ)
def test_reading_commands_import_nothing(
    place: Place, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For any study: the objective's name is text, even if Python would find it."""
    if verb == "dashboard":
        pytest.importorskip("optuna_dashboard")
    served = threading.Event()
    monkeypatch.setattr("socketserver.BaseServer.serve_forever", lambda *_, **__: served.set())
    monkeypatch.syspath_prepend(place.code)
    words = {"OUT": str(tmp_path / "out"), "FROM": place.storage[1]}
    arguments = [
        each.replace("OUT", words["OUT"]).replace("FROM", words["FROM"]) for each in READ[verb]
    ]
    storage = () if verb == "copy" else place.storage

    assert main([*arguments, *storage]) == (verb == "adapter")  # which was not kept
    assert served.is_set() == (verb in ("watch", "dashboard"))
    assert not place.marker.exists()
    assert "my_objective" not in sys.modules


def test_a_copy_of_a_trusted_study_is_trusted_and_of_another_is_not(
    place: Place, tmp_path: Path
) -> None:
    """If this user copied it, with the command."""
    paths = tmp_path / "file.db", tmp_path / "copy.db"
    shutil.copy(str(place.address.path), paths[0])
    stranger, copy = (StorageUrl.parse(f"sqlite:///{path}") for path in paths)
    assert main(["copy", place.address.url, copy.url]) == 0

    with quiet_optuna():
        assert require(load_study(copy), copy, {}, trusted=False)
        carry("toy", stranger, copy)
        with pytest.raises(UsageError, match="be trusted before it is imported"):
            require(load_study(stranger), stranger, {}, trusted=False)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("spec", lambda spec: {**spec, "objective": "my_objective:Synthetic"}),
        ("spec", lambda spec: {**spec, "settings": {**spec["settings"], "noise": 0.5}}),
        ("spec", lambda spec: {**spec, "inputs": {"data": "/elsewhere"}}),
        ("code", lambda code: {**code, "study": "/elsewhere"}),
        ("code", lambda code: {**code, "objective": "/elsewhere"}),
        ("code", lambda _: "nothing"),
    ],
)
def test_trust_ends_when_the_database_changes(place: Place, key: str, change: Change) -> None:
    """Code, folder, settings, inputs: everything that determines what runs."""
    assert place.ask()
    place.change(key, change)

    with pytest.raises(UsageError, match="be trusted before it is imported"):
        place.ask()


@pytest.mark.parametrize("user", ["another", "group"])
def test_trust_is_only_read_from_this_user_s_file(place: Place, user: str) -> None:
    """Another user's file is ignored."""
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    [trusted] = (place.state / "lorasweep" / "trusted").iterdir()
    os.chown(trusted if user == "another" else trusted.parent, 4321, 4321)

    with pytest.raises(UsageError, match="be trusted before it is imported"):
        place.ask()


@pytest.mark.parametrize("objective", ["objectives.synthetic:replace", "os:system", "posix:abort"])
def test_other_names_of_our_packages_are_no_objectives(place: Place, objective: str) -> None:
    """A package of ours contains more than objectives."""
    place.change("spec", lambda spec: {**spec, "objective": objective})

    with pytest.raises(UsageError, match=f"got '{objective}'"):
        place.ask()


def test_our_own_objective_needs_no_trust_and_cannot_be_shadowed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder named by the database is not searched; one that comes first needs trust."""
    ours = "objectives.synthetic:Synthetic"
    place.change("spec", lambda spec: {**spec, "objective": ours})
    place.change("code", lambda code: {**code, "objective": ""})
    before = list(sys.path)
    assert place.ask() is False
    assert sys.path == before

    evil = place.elsewhere / "objectives"
    evil.mkdir()
    (evil / "__init__.py").touch()
    monkeypatch.chdir(place.elsewhere)
    monkeypatch.syspath_prepend("")
    with pytest.raises(UsageError, match=f"got '{ours}' .from {place.elsewhere}; "):
        place.ask()
    shutil.rmtree(evil)


def test_pickles_are_allowed_by_the_command_only(place: Place) -> None:
    """A database that allows pickles allows nothing by itself."""
    place.change("spec", lambda spec: {**spec, "objective": "objectives.synthetic:Synthetic"})
    place.change("code", lambda code: {**code, "objective": ""})
    with pytest.raises(UsageError, match="--allow-pickle must be given only for a study"):
        place.ask(allow_pickle=True)

    more = {"allow_pickle": True, "trust_remote_code": True}
    place.change("spec", lambda spec: {**spec, "settings": {**spec["settings"], **more}})
    with pytest.raises(UsageError) as refused:
        place.ask(allow_pickle=True)
    [sentence] = refused.value.faults
    assert sentence.startswith("the setting trust_remote_code must be allowed on the command line")
    assert place.ask(**more) is False

    with quiet_optuna():
        study = load_study(place.address)
    remember(read_spec(study), place.address, read_source(study), "")
    assert place.ask()


def test_pinned_settings_grant_nothing(place: Place) -> None:
    """They are stored beside the spec, and a run of the user's own file reads them."""
    with quiet_optuna():
        spec = read_spec(load_study(place.address))

    assert pinned(spec, {"noise": 0.5}).settings["noise"] == 0.5
    with pytest.raises(StorageError, match="allow_pickle must not be decided by a database"):
        pinned(spec, {"allow_pickle": True})


def test_an_objective_found_by_a_run_is_found_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the study, on the study's Python path, or before another one."""
    assert Source.of("/study", "os:system") == Source("/study", "")
    assert Source.of("/study", "no_such_module:Name") == Source("/study", "")
    assert Source.from_json(None) == Source.from_json({}) == Source()

    monkeypatch.syspath_prepend(place.code)
    found = Source.of("/study", "my_objective:Mine")
    assert found == Source("/study", str(place.code)) == Source.from_json(found.to_json())

    other = place.elsewhere / "my_objective.py"
    other.touch()
    monkeypatch.setattr(sys, "path", [str(place.elsewhere)])
    found.put_on_path("my_objective:Mine")
    assert sys.path == [str(place.code), str(place.elsewhere), "/study", str(place.code)]
    other.unlink()


@pytest.mark.slow
def test_a_module_in_the_current_folder_resumes_from_another(tmp_path: Path) -> None:
    """As ``lorasweep run toy`` finds it."""
    place = Place(tmp_path)
    done = place("run", "toy", *place.storage, "--workers", "1", cwd=place.code)
    assert done.returncode == 0, done.stderr
    done = place("resume", "--trials", "3", "--workers", "1", *place.storage)

    assert done.returncode == 0, done.stderr


def test_every_own_objective_is_known_by_name() -> None:
    """One missing in the list would need trust."""
    root = Path(__file__).parents[3]
    found = {
        f"{'.'.join(path.relative_to(root).with_suffix('').parts)}:{node.name}"
        for path in (root / "objectives").rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        and (
            {"facts", "check", "run"} <= {getattr(each, "name", "") for each in node.body}
            or any(getattr(base, "id", "").endswith("Objective") for base in node.bases)
        )
    }

    assert found == OWN
    assert all(map(is_own, OWN))
