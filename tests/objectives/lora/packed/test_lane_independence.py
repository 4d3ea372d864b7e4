"""A trial's bits do not depend on the other trials of its pack, nor on how they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from interrupting import AfterSteps, deterministic
from packed_runs import Curve, Watch, checkpoint_bits, run_pack
from tiers import first

from objectives.binding.objective import BindingObjective
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.lane import Lane
from sweep.study.trial import TrialParams, TrialResult, TrialState

Make = Callable[..., BindingObjective]
STEPS = 4
SETTINGS: dict[str, Any] = {"steps": STEPS, "evaluate_every": 0.5, "train_metric_chains": 4}
ALL = {"targets": "all-linear", "rank": 5, "alpha": 10}
KINDS: dict[str, dict[str, Any]] = {
    "merged": ALL,
    "unmerged": {**ALL, "batch_tokens": 8},
    "dropout": {**ALL, "dropout": 0.3},
    "upper layer": {"targets": "encoder.layer.1.output.dense", "rank": 2},
    "head": {"targets": "none", "rank": 0},
    "no quantisation": {**ALL, "quantization": "none"},
    "shifted labels": {**ALL, "label_shift": 1},
}
QUICK = ("merged", "unmerged", "dropout", "head")
NEIGHBOURS: tuple[dict[str, Any], ...] = (
    {"targets": "query+value", "rank": 32, "learning_rate": 1e-2},
    {"targets": "mlp", "rank": 1, "dropout": 0.5, "class_weight": 9},
    {"targets": "all-linear", "rank": 9, "quantization": "none"},
    {"targets": "none", "rank": 0},
    {"targets": "encoder.layer.1.intermediate.dense", "rank": 3, "steps": 3},
)
"""A neighbour of another rank, target set, frozen prefix and length."""


@dataclass
class Refills:
    """A refill callback: records results in order, and gives the waiting trials."""

    waiting: list[TrialParams] = field(default_factory=list)
    results: list[TrialResult] = field(default_factory=list)

    def __call__(self, result: TrialResult) -> TrialParams | None:
        """Record a result and return the next trial."""
        self.results.append(result)
        return self.waiting.pop(0) if self.waiting else None

    @property
    def numbers(self) -> list[int]:
        """The trial numbers of the results."""
        return [result.number for result in self.results]

    def of(self, number: int) -> TrialResult:
        """A trial's only result."""
        (found,) = (result for result in self.results if result.number == number)
        return found


def trial(number: int, values: Mapping[str, Any], folder: Path | str = "") -> TrialParams:
    """A trial whose seed is its number."""
    return TrialParams(
        number, values, seed=number, folder=str(folder / str(number)) if folder else ""
    )


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.integration) for kind in KINDS],
)
def test_a_lane_has_the_same_bits_alone_and_at_any_position_of_any_pack(
    tiny_inputs: Inputs, kind: str
) -> None:
    """Losses, reported metrics and weights."""
    fixed = BindingSettings(device="cpu", batch_tokens=256, **SETTINGS)
    budget = KINDS[kind].get("batch_tokens", 256)
    us = TrialParams(0, KINDS[kind], seed=7)
    others = [
        TrialParams(n, {**values, "batch_tokens": budget}, seed=n)
        for n, values in enumerate(NEIGHBOURS, 1)
    ]
    alone = run_pack(tiny_inputs, fixed, [us])[0]
    packs = [[us, others[1]], [*others[2:], others[1], us, others[0]]]

    assert alone.result is not None
    assert alone.result.state is TrialState.COMPLETE
    assert len(alone.losses) == STEPS
    for pack in packs:
        runs = run_pack(tiny_inputs, fixed, pack)
        assert runs[0].bits == alone.bits
        assert deterministic(runs[0].result) == deterministic(alone.result)
        assert runs[0].result.details == alone.result.details
        assert all(run.result.value is not None for run in runs.values())


def test_half_precision_has_the_same_bits_in_any_pack(tiny_inputs: Inputs) -> None:
    """On a CPU, which multiplies lanes one by one."""
    fixed = BindingSettings(
        device="cpu", batch_tokens=256, compute_dtype="bfloat16", **{**SETTINGS, "steps": 3}
    )
    pack = [TrialParams(n, values, seed=n) for n, values in enumerate((ALL, *NEIGHBOURS[:2]))]
    together = run_pack(tiny_inputs, fixed, pack[::-1])

    for params in pack:
        assert (
            run_pack(tiny_inputs, fixed, [params])[params.number].bits
            == together[params.number].bits
        )


LASTING = {
    0: {**ALL, "rank": 2, "dropout": 0.0},
    1: {**ALL, "rank": 3, "dropout": 0.1},
    3: ALL,
}
"""Trials that train to their end beside one that does not; the last waits for its place."""


@dataclass(frozen=True)
class Alone:
    """What a trial of a pack of one gave: its result, its curve, the bits of its checkpoint."""

    result: TrialResult
    curve: Curve
    bits: tuple[dict[str, Any], dict[str, bytes]]


