"""Records of a verdict: effects, test results and cross-checks, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sweep.analysis.effects.fit import LEVEL, UNKNOWN_NOISE, SeedNoise
from sweep.study.claim import Claim

State = Literal["CONFIRMED", "REFUTED", "INCONCLUSIVE"]
"""The possible verdicts."""

PartState = Literal["CONFIRMED", "REFUTED", "INCONCLUSIVE", "UNTESTED"]
"""The possible results of a claim's part; ``UNTESTED`` if the trials cannot test it."""

METHOD = "variance components"
"""The method by which a verdict measures effects."""


@dataclass(frozen=True)
class Comparison:
    """Comparison of the dominant effect with one group's total effect.

    Attributes:
        over: the group's name.
        probability: probability that the dominant variance exceeds kappa times the group's.
        ratio: ratio of the variances; None if the group's is 0.
        low: lower end of the ratio's 95 % interval.
        claimed: whether the group is part of the claim; others are for information.
    """

    over: str
    probability: float
    ratio: float | None
    low: float
    claimed: bool = True


@dataclass(frozen=True)
class TestResult:
    """Result of one part of a claim.

    Attributes:
        name: ``dominance``, ``negligible`` or ``beyond size``.
        view: ``averaged`` or ``optimised`` over the nuisances.
        probability: probability that the part holds; None if untested.
        refuted: probability of the opposite, as defined by the part's test.
        says: the result as one sentence.
        needed: number of trials likely to settle it; None if unknown or not needed.
        comparisons: for ``dominance``, the comparison with each group.
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
    """Effect size of a parameter, a group or an interaction.

    Attributes:
        name: the parameter; a group's members joined by ``+``, an interaction's by ``:``.
        share: share of the explained variance: main effect, or all effects within a group.
        low: lower end of the share's 95 % interval.
        sigma: standard deviation of the effect, in the objective's unit.
        sigma_low: lower end of its 95 % interval.
        noise_floor: the sigma expected from noise alone, already subtracted from ``sigma``.
        total_share: share including all interactions with other parameters.
        total_sigma: standard deviation of that total effect, in the objective's unit.
        total_low: lower end of its 95 % interval.
        p_value: p value of the F test of the effect without outside interactions.
        of: members of a group or an interaction.
        n: number of configurations.
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
    """Best nuisance values for one choice of the dominant parameter.

    Attributes:
        at: each nuisance's best value, by name.
        low: lower ends of their 95 % intervals.
        value: the response at these values, averaged over all other parameters.
        value_low: lower end of its 95 % interval.
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
    """Trials excluded from a verdict for one reason; ``numbers`` has at most the first hundred."""

    reason: str
    n: int
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class CrossCheck:
    """Result of a cross-check, which may veto a confirmation.

    Attributes:
        passes: whether it agrees; None if it could not be run.
        veto: whether disagreement vetoes a confirmation.
        figures: the computed figures by name.
    """

    name: str
    question: str
    passes: bool | None
    veto: bool
    says: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Verdict on a claim, with all results it is based on.

    Attributes:
        verdict: the verdict.
        claim: the claim.
        reason: one or more sentences: what decided it, or what is missing.
        only_at: nuisances that were held fixed; the verdict holds at their fixed values only.
        parts: results of the claim's parts, averaged and optimised.
        parameters: the effect of each parameter, largest share first.
        groups: the effects of the claim's groups of several parameters.
        interactions: interactions of two or three parameters, largest share first.
        best: best nuisance values of each dominant choice; empty without nuisances.
        seed_noise: noise between runs of one configuration.
        residual_sd: residual standard deviation of a run: noise between seeds and lack of fit.
        lack_of_fit: p value of the lack-of-fit test against the noise between seeds; None
            without replicates.
        n_trials: number of eligible trials.
        n_configurations: number of configurations among them.
        excluded: excluded trials, and why.
        guards: violated preconditions; empty if a verdict is possible.
        cross_checks: results of the cross-checks.
        trials_needed: number of trials likely to settle the claim; None if it is settled or the
            number is unknown.
        delta_sigma: sd below which an effect counts as negligible.
        notes: limitations to be shown with the verdict.
        n_draws: pivotal draws per probability.
        seed: random seed of the draws and the cross-checks.
        level: confidence level of all intervals.
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
        """The verdict in a few words, with what a confirmation is conditional on."""
        said = self.verdict + (
            f" at this {' and '.join(self.only_at)} only" if self.only_at else ""
        )
        size = [part.state for part in self.parts if part.name == "beyond size"]
        if self.verdict == "CONFIRMED" and "UNTESTED" in size:
            said += ", adapter size not ruled out"
        return said

    def part(self, name: str, view: str = "averaged") -> TestResult:
        """Result of a part by name and view; raises ``KeyError`` if there is none."""
        found = [p for p in self.parts if (p.name, p.view) == (name, view)]
        if not found:
            raise KeyError(name)
        return found[0]

    def to_json(self) -> dict[str, Any]:
        """All fields and ``headline`` as JSON-serialisable data."""
        tree = asdict(self)
        return {**tree, "claim": self.claim.to_json(), "headline": self.headline}
