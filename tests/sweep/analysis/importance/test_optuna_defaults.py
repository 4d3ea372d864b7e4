"""The motivation: with Optuna 5's defaults the most important parameter is reported last."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
from tiers import first

from sweep.analysis.importance.importance import importance
from sweep.results.table import to_table

TARGETS = ("query", "query+value", "key+query+value", "attention", "mlp", "all-linear")
RANKS = ALPHAS = (2, 4, 8, 16, 32)


def _study(seed: int) -> optuna.Study:
    """100 trials of TPE on a surface whose targets are 94.7 % of the signal's variance.

    Rank has 4.2 %, alpha 1 %; the signal's standard deviation is 0.031, the noise's 0.015.
    """
    noise = np.random.default_rng(seed)

    def score(index: int, levels: int) -> float:
        return (index - (levels - 1) / 2) / math.sqrt((levels**2 - 1) / 12)

    def objective(trial: optuna.Trial) -> float:
        rank = RANKS.index(trial.suggest_categorical("rank", RANKS))
        alpha = ALPHAS.index(trial.suggest_categorical("alpha", ALPHAS))
        targets = TARGETS.index(trial.suggest_categorical("targets", TARGETS))
        signal = math.sqrt(0.947) * score(targets, 6)
        signal += math.sqrt(0.042) * score(rank, 5) + math.sqrt(0.010) * score(alpha, 5)
        return 0.25 + 0.031 * signal + float(noise.normal(0.0, 0.015))

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=100)
    return study


@pytest.mark.parametrize("seed", first(2, range(6)))
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_dominant_parameter_is_first_here_and_not_in_optuna(seed: int) -> None:
    """TPE converges on the best targets, so PED-ANOVA, Optuna's default, finds no effect."""
    study = _study(seed)

    default = optuna.importance.get_param_importances(study)
    ours = importance(to_table(study), n_bootstrap=0, n_null=0)

    assert max(default, key=default.__getitem__) != "targets"
    assert default["targets"] < 0.35
    assert ours.top is not None
    assert ours.top.name == "targets"
    assert ours.top.share > 0.6
