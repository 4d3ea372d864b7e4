"""A plain QLoRA fine-tune: the reference that packed training must equal.

It uses nothing of the engine except a lane's initial values, its batches and, optionally, its
dropout masks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from packed_masks import Batch, Masks, in_base, padded
from packed_runs import Run
from peft import LoraConfig, get_peft_model
from sklearn.metrics import matthews_corrcoef
from torch import nn
from transformers import AutoModelForTokenClassification, BitsAndBytesConfig
from transformers.optimization import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from objectives.data.prepare.windows import Windows
from objectives.lora.settings import BindingSettings

MATRICES = {
    "query": r".*\.self\.query",
    "key": r".*\.self\.key",
    "value": r".*\.self\.value",
    "attention.output": r".*\.attention\.output\.dense",
    "mlp.up": r".*\.intermediate\.dense",
    "mlp.down": r".*\.\d+\.output\.dense",
    "encoder.layer.1.output.dense": r".*\.encoder\.layer\.1\.output\.dense",
    "query+value": r".*\.(self\.(query|value)|SelfAttention\.[qv])",
    "qkv": r".*\.self\.(query|key|value)",
    "attention": r".*\.attention\.(self\.(query|key|value)|output\.dense)",
    "mlp": r".*\.(intermediate|\d+\.output)\.dense",
    "attention+mlp.down": r".*(query|key|value|output\.dense)",
    "all-linear": r".*(query|key|value|dense|SelfAttention\.[qkvo]|\.w[io](_[01])?)",
}
"""Target sets as PEFT's ``target_modules``."""

HEAD = ("classifier",)
"""The modules trained in full."""


@dataclass
class Plain:
    """The results of the plain loop.

    Attributes:
        losses: the loss of each step.
        norms: each step's gradient norm, before clipping.
        validation: metrics of the validation split after the last step.
    """

    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    validation: dict[str, float] = field(default_factory=dict)


def load(
    folder: Path,
    quantization: str = "nf4",
    dtype: torch.dtype = torch.float32,
    head: Sequence[str] = HEAD,
    labels: int = 2,
) -> nn.Module:
    """A token classifier from disk, with its matrices in NF4, except the head's."""
    options: dict[str, Any] = {}
    if quantization == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=list(head),
        )
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        model = AutoModelForTokenClassification.from_pretrained(
            folder, num_labels=labels, dtype=torch.float32, **options
        )
    for module in model.modules():
        # Without this bitsandbytes evaluates in bfloat16 on CPUs that support it.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def with_adapters(
    model: nn.Module,
    settings: BindingSettings,
    start: Mapping[str, torch.Tensor],
    matrices: Mapping[str, str | list[str]] = MATRICES,
    head: Sequence[str] = HEAD,
) -> nn.Module:
    """Add PEFT adapters by the settings, with the given initial values."""
    if settings.rank and settings.targets != "none":
        config = LoraConfig(
            task_type="TOKEN_CLS",
            r=settings.rank,
            lora_alpha=settings.lora_alpha,  # type: ignore[arg-type]  # a factor, typed int
            lora_dropout=settings.dropout,
            use_rslora=settings.rslora,
            target_modules=matrices[settings.targets],
            modules_to_save=list(head),
        )
        with warnings.catch_warnings(), torch.random.fork_rng():
            warnings.simplefilter("ignore")
            model = get_peft_model(model, config)
    else:
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.split(".")[0] in head
    with_start(model, start)
    return model


def with_start(model: nn.Module, start: Mapping[str, torch.Tensor]) -> None:
    """Set all trained parameters to the initial values."""
    trained = dict(_trained(model))
    assert trained.keys() == start.keys()
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(start[name])


def plain_training(
    model: nn.Module,
    settings: BindingSettings,
    batches: Sequence[Batch],
    criterion: nn.Module,
    masks: Masks | None = None,
) -> Plain:
    """Train a model with adapters on given batches, by the mean loss of their tokens."""

    def loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return criterion(logits.view(-1, 2), batch.labels.view(-1))

    return plain_steps(model, settings, batches, loss, masks)


