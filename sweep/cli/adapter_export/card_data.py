"""What a model card tells, gathered from the study and the adapter's own record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.studies import baselines, best_trial
from sweep.storage.url import StorageUrl
from sweep.study.spec import StudySpec

Tree = Mapping[str, Any]


def facts_of(
    study: optuna.Study,
    spec: StudySpec,
    address: StorageUrl,
    trial: FrozenTrial,
    record: Tree,
    measured: Tree,
) -> dict[str, Any]:
    """All records that a card is written from.

    Args:
        study: the trial's.
        spec: the study's.
        address: its database.
        trial: the trial.
        record: the adapter's ``trial.json``.
        measured: ``value``, ``metrics`` and ``details`` of the training that left the adapter,
            and whether that was ``retrained``.

    Returns:
        A JSON tree; no figure of the card is from elsewhere.
    """
    attributes = study.user_attrs
    trials = study.get_trials(deepcopy=False)
    best = best_trial(trials, spec)
    about: Tree = attributes.get("about", {})
    return {
        "study": study.study_name,
        "storage": address.shown,
        "objective": spec.objective,
        "spec_digest": attributes.get("spec_digest"),
        "trial": trial.number,
        "study_value": trial.value,
        **measured,
        "is_best": best is not None and best.number == trial.number,
        "complete": sum(each.state == TrialState.COMPLETE for each in trials),
        "params": dict(trial.params),
        "labels": spec.space.labels(),
        "replicate": trial.user_attrs.get("replicate", 0),
        "record": record,
        "test": _test(attributes.get("final_test"), trial.number),
        "baselines": _baselines(list(baselines(study).values())),
        "inputs": dict(spec.inputs),
        "data": about.get("data", {}),
        "base": about.get("base", {}),
        "versions": {**attributes.get("versions", {}), **record.get("versions", {})},
    }


def _test(final: Tree | None, number: int) -> dict[str, Any]:
    """The test split's figures under plain names; none unless it was scored with this trial."""
    if final is None or final["number"] != number:
        return {}
    metrics: Tree = final["metrics"]
    return {
        name.removeprefix("test_"): value
        for name, value in metrics.items()
        if name.startswith("test_")
    }


def _baselines(entries: Sequence[Tree]) -> list[dict[str, Any]]:
    """What the study measured to compare with, each seed."""
    return [
        {"name": each["name"], "value": each["value"]}
        for each in entries
        if each["value"] is not None
    ]
