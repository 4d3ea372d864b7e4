"""Optuna samplers and pruners, by their names in a spec; no configuration is proposed twice."""

from __future__ import annotations

import warnings
from collections.abc import Container, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, GPSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets
from sweep.study.space import Key, Space, configuration_key, untried
from sweep.study.spec import StudySpec
from sweep.study.trial import derived_seed

ATTEMPTS = 16
"""How often a sampler may propose a known configuration before one is drawn at random."""


def distribution(param: Param) -> BaseDistribution:
    """Optuna's distribution of one parameter."""
    match param:
        case Int(low, high, log, step):
            return IntDistribution(low, high, log=log, step=step)
        case Float(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Choice() | TargetSets():
            return CategoricalDistribution(param.values)
    raise TypeError(f"no Optuna distribution for {param!r}")


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Optuna's distributions of all parameters of a space."""
    return {name: distribution(space[name]) for name in space}


def with_memory_limit(study: Study, trial: FrozenTrial) -> tuple[Study, FrozenTrial]:
    """A copy of the study that shows out-of-memory trials to Optuna's GP sampler.

    The GP sampler reads COMPLETE trials only, and needs constraints on all of them or on none.
    Trials that ran out of memory (pruned, with a violated constraint) are copied as complete, with
    the worst value of the study and the constraint violated.

    Args:
        study: the study to copy.
        trial: the RUNNING trial to sample for.

    Returns:
        The arguments if no trial ran out of memory, else a copy in memory and its new trial.
    """
    trials = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
    values = [float(t.value or 0.0) for t in trials if t.state == TrialState.COMPLETE]
    if not values or not any(t.constraints for t in trials):
        return study, trial
    worst = min(values) if study.direction.name == "MAXIMIZE" else max(values)
    shown = optuna.create_study(direction=study.direction)
    for each in trials:
        limited = bool(each.constraints)
        if limited or each.state in (TrialState.COMPLETE, TrialState.RUNNING):
            finished = limited or each.state == TrialState.COMPLETE
            shown.add_trial(
                optuna.trial.create_trial(
                    state=TrialState.COMPLETE if finished else each.state,
                    value=(worst if limited else each.value) if finished else None,
                    params=each.params,
                    distributions=each.distributions,
                    constraints={"memory": 1.0 if limited else -1.0},
                )
            )
    shown.ask()
    return shown, shown.get_trials(deepcopy=False)[-1]


class SpaceExhaustedError(SweepError):
    """Every configuration of a finite space has been tried."""


class DistinctSampler(BaseSampler):
    """An Optuna sampler that proposes no configuration twice.

    Optuna's samplers repeat themselves in finite spaces (7 to 20 of 50 trials on 120
    configurations), and a repeat with the same seed costs a full trial for the same value. After
    ``ATTEMPTS`` repeats, or without a base sampler, an untried configuration is drawn at random.

    Args:
        base: the sampler that proposes; None draws untried configurations at random.
        space: the search space.
        seed: for the random draws.
        tried: keys of configurations not to be proposed again.
    """

    def __init__(
        self, base: BaseSampler | None, space: Space, seed: int, tried: Container[Key]
    ) -> None:
        self._tried = tried
        self._random = optuna.samplers.RandomSampler(seed=seed)
        self._base = base or self._random
        self._attempts = ATTEMPTS if base else 0
        self._space = space
        self._distributions = distributions(space)
        self._rng = np.random.default_rng(seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The distributions of the whole space, independent of earlier trials."""
        del study, trial
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """One untried configuration, all parameters at once.

        Raises:
            SpaceExhaustedError: if every configuration has been tried.
        """
        del search_space
        if trial.system_attrs.get("fixed_params"):
            return {}  # an enqueued trial has its values
        for _ in range(self._attempts):
            values = self._propose(self._base, study, trial)
            if configuration_key(values) not in self._tried:
                return values
        free = untried(self._space, self._tried)
        if free is None:  # infinite: a random draw is new
            return self._propose(self._random, study, trial)
        if not free:
            raise SpaceExhaustedError("every configuration of the space has been tried")
        return free[int(self._rng.integers(len(free)))]

    def _propose(self, base: BaseSampler, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        space = base.infer_relative_search_space(study, trial)
        if isinstance(base, GPSampler):
            study, trial = with_memory_limit(study, trial)
        values = base.sample_relative(study, trial, space)
        return {
            name: values[name]
            if name in values
            else base.sample_independent(study, trial, name, dist)
            for name, dist in self._distributions.items()
        }

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """Sample a parameter that an enqueued trial leaves open; not called otherwise."""
        return self._base.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Call the base sampler's method."""
        self._base.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Call the base sampler's method."""
        self._base.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Call the base sampler's method."""
        self._base.reseed_rng()


def make_sampler(spec: StudySpec, n_existing: int, tried: Container[Key]) -> BaseSampler:
    """The spec's sampler, with a new seed for each resume, wrapped to avoid repeats.

    Args:
        spec: the study's spec.
        n_existing: number of trials in the study. Optuna does not store a sampler's random state,
            so the same seed after a resume would repeat the first run's draws.
        tried: keys of configurations that have a trial, in whatever state; read at each proposal,
            so it may grow.
    """
    seed = derived_seed(spec.sampler.seed, n_existing)
    base: BaseSampler | None
    with warnings.catch_warnings():
        # QMC is marked experimental, but stable since Optuna 3 and chosen by the user.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        match spec.sampler.name:
            case "tpe":
                base = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
            case "random":
                base = optuna.samplers.RandomSampler(seed=seed)
            case "qmc":
                base = optuna.samplers.QMCSampler(
                    # One scrambled sequence for the whole study; Optuna stores the position in it.
                    seed=spec.sampler.seed,
                    scramble=True,
                    warn_independent_sampling=False,
                )
            case "gp":
                base = GPSampler(seed=seed)
            case _:  # grid: draw from the untried configurations
                base = None
    return DistinctSampler(base, spec.space, seed, tried)


def make_pruner(spec: StudySpec) -> optuna.pruners.BasePruner:
    """The spec's pruner; for ``none`` no pruning, unlike Optuna's default."""
    match spec.pruner.name:
        case "median":
            return optuna.pruners.MedianPruner()
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner()
        case "hyperband":
            return optuna.pruners.HyperbandPruner()
        case _:
            return optuna.pruners.NopPruner()
