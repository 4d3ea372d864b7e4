"""The data of a model card, from the study and the adapter's own record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.cli.own_objectives import described
from sweep.results.status import measures_of
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
    """All data from which a model card is written.

    Args:
        study: the trial's study.
        spec: the study's spec.
        address: its database.
        trial: the trial.
        record: the adapter's ``trial.json``.
        measured: ``value``, ``metrics`` and ``details`` of the training that produced the adapter,
            and whether it was ``retrained``.

    Returns:
        A JSON tree; the card uses no other figures.
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
        "measures": measures_of(study, described()).to_json(),
        "value_name": about.get("value") or "value",
        "data": about.get("data", {}),
        "base": about.get("base", {}),
        "versions": {**attributes.get("versions", {}), **record.get("versions", {})},
    }


def _test(final: Tree | None, number: int) -> dict[str, Any]:
    """The test metrics without prefix; empty unless this trial was scored on the test split."""
    if final is None or final["number"] != number:
        return {}
    metrics: Tree = final["metrics"]
    return {
        name.removeprefix("test_"): value
        for name, value in metrics.items()
        if name.startswith("test_")
    }


def _baselines(entries: Sequence[Tree]) -> list[dict[str, Any]]:
    """The values of the study's baselines, one per seed."""
    return [
        {"name": each["name"], "value": each["value"]}
        for each in entries
        if each["value"] is not None
    ]
