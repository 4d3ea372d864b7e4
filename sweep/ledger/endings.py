"""A trial under way, and how its end is written."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.trial import OUT_OF_MEMORY, Failure, TrialParams, TrialResult


@dataclass(frozen=True)
class Running:
    """A trial that this driver has started and not yet told.

    Attributes:
        trial: Optuna's handle.
        params: what it computes.
        phase: what it is for.
        counted: whether it counts towards the budget; not as the second run of one that collapsed.
        retry: whether it runs another one again.
    """

    trial: optuna.Trial
    params: TrialParams
    phase: str
    counted: bool
    retry: bool = False


def close(study: optuna.Study, trial: FrozenTrial, failure: Failure) -> None:
    """End a trial of which this process has no handle, unless it has ended meanwhile.

    A driver that was taken over may write a last result before it notices; that one stands.
    """
    # Optuna has no public way to annotate a trial of another process.
    storage, trial_id = study._storage, trial._trial_id  # noqa: SLF001
    with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_user_attr(trial_id, "failure", failure.to_json())
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def write_result(trial: optuna.Trial, result: TrialResult) -> None:
    """Write all that a trial yields, its state last."""
    state = TrialState[result.state.value]
    trial.set_user_attr("metrics", dict(result.metrics))
    trial.set_user_attr("details", dict(result.details))
    trial.set_user_attr("seconds", result.seconds)
    if result.failure is not None:
        trial.set_user_attr("failure", result.failure.to_json())
        if result.failure.reason == OUT_OF_MEMORY:
            # Samplers learn from constraints of pruned trials; of failed ones, nothing.
            trial.set_constraint("memory", 1.0)
            state = TrialState.PRUNED
    trial.study.tell(trial, result.value, state)
