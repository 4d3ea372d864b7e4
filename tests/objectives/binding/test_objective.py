from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from objectives.binding.objective import BindingObjective
from objectives.tasks.objective import failure_reason
from sweep.errors import DataError, SpecError
from sweep.study.loading import load_objective
from sweep.study.parameters import Choice, Float, Int, TargetSets
from sweep.study.space import Space
from sweep.study.trial import TrialParams, TrialResult, TrialState, ignore_reports

Make = Callable[..., BindingObjective]
VALUES = {"rank": 4, "alpha": 8, "targets": "key+query+value"}
LEARNS = {"learning_rate": 1e-1, "steps": 150, "class_weight": 5.0}


def run(objective: BindingObjective, values: dict[str, Any], **params: Any) -> TrialResult:
    """One trial that must not fail."""
    (result,) = objective.run([TrialParams(0, values, **params)], ignore_reports)
    assert result.failure is None, result.failure
    return result


def deterministic(result: TrialResult) -> dict[str, Any]:
    """The metrics without those that depend on the clock or the process."""
    noisy = ("seconds", "tokens_per_second", "peak_memory_bytes")
    return {name: value for name, value in result.metrics.items() if name not in noisy}


def test_a_trial_gives_its_validation_mcc(make_objective: Make) -> None:
    """The value is the MCC among the metrics, and everything is JSON."""
    result = run(make_objective(steps=5), VALUES)

    assert result.state is TrialState.COMPLETE
    assert result.value == result.metrics["mcc"]
    assert json.loads(json.dumps(result.metrics)) == result.metrics
    assert set(result.metrics["per_ligand"]) == {"ARG", "POS"}
    assert result.metrics["mcc_gap"] == result.metrics["train_mcc"] - result.metrics["mcc"]
    for name in ("loss", "step_loss", "train_loss", "roc_auc", "mcc_at_threshold", "seconds"):
        assert np.isfinite(result.metrics[name]), name


def test_a_trial_records_what_was_adapted(make_objective: Make) -> None:
    """Full paths, kinds, count and the number of trained parameters."""
    details = run(make_objective(steps=1), VALUES).details

    assert details["module_count"] == len(details["modules"]) == 6
    assert details["kinds"] == {
        "attention.self.query": 2,
        "attention.self.key": 2,
        "attention.self.value": 2,
    }
    assert details["trainable_parameters"] == 4 * 64 * 6 + 66
    assert details["adapter_parameters"] == 4 * 64 * 6
    assert (details["device"], details["compute_dtype"]) == ("cpu", "float32")
    assert details["scaling"] == 2.0


def test_labels_are_aligned_with_their_residues(make_objective: Make) -> None:
    """A trained head reads each residue's letter, so labels shifted by one would score about 0."""
    result = run(make_objective(**LEARNS), {"rank": 0, "targets": "none"})

    assert result.value is not None
    assert result.value > 0.9


def test_labels_shifted_by_one_cannot_be_learnt(
    make_objective: Make, tiny_data: Path, tmp_path: Path
) -> None:
    """With label i on residue i - 1, as in the recipe of ESM-2's model card."""
    for split in ("train", "validation", "test"):
        lines = (tiny_data / f"{split}.csv").read_text().splitlines()
        rows = [line.split(",") for line in lines[1:]]
        moved = [[name, seq, labels[1:] + "0", ligand] for name, seq, labels, ligand in rows]
        text = "\n".join([lines[0], *(",".join(row) for row in moved)])
        (tmp_path / f"{split}.csv").write_text(text + "\n")
    result = run(make_objective({"data": str(tmp_path)}, **LEARNS), {"rank": 0, "targets": "none"})

    assert result.value is not None
    assert result.value < 0.3


def test_label_shift_reports_aligned_metrics_too(make_objective: Make, tiny_inputs: Any) -> None:
    """It trains and scores on shifted labels; ``aligned_*`` scores the unshifted ones."""
    objective = make_objective(**LEARNS)
    head = {"rank": 0, "targets": "none"}
    shifted = run(objective, {**head, "label_shift": 1}, final_test=True)
    inputs = tiny_inputs.splits

    assert shifted.value is not None
    assert shifted.value < 0.3
    assert shifted.metrics["residues"] == shifted.metrics["aligned_residues"]
    assert shifted.metrics["positives"] == shifted.metrics["aligned_positives"]
    assert shifted.metrics["aligned_mcc"] != shifted.value
    assert shifted.metrics["test_positives"] == sum((r == 1).sum() for r in inputs.test.labels)
    assert "aligned_mcc" not in run(objective, head).metrics


