"""Agreement up to rounding of lanes and devices, also on a GPU, whose kernels depend on shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import accumulate
from typing import Any

import pytest
import torch
from packed_runs import run_pack
from torch.utils._python_dispatch import TorchDispatchMode

from objectives.lora.packed.attention import _by_stretch, _flash
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.step import step
from objectives.lora.training.trial import Trial
from sweep.study.trial import TrialParams

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]
SETTINGS: dict[str, Any] = {
    "steps": 6, "batch_tokens": 256, "learning_rate": 1e-2, "train_metric_chains": 0
}  # fmt: skip
PACK = [
    TrialParams(number, values, seed=number)
    for number, values in enumerate(
        (
            {"targets": "all-linear", "rank": 5, "alpha": 10, "dropout": 0.2},
            {"targets": "query+value", "rank": 32, "learning_rate": 2e-2},
            {"targets": "mlp", "rank": 1, "class_weight": 9},
            {"targets": "none", "rank": 0},
        )
    )
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("dtype", "apart"),
    [("float32", 1e-5), pytest.param("bfloat16", 3e-2, marks=pytest.mark.integration)],
)
def test_a_lane_trains_alike_alone_and_in_a_pack(
    tiny_inputs: Inputs, device: str, dtype: str, apart: float
) -> None:
    """Losses step by step, beside lanes with other ranks, sets and masks."""
    fixed = BindingSettings(device=device, compute_dtype=dtype, **SETTINGS)
    together = run_pack(tiny_inputs, fixed, PACK)

    for params in PACK:
        alone = run_pack(tiny_inputs, fixed, [params])[params.number]
        found = together[params.number]
        assert len(alone.losses) == SETTINGS["steps"]
        assert found.losses == pytest.approx(alone.losses, rel=apart)
        assert alone.losses[0] != pytest.approx(alone.losses[-1], rel=apart)  # the loss decreased


@GPU
@pytest.mark.parametrize("number", range(len(PACK)))
def test_a_gpu_trains_as_a_cpu_does(tiny_inputs: Inputs, number: int) -> None:
    """In float32: the same batches, start values and masks."""
    cpu, gpu = (
        run_pack(
            tiny_inputs, BindingSettings(device=device, compute_dtype="float32", **SETTINGS), PACK
        )
        for device in ("cpu", "cuda")
    )

    assert gpu[number].losses == pytest.approx(cpu[number].losses, rel=1e-4)


@GPU
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_flash_kernel_equals_attention_by_window(dtype: torch.dtype) -> None:
    """For heads as narrow as ESM-2 8M's, and windows down to one token; gradients too."""
    lengths = [1, 7, 130, 64]
    drawn = [
        torch.randn(1, 20, sum(lengths), 16, dtype=dtype, device="cuda", requires_grad=True)
        for _ in range(3)
    ]
    made = {}
    borders = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device="cuda")
    attended = _flash(drawn, 0.25, borders, max(lengths)), _by_stretch(drawn, 0.25, lengths)
    for name, mixed in zip(("flash", "by stretch"), attended, strict=True):
        gradients = torch.autograd.grad(mixed.float().square().sum(), drawn)
        made[name] = [mixed, *gradients]

    for found, wanted in zip(made["flash"], made["by stretch"], strict=True):
        torch.testing.assert_close(found, wanted, rtol=3e-2, atol=3e-2)


class Reads(TorchDispatchMode):
    """Records operators that make the host wait for the GPU: reads of values, dynamic shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and record it if it is of that kind."""
        name = str(func).split(".")[1]
        if name in {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2"}:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def group(
    tiny_inputs: Inputs, trial_of: Callable[..., AbstractContextManager[Trial]]
) -> Iterator[Callable[[str, str], list[Trial]]]:
    """Trials of ``PACK`` before their first step, on a device in a given dtype."""
    with ExitStack() as stack:

        def make(device: str, dtype: str) -> list[Trial]:
            found: list[Trial] = []
            for params in PACK:
                settings = BindingSettings(device=device, compute_dtype=dtype, **SETTINGS)
                own = settings.for_trial(params.values)
                found.append(stack.enter_context(trial_of(own, tiny_inputs, seed=params.seed)))
            return found

        yield make


def make_step(trials: list[Trial]) -> None:
    """One batched step of all lanes, with dropout, clipping and the optimiser."""
    step(trials, lambda _, act: act())


def test_a_batched_step_reads_no_value(
    group: Callable[[str, str], list[Trial]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the layout for GPUs, whose losses are read later."""
    trials = group("cpu", "float32")
    model = trials[0].model
    assert all(trial.model is model for trial in trials)
    monkeypatch.setattr(model, "batched", True)
    with Reads() as reads:
        make_step(trials)

    assert not reads.seen


@contextmanager
def waiting_is_an_error() -> Iterator[None]:
    """Make PyTorch raise where the host waits for the GPU."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@GPU
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_step_does_not_wait_for_the_gpu(
    group: Callable[[str, str], list[Trial]], dtype: str
) -> None:
    """Including copies."""
    trials = group("cuda", dtype)
    make_step(trials)  # the first step fills caches

    with waiting_is_an_error():
        make_step(trials)
