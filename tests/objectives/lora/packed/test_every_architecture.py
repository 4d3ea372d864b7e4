"""Each architecture trains as a plain PEFT loop does, or is refused before training."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from encoders import classifier_of, config_of, residue_tokenizer
from packed_masks import Masks, padded
from packed_reference import Plain, furthest, plain_training, with_start
from packed_runs import Run, run_pack
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForTokenClassification, BitsAndBytesConfig

from objectives.binding.objective import BindingObjective
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.sample import sharpen
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.errors import SpecError
from sweep.study.parameters import Choice
from sweep.study.space import Space
from sweep.study.trial import TrialParams

STILL = dict.fromkeys(
    (
        "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout",
        "classifier_dropout", "seq_classif_dropout", "dropout_rate", "hidden_dropout",
    ),
    0.0,
)  # fmt: skip
ROTARY = {"position_embedding_type": "rotary", "mask_token_id": 32, "token_dropout": True}
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
LOCAL = {"local_attention": 16, "global_attn_every_n_layers": 2}
RUN: dict[str, dict[str, Any]] = {
    "modernbert": LOCAL,
    "modernbert, dropping": {**LOCAL, "attention_dropout": 0.1, "mlp_dropout": 0.1},
    "eurobert": GROUPED,
    "deberta-v2": {"conv_kernel_size": 3},
    "esmc": {},
    "llama": GROUPED,
}
"""Architectures with changes of their configuration that cover all code paths."""

QUICK = ("llama", "modernbert, dropping")
"""Those that take a moment; the others run in the integration tests."""

LONG: dict[str, dict[str, Any]] = {
    "albert": {},
    "bert": {},
    "bert, causal": {"is_decoder": True},
    "big_bird": {},
    "camembert": {},
    "convbert": {},
    "deberta": {},
    "distilbert": {},
    "electra": {},
    "ernie": {},
    "esm": ROTARY,
    "esm, absolute": {"position_embedding_type": "absolute", "emb_layer_norm_before": True},
    "longformer": {"attention_window": 16},
    "megatron-bert": {},
    "mistral": {**GROUPED, "sliding_window": 9},
    "mpnet": {},
    "nomic_bert": {},
    "qwen3": GROUPED,
    "roberta": {},
    "roformer": {},
    "ultrabert": {},
    "xlm-roberta": {},
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "gemma2": ({**GROUPED}, r"ask of attention a scale, .* got 'softcap \(50\.0\)'"),
    "gpt2": ({"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 132}, "have linear layers"),
    "big_bird": ({"attention_type": "block_sparse"}, r"stay as it is .*attention_type changed"),
    "mobilebert": ({}, r"the logits that transformers alone computes, got 'logits \d+ % of their"),
    "bros": ({}, "run on tokens alone, .* You have to specify bbox"),
    "nystromformer": ({"num_landmarks": 4}, r"run on tokens alone, .* shape '"),
    "openai_privacy_filter": (GROUPED, r"ask of attention a scale, .* got 's_aux"),
}
SETTINGS = BindingSettings(
    device="cpu", batch_tokens=256, train_metric_chains=0, steps=10, learning_rate=3e-3
)


@pytest.fixture(scope="module")
def base_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, dict[str, Any]], Path]:
    """Saves a base of an architecture with random weights that give peaked attention."""

    def save(name: str, changes: dict[str, Any]) -> Path:
        folder = tmp_path_factory.mktemp("base")
        torch.manual_seed(0)
        model = classifier_of(config_of(name, **{**STILL, **changes}), "cpu")
        for module in model.modules():
            sharpen(module)
        model.base_model.save_pretrained(folder)
        residue_tokenizer().save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="module")
def inputs_of(
    tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], dict[str, str]]:
    """The inputs of a study on such a base."""
    cache = str(tmp_path_factory.mktemp("cache"))
    return lambda base: {"data": str(tiny_data), "base": str(base), "cache": cache}


@pytest.mark.parametrize(
    "name",
    [
        *QUICK,
        *(pytest.param(name, marks=pytest.mark.integration) for name in RUN if name not in QUICK),
        *(pytest.param(name, marks=pytest.mark.slow) for name in LONG),
    ],
)
def test_an_architecture_trains_as_a_plain_peft_loop(
    name: str,
    base_of: Callable[[str, dict[str, Any]], Path],
    inputs_of: Callable[[Path], dict[str, str]],
) -> None:
    """All matrices adapted, in NF4, on the same batches; ``check``'s parameter counts are right."""
    folder = base_of(name, {**RUN, **LONG}[name])
    inputs = Inputs(inputs_of(folder), SETTINGS, ResidueBinary)
    inputs.prove()
    values = {"targets": "all-linear", "rank": 4}
    run = run_pack(inputs, SETTINGS, [TrialParams(0, values, seed=0)])[0]
    plain = plain_run(folder, run)

    assert run.result is not None
    assert run.result.metrics["steps"] == len(plain.losses) == 10
    assert furthest(run.losses, plain.losses) < 1e-5
    assert max(abs(loss - plain.losses[0]) for loss in plain.losses) > 0.01


@pytest.mark.parametrize("name", REFUSED)
def test_an_unsupported_architecture_is_refused_by_check(
    name: str,
    base_of: Callable[[str, dict[str, Any]], Path],
    inputs_of: Callable[[Path], dict[str, str]],
) -> None:
    """In one message, also at the first trial, which makes the same checks."""
    changes, expected = REFUSED[name]
    objective = BindingObjective({"device": "cpu"}, inputs_of(base_of(name, changes)))

    with pytest.raises(SpecError, match=expected) as caught:
        objective.check(Space({"rank": Choice(2)}), [])
    assert len({fault for fault in caught.value.faults if "linear layers" not in fault}) <= 1
    with pytest.raises(SpecError, match=expected):
        objective.facts()


def plain_run(folder: Path, run: Run) -> Plain:
    """The same training by PEFT, on a padded model with its own attention."""
    trial = run.trial
    settings, lane, head = trial.settings, trial.lane, list(trial.model.head)
    adapters: AdapterConfig = lane.adapters.config
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
        llm_int8_skip_modules=head,
    )
    lora = LoraConfig(
        r=adapters.rank,
        lora_alpha=adapters.alpha,
        target_modules=list(adapters.modules),
        modules_to_save=head,
    )
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        model = AutoModelForTokenClassification.from_pretrained(
            folder, num_labels=2, dtype=torch.float32, quantization_config=four_bits
        )
        masks = None
        if any(module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)):
            masks = Masks(lane.plan.seed)
            model.set_attn_implementation("reference-masked")
        model = get_peft_model(model, lora)
    with_start(model, run.start)
    if masks is not None:
        masks.put_into(model)
    numbered = enumerate(lane.plan.batches, 1)
    batches = [padded(lane.windows, batch, step) for step, batch in numbered]
    return plain_training(model, settings, batches, torch.nn.CrossEntropyLoss(), masks)
