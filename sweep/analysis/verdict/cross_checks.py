"""Cross-checks by other methods on the same trials; each may veto a confirmation.

No check can confirm a claim. The conditions for a veto differ:

- fANOVA (a random forest) must show dominance again: it vetoes unless the dominant share is above
  its permutation null and the largest with probability 0.95.
- Rank-transformed values, the better half of a nuisance's range, and the other parametrisation
  test dominance again, and veto if it is refuted or its probability is below 0.5.
- Other values of kappa and delta veto only if the whole claim is then refuted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from sweep.analysis.axes import Axis, derivation, sampled_axes, with_derived
from sweep.analysis.effects.contrasts import best_places
from sweep.analysis.effects.fit import ConfigurationMeans
from sweep.analysis.effects.model_selection import select_model
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.decision import Assessment, assess
from sweep.analysis.verdict.eligible_trials import EligibleTrials
from sweep.analysis.verdict.hypotheses import Hypotheses, hypotheses_of
from sweep.analysis.verdict.result import CrossCheck
from sweep.study.claim import Claim

LIKELY = 0.5
"""Probability of dominance below which a repeated test vetoes."""


@dataclass(frozen=True)
class CheckOptions:
    """Settings of the cross-checks.

    Attributes:
        n_bootstrap: bootstrap resamples of the fANOVA check.
        n_permutations: permutations for its null distribution.
        n_draws: pivotal draws of each repeated test.
        seed: random seed of all checks.
    """

    n_bootstrap: int = 200
    n_permutations: int = 100
    n_draws: int = 1000
    seed: int = 0


def cross_check(
    claim: Claim, terms: ClaimTerms, eligible: EligibleTrials, options: CheckOptions
) -> tuple[CrossCheck, ...]:
    """Run all cross-checks that apply to a claim on the eligible trials."""
    hypotheses = hypotheses_of(claim, terms, eligible)
    if not hypotheses.dominant or not hypotheses.over:
        return ()
    axes, y = sampled_axes(eligible.table), eligible.table.y
    runs = _Runs(axes, y, eligible.table.configurations, hypotheses, options)
    made = [_fanova(eligible, hypotheses, options), _ranks(runs)]
    made += [*_bounds(runs), *_best_half(runs)]
    return (*made, *_parametrisation(runs, eligible))


@dataclass(frozen=True)
class _Runs:
    """The trials as arrays, with the hypotheses to test on them."""

    axes: tuple[Axis, ...]
    y: np.ndarray
    configurations: np.ndarray
    hypotheses: Hypotheses
    options: CheckOptions

    def judged(self) -> Assessment | None:
        sample = ConfigurationMeans.of(self.axes, self.y, self.configurations)
        options = self.options
        return assess(sample, self.hypotheses, n_draws=options.n_draws, seed=options.seed)

    def take(self, rows: np.ndarray) -> _Runs:
        axes = tuple(axis.take(rows) for axis in self.axes)
        return replace(self, axes=axes, y=self.y[rows], configurations=self.configurations[rows])


def _fanova(eligible: EligibleTrials, hypotheses: Hypotheses, options: CheckOptions) -> CrossCheck:
    from sweep.analysis.importance.fanova_check import fanova_veto  # scikit-learn is slow to import

    names = list(eligible.anonymous.names)
    found = fanova_veto(
        eligible.table,
        tuple(names[i] for i in hypotheses.dominant),
        tuple(tuple(names[i] for i in group) for group in hypotheses.over),
        n_bootstrap=options.n_bootstrap,
        n_permutations=options.n_permutations,
        seed=options.seed,
    )
    says = (
        f"a random forest gives {hypotheses.label(hypotheses.dominant)} {found.share:.2f} of the "
        f"variance (99th percentile under permutation {found.null99:.2f}), more than each of the "
        f"others with probability {found.probability:.2f}"
    )
    whole = len(eligible.table)
    if found.n < whole:
        says += f"; grown on {found.n:,} of the {whole:,} trials, drawn at random"
    return CrossCheck(
        "fANOVA",
        "does a forest, which assumes no model, give it the largest share?",
        found.passes,
        veto=True,
        says=says,
        figures={"share": found.share, "null": found.null99, "probability": found.probability},
    )


def _ranks(runs: _Runs) -> CrossCheck:
    scores = stats.norm.ppf(stats.rankdata(runs.y) / (len(runs.y) + 1.0))
    if scores.any():
        scores *= runs.y.std() / scores.std()  # delta is in the objective's unit
    hypotheses = "does it dominate when only the order of the trials counts?"
    return _dominance("ranks", hypotheses, replace(runs, y=scores))


def _bounds(runs: _Runs) -> Iterator[CrossCheck]:
    """Sensitivity to smaller and larger kappa and delta."""
    asked = runs.hypotheses
    for name, field, factors in (("kappa", "kappa", (0.75, 1.5)), ("delta", "delta", (0.5, 1.5))):
        figures, states = {}, {}
        for factor in factors:
            bound = getattr(asked, field) * factor
            found = replace(runs, hypotheses=replace(asked, **{field: bound})).judged()
            if found is not None:
                # Report the probability of negligibility for delta if claimed, else of dominance.
                part = found.parts[1 if name == "delta" and asked.negligible else 0]
                states[f"{bound:g}"] = found.state
                figures[f"{bound:g}"] = part.probability or 0.0
        said = ", ".join(f"at {bound} {state}" for bound, state in states.items())
        yield CrossCheck(
            f"{name} sensitivity",
            f"is the answer the opposite at another {name}?",
            "REFUTED" not in states.values() if states else None,
            veto=True,
            says=said or "not possible",
            figures=figures,
        )


def _best_half(runs: _Runs) -> Iterator[CrossCheck]:
    """Dominance on the trials in the better half of each numeric nuisance's range."""
    fit = select_model(ConfigurationMeans.of(runs.axes, runs.y, runs.configurations))
    if fit is None or len(runs.hypotheses.dominant) != 1:
        return
    for index in runs.hypotheses.nuisances:
        axis = runs.axes[index]
        if axis.kind != "line":
            continue
        best = float(
            np.median(best_places(fit, runs.hypotheses.dominant[0], (index,)).places[index])
        )
        width = (axis.high - axis.low) / 2.0
        low = min(max(best - width / 2.0, axis.low), axis.high - width)
        inside = np.flatnonzero((axis.places >= low) & (axis.places <= low + width))
        half = runs.take(inside)
        axes = list(half.axes)
        axes[index] = replace(axes[index], low=low, high=low + width)
        name = runs.hypotheses.names[index]
        hypotheses = f"does it dominate in the better half of the range of {name}?"
        yield _dominance(f"better half of {name}", hypotheses, replace(half, axes=tuple(axes)))


