"""Batched training of all lanes, as on a GPU, equals training one by one, as on a CPU."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from packed_reference import furthest, plain_run
from packed_runs import Run, run_pack
from tiers import first

from benchmarks.packed.launches import as_one_kernel, counted
from objectives.lora.base.load import Precision
from objectives.lora.packed import attention
from objectives.lora.packed import stacked_parameters as stacked_module
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.packed.stacked_parameters import StackedParameters
from objectives.lora.settings import BindingSettings
from objectives.lora.training import step as step_module
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams

FIXED = BindingSettings(
    device="cpu", compute_dtype="float32", batch_tokens=256, train_metric_chains=0,
    evaluate_every=0.5, learning_rate=1e-2, max_grad_norm=0.05,
)  # fmt: skip
VALUES: tuple[dict[str, Any], ...] = (
    {"targets": "all-linear", "rank": 5, "alpha": 10, "dropout": 0.2, "steps": 8},
    {"targets": "query+value", "rank": 32, "learning_rate": 2e-2, "steps": 12},
    {"targets": "mlp", "rank": 1, "class_weight": 9, "weight_decay": 0.5, "steps": 10},
    {"targets": "none", "rank": 0, "steps": 6, "weight_decay": 0.9},
    {"targets": "all-linear", "rank": 9, "rslora": True, "alpha": 4, "dropout": 0.5, "steps": 9},
    {"targets": "qkv", "rank": 2, "max_grad_norm": 5.0, "schedule": "constant", "steps": 7},
)
PACK = [TrialParams(number, values, seed=number) for number, values in enumerate(VALUES)]
CLOSE = {"rtol": 2e-4, "atol": 2e-5}


@pytest.fixture
def model(tiny_inputs: Inputs) -> PackedModel:
    """The model in which these packs train."""
    return tiny_inputs.model(Precision.from_settings(FIXED))


@pytest.fixture
def batched(model: PackedModel) -> Iterator[PackedModel]:
    """The same model in batched mode; checks that a stack was made."""
    with pytest.MonkeyPatch.context() as patch:
        made = Mock(wraps=StackedParameters)
        patch.setattr(stacked_module, "StackedParameters", made)
        patch.setattr(model, "batched", True)
        yield model
    assert made.called


@pytest.fixture(scope="module")
def one_by_one(tiny_inputs: Inputs) -> dict[int, Run]:
    """The lanes trained one by one."""
    return run_pack(tiny_inputs, FIXED, PACK)


def assert_alike(found: Run, wanted: Run) -> None:
    """Compare losses, evaluations and weights up to rounding."""
    assert found.losses == pytest.approx(wanted.losses, rel=1e-5)
    assert [step for step, _, _ in found.curve] == [step for step, _, _ in wanted.curve]
    for (_, one, figures), (_, other, others) in zip(found.curve, wanted.curve, strict=True):
        assert one == pytest.approx(other, abs=1e-6)
        assert figures["loss"] == pytest.approx(others["loss"], rel=1e-5)
    state, other_state = found.trial.lane.adapters.state(), wanted.trial.lane.adapters.state()
    assert list(state) == list(other_state)
    for name, weight in state.items():
        torch.testing.assert_close(weight, other_state[name], **CLOSE)


@pytest.mark.usefixtures("batched")
def test_lanes_train_batched_as_one_by_one(tiny_inputs: Inputs, one_by_one: dict[int, Run]) -> None:
    """Each with its own rank, set, rate, decay, clipping, dropout, loss and number of steps."""
    at_once = run_pack(tiny_inputs, FIXED, PACK)

    for number, wanted in one_by_one.items():
        assert_alike(at_once[number], wanted)
        assert wanted.losses[0] != pytest.approx(wanted.losses[-1], rel=1e-2)  # the loss decreased


@pytest.mark.usefixtures("batched")
def test_batched_lanes_equal_plain_loops(tiny_inputs: Inputs, tiny_folder: Path) -> None:
    """PEFT's own forward pass and PyTorch's own optimiser, for each lane separately."""
    for run in run_pack(tiny_inputs, FIXED, PACK).values():
        plain = plain_run(tiny_folder, run, masked=True)
        assert furthest(run.losses, plain.losses) < 1e-5
        assert run.result is not None
        assert run.result.value == pytest.approx(plain.validation["mcc"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_batched_lanes_over_the_real_esm2_equal_plain_loops(
    shared: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ESM-2 8M in NF4, at rates that do not amplify rounding."""
    folder = shared / "models" / "esm2_t6_8m"
    fixed = replace(FIXED, batch_tokens=128, steps=50)
    places = {"data": str(tiny_data), "base": str(folder), "cache": str(tmp_path)}
    inputs = Inputs(places, fixed, ResidueBinary)
    monkeypatch.setattr(inputs.model(Precision.from_settings(fixed)), "batched", True)
    slow = {"learning_rate": 3e-4, "steps": 50}
    pack = [replace(params, values={**params.values, **slow}) for params in PACK]

    for run in run_pack(inputs, fixed, pack).values():
        plain = plain_run(folder, run, masked=True)
        assert len(run.losses) == 50
        assert furthest(run.losses, plain.losses) < 1e-5


