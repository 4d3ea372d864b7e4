from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import EsmForTokenClassification

from objectives.binding.adapter import AdapterConfig, attached, trainable_parameters
from objectives.binding.base import Base
from objectives.binding.inputs import Inputs
from objectives.binding.learner import Learner
from objectives.binding.seeds import derive
from objectives.binding.settings import BindingSettings
from objectives.binding.targets import resolve

HEAD = ("classifier",)


def adapter(model: nn.Module, targets: str, rank: int = 4, **changes: object) -> AdapterConfig:
    """The adapter of a target set on a model."""
    modules = resolve(model, targets, HEAD).modules
    config = AdapterConfig.from_settings(BindingSettings(rank=rank, targets=targets), modules)
    return replace(config, **changes)  # type: ignore[arg-type]


def frozen_bytes(base: Base) -> dict[str, bytes]:
    """Every tensor of the base outside its head, quantisation state included."""
    return {
        name: tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        for name, tensor in base.model.state_dict().items()
        if not name.startswith(base.head)
    }


def trained_values(model: nn.Module) -> Mapping[str, torch.Tensor]:
    """What a trial starts from, by name."""
    return {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("targets", "rank", "expected"),
    [
        ("query", 8, 30_720 + 642),
        ("qkv", 8, 92_160 + 642),
        ("qkv", 2, 23_682),
        ("dense", 4, 92_160 + 642),
        ("none", 8, 642),
        ("all-linear", 0, 642),
    ],
)
def test_trainable_parameters_on_esm2_8m(
    esm2_8m: EsmForTokenClassification, targets: str, rank: int, expected: int
) -> None:
    """Rank times inputs plus outputs of each module, and the head; the card's 23 682 is one."""
    assert trainable_parameters(esm2_8m, adapter(esm2_8m, targets, rank), HEAD) == expected


@pytest.mark.parametrize("targets", ["query", "mlp.down", "attention", "all-linear"])
def test_parameters_are_counted_as_peft_counts_them(tiny_base: Base, targets: str) -> None:
    """The count worked out from shapes is the count of what PEFT made."""
    config = adapter(tiny_base.model, targets)
    with attached(tiny_base.model, config, tiny_base.head, seed=0) as model:
        counted, _ = model.get_nb_trainable_parameters()  # type: ignore[operator]

    assert counted == trainable_parameters(tiny_base.model, config, tiny_base.head)


def test_the_encoder_is_four_bit_and_the_head_is_not(tiny_base: Base) -> None:
    """Every linear layer of the encoder is NF4 with double quantisation; the head is float32."""
    encoder = [m for m in tiny_base.model.esm.encoder.modules() if isinstance(m, nn.Linear)]

    assert len(encoder) == 12
    assert all(isinstance(layer, Linear4bit) for layer in encoder)
    assert {layer.weight.quant_state.quant_type for layer in encoder} == {"nf4"}
    assert all(layer.weight.quant_state.nested for layer in encoder)
    assert type(tiny_base.model.classifier) is nn.Linear
    assert tiny_base.model.classifier.weight.dtype is torch.float32


def test_only_adapters_and_head_are_trained(tiny_base: Base) -> None:
    """Nothing of the frozen base asks for a gradient."""
    config = adapter(tiny_base.model, "qkv")
    with attached(tiny_base.model, config, tiny_base.head, seed=0) as model:
        trained = trained_values(model)

    assert all("lora_" in name or "classifier" in name for name in trained)
    assert sum("lora_A" in name for name in trained) == 6


@pytest.mark.parametrize("targets", ["all-linear", "none"])
def test_the_base_is_bit_identical_after_a_trial_that_fails(
    tiny_base: Base, tiny_inputs: Inputs, targets: str
) -> None:
    """Training and evaluation leave neither the weights nor the module tree changed."""
    before, modules = frozen_bytes(tiny_base), list(tiny_base.model.modules())
    config = adapter(tiny_base.model, targets)
    windows = tiny_inputs.splits.train

    def trial() -> None:
        with attached(tiny_base.model, config, tiny_base.head, seed=0) as model:
            learner = Learner(model, tiny_base.precision, 1)
            optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1.0)
            learner.read(windows, [0, 1])[0].sum().backward()
            optimizer.step()
            model.eval()
            with torch.no_grad():
                learner.read(windows, [0, 1])
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        trial()

    assert frozen_bytes(tiny_base) == before
    assert list(tiny_base.model.modules()) == modules
    assert not any(p.requires_grad for p in tiny_base.model.parameters())


