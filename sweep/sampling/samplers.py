"""Samplers and pruners by the names that a spec gives them."""

from __future__ import annotations

import warnings
from collections.abc import Container

import optuna
from optuna.samplers import BaseSampler, GPSampler

from sweep.sampling.distinct import DistinctSampler
from sweep.study.configuration import Key
from sweep.study.spec import StudySpec
from sweep.study.trial import derived_seed


def make_sampler(spec: StudySpec, n_existing: int, tried: Container[Key]) -> BaseSampler:
    """The spec's sampler, seeded anew for each resume, proposing nothing twice.

    Args:
        spec: the study.
        n_existing: trials already in the study. Optuna does not store a sampler's random
            state, so the same seed after a resume would repeat the first run's draws.
        tried: keys of the configurations that some trial has, had or is waiting to have;
            read at each proposal, so that it may grow.
    """
    seed = derived_seed(spec.sampler.seed, n_existing)
    base: BaseSampler | None
    with warnings.catch_warnings():
        # QMC is experimental in name only: stable since Optuna 3, and chosen by the user.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        match spec.sampler.name:
            case "tpe":
                base = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
            case "random":
                base = optuna.samplers.RandomSampler(seed=seed)
            case "qmc":
                base = optuna.samplers.QMCSampler(
                    # One scrambled sequence for the whole study: its position is stored.
                    seed=spec.sampler.seed,
                    scramble=True,
                    warn_independent_sampling=False,
                )
            case "gp":
                base = GPSampler(seed=seed)
            case _:  # grid: draw straight from what is left
                base = None
    return DistinctSampler(base, spec.space, seed, tried)


def make_pruner(spec: StudySpec) -> optuna.pruners.BasePruner:
    """The spec's pruner. Never Optuna's default, which prunes anything that reports."""
    match spec.pruner.name:
        case "median":
            return optuna.pruners.MedianPruner()
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner()
        case "hyperband":
            return optuna.pruners.HyperbandPruner()
        case _:
            return optuna.pruners.NopPruner()
