"""On the embedded base and synthetic data, adapting and pre-training both improve MCC.

Through the real objective at the demo's settings: NF4 base, PEFT adapters, validation MCC.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, EsmForMaskedLM

from objectives import builtin
from objectives.binding.objective import BindingObjective
from studies.demo import STUDY
from sweep.study.trial import TrialParams, ignore_reports

ADAPTED = {"rank": 8, "alpha": 16, "targets": "qkv+attention.output+mlp.up+mlp.down"}
HEAD_ONLY = {"rank": 0, "targets": "none", "learning_rate": 1e-2}  # the head's better rate


def untrained(folder: Path) -> Path:
    """The embedded base with random weights."""
    source = builtin.path("esm2-mini")
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.manual_seed(0)
    EsmForMaskedLM(AutoConfig.from_pretrained(source)).half().save_pretrained(folder)
    return folder


def validation_mcc(base: str, values: dict[str, object], cache: Path) -> float:
    """The value of one trial."""
    inputs = {"data": "builtin:motifs", "base": base, "cache": str(cache)}
    objective = BindingObjective(STUDY.settings, inputs)
    (result,) = objective.run([TrialParams(0, values, seed=0)], ignore_reports)
    assert result.failure is None
    assert result.value is not None
    return result.value


@pytest.mark.slow
def test_adapting_beats_the_head_alone_and_pretraining_beats_chance(tmp_path: Path) -> None:
    """Rank 8 everywhere gains over 0.3 of MCC on the head alone, and 0.1 on an untrained base."""
    cache = tmp_path / "cache"
    adapted = validation_mcc("builtin:esm2-mini", ADAPTED, cache)
    head_only = validation_mcc("builtin:esm2-mini", HEAD_ONLY, cache)
    random_base = validation_mcc(str(untrained(tmp_path / "random")), ADAPTED, cache)

    figures = f"adapted {adapted:.3f}, head only {head_only:.3f}, random base {random_base:.3f}"
    assert 0.5 < adapted < 0.95
    assert adapted > head_only + 0.3, figures
    assert adapted > random_base + 0.1, figures
