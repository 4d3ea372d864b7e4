"""What residuals and design say against a model: too heavy tails, uneven noise, confounding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweep.axes import Axis
from sweep.effects.fit import Fit
from sweep.effects.sample import Sample
from sweep.judge.guards import SUSPICIOUS

FloatArray = npt.NDArray[np.float64]

UNEVEN = 4.0
"""Ratio of robust residual sds between parts of a range above which one noise is no noise."""

TAIL, MOST_IN_TAIL = 4.0, 0.05
"""Robust sds beyond which at most this share of residuals may lie."""

MOST_INFLATED = 10.0
"""Variance inflation above which a design confounds an effect with others."""


def after_fit(fit: Fit, sample: Sample, names: Mapping[str, str]) -> Iterator[str]:
    """What the residuals and the design say against the model.

    Args:
        fit: the model.
        sample: what it was fitted to.
        names: neutral name to real name.
    """
    worst = _inflation(fit, sample)
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


def _inflation(fit: Fit, sample: Sample) -> float:
    """The largest variance of a coefficient, relative to a balanced design."""
    return float((np.diag(fit.c) * sample.weights.sum()).max(initial=0.0)) if len(fit.c) else 0.0


def _unevenness(axis: Axis, size: FloatArray) -> float:
    """Ratio of residual sizes over a parameter, if it is no accident; else 1."""
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
