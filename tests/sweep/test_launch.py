import os
import signal
import time
from dataclasses import replace

import pytest

from sweep import StudySpec
from sweep.errors import SpecError, SweepError
from sweep.interrupts import Interruption, Interrupts
from sweep.launch import Finished, LocalLauncher, Reported
from sweep.launch.worker import _portable
from sweep.trial import TrialParams

PARAMS = {"rank": 2, "alpha": 2, "targets": "key+query+value"}


def test_a_pack_of_several_trials_gives_a_result_each(spec: StudySpec) -> None:
    """In one worker, in order; reports wait for their answer."""
    launcher = LocalLauncher(spec)
    try:
        launcher.submit([TrialParams(0, PARAMS), TrialParams(1, {**PARAMS, "rank": 4})])
        assert launcher.free() == 0
        reports = []
        while not isinstance(event := launcher.next_event(10), Finished):
            assert isinstance(event, Reported)
            reports.append(event.number)
            event.answer(False)
    finally:
        launcher.close()

    assert [result.number for result in event.results] == [0, 1]
    assert event.results[0].value < event.results[1].value
    assert reports == [0, 1]


def test_an_objective_that_cannot_be_built_says_why_in_the_driver(spec: StudySpec) -> None:
    """The error of the worker, with its class."""
    launcher = LocalLauncher(replace(spec, settings={"function": "nonsense"}))
    with Interrupts() as interrupts, pytest.raises(SpecError, match=r"settings\.function must"):
        launcher.call("facts", interrupts=interrupts)
    launcher.close()


def test_an_unknown_objective_is_named(spec: StudySpec) -> None:
    """Not a traceback from importlib."""
    launcher = LocalLauncher(replace(spec, objective="nowhere.at_all:It"))
    with Interrupts() as interrupts, pytest.raises(SpecError, match=r"'nowhere\.at_all:It'"):
        launcher.call("facts", interrupts=interrupts)
    launcher.close()


def test_a_signal_ends_a_call(spec: StudySpec) -> None:
    """Also while a base model loads for minutes."""
    slow = replace(spec, settings={**spec.settings, "sleep_seconds": 30.0})
    launcher = LocalLauncher(slow)
    launcher.submit([TrialParams(0, PARAMS)])
    started = time.monotonic()
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interruption):
            launcher.call("facts", interrupts=interrupts)
    launcher.close()

    assert time.monotonic() - started < 15


class StubbornError(Exception):
    """An exception that cannot be pickled back, as some libraries' cannot."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def test_an_exception_that_cannot_travel_is_told_in_words() -> None:
    """Its class and text arrive all the same."""
    told = _portable(StubbornError("this", "that"))

    assert type(told) is SweepError
    assert str(told) == "StubbornError: this and that"
    assert isinstance(_portable(ValueError("x")), ValueError)