@pytest.fixture(scope="module")
def alone(make_objective: Make, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Alone]:
    """Each lasting trial in a pack of one, by number."""
    torch.set_num_threads(1)
    folder, objective = tmp_path_factory.mktemp("alone"), make_objective(**SETTINGS)
    made: dict[int, Alone] = {}
    for number, values in LASTING.items():
        params, watch = trial(number, values, folder), Watch()
        (result,) = objective.run([params], watch)
        made[number] = Alone(result, watch.curves[number], checkpoint_bits(params.folder))
    return made


@pytest.mark.parametrize(
    "place", [0, *(pytest.param(place, marks=pytest.mark.integration) for place in (1, 2))]
)
@pytest.mark.parametrize("fate", ["pruned", "shorter", "nan", "bad value", "replaced"])
def test_lanes_keep_their_bits_however_another_ends(
    make_objective: Make, alone: dict[int, Alone], tmp_path: Path, fate: str, place: int
) -> None:
    """It may be pruned, finish, fail or be replaced by another."""
    objective = make_objective(**SETTINGS)
    fates = {
        "pruned": {},
        "shorter": {"steps": 2},
        "nan": {"learning_rate": 1e30, "warmup": 0.0},
        "bad value": {"rank": -1},
        "replaced": {"steps": 2},
    }
    *us, spare = (trial(number, values, tmp_path) for number, values in LASTING.items())
    them = trial(2, {**ALL, **fates[fate]}, tmp_path)
    pack = [*us[:place], them, *us[place:]]
    refills = Refills([spare] if fate == "replaced" else [])
    watch = Watch({2: 2} if fate == "pruned" else {})
    assert objective.run(pack, watch, refill=refills) == []

    ended = {"pruned": TrialState.PRUNED, "nan": TrialState.FAIL, "bad value": TrialState.FAIL}
    assert sorted(refills.numbers) == list(range(3 + (fate == "replaced")))
    assert refills.numbers[0] == 2
    assert refills.of(2).state is ended.get(fate, TrialState.COMPLETE)
    for params in [*us, spare][: 2 + (fate == "replaced")]:
        number, wanted = params.number, alone[params.number]
        assert deterministic(refills.of(number)) == deterministic(wanted.result)
        assert refills.of(number).value == wanted.result.value is not None
        assert watch.curves[number] == wanted.curve
        assert checkpoint_bits(params.folder) == wanted.bits


def test_a_lane_with_a_nan_fails_at_that_step(make_objective: Make) -> None:
    """At the first loss that is not finite, as in a pack of one."""
    objective = make_objective(**SETTINGS)
    wild = trial(1, {**ALL, "learning_rate": 1e30, "warmup": 0.0})
    refills = Refills()
    objective.run([trial(0, ALL), wild], Watch(), refill=refills)
    (alone,) = objective.run([wild], Watch())

    assert refills.of(1).failure is not None
    assert alone.failure is not None
    assert refills.of(1).failure.reason == alone.failure.reason == "nan"
    assert refills.of(1).failure.message == alone.failure.message
    assert "step 2" in alone.failure.message


