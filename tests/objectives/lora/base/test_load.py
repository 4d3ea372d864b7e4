from __future__ import annotations

import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from objectives.lora.base.config import base_limit, load_config, load_tokenizer, skeleton
from objectives.lora.base.load import Precision, encoder_parameters, load_base
from objectives.lora.base.source import fingerprint, locate
from objectives.lora.settings import BindingSettings
from sweep.errors import SpecError


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base to change."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "elsewhere"))


def test_a_moved_base_is_the_same_base(tiny_folder: Path, copy: Path) -> None:
    """The fingerprint depends on the content, not on the path."""
    assert fingerprint(copy) == fingerprint(tiny_folder)


def test_one_changed_weight_changes_the_fingerprint(tiny_folder: Path, copy: Path) -> None:
    """Weights that differ anywhere are another base."""
    weights = load_file(copy / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][5, 5] += 1e-3
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})

    assert fingerprint(copy) != fingerprint(tiny_folder)


@pytest.mark.parametrize("quantization", ["nf4", "none"])
def test_a_base_overwritten_after_it_was_read_stays_the_same(copy: Path, quantization: str) -> None:
    """Its weights are copied to memory, not mapped from the file."""
    base = load_base(copy, Precision(torch.device("cpu"), torch.float32, quantization))
    file = copy / "model.safetensors"
    before = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    with file.open("r+b") as opened:  # in place, as cp writes it
        opened.write(bytes(file.stat().st_size))

    after = base.model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_a_changed_configuration_changes_the_fingerprint(tiny_folder: Path, copy: Path) -> None:
    """The same weights with another configuration are another base; versions are ignored."""
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"transformers_version": "4.0.0"}))
    same = fingerprint(copy)
    (copy / "config.json").write_text(json.dumps(config | {"token_dropout": False}))

    assert same == fingerprint(tiny_folder)
    assert fingerprint(copy) != same


def test_a_local_folder_is_located(tiny_folder: Path) -> None:
    """A local base needs no network."""
    assert locate(str(tiny_folder)) == tiny_folder


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder"])
def test_a_missing_folder_is_not_taken_for_a_hub_name(name: str) -> None:
    """A path that does not exist is an error at once, not a download."""
    with pytest.raises(SpecError, match="base must be an existing folder, got"):
        locate(name)


def test_an_unknown_hub_name_offline_is_one_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without network or cache the message names the remedy."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))

    with pytest.raises(SpecError, match=r"got 'nobody/no-such-model' .* go online, or download"):
        locate("nobody/no-such-model")


def test_weights_that_do_not_fill_the_encoder_are_refused(copy: Path) -> None:
    """Transformers would initialise the missing ones at random and only log it."""
    weights = load_file(copy / "model.safetensors")
    del weights["encoder.layer.1.attention.self.key.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(SpecError, match=r"every weight of the encoder.*layer\.1\.attention"):
        load_base(copy, Precision.from_settings(BindingSettings(device="cpu")))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"intermediate_size": 48}, r"esm\.encoder\.layer\.0\.intermediate\.dense"),
        ({"num_hidden_layers": 3}, r"esm\.encoder\.layer\.2\..* and 13 more"),
    ],
)
def test_a_configuration_of_another_size_is_refused(
    copy: Path, change: dict[str, int], expected: str
) -> None:
    """Otherwise the base would be partly random."""
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | change))

    with pytest.raises(SpecError, match=f"missing or misshapen: {expected}"):
        load_base(copy, Precision.from_settings(BindingSettings(device="cpu")))


def test_half_precision_weights_are_widened(copy: Path) -> None:
    """A float16 file loads as float32 and computes as float32."""
    weights = {k: v.half() for k, v in load_file(copy / "model.safetensors").items()}
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    base = load_base(copy, Precision.from_settings(BindingSettings(device="cpu")))

    dtypes = {p.dtype for p in base.model.parameters() if p.is_floating_point()}
    assert dtypes == {torch.float32}


def test_quantization_none_keeps_plain_layers(tiny_folder: Path) -> None:
    """For comparisons without NF4."""
    settings = BindingSettings(device="cpu", quantization="none")
    base = load_base(tiny_folder, Precision.from_settings(settings))

    assert type(base.model.esm.encoder.layer[0].attention.self.query) is nn.Linear


def test_float16_is_refused_on_a_cpu() -> None:
    """It is slow there and underflows."""
    with pytest.raises(SpecError, match="not be 'float16' on a CPU"):
        Precision.from_settings(BindingSettings(device="cpu", compute_dtype="float16"))


def test_a_missing_gpu_is_refused() -> None:
    """A device index beyond the machine's is a fault of the settings."""
    with pytest.raises(SpecError, match="name a GPU of this machine"):
        Precision.from_settings(BindingSettings(device="cuda:99"))


def test_auto_on_a_cpu_computes_in_float32() -> None:
    """bfloat16 products are several times slower on most CPUs."""
    found = Precision.from_settings(BindingSettings(device="cpu"))

    assert found == Precision(torch.device("cpu"), torch.float32, "nf4")


def test_the_tiny_base_reads_126_residues(tiny_folder: Path) -> None:
    """128 positions after the padding offset of 130, less two special tokens."""
    assert base_limit(load_config(tiny_folder), load_tokenizer(tiny_folder)) == 126


def test_the_real_esm2_reads_1022_residues(shared: Path) -> None:
    """As published, with 7.4 M encoder parameters."""
    folder = shared / "models" / "esm2_t6_8m"

    assert base_limit(load_config(folder), load_tokenizer(folder)) == 1022
    assert encoder_parameters(skeleton(folder), ("classifier",)) == 7_408_960
