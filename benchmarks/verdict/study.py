"""One simulated study: simulated, analysed, and recorded as plain values."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from benchmarks.verdict.scenarios import SCENARIOS, simulate
from benchmarks.verdict.surface import AXES, Truth
from sweep.analysis.verdict.decision import decide
from sweep.analysis.verdict.result import Effect, Verdict
from sweep.analysis.verdict.verdict import judge
from sweep.study.claim import Claim
from sweep.study.trial import derived_seed

CLAIM = Claim()
"""Target sets dominate rank and scaling, which are negligible; delta .01, kappa 2."""


@dataclass(frozen=True)
class Cell:
    """Studies of one kind.

    Attributes:
        scenario: name of the scenario.
        n: trials of each study.
        draws: number of draws of the verdict.
        cross_checks: whether the verdict has cross-checks. They can only veto a
            confirmation, so they are made for confirmations only.
        seed: from which the seed of every study is derived.
    """

    scenario: str
    n: int
    draws: int = 500
    cross_checks: bool = False
    seed: int = 0

    @property
    def name(self) -> str:
        """The stem of its file's name."""
        return f"{self.scenario}-{self.n}"


def run_study(cell: Cell, study: int) -> dict[str, Any]:
    """The record of one study; deterministic except for its seconds.

    An exception of the analysis is recorded, so that a campaign of hours continues; the table
    counts such records separately.
    """
    seed = derived_seed(cell.seed, cell.scenario, cell.n, study)
    table, truth = simulate(SCENARIOS[cell.scenario], cell.n, seed)
    started = time.perf_counter()
    try:
        found = judge(table, CLAIM, n_draws=cell.draws, seed=seed, cross_checks=False)
        if cell.cross_checks and found.verdict == "CONFIRMED":
            found = judge(table, CLAIM, n_draws=cell.draws, seed=seed)
        told = {**told_by(found, truth), "vetoed": _vetoed(found) if cell.cross_checks else None}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this study's result
        told = {"error": f"{type(error).__name__}: {error}"}
    seconds = round(time.perf_counter() - started, 4)
    return {"study": study, "seed": seed, **told, "seconds": seconds}


def told_by(found: Verdict, truth: Truth) -> dict[str, Any]:
    """The recorded fields of a verdict."""
    effects = {_name(effect): effect for effect in (*found.parameters, *found.groups)}
    return {
        "verdict": found.verdict,
        "only_at": list(found.only_at),
        "guards": list(found.guards),
        "parts": [
            {
                "name": part.name,
                "view": part.view,
                "state": part.state,
                "probability": part.probability,
                "refuted": part.refuted,
            }
            for part in found.parts
        ],
        "main": {
            name: [effects[name].sigma, effects[name].sigma_low, effects[name].sigma_high, true]
            for name, true in truth.main.items()
            if name in effects
        },
        "total": {
            name: [*_total(effects[name]), true]
            for name, true in truth.total.items()
            if name in effects
        },
        "checks": {check.name: check.passes for check in found.cross_checks},
        "lack_of_fit": found.lack_of_fit,
        "residual_sd": found.residual_sd,
        "needed": found.trials_needed,
    }


def _vetoed(found: Verdict) -> bool:
    """Whether a cross-check vetoed the verdict."""
    return not found.guards and found.verdict != decide(found.parts)


def _name(effect: Effect) -> str:
    """A group's members in our order, independent of the verdict's."""
    return "+".join(axis for axis in AXES if axis in effect.of) if effect.of else effect.name


def _total(effect: Effect) -> tuple[float, float, float]:
    return effect.total_sigma, effect.total_low, effect.total_high
