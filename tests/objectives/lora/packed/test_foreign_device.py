"""Batched steps keep all tensors on their device, tested with PyTorch's ``meta`` device.

PyTorch's ``meta`` device computes shapes and no numbers. An operator that would fail on a GPU
because one of its tensors is on the host is found here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.packed.launches import as_one_kernel
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import Base, Precision
from objectives.lora.packed import attention
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from objectives.lora.training import lane
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.lane import plan_steps
from objectives.lora.training.step import step
from objectives.tasks.residue_binary import ResidueBinary

META = torch.device("meta")
FIXED = BindingSettings(device="cpu", steps=8, batch_tokens=256, quantization="none")
VALUES: tuple[dict[str, Any], ...] = (
    {"targets": "qkv", "rank": 2, "class_weight": 4},
    {"targets": "all-linear", "rank": 8, "dropout": 0.1},
    {"targets": "mlp", "rank": 16, "dropout": 0.2},
    {"targets": "none", "rank": 0},
)


class OneDevice(TorchDispatchMode):
    """Raises if an operator gets tensors of two devices; scalars may be on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Check the tensors' devices, and run the operator."""
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor) and t.ndim]
        devices = {tensor.device for tensor in tensors}
        copies = func in {torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default}
        assert copies or len(devices) < 2, f"{func} with {devices}"
        self.seen += META in devices
        return func(*args, **(kwargs or {}))


@pytest.fixture
def trials(tiny_inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Lanes of a model on that device, before their first step."""
    adamw = torch.optim.AdamW  # its fused form does not support this device
    monkeypatch.setattr(torch.optim, "AdamW", lambda groups, lr, **_: adamw(groups, lr=lr))
    # A GPU's kernel is not available here.
    monkeypatch.setattr(attention, "_by_stretch", as_one_kernel)
    skeleton = tiny_inputs.skeleton
    frozen = type(skeleton)(skeleton.config).to(META).requires_grad_(False)
    base = Base(frozen, ("classifier",), Precision(META, torch.float32, "none"))
    model = PackedModel(base, "auto", 1)
    monkeypatch.setattr(model, "batched", True)
    windows, made = tiny_inputs.splits.train, []
    for seed, values in enumerate(VALUES):
        settings = FIXED.for_trial(values)
        modules = resolve(skeleton, settings.targets, base.head).modules
        config = AdapterConfig.from_settings(settings, modules)
        adapters = model.add_lane(config, seed, settings.batch_tokens)
        plan = plan_steps(windows.lengths, settings, seed)
        own = lane.Lane(adapters, model, windows, plan, ResidueBinary(settings, {}))
        made.append(SimpleNamespace(lane=own, model=model, skip=0))
    return made


def test_steps_evaluations_and_new_stacks_stay_on_their_device(trials: list[Any]) -> None:
    """With dropout, clipping, class weights, a lane that is removed and single lanes evaluated."""
    model = trials[0].model
    with OneDevice() as devices:
        for _ in range(2):
            step(trials, lambda _, act: act())
        shares = [
            LaneBatch(trials[n].lane.adapters, trials[n].lane.windows, (0, 1)) for n in (2, 0)
        ]
        with torch.no_grad():
            logits = model.logits(shares)
        model.remove_lane(trials[1].lane.adapters)
        left = [trials[0], *trials[2:]]
        step(left, lambda _, act: act())

    assert devices.seen > 1000
    assert {made.device for made in logits} == {META}
    assert [trial.lane.steps for trial in trials] == [3, 2, 3, 3]
    for trial in left:
        named = trial.lane.optimizer.state
        assert {value.device for state in named.values() for value in state.values()} == {META}


def test_a_tensor_on_the_host_would_be_found() -> None:
    """Also for an operator that accepts tensors of both devices."""
    weights, rows = torch.ones(3, 4, device=META), torch.tensor([0, 1])
    weights.index_select(0, rows)
    with pytest.raises(AssertionError, match="index_select"), OneDevice():
        weights.index_select(0, rows)
