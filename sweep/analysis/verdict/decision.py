"""Fit the model, test each part of a claim, and combine the results into one state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sweep.analysis.effects.configurations import ConfigurationMeans
from sweep.analysis.effects.contrasts import Best, Contrasts, averaged, best_places, optimised
from sweep.analysis.effects.fit import Fit
from sweep.analysis.effects.intervals import PivotalSampler
from sweep.analysis.effects.model_selection import select_model
from sweep.analysis.verdict.hypotheses import Hypotheses
from sweep.analysis.verdict.hypothesis_tests import ClaimTests
from sweep.analysis.verdict.result import State, TestResult


@dataclass(frozen=True)
class Assessment:
    """Test results of a claim on a sample, before preconditions and cross-checks.

    Attributes:
        fit: the fitted model.
        drawer: pivotal sampler of the fit.
        view: contrasts of effects averaged over all other parameters.
        best: best nuisance values for each dominant choice; None without nuisances.
        parts: results of the claim's parts, averaged and optimised.
    """

    fit: Fit
    drawer: PivotalSampler
    view: Contrasts
    best: Best | None
    parts: tuple[TestResult, ...]

    @property
    def state(self) -> State:
        """The combined state of the parts."""
        return decide(self.parts)


def assess(
    sample: ConfigurationMeans,
    hypotheses: Hypotheses,
    *,
    n_draws: int,
    seed: int,
    needed: bool = False,
) -> Assessment | None:
    """Fit the model and test each part of the claim in each view.

    Args:
        sample: the configuration means.
        hypotheses: the hypotheses.
        n_draws: pivotal draws per probability.
        seed: random seed of the draws.
        needed: also estimate the number of trials for inconclusive parts.

    Returns:
        None if not even the main effects can be estimated, no value differs, or a group of the
        claim did not vary.
    """
    fit = select_model(sample) if np.ptp(sample.y) > 0.0 else None
    if fit is None or not hypotheses.dominant or not hypotheses.over:
        return None
    drawer = PivotalSampler(fit, n_draws, seed)
    view, best = averaged(fit), None
    n_trials = int(sample.seeds.sum()) if needed else 0
    parts = ClaimTests(fit, view, drawer, hypotheses, n_trials).parts()
    if hypotheses.nuisances and len(hypotheses.dominant) == 1:
        best = best_places(fit, hypotheses.dominant[0], hypotheses.nuisances)
        parts += ClaimTests(fit, optimised(fit, best), drawer, hypotheses, n_trials).parts()
    return Assessment(fit, drawer, view, best, parts)


def decide(parts: tuple[TestResult, ...]) -> State:
    """Combine the parts' results into one state.

    Confirmed: every part averaged over the nuisances, and dominance also at each choice's best
    nuisances, is confirmed or untested. Refuted: dominance in either view or averaged
    negligibility is refuted; or everything else required is confirmed but adapter size explains
    the dominant effect.
    """
    state = {(part.name, part.view): part.state for part in parts}
    must = [part for part in parts if _is_required(part)]
    if all(part.state in ("CONFIRMED", "UNTESTED") for part in must):
        return "CONFIRMED"
    for key in (("dominance", "averaged"), ("dominance", "optimised"), ("negligible", "averaged")):
        if state.get(key) == "REFUTED":
            return "REFUTED"
    others = [part for part in must if part.name != "beyond size"]
    if state.get(("beyond size", "averaged")) == "REFUTED" and all(
        part.state == "CONFIRMED" for part in others
    ):
        return "REFUTED"
    return "INCONCLUSIVE"


def trials_needed(parts: tuple[TestResult, ...]) -> int | None:
    """Number of trials likely to settle all inconclusive parts; None if unknown or not needed."""
    needed = [
        part.needed
        for part in parts
        if _is_required(part) and part.state == "INCONCLUSIVE" and part.name != "beyond size"
    ]
    known = [n for n in needed if n is not None]
    return max(known) if known and len(known) == len(needed) else None


def _is_required(part: TestResult) -> bool:
    return part.view == "averaged" or part.name == "dominance"
