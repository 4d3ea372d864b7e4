"""Studies of a design that were not run: simulated runs, judged by the rule itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

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

FloatArray = npt.NDArray[np.float64]

DRAWS = 400
"""Draws per simulated study: enough for a rate over many of them."""


@dataclass(frozen=True)
class Truth:
    """What is assumed of the parameters; every other has no effect.

    Attributes:
        says: it in words.
        dominant: end-to-end effect of the dominant parameter.
        others: end-to-end effect of each of those it is compared with.
    """

    says: str
    dominant: float
    others: float


@dataclass(frozen=True)
class Runs:
    """A design as arrays, and what will be asked of it.

    Attributes:
        axes: of the parameters, with the runs' places, shape ``(n,)``.
        configurations: which configuration each run is of, shape ``(n,)``.
        question: what is asked.
        noise: sd of a run, above 0.
    """

    axes: tuple[Axis, ...]
    configurations: npt.NDArray[np.intp]
    question: Hypotheses
    noise: float

    def judged(
        self, truth: Truth, rng: np.random.Generator
    ) -> tuple[State, dict[str, TestResult]] | None:
        """One simulated study's answer and its averaged parts by name; None if it has none."""
        sample = self._noisy(self._mean(truth, rng), rng)
        found = assess(sample, self.question, n_draws=DRAWS, seed=0)
        if found is None:
            return None
        return found.state, {part.name: part for part in found.parts if part.view == "averaged"}

    def for_dominance(self, truth: Truth, rng: np.random.Generator) -> int | None:
        """Trials at which dominance is likely told, either way; None if no number would do."""
        known, q = self._known(truth, rng), self.question
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
        """Trials at which effects of 0 are likely shown to be negligible."""
        known = self._known(Truth("nothing matters", 0.0, 0.0), rng)
        if known is None or not self.question.negligible:
            return None
        pieces = [
            known.piece(known.view.touching(group), f"negligible {i}")
            for i, group in enumerate(self.question.negligible)
        ]
        n, bound = len(self.configurations), self.question.delta_sigma
        return _at_least(for_negligible(pieces, bound, n, smallest=True))

    def _mean(self, truth: Truth, rng: np.random.Generator) -> FloatArray:
        """Even steps along the dominant parameter and along those it is compared with."""
        y = np.zeros(len(self.configurations))
        compared = [i for group in self.question.over for i in group]
        for index, size in [
            (self.question.dominant[0], truth.dominant),
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
        """The model that a study of this truth would be fitted with, and what is true in it."""
        mean = self._mean(truth, rng)
        chosen = select_model(self._noisy(mean, rng))
        exact = None if chosen is None else fit(chosen.model, self._sample(mean))
        if exact is None:
            return None
        known = replace(exact, rss=self.noise**2 * exact.df)
        return _Known(known, PivotalSampler(known, DRAWS, 0), averaged(known))


@dataclass(frozen=True)
class _Known:
    """A fit whose coefficients are the true ones, with the noise that an estimate would have."""

    fit: Fit
    drawer: PivotalSampler
    view: Contrasts

    def piece(self, rows: FloatArray, stream: str) -> VarianceComponent:
        """A sum of squared effects, whose estimate is the truth: no noise is in it to take off."""
        true = float(np.square(rows @ self.fit.b).sum())
        return replace(self.drawer.piece(rows, stream), estimate=true)


def _at_least(n: int | None) -> int | None:
    """No verdict stands on fewer configurations than the guards ask for."""
    return None if n is None else max(n, FEWEST)
