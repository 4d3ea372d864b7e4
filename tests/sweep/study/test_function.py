"""A function as an objective: its name, its results, and what is refused."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from sweep import Budget, Float, FunctionObjective, Metric, Space, StudySpec
from sweep.errors import SpecError
from sweep.study.function import FUNCTION, Function, FunctionRuns, FunctionTrial
from sweep.study.loading import load_objective
from sweep.study.trial import TrialParams, TrialResult, TrialState, ignore_reports, stay

HERE = __name__
LINE = Space({"x": Float(0, 1)})
Tell = Callable[..., None]


def accuracy(params: FunctionTrial, report: Tell) -> float:
    """A function at the top level of a module."""
    report(1, 0.5, loss=2.0)
    return float(params["x"] * params["slope"])


def runs(function: Function, metric: str | Metric = "value", **settings: object) -> FunctionRuns:
    """The objective of a function."""
    objective = FunctionObjective(function, metric)
    return FunctionRuns(function, {**settings, **objective.settings()}, {})


def one(function: Function, metric: str = "value", **how: Any) -> TrialResult:
    """The result of one trial."""
    report, leave = how.pop("report", ignore_reports), how.pop("leave", stay)
    params = TrialParams(0, {"x": 0.25}, seed=7, **how)
    (result,) = runs(function, metric, slope=2).run([params], report, leave)
    return result


def test_a_spec_stores_the_function_s_name_and_what_it_measures() -> None:
    """And is read back with them, to an objective that measures it."""
    metric = Metric("accuracy", "top-1 accuracy", "%", higher_is_better=True, interval=(0, 100))
    spec = StudySpec(
        name="own",
        objective=FunctionObjective(accuracy, metric),
        space=LINE,
        settings={"slope": 3},
        budget=Budget(trials=2),
    )
    again = StudySpec.from_json(spec.to_json())
    loaded = load_objective("math:hypot", again.settings, again.inputs)

    assert (type(spec.objective), spec.objective) == (str, f"{HERE}:accuracy")
    assert spec.settings["slope"] == 3
    assert (again, again.digest()) == (spec, spec.digest())
    assert loaded.facts().metrics == (metric,)
    assert loaded.check(LINE, [])["value"] == "top-1 accuracy"


@pytest.mark.parametrize(
    ("given", "metric", "value", "metrics"),
    [
        (0.5, "value", 0.5, {}),
        (1, "top_one", 1, {"top_one": 1}),
        (np.float32(0.5), "value", 0.5, {}),
        ({"value": 0.5, "loss": np.int64(2)}, "value", 0.5, {"loss": 2}),
        ({"value": 0.5, "loss": 2}, "accuracy", 0.5, {"accuracy": 0.5, "loss": 2}),
        ({"accuracy": 0.5, "loss": 2}, "accuracy", 0.5, {"accuracy": 0.5, "loss": 2}),
        ({"accuracy": 0.5, "value": 0.5}, "accuracy", 0.5, {"accuracy": 0.5}),
    ],
)
def test_a_number_or_a_dict_is_a_result(
    given: object, metric: str, value: float, metrics: Mapping[str, object]
) -> None:
    """With the value under the metric's name beside the others, in plain types."""
    result = one(lambda *_: given, metric)

    assert (result.state, result.value) == (TrialState.COMPLETE, value)
    assert (dict(result.metrics), type(result.value)) == (metrics, type(value))
    assert result.seconds > 0


@pytest.mark.parametrize(
    "given", [None, True, "0.5", [0.5], (0.5, {}), {}, {"loss": 1}, {"value": "high"}]
)
def test_anything_else_fails_its_trial(given: object) -> None:
    """With what it must return, and what it did."""
    result = one(lambda *_: given)

    assert result.failure is not None
    rule = "<lambda> must return a number, or a dict with 'value' and metrics, got"
    assert result.failure.message == f"{rule} {given!r}."


