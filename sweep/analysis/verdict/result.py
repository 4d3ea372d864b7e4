"""What a verdict says: records that carry their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sweep.analysis.effects.configurations import LEVEL, UNKNOWN_NOISE, SeedNoise
from sweep.study.claim import Claim

State = Literal["CONFIRMED", "REFUTED", "INCONCLUSIVE"]
"""The three answers."""

PartState = Literal["CONFIRMED", "REFUTED", "INCONCLUSIVE", "UNTESTED"]
"""A part may also be one that these trials cannot test."""

METHOD = "variance components"
"""How effects are measured here."""


@dataclass(frozen=True)
class Comparison:
    """The dominant effect against one group.

    Attributes:
        over: the group's name.
        probability: that the dominant variance is more than kappa times the group's.
        ratio: the variances' ratio; None where the group's is 0.
        low: lower end of the ratio's 95 % interval.
        claimed: whether the claim speaks of it; the others are told beside it.
    """

    over: str
    probability: float
    ratio: float | None
    low: float
    claimed: bool = True


@dataclass(frozen=True)
class TestResult:
    """One part of a claim.

    Attributes:
        name: ``dominance``, ``negligible`` or ``beyond size``.
        view: ``averaged`` or ``optimised`` over the nuisances.
        state: what came of it.
        probability: that it holds; None where it is untested.
        refuted: probability that its opposite holds, in the sense of the rule.
        says: one sentence.
        needed: trials at which an answer is likely; None if unknown or not needed.
        comparisons: of ``dominance`` with each group.
    """

    name: str
    view: str
    state: PartState
    probability: float | None
    refuted: float | None
    says: str
    needed: int | None = None
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Effect:
    """How much a parameter, a group or an interaction matters.

    Attributes:
        name: the parameter; a group's members joined by ``+``, an interaction's by ``:``.
        share: of the explained variance, by itself: main effect, or all effects within a group.
        low: lower end of the share's 95 % interval.
        high: upper end.
        sigma: standard deviation that it causes by itself, in the objective's unit.
        sigma_low: lower end of its 95 % interval.
        sigma_high: upper end.
        noise_floor: the sigma that pure noise would show before it is subtracted.
        total_share: share with all interactions that it has a part in.
        total_sigma: the same in the objective's unit.
        total_low: lower end of its 95 % interval.
        total_high: upper end.
        p_value: F test that it has no effect by itself.
        of: what a group or an interaction is made of.
        method: how it was measured.
        n: configurations it rests on.
    """

    name: str
    share: float
    low: float
    high: float
    sigma: float
    sigma_low: float
    sigma_high: float
    noise_floor: float
    total_share: float
    total_sigma: float
    total_low: float
    total_high: float
    p_value: float
    of: tuple[str, ...] = ()
    method: str = METHOD
    n: int = 0


@dataclass(frozen=True)
class BestPlace:
    """Where one choice of the dominant parameter is at its best.

    Attributes:
        choice: the choice.
        at: each nuisance's best value, by name.
        low: lower ends of their 95 % intervals.
        high: upper ends.
        value: the response there, averaged over all other parameters.
        value_low: lower end of its 95 % interval.
        value_high: upper end.
        average: the response averaged over the nuisances too.
    """

    choice: Any
    at: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    value: float
    value_low: float
    value_high: float
    average: float


@dataclass(frozen=True)
class Excluded:
    """Trials that the verdict does not rest on.

    Attributes:
        reason: why.
        n: how many.
        numbers: which; the first hundred.
    """

    reason: str
    n: int
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class CrossCheck:
    """Another way to look, which may veto a confirmation.

    Attributes:
        name: the check.
        question: what it asks.
        passes: whether it agrees; None where it could not be made.
        veto: whether a confirmation cannot stand without it.
        says: one sentence with its figures.
        figures: the figures by name.
    """

    name: str
    question: str
    passes: bool | None
    veto: bool
    says: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An answer to a claim, with everything it rests on.

    Attributes:
        verdict: the answer.
        claim: what was asked.
        reason: one or more sentences: what decided it, or what is missing.
        only_at: what was held fixed although it should have varied: the answer holds there
            only.
        parts: the claim's parts, averaged and optimised.
        parameters: the effect of each parameter, by falling share.
        groups: the effects of the claim's groups.
        interactions: pairs of parameters, by falling share.
        best: each dominant choice at its best nuisances; empty without nuisances.
        seed_noise: what runs of one configuration differ by.
        residual_sd: sd of a run around the model: seeds and lack of fit.
        lack_of_fit: p value that the model holds all but the noise of seeds; None without
            replicates.
        n_trials: trials it rests on.
        n_configurations: configurations it rests on.
        excluded: trials it does not rest on, and why.
        guards: why no verdict is possible; empty where one is.
        cross_checks: other ways to look.
        trials_needed: trials at which an answer is likely; None where there is one, or where
            no number would help.
        delta_sigma: sd below which an effect counts as negligible.
        notes: what a reader should know.
        n_draws: draws behind the probabilities.
        seed: of the draws and the cross-checks.
        level: of every interval.
    """

    verdict: State
    claim: Claim
    reason: str
    only_at: tuple[str, ...] = ()
    parts: tuple[TestResult, ...] = ()
    parameters: tuple[Effect, ...] = ()
    groups: tuple[Effect, ...] = ()
    interactions: tuple[Effect, ...] = ()
    best: tuple[BestPlace, ...] = ()
    seed_noise: SeedNoise = UNKNOWN_NOISE
    residual_sd: float | None = None
    lack_of_fit: float | None = None
    n_trials: int = 0
    n_configurations: int = 0
    excluded: tuple[Excluded, ...] = ()
    guards: tuple[str, ...] = ()
    cross_checks: tuple[CrossCheck, ...] = ()
    trials_needed: int | None = None
    delta_sigma: float = 0.0
    notes: tuple[str, ...] = ()
    n_draws: int = 0
    seed: int = 0
    level: float = LEVEL

    @property
    def headline(self) -> str:
        """The answer in a few words, with the condition it stands under."""
        return self.verdict + (
            f" at this {' and '.join(self.only_at)} only" if self.only_at else ""
        )

    def part(self, name: str, view: str = "averaged") -> TestResult:
        """A part by name and view; raises ``KeyError`` if there is none."""
        found = [p for p in self.parts if (p.name, p.view) == (name, view)]
        if not found:
            raise KeyError(name)
        return found[0]

    def to_json(self) -> dict[str, Any]:
        """A JSON tree: everything here, and ``headline``."""
        tree = asdict(self)
        return {**tree, "claim": self.claim.to_json(), "headline": self.headline}
