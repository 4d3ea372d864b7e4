"""A trial's input and output: plain records that are sent between processes."""

from __future__ import annotations

import enum
import hashlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sweep.files.strict_json import word

Scalar = str | int | float | bool
"""A parameter value, of a type that Optuna, JSON and SQLite all preserve."""


@dataclass(frozen=True)
class TrialParams:
    """One configuration to evaluate.

    Attributes:
        number: the trial's number in the study; negative for a baseline, which is not a trial.
        values: parameter name to value, as sampled; target sets as canonical strings.
        seed: the only source of randomness of the trial.
        replicate: index of the seed among the study's paired seeds, from 0.
        final_test: whether to score the test split too (only for the best trial).
        folder: the folder of this configuration and seed, the same for every retry; it may not
            exist yet. Empty to store nothing.
        keep: whether to save the trained adapter in ``folder/adapter``.
    """

    number: int
    values: Mapping[str, Scalar]
    seed: int = 0
    replicate: int = 0
    final_test: bool = False
    folder: str = ""
    keep: bool = False


INTERRUPTED = "interrupted"
"""Failure reason: the trial was stopped from outside; it is run again."""

DUPLICATE = "duplicate"
"""Failure reason: another running trial has the same configuration and seed."""

OUT_OF_MEMORY = "out_of_memory"
"""Failure reason: the device or the machine ran out of memory."""

WORKER_DIED = "worker_died"
"""Failure reason: the trial's worker process died."""

PACK_DIED = "PackDied"
"""Kind of interruption: a worker died that ran several trials.

It is unknown which trial caused it, so none counts as failed: each is retried alone, and fails if
it caused the death.
"""

INPUT_AWAY = "InputAway"
"""Kind of interruption: an input of the trial was missing or changed.

It ends the sweep; the next run retries the trial.
"""

DRIVER_DIED = "DriverDied"
"""Kind of interruption: the driver was killed while the trial ran."""


class TrialState(enum.StrEnum):
    """How a trial ended, as named by Optuna."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Failure:
    """Why a trial has no value.

    Attributes:
        reason: a short class of failure: ``exception``, ``nan``, ``out_of_memory``,
            ``interrupted``, ``worker_died`` or ``duplicate``.
        kind: the exception's class name, or the kind of interruption.
        message: the exception's text.
        traceback: the formatted traceback; empty if there is none.
        peak_memory_bytes: the peak memory use of the trial; None if unknown.
    """

    reason: str
    kind: str
    message: str
    traceback: str = ""
    peak_memory_bytes: int | None = None

    @classmethod
    def from_exception(
        cls, error: BaseException, reason: str = "exception", peak_memory_bytes: int | None = None
    ) -> Failure:
        """Convert an exception to a failure."""
        trace = "".join(traceback.format_exception(error))
        return cls(reason, type(error).__name__, str(error), trace, peak_memory_bytes)

    @property
    def interrupted(self) -> bool:
        """Whether the trial was stopped from outside and should be run again."""
        return self.reason == INTERRUPTED

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return asdict(self)

    def __str__(self) -> str:
        """Reason, kind and message in one line, for tables."""
        return f"{self.reason}: {self.kind}: {self.message}"


@dataclass(frozen=True)
class TrialResult:
    """The result of one trial.

    Attributes:
        number: the trial's number.
        state: how it ended.
        value: the objective value; None unless complete.
        metrics: all metrics by name (JSON scalars, or JSON trees for tables and curves).
        details: what was trained (adapted modules, trainable parameters, device, versions).
        seconds: wall-clock seconds of the trial.
        failure: why it failed; only for state FAIL.
    """

    number: int
    state: TrialState
    value: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    failure: Failure | None = None

    @classmethod
    def interrupted(cls, number: int, message: str, seconds: float = 0.0) -> TrialResult:
        """A result of a trial that stopped when asked to."""
        return cls.failed(number, Failure(INTERRUPTED, "Interrupted", message), seconds)

    @classmethod
    def failed(cls, number: int, failure: Failure, seconds: float = 0.0) -> TrialResult:
        """A failed result with its reason and no value."""
        return cls(number=number, state=TrialState.FAIL, failure=failure, seconds=seconds)


def with_finite_value(result: TrialResult) -> TrialResult:
    """The result, or a failed one if it is complete without a finite value.

    Storages refuse NaN, and infinity would mislead samplers and random forests.
    """
    if result.state != TrialState.COMPLETE:
        return result
    called = "None" if result.value is None else word(result.value)
    if not called:
        return result
    failure = Failure("nan", "NonFiniteValue", f"the objective returned {called}")
    return replace(result, state=TrialState.FAIL, value=None, failure=failure)


Report = Callable[[int, int, float, Mapping[str, float]], bool]
"""Reports an intermediate value; returns whether the pruner asks the trial to stop.

Called with the trial's number, the optimiser steps done so far, the objective value at this step
and further metrics at this step.
"""


def ignore_reports(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
    """A ``Report`` that discards the values and never asks to stop."""
    del number, step, value, metrics
    return False


Leave = Callable[[], bool]
"""Called between optimiser steps; True asks to save a checkpoint and stop after this step."""


def stay() -> bool:
    """A ``Leave`` that never asks to stop."""
    return False


Pack = Sequence[TrialParams]
"""Trials that run together; a single trial is a pack of one."""

Refill = Callable[[TrialResult], TrialParams | None]
"""Called with a finished trial's result; returns the trial to run in its place, or None."""


def no_refill(result: TrialResult) -> None:
    """The ``Refill`` for callers that want all results returned; objectives do not call it."""
    del result


def derived_seed(base: int, *parts: object) -> int:
    """A 32-bit seed derived from a base seed and further parts by a hash."""
    text = ":".join(map(str, (base, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
