"""Checkpoints and adapters in an object store: an interrupted trial resumes from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import s3
from command import lorasweep
from interrupting import deterministic, every_run, one_run

from objectives.binding.objective import BindingObjective
from objectives.lora.training.checkpoint import FILE
from sweep.files.location import get_folder, parse_location
from sweep.files.object_store import ObjectStorePath
from sweep.study.trial import TrialParams

pytestmark = pytest.mark.filterwarnings("ignore")  # botocore's own

SETTINGS: dict[str, Any] = {"steps": 7, "dropout": 0.3, "evaluate_every": 0.4}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An empty bucket."""
    with s3.server() as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize("steps", [2, 3])
def test_a_trial_resumes_from_a_store_to_the_same_bits(
    make_objective: Callable[..., BindingObjective], bucket: str, tmp_path: Path, steps: int
) -> None:
    """Metrics, and every byte of the adapter; a damaged checkpoint is not used."""
    objective = make_objective(**SETTINGS)
    values = {"rank": 4, "alpha": 8, "targets": "qkv+mlp"}
    whole = TrialParams(0, values, seed=11, folder=str(tmp_path), keep=True)
    parts = replace(whole, folder=f"{bucket}/trial-{steps}")
    result = one_run(objective, whole)
    left = one_run(objective, parts, steps)
    assert left.failure is not None
    assert left.failure.interrupted
    assert len((ObjectStorePath(parts.folder) / FILE).read()) > 10_000
    again, runs = every_run(objective, parts, steps)

    assert again.value == result.value
    assert deterministic(again) == deterministic(result)
    assert runs == -(-7 // steps) - 1  # one part less: that was made before
    here, there = (get_folder(parse_location(each.folder) / "adapter") for each in (whole, parts))
    assert set(here) == {"adapter_model.safetensors", "adapter_config.json", "trial.json"}
    assert here["adapter_model.safetensors"] == there["adapter_model.safetensors"]


@pytest.mark.slow
def test_status_and_export_find_an_adapter_in_a_store(bucket: str, tmp_path: Path) -> None:
    """By the commands; checkpoints are deleted, only the best adapter remains."""
    url = f"sqlite:///{tmp_path}/s.db"
    run = ("run", "studies.demo", "--storage", url, "--trials", "2", "--files", f"{bucket}/demo")
    small = ("--set", "steps=3", "--set", "batch_tokens=400", "--workers", "1", "--json")
    done = lorasweep(tmp_path, *run, *small)
    assert done.returncode == 0, done.stderr
    best = json.loads(done.stdout)["best"]
    out = tmp_path / "mine"
    exported = lorasweep(
        tmp_path, "adapters", "export", "--storage", url, "--trial", "best", "--out", str(out)
    )
    assert exported.returncode == 0, exported.stderr
    kept = get_folder(ObjectStorePath(best["adapter"]))
    status = lorasweep(tmp_path, "status", "--storage", url, "--json")

    assert best["adapter"].startswith(f"{bucket}/demo/")
    assert json.loads(status.stdout)["best"]["adapter"] == best["adapter"]
    assert (out / "adapter_model.safetensors").read_bytes() == kept["adapter_model.safetensors"]
    (study,) = (ObjectStorePath(bucket) / "demo").entries()
    assert sorted(each.name == "study.json" for each in study.entries()) == [False, True]
    assert not (tmp_path / "s.db.files").exists()
