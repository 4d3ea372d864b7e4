"""Fit the model, test each part of a claim, and combine the results into one state.

Each part is an intersection-union test (Berger 1982, doi:10.1080/00401706.1982.10487790): all
its comparisons must hold, each at the full level, and no correction is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sweep._typing import FloatArray
from sweep.analysis.effects.contrasts import (
    Best,
    Contrasts,
    averaged,
    best_places,
    beyond_size,
    optimised,
)
from sweep.analysis.effects.fit import ConfigurationMeans, Fit
from sweep.analysis.effects.intervals import PivotalSampler, VarianceComponent
from sweep.analysis.effects.model_selection import select_model
from sweep.analysis.verdict.hypotheses import SIGNIFICANT, SURE, SURE_NOT, Hypotheses
from sweep.analysis.verdict.result import Comparison, PartState, State, TestResult
from sweep.analysis.verdict.sample_size import for_dominance, for_negligible


@dataclass(frozen=True)
class ClaimTests:
    """Tests of a claim's parts in one view of a fit.

    Attributes:
        view: contrasts averaged, or optimised over the nuisances.
        n_trials: number of runs; 0 to skip the estimate of how many are needed.
    """

    fit: Fit
    view: Contrasts
    drawer: PivotalSampler
    hypotheses: Hypotheses
    n_trials: int

    @cached_property
    def _main_rows(self) -> FloatArray:
        return self.view.within(self.hypotheses.dominant)

    @cached_property
    def _p(self) -> float:
        return self.fit.p_value(self._main_rows)

    def _piece(self, rows: FloatArray, role: str) -> VarianceComponent:
        return self.drawer.piece(rows, f"{self.view.name}:{role}")

    def parts(self) -> tuple[TestResult, ...]:
        """Results of all parts of the claim, in order."""
        found = [self.dominance()]
        if self.hypotheses.negligible:
            found.append(self.negligible())
        if self.hypotheses.size is not None or self.hypotheses.no_size:
            found.append(self.beyond_size())
        return tuple(found)

    def dominance(self) -> TestResult:
        """Test whether a main effect exceeds delta, and kappa times each group's total effect."""
        q = self.hypotheses
        main = self._piece(self._main_rows, "dominant")
        total = self._piece(self.view.touching(q.dominant), "dominant total")
        groups = [(g, f"over {i}", True) for i, g in enumerate(q.over)]
        if self.view.name == "averaged":
            groups += [(g, f"beside {i}", False) for i, g in enumerate(q.beside)]
        pieces = [self._piece(self.view.touching(g), role) for g, role, _ in groups]
        comparisons = tuple(
            self._compare(main, piece, q.label(group), claimed=claimed)
            for (group, _, claimed), piece in zip(groups, pieces, strict=True)
        )
        claimed = [piece for (_, _, ours), piece in zip(groups, pieces, strict=True) if ours]
        worth = float(np.mean(np.sqrt(main.draws) > q.delta_sigma))
        sure = min(worth, *(c.probability for c in comparisons if c.claimed))
        less = max(float(np.mean(total.draws < piece.draws)) for piece in claimed)
        small = float(np.mean(np.sqrt(total.draws) < q.delta_sigma))
        refuted = max(less, small)
        state = _state(sure >= SURE and self._p < SIGNIFICANT, refuted >= SURE_NOT)
        needed = None
        if state == "INCONCLUSIVE" and self.n_trials:
            needed = for_dominance(main, total, claimed, q.kappa, q.delta_sigma, self.n_trials)
        return TestResult(
            "dominance",
            self.view.name,
            state,
            sure,
            refuted,
            self._say_dominance(state, comparisons, worth, small=small >= SURE_NOT),
            needed,
            comparisons,
        )

    def _compare(
        self, main: VarianceComponent, other: VarianceComponent, name: str, *, claimed: bool
    ) -> Comparison:
        sure = float(np.mean(main.draws > self.hypotheses.kappa * other.draws))
        ratio = main.estimate / other.estimate if other.estimate > 0.0 else None
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            low = float(np.quantile(np.nan_to_num(main.draws / other.draws, posinf=1e12), 0.025))
        return Comparison(name, sure, ratio, low, claimed)

    def _say_dominance(
        self, state: PartState, comparisons: tuple[Comparison, ...], worth: float, *, small: bool
    ) -> str:
        q = self.hypotheses
        name = q.label(q.dominant)
        if small and state == "REFUTED":
            return f"{name} has no effect worth having: its sd is below {q.delta_sigma:.2g}"
        beaten = [c.over for c in comparisons if c.probability >= SURE]
        rest = [c for c in comparisons if c.probability < SURE]
        said = [f"beats {_and(beaten)} by more than {q.kappa:g} times"] if beaten else []
        verb = "is less than" if state == "REFUTED" else "does not surely beat"
        said += [
            f"{verb if c.claimed else 'does not beat'} {c.over} ({c.probability:.2f})" for c in rest
        ]
        joint = ", but " if beaten else " and "
        little = f", and is above {q.delta:g} end to end with probability {worth:.2f} only"
        open_for_it = state == "INCONCLUSIVE" and worth < SURE
        return f"{name} " + joint.join(said) + little * open_for_it

    def negligible(self) -> TestResult:
        """Equivalence test: whether each group's total effect is below delta."""
        q = self.hypotheses
        pieces = [
            self._piece(self.view.touching(group), f"negligible {i}")
            for i, group in enumerate(q.negligible)
        ]
        below = [float(np.mean(np.sqrt(piece.draws) < q.delta_sigma)) for piece in pieces]
        above = [float(np.mean(np.sqrt(piece.draws) > q.delta_sigma)) for piece in pieces]
        state = _state(min(below) >= SURE, max(above) >= SURE_NOT)
        said = [
            f"{q.label(group)} is below {q.delta:g} end to end with probability {p:.2f}"
            for group, p in zip(q.negligible, below, strict=True)
        ]
        needed = None
        if state == "INCONCLUSIVE" and self.n_trials:
            needed = for_negligible(pieces, q.delta_sigma, self.n_trials)
        return TestResult(
            "negligible", self.view.name, state, min(below), max(above), _and(said), needed
        )

    def beyond_size(self) -> TestResult:
        """Test whether adapter size explains less than half of the dominant variance."""
        q, name = self.hypotheses, "beyond size"
        untested = q.no_size if q.size is None else ""
        if q.size is not None and not q.size.spans():
            untested = "the ranks do not vary the adapters' size as widely as the choices do"
        if untested or q.size is None:
            return TestResult(name, self.view.name, "UNTESTED", None, None, untested)
        rows = beyond_size(self.fit, self.view, q.size)
        sure = self._more_than_half(rows)
        left = self._piece(rows, "beyond size")
        explained = float(np.mean(np.sqrt(left.draws) < q.delta_sigma))
        confirmed = sure >= SURE and self.fit.p_value(rows) < SIGNIFICANT
        state = _state(confirmed, explained >= SURE_NOT and self._p < SIGNIFICANT)
        says = (
            f"of {q.label(q.dominant)}'s sd, {left.estimate**0.5:.2g} is left at equal numbers of "
            f"trained parameters; more than half its variance is with probability {sure:.2f}"
        )
        return TestResult(name, self.view.name, state, sure, explained, says)

    def _more_than_half(self, rows: FloatArray) -> float:
        """Probability that size leaves more than half of the dominant variance, by joint draws."""
        drawn = self.drawer.coefficients(f"{self.view.name}:joint")
        left, whole = (self._unbiased(drawn, each) for each in (rows, self._main_rows))
        return float(np.mean(left > whole / 2.0))

    def _unbiased(self, drawn: FloatArray, rows: FloatArray) -> FloatArray:
        """Sums of squares of drawn effects, less the noise of both the estimate and the draw."""
        noise = np.trace(rows @ self.fit.c @ rows.T) * self.drawer.variance
        unbiased: FloatArray = np.square(drawn @ rows.T).sum(axis=1) - 2.0 * noise
        return unbiased


