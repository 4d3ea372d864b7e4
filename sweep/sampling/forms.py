"""Optuna's form of our parameters."""

from __future__ import annotations

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweep.space import Choice, Float, Int, Param, Space, TargetSets


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
