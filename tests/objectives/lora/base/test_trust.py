"""Pickles and a base's own code run only if the user allows it."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
import transformers.dynamic_module_utils
from safetensors.torch import load_file

from objectives.binding.objective import BindingObjective
from objectives.lora.base.checks import Trust
from objectives.lora.base.load import Precision, load_base
from objectives.lora.base.source import fingerprint, locate
from objectives.lora.settings import BindingSettings
from sweep.errors import DataError, SpecError
from sweep.study.trial import TrialParams, TrialResult, ignore_reports

Make = Callable[..., BindingObjective]
PLAIN = Precision.from_settings(BindingSettings(device="cpu", quantization="none"))
PICKLE = Trust(pickle=True)
CODE = Trust(code=True)
MODULE = """
from pathlib import Path

from transformers import EsmConfig, EsmForTokenClassification

(Path(MARKER)).write_text("ran")


class TwistedConfig(EsmConfig):
    model_type = "twisted-esm"


class TwistedForTokenClassification(EsmForTokenClassification):
    config_class = TwistedConfig
    _keys_to_ignore_on_load_missing = ["rotary_embeddings.inv_freq"]  # worked out, not stored

    def forward(self, *args, **kwargs):
        found = super().forward(*args, **kwargs)
        found.logits = -found.logits
        return found
"""


class Evil:
    """An object whose unpickling creates a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """What unpickling calls."""
        return Path.touch, (self.marker,)


@pytest.fixture
def pickled(tiny_folder: Path, tmp_path: Path) -> Path:
    """The tiny base with only ``pytorch_model.bin`` as weights."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "pickled"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


@pytest.fixture
def twisted(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny base with its own modelling file, which creates a file when it runs."""
    modules = str(tmp_path / "modules")
    monkeypatch.setattr(transformers.dynamic_module_utils, "HF_MODULES_CACHE", modules)
    monkeypatch.syspath_prepend(modules)
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "twisted"))
    marker = repr(str(tmp_path / "marker"))
    (folder / "twisted.py").write_text(MODULE.replace("MARKER", marker))
    config = json.loads((folder / "config.json").read_text())
    names = {
        "AutoConfig": "twisted.TwistedConfig",
        "AutoModelForTokenClassification": "twisted.TwistedForTokenClassification",
    }
    config |= {"model_type": "twisted-esm", "auto_map": names}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def run(objective: BindingObjective) -> TrialResult:
    """One short trial that must not fail."""
    params = TrialParams(0, {"rank": 2, "alpha": 4, "targets": "query+value"}, seed=3)
    (result,) = objective.run([params], ignore_reports)
    assert result.failure is None, result.failure
    return result


@pytest.mark.parametrize("index", [False, True])
def test_pickled_weights_are_refused_with_a_remedy(
    make_objective: Make,
    pickled: Path,
    index: bool,  # noqa: FBT001
) -> None:
    """As one file or in shards; the message names both remedies and the reason."""
    if index:
        (pickled / "pytorch_model.bin").rename(pickled / "pytorch_model-1.bin")
        listed = json.dumps({"weight_map": {"a": "pytorch_model-1.bin"}})
        (pickled / "pytorch_model.bin.index.json").write_text(listed)
    message = r"can run any code when it is read, got .* save_pretrained .* or give --allow-pickle"

    with pytest.raises(SpecError, match=message) as caught:
        make_objective({"base": str(pickled)}).facts()
    with pytest.raises(SpecError, match=message):
        load_base(pickled, PLAIN)

    assert len(caught.value.faults) == 1


def test_allowed_pickled_weights_give_the_same_model(
    make_objective: Make, tiny_folder: Path, pickled: Path
) -> None:
    """Every tensor of the encoder, and every metric of a trial."""
    safe = load_base(tiny_folder, PLAIN).model.base_model.state_dict()
    unsafe = load_base(pickled, PLAIN, PICKLE).model.base_model.state_dict()

    assert safe.keys() == unsafe.keys()
    assert all(safe[name].equal(unsafe[name]) for name in safe)
    one = run(make_objective(steps=3))
    two = run(make_objective({"base": str(pickled)}, steps=3, allow_pickle=True))
    assert one.value == two.value
    assert one.metrics["loss"] == two.metrics["loss"]


def test_the_setting_applies_to_the_data_too(
    make_objective: Make, tiny_data: Path, tmp_path: Path
) -> None:
    """One setting allows pickled weights and pickled chains."""
    for split in ("train", "validation"):
        lines = (tiny_data / f"{split}.csv").read_text().splitlines()
        header = lines[0].split(",")
        rows = [dict(zip(header, line.split(","), strict=True)) for line in lines[1:]]
        (tmp_path / f"{split}.pkl").write_bytes(pickle.dumps(rows))
    inputs = {"data": str(tmp_path)}

    with pytest.raises(DataError, match=r"(?s)train\.pkl.*--allow-pickle.*validation\.pkl"):
        make_objective(inputs).facts()
    chains = make_objective(inputs, allow_pickle=True).facts().about["data"]["splits"]

    assert (chains["train"]["chains"], chains["validation"]["chains"]) == (40, 4)


def test_allowed_sharded_pickles_are_read(pickled: Path) -> None:
    """Older large models are published like this."""
    weights = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    whole = load_base(pickled, PLAIN, PICKLE).model.base_model.state_dict()
    (pickled / "pytorch_model.bin").unlink()
    names = sorted(weights)
    placed = {}
    for shard, held in (("pytorch_model-1.bin", names[:7]), ("pytorch_model-2.bin", names[7:])):
        torch.save({name: weights[name] for name in held}, pickled / shard)
        placed |= dict.fromkeys(held, shard)
    index = json.dumps({"metadata": {}, "weight_map": placed})
    (pickled / "pytorch_model.bin.index.json").write_text(index)

    parts = load_base(pickled, PLAIN, PICKLE).model.base_model.state_dict()

    assert all(parts[name].equal(whole[name]) for name in whole)


