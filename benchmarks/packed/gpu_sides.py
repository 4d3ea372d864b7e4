"""Trials on one device: packs of lorasweep, and Trainer in one process or one per trial."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from itertools import count
from typing import Any

import torch

from benchmarks.packed import rival
from benchmarks.packed.floor import Shape, floor
from benchmarks.packed.sides import Rival
from benchmarks.packed.variants import VARIANTS, rival_options
from benchmarks.packed.work import CONFIGURATIONS, Work
from objectives.binding.objective import BindingObjective
from objectives.lora.memory import peak_memory_bytes, reset_peak
from objectives.lora.settings import BindingSettings
from objectives.lora.training.lane import plan_steps
from sweep.study.trial import TrialParams, TrialState, ignore_reports


def clock(device: torch.device) -> float:
    """Seconds, after all work submitted to the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Sides:
    """The trials, and the ways to run them.

    Args:
        work: data, settings and trials.
        device: the device to compute on.
    """

    def __init__(self, work: Work, device: torch.device) -> None:
        self._work = work
        self._device = device
        self._numbers = count()
        self._objective = BindingObjective(work.settings, work.inputs)

    def trials(self, lanes: int) -> list[TrialParams]:
        """The first trials, with new numbers."""
        kinds = len(CONFIGURATIONS)
        return [
            TrialParams(next(self._numbers), CONFIGURATIONS[i % kinds], seed=i // kinds)
            for i in range(lanes)
        ]

    def flop(self, lanes: int) -> float:
        """FLOP of the trials' training and evaluation; evaluation is forward only."""
        splits = self._work.splits
        train, validation = splits.train.lengths, splits.validation.lengths
        whole = 0.0
        for params in self.trials(lanes):
            settings = {**self._work.settings, **params.values}
            shape = Shape.of(self._work.inputs, settings)
            plan = plan_steps(train, BindingSettings.from_mapping(settings), params.seed)
            read = [train[i] for batch in plan.batches for i in batch]  # all epochs
            whole += sum(floor(shape, read, 1.0).values())
            once = floor(shape, validation, 1.0)
            whole += len(plan.evaluate_at) * (once["gemm"] / 2 + once["attention"] / 3)
        return whole

    def ours(self, lanes: int) -> dict[str, Any]:
        """Measure a pack, after a short one as warm-up."""
        warm = [TrialParams(p.number, {**p.values, "steps": 2}, p.seed) for p in self.trials(lanes)]
        self._run(warm)
        reset_peak(self._device)
        started = clock(self._device)
        mcc = self._run(self.trials(lanes))
        seconds = clock(self._device) - started
        return {
            "seconds_per_trial": seconds / lanes,
            "per_hour": 3600 * lanes / seconds,
            "peak_bytes": peak_memory_bytes(self._device),
            "flop_per_second": self.flop(lanes) / seconds,
            "mcc": mcc,
        }

    def _run(self, pack: Sequence[TrialParams]) -> list[float]:
        found = self._objective.run(pack, ignore_reports)
        bad = [result for result in found if result.state != TrialState.COMPLETE]
        if bad:
            raise SystemExit(f"trial {bad[0].number} ended {bad[0].state}: {bad[0].failure}")
        return [float(result.value or 0.0) for result in found]

    def in_process(self, variant: str, trials: int) -> dict[str, Any]:
        """Measure Trainer in this process, trial by trial, after one as warm-up."""
        options = rival_options(VARIANTS[variant], self._work.widest)
        jobs = [self._work.job(params, options) for params in self.trials(trials + 1)]
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            done = [rival.run(job) for job in jobs][1:]
        seconds = sum(one["train_seconds"] for one in done) / trials
        mcc = [one["mcc"] for one in done]
        return {"seconds_per_trial": seconds, "per_hour": 3600 / seconds, "mcc": mcc}

    def process(self, variant: str, trials: int) -> dict[str, Any]:
        """Measure Trainer with one process per trial."""
        side = Rival(self._work, VARIANTS[variant])
        done = [side.run([params])[0] for params in self.trials(trials)]
        seconds = sum(one.seconds for one in done) / trials
        mcc = [one.mcc for one in done]
        return {"seconds_per_trial": seconds, "per_hour": 3600 / seconds, "mcc": mcc}
