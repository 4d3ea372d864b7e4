"""A trial that is interrupted and resumed has exactly the results of one that is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from interrupting import AfterSteps, Reports, deterministic, every_run, one_run
from safetensors import safe_open
from tiers import first

from objectives.binding.objective import BindingObjective
from objectives.lora.training.checkpoint import FILE
from objectives.lora.training.lane import Lane
from objectives.lora.training.progress import TrialProgress
from objectives.metrics.scores import BinaryScores
from sweep.study.trial import TrialParams, TrialResult, TrialState

Make = Callable[..., BindingObjective]
STEPS = 7
SETTINGS: dict[str, Any] = {
    "steps": STEPS,
    "dropout": 0.3,
    "weight_decay": 0.5,
    "warmup": 0.3,
    "schedule": "cosine",
    "learning_rate": 2e-2,
    "class_weight": "balanced",
    "max_grad_norm": 0.5,
    "evaluate_every": 0.4,  # after steps 3, 6 and 7
}
VALUES = {
    "adapted": {"rank": 4, "alpha": 8, "targets": "qkv+mlp"},
    "rslora": {"rank": 3, "scaling": 0.5, "targets": "all-linear", "rslora": True},
    "bfloat16": {"rank": 2, "targets": "query", "schedule": "linear"},
    "head": {"rank": 0, "targets": "none"},
}
Whole = tuple[BindingObjective, TrialParams, TrialResult, Reports]


@pytest.fixture(scope="module", params=first(2, ["adapted", "head", "rslora", "bfloat16"]))
def whole(
    request: pytest.FixtureRequest, make_objective: Make, tmp_path_factory: pytest.TempPathFactory
) -> Whole:
    """An uninterrupted trial, and its reports."""
    torch.set_num_threads(1)
    dtype = "bfloat16" if request.param == "bfloat16" else "auto"
    objective = make_objective(**SETTINGS, compute_dtype=dtype)
    folder = str(tmp_path_factory.mktemp("whole"))
    params = TrialParams(0, VALUES[request.param], seed=11, final_test=True, folder=folder)
    reports = Reports()
    result = one_run(objective, params, reports=reports)
    assert result.failure is None, result.failure
    assert [step for step, *_ in reports.curve] == [3, 6, 7]
    return objective, params, result, reports


def contents(folder: str | Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Metadata and bytes of a checkpoint's tensors, without times."""
    with safe_open(Path(folder) / FILE, framework="pt") as file:
        tensors = {n: t.reshape(-1).view(torch.uint8) for n, t in file.get_tensors().items()}
        tree = json.loads(file.metadata()["lorasweep"])
    del tree["seconds"], tree["peak_memory_bytes"], tree["training"]["seconds"]
    for point in tree["points"]:
        del point["seconds"]
    return tree, {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def assert_same(first: TrialResult, second: TrialResult) -> None:
    """Bit for bit, except times and process."""
    assert first.state is second.state
    assert first.value == second.value
    assert deterministic(first) == deterministic(second)
    assert list(first.metrics) == list(second.metrics)
    assert first.details == second.details


@pytest.mark.parametrize(
    "left_after",
    [
        3,
        *(pytest.param(step, marks=pytest.mark.integration) for step in (2, STEPS)),
        *(pytest.param(step, marks=pytest.mark.slow) for step in (1, 4, 5, 6)),
    ],
)
def test_stopping_after_any_step_changes_nothing(
    whole: Whole, tmp_path: Path, left_after: int
) -> None:
    """Metrics, curve, every weight, moment, loss and rate equal those of the uninterrupted run."""
    objective, params, result, reports = whole
    params = replace(params, folder=str(tmp_path))
    left = one_run(objective, params, left_after)
    again = Reports()
    resumed = one_run(objective, params, reports=again)

    assert left.failure is not None
    assert (left.failure.reason, left.state) == ("interrupted", TrialState.FAIL)
    assert f"after step {left_after} of {STEPS}" in left.failure.message
    assert_same(result, resumed)
    assert reports.curve == again.curve
    assert contents(tmp_path) == contents(whole[1].folder)


@pytest.mark.parametrize(
    "steps", [2, *(pytest.param(steps, marks=pytest.mark.integration) for steps in (1, 3))]
)
def test_a_chain_of_interruptions_changes_nothing(whole: Whole, tmp_path: Path, steps: int) -> None:
    """For any number of interruptions; no step is made twice."""
    objective, params, result, reports = whole
    again = Reports()
    resumed, runs = every_run(objective, replace(params, folder=str(tmp_path)), steps, again)

    assert runs == STEPS // steps + 1
    assert_same(result, resumed)
    assert reports.curve == again.curve
    assert contents(tmp_path) == contents(whole[1].folder)


def test_checkpointing_changes_no_metric(whole: Whole) -> None:
    """A trial with a folder has the results of one without."""
    objective, params, result, _ = whole

    assert_same(result, one_run(objective, replace(params, folder="")))


def test_another_process_resumes_to_the_same_results(
    whole: Whole, make_objective: Make, tmp_path: Path
) -> None:
    """With a base loaded again, and a different global random state."""
    objective, params, result, _ = whole
    params = replace(params, folder=str(tmp_path))
    one_run(objective, params, 4)
    torch.manual_seed(123)
    torch.rand(7)
    dtype = result.details["compute_dtype"]
    fresh = make_objective(**SETTINGS, compute_dtype=dtype if dtype == "bfloat16" else "auto")

    assert_same(result, one_run(fresh, params))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps made from now on."""
    made: list[int] = []
    plain = Lane.update

    def update(lane: Lane, loss: torch.Tensor) -> None:
        plain(lane, loss)
        made.append(lane.steps)

    monkeypatch.setattr(Lane, "update", update)
    return made


class Killed(BaseException):
    """Not caught by ``except Exception``, like a kill."""


def killed(*_: object) -> None:
    """Replaces a method by one in which the process is killed."""
    raise Killed


@pytest.mark.parametrize(
    ("kind", "method", "redone"),
    [
        (TrialProgress, "_tell", [4, 5, 6, 7]),
        (BinaryScores, "score_train_side", []),
        (BinaryScores, "score_test", []),
    ],
)
def test_a_kill_loses_at_most_one_interval(
    make_objective: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    method: str,
    redone: list[int],
) -> None:
    """During the report of the first evaluation, or during the scoring after the last step."""
    objective = make_objective(**SETTINGS)
    plain = TrialParams(0, VALUES["adapted"], seed=3, final_test=True)
    params = replace(plain, folder=str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(kind, method, killed)
        with pytest.raises(Killed):
            one_run(objective, params)
    made = counted(monkeypatch)
    resumed = one_run(objective, params)

    assert made == redone
    assert_same(one_run(objective, plain), resumed)


def test_a_trial_stopped_before_its_first_evaluation_has_no_reports(
    make_objective: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps are kept nevertheless."""
    objective = make_objective(**SETTINGS)
    params = TrialParams(0, VALUES["adapted"], folder=str(tmp_path))
    reports = Reports()
    one_run(objective, params, 2, reports)
    made = counted(monkeypatch)
    one_run(objective, params)

    assert reports.curve == []
    assert made == [3, 4, 5, 6, 7]


def test_a_trial_without_a_folder_stops_and_starts_anew(
    make_objective: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its failure message says that no checkpoint is kept."""
    objective = make_objective(**SETTINGS)
    params = TrialParams(0, VALUES["adapted"])
    left = one_run(objective, params, 2)
    made = counted(monkeypatch)
    one_run(objective, params)

    assert left.failure is not None
    assert left.failure.message == "left when asked to, after step 2 of 7; it kept no checkpoint"
    assert left.failure.traceback == ""
    assert made == list(range(1, STEPS + 1))


def test_a_stopped_pack_resumes_to_the_same_results(make_objective: Make, tmp_path: Path) -> None:
    """Each lane with its own checkpoint, in a pack again or alone."""
    objective = make_objective(**SETTINGS)
    plain = [TrialParams(0, VALUES[name], seed=4) for name in ("adapted", "rslora", "head")]
    folders = [tmp_path / str(n) for n in range(3)]
    pack = [
        replace(params, number=n, folder=str(folder))
        for n, (params, folder) in enumerate(zip(plain, folders, strict=True))
    ]
    left = objective.run(pack, lambda *_: False, AfterSteps(2))
    steps = [contents(folder)[0]["training"]["step"] for folder in folders]
    resumed = [*objective.run(pack[:2], lambda *_: False)]
    resumed.append(one_run(objective, replace(pack[2], number=0)))

    assert [r.failure is not None and r.failure.interrupted for r in left] == [True] * 3
    assert sorted(r.number for r in left) == [0, 1, 2]
    assert steps == [2, 2, 2]
    for params, result in zip(plain, sorted(resumed[:2], key=lambda r: r.number), strict=False):
        assert_same(one_run(objective, params), result)
    assert_same(one_run(objective, plain[2]), resumed[2])


def test_a_pack_stopped_before_its_start_does_not_start(
    make_objective: Make, tmp_path: Path
) -> None:
    """It stops without loading the base."""
    objective = make_objective(**SETTINGS)
    pack = [TrialParams(n, VALUES["head"], folder=str(tmp_path / str(n))) for n in range(3)]
    results = objective.run(pack, lambda *_: False, lambda: True)

    assert [(r.number, r.failure is not None and r.failure.interrupted) for r in results] == [
        (0, True), (1, True), (2, True),
    ]  # fmt: skip
    assert {r.failure.message for r in results if r.failure} == {
        "left when asked to, before its start"
    }
    assert list(tmp_path.iterdir()) == []
    assert objective._inputs._models == {}


@pytest.mark.parametrize("stop_at", [3, 6])
def test_pruning_at_a_repeated_report_works_as_usual(
    make_objective: Make, tmp_path: Path, stop_at: int
) -> None:
    """The metrics are those of the repeated report, not of the later checkpoint."""
    objective = make_objective(**SETTINGS)
    plain = TrialParams(0, VALUES["adapted"], seed=5)
    params = replace(plain, folder=str(tmp_path))
    one_run(objective, params, STEPS)
    again, reports = Reports(stop_at), Reports(stop_at)
    pruned = one_run(objective, params, reports=again)

    assert pruned.state is TrialState.PRUNED
    assert_same(one_run(objective, plain, reports=reports), pruned)
    assert again.curve == reports.curve


def test_pruning_at_a_repeated_report_after_the_last_step_is_too_late(
    make_objective: Make, tmp_path: Path
) -> None:
    """As in an uninterrupted run."""
    objective = make_objective(**SETTINGS)
    params = TrialParams(0, VALUES["adapted"], seed=5, folder=str(tmp_path))
    one_run(objective, params)

    assert one_run(objective, params, reports=Reports(STEPS)).state is TrialState.COMPLETE


def test_time_and_memory_cover_all_runs(
    make_objective: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result's own seconds are those of the last run."""
    objective = make_objective(**SETTINGS)
    params = TrialParams(0, VALUES["adapted"], folder=str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("objectives.lora.training.progress.peak_memory_bytes", lambda _: 1 << 60)
        one_run(objective, params, STEPS)
    seconds = json.loads(_metadata(tmp_path)["lorasweep"])["training"]["seconds"]
    resumed = one_run(objective, params)
    tokens = resumed.metrics["tokens_per_second"] * seconds

    assert tokens == pytest.approx(round(tokens))  # all steps were made in the first run
    assert resumed.metrics["peak_memory_bytes"] == 1 << 60
    assert resumed.metrics["seconds"] > resumed.seconds


def _metadata(folder: Path) -> dict[str, str]:
    with safe_open(folder / FILE, framework="pt") as file:
        return dict(file.metadata())


@pytest.mark.parametrize(
    ("setting", "ways"),
    [("base_weights", ("nf4", "nf4-dequantised")), ("gradient_checkpointing", (True, False))],
)
def test_a_checkpoint_resumes_with_more_memory(
    make_objective: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    ways: tuple[Any, Any],
) -> None:
    """On another machine; the results are the same."""
    four_bit, dense = (make_objective(**SETTINGS, **{setting: way}) for way in ways)
    plain = TrialParams(0, VALUES["adapted"], seed=6)
    params = replace(plain, folder=str(tmp_path))
    one_run(four_bit, params, 4)
    with monkeypatch.context() as patch:
        made = counted(patch)
        resumed = one_run(dense, params)
    whole = one_run(four_bit, plain)

    assert made == [5, 6, 7]
    assert deterministic(resumed) == deterministic(whole)
    assert (whole.details[setting], resumed.details[setting]) == ways


@pytest.mark.integration
@pytest.mark.parametrize("base", ["esm2-mini", "esm2_t6_8m"])
def test_a_real_base_resumes_to_the_same_results(
    request: pytest.FixtureRequest, make_objective: Make, tmp_path: Path, base: str
) -> None:
    """The embedded base and ESM-2 8M, on the tiny data."""
    if base == "esm2-mini":
        place = f"builtin:{base}"
    else:
        place = str(request.getfixturevalue("shared") / "models" / base)
    objective = make_objective({"base": place}, **{**SETTINGS, "steps": 4})
    plain = TrialParams(0, VALUES["adapted"], seed=2)
    resumed, runs = every_run(objective, replace(plain, folder=str(tmp_path)), 1)

    assert runs == 5
    assert_same(one_run(objective, plain), resumed)
