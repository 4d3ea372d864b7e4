"""How many trials a study has in each phase, and how many of them collapsed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweep.ledger.tags import counts
from sweep.phases import SEARCH, is_collapsed


def tally(trials: Sequence[FrozenTrial], points: int) -> dict[str, Any]:
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
