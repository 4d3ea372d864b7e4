"""What a design is likely to answer, before its first trial: the rule itself, on simulated runs.

No formula for power stands between: runs are simulated on the design's own configurations, with
the pilot's noise and an effect of a given size, and judged by the same rule as real ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sweep.axes import Axis, sampled_axes
from sweep.claim import Claim
from sweep.effects.choose import choose
from sweep.effects.draws import Drawer
from sweep.effects.sample import Sample
from sweep.effects.view import averaged
from sweep.judge.ask import ask
from sweep.judge.assess import assess
from sweep.judge.evidence import gather
from sweep.judge.needed import for_negligible
from sweep.judge.question import Question
from sweep.judge.records import Part
from sweep.judge.roles import roles_of
from sweep.table import TrialTable

FloatArray = npt.NDArray[np.float64]

TIMES_DELTA = (2.0, 5.0)
"""Sizes of the dominant effect that are tried, end to end in deltas."""

DRAWS = 400
"""Draws per simulated study: enough for a rate over many of them."""


@dataclass(frozen=True)
class Power:
    """How often a design answers, if the truth is as said.

    Attributes:
        truth: what is assumed, in words.
        dominant: end-to-end effect of the dominant parameter.
        others: end-to-end effect of each of those it is compared with.
        dominance: share of studies in which dominance is confirmed.
        negligible: share in which negligibility is.
        confirmed: share in which the whole claim is.
        refuted: share in which it is refuted.
        studies: simulated studies behind the shares.
    """

    truth: str
    dominant: float
    others: float
    dominance: float
    negligible: float | None
    confirmed: float
    refuted: float
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
    """

    claim: Claim
    noise: float
    power: tuple[Power, ...]
    for_negligible: int | None

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {**asdict(self), "claim": self.claim.to_json()}


def forecast(
    table: TrialTable, claim: Claim, noise: float, *, studies: int = 50, seed: int = 0
) -> Forecast:
    """Simulate a claim's verdicts on a design.

    Args:
        table: the design's runs, with any values.
        claim: what will be judged.
        noise: sd of a run, in the objective's unit.
        studies: simulated studies per truth; the shares are good to 0.5 / sqrt(studies).
        seed: of the simulation.

    Raises:
        SpecError: if the claim names a parameter that the table lacks.
    """
    rng = np.random.default_rng(seed)
    ready = _varied(table, rng)
    evidence = gather(ready, roles_of(claim, tuple(table.space)))
    question = ask(claim, roles_of(claim, tuple(table.space)), evidence)
    axes = sampled_axes(evidence.table)
    runs = _Runs(axes, evidence.table.configurations, replace(question, no_size=""), noise)
    delta = claim.delta
    truths = [("nothing matters", 0.0, 0.0)]
    name = question.label(question.dominant)
    truths += [(f"{name} alone matters, {t:g} delta", t * delta, 0.0) for t in TIMES_DELTA]
    least = TIMES_DELTA[0]
    truths += [(f"all matter alike, {least:g} delta", least * delta, least * delta)]
    power = tuple(runs.power(*truth, rng=rng, studies=studies) for truth in truths)
    return Forecast(claim, noise, power, runs.needed())


def _varied(table: TrialTable, rng: np.random.Generator) -> TrialTable:
    """The design with values that vary, so that no rule takes it for a constant metric."""
    rows = tuple(replace(row, value=float(rng.normal())) for row in table.rows)
    return replace(table, rows=rows, sampling="designed")


@dataclass(frozen=True)
class _Runs:
    """A design as arrays, and what will be asked of it."""

    axes: tuple[Axis, ...]
    configurations: npt.NDArray[np.intp]
    question: Question
    noise: float

    def power(
        self,
        truth: str,
        dominant: float,
        others: float,
        *,
        rng: np.random.Generator,
        studies: int,
    ) -> Power:
        found: list[tuple[str, tuple[Part, ...]]] = []
        for _ in range(studies):
            y = self._mean(dominant, others, rng) + self.noise * rng.normal(size=self._n)
            sample = Sample.of(self.axes, y, self.configurations)
            judged = assess(sample, self.question, n_draws=DRAWS, seed=0)
            if judged is not None:
                found.append((judged.state, judged.parts))
        states = [state for state, _ in found]

        def share(name: str) -> float | None:
            parts = [p for _, all_ in found for p in all_ if (p.name, p.view) == (name, "averaged")]
            return sum(p.state == "CONFIRMED" for p in parts) / studies if parts else None

        return Power(
            truth,
            dominant,
            others,
            share("dominance") or 0.0,
            share("negligible"),
            states.count("CONFIRMED") / studies,
            states.count("REFUTED") / studies,
            studies,
        )

    @property
    def _n(self) -> int:
        return len(self.configurations)

    def _mean(self, dominant: float, others: float, rng: np.random.Generator) -> FloatArray:
        """Even steps along the dominant parameter and along those it is compared with."""
        y = np.zeros(self._n)
        compared = [i for group in self.question.over for i in group]
        for index, size in [
            (self.question.dominant[0], dominant),
            *((i, others) for i in compared),
        ]:
            axis = self.axes[index]
            places = axis.places
            if axis.kind == "unordered":
                places = rng.permutation(axis.size)[places.astype(int)].astype(np.float64)
            y += size * (places - places.min()) / max(float(np.ptp(places)), 1e-12)
        return y

    def needed(self) -> int | None:
        """Trials at which effects of 0 are likely shown to be negligible."""
        sample = Sample.of(self.axes, np.arange(self._n, dtype=float), self.configurations)
        fit = choose(sample)
        if fit is None or not self.question.negligible:
            return None
        blank = replace(fit, b=np.zeros_like(fit.b), rss=self.noise**2 * fit.df)
        drawer, view = Drawer(blank, DRAWS, 0), averaged(blank)
        pieces = [
            drawer.piece(view.touching(group), f"negligible {i}")
            for i, group in enumerate(self.question.negligible)
        ]
        return for_negligible(pieces, self.question.delta_sigma, self._n, smallest=True)
