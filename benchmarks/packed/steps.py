"""Training steps to profile, and data for them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from objectives.binding.objective import BindingObjective
from sweep.study.trial import TrialParams, ignore_reports

Steps = Callable[[int], object]
"""Makes a given number of training steps."""


def through_objective(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> Steps:
    """Steps made by the objective, with one small evaluation at the end of each run."""
    objective = BindingObjective(settings, inputs)

    def steps(count: int) -> None:
        (result,) = objective.run([TrialParams(count, {"steps": count})], ignore_reports)
        if result.failure is not None:
            raise SystemExit(f"{result.failure}\n{result.failure.traceback}")

    return steps


def write_data(folder: Path, lengths: Sequence[int]) -> None:
    """Write random chains of these lengths for training, and a short one for validation."""
    random = np.random.default_rng(0)
    for split, residues in (("train", lengths), ("validation", (16,))):
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "sequence", "labels", "ligand"])
            for number, length in enumerate(residues):
                letters = "".join(random.choice(list("ACDEFGHIKLMNPQRSTVWY"), length))
                labels = "01" + "0" * (length - 2)  # every split needs both classes
                rows.writerow([f"{split}{number}", letters, labels, "ANY"])


def parse_lengths(text: str) -> list[int]:
    """Residues of each window of the step, from ``256x8,100``."""
    found: list[int] = []
    for part in text.split(","):
        length, _, times = part.partition("x")
        found += [int(length)] * int(times or 1)
    return found