@pytest.mark.integration
def test_in_bfloat16_they_agree_to_its_precision(tiny_inputs: Inputs) -> None:
    """As on a GPU: products in bfloat16; parameters, gradients and optimiser in float32."""
    fixed = replace(FIXED, compute_dtype="bfloat16")
    one_by_one = run_pack(tiny_inputs, fixed, PACK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_inputs.model(Precision.from_settings(fixed)), "batched", True)
        at_once = run_pack(tiny_inputs, fixed, PACK)

    for number, wanted in one_by_one.items():
        assert at_once[number].losses == pytest.approx(wanted.losses, rel=3e-2)


def test_clipping_is_active_in_some_lanes_only(
    tiny_inputs: Inputs, one_by_one: dict[int, Run]
) -> None:
    """Otherwise the comparison would not test it."""
    loose = [replace(p, values={**p.values, "max_grad_norm": 1e6}) for p in PACK]
    without = run_pack(tiny_inputs, FIXED, loose)
    moved = [
        without[n].losses != pytest.approx(one_by_one[n].losses, rel=1e-5) for n in range(len(PACK))
    ]

    assert True in moved
    assert False in moved


@pytest.mark.usefixtures("batched")
def test_a_refill_trains_as_it_would_alone(tiny_inputs: Inputs, one_by_one: dict[int, Run]) -> None:
    """Its first step is made with others' fifth, in a new stack with other ranks."""
    waiting = list(PACK[3:])
    runs = run_pack(
        tiny_inputs, FIXED, PACK[:3], refill=lambda _: waiting.pop(0) if waiting else None
    )

    assert sorted(runs) == list(range(len(PACK)))
    for number, wanted in one_by_one.items():
        assert_alike(runs[number], wanted)


