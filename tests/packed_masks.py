"""The engine's dropout masks in modules of PEFT and transformers, for padded batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from objectives.data.prepare.windows import Windows
from objectives.lora.packed.dropout_hash import kept, row_keys, start_of
from objectives.seeds import derive


@dataclass(frozen=True)
class Batch:
    """Padded windows of one step.

    Attributes:
        ids: shape (windows, length).
        labels: same shape, -100 where unknown.
        windows: their indices, in the rows' order.
        lengths: number of tokens of each.
        step: from 1; 0 for an evaluation.
    """

    ids: torch.Tensor
    labels: torch.Tensor
    windows: Sequence[int]
    lengths: Sequence[int]
    step: int

    @property
    def mask(self) -> torch.Tensor:
        """The attention mask: 1 on tokens, 0 on padding."""
        return (torch.arange(self.ids.shape[1]) < torch.tensor(self.lengths)[:, None]).long()


def padded(
    windows: Windows, indices: Sequence[int], step: int = 0, *, pad: int = 1, longer: int = 0
) -> Batch:
    """A batch padded to its longest window, or by this many tokens more."""
    lengths = [len(windows.input_ids[i]) for i in indices]
    ids = torch.full((len(indices), max(lengths) + longer), pad)
    labels = torch.full_like(ids, -100)
    for row, i in enumerate(indices):
        ids[row, : lengths[row]] = torch.from_numpy(windows.input_ids[i])
        known = torch.from_numpy(windows.labels[i])
        labels[row, : lengths[row]] = known.nan_to_num(-100).to(labels.dtype)
    return Batch(ids, labels, tuple(indices), lengths, step)


class Masks:
    """The engine's dropout masks for the current batch.

    Args:
        seed: the trial's seed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.batch: Batch | None = None
        self._runs: Counter[tuple[int, str]] = Counter()

    def run_of(self, module: str) -> str:
        """The part of a module's mask key that counts its runs within a step."""
        assert self.batch is not None
        key = self.batch.step, module
        self._runs[key] += 1
        return module if self._runs[key] == 1 else f"{module} again {self._runs[key]}"

    def rows(self, module: str, features: int, probability: float) -> torch.Tensor:
        """True where kept, shape (windows, length, features); padding is always kept."""
        assert self.batch is not None
        mask = torch.ones(*self.batch.ids.shape, features, dtype=torch.bool)
        start = start_of(self.seed, self.batch.step, module)
        pairs = zip(self.batch.windows, self.batch.lengths, strict=True)
        for row, (index, length) in enumerate(pairs):
            places = np.stack([np.full(length, index), np.arange(length)], axis=1)
            keys = row_keys(start, torch.from_numpy(places))
            mask[row, :length] = kept(keys, features, probability)
        return mask

    def put_into(self, model: nn.Module) -> None:
        """Replace every dropout of a model."""
        for path, module in list(model.named_modules()):
            if isinstance(module, nn.Dropout) and module.p:
                model.set_submodule(path, _MaskedDropout(in_base(path), module.p, self))
            module.masks_path, module.masks = in_base(path), [self]

    def drop_in_attention(self, model: nn.Module) -> None:
        """Make attention with its own dropout use the engine's random stream."""
        forward = model.forward

        def streamed(**inputs: Any) -> Any:
            assert self.batch is not None
            with torch.random.fork_rng():
                torch.manual_seed(derive(self.seed, "attention", self.batch.step))
                return forward(**inputs)

        model.forward = streamed  # type: ignore[method-assign]


class _MaskedDropout(nn.Module):
    """An ``nn.Dropout`` with a given mask."""

    def __init__(self, path: str, p: float, masks: Masks) -> None:
        super().__init__()
        self.path, self.p, self.masks = path, p, masks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        path = self.masks.run_of(self.path)
        return x * self.masks.rows(path, x.shape[-1], self.p) / (1 - self.p)


def _masked_attention(  # noqa: PLR0917  # as transformers calls it
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = query @ key.transpose(2, 3) * scaling
    if attention_mask is not None:
        # Not infinity: padding outside a local window attends to nothing, and would be NaN.
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    shares = scores.softmax(-1)
    if dropout:
        heads = range(query.shape[1])
        (masks,) = module.masks
        path = masks.run_of(module.masks_path)
        rows = [masks.rows(f"{path}.{head}", shares.shape[-1], dropout) for head in heads]
        shares = shares * torch.stack(rows, dim=1) / (1 - dropout)
    return (shares @ value).transpose(1, 2), None


AttentionInterface.register("reference-masked", _masked_attention)
AttentionMaskInterface.register("reference-masked", sdpa_mask)


def in_base(name: str) -> str:
    """The base's name of a parameter of PEFT's model; ``lora_A.weight`` for an adapter's A."""
    for part in ("base_model.model.", ".modules_to_save.default", ".default", ".base_layer"):
        name = name.replace(part, "", 1)
    return name.removesuffix(".lora_dropout")
