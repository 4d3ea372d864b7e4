"""Snapshot of a study as JSON data for ``status``, the summary and ``--json``, and its measures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.attributes import count_by_phase, failure_of, is_ours, own_attributes, trials_of
from sweep.storage.errors import reading_errors
from sweep.storage.owner import current_lease
from sweep.storage.pending_trials import pending_retries
from sweep.storage.studies import (
    baselines,
    best_trial,
    count_states,
    read_measures,
    read_spec,
)
from sweep.storage.trial_folders import TrialFolders, folders_of
from sweep.storage.url import StorageUrl
from sweep.study.measures import Measures
from sweep.study.parameters import is_number
from sweep.study.spec import StudySpec

log = logging.getLogger("lorasweep")

_FACTS = ("fingerprints", "versions", "about", "pinned")


def snapshot(study: optuna.Study, address: StorageUrl) -> dict[str, Any]:
    """State of a study as JSON-serialisable data.

    Args:
        study: a study created by lorasweep, or by plain Optuna, which has fewer fields.
        address: its storage URL.

    Returns:
        ``counts`` by Optuna state, ``best`` (None before the first complete trial), ``failed``
        with reasons, ``history`` of changes to the space and claims, and further fields.

    Raises:
        StorageError: if the database cannot be read.
    """
    with reading_errors(address):
        if not is_ours(study):
            return _foreign(study, address)
        attributes = own_attributes(study)
        spec = read_spec(study)
        measures = read_measures(study)
        trials = study.get_trials(deepcopy=False)
        return {
            "study": study.study_name,
            "storage": address.shown,
            "spec_digest": attributes["spec_digest"],
            "objective": spec.objective,
            "direction": spec.direction,
            "counts": count_states(trials),
            "target_trials": spec.budget.trials,
            "phases": count_by_phase(trials, len(attributes.get("points", ()))),
            "claims": [str(claim) for claim in spec.claims],
            "best": _best(trials, spec, folders_of(study, address, spec.policy.keep)),
            "baselines": list(baselines(study).values()),
            "final_test": attributes.get("final_test"),
            "failed": [_failed(trial) for trial in trials if _is_failed(trial)],
            "owed_again": sum(1 for _ in pending_retries(trials, spec)),
            "trials": [_row(trial) for trial in trials],
            "labels": spec.space.labels(),
            "facts": {key: attributes.get(key) for key in _FACTS},
            "measures": None if measures is None else measures.to_json(),
            "inputs": dict(spec.inputs),
            "policy": spec.to_json()["policy"],
            "history": attributes.get("history", []),
            "owner": attributes.get("owner"),
            "driver": driver_of(study),
        }


def _foreign(study: optuna.Study, address: StorageUrl) -> dict[str, Any]:
    """Snapshot of a study not created by lorasweep, with the same field names."""
    trials = trials_of(study)
    directions = [direction.name.lower() for direction in study.directions]
    counts = count_states(trials)
    best, found = None, _best_of(trials, directions)
    if found is not None:
        best = {"number": found.number, "value": found.value, "params": found.params}
        best |= {"metrics": {}, "adapter": None, "lora_config": None, "modules": None}
    return {
        "study": study.study_name,
        "storage": address.shown,
        "spec_digest": None,
        "objective": None,
        "direction": directions[0] if len(directions) == 1 else ", ".join(directions),
        "counts": counts,
        "target_trials": None,
        "best": best,
        "failed": [_failed(trial) for trial in trials if trial.state == TrialState.FAIL],
        "trials": [_row(trial, single=len(directions) == 1) for trial in trials],
    }


def _best_of(trials: Sequence[FrozenTrial], directions: Sequence[str]) -> FrozenTrial | None:
    """Best feasible COMPLETE trial of a study not created by lorasweep; None if there is none."""
    usable = [
        trial
        for trial in trials
        if trial.state == TrialState.COMPLETE
        and is_number(trial.value if len(directions) == 1 else None)
        and all(each <= 0.0 for each in trial.constraints.values())
    ]
    sign = 1.0 if directions[0] == "maximize" else -1.0
    return max(usable, key=lambda t: (sign * float(t.value or 0.0), -t.number), default=None)


def driver_of(study: optuna.Study) -> str | None:
    """The driver process that holds the study's lease, unless it is provably dead."""
    owner = current_lease(study)
    return None if owner is None or owner.provably_dead() else str(owner)


