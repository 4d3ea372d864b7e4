"""An end-to-end sweep: real files, NF4 base, PEFT adapters, SQLite."""

import json
from pathlib import Path

import pytest
from command import lorasweep
from motif_files import write_chains

COMMON = ("--set", "steps=3", "--set", "batch_tokens=400", "--workers", "1", "--json")


@pytest.mark.slow
def test_a_real_sweep_runs_resumes_refuses_and_is_tested_once(tmp_path: Path) -> None:
    """Two trials and two baselines; a moved folder resumes, a changed label is refused."""
    data = write_chains(tmp_path / "chains")
    url = f"sqlite:///{tmp_path}/s.db"
    run = ("run", "studies.binding_sites", "--storage", url, *COMMON)
    first = lorasweep(tmp_path, *run, "--data", "chains", "--trials", "2")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["phases"]["counted"] == 2  # three steps learn nothing: each may run twice
    assert len(report["baselines"]) == 3
    metrics = report["best"]["metrics"]
    assert {"mcc", "roc_auc", "pr_auc", "train_mcc", "per_ligand", "degenerate"} <= set(metrics)
    assert all(len(trial["modules"]) >= 12 for trial in report["trials"])

    data.rename(tmp_path / "moved")
    more = lorasweep(
        tmp_path,
        "resume",
        "--storage",
        url,
        "--data",
        "moved",
        "--trials",
        "3",
        "--final-test",
        "--workers",
        "1",
        "--json",
    )
    assert more.returncode == 0, more.stderr
    report = json.loads(more.stdout)
    assert report["phases"]["counted"] == 3
    final = report["final_test"]
    assert final["value_again"] == final["validation_value"]  # trained again to the same weights
    assert "test_mcc" in final["metrics"]

    write_chains(tmp_path / "changed", flip=True)
    refused = lorasweep(tmp_path, *run, "--data", "changed", "--trials", "4")
    assert refused.returncode == 1
    assert "data: content" in refused.stderr
    assert "changed" in refused.stderr
