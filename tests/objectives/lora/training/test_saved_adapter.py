"""Saved adapters reproduce a trial's validation MCC with PEFT alone, without lorasweep."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interrupting import Reports, deterministic, every_run, one_run
from numpy.typing import NDArray
from packed_reference import load
from peft import PeftConfig, PeftModel
from safetensors.torch import load_file
from sklearn.metrics import matthews_corrcoef
from tiers import first
from torch import nn
from transformers import AutoTokenizer, BitsAndBytesConfig

from objectives.binding.objective import BindingObjective
from objectives.data.prepare.windows import Windows
from objectives.lora.adapter_config import four_bit_config
from objectives.lora.training.trial import Trial
from objectives.metrics.metrics import Predictions
from sweep.study.trial import TrialParams, TrialState

Make = Callable[..., BindingObjective]
LEARNS: dict[str, Any] = {"learning_rate": 1e-2, "steps": 40, "class_weight": 5.0}
ADAPTED = {"rank": 4, "alpha": 8, "targets": "all-linear"}
HEAD = {"rank": 0, "targets": "none"}


def plain_base(folder: Path) -> nn.Module:
    """The base quantised by transformers and bitsandbytes alone."""
    return load(folder).eval()


def validation(data: Path) -> tuple[list[str], list[list[int]]]:
    """Sequences of the validation file, and whether each residue binds any ligand."""
    lines = (data / "validation.csv").read_text().splitlines()[1:]
    labels: dict[str, list[int]] = {}
    for line in lines:
        _, sequence, row, _ = line.split(",")
        known = labels.get(sequence, [0] * len(sequence))
        labels[sequence] = [a | int(b) for a, b in zip(known, row, strict=True)]
    return list(labels), list(labels.values())


def plain_mcc(model: nn.Module, folder: Path, data: Path) -> float:
    """Validation MCC, one chain at a time."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    sequences, labels = validation(data)
    predicted: list[Sequence[int]] = []
    with torch.no_grad():
        for sequence in sequences:
            logits = model(**tokenizer(sequence, return_tensors="pt")).logits[0, 1:-1]
            predicted.append(logits.argmax(-1).tolist())
    return float(matthews_corrcoef(np.concatenate(labels), np.concatenate(predicted)))


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.parametrize("rslora", [False, pytest.param(True, marks=pytest.mark.integration)])
def test_plain_peft_reproduces_the_validation_mcc(
    make_objective: Make, tiny_folder: Path, tiny_data: Path, tmp_path: Path, *, rslora: bool
) -> None:
    """On a freshly loaded base, to the last digit."""
    params = TrialParams(0, {**ADAPTED, "rslora": rslora}, folder=str(tmp_path), keep=True)
    result = one_run(make_objective(**LEARNS), params)
    adapter = tmp_path / "adapter"
    model = PeftModel.from_pretrained(plain_base(tiny_folder), str(adapter)).eval()

    assert result.value is not None
    assert result.value > 0.4  # an adapter that was not loaded would score about 0
    assert plain_mcc(model, tiny_folder, tiny_data) == result.value
    assert {each.name for each in adapter.iterdir()} == {
        "adapter_model.safetensors", "adapter_config.json", "trial.json",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.parametrize(
    "values",
    [
        pytest.param(ADAPTED, marks=pytest.mark.integration),
        {**ADAPTED, "rank": 3, "rslora": True, "dropout": 0.2},
    ],
    ids=str,
)
def test_plain_peft_predicts_what_the_trial_predicted(
    make_objective: Make,
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, Any],
) -> None:
    """Every margin of the validation split agrees to 1e-5."""
    made: list[NDArray[np.float64]] = []
    windows: list[Windows] = []
    plain = Trial.validate

    def validate(trial: Trial, predictions: Predictions) -> None:
        made.append(predictions.margin)
        windows.append(trial.validation)
        plain(trial, predictions)

    monkeypatch.setattr(Trial, "validate", validate)
    one_run(make_objective(**LEARNS), TrialParams(0, values, folder=str(tmp_path), keep=True))
    model = PeftModel.from_pretrained(plain_base(tiny_folder), str(tmp_path / "adapter")).eval()
    margins: list[NDArray[np.float64]] = []
    with torch.no_grad():
        for ids in windows[-1].input_ids:
            logits = model(input_ids=torch.tensor(ids)[None]).logits[0, 1:-1].double()
            margins.append((logits[:, 1] - logits[:, 0]).numpy())

    assert np.std(made[-1]) > 0.5
    np.testing.assert_allclose(np.concatenate(margins), made[-1], rtol=0, atol=1e-5)


def test_a_head_only_trial_reproduces_the_validation_mcc(
    make_objective: Make, tiny_folder: Path, tiny_data: Path, tmp_path: Path
) -> None:
    """With the head loaded into the base."""
    params = TrialParams(0, HEAD, folder=str(tmp_path), keep=True)
    result = one_run(make_objective(**{**LEARNS, "learning_rate": 1e-1}), params)
    model = plain_base(tiny_folder)
    head = load_file(tmp_path / "adapter" / "head.safetensors")
    keys = model.load_state_dict(head, strict=False)

    assert keys.unexpected_keys == []
    assert set(head) == {"classifier.weight", "classifier.bias"}
    assert result.value is not None
    assert result.value > 0.4
    assert plain_mcc(model, tiny_folder, tiny_data) == result.value
    assert not (tmp_path / "adapter" / "adapter_config.json").exists()


