"""The packed model: a frozen ``transformers`` encoder whose modules serve many lanes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from objectives.data.prepare.windows import Windows
from objectives.gelu import fused_gelu
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import Base
from objectives.lora.packed.attention import NAME
from objectives.lora.packed.base_weight import BaseWeight, choose, dequantised_bytes
from objectives.lora.packed.dropout import LaneDropout, own_stream
from objectives.lora.packed.lane_parameters import Adapters, fresh_a, frozen_layers
from objectives.lora.packed.layout import LaneBatch, Layout, PassContext, running
from objectives.lora.packed.linear import LaneHead, LaneLinear
from objectives.lora.packed.prefix_cache import LayerGate, Prefix
from objectives.lora.packed.stacked_parameters import StackedParameterSets
from objectives.lora.target_modules import encoder_linears


class PackedModel:
    """Computes many lanes, each with adapters and a head of its own, on one frozen base.

    Args:
        base: loaded and frozen; its modules are replaced in place.
        base_weights: ``auto``, ``nf4`` or ``nf4-dequantised``; see ``base_weight.choose``.
        pad_token_id: token id of padding.

    Attributes:
        precision: device, compute dtype and quantisation.
        head: names of the head modules.
        base_weights: storage of the base: ``nf4``, ``nf4-dequantised``, or ``none``.
        linears: the frozen linear layers by path.
        prefix: cache of hidden states of frozen layers.
        layers: paths of the encoder's layers, from the bottom; empty if they cannot be skipped.
        flat: whether windows are concatenated; else each is a padded row.
        stacked: parameters of lanes that are computed in batched products.
        batched: whether the lanes of a pass are computed in batched products, on a GPU; else
            lane by lane, with the same results as a lane alone.
    """

    def __init__(self, base: Base, base_weights: str, pad_token_id: int) -> None:
        self.precision = base.precision
        self.head = base.head
        self._model = base.model
        self._pad = pad_token_id
        dtype, device = base.precision.compute_dtype, base.precision.device
        needed = dequantised_bytes(base.model, dtype)
        self.base_weights = choose(base_weights, needed, device)
        self._first = _first_position(base.model)
        # Without packed attention each window must be a padded row of its own.
        self.flat = _takes_flat_passes(base.model)
        if self.flat:
            base.model.set_attn_implementation(NAME)
        for path, module in base.model.named_modules():
            module.packed_path = path
        self.linears = self._replace_linears()
        self._replace_dropouts()
        std = getattr(base.model.config, "initializer_range", 0.02)
        self._heads: dict[str, LaneHead] = {}
        for name in self.head:
            original = base.model.get_submodule(name)
            self._heads[name] = LaneHead(name, original, std, base.pretrained)
            base.model.set_submodule(name, self._heads[name])
        # On a CPU a lane's results are bitwise independent of other lanes only if its rows start
        # on a cache line; else each lane gets a pass of its own, which costs little. So do padded
        # windows, since their attention's dropout uses one random stream for the whole pass.
        features = (size for one in self.linears.values() for size in (one.inputs, one.outputs))
        aligned = not any(size % 16 for size in features)
        self._apart = not self.flat or (device.type == "cpu" and not aligned)
        self.batched = self.flat and device.type == "cuda"
        self.stacked = StackedParameterSets(dtype)
        self.prefix = Prefix(base.model.config.hidden_size, device)
        gated = self._gate_layers()
        self.layers = gated if self.flat and not _drops(base.model.config) else []

    def add_lane(
        self, config: AdapterConfig, seed: int, tokens: int, *, checkpointing: bool = False
    ) -> Adapters:
        """Create a lane with initial parameters and add it to the model.

        Args:
            config: its adapters.
            seed: the trial's seed.
            tokens: tokens per step in the trial's settings; decides whether updates are merged.
            checkpointing: recompute each encoder layer in the backward pass, to save memory. The
                results are the same.
        """
        lane = Adapters(config, seed, tokens, checkpointing)
        for path in config.modules:
            linear = self.linears[path]
            lane.updates[path] = linear.add_lane(
                lane,
                fresh_a(config, seed, path, linear.inputs),
                scale=config.scale,
                dropout=config.dropout,
                tokens=tokens,
            )
        lane.heads = {name: head.add_lane(lane, seed) for name, head in self._heads.items()}
        return lane

    def remove_lane(self, lane: Adapters) -> None:
        """Remove a lane from the model; its trained tensors are not modified."""
        for path in lane.updates:
            self.linears[path].remove_lane(lane)
        for head in self._heads.values():
            head.remove_lane(lane)
        self.stacked.remove(lane)

    def zero_grad(self, lane: Adapters) -> None:
        """Drop a lane's gradients, and those of the stacked parameters it is in."""
        lane.zero_grad()
        stacked = self.stacked.of(lane)
        if stacked is not None:
            stacked.zero_grad()

    def frozen_layers(self, lane: Adapters, splits: Sequence[Windows]) -> int:
        """Number of layers below a lane's lowest adapter, if their states can be cached; else 0.

        Args:
            lane: the lane.
            splits: all splits that it will read.
        """
        layers = frozen_layers(lane.config, self.layers)
        return layers if layers and self.prefix.fits(splits, layers) else 0

    def logits(self, shares: Sequence[LaneBatch], *, skip: int = 0) -> list[torch.Tensor]:
        """Compute the logits of each lane's batch.

        Args:
            shares: the batch of each lane; all training steps or all evaluations.
            skip: number of lower layers to take from the cache; no lane may adapt them.

        Returns:
            Per lane the logits in float32, shape (tokens, classes), window after window.
        """
        if self._apart and not self.batched and len(shares) > 1:
            return [self.logits([share], skip=skip)[0] for share in shares]
        layout, flat = self.run(shares, skip=skip)
        return [layout.own(flat, number) for number in range(len(shares))]

    def run(self, shares: Sequence[LaneBatch], *, skip: int = 0) -> tuple[Layout, torch.Tensor]:
        """Compute the logits of one pass, without separating the lanes.

        Args:
            shares: see ``logits``.
            skip: see ``logits``.

        Returns:
            The layout of the pass, and the logits in float32, shape (places, classes).
        """
        context = self._lay_out(shares)
        if skip:
            kept = [self.prefix.states(share.windows, skip, self._run_one) for share in shares]
            self.prefix.inject(context.layout, skip, kept)
        try:
            flat = self._run(context)
        finally:
            self.prefix.clear()
        return context.layout, flat.float().view(-1, flat.shape[-1])

    def weight_bytes(self) -> tuple[int, int]:
        """Bytes of the base's quantised matrices: in NF4, and dequantised once."""
        weights = [linear.matrix for linear in self.linears.values() if linear.matrix.quantised]
        return sum(w.four_bit_bytes for w in weights), sum(w.dense_bytes for w in weights)

    def _run_one(self, share: LaneBatch) -> torch.Tensor:
        return self._run(PassContext(Layout((share,))))

    def _run(self, context: PassContext) -> torch.Tensor:
        layout = context.layout
        device, dtype = self.precision.device, self.precision.compute_dtype
        training = bool(layout.shares[0].step)
        if training and any(share.lane.checkpointing for share in layout.shares):
            context = replace(context, checkpointing=True)
        if self._model.training != training:
            self._model.train(training)
        with ExitStack() as around:
            around.enter_context(running(context))
            around.enter_context(fused_gelu())
            if training and not self.flat:
                around.enter_context(own_stream(layout.shares[0], device))
            if dtype != torch.float32:
                around.enter_context(torch.autocast(device.type, dtype=dtype))
            return self._model(**layout.tensors(self._pad, self._first, device)).logits

    def _lay_out(self, shares: Sequence[LaneBatch]) -> PassContext:
        if not self.flat:
            width = max(n for s in shares for n in s.lengths)
            return PassContext(Layout(tuple(shares), width=width))
        if not self.batched:
            return PassContext(Layout(tuple(shares)))
        lanes = [share.lane for share in shares]
        stacked, chosen = self.stacked.get(lanes, training=bool(shares[0].step))
        stacked.refresh()
        room = max(share.tokens for share in shares)
        return PassContext(Layout(tuple(shares), room=room), stacked, chosen)

    def _replace_linears(self) -> dict[str, LaneLinear]:
        dtype = self.precision.compute_dtype
        dequantise = self.base_weights == "nf4-dequantised"
        replaced: dict[str, LaneLinear] = {}
        for path, linear in encoder_linears(self._model, self.head).items():
            matrix = BaseWeight(linear, dtype, dequantise=dequantise)
            replaced[path] = LaneLinear(path, linear, matrix, dtype)
            self._model.set_submodule(path, replaced[path])
        return replaced

    def _replace_dropouts(self) -> None:
        for path, module in list(self._model.named_modules()):
            if isinstance(module, nn.Dropout) and module.p:
                self._model.set_submodule(path, LaneDropout(path, module.p))

    def _gate_layers(self) -> list[str]:
        """Wrap each layer in a ``LayerGate``; return their paths, none if they are not one list."""
        path = layer_list(self._model)
        if path is None:
            return []
        stack: Any = self._model.get_submodule(path)
        for index, layer in enumerate(stack):
            stack[index] = LayerGate(layer, index + 1, self.prefix)
        return [f"{path}.{index}" for index in range(len(stack))]


def layer_list(model: PreTrainedModel) -> str | None:
    """Path of the list of a model's encoder layers; None if there is no such list, or several."""
    count = getattr(model.config, "num_hidden_layers", 0)
    stacks = [
        path
        for path, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    ]
    return stacks[0] if len(stacks) == 1 else None


def _takes_flat_passes(model: nn.Module) -> bool:
    """Whether a model supports flash attention, which gets no mask, as ``packed_attention``."""
    needed = ("_supports_attention_backend", "_supports_flash_attn")
    return all(getattr(model, name, False) for name in needed)


def _drops(config: Any) -> bool:
    """Whether a base's config has dropout: its frozen layers then differ from step to step."""
    return any("drop" in k and isinstance(v, float) and v > 0 for k, v in config.to_dict().items())


def _first_position(model: Any) -> int:
    """Position id of a window's first token: padding id + 1 in RoBERTa and ESM-1, else 0."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0
