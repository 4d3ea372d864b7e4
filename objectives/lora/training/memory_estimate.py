"""Estimate the memory of a base and of one lane's training step, without weights or computing.

The packed model itself takes a step on PyTorch's fake tensors, which have shapes and no data, and
the bytes of all tensors alive at the same time are counted.
"""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import torch
from bitsandbytes.nn.modules import Linear4bit
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import PreTrainedModel

from objectives.data.prepare.windows import Windows
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import Base, Precision, head_modules
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import inside
from objectives.lora.training.lane import make_optimizer

_HOST = torch.device("cpu")


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of tensors made within the block and still alive, and their peak.

    Memory that an operator allocates and frees by itself is not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0  # bytes alive
        self.peak = 0  # most bytes alive at once
        self._alive: set[int] = set()  # storages by address

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator and count the storages that it made."""
        out = func(*args, **(kwargs or {}))
        for made in tree_leaves(out):
            if isinstance(made, torch.Tensor) and _has_bytes(made):
                self._count(made.untyped_storage())
        return out

    def _count(self, storage: torch.UntypedStorage) -> None:
        address = storage._cdata  # noqa: SLF001  # the identity of the storage, not of its wrapper
        if address not in self._alive:
            self._alive.add(address)
            size = storage.nbytes()
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._freed, address, size)

    def _freed(self, address: int, size: int) -> None:
        self._alive.remove(address)
        self.now -= size


def _has_bytes(tensor: torch.Tensor) -> bool:
    """Whether a tensor is real or fake; those of the meta device and of oneDNN are not counted."""
    return tensor.device.type != "meta" and tensor.layout == torch.strided


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes of a base and of one lane; see ``estimate``."""

    base: int  # the base as trials use it
    base_nf4: int  # of that, matrices in NF4 with their quantisation constants
    base_dequantised: int  # of that, matrices dequantised once
    lane: int  # peak of a training step above the base
    parameters: int  # of that, adapters and head
    optimizer: int  # of that, the moments of AdamW; as much as a gradient again during the step
    activations: int  # of that, held for the backward pass at the end of the forward pass

    def to_json(self) -> dict[str, int]:
        """The figures by name, each with the suffix ``_bytes``."""
        return {f"{name}_bytes": size for name, size in asdict(self).items()}


def estimate(
    skeleton: PreTrainedModel,
    precision: Precision,
    settings: BindingSettings,
    modules: Sequence[str],
    lengths: Sequence[int],
    *,
    checkpointing: bool,
) -> MemoryEstimate:
    """Estimate the memory of a base, and of one lane that trains on it.

    It covers tensors: weights, adapters and head, AdamW's moments, gradients, activations
    (attention included) and temporaries of a step in the forward pass, the backward pass or the
    update. It does not cover the Python process with its libraries, a GPU's context, an
    allocator's fragmentation, temporaries inside of kernels, nor the cached states of frozen
    layers, which take at most a quarter of the free memory. For a GPU, attention is that of the
    CPU's fused kernel.

    Args:
        skeleton: the token classifier on the meta device; not modified.
        precision: device, compute dtype and quantisation of the trials.
        settings: the trial's; ``base_weights`` must be resolved.
        modules: paths of the adapted modules.
        lengths: lengths in tokens of the windows of the step.
        checkpointing: whether each layer is recomputed in the backward pass.
    """
    bnb.quantize_blockwise(torch.zeros(256))  # bitsandbytes caches a table, which must be real
    model = copy.deepcopy(skeleton)
    quantised = _quantised(model) if precision.quantization == "nf4" else {}
    config = AdapterConfig.from_settings(settings, modules)
    windows = _windows(lengths)
    live = LiveBytes()
    with _fake_tensors(), live:
        base = _fake_base(model, quantised, precision)
        packed = PackedModel(base, settings.base_weights, 1)
        packed.batched = packed.batched or (precision.device.type == "cuda" and packed.flat)
        whole = live.now
        lane = packed.add_lane(config, 0, settings.batch_tokens, checkpointing=checkpointing)
        trained = list(lane.named().values())
        parameters = live.now - whole
        optimizer = make_optimizer(trained, settings)
        for parameter in trained:
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        moments = live.now - whole - parameters
        live.peak = before = live.now
        (logits,) = packed.logits([LaneBatch(lane, windows, range(len(lengths)), 1)])
        activations = live.now - before
        logits.float().square().mean().backward()
        nn.utils.clip_grad_norm_(trained, settings.max_grad_norm)
        optimizer.step()
        four_bit, dense = packed.weight_bytes()
    return MemoryEstimate(
        whole, four_bit, dense, live.peak - whole, parameters, moments, activations
    )


@contextmanager
def _fake_tensors() -> Iterator[None]:
    with warnings.catch_warnings(), FakeTensorMode(allow_non_fake_inputs=True):
        warnings.filterwarnings("ignore", message="Accessing the data pointer of FakeTensor")
        yield


def _quantised(model: PreTrainedModel) -> dict[str, Linear4bit]:
    """An empty NF4 layer for each layer that ``transformers`` would quantise, by path."""
    whole = set(getattr(model, "_keep_in_fp32_modules", None) or ())
    head = head_modules(model)
    return {
        path: Linear4bit(1, 1, bias=False, quant_type="nf4")
        for path, module in model.named_modules()
        if type(module) is nn.Linear
        and not inside(path, head)
        and whole.isdisjoint(path.split("."))
    }


def _fake_base(
    model: PreTrainedModel, quantised: dict[str, Linear4bit], precision: Precision
) -> Base:
    """Replace all tensors of a model on the meta device by fake ones, some of them in NF4."""
    tied: dict[int, nn.Parameter] = {}
    for path, module in list(model.named_modules()):
        for name, given in list(module.named_parameters(recurse=False)):
            if id(given) not in tied:
                tied[id(given)] = nn.Parameter(torch.empty(given.shape), requires_grad=False)
            setattr(module, name, tied[id(given)])
        for name, given in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.empty(given.shape, dtype=given.dtype))
        if path in quantised:
            model.set_submodule(path, _four_bit(module, quantised[path]))
    fake = Precision(_HOST, precision.compute_dtype, precision.quantization)
    return Base(model, head_modules(model), fake)


def _four_bit(linear: Any, into: Linear4bit) -> Linear4bit:
    """Fill an NF4 layer, as bitsandbytes quantises a layer at loading."""
    packed, state = bnb.quantize_4bit(
        linear.weight.data, compress_statistics=True, quant_type="nf4"
    )
    into.in_features, into.out_features = linear.in_features, linear.out_features
    into.weight = nn.Parameter(packed, requires_grad=False)
    into.weight.quant_state = state  # type: ignore[attr-defined]
    into.bias = linear.bias
    return into


def _windows(lengths: Sequence[int]) -> Windows:
    rows = tuple(np.zeros(length, dtype=np.int64) for length in lengths)
    return Windows(rows, rows, rows)
