"""Lanes against the Trainer of transformers, from the same start on the same batches."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from packed_reference import furthest, load, with_adapters
from packed_runs import Run, run_pack
from torch.utils.data import DataLoader
from transformers import DataCollatorForTokenClassification, Trainer, TrainingArguments

from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams

FIXED = BindingSettings(device="cpu", batch_tokens=256, train_metric_chains=0)
VALUES: tuple[dict[str, Any], ...] = (
    {"targets": "query+value", "rank": 4, "scaling": 2.0},
    {"targets": "all-linear", "rank": 16, "alpha": 8, "learning_rate": 5e-4, "weight_decay": 0.3},
    {"targets": "mlp", "rank": 2, "rslora": True, "alpha": 4, "warmup": 0.0, "max_grad_norm": 0.3},
)


class FixedBatches(Trainer):
    """A Trainer on given batches, which records the loss of each step.

    Args:
        rows: the training set.
        batches: indices of its rows.
        options: arguments of ``Trainer``.
    """

    def __init__(self, rows: list[dict[str, Any]], batches: Any, **options: Any) -> None:
        super().__init__(train_dataset=rows, **options)
        self.batches = batches
        self.losses: list[float] = []

    def get_train_dataloader(self) -> DataLoader:
        """The batches, padded by the stock collator."""
        return DataLoader(
            self.train_dataset, batch_sampler=self.batches, collate_fn=self.data_collator
        )

    def compute_loss(self, *args: Any, **options: Any) -> Any:
        """The model's own loss."""
        loss = super().compute_loss(*args, **options)
        self.losses.append(loss.item())
        return loss


def trainer_losses(folder: Path, inputs: Inputs, run: Run, output: Path) -> list[float]:
    """The losses of a Trainer set up as in its documentation."""
    lane, settings = run.trial.lane, run.trial.settings
    rows = [
        {"input_ids": ids.tolist(), "attention_mask": [1] * len(ids), "labels": labels.tolist()}
        for ids, labels in zip(lane.windows.input_ids, lane.windows.labels, strict=True)
    ]
    steps = len(lane.plan.batches)
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        arguments = TrainingArguments(
            output_dir=str(output),
            max_steps=steps,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            max_grad_norm=settings.max_grad_norm,
            warmup_steps=int(-(-settings.warmup * steps // 1)),
            lr_scheduler_type="linear",
            optim="adamw_torch",
            use_cpu=True,
            disable_tqdm=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
        )
        trainer = FixedBatches(
            rows,
            [list(batch) for batch in lane.plan.batches],
            model=with_adapters(load(folder, settings.quantization), settings, run.start),
            args=arguments,
            data_collator=DataCollatorForTokenClassification(inputs.tokenizer),
        )
        trainer.train()
    return trainer.losses


@pytest.mark.integration
def test_lanes_equal_trainers(tiny_folder: Path, tiny_inputs: Inputs, tmp_path: Path) -> None:
    """Three lanes of one pack, 30 steps, with weight decay, clipping and schedule."""
    pack = [TrialParams(n, {"steps": 30, **values}, seed=n) for n, values in enumerate(VALUES)]
    for run in run_pack(tiny_inputs, FIXED, pack).values():
        losses = trainer_losses(tiny_folder, tiny_inputs, run, tmp_path)

        assert furthest(run.losses, losses) < 1e-4
        assert min(losses) < 0.9 * losses[0]


@pytest.mark.slow
def test_lanes_over_the_real_esm2_equal_trainers(
    shared: Path, tiny_data: Path, tmp_path: Path
) -> None:
    """ESM-2 8M, 20 steps."""
    folder = shared / "models" / "esm2_t6_8m"
    places = {"data": str(tiny_data), "base": str(folder), "cache": str(tmp_path)}
    inputs = Inputs(places, FIXED, ResidueBinary)
    pack = [TrialParams(n, {"steps": 20, **values}, seed=n) for n, values in enumerate(VALUES)]
    for run in run_pack(inputs, FIXED, pack).values():
        losses = trainer_losses(folder, inputs, run, tmp_path)

        assert furthest(run.losses, losses) < 1e-4
        assert min(losses) < 0.9 * losses[0]
