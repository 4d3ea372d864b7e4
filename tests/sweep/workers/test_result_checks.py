"""Invalid results of objectives, through real workers, into a real database."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import handing
import pytest
from optuna.trial import FrozenTrial

from sweep import Baseline, Budget, Choice, Float, Sampler, Space, StudySpec
from sweep.driver.listener import NullListener
from sweep.driver.run_study import driven, run_study
from sweep.driver.trial_store import TrialStore
from sweep.errors import SweepError
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import TrialParams, with_finite_value
from sweep.workers.local import LocalLauncher
from sweep.workers.messages import PackFinished, TrialReported

SOUND = {
    "sound",
    "numpy",
    "state as text",
    "not finite beside",
    "a whole number beyond floats beside",
    "a report of numpy's",
    "a report not finite",
}
MESSAGES = {
    "value text": "a result's value must be a number, got '0.5'.",
    "value true": "a result's value must be a number, got True.",
    "value array": "a result's value must be a number, got array([0.5]).",
    "value complex": "a result's value must be a number, got 0.5j.",
    "value NaN": "the objective returned nan",
    "value endless": "the objective returned -inf",
    "value beyond floats": "the objective returned a whole number beyond every float",
    "value missing": "the objective returned None",
    "value of a pruned trial": "a result's value must be None unless the trial is COMPLETE",
    "state unknown": "a result's state must be one of COMPLETE, PRUNED, FAIL, got 'DONE'.",
    "state None": "a result's state must be one of COMPLETE, PRUNED, FAIL, got None.",
    "metrics None": "a result's metrics must map names to JSON values, got None.",
    "metrics a list": "a result's metrics must map names to JSON values, got [1, 2].",
    "metrics named by number": "a name in a result's metrics must be text, got 1.",
    "metrics named by number within": "a result's metrics.a must be a JSON value",
    "metrics array": "a result's metrics.probabilities must be a JSON value",
    "metrics a function": "a result's metrics.f must be a JSON value",
    "details a set": "a result's details.seen must be a JSON value, got {1}.",
    "details bytes": "a result's details.raw must be a JSON value, got b'x'.",
    "seconds text": "a result's seconds must be a number of 0 or more, got 'fast'.",
    "seconds negative": "a result's seconds must be a number of 0 or more, got -1.0.",
    "seconds NaN": "a result's seconds must be a number of 0 or more, got nan.",
    "seconds None": "a result's seconds must be a number of 0 or more, got None.",
    "FAIL without a reason": "must say why, if and only if the state is FAIL, got None",
    "FAIL with a blank reason": "a result's failure must have a reason, got ' '.",
    "FAIL for an exception": "a result's failure must be a Failure, got ValueError('odd').",
    "failure of a complete trial": "must say why, if and only if the state is FAIL",
    "an interruption not asked for": "must not be an interruption that was not asked for",
    "failure of odd parts": "odd",
    "a step negative": "a report's step must be a whole number of 0 to 2147483647, got -1.",
    "a step NaN": "a report's step must be a whole number of 0 to 2147483647, got nan.",
    "a step a fraction": "a report's step must be a whole number of 0 to 2147483647, got 1.5.",
    "a step true": "a report's step must be a whole number of 0 to 2147483647, got True.",
    "a step beyond databases": "a report's step must be a whole number of 0 to 2147483647, got",
    "a step text": "a report's step must be a whole number of 0 to 2147483647, got '1'.",
    "a reported value text": "a report's value must be a number, got 'high'.",
    "a reported value None": "a report's value must be a number, got None.",
    "reported metrics None": "a report's metrics must map names to numbers, got None.",
    "reported metrics of text": "a report's metrics.phase must be a number, got 'warm'.",
    "reported metrics array": "a report's metrics.loss must be a number",
    "a reported metric called step": "must not be called as what stands beside them, got 'step'.",
    "nothing returned": "the objective must return a list of TrialResults, got None.",
    "a text returned": "the objective must return a list of TrialResults, got 'done'.",
    "a value for a result": "must give results that are TrialResults",
    "no result": "the objective gave no result for the trial",
    "two results": "must give one result for each trial that it was given, got 'one more of",
    "a number of text": "must give results that are TrialResults, each with its trial's number",
    "another trial's result": "got 'one more of trial 99'.",
}
UNUSUAL = "numpy", "not finite beside", "a report of numpy's", "a report not finite"
TOGETHER = [*handing.RESULTS, *handing.REPORTS]


def study(**changes: Any) -> StudySpec:
    """A study of ``Handing`` with one trial for each kind of result."""
    fields: dict[str, Any] = {
        "name": "toy",
        "objective": "handing:Handing",
        "space": Space({"how": Choice(*TOGETHER, *handing.LISTS)}),
        "budget": Budget(trials=200),
        **changes,
    }
    return StudySpec(**fields)


def computed(launcher: LocalLauncher, pack: list[TrialParams], store: TrialStore) -> Iterator[Any]:
    """A pack's results; its reports are stored in the study."""
    launcher.submit(pack)
    while True:
        event = launcher.next_event(60)
        if event is None:  # the worker has started
            continue
        if isinstance(event, TrialReported):
            event.answer(store.report(event.number, event.step, event.value, event.metrics))
            continue
        assert isinstance(event, PackFinished), event
        yield from event.results
        return


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FrozenTrial]:
    """The trials by kind of result: some run in one pack, the others one by one."""
    return trials_of(study(), tmp_path_factory.mktemp("border"))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FrozenTrial]:
    """The same for a few kinds."""
    kinds = "sound", "metrics None", *UNUSUAL, "no result"
    return trials_of(study(space=Space({"how": Choice(*kinds)})), tmp_path_factory.mktemp("few"))


