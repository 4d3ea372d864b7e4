"""A worker process of ours: the objective built once, then one trial after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from objectives.binding.objective import BindingObjective
from sweep.study.trial import TrialParams, TrialResult, ignore_reports

_worker: dict[str, Any] = {}
"""This process' objective, and the CPU seconds it had used when its last trial ended."""


def begin(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
    """Build the objective; it loads the base with its first trial."""
    # No CPU seconds are settled yet: what the start took counts with the first trial.
    _worker.update(objective=BindingObjective(settings, inputs), settled=0.0)


def answer(params: TrialParams) -> tuple[TrialResult, float, float]:
    """Run a trial.

    Returns:
        Its result, the CPU seconds since the last one's end, and those since it was asked for.
    """
    asked = time.process_time()
    (result,) = _worker["objective"].run([params], ignore_reports)
    before, _worker["settled"] = _worker["settled"], time.process_time()
    return result, _worker["settled"] - before, _worker["settled"] - asked
