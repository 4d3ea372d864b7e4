"""The loop against a plain PEFT and bitsandbytes loop, and what it does when numbers run away."""

from __future__ import annotations

from collections.abc import Sequence
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

from objectives.binding.adapter import AdapterConfig, attached
from objectives.binding.base import Base, Precision, load_base
from objectives.binding.collate import Windows
from objectives.binding.finetune import Training, finetune, make_optimizer, make_scheduler
from objectives.binding.inputs import Inputs
from objectives.binding.learner import Learner
from objectives.binding.loss import NonFiniteLossError, class_weight
from objectives.binding.plan import Plan, plan_steps
from objectives.binding.settings import BindingSettings
from objectives.binding.targets import resolve
from objectives.data.chain import IGNORED

CPU = torch.device("cpu")
STEPS = 10
MIXED = {
    "esm2": BindingSettings(
        rank=8, alpha=16, targets="all-linear", learning_rate=1e-2, steps=STEPS, batch_tokens=300
    ),
    "weighted": BindingSettings(
        rank=2, alpha=1, targets="qkv", learning_rate=3e-3, steps=STEPS, class_weight=20.0
    ),
    "rslora": BindingSettings(
        rank=4, alpha=8, targets="query+mlp.down", rslora=True, steps=STEPS, warmup=0.3
    ),
}


def our_losses(
    base: Base, windows: Windows, settings: BindingSettings, seed: int
) -> tuple[Sequence[float], dict[str, torch.Tensor], Plan]:
    """Losses of our loop, the values it started from, and its plan."""
    modules = resolve(base.model, settings.targets, base.head).modules
    adapter = AdapterConfig.from_settings(settings, modules)
    plan = plan_steps(windows.lengths, settings, seed)
    with attached(base.model, adapter, base.head, seed) as model:
        started = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
        training = Training(Learner(model, base.precision, 1), windows, plan, settings)
        finetune(training, lambda *_: False)
    return training.losses, started, plan


def plain_losses(  # the loop a person would write, with nothing of ours but the settings' values
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
    assert trained.keys() == started.keys()
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(started[name])
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
    tiny_folder: Path, tiny_base: Base, tiny_inputs: Inputs, name: str, suffixes: list[str]
) -> None:
    """On the tiny base the losses agree to 1e-5, whatever is adapted and however it is scaled."""
    windows, settings = tiny_inputs.splits.train, MIXED[name]
    ours, started, plan = our_losses(tiny_base, windows, settings, seed=4)
    plain = plain_losses(tiny_folder, suffixes, windows, settings, started, plan)

    assert ours == pytest.approx(plain, abs=1e-5)
    assert len(ours) == STEPS
    assert abs(ours[-1] - ours[0]) > 1e-3  # it did learn


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
def test_ten_steps_on_the_real_esm2_equal_a_plain_loop(
    shared: Path, precision: Precision, tiny_inputs: Inputs
) -> None:
    """On ESM-2 8M the losses agree to 1e-5 too."""
    folder = shared / "models" / "esm2_t6_8m"
    windows, settings = tiny_inputs.splits.train, MIXED["esm2"]
    ours, started, plan = our_losses(load_base(folder, precision), windows, settings, seed=4)
    names = ["query", "key", "value", "dense"]
    plain = plain_losses(folder, names, windows, settings, started, plan)

    assert ours == pytest.approx(plain, abs=1e-5)
    assert abs(ours[-1] - ours[0]) > 1e-2


@pytest.mark.parametrize(
    "change",
    [
        {"rank": 2},
        {"alpha": 8.0},
        {"scaling": 4.0},
        {"targets": "mlp"},
        {"rslora": True, "alpha": 8.0},
        {"dropout": 0.3},
        {"learning_rate": 1e-2},
        {"weight_decay": 0.5},
        {"steps": 4},
        {"epochs": 1, "steps": None},
        {"batch_tokens": 128},
        {"warmup": 0.9},
        {"schedule": "constant"},
        {"max_grad_norm": 1e-3},
        {"class_weight": 3.0},
        {"class_weight": "balanced"},
        {"quantization": "none"},
        {"compute_dtype": "bfloat16"},
    ],
    ids=str,
)
def test_no_setting_is_ignored(
    tiny_inputs: Inputs, tiny_reference: tuple[float, ...], change: dict[str, object]
) -> None:
    """Changing any training setting changes the losses."""
    settings = replace(REFERENCE, **change)  # type: ignore[arg-type]
    base = tiny_inputs.base(Precision.from_settings(settings))
    losses, _, _ = our_losses(base, tiny_inputs.splits.train, settings, seed=0)

    assert tuple(losses) != tiny_reference


REFERENCE = BindingSettings(
    device="cpu", rank=4, steps=6, learning_rate=3e-3, warmup=0.2, batch_tokens=256
)


