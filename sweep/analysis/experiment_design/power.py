"""Power analysis of a design by simulation, before its first trial.

Runs are simulated on the design's own configurations, with the pilot's noise and effects of given
sizes, and evaluated by the same rule as real ones. Only the numbers of trials needed come from the
formulas in ``sweep.analysis.verdict.sample_size``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis, sampled_axes
from sweep.analysis.effects.contrasts import Contrasts, averaged
from sweep.analysis.effects.fit import ConfigurationMeans, Fit, fit
from sweep.analysis.effects.intervals import PivotalSampler, VarianceComponent
from sweep.analysis.effects.model_selection import select_model
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.claim_terms import roles_of
from sweep.analysis.verdict.decision import assess
from sweep.analysis.verdict.eligible_trials import select_trials
from sweep.analysis.verdict.hypotheses import Hypotheses, hypotheses_of
from sweep.analysis.verdict.preconditions import FEWEST
from sweep.analysis.verdict.result import State, TestResult
from sweep.analysis.verdict.sample_size import for_dominance, for_negligible
from sweep.study.claim import Claim

DRAWS = 400
"""Pivotal draws per simulated study; few, since results are averaged over studies."""

TIMES_DELTA = (2.0, 5.0)
"""Simulated sizes of the dominant effect, end to end, as multiples of delta."""


@dataclass(frozen=True)
class Truth:
    """Assumed end-to-end effects of the dominant parameter and of each that it is compared with."""

    says: str
    dominant: float
    others: float


@dataclass(frozen=True)
class Runs:
    """A design as arrays, with the hypotheses to be tested on it.

    Attributes:
        axes: the parameters, each with the runs' coordinates, shape ``(n,)``.
        configurations: configuration index of each run, shape ``(n,)``.
        noise: standard deviation of a run, above 0.
    """

    axes: tuple[Axis, ...]
    configurations: npt.NDArray[np.intp]
    hypotheses: Hypotheses
    noise: float

    def judged(
        self, truth: Truth, rng: np.random.Generator
    ) -> tuple[State, dict[str, TestResult]] | None:
        """State and averaged parts by name of one simulated study; None if not estimable."""
        sample = self._noisy(self._mean(truth, rng), rng)
        found = assess(sample, self.hypotheses, n_draws=DRAWS, seed=0)
        if found is None:
            return None
        return found.state, {part.name: part for part in found.parts if part.view == "averaged"}

    def for_dominance(self, truth: Truth, rng: np.random.Generator) -> int | None:
        """Trials likely to confirm or refute dominance; None if no number is enough."""
        known, q = self._known(truth, rng), self.hypotheses
        if known is None:
            return None
        main = known.piece(known.view.within(q.dominant), "dominant")
        total = known.piece(known.view.touching(q.dominant), "dominant total")
        others = [
            known.piece(known.view.touching(group), f"over {i}") for i, group in enumerate(q.over)
        ]
        n, bounds = len(self.configurations), (q.kappa, q.delta_sigma)
        return _at_least(for_dominance(main, total, others, *bounds, n, smallest=True))

    def for_negligible(self, rng: np.random.Generator) -> int | None:
        """Trials likely to show that effects of 0 are negligible; None if none is claimed."""
        known = self._known(Truth("nothing matters", 0.0, 0.0), rng)
        if known is None or not self.hypotheses.negligible:
            return None
        pieces = [
            known.piece(known.view.touching(group), f"negligible {i}")
            for i, group in enumerate(self.hypotheses.negligible)
        ]
        n, bound = len(self.configurations), self.hypotheses.delta_sigma
        return _at_least(for_negligible(pieces, bound, n, smallest=True))

    def _mean(self, truth: Truth, rng: np.random.Generator) -> FloatArray:
        """Expected results: effects linear in the coordinate; unordered choices are shuffled."""
        y = np.zeros(len(self.configurations))
        compared = [i for group in self.hypotheses.over for i in group]
        for index, size in [
            (self.hypotheses.dominant[0], truth.dominant),
            *((i, truth.others) for i in compared),
        ]:
            axis = self.axes[index]
            places = axis.places
            if axis.kind == "unordered":
                places = rng.permutation(axis.size)[places.astype(int)].astype(np.float64)
            y += size * (places - places.min()) / max(float(np.ptp(places)), 1e-12)
        return y

    def _noisy(self, mean: FloatArray, rng: np.random.Generator) -> ConfigurationMeans:
        return self._sample(mean + self.noise * rng.normal(size=len(mean)))

    def _sample(self, y: FloatArray) -> ConfigurationMeans:
        return ConfigurationMeans.of(self.axes, y, self.configurations)

    def _known(self, truth: Truth, rng: np.random.Generator) -> _Known | None:
        """The model selected for a noisy study of this truth, fitted to the noise-free means."""
        mean = self._mean(truth, rng)
        chosen = select_model(self._noisy(mean, rng))
        exact = None if chosen is None else fit(chosen.model, self._sample(mean))
        if exact is None:
            return None
        known = replace(exact, rss=self.noise**2 * exact.df)
        return _Known(known, PivotalSampler(known, DRAWS, 0), averaged(known))


@dataclass(frozen=True)
class _Known:
    """A fit with true coefficients and the noise variance of an estimate."""

    fit: Fit
    drawer: PivotalSampler
    view: Contrasts

    def piece(self, rows: FloatArray, stream: str) -> VarianceComponent:
        """Variance component whose estimate is the true value, without noise correction."""
        true = float(np.square(rows @ self.fit.b).sum())
        return replace(self.drawer.piece(rows, stream), estimate=true)


def _at_least(n: int | None) -> int | None:
    """The number of trials, at least the smallest that allows a verdict."""
    return None if n is None else max(n, FEWEST)


@dataclass(frozen=True)
class Power:
    """Power of a design under one assumed ``Truth``.

    Attributes:
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