def test_evaluation_computes_what_training_computes(tiny_base: Base, tiny_inputs: Inputs) -> None:
    """No other kernel in evaluation mode: on AVX512-BF16 bitsandbytes would take a bfloat16 one."""
    windows = tiny_inputs.splits.train
    with attached(
        tiny_base.model, adapter(tiny_base.model, "query"), tiny_base.head, seed=0
    ) as model:
        learner = Learner(model, tiny_base.precision, 1)
        model.train()
        training = learner.read(windows, [0, 1])[0].detach()
        model.eval()
        with torch.no_grad():
            evaluation = learner.read(windows, [0, 1])[0]

    torch.testing.assert_close(evaluation, training, rtol=0, atol=1e-6)


def test_a_module_starts_equal_whatever_else_is_adapted(tiny_base: Base) -> None:
    """Replicates are paired: head and shared adapters start the same for every target set."""
    starts = []
    for targets in ("query", "all-linear"):
        config = adapter(tiny_base.model, targets)
        with attached(tiny_base.model, config, tiny_base.head, seed=3) as model:
            starts.append(trained_values(model))
    narrow, wide = starts

    assert len(wide) > len(narrow)
    assert all(torch.equal(narrow[name], wide[name]) for name in narrow)


def test_the_head_starts_equal_without_adapters(tiny_base: Base) -> None:
    """The head-only baseline shares the head of its replicate."""
    heads = []
    for targets in ("none", "query"):
        config = adapter(tiny_base.model, targets)
        with attached(tiny_base.model, config, tiny_base.head, seed=3) as model:
            values = trained_values(model).items()
            heads.append([value for name, value in values if "classifier" in name])

    assert all(torch.equal(a, b) for a, b in zip(*heads, strict=True))


def test_a_wider_adapter_begins_with_the_narrower_ones_rows(tiny_base: Base) -> None:
    """Ranks are compared from the same start as far as shapes allow."""
    starts = []
    for rank in (2, 8):
        config = adapter(tiny_base.model, "query", rank)
        with attached(tiny_base.model, config, tiny_base.head, seed=3) as model:
            values = trained_values(model).items()
            starts.append([value for name, value in values if "lora_A" in name])

    for narrow, wide in zip(*starts, strict=True):
        assert torch.equal(narrow, wide[:2])


def test_seeds_give_different_starts(tiny_base: Base) -> None:
    """Both head and adapters follow the seed."""
    starts = []
    for seed in (0, 1):
        config = adapter(tiny_base.model, "query")
        with attached(tiny_base.model, config, tiny_base.head, seed) as model:
            starts.append(trained_values(model))

    differing = {name for name in starts[0] if not torch.equal(starts[0][name], starts[1][name])}
    assert any("classifier" in name for name in differing)
    assert sum("lora_A" in name for name in differing) == 2


def test_adapters_start_as_peft_starts_them(tiny_base: Base) -> None:
    """Under the derived seed, PEFT itself draws the same A, and B is zero."""
    path = "esm.encoder.layer.1.attention.self.query"
    config = AdapterConfig(rank=4, alpha=4.0, targets="query", modules=(path,))
    with attached(tiny_base.model, config, tiny_base.head, seed=5) as model:
        ours = trained_values(model)
    plain = nn.ModuleDict({"query": nn.Linear(32, 32)})
    torch.manual_seed(0)
    theirs = get_peft_model(plain, LoraConfig(r=4, target_modules=["query"]))  # type: ignore[arg-type]
    layer = theirs.base_model.model["query"]
    torch.manual_seed(derive(5, "adapter", path))
    layer.reset_lora_parameters("default", init_lora_weights=True)

    a = next(value for name, value in ours.items() if "lora_A" in name)
    b = next(value for name, value in ours.items() if "lora_B" in name)
    assert torch.equal(a, layer.lora_A["default"].weight)
    assert not b.any()


@pytest.mark.parametrize(("rslora", "scaling"), [(False, 2.0), (True, 4.0)])
def test_peft_gets_rank_alpha_dropout_and_rslora(
    tiny_base: Base, *, rslora: bool, scaling: float
) -> None:
    """Alpha 8 at rank 4 scales by 2, with rsLoRA by 4."""
    config = adapter(tiny_base.model, "query", alpha=8.0, dropout=0.25, rslora=rslora)
    with attached(tiny_base.model, config, tiny_base.head, seed=0):
        layer = tiny_base.model.esm.encoder.layer[0].attention.self.query
        assert layer.scaling["default"] == scaling
        assert layer.r["default"] == 4
        assert layer.lora_dropout["default"].p == 0.25
