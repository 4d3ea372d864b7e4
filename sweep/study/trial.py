"""What goes into a trial and what comes out: plain records that cross process borders."""

from __future__ import annotations

import enum
import hashlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from sweep.files.strict_json import word

Scalar = str | int | float | bool
"""A parameter value: what Optuna, JSON and SQLite all keep unchanged."""


@dataclass(frozen=True)
class TrialParams:
    """One configuration to evaluate.

    Attributes:
        number: the trial's number in the study; negative for a baseline, which is no trial.
        values: parameter name to value, as sampled; target sets as canonical strings.
        seed: the only source of randomness of the trial.
        replicate: which of the study's paired seeds this is, from 0.
        final_test: also score the test split (only ever for the best trial).
        folder: this configuration and seed's own folder, the same for every retry, which may
            not exist yet; empty to keep nothing.
        keep: also leave the trained adapter in ``folder/adapter``.
    """

    number: int
    values: Mapping[str, Scalar]
    seed: int = 0
    replicate: int = 0
    final_test: bool = False
    folder: str = ""
    keep: bool = False


INTERRUPTED = "interrupted"
"""The reason of a trial that was cut short from outside; it is run again."""

DUPLICATE = "duplicate"
"""The reason of a trial that would compute what another one is computing."""

OUT_OF_MEMORY = "out_of_memory"
"""The reason of a trial for which the memory did not suffice."""

WORKER_DIED = "worker_died"
"""The reason of a trial whose process ended under it."""

PACK_DIED = "PackDied"
"""The kind of interruption by which a worker ended with several trials in it. Which of them is to
blame nobody knows, so none has failed: each is run again by itself, and fails if it is the one."""

INPUT_AWAY = "InputAway"
"""The kind of interruption by which what a trial reads was away, or was changed. The sweep ends
with it, and the next one runs the trial again."""

DRIVER_DIED = "DriverDied"
"""The kind of interruption by which a trial's driver ended with it, and not in good order."""


class TrialState(enum.StrEnum):
    """How a trial ended, in Optuna's words."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Failure:
    """Why a trial has no value.

    Attributes:
        reason: a short class of failure: ``exception``, ``nan``, ``out_of_memory``,
            ``interrupted``, ``worker_died`` or ``duplicate``.
        kind: the exception's class name.
        message: the exception's text.
        traceback: the formatted traceback, empty where there is none.
        peak_memory_bytes: the most memory seen in use by the trial; None where unknown.
    """

    reason: str
    kind: str
    message: str
    traceback: str = ""
    peak_memory_bytes: int | None = None

    @classmethod
    def from_exception(
        cls,
        error: BaseException,
        reason: str = "exception",
        peak_memory_bytes: int | None = None,
    ) -> Failure:
        """Keep an exception as data."""
        return cls(
            reason=reason,
            kind=type(error).__name__,
            message=str(error),
            traceback="".join(traceback.format_exception(error)),
            peak_memory_bytes=peak_memory_bytes,
        )

    @property
    def interrupted(self) -> bool:
        """Whether the trial did not fail by itself and deserves to be run again."""
        return self.reason == INTERRUPTED

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return asdict(self)

    def __str__(self) -> str:
        """One line for tables: reason, class and message."""
        return f"{self.reason}: {self.kind}: {self.message}"


@dataclass(frozen=True)
class TrialResult:
    """What one trial yields.

    Attributes:
        number: the number of the ``TrialParams`` it answers.
        state: how it ended.
        value: the objective (for binding sites: validation MCC); None unless complete.
        metrics: every measured figure by name (JSON scalars, or JSON trees for per-ligand tables).
        details: what was trained (adapted modules, trainable parameters, device, versions).
        seconds: wall-clock seconds of the trial.
        failure: why it failed, for state FAIL only.
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
        """A trial that left when it was asked to."""
        return cls.failed(number, Failure(INTERRUPTED, "Interrupted", message), seconds)

    @classmethod
    def failed(cls, number: int, failure: Failure, seconds: float = 0.0) -> TrialResult:
        """A result that carries its reason and no value."""
        return cls(number=number, state=TrialState.FAIL, failure=failure, seconds=seconds)


def with_finite_value(result: TrialResult) -> TrialResult:
    """The result itself, or a failed one if it claims to be complete without a finite value.

    A storage refuses NaN, and a sampler or forest would be misled by infinity.
    """
    if result.state != TrialState.COMPLETE:
        return result
    called = "None" if result.value is None else word(result.value)
    if not called:
        return result
    failure = Failure("nan", "NonFiniteValue", f"the objective returned {called}")
    return replace(result, state=TrialState.FAIL, value=None, failure=failure)


class Report(Protocol):
    """How an objective tells of progress and learns that a trial should stop."""

    def __call__(self, number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        """Hand over one intermediate value.

        Args:
            number: the trial's number.
            step: optimiser steps done so far.
            value: the objective's value at this step.
            metrics: other figures worth a curve.

        Returns:
            True when the pruner asks the trial to stop.
        """
        ...


def ignore_reports(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
    """A ``Report`` for trials that nobody watches; never asks to stop."""
    del number, step, value, metrics
    return False


Leave = Callable[[], bool]
"""Asked between optimiser steps; True means: checkpoint after this step and leave."""


def stay() -> bool:
    """A ``Leave`` for trials that nobody calls away."""
    return False


Pack = Sequence[TrialParams]
"""Trials that run together; a single trial is a pack of one."""

Refill = Callable[[TrialResult], TrialParams | None]
"""Takes the result of a trial that is over and gives the one in its place; None if none waits."""


def nobody_waits(result: TrialResult) -> None:
    """The ``Refill`` of who wants all results returned: objectives know it and do not call it."""
    del result


def derived_seed(base: int, *parts: object) -> int:
    """A 32-bit seed that depends on the base and on every part, and on nothing else."""
    text = ":".join(map(str, (base, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
