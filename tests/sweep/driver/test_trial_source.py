"""Trials that must run alone, computed from the study."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep.driver.trial_source import died_in_a_pack

Tries = list[tuple[str, int | None]]


def study_of(tries: Tries) -> list[FrozenTrial]:
    """Failed trials of these kinds, each a retry of the number beside it."""
    study = optuna.create_study()
    for kind, retry_of in tries:
        failure = {"reason": "interrupted", "kind": kind, "message": ""}
        tags = {"failure": failure} if kind else {}
        tags |= {} if retry_of is None else {"retry_of": retry_of}
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=tags))
    return study.trials


@pytest.mark.parametrize(
    ("tries", "alone"),
    [
        ([("", None)], False),
        ([("PackDied", None)], False),  # it died in a pack, so its retry runs alone
        ([("PackDied", None), ("", 0)], True),
        ([("DriverDied", None), ("", 0)], False),
        ([("PackDied", None), ("", None)], False),
        ([("PackDied", None), ("DriverDied", 0), ("Interrupted", 1), ("", 2)], True),
        ([("DriverDied", None), ("Interrupted", 0), ("", 1)], False),
        ([("PackDied", None), ("", 7)], False),  # a retry of nothing
        ([("PackDied", 1), ("", 1)], False),  # a cycle, made by hand
    ],
)
def test_a_trial_of_a_killed_pack_runs_alone_in_all_its_retries(
    tries: Tries, *, alone: bool
) -> None:
    """However often it is interrupted in between."""
    assert died_in_a_pack(study_of(tries), len(tries) - 1) is alone
