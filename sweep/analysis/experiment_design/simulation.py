"""Simulated studies on a design, evaluated by the same rule as real ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis
from sweep.analysis.effects.configurations import ConfigurationMeans
from sweep.analysis.effects.contrasts import Contrasts, averaged
from sweep.analysis.effects.fit import Fit, fit
from sweep.analysis.effects.intervals import PivotalSampler, VarianceComponent
from sweep.analysis.effects.model_selection import select_model
from sweep.analysis.verdict.decision import assess
from sweep.analysis.verdict.hypotheses import Hypotheses
from sweep.analysis.verdict.preconditions import FEWEST
from sweep.analysis.verdict.result import State, TestResult
from sweep.analysis.verdict.sample_size import for_dominance, for_negligible

DRAWS = 400
"""Pivotal draws per simulated study; few, since results are averaged over studies."""


@dataclass(frozen=True)
class Truth:
    """Assumed effects; all other parameters have none.

    Attributes:
        says: the assumption in words.
        dominant: end-to-end effect of the dominant parameter.
        others: end-to-end effect of each parameter it is compared with.
    """

    says: str
    dominant: float
    others: float


@dataclass(frozen=True)
class Runs:
    """A design as arrays, with the hypotheses to be tested on it.

    Attributes:
        axes: the parameters, each with the runs' coordinates, shape ``(n,)``.
        configurations: configuration index of each run, shape ``(n,)``.
        hypotheses: the hypotheses.
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
