"""A study as one JSON-ready snapshot: what ``status``, the summary and ``--json`` show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.owner import Owner
from sweep.spec import StudySpec
from sweep.storage import baselines, count_states, read_spec
from sweep.trial import Failure


def snapshot(study: optuna.Study, url: str) -> dict[str, Any]:
    """Everything worth showing of a study.

    Args:
        study: a study made by lorasweep.
        url: its database, as the user named it.

    Returns:
        A JSON tree; ``counts`` is by Optuna state, ``best`` is None before the first
        complete trial, ``failed`` says why.
    """
    spec = read_spec(study)
    trials = study.get_trials(deepcopy=False)
    return {
        "study": study.study_name,
        "storage": url,
        "spec_digest": study.user_attrs["spec_digest"],
        "objective": spec.objective,
        "direction": spec.direction,
        "counts": count_states(trials),
        "target_trials": spec.budget.trials,
        "best": _best(trials, spec),
        "baselines": list(baselines(study).values()),
        "final_test": study.user_attrs.get("final_test"),
        "failed": [
            {"number": t.number, "reason": _reason(t), "params": dict(t.params)}
            for t in trials
            if t.state == TrialState.FAIL
        ],
        "trials": [_row(trial) for trial in trials],
        "labels": spec.space.labels(),
        "facts": {key: study.user_attrs.get(key) for key in ("fingerprints", "versions", "about")},
        "inputs": dict(spec.inputs),
        "owner": study.user_attrs.get("owner"),
        "driver": _driver(study),
    }


def _driver(study: optuna.Study) -> str | None:
    """The process that drives the study, unless it is surely gone."""
    holder = study.user_attrs.get("owner")
    if holder is None or (owner := Owner.from_json(holder)).provably_dead():
        return None
    return str(owner)


def best_trial(trials: list[FrozenTrial], spec: StudySpec) -> FrozenTrial | None:
    """The complete trial with the best value, the earliest of equals; None without one."""
    complete = [t for t in trials if t.state == TrialState.COMPLETE and t.value is not None]
    sign = 1.0 if spec.direction == "maximize" else -1.0
    return max(complete, key=lambda t: (sign * float(t.value or 0.0), -t.number), default=None)


def _best(trials: list[FrozenTrial], spec: StudySpec) -> dict[str, Any] | None:
    trial = best_trial(trials, spec)
    if trial is None:
        return None
    return {
        "number": trial.number,
        "value": trial.value,
        "params": dict(trial.params),
        "metrics": trial.user_attrs.get("metrics", {}),
    }


def _reason(trial: FrozenTrial) -> str:
    stored: Mapping[str, Any] | None = trial.user_attrs.get("failure")
    return "unknown: nothing was stored" if stored is None else str(Failure(**stored))


def _row(trial: FrozenTrial) -> dict[str, Any]:
    details = trial.user_attrs.get("details", {})
    return {
        "number": trial.number,
        "state": trial.state.name,
        "value": trial.value if trial.state == TrialState.COMPLETE else None,
        "params": dict(trial.system_attrs.get("fixed_params") or trial.params),
        "replicate": trial.user_attrs.get("replicate", 0),
        "seconds": trial.user_attrs.get("seconds"),
        "modules": details.get("modules"),
        "trainable_parameters": details.get("trainable_parameters"),
        "retry_of": trial.user_attrs.get("retry_of"),
    }
