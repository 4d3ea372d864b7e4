"""Pre-training loop: model, optimisers, learning-rate schedule and steps.

Muon is computed in float32, batched over matrices of equal shape: ``torch.optim.Muon``
orthogonalises one matrix at a time in bfloat16, which takes longer than the training step itself
on a CPU without bfloat16 instructions.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import EsmConfig, EsmForMaskedLM

from objectives.builtin import corpus, masking

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Approximately orthogonalise each matrix: singular values near 1, by Newton-Schulz.

    Args:
        matrices: shape ``(n, rows, columns)``.
        steps: number of iterations.

    Returns:
        Shape ``(n, rows, columns)``.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
    """
    a, b, c = COEFFICIENTS
    tall = matrices.size(1) > matrices.size(2)
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """SGD with Nesterov momentum and orthogonalised updates, scaled to AdamW's update size.

    Args:
        params: weight matrices; all must be two-dimensional.
        lr: learning rate, on AdamW's scale.
        momentum: coefficient of the Nesterov average.
        weight_decay: decoupled weight decay.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 2e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Take one step with the current gradients; ``closure`` is ignored."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                by_shape[parameter.shape].append(parameter)
            for shape, parameters in by_shape.items():
                moved = orthogonalise(torch.stack([self._average(p, group) for p in parameters]))
                scale = group["lr"] * 0.2 * max(shape) ** 0.5
                for parameter, update in zip(parameters, moved, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(update, alpha=scale)

    def _average(self, parameter: Tensor, group: dict[str, float]) -> Tensor:
        gradient = parameter.grad
        if gradient is None:
            return torch.zeros_like(parameter)
        state = self.state[parameter]
        if "average" not in state:
            state["average"] = torch.zeros_like(parameter)
        state["average"].lerp_(gradient, 1 - group["momentum"])
        return gradient.lerp(state["average"], group["momentum"])


CHECKPOINT_SECONDS = 300
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """Size of the model and hyperparameters of its training."""

    hidden: int = 128  # hidden size; a multiple of 64, so that no NF4 block spans two rows
    layers: int = 6  # number of transformer layers
    heads: int = 4  # number of attention heads
    crop: int = 128  # tokens per row
    rows: int = 32  # rows per step
    hidden_share: float = 0.2  # share of residues to predict (held-out perplexity always uses 15 %)
    masked: float = 0.8  # share of these shown as ``<mask>``; half of the rest keep their letter
    learning_rate: float = 6e-3  # peak of the cosine schedule, for matrices under Muon
    adam_learning_rate: float = 4e-3  # peak for embeddings, biases and norms under AdamW
    warm_up: float = 0.03  # share of the run over which the learning rate rises
    weight_decay: float = 0.05  # decoupled weight decay on matrices
    seed: int = 0  # of initialisation, data order and masks
    held_out_percent: float = 1.0  # percentage of proteins held out


def build(recipe: Recipe) -> EsmForMaskedLM:
    """Return a freshly initialised ESM-2 of the recipe's size."""
    torch.manual_seed(recipe.seed)
    config = EsmConfig(
        vocab_size=len(corpus.VOCABULARY),
        mask_token_id=corpus.MASK,
        pad_token_id=corpus.PAD,
        eos_token_id=corpus.EOS,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=4 * recipe.hidden,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=1026,
        layer_norm_eps=1e-5,
        position_embedding_type="rotary",
        emb_layer_norm_before=False,
        token_dropout=True,
    )
    return EsmForMaskedLM(config)


def optimisers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return Muon for the encoder's matrices and AdamW for everything else."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    matrices = [p for n, p in named if p.ndim == 2 and ".encoder." in n]
    others = [p for n, p in named if not (p.ndim == 2 and ".encoder." in n)]
    return [
        Muon(matrices, lr=recipe.learning_rate, weight_decay=recipe.weight_decay),
        torch.optim.AdamW(
            others, lr=recipe.adam_learning_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True
        ),
    ]


def rate(progress: float, warm_up: float) -> float:
    """Return the learning-rate factor at ``progress`` in [0, 1]: linear warm-up, cosine to 0."""
    if progress < warm_up:
        return progress / warm_up
    return float(0.5 * (1 + np.cos(np.pi * (progress - warm_up) / (1 - warm_up))))


def train(
    model: Any,
    data: corpus.Corpus,
    recipe: Recipe,
    checkpoint: Callable[[], None],
    *,
    minutes: float,
    steps: int | None,
) -> dict[str, float]:
    """Train ``model`` in place, with a checkpoint every five minutes.

    Args:
        model: from :func:`build`.
        data: the corpus.
        recipe: hyperparameters.
        checkpoint: called to save the current weights.
        minutes: wall-clock budget, used when ``steps`` is None.
        steps: number of optimiser steps.

    Returns:
        Steps, tokens, seconds and the last training loss (moving average over 100 steps).
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    both = optimisers(model, recipe)
    peaks = [o.param_groups[0]["lr"] for o in both]
    model.train()
    started = saved = time.monotonic()
    smooth, step, tokens = 0.0, 0, recipe.rows * recipe.crop
    for batch in corpus.batches(
        data.training, crop=recipe.crop, rows=recipe.rows, seed=recipe.seed
    ):
        seconds = time.monotonic() - started
        progress = step / steps if steps else seconds / (60 * minutes)
        if progress >= 1:
            break
        for optimiser, peak in zip(both, peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * rate(progress, recipe.warm_up)
        loss = _step(model, torch.from_numpy(batch.astype(np.int64)), both, generator, recipe)
        step += 1
        smooth += (loss - smooth) / min(step, 100)
        if step % 50 == 0:
            _LOG.info("step %d loss %.4f, %.0f s", step, smooth, time.monotonic() - started)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            checkpoint()
            saved = time.monotonic()
    return {
        "steps": step,
        "tokens": step * tokens,
        "seconds": round(time.monotonic() - started, 1),
        "training_loss": round(smooth, 4),
    }


def _step(
    model: Any,
    tokens: Tensor,
    both: Sequence[torch.optim.Optimizer],
    generator: torch.Generator,
    recipe: Recipe,
) -> float:
    shown, hidden = masking.hide(tokens, generator, recipe.hidden_share, masked=recipe.masked)
    loss = masking.masked_loss(model, shown, tokens, hidden)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimiser in both:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return loss.item()
