"""What a design is likely to answer, before its first trial: the rule itself, on simulated runs.

No formula for power stands between: runs are simulated on the design's own configurations, with
the pilot's noise and an effect of a given size, and judged by the same rule as real ones. Only the
numbers of trials needed come from the formulas that a verdict's own come from.
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
"""Sizes of the dominant effect that are tried, end to end in deltas."""


@dataclass(frozen=True)
class Power:
    """How often a design answers, if the truth is as said.

    Attributes:
        truth: what is assumed, in words.
        dominant: end-to-end effect of the dominant parameter.
        others: end-to-end effect of each of those it is compared with.
        dominance: share of studies in which dominance is confirmed.
        negligible: share in which negligibility is; None if none is claimed.
        beyond_size: share in which it is confirmed that the dominant parameter matters beyond
            the adapters' size; None if that is not asked, or not tested.
        confirmed: share in which the whole claim is.
        refuted: share in which it is refuted.
        for_dominance: trials at which dominance is likely told, either way; None if no number
            would do.
        studies: simulated studies behind the shares.
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
    """What a design is likely to answer to one claim.

    Attributes:
        claim: the claim.
        noise: sd of a run that was assumed.
        power: under several truths.
        for_negligible: trials at which negligible effects of 0 are likely shown to be so; None
            if nothing is claimed negligible, or no number would do.
        untested: why the part beyond size has no forecast, or, without ``power``, why nothing
            has; empty where it has one or is not asked.
    """

    claim: Claim
    noise: float
    power: tuple[Power, ...]
    for_negligible: int | None
    untested: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {**asdict(self), "claim": self.claim.to_json()}


def forecast(
    table: TrialTable, claim: Claim, noise: float, *, studies: int = 50, seed: int = 0
) -> Forecast:
    """Simulate a claim's verdicts on a design.

    Args:
        table: the design's runs, with any values; with the adapters' sizes, if the part beyond
            size is to be forecast.
        claim: what will be judged.
        noise: sd of a run, in the objective's unit; above 0.
        studies: simulated studies per truth; the shares are good to 0.5 / sqrt(studies).
        seed: of the simulation.

    Raises:
        SpecError: if the claim names a parameter that the table lacks.
    """
    rng = np.random.default_rng(seed)
    roles = roles_of(claim, tuple(table.space))
    evidence = select_trials(_varied(table, rng), roles)
    question = hypotheses_of(claim, roles, evidence)
    if not question.dominant or not question.over:
        why = "what it compares does not vary in this design"
        return Forecast(claim, noise, (), None, why)
    runs = Runs(sampled_axes(evidence.table), evidence.table.configurations, question, noise)
    untested, power = question.no_size, []
    for truth in _truths(question):
        made, why = _power(runs, truth, rng, studies)
        untested = untested or why
        power.append(made)
    return Forecast(claim, noise, tuple(power), runs.for_negligible(rng), untested)


def _truths(question: Hypotheses) -> list[Truth]:
    delta, name = question.delta, question.label(question.dominant)
    least = TIMES_DELTA[0]
    return [
        Truth("nothing matters", 0.0, 0.0),
        *(Truth(f"{name} alone matters, {t:g} delta", t * delta, 0.0) for t in TIMES_DELTA),
        Truth(f"all matter alike, {least:g} delta", least * delta, least * delta),
    ]


def _varied(table: TrialTable, rng: np.random.Generator) -> TrialTable:
    """The design with values that vary, so that no rule takes it for a constant metric."""
    rows = tuple(replace(row, value=float(rng.normal())) for row in table.rows)
    return replace(table, rows=rows, sampling="designed")


def _power(runs: Runs, truth: Truth, rng: np.random.Generator, studies: int) -> tuple[Power, str]:
    """The shares under one truth, and why beyond size is not tested, if it is not."""
    found = [each for _ in range(studies) if (each := runs.judged(truth, rng)) is not None]
    states = [state for state, _ in found]
    untested = ""

    def share(name: str) -> float | None:
        """None where the claim has no such part, or these trials cannot test it."""
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
