"""Fixtures: a kept adapter of the embedded base, and a FASTA file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.study.loading import load_objective
from sweep.study.trial import TrialParams, TrialState, ignore_reports

CHAINS = {"first": "MKVLAAGDKRKKMMSDKLL", "second": "GAGKSTWYV", "third": "M"}


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trial that was trained for one step."""
    folder = tmp_path_factory.mktemp("trial")
    settings = {
        "device": "cpu",
        "steps": 1,
        "train_metric_chains": 0,
        "train_chains": 8,
        "validation_chains": 4,
    }
    objective = load_objective(
        "objectives.binding.objective:BindingObjective", settings, {"cache": str(folder / "cache")}
    )
    params = TrialParams(0, {"rank": 2, "targets": "query"}, folder=str(folder), keep=True)
    (result,) = objective.run([params], ignore_reports)
    assert result.state == TrialState.COMPLETE
    return folder / "adapter"


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    """Three chains."""
    path = tmp_path / "chains.fasta"
    path.write_text("".join(f">{name} a title\n{held}\n" for name, held in CHAINS.items()))
    return path
