"""Makes optuna4.db: run by Optuna 4.9.0 with TZ=Asia/Tokyo (see README.md)."""

import os
import sys

import optuna
from optuna.trial import TrialState

assert optuna.__version__ == "4.9.0"
assert os.environ["TZ"] == "Asia/Tokyo"
study = optuna.create_study(
    storage=f"sqlite:///{sys.argv[1]}",
    study_name="four",
    direction="maximize",
    sampler=optuna.samplers.RandomSampler(seed=4),
)
study.set_user_attr("who", "a study of plain Optuna 4")


def begin() -> optuna.Trial:
    """A running trial with all its parameters."""
    trial = study.ask()
    trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    trial.suggest_int("rank", 1, 16, log=True)
    trial.suggest_categorical("targets", ["qkv", "mlp", None])
    return trial


study.enqueue_trial({"rate": 0.01, "rank": 4}, user_attrs={"why": "a first guess"})
for value in (0.25, 0.5, -0.125):
    trial = begin()
    for step in range(3):
        trial.report(value * step / 2, step)
    trial.set_user_attr("note", "grüße, 'quotes'\nand a new line")
    study.tell(trial, value)
study.tell(begin(), state=TrialState.FAIL)
trial = begin()
trial.report(0.1, 1)
study.tell(trial, state=TrialState.PRUNED)
begin()  # stays RUNNING
study.enqueue_trial({"rank": 2})  # stays WAITING
