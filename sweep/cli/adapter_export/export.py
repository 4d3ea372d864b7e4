"""Write a trial's adapter and a model card to a new folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.cli.adapter_export.files import Files, chosen_trial, kept_files, record_of, unreadable
from sweep.cli.adapter_export.model_card import UNKNOWN, model_card
from sweep.cli.adapter_export.retrain import train_again
from sweep.errors import SweepError, UsageError, fault
from sweep.files.atomic import clear_scratch, write_folder
from sweep.results.status import measures_of
from sweep.storage.errors import storage_errors
from sweep.storage.studies import baselines, best_trial
from sweep.storage.trial_folders import folders_of
from sweep.storage.url import StorageUrl
from sweep.study.spec import StudySpec

Tree = Mapping[str, Any]

CARD = "README.md"
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True)
class Request:
    """What to export.

    Attributes:
        trial: ``best``, or a trial's number.
        out: the folder to write; new, or empty.
        retrain: whether to train the trial again instead of using the stored adapter.
        licence: the adapter's licence, as an identifier of the Hugging Face Hub.
    """

    trial: str
    out: Path
    retrain: bool = False
    licence: str = UNKNOWN

    def faults(self) -> list[str]:
        """All faults of the request, one sentence each."""
        found = []
        if not re.fullmatch(r"best|[0-9]+", self.trial):
            found.append(fault("--trial", "be best, or the number of a trial", self.trial))
        if self.out.exists() and not (self.out.is_dir() and not any(self.out.iterdir())):
            rule, way_out = "be a folder that is new or empty", "Give another one"
            found.append(fault("--out", rule, str(self.out), way_out=way_out))
        if not _LICENCE.fullmatch(self.licence):
            rule = "be an identifier of the Hugging Face Hub"
            way_out = "For example mit, apache-2.0 or cc-by-4.0"
            found.append(fault("--license", rule, self.licence, way_out=way_out))
        return found


def export_adapter(
    study: optuna.Study, spec: StudySpec, address: StorageUrl, request: Request
) -> dict[str, Any]:
    """Export an adapter; the study is not changed.

    Args:
        study: a study made by lorasweep.
        spec: its spec; the inputs may be at other paths.
        address: its database.
        request: what to export.

    Returns:
        A JSON tree: ``study``, ``storage``, ``trial``, ``value``, ``out``, ``files``,
        ``retrained``, and ``bitwise`` (whether the value equals the study's exactly).

    Raises:
        UsageError: lists all faults of the request.
        SweepError: if the trial has no such adapter, or the folder cannot be written.
        ResumeError: if data or base model differ from the study's.
        Interruption: if a signal asked to stop a training.
    """
    _refuse(request)
    with storage_errors(address):
        trials = study.get_trials(deepcopy=False)
        trial = chosen_trial(trials, spec, request.trial)
    files, measured = _taken(study, spec, address, trial, retrain=request.retrain)
    record = record_of(files, f"the adapter of trial {trial.number}")
    with storage_errors(address):
        facts = facts_of(study, spec, address, trial, record, measured)
    files = {**files, CARD: model_card(facts, request.licence).encode()}
    _refuse(request)  # checked again after a long training
    clear_scratch(request.out)
    try:
        write_folder(request.out, files)
    except OSError as error:
        rule = "be a folder that can be written"
        raise SweepError(fault("--out", rule, str(request.out), where=str(error))) from error
    return {
        "study": study.study_name,
        "storage": address.shown,
        "trial": trial.number,
        "value": measured["value"],
        "out": str(request.out),
        "files": sorted(files),
        "retrained": request.retrain,
        "bitwise": measured["value"] == trial.value,
    }


def _taken(
    study: optuna.Study, spec: StudySpec, address: StorageUrl, trial: FrozenTrial, *, retrain: bool
) -> tuple[Files, dict[str, Any]]:
    """The adapter's files, and the metrics measured with these weights."""
    seed = int(trial.user_attrs.get("seed", spec.seeds[0]))
    if retrain:
        result, files = train_again(study, spec, trial, seed)
        figures = {"metrics": dict(result.metrics), "details": dict(result.details)}
        return files, {"value": result.value, **figures, "retrained": True}
    folders = folders_of(study, address, spec.policy.keep)
    try:
        folder = folders.adapter(dict(trial.params), seed)
    except OSError as error:
        raise unreadable(folders.of(dict(trial.params), seed), error) from error
    figures = {name: trial.user_attrs.get(name, {}) for name in ("metrics", "details")}
    files = kept_files(folder, trial, seed, spec.policy.keep)
    return files, {"value": trial.value, **figures, "retrained": False}


def _refuse(request: Request) -> None:
    faults = request.faults()
    if faults:
        raise UsageError(faults)


def facts_of(
    study: optuna.Study,
    spec: StudySpec,
    address: StorageUrl,
    trial: FrozenTrial,
    record: Tree,
    measured: Tree,
) -> dict[str, Any]:
    """All data from which a model card is written, as a JSON tree.

    Args:
        study: the trial's study.
        spec: the study's spec.
        address: its database.
        trial: the trial.
        record: the adapter's ``trial.json``.
        measured: ``value``, ``metrics`` and ``details`` of the training that produced the adapter,
            and whether it was ``retrained``.
    """
    from objectives import described

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
        "baselines": [
            {"name": each["name"], "value": each["value"]}
            for each in baselines(study).values()
            if each["value"] is not None
        ],
        "inputs": dict(spec.inputs),
        "measures": measures_of(study, described).to_json(),
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
