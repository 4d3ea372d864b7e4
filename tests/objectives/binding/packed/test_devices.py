"""What holds on a GPU too, where kernels are chosen by shape: figures agree, bits need not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from packed_runs import run_pack

from objectives.binding.inputs import Inputs
from objectives.binding.packed.attention import _by_stretch, _flash
from objectives.binding.settings import BindingSettings
from sweep.trial import TrialParams

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
@pytest.mark.parametrize(("dtype", "apart"), [("float32", 1e-5), ("bfloat16", 3e-2)])
def test_a_lane_trains_alike_alone_and_in_a_pack(
    tiny_inputs: Inputs, device: str, dtype: str, apart: float
) -> None:
    """Losses step by step, with other ranks, sets and masks beside it."""
    fixed = BindingSettings(device=device, compute_dtype=dtype, **SETTINGS)
    together = run_pack(tiny_inputs, fixed, PACK)

    for params in PACK:
        alone = run_pack(tiny_inputs, fixed, [params])[params.number]
        found = together[params.number]
        assert len(alone.losses) == SETTINGS["steps"]
        assert found.losses == pytest.approx(alone.losses, rel=apart)
        assert alone.losses[0] != pytest.approx(alone.losses[-1], rel=apart)  # it did train


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
def test_one_flash_kernel_is_attention_by_stretch(dtype: torch.dtype) -> None:
    """For heads as narrow as ESM-2 8M's, and windows down to one token; gradients too."""
    lengths = [1, 7, 130, 64]
    drawn = [
        torch.randn(1, 20, sum(lengths), 16, dtype=dtype, device="cuda", requires_grad=True)
        for _ in range(3)
    ]
    made = {}
    for attend in (_flash, _by_stretch):
        mixed = attend(drawn, 0.25, lengths)
        gradients = torch.autograd.grad(mixed.float().square().sum(), drawn)
        made[attend] = [mixed, *gradients]

    for found, wanted in zip(made[_flash], made[_by_stretch], strict=True):
        torch.testing.assert_close(found, wanted, rtol=3e-2, atol=3e-2)
