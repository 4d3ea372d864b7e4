"""What is read off one trial: its configuration, seed and phase, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweep.study.design import SEARCH, is_collapsed
from sweep.study.spec import StudySpec
from sweep.study.trial import Failure, Scalar

Values = Mapping[str, Scalar]
Tags = Mapping[str, Any]

TAGS = ("phase", "design", "replicate", "seed", "rerun_of")
"""User attributes that a trial hands on to the one that runs it again.

``phase`` is what it is for, ``design`` the number of its configuration in the design,
``replicate`` which of that configuration's seeds it has, ``seed`` that seed, and ``rerun_of`` the
collapsed trial in whose place it runs.
"""


def failure_of(trial: FrozenTrial) -> Failure | None:
    """Why a trial has no value; None if it has not failed, or nobody wrote down why."""
    stored: Mapping[str, Any] | None = trial.user_attrs.get("failure")
    return None if stored is None else Failure(**stored)


def values_of(trial: FrozenTrial, spec: StudySpec) -> Values | None:
    """A trial's full configuration; None if it ended before it had one.

    Values that a trial was queued with are its own from the start, even if it was killed
    while they were written out.
    """
    values = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    return values if set(values) == set(spec.space) else None


def seed_of(trial: FrozenTrial, spec: StudySpec) -> int:
    """A trial's seed; one that was told by hand may have none written down."""
    seed: int | None = trial.user_attrs.get("seed")
    if seed is not None:
        return seed
    replicate = trial.user_attrs.get("replicate", 0)
    return spec.seeds[replicate if replicate < len(spec.seeds) else 0]


def counts(trial: FrozenTrial) -> bool:
    """Whether a COMPLETE trial counts towards the budget: no copy, and no second run."""
    return not {"reused_from", "rerun_of"} & set(trial.user_attrs)


def count_by_phase(trials: Sequence[FrozenTrial], points: int) -> dict[str, Any]:
    """The trials of a study by phase.

    Args:
        trials: all there are.
        points: how many runs its design has; 0 without one.

    Returns:
        ``counted``: COMPLETE trials that count towards the budget; ``points``; ``by_phase``:
        how many of each phase are COMPLETE, copies and second runs apart; ``collapsed``:
        COMPLETE trials that learned nothing; ``run_again``: second runs of such, COMPLETE.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    counted = [trial for trial in complete if counts(trial)]
    phases = [trial.user_attrs.get("phase", SEARCH) for trial in counted]
    return {
        "counted": len(counted),
        "points": points,
        "by_phase": {phase: phases.count(phase) for phase in dict.fromkeys(phases)},
        "collapsed": sum(is_collapsed(t.user_attrs.get("metrics", {})) for t in counted),
        "run_again": sum("rerun_of" in trial.user_attrs for trial in complete),
    }