def test_the_same_seed_gives_the_same_metrics_whatever_ran_before(make_objective: Make) -> None:
    """Bit for bit, in a used process and in a fresh objective, with dropout on."""
    settings = {"steps": 6, "dropout": 0.2, "learning_rate": 1e-2}
    used = make_objective(**settings)
    first = run(used, VALUES, seed=7)
    run(used, {"rank": 8, "alpha": 1, "targets": "mlp.up"}, seed=1)
    torch.rand(3)
    (failed,) = used.run([TrialParams(1, VALUES | {"learning_rate": 1e30})], ignore_reports)
    again = run(used, VALUES, seed=7)
    fresh = run(make_objective(**settings), VALUES, seed=7)

    assert failed.state is TrialState.FAIL
    assert deterministic(first) == deterministic(again) == deterministic(fresh)


def test_another_seed_gives_another_trial(make_objective: Make) -> None:
    """Head, adapters, order and dropout all follow the seed."""
    objective = make_objective(steps=6)

    assert deterministic(run(objective, VALUES, seed=1)) != deterministic(
        run(objective, VALUES, seed=2)
    )


def test_a_diverging_trial_fails_with_reason_nan(make_objective: Make) -> None:
    """It has no value; exception class, message and traceback are kept."""
    objective = make_objective(steps=6, warmup=0.0)
    (result,) = objective.run([TrialParams(3, VALUES | {"learning_rate": 1e30})], ignore_reports)

    assert (result.number, result.state, result.value) == (3, TrialState.FAIL, None)
    assert result.failure is not None
    assert (result.failure.reason, result.failure.kind) == ("nan", "NonFiniteLossError")
    assert "lane.py" in result.failure.traceback


def test_a_diverging_trial_fails_alone(make_objective: Make) -> None:
    """The other trials of its pack have the results of running alone."""
    objective = make_objective(steps=6, dropout=0.1, warmup=0.0)
    rates = [1e-2, 1e30, 1e-3]
    pack = [TrialParams(n, VALUES | {"learning_rate": rate}) for n, rate in enumerate(rates)]
    results = {result.number: result for result in objective.run(pack, ignore_reports)}

    assert results[1].failure is not None
    assert results[1].failure.reason == "nan"
    for params in (pack[0], pack[2]):
        alone = run(objective, dict(params.values))
        assert deterministic(results[params.number]) == deterministic(alone)


def test_a_trial_that_cannot_be_built_fails_alone(make_objective: Make) -> None:
    """The other trials of its pack are trained."""
    objective = make_objective(steps=2)
    pack = [TrialParams(0, VALUES | {"targets": "no_such_layer"}), TrialParams(1, VALUES)]
    bad, good = sorted(objective.run(pack, ignore_reports), key=lambda result: result.number)

    assert bad.failure is not None
    assert (bad.failure.reason, bad.failure.kind) == ("exception", "TargetError")
    assert good.state is TrialState.COMPLETE


def test_running_out_of_memory_has_its_own_reason() -> None:
    """PyTorch raises a RuntimeError for it on a CPU."""
    with pytest.raises(RuntimeError, match="allocate") as caught:
        torch.empty(1 << 60, dtype=torch.uint8)

    assert failure_reason(caught.value) == "out_of_memory"
    assert failure_reason(torch.OutOfMemoryError("CUDA out of memory")) == "out_of_memory"
    assert failure_reason(MemoryError()) == "out_of_memory"
    assert failure_reason(RuntimeError("shapes differ")) == "exception"


def test_a_pruned_trial_has_no_value(make_objective: Make) -> None:
    """The metrics of the last evaluation are kept."""
    objective = make_objective(steps=6, evaluate_every=0.5)
    seen: list[tuple[int, int, float]] = []

    def prune(number: int, step: int, value: float, metrics: Any) -> bool:
        seen.append((number, step, value))
        assert all(isinstance(each, float) for each in metrics.values())
        return True

    (result,) = objective.run([TrialParams(5, VALUES)], prune)

    assert (result.state, result.value) == (TrialState.PRUNED, None)
    assert seen == [(5, 3, result.metrics["mcc"])]
    assert result.metrics["steps"] == 3