def trials_of(spec: StudySpec, folder: Path) -> dict[str, FrozenTrial]:
    """A study's trials by kind of result, once each has run."""
    address = StorageUrl.parse(f"sqlite:///{folder}/study.db")
    with (
        closing(LocalLauncher(spec)) as launcher,
        driven(spec, address, ObjectiveInfo(), take_over=False) as (made, owner),
    ):
        store = TrialStore(made, spec, address, owner)
        asked = [params for _ in spec.space["how"].grid() or () if (params := store.ask())]
        alone = [params for params in asked if params.values["how"] in handing.LISTS]
        packs = [[each for each in asked if each not in alone], *([each] for each in alone)]
        for pack in packs:
            for result in computed(launcher, pack, store):
                store.tell(with_finite_value(result))
        return {trial.params["how"]: trial for trial in made.get_trials()}


@pytest.mark.integration
def test_every_kind_of_result_is_tried(ended: dict[str, FrozenTrial]) -> None:
    """Each kind has its expected outcome here."""
    assert set(ended) == SOUND | set(MESSAGES) == {*TOGETHER, *handing.LISTS}


def test_an_invalid_result_among_others_fails_only_its_trial(few: dict[str, FrozenTrial]) -> None:
    """In one pack, and where the list itself is invalid."""
    for how, trial in few.items():
        assert_as_expected(how, trial)

    assert len(few) == 7


@pytest.mark.integration
@pytest.mark.parametrize("how", [*TOGETHER, *handing.LISTS])
def test_an_invalid_result_fails_only_its_trial_with_the_reason(
    ended: dict[str, FrozenTrial], how: str
) -> None:
    """Others in its pack are COMPLETE; values that JSON lacks become null, with a note."""
    assert_as_expected(how, ended[how])


def assert_as_expected(how: str, trial: FrozenTrial) -> None:
    """COMPLETE if the result is sound, and failed with its message otherwise."""
    json.dumps(trial.user_attrs, allow_nan=False)
    if how in SOUND:
        assert (trial.state.name, trial.value) == ("COMPLETE", 0.5)
        assert "failure" not in trial.user_attrs
    else:
        assert trial.state.name == "FAIL"
        assert MESSAGES[how] in trial.user_attrs["failure"]["message"]
        assert trial.user_attrs["failure"]["reason"] in ("exception", "nan")


def test_numpy_numbers_are_converted_and_non_finite_ones_noted(
    few: dict[str, FrozenTrial],
) -> None:
    """In metrics, details, seconds and the curve."""
    plain = few["numpy"].user_attrs
    assert repr(plain["metrics"]) == "{'loss': 0.25, 'each': [1, True]}"
    assert (plain["details"], plain["seconds"]) == ({"rank": 4}, 1.5)
    odd = few["not finite beside"].user_attrs
    assert odd["metrics"] == {"loss": None, "each": {"a": [None]}}
    expected = "not finite, and kept as null: metrics.loss is nan, metrics.each.a[0] is inf"
    assert odd["details"]["notes"] == [expected]
    assert few["a report of numpy's"].user_attrs["curve"] == [
        {"step": 3, "value": 0.5, "loss": 0.5}
    ]
    assert few["a report not finite"].user_attrs["curve"] == [
        {"step": 3, "value": None, "loss": None}
    ]
    assert math.isnan(few["a report not finite"].intermediate_values[3])


ENDLESS = Space({"x": Float(0.0, 1.0)})


@pytest.mark.parametrize("how", ["FAIL without a reason", "an interruption not asked for"])
def test_a_sweep_with_only_invalid_results_ends(how: str, tmp_path: Path) -> None:
    """An infinite space is not sampled, and a trial not retried, forever."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    spec = study(
        space=ENDLESS,
        settings={"how": how},
        sampler=Sampler("random"),
        baselines=(Baseline("base", {"x": 0.5}),),
        budget=Budget(trials=50),
    )
    with pytest.raises(SweepError, match="the first 5 trials of this run all failed"):
        run_study(spec, address, NullListener())

    made = load_study(address, "toy")
    assert {trial.state.name for trial in made.get_trials()} == {"FAIL"}
    assert len(made.get_trials()) < 8
    assert not [key for key in made.user_attrs if key.startswith("baseline:")]


def refused(word: str) -> None:
    """Fail on NaN and infinity, which strict JSON lacks."""
    raise AssertionError(word)


def test_a_study_of_invalid_results_is_resumed_to_its_end(tmp_path: Path) -> None:
    """No result prevents a resume, or is stored as NaN."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    some = ("sound", "numpy", "not finite beside", "metrics array", "value text", "two results")
    some += ("a step NaN", "FAIL for an exception", "no result", "a report not finite")
    spec = study(space=Space({"how": Choice(*some)}))
    for _ in range(3):  # in any order: it may stop after failures in a row
        with contextlib.suppress(SweepError):
            run_study(spec, address, NullListener())
    ran = load_study(address, "toy")
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        texts = database.execute("select value_json from trial_user_attributes").fetchall()
    for (text,) in texts:
        json.loads(text, parse_constant=refused)

    ends = {trial.params["how"]: trial.state.name for trial in ran.get_trials()}
    assert ends == {how: "COMPLETE" if how in SOUND else "FAIL" for how in some}
    assert len(ran.get_trials()) == len(some)
    assert ran.user_attrs["about"] == {"size": 0.5, "odd": None}
