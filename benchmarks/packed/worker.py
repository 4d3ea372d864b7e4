"""A worker process of lorasweep: builds the objective once and runs trial after trial."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from objectives.binding.objective import BindingObjective
from sweep.study.trial import TrialParams, TrialResult, ignore_reports

_worker: dict[str, Any] = {}
"""This process's objective, and the CPU seconds used when its last trial ended."""


def begin(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
    """Build the objective; it loads the base model in its first trial."""
    # The CPU seconds of the start count towards the first trial.
    _worker.update(objective=BindingObjective(settings, inputs), settled=0.0)


def answer(params: TrialParams) -> tuple[TrialResult, float, float]:
    """Run a trial.

    Returns:
        Its result, the CPU seconds since the end of the previous trial, and those since the
        request.
    """
    asked = time.process_time()
    (result,) = _worker["objective"].run([params], ignore_reports)
    before, _worker["settled"] = _worker["settled"], time.process_time()
    return result, _worker["settled"] - before, _worker["settled"] - asked
