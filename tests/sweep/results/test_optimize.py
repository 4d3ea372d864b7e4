"""A function's study in this process: run, resumed, interrupted, analysed, refused."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from few_trees import few_trees

import sweep
from sweep import Choice, Claim, Float, FunctionObjective, Metric, Pruner, Sampler, Space
from sweep.errors import ResumeError, SpecError, StorageError, SweepError
from sweep.storage.studies import read_measures
from sweep.study.function import FunctionTrial

Tell = Callable[..., None]
SPACE = {"x": Float(0, 1), "y": Choice(0.0, 1.0)}
GRID = {"x": Choice(0.25, 0.5, 0.75), "y": Choice(0.0, 1.0)}


class Counted:
    """A function that counts its calls, and raises an exception once at one of them."""

    __name__ = "counted"

    def __init__(self, at: int = -1, error: BaseException | None = None) -> None:
        self.at, self.error = at, error
        self.seen: list[dict[str, Any]] = []

    def __call__(self, params: FunctionTrial, report: Tell) -> dict[str, float]:
        """A value that depends on both parameters, reported twice."""
        self.seen.append(dict(params))
        report(1, 0.5, half=1.0)
        if self.error is not None and len(self.seen) == self.at + 1:
            raise self.error
        report(2, params["x"])
        return {"value": params["x"] + 0.1 * params["y"], "twice": 2 * params["x"]}


@few_trees()
def test_a_lambda_of_a_script_is_searched_and_analysed(url: str) -> None:
    """In the caller's thread; table, best trial, importance, verdict and text are at hand."""
    threads = set()
    result = sweep.optimize(
        lambda params, _: (threads.add(threading.current_thread()), params["x"])[1],
        SPACE,
        trials=8,
        name="script",
        storage=url,
        direction="minimize",
    )
    claim = Claim("x", ("y",), ())
    tree = result.importance(quick=True, dominant="x", over=("y",), negligible=())

    assert threads == {threading.current_thread()}
    assert len(result.table) == len(result.study.trials) == 8
    assert result.best is not None
    assert result.best["value"] == min(row.value for row in result.table.rows)
    assert result.verdict(claim, quick=True).verdict == tree["verdict"] == "INCONCLUSIVE"
    assert next(effect["name"] for effect in tree["parameters"]) == "x"
    assert "trials     8/8 complete" in str(result)


@few_trees()
def test_a_metric_s_name_and_unit_are_stored(url: str) -> None:
    """For status, report and verdict."""
    metric = Metric("score", "final score", "points")
    result = sweep.optimize(FunctionObjective(Counted(), metric), SPACE, trials=2, storage=url)
    measures = read_measures(result.study)

    assert measures is not None
    assert measures.metrics == (metric,)
    assert result.study.study_name == "counted"
    assert result.importance(quick=True)["value_name"] == "final score (points)"
    assert " points in trial " in str(result)
    assert [row.metrics["score"] for row in result.table.rows] == [
        row.value for row in result.table.rows
    ]


def test_a_second_call_goes_on_with_the_study(url: str) -> None:
    """And one with as many trials as the study has computes nothing."""
    f = Counted()
    counts = [len(sweep.optimize(f, GRID, trials=n, storage=url).table) for n in (2, 6, 6)]

    assert counts == [2, 6, 6]
    assert len({tuple(values.items()) for values in f.seen}) == len(f.seen) == 6


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interrupted_trial_is_run_again_by_the_next_call(url: str, error: BaseException) -> None:
    """KeyboardInterrupt leaves the function at once, as in any Python code."""
    f = Counted(at=2, error=error)
    with pytest.raises(type(error)):
        sweep.optimize(f, GRID, trials=6, storage=url)
    assert len(f.seen) == 3
    result = sweep.optimize(f, GRID, trials=6, storage=url)

    assert f.seen[3] == f.seen[2]
    assert len(f.seen) == 7
    assert [row.value for row in result.table.rows] == [
        row.values["x"] + 0.1 * row.values["y"] for row in result.table.rows
    ]
    assert len(result.table) == 6
    (stopped,) = [trial for trial in result.study.trials if trial.number == 2]
    assert stopped.user_attrs["failure"]["reason"] == "interrupted"


def test_a_trial_that_raises_is_a_failed_trial(url: str) -> None:
    """The others go on."""
    result = sweep.optimize(Counted(1, ValueError("no")), SPACE, trials=4, storage=url)
    (failed,) = result.table.failed

    assert len(result.table) == 4
    assert (failed.number, failed.reason) == (1, "exception: ValueError: no")


