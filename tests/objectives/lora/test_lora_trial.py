"""PEFT's configuration of a trial's adapters, for a training loop of one's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.tuners.lora import LoraLayer
from tiny_bases import esm_config
from torch import nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    EsmForTokenClassification,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
)

from objectives.lora.base.load import Base
from objectives.lora.lora_trial import LoraTrial
from objectives.lora.settings import BindingSettings
from objectives.lora.training.trial import Trial
from sweep.errors import SpecError, TargetError
from sweep.study.function import FunctionTrial
from sweep.study.trial import TrialParams

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")

BERT = BertConfig(
    vocab_size=20,
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=12,
    num_labels=3,
)
DISTIL = DistilBertConfig(vocab_size=20, dim=8, n_layers=2, n_heads=2, hidden_dim=12)


def esm() -> EsmForTokenClassification:
    """ESM-2 as a token classifier."""
    return EsmForTokenClassification(
        esm_config(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
    )


MODELS = {
    "bert": lambda: BertForSequenceClassification(BERT),
    "distilbert": lambda: DistilBertForSequenceClassification(DISTIL),
    "esm": esm,
}


def trained(model: nn.Module) -> dict[str, torch.Size]:
    """Shapes of the parameters that are trained, by name."""
    return {name: p.shape for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("name", "targets", "theirs", "head", "task"),
    [
        ("bert", "query+mlp.down", r".*\.(query|\d\.output\.dense)", ["classifier"], "SEQ_CLS"),
        (
            "distilbert",
            "qkv",
            ["q_lin", "k_lin", "v_lin"],
            ["pre_classifier", "classifier"],
            "SEQ_CLS",
        ),
        ("esm", "all-linear", r".*layer.*(query|key|value|dense)", ["classifier"], "TOKEN_CLS"),
    ],
)
def test_the_wrapped_model_is_that_of_peft(
    name: str, targets: str, theirs: str | list[str], head: list[str], task: str
) -> None:
    """The same trained parameters and scaling as from a configuration written by hand."""
    model = MODELS[name]()
    lora = LoraTrial(model, {"rank": 3, "alpha": 6, "targets": targets, "learning_rate": 0.1})
    ours = lora.wrap(copy.deepcopy(model))
    by_hand = get_peft_model(
        copy.deepcopy(model),
        LoraConfig(
            task_type=TaskType[task],
            r=3,
            lora_alpha=6,
            target_modules=theirs,
            modules_to_save=head,
        ),
    )

    assert isinstance(ours, PeftModel)
    assert type(ours) is type(by_hand)
    assert trained(ours) == trained(by_hand)
    assert lora.trainable_parameters == by_hand.get_nb_trainable_parameters()[0]
    assert {m.scaling["default"] for m in ours.modules() if isinstance(m, LoraLayer)} == {2.0}


@pytest.mark.parametrize(
    "values",
    [
        {"rank": 2, "alpha": 3, "targets": "qkv"},
        {"rank": 4, "scaling": 2.5, "targets": "all-linear", "rslora": True},
        {"rank": 3, "alpha": 5.0, "targets": "mlp.down+query", "dropout": 0.25},
        {"rank": 0, "scaling": 1, "targets": "none"},
    ],
)
def test_it_is_the_adapter_of_a_packed_trial(
    trial_of: Callable[..., AbstractContextManager[Trial]],
    tiny_folder: Path,
    tiny_base: Base,
    values: dict[str, Any],
) -> None:
    """From the base's folder, and from a quantised model."""
    with trial_of(BindingSettings(device="cpu", steps=1, **values)) as trial:
        packed = trial._config
    for model in (tiny_folder, str(tiny_folder), tiny_base.model):
        lora = LoraTrial(model, FunctionTrial(TrialParams(0, {}), values))

        assert lora.adapter == packed
        assert lora.config == (packed.to_peft(lora.head) if values["rank"] else None)


def test_the_head_alone_is_trained_at_rank_0() -> None:
    """All else is frozen, and PEFT is not needed."""
    lora = LoraTrial(esm(), {"rank": 0, "scaling": 1, "targets": "query"})
    model = lora.wrap(esm())

    assert (lora.config, type(model)) == (None, EsmForTokenClassification)
    assert list(trained(model)) == ["classifier.weight", "classifier.bias"]
    assert lora.trainable_parameters == 8 * 2 + 2


