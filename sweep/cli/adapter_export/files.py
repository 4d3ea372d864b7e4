"""Select a trial, and read and check its adapter's files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError, fault
from sweep.files.location import Location, get_folder
from sweep.storage.studies import best_trial
from sweep.study.spec import StudySpec

CONFIG, RECORD = "adapter_config.json", "trial.json"
RETRAIN = "Train it again (--retrain)"

Files = Mapping[str, bytes]


def chosen_trial(trials: Sequence[FrozenTrial], spec: StudySpec, which: str) -> FrozenTrial:
    """The complete trial that ``--trial`` names.

    Args:
        trials: the study's trials.
        spec: the study's spec.
        which: ``best``, or a number.

    Raises:
        SweepError: if there is no such trial, or it is not complete.
    """
    if which == "best":
        best = best_trial(trials, spec)
        if best is None:
            raise SweepError(fault("--trial", "find a complete trial", which, where="none is yet"))
        return best
    found = next((trial for trial in trials if trial.number == int(which)), None)
    way_out = "lorasweep status lists them"
    if found is None:
        rule = f"be the number of one of the study's {len(trials)} trials"
        raise SweepError(fault("--trial", rule, int(which), way_out=way_out))
    if found.state != TrialState.COMPLETE:
        rule, where = "be that of a complete trial", f"it reads {found.state.name}"
        raise SweepError(fault("--trial", rule, found.number, where=where, way_out=way_out))
    return found


def kept_files(folder: Location | None, trial: FrozenTrial, seed: int, keep: str) -> Files:
    """The files of a trial's stored adapter, checked against its record and the study.

    Args:
        folder: the adapter's folder; None if there is none.
        trial: the trial.
        seed: its seed.
        keep: which adapters the study keeps.

    Raises:
        SweepError: if it was not kept, has changed since, or is another trial's.
    """
    files = {} if folder is None else read_files(folder)
    name = f"the adapter of trial {trial.number}"
    if not files:
        kept = f"keep={keep}"
        way_out = f"{RETRAIN}, or keep those of later trials (lorasweep resume --keep all)"
        raise SweepError(fault(name, "be kept", kept, way_out=way_out))
    record = record_of(files, name)
    _refuse_changed(files, record, name, folder)
    told = {"values": dict(trial.params), "seed": seed, "mcc": trial.value}
    differing = [key for key, value in told.items() if record.get(key) != value]
    if differing:
        rule, got = "be the one that the study measured", {k: record.get(k) for k in differing}
        where = f"{folder}; the study has { ({k: told[k] for k in differing}) }"
        raise SweepError(fault(name, rule, got, where=where, way_out=RETRAIN))
    return files


def _refuse_changed(
    files: Files, record: Mapping[str, Any], name: str, folder: Location | None
) -> None:
    """Refuse files whose SHA-256 differs from the record; older records hold no hashes."""
    told = record.get("sha256")
    digests = told if isinstance(told, dict) else {}
    changed = [
        file
        for file, digest in sorted(digests.items())
        if hashlib.sha256(files.get(file, b"")).hexdigest() != digest
    ]
    if changed:
        got = f"other contents of {', '.join(changed)}"
        rule = "be as the trial wrote it"
        raise SweepError(fault(name, rule, got, where=str(folder), way_out=RETRAIN))


def record_of(files: Files, name: str) -> dict[str, Any]:
    """The record stored with an adapter.

    Args:
        files: the adapter's files.
        name: the adapter's name in errors.

    Raises:
        SweepError: if there is only a head, or an older lorasweep wrote the record.
    """
    if RECORD in files and CONFIG not in files:
        rule = "be one that PEFT loads"
        way_out = "Choose a trial with a rank above 0 and a target set (--trial N)"
        raise SweepError(fault(name, rule, "a head without an adapter", way_out=way_out))
    try:
        record = json.loads(files[RECORD])
        if "load" in record:
            return dict(record)
        got = f"no 'load' in {RECORD}"
    except (KeyError, ValueError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"
    rule = f"have a {RECORD} that says how to load it"
    raise SweepError(fault(name, rule, got, way_out=RETRAIN))


def read_files(folder: Location) -> Files:
    """The contents of all files of an adapter's folder; empty if it is missing."""
    try:
        return get_folder(folder)
    except OSError as error:
        raise unreadable(folder, error) from error


def unreadable(folder: Location, error: OSError) -> SweepError:
    """The error for a folder that cannot be read, or whose library is missing."""
    missing = isinstance(error.__cause__, ImportError)
    way_out = "pip install 'lorasweep[remote]'" if missing else ""
    where = " ".join(str(error).split()).rstrip(".")
    rule = "be a folder that can be read"
    return SweepError(fault("the adapter", rule, str(folder), where=where, way_out=way_out))