def test_the_test_split_is_scored_only_when_asked(make_objective: Make) -> None:
    """With the threshold chosen on validation; validation metrics stay the same."""
    objective = make_objective(steps=4)
    plain = run(objective, VALUES)
    final = run(objective, VALUES, final_test=True)

    assert not any(name.startswith("test_") for name in plain.metrics)
    assert final.value == plain.value
    assert final.metrics["test_threshold"] == final.metrics["threshold"]
    assert final.metrics["test_residues"] != final.metrics["residues"]


def test_a_final_test_without_a_test_split_is_refused_before_training(
    make_objective: Make, tiny_data: Path, tmp_path: Path
) -> None:
    """There is no split to score."""
    for split in ("train", "validation"):
        (tmp_path / f"{split}.csv").write_text((tiny_data / f"{split}.csv").read_text())
    objective = make_objective({"data": str(tmp_path)}, steps=1)
    (result,) = objective.run([TrialParams(0, VALUES, final_test=True)], ignore_reports)

    assert result.failure is not None
    assert "have a test split" in result.failure.message


@pytest.mark.parametrize(
    ("setting", "figure", "expected"),
    [
        ({"train_chains": 5}, ("train", "chains"), 5),
        ({"validation_chains": 4}, ("validation", "chains"), 4),
        ({"test_chains": 3}, ("test", "chains"), 3),
    ],
)
def test_data_settings_apply(
    make_objective: Make, setting: dict[str, int], figure: tuple[str, str], expected: int
) -> None:
    """Each cap shows in the summary."""
    data = make_objective(**setting).check(Space({"rank": Choice(1)}), [])["data"]

    assert data["splits"][figure[0]][figure[1]] == expected


def test_max_residues_and_data_seed_apply(make_objective: Make) -> None:
    """Long chains are dropped; another seed draws other chains."""
    plain = make_objective(train_chains=10).facts()
    short = make_objective(train_chains=10, max_residues=40).facts()
    other = make_objective(train_chains=10, data_seed=1).facts()

    assert short.about["data"]["dropped_long"] > 0
    assert len({each.fingerprints["data"] for each in (plain, short, other)}) == 3


def test_bad_records_are_skipped_only_when_asked(
    make_objective: Make, tiny_data: Path, tmp_path: Path
) -> None:
    """``skip_bad`` reaches the reader, as does the fraction carved out for validation."""
    text = (tiny_data / "train.csv").read_text()
    (tmp_path / "train.csv").write_text(text + "bad,ACDE,01,POS\n")
    inputs = {"data": str(tmp_path)}
    chains = {}
    for fraction in (0.1, 0.5):
        objective = make_objective(inputs, skip_bad=True, validation_fraction=fraction)
        data = objective.facts().about["data"]
        chains[fraction] = data["splits"]["validation"]["chains"]

    assert len(data["skipped_bad"]) == 1
    assert chains[0.1] < chains[0.5]
    with pytest.raises(DataError, match=r"train\.csv"):
        make_objective(inputs).facts()


def test_train_metric_chains_sets_how_many_chains_are_scored(make_objective: Make) -> None:
    """With 0 there are no training metrics."""
    some = run(make_objective(steps=1, train_metric_chains=3), VALUES).metrics
    more = run(make_objective(steps=1, train_metric_chains=9), VALUES).metrics
    none = run(make_objective(steps=1, train_metric_chains=0), VALUES).metrics

    assert 0 < some["train_residues"] < more["train_residues"]
    assert "train_residues" not in none


def test_threads_are_set_for_the_worker_only(make_objective: Make) -> None:
    """Results depend on the setting, not on the number of cores."""
    make_objective(threads=2).run([], ignore_reports)
    set_to = torch.get_num_threads()
    details = run(make_objective(steps=1, threads=1), VALUES).details

    assert (set_to, details["threads"]) == (2, 1)


def test_facts_name_inputs_versions_and_workers(make_objective: Make) -> None:
    """The facts that a resume compares and that ``status`` shows."""
    facts = make_objective().facts()

    assert set(facts.fingerprints) == {"data", "base"}
    assert set(facts.versions) == {
        "torch", "transformers", "peft", "bitsandbytes", "datasets", "scikit-learn",
    }  # fmt: skip
    assert facts.workers >= 1
    assert facts.about["base"]["max_residues"] == 126
    assert json.loads(json.dumps(facts.about)) == facts.about


