"""Entries of a base's config.json other than its architecture change nothing, or are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from packed_runs import Run, run_pack
from safetensors.torch import load_file, save_file

from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.errors import SpecError
from sweep.study.trial import TrialParams

HARMLESS: list[dict[str, Any]] = [
    {"_attn_implementation": "flash_attention_2"},
    {"attn_implementation": "eager"},
    {"chunk_size_feed_forward": 7},
    {"dtype": "float16"},
    {"gradient_checkpointing": True},
    {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}},
    {"num_labels": 5, "problem_type": "regression"},
    {"output_attentions": True},
    {"output_hidden_states": True},
    {"return_dict": False},
    {"tie_word_embeddings": True},
    {"torch_dtype": "bfloat16"},
    {"torchscript": True},
    {"use_cache": True},
    {"add_cross_attention": True},
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"quantization_config": {"quant_method": "gptq", "bits": 4}},
        r"hold weights that are not quantised.*, got 'gptq' \(quantization_config in config.json",
    ),
    ({"num_hidden_layers": 3}, "hold every weight of the encoder"),
    ({"mask_token_id": None}, "run on tokens alone"),
]
SETTINGS = BindingSettings(
    device="cpu", batch_tokens=256, train_metric_chains=0, steps=2, learning_rate=3e-3
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache of prepared data for all of these bases, which have one tokenizer."""
    return str(tmp_path_factory.mktemp("cache"))


def inputs_of(base: Path, data: Path, cache: str) -> Inputs:
    """The inputs of a study on a base."""
    return Inputs({"data": str(data), "base": str(base), "cache": cache}, SETTINGS, ResidueBinary)


def changed(source: Path, folder: Path, changes: dict[str, Any]) -> Path:
    """A copy of a base with changed entries in its config.json."""
    copy = Path(shutil.copytree(source, folder / "copy"))
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | changes))
    return copy


@pytest.fixture(scope="module")
def untouched(tiny_folder: Path, tiny_data: Path, cache: str) -> Run:
    """A trial on the unchanged base."""
    return trained(inputs_of(tiny_folder, tiny_data, cache))


def trained(inputs: Inputs) -> Run:
    """A short trial."""
    values = {"targets": "all-linear", "rank": 2}
    return run_pack(inputs, SETTINGS, [TrialParams(0, values, seed=0)])[0]


@pytest.mark.parametrize(
    "changes",
    [
        *HARMLESS[::4],
        *(
            pytest.param(changes, marks=pytest.mark.integration)
            for place, changes in enumerate(HARMLESS)
            if place % 4
        ),
    ],
    ids=str,
)
def test_how_a_base_was_used_before_changes_no_bit_of_a_trial(
    changes: dict[str, Any],
    untouched: Run,
    tiny_folder: Path,
    tiny_data: Path,
    cache: str,
    tmp_path: Path,
) -> None:
    """``check`` accepts it, and these entries are reset to what trials need."""
    inputs = inputs_of(changed(tiny_folder, tmp_path, changes), tiny_data, cache)
    inputs.prove()

    assert trained(inputs).bits == untouched.bits


@pytest.mark.parametrize(("changes", "expected"), REFUSED, ids=str)
def test_a_base_on_which_every_trial_would_fail_is_refused(
    changes: dict[str, Any],
    expected: str,
    tiny_folder: Path,
    tiny_data: Path,
    cache: str,
    tmp_path: Path,
) -> None:
    """By ``check`` and at the start of a trial, with one message."""
    inputs = inputs_of(changed(tiny_folder, tmp_path, changes), tiny_data, cache)

    with pytest.raises(SpecError, match=expected) as caught:
        inputs.prove()
    assert len(caught.value.faults) == 1


def test_an_adapter_beside_the_weights_is_refused(
    tiny_folder: Path, tiny_data: Path, cache: str, tmp_path: Path
) -> None:
    """Transformers would load it silently, and no digest covers it."""
    copy = changed(tiny_folder, tmp_path, {})
    (copy / "adapter_config.json").write_text('{"peft_type": "LORA"}')

    with pytest.raises(SpecError, match=r"hold no adapter_config\.json .*merge_and_unload"):
        inputs_of(copy, tiny_data, cache).prove()


def test_weights_without_a_layer_are_refused_before_reading(
    tiny_folder: Path, tiny_data: Path, cache: str, tmp_path: Path
) -> None:
    """From the names of the tensors only."""
    copy = changed(tiny_folder, tmp_path, {})
    weights = load_file(copy / "model.safetensors")
    del weights["encoder.layer.1.attention.self.key.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(SpecError, match=r"every weight of the encoder.*layer\.1\.attention"):
        inputs_of(copy, tiny_data, cache).prove()