def plain_steps(
    model: nn.Module,
    settings: BindingSettings,
    batches: Sequence[Batch],
    loss_of: Callable[[torch.Tensor, Batch], torch.Tensor],
    masks: Masks | None = None,
) -> Plain:
    """Train a model with adapters on given batches, by a loss of logits and batch."""
    made = Plain()
    trained = dict(_trained(model))
    vectors = [p for p in trained.values() if p.ndim == 1]
    matrices = [p for p in trained.values() if p.ndim > 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    schedule = _schedule(optimizer, settings, len(batches))
    model.train()
    for batch in batches:
        if masks is not None:
            masks.batch = batch
        logits = model(input_ids=batch.ids, attention_mask=batch.mask).logits
        loss = loss_of(logits, batch)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        made.losses.append(loss.item())
        made.norms.append(norm.item())
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return made


@torch.no_grad()
def figures(model: nn.Module, batch: Batch) -> dict[str, float]:
    """MCC, positives and loss over all labelled residues, predicting the more probable class."""
    model.eval()
    logits = model(input_ids=batch.ids, attention_mask=batch.mask).logits
    known = batch.labels != -100
    labels, chosen = batch.labels[known], logits.argmax(-1)[known]
    return {
        "mcc": float(matthews_corrcoef(labels, chosen)),
        "predicted_positives": int(chosen.sum()),
        "loss": nn.functional.cross_entropy(logits[known], labels).item(),
    }


def plain_run(
    folder: Path,
    run: Run,
    *,
    settings: BindingSettings | None = None,
    longer: int = 0,
    masked: bool = False,
    rows: bool = False,
    matrices: Mapping[str, str | list[str]] = MATRICES,
    head: Sequence[str] = HEAD,
) -> Plain:
    """Repeat a lane's training in the plain loop.

    Args:
        folder: the base.
        run: the lane, with its initial values and batches.
        settings: other settings than the lane's.
        longer: pads batches by this many tokens more.
        masked: use the engine's dropout masks.
        rows: with ``masked``, use attention's own dropout, as with padded windows.
        matrices: target sets as PEFT's ``target_modules``.
        head: names of the modules trained in full.
    """
    lane, settings = run.trial.lane, settings or run.trial.settings
    model = load(folder, settings.quantization, head=head)
    model = with_adapters(model, settings, run.start, matrices, head)
    masks = Masks(lane.plan.seed) if masked else None
    if masks is not None:
        if rows:
            masks.drop_in_attention(model)
        else:
            model.set_attn_implementation("reference-masked")
        masks.put_into(model)
    pad = model.config.pad_token_id
    numbered = enumerate(lane.plan.batches, 1)
    batches = [padded(lane.windows, b, step, pad=pad, longer=longer) for step, b in numbered]
    criterion = nn.CrossEntropyLoss(weight=_weight(settings, lane.windows))
    made = plain_training(model, settings, batches, criterion, masks)
    validation = run.trial.validation
    made.validation = figures(model, padded(validation, range(len(validation)), pad=pad))
    return made


def furthest(losses: Sequence[float], others: Sequence[float]) -> float:
    """The largest difference of two runs' losses, relative to the second's."""
    assert np.isfinite([*losses, *others]).all()
    return max(abs(a - b) / b for a, b in zip(losses, others, strict=True))


def _weight(settings: BindingSettings, train: Windows) -> torch.Tensor | None:
    if settings.class_weight == "none":
        return None
    if settings.class_weight != "balanced":
        return torch.tensor([1.0, float(settings.class_weight)])
    labels = torch.from_numpy(np.concatenate(train.labels))
    counts = torch.bincount(labels[labels != -100], minlength=2).float()
    return counts.sum() / (2 * counts)


def _schedule(
    optimizer: torch.optim.Optimizer, settings: BindingSettings, steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    warm = int(np.ceil(settings.warmup * steps))
    if settings.schedule == "constant":
        return get_constant_schedule_with_warmup(optimizer, warm)
    if settings.schedule == "cosine":
        return get_cosine_schedule_with_warmup(optimizer, warm, steps)
    return get_linear_schedule_with_warmup(optimizer, warm, steps)


def _trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            yield in_base(name), parameter
