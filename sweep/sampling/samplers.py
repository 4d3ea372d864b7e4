"""Optuna samplers and pruners, by their names in a spec."""

from __future__ import annotations

import warnings
from collections.abc import Container

import optuna
from optuna.samplers import BaseSampler, GPSampler

from sweep.sampling.distinct import DistinctSampler
from sweep.study.space import Key
from sweep.study.spec import StudySpec
from sweep.study.trial import derived_seed


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