def test_a_final_test_needs_a_metric_of_the_test_split() -> None:
    """Or it would be recorded without a number."""
    tested = one(
        lambda params, _: {"value": 1, "test_loss": int(params.final_test)}, final_test=True
    )
    untested = one(lambda *_: {"value": 1}, final_test=True)

    assert tested.metrics == {"test_loss": 1}
    assert untested.failure is not None
    assert "must return metrics called test_NAME" in untested.failure.message


def test_two_different_values_fail_their_trial() -> None:
    """Which of them is meant is unknown."""
    result = one(lambda *_: {"value": 1, "accuracy": 2}, "accuracy")

    assert result.failure is not None
    assert "must return one number as 'value' and 'accuracy'" in result.failure.message


def test_a_function_gets_values_settings_seed_and_folder(tmp_path: Path) -> None:
    """As a mapping; the folder exists."""
    seen: list[FunctionTrial] = []

    def keep(params: FunctionTrial, report: Tell) -> float:
        del report
        seen.append(params)
        (params.folder / "state").touch()
        return math.fsum(float(value) for value in params.values())

    result = one(keep, folder=str(tmp_path / "a" / "b"), replicate=2)

    assert result.value == 2.25
    assert {**seen[0]} == {"x": 0.25, "slope": 2}
    assert (seen[0].number, seen[0].seed, seen[0].replicate, len(seen[0])) == (0, 7, 2, 2)
    assert (tmp_path / "a" / "b" / "state").exists()


def test_a_folder_in_an_object_store_is_refused() -> None:
    """Before anything is written to a folder called 's3:'."""
    result = one(lambda params, _: params.folder, folder="s3://bucket/trial")

    assert result.failure is not None
    assert result.failure.message.startswith("params.folder must be on this machine, got 's3://")


def careless(params: FunctionTrial, report: Tell) -> float:
    """Reports five steps, whatever happens."""
    for step in range(1, 6):
        with contextlib.suppress(BaseException):
            report(step, float(step), loss=1 / step)
    return float(params["x"])


def plain(params: FunctionTrial, report: Tell) -> float:
    """Reports five steps."""
    for step in range(1, 6):
        report(step, float(step), loss=1 / step)
    return float(params["x"])


@pytest.mark.parametrize("function", [plain, careless])
def test_a_report_ends_a_trial_that_is_pruned_or_left(function: Function) -> None:
    """A value after that does not count, since it may be one of fewer steps."""
    curve: list[tuple[int, float, Mapping[str, float]]] = []

    def until_three(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        assert number == 0
        curve.append((step, value, metrics))
        return step == 3

    pruned = one(function, report=until_three)
    asked = iter([False, False, True, True, True, True])
    left = one(function, leave=lambda: next(asked))

    assert (pruned.state, pruned.value) == (TrialState.PRUNED, None)
    assert curve[:3] == [(n, float(n), {"loss": 1 / n}) for n in (1, 2, 3)]
    assert left.failure is not None
    assert left.failure.interrupted
    assert left.failure.message == "left when asked to, after step 2"


def test_no_trial_begins_once_the_run_is_to_end() -> None:
    """A function that reports nothing cannot be ended."""
    result = one(lambda *_: pytest.fail("it was called"), leave=lambda: True)

    assert result.failure is not None
    assert result.failure.interrupted


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (optuna.TrialPruned(), TrialState.PRUNED, None),
        (ValueError("no"), TrialState.FAIL, "exception"),
        (MemoryError(), TrialState.FAIL, "out_of_memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})(), TrialState.FAIL, "out_of_memory"),
    ],
)
def test_an_exception_is_the_result_of_its_trial(
    error: Exception, state: TrialState, reason: str | None
) -> None:
    """Optuna's for pruning prunes it."""

    def fail(*_: object) -> float:
        raise error

    result = one(fail)

    assert result.state == state
    assert (result.failure and result.failure.reason) == reason


def test_the_trials_of_a_pack_follow_each_other() -> None:
    """Each result is passed on before the next trial begins."""
    refilled: list[int] = []

    def refill(result: TrialResult) -> TrialParams | None:
        refilled.append(result.number)
        return TrialParams(9, {"x": 0.5}) if result.number == 0 else None

    pack = [TrialParams(0, {"x": 0.1}), TrialParams(1, {"x": 0.2})]
    objective = runs(plain)

    assert objective.run(pack, ignore_reports, stay, refill) == []
    assert refilled == [0, 9, 1]
    assert [each.number for each in objective.run(pack, ignore_reports)] == [0, 1]


