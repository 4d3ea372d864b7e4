"""How a Gaussian process hears of trials that ran out of memory."""

from __future__ import annotations

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


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
