"""A study of six small real fine-tunes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import deserialize

from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.files.location import get_folder
from sweep.storage.studies import load_study, read_identity
from sweep.storage.trial_folders import TrialFolders
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy

TRIALS = 6
INPUTS = ("base", "data", "cache")

Measured = dict[tuple[Any, ...], tuple[float, ...]]
"""By configuration: its value, its loss, and the lower end of its interval."""


def study(folder: Path, command: str = "", killed: int = -1) -> StudySpec:
    """A study of six fine-tunes on the inputs in a folder; see ``faults.disturbed``.

    Args:
        folder: has ``base`` and ``data``.
        command: shell command run there in the middle of the third trial.
        killed: the trial in the middle of which the worker is killed.
    """
    settings: dict[str, Any] = {
        "device": "cpu",
        "compute_dtype": "float32",
        "learning_rate": 2e-2,
        "class_weight": 6,
        "steps": 20,
        "evaluate_every": 0.5,
        "batch_tokens": 512,
        "dropout": 0.1,
        "command": command and f"cd {folder}; {command}",
        "at": 2,
        "killed": killed,
    }
    return StudySpec(
        name="disturbed",
        objective="faults.disturbed:Disturbed",
        space=Space({"rank": Choice(1, 2, 4), "targets": TargetSets("query", "all-linear")}),
        settings=settings,
        inputs={name: str(folder / name) for name in INPUTS},
        sampler=Sampler("grid"),
        budget=Budget(trials=TRIALS),
        policy=Policy(on_failure="retry(1)", keep="all"),
    )


@dataclass(frozen=True)
class Database:
    """The database of such a study.

    Args:
        path: the file.
        files: the folder given for files.
    """

    path: Path
    files: str = ""

    @property
    def address(self) -> StorageUrl:
        """Its URL."""
        return StorageUrl.parse(f"sqlite:///{self.path}")

    def run(self, spec: StudySpec) -> None:
        """Run the sweep with one worker."""
        run_study(spec, self.address, NullListener(), Options(workers=1))

    def measured(self) -> Measured:
        """The results of COMPLETE trials, by configuration."""
        results: Measured = {}
        for trial in load_study(self.address).trials:
            if trial.state.name == "COMPLETE":
                metrics = trial.user_attrs["metrics"]
                key = tuple(sorted(trial.params.items()))
                assert key not in results
                results[key] = (trial.value or 0.0, metrics["loss"], metrics["mcc_low"])
        return results

    def states(self) -> Counter[str]:
        """The number of trials by state."""
        return Counter(trial.state.name for trial in load_study(self.address).trials)

    def adapters(self) -> set[int]:
        """Numbers of COMPLETE trials with a kept adapter, checked to be complete and their own."""
        opened = load_study(self.address)
        identity = read_identity(opened)
        folders = TrialFolders.of_study(
            self.address, opened.study_name, "all", self.files, identity
        )
        kept = set()
        for trial in opened.trials:
            folder = folders.adapter(dict(trial.params), trial.user_attrs["seed"])
            if trial.state.name != "COMPLETE" or folder is None:
                continue
            files = get_folder(folder)
            record = json.loads(files["trial.json"])
            assert (record["values"], record["mcc"]) == (trial.params, trial.value)
            for name, digest in record["sha256"].items():
                assert hashlib.sha256(files[name]).hexdigest() == digest
            assert deserialize(files["adapter_model.safetensors"])
            kept.add(trial.number)
        return kept