def test_a_change_of_the_source_changes_a_version() -> None:
    """Of which a resume warns; what has no source has no version."""
    assert runs(plain).facts().versions != runs(careless).facts().versions
    assert list(runs(plain).facts().versions) == ["source of plain"]
    assert runs(math.hypot).facts().versions == {}


class Method:
    """A function that is no module's own."""

    def accuracy(self, params: FunctionTrial, report: Tell) -> float:
        """A method."""
        return accuracy(params, report)


def local() -> Function:
    """A function in a function."""

    def inner(params: FunctionTrial, report: Tell) -> float:
        return accuracy(params, report)

    return inner


def notebook() -> Function:
    """A function of a notebook's cell."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("def accuracy(params, report): return 1.0", names)  # noqa: S102 - as a notebook does
    made: Function = names["accuracy"]
    return made


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda *_: 1.0, f"{HERE}:<lambda>"),
        (local(), f"{HERE}:local.<locals>.inner"),
        (Method().accuracy, f"{HERE}:Method.accuracy"),
        (notebook(), "__main__:accuracy"),
    ],
)
def test_a_study_refuses_a_function_that_workers_cannot_import(
    function: Function, got: str
) -> None:
    """In one sentence with the way out."""
    with pytest.raises(SpecError) as caught:
        StudySpec(name="own", objective=FunctionObjective(function), space=LINE)

    (message,) = caught.value.faults
    assert message == (
        "objective must be a function at the top level of a module, for worker processes to "
        f"import, got {got!r}. Write it with def in a study file for lorasweep run, or call "
        "sweep.optimize, which runs it in this process."
    )


@pytest.mark.parametrize(
    ("function", "metric", "rules"),
    [
        ("accuracy", "value", ["objective must be a function f(params, report)"]),
        (lambda _: 1.0, "value", ["objective must be a function f(params, report)"]),
        (FunctionTrial, "value", ["objective must be a function f(params, report)"]),
        (accuracy, "", ["metric must be a name"]),
        (accuracy, 3, ["metric must be a name"]),
        (accuracy, Metric("accuracy", "accuracy", 5), ["facts.metrics[0].unit must be of type"]),
        (None, None, ["objective must be a function", "metric must be a name"]),
    ],
)
def test_no_function_or_metric_is_refused(function: Any, metric: Any, rules: list[str]) -> None:
    """With all faults at once."""
    with pytest.raises(SpecError) as caught:
        FunctionObjective(function, metric)

    assert len(caught.value.faults) == len(rules)
    assert all(rule in text for rule, text in zip(rules, caught.value.faults, strict=True))


@pytest.mark.parametrize(
    ("dotted", "settings", "inputs", "message"),
    [
        ("math:hypot", {}, {"data": "chains"}, "inputs must be empty for a function"),
        ("math:pi", {}, {}, "objective must be a function f(params, report), got 3.14"),
        ("math:hypot", {FUNCTION: 3}, {}, f"settings.{FUNCTION} must be the fields of a Measures"),
        ("__main__:f", {}, {}, "Go on in the script or notebook, with sweep.optimize."),
    ],
)
def test_a_stored_function_is_refused_before_anything_runs(
    dotted: str, settings: Mapping[str, object], inputs: Mapping[str, str], message: str
) -> None:
    """By whatever loads it."""
    whole = {**FunctionObjective(accuracy).settings(), **settings}
    with pytest.raises(SpecError) as caught:
        load_objective(dotted, whole, inputs)

    assert message in str(caught.value)


def test_a_parameter_of_the_setting_s_name_is_refused() -> None:
    """It would be both fixed and sampled."""
    with pytest.raises(SpecError, match="must not be fixed and sampled at once"):
        StudySpec(
            name="own",
            objective=FunctionObjective(accuracy),
            space=Space({FUNCTION: Float(0, 1)}),
        )
