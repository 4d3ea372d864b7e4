"""Small data sets for each task, whose labels follow from the residues."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
CHARGE = {"K": 1.0, "R": 1.0, "D": -1.0, "E": -1.0}


def labels_of(task: str, sequence: str) -> Any:
    """The cell of the label column."""
    charges = [CHARGE.get(letter, 0.0) for letter in sequence]
    share = sum(charges) / len(sequence)
    names = ";".join(f"has{letter}" for letter in "DKW" if letter in sequence[:12])
    return {
        "residue_binary": "".join(str(int(each > 0)) for each in charges),
        "residue_classes": "".join("+" if c > 0 else "N" if c == 0 else "A" for c in charges),
        "residue_regression": " ".join(f"{3 * each + 5:g}" for each in charges),
        "sequence_classes": "basic" if share > 0.02 else "acidic" if share < -0.02 else "neutral",
        "sequence_regression": f"{40 + 100 * share:.3f}",
        "sequence_labels": names or "[]",
    }[task]


def write_data(folder: Path, task: str, *, longest: int = 300) -> Path:
    """Three split files with random chains, some longer than the tiny base's windows."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for split, chains in (("train", 30), ("validation", 12), ("test", 12)):
        with (folder / f"{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "sequence", "labels"])
            for number in range(chains):
                length = longest - number if number % 6 == 0 else int(rng.integers(15, 60))
                sequence = "".join(rng.choice(list(LETTERS), length))
                rows.writerow([f"{split}{number}", sequence, labels_of(task, sequence)])
    return folder
