"""Simulated scenarios in which the claim is true or false, and studies drawn from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from benchmarks.verdict.designs import Runs, balanced_runs, space_of
from benchmarks.verdict.noise import ORDINARY, Noise
from benchmarks.verdict.surface import (
    PARAMETERS_PER_RANK,
    RANKS,
    RATES,
    SETS,
    FloatArray,
    Surface,
    Truth,
    truth,
)
from sweep.analysis.table import TrialTable
from sweep.study.design import MEASURE
from sweep.study.space import Space

LEVEL = 0.25
"""The objective's mean."""

Answer = Literal["CONFIRMED", "REFUTED", "not CONFIRMED"]
Plan = Callable[[Space, int, np.random.Generator], Runs]


@dataclass(frozen=True)
class Scenario:
    """A simulated scenario in which the claim is true or false.

    Attributes:
        name: short name.
        says: description.
        answer: the correct verdict; any other than it and INCONCLUSIVE is an error.
        surface: the objective without noise.
        noise: the noise around it.
        ranks: choices of the rank.
        fixed_rate: position of the one learning rate of all runs, from -1 to 1; None if it
            varies.
        known: whether estimates should equal the surface's true effects.
        told: whether the table marks collapsed runs, like a run that learned to predict one
            class does.
        plan: the function that chooses the configurations.
    """

    name: str
    says: str
    answer: Answer
    surface: Surface
    noise: Noise = ORDINARY
    ranks: tuple[int, ...] = RANKS
    fixed_rate: float | None = None
    known: bool = True
    told: bool = False
    plan: Plan = balanced_runs

    @property
    def null_like(self) -> bool:
        """Whether the verdict CONFIRMED would be wrong."""
        return self.answer != "CONFIRMED"

    @cached_property
    def truth(self) -> Truth:
        """The effect sizes of each parameter under the uniform reference."""
        return truth(self.surface, self.ranks, self.fixed_rate)


def simulate(
    scenario: Scenario, n: int, seed: int | np.random.Generator
) -> tuple[TrialTable, Truth]:
    """A table of ``n`` trials, and the true effects."""
    rng = np.random.default_rng(seed)
    space = space_of(scenario.ranks, rate_varies=scenario.fixed_rate is None)
    runs = scenario.plan(space, n, rng)
    t, r, s, u = places(runs, scenario.fixed_rate)
    noise, collapsed = scenario.noise.draw(rng, np.array(runs.configurations), t, u)
    y = LEVEL + scenario.surface(t, r, s, u) + noise
    sizes = PARAMETERS_PER_RANK[t.astype(np.intp)] * np.round(2.0**r).astype(np.intp)
    fixed = {} if scenario.fixed_rate is None else {"learning_rate": _rate(scenario.fixed_rate)}
    table = TrialTable.from_arrays(
        {name: [values[name] for values in runs.values] for name in space},
        y,
        space=space,
        seeds=runs.seeds,
        sizes=sizes,
        phases=[MEASURE] * n,
        collapsed=collapsed if scenario.told else None,
        sampling="designed" if scenario.plan is balanced_runs else "random",
        fixed=fixed,
    )
    return table, scenario.truth


def places(runs: Runs, fixed_rate: float | None) -> tuple[FloatArray, ...]:
    """Parameter values of runs: set index, log2 rank, log2 scaling, learning rate from -1 to 1."""
    t = np.array([SETS.index(str(v["targets"])) for v in runs.values], dtype=np.float64)
    r, s = (np.log2([float(v[name]) for v in runs.values]) for name in ("rank", "scaling"))
    if fixed_rate is not None:
        return t, r, s, np.full(len(t), fixed_rate)
    low, high = np.log(RATES)
    rates = np.log([float(v["learning_rate"]) for v in runs.values])
    return t, r, s, 2.0 * (rates - low) / (high - low) - 1.0


def _rate(place: float) -> float:
    """The learning rate at a position from -1 to 1."""
    low, high = np.log(RATES)
    return math.exp(low + (place + 1.0) / 2.0 * (high - low))