def test_a_report_that_breaks_the_rules_fails_its_trial(url: str) -> None:
    """It is checked as that of any objective."""

    def f(params: FunctionTrial, report: Tell) -> float:
        report(-1 if params["x"] == 0.5 else 1, 0.5)
        return 1.0

    result = sweep.optimize(f, {"x": Choice(0.25, 0.5, 0.75)}, trials=3, storage=url)
    (failed,) = result.table.failed

    assert failed.values == {"x": 0.5}
    assert "BadReport: a report's step must be a whole number of 0 to" in failed.reason


def test_a_function_that_always_raises_ends_the_study(url: str) -> None:
    """With its message, long before as many trials as asked for."""

    def f(params: FunctionTrial, report: Tell) -> float:
        del params, report
        raise ValueError("no data here")

    with pytest.raises(SweepError, match="no data here"):
        sweep.optimize(f, SPACE, trials=100, storage=url)


def test_the_driver_s_error_leaves_the_function_in_order(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that fails while a trial waits for a report ends it; it is no failed trial."""
    left = []

    def f(params: FunctionTrial, report: Tell) -> float:
        try:
            report(1, 0.5)
        finally:
            left.append(params.number)
        return 1.0

    def fail(*_: object) -> bool:
        raise StorageError("the disk is away")

    monkeypatch.setattr("sweep.driver.trial_store.TrialStore.report", fail)
    with pytest.raises(StorageError, match="the disk is away"):
        sweep.optimize(f, SPACE, trials=3, storage=url)

    study = optuna.load_study(study_name="f", storage=url)
    assert left == [0]
    assert [trial.user_attrs["failure"]["reason"] for trial in study.trials[:1]] == ["interrupted"]


def test_a_pruned_trial_ends_at_its_report(url: str) -> None:
    """As the pruner decides from the reports of the others."""
    ended = []

    def f(params: FunctionTrial, report: Tell) -> float:
        for step in range(1, 5):
            report(step, params["x"])
        ended.append(params.number)
        return float(params["x"])

    result = sweep.optimize(
        f, SPACE, trials=6, storage=url, pruner=Pruner("median"), sampler=Sampler("random")
    )
    states = [trial.state.name for trial in result.study.trials]

    assert states.count("PRUNED") > 0
    assert ended == [n for n, state in enumerate(states) if state == "COMPLETE"]


def test_callbacks_and_context_are_the_caller_s(url: str) -> None:
    """A callback gets study and trial, as Optuna's; context variables are seen."""
    told: list[int] = []
    said = contextvars.ContextVar("said", default=0.0)
    said.set(0.25)
    result = sweep.optimize(
        FunctionObjective(lambda *_: said.get(), "said"),
        Space({"x": Choice(1, 2, 3)}),
        trials=3,
        name="told",
        storage=url,
        callbacks=[lambda study, trial: told.append(len(study.trials) - trial.number)],
    )

    assert told == [1, 1, 1]
    assert [row.value for row in result.table.rows] == [0.25] * 3


def test_the_default_database_is_that_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In runs/NAME, below the current folder."""
    monkeypatch.chdir(tmp_path)
    sweep.optimize(Counted(), SPACE, trials=1)

    assert (tmp_path / "runs" / "counted" / "study.db").is_file()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name must be given for a lambda, got ''"),
        ({"trials": 0}, "budget.trials must be"),
        ({"space": {}}, "space must have at least one parameter"),
        ({"space": {"x": 3}}, "space.x must be an Int, Float, Choice or TargetSets, got 3"),
        ({"function": lambda _: 1.0}, "objective must be a function f(params, report)"),
        ({"direction": "up"}, "direction must be one of maximize, minimize"),
        ({"settings": {"x": 1}}, "settings.x must not be fixed and sampled at once"),
        ({"inputs": {"data": "chains"}}, "inputs must be empty for a function"),
    ],
)
def test_wrong_arguments_are_refused_before_a_trial(
    url: str, changes: Mapping[str, Any], message: str
) -> None:
    """In the words of a study spec."""
    whole = {"function": lambda *_: 1.0, "space": SPACE, "trials": 2, "name": "wrong", **changes}
    with pytest.raises(SpecError) as caught:
        sweep.optimize(**whole, storage=url)

    assert message in str(caught.value)


def test_a_study_of_other_arguments_is_not_continued(url: str) -> None:
    """The differences are listed."""
    sweep.optimize(Counted(), SPACE, trials=1, storage=url)
    other = FunctionObjective(Counted(), "score")
    with pytest.raises(ResumeError, match=r"metrics: .*'value'.*'score'"):
        sweep.optimize(other, SPACE, trials=2, storage=url)
    with pytest.raises(ResumeError, match="direction: 'maximize' -> 'minimize'"):
        sweep.optimize(Counted(), SPACE, trials=2, storage=url, direction="minimize")
