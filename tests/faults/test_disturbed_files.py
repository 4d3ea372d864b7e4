"""Base, data, prepared tables and the study's files, changed in the middle of real fine-tunes.

Each sweep goes on with the results of an undisturbed one, or stops with one sentence and reaches
those results when it is resumed. Nothing is computed on what was changed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from motif_files import write_chains
from protein_models import save

from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets
from sweep.drive import Options, run_study
from sweep.errors import SweepError
from sweep.spec import Policy
from sweep.storage import Address, load_study
from sweep.stores import get_folder
from sweep.watcher import Nobody

TRIALS = 6


@dataclass(frozen=True)
class Disturbance:
    """What happens to the files, and what must be said.

    Attributes:
        command: of bash, run in the middle of the third trial, in the folder of the inputs.
        goes_on: whether the worker that is there finishes its trials.
        said: what stops the sweep; empty if nothing does.
    """

    command: str
    goes_on: bool = True
    said: str = ""


WEIGHTS, ROWS = "base/model.safetensors", "data/train/ATP_train.txt"
TABLE = "$(ls cache/*/train/*.arrow)"
FLIP = "printf '\\x7f' | dd of={file} bs=1 seek={at} conv=notrunc status=none"

DISTURBANCES = {
    "weights truncated": Disturbance(
        f"truncate -s -1000 {WEIGHTS}", said="model.safetensors must be a whole weight file"
    ),
    "weights overwritten": Disturbance(
        f"head -c 4000 /dev/zero | dd of={WEIGHTS} bs=1 seek=9000 conv=notrunc status=none",
        said="the inputs must hold .*base: .* -> .*Restore",
    ),
    "rows lost": Disturbance(
        f"truncate -s $(head -n 5 {ROWS} | wc -c) {ROWS}",
        said="the inputs must hold .*data: .* -> .*Restore",
    ),
    "data cut in a row": Disturbance(f"truncate -s -20 {ROWS}", said="ATP_train.txt.*line"),
    "data replaced": Disturbance(
        f"cp -r data other && tac {ROWS} > other/x && mv other/x {ROWS}",
        said="the inputs must hold .*data: .* -> .*Restore",
    ),
    "cache deleted": Disturbance("rm -r cache"),
    "table truncated": Disturbance(
        f"truncate -s 300 {TABLE}", goes_on=False, said="a worker was killed by SIGBUS"
    ),
    "a byte of a table flipped": Disturbance(
        FLIP.format(file=TABLE, at="$(($(stat -c %s $(ls cache/*/train/*.arrow)) / 2))"),
        goes_on=False,
        said="a prepared table must hold what it held",
    ),
    "files deleted": Disturbance("rm -r study.db.files"),
}


@dataclass(frozen=True)
class Home:
    """A study with inputs of its own in a folder."""

    folder: Path

    @property
    def address(self) -> Address:
        """Of the study."""
        return Address.parse(f"sqlite:///{self.folder}/study.db")

    def spec(self, command: str = "", killed: int = -1) -> StudySpec:
        """Six fine-tunes; the third is disturbed, and at another the worker is killed."""
        names = ("base", "data", "cache")
        settings: dict[str, Any] = {
            "device": "cpu",
            "compute_dtype": "float32",
            "learning_rate": 1e-2,
            "steps": 12,
            "evaluate_every": 0.5,
            "batch_tokens": 512,
            "dropout": 0.1,
            "command": command and f"cd {self.folder}; {command}",
            "at": 2,
            "killed": killed,
        }
        return StudySpec(
            name="disturbed",
            objective="faults.disturbed:Disturbed",
            space=Space({"rank": Choice(1, 2, 4), "targets": TargetSets("query", "all-linear")}),
            settings=settings,
            inputs={name: str(self.folder / name) for name in names},
            sampler=Sampler("grid"),
            budget=Budget(trials=TRIALS),
            policy=Policy(on_failure="retry(1)", keep="all"),
        )

    def run(self, spec: StudySpec) -> None:
        """Sweep with one worker, in a process of its own."""
        run_study(spec, self.address, Nobody(), Options(workers=1))

    def values(self) -> dict[tuple[Any, ...], float]:
        """By configuration, what the trials measured and how certain it is."""
        told = {}
        for trial in load_study(self.address).trials:
            if trial.state.name == "COMPLETE":
                metrics = trial.user_attrs["metrics"]
                figures = (trial.value, metrics["loss"], metrics["mcc_low"], metrics["train_mcc"])
                told[tuple(sorted(trial.params.items()))] = figures
        return told

    def adapters(self) -> int:
        """How many adapters are kept, each of them whole and its trial's own."""
        folders = [p.parent for p in self.folder.glob("study.db.files/disturbed/*/*/trial.json")]
        values = {tuple(sorted(t.params.items())): t.value for t in load_study(self.address).trials}
        for folder in folders:
            files = get_folder(folder)
            record = json.loads(files["trial.json"])
            assert values[tuple(sorted(record["values"].items()))] == record["mcc"]
            for name, digest in record["sha256"].items():
                assert hashlib.sha256(files[name]).hexdigest() == digest
        return len(folders)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small base and small data, for copies."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "base").mkdir()
    save("ProtBERT", folder / "base")
    write_chains(folder / "data")
    return folder


@pytest.fixture(scope="module")
def undisturbed(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Any, float]:
    """What the study measures when nothing happens."""
    home = Home(shutil.copytree(inputs, tmp_path_factory.mktemp("plain") / "home"))
    home.run(home.spec())
    assert home.adapters() == TRIALS
    return home.values()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", DISTURBANCES)
def test_files_that_change_in_mid_sweep_change_no_result(
    name: str, inputs: Path, undisturbed: Mapping[Any, float], tmp_path: Path
) -> None:
    """Neither of the worker that has read them, nor of the one that must read them after it."""
    home, wanted = Home(shutil.copytree(inputs, tmp_path / "home")), DISTURBANCES[name]
    spec = home.spec(wanted.command, killed=4)
    if wanted.said:
        with pytest.raises(SweepError, match=wanted.said):
            home.run(spec)
        before = home.values()
        assert len(before) == (4 if wanted.goes_on else 2)
        assert all(undisturbed[key] == value for key, value in before.items())
        for each in ("base", "data"):
            shutil.rmtree(home.folder / each)
            shutil.copytree(inputs / each, home.folder / each)
    home.run(spec)

    assert home.values() == undisturbed
    states = Counter(trial.state.name for trial in load_study(home.address).trials)
    assert states["COMPLETE"] == TRIALS
    assert home.adapters() == (TRIALS if name != "files deleted" else TRIALS - 2)
