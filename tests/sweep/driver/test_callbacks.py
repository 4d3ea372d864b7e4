"""Callbacks run after a trial is stored, and cannot fail the sweep."""

from __future__ import annotations

import logging
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from tracked_studies import tracked

from sweep.driver.listener import Callbacks
from sweep.storage.errors import StorageLostError, retry_while_unreachable


def test_callbacks_run_once_after_each_trial_is_stored(tmp_path: Path) -> None:
    """The trial is read through another connection during the call."""
    called: list[tuple[int, str]] = []

    def look(study: optuna.Study, trial: FrozenTrial) -> None:
        url = f"sqlite:///{tmp_path}/tracked.db"
        stored = optuna.load_study(study_name=study.study_name, storage=url).trials[trial.number]
        assert stored.state == trial.state
        assert stored.value == trial.value
        called.append((trial.number, trial.state.name))

    study = tracked(tmp_path, [look])

    assert sorted(called) == [(t.number, t.state.name) for t in study.trials]
    assert {state for _, state in called} == {"COMPLETE", "FAIL"}


def test_a_callback_that_raises_is_not_called_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning names it, the trial and the error; other callbacks and the sweep continue."""
    calls = {"bad": 0, "good": 0}

    def bad(_study: optuna.Study, _trial: FrozenTrial) -> None:
        calls["bad"] += 1
        raise ConnectionError("no route to host")

    def good(_study: optuna.Study, _trial: FrozenTrial) -> None:
        calls["good"] += 1

    with caplog.at_level(logging.WARNING, logger="lorasweep"):
        study = tracked(tmp_path, [bad, good])

    complete = [t for t in study.trials if t.state == TrialState.COMPLETE]
    assert len(complete) == 7
    assert calls == {"bad": 1, "good": len(study.trials)}
    messages = [record.message for record in caplog.records if "not called again" in record.message]
    assert len(messages) == 1
    assert messages[0].startswith("bad failed at trial ")
    assert messages[0].endswith("(ConnectionError: no route to host)")


def test_without_callbacks_the_trials_are_not_read() -> None:
    """So that large studies without callbacks pay nothing."""

    class Unreadable(optuna.Study):
        def __init__(self) -> None:
            """Without arguments."""

        def get_trials(self, *_args: object, **_kwargs: object) -> list[FrozenTrial]:
            raise AssertionError("read")

    Callbacks(Unreadable()).tell(0)


def test_callbacks_run_once_an_unreachable_server_is_back() -> None:
    """The sweep waits for the server, and calls them then."""
    answers = iter([StorageLostError("away"), [optuna.trial.create_trial(value=0.5)]])

    class Away(optuna.Study):
        def __init__(self) -> None:
            """Without arguments."""

        def get_trials(self, *_args: object, **_kwargs: object) -> list[FrozenTrial]:
            answer = next(answers)
            if isinstance(answer, StorageLostError):
                raise answer
            return answer

    called: list[FrozenTrial] = []
    callbacks = Callbacks(Away(), [lambda _, trial: called.append(trial)])
    retry_while_unreachable(lambda: callbacks.tell(0), lambda: None)

    assert [trial.value for trial in called] == [0.5]
