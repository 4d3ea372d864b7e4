"""The short ``target_modules`` shown for PEFT adapt exactly the modules of the trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from tiers import first
from torch import nn
from transformers import (
    BertConfig,
    BertForTokenClassification,
    EsmForTokenClassification,
    RobertaConfig,
    RobertaForTokenClassification,
)

from objectives.binding.objective import BindingObjective
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import head_modules
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve, short_names
from objectives.lora.training.details import of_lora
from sweep.study.targets import GROUPS
from sweep.study.trial import TrialParams, ignore_reports

Make = Callable[..., BindingObjective]
SMALL = {
    "hidden_size": 32, "num_hidden_layers": 12, "num_attention_heads": 4, "intermediate_size": 64
}  # fmt: skip
TARGETS = [
    *GROUPS["all-linear"], *GROUPS, "query+mlp.down", "mlp.down+attention",
    "attention.output+mlp.down", "attention.output+mlp.up", "0.attention.self.query",
    "layer.1.output.dense+layer.5.attention.output.dense",
]  # fmt: skip


@pytest.fixture(scope="module", params=["esm", "bert", "roberta"])
def model(request: pytest.FixtureRequest, esm2_8m: EsmForTokenClassification) -> nn.Module:
    """Token classifiers without weights; the others have a pooler, or a head of several parts."""
    with torch.device("meta"):
        if request.param == "bert":
            return BertForTokenClassification(BertConfig(**SMALL, vocab_size=40))
        if request.param == "roberta":
            return RobertaForTokenClassification(RobertaConfig(**SMALL, vocab_size=40))
    return esm2_8m


def adapted(model: nn.Module, keywords: dict[str, Any]) -> dict[str, float]:
    """Paths of modules that PEFT adapts, with their scaling; the model is restored afterwards."""
    wrapped = get_peft_model(model, LoraConfig(**keywords))  # type: ignore[arg-type]
    found = {
        path.removeprefix("base_model.model."): module.scaling["default"]
        for path, module in wrapped.named_modules()
        if isinstance(module, LoraLayer)
    }
    wrapped.unload()
    return found


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.parametrize("targets", first(6, TARGETS[::-1]))
def test_peft_adapts_exactly_the_trials_modules(model: nn.Module, targets: str) -> None:
    """For every target set, on every model."""
    head = head_modules(model)  # type: ignore[arg-type]
    modules = resolve(model, targets, head).modules
    settings = BindingSettings(rank=3, scaling=0.7, targets=targets)
    config = AdapterConfig.from_settings(settings, modules)
    everything = [name for name, _ in model.named_modules()]
    (keywords,) = of_lora(config, head, everything).values()
    found = adapted(model, keywords)

    assert set(found) == set(modules)
    assert set(found.values()) == {config.scale}


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ("query+value", ["query", "value"]),
        ("qkv", ["query", "key", "value"]),
        ("mlp.up", ["intermediate.dense"]),
        ("mlp", r".*\.\d+\.(intermediate\.dense|output\.dense)"),
        ("mlp.down", r".*\.\d+\.output\.dense"),
        ("attention.output+mlp.down", ["output.dense"]),
        ("all-linear", ["query", "key", "value", "dense"]),
        ("0.attention.self.query", ["0.attention.self.query"]),
    ],
)
def test_names_are_those_a_user_would_write(
    esm2_8m: EsmForTokenClassification, targets: str, names: list[str] | str
) -> None:
    """A regular expression only for ambiguous suffixes: mlp.down's is attention.output's too."""
    modules = resolve(esm2_8m, targets, ["classifier"]).modules

    assert short_names(modules, [name for name, _ in esm2_8m.named_modules()]) == names


def test_full_paths_are_used_where_nothing_shorter_works() -> None:
    """For some layers of a kind, if their paths are suffixes of others."""
    paths = ["a.0.x", "a.1.x", "b.a.0.x", "a.2.x", "c"]

    assert short_names(["a.0.x", "a.1.x"], paths) == ["a.0.x", "a.1.x"]
    assert short_names(["c"], paths) == ["c"]


@pytest.mark.parametrize(
    "values",
    [
        {"rank": 4, "alpha": 8, "targets": "mlp.down"},
        {"rank": 3, "alpha": 5, "targets": "all-linear", "rslora": True, "dropout": 0.1},
        {"rank": 6, "scaling": 0.3, "targets": "query+value"},
        {"rank": 5, "scaling": 2.0, "targets": "qkv+mlp", "rslora": True},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
def test_a_trial_s_lora_config_reproduces_its_adapter(
    make_objective: Make, tiny_folder: Any, values: dict[str, Any]
) -> None:
    """The same modules, the same scaling, and as many parameters."""
    (result,) = make_objective(steps=1).run([TrialParams(0, values)], ignore_reports)
    keywords = dict(result.details["lora_config"])
    base = EsmForTokenClassification.from_pretrained(tiny_folder)
    found = adapted(base, keywords)

    assert set(found) == set(result.details["modules"])
    assert list(found.values()) == pytest.approx([result.details["scaling"]] * len(found))
    assert keywords["lora_dropout"] == values.get("dropout", 0.0)
    wrapped = get_peft_model(base, LoraConfig(**keywords))
    count = sum(p.numel() for p in wrapped.parameters() if p.requires_grad)
    assert count == result.details["trainable_parameters"]


def test_a_head_only_trial_has_no_lora_config(make_objective: Make) -> None:
    """Not even an empty one."""
    values = {"rank": 0, "targets": "none"}
    (result,) = make_objective(steps=1).run([TrialParams(0, values)], ignore_reports)

    assert "lora_config" not in result.details