def test_check_resolves_every_target_set(make_objective: Make) -> None:
    """Labels, paths, counts and parameters by rank; baselines' sets too."""
    space = Space({"rank": Choice(1, 4), "targets": TargetSets("mlp", wide="all-linear")})
    report = make_objective().check(space, [{"rank": 0, "targets": "none"}])
    by_label = {entry["label"]: entry for entry in report["targets"]}

    assert list(by_label) == ["mlp", "wide", "none"]
    assert by_label["mlp"]["count"] == len(by_label["mlp"]["modules"]) == 4
    assert by_label["mlp"]["trainable_parameters"] == {"1": 4 * 96 + 66, "4": 16 * 96 + 66}
    assert report["data"]["splits"]["train"]["chains"] == 40
    assert report["base"]["layers"] == 2
    assert json.loads(json.dumps(report)) == report


def test_check_and_facts_state_the_memory_of_the_largest_trial(make_objective: Make) -> None:
    """The largest rank, dropout and target set of space and baselines; as estimated alone."""
    objective = make_objective(base_weights="nf4")
    small = {"rank": Choice(1, 4), "targets": TargetSets("query", "mlp")}
    wider = {**small, "dropout": Choice(0.0, 0.1), "batch_tokens": Choice(64, 128)}
    found = [objective.check(Space(space), [])["memory"] for space in (small, wider)]
    large = {"rank": 9, "targets": "all-linear", "batch_tokens": 1000}
    found.append(objective.check(Space(wider), [large])["memory"])

    assert [each["largest_trial"] for each in found] == [
        {"targets": "mlp", "rank": 4, "dropout": 0.0, "batch_tokens": 256},
        {"targets": "mlp", "rank": 4, "dropout": 0.1, "batch_tokens": 128},
        {"targets": "all-linear", "rank": 9, "dropout": 0.1, "batch_tokens": 1000},
    ]
    assert found[1]["lane_bytes"] < found[0]["lane_bytes"] < found[2]["lane_bytes"]
    assert found[0]["lane_bytes"] > found[0]["activations_bytes"] > 0
    assert found[0]["parameters_bytes"] == 4 * (16 * 96 + 66)
    assert found[2]["step_tokens"] == 1000
    assert found[0]["base_bytes"] > found[0]["base_nf4_bytes"] > 2 * (4 * 32**2 + 2 * 32 * 64) / 2
    assert not any(each["gradient_checkpointing"] for each in found)
    assert objective.facts().about["memory"] == found[2]


def test_check_reports_all_faults_at_once(make_objective: Make) -> None:
    """Unknown parameters, bad bounds, bad names and bad baselines, before any training."""
    space = Space(
        {
            "rank": Float(1, 4),
            "learning_rate": Float(0, 1),
            "schedule": Choice("linear", "step"),
            "threads": Int(1, 2),
            "heads": Int(1, 2),
            "targets": TargetSets("qkv", "query+q_proj"),
        }
    )
    with pytest.raises(SpecError, match="q_proj") as caught:
        make_objective().check(space, [{"ranks": 0}, {"targets": "v_proj"}])
    message = "\n".join(caught.value.faults)

    for name in ("rank", "learning_rate", "schedule", "threads", "heads", "ranks"):
        assert f"space.{name} must" in message or f"baseline.{name} must" in message, name
    assert "got 'v_proj'" in message
    assert len(caught.value.faults) == len(set(caught.value.faults))


def test_faults_of_settings_and_inputs_are_reported_together(make_objective: Make) -> None:
    """A wrong input name and a wrong setting in one error."""
    with pytest.raises(SpecError, match=r"inputs\.bass") as caught:
        make_objective({"bass": "x"}, steps=0)

    assert len(caught.value.faults) == 2


def test_the_objective_is_found_by_its_dotted_name() -> None:
    """As a study spec names it."""
    objective = load_objective("objectives.binding.objective:BindingObjective", {"rank": 2}, {})

    assert isinstance(objective, BindingObjective)


def test_nothing_is_printed(make_objective: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output is for the command's JSON document; libraries must not print."""
    run(make_objective(steps=1), VALUES)
    out, err = capfd.readouterr()

    assert (out, err) == ("", "")
