"""A single lane against a plain loop with PEFT and bitsandbytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import (
    AutoModelForTokenClassification,
    BitsAndBytesConfig,
    get_linear_schedule_with_warmup,
)

from objectives.data.prepare.windows import Windows
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.lane import Plan
from objectives.lora.training.trial import Trial

TrialOf = Callable[..., AbstractContextManager[Trial]]
Train = Callable[..., tuple[float, ...]]
STEPS = 10
MIXED = {
    "esm2": BindingSettings(
        device="cpu",
        rank=8,
        alpha=16,
        targets="all-linear",
        learning_rate=1e-2,
        steps=STEPS,
        batch_tokens=300,
    ),
    "weighted": BindingSettings(
        device="cpu",
        rank=2,
        alpha=1,
        targets="qkv",
        learning_rate=3e-3,
        steps=STEPS,
        class_weight=20.0,
    ),
    "rslora": BindingSettings(
        device="cpu",
        rank=4,
        alpha=8,
        targets="query+mlp.down",
        rslora=True,
        steps=STEPS,
        warmup=0.3,
    ),
}


def plain_losses(  # a loop written without lorasweep, except for the settings' values
    folder: Path,
    suffixes: list[str],
    windows: Windows,
    settings: BindingSettings,
    started: dict[str, torch.Tensor],
    plan: Plan,
) -> list[float]:
    """Losses of a plain QLoRA loop from the same start on the same batches."""
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
        llm_int8_skip_modules=["classifier"],
    )
    base = AutoModelForTokenClassification.from_pretrained(
        folder, num_labels=2, quantization_config=four_bit, dtype=torch.float32
    )
    lora = LoraConfig(
        task_type="TOKEN_CLS",
        r=settings.rank,
        lora_alpha=settings.alpha,
        use_rslora=settings.rslora,
        target_modules=rf".*\.({'|'.join(suffixes)})",
    )
    model = get_peft_model(base, lora)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    begun = {
        name: name.removeprefix("base_model.model.")
        .replace(".default", "")
        .replace(".modules_to_save", "")
        for name in trained
    }
    assert set(begun.values()) == started.keys()
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(started[begun[name]])
    matrices = [p for name, p in trained.items() if not name.endswith("bias")]
    biases = [p for name, p in trained.items() if name.endswith("bias")]
    optimizer = torch.optim.AdamW(
        [{"params": matrices}, {"params": biases, "weight_decay": 0.0}],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    warm = int(np.ceil(settings.warmup * STEPS))
    schedule = get_linear_schedule_with_warmup(optimizer, warm, STEPS)
    weight = None if settings.class_weight == "none" else torch.tensor([1.0, 20.0])
    losses = []
    model.train()
    for indices in plan.batches:
        length = max(len(windows.input_ids[i]) for i in indices)
        ids = torch.full((len(indices), length), 1)
        labels = torch.full((len(indices), length), -100)
        for row, i in enumerate(indices):
            ids[row, : len(windows.input_ids[i])] = torch.tensor(windows.input_ids[i])
            labels[row, : len(windows.labels[i])] = torch.tensor(windows.labels[i])
        logits = model(input_ids=ids, attention_mask=(ids != 1).long()).logits
        loss = nn.CrossEntropyLoss(weight=weight)(logits.view(-1, 2), labels.view(-1))
        losses.append(loss.item())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return losses


def start(trial: Trial) -> dict[str, torch.Tensor]:
    """A copy of a trial's initial parameters, in PEFT's shapes."""
    return {name: value.clone() for name, value in trial.lane.adapters.state().items()}


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.parametrize(
    ("name", "suffixes"),
    [
        ("esm2", ["query", "key", "value", "dense"]),
        ("weighted", ["query", "key", "value"]),
        ("rslora", ["query", r"\d+\.output\.dense"]),
    ],
)
def test_ten_steps_equal_a_plain_peft_and_bitsandbytes_loop(
    tiny_folder: Path, trial_of: TrialOf, train: Train, name: str, suffixes: list[str]
) -> None:
    """On the tiny base the losses agree to 1e-5, for any target set and scaling."""
    settings = MIXED[name]
    with trial_of(settings, seed=4) as trial:
        started, lane = start(trial), trial.lane
        ours = train(trial)
    plain = plain_losses(tiny_folder, suffixes, lane.windows, settings, started, lane.plan)

    assert ours == pytest.approx(plain, abs=1e-5)
    assert len(ours) == STEPS
    assert abs(ours[-1] - ours[0]) > 1e-3  # the loss decreased


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
def test_ten_steps_on_the_real_esm2_equal_a_plain_loop(
    shared: Path, make_inputs: Callable[..., Inputs], trial_of: TrialOf, train: Train
) -> None:
    """On ESM-2 8M too, at a rate that does not amplify rounding."""
    folder = shared / "models" / "esm2_t6_8m"
    settings = replace(MIXED["esm2"], learning_rate=5e-3)
    with trial_of(settings, make_inputs(folder), seed=4) as trial:
        started, lane = start(trial), trial.lane
        ours = train(trial)
    names = ["query", "key", "value", "dense"]
    plain = plain_losses(folder, names, lane.windows, settings, started, lane.plan)

    assert ours == pytest.approx(plain, abs=1e-5)
    assert abs(ours[-1] - ours[0]) > 1e-2