def _best(
    trials: list[FrozenTrial], spec: StudySpec, folders: TrialFolders
) -> dict[str, Any] | None:
    trial = best_trial(trials, spec)
    if trial is None:
        return None
    try:
        adapter = folders.adapter(dict(trial.params), trial.user_attrs.get("seed", 0))
    except OSError as error:  # the object store is unreachable; show the rest
        log.warning("whether the best trial has an adapter is not known: %s", _said(error))
        adapter = None
    details: Mapping[str, Any] = trial.user_attrs.get("details", {})
    return {
        "number": trial.number,
        "value": trial.value,
        "params": dict(trial.params),
        "metrics": trial.user_attrs.get("metrics", {}),
        "adapter": None if adapter is None else str(adapter),
        "lora_config": details.get("lora_config"),
        "modules": details.get("modules"),
    }


def _said(error: OSError) -> str:
    """An object-store error in one line, with install instructions if its library is missing."""
    missing = isinstance(error.__cause__, ImportError)
    way_out = " (pip install 'lorasweep[remote]')" if missing else ""
    return f"{' '.join(str(error).split())}{way_out}"


def _is_failed(trial: FrozenTrial) -> bool:
    """Whether a trial failed; out-of-memory trials have state PRUNED and a stored failure."""
    return trial.state == TrialState.FAIL or failure_of(trial) is not None


def _failed(trial: FrozenTrial) -> dict[str, Any]:
    failure = failure_of(trial)
    record: Mapping[str, Any] = {} if failure is None else failure.to_json()
    return {
        "number": trial.number,
        "state": trial.state.name,
        "reason": "unknown: nothing was stored" if failure is None else str(failure),
        "params": dict(trial.system_attrs.get("fixed_params") or trial.params),
        "replicate": trial.user_attrs.get("replicate", 0),
        "seconds": trial.user_attrs.get("seconds"),
        "kind": record.get("kind"),
        "message": record.get("message"),
        "traceback": record.get("traceback"),
        "peak_memory_bytes": record.get("peak_memory_bytes"),
        "interrupted": failure is not None and failure.interrupted,
    }


def _row(trial: FrozenTrial, *, single: bool = True) -> dict[str, Any]:
    details = trial.user_attrs.get("details", {})
    return {
        "number": trial.number,
        "state": trial.state.name,
        "value": trial.value if single and trial.state == TrialState.COMPLETE else None,
        "params": dict(trial.system_attrs.get("fixed_params") or trial.params),
        "phase": trial.user_attrs.get("phase"),
        "design": trial.user_attrs.get("design"),
        "seed": trial.user_attrs.get("seed"),
        "replicate": trial.user_attrs.get("replicate", 0),
        "seconds": trial.user_attrs.get("seconds"),
        "modules": details.get("modules"),
        "trainable_parameters": details.get("trainable_parameters"),
        "retry_of": trial.user_attrs.get("retry_of"),
        "rerun_of": trial.user_attrs.get("rerun_of"),
        "reused_from": trial.user_attrs.get("reused_from"),
    }


class OwnObjectives(Protocol):
    """Describes lorasweep's own objectives, whose studies may be older than stored measures."""

    def measures(self, objective: str) -> Measures:
        """What an objective measures, by its dotted name; nothing of an unknown one."""
        ...

    def completed(self, objective: str, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
        """A trial's metrics with the columns of its curves, if it stores only counts."""
        ...


def measures_of(study: optuna.Study, own: OwnObjectives | None = None) -> Measures:
    """What a study's objective measures; nothing if neither the study nor ``own`` tells it.

    Raises:
        StorageError: if what is stored is not of that form.
    """
    stored = read_measures(study)
    if stored is not None:
        return stored
    if own is None or not is_ours(study):
        return Measures()
    return own.measures(read_spec(study).objective)
