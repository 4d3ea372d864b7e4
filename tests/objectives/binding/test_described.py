"""Curves, calibration and intervals, which a trial computes once at its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupting import deterministic, one_run

from objectives.binding.objective import BindingObjective
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.trial import Trial
from objectives.metrics.curves import calibration, threshold_curve
from objectives.metrics.intervals import chains_of, mcc_intervals, pr_auc_interval
from objectives.metrics.metrics import Predictions
from objectives.metrics.scores import BinaryScores
from objectives.seeds import derive
from sweep.study.trial import TrialParams, TrialState

Make = Callable[..., BindingObjective]
VALUES = {"rank": 2, "targets": "query"}
ENDS = ("mcc_low", "mcc_high", "mcc_at_threshold_low", "mcc_at_threshold_high")
TREES = ("threshold_curve", "calibration")


def test_final_metrics_use_the_last_predictions(
    make_objective: Make, make_inputs: Callable[..., Inputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of validation, with its chains and threshold; the test split has its own."""
    made: list[tuple[Predictions, float]] = []
    described, scored = BinaryScores.describe, BinaryScores.score_test

    def describe(scores: BinaryScores, predictions: Predictions, chains: Any) -> None:
        made.append((predictions, scores.threshold))
        described(scores, predictions, chains)

    def score_test(scores: BinaryScores, predictions: Predictions, chains: Any) -> None:
        made.append((predictions, scores.threshold))
        scored(scores, predictions, chains)

    monkeypatch.setattr(BinaryScores, "describe", describe)
    monkeypatch.setattr(BinaryScores, "score_test", score_test)
    objective = make_objective(steps=30, learning_rate=3e-2, class_weight=4.0, evaluate_every=0.5)
    result = one_run(objective, TrialParams(0, VALUES, final_test=True))
    metrics, seed = result.metrics, derive(0, "bootstrap")
    inputs = make_inputs()
    data, splits = inputs.data, inputs.splits
    assert data.test is not None
    assert splits.test is not None
    both = {
        "": (made[0], chains_of(data.validation, splits.validation)),
        "test_": (made[1], chains_of(data.test, splits.test)),
    }

    assert len(made) == 2  # once per split, whatever was evaluated on the way
    for prefix, ((predictions, margin), chains) in both.items():
        wanted: dict[str, Any] = mcc_intervals(predictions, chains, margin, seed)
        wanted |= {"threshold_curve": threshold_curve(predictions, margin)}
        wanted |= {"calibration": calibration(predictions)}
        assert {name: metrics[f"{prefix}{name}"] for name in wanted} == wanted
        assert (
            metrics[f"{prefix}mcc_low"] <= metrics[f"{prefix}mcc"] <= metrics[f"{prefix}mcc_high"]
        )
    area = pr_auc_interval(both["test_"][0][0], both["test_"][1], seed)
    assert {name: metrics[f"test_{name}"] for name in area} == area
    assert "pr_auc_low" not in metrics
    assert json.loads(json.dumps(metrics)) == metrics


def test_the_curve_contains_the_trials_own_metrics(make_objective: Make) -> None:
    """At 0.5 and at the chosen threshold: MCC, precision and recall, to the last digit."""
    result = one_run(make_objective(steps=40, learning_rate=3e-2), TrialParams(0, VALUES))
    metrics, curve = result.metrics, result.metrics["threshold_curve"]
    positives, residues = metrics["positives"], metrics["residues"]
    for suffix, threshold in (("", 0.5), ("_at_threshold", metrics["threshold"])):
        at = curve["threshold"].index(threshold)
        tp, fp = curve["tp"][at], curve["fp"][at]
        fn, tn = positives - tp, residues - positives - fp
        sums = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        assert metrics[f"mcc{suffix}"] == (tp * tn - fp * fn) / sums**0.5
        assert metrics[f"precision{suffix}"] == tp / (tp + fp)
        assert metrics[f"recall{suffix}"] == tp / positives
    assert sum(metrics["calibration"]["residues"]) == residues
    assert sum(metrics["calibration"]["positives"]) == positives


def test_windows_of_one_chain_are_resampled_together(
    make_objective: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain in several windows is one unit of the bootstrap."""
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), n)) for n in (300, 40, 290, 30)]
    for split in ("train", "validation"):
        rows = [
            f"{split}{i},{s},{''.join(str(int(c == 'K')) for c in s)},POS"
            for i, s in enumerate(sequences if split == "validation" else ["AK" * 20])
        ]
        (tmp_path / f"{split}.csv").write_text("\n".join(["id,sequence,labels,ligand", *rows]))
    seen: list[Any] = []
    monkeypatch.setattr(
        BinaryScores, "describe", lambda _, predictions, chains: seen.append((predictions, chains))
    )
    one_run(make_objective({"data": str(tmp_path)}, steps=1), TrialParams(0, VALUES))
    ((predictions, chains),) = seen

    assert chains.tolist() == np.repeat(range(4), [300, 40, 290, 30]).tolist()
    assert predictions.labels.tolist() == [int(c == "K") for s in sequences for c in s]


def test_a_trial_resumed_after_its_last_step_reports_the_same(
    make_objective: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its last checkpoint and its result, it predicts again."""
    objective = make_objective(steps=4, dropout=0.1)
    params = TrialParams(0, VALUES, folder=str(tmp_path))
    whole = one_run(objective, params)
    with monkeypatch.context() as patch:  # with its checkpoint no step remains
        patch.setattr(Trial, "validate", lambda *_: pytest.fail("there is nothing to evaluate"))
        again = one_run(objective, params)

    assert deterministic(again) == deterministic(whole)
    assert all(name in again.metrics for name in (*ENDS, *TREES))


def test_curves_are_computed_only_at_the_end(
    make_objective: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pruned trial has neither curves nor intervals, and a checkpoint holds none."""
    monkeypatch.setattr(BinaryScores, "describe", lambda *_: pytest.fail("it is not the end"))
    objective = make_objective(steps=4, evaluate_every=0.5)
    (result,) = objective.run([TrialParams(0, VALUES)], lambda *_: True)

    assert result.state is TrialState.PRUNED
    assert not {*ENDS, *TREES} & set(result.metrics)


def test_resamples_are_shared_by_trials_on_the_same_data(
    make_objective: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data seed, not the trial's, determines them, so that comparisons of trials are paired."""
    seeds = []

    class Spied(BinaryScores):
        def __init__(self, ligands: Any, seed: int) -> None:
            super().__init__(ligands, seed)
            seeds.append(self._seed)

    monkeypatch.setattr("objectives.tasks.residue_binary.BinaryScores", Spied)
    for data_seed in (0, 5):
        objective = make_objective(steps=1, data_seed=data_seed)
        for seed in (1, 2):
            one_run(objective, TrialParams(0, VALUES, seed=seed))

    assert seeds == [derive(0, "bootstrap")] * 2 + [derive(5, "bootstrap")] * 2
