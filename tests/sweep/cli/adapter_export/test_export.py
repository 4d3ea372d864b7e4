"""An exported adapter reproduces the trial's metrics with the code in its model card."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from command import lorasweep
from filelock import FileLock

from objectives.data.chain import IGNORED
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.cli import main
from sweep.cli.adapter_export.files import chosen_trial
from sweep.cli.adapter_export.retrain import refuse_another
from sweep.errors import SweepError
from sweep.storage.studies import load_study, quiet_optuna, read_spec
from sweep.storage.url import StorageUrl
from sweep.study.trial import TrialResult, TrialState

pytestmark = pytest.mark.integration

SETTINGS: dict[str, Any] = {
    "learning_rate": 1e-2, "steps": 24, "batch_tokens": 512, "class_weight": 4,
    "train_chains": 60, "validation_chains": 20, "test_chains": 10, "train_metric_chains": 4,
    "device": "cpu", "compute_dtype": "float32",  # in which figures come out to the last digit
}  # fmt: skip
STUDY = """
from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="small: one",
    objective="objectives.binding.objective:BindingObjective",
    space=Space({{"rank": Choice(2, 3), "targets": TargetSets("qkv+mlp.down")}}),
    sampler=Sampler("grid"),
    settings={settings!r},
    inputs={inputs!r},
    budget=Budget(trials=2),
)
"""
TOY = """
from sweep import Budget, Choice, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="toy",
    objective="objectives.synthetic:Synthetic",
    space=Space({"rank": Choice(1, 2), "alpha": Choice(1, 2), "targets": TargetSets("qkv", "mlp")}),
    settings={"function": "surface"},
    budget=Budget(trials=1),
)
"""
SCORING = """
import json, sys
chains = json.load(open("chains.json"))
found = [(binding(s) > at).int().tolist() for at in (0.5, threshold) for s in chains["sequences"]]
half = len(found) // 2
json.dump([sum(found[:half], []), sum(found[half:], [])], open("found.json", "w"))
"""


class Swept:
    """A finished study.

    Attributes:
        folder: the command's working directory.
        url: the database's URL.
        inputs: paths of its data and base.
        settings: the objective's settings.
    """

    def __init__(self, folder: Path, inputs: dict[str, str], settings: dict[str, Any]) -> None:
        self.folder, self.inputs, self.settings = folder, inputs, settings
        self.url = f"sqlite:///{folder}/study.db"

    def run(self) -> None:
        """Run two trials."""
        text = STUDY.format(settings=self.settings, inputs=self.inputs)
        (self.folder / "small.py").write_text(text)
        run = lorasweep(self.folder, "run", "small.py", "--storage", self.url, "--workers", "1")
        assert run.returncode == 0, run.stderr

    def export(self, *arguments: str) -> int:
        """The exit code of ``adapters export``."""
        return main(["adapters", "export", "--storage", self.url, *arguments])

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """All trials, the best last."""
        with quiet_optuna():
            found = load_study(StorageUrl.parse(self.url)).get_trials()
        return sorted(found, key=lambda trial: trial.value or 0.0)

    def validation(self) -> tuple[list[str], list[list[int]]]:
        """Sequences and labels of the validation chains."""
        inputs = Inputs(self.inputs, BindingSettings.from_mapping(self.settings), ResidueBinary)
        letters = inputs.tokenizer.convert_ids_to_tokens
        windows = inputs.splits.validation
        known = [row != IGNORED for row in windows.labels]
        sequences = [
            "".join(letters(ids[at].tolist()))
            for ids, at in zip(windows.input_ids, known, strict=True)
        ]
        labels = [row[at].tolist() for row, at in zip(windows.labels, known, strict=True)]
        return sequences, labels


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """Two trials on the embedded base and data; only the better one's adapter is kept."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # one study for all workers
    folder = shared / "swept"
    inputs = {
        "data": "builtin:motifs", "base": "builtin:esm2-mini", "cache": str(folder / "cache"),
    }  # fmt: skip
    study = Swept(folder, inputs, SETTINGS)
    with FileLock(shared / "swept.lock"):
        if not folder.exists():
            folder.mkdir()
            study.run()
    return study


