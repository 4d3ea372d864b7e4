"""Trials of each task: kept adapters load in plain PEFT, and interrupted trials go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from interrupting import Reports, deterministic, every_run, one_run
from packed_reference import load
from peft import PeftModel
from task_data import write_data
from task_reference import plain_value
from tiers import first

from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.find import find_task, task_names
from objectives.tasks.objective import LoraObjective
from sweep.errors import SpecError
from sweep.study.trial import TrialParams

VALUES = {"rank": 4, "alpha": 8, "targets": "all-linear"}


def settings_of(name: str) -> dict[str, Any]:
    """Settings of a few steps with two evaluations."""
    own = {"pooling": "attention"} if name == "sequence_classes" else {}
    return {
        "task": name,
        "device": "cpu",
        "batch_tokens": 700,
        "steps": 6,
        "evaluate_every": 0.5,
        "train_metric_chains": 4,
        "learning_rate": 1e-2,
        **own,
    }


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.parametrize("name", first(2, sorted(task_names(), reverse=True)))
def test_an_adapter_is_kept_and_a_trial_goes_on(
    tiny_folder: Path, tmp_path: Path, name: str
) -> None:
    """The metric again in plain PEFT, and all bits again after an interruption."""
    places = {
        "data": str(write_data(tmp_path / "data", name)),
        "base": str(tiny_folder),
        "cache": str(tmp_path / "cache"),
    }
    objective = LoraObjective(settings_of(name), places)
    whole, parts = Reports(), Reports()
    kept = TrialParams(0, VALUES, folder=str(tmp_path / "a"), keep=True, final_test=True)
    result = one_run(objective, kept, reports=whole)
    again, runs = every_run(
        objective,
        TrialParams(0, VALUES, folder=str(tmp_path / "b"), final_test=True),
        2,
        parts,
    )

    assert result.value is not None, result.failure
    assert runs > 1
    assert deterministic(again) == deterministic(result)
    assert parts.curve == whole.curve
    settings = BindingSettings.from_mapping(settings_of(name))
    inputs = Inputs(places, settings, find_task(name))
    model = load(tiny_folder, labels=inputs.outputs)
    model = PeftModel.from_pretrained(model, str(tmp_path / "a" / "adapter"))
    found = plain_value(model, inputs.task(settings), inputs.splits.validation, 1)
    assert found == pytest.approx(result.value, rel=1e-4, abs=1e-4)
    record = json.loads((tmp_path / "a" / "adapter" / "trial.json").read_text())
    assert record["load"]["labels"] == inputs.outputs
    if name != "residue_binary":
        assert (record["task"], record["value"]) == (name, result.value)
        assert record["facts"] == inputs.facts


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"task": "sequence_regresion"}, "The nearest is 'sequence_regression'"),
        ({"task": "sequence_regression", "metric": "mcc"}, "be one of spearman, pearson, mae"),
        ({"task": "sequence_regression", "class_weight": "balanced"}, "class_weight must be"),
        ({"task": "sequence_classes", "class_weight": 3}, "be 'none' or 'balanced' in"),
        ({"task": "sequence_labels", "label_shift": 1}, "label_shift must be 0"),
        ({"task": "residue_classes", "pooling": "cls"}, "pooling must be 'mean'"),
        ({"metric": "spearman"}, "be one of mcc, mcc_at_threshold, pr_auc"),
    ],
)
def test_a_setting_that_means_nothing_in_a_task_is_refused(
    settings: dict[str, Any], said: str
) -> None:
    """Before anything is read."""
    with pytest.raises(SpecError) as caught:
        LoraObjective(settings, {})

    assert said in str(caught.value)


def test_the_metric_of_a_trial_is_a_setting(tiny_folder: Path, tmp_path: Path) -> None:
    """It is the value, the first of the metrics, and has its direction."""
    data = write_data(tmp_path / "data", "sequence_regression")
    places = {"data": str(data), "base": str(tiny_folder), "cache": str(tmp_path / "cache")}
    own = {**settings_of("sequence_regression"), "metric": "mae", "steps": 2}
    objective = LoraObjective(own, places)
    result = one_run(objective, TrialParams(0, VALUES))
    value = objective.facts().measures.value

    assert result.value == result.metrics["mae"] > 0
    about = objective.facts().about["data"]
    assert "positives" not in {*about, *about["splits"]["train"]}
    assert about["splits"]["train"]["labels"]["values"] == 30
    assert about["chains"] == 54
    assert (value.name, value.title) == ("mae", "MAE")
    assert value.direction_fault("minimize") == ""
    assert value.direction_fault("maximize") == (
        "direction must be 'minimize' for MAE, of which lower is better, got 'maximize'."
    )
