"""Run rounds of trials with lorasweep or Trainer, as many at a time as there are workers."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.packed.variants import Variant, rival_options
from benchmarks.packed.work import Work
from benchmarks.packed.worker import answer, begin
from sweep.study.trial import TrialParams, TrialResult, TrialState

_RIVAL = Path(__file__).with_name("rival.py")


@dataclass(frozen=True)
class Outcome:
    """Time and result of one trial.

    Attributes:
        seconds: from the request to the answer, including the start of a process if needed.
        marginal: seconds of training and evaluation alone, with the base model loaded.
        cpu: CPU seconds including the start; varies less than wall-clock time on a shared machine.
        marginal_cpu: CPU seconds without the start; in lorasweep, a worker's first trial includes
            loading the base model.
        mcc: MCC on validation.
        steps: optimiser steps.
    """

    seconds: float
    marginal: float
    cpu: float
    marginal_cpu: float
    mcc: float
    steps: int


class Side(Protocol):
    """Runs rounds of trials."""

    def run(self, trials: Sequence[TrialParams]) -> list[Outcome]:
        """Run all trials of a round at the same time."""
        ...

    def close(self) -> None:
        """End all processes."""
        ...


def make_side(work: Work, variant: Variant, workers: int) -> Side:
    """The side that runs a variant."""
    return Rival(work, variant) if variant.settings is None else Ours(work, variant, workers)


class Rival:
    """Trainer, with a new process for each trial."""

    def __init__(self, work: Work, variant: Variant) -> None:
        self._work = work
        self._options = rival_options(variant, work.widest)

    def run(self, trials: Sequence[TrialParams]) -> list[Outcome]:
        """Run all trials of a round at the same time.

        Raises:
            SystemExit: if one fails.
        """
        with ThreadPoolExecutor(len(trials)) as threads:
            return list(threads.map(self._run_one, trials))

    def _run_one(self, params: TrialParams) -> Outcome:
        job = self._work.folder / f"job-{params.number}.json"
        job.write_text(json.dumps(self._work.job(params, self._options)), encoding="utf-8")
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, str(_RIVAL), str(job)], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(f"the rival failed on trial {params.number}:\n{done.stderr[-4000:]}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return Outcome(
            seconds=seconds,
            marginal=found["train_seconds"],
            cpu=found["cpu_seconds"],
            marginal_cpu=found["train_cpu_seconds"],
            mcc=found["mcc"],
            steps=found["steps"],
        )

    def close(self) -> None:
        """Does nothing: its processes have ended."""


class Ours:
    """lorasweep, with worker processes that start in the first round and stay, as in a sweep."""

    def __init__(self, work: Work, variant: Variant, workers: int) -> None:
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=begin,
            initargs=({**work.settings, **(variant.settings or {})}, work.inputs),
        )

    def run(self, trials: Sequence[TrialParams]) -> list[Outcome]:
        """Run all trials of a round at the same time.

        Raises:
            SystemExit: if one fails.
        """
        started = time.perf_counter()
        asked = [self._pool.submit(answer, params) for params in trials]
        ended: dict[int, float] = {}
        for done in as_completed(asked):
            ended[done.result()[0].number] = time.perf_counter() - started
        return [_outcome(*one.result(), ended[one.result()[0].number]) for one in asked]

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown()


def _outcome(result: TrialResult, cpu: float, marginal_cpu: float, seconds: float) -> Outcome:
    if result.state != TrialState.COMPLETE or result.value is None:
        raise SystemExit(f"our trial {result.number} ended {result.state}: {result.failure}")
    return Outcome(
        seconds=seconds,
        # result.seconds would include loading the base model in a worker's first trial.
        marginal=float(result.metrics["seconds"]),
        cpu=cpu,
        marginal_cpu=marginal_cpu,
        mcc=result.value,
        steps=int(result.metrics["steps"]),
    )