def test_the_head_can_be_named() -> None:
    """For a model that has none that is new."""
    model = BertForMaskedLM(BERT)
    values = {"rank": 2, "alpha": 2, "targets": "value"}
    bare, named = LoraTrial(model, values, head=()), LoraTrial(model, values, head=["cls"])

    assert bare.config is not None
    assert named.config is not None
    assert (bare.config.task_type, bare.config.modules_to_save) == (None, [])
    assert bare.trainable_parameters == 2 * 2 * (8 + 8)
    assert named.config.modules_to_save == ["cls"]


class Rows(torch.utils.data.Dataset[Mapping[str, torch.Tensor]]):
    """Four short sequences of random tokens."""

    def __len__(self) -> int:
        """Four."""
        return 4

    def __getitem__(self, index: int) -> Mapping[str, torch.Tensor]:
        """Tokens and a label."""
        tokens = torch.tensor([2, 4 + index, 5, 3])
        return {"input_ids": tokens, "labels": torch.tensor(index % 2)}


def test_a_trainer_of_hugging_face_trains_what_it_wraps(tmp_path: Path) -> None:
    """Two steps change the adapters and the head, and nothing else."""
    torch.manual_seed(0)
    model: PreTrainedModel = BertForSequenceClassification(BERT)
    before = copy.deepcopy(model.state_dict())
    lora = LoraTrial(model, {"rank": 2, "alpha": 4, "targets": "all-linear"})
    wrapped = lora.wrap(model)
    arguments = TrainingArguments(
        str(tmp_path),
        max_steps=2,
        per_device_train_batch_size=2,
        learning_rate=0.1,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
    )
    Trainer(wrapped, arguments, train_dataset=Rows()).train()
    after = wrapped.state_dict()
    changed = [n for n in trained(wrapped) if "lora_B" in n or "classifier" in n]

    assert all(after[name].abs().sum() > 0 for name in changed)
    assert not torch.equal(
        after["base_model.model.classifier.modules_to_save.default.weight"],
        before["classifier.weight"],
    )
    for name, weight in before.items():
        if not name.startswith("classifier"):
            place = name.replace(".weight", ".base_layer.weight").replace(
                ".bias", ".base_layer.bias"
            )
            found = f"base_model.model.{name}"
            kept = after[found] if found in after else after[f"base_model.model.{place}"]
            assert torch.equal(kept, weight), name


@pytest.mark.parametrize(
    ("values", "messages"),
    [
        (
            {"r": 3, "lora_alpha": 6, "target_modules": "query"},
            [
                "values.r must be called 'rank', got 3.",
                "values.target_modules must be called 'targets', got 'query'.",
                "values.lora_alpha must be called 'alpha', got 6.",
                "values must have rank, got ['lora_alpha', 'r', 'target_modules'].",
                "values must have targets, got ['lora_alpha', 'r', 'target_modules'].",
                "values must have alpha or scaling, got ['lora_alpha', 'r', 'target_modules'].",
            ],
        ),
        (
            {"rank": -1, "alpha": 1, "scaling": 2, "targets": "query", "dropout": 2},
            ["space.rank must be", "space.dropout must be", "space.scaling must not be given"],
        ),
        ({"rank": 2, "alpha": 1, "targets": "quary"}, ["a target must match a linear layer"]),
        ({"rank": 2, "alpha": 1, "targets": "classifier"}, ["a target must not name the head"]),
    ],
)
def test_values_that_would_be_passed_over_are_refused(
    values: Mapping[str, float | str], messages: list[str]
) -> None:
    """A default in place of a misnamed value would make a study of nothing."""
    with pytest.raises(SpecError) as caught:
        LoraTrial(esm(), values)

    assert len(caught.value.faults) == len(messages)
    assert all(m in text for m, text in zip(messages, caught.value.faults, strict=False))
    assert isinstance(caught.value, TargetError) == messages[0].startswith("a target")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (None, "head must be given for a model that is no token or sequence classifier"),
        (["classifier", "cls"], "head must name modules of the model, got 'classifier'"),
    ],
)
def test_an_unknown_head_is_refused(head: list[str] | None, message: str) -> None:
    """It would be frozen, or a language model's trained in full."""
    values = {"rank": 2, "alpha": 2, "targets": "value"}
    with pytest.raises(SpecError) as caught:
        LoraTrial(BertForMaskedLM(BERT), values, head)

    assert len(caught.value.faults) == 1
    assert message in caught.value.faults[0]