def mcc(labels: list[list[int]], predicted: list[int]) -> float:
    """MCC from counts, as in the trial."""
    binds, chosen = np.concatenate(labels) == 1, np.array(predicted) == 1
    tp, fp = int((binds & chosen).sum()), int((~binds & chosen).sum())
    fn, tn = int((binds & ~chosen).sum()), int((~binds & ~chosen).sum())
    return float((tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5)


def run_the_cards_code(out: Path, sequences: list[str]) -> list[list[int]]:
    """The card's code's predictions at argmax and at the threshold, run with the folder only."""
    (out / "chains.json").write_text(json.dumps({"sequences": sequences}))
    card = (out / "README.md").read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```$", card, flags=re.DOTALL | re.MULTILINE)[0]
    assert "lorasweep" not in code.replace("# comes with lorasweep", "")
    env = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", code + SCORING]
    run = subprocess.run(command, cwd=out, env=env, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found: list[list[int]] = json.loads((out / "found.json").read_text())
    return found


def assert_the_trial(out: Path, swept: Swept, trial: optuna.trial.FrozenTrial) -> None:
    """The card's code gives the trial's validation metrics, to the last digit."""
    metrics = trial.user_attrs["metrics"]
    sequences, labels = swept.validation()
    at_half, at_threshold = run_the_cards_code(out, sequences)

    assert sum(map(len, labels)) == metrics["residues"]
    assert sum(at_half) == metrics["predicted_positives"] > 0
    assert mcc(labels, at_half) == trial.value
    assert mcc(labels, at_threshold) == metrics["mcc_at_threshold"]


@pytest.mark.slow
def test_the_cards_code_reproduces_the_trials_metrics(
    swept: Swept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With plain transformers, PEFT and bitsandbytes, from the exported folder only."""
    best = swept.trials()[-1]
    out = tmp_path / "new" / "adapter"
    assert swept.export("--trial", "best", "--out", str(out), "--json", "--license", "mit") == 0
    report = json.loads(capsys.readouterr().out)
    assert best.value is not None
    assert best.value > 0.05  # an adapter that was not loaded would score 0

    assert_the_trial(out, swept, best)
    assert report["trial"] == best.number
    assert report["value"] == best.value
    assert (report["retrained"], report["bitwise"]) == (False, True)
    assert report["out"] == str(out)
    assert report["files"] == [
        "README.md", "adapter_config.json", "adapter_model.safetensors", "trial.json",
    ]  # fmt: skip
    assert "\nlicense: mit\n" in (out / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_retrained_trial_has_the_same_adapter(
    swept: Swept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte for byte the kept one, and the database is unchanged."""
    database = swept.folder / "study.db"
    before = database.read_bytes()
    out, kept = tmp_path / "again", tmp_path / "kept"
    assert swept.export("--trial", "best", "--out", str(kept)) == 0
    assert swept.export("--trial", "best", "--out", str(out), "--retrain") == 0
    output = capsys.readouterr().out

    assert database.read_bytes() == before
    assert "again, to the same value, bit for bit" in output
    for name in ("adapter_model.safetensors", "adapter_config.json", "trial.json"):
        assert (out / name).read_bytes() == (kept / name).read_bytes(), name
    cards = [(each / "README.md").read_text(encoding="utf-8") for each in (kept, out)]
    assert "- trained again for this card: yes, to the same value, bit for bit\n" in cards[1]
    assert cards[0] == re.sub(r"- trained again for .*\n", "", cards[1])


def test_an_adapter_that_was_not_kept_is_an_error_with_two_remedies(
    swept: Swept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Retrain it, or keep all next time; nothing is written."""
    other = swept.trials()[0].number
    assert swept.export("--trial", str(other), "--out", str(tmp_path / "out")) == 1
    output = capsys.readouterr().err

    assert f"the adapter of trial {other} must be kept, got 'keep=best'" in output
    assert "--retrain" in output
    assert "--keep all" in output
    assert list(tmp_path.iterdir()) == []


def test_all_faults_of_a_command_are_reported_at_once(
    swept: Swept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is read; existing files stay."""
    (tmp_path / "mine").write_text("kept")
    wrong = ["--trial", "first", "--out", str(tmp_path), "--license", "My Own", "--base", "x"]
    assert swept.export(*wrong) == 2
    output = capsys.readouterr().err

    for option in ("--trial must", "--out must", "--license must", "--base must"):
        assert option in output
    assert (tmp_path / "mine").read_text() == "kept"


def test_an_empty_folder_is_filled_and_a_file_is_not_replaced(
    swept: Swept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that cannot be written is an error."""
    empty, file = tmp_path / "empty", tmp_path / "file"
    empty.mkdir()
    file.write_text("mine")

    assert swept.export("--trial", "best", "--out", str(empty)) == 0
    assert (empty / "adapter_model.safetensors").is_file()
    assert swept.export("--trial", "best", "--out", str(file)) == 2
    assert swept.export("--trial", "best", "--out", str(file / "below")) == 1
    assert file.read_text() == "mine"
    assert "--out must be a folder that can be written" in capsys.readouterr().err


def test_an_adapter_of_another_training_is_refused(
    swept: Swept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its folder is found by configuration, and may hold an adapter of another study."""
    copy = tmp_path / "study.db"
    shutil.copy(swept.folder / "study.db", copy)
    shutil.copytree(swept.folder / "study.db.files", tmp_path / "study.db.files")
    url, out = f"sqlite:///{copy}", tmp_path / "out"
    command = ["adapters", "export", "--storage", url, "--trial", "best", "--out", str(out)]
    with sqlite3.connect(copy) as database:
        database.execute("update trial_values set value = value + 1e-9")
    database.close()
    assert main(command) == 1
    assert "must be the one that the study measured" in capsys.readouterr().err

    (record,) = tmp_path.rglob("trial.json")
    weights = record.parent / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert main(command) == 1
    assert "got 'other contents of adapter_model.safetensors'" in capsys.readouterr().err
    weights.write_bytes(whole)

    record.write_text(json.dumps({**json.loads(record.read_text()), "load": None}))
    record.write_text(record.read_text().replace('"load": null', '"more": 1'))
    shutil.copy(swept.folder / "study.db", copy)
    assert main(command) == 1
    assert "must have a trial.json that says how to load it" in capsys.readouterr().err

    (record.parent / "adapter_config.json").unlink()
    assert main(command) == 1
    assert "must be one that PEFT loads" in capsys.readouterr().err
    assert not out.exists()


def test_only_a_complete_trial_can_be_chosen(swept: Swept) -> None:
    """By its number, or as the best; the message lists the others."""
    with quiet_optuna():
        spec = read_spec(load_study(StorageUrl.parse(swept.url)))
    trials = swept.trials()
    failed = optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL)
    failed.number = 9

    assert chosen_trial(trials, spec, "best") is trials[-1]
    assert chosen_trial(trials, spec, "0").number == 0
    for among, which, words in (
        ([], "best", "must find a complete trial"),
        ([*trials, failed], "9", "it reads FAIL"),
        (trials, "7", "one of the study's 2 trials"),
    ):
        with pytest.raises(SweepError, match=words):
            chosen_trial(among, spec, which)


@pytest.mark.slow
def test_a_retrained_value_that_differs_is_refused(swept: Swept) -> None:
    """Beyond rounding; the message names the packages that differ."""
    best = swept.trials()[-1]
    assert best.value is not None
    near = TrialResult(best.number, TrialState.COMPLETE, best.value + 5e-7)
    far = TrialResult(best.number, TrialState.COMPLETE, best.value + 2e-6)

    refuse_another(near, best, [])
    for result in (far, TrialResult(best.number, TrialState.COMPLETE, None)):
        with pytest.raises(SweepError, match=r"must have the value 0\.\d+ of .*torch: '1' -> '2'"):
            refuse_another(result, best, ["torch: '1' -> '2'"])


@pytest.mark.slow
def test_a_retraining_that_cannot_be_equal_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """With other inputs; and an objective without adapters has none to export."""
    caplog.set_level("INFO", "lorasweep")
    (tmp_path / "toy.py").write_text(TOY)
    url, out = f"sqlite:///{tmp_path}/study.db", tmp_path / "out"
    assert main(["run", str(tmp_path / "toy.py"), "--storage", url, "--workers", "1"]) == 0
    command = ["adapters", "export", "--storage", url, "--trial", "0", "--out", str(out)]
    assert main([*command, "--retrain"]) == 1
    assert "trial 0 must leave an adapter" in capsys.readouterr().err
    assert "training trial 0 again" in caplog.text

    caplog.clear()
    with quiet_optuna():
        study = load_study(StorageUrl.parse(url))
        study.set_user_attr("fingerprints", {"data": "another"})
    assert main([*command, "--retrain", "--data", str(tmp_path)]) == 1
    assert (
        'the inputs must hold what the study was made with, got "data: ' in capsys.readouterr().err
    )
    assert "training" not in caplog.text
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
def test_a_real_base_reproduces_the_trials_metrics(shared: Path, tmp_path: Path) -> None:
    """ESM-2 8M on real chains."""
    inputs = {
        "data": str(shared / "data" / "binding_residues"),
        "base": str(shared / "models" / "esm2_t6_8m"),
        "cache": str(tmp_path / "cache"),
    }
    real = {"max_residues": 200, "batch_tokens": 1024, "train_chains": 80, "steps": 40}
    swept = Swept(tmp_path, inputs, {**SETTINGS, **real})
    swept.run()
    out = tmp_path / "out"

    assert swept.export("--trial", "best", "--out", str(out)) == 0
    assert_the_trial(out, swept, swept.trials()[-1])
