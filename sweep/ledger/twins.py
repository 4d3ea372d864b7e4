"""Trials that would compute what another one has computed, or is computing."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.trial import DUPLICATE, Failure

_COPIED = ("metrics", "details", "seconds", "curve")


def reuse(trial: optuna.Trial, source: FrozenTrial) -> None:
    """Give a trial the result of the finished one that computed the same, and say so."""
    for name in _COPIED:
        if name in source.user_attrs:
            trial.set_user_attr(name, source.user_attrs[name])
    for step, value in source.intermediate_values.items():
        trial.report(value, step)
    trial.set_user_attr("reused_from", source.number)
    complete = source.state == TrialState.COMPLETE
    trial.study.tell(trial, source.value if complete else None, source.state)


def end_twin(trial: optuna.Trial, running: int) -> None:
    """End a trial that would race one with the same parameters and seed."""
    message = f"trial {running} has the same parameters and seed and is running"
    trial.set_user_attr("failure", Failure(DUPLICATE, "Duplicate", message).to_json())
    trial.study.tell(trial, state=TrialState.FAIL)
