"""From a study in its database to the ``TrialTable`` that analyses read."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.storage import count_states, read_spec
from sweep.table import Row, TrialTable


def to_table(study: optuna.Study) -> TrialTable:
    """Every COMPLETE trial as a row, with the counts of all states."""
    spec = read_spec(study)
    trials = study.get_trials(deepcopy=False)
    return TrialTable.from_rows(
        (_row(trial) for trial in trials if trial.state == TrialState.COMPLETE),
        space=spec.space,
        direction="maximize" if spec.direction == "maximize" else "minimize",
        counts=count_states(trials),
    )


def _row(trial: FrozenTrial) -> Row:
    attributes = trial.user_attrs
    return Row(
        number=trial.number,
        values=dict(trial.params),
        value=float("nan") if trial.value is None else trial.value,
        seed=attributes.get("seed", 0),
        replicate=attributes.get("replicate", 0),
        seconds=attributes.get("seconds", 0.0),
        metrics=attributes.get("metrics", {}),
        reused_from=attributes.get("reused_from"),
    )
