"""The whole path as a user walks it: real files, NF4 base, PEFT adapters, SQLite."""

import json
from pathlib import Path

import pytest
from command import lorasweep

from objectives.data.motifs import generate

COMMON = ("--set", "steps=3", "--set", "batch_tokens=400", "--workers", "1", "--json")


def write_chains(folder: Path, *, flip: bool = False) -> Path:
    """Chains as text files, one ligand each; ``flip`` moves one binding residue by one."""
    train, test = generate(train_chains=40, test_chains=10)
    for split, chains in (("train", train), ("test", test)):
        (folder / split).mkdir(parents=True)
        for ligand in sorted({name for chain in chains for name in chain.ligands}):
            lines = [
                (chain.id, chain.sequence, sorted(chain.ligands[ligand]))
                for chain in chains
                if ligand in chain.ligands
            ]
            if flip and split == "train":
                first = lines[0]
                lines[0] = (first[0], first[1], [first[2][0] + 1, *first[2][1:]])
            (folder / split / f"{ligand}_{split}.txt").write_text(
                "".join(
                    f"{name};A;{' '.join(f'{seq[p]}{p + 1}' for p in places)};{seq}\n"
                    for name, seq, places in lines
                )
            )
    return folder


@pytest.mark.slow
def test_a_real_sweep_runs_resumes_refuses_and_is_tested_once(tmp_path: Path) -> None:
    """Two trials and two baselines; a moved folder resumes, a changed label does not."""
    data = write_chains(tmp_path / "chains")
    url = f"sqlite:///{tmp_path}/s.db"
    run = ("run", "studies.binding_sites", "--storage", url, *COMMON)
    first = lorasweep(tmp_path, *run, "--data", "chains", "--trials", "2")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["phases"]["counted"] == 2  # three steps teach nothing: each may run twice
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