def test_a_waiting_trial_replaces_another_at_once(
    make_objective: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes its first step in the next batch, while the others make their third."""
    passes: list[list[tuple[int, int]]] = []
    plain = PackedModel.logits

    def logits(model: PackedModel, shares: Sequence[Any], *, skip: int = 0) -> Any:
        if shares[0].step:
            passes.append([(share.lane.seed, share.step) for share in shares])
        return plain(model, shares, skip=skip)

    monkeypatch.setattr(PackedModel, "logits", logits)
    steps = {0: 6, 1: 2, 2: 4, 5: 6, 6: 2}
    trials = [trial(n, {**ALL, "steps": count}) for n, count in steps.items()]
    pack, refills = trials[:3], Refills(trials[3:])
    make_objective(**SETTINGS).run(pack, Watch(), refill=refills)

    assert passes[:3] == [
        [(0, 1), (1, 1), (2, 1)],
        [(0, 2), (1, 2), (2, 2)],
        [(0, 3), (2, 3), (5, 1)],
    ]
    assert passes[4] == [(0, 5), (5, 3), (6, 1)]
    assert refills.numbers == [1, 2, 0, 6, 5]
    assert [refills.of(n).metrics["steps"] for n in steps] == list(steps.values())


def test_trials_that_cannot_start_are_replaced_by_the_next(make_objective: Make) -> None:
    """One after the other, each with its fault, until one can start."""
    refills = Refills([trial(1, {"rank": -1}), trial(2, {"no": 1}), trial(3, {**ALL, "steps": 1})])
    objective = make_objective(**SETTINGS)

    assert objective.run([trial(0, {"dropout": 2.0})], Watch(), refill=refills) == []
    assert refills.numbers == [0, 1, 2, 3]
    assert [r.failure is None for r in refills.results] == [False, False, False, True]


@dataclass(frozen=True)
class Unbroken:
    """A pack that trained to its end: its trials, their results and curves."""

    pack: list[TrialParams]
    results: list[TrialResult]
    curves: Mapping[int, Curve]


@pytest.fixture(scope="module")
def unbroken(make_objective: Make, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """Four kinds of trials that did not stop early."""
    torch.set_num_threads(1)
    folder, watch = tmp_path_factory.mktemp("whole"), Watch()
    kinds = [KINDS["dropout"], {**ALL, "rank": 2}, KINDS["head"], KINDS["unmerged"]]
    pack = [trial(n, values, folder) for n, values in enumerate(kinds)]
    return Unbroken(pack, list(make_objective(**SETTINGS).run(pack, watch)), watch.curves)


@pytest.mark.parametrize("regroup", ["alone", "another pack"])
@pytest.mark.parametrize("after", first(1, [3, 2]))
def test_lanes_that_stopped_early_resume_to_the_same_bits(
    make_objective: Make, unbroken: Unbroken, tmp_path: Path, after: int, regroup: str
) -> None:
    """Each from its own checkpoint, alone or with others."""
    objective = make_objective(**SETTINGS)
    parted = [replace(p, folder=str(tmp_path / str(p.number))) for p in unbroken.pack]
    again = Watch()
    left = objective.run(parted, Watch(), AfterSteps(after))
    stranger = trial(9, NEIGHBOURS[0])
    packs = [[p] for p in parted] if regroup == "alone" else [[stranger, *parted[::-1]]]
    resumed = [result for pack in packs for result in objective.run(pack, again)]

    assert [result.failure.reason for result in left if result.failure] == ["interrupted"] * 4
    expected = f"after step {after} of {STEPS}; its checkpoint is kept"
    assert all(expected in result.failure.message for result in left)
    for params, other in zip(unbroken.pack, parted, strict=True):
        assert checkpoint_bits(params.folder) == checkpoint_bits(other.folder)
        assert unbroken.curves[params.number] == again.curves[params.number]
        (one,) = (r for r in unbroken.results if r.number == params.number)
        (two,) = (r for r in resumed if r.number == params.number)
        assert deterministic(one) == deterministic(two)


@pytest.fixture
def steps_made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list with one entry per step of each lane from now on."""
    made: list[int] = []
    plain = Lane.update

    def update(lane: Lane, loss: Any) -> None:
        plain(lane, loss)
        made.append(lane.adapters.seed)

    monkeypatch.setattr(Lane, "update", update)
    return made


def test_identical_trials_are_trained_once_and_both_keep_their_adapters(
    make_objective: Make, tmp_path: Path, steps_made: list[int]
) -> None:
    """The second's result names the first; another seed is another trial."""
    objective = make_objective(**SETTINGS)
    rows = [(0, ALL), (1, {**ALL, "scaling": 2.0}), (2, ALL)]  # alpha 10 is scaling 2 at rank 5
    del rows[1][1]["alpha"]
    pack = [
        TrialParams(n, v, seed=n // 2, folder=str(tmp_path / str(n)), keep=True) for n, v in rows
    ]
    watch = Watch()
    results = {result.number: result for result in objective.run(pack, watch)}

    assert sorted(steps_made) == [0] * STEPS + [1] * STEPS
    assert results[1].details["same_as"] == 0
    assert "same_as" not in results[0].details
    assert "same_as" not in results[2].details
    assert results[1].value == results[0].value
    assert watch.curves[1] == watch.curves[0]
    assert watch.curves[2] != watch.curves[0]
    kept = [(tmp_path / str(n) / "adapter" / "adapter_model.safetensors") for n in range(3)]
    assert kept[0].read_bytes() == kept[1].read_bytes()
    assert kept[0].read_bytes() != kept[2].read_bytes()


def test_an_identical_refill_waits_for_the_running_trial(
    make_objective: Make, steps_made: list[int]
) -> None:
    """It gets the result of the trial that is half done."""
    refills = Refills([TrialParams(2, ALL, seed=0)])
    pack = [TrialParams(0, ALL, seed=0), TrialParams(1, {**ALL, "steps": 2}, seed=1)]
    make_objective(**SETTINGS).run(pack, Watch(), refill=refills)

    assert refills.numbers == [1, 0, 2]
    assert refills.of(2).details["same_as"] == 0
    assert steps_made.count(0) == STEPS


def test_identical_trials_share_a_failure_and_an_early_stop(
    make_objective: Make, tmp_path: Path
) -> None:
    """Each has its own result."""
    objective = make_objective(**SETTINGS)
    wild = {**ALL, "learning_rate": 1e30, "warmup": 0.0}
    failed = objective.run([TrialParams(n, wild) for n in range(2)], Watch())
    pack = [TrialParams(n, ALL, folder=str(tmp_path / str(n))) for n in range(2)]
    left = objective.run(pack, Watch(), AfterSteps(2))

    assert [(r.number, r.failure.reason) for r in failed] == [(0, "nan"), (1, "nan")]
    assert [(r.number, r.failure.reason) for r in left] == [(0, "interrupted"), (1, "interrupted")]
