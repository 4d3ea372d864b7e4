"""PED-ANOVA (Watanabe, Bansal and Hutter 2023, arXiv:2304.10255) by Optuna's evaluator."""

from __future__ import annotations

import warnings
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis
from sweep.analysis.importance.trials import TrialArrays

TOP = 0.1
"""Quantile of the trials that count as best (Optuna's default)."""


class _Given(optuna.Study):
    """A study that returns given trials without the storage's copying, which dominates the time."""

    def __init__(self, trials: list[FrozenTrial]) -> None:
        storage = optuna.storages.InMemoryStorage()
        made = optuna.create_study(storage=storage, direction="maximize")
        super().__init__(study_name=made.study_name, storage=storage)
        self._given = trials

    def get_trials(
        self,
        deepcopy: bool = True,  # noqa: FBT001, FBT002 - Optuna's signature
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """The given trials, all COMPLETE."""
        del deepcopy, states
        return self._given


def divergence_shares(view: TrialArrays) -> FloatArray:
    """Share of each parameter in the divergence between the best tenth and all trials.

    Each parameter's divergence is computed independently of the others. So the derived
    parameter's share is its divergence relative to the parametrisation that contains it.

    Returns:
        Pearson divergences scaled to sum to 1 over the sampled parameters, then the derived
        parameter's share if there is one; NaN if all divergences are 0, for example if the best
        tenth is all trials.
    """
    derived = (view.other[view.derived_index()],) if view.rule else ()
    found = _divergences((*view.sampled, *derived), view.y)
    sampled = found[: len(view.sampled)]
    shares = [sampled / _total(sampled)]
    if view.rule:
        beside = [at for at, name in enumerate(view.names) if name != view.rule.replaces]
        shares.append(found[-1:] / _total(np.append(sampled[beside], found[-1])))
    return np.concatenate(shares)


def _total(divergences: FloatArray) -> float:
    total = float(divergences.sum())
    return total if total > 0.0 else np.nan


def _divergences(axes: Sequence[Axis], y: FloatArray) -> FloatArray:
    """Optuna's PED-ANOVA divergence of each axis, shape ``(len(axes),)``."""
    distributions = {axis.name: _distribution(axis) for axis in axes}
    places = [_params(axis) for axis in axes]
    trials = [
        _trial(number, dict(zip(distributions, values, strict=True)), distributions, float(value))
        for number, (*values, value) in enumerate(zip(*places, y, strict=True))
    ]
    evaluator = PedAnovaImportanceEvaluator(target_quantile=TOP, evaluate_on_local=True)
    with _quiet():
        found = evaluator.evaluate(_Given(trials), params=list(distributions))
    return np.array([found[axis.name] for axis in axes])


def _trial(
    number: int, params: dict[str, Any], distributions: dict[str, BaseDistribution], value: float
) -> FrozenTrial:
    """A COMPLETE trial, without the validation of ``create_trial``."""
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState.COMPLETE,
        value=value,
        datetime_start=None,
        datetime_complete=None,
        params=params,
        distributions=distributions,
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


def _distribution(axis: Axis) -> BaseDistribution:
    match axis.kind:
        case "unordered":
            return CategoricalDistribution(range(axis.size))
        case "ordered":
            return IntDistribution(0, axis.size - 1)
        case "line":
            return FloatDistribution(axis.low, axis.high)


def _params(axis: Axis) -> list[Any]:
    """Parameter values of the type the distribution expects, one per trial."""
    places = axis.places if axis.kind == "line" else axis.places.astype(np.intp)
    return list(places.tolist())


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress Optuna's logging and its warnings on small samples, which ``notes`` contains."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
