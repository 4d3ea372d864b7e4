"""``judge``: the verdict on a claim from a table of trials, and its explanation in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scipy import stats

from sweep.analysis.axes import sampled_axes
from sweep.analysis.effects.fit import ConfigurationMeans
from sweep.analysis.effects.model_selection import FOR_NAMES
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.claim_terms import ClaimTerms, roles_of
from sweep.analysis.verdict.cross_checks import CheckOptions, cross_check
from sweep.analysis.verdict.decision import Assessment, assess, is_required, trials_needed
from sweep.analysis.verdict.effect_summary import Effects, best_of_each
from sweep.analysis.verdict.eligible_trials import EligibleTrials, select_trials
from sweep.analysis.verdict.hypotheses import SURE, Hypotheses, hypotheses_of
from sweep.analysis.verdict.preconditions import after_fit, before_fit, is_measurable
from sweep.analysis.verdict.result import CrossCheck, State, TestResult, Verdict
from sweep.errors import SpecError, fault
from sweep.study.claim import COUPLED, Claim, as_group

FEWEST_DRAWS = 100
"""Smallest number of draws for a probability of 0.95 to be meaningful."""

LORA = {*COUPLED, "targets"}
"""Parameters whose effect depends on the learning rate."""


def explain(parts: Sequence[TestResult], guards: Sequence[str], state: State) -> str:
    """The reason for a verdict: what decided it, or what is missing."""
    if guards:
        return f"No verdict: {'; '.join(guards)}."
    if state == "CONFIRMED":
        return " ".join([*_sentences(p for p in parts if p.view == "averaged"), *_beside(parts)])
    failing = [part for part in parts if part.state != "CONFIRMED"]
    if state == "REFUTED":
        refuted = [part for part in failing if part.state == "REFUTED"]
        return " ".join([*_sentences(refuted), *_beside(parts)])
    required = [part for part in failing if is_required(part)]
    return " ".join([*map(_open, required), *_beside(parts)])


def _sentences(parts: Iterable[TestResult]) -> list[str]:
    return [f"{_titled(part)}: {part.says}." for part in parts]


def _titled(part: TestResult) -> str:
    optimised = " at each choice's best" if part.view == "optimised" else ""
    verb = {
        "CONFIRMED": "confirmed",
        "REFUTED": "refuted",
        "INCONCLUSIVE": "open",
        "UNTESTED": "not tested",
    }[part.state]
    return f"{part.name.capitalize()}{optimised} is {verb}"


def _open(part: TestResult) -> str:
    said = f"{_titled(part)}: {part.says}"
    if part.needed is not None:
        said += f" (about {part.needed} trials would tell)"
    return f"{said}."


def _beside(parts: Sequence[TestResult]) -> list[str]:
    """Parameters outside the claim that the dominant one does not surely exceed."""
    for part in parts:
        if part.name == "dominance" and part.view == "averaged":
            rest = [c for c in part.comparisons if not c.claimed and c.probability < SURE]
            if rest and part.state == "CONFIRMED":
                names = " or ".join(c.over for c in rest)
                return [f"It does not surely beat {names}, of which the claim says nothing."]
    return []


def notes_on(
    table: TrialTable,
    eligible: EligibleTrials,
    terms: ClaimTerms,
    sample: ConfigurationMeans,
) -> tuple[str, ...]:
    """Notes and limitations that go with a verdict."""
    found = list(table.notes)
    if terms.merged:
        found.append(f"{terms.merged[0].upper()}{terms.merged[1:]}.")
    if eligible.collapsed:
        n = len(eligible.pool)
        found.append(
            f"{len(eligible.collapsed)} of {n} runs collapsed "
            f"({len(eligible.collapsed) / n:.1%}) and were set apart: the verdict is about runs "
            "that do not."
        )
    if len(sample) < FOR_NAMES:
        found.append(
            f"Below {FOR_NAMES} configurations interactions with names are not in the model, so "
            "totals may miss what lies in them."
        )
    if sample.seed_noise.sd is None:
        found.append("No configuration has two seeds: the noise of seeds is not known apart.")
    fixed = [name for name in table.space if name not in eligible.anonymous.names.values()]
    if fixed:
        found.append(f"Never varied: {', '.join(fixed)}.")
    return tuple(found)


def judge(
    table: TrialTable,
    claim: Claim | None = None,
    *,
    n_draws: int = 2000,
    seed: int = 0,
    cross_checks: bool = True,
    checks: CheckOptions | None = None,
) -> Verdict:
    """Verdict on a claim about hyperparameters, from the trials of a table.

    Effects are variance components of an orthonormal linear model on configuration means, with
    generalised-pivotal intervals. See ``decision`` for the rule,
    ``preconditions`` for what prevents a verdict, ``cross_checks`` for what vetoes a confirmation.

    Args:
        table: the trials; any finite objective, in either direction.
        claim: the claim; None for the default: target sets dominate rank and scaling, which are
            negligible.
        n_draws: pivotal draws per probability and interval.
        seed: random seed of the draws and the cross-checks; the verdict depends on no other
            randomness, nor on the order of rows, names or choices.
        cross_checks: whether to run the cross-checks, which take most of the time. Without
            them no confirmation is vetoed, which is stated in ``notes``.
        checks: settings of the cross-checks; None for the defaults.

    Returns:
        The verdict, with its reason; ``INCONCLUSIVE`` with the reasons in ``guards`` if no
        verdict is possible.

    Raises:
        SpecError: if the claim breaks a rule or names a parameter that the table lacks.
    """
    claim = claim or Claim()
    _check(claim, n_draws, seed)
    terms = roles_of(claim, tuple(table.space))
    eligible = select_trials(table, terms)
    case = _Case(
        table, claim, terms, eligible, hypotheses_of(claim, terms, eligible), n_draws, seed
    )
    verdict = case.verdict()
    if not cross_checks:
        note = "The cross-checks were not made, so nothing could veto a confirmation."
        return replace(verdict, notes=(*verdict.notes, note))
    if verdict.residual_sd is None:
        return verdict
    how = replace(checks or CheckOptions(), seed=seed)
    return _vetoed(verdict, cross_check(claim, terms, eligible, how))


def _check(claim: Claim, n_draws: int, seed: int) -> None:
    faults = claim.faults("claim")
    if not isinstance(n_draws, int) or n_draws < FEWEST_DRAWS:
        faults.append(fault("n_draws", f"be a whole number of {FEWEST_DRAWS} or more", n_draws))
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        faults.append(fault("seed", "be a whole number from 0 to 4294967295", seed))
    if faults:
        raise SpecError(faults)


def sample_of(table: TrialTable) -> ConfigurationMeans:
    """Configuration means of a table's runs."""
    return ConfigurationMeans.of(sampled_axes(table), table.y, table.configurations)


