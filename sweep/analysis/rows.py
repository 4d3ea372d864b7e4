"""Records of a single trial for analysis: usable, dropped or failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sweep.study.trial import Scalar

Direction = Literal["maximize", "minimize"]
"""Optuna's study direction."""

Sampling = Literal["designed", "random", "adaptive", "unknown"]
"""How the configurations were chosen.

``designed``: spread evenly before the first trial ran. ``random``: independently of the results
(random, quasi-random, a grid). ``adaptive``: from earlier results, so that the rows are a biased
sample of the space.
"""


@dataclass(frozen=True)
class Row:
    """One COMPLETE trial.

    Attributes:
        values: parameter name to value, as sampled.
        value: the objective, as measured.
        replicate: index of the trial's seed among the study's seeds, from 0.
        reused_from: number of the trial whose result was copied; None if it was computed.
        phase: ``measure``, ``search`` or ``pilot`` (see ``sweep.study.design``); empty if unknown.
        size: number of trainable adapter parameters, without the head if counted separately;
            None if unknown.
        collapsed: whether training collapsed (the model predicts a single class), so that its
            value is not informative about the parameters.
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
    """A COMPLETE trial that cannot be analysed, and why.

    Attributes:
        no_value: whether its value is not finite; it is counted as failed although its state is
            COMPLETE.
    """

    number: int
    reason: str
    no_value: bool = False


@dataclass(frozen=True)
class Failed:
    """A trial that ended without a value, kept so that failures can be counted by parameter.

    Attributes:
        values: the known parameter values by name.
        reason: why it failed, or that the reason is not recorded.
    """

    number: int
    values: Mapping[str, Scalar] = field(default_factory=dict)
    phase: str = ""
    reason: str = ""
