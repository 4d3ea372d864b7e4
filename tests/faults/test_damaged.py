"""A database with flipped bits or cut short: every command that reads it gives one message."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from objectives.synthetic import Synthetic
from sweep import Budget, Choice, Float, Space, StudySpec
from sweep.cli import main
from sweep.driver.trial_store import TrialStore
from sweep.storage.guard import give_up, take
from sweep.storage.studies import create_or_resume, quiet_optuna, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Failure, TrialResult, TrialState

SPEC = StudySpec(
    name="damaged",
    objective=f"{Synthetic.__module__}:{Synthetic.__name__}",
    space=Space({"rank": Choice(1, 2, 4, 8), "rate": Float(1e-4, 1e-2, log=True)}),
    settings={"function": "surface"},
    budget=Budget(trials=8),
)
COMMANDS = {
    "status": ("status",),
    "failed": ("status", "--failed"),
    "json": ("status", "--json"),
    "export": ("export", "--out", "trials.csv"),
    "copy": (),
    "importance": ("importance", "--quick"),
    "report": ("report", "--quick", "--out", "page"),
}
QUICK = ("status", "export", "copy")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one study in a database and in a journal."""
    folder = tmp_path_factory.mktemp("whole")
    for kind in ("sqlite", "journal"):
        address = StorageUrl.parse(f"{kind}:///{folder}/{kind}")
        with quiet_optuna():
            study = create_or_resume(address, SPEC, ObjectiveInfo())
            owner = take(study, address)
            write_spec(study, SPEC, ObjectiveInfo())
            store = TrialStore(study, SPEC, address, owner)
            for index in range(8):
                params = store.ask()
                assert params is not None
                store.report(params.number, 1, index / 8, {"loss": 0.5})
                failure = Failure("exception", "ValueError", "on purpose", "a line\n")
                store.tell(
                    TrialResult.failed(params.number, failure)
                    if index == 3
                    else TrialResult(
                        params.number,
                        TrialState.COMPLETE,
                        value=index / 8,
                        metrics={"loss": 0.5},
                        details={"trainable_parameters": 8},
                    )
                )
            give_up(study, owner)
    return folder


def damages(data: bytes, seed: int, n: int) -> Iterator[tuple[str, bytes]]:
    """Random damages to a file."""
    rng = random.Random(seed)
    for number in range(n):
        at = rng.randrange(len(data))
        if number % 4 == 3:
            yield f"cut at {at}", data[:at]
        elif number % 4 == 2:
            yield f"zeros at {at}", data[:at] + bytes(64) + data[at + 64 :]
        else:
            flipped = data[at] ^ (1 << rng.randrange(8))
            yield f"a bit at {at}", data[:at] + bytes([flipped]) + data[at + 1 :]


def look(kind: str, command: str, folder: Path) -> int:
    """Run a command that reads the study there."""
    url = f"{kind}:///{folder}/{kind}"
    if command == "copy":
        return main(["copy", url, f"sqlite:///{folder}/copied.db"])
    return main([*COMMANDS[command], "--storage", url])


def check(kind: str, command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The command succeeds or ends with our own message, and leaves the file unchanged."""
    before = (folder / kind).read_bytes()
    code = look(kind, command, folder)
    message = capsys.readouterr().err
    assert code in (0, 1, 2)
    assert "Traceback" not in message
    assert code == 0 or "lorasweep: " in message
    assert (folder / kind).read_bytes() == before
    return message


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
@pytest.mark.parametrize(
    "rounds",
    [
        *[(seed, 4, QUICK) for seed in range(3)],
        pytest.param((0, 40, tuple(COMMANDS)), marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_a_damaged_study_is_one_message(
    kind: str,
    rounds: tuple[int, int, tuple[str, ...]],
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Or it is read as far as possible; never a traceback."""
    monkeypatch.chdir(tmp_path)
    seed, places, commands = rounds
    for _, data in damages((whole / kind).read_bytes(), seed, places):
        (tmp_path / kind).write_bytes(data)
        for command in commands:
            check(kind, command, tmp_path, capsys)
            shutil.rmtree(tmp_path / "page", ignore_errors=True)


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"copy", "export"}))
def test_a_reason_with_an_unknown_field_is_one_message(
    command: str,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A flipped bit in a name leaves JSON that is valid."""
    monkeypatch.chdir(tmp_path)
    data = (whole / "journal").read_bytes()
    assert data.count(b"peak_memory_bytes") == 1
    (tmp_path / "journal").write_bytes(data.replace(b"peak_memory", b"pgak_memory"))

    message = check("journal", command, tmp_path, capsys)

    assert "attribute failure of trial 3 must be what lorasweep stored" in message


def test_a_deleted_study_is_one_message(whole: Path, tmp_path: Path) -> None:
    """Also while a command reads it."""
    import optuna

    from sweep.errors import StorageError
    from sweep.results.status import snapshot
    from sweep.storage.studies import load_study

    shutil.copy(whole / "sqlite", tmp_path / "study.db")
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    study = load_study(address)
    optuna.delete_study(study_name=SPEC.name, storage=f"sqlite:///{tmp_path}/study.db")
    with pytest.raises(StorageError, match=r"must still hold the study.*It was deleted"):
        snapshot(study, address)