def test_safetensors_are_preferred_to_pickles(pickled: Path, tiny_folder: Path) -> None:
    """With both files the pickle is never opened, allowed or not."""
    shutil.copy(tiny_folder / "model.safetensors", pickled)
    (pickled / "pytorch_model.bin").write_bytes(b"no weights")

    for trust in (Trust(), PICKLE):
        assert locate(str(pickled), trust) == pickled
        assert load_base(pickled, PLAIN, trust).head == ("classifier",)
    assert fingerprint(pickled) == fingerprint(tiny_folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "EOFError"),
        (b"garbage" * 99, "pytorch_model.bin must be a whole weight file, got 'UnpicklingError"),
        (pickle.dumps([1, 2], protocol=2), "pytorch_model.bin must be a whole weight file"),
    ],
)
def test_a_damaged_pickle_is_one_fault(pickled: Path, content: bytes, message: str) -> None:
    """A message without traceback."""
    (pickled / "pytorch_model.bin").write_bytes(content)

    with pytest.raises(SpecError, match=message):
        locate(str(pickled), PICKLE)


def test_a_pickle_of_another_object_is_a_fault(pickled: Path) -> None:
    """A list of tensors has no names."""
    torch.save([torch.zeros(2)], pickled / "pytorch_model.bin")

    with pytest.raises(SpecError, match="it holds a list in place of tensors by name"):
        locate(str(pickled), PICKLE)


def test_code_in_allowed_weights_does_not_run(pickled: Path, tmp_path: Path) -> None:
    """PyTorch loads them with ``weights_only``."""
    marker = tmp_path / "marker"
    torch.save({"a": Evil(marker)}, pickled / "pytorch_model.bin")

    with pytest.raises(SpecError, match=r"pytorch_model\.bin must be a whole weight file"):
        locate(str(pickled), PICKLE)

    assert not marker.exists()


@pytest.mark.parametrize("trusted", [False, True])
def test_pickled_weights_of_a_hub_model_are_refused_too(
    pickled: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,  # noqa: FBT001
) -> None:
    """A snapshot in the Hub's cache, read offline."""
    cache = tmp_path / "hub" / "models--someone--esm"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0" * 40)
    snapshot = Path(shutil.copytree(pickled, cache / "snapshots" / ("0" * 40)))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    if trusted:
        assert locate("someone/esm", PICKLE) == snapshot
    else:
        with pytest.raises(SpecError, match=r"got 'someone/esm'.* or give --allow-pickle"):
            locate("someone/esm")


def test_a_base_with_its_own_code_is_refused_and_the_code_does_not_run(
    make_objective: Make, twisted: Path, tmp_path: Path
) -> None:
    """Without a prompt for the user."""
    message = r"bring no code of its own.*auto_map in config\.json.*give --trust-remote-code"

    with pytest.raises(SpecError, match=message):
        make_objective({"base": str(twisted)}).facts()
    with pytest.raises(SpecError, match=message):
        load_base(twisted, PLAIN)

    assert not (tmp_path / "marker").exists()


def test_a_base_with_its_own_code_runs_when_allowed(
    make_objective: Make, twisted: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    """Its class is used, in ``facts`` and in a whole trial."""
    model = load_base(twisted, PLAIN, CODE).model
    plain = load_base(tiny_folder, PLAIN).model

    assert (tmp_path / "marker").read_text() == "ran"
    assert type(model).__name__ == "TwistedForTokenClassification"
    model.classifier.load_state_dict(plain.classifier.state_dict())
    tokens = torch.tensor([[0, 4, 5, 6, 2]])
    with torch.no_grad():
        mirrored, straight = model.eval()(tokens).logits, plain.eval()(tokens).logits
    assert mirrored.equal(-straight)
    objective = make_objective({"base": str(twisted)}, steps=2, trust_remote_code=True)
    assert objective.facts().about["base"]["model_type"] == "twisted-esm"
    assert run(objective).metrics["steps"] == 2


def test_code_beside_a_known_architecture_is_refused_too(copy_of_tiny: Path) -> None:
    """The code may use the weights in another way."""
    config = json.loads((copy_of_tiny / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "own.Model"}
    (copy_of_tiny / "config.json").write_text(json.dumps(config))

    with pytest.raises(SpecError, match=r"auto_map in config\.json"):
        locate(str(copy_of_tiny))


def test_a_tokenizer_with_its_own_code_is_refused(copy_of_tiny: Path) -> None:
    """Tokenizers name code in their own configuration file."""
    path = copy_of_tiny / "tokenizer_config.json"
    own = {"auto_map": {"AutoTokenizer": ["own.Tokenizer", None]}}
    path.write_text(json.dumps(json.loads(path.read_text()) | own))

    with pytest.raises(SpecError, match=r"auto_map in tokenizer_config\.json"):
        locate(str(copy_of_tiny))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import no_such_package_at_all\n", "no_such_package_at_all"),
        ("raise RuntimeError('no luck')\n", "RuntimeError: no luck"),
        ("", "TwistedConfig"),
    ],
)
def test_trusted_code_that_fails_is_one_message(twisted: Path, module: str, message: str) -> None:
    """Any exception of the base's own code."""
    (twisted / "twisted.py").write_text(module)

    with pytest.raises(SpecError, match=rf"^base must have a config\.json .*{message}"):
        load_base(twisted, PLAIN, CODE)


@pytest.fixture
def copy_of_tiny(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
