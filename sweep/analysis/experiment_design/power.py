"""Power analysis of a design by simulation, before its first trial.

Runs are simulated on the design's own configurations, with the pilot's noise and effects of given
sizes, and evaluated by the same rule as real ones. Only the numbers of trials needed come from the
formulas in ``sweep.analysis.verdict.sample_size``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from sweep.analysis.axes import sampled_axes
from sweep.analysis.experiment_design.simulation import Runs, Truth
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.claim_terms import roles_of
from sweep.analysis.verdict.eligible_trials import select_trials
from sweep.analysis.verdict.hypotheses import Hypotheses, hypotheses_of
from sweep.analysis.verdict.result import TestResult
from sweep.study.claim import Claim

TIMES_DELTA = (2.0, 5.0)
"""Simulated sizes of the dominant effect, end to end, as multiples of delta."""


@dataclass(frozen=True)
class Power:
    """Power of a design under one assumed truth.

    Attributes:
        truth: the assumption, in words.
        dominant: end-to-end effect of the dominant parameter.
        others: end-to-end effect of each parameter it is compared with.
        dominance: share of simulated studies in which dominance is confirmed.
        negligible: share in which negligibility is confirmed; None if not claimed.
        beyond_size: share in which an effect beyond adapter size is confirmed; None if not
            claimed or not testable.
        confirmed: share in which the whole claim is confirmed.
        refuted: share in which the whole claim is refuted.
        for_dominance: number of trials likely to confirm or refute dominance; None if no number
            is enough.
        studies: number of simulated studies.
    """

    truth: str
    dominant: float
    others: float
    dominance: float
    negligible: float | None
    beyond_size: float | None
    confirmed: float
    refuted: float
    for_dominance: int | None
    studies: int


@dataclass(frozen=True)
class Forecast:
    """Power of a design for one claim.

    Attributes:
        claim: the claim.
        noise: assumed standard deviation of a run.
        power: power under several assumed truths.
        for_negligible: number of trials likely to show that effects of 0 are negligible; None if
            nothing is claimed negligible, or no number is enough.
        untested: why there is no forecast of the part beyond size or, if ``power`` is empty, no
            forecast at all; empty if not applicable.
    """

    claim: Claim
    noise: float
    power: tuple[Power, ...]
    for_negligible: int | None
    untested: str = ""

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON-serialisable data."""
        return {**asdict(self), "claim": self.claim.to_json()}


def forecast(
    table: TrialTable, claim: Claim, noise: float, *, studies: int = 50, seed: int = 0
) -> Forecast:
    """Power of a design for a claim, from simulated verdicts.

    Args:
        table: the design's runs, with any values; with adapter sizes to forecast the part beyond
            size.
        claim: the claim to be tested.
        noise: standard deviation of a run, in the objective's unit; above 0.
        studies: simulated studies per truth; the shares have a standard error of at most
            0.5 / sqrt(studies).
        seed: random seed of the simulation.

    Raises:
        SpecError: if the claim names a parameter that the table lacks.
    """
    rng = np.random.default_rng(seed)
    terms = roles_of(claim, tuple(table.space))
    eligible = select_trials(_varied(table, rng), terms)
    hypotheses = hypotheses_of(claim, terms, eligible)
    if not hypotheses.dominant or not hypotheses.over:
        why = "what it compares does not vary in this design"
        return Forecast(claim, noise, (), None, why)
    runs = Runs(sampled_axes(eligible.table), eligible.table.configurations, hypotheses, noise)
    untested, power = hypotheses.no_size, []
    for truth in _truths(hypotheses):
        made, why = _power(runs, truth, rng, studies)
        untested = untested or why
        power.append(made)
    return Forecast(claim, noise, tuple(power), runs.for_negligible(rng), untested)


def _truths(hypotheses: Hypotheses) -> list[Truth]:
    delta, name = hypotheses.delta, hypotheses.label(hypotheses.dominant)
    least = TIMES_DELTA[0]
    return [
        Truth("nothing matters", 0.0, 0.0),
        *(Truth(f"{name} alone matters, {t:g} delta", t * delta, 0.0) for t in TIMES_DELTA),
        Truth(f"all matter alike, {least:g} delta", least * delta, least * delta),
    ]


def _varied(table: TrialTable, rng: np.random.Generator) -> TrialTable:
    """The design with random values, so that its metric does not count as constant."""
    rows = tuple(replace(row, value=float(rng.normal())) for row in table.rows)
    return replace(table, rows=rows, sampling="designed")


def _power(runs: Runs, truth: Truth, rng: np.random.Generator, studies: int) -> tuple[Power, str]:
    """The power under one truth, and why the part beyond size is untested, if it is."""
    found = [each for _ in range(studies) if (each := runs.judged(truth, rng)) is not None]
    states = [state for state, _ in found]
    untested = ""

    def share(name: str) -> float | None:
        """Share of studies that confirm a part; None if it does not exist or is untested."""
        parts: list[TestResult] = [parts[name] for _, parts in found if name in parts]
        tested = [part.state for part in parts if part.state != "UNTESTED"]
        return tested.count("CONFIRMED") / studies if tested else None

    for _, parts in found:
        size = parts.get("beyond size")
        untested = size.says if size is not None and size.state == "UNTESTED" else untested
    made = Power(
        truth.says,
        truth.dominant,
        truth.others,
        share("dominance") or 0.0,
        share("negligible"),
        share("beyond size"),
        states.count("CONFIRMED") / studies,
        states.count("REFUTED") / studies,
        runs.for_dominance(truth, rng),
        studies,
    )
    return made, untested
