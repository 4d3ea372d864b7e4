"""Retrain a trial in a worker, to obtain an adapter that was not kept."""

from __future__ import annotations

import contextlib
import logging
import math
import tempfile
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from sweep.cli.adapter_export.files import Files, read_files
from sweep.driver.final_test import only_result
from sweep.errors import ResumeError, SweepError, fault
from sweep.signals import Interrupts
from sweep.storage.studies import pinned, read_pins
from sweep.storage.trial_folders import ADAPTER
from sweep.study.objective import ObjectiveInfo
from sweep.study.spec import StudySpec, differences
from sweep.study.trial import TrialParams, TrialResult
from sweep.workers.local import LocalLauncher

TOLERANCE = 1e-6
"""Largest difference from the study's value; beyond rounding it would be another adapter."""

log = logging.getLogger("lorasweep")


def train_again(
    study: optuna.Study, spec: StudySpec, trial: FrozenTrial, seed: int
) -> tuple[TrialResult, Files]:
    """Train a complete trial again, from its parameters and seed.

    Args:
        study: the trial's study, which is only read.
        spec: its spec; the inputs may be at other paths.
        trial: the trial.
        seed: its seed.

    Returns:
        The new result and the adapter's files.

    Raises:
        ResumeError: if data or base model differ from the study's.
        SweepError: if the trial fails, saves no adapter, or has another value.
        Interruption: if a signal asked to stop.
    """
    launcher = LocalLauncher(pinned(spec, read_pins(study)))
    with (
        Interrupts() as interrupts,
        contextlib.closing(launcher),
        tempfile.TemporaryDirectory(prefix="lorasweep-") as folder,
    ):
        facts: ObjectiveInfo = launcher.call("facts", interrupts=interrupts)
        changed = _changed_inputs(study, facts)
        if changed:
            raise ResumeError(changed)
        seconds = trial.user_attrs.get("seconds")
        took = "" if seconds is None else f" (it took {seconds:.0f} s)"
        log.info("training trial %d again%s", trial.number, took)
        replicate, values = trial.user_attrs.get("replicate", 0), dict(trial.params)
        params = TrialParams(trial.number, values, seed, replicate, folder=folder, keep=True)
        launcher.submit([params], closed=True)
        result = only_result(params, launcher, interrupts)
        interrupts.check()
        refuse_another(result, trial, _versions(study, facts))
        files = read_files(Path(folder) / ADAPTER)
    if not files:
        rule = "leave an adapter"
        raise SweepError(fault(f"trial {trial.number}", rule, "none", where=spec.objective))
    return result, files


def _changed_inputs(study: optuna.Study, facts: ObjectiveInfo) -> str:
    """A message naming inputs whose contents differ from the study's; empty if none do."""
    before: dict[str, str] = study.user_attrs.get("fingerprints", {})
    found = differences(before, dict(facts.fingerprints))
    if not found:
        return ""
    rule = "hold what the study was made with"
    way_out = "Restore what changed, or say where it is (--data DIR, --base MODEL)"
    return fault("the inputs", rule, "; ".join(found), where=study.study_name, way_out=way_out)


def _versions(study: optuna.Study, facts: ObjectiveInfo) -> list[str]:
    known: dict[str, Any] = study.user_attrs.get("versions", {})
    return differences({name: known.get(name) for name in facts.versions}, dict(facts.versions))


def refuse_another(result: TrialResult, trial: FrozenTrial, versions: list[str]) -> None:
    """Refuse a result whose value is not the study's."""
    name = f"trial {trial.number}"
    if result.failure is not None:
        raise SweepError(f"training {name} again failed: {result.failure}")
    value = math.nan if result.value is None else result.value
    if trial.value is not None and abs(value - trial.value) <= TOLERANCE:
        return
    way_out = "Train it on the device and with the versions of the study"
    if versions:
        way_out += f" ({'; '.join(versions)})"
    rule = f"have the value {trial.value!r} of the study again"
    raise SweepError(fault(name, rule, result.value, way_out=way_out))