def test_the_record_describes_training_and_data(make_objective: Make, tmp_path: Path) -> None:
    """Values, seed, MCC, threshold, base, versions; adapter_config.json names the base too."""
    params = TrialParams(4, ADAPTED, seed=8, folder=str(tmp_path), keep=True)
    objective = make_objective({"base": "builtin:esm2-mini"}, steps=2)
    (result,) = objective.run([params], lambda *_: False)
    record = json.loads((tmp_path / "adapter" / "trial.json").read_text())
    config = PeftConfig.from_pretrained(str(tmp_path / "adapter"))

    assert (record["number"], record["seed"], record["values"]) == (4, 8, ADAPTED)
    assert sorted(config.target_modules) == sorted(result.details["modules"])
    assert len(config.target_modules) > 20  # where PEFT shortens them
    assert record["mcc"] == result.value
    assert record["threshold"] == result.metrics["threshold"]
    assert record["mcc_at_threshold"] == result.metrics["mcc_at_threshold"]
    assert record["base"] == config.base_model_name_or_path == "builtin:esm2-mini"
    assert record["settings"]["steps"] == 2
    assert record["compute_dtype"] == "float32"
    assert record["fingerprints"] == objective.facts().fingerprints
    assert record["versions"]["peft"] == version("peft")


@pytest.mark.parametrize("quantization", first(1, ["nf4", "none"]))
def test_the_record_has_the_quantisation_config(
    make_objective: Make, tmp_path: Path, quantization: str
) -> None:
    """The arguments that transformers and bitsandbytes need to load the base without lorasweep."""
    objective = make_objective(steps=1, quantization=quantization, compute_dtype="bfloat16")
    one_run(objective, TrialParams(0, ADAPTED, folder=str(tmp_path), keep=True))
    load = json.loads((tmp_path / "adapter" / "trial.json").read_text())["load"]
    embedded = make_objective({"base": "builtin:esm2-mini"}, steps=1)
    one_run(embedded, TrialParams(0, HEAD, folder=str(tmp_path / "mini"), keep=True))
    mini = json.loads((tmp_path / "mini" / "adapter" / "trial.json").read_text())["load"]

    assert (load["dtype"], load["compute_dtype"], load["labels"]) == ("float32", "bfloat16", 2)
    assert load["max_residues"] == 126  # the tiny base's length, without special tokens
    assert (load["trust_remote_code"], load["embedded"]) == (False, None)
    assert Path(files(mini["embedded"][0]) / mini["embedded"][1] / "config.json").is_file()  # type: ignore[arg-type]
    if quantization == "none":
        assert load["four_bit"] is None
        return
    made = BitsAndBytesConfig(**load["four_bit"], bnb_4bit_compute_dtype=torch.bfloat16)
    assert made.to_dict() == four_bit_config(torch.bfloat16, ["classifier"]).to_dict()


def test_a_resumed_trial_saves_the_same_adapter(make_objective: Make, tmp_path: Path) -> None:
    """Byte for byte, also if an earlier run's folder exists."""
    objective = make_objective(steps=4, dropout=0.2)
    left = {}
    for name in ("whole", "parts"):
        params = TrialParams(0, ADAPTED, folder=str(tmp_path / name), keep=True)
        every_run(objective, params, 1 if name == "parts" else 9)
        one_run(objective, params)  # killed before its result was stored
        adapter = tmp_path / name / "adapter"
        left[name] = {each.name: each.read_bytes() for each in adapter.iterdir()}

    assert left["whole"] == left["parts"]


def test_only_complete_trials_that_keep_it_save_an_adapter(
    make_objective: Make, tmp_path: Path
) -> None:
    """Not pruned ones, not others, and none without a folder."""
    objective = make_objective(steps=4, evaluate_every=0.5)
    asked = TrialParams(0, ADAPTED, folder=str(tmp_path / "asked"), keep=True)
    pruned = one_run(objective, asked, reports=Reports(2))
    one_run(objective, TrialParams(0, ADAPTED, folder=str(tmp_path / "not asked")))
    nowhere = one_run(objective, TrialParams(0, ADAPTED, keep=True))

    assert pruned.state is TrialState.PRUNED
    assert nowhere.failure is None
    assert not list(tmp_path.rglob("adapter*"))


def test_an_adapter_that_cannot_be_written_fails_no_trial(
    make_objective: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The metrics are kept; the log says what is missing, and no partial file remains."""
    objective = make_objective(steps=2)
    folder = tmp_path / "trial"
    folder.mkdir()
    (folder / "adapter").write_text("in the way")
    params = TrialParams(0, ADAPTED, folder=str(folder), keep=True)
    kept = one_run(objective, params)

    assert deterministic(kept) == deterministic(one_run(objective, TrialParams(0, ADAPTED)))
    assert "the adapter" in caplog.text
    assert "cannot be written" in caplog.text
    assert {each.name for each in folder.iterdir()} == {"adapter", "checkpoint.safetensors"}
