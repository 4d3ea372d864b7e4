"""A frozen base with room for lanes: any ``transformers`` encoder, its linears replaced."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from objectives.data.prepare.windows import Windows
from objectives.gelu import fused_gelu
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import Base
from objectives.lora.packed.attention import NAME
from objectives.lora.packed.base_weight import BaseWeight, choose, dequantised_bytes
from objectives.lora.packed.dropout import LaneDropout, own_stream
from objectives.lora.packed.head import LaneHead
from objectives.lora.packed.lane_parameters import Adapters, fresh_a, frozen_layers
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.packed.linear import LaneLinear
from objectives.lora.packed.pass_context import PassContext, running
from objectives.lora.packed.prefix_cache import LayerGate, Prefix
from objectives.lora.packed.stacked_parameters import StackedParameterSets
from objectives.lora.target_modules import encoder_linears


class PackedModel:
    """Runs the tokens of many lanes through one frozen base.

    Args:
        base: loaded and frozen; its modules are replaced, it cannot be used otherwise after.
        base_weights: ``auto``, ``nf4`` or ``nf4-dequantised``; see ``packed.frozen``.
        pad_token_id: fills up where a pass needs equal lengths.

    Attributes:
        precision: where it is and in what numbers it computes.
        head: names of the head modules.
        base_weights: how the base is kept: ``nf4``, ``nf4-dequantised``, or ``none`` when
            it is not quantised.
        linears: the frozen linear layers by path.
        prefix: cached states of frozen layers.
        layers: paths of the encoder's layers, from the bottom; none where they are not known.
        stacked: parameters of lanes that are computed at once.
        batched: whether the lanes of a pass lie side by side and are computed at once, as suits a
            GPU; else one after the other, each as it would be alone.
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
        # Attention that cannot be told where windows end needs each window in a row of its own.
        self._flat = takes_flat_passes(base.model)
        if self._flat:
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
        # On a CPU a lane's bits are its own only where its rows begin on a cache line; else each
        # lane makes a pass of its own, which costs little. So it does where windows are padded,
        # for such attention draws its dropout from a stream that knows no lanes.
        features = (size for one in self.linears.values() for size in (one.inputs, one.outputs))
        aligned = not any(size % 16 for size in features)
        self._apart = not self._flat or (device.type == "cpu" and not aligned)
        self.batched = self._flat and device.type == "cuda"
        self.stacked = StackedParameterSets(dtype)
        self.prefix = Prefix(base.model.config.hidden_size, device)
        self.layers = self._gate_layers()

    def add_lane(self, config: AdapterConfig, seed: int, tokens: int) -> Adapters:
        """Make room for a lane, at its start.

        Args:
            config: its adapters.
            seed: the trial's seed.
            tokens: of its steps, by its settings; decides the formulation.
        """
        lane = Adapters(config, seed, tokens)
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
        """Take a lane out; what it trained stays with it."""
        for path in lane.updates:
            self.linears[path].remove_lane(lane)
        for head in self._heads.values():
            head.remove_lane(lane)
        self.stacked.remove(lane)

    def zero_grad(self, lane: Adapters) -> None:
        """Drop all gradients of a lane."""
        lane.zero_grad()
        stacked = self.stacked.of(lane)
        if stacked is not None:
            stacked.zero_grad()

    def frozen_layers(self, lane: Adapters, splits: Sequence[Windows]) -> int:
        """How many lower layers of a lane need no running, their states being kept.

        Args:
            lane: the lane.
            splits: all windows that it will read.
        """
        layers = frozen_layers(lane.config, self.layers)
        return layers if layers and self.prefix.fits(splits, layers) else 0

    def logits(self, shares: Sequence[LaneBatch], *, skip: int = 0) -> list[torch.Tensor]:
        """Run a pass.

        Args:
            shares: what each lane reads; all for a training step, or all for an evaluation.
            skip: lower layers not to run; no lane may have adapters there.

        Returns:
            For each lane its logits in float32, shape (tokens, classes), window after window.
        """
        if self._apart and not self.batched and len(shares) > 1:
            return [self.logits([share], skip=skip)[0] for share in shares]
        layout, flat = self.run(shares, skip=skip)
        return [layout.own(flat, number) for number in range(len(shares))]

    def run(self, shares: Sequence[LaneBatch], *, skip: int = 0) -> tuple[Layout, torch.Tensor]:
        """Run a pass, and leave it as it lies.

        Args:
            shares: see ``logits``.
            skip: see ``logits``.

        Returns:
            Where each lane's tokens are, and the logits in float32, shape (places, classes).
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

    def _run_one(self, share: LaneBatch) -> torch.Tensor:
        return self._run(PassContext(Layout((share,))))

    def _run(self, context: PassContext) -> torch.Tensor:
        layout = context.layout
        device, dtype = self.precision.device, self.precision.compute_dtype
        training = bool(layout.shares[0].step)
        if self._model.training != training:
            self._model.train(training)
        with ExitStack() as around:
            around.enter_context(running(context))
            around.enter_context(fused_gelu())
            if training and not self._flat:
                around.enter_context(own_stream(layout.shares[0], device))
            if dtype != torch.float32:
                around.enter_context(torch.autocast(device.type, dtype=dtype))
            return self._model(**layout.tensors(self._pad, self._first, device)).logits

    def _lay_out(self, shares: Sequence[LaneBatch]) -> PassContext:
        if not self._flat:
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
        """Put a gate before each layer; paths of the layers, none where they are not found."""
        count = getattr(self._model.config, "num_hidden_layers", 0)
        stacks = [
            (path, module)
            for path, module in self._model.named_modules()
            if isinstance(module, nn.ModuleList) and len(module) == count
        ]
        if len(stacks) != 1 or not self._flat or _drops(self._model.config):
            return []
        path, stack = stacks[0]
        for index, layer in enumerate(stack):
            stack[index] = LayerGate(layer, index + 1, self.prefix)
        return [f"{path}.{index}" for index in range(count)]


def takes_flat_passes(model: nn.Module) -> bool:
    """Whether a model's attention can be ours.

    Ours is told what flash attention is told: a mask would be lost on either.
    """
    needed = ("_supports_attention_backend", "_supports_flash_attn")
    return all(getattr(model, name, False) for name in needed)


def _drops(config: Any) -> bool:
    """Whether a base has dropouts of its own: its frozen layers then differ from step to step."""
    return any("drop" in k and isinstance(v, float) and v > 0 for k, v in config.to_dict().items())


def _first_position(model: Any) -> int:
    """Position id of a window's first token: RoBERTa and ESM-1 count from the padding id."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0
