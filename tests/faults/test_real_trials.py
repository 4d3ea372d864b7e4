"""Real fine-tunes (NF4 and PEFT) that are interrupted reach the same MCC, bit for bit."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from faults.campaign import Campaign, run_campaign

from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets
from sweep.storage.url import StorageUrl

SPEC = StudySpec(
    name="real",
    objective="objectives.binding.objective:BindingObjective",
    space=Space({"rank": Choice(1, 4), "targets": TargetSets("qkv", "all-linear")}),
    settings={
        "alpha": 8,
        "dropout": 0.1,
        "learning_rate": 5e-3,
        "class_weight": 4,
        "steps": 30,
        "evaluate_every": 0.2,
        "batch_tokens": 1024,
        "train_chains": 120,
        "validation_chains": 40,
        "train_metric_chains": 8,
    },
    sampler=Sampler("grid"),
    budget=Budget(trials=4),
).with_changes(policy={"max_retries": 1000})


def files(campaign: Campaign) -> Counter[str]:
    """Names of the files that trials left behind."""
    assert campaign.address.path is not None
    folder = campaign.address.path.with_name("s.db.files")
    return Counter(path.name for path in folder.rglob("*") if path.is_file())


def begun(folder: Path) -> Campaign:
    """A study in its own folder."""
    folder.mkdir()
    return Campaign(StorageUrl.parse(f"sqlite:///{folder}/s.db"), folder, SPEC, random.Random(7))


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_interrupted_real_trials_reach_the_same_bits(tmp_path: Path) -> None:
    """Twelve hits on four trials; no checkpoint remains, and only the best trial's adapter."""
    plain = begun(tmp_path / "plain")
    started = time.monotonic()
    plain.run_to_the_end()
    whole = time.monotonic() - started
    campaign = begun(tmp_path / "hit")
    run_campaign(campaign, 12, longest=whole * 0.8)

    trials = campaign.trials()
    print(
        f"uninterrupted {whole:.0f} s; hits {dict(campaign.hits)}, {campaign.launches} launches,",
        Counter(trial.state.name for trial in trials),
    )
    assert campaign.hits.total() >= 3
    assert campaign.results() == plain.results()
    metrics = [
        {
            tuple(trial.params.items()): trial.user_attrs["metrics"]["loss"]
            for trial in each.trials()
            if trial.state.name == "COMPLETE"
        }
        for each in (plain, campaign)
    ]
    assert metrics[0] == metrics[1]
    kept = {"adapter_model.safetensors": 1, "adapter_config.json": 1, "trial.json": 1}
    assert files(campaign) == files(plain) == kept