def _state(confirmed: bool, refuted: bool) -> PartState:  # noqa: FBT001 - two tests, one answer
    if confirmed and not refuted:
        return "CONFIRMED"
    return "REFUTED" if refuted and not confirmed else "INCONCLUSIVE"


def _and(parts: list[str]) -> str:
    return " and ".join(parts)


@dataclass(frozen=True)
class Assessment:
    """Test results of a claim on a sample, before preconditions and cross-checks.

    Attributes:
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
    if hypotheses.nuisances and len(hypotheses.dominant) > 1:
        says = "a group has no single best nuisance, which could make up its effect"
        parts += (TestResult("dominance", "optimised", "UNTESTED", None, None, says),)
    elif hypotheses.nuisances:
        best = best_places(fit, hypotheses.dominant[0], hypotheses.nuisances)
        parts += ClaimTests(fit, optimised(fit, best), drawer, hypotheses, n_trials).parts()
    return Assessment(fit, drawer, view, best, parts)


def decide(parts: tuple[TestResult, ...]) -> State:
    """Combine the parts' results into one state.

    Confirmed: every part, averaged over the nuisances, and dominance and negligibility also at
    each choice's best nuisances; only the part beyond size may be untested. Refuted: dominance in
    either view or averaged negligibility is refuted; or everything else required is confirmed but
    adapter size explains the dominant effect.
    """
    state = {(part.name, part.view): part.state for part in parts}
    must = [part for part in parts if is_required(part)]
    if all(part.state == "CONFIRMED" or _is_open_size(part) for part in must):
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
        if is_required(part) and part.state == "INCONCLUSIVE" and part.name != "beyond size"
    ]
    known = [n for n in needed if n is not None]
    return max(known) if known and len(known) == len(needed) else None


def is_required(part: TestResult) -> bool:
    """Whether a confirmation needs the part: all but size at each choice's best nuisances."""
    return part.view == "averaged" or part.name != "beyond size"


def _is_open_size(part: TestResult) -> bool:
    return part.name == "beyond size" and part.state == "UNTESTED"