@dataclass(frozen=True)
class _Case:
    """A claim with the trials and the hypotheses to test."""

    table: TrialTable
    claim: Claim
    terms: ClaimTerms
    eligible: EligibleTrials
    hypotheses: Hypotheses
    n_draws: int
    seed: int

    def verdict(self) -> Verdict:
        """The verdict before cross-checks."""
        eligible = self.eligible
        guards = tuple(before_fit(self.table, eligible, self.terms))
        base = Verdict(
            verdict="INCONCLUSIVE",
            claim=self.claim,
            reason="",
            n_trials=len(eligible.table),
            n_configurations=len(set(eligible.table.configurations.tolist())),
            excluded=eligible.excluded,
            delta_sigma=self.hypotheses.delta_sigma,
            n_draws=self.n_draws,
            seed=self.seed,
        )
        found = None
        if base.n_configurations > 1 and is_measurable(eligible.table.y):
            sample = sample_of(eligible.table)
            how = {"n_draws": self.n_draws, "seed": self.seed}
            found = assess(sample, self.hypotheses, **how, needed=True)
        if found is None:
            guards = guards or ("the design cannot tell the parameters' effects apart",)
            return replace(base, guards=guards, reason=explain((), guards, "INCONCLUSIVE"))
        guards += tuple(after_fit(found.fit, sample, eligible.anonymous.names))
        return self._filled(base, found, sample, guards)

    def _filled(
        self, base: Verdict, found: Assessment, sample: ConfigurationMeans, guards: tuple[str, ...]
    ) -> Verdict:
        """The verdict with all effects, best values and notes."""
        hypotheses = self.hypotheses
        state: State = "INCONCLUSIVE" if guards else found.state
        effects = Effects(found, hypotheses.names, len(sample))
        return replace(
            base,
            verdict=state,
            reason=explain(found.parts, guards, state),
            only_at=self._only_at() if state == "CONFIRMED" else (),
            parts=found.parts,
            parameters=effects.parameters(),
            groups=effects.groups((hypotheses.dominant, *hypotheses.over, *hypotheses.negligible)),
            interactions=effects.interactions(),
            best=best_of_each(found, hypotheses, self.eligible.anonymous),
            seed_noise=sample.seed_noise,
            residual_sd=found.fit.variance**0.5,
            lack_of_fit=_lack_of_fit(found, sample),
            guards=guards,
            trials_needed=trials_needed(found.parts) if state == "INCONCLUSIVE" else None,
            notes=notes_on(self.table, self.eligible, self.terms, sample),
        )

    def _only_at(self) -> tuple[str, ...]:
        """Nuisances that were held fixed, on which the verdict is conditional."""
        table, claim = self.table, self.claim
        varied = set(self.eligible.anonymous.names.values())
        about = {name for part in (claim.dominant, *claim.over) for name in as_group(part)}
        return tuple(
            name
            for name in claim.nuisances
            if name not in varied and (name in table.fixed or name in table.space or about & LORA)
        )


def _lack_of_fit(found: Assessment, sample: ConfigurationMeans) -> float | None:
    """P value of the test that residuals between configurations are noise between seeds alone."""
    noise = sample.seed_noise
    if not noise.sd:
        return None
    return float(stats.f.sf(found.fit.variance / noise.sd**2, found.fit.df, noise.df))


def _vetoed(verdict: Verdict, made: tuple[CrossCheck, ...]) -> Verdict:
    """The verdict with its cross-checks; a confirmation becomes inconclusive if one vetoes it."""
    verdict = replace(verdict, cross_checks=made)
    against = [check for check in made if check.veto and check.passes is False]
    if verdict.verdict != "CONFIRMED" or not against:
        return verdict
    said = "; ".join(f"{check.name}: {check.says}" for check in against)
    reason = f"Every part was confirmed, but a cross-check disagrees ({said})."
    return replace(verdict, verdict="INCONCLUSIVE", reason=reason, only_at=())