def test_a_lane_evaluated_alone_gets_the_whole_token_budget(
    tiny_inputs: Inputs, batched: PackedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU batch takes as long for one lane as for six; a step's budget is never exceeded."""
    whole, passes = batched.run, []

    def run(shares: Sequence[LaneBatch], *, skip: int = 0) -> Any:
        if not shares[0].step:
            passes.append((len(shares), sum(share.tokens for share in shares)))
        return whole(shares, skip=skip)

    monkeypatch.setattr(batched, "run", run)
    run_pack(tiny_inputs, FIXED, PACK)

    assert {lanes for lanes, _ in passes} >= {1}  # the lanes have unequal steps
    assert max(tokens for lanes, tokens in passes if lanes == 1) > 2 * FIXED.batch_tokens
    assert max(tokens for _, tokens in passes) <= len(PACK) * FIXED.batch_tokens


@pytest.mark.usefixtures("batched")
@pytest.mark.parametrize("dropout", first(1, [0.1, 0.0]))
def test_twice_the_lanes_launch_no_more_operators(
    tiny_inputs: Inputs, monkeypatch: pytest.MonkeyPatch, dropout: float
) -> None:
    """Compute operators, with attention as one kernel as on a GPU; others grow by one per lane."""
    monkeypatch.setattr(attention, "_by_stretch", as_one_kernel)
    few, many = (counted(tiny_inputs, FIXED, lanes, dropout) for lanes in (4, 8))

    assert many[1] == few[1] > 0
    assert many[0] <= few[0] + 4


@pytest.mark.usefixtures("batched")
def test_a_diverging_lane_affects_no_other(tiny_inputs: Inputs, one_by_one: dict[int, Run]) -> None:
    """Its NaNs are in the same tensor, and stay in its rows; its loss is read some steps later."""
    wild = TrialParams(9, {**VALUES[0], "learning_rate": 1e30, "steps": 40}, seed=3)
    runs = run_pack(tiny_inputs, FIXED, [PACK[0], wild, *PACK[1:]])

    result = runs[9].result
    assert result is not None
    assert result.failure is not None
    assert "the loss must be finite" in str(result.failure)
    for number, wanted in one_by_one.items():
        assert_alike(runs[number], wanted)


def test_running_out_of_memory_changes_no_lane(
    tiny_inputs: Inputs,
    one_by_one: dict[int, Run],
    batched: PackedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lanes are then trained in two halves, each with its own stack."""
    whole, stacked_sets = batched.run, set()

    def run(shares: Sequence[LaneBatch], *, skip: int = 0) -> Any:
        if len(shares) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if shares[0].step:
            stacked_sets.add(batched.stacked.of(shares[0].lane))
        return whole(shares, skip=skip)

    monkeypatch.setattr(batched, "run", run)
    runs = run_pack(tiny_inputs, FIXED, PACK)

    for number, wanted in one_by_one.items():
        assert_alike(runs[number], wanted)
    # A new stack when lanes are removed, not at every step.
    assert len(stacked_sets) < 2 * len(PACK)


@pytest.mark.integration
@pytest.mark.parametrize("first", [True, False], ids=["begun at once", "begun one by one"])
def test_a_checkpoint_resumes_in_the_other_mode(
    tiny_inputs: Inputs,
    one_by_one: dict[int, Run],
    model: PackedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    first: bool,
) -> None:
    """Including the optimiser's moments and step counts."""
    pack = [replace(params, folder=str(tmp_path / str(params.number))) for params in PACK]
    turns: list[None] = []

    def leave() -> bool:
        turns.append(None)
        return len(turns) > 5

    monkeypatch.setattr(model, "batched", first)
    left = run_pack(tiny_inputs, FIXED, pack, leave=leave)
    assert all(run.trial.lane.steps >= 4 for run in left.values())
    assert not any(run.trial.lane.done for run in left.values())
    monkeypatch.setattr(model, "batched", not first)
    runs = run_pack(tiny_inputs, FIXED, pack)

    for number, wanted in one_by_one.items():
        assert_alike(runs[number], wanted)


@pytest.mark.integration
@pytest.mark.usefixtures("batched")
def test_with_loss_scaling_each_lane_has_its_own_optimiser(
    tiny_inputs: Inputs,
    one_by_one: dict[int, Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in float16: a step with non-finite gradients is skipped for that lane only."""
    scaler = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda device, **_: scaler(device))
    monkeypatch.setattr(step_module, "StackedAdamW", None)
    runs = run_pack(tiny_inputs, FIXED, PACK)

    for number, wanted in one_by_one.items():
        assert runs[number].trial.lane.scaler.is_enabled()
        assert_alike(runs[number], wanted)


def test_padding_rows_stay_zero(tiny_inputs: Inputs, batched: PackedModel) -> None:
    """While lanes of rank 1 and 5 train beside one of rank 32, with weight decay."""
    seen: list[int] = []

    def leave() -> bool:
        stacked_sets = {
            batched.stacked.of(lane)
            for linear in batched.linears.values()
            for lane in linear._updates
        }
        for stacked in stacked_sets - {None}:
            own = torch.zeros_like(stacked.block)
            for view in stacked.views(own):
                view.fill_(1)
            assert not stacked.block[own == 0].any()
            assert stacked.block[own == 1].any()
            seen.append(int((own == 0).sum()))
        return False

    run_pack(tiny_inputs, FIXED, PACK, leave=leave)

    assert min(seen) > 0


def test_a_lanes_parameters_are_views_of_its_rows(
    tiny_inputs: Inputs, batched: PackedModel
) -> None:
    """And are its own after it was removed, whatever happens to the others."""
    seen: set[int] = set()

    def leave() -> bool:
        for adapters in {lane for linear in batched.linears.values() for lane in linear._updates}:
            stacked, named = batched.stacked.of(adapters), adapters.named()
            if stacked is None:  # before its first step
                continue
            row = stacked.lanes.index(adapters)
            for slot in stacked.slots:
                assert (slot.name in named) == (row in slot.lanes)
                if row in slot.lanes:
                    own, place = named[slot.name], slot.lanes.index(row)
                    assert torch.equal(slot.view(stacked.block)[place][: len(own)], own)
                    assert own.untyped_storage().data_ptr() == stacked.block.data_ptr()
            seen.add(adapters.seed)
        return False

    runs = run_pack(tiny_inputs, FIXED, PACK, leave=leave)

    assert seen == {0, 1, 2, 4, 5}  # lane 3 has no adapters
    assert all(batched.stacked.of(run.trial.lane.adapters) is None for run in runs.values())


def test_a_stack_is_freed_with_its_last_lane(
    tiny_inputs: Inputs, model: PackedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, not at the next garbage collection: it may hold a third of a GPU's memory."""
    alive: list[weakref.ref[StackedParameters]] = []

    class Seen(StackedParameters):
        def __init__(self, lanes: Sequence[Adapters], dtype: torch.dtype) -> None:
            super().__init__(lanes, dtype)
            alive.append(weakref.ref(self))

    most: list[int] = []

    def leave() -> bool:
        most.append(sum(ref() is not None for ref in alive))
        return False

    monkeypatch.setattr(model, "batched", True)
    monkeypatch.setattr(stacked_module, "StackedParameters", Seen)
    gc.disable()
    try:
        run_pack(tiny_inputs, FIXED, PACK, leave=leave)
        assert len(alive) >= 5  # one for each removed lane
        # The lane without adapters steps separately, as it trains no layer below the head.
        assert max(most) == 2
        assert not any(ref() for ref in alive)
    finally:
        gc.enable()


def test_unused_parameters_are_not_decayed(
    tiny_inputs: Inputs, trial_of: Callable[..., Any]
) -> None:
    """As in PyTorch, whose optimisers skip parameters without gradient."""
    with trial_of(replace(FIXED, steps=4), tiny_inputs) as trial:
        stacked = StackedParameters([trial.lane.adapters], torch.float32)
        whole = stacked.row_lanes.copy()
        del stacked.row_lanes
        first, second = stacked.slots[:2]
        for slot in stacked.slots[1:]:
            stacked.leaves[slot.name].grad = torch.ones_like(stacked.leaves[slot.name])
        gradient = stacked.gradient()

    assert not gradient[first.start : first.stop].any()
    assert gradient[second.start : second.stop].all()
    assert whole[first.start] == 1
    assert stacked.row_lanes[first.start] == 0
    assert stacked.row_lanes[second.start] == 1
