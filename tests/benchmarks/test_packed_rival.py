"""HF Trainer trains in every variant of the benchmark, and the results are rendered."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from benchmarks.packed import rival, table
from benchmarks.packed.figures import machine, settled, summary, versions
from benchmarks.packed.profile_step import kind
from benchmarks.packed.sides import Outcome
from benchmarks.packed.steps import parse_lengths
from benchmarks.packed.variants import VARIANTS, rival_options
from benchmarks.packed.work import Size, Work

ROOT = Path(__file__).parents[2]
SIZE = Size(train_chains=16, validation_chains=8, epochs=2, trials=3)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A small part of the embedded data."""
    return Work(SIZE, {}, tmp_path_factory.mktemp("work"))


def outcomes(seconds: float) -> list[list[Outcome]]:
    """Two rounds, the second of half the duration."""
    return [
        [Outcome(each, each / 2, each, each / 2, mcc=0.25, steps=8)]
        for each in (seconds, seconds / 2)
    ]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["stock", "best", "best-grouped"])
def test_trainer_trains_both_epochs(work: Work, name: str) -> None:
    """Trains a second epoch, because bitsandbytes can fail after the first evaluation."""
    job = work.job(work.trials[0], rival_options(VARIANTS[name], work.widest))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = rival.run(job)

    assert -1 <= found["mcc"] <= 1
    assert (found["steps"], found["evaluations"]) == (4, 2)
    assert 0 < found["train_cpu_seconds"] < found["cpu_seconds"]


@pytest.mark.integration
def test_checkpointing_changes_the_time_and_not_the_result(work: Work) -> None:
    """The stock and best variants give the same result."""
    parts = {}
    for name in ("stock", "best"):
        job = work.job(work.trials[2], rival_options(VARIANTS[name], work.widest))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parts[name] = rival.run(job)["mcc"]
    assert parts["stock"] == pytest.approx(parts["best"], abs=1e-6)


def test_both_sides_see_the_same_windows(work: Work) -> None:
    """The tokens in Trainer's job file equal those that lorasweep trains on."""
    read = rival.read_split(work.job(work.trials[0], {})["train"])
    assert [row["input_ids"] for row in read] == [x.tolist() for x in work.splits.train.input_ids]
    assert [row["labels"] for row in read] == [x.tolist() for x in work.splits.train.labels]


def test_settled_ratios_exclude_the_start_of_workers() -> None:
    """The first trial of each worker is left out; without a second one the result is empty."""
    ours, best = [9.0, 9.0, 1.0, 1.0] * 2, [8.0, 8.0, 4.0, 6.0] * 2
    variants = {"ours": {"seconds": ours}, "best": {"seconds": best}}

    assert settled(variants, trials=4, workers=2) == {"ours": 1.0, "best": 5.0}
    assert settled(variants, trials=4, workers=4) == {}


def test_a_ratio_is_of_sums_with_the_range_over_rounds(work: Work) -> None:
    """The page shows it with the table, the machine and the trials."""
    theirs = [*outcomes(12.0)[:1], *outcomes(4.0)[1:]]
    rounds = {"ours": outcomes(2.0), "best": theirs}
    figures = {
        **machine(),
        "workers": 2,
        "repeats": 1,
        "load_before": 0.1,
        "versions": versions(),
        "work": work.about(),
        "trials": [dict(params.values) for params in work.trials[:2]],
        **summary(rounds, workers=2),
    }
    figures["settled"] = settled(figures["variants"], trials=2, workers=1)
    figures = json.loads(json.dumps(figures))

    assert figures["ratios"]["best"]["seconds"] == {"ratio": 4.67, "min": 2.0, "max": 6.0}
    assert figures["settled"] == {"ours": 1.0, "best": 2.0}
    assert figures["variants"]["ours"]["per_hour"] == 4800.0
    page = table.page(figures)
    assert "4.67 (2.00 to 6.00)" in page
    assert all(len(line.split("|")) == 16 for line in table.rows(figures))
    assert f"bitsandbytes {versions()['bitsandbytes']}" in " ".join(page.split())


def test_operators_are_grouped_by_kind() -> None:
    """Operators are grouped by the start of their names."""
    assert kind("aten::addmm") == "gemm"
    assert kind("aten::add_") == "elementwise"
    assert kind("aten::_scaled_dot_product_flash_attention_for_cpu_backward") == "attention"
    assert kind("_LaneProductBackward") == "other"
    assert parse_lengths("256x2,100") == [256, 256, 100]


@pytest.mark.slow
@pytest.mark.timeout(600)  # five processes that each import all packages
def test_the_whole_benchmark(tmp_path: Path) -> None:
    """Processes on both sides, on the embedded base and data."""
    out = tmp_path / "figures.json"
    size = ["--train-chains", "16", "--validation-chains", "8", "--epochs", "1", "--trials", "2"]
    options = ["--variants", "ours,best", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.packed.trials_per_hour", *size, *options],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures == json.loads(out.read_text())
    assert all(len(found["mcc"]) == 2 for found in figures["variants"].values())
    assert figures["ratios"]["best"]["marginal_cpu"]["ratio"] > 0


@pytest.mark.slow
@pytest.mark.timeout(600)  # a process that imports all packages, and trains with both sides
def test_the_gpu_benchmark_runs_on_a_cpu(shared: Path) -> None:
    """With random weights of a small size; the rows are consistent."""
    command = [sys.executable, "-m", "benchmarks.packed.gpu", "--device", "cpu", "--shape", "8M"]
    command += ["--base", str(shared / "models" / "esm2_t6_8m"), "--lanes", "1,2"]
    command += ["--train-chains", "16", "--validation-chains", "8", "--epochs", "1"]
    command += ["--in-process", "best", "--process", "", "--trials", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    *table_rows, last = done.stdout.splitlines()
    found = json.loads(last)

    assert [row.split("|")[1].strip() for row in table_rows[2:]] == [
        "ours, 1", "ours, 2", "in process, best",
    ]  # fmt: skip
    fastest = min(ours["seconds_per_trial"] for ours in found["ours"].values())
    theirs = found["rivals"]["in process, best"]["seconds_per_trial"]
    assert found["ratios"] == {"in process, best": pytest.approx(theirs / fastest, abs=0.01)}
    assert all(0 < ours["share_of_roof"] < 1 for ours in found["ours"].values())
    assert found["work"]["hidden_size"] == 320
