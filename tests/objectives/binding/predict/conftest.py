"""Adapters trained on the tiny base, on chains of which some exceed its input length."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupting import one_run
from numpy.typing import NDArray

from objectives.binding.objective import BindingObjective
from objectives.binding.predict.adapter_folder import read_adapter
from objectives.binding.predict.predictor import Place, Predictor
from objectives.lora.training.trial import Trial
from objectives.metrics.metrics import Predictions
from sweep.study.trial import TrialParams, TrialResult

ADAPTED: dict[str, Any] = {"rank": 4, "alpha": 8, "targets": "all-linear"}


@dataclass(frozen=True)
class Kept:
    """A trained trial and its adapter.

    Attributes:
        folder: the adapter's folder.
        result: the trial's result.
        margins: the logit differences of its last validation, in the split's order.
    """

    folder: Path
    result: TrialResult
    margins: NDArray[np.float64]


@pytest.fixture(scope="session")
def long_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random chains of 12 to 300 residues, where the tiny base reads 126; mostly K and R bind."""
    folder = tmp_path_factory.mktemp("long-data")
    rng = np.random.default_rng(1)
    for split, lengths in (("train", range(20, 60)), ("validation", (300, 20, 126, 12, 127, 45))):
        with (folder / f"{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "sequence", "labels"])
            for number, length in enumerate(lengths):
                sequence = "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWYX"), length))
                noise = rng.random(length) < 0.1
                labels = "".join(
                    str(int((each in "KR") != odd))
                    for each, odd in zip(sequence, noise.tolist(), strict=True)
                )
                rows.writerow([f"{split}{number}", sequence, labels])
    return folder


@pytest.fixture(scope="session")
def validation_fasta(long_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validation chains as FASTA, in lines of 60."""
    path = tmp_path_factory.mktemp("fasta") / "validation.fasta"
    with path.open("w") as file:
        for line in (long_data / "validation.csv").read_text().splitlines()[1:]:
            name, sequence, _ = line.split(",")
            rows = [sequence[at : at + 60] for at in range(0, len(sequence), 60)]
            file.write(f">{name} a chain\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="session")
def train_and_keep(
    make_objective: Callable[..., BindingObjective],
    long_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Kept]:
    """Trains a trial with given values on the long chains; settings as keywords."""

    def make(values: dict[str, Any], **settings: Any) -> Kept:
        folder = tmp_path_factory.mktemp("kept")
        fixed = {"learning_rate": 1e-2, "steps": 40, "class_weight": 5.0, **settings}
        made: list[NDArray[np.floating[Any]]] = []
        plain = Trial.validate

        def validate(trial: Trial, predictions: Predictions) -> None:
            made.append(predictions.margin)
            plain(trial, predictions)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Trial, "validate", validate)
            objective = make_objective({"data": str(long_data)}, **fixed)
            params = TrialParams(0, values, seed=3, folder=str(folder), keep=True)
            result = one_run(objective, params)
        assert result.value is not None, result.failure
        return Kept(folder / "adapter", result, made[-1].astype(np.float64))

    return make


@pytest.fixture(scope="session")
def kept(train_and_keep: Callable[..., Kept]) -> Kept:
    """A trial that adapts all matrices."""
    return train_and_keep(ADAPTED)


@pytest.fixture
def predictor(kept: Kept) -> Predictor:
    """A predictor with the trial's adapter on its base."""
    return Predictor(read_adapter(kept.folder), Place(device="cpu"))


@pytest.fixture
def spoil(kept: Kept, tmp_path: Path) -> Callable[..., Path]:
    """Copies the adapter's folder with changed entries, and without the digests of its files."""

    def make(name: str = "", **entries: Any) -> Path:
        folder = tmp_path / "spoilt"
        shutil.copytree(kept.folder, folder)
        record = json.loads((folder / "trial.json").read_text())
        del record["sha256"]
        (folder / "trial.json").write_text(json.dumps(record))
        if name:
            tree = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps({**tree, **entries}))
        return folder

    return make
