"""Preconditions of a verdict: reasons why the given trials allow none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import stats

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis, sampled_axes
from sweep.analysis.effects.fit import ConfigurationMeans, Fit
from sweep.analysis.importance.cautions import LARGEST
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.analysis.verdict.eligible_trials import EligibleTrials
from sweep.study.parameters import Choice, TargetSets

FEWEST = 20
"""Smallest number of configurations for a verdict."""

MOST_LOST = 0.05
"""Share of failed, or of collapsed, trials above which the rest is a biased sample."""

SUSPICIOUS = 0.001
"""Significance level of each diagnostic test, low because they run on every study."""

MOST_EQUAL = 0.2
"""Share of trials with an identical value above which the metric is degenerate."""

UNEVEN = 4.0
"""Largest ratio of robust residual sds between parts of a range (heteroscedasticity)."""

TAIL, MOST_IN_TAIL = 4.0, 0.05
"""At most the share ``MOST_IN_TAIL`` of residuals may exceed ``TAIL`` robust sds."""

MOST_INFLATED = 10.0
"""Largest variance inflation factor; above it, the design confounds effects."""


def is_measurable(y: FloatArray) -> bool:
    """Whether the values differ and their squares are finite and nonzero."""
    if not len(y) or np.abs(y).max() > LARGEST:
        return False
    return bool(np.ptp(y) > 1.0 / LARGEST)


def before_fit(table: TrialTable, eligible: EligibleTrials, terms: ClaimTerms) -> Iterator[str]:
    """Violated preconditions that need no model, from all trials and from the eligible ones."""
    rows, y = eligible.table.rows, eligible.table.y
    values = {row.value for row in rows}
    if len(values) < 2:
        yield f"{len(rows)} trials count, with {len(values)} different values: nothing varied"
        return
    if not is_measurable(y):
        yield f"values as far from 1 as {max(values, key=abs):g} cannot be squared: change the unit"
        return
    configurations = len(set(eligible.table.configurations.tolist()))
    if configurations < FEWEST:
        yield f"{configurations} configurations: fewer than {FEWEST} prove nothing"
    if eligible.adaptive:
        yield (
            "every trial was chosen by a sampler that looks at earlier results: such trials "
            "are biased evidence of importance; measure with a design (lorasweep design)"
        )
    elif table.sampling == "unknown":
        yield from _uneven_sampling(eligible)
    yield from _fixed(eligible, terms)
    yield from _missing(table, eligible, terms)
    yield from _lost(eligible)
    value, count = Counter(y.tolist()).most_common(1)[0]
    if count > max(MOST_EQUAL * len(y), 2) and not _is_replicated(eligible, value):
        yield f"{count} of {len(y)} trials have the value {abs(value):g}: the metric is degenerate"


def _is_replicated(eligible: EligibleTrials, value: float) -> bool:
    """Whether the equal values are replicates of few configurations, as without noise."""
    table = eligible.table
    same = {c for c, y in zip(table.configurations, table.y, strict=True) if y == value}
    return len(same) <= max(MOST_EQUAL * len(set(table.configurations.tolist())), 2)


def _fixed(eligible: EligibleTrials, terms: ClaimTerms) -> Iterator[str]:
    varied = set(eligible.anonymous.names.values())
    for name in terms.judged:
        if name not in varied:
            yield f"{name} never varied, so these trials say nothing of it"


def _missing(table: TrialTable, eligible: EligibleTrials, terms: ClaimTerms) -> Iterator[str]:
    """Choices that were never tried and cannot be interpolated: unordered ones and extremes."""
    back = {old: new for new, old in eligible.anonymous.names.items()}
    for name in terms.judged:
        param = table.space[name]
        if name in back and isinstance(param, (Choice, TargetSets)):
            seen = {row.values[back[name]] for row in eligible.table.rows}
            left = [value for value in param.values if value not in seen]
            if isinstance(param, Choice) and param.numeric:
                ends = min(param.values, key=float), max(param.values, key=float)
                left = [value for value in left if value in ends]
            if left:
                yield f"no trial has {name} = {', '.join(map(str, left))}"


def _lost(eligible: EligibleTrials) -> Iterator[str]:
    n = len(eligible.pool)
    if eligible.failed > MOST_LOST * (n + eligible.failed):
        yield (
            f"{eligible.failed} of {n + eligible.failed} trials failed, more than "
            f"{MOST_LOST:.0%}: what is left may be no fair sample"
        )
    fell = eligible.collapsed
    if len(fell) > MOST_LOST * n:
        yield (
            f"{len(fell)} of {n} runs collapsed, more than {MOST_LOST:.0%}: narrow the range "
            "that makes them (lorasweep pilot)"
        )
        return
    for new, name in eligible.anonymous.names.items():
        p = _concentration(
            [row.values[new] for row in fell], [row.values[new] for row in eligible.pool]
        )
        if p * len(eligible.anonymous.names) < 0.01:
            yield (
                f"the {len(fell)} collapsed runs of {n} go with {name}, so leaving them out "
                "would hide an effect: narrow the range that makes them (lorasweep pilot)"
            )


def _concentration(fell: Sequence[object], pool: Sequence[object]) -> float:
    """P value of the test that collapsed runs are distributed like the others over a parameter."""
    if len(fell) < 3:
        return 1.0
    if all(isinstance(value, (int, float)) for value in pool):
        rest = list(pool)
        for value in fell:
            rest.remove(value)
        return float(stats.mannwhitneyu(fell, rest).pvalue) if rest else 1.0
    shares = {value: count / len(pool) for value, count in Counter(pool).items()}
    worst = [stats.binom.sf(c - 1, len(fell), shares[v]) for v, c in Counter(fell).items()]
    return min(1.0, float(min(worst)) * len(shares))


def _uneven_sampling(eligible: EligibleTrials) -> Iterator[str]:
    """Parameters that were not sampled evenly, for a study of unknown sampling."""
    configurations = eligible.table.configurations
    _, first, runs = np.unique(configurations, return_index=True, return_counts=True)
    # The greatest common divisor of the runs is the number of seeds planned per configuration.
    chosen = np.repeat(first, runs // np.gcd.reduce(runs))
    for axis in (axis.take(chosen) for axis in sampled_axes(eligible.table)):
        unit = (axis.places - axis.low) / (axis.high - axis.low)
        if axis.kind == "line":
            p = stats.kstest(unit, "uniform").pvalue
        else:
            p = stats.chisquare(np.bincount(axis.places.astype(int), minlength=axis.size)).pvalue
        if p < SUSPICIOUS:
            name = eligible.anonymous.names[axis.name]
            yield (
                f"{name} was not sampled evenly (p = {p:.1g}), as by a sampler that looks at "
                "earlier results: such trials are biased evidence of importance"
            )


def after_fit(fit: Fit, sample: ConfigurationMeans, names: Mapping[str, str]) -> Iterator[str]:
    """Violated preconditions shown by residuals and design matrix; ``names`` has real names."""
    # The largest variance of a coefficient, relative to a balanced design.
    worst = float((np.diag(fit.c) * sample.weights.sum()).max(initial=0.0))
    if worst > MOST_INFLATED:
        yield f"the design confounds its effects: variance inflation {worst:.0f}"
    size = np.abs(fit.residuals - np.median(fit.residuals))
    scale = 1.4826 * float(np.median(size))
    exact = scale <= 1e-9 * float(np.ptp(sample.y))
    beyond = float(np.mean(size > TAIL * scale)) if not exact else 0.0
    if beyond > MOST_IN_TAIL:
        yield f"{beyond:.0%} of the residuals lie beyond {TAIL:g} robust sd: tails too heavy"
    if not exact:
        for axis in sample.axes:
            ratio = _unevenness(axis, size)
            if ratio > UNEVEN:
                yield f"the noise differs {ratio:.1f} times over {names[axis.name]}"


def _unevenness(axis: Axis, size: FloatArray) -> float:
    """Ratio of residual sizes over a parameter if a Kruskal-Wallis test is significant, else 1."""
    if axis.kind == "line":
        parts = np.digitize(axis.places, np.quantile(axis.places, [1 / 3, 2 / 3]))
    else:
        parts = axis.places.astype(int)
    groups = [size[parts == part] for part in np.unique(parts)]
    groups = [group for group in groups if len(group) >= 5]
    if len(groups) < 2:
        return 1.0
    scales = [float(np.median(group)) for group in groups]
    if min(scales) == 0.0 or stats.kruskal(*groups).pvalue >= SUSPICIOUS:
        return 1.0
    return max(scales) / min(scales)
