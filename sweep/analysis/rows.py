"""What the analysis knows of one trial: a row, or why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sweep.study.trial import Scalar

Direction = Literal["maximize", "minimize"]
"""Which way the objective improves, in Optuna's words."""

Sampling = Literal["designed", "random", "adaptive", "unknown"]
"""How the configurations were chosen.

``designed``: spread evenly before the first trial ran. ``random``: independently of the results
(random, quasi-random, a grid). ``adaptive``: by what earlier trials had shown, so that the rows
are no fair sample of the space.
"""


@dataclass(frozen=True)
class Row:
    """One COMPLETE trial.

    Attributes:
        number: the trial's number in the study.
        values: parameter name to value, as sampled.
        value: the objective, as measured.
        seed: the trial's seed.
        replicate: which of the study's paired seeds it was, from 0.
        seconds: wall-clock seconds.
        metrics: every measured figure by name.
        reused_from: the trial whose result this one was given; None if it was computed.
        phase: ``measure``, ``search`` or ``pilot`` (see ``sweep.study.design``); empty if unknown.
        size: trainable parameters of the adapter, without the head where that is known apart;
            None where unknown.
        collapsed: whether the run came to nothing (it learned to predict one class), so that its
            value says no more of the parameters than that.
    """

    number: int
    values: Mapping[str, Scalar]
    value: float
    seed: int = 0
    replicate: int = 0
    seconds: float = 0.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reused_from: int | None = None
    phase: str = ""
    size: float | None = None
    collapsed: bool = False


@dataclass(frozen=True)
class Dropped:
    """A COMPLETE trial that no analysis can use, and why.

    Attributes:
        number: the trial's number in the study.
        reason: one sentence.
        no_value: whether its value is no finite number: it failed, though the study calls it
            COMPLETE.
    """

    number: int
    reason: str
    no_value: bool = False


@dataclass(frozen=True)
class Failed:
    """A trial that ended without a value, so that failures can be counted by parameter.

    Attributes:
        number: the trial's number in the study.
        values: parameter name to value as far as they are known.
        phase: see ``Row``.
        reason: why it failed, or that the study does not say.
    """

    number: int
    values: Mapping[str, Scalar] = field(default_factory=dict)
    phase: str = ""
    reason: str = ""
