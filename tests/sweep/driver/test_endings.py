"""Closing trials of another driver."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from sweep.driver.trial_store import close
from sweep.study.trial import Failure

LEFT = Failure("interrupted", "DriverDied", "its driver is gone")


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    """A study in a real file."""
    return optuna.create_study(storage=f"sqlite:///{tmp_path / 's.db'}")


def test_a_trial_left_running_is_closed_with_its_reason(study: optuna.Study) -> None:
    """As failed, with the reason."""
    study.ask()
    close(study, study.trials[0], LEFT)

    assert study.trials[0].state == TrialState.FAIL
    assert study.trials[0].user_attrs["failure"] == LEFT.to_json()


def test_a_result_stored_at_the_last_moment_stays(study: optuna.Study) -> None:
    """A driver that lost the study stores a result after the new one has seen the trial running."""
    trial = study.ask()
    seen = study.trials[0]
    study.tell(trial, 0.5)
    close(study, seen, LEFT)

    assert seen.state == TrialState.RUNNING
    assert study.trials[0].state == TrialState.COMPLETE
    assert study.trials[0].value == 0.5
    assert "failure" not in study.trials[0].user_attrs
