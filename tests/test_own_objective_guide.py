"""The code of the guide docs/guides/own-objective.md runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from command import lorasweep
from transformers import BertConfig, BertForSequenceClassification

import sweep
from sweep import Baseline, Choice, TargetSets
from sweep.storage.studies import baselines

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "own-objective.md"
STUDY, SCRIPT, LORA = re.findall(
    r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
)


@pytest.mark.integration
def test_the_study_file_of_the_guide_runs(tmp_path: Path) -> None:
    """To its last trial, each with a curve."""
    (tmp_path / "digits.py").write_text(STUDY)
    done = lorasweep(tmp_path, "run", "digits.py", "--trials", "4", "--json")
    trials = json.loads(done.stdout)["trials"]

    assert [trial["state"] for trial in trials] == ["COMPLETE"] * 4
    assert 0.5 < json.loads(done.stdout)["best"]["metrics"]["accuracy"] < 1
    assert len(STUDY.splitlines()) < 30


def test_the_script_of_the_guide_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With fewer trials, it prints status, best trial and verdict."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    code = SCRIPT.replace("trials=30", "trials=5").replace(
        "())).headline", "()), quick=True).headline"
    )
    exec(code, names)  # noqa: S102 - our own page

    assert "trials     5/5 complete" in capsys.readouterr().out
    assert len(names["result"].table) == 5


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*pin_memory.*:UserWarning")
@pytest.mark.integration
def test_the_training_loop_of_the_guide_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a tiny BERT, with target sets, and the head alone as baseline."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path / "bert")
    rows = [{"input_ids": [2, 4 + n % 8, 5, 3], "labels": n % 2} for n in range(16)]
    names: dict[str, Any] = {
        "__name__": "guide",
        "BASE": str(tmp_path / "bert"),
        "TRAIN": rows,
        "VALIDATION": rows,
    }
    exec(LORA, names)  # noqa: S102 - our own page
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    result = sweep.optimize(
        names["loss"],
        {"targets": TargetSets("query", "all-linear"), "rank": Choice(2)},
        trials=2,
        storage=f"sqlite:///{tmp_path}/study.db",
        direction="minimize",
        settings={"alpha": 2, "learning_rate": 0.01, "steps": 1},
        baselines=(Baseline("head only", {"rank": 0, "targets": "none"}),),
    )
    (head_only,) = baselines(result.study).values()
    sizes = {row.values["targets"]: row.size or 0 for row in result.table.rows}

    assert sorted(sizes.values()) == [2 * 16 + 18, 2 * (4 * 16 + 2 * 20) + 18]
    assert head_only["metrics"]["trainable_parameters"] == 18
