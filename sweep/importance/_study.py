"""PED-ANOVA by Optuna, on an in-memory study rebuilt from arrays; the only importer of Optuna.

Source: Watanabe, Bansal and Hutter 2023, arXiv:2304.10255.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.importance import PedAnovaImportanceEvaluator

from sweep.importance.axes import Axis

FloatArray = npt.NDArray[np.float64]

TOP = 0.1
"""The share of trials PED-ANOVA calls good (Optuna's default, made explicit)."""


def divergence_shares(axes: Sequence[Axis], y: FloatArray) -> FloatArray:
    """How much each parameter sets the best tenth of the trials apart from all of them.

    Args:
        axes: the parameters, each with its places, shape ``(n,)``.
        y: the objective, higher is better, shape ``(n,)``.

    Returns:
        Pearson divergences scaled to sum to 1, shape ``(len(axes),)``; NaN when none diverges,
        as when the best tenth is all there is.
    """
    distributions = {axis.name: _distribution(axis) for axis in axes}
    places = [_params(axis) for axis in axes]
    trials = [
        optuna.create_trial(
            params=dict(zip(distributions, values, strict=True)),
            distributions=distributions,
            value=float(value),
        )
        for *values, value in zip(*places, y, strict=True)
    ]
    evaluator = PedAnovaImportanceEvaluator(target_quantile=TOP, evaluate_on_local=True)
    with _quiet():
        study = optuna.create_study(direction="maximize")
        study.add_trials(trials)
        found = evaluator.evaluate(study, params=list(distributions))
    divergence: FloatArray = np.array([found[axis.name] for axis in axes])
    total = float(divergence.sum())
    return divergence / total if total > 0.0 else np.full(len(axes), np.nan)


def _distribution(axis: Axis) -> BaseDistribution:
    match axis.kind:
        case "unordered":
            return CategoricalDistribution(range(axis.size))
        case "ordered":
            return IntDistribution(0, axis.size - 1)
        case "line":
            return FloatDistribution(axis.low, axis.high)


def _params(axis: Axis) -> list[Any]:
    """Values of the kind the distribution expects, one per trial."""
    return [float(p) if axis.kind == "line" else round(p) for p in axis.places]


@contextmanager
def _quiet() -> Iterator[None]:
    """Mute Optuna's log line per study and its warnings on small samples (``notes`` says them)."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
