"""Simulated workers load the real driver, and the queueing model matches known limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState

from benchmarks.cluster.model import bound, rate
from benchmarks.cluster.simulated import Load
from benchmarks.cluster.studies import drive, fill, make_spec, rename_sampler
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl


def test_simulated_workers_run_with_the_real_driver(tmp_path: Path) -> None:
    """Every trial is reported and complete; two workers take half as long as one."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")

    made = drive(address, make_spec("random", 14), Load(100.0, 2, spread=0.0), 2)

    trials = load_study(address).get_trials(deepcopy=False)
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert [len(trial.intermediate_values) for trial in trials] == [2] * 14
    assert made.rate == pytest.approx(2 / 100, rel=0.15)
    assert made.spent.calls["tell"] == 14


@pytest.mark.integration
def test_a_filled_study_resumes_with_another_sampler(tmp_path: Path) -> None:
    """The filled trials are complete, and as many as requested."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    fill(address, 70, 1)
    trials = load_study(address).get_trials(deepcopy=False)

    assert [trial.number for trial in trials] == list(range(70))
    assert {len(trial.params) for trial in trials} == {4}
    assert len({trial.params["learning_rate"] for trial in trials}) == 70
    assert {tuple(sorted(trial.user_attrs)) for trial in trials} == {
        tuple(sorted(trials[0].user_attrs))
    }
    drive(address, rename_sampler(address, "tpe", 73), Load(0.0, 1), 1)
    assert len(load_study(address).get_trials(deepcopy=False)) == 73


def test_the_model_matches_its_limits() -> None:
    """One lane never waits; with very many, the driver is always busy."""
    assert rate(1, 9.0, 1.0) == pytest.approx(0.1)
    assert rate(1000, 1.0, 0.1) == pytest.approx(10.0)
    assert all(rate(n, 60.0, 0.5) <= bound(n, 60.0, 0.5) for n in (2, 60, 121, 400))