@pytest.fixture(scope="module")
def tiny_reference(tiny_inputs: Inputs) -> tuple[float, ...]:
    """Losses of the reference settings, which come out the same twice."""
    base = tiny_inputs.base(Precision.from_settings(REFERENCE))
    first, _, _ = our_losses(base, tiny_inputs.splits.train, REFERENCE, seed=0)
    second, _, _ = our_losses(base, tiny_inputs.splits.train, REFERENCE, seed=0)
    assert first == second
    return tuple(first)


def test_dropout_has_the_same_stream_in_every_run_of_a_seed(tiny_inputs: Inputs) -> None:
    """The process's random state before a trial does not reach its masks."""
    settings = replace(REFERENCE, dropout=0.5)
    base = tiny_inputs.base(Precision.from_settings(settings))
    losses = []
    for state in (1, 2):
        torch.manual_seed(state)
        losses.append(our_losses(base, tiny_inputs.splits.train, settings, seed=0)[0])

    assert losses[0] == losses[1]
    assert losses[0] != our_losses(base, tiny_inputs.splits.train, settings, seed=1)[0]


def test_a_learning_rate_beyond_reason_raises_the_non_finite_loss(tiny_inputs: Inputs) -> None:
    """Training stops at the step where the loss is lost, with a way out."""
    settings = replace(REFERENCE, learning_rate=1e30, warmup=0.0)
    base = tiny_inputs.base(Precision.from_settings(settings))

    with pytest.raises(NonFiniteLossError, match=r"the loss must be finite.*step 2.*Lower"):
        our_losses(base, tiny_inputs.splits.train, settings, seed=0)


def test_decay_leaves_biases_alone() -> None:
    """Matrices decay, vectors do not, and nothing trained is forgotten."""
    linear = nn.Linear(3, 2)
    optimizer = make_optimizer(list(linear.parameters()), BindingSettings(weight_decay=0.1))
    groups = {group["weight_decay"]: group["params"] for group in optimizer.param_groups}

    assert groups == {0.1: [linear.weight], 0.0: [linear.bias]}


@pytest.mark.parametrize(
    ("schedule", "last"), [("linear", 1 / 8), ("cosine", 0.0381), ("constant", 1.0)]
)
def test_a_schedule_warms_up_and_decays(schedule: str, last: float) -> None:
    """Two of ten steps rise; the last has what the schedule leaves."""
    settings = BindingSettings(schedule=schedule, warmup=0.2, learning_rate=1.0)
    optimizer = make_optimizer([nn.Parameter(torch.zeros(2, 2))], settings)
    scheduler = make_scheduler(optimizer, settings, steps=10)
    rates = []
    for _ in range(10):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()

    assert rates[:3] == [0.0, 0.5, 1.0]
    assert rates[-1] == pytest.approx(last, abs=1e-4)


def test_balanced_classes_weigh_the_same_in_all() -> None:
    """Weights times counts are equal, and ignored positions do not count."""
    labels = [np.array([IGNORED, 0, 0, 0, IGNORED]), np.array([0, 1])]
    weight = class_weight(labels, "balanced", CPU)

    assert weight is not None
    assert weight.tolist() == pytest.approx([5 / 8, 5 / 2])
    assert class_weight(labels, "none", CPU) is None
    assert class_weight(labels, 7.0, CPU).tolist() == [1.0, 7.0]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answers", "steps", "stopped"), [([True], 2, True), ([False] * 3, 6, False)]
)
def test_the_watcher_may_stop_the_training(
    tiny_inputs: Inputs, answers: list[bool], steps: int, *, stopped: bool
) -> None:
    """A pruned trial runs no further step."""
    settings = replace(REFERENCE, evaluate_every=1 / 3)
    base = tiny_inputs.base(Precision.from_settings(settings))
    windows = tiny_inputs.splits.train
    plan = plan_steps(windows.lengths, settings, 0)
    adapter = AdapterConfig(rank=0, alpha=0, targets="none", modules=())
    seen: list[int] = []

    def watch(step: int, step_loss: float) -> bool:
        assert np.isfinite(step_loss)
        seen.append(step)
        return answers[len(seen) - 1]

    with attached(base.model, adapter, base.head, 0) as model:
        training = Training(Learner(model, base.precision, 1), windows, plan, settings)
        finetune(training, watch)

    assert len(training.losses) == steps == seen[-1]
    assert training.stopped == stopped


def test_a_stop_asked_for_after_the_last_step_comes_too_late(tiny_inputs: Inputs) -> None:
    """A trial whose training is done counts as complete."""
    base = tiny_inputs.base(Precision.from_settings(REFERENCE))
    windows = tiny_inputs.splits.train
    plan = plan_steps(windows.lengths, REFERENCE, 0)
    last = replace(plan, evaluate_at=frozenset({len(plan.batches)}))
    adapter = AdapterConfig(rank=0, alpha=0, targets="none", modules=())
    with attached(base.model, adapter, base.head, 0) as model:
        training = Training(Learner(model, base.precision, 1), windows, last, REFERENCE)
        finetune(training, lambda *_: True)

    assert not training.stopped