def _parametrisation(runs: _Runs, eligible: EligibleTrials) -> Iterator[CrossCheck]:
    """Dominance with alpha in place of scaling, or scaling in place of alpha."""
    real = eligible.anonymous.real_table()
    rule = derivation(real)
    if rule is None or not set(rule.of) <= set(eligible.anonymous.names.values()):
        return
    axes = tuple(
        replace(axis, name=name)
        for axis, name in zip(runs.axes, eligible.anonymous.names.values(), strict=True)
    )
    other = with_derived(axes, real, rule)
    hypotheses = f"does it dominate with {rule.name} beside rank in place of {rule.replaces}?"
    asked = replace(runs.hypotheses, size=None, no_size="")  # defined on the old axes
    yield _dominance("parametrisation", hypotheses, replace(runs, axes=other, hypotheses=asked))


def _dominance(name: str, hypotheses: str, runs: _Runs) -> CrossCheck:
    """Check that the probability of dominance is still at least ``LIKELY`` on the given runs."""
    found = runs.judged()
    if found is None:
        return CrossCheck(name, hypotheses, None, veto=True, says="too few trials to tell")
    part = found.parts[0]
    sure = part.probability or 0.0
    says = f"probability of dominance {sure:.2f} on {len(runs.y)} trials"
    passes = sure >= LIKELY and part.state != "REFUTED"
    return CrossCheck(name, hypotheses, passes, veto=True, says=says, figures={"probability": sure})
