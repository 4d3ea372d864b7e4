"""The same data, trials and settings for all variants, in the form that each needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.binding.objective import BindingObjective
from objectives.data.prepare.windows import Windows
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import Scalar, TrialParams

BATCH = 8
"""Chains per step of Trainer; lorasweep's batches are token counts, with as many on average."""

CONFIGURATIONS: tuple[dict[str, Scalar], ...] = (
    {"rank": 8, "scaling": 2.0, "targets": "all-linear", "learning_rate": 2e-3},
    {"rank": 4, "scaling": 1.0, "targets": "qkv", "learning_rate": 5e-3},
    {"rank": 16, "scaling": 2.0, "targets": "mlp", "learning_rate": 1e-3},
    {"rank": 32, "scaling": 1.0, "targets": "query+value", "learning_rate": 3e-3},
    {"rank": 16, "scaling": 1.0, "targets": "all-linear", "learning_rate": 5e-4},
    {"rank": 32, "scaling": 0.5, "targets": "qkv", "learning_rate": 2e-3},
    {"rank": 4, "scaling": 4.0, "targets": "mlp", "learning_rate": 3e-3},
    {"rank": 8, "scaling": 4.0, "targets": "query+value", "learning_rate": 1e-3},
)
"""Configurations as in a sweep: wide and narrow target sets, high and low ranks and rates."""

_SPECIAL = 2
_WIDEST = 1024


@dataclass(frozen=True)
class Size:
    """The amount of work.

    Attributes:
        train_chains: number of training chains.
        validation_chains: number of chains to evaluate on after each epoch.
        epochs: passes over the training chains.
        trials: number of trials.
    """

    train_chains: int = 100
    validation_chains: int = 40
    epochs: int = 2
    trials: int = 4


class Work:
    """Data and settings, prepared once.

    Args:
        size: the amount of work.
        places: paths of ``data`` and ``base`` as in ``objectives.lora.training.inputs``; empty for
            those in the package.
        folder: folder for prepared data and for Trainer's files.
        device: device of both sides.
    """

    def __init__(
        self, size: Size, places: Mapping[str, str], folder: Path, device: str = "cpu"
    ) -> None:
        self.size = size
        self.inputs = {**places, "cache": str(folder / "cache")}
        self.folder = folder
        fixed = {**_settings(size), "device": device}
        self._read = Inputs(self.inputs, BindingSettings.from_mapping(fixed), ResidueBinary)
        self.splits = self._read.splits
        lengths = self.splits.train.lengths
        settings = {**fixed, "batch_tokens": round(BATCH * sum(lengths) / len(lengths))}
        self.settings = settings | BindingObjective(settings, self.inputs).facts().pinned
        for name, windows in (("train", self.splits.train), ("validation", self.splits.validation)):
            _write(folder / f"{name}.jsonl", windows)

    @property
    def trials(self) -> list[TrialParams]:
        """The trials in order; a repeated configuration has another seed."""
        count = len(CONFIGURATIONS)
        return [
            TrialParams(number, CONFIGURATIONS[number % count], seed=number // count)
            for number in range(self.size.trials)
        ]

    @property
    def widest(self) -> int:
        """The length in tokens for padding to a fixed length."""
        return min(_WIDEST, self._read.max_residues + _SPECIAL)

    def job(self, params: TrialParams, options: Mapping[str, Any]) -> dict[str, Any]:
        """A trial as the job of ``rival.py``.

        Args:
            params: the trial.
            options: of the variant.
        """
        values, fixed = params.values, self.settings
        head = [name for name, _ in self._read.skeleton.named_children() if name == "classifier"]
        resolved = resolve(self._read.skeleton, str(values["targets"]), head)
        return {
            "base": str(self._read.folder),
            "train": str(self.folder / "train.jsonl"),
            "validation": str(self.folder / "validation.jsonl"),
            "rank": values["rank"],
            "alpha": float(values["scaling"]) * int(values["rank"]),
            "modules": list(resolved.modules),
            "learning_rate": values["learning_rate"],
            "seed": params.seed,
            "device": fixed["device"],
            "batch": BATCH,
            **{k: fixed[k] for k in ("epochs", "warmup", "weight_decay", "max_grad_norm")},
            "class_weight": fixed["class_weight"],
            **options,
        }

    def about(self) -> dict[str, Any]:
        """A description of the work, for the table."""
        lengths = self.splits.train.lengths
        named = {"data": "builtin:motifs", "base": "builtin:esm2-mini", **self.inputs}
        config = self._read.skeleton.config
        return {
            "data": Path(named["data"]).name,
            "base": Path(named["base"]).name,
            "layers": config.num_hidden_layers,
            "hidden_size": config.hidden_size,
            "train_windows": len(lengths),
            "train_tokens": sum(lengths),
            "longest_window": max(lengths),
            "validation_windows": len(self.splits.validation),
            "validation_tokens": sum(self.splits.validation.lengths),
            "epochs": self.size.epochs,
            "batch_chains": BATCH,
            "batch_tokens": self.settings["batch_tokens"],
            "compute_dtype": self.settings["compute_dtype"],
            "class_weight": self.settings["class_weight"],
            "padded_to": self.widest,
        }


def _settings(size: Size) -> dict[str, Any]:
    """The settings of lorasweep, without the batch size, which depends on the data."""
    return {
        "threads": 1,
        "train_chains": size.train_chains,
        "validation_chains": size.validation_chains,
        "epochs": size.epochs,
        "train_metric_chains": 0,  # Trainer does not score training chains
        "class_weight": 6,
        "weight_decay": 0.01,
        "warmup": 0.1,
        "schedule": "linear",
        "max_grad_norm": 1.0,
    }


def _write(path: Path, windows: Windows) -> None:
    rows: Sequence[dict[str, list[int]]] = [
        {"input_ids": ids.tolist(), "labels": labels.tolist()}
        for ids, labels in zip(windows.input_ids, windows.labels, strict=True)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
