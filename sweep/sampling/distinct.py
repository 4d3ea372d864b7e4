"""Any Optuna sampler, kept from repeating itself."""

from __future__ import annotations

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
from sweep.study.configuration import Key, configuration_key, untried
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets
from sweep.study.space import Space


def distribution(param: Param) -> BaseDistribution:
    """Optuna's form of one parameter."""
    match param:
        case Int(low, high, log, step):
            return IntDistribution(low, high, log=log, step=step)
        case Float(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Choice() | TargetSets():
            return CategoricalDistribution(param.values)
    raise TypeError(f"no Optuna distribution for {param!r}")


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Optuna's form of a whole space."""
    return {name: distribution(space[name]) for name in space}


def with_memory_limit(study: Study, trial: FrozenTrial) -> tuple[Study, FrozenTrial]:
    """The study as a Gaussian process learns most from it.

    Optuna's GP sampler reads COMPLETE trials alone, all with the same constraints or none.
    Trials that ran out of memory (pruned, with a violated constraint) are shown to it as
    complete, with the worst value there is and the constraint violated.

    Args:
        study: whose trials to show.
        trial: the one to be sampled, RUNNING.

    Returns:
        The same two if no trial ran out of memory, else a copy in memory and its new trial.
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


ATTEMPTS = 16
"""How often a sampler may propose something already tried before one is drawn for it."""


class SpaceExhaustedError(SweepError):
    """Every configuration of a finite space has been tried."""


class DistinctSampler(BaseSampler):
    """Any Optuna sampler, kept from proposing a configuration twice.

    Optuna's samplers repeat themselves in finite spaces (7 to 20 of 50 trials on 120
    configurations), and a repeat with the same seed gives the same number at full price.
    After ``ATTEMPTS`` repeats, or without a base sampler, an untried configuration is drawn.

    Args:
        base: the sampler that proposes; None draws untried configurations at random.
        space: what may be proposed.
        seed: for the draws.
        tried: keys of what is not to be proposed again.
    """

    def __init__(
        self, base: BaseSampler | None, space: Space, seed: int, tried: Container[Key]
    ) -> None:
        self._tried = tried
        self._base = base
        self._random = optuna.samplers.RandomSampler(seed=seed)
        self._space = space
        self._distributions = distributions(space)
        self._rng = np.random.default_rng(seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The whole space: it is known, whatever the trials so far have seen."""
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
            return {}  # an enqueued trial brings its values
        for _ in range(ATTEMPTS if self._base else 0):
            values = self._propose(self._base, study, trial)
            if configuration_key(values) not in self._tried:
                return values
        free = untried(self._space, self._tried)
        if free is None:  # an endless space, in which a random draw is new
            return self._propose(self._random, study, trial)
        if not free:
            raise SpaceExhaustedError("every configuration of the space has been tried")
        return free[int(self._rng.integers(len(free)))]

    def _propose(
        self, base: BaseSampler | None, study: Study, trial: FrozenTrial
    ) -> dict[str, Any]:
        base = base or self._random
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
        """Only reached for a parameter that an enqueued trial leaves open."""
        base = self._base or self._random
        return base.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Passed on."""
        if self._base:
            self._base.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Passed on."""
        if self._base:
            self._base.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Passed on."""
        if self._base:
            self._base.reseed_rng()
